/* ARG_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, ARRAY, u64, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	u32 zero = 0, *key = &zero;
#else
	u32 *key = (void *)(long)skb->len;
#endif

	return bpf_map_lookup_elem(&values, key) != 0;
}
