/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Routes and neighbours of the network namespace that we are in, for
 * bpf_fib_lookup() (Linux: net/core/filter.c, bpf_ipv4_fib_lookup(),
 * bpf_ipv6_fib_lookup()). The kernel is asked by rtnetlink(7), which needs no
 * privilege. DIFF(fib-lookup-output).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world/internal.h"

#ifndef RTM_F_FIB_MATCH
#define RTM_F_FIB_MATCH 0x2000
#endif
#define ETHER_AND_VLAN 18
#define NUD_VALID_STATES                                                                           \
	(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

struct message {
	struct nlmsghdr h;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
	};
	char attributes[256];
};

static void begin(struct message *m, u16 type, u32 body)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = NLM_F_REQUEST;
	m->h.nlmsg_len = NLMSG_LENGTH(body);
}

static void add(struct message *m, u16 type, const void *data, u32 len)
{
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	m->h.nlmsg_len = (u32)(NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* One answer. 0 or the error that the kernel gave. */
static int ask(const struct message *m, void *answer, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;
	struct nlmsghdr *h = answer;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (sendto(fd, m, m->h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) > 0)
		n = recv(fd, answer, size, 0);
	close(fd);
	if (n < (ssize_t)sizeof(*h))
		return -EIO;
	if (h->nlmsg_type == NLMSG_ERROR)
		err = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return err;
}

/* The attributes of an answer with a body of @body bytes, by number. */
static void attributes(struct nlmsghdr *h, u32 body, struct rtattr **out, u32 max)
{
	struct rtattr *a = (struct rtattr *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(body));
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(body));

	memset(out, 0, max * sizeof(*out));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type < max)
			out[a->rta_type] = a;
}

static u32 number(const struct rtattr *a)
{
	u32 v = 0;

	if (a)
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

static int device_ioctl(u32 ifindex, unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	memset(r, 0, sizeof(*r));
	if (fd < 0)
		return -errno;
	if (!if_indextoname(ifindex, r->ifr_name) || ioctl(fd, what, r) < 0)
		err = -ENODEV;
	close(fd);
	return err;
}

static bool forwards(const char *device, u32 family)
{
	char path[128], c = '0';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/forwarding",
		 family == AF_INET ? 4 : 6, device);
	f = fopen(path, "re");
	if (f) {
		if (fread(&c, 1, 1, f) != 1)
			c = '0';
		fclose(f);
	}
	return c != '0';
}

/* Link-local, multicast and loopback addresses are not forwarded. */
static bool is_strict(const u32 *addr)
{
	const struct in6_addr *a = (const struct in6_addr *)addr;

	return IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_LOOPBACK(a);
}

/* The source address that a packet to @p's destination gets. */
static int source(struct bpf_fib_lookup *p)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) }, me6;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) }, me;
	int fd = socket(p->family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	socklen_t n = p->family == AF_INET ? sizeof(me) : sizeof(me6);

	if (fd < 0)
		return -errno;
	to.sin_addr.s_addr = p->ipv4_dst;
	memcpy(&to6.sin6_addr, p->ipv6_dst, 16);
	if (p->family == AF_INET) {
		err = connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
		      getsockname(fd, (struct sockaddr *)&me, &n);
		if (!err)
			p->ipv4_src = me.sin_addr.s_addr;
	} else {
		err = connect(fd, (struct sockaddr *)&to6, sizeof(to6)) ||
		      getsockname(fd, (struct sockaddr *)&me6, &n);
		if (!err)
			memcpy(p->ipv6_src, &me6.sin6_addr, 16);
	}
	close(fd);
	return err ? -EADDRNOTAVAIL : 0;
}

static int neighbour(struct bpf_fib_lookup *p, u32 family, const void *addr)
{
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} answer;
	struct rtattr *a[NDA_LLADDR + 1];
	const struct ndmsg *nd = NLMSG_DATA(&answer.h);
	struct message m;
	struct ifreq r;

	begin(&m, RTM_GETNEIGH, sizeof(m.neighbour));
	m.neighbour.ndm_family = (u8)family;
	m.neighbour.ndm_ifindex = (int)p->ifindex;
	add(&m, NDA_DST, addr, family == AF_INET ? 4 : 16);
	if (ask(&m, &answer, sizeof(answer)) || !(nd->ndm_state & NUD_VALID_STATES))
		return BPF_FIB_LKUP_RET_NO_NEIGH;
	attributes(&answer.h, sizeof(*nd), a, NDA_LLADDR + 1);
	memset(p->dmac, 0, sizeof(p->dmac));
	if (a[NDA_LLADDR] && RTA_PAYLOAD(a[NDA_LLADDR]) >= 6)
		memcpy(p->dmac, RTA_DATA(a[NDA_LLADDR]), 6);
	if (device_ioctl(p->ifindex, SIOCGIFHWADDR, &r))
		return -ENODEV;
	memcpy(p->smac, r.ifr_hwaddr.sa_data, 6);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

