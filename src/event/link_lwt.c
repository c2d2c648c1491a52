/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs of routes on a live link's packets (Linux: run_lwt_bpf(), bpf_input(), bpf_output(), bpf_xmit() of net/core/lwt_bpf.c). */
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "event/link_ip.h"
#include "hook/lwt.h"
#include "object/system.h"

enum { LWT_OK = 0, LWT_DROP = 2, LWT_REDIRECT = 7, LWT_REROUTE = 128 };

bool link_lwt_active(const struct links *l)
{
	return load_acquire(&l->sys->lwt);
}

void link_lwt_back(struct sk_buff *skb, const struct sk_buff *pkt, const u8 *ether)
{
	u16 protocol = pkt->protocol;

	*skb = *pkt;
	skb->data -= ETH_HLEN;
	memcpy(skb->data, ether, ETH_HLEN - 2);
	memcpy(skb->data + ETH_HLEN - 2, &protocol, 2);
	skb->data_meta = skb->data;
	skb->len += ETH_HLEN;
	skb->l2 = 1;
	skb->mac_header = (u16)(skb->data - skb->head);
	skb->network_header = (u16)(skb->mac_header + ETH_HLEN);
}

enum link_lwt link_lwt(struct link_way *w, const struct ip_view *ip, u32 at, u32 iif,
		       struct sk_buff *skb, const struct sk_buff *from)
{
	const struct lwt_route *r;
	struct sk_buff pkt = *from;
	u8 ether[ETH_HLEN];
	struct lwt_key key;
	u32 act, oif;

	if (!link_lwt_active(w->l) || link_route_match(w->l, ip, iif, pkt.mark, &key, &oif))
		return LINK_LWT_OK;
	r = lwt_find(w->l->sys, &key);
	if (!r && key.table == RT_TABLE_MAIN) { /* Linux keeps the two in one, and tells so */
		key.table = RT_TABLE_LOCAL;
		r = lwt_find(w->l->sys, &key);
	}
	if (!r || !r->at[at].prog)
		return LINK_LWT_OK;
	memcpy(ether, skb->data, ETH_HLEN);
	memset(&pkt.hop, 0, sizeof(pkt.hop));
	w->oif = oif;
	if (r->encap == LWTUNNEL_ENCAP_SEG6_LOCAL)
		return link_seg6(w, r, iif, skb, &pkt, ether);
	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	w->run->tail_calls = 0;
	w->run->prog = r->at[at].prog->prog;
	pkt.is_ingress = at == LWT_AT_IN;
	if (iif && ip->family == PF_IPV4) {
		pkt.route.dst = ip->dst[0];
		pkt.route.src = ip->src[0];
		pkt.route.iif = iif;
		pkt.route.mark = pkt.mark;
	}
	act = (u32)bpf_prog_run(r->at[at].prog->prog, &pkt, w->run);
	if (act == LWT_REDIRECT && at != LWT_AT_XMIT)
		act = LWT_OK;
	switch (act) {
	case LWT_OK:
		if (at == LWT_AT_XMIT && pkt.protocol != from->protocol)
			return LINK_LWT_DROPPED; /* that needs another route */
		link_lwt_back(skb, &pkt, ether);
		return LINK_LWT_OK;
	case LWT_REROUTE:
		link_lwt_back(skb, &pkt, ether);
		if (at == LWT_AT_OUT)
			return LINK_LWT_OK;
		if (at == LWT_AT_IN) /* the stack looks again */
			return LINK_LWT_REROUTE;
		link_route_again(w, skb);
		return LINK_LWT_DROPPED;
	case LWT_REDIRECT:
		/* The program has made a header for the device. */
		if (pkt.data == pkt.head + pkt.network_header)
			return LINK_LWT_DROPPED;
		pkt.l2 = 1;
		pkt.mac_header = (u16)(pkt.data - pkt.head);
		memcpy(&pkt.protocol, pkt.data + ETH_HLEN - 2, 2);
		link_redirect_skb(w, &pkt, false);
	}
	return LINK_LWT_DROPPED;
}
