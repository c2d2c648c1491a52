/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that change what names name: files of the instance's BPF file system and folders of its tree of cgroups are
 * made, renamed and removed, file systems are mounted (Linux: fs/namei.c, fs/xattr.c, fs/namespace.c, down to
 * kernel/bpf/inode.c). What the others do: views.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command/pin.h"
#include "command/token.h"
#include "daemon/view.h"
#include "object/cgroup_tree.h"

/* ---- changing the tree of pins ---- */

/* One path of a call that changes something, @cgroups in that tree; ELSEWHERE is the kernel's. */
#define CHANGE(r, dirfd, address, call)                                                            \
	CHANGE_OR(r, dirfd, address, call, cgroup_tree_refuse((r)->sys, path))
#define CHANGE_OR(r, dirfd, address, call, cgroups)                                                \
	({                                                                                         \
		struct place _p;                                                                   \
		struct pin_who who;                                                                \
		const char *path = _p.path;                                                        \
		long _result = ANSWER_CONTINUE;                                                    \
                                                                                                   \
		view_locate((r), (dirfd), (address), &_p);                                         \
		if (_p.kind == PIN) {                                                              \
			pin_who_of((r)->sys, &who);                                                \
			_result = (call);                                                          \
		} else if (_p.kind == CGROUP) {                                                    \
			_result = (cgroups);                                                       \
		} else if (_p.kind == SHOWN || _p.kind == RECEIVER) {                              \
			_result = -EPERM;                                                          \
		}                                                                                  \
		_result;                                                                           \
	})

long view_unlink(struct request *r)
{
	return CHANGE(r, AT_FDCWD, r->args[0], pins_unlink(r->sys, &who, path));
}

long view_unlinkat(struct request *r)
{
	return CHANGE_OR(r, (int)r->args[0], r->args[1],
			 r->args[2] & AT_REMOVEDIR ? pins_rmdir(r->sys, &who, path) :
						     pins_unlink(r->sys, &who, path),
			 r->args[2] & AT_REMOVEDIR ?
				 (_p.dot ? -EINVAL : cgroup_tree_rmdir(r->sys, path)) :
				 cgroup_tree_refuse(r->sys, path));
}

long view_rmdir(struct request *r)
{
	return CHANGE_OR(r, AT_FDCWD, r->args[0], pins_rmdir(r->sys, &who, path),
			 _p.dot ? -EINVAL : cgroup_tree_rmdir(r->sys, path));
}

long view_mkdir(struct request *r)
{
	return CHANGE_OR(r, AT_FDCWD, r->args[0], pins_mkdir(r->sys, &who, path, (u32)r->args[1]),
			 cgroup_tree_mkdir(r->sys, path, (u32)r->args[1]));
}

long view_mkdirat(struct request *r)
{
	return CHANGE_OR(r, (int)r->args[0], r->args[1],
			 pins_mkdir(r->sys, &who, path, (u32)r->args[2]),
			 cgroup_tree_mkdir(r->sys, path, (u32)r->args[2]));
}

long view_chmod(struct request *r)
{
	return CHANGE(r, AT_FDCWD, r->args[0], pins_chmod(r->sys, &who, path, (u32)r->args[1]));
}

long view_fchmodat(struct request *r)
{
	return CHANGE(r, (int)r->args[0], r->args[1],
		      pins_chmod(r->sys, &who, path, (u32)r->args[2]));
}

long view_chown(struct request *r)
{
	return CHANGE(r, AT_FDCWD, r->args[0],
		      pins_chown(r->sys, &who, path, (u32)r->args[1], (u32)r->args[2]));
}

long view_fchownat(struct request *r)
{
	return CHANGE(r, (int)r->args[0], r->args[1],
		      pins_chown(r->sys, &who, path, (u32)r->args[2], (u32)r->args[3]));
}

/* Two paths: both in the tree, or EXDEV. */
static long change_two(struct request *r, int from_dir, u64 from, int to_dir, u64 to,
		       long (*change)(struct request *r, const struct pin_who *who,
				      const char *from, const char *to))
{
	struct place a, b;
	struct pin_who who;

	view_locate(r, from_dir, from, &a);
	view_locate(r, to_dir, to, &b);
	if (a.kind == CGROUP || b.kind == CGROUP)
		return a.kind == b.kind ? cgroup_tree_refuse(r->sys, a.path) : -EXDEV;
	if (a.kind != PIN && b.kind != PIN)
		return a.kind == SHOWN || b.kind == SHOWN ? -EPERM : ANSWER_CONTINUE;
	if (a.kind != b.kind)
		return -EXDEV;
	pin_who_of(r->sys, &who);
	return change(r, &who, a.path, b.path);
}

static long rename_pins(struct request *r, const struct pin_who *who, const char *from,
			const char *to)
{
	return pins_rename(r->sys, who, from, to, r->nr == SYS_renameat2 ? (u32)r->args[4] : 0);
}

