/* ATOMIC_TARGET */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, ARRAY, u32, 1);

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u32 *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		return 0;
#ifdef ADVICE
	__sync_fetch_and_add(value, 1);
#else
	__sync_fetch_and_add(&skb->mark, 1);
#endif
	return 0;
}
