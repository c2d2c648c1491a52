/* KFUNC_NOT_ALLOWED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, u64 flags, struct bpf_dynptr *ptr) __ksym;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct bpf_dynptr packet;

#ifdef ADVICE
	bpf_dynptr_from_xdp(ctx, 0, &packet);
#else
	bpf_dynptr_from_skb((void *)ctx, 0, &packet);
#endif
	return XDP_PASS;
}
