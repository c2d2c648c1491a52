/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * rtnetlink: which requests are ours, acknowledgements, and completing the kernel's answers
 * (Linux: net/netlink/af_netlink.c, rtnetlink_rcv_msg() of net/core/rtnetlink.c).
 */
#include "front/rtnl.h"

#include <errno.h>
#include <string.h>

#include "hook/cls_bpf.h"
#include "hook/lwt.h"

#define DATAGRAM 4096 /* of a dump; Linux's are as long as the reader's buffer, from a page on */

/* ---- reading ---- */

static int walk(const struct rtattr *r, size_t size, const struct rtattr **tb, u32 max)
{
	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (size >= sizeof(*r)) {
		size_t step;

		if (r->rta_len < sizeof(*r) || r->rta_len > size)
			return -EINVAL;
		if ((r->rta_type & NLA_TYPE_MASK) <= max)
			tb[r->rta_type & NLA_TYPE_MASK] = r;
		step = min_t(size_t, RTA_ALIGN(r->rta_len), size);
		r = (const struct rtattr *)((const u8 *)r + step);
		size -= step;
	}
	return 0;
}

int rtnl_attrs(const struct nlmsghdr *n, size_t header, const struct rtattr **tb, u32 max)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	if (n->nlmsg_len < NLMSG_HDRLEN + header)
		return -EINVAL;
	if (n->nlmsg_len < at)
		at = n->nlmsg_len;
	return walk((const struct rtattr *)((const u8 *)n + at), n->nlmsg_len - at, tb, max);
}

int rtnl_nested(const struct rtattr *nest, const struct rtattr **tb, u32 max)
{
	return walk(RTA_DATA(nest), RTA_PAYLOAD(nest), tb, max);
}

u32 rtnl_u32(const struct rtattr *r)
{
	u32 v = 0;

	if (RTA_PAYLOAD(r) >= sizeof(v))
		memcpy(&v, RTA_DATA(r), sizeof(v));
	return v;
}

bool rtnl_is(const struct rtattr *r, const char *text)
{
	size_t len = strlen(text), size = RTA_PAYLOAD(r);
	const char *p = RTA_DATA(r);

	return size >= len && !memcmp(p, text, len) && (size == len || !p[len]);
}

/* ---- building ---- */

/* @size bytes at the end, and zeroes up to an address that an attribute may have. */
static void append(struct rtnl_out *out, const void *data, size_t size)
{
	size_t room = NLMSG_ALIGN(size);

	if (out->failed || vec_reserve(&out->bytes, out->bytes.n + room)) {
		out->failed = true;
		return;
	}
	memset(&out->bytes.v[out->bytes.n], 0, room);
	if (size)
		memcpy(&out->bytes.v[out->bytes.n], data, size);
	out->bytes.n += room;
}

size_t rtnl_begin(struct rtnl_out *out, u16 type, u16 flags, u32 seq, u32 portid,
		  const void *header, size_t size)
{
	const struct nlmsghdr n = {
		.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq, .nlmsg_pid = portid
	};
	size_t at = out->bytes.n;

	append(out, &n, sizeof(n));
	append(out, header, size);
	return at;
}

void rtnl_end(struct rtnl_out *out, size_t at)
{
	u32 len = (u32)(out->bytes.n - at);

	if (!out->failed)
		memcpy(&out->bytes.v[at], &len, sizeof(len));
}

void rtnl_put(struct rtnl_out *out, u16 type, const void *data, size_t size)
{
	const struct rtattr r = { .rta_len = (u16)RTA_LENGTH(size), .rta_type = type };

	append(out, &r, sizeof(r));
	append(out, data, size);
}

void rtnl_put_u32(struct rtnl_out *out, u16 type, u32 value)
{
	rtnl_put(out, type, &value, sizeof(value));
}

size_t rtnl_nest(struct rtnl_out *out, u16 type)
{
	size_t at = out->bytes.n;

	rtnl_put(out, type, NULL, 0);
	return at;
}

void rtnl_nest_end(struct rtnl_out *out, size_t at)
{
	u16 len = (u16)(out->bytes.n - at);

	if (!out->failed)
		memcpy(&out->bytes.v[at], &len, sizeof(len));
}

static size_t datagram_start(const struct rtnl_out *out)
{
	return out->ends.n ? out->ends.v[out->ends.n - 1] : 0;
}

