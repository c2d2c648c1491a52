/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arrays: array, per-CPU array, and the arrays whose elements are objects (program
 * array, perf event array, array of maps). Linux: kernel/bpf/arraymap.c.
 *
 * All pages are backed when the map is made: an element of an array always exists.
 * Values lie behind struct bpf_array, or in the client's pages with BPF_F_MMAPABLE.
 * A per-CPU array holds the whole array once for each CPU, so that no cache line
 * serves two CPUs (Linux allocates each element's per-CPU area by itself).
 */
#include "object/rt_heap.h"
#include "object/map_array.h"

#include <linux/errno.h>

#include "map/map_in_map.h"
#include "object/arena.h"
#include "object/prog.h"

#define PAGE_SIZE	   4096ULL
#define PCPU_MIN_UNIT_SIZE 32768 /* largest value of a per-CPU map, bytes */
#define INT_MAX		   0x7fffffff
#define U32_MAX		   0xffffffffU
#define ARRAY_FLAGS                                                                                \
	(BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG |      \
	 BPF_F_WRONLY_PROG | BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP)
#define VALUES_OFF	 round_up(sizeof(struct bpf_array), 64)
#define LINUX_ARRAY_SIZE 312 /* sizeof(struct bpf_array) on 6.18, x86-64: for memlock */
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

static inline struct bpf_array *to_array(const struct bpf_map *map)
{
	return (struct bpf_array *)map;
}

static bool is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static inline u8 *elem_ptr(const struct bpf_array *a, u32 index)
{
	return a->value + (u64)a->elem_size * index;
}

static inline u8 *percpu_ptr(const struct bpf_array *a, u32 index, u32 cpu)
{
	return elem_ptr(a, index) + a->cpu_stride * cpu;
}

/* ---- making ---- */

static u64 array_usage(u32 type, u32 flags, u32 elem_size, u64 entries, u32 nr_cpus)
{
	if (type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return LINUX_ARRAY_SIZE + entries * sizeof(void *) + entries * elem_size * nr_cpus;
	if (flags & BPF_F_MMAPABLE)
		return PAGE_SIZE + round_up(entries * elem_size, PAGE_SIZE);
	return LINUX_ARRAY_SIZE + entries * elem_size;
}

static int array_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	bool percpu = attr->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
	u64 values;
	u32 elem;

	if (!attr->max_entries || attr->key_size != 4 || !attr->value_size ||
	    attr->map_flags & ~ARRAY_FLAGS ||
	    (attr->map_flags & BPF_F_RDONLY_PROG && attr->map_flags & BPF_F_WRONLY_PROG) ||
	    (percpu && attr->map_flags & BPF_F_NUMA_NODE))
		return -EINVAL;
	if (attr->map_type != BPF_MAP_TYPE_ARRAY &&
	    attr->map_flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP))
		return -EINVAL;
	if (attr->map_type != BPF_MAP_TYPE_PERF_EVENT_ARRAY &&
	    attr->map_flags & BPF_F_PRESERVE_ELEMS)
		return -EINVAL;
	if (attr->value_size > INT_MAX)
		return -E2BIG;
	if (percpu && round_up(attr->value_size, 8) > PCPU_MIN_UNIT_SIZE)
		return -E2BIG;

	elem = round_up(attr->value_size, 8);
	if (__builtin_mul_overflow((u64)elem, (u64)attr->max_entries, &values) ||
	    values > ARENA_LEASE_SIZE)
		return -ENOMEM;
	layout->client_size = 0;
	layout->charge =
		array_usage(attr->map_type, attr->map_flags, elem, attr->max_entries, p->nr_cpus);
	if (attr->map_flags & BPF_F_MMAPABLE) {
		layout->client_size = round_up(values, PAGE_SIZE);
		values = 0;
	} else if (percpu) {
		values = round_up(values, 64) * p->nr_cpus;
	}
	layout->reserve = round_up(VALUES_OFF + values, PAGE_SIZE);
	layout->backed = layout->reserve;
	return 0;
}

