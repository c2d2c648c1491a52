/* ALU_PTR_OR_NULL */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, HASH, u64, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u8 *value = bpf_map_lookup_elem(&values, &key);

#ifdef ADVICE
	if (!value)
		return 0;
#endif
	asm volatile("%0 += 4" : "+r"(value));
	return value ? *value : 0;
}
