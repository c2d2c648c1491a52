/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* SYN cookies for the headers in a map, and a check of the cookie that the client sends back. */
#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_helpers.h>

struct headers {
	__u8 ip[40];
	__u8 tcp[60];
	__u32 tcp_len, ipv6;
	__s64 made, checked;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct headers);
} map SEC(".maps");

SEC("xdp")
int make(struct xdp_md *ctx)
{
	__u32 key = 0, len;
	struct headers *h = bpf_map_lookup_elem(&map, &key);

	if (!h)
		return 1;
	len = h->tcp_len;
	if (len > sizeof(h->tcp))
		return 2;
	if (h->ipv6)
		h->made = bpf_tcp_raw_gen_syncookie_ipv6((void *)h->ip, (void *)h->tcp, len);
	else
		h->made = bpf_tcp_raw_gen_syncookie_ipv4((void *)h->ip, (void *)h->tcp, len);
	return 0;
}

SEC("tc")
int check(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct headers *h = bpf_map_lookup_elem(&map, &key);

	if (!h)
		return 1;
	if (h->ipv6)
		h->checked = bpf_tcp_raw_check_syncookie_ipv6((void *)h->ip, (void *)h->tcp);
	else
		h->checked = bpf_tcp_raw_check_syncookie_ipv4((void *)h->ip, (void *)h->tcp);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
