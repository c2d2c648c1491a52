/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Commands on many elements at once (Linux: generic_map_lookup_batch() and its
 * neighbours, and __htab_map_lookup_and_delete_batch()).
 *
 * The cursor of a hash is four bytes, as in Linux, where it is a bucket number; here it is a place
 * in a bucket. DIFF(batch-cursor): so a batch that is too small for a bucket is none here.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "command/command.h"
#include "command/map.h"

#define CHUNK 256 /* keys; no chain is nearly as long */

enum batch_op { BATCH_LOOKUP, BATCH_LOOKUP_AND_DELETE, BATCH_UPDATE, BATCH_DELETE };

static bool is_hash(u32 type)
{
	return type == BPF_MAP_TYPE_HASH_OF_MAPS || type == BPF_MAP_TYPE_HASH ||
	       type == BPF_MAP_TYPE_RHASH || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool has_batch(u32 type, enum batch_op op, kver profile)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return true;
	case BPF_MAP_TYPE_ARRAY:
		return op == BATCH_LOOKUP || op == BATCH_UPDATE;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return (op == BATCH_LOOKUP || op == BATCH_UPDATE) && visible(profile, KVER(5, 13));
	case BPF_MAP_TYPE_LPM_TRIE:
		return op != BATCH_LOOKUP_AND_DELETE;
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return visible(profile, KVER(5, 19));
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return (op == BATCH_LOOKUP || op == BATCH_UPDATE) && visible(profile, KVER(5, 19));
	default:
		return false;
	}
}

static int put_count(struct call *c, u32 count)
{
	return ATTR_PUT(c, batch.count, count);
}

static int update_or_delete(struct call *c, struct map_object *m, bool update)
{
	const union bpf_attr *attr = c->attr;
	u32 key_size = m->map->key_size,
	    value_size = map_user_value_size(m->map, attr->batch.elem_flags), n;
	u8 *key = mem_alloc(round_up((u64)key_size, 8) + value_size);
	u8 *value = key + round_up((u64)key_size, 8);
	int err = 0;

	if (!key)
		return -ENOMEM;
	for (n = 0; n < attr->batch.count; n++) {
		err = user_read(c->sys, key, attr->batch.keys + (u64)n * key_size, key_size);
		if (!err && update)
			err = user_read(c->sys, value, attr->batch.values + (u64)n * value_size,
					value_size);
		if (!err)
			err = update ? map_elem_update(m, key, value, attr->batch.elem_flags) :
				       map_elem_delete(m, key);
		if (err)
			break;
	}
	if (put_count(c, n))
		err = -EFAULT;
	mem_free(key);
	return err;
}

/* One element to element @n of the caller's. 1, 0: it is gone, or -errno. */
static int give(struct call *c, struct map_object *m, bool delete, const u8 *key, u8 *value, u32 n)
{
	const union bpf_attr *attr = c->attr;
	u32 key_size = m->map->key_size,
	    value_size = map_user_value_size(m->map, attr->batch.elem_flags);
	int err;

	if (delete &&m->map->map_type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		err = map_elem_lookup(m, key, value, attr->batch.elem_flags);
		if (!err)
			err = map_elem_delete(m, key);
	} else
		err = delete ? map_elem_lookup_and_delete(m, key, value, attr->batch.elem_flags) :
			       map_elem_lookup(m, key, value, attr->batch.elem_flags);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = user_write(c->sys, attr->batch.keys + (u64)n * key_size, key, key_size);
	if (!err)
		err = user_write(c->sys, attr->batch.values + (u64)n * value_size, value,
				 value_size);
	return err ? err : 1;
}

