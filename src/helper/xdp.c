/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of XDP programs (Linux: net/core/filter.c). Redirects are wishes that the
 * event source acts on. Fragments are separate blocks with room of their own.
 */
#include "object/csum.h"
#include "helper/helper.h"
#include "object/packet.h"

#define ETH_HLEN 14

static u32 xdp_len(const struct xdp_buff *xdp)
{
	return (u32)(xdp->data_end - xdp->data) + xdp->frags_len;
}

static bool meta_unsupported(const struct xdp_buff *xdp)
{
	return xdp->data_meta > xdp->data;
}

BPF_HELPER(xdp_get_buff_len)
{
	return xdp_len(PTR(r1));
}

BPF_HELPER(xdp_adjust_head)
{
	struct xdp_buff *xdp = PTR(r1);
	s64 offset = (s32)r2;
	u64 meta = meta_unsupported(xdp) ? 0 : (u64)(xdp->data - xdp->data_meta);
	uintptr_t first = (uintptr_t)xdp->data_hard_start + XDP_FRAME_SIZE + meta;
	uintptr_t data = (uintptr_t)xdp->data + (uintptr_t)offset;

	if (unlikely(data < first || data > (uintptr_t)xdp->data_end - ETH_HLEN))
		return ERR(EINVAL);
	if (meta)
		__builtin_memmove(xdp->data_meta + offset, xdp->data_meta, meta);
	xdp->data_meta += offset;
	xdp->data += offset;
	return 0;
}

BPF_HELPER(xdp_adjust_meta)
{
	struct xdp_buff *xdp = PTR(r1);
	uintptr_t meta = (uintptr_t)xdp->data_meta + (uintptr_t)(s64)(s32)r2;
	u64 len = (uintptr_t)xdp->data - meta;

	if (meta_unsupported(xdp))
		return ERR(ENOTSUPP);
	if (unlikely(meta < (uintptr_t)xdp->data_hard_start + XDP_FRAME_SIZE ||
		     meta > (uintptr_t)xdp->data))
		return ERR(EINVAL);
	/* Larger metadata came between 6.1 and 6.12. */
	if (unlikely(len & 3 || len > (run_visible(run, KVER(6, 9)) ? 255 : 32)))
		return ERR(EACCES);
	xdp->data_meta = (u8 *)meta;
	return 0;
}

static u64 frags_grow(struct xdp_buff *xdp, u32 n)
{
	struct xdp_frag *last = &xdp->frags[xdp->nr_frags - 1];

	if (unlikely(n > last->cap - last->len))
		return ERR(EINVAL);
	__builtin_memset(last->data + last->len, 0, n);
	last->len += n;
	xdp->frags_len += n;
	return 0;
}

static u64 frags_shrink(struct xdp_buff *xdp, u32 n)
{
	if (unlikely((s64)n > (s64)xdp_len(xdp) - ETH_HLEN))
		return ERR(EINVAL);
	while (n && xdp->nr_frags) {
		struct xdp_frag *last = &xdp->frags[xdp->nr_frags - 1];
		u32 cut = min(n, last->len);

		last->len -= cut;
		xdp->frags_len -= cut;
		n -= cut;
		if (last->len)
			break;
		xdp->nr_frags--;
	}
	if (!xdp->nr_frags)
		xdp->data_end -= n;
	return 0;
}

BPF_HELPER(xdp_adjust_tail)
{
	struct xdp_buff *xdp = PTR(r1);
	s64 offset = (s32)r2;
	uintptr_t end = (uintptr_t)xdp->data_end + (uintptr_t)offset;

	if (unlikely(xdp->nr_frags))
		return offset < 0 ? frags_shrink(xdp, (u32)-offset) : frags_grow(xdp, (u32)offset);
	if (unlikely(end > (uintptr_t)xdp->hard_end || end < (uintptr_t)xdp->data + ETH_HLEN))
		return ERR(EINVAL);
	if (offset > 0)
		__builtin_memset(xdp->data_end, 0, (size_t)offset);
	xdp->data_end += offset;
	return 0;
}

/* Copies between @buf and [off, off + len) of the frame, which it has. */
static void xdp_copy(struct xdp_buff *xdp, u32 off, u8 *buf, u32 len, bool store)
{
	u32 part = (u32)(xdp->data_end - xdp->data);
	u8 *at = xdp->data;

	for (u32 i = 0;; i++) {
		if (off < part) {
			u32 n = min(len, part - off);

			if (store)
				__builtin_memcpy(at + off, buf, n);
			else
				__builtin_memcpy(buf, at + off, n);
			buf += n;
			len -= n;
			off = 0;
		} else {
			off -= part;
		}
		if (!len || i == xdp->nr_frags)
			return;
		at = xdp->frags[i].data;
		part = xdp->frags[i].len;
	}
}

static u64 xdp_bytes(struct xdp_buff *xdp, u32 off, u8 *buf, u32 len, bool store)
{
	if (unlikely(off > 0xffff || len > 0xffff))
		return ERR(EFAULT);
	if (unlikely(off + len > xdp_len(xdp)))
		return ERR(EINVAL);
	xdp_copy(xdp, off, buf, len, store);
	return 0;
}

BPF_HELPER(xdp_load_bytes)
{
	return xdp_bytes(PTR(r1), (u32)r2, PTR(r3), (u32)r4, false);
}

BPF_HELPER(xdp_store_bytes)
{
	return xdp_bytes(PTR(r1), (u32)r2, PTR(r3), (u32)r4, true);
}

BPF_HELPER(xdp_redirect)
{
	if (unlikely(r2))
		return XDP_ABORTED;
	run->redirect.tgt_index = (u32)r1;
	run->redirect.flags = 0;
	run->redirect.map = NULL;
	run->redirect.kind = XDP_REDIRECT;
	return XDP_REDIRECT;
}

/* Before Linux 6.13: not folded, and at most 512 bytes, which were copied. */
static u64 csum_diff_unfolded(const u8 *from, u32 from_size, const u8 *to, u32 to_size, u32 sum)
{
	if (unlikely(from_size + to_size > 512))
		return ERR(EINVAL);
	for (u32 i = 0; i < from_size; i += 4)
		sum = csum_add(sum, ~*(const rt_u32 *)(from + i));
	for (u32 i = 0; i < to_size; i += 4)
		sum = csum_add(sum, *(const rt_u32 *)(to + i));
	return sum;
}

BPF_HELPER(csum_diff)
{
	const u8 *from = PTR(r1), *to = PTR(r3);
	u32 from_size = (u32)r2, to_size = (u32)r4, seed = (u32)r5, sum = seed;

	if (unlikely((from_size | to_size) & 3))
		return ERR(EINVAL);
	if (unlikely(!run_visible(run, KVER(6, 13))))
		return csum_diff_unfolded(from, from_size, to, to_size, seed);
	if (from_size && to_size)
		sum = csum_sub(csum_partial(to, to_size, seed), csum_partial(from, from_size, 0));
	else if (to_size)
		sum = csum_partial(to, to_size, seed);
	else if (from_size)
		sum = ~csum_partial(from, from_size, ~seed);
	return csum_fold16(sum);
}
