/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Routes of the instance's packets, as its kernel tells them (rtnetlink(7), RTM_GETROUTE). An answer is
 * kept until a change of routes, rules, addresses or interfaces is told.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link_ip.h"
#include "hook/lwt.h"

#ifndef RTM_F_FIB_MATCH
#define RTM_F_FIB_MATCH 0x2000
#endif

#define KEPT 256

#define GROUP(nr) (1u << ((nr)-1))

struct link_routes {
	pthread_mutex_t lock;
	int ask, news;
	struct kept {
		bool there, match;
		u32 family, iif, mark, dst[4], src[4];
		struct link_route r;
		struct lwt_key key; /* of the route that matches; .family 0: it has no programs */
	} v[KEPT];
	int forwards6; /* -1: not asked */
};

static struct link_routes *get(struct links *l)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |
			     GROUP(RTNLGRP_IPV4_ROUTE) | GROUP(RTNLGRP_IPV4_RULE) |
			     GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV6_ROUTE) |
			     GROUP(RTNLGRP_IPV6_RULE) | GROUP(RTNLGRP_IPV4_NETCONF) |
			     GROUP(RTNLGRP_IPV6_NETCONF),
	};
	struct link_routes *r = load_acquire(&l->routes), *none = NULL;

	if (r)
		return r;
	r = mem_zalloc(sizeof(*r));
	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->ask = l->route;
	r->news = l->route_news;
	r->forwards6 = -1;
	if (r->news >= 0 && bind(r->news, (const struct sockaddr *)&groups, sizeof(groups)))
		r->news = -1;
	if (__atomic_compare_exchange_n(&l->routes, &none, r, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return r;
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
	return none;
}

void link_routes_free(struct links *l)
{
	if (!l->routes)
		return;
	pthread_mutex_destroy(&l->routes->lock);
	mem_free(l->routes);
}

/* Whatever is told: what was known may not be so any more. */
static void hear(struct link_routes *r)
{
	char bytes[8192];
	bool told = r->news < 0;

	/* ENOBUFS: more was told than there was room for. */
	while (r->news >= 0 &&
	       (recv(r->news, bytes, sizeof(bytes), MSG_DONTWAIT) > 0 || errno == ENOBUFS))
		told = true;
	if (!told)
		return;
	memset(r->v, 0, sizeof(r->v));
	r->forwards6 = -1;
}

struct request {
	struct nlmsghdr h;
	struct rtmsg m;
	char attrs[128];
};

static void put(struct request *q, u16 type, const void *data, u32 size)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The answer of the kernel in @answer: its length, or -errno. */
static long exchange(const struct link_routes *r, const void *q, u32 size, void *answer, u32 room)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsghdr *h = answer;
	ssize_t n;

	while (recv(r->ask, answer, room, MSG_DONTWAIT) > 0)
		;
	if (sendto(r->ask, q, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	n = recv(r->ask, answer, room, 0);
	if (n < (ssize_t)sizeof(*h))
		return n < 0 ? -errno : -EIO;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error ?: -EIO;
	return n;
}

static struct link_route ask(const struct link_routes *r, struct kept *k)
{
	struct request q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
				    .nlmsg_type = RTM_GETROUTE,
				    .nlmsg_flags = NLM_F_REQUEST } };
	u32 size = k->family == PF_IPV6 ? 16 : 4;
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} answer;
	struct link_route out = { 0 };
	const struct rtmsg *m = NLMSG_DATA(&answer.h);
	const struct rtattr *a;
	long n;
	int rest;

	q.m.rtm_family = (u8)k->family;
	q.m.rtm_dst_len = (u8)(8 * size);
	put(&q, RTA_DST, k->dst, size);
	if (k->iif) {
		q.m.rtm_src_len = (u8)(8 * size);
		put(&q, RTA_SRC, k->src, size);
		put(&q, RTA_IIF, &k->iif, sizeof(k->iif));
	}
	if (k->match)
		q.m.rtm_flags = RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE;
	if (k->mark)
		put(&q, RTA_MARK, &k->mark, sizeof(k->mark));
	n = exchange(r, &q, q.h.nlmsg_len, &answer, sizeof(answer));
	if (n < 0 || answer.h.nlmsg_type != RTM_NEWROUTE ||
	    answer.h.nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || answer.h.nlmsg_len > (u64)n) {
		out.err = n < 0 ? (int)n : -EIO;
		return out;
	}
	out.type = m->rtm_type;
	if (m->rtm_protocol == LWT_PROTOCOL)
		k->key = (struct lwt_key){ .family = m->rtm_family,
					   .table = m->rtm_table,
					   .dst_len = m->rtm_dst_len,
					   .tos = m->rtm_tos };
	rest = (int)RTM_PAYLOAD(&answer.h);
	for (a = RTM_RTA(m); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
		if (a->rta_type == RTA_OIF)
			memcpy(&out.oif, RTA_DATA(a), sizeof(out.oif));
		if (a->rta_type == RTA_TABLE)
			memcpy(&k->key.table, RTA_DATA(a), sizeof(u32));
		if (a->rta_type == RTA_PRIORITY)
			memcpy(&k->key.priority, RTA_DATA(a), sizeof(u32));
		if (a->rta_type == RTA_DST)
			memcpy(k->key.dst, RTA_DATA(a), min_t(u32, RTA_PAYLOAD(a), 16));
		if (a->rta_type == RTA_FLOW)
			memcpy(&out.realm, RTA_DATA(a), sizeof(out.realm));
	}
	return out;
}

