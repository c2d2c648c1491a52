/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* For a light skeleton: maps, data of all kinds, a function, a kernel type by name. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

const volatile __u32 step = 1;
__u64 total;
__u32 runs = 40;

static __attribute__((noinline)) void count(__u32 key)
{
	__u64 one = 1, *n = bpf_map_lookup_elem(&seen, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	count(skb->len);
	total += step;
	runs++;
	return (int)runs;
}

SEC("raw_tp/sys_enter")
int enters(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
