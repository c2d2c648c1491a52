/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers about what accompanies a packet: type, hash, time, socket, redirects
 * (Linux: net/core/filter.c). A packet has neither route nor transform
 * here, so those helpers answer as Linux does for such packets.
 */
#include "helper/skb.h"

#define TC_ACT_SHOT	2
#define TC_ACT_REDIRECT 7
#define OVERFLOW_UID	65534

BPF_HELPER(skb_change_type)
{
	struct sk_buff *skb = PTR(r1);

	if (unlikely(skb->pkt_type > 3 || (u32)r2 > 3)) /* PACKET_OTHERHOST */
		return ERR(EINVAL);
	skb->pkt_type = (u32)r2;
	return 0;
}

/* ---- flow hash ---- */

static u32 mix(u32 h, u32 v)
{
	h ^= v;
	h *= 0x9e3779b1U;
	return h ^ h >> 15;
}

/* The hash of what a program has found: the same for both directions. */
static u32 keys_hash(const struct bpf_flow_keys *k)
{
	u32 h = mix(k->n_proto, k->ip_proto);

	if (k->addr_proto == ETH_P_IP)
		h = mix(mix(h, min(k->ipv4_src, k->ipv4_dst)), max(k->ipv4_src, k->ipv4_dst));
	for (u32 i = 0; k->addr_proto == ETH_P_IPV6 && i < 4; i++)
		h = mix(h, k->ipv6_src[i] ^ k->ipv6_dst[i]);
	h = mix(h, (u32)min(k->sport, k->dport) << 16 | max(k->sport, k->dport));
	h = mix(h, k->flow_label);
	return h ? h : 1;
}

BPF_HELPER(get_hash_recalc)
{
	struct sk_buff *skb = PTR(r1);
	const struct flow_tag tag = { skb->vlan_proto, skb->vlan_tci };
	struct bpf_flow_keys keys;
	u64 args[] = { r1, (u64)(uintptr_t)&keys };
	bool l4;

	if (!skb->hash_valid) {
		if (run->platform && run->platform->world &&
		    run->platform->world(run, WORLD_FLOW_DISSECT, args) == 1)
			skb->hash = keys_hash(&keys);
		else
			skb->hash = flow_hash(skb->head + skb->network_header,
					      skb->data + skb_headlen(skb), skb->protocol,
					      skb->vlan_present ? &tag : NULL, &l4);
		skb->hash_valid = 1;
	}
	return skb->hash;
}

BPF_HELPER(set_hash_invalid)
{
	skb_clear_hash(PTR(r1));
	return 0;
}

BPF_HELPER(set_hash)
{
	struct sk_buff *skb = PTR(r1);

	skb->hash = (u32)r2;
	skb->hash_valid = 1;
	return 0;
}

/* ---- congestion mark, time ---- */

static bool has(const struct sk_buff *skb, const u8 *p, u32 n)
{
	return p >= skb->head && p + n <= skb->data + skb_headlen(skb);
}

static bool ipv4_set_ce(u8 *ip)
{
	rt_u16 *check = (rt_u16 *)(ip + 10);
	u32 ecn = (ip[1] + 1) & 3;

	/* 01 and 10 become 11: adding 1 gives 2 and 3; 00 gives 1, 11 gives 0 */
	if (!(ecn & 2))
		return !ecn;
	*check = csum16_add(*check, rt_htons((u16)(0xfffb + ecn)));
	ip[1] |= 3;
	return true;
}

static bool ipv6_set_ce(struct sk_buff *skb, u8 *ip)
{
	u32 from = *(rt_u32 *)ip, to;

	if (!(ip[1] & 0x30))
		return false;
	ip[1] |= 0x30;
	to = *(rt_u32 *)ip;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(csum_sub(skb->csum, from), to);
	return true;
}

/* The protocol behind tags that are in the packet (Linux: vlan_get_protocol()). */
static u16 inner_protocol(const struct sk_buff *skb)
{
	u32 depth = skb->mac_len ? skb->mac_len - VLAN_HLEN : ETH_HLEN;
	const u8 *mac = skb->head + skb->mac_header;
	u16 proto = skb->protocol;

	for (u32 i = 0; eth_type_vlan(proto); i++, depth += VLAN_HLEN) {
		if (i == 7 || !has(skb, mac + depth, VLAN_HLEN))
			return 0;
		proto = *(const rt_u16 *)(mac + depth + 2);
	}
	return proto;
}

BPF_HELPER(skb_ecn_set_ce)
{
	struct sk_buff *skb = PTR(r1);
	u8 *ip = skb->head + skb->network_header;
	u16 proto = inner_protocol(skb);

	/* As on Linux, the network header need not be behind the tags. */
	if (proto == rt_htons(ETH_P_IP))
		return has(skb, ip, 20) ? ipv4_set_ce(ip) : 0;
	if (proto == rt_htons(ETH_P_IPV6))
		return has(skb, ip, 40) ? ipv6_set_ce(skb, ip) : 0;
	return 0;
}

BPF_HELPER(skb_set_tstamp)
{
	struct sk_buff *skb = PTR(r1);
	u32 type = (u32)r3;

	if (skb->protocol != rt_htons(ETH_P_IP) && skb->protocol != rt_htons(ETH_P_IPV6))
		return ERR(EOPNOTSUPP);
	if (type > 2 || (type && !r2)) /* BPF_SKB_CLOCK_TAI */
		return ERR(EINVAL);
	/* Before 6.11, 0 was no clock but no time, and there was no 2. */
	if (!run_visible(run, KVER(6, 11)) && (type == 2 || (!type && r2)))
		return ERR(EINVAL);
	skb->tstamp = r2;
	skb->tstamp_type = type;
	return 0;
}

/* ---- socket ---- */

BPF_HELPER(get_socket_cookie)
{
	const struct sk_buff *skb = PTR(r1);

	return skb->has_sk ? skb->sk_cookie : 0;
}

BPF_HELPER(get_socket_uid)
{
	const struct sk_buff *skb = PTR(r1);

	return skb->has_sk ? skb->sk_uid : OVERFLOW_UID;
}

/* Of the route that the packet had before any program changed it. */
BPF_HELPER(get_route_realm)
{
	const struct sk_buff *skb = PTR(r1);

	return skb->route.dst ? (u32)run->platform->world(run, WORLD_ROUTE_REALM, &r1) : 0;
}

/* ---- what packets here do not have ---- */

BPF_HELPER(skb_get_xfrm_state)
{
	rt_zero(PTR(r3), (u32)r4);
	return ERR(EINVAL);
}

/* ---- redirect ---- */

BPF_HELPER(redirect)
{
	if (unlikely(r2 & ~(u64)BPF_F_INGRESS))
		return TC_ACT_SHOT;
	run->redirect.tgt_index = (u32)r1;
	run->redirect.flags = (u32)r2;
	run->redirect.map = NULL;
	run->redirect.kind = TC_ACT_REDIRECT;
	return TC_ACT_REDIRECT;
}