static int fd_array_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	if (p->attr->value_size != sizeof(u32))
		return -EINVAL;
	if (p->attr->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EINVAL;
	return array_map_alloc_check(p, layout);
}

static int array_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_array *a = to_array(map);

	a->elem_size = round_up(map->value_size, 8);
	a->value = map->map_flags & BPF_F_MMAPABLE ? map->client : (u8 *)map + VALUES_OFF;
	if (is_percpu(map))
		a->cpu_stride = round_up((u64)a->elem_size * map->max_entries, 64);
	return a->value ? 0 : -ENOMEM;
}

static u64 array_map_mem_usage(const struct bpf_map *map)
{
	return array_usage(map->map_type, map->map_flags, to_array(map)->elem_size,
			   map->max_entries, map->nr_cpus);
}

/* ---- values ---- */

static void *array_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u32 index = *(const u32 *)key;

	if (unlikely(index >= map->max_entries))
		return NULL;
	return elem_ptr(to_array(map), index);
}

static void *percpu_array_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u32 index = *(const u32 *)key;

	if (unlikely(index >= map->max_entries))
		return NULL;
	return percpu_ptr(to_array(map), index, run->cpu);
}

static void *percpu_array_map_lookup_percpu_elem(struct bpf_map *map, const void *key, u32 cpu)
{
	u32 index = *(const u32 *)key;

	if (cpu >= map->nr_cpus || index >= map->max_entries)
		return NULL;
	return percpu_ptr(to_array(map), index, cpu);
}

static inline long array_update(struct bpf_map *map, const void *key, const void *value, u64 flags,
				struct bpf_run *run)
{
	struct bpf_array *a = to_array(map);
	u32 index = *(const u32 *)key;
	u8 *val;

	if (unlikely((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST))
		return -EINVAL;
	if (unlikely(index >= map->max_entries))
		return -E2BIG;
	if (unlikely(flags & BPF_NOEXIST))
		return -EEXIST;
	if (unlikely(flags & BPF_F_LOCK && !map_field(map, BPF_FIELD_SPIN_LOCK)))
		return -EINVAL;
	val = percpu_ptr(a, index, a->cpu_stride ? run->cpu : 0);
	if (unlikely(flags & BPF_F_LOCK && !a->cpu_stride))
		map_value_copy_locked(map, val, value, false, run->platform);
	else
		map_value_copy(map, val, value);
	if (unlikely(map->record)) /* as in Linux: what was stored in the old value goes */
		object_drop_fields(map->arena, run->platform, val, map->record);
	return 0;
}

static long array_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				  u64 flags, struct bpf_run *run)
{
	return array_update(map, key, value, flags, run);
}

static long array_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return -EINVAL;
}

static int array_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	u32 index = key ? *(const rt_u32 *)key : U32_MAX;

	if (index >= map->max_entries)
		index = 0;
	else if (index == map->max_entries - 1)
		return -ENOENT;
	else
		index++;
	*(rt_u32 *)next_key = index;
	return 0;
}

static int array_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				 struct bpf_run *run)
{
	const u8 *val = array_map_lookup_elem(map, key, run);

	if (!val)
		return -ENOENT;
	if (flags & BPF_F_LOCK) {
		if (!map_field(map, BPF_FIELD_SPIN_LOCK))
			return -EINVAL;
		map_value_copy_locked(map, value, val, true, run->platform);
	} else {
		map_value_copy(map, value, val);
	}
	map_value_hide_special(map, value);
	return 0;
}

