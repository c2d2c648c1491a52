/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What MAP_CREATE asks of the types of key and value (Linux: map_check_btf() in
 * kernel/bpf/syscall.c and the .map_check_btf of the map types).
 */
#include <errno.h>

#include "btf/btf.h"
#include "command/command.h"
#include "command/map.h"
#include "object/record.h"
#include "object/uptr.h"

/* The special fields that each map type can hold; others are -EOPNOTSUPP. */
static u32 fields_allowed(u32 type)
{
	const u32 lock = BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK);
	const u32 timer =
		BIT(BTF_FIELD_TIMER) | BIT(BTF_FIELD_WORKQUEUE) | BIT(BTF_FIELD_TASK_WORK);
	const u32 kptr = BIT(BTF_FIELD_KPTR_UNREF) | BIT(BTF_FIELD_KPTR_REF) |
			 BIT(BTF_FIELD_KPTR_PERCPU) | BIT(BTF_FIELD_REFCOUNT);
	const u32 graph = BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_RB_ROOT);

	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_ARRAY:
		return lock | timer | kptr | graph;
	case BPF_MAP_TYPE_LRU_HASH:
		return timer | kptr | graph;
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return kptr;
	case BPF_MAP_TYPE_CGROUP_STORAGE:
		return lock;
	case BPF_MAP_TYPE_TASK_STORAGE:
		return lock | kptr | BIT(BTF_FIELD_UPTR);
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
		return lock | kptr;
	default:
		return 0;
	}
}

/* Kinds of special fields that the profile's kernel looks for in map values. */
static u32 fields_known(kver profile)
{
	static const struct {
		kver since;
		u32 mask;
	} rows[] = {
		{ KVER(5, 1), BIT(BTF_FIELD_SPIN_LOCK) },
		{ KVER(5, 15), BIT(BTF_FIELD_TIMER) },
		{ KVER(5, 19), BIT(BTF_FIELD_KPTR_UNREF) | BIT(BTF_FIELD_KPTR_REF) },
		{ KVER(6, 2), BIT(BTF_FIELD_LIST_HEAD) },
		{ KVER(6, 3), BIT(BTF_FIELD_RB_ROOT) },
		{ KVER(6, 4), BIT(BTF_FIELD_REFCOUNT) },
		{ KVER(6, 7), BIT(BTF_FIELD_KPTR_PERCPU) },
		{ KVER(6, 10), BIT(BTF_FIELD_WORKQUEUE) },
		{ KVER(6, 13), BIT(BTF_FIELD_UPTR) },
		{ KVER(6, 15), BIT(BTF_FIELD_RES_SPIN_LOCK) },
		{ KVER(6, 18), BIT(BTF_FIELD_TASK_WORK) },
	};
	u32 mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (visible(profile, rows[i].since))
			mask |= rows[i].mask;
	if (!visible(profile, KVER(6, 2)))
		mask |= BTF_FIELDS_OLD_KPTR;
	return mask;
}

static bool is_int32(const struct btf_type *t)
{
	u32 data;

	if (!t || btf_kind(t) != BTF_KIND_INT)
		return false;
	data = btf_int_data(t);
	return BTF_INT_BITS(data) == 32 && !BTF_INT_OFFSET(data);
}

static bool is_member_int(const struct btf *btf, const struct btf_member *m, u32 off, u32 bits)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, m->type, NULL);

	return m->offset == off && t && btf_kind(t) == BTF_KIND_INT &&
	       BTF_INT_BITS(btf_int_data(t)) == bits && !BTF_INT_OFFSET(btf_int_data(t));
}

/* struct bpf_cgroup_storage_key, or the id alone. */
static int check_storage_key(const struct btf *btf, const struct bpf_map *map,
			     const struct btf_type *key)
{
	const struct btf_member *m;

	if (!key)
		return -EINVAL;
	if (map->key_size == 8)
		return btf_kind(key) == BTF_KIND_INT && BTF_INT_BITS(btf_int_data(key)) == 64 &&
				       !BTF_INT_OFFSET(btf_int_data(key)) ?
			       0 :
			       -EINVAL;
	if (btf_kind(key) != BTF_KIND_STRUCT || btf_vlen(key) != 2)
		return -EINVAL;
	m = (const struct btf_member *)(key + 1);
	return is_member_int(btf, &m[0], 0, 64) && is_member_int(btf, &m[1], 64, 32) ? 0 : -EINVAL;
}

