/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Routes and neighbours, of the network namespace that we are in or of an instance's, for
 * bpf_fib_lookup() (Linux: net/core/filter.c, bpf_ipv4_fib_lookup(),
 * bpf_ipv6_fib_lookup()). The kernel is asked by rtnetlink(7), which needs no
 * privilege; of a single table it tells the routes, of which the longest prefix is ours to
 * choose. DIFF(fib-lookup-output).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "object/packet.h"
#include "world/route.h"

#ifndef RTM_F_FIB_MATCH
#define RTM_F_FIB_MATCH 0x2000
#endif
#define LOOPBACK       1 /* of every network namespace */
#define ETHER_AND_VLAN 18
#define NUD_VALID_STATES                                                                           \
	(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

void route_begin(struct route_message *m, u16 type, u32 body)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = NLM_F_REQUEST;
	m->h.nlmsg_len = NLMSG_LENGTH(body);
}

void route_add(struct route_message *m, u16 type, const void *data, u32 len)
{
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	m->h.nlmsg_len = (u32)(NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* Own sockets where the caller brings none. */
static int net_open(struct route_net *net, const struct world_net *of)
{
	*net = (struct route_net){ .route = of ? of->route : -1,
				   .control = of ? of->control : -1,
				   .own = !of };
	if (of)
		return net->route < 0 || net->control < 0 ? -EOPNOTSUPP : 0;
	net->route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	net->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return net->route < 0 || net->control < 0 ? -errno : 0;
}

static void net_close(const struct route_net *net)
{
	if (net->own && net->route >= 0)
		close(net->route);
	if (net->own && net->control >= 0)
		close(net->control);
}

int route_send(const struct route_net *net, const struct route_message *m)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char old[512];

	/* What is left of a dump that was given up. */
	while (recv(net->route, old, sizeof(old), MSG_DONTWAIT) > 0)
		;
	return sendto(net->route, m, m->h.nlmsg_len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0 ?
		       -errno :
		       0;
}

int route_ask(const struct route_net *net, const struct route_message *m, void *answer, size_t size)
{
	struct nlmsghdr *h = answer;
	ssize_t n;
	int err = route_send(net, m);

	if (err)
		return err;
	n = recv(net->route, answer, size, 0);
	if (n < (ssize_t)sizeof(*h))
		return -EIO;
	if (h->nlmsg_type == NLMSG_ERROR)
		err = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return err;
}

void route_attributes(struct nlmsghdr *h, u32 body, struct rtattr **out, u32 max)
{
	struct rtattr *a = (struct rtattr *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(body));
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(body));

	memset(out, 0, max * sizeof(*out));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type < max)
			out[a->rta_type] = a;
}

