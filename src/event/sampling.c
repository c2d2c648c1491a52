/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Samples of running tasks for perf_event programs (Linux: the clocks of
 * kernel/events/core.c, perf_swevent_hrtimer()). A timer looks which tasks have used CPU time.
 *
 * An event of a process: one that has passed a multiple of the period, and runs at this moment, is
 * stopped for the sample. An event of a CPU ticks whatever happens there: each period it samples the
 * task that runs on the CPU and has the most CPU time for which it was not sampled yet; if none has
 * half a period of that, the CPU's idle task. So a task has as many samples as it has used periods.
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
	u64 ticks[HOOKS_MAX]; /* of a CPU's event: when it ticks next */
};

/* task->sampling */
struct sample_task {
	int fd;		     /* /proc/TID/schedstat */
	u64 ran_ns;	     /* CPU time up to which it has been sampled */
	u64 now_ns;	     /* CPU time at the last look */
	u64 due, generation; /* hooks to be run when it stops, of struct sampling */
	bool stopping;
	u64 sampled
		[HOOKS_MAX]; /* CPU time for which a CPU's event has sampled it; may be ahead of .now_ns */
};

/* What a look at all tasks finds. */
struct look {
	struct sampling *s;
	u64 ticking; /* events of CPUs whose moment it is */
	struct {
		struct task *t;
		s64 owed;
	} best[HOOKS_MAX];
};

static bool is_of_cpu(const struct hook *h)
{
	return !h->sampling->pid && h->sampling->cpu >= 0;
}

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
	for (size_t i = 0; i < new.hooks.n; i++) {
		new.ticks[i] = monotonic_ns() + new.hooks.v[i]->sampling->period_ns;
		for (size_t k = 0; k < s->hooks.n; k++)
			if (s->hooks.v[k] == new.hooks.v[i])
				new.ticks[i] = s->ticks[k];
	}
	memcpy(s->ticks, new.ticks, sizeof(s->ticks));
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

static void stop_for_sample(struct task *t, struct sample_task *st, u64 due)
{
	st->due = st->stopping ? st->due | due : due;
	if (st->stopping)
		return;
	st->stopping = true;
	if (tracer_interrupt(t, take_sample, NULL))
		st->stopping = false;
}

/* The account of event @i: the CPUs' events of one period are one event, wherever the task runs. */
static u64 *account(struct sampling *s, struct sample_task *st, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_of_cpu(s->hooks.v[k]) &&
		    s->hooks.v[k]->sampling->period_ns == s->hooks.v[i]->sampling->period_ns)
			return &st->sampled[k];
	return &st->sampled[i];
}

/* CPU time since the last sample by event @i. */
static s64 owed(struct sampling *s, struct sample_task *st, size_t i)
{
	s64 most = 8 * (s64)s->hooks.v[i]->sampling->period_ns, ns;
	u64 *sampled = account(s, st, i);

	ns = (s64)(st->now_ns - *sampled);
	/* One that slept for long is not sampled for it ever after. */
	if (ns > most) {
		ns = most;
		*sampled = st->now_ns - (u64)most;
	}
	return ns;
}

static int look_at(struct task *t, void *arg)
{
	struct look *l = arg;
	struct sampling *s = l->s;
	struct sample_task *st;
	u64 now, due = 0, candidate = 0;
	s32 cpu;

	if (t->trace->launching || t->trace->fresh || t->trace->died)
		return 0;
	st = state_of(t);
	if (!st || !read_time(t, st, &now))
		return 0;
	if (!st->now_ns) /* what it ran before is nobody's */
		st->ran_ns = now;
	st->now_ns = now;
	if (st->generation != s->generation) {
		for (size_t i = 0; i < s->hooks.n; i++)
			st->sampled[i] = now;
		st->due = 0;
		st->generation = s->generation;
	}
	for (size_t i = 0; i < s->hooks.n; i++) {
		const struct hook_sampling *h = s->hooks.v[i]->sampling;

		if (h->pid && h->pid != t->bpf.tgid)
			continue;
		if (is_of_cpu(s->hooks.v[i])) {
			if (l->ticking >> i & 1 && owed(s, st, i) * 2 >= (s64)h->period_ns)
				candidate |= 1ULL << i;
		} else if (now / h->period_ns != st->ran_ns / h->period_ns) {
			due |= 1ULL << i;
		}
	}
	/* One that sleeps now did not use its time where it sleeps: it is sampled when it runs. */
	if ((!due && !candidate) || !is_running(t, &cpu))
		return 0;
	for (size_t i = 0; i < s->hooks.n; i++) {
		const struct hook_sampling *h = s->hooks.v[i]->sampling;

		if (h->cpu >= 0 && h->cpu != cpu)
			due &= ~(1ULL << i);
		else if (candidate >> i & 1 && owed(s, st, i) > l->best[i].owed)
			l->best[i].t = t, l->best[i].owed = owed(s, st, i);
	}
	st->ran_ns = now;
	if (due)
		stop_for_sample(t, st, due);
	return 0;
}

