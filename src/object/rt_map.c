/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What all map types share about values (Linux: copy_map_value() and its family in
 * include/linux/bpf.h, copy_map_value_locked() in kernel/bpf/helpers.c).
 */
#include "object/lock.h"
#include "object/map.h"
#include "object/rt_string.h"

const struct bpf_map_field *map_field(const struct bpf_map *map, enum bpf_special_field kind)
{
	for (u32 i = 0; i < map->nr_fields; i++)
		if (map->fields[i].kind == kind)
			return &map->fields[i];
	return NULL;
}

void map_value_copy_special(const struct bpf_map *map, void *dst, const void *src)
{
	u32 at = 0;

	for (u32 i = 0; i < map->nr_fields; i++) { /* sorted by offset */
		const struct bpf_map_field *f = &map->fields[i];

		rt_copy((u8 *)dst + at, (const u8 *)src + at, f->offset - at);
		at = f->offset + f->size;
	}
	rt_copy((u8 *)dst + at, (const u8 *)src + at, map->value_size - at);
}

void map_value_hide_special(const struct bpf_map *map, void *value)
{
	for (u32 i = 0; i < map->nr_fields; i++)
		rt_zero((u8 *)value + map->fields[i].offset, map->fields[i].size);
}

void map_value_zero(const struct bpf_map *map, void *value)
{
	u32 at = 0;

	for (u32 i = 0; i < map->nr_fields; i++) {
		const struct bpf_map_field *f = &map->fields[i];

		rt_zero((u8 *)value + at, f->offset - at);
		at = f->offset + f->size;
	}
	rt_zero((u8 *)value + at, map->value_size - at);
}

void map_value_copy_locked(const struct bpf_map *map, void *dst, const void *src, bool lock_src,
			   const struct skep_platform *platform)
{
	const struct bpf_map_field *f = map_field(map, BPF_FIELD_SPIN_LOCK);
	u32 *lock = (u32 *)((u8 *)(lock_src ? (void *)src : dst) + f->offset);

	lock_take(lock, platform);
	map_value_copy(map, dst, src);
	lock_drop(lock);
}
