// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Counts what arrives at an interface, and drops what goes to the ports in a map. examples/net/rate.c
 * attaches it and shows how much there is each second.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct count {
	__u64 packets, bytes, dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __be16);
	__type(value, __u64); /* how many were dropped */
} blocked SEC(".maps");

/* Where the packet goes to; 0: it has no ports. */
static __always_inline __be16 port_of(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct ipv6hdr *ip6;
	struct iphdr *ip;
	__u8 protocol;
	__be16 *ports;

	if ((void *)(eth + 1) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		ip = (void *)(eth + 1);
		if ((void *)(ip + 1) > end || ip->ihl < 5)
			return 0;
		/* Only the first fragment has them. */
		if (ip->frag_off & bpf_htons(0x1fff))
			return 0;
		protocol = ip->protocol;
		ports = (void *)ip + ip->ihl * 4;
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = (void *)(eth + 1);
		if ((void *)(ip6 + 1) > end)
			return 0;
		protocol = ip6->nexthdr;
		ports = (void *)(ip6 + 1);
	} else {
		return 0;
	}
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || (void *)(ports + 2) > end)
		return 0;
	return ports[1];
}

SEC("xdp")
int rate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be16 port = port_of(data, end);
	__u32 zero = 0;
	__u64 *drops = port ? bpf_map_lookup_elem(&blocked, &port) : NULL;
	struct count *c = bpf_map_lookup_elem(&counts, &zero);

	if (c) {
		c->packets++;
		c->bytes += end - data;
		if (drops)
			c->dropped++;
	}
	if (!drops)
		return XDP_PASS;
	__sync_fetch_and_add(drops, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
