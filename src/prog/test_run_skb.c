/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN of programs on struct __sk_buff (Linux: bpf_prog_test_run_skb() in
 * net/bpf/test_run.c). The packet is a linear Ethernet frame received on the loopback
 * device, with a socket of nobody. Traffic-control programs see it from the Ethernet
 * header, the others from the network header; those get 14 zero bytes before it back.
 * SK_SKB programs, which Linux does not test-run, see what a stream's peer sent and no headers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "object/csum.h"
#include "object/sock.h"
#include "object/watch.h"
#include "prog/test_run_io.h"

#define LOOPBACK	    1
#define SKB_PAD		    64 /* NET_SKB_PAD + NET_IP_ALIGN */
#define GSO_LEGACY_MAX_SIZE 65536
#define GSO_MAX_SEGS	    65535
#define HEAD_ROOM	    (SKB_ROOM / 2)
#define CHECKSUM_COMPLETE   2

struct packet {
	struct sk_buff skb;
	struct bpf_rt_sock sk;
	u8 buf[];
};

/* Allowed fields of ctx_in; everything else must be 0. */
static const struct {
	u16 from, to;
} allowed[] = {
#define FIELDS(first, last)                                                                        \
	{                                                                                          \
		offsetof(struct __sk_buff, first), offsetofend(struct __sk_buff, last)             \
	}
	FIELDS(mark, mark),
	FIELDS(priority, ifindex),
	FIELDS(cb, cb),
	FIELDS(tstamp, gso_segs),
	FIELDS(gso_size, gso_size),
	FIELDS(hwtstamp, hwtstamp),
	{ sizeof(struct __sk_buff), sizeof(struct __sk_buff) },
#undef FIELDS
};

static bool only_allowed(const struct __sk_buff *ctx)
{
	const u8 *bytes = (const u8 *)ctx;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		for (; at < allowed[i].from; at++)
			if (bytes[at])
				return false;
		at = allowed[i].to;
	}
	return true;
}

static int from_ctx(const struct __sk_buff *ctx, struct sk_buff *skb)
{
	if (!ctx)
		return 0;
	if (!only_allowed(ctx))
		return -EINVAL;
	skb->mark = ctx->mark;
	skb->priority = ctx->priority;
	skb->ingress_ifindex = ctx->ingress_ifindex;
	skb->tstamp = ctx->tstamp;
	memcpy(skb->cb, ctx->cb, sizeof(skb->cb));
	skb->wire_len = skb->len;
	if (ctx->wire_len) {
		if (ctx->wire_len < skb->len || ctx->wire_len > GSO_LEGACY_MAX_SIZE)
			return -EINVAL;
		skb->wire_len = ctx->wire_len;
	}
	if (ctx->gso_segs > GSO_MAX_SEGS)
		return -EINVAL;
	skb->gso_segs = ctx->gso_segs;
	skb->gso_size = (u16)ctx->gso_size;
	skb->hwtstamp = ctx->hwtstamp;
	return 0;
}

static void to_ctx(struct __sk_buff *ctx, const struct sk_buff *skb)
{
	if (!ctx)
		return;
	ctx->mark = skb->mark;
	ctx->priority = skb->priority;
	ctx->ingress_ifindex = skb->ingress_ifindex;
	ctx->ifindex = skb->ifindex;
	ctx->tstamp = skb->tstamp;
	memcpy(ctx->cb, skb->cb, sizeof(skb->cb));
	ctx->wire_len = skb->wire_len;
	ctx->gso_segs = skb->gso_segs;
	ctx->hwtstamp = skb->hwtstamp;
}

/* How the loopback device, whose addresses are all zero, classifies a frame. */
static u32 packet_type(const u8 *dest)
{
	static const u8 zero[ETH_ALEN];

	if (!memcmp(dest, zero, ETH_ALEN))
		return 0; /* PACKET_HOST */
	return dest[0] & 1 ? 2 /* PACKET_MULTICAST */ : 3 /* PACKET_OTHERHOST */;
}

/* The protocol in network order: the type field, or what frames with a length get. */
static u16 ether_protocol(const u8 *frame, u32 len)
{
	u16 type, sap;

	memcpy(&type, frame + 12, 2);
	if (ntohs(type) >= 0x0600)
		return type;
	if (len >= ETH_HLEN + 2) {
		memcpy(&sap, frame + ETH_HLEN, 2);
		if (sap == 0xffff)
			return htons(ETH_P_802_3);
	}
	return htons(ETH_P_802_2);
}

/* The socket's addresses are those of the packet. */
static int fill_socket(struct skep_system *sys, struct packet *p, const u8 *net, u32 len)
{
	struct sk_buff *skb = &p->skb;
	struct bpf_sock *sk = &p->sk.u;

	skb->has_sk = 1;
	skb->sk_cookie = p->sk.cookie = sys->platform->random() >> 16 | 1;
	p->sk.ino = SOCK_INO_MADE_UP | p->sk.cookie;
	skb->sk = sk;
	sk->state = BPF_TCP_CLOSE;
	sk->rx_queue_mapping = -1;
	if (skb->protocol == htons(ETH_P_IP)) {
		if (len < sizeof(struct iphdr))
			return -EINVAL;
		skb->family = AF_INET;
		memcpy(&skb->local_ip4, net + offsetof(struct iphdr, saddr), 4);
		memcpy(&skb->remote_ip4, net + offsetof(struct iphdr, daddr), 4);
		sk->src_ip4 = skb->local_ip4;
		sk->dst_ip4 = skb->remote_ip4;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (len < sizeof(struct ip6_hdr))
			return -EINVAL;
		skb->family = AF_INET6;
		memcpy(skb->local_ip6, net + offsetof(struct ip6_hdr, ip6_src), 16);
		memcpy(skb->remote_ip6, net + offsetof(struct ip6_hdr, ip6_dst), 16);
		memcpy(sk->src_ip6, skb->local_ip6, 16);
		memcpy(sk->dst_ip6, skb->remote_ip6, 16);
	}
	sk->family = skb->family;
	return 0;
}

