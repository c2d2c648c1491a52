/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Headers that light-weight tunnels put around packets, and the segment routing header that an
 * action changes (Linux: net/core/lwt_bpf.c, net/core/filter.c, bpf_lwt_seg6_*();
 * net/ipv6/seg6_iptunnel.c, seg6_local.c; RFC 8754). A packet has the header at skb->data: it is on
 * its way through layer 3. Routes are asked for from the world. DIFF(lwt-next-hop)
 */
#include "helper/skb.h"

#define IPPROTO_IPIP	4
#define IPPROTO_UDP	17
#define IPPROTO_IPV6	41
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAG	44
#define IPPROTO_AH	51
#define IPPROTO_NONE	59
#define IPPROTO_DSTOPTS 60
#define IPV4_LEN	20
#define IPV6_LEN	40
#define UDP_LEN		8
#define HEAD_MAX	256 /* Linux: LWT_BPF_MAX_HEADROOM */
#define DEFAULT_HOPS	64
#define SRH_TYPE	4
#define SRH_HMAC	8
#define HMAC_TLV	5
#define HMAC_LEN	40

/* What seg6_local actions are called (uapi/linux/seg6_local.h). */
enum { END_X = 2, END_T = 3, END_DT6 = 7, END_B6 = 9, END_B6_ENCAP = 10 };

struct srh {
	u8 nexthdr, hdrlen, type, segments_left, first_segment, flags;
	u8 tag[2];
	u8 segments[][16];
};

struct ipv6 {
	u8 version, flow[3];
	u8 payload_len[2];
	u8 nexthdr, hop_limit;
	u8 saddr[16], daddr[16];
};

/* ---- any header ---- */

static void inner_pushed(struct sk_buff *skb, u32 len)
{
	skb->encapsulation = 1;
	skb_push(skb, len);
	skb->network_header = (u16)(skb->data - skb->head);
}

static int push_ip(struct sk_buff *skb, const u8 *hdr, u32 len, bool ingress)
{
	u32 size;
	bool v4, udp;

	if (unlikely(len < IPV4_LEN || len > HEAD_MAX))
		return -EINVAL;
	v4 = hdr[0] >> 4 == 4;
	if (!v4 && hdr[0] >> 4 != 6)
		return -EINVAL;
	size = v4 ? (hdr[0] & 15) * 4U : IPV6_LEN;
	if (unlikely(len < size))
		return -EINVAL;
	udp = hdr[v4 ? 9 : 6] == IPPROTO_UDP;
	if (unlikely(udp && len < size + UDP_LEN))
		return -EINVAL;
	if (skb_make_room(skb, len, 0))
		return -ENOMEM;
	inner_pushed(skb, len);
	if (ingress)
		skb_postpush_rcsum(skb, hdr, len);
	if (udp)
		skb->transport_header = (u16)(skb->network_header + size);
	rt_copy(skb->data, hdr, len);
	skb_compute_pointers(skb);
	skb_clear_hash(skb);
	skb->protocol = rt_htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	if (v4 && !skb->data[10] && !skb->data[11]) {
		u16 sum = csum_fold(csum_partial(skb->data, size, 0));

		rt_copy(skb->data + 10, &sum, 2);
	}
	/* Packets here have no GSO type: they are not known to be TCP. */
	return skb_is_gso(skb) ? -ENOTSUPP : 0;
}

/* ---- segment routing ---- */

/* @reduced: the first segment may be in the address only. */
static bool srh_is_valid(const struct srh *srh, u32 len, bool reduced)
{
	const u8 *bytes = (const u8 *)srh;
	u32 at;

	if (len < sizeof(*srh) || srh->type != SRH_TYPE || (srh->hdrlen + 1U) << 3 != len)
		return false;
	if ((s32)srh->first_segment > srh->hdrlen / 2 - 1 ||
	    srh->segments_left > srh->first_segment + reduced)
		return false;
	at = sizeof(*srh) + ((srh->first_segment + 1U) << 4);
	if (at > len)
		return false;
	while (at < len) {
		if (len - at < 2 || len - at < 2U + bytes[at + 1])
			return false;
		at += 2U + bytes[at + 1];
	}
	return true;
}

static bool is_extension(u8 nexthdr)
{
	switch (nexthdr) {
	case 0: /* hop by hop */
	case IPPROTO_ROUTING:
	case IPPROTO_FRAG:
	case IPPROTO_AH:
	case IPPROTO_NONE:
	case IPPROTO_DSTOPTS:
		return true;
	}
	return false;
}