static struct link_route find(struct links *l, struct kept *want)
{
	struct link_routes *r = get(l);
	struct link_route out = { .err = -ENOMEM };
	u32 at = (want->iif ^ want->mark << 8 ^ (want->match ? 0x55 : 0)) * 0x9e3779b1u;
	struct kept *k;

	if (!r || r->ask < 0)
		return out;
	for (u32 i = 0; i < 4; i++)
		at = (at ^ want->dst[i] ^ want->src[i] * 31) * 0x9e3779b1u;
	k = &r->v[at >> 24];
	pthread_mutex_lock(&r->lock);
	hear(r);
	if (!k->there || k->family != want->family || k->iif != want->iif ||
	    k->mark != want->mark || k->match != want->match ||
	    memcmp(k->dst, want->dst, sizeof(k->dst)) ||
	    memcmp(k->src, want->src, sizeof(k->src))) {
		*k = *want;
		k->r = ask(r, k);
		k->there = true;
	}
	out = k->r;
	want->key = k->key;
	pthread_mutex_unlock(&r->lock);
	return out;
}

struct link_route link_route(struct links *l, const struct ip_view *ip, u32 iif, u32 mark)
{
	struct kept want = { .family = ip->family, .iif = iif, .mark = mark };

	memcpy(want.dst, ip->dst, sizeof(want.dst));
	if (iif)
		memcpy(want.src, ip->src, sizeof(want.src));
	return find(l, &want);
}

u32 link_route_realm(struct links *l, const struct sk_buff *skb)
{
	const struct ip_view ip = { .family = PF_IPV4,
				    .dst = { skb->route.dst },
				    .src = { skb->route.src } };

	return link_route(l, &ip, skb->route.iif, skb->route.mark).realm;
}

int link_route_match(struct links *l, const struct ip_view *ip, u32 iif, u32 mark,
		     struct lwt_key *key, u32 *oif)
{
	struct kept want = { .match = true, .family = ip->family, .iif = iif, .mark = mark };
	struct link_route r;

	memcpy(want.dst, ip->dst, sizeof(want.dst));
	if (iif)
		memcpy(want.src, ip->src, sizeof(want.src));
	r = find(l, &want);
	*key = want.key;
	*oif = r.oif;
	return !r.err && want.key.family ? 0 : -ENOENT;
}

bool link_route_is_own(struct links *l, const struct ip_view *ip)
{
	static const u32 unset[4];
	struct kept want = { .family = ip->family };
	struct link_route r;

	if (!memcmp(ip->src, unset, sizeof(unset)))
		return true;
	memcpy(want.dst, ip->src, sizeof(want.dst));
	r = find(l, &want);
	return !r.err && r.type == RTN_LOCAL;
}

/* net.ipv6.conf.all.forwarding; IPv4's routes say it themselves. */
static bool ask_forwards6(const struct link_routes *r)
{
	struct {
		struct nlmsghdr h;
		struct netconfmsg m;
		struct rtattr a __attribute__((aligned(NLMSG_ALIGNTO)));
		s32 ifindex;
	} q = {
		.h = { .nlmsg_type = RTM_GETNETCONF, .nlmsg_flags = NLM_F_REQUEST },
		.m = { .ncm_family = AF_INET6 },
		.a = { .rta_type = NETCONFA_IFINDEX, .rta_len = RTA_LENGTH(sizeof(s32)) },
		.ifindex = NETCONFA_IFINDEX_ALL,
	};
	union {
		struct nlmsghdr h;
		char bytes[1024];
	} answer;
	const struct rtattr *a;
	s32 on = 0;
	long n;
	int rest;

	q.h.nlmsg_len = sizeof(q);
	n = exchange(r, &q, sizeof(q), &answer, sizeof(answer));
	if (n < 0 || answer.h.nlmsg_type != RTM_NEWNETCONF)
		return false;
	rest = (int)answer.h.nlmsg_len - (int)NLMSG_SPACE(sizeof(struct netconfmsg));
	for (a = (const struct rtattr *)(answer.bytes + NLMSG_SPACE(sizeof(struct netconfmsg)));
	     RTA_OK(a, rest); a = RTA_NEXT(a, rest))
		if (a->rta_type == NETCONFA_FORWARDING)
			memcpy(&on, RTA_DATA(a), sizeof(on));
	return on;
}

bool link_route_forwards6(struct links *l)
{
	struct link_routes *r = get(l);
	bool on;

	if (!r || r->ask < 0)
		return false;
	pthread_mutex_lock(&r->lock);
	hear(r);
	if (r->forwards6 < 0)
		r->forwards6 = ask_forwards6(r);
	on = r->forwards6;
	pthread_mutex_unlock(&r->lock);
	return on;
}
