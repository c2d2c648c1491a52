/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The calls of a file system on the tree of pins (Linux: bpf_dir_iops of kernel/bpf/inode.c,
 * fs/namei.c, fs/libfs.c).
 *
 * A client that opens a folder gets a descriptor of a real one, its shadow: pins_shadow.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "object/pins_tree.h"
#include "object/system.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2
#endif

/* ---- looking ---- */

static void fill_stat(const struct pin_node *n, struct stat *st)
{
	const struct pin_inode *inode = n->inode;

	memset(st, 0, sizeof(*st));
	st->st_dev = makedev(0, 0xbf5);
	st->st_ino = inode->ino;
	st->st_mode = inode->mode;
	st->st_nlink = inode->nlink;
	if (inode->kind == PIN_DIR)
		for (const struct pin_node *c = (st->st_nlink++, n->first); c; c = c->next)
			st->st_nlink += c->inode->kind == PIN_DIR;
	st->st_uid = inode->uid;
	st->st_gid = inode->gid;
	st->st_size = inode->target ? (off_t)strlen(inode->target) : 0;
	st->st_blksize = 4096;
	st->st_mtim = inode->mtime;
	st->st_ctim = inode->ctime;
	st->st_atim = inode->mtime;
}

int pins_stat(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	      struct stat *st)
{
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, path, follow, &at);
	if (!err)
		fill_stat(at.node, st);
	relock_give(&sys->lock);
	return err;
}

int pins_access(struct skep_system *sys, const struct pin_who *who, const char *path, int mode)
{
	struct pin_place at;
	int err;

	if (mode & ~(R_OK | W_OK | X_OK))
		return -EINVAL;
	relock_take(&sys->lock);
	err = pin_find(sys, who, path, true, &at);
	if (!err)
		err = pin_permission(who, at.node->inode, mode);
	relock_give(&sys->lock);
	return err;
}

int pins_readlink(struct skep_system *sys, const struct pin_who *who, const char *path, char *buf,
		  u32 size)
{
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, path, false, &at);
	if (!err && at.node->inode->kind != PIN_SYMLINK)
		err = -EINVAL;
	if (!err) {
		err = (int)min_t(size_t, size, strlen(at.node->inode->target));
		memcpy(buf, at.node->inode->target, (size_t)err);
	}
	relock_give(&sys->lock);
	return err;
}

int pins_readdir(struct skep_system *sys, const struct pin_who *who, const char *path, u32 index,
		 struct pin_entry *e)
{
	const struct pin_node *n = NULL;
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, path, true, &at);
	if (!err && at.node->inode->kind != PIN_DIR)
		err = -ENOTDIR;
	if (!err)
		err = pin_permission(who, at.node->inode, R_OK);
	if (err)
		goto out;
	if (index < 2) {
		n = index ? at.node->parent : at.node;
		strcpy(e->name, index ? ".." : ".");
	} else {
		for (n = at.node->first, index -= 2; n && index; index--)
			n = n->next;
		if (n)
			snprintf(e->name, sizeof(e->name), "%s", n->name);
	}
	err = n ? 0 : -ENOENT;
	if (n) {
		e->mode = n->inode->mode;
		e->ino = n->inode->ino;
	}
out:
	relock_give(&sys->lock);
	return err;
}

/* ---- making ---- */

static int make(struct skep_system *sys, const struct pin_who *who, const char *path,
		enum pin_kind kind, u32 mode, const char *target)
{
	struct pin_inode *inode;
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_walk(sys, who, path, false, &at);
	if (!err)
		err = pin_may_create(who, &at, kind == PIN_DIR);
	if (err)
		goto out;
	err = -ENOMEM;
	inode = pin_inode_new(sys->pins, who, at.dir, kind, mode);
	if (!inode)
		goto out;
	inode->target = target ? mem_strdup(target) : NULL;
	if (!target || inode->target) {
		err = pin_node_new(sys->pins, at.dir, at.name, inode) ? 0 : -ENOMEM;
	} else {
		mem_free(inode);
	}
out:
	relock_give(&sys->lock);
	return err;
}

int pins_mkdir(struct skep_system *sys, const struct pin_who *who, const char *path, u32 mode)
{
	return make(sys, who, path, PIN_DIR, S_IFDIR | (mode & ~who->umask & (0777 | S_ISVTX)),
		    NULL);
}

int pins_symlink(struct skep_system *sys, const struct pin_who *who, const char *target,
		 const char *path)
{
	if (!*target)
		return -ENOENT;
	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	return make(sys, who, path, PIN_SYMLINK, S_IFLNK | 0777, target);
}

int pins_link(struct skep_system *sys, const struct pin_who *who, const char *from, const char *to)
{
	struct pin_place old, new;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, from, false, &old);
	if (!err)
		err = pin_walk(sys, who, to, false, &new);
	if (!err)
		err = pin_may_create(who, &new, false);
	if (!err && old.mount != new.mount)
		err = -EXDEV;
	if (!err && old.node->inode->kind == PIN_DIR)
		err = -EPERM;
	if (!err) {
		err = pin_node_new(sys->pins, new.dir, new.name, old.node->inode) ? 0 : -ENOMEM;
		pin_touch(old.node->inode);
	}
	relock_give(&sys->lock);
	return err;
}

