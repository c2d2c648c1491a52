/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The packets that programs run on: the runtime structs behind the contexts
 * xdp_md and __sk_buff. Context loads are rewritten to loads of these (tables in
 * src/prog); packet helpers act on them. Freestanding; memory belongs to the hook
 * or test run that made the packet.
 */
#ifndef SKEP_OBJECT_PACKET_H
#define SKEP_OBJECT_PACKET_H

#include "base/types.h"

#define XDP_PACKET_HEADROOM 256

#define XDP_FRAME_SIZE	40    /* Linux's struct xdp_frame: no adjustment may reach it */
#define SKB_SHARED_INFO 320   /* tail room that Linux keeps for struct skb_shared_info */
#define SKB_MAX_LEN	16064 /* BPF_SKB_MAX_LEN with pages of 4096 bytes */
/*
 * What a buffer must have before and behind the data so that helpers never lack
 * room: a packet of up to SKB_MAX_LEN bytes is moved inside its buffer.
 */
#define SKB_ROOM (2 * SKB_MAX_LEN + 4096)

/* What a driver knows of a frame that it has received (Linux: struct veth_xdp_buff .skb). */
struct xdp_rx {
	const u8 *data; /* as it came, for the hash */
	u32 len;
	u64 timestamp;		  /* the device's, ns; veth has none: 0 */
	u16 vlan_proto, vlan_tci; /* the former in network byte order; 0: it had no tag beside it */
};

/* Linear frame in [data_hard_start, hard_end); Linux: struct xdp_buff. */
struct xdp_buff {
	u8 *data;
	u8 *data_end;
	u8 *data_meta; /* data + 1: metadata not supported */
	u8 *data_hard_start;
	u8 *hard_end; /* first byte a tail adjustment may not reach */
	u32 ingress_ifindex, rx_queue_index, egress_ifindex;
	u32 frame_sz;
	/* multi-buffer frames: fragments after the linear part */
	u32 nr_frags, frags_len;
	struct xdp_frag {
		u8 *data;
		u32 len, cap;
	} * frags;
	void *netdev;		 /* world object or NULL */
	const struct xdp_rx *rx; /* NULL: not from a driver's receive queue */
};

#define SKB_UNSET 0xffff

/* A socket that a packet has been given to, as it was then. */
struct sock_target {
	u32 family, protocol;
	u32 local[4]; /* IPv4: the first */
	u32 port;     /* host order; 0: there is no such socket */
	u64 cookie;
};

/* Linux: struct sk_buff as far as programs see it. Data is linear unless data_len. */
/*
 * What is to be known of the tunnel that a packet goes into: bpf_skb_set_tunnel_key(). One for
 * each CPU (Linux: md_dst of net/core/filter.c), to which the packet points.
 */
#define TUNNEL_OPTS_MAX 255
struct skb_tunnel {
	u64 id;
	u32 remote[4], local[4]; /* network byte order; IPv4: the first */
	u32 label;
	u16 flags; /* TUNNEL_*, the kernel's numbers */
	u8 tos, ttl, ipv6, opts_len;
	u8 opts[TUNNEL_OPTS_MAX];
};

struct sk_buff {
	u8 *head;     /* start of buffer */
	u8 *data;     /* first byte programs see (L2 or L3 by type) */
	u8 *data_end; /* end of the linear, directly accessible part */
	u8 *end;      /* end of buffer */
	u8 *data_meta;
	u32 len;      /* data_end - data + data_len */
	u32 data_len; /* bytes not directly accessible, at *frag */
	u8 *frag;
	u16 mac_header, network_header, transport_header; /* offsets from head; SKB_UNSET */
	u16 mac_len;
	u32 mark, priority, hash;
	/*
	 * As wide as in Linux: stores of programs are cut to these, and a narrow load of
	 * bytes that Linux does not have gives what it gives there.
	 */
	u8 pkt_type;
	u16 queue_mapping, tc_index, tc_classid, gso_segs, gso_size;
	u32 napi_id, ingress_ifindex, ifindex;
	u16 protocol;	/* network byte order */
	u16 vlan_proto; /* network byte order */
	u16 vlan_tci;
	u8 ip_summed;
	u32 vlan_present;
	u32 cb[5];
	u64 tstamp, hwtstamp;
	u32 tstamp_type, wire_len;
	u32 csum, csum_start, csum_offset;
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
	u8 hash_valid, cloned, is_ingress, l2; /* l2: data points at the Ethernet header */
	u8 csum_level, encapsulation;
	u8 has_sk; /* as if it had a socket, whose cookie and owner are: */
	u32 sk_uid;
	u64 sk_cookie;
	void *sk;		     /* struct bpf_sock-like world object or NULL */
	struct sock_target assigned; /* by bpf_sk_assign() */
	void *flow_keys;
	void *netdev;
	const struct skb_tunnel *tunnel; /* of the run's CPU; NULL: none */
	struct {
		u32 dst, src, iif, mark; /* .iif 0: it leaves, whatever .src is */
	} route; /* what an IPv4 packet of a live link was routed by; .dst 0: it was not */
	struct {
		u32 off, hdrlen; /* from .data; bytes behind the first eight */
		bool there, valid;
	} srh; /* segment routing header of an action's packet (Linux: seg6_bpf_srh_state) */
	struct {
		bool set;    /* a helper has looked: */
		bool chosen; /* for a next hop or in a table that the program named */
		s32 err;     /* 0, or -errno: there is no way */
		u32 oif, addr[4];
	} hop; /* who gets it next (Linux: what skb_dst() has become) */
};

/* The context of flow dissectors, as rows of prog/flow_dissector.c place it. */
struct flow_dissector_ctx {
	u64 data, data_end, flow_keys; /* pointers; struct bpf_flow_keys */
	struct sk_buff *skb;	       /* NULL: there are the bytes only */
};

/* Before a LWT_SEG6LOCAL program's test run: finds .srh. */
void skb_seg6_start(struct sk_buff *skb);
/* A packet for such an action: finds .srh and goes on to its next segment. False: it has none. */
bool skb_seg6_enter(struct sk_buff *skb);
/* Behind the program: whether what it has left there is a header. */
bool skb_seg6_leave(struct sk_buff *skb);

#endif
