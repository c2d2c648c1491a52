/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Operations on struct sk_buff that several helpers need (Linux: include/linux/skbuff.h,
 * net/core/skbuff.c). A packet owns its buffer: it is never shared or cloned here,
 * and instead of a new buffer with more room, data moves inside the old one.
 */
#ifndef SKEP_HELPER_SKB_H
#define SKEP_HELPER_SKB_H

#include "object/csum.h"
#include "helper/helper.h"
#include "object/packet.h"

#define ETH_ALEN	6
#define ETH_HLEN	14
#define VLAN_HLEN	4
#define ETH_P_IP	0x0800
#define ETH_P_IPV6	0x86dd
#define ETH_P_8021Q	0x8100
#define ETH_P_8021AD	0x88a8
#define ETH_P_802_2	0x0004
#define ETH_P_802_3	0x0001
#define ETH_P_802_3_MIN 0x0600

enum { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL };

static inline u32 skb_headlen(const struct sk_buff *skb)
{
	return skb->len - skb->data_len;
}

static inline s32 skb_network_offset(const struct sk_buff *skb)
{
	return (s32)(skb->head + skb->network_header - skb->data);
}

static inline bool skb_is_gso(const struct sk_buff *skb)
{
	return skb->gso_size != 0;
}

static inline bool eth_type_vlan(u16 proto)
{
	return proto == rt_htons(ETH_P_8021Q) || proto == rt_htons(ETH_P_8021AD);
}

static inline void skb_clear_hash(struct sk_buff *skb)
{
	skb->hash = 0;
	skb->hash_valid = 0;
}

/* After bytes have left the sum's range, or before they change. */
static inline void skb_postpull_rcsum(struct sk_buff *skb, const void *start, u32 len)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = -csum_partial(start, len, -skb->csum);
}

static inline void skb_postpush_rcsum(struct sk_buff *skb, const void *start, u32 len)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb->csum, csum_partial(start, len, 0));
}

/* A VLAN tag beside a packet: its EtherType in network order. */
struct flow_tag {
	u16 proto, tci;
};

/*
 * Of addresses, protocol and ports of the innermost packet, from the network header on (flow.c). Equal for the packets of
 * a flow in both directions, as Linux's, whose key is random: DIFF(flow-hash). Never 0. @tag: NULL: there is none.
 */
u32 flow_hash(const u8 *net, const u8 *end, u16 protocol, const struct flow_tag *tag,
	      bool *has_ports);

/* Brings the first @len bytes into the linear part. 0 or -ENOMEM. */
int skb_may_pull(struct sk_buff *skb, u32 len);
/* Free bytes before .data, and behind .data_end; 0 or -ENOMEM. Data may move. */
int skb_make_room(struct sk_buff *skb, u32 head, u32 tail);

/* @len zeroed bytes at @off; the headers before it move forward. Room has been made. */
void skb_hdr_push(struct sk_buff *skb, u32 off, u32 len);
int skb_hdr_pop(struct sk_buff *skb, u32 off, u32 len); /* 0 or -ENOMEM */

/* Room of @len zeroed bytes at .data, made by skb_make_room() before. */
static inline void skb_push(struct sk_buff *skb, u32 len)
{
	skb->data -= len;
	skb->data_meta = skb->data;
	skb->len += len;
}

static inline void skb_pull(struct sk_buff *skb, u32 len)
{
	skb->data += len;
	skb->data_meta = skb->data;
	skb->len -= len;
}

/* What bpf_compute_data_pointers() does: a moved packet has no metadata any more. */
static inline void skb_compute_pointers(struct sk_buff *skb)
{
	skb->data_end = skb->data + skb_headlen(skb);
	if (skb->data_meta > skb->data)
		skb->data_meta = skb->data;
}

#endif
