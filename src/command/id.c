/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Walking objects by id (Linux: bpf_obj_get_next_id() and the *_get_fd_by_id()
 * functions). Objects whose last descriptor was closed must not show up: all are
 * probed first where close events may be missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "command/command.h"
#include "hook/cgroup.h"

static bool may_walk(struct skep_system *sys)
{
	return system_caps(sys) & BPF_CAP_SYS_ADMIN;
}

/* Cgroups that were removed let go of their programs. */
static void forget_cgroups(struct skep_system *sys)
{
	if (!sys->cgroups)
		return;
	pthread_mutex_lock(&sys->lock);
	cgroups_sweep(sys);
	pthread_mutex_unlock(&sys->lock);
}

static int next_id(struct call *c, enum object_kind kind)
{
	u32 next;
	int err;

	if (c->attr->start_id >= INT_MAX)
		return -EINVAL;
	if (!may_walk(c->sys))
		return -EPERM;
	objects_drain(c->sys, c->sys->inotify_fd < 0);
	forget_cgroups(c->sys);
	if (kind == OBJECT_BTF)
		system_functions(c->sys); /* the kernel's types have ids, too */
	err = object_next_id(c->sys, kind, c->attr->start_id, &next);
	return err ? err : ATTR_PUT(c, next_id, next);
}

int command_prog_get_next_id(struct call *c)
{
	return next_id(c, OBJECT_PROG);
}

int command_map_get_next_id(struct call *c)
{
	return next_id(c, OBJECT_MAP);
}

int command_btf_get_next_id(struct call *c)
{
	return next_id(c, OBJECT_BTF);
}

int command_link_get_next_id(struct call *c)
{
	return next_id(c, OBJECT_LINK);
}

static int fd_by_id(struct call *c, enum object_kind kind, int access)
{
	struct object *o;
	int err;

	if (!may_walk(c->sys))
		return -EPERM;
	objects_drain(c->sys, c->sys->inotify_fd < 0);
	if (kind == OBJECT_BTF)
		system_functions(c->sys);
	o = object_get_id(c->sys, c->attr->start_id, kind, &err);
	if (!o)
		return err;
	err = object_new_fd_mode(o, access);
	object_put(o);
	return err;
}

int command_prog_get_fd_by_id(struct call *c)
{
	return fd_by_id(c, OBJECT_PROG, O_RDWR);
}

int command_map_get_fd_by_id(struct call *c)
{
	u32 flags = c->attr->open_flags;

	if (flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	if (flags == (BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	return fd_by_id(c, OBJECT_MAP,
			flags == BPF_F_RDONLY ? O_RDONLY :
			flags == BPF_F_WRONLY ? O_WRONLY :
						O_RDWR);
}

int command_btf_get_fd_by_id(struct call *c)
{
	if (c->attr->open_flags & ~(u32)BPF_F_TOKEN_FD)
		return -EINVAL;
	if (c->attr->open_flags) /* there are no tokens, so no descriptor is one */
		return -EBADF;
	return fd_by_id(c, OBJECT_BTF, O_RDWR);
}

int command_link_get_fd_by_id(struct call *c)
{
	if (!c->attr->link_id)
		return -ENOENT;
	return fd_by_id(c, OBJECT_LINK, O_RDWR);
}
