/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of libc on paths that lie in the system's tree of pins (object/pins.h); all others go on
 * to the real function. A client has to mount it nowhere: PINS_MOUNT is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command/pin.h"
#include "command/token.h"
#include "front/front.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* A path in the tree, and for whom. */
struct place {
	struct skep_system *sys;
	struct pin_who who;
	char path[PATH_MAX];
};

static bool in_tree(int dirfd, const char *path, struct place *p)
{
	struct skep_system *sys = front_system(false);
	char dir[PATH_MAX];
	struct stat st;

	if (!path)
		return false;
	if (*path == '/') {
		if (!sys && pins_default_cover(path))
			sys = front_system(true);
		if (!sys || !pins_cover(sys, path))
			return false;
		if (snprintf(p->path, sizeof(p->path), "%s", path) >= (int)sizeof(p->path))
			return false;
	} else {
		if (!sys || dirfd < 0 || fstat(dirfd, &st) ||
		    pins_path_of(sys, &st, dir, sizeof(dir)) < 0)
			return false;
		if (snprintf(p->path, sizeof(p->path), "%s/%s", dir, path) >= (int)sizeof(p->path))
			return false;
	}
	p->sys = sys;
	pin_who_of(sys, &p->who);
	return true;
}

static int result(int err)
{
	if (err >= 0)
		return err;
	errno = -err;
	return -1;
}

/* ---- looking ---- */

static void fill_statfs(struct statfs *buf)
{
	memset(buf, 0, sizeof(*buf));
	buf->f_type = PINS_FS_MAGIC;
	buf->f_bsize = buf->f_frsize = 4096;
	buf->f_namelen = NAME_MAX;
}

int front_statfs(const struct front_real *real, const char *path, struct statfs *buf)
{
	struct place p;
	struct stat st;
	int err;

	if (!in_tree(AT_FDCWD, path, &p))
		return real->statfs(path, buf);
	err = pins_stat(p.sys, &p.who, p.path, true, &st);
	if (!err)
		fill_statfs(buf);
	return result(err);
}

int front_fstatfs(const struct front_real *real, int fd, struct statfs *buf)
{
	struct skep_system *sys = front_system(false);
	char path[PATH_MAX];
	struct stat st;

	if (!sys || fstat(fd, &st) || pins_path_of(sys, &st, path, sizeof(path)) < 0)
		return real->fstatfs(fd, buf);
	fill_statfs(buf);
	return 0;
}

int front_fstatat(const struct front_real *real, int dirfd, const char *path, struct stat *st,
		  int flags)
{
	struct place p;

	if ((flags & AT_EMPTY_PATH && !*path) || !in_tree(dirfd, path, &p))
		return real->fstatat(dirfd, path, st, flags);
	return result(pins_stat(p.sys, &p.who, p.path, !(flags & AT_SYMLINK_NOFOLLOW), st));
}

int front_pin_access(const struct front_real *real, int dirfd, const char *path, int mode,
		     int flags)
{
	struct place p;

	if (!in_tree(dirfd, path, &p))
		return real->faccessat(dirfd, path, mode, flags);
	return result(pins_access(p.sys, &p.who, p.path, mode));
}

int front_openat(const struct front_real *real, int dirfd, const char *path, int flags, mode_t mode)
{
	struct place p;

	if (in_tree(dirfd, path, &p))
		return result(pins_open(p.sys, &p.who, p.path, flags));
	return dirfd == AT_FDCWD ? real->open(path, flags, mode) :
				   real->openat(dirfd, path, flags, mode);
}

