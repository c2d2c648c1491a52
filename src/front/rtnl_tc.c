/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Traffic control by rtnetlink: the clsact and ingress qdiscs of our devices, and the bpf filters
 * in their chains, with Linux's checks in Linux's order and words (Linux: net/sched/sch_api.c,
 * sch_ingress.c, cls_api.c, cls_bpf.c). Other qdiscs are the kernel's; other classifiers on
 * ours are refused as by a kernel that was built without them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <string.h>

#include "front/rtnl.h"
#include "hook/cls_bpf.h"

#define HANDLE	   0xffff0000u /* of an ingress or clsact qdisc */
#define AUTO_FIRST 0xc000      /* priorities are given out downwards from here */
#define AUTO_FROM  0x8000
#define CHAIN_MAX  0x0fffffff
#define NAME_LEN   256

static bool is_dump(const struct nlmsghdr *n)
{
	return (n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

static bool may_change(const struct rtnl_call *c)
{
	return system_caps(c->a->sys) & BPF_CAP_NET_ADMIN;
}

static struct tc_qdisc *qdisc_of(const struct rtnl_call *c, const struct tcmsg *t)
{
	return tc_qdisc_find(c->a->sys, (u32)t->tcm_ifindex);
}

/* ---- qdiscs ---- */

static void fill_qdisc(const struct rtnl_asker *a, const struct tc_qdisc *q, u16 type, u16 flags,
		       u32 seq, u32 parent, struct rtnl_out *out)
{
	struct tcmsg t = { .tcm_ifindex = (int)q->ifindex,
			   .tcm_handle = HANDLE,
			   .tcm_parent = parent,
			   .tcm_info = type != RTM_DELQDISC }; /* references */
	struct {
		u64 bytes;
		u32 packets, pad;
	} basic;
	struct gnet_stats_queue queue = { 0 };
	struct tc_stats old = { 0 };
	size_t at, nest;
	u8 none = 0;

	basic.bytes = old.bytes = READ_ONCE(q->bytes);
	basic.packets = old.packets = (u32)READ_ONCE(q->packets);
	basic.pad = 0;
	queue.drops = old.drops = (u32)READ_ONCE(q->drops);
	at = rtnl_begin(out, type, flags, seq, a->portid, &t, sizeof(t));
	rtnl_put(out, TCA_KIND, q->clsact ? "clsact" : "ingress", q->clsact ? 7 : 8);
	rtnl_nest_end(out, rtnl_nest(out, TCA_OPTIONS));
	rtnl_put(out, TCA_HW_OFFLOAD, &none, sizeof(none));
	nest = rtnl_nest(out, TCA_STATS2);
	rtnl_put(out, TCA_STATS_BASIC, &basic, sizeof(basic));
	rtnl_put(out, TCA_STATS_QUEUE, &queue, sizeof(queue));
	rtnl_nest_end(out, nest);
	rtnl_put(out, TCA_STATS, &old, sizeof(old));
	rtnl_end(out, at);
}

bool rtnl_fill_qdisc(const struct rtnl_asker *a, u32 ifindex, u16 flags, u32 seq,
		     struct rtnl_out *out)
{
	const struct tc_qdisc *q = tc_qdisc_find(a->sys, ifindex);

	if (q)
		fill_qdisc(a, q, RTM_NEWQDISC, flags, seq, TC_H_CLSACT, out);
	return q;
}

/* Linux tells who asked only if it is to be told of its own changes, even of what it asks for. */
static void echo_qdisc(struct rtnl_call *c, u16 type, u16 flags, const struct tcmsg *t)
{
	if (c->n->nlmsg_flags & NLM_F_ECHO)
		fill_qdisc(c->a, qdisc_of(c, t), type, flags, c->n->nlmsg_seq, t->tcm_parent,
			   c->out);
}

static int invalid_name(struct rtnl_call *c)
{
	return rtnl_refuse_since(c, -EINVAL, KVER(6, 18),
				 "Invalid qdisc name: must match existing qdisc",
				 "Invalid qdisc name");
}

static bool is_kind(const struct rtattr *kind, const struct tc_qdisc *q)
{
	return !kind || rtnl_is(kind, q->clsact ? "clsact" : "ingress");
}

/* RTM_GETQDISC and RTM_DELQDISC. */
static int qdisc_get_or_del(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	u32 ifindex = (u32)t->tcm_ifindex;
	const struct tc_qdisc *q = qdisc_of(c, t);
	struct hook *h = hook_find_netdev(c->a->sys, HOOK_TCX_INGRESS, ifindex);

	if (!t->tcm_parent) {
		if (!q)
			return rtnl_refuse(c, -ENOENT,
					   "Failed to find qdisc with specified handle");
	} else if (!q) {
		/* The queue that it was in stays, with a qdisc that does nothing. */
		if (!h->had_qdisc)
			return rtnl_refuse(c, -ENOENT,
					   "Cannot find specified qdisc on specified device");
		if (t->tcm_handle)
			return rtnl_refuse(c, -EINVAL, "Invalid handle");
		if (tb[TCA_KIND] && !rtnl_is(tb[TCA_KIND], "noop"))
			return invalid_name(c);
		if (c->n->nlmsg_type == RTM_GETQDISC)
			return 0; /* it is not shown */
		return rtnl_refuse(c, -ENOENT, "Cannot delete qdisc with handle of zero");
	} else if (t->tcm_handle && t->tcm_handle != HANDLE) {
		return rtnl_refuse(c, -EINVAL, "Invalid handle");
	}
	if (!is_kind(tb[TCA_KIND], q))
		return invalid_name(c);
	if (c->n->nlmsg_type == RTM_GETQDISC) {
		echo_qdisc(c, RTM_NEWQDISC, 0, t);
		rtnl_datagram(c->out);
		return 0;
	}
	if (!t->tcm_parent)
		return rtnl_refuse(c, -EINVAL, "Classid cannot be zero");
	echo_qdisc(c, RTM_DELQDISC, 0, t);
	rtnl_datagram(c->out);
	tc_qdisc_del(c->a->sys, ifindex);
	return 0;
}

static int qdisc_make(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	bool clsact = tb[TCA_KIND] && rtnl_is(tb[TCA_KIND], "clsact"), old = qdisc_of(c, t);
	int err;

	if (!clsact && (!tb[TCA_KIND] || !rtnl_is(tb[TCA_KIND], "ingress")))
		return rtnl_refuse(c, -EINVAL,
				   "Specified parent ID is reserved for ingress and clsact Qdiscs");
	if (t->tcm_parent != TC_H_CLSACT)
		return -EOPNOTSUPP;
	if (tb[TCA_INGRESS_BLOCK] || tb[TCA_EGRESS_BLOCK])
		return rtnl_refuse(c, -EOPNOTSUPP, "skep's qdiscs do not share their filters");
	if (old)
		echo_qdisc(c, RTM_DELQDISC, 0, t);
	tc_qdisc_del(c->a->sys, (u32)t->tcm_ifindex);
	err = tc_qdisc_add(c->a->sys, (u32)t->tcm_ifindex, clsact);
	if (!err)
		echo_qdisc(c, RTM_NEWQDISC, NLM_F_REPLACE, t); /* noop, if nothing else */
	rtnl_datagram(c->out);
	return err;
}

static int qdisc_new(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	const struct tc_qdisc *q = qdisc_of(c, t);
	u16 flags = c->n->nlmsg_flags, how = flags & (NLM_F_CREATE | NLM_F_EXCL | NLM_F_REPLACE);

	if (t->tcm_parent == TC_H_CLSACT)
		hook_find_netdev(c->a->sys, HOOK_TCX_INGRESS, (u32)t->tcm_ifindex)->had_qdisc =
			true;
	if (t->tcm_handle && (!q || t->tcm_handle != HANDLE)) {
		if (q && !(flags & NLM_F_REPLACE))
			return rtnl_refuse(c, -EEXIST, "NLM_F_REPLACE needed to override");
		if (TC_H_MIN(t->tcm_handle))
			return rtnl_refuse(c, -EINVAL, "Invalid minor handle");
		q = NULL;
	} else if (q && !t->tcm_handle && !is_kind(tb[TCA_KIND], q) &&
		   (how == (NLM_F_CREATE | NLM_F_EXCL) || how == (NLM_F_CREATE | NLM_F_REPLACE) ||
		    !how)) {
		return qdisc_make(c, t, tb); /* another in its place */
	}
	if (!q) {
		if (!(flags & NLM_F_CREATE))
			return rtnl_refuse(c, -ENOENT,
					   "Qdisc not found. To create specify NLM_F_CREATE flag");
		return qdisc_make(c, t, tb);
	}
	if (flags & NLM_F_EXCL)
		return rtnl_refuse(c, -EEXIST, "Exclusivity flag on, cannot modify");
	if (!is_kind(tb[TCA_KIND], q))
		return invalid_name(c);
	if (tb[TCA_OPTIONS] && RTA_PAYLOAD(tb[TCA_OPTIONS]))
		return rtnl_refuse(c, -EINVAL, "Change operation not supported by specified qdisc");
	echo_qdisc(c, RTM_NEWQDISC, 0, t);
	rtnl_datagram(c->out);
	return 0;
}

int rtnl_qdisc(struct rtnl_call *c)
{
	const struct tcmsg *t = NLMSG_DATA(c->n);
	const struct rtattr *tb[TCA_MAX + 1];
	bool get = c->n->nlmsg_type == RTM_GETQDISC, ours;

	if (rtnl_attrs(c->n, sizeof(*t), tb, TCA_MAX) || (get && is_dump(c->n)) ||
	    !rtnl_our_device(c->a, (u32)t->tcm_ifindex))
		return 1;
	ours = t->tcm_parent ? t->tcm_parent != TC_H_ROOT && TC_H_MAJ(t->tcm_parent) == HANDLE :
			       TC_H_MAJ(t->tcm_handle) == HANDLE;
	if (c->n->nlmsg_type == RTM_NEWQDISC && tb[TCA_KIND])
		ours |= rtnl_is(tb[TCA_KIND], "clsact") || rtnl_is(tb[TCA_KIND], "ingress");
	if (!ours)
		return 1;
	if (!get && !may_change(c))
		return -EPERM;
	return c->n->nlmsg_type == RTM_NEWQDISC ? qdisc_new(c, t, tb) : qdisc_get_or_del(c, t, tb);
}

/* ---- filters ---- */

/* What a request names. */
struct place {
	struct tc_qdisc *q;
	u32 side, chain;
	u16 prio, protocol;
};

/* Whether @parent is a side of our qdiscs: they have one handle. */
static bool is_side(u32 parent)
{
	return parent != TC_H_ROOT && TC_H_MAJ(parent) == HANDLE;
}

/* The side that @parent is of @q, or -errno. An ingress qdisc has one, whatever it is called. */
static int side_of(struct rtnl_call *c, const struct tc_qdisc *q, u32 parent)
{
	if (!q->clsact || TC_H_MIN(parent) == TC_H_MIN_INGRESS)
		return TC_INGRESS;
	if (TC_H_MIN(parent) == TC_H_MIN_EGRESS)
		return TC_EGRESS;
	if (TC_H_MIN(parent))
		return rtnl_refuse(c, -ENOENT, "Specified class doesn't exist");
	return -EINVAL;
}

static int find_place(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb,
		      struct place *p)
{
	int side;

	p->prio = (u16)(TC_H_MAJ(t->tcm_info) >> 16);
	p->protocol = (u16)TC_H_MIN(t->tcm_info);
	p->chain = tb[TCA_CHAIN] ? rtnl_u32(tb[TCA_CHAIN]) : 0;
	p->q = qdisc_of(c, t);
	if (!p->q)
		return rtnl_refuse(c, -EINVAL, "Parent Qdisc doesn't exists");
	if (tb[TCA_KIND] && RTA_PAYLOAD(tb[TCA_KIND]) > 16)
		return rtnl_refuse(c, -EINVAL, "Specified TC filter name too long");
	side = side_of(c, p->q, t->tcm_parent);
	if (side < 0)
		return side;
	p->side = (u32)side;
	if (c->n->nlmsg_type == RTM_NEWTFILTER)
		p->q->classid[side] = t->tcm_parent;
	if (p->chain > CHAIN_MAX)
		return rtnl_refuse(c, -EINVAL, "Specified chain index exceeds upper limit");
	return 0;
}

static bool chain_exists(const struct place *p)
{
	const struct tc_filters *filters = p->q->at[p->side];

	for (u32 i = 0; filters && i < filters->n; i++)
		if (filters->v[i].chain == p->chain)
			return true;
	return false;
}

static int mismatch(struct rtnl_call *c)
{
	return rtnl_refuse_since(c, -EINVAL, KVER(6, 18),
				 "Protocol mismatch for filter with specified priority",
				 "Filter with specified priority/protocol not found");
}

/* The next priority that nobody has asked for; 0: there is none left. */
static u16 auto_prio(const struct place *p)
{
	const struct tc_filters *filters = p->q->at[p->side];

	for (u32 i = 0; filters && i < filters->n; i++)
		if (filters->v[i].chain == p->chain && filters->v[i].prio >= AUTO_FROM)
			return filters->v[i].prio == AUTO_FROM ? 0 : filters->v[i].prio - 1;
	return AUTO_FIRST;
}

/* RTM_NEWTFILTER of @f; NULL: of its priority. */
static void fill_filter(struct rtnl_call *c, const struct tcmsg *t, const struct place *p, u16 type,
			u16 flags, u16 prio, u16 protocol, const struct tc_filter *f)
{
	struct tcmsg to = { .tcm_ifindex = t->tcm_ifindex,
			    .tcm_parent = is_dump(c->n) ? p->q->classid[p->side] : t->tcm_parent,
			    .tcm_handle = f ? f->handle : 0,
			    .tcm_info = TC_H_MAKE((u32)prio << 16, protocol) };
	struct rtnl_out *out = c->out;
	u32 direct = TCA_BPF_FLAG_ACT_DIRECT;
	size_t at, nest;

	at = rtnl_begin(out, type, flags, c->n->nlmsg_seq, c->a->portid, &to, sizeof(to));
	rtnl_put(out, TCA_KIND, "bpf", 4);
	rtnl_put_u32(out, TCA_CHAIN, p->chain);
	if (f) {
		nest = rtnl_nest(out, TCA_OPTIONS);
		if (f->classid)
			rtnl_put_u32(out, TCA_BPF_CLASSID, f->classid);
		if (f->name)
			rtnl_put(out, TCA_BPF_NAME, f->name, strlen(f->name) + 1);
		rtnl_put_u32(out, TCA_BPF_ID, f->owner->obj.id);
		rtnl_put(out, TCA_BPF_TAG, f->prog->tag, sizeof(f->prog->tag));
		if (f->direct)
			rtnl_put_u32(out, TCA_BPF_FLAGS, direct);
		rtnl_put_u32(out, TCA_BPF_FLAGS_GEN, f->gen_flags);
		rtnl_nest_end(out, nest);
	}
	rtnl_end(out, at);
}

/* What has changed, for who wants its own changes back. */
static void echo(struct rtnl_call *c, const struct tcmsg *t, const struct place *p,
		 const struct tc_filter *f, u16 type)
{
	if (!(c->n->nlmsg_flags & NLM_F_ECHO))
		return;
	fill_filter(c, t, p, type, c->n->nlmsg_flags, p->prio, p->protocol, f);
	rtnl_datagram(c->out);
}

/* A string of at most NAME_LEN characters. */
static int check_name(const struct rtattr *r)
{
	size_t size = RTA_PAYLOAD(r);

	if (!memchr(RTA_DATA(r), 0, min_t(size_t, size, NAME_LEN + 1)))
		return -EINVAL;
	return size > NAME_LEN + 1 ? -ERANGE : 0;
}

/* What the bpf classifier is told, to replace @old if not NULL: 0 and *@f with a reference of the program, or -errno. */
static int read_options(struct rtnl_call *c, const struct rtattr **tca, const struct tc_filter *old,
			struct tc_filter *f)
{
	const u32 known = TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW;
	const struct rtattr *tb[TCA_BPF_MAX + 1];
	u32 flags;
	int err = 0;

	if (!tca[TCA_OPTIONS] || rtnl_nested(tca[TCA_OPTIONS], tb, TCA_BPF_MAX))
		return -EINVAL;
	if (!tb[TCA_BPF_FD] == !(tb[TCA_BPF_OPS] && tb[TCA_BPF_OPS_LEN]))
		return -EINVAL;
	if (tb[TCA_BPF_ACT] || tb[TCA_BPF_POLICE])
		return rtnl_refuse(c, -ENOENT, "Failed to load TC action module");
	flags = tb[TCA_BPF_FLAGS] ? rtnl_u32(tb[TCA_BPF_FLAGS]) : 0;
	if (flags & ~(u32)TCA_BPF_FLAG_ACT_DIRECT)
		return -EINVAL;
	f->direct = flags;
	f->gen_flags = tb[TCA_BPF_FLAGS_GEN] ? rtnl_u32(tb[TCA_BPF_FLAGS_GEN]) : 0;
	if (f->gen_flags & ~known || f->gen_flags == known)
		return -EINVAL;
	if (!tb[TCA_BPF_FD]) /* DIFF(tc-classic) */
		return rtnl_refuse(c, -EOPNOTSUPP,
				   "skep has no classic BPF filters: load an eBPF program");
	f->owner = prog_get_runnable_fd(c->a->sys, (int)rtnl_u32(tb[TCA_BPF_FD]), &err);
	if (!f->owner)
		return err;
	f->prog = f->owner->prog;
	if (f->prog->type != BPF_PROG_TYPE_SCHED_CLS ||
	    (old && (old->gen_flags ^ f->gen_flags) & known))
		err = -EINVAL;
	else if (f->gen_flags & TCA_CLS_FLAGS_SKIP_SW)
		err = -EOPNOTSUPP; /* no device of ours takes programs over */
	else if (tb[TCA_BPF_NAME])
		err = check_name(tb[TCA_BPF_NAME]);
	if (err) {
		object_put(&f->owner->obj);
		return err;
	}
	f->gen_flags |= TCA_CLS_FLAGS_NOT_IN_HW;
	f->classid = tb[TCA_BPF_CLASSID] ? rtnl_u32(tb[TCA_BPF_CLASSID]) : 0;
	f->name = tb[TCA_BPF_NAME] ? RTA_DATA(tb[TCA_BPF_NAME]) : NULL;
	return 0;
}

static int filter_new(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	bool create = c->n->nlmsg_flags & NLM_F_CREATE, given;
	const struct tc_filter *first = NULL, *old = NULL;
	struct tc_filter f = { 0 };
	struct place p;
	int err;

	given = TC_H_MAJ(t->tcm_info);
	if (!given && !create)
		return rtnl_refuse(c, -ENOENT, "Invalid filter command with priority of zero");
	err = find_place(c, t, tb, &p);
	if (err)
		return err;
	if (given)
		first = tc_filter_find(p.q, p.side, p.chain, p.prio, 0);
	else
		p.prio = auto_prio(&p);
	if (!p.prio || (first && p.protocol && first->protocol != p.protocol))
		return mismatch(c);
	if (!first) {
		if (!tb[TCA_KIND] || !p.protocol)
			return rtnl_refuse(c, -EINVAL,
					   "Filter kind and protocol must be specified");
		if (create && !rtnl_is(tb[TCA_KIND], "bpf"))
			return rtnl_refuse(c, -ENOENT, "TC classifier not found");
	} else {
		p.protocol = first->protocol;
		if (tb[TCA_KIND] && !rtnl_is(tb[TCA_KIND], "bpf"))
			return rtnl_refuse(c, -EINVAL,
					   "Specified filter kind does not match existing one");
		if (t->tcm_handle)
			old = tc_filter_find(p.q, p.side, p.chain, p.prio, t->tcm_handle);
	}
	if (!old && !create)
		return rtnl_refuse(
			c, -ENOENT,
			"Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
	if (old && c->n->nlmsg_flags & NLM_F_EXCL)
		return rtnl_refuse(c, -EEXIST, "Filter already exists");
	err = read_options(c, tb, old, &f);
	if (err)
		return err;
	f.chain = p.chain;
	f.prio = p.prio;
	f.protocol = p.protocol;
	f.handle = t->tcm_handle;
	err = tc_filter_set(p.q, c->a->sys, p.side, &f);
	if (!err)
		echo(c, t, &p, tc_filter_find(p.q, p.side, p.chain, p.prio, f.handle),
		     RTM_NEWTFILTER);
	object_put(&f.owner->obj);
	return err;
}

static int filter_del_or_get(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	bool get = c->n->nlmsg_type == RTM_GETTFILTER;
	const struct tc_filter *first, *f;
	struct place p;
	int n, err;

	if (!TC_H_MAJ(t->tcm_info)) {
		if (get)
			return rtnl_refuse(c, -ENOENT,
					   "Invalid filter command with priority of zero");
		if (TC_H_MIN(t->tcm_info) || t->tcm_handle || tb[TCA_KIND])
			return rtnl_refuse(
				c, -ENOENT,
				"Cannot flush filters with protocol, handle or kind set");
	}
	err = find_place(c, t, tb, &p);
	if (err)
		return err;
	if (!chain_exists(&p)) {
		if (!p.prio)
			return 0; /* nothing to flush */
		return rtnl_refuse(c, get ? -EINVAL : -ENOENT,
				   "Cannot find specified filter chain");
	}
	if (!p.prio) {
		n = tc_filter_del(p.q, c->a->sys, p.side, p.chain, 0, 0);
		return n < 0 ? n : 0;
	}
	first = tc_filter_find(p.q, p.side, p.chain, p.prio, 0);
	if (!first)
		return rtnl_refuse(c, -ENOENT, "Filter with specified priority/protocol not found");
	if (p.protocol && first->protocol != p.protocol)
		return mismatch(c);
	if (tb[TCA_KIND] && !rtnl_is(tb[TCA_KIND], "bpf"))
		return rtnl_refuse(c, -EINVAL, "Specified filter kind does not match existing one");
	p.protocol = first->protocol;
	f = t->tcm_handle ? tc_filter_find(p.q, p.side, p.chain, p.prio, t->tcm_handle) : NULL;
	if (!f && (t->tcm_handle || get))
		return rtnl_refuse(c, -ENOENT, "Specified filter handle not found");
	if (get) {
		fill_filter(c, t, &p, RTM_NEWTFILTER, c->n->nlmsg_flags, p.prio, p.protocol, f);
		rtnl_datagram(c->out);
		return 0;
	}
	echo(c, t, &p, f, RTM_DELTFILTER);
	n = tc_filter_del(p.q, c->a->sys, p.side, p.chain, p.prio, t->tcm_handle);
	return n < 0 ? n : 0;
}

static int filter_dump(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	u16 prio = (u16)(TC_H_MAJ(t->tcm_info) >> 16), protocol = (u16)TC_H_MIN(t->tcm_info);
	const struct tc_filters *filters;
	const struct tc_filter *last = NULL;
	struct place p = { .q = qdisc_of(c, t) };
	int side;

	side = p.q ? side_of(c, p.q, t->tcm_parent) : -ENOENT;
	if (side < 0)
		return 0; /* there is nothing, says Linux */
	p.side = (u32)side;
	filters = p.q->at[side];
	for (u32 i = 0; filters && i < filters->n; i++) {
		const struct tc_filter *f = &filters->v[i];

		if ((tb[TCA_CHAIN] && rtnl_u32(tb[TCA_CHAIN]) != f->chain) ||
		    (prio && prio != f->prio) || (protocol && protocol != f->protocol))
			continue;
		p.chain = f->chain;
		if (!last || last->chain != f->chain || last->prio != f->prio)
			fill_filter(c, t, &p, RTM_NEWTFILTER, NLM_F_MULTI, f->prio, f->protocol,
				    NULL);
		fill_filter(c, t, &p, RTM_NEWTFILTER, NLM_F_MULTI, f->prio, f->protocol, f);
		rtnl_dumped(c->out);
		last = f;
	}
	return 0;
}

/* A filter with a program of ours in a place where we do not see the packets. */
static int elsewhere(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	const struct rtattr *opts[TCA_BPF_MAX + 1];

	if (c->n->nlmsg_type != RTM_NEWTFILTER || !tb[TCA_KIND] || !rtnl_is(tb[TCA_KIND], "bpf") ||
	    !tb[TCA_OPTIONS] || rtnl_nested(tb[TCA_OPTIONS], opts, TCA_BPF_MAX) ||
	    !opts[TCA_BPF_FD])
		return 1;
	if (!may_change(c))
		return -EPERM;
	if (rtnl_our_device(c->a, (u32)t->tcm_ifindex))
		return rtnl_refuse(c, -EOPNOTSUPP,
				   "skep runs filters of clsact and ingress qdiscs only");
	if ((u32)t->tcm_ifindex != TCM_IFINDEX_MAGIC_BLOCK &&
	    !c->a->device(c->a->arg, (u32)t->tcm_ifindex))
		return -ENODEV;
	return rtnl_refuse(c, -EOPNOTSUPP,
			   "skep does not carry the packets of this device: no program can run");
}

int rtnl_filter(struct rtnl_call *c)
{
	const struct tcmsg *t = NLMSG_DATA(c->n);
	const struct rtattr *tb[TCA_MAX + 1];

	if (rtnl_attrs(c->n, sizeof(*t), tb, TCA_MAX))
		return 1;
	if (!rtnl_our_device(c->a, (u32)t->tcm_ifindex) || !is_side(t->tcm_parent))
		return elsewhere(c, t, tb);
	switch (c->n->nlmsg_type) {
	case RTM_NEWTFILTER:
		return may_change(c) ? filter_new(c, t, tb) : -EPERM;
	case RTM_DELTFILTER:
		return may_change(c) ? filter_del_or_get(c, t, tb) : -EPERM;
	}
	return is_dump(c->n) ? filter_dump(c, t, tb) : filter_del_or_get(c, t, tb);
}

/* ---- chains: they are there while they have filters ---- */

static void fill_chain(struct rtnl_call *c, const struct tcmsg *t, const struct place *p, u16 flags)
{
	struct tcmsg to = { .tcm_ifindex = t->tcm_ifindex, .tcm_parent = HANDLE };
	size_t at = rtnl_begin(c->out, RTM_NEWCHAIN, flags, c->n->nlmsg_seq, c->a->portid, &to,
			       sizeof(to));

	rtnl_put_u32(c->out, TCA_CHAIN, p->chain);
	rtnl_end(c->out, at);
}

static int chain_dump(struct rtnl_call *c, const struct tcmsg *t, const struct rtattr **tb)
{
	struct place p = { .q = qdisc_of(c, t) };
	int side = p.q ? side_of(c, p.q, t->tcm_parent) : -ENOENT;
	const struct tc_filters *filters = side < 0 ? NULL : p.q->at[side];

	p.side = (u32)side;
	for (u32 i = 0; filters && i < filters->n; i++) {
		p.chain = filters->v[i].chain;
		if ((i && filters->v[i - 1].chain == p.chain) ||
		    (tb[TCA_CHAIN] && rtnl_u32(tb[TCA_CHAIN]) != p.chain))
			continue;
		fill_chain(c, t, &p, NLM_F_MULTI);
		rtnl_dumped(c->out);
	}
	return 0;
}

int rtnl_chain(struct rtnl_call *c)
{
	const struct tcmsg *t = NLMSG_DATA(c->n);
	const struct rtattr *tb[TCA_MAX + 1];
	struct place p;
	int err;

	if (rtnl_attrs(c->n, sizeof(*t), tb, TCA_MAX) ||
	    !rtnl_our_device(c->a, (u32)t->tcm_ifindex) || !is_side(t->tcm_parent))
		return 1;
	if (c->n->nlmsg_type == RTM_GETCHAIN && is_dump(c->n))
		return chain_dump(c, t, tb);
	if (c->n->nlmsg_type != RTM_GETCHAIN && !may_change(c))
		return -EPERM;
	err = find_place(c, t, tb, &p);
	if (err)
		return err;
	if (c->n->nlmsg_type == RTM_NEWCHAIN) {
		if (chain_exists(&p))
			return rtnl_refuse(c, -EEXIST, "Filter chain already exists");
		return rtnl_refuse(c, -EOPNOTSUPP, "skep's chains are made by their filters");
	}
	if (!chain_exists(&p))
		return rtnl_refuse(c, -EINVAL, "Cannot find specified filter chain");
	if (c->n->nlmsg_type == RTM_GETCHAIN) {
		fill_chain(c, t, &p, 0);
		rtnl_datagram(c->out);
		return 0;
	}
	err = tc_filter_del(p.q, c->a->sys, p.side, p.chain, 0, 0);
	return err < 0 ? err : 0;
}
