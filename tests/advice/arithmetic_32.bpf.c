/* ALU_PTR_32 */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, ARRAY, u64, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u8 *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		return 0;
#ifdef ADVICE
	asm volatile("%0 += 4" : "+r"(value));
	return *value;
#else
	asm volatile("r1 = %0; w1 += 4" : : "r"(value) : "r1");
	return 0;
#endif
}
