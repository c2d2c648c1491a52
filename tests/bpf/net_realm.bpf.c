// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Realms of packets' routes, for tests/data/net/realm.py. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

/* The other end's port, from 7000 on: realms at its last datagram; 16 more: of what has come from there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline __u32 port(struct __sk_buff *skb, __u32 at, int out)
{
	struct iphdr ip;
	__u16 ports[2];

	if (skb->protocol == bpf_htons(0x86dd)) {
		if (bpf_skb_load_bytes(skb, at + 6, &ip.protocol, 1) || ip.protocol != IPPROTO_UDP)
			return 0;
		at += 20;
	} else if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 ||
		   ip.protocol != IPPROTO_UDP) {
		return 0;
	}
	return bpf_skb_load_bytes(skb, at + 20, ports, sizeof(ports)) ? 0 : bpf_ntohs(ports[out]);
}

/* One more than the realms, so that none is seen, too. */
static __always_inline int note(struct __sk_buff *skb, int out)
{
	__u32 i = port(skb, 14, out) - 7000;
	__u64 *v;

	if (i >= 16)
		return TC_ACT_UNSPEC;
	i += out ? 0 : 16;
	v = bpf_map_lookup_elem(&counts, &i);
	if (v)
		*v = 1 + bpf_get_route_realm(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int sent(struct __sk_buff *skb)
{
	return note(skb, 1);
}

SEC("tc")
int received(struct __sk_buff *skb)
{
	return note(skb, 0);
}

/* The route is the one that the packet was sent by, whatever becomes of it. */
SEC("tc")
int changed(struct __sk_buff *skb)
{
	__u32 nowhere = 0;

	if (port(skb, 14, 1) == 7003)
		bpf_skb_store_bytes(skb, 14 + 16, &nowhere, sizeof(nowhere), 0);
	return note(skb, 1);
}

SEC("lwt_in")
int in(struct __sk_buff *skb)
{
	return port(skb, 0, 0) == 7001 && !bpf_get_route_realm(skb) ? BPF_DROP : BPF_OK;
}

SEC("lwt_xmit")
int xmit(struct __sk_buff *skb)
{
	return port(skb, 0, 1) == 7001 && bpf_get_route_realm(skb) != 7 ? BPF_DROP : BPF_OK;
}
