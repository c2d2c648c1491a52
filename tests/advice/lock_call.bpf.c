/* STATE_LOCKED_CALL */
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
	u64 now = 0;

	if (!counter)
		return 0;
#ifdef ADVICE
	now = bpf_ktime_get_ns();
#endif
	bpf_spin_lock(&counter->lock);
#ifndef ADVICE
	now = bpf_ktime_get_ns();
#endif
	counter->n = now;
	bpf_spin_unlock(&counter->lock);
	return 0;
}
