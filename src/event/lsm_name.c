/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that make, remove, rename and change what has a name, and that look at it, made by the supervisor on
 * what has been asked about (Linux: fs/namei.c, fs/open.c, fs/stat.c, fs/utimes.c, fs/attr.c): on the
 * folder, held by O_PATH, and the last name in it, or on the thing itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "event/lsm.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define ATTR_MODE      1
#define ATTR_UID       2
#define ATTR_GID       4
#define ATTR_SIZE      8
#define ATTR_ATIME     16
#define ATTR_MTIME     32
#define ATTR_CTIME     64
#define ATTR_ATIME_SET 128
#define ATTR_MTIME_SET 256

struct name_arg {
	struct call_model *m;
	int dfd;
	u64 string;
	char path[PATH_MAX + 1];
	struct walked at; /* .fd -1: nothing */
};

/* The numbers of arguments that name something: -1: the working folder. */
static struct name_arg name_of(struct call_model *m, int dfd, int string)
{
	return (struct name_arg){ .m = m,
				  .dfd = dfd < 0 ? AT_FDCWD : (int)m->t->call.args[dfd],
				  .string = m->t->call.args[string],
				  .at = { .fd = -1 } };
}

static long find(struct name_arg *n, u32 flags)
{
	long err = lsm_string(n->m, n->string, n->path, sizeof(n->path));

	return err ? err : walk_path(n->m->t, n->dfd, n->path, flags, 0, &n->at);
}

static void drop(struct name_arg *n)
{
	if (n->at.fd >= 0)
		close(n->at.fd);
	n->at.fd = -1;
}

/* What the descriptor at argument 0 has open. */
static long find_descriptor(struct name_arg *n, bool usable_only)
{
	if (usable_only && !usable(n->m))
		return -EBADF;
	n->at.fd = decide_take_dir(n->m->t, n->dfd);
	return n->at.fd < 0 ? n->at.fd : 0;
}