static int percpu_array_map_lookup_copy(struct bpf_map *map, const void *key, void *value,
					u64 flags, struct bpf_run *run)
{
	struct bpf_array *a = to_array(map);
	u32 index = *(const u32 *)key;

	if (index >= map->max_entries)
		return -ENOENT;
	if (flags & BPF_F_CPU) {
		map_value_copy(map, value, percpu_ptr(a, index, flags >> 32));
		map_value_hide_special(map, value);
		return 0;
	}
	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++) {
		u8 *out = (u8 *)value + (u64)a->elem_size * cpu;

		rt_copy(out, percpu_ptr(a, index, cpu), a->elem_size);
		map_value_hide_special(map, out);
	}
	return 0;
}

static int percpu_array_map_update_copy(struct bpf_map *map, const void *key, const void *value,
					u64 flags, struct bpf_run *run)
{
	struct bpf_array *a = to_array(map);
	u32 index = *(const u32 *)key;

	if (flags & BPF_F_LOCK || (u32)flags > BPF_F_ALL_CPUS)
		return -EINVAL;
	if (index >= map->max_entries)
		return -E2BIG;
	if (flags & BPF_NOEXIST)
		return -EEXIST;
	if (flags & BPF_F_CPU) {
		map_value_copy(map, percpu_ptr(a, index, flags >> 32), value);
		return 0;
	}
	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++) {
		const u8 *in = (const u8 *)value + (u64)a->elem_size * cpu;

		if (flags & BPF_F_ALL_CPUS)
			map_value_copy(map, percpu_ptr(a, index, cpu), value);
		else if (map->nr_fields)
			map_value_copy(map, percpu_ptr(a, index, cpu), in);
		else /* padding too: Linux gives back what was put there */
			rt_copy(percpu_ptr(a, index, cpu), in, a->elem_size);
	}
	return 0;
}

static long array_map_for_each(struct bpf_map *map,
			       long (*fn)(struct bpf_map *map, const void *key, void *value,
					  void *arg),
			       void *arg, struct bpf_run *run)
{
	struct bpf_array *a = to_array(map);
	u32 i;

	for (i = 0; i < map->max_entries; i++) {
		u32 key = i;

		if (fn(map, &key, percpu_ptr(a, i, a->cpu_stride ? run->cpu : 0), arg))
			return i + 1;
	}
	return i;
}

static int array_map_direct_value_addr(const struct bpf_map *map, u64 *addr, u32 off)
{
	if (map->max_entries != 1)
		return -ENOTSUPP;
	if (off >= map->value_size)
		return -EINVAL;
	*addr = (u64)to_array(map)->value + off;
	return 0;
}

static const char *array_map_check(struct bpf_map *map)
{
	const struct bpf_array *a = to_array(map);
	u64 values = (u64)a->elem_size * map->max_entries;

	if (a->elem_size != round_up(map->value_size, 8))
		return "array: element size does not fit the value size";
	if (is_percpu(map) != !!a->cpu_stride || (a->cpu_stride && a->cpu_stride < values))
		return "array: distance of CPUs is too small";
	if (map->map_flags & BPF_F_MMAPABLE) {
		if (a->value != map->client || values > map->client_size)
			return "array: values do not fit the client's pages";
	} else if (a->value < (u8 *)(a + 1) ||
		   a->value + (a->cpu_stride ? a->cpu_stride * map->nr_cpus : values) >
			   (u8 *)map + map->reserved) {
		return "array: values do not fit the segment";
	}
	return NULL;
}

/* ---- helper forms: R1..R5, run ---- */

static u64 array_lookup_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return (u64)array_map_lookup_elem((struct bpf_map *)r1, (const void *)r2, run);
}

static u64 percpu_array_lookup_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return (u64)percpu_array_map_lookup_elem((struct bpf_map *)r1, (const void *)r2, run);
}

static u64 array_update_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return (u64)array_update((struct bpf_map *)r1, (const void *)r2, (const void *)r3, r4, run);
}

/* A plain array of 8-byte values without special fields. */
static u64 array_update8_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	struct bpf_array *a = (struct bpf_array *)r1;
	u32 index = *(const u32 *)r2;

	if (unlikely(index >= a->map.max_entries || (r4 && r4 != BPF_EXIST)))
		return (u64)array_update(&a->map, (const void *)r2, (const void *)r3, r4, run);
	*(rt_u64 *)elem_ptr(a, index) = *(const rt_u64 *)r3;
	return 0;
}