/* Offset of the header that is @target, from .data; @skip: not of a routing header at its end. -ENOENT, -EBADMSG. */
static int find_header(struct sk_buff *skb, u8 target, bool skip)
{
	u32 at = (u32)skb_network_offset(skb);
	u8 next, *h;

	if (skb_may_pull(skb, at + IPV6_LEN))
		return -EBADMSG;
	next = ((const struct ipv6 *)(skb->data + at))->nexthdr;
	at += IPV6_LEN;
	while (next != target || (skip && !skb_may_pull(skb, at + 8) && !skb->data[at + 3])) {
		if (!is_extension(next) || next == IPPROTO_NONE)
			return -ENOENT;
		if (skb_may_pull(skb, at + 8))
			return -EBADMSG;
		h = skb->data + at;
		if (next == IPPROTO_FRAG &&
		    (h[2] || h[3] & 0xf8)) /* no headers in the rest of a packet */
			return -ENOENT;
		at += next == IPPROTO_FRAG ? 8 :
		      next == IPPROTO_AH   ? (h[1] + 2U) << 2 :
					     (h[1] + 1U) << 3;
		next = h[0];
	}
	if (is_extension(target) && skb_may_pull(skb, at + 8))
		return -EBADMSG;
	return (int)at;
}

static struct srh *srh_at(const struct sk_buff *skb)
{
	return (struct srh *)(skb->data + skb->srh.off);
}

static bool has_valid_srh(struct sk_buff *skb)
{
	struct srh *srh = srh_at(skb);

	if (!skb->srh.there)
		return false;
	if (skb->srh.valid)
		return true;
	if (skb->srh.hdrlen & 7 || skb_may_pull(skb, skb->srh.off + skb->srh.hdrlen + 8))
		return false;
	srh = srh_at(skb);
	srh->hdrlen = (u8)(skb->srh.hdrlen >> 3);
	skb->srh.valid = srh_is_valid(srh, (srh->hdrlen + 1U) << 3, true);
	return skb->srh.valid;
}

static void find_srh(struct sk_buff *skb)
{
	int off = find_header(skb, IPPROTO_ROUTING, false);

	skb->srh.there = off >= 0;
	if (off < 0)
		return;
	skb->srh.off = (u32)off;
	skb->srh.hdrlen = (u32)srh_at(skb)->hdrlen << 3;
	skb->srh.valid = true;
}

/* What an action of segment routing begins with: the packet's header, if that is one. */
void skb_seg6_start(struct sk_buff *skb)
{
	find_srh(skb);
	if (skb->srh.there && (skb_may_pull(skb, skb->srh.off + skb->srh.hdrlen + 8) ||
			       !srh_is_valid(srh_at(skb), skb->srh.hdrlen + 8, true)))
		skb->srh.there = false;
}

/* A HMAC that a key is needed for: nobody has given us any. */
static bool has_hmac(const struct srh *srh)
{
	const u8 *tlv = (const u8 *)srh + ((srh->hdrlen + 1U) << 3) - HMAC_LEN;

	return srh->flags & SRH_HMAC && srh->hdrlen >= (srh->first_segment + 1) * 2 + 5 &&
	       tlv[0] == HMAC_TLV && tlv[1] == HMAC_LEN - 2;
}

bool skb_seg6_enter(struct sk_buff *skb)
{
	int off = find_header(skb, IPPROTO_ROUTING, true);
	struct srh *srh;
	u32 len;

	if (off < 0 || skb_may_pull(skb, (u32)off + sizeof(*srh)))
		return false;
	len = (((const struct srh *)(skb->data + off))->hdrlen + 1U) << 3;
	if (skb_may_pull(skb, (u32)off + len))
		return false;
	srh = (struct srh *)(skb->data + off);
	if (!srh_is_valid(srh, len, true) || has_hmac(srh))
		return false;
	srh->segments_left--;
	__builtin_memcpy(skb->data + offsetof(struct ipv6, daddr),
			 srh->segments[srh->segments_left], 16);
	skb->srh.there = skb->srh.valid = true;
	skb->srh.off = (u32)off;
	skb->srh.hdrlen = (u32)srh->hdrlen << 3;
	return true;
}

bool skb_seg6_leave(struct sk_buff *skb)
{
	return !skb->srh.there || has_valid_srh(skb);
}

static u64 next_hop(struct bpf_run *run, u64 skb, const void *nh, u32 table)
{
	u64 args[] = { skb, (u64)(uintptr_t)nh, table };

	return run->platform->world(run, WORLD_NEXT_HOP, args);
}

