/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See storage.h. */
#include "map/storage.h"

#include <linux/errno.h>

#include "object/arena.h"

#define PAGE_SIZE     4096ULL
#define NR_BUCKETS    1024 /* eight slots each; what is more is chained */
#define ENTRIES_MAX   (1U << 20)
#define TABLE_MAX     (8ULL << 30) /* bytes of address space for elements */
#define ELEM_OVERHEAD 32	   /* at most, without value */

static const struct bpf_map_ops *table_ops(bool percpu)
{
	return percpu ? &htab_percpu_map_ops : &htab_map_ops;
}

static u64 zeros_size(u32 value_size, bool percpu, u32 nr_cpus)
{
	return round_up(round_up((u64)value_size, 8UL) * (percpu ? nr_cpus : 1), PAGE_SIZE);
}

static u32 entries(u32 value_size, bool percpu, u32 nr_cpus)
{
	u64 each = ELEM_OVERHEAD + round_up((u64)value_size, 8UL) * (percpu ? nr_cpus : 1);

	return (u32)min_t(u64, ENTRIES_MAX, TABLE_MAX / each);
}

static union bpf_attr table_attr(u32 value_size, bool percpu, u32 nr_cpus)
{
	union bpf_attr attr;

	rt_zero(&attr, sizeof(attr));
	attr.map_type = percpu ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH;
	attr.key_size = STORAGE_KEY;
	attr.value_size = value_size;
	attr.max_entries = entries(value_size, percpu, nr_cpus);
	attr.map_flags = BPF_F_NO_PREALLOC;
	attr.map_extra = NR_BUCKETS;
	return attr;
}

int storage_layout(const struct bpf_map_params *p, bool percpu, struct bpf_map_layout *layout)
{
	u32 size = p->attr->value_size;
	union bpf_attr attr = table_attr(size, percpu, p->nr_cpus);
	struct bpf_map_params q = { .attr = &attr, .nr_cpus = p->nr_cpus };
	u64 front = STORAGE_EMPTY + zeros_size(size, percpu, p->nr_cpus);
	int err;

	err = table_ops(percpu)->alloc_check(&q, layout);
	if (err)
		return err;
	layout->reserve += front;
	layout->backed += front;
	return 0;
}

/* The empty value comes first, so that what is backed is in one piece. */
static struct bpf_map *table_of(const struct bpf_map *map)
{
	bool percpu = map->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	return (struct bpf_map *)((u8 *)map + STORAGE_EMPTY +
				  zeros_size(map->value_size, percpu, map->nr_cpus));
}

int storage_init(struct bpf_map *map, bool percpu, const struct skep_platform *platform)
{
	union bpf_attr attr = table_attr(map->value_size, percpu, map->nr_cpus);
	struct bpf_map *t = table_of(map);

	t->map_type = attr.map_type;
	t->key_size = attr.key_size;
	t->value_size = attr.value_size;
	t->max_entries = attr.max_entries;
	t->map_flags = attr.map_flags;
	t->map_extra = attr.map_extra;
	t->nr_cpus = map->nr_cpus;
	t->arena = map->arena;
	return table_ops(percpu)->init(t, platform);
}

struct bpf_map *storage_table(struct bpf_map *map)
{
	struct bpf_map *t = table_of(map);

	/* They are found after the map is made, and before anybody else has it. */
	if (unlikely(map->nr_fields && !READ_ONCE(t->nr_fields))) {
		rt_copy(t->fields, map->fields, sizeof(t->fields));
		t->record = map->record;
		store_release(&t->nr_fields, map->nr_fields);
	}
	return t;
}

void *storage_get(struct bpf_map *map, const u64 *owner, const void *value, bool create,
		  struct bpf_run *run)
{
	struct bpf_map *t = storage_table(map);
	const struct bpf_map_ops *ops = table_ops(t->map_type == BPF_MAP_TYPE_PERCPU_HASH);
	void *p = ops->lookup_elem(t, owner, run);

	if (p || !create)
		return p;
	if (!value)
		value = (u8 *)map + STORAGE_EMPTY;
	/* Somebody else may be first: then it is his. */
	ops->update_elem(t, owner, value, BPF_NOEXIST, run);
	return ops->lookup_elem(t, owner, run);
}

long storage_for_each(struct bpf_map *map,
		      long (*fn)(struct bpf_map *map, const void *key, void *value, void *arg),
		      void *arg, struct bpf_run *run)
{
	struct bpf_map *t = storage_table(map);

	return table_ops(t->map_type == BPF_MAP_TYPE_PERCPU_HASH)->for_each (t, fn, arg, run);
}

const char *storage_check(struct bpf_map *map)
{
	return htab_check(table_of(map));
}
