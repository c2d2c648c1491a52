/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tree of pins: mounts, looking paths up, pinning and getting objects (Linux:
 * kernel/bpf/inode.c; the rules of names and permissions are fs/namei.c's). The calls of a
 * file system are in pins_fs.c.
 *
 * DIFF(bpffs-links): a symbolic link in the tree is followed inside of it only, and the files of
 * other file systems are not reached through one, nor the tree through a link outside.
 */
#include "object/pins_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/system.h"

#define LINKS_MAX 40 /* Linux: MAXSYMLINKS */

/* ---- inodes and names ---- */

void pin_touch(struct pin_inode *inode)
{
	clock_gettime(CLOCK_REALTIME, &inode->mtime);
	inode->ctime = inode->mtime;
}

struct pin_inode *pin_inode_new(struct pins *pins, const struct pin_who *who,
				const struct pin_node *dir, enum pin_kind kind, u32 mode)
{
	struct pin_inode *inode = mem_zalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->kind = kind;
	inode->mode = mode;
	inode->uid = who->uid;
	inode->gid = who->gid;
	if (dir && dir->inode->mode & S_ISGID) {
		inode->gid = dir->inode->gid;
		if (kind == PIN_DIR)
			inode->mode |= S_ISGID;
	}
	inode->ino = ++pins->last_ino;
	pin_touch(inode);
	return inode;
}

static void inode_put(struct pin_inode *inode)
{
	struct object *o = inode->object;

	if (inode->nlink && --inode->nlink)
		return;
	if (o) {
		o->pins--;
		if (!o->pins && !o->held && o->kind == OBJECT_MAP)
			map_object_unheld((struct map_object *)o);
		object_put(o);
	}
	mem_free(inode->target);
	mem_free(inode);
}

void pin_node_list(struct pin_node *dir, struct pin_node *node)
{
	node->parent = dir;
	node->next = dir->first;
	dir->first = node;
	pin_touch(dir->inode);
}

void pin_node_unlist(struct pin_node *node)
{
	struct pin_node **p = &node->parent->first;

	if (node->parent == node)
		return;
	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	pin_touch(node->parent->inode);
}

struct pin_node *pin_node_new(struct pins *pins, struct pin_node *dir, const char *name,
			      struct pin_inode *inode)
{
	struct pin_node *node = mem_zalloc(sizeof(*node));

	if (!node) {
		if (!inode->nlink)
			inode_put(inode);
		return NULL;
	}
	node->inode = inode;
	inode->nlink++;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->parent = node;
	if (dir) {
		pin_node_list(dir, node);
		pin_shadow_add(pins, node);
	}
	return node;
}

void pin_node_remove(struct pins *pins, struct pin_node *node)
{
	while (node->first)
		pin_node_remove(pins, node->first);
	pin_shadow_del(pins, node);
	pin_node_unlist(node);
	inode_put(node->inode);
	mem_free(node);
}

/* ---- mounts ---- */

/* @path without "." and "..", as far as names alone tell. False: too long, or not absolute. */
static bool normalize(const char *path, char out[PATH_MAX])
{
	size_t n = 0;

	if (*path != '/')
		return false;
	while (*path) {
		size_t len;

		while (*path == '/')
			path++;
		len = strcspn(path, "/");
		if (!len)
			break;
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (n && out[--n] != '/')
				;
		} else if (len != 1 || *path != '.') {
			if (n + 1 + len >= PATH_MAX)
				return false;
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
	}
	if (!n)
		out[n++] = '/';
	out[n] = 0;
	return true;
}

/* What follows @folder in @path: "" or "/...". NULL: it is elsewhere. */
static const char *beneath(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) || (path[len] && path[len] != '/') ? NULL : path + len;
}

static const struct pin_mount *mount_of(const struct pins *pins, const char *path)
{
	const struct pin_mount *best = NULL;
	char plain[PATH_MAX];

	if (!normalize(path, plain))
		return NULL;
	for (const struct pin_mount *m = pins->mounts; m; m = m->next)
		if (beneath(plain, m->path) && (!best || strlen(m->path) > strlen(best->path)))
			best = m;
	return best;
}

