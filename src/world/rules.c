/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rules of routing, for packets that are not our own: the kernel answers questions about those only with its checks of their
 * source, which bpf_fib_lookup() does not make (Linux: net/core/fib_rules.c, fib_rules_lookup(); net/ipv4/fib_rules.c,
 * net/ipv6/fib6_rules.c). The kernel tells the rules; to follow them is ours.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "world/route.h"

/* Attributes that the oldest headers do not have. */
#define RULE_DSCP	    25
#define RULE_FLOWLABEL	    26
#define RULE_FLOWLABEL_MASK 27
#define RULE_MAX	    30
#define RULES		    512 /* more are not followed */

struct rule {
	u32 priority, table, target, flags, mark, mask, group, label, label_mask;
	u64 tunnel;
	u8 action, src_len, dst_len, tos, dscp, proto;
	bool l3mdev, has_dscp, custom;
	s32 prefix;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
	u32 src[4], dst[4];
	struct fib_rule_uid_range uid;
	struct fib_rule_port_range sport, dport;
};

struct flow {
	const struct bpf_fib_lookup *p;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
	u32 mark, vrf;
	u8 tos;
	bool no_source; /* Linux looks IPv6's up without it, where the packet is ours */
};

static void copy(void *to, const struct rtattr *a, size_t size)
{
	if (a && RTA_PAYLOAD(a) >= size)
		memcpy(to, RTA_DATA(a), size);
}

static void name(char *to, const struct rtattr *a)
{
	if (a && RTA_PAYLOAD(a) <= IFNAMSIZ)
		memcpy(to, RTA_DATA(a), RTA_PAYLOAD(a));
	to[IFNAMSIZ - 1] = 0;
}

static void read_rule(struct nlmsghdr *h, struct rule *r)
{
	const struct fib_rule_hdr *f = NLMSG_DATA(h);
	u32 size = f->family == AF_INET ? 4 : 16;
	struct rtattr *a[RULE_MAX + 1];

	route_attributes(h, sizeof(*f), a, RULE_MAX + 1);
	memset(r, 0, sizeof(*r));
	r->priority = route_number(a[FRA_PRIORITY]);
	r->table = a[FRA_TABLE] ? route_number(a[FRA_TABLE]) : f->table;
	r->target = route_number(a[FRA_GOTO]);
	r->flags = f->flags;
	r->action = f->action;
	r->src_len = f->src_len;
	r->dst_len = f->dst_len;
	r->tos = f->tos;
	r->mark = route_number(a[FRA_FWMARK]);
	r->mask = a[FRA_FWMASK] ? route_number(a[FRA_FWMASK]) : r->mark ? UINT32_MAX : 0;
	r->prefix = a[FRA_SUPPRESS_PREFIXLEN] ? (s32)route_number(a[FRA_SUPPRESS_PREFIXLEN]) : -1;
	r->group = a[FRA_SUPPRESS_IFGROUP] ? route_number(a[FRA_SUPPRESS_IFGROUP]) : UINT32_MAX;
	r->has_dscp = a[RULE_DSCP];
	copy(&r->dscp, a[RULE_DSCP], 1);
	r->label = ntohl(route_number(a[RULE_FLOWLABEL]));
	r->label_mask = ntohl(route_number(a[RULE_FLOWLABEL_MASK]));
	copy(&r->tunnel, a[FRA_TUN_ID], sizeof(r->tunnel));
	copy(&r->l3mdev, a[FRA_L3MDEV], 1);
	copy(&r->proto, a[FRA_IP_PROTO], 1);
	copy(&r->sport, a[FRA_SPORT_RANGE], sizeof(r->sport));
	copy(&r->dport, a[FRA_DPORT_RANGE], sizeof(r->dport));
	r->uid.end = UINT32_MAX;
	copy(&r->uid, a[FRA_UID_RANGE], sizeof(r->uid));
	copy(r->src, a[FRA_SRC], size);
	copy(r->dst, a[FRA_DST], size);
	name(r->iif, a[FRA_IIFNAME]);
	name(r->oif, a[FRA_OIFNAME]);
	r->custom = h->nlmsg_len > NLMSG_LENGTH(sizeof(*f)) &&
		    !(f->action == FR_ACT_TO_TBL && !f->src_len && !f->dst_len && !f->tos &&
		      !r->iif[0] && !r->oif[0] && !r->mask && !r->l3mdev && !r->has_dscp &&
		      !r->label_mask && !r->tunnel && !r->proto && !r->sport.start &&
		      !r->dport.start && !r->uid.start && r->uid.end == UINT32_MAX &&
		      r->prefix < 0 && !(f->flags & FIB_RULE_INVERT) &&
		      ((r->priority == 0 && r->table == RT_TABLE_LOCAL) ||
		       (r->priority == 32766 && r->table == RT_TABLE_MAIN) ||
		       (r->priority == 32767 && r->table == RT_TABLE_DEFAULT)));
}

