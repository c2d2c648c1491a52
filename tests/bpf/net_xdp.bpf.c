/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* For the commands that attach programs to interfaces. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