u32 route_number(const struct rtattr *a)
{
	u32 v = 0;

	if (a)
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

int route_device(const struct route_net *net, u32 ifindex, unsigned long what, struct ifreq *r)
{
	memset(r, 0, sizeof(*r));
	r->ifr_ifindex = (int)ifindex;
	if (ioctl(net->control, SIOCGIFNAME, r))
		return -ENODEV;
	return what != SIOCGIFNAME && ioctl(net->control, what, r) ? -ENODEV : 0;
}

/* Whether the device's /proc/sys/net/ipv?/conf/NAME/forwarding is set. */
static bool forwards(const struct route_net *net, u32 ifindex, u8 family)
{
	union {
		struct nlmsghdr h;
		char bytes[1024];
	} answer;
	struct rtattr *a[NETCONFA_FORWARDING + 1];
	struct route_message m;

	route_begin(&m, RTM_GETNETCONF, sizeof(m.conf));
	m.conf.ncm_family = family;
	route_add(&m, NETCONFA_IFINDEX, &ifindex, sizeof(ifindex));
	if (route_ask(net, &m, &answer, sizeof(answer)))
		return false;
	route_attributes(&answer.h, sizeof(m.conf), a, NETCONFA_FORWARDING + 1);
	return route_number(a[NETCONFA_FORWARDING]) != 0;
}

/* Link-local, multicast and loopback addresses are not forwarded. */
static bool is_strict(const u32 *addr)
{
	const struct in6_addr *a = (const struct in6_addr *)addr;

	return IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_LOOPBACK(a);
}

static int neighbour(const struct route_net *net, struct bpf_fib_lookup *p, u32 family,
		     const void *addr)
{
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} answer;
	struct rtattr *a[NDA_LLADDR + 1];
	const struct ndmsg *nd = NLMSG_DATA(&answer.h);
	struct route_message m;
	struct ifreq r;

	route_begin(&m, RTM_GETNEIGH, sizeof(m.neighbour));
	m.neighbour.ndm_family = (u8)family;
	m.neighbour.ndm_ifindex = (int)p->ifindex;
	route_add(&m, NDA_DST, addr, family == AF_INET ? 4 : 16);
	if (route_ask(net, &m, &answer, sizeof(answer)) || !(nd->ndm_state & NUD_VALID_STATES))
		return BPF_FIB_LKUP_RET_NO_NEIGH;
	route_attributes(&answer.h, sizeof(*nd), a, NDA_LLADDR + 1);
	memset(p->dmac, 0, sizeof(p->dmac));
	if (a[NDA_LLADDR] && RTA_PAYLOAD(a[NDA_LLADDR]) >= 6)
		memcpy(p->dmac, RTA_DATA(a[NDA_LLADDR]), 6);
	if (route_device(net, p->ifindex, SIOCGIFHWADDR, &r))
		return -ENODEV;
	memcpy(p->smac, r.ifr_hwaddr.sa_data, 6);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

static void route_question(struct route_message *m, const struct bpf_fib_lookup *p, u32 flags)
{
	bool v4 = p->family == AF_INET;

	route_begin(m, RTM_GETROUTE, sizeof(m->route));
	m->route.rtm_family = p->family;
	m->route.rtm_dst_len = v4 ? 32 : 128;
	m->route.rtm_tos = v4 ? p->tos & 0xfc : 0;
	m->route.rtm_flags = RTM_F_FIB_MATCH;
	route_add(m, RTA_DST, v4 ? (const void *)&p->ipv4_dst : (const void *)p->ipv6_dst,
		  v4 ? 4 : 16);
	if (flags & BPF_FIB_LOOKUP_OUTPUT)
		route_add(m, RTA_OIF, &p->ifindex, 4);
	if (flags & BPF_FIB_LOOKUP_MARK)
		route_add(m, RTA_MARK, &p->mark, 4);
}

/* The source address that a packet to @p's destination gets. */
static int source(const struct route_net *net, struct bpf_fib_lookup *p)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	struct rtattr *a[RTA_PREFSRC + 1];
	u32 size = p->family == AF_INET ? 4 : 16;
	struct route_message m;

	route_question(&m, p, 0);
	m.route.rtm_flags = 0;
	if (route_ask(net, &m, &answer, sizeof(answer)))
		return -EADDRNOTAVAIL;
	route_attributes(&answer.h, sizeof(m.route), a, RTA_PREFSRC + 1);
	if (!a[RTA_PREFSRC] || RTA_PAYLOAD(a[RTA_PREFSRC]) != size)
		return -EADDRNOTAVAIL;
	memcpy(p->family == AF_INET ? (void *)&p->ipv4_src : (void *)p->ipv6_src,
	       RTA_DATA(a[RTA_PREFSRC]), size);
	return 0;
}

