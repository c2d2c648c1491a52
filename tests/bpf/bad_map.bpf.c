/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bad input: the program uses a map that no object defines. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct counters {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

extern struct counters counters SEC(".maps");

SEC("xdp")
int count_in_nowhere(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		++*n;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
