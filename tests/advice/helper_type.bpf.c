/* HELPER_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 byte = 0;

#ifdef ADVICE
	bpf_xdp_load_bytes(ctx, 0, &byte, 1);
#else
	bpf_skb_load_bytes(ctx, 0, &byte, 1);
#endif
	return byte ? XDP_DROP : XDP_PASS;
}
