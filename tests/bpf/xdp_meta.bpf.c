/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a driver knows of a frame, as XDP programs for one device ask it. tests/unit/dev_bound_test.c, tests/script/xdp_meta. */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *rss_type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *vlan_proto,
					__u16 *vlan_tci) __ksym;

/* Of the last datagram for port 9. The hash's key, and so its value, is the device's own. */
struct seen {
	__u64 timestamp;
	__s32 timestamp_ret, hash_ret, tag_ret;
	__u32 hash, rss_type, frames, same_hash;
	__u16 vlan_proto, vlan_tci, eth_proto, len;
} seen;

__attribute__((noinline)) int changeable(struct xdp_md *ctx)
{
	asm volatile("" : "+r"(ctx));
	return ctx ? XDP_PASS : XDP_DROP;
}

/* Whether this is a datagram for port 9, with a tag in the frame or without. */
static __u16 for_us(struct xdp_md *ctx, __u16 *len)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip;
	struct udphdr *udp;
	__u16 proto;

	if (data + sizeof(*eth) + 4 + sizeof(*ip) + sizeof(*udp) > end)
		return 0;
	proto = eth->h_proto;
	ip = data + sizeof(*eth) + (proto == bpf_htons(0x8100) ? 4 : 0);
	udp = (void *)(ip + 1);
	if (ip->protocol != 17 || udp->dest != bpf_htons(9))
		return 0;
	*len = (__u16)(end - data);
	return proto;
}

SEC("xdp")
int meta(struct xdp_md *ctx)
{
	enum xdp_rss_hash_type type = 0;
	__u16 len = 0, proto = for_us(ctx, &len), tag_proto = 0, tci = 77;
	__u32 hash = 0;
	__u64 ts = 77;

	if (proto) {
		seen.timestamp_ret = bpf_xdp_metadata_rx_timestamp(ctx, &ts);
		seen.hash_ret = bpf_xdp_metadata_rx_hash(ctx, &hash, &type);
		seen.tag_ret = bpf_xdp_metadata_rx_vlan_tag(ctx, &tag_proto, &tci);
		seen.same_hash = seen.frames && seen.hash == hash;
		seen.timestamp = ts;
		seen.hash = hash;
		seen.rss_type = type;
		seen.vlan_proto = tag_proto;
		seen.vlan_tci = tci;
		seen.eth_proto = proto;
		seen.len = len;
		seen.frames++;
	}
	return changeable(ctx);
}

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return changeable(ctx);
}

SEC("freplace/changeable")
int changed(struct xdp_md *ctx)
{
	enum xdp_rss_hash_type type = 0;
	__u32 hash = 0;

	return bpf_xdp_metadata_rx_hash(ctx, &hash, &type) ? XDP_ABORTED : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
