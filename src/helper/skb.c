/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers that read and write packets and their checksums (Linux: net/core/filter.c).
 * What changes the packet's size is in skb_room.c, what reads its meta data in
 * skb_meta.c.
 */
#include "helper/skb.h"

int skb_make_room(struct sk_buff *skb, u32 head, u32 tail)
{
	u32 linear = skb_headlen(skb);
	u32 have = (u32)(skb->data - skb->head);
	u64 room = (u64)(skb->end - skb->head), spare;
	s64 move;

	if (likely(have >= head && (u64)(skb->end - skb->data) >= (u64)linear + tail))
		return 0;
	if ((u64)head + linear + tail > room)
		return -ENOMEM;
	/* Spare room goes half before, half behind the data; offsets stay within 16 bits. */
	spare = min_t(u64, (room - head - linear - tail) / 2, SKB_MAX_LEN);
	move = (s64)head + (s64)spare - (s64)have;
	__builtin_memmove(skb->data + move, skb->data, linear);
	skb->data += move;
	skb->data_end = skb->data + linear;
	skb->data_meta = skb->data;
	if (skb->mac_header != SKB_UNSET)
		skb->mac_header = (u16)(skb->mac_header + move);
	if (skb->transport_header != SKB_UNSET)
		skb->transport_header = (u16)(skb->transport_header + move);
	skb->network_header = (u16)(skb->network_header + move);
	return 0;
}

int skb_may_pull(struct sk_buff *skb, u32 len)
{
	u32 linear = skb_headlen(skb), n;

	if (likely(len <= linear))
		return 0;
	if (len > skb->len)
		return -ENOMEM;
	n = len - linear;
	if (skb_make_room(skb, 0, n))
		return -ENOMEM;
	__builtin_memcpy(skb->data + linear, skb->frag, n);
	skb->frag += n;
	skb->data_len -= n;
	skb->data_end = skb->data + len;
	return 0;
}

/* As Linux's skb_header_pointer(), with a copy at any rate. */
static int skb_copy_bits(const struct sk_buff *skb, u32 off, void *to, u32 len)
{
	u32 linear = skb_headlen(skb), n;

	if (unlikely(off > skb->len || len > skb->len - off))
		return -EFAULT;
	if (off < linear) {
		n = min(len, linear - off);
		rt_copy(to, skb->data + off, n);
		to = (u8 *)to + n;
		off += n;
		len -= n;
	}
	if (len)
		rt_copy(to, skb->frag + (off - linear), len);
	return 0;
}

BPF_HELPER(skb_load_bytes)
{
	u32 off = (u32)r2, len = (u32)r4;

	if (likely(off <= INT32_MAX) && !skb_copy_bits(PTR(r1), off, PTR(r3), len))
		return 0;
	rt_zero(PTR(r3), len);
	return ERR(EFAULT);
}

BPF_HELPER(skb_load_bytes_relative)
{
	const struct sk_buff *skb = PTR(r1);
	u32 off = (u32)r2, len = (u32)r4;
	const u8 *start = NULL;

	if ((u32)r5 == BPF_HDR_START_MAC && skb->mac_header != SKB_UNSET)
		start = skb->head + skb->mac_header;
	else if ((u32)r5 == BPF_HDR_START_NET)
		start = skb->head + skb->network_header;
	if (likely(start && off <= 0xffff &&
		   (uintptr_t)start + off + len <= (uintptr_t)skb->data + skb_headlen(skb))) {
		rt_copy(PTR(r3), start + off, len);
		return 0;
	}
	rt_zero(PTR(r3), len);
	return ERR(EFAULT);
}

BPF_HELPER(skb_store_bytes)
{
	struct sk_buff *skb = PTR(r1);
	u32 off = (u32)r2, len = (u32)r4;
	u8 *at;

	if (unlikely(r5 & ~(u64)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)))
		return ERR(EINVAL);
	if (unlikely(off > INT32_MAX || skb_may_pull(skb, off + len)))
		return ERR(EFAULT);
	at = skb->data + off;
	if (r5 & BPF_F_RECOMPUTE_CSUM && skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb->csum, ~csum_shift(csum_partial(at, len, 0), off));
	rt_copy(at, PTR(r3), len);
	if (r5 & BPF_F_RECOMPUTE_CSUM && skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb->csum, csum_shift(csum_partial(at, len, 0), off));
	if (r5 & BPF_F_INVALIDATE_HASH)
		skb_clear_hash(skb);
	return 0;
}

BPF_HELPER(skb_pull_data)
{
	struct sk_buff *skb = PTR(r1);
	u32 len = (u32)r2;

	return (u64)(s64)skb_may_pull(skb, len ? len : skb_headlen(skb));
}