static int mount_add(struct pins *pins, const struct pin_who *who, const char *path, u32 mode,
		     const struct delegation *delegate)
{
	static const struct {
		const char *name;
		enum pin_kind kind;
	} files[] = { { "progs.debug", PIN_PROGS_DEBUG }, { "maps.debug", PIN_MAPS_DEBUG } };
	struct pin_mount *m = mem_zalloc(sizeof(*m));
	struct pin_inode *inode;

	if (m)
		m->path = mem_strdup(path);
	if (!m || !m->path) {
		mem_free(m);
		return -ENOMEM;
	}
	m->userns = who->userns;
	if (delegate)
		m->delegate = *delegate;
	inode = pin_inode_new(pins, who, NULL, PIN_DIR, S_IFDIR | mode);
	m->root = inode ? pin_node_new(pins, NULL, "", inode) : NULL;
	for (size_t i = 0; m->root && i < ARRAY_SIZE(files); i++) {
		inode = pin_inode_new(pins, who, NULL, files[i].kind, S_IFREG | S_IRUSR);
		if (!inode || !pin_node_new(pins, m->root, files[i].name, inode)) {
			pin_node_remove(pins, m->root);
			m->root = NULL;
		}
	}
	if (!m->root) {
		mem_free(m->path);
		mem_free(m);
		return -ENOMEM;
	}
	m->next = pins->mounts;
	pins->mounts = m;
	return 0;
}

struct pins *pins_of(struct skep_system *sys)
{
	struct pin_who who = { .uid = geteuid(), .gid = getegid() };

	if (sys->pins)
		return sys->pins;
	sys->pins = mem_zalloc(sizeof(*sys->pins));
	/* As systemd mounts it. */
	if (sys->pins && mount_add(sys->pins, &who, PINS_MOUNT, S_ISVTX | 0700, NULL)) {
		mem_free(sys->pins);
		sys->pins = NULL;
	}
	return sys->pins;
}

bool pins_default_cover(const char *path)
{
	char plain[PATH_MAX];

	return path && normalize(path, plain) && beneath(plain, PINS_MOUNT);
}

bool pins_cover(struct skep_system *sys, const char *path)
{
	const struct pins *pins;
	bool covered;

	if (!path || *path != '/')
		return false;
	relock_take(&sys->lock);
	pins = pins_of(sys);
	covered = pins && mount_of(pins, path);
	relock_give(&sys->lock);
	return covered;
}

/* fsparam_u32 and fsparam_u32oct. */
static int option_number(const char *value, int base, u32 *out)
{
	unsigned long n;
	char *end;

	if (!value || *value < '0' || *value > '9')
		return -EINVAL;
	n = strtoul(value, &end, base);
	if (*end || n > UINT_MAX)
		return -EINVAL;
	*out = (u32)n;
	return 0;
}

int pins_option(struct skep_system *sys, const struct pin_who *who, const char *name,
		const char *value, struct pin_options *o)
{
	int what = visible(sys->profile, KVER(6, 9)) ? delegate_option(name) : -1, err;
	u64 mask = 0;

	if (!strcmp(name, "uid"))
		return option_number(value, 0, &o->uid);
	if (!strcmp(name, "gid"))
		return option_number(value, 0, &o->gid);
	if (!strcmp(name, "mode")) {
		err = option_number(value, 8, &o->mode);
		o->mode &= 07777;
		return err;
	}
	if (what < 0)
		return 0; /* as Linux always did with what bpffs does not know */
	err = value ? delegate_parse(sys, (enum delegated)what, value, &mask) : -EINVAL;
	if (!err && mask && !who->admin)
		err = -EPERM;
	if (!err)
		o->delegate.mask[what] |= mask;
	return err;
}

/* "mode=700,uid=5" */
static int mount_options(struct skep_system *sys, const struct pin_who *who, const char *options,
			 struct pin_options *o)
{
	char copy[4096], *save, *word;
	int err = 0;

	*o = (struct pin_options){ .uid = who->uid, .gid = who->gid, .mode = 0777 };
	snprintf(copy, sizeof(copy), "%s", options ?: "");
	for (word = strtok_r(copy, ",", &save); word && !err; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = 0;
		err = pins_option(sys, who, word, value, o);
	}
	return err;
}