static u32 network_checksum(const struct sk_buff *skb)
{
	s32 off = (s32)(skb->head + skb->network_header - skb->data);

	return csum_partial(skb->data + off, (size_t)((s32)skb->len - off), 0);
}

static int packet_fill(struct skep_system *sys, struct packet *p, const struct test_run *t,
		       u32 size)
{
	struct sk_buff *skb = &p->skb;
	u8 *frame = p->buf + HEAD_ROOM;

	if (user_read(sys, frame, t->attr->test.data_in, size))
		return -EFAULT;
	skb->head = p->buf;
	skb->end = p->buf + SKB_ROOM + size;
	skb->data = frame + ETH_HLEN;
	skb->data_meta = skb->data;
	skb->data_end = frame + size;
	skb->len = size - ETH_HLEN;
	skb->mac_header = HEAD_ROOM;
	skb->network_header = HEAD_ROOM + ETH_HLEN;
	skb->transport_header = SKB_UNSET;
	skb->ifindex = LOOPBACK;
	skb->protocol = ether_protocol(frame, size);
	skb->pkt_type = packet_type(frame);
	return 0;
}

/* What a stream carries: there is nothing before it. */
static int stream_fill(struct skep_system *sys, struct packet *p, const struct test_run *t,
		       u32 size)
{
	struct sk_buff *skb = &p->skb;
	u8 *data = p->buf + HEAD_ROOM;

	if (size && user_read(sys, data, t->attr->test.data_in, size))
		return -EFAULT;
	skb->head = p->buf;
	skb->end = p->buf + SKB_ROOM + size;
	skb->data = skb->data_meta = data;
	skb->data_end = data + size;
	skb->len = size;
	skb->mac_header = skb->network_header = HEAD_ROOM;
	skb->transport_header = SKB_UNSET;
	skb->ifindex = LOOPBACK;
	skb->protocol = htons(ETH_P_IP);
	skb->family = AF_INET;
	skb->has_sk = 1;
	skb->sk_cookie = sys->platform->random() >> 16 | 1;
	return 0;
}

static void push(struct sk_buff *skb, u32 len)
{
	skb->data -= len;
	skb->data_meta = skb->data;
	skb->len += len;
}

static void seg6_before(void *ctx)
{
	skb_seg6_start(ctx);
}

int skb_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u32 type = prog->prog->type, size = a->test.data_size_in, allowed_flags = 0;
	bool l2 = type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_SCHED_ACT, sums;
	bool stream = type == BPF_PROG_TYPE_SK_SKB, filled = false;
	struct bpf_run run = { .event = NULL };
	struct __sk_buff *ctx = NULL;
	struct packet *p = NULL;
	struct sk_buff *skb;
	void *given;
	int err;

	if (visible(sys->profile, KVER(6, 1))) /* and its later stable releases */
		allowed_flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	if (a->test.flags & ~allowed_flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	if ((size < ETH_HLEN && !stream) || size > PAGE_BYTES - SKB_PAD - SKB_SHARED_INFO)
		return -EINVAL;
	p = mem_zalloc(sizeof(*p) + SKB_ROOM + size);
	if (!p)
		return -ENOMEM;
	skb = &p->skb;
	err = stream ? stream_fill(sys, p, t, size) : packet_fill(sys, p, t, size);
	if (err)
		goto out;
	filled = true;
	err = test_run_read_ctx(sys, t, sizeof(*ctx), &given);
	if (err)
		goto out;
	ctx = given;
	if (ctx && ctx->ifindex > LOOPBACK) {
		err = -ENODEV; /* DIFF(test-run-device) */
		goto out;
	}
	if (!stream)
		err = fill_socket(sys, p, skb->data, skb->len);
	if (err)
		goto out;
	skb->l2 = l2;
	if (l2)
		push(skb, ETH_HLEN);
	err = from_ctx(ctx, skb);
	if (err)
		goto out;
	sums = a->test.flags & BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	if (sums) {
		skb->csum = network_checksum(skb);
		skb->ip_summed = CHECKSUM_COMPLETE;
	}
	if (type == BPF_PROG_TYPE_LWT_SEG6LOCAL)
		t->before = seg6_before;
	t->block = (struct compare_block){ p, sizeof(*p) + SKB_ROOM + size };
	err = test_run_repeat(sys, prog, skb, t, &run);
	if (err)
		goto out;
	if (!l2 && !stream) {
		if (skb->data - skb->head < ETH_HLEN) { /* then all the room is behind */
			memmove(skb->data + SKB_PAD, skb->data, skb->len - skb->data_len);
			skb->data += SKB_PAD;
		}
		push(skb, ETH_HLEN);
		memset(skb->data, 0, ETH_HLEN);
	}
	if (sums && csum_fold(skb->csum) != csum_fold(network_checksum(skb))) {
		err = -EBADMSG;
		goto out;
	}
	to_ctx(ctx, skb);
	err = test_run_write_data(
		sys, t, &(struct test_run_part){ skb->data, skb->len - skb->data_len }, 1);
	if (!err)
		err = test_run_write_ctx(sys, t, ctx, sizeof(*ctx));
out:
	if (filled && sys->packet_freed)
		sys->packet_freed(sys, skb, "bpf_prog_test_run_skb");
	if (p && p->sk.cookie)
		watch_forget_socket(sys, p->sk.cookie);
	mem_free(ctx);
	mem_free(p);
	return err;
}
