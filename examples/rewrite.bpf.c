/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TC: sends TCP connections of the service address 10.0.0.80 to the backend
 * 10.0.0.180: rewrites the destination and mends both checksums.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_CHECK (ETH_HLEN + offsetof(struct iphdr, check))
#define IP_DST (ETH_HLEN + offsetof(struct iphdr, daddr))
#define TCP_CHECK (ETH_HLEN + sizeof(struct iphdr) + offsetof(struct tcphdr, check))

const volatile __u32 service = 0x0a000050, backend = 0x0a0000b4; /* host byte order */

__u64 rewritten;

SEC("tc")
int rewrite_service(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 from = bpf_htonl(service), to = bpf_htonl(backend);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP || ip->daddr != from)
		return TC_ACT_OK;
	if (bpf_l4_csum_replace(skb, TCP_CHECK, from, to, BPF_F_PSEUDO_HDR | sizeof(to)))
		return TC_ACT_SHOT;
	bpf_l3_csum_replace(skb, IP_CHECK, from, to, sizeof(to));
	bpf_skb_store_bytes(skb, IP_DST, &to, sizeof(to), 0);
	rewritten++;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
