/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Adapter for programs linked with -Wl,--wrap=syscall,… (the Makefile's WRAPPED):
 * the linker turns calls of f into __wrap_f, and f itself becomes __real_f. In
 * the static library only: a program that does not wrap never pulls this in.
 */
#include <fcntl.h>
#include <stdarg.h>

#include "front/front.h"

/* WRAP(result, name, parameters, real): declares both names that the linker makes. */
#define WRAP(result, name, ...)                                                                    \
	result __real_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__)

WRAP(long, syscall, long nr, ...);
WRAP(void *, mmap64, void *addr, size_t len, int prot, int flags, int fd, off_t off);
WRAP(int, ioctl, int fd, unsigned long request, ...);
WRAP(int, epoll_ctl, int epfd, int op, int fd, struct epoll_event *event);
WRAP(int, open64, const char *path, int flags, ...);
WRAP(FILE *, fopen64, const char *path, const char *mode);
WRAP(int, faccessat, int dirfd, const char *path, int mode, int flags);
WRAP(int, setrlimit64, __rlimit_resource_t resource, const struct rlimit *limit);
WRAP(int, uname, struct utsname *buf);
WRAP(int, mkdir, const char *path, mode_t mode);
WRAP(int, unlink, const char *path);
WRAP(int, statfs64, const char *path, struct statfs64 *buf);

static int real_statfs(const char *path, struct statfs *buf)
{
	return __real_statfs64(path, (struct statfs64 *)buf); /* the same on 64 bits */
}

static const struct front_real real = {
	.syscall = __real_syscall,
	.mmap = __real_mmap64,
	.ioctl = __real_ioctl,
	.epoll_ctl = __real_epoll_ctl,
	.open = __real_open64,
	.fopen = __real_fopen64,
	.faccessat = __real_faccessat,
	.setrlimit = __real_setrlimit64,
	.uname = __real_uname,
	.mkdir = __real_mkdir,
	.unlink = __real_unlink,
	.statfs = real_statfs,
};

/* Takes six arguments however many were passed, as libc's syscall() does. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long nr, ...)
{
	long args[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	return front_syscall(&real, nr, args);
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return front_mmap(&real, addr, len, prot, flags, fd, off);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return front_ioctl(&real, fd, request, arg);
}

int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return front_epoll_ctl(&real, epfd, op, fd, event);
}

int __wrap_open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return front_open(&real, path, flags, mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	return front_fopen(&real, path, mode);
}

int __wrap_faccessat(int dirfd, const char *path, int mode, int flags)
{
	return front_faccessat(&real, dirfd, path, mode, flags);
}

int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return front_setrlimit(&real, resource, limit);
}

int __wrap_uname(struct utsname *buf)
{
	return front_uname(&real, buf);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	return front_mkdirat(&real, AT_FDCWD, path, mode);
}

int __wrap_unlink(const char *path)
{
	return front_unlinkat(&real, AT_FDCWD, path, 0);
}

int __wrap_statfs64(const char *path, struct statfs64 *buf)
{
	return front_statfs(&real, path, (struct statfs *)buf);
}