static int lookup_hash(struct call *c, struct map_object *m, bool delete)
{
	const union bpf_attr *attr = c->attr;
	u32 key_size = m->map->key_size, n = 0, cursor = 0, got, room;
	u64 keys_room = round_up(CHUNK * (u64)key_size, 8UL);
	u8 *keys = mem_alloc(keys_room + map_user_value_size(m->map, 0));
	int err = 0, given;

	if (!keys)
		return -ENOMEM;
	if (attr->batch.in_batch)
		err = user_read(c->sys, &cursor, attr->batch.in_batch, sizeof(cursor));
	if (err)
		goto out;
	while (!err && n < attr->batch.count) {
		room = min_t(u32, CHUNK, attr->batch.count - n);
		err = m->ops->keys_from(m->map, &cursor, keys, room, &got);
		/* A chain longer than our room, which the caller's holds: one by one it cannot be. */
		if (err == -ENOSPC && n)
			err = 0, got = 0, room = 0;
		for (u32 i = 0; i < got; i++) {
			given = give(c, m, delete, keys + (u64)i * key_size, keys + keys_room, n);
			if (given < 0) {
				err = given;
				goto out;
			}
			n += (u32)given;
		}
		if (!room)
			break;
	}
	if (put_count(c, n) || user_write(c->sys, attr->batch.out_batch, &cursor, sizeof(cursor)))
		err = -EFAULT;
out:
	mem_free(keys);
	return err;
}

static int lookup(struct call *c, struct map_object *m, bool delete)
{
	const union bpf_attr *attr = c->attr;
	u32 key_size = m->map->key_size, n = 0, room = round_up(key_size, 8);
	u8 *keys, *last, *next, *value;
	bool have = false;
	int err = 0;

	if (is_hash(m->map->map_type))
		return lookup_hash(c, m, delete);
	keys = mem_alloc((u64)room * 2 + map_user_value_size(m->map, 0));
	if (!keys)
		return -ENOMEM;
	last = keys;
	next = keys + room;
	value = keys + 2 * (u64)room;
	if (attr->batch.in_batch) {
		err = user_read(c->sys, last, attr->batch.in_batch, key_size);
		if (err)
			goto out;
		have = true;
	}
	while (!err && n < attr->batch.count) {
		int given;

		err = map_elem_next_key(m, have ? last : NULL, next);
		if (err)
			break;
		given = give(c, m, delete, next, value, n);
		if (given < 0) {
			err = given;
			goto out;
		}
		memcpy(last, next, key_size);
		have = true;
		n += (u32)given;
	}
	if (put_count(c, n) || (n && user_write(c->sys, attr->batch.out_batch, last, key_size)))
		err = -EFAULT;
out:
	mem_free(keys);
	return err;
}

static int check_elem_flags(const struct map_object *m, enum batch_op op, u64 flags)
{
	u32 allowed = BPF_F_LOCK;

	if (!visible(m->obj.sys->profile, KVER(7, 0)) && flags >> 32)
		return -EINVAL;
	if (visible(m->obj.sys->profile, KVER(7, 0)) && map_is_percpu(m->map->map_type))
		allowed |= op == BATCH_LOOKUP ? BPF_F_CPU :
			   op == BATCH_UPDATE ? BPF_F_CPU | BPF_F_ALL_CPUS :
						0;
	return map_check_op_flags(m, flags, allowed);
}

static int batch(struct call *c, enum batch_op op)
{
	const union bpf_attr *attr = c->attr;
	bool read = op == BATCH_LOOKUP || op == BATCH_LOOKUP_AND_DELETE;
	struct map_object *m;
	int err;

	m = map_get_access(c->sys, (int)attr->batch.map_fd, read, op != BATCH_LOOKUP, &err);
	if (!m)
		return err;
	err = -ENOTSUPP;
	if (!has_batch(m->map->map_type, op, c->sys->profile))
		goto out;
	err = check_elem_flags(m, op, attr->batch.elem_flags);
	if (err)
		goto out;
	err = -EINVAL;
	/* Only hashes look at the flags, and only when read. */
	if (attr->batch.flags && read && is_hash(m->map->map_type))
		goto out;
	err = 0;
	if (!attr->batch.count)
		goto out;
	err = put_count(c, 0);
	if (!err)
		err = read ? lookup(c, m, op == BATCH_LOOKUP_AND_DELETE) :
			     update_or_delete(c, m, op == BATCH_UPDATE);
out:
	object_put(&m->obj);
	return err;
}

int command_map_lookup_batch(struct call *c)
{
	return batch(c, BATCH_LOOKUP);
}

int command_map_lookup_and_delete_batch(struct call *c)
{
	return batch(c, BATCH_LOOKUP_AND_DELETE);
}

int command_map_update_batch(struct call *c)
{
	return batch(c, BATCH_UPDATE);
}

int command_map_delete_batch(struct call *c)
{
	return batch(c, BATCH_DELETE);
}
