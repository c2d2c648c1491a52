/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See cgroup_tree.h. What the control files say and do is in cgroup_files.c. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "object/caller.h"
#include "object/cgroup_nodes.h"

/* ---- finding ---- */

bool cgroup_tree_used(const struct skep_system *sys)
{
	return sys->cgroup_tree && READ_ONCE(sys->cgroup_tree->root.children);
}

bool cgroup_tree_covers(const struct skep_system *sys, const char *path)
{
	const size_t len = sizeof(CGROUP_MOUNT) - 1;

	return sys->cgroup_tree && !strncmp(path, CGROUP_MOUNT, len) &&
	       (!path[len] || path[len] == '/');
}

static struct cgroup_node *child_named(const struct cgroup_node *n, const char *name, size_t len)
{
	struct cgroup_node *c;

	for (c = n->children; c && (strlen(c->name) != len || strncmp(c->name, name, len));
	     c = c->next)
		;
	return c;
}

/*
 * The cgroup at "/a/b". When only its last component is none, *@last is that, in its parent, which
 * is given.
 */
static struct cgroup_node *walk(struct cgroup_tree *t, const char *path, const char **last)
{
	struct cgroup_node *n = &t->root, *c;

	*last = NULL;
	for (;;) {
		size_t len;

		while (*path == '/')
			path++;
		if (!*path)
			return n;
		len = strcspn(path, "/");
		c = child_named(n, path, len);
		if (!c) {
			if (path[len])
				return NULL;
			*last = path;
			return n;
		}
		n = c;
		path += len;
	}
}

/* What absolute @path names: a cgroup, and with *@file 0 or more a file of it, with -1 something that is not there. */
enum { FILE_NONE = -2, FILE_MISSING = -1 };

static struct cgroup_node *find(struct skep_system *sys, const char *path, int *file,
				const char **last)
{
	struct cgroup_node *n = walk(sys->cgroup_tree, path + sizeof(CGROUP_MOUNT) - 1, last);

	*file = FILE_NONE;
	if (n && *last)
		*file = cgroup_file_named(sys, n, *last);
	return n;
}

/* Of cgroup @n in its hierarchy: "/a/b". */
static void path_of(const struct cgroup_node *n, char *path, size_t size)
{
	char text[PATH_MAX], *at = text + sizeof(text) - 1;

	*at = 0;
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		if (at - text < (ptrdiff_t)len + 1)
			break;
		at -= len;
		memcpy(at, n->name, len);
		*--at = '/';
	}
	snprintf(path, size, "%s", *at ? at : "/");
}

static void real_of(const struct cgroup_tree *t, const struct cgroup_node *n, char *real,
		    size_t size)
{
	char path[PATH_MAX - sizeof(t->folder) - 8];

	path_of(n, path, sizeof(path));
	snprintf(real, size, "%s/tree%s", t->folder, n->parent ? path : "");
}

/* ---- making and removing ---- */

static int fill_folder(struct skep_system *sys, struct cgroup_node *n, int dir)
{
	const char *name;
	u32 mode;

	for (int i = 0; (name = cgroup_file_name(i, &mode)); i++) {
		int fd;

		if (cgroup_file_named(sys, n, name) != i)
			continue;
		fd = openat(dir, name, O_CREAT | O_RDONLY | O_CLOEXEC, mode);
		if (fd < 0 || fchmod(fd, mode)) {
			int err = -errno;

			if (fd >= 0)
				close(fd);
			return err;
		}
		close(fd);
	}
	return 0;
}

/* Gives cgroup @n its folder, at @real, and its id. */
static int make_folder(struct skep_system *sys, struct cgroup_node *n, const char *real)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct stat st;
	int dir, err;

	if (mkdir(real, 0755))
		return -errno;
	dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = fchmod(dir, 0755) || fstat(dir, &st) ? -errno : 0;
	if (!err)
		err = fill_folder(sys, n, dir);
	close(dir);
	if (err)
		return err;
	n->id = st.st_ino;
	t->device = st.st_dev;
	return idmap_set(&t->by_id, n->id, n);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return remove(path);
}

