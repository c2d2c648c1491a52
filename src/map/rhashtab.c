/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Resizable hash tables (Linux 7.2: kernel/bpf/hashtab.c, struct bpf_rhtab). What programs and bpf(2) see of
 * them differs from a hash in this: values are changed in place, as an array's are, so a reader without
 * BPF_F_LOCK may see half of a change and pointers to a value stay good; memory is counted by element;
 * .map_extra says how many elements to begin with. The table is the one of hashtab.c, which grows with its use.
 */
#include <linux/errno.h>

#include "map/htab.h"
#include "object/map.h"
#include "object/rt_heap.h"

#define U16_MAX		 0xffffU
#define LINUX_RHTAB_SIZE 512 /* sizeof(struct bpf_rhtab) on x86-64: derived */
#define LINUX_ELEM_SIZE	 8   /* struct rhash_head */

extern const struct bpf_map_ops htab_map_ops;

static int rhtab_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	struct bpf_map_params plain = *p;
	union bpf_attr attr = *p->attr;
	int err;

	if (!(attr.map_flags & BPF_F_NO_PREALLOC) || attr.map_flags & BPF_F_ZERO_SEED)
		return -EINVAL;
	if (attr.key_size > U16_MAX)
		return -E2BIG;
	if (attr.map_extra >> 32)
		return -EINVAL;
	if (attr.map_extra > U16_MAX)
		return -E2BIG;
	if (attr.map_extra > attr.max_entries)
		return -EINVAL;
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.map_extra = 0; /* a hash of ours takes it for another thing */
	plain.attr = &attr;
	err = htab_map_ops.alloc_check(&plain, layout);
	layout->charge = LINUX_RHTAB_SIZE;
	return err;
}

static int rhtab_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	u64 extra = map->map_extra;
	int err;

	map->map_extra = 0;
	err = htab_map_ops.init(map, platform);
	map->map_extra = extra;
	return err;
}

static void *rhtab_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_map_ops.lookup_elem(map, key, run);
}

static long rhtab_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_map_ops.delete_elem(map, key, run);
}

static int rhtab_map_get_next_key(struct bpf_map *map, const void *key, void *next)
{
	return htab_map_ops.get_next_key(map, key, next);
}

static int rhtab_map_keys_from(struct bpf_map *map, u32 *cursor, void *keys, u32 room, u32 *n)
{
	return htab_map_ops.keys_from(map, cursor, keys, room, n);
}

static int rhtab_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				 struct bpf_run *run)
{
	return htab_map_ops.lookup_copy(map, key, value, flags, run);
}

static int rhtab_map_lookup_and_delete(struct bpf_map *map, const void *key, void *value, u64 flags,
				       struct bpf_run *run)
{
	return htab_map_ops.lookup_and_delete(map, key, value, flags, run);
}

static long rhtab_map_for_each(struct bpf_map *map,
			       long (*fn)(struct bpf_map *map, const void *key, void *value,
					  void *arg),
			       void *arg, struct bpf_run *run)
{
	return htab_map_ops.for_each (map, fn, arg, run);
}

static const void *rhtab_map_key_of(const struct bpf_map *map, const void *value, u32 *index)
{
	return htab_map_ops.key_of(map, value, index);
}

static long rhtab_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				  u64 flags, struct bpf_run *run)
{
	long err;
	void *old;

	if ((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST ||
	    (flags & BPF_F_LOCK && !map_field(map, BPF_FIELD_SPIN_LOCK)))
		return -EINVAL;
	do {
		old = htab_map_ops.lookup_elem(map, key, run);
		if (!old && flags & BPF_EXIST)
			return -ENOENT;
		if (old && flags & BPF_NOEXIST)
			return -EEXIST;
		if (old) {
			if (flags & BPF_F_LOCK)
				map_value_copy_locked(map, old, value, false, run->platform);
			else
				map_value_copy(map, old, value);
			if (unlikely(map->record)) /* as an array's: what was stored in it goes */
				object_drop_fields(map->arena, run->platform, old, map->record);
			return 0;
		}
		/* Another CPU may be first; then it is there now. */
		err = htab_map_ops.update_elem(map, key, value, BPF_NOEXIST, run);
	} while (err == -EEXIST && !(flags & BPF_NOEXIST));
	return err;
}

static u64 rhtab_map_mem_usage(const struct bpf_map *map)
{
	u64 elem = LINUX_ELEM_SIZE + round_up(map->key_size, 8) + round_up(map->value_size, 8);

	return LINUX_RHTAB_SIZE + elem * htab_count((const struct bpf_htab *)map);
}

static const char *rhtab_map_check(struct bpf_map *map)
{
	return htab_map_ops.check(map);
}

const struct bpf_map_ops rhtab_map_ops = {
	.alloc_check = rhtab_map_alloc_check,
	.init = rhtab_map_init,
	.lookup_elem = rhtab_map_lookup_elem,
	.update_elem = rhtab_map_update_elem,
	.delete_elem = rhtab_map_delete_elem,
	.get_next_key = rhtab_map_get_next_key,
	.keys_from = rhtab_map_keys_from,
	.lookup_copy = rhtab_map_lookup_copy,
	.lookup_and_delete = rhtab_map_lookup_and_delete,
	.for_each = rhtab_map_for_each,
	.key_of = rhtab_map_key_of,
	.mem_usage = rhtab_map_mem_usage,
	.check = rhtab_map_check,
};