int front_pin_text(const char *path)
{
	struct place p;
	int fd;

	if (!in_tree(AT_FDCWD, path, &p))
		return -1;
	fd = pins_open(p.sys, &p.who, p.path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	errno = -fd;
	return -2;
}

DIR *front_opendir(const struct front_real *real, const char *path)
{
	struct place p;
	DIR *dir;
	int fd;

	if (!in_tree(AT_FDCWD, path, &p))
		return real->opendir(path);
	fd = result(pins_open(p.sys, &p.who, p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

/* Calls @fn for @p and what is below, as nftw() does; non-zero ends it. */
static int walk(struct place *p, __nftw_func_t fn, int flags, int level)
{
	const char *slash = strrchr(p->path, '/');
	struct FTW where = { .base = (int)(slash + 1 - p->path), .level = level };
	size_t len = strlen(p->path);
	struct pin_entry e;
	struct stat st;
	int err;

	err = pins_stat(p->sys, &p->who, p->path, !(flags & FTW_PHYS), &st);
	if (err)
		return level ? fn(p->path, &st, FTW_NS, &where) : result(err);
	if (!S_ISDIR(st.st_mode))
		return fn(p->path, &st, S_ISLNK(st.st_mode) ? FTW_SL : FTW_F, &where);
	if (pins_readdir(p->sys, &p->who, p->path, 0, &e))
		return fn(p->path, &st, FTW_DNR, &where);
	err = flags & FTW_DEPTH ? 0 : fn(p->path, &st, FTW_D, &where);
	for (u32 i = 2; !err && !pins_readdir(p->sys, &p->who, p->path, i, &e); i++) {
		if (snprintf(p->path + len, sizeof(p->path) - len, "/%s", e.name) <
		    (int)(sizeof(p->path) - len))
			err = walk(p, fn, flags, level + 1);
		p->path[len] = 0;
	}
	if (!err && flags & FTW_DEPTH)
		err = fn(p->path, &st, FTW_DP, &where);
	return err;
}

int front_nftw(const struct front_real *real, const char *path, __nftw_func_t fn, int fds,
	       int flags)
{
	struct place p;

	return in_tree(AT_FDCWD, path, &p) ? walk(&p, fn, flags, 0) :
					     real->nftw(path, fn, fds, flags);
}

/* ---- changing ---- */

int front_mkdirat(const struct front_real *real, int dirfd, const char *path, mode_t mode)
{
	struct place p;

	if (in_tree(dirfd, path, &p))
		return result(pins_mkdir(p.sys, &p.who, p.path, mode));
	return dirfd == AT_FDCWD ? real->mkdir(path, mode) : real->mkdirat(dirfd, path, mode);
}

int front_unlinkat(const struct front_real *real, int dirfd, const char *path, int flags)
{
	struct place p;

	if (in_tree(dirfd, path, &p))
		return result(flags & AT_REMOVEDIR ? pins_rmdir(p.sys, &p.who, p.path) :
						     pins_unlink(p.sys, &p.who, p.path));
	return dirfd == AT_FDCWD && !flags ? real->unlink(path) :
					     real->unlinkat(dirfd, path, flags);
}

int front_renameat2(const struct front_real *real, int olddir, const char *old, int newdir,
		    const char *new, unsigned flags)
{
	struct place from, to;
	bool one = in_tree(olddir, old, &from), other = in_tree(newdir, new, &to);

	if (!one && !other)
		return real->renameat2(olddir, old, newdir, new, flags);
	return result(one && other ? pins_rename(from.sys, &from.who, from.path, to.path, flags) :
				     -EXDEV);
}

int front_symlinkat(const struct front_real *real, const char *target, int dirfd, const char *path)
{
	struct place p;

	if (!in_tree(dirfd, path, &p))
		return real->symlinkat(target, dirfd, path);
	return result(pins_symlink(p.sys, &p.who, target, p.path));
}

int front_fchmodat(const struct front_real *real, int dirfd, const char *path, mode_t mode,
		   int flags)
{
	struct place p;

	if (!in_tree(dirfd, path, &p))
		return real->fchmodat(dirfd, path, mode, flags);
	return result(pins_chmod(p.sys, &p.who, p.path, mode));
}

/* ---- mounts ---- */

int front_mount(const struct front_real *real, const char *source, const char *target,
		const char *type, unsigned long flags, const void *data)
{
	struct skep_system *sys = NULL;
	struct pin_who who;
	struct stat st;

	if (type && !strcmp(type, "bpf"))
		sys = front_system(true);
	else if (pins_default_cover(target) && front_system(true))
		return 0; /* bind mounts and changes of propagation: nobody else sees it anyhow */
	if (!sys)
		return real->mount(source, target, type, flags, data);
	pin_who_of(sys, &who);
	if (!pins_cover(sys, target) && real->fstatat(AT_FDCWD, target, &st, 0))
		return -1;
	return result(pins_mount(sys, &who, target, data));
}

int front_umount2(const struct front_real *real, const char *target, int flags)
{
	struct skep_system *sys = front_system(false);
	struct pin_who who;

	if (!sys || !target || *target != '/' || !pins_is_mount(sys, target))
		return real->umount2(target, flags);
	pin_who_of(sys, &who);
	return result(pins_umount(sys, &who, target));
}

/* The root of a mount of the tree that @dirfd and @path name. */
static bool names_mount(int dirfd, const char *path, bool may_be_empty, char out[PATH_MAX])
{
	struct skep_system *sys = front_system(false);
	struct place p;
	struct stat st;

	if (may_be_empty && path && !*path)
		return sys && !fstat(dirfd, &st) && pins_path_of(sys, &st, out, PATH_MAX) > 0 &&
		       pins_is_mount(sys, out);
	if (!in_tree(dirfd, path, &p) || !pins_is_mount(p.sys, p.path))
		return false;
	memcpy(out, p.path, sizeof(p.path));
	return true;
}

bool front_fs_call(long nr, const long args[6], long *result)
{
	struct skep_system *sys = front_system(false);
	const char *path = (const char *)args[1], *to = (const char *)args[3];
	char from[PATH_MAX];
	struct pin_who who;

	switch (nr) {
	case SYS_fsopen:
		if (!args[0] || strcmp((const char *)args[0], "bpf"))
			return false;
		sys = front_system(true);
		if (!sys)
			return false;
		*result = bpffs_open(sys, (unsigned)args[1]);
		return true;
	case SYS_fsconfig:
		if (!sys || !bpffs_is_context(sys, (int)args[0]))
			return false;
		*result = bpffs_config(sys, (int)args[0], (unsigned)args[1], (u64)args[2],
				       (u64)args[3], (int)args[4]);
		return true;
	case SYS_fsmount:
		if (!sys || !bpffs_is_context(sys, (int)args[0]))
			return false;
		*result = bpffs_mount(sys, (int)args[0], (unsigned)args[1], (unsigned)args[2]);
		if (*result >= 0 && !(args[1] & FSMOUNT_CLOEXEC))
			fcntl((int)*result, F_SETFD, 0);
		return true;
	case SYS_fspick:
		if (!sys || !names_mount((int)args[0], path, args[2] & FSPICK_EMPTY_PATH, from))
			return false;
		*result = bpffs_pick(sys, args[2] & FSPICK_CLOEXEC);
		return true;
	case SYS_move_mount:
		if (!sys || !to ||
		    !names_mount((int)args[0], path, args[4] & MOVE_MOUNT_F_EMPTY_PATH, from))
			return false;
		pin_who_of(sys, &who);
		*result = pins_move_mount(sys, &who, from, to);
		return true;
	default:
		return false;
	}
}

/* The real list of mounts with ours in the place of the kernel's BPF file systems. */
FILE *front_setmntent(const struct front_real *real, const char *path, const char *mode)
{
	struct skep_system *sys;
	const char *mount;
	char line[4096];
	FILE *in, *out;
	int fd;

	if (strcmp(path, "/proc/mounts") && strcmp(path, "/proc/self/mounts"))
		return real->setmntent(path, mode);
	sys = front_system(true);
	in = sys ? real->fopen(path, "re") : NULL;
	if (!in)
		return real->setmntent(path, mode);
	fd = memfd_create("mounts", MFD_CLOEXEC);
	out = fd < 0 ? NULL : fdopen(fd, "w+");
	while (out && fgets(line, sizeof(line), in))
		if (!strstr(line, " bpf "))
			fputs(line, out);
	fclose(in);
	for (u32 i = 0; out && (mount = pins_mount_at(sys, i)); i++) {
		fprintf(out, "bpf %s bpf rw,relatime,mode=700", mount);
		pins_mount_text(sys, i, out);
		fputs(" 0 0\n", out);
	}
	if (out)
		rewind(out);
	else if (fd >= 0)
		close(fd);
	return out;
}
