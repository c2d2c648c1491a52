/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A kernel that lays its tasks out as no real one does, for core_test.c. */
typedef _Bool bool;
struct task_struct {
	char comm[32];
	struct task_struct *real_parent;
	long filler[5];
	int tgid, gap, pid;
};
typedef void (*btf_trace_sched_switch)(void *data, bool preempt, struct task_struct *prev,
				       struct task_struct *next, unsigned int prev_state);
union types {
	struct task_struct task;
	btf_trace_sched_switch trace;
};
int other_kernel(union types *all)
{
	return !all;
}
