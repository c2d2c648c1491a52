// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Closes ports, in the direction where it is attached: what goes to one that is in the map is dropped.
 *
 *   tc qdisc add dev eth0 clsact
 *   tc filter add dev eth0 egress bpf da obj tc_block.bpf.o sec tc
 *   bpftool map update name closed key 0x00 0x50 value 0 0 0 0 0 0 0 0         port 80
 *   bpftool map dump name closed                                               how often
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __be16);
	__type(value, __u64);
} closed SEC(".maps");

SEC("tc")
int block(struct __sk_buff *skb)
{
	__u32 at = ETH_HLEN;
	__u8 first, protocol;
	__be16 port, fragment = 0;
	__u64 *times;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at, &first, 1) ||
		    bpf_skb_load_bytes(skb, at + 6, &fragment, 2) ||
		    bpf_skb_load_bytes(skb, at + offsetof(struct iphdr, protocol), &protocol, 1))
			return TC_ACT_UNSPEC;
		at += (first & 15) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, nexthdr), &protocol, 1))
			return TC_ACT_UNSPEC;
		at += sizeof(struct ipv6hdr);
	} else {
		return TC_ACT_UNSPEC;
	}
	/* Only a packet's first fragment has ports. */
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || fragment & bpf_htons(0x1fff) ||
	    bpf_skb_load_bytes(skb, at + 2, &port, 2))
		return TC_ACT_UNSPEC;
	times = bpf_map_lookup_elem(&closed, &port);
	if (!times)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(times, 1);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