static long link_pins(struct request *r, const struct pin_who *who, const char *from,
		      const char *to)
{
	return pins_link(r->sys, who, from, to);
}

long view_rename(struct request *r)
{
	return change_two(r, AT_FDCWD, r->args[0], AT_FDCWD, r->args[1], rename_pins);
}

long view_renameat(struct request *r)
{
	return change_two(r, (int)r->args[0], r->args[1], (int)r->args[2], r->args[3], rename_pins);
}

long view_link(struct request *r)
{
	return change_two(r, AT_FDCWD, r->args[0], AT_FDCWD, r->args[1], link_pins);
}

long view_linkat(struct request *r)
{
	return change_two(r, (int)r->args[0], r->args[1], (int)r->args[2], r->args[3], link_pins);
}

static long symlink_at(struct request *r, u64 target, int dirfd, u64 path)
{
	char text[PATH_MAX];
	struct pin_who who;
	struct place p;
	long n;

	view_locate(r, dirfd, path, &p);
	if (p.kind != PIN)
		return p.kind == SHOWN || p.kind == CGROUP ? -EPERM : ANSWER_CONTINUE;
	n = user_read_str(r->sys, text, target, sizeof(text));
	if (n < 0)
		return n == -E2BIG ? -ENAMETOOLONG : n;
	pin_who_of(r->sys, &who);
	return pins_symlink(r->sys, &who, text, p.path);
}

long view_symlink(struct request *r)
{
	return symlink_at(r, r->args[0], AT_FDCWD, r->args[1]);
}

long view_symlinkat(struct request *r)
{
	return symlink_at(r, r->args[0], (int)r->args[1], r->args[2]);
}

/* ---- extended attributes: of cgroups those of their folders, else there are none ---- */

#define XATTR_NAME 256

/* The folder, and the attribute's name in @name unless that is NULL; ANSWER_CONTINUE, or an answer. */
static long find_xattr(struct request *r, char real[PATH_MAX], char *name, int mode, long others)
{
	struct place p;
	long n;

	view_locate(r, AT_FDCWD, r->args[0], &p);
	if (p.kind != CGROUP)
		return p.kind == PIN || p.kind == SHOWN || p.kind == BEHIND ? others :
									      ANSWER_CONTINUE;
	n = name ? user_read_str(r->sys, name, r->args[1], XATTR_NAME) : 0;
	if (n < 0)
		return n == -E2BIG ? -ERANGE : n;
	if (name && strncmp(name, "user.", 5))
		return mode == W_OK ? -EPERM : -ENODATA;
	n = cgroup_tree_access(r->sys, p.path, mode);
	return n ? n : cgroup_tree_real(r->sys, p.path, real, PATH_MAX);
}

/* What fits into @size bytes; 0 asks how many there are. */
static long give_xattr(struct request *r, const char *value, ssize_t n, u64 to, u64 size)
{
	if (n < 0)
		return -errno;
	if (size && size < (u64)n)
		return -ERANGE;
	return size && user_write(r->sys, to, value, (size_t)n) ? -EFAULT : n;
}

long view_getxattr(struct request *r)
{
	char real[PATH_MAX], name[XATTR_NAME], value[4096];
	long err = find_xattr(r, real, name, R_OK, -EOPNOTSUPP);

	return err ? err :
		     give_xattr(r, value, getxattr(real, name, value, sizeof(value)), r->args[2],
				r->args[3]);
}

long view_listxattr(struct request *r)
{
	char real[PATH_MAX], list[4096], names[4096];
	long err = find_xattr(r, real, NULL, F_OK, 0);
	ssize_t n = err ? 0 : listxattr(real, list, sizeof(list)), kept = 0;

	if (err || n < 0)
		return err ? err : -errno;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1)
		if (!strncmp(list + i, "user.", 5))
			kept += stpcpy(names + kept, list + i) - (names + kept) + 1;
	return give_xattr(r, names, kept, r->args[1], r->args[2]);
}

long view_setxattr(struct request *r)
{
	char real[PATH_MAX], name[XATTR_NAME], value[4096];
	long err = find_xattr(r, real, name, W_OK, -EOPNOTSUPP);

	if (err)
		return err;
	if (r->args[3] > sizeof(value)) /* as kernfs, or nearly: all of a cgroup's are that much */
		return r->args[3] > 65536 ? -E2BIG : -ENOSPC;
	if (user_read(r->sys, value, r->args[2], r->args[3]))
		return -EFAULT;
	return setxattr(real, name, value, r->args[3], (int)r->args[4]) ? -errno : 0;
}

long view_removexattr(struct request *r)
{
	char real[PATH_MAX], name[XATTR_NAME];
	long err = find_xattr(r, real, name, W_OK, -EOPNOTSUPP);

	return err ? err : removexattr(real, name) ? -errno : 0;
}

