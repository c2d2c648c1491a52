/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What helpers ask of devices, routes' neighbours and packets' control groups (Linux:
 * net/core/filter.c). The device that is known is the loopback device, on which test runs
 * receive their packets; a packet's socket is the caller's.
 */
#include "helper/skb.h"
#include "object/map_array.h"
#include "object/sock.h"

#define LOOPBACK	 1
#define LOOPBACK_MTU	 65536
#define TC_ACT_SHOT	 2
#define TC_ACT_REDIRECT	 7
#define REDIR_NEIGH_SIZE 20	/* struct bpf_redir_neigh */
#define GSO_BY_FRAGS	 0xffff /* the segments are those that it came in: each fits */

/* ---- MTU ---- */

/* Of a device of the live link's namespace, or of that which we are in. 0 or -ENODEV. */
static s64 device_mtu(struct bpf_run *run, u32 ifindex, u32 own, u32 *mtu)
{
	u64 arg = ifindex ? ifindex : own;
	s64 found;

	found = (s64)run->platform->world(run, WORLD_DEVICE_MTU, &arg);
	if (found < 0 && arg == LOOPBACK) /* nobody lets us ask */
		found = LOOPBACK_MTU;
	if (found <= 0)
		return found ? found : -ENODEV;
	*mtu = (u32)found;
	return 0;
}

static u64 check_mtu(u32 mtu, u32 *mtu_len, u32 len, s32 diff, bool gso)
{
	s64 size = (*mtu_len ? (s64)*mtu_len + ETH_HLEN : len) + (s64)diff;

	*mtu_len = mtu;
	return (s32)size <= (s32)(mtu + ETH_HLEN) || gso ? BPF_MTU_CHK_RET_SUCCESS :
							   BPF_MTU_CHK_RET_FRAG_NEEDED;
}

/* Linux: skb_gso_validate_network_len(). Packets here have no GSO type: of what protocol they are is not known. */
static bool segments_fit(const struct sk_buff *skb, u32 mtu)
{
	u32 headers = (u32)skb->transport_header - skb->network_header;

	return skb->gso_size == GSO_BY_FRAGS || headers + skb->gso_size <= mtu;
}

BPF_HELPER(skb_check_mtu)
{
	struct sk_buff *skb = PTR(r1);
	u32 *mtu_len = PTR(r3), mtu;
	s32 diff = (s32)r4;
	s64 err;

	if (unlikely(r5 & ~(u64)BPF_MTU_CHK_SEGS))
		return ERR(EINVAL);
	if (unlikely(r5 & BPF_MTU_CHK_SEGS && (diff || *mtu_len)))
		return ERR(EINVAL);
	err = device_mtu(run, (u32)r2, skb->ifindex, &mtu);
	if (err)
		return (u64)err;
	if (unlikely(r5 & BPF_MTU_CHK_SEGS && skb_is_gso(skb) && skb->len > mtu + ETH_HLEN)) {
		if (skb->transport_header == SKB_UNSET)
			return ERR(EINVAL);
		*mtu_len = mtu;
		return segments_fit(skb, mtu) ? BPF_MTU_CHK_RET_SUCCESS :
						BPF_MTU_CHK_RET_SEGS_TOOBIG;
	}
	return check_mtu(mtu, mtu_len, skb->len, diff, skb_is_gso(skb));
}

BPF_HELPER(xdp_check_mtu)
{
	struct xdp_buff *xdp = PTR(r1);
	u32 *mtu_len = PTR(r3), mtu;
	s64 err;

	if (unlikely(r5))
		return ERR(EINVAL);
	err = device_mtu(run, (u32)r2, xdp->ingress_ifindex, &mtu);
	return err ? (u64)err :
		     check_mtu(mtu, mtu_len, (u32)(xdp->data_end - xdp->data), (s32)r4, false);
}

BPF_HELPER(check_mtu)
{
	return bpf_skb_check_mtu(r1, r2, r3, r4, r5, run);
}

/* ---- redirects that need more than a device ---- */

static u64 redirect(struct bpf_run *run, u32 ifindex, u32 how)
{
	run->redirect.tgt_index = ifindex;
	run->redirect.flags = how;
	run->redirect.map = NULL;
	run->redirect.kind = TC_ACT_REDIRECT;
	return TC_ACT_REDIRECT;
}

BPF_HELPER(redirect_peer)
{
	return unlikely(r2) ? TC_ACT_SHOT : redirect(run, (u32)r1, REDIRECT_PEER);
}

