/* PTR_VARIABLE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	u32 first = skb->cb[0], second = skb->cb[1];

	hide(first);
	hide(second);
	return skb->mark & 1 ? second : first;
#else
	u64 i = (skb->mark & 1) * 4;
	void *p = skb;
	u32 value;

	hide(i);
	i &= 4;
	asm volatile("%1 += %2; %0 = *(u32 *)(%1 + 48)" : "=r"(value), "+r"(p) : "r"(i));
	return value;
#endif
}
