/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that open files, made by the supervisor: it finds the file, asks about what it has found and opens
 * that; the task gets the descriptor (Linux: path_openat(), do_open() and may_open() of
 * fs/namei.c). What may wait, a FIFO's other end, is waited for by a worker.
 *
 * Devices and files of /proc look at who opens them. A task that shares neither memory nor descriptors
 * opens them itself, and at the end of its call it is seen what it has opened: if that is something
 * else than what was asked about, it is asked about, too, before the task goes on.
 * DIFF(lsm-open): for the others the supervisor opens them: /dev/tty is no terminal then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "event/lsm.h"
#include "event/supervisor.h"

#define O_TMPFILE_BIT 020000000
#define LARGEFILE     0100000
#define TRIES	      16

struct opening {
	struct call_model *m;
	int dfd;
	u64 string;
	struct open_how how;
	char path[PATH_MAX + 1];
};

/* ---- arguments ---- */

/* As build_open_how(): bits that open() does not know are nothing. 0 or -errno. */
static int read_arguments(struct opening *o)
{
	const u64 valid = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
			  O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | LARGEFILE |
			  O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE_BIT;
	const u64 *args = o->m->t->call.args;
	char raw[256] = { 0 };
	u32 at = 0;
	u64 size;

	o->dfd = AT_FDCWD;
	switch (o->m->t->call.nr) {
	case SYS_openat2:
		size = args[3];
		o->dfd = (int)args[0];
		o->string = args[1];
		if (size < sizeof(o->how))
			return -EINVAL;
		if (size > sizeof(raw))
			return -E2BIG;
		if (task_read(o->m->t, raw, args[2], size))
			return -EFAULT;
		for (size_t i = sizeof(o->how); i < size; i++)
			if (raw[i])
				return -E2BIG;
		memcpy(&o->how, raw, sizeof(o->how));
		break;
	case SYS_creat:
		o->string = args[0];
		o->how.flags = O_CREAT | O_WRONLY | O_TRUNC;
		o->how.mode = args[1] & 07777;
		break;
	case SYS_openat:
		o->dfd = (int)args[0];
		at = 1;
		/* fall through */
	default:
		o->string = args[at];
		o->how.flags = (u64)(u32)args[at + 1] & valid;
		if (o->how.flags & O_PATH)
			o->how.flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
		if (o->how.flags & (O_CREAT | O_TMPFILE_BIT))
			o->how.mode = args[at + 2] & 07777;
	}
	/* What is wrong with them Linux tells; with nothing wrong an empty path is not there. */
	if (syscall(SYS_openat2, AT_FDCWD, "", &o->how, sizeof(o->how)) < 0 && errno != ENOENT)
		return -errno;
	return lsm_string(o->m, o->string, o->path, sizeof(o->path));
}

static bool is_temporary(const struct opening *o)
{
	return (o->how.flags & O_TMPFILE) == O_TMPFILE;
}

/* ---- asking ---- */

static long ask_open(struct opening *o, int fd)
{
	struct task *t = o->m->t;

	if (!lsm_active(t->sys, LSM_file_open))
		return 0;
	return LSM_ASK(o->m, file_open, world_file_of(t, fd, (u32)o->how.flags | LARGEFILE));
}

static long ask_truncate(struct opening *o, int fd)
{
	struct task *t = o->m->t;
	u64 attr, idmapped;
	long ret;

	if (visible(t->sys->profile, KVER(6, 2)))
		ret = LSM_ASK(o->m, file_truncate, world_file_of(t, fd, (u32)o->how.flags));
	else
		ret = LSM_ASK(o->m, path_truncate, world_path_of(t, fd));
	if (ret || !lsm_active(t->sys, LSM_inode_setattr))
		return ret;
	attr = world_temp(t, "struct iattr");
	world_set(t->sys, attr, "ia_valid", 1 << 3 | 1 << 5 | 1 << 6 | 1 << 15);
	idmapped = idmap(o->m);
	return visible(t->sys->profile, KVER(6, 9)) ?
		       LSM_ASK(o->m, inode_setattr, idmapped, world_dentry_of(t, fd), attr) :
		       LSM_ASK(o->m, inode_setattr, world_dentry_of(t, fd), attr);
}

