/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Routes with programs by rtnetlink: RTA_ENCAP of RTM_NEWROUTE (Linux: bpf_build_state(), bpf_fill_encap_info() of
 * net/core/lwt_bpf.c, parse_nla_bpf(), put_nla_bpf() of net/ipv6/seg6_local.c). The kernel gets the route without them, marked as hook/lwt.h says, and answers; when it tells
 * of a route so marked, what it lacks is put back. DIFF(lwt-routes)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/seg6_local.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "front/rtnl.h"
#include "hook/lwt.h"

#define METRIC6 1024 /* of IPv6 when none is named: IP6_RT_PRIO_USER */

static const u32 types[LWT_PLACES] = { BPF_PROG_TYPE_LWT_IN, BPF_PROG_TYPE_LWT_OUT,
				       BPF_PROG_TYPE_LWT_XMIT };

/* The program of a nest with its descriptor and name. 0 or -errno. */
static int take_pair(struct rtnl_call *c, const struct rtattr *fd, const struct rtattr *name,
		     u32 type, u32 at, struct lwt_route *r)
{
	struct prog_object *p;
	int err;

	if (!fd || !name)
		return -EINVAL;
	p = prog_get_runnable_fd(c->a->sys, (int)rtnl_u32(fd), &err);
	if (!p)
		return err;
	if (p->prog->type != type) {
		object_put(&p->obj);
		return -EINVAL;
	}
	r->at[at].prog = p;
	strncpy(r->at[at].name, RTA_DATA(name),
		min_t(size_t, RTA_PAYLOAD(name), sizeof(r->at[at].name) - 1));
	return 0;
}

static void key_of(const struct rtmsg *m, const struct rtattr **tb, struct lwt_key *k)
{
	u32 size = m->rtm_family == AF_INET6 ? 16 : 4;

	memset(k, 0, sizeof(*k));
	k->family = m->rtm_family;
	k->dst_len = m->rtm_dst_len;
	k->tos = m->rtm_tos;
	k->table = tb[RTA_TABLE] ? rtnl_u32(tb[RTA_TABLE]) : m->rtm_table ?: RT_TABLE_MAIN;
	if (tb[RTA_PRIORITY])
		k->priority = rtnl_u32(tb[RTA_PRIORITY]);
	if (!k->priority && m->rtm_family == AF_INET6)
		k->priority = METRIC6;
	if (tb[RTA_DST] && RTA_PAYLOAD(tb[RTA_DST]) >= size)
		memcpy(k->dst, RTA_DATA(tb[RTA_DST]), size);
}

/* One program of the encapsulation. 0 or -errno. */
static int take_prog(struct rtnl_call *c, const struct rtattr *nest, u32 at, struct lwt_route *r)
{
	const struct rtattr *tb[LWT_BPF_PROG_MAX + 1];

	if (!nest)
		return 0;
	if (rtnl_nested(nest, tb, LWT_BPF_PROG_MAX))
		return -EINVAL;
	return take_pair(c, tb[LWT_BPF_PROG_FD], tb[LWT_BPF_PROG_NAME], types[at], at, r);
}

/* An action of segment routing. 1: it is none of a program's. */
static int build_seg6(struct rtnl_call *c, const struct rtattr *encap, struct lwt_route *r)
{
	const struct rtattr *tb[SEG6_LOCAL_MAX + 1], *prog[SEG6_LOCAL_BPF_PROG_MAX + 1];

	if (rtnl_nested(encap, tb, SEG6_LOCAL_MAX) || !tb[SEG6_LOCAL_ACTION] ||
	    rtnl_u32(tb[SEG6_LOCAL_ACTION]) != SEG6_LOCAL_ACTION_END_BPF)
		return 1;
	if (r->key.family != AF_INET6 || !tb[SEG6_LOCAL_BPF] ||
	    rtnl_nested(tb[SEG6_LOCAL_BPF], prog, SEG6_LOCAL_BPF_PROG_MAX))
		return -EINVAL;
	r->counts = tb[SEG6_LOCAL_COUNTERS];
	return take_pair(c, prog[SEG6_LOCAL_BPF_PROG], prog[SEG6_LOCAL_BPF_PROG_NAME],
			 BPF_PROG_TYPE_LWT_SEG6LOCAL, LWT_AT_IN, r);
}

