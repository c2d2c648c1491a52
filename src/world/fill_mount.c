/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Mounts, file systems, and where a task stands in them (Linux: fs/namespace.c, fs/super.c), by
 * /proc/TID/mountinfo. The table is read when a mount is asked for that is not in it, and
 * again when our own namespace has changed.
 */
#include "world/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

struct mount_table {
	VEC(struct mount_row *) rows;
	u64 run;   /* that has looked at .watch: rows stay for the rest of it */
	int watch; /* /proc/self/mountinfo: an error condition when something has changed */
};

static void row_free(struct mount_row *r)
{
	mem_free(r->root);
	mem_free(r->at);
	mem_free(r->type);
	mem_free(r->source);
	mem_free(r);
}

void mounts_free(struct world *w)
{
	struct mount_table *m = w->mounts;

	if (!m)
		return;
	for (size_t i = 0; i < m->rows.n; i++)
		row_free(m->rows.v[i]);
	vec_free(&m->rows);
	if (m->watch >= 0)
		close(m->watch);
	mem_free(m);
	w->mounts = NULL;
}

/* "\040" and the like, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static u32 flags_of(const char *options)
{
	static const struct {
		const char *name;
		u32 flag;
	} known[] = { { "nosuid", 1 },	{ "nodev", 2 },	       { "noexec", 4 },
		      { "noatime", 8 }, { "nodiratime", 16 },  { "relatime", 32 },
		      { "ro", 64 },	{ "nosymfollow", 128 } };
	u32 flags = 0;

	while (*options) {
		size_t n = strcspn(options, ",");

		for (u32 i = 0; i < ARRAY_SIZE(known); i++)
			if (strlen(known[i].name) == n && !strncmp(options, known[i].name, n))
				flags |= known[i].flag;
		options += n + (options[n] != 0);
	}
	return flags;
}

static void take_line(struct mount_table *m, char *line, u64 task)
{
	unsigned long long id, parent;
	unsigned int major, minor;
	char *field[16], *s, *save = NULL, *dash = strstr(line, " - ");
	struct mount_row *row;
	u32 n = 0;

	if (!dash)
		return;
	*dash = 0;
	for (s = strtok_r(line, " ", &save); s && n < 6; s = strtok_r(NULL, " ", &save))
		field[n++] = s;
	if (n < 6 || sscanf(field[0], "%llu", &id) != 1 || sscanf(field[1], "%llu", &parent) != 1 ||
	    sscanf(field[2], "%u:%u", &major, &minor) != 2)
		return;
	for (size_t i = 0; i < m->rows.n; i++)
		if (m->rows.v[i]->id == id)
			return;
	row = mem_zalloc(sizeof(*row));
	if (!row)
		return;
	row->task = task;
	unescape(field[3]);
	unescape(field[4]);
	row->id = id;
	row->parent = parent;
	row->dev = kernel_dev(major, minor);
	row->flags = flags_of(field[5]);
	row->root = mem_strdup(field[3]);
	row->at = mem_strdup(field[4]);
	s = strtok_r(dash + 3, " ", &save);
	row->type = s ? mem_strdup(s) : NULL;
	s = strtok_r(NULL, " \n", &save);
	if (s)
		unescape(s);
	row->source = s ? mem_strdup(s) : NULL;
	if (!row->root || !row->at || !row->type || !row->source || vec_push(&m->rows, row))
		row_free(row);
}

static void read_table(struct mount_table *m, int fd, u64 task)
{
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (getline(&line, &cap, f) > 0)
		take_line(m, line, task);
	free(line);
	fclose(f);
}

static struct mount_table *table_of(struct world *w)
{
	struct mount_table *m = w->mounts;
	struct pollfd p;

	if (m && m->run == w->run)
		return m;
	if (m) {
		m->run = w->run;
		p = (struct pollfd){ .fd = m->watch, .events = POLLPRI };
		if (m->watch < 0 || poll(&p, 1, 0) <= 0)
			return m;
		mounts_free(w);
	}
	m = w->mounts = mem_zalloc(sizeof(*m));
	if (!m)
		return NULL;
	m->run = w->run;
	m->watch = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	read_table(m, open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), 0);
	return m;
}

static const struct mount_row *row_of(const struct mount_table *m, u64 id)
{
	for (size_t i = 0; i < m->rows.n; i++)
		if (m->rows.v[i]->id == id)
			return m->rows.v[i];
	return NULL;
}

const struct mount_row *mount_row(struct world *w, u64 id, u64 task)
{
	struct mount_table *m = table_of(w);
	const struct mount_row *row = m ? row_of(m, id) : NULL;
	struct wobj *o = task ? world_at(w, task) : NULL;
	int dir;

	if (row || !m || !o || !o->priv || o->state == WOBJ_FREE)
		return row;
	dir = proc_dir(w, wtask(o));
	if (dir < 0)
		return NULL;
	read_table(m, openat(dir, "mountinfo", O_RDONLY | O_CLOEXEC), task);
	return row_of(m, id);
}

static const struct mount_row *row_of_dev(struct world *w, u32 dev)
{
	struct mount_table *m = table_of(w);

	for (size_t i = 0; m && i < m->rows.n; i++)
		if (m->rows.v[i]->dev == dev)
			return m->rows.v[i];
	return NULL;
}

/* ---- mounts ---- */

