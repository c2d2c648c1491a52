// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Whom packets are for, for tests/data/net/sk_lookup.py: port 7100 + n is socket n's, and some ports are nobody's or
 * both programs'.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TCX_NEXT -1

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

/* 0: runs of "first"; 1: with all as it should be; 2, 3: of "second", without and with a choice; 4: assigned. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static void count(__u32 i)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &i);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static int choose(struct bpf_sk_lookup *ctx, __u32 key, __u64 flags)
{
	struct bpf_sock *sk = bpf_map_lookup_elem(&socks, &key);
	long err;

	if (!sk)
		return SK_DROP;
	err = bpf_sk_assign(ctx, sk, flags);
	bpf_sk_release(sk);
	return err ? SK_DROP : SK_PASS;
}

SEC("sk_lookup")
int first(struct bpf_sk_lookup *ctx)
{
	if (ctx->local_port < 7100 || ctx->local_port > 7120)
		return SK_PASS;
	count(0);
	if ((ctx->family == 2 ? ctx->local_ip4 == bpf_htonl(0x0a000002) &&
					ctx->remote_ip4 == bpf_htonl(0x0a000001) :
				ctx->local_ip6[0] == bpf_htonl(0xfd0005eb) &&
					ctx->remote_ip6[3] == bpf_htonl(1)) &&
	    ctx->remote_port == bpf_htons(5555) && ctx->ingress_ifindex > 1 && !ctx->sk)
		count(1);
	switch (ctx->local_port) {
	case 7105: /* nobody's */
	case 7107: /* but the second one's */
		return SK_DROP;
	case 7106: /* whose it is anyway */
		return SK_PASS;
	case 7108:
	case 7109:
		return choose(ctx, 0, 0);
	case 7110: /* a socket of another protocol */
		return choose(ctx, 2, 0);
	}
	return choose(ctx, ctx->local_port - 7100, 0);
}

SEC("sk_lookup")
int second(struct bpf_sk_lookup *ctx)
{
	if (ctx->local_port < 7100 || ctx->local_port > 7120)
		return SK_PASS;
	count(ctx->sk ? 3 : 2);
	if (ctx->local_port == 7107)
		return choose(ctx, 0, 0);
	if (ctx->local_port == 7109) /* another one than the first one's */
		return choose(ctx, 1, BPF_SK_LOOKUP_F_REPLACE);
	if (ctx->sk && choose(ctx, 1, 0) == SK_PASS) /* there is one: EEXIST */
		count(5);
	return SK_PASS;
}

SEC("tc")
int assign(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	if ((void *)(tcp + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_TCP ||
	    tcp->dest != bpf_htons(7200) || !tcp->syn || tcp->ack)
		return TCX_NEXT;
	tuple.ipv4.saddr = ip->saddr;
	tuple.ipv4.daddr = ip->daddr;
	tuple.ipv4.sport = tcp->source;
	tuple.ipv4.dport = bpf_htons(8000);
	sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return TCX_NEXT;
	if (!bpf_sk_assign(skb, sk, 0))
		count(4);
	bpf_sk_release(sk);
	return TCX_NEXT;
}