static int build(struct rtnl_call *c, const struct rtattr *encap, struct lwt_route *r)
{
	const struct rtattr *tb[LWT_BPF_MAX + 1];
	int err;

	if (rtnl_nested(encap, tb, LWT_BPF_MAX))
		return -EINVAL;
	if (!tb[LWT_BPF_IN] && !tb[LWT_BPF_OUT] && !tb[LWT_BPF_XMIT])
		return -EINVAL;
	err = take_prog(c, tb[LWT_BPF_IN], LWT_AT_IN, r);
	err = err ?: take_prog(c, tb[LWT_BPF_OUT], LWT_AT_OUT, r);
	err = err ?: take_prog(c, tb[LWT_BPF_XMIT], LWT_AT_XMIT, r);
	if (!err && tb[LWT_BPF_XMIT_HEADROOM]) {
		r->headroom = rtnl_u32(tb[LWT_BPF_XMIT_HEADROOM]);
		if (r->headroom > LWT_BPF_MAX_HEADROOM)
			err = -ERANGE;
	}
	return err;
}

/* The message for the kernel, as it is. */
static int put_same(struct rtnl_call *c, const struct rtmsg *m, const struct lwt_key *key)
{
	const struct nlmsghdr *n = c->n;
	size_t at = rtnl_begin(c->out, n->nlmsg_type, n->nlmsg_flags, n->nlmsg_seq, n->nlmsg_pid, m,
			       sizeof(*m));
	int left = (int)RTM_PAYLOAD(n); /* RTA_NEXT() may go below 0 */

	for (const struct rtattr *a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left))
		rtnl_put(c->out, a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
	rtnl_end(c->out, at);
	rtnl_datagram(c->out);
	c->out->gone = mem_dup(key, sizeof(*key));
	return c->out->gone ? 0 : -ENOMEM;
}