int cgroup_tree_start(struct skep_system *sys, const char *parent)
{
	struct cgroup_tree *t = mem_zalloc(sizeof(*t));
	char path[sizeof(t->folder) + 8];
	int err;

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->root.max_depth = t->root.max_descendants = -1;
	snprintf(t->folder, sizeof(t->folder), "%s/cgroup-XXXXXX", parent);
	sys->cgroup_tree = t;
	if (!mkdtemp(t->folder)) {
		err = -errno;
		*t->folder = 0;
		goto out;
	}
	snprintf(path, sizeof(path), "%s/gone", t->folder);
	err = mkdir(path, 0700) ? -errno : 0;
	snprintf(path, sizeof(path), "%s/tree", t->folder);
	if (!err)
		err = make_folder(sys, &t->root, path);
out:
	if (err)
		cgroup_tree_stop(sys);
	return err;
}

static void free_children(struct cgroup_node *n)
{
	struct cgroup_node *c;

	while ((c = n->children)) {
		n->children = c->next;
		free_children(c);
		mem_free(c->name);
		mem_free(c);
	}
}

void cgroup_tree_stop(struct skep_system *sys)
{
	struct cgroup_tree *t = sys->cgroup_tree;

	if (!t)
		return;
	sys->cgroup_tree = NULL;
	if (*t->folder)
		nftw(t->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < t->members.cap; i++)
		if (t->members.slots[i].key)
			mem_free(t->members.slots[i].value);
	idmap_free(&t->members);
	free_children(&t->root);
	idmap_free(&t->by_id);
	for (size_t i = 0; i < t->writers.n; i++)
		close(t->writers.v[i]);
	vec_free(&t->writers);
	for (u32 i = 0; i < ARRAY_SIZE(t->changes); i++)
		mem_free(t->changes[i].path);
	for (size_t i = 0; i < t->mounts.n; i++)
		mem_free(t->mounts.v[i]);
	vec_free(&t->mounts);
	mem_free(t->ports);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

/* Linux: cgroup_check_hierarchy_limits(). */
static bool has_room(const struct cgroup_node *n)
{
	s64 level = 1;

	for (; n; n = n->parent, level++)
		if ((n->max_depth >= 0 && level > n->max_depth) ||
		    (n->max_descendants >= 0 && cgroup_descendants(n) >= n->max_descendants))
			return false;
	return true;
}

/* The call that is being answered has made, or is about to remove, @n. */
static void note_change(struct cgroup_tree *t, const struct cgroup_node *n, bool made)
{
	struct cgroup_change *c = &t->changes[t->next_change % ARRAY_SIZE(t->changes)];
	struct caller *caller = caller_current();
	char path[PATH_MAX];

	if (!caller)
		return;
	t->next_change++;
	for (u32 i = 0; i < ARRAY_SIZE(t->changes); i++)
		if (t->changes[i].path && t->changes[i].tid == caller->tid)
			c = &t->changes[i];
	path_of(n, path, sizeof(path));
	mem_free(c->path);
	*c = (struct cgroup_change){ caller->tid, made, n->id, mem_strdup(path) };
}

struct cgroup_change cgroup_tree_changed(struct skep_system *sys, u32 tid)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_change found = { 0 };

	pthread_mutex_lock(&t->lock);
	for (u32 i = 0; i < ARRAY_SIZE(t->changes) && !found.path; i++)
		if (t->changes[i].path && t->changes[i].tid == tid) {
			found = t->changes[i];
			t->changes[i].path = NULL;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* ---- other places where it is mounted ---- */

static char **mount_at(struct cgroup_tree *t, const char *path, size_t len)
{
	for (size_t i = 0; i < t->mounts.n; i++)
		if (strlen(t->mounts.v[i]) == len && !memcmp(t->mounts.v[i], path, len))
			return &t->mounts.v[i];
	return NULL;
}

int cgroup_tree_mount(struct skep_system *sys, const char *path)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	char *copy = mem_strdup(path);
	int err;

	pthread_mutex_lock(&t->lock);
	err = !copy			      ? -ENOMEM :
	      mount_at(t, path, strlen(path)) ? -EBUSY :
						vec_push(&t->mounts, copy);
	pthread_mutex_unlock(&t->lock);
	if (err)
		mem_free(copy);
	return err;
}

bool cgroup_tree_umount(struct skep_system *sys, const char *path)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	char **at;

	if (!t || !load_acquire(&t->mounts.n))
		return false;
	pthread_mutex_lock(&t->lock);
	at = mount_at(t, path, strlen(path));
	if (at) {
		mem_free(*at);
		*at = t->mounts.v[--t->mounts.n];
	}
	pthread_mutex_unlock(&t->lock);
	return at != NULL;
}

