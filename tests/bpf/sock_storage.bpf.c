// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What the sockets of test runs have in storages, for sock_storage_test. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct result {
	__u32 first, again, created, flags;
	__s32 deleted, gone;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u32);
} values SEC(".maps");

static int look(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u32 zero = 0, begin = 40, *v;
	struct result *r = bpf_map_lookup_elem(&results, &zero);

	if (!r || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	r->first = !!bpf_sk_storage_get(&values, sk, 0, 0);
	r->flags = !!bpf_sk_storage_get(&values, sk, 0, 8);
	v = bpf_sk_storage_get(&values, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		r->created = ++*v;
	v = bpf_sk_storage_get(&values, sk, 0, 0);
	if (v)
		r->again = *v;
	r->deleted = bpf_sk_storage_delete(&values, sk);
	r->gone = bpf_sk_storage_delete(&values, sk);
	bpf_sk_storage_get(&values, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	return 0;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	return look(skb);
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	return look(skb);
}
