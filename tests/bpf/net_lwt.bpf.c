// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Programs of routes for tests/data/net/lwt.py. What they have seen is in the packets that they let pass, or do not. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

/* What leaves: 0: for port 7000, 1: for 7005, 2: in a tunnel, as it should be, 3: for 7007, with the header that xmit has made. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("tc")
int see(struct __sk_buff *skb)
{
	struct iphdr ip, inner;
	__u8 ether[14] = {};
	__u64 *n;
	__u16 to;
	__u32 i;

	if (bpf_skb_load_bytes(skb, 14, &ip, sizeof(ip)) || ip.version != 4)
		return -1;
	bpf_skb_load_bytes(skb, 14 + 20 + 2, &to, 2);
	if (ip.protocol == IPPROTO_UDP && to == bpf_htons(7000))
		i = 0;
	else if (ip.protocol == IPPROTO_UDP && to == bpf_htons(7005))
		i = 1;
	else if (ip.protocol == IPPROTO_UDP && to == bpf_htons(7007) &&
		 !bpf_skb_load_bytes(skb, 0, ether, sizeof(ether)) && ether[0] == 0xff &&
		 ether[6] == 2 && ether[11] == 9 && skb->protocol == bpf_htons(0x0800))
		i = 3;
	else if (ip.protocol == IPPROTO_IPIP &&
		 !bpf_skb_load_bytes(skb, 14 + 20, &inner, sizeof(inner)) &&
		 inner.protocol == IPPROTO_UDP && inner.daddr == ip.daddr)
		i = 2;
	else
		return -1;
	n = bpf_map_lookup_elem(&counts, &i);
	if (n)
		__sync_fetch_and_add(n, 1);
	return -1;
}

/* The other end's port; 0: no datagram. */
static __always_inline int port(struct __sk_buff *skb, int out)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data;
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_UDP ||
	    skb->protocol != bpf_htons(0x0800) || skb->len != bpf_ntohs(ip->tot_len))
		return 0;
	return bpf_ntohs(out ? udp->dest : udp->source);
}

SEC("lwt_in")
int in(struct __sk_buff *skb)
{
	return port(skb, 0) == 7001 ? BPF_DROP : BPF_OK;
}

SEC("lwt_out")
int out(struct __sk_buff *skb)
{
	int to = port(skb, 1);

	/* There is no redirection from here: 7009 goes on. */
	return to == 7002 ? BPF_DROP : to == 7009 ? BPF_REDIRECT : BPF_OK;
}

/*
 * 7003 is dropped, 7004 is no result, 7005 goes to 7000, 7006 into a tunnel to the other end; 7007 goes to all hosts,
 * 7008 has no header for the device, 7009 is for no device.
 */
SEC("lwt_xmit")
int xmit(struct __sk_buff *skb)
{
	const __u8 ether[14] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 0 };
	int to = port(skb, 1);
	__be16 other = bpf_htons(7000);
	struct iphdr outer = {};

	if (to == 7003)
		return BPF_DROP;
	if (to == 7004)
		return 99;
	if (to == 7005) {
		bpf_l4_csum_replace(skb, 20 + 6, bpf_htons(7005), other, BPF_F_MARK_MANGLED_0 | 2);
		bpf_skb_store_bytes(skb, 20 + 2, &other, sizeof(other), 0);
	}
	if (to == 7006) {
		outer.version = 4;
		outer.ihl = 5;
		outer.ttl = 64;
		outer.protocol = IPPROTO_IPIP;
		outer.tot_len = bpf_htons(skb->len + sizeof(outer));
		outer.saddr = bpf_htonl(0x0a000002);
		outer.daddr = bpf_htonl(0x0a000001);
		if (bpf_lwt_push_encap(skb, BPF_LWT_ENCAP_IP, &outer, sizeof(outer)))
			return BPF_DROP;
		return BPF_LWT_REROUTE;
	}
	if (to == 7008)
		return bpf_redirect(skb->ifindex, 0);
	if (to == 7007 || to == 7009) {
		if (bpf_skb_change_head(skb, sizeof(ether), 0) ||
		    bpf_skb_store_bytes(skb, 0, ether, sizeof(ether), 0))
			return BPF_DROP;
		return bpf_redirect(to == 7007 ? skb->ifindex : 77, 0);
	}
	return BPF_OK;
}
