// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Programs of groups of sockets that share a port, for tests/tools/reuseport.c. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} group SEC(".maps"), group2 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

#define NOBODY 100
#define REFUSE 101

__u32 want; /* an element, or one of the above */
__u32 from; /* which map: 0, 1, 2 */
__u32 runs;
int result;
struct seen {
	__u32 len, eth_protocol, ip_protocol, bind_inany, hash;
	__u16 source, dest;
	__u32 payload, version, relative;
	__u32 sk_family, sk_protocol, sk_port, sk_state, migrating;
	__u64 cookie;
	__u32 pid;
} seen;

static __always_inline void look(struct sk_reuseport_md *ctx, struct seen *s)
{
	void *data = ctx->data, *end = ctx->data_end;
	__u8 byte = 0;
	__u32 off;

	s->len = ctx->len;
	s->eth_protocol = ctx->eth_protocol;
	s->ip_protocol = ctx->ip_protocol;
	s->bind_inany = ctx->bind_inany;
	s->hash = ctx->hash;
	if (data + sizeof(struct udphdr) <= end) {
		s->source = ((struct udphdr *)data)->source;
		s->dest = ((struct udphdr *)data)->dest;
	}
	off = ctx->ip_protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	s->payload = bpf_skb_load_bytes(ctx, off, &byte, 1) ? 0 : byte;
	byte = 0;
	s->relative = bpf_skb_load_bytes_relative(ctx, 0, &byte, 1, BPF_HDR_START_NET);
	s->version = byte >> 4;
	if (ctx->sk) {
		s->sk_family = ctx->sk->family;
		s->sk_protocol = ctx->sk->protocol;
		s->sk_port = ctx->sk->src_port;
		s->sk_state = ctx->sk->state;
	}
	s->migrating = ctx->migrating_sk ? ctx->migrating_sk->state : 0;
	s->cookie = bpf_get_socket_cookie(ctx->sk);
}

static __always_inline int select(struct sk_reuseport_md *ctx)
{
	__u32 key = want;

	runs++;
	look(ctx, &seen);
	if (key == REFUSE)
		return SK_DROP;
	if (key == NOBODY)
		return SK_PASS;
	if (from == 1)
		result = bpf_sk_select_reuseport(ctx, &sockets, &key, 0);
	else if (from == 2)
		result = bpf_sk_select_reuseport(ctx, &hash, &key, 0);
	else
		result = bpf_sk_select_reuseport(ctx, &group, &key, 0);
	return SK_PASS;
}

SEC("sk_reuseport")
int choose(struct sk_reuseport_md *ctx)
{
	return select(ctx);
}

SEC("sk_reuseport/migrate")
int choose_migrate(struct sk_reuseport_md *ctx)
{
	return select(ctx);
}

/* The first byte of a datagram says who gets it. */
SEC("sk_reuseport")
int by_payload(struct sk_reuseport_md *ctx)
{
	__u32 key;
	__u8 byte;

	if (bpf_skb_load_bytes(ctx, sizeof(struct udphdr), &byte, 1))
		return SK_DROP;
	key = byte - '0';
	runs++;
	bpf_sk_select_reuseport(ctx, &group, &key, 0);
	return SK_PASS;
}

__u32 filter_len;

SEC("socket")
int number(struct __sk_buff *skb)
{
	__u8 byte = 0;

	filter_len = skb->len;
	if (!bpf_skb_load_bytes(skb, 0, &byte, 1) && byte >= '0' && byte <= '9')
		return byte - '0';
	return want;
}

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
