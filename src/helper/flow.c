/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What flow a packet is of: that of the innermost headers that can be read, as Linux's dissector finds them when it is
 * asked for a hash (net/core/flow_dissector.c: __skb_flow_dissect() with the keys of flow_keys_dissector, up to an
 * IPv6 flow label). The hash is another function: DIFF(flow-hash).
 */
#include "helper/skb.h"

#define HEADERS 15 /* Linux: MAX_FLOW_DISSECT_HDRS */

#define ETH_P_TEB     0x6558
#define ETH_P_PPP_SES 0x8864
#define GRE_PPP	      0x880b
#define PPP_IP	      0x0021
#define PPP_IPV6      0x0057

/* Bits of GRE's first 16 (RFC 2784, 2890, 2637). */
#define GRE_CSUM    0x8000
#define GRE_ROUTING 0x4000
#define GRE_KEY	    0x2000
#define GRE_SEQ	    0x1000
#define GRE_ACK	    0x0080
#define GRE_VERSION 7

enum { NO_ADDR, ADDR4, ADDR6 };

struct flow {
	const u8 *at, *end;
	u32 addrs, src[4], dst[4], label, key;
	u16 proto, ports[2]; /* .proto: an EtherType, in host order */
	u16 tag, tag_proto, tagged;
	u8 ip_proto;
};

enum next { GOOD, PROTO, IP_PROTO };

static u16 be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static bool has(const struct flow *f, u32 n)
{
	return f->at <= f->end && (u64)(f->end - f->at) >= n;
}

static enum next ipv4(struct flow *f)
{
	u32 len = (f->at[0] & 15) * 4U;
	u16 off = be16(f->at + 6);

	if (len < 20)
		return GOOD;
	f->addrs = ADDR4;
	f->src[0] = *(const rt_u32 *)(f->at + 12);
	f->dst[0] = *(const rt_u32 *)(f->at + 16);
	f->ip_proto = f->at[9];
	f->at += len;
	return off & 0x3fff ? GOOD : IP_PROTO;
}

static enum next ipv6(struct flow *f)
{
	u32 label = (f->at[1] & 15U) << 16 | be16(f->at + 2);

	f->addrs = ADDR6;
	__builtin_memcpy(f->src, f->at + 8, 16);
	__builtin_memcpy(f->dst, f->at + 24, 16);
	f->ip_proto = f->at[6];
	f->at += 40;
	f->label = label;
	return label ? GOOD : IP_PROTO;
}

static enum next vlan(struct flow *f)
{
	u16 tci = be16(f->at), proto = f->proto;

	f->proto = be16(f->at + 2);
	f->at += VLAN_HLEN;
	if (!f->tag_proto) {
		f->tag = tci & 0xefff; /* without DEI */
		f->tag_proto = proto;
		f->tagged = f->proto;
	}
	return PROTO;
}

static enum next ppp(struct flow *f, u16 what)
{
	if (what != PPP_IP && what != PPP_IPV6)
		return GOOD;
	f->proto = what == PPP_IP ? ETH_P_IP : ETH_P_IPV6;
	return PROTO;
}

/* What .proto is the type of. */
static enum next network(struct flow *f)
{
	switch (f->proto) {
	case ETH_P_IP:
		return has(f, 20) ? ipv4(f) : GOOD;
	case ETH_P_IPV6:
		return has(f, 40) ? ipv6(f) : GOOD;
	case ETH_P_8021Q:
	case ETH_P_8021AD:
		return has(f, VLAN_HLEN) ? vlan(f) : GOOD;
	case ETH_P_PPP_SES:
		if (!has(f, 8) || f->at[0] != 0x11 || f->at[1])
			return GOOD;
		f->at += 8;
		return ppp(f, be16(f->at - 2));
	}
	return GOOD;
}

static enum next gre(struct flow *f)
{
	u16 flags, len = 4, proto;
	const u8 *hdr = f->at;

