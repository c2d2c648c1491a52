// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Programs on a cgroup's packets, for tests/script/cgroup_skb: some ports are not for it. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

/* Packets with a socket whose addresses are those of the packet: on the way out, in; others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

static void count(__u32 i)
{
	__u32 *n = bpf_map_lookup_elem(&seen, &i);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* The other end's port; 0: nothing of ours. */
static __u32 other_port(struct __sk_buff *skb, int out)
{
	struct iphdr ip;
	__u16 ports[2];
	struct bpf_sock *sk = skb->sk;

	if (skb->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) ||
	    ip.version != 4 || bpf_skb_load_bytes(skb, ip.ihl * 4, ports, sizeof(ports)))
		return 0;
	if (sk)
		sk = bpf_sk_fullsock(sk);
	count(sk && sk->family == 2 && sk->src_port == bpf_ntohs(ports[!out]) &&
			      bpf_get_socket_cookie(skb) && bpf_ntohs(ip.tot_len) == skb->len ?
		      !out :
		      2);
	return bpf_ntohs(ports[out]);
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	__u32 port = other_port(skb, 1);

	return port != 7001 && port != 7003;
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	__u32 port = other_port(skb, 0);

	return port != 7002 && port != 7004;
}