/* The name as it was given, with its slash: Linux knows what that means for a file. */
static const char *last(const struct name_arg *n, char buf[260])
{
	snprintf(buf, 260, "%s%s", n->at.name, n->at.slash ? "/" : "");
	return buf;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* struct path of the folder, dentry of the name, inode of the folder. */
static void objects(struct name_arg *n, u64 *path, u64 *dentry, u64 *dir)
{
	decide_pause(n->m->t);
	*path = world_path_of(n->m->t, n->at.fd);
	*dentry = world_child(n->m->t, n->at.fd, n->at.name, dir);
	decide_unpause(n->m->t);
}

/* ---- removing ---- */

static long make_remove(struct name_arg *n, bool rmdir, int flags)
{
	u64 path, dentry, dir;
	struct stat st;
	char name[260];
	long err;

	err = find(n, WALK_PARENT);
	if (err)
		return err;
	if (!*n->at.name)
		return rmdir ? -EBUSY : -EISDIR;
	if (is_dots(n->at.name))
		return !rmdir ? -EISDIR : n->at.name[1] ? -ENOTEMPTY : -EINVAL;
	if (fstatat(n->at.fd, n->at.name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	objects(n, &path, &dentry, &dir);
	if (!n->at.slash || rmdir) {
		err = rmdir ? LSM_ASK(n->m, path_rmdir, path, dentry) :
			      LSM_ASK(n->m, path_unlink, path, dentry);
		/* It is asked about the inode only when it may be removed otherwise. */
		if (!err && rmdir == S_ISDIR(st.st_mode))
			err = rmdir ? LSM_ASK(n->m, inode_rmdir, dir, dentry) :
				      LSM_ASK(n->m, inode_unlink, dir, dentry);
	}
	if (err)
		return err;
	return unlinkat(n->at.fd, last(n, name), flags) ? -errno : 0;
}

static long make_unlink(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_unlinkat;
	struct name_arg n = name_of(m, at ? 0 : -1, at);
	int flags = at ? (int)arg2(m) : 0;
	long ret = flags & ~AT_REMOVEDIR ? -EINVAL : 0;

	if (m->t->call.nr == SYS_rmdir)
		flags = AT_REMOVEDIR;
	if (!ret)
		ret = make_remove(&n, flags & AT_REMOVEDIR, flags);
	drop(&n);
	return ret;
}

/* ---- making ---- */

/* The folder of a name that is not there. */
static long find_new(struct name_arg *n)
{
	struct stat st;
	long err = find(n, WALK_PARENT);

	if (err)
		return err;
	if (!*n->at.name || is_dots(n->at.name) ||
	    !fstatat(n->at.fd, n->at.name, &st, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

static long make_mkdir(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_mkdirat;
	struct name_arg n = name_of(m, at ? 0 : -1, at);
	u32 mask = task_umask(m->t), mode = (u32)m->t->call.args[1 + at] & 07777 & 0xffff;
	u64 path, dentry, dir;
	char name[260];
	long ret;

	ret = find_new(&n);
	if (!ret) {
		objects(&n, &path, &dentry, &dir);
		ret = LSM_ASK(m, path_mkdir, path, dentry, mode & ~mask);
		if (!ret)
			ret = LSM_ASK(m, inode_mkdir, dir, dentry, mode & ~mask & 01777);
	}
	if (!ret) {
		umask(mask);
		ret = mkdirat(n.at.fd, last(&n, name), mode) ? -errno : 0;
	}
	drop(&n);
	return ret;
}

static long make_mknod(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_mknodat;
	struct name_arg n = name_of(m, at ? 0 : -1, at);
	u32 mask = task_umask(m->t), mode = (u16)m->t->call.args[1 + at], masked;
	u32 dev = (u32)m->t->call.args[2 + at], type = mode & S_IFMT;
	u64 path, dentry, dir;
	long ret;

	if (type && type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO &&
	    type != S_IFSOCK)
		return type == S_IFDIR ? -EPERM : -EINVAL;
	ret = find_new(&n);
	if (!ret && n.at.slash)
		ret = -ENOENT;
	if (!ret) {
		masked = (type ? mode : mode | S_IFREG) & ~(mask & 0777);
		objects(&n, &path, &dentry, &dir);
		ret = LSM_ASK(m, path_mknod, path, dentry, masked, dev);
		if (!ret && (!type || type == S_IFREG))
			ret = LSM_ASK(m, inode_create, dir, dentry, masked);
		else if (!ret)
			ret = LSM_ASK(m, inode_mknod, dir, dentry, masked,
				      (dev & 0xfff00) >> 8 << 20 |
					      ((dev & 0xff) | (dev >> 12 & 0xfff00)));
	}
	if (!ret) {
		umask(mask);
		ret = syscall(SYS_mknodat, n.at.fd, n.at.name, mode, dev) ? -errno : 0;
	}
	drop(&n);
	return ret;
}

static long make_symlink(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_symlinkat;
	struct name_arg n = name_of(m, at ? 1 : -1, at ? 2 : 1);
	char target[PATH_MAX + 1];
	u64 path, dentry, dir, old;
	long ret;

	ret = lsm_string(m, arg0(m), target, sizeof(target));
	if (!ret && !*target)
		ret = -ENOENT;
	if (!ret)
		ret = find_new(&n);
	if (!ret && n.at.slash)
		ret = -ENOENT;
	if (!ret) {
		objects(&n, &path, &dentry, &dir);
		old = world_temp_bytes(m->t, target, (u32)strlen(target) + 1);
		ret = LSM_ASK(m, path_symlink, path, dentry, old);
		if (!ret)
			ret = LSM_ASK(m, inode_symlink, dir, dentry, old);
	}
	if (!ret)
		ret = symlinkat(target, n.at.fd, n.at.name) ? -errno : 0;
	drop(&n);
	return ret;
}

static long make_link(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_linkat;
	struct name_arg n = name_of(m, at ? 0 : -1, at), new = name_of(m, at ? 2 : -1, at ? 3 : 1);
	int flags = at ? (int)arg4(m) : 0;
	u64 path, dentry, dir, old;
	char from[48];
	long ret;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	ret = find(&n, (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
			       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0));
	if (!ret)
		ret = find_new(&new);
	if (!ret && new.at.slash)
		ret = -ENOENT;
	if (!ret) {
		old = world_dentry_of(m->t, n.at.fd);
		objects(&new, &path, &dentry, &dir);
		ret = LSM_ASK(m, path_link, old, path, dentry);
		if (!ret)
			ret = LSM_ASK(m, inode_link, old, dir, dentry);
	}
	if (!ret) {
		lsm_own_path(n.at.fd, from, sizeof(from));
		if (!*n.path)
			ret = linkat(n.at.fd, "", new.at.fd, new.at.name, AT_EMPTY_PATH);
		else
			ret = linkat(AT_FDCWD, from, new.at.fd, new.at.name, AT_SYMLINK_FOLLOW);
		ret = ret ? -errno : 0;
	}
	drop(&n);
	drop(&new);
	return ret;
}

static long make_rename(struct call_model *m)
{
	bool at = m->t->call.nr != SYS_rename;
	struct name_arg n = name_of(m, at ? 0 : -1, at), new = name_of(m, at ? 2 : -1, at ? 3 : 1);
	u32 flags = m->t->call.nr == SYS_renameat2 ? (u32)arg4(m) : 0;
	u64 path, dentry, dir, path2, dentry2, dir2;
	char from[260], to[260];
	struct stat st;
	long ret;

	ret = find(&n, WALK_PARENT);
	if (!ret)
		ret = find(&new, WALK_PARENT);
	if (!ret && (!*n.at.name || is_dots(n.at.name) || !*new.at.name || is_dots(new.at.name)))
		ret = -EBUSY;
	if (!ret && fstatat(n.at.fd, n.at.name, &st, AT_SYMLINK_NOFOLLOW))
		ret = -errno;
	if (!ret) {
		objects(&n, &path, &dentry, &dir);
		objects(&new, &path2, &dentry2, &dir2);
		ret = LSM_ASK(m, path_rename, path, dentry, path2, dentry2, flags);
		if (!ret && flags & RENAME_EXCHANGE)
			ret = LSM_ASK(m, inode_rename, dir2, dentry2, dir, dentry);
		if (!ret)
			ret = LSM_ASK(m, inode_rename, dir, dentry, dir2, dentry2);
	}
	if (!ret)
		ret = syscall(SYS_renameat2, n.at.fd, last(&n, from), new.at.fd, last(&new, to),
			      flags) ?
			      -errno :
			      0;
	drop(&n);
	drop(&new);
	return ret;
}

/* ---- changing ---- */

/* What the call changes: by name, or by descriptor where there is none. */
static long find_changed(struct name_arg *n, bool by_descriptor, int flags)
{
	if (by_descriptor)
		return find_descriptor(n, true);
	return find(n, (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
			       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0));
}

static u64 new_attr(struct call_model *m, u32 valid)
{
	u64 attr = world_temp(m->t, "struct iattr");

	world_set(m->t->sys, attr, "ia_valid", valid);
	return attr;
}

static long ask_setattr(struct name_arg *n, u64 attr)
{
	struct call_model *m = n->m;

	if (!lsm_active(m->t->sys, LSM_inode_setattr))
		return 0;
	if (visible(m->t->sys->profile, KVER(6, 9)))
		return LSM_ASK(m, inode_setattr, idmap(m), world_dentry_of(m->t, n->at.fd), attr);
	return LSM_ASK(m, inode_setattr, world_dentry_of(m->t, n->at.fd), attr);
}

static long make_chmod(struct call_model *m)
{
	u64 nr = m->t->call.nr;
	bool at = nr == SYS_fchmodat || nr == SYS_fchmodat2, by_fd = nr == SYS_fchmod;
	struct name_arg n = name_of(m, at || by_fd ? 0 : -1, at);
	u32 mode = (u16)m->t->call.args[1 + at];
	int flags = nr == SYS_fchmodat2 ? (int)arg3(m) : 0;
	char path[48];
	struct stat st;
	long ret;
	u64 attr;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	ret = find_changed(&n, by_fd, flags);
	if (!ret && fstat(n.at.fd, &st))
		ret = -errno;
	if (!ret)
		ret = LSM_ASK(m, path_chmod, world_path_of(m->t, n.at.fd), mode);
	if (!ret) {
		attr = new_attr(m, ATTR_MODE | ATTR_CTIME);
		world_set(m->t->sys, attr, "ia_mode", (mode & 07777) | (st.st_mode & S_IFMT));
		ret = ask_setattr(&n, attr);
	}
	if (!ret && S_ISLNK(st.st_mode))
		ret = -EOPNOTSUPP;
	if (!ret) {
		lsm_own_path(n.at.fd, path, sizeof(path));
		ret = chmod(path, mode & 07777) ? -errno : 0;
	}
	drop(&n);
	return ret;
}

static long make_chown(struct call_model *m)
{
	u64 nr = m->t->call.nr;
	bool at = nr == SYS_fchownat, by_fd = nr == SYS_fchown;
	struct name_arg n = name_of(m, at || by_fd ? 0 : -1, at);
	u32 uid = (u32)m->t->call.args[1 + at], gid = (u32)m->t->call.args[2 + at];
	int flags = at ? (int)arg4(m) : nr == SYS_lchown ? AT_SYMLINK_NOFOLLOW : 0;
	long ret;
	u64 attr;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	ret = find_changed(&n, by_fd, flags);
	if (!ret)
		ret = LSM_ASK(m, path_chown, world_path_of(m->t, n.at.fd), uid, gid);
	if (!ret) {
		attr = new_attr(m, ATTR_CTIME | (uid == (u32)-1 ? 0 : ATTR_UID) |
					   (gid == (u32)-1 ? 0 : ATTR_GID));
		world_set(m->t->sys, attr, "ia_uid.val", uid);
		world_set(m->t->sys, attr, "ia_gid.val", gid);
		ret = ask_setattr(&n, attr);
	}
	if (!ret)
		ret = fchownat(n.at.fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 0;
	drop(&n);
	return ret;
}

static long make_truncate(struct call_model *m)
{
	struct name_arg n = name_of(m, -1, 0);
	char path[48];
	struct stat st;
	long ret;
	u64 attr;

	ret = (s64)arg1(m) < 0 ? -EINVAL : find(&n, WALK_FOLLOW);
	lsm_own_path(n.at.fd, path, sizeof(path));
	if (!ret && fstat(n.at.fd, &st))
		ret = -errno;
	else if (!ret && !S_ISREG(st.st_mode))
		ret = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!ret && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS))
		ret = -errno;
	if (!ret)
		ret = LSM_ASK(m, path_truncate, world_path_of(m->t, n.at.fd));
	if (!ret) {
		attr = new_attr(m, ATTR_SIZE | ATTR_MTIME | ATTR_CTIME);
		world_set(m->t->sys, attr, "ia_size", arg1(m));
		ret = ask_setattr(&n, attr);
	}
	if (!ret)
		ret = truncate(path, (off_t)arg1(m)) ? -errno : 0;
	drop(&n);
	return ret;
}

/* The descriptor is what it is: Linux shortens it when nobody objects. */
static long make_ftruncate(struct call_model *m)
{
	struct name_arg n = name_of(m, 0, 0);
	long ret;
	u64 attr;

	if ((s64)arg1(m) < 0 || !usable(m) || !m->info[0]->write || !S_ISREG(m->info[0]->mode))
		return LSM_NATIVE;
	if (visible(m->t->sys->profile, KVER(6, 2)))
		ret = LSM_ASK(m, file_truncate, file0(m));
	else
		ret = LSM_ASK(m, path_truncate, file0_path(m));
	if (!ret)
		ret = find_descriptor(&n, true);
	if (!ret) {
		attr = new_attr(m, ATTR_SIZE | ATTR_MTIME | ATTR_CTIME);
		world_set(m->t->sys, attr, "ia_size", arg1(m));
		ret = ask_setattr(&n, attr);
	}
	drop(&n);
	return ret ? ret : LSM_NATIVE;
}

/* The times that the call gives; *@set: it gives any. 0, -EFAULT or -EINVAL. */
static long read_times(struct call_model *m, u64 at, struct timespec t[2], bool *set)
{
	struct timeval v[2];
	long old[2];

	*set = at;
	if (!at)
		return 0;
	switch (m->t->call.nr) {
	case SYS_utimensat:
		return task_read(m->t, t, at, 2 * sizeof(*t)) ? -EFAULT : 0;
	case SYS_utime:
		if (task_read(m->t, old, at, sizeof(old)))
			return -EFAULT;
		t[0] = (struct timespec){ .tv_sec = old[0] };
		t[1] = (struct timespec){ .tv_sec = old[1] };
		return 0;
	}
	if (task_read(m->t, v, at, sizeof(v)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (v[i].tv_usec < 0 || v[i].tv_usec >= 1000000)
			return -EINVAL;
		t[i] = (struct timespec){ v[i].tv_sec, v[i].tv_usec * 1000 };
	}
	return 0;
}

static long make_utimes(struct call_model *m)
{
	u64 nr = m->t->call.nr;
	bool at = nr == SYS_utimensat || nr == SYS_futimesat, set;
	struct name_arg n = name_of(m, at ? 0 : -1, at);
	int flags = nr == SYS_utimensat ? (int)arg3(m) : 0;
	bool by_fd = at && !n.string;
	u32 valid = ATTR_CTIME | ATTR_ATIME | ATTR_MTIME;
	struct timespec times[2];
	long ret;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) || (by_fd && flags))
		return -EINVAL;
	decide_pause(m->t);
	ret = read_times(m, m->t->call.args[1 + at], times, &set);
	decide_unpause(m->t);
	if (!ret && set && times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return 0;
	if (!ret)
		ret = find_changed(&n, by_fd, flags);
	if (set && !ret) {
		valid = ATTR_CTIME;
		for (int i = 0; i < 2; i++)
			if (times[i].tv_nsec != UTIME_OMIT)
				valid |=
					(u32)((ATTR_ATIME |
					       (times[i].tv_nsec == UTIME_NOW ? 0 : ATTR_ATIME_SET))
					      << i);
	}
	if (!ret)
		ret = ask_setattr(&n, new_attr(m, valid));
	if (!ret)
		ret = syscall(SYS_utimensat, n.at.fd, "", set ? times : NULL, AT_EMPTY_PATH) ?
			      -errno :
			      0;
	drop(&n);
	return ret;
}

/* ---- looking ---- */

static long put(struct call_model *m, u64 to, const void *from, size_t size)
{
	int err;

	decide_pause(m->t);
	err = m->t->bpf.ops->write_user(&m->t->bpf, to, from, (u32)size);
	decide_unpause(m->t);
	return err ? -EFAULT : 0;
}

static long make_stat(struct call_model *m)
{
	u64 nr = m->t->call.nr;
	bool at = nr == SYS_newfstatat || nr == SYS_statx, by_fd = nr == SYS_fstat;
	struct name_arg n = name_of(m, at || by_fd ? 0 : -1, at);
	int flags = nr == SYS_newfstatat ? (int)arg3(m) :
		    nr == SYS_statx	 ? (int)arg2(m) :
		    nr == SYS_lstat	 ? AT_SYMLINK_NOFOLLOW :
					   0;
	struct statx stx;
	struct stat st;
	long ret;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	/* By descriptor alone it is Linux's. */
	if (by_fd || (flags & AT_EMPTY_PATH && at)) {
		char c = 0;

		if (by_fd || !n.string || (!task_read(m->t, &c, n.string, 1) && !c)) {
			ret = n.dfd == AT_FDCWD ? find(&n, WALK_EMPTY) : find_descriptor(&n, false);
			if (!ret)
				ret = LSM_ASK(m, inode_getattr, world_path_of(m->t, n.at.fd));
			drop(&n);
			return ret ? ret : LSM_NATIVE;
		}
	}
	ret = find_changed(&n, false, flags);
	if (!ret)
		ret = LSM_ASK(m, inode_getattr, world_path_of(m->t, n.at.fd));
	if (!ret && nr == SYS_statx) {
		memset(&stx, 0, sizeof(stx));
		ret = statx(n.at.fd, "", (flags & AT_STATX_SYNC_TYPE) | AT_EMPTY_PATH, (u32)arg3(m),
			    &stx) ?
			      -errno :
			      put(m, arg4(m), &stx, sizeof(stx));
	} else if (!ret) {
		ret = fstatat(n.at.fd, "", &st, AT_EMPTY_PATH) ?
			      -errno :
			      put(m, m->t->call.args[1 + at], &st, sizeof(st));
	}
	drop(&n);
	return ret;
}

static long make_readlink(struct call_model *m)
{
	bool at = m->t->call.nr == SYS_readlinkat;
	struct name_arg n = name_of(m, at ? 0 : -1, at);
	int size = (int)m->t->call.args[2 + at];
	char text[PATH_MAX];
	struct stat st;
	ssize_t len;
	long ret;

	if (size <= 0)
		return -EINVAL;
	ret = find(&n, at ? WALK_EMPTY : 0);
	if (!ret && fstat(n.at.fd, &st))
		ret = -errno;
	if (!ret && !S_ISLNK(st.st_mode))
		ret = *n.path ? -EINVAL : -ENOENT;
	if (!ret)
		ret = LSM_ASK(m, inode_readlink, world_dentry_of(m->t, n.at.fd));
	if (!ret) {
		len = readlinkat(n.at.fd, "", text, sizeof(text));
		if (len > size)
			len = size;
		ret = len < 0 ? -errno : put(m, m->t->call.args[1 + at], text, (size_t)len);
		if (!ret)
			ret = len;
	}
	drop(&n);
	return ret;
}

/* ---- the table ---- */

struct name_call {
	struct lsm_call call;
	u16 nr;
	s8 dfd[2], string[2]; /* arguments that may name what another shows; -1: none */
	long (*make)(struct call_model *m);
};

static void make_call(struct call_model *m);

#define ASKS(...)                                                                                  \
	{                                                                                          \
		{ __VA_ARGS__ }, make_call, NULL                                                   \
	}
#define H(name) (LSM_##name + 1)
#define AT(d, s)                                                                                   \
	{ d, -1 },                                                                                 \
	{                                                                                          \
		s, -1                                                                              \
	}
#define NONE                                                                                       \
	{ -1, -1 },                                                                                \
	{                                                                                          \
		-1, -1                                                                             \
	}
#define TWO(d, s, e, u)                                                                            \
	{ d, e },                                                                                  \
	{                                                                                          \
		s, u                                                                               \
	}

static const struct name_call calls[] = {
	{ ASKS(H(path_unlink), H(inode_unlink)), SYS_unlink, AT(-1, 0), make_unlink },
	{ ASKS(H(path_unlink), H(inode_unlink), H(path_rmdir), H(inode_rmdir)), SYS_unlinkat,
	  AT(0, 1), make_unlink },
	{ ASKS(H(path_rmdir), H(inode_rmdir)), SYS_rmdir, AT(-1, 0), make_unlink },
	{ ASKS(H(path_mkdir), H(inode_mkdir)), SYS_mkdir, AT(-1, 0), make_mkdir },
	{ ASKS(H(path_mkdir), H(inode_mkdir)), SYS_mkdirat, AT(0, 1), make_mkdir },
	{ ASKS(H(path_mknod), H(inode_mknod), H(inode_create)), SYS_mknod, AT(-1, 0), make_mknod },
	{ ASKS(H(path_mknod), H(inode_mknod), H(inode_create)), SYS_mknodat, AT(0, 1), make_mknod },
	{ ASKS(H(path_symlink), H(inode_symlink)), SYS_symlink, AT(-1, 1), make_symlink },
	{ ASKS(H(path_symlink), H(inode_symlink)), SYS_symlinkat, AT(1, 2), make_symlink },
	{ ASKS(H(path_link), H(inode_link)), SYS_link, TWO(-1, 0, -1, 1), make_link },
	{ ASKS(H(path_link), H(inode_link)), SYS_linkat, TWO(0, 1, 2, 3), make_link },
	{ ASKS(H(path_rename), H(inode_rename)), SYS_rename, TWO(-1, 0, -1, 1), make_rename },
	{ ASKS(H(path_rename), H(inode_rename)), SYS_renameat, TWO(0, 1, 2, 3), make_rename },
	{ ASKS(H(path_rename), H(inode_rename)), SYS_renameat2, TWO(0, 1, 2, 3), make_rename },
	{ ASKS(H(path_chmod), H(inode_setattr)), SYS_chmod, AT(-1, 0), make_chmod },
	{ ASKS(H(path_chmod), H(inode_setattr)), SYS_fchmod, NONE, make_chmod },
	{ ASKS(H(path_chmod), H(inode_setattr)), SYS_fchmodat, AT(0, 1), make_chmod },
	{ ASKS(H(path_chmod), H(inode_setattr)), SYS_fchmodat2, AT(0, 1), make_chmod },
	{ ASKS(H(path_chown), H(inode_setattr)), SYS_chown, AT(-1, 0), make_chown },
	{ ASKS(H(path_chown), H(inode_setattr)), SYS_lchown, AT(-1, 0), make_chown },
	{ ASKS(H(path_chown), H(inode_setattr)), SYS_fchown, NONE, make_chown },
	{ ASKS(H(path_chown), H(inode_setattr)), SYS_fchownat, AT(0, 1), make_chown },
	{ ASKS(H(path_truncate), H(inode_setattr)), SYS_truncate, AT(-1, 0), make_truncate },
	{ ASKS(H(path_truncate), H(file_truncate), H(inode_setattr)), SYS_ftruncate, NONE,
	  make_ftruncate },
	{ ASKS(H(inode_setattr)), SYS_utime, AT(-1, 0), make_utimes },
	{ ASKS(H(inode_setattr)), SYS_utimes, AT(-1, 0), make_utimes },
	{ ASKS(H(inode_setattr)), SYS_futimesat, AT(0, 1), make_utimes },
	{ ASKS(H(inode_setattr)), SYS_utimensat, AT(0, 1), make_utimes },
	{ ASKS(H(inode_getattr)), SYS_stat, AT(-1, 0), make_stat },
	{ ASKS(H(inode_getattr)), SYS_lstat, AT(-1, 0), make_stat },
	{ ASKS(H(inode_getattr)), SYS_fstat, NONE, make_stat },
	{ ASKS(H(inode_getattr)), SYS_newfstatat, AT(0, 1), make_stat },
	{ ASKS(H(inode_getattr)), SYS_statx, AT(0, 1), make_stat },
	{ ASKS(H(inode_readlink)), SYS_readlink, AT(-1, 0), make_readlink },
	{ ASKS(H(inode_readlink)), SYS_readlinkat, AT(0, 1), make_readlink },
};

static const struct name_call *row_of(u64 nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

static void make_call(struct call_model *m)
{
	const struct name_call *c = row_of(m->t->call.nr);
	long ret;

	for (int i = 0; i < 2; i++)
		if (c->string[i] >= 0 &&
		    lsm_elsewhere(m, c->dfd[i] < 0 ? AT_FDCWD : (int)m->t->call.args[c->dfd[i]],
				  m->t->call.args[c->string[i]]))
			return;
	ret = decide_as_task(m->t);
	if (!ret) {
		ret = c->make(m);
		decide_as_self(m->t);
	}
	if (ret != LSM_NATIVE)
		lsm_result(m, ret);
}

const struct lsm_call *lsm_name_call(u32 nr)
{
	const struct name_call *c = row_of(nr);

	return c ? &c->call : NULL;
}
