/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps as objects: what they refer to, and their end (Linux: bpf_map_free_deferred(),
 * bpf_fd_array_map_clear() and the map_fd_put_ptr() functions).
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/async.h"
#include "object/map_arena.h"
#include "object/map_insn_array.h"
#include "object/psock.h"
#include "object/rt_heap.h"
#include "object/struct_ops.h"
#include "object/system.h"

static long drop_objects(struct bpf_map *map, const void *key, void *value, void *arg)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	const struct skep_platform *platform = arg;

	if (!ops->lookup_percpu_elem) {
		object_drop_fields(map->arena, platform, value, map->record);
		return 0;
	}
	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++) {
		value = ops->lookup_percpu_elem(map, key, cpu);
		if (value)
			object_drop_fields(map->arena, platform, value, map->record);
	}
	return 0;
}

/* The map's memory is about to go: objects that its values hold go first. */
static void drop_all_objects(struct map_object *m)
{
	struct bpf_run run = { .arena = m->map->arena, .platform = m->obj.sys->platform };

	if (m->ops->for_each)
		m->ops->for_each (m->map, drop_objects, (void *)run.platform, &run);
}

/* Whether an arena's pages are where programs find them. */
static bool in_window(const struct bpf_map *map)
{
	return ((const struct bpf_arena_map *)map)->user_start;
}

static void map_free(struct arena_retired *r)
{
	struct object *o = container_of(r, struct object, retired);
	struct map_object *m = (struct map_object *)o;
	struct arena *arena = o->sys->arena;

	if (m->map && object_is_mine(o)) {
		if (m->map->record)
			drop_all_objects(m);
		if (m->map->map_type == BPF_MAP_TYPE_ARENA && in_window(m->map))
			arena_unmove_fd(arena, m->map->client, m->map->client_size);
		else if (m->map->client)
			arena_unmap_fd(arena, m->map->client, m->map->client_size);
		if (m->map->map_flags & BPF_F_NUMA_NODE)
			arena_prefer_node(m->map, m->map->reserved, -1);
		arena_free(arena, m->map, m->map->reserved);
	}
	object_put((struct object *)m->btf); /* with it the record of what values hold */
	mem_free(m);
}

