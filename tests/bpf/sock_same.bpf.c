// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Each pointer to a socket, whatever its type, is that socket to helpers: for sock_same_test. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct tcp_sock;

struct result {
	struct bpf_sock_tuple tuple;
	__u32 found, tcp, full, listener, again, same_cwnd, stored, deleted, cgroup;
	__s32 in_map, assigned;
	__u32 kernel, kernel_stored, kernel_cgroup, xsk, xsk_whole;
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

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

static __always_inline struct bpf_sock *lookup(struct __sk_buff *skb, struct result *r)
{
	return bpf_sk_lookup_tcp(skb, &r->tuple, sizeof(r->tuple.ipv4), -1, 0);
}

SEC("tc")
int as_tcp_sock(struct __sk_buff *skb)
{
	__u32 zero = 0, begin = 40, *v;
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct bpf_tcp_sock *tp, *more;
	struct bpf_sock *sk, *other;

	if (!r)
		return 0;
	sk = lookup(skb, r);
	if (!sk)
		return 0;
	r->found = sk->src_port;
	tp = bpf_tcp_sock(sk);
	if (!tp) {
		bpf_sk_release(sk);
		return 0;
	}
	r->tcp = 1;
	other = bpf_sk_fullsock((struct bpf_sock *)tp);
	if (other)
		r->full = other->src_port;
	other = bpf_get_listener_sock((struct bpf_sock *)tp);
	if (other)
		r->listener = other->src_port;
	more = bpf_tcp_sock((struct bpf_sock *)tp);
	if (more) {
		r->again = 1;
		r->same_cwnd = more->snd_cwnd == tp->snd_cwnd && more->mss_cache == tp->mss_cache &&
			       tp->snd_cwnd;
	}
	v = bpf_sk_storage_get(&values, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		*v += 2;
	v = bpf_sk_storage_get(&values, tp, 0, 0);
	if (v)
		r->stored = *v;
	r->deleted = !bpf_sk_storage_delete(&values, tp) && !bpf_sk_storage_get(&values, sk, 0, 0);
	r->in_map = bpf_map_update_elem(&socks, &zero, tp, 0);
	r->assigned = bpf_sk_assign(skb, tp, 0);
	bpf_sk_release((struct bpf_sock *)tp);
	return 1;
}

SEC("tc")
int as_kernel_type(struct __sk_buff *skb)
{
	__u32 zero = 0, begin = 50, *v;
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct bpf_tcp_sock *tp;
	struct tcp_sock *ktp;
	struct bpf_sock *sk;

	if (!r)
		return 0;
	sk = lookup(skb, r);
	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	ktp = tp ? bpf_skc_to_tcp_sock(tp) : 0;
	if (!ktp) {
		bpf_sk_release(sk);
		return 0;
	}
	r->kernel = 1;
	v = bpf_sk_storage_get(&values, tp, &begin, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		*v += 3;
	v = bpf_sk_storage_get(&values, ktp, 0, 0);
	if (v)
		r->kernel_stored = *v;
	bpf_sk_storage_delete(&values, ktp);
	bpf_sk_release((struct bpf_sock *)ktp);
	return 1;
}

SEC("cgroup_skb/egress")
int cgroups(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct bpf_tcp_sock *tp;
	struct tcp_sock *ktp;
	struct bpf_sock *sk;
	__u64 id, above;

	if (!r)
		return 0;
	sk = lookup(skb, r);
	if (!sk)
		return 0;
	id = bpf_sk_cgroup_id(sk);
	above = bpf_sk_ancestor_cgroup_id(sk, 1);
	tp = bpf_tcp_sock(sk);
	if (tp && id)
		r->cgroup = bpf_sk_cgroup_id(tp) == id && bpf_sk_ancestor_cgroup_id(tp, 1) == above;
	ktp = tp && id ? bpf_skc_to_tcp_sock(tp) : 0;
	if (ktp)
		r->kernel_cgroup =
			bpf_sk_cgroup_id(ktp) == id && bpf_sk_ancestor_cgroup_id(ktp, 1) == above;
	bpf_sk_release(sk);
	return 1;
}

/* What is found in an XSKMAP is a socket that is neither a listener nor TCP's. */
SEC("tc")
int as_xdp_sock(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct bpf_xdp_sock *xs = bpf_map_lookup_elem(&xsks, &zero);

	if (!r || !xs)
		return 0;
	r->xsk = 1 + xs->queue_id;
	r->xsk_whole = bpf_tcp_sock((struct bpf_sock *)xs) ||
		       bpf_get_listener_sock((struct bpf_sock *)xs) || bpf_skc_to_tcp_sock(xs) ||
		       !bpf_map_update_elem(&socks, &zero, xs, 0);
	return 1;
}