static bpf_helper_t array_map_helper(const struct bpf_map *map, u32 func_id)
{
	if (func_id == BPF_FUNC_map_lookup_elem)
		return is_percpu(map) ? percpu_array_lookup_helper : array_lookup_helper;
	if (func_id == BPF_FUNC_map_update_elem)
		return is_percpu(map) || map->value_size != 8 || map->nr_fields ?
			       array_update_helper :
			       array_update8_helper;
	return NULL;
}

static const void *array_map_key_of(const struct bpf_map *map, const void *value, u32 *index)
{
	const struct bpf_array *a = (const struct bpf_array *)map;

	*index = (u32)((u64)((const u8 *)value - a->value) / a->elem_size);
	return index;
}

const struct bpf_map_ops array_map_ops = {
	.alloc_check = array_map_alloc_check,
	.init = array_map_init,
	.lookup_elem = array_map_lookup_elem,
	.update_elem = array_map_update_elem,
	.delete_elem = array_map_delete_elem,
	.get_next_key = array_map_get_next_key,
	.lookup_copy = array_map_lookup_copy,
	.for_each = array_map_for_each,
	.direct_value_addr = array_map_direct_value_addr,
	.key_of = array_map_key_of,
	.helper = array_map_helper,
	.mem_usage = array_map_mem_usage,
	.check = array_map_check,
};

const struct bpf_map_ops percpu_array_map_ops = {
	.alloc_check = array_map_alloc_check,
	.init = array_map_init,
	.lookup_elem = percpu_array_map_lookup_elem,
	.update_elem = array_map_update_elem,
	.delete_elem = array_map_delete_elem,
	.get_next_key = array_map_get_next_key,
	.lookup_copy = percpu_array_map_lookup_copy,
	.update_copy = percpu_array_map_update_copy,
	.lookup_percpu_elem = percpu_array_map_lookup_percpu_elem,
	.for_each = array_map_for_each,
	.helper = array_map_helper,
	.mem_usage = array_map_mem_usage,
	.check = array_map_check,
};

/* ---- arrays of objects ---- */

static int fd_array_map_obj_check(const struct bpf_map *map, const void *key, u64 flags)
{
	if (flags != BPF_ANY)
		return -EINVAL;
	if (*(const u32 *)key >= map->max_entries)
		return -E2BIG;
	return 0;
}

static int fd_array_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
				   void **old, const struct skep_platform *platform)
{
	u64 *slot;
	int err;

	err = fd_array_map_obj_check(map, key, flags);
	if (err)
		return err;
	slot = (u64 *)elem_ptr(to_array(map), *(const u32 *)key);
	*old = (void *)__atomic_exchange_n(slot, (u64)obj, __ATOMIC_SEQ_CST);
	return 0;
}

static int fd_array_map_obj_delete(struct bpf_map *map, const void *key, void **old,
				   const struct skep_platform *platform)
{
	u32 index = *(const u32 *)key;

	*old = NULL;
	if (index >= map->max_entries)
		return -E2BIG;
	*old = (void *)__atomic_exchange_n((u64 *)elem_ptr(to_array(map), index), 0,
					   __ATOMIC_SEQ_CST);
	return *old ? 0 : -ENOENT;
}

static void *fd_array_map_obj_lookup(struct bpf_map *map, const void *key)
{
	u32 index = *(const u32 *)key;

	if (index >= map->max_entries)
		return NULL;
	return (void *)load_acquire((u64 *)elem_ptr(to_array(map), index));
}

