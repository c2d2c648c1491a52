/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Files, directory entries and inodes (Linux: fs/file.c, fs/dcache.c, fs/inode.c, as far as
 * fs/proc/fd.c shows them). An inode is known by device and number, a dentry by its path and
 * inode, an open file by kcmp(2): descriptors that were inherited or passed on have
 * the same struct file.
 */
#include "world/fill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SAME_INODE 16 /* open files of one inode that we tell apart */
#define PATH_SIZE	4096

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

struct wfile {
	struct wplace at; /* first */
	int fd;		  /* -1: a link such as "exe" */
};

struct winode {
	struct wplace at; /* first */
	struct statx st;
};

static void place_release(struct world *w, struct wobj *o)
{
	struct wplace *at = o->priv;

	mem_free(at ? at->path : NULL);
}

u32 kernel_dev(u32 major, u32 minor)
{
	return major << 20 | minor;
}

static struct wtask *place_task(struct world *w, const struct wplace *at)
{
	struct wobj *o = at->task ? world_at(w, at->task) : NULL;

	return o && o->state != WOBJ_FREE && o->priv ? wtask(o) : NULL;
}

static u64 fdinfo_number(const char *text, const char *key, int base)
{
	const char *s = proc_key(text, key);

	return s ? strtoull(s, NULL, base) : 0;
}

int place_look(struct world *w, struct wtask *p, const char *name, struct wplace *out,
	       struct statx *st)
{
	int dir = proc_dir(w, p);

	if (dir < 0)
		return dir;
	memset(st, 0, sizeof(*st));
	if (statx(dir, name, 0, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, st))
		return errno == ENOENT ? -EBADF : -errno;
	memset(out, 0, sizeof(*out));
	out->task = p->o->addr;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->dev = kernel_dev(st->stx_dev_major, st->stx_dev_minor);
	out->ino = st->stx_ino;
	out->mode = st->stx_mode;
	out->blksize = st->stx_blksize;
	out->nlink = st->stx_nlink;
	out->rdev = kernel_dev(st->stx_rdev_major, st->stx_rdev_minor);
	out->mnt_id = st->stx_mask & STATX_MNT_ID ? st->stx_mnt_id : 0;
	if (!out->mnt_id && !strncmp(name, "fd/", 3)) { /* before 5.8 */
		char info[sizeof(out->name) + 8], text[512];

		snprintf(info, sizeof(info), "fdinfo/%s", name + 3);
		if (proc_read(w, p, info, text, sizeof(text)) > 0)
			out->mnt_id = fdinfo_number(text, "mnt_id", 10);
	}
	return 0;
}

const char *place_path(struct world *w, struct wplace *at)
{
	struct wtask *p = place_task(w, at);
	char text[PATH_SIZE];
	size_t n;

	if (at->path)
		return at->path;
	if (!p || proc_link(w, p, at->name, text, sizeof(text)) < 0)
		return NULL;
	n = strlen(text);
	if (n > 10 && !at->nlink && !strcmp(text + n - 10, " (deleted)"))
		text[n - 10] = 0;
	at->path = mem_strdup(text);
	return at->path;
}

int place_open(struct world *w, const struct wplace *at)
{
	struct wtask *p = *at->name ? place_task(w, at) : NULL;
	int fd = -1, dir = p ? proc_dir(w, p) : -1;
	struct statx st;

	if (dir >= 0)
		fd = openat(dir, at->name, O_PATH | O_CLOEXEC);
	if (fd < 0 && at->path)
		fd = open(at->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dir < 0 && !at->path ? -ESTALE : -errno;
	if (!statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st) && st.stx_ino == at->ino &&
	    kernel_dev(st.stx_dev_major, st.stx_dev_minor) == at->dev)
		return fd;
	close(fd);
	return -ESTALE;
}

/* ---- inodes ---- */

struct wobj *inode_of(struct world *w, const struct wplace *at, const struct statx *st)
{
	struct wobj *o = world_obj(w, WT_inode, at->ino, at->dev, NULL);
	struct winode *i;
	char *path;

