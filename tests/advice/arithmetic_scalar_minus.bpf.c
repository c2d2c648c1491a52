/* ALU_PTR_FROM_SCALAR */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u64 data = ctx->data, four = 4;

#ifdef ADVICE
	asm volatile("%1 -= %0" : "+r"(four), "+r"(data));
#else
	asm volatile("%0 -= %1" : "+r"(four), "+r"(data));
#endif
	return XDP_PASS;
}