/* Without a route by the device that is asked for, the kernel says unreachable, too. */
static int of_errno(int err, bool output)
{
	if (output && err == -EHOSTUNREACH)
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	switch (err) {
	case -EINVAL:
		return BPF_FIB_LKUP_RET_BLACKHOLE;
	case -EHOSTUNREACH:
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	case -EACCES:
		return BPF_FIB_LKUP_RET_PROHIBIT;
	}
	return BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* The first way of a route with several. */
static void first_way(struct rtattr *multi, struct rtattr **a, u32 max, u32 *oif)
{
	struct rtnexthop *nh = RTA_DATA(multi);
	struct rtattr *at = RTNH_DATA(nh);
	int left = nh->rtnh_len - (int)sizeof(*nh);

	*oif = (u32)nh->rtnh_ifindex;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		if (at->rta_type < max)
			a[at->rta_type] = at;
}

static u32 route_mtu(struct rtattr *metrics)
{
	struct rtattr *a = metrics ? RTA_DATA(metrics) : NULL;
	int left = metrics ? (int)RTA_PAYLOAD(metrics) : 0;

	for (; a && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTAX_MTU)
			return route_number(a);
	return 0;
}

/* What the route says goes into @p. The number that the program gets, or
 * -errno. */
static int found(const struct route_net *net, struct nlmsghdr *h, struct bpf_fib_lookup *p,
		 u32 flags, bool check_mtu)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	struct rtattr *a[RTA_VIA + 10];
	u32 oif, mtu = 0, family = p->family;
	const void *hop;
	struct ifreq r;

	route_attributes(h, sizeof(*route), a, RTA_VIA + 10);
	switch (route->rtm_type) {
	case RTN_UNICAST:
		break;
	case RTN_BLACKHOLE:
		return BPF_FIB_LKUP_RET_BLACKHOLE;
	case RTN_UNREACHABLE:
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	case RTN_PROHIBIT:
		return BPF_FIB_LKUP_RET_PROHIBIT;
	default:
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	}
	oif = route_number(a[RTA_OIF]);
	if (a[RTA_MULTIPATH])
		first_way(a[RTA_MULTIPATH], a, RTA_VIA + 10, &oif);
	if (check_mtu) {
		mtu = family == AF_INET6 ? route_mtu(a[RTA_METRICS]) : 0;
		if (!mtu && !route_device(net, oif, SIOCGIFMTU, &r))
			mtu = (u32)r.ifr_mtu;
		if (p->tot_len > mtu) {
			p->mtu_result = (u16)mtu;
			return BPF_FIB_LKUP_RET_FRAG_NEEDED;
		}
	}
	if (a[RTA_ENCAP])
		return BPF_FIB_LKUP_RET_UNSUPP_LWT;
	if (flags & BPF_FIB_LOOKUP_SRC && source(net, p))
		return BPF_FIB_LKUP_RET_NO_SRC_ADDR;
	p->rt_metric = route_number(a[RTA_PRIORITY]);
	p->ifindex = oif;
	if (a[RTA_GATEWAY] && family == AF_INET)
		memcpy(&p->ipv4_dst, RTA_DATA(a[RTA_GATEWAY]), 4);
	else if (a[RTA_GATEWAY])
		memcpy(p->ipv6_dst, RTA_DATA(a[RTA_GATEWAY]), 16);
	if (a[RTA_VIA] && family == AF_INET && RTA_PAYLOAD(a[RTA_VIA]) >= 18) {
		p->family = AF_INET6;
		memcpy(p->ipv6_dst, (char *)RTA_DATA(a[RTA_VIA]) + 2, 16);
	}
	hop = p->family == AF_INET ? (const void *)&p->ipv4_dst : (const void *)p->ipv6_dst;
	if (!(flags & BPF_FIB_LOOKUP_SKIP_NEIGH)) {
		int no = neighbour(net, p, p->family, hop);

		if (no)
			return no;
	}
	p->h_vlan_TCI = 0;
	p->h_vlan_proto = 0;
	if (mtu)
		p->mtu_result = (u16)mtu;
	return BPF_FIB_LKUP_RET_SUCCESS;
}