/* ---- mounts ---- */

/* Whether something can be mounted at @p: 0 or -errno. */
static int check_mount_point(struct place *p)
{
	char path[PATH_MAX];
	struct stat st;
	int err = view_stat_place(p, true, &st);

	if (err > 0)
		err = caller_path(p->path, path, sizeof(path)) || stat(path, &st) ? -ENOENT : 0;
	return err ? err : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

long view_mount(struct request *r)
{
	char type[32] = "", options[4096];
	struct pin_who who;
	struct place p;
	int err;

	if (r->args[2] && user_read_str(r->sys, type, r->args[2], sizeof(type)) < 0)
		return ANSWER_CONTINUE;
	view_locate(r, AT_FDCWD, r->args[1], &p);
	pin_who_of(r->sys, &who);
	if (!strcmp(type, "cgroup2") && p.kind == CGROUP)
		return cgroup_tree_access(r->sys, p.path, F_OK); /* it is */
	if (!strcmp(type, "cgroup2") && p.kind == ELSEWHERE && r->sys->cgroup_tree) {
		err = check_mount_point(&p);
		return err ? err : cgroup_tree_mount(r->sys, p.path);
	}
	if (strcmp(type, "bpf")) {
		/* Propagation of what is ours: there is nowhere for it to go. */
		if (p.kind == PIN || (p.kind == ELSEWHERE && pins_cover(r->sys, p.path)))
			return 0;
		return ANSWER_CONTINUE;
	}
	err = check_mount_point(&p);
	if (err)
		return err;
	if (r->args[4] && user_read_str(r->sys, options, r->args[4], sizeof(options)) < 0)
		return -EFAULT;
	return pins_mount(r->sys, &who, p.path, r->args[4] ? options : NULL);
}

long view_umount(struct request *r)
{
	char target[PATH_MAX];

	/* By an absolute path, as it was mounted. */
	if (user_read_str(r->sys, target, r->args[0], sizeof(target)) > 1 && *target == '/') {
		view_tidy(target);
		if (cgroup_tree_umount(r->sys, target))
			return 0;
	}
	return CHANGE(r, AT_FDCWD, r->args[0], pins_umount(r->sys, &who, path));
}

long view_fsopen(struct request *r)
{
	char type[8];

	if (user_read_str(r->sys, type, r->args[0], sizeof(type)) < 0 || strcmp(type, "bpf"))
		return ANSWER_CONTINUE;
	return bpffs_open(r->sys, (unsigned)r->args[1]);
}

long view_fsconfig(struct request *r)
{
	if (!bpffs_is_context(r->sys, (int)r->args[0]))
		return ANSWER_CONTINUE;
	return bpffs_config(r->sys, (int)r->args[0], (unsigned)r->args[1], r->args[2], r->args[3],
			    (int)r->args[4]);
}

long view_fsmount(struct request *r)
{
	int fd;

	if (!bpffs_is_context(r->sys, (int)r->args[0]))
		return ANSWER_CONTINUE;
	fd = bpffs_mount(r->sys, (int)r->args[0], (unsigned)r->args[1], (unsigned)r->args[2]);
	return caller_give_fd(fd, r->args[1] & FSMOUNT_CLOEXEC);
}

/* The root of a mount of the tree that @dirfd and the path name. */
static bool names_mount(struct request *r, int dirfd, u64 path, bool may_be_empty, char *out)
{
	struct stat st;
	char first[2];

	if (may_be_empty && !user_read_str(r->sys, first, path, sizeof(first)))
		return !caller_fstat(dirfd, &st) && pins_path_of(r->sys, &st, out, PATH_MAX) > 0 &&
		       pins_is_mount(r->sys, out);
	return view_path(r, dirfd, path, out) > 0 && pins_is_mount(r->sys, out);
}

long view_fspick(struct request *r)
{
	char path[PATH_MAX];

	if (!names_mount(r, (int)r->args[0], r->args[1], r->args[2] & FSPICK_EMPTY_PATH, path))
		return ANSWER_CONTINUE;
	return bpffs_pick(r->sys, r->args[2] & FSPICK_CLOEXEC);
}

long view_move_mount(struct request *r)
{
	char from[PATH_MAX];
	struct pin_who who;
	struct place p;
	int err;

	if (!names_mount(r, (int)r->args[0], r->args[1], r->args[4] & MOVE_MOUNT_F_EMPTY_PATH,
			 from))
		return ANSWER_CONTINUE;
	view_locate(r, (int)r->args[2], r->args[3], &p);
	err = check_mount_point(&p);
	if (err)
		return err;
	pin_who_of(r->sys, &who);
	return pins_move_mount(r->sys, &who, from, p.path);
}
