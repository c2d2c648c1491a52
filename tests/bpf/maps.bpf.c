/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps with types for skep map. tests/script/map */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum color { RED, GREEN = 5 };

struct who {
	u32 pid;
	char comm[8];
};

struct what {
	u64 n;
	enum color color;
	int small : 4;
	u8 bytes[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct who);
	__type(value, struct what);
} typed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} latency_hist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} each_cpu SEC(".maps");

SEC("socket")
int use(struct __sk_buff *skb)
{
	struct who who = {};
	u32 zero = 0;

	bpf_map_lookup_elem(&typed, &who);
	bpf_map_lookup_elem(&latency_hist, &zero);
	bpf_map_lookup_elem(&each_cpu, &zero);
	return 0;
}