/* All rules of a family. Their number or -errno. */
static int read_rules(const struct route_net *net, u8 family, struct rule *rules, bool *custom)
{
	struct route_message m;
	char part[32768];
	int n = 0, err;

	*custom = false;
	route_begin(&m, RTM_GETRULE, sizeof(m.rule));
	m.h.nlmsg_flags |= NLM_F_DUMP;
	m.rule.family = family;
	err = route_send(net, &m);
	while (!err) {
		ssize_t got = recv(net->route, part, sizeof(part), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)part;

		if (got <= 0)
			return -EIO;
		for (; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return n;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error ?: -EIO;
			if (h->nlmsg_type != RTM_NEWRULE || n == RULES)
				continue;
			read_rule(h, &rules[n]);
			*custom |= rules[n++].custom;
		}
	}
	return err;
}

static bool in_range(const struct fib_rule_port_range *range, u16 port)
{
	return !range->start || (ntohs(port) >= range->start && ntohs(port) <= range->end);
}

static bool selects(const struct rule *r, const struct flow *f)
{
	const struct bpf_fib_lookup *p = f->p;
	bool v4 = p->family == AF_INET;
	u32 label = v4 ? 0 : ntohl(p->flowinfo) & 0xfffff;

	if ((r->iif[0] && strcmp(r->iif, f->iif)) || (r->oif[0] && strcmp(r->oif, f->oif)))
		return false;
	if (((r->mark ^ f->mark) & r->mask) || r->tunnel || (r->l3mdev && !f->vrf))
		return false;
	if (f->no_source && r->src_len)
		return false;
	if (r->uid.start || /* it is nobody's: the namespace's root */
	    !route_has_prefix(v4 ? (const void *)&p->ipv4_src : p->ipv6_src, r->src, r->src_len) ||
	    !route_has_prefix(v4 ? (const void *)&p->ipv4_dst : p->ipv6_dst, r->dst, r->dst_len))
		return false;
	if ((r->tos && r->tos != f->tos) || (r->has_dscp && r->dscp != f->tos >> 2) ||
	    (label ^ r->label) & r->label_mask)
		return false;
	return (!r->proto || r->proto == p->l4_protocol) && in_range(&r->sport, p->sport) &&
	       in_range(&r->dport, p->dport);
}

/* Whether the route that a rule has led to does not count. */
static bool suppressed(const struct route_net *net, const struct rule *r, struct nlmsghdr *h)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	struct rtattr *a[RTA_MULTIPATH + 1], *l[IFLA_GROUP + 1];
	struct route_message m;
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} link;

	if ((s32)route->rtm_dst_len <= r->prefix)
		return true;
	if (r->group == UINT32_MAX)
		return false;
	route_attributes(h, sizeof(*route), a, RTA_MULTIPATH + 1);
	route_begin(&m, RTM_GETLINK, sizeof(m.link));
	m.link.ifi_index = (int)route_number(a[RTA_OIF]);
	if (!m.link.ifi_index || route_ask(net, &m, &link, sizeof(link)))
		return false;
	route_attributes(&link.h, sizeof(m.link), l, IFLA_GROUP + 1);
	return route_number(l[IFLA_GROUP]) == r->group;
}

static int act(const struct route_net *net, const struct rule *r, const struct flow *f, u32 oif,
	       void *answer, size_t size)
{
	struct route_search s = { .oif = oif };
	const struct rtmsg *route;
	int err;

	switch (r->action) {
	case FR_ACT_TO_TBL:
		break;
	case FR_ACT_UNREACHABLE:
		return -ENETUNREACH;
	case FR_ACT_PROHIBIT:
		return -EACCES;
	default:
		return -EINVAL;
	}
	s.table = r->l3mdev ? f->vrf : r->table;
	err = route_best(net, f->p, &s, answer, size);
	if (err <= 0)
		return err ?: -EAGAIN;
	route = NLMSG_DATA((struct nlmsghdr *)answer);
	return route->rtm_type == RTN_THROW || suppressed(net, r, answer) ? -EAGAIN : 1;
}

