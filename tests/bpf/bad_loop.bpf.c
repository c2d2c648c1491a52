/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: a loop whose end depends on memory that others write. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

volatile __u32 go_on = 1;

SEC("xdp")
int never_ends(struct xdp_md *ctx)
{
	while (go_on)
		;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