/* Whether a packet of @len bytes fits the device that it leaves by. */
static int fits(const struct route_net *net, struct bpf_fib_lookup *p, u32 len)
{
	struct ifreq r;

	if (route_device(net, p->ifindex, SIOCGIFMTU, &r))
		return -ENODEV;
	p->mtu_result = (u16)r.ifr_mtu;
	return len > (u32)r.ifr_mtu + ETHER_AND_VLAN ? BPF_FIB_LKUP_RET_FRAG_NEEDED :
						       BPF_FIB_LKUP_RET_SUCCESS;
}

/* ---- a single table ---- */

bool route_has_prefix(const void *addr, const void *prefix, u32 bits)
{
	u32 bytes = bits / 8, rest = bits % 8;

	return !memcmp(addr, prefix, bytes) &&
	       (!rest ||
		!((((const u8 *)addr)[bytes] ^ ((const u8 *)prefix)[bytes]) >> (8 - rest)));
}

static bool same_table(u32 family, u32 a, const struct route_search *s)
{
	u32 b = s->table;

	return a == b || (s->merged && family == AF_INET && a >= RT_TABLE_MAIN &&
			  a <= RT_TABLE_LOCAL && b >= RT_TABLE_MAIN && b <= RT_TABLE_LOCAL);
}

/* Whether the route in @h is what is searched for; its metric. */
static bool is_for(struct nlmsghdr *h, const struct bpf_fib_lookup *p, const struct route_search *s,
		   u32 *metric)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	const void *dst = p->family == AF_INET ? (const void *)&p->ipv4_dst : p->ipv6_dst;
	struct rtattr *a[RTA_TABLE + 1];

	if (route->rtm_family != p->family || route->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD))
		return false;
	route_attributes(h, sizeof(*route), a, RTA_TABLE + 1);
	*metric = route_number(a[RTA_PRIORITY]);
	if (!same_table(p->family, a[RTA_TABLE] ? route_number(a[RTA_TABLE]) : route->rtm_table, s))
		return false;
	if (s->any)
		return true;
	if (route->rtm_tos && route->rtm_tos != (p->tos & 0xfc))
		return false;
	if (s->oif && a[RTA_OIF] && route_number(a[RTA_OIF]) != s->oif)
		return false;
	return !route->rtm_dst_len ||
	       (a[RTA_DST] && route_has_prefix(dst, RTA_DATA(a[RTA_DST]), route->rtm_dst_len));
}

int route_best(const struct route_net *net, const struct bpf_fib_lookup *p,
	       const struct route_search *s, void *answer, size_t size)
{
	struct route_message m;
	char part[32768];
	u32 metric, best = 0;
	int have = -1, err;

	route_begin(&m, RTM_GETROUTE, sizeof(m.route));
	m.h.nlmsg_flags |= NLM_F_DUMP;
	m.route.rtm_family = p->family;
	err = route_send(net, &m);
	while (!err) {
		ssize_t n = recv(net->route, part, sizeof(part), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)part;

		if (n <= 0)
			return -EIO;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct rtmsg *route = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_DONE)
				return have >= 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error ?: -EIO;
			if (h->nlmsg_len > size || !is_for(h, p, s, &metric) ||
			    (int)route->rtm_dst_len < have ||
			    ((int)route->rtm_dst_len == have && metric >= best))
				continue;
			have = route->rtm_dst_len;
			best = metric;
			memcpy(answer, h, h->nlmsg_len);
		}
	}
	return err;
}

/* One table alone: 1, or -errno. */
static int by_table(const struct route_net *net, struct bpf_fib_lookup *p, u32 flags, void *answer,
		    size_t size)
{
	struct route_search s = { .oif = flags & BPF_FIB_LOOKUP_OUTPUT ? p->ifindex : 0 };
	int err;

	if (flags & BPF_FIB_LOOKUP_TBID) {
		s.table = p->tbid ?: RT_TABLE_MAIN;
		p->tbid = 0; /* a tag goes there */
	} else {
		s.table = rules_vrf_table(net, p->ifindex) ?: RT_TABLE_MAIN;
	}
	s.merged = !rules_custom(net, p->family);
	err = route_best(net, p, &s, answer, size);
	return err ?: -ENETUNREACH;
}

