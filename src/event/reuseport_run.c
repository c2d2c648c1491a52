/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A group's program on one packet (Linux: net/core/filter.c, bpf_run_sk_reuseport(); net/core/sock_reuseport.c,
 * run_bpf_filter(), reuseport_select_sock()).
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <string.h>

#include "event/frame.h"
#include "event/reuseport.h"
#include "object/run.h"
#include "object/sock.h"

/* The socket that the kernel has found: one of the group. */
static void fill_socket(struct bpf_rt_sock *sk, const struct reuseport_group *g,
			const struct inet_diag_msg *m)
{
	memset(sk, 0, sizeof(*sk));
	sk->u.family = m->idiag_family;
	sk->u.type = g->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	sk->u.protocol = g->protocol;
	sk->u.state = m->idiag_state;
	sk->u.bound_dev_if = m->id.idiag_if;
	sk->u.src_port = ntohs(m->id.idiag_sport);
	sk->u.rx_queue_mapping = -1;
	if (m->idiag_family == AF_INET)
		sk->u.src_ip4 = m->id.idiag_src[0];
	else
		memcpy(sk->u.src_ip6, m->id.idiag_src, 16);
	sk->uid = m->idiag_uid;
	sk->cookie = (u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	sk->netns_cookie = g->net->cookie;
	sk->reuseport = 1;
}

/* Never 0, as the kernel's hardly ever is. */
static u32 hash_of(const struct reuseport_packet *p)
{
	u32 h = 0x9e3779b1u;

	for (u32 i = p->network; i < p->transport + 4; i++)
		if (i < p->network + 8 || i >= p->network + 12) /* not what counts packets */
			h = (h ^ p->mac[i]) * 0x01000193u;
	return h | 1;
}

static u32 index_of(const struct reuseport_group *g, u64 cookie)
{
	for (u32 i = 0; i < g->nr_order; i++)
		if (g->order[i] == cookie)
			return i;
	return REUSEPORT_BY_HASH;
}

static bool is_any(const u32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

static u32 choose_socket(struct reuseport_group *g, const struct inet_diag_msg *m,
			 const struct reuseport_packet *p, struct bpf_run *run)
{
	const u16 *ethertype = (const u16 *)(p->mac + 12);
	struct bpf_rt_reuseport ctx = { .grouped = true };
	struct bpf_rt_sock sk;
	u64 verdict;

	fill_socket(&sk, g, m);
	ctx.u.data = (void *)(p->mac + p->transport);
	ctx.u.data_end = (void *)(p->mac + p->len);
	ctx.u.len = p->len - p->transport;
	ctx.u.eth_protocol = *ethertype;
	ctx.u.ip_protocol = g->protocol;
	ctx.u.bind_inany = is_any(g->address);
	ctx.u.hash = hash_of(p);
	ctx.u.sk = &sk.u;
	ctx.head = p->mac;
	ctx.mac = p->mac;
	ctx.network = p->mac + p->network;
	ctx.tail = p->mac + p->len;
	ctx.members = g->order;
	ctx.nr_members = g->nr_order;
	verdict = bpf_prog_run(g->prog->prog, &ctx, run);
	if ((u32)verdict != SK_PASS)
		return REUSEPORT_REFUSED;
	return ctx.selected ? index_of(g, ctx.selected) : REUSEPORT_BY_HASH;
}

/* It sees the payload, and says an index. */
static u32 choose_index(struct reuseport_group *g, const struct reuseport_packet *p,
			struct bpf_run *run)
{
	struct sk_buff skb;

	frame_to_skb(&skb, g->net->sys->reuseports->buffer, REUSEPORT_BUFFER, p->mac, p->len, 0,
		     p->ifindex);
	skb.transport_header = (u16)(skb.mac_header + p->transport);
	skb.data += p->payload;
	skb.data_meta = skb.data;
	skb.len -= p->payload;
	skb.l2 = 0;
	return (u32)bpf_prog_run(g->prog->prog, &skb, run);
}

u32 reuseport_choose(struct reuseport_group *g, const struct inet_diag_msg *m,
		     const struct reuseport_packet *p, struct bpf_run *run)
{
	const struct bpf_prog *before = run->prog;
	u32 tail_calls = run->tail_calls, index;

	run->prog = g->prog->prog;
	run->tail_calls = 0;
	if (g->prog->prog->type == BPF_PROG_TYPE_SOCKET_FILTER) {
		index = choose_index(g, p, run);
		if (index >= g->nr_order)
			index = REUSEPORT_BY_HASH;
	} else {
		index = choose_socket(g, m, p, run);
	}
	run->prog = before;
	run->tail_calls = tail_calls;
	return index;
}

u32 reuseport_choose_moved(struct reuseport_group *g, u64 gone, struct bpf_rt_sock *sk,
			   struct bpf_run *run)
{
	struct inet_diag_msg m = { .idiag_family = (u8)g->family,
				   .idiag_state = BPF_TCP_CLOSE,
				   .id = { .idiag_sport = g->port,
					   .idiag_if = g->ifindex,
					   .idiag_cookie = { (u32)gone, (u32)(gone >> 32) } } };
	struct bpf_rt_reuseport ctx = { .grouped = true };
	u64 others[REUSEPORT_SOCKETS];
	struct bpf_rt_sock listener;
	u8 empty[8] = { 0 };
	u32 n = 0, index;

	for (u32 i = 0; i < g->nr_order; i++)
		if (g->order[i] && g->order[i] != gone)
			others[n++] = g->order[i];
	memcpy(m.id.idiag_src, g->address, sizeof(g->address));
	m.idiag_uid = g->uid;
	fill_socket(&listener, g, &m);
	ctx.u.data = ctx.u.data_end = (void *)empty;
	ctx.u.ip_protocol = g->protocol;
	ctx.u.bind_inany = is_any(g->address);
	ctx.u.hash = (u32)sk->cookie * 0x9e3779b1u | 1;
	ctx.u.sk = &listener.u;
	ctx.u.migrating_sk = &sk->u;
	ctx.head = ctx.tail = empty;
	ctx.members = others;
	ctx.gone = gone;
	ctx.nr_members = n;
	run->prog = g->prog->prog;
	run->tail_calls = 0;
	if (!n || (u32)bpf_prog_run(g->prog->prog, &ctx, run) != SK_PASS)
		return REUSEPORT_REFUSED;
	if (ctx.selected == gone)
		return REUSEPORT_REFUSED;
	index = index_of(g, ctx.selected ? ctx.selected : others[ctx.u.hash % n]);
	return index == REUSEPORT_BY_HASH ? REUSEPORT_REFUSED : index;
}

u32 reuseport_frame(struct skep_system *sys, const struct reuseport_ends *e,
		    const struct reuseport_packet *p, struct bpf_run *run)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	u32 index = REUSEPORT_BY_HASH;
	const struct reuseport_net *net;
	struct reuseport_group *g;
	struct inet_diag_msg m;

	if (!rs)
		return index;
	pthread_mutex_lock(&rs->lock);
	for (net = rs->nets; net && !net->links; net = net->next)
		;
	g = net ? reuseport_find(rs, net, p->ifindex, e, &m) : NULL;
	if (g && g->known)
		index = reuseport_choose(g, &m, p, run);
	pthread_mutex_unlock(&rs->lock);
	return index;
}

void reuseport_stamp(u8 *ethernet, u32 index)
{
	const u8 v[6] = { REUSEPORT_STAMP >> 24,
			  REUSEPORT_STAMP >> 16 & 0xff,
			  REUSEPORT_STAMP >> 8 & 0xff,
			  REUSEPORT_STAMP & 0xff,
			  (u8)(index >> 8),
			  (u8)index };

	memcpy(ethernet + 6, v, sizeof(v));
}
