/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Netfilter's programs on a live link (Linux: net/netfilter/nf_bpf_link.c, nf_hook_slow() of core.c): those
 * that links have put into the instance's namespace. The kernel's own hooks there (nftables) come
 * before ours on the way out and behind them on the way in: DIFF(netfilter-order).
 */
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "event/link_ip.h"
#include "event/link_trace.h"
#include "hook/netns.h"
#include "object/system.h"

#define LAST_PRIORITY_OF_FRAGMENTS (-400) /* NF_IP_PRI_CONNTRACK_DEFRAG */

/* Numbers of the objects that a thread's runs share. */
enum { OBJ_STATE = 0x2ef0, OBJ_IN, OBJ_OUT, OBJ_NET };

static const struct hook_progs *progs_at(const struct links *l, u32 pf, u32 hook)
{
	return netfilter_effective(l->sys, l->sys->net_ino, pf, hook);
}

bool link_netfilter_at(const struct links *l, u32 pf, u32 hook)
{
	return progs_at(l, pf, hook);
}

bool link_netfilter_defrag(const struct links *l, u32 pf)
{
	for (u32 hook = NF_PRE_ROUTING; hook <= NF_POST_ROUTING; hook++) {
		const struct hook_progs *progs = progs_at(l, pf, hook);

		for (u32 i = 0; progs && i < progs->n; i++)
			if (progs->v[i].defrag)
				return true;
	}
	return false;
}

/* ---- the context ---- */

static u64 made_up(struct link_way *w, const char *type, u64 nr)
{
	u64 args[] = { (u64)(uintptr_t)type, nr };

	return w->run->platform->world(w->run, WORLD_MADE_UP, args);
}

static void put(struct link_way *w, u64 object, const char *field, const void *bytes, u32 size)
{
	u64 args[] = { object, (u64)(uintptr_t)field, (u64)(uintptr_t)bytes, size };

	w->run->platform->world(w->run, WORLD_PUT, args);
}

static void put_number(struct link_way *w, u64 object, const char *field, u64 v)
{
	put(w, object, field, &v, sizeof(v)); /* a kernel that lacks the field has none */
}

static u64 device(struct link_way *w, u32 ifindex, u32 nr, u64 net)
{
	struct ifreq r = { .ifr_ifindex = (int)ifindex };
	u64 dev = ifindex ? made_up(w, "net_device", nr) : 0;

	if (!dev)
		return 0;
	put_number(w, dev, "ifindex", ifindex);
	put_number(w, dev, "nd_net.net", net);
	if (w->l->control < 0 || ioctl(w->l->control, SIOCGIFNAME, &r))
		return dev;
	put(w, dev, "name", r.ifr_name, sizeof(r.ifr_name));
	if (!ioctl(w->l->control, SIOCGIFMTU, &r))
		put_number(w, dev, "mtu", (u64)r.ifr_mtu);
	if (!ioctl(w->l->control, SIOCGIFFLAGS, &r))
		put_number(w, dev, "flags", (u16)r.ifr_flags);
	return dev;
}

/* struct bpf_nf_ctx: pointers to the hook's state and to the packet. */
static bool fill(struct link_way *w, u32 pf, u32 hook, u32 in, u32 out, struct sk_buff *pkt,
		 u64 ctx[2])
{
	u64 packet = (u64)(uintptr_t)pkt, net = made_up(w, "net", OBJ_NET), in_dev, out_dev;
	const struct bpf_prog *prog = w->run->prog;

	ctx[0] = made_up(w, "nf_hook_state", OBJ_STATE);
	w->run->prog = NULL; /* the packet's own struct, not that of the program's context */
	ctx[1] = w->run->platform->world(w->run, WORLD_KERN_CTX, &packet);
	w->run->prog = prog;
	if (!ctx[0] || !ctx[1])
		return false;
	put_number(w, net, "ns.inum", w->l->sys->net_ino);
	in_dev = device(w, in, OBJ_IN, net);
	out_dev = device(w, out, OBJ_OUT, net);
	put_number(w, ctx[0], "hook", hook);
	put_number(w, ctx[0], "pf", pf);
	put_number(w, ctx[0], "in", in_dev);
	put_number(w, ctx[0], "out", out_dev);
	put_number(w, ctx[0], "sk", 0);
	put_number(w, ctx[0], "net", net);
	put_number(w, ctx[0], "okfn", 0);
	put_number(w, ctx[1], "dev", in ? in_dev : hook == NF_POST_ROUTING ? out_dev : 0);
	return true;
}

bool link_netfilter(struct link_way *w, u32 pf, u32 hook, enum nf_part part, u32 in, u32 out,
		    struct sk_buff *pkt)
{
	const struct hook_progs *progs = progs_at(w->l, pf, hook);
	struct bpf_run *run = w->run;
	u64 ctx[2] = { 0 };
	bool passes = true;

	for (u32 i = 0; progs && i < progs->n && passes; i++) {
		bool early = progs->v[i].priority <= LAST_PRIORITY_OF_FRAGMENTS;

		if (part != NF_ALL && early != (part == NF_FRAGMENTS))
			continue;
		run->prog = progs->v[i].prog;
		/* Where there are no such types no program that reads them could be loaded. */
		if (!ctx[0] && !fill(w, pf, hook, in, out, pkt, ctx))
			return true;
		run->tail_calls = 0;
		run->packet = pkt;
		passes = bpf_prog_run(progs->v[i].prog, ctx, run) & 1; /* NF_DROP, NF_ACCEPT */
	}
	run->packet = NULL;
	if (!passes) {
		const struct port *p = link_port_at(w->l, in ? in : out);

		if (p)
			link_trace_drop(w, p, pkt, LINK_DROP_NETFILTER);
	}
	return passes;
}
