/* STACK_COMBINED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
#define SIZE 200
#else
#define SIZE 300
#endif

static __noinline int inner(struct __sk_buff *skb)
{
	volatile u8 buf[SIZE];

	buf[skb->len & 127] = 1;
	return buf[skb->mark & 127];
}

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u8 buf[SIZE];

	buf[skb->len & 127] = 2;
	return inner(skb) + buf[skb->mark & 127];
}
