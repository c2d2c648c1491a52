// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Netfilter programs for tests/data/net/netfilter.py: each hook lets all pass but one port of the other end, and
 * counts what it was shown.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define NF_DROP	  0
#define NF_ACCEPT 1

/* 0-4: packets that were as they should be, by hook; 5: others; 6: fragments; 7: long ones; 8: in order. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer,
			      __u32 buffer__sz) __ksym;

static void count(__u32 i)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &i);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static bool is_eth0(struct net_device *dev)
{
	return dev && dev->ifindex && dev->name[0] == 'e' && dev->name[3] == '0' && !dev->name[4];
}

/* Whether @port is that of the other end. */
static __always_inline int look(struct bpf_nf_ctx *ctx, __u32 hook, __u16 port)
{
	const struct nf_hook_state *state = ctx->state;
	struct sk_buff *skb = ctx->skb;
	bool in = hook <= 2, out = hook >= 2, v6 = state->pf == 10;
	struct bpf_dynptr ptr;
	__u8 room[40], *ip;
	__u16 ports[2], *at, frag;

	if (v6) { /* the stack's own: neighbours have to be found */
		if (!bpf_dynptr_from_skb(skb, 0, &ptr) &&
		    (ip = bpf_dynptr_slice(&ptr, 0, room, sizeof(room))) && (ip[6] == 58 || !ip[6]))
			return NF_ACCEPT;
	}
	if (state->hook != hook || is_eth0(state->in) != in || is_eth0(state->out) != out)
		goto bad;
	if (hook != 3 && !is_eth0(skb->dev))
		goto bad;
	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		goto bad;
	ip = bpf_dynptr_slice(&ptr, 0, room, sizeof(room));
	if (!ip) { /* the smallest packets of IPv4 */
		ip = bpf_dynptr_slice(&ptr, 0, room, 28);
		if (!ip)
			goto bad;
	}
	if (v6) {
		if (ip[0] >> 4 != 6 || skb->protocol != bpf_htons(0x86dd) ||
		    skb->len != 40 + (ip[4] << 8 | ip[5]))
			goto bad;
	} else if (ip[0] != 0x45 || skb->protocol != bpf_htons(0x0800) ||
		   skb->len != (ip[2] << 8 | ip[3])) {
		goto bad;
	}
	count(hook);
	if (skb->len > 1500)
		count(7);
	frag = v6 ? 0 : ip[6] << 8 | ip[7];
	if (frag & 0x3fff)
		count(6);
	if (frag & 0x1fff || (v6 && ip[6] == 44))
		return NF_ACCEPT;
	at = bpf_dynptr_slice(&ptr, v6 ? 40 : 20, ports, sizeof(ports));
	return at && at[hook <= 2 ? 0 : 1] == bpf_htons(port) ? NF_DROP : NF_ACCEPT;
bad:
	count(5);
	return NF_ACCEPT;
}

SEC("netfilter")
int pre_routing(struct bpf_nf_ctx *ctx)
{
	return look(ctx, 0, 7001);
}

SEC("netfilter")
int local_in(struct bpf_nf_ctx *ctx)
{
	return look(ctx, 1, 7002);
}

SEC("netfilter")
int forward(struct bpf_nf_ctx *ctx)
{
	return look(ctx, 2, 7011);
}

SEC("netfilter")
int local_out(struct bpf_nf_ctx *ctx)
{
	return look(ctx, 3, 7003);
}

SEC("netfilter")
int post_routing(struct bpf_nf_ctx *ctx)
{
	return look(ctx, 4, 7004);
}

__u64 last;

SEC("netfilter")
int before(struct bpf_nf_ctx *ctx)
{
	last = ctx->skb->len;
	return NF_ACCEPT;
}

SEC("netfilter")
int after(struct bpf_nf_ctx *ctx)
{
	count(last == ctx->skb->len ? 8 : 9);
	last = 0;
	return NF_ACCEPT;
}