	if (!o)
		return NULL;
	if (!o->priv) {
		o->priv = mem_zalloc(sizeof(*i));
		o->release = place_release;
		if (!o->priv)
			return NULL;
	}
	i = o->priv;
	/* Where it was seen last is where it will be found again. */
	path = at->path ? mem_strdup(at->path) : NULL;
	mem_free(i->at.path);
	i->at = *at;
	i->at.path = path;
	if (st)
		i->st = *st;
	return o;
}

int fill_inode_id(struct world *w, struct wobj *o)
{
	struct winode *i = o->priv;
	struct wobj *sb;

	if (!i)
		return -ENODATA;
	put(w, o, WF_inode_i_ino, i->at.ino);
	sb = super_of(w, &i->at);
	if (sb)
		put(w, o, WF_inode_i_sb, sb->addr);
	return 0;
}

static void inode_look(struct world *w, struct winode *i)
{
	struct wtask *p = place_task(w, &i->at);
	struct wplace now;
	struct statx st;

	if (*i->at.name && p && !place_look(w, p, i->at.name, &now, &st) && now.ino == i->at.ino &&
	    now.dev == i->at.dev)
		i->st = st;
	else if (i->at.path &&
		 !statx(AT_FDCWD, i->at.path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
			&st) &&
		 st.stx_ino == i->at.ino &&
		 kernel_dev(st.stx_dev_major, st.stx_dev_minor) == i->at.dev)
		i->st = st;
}

u64 statx_birth(const struct statx *st)
{
	return st->stx_mask & STATX_BTIME ?
		       (u64)st->stx_btime.tv_sec * 1000000000ULL + st->stx_btime.tv_nsec :
		       0;
}

u64 inode_birth(struct world *w, struct wobj *o)
{
	struct winode *i = o->priv;

	if (!i)
		return 0;
	if (!(i->st.stx_mask & STATX_BTIME))
		inode_look(w, i);
	return statx_birth(&i->st);
}

int fill_inode_stat(struct world *w, struct wobj *o)
{
	struct winode *i = o->priv;
	const struct statx *st;

	if (!i)
		return -ENODATA;
	inode_look(w, i);
	st = &i->st;
	if (!st->stx_mask)
		return -ENODATA;
	put(w, o, WF_inode_i_mode, st->stx_mode);
	put(w, o, WF_inode_i_uid, st->stx_uid);
	put(w, o, WF_inode_i_gid, st->stx_gid);
	put(w, o, WF_inode_i_size, st->stx_size);
	put(w, o, WF_inode_i_nlink, st->stx_nlink);
	put(w, o, WF_inode_i_rdev, kernel_dev(st->stx_rdev_major, st->stx_rdev_minor));
	put(w, o, WF_inode_i_blocks, st->stx_blocks);
	if (st->stx_blksize)
		put(w, o, WF_inode_i_blkbits, (u64)__builtin_ctz(st->stx_blksize));
#define TIME(name)                                                                                 \
	put(w, o, WF_inode_##name##_sec, (u64)st->stx_##name.tv_sec);                              \
	put(w, o, WF_inode_##name##_nsec, st->stx_##name.tv_nsec);
	TIME(atime)
	TIME(mtime)
	TIME(ctime)
#undef TIME
	return 0;
}

/* ---- directory entries ---- */

static u64 hash_path(const char *s)
{
	u64 h = 0xcbf29ce484222325ULL;

	for (; s && *s; s++)
		h = (h ^ (u8)*s) * 0x100000001b3ULL;
	return h;
}

struct wobj *dentry_of(struct world *w, struct wplace *at)
{
	const char *path = place_path(w, at);
	struct wplace *own;
	struct wobj *o;
	u64 hash, key;
	bool made;

	if (!path)
		return NULL;
	hash = hash_path(path);
	key = at->ino ^ (u64)at->dev << 40;
	if (at->ino && !world_find(w, WT_dentry, hash, key)) {
		/* What has been made since the name was looked up first has the dentry of then. */
		o = world_find(w, WT_dentry, hash, (u64)at->dev << 40);
		if (o) {
			world_rekey(w, o, hash, key);
			o->filled = 0;
		}
	}
	o = world_obj(w, WT_dentry, hash, key, &made);
	if (!o)
		return NULL;
	if (made) {
		o->priv = mem_zalloc(sizeof(*own));
		o->release = place_release;
	}
	own = o->priv;
	if (!own)
		return NULL;
	mem_free(own->path);
	*own = *at;
	own->path = mem_strdup(path);
	return own->path ? o : NULL;
}

struct wobj *dentry_at(struct world *w, u64 task, const char *path, u64 mnt_id)
{
	struct wplace at = { .task = task, .mnt_id = mnt_id };
	struct wobj *o = NULL;
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &st))
		return NULL;
	at.dev = kernel_dev(st.stx_dev_major, st.stx_dev_minor);
	at.ino = st.stx_ino;
	at.mode = st.stx_mode;
	at.nlink = st.stx_nlink;
	if (!at.mnt_id && st.stx_mask & STATX_MNT_ID)
		at.mnt_id = st.stx_mnt_id;
	at.path = mem_strdup(path);
	if (at.path) {
		o = dentry_of(w, &at);
		inode_of(w, &at, &st);
	}
	mem_free(at.path);
	return o;
}

