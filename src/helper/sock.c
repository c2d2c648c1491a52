/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What socket pointers are good for, and the helpers of the program types about sockets (Linux:
 * net/core/filter.c). Behind a pointer that the verifier calls sock, sock_common or tcp_sock is
 * a struct bpf_rt_sock, but where it came from kernel types: those are the world's.
 */
#include "helper/helper.h"
#include "object/sock.h"

#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define INIT_NET_COOKIE 1
#define UNIX_PATH_MAX	108

#ifndef ESOCKTNOSUPPORT
#define ESOCKTNOSUPPORT 94
#endif

BPF_HELPER(sk_fullsock)
{
	return run_is_socket(run, r1) && sock_is_full(PTR(r1)) ? r1 : 0;
}

BPF_HELPER(get_listener_sock)
{
	const struct bpf_rt_sock *sk = PTR(r1);

	return run_is_socket(run, r1) && sk->u.state == BPF_TCP_LISTEN ? r1 : 0;
}

BPF_HELPER(tcp_sock)
{
	const struct bpf_rt_sock *sk = PTR(r1);

	if (!run_is_socket(run, r1))
		return 0;
	return sock_is_full(sk) && sk->u.protocol == IPPROTO_TCP ? r1 : 0;
}

/* ---- cookies ---- */

/* A function of sockets of several types: see tables/helper_variants.def. */
BPF_HELPER(get_socket_ptr_cookie)
{
	if (!r1)
		return 0;
	return run_is_socket(run, r1) ? ((const struct bpf_rt_sock *)PTR(r1))->cookie :
					run->platform->world(run, WORLD_SOCK_COOKIE, &r1);
}

static u64 cookie_of(const void *sk)
{
	return sk ? ((const struct bpf_rt_sock *)sk)->cookie : 0;
}

BPF_HELPER(get_socket_cookie_sock) /* the context is the socket */
{
	return cookie_of(PTR(r1));
}

BPF_HELPER(get_socket_cookie_sock_addr)
{
	return cookie_of(((const struct bpf_sock_addr *)PTR(r1))->sk);
}

BPF_HELPER(get_socket_cookie_sock_ops)
{
	return cookie_of(((const struct bpf_sock_ops *)PTR(r1))->sk);
}

/* Without a context, and of a socket that says nothing else: the first namespace. */
static u64 netns_of(const void *sk)
{
	return sk && ((const struct bpf_rt_sock *)sk)->netns_cookie ?
		       ((const struct bpf_rt_sock *)sk)->netns_cookie :
		       INIT_NET_COOKIE;
}

/* Of programs on packets: the packet's socket. */
BPF_HELPER(get_netns_cookie)
{
	const struct sk_buff *skb = PTR(r1);

	return netns_of(skb && !run_is_world(run, (u64)(uintptr_t)skb->sk) ? skb->sk : NULL);
}

BPF_HELPER(get_netns_cookie_sock)
{
	return netns_of(PTR(r1));
}

BPF_HELPER(get_netns_cookie_sock_addr)
{
	return netns_of(r1 ? ((const struct bpf_sock_addr *)PTR(r1))->sk : NULL);
}

BPF_HELPER(get_netns_cookie_sock_ops)
{
	return netns_of(r1 ? ((const struct bpf_sock_ops *)PTR(r1))->sk : NULL);
}

BPF_HELPER(get_netns_cookie_sockopt)
{
	return netns_of(r1 ? ((const struct bpf_sockopt *)PTR(r1))->sk : NULL);
}

BPF_HELPER(get_netns_cookie_sk_msg)
{
	return netns_of(r1 ? ((const struct sk_msg_md *)PTR(r1))->sk : NULL);
}

/* ---- lookup, reuseport ---- */

BPF_HELPER(sk_lookup_assign)
{
	struct bpf_rt_sk_lookup *ctx = PTR(r1);
	struct bpf_rt_sock *sk = PTR(r2);

	if (unlikely(r3 & ~(u64)(BPF_SK_LOOKUP_F_REPLACE | BPF_SK_LOOKUP_F_NO_REUSEPORT)))
		return ERR(EINVAL);
	if (sk) {
		bool tcp = sk->u.protocol == IPPROTO_TCP;

		if (tcp && sk->u.state != BPF_TCP_LISTEN)
			return ERR(ESOCKTNOSUPPORT);
		if (sk->u.protocol == IPPROTO_UDP && sk->u.state != BPF_TCP_CLOSE)
			return ERR(ESOCKTNOSUPPORT);
		if (sk->u.protocol != ctx->u.protocol)
			return ERR(EPROTOTYPE);
		if (sk->u.family != ctx->u.family && sk->u.family == AF_INET)
			return ERR(EAFNOSUPPORT);
	}
	if (ctx->u.sk && !(r3 & BPF_SK_LOOKUP_F_REPLACE))
		return ERR(EEXIST);
	ctx->u.sk = sk ? &sk->u : NULL;
	ctx->selected.port = 0;
	if (sk) /* the program may give it back before anybody looks */
		sock_target(sk, &ctx->selected);
	ctx->no_reuseport = !!(r3 & BPF_SK_LOOKUP_F_NO_REUSEPORT);
	return 0;
}

