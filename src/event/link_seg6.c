/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Actions of segment routing that are programs, on packets that a live link's routes are for (Linux:
 * input_action_end_bpf() of net/ipv6/seg6_local.c). What goes on as its addresses say is left to the instance's stack;
 * what has a next hop of its own, or one of another table, is forwarded here (net/ipv6/ip6_output.c: ip6_forward()).
 * DIFF(lwt-next-hop)
 */
#include <errno.h>
#include <netinet/ip6.h>
#include <string.h>

#include "event/link_ip.h"
#include "hook/lwt.h"
#include "object/system.h"

enum { SEG6_OK = 0, SEG6_DROP = 2, SEG6_REDIRECT = 7 };

/* One run of the program. False: the packet goes no further. */
static bool act(struct link_way *w, const struct lwt_route *r, u32 iif, struct sk_buff *pkt)
{
	const struct bpf_prog *prog = r->at[LWT_AT_IN].prog->prog;
	u64 args[] = { (u64)(uintptr_t)pkt, 0, 0 };
	u32 did;

	if (!skb_seg6_enter(pkt))
		return false;
	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	memset(&pkt->hop, 0, sizeof(pkt->hop));
	w->run->tail_calls = 0;
	w->run->prog = prog;
	pkt->is_ingress = 1;
	pkt->ifindex = iif;
	did = (u32)bpf_prog_run(prog, pkt, w->run);
	if ((did != SEG6_OK && did != SEG6_REDIRECT) || !skb_seg6_leave(pkt))
		return false;
	if (did == SEG6_OK)
		link_netdev_call(w->l->sys, w->run, WORLD_NEXT_HOP, args);
	return true;
}

/* To where the program wished: the hop is counted, the hooks are asked, and it leaves. False: the stack is to say why not. */
static bool forward(struct link_way *w, u32 iif, struct sk_buff *skb, struct sk_buff *pkt,
		    const u8 *ether)
{
	u32 mtu = (u32)link_device_mtu(w->l, pkt->hop.oif);

	if (pkt->data[offsetof(struct ip6_hdr, ip6_hlim)] <= 1)
		return false;
	if (!link_route_forwards6(w->l) || pkt->len > mtu)
		return true;
	pkt->data[offsetof(struct ip6_hdr, ip6_hlim)]--;
	if (!link_netfilter(w, PF_IPV6, NF_FORWARD, NF_ALL, iif, pkt->hop.oif, pkt) ||
	    !link_netfilter(w, PF_IPV6, NF_POST_ROUTING, NF_ALL, 0, pkt->hop.oif, pkt))
		return true;
	link_lwt_back(skb, pkt, ether);
	link_to_neighbour(w, skb, pkt->hop.oif, PF_IPV6, pkt->hop.addr);
	return true;
}

enum link_lwt link_seg6(struct link_way *w, const struct lwt_route *r, u32 iif, struct sk_buff *skb,
			struct sk_buff *pkt, const u8 *ether)
{
	struct lwt_route *counts = (struct lwt_route *)r;
	u32 len = pkt->len;
	bool goes;

	/* A program that redirects without having said where to leaves the route as it is: its own again. */
	do
		goes = pkt->protocol == htons(0x86dd) && act(w, r, iif, pkt);
	while (goes && !pkt->hop.set);
	__atomic_fetch_add(goes ? &counts->packets : &counts->errors, 1, __ATOMIC_RELAXED);
	if (goes)
		__atomic_fetch_add(&counts->bytes, len, __ATOMIC_RELAXED);
	/* -EINVAL: a black hole, in which is also what would be for this host. */
	if (!goes || pkt->hop.err == -EINVAL || (pkt->hop.err && pkt->hop.chosen))
		return LINK_LWT_DROPPED;
	if (pkt->hop.chosen && forward(w, iif, skb, pkt, ether))
		return LINK_LWT_DROPPED;
	link_lwt_back(skb, pkt, ether);
	return LINK_LWT_REROUTE;
}
