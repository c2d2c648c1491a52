/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs of a netkit pair and behind it, for tests/script/netkit: datagrams by port. */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NETKIT_NEXT	-1
#define NETKIT_PASS	0
#define NETKIT_DROP	2
#define NETKIT_REDIRECT 7

enum { GOES_ON = 9, DROPPED = 10, REDIRECTED = 11, FIRST_PASSES = 12 };

struct seen {
	__u32 ports[4], device, from_device, type, len;
};

struct values {
	struct seen by_primary, by_peer, behind;
	__u32 second, primary_ifindex; /* runs of the program behind the first one; the device */
} v;
struct seen ignored SEC(".data.ignored");

/* The destination port of a datagram to one of ours; 0: another frame. */
static __u32 look(struct __sk_buff *skb, struct seen *s)
{
	__u16 dest = 0;
	__u8 proto = 0;

	bpf_skb_load_bytes(skb, 23, &proto, 1);
	bpf_skb_load_bytes(skb, 36, &dest, 2);
	dest = bpf_ntohs(dest);
	if (skb->protocol != bpf_htons(0x0800) || proto != 17 || dest < GOES_ON ||
	    dest > FIRST_PASSES)
		return 0;
	__sync_fetch_and_add(&s->ports[(dest - GOES_ON) & 3], 1);
	s->device = skb->ifindex;
	s->from_device = skb->ingress_ifindex;
	s->type = skb->pkt_type;
	s->len = skb->len;
	return dest;
}

SEC("tc")
int primary(struct __sk_buff *skb)
{
	__u32 port = look(skb, &v.by_primary);

	return port == DROPPED ? NETKIT_DROP : port == FIRST_PASSES ? NETKIT_PASS : NETKIT_NEXT;
}

SEC("tc")
int peer(struct __sk_buff *skb)
{
	__u32 port = look(skb, &v.by_peer);

	if (port == REDIRECTED)
		return bpf_redirect(v.primary_ifindex, BPF_F_INGRESS);
	return port == DROPPED ? NETKIT_DROP : port == FIRST_PASSES ? NETKIT_PASS : NETKIT_NEXT;
}

SEC("tc")
int next(struct __sk_buff *skb)
{
	if (look(skb, &ignored))
		__sync_fetch_and_add(&v.second, 1);
	return NETKIT_NEXT;
}

SEC("tc")
int ingress(struct __sk_buff *skb)
{
	look(skb, &v.behind);
	return -1;
}

char _license[] SEC("license") = "GPL";
