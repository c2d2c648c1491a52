/* ALU_PTR_OPERATOR */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u64 data = ctx->data, offset = 4;

#ifdef ADVICE
	asm volatile("%1 *= 2; %0 += %1" : "+r"(data), "+r"(offset));
#else
	asm volatile("%0 += %1; %0 *= 2" : "+r"(data), "+r"(offset));
#endif
	return XDP_PASS;
}
