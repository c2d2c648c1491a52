// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Registers of a task that waits in a call. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

__u64 shown[12]; /* the task's number; what it has in its registers */
#define target ((int)shown[0])
#define regs_of (shown + 1)

SEC("iter/task")
int registers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pt_regs *r;

	if (!task || task->pid != target)
		return 0;
	r = (struct pt_regs *)bpf_task_pt_regs(task);
	if (!r)
		return 0;
	regs_of[0] = r->orig_ax;
	regs_of[1] = r->di;
	regs_of[2] = r->si;
	regs_of[3] = r->dx;
	regs_of[4] = r->r10;
	regs_of[5] = r->r8;
	regs_of[6] = r->r9;
	regs_of[7] = r->sp;
	regs_of[8] = r->ip;
	regs_of[9] = r->cx;
	regs_of[10] = r->ax;
	return 0;
}

char _license[] SEC("license") = "GPL";
