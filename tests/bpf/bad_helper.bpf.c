/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: a helper of sockets and TC called from XDP. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int store_from_xdp(struct xdp_md *ctx)
{
	char zero[6] = {};

	return bpf_skb_store_bytes((void *)ctx, 0, zero, sizeof(zero), 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