bool cgroup_tree_resolve(struct skep_system *sys, char *path, size_t size)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const size_t to = sizeof(CGROUP_MOUNT) - 1;
	size_t len = strlen(path), n = len;

	if (!t || !load_acquire(&t->mounts.n))
		return false;
	pthread_mutex_lock(&t->lock);
	while (n && !mount_at(t, path, n))
		do
			n--;
		while (n && path[n] != '/');
	pthread_mutex_unlock(&t->lock);
	if (!n || len - n + to >= size)
		return false;
	memmove(path + to, path + n, len - n + 1);
	memcpy(path, CGROUP_MOUNT, to);
	return true;
}

int cgroup_tree_mkdir(struct skep_system *sys, const char *path, u32 mode)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_node *parent, *n = NULL;
	char real[PATH_MAX];
	const char *last;
	int file, err;

	pthread_mutex_lock(&t->lock);
	parent = find(sys, path, &file, &last);
	err = !parent ? -ENOENT : !last || file >= 0 ? -EEXIST : 0;
	if (!err && strlen(last) > 255)
		err = -ENAMETOOLONG;
	if (!err && strchr(last, '\n'))
		err = -EINVAL;
	if (!err && !has_room(parent))
		err = -EAGAIN;
	if (err)
		goto out;
	n = mem_zalloc(sizeof(*n));
	if (n)
		n->name = mem_strdup(last);
	if (!n || !n->name) {
		mem_free(n);
		err = -ENOMEM;
		goto out;
	}
	n->parent = parent;
	n->seq = ++t->seq;
	n->max_depth = n->max_descendants = -1;
	real_of(t, n, real, sizeof(real));
	err = make_folder(sys, n, real);
	if (err) {
		nftw(real, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		mem_free(n->name);
		mem_free(n);
		goto out;
	}
	n->next = parent->children;
	parent->children = n;
	note_change(t, n, true);
out:
	pthread_mutex_unlock(&t->lock);
	return err;
}

/*
 * Its folder is kept, elsewhere and empty, until the end: so that no other gets its inode number, which
 * programs may know it by.
 */
static int retire_folder(struct skep_system *sys, const struct cgroup_node *n)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	char real[PATH_MAX], to[sizeof(t->folder) + 32];
	const char *name;
	u32 mode;
	int dir;

	real_of(t, n, real, sizeof(real));
	snprintf(to, sizeof(to), "%s/gone/%llu", t->folder, (unsigned long long)n->id);
	if (rename(real, to))
		return -errno;
	dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; dir >= 0 && (name = cgroup_file_name(i, &mode)); i++)
		unlinkat(dir, name, 0);
	if (dir >= 0)
		close(dir);
	return 0;
}

int cgroup_tree_rmdir(struct skep_system *sys, const char *path)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_node *n, **p;
	const char *last;
	int file, err;

	pthread_mutex_lock(&t->lock);
	n = find(sys, path, &file, &last);
	if (!n || (last && file < 0))
		err = -ENOENT;
	else if (last)
		err = -ENOTDIR;
	else if (!n->parent || n->children || n->members)
		err = -EBUSY;
	else
		err = retire_folder(sys, n);
	if (!err) {
		for (p = &n->parent->children; *p != n; p = &(*p)->next)
			;
		*p = n->next;
		note_change(t, n, false);
		idmap_del(&t->by_id, n->id);
		mem_free(n->name);
		mem_free(n);
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

int cgroup_tree_refuse(struct skep_system *sys, const char *path)
{
	struct stat st;

	return cgroup_tree_stat(sys, path, &st) == -ENOENT ? -ENOENT : -EPERM;
}

/* ---- looking ---- */

static int real_path(struct skep_system *sys, const char *path, char *real, size_t size, int *file)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n;
	const char *last;
	size_t len;

	n = find(sys, path, file, &last);
	if (!n || *file == FILE_MISSING)
		return -ENOENT;
	real_of(t, n, real, size);
	len = strlen(real);
	if (last && len + strlen(last) + 2 > size)
		return -ENAMETOOLONG;
	if (last) {
		real[len] = '/';
		strcpy(real + len + 1, last);
	}
	return 0;
}

