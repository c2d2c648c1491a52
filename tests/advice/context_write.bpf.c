/* CTX_ACCESS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	skb->mark = 1;
#else
	skb->len = 1;
#endif
	return 0;
}
