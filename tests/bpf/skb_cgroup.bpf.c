// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Whose packets leave to UDP port 17480, for tests/script/skb_cgroup. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3); /* its cgroup, the one above it, the root */
	__type(key, __u32);
	__type(value, __u64);
} senders SEC(".maps");

static void put(__u32 i, __u64 id)
{
	bpf_map_update_elem(&senders, &i, &id, 0);
}

SEC("tc")
int on_egress(struct __sk_buff *skb)
{
	__u16 port;

	if (skb->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(skb, 36, &port, 2) ||
	    port != bpf_htons(17480))
		return TC_ACT_OK;
	put(0, bpf_skb_cgroup_id(skb));
	put(1, bpf_skb_ancestor_cgroup_id(skb, 1));
	put(2, bpf_skb_ancestor_cgroup_id(skb, 0));
	return TC_ACT_OK;
}
