/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Shadows: real folders that hold the names of the tree of pins, so that a client can have a
 * descriptor to list a folder by, and to name things below it. The first time somebody opens a
 * folder, its whole mount is built in a private temporary folder; from then on it follows every
 * change. Its files are empty: nobody gets at an object through them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/pins_tree.h"
#include "object/platform.h"

bool pin_path(const struct pin_mount *m, const struct pin_node *node, const char *start, char *buf,
	      size_t size)
{
	size_t at = size - 1, head = strlen(start), len;

	buf[at] = 0;
	for (; node != m->root; node = node->parent) {
		len = strlen(node->name) + 1;
		if (len > at)
			return false;
		at -= len;
		buf[at] = '/';
		memcpy(buf + at + 1, node->name, len - 1);
	}
	if (head > at)
		return false;
	memcpy(buf + at - head, start, head);
	memmove(buf, buf + at - head, size - (at - head));
	return true;
}

static struct pin_mount *mount_with(const struct pins *pins, const struct pin_node *node)
{
	struct pin_mount *m;

	while (node->parent != node)
		node = node->parent;
	for (m = pins->mounts; m && m->root != node; m = m->next)
		;
	return m;
}

/* Makes what stands for @node, and for everything below it. */
static int build(const struct pin_mount *m, const struct pin_node *node)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (!pin_path(m, node, m->shadow, path, sizeof(path)))
		return -ENAMETOOLONG;
	switch (node->inode->kind) {
	case PIN_DIR:
		if (node != m->root && mkdir(path, 0700))
			err = -errno;
		for (const struct pin_node *n = node->first; n && !err; n = n->next)
			err = build(m, n);
		break;
	case PIN_SYMLINK:
		err = symlink(node->inode->target, path) ? -errno : 0;
		break;
	case PIN_OBJECT:
	case PIN_MAPS_DEBUG:
	case PIN_PROGS_DEBUG:
		fd = open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0400);
		if (fd < 0)
			err = -errno;
		else
			close(fd);
		break;
	}
	return err;
}

static void unbuild(const struct pin_mount *m, const struct pin_node *node)
{
	char path[PATH_MAX];

	for (const struct pin_node *n = node->first; n; n = n->next)
		unbuild(m, n);
	if (pin_path(m, node, m->shadow, path, sizeof(path)))
		remove(path);
}

static int start(struct pin_mount *m)
{
	const char *folders[] = { getenv("XDG_RUNTIME_DIR"), "/dev/shm", "/tmp" };
	char path[PATH_MAX];
	int err = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && err; i++) {
		if (!folders[i])
			continue;
		snprintf(path, sizeof(path), "%s/skep-bpffs-XXXXXX", folders[i]);
		err = mkdtemp(path) ? 0 : -errno;
	}
	if (err)
		return err;
	m->shadow = mem_strdup(path);
	m->shadow_maker = platform_fork_generation();
	err = m->shadow ? build(m, m->root) : -ENOMEM;
	if (err && m->shadow) {
		unbuild(m, m->root);
		mem_free(m->shadow);
		m->shadow = NULL;
	} else if (err) {
		rmdir(path);
	}
	return err;
}

int pin_shadow_open(struct pins *pins, const struct pin_node *dir)
{
	struct pin_mount *m = mount_with(pins, dir);
	char path[PATH_MAX];
	int fd, err;

	/* The child of a fork has a tree of its own from then on. */
	if (m->shadow && m->shadow_maker != platform_fork_generation()) {
		mem_free(m->shadow);
		m->shadow = NULL;
	}
	err = m->shadow ? 0 : start(m);
	if (err)
		return err;
	if (!pin_path(m, dir, m->shadow, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static const struct pin_mount *followed_by(const struct pins *pins, const struct pin_node *node)
{
	const struct pin_mount *m = mount_with(pins, node);

	return m && m->shadow && m->shadow_maker == platform_fork_generation() ? m : NULL;
}

void pin_shadow_add(struct pins *pins, const struct pin_node *node)
{
	const struct pin_mount *m = followed_by(pins, node);

	if (m)
		build(m, node); /* a shadow that cannot follow lacks a name */
}

void pin_shadow_del(struct pins *pins, const struct pin_node *node)
{
	const struct pin_mount *m = followed_by(pins, node);

	if (m)
		unbuild(m, node);
}

static const struct pin_node *search(const struct pin_mount *m, const struct pin_node *dir,
				     const struct stat *st)
{
	const struct pin_node *found = NULL;
	struct stat mine;
	char path[PATH_MAX];

	if (pin_path(m, dir, m->shadow, path, sizeof(path)) && !lstat(path, &mine) &&
	    mine.st_dev == st->st_dev && mine.st_ino == st->st_ino)
		return dir;
	for (const struct pin_node *n = dir->first; n && !found; n = n->next)
		if (n->inode->kind == PIN_DIR)
			found = search(m, n, st);
	return found;
}

const struct pin_node *pin_shadow_find(const struct pin_mount *m, const struct stat *st)
{
	return m->shadow && S_ISDIR(st->st_mode) ? search(m, m->root, st) : NULL;
}
