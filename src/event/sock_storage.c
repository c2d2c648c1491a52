/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values of a listening socket that the sockets which it accepts begin with: maps of BPF_F_CLONE (Linux:
 * bpf_sk_storage_clone() of net/core/bpf_sk_storage.c).
 *
 * DIFF(storage-clone): a socket is known when it is accepted, not when its connection comes in.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/process.h"
#include "event/sock_ops.h"
#include "object/map.h"
#include "object/sock.h"
#include "object/watch.h"

static bool is_cloned(const struct map_object *m)
{
	return m->map && m->ops && m->map->map_type == BPF_MAP_TYPE_SK_STORAGE &&
	       m->map->map_flags & BPF_F_CLONE;
}

static bool any_cloned(struct skep_system *sys)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];
	bool found = false;

	relock_take(&sys->lock);
	for (size_t i = 0; i < maps->by_id.n && !found; i++)
		found = is_cloned((struct map_object *)maps->by_id.v[i]);
	relock_give(&sys->lock);
	return found;
}

/* As the program left it: what it may hold of the map's owner alone (timers, pointers) is not copied. */
static bool storage_clone(struct map_object *m, const u64 *from, const u64 *to)
{
	struct skep_system *sys = m->obj.sys;
	u8 *value = mem_zalloc(m->map->value_size);
	struct bpf_run run = { 0 };
	bool done;

	if (!value)
		return false;
	slot_claim(sys->arena, sys->platform, &run);
	done = !m->ops->lookup_copy(m->map, from, value, 0, &run) &&
	       !m->ops->update_elem(m->map, to, value, BPF_NOEXIST, &run);
	slot_release(&run);
	mem_free(value);
	return done;
}

/* What programs gave the socket with @cookie when nobody had it yet: it is inode @ino now, and our descriptor @fd. */
void sock_storage_found(struct skep_system *sys, u64 cookie, u64 ino, int fd)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];
	const u64 from[2] = { SOCK_INO_MADE_UP | cookie }, to[2] = { ino };
	bool any = false;

	relock_take(&sys->lock);
	for (size_t i = 0; i < maps->by_id.n; i++) {
		struct map_object *m = (struct map_object *)maps->by_id.v[i];

		any |= m->map && m->ops && m->map->map_type == BPF_MAP_TYPE_SK_STORAGE &&
		       storage_clone(m, from, to);
	}
	relock_give(&sys->lock);
	if (any) {
		watch_socket(sys, fd, cookie);
		watch_forget_made_up(sys, cookie);
	}
}

static bool inode_of(int fd, u64 owner[2])
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return false;
	owner[0] = st.st_ino;
	owner[1] = 0;
	return true;
}

static void accepted(struct task *t)
{
	int listener = decide_take_fd(t, (int)t->call.args[0]);
	int new = decide_take_fd(t, (int)t->call.ret);
	const struct object_table *maps = &t->sys->tables[OBJECT_MAP];
	u64 from[2], to[2], cookie = 0;
	socklen_t len = sizeof(cookie);
	bool any = false;

	if (!inode_of(listener, from) || !inode_of(new, to))
		goto out;
	relock_take(&t->sys->lock);
	for (size_t i = 0; i < maps->by_id.n; i++) {
		struct map_object *m = (struct map_object *)maps->by_id.v[i];

		any |= is_cloned(m) && storage_clone(m, from, to);
	}
	relock_give(&t->sys->lock);
	if (any && !getsockopt(new, SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &len))
		watch_socket(t->sys, new, cookie);
out:
	if (listener >= 0)
		close(listener);
	if (new >= 0)
		close(new);
}

static u32 wants(struct skep_system *sys, u32 nr)
{
	return (nr == SYS_accept || nr == SYS_accept4) && any_cloned(sys) ? WANT_EXIT : 0;
}

static void leave(struct task *t)
{
	if (!t->call.compat && t->call.ret >= 0 &&
	    (t->call.nr == SYS_accept || t->call.nr == SYS_accept4))
		accepted(t);
}

const struct process_source sock_storage_source = {
	.name = "sock_storage",
	.wants = wants,
	.exit = leave,
};
