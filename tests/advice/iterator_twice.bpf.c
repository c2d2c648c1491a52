/* ITER_INITIALISED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct bpf_iter_num {
	u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 8);
#ifdef ADVICE
	bpf_iter_num_destroy(&it);
#endif
	bpf_iter_num_new(&it, 0, 4);
	bpf_iter_num_destroy(&it);
	return 0;
}
