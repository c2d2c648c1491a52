/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: a section name that names no program type. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xpd")
int misspelt(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
