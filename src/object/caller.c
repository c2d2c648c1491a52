/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The caller of a call (Linux: current). What /proc tells of another task is the same however
 * its call has reached us; the transport adds memory and descriptors (struct caller_ops).
 */
#include "object/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "object/platform.h"

static __thread struct caller *current __attribute__((tls_model("initial-exec")));

struct caller *caller_current(void)
{
	return current;
}

struct caller *caller_enter(struct caller *c)
{
	struct caller *before = current;

	current = c;
	return before;
}

void caller_leave(struct caller *before)
{
	current = before;
}

int caller_read(void *dst, u64 src, size_t size)
{
	return current ? current->ops->read(current, dst, src, size) :
			 platform_read(dst, src, size);
}

int caller_read_two(void *dst1, u64 src1, size_t size1, void *dst2, u64 src2, size_t size2)
{
	if (!current)
		return platform_read_two(dst1, src1, size1, dst2, src2, size2);
	return caller_read(dst1, src1, size1) ?: caller_read(dst2, src2, size2);
}

int caller_write(u64 dst, const void *src, size_t size)
{
	return current ? current->ops->write(current, dst, src, size) :
			 platform_write(dst, src, size);
}

/* ---- descriptors ---- */

#define FD_PATH 48

static void fd_path(char *path, int fd)
{
	snprintf(path, FD_PATH, "/proc/%u/fd/%d", current->tid, fd);
}

int caller_fstat(int fd, struct stat *st)
{
	char path[FD_PATH];
	int own, err;

	if (!current)
		return fstat(fd, st) ? -errno : 0;
	if (fd < 0)
		return -EBADF;
	if (current->pidfd > 0) {
		own = (int)syscall(SYS_pidfd_getfd, current->pidfd, fd, 0);
		if (own >= 0) {
			err = fstat(own, st) ? -errno : 0;
			close(own);
			return err;
		}
		if (errno == EPERM || errno == ENOSYS)
			current->pidfd = 0; /* an outer filter, or Yama */
	}
	fd_path(path, fd);
	if (stat(path, st))
		return errno == ENOENT ? -EBADF : -errno;
	return 0;
}

int caller_fd_mode(int fd)
{
	char path[FD_PATH];
	struct stat st;
	int flags;

	if (!current) {
		flags = fcntl(fd, F_GETFL);
		return flags < 0 ? -EBADF : flags & O_ACCMODE;
	}
	fd_path(path, fd);
	/* The link's permissions are those of the open file. */
	if (fd < 0 || lstat(path, &st))
		return -EBADF;
	if (!(st.st_mode & S_IWUSR))
		return O_RDONLY;
	return st.st_mode & S_IRUSR ? O_RDWR : O_WRONLY;
}

int caller_take_fd(int fd)
{
	int own;

	if (current)
		return fd < 0 ? -EBADF : current->ops->take_fd(current, fd);
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? -errno : own;
}

int caller_give_fd(int fd, bool cloexec)
{
	int there;

	if (fd < 0)
		return fd;
	if (!current) {
		fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0);
		return fd;
	}
	there = current->ops->give_fd(current, fd, cloexec);
	close(fd);
	return there;
}

int caller_close_fd(int fd)
{
	if (!current)
		return fd < 0 ? -EBADF : close(fd) ? -errno : 0;
	return current->ops->close_fd ? current->ops->close_fd(current, fd) : -EOPNOTSUPP;
}

/* ---- paths ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int caller_path(const char *path, char *out, size_t size)
{
	char root[32];
	int n;

	if (!current) {
		n = snprintf(out, size, "%s", path);
	} else if (!*path) {
		return -ENOENT;
	} else if (*path != '/') {
		n = snprintf(out, size, "/proc/%u/cwd/%s", current->tid, path);
	} else if (!strncmp(path, "/proc/self/", 11)) {
		n = snprintf(out, size, "/proc/%u/%s", current->tgid, path + 11);
	} else if (!strncmp(path, "/proc/thread-self/", 18)) {
		n = snprintf(out, size, "/proc/%u/task/%u/%s", current->tgid, current->tid,
			     path + 18);
	} else {
		snprintf(root, sizeof(root), "/proc/%u/root/", current->tid);
		n = snprintf(out, size, "%s%s", same_file(root, "/") ? "" : root, path);
	}
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

int caller_open(const char *path, int flags)
{
	char here[4200];
	int fd = caller_path(path, here, sizeof(here));

	if (fd)
		return fd;
	fd = open(here, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- who it is ---- */

u64 caller_pid_tgid(void)
{
	if (current)
		return (u64)current->tgid << 32 | current->tid;
	return platform_process()->pid_tgid();
}

/* The line of /proc/TID/status that begins with @key, behind it; NULL: it is gone. */
static const char *status_line(char *buf, size_t size, const char *key)
{
	char path[48], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", current->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return NULL;
	buf[n] = 0;
	p = strstr(buf, key);
	return p ? p + strlen(key) : NULL;
}

u64 caller_uid_gid(void)
{
	char buf[4096];
	const char *p;
	u32 uid, gid;

	if (!current)
		return (u64)getgid() << 32 | getuid();
	p = status_line(buf, sizeof(buf), "\nUid:");
	if (!p || sscanf(p, "\t%u %*u %*u %*u\nGid:\t%u", &uid, &gid) != 2)
		return ~0ULL;
	return (u64)gid << 32 | uid;
}

u64 caller_caps(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	unsigned long long caps;
	char buf[4096];
	const char *p;

	if (!current) {
		if (syscall(SYS_capget, &header, data))
			return 0;
		return (u64)data[1].effective << 32 | data[0].effective;
	}
	p = status_line(buf, sizeof(buf), "\nCapEff:");
	return p && sscanf(p, "%llx", &caps) == 1 ? caps : 0;
}

u64 caller_userns(void)
{
	char path[48] = "/proc/thread-self/ns/user";
	struct stat st;

	if (current)
		snprintf(path, sizeof(path), "/proc/%u/ns/user", current->tid);
	return stat(path, &st) ? 0 : st.st_ino;
}

void caller_comm(char *buf, u32 size)
{
	char name[64] = "";
	ssize_t n;
	int fd;

	if (!size)
		return;
	memset(buf, 0, size);
	if (!current) {
		prctl(PR_GET_NAME, name);
	} else {
		snprintf(name, sizeof(name), "/proc/%u/comm", current->tid);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);
		if (fd >= 0)
			close(fd);
		name[n > 0 ? n - 1 : 0] = 0; /* its newline */
	}
	memcpy(buf, name, strnlen(name, size - 1));
}
