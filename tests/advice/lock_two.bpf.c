/* STATE_LOCKED_CALL */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct counter {
	struct bpf_spin_lock lock;
	u64 n;
};
MAP(counters, ARRAY, struct counter, 2);

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u32 zero = 0, one = 1;
	struct counter *first = bpf_map_lookup_elem(&counters, &zero);
	struct counter *second = bpf_map_lookup_elem(&counters, &one);

	if (!first || !second)
		return 0;
	bpf_spin_lock(&first->lock);
	first->n++;
#ifdef ADVICE
	bpf_spin_unlock(&first->lock);
#endif
	bpf_spin_lock(&second->lock);
	second->n++;
	bpf_spin_unlock(&second->lock);
#ifndef ADVICE
	bpf_spin_unlock(&first->lock);
#endif
	return 0;
}