/* @len bytes from @from on, which must be inside the packet. */
static u64 load(const struct bpf_rt_reuseport *ctx, const u8 *from, u32 off, u8 *to, u32 len)
{
	if (off > 0x7fffffff || !from || (u64)off + len > (u64)(ctx->tail - from)) {
		rt_zero(to, len);
		return ERR(EFAULT);
	}
	__builtin_memcpy(to, from + off, len);
	return 0;
}

BPF_HELPER(sk_reuseport_load_bytes)
{
	const struct bpf_rt_reuseport *ctx = PTR(r1);

	return load(ctx, ctx->u.data, (u32)r2, PTR(r3), (u32)r4);
}

BPF_HELPER(sk_reuseport_load_bytes_relative)
{
	const struct bpf_rt_reuseport *ctx = PTR(r1);

	return load(ctx,
		    (u32)r5 == BPF_HDR_START_MAC ? ctx->mac :
		    (u32)r5 == BPF_HDR_START_NET ? ctx->network :
						   NULL,
		    (u32)r2, PTR(r3), (u32)r4);
}

BPF_HELPER_DECLARE(bpf_skb_load_bytes);

/* Only a hook has a packet; a test run, in Linux too, has not. */
BPF_HELPER(flow_dissector_load_bytes)
{
	struct sk_buff *skb = ((const struct flow_dissector_ctx *)PTR(r1))->skb;

	if (skb)
		return bpf_skb_load_bytes((u64)skb, r2, r3, r4, 0, run);
	rt_zero(PTR(r3), (u32)r4);
	return ERR(EFAULT);
}

/* ---- control groups' sockets ---- */

BPF_HELPER(sock_ops_cb_flags_set)
{
	const struct bpf_sock_ops *ctx = PTR(r1);
	struct bpf_rt_sock *sk = (struct bpf_rt_sock *)ctx->sk;
	s32 flags = (s32)r2;

	if (!sk || !sock_is_full(sk))
		return ERR(EINVAL);
	sk->cb_flags = (u32)flags & BPF_SOCK_OPS_ALL_CB_FLAGS;
	((struct bpf_sock_ops *)ctx)->bpf_sock_ops_cb_flags = sk->cb_flags;
	return INT(flags & ~BPF_SOCK_OPS_ALL_CB_FLAGS);
}

/* No task is in a class of net_cls, no packet comes from one. */
BPF_HELPER(get_cgroup_classid)
{
	return 0;
}

BPF_HELPER(get_cgroup_classid_curr)
{
	return 0;
}

BPF_HELPER(skb_cgroup_classid)
{
	return 0;
}

/* The struct of bpf_cast_to_kern_ctx() is a view of the context: it follows. */
BPF_KFUNC(bpf_sock_addr_set_sun_path)
{
	struct bpf_rt_sock_addr *a = run->ctx;
	u64 ctx = (u64)(uintptr_t)a;
	u32 len = (u32)r3;

	if (run->prog->type != BPF_PROG_TYPE_CGROUP_SOCK_ADDR || a->u.family != AF_UNIX || !len ||
	    len > UNIX_PATH_MAX)
		return INT(-EINVAL);
	__builtin_memcpy(a->uaddr + sizeof(u16), PTR(r2), len);
	a->uaddrlen = (u32)sizeof(u16) + len;
	run->platform->world(run, WORLD_KERN_CTX, &ctx);
	return 0;
}

/* The source address of a test run's socket. */
static u64 note_source(struct bpf_rt_sock *sk, u16 family, const u8 *addr)
{
	u16 port;

	if (family == AF_INET)
		__builtin_memcpy(&sk->u.src_ip4, addr + 4, 4);
	else
		__builtin_memcpy(sk->u.src_ip6, addr + 8, 16);
	__builtin_memcpy(&port, addr + 2, 2);
	sk->u.src_port = rt_swap16(port);
	return 0;
}

BPF_HELPER(bind)
{
	const struct bpf_sock_addr *ctx = PTR(r1);
	struct bpf_rt_sock *sk = (struct bpf_rt_sock *)ctx->sk;
	const u8 *addr = PTR(r2);
	u32 len = (u32)r3;
	u16 family;

	if (len < sizeof(family) || !sk)
		return ERR(EINVAL);
	__builtin_memcpy(&family, addr, 2);
	if (family != AF_INET && family != AF_INET6)
		return ERR(EAFNOSUPPORT);
	if (len < (family == AF_INET ? 16 : 24 /* SIN6_LEN_RFC2133 */))
		return ERR(EINVAL);
	if (family == AF_INET6 && sk->u.family != AF_INET6)
		return ERR(EAFNOSUPPORT);
	if (sk->live)
		return run->platform->world(run, WORLD_SOCK_BIND,
					    (const u64[]){ (u64)(uintptr_t)sk, r2, len });
	return note_source(sk, family, addr);
}