long world_fib_lookup(const struct world_net *of, struct bpf_fib_lookup *p, u32 flags,
		      bool check_mtu, u32 len)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	struct route_net net;
	struct route_message m;
	struct ifreq r;
	long err;

	if (p->family == AF_INET6 && (is_strict(p->ipv6_dst) || is_strict(p->ipv6_src)))
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	err = net_open(&net, of);
	if (err)
		goto out;
	err = route_device(&net, p->ifindex, SIOCGIFNAME, &r);
	if (err)
		goto out;
	err = BPF_FIB_LKUP_RET_FWD_DISABLED;
	if (!forwards(&net, p->ifindex, p->family))
		goto out;
	err = flags & BPF_FIB_LOOKUP_DIRECT ? by_table(&net, p, flags, &answer, sizeof(answer)) :
					      rules_route(&net, p, flags, &answer, sizeof(answer));
	if (err == -ENOSYS) {
		route_question(&m, p, flags);
		err = route_ask(&net, &m, &answer, sizeof(answer));
		if (err) {
			err = of_errno((int)err, flags & BPF_FIB_LOOKUP_OUTPUT);
			goto out;
		}
	} else if (err != 1) {
		err = p->family == AF_INET ? of_errno((int)err, false) : BPF_FIB_LKUP_RET_NOT_FWDED;
		goto out;
	}
	err = found(&net, &answer.h, p, flags, check_mtu);
	if (!err && !check_mtu)
		err = fits(&net, p, len);
out:
	net_close(&net);
	return err;
}

/* ---- who gets an IPv6 packet next: seg6_lookup_nexthop() of net/ipv6/seg6_local.c ---- */

static int error_of_type(u8 type)
{
	switch (type) {
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_THROW:
		return -EAGAIN;
	case RTN_LOCAL: /* there is no way back into this host: Linux has a black hole there */
	case RTN_ANYCAST:
		return -EINVAL;
	}
	return 0;
}

static int read_hop(struct nlmsghdr *h, struct sk_buff *skb, const u32 *to)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	struct rtattr *a[RTA_MULTIPATH + 1];
	u32 oif;

	route_attributes(h, sizeof(*route), a, RTA_MULTIPATH + 1);
	oif = route_number(a[RTA_OIF]);
	if (a[RTA_MULTIPATH])
		first_way(a[RTA_MULTIPATH], a, RTA_MULTIPATH + 1, &oif);
	skb->hop.oif = oif;
	memcpy(skb->hop.addr, a[RTA_GATEWAY] ? RTA_DATA(a[RTA_GATEWAY]) : (const void *)to, 16);
	return oif == LOOPBACK ? -EINVAL : error_of_type(route->rtm_type);
}

/* Whether any route is in the table: else Linux has none of that number. */
static bool has_table(const struct route_net *net, u32 table)
{
	const struct bpf_fib_lookup p = { .family = AF_INET6 };
	const struct route_search s = { .table = table, .any = true };
	char answer[8192];

	return route_best(net, &p, &s, answer, sizeof(answer)) == 1;
}