/* Whether @at has no directory: pipes, sockets, what anon_inode_getfile() makes. */
static bool is_pseudo(const char *path)
{
	return *path != '/' || !strncmp(path, "/memfd:", 7) || !strncmp(path, "/SYSV", 5);
}

/* Length of the part of @path that is the root of its mount, whose name is then @row->root's. */
static bool is_mount_root(const struct mount_row *row, const char *path)
{
	return row && !strcmp(row->at, path);
}

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void pseudo_name(struct world *w, const struct wplace *at, char *name, u32 size)
{
	const char *path = at->path;

	*name = 0; /* "pipe:[123]" is made up when it is shown */
	if (!strncmp(path, "anon_inode:", 11))
		snprintf(name, size, "%s", path + 11);
	else if (!strncmp(path, "socket:", 7))
		snprintf(name, size, "%s", socket_protocol(w, at));
	else if (*path == '/')
		snprintf(name, size, "%s", path + 1);
}

int fill_dentry_name(struct world *w, struct wobj *o)
{
	const struct world_place *inline_name = &w->at[WF_dentry_d_iname];
	struct wplace *at = o->priv;
	const struct mount_row *row;
	char name[256];
	u32 len;

	if (!at || !at->path)
		return -ENODATA;
	row = at->mnt_id ? mount_row(w, at->mnt_id, at->task) : NULL;
	if (is_pseudo(at->path))
		pseudo_name(w, at, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%s",
			 last_of(is_mount_root(row, at->path) ? row->root : at->path));
	len = (u32)strlen(name);
	put(w, o, WF_dentry_d_name_len, len);
	put_bytes(w, o, WF_dentry_d_iname, name, len < inline_name->size ? len : 0);
	put(w, o, WF_dentry_d_name_name,
	    len < inline_name->size ? o->addr + inline_name->off :
				      world_bytes(w, o->addr, 0, name, len + 1));
	return 0;
}

int fill_dentry_parent(struct world *w, struct wobj *o)
{
	struct wplace *at = o->priv;
	const struct mount_row *row;
	struct wobj *up = o;
	char path[PATH_SIZE], *slash;

	if (!at || !at->path)
		return -ENODATA;
	row = at->mnt_id ? mount_row(w, at->mnt_id, at->task) : NULL;
	if (!is_pseudo(at->path) && strcmp(at->path, "/") && !is_mount_root(row, at->path)) {
		snprintf(path, sizeof(path), "%s", at->path);
		slash = strrchr(path, '/');
		slash[slash == path] = 0;
		up = dentry_at(w, at->task, path, at->mnt_id);
	} else if (row && strcmp(row->root, "/")) {
		return -ENODATA; /* what lies above a bind mount is not in sight */
	}
	if (!up)
		return -ENOENT;
	put(w, o, WF_dentry_d_parent, up->addr);
	return 0;
}

