// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A function inside the kernel by its name: what its arguments are, one has to know. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe/do_unlinkat")
int BPF_KPROBE(unlink_called, int dfd, struct filename *name)
{
	bpf_printk("kprobe: filename = %s", BPF_CORE_READ(name, name));
	return 0;
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(unlink_returns, long ret)
{
	bpf_printk("kretprobe: ret = %ld", ret);
	return 0;
}
