/* ARG_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, HASH, u64, 16);

SEC("socket")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	u32 key = skb->len;

	return bpf_map_delete_elem(&values, &key);
#else
	return bpf_map_delete_elem(&values, skb);
#endif
}