int cgroup_tree_real(struct skep_system *sys, const char *path, char *real, size_t size)
{
	int file, err;

	pthread_mutex_lock(&sys->cgroup_tree->lock);
	err = real_path(sys, path, real, size, &file);
	if (!err && file != FILE_NONE)
		err = -ENOTDIR;
	pthread_mutex_unlock(&sys->cgroup_tree->lock);
	return err;
}

bool cgroup_tree_shown(struct skep_system *sys, const char *real, char *path, size_t size)
{
	const struct cgroup_tree *t = sys->cgroup_tree;
	size_t len = t ? strlen(t->folder) : 0;

	if (!t || strncmp(real, t->folder, len) || strncmp(real + len, "/tree", 5) ||
	    (real[len + 5] && real[len + 5] != '/'))
		return false;
	snprintf(path, size, CGROUP_MOUNT "%s", real + len + 5);
	return true;
}

int cgroup_tree_stat(struct skep_system *sys, const char *path, struct stat *st)
{
	char real[PATH_MAX];
	int file, err;

	pthread_mutex_lock(&sys->cgroup_tree->lock);
	err = real_path(sys, path, real, sizeof(real), &file);
	if (!err)
		err = lstat(real, st) ? -errno : 0;
	pthread_mutex_unlock(&sys->cgroup_tree->lock);
	return err;
}

int cgroup_tree_access(struct skep_system *sys, const char *path, int mode)
{
	struct stat st;
	int err = cgroup_tree_stat(sys, path, &st);

	if (err)
		return err;
	if ((mode & R_OK && !(st.st_mode & 0400)) || (mode & W_OK && !(st.st_mode & 0200)) ||
	    (mode & X_OK && !(st.st_mode & 0100)))
		return -EACCES;
	return 0;
}

/* ---- opening and writing ---- */

/* A descriptor of the file's text. */
static int open_text(struct skep_system *sys, const struct cgroup_node *n, int file)
{
	size_t len = 0, done = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	const char *name;
	int fd, err;
	u32 mode;

	if (!f)
		return -ENOMEM;
	err = cgroup_file_show(sys, n, file, f);
	if (fclose(f) && !err)
		err = -ENOMEM;
	name = cgroup_file_name(file, &mode);
	fd = err ? err : memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (!err && fd < 0)
		fd = -errno;
	while (fd >= 0 && done < len) {
		ssize_t w = write(fd, text + done, len - done);

		if (w <= 0) {
			close(fd);
			fd = -EIO;
			break;
		}
		done += (size_t)w;
	}
	free(text);
	if (fd >= 0) {
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

/* Remembers that the file is open to be written to: by a description that can be asked for a lease. */
static int note_writer(struct cgroup_tree *t, const char *real, u32 mode)
{
	int fd, err;

	if (!(mode & 0400))
		chmod(real, mode | 0400);
	fd = open(real, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	if (!(mode & 0400))
		chmod(real, mode);
	if (err)
		return err;
	err = vec_push(&t->writers, fd);
	if (err)
		close(fd);
	return err;
}

int cgroup_tree_open(struct skep_system *sys, const char *path, int flags)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	bool read = (flags & O_ACCMODE) != O_WRONLY, write = (flags & O_ACCMODE) != O_RDONLY;
	char real[PATH_MAX];
	struct cgroup_node *n;
	const char *last;
	int file, fd;
	u32 mode = 0;

	pthread_mutex_lock(&t->lock);
	n = find(sys, path, &file, &last);
	if (!n) {
		fd = -ENOENT;
	} else if (file == FILE_NONE) {
		real_of(t, n, real, sizeof(real));
		if (flags & O_CREAT && flags & O_EXCL)
			fd = -EEXIST;
		else if (write || flags & O_CREAT)
			fd = -EISDIR;
		else
			fd = open(real, (flags & O_PATH) | O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd == -1)
			fd = -errno;
	} else if (file == FILE_MISSING) {
		fd = flags & O_CREAT ? -EACCES : -ENOENT;
	} else {
		real_path(sys, path, real, sizeof(real), &file);
		cgroup_file_name(file, &mode);
		if (flags & O_CREAT && flags & O_EXCL)
			fd = -EEXIST;
		else if (flags & O_DIRECTORY)
			fd = -ENOTDIR;
		else if (flags & O_PATH)
			fd = open(real, O_PATH | O_CLOEXEC);
		else if ((read && !(mode & 0400)) || (write && !(mode & 0200)))
			fd = -EACCES;
		else if (!write)
			fd = open_text(sys, n, file);
		else
			fd = open(real, (flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)) | O_CLOEXEC);
		if (fd == -1)
			fd = -errno;
		if (fd >= 0 && write) {
			int err = note_writer(t, real, mode);

			if (err) {
				close(fd);
				fd = err;
			}
		}
	}
	pthread_mutex_unlock(&t->lock);
	return fd;
}

bool cgroup_tree_has_file(const struct skep_system *sys, const char *real)
{
	const struct cgroup_tree *t = sys->cgroup_tree;

	return t && !strncmp(real, t->folder, strlen(t->folder));
}

bool cgroup_tree_writers(struct skep_system *sys)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	bool some;

	if (!t || !READ_ONCE(t->writers.n))
		return false;
	pthread_mutex_lock(&t->lock);
	/* A read lease is refused while anybody can write. */
	for (size_t i = 0; i < t->writers.n;) {
		int fd = t->writers.v[i];

		if (fcntl(fd, F_SETLEASE, F_RDLCK) && errno == EAGAIN) {
			i++;
			continue;
		}
		close(fd);
		t->writers.v[i] = t->writers.v[--t->writers.n];
	}
	some = t->writers.n;
	pthread_mutex_unlock(&t->lock);
	return some;
}

