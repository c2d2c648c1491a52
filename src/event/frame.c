/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Frames and skbs (Linux: eth_type_trans(), skb_vlan_untag(), skb_vlan_push()). */
#include "event/frame.h"

#include <string.h>

static u16 get16(const u8 *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool frame_is_vlan(u16 proto)
{
	return proto == __builtin_bswap16(0x8100) || proto == __builtin_bswap16(0x88a8);
}

void frame_to_skb(struct sk_buff *skb, u8 *buffer, u64 buffer_size, const u8 *data, u32 len,
		  u32 meta, u32 ifindex)
{
	u8 *at = buffer + SKB_ROOM / 2;
	u16 proto = get16(data + 12);

	memset(skb, 0, sizeof(*skb));
	skb->head = buffer;
	skb->end = buffer + buffer_size;
	memcpy(at - meta, data - meta, len + meta);
	if (frame_is_vlan(proto) && len >= ETH_HLEN + VLAN_HLEN) {
		skb->vlan_present = 1;
		skb->vlan_proto = proto;
		skb->vlan_tci = __builtin_bswap16(get16(data + 14));
		memmove(at + 12, at + 16, len - 16);
		len -= VLAN_HLEN;
		proto = get16(at + 12);
	}
	skb->data = at;
	skb->data_end = at + len;
	skb->data_meta = at - meta;
	skb->len = len;
	skb->protocol = proto;
	skb->l2 = 1;
	skb->is_ingress = 1;
	skb->mac_len = ETH_HLEN;
	skb->mac_header = (u16)(at - skb->head);
	skb->network_header = (u16)(skb->mac_header + ETH_HLEN);
	skb->transport_header = SKB_UNSET;
	skb->ifindex = skb->ingress_ifindex = ifindex;
	skb->wire_len = len;
	skb->pkt_type = !(at[0] & 1)				   ? 0 /* PACKET_HOST */ :
			!memcmp(at, "\xff\xff\xff\xff\xff\xff", 6) ? 1 /* PACKET_BROADCAST */ :
								     2 /* PACKET_MULTICAST */;
}

u32 frame_from_skb(const struct sk_buff *skb, u8 *out)
{
	u32 len = skb->len, linear = len - skb->data_len, head = 0;
	u16 tci = __builtin_bswap16(skb->vlan_tci);
	u8 *to = out;

	if (skb->vlan_present && linear >= 12) {
		head = 12;
		memcpy(to, skb->data, head);
		memcpy(to + 12, &skb->vlan_proto, 2);
		memcpy(to + 14, &tci, 2);
		to += head + VLAN_HLEN;
	}
	memcpy(to, skb->data + head, linear - head);
	to += linear - head;
	if (skb->data_len)
		memcpy(to, skb->frag, skb->data_len);
	return (u32)(to - out) + skb->data_len;
}
