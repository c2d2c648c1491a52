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

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

struct contexts {
	__u32 create_family, create_type, create_protocol;
	__u32 level, name, length, sock_type, room, current;
	__u32 op, full, ops_family, ops_type;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct contexts);
} contexts SEC(".maps");

static struct contexts *context(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&contexts, &zero);
}

SEC("cgroup/sock_create")
int on_cast_create(struct bpf_sock *ctx)
{
	struct sock *k = bpf_cast_to_kern_ctx(ctx);
	struct contexts *c = context();

	if (c && ctx->protocol == 136) { /* UDP-Lite */
		c->create_family = k->__sk_common.skc_family;
		c->create_type = k->sk_type;
		c->create_protocol = k->sk_protocol;
	}
	return 1;
}

SEC("cgroup/getsockopt")
int on_cast_getsockopt(struct bpf_sockopt *ctx)
{
	struct bpf_sockopt_kern *k = bpf_cast_to_kern_ctx(ctx);
	struct task_struct *now = bpf_get_current_task_btf();
	struct contexts *c = context();

	if (c && ctx->level == 1 && ctx->optname == 3) { /* SO_TYPE */
		c->level = k->level;
		c->name = k->optname;
		c->length = k->optlen;
		c->sock_type = k->sk->sk_type;
		c->room = k->optval_end - k->optval;
		c->current = k->current_task == now;
	}
	return 1;
}

SEC("sockops")
int on_cast_ops(struct bpf_sock_ops *ctx)
{
	struct bpf_sock_ops_kern *k = bpf_cast_to_kern_ctx(ctx);
	struct contexts *c = context();

	if (c && ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB && ctx->remote_port == bpf_htonl(PORT)) {
		c->op = k->op;
		c->full = k->is_fullsock;
		c->ops_family = k->sk->__sk_common.skc_family;
		c->ops_type = k->sk->sk_type;
	}
	return 1;
}

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
