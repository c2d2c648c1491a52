/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Bloom filter (Linux: kernel/bpf/bloom_filter.c): as many bits and hash functions as
 * there, with hash functions of our own (two words, combined).
 */
#include <linux/errno.h>

#include "map/hash.h"
#include "object/arena.h"
#include "object/map.h"

#define PAGE_SIZE	 4096ULL
#define KMALLOC_MAX_SIZE (4U << 20)
#define U32_MAX		 0xffffffffU
#define LINUX_BLOOM_SIZE 312 /* sizeof(struct bpf_bloom_filter) on 6.18, x86-64 */
#define BLOOM_FLAGS                                                                                \
	(BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG |     \
	 BPF_F_WRONLY_PROG)

struct bpf_bloom_filter {
	struct bpf_map map;
	u64 seed[2];
	u32 bitset_mask;
	u32 nr_hash_funcs;
};

#define BITS_OFF round_up(sizeof(struct bpf_bloom_filter), 64)

static u32 hash_funcs(u64 map_extra)
{
	return map_extra ? (u32)map_extra : 5;
}

/* The number of bits, less one: entries * functions / ln 2, as a power of two. */
static u32 mask_of(u32 max_entries, u32 funcs)
{
	u32 bits;

	if (__builtin_mul_overflow(max_entries, funcs, &bits) ||
	    __builtin_mul_overflow(bits / 5, 7U, &bits) || bits > 1U << 31)
		return U32_MAX;
	if (bits <= 64)
		return 63;
	return (u32)((1ULL << (32 - __builtin_clz(bits - 1))) - 1);
}

static int bloom_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	u64 bytes;

	if (attr->value_size > KMALLOC_MAX_SIZE)
		return -E2BIG;
	if (attr->key_size || !attr->value_size || !attr->max_entries ||
	    attr->map_flags & ~BLOOM_FLAGS ||
	    (attr->map_flags & BPF_F_RDONLY_PROG && attr->map_flags & BPF_F_WRONLY_PROG) ||
	    attr->map_extra & ~0xfULL)
		return -EINVAL;
	bytes = ((u64)mask_of(attr->max_entries, hash_funcs(attr->map_extra)) + 1) / 8;
	layout->reserve = round_up(BITS_OFF + bytes, PAGE_SIZE);
	layout->backed = layout->reserve;
	layout->client_size = 0;
	layout->charge = LINUX_BLOOM_SIZE + bytes;
	return 0;
}

static int bloom_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_bloom_filter *bloom = (struct bpf_bloom_filter *)map;

	bloom->nr_hash_funcs = hash_funcs(map->map_extra);
	bloom->bitset_mask = mask_of(map->max_entries, bloom->nr_hash_funcs);
	bloom->seed[0] = 0x452821e638d01377ULL;
	bloom->seed[1] = 0xbe5466cf34e90c6dULL;
	if (!(map->map_flags & BPF_F_ZERO_SEED)) {
		bloom->seed[0] ^= platform->random();
		bloom->seed[1] ^= platform->random() << 1; /* stays odd */
	}
	return 0;
}

static u64 *bits_of(struct bpf_bloom_filter *bloom)
{
	return (u64 *)((u8 *)bloom + BITS_OFF);
}

static long bloom_map_peek_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	struct bpf_bloom_filter *bloom = (struct bpf_bloom_filter *)map;
	u64 h = hash_bytes(bloom->seed, value, map->value_size), step = h >> 32 | 1;
	const u64 *bits = bits_of(bloom);

	for (u32 i = 0; i < bloom->nr_hash_funcs; i++, h += step) {
		u32 bit = (u32)h & bloom->bitset_mask;

		if (!(READ_ONCE(bits[bit / 64]) >> bit % 64 & 1))
			return -ENOENT;
	}
	return 0;
}

static long bloom_map_push_elem(struct bpf_map *map, const void *value, u64 flags,
				struct bpf_run *run)
{
	struct bpf_bloom_filter *bloom = (struct bpf_bloom_filter *)map;
	u64 h = hash_bytes(bloom->seed, value, map->value_size), step = h >> 32 | 1;
	u64 *bits = bits_of(bloom);

	if (flags != BPF_ANY)
		return -EINVAL;
	for (u32 i = 0; i < bloom->nr_hash_funcs; i++, h += step) {
		u32 bit = (u32)h & bloom->bitset_mask;
		u64 one = 1ULL << bit % 64;

		if (!(READ_ONCE(bits[bit / 64]) & one))
			__atomic_fetch_or(&bits[bit / 64], one, __ATOMIC_RELAXED);
	}
	return 0;
}

static long bloom_map_pop_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	return -EOPNOTSUPP;
}

static long bloom_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				  u64 flags, struct bpf_run *run)
{
	return -EINVAL; /* programs push */
}

static long bloom_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return -EOPNOTSUPP;
}

static int bloom_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	return -EOPNOTSUPP;
}

static u64 bloom_map_mem_usage(const struct bpf_map *map)
{
	return LINUX_BLOOM_SIZE + ((u64)((struct bpf_bloom_filter *)map)->bitset_mask + 1) / 8;
}

static const char *bloom_map_check(struct bpf_map *map)
{
	const struct bpf_bloom_filter *bloom = (struct bpf_bloom_filter *)map;

	if (bloom->bitset_mask != mask_of(map->max_entries, bloom->nr_hash_funcs))
		return "bloom filter: number of bits is wrong";
	return NULL;
}

const struct bpf_map_ops bloom_filter_map_ops = {
	.alloc_check = bloom_map_alloc_check,
	.init = bloom_map_init,
	.update_elem = bloom_map_update_elem,
	.delete_elem = bloom_map_delete_elem,
	.get_next_key = bloom_map_get_next_key,
	.push_elem = bloom_map_push_elem,
	.pop_elem = bloom_map_pop_elem,
	.peek_elem = bloom_map_peek_elem,
	.mem_usage = bloom_map_mem_usage,
	.check = bloom_map_check,
};
