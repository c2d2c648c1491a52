/* STACK_VAR_OUT_OF_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u8 table[16] = {};

#ifdef ADVICE
	return table[skb->len & 15];
#else
	return table[skb->len & 31];
#endif
}
