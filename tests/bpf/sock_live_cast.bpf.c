// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The kernel's structs of the socket of a connect() to port 17470, for tests/script/sock_live. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define PORT 17470

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

struct shown {
	__u32 family, type, protocol, state; /* by bpf_rdonly_cast() */
	__u32 tcp, tcp_family, same, cookie, storage;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2); /* TCP, UDP */
	__type(key, __u32);
	__type(value, struct shown);
} shown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u32);
} values SEC(".maps");

SEC("cgroup/connect4")
int on_cast(struct bpf_sock_addr *ctx)
{
	__u32 i = ctx->protocol == 17, *v;
	struct bpf_sock *sk = ctx->sk;
	struct shown s = { 0 };
	struct tcp_sock *tp;
	struct sock *k;
	__s64 cookie;

	if (ctx->user_port != bpf_htons(PORT) || !sk)
		return 1;
	k = bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct sock));
	s.family = k->__sk_common.skc_family;
	s.type = k->sk_type;
	s.protocol = k->sk_protocol;
	s.state = k->__sk_common.skc_state;
	v = bpf_sk_storage_get(&values, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		*v = 7;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp) {
		s.tcp = 1;
		s.tcp_family = tp->inet_conn.icsk_inet.sk.__sk_common.skc_family;
		s.same = (void *)tp == (void *)k;
		v = bpf_sk_storage_get(&values, tp, 0, 0);
		s.storage = v ? *v : 0;
	}
	cookie = bpf_get_socket_cookie(ctx); /* which makes it */
	s.cookie = k->__sk_common.skc_cookie.counter == cookie;
	bpf_map_update_elem(&shown, &i, &s, 0);
	return 1;
}
