/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets to a next hop that somebody else than the instance's stack has chosen: they leave with the hardware
 * address that the instance's kernel knows, or wait until it has found it (Linux: neigh_resolve_output(),
 * __neigh_event_send() of net/core/neighbour.c). What waits for a neighbour is limited in bytes, and the oldest gives way.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link_ip.h"
#include "world/world.h"

#define QUEUE_BYTES                                                                                \
	212992	       /* Linux: NEIGH_VAR_QUEUE_LEN_BYTES, unless somebody has set another limit */
#define OVERHEAD   768 /* what a packet costs beside its bytes; Linux: its truesize */
#define PATIENCE_S 30  /* the kernel has said nothing: it has forgotten the neighbour */
#define KNOWN	   (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

struct waiting {
	struct waiting *next;
	struct sk_buff skb; /* what its frame does not say */
	u32 len;
	u8 frame[];
};

struct link_neigh {
	struct link_neigh *next;
	u32 ifindex, family, addr[4];
	time_t since;
	u32 bytes;
	struct waiting *first, **last;
};

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void drop(struct waiting *v)
{
	struct waiting *next;

	for (; v; v = next) {
		next = v->next;
		mem_free(v);
	}
}

/* .neigh_lock is held, here and below. */
static struct link_neigh **at(struct links *l, u32 ifindex, u32 family, const u32 *addr)
{
	u32 size = family == PF_IPV4 ? 4 : 16;
	struct link_neigh **n;

	for (n = &l->neighs; *n; n = &(*n)->next)
		if ((*n)->ifindex == ifindex && (*n)->family == family &&
		    !memcmp((*n)->addr, addr, size))
			break;
	return n;
}

/* What waited there; the neighbour is forgotten. */
static struct waiting *take(struct link_neigh **n)
{
	struct link_neigh *gone = *n;
	struct waiting *v;

	if (!gone)
		return NULL;
	v = gone->first;
	*n = gone->next;
	mem_free(gone);
	return v;
}

static void forget_old(struct links *l)
{
	struct link_neigh **n = &l->neighs;
	time_t before = now() - PATIENCE_S;

	while (*n)
		if ((*n)->since < before)
			drop(take(n));
		else
			n = &(*n)->next;
}

static void wait_for(struct link_way *w, const struct sk_buff *skb, u32 ifindex, u32 family,
		     const u32 *addr)
{
	struct link_neigh **at_n, *n;
	struct waiting *v;

	forget_old(w->l);
	at_n = at(w->l, ifindex, family, addr);
	n = *at_n;
	if (!n) {
		n = mem_zalloc(sizeof(*n));
		if (!n)
			return;
		n->ifindex = ifindex;
		n->family = family;
		memcpy(n->addr, addr, family == PF_IPV4 ? 4 : 16);
		n->last = &n->first;
		n->since = now();
		*at_n = n;
	}
	v = mem_alloc(sizeof(*v) + skb->len + VLAN_HLEN);
	if (!v)
		return;
	v->next = NULL;
	v->skb = *skb;
	v->len = frame_from_skb(skb, v->frame);
	while (n->first && n->bytes + v->len + OVERHEAD > QUEUE_BYTES) {
		struct waiting *oldest = n->first;

		n->bytes -= oldest->len + OVERHEAD;
		n->first = oldest->next;
		if (!n->first)
			n->last = &n->first;
		mem_free(oldest);
	}
	n->bytes += v->len + OVERHEAD;
	*n->last = v;
	n->last = &v->next;
}

/* 0: its addresses are in @header, else -errno; -EAGAIN: the kernel looks for it. */
static int ask(struct links *l, u32 ifindex, u32 family, const u32 *addr, u8 *header)
{
	const struct world_net net = { l->fib, l->control };
	int err;

	pthread_mutex_lock(&l->fib_lock);
	err = world_neighbour(&net, ifindex, family, addr, header, header + 6);
	pthread_mutex_unlock(&l->fib_lock);
	return err;
}

