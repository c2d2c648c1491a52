/* ALU_PTR_PTR */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u64 data = ctx->data, end = ctx->data_end;

#ifdef ADVICE
	asm volatile("%0 -= %1" : "+r"(end) : "r"(data));
#else
	asm volatile("%0 += %1" : "+r"(end) : "r"(data));
#endif
	return end > 64 ? XDP_DROP : XDP_PASS;
}
