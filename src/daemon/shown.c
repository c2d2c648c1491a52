/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's files about eBPF (front/files.h) as an instance's processes open and look at them. What has been
 * written is kept for a while: who looks at a file and then opens it finds the same one (cp, tar), and
 * large ones are not made again.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"
#include "front/files.h"

#define KEPT 32

struct shown {
	pthread_mutex_t lock;
	struct {
		char *path;
		int fd;
	} kept[KEPT]; /* the one that was asked for last is the first */
	u32 n;
};

struct shown *shown_new(void)
{
	struct shown *s = mem_zalloc(sizeof(*s));

	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void shown_free(struct shown *s)
{
	if (!s)
		return;
	for (u32 i = 0; i < s->n; i++) {
		close(s->kept[i].fd);
		mem_free(s->kept[i].path);
	}
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* Another description of the file that @fd is open on. */
static int open_again(int fd)
{
	char path[40];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

static void keep(struct shown *s, const char *path, int fd)
{
	char *copy = mem_strdup(path);
	int own = copy ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (own < 0) {
		mem_free(copy);
		return;
	}
	if (s->n == KEPT) {
		s->n--;
		close(s->kept[s->n].fd);
		mem_free(s->kept[s->n].path);
	}
	memmove(&s->kept[1], &s->kept[0], s->n * sizeof(s->kept[0]));
	s->kept[0].path = copy;
	s->kept[0].fd = own;
	s->n++;
}

/* A descriptor to read @path by, or -errno; -EISDIR: a folder. */
static int open_file(struct shown *s, struct skep_system *sys, const char *path)
{
	int fd = -1;

	pthread_mutex_lock(&s->lock);
	for (u32 i = 0; i < s->n; i++) {
		__typeof__(s->kept[0]) it = s->kept[i];

		if (strcmp(it.path, path))
			continue;
		memmove(&s->kept[1], &s->kept[0], i * sizeof(it));
		s->kept[0] = it;
		fd = open_again(it.fd);
		goto out;
	}
	fd = file_open(sys, path);
	if (fd < 0) {
		fd = -errno;
		goto out;
	}
	fchmod(fd, 0444);
	if (!file_changes(path))
		keep(s, path, fd);
	else
		fchmod(fd, 0644);
out:
	pthread_mutex_unlock(&s->lock);
	return fd;
}

static bool is_trace_pipe(const char *path)
{
	return !strcmp(path, "/sys/kernel/tracing/trace_pipe") ||
	       !strcmp(path, "/sys/kernel/debug/tracing/trace_pipe");
}

int shown_access(struct request *r, const char *path, int mode)
{
	if (is_trace_pipe(path))
		return mode & (W_OK | X_OK) ? -EACCES : 0;
	return file_access(r->sys, path, mode) ? -errno : 0;
}

int shown_open(struct request *r, const char *path, int flags)
{
	struct instance *inst = r->session->instance;
	int fd;

	if ((flags & O_ACCMODE) != O_RDONLY) {
		fd = is_trace_pipe(path) ? -EACCES : file_open_to_write(r->sys, path);
		return fd == -1 ? -errno : fd;
	}
	if (is_trace_pipe(path))
		return trace_pipe_open(inst->trace);
	fd = open_file(inst->shown, r->sys, path);
	if (fd == -EISDIR)
		return folders_open(inst->folders, r->sys, path);
	if (fd >= 0 && flags & O_DIRECTORY) {
		close(fd);
		return -ENOTDIR;
	}
	return fd;
}

int shown_stat(struct request *r, const char *path, struct stat *st)
{
	int err = shown_access(r, path, R_OK), fd;

	if (err)
		return err;
	fd = is_trace_pipe(path) ? -ENOENT : open_file(r->session->instance->shown, r->sys, path);
	if (fd >= 0) {
		err = fstat(fd, st) ? -errno : 0;
		close(fd);
		return err;
	}
	memset(st, 0, sizeof(*st));
	st->st_nlink = 1;
	st->st_blksize = 4096;
	st->st_ino = 1;
	for (const char *c = path; *c; c++)
		st->st_ino = st->st_ino * 31 + (u8)*c;
	st->st_mode = fd == -EISDIR ? S_IFDIR | 0555 : S_IFREG | 0444;
	return 0;
}
