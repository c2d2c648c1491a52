/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Slab caches, one after the other: tests/unit/kmem_cache_test.c. */
#include "kfunc.h"

struct kmem_cache {
	const char *name;
	unsigned int size;
} CORE;
struct bpf_iter_kmem_cache {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_kmem_cache_new(struct bpf_iter_kmem_cache *it) __ksym;
extern struct kmem_cache *bpf_iter_kmem_cache_next(struct bpf_iter_kmem_cache *it) __ksym;
extern void bpf_iter_kmem_cache_destroy(struct bpf_iter_kmem_cache *it) __ksym;

struct caches {
	__u32 n, size[512];
	char name[512][32];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct caches);
} all SEC(".maps");

SEC("syscall") int list(void *ctx)
{
	struct caches *c = bpf_map_lookup_elem(&all, &(__u32){ 0 });
	struct bpf_iter_kmem_cache it;
	struct kmem_cache *cache;

	if (!c)
		return 1;
	bpf_iter_kmem_cache_new(&it);
	while ((cache = bpf_iter_kmem_cache_next(&it))) {
		__u32 at = c->n++;

		if (at >= 512)
			break;
		c->size[at] = cache->size;
		bpf_probe_read_kernel_str(c->name[at], 32, cache->name);
	}
	bpf_iter_kmem_cache_destroy(&it);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
