/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * AF_XDP sockets that XDP programs redirect to (Linux: net/xdp/xskmap.c). The low half of an
 * element is the socket's queue, as in struct bpf_xdp_sock, the upper half its inode number.
 */
#include "map/words.h"

#define LINUX_XSK_MAP_SIZE 304 /* sizeof(struct xsk_map) on 6.18, x86-64 */

static int xsk_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;

	if (!a->max_entries || a->key_size != 4 || a->value_size != 4 ||
	    a->map_flags & ~(u32)FD_MAP_FLAGS)
		return -EINVAL;
	return words_layout(a, LINUX_XSK_MAP_SIZE, layout);
}

static void *xsk_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u64 *word = word_at(map, key);

	return word && load_acquire(word) ? word : NULL;
}

static int xsk_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
			       struct bpf_run *run)
{
	return -EOPNOTSUPP;
}

static int xsk_map_obj_check(const struct bpf_map *map, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return word_at(map, key) ? 0 : -E2BIG;
}

static int xsk_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
			      void **old, const struct skep_platform *platform)
{
	u64 *word = word_at(map, key), was = load_acquire(word);

	*old = NULL;
	do {
		if (was == (u64)obj)
			return 0;
		if (was ? flags == BPF_NOEXIST : flags == BPF_EXIST)
			return was ? -EEXIST : -ENOENT;
	} while (!__atomic_compare_exchange_n(word, &was, (u64)obj, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return 0;
}

static int xsk_map_obj_delete(struct bpf_map *map, const void *key, void **old,
			      const struct skep_platform *platform)
{
	u64 *word = word_at(map, key);

	*old = NULL;
	if (!word)
		return -EINVAL;
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static void *xsk_map_obj_lookup(struct bpf_map *map, const void *key)
{
	const u64 *word = word_at(map, key);

	return word ? (void *)load_acquire(word) : NULL;
}

static u64 xsk_map_mem_usage(const struct bpf_map *map)
{
	return LINUX_XSK_MAP_SIZE + (u64)map->max_entries * 8;
}

const struct bpf_map_ops xsk_map_ops = {
	.alloc_check = xsk_map_alloc_check,
	.lookup_elem = xsk_map_lookup_elem,
	.lookup_copy = xsk_map_lookup_copy,
	.get_next_key = words_next_key,
	.obj_check = xsk_map_obj_check,
	.obj_update = xsk_map_obj_update,
	.obj_delete = xsk_map_obj_delete,
	.obj_lookup = xsk_map_obj_lookup,
	.mem_usage = xsk_map_mem_usage,
};
