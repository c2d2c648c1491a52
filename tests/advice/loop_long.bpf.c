/* STATE_TOO_LARGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
static long step(u32 i, void *sum)
{
	*(u64 *)sum += i;
	return 0;
}
#endif

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u64 sum = 0;

#ifdef ADVICE
	bpf_loop(400000, step, &sum, 0);
#else
	for (u32 i = 0; i < 400000; i++) {
		sum += i;
		hide(sum);
	}
#endif
	return sum;
}
