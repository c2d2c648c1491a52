/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The way of packets through the network layer of a live link, see link_ip.h. */
#include "event/link_tcp.h"
#include "event/reuseport.h"
#include "event/link_trace.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "base/mem.h"
#include "hook/lwt.h"
#include "object/csum.h"

#define PACKET_OTHERHOST 3
#define REROUTES	 256 /* as many segments as a header may have */

static bool parse4(const u8 *net, u32 len, struct ip_view *ip)
{
	struct iphdr h;
	u16 off;

	if (len < sizeof(h))
		return false;
	memcpy(&h, net, sizeof(h));
	ip->l4 = h.ihl * 4u;
	ip->len = ntohs(h.tot_len);
	if (h.version != 4 || ip->l4 < sizeof(h) || ip->len < ip->l4 || ip->len > len ||
	    csum_fold(csum_partial(net, ip->l4, 0)))
		return false;
	off = ntohs(h.frag_off);
	ip->family = PF_IPV4;
	ip->src[0] = h.saddr;
	ip->dst[0] = h.daddr;
	ip->protocol = h.protocol;
	ip->id = h.id;
	ip->more = off & IP_MF;
	ip->frag_off = (off & IP_OFFMASK) * 8u;
	ip->fragment = ip->more || ip->frag_off;
	return true;
}

static bool parse6(const u8 *net, u32 len, struct ip_view *ip)
{
	struct ip6_hdr h;
	u32 at = sizeof(h), next_at = offsetof(struct ip6_hdr, ip6_nxt);

	if (len < sizeof(h))
		return false;
	memcpy(&h, net, sizeof(h));
	ip->len = (u32)sizeof(h) + ntohs(h.ip6_plen);
	if (net[0] >> 4 != 6 || ip->len > len)
		return false;
	ip->family = PF_IPV6;
	memcpy(ip->src, &h.ip6_src, 16);
	memcpy(ip->dst, &h.ip6_dst, 16);
	ip->protocol = h.ip6_nxt;
	while (at + 8 <= ip->len &&
	       (ip->protocol == IPPROTO_HOPOPTS || ip->protocol == IPPROTO_ROUTING ||
		ip->protocol == IPPROTO_DSTOPTS || ip->protocol == IPPROTO_FRAGMENT)) {
		if (ip->protocol == IPPROTO_FRAGMENT) {
			u16 off;

			memcpy(&off, net + at + 2, 2);
			memcpy(&ip->id, net + at + 4, 4);
			ip->frag_off = ntohs(off) & 0xfff8;
			ip->more = ntohs(off) & 1;
			ip->fragment = true;
			ip->frag_hdr = at;
			ip->frag_next_at = next_at;
			ip->l4 = at + 8;
			ip->protocol = net[at];
			return true; /* what follows is not told by every fragment */
		}
		ip->protocol = net[at];
		next_at = at;
		at += (net[at + 1] + 1u) * 8;
	}
	ip->l4 = at;
	return at <= ip->len;
}

bool ip_parse(u16 protocol, const u8 *net, u32 len, struct ip_view *ip)
{
	memset(ip, 0, sizeof(*ip));
	return protocol == htons(0x0800) ? parse4(net, len, ip) :
	       protocol == htons(0x86dd) ? parse6(net, len, ip) :
					   false;
}

static bool hooks_active(const struct links *l, u32 from, u32 to)
{
	for (u32 hook = from; hook <= to; hook++)
		if (link_netfilter_at(l, PF_IPV4, hook) || link_netfilter_at(l, PF_IPV6, hook))
			return true;
	return false;
}

bool link_ip_active(const struct links *l, bool ingress)
{
	return link_steer_active(l) || link_lwt_active(l) ||
	       (ingress ? hooks_active(l, NF_PRE_ROUTING, NF_FORWARD) :
			  hooks_active(l, NF_LOCAL_OUT, NF_POST_ROUTING));
}

