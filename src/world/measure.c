/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a file holds, as a hash (Linux: ima_file_hash() in security/integrity/ima/ima_main.c, of a
 * kernel whose policy measures nothing by itself and whose hash is SHA-256, as distributions build
 * theirs).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "isa/tag.h"
#include "world/fill.h"

#define HASH_ALGO_SHA256 4
#define FMODE_OPENED	 0x80000

/* A descriptor of our own for reading the regular file at @at; -errno. */
static int open_place(struct world *w, struct wplace *at)
{
	struct wobj *task = at->task ? world_at(w, at->task) : NULL;
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, fd = -1, dir;
	const char *path;
	struct stat st;

	if (!S_ISREG(at->mode))
		return -EOPNOTSUPP;
	if (task && task->state != WOBJ_FREE && task->priv && *at->name) {
		dir = proc_dir(w, wtask(task));
		fd = dir < 0 ? -1 : openat(dir, at->name, flags);
	}
	if (fd < 0) {
		path = place_path(w, at);
		fd = path ? open(path, flags) : -1;
	}
	if (fd < 0)
		return -errno;
	/* A name may have come to mean another. */
	if (fstat(fd, &st) || st.st_ino != at->ino ||
	    kernel_dev(major(st.st_dev), minor(st.st_dev)) != at->dev) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/* Where the content of struct file @file is; NULL. */
static struct wplace *file_content(struct world *w, struct bpf_run *run, u64 file)
{
	struct wobj *o = world_at(w, file);
	u64 dentry;

	if (!o || o->addr != file || o->type->id != WT_file)
		return NULL;
	if (o->priv)
		return o->priv;
	/* One that is only being opened cannot be read yet. */
	if (!(world_get_field(w, run, file, "f_mode") & FMODE_OPENED))
		return NULL;
	dentry = world_get_field(w, run, file, "f_path.dentry");
	o = world_at(w, dentry);
	return o && o->addr == dentry && o->type->id == WT_dentry ? o->priv : NULL;
}

long world_file_hash(struct world *w, struct bpf_run *run, u64 file, void *buf, u32 size)
{
	struct wplace *at = file_content(w, run, file);
	u8 digest[SHA256_SIZE];
	int fd, err;

	fd = at ? open_place(w, at) : -ENOENT;
	if (fd < 0)
		return -EOPNOTSUPP;
	err = sha256_file(digest, fd);
	close(fd);
	if (err)
		return -EOPNOTSUPP;
	memcpy(buf, digest, min_t(u32, size, sizeof(digest)));
	return HASH_ALGO_SHA256;
}
