// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Functions of a user's program: two that the loader attaches by name, two that say themselves where. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe")
int BPF_KPROBE(add_called, int a, int b)
{
	bpf_printk("add called: a = %d, b = %d", a, b);
	return 0;
}

SEC("uretprobe")
int BPF_KRETPROBE(add_returns, int ret)
{
	bpf_printk("add returns: %d", ret);
	return 0;
}

SEC("uprobe//proc/self/exe:subtracted")
int BPF_KPROBE(sub_called, int a, int b)
{
	bpf_printk("sub called: a = %d, b = %d", a, b);
	return 0;
}

SEC("uretprobe//proc/self/exe:subtracted")
int BPF_KRETPROBE(sub_returns, int ret)
{
	bpf_printk("sub returns: %d", ret);
	return 0;
}
