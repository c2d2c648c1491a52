/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Infrared receivers as an instance's processes have them (src/event/lirc.h): /dev/lirc0, the input devices of their
 * keys, and calls on what is open there. A descriptor is a pipe's, so that it can be waited for as any
 * other; its number is one of a range that the filter notices, as of rtnetlink sockets (netlink.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "event/lirc.h"

#define ARGUMENT_MAX 4096
#define SLICE_US     20000 /* of a wait, between two looks at who waits */

int receiver_at(const struct skep_system *sys, const char *path, bool *input)
{
	u32 n = lirc_count(sys), number;
	int end = 0;

	if (!n)
		return -1;
	*input = false;
	if (sscanf(path, "/dev/lirc%u%n", &number, &end) == 1 && !path[end] && number < n)
		return (int)number;
	end = 0;
	if (sscanf(path, "/dev/input/event%u%n", &number, &end) != 1 || path[end])
		return -1;
	*input = true;
	for (u32 i = 0; i < n; i++)
		if (lirc_input_number(sys, i) == number)
			return (int)i;
	return -1;
}

void receiver_stat(const struct skep_system *sys, u32 index, bool input, struct stat *st)
{
	u32 number = input ? lirc_input_number(sys, index) : index;

	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR | 0600;
	st->st_nlink = 1;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_blksize = 4096;
	st->st_ino = 0x11c0 + 2 * index + input;
	st->st_rdev = input ? makedev(INPUT_MAJOR, 64 + number) : makedev(LIRC_MAJOR, number);
}

/* The task's number for @fd: one that the filter notices, while there are any. */
static int give_number(struct request *r, int fd, bool cloexec)
{
	struct rlimit64 limit;
	char path[48];
	struct stat st;

	if (!syscall(SYS_prlimit64, r->caller.tgid, RLIMIT_NOFILE, NULL, &limit))
		for (int at = RECEIVER_FD_FIRST; at < RECEIVER_FD_END && (u64)at < limit.rlim_cur;
		     at++) {
			snprintf(path, sizeof(path), "/proc/%u/fd/%d", r->caller.tid, at);
			if (lstat(path, &st) && !notify_give_fd_at(r, fd, at, cloexec)) {
				close(fd);
				return at;
			}
		}
	return caller_give_fd(fd, cloexec);
}

int receiver_open(struct request *r, u32 index, bool input, int flags)
{
	int fd;

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	fd = lirc_open(r->sys, index, input, flags);
	return fd < 0 ? fd : give_number(r, fd, flags & O_CLOEXEC);
}

/* The file that the task's descriptor @fd is open on; false: there are no receivers, or no such descriptor. */
static bool file_of(struct request *r, int fd, struct stat *st)
{
	return lirc_count(r->sys) && !caller_fstat(fd, st) && S_ISFIFO(st->st_mode);
}

bool receiver_fstat(struct request *r, int fd, struct stat *st)
{
	struct stat pipe;
	bool input;
	int index = file_of(r, fd, &pipe) ? lirc_which(r->sys, &pipe, &input) : -1;

	if (index < 0)
		return false;
	receiver_stat(r->sys, (u32)index, input, st);
	return true;
}

void receiver_listened(struct request *r, int fd)
{
	struct stat st;

	if (file_of(r, fd, &st))
		lirc_listened(r->sys, &st);
}

long answer_receiver_fstat(struct request *r)
{
	struct stat st;

	if (!receiver_fstat(r, (int)r->args[0], &st))
		return ANSWER_CONTINUE;
	return user_write(r->sys, r->args[1], &st, sizeof(st)); /* the kernel's layout is libc's */
}

long answer_receiver_read(struct request *r)
{
	struct stat st;
	int err;

	if (!file_of(r, (int)r->args[0], &st))
		return ANSWER_CONTINUE;
	err = lirc_may_read(r->sys, &st, r->args[2]);
	return err ? err : ANSWER_CONTINUE;
}

long answer_receiver_write(struct request *r)
{
	u8 data[LIRC_WRITE_MAX * 4 + 4];
	u64 size = r->args[2], last = 0, due;
	struct stat st;
	bool input;
	long result;

	if (!file_of(r, (int)r->args[0], &st) || lirc_which(r->sys, &st, &input) < 0)
		return ANSWER_CONTINUE;
	if (size > sizeof(data) && !input)
		return -EINVAL;
	size = min_t(u64, size, sizeof(data));
	if (user_read(r->sys, data, r->args[1], size))
		return -EFAULT;
	result = lirc_write(r->sys, &st, data, size, &last);
	/* Clients reckon with a call that lasts as long as what it sends. */
	due = lirc_now() + last * 1000;
	while (last && lirc_now() < due && notify_waits(r))
		usleep((useconds_t)min_t(u64, (due - min(due, lirc_now())) / 1000 + 1, SLICE_US));
	return result;
}

long receiver_ioctl(struct request *r)
{
	u32 cmd = (u32)r->args[1];
	size_t size = _IOC_SIZE(cmd), out;
	u64 data[ARGUMENT_MAX / 8] = { 0 };
	struct stat st;
	bool input;
	long result;

	if (!file_of(r, (int)r->args[0], &st) || lirc_which(r->sys, &st, &input) < 0)
		return ANSWER_CONTINUE;
	size = min(size, sizeof(data));
	if (cmd == EVIOCGRAB)
		data[0] = r->args[2] != 0;
	else if ((_IOC_DIR(cmd) & _IOC_WRITE || cmd == EVIOCGKEYCODE || cmd == EVIOCGKEYCODE_V2) &&
		 user_read(r->sys, data, r->args[2], size))
		return -EFAULT;
	result = lirc_ioctl(r->sys, &st, cmd, data, size, &out);
	return out && user_write(r->sys, r->args[2], data, out) ? -EFAULT : result;
}
