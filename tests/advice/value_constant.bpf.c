/* MAP_VALUE_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, ARRAY, u64, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		return 0;
#ifdef ADVICE
	return value[0];
#else
	return value[1];
#endif
}
