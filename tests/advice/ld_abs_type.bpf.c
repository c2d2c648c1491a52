/* LD_ABS_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
#ifdef ADVICE
	u8 byte = 0;

	bpf_xdp_load_bytes(ctx, 0, &byte, 1);
	return byte;
#else
	u64 byte;

	asm volatile("r6 = %1; r0 = *(u8 *)skb[0]; %0 = r0"
		     : "=r"(byte)
		     : "r"(ctx)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	return byte;
#endif
}
