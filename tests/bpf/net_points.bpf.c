// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Drops of packets, for who looks at tracepoints: every second echo reply, by TC, XDP or a control group. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 seen;

SEC("tc")
int tc_drops(struct __sk_buff *ctx)
{
	/* ICMP only */
	__u8 proto = 0;

	bpf_skb_load_bytes(ctx, 23, &proto, 1);
	return ctx->protocol == 8 && proto == 1 && seen++ % 2 ? 2 : -1; /* TC_ACT_SHOT */
}

SEC("tc/takes")
int tc_takes(struct __sk_buff *ctx)
{
	__u8 proto = 0;

	bpf_skb_load_bytes(ctx, 23, &proto, 1);
	return ctx->protocol == 8 && proto == 1 && seen++ % 2 ? 4 : -1; /* TC_ACT_STOLEN */
}

/* The fourth large segment of TCP is lost. */
SEC("tc/loses")
int tc_loses(struct __sk_buff *ctx)
{
	__u8 proto = 0;

	bpf_skb_load_bytes(ctx, 23, &proto, 1);
	return ctx->protocol == 8 && proto == 6 && ctx->len > 1000 && seen++ == 3 ? 2 : -1;
}

SEC("xdp")
int xdp_drops(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return data + 24 <= end && data[12] == 8 && !data[13] && data[23] == 1 && seen++ % 2 ?
		       XDP_DROP :
		       XDP_PASS;
}

char _license[] SEC("license") = "GPL";