/* The packet from its IP header on, without what pads the frame; fragments of memory are made linear. */
static bool at_network(struct sk_buff *skb, struct sk_buff *pkt, struct ip_view *ip)
{
	u32 linear = skb->len - skb->data_len;

	if (skb->data_len && skb->data_end + skb->data_len <= skb->end) {
		memcpy(skb->data + linear, skb->frag, skb->data_len);
		skb->data_end += skb->data_len;
		skb->data_len = 0;
	}
	*pkt = *skb;
	pkt->data = pkt->data_meta = skb->head + skb->network_header;
	pkt->l2 = 0;
	if (pkt->data > pkt->data_end ||
	    !ip_parse(skb->protocol, pkt->data, (u32)(pkt->data_end - pkt->data), ip))
		return false;
	pkt->len = ip->len;
	pkt->data_end = pkt->data + ip->len;
	pkt->transport_header = (u16)(pkt->network_header + ip->l4);
	return true;
}

static void dropped(struct link_way *w, const struct sk_buff *skb, enum link_drop why)
{
	const struct port *p = link_port_at(w->l, skb->ifindex);

	if (p)
		link_trace_drop(w, p, skb, why);
}

static bool cgroup_allows(struct link_way *w, struct sk_buff *skb, bool ingress,
			  const struct link_steer *s)
{
	bool allows = true;

	if (link_cgroup_active(w->l, ingress)) {
		w->steer = s && s->is ? s : NULL;
		allows = link_cgroup_allows(w, skb, ingress);
		w->steer = NULL;
		if (!allows)
			dropped(w, skb, ingress ? LINK_DROP_CGROUP_IN : LINK_DROP_CGROUP_OUT);
	}
	return allows;
}

/* Up to the stack; @s: to whom, or NULL. */
static void put_up(struct link_way *w, struct port *p, struct sk_buff *skb,
		   const struct link_steer *s)
{
	struct sk_buff pkt;
	struct ip_view ip;

	if ((s && s->dropped) || !cgroup_allows(w, skb, true, s))
		return;
	if (s && s->is) {
		if (!at_network(skb, &pkt, &ip))
			return;
		link_steer_apply(s, &pkt, &ip, true);
		if (ip.family == PF_IPV6 && IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)s->to)) {
			link_send_loopback(w, skb);
			return;
		}
	}
	link_tcp_in(w, p, skb);
	if (s && s->stamp)
		reuseport_stamp(skb->data, s->stamp - 1);
	link_emit_skb(w, &p->inner, skb);
	link_tcp_behind(w, p);
}

static void put_down(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	if (cgroup_allows(w, skb, false, NULL))
		link_transmit_skb(w, p, skb);
}

/* Linux has counted the hop before the programs of FORWARD see the packet. */
static void count_hop(struct sk_buff *pkt, u32 family, int by)
{
	u16 sum;

	if (family == PF_IPV6) {
		pkt->data[7] = (u8)(pkt->data[7] + by);
		return;
	}
	pkt->data[8] = (u8)(pkt->data[8] + by);
	memset(pkt->data + 10, 0, 2);
	sum = csum_fold(csum_partial(pkt->data, (pkt->data[0] & 15) * 4u, 0));
	memcpy(pkt->data + 10, &sum, 2);
}

/* Behind PRE_ROUTING. */
static bool routed_in(struct link_way *w, struct port *p, struct sk_buff *pkt,
		      const struct ip_view *ip, const struct link_route *r)
{
	bool forward = !r->err && r->type == RTN_UNICAST, passes;

	if (!forward)
		return r->err ||
		       link_netfilter(w, ip->family, NF_LOCAL_IN, NF_ALL, p->p.ifindex, 0, pkt);
	if (!link_netfilter_at(w->l, ip->family, NF_FORWARD) ||
	    pkt->data[ip->family == PF_IPV6 ? 7 : 8] <= 1 ||
	    (ip->family == PF_IPV6 && !link_route_forwards6(w->l)))
		return true; /* the stack itself says what becomes of it */
	count_hop(pkt, ip->family, -1);
	passes = link_netfilter(w, ip->family, NF_FORWARD, NF_ALL, p->p.ifindex, r->oif, pkt);
	count_hop(pkt, ip->family, 1);
	return passes;
}

