/* GLOBAL_ARG_CTX */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

__noinline int length(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	return length(skb);
#else
	u64 other[32] = {};

	return length((void *)other);
#endif
}
