/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values of an LRU map that hold objects: eviction lets go of them at once. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define __kptr __attribute__((btf_type_tag("kptr")))

struct value {
	struct bpf_cpumask __kptr *mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} lru SEC(".maps");

struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;

__u32 key;

SEC("syscall")
int put(void *ctx)
{
	struct value none = {}, *v;
	struct bpf_cpumask *mask;
	__u32 k = key++;

	bpf_map_update_elem(&lru, &k, &none, 0);
	v = bpf_map_lookup_elem(&lru, &k);
	if (!v)
		return 1;
	mask = bpf_cpumask_create();
	if (!mask)
		return 2;
	mask = bpf_kptr_xchg(&v->mask, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

char _license[] SEC("license") = "GPL";