/* ---- the idle task of a CPU ---- */

struct idle_task {
	struct bpf_task bpf;
	s32 cpu;
};

static u64 idle_nothing(struct bpf_task *t)
{
	return 0;
}

static void idle_comm(struct bpf_task *t, char *buf, u32 size)
{
	char comm[16] = "";

	snprintf(comm, sizeof(comm), "swapper/%d", container_of(t, struct idle_task, bpf)->cpu);
	memset(buf, 0, size);
	if (size)
		memcpy(buf, comm, min_t(u32, size - 1, sizeof(comm)));
}

static int idle_read(struct bpf_task *t, void *dst, u64 src, u32 size)
{
	return -EFAULT;
}

static long idle_read_str(struct bpf_task *t, void *dst, u64 src, u32 size)
{
	return -EFAULT;
}

static int idle_write(struct bpf_task *t, u64 dst, const void *src, u32 size)
{
	return -EFAULT;
}

static int idle_signal(struct bpf_task *t, u32 sig, bool thread)
{
	return -EPERM;
}

static u64 idle_cgroup(struct bpf_task *t, int level)
{
	return level > 0 ? 0 : 1; /* the root */
}

static int idle_stack(struct bpf_task *t, struct bpf_run *run, u64 *ips, u32 max)
{
	return 0;
}

static const struct bpf_task_ops idle_ops = {
	.uid_gid = idle_nothing,
	.comm = idle_comm,
	.read_user = idle_read,
	.read_user_str = idle_read_str,
	.write_user = idle_write,
	.send_signal = idle_signal,
	.kernel_task = idle_nothing, /* DIFF(sample-place) */
	.user_regs = idle_nothing,
	.cgroup_id = idle_cgroup,
	.user_stack = idle_stack,
};

static void sample_idle(struct sampling *s, struct hook *h)
{
	struct idle_task idle = { .bpf = { .ops = &idle_ops }, .cpu = h->sampling->cpu };
	struct bpf_perf_event_data_kern data = { .sample_period = h->sampling->period_ns };
	struct bpf_run run = { .task = &idle.bpf };

	data.enabled_ns = data.running_ns = data.counter = monotonic_ns() - s->since_ns;
	hook_run(h, &data, &run);
}

static void sampling_tick(struct skep_system *sys, void *arg)
{
	struct look l = { .s = sys->sampling };
	struct sampling *s = sys->sampling;
	u64 now = monotonic_ns();

	(void)arg;
	if (!s)
		return;
	for (size_t i = 0; i < s->hooks.n; i++) {
		u64 period = s->hooks.v[i]->sampling->period_ns;

		/* The timer may be a little early; of ticks that were missed there is one. */
		if (!is_of_cpu(s->hooks.v[i]) || now + s->tick_ns / 4 < s->ticks[i])
			continue;
		l.ticking |= 1ULL << i;
		s->ticks[i] += period;
		if (s->ticks[i] + period < now)
			s->ticks[i] = now + period;
	}
	tasks_each(sys, look_at, &l);
	for (size_t i = 0; i < s->hooks.n; i++) {
		struct task *t = l.best[i].t;

		if (!(l.ticking >> i & 1))
			continue;
		if (!t) {
			sample_idle(s, s->hooks.v[i]);
			continue;
		}
		*account(s, t->sampling, i) += s->hooks.v[i]->sampling->period_ns;
		stop_for_sample(t, t->sampling, 1ULL << i);
	}
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
