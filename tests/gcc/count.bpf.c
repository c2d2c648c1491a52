// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What examples/count.bpf.c counts, as GNU's compiler wants it: helpers are functions with their number. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define SEC(name)	  __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

void *bpf_map_lookup_elem(void *map, const void *key) __attribute__((kernel_helper(1)));
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
	__attribute__((kernel_helper(2)));

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u8); /* IP protocol; 255: not IP */
	__type(value, struct traffic);
} by_protocol SEC(".maps");

__u64 total;

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct traffic first = { 1, (__u64)(end - data) }, *t;
	struct ethhdr *eth = data;
	__u8 protocol = 255;

	total++;
	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	if (eth->h_proto == 0x0008) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) <= end)
			protocol = ip->protocol;
	} else if (eth->h_proto == 0xdd86) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		if ((void *)(ip6 + 1) <= end)
			protocol = ip6->nexthdr;
	}
	t = bpf_map_lookup_elem(&by_protocol, &protocol);
	if (!t)
		bpf_map_update_elem(&by_protocol, &protocol, &first, BPF_ANY);
	else {
		t->packets++;
		t->bytes += first.bytes;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
