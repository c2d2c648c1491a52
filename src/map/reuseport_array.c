/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets of SO_REUSEPORT groups (Linux: kernel/bpf/reuseport_array.c): cookies, as in sock_map.c.
 */
#include "map/words.h"

#define LINUX_ARRAY_SIZE 296 /* sizeof(struct reuseport_array) on 6.18, x86-64 */
#define ACCESS_FLAGS	 (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

static int reuseport_array_alloc_check(const struct bpf_map_params *p,
				       struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;

	if ((a->value_size != 4 && a->value_size != 8) || !a->max_entries || a->key_size != 4 ||
	    a->map_flags & ~(u32)(BPF_F_NUMA_NODE | ACCESS_FLAGS) ||
	    (a->map_flags & BPF_F_RDONLY_PROG && a->map_flags & BPF_F_WRONLY_PROG))
		return -EINVAL;
	return words_layout(a, LINUX_ARRAY_SIZE, layout);
}

static void *reuseport_array_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return NULL;
}

static int reuseport_array_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				       struct bpf_run *run)
{
	const u64 *word = word_at(map, key);
	u64 v = word ? load_acquire(word) : 0;

	if (map->value_size != sizeof(u64))
		return -ENOSPC;
	if (!v)
		return -ENOENT;
	*(rt_u64 *)value = v;
	return 0;
}

static int reuseport_array_obj_check(const struct bpf_map *map, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return word_at(map, key) ? 0 : -E2BIG;
}

static int reuseport_array_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
				      void **old, const struct skep_platform *platform)
{
	u64 *word = word_at(map, key), was = load_acquire(word);

	*old = NULL;
	do {
		if (was ? flags == BPF_NOEXIST : flags == BPF_EXIST)
			return was ? -EEXIST : -ENOENT;
	} while (!__atomic_compare_exchange_n(word, &was, (u64)obj, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return 0;
}

static int reuseport_array_obj_delete(struct bpf_map *map, const void *key, void **old,
				      const struct skep_platform *platform)
{
	u64 *word = word_at(map, key);

	*old = NULL;
	if (!word)
		return -E2BIG;
	return __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) ? 0 : -ENOENT;
}

static void *reuseport_array_obj_lookup(struct bpf_map *map, const void *key)
{
	const u64 *word = word_at(map, key);

	return word ? (void *)load_acquire(word) : NULL;
}

static u64 reuseport_array_mem_usage(const struct bpf_map *map)
{
	return LINUX_ARRAY_SIZE + (u64)map->max_entries * 8;
}

const struct bpf_map_ops reuseport_array_ops = {
	.alloc_check = reuseport_array_alloc_check,
	.lookup_elem = reuseport_array_lookup_elem,
	.lookup_copy = reuseport_array_lookup_copy,
	.get_next_key = words_next_key,
	.obj_check = reuseport_array_obj_check,
	.obj_update = reuseport_array_obj_update,
	.obj_delete = reuseport_array_obj_delete,
	.obj_lookup = reuseport_array_obj_lookup,
	.mem_usage = reuseport_array_mem_usage,
};