long cgroup_tree_write(struct skep_system *sys, const char *real, const char *text, size_t len,
		       u32 tgid)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	char path[PATH_MAX], copy[4097];
	struct cgroup_node *n;
	const char *last;
	size_t folder;
	int file;
	long err;

	if (!t)
		return -ENOTTY;
	folder = strlen(t->folder);
	if (strncmp(real, t->folder, folder))
		return -ENOTTY;
	if (!strncmp(real + folder, "/gone/", 6))
		return -ENODEV;
	if (!cgroup_tree_shown(sys, real, path, sizeof(path)))
		return -ENOTTY;
	if (len > sizeof(copy) - 1)
		return -E2BIG;
	memcpy(copy, text, len);
	copy[len] = 0;
	pthread_mutex_lock(&t->lock);
	n = find(sys, path, &file, &last);
	err = !n || file < 0 ? -ENODEV : cgroup_file_store(sys, n, file, copy, tgid);
	pthread_mutex_unlock(&t->lock);
	return err ? err : (long)len;
}

/* ---- members ---- */

static struct cgroup_member *member(const struct cgroup_tree *t, u32 tid)
{
	return tid ? idmap_get(&t->members, tid) : NULL;
}

void cgroup_tree_join(struct skep_system *sys, u32 tid, u32 tgid, u32 creator)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_member *m, *c;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	c = member(t, creator);
	m = member(t, tid);
	if (!m) {
		m = mem_zalloc(sizeof(*m));
		if (m && idmap_set(&t->members, tid, m)) {
			mem_free(m);
			m = NULL;
		}
		if (m)
			*m = (struct cgroup_member){ tid, tgid, NULL };
	}
	if (m)
		cgroup_member_move(m, c ? c->node : &t->root);
	pthread_mutex_unlock(&t->lock);
}

void cgroup_tree_leave(struct skep_system *sys, u32 tid)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_member *m;

	if (!t || !tid)
		return;
	pthread_mutex_lock(&t->lock);
	m = idmap_del(&t->members, tid);
	if (m)
		cgroup_member_move(m, NULL);
	mem_free(m);
	pthread_mutex_unlock(&t->lock);
}

