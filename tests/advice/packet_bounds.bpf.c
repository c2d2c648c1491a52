/* PACKET_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;

#ifdef ADVICE
	if (data + 14 > (u8 *)(long)ctx->data_end)
		return XDP_PASS;
#endif
	return data[13] == 8 ? XDP_DROP : XDP_PASS;
}
