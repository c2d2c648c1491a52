/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Folders of the kernel's files about eBPF (tracefs), to be listed: real folders of the same names below
 * a private temporary one, each made when it is first opened. Their files are empty; what is
 * opened in them, by a path or by the folder's descriptor, is answered by views.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "daemon/daemon.h"
#include "front/files.h"

struct folders {
	pthread_mutex_t lock;
	char parent[256], root[280]; /* "": not made yet */
	VEC(char *) made;
};

struct folders *folders_new(const char *parent)
{
	struct folders *f = mem_zalloc(sizeof(*f));

	if (!f)
		return NULL;
	snprintf(f->parent, sizeof(f->parent), "%s", parent);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return remove(path);
}

void folders_free(struct folders *f)
{
	if (!f)
		return;
	if (*f->root)
		nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < f->made.n; i++)
		mem_free(f->made.v[i]);
	vec_free(&f->made);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}

const char *folders_path_of(const struct folders *f, const char *real)
{
	size_t len = strlen(f->root);

	return len && !strncmp(real, f->root, len) && real[len] == '/' ? real + len : NULL;
}

static int make_parents(char *path, size_t from)
{
	for (char *p = path + from; (p = strchr(p + 1, '/'));) {
		int err;

		*p = 0;
		err = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (err)
			return err;
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

struct filling {
	int dir, err;
};

static void make_entry(void *arg, const char *name, bool folder)
{
	struct filling *f = arg;
	int fd;

	if (folder) {
		if (mkdirat(f->dir, name, 0700) && errno != EEXIST)
			f->err = -errno;
		return;
	}
	fd = openat(f->dir, name, O_CREAT | O_RDONLY | O_CLOEXEC, 0400);
	if (fd < 0)
		f->err = -errno;
	else
		close(fd);
}

/* The lock is held; @real is the path of the folder for @path. */
static int fill(struct folders *f, struct skep_system *sys, const char *path, char *real)
{
	struct filling filling = { .err = 0 };
	char *copy;
	int err;

	for (size_t i = 0; i < f->made.n; i++)
		if (!strcmp(f->made.v[i], path))
			return 0;
	err = make_parents(real, strlen(f->root));
	if (err)
		return err;
	filling.dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (filling.dir < 0)
		return -errno;
	err = file_list(sys, path, make_entry, &filling);
	close(filling.dir);
	err = err ? err : filling.err;
	copy = err ? NULL : mem_strdup(path);
	if (copy && vec_push(&f->made, copy))
		mem_free(copy); /* it is filled again next time */
	return err;
}

int folders_open(struct folders *f, struct skep_system *sys, const char *path)
{
	char real[PATH_MAX + sizeof(f->root)];
	int err = 0, fd = -1;

	pthread_mutex_lock(&f->lock);
	if (!*f->root) {
		char root[sizeof(f->root)];

		snprintf(root, sizeof(root), "%s/views-XXXXXX", f->parent);
		if (mkdtemp(root))
			memcpy(f->root, root, sizeof(root));
		else
			err = -errno;
	}
	snprintf(real, sizeof(real), "%s%s", f->root, path);
	if (!err)
		err = fill(f, sys, path, real);
	if (!err)
		fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && fd < 0)
		err = -errno;
	pthread_mutex_unlock(&f->lock);
	return err ? err : fd;
}
