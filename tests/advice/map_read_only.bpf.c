/* MAP_RDONLY */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
#ifndef ADVICE
	__uint(map_flags, BPF_F_RDONLY_PROG);
#endif
	__type(key, u32);
	__type(value, u64);
} values SEC(".maps");

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u64 value = skb->len;

	return bpf_map_update_elem(&values, &key, &value, BPF_ANY);
}
