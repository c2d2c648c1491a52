/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of a live link's tests, on frames of EtherType 0x88b5 whose first word is their number: what
 * they do is told from the frames that arrive and from .counts. Any other frame passes untouched.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define OURS	  0x88b5
#define TC_OK	  0
#define TC_SHOT	  2
#define TC_STOLEN 4
#define TC_UNSPEC -1

char LICENSE[] SEC("license") = "GPL";

int target = 3; /* the second interface */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} progs SEC(".maps");

struct frame {
	__u8 dest[6], source[6];
	__be16 type;
	__u32 number;
	__u8 rest[4];
} __attribute__((packed));

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline struct frame *ours(void *data, void *end)
{
	struct frame *f = data;

	if ((void *)(f + 1) > end || f->type != bpf_htons(OURS))
		return 0;
	return f;
}

#define XDP_FRAME(ctx) ours((void *)(long)(ctx)->data, (void *)(long)(ctx)->data_end)

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Each result in its turn; 5 is none. */
SEC("xdp")
int by_number(struct xdp_md *ctx)
{
	struct frame *f = XDP_FRAME(ctx);
	__u32 act;

	if (!f)
		return XDP_PASS;
	act = f->number % 6;
	if (act == XDP_REDIRECT)
		act = XDP_PASS;
	f->source[5] = act;
	count(act);
	return act;
}

SEC("raw_tp/xdp_exception")
int exception(struct bpf_raw_tracepoint_args *ctx)
{
	count(8 + ((__u32)ctx->args[2] == XDP_ABORTED));
	return 0;
}

SEC("tracepoint/xdp/xdp_exception")
int exception_record(struct trace_event_raw_xdp_exception *ctx)
{
	count(8 + (ctx->act == XDP_ABORTED));
	if (ctx->prog_id > 0 && ctx->ifindex > 0)
		count(10);
	return 0;
}

/* Four bytes more in front, then four less at the end, or eight more. */
SEC("xdp")
int resize(struct xdp_md *ctx)
{
	struct frame *f = XDP_FRAME(ctx);
	struct frame old;

	if (!f)
		return XDP_PASS;
	old = *f;
	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_ABORTED;
	f = (void *)(long)ctx->data;
	if ((void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*f = old;
	return bpf_xdp_adjust_tail(ctx, old.number & 1 ? -4 : 8) ? XDP_ABORTED : XDP_PASS;
}

/* As much as Linux has room for at either end; how much is counted. */
SEC("xdp")
int rooms(struct xdp_md *ctx)
{
	int i;

	if (!XDP_FRAME(ctx))
		return XDP_PASS;
	for (i = 0; i < 512 && !bpf_xdp_adjust_head(ctx, -8); i++)
		count(0);
	return XDP_DROP;
}

SEC("xdp")
int with_meta(struct xdp_md *ctx)
{
	struct frame *f = XDP_FRAME(ctx);
	__u32 *meta, number;

	if (!f)
		return XDP_PASS;
	number = f->number;
	if (bpf_xdp_adjust_meta(ctx, -8))
		return XDP_ABORTED;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 2) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	meta[0] = 0xfeed;
	meta[1] = number;
	return XDP_PASS;
}

SEC("tc")
int see_meta(struct __sk_buff *skb)
{
	struct frame *f = XDP_FRAME(skb);
	__u32 *meta = (void *)(long)skb->data_meta;

	if (!f)
		return TC_OK;
	count(0);
	if ((void *)(meta + 2) > (void *)(long)skb->data)
		return TC_SHOT;
	count(meta[0] == 0xfeed && meta[1] == f->number);
	return TC_OK;
}

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	if (XDP_FRAME(ctx))
		bpf_tail_call(ctx, &progs, 1);
	return XDP_PASS;
}

SEC("xdp")
int redirect_if(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect(target, 0) : XDP_PASS;
}

/* To no device there is. */
SEC("xdp")
int redirect_nowhere(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect(4711, 0) : XDP_PASS;
}

SEC("xdp")
int redirect_dev(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect_map(&devices, 1, 0) : XDP_PASS;
}

