/* ALU_PTR_BITWISE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u64 offset = ctx->rx_queue_index;

#ifdef ADVICE
	offset &= 60;
	data += offset;
#else
	data += offset & 63;
	asm volatile("%0 &= -4" : "+r"(data));
#endif
	if (data + 4 > end)
		return XDP_PASS;
	return data[0] ? XDP_DROP : XDP_PASS;
}
