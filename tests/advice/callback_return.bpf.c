/* RETVAL_RANGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

static long step(u32 i, void *data)
{
#ifdef ADVICE
	return i > 4;
#else
	return i;
#endif
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u64 sum = 0;

	return bpf_loop(8, step, &sum, 0);
}