bool pins_may_mount(const struct skep_system *sys, const struct pin_who *who, u64 userns)
{
	return who->override && (!userns || userns == sys->userns || who->admin);
}

static int mount_at(struct skep_system *sys, const struct pin_who *who, u64 userns,
		    const struct pin_options *o, const char *path)
{
	struct pin_who owner = *who;
	struct pins *pins;
	int err;

	owner.uid = o->uid;
	owner.gid = o->gid;
	owner.userns = userns;
	relock_take(&sys->lock);
	pins = pins_of(sys);
	err = pins ? mount_add(pins, &owner, path, S_ISVTX | o->mode, &o->delegate) : -ENOMEM;
	relock_give(&sys->lock);
	return err;
}

int pins_mount(struct skep_system *sys, const struct pin_who *who, const char *path,
	       const char *options)
{
	struct pin_options o;
	char plain[PATH_MAX];
	int err;

	if (!pins_may_mount(sys, who, who->userns))
		return -EPERM;
	if (!normalize(path, plain))
		return -ENOENT;
	err = mount_options(sys, who, options, &o);
	return err ? err : mount_at(sys, who, who->userns, &o, plain);
}

/* Where no path of a client leads: detached mounts have numbers below it. */
#define DETACHED "/:fsmount/"

int pins_mount_detached(struct skep_system *sys, const struct pin_who *who, u64 userns,
			const struct pin_options *o, char path[64])
{
	u64 number;

	if (!who->override)
		return -EPERM;
	relock_take(&sys->lock);
	number = pins_of(sys) ? ++sys->pins->last_ino : 0;
	relock_give(&sys->lock);
	snprintf(path, 64, DETACHED "%llu", (unsigned long long)number);
	return mount_at(sys, who, userns, o, path);
}

static struct pin_mount *mount_with_path(const struct pins *pins, const char *path)
{
	struct pin_mount *m = pins ? pins->mounts : NULL;

	while (m && strcmp(m->path, path))
		m = m->next;
	return m;
}

int pins_move_mount(struct skep_system *sys, const struct pin_who *who, const char *from,
		    const char *to)
{
	char plain[PATH_MAX], *copy;
	struct pin_mount *m;
	int err = -EINVAL;

	if (!who->override)
		return -EPERM;
	if (!normalize(to, plain))
		return -ENOENT;
	copy = mem_strdup(plain);
	if (!copy)
		return -ENOMEM;
	relock_take(&sys->lock);
	m = normalize(from, plain) ? mount_with_path(pins_of(sys), plain) : NULL;
	if (m) {
		mem_free(m->path);
		m->path = copy;
		copy = NULL;
		err = 0;
	}
	relock_give(&sys->lock);
	mem_free(copy);
	return err;
}

bool pins_delegation(struct skep_system *sys, const char *path, u64 *userns, struct delegation *d)
{
	const struct pin_mount *m;
	char plain[PATH_MAX];

	relock_take(&sys->lock);
	m = normalize(path, plain) ? mount_with_path(pins_of(sys), plain) : NULL;
	if (m) {
		*userns = m->userns ?: sys->userns;
		*d = m->delegate;
	}
	relock_give(&sys->lock);
	return m;
}

int pins_umount(struct skep_system *sys, const struct pin_who *who, const char *path)
{
	struct pin_mount **p, *m;
	struct pins *pins;
	char plain[PATH_MAX];
	int err = -EINVAL;

	if (!who->override)
		return -EPERM;
	relock_take(&sys->lock);
	pins = pins_of(sys);
	for (p = pins ? &pins->mounts : NULL; p && (m = *p) && normalize(path, plain);
	     p = &m->next) {
		if (strcmp(m->path, plain))
			continue;
		pin_node_remove(pins, m->root);
		*p = m->next;
		mem_free(m->shadow);
		mem_free(m->path);
		mem_free(m);
		err = 0;
		break;
	}
	relock_give(&sys->lock);
	return err;
}

