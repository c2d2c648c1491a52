/* CALL_DEPTH */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#define CALLS(NAME, NEXT)                                                                          \
	static __noinline int NAME(struct __sk_buff *skb)                                          \
	{                                                                                          \
		return NEXT(skb) + skb->mark;                                                      \
	}

static __noinline int last(struct __sk_buff *skb)
{
	return skb->len;
}

CALLS(eighth, last)
CALLS(seventh, eighth)
CALLS(sixth, seventh)
CALLS(fifth, sixth)
CALLS(fourth, fifth)
CALLS(third, fourth)

#ifdef ADVICE
static __always_inline int second(struct __sk_buff *skb)
{
	return third(skb) + skb->mark;
}
#else
CALLS(second, third)
#endif

SEC("socket")
int prog(struct __sk_buff *skb)
{
	return second(skb) + skb->mark;
}
