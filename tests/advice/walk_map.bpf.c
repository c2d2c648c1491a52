/* CALLBACK_MAP_TYPE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
MAP(values, ARRAY, u64, 4);
#else
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, u64);
} values SEC(".maps");
#endif

static long visit(void *map, void *key, void *value, void *data)
{
	return 0;
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
	return bpf_for_each_map_elem(&values, visit, 0, 0);
}
