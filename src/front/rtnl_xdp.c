/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * XDP by rtnetlink: IFLA_XDP of RTM_NEWLINK and RTM_SETLINK (Linux: do_setlink() and rtnl_xdp_fill()
 * of net/core/rtnetlink.c).
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "front/rtnl.h"
#include "hook/hook.h"

#define ATTACHED_DRV 1 /* XDP_ATTACHED_* */
#define ATTACHED_SKB 2

static struct prog_object *xdp_prog(struct rtnl_call *c, int fd, int *err)
{
	struct prog_object *p = prog_get_runnable_fd(c->a->sys, fd, err);

	if (p && p->prog->type != BPF_PROG_TYPE_XDP) {
		object_put(&p->obj);
		*err = -EINVAL;
		return NULL;
	}
	return p;
}

static int attach(struct rtnl_call *c, u32 ifindex, const struct rtattr **xdp)
{
	u32 flags = xdp[IFLA_XDP_FLAGS] ? rtnl_u32(xdp[IFLA_XDP_FLAGS]) : 0;
	u32 modes = flags & XDP_FLAGS_MODES;
	struct prog_object *prog = NULL, *old = NULL;
	int fd = (int)rtnl_u32(xdp[IFLA_XDP_FD]), expected = -1, err = 0;

	if (xdp[IFLA_XDP_ATTACHED] || xdp[IFLA_XDP_PROG_ID] || flags & ~(u32)XDP_FLAGS_MASK ||
	    modes & (modes - 1))
		return -EINVAL;
	if (flags & XDP_FLAGS_REPLACE) {
		if (!xdp[IFLA_XDP_EXPECTED_FD])
			return -EINVAL;
		expected = (int)rtnl_u32(xdp[IFLA_XDP_EXPECTED_FD]);
	}
	if (fd >= 0)
		prog = xdp_prog(c, fd, &err);
	if (!err && expected >= 0)
		old = xdp_prog(c, expected, &err);
	if (!err)
		err = hook_attach_xdp(c->a->sys, prog, old, ifindex, flags, &c->why);
	object_put((struct object *)old);
	object_put((struct object *)prog);
	return err;
}

/* The message without what was ours: true if that is more than which device it was. */
static bool put_rest(struct rtnl_call *c, const struct ifinfomsg *info)
{
	const struct nlmsghdr *n = c->n;
	const struct rtattr *r;
	bool rest = info->ifi_change || info->ifi_flags;
	int left = (int)IFLA_PAYLOAD(n); /* RTA_NEXT() may go below 0 */
	size_t before = c->out->bytes.n, at;

	at = rtnl_begin(c->out, n->nlmsg_type, n->nlmsg_flags, n->nlmsg_seq, n->nlmsg_pid, info,
			sizeof(*info));
	for (r = IFLA_RTA(info); RTA_OK(r, left); r = RTA_NEXT(r, left)) {
		u16 type = r->rta_type & NLA_TYPE_MASK;

		if (type == IFLA_XDP)
			continue;
		rtnl_put(c->out, r->rta_type, RTA_DATA(r), RTA_PAYLOAD(r));
		rest |= type != IFLA_IFNAME && type != IFLA_ALT_IFNAME && type != IFLA_EXT_MASK;
	}
	rtnl_end(c->out, at);
	if (!rest)
		c->out->bytes.n = before;
	else
		rtnl_datagram(c->out);
	return rest;
}

int rtnl_setlink(struct rtnl_call *c, bool *rest)
{
	const struct ifinfomsg *info = NLMSG_DATA(c->n);
	const struct rtattr *tb[IFLA_ALT_IFNAME + 1], *xdp[IFLA_XDP_MAX + 1];
	const struct rtnl_asker *a = c->a;
	char name[IFNAMSIZ + 1] = "";
	u32 ifindex;
	int err;

	if (rtnl_attrs(c->n, sizeof(*info), tb, IFLA_ALT_IFNAME) || !tb[IFLA_XDP] ||
	    rtnl_nested(tb[IFLA_XDP], xdp, IFLA_XDP_MAX) || !xdp[IFLA_XDP_FD])
		return 1;
	ifindex = (u32)info->ifi_index;
	if (!ifindex && tb[IFLA_IFNAME]) {
		memcpy(name, RTA_DATA(tb[IFLA_IFNAME]),
		       min_t(size_t, RTA_PAYLOAD(tb[IFLA_IFNAME]), IFNAMSIZ));
		ifindex = a->ifindex(a->arg, name);
	}
	if (!rtnl_our_device(a, ifindex)) {
		/* Nothing of ours to take off, or no such device: as the kernel says. */
		if ((int)rtnl_u32(xdp[IFLA_XDP_FD]) < 0)
			return 1;
		if (!(system_caps(a->sys) & BPF_CAP_NET_ADMIN))
			return -EPERM;
		if (!a->device(a->arg, ifindex))
			return -ENODEV;
		return rtnl_refuse(
			c, -EOPNOTSUPP,
			"skep does not carry the packets of this device: no program can run");
	}
	if (!(system_caps(a->sys) & BPF_CAP_NET_ADMIN))
		return -EPERM;
	err = attach(c, ifindex, xdp);
	if (!err)
		*rest = put_rest(c, info);
	return err;
}

void rtnl_fill_xdp(const struct rtnl_asker *a, u32 ifindex, struct rtnl_out *out)
{
	const struct hook *h = hook_find_netdev(a->sys, HOOK_XDP, ifindex);
	bool generic = hook_xdp_generic(h);
	u8 mode = generic ? ATTACHED_SKB : ATTACHED_DRV;
	u32 id = h->progs->v[0].owner->obj.id;

	rtnl_put_u32(out, generic ? IFLA_XDP_SKB_PROG_ID : IFLA_XDP_DRV_PROG_ID, id);
	rtnl_put(out, IFLA_XDP_ATTACHED, &mode, sizeof(mode));
	rtnl_put_u32(out, IFLA_XDP_PROG_ID, id);
}
