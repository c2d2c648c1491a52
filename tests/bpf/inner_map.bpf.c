/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Looks a value up in the inner map that the packet's first byte chooses. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &first, &second } };

SEC("xdp")
int choose(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 which, key = 1;
	void *map;
	__u64 *value;

	if (data + 1 > end)
		return 0;
	which = data[0];
	map = bpf_map_lookup_elem(&outer, &which);
	if (!map)
		return 1000;
	value = bpf_map_lookup_elem(map, &key);
	return value ? (int)*value : 2000;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
