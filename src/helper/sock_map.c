/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets out of maps, and into them (Linux: net/core/sock_map.c, bpf_sk_redirect_map() and its
 * kin; net/core/filter.c, sk_select_reuseport()). An element is a socket's cookie: what is asked of
 * the socket is asked of the machine, when it is asked.
 *
 * Whom a verdict names is in run->redirect, for whoever ran the program (src/event/sockmap.c).
 */
#include "helper/helper.h"
#include "object/map.h"
#include "object/sock.h"
#include "object/sock_map.h"

#ifndef EBADFD
#define EBADFD 77
#endif

#define AF_UNIX	    1
#define IPPROTO_TCP 6

/* The socket of cookie @cookie, to be given back; NULL. */
static struct bpf_rt_sock *sock_get(struct bpf_run *run, u64 cookie)
{
	return cookie ? PTR(run->platform->world(run, WORLD_SK_BY_COOKIE, &cookie)) : NULL;
}

static void sock_put(struct bpf_rt_sock *sk)
{
	if (sk)
		__atomic_sub_fetch(&sk->refs, 1, __ATOMIC_RELEASE);
}

static bool is_tcp(const struct bpf_rt_sock *sk)
{
	return sk->u.family != AF_UNIX && sk->u.protocol == IPPROTO_TCP;
}

/* ---- into a map: the socket of an event ---- */

static u64 update(const struct bpf_sock_ops *ctx, struct bpf_map *map, const void *key, u64 flags,
		  struct bpf_run *run)
{
	const struct bpf_rt_sock *sk = (const struct bpf_rt_sock *)ctx->sk;

	if (!sk || (ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
		    ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
		    ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB))
		return ERR(EOPNOTSUPP);
	return (u64)sock_map_put(map, key, sk->cookie, true, flags, run);
}

BPF_HELPER(sock_map_update)
{
	return update(PTR(r1), PTR(r2), PTR(r3), r4, run);
}

BPF_HELPER(sock_hash_update)
{
	return update(PTR(r1), PTR(r2), PTR(r3), r4, run);
}

/* ---- verdicts ---- */

static u64 redirect(struct bpf_map *map, const void *key, u64 flags, bool message,
		    struct bpf_run *run)
{
	struct bpf_rt_sock *sk;
	u64 cookie;
	bool fits;

	run->redirect = (struct bpf_redirect_info){ 0 };
	if (unlikely(flags & ~(u64)BPF_F_INGRESS))
		return SK_DROP;
	cookie = (u64)bpf_map_ops_of(map->map_type)->obj_lookup(map, key);
	sk = sock_get(run, cookie);
	if (!sk)
		return SK_DROP;
	fits = is_tcp(sk) ? sk->u.state != BPF_TCP_LISTEN : sk->u.state == BPF_TCP_ESTABLISHED;
	/* What a message is sent on is a stream of TCP. */
	if (message && !(flags & BPF_F_INGRESS) && !is_tcp(sk))
		fits = false;
	sock_put(sk);
	if (!fits)
		return SK_DROP;
	run->redirect =
		(struct bpf_redirect_info){ .flags = (u32)flags, .map = map, .sock = cookie };
	return SK_PASS;
}

BPF_HELPER(sk_redirect_map)
{
	u32 key = (u32)r3;

	return redirect(PTR(r2), &key, r4, false, run);
}

BPF_HELPER(sk_redirect_hash)
{
	return redirect(PTR(r2), PTR(r3), r4, false, run);
}

BPF_HELPER(msg_redirect_map)
{
	u32 key = (u32)r3;

	return redirect(PTR(r2), &key, r4, true, run);
}

BPF_HELPER(msg_redirect_hash)
{
	return redirect(PTR(r2), PTR(r3), r4, true, run);
}

/* ---- groups ---- */

/* Sockets share a port, and so are of a group, when all of this is the same. */
static int same_group(const struct bpf_sock *a, const struct bpf_sock *b, bool grouped)
{
	if (a->protocol != b->protocol)
		return -EPROTOTYPE;
	if (a->family != b->family)
		return -EAFNOSUPPORT;
	if (grouped && (a->src_port != b->src_port || a->src_ip4 != b->src_ip4 ||
			a->bound_dev_if != b->bound_dev_if ||
			__builtin_memcmp(a->src_ip6, b->src_ip6, sizeof(a->src_ip6))))
		return -EBADFD;
	return 0;
}

static bool is_member(const struct bpf_rt_reuseport *ctx, u64 cookie)
{
	for (u32 i = 0; i < ctx->nr_members; i++)
		if (ctx->members[i] == cookie)
			return true;
	return false;
}

BPF_HELPER(sk_select_reuseport)
{
	struct bpf_rt_reuseport *ctx = PTR(r1);
	struct bpf_map *map = PTR(r2);
	u64 cookie = (u64)bpf_map_ops_of(map->map_type)->obj_lookup(map, PTR(r3));
	struct bpf_rt_sock *sk;
	int err;

	if (cookie == ctx->gone)
		return ERR(ENOENT);
	if (cookie && is_member(ctx, cookie)) {
		ctx->selected = cookie;
		return 0;
	}
	sk = sock_get(run, cookie);

	if (!sk)
		return ERR(ENOENT);
	/* Other maps hold sockets that are in no group. */
	if (map->map_type != BPF_MAP_TYPE_REUSEPORT_SOCKARRAY &&
	    (!sk->u.src_port || (is_tcp(sk) && sk->u.state != BPF_TCP_LISTEN)))
		err = -EINVAL;
	else
		err = same_group(ctx->u.sk, &sk->u, ctx->grouped);
	if (!err)
		ctx->selected = sk->cookie;
	sock_put(sk);
	return (u64)(s64)err;
}
