/* ARG_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(keys, HASH, u32, 1);
MAP(values, HASH, u64, 16);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 zero = 0, *key = bpf_map_lookup_elem(&keys, &zero);

#ifdef ADVICE
	if (!key)
		return 0;
#endif
	return bpf_map_delete_elem(&values, key);
}
