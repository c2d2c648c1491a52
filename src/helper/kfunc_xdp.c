/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of XDP programs: what the driver knows of a frame (Linux: net/core/xdp.c, and veth_xdp_rx_hash() and its
 * neighbours in drivers/net/veth.c, which the wires' devices are) and its geometry (net/core/filter.c).
 */
#include "helper/skb.h"

/* enum xdp_rss_hash_type */
#define XDP_RSS_TYPE_NONE   0
#define XDP_RSS_TYPE_L4_ANY 8

BPF_KFUNC(bpf_xdp_metadata_rx_timestamp)
{
	const struct xdp_buff *xdp = PTR(r1);

	if (!xdp->rx)
		return INT(-ENODATA);
	*(u64 *)PTR(r2) = xdp->rx->timestamp;
	return 0;
}

BPF_KFUNC(bpf_xdp_metadata_rx_hash)
{
	const struct xdp_buff *xdp = PTR(r1);
	const struct xdp_rx *rx = xdp->rx;
	u16 proto;
	bool l4;

	if (!rx)
		return INT(-ENODATA);
	__builtin_memcpy(&proto, rx->data + 2 * ETH_ALEN, sizeof(proto));
	*(u32 *)PTR(r2) = flow_hash(rx->data + ETH_HLEN, rx->data + rx->len, proto, NULL, &l4);
	*(u32 *)PTR(r3) = l4 ? XDP_RSS_TYPE_L4_ANY : XDP_RSS_TYPE_NONE;
	return 0;
}

BPF_KFUNC(bpf_xdp_metadata_rx_vlan_tag)
{
	const struct xdp_buff *xdp = PTR(r1);

	if (!xdp->rx)
		return INT(-ENODATA);
	if (!xdp->rx->vlan_proto) {
		*(u16 *)PTR(r3) = 0;
		return INT(-ENODATA);
	}
	*(u16 *)PTR(r2) = xdp->rx->vlan_proto;
	*(u16 *)PTR(r3) = xdp->rx->vlan_tci;
	return 0;
}

/* ---- geometry ---- */

/* Takes @n bytes from the front of the fragments; what is emptied goes. */
static void take_from_frags(struct xdp_buff *xdp, u8 *to, u32 n)
{
	u32 gone = 0;

	while (n) {
		struct xdp_frag *f = &xdp->frags[gone];
		u32 part = min(n, f->len);

		__builtin_memcpy(to, f->data, part);
		f->data += part;
		f->len -= part;
		f->cap -= part;
		xdp->frags_len -= part;
		to += part;
		n -= part;
		if (!f->len)
			gone++;
	}
	xdp->nr_frags -= gone;
	__builtin_memmove(xdp->frags, xdp->frags + gone, xdp->nr_frags * sizeof(*xdp->frags));
}

BPF_KFUNC(bpf_xdp_pull_data)
{
	struct xdp_buff *xdp = PTR(r1);
	u32 len = (u32)r2, have = (u32)(xdp->data_end - xdp->data), delta;
	u8 *start = xdp->data_meta > xdp->data ? xdp->data : xdp->data_meta;
	s64 head = start - xdp->data_hard_start - XDP_FRAME_SIZE;
	s64 tail = xdp->hard_end - xdp->data_end, shift;

	if (len <= have)
		return 0;
	if (len > have + xdp->frags_len)
		return INT(-EINVAL);
	delta = len - have;
	if (delta > head + tail)
		return INT(-EINVAL);
	shift = delta - tail;
	if (shift > 0) {
		__builtin_memmove(start - shift, start, (size_t)(xdp->data_end - start));
		xdp->data_meta -= shift;
		xdp->data -= shift;
		xdp->data_end -= shift;
	}
	take_from_frags(xdp, xdp->data_end, delta);
	xdp->data_end += delta;
	return 0;
}
