/* MAP_WRITE_FORBIDDEN */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
volatile u32 limit = 5;
#else
const volatile u32 limit = 5;
#endif

SEC("socket")
int prog(struct __sk_buff *skb)
{
	*(volatile u32 *)&limit = skb->len;
	return limit;
}
