/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, HASH, u64, 16);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = skb->len;
	u64 *value = bpf_map_lookup_elem(&values, &key);

#ifdef ADVICE
	if (!value)
		return 0;
#endif
	return *value;
}
