/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* XDP: drops UDP datagrams to blocked ports; says so once per packet with bpf_printk(). */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u16 blocked_port = 53;

__u64 dropped;

SEC("xdp")
int drop_port(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_UDP || ip->ihl < 5)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > end || udp->dest != bpf_htons(blocked_port))
		return XDP_PASS;
	if (!dropped++)
		bpf_printk("first datagram to port %d dropped, source port %d", blocked_port,
			   bpf_ntohs(udp->source));
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
