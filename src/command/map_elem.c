/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Commands on map elements (Linux: map_lookup_elem() and its neighbours in
 * kernel/bpf/syscall.c). The map's operation runs in a slot and outside the
 * system's lock; values that are objects go through map_object_update(), which
 * keeps the references.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/command.h"
#include "hook/perf.h"
#include "command/map.h"
#include "command/struct_ops.h"
#include "object/caller.h"
#include "object/cgroup_tree.h"
#include "object/lock.h"
#include "object/perf_ring.h"
#include "object/uptr.h"
#include "object/watch.h"
#include "world/world.h"

#define SWEEP_EVERY 256 /* updates */
#define CPU_FLAGS   (BPF_F_CPU | BPF_F_ALL_CPUS)

bool map_is_percpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static bool is_object_map(u32 type)
{
	return map_is_fd_array(type) || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

u32 map_user_value_size(const struct bpf_map *map, u64 flags)
{
	if (map_is_percpu(map->map_type) && !(flags & CPU_FLAGS))
		return bpf_map_value_stride(map) * map->nr_cpus;
	return is_object_map(map->map_type) ? sizeof(u32) : map->value_size;
}

static const struct bpf_map_field *lock_field(const struct bpf_map *map)
{
	for (u32 i = 0; i < map->nr_fields; i++)
		if (map->fields[i].kind == BPF_FIELD_SPIN_LOCK)
			return &map->fields[i];
	return NULL;
}

/* ---- operations on copies ---- */

/* One CPU's value of a per-CPU map alone can be read and written. */
static bool has_cpu_flags(const struct map_object *m)
{
	return visible(m->obj.sys->profile, KVER(7, 0));
}

/* Copies one value out; what the kernel keeps in special fields reads as 0. */
static void copy_value(struct bpf_map *map, u8 *dst, const u8 *src, bool locked,
		       struct bpf_run *run)
{
	const struct bpf_map_field *lock = locked ? lock_field(map) : NULL;

	if (lock)
		lock_take((u32 *)(src + lock->offset), run->platform);
	memcpy(dst, src, map->value_size);
	if (lock)
		lock_drop((u32 *)(src + lock->offset));
	for (u32 i = 0; i < map->nr_fields; i++)
		memset(dst + map->fields[i].offset, 0, map->fields[i].size);
}

static bool is_local_storage(u32 type)
{
	return type == BPF_MAP_TYPE_SK_STORAGE || type == BPF_MAP_TYPE_INODE_STORAGE ||
	       type == BPF_MAP_TYPE_TASK_STORAGE || type == BPF_MAP_TYPE_CGRP_STORAGE;
}

/*
 * A storage's key is a descriptor: *@key becomes the identity of what it names, whose end is watched
 * if it is to have a value (@keep). 0 or -errno.
 */
static int storage_key(const struct map_object *m, const void **key, u64 owner[2], bool keep)
{
	s32 fd;
	int err, own;

	if (!is_local_storage(m->map->map_type))
		return 0;
	memcpy(&fd, *key, sizeof(fd));
	*key = owner;
	own = fd < 0 ? -EBADF : caller_take_fd(fd);
	if (own < 0)
		return own;
	err = world_owner_of_fd(m->obj.sys, m->map->map_type, own, owner);
	/* What cannot be watched goes with the map. */
	if (!err && keep && m->map->map_type == BPF_MAP_TYPE_SK_STORAGE)
		watch_socket(m->obj.sys, own, 0);
	else if (!err && keep && m->map->map_type == BPF_MAP_TYPE_INODE_STORAGE)
		watch_inode(m->obj.sys, own, owner);
	close(own);
	return err;
}

static void sweep_for(const struct map_object *m)
{
	if (map_is_watching(m->map->map_type))
		watches_sweep(m->obj.sys);
}

int map_elem_lookup(struct map_object *m, const void *key, void *value, u64 flags)
{
	const struct bpf_map_ops *ops = m->ops;
	struct skep_system *sys = m->obj.sys;
	struct bpf_map *map = m->map;
	struct bpf_run run = { 0 };
	u64 owner[2];
	int err;

	sweep_for(m);
	err = storage_key(m, &key, owner, false);
	if (err)
		return err;
	err = -ENOTSUPP;
	if (map->map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return -ENOTSUPP;
	if (map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		return struct_ops_map_lookup(m, key, value);
	slot_claim(sys->arena, sys->platform, &run);
	if (is_object_map(map->map_type)) {
		struct object *o;
		void *p = ops->obj_lookup ? ops->obj_lookup(map, key) : NULL;
		u32 id = 0;

		if (p && (map_is_map_in_map(map->map_type)))
			id = ((struct bpf_map *)p)->id;
		else if (p && map->map_type == BPF_MAP_TYPE_PROG_ARRAY)
			id = ((struct bpf_prog *)p)->id;
		else if (p && (o = object_of(sys, p)))
			id = o->id;
		err = ops->obj_lookup ? (p ? 0 : -ENOENT) : -ENOTSUPP;
		if (!err)
			memcpy(value, &id, sizeof(id));
	} else if (map->map_type == BPF_MAP_TYPE_QUEUE || map->map_type == BPF_MAP_TYPE_STACK ||
		   map->map_type == BPF_MAP_TYPE_BLOOM_FILTER) {
		err = ops->peek_elem ? (int)ops->peek_elem(map, value, &run) : -ENOTSUPP;
	} else if (ops->lookup_copy) {
		err = ops->lookup_copy(map, key, value, flags, &run);
	} else if (ops->lookup_elem) {
		void *p = ops->lookup_elem(map, key, &run);

		err = p ? 0 : -ENOENT;
		if (p)
			copy_value(map, value, p, flags & BPF_F_LOCK, &run);
	}
	slot_release(&run);
	return err;
}

/* The type of the function that it is attached to; 0: to none. */
static u32 attach_proto(const struct prog_object *p)
{
	u32 id = 0;

	if (p->attach_btf && p->attach_btf_id)
		btf_func_proto(p->attach_btf->btf, p->attach_btf_id, &id);
	return id;
}

/* An extension tail-calls what the program may that it is a part of. */
static u32 resolved_type(const struct prog_object *p)
{
	return p->prog->type == BPF_PROG_TYPE_EXT && p->target_type ? p->target_type :
								      p->prog->type;
}

static bool owner_fits(const struct bpf_map *map, const struct prog_object *p)
{
	const struct bpf_prog *prog = p->prog;

	if (map->map_type == BPF_MAP_TYPE_PROG_ARRAY &&
	    map->owner.attach_type != prog->expected_attach_type)
		return false;
	for (u32 i = 0; i < 2; i++)
		if (map->owner.storage[i] != p->storage_ids[i] &&
		    (p->storage_ids[i] || p->tail_call_reachable))
			return false;
	switch (resolved_type(p)) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_EXT:
	case BPF_PROG_TYPE_STRUCT_OPS:
		return map->owner.func_proto == attach_proto(p);
	default:
		return true;
	}
}

bool prog_map_fits(struct map_object *m, const struct prog_object *p)
{
	const struct bpf_prog *prog = p->prog;
	struct skep_system *sys = m->obj.sys;
	struct bpf_map *map = m->map;
	u32 type = resolved_type(p);
	bool fits;

	relock_take(&sys->lock);
	if (!map->owner.set) {
		map->owner.type = type;
		map->owner.jited = prog->jited;
		map->owner.xdp_has_frags = prog->xdp_has_frags;
		map->owner.attach_type = prog->expected_attach_type;
		map->owner.func_proto = attach_proto(p);
		memcpy(map->owner.storage, p->storage_ids, sizeof(map->owner.storage));
		map->owner.set = 1;
	}
	fits = map->owner.type == type && map->owner.jited == prog->jited &&
	       map->owner.xdp_has_frags == prog->xdp_has_frags;
	/* 6.18 looks at more, and the older branches that live on do, too. */
	if (fits && visible(sys->profile, KVER(6, 1)))
		fits = owner_fits(map, p);
	relock_give(&sys->lock);
	return fits;
}

bool prog_map_compatible(struct map_object *m, const struct prog_object *p)
{
	/* An element runs wherever the map's user does: that need not be its device. */
	return !p->dev_bound && prog_map_fits(m, p);
}

static bool fields_equal(const struct bpf_map *a, const struct bpf_map *b)
{
	if (a->nr_fields != b->nr_fields)
		return false;
	for (u32 i = 0; i < a->nr_fields; i++)
		if (a->fields[i].kind != b->fields[i].kind ||
		    a->fields[i].offset != b->fields[i].offset)
			return false;
	return true;
}

/* Whether @inner is like the template (Linux: bpf_map_meta_equal() and array_map_meta_equal()). */
static bool inner_fits(const struct map_object *m, const struct bpf_map *inner)
{
	const struct bpf_map *t = m->inner_template->map;

	if (t->map_type != inner->map_type || t->key_size != inner->key_size ||
	    t->value_size != inner->value_size || t->map_flags != inner->map_flags ||
	    !fields_equal(t, inner))
		return false;
	/* Before 5.10 all of them, since then arrays whose bounds are known must agree in size. */
	if (!visible(m->obj.sys->profile, KVER(5, 10)))
		return t->max_entries == inner->max_entries;
	if (t->map_type == BPF_MAP_TYPE_ARRAY && !(t->map_flags & BPF_F_INNER_MAP))
		return t->max_entries == inner->max_entries;
	return true;
}

/* The id of the cgroup whose directory @fd is; -EBADF when it is none of the unified hierarchy. */
static int cgroup_of_fd(struct skep_system *sys, int fd, void **id)
{
	u64 number;
	int err;

	fd = caller_take_fd(fd);
	if (fd < 0)
		return -EBADF;
	err = cgroup_of_folder(sys, fd, &number);
	if (!err)
		*id = (void *)(uintptr_t)number;
	close(fd);
	return err;
}

/* The object that @fd names, fit to be an element of @m; *runtime is its address. */
static struct object *element_of_fd(struct map_object *m, int fd, void **runtime, int *err)
{
	struct skep_system *sys = m->obj.sys;

	if (m->map->map_type == BPF_MAP_TYPE_PROG_ARRAY) {
		struct prog_object *p = prog_get_runnable_fd(sys, fd, err);

		if (p && (p->kprobe_override || p->prog->type == BPF_PROG_TYPE_EXT ||
			  !prog_map_compatible(m, p))) {
			object_put(&p->obj);
			*err = -EINVAL;
			return NULL;
		}
		if (p && p->extensions) /* or is their link being closed? */
			objects_drain(sys, sys->inotify_fd < 0);
		if (p)
			*runtime = p->prog;
		return (struct object *)p;
	}
	if (map_is_map_in_map(m->map->map_type)) {
		struct map_object *inner = map_get_fd(sys, fd, err);

		if (inner && !inner_fits(m, inner->map)) {
			object_put(&inner->obj);
			*err = -EINVAL;
			return NULL;
		}
		if (inner)
			*runtime = inner->map;
		return (struct object *)inner;
	}
	if (m->map->map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
		struct perf_object *p =
			(struct perf_object *)object_get_fd(sys, fd, OBJECT_PERF, err);

		if (!p) {
			*err = -EBADF; /* Linux: no perf event */
		} else if (p->ring->inherit) {
			*err = -EOPNOTSUPP;
			object_put(&p->obj);
			return NULL;
		} else {
			*runtime = p->ring;
		}
		return (struct object *)p;
	}
	if (m->map->map_type == BPF_MAP_TYPE_CGROUP_ARRAY) {
		*err = cgroup_of_fd(sys, fd, runtime);
		return NULL; /* it is no object of ours */
	}
	*err = -EOPNOTSUPP;
	return NULL;
}

static int update_object(struct map_object *m, const void *key, const void *value, u64 flags)
{
	struct object *o;
	void *runtime = NULL;
	s32 fd;
	int err;

	err = m->ops->obj_check ? m->ops->obj_check(m->map, key, flags) : 0;
	if (err)
		return err;
	memcpy(&fd, value, sizeof(fd));
	o = element_of_fd(m, fd, &runtime, &err);
	if (!o && (err || !runtime))
		return err;
	return map_object_update(m, key, o, runtime, flags);
}

static int update(struct map_object *m, const void *key, const void *value, u64 flags)
{
	const struct bpf_map_ops *ops = m->ops;
	struct skep_system *sys = m->obj.sys;
	struct bpf_map *map = m->map;
	struct bpf_run run = { 0 };
	u64 owner[2];
	int err;

	sweep_for(m);
	if (map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		return struct_ops_map_update(m, key, value, flags);
	if (is_object_map(map->map_type))
		return update_object(m, key, value, flags);
	if (map_is_of_things(map->map_type))
		return map_thing_update(m, key, value, flags);
	err = storage_key(m, &key, owner, true);
	if (err)
		return err;
	if (is_local_storage(map->map_type) &&
	    !(__atomic_add_fetch(&m->updates, 1, __ATOMIC_RELAXED) % SWEEP_EVERY))
		world_owners_sweep(sys, m);
	if (!map_write_begin(map))
		return -EPERM;
	err = -ENOTSUPP;
	if (flags > BPF_EXIST && map_is_percpu(map->map_type) && !has_cpu_flags(m)) {
		err = -EINVAL;
		goto out;
	}
	slot_claim(sys->arena, sys->platform, &run);
	if (map->map_type == BPF_MAP_TYPE_QUEUE || map->map_type == BPF_MAP_TYPE_STACK ||
	    map->map_type == BPF_MAP_TYPE_BLOOM_FILTER)
		err = ops->push_elem ? (int)ops->push_elem(map, value, flags, &run) : -ENOTSUPP;
	else if (ops->update_copy)
		err = ops->update_copy(map, key, value, flags, &run);
	else if (ops->update_elem)
		err = (int)ops->update_elem(map, key, value, flags, &run);
	slot_release(&run);
out:
	map_write_end(map);
	return err;
}

/* A storage's value with user pointers: what they point to is made sure of first. */
static int update_uptrs(struct map_object *m, const void *key, const void *value, u64 flags)
{
	void *copy = mem_dup(value, m->map->value_size);
	int err = copy ? uptrs_pin(m, copy) : -ENOMEM;

	if (!err) {
		err = update(m, key, copy, flags);
		uptrs_unpin(m, copy); /* if no element has taken them */
	}
	mem_free(copy);
	return err;
}

int map_elem_update(struct map_object *m, const void *key, const void *value, u64 flags)
{
	if (m->map->map_type == BPF_MAP_TYPE_TASK_STORAGE && map_field(m->map, BPF_FIELD_UPTR))
		return update_uptrs(m, key, value, flags);
	return update(m, key, value, flags);
}

int map_elem_delete(struct map_object *m, const void *key)
{
	struct skep_system *sys = m->obj.sys;
	struct bpf_run run = { 0 };
	u64 owner[2];
	int err;

	sweep_for(m);
	if (m->map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		return struct_ops_map_delete(m, key);
	if (is_object_map(m->map->map_type) || map_is_of_things(m->map->map_type))
		return map_object_delete(m, key);
	if (!m->ops->delete_elem)
		return -ENOTSUPP;
	err = storage_key(m, &key, owner, false);
	if (err)
		return err;
	if (!map_write_begin(m->map))
		return -EPERM;
	slot_claim(sys->arena, sys->platform, &run);
	err = (int)m->ops->delete_elem(m->map, key, &run);
	slot_release(&run);
	map_write_end(m->map);
	return err;
}

int map_elem_next_key(struct map_object *m, const void *key, void *next)
{
	struct skep_system *sys = m->obj.sys;
	struct bpf_run run = { 0 };
	int err;

	if (!m->ops->get_next_key)
		return -ENOTSUPP;
	sweep_for(m);
	slot_claim(sys->arena, sys->platform, &run);
	err = m->ops->get_next_key(m->map, key, next);
	slot_release(&run);
	return err;
}

int map_elem_lookup_and_delete(struct map_object *m, const void *key, void *value, u64 flags)
{
	struct skep_system *sys = m->obj.sys;
	struct bpf_map *map = m->map;
	struct bpf_run run = { 0 };
	int err = -ENOTSUPP;

	if (!map_write_begin(map))
		return -EPERM;
	slot_claim(sys->arena, sys->platform, &run);
	switch (map->map_type) {
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		if (m->ops->pop_elem)
			err = (int)m->ops->pop_elem(map, value, &run);
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_STACK_TRACE: /* which says itself since when */
		/* Hashes can since 5.14. */
		if (m->ops->lookup_and_delete && visible(sys->profile, KVER(5, 14)))
			err = m->ops->lookup_and_delete(map, key, value, flags, &run);
		break;
	default:
		break;
	}
	slot_release(&run);
	map_write_end(map);
	return err;
}

/* ---- commands ---- */

/* Key and value of one call, on the stack when they are small. */
struct elem {
	u8 *key, *value; /* key NULL: the map has none */
	u8 *heap;
	u8 small[512];
};

static int elem_init(struct elem *e, u32 key_size, u32 value_size)
{
	u64 key_room = round_up((u64)key_size, 8), need = key_room + value_size;

	e->heap = NULL;
	if (need > sizeof(e->small)) {
		e->heap = mem_alloc(need);
		if (!e->heap)
			return -ENOMEM;
	}
	e->key = e->heap ? e->heap : e->small;
	e->value = e->key + key_room;
	if (!key_size)
		e->key = NULL;
	return 0;
}

static void elem_free(struct elem *e)
{
	mem_free(e->heap);
}

static int read_key(struct skep_system *sys, const struct map_object *m, struct elem *e, u64 ukey)
{
	if (!m->map->key_size)
		return ukey ? -EINVAL : 0;
	return user_read(sys, e->key, ukey, m->map->key_size);
}

static bool lock_flag_fits(const struct map_object *m, u64 flags)
{
	return !(flags & BPF_F_LOCK) || lock_field(m->map);
}

int map_check_op_flags(const struct map_object *m, u64 flags, u32 allowed)
{
	if ((u32)flags & ~allowed || !lock_flag_fits(m, flags))
		return -EINVAL;
	if (!has_cpu_flags(m))
		return 0;
	if (!(flags & BPF_F_CPU) && flags >> 32)
		return -EINVAL;
	if (!(flags & CPU_FLAGS))
		return 0;
	if (!map_is_percpu(m->map->map_type) || (flags & CPU_FLAGS) == CPU_FLAGS)
		return -EINVAL;
	return flags & BPF_F_CPU && flags >> 32 >= m->map->nr_cpus ? -ERANGE : 0;
}

int command_map_lookup_elem(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	struct elem e;
	u32 size;
	int err;

	if (!visible(c->sys->profile, KVER(7, 0)) && attr->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	m = map_get_access(c->sys, (int)attr->map_fd, true, false, &err);
	if (!m)
		return err;
	size = map_user_value_size(m->map, attr->flags);
	err = map_check_op_flags(m, attr->flags, BPF_F_LOCK | BPF_F_CPU);
	if (!err)
		err = elem_init(&e, m->map->key_size, size);
	if (err)
		goto out;
	err = read_key(c->sys, m, &e, attr->key);
	if (!err && m->map->map_type == BPF_MAP_TYPE_BLOOM_FILTER) {
		/* The value is the question; there is no answer but the errno. */
		err = user_read(c->sys, e.value, attr->value, size);
		if (!err)
			err = map_elem_lookup(m, e.key, e.value, attr->flags);
	} else if (!err) {
		err = map_elem_lookup(m, e.key, e.value, attr->flags);
		if (!err)
			err = user_write(c->sys, attr->value, e.value, size);
	}
	elem_free(&e);
out:
	object_put(&m->obj);
	return err;
}

int command_map_update_elem(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	struct elem e;
	u64 flags;
	u32 size;
	int err;

	m = map_get_access(c->sys, (int)attr->map_fd, false, true, &err);
	if (!m)
		return err;
	flags = attr->flags;
	size = map_user_value_size(m->map, has_cpu_flags(m) ? flags : 0);
	err = map_check_op_flags(m, flags, ~0U);
	if (!err)
		err = elem_init(&e, m->map->key_size, size);
	if (err)
		goto out;
	err = read_key(c->sys, m, &e, attr->key);
	if (!err)
		err = user_read(c->sys, e.value, attr->value, size);
	if (!err)
		err = map_elem_update(m, e.key, e.value, flags);
	elem_free(&e);
out:
	object_put(&m->obj);
	return err;
}

int command_map_delete_elem(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	struct elem e;
	int err;

	m = map_get_access(c->sys, (int)attr->map_fd, false, true, &err);
	if (!m)
		return err;
	err = elem_init(&e, m->map->key_size, 0);
	if (!err) {
		err = read_key(c->sys, m, &e, attr->key);
		if (!err)
			err = map_elem_delete(m, e.key);
		elem_free(&e);
	}
	object_put(&m->obj);
	return err;
}

int command_map_get_next_key(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	struct elem e;
	int err;

	m = map_get_access(c->sys, (int)attr->map_fd, true, false, &err);
	if (!m)
		return err;
	err = elem_init(&e, m->map->key_size, m->map->key_size);
	if (!err) {
		if (attr->key)
			err = read_key(c->sys, m, &e, attr->key);
		if (!err)
			err = map_elem_next_key(m, attr->key ? e.key : NULL, e.value);
		if (!err)
			err = user_write(c->sys, attr->next_key, e.value, m->map->key_size);
		elem_free(&e);
	}
	object_put(&m->obj);
	return err;
}

int command_map_lookup_and_delete_elem(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	struct elem e;
	u32 size, type;
	int err;

	if (attr->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	m = map_get_access(c->sys, (int)attr->map_fd, true, true, &err);
	if (!m)
		return err;
	type = m->map->map_type;
	size = map_user_value_size(m->map, 0);
	err = -EINVAL;
	if (attr->flags && (type == BPF_MAP_TYPE_QUEUE || type == BPF_MAP_TYPE_STACK))
		goto out;
	if (!lock_flag_fits(m, attr->flags))
		goto out;
	err = elem_init(&e, m->map->key_size, size);
	if (err)
		goto out;
	err = read_key(c->sys, m, &e, attr->key);
	if (!err)
		err = map_elem_lookup_and_delete(m, e.key, e.value, attr->flags);
	if (!err)
		err = user_write(c->sys, attr->value, e.value, size);
	elem_free(&e);
out:
	object_put(&m->obj);
	return err;
}
