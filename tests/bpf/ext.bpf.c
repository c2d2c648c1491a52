/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs whose functions ext_by.bpf.c watches and replaces. See tests/unit/ext_test.c. */
#include "kfunc.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} rounds SEC(".maps");

volatile __u32 calls;

__attribute__((noinline)) int weigh(struct __sk_buff *skb, int a, unsigned long b)
{
	volatile int r = a + (int)skb->len + (int)b;

	calls++;
	return r;
}

/* these two need no stack: the compiler takes them into their callers until something is attached */
__attribute__((noinline)) int leaf(int a)
{
	asm volatile("" : "+r"(a));
	return a + 1;
}

static __attribute__((noinline)) int inner(unsigned long a, unsigned long b)
{
	asm volatile("" : "+r"(a));
	return a - b;
}

SEC("tc") int target(struct __sk_buff *skb)
{
	__u32 zero = 0, *n = bpf_map_lookup_elem(&rounds, &zero);

	if (!n)
		return -1;
	return weigh(skb, (int)skb->len, 7) + leaf((int)*n) + inner(skb->len, *n);
}

SEC("tc") int other(struct __sk_buff *skb)
{
	return leaf(100);
}

char _license[] SEC("license") = "GPL";
