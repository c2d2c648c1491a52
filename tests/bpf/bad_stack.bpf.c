/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: three frames of 200 bytes and more, 512 allowed for all of them. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

static __noinline int third(struct xdp_md *ctx)
{
	volatile char buf[200];

	for (int i = 0; i < sizeof(buf); i++)
		buf[i] = (char)ctx->rx_queue_index;
	return buf[ctx->rx_queue_index & 127];
}

static __noinline int second(struct xdp_md *ctx)
{
	volatile char buf[200];

	for (int i = 0; i < sizeof(buf); i++)
		buf[i] = (char)ctx->ingress_ifindex;
	return third(ctx) + buf[ctx->rx_queue_index & 127];
}

SEC("xdp")
int deep(struct xdp_md *ctx)
{
	volatile char buf[200];

	for (int i = 0; i < sizeof(buf); i++)
		buf[i] = (char)ctx->rx_queue_index;
	return second(ctx) + buf[ctx->rx_queue_index & 127] > 3 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