bool pins_is_mount(struct skep_system *sys, const char *path)
{
	struct delegation d;
	u64 userns;

	return pins_delegation(sys, path, &userns, &d);
}

/* sys->lock is held. */
static const struct pin_mount *mount_number(struct skep_system *sys, u32 index)
{
	const struct pins *pins = pins_of(sys);
	const struct pin_mount *m = pins ? pins->mounts : NULL;

	for (; m; m = m->next)
		if (strncmp(m->path, DETACHED, strlen(DETACHED)) && !index--)
			break;
	return m;
}

const char *pins_mount_at(struct skep_system *sys, u32 index)
{
	const struct pin_mount *m;
	const char *path;

	relock_take(&sys->lock);
	m = mount_number(sys, index);
	path = m ? m->path : NULL;
	relock_give(&sys->lock);
	return path;
}

void pins_mount_text(struct skep_system *sys, u32 index, FILE *to)
{
	const struct pin_mount *m;

	relock_take(&sys->lock);
	m = mount_number(sys, index);
	if (m)
		delegate_show(to, sys, &m->delegate);
	relock_give(&sys->lock);
}

void pins_stop(struct skep_system *sys)
{
	struct pins *pins = sys->pins;
	struct pin_mount *m;

	if (!pins)
		return;
	while ((m = pins->mounts)) {
		pin_node_remove(pins, m->root);
		pins->mounts = m->next;
		mem_free(m->shadow);
		mem_free(m->path);
		mem_free(m);
	}
	mem_free(pins);
	sys->pins = NULL;
}

/* ---- looking paths up ---- */