static bool local_out(struct link_way *w, struct port *p, struct sk_buff *pkt,
		      const struct ip_view *ip)
{
	bool own = link_route_is_own(w->l, ip);

	/* A packet of the instance's own has no device before it is routed. */
	if (own && link_netfilter_at(w->l, ip->family, NF_LOCAL_OUT)) {
		struct sk_buff before = *pkt;

		before.ifindex = 0;
		if (!link_netfilter(w, ip->family, NF_LOCAL_OUT, NF_ALL, 0, p->p.ifindex, &before))
			return false;
	}
	return true;
}

static bool post_routing(struct link_way *w, struct port *p, struct sk_buff *pkt,
			 const struct ip_view *ip)
{
	return link_netfilter(w, ip->family, NF_POST_ROUTING, NF_ALL, 0, p->p.ifindex, pkt);
}

/* What the stack sends has a route, by which it has come here. IPv6's have no realms. */
static void has_route(struct sk_buff *skb)
{
	const u8 *net = skb->head + skb->network_header;

	if (skb->protocol == htons(0x0800) && net + sizeof(struct iphdr) <= skb->data_end)
		memcpy(&skb->route.dst, net + offsetof(struct iphdr, daddr), sizeof(u32));
	skb->route.mark = skb->mark;
}

/* One program of the packet's route, on its way out. False: it goes no further. */
static bool route_out(struct link_way *w, u32 at, struct sk_buff *skb, struct sk_buff *pkt,
		      struct ip_view *ip)
{
	if (!link_lwt_active(w->l))
		return true;
	switch (link_lwt(w, ip, at, 0, skb, pkt)) {
	case LINK_LWT_OK:
		break;
	case LINK_LWT_DROPPED:
		dropped(w, skb, LINK_DROP_ROUTE);
		return false;
	case LINK_LWT_REROUTE:
		return false;
	}
	if (!at_network(skb, pkt, ip))
		return false;
	pkt->mac_header = SKB_UNSET;
	return true;
}

/* Those of its routes on its way in, until one of them leaves it as it is. */
static bool route_in(struct link_way *w, struct port *p, struct sk_buff *skb, struct sk_buff *pkt,
		     struct ip_view *ip, struct link_route *r)
{
	for (u32 i = 0; i < REROUTES; i++) {
		enum link_lwt did = link_lwt(w, ip, LWT_AT_IN, p->p.ifindex, skb, pkt);

		if (did == LINK_LWT_DROPPED)
			dropped(w, skb, LINK_DROP_ROUTE);
		if (did == LINK_LWT_DROPPED || !at_network(skb, pkt, ip))
			return false;
		if (did == LINK_LWT_OK)
			return true;
		*r = link_route(w->l, ip, p->p.ifindex, skb->mark);
	}
	return false;
}

/* Linux makes fragments of a packet before it leaves by its route. */
static void fragment_down(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	struct sk_buff pkt;
	struct ip_view ip;

	has_route(skb);
	if (at_network(skb, &pkt, &ip) && cgroup_allows(w, skb, false, NULL) &&
	    route_out(w, LWT_AT_XMIT, skb, &pkt, &ip))
		link_transmit_skb(w, p, skb);
}