static int ask_hop(const struct route_net *net, struct sk_buff *skb, const u32 *to, u32 table)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	const struct route_search s = { .table = table };
	struct bpf_fib_lookup p = { .family = AF_INET6 };
	struct route_message m;
	int err;

	if (table) {
		memcpy(p.ipv6_dst, to, 16);
		err = route_best(net, &p, &s, &answer, sizeof(answer));
		if (!err)
			return has_table(net, table) ? -ENETUNREACH : -EINVAL;
		return err < 0 ? err : read_hop(&answer.h, skb, to);
	}
	route_begin(&m, RTM_GETROUTE, sizeof(m.route));
	m.route.rtm_family = AF_INET6;
	m.route.rtm_dst_len = m.route.rtm_src_len = 128;
	m.route.rtm_tos = (u8)(skb->data[0] << 4 | skb->data[1] >> 4);
	route_add(&m, RTA_DST, to, 16);
	route_add(&m, RTA_SRC, skb->data + offsetof(struct ip6_hdr, ip6_src), 16);
	route_add(&m, RTA_IIF, &skb->ifindex, 4);
	if (skb->mark)
		route_add(&m, RTA_MARK, &skb->mark, 4);
	err = route_ask(net, &m, &answer, sizeof(answer));
	return err ?: read_hop(&answer.h, skb, to);
}

int world_next_hop(const struct world_net *of, struct sk_buff *skb, const u32 *nh, u32 table)
{
	struct route_net net;
	u32 to[4];
	int err;

	if (skb->len - skb->data_len < sizeof(struct ip6_hdr))
		return -EINVAL;
	memcpy(to, nh ? (const void *)nh : skb->data + offsetof(struct ip6_hdr, ip6_dst), 16);
	err = net_open(&net, of);
	skb->hop.set = true;
	skb->hop.chosen = nh || table;
	skb->hop.err = err ?: ask_hop(&net, skb, to, table);
	net_close(&net);
	return skb->hop.err;
}

int world_tunnel_source(const struct world_net *of, u32 *from, const u32 *to, u32 oif)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	struct rtattr *a[RTA_PREFSRC + 1];
	struct route_net net;
	struct route_message m;
	int err = net_open(&net, of);

	route_begin(&m, RTM_GETROUTE, sizeof(m.route));
	m.route.rtm_family = AF_INET6;
	m.route.rtm_dst_len = 128;
	route_add(&m, RTA_DST, to, 16);
	if (oif)
		route_add(&m, RTA_OIF, &oif, sizeof(oif));
	err = err ?: route_ask(&net, &m, &answer, sizeof(answer));
	if (!err) {
		route_attributes(&answer.h, sizeof(m.route), a, RTA_PREFSRC + 1);
		if (a[RTA_PREFSRC] && RTA_PAYLOAD(a[RTA_PREFSRC]) == 16)
			memcpy(from, RTA_DATA(a[RTA_PREFSRC]), 16);
		else
			err = -EADDRNOTAVAIL;
	}
	net_close(&net);
	return err;
}

long world_device_mtu(u32 ifindex)
{
	struct route_net net;
	struct ifreq r;
	int err = net_open(&net, NULL);

	err = err ?: route_device(&net, ifindex, SIOCGIFMTU, &r);
	net_close(&net);
	return err ? -ENODEV : r.ifr_mtu;
}

int world_neighbour(const struct world_net *of, u32 ifindex, u32 family, const void *addr,
		    u8 dst[6], u8 src[6])
{
	struct bpf_fib_lookup p = { .family = (u8)family, .ifindex = ifindex };
	struct route_net net;
	struct route_message m;
	int err = net_open(&net, of);

	err = err ?: neighbour(&net, &p, family, addr);
	if (err == BPF_FIB_LKUP_RET_NO_NEIGH) {
		/* Linux is to look for it. */
		route_begin(&m, RTM_NEWNEIGH, sizeof(m.neighbour));
		m.h.nlmsg_flags |= NLM_F_CREATE;
		m.neighbour.ndm_family = (u8)family;
		m.neighbour.ndm_ifindex = (int)ifindex;
		m.neighbour.ndm_state = NUD_NONE;
		m.neighbour.ndm_flags = NTF_USE;
		route_add(&m, NDA_DST, addr, family == AF_INET ? 4 : 16);
		route_send(&net, &m);
		err = -EAGAIN;
	}
	memcpy(dst, p.dmac, 6);
	memcpy(src, p.smac, 6);
	net_close(&net);
	return err;
}
