/* ALU_PTR_ON */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

#ifdef ADVICE
	asm volatile("%0 += 4" : "+r"(data));
#else
	asm volatile("%0 += -4" : "+r"(end));
#endif
	return data > end ? XDP_DROP : XDP_PASS;
}
