/* MAP_FIELD */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct counter {
	struct bpf_spin_lock lock;
	u64 n;
};
MAP(counters, ARRAY, struct counter, 1);

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	struct counter *counter = bpf_map_lookup_elem(&counters, &key);

	if (!counter)
		return 0;
#ifdef ADVICE
	bpf_spin_lock(&counter->lock);
	bpf_spin_unlock(&counter->lock);
#else
	*(volatile u32 *)&counter->lock = 0;
#endif
	return 0;
}
