/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_OBJ_PIN and BPF_OBJ_GET (Linux: bpf_obj_pin_user() and bpf_obj_get_user() of
 * kernel/bpf/inode.c). The tree of pins is object/pins.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command.h"
#include "command/pin.h"
#include "object/caller.h"

/* /proc/TID/@file of the caller. */
static void proc_path(char buf[64], const char *file)
{
	if (caller_current())
		snprintf(buf, 64, "/proc/%u/%s", caller_current()->tid, file);
	else
		snprintf(buf, 64, "/proc/thread-self/%s", file);
}

void pin_who_of(struct skep_system *sys, struct pin_who *who)
{
	unsigned long long caps = 0;
	char path[64], line[512];
	FILE *f;

	*who = (struct pin_who){ .uid = (u32)-1, .gid = (u32)-1, .umask = 022 };
	proc_path(path, "status");
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Umask: %o", &who->umask);
		sscanf(line, "Uid: %*u %*u %*u %u", &who->uid);
		sscanf(line, "Gid: %*u %*u %*u %u", &who->gid);
		sscanf(line, "CapEff: %llx", &caps);
	}
	if (f)
		fclose(f);
	who->userns = caller_userns();
	who->admin = system_caps(sys) & BPF_CAP_SYS_ADMIN;
	who->override = sys->caps_mode == CAPS_FULL || caps & BIT_ULL(CAP_DAC_OVERRIDE);
}

/* Path of the folder that @fd is: of the tree, or a real one. 0 or -errno. */
static int path_of_fd(struct skep_system *sys, int fd, char *buf, u32 size)
{
	char proc[64], name[16];
	struct stat st;
	ssize_t n;

	if (fd == AT_FDCWD) {
		proc_path(proc, "cwd");
		if (!stat(proc, &st) && pins_path_of(sys, &st, buf, size) > 0)
			return 0;
	} else {
		if (caller_fstat(fd, &st))
			return -EBADF;
		if (pins_path_of(sys, &st, buf, size) > 0)
			return 0;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
		snprintf(name, sizeof(name), "fd/%d", fd);
		proc_path(proc, name);
	}
	n = readlink(proc, buf, size - 1);
	if (n < 0)
		return -ENOENT;
	buf[n] = 0;
	return 0;
}

/* The path of an attribute, absolute. */
static int path_arg(struct call *c, u64 upath, int dirfd, char out[PATH_MAX])
{
	char path[PATH_MAX], dir[PATH_MAX];
	long len = user_read_str(c->sys, path, upath, sizeof(path));
	int err;

	if (len < 0)
		return len == -E2BIG ? -ENAMETOOLONG : (int)len;
	if (!len)
		return -ENOENT;
	if (*path == '/') {
		memcpy(out, path, (size_t)len + 1);
		return 0;
	}
	err = path_of_fd(c->sys, dirfd, dir, sizeof(dir));
	if (err)
		return err;
	return snprintf(out, PATH_MAX, "%s/%s", dir, path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Why nothing can be pinned at @path, which is of another file system. */
static int refuse_elsewhere(const char *path)
{
	char dir[PATH_MAX], *slash;
	struct stat st;
	int err = caller_path(path, dir, sizeof(dir));

	if (err)
		return err;
	if (!lstat(dir, &st))
		return -EEXIST;
	for (slash = dir + strlen(dir); slash > dir + 1 && slash[-1] == '/'; slash--)
		slash[-1] = 0;
	slash = strrchr(dir, '/');
	slash[slash == dir] = 0;
	if (stat(dir, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? -EPERM : -ENOTDIR;
}

int command_obj_pin(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	char path[PATH_MAX];
	struct pin_who who;
	struct object *o;
	int err;

	if (attr->file_flags & ~(u32)BPF_F_PATH_FD)
		return -EINVAL;
	if (attr->file_flags && !visible(c->sys->profile, KVER(6, 5)))
		return -EINVAL;
	if (!(attr->file_flags & BPF_F_PATH_FD) && attr->path_fd)
		return -EINVAL;
	o = object_get_any(c->sys, (int)attr->bpf_fd, &err);
	if (!o || (o->kind != OBJECT_MAP && o->kind != OBJECT_PROG && o->kind != OBJECT_LINK)) {
		err = -EINVAL;
		goto out;
	}
	err = path_arg(c, attr->pathname,
		       attr->file_flags & BPF_F_PATH_FD ? attr->path_fd : AT_FDCWD, path);
	if (err)
		goto out;
	pin_who_of(c->sys, &who);
	err = pins_cover(c->sys, path) ? pins_pin(c->sys, &who, path, o) : refuse_elsewhere(path);
out:
	object_put(o);
	return err;
}

int command_obj_get(struct call *c)
{
	const u32 modes = BPF_F_RDONLY | BPF_F_WRONLY;
	const union bpf_attr *attr = c->attr;
	u32 mode = attr->file_flags & modes;
	char path[PATH_MAX], real[PATH_MAX];
	struct pin_who who;
	struct object *o;
	int err, mode_of_fd;

	if (attr->bpf_fd || attr->file_flags & ~(u32)(modes | BPF_F_PATH_FD))
		return -EINVAL;
	if (attr->file_flags & BPF_F_PATH_FD && !visible(c->sys->profile, KVER(6, 5)))
		return -EINVAL;
	if (!(attr->file_flags & BPF_F_PATH_FD) && attr->path_fd)
		return -EINVAL;
	if (mode == modes)
		return -EINVAL;
	mode_of_fd = mode == BPF_F_RDONLY ? O_RDONLY : mode == BPF_F_WRONLY ? O_WRONLY : O_RDWR;
	err = path_arg(c, attr->pathname,
		       attr->file_flags & BPF_F_PATH_FD ? attr->path_fd : AT_FDCWD, path);
	if (err)
		return err;
	if (!pins_cover(c->sys, path)) {
		err = caller_path(path, real, sizeof(real));
		if (err)
			return err;
		return access(real, mode_of_fd == O_RDONLY ? R_OK :
				    mode_of_fd == O_WRONLY ? W_OK :
							     R_OK | W_OK) ?
			       -errno :
			       -EACCES;
	}
	pin_who_of(c->sys, &who);
	o = pins_get(c->sys, &who, path, mode_of_fd, &err);
	if (!o)
		return err;
	switch (o->kind) {
	case OBJECT_MAP:
		err = object_new_fd_mode(o, mode_of_fd);
		break;
	case OBJECT_LINK:
		err = mode_of_fd == O_RDWR ? object_new_fd(o) : -EINVAL;
		break;
	default:
		err = object_new_fd(o);
		break;
	}
	object_put(o);
	return err;
}
