/* PACKET_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u8 *data = (void *)(long)skb->data;

#ifdef ADVICE
	if (data + 34 > (u8 *)(long)skb->data_end)
#else
	if (data + 33 > (u8 *)(long)skb->data_end)
#endif
		return 0;
	return data[33];
}
