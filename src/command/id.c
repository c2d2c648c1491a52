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
#include "object/token.h"

static bool may_walk(struct skep_system *sys)
{
	return system_caps(sys) & BPF_CAP_SYS_ADMIN;
}

u32 caps_by_token(struct call *c, int fd, u32 cmd, int *err)
{
	struct token_object *t = token_get_fd(c->sys, fd, err);
	u32 caps;

	if (!t)
		return 0;
	*err = 0;
	caps = token_caps(c->sys, token_allows(t, DELEGATE_CMDS, cmd) ? t : NULL);
	object_put(&t->obj);
	return caps;
}

/* Cgroups that were removed let go of their programs. */
static void forget_cgroups(struct skep_system *sys)
{
	if (!sys->cgroups)
		return;
	relock_take(&sys->lock);
	cgroups_sweep(sys);
	relock_give(&sys->lock);
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

static int fd_by_id(struct call *c, enum object_kind kind, int access, u32 caps)
{
	struct object *o;
	int err;

	if (!(caps & BPF_CAP_SYS_ADMIN))
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
	return fd_by_id(c, OBJECT_PROG, O_RDWR, system_caps(c->sys));
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
						O_RDWR,
			system_caps(c->sys));
}

int command_btf_get_fd_by_id(struct call *c)
{
	u32 caps;
	int err = 0;

	if (c->attr->open_flags & ~(u32)BPF_F_TOKEN_FD)
		return -EINVAL;
	if (c->attr->open_flags)
		caps = caps_by_token(c, c->attr->fd_by_id_token_fd, BPF_BTF_GET_FD_BY_ID, &err);
	else
		caps = system_caps(c->sys);
	return err ? err : fd_by_id(c, OBJECT_BTF, O_RDWR, caps);
}

int command_link_get_fd_by_id(struct call *c)
{
	if (!c->attr->link_id)
		return -ENOENT;
	return fd_by_id(c, OBJECT_LINK, O_RDWR, system_caps(c->sys));
}