static void map_destroy(struct object *o)
{
	struct map_object *m = (struct map_object *)o;
	struct skep_system *sys = o->sys;

	if (m->map) {
		psock_map_gone(m);
		map_object_clear(m);
		if (m->ops && m->map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
			struct_ops_put_progs(m);
		if (object_is_mine(o))
			async_release_map(m->map, sys->platform);
		wakers_forget(sys, m->map);
		idmap_del(&sys->by_address, (u64)m->map);
	}
	if (m->inner_template) {
		object_put((struct object *)m->inner_template->btf);
		mem_free(m->inner_template->map);
		mem_free(m->inner_template);
	}
	object_forget_file(o);
	object_retire(o, map_free);
}

struct map_object *map_object_new(struct skep_system *sys)
{
	struct map_object *m = mem_zalloc(sizeof(*m));

	if (m)
		object_init(sys, &m->obj, OBJECT_MAP, map_destroy);
	return m;
}

/* ---- elements that are objects ---- */

/* The object that element @old refers to, if any. */
static struct object *object_of_element(const struct map_object *m, void *old)
{
	struct skep_system *sys = m->obj.sys;
	struct object *o;
	int err;

	switch (m->map->map_type) {
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP: /* the upper half is the id of its program */
		o = (u64)old >> 32 ? object_get_id(sys, (u64)old >> 32, OBJECT_PROG, &err) : NULL;
		if (o)
			object_put(o); /* the element's own reference holds it */
		return o;
	default:
		return object_of(sys, old);
	}
}

/*
 * A program that others tail-call has no functions replaced: what is in their place could tail-call
 * it without end. -EBUSY.
 */
static int count_member(const struct map_object *m, struct object *o, bool add)
{
	struct prog_object *p = (struct prog_object *)o;

	if (!o || m->map->map_type != BPF_MAP_TYPE_PROG_ARRAY)
		return 0;
	if (add && p->extensions)
		return -EBUSY;
	p->array_members += add ? 1 : -1;
	return 0;
}

static void drop_element(const struct map_object *m, void *old)
{
	struct object *o = object_of_element(m, old);

	count_member(m, o, false);
	object_put(o);
}

/* The socket in the element of a map of them; 0. What becomes of it depends on links that may be closed by now. */
static u64 socket_at(const struct map_object *m, const void *key)
{
	if (m->map->map_type != BPF_MAP_TYPE_SOCKMAP && m->map->map_type != BPF_MAP_TYPE_SOCKHASH)
		return 0;
	objects_drain(m->obj.sys, false);
	return (u64)m->ops->obj_lookup(m->map, key);
}

int map_object_update(struct map_object *m, const void *key, struct object *value, void *runtime,
		      u64 flags)
{
	struct skep_system *sys = m->obj.sys;
	void *old = NULL;
	u64 sock;
	int err;

	if (!m->ops->obj_update) {
		object_put(value);
		return -ENOTSUPP;
	}
	relock_take(&sys->lock);
	sock = socket_at(m, key);
	err = count_member(m, value, true);
	if (!err) {
		err = m->ops->obj_update(m->map, key, runtime, flags, &old, sys->platform);
		if (err)
			count_member(m, value, false);
	}
	if (err)
		object_put(value);
	else
		drop_element(m, old);
	psock_look(sys, sock);
	relock_give(&sys->lock);
	return err;
}

int map_object_delete(struct map_object *m, const void *key)
{
	struct skep_system *sys = m->obj.sys;
	void *old = NULL;
	u64 sock;
	int err;

	if (!m->ops->obj_delete)
		return -ENOTSUPP;
	relock_take(&sys->lock);
	sock = socket_at(m, key);
	err = m->ops->obj_delete(m->map, key, &old, sys->platform);
	if (!err)
		drop_element(m, old);
	psock_look(sys, sock);
	relock_give(&sys->lock);
	return err;
}

void map_object_clear(struct map_object *m)
{
	u8 small[2][64], *key = small[0], *next = small[1];
	u32 size = m->map->key_size;
	int end;

	/* .ops is set once the map's structures are complete. */
	if (!m->ops || !m->ops->obj_delete || !m->ops->get_next_key)
		return;
	if (size > sizeof(small[0])) {
		key = mem_zalloc(2 * (size_t)size);
		if (!key) /* their memory then stays until the system ends */
			return;
		next = key + size;
	}
	/* The next key is asked for first: a hash would start over from one that is gone. */
	end = m->ops->get_next_key(m->map, NULL, key);
	while (!end) {
		end = m->ops->get_next_key(m->map, key, next);
		map_object_delete(m, key);
		memcpy(key, next, size);
	}
	if (size > sizeof(small[0]))
		mem_free(key);
}

void map_object_unuse(struct map_object *m)
{
	struct bpf_insn_array *a = insn_array(m->map);

	if (a) {
		a->idle_since = __atomic_add_fetch(&m->obj.sys->arena->epoch, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&a->used, 0, __ATOMIC_SEQ_CST);
	}
	object_put(&m->obj);
}

void map_object_unheld(struct map_object *m)
{
	u32 type = m->map ? m->map->map_type : 0;

	if (!object_is_mine(&m->obj)) /* its maker does it, in whose table the elements count */
		return;
	if (m->map) {
		WRITE_ONCE(m->map->async.unheld, 1);
		async_release_map(m->map, m->obj.sys->platform);
	}

	/*
	 * A program array that only programs refer to is emptied: otherwise a program
	 * that tail-calls itself would live for ever.
	 */
	if (type == BPF_MAP_TYPE_PROG_ARRAY ||
	    (type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && !(m->map->map_flags & BPF_F_PRESERVE_ELEMS)))
		map_object_clear(m);
	psock_map_unheld(m);
}

/* ---- storages of cgroups ---- */

static bool is_cgroup_storage(const struct map_object *m)
{
	return m->map && m->ops &&
	       (m->map->map_type == BPF_MAP_TYPE_CGROUP_STORAGE ||
		m->map->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
}

/* A storage that the program was loaded with, not one bound to it later. */
static bool uses_storage(const struct prog_object *p, const struct map_object *m)
{
	return is_cgroup_storage(m) &&
	       (m->obj.id == p->storage_ids[0] || m->obj.id == p->storage_ids[1]);
}

int map_storages_attach(const struct prog_object *p, u64 id, u32 attach_type)
{
	struct skep_system *sys = p->obj.sys;
	u64 owner[2] = { id, attach_type };
	struct bpf_run run = { 0 };
	int err = 0;

	for (u32 i = 0; i < p->nr_used_maps && !err; i++) {
		struct map_object *m = p->used_maps[i];

		if (!uses_storage(p, m))
			continue;
		slot_claim(sys->arena, sys->platform, &run);
		err = m->ops->storage_get(m->map, owner, NULL, true, &run) ? 0 : -ENOMEM;
		slot_release(&run);
	}
	return err;
}

struct forget {
	struct map_object *m;
	u64 id;
	struct bpf_run run;
};

static long forget_one(struct bpf_map *table, const void *key, void *value, void *arg)
{
	struct forget *f = arg;
	u64 owner[2];

	memcpy(owner, key, sizeof(owner));
	if (owner[0] == f->id)
		f->m->ops->storage_forget(f->m->map, owner, &f->run);
	return 0;
}

void map_storages_forget(struct skep_system *sys, u64 id)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];

	for (u32 i = 0; i < maps->by_id.n; i++) {
		struct forget f = { .m = (struct map_object *)maps->by_id.v[i], .id = id };

		if (!is_cgroup_storage(f.m))
			continue;
		slot_claim(sys->arena, sys->platform, &f.run);
		f.m->ops->for_each (f.m->map, forget_one, &f, &f.run);
		slot_release(&f.run);
	}
}

void map_storages_reset(const struct prog_object *p, struct bpf_run *run)
{
	for (u32 i = 0; i < p->nr_used_maps; i++) {
		struct map_object *m = p->used_maps[i];
		void *value;

		if (!uses_storage(p, m))
			continue;
		value = m->ops->storage_get(m->map, (u64[2]){ 0 }, NULL, false, run);
		if (value)
			memset(value, 0, m->map->value_size);
	}
}

/* ---- eventfds of rings ---- */

void wakers_forget(struct skep_system *sys, const void *what)
{
	for (struct waker *w = sys->wakers; w; w = w->next)
		if (w->what == what && w->fd >= 0) {
			close(w->fd);
			w->fd = -1;
			w->what = NULL;
		}
}

int waker_fd(struct skep_system *sys, const void *what)
{
	struct waker *w, *unused = NULL;
	int fd;

	relock_take(&sys->lock);
	for (w = sys->wakers; w; w = w->next) {
		if (w->what == what && w->fd >= 0) {
			fd = w->fd;
			goto out;
		}
		if (!w->what)
			unused = w;
	}
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		fd = -errno;
		goto out;
	}
	w = unused ? unused : mem_zalloc(sizeof(*w));
	if (!w) {
		close(fd);
		fd = -ENOMEM;
		goto out;
	}
	w->fd = fd;
	store_release(&w->what, what);
	if (!unused) {
		w->next = sys->wakers;
		store_release(&sys->wakers, w);
	}
out:
	relock_give(&sys->lock);
	return fd;
}
