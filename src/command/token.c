/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_TOKEN_CREATE, and fsopen(2), fsconfig(2), fsmount(2), fspick(2) and move_mount(2) of the BPF
 * file system, which are how one comes by a mount that delegates (Linux: bpf_token_create() of
 * kernel/bpf/token.c; fs/fsopen.c with bpf_context_ops of kernel/bpf/inode.c).
 *
 * A context belongs to the user namespace of who opened it; the options by which it delegates are
 * set by somebody with rights in the first one.
 *
 * DIFF(detached-mounts): a mount that was never moved to a path stays until the system ends, also when
 * its last descriptor is closed; and what fsmount() gives is open for reading, not by O_PATH only, so
 * that a token can be had by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/command.h"
#include "command/pin.h"
#include "command/token.h"
#include "object/caller.h"
#include "object/token.h"

#ifndef CAP_BPF
#define CAP_BPF 39
#endif

int command_token_create(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	int fd = (int)attr->token_create.bpffs_fd, err;
	struct skep_system *sys = c->sys;
	u64 here, userns, any = 0;
	struct delegation allowed;
	char path[PATH_MAX];
	struct pin_who who;
	struct stat st;

	if (attr->token_create.flags)
		return -EINVAL;
	if (caller_fstat(fd, &st))
		return -EBADF;
	if (pins_path_of(sys, &st, path, sizeof(path)) < 0 ||
	    !pins_delegation(sys, path, &userns, &allowed))
		return -EINVAL;
	pin_who_of(sys, &who);
	err = pins_access(sys, &who, path, 0);
	if (err)
		return err;
	here = who.userns ?: sys->userns;
	if (here != userns)
		return -EPERM;
	if (sys->caps_mode != CAPS_FULL &&
	    !(caller_caps() & (BIT_ULL(CAP_BPF) | BIT_ULL(CAP_SYS_ADMIN))))
		return -EPERM;
	if (here == sys->userns)
		return -EOPNOTSUPP;
	for (u32 i = 0; i < DELEGATES; i++)
		any |= allowed.mask[i];
	return any ? token_new_fd(sys, userns, &allowed, attr) : -ENOENT;
}

/* ---- contexts of mounting ---- */

struct fs_context {
	struct object obj;
	u64 userns;
	struct pin_options options;
	enum { CONTEXT_NEW, CONTEXT_CREATED, CONTEXT_MOUNTED, CONTEXT_PICKED } state;
};

static void context_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct fs_context, obj.retired));
}

static void context_destroy(struct object *o)
{
	object_forget_file(o);
	object_retire(o, context_free);
}

static int context_new(struct skep_system *sys, bool picked, bool cloexec)
{
	struct fs_context *f;
	struct pin_who who;
	int fd;

	pin_who_of(sys, &who);
	if (!who.override)
		return -EPERM;
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	object_init(sys, &f->obj, OBJECT_FS_CONTEXT, context_destroy);
	f->userns = who.userns;
	f->options = (struct pin_options){ .uid = who.uid, .gid = who.gid, .mode = 0777 };
	f->state = picked ? CONTEXT_PICKED : CONTEXT_NEW;
	fd = object_new_fd_flags(&f->obj, O_RDWR | (cloexec ? O_CLOEXEC : 0));
	object_put(&f->obj);
	return fd;
}

int bpffs_open(struct skep_system *sys, unsigned flags)
{
	return flags & ~(unsigned)FSOPEN_CLOEXEC ? -EINVAL :
						   context_new(sys, false, flags & FSOPEN_CLOEXEC);
}

int bpffs_pick(struct skep_system *sys, bool cloexec)
{
	return context_new(sys, true, cloexec);
}

static struct fs_context *context_get(struct skep_system *sys, int fd)
{
	int err;

	return (struct fs_context *)object_get_fd(sys, fd, OBJECT_FS_CONTEXT, &err);
}

bool bpffs_is_context(struct skep_system *sys, int fd)
{
	struct fs_context *f = context_get(sys, fd);

	object_put((struct object *)f);
	return f;
}

static int configure(struct skep_system *sys, struct fs_context *f, unsigned cmd, u64 ukey,
		     u64 uvalue, int aux)
{
	char key[256], value[256];
	struct pin_who who;
	long len;

	switch (cmd) {
	case FSCONFIG_SET_FLAG:
	case FSCONFIG_SET_STRING:
		if (!ukey || aux || (cmd == FSCONFIG_SET_FLAG ? uvalue != 0 : !uvalue))
			return -EINVAL;
		if (f->state != CONTEXT_NEW && f->state != CONTEXT_PICKED)
			return -EBUSY;
		len = user_read_str(sys, key, ukey, sizeof(key));
		if (len < 0)
			return len == -EFAULT ? -EFAULT : -EINVAL;
		len = uvalue ? user_read_str(sys, value, uvalue, sizeof(value)) : 0;
		if (len < 0)
			return len == -EFAULT ? -EFAULT : -EINVAL;
		pin_who_of(sys, &who);
		return pins_option(sys, &who, key, uvalue ? value : NULL, &f->options);
	case FSCONFIG_CMD_CREATE:
		if (ukey || uvalue || aux)
			return -EINVAL;
		if (f->state != CONTEXT_NEW)
			return -EBUSY;
		pin_who_of(sys, &who);
		if (!pins_may_mount(sys, &who, f->userns))
			return -EPERM;
		f->state = CONTEXT_CREATED;
		return 0;
	case FSCONFIG_CMD_RECONFIGURE:
		if (ukey || uvalue || aux)
			return -EINVAL;
		return f->state == CONTEXT_PICKED ? 0 : -EBUSY; /* bpffs changes nothing then */
	default:
		return -EOPNOTSUPP;
	}
}

int bpffs_config(struct skep_system *sys, int fd, unsigned cmd, u64 key, u64 value, int aux)
{
	struct fs_context *f = context_get(sys, fd);
	int err = f ? configure(sys, f, cmd, key, value, aux) : -EINVAL;

	object_put((struct object *)f);
	return err;
}

int bpffs_mount(struct skep_system *sys, int fd, unsigned flags, unsigned attrs)
{
	struct fs_context *f = context_get(sys, fd);
	char path[64];
	struct pin_who who;
	int err;

	err = -EINVAL;
	if (!f || flags & ~(unsigned)FSMOUNT_CLOEXEC)
		goto out;
	pin_who_of(sys, &who);
	if (f->state == CONTEXT_MOUNTED || f->state == CONTEXT_PICKED)
		err = -EBUSY;
	if (f->state != CONTEXT_CREATED)
		goto out;
	err = pins_mount_detached(sys, &who, f->userns, &f->options, path);
	if (err)
		goto out;
	f->state = CONTEXT_MOUNTED;
	who.override = true; /* opened by no path, so nobody asks */
	err = pins_open(sys, &who, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
out:
	object_put((struct object *)f);
	return err;
}
