/* STACK_TAIL_CALL */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(programs, PROG_ARRAY, u32, 1);

#ifdef ADVICE
#define SIZE 200
#else
#define SIZE 300
#endif

static __noinline int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &programs, 0);
	return skb->len;
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile u8 buf[SIZE];

	buf[skb->len & 127] = 2;
	return jump(skb) + buf[skb->mark & 127];
}