static int follow(const struct route_net *net, const struct rule *rules, int n,
		  const struct flow *f, u32 oif, void *answer, size_t size)
{
	for (int i = 0, to; i < n; i++) {
		const struct rule *r = &rules[i];
		int err;

		if (selects(r, f) == !!(r->flags & FIB_RULE_INVERT) || r->action == FR_ACT_NOP)
			continue;
		if (r->action == FR_ACT_GOTO) { /* forward only, and nowhere if there is none */
			for (to = i + 1; to < n && rules[to].priority != r->target; to++)
				;
			if (to < n)
				i = to - 1;
			continue;
		}
		err = act(net, r, f, oif, answer, size);
		if (err != -EAGAIN)
			return err;
	}
	return -ENETUNREACH;
}

int rules_route(const struct route_net *net, const struct bpf_fib_lookup *p, u32 flags,
		void *answer, size_t size)
{
	bool output = flags & BPF_FIB_LOOKUP_OUTPUT, custom;
	struct flow f = { .p = p, .mark = flags & BPF_FIB_LOOKUP_MARK ? p->mark : 0 };
	struct rule *rules = mem_calloc(RULES, sizeof(*rules));
	struct ifreq r;
	int n;

	if (!rules)
		return -ENOMEM;
	n = read_rules(net, p->family, rules, &custom);
	if (n < 0 || !custom) {
		n = n < 0 ? n : -ENOSYS;
		goto out;
	}
	if (!route_device(net, p->ifindex, SIOCGIFNAME, &r))
		memcpy(output ? f.oif : f.iif, r.ifr_name, IFNAMSIZ);
	if (output && !route_device(net, 1, SIOCGIFNAME, &r))
		memcpy(f.iif, r.ifr_name, IFNAMSIZ);
	f.vrf = rules_vrf_table(net, p->ifindex);
	f.tos = p->family == AF_INET ? p->tos & 0xfc : (u8)(ntohl(p->flowinfo) >> 20) & 0xfc;
	f.no_source = output && p->family == AF_INET6;
	/* IPv6 prefers a device, and takes another one. */
	n = follow(net, rules, n, &f, output && p->family == AF_INET ? p->ifindex : 0, answer,
		   size);
out:
	mem_free(rules);
	return n;
}

bool rules_custom(const struct route_net *net, u8 family)
{
	struct rule *rules = mem_calloc(RULES, sizeof(*rules));
	bool custom = false;

	if (rules)
		read_rules(net, family, rules, &custom);
	mem_free(rules);
	return custom;
}

static u32 table_in(struct rtattr *nest, u32 kind_is, u32 data_is, u32 table_is)
{
	struct rtattr *kind = NULL, *data = NULL, *a;
	int left = (int)RTA_PAYLOAD(nest);

	for (a = RTA_DATA(nest); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == kind_is)
			kind = a;
		if (a->rta_type == data_is)
			data = a;
	}
	if (!kind || !data || RTA_PAYLOAD(kind) < 3 || memcmp(RTA_DATA(kind), "vrf", 3))
		return 0;
	left = (int)RTA_PAYLOAD(data);
	for (a = RTA_DATA(data); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == table_is)
			return route_number(a);
	return 0;
}

u32 rules_vrf_table(const struct route_net *net, u32 ifindex)
{
	struct rtattr *a[IFLA_LINKINFO + 1];
	struct route_message m;
	union {
		struct nlmsghdr h;
		char bytes[16384];
	} link;

	route_begin(&m, RTM_GETLINK, sizeof(m.link));
	m.link.ifi_index = (int)ifindex;
	if (route_ask(net, &m, &link, sizeof(link)))
		return 0;
	route_attributes(&link.h, sizeof(m.link), a, IFLA_LINKINFO + 1);
	if (!a[IFLA_LINKINFO])
		return 0;
	/* In one, or one itself. */
	return table_in(a[IFLA_LINKINFO], IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA, IFLA_VRF_PORT_TABLE) ?:
		       table_in(a[IFLA_LINKINFO], IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_VRF_TABLE);
}
