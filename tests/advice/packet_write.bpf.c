/* PACKET_WRITE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("cgroup_skb/ingress")
int prog(struct __sk_buff *skb)
{
	u8 *data = (void *)(long)skb->data;
	u8 copy;

	if (data + 1 > (u8 *)(long)skb->data_end)
		return 1;
#ifdef ADVICE
	copy = data[0];
	hide(copy);
#else
	data[0] = 1;
	(void)copy;
#endif
	return 1;
}
