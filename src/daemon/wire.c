/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Messages between clients and the daemon; see wire.h. */
#include "daemon/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"

u32 wire_version(void)
{
	return SKEP_BUILD;
}

int wire_folder(char *path, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	int n;

	if (run && *run == '/' && !access(run, W_OK | X_OK))
		n = snprintf(path, size, "%s/skep", run);
	else
		n = snprintf(path, size, "/tmp/skep-%u", (unsigned)geteuid());
	if (n >= (int)size)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	/* In a folder that everybody can write to, it may be another's. */
	if (lstat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	if (st.st_mode & 077 && chmod(path, 0700))
		return -errno;
	return 0;
}

int wire_send(int sock, const void *msg, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { (void *)msg, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int wire_recv(int sock, void *msg, size_t size, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { msg, size };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int got = -1;
	ssize_t n;

	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	if (n == (ssize_t)size)
		return 0;
	if (fd && got >= 0) {
		close(got);
		*fd = -1;
	}
	return n ? -EPROTO : -ECONNRESET;
}