u32 cgroup_tree_chain(struct skep_system *sys, u32 tid, u64 *ids, u32 max)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_member *m;
	const struct cgroup_node *n;
	u32 count = 0;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	m = member(t, tid);
	for (n = m ? m->node : &t->root; n && count < max; n = n->parent)
		ids[count++] = n->id;
	pthread_mutex_unlock(&t->lock);
	return count;
}

bool cgroup_tree_path_of(struct skep_system *sys, u32 tid, char *path, size_t size)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_member *m;

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	m = member(t, tid);
	path_of(m ? m->node : &t->root, path, size);
	pthread_mutex_unlock(&t->lock);
	return true;
}

bool cgroup_tree_path(struct skep_system *sys, u64 id, char *path, size_t size)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n;

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	n = idmap_get(&t->by_id, id);
	if (n)
		path_of(n, path, size);
	pthread_mutex_unlock(&t->lock);
	return n;
}

u64 cgroup_tree_id(struct skep_system *sys, const char *path)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n;
	const char *last;
	u64 id;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	n = walk(t, path, &last);
	id = n && !last ? n->id : 0;
	pthread_mutex_unlock(&t->lock);
	return id;
}

u64 cgroup_tree_child(struct skep_system *sys, u64 id, u64 after, char *name, size_t size)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n, *before, *best = NULL;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	n = idmap_get(&t->by_id, id);
	before = after ? idmap_get(&t->by_id, after) : NULL;
	for (const struct cgroup_node *c = n ? n->children : NULL; c; c = c->next)
		if (c->seq > (before ? before->seq : 0) && (!best || c->seq < best->seq))
			best = c;
	if (best)
		snprintf(name, size, "%s", best->name);
	pthread_mutex_unlock(&t->lock);
	return best ? best->id : 0;
}

void cgroup_tree_note_port(struct skep_system *sys, u16 port, u32 tid)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_member *m;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	if (!t->ports)
		t->ports = mem_zalloc(65536 * sizeof(*t->ports));
	m = member(t, tid);
	if (t->ports)
		t->ports[port] = m ? m->node->id : 0;
	pthread_mutex_unlock(&t->lock);
}

u32 cgroup_tree_port_chain(struct skep_system *sys, u16 port, u64 *ids, u32 max)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n = NULL;
	u32 count = 0;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	if (t->ports && t->ports[port])
		n = idmap_get(&t->by_id, t->ports[port]);
	for (; n && count < max; n = n->parent)
		ids[count++] = n->id;
	pthread_mutex_unlock(&t->lock);
	return count;
}

u32 cgroup_next_member(const struct cgroup_tree *t, const struct cgroup_node *n, u32 after,
		       bool processes)
{
	u32 best = 0;

	for (size_t i = 0; i < t->members.cap; i++) {
		const struct cgroup_member *m = t->members.slots[i].value;

		if (!t->members.slots[i].key || (n && m->node != n) || m->tid <= after ||
		    (processes && m->tid != m->tgid))
			continue;
		if (!best || m->tid < best)
			best = m->tid;
	}
	return best;
}

u32 cgroup_tree_process(struct skep_system *sys, u32 after)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	u32 pid;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	pid = cgroup_next_member(t, NULL, after, true);
	pthread_mutex_unlock(&t->lock);
	return pid;
}

u32 cgroup_tree_member(struct skep_system *sys, u64 id, u32 after, bool processes)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	const struct cgroup_node *n;
	u32 tid;

	if (!t)
		return 0;
	pthread_mutex_lock(&t->lock);
	n = idmap_get(&t->by_id, id);
	tid = n ? cgroup_next_member(t, n, after, processes) : 0;
	pthread_mutex_unlock(&t->lock);
	return tid;
}

int cgroup_of_folder(struct skep_system *sys, int fd, u64 *id)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct statfs fs;
	struct stat st;
	bool ours;

	if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return -EBADF;
	*id = st.st_ino;
	if (t && st.st_dev == t->device) {
		pthread_mutex_lock(&t->lock);
		ours = idmap_get(&t->by_id, st.st_ino);
		pthread_mutex_unlock(&t->lock);
		return ours ? 0 : -EBADF;
	}
	return !fstatfs(fd, &fs) && (u64)fs.f_type == CGROUP2_SUPER_MAGIC ? 0 : -EBADF;
}
