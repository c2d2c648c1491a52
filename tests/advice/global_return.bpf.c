/* GLOBAL_RETURN */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
static
#endif
	__noinline void *
	where(struct __sk_buff *skb)
{
	asm volatile("");
	return skb;
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
	return where(skb) != 0;
}
