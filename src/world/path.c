/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths as a task means them: its root, its directory, its /proc/self, its links (Linux:
 * fs/namei.c). What is found is looked at through an O_PATH descriptor that is closed again.
 */
#include "world/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 4096

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

/* Whether the task's root directory is ours, so that its links lead where they lead us. */
static bool same_root(struct world *w, struct wtask *p)
{
	struct stat a, b;
	int dir = proc_dir(w, p);

	return dir >= 0 && !fstatat(dir, "root", &a, 0) && !stat("/", &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* "/proc/self/…" is the task's, whoever looks. */
static void translate_self(const struct wtask *p, const char *path, char *out, u32 size)
{
	if (!strncmp(path, "/proc/self", 10) && (!path[10] || path[10] == '/'))
		snprintf(out, size, "/proc/%d%s", p->tgid ? p->tgid : p->tid, path + 10);
	else if (!strncmp(path, "/proc/thread-self", 17) && (!path[17] || path[17] == '/'))
		snprintf(out, size, "/proc/%d/task/%d%s", p->tgid ? p->tgid : p->tid, p->tid,
			 path + 17);
	else
		snprintf(out, size, "%s", path);
}

static int open_in_root(int dir, const char *path, int flags)
{
	struct open_how how = { .flags = (u64)flags, .resolve = RESOLVE_IN_ROOT };
	int root = openat(dir, "root", O_PATH | O_CLOEXEC), fd;

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}

/* O_PATH descriptor of what @path is to the task; -errno. */
static int path_open(struct world *w, struct wtask *p, int dfd, const char *path, bool follow)
{
	int flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	int dir = proc_dir(w, p), base, fd;
	char text[PATH_SIZE], name[32];

	if (dir < 0)
		return dir;
	if (*path == '/') {
		translate_self(p, path, text, sizeof(text));
		if (!same_root(w, p))
			return open_in_root(dir, text, flags);
		fd = open(text, flags);
		return fd < 0 ? -errno : fd;
	}
	if (dfd == AT_FDCWD)
		snprintf(name, sizeof(name), "cwd");
	else
		snprintf(name, sizeof(name), "fd/%d", dfd);
	base = openat(dir, name, O_PATH | O_CLOEXEC);
	if (base < 0)
		return errno == ENOENT ? -EBADF : -errno;
	if (!*path) /* AT_EMPTY_PATH */
		return base;
	fd = openat(base, path, flags);
	if (fd < 0)
		fd = -errno;
	close(base);
	return fd;
}

/* Looks at descriptor @fd of ours, which it closes. */
static int look(int fd, u64 task, struct wplace *at, struct statx *st)
{
	char name[32], text[PATH_SIZE];
	ssize_t n;
	int err = 0;

	memset(at, 0, sizeof(*at));
	memset(st, 0, sizeof(*st));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, text, sizeof(text) - 1);
	if (n < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, st))
		err = -errno;
	close(fd);
	if (err)
		return err;
	text[n] = 0;
	at->task = task;
	at->dev = kernel_dev(st->stx_dev_major, st->stx_dev_minor);
	at->ino = st->stx_ino;
	at->mode = st->stx_mode;
	at->blksize = st->stx_blksize;
	at->nlink = st->stx_nlink;
	at->mnt_id = st->stx_mask & STATX_MNT_ID ? st->stx_mnt_id : 0;
	at->path = mem_strdup(text);
	return at->path ? 0 : -ENOMEM;
}

static int path_look(struct task *t, int dfd, const char *path, bool follow, struct wplace *at,
		     struct statx *st)
{
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL;
	int fd = task ? path_open(w, wtask(task), dfd, path, follow) : -ENOMEM;

	return fd < 0 ? fd : look(fd, task->addr, at, st);
}

u64 world_dentry(struct task *t, int dfd, const char *path, bool follow)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wplace at;
	struct wobj *o;
	struct statx st;

	if (path_look(t, dfd, path, follow, &at, &st))
		return 0;
	o = dentry_of(w, &at);
	inode_of(w, &at, &st);
	mem_free(at.path);
	return o ? o->addr : 0;
}

u64 world_inode(struct task *t, int dfd, const char *path, bool follow)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wplace at;
	struct wobj *o;
	struct statx st;

	if (path_look(t, dfd, path, follow, &at, &st))
		return 0;
	o = inode_of(w, &at, &st);
	mem_free(at.path);
	return o ? o->addr : 0;
}

u64 world_path(struct task *t, int dfd, const char *path, bool follow)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	u64 object, mnt;
	struct wplace at;
	struct wobj *d;
	struct statx st;

	if (path_look(t, dfd, path, follow, &at, &st))
		return 0;
	d = dentry_of(w, &at);
	inode_of(w, &at, &st);
	mnt = at.mnt_id ? vfsmount_of(w, at.mnt_id, at.task) : 0;
	mem_free(at.path);
	object = d ? world_temp(t, "path") : 0;
	if (object) {
		world_set(t->sys, object, "dentry", d->addr);
		if (mnt)
			world_set(t->sys, object, "mnt", mnt);
	}
	return object;
}

/* ---- what a descriptor of ours holds ---- */

/* Looks at our descriptor @fd, which stays open. */
static struct wobj *look_at(struct task *t, int fd, struct wplace *at, struct statx *st)
{
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL;
	int copy = task ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	struct wobj *o;

