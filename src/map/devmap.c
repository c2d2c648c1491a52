/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Devices that XDP programs redirect to, by index or by hash (Linux: kernel/bpf/devmap.c). An
 * element is laid out as what programs and bpf(2) read, struct bpf_devmap_val: the device's
 * number and the id of the program that runs before a packet leaves by it.
 */
#include "map/words.h"

#define LINUX_DTAB_SIZE 344 /* sizeof(struct bpf_dtab) on 6.18, x86-64 */

static bool is_hash(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_DEVMAP_HASH;
}

static u64 usage(u32 type, u64 max_entries)
{
	if (type == BPF_MAP_TYPE_DEVMAP_HASH && max_entries > 1)
		max_entries = 1ULL << (64 - __builtin_clzll(max_entries - 1));
	return LINUX_DTAB_SIZE + max_entries * 8;
}

static int dev_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	int err;

	if (!a->max_entries || a->key_size != 4 || (a->value_size != 4 && a->value_size != 8) ||
	    a->map_flags & ~(u32)FD_MAP_FLAGS)
		return -EINVAL;
	if (a->map_type == BPF_MAP_TYPE_DEVMAP)
		return words_layout(a, LINUX_DTAB_SIZE, layout);
	if (a->max_entries > 1U << 31)
		return -EINVAL;
	err = htab_words_layout(p, layout);
	layout->charge = usage(a->map_type, a->max_entries);
	return err;
}

static int dev_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	map->map_flags |= BPF_F_RDONLY_PROG; /* what lookups yield is not for programs to write */
	return is_hash(map) ? htab_words_init(map, platform) : 0;
}

static void *dev_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u64 *word = is_hash(map) ? htab_words_lookup(map, key) : word_at(map, key);

	return word && load_acquire(word) ? word : NULL;
}

static int dev_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
			       struct bpf_run *run)
{
	const u64 *word = is_hash(map) ? htab_words_lookup(map, key) : word_at(map, key);
	u64 v = word ? load_acquire(word) : 0;

	if (!v)
		return -ENOENT;
	word_copy(map, value, v);
	return 0;
}

static int dev_map_obj_check(const struct bpf_map *map, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (is_hash(map))
		return 0;
	if (!word_at(map, key))
		return -E2BIG;
	return flags == BPF_NOEXIST ? -EEXIST : 0;
}

static int dev_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
			      void **old, const struct skep_platform *platform)
{
	if (is_hash(map))
		return htab_words_update(map, key, (u64)obj, flags & BPF_NOEXIST, (u64 *)old,
					 platform);
	*old = (void *)__atomic_exchange_n(word_at(map, key), (u64)obj, __ATOMIC_SEQ_CST);
	return 0;
}

static int dev_map_obj_delete(struct bpf_map *map, const void *key, void **old,
			      const struct skep_platform *platform)
{
	u64 *word;

	*old = NULL;
	if (is_hash(map))
		return htab_words_delete(map, key, (u64 *)old, platform);
	word = word_at(map, key);
	if (!word)
		return -EINVAL;
	*old = (void *)__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static u64 dev_map_mem_usage(const struct bpf_map *map)
{
	return usage(map->map_type, map->max_entries);
}

const struct bpf_map_ops dev_map_ops = {
	.alloc_check = dev_map_alloc_check,
	.init = dev_map_init,
	.lookup_elem = dev_map_lookup_elem,
	.lookup_copy = dev_map_lookup_copy,
	.get_next_key = words_next_key,
	.obj_check = dev_map_obj_check,
	.obj_update = dev_map_obj_update,
	.obj_delete = dev_map_obj_delete,
	.mem_usage = dev_map_mem_usage,
};

const struct bpf_map_ops dev_map_hash_ops = {
	.alloc_check = dev_map_alloc_check,
	.init = dev_map_init,
	.lookup_elem = dev_map_lookup_elem,
	.lookup_copy = dev_map_lookup_copy,
	.get_next_key = htab_words_next_key,
	.obj_check = dev_map_obj_check,
	.obj_update = dev_map_obj_update,
	.obj_delete = dev_map_obj_delete,
	.mem_usage = dev_map_mem_usage,
	.check = htab_words_check,
};