int fill_dentry_inode(struct world *w, struct wobj *o)
{
	struct wplace *at = o->priv;
	struct wobj *inode, *sb;

	if (!at)
		return -ENODATA;
	inode = at->ino ? inode_of(w, at, NULL) : NULL;
	if (inode || at->negative)
		put(w, o, WF_dentry_d_inode, inode ? inode->addr : 0);
	sb = super_of(w, at);
	if (sb)
		put(w, o, WF_dentry_d_sb, sb->addr);
	return 0;
}

bool dentry_unlinked(struct world *w, struct wobj *dentry)
{
	struct wplace *at = dentry->priv;
	struct wobj *inode = at->ino ? inode_of(w, at, NULL) : NULL;
	struct winode *i = inode ? inode->priv : NULL;

	if (!i || *at->path != '/')
		return false;
	inode_look(w, i);
	return i->st.stx_mask && !i->st.stx_nlink;
}

/* ---- open files ---- */

bool file_place(const struct wobj *o, u64 *task, int *fd)
{
	const struct wfile *f = o->priv;

	if (o->type->id != WT_file || !f)
		return false;
	*task = f->at.task;
	*fd = f->fd;
	return true;
}

static void file_know(struct wobj *o, const struct wplace *at, int fd)
{
	struct wfile *f = o->priv;

	if (!f) {
		f = o->priv = mem_zalloc(sizeof(*f));
		if (!f)
			return;
		o->release = place_release;
	}
	mem_free(f->at.path);
	f->at = *at;
	f->at.path = NULL;
	f->fd = fd;
}

static u64 file_key(u64 ino, u32 n)
{
	return ino ^ (u64)n << 56;
}

/* The struct file that descriptor @fd of @p has, if one of its inode is known already. */
static struct wobj *file_shared(struct world *w, struct wtask *p, const struct wplace *at, int fd,
				u64 *free_key)
{
	*free_key = file_key(at->ino, FILE_SAME_INODE - 1);
	for (u32 n = FILE_SAME_INODE; n-- > 0;) {
		u64 key = file_key(at->ino, n);
		struct wobj *o = world_find(w, WT_file, key, at->dev);
		struct wfile *f = o ? o->priv : NULL;
		struct wtask *q = f ? place_task(w, &f->at) : NULL;

		if (!o || !q) {
			*free_key = key;
			continue;
		}
		if (f->fd >= 0 && !syscall(SYS_kcmp, p->tid, q->tid, KCMP_FILE, fd, f->fd))
			return o;
	}
	return NULL;
}

static struct wobj *fd_known(struct world *w, struct wtask *p, int fd)
{
	struct wobj *o;

	if ((u32)fd >= p->nr_fds || !p->fds[fd])
		return NULL;
	o = world_at(w, p->fds[fd]);
	return o && o->state != WOBJ_FREE && o->type->id == WT_file && o->priv ? o : NULL;
}

static void fd_remember(struct wtask *p, int fd, u64 addr)
{
	u32 want = (u32)fd + 1, n = max_t(u32, 64, p->nr_fds);
	u64 *fds;

	if (want > 1 << 20)
		return;
	while (n < want)
		n *= 2;
	if (n > p->nr_fds) {
		fds = mem_realloc_array(p->fds, n, sizeof(*fds));
		if (!fds)
			return;
		memset(fds + p->nr_fds, 0, (n - p->nr_fds) * sizeof(*fds));
		p->fds = fds;
		p->nr_fds = n;
	}
	p->fds[fd] = addr;
}

struct wobj *file_obj(struct world *w, struct wobj *task, int fd)
{
	struct wobj *leader = world_leader(w, task), *o;
	struct wtask *p = wtask(leader), *self = wtask(task);
	struct wplace at;
	struct statx st;
	char name[24];
	u64 key;

