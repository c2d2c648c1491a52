/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u8 *data = (void *)(long)skb->data;

	if (data + 14 > (u8 *)(long)skb->data_end)
		return 0;
	bpf_skb_pull_data(skb, 0);
#ifdef ADVICE
	data = (void *)(long)skb->data;
	if (data + 14 > (u8 *)(long)skb->data_end)
		return 0;
#endif
	return data[13];
}
