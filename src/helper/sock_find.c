/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Finding a socket by addresses and ports, and giving a packet to it (Linux:
 * net/core/filter.c, bpf_sk_lookup_*(), bpf_skc_lookup_tcp(), bpf_sk_assign()). All program
 * types look in the one network namespace that there is.
 */
#include "helper/helper.h"
#include "object/packet.h"
#include "object/sock.h"

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

static u64 lookup(struct bpf_run *run, u32 protocol, u64 tuple, u64 len, u64 netns, u64 flags,
		  bool whole)
{
	u64 args[] = { protocol, tuple, (u32)len };
	struct bpf_rt_sock *sk;

	if (unlikely(((u32)len != sizeof(((struct bpf_sock_tuple *)0)->ipv4) &&
		      (u32)len != sizeof(((struct bpf_sock_tuple *)0)->ipv6)) ||
		     flags || (s32)netns >= 0))
		return 0; /* there is no namespace with a number */
	sk = PTR(run->platform->world(run, WORLD_SK_LOOKUP, args));
	if (!sk || sock_is_full(sk) || !whole)
		return (u64)(uintptr_t)sk;
	__atomic_store_n(&sk->refs, 0, __ATOMIC_RELEASE);
	return 0;
}

#define LOOKUPS(prefix)                                                                            \
	BPF_HELPER(prefix##sk_lookup_tcp)                                                          \
	{                                                                                          \
		return lookup(run, IPPROTO_TCP, r2, r3, r4, r5, true);                             \
	}                                                                                          \
	BPF_HELPER(prefix##sk_lookup_udp)                                                          \
	{                                                                                          \
		return lookup(run, IPPROTO_UDP, r2, r3, r4, r5, true);                             \
	}                                                                                          \
	BPF_HELPER(prefix##skc_lookup_tcp)                                                         \
	{                                                                                          \
		return lookup(run, IPPROTO_TCP, r2, r3, r4, r5, false);                            \
	}

LOOKUPS()
LOOKUPS(tc_)
LOOKUPS(xdp_)
LOOKUPS(sock_addr_)

BPF_HELPER(sk_release)
{
	struct bpf_rt_sock *sk = PTR(r1);

	if (sk && !run_is_socket(run, r1)) /* by what bpf_skc_to_tcp_sock() has made of it */
		sk = PTR(run->platform->world(run, WORLD_SK_HELD, &r1));
	if (sk && sk->refs)
		__atomic_sub_fetch(&sk->refs, 1, __ATOMIC_RELEASE);
	return 0;
}

/* Only where packets come in is there somebody to take the socket's word. */
BPF_HELPER(sk_assign)
{
	struct sk_buff *skb = PTR(r1);

	if (unlikely(!r2 || r3))
		return ERR(EINVAL);
	if (unlikely(!skb->is_ingress))
		return ERR(EOPNOTSUPP);
	if (!run_is_socket(run, r2)) { /* by what bpf_skc_to_tcp_sock() has made of it */
		r2 = run->platform->world(run, WORLD_SK_HELD, &r2);
		if (!r2)
			return ERR(ESOCKTNOSUPPORT);
	}
	skb->sk = PTR(r2);
	sock_target(PTR(r2), &skb->assigned);
	skb->has_sk = 1;
	skb->sk_cookie = ((const struct bpf_rt_sock *)PTR(r2))->cookie;
	skb->sk_uid = ((const struct bpf_rt_sock *)PTR(r2))->uid;
	return 0;
}
