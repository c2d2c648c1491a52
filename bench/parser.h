/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The parser that bench/pcap measures, one source for BPF and native code: Ethernet,
 * up to two VLAN tags, IPv4 or IPv6, TCP, UDP or ICMP; counts by protocol and decides.
 */
#ifndef BENCH_PARSER_H
#define BENCH_PARSER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

#define PARSER_DROP 1
#define PARSER_PASS 2

struct parser_vlan {
	__be16 tci, proto;
};

#define PARSER_BE16(x) ((__u16)((x) << 8 | (x) >> 8 & 0xff))

/* @counters: 256 of packets by IP protocol, then ports seen. */
static inline __attribute__((always_inline)) int parse_packet(void *data, void *end,
							      __u64 *counters)
{
	struct ethhdr *eth = data;
	void *at = eth + 1;
	__u16 proto;
	__u8 l4;

	if (at > end)
		return PARSER_DROP;
	proto = eth->h_proto;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct parser_vlan *v = at;

		if (proto != PARSER_BE16(ETH_P_8021Q) && proto != PARSER_BE16(ETH_P_8021AD))
			break;
		if ((void *)(v + 1) > end)
			return PARSER_DROP;
		proto = v->proto;
		at = v + 1;
	}
	if (proto == PARSER_BE16(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end || ip->ihl < 5)
			return PARSER_DROP;
		l4 = ip->protocol;
		at += ip->ihl * 4;
	} else if (proto == PARSER_BE16(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = at;

		if ((void *)(ip6 + 1) > end)
			return PARSER_DROP;
		l4 = ip6->nexthdr;
		at = ip6 + 1;
	} else {
		return PARSER_PASS;
	}
	counters[l4]++;
	if (l4 == IPPROTO_TCP) {
		struct tcphdr *tcp = at;

		if ((void *)(tcp + 1) > end)
			return PARSER_DROP;
		return tcp->dest == PARSER_BE16(22) ? PARSER_DROP : PARSER_PASS;
	}
	if (l4 == IPPROTO_UDP) {
		struct udphdr *udp = at;

		if ((void *)(udp + 1) > end)
			return PARSER_DROP;
		return udp->dest == PARSER_BE16(53) ? PARSER_DROP : PARSER_PASS;
	}
	return PARSER_PASS;
}

#endif
