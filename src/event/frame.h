/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Frames as programs of traffic control see them, and back: what captures and live links share. */
#ifndef SKEP_EVENT_FRAME_H
#define SKEP_EVENT_FRAME_H

#include "object/packet.h"

#define ETH_HLEN  14
#define VLAN_HLEN 4

/* What a program on an skb may decide (linux/pkt_cls.h: TC_ACT_*). */
enum {
	TC_UNSPEC = -1,
	TC_OK = 0,
	TC_SHOT = 2,
	TC_STOLEN = 4,
	TC_QUEUED = 5,
	TC_REDIRECT = 7,
	TC_TRAP = 8,
	TC_OTHER = 9
};

/* An EtherType as it stands in the frame. */
bool frame_is_vlan(u16 proto);

/*
 * The skb of a received frame in @buffer, at its Ethernet header, a VLAN tag taken out of the data.
 * Before @data are @meta bytes of metadata. At least ETH_HLEN bytes.
 */
void frame_to_skb(struct sk_buff *skb, u8 *buffer, u64 buffer_size, const u8 *data, u32 len,
		  u32 meta, u32 ifindex);
/* The same frame again, with its tag: written to @out, which has room for @skb->len + VLAN_HLEN. Its length. */
u32 frame_from_skb(const struct sk_buff *skb, u8 *out);

#endif
