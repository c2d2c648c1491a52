/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who owns a value of a storage map: tasks, inodes, cgroups, sockets (Linux: the functions that
 * find an owner in kernel/bpf/bpf_task_storage.c and its neighbours). An owner's identity is two
 * words that say the same for an object of the world, a descriptor, and any process:
 *
 *   task    thread id, start time in ticks (ids are given again)
 *   inode   number and device, time of birth (so are inode numbers)
 *   cgroup  id, hierarchy of version 1 (whose cgroups are taken to stay)
 *   socket  inode number
 *
 * DIFF(storage-life): of supervised tasks the end is seen at once; of others, and of cgroups,
 * when a storage grows; of inodes and sockets (object/watch.h) when a command looks at a storage of
 * theirs, or a supervised task ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "object/cgroup_tree.h"
#include "object/rt_heap.h"
#include "object/sock.h"
#include "object/watch.h"
#include "world/fill.h"

#define SOCKFS_SUPER_MAGIC 0x534F434B
#define FILEID_KERNFS	   0xfe

/* ---- identities ---- */

static void inode_owner(u64 ino, u32 dev, u64 birth, u64 owner[2])
{
	owner[0] = ino;
	owner[1] = (birth * 0x9e3779b97f4a7c15ULL & ~0xffffffffULL) | dev;
}

/* The 22nd field of a stat file: clock ticks from boot to the task's start. 0: none. */
static u64 start_of(const char *stat)
{
	const char *s = strrchr(stat, ')');

	for (u32 field = 2; s && field < 22; field++) {
		s = strchr(s, ' ');
		s += s != NULL;
	}
	return s ? strtoull(s, NULL, 10) : 0;
}

static u64 tid_start(pid_t tid)
{
	char path[64], text[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", tid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[max_t(ssize_t, n, 0)] = 0;
	return start_of(text);
}

static int task_owner(struct world *w, struct wobj *o, u64 owner[2])
{
	struct wtask *p = wtask(o);
	char text[1024];

	if (!p->start && proc_held(w, p, PROC_STAT, text, sizeof(text)) > 0)
		p->start = start_of(text);
	owner[0] = (u64)p->tid;
	owner[1] = p->start;
	return p->start ? 0 : -ENOENT;
}

/* So that the value goes with its inode or socket, as long as somebody of ours has it open now. */
static void watch_owner(struct world *w, u32 map_type, struct wobj *o, const u64 owner[2])
{
	const struct wplace *at = o->priv;
	struct wobj *task;
	struct stat st;
	int fd = -1;

	if (!at || o->watched || !READ_ONCE(w->sys->watches))
		return;
	task = at->task ? world_at(w, at->task) : NULL;
	if (*at->name && task && task->state != WOBJ_FREE && task->priv)
		fd = openat(proc_dir(w, wtask(task)), at->name, O_PATH | O_CLOEXEC);
	else if (at->path)
		fd = open(at->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_ino == o->key[0])
		o->watched =
			!(map_type == BPF_MAP_TYPE_SK_STORAGE ? watch_socket(w->sys, fd, 0) :
								watch_inode(w->sys, fd, owner));
	close(fd);
}

/* Of a socket as programs see it without kernel types. */
static int sock_owner(struct world *w, const struct bpf_rt_sock *sk, u64 owner[2])
{
	if (!sk->ino || !sock_is_full(sk))
		return -ENOENT;
	if (sk->live)
		watch_socket(w->sys, sk->live - 1, sk->cookie);
	owner[0] = sk->ino;
	owner[1] = 0;
	return 0;
}

int world_owner_of(struct world *w, u32 map_type, u64 addr, u64 owner[2])
{
	struct wobj *o = world_at(w, addr);

	if (map_type == BPF_MAP_TYPE_SK_STORAGE &&
	    addr - (u64)(uintptr_t)w->sys->arena >= ARENA_LEASE_SIZE)
		return sock_owner(w, (const void *)(uintptr_t)addr, owner);
	if (!o || o->addr != addr || o->state == WOBJ_FREE)
		return -ENOENT;
	switch (map_type) {
	case BPF_MAP_TYPE_TASK_STORAGE:
		if (o->type->id != WT_task_struct || !o->priv ||
		    (wtask(o)->t && wtask(o)->t->freed))
			return -ENOENT;
		return task_owner(w, o, owner);
	case BPF_MAP_TYPE_INODE_STORAGE:
		if (o->type->id != WT_inode)
			return -ENOENT;
		inode_owner(o->key[0], (u32)o->key[1], inode_birth(w, o), owner);
		watch_owner(w, map_type, o, owner);
		return 0;
	case BPF_MAP_TYPE_CGRP_STORAGE:
		if (o->type->id != WT_cgroup)
			return -ENOENT;
		break;
	case BPF_MAP_TYPE_SK_STORAGE:
		if (o->type->id != WT_sock && o->type->id != WT_tcp_sock &&
		    o->type->id != WT_udp_sock && o->type->id != WT_inet_sock &&
		    o->type->id != WT_unix_sock && o->type->id != WT_netlink_sock)
			return -ENOENT;
		break;
	default:
		return -EINVAL;
	}
	owner[0] = o->key[0];
	owner[1] = map_type == BPF_MAP_TYPE_CGRP_STORAGE ? o->key[1] : 0;
	if (map_type == BPF_MAP_TYPE_SK_STORAGE)
		watch_owner(w, map_type, o, owner);
	return 0;
}

/* ---- descriptors ---- */

static int pidfd_owner(int fd, u64 owner[2])
{
	char path[64], text[1024];
	const char *s;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -EBADF;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	text[max_t(ssize_t, n, 0)] = 0;
	s = proc_key(text, "Pid");
	if (!s)
		return -EBADF;
	owner[0] = (u64)atoi(s);
	owner[1] = atoi(s) > 0 ? tid_start(atoi(s)) : 0;
	return owner[1] ? 0 : -ENOENT; /* it has been waited for */
}

int world_owner_of_fd(struct skep_system *sys, u32 map_type, int fd, u64 owner[2])
{
	struct statfs fs;
	struct statx x;
	struct stat st;
	int flags;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st))
		return -EBADF;
	if (flags & O_PATH && map_type != BPF_MAP_TYPE_INODE_STORAGE)
		return -EBADF;
	owner[0] = st.st_ino;
	owner[1] = 0;
	switch (map_type) {
	case BPF_MAP_TYPE_TASK_STORAGE:
		return pidfd_owner(fd, owner);
	case BPF_MAP_TYPE_INODE_STORAGE:
		if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &x))
			return -EBADF;
		inode_owner(st.st_ino, kernel_dev(x.stx_dev_major, x.stx_dev_minor),
			    statx_birth(&x), owner);
		return 0;
	case BPF_MAP_TYPE_CGRP_STORAGE:
		if (S_ISDIR(st.st_mode) && !fstatfs(fd, &fs) && fs.f_type == CGROUP_SUPER_MAGIC)
			return 0;
		return cgroup_of_folder(sys, fd, &owner[0]);
	case BPF_MAP_TYPE_SK_STORAGE:
		return S_ISSOCK(st.st_mode) && !fstatfs(fd, &fs) &&
				       fs.f_type == SOCKFS_SUPER_MAGIC ?
			       0 :
			       -ENOTSOCK;
	default:
		return -EINVAL;
	}
}

