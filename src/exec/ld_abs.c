/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads of the legacy packet instructions LD_ABS and LD_IND, which the fix-ups turn
 * into calls (Linux: bpf_skb_load_helper_*() in net/core/filter.c). Big endian in
 * the packet, host order in the register; -EFAULT ends the program with 0.
 */
#include <linux/errno.h>
#include <linux/filter.h>

#include "object/fixup.h"
#include "object/packet.h"

/* @size bytes at @off of the frame, most significant first, or -EFAULT. */
static u64 load(const struct sk_buff *skb, s64 off, u32 size)
{
	u32 linear = (u32)(skb->data_end - skb->data), i;
	const u8 *p;
	u64 v = 0;

	if (off >= 0) {
		if ((u64)off + size > skb->len)
			return (u64)-EFAULT;
		for (i = 0; i < size; i++, off++)
			v = v << 8 | (off < linear ? skb->data[off] : skb->frag[off - linear]);
		return v;
	}
	/* Relative to a header, even when it lies before data (SKF_AD_OFF was rewritten by cBPF only). */
	if (off >= SKF_NET_OFF)
		p = skb->head + skb->network_header + (off - SKF_NET_OFF);
	else if (off >= SKF_LL_OFF && skb->mac_header != (u16)~0)
		p = skb->head + skb->mac_header + (off - SKF_LL_OFF);
	else
		return (u64)-EFAULT;
	if (p < skb->head || p + size > skb->data_end)
		return (u64)-EFAULT;
	for (i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

#define SKB_LOAD(bits)                                                                             \
	u64 bpf_skb_load_##bits(u64 skb, u64 offset, u64 r3, u64 r4, u64 r5, struct bpf_run *run)  \
	{                                                                                          \
		return load((const struct sk_buff *)(uintptr_t)skb, (s32)offset, bits / 8);        \
	}
SKB_LOAD(8)
SKB_LOAD(16)
SKB_LOAD(32)
