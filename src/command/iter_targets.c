/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What iterators go over (Linux: kernel/bpf/{map,prog,link,task}_iter.c, the iterators of
 * hashtab.c and arraymap.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/iter.h"
#include "object/caller.h"
#include "object/cgroup_tree.h"
#include "world/iter.h"

/* ---- objects of the system ---- */

static void put_map(struct iter_walk *w, u64 at, const struct map_object *m)
{
	const struct bpf_map *map = m->map;

	ITER_PUT(w, at, "id", m->obj.id);
	ITER_PUT(w, at, "map_type", map->map_type);
	ITER_PUT(w, at, "key_size", map->key_size);
	ITER_PUT(w, at, "value_size", map->value_size);
	ITER_PUT(w, at, "max_entries", map->max_entries);
	ITER_PUT(w, at, "map_flags", map->map_flags);
	ITER_PUT(w, at, "map_extra", map->map_extra);
	ITER_PUT(w, at, "btf_key_type_id", m->btf_key_type_id);
	ITER_PUT(w, at, "btf_value_type_id", m->btf_value_type_id);
	ITER_PUT(w, at, "frozen", (u8)(map->frozen != 0));
	ITER_PUT(w, at, "refcnt.counter", (u64)m->obj.refs + m->obj.held);
	ITER_PUT(w, at, "usercnt.counter", (u64)m->obj.held + m->obj.pins);
	iter_put(w, at, "name", map->name, sizeof(map->name));
}

u64 iter_map(struct iter_walk *w, const struct map_object *m)
{
	u64 at = iter_object(w, "bpf_map", 2);

	put_map(w, at, m);
	return at;
}

u64 iter_prog(struct iter_walk *w, const struct prog_object *p)
{
	u64 at = iter_object(w, "bpf_prog", 2), aux = iter_object(w, "bpf_prog_aux", 3);
	const struct bpf_prog *prog = p->prog;

	ITER_PUT(w, at, "type", prog->type);
	ITER_PUT(w, at, "len", prog->len ? prog->len : p->orig_len); /* not verified yet */
	ITER_PUT(w, at, "expected_attach_type", prog->expected_attach_type);
	iter_put(w, at, "tag", prog->tag, sizeof(prog->tag));
	ITER_PUT(w, at, "aux", aux);
	ITER_PUT(w, aux, "id", p->obj.id);
	ITER_PUT(w, aux, "prog", at);
	ITER_PUT(w, aux, "load_time", p->obj.load_time);
	ITER_PUT(w, aux, "func_cnt", prog->nr_subprogs > 1 ? prog->nr_subprogs : 0);
	ITER_PUT(w, aux, "used_map_cnt", p->nr_used_maps);
	ITER_PUT(w, aux, "attach_btf_id", p->attach_btf_id);
	ITER_PUT(w, aux, "verified_insns", p->verified_insns);
	ITER_PUT(w, aux, "nr_linfo", p->nr_line_info);
	ITER_PUT(w, aux, "func_info_cnt", p->nr_func_info);
	iter_put(w, aux, "name", prog->name, sizeof(prog->name));
	return at;
}

static u64 put_link(struct iter_walk *w, const struct link_object *l)
{
	u64 at = iter_object(w, "bpf_link", 4);

	ITER_PUT(w, at, "id", l->obj.id);
	ITER_PUT(w, at, "type", l->type);
	ITER_PUT(w, at, "refcnt.counter", (u64)l->obj.refs + l->obj.held);
	ITER_PUT(w, at, "prog", l->prog ? iter_prog(w, l->prog) : (u64)0);
	return at;
}

static int walk_objects(struct iter_walk *w, enum object_kind kind)
{
	u64 args[4] = { 0 };
	int err = 0, gone;
	u32 id = 0;

	while (!err && !object_next_id(w->sys, kind, id, &id)) {
		struct object *o = object_get_id(w->sys, id, kind, &gone);

		if (!o)
			continue;
		if (kind == OBJECT_MAP) {
			args[0] = iter_map(w, (struct map_object *)o);
		} else if (kind == OBJECT_PROG) {
			args[0] = iter_prog(w, (struct prog_object *)o);
		} else {
			args[0] = put_link(w, (struct link_object *)o);
		}
		err = args[0] ? iter_show(w, args) : -ENOENT;
		object_put(o);
	}
	return err;
}

static int walk_maps(struct iter_walk *w)
{
	return walk_objects(w, OBJECT_MAP);
}

static int walk_progs(struct iter_walk *w)
{
	return walk_objects(w, OBJECT_PROG);
}

static int walk_links(struct iter_walk *w)
{
	return walk_objects(w, OBJECT_LINK);
}

/* ---- elements of a map ---- */

static bool is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static u32 value_bytes(const struct bpf_map *map)
{
	return is_percpu(map) ? bpf_map_value_stride(map) * map->nr_cpus : map->value_size;
}

static int attach_elem(struct call *c, struct iter_link *l, const union bpf_iter_link_info *info)
{
	const struct prog_object *p = l->l.prog;
	const struct bpf_map *map;
	int err;

	if (!info->map.map_fd)
		return -EBADF;
	l->map = map_get_fd(c->sys, (int)info->map.map_fd, &err);
	if (!l->map)
		return err;
	map = l->map->map;
	if (!is_percpu(map) && map->map_type != BPF_MAP_TYPE_HASH &&
	    map->map_type != BPF_MAP_TYPE_RHASH && map->map_type != BPF_MAP_TYPE_LRU_HASH &&
	    map->map_type != BPF_MAP_TYPE_ARRAY)
		return -EINVAL;
	return p->max_rdonly_access > map->key_size || p->max_rdwr_access > value_bytes(map) ?
		       -EACCES :
		       0;
}

struct elem_walk {
	struct iter_walk *w;
	u64 map;    /* its object in the world */
	u8 *values; /* per-CPU maps: those of all CPUs */
	int err;
};

static long show_elem(struct bpf_map *map, const void *key, void *value, void *arg)
{
	struct elem_walk *e = arg;
	u64 args[] = { e->map, (u64)(uintptr_t)key, (u64)(uintptr_t)value, 0 };
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	u32 stride = bpf_map_value_stride(map);

	for (u32 cpu = 0; e->values && cpu < map->nr_cpus; cpu++) {
		const void *v = ops->lookup_percpu_elem(map, key, cpu);

		memset(e->values + cpu * stride, 0, stride);
		if (v)
			map_value_copy(map, e->values + cpu * stride, v);
	}
	if (e->values)
		args[2] = (u64)(uintptr_t)e->values;
	e->err = iter_show(e->w, args);
	return e->err != 0;
}

static int walk_elems(struct iter_walk *w)
{
	struct map_object *m = w->link->map;
	struct elem_walk e = { .w = w, .map = iter_map(w, m) };

	if (!m->ops->for_each)
		return -EINVAL;
	w->last[0] = e.map;
	if (is_percpu(m->map)) {
		e.values = mem_alloc(value_bytes(m->map));
		if (!e.values)
			return w->err = -ENOMEM;
	}
	m->ops->for_each (m->map, show_elem, &e, &w->run);
	mem_free(e.values);
	return e.err;
}

/* ---- tasks ---- */

static int attach_task(struct call *c, struct iter_link *l, const union bpf_iter_link_info *info)
{
	char path[64], line[128];
	u32 pid = 0;
	FILE *f;
	int fd;

	if (!!info->task.tid + !!info->task.pid + !!info->task.pid_fd > 1)
		return -EINVAL;
	l->tid = l->asked_tid = info->task.tid;
	l->pid = l->asked_pid = info->task.pid;
	if (!info->task.pid_fd)
		return 0;
	fd = caller_take_fd((int)info->task.pid_fd);
	if (fd < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %u", &pid);
	if (f)
		fclose(f);
	close(fd);
	l->pid = l->asked_pid = pid;
	return pid && pid != (u32)-1 ? 0 : -EBADF;
}

/* Calls @fn for the tasks that the link is for; @leaders: one of each process. */
static int each_task(struct iter_walk *w, bool leaders,
		     int (*fn)(struct iter_walk *w, u64 task, pid_t tid))
{
	const struct iter_link *l = w->link;
	pid_t *tids = NULL, tgid;
	int err;
	u32 n;

	err = world_iter_tids(w->sys, w->self, &tids, &n);
	for (u32 i = 0; i < n && !err; i++) {
		u64 task;

		if (l->tid && (u32)tids[i] != l->tid)
			continue;
		task = world_iter_task(w->sys, &w->run, tids[i], &tgid);
		if (!task || (l->pid && (u32)tgid != l->pid) ||
		    (leaders && !l->tid && tgid != tids[i]))
			continue;
		err = fn(w, task, tids[i]);
	}
	mem_free(tids);
	return err;
}

static int show_task(struct iter_walk *w, u64 task, pid_t tid)
{
	u64 args[4] = { task };

	return iter_show(w, args);
}

static int walk_tasks(struct iter_walk *w)
{
	return each_task(w, false, show_task);
}

static int show_files(struct iter_walk *w, u64 task, pid_t tid)
{
	int *fds = NULL, err;
	u32 n;

	err = world_iter_fds(tid, &fds, &n);
	for (u32 i = 0; i < n && !err; i++) {
		u64 args[4] = { task, (u64)fds[i], world_iter_file(w->sys, &w->run, tid, fds[i]) };

		if (args[2])
			err = iter_show(w, args);
	}
	mem_free(fds);
	return err;
}

static int walk_files(struct iter_walk *w)
{
	return each_task(w, true, show_files);
}

static int show_areas(struct iter_walk *w, u64 task, pid_t tid)
{
	char path[64], line[4096 + 128];
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	f = fopen(path, "re");
	while (f && !err && fgets(line, sizeof(line), f)) {
		u64 args[4] = { task, world_iter_area(w->sys, &w->run, tid, line) };

		if (args[1])
			err = iter_show(w, args);
	}
	if (f)
		fclose(f);
	return err;
}

static int walk_areas(struct iter_walk *w)
{
	return each_task(w, true, show_areas);
}

/* ---- cgroups ---- */

static int attach_walk_cgroups(struct call *c, struct iter_link *l,
			       const union bpf_iter_link_info *info)
{
	u32 order = info->cgroup.order;
	u32 last = visible(c->sys->profile, KVER(7, 0)) ? BPF_CGROUP_ITER_CHILDREN :
							  BPF_CGROUP_ITER_ANCESTORS_UP;
	char path[2];
	int fd, err;

	if (order < BPF_CGROUP_ITER_SELF_ONLY || order > last ||
	    (info->cgroup.cgroup_fd && info->cgroup.cgroup_id))
		return -EINVAL;
	l->order = order;
	if (info->cgroup.cgroup_fd) {
		fd = caller_take_fd((int)info->cgroup.cgroup_fd);
		if (fd < 0)
			return -EBADF;
		err = cgroup_of_folder(c->sys, fd, &l->cgroup);
		close(fd);
		return err;
	}
	if (!info->cgroup.cgroup_id) {
		l->cgroup = c->sys->cgroup_tree ? cgroup_tree_id(c->sys, "/") : 1;
		return 0;
	}
	l->cgroup = info->cgroup.cgroup_id;
	return c->sys->cgroup_tree && !cgroup_tree_path(c->sys, l->cgroup, path, sizeof(path)) ?
		       -ENOENT :
		       0;
}

static u64 world_call(struct iter_walk *w, enum world_op op, u64 a, u64 b, u64 c)
{
	const u64 args[] = { a, b, c };

	return w->sys->platform->world(&w->run, op, args);
}

static int walk_cgroups(struct iter_walk *w)
{
	u32 order = w->link->order;
	u64 top = world_call(w, WORLD_CGROUP_OF, w->link->cgroup, 0, 0), args[4] = { 0 };
	int err = 0;

	args[0] = order == BPF_CGROUP_ITER_DESCENDANTS_POST ?
			  world_call(w, WORLD_NEXT_CGROUP, top, 0, 1) :
			  top;
	while (args[0] && top && !err) {
		if (order != BPF_CGROUP_ITER_CHILDREN ||
		    world_call(w, WORLD_CGROUP_PARENT, args[0], 0, 0) == top)
			err = iter_show(w, args);
		if (order == BPF_CGROUP_ITER_SELF_ONLY)
			break;
		args[0] = order == BPF_CGROUP_ITER_ANCESTORS_UP ?
				  world_call(w, WORLD_CGROUP_PARENT, args[0], 0, 0) :
				  world_call(w, WORLD_NEXT_CGROUP, top, args[0],
					     order == BPF_CGROUP_ITER_DESCENDANTS_POST);
	}
	return err;
}

static const struct iter_ops targets[] = {
	{ "bpf_map", KVER(5, 8), 1, NULL, walk_maps, .sleeps = true },
	{ "bpf_prog", KVER(5, 9), 1, NULL, walk_progs },
	{ "bpf_link", KVER(5, 19), 1, NULL, walk_links },
	{ "bpf_map_elem", KVER(5, 9), 3, attach_elem, walk_elems },
	{ "task", KVER(5, 8), 1, attach_task, walk_tasks, .tasks = true, .sleeps = true },
	{ "task_file", KVER(5, 8), 3, attach_task, walk_files, .tasks = true, .sleeps = true },
	{ "task_vma", KVER(5, 12), 2, attach_task, walk_areas, .tasks = true, .sleeps = true },
	{ "cgroup", KVER(6, 1), 1, attach_walk_cgroups, walk_cgroups, .tasks = true, .sleeps = true,
	  .ends = true },
	{ "tcp", KVER(5, 9), 2, NULL, iter_walk_tcp, .tasks = true },
	{ "udp", KVER(5, 9), 3, NULL, iter_walk_udp, .tasks = true },
	{ "unix", KVER(5, 15), 2, NULL, iter_walk_unix, .tasks = true },
	{ "netlink", KVER(5, 8), 1, NULL, iter_walk_netlink, .tasks = true },
	{ "sockmap", KVER(5, 10), 3, iter_attach_sockmap, iter_walk_sockmap, .tasks = true },
	{ "bpf_sk_storage_map", KVER(5, 9), 3, iter_attach_sk_storage, iter_walk_sk_storage,
	  .tasks = true },
	{ "ksym", KVER(6, 0), 1, NULL, iter_walk_ksym, .sleeps = true },
	{ "ipv6_route", KVER(5, 8), 1, NULL, iter_walk_ipv6_route },
	{ "kmem_cache", KVER(6, 13), 1, NULL, iter_walk_kmem_cache, .sleeps = true },
};

const struct iter_ops *iter_ops_of(const char *func, kver profile)
{
	const char prefix[] = "bpf_iter_";

	if (!func || strncmp(func, prefix, sizeof(prefix) - 1))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].name, func + sizeof(prefix) - 1))
			return visible(profile, targets[i].since) ? &targets[i] : NULL;
	return NULL;
}
