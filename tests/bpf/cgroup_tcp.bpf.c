// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * What programs of a cgroup are told of its TCP sockets, for tests/script/cgroup_tcp: a line for each
 * event in the list of its role (0: who connects, 1: who was accepted, 2: the listener at PORT).
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define PORT	    17423
#define SOL_SOCKET  1
#define SO_PRIORITY 12
#define SOL_TCP	    6
#define LINES	    16

struct line {
	__u16 op, state, from, to, family, flags, local,
		remote; /* ports: whether they are known, whether PORT */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3 * LINES);
	__type(key, __u32);
	__type(value, struct line);
} lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 6); /* lines of each role; released sockets of each protocol */
	__type(key, __u32);
	__type(value, __u32);
} counts SEC(".maps");

static __u32 count(__u32 i)
{
	__u32 *n = bpf_map_lookup_elem(&counts, &i);

	return n ? (*n)++ : 0;
}

static __u16 port_is(__u32 port)
{
	return !port ? 0 : port == PORT ? 2 : 1;
}

SEC("sockops") int on_event(struct bpf_sock_ops *ctx)
{
	__u32 role = ctx->local_port != PORT ? 0 : ctx->state == BPF_TCP_LISTEN ? 2 : 1, at;
	int priority = 3, delack = 20000, rto = 100000;
	struct line *l;

	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_STATE_CB:
		break;
	default:
		return 1; /* skep does not tell them */
	}
	at = count(role);
	if (at >= LINES)
		return 1;
	at += role * LINES;
	l = bpf_map_lookup_elem(&lines, &at);
	if (!l)
		return 1;
	l->op = ctx->op;
	l->state = ctx->state;
	if (ctx->op == BPF_SOCK_OPS_STATE_CB) {
		l->from = ctx->args[0];
		l->to = ctx->args[1];
	}
	l->family = ctx->family;
	l->flags = ctx->bpf_sock_ops_cb_flags;
	l->local = port_is(ctx->local_port);
	l->remote = port_is(bpf_ntohl(ctx->remote_port));
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB || ctx->op == BPF_SOCK_OPS_TCP_LISTEN_CB) {
		bpf_sock_ops_cb_flags_set(ctx, BPF_SOCK_OPS_STATE_CB_FLAG);
		bpf_setsockopt(ctx, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
		bpf_setsockopt(ctx, SOL_TCP, TCP_BPF_DELACK_MAX, &delack, sizeof(delack));
		bpf_setsockopt(ctx, SOL_TCP, TCP_BPF_RTO_MIN, &rto, sizeof(rto));
	}
	return 1;
}

SEC("cgroup/sock_release") int on_release(struct bpf_sock *ctx)
{
	count(ctx->protocol == 6 ? 3 : ctx->protocol == 17 ? 4 : 5);
	return 1;
}
