/* ALU_PTR_CONST_RANGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u64 data = ctx->data;

#ifdef ADVICE
	asm volatile("%0 += 0x1000000" : "+r"(data));
#else
	asm volatile("%0 += 0x7fffffff" : "+r"(data));
#endif
	return XDP_PASS;
}