/* ---- waiting ---- */

struct open_work {
	struct decide_work work;
	int found, flags;
	bool cloexec;
};

static long wait_open(struct decide_work *w)
{
	struct open_work *o = container_of(w, struct open_work, work);
	char path[48];
	int fd;

	lsm_own_path(o->found, path, sizeof(path));
	fd = open(path, o->flags);
	return fd < 0 ? -errno : fd;
}

static void opened(struct task *t, struct decide_work *w)
{
	struct open_work *o = container_of(w, struct open_work, work);

	close(o->found);
	if (!t && w->ret >= 0)
		close((int)w->ret);
	else if (t && w->ret >= 0)
		decide_return_fd(t, (int)w->ret, o->cloexec);
	else if (t)
		decide_return(t, w->ret);
	mem_free(o);
}

/* @found is taken over. */
static void open_waiting(struct opening *o, int found, int flags)
{
	struct open_work *w = mem_zalloc(sizeof(*w));
	int err = -ENOMEM;

	if (w) {
		w->work.work = wait_open;
		w->work.done = opened;
		w->found = found;
		w->flags = flags;
		w->cloexec = o->how.flags & O_CLOEXEC;
		err = decide_start(o->m->t, &w->work);
	}
	if (!err)
		return;
	mem_free(w);
	close(found);
	lsm_result(o->m, err);
}

/* ---- what is there ---- */

static bool may_sleep(mode_t mode)
{
	return S_ISFIFO(mode) || S_ISBLK(mode) || S_ISCHR(mode);
}

static bool shares(const struct task *t)
{
	return decide_memory_shared(t) || t->trace->files_shared;
}

/* It is opened by the task; lsm_call.exit sees to it. */
static bool is_opened_by_task(struct opening *o, int found, const struct stat *st)
{
	struct statfs fs;
	bool special =
		S_ISCHR(st->st_mode) || (!fstatfs(found, &fs) && fs.f_type == PROC_SUPER_MAGIC);

	return special && !shares(o->m->t);
}

static void give(struct opening *o, int fd)
{
	decide_pause(o->m->t);
	decide_return_fd(o->m->t, fd, o->how.flags & O_CLOEXEC);
	decide_unpause(o->m->t);
}

static bool may_use(int found, u64 flags)
{
	static const int modes[] = { R_OK, W_OK, R_OK | W_OK, R_OK | W_OK };
	char path[48];

	lsm_own_path(found, path, sizeof(path));
	return !faccessat(AT_FDCWD, path, modes[flags & O_ACCMODE], AT_EACCESS);
}

/* A regular file or a folder: once to see whether it may be opened, then as it was asked for. */
static void open_regular(struct opening *o, int found, int flags)
{
	bool wait = !(o->how.flags & O_NONBLOCK);
	char path[48];
	long err;
	int fd;

	lsm_own_path(found, path, sizeof(path));
	fd = open(path, (flags & ~O_TRUNC) | O_NONBLOCK);
	if (fd < 0 && errno == EAGAIN && wait) { /* a lease is on it */
		err = ask_open(o, found);
		if (!err && flags & O_TRUNC)
			err = ask_truncate(o, found);
		if (!err)
			open_waiting(o, found, flags);
		else
			lsm_result(o->m, err);
		if (err)
			close(found);
		return;
	}
	err = fd < 0 ? -errno : ask_open(o, fd);
	if (!err && flags & O_TRUNC) {
		err = ask_truncate(o, fd);
		close(fd);
		fd = err ? -1 : open(path, flags | O_NONBLOCK);
		if (!err && fd < 0)
			err = -errno;
	}
	close(found);
	if (err) {
		if (fd >= 0)
			close(fd);
		lsm_result(o->m, err);
		return;
	}
	if (wait)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	give(o, fd);
}

