/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tunnel that a packet came from or goes into (Linux: bpf_skb_set_tunnel_key() and its
 * neighbours in net/core/filter.c). No packet comes from one here; what a program sets can be read
 * back by later ones, as in Linux, and no device sends it.
 */
#include "helper/skb.h"

/* The kernel's numbers of what a tunnel's header has: include/uapi/linux/if_tunnel.h. */
#define TUNNEL_CSUM	     0x0001
#define TUNNEL_KEY	     0x0004
#define TUNNEL_SEQ	     0x0008
#define TUNNEL_DONT_FRAGMENT 0x0100
#define TUNNEL_GENEVE_OPT    0x0800
#define TUNNEL_VXLAN_OPT     0x1000
#define TUNNEL_NOCACHE	     0x2000
#define TUNNEL_ERSPAN_OPT    0x4000
#define TUNNEL_GTP_OPT	     0x8000
#define TUNNEL_OPTS_PRESENT                                                                        \
	(TUNNEL_GENEVE_OPT | TUNNEL_VXLAN_OPT | TUNNEL_ERSPAN_OPT | TUNNEL_GTP_OPT)
#define FLOW_LABEL 0xfffffU

/* Sizes that struct bpf_tunnel_key had in earlier releases. */
static bool is_old_size(u32 size)
{
	return size == offsetof(struct bpf_tunnel_key, local_ipv6[0]) ||
	       size == offsetof(struct bpf_tunnel_key, tunnel_label) ||
	       size == offsetof(struct bpf_tunnel_key, tunnel_ext);
}

static bool is_oldest_size(u32 size)
{
	return size == offsetof(struct bpf_tunnel_key, remote_ipv6[1]);
}

static int get_key(const struct skb_tunnel *t, struct bpf_tunnel_key *k, u32 size, u64 flags)
{
	if (!t || (flags & ~(u64)(BPF_F_TUNINFO_IPV6 | BPF_F_TUNINFO_FLAGS)))
		return -EINVAL;
	if (t->ipv6 != !!(flags & BPF_F_TUNINFO_IPV6))
		return -EPROTO;
	if (size != sizeof(*k) && !is_old_size(size) && (!is_oldest_size(size) || t->ipv6))
		return -EINVAL;
	k->tunnel_id = (u32)t->id;
	k->tunnel_tos = t->tos;
	k->tunnel_ttl = t->ttl;
	if (flags & BPF_F_TUNINFO_FLAGS)
		k->tunnel_flags = rt_htons(t->flags);
	/* From here the other end is the remote one: what was set comes back the other way round. */
	for (u32 i = 0; i < (t->ipv6 ? 4 : 1); i++) {
		k->remote_ipv6[i] = t->ipv6 ? t->local[i] : __builtin_bswap32(t->local[i]);
		k->local_ipv6[i] = t->ipv6 ? t->remote[i] : __builtin_bswap32(t->remote[i]);
	}
	k->tunnel_label = t->ipv6 ? t->label : 0;
	return 0;
}

/* r2, r3: where the key goes, r4: flags */
BPF_HELPER(skb_get_tunnel_key)
{
	const struct sk_buff *skb = PTR(r1);
	struct bpf_tunnel_key k;
	int err;

	rt_zero(&k, sizeof(k));
	err = get_key(skb->tunnel, &k, (u32)r3, r4);
	if (err) {
		rt_zero(PTR(r2), (u32)r3);
		return (u64)(s64)err;
	}
	__builtin_memcpy(PTR(r2), &k, min((u32)r3, (u32)sizeof(k)));
	return 0;
}

BPF_HELPER(skb_get_tunnel_opt)
{
	const struct skb_tunnel *t = ((struct sk_buff *)PTR(r1))->tunnel;
	u32 size = (u32)r3;
	int err = !t || !(t->flags & TUNNEL_OPTS_PRESENT) ? -ENOENT :
		  size < t->opts_len			  ? -ENOMEM :
							    0;

	rt_zero(PTR(r2), size);
	if (err)
		return (u64)(s64)err;
	__builtin_memcpy(PTR(r2), t->opts, t->opts_len);
	return t->opts_len;
}

BPF_HELPER(skb_set_tunnel_key)
{
	struct skb_tunnel *t = &run->arena->tunnels[run->cpu];
	struct sk_buff *skb = PTR(r1);
	struct bpf_tunnel_key k;
	u32 size = (u32)r3;
	bool ipv6 = r4 & BPF_F_TUNINFO_IPV6;

	if (r4 & ~(u64)(BPF_F_TUNINFO_IPV6 | BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT |
			BPF_F_SEQ_NUMBER | BPF_F_NO_TUNNEL_KEY))
		return ERR(EINVAL);
	if (size != sizeof(k) && !is_old_size(size) && !is_oldest_size(size))
		return ERR(EINVAL);
	rt_zero(&k, sizeof(k));
	__builtin_memcpy(&k, PTR(r2), min(size, (u32)sizeof(k)));
	if ((!ipv6 && k.tunnel_label) || k.tunnel_ext)
		return ERR(EINVAL);
	rt_zero(t, offsetof(struct skb_tunnel, opts));
	t->flags = TUNNEL_NOCACHE;
	if (r4 & BPF_F_DONT_FRAGMENT)
		t->flags |= TUNNEL_DONT_FRAGMENT;
	if (!(r4 & BPF_F_ZERO_CSUM_TX))
		t->flags |= TUNNEL_CSUM;
	if (r4 & BPF_F_SEQ_NUMBER)
		t->flags |= TUNNEL_SEQ;
	if (!(r4 & BPF_F_NO_TUNNEL_KEY))
		t->flags |= TUNNEL_KEY;
	t->id = k.tunnel_id;
	t->tos = k.tunnel_tos;
	t->ttl = k.tunnel_ttl;
	t->ipv6 = ipv6;
	t->label = k.tunnel_label & FLOW_LABEL;
	for (u32 i = 0; i < (ipv6 ? 4 : 1); i++) {
		t->remote[i] = ipv6 ? k.remote_ipv6[i] : __builtin_bswap32(k.remote_ipv6[i]);
		t->local[i] = ipv6 ? k.local_ipv6[i] : __builtin_bswap32(k.local_ipv6[i]);
	}
	skb->tunnel = t;
	return 0;
}

/* Only behind a key that was set on this CPU. */
BPF_HELPER(skb_set_tunnel_opt)
{
	struct skb_tunnel *t = &run->arena->tunnels[run->cpu];
	const struct sk_buff *skb = PTR(r1);
	u32 size = (u32)r3;

	if (skb->tunnel != t || size % 4)
		return ERR(EINVAL);
	if (size > TUNNEL_OPTS_MAX)
		return ERR(ENOMEM);
	__builtin_memcpy(t->opts, PTR(r2), size);
	t->opts_len = (u8)size;
	t->flags |= TUNNEL_OPTS_PRESENT;
	return 0;
}