	if (fd < 0)
		return NULL;
	snprintf(name, sizeof(name), "fd/%d", fd);
	/* Through the thread that asks: the first one may have ended. */
	if (place_look(w, self, name, &at, &st))
		return NULL;
	o = fd_known(w, p, fd);
	if (o) {
		struct wfile *f = o->priv;

		if (f->at.ino == at.ino && f->at.dev == at.dev && f->at.nlink == at.nlink) {
			/* Who shared it and was seen with it last has ended. */
			if (f->at.task != at.task && !place_task(w, &f->at))
				file_know(o, &at, fd);
			return o;
		}
		if (f->at.ino != at.ino || f->at.dev != at.dev)
			o = NULL;
	}
	if (!o)
		o = file_shared(w, self, &at, fd, &key);
	if (!o) {
		world_kill(w, world_find(w, WT_file, key, at.dev));
		o = world_obj(w, WT_file, key, at.dev, NULL);
	}
	if (!o)
		return NULL;
	file_know(o, &at, fd);
	inode_of(w, &at, &st);
	fd_remember(p, fd, o->addr);
	return o;
}

u64 world_file(struct task *t, int fd)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL;
	struct wobj *o = task ? file_obj(w, task, fd) : NULL;

	return o ? o->addr : 0;
}

void world_file_adopt(struct task *t, int fd, u64 object)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL, *o = w ? world_at(w, object) : NULL;
	struct wplace at;
	struct statx st;
	char name[24];
	u64 key;

	if (!task || fd < 0 || !o || o->state != WOBJ_TEMP || o->type->id != WT_file)
		return;
	snprintf(name, sizeof(name), "fd/%d", fd);
	if (place_look(w, wtask(task), name, &at, &st) ||
	    file_shared(w, wtask(task), &at, fd, &key))
		return;
	world_kill(w, world_find(w, WT_file, key, at.dev));
	world_promote(w, wtask(task), o, key, at.dev);
	file_know(o, &at, fd);
	inode_of(w, &at, &st);
	fd_remember(wtask(world_leader(w, task)), fd, o->addr);
}

u64 world_link_file(struct world *w, struct wtask *p, const char *link)
{
	struct wplace at;
	struct statx st;
	struct wobj *o;

	if (place_look(w, p, link, &at, &st))
		return 0;
	o = world_obj(w, WT_file, p->o->addr ^ hash_path(link), at.ino, NULL);
	if (!o)
		return 0;
	file_know(o, &at, -1);
	inode_of(w, &at, &st);
	return o->addr;
}

/* The dentry that a temporary file has been given, which says where it is mounted. */
static struct wobj *given_dentry(struct world *w, struct wobj *o)
{
	const struct world_place *at = &w->at[WF_file_path_dentry];
	struct wobj *d = at->size ? world_at(w, *(u64 *)(wdata(o) + at->off)) : NULL;

	return d && d->type->id == WT_dentry && d->priv ? d : NULL;
}

struct wplace *place_of(struct world *w, u64 object)
{
	struct wobj *o = world_at(w, object), *d;

	if (!o || o->addr != object || o->state == WOBJ_FREE)
		return NULL;
	if (o->type->id == WT_dentry)
		return o->priv;
	if (o->type->id != WT_file)
		return NULL;
	d = o->priv ? NULL : given_dentry(w, o);
	return d ? d->priv : o->priv;
}

int fill_file_path(struct world *w, struct wobj *o)
{
	struct wfile *f = o->priv;
	struct wobj *d = f ? dentry_of(w, &f->at) : given_dentry(w, o);
	struct wplace *at;
	u64 mnt;

	if (!d)
		return -ENODATA;
	put(w, o, WF_file_path_dentry, d->addr);
	at = d->priv;
	mnt = at->mnt_id ? vfsmount_of(w, at->mnt_id, at->task) : 0;
	if (mnt)
		put(w, o, WF_file_path_mnt, mnt);
	return 0;
}

int fill_file_inode(struct world *w, struct wobj *o)
{
	struct wfile *f = o->priv;
	struct wobj *i = f ? inode_of(w, &f->at, NULL) : NULL;

	if (!i)
		return -ENODATA;
	put(w, o, WF_file_f_inode, i->addr);
	return 0;
}

