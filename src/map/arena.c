/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arenas as a map type (Linux: kernel/bpf/arena.c): their making; pages are allocated by kernel
 * functions (src/helper/kfunc_arena.c). There are no elements.
 */
#include "object/map_arena.h"

#include <linux/errno.h>

static u64 head_size(u64 pages)
{
	return round_up(sizeof(struct bpf_arena_map) + 2 * (round_up(pages, 64UL) / 8),
			ARENA_MAP_PAGE);
}

static int arena_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	const u32 known = BPF_F_SEGV_ON_FAULT | BPF_F_MMAPABLE | BPF_F_NO_USER_CONV;
	u64 start = a->map_extra, size = a->max_entries * ARENA_MAP_PAGE;

	if (a->key_size || a->value_size || !a->max_entries || !(a->map_flags & BPF_F_MMAPABLE) ||
	    a->map_flags & ~known || start % ARENA_MAP_PAGE)
		return -EINVAL;
	if (size > ARENA_MAP_WINDOW)
		return -E2BIG;
	if (start >> 32 != (start + size - 1) >> 32)
		return -ERANGE;
	layout->backed = head_size(a->max_entries);
	layout->reserve = layout->backed + ARENA_MAP_WINDOW + 2 * ARENA_MAP_GUARD;
	layout->client_size = size;
	layout->client_sparse = true;
	layout->charge = 0;
	return 0;
}

static int arena_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_arena_map *a = (struct bpf_arena_map *)map;

	a->words = (map->max_entries + 63) / 64;
	a->window = (u8 *)map + head_size(map->max_entries) + ARENA_MAP_GUARD;
	return 0;
}

static int arena_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				 struct bpf_run *run)
{
	return -EINVAL;
}

static void *arena_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return NULL;
}

static long arena_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				  u64 flags, struct bpf_run *run)
{
	return -EOPNOTSUPP;
}

static long arena_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return -EOPNOTSUPP;
}

static int arena_map_get_next_key(struct bpf_map *map, const void *key, void *next)
{
	return -EOPNOTSUPP;
}

/* What the program holds is the address that user space has. */
static int arena_map_direct_value_addr(const struct bpf_map *map, u64 *addr, u32 off)
{
	const struct bpf_arena_map *a = (const struct bpf_arena_map *)map;

	if (off > a->user_end - a->user_start)
		return -ERANGE;
	*addr = a->user_start + off;
	return 0;
}

static u64 arena_map_mem_usage(const struct bpf_map *map)
{
	return 0;
}

const struct bpf_map_ops arena_map_ops = {
	.alloc_check = arena_map_alloc_check,
	.init = arena_map_init,
	.lookup_elem = arena_map_lookup_elem,
	.lookup_copy = arena_map_lookup_copy,
	.update_elem = arena_map_update_elem,
	.delete_elem = arena_map_delete_elem,
	.get_next_key = arena_map_get_next_key,
	.direct_value_addr = arena_map_direct_value_addr,
	.mem_usage = arena_map_mem_usage,
};
