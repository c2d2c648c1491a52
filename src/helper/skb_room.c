/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers that move headers and change a packet's size (Linux: net/core/filter.c and the
 * VLAN functions of net/core/skbuff.c).
 */
#include "helper/skb.h"

/* ---- VLAN ---- */

static void vlan_put(struct sk_buff *skb, u16 proto, u16 tci)
{
	skb->vlan_proto = proto;
	skb->vlan_tci = tci;
	skb->vlan_present = 1;
}

static void vlan_clear(struct sk_buff *skb, const struct bpf_run *run)
{
	skb->vlan_present = 0;
	if (!run_visible(run, KVER(6, 2))) /* programs see what is not present, too */
		return;
	skb->vlan_tci = 0;
	skb->vlan_proto = 0;
}

/* Writes the tag that was kept beside the packet into it. */
static int vlan_insert(struct sk_buff *skb)
{
	u16 tci = rt_htons(skb->vlan_tci);

	if (skb_may_pull(skb, ETH_HLEN))
		return -EINVAL;
	if (skb_make_room(skb, VLAN_HLEN, 0))
		return -ENOMEM;
	skb_push(skb, VLAN_HLEN);
	__builtin_memmove(skb->data, skb->data + VLAN_HLEN, 2 * ETH_ALEN);
	if (skb->mac_header != SKB_UNSET)
		skb->mac_header -= VLAN_HLEN;
	rt_copy(skb->data + 2 * ETH_ALEN, &skb->vlan_proto, 2);
	rt_copy(skb->data + 2 * ETH_ALEN + 2, &tci, 2);
	skb->protocol = skb->vlan_proto;
	skb->network_header -= VLAN_HLEN;
	skb_postpush_rcsum(skb, skb->data + 2 * ETH_ALEN, VLAN_HLEN);
	return 0;
}

static bool at_mac_header(const struct sk_buff *skb)
{
	return skb->data == skb->head + skb->mac_header;
}

BPF_HELPER(skb_vlan_push)
{
	struct sk_buff *skb = PTR(r1);
	u16 proto = (u16)r2;
	int err = 0;

	if (unlikely(!eth_type_vlan(proto)))
		proto = rt_htons(ETH_P_8021Q);
	if (skb->vlan_present)
		err = at_mac_header(skb) ? vlan_insert(skb) : -EINVAL;
	if (!err)
		vlan_put(skb, proto, (u16)r3);
	skb->mac_len = (u16)(skb->network_header - skb->mac_header);
	skb_compute_pointers(skb);
	return (u64)(s64)err;
}

/* The ethertype behind a tag, with what stands for frames that have a length there. */
static u16 encapsulated_proto(const u8 *tag)
{
	u16 proto = *(const rt_u16 *)(tag + 2);

	if (rt_htons(proto) >= ETH_P_802_3_MIN)
		return proto;
	return *(const rt_u16 *)(tag + 4) == 0xffff ? rt_htons(ETH_P_802_3) : rt_htons(ETH_P_802_2);
}

static int vlan_remove(struct sk_buff *skb, u16 *tci)
{
	u8 *tag;

	if (!at_mac_header(skb))
		return -EINVAL;
	if (skb_may_pull(skb, ETH_HLEN + VLAN_HLEN))
		return -ENOMEM;
	tag = skb->data + ETH_HLEN;
	skb_postpull_rcsum(skb, skb->data + 2 * ETH_ALEN, VLAN_HLEN);
	*tci = rt_htons(*(rt_u16 *)tag);
	/* Linux reads two bytes behind the tag, too: there is always room for that. */
	skb->protocol = encapsulated_proto(tag);
	__builtin_memmove(skb->data + VLAN_HLEN, skb->data, 2 * ETH_ALEN);
	skb_pull(skb, VLAN_HLEN);
	skb->mac_header += VLAN_HLEN;
	if (skb_network_offset(skb) < ETH_HLEN)
		skb->network_header = (u16)(skb->data - skb->head + ETH_HLEN);
	skb->mac_len = (u16)(skb->network_header - skb->mac_header);
	return 0;
}

static int vlan_pop(struct sk_buff *skb, const struct bpf_run *run)
{
	u16 proto, tci;
	int err;

	if (skb->vlan_present) {
		vlan_clear(skb, run);
	} else {
		if (!eth_type_vlan(skb->protocol))
			return 0;
		err = vlan_remove(skb, &tci);
		if (err)
			return err;
	}
	/* The next tag is kept beside the packet. */
	if (likely(!eth_type_vlan(skb->protocol)))
		return 0;
	proto = skb->protocol;
	err = vlan_remove(skb, &tci);
	if (!err)
		vlan_put(skb, proto, tci);
	return err;
}

