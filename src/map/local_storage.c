/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Storage of cgroups at which programs are attached, with and without CPUs (Linux:
 * kernel/bpf/local_storage.c). An element comes with the first program that is attached there
 * and stays as long as the cgroup and the map do; bpf(2) only reads and writes it.
 *
 * Its identity is the cgroup's id and, where keys are struct bpf_cgroup_storage_key, the attach
 * type. Identities with the id 0 are of runs without a cgroup (BPF_PROG_TEST_RUN), one for each
 * CPU slot; bpf(2) does not see them.
 */
#include <linux/errno.h>

#include "map/storage.h"

#define VALUE_MAX      (65535 - 128) /* a selem's size fits 16 bits */
#define PER_CPU_MAX    32768	     /* PCPU_MIN_UNIT_SIZE */
#define LINUX_MAP_SIZE 328	     /* sizeof(struct bpf_cgroup_storage_map) on 6.18, x86-64 */
#define ACCESS_FLAGS   (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

static bool is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static int cgroup_storage_map_alloc_check(const struct bpf_map_params *p,
					  struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	bool percpu = a->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if (a->key_size != sizeof(struct bpf_cgroup_storage_key) && a->key_size != 8)
		return -EINVAL;
	if (!a->value_size)
		return -EINVAL;
	if (a->value_size > (percpu ? PER_CPU_MAX : VALUE_MAX))
		return -E2BIG;
	if (a->map_flags & ~(u32)(BPF_F_NUMA_NODE | ACCESS_FLAGS) ||
	    (a->map_flags & BPF_F_RDONLY_PROG && a->map_flags & BPF_F_WRONLY_PROG))
		return -EINVAL;
	if (a->max_entries) /* there is one for each cgroup */
		return -EINVAL;
	layout->charge = LINUX_MAP_SIZE;
	return storage_layout(p, percpu, layout);
}

static void identity(const struct bpf_map *map, const void *key, u64 owner[2])
{
	owner[0] = *(const rt_u64 *)key;
	owner[1] = map->key_size == 8 ? 0 : *(const rt_u32 *)((const u8 *)key + 8);
}

static const struct bpf_map_ops *table_ops(const struct bpf_map *map)
{
	return is_percpu(map) ? &htab_percpu_map_ops : &htab_map_ops;
}

static int cgroup_storage_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_run run = { .arena = map->arena, .platform = platform };
	int err = storage_init(map, is_percpu(map), platform);

	/* So that a program always gets one. */
	for (u64 cpu = 0; !err && cpu < (is_percpu(map) ? 1 : map->nr_cpus); cpu++)
		err = storage_get(map, (u64[]){ 0, cpu }, NULL, true, &run) ? 0 : -ENOMEM;
	return err;
}

/* @owner { 0, 0 }: of a run without cgroup. */
static void *cgroup_storage_map_get(struct bpf_map *map, const u64 *owner, const void *value,
				    bool create, struct bpf_run *run)
{
	u64 none[2] = { 0, is_percpu(map) ? 0 : run->cpu };
	u64 of[2] = { owner[0], map->key_size == 8 ? 0 : owner[1] };

	return storage_get(map, of[0] ? of : none, value, create && of[0], run);
}

static int cgroup_storage_map_lookup_copy(struct bpf_map *map, const void *key, void *value,
					  u64 flags, struct bpf_run *run)
{
	u64 owner[2];

	identity(map, key, owner);
	if (!owner[0])
		return -ENOENT;
	return table_ops(map)->lookup_copy(storage_table(map), owner, value, flags, run);
}

static int cgroup_storage_map_update_copy(struct bpf_map *map, const void *key, const void *value,
					  u64 flags, struct bpf_run *run)
{
	const u32 percpu_flags = BPF_EXIST | BPF_F_CPU | BPF_F_ALL_CPUS;
	u64 owner[2];

	if (is_percpu(map) ? (u32)flags & ~percpu_flags : flags & ~(u64)(BPF_F_LOCK | BPF_EXIST))
		return -EINVAL;
	if (flags & BPF_F_LOCK && !map_field(map, BPF_FIELD_SPIN_LOCK))
		return -EINVAL;
	identity(map, key, owner);
	if (!owner[0])
		return -ENOENT;
	flags |= BPF_EXIST;
	return is_percpu(map) ?
		       htab_percpu_update(storage_table(map), owner, value, flags, run) :
		       (int)htab_map_ops.update_elem(storage_table(map), owner, value, flags, run);
}

/* Of the system: the cgroup is gone. Keys are identities here. */
static int cgroup_storage_map_forget(struct bpf_map *map, const u64 *owner, struct bpf_run *run)
{
	return (int)table_ops(map)->delete_elem(storage_table(map), owner, run);
}

static long cgroup_storage_map_delete_elem(struct bpf_map *map, const void *key,
					   struct bpf_run *run)
{
	return -EINVAL;
}

static int cgroup_storage_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	struct bpf_map *t = storage_table(map);
	u64 owner[2], next[2];
	int err;

	if (key) {
		struct bpf_run run = { .arena = map->arena };

		identity(map, key, owner);
		if (!owner[0] || !table_ops(map)->lookup_elem(t, owner, &run))
			return -ENOENT;
	}
	err = table_ops(map)->get_next_key(t, key ? owner : NULL, next);
	while (!err && !next[0]) {
		rt_copy(owner, next, sizeof(owner));
		err = table_ops(map)->get_next_key(t, owner, next);
	}
	if (err)
		return err;
	*(rt_u64 *)next_key = next[0];
	if (map->key_size != 8)
		*(rt_u64 *)((u8 *)next_key + 8) = next[1];
	return 0;
}

static u64 cgroup_storage_map_mem_usage(const struct bpf_map *map)
{
	return LINUX_MAP_SIZE;
}

const struct bpf_map_ops cgroup_storage_map_ops = {
	.alloc_check = cgroup_storage_map_alloc_check,
	.init = cgroup_storage_map_init,
	.lookup_copy = cgroup_storage_map_lookup_copy,
	.update_copy = cgroup_storage_map_update_copy,
	.delete_elem = cgroup_storage_map_delete_elem,
	.get_next_key = cgroup_storage_map_get_next_key,
	.storage_get = cgroup_storage_map_get,
	.storage_forget = cgroup_storage_map_forget,
	.for_each = storage_for_each,
	.mem_usage = cgroup_storage_map_mem_usage,
	.check = storage_check,
};
