/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads through kernel pointers (Linux: BPF_PROBE_MEM with its exception table). Both engines
 * come here: outside the window of world objects there is nothing, which reads as 0. Fields of
 * maps have no place of their own: what Linux would have there is made up when it is read.
 */
#include "object/arena.h"
#include "object/map.h"
#include "object/rt_heap.h"
#include "object/rt_string.h"
#include "object/run.h"

#define LINUX_HTAB_ELEM 48 /* sizeof(struct htab_elem) */

static u64 hash_elem_size(const struct bpf_map *map)
{
	bool percpu = map->map_type == BPF_MAP_TYPE_PERCPU_HASH ||
		      map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;

	return LINUX_HTAB_ELEM + round_up((u64)map->key_size, 8UL) +
	       (percpu ? sizeof(void *) : round_up((u64)map->value_size, 8UL));
}

/* Linux counts in this field only where elements are allocated one by one, on few CPUs. */
static u64 hash_count(const struct bpf_map *map, const struct arena *arena)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);

	if (!(map->map_flags & BPF_F_NO_PREALLOC) || map->max_entries / 2 > arena->nr_slots * 32 ||
	    !ops->elem_count)
		return 0;
	return ops->elem_count(map);
}

static u64 round_up_pow2(u64 v)
{
	return v > 1 ? 1ULL << (64 - __builtin_clzll(v - 1)) : 1;
}

static u64 map_shown(const struct bpf_map *map, u32 field, const struct arena *arena)
{
	switch ((enum map_shown_field)field) {
	case MAP_SHOWN_NOTHING:
		return 0;
	case MAP_SHOWN_TYPE:
		return map->map_type;
	case MAP_SHOWN_KEY_SIZE:
		return map->key_size;
	case MAP_SHOWN_VALUE_SIZE:
		return map->value_size;
	case MAP_SHOWN_MAX_ENTRIES:
		return map->max_entries;
	case MAP_SHOWN_EXTRA:
		return map->map_extra;
	case MAP_SHOWN_FLAGS:
		return map->map_flags;
	case MAP_SHOWN_ID:
		return map->id;
	case MAP_SHOWN_ARRAY_ELEM_SIZE:
		return round_up((u64)map->value_size, 8UL);
	case MAP_SHOWN_ARRAY_INDEX_MASK:
		return round_up_pow2(map->max_entries) - 1;
	case MAP_SHOWN_HASH_BUCKETS:
		return round_up_pow2(map->max_entries);
	case MAP_SHOWN_HASH_ELEM_SIZE:
		return hash_elem_size(map);
	case MAP_SHOWN_HASH_COUNT:
		return hash_count(map, arena);
	}
	return 0;
}

u64 rt_probe_load(struct bpf_run *run, u64 addr, u32 how)
{
	u64 base = (u64)(uintptr_t)run->arena + ARENA_WORLD, v = 0;
	u32 size = how & PROBE_SIZE;

	if (how & PROBE_MAP) {
		v = map_shown((const struct bpf_map *)(uintptr_t)addr,
			      how >> PROBE_FIELD_SHIFT & 255, run->arena) >>
		    8 * (how >> PROBE_BYTE_SHIFT);
		if (size < 8)
			v &= (1ULL << 8 * size) - 1;
	} else if (!run->arena || addr - base > ARENA_HEAP - ARENA_WORLD - size) {
		return 0;
	} else if (addr - base >= ARENA_OBJECTS - ARENA_WORLD) { /* what programs allocated */
		if (!heap_holds(run->arena, addr, size))
			return 0;
		rt_copy(&v, (const void *)(uintptr_t)addr, size);
	} else if (run->platform->read_world(run, &v, addr, size)) {
		return 0;
	}
	if (!(how & PROBE_SIGNED))
		return v;
	return size == 1 ? (u64)(s64)(s8)v : size == 2 ? (u64)(s64)(s16)v : (u64)(s64)(s32)v;
}