static bool in_group(const struct pin_who *who, u32 gid)
{
	if (who->gid == gid)
		return true;
	for (u32 i = 0; i < who->nr_groups; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

int pin_permission(const struct pin_who *who, const struct pin_inode *inode, int want)
{
	u32 bits = inode->mode & 7;

	if (who->uid == inode->uid)
		bits = inode->mode >> 6 & 7;
	else if (in_group(who, inode->gid))
		bits = inode->mode >> 3 & 7;
	if (!(want & ~bits))
		return 0;
	/* CAP_DAC_OVERRIDE does not make executable what nobody may execute. */
	if (who->override && (inode->kind == PIN_DIR || !(want & X_OK) ||
			      inode->mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return 0;
	return -EACCES;
}

static int lookup(const struct pin_node *dir, const char *name, struct pin_node **found)
{
	struct pin_node *n;

	for (n = dir->first; n && strcmp(n->name, name); n = n->next)
		;
	*found = n;
	/* Dots are kept for what the kernel itself puts there. */
	return !n && dir->inode->mode & 07777 && strchr(name, '.') ? -EPERM : 0;
}

struct walk {
	struct skep_system *sys;
	const struct pin_who *who;
	struct pin_place *at;
	u32 links;
	bool follow;
};

static int walk_from(struct walk *w, struct pin_node *dir, const char *path);

/* Through symbolic link @link, which lies in @dir. */
static int walk_link(struct walk *w, struct pin_node *dir, const struct pin_node *link)
{
	char target[PATH_MAX];
	const struct pin_mount *m;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	snprintf(target, sizeof(target), "%s", link->inode->target);
	if (*target != '/')
		return walk_from(w, dir, target);
	m = mount_of(w->sys->pins, target);
	if (!m)
		return -ENOENT;
	w->at->mount = m;
	return walk_from(w, m->root, target + strlen(m->path));
}

/* Walks @path from @dir; .at tells where that ends. Names before the last one must exist. */
static int walk_from(struct walk *w, struct pin_node *dir, const char *path)
{
	struct pin_place *at = w->at;
	int err;

	at->dir = at->node = dir;
	at->last = LAST_ROOT;
	at->slash = false;
	for (;;) {
		size_t len;
		bool end;

		if (*path == '/')
			at->slash = true;
		while (*path == '/')
			path++;
		len = strcspn(path, "/");
		if (!len)
			return 0;
		/* What was found so far must be a folder that may be searched. */
		if (!at->node)
			return -ENOENT;
		if (at->node->inode->kind != PIN_DIR)
			return -ENOTDIR;
		dir = at->node;
		err = pin_permission(w->who, dir->inode, X_OK);
		if (err)
			return err;
		end = !path[len + strspn(path + len, "/")];
		at->dir = dir;
		at->slash = false;
		if (len == 1 && path[0] == '.') {
			at->last = LAST_DOT;
		} else if (len == 2 && path[0] == '.' && path[1] == '.') {
			at->last = LAST_DOTDOT;
			at->node = dir->parent;
		} else {
			if (len > NAME_MAX)
				return memchr(path, '.', len) ? -EPERM : -ENAMETOOLONG;
			at->last = LAST_NAME;
			memcpy(at->name, path, len);
			at->name[len] = 0;
			err = lookup(dir, at->name, &at->node);
			if (err)
				return err;
			if (at->node && at->node->inode->kind == PIN_SYMLINK &&
			    (!end || w->follow || path[len])) {
				err = walk_link(w, dir, at->node);
				if (err)
					return err;
			}
		}
		path += len;
	}
}

int pin_walk(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	     struct pin_place *at)
{
	struct walk w = { .sys = sys, .who = who, .at = at, .follow = follow };
	struct pins *pins = pins_of(sys);
	const char *rest = path;

	if (!pins)
		return -ENOMEM;
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	*at = (struct pin_place){ .mount = mount_of(pins, path) };
	if (!at->mount)
		return -ENOENT;
	/*
	 * Where the path enters the tree: behind the mount's own components. A path that only
	 * gets there by ".." is taken as it is without them.
	 */
	for (const char *m = at->mount->path; *m && rest;) {
		size_t len = strcspn(++m, "/");

		while (*rest == '/')
			rest++;
		rest = strncmp(rest, m, len) || (rest[len] && rest[len] != '/') ? NULL : rest + len;
		m += len;
	}
	if (!rest || strstr(path, "/..")) {
		char plain[PATH_MAX];

		if (!normalize(path, plain))
			return -ENAMETOOLONG;
		return walk_from(&w, at->mount->root, plain + strlen(at->mount->path));
	}
	return walk_from(&w, at->mount->root, rest);
}

int pin_find(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	     struct pin_place *at)
{
	int err = pin_walk(sys, who, path, follow, at);

	if (err)
		return err;
	if (!at->node)
		return -ENOENT;
	return at->slash && at->node->inode->kind != PIN_DIR ? -ENOTDIR : 0;
}

int pin_may_create(const struct pin_who *who, const struct pin_place *at, bool folder)
{
	if (at->last != LAST_NAME || at->node)
		return -EEXIST;
	if (at->slash && !folder)
		return -ENOENT;
	return pin_permission(who, at->dir->inode, W_OK | X_OK);
}

/* ---- objects ---- */

int pins_pin(struct skep_system *sys, const struct pin_who *who, const char *path, struct object *o)
{
	struct pin_inode *inode;
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_walk(sys, who, path, false, &at);
	if (!err)
		err = pin_may_create(who, &at, false);
	if (err)
		goto out;
	err = -ENOMEM;
	inode = pin_inode_new(sys->pins, who, at.dir, PIN_OBJECT,
			      S_IFREG | ((S_IRUSR | S_IWUSR) & ~who->umask));
	if (!inode)
		goto out;
	object_get(o);
	o->pins++;
	inode->object = o;
	err = pin_node_new(sys->pins, at.dir, at.name, inode) ? 0 : -ENOMEM;
out:
	relock_give(&sys->lock);
	return err;
}

struct object *pins_get(struct skep_system *sys, const struct pin_who *who, const char *path,
			int access, int *err)
{
	const int want = access == O_RDONLY ? R_OK : access == O_WRONLY ? W_OK : R_OK | W_OK;
	struct object *o = NULL;
	struct pin_place at;

	relock_take(&sys->lock);
	*err = pin_find(sys, who, path, true, &at);
	if (!*err)
		*err = pin_permission(who, at.node->inode, want);
	if (!*err) {
		o = at.node->inode->object;
		if (o)
			object_get(o);
		else
			*err = -EACCES;
	}
	relock_give(&sys->lock);
	return o;
}
