/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached after a tree has begun: its filter cannot be changed, but Linux asks all filters of a process
 * and takes the strictest answer, so one that stops the calls which are wanted now can be added. The stopped task
 * installs it for all threads of its process (SECCOMP_FILTER_FLAG_TSYNC), and children inherit it. A process that
 * lacks one stops at every call; so does each while a call is wanted that the base filter has answered
 * by a notification, which outranks a stop.
 *
 * What is wanted no more goes on stopping, once for a call: no filter can be taken away.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "event/supervisor.h"

#define FILTERS_MAX 64 /* of one tree */
#define RED_ZONE    128
#define ROOM	    3072 /* below a task's stack */

bool task_traced(const struct task *t, u64 nr)
{
	const struct skep_process *p = t->trace->process;

	if (nr >= CALLS_OTHER)
		return false;
	return p->traced[nr] || (p->traced_by[nr] && p->traced_by[nr] <= t->leader->trace->filters);
}

/* The filter of a tree that was taken up late leaves alone what the tracer itself must see. */
static bool is_wanted(const struct supervisor *sv, const struct skep_process *p, u32 nr)
{
	return sv->wants[nr] || (p->late && nr < CALLS_OTHER && p->plain[nr] && filter_needs(nr));
}

void tree_extend(struct supervisor *sv, struct skep_process *p)
{
	bool lacks = false;

	p->syscall_stops = false;
	p->needed = 0;
	for (u32 nr = 0; nr < CALLS_MAX; nr++) {
		if (!is_wanted(sv, p, nr) || (p->filtered && p->traced[nr]))
			continue;
		if (!p->filtered || nr == CALLS_OTHER || !p->plain[nr])
			p->syscall_stops = true;
		else if (!p->traced_by[nr])
			lacks = true;
		else if (p->traced_by[nr] > p->needed)
			p->needed = p->traced_by[nr];
	}
	if (!lacks || p->syscall_stops)
		return;
	if (p->nr_filters == FILTERS_MAX) {
		p->syscall_stops = true;
		return;
	}
	p->needed = ++p->nr_filters;
	for (u32 nr = 0; nr < CALLS_OTHER; nr++)
		if (is_wanted(sv, p, nr) && !p->traced[nr] && !p->traced_by[nr])
			p->traced_by[nr] = p->needed;
}

/* The calls of all filters that the process lacks, in one. */
static int install(struct task *t)
{
	const struct skep_process *p = t->trace->process;
	const struct user_regs_struct *regs = task_regs(t);
	u64 args[6] = { SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC };
	struct call_filter f;
	u8 answers[CALLS_MAX], data[ROOM], before[ROOM];
	struct sock_fprog prog;
	size_t size;
	long ret;
	u64 at;
	int err;

	for (u32 nr = 0; nr < CALLS_MAX; nr++)
		answers[nr] =
			p->traced_by[nr] > t->leader->trace->filters ? CALL_TRACE : CALL_ALLOW;
	err = filter_compile(&f, answers, CALL_ALLOW, CALL_ALLOW);
	if (err)
		return err;
	size = sizeof(prog) + f.n * sizeof(f.insns[0]);
	if (!regs || size > sizeof(data)) {
		filter_free(&f);
		return regs ? -E2BIG : -ESRCH;
	}
	at = round_down(regs->rsp - RED_ZONE - size, 16);
	memset(&prog, 0, sizeof(prog));
	prog.len = (u16)f.n;
	prog.filter = (struct sock_filter *)(at + sizeof(prog));
	memcpy(data, &prog, sizeof(prog));
	memcpy(data + sizeof(prog), f.insns, f.n * sizeof(f.insns[0]));
	filter_free(&f);
	if (task_read(t, before, at, size) || task_write(t, at, data, size))
		return -EFAULT;
	args[2] = at;
	ret = tracer_inject(t, SYS_seccomp, args);
	if (ret != -ESRCH)
		task_write(t, at, before, size);
	/* More than 0: a thread has filters of its own. */
	return ret > 0 ? -EBUSY : (int)ret;
}

void task_extend(struct task *t)
{
	struct trace_state *leader = t->leader->trace;
	struct skep_process *p = t->trace->process;
	int err;

	/* Between two calls, and not in one of its own; else at its next stop. */
	if ((t->trace->kind != STOP_TRAP && t->trace->kind != STOP_EXIT) || t->trace->launching ||
	    t->trace->stepping || t->trace->proxy || t->trace->resuming || t->trace->child ||
	    t->trace->died || p->leaving || leader->refused == p->nr_filters)
		return;
	err = install(t);
	if (!err)
		leader->filters = p->nr_filters;
	else if (err != -ESRCH)
		leader->refused = p->nr_filters; /* every call stops, as before */
}