BPF_HELPER(skb_vlan_pop)
{
	struct sk_buff *skb = PTR(r1);
	int err = vlan_pop(skb, run);

	skb_compute_pointers(skb);
	return (u64)(s64)err;
}

/* ---- room between the headers ---- */

void skb_hdr_push(struct sk_buff *skb, u32 off, u32 len)
{
	bool same = skb->transport_header == skb->network_header;

	skb_push(skb, len);
	__builtin_memmove(skb->data, skb->data + len, off);
	__builtin_memset(skb->data + off, 0, len);
	skb->mac_header = (u16)(skb->mac_header - len);
	skb->network_header = (u16)(skb->network_header - len);
	if (same)
		skb->transport_header = skb->network_header;
}

int skb_hdr_pop(struct sk_buff *skb, u32 off, u32 len)
{
	bool same = skb->transport_header == skb->network_header;

	if (skb_may_pull(skb, off + len))
		return -ENOMEM;
	skb_postpull_rcsum(skb, skb->data + off, len);
	__builtin_memmove(skb->data + len, skb->data, off);
	skb_pull(skb, len);
	skb->mac_header = (u16)(skb->mac_header + len);
	skb->network_header = (u16)(skb->network_header + len);
	if (same)
		skb->transport_header = skb->network_header;
	return 0;
}

static u32 mac_header_len(const struct sk_buff *skb)
{
	return (u32)(skb->network_header - skb->mac_header);
}

#define IPV6_MORE 20 /* bytes by which an IPv6 header is longer */

BPF_HELPER(skb_change_proto)
{
	struct sk_buff *skb = PTR(r1);
	u16 to = (u16)r2;
	u32 off = mac_header_len(skb);
	int err;

	if (unlikely(r3))
		return ERR(EINVAL);
	if (skb->protocol == rt_htons(ETH_P_IP) && to == rt_htons(ETH_P_IPV6)) {
		err = skb_make_room(skb, IPV6_MORE, 0);
		if (!err)
			skb_hdr_push(skb, off, IPV6_MORE);
	} else if (skb->protocol == rt_htons(ETH_P_IPV6) && to == rt_htons(ETH_P_IP)) {
		err = skb_hdr_pop(skb, off, IPV6_MORE);
	} else {
		err = -ENOTSUPP;
	}
	if (!err) {
		skb->protocol = to;
		skb_clear_hash(skb);
	}
	skb_compute_pointers(skb);
	return (u64)(s64)err;
}

static u32 net_base_len(const struct sk_buff *skb)
{
	if (skb->protocol == rt_htons(ETH_P_IP))
		return 20;
	if (skb->protocol == rt_htons(ETH_P_IPV6))
		return 40;
	return ~0U;
}

#define ENCAP_L3 (BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6)
#define ENCAP_L4 (BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP)
#define DECAP_L3 (BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_DECAP_L3_IPV6)
#define ADJ_ROOM_FLAGS                                                                             \
	(BPF_F_ADJ_ROOM_FIXED_GSO | ENCAP_L3 | ENCAP_L4 | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |            \
	 BPF_F_ADJ_ROOM_ENCAP_L2(BPF_ADJ_ROOM_ENCAP_L2_MASK) | DECAP_L3 |                          \
	 BPF_F_ADJ_ROOM_NO_CSUM_RESET)

static int net_grow(struct sk_buff *skb, u32 off, u32 len, u64 flags)
{
	u8 inner_mac_len = (u8)(flags >> BPF_ADJ_ROOM_ENCAP_L2_SHIFT);
	bool encap = flags & ENCAP_L3, v6 = flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	u16 mac_len;

	/* Packets here have no GSO type: they are not known to be TCP. */
	if (skb_is_gso(skb))
		return -ENOTSUPP;
	if (skb_make_room(skb, len, 0))
		return -ENOMEM;
	if (encap) {
		if ((flags & ENCAP_L3) == ENCAP_L3 || (flags & ENCAP_L4) == ENCAP_L4)
			return -EINVAL;
		if (flags & BPF_F_ADJ_ROOM_ENCAP_L2_ETH && inner_mac_len < ETH_HLEN)
			return -EINVAL;
		if (skb->encapsulation)
			return -EALREADY;
		if (inner_mac_len > len)
			return -EINVAL;
	}
	mac_len = (u16)(skb->network_header - skb->mac_header);
	skb_hdr_push(skb, off, len);
	if (!encap)
		return 0;
	skb->encapsulation = 1;
	skb->network_header = (u16)(skb->data - skb->head + mac_len);
	if (flags & ENCAP_L4)
		skb->transport_header = (u16)(skb->network_header + (v6 ? 40 : 20));
	skb->protocol = rt_htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	return 0;
}