void link_to_neighbour(struct link_way *w, struct sk_buff *skb, u32 ifindex, u32 family,
		       const u32 *addr)
{
	u8 header[2 * 6];
	int err;

	if (skb->len - skb->data_len < ETH_HLEN)
		return;
	/* Held until it waits: who is told that the neighbour is found looks for it then. */
	pthread_mutex_lock(&w->l->neigh_lock);
	err = ask(w->l, ifindex, family, addr, header);
	if (err == -EAGAIN && w->l->neigh_news >= 0)
		wait_for(w, skb, ifindex, family, addr);
	pthread_mutex_unlock(&w->l->neigh_lock);
	if (err)
		return;
	memcpy(skb->data, header, sizeof(header));
	link_forward(w, skb, ifindex, false);
}

/* As they would have left, one after the other. */
static void send_all(struct links *l, struct waiting *v, u32 ifindex, const u8 *header)
{
	struct bpf_run run = { .interpret = l->sys->jit_mode == JIT_OFF };
	struct link_held held = { .n = 0 };
	struct link_way w = { .l = l, .room = l->room, .held = &held, .run = &run, .queued = true };
	struct waiting *next;
	struct sk_buff skb;

	run.event = &w;
	slot_claim(l->sys->arena, l->sys->platform, &run);
	for (; v; v = next) {
		next = v->next;
		frame_to_skb(&skb, w.room->skb, sizeof(w.room->skb), v->frame, v->len, 0,
			     v->skb.ifindex);
		skb.mark = v->skb.mark;
		skb.priority = v->skb.priority;
		skb.queue_mapping = v->skb.queue_mapping;
		skb.tc_index = v->skb.tc_index;
		skb.tstamp = v->skb.tstamp;
		skb.tstamp_type = v->skb.tstamp_type;
		skb.ingress_ifindex = v->skb.ingress_ifindex;
		skb.hash = v->skb.hash;
		skb.hash_valid = v->skb.hash_valid;
		skb.route = v->skb.route;
		memcpy(skb.cb, v->skb.cb, sizeof(skb.cb));
		memcpy(skb.data, header, 2 * 6);
		link_forward(&w, &skb, ifindex, false);
		mem_free(v);
	}
	slot_release(&run);
	link_put_held(&held);
}

static void told(struct links *l, const struct nlmsghdr *h)
{
	const struct ndmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = (const struct rtattr *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
	int rest = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	u32 addr[4] = { 0 }, size = m->ndm_family == PF_IPV4 ? 4 : 16;
	struct waiting *v = NULL;
	bool known = m->ndm_state & KNOWN, there = false;
	u8 header[2 * 6];

	if (!known && !(m->ndm_state & NUD_FAILED) && h->nlmsg_type != RTM_DELNEIGH)
		return;
	for (; RTA_OK(a, rest); a = RTA_NEXT(a, rest))
		if (a->rta_type == NDA_DST && RTA_PAYLOAD(a) >= size) {
			memcpy(addr, RTA_DATA(a), size);
			there = true;
		}
	if (!there)
		return;
	pthread_mutex_lock(&l->neigh_lock);
	if (!known || *at(l, (u32)m->ndm_ifindex, m->ndm_family, addr)) {
		if (known && ask(l, (u32)m->ndm_ifindex, m->ndm_family, addr, header) == -EAGAIN)
			v = NULL; /* it is not so any more: they wait on */
		else
			v = take(at(l, (u32)m->ndm_ifindex, m->ndm_family, addr));
	}
	pthread_mutex_unlock(&l->neigh_lock);
	if (known && v)
		send_all(l, v, (u32)m->ndm_ifindex, header);
	else
		drop(v);
}

void link_neigh_hear(struct links *l)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} news;
	ssize_t n;

	while ((n = recv(l->neigh_news, &news, sizeof(news), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = &news.h; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if ((h->nlmsg_type == RTM_NEWNEIGH || h->nlmsg_type == RTM_DELNEIGH) &&
			    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ndmsg)))
				told(l, h);
}

void link_neigh_start(struct links *l)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
					    .nl_groups = 1u << (RTNLGRP_NEIGH - 1) };

	if (l->neigh_news < 0 ||
	    !bind(l->neigh_news, (const struct sockaddr *)&groups, sizeof(groups)))
		return;
	close(l->neigh_news);
	l->neigh_news = -1; /* nothing waits then */
}

void link_neighs_free(struct links *l)
{
	while (l->neighs)
		drop(take(&l->neighs));
}