/* ---- ends ---- */

/* Whether the cgroup is still there; where we may not ask, it is. */
static bool cgroup_there(int mount, u64 id)
{
	struct {
		struct file_handle h;
		u64 id;
	} handle = { { sizeof(u64), FILEID_KERNFS }, id };
	int fd;

	if (mount < 0)
		return true;
	fd = open_by_handle_at(mount, &handle.h, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ESTALE;
}

struct sweep {
	struct map_object *m;
	struct bpf_run run;
	pid_t tid; /* not 0: this task only */
	int mount; /* of cgroups */
};

static bool cgroup_alive(const struct sweep *s, u64 id)
{
	char path[2];

	if (s->m->obj.sys->cgroup_tree)
		return cgroup_tree_path(s->m->obj.sys, id, path, sizeof(path));
	return cgroup_there(s->mount, id);
}

static long sweep_one(struct bpf_map *table, const void *key, void *value, void *arg)
{
	struct sweep *s = arg;
	u64 owner[2];

	memcpy(owner, key, sizeof(owner));
	if (s->tid ? owner[0] == (u64)s->tid :
	    s->m->map->map_type == BPF_MAP_TYPE_CGRP_STORAGE ?
		     !owner[1] && !cgroup_alive(s, owner[0]) :
		     tid_start((pid_t)owner[0]) != owner[1])
		s->m->ops->delete_elem(s->m->map, owner, &s->run);
	return 0;
}

static void sweep(struct map_object *m, pid_t tid)
{
	struct skep_system *sys = m->obj.sys;
	struct sweep s = { .m = m, .tid = tid, .mount = -1 };
	const char *mount;

	if (m->map->map_type == BPF_MAP_TYPE_CGRP_STORAGE) {
		relock_take(&sys->world_lock);
		mount = world_of(sys) ? world_cgroup_mount(sys->world) : "";
		if (*mount)
			s.mount = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		relock_give(&sys->world_lock);
	}
	slot_claim(sys->arena, sys->platform, &s.run);
	m->ops->for_each (m->map, sweep_one, &s, &s.run);
	slot_release(&s.run);
	if (s.mount >= 0)
		close(s.mount);
}

void world_owners_sweep(struct skep_system *sys, struct map_object *m)
{
	if (m->map->map_type == BPF_MAP_TYPE_TASK_STORAGE ||
	    m->map->map_type == BPF_MAP_TYPE_CGRP_STORAGE)
		sweep(m, 0);
}

void world_owner_task_gone(struct skep_system *sys, pid_t tid)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];

	watches_sweep(sys);
	if (!READ_ONCE(sys->task_storages))
		return;
	relock_take(&sys->lock);
	for (u32 i = 0; i < maps->by_id.n; i++) {
		struct map_object *m = (struct map_object *)maps->by_id.v[i];

		if (m->map && m->map->map_type == BPF_MAP_TYPE_TASK_STORAGE && m->ops &&
		    m->ops->for_each)
			sweep(m, tid);
	}
	relock_give(&sys->lock);
}
