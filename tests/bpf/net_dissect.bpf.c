// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Flow dissectors for tests/data/net/dissect.py, and a program of traffic control that asks for hashes. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define TCX_NEXT -1
#define CONTINUE 129

/* 0: runs of a dissector with all as it should be, 1: others; 2: a hash as the last one, 3: another one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static void count(__u32 i)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &i);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* The IP header, as it is seen in both ways. */
static __always_inline struct iphdr *look(struct __sk_buff *skb, __u32 *proto)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct bpf_flow_keys *keys = skb->flow_keys;
	struct iphdr *ip = data + ETH_HLEN, copy;

	*proto = 0;
	if (keys->n_proto != bpf_htons(ETH_P_IP) || keys->nhoff != ETH_HLEN ||
	    keys->thoff != ETH_HLEN || (void *)(ip + 1) > end ||
	    keys->flags != BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &copy, sizeof(copy)) || copy.daddr != ip->daddr ||
	    !bpf_skb_load_bytes(skb, 60000, &copy, sizeof(copy))) {
		count(1);
		return 0;
	}
	count(0);
	*proto = ip->protocol;
	return ip;
}

/* Addresses only: all flows of two hosts are one. */
SEC("flow_dissector")
int hosts(struct __sk_buff *skb)
{
	struct bpf_flow_keys *keys = skb->flow_keys;
	__u32 proto;
	struct iphdr *ip = look(skb, &proto);

	if (!ip)
		return BPF_DROP;
	keys->addr_proto = ETH_P_IP;
	keys->ipv4_src = ip->saddr;
	keys->ipv4_dst = ip->daddr;
	keys->ip_proto = proto;
	return BPF_OK;
}

SEC("flow_dissector")
int as_without(struct __sk_buff *skb)
{
	__u32 proto;

	look(skb, &proto);
	return CONTINUE;
}

__u32 last;

SEC("tc")
int hash(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__u32 h;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_UDP)
		return TCX_NEXT;
	bpf_set_hash_invalid(skb);
	h = bpf_get_hash_recalc(skb);
	if (last)
		count(h == last ? 2 : 3);
	last = h;
	return TCX_NEXT;
}
