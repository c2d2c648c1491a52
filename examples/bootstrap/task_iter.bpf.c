// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Every task there is, when somebody reads. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (!ctx->meta->seq_num)
		BPF_SEQ_PRINTF(seq, "%-16s %7s %7s %7s %s\n", "COMM", "TGID", "PID", "PPID",
			       "KIND");
	BPF_SEQ_PRINTF(seq, "%-16s %7d %7d %7d %s\n", task->comm, task->tgid, task->pid,
		       BPF_CORE_READ(task, real_parent, tgid),
		       task->tgid == task->pid ? "process" : "thread");
	return 0;
}