static struct wobj *mount_obj(struct world *w, u64 id, u64 task)
{
	const struct mount_row *row = mount_row(w, id, task);

	return row ? world_obj(w, WT_mount, id, row->task, NULL) : NULL;
}

u64 vfsmount_of(struct world *w, u64 id, u64 task)
{
	struct wobj *o = mount_obj(w, id, task);
	const struct world_place *mnt = o ? layout_name(w, o->type, "mnt") : NULL;

	return mnt ? o->addr + mnt->off : 0;
}

/* The directory of mount @row at @path: what lies there, not what is mounted over it. */
static struct wobj *covered(struct world *w, const struct mount_row *row, const char *path)
{
	struct wplace at = { .task = row->task, .mnt_id = row->id, .dev = row->dev };
	struct wobj *d;

	at.path = mem_strdup(path);
	d = at.path ? dentry_of(w, &at) : NULL;
	mem_free(at.path);
	return d;
}

/* What our root is mounted on, which mountinfo does not list (Linux: rootfs). */
static const struct mount_row *hidden_row(struct world *w, const struct mount_row *child)
{
	struct mount_row *row = mem_zalloc(sizeof(*row));

	if (!row)
		return NULL;
	row->id = row->parent = child->parent;
	row->hidden = true;
	row->root = mem_strdup("/");
	row->at = mem_strdup("/");
	row->type = mem_strdup("rootfs");
	row->source = mem_strdup("none");
	if (!row->root || !row->at || !row->type || !row->source ||
	    vec_push(&w->mounts->rows, row)) {
		row_free(row);
		return NULL;
	}
	return row;
}

int fill_mount(struct world *w, struct wobj *o)
{
	const struct mount_row *row = mount_row(w, o->key[0], o->key[1]), *up;
	struct wobj *parent, *d;

	if (!row)
		return -ENODATA;
	put(w, o, WF_mount_mnt_id, row->id);
	put(w, o, WF_mount_mnt_flags, row->flags);
	put(w, o, WF_mount_mnt_devname,
	    world_bytes(w, o->addr, 0, row->source, (u32)strlen(row->source) + 1));
	d = row->hidden ? covered(w, row, row->at) : dentry_at(w, row->task, row->at, row->id);
	if (d) {
		struct wobj *sb = super_of(w, d->priv);

		put(w, o, WF_mount_mnt_root, d->addr);
		if (sb)
			put(w, o, WF_mount_mnt_sb, sb->addr);
	}
	up = row->parent == row->id ? row : mount_row(w, row->parent, row->task);
	if (!up)
		up = hidden_row(w, row);
	parent = up == row ? o : up ? mount_obj(w, up->id, row->task) : NULL;
	if (!parent)
		return 0;
	put(w, o, WF_mount_mnt_parent, parent->addr);
	if (parent != o)
		d = covered(w, up, row->at);
	if (d)
		put(w, o, WF_mount_mnt_mountpoint, d->addr);
	return 0;
}

/* ---- file systems ---- */

struct wsuper {
	struct wplace at; /* first: of something in it */
	char type[32];
	char id[32];
};

static void super_release(struct world *w, struct wobj *o)
{
	struct wsuper *s = o->priv;

	mem_free(s ? s->at.path : NULL);
}

/* File systems that nobody mounts, by what their files are called. */
static const char *pseudo_type(const char *path)
{
	if (!path)
		return NULL;
	return !strncmp(path, "pipe:", 5)	 ? "pipefs" :
	       !strncmp(path, "socket:", 7)	 ? "sockfs" :
	       !strncmp(path, "anon_inode:", 11) ? "anon_inodefs" :
	       !strncmp(path, "/memfd:", 7)	 ? "tmpfs" :
	       strchr(path, ':') && *path != '/' ? "nsfs" :
						   NULL;
}

struct wobj *super_of(struct world *w, const struct wplace *at)
{
	const struct mount_row *row = at->mnt_id ? mount_row(w, at->mnt_id, at->task) : NULL;
	struct wplace look = *at;
	u32 dev = row ? row->dev : at->dev;
	const char *type, *base;
	struct wsuper *s;
	struct wobj *o;

