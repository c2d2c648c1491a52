/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: a CO-RE relocation to a field that no kernel has. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int no_such_field;
} __attribute__((preserve_access_index));

SEC("raw_tp/sys_enter")
int read_nothing(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];

	return BPF_CORE_READ(task, no_such_field);
}

char LICENSE[] SEC("license") = "GPL";
