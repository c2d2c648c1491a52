/* CTX_ACCESS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	return *(volatile u32 *)&skb->len;
#else
	return *(volatile u64 *)&skb->len;
#endif
}
