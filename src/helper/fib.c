/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_fib_lookup() (Linux: net/core/filter.c): where a packet would be
 * forwarded to. The world knows the routes.
 */
#include "helper/helper.h"
#include "object/packet.h"

#define AF_INET	 2
#define AF_INET6 10

static const struct {
	kver since;
	u32 flag;
} known[] = {
	{ KVER(4, 18), BPF_FIB_LOOKUP_DIRECT },	   { KVER(4, 18), BPF_FIB_LOOKUP_OUTPUT },
	{ KVER(6, 1), BPF_FIB_LOOKUP_SKIP_NEIGH }, /* and its later stable releases */
	{ KVER(6, 1), BPF_FIB_LOOKUP_TBID },	   { KVER(6, 1), BPF_FIB_LOOKUP_SRC },
	{ KVER(6, 10), BPF_FIB_LOOKUP_MARK },
};

static u64 lookup(struct bpf_run *run, u64 params, u32 size, u64 flags, bool check_mtu, u32 len)
{
	struct bpf_fib_lookup *p = PTR(params);
	u64 args[] = { params, flags, check_mtu, len };
	u64 allowed = 0;

	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (run_visible(run, known[i].since))
			allowed |= known[i].flag;
	if (unlikely(size < sizeof(*p) || flags & ~allowed))
		return ERR(EINVAL);
	if (unlikely(p->family != AF_INET && p->family != AF_INET6))
		return ERR(EAFNOSUPPORT);
	return run->platform->world(run, WORLD_FIB_LOOKUP, args);
}

BPF_HELPER(xdp_fib_lookup)
{
	return lookup(run, r2, (u32)r3, (u32)r4, true, 0);
}

/* Without a length it is the packet's own that must fit the device. */
BPF_HELPER(skb_fib_lookup)
{
	const struct sk_buff *skb = PTR(r1);
	const struct bpf_fib_lookup *p = PTR(r2);

	return lookup(run, r2, (u32)r3, (u32)r4, (u32)r3 >= sizeof(*p) && p->tot_len,
		      skb->gso_size ? 0 : skb->len);
}

BPF_HELPER(fib_lookup)
{
	return bpf_skb_fib_lookup(r1, r2, r3, r4, r5, run);
}
