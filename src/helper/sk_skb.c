/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of SK_SKB programs, whose packets are pieces of a stream (Linux: net/core/filter.c,
 * sk_skb_*()). A piece has neither checksum nor metadata to keep; else they do what those do
 * that packets have.
 */
#include "helper/skb.h"

BPF_HELPER_DECLARE(bpf_skb_pull_data);
BPF_HELPER_DECLARE(bpf_skb_change_tail);
BPF_HELPER_DECLARE(bpf_skb_change_head);

BPF_HELPER(sk_skb_pull_data)
{
	return bpf_skb_pull_data(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(sk_skb_change_tail)
{
	return bpf_skb_change_tail(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(sk_skb_change_head)
{
	return bpf_skb_change_head(r1, r2, r3, r4, r5, run);
}

/* Room at the front, of zeroes, or less of it. */
BPF_HELPER(sk_skb_adjust_room)
{
	struct sk_buff *skb = PTR(r1);
	s32 diff = (s32)r2;
	u32 len = diff < 0 ? -(u32)diff : (u32)diff;

	if (unlikely(r4 || (u32)r3))
		return ERR(EINVAL);
	if (unlikely(len > 0xfff))
		return ERR(EFAULT);
	if (diff < 0) {
		if (unlikely(len > skb->len || skb_may_pull(skb, len)))
			return ERR(ENOMEM);
		skb_pull(skb, len);
	} else {
		if (unlikely(skb_make_room(skb, len, 0)))
			return ERR(ENOMEM);
		skb_push(skb, len);
		__builtin_memset(skb->data, 0, len);
	}
	skb_compute_pointers(skb);
	return 0;
}
