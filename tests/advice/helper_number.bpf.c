/* ARG_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, HASH, u64, 16);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 1;
	u64 value = 2;

#ifdef ADVICE
	return bpf_map_update_elem(&values, &key, &value, BPF_ANY);
#else
	return bpf_map_update_elem(&values, &key, (void *)value, BPF_ANY);
#endif
}