static void put_payload_len(struct sk_buff *skb)
{
	u16 len = rt_htons((u16)(skb->len - IPV6_LEN));

	rt_copy(skb->data + 4, &len, 2);
}

/* A header between the packet's own and what follows it. */
static int push_inline(struct sk_buff *skb, const struct srh *from, u32 len)
{
	struct ipv6 old, *hdr;
	struct srh *srh;

	if (skb->protocol != rt_htons(ETH_P_IPV6))
		return -EBADMSG;
	if (skb_may_pull(skb, IPV6_LEN) || skb_make_room(skb, len, 0))
		return -ENOMEM;
	rt_copy(&old, skb->data, sizeof(old));
	skb_postpull_rcsum(skb, skb->data, IPV6_LEN);
	skb_push(skb, len);
	skb->network_header = (u16)(skb->data - skb->head);
	hdr = (struct ipv6 *)skb->data;
	srh = (struct srh *)(hdr + 1);
	*hdr = old;
	rt_copy(srh, from, len);
	srh->nexthdr = old.nexthdr;
	hdr->nexthdr = IPPROTO_ROUTING;
	__builtin_memcpy(srh->segments[0], old.daddr, 16);
	__builtin_memcpy(hdr->daddr, srh->segments[srh->first_segment], 16);
	if (srh->flags & SRH_HMAC)
		return -ENOENT; /* there are no keys */
	put_payload_len(skb);
	skb_postpush_rcsum(skb, hdr, IPV6_LEN + len);
	return 0;
}

/* A whole header around it. */
static int push_outer(struct sk_buff *skb, const struct srh *from, u32 len, struct bpf_run *run)
{
	bool v6 = skb->protocol == rt_htons(ETH_P_IPV6);
	struct ipv6 inner, *hdr;
	struct srh *srh;
	u64 args[3];

	if (v6 && skb_may_pull(skb, IPV6_LEN))
		return -ENOMEM;
	if (skb_make_room(skb, IPV6_LEN + len, 0))
		return -ENOMEM;
	if (v6)
		rt_copy(&inner, skb->data, sizeof(inner));
	inner_pushed(skb, IPV6_LEN + len);
	hdr = (struct ipv6 *)skb->data;
	srh = (struct srh *)(hdr + 1);
	__builtin_memset(hdr, 0, sizeof(*hdr));
	hdr->version = 0x60;
	hdr->hop_limit = DEFAULT_HOPS;
	if (v6) {
		__builtin_memcpy(hdr, &inner, 4); /* class and flow label */
		hdr->version = (u8)(0x60 | (inner.version & 15));
		hdr->hop_limit = inner.hop_limit;
	}
	hdr->nexthdr = IPPROTO_ROUTING;
	rt_copy(srh, from, len);
	srh->nexthdr = IPPROTO_IPV6;
	__builtin_memcpy(hdr->daddr, srh->segments[srh->first_segment], 16);
	args[0] = (u64)(uintptr_t)skb;
	args[1] = (u64)(uintptr_t)hdr->daddr;
	args[2] = (u64)(uintptr_t)hdr->saddr;
	run->platform->world(run, WORLD_TUNNEL_SOURCE, args);
	if (srh->flags & SRH_HMAC)
		return -ENOENT;
	put_payload_len(skb);
	skb_postpush_rcsum(skb, hdr, IPV6_LEN + len);
	return 0;
}

static s64 push_seg6(struct sk_buff *skb, u32 type, const void *hdr, u32 len, struct bpf_run *run)
{
	int err;

	if (!srh_is_valid(hdr, len, false))
		return -EINVAL;
	err = type == BPF_LWT_ENCAP_SEG6_INLINE ? push_inline(skb, hdr, len) :
						  push_outer(skb, hdr, len, run);
	skb_compute_pointers(skb);
	if (err)
		return err;
	skb->transport_header = (u16)(skb->data - skb->head + IPV6_LEN);
	return (s64)next_hop(run, (u64)(uintptr_t)skb, NULL, 0);
}

/* ---- helpers ---- */

BPF_HELPER(lwt_in_push_encap)
{
	switch ((u32)r2) {
	case BPF_LWT_ENCAP_SEG6:
	case BPF_LWT_ENCAP_SEG6_INLINE:
		return (u64)push_seg6(PTR(r1), (u32)r2, PTR(r3), (u32)r4, run);
	case BPF_LWT_ENCAP_IP:
		return (u64)(s64)push_ip(PTR(r1), PTR(r3), (u32)r4, true);
	}
	return ERR(EINVAL);
}

