/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The network layer on a live link: what Linux does with packets between traffic control and
 * sockets (net/ipv4/ip_input.c, ip_output.c and their IPv6 kin), as far as programs take part in it.
 *
 *   TC ingress → PRE_ROUTING → LOCAL_IN or FORWARD → cgroup → the stack
 *   the stack → LOCAL_OUT → POST_ROUTING → cgroup → TC egress
 *
 * link_ip.c is the way, link_netfilter.c runs netfilter's programs, link_frags.c gathers
 * fragments, link_route.c asks the instance's kernel for routes.
 */
#ifndef SKEP_EVENT_LINK_IP_H
#define SKEP_EVENT_LINK_IP_H

#include "event/link_run.h"

#define PF_IPV4 2 /* NFPROTO_*: AF_INET, AF_INET6 */
#define PF_IPV6 10

enum { NF_PRE_ROUTING, NF_LOCAL_IN, NF_FORWARD, NF_LOCAL_OUT, NF_POST_ROUTING };

/* What an IP header says. Addresses in network order, IPv4 in the first word. */
struct ip_view {
	u32 family; /* PF_* */
	u32 len;    /* of the whole packet, header included */
	u32 src[4], dst[4];
	u32 protocol; /* behind all extension headers that are there */
	u32 l4;	      /* offset of what is behind them, from the IP header */
	bool fragment, more;
	u32 frag_off; /* bytes */
	u32 frag_hdr; /* IPv6: offset of the fragment header; of the byte that announces it */
	u32 frag_next_at;
	u32 id;
};

/* @net: @len bytes from the IP header on. False: broken, as Linux drops it before anything sees it. */
bool ip_parse(u16 protocol, const u8 *net, u32 len, struct ip_view *ip);

/* ---- link_ip.c ---- */

bool link_ip_active(const struct links *l, bool ingress);
/* From traffic control up to the stack. */
void link_ip_receive(struct link_way *w, struct port *p, struct sk_buff *skb);
/* From the stack on to traffic control and the wire. */
void link_ip_send(struct link_way *w, struct port *p, struct sk_buff *skb);

/* ---- link_netfilter.c ---- */

/* Whether a program is at @hook of @pf; NF_DEFRAG_ANY: whether one there wants whole packets. */
bool link_netfilter_at(const struct links *l, u32 pf, u32 hook);
bool link_netfilter_defrag(const struct links *l, u32 pf);

/* Which of a hook's programs: those that see fragments, the others, all of them. */
enum nf_part { NF_FRAGMENTS, NF_WHOLE, NF_ALL };
/* @pkt begins at its IP header. False: dropped. */
bool link_netfilter(struct link_way *w, u32 pf, u32 hook, enum nf_part part, u32 in, u32 out,
		    struct sk_buff *pkt);

/* ---- link_lwt.c ---- */

/* What programs of the packet's route have said; the packet may be another one then. */
enum link_lwt { LINK_LWT_OK, LINK_LWT_REROUTE, LINK_LWT_DROPPED };
bool link_lwt_active(const struct links *l);
/* @at: LWT_AT_*; @from: @skb from its IP header on. */
enum link_lwt link_lwt(struct link_way *w, const struct ip_view *ip, u32 at, u32 iif,
		       struct sk_buff *skb, const struct sk_buff *from);

/* What @pkt, changed by a program, is as a frame again: @ether in front. */
void link_lwt_back(struct sk_buff *skb, const struct sk_buff *pkt, const u8 *ether);

/* ---- link_seg6.c ---- */

struct lwt_route;
/* The action of @r on @pkt, which is @skb from its IP header on. */
enum link_lwt link_seg6(struct link_way *w, const struct lwt_route *r, u32 iif, struct sk_buff *skb,
			struct sk_buff *pkt, const u8 *ether);

/* ---- link_dissect.c ---- */

/* Whether a flow dissector has found what flow @skb is of. @outer: the run that asks. */
bool link_dissect(struct links *l, struct bpf_run *outer, struct sk_buff *skb,
		  struct bpf_flow_keys *keys);

/* ---- link_frags.c ---- */

struct link_datagram {
	struct link_datagram *next;
	u64 since;
	struct ip_view ip; /* of the first that came */
	bool ingress;
	u32 port; /* ifindex */
	u32 n, have, total;
	u32 first; /* the one at offset 0 */
	struct link_fragment {
		u8 *frame; /* whole, with its Ethernet header */
		u32 len, off, size, net;
	} v[128];
};

/*
 * @skb, at its Ethernet header, is a fragment. NULL: it is kept, or nothing can become of it. Else it was the
 * last that was missing: the datagram, to be freed.
 */
struct link_datagram *link_frags_add(struct links *l, const struct sk_buff *skb, u32 ifindex,
				     bool ingress, const struct ip_view *ip);
/* The datagram in one packet, with an Ethernet header, in @skb and @buffer. */
void link_datagram_whole(const struct link_datagram *d, struct sk_buff *skb, u8 *buffer, u64 size);
void link_datagram_free(struct link_datagram *d);
void link_frags_free(struct links *l);

/* ---- link_steer.c ---- */

/* Whom a packet is for, if not for whom it says: the socket's address and port, and the other end's as it is told. */
struct link_steer {
	bool is;      /* there is something to be changed */
	bool dropped; /* the packet is to go nowhere */
	u32 wire[4];  /* the instance's end as the packet says, */
	u32 to[4];    /* and as the socket has it */
	u16 wire_port, to_port;
	u16 rport, as_port; /* network order, all of them */
	u32 stamp;	    /* index of the socket in its group, and 1; 0: nobody has chosen one */
};

bool link_steer_active(const struct links *l);
/* A packet for the instance itself, from its IP header on. */
void link_steer_in(struct link_way *w, const struct port *p, const struct sk_buff *pkt,
		   const struct ip_view *ip, struct link_steer *s);
/* What a socket sends whose packets were steered. */
void link_steer_out(struct link_way *w, const struct sk_buff *pkt, const struct ip_view *ip,
		    struct link_steer *s);
/* Changes the packet or fragment. */
void link_steer_apply(const struct link_steer *s, struct sk_buff *pkt, const struct ip_view *ip,
		      bool ingress);
void link_flows_free(struct links *l);

/* ---- link_route.c ---- */

struct link_route {
	int err; /* 0 or -errno: there is no way */
	u8 type; /* RTN_* */
	u32 oif, realm;
};

/*
 * What the instance's kernel would do with a packet that came on @iif (0: one of its own). Kept until it tells of a
 * change.
 */
struct link_route link_route(struct links *l, const struct ip_view *ip, u32 iif, u32 mark);
/* Realms of what @skb's .route tells. */
u32 link_route_realm(struct links *l, const struct sk_buff *skb);
struct lwt_key;
/* The route in the instance's tables that it takes, and its device, if that is one with programs: 0 or -ENOENT. */
int link_route_match(struct links *l, const struct ip_view *ip, u32 iif, u32 mark,
		     struct lwt_key *key, u32 *oif);
/* Whether @ip's source is an address of the instance. */
bool link_route_is_own(struct links *l, const struct ip_view *ip);
bool link_route_forwards6(struct links *l);
void link_routes_free(struct links *l);

#endif