/* @found, by O_PATH, is taken over. */
static void open_found(struct opening *o, int found)
{
	int flags = (int)(o->how.flags & ~(u64)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC;
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	char path[48];
	struct stat st;
	long err = 0;
	int fd;

	if (fstat(found, &st))
		err = -errno;
	else if (flags & O_DIRECTORY && !S_ISDIR(st.st_mode) &&
		 !(S_ISLNK(st.st_mode) && !(flags & O_PATH)))
		err = -ENOTDIR;
	if (!err && flags & O_PATH) {
		give(o, found);
		return;
	}
	if (!err && S_ISLNK(st.st_mode))
		err = flags & O_DIRECTORY ? -ENOTDIR : -ELOOP;
	else if (!err && S_ISDIR(st.st_mode) && (writes || o->how.flags & O_CREAT) &&
		 !is_temporary(o))
		err = -EISDIR;
	if (err)
		goto refuse;
	if (is_temporary(o)) {
		lsm_own_path(found, path, sizeof(path));
		umask(task_umask(o->m->t));
		fd = open(path, flags, (mode_t)o->how.mode);
		err = fd < 0 ? -errno : ask_open(o, fd);
		if (err)
			goto refuse;
		close(found);
		give(o, fd);
		return;
	}
	if (!may_sleep(st.st_mode) && !is_opened_by_task(o, found, &st)) {
		open_regular(o, found, flags);
		return;
	}
	err = may_use(found, o->how.flags) ? ask_open(o, found) : -errno;
	if (err)
		goto refuse;
	if (!is_opened_by_task(o, found, &st)) {
		open_waiting(o, found, flags);
		return;
	}
	/* Held until then, so that its number is nobody else's. */
	err = lsm_hold(o->m, found);
	if (!err)
		return;
refuse:
	close(found);
	lsm_result(o->m, err);
}

/* What the task has opened itself: what was asked about? */
static void exit_open(struct call_model *m)
{
	struct opening o = { .m = m };
	struct stat was, is;
	int held = lsm_held(m), fd;
	long err;

	if (held < 0 || !call_succeeded(m))
		return;
	fd = decide_take_dir(m->t, (int)m->ret);
	if (fd >= 0 && !fstat(held, &was) && !fstat(fd, &is) && was.st_dev == is.st_dev &&
	    was.st_ino == is.st_ino) {
		close(fd);
		return;
	}
	err = fd < 0 ? -EACCES : read_arguments(&o);
	if (!err)
		err = ask_open(&o, fd);
	if (fd >= 0)
		close(fd);
	if (!err)
		return;
	tracer_inject(m->t, SYS_close, (const u64[6]){ (u64)m->ret });
	m->ret = m->t->call.ret = err;
}

/* ---- what is to be made ---- */

static int sysctl_number(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!read(fd, &c, 1);
		close(fd);
	}
	return c - '0';
}

/* fs.protected_regular, fs.protected_fifos: what another has put into a folder of all. */
static bool is_trap(int dir, int found)
{
	struct stat d, f;
	int level;

	if (fstat(dir, &d) || fstat(found, &f) || !(d.st_mode & S_ISVTX) || f.st_uid == d.st_uid ||
	    f.st_uid == (uid_t)syscall(SYS_setfsuid, -1))
		return false;
	if (!S_ISREG(f.st_mode) && !S_ISFIFO(f.st_mode))
		return false;
	level = sysctl_number(S_ISREG(f.st_mode) ? "/proc/sys/fs/protected_regular" :
						   "/proc/sys/fs/protected_fifos");
	return level && (d.st_mode & S_IWOTH || (level > 1 && d.st_mode & S_IWGRP));
}

