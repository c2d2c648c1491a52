/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A legacy packet load out of the packet ends the function it is in. (Linux 6.18 answers
 * these two with "verifier bug: static subprog leftover stack slots", EFAULT.)
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";
__u64 samples[8] = {};

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
static __noinline int load_in_function(struct __sk_buff *skb, __u64 *out)
{
	int byte = load_byte(skb, 0);
	*(volatile __u64 *)out = 1;
	return byte;
}
SEC("?socket") int load_may_end_function(struct __sk_buff *skb)
{
	__u64 x = 100;
	int byte = load_in_function(skb, &x);
	return byte + ((volatile __u64 *)samples)[x];
}
SEC("?socket") int load_in_function_good(struct __sk_buff *skb)
{
	__u64 x = 7;
	int byte = load_in_function(skb, &x);
	return byte + ((volatile __u64 *)samples)[x];
}