static const char *fd_array_map_check(struct bpf_map *map)
{
	const struct bpf_array *a = to_array(map);
	const char *wrong = array_map_check(map);

	for (u32 i = 0; !wrong && i < map->max_entries; i++) {
		u64 obj = *(const u64 *)elem_ptr(a, i);

		if (obj % 8)
			wrong = "array: element is not the address of an object";
	}
	return wrong;
}

static int prog_array_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
				     void **old, const struct skep_platform *platform)
{
	int err = fd_array_map_obj_check(map, key, flags);

	/* That it is like the other programs of the array was checked: map->owner. */
	if (!err && ((struct bpf_prog *)obj)->type == BPF_PROG_TYPE_EXT)
		err = -EINVAL;
	return err ? err : fd_array_map_obj_update(map, key, obj, flags, old, platform);
}

const struct bpf_map_ops prog_array_map_ops = {
	.alloc_check = fd_array_map_alloc_check,
	.init = array_map_init,
	.get_next_key = array_map_get_next_key,
	.obj_check = fd_array_map_obj_check,
	.obj_update = prog_array_map_obj_update,
	.obj_delete = fd_array_map_obj_delete,
	.obj_lookup = fd_array_map_obj_lookup,
	.mem_usage = array_map_mem_usage,
	.check = fd_array_map_check,
};

/* Elements are ids of cgroups, which name them for ever. */
const struct bpf_map_ops cgroup_array_map_ops = {
	.alloc_check = fd_array_map_alloc_check,
	.init = array_map_init,
	.get_next_key = array_map_get_next_key,
	.obj_check = fd_array_map_obj_check,
	.obj_update = fd_array_map_obj_update,
	.obj_delete = fd_array_map_obj_delete,
	.mem_usage = array_map_mem_usage,
	.check = array_map_check,
};

/* Elements are struct perf_ring; bpf(2) has no lookup for them. */
const struct bpf_map_ops perf_event_array_map_ops = {
	.alloc_check = fd_array_map_alloc_check,
	.init = array_map_init,
	.get_next_key = array_map_get_next_key,
	.obj_check = fd_array_map_obj_check,
	.obj_update = fd_array_map_obj_update,
	.obj_delete = fd_array_map_obj_delete,
	.mem_usage = array_map_mem_usage,
	.check = fd_array_map_check,
};

/* ---- array of maps ---- */

static int array_of_maps_map_alloc_check(const struct bpf_map_params *p,
					 struct bpf_map_layout *layout)
{
	int err = fd_array_map_alloc_check(p, layout);

	return err ? err : bpf_map_meta_check(p->inner);
}

static void *array_of_maps_map_lookup_elem(struct bpf_map *map, const void *key,
					   struct bpf_run *run)
{
	return fd_array_map_obj_lookup(map, key);
}

static int array_of_maps_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
					void **old, const struct skep_platform *platform)
{
	int err = fd_array_map_obj_check(map, key, flags);

	if (!err && !bpf_map_meta_equal(map, obj))
		err = -EINVAL;
	return err ? err : fd_array_map_obj_update(map, key, obj, flags, old, platform);
}

static u64 array_of_maps_lookup_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return (u64)fd_array_map_obj_lookup((struct bpf_map *)r1, (const void *)r2);
}

static bpf_helper_t array_of_maps_map_helper(const struct bpf_map *map, u32 func_id)
{
	return func_id == BPF_FUNC_map_lookup_elem ? array_of_maps_lookup_helper : NULL;
}

const struct bpf_map_ops array_of_maps_map_ops = {
	.alloc_check = array_of_maps_map_alloc_check,
	.init = array_map_init,
	.lookup_elem = array_of_maps_map_lookup_elem,
	.get_next_key = array_map_get_next_key,
	.obj_check = fd_array_map_obj_check,
	.obj_update = array_of_maps_map_obj_update,
	.obj_delete = fd_array_map_obj_delete,
	.obj_lookup = fd_array_map_obj_lookup,
	.helper = array_of_maps_map_helper,
	.mem_usage = array_map_mem_usage,
	.check = fd_array_map_check,
};