	if (!has(f, 4))
		return GOOD;
	flags = be16(hdr);
	proto = be16(hdr + 2);
	if (flags & GRE_ROUTING || (flags & GRE_VERSION) > 1)
		return GOOD;
	f->proto = proto;
	if (flags & GRE_VERSION && (proto != GRE_PPP || !(flags & GRE_KEY)))
		return GOOD;
	len += flags & GRE_CSUM ? 4 : 0;
	if (flags & GRE_KEY) {
		if (!has(f, len + 4U))
			return GOOD;
		f->key = be16(hdr + len + 2); /* of PPTP its second half alone */
		if (!(flags & GRE_VERSION))
			f->key |= (u32)be16(hdr + len) << 16;
		len += 4;
	}
	len += flags & GRE_SEQ ? 4 : 0;
	if (!(flags & GRE_VERSION)) {
		f->at += len;
		if (proto != ETH_P_TEB)
			return PROTO;
		if (!has(f, ETH_HLEN))
			return GOOD;
		f->proto = be16(f->at + 12);
		f->at += ETH_HLEN;
		return PROTO;
	}
	len += flags & GRE_ACK ? 4 : 0;
	f->at += len;
	if (!has(f, 4))
		return GOOD;
	f->at += 4;
	return ppp(f, be16(f->at - 2));
}

static enum next extension(struct flow *f)
{
	if (f->proto != ETH_P_IPV6 || !has(f, 2))
		return GOOD;
	f->ip_proto = f->at[0];
	f->at += (f->at[1] + 1U) * 8;
	return IP_PROTO;
}

static enum next ports(struct flow *f, u32 at)
{
	if (has(f, at + 4)) {
		f->ports[0] = *(const rt_u16 *)(f->at + at);
		f->ports[1] = *(const rt_u16 *)(f->at + at + 2);
	}
	return GOOD;
}

/* What .ip_proto is the protocol of. */
static enum next transport(struct flow *f)
{
	switch (f->ip_proto) {
	case 47:
		return gre(f);
	case 0: /* hop by hop, routing, destination */
	case 43:
	case 60:
		return extension(f);
	case 44: /* a fragment: what is in it is not looked at */
		if (f->proto == ETH_P_IPV6 && has(f, 8))
			f->ip_proto = f->at[0];
		return GOOD;
	case 4:
		f->proto = ETH_P_IP;
		return PROTO;
	case 41:
		f->proto = ETH_P_IPV6;
		return PROTO;
	case 137:
		f->proto = 0x8847; /* MPLS */
		return GOOD;
	case 6: /* TCP, UDP, DCCP, ESP, SCTP, UDP-Lite; AH */
	case 17:
	case 33:
	case 50:
	case 132:
	case 136:
		return ports(f, 0);
	case 51:
		return ports(f, 4);
	}
	return GOOD;
}

static u32 mix(u32 h, u32 v)
{
	h ^= v;
	h *= 0x9e3779b1U;
	return h ^ h >> 15;
}

/* Addresses and ports in an order that both directions have. */
static u32 hash(const struct flow *f)
{
	u32 h = mix(mix(0, (u32)f->proto << 16 | f->ip_proto), f->label);
	bool swap = f->addrs == ADDR4 ? f->dst[0] < f->src[0] : rt_memcmp(f->dst, f->src, 16) < 0;
	const u32 *low = swap ? f->dst : f->src, *high = swap ? f->src : f->dst;

	for (u32 i = 0; i < (f->addrs == ADDR4 ? 1 : f->addrs == ADDR6 ? 4 : 0); i++)
		h = mix(mix(h, low[i]), high[i]);
	/* As on Linux, whose keys end with padding: a word of the IPv6 header around it. */
	if (f->addrs == ADDR4)
		h = mix(h, f->src[2]);
	if (f->addrs)
		h = mix(h,
			(u32)min(f->ports[0], f->ports[1]) << 16 | max(f->ports[0], f->ports[1]));
	else
		h = mix(h, (u32)f->ports[0] << 16 | f->ports[1]);
	if (f->key)
		h = mix(h, f->key);
	if (f->tag_proto)
		h = mix(mix(h, (u32)f->tag << 16 | f->tag_proto), f->tagged);
	return h ? h : 1;
}

u32 flow_hash(const u8 *net, const u8 *end, u16 protocol, const struct flow_tag *tag,
	      bool *has_ports)
{
	struct flow f;
	enum next next = PROTO;

	rt_zero(&f, sizeof(f));
	f.at = net;
	f.end = end;
	f.proto = rt_htons(protocol);
	if (tag) {
		f.tag = tag->tci & 0xefff;
		f.tag_proto = rt_htons(tag->proto);
		f.tagged = f.proto;
	}
	for (u32 i = 0; i <= HEADERS && next != GOOD; i++)
		next = next == PROTO ? network(&f) : transport(&f);
	*has_ports = f.ports[0] || f.ports[1];
	return hash(&f);
}