/* ---- checksums ---- */

BPF_HELPER(l3_csum_replace)
{
	struct sk_buff *skb = PTR(r1);
	u32 off = (u32)r2;
	rt_u16 *field;

	if (unlikely(r5 & ~(u64)BPF_F_HDR_FIELD_MASK))
		return ERR(EINVAL);
	if (unlikely(off > 0xffff || off & 1 || skb_may_pull(skb, off + 2)))
		return ERR(EFAULT);
	field = (rt_u16 *)(skb->data + off);
	switch (r5) {
	case 0:
		if (unlikely(r3))
			return ERR(EINVAL);
		csum_replace_by_diff(field, (u32)r4);
		return 0;
	case 2:
		csum_replace2(field, (u16)r3, (u16)r4);
		return 0;
	case 4:
		csum_replace4(field, (u32)r3, (u32)r4);
		return 0;
	default:
		return ERR(EINVAL);
	}
}

static void l4_replace(struct sk_buff *skb, rt_u16 *field, u32 from, u32 to, bool pseudo)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		csum_replace4(field, from, to);
		if (skb->ip_summed == CHECKSUM_COMPLETE && pseudo)
			skb->csum = ~csum_add(csum_sub(~skb->csum, from), to);
	} else if (pseudo) {
		*field = (u16)~csum_fold(csum_add(csum_sub(*field, from), to));
	}
}

static void l4_replace_by_diff(struct sk_buff *skb, rt_u16 *field, u32 diff, bool pseudo, bool ipv6)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		csum_replace_by_diff(field, diff);
		if (skb->ip_summed == CHECKSUM_COMPLETE && pseudo && !ipv6)
			skb->csum = ~csum_sub(diff, skb->csum);
	} else if (pseudo) {
		*field = (u16)~csum_fold(csum_add(diff, *field));
	}
}

BPF_HELPER(l4_csum_replace)
{
	struct sk_buff *skb = PTR(r1);
	bool pseudo = r5 & BPF_F_PSEUDO_HDR, mmzero = r5 & BPF_F_MARK_MANGLED_0;
	bool ipv6 = r5 & BPF_F_IPV6;
	u32 off = (u32)r2;
	rt_u16 *field;

	if (unlikely(r5 & ~(u64)(BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR |
				 BPF_F_HDR_FIELD_MASK | BPF_F_IPV6)))
		return ERR(EINVAL);
	if (unlikely(off > 0xffff || off & 1 || skb_may_pull(skb, off + 2)))
		return ERR(EFAULT);
	field = (rt_u16 *)(skb->data + off);
	if (mmzero && !(r5 & BPF_F_MARK_ENFORCE) && !*field)
		return 0;
	switch (r5 & BPF_F_HDR_FIELD_MASK) {
	case 0:
		if (unlikely(r3))
			return ERR(EINVAL);
		l4_replace_by_diff(skb, field, (u32)r4, pseudo, ipv6);
		break;
	case 2:
		l4_replace(skb, field, (u16)r3, (u16)r4, pseudo);
		break;
	case 4:
		l4_replace(skb, field, (u32)r3, (u32)r4, pseudo);
		break;
	default:
		return ERR(EINVAL);
	}
	if (mmzero && !*field)
		*field = 0xffff;
	return 0;
}

BPF_HELPER(csum_update)
{
	struct sk_buff *skb = PTR(r1);

	if (skb->ip_summed != CHECKSUM_COMPLETE)
		return ERR(ENOTSUPP);
	skb->csum = csum_add(skb->csum, (u32)r2);
	return skb->csum;
}

BPF_HELPER(csum_level)
{
	struct sk_buff *skb = PTR(r1);
	bool unnecessary = skb->ip_summed == CHECKSUM_UNNECESSARY;

	switch (r2) {
	case BPF_CSUM_LEVEL_INC:
		if (unnecessary) {
			if (skb->csum_level < 3)
				skb->csum_level++;
		} else if (skb->ip_summed == CHECKSUM_NONE) {
			skb->ip_summed = CHECKSUM_UNNECESSARY;
			skb->csum_level = 0;
		}
		return 0;
	case BPF_CSUM_LEVEL_DEC:
		if (unnecessary && skb->csum_level)
			skb->csum_level--;
		else if (unnecessary)
			skb->ip_summed = CHECKSUM_NONE;
		return 0;
	case BPF_CSUM_LEVEL_RESET:
		if (unnecessary) {
			skb->ip_summed = CHECKSUM_NONE;
			skb->csum_level = 0;
		}
		return 0;
	case BPF_CSUM_LEVEL_QUERY:
		return unnecessary ? skb->csum_level : ERR(EACCES);
	default:
		return ERR(EINVAL);
	}
}