BPF_HELPER(redirect_neigh)
{
	if (unlikely(((u32)r3 && (u32)r3 < REDIR_NEIGH_SIZE) || r4))
		return TC_ACT_SHOT;
	redirect(run, (u32)r1, REDIRECT_NEIGH);
	run->redirect.nh_family = 0;
	if ((u32)r3) {
		const struct bpf_redir_neigh *nh = PTR(r2);

		run->redirect.nh_family = nh->nh_family;
		__builtin_memcpy(run->next_hop, nh->ipv6_nh, sizeof(run->next_hop));
	}
	return TC_ACT_REDIRECT;
}

BPF_HELPER(clone_redirect)
{
	u64 args[] = { r1, (u32)r2, r3 };

	if (unlikely(r3 & ~(u64)BPF_F_INGRESS))
		return ERR(EINVAL);
	args[0] = run->platform->world(run, WORLD_CLONE_REDIRECT, args);
	return args[0] == ERR(ENODEV) ? ERR(EINVAL) : args[0];
}

/* ---- control groups of sockets ---- */

static u64 ask(struct bpf_run *run, enum world_op op, u64 a, u64 b)
{
	u64 args[] = { a, b };

	return run->platform->world(run, op, args);
}

/* Id of @sk's cgroup, or of the one at @level above it. 0: there is none. */
static u64 cgroup_id(struct bpf_run *run, const struct bpf_rt_sock *sk, s32 level)
{
	u64 cgroup;

	if (sk && sk->cgroups)
		return level < 0		   ? sk->cgroups[0] :
		       level < (s32)sk->nr_cgroups ? sk->cgroups[sk->nr_cgroups - 1 - (u32)level] :
						     0;
	if (!sk || !sk->cgroup)
		return ask(run, WORLD_CGROUP_ID, (u64)(s64)level, 0);
	if (level < 0)
		return sk->cgroup;
	cgroup = ask(run, WORLD_CGROUP_OF, sk->cgroup, 0);
	cgroup = cgroup ? ask(run, WORLD_CGROUP_ANCESTOR, cgroup, (u64)(s64)level) : 0;
	cgroup = cgroup ? ask(run, WORLD_FIELD, cgroup, (u64)(uintptr_t) "kn") : 0;
	return cgroup ? ask(run, WORLD_FIELD, cgroup, (u64)(uintptr_t) "id") : 0;
}

static const struct bpf_rt_sock *sock_of(u64 skb)
{
	return (const struct bpf_rt_sock *)((const struct sk_buff *)PTR(skb))->sk;
}

/* That of the socket of a packet; on a live link of who sends it, which is looked for when it is asked. */
static u64 skb_cgroup(struct bpf_run *run, u64 skb, s32 level)
{
	return ((const struct sk_buff *)PTR(skb))->has_sk ?
		       cgroup_id(run, sock_of(skb), level) :
		       ask(run, WORLD_SKB_CGROUP, skb, (u64)(s64)level);
}

BPF_HELPER(skb_cgroup_id)
{
	return skb_cgroup(run, r1, -1);
}

BPF_HELPER(skb_ancestor_cgroup_id)
{
	return (s32)r2 < 0 ? 0 : skb_cgroup(run, r1, (s32)r2);
}

/* Of a socket by the kernel's struct: as it is found by its cookie. */
static u64 sk_cgroup(struct bpf_run *run, u64 r1, s32 level)
{
	struct bpf_rt_sock *sk = PTR(r1);
	u64 cookie, id = 0;

	if (run_is_socket(run, r1))
		return sk && sock_is_full(sk) ? cgroup_id(run, sk, level) : 0;
	cookie = ask(run, WORLD_SOCK_COOKIE, r1, 0);
	sk = PTR(cookie ? ask(run, WORLD_SK_BY_COOKIE, cookie, 0) : 0);
	if (!sk)
		return 0;
	if (sock_is_full(sk))
		id = cgroup_id(run, sk, level);
	__atomic_sub_fetch(&sk->refs, 1, __ATOMIC_RELEASE);
	return id;
}

BPF_HELPER(sk_cgroup_id)
{
	return sk_cgroup(run, r1, -1);
}

BPF_HELPER(sk_ancestor_cgroup_id)
{
	return (s32)r2 < 0 ? 0 : sk_cgroup(run, r1, (s32)r2);
}

BPF_HELPER(skb_under_cgroup)
{
	const struct bpf_array *array = PTR(r2);
	s32 level = 0;
	u64 want, id;

	if (!((const struct sk_buff *)PTR(r1))->has_sk && !skb_cgroup(run, r1, -1))
		return ERR(ENOENT);
	if ((u32)r3 >= array->map.max_entries)
		return ERR(E2BIG);
	want = load_acquire((const u64 *)(array->value + (u64)(u32)r3 * array->elem_size));
	if (!want)
		return ERR(EAGAIN);
	/* from the root down to its own */
	while ((id = skb_cgroup(run, r1, level++)))
		if (id == want)
			return 1;
	return 0;
}
