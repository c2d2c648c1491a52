/* KFUNC_MAYBE_NULL */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

SEC("syscall")
int prog(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

#ifdef ADVICE
	if (task)
#endif
		bpf_task_release(task);
	return 0;
}
