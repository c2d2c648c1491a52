/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of the storages (Linux: kernel/bpf/bpf_task_storage.c, bpf_inode_storage.c,
 * bpf_cgrp_storage.c, net/core/bpf_sk_storage.c, and bpf_get_local_storage()).
 */
#include "helper/helper.h"
#include "object/uptr.h"

/* The value that @object has in the map; with BPF_LOCAL_STORAGE_GET_F_CREATE it is made. */
static u64 get(u64 map_reg, u64 object, u64 value, u64 flags, struct bpf_run *run)
{
	struct bpf_map *map = PTR(map_reg);
	u64 owner[2], args[] = { map->map_type, object, (u64)owner };
	void *got;

	if (flags & ~(u64)BPF_LOCAL_STORAGE_GET_F_CREATE || !object ||
	    (long)run->platform->world(run, WORLD_STORAGE_OWNER, args))
		return 0;
	got = bpf_map_ops_of(map->map_type)
		      ->storage_get(map, owner, PTR(value), flags & BPF_LOCAL_STORAGE_GET_F_CREATE,
				    run);
	if (unlikely(got && map->map_type == BPF_MAP_TYPE_TASK_STORAGE && map->nr_fields &&
		     !uptrs_enter(run, map, got)))
		return 0; /* DIFF(uptr): a run was given too many */
	return (u64)got;
}

static u64 delete (u64 map_reg, u64 object, struct bpf_run *run)
{
	struct bpf_map *map = PTR(map_reg);
	u64 owner[2], args[] = { map->map_type, object, (u64)owner };

	if (!object)
		return ERR(EINVAL);
	if ((long)run->platform->world(run, WORLD_STORAGE_OWNER, args))
		return ERR(ENOENT);
	return (u64)bpf_map_ops_of(map->map_type)->delete_elem(map, owner, run);
}

#define STORAGE_HELPERS(kind)                                                                      \
	BPF_HELPER(kind##_storage_get)                                                             \
	{                                                                                          \
		return get(r1, r2, r3, r4, run);                                                   \
	}                                                                                          \
	BPF_HELPER(kind##_storage_delete)                                                          \
	{                                                                                          \
		return delete (r1, r2, run);                                                       \
	}

STORAGE_HELPERS(task)
STORAGE_HELPERS(inode)
STORAGE_HELPERS(cgrp)
STORAGE_HELPERS(sk)

/* Of the cgroup where the program is attached; it was made then. Never NULL. */
BPF_HELPER(get_local_storage)
{
	struct bpf_map *map = PTR(r1);
	u64 owner[2] = { run->cgroup, run->cgroup_attach_type };
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	void *value = ops->storage_get(map, owner, NULL, false, run);

	if (value)
		return (u64)value;
	/* The cgroup has gone under the run. */
	owner[0] = 0;
	return (u64)ops->storage_get(map, owner, NULL, false, run);
}
