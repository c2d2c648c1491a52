/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

__noinline int length(u64 *n)
{
#ifdef ADVICE
	if (!n)
		return 0;
#endif
	return *n;
}

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u64 n = skb->len;

	return length(&n);
}