static int net_shrink(struct sk_buff *skb, u32 off, u32 len, u64 flags)
{
	int err;

	if (unlikely(flags &
		     ~(u64)(BPF_F_ADJ_ROOM_FIXED_GSO | DECAP_L3 | BPF_F_ADJ_ROOM_NO_CSUM_RESET)))
		return -EINVAL;
	if (skb_is_gso(skb))
		return -ENOTSUPP;
	err = skb_hdr_pop(skb, off, len);
	if (err)
		return err;
	if (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV6)
		skb->protocol = rt_htons(ETH_P_IPV6);
	else if (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4)
		skb->protocol = rt_htons(ETH_P_IP);
	return 0;
}

BPF_HELPER(skb_adjust_room)
{
	struct sk_buff *skb = PTR(r1);
	s32 diff = (s32)r2;
	u32 mode = (u32)r3, len = diff < 0 ? 0 - (u32)diff : (u32)diff;
	u32 base = net_base_len(skb), min_len = base, off, now;
	bool shrink = diff < 0;
	u64 flags = r4;
	int err;

	if (unlikely(flags & ~(u64)ADJ_ROOM_FLAGS ||
		     (flags & DECAP_L3 && !run_visible(run, KVER(6, 3)))))
		return ERR(EINVAL);
	if (unlikely(len > 0xfff))
		return ERR(EFAULT);
	if (unlikely(base == ~0U))
		return ERR(ENOTSUPP);
	off = mac_header_len(skb);
	if (mode == BPF_ADJ_ROOM_NET)
		off += base;
	else if (mode != BPF_ADJ_ROOM_MAC)
		return ERR(ENOTSUPP);
	if (flags & DECAP_L3) {
		if (!shrink || (flags & DECAP_L3) == DECAP_L3)
			return ERR(EINVAL);
		min_len = flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4 ? 20 : 40;
	}
	now = skb->len - (u32)skb_network_offset(skb);
	if (shrink ? len >= now || now - len < min_len :
		     skb->len + len > SKB_MAX_LEN && !skb_is_gso(skb))
		return ERR(ENOTSUPP);
	err = shrink ? net_shrink(skb, off, len, flags) : net_grow(skb, off, len, flags);
	if (!err && !(flags & BPF_F_ADJ_ROOM_NO_CSUM_RESET) &&
	    skb->ip_summed == CHECKSUM_UNNECESSARY) {
		skb->ip_summed = CHECKSUM_NONE;
		skb->csum_level = 0;
	}
	skb_compute_pointers(skb);
	return (u64)(s64)err;
}

/* ---- room at the ends ---- */

/*
 * DIFF(skb-transport-header): when Linux lacks head room, its new buffer makes an unset
 * transport header look set, and shorter packets are allowed then.
 */
static u32 min_tail_len(const struct sk_buff *skb)
{
	s32 off = skb_network_offset(skb);
	u32 len = off > 0 ? (u32)off : 0;

	if (skb->transport_header != SKB_UNSET) {
		off = (s32)(skb->head + skb->transport_header - skb->data);
		if (off > 0)
			len = (u32)off;
	}
	return len;
}

BPF_HELPER(skb_change_tail)
{
	struct sk_buff *skb = PTR(r1);
	u32 len = (u32)r2;
	int err;

	if (unlikely(r3 || len > SKB_MAX_LEN || len < min_tail_len(skb)))
		return ERR(EINVAL);
	if (skb->encapsulation)
		return ERR(ENOTSUPP);
	err = skb_may_pull(skb, skb->len);
	if (!err && len > skb->len)
		err = skb_make_room(skb, 0, len - skb->len);
	if (!err) {
		if (len != skb->len && skb->ip_summed == CHECKSUM_COMPLETE)
			skb->ip_summed = CHECKSUM_NONE;
		if (len > skb->len)
			__builtin_memset(skb->data + skb->len, 0, len - skb->len);
		skb->len = len;
	}
	if (!err && skb_is_gso(skb))
		skb->gso_size = skb->gso_segs = 0;
	skb_compute_pointers(skb);
	return (u64)(s64)err;
}

BPF_HELPER(skb_change_head)
{
	struct sk_buff *skb = PTR(r1);
	u32 head = (u32)r2, len = skb->len + head;
	int err;

	if (unlikely(r3 || (s32)head < 0 || (!skb_is_gso(skb) && len > SKB_MAX_LEN) ||
		     len < skb->len))
		return ERR(EINVAL);
	err = skb_make_room(skb, head, 0);
	if (likely(!err)) {
		skb_push(skb, head);
		__builtin_memset(skb->data, 0, head);
		skb->mac_header = (u16)(skb->data - skb->head);
		skb->mac_len = (u16)(skb->network_header - skb->mac_header);
	}
	skb_compute_pointers(skb);
	return (u64)(s64)err;
}