void rtnl_datagram(struct rtnl_out *out)
{
	if (out->failed || out->bytes.n == datagram_start(out))
		return;
	if (vec_push(&out->ends, (u32)out->bytes.n))
		out->failed = true;
}

void rtnl_dumped(struct rtnl_out *out)
{
	if (out->bytes.n - datagram_start(out) > DATAGRAM - 512)
		rtnl_datagram(out);
}

void rtnl_out_free(struct rtnl_out *out)
{
	vec_free(&out->bytes);
	vec_free(&out->ends);
	lwt_free(out->route);
	mem_free(out->gone);
}

void rtnl_taken(const struct rtnl_asker *a, struct rtnl_out *out)
{
	relock_take(&a->sys->lock);
	if (out->gone)
		lwt_del(a->sys, out->gone);
	else if (out->route)
		lwt_put(a->sys, out->route);
	out->route = NULL;
	relock_give(&a->sys->lock);
}

/* ---- answering ---- */

bool rtnl_our_device(const struct rtnl_asker *a, u32 ifindex)
{
	return a->ours && hook_find_netdev(a->sys, HOOK_XDP, ifindex);
}

int rtnl_refuse(struct rtnl_call *c, int err, const char *why)
{
	c->why = why;
	return err;
}

int rtnl_refuse_since(struct rtnl_call *c, int err, kver since, const char *why, const char *before)
{
	return rtnl_refuse(c, err, visible(c->a->sys->profile, since) ? why : before);
}

/* NLMSG_ERROR, which is an acknowledgement when @err is 0. */
static void acknowledge(struct rtnl_call *c, int err)
{
	const struct rtnl_asker *a = c->a;
	bool text = a->ext_ack && c->why, capped = !err || a->cap_ack;
	const struct nlmsgerr e = { .error = err, .msg = *c->n };
	size_t at = rtnl_begin(c->out, NLMSG_ERROR,
			       (u16)((capped ? NLM_F_CAPPED : 0) | (text ? NLM_F_ACK_TLVS : 0)),
			       c->n->nlmsg_seq, a->portid, &e, sizeof(e));

	if (!capped)
		append(c->out, (const u8 *)c->n + NLMSG_HDRLEN, c->n->nlmsg_len - NLMSG_HDRLEN);
	if (text)
		rtnl_put(c->out, NLMSGERR_ATTR_MSG, c->why, strlen(c->why) + 1);
	rtnl_end(c->out, at);
	rtnl_datagram(c->out);
}

static void dump_done(struct rtnl_call *c)
{
	int none = 0;
	size_t at = rtnl_begin(c->out, NLMSG_DONE, NLM_F_MULTI, c->n->nlmsg_seq, c->a->portid,
			       &none, sizeof(none));

	rtnl_end(c->out, at);
	rtnl_datagram(c->out);
}

enum rtnl_whose rtnl_request(const struct rtnl_asker *a, const struct nlmsghdr *n,
			     struct rtnl_out *out)
{
	struct rtnl_call c = { a, n, out, NULL };
	bool rest = false, dump;
	int err = 1;

	if (!(n->nlmsg_flags & NLM_F_REQUEST))
		return RTNL_KERNEL;
	relock_take(&a->sys->lock);
	switch (n->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
		err = rtnl_setlink(&c, &rest);
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_GETQDISC:
		err = rtnl_qdisc(&c);
		break;
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_GETTFILTER:
		err = rtnl_filter(&c);
		break;
	case RTM_NEWCHAIN:
	case RTM_DELCHAIN:
	case RTM_GETCHAIN:
		err = rtnl_chain(&c);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = rtnl_route(&c, &rest);
		break;
	}
	relock_give(&a->sys->lock);
	if (err == 1)
		return RTNL_KERNEL;
	/* Only requests to get something can ask for all of it. */
	dump = (n->nlmsg_type & 3) == 2 && (n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!err && rest)
		return RTNL_REST;
	if (!err && dump)
		dump_done(&c);
	else if (err || n->nlmsg_flags & NLM_F_ACK)
		acknowledge(&c, err);
	return RTNL_OURS;
}

/* ---- completing ---- */

static int note(struct hook *h, void *arg)
{
	*(bool *)arg = true;
	return 1;
}

