/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A plain child, and the kernel's own trace_pipe; see kernel_run.h. */
#include "kernel_run.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct kernel_run {
	pid_t pid;
	int pidfd, trace;
	bool ended;
	int status;
	size_t start, len; /* of what has been read and not handed out */
	char buf[8192];
};

struct kernel_run *kernel_run_new(void)
{
	struct kernel_run *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->pidfd = -1;
	k->trace = open("/sys/kernel/tracing/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->trace < 0)
		k->trace = open("/sys/kernel/debug/tracing/trace_pipe",
				O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* What others have written before is none of ours. */
	while (k->trace >= 0 && read(k->trace, k->buf, sizeof(k->buf)) > 0)
		;
	return k;
}

int kernel_run_start(struct kernel_run *k, char **command)
{
	int err = posix_spawnp(&k->pid, command[0], NULL, NULL, command, environ);

	if (err)
		return -err;
	k->pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
	return 0;
}

int kernel_run_pid(const struct kernel_run *k)
{
	return k->pid;
}

int kernel_run_fd(const struct kernel_run *k)
{
	return k->pidfd;
}

int kernel_run_trace_fd(const struct kernel_run *k)
{
	return k->trace;
}

const char *kernel_run_trace(struct kernel_run *k)
{
	char *line = k->buf + k->start, *end = memchr(line, '\n', k->len);
	ssize_t n;

	if (!end && k->trace >= 0 && k->len < sizeof(k->buf) - 1) {
		memmove(k->buf, line, k->len);
		k->start = 0;
		n = read(k->trace, k->buf + k->len, sizeof(k->buf) - 1 - k->len);
		k->len += n > 0 ? (size_t)n : 0;
		line = k->buf;
		end = memchr(line, '\n', k->len);
	}
	if (!end)
		return NULL;
	*end = 0;
	k->len -= (size_t)(end + 1 - line);
	k->start = k->len ? (size_t)(end + 1 - k->buf) : 0;
	return line;
}

bool kernel_run_ended(struct kernel_run *k, int *status)
{
	if (!k->ended)
		k->ended = waitpid(k->pid, &k->status, WNOHANG) == k->pid;
	*status = k->status;
	return k->ended;
}

void kernel_run_free(struct kernel_run *k)
{
	if (!k)
		return;
	if (k->pidfd >= 0)
		close(k->pidfd);
	if (k->trace >= 0)
		close(k->trace);
	free(k);
}