/* One packet of all fragments is asked about; they go on as they came. */
static void gathered(struct link_way *w, struct port *p, struct link_datagram *d,
		     const struct link_route *r, bool defrag)
{
	struct link_steer s = { .is = false };
	struct sk_buff skb, pkt;
	struct ip_view ip;
	bool passes;

	link_datagram_whole(d, &skb, w->room->skb, sizeof(w->room->skb));
	if (!at_network(&skb, &pkt, &ip))
		return;
	if (!d->ingress) {
		passes = local_out(w, p, &pkt, &ip) && post_routing(w, p, &pkt, &ip);
	} else {
		passes = (!defrag || link_netfilter(w, ip.family, NF_PRE_ROUTING, NF_WHOLE,
						    p->p.ifindex, 0, &pkt)) &&
			 routed_in(w, p, &pkt, &ip, r);
	}
	if (passes && d->ingress)
		link_steer_in(w, p, &pkt, &ip, &s);
	for (u32 i = 0; passes && i < d->n; i++) {
		frame_to_skb(&skb, w->room->skb, sizeof(w->room->skb), d->v[i].frame, d->v[i].len,
			     0, p->p.ifindex);
		if (d->ingress)
			put_up(w, p, &skb, &s);
		else
			fragment_down(w, p, &skb);
	}
}

void link_ip_receive(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	struct link_steer s = { .is = false };
	struct link_datagram *d;
	struct link_route r;
	struct sk_buff pkt;
	struct ip_view ip;
	bool defrag;

	if ((!link_ip_active(w->l, true) && !skb->assigned.port) ||
	    skb->pkt_type == PACKET_OTHERHOST || skb->vlan_present || !at_network(skb, &pkt, &ip)) {
		put_up(w, p, skb, NULL);
		return;
	}
	defrag = ip.fragment && link_netfilter_defrag(w->l, ip.family);
	if (!link_netfilter(w, ip.family, NF_PRE_ROUTING, defrag ? NF_FRAGMENTS : NF_ALL,
			    p->p.ifindex, 0, &pkt))
		return;
	r = link_route(w->l, &ip, p->p.ifindex, skb->mark);
	/* Linux makes a local route without its programs if the way back has a realm: ip_route_input_slow(). */
	if (link_lwt_active(w->l) && (r.err || r.type != RTN_LOCAL || !r.realm)) {
		if (!route_in(w, p, skb, &pkt, &ip, &r))
			return;
	}
	if (!ip.fragment || (!defrag && !r.err && r.type == RTN_UNICAST)) {
		if (!routed_in(w, p, &pkt, &ip, &r))
			return;
		if (!r.err && r.type == RTN_LOCAL)
			link_steer_in(w, p, &pkt, &ip, &s);
		put_up(w, p, skb, &s);
		return;
	}
	d = link_frags_add(w->l, skb, p->p.ifindex, true, &ip);
	if (d)
		gathered(w, p, d, &r, defrag);
	link_datagram_free(d);
}

void link_ip_send(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	struct link_datagram *d;
	struct link_steer s;
	struct sk_buff pkt;
	struct ip_view ip;

	has_route(skb);
	link_tcp_out(w, p, skb);
	if (!link_ip_active(w->l, false) || skb->vlan_present || !at_network(skb, &pkt, &ip)) {
		put_down(w, p, skb);
		return;
	}
	link_steer_out(w, &pkt, &ip, &s);
	link_steer_apply(&s, &pkt, &ip, false);
	if (s.is && !at_network(skb, &pkt, &ip))
		return;
	pkt.mac_header = SKB_UNSET; /* the stack has not made it yet */
	if (!ip.fragment) {
		if (local_out(w, p, &pkt, &ip) && route_out(w, LWT_AT_OUT, skb, &pkt, &ip) &&
		    post_routing(w, p, &pkt, &ip) && cgroup_allows(w, skb, false, &s) &&
		    route_out(w, LWT_AT_XMIT, skb, &pkt, &ip))
			link_transmit_skb(w, p, skb);
		return;
	}
	/* Linux makes fragments behind its hooks. */
	d = link_frags_add(w->l, skb, p->p.ifindex, false, &ip);
	if (d)
		gathered(w, p, d, NULL, false);
	link_datagram_free(d);
}