	if (!dev)
		return NULL;
	o = world_obj(w, WT_super_block, dev, 0, NULL);
	if (!o || o->priv)
		return o;
	s = o->priv = mem_zalloc(sizeof(*s));
	if (!s)
		return NULL;
	o->release = super_release;
	if (!row)
		row = row_of_dev(w, dev);
	look.path = at->path ? mem_strdup(at->path) : NULL;
	place_path(w, &look);
	s->at = look;
	type = row ? row->type : pseudo_type(look.path);
	snprintf(s->type, sizeof(s->type), "%s", type ? type : "");
	/* A block device's name, else the type's. */
	base = row && *row->source == '/' && dev >> 20 ? strrchr(row->source, '/') + 1 : s->type;
	snprintf(s->id, sizeof(s->id), "%s", base);
	return o;
}

int fill_super_block(struct world *w, struct wobj *o)
{
	struct wsuper *s = o->priv;
	struct wobj *task = s && s->at.task ? world_at(w, s->at.task) : NULL, *type;
	const struct mount_row *row = row_of_dev(w, (u32)o->key[0]);
	char path[96];
	struct statfs fs;
	u64 block;
	int err = -1;

	put(w, o, WF_super_block_s_dev, o->key[0]);
	if (!s)
		return -ENODATA;
	if (task && task->priv && task->state != WOBJ_FREE && *s->at.name) {
		snprintf(path, sizeof(path), "/proc/%d/%s", wtask(task)->tid, s->at.name);
		err = statfs(path, &fs);
	}
	if (err && (row || s->at.path))
		err = statfs(row ? row->at : s->at.path, &fs);
	if (!err) {
		put(w, o, WF_super_block_s_magic, (u64)fs.f_type);
		/* Without a disk statfs() tells of pages, stat() of blocks. */
		block = o->key[0] >> 20 || !s->at.blksize ? (u64)fs.f_bsize : s->at.blksize;
		put(w, o, WF_super_block_s_blocksize, block);
		if (block)
			put(w, o, WF_super_block_s_blocksize_bits, (u64)__builtin_ctzll(block));
	}
	put_bytes(w, o, WF_super_block_s_id, s->id, (u32)strlen(s->id));
	if (*s->type) {
		u64 h = 0;

		for (const char *c = s->type; *c; c++)
			h = h * 31 + (u8)*c;
		type = world_obj(w, WT_file_system_type, h, 0, NULL);
		if (type && !type->priv)
			type->priv = mem_strdup(s->type);
		if (type)
			put(w, o, WF_super_block_s_type, type->addr);
	}
	if (row && !strcmp(row->root, "/")) {
		struct wobj *d = dentry_at(w, row->task, row->at, row->id);

		if (d)
			put(w, o, WF_super_block_s_root, d->addr);
	}
	return 0;
}

int fill_file_system_type(struct world *w, struct wobj *o)
{
	const char *name = o->priv;

	if (!name)
		return -ENODATA;
	put(w, o, WF_file_system_type_name,
	    world_bytes(w, o->addr, 0, name, (u32)strlen(name) + 1));
	return 0;
}

/* ---- where a task stands ---- */

static int stand(struct world *w, struct wobj *o, const char *link, enum world_field_id mnt,
		 enum world_field_id dentry)
{
	struct wtask *p = world_owner(w, o);
	struct wplace at;
	struct wobj *d;
	struct statx st;
	int err = p ? place_look(w, p, link, &at, &st) : -ESRCH;
	u64 m;

	if (err)
		return err;
	inode_of(w, &at, &st);
	d = dentry_of(w, &at);
	if (d)
		put(w, o, dentry, d->addr);
	m = at.mnt_id ? vfsmount_of(w, at.mnt_id, at.task) : 0;
	if (m)
		put(w, o, mnt, m);
	mem_free(at.path);
	return 0;
}

int fill_fs_root(struct world *w, struct wobj *o)
{
	return stand(w, o, "root", WF_fs_struct_root_mnt, WF_fs_struct_root_dentry);
}

int fill_fs_pwd(struct world *w, struct wobj *o)
{
	return stand(w, o, "cwd", WF_fs_struct_pwd_mnt, WF_fs_struct_pwd_dentry);
}

int fill_fs_umask(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	const char *s;
	char text[4096];
	long n = p ? proc_held(w, p, PROC_STATUS, text, sizeof(text)) : -ESRCH;

	if (n < 0)
		return (int)n;
	s = proc_key(text, "Umask");
	if (!s)
		return -ENODATA;
	put(w, o, WF_fs_struct_umask, strtoul(s, NULL, 8));
	return 0;
}
