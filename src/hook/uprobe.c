/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hooks on user functions: places in files, named by inode and offset (Linux: the tree of
 * struct uprobe of kernel/events/uprobes.c). Who fires them is the source's affair.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hook/internal.h"
#include "object/caller.h"

void hook_uprobe_free(struct hook_uprobe *u)
{
	if (u)
		mem_free(u->path);
	mem_free(u);
}

static struct hook *find(struct skep_system *sys, enum hook_kind kind, const struct stat *st,
			 u64 offset, u64 ref_ctr_offset)
{
	for (struct hook *h = sys->hooks->first; h; h = h->next)
		if (h->kind == kind && h->uprobe->dev == st->st_dev &&
		    h->uprobe->ino == st->st_ino && h->uprobe->offset == offset &&
		    h->uprobe->ref_ctr_offset == ref_ctr_offset)
			return h;
	return NULL;
}

static bool other_counter(struct skep_system *sys, const struct stat *st, u64 offset,
			  u64 ref_ctr_offset)
{
	for (struct hook *h = sys->hooks->first; h; h = h->next)
		if ((h->kind == HOOK_UPROBE || h->kind == HOOK_URETPROBE) && hook_active(h) &&
		    h->uprobe->dev == st->st_dev && h->uprobe->ino == st->st_ino &&
		    h->uprobe->offset == offset && h->uprobe->ref_ctr_offset != ref_ctr_offset)
			return true;
	return false;
}

/* @path for good: what is relative to the caller's folder now is absolute. NULL: no memory. */
static char *keep_path(const char *path)
{
	char here[PATH_MAX], real[PATH_MAX];

	if (*path != '/' && caller_current() && !caller_path(path, here, sizeof(here)) &&
	    realpath(here, real))
		path = real;
	return mem_strdup(path);
}

/* Linux: uprobes need a file that is executable code, read through the page cache. */
static int stat_file(const char *path, struct stat *st)
{
	int fd = caller_open(path, O_PATH), err = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, st))
		err = -errno;
	else if (!S_ISREG(st->st_mode))
		err = -EINVAL;
	close(fd);
	return err;
}

int uprobe_check_file(const char *path)
{
	struct stat st;

	return stat_file(path, &st);
}

struct hook *hook_uprobe_get(struct skep_system *sys, enum hook_kind kind, const char *path,
			     u64 offset, u64 ref_ctr_offset, int *err)
{
	struct hook_uprobe *u;
	struct hook *h = NULL;
	const char *base;
	struct stat st;

	*err = stat_file(path, &st);
	if (*err)
		return NULL;
	/* Linux allows the end of the file, too. */
	if (offset > (u64)st.st_size || ref_ctr_offset % 2) {
		*err = -EINVAL;
		return NULL;
	}
	relock_take(&sys->lock);
	h = find(sys, kind, &st, offset, ref_ctr_offset);
	if (h)
		goto out;
	*err = -EINVAL; /* one place has one semaphore */
	if (other_counter(sys, &st, offset, ref_ctr_offset))
		goto out;
	*err = -ENOMEM;
	u = mem_zalloc(sizeof(*u));
	if (!u)
		goto out;
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	u->offset = offset;
	u->ref_ctr_offset = ref_ctr_offset;
	u->path = keep_path(path);
	base = strrchr(path, '/');
	if (u->path)
		h = hook_add(sys, kind, 0, base ? base + 1 : path);
	if (h) {
		h->uprobe = u;
		*err = 0;
	} else {
		hook_uprobe_free(u);
	}
out:
	relock_give(&sys->lock);
	return h;
}