/* ---- removing ---- */

/* Linux: may_delete() without the question whether it is a folder. */
static int may_delete(const struct pin_who *who, const struct pin_place *at)
{
	const struct pin_inode *dir = at->dir->inode;
	int err = pin_permission(who, dir, W_OK | X_OK);

	if (err)
		return err;
	if (dir->mode & S_ISVTX && who->uid != dir->uid && who->uid != at->node->inode->uid &&
	    !who->override)
		return -EPERM;
	return 0;
}

int pins_unlink(struct skep_system *sys, const struct pin_who *who, const char *path)
{
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_walk(sys, who, path, false, &at);
	if (!err && at.last != LAST_NAME)
		err = -EISDIR;
	if (!err && !at.node)
		err = -ENOENT;
	if (!err && at.slash)
		err = at.node->inode->kind == PIN_DIR ? -EISDIR : -ENOTDIR;
	if (!err)
		err = may_delete(who, &at);
	if (!err && at.node->inode->kind == PIN_DIR)
		err = -EISDIR;
	if (!err)
		pin_node_remove(sys->pins, at.node);
	relock_give(&sys->lock);
	return err;
}

int pins_rmdir(struct skep_system *sys, const struct pin_who *who, const char *path)
{
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_walk(sys, who, path, false, &at);
	if (!err)
		err = at.last == LAST_DOTDOT ? -ENOTEMPTY :
		      at.last == LAST_DOT    ? -EINVAL :
		      at.last == LAST_ROOT   ? -EBUSY :
		      at.node		     ? 0 :
					       -ENOENT;
	if (!err)
		err = may_delete(who, &at);
	if (!err && at.node->inode->kind != PIN_DIR)
		err = -ENOTDIR;
	if (!err && at.node->first)
		err = -ENOTEMPTY;
	if (!err)
		pin_node_remove(sys->pins, at.node);
	relock_give(&sys->lock);
	return err;
}

/* ---- renaming ---- */

static bool is_below(const struct pin_node *node, const struct pin_node *folder)
{
	for (; node != folder; node = node->parent)
		if (node->parent == node)
			return false;
	return true;
}

static int may_rename(const struct pin_who *who, const struct pin_place *old,
		      const struct pin_place *new, u32 flags)
{
	bool folder, new_folder;
	int err;

	if (old->mount != new->mount)
		return -EXDEV;
	if (old->last != LAST_NAME || (new->last != LAST_NAME && !(flags & RENAME_NOREPLACE)))
		return -EBUSY;
	if (new->last != LAST_NAME)
		return -EEXIST;
	if (!old->node)
		return -ENOENT;
	if (flags & RENAME_NOREPLACE && new->node)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE && !new->node)
		return -ENOENT;
	folder = old->node->inode->kind == PIN_DIR;
	new_folder = new->node &&new->node->inode->kind == PIN_DIR;
	if (flags & RENAME_EXCHANGE && !new_folder && new->slash)
		return -ENOTDIR;
	if (!folder && (old->slash || (!(flags & RENAME_EXCHANGE) && new->slash)))
		return -ENOTDIR;
	if (is_below(new->dir, old->node))
		return -EINVAL;
	if (new->node && is_below(old->dir, new->node))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (new->node &&new->node->inode == old->node->inode)
		return 0;
	err = may_delete(who, old);
	if (!err && !new->node)
		err = pin_permission(who, new->dir->inode, W_OK | X_OK);
	else if (!err)
		err = may_delete(who, new);
	if (!err && new->node && !(flags & RENAME_EXCHANGE) && folder != new_folder)
		err = folder ? -ENOTDIR : -EISDIR;
	if (!err && folder && old->dir != new->dir)
		err = pin_permission(who, old->node->inode, W_OK);
	if (!err && new_folder && !(flags & RENAME_EXCHANGE) && new->node->first)
		err = -ENOTEMPTY;
	return err;
}

static void move(struct pins *pins, struct pin_node *node, struct pin_node *dir, const char *name)
{
	char copy[sizeof(node->name)];

	snprintf(copy, sizeof(copy), "%s", name); /* it may be node->name */
	pin_shadow_del(pins, node);
	pin_node_unlist(node);
	memcpy(node->name, copy, sizeof(copy));
	pin_node_list(dir, node);
	pin_shadow_add(pins, node);
	pin_touch(node->inode);
}

int pins_rename(struct skep_system *sys, const struct pin_who *who, const char *from,
		const char *to, u32 flags)
{
	struct pin_place old, new;
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	relock_take(&sys->lock);
	err = pin_walk(sys, who, from, false, &old);
	if (!err)
		err = pin_walk(sys, who, to, false, &new);
	if (!err)
		err = may_rename(who, &old, &new, flags);
	if (err || (new.node &&new.node->inode == old.node->inode))
		goto out;
	if (flags & RENAME_EXCHANGE) {
		move(sys->pins, new.node, old.dir, old.name);
	} else if (new.node) {
		pin_node_remove(sys->pins, new.node);
	}
	move(sys->pins, old.node, new.dir, new.name);
out:
	relock_give(&sys->lock);
	return err;
}

