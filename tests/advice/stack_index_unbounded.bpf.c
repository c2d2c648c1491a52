/* STACK_UNBOUNDED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u8 table[16] = {};
	u64 i = bpf_get_prandom_u32();

	i <<= 16;
#ifdef ADVICE
	i &= 15;
#endif
	return table[i];
}
