/* STATE_INFINITE_LOOP */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u32 n = 0;

#ifdef ADVICE
	for (int i = 0; i < 8; i++)
#else
	for (;;)
#endif
		asm volatile("");
	return n;
}