/* ---- owners and modes ---- */

int pins_chmod(struct skep_system *sys, const struct pin_who *who, const char *path, u32 mode)
{
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, path, true, &at);
	if (!err && who->uid != at.node->inode->uid && !who->override)
		err = -EPERM;
	if (!err) {
		at.node->inode->mode = (at.node->inode->mode & S_IFMT) | (mode & 07777);
		clock_gettime(CLOCK_REALTIME, &at.node->inode->ctime);
	}
	relock_give(&sys->lock);
	return err;
}

int pins_chown(struct skep_system *sys, const struct pin_who *who, const char *path, u32 uid,
	       u32 gid)
{
	struct pin_place at;
	bool mine;
	int err;

	relock_take(&sys->lock);
	err = pin_find(sys, who, path, true, &at);
	if (err)
		goto out;
	mine = who->uid == at.node->inode->uid;
	if (!who->override &&
	    (!mine || (uid != (u32)-1 && uid != who->uid) || (gid != (u32)-1 && gid != who->gid))) {
		err = -EPERM;
		goto out;
	}
	if (uid != (u32)-1)
		at.node->inode->uid = uid;
	if (gid != (u32)-1)
		at.node->inode->gid = gid;
	clock_gettime(CLOCK_REALTIME, &at.node->inode->ctime);
out:
	relock_give(&sys->lock);
	return err;
}

/* ---- opening ---- */

static int open_folder(struct skep_system *sys, const struct pin_who *who, struct pin_node *dir,
		       int flags)
{
	int err, fd;

	if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC))
		return -EISDIR;
	err = flags & O_PATH ? 0 : pin_permission(who, dir->inode, R_OK);
	if (err)
		return err;
	fd = pin_shadow_open(sys->pins, dir);
	return fd;
}

static int open_file(struct skep_system *sys, const struct pin_who *who, struct pin_node *n,
		     int flags)
{
	const struct pin_text_ops *text = sys->pin_text;
	int access = flags & O_ACCMODE, err;

	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (flags & O_PATH)
		return -EOPNOTSUPP; /* DIFF(bpffs-links): a descriptor of nothing but the name */
	if (n->inode->kind == PIN_SYMLINK)
		return -ELOOP;
	err = pin_permission(who, n->inode,
			     (access == O_RDONLY ? R_OK :
			      access == O_WRONLY ? W_OK :
						   R_OK | W_OK) |
				     (flags & O_TRUNC ? W_OK : 0));
	if (err || !text)
		return err ? err : -EIO;
	switch (n->inode->kind) {
	case PIN_MAPS_DEBUG:
		return text->maps_debug ? text->maps_debug(sys) : -EIO;
	case PIN_PROGS_DEBUG:
		return text->progs_debug ? text->progs_debug(sys) : -EIO;
	case PIN_OBJECT:
		if (n->inode->object->kind == OBJECT_LINK && text->link)
			return text->link(sys, (struct link_object *)n->inode->object);
		if (n->inode->object->kind == OBJECT_MAP && text->map)
			return text->map(sys, (struct map_object *)n->inode->object);
		return -EIO;
	case PIN_DIR:
	case PIN_SYMLINK:
		break;
	}
	return -EIO;
}

int pins_open(struct skep_system *sys, const struct pin_who *who, const char *path, int flags)
{
	bool create = flags & O_CREAT, exclusive = create && flags & O_EXCL;
	struct pin_place at;
	int err;

	relock_take(&sys->lock);
	err = pin_walk(sys, who, path, !(flags & O_NOFOLLOW) && !exclusive, &at);
	if (!err && create && at.slash)
		err = -EISDIR;
	if (!err && !at.node)
		err = create ? -EACCES : -ENOENT; /* there are no ordinary files here */
	if (!err && at.node->inode->kind == PIN_DIR)
		err = open_folder(sys, who, at.node, flags);
	else if (!err && at.slash)
		err = -ENOTDIR;
	else if (!err)
		err = open_file(sys, who, at.node, flags);
	relock_give(&sys->lock);
	return err;
}

int pins_path_of(struct skep_system *sys, const struct stat *st, char *buf, u32 size)
{
	const struct pin_node *dir = NULL;
	const struct pin_mount *m;
	char path[PATH_MAX];
	int len = -ENOENT;

	relock_take(&sys->lock);
	for (m = sys->pins ? sys->pins->mounts : NULL; m && !dir; m = dir ? m : m->next)
		dir = pin_shadow_find(m, st);
	if (dir && pin_path(m, dir, m->path, path, sizeof(path)) &&
	    snprintf(buf, size, "%s", path) < (int)size)
		len = (int)strlen(path);
	relock_give(&sys->lock);
	return len;
}