/* The message for the kernel. */
static void put_rest(struct rtnl_call *c, const struct rtmsg *m)
{
	const struct nlmsghdr *n = c->n;
	struct rtmsg marked = *m;
	const struct rtattr *a;
	int left = (int)RTM_PAYLOAD(n); /* RTA_NEXT() may go below 0 */
	size_t at;

	marked.rtm_protocol = LWT_PROTOCOL;
	at = rtnl_begin(c->out, n->nlmsg_type, n->nlmsg_flags, n->nlmsg_seq, n->nlmsg_pid, &marked,
			sizeof(marked));
	for (a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		u16 type = a->rta_type & NLA_TYPE_MASK;

		if (type != RTA_ENCAP && type != RTA_ENCAP_TYPE)
			rtnl_put(c->out, a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
	}
	rtnl_end(c->out, at);
	rtnl_datagram(c->out);
}

int rtnl_route(struct rtnl_call *c, bool *rest)
{
	const struct rtmsg *m = NLMSG_DATA(c->n);
	const struct rtattr *tb[RTA_MAX + 1];
	struct lwt_route *r;
	struct lwt_key key;
	u16 type = 0;
	int err;

	if (!c->a->ours || !c->a->sys->links || rtnl_attrs(c->n, sizeof(*m), tb, RTA_MAX) ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return 1;
	key_of(m, tb, &key);
	if (c->n->nlmsg_type == RTM_DELROUTE) {
		/* The kernel says whether there is one, and whether it is the one that is meant. */
		if (!(system_caps(c->a->sys) & BPF_CAP_NET_ADMIN) || !lwt_find(c->a->sys, &key))
			return 1;
		*rest = true;
		return put_same(c, m, &key);
	}
	if (tb[RTA_ENCAP_TYPE] && RTA_PAYLOAD(tb[RTA_ENCAP_TYPE]) >= sizeof(type))
		memcpy(&type, RTA_DATA(tb[RTA_ENCAP_TYPE]), sizeof(type));
	if ((type != LWTUNNEL_ENCAP_BPF && type != LWTUNNEL_ENCAP_SEG6_LOCAL) || !tb[RTA_ENCAP])
		return 1;
	r = mem_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->key = key;
	r->encap = type;
	r->protocol = m->rtm_protocol;
	if (!(system_caps(c->a->sys) & BPF_CAP_NET_ADMIN))
		err = -EPERM;
	else if (type == LWTUNNEL_ENCAP_BPF)
		err = build(c, tb[RTA_ENCAP], r);
	else
		err = build_seg6(c, tb[RTA_ENCAP], r);
	if (err) {
		lwt_free(r);
		return err;
	}
	put_rest(c, m);
	c->out->route = r;
	*rest = true;
	return 0;
}

static void fill_prog(struct rtnl_out *out, u16 type, const struct lwt_route *r, u32 at)
{
	size_t nest;

	if (!r->at[at].prog)
		return;
	nest = rtnl_nest(out, type);
	rtnl_put(out, LWT_BPF_PROG_NAME, r->at[at].name, strlen(r->at[at].name) + 1);
	rtnl_nest_end(out, nest);
}

static void fill_seg6(struct rtnl_out *out, const struct lwt_route *r)
{
	size_t nest;

	rtnl_put_u32(out, SEG6_LOCAL_ACTION, SEG6_LOCAL_ACTION_END_BPF);
	nest = rtnl_nest(out, SEG6_LOCAL_BPF);
	rtnl_put_u32(out, SEG6_LOCAL_BPF_PROG, r->at[LWT_AT_IN].prog->obj.id);
	rtnl_put(out, SEG6_LOCAL_BPF_PROG_NAME, r->at[LWT_AT_IN].name,
		 strlen(r->at[LWT_AT_IN].name) + 1);
	rtnl_nest_end(out, nest);
	if (!r->counts)
		return;
	nest = rtnl_nest(out, SEG6_LOCAL_COUNTERS);
	rtnl_put(out, SEG6_LOCAL_CNT_PACKETS, &r->packets, sizeof(r->packets));
	rtnl_put(out, SEG6_LOCAL_CNT_BYTES, &r->bytes, sizeof(r->bytes));
	rtnl_put(out, SEG6_LOCAL_CNT_ERRORS, &r->errors, sizeof(r->errors));
	rtnl_nest_end(out, nest);
}

bool rtnl_complete_route(const struct rtnl_asker *a, const struct nlmsghdr *n, struct rtnl_out *out)
{
	const struct rtmsg *m = NLMSG_DATA(n);
	const struct rtattr *tb[RTA_MAX + 1], *i;
	const struct lwt_route *r;
	struct rtmsg told;
	struct lwt_key key;
	size_t at, nest;
	u16 type;
	int rest;

	if (rtnl_attrs(n, sizeof(*m), tb, RTA_MAX) || m->rtm_protocol != LWT_PROTOCOL)
		return false;
	key_of(m, tb, &key);
	r = lwt_find(a->sys, &key);
	if (!r)
		return false;
	type = r->encap;
	told = *m;
	told.rtm_protocol = r->protocol;
	at = rtnl_begin(out, n->nlmsg_type, n->nlmsg_flags, n->nlmsg_seq, n->nlmsg_pid, &told,
			sizeof(told));
	rest = (int)RTM_PAYLOAD(n);
	for (i = RTM_RTA(m); RTA_OK(i, rest); i = RTA_NEXT(i, rest))
		rtnl_put(out, i->rta_type, RTA_DATA(i), RTA_PAYLOAD(i));
	nest = rtnl_nest(out, RTA_ENCAP);
	if (type == LWTUNNEL_ENCAP_SEG6_LOCAL) {
		fill_seg6(out, r);
	} else {
		fill_prog(out, LWT_BPF_IN, r, LWT_AT_IN);
		fill_prog(out, LWT_BPF_OUT, r, LWT_AT_OUT);
		fill_prog(out, LWT_BPF_XMIT, r, LWT_AT_XMIT);
	}
	rtnl_nest_end(out, nest);
	rtnl_put(out, RTA_ENCAP_TYPE, &type, sizeof(type));
	rtnl_end(out, at);
	return true;
}
