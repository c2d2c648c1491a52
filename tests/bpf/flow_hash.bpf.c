// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What flow a packet is of, in .mark. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("tc")
int hash(struct __sk_buff *skb)
{
	skb->mark = bpf_get_hash_recalc(skb);
	return skb->mark != skb->hash;
}

/* The same with the first of its tags beside the packet. */
SEC("tc")
int hash_popped(struct __sk_buff *skb)
{
	__u16 proto = skb->vlan_present ? 0 : skb->protocol;
	__u32 tci;

	if (proto == 0x0081 || proto == 0xa888) {
		if (bpf_skb_vlan_pop(skb))
			return 1;
	}
	tci = skb->mark;
	if (tci && bpf_skb_vlan_push(skb, 0x0081, tci & 0xffff))
		return 2;
	skb->mark = bpf_get_hash_recalc(skb);
	return 0;
}
