/* TAIL_CALL_MAP */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(programs, PROG_ARRAY, u32, 1);
MAP(values, ARRAY, u32, 1);

SEC("tc")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	bpf_tail_call(skb, &programs, 0);
#else
	bpf_tail_call(skb, &values, 0);
#endif
	return 0;
}