/* An element that is not there: what the flags say. */
SEC("xdp")
int redirect_empty(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect_map(&devices, 5, XDP_TX) : XDP_PASS;
}

SEC("xdp")
int redirect_all(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect_map(&devices, 0, BPF_F_BROADCAST) : XDP_PASS;
}

SEC("xdp")
int redirect_others(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ?
		       bpf_redirect_map(&devices, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS) :
		       XDP_PASS;
}

SEC("xdp/devmap")
int leaving(struct xdp_md *ctx)
{
	struct frame *f = XDP_FRAME(ctx);

	if (!f)
		return XDP_PASS;
	f->source[4] = ctx->ingress_ifindex << 4 | ctx->egress_ifindex;
	return f->number & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int redirect_cpu(struct xdp_md *ctx)
{
	return XDP_FRAME(ctx) ? bpf_redirect_map(&cpus, 1, 0) : XDP_PASS;
}

SEC("xdp/cpumap")
int there(struct xdp_md *ctx)
{
	struct frame *f = XDP_FRAME(ctx);

	count(bpf_get_smp_processor_id());
	if (!f)
		return XDP_PASS;
	return f->number & 1 ? XDP_DROP : XDP_PASS;
}

/* Frames of many pieces: their length, a byte behind the first page, one more byte at the end. */
SEC("xdp.frags")
int pieces(struct xdp_md *ctx)
{
	__u8 byte = 0, mark = 0xaa;

	if (!XDP_FRAME(ctx))
		return XDP_PASS;
	count(bpf_xdp_get_buff_len(ctx) == 8000);
	count(2 + (ctx->data_end - ctx->data < 8000));
	bpf_xdp_load_bytes(ctx, 7000, &byte, 1);
	count(4 + (byte == (7000 & 0xff)));
	bpf_xdp_store_bytes(ctx, 40, &mark, 1);
	bpf_xdp_store_bytes(ctx, 7999, &mark, 1);
	return XDP_PASS;
}

/* ---- traffic control ---- */

SEC("tc")
int tc_by_number(struct __sk_buff *skb)
{
	struct frame *f = XDP_FRAME(skb);

	if (!f)
		return TC_OK;
	count(f->number % 6);
	switch (f->number % 6) {
	case 0:
		return TC_OK;
	case 1:
		return TC_SHOT;
	case 2:
		return TC_STOLEN;
	case 3:
		return TC_UNSPEC;
	case 4:
		return 3;
	}
	return 1;
}

/* Behind the one above: sees what that has not decided. */
SEC("tc")
int tc_second(struct __sk_buff *skb)
{
	struct frame *f = XDP_FRAME(skb);

	if (f) {
		f->source[5] = 0x55;
		count(8);
	}
	return TC_OK;
}

SEC("tc")
int tc_see(struct __sk_buff *skb)
{
	if (!XDP_FRAME(skb))
		return TC_OK;
	count(0);
	count(1 + (skb->ifindex == 2) + 2 * (skb->ingress_ifindex == 2));
	count(5 + (skb->protocol == bpf_htons(OURS)));
	count(7 + (skb->len == 60));
	count(10 + skb->pkt_type);
	return TC_OK;
}

SEC("tc")
int tc_redirect(struct __sk_buff *skb)
{
	return XDP_FRAME(skb) ? bpf_redirect(target, 0) : TC_OK;
}

SEC("tc")
int tc_redirect_ingress(struct __sk_buff *skb)
{
	return XDP_FRAME(skb) ? bpf_redirect(target, BPF_F_INGRESS) : TC_OK;
}

SEC("tc")
int tc_redirect_peer(struct __sk_buff *skb)
{
	return XDP_FRAME(skb) ? bpf_redirect_peer(target, 0) : TC_OK;
}

/* A copy before, the frame itself changed and sent on. */
SEC("tc")
int tc_clone(struct __sk_buff *skb)
{
	struct frame *f = XDP_FRAME(skb);
	__u8 mark = 0xcc;
	long err;

	if (!f)
		return TC_OK;
	err = bpf_clone_redirect(skb, target, 0);
	count(err ? 1 : 0);
	count(bpf_clone_redirect(skb, 4711, 0) == -22 ? 2 : 3);
	count(bpf_clone_redirect(skb, target, 2) == -22 ? 4 : 5);
	bpf_skb_store_bytes(skb, 11, &mark, 1, 0);
	return TC_OK;
}

/* To itself, again and again: Linux stops it. */
SEC("tc")
int tc_loop(struct __sk_buff *skb)
{
	if (!XDP_FRAME(skb))
		return TC_OK;
	count(0);
	return bpf_redirect(target, 0);
}

SEC("tc")
int tc_vlan(struct __sk_buff *skb)
{
	if (!XDP_FRAME(skb))
		return TC_OK;
	count(bpf_skb_vlan_push(skb, bpf_htons(0x8100), 7) ? 1 : 0);
	count(2 + skb->vlan_tci);
	return TC_OK;
}

/* What the device lets through. */
SEC("tc")
int tc_mtu(struct __sk_buff *skb)
{
	__u32 mtu = 0;

	if (!XDP_FRAME(skb))
		return TC_OK;
	count(bpf_check_mtu(skb, 0, &mtu, 0, 0) == 0 ? 0 : 1);
	count(mtu == 1500 ? 2 : 3);
	mtu = 0;
	count(bpf_check_mtu(skb, 0, &mtu, 1500, 0) == 1 ? 4 : 5);
	mtu = 0;
	count(bpf_check_mtu(skb, 4711, &mtu, 0, 0) == -19 ? 6 : 7);
	mtu = 0;
	count(bpf_check_mtu(skb, target, &mtu, 0, 0) == 0 && mtu == 1500 ? 8 : 9);
	return TC_OK;
}

/* What is found in the instance's routes. */
SEC("tc")
int tc_fib(struct __sk_buff *skb)
{
	struct bpf_fib_lookup p = { .family = 2, .ifindex = skb->ifindex, .tot_len = 60 };

	if (!XDP_FRAME(skb))
		return TC_OK;
	p.ipv4_dst = bpf_htonl(0x0a000001);
	count((__u32)bpf_fib_lookup(skb, &p, sizeof(p), 0) & 15);
	return TC_OK;
}

/* Datagrams for port 9 of the partner by the other wire, to the neighbour 10.0.1.1 there. */
SEC("tc")
int tc_next_hop(struct __sk_buff *skb)
{
	struct bpf_redir_neigh nh = { .nh_family = 2, .ipv4_nh = bpf_htonl(0x0a000101) };
	__u16 dest = 0;
	__u8 proto = 0;

	bpf_skb_load_bytes(skb, 23, &proto, 1);
	bpf_skb_load_bytes(skb, 36, &dest, 2);
	if (skb->protocol != bpf_htons(0x0800) || proto != 17 || dest != bpf_htons(9))
		return TC_OK;
	count(1);
	return bpf_redirect_neigh(target, &nh, sizeof(nh), 0);
}

/* Of those what leaves, with the neighbour's address. */
SEC("tc")
int tc_leaves(struct __sk_buff *skb)
{
	__u16 dest = 0;
	__u8 mac[12] = {}, any = 0;

	bpf_skb_load_bytes(skb, 36, &dest, 2);
	bpf_skb_load_bytes(skb, 0, mac, sizeof(mac));
	for (int i = 0; i < 12; i++)
		any |= mac[i];
	if (skb->protocol == bpf_htons(0x0800) && dest == bpf_htons(9))
		count(any && !(mac[0] & 1) ? 2 : 3);
	return TC_OK;
}

/* ---- a socket's filter: of our frames every other one, cut to 20 bytes ---- */

SEC("socket")
int every_other(struct __sk_buff *skb)
{
	__u16 type;
	__u32 number;

	if (bpf_skb_load_bytes(skb, 12, &type, 2) || type != bpf_htons(OURS) ||
	    bpf_skb_load_bytes(skb, 14, &number, 4))
		return 0;
	count(number & 1);
	return number & 1 ? 0 : 20;
}