/* The rule of the map's type; @key and @value are without modifiers, @key NULL: void. */
static int check_type(const struct btf *btf, const struct bpf_map *map, const struct btf_type *key,
		      const struct btf_type *value)
{
	switch (map->map_type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		if (!key) /* global data: one value, its variables in a DATASEC */
			return map->map_type == BPF_MAP_TYPE_ARRAY && map->max_entries == 1 &&
					       btf_kind(value) == BTF_KIND_DATASEC ?
				       0 :
				       -EINVAL;
		return is_int32(key) ? 0 : -EINVAL;
	case BPF_MAP_TYPE_LPM_TRIE:
		return key && btf_kind(key) == BTF_KIND_STRUCT ? 0 : -EINVAL;
	case BPF_MAP_TYPE_BLOOM_FILTER:
		return key ? -EINVAL : 0;
	case BPF_MAP_TYPE_ARENA:
		return 0;
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		return check_storage_key(btf, map, key);
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
		return is_int32(key) ? 0 : -EINVAL;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_STACK_TRACE:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_XSKMAP:
		return -ENOTSUPP;
	default:
		return key ? 0 : -EINVAL;
	}
}

/* A user pointer is to a struct of the program's own, which one page can hold. */
static int check_uptr(const struct skep_system *sys, const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_get(btf, id);
	const struct object_btf *kernel = system_vmlinux((struct skep_system *)sys);
	const char *name = btf_type_name(btf, id);

	if (kernel && btf_find_by_name_kind(kernel->btf, name, (u32)btf_kind(t)) > 0)
		return -EINVAL;
	for (const struct object_btf *m = sys->modules; m; m = m->next)
		if (btf_find_by_name_kind(m->btf, name, (u32)btf_kind(t)) > 0)
			return -EINVAL;
	return !t->size ? -EINVAL : t->size > UPTR_MAX ? -E2BIG : 0;
}

static int find_fields(struct map_object *m, const struct btf *btf, u32 value_id, u32 caps)
{
	kver profile = m->obj.sys->profile;
	struct bpf_map *map = m->map;
	struct btf_field fields[BTF_FIELDS_MAX];
	int n;

	n = btf_find_fields(btf, value_id, fields_known(profile), map->value_size, fields);
	/* As in Linux, a value whose fields make no sense is a value without any. */
	if (n <= 0)
		return 0;
	if (!(caps & BPF_CAP_BPF))
		return -EPERM;
	if (map->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EACCES;
	for (int i = 0; i < n; i++) {
		if (!(fields_allowed(map->map_type) & BIT(fields[i].kind)))
			return -EOPNOTSUPP;
		map->fields[i] = (struct bpf_map_field){ .kind = (u16)fields[i].kind,
							 .size = (u16)fields[i].size,
							 .offset = fields[i].offset,
							 .btf_id = fields[i].btf_id };
	}
	map->nr_fields = (u32)n;
	for (int i = 0; i < n; i++) {
		int err = fields[i].kind == BTF_FIELD_UPTR ?
				  check_uptr(m->obj.sys, btf, fields[i].btf_id) :
				  0;

		if (err)
			return err;
	}
	return 0;
}

int map_set_btf(struct map_object *m, const struct bpf_map_ops *ops, const union bpf_attr *attr,
		u32 caps)
{
	struct bpf_map *map = m->map;
	const struct btf_type *key = NULL, *value;
	struct object_btf *b;
	struct btf_sized sized;
	u32 size;
	int err;

	b = btf_get_fd(m->obj.sys, (int)attr->btf_fd, &err);
	if (!b)
		return err;
	m->btf = b; /* destroyed with the map, also when a check fails */
	if (b->kernel)
		return -EACCES;
	/* Its value would have to be a number of eight bytes and has sixteen. */
	if (map->map_type == BPF_MAP_TYPE_INSN_ARRAY)
		return -EINVAL;
	if (attr->btf_value_type_id) {
		if (attr->btf_key_type_id) {
			if (btf_type_size(b->btf, attr->btf_key_type_id, &size) ||
			    size != map->key_size ||
			    btf_resolve_size(b->btf, attr->btf_key_type_id, &sized))
				return -EINVAL;
			key = sized.type;
		}
		if (btf_type_size(b->btf, attr->btf_value_type_id, &size) ||
		    size != map->value_size)
			return -EINVAL;
		value = btf_type_skip_modifiers(b->btf, attr->btf_value_type_id, &size);
		if (!value)
			return -EINVAL;
		err = 0;
		if (btf_is_struct(value) || btf_kind(value) == BTF_KIND_DATASEC)
			err = find_fields(m, b->btf, size, caps);
		if (!err)
			err = check_type(b->btf, map, key, value);
		if (err)
			return err;
	}
	m->btf_key_type_id = attr->btf_key_type_id;
	m->btf_value_type_id = attr->btf_value_type_id;
	m->btf_vmlinux_value_type_id = attr->btf_vmlinux_value_type_id;
	return record_of_map(m, &map->record);
}
