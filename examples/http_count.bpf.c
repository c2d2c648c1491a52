// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A socket filter that counts HTTP requests by their method. It keeps none of the packets: who
 * attaches it (examples/net/http.c) reads the map.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define METHODS 6

const char methods[METHODS][4] = {
	{ 'G', 'E', 'T', ' ' }, { 'P', 'O', 'S', 'T' }, { 'P', 'U', 'T', ' ' },
	{ 'H', 'E', 'A', 'D' }, { 'D', 'E', 'L', 'E' }, { 'O', 'P', 'T', 'I' },
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, METHODS);
	__type(key, __u32);
	__type(value, __u64);
} requests SEC(".maps");

/* Where the bytes of a TCP segment begin; 0: it is none. */
static __always_inline __u32 payload(struct __sk_buff *skb)
{
	__u32 at = ETH_HLEN;
	__u8 first, protocol, offset;
	__be16 type;

	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &type, 2))
		return 0;
	if (type == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at, &first, 1) ||
		    bpf_skb_load_bytes(skb, at + offsetof(struct iphdr, protocol), &protocol, 1))
			return 0;
		at += (first & 15) * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, nexthdr), &protocol, 1))
			return 0;
		at += sizeof(struct ipv6hdr);
	} else {
		return 0;
	}
	if (protocol != IPPROTO_TCP || bpf_skb_load_bytes(skb, at + 12, &offset, 1))
		return 0;
	return at + (offset >> 4) * 4;
}

SEC("socket")
int http(struct __sk_buff *skb)
{
	__u32 at = payload(skb), word;
	__u64 *count;

	if (!at || bpf_skb_load_bytes(skb, at, &word, sizeof(word)))
		return 0;
	for (__u32 i = 0; i < METHODS; i++) {
		if (word != *(const __u32 *)methods[i])
			continue;
		count = bpf_map_lookup_elem(&requests, &i);
		if (count)
			__sync_fetch_and_add(count, 1);
		break;
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