BPF_HELPER(lwt_xmit_push_encap)
{
	return (u32)r2 == BPF_LWT_ENCAP_IP ? (u64)(s64)push_ip(PTR(r1), PTR(r3), (u32)r4, false) :
					     ERR(EINVAL);
}

BPF_HELPER(lwt_push_encap)
{
	return run->prog->type == BPF_PROG_TYPE_LWT_IN ?
		       bpf_lwt_in_push_encap(r1, r2, r3, r4, r5, run) :
		       bpf_lwt_xmit_push_encap(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(lwt_seg6_store_bytes)
{
	struct sk_buff *skb = PTR(r1);
	u32 off = (u32)r2, len = (u32)r4, srh = skb->srh.off, tlvs, end;
	int at;

	if (!skb->srh.there)
		return ERR(EINVAL);
	/* Linux begins eight bytes before the first one. */
	tlvs = srh + ((srh_at(skb)->first_segment + 1U) << 4);
	end = srh + sizeof(struct srh) + skb->srh.hdrlen;
	if (off >= tlvs && (u64)off + len <= end)
		skb->srh.valid = false;
	else if (off < srh + offsetof(struct srh, flags) ||
		 (u64)off + len > srh + sizeof(struct srh))
		return ERR(EFAULT);
	if (skb_may_pull(skb, off + len))
		return ERR(EFAULT);
	at = find_header(skb, IPPROTO_ROUTING, false);
	if (at < 0)
		return ERR(EINVAL);
	skb->srh.off = (u32)at;
	rt_copy(skb->data + off, PTR(r3), len);
	return 0;
}

BPF_HELPER(lwt_seg6_adjust_srh)
{
	struct sk_buff *skb = PTR(r1);
	u32 off = (u32)r2, tlvs, end;
	s32 len = (s32)r3;
	int at;

	if (!skb->srh.there)
		return ERR(EINVAL);
	tlvs = skb->srh.off + sizeof(struct srh) + ((srh_at(skb)->first_segment + 1U) << 4);
	end = skb->srh.off + sizeof(struct srh) + skb->srh.hdrlen;
	if (off < tlvs || off > end || (len < 0 && (s64)off - len > end) || skb_may_pull(skb, off))
		return ERR(EFAULT);
	if (len > 0) {
		if (skb_make_room(skb, (u32)len, 0))
			return ERR(ENOMEM);
		skb_hdr_push(skb, off, (u32)len);
		at = 0;
	} else {
		at = skb_hdr_pop(skb, off, (u32)-len);
	}
	skb_compute_pointers(skb);
	if (at < 0)
		return (u64)(s64)at;
	put_payload_len(skb);
	at = find_header(skb, IPPROTO_ROUTING, false);
	if (at < 0)
		return ERR(EINVAL);
	skb->srh.off = (u32)at;
	skb->srh.hdrlen += (u32)len;
	skb->srh.valid = false;
	return 0;
}

BPF_HELPER(lwt_seg6_action)
{
	struct sk_buff *skb = PTR(r1);
	u32 action = (u32)r2, len = (u32)r4;
	s64 err;
	int at;

	switch (action) {
	case END_X:
	case END_T:
		if (!has_valid_srh(skb))
			return ERR(EBADMSG);
		if (len != (action == END_X ? 16 : 4))
			return ERR(EINVAL);
		return action == END_X ? next_hop(run, r1, PTR(r3), 0) :
					 next_hop(run, r1, NULL, *(const rt_u32 *)PTR(r3));
	case END_DT6:
		if (!has_valid_srh(skb))
			return ERR(EBADMSG);
		if (len != 4)
			return ERR(EINVAL);
		at = find_header(skb, IPPROTO_IPV6, false);
		if (at < 0 || skb_may_pull(skb, (u32)at))
			return ERR(EBADMSG);
		skb_postpull_rcsum(skb, skb->data, (u32)at);
		skb_pull(skb, (u32)at);
		skb->network_header = skb->transport_header = (u16)(skb->data - skb->head);
		skb->encapsulation = 0;
		skb_compute_pointers(skb);
		find_srh(skb);
		return next_hop(run, r1, NULL, *(const rt_u32 *)PTR(r3));
	case END_B6:
	case END_B6_ENCAP:
		if (skb->srh.there && !has_valid_srh(skb))
			return ERR(EBADMSG);
		err = push_seg6(skb,
				action == END_B6 ? BPF_LWT_ENCAP_SEG6_INLINE : BPF_LWT_ENCAP_SEG6,
				PTR(r3), len, run);
		if (!err)
			find_srh(skb);
		return (u64)err;
	}
	return ERR(EINVAL);
}
