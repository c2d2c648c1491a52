// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* For BCC, on an interface: counts the datagrams that arrive for port 9. */
#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/ip.h>
#include <uapi/linux/udp.h>

BPF_ARRAY(arrived, u64, 1);

int xdp_example(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (eth->h_proto == htons(ETH_P_IP) && ip->protocol == IPPROTO_UDP && udp->dest == htons(9))
		arrived.atomic_increment(0);
	return XDP_PASS;
}