/* -EEXIST: another was faster. */
static long create(struct opening *o, const struct walked *at)
{
	int flags = (int)(o->how.flags & ~(u64)O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct task *t = o->m->t;
	u32 mask = task_umask(t);
	u64 mode = S_IFREG | (o->how.mode & ~mask & 07777), dir, dentry;
	long err = 0;
	int fd;

	if (lsm_active(t->sys, LSM_path_mknod) || lsm_active(t->sys, LSM_inode_create)) {
		decide_pause(t);
		dentry = world_child(t, at->fd, at->name, &dir);
		decide_unpause(t);
		err = LSM_ASK(o->m, path_mknod, world_path_of(t, at->fd), dentry, mode, 0);
		if (!err)
			err = LSM_ASK(o->m, inode_create, dir, dentry, mode);
	}
	if (err)
		return err;
	umask(mask);
	fd = openat(at->fd, at->name, flags, (mode_t)o->how.mode);
	if (fd < 0)
		return -errno;
	err = ask_open(o, fd);
	if (err)
		close(fd);
	else
		give(o, fd);
	return err;
}

/* With O_CREAT. @at->fd is closed. 0 (done), -EAGAIN: anew; or -errno. */
static long open_or_create(struct opening *o, struct walked *at)
{
	u32 links = 0;
	struct stat st;
	long err;
	int fd;

	for (;;) {
		if (!*at->name) { /* a link that jumps, or "/" */
			if (o->how.flags & O_EXCL)
				goto exists;
			fd = at->fd;
			at->fd = -1;
			open_found(o, fd);
			return 0;
		}
		err = -EISDIR;
		if (at->slash)
			goto out;
		fd = openat(at->fd, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT) {
			err = create(o, at);
			if (err == -EEXIST && !(o->how.flags & O_EXCL))
				err = -EAGAIN;
			goto out;
		}
		err = fd < 0 || fstat(fd, &st) ? -errno : 0;
		if (err)
			goto out;
		if (o->how.flags & O_EXCL) {
			close(fd);
			goto exists;
		}
		if (!S_ISLNK(st.st_mode)) {
			if (is_trap(at->fd, fd)) {
				close(fd);
				err = -EACCES;
				goto out;
			}
			close(at->fd);
			open_found(o, fd);
			return 0;
		}
		close(fd);
		err = o->how.flags & O_NOFOLLOW ? -ELOOP : 0;
		if (err)
			goto out;
		err = walk_link(o->m->t, at, o->how.resolve, &links);
		if (err)
			return err == -ENOENT ? -ENOENT : err;
	}
exists:
	err = -EEXIST;
out:
	if (at->fd >= 0)
		close(at->fd);
	return err;
}

static long open_path(struct opening *o)
{
	u32 follow = o->how.flags & O_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct task *t = o->m->t;
	struct walked at;
	long err;

	if (!(o->how.flags & O_CREAT)) {
		err = walk_path(t, o->dfd, o->path, follow, o->how.resolve, &at);
		if (!err)
			open_found(o, at.fd);
		return err;
	}
	for (int i = 0; i < TRIES; i++) {
		err = walk_path(t, o->dfd, o->path, WALK_PARENT, o->how.resolve, &at);
		if (!err)
			err = open_or_create(o, &at);
		if (err != -EAGAIN)
			return err;
	}
	return err;
}

static void make_open(struct call_model *m)
{
	struct skep_process *p = m->t->trace->process;
	struct opening o = { .m = m };
	long err;

	if (load_acquire(&p->regift) && p->regift(m->t))
		return;
	err = read_arguments(&o);
	if (!err && lsm_elsewhere(m, o.dfd, o.string))
		return;
	if (!err)
		err = decide_as_task(m->t);
	if (!err) {
		err = open_path(&o);
		decide_as_self(m->t);
	}
	if (err)
		lsm_result(m, err);
}

const struct lsm_call *lsm_open_call(u32 nr)
{
	static const struct lsm_call call = { { LSM_file_open + 1, LSM_path_mknod + 1,
						LSM_inode_create + 1, LSM_file_truncate + 1,
						LSM_path_truncate + 1, LSM_inode_setattr + 1 },
					      make_open,
					      exit_open };

	switch (nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
		return &call;
	}
	return NULL;
}
