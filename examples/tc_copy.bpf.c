// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Copies all traffic of an interface to another one, as a switch's mirror port does: who listens there
 * sees it, and it goes its way.
 *
 *   tc qdisc add dev eth0 clsact
 *   tc filter add dev eth0 ingress bpf da obj tc_copy.bpf.o sec tc
 *   tc filter add dev eth0 egress  bpf da obj tc_copy.bpf.o sec tc       (a map of its own)
 *   bpftool map update name copy_to key 0 0 0 0 value 3 0 0 0            to interface 3
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} copy_to SEC(".maps");

SEC("tc")
int copy(struct __sk_buff *skb)
{
	__u32 zero = 0, *ifindex = bpf_map_lookup_elem(&copy_to, &zero);

	if (ifindex && *ifindex && *ifindex != skb->ifindex)
		bpf_clone_redirect(skb, *ifindex, 0);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
