// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Programs that decide on sockets, for tests/script/cgroup_sock: 10.96.0.1:80 (TCP) and :53 (UDP)
 * are services whose backends are 127.0.0.1 at the ports that array backend holds.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define SERVICE	 bpf_htonl(0x0a600001)
#define LOOPBACK bpf_htonl(0x7f000001)
#define TCP	 6

#define AF_INET	    2
#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define SOL_SOCKET  1
#define ENETUNREACH 101

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2); /* TCP, UDP */
	__type(key, __u32);
	__type(value, __u32); /* in network order */
} backend SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64); /* cookie */
	__type(value, __u32);
} redirected SEC(".maps");

/* How often each program has run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} runs SEC(".maps");

static void count(__u32 i)
{
	__u32 *n = bpf_map_lookup_elem(&runs, &i);

	if (n)
		++*n;
}

static __u32 port_of(__u32 i)
{
	__u32 *port = bpf_map_lookup_elem(&backend, &i);

	return port ? *port : 0;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	__u32 one = 1;

	count(0);
	if (ctx->user_family != AF_INET || ctx->family != AF_INET)
		return 1;
	if (ctx->user_ip4 == bpf_htonl(0x0a600002) || /* denied by the program's word */
	    ctx->user_ip4 == bpf_htonl(0x7f000009))
		return 0;
	if (ctx->user_ip4 == bpf_htonl(0x0a600003)) { /* and with an error of its own */
		bpf_set_retval(-ENETUNREACH);
		return 0;
	}
	if (ctx->user_ip4 != SERVICE)
		return 1;
	if (ctx->protocol == TCP && ctx->type == SOCK_STREAM && ctx->user_port == bpf_htons(80)) {
		ctx->user_ip4 = LOOPBACK;
		ctx->user_port = port_of(0);
		bpf_map_update_elem(&redirected, &cookie, &one, 0);
	}
	return 1;
}

SEC("cgroup/getpeername4")
int on_getpeername4(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);

	count(1);
	if (!bpf_map_lookup_elem(&redirected, &cookie))
		return 1;
	ctx->user_ip4 = SERVICE;
	ctx->user_port = bpf_htons(80);
	return 1;
}

SEC("cgroup/getsockname4")
int on_getsockname4(struct bpf_sock_addr *ctx)
{
	count(2);
	if (ctx->user_port == bpf_htons(17171))
		ctx->user_port = bpf_htons(17172);
	return 1;
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	count(3);
	if (ctx->user_ip4 == bpf_htonl(0x0a600002))
		return 0;
	if (ctx->user_ip4 == SERVICE && ctx->user_port == bpf_htons(53)) {
		ctx->user_ip4 = LOOPBACK;
		ctx->user_port = port_of(1);
	}
	return 1;
}

SEC("cgroup/recvmsg4")
int on_recvmsg4(struct bpf_sock_addr *ctx)
{
	count(4);
	if (ctx->user_ip4 == LOOPBACK && ctx->user_port == port_of(1)) {
		ctx->user_ip4 = SERVICE;
		ctx->user_port = bpf_htons(53);
	}
	return 1;
}

SEC("cgroup/bind4")
int on_bind4(struct bpf_sock_addr *ctx)
{
	count(5);
	if (ctx->user_port == bpf_htons(17170))
		ctx->user_port = bpf_htons(17171);
	if (ctx->user_port == bpf_htons(17173))
		return 0;
	return 1;
}

SEC("cgroup/post_bind4")
int on_post_bind4(struct bpf_sock *ctx)
{
	count(6);
	/* 127.0.0.99: nobody gets a port there */
	return ctx->src_port != 17174 && ctx->src_ip4 != bpf_htonl(0x7f000063);
}

SEC("cgroup/sock_create")
int on_create(struct bpf_sock *ctx)
{
	count(7);
	if (ctx->family == AF_INET && ctx->type == SOCK_DGRAM &&
	    ctx->protocol == 136) /* UDP-Lite */
		return 0;
	ctx->priority = 3;
	return 1;
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	count(8);
	/* 2001:db8::1 is ::1 at the backend's port */
	if (ctx->user_ip6[0] == bpf_htonl(0x20010db8)) {
		ctx->user_ip6[0] = ctx->user_ip6[1] = ctx->user_ip6[2] = 0;
		ctx->user_ip6[3] = bpf_htonl(1);
		ctx->user_port = port_of(0);
	}
	return 1;
}

SEC("cgroup/setsockopt")
int on_setsockopt(struct bpf_sockopt *ctx)
{
	__u8 *v = ctx->optval, *end = ctx->optval_end;

	count(9);
	if (ctx->level == 0xdead) { /* ours: nobody else sees it */
		ctx->optlen = -1;
		return 1;
	}
	if (ctx->level == 0 && ctx->optname == 1 && v + 1 <= end && *v == 0x08) {
		*v = 0x10; /* IP_TOS: another one */
		return 1;
	}
	if (ctx->level == SOL_SOCKET && ctx->optname == 13) /* SO_LINGER */
		return 0;
	return 1;
}

SEC("cgroup/getsockopt")
int on_getsockopt(struct bpf_sockopt *ctx)
{
	__u8 *v = ctx->optval, *end = ctx->optval_end;

	count(10);
	if (ctx->level == 0xdead) {
		if (v + 1 > end)
			return 0;
		*v = 0x55;
		ctx->optlen = 1;
		asm volatile("" ::: "memory"); /* no store of both */
		ctx->retval = 0;
		return 1;
	}
	if (ctx->level == 6 && ctx->optname == 4 && v + 4 <= end) { /* TCP_KEEPIDLE */
		*(__u32 *)v = 4321;
		return 1;
	}
	if (ctx->level == SOL_SOCKET && ctx->optname == 13)
		return 0;
	return 1;
}