/* The kernel's FMODE_*, as do_dentry_open() sets them. */
static u32 fmode_of(u32 flags, const struct wplace *at)
{
	u32 m = (flags + 1) & O_ACCMODE; /* FMODE_READ 1, FMODE_WRITE 2 */

	if (flags & O_PATH)
		return 0x4000 | 0x80000; /* FMODE_PATH | FMODE_OPENED */
	if (m & 1)
		m |= 0x20000; /* FMODE_CAN_READ */
	if (m & 2)
		m |= 0x40000; /* FMODE_CAN_WRITE */
	/* Of character devices those of memory can seek, terminals cannot. */
	if (S_ISREG(at->mode) || S_ISDIR(at->mode) || S_ISBLK(at->mode) ||
	    (S_ISCHR(at->mode) && at->rdev >> 20 == 1))
		m |= 4 | 8 | 0x10; /* FMODE_LSEEK, _PREAD, _PWRITE */
	return m | 0x80000;
}

int fill_file_info(struct world *w, struct wobj *o)
{
	struct wfile *f = o->priv;
	struct wtask *p = f ? place_task(w, &f->at) : NULL;
	char name[32], text[1024];
	u32 flags;

	if (!p)
		return -ENODATA;
	if (f->fd < 0) { /* the kernel's own opening of an executable */
		put(w, o, WF_file_f_flags, O_RDONLY | 0100000);
		put(w, o, WF_file_f_mode, fmode_of(O_RDONLY, &f->at) | 0x20);
		return 0;
	}
	snprintf(name, sizeof(name), "fdinfo/%d", f->fd);
	if (proc_read(w, p, name, text, sizeof(text)) < 0)
		return -ESRCH;
	flags = (u32)fdinfo_number(text, "flags", 8) & ~(u32)O_CLOEXEC; /* the descriptor's */
	put(w, o, WF_file_f_flags, flags);
	put(w, o, WF_file_f_pos, fdinfo_number(text, "pos", 10));
	put(w, o, WF_file_f_mode, fmode_of(flags, &f->at));
	return 0;
}

int fill_file_private(struct world *w, struct wobj *o)
{
	struct wfile *f = o->priv;
	u64 socket = f && S_ISSOCK(f->at.mode) ? socket_of(w, &f->at) : 0;

	if (!socket)
		return -ENODATA; /* the file system's own */
	put(w, o, WF_file_private_data, socket);
	return 0;
}

/* ---- tables of open files ---- */

int fill_files(struct world *w, struct wobj *o)
{
	struct wobj *table = world_obj(w, WT_fdtable, o->key[0], 0, NULL);

	if (!table)
		return -ENOMEM;
	world_pin(w, table);
	put(w, o, WF_files_struct_fdt, table->addr);
	return 0;
}

int fill_fdtable(struct world *w, struct wobj *o)
{
	struct wobj *task = world_owner_obj(w, o), *file;
	u32 max_fds = 64, fd;
	struct dirent *e;
	u64 *array;
	DIR *dir;
	int at;

	if (!task || proc_dir(w, wtask(task)) < 0)
		return -ESRCH;
	at = openat(proc_dir(w, wtask(task)), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = at >= 0 ? fdopendir(at) : NULL;
	if (!dir) {
		if (at >= 0)
			close(at);
		return -ESRCH;
	}
	array = mem_calloc(8192, sizeof(*array));
	while (array && (e = readdir(dir))) {
		fd = (u32)atoi(e->d_name);
		if (*e->d_name == '.' || fd >= 8192)
			continue;
		while (fd >= max_fds)
			max_fds *= 2;
		file = file_obj(w, task, (int)fd);
		array[fd] = file ? file->addr : 0;
	}
	closedir(dir);
	if (!array)
		return -ENOMEM;
	put(w, o, WF_fdtable_max_fds, max_fds);
	put(w, o, WF_fdtable_fd, world_bytes(w, o->addr, 0, array, max_fds * 8));
	mem_free(array);
	return 0;
}
