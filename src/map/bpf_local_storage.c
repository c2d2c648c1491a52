/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Storage of sockets, inodes, tasks and cgroups (Linux: kernel/bpf/bpf_local_storage.c and
 * the files that name the four kinds of owner).
 *
 * Linux hangs a value on its owner; here owners are not ours to hang something on. So values
 * are found by the owner's identity, two words that stay the same however it is reached
 * (src/world/owner.c), and go when the owner is known to be gone: DIFF(storage-life). To bpf(2)
 * the key is a descriptor of the owner, which src/command resolves: the keys of the operations
 * here are identities.
 */
#include <linux/errno.h>

#include "map/storage.h"
#include "object/lock.h"
#include "object/uptr.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define STORAGE_FLAGS (BPF_F_NO_PREALLOC | BPF_F_CLONE)
#define VALUE_MAX     (65535 - 128) /* a selem's size fits 16 bits */
#define LINUX_SIZE    448	    /* sizeof(struct bpf_local_storage_map) on 6.18, x86-64 */
#define LINUX_BUCKET  16

static u64 usage(u32 nr_cpus)
{
	u64 buckets = nr_cpus <= 2 ? 2 : 1ULL << (32 - __builtin_clz(nr_cpus - 1));

	return LINUX_SIZE + LINUX_BUCKET * buckets;
}

static int local_storage_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;

	if (a->map_flags & ~(u32)STORAGE_FLAGS || !(a->map_flags & BPF_F_NO_PREALLOC) ||
	    a->max_entries || a->key_size != 4 || !a->value_size || !a->btf_key_type_id ||
	    !a->btf_value_type_id)
		return -EINVAL;
	if (a->value_size > VALUE_MAX)
		return -E2BIG;
	layout->charge = usage(p->nr_cpus);
	return storage_layout(p, false, layout);
}

static int local_storage_init(struct bpf_map *map, const struct skep_platform *platform)
{
	return storage_init(map, false, platform);
}

static int local_storage_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				     struct bpf_run *run)
{
	return htab_map_ops.lookup_copy(storage_table(map), key, value, flags, run);
}

static long local_storage_update_elem(struct bpf_map *map, const void *key, const void *value,
				      u64 flags, struct bpf_run *run)
{
	struct bpf_map *t = storage_table(map);
	bool uptrs = map_field(map, BPF_FIELD_UPTR);
	long err;
	void *p;

	if (likely(!uptrs))
		return htab_map_ops.update_elem(t, key, value, flags, run);
	if (flags & BPF_F_LOCK)
		return -EOPNOTSUPP;
	/* By bpf(2) alone, whose @value holds the copies: they go into the element that is made now. */
	lock_take(&map->lock, run->platform);
	err = htab_map_ops.update_elem(t, key, value, flags, run);
	p = err ? NULL : htab_map_ops.lookup_elem(t, key, run);
	if (p)
		uptrs_move(map, p, (void *)value, run->platform);
	lock_drop(&map->lock);
	return err;
}

static long local_storage_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	struct bpf_map *t = storage_table(map);
	long err;

	if (likely(!map_field(map, BPF_FIELD_UPTR)))
		return htab_map_ops.delete_elem(t, key, run);
	lock_take(&map->lock, run->platform);
	err = htab_map_ops.delete_elem(t, key, run);
	lock_drop(&map->lock);
	return err;
}

static u64 local_storage_mem_usage(const struct bpf_map *map)
{
	return usage(map->nr_cpus);
}

const struct bpf_map_ops local_storage_map_ops = {
	.alloc_check = local_storage_alloc_check,
	.init = local_storage_init,
	.lookup_copy = local_storage_lookup_copy,
	.update_elem = local_storage_update_elem,
	.delete_elem = local_storage_delete_elem,
	.storage_get = storage_get,
	.for_each = storage_for_each,
	.mem_usage = local_storage_mem_usage,
	.check = storage_check,
};