	if (copy < 0 || look(copy, task->addr, at, st))
		return NULL;
	o = dentry_of(w, at);
	inode_of(w, at, st);
	if (!o)
		mem_free(at->path);
	return o;
}

u64 world_dentry_of(struct task *t, int fd)
{
	WORLD_HOLD(t->sys);
	struct wplace at;
	struct statx st;
	struct wobj *o = look_at(t, fd, &at, &st);

	if (o)
		mem_free(at.path);
	return o ? o->addr : 0;
}

static void set_path(struct task *t, u64 object, const char *dentry, const char *mnt,
		     const struct wobj *d, const struct wplace *at)
{
	u64 mount = at->mnt_id ? vfsmount_of(world_of(t->sys), at->mnt_id, at->task) : 0;

	world_set(t->sys, object, dentry, d->addr);
	if (mount)
		world_set(t->sys, object, mnt, mount);
}

u64 world_path_of(struct task *t, int fd)
{
	WORLD_HOLD(t->sys);
	struct wplace at;
	struct statx st;
	struct wobj *d = look_at(t, fd, &at, &st);
	u64 object = d ? world_temp(t, "path") : 0;

	if (object)
		set_path(t, object, "dentry", "mnt", d, &at);
	if (d)
		mem_free(at.path);
	return object;
}

u64 world_file_of(struct task *t, int fd, u32 flags)
{
	WORLD_HOLD(t->sys);
	struct wplace at;
	struct statx st;
	struct wobj *d = look_at(t, fd, &at, &st);
	u64 object = d ? world_temp(t, "file") : 0;

	if (object) {
		struct wobj *inode = inode_of(world_of(t->sys), &at, &st);

		set_path(t, object, "f_path.dentry", "f_path.mnt", d, &at);
		world_set(t->sys, object, "f_inode", inode ? inode->addr : 0);
		world_set(t->sys, object, "f_flags", flags);
		world_set(t->sys, object, "f_mode",
			  ((flags & O_ACCMODE) + 1) & O_ACCMODE); /* OPEN_FMODE() */
		world_set(t->sys, object, "f_pos", 0);
	}
	if (d)
		mem_free(at.path);
	return object;
}

void world_file_opened(struct task *t, u64 file)
{
	/* FMODE_CAN_READ, FMODE_OPENED, and what else regular files can do */
	world_set(t->sys, file, "f_mode", world_value(t->sys, file, "f_mode") | 0xa001c);
}

u64 world_child(struct task *t, int dir, const char *name, u64 *inode)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wplace at, child;
	struct statx st, of_child;
	struct wobj *parent = look_at(t, dir, &at, &st), *o;
	int fd;

	*inode = 0;
	if (!parent)
		return 0;
	parent = inode_of(w, &at, &st);
	*inode = parent ? parent->addr : 0;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		o = look_at(t, fd, &child, &of_child);
		close(fd);
		if (o)
			mem_free(child.path);
	} else {
		child = (struct wplace){ .task = at.task, .dev = at.dev, .mnt_id = at.mnt_id };
		child.negative = true;
		child.path = mem_printf("%s%s%s", at.path, at.path[1] ? "/" : "", name);
		o = child.path ? dentry_of(w, &child) : NULL;
		mem_free(child.path);
	}
	mem_free(at.path);
	return o ? o->addr : 0;
}

/* The entry that the last component names, whether it exists or not, and its directory. */
u64 world_dentry_new(struct task *t, int dfd, const char *path, u64 *dir)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	char up[PATH_SIZE], name[256], *slash;
	struct wplace at, child;
	struct wobj *parent, *o;
	struct statx st;
	size_t n;

	*dir = 0;
	if (snprintf(up, sizeof(up), "%s", path) >= (int)sizeof(up))
		return 0;
	for (n = strlen(up); n > 1 && up[n - 1] == '/'; n--)
		up[n - 1] = 0;
	slash = strrchr(up, '/');
	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : up);
	if (!*name)
		return 0;
	if (!slash)
		strcpy(up, ".");
	else
		slash[slash == up] = 0;
	if (path_look(t, dfd, up, true, &at, &st))
		return 0;
	parent = inode_of(w, &at, &st);
	*dir = parent ? parent->addr : 0;
	if (!path_look(t, dfd, path, false, &child, &st)) {
		inode_of(w, &child, &st);
	} else {
		child = (struct wplace){ .task = at.task, .dev = at.dev, .mnt_id = at.mnt_id };
		child.negative = true;
		child.path = mem_printf("%s%s%s", at.path, at.path[1] ? "/" : "", name);
	}
	o = child.path ? dentry_of(w, &child) : NULL;
	mem_free(child.path);
	mem_free(at.path);
	return o ? o->addr : 0;
}

u64 world_filename(struct task *t, u64 uname)
{
	WORLD_HOLD(t->sys);
	char text[PATH_SIZE];
	u64 object = world_temp(t, "filename"), name;
	long n = task_read_str(t, text, uname, sizeof(text));

	if (!object || n < 0)
		return 0;
	name = world_temp_bytes(t, text, (u32)n);
	world_set(t->sys, object, "name", name);
	world_set(t->sys, object, "uptr", uname);
	world_set(t->sys, object, "refcnt", 1);
	world_set(t->sys, object, "aname", 0);
	return object;
}