bool rtnl_anything(const struct skep_system *sys)
{
	bool any = load_acquire(&sys->tc) || load_acquire(&sys->lwt);

	if (!any)
		hooks_each((struct skep_system *)sys, HOOK_XDP, note, &any);
	return any;
}

bool rtnl_dumps_qdiscs(const struct nlmsghdr *n)
{
	return n->nlmsg_type == RTM_GETQDISC && (n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* The kernel's RTM_NEWLINK with our IFLA_XDP in the place of its own. */
static bool complete_link(const struct rtnl_asker *a, const struct nlmsghdr *n,
			  struct rtnl_out *out)
{
	const struct ifinfomsg *info = NLMSG_DATA(n);
	const struct rtattr *r;
	struct hook *h;
	size_t at, nest;
	int rest; /* RTA_NEXT() may go below 0 */

	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return false;
	h = a->ours ? hook_find_netdev(a->sys, HOOK_XDP, (u32)info->ifi_index) : NULL;
	if (!h || !hook_active(h))
		return false;
	at = rtnl_begin(out, n->nlmsg_type, n->nlmsg_flags, n->nlmsg_seq, n->nlmsg_pid, info,
			sizeof(*info));
	rest = (int)IFLA_PAYLOAD(n);
	for (r = IFLA_RTA(info); RTA_OK(r, rest); r = RTA_NEXT(r, rest)) {
		if ((r->rta_type & NLA_TYPE_MASK) != IFLA_XDP) {
			rtnl_put(out, r->rta_type, RTA_DATA(r), RTA_PAYLOAD(r));
			continue;
		}
		nest = rtnl_nest(out, r->rta_type);
		rtnl_fill_xdp(a, (u32)info->ifi_index, out);
		rtnl_nest_end(out, nest);
	}
	rtnl_end(out, at);
	return true;
}

/* Our qdisc of @ifindex, unless the dump has it already. */
static bool tell_qdisc(const struct rtnl_asker *a, struct rtnl_dump *dump, u32 ifindex,
		       struct rtnl_out *out)
{
	for (size_t i = 0; i < dump->told.n; i++)
		if (dump->told.v[i] == ifindex)
			return false;
	if (!rtnl_fill_qdisc(a, ifindex, NLM_F_MULTI, dump->seq, out))
		return false;
	if (vec_push(&dump->told, ifindex))
		out->failed = true;
	return true;
}

/* Linux tells of a device's ingress side behind all of its others. */
static bool complete_qdiscs(const struct rtnl_asker *a, const struct nlmsghdr *n,
			    struct rtnl_dump *dump, struct rtnl_out *out)
{
	const struct tcmsg *t = NLMSG_DATA(n);
	bool done = n->nlmsg_type == NLMSG_DONE, told = false;
	u32 ifindex = 0;

	if (!done && (n->nlmsg_type != RTM_NEWQDISC || n->nlmsg_len < NLMSG_LENGTH(sizeof(*t))))
		return false;
	if (!done)
		ifindex = (u32)t->tcm_ifindex;
	if (dump->last && dump->last != ifindex)
		told = tell_qdisc(a, dump, dump->last, out);
	dump->last = ifindex;
	for (const struct tc_qdisc *q = done ? a->sys->tc : NULL; q; q = q->next)
		told |= tell_qdisc(a, dump, q->ifindex, out);
	return told;
}

bool rtnl_complete(const struct rtnl_asker *a, const void *data, size_t size,
		   struct rtnl_dump *dump, struct rtnl_out *out)
{
	const struct nlmsghdr *n = data;
	size_t left = size;
	bool changed = false;

	relock_take(&a->sys->lock);
	for (; a->ours && NLMSG_OK(n, left); n = rtnl_next(n, &left)) {
		if (dump && n->nlmsg_seq == dump->seq)
			changed |= complete_qdiscs(a, n, dump, out);
		if ((n->nlmsg_type == RTM_NEWLINK && complete_link(a, n, out)) ||
		    (n->nlmsg_type == RTM_NEWROUTE && rtnl_complete_route(a, n, out)))
			changed = true;
		else
			append(out, n, n->nlmsg_len);
	}
	relock_give(&a->sys->lock);
	rtnl_datagram(out);
	return changed && !out->failed;
}
