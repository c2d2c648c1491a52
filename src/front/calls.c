/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What happens to each libc call: bpf(2) and perf_event_open(2) go to the
 * system, and so does what is done to the descriptors they gave; paths under
 * which the kernel shows its types and hooks (files.c) are answered from the system's; the rest is
 * the real function's.
 */
#include "command/command.h"
#include "front/front.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/uapi.h"
#include "front/files.h"
#include "object/system.h"

static struct skep_system *answering;
static bool chosen; /* by skep_front_use(), or by the first call that needed a system */

void skep_front_use(struct skep_system *sys)
{
	answering = sys;
	chosen = true;
}

static void start(void)
{
	struct skep_system *sys;

	if (chosen)
		return;
	sys = skep_system_new(NULL);
	if (!sys) {
		/* Going on would mean the kernel's answers, which nobody asked for. */
		dprintf(STDERR_FILENO,
			"skep: cannot start a system: %s (check SKEP_KERNEL, SKEP_BTF, SKEP_CAPS, "
			"SKEP_JIT, SKEP_VERDICT)\n",
			strerror(errno));
		_exit(125);
	}
	skep_front_use(sys);
}

/* The system for a call that only a system can answer; NULL: the kernel was chosen. */
static struct skep_system *system_wanted(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!chosen)
		pthread_once(&once, start);
	return answering;
}

struct skep_system *front_system(bool start)
{
	return start ? system_wanted() : answering;
}

static long from_errno(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

long front_syscall(const struct front_real *real, long nr, const long args[6])
{
	struct skep_system *sys = NULL;
	long result;

	if (nr == SYS_bpf || nr == SYS_perf_event_open)
		sys = system_wanted();
	if (sys && nr == SYS_bpf)
		return from_errno(bpf_with_common(sys, (int)args[0], (union bpf_attr *)args[1],
						  (unsigned)args[2], (void *)args[3],
						  (unsigned)args[4]));
	if (sys && nr == SYS_perf_event_open)
		return from_errno(skep_perf_event_open(sys, (void *)args[0], (int)args[1],
						       (int)args[2], (int)args[3],
						       (unsigned long)args[4]));
	if (front_fs_call(nr, args, &result))
		return from_errno(result);
	return real->syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* As mmap(@addr), in one block of 4 GiB. */
static void *map_in_block(const struct front_real *real, size_t len, int prot, int flags, int fd)
{
	const size_t block = 1UL << 32;
	char *room = real->mmap(NULL, 2 * block, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at;
	void *p;

	if (room == MAP_FAILED)
		return MAP_FAILED;
	at = (char *)(((unsigned long)room + block - 1) & ~(block - 1));
	p = real->mmap(at, len, prot, flags | MAP_FIXED, fd, 0);
	munmap(room, (size_t)(at - room));
	munmap(at + len, (size_t)(room + 2 * block - at) - len);
	return p;
}

void *front_mmap(const struct front_real *real, void *addr, size_t len, int prot, int flags, int fd,
		 off_t off)
{
	void *p;
	int err;

	if (!answering || fd < 0 || (flags & MAP_TYPE) == MAP_PRIVATE)
		return real->mmap(addr, len, prot, flags, fd, off);
	err = skep_mmap(answering, fd, len, prot, off);
	if (!err) {
		p = real->mmap(addr, len, prot, flags, fd, off);
		if (p == MAP_FAILED)
			return p;
		err = skep_mapped(answering, fd, p, len);
		if (!err)
			return p;
		munmap(p, len);
		if (err == -EAGAIN && !addr) {
			p = map_in_block(real, len, prot, flags, fd);
			err = p == MAP_FAILED ? -errno : skep_mapped(answering, fd, p, len);
			if (!err)
				return p;
			if (p != MAP_FAILED)
				munmap(p, len);
		}
	}
	errno = -err;
	return MAP_FAILED;
}

int front_ioctl(const struct front_real *real, int fd, unsigned long request, void *arg)
{
	int result = answering ? skep_ioctl(answering, fd, request, arg) : -ENOTTY;

	/* Not one of ours: the kernel knows what to do with it. */
	if (result == -ENOTTY || result == -EBADF)
		return real->ioctl(fd, request, arg);
	return (int)from_errno(result);
}

int front_epoll_ctl(const struct front_real *real, int epfd, int op, int fd,
		    struct epoll_event *event)
{
	/* epoll refuses a memfd: the eventfd that wakes its readers stands in for it. */
	int instead = answering ? skep_epoll_fd(answering, fd) : -EBADF;
	struct epoll_event edge;

	if (instead < 0)
		return real->epoll_ctl(epfd, op, fd, event);
	/*
	 * The eventfd stays readable: an edge tells what a ring's own poll would. Room in a user
	 * ring buffer is told the same way, by something to read.
	 */
	if (event) {
		edge = *event;
		edge.events |= EPOLLET | (edge.events & EPOLLOUT ? EPOLLIN : 0);
		event = &edge;
	}
	return real->epoll_ctl(epfd, op, instead, event);
}

/* The system that shows file @path; NULL: the kernel does. */
static struct skep_system *shown_by(const char *path)
{
	return file_is_ours(path) ? system_wanted() : NULL;
}

int front_open(const struct front_real *real, const char *path, int flags, mode_t mode)
{
	struct skep_system *sys = shown_by(path);

	if (!sys)
		return front_openat(real, AT_FDCWD, path, flags, mode);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return file_open(sys, path);
	return file_open_to_write(sys, path);
}

FILE *front_fopen(const struct front_real *real, const char *path, const char *mode)
{
	struct skep_system *sys = shown_by(path);
	FILE *f;
	int fd;

	if (!sys) {
		fd = front_pin_text(path);
		return fd == -1 ? real->fopen(path, mode) : fd < 0 ? NULL : fdopen(fd, mode);
	}
	fd = *mode != 'r' || strchr(mode, '+') ? file_open_to_write(sys, path) :
						 file_open(sys, path);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, mode);
	if (!f)
		close(fd);
	return f;
}

int front_faccessat(const struct front_real *real, int dirfd, const char *path, int mode, int flags)
{
	struct skep_system *sys = shown_by(path);

	if (sys)
		return file_access(sys, path, mode);
	return front_pin_access(real, dirfd, path, mode, flags);
}

int front_setrlimit(const struct front_real *real, __rlimit_resource_t resource,
		    const struct rlimit *limit)
{
	/* Linux charges maps to memory cgroups since 5.11; so the limit plays no part here. */
	if (resource == RLIMIT_MEMLOCK && (answering || !chosen)) {
		real->setrlimit(resource, limit);
		return 0;
	}
	return real->setrlimit(resource, limit);
}

int front_uname(const struct front_real *real, struct utsname *buf)
{
	int err = real->uname(buf);

	/* The release follows the profile where one was asked for. */
	if (!err && answering && answering->profile_set)
		snprintf(buf->release, sizeof(buf->release), "%u.%u.0-skep",
			 KVER_MAJOR(answering->profile), KVER_MINOR(answering->profile));
	return err;
}