static void route_question(struct message *m, const struct bpf_fib_lookup *p, u32 flags)
{
	bool v4 = p->family == AF_INET;

	begin(m, RTM_GETROUTE, sizeof(m->route));
	m->route.rtm_family = p->family;
	m->route.rtm_dst_len = v4 ? 32 : 128;
	m->route.rtm_tos = v4 ? p->tos & 0xfc : 0;
	m->route.rtm_flags = RTM_F_FIB_MATCH;
	add(m, RTA_DST, v4 ? (const void *)&p->ipv4_dst : (const void *)p->ipv6_dst, v4 ? 4 : 16);
	if (flags & BPF_FIB_LOOKUP_OUTPUT)
		add(m, RTA_OIF, &p->ifindex, 4);
	if (flags & BPF_FIB_LOOKUP_MARK)
		add(m, RTA_MARK, &p->mark, 4);
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
			return number(a);
	return 0;
}

/* What the route says goes into @p. The number that the program gets, or
 * -errno. */
static int found(struct nlmsghdr *h, struct bpf_fib_lookup *p, u32 flags, bool check_mtu)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	struct rtattr *a[RTA_VIA + 10];
	u32 oif, mtu = 0, family = p->family;
	const void *hop;
	struct ifreq r;

	attributes(h, sizeof(*route), a, RTA_VIA + 10);
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
	oif = number(a[RTA_OIF]);
	if (a[RTA_MULTIPATH])
		first_way(a[RTA_MULTIPATH], a, RTA_VIA + 10, &oif);
	if (check_mtu) {
		mtu = family == AF_INET6 ? route_mtu(a[RTA_METRICS]) : 0;
		if (!mtu && !device_ioctl(oif, SIOCGIFMTU, &r))
			mtu = (u32)r.ifr_mtu;
		if (p->tot_len > mtu) {
			p->mtu_result = (u16)mtu;
			return BPF_FIB_LKUP_RET_FRAG_NEEDED;
		}
	}
	if (a[RTA_ENCAP])
		return BPF_FIB_LKUP_RET_UNSUPP_LWT;
	if (flags & BPF_FIB_LOOKUP_SRC && source(p))
		return BPF_FIB_LKUP_RET_NO_SRC_ADDR;
	p->rt_metric = number(a[RTA_PRIORITY]);
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
		int no = neighbour(p, p->family, hop);

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
static int fits(struct bpf_fib_lookup *p, u32 len)
{
	struct ifreq r;

	if (device_ioctl(p->ifindex, SIOCGIFMTU, &r))
		return -ENODEV;
	p->mtu_result = (u16)r.ifr_mtu;
	return len > (u32)r.ifr_mtu + ETHER_AND_VLAN ? BPF_FIB_LKUP_RET_FRAG_NEEDED :
						       BPF_FIB_LKUP_RET_SUCCESS;
}

long world_fib_lookup(struct bpf_fib_lookup *p, u32 flags, bool check_mtu, u32 len)
{
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	char device[IF_NAMESIZE];
	struct message m;
	int err;

	if (p->family == AF_INET6 && (is_strict(p->ipv6_dst) || is_strict(p->ipv6_src)))
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (!if_indextoname(p->ifindex, device))
		return -ENODEV;
	if (!forwards(device, p->family))
		return BPF_FIB_LKUP_RET_FWD_DISABLED;
	if (flags & (BPF_FIB_LOOKUP_DIRECT | BPF_FIB_LOOKUP_TBID))
		return -EOPNOTSUPP; /* one table alone cannot be asked */
	route_question(&m, p, flags);
	err = ask(&m, &answer, sizeof(answer));
	if (err)
		return of_errno(err, flags & BPF_FIB_LOOKUP_OUTPUT);
	err = found(&answer.h, p, flags, check_mtu);
	return err || check_mtu ? err : fits(p, len);
}
