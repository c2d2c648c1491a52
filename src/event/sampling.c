/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Samples of running tasks for perf_event programs (Linux: the clocks of
 * kernel/events/core.c, perf_swevent_hrtimer()). A timer looks which tasks have used CPU time;
 * one that has passed a multiple of the period, and runs at this moment, is stopped for the
 * sample.
 *
 * DIFF(sample-place): registers are the user's, also while the task is in the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/process.h"
#include "event/supervisor.h"
#include "event/uprobe.h"
#include "object/sample.h"

#define MIN_TICK_NS 1000000 /* the scheduler's accounts are coarser than that */
#define HOOKS_MAX   64	    /* bits of sample_task.due */

struct sampling {
	u64 tick_ns; /* of the timer; 0: it does not run */
	u64 generation, since_ns;
	VEC(struct hook *) hooks;
};

/* task->sampling */
struct sample_task {
	int fd;		     /* /proc/TID/schedstat */
	u64 ran_ns;	     /* CPU time up to which it has been sampled */
	u64 now_ns;	     /* CPU time at the last look */
	u64 due, generation; /* hooks to be run when it stops, of struct sampling */
	bool stopping;
};

static int gather(struct hook *h, void *arg)
{
	struct sampling *s = arg;

	return s->hooks.n < HOOKS_MAX ? vec_push(&s->hooks, h) : 0;
}

static void sampling_tick(struct skep_system *sys, void *arg);

static void sampling_changed(struct skep_system *sys)
{
	struct sampling *s = sys->sampling, new = { 0 };
	u64 tick = 0;

	hooks_each(sys, HOOK_PERF_EVENT, gather, &new);
	if (!s && new.hooks.n)
		s = sys->sampling = mem_zalloc(sizeof(*s));
	if (!s) {
		vec_free(&new.hooks);
		return;
	}
	for (size_t i = 0; i < new.hooks.n; i++) {
		u64 period = new.hooks.v[i]->sampling->period_ns;

		tick = tick ? min(tick, period) : period;
	}
	if (tick)
		tick = max_t(u64, tick, MIN_TICK_NS);
	vec_free(&s->hooks);
	s->hooks.v = new.hooks.v;
	s->hooks.n = new.hooks.n;
	s->hooks.cap = new.hooks.cap;
	s->generation++;
	if (tick && !s->tick_ns)
		s->since_ns = monotonic_ns();
	if (tick != s->tick_ns)
		tracer_timer(sys, tick, sampling_tick, NULL);
	s->tick_ns = tick;
}

/* ---- what tasks have used ---- */

static struct sample_task *state_of(struct task *t)
{
	struct sample_task *st = t->sampling;

	if (!st) {
		st = t->sampling = mem_zalloc(sizeof(*st));
		if (st)
			st->fd = -1;
	}
	return st;
}

static void forget(struct task *t)
{
	struct sample_task *st = t->sampling;

	if (st && st->fd >= 0)
		close(st->fd);
	mem_free(st);
	t->sampling = NULL;
}

/* CPU time of the task in ns, as the scheduler has accounted it. */
static bool read_time(struct task *t, struct sample_task *st, u64 *ns)
{
	char buf[96];
	ssize_t n;

	if (st->fd < 0)
		st->fd = task_open_proc(t, "schedstat");
	if (st->fd < 0)
		return false;
	n = pread(st->fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0) {
		close(st->fd);
		st->fd = -1;
		return false;
	}
	buf[n] = 0;
	*ns = strtoull(buf, NULL, 10);
	return true;
}

/* Whether it runs (or waits for a CPU), and on which. */
static bool is_running(struct task *t, s32 *cpu)
{
	int fd = task_open_proc(t, "stat"), field;
	char buf[1024], *p;
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	p = strrchr(buf, ')'); /* the name may hold anything */
	if (!p || p[1] != ' ' || p[2] != 'R')
		return false;
	/* The state is field 3, the processor field 39. */
	for (p += 2, field = 3; p && field < 39; field++) {
		p = strchr(p, ' ');
		p += !!p;
	}
	*cpu = p ? (s32)strtol(p, NULL, 10) : -1;
	return true;
}

/* ---- samples ---- */

static void take_sample(struct task *t, void *arg)
{
	struct sampling *s = t->sys->sampling;
	struct sample_task *st = t->sampling;
	struct bpf_perf_event_data_kern data = { 0 };
	struct user_regs_struct *regs;

	(void)arg;
	if (!s || !st || !st->stopping)
		return;
	st->stopping = false;
	regs = task_regs(t);
	if (!regs || st->generation != s->generation)
		return;
	memcpy(&data.regs, regs, sizeof(data.regs));
	data.regs.rip = uprobe_user_ip(t);
	data.counter = st->now_ns;
	data.enabled_ns = data.running_ns = monotonic_ns() - s->since_ns;
	for (size_t i = 0; i < s->hooks.n; i++) {
		struct bpf_run run = { .task = &t->bpf };

		if (!(st->due >> i & 1))
			continue;
		data.sample_period = s->hooks.v[i]->sampling->period_ns;
		hook_run(s->hooks.v[i], &data, &run);
	}
}

static int look_at(struct task *t, void *arg)
{
	struct sampling *s = arg;
	struct sample_task *st;
	u64 now, due = 0;
	s32 cpu;

	if (t->trace->launching || t->trace->fresh || t->trace->died)
		return 0;
	st = state_of(t);
	if (!st || st->stopping || !read_time(t, st, &now))
		return 0;
	if (!st->now_ns) /* what it ran before is nobody's */
		st->ran_ns = now;
	st->now_ns = now;
	for (size_t i = 0; i < s->hooks.n; i++) {
		const struct hook_sampling *h = s->hooks.v[i]->sampling;

		if (h->pid && h->pid != t->bpf.tgid)
			continue;
		if (now / h->period_ns != st->ran_ns / h->period_ns)
			due |= 1ULL << i;
	}
	/* One that sleeps now did not use its time where it sleeps: it is sampled when it runs. */
	if (!due || !is_running(t, &cpu))
		return 0;
	for (size_t i = 0; i < s->hooks.n; i++)
		if (s->hooks.v[i]->sampling->cpu >= 0 && s->hooks.v[i]->sampling->cpu != cpu)
			due &= ~(1ULL << i);
	st->ran_ns = now;
	st->due = due;
	st->generation = s->generation;
	if (due) {
		st->stopping = true;
		if (tracer_interrupt(t, take_sample, NULL))
			st->stopping = false;
	}
	return 0;
}

static void sampling_tick(struct skep_system *sys, void *arg)
{
	(void)arg;
	if (sys->sampling)
		tasks_each(sys, look_at, sys->sampling);
}

static void sampling_exec(struct task *t, pid_t old_tid)
{
	(void)old_tid;
	forget(t); /* it may have another id */
}

static void sampling_stop(struct skep_system *sys)
{
	struct sampling *s = sys->sampling;

	if (s)
		vec_free(&s->hooks);
	mem_free(s);
	sys->sampling = NULL;
}

const struct process_source perf_source = {
	.name = "perf",
	.changed = sampling_changed,
	.exec = sampling_exec,
	.gone = forget,
	.stop = sampling_stop,
};
