/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs do to files: extended attributes, fs-verity's digest, their bytes (Linux:
 * fs/bpf_fs_kfuncs.c, fs/verity/measure.c, lib/buildid.c). The file is found again by where it
 * was seen, and the host's kernel does it: DIFF(file-ops).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "object/task.h"
#include "world/fill.h"

#define PAGE 4096

static void fd_path(int fd, char path[48])
{
	snprintf(path, 48, "/proc/self/fd/%d", fd);
}

/* As inode_permission() of the current task, whom the caller stands for. */
static int may(int fd, int mode)
{
	char path[48];

	if (!syscall(SYS_faccessat2, fd, "", mode, AT_EACCESS | AT_EMPTY_PATH))
		return 0;
	if (errno != ENOSYS)
		return -errno;
	fd_path(fd, path);
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) ? -errno : 0;
}

static int as_task(const struct bpf_run *run)
{
	return run->task && run->task->ops->assume ? run->task->ops->assume(run->task) : 0;
}

static void as_self(const struct bpf_run *run)
{
	if (run->task && run->task->ops->resume)
		run->task->ops->resume(run->task);
}

/* getxattr(2) takes no room for a question about the length; __vfs_getxattr() has too little. */
static long read_value(const char *path, const char *name, void *value, u32 size)
{
	ssize_t n = getxattr(path, name, value, size);

	if (n < 0)
		return -errno;
	return size || !n ? n : -ERANGE;
}

static long cgroup_value(struct world *w, u64 cgroup, const char *name, void *value, u32 size)
{
	char path[2048];
	int err = world_cgroup_folder(w, cgroup, path, sizeof(path));

	return err ? err : read_value(path, name, value, size);
}

long world_xattr(struct world *w, struct bpf_run *run, u64 object, const char *name, void *value,
		 u32 size, bool check)
{
	const struct wobj *o = world_at(w, object);
	const struct wplace *at = place_of(w, object);
	char path[48];
	long ret;
	int fd;

	if (o && o->type->id == WT_cgroup)
		return cgroup_value(w, object, name, value, size);
	if (!at || at->negative)
		return -EINVAL;
	fd = place_open(w, at);
	if (fd < 0)
		return fd;
	fd_path(fd, path);
	ret = check ? as_task(run) : 0;
	if (!ret) {
		ret = check ? may(fd, R_OK) : 0;
		if (!ret)
			ret = read_value(path, name, value, size);
		if (check)
			as_self(run);
	}
	/* The kernel's call asks the file system, which has no attributes here, not what the file is. */
	if (ret == -ENODATA && (S_ISFIFO(at->mode) || S_ISSOCK(at->mode)) && at->path &&
	    *at->path != '/')
		ret = -EOPNOTSUPP;
	close(fd);
	return ret;
}

long world_set_xattr(struct world *w, struct bpf_run *run, u64 dentry, const char *name,
		     const void *value, u32 size, u64 flags)
{
	const struct wplace *at = place_of(w, dentry);
	char path[48];
	long ret;
	int fd;

	if (!at || at->negative)
		return -EINVAL;
	fd = place_open(w, at);
	if (fd < 0)
		return fd;
	fd_path(fd, path);
	ret = as_task(run);
	if (!ret) {
		ret = may(fd, W_OK);
		as_self(run);
	}
	/* As the supervisor: on Linux it is the kernel who writes them, whoever the task is. */
	if (!ret && (flags == (u64)-1 ? removexattr(path, name) :
					setxattr(path, name, value, size, (int)flags)))
		ret = -errno;
	close(fd);
	return ret;
}

/* To read it, whatever the program's task may do: it has the file open already. */
static int open_bytes(struct world *w, u64 file)
{
	const struct wplace *at = place_of(w, file);
	int path = at && !at->negative ? place_open(w, at) : -ESTALE, fd;
	char name[48];

	if (path < 0)
		return path;
	fd_path(path, name);
	fd = S_ISREG(at->mode) || S_ISDIR(at->mode) ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	close(path);
	return fd < 0 ? -EACCES : fd;
}

long world_verity(struct world *w, u64 file, void *digest, u32 room)
{
	struct {
		struct fsverity_digest d;
		u8 bytes[64];
	} got = { .d.digest_size = sizeof(got.bytes) };
	struct fsverity_digest *out = digest;
	int fd = open_bytes(w, file);

	if (fd < 0)
		return -ENODATA;
	/* What file systems without it say is here the same as what those with it do. */
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &got)) {
		close(fd);
		return -ENODATA;
	}
	close(fd);
	out->digest_algorithm = got.d.digest_algorithm;
	out->digest_size = got.d.digest_size;
	memset(out->digest, 0, room);
	memcpy(out->digest, got.bytes, min_t(u32, room, got.d.digest_size));
	return 0;
}

/* All of @size, 0 and how much there was in *@got; or -errno. */
static long read_at(int fd, u8 *buf, u64 size, u64 off, int flags, u64 *got)
{
	for (*got = 0; *got < size;) {
		struct iovec v = { buf + *got, size - *got };
		ssize_t n = preadv2(fd, &v, 1, (off_t)(off + *got), flags);

		if (n < 0 && errno == EOPNOTSUPP && flags) {
			flags = 0;
			continue;
		}
		if (n <= 0)
			return n ? -errno : 0;
		*got += (u64)n;
	}
	return 0;
}

long world_file_read(struct world *w, u64 file, void *buf, u64 size, u64 off, bool may_wait)
{
	u64 got, end;
	long ret;
	int fd;

	if (off + size < off)
		return -EOVERFLOW;
	fd = open_bytes(w, file);
	if (fd < 0)
		return -EFAULT;
	ret = off + size > INT64_MAX ? -EFAULT :
				       read_at(fd, buf, size, off, may_wait ? 0 : RWF_NOWAIT, &got);
	close(fd);
	if (may_wait)
		return ret ? ret : got < size ? -EIO : 0;
	if (ret)
		return -EFAULT; /* not in memory */
	/* Pages are read, and the rest of the last one is zeroes. */
	end = (off + got + PAGE - 1) & ~(u64)(PAGE - 1);
	if (got < size && off + size > end)
		return -EFAULT;
	memset((u8 *)buf + got, 0, size - got);
	return 0;
}
