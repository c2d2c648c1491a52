// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A function inside the kernel through its types: arguments by name, and at its end the result beside them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fentry/do_unlinkat")
int BPF_PROG(unlink_called, int dfd, struct filename *name)
{
	bpf_printk("fentry: filename = %s", name->name);
	return 0;
}

SEC("fexit/do_unlinkat")
int BPF_PROG(unlink_returns, int dfd, struct filename *name, long ret)
{
	bpf_printk("fexit: ret = %ld", ret);
	return 0;
}
