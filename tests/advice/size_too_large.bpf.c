/* STACK_OUT_OF_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u8 buf[16];

#ifdef ADVICE
	return bpf_skb_load_bytes(skb, 0, buf, sizeof(buf));
#else
	return bpf_skb_load_bytes(skb, 0, buf, 64);
#endif
}
