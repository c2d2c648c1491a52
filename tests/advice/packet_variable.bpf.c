/* PACKET_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *tcp;

	if (data + 34 > end)
		return XDP_PASS;
	tcp = data + 14 + (data[14] & 15) * 4;
#ifdef ADVICE
	if (tcp + 1 > end)
		return XDP_PASS;
#endif
	return tcp[0] ? XDP_DROP : XDP_PASS;
}
