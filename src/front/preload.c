/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libskep-preload.so: LD_PRELOAD for unmodified dynamic programs. Each name below
 * takes the place of libc's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "front/preload.h"

static struct front_real real;
static pthread_once_t real_once = PTHREAD_ONCE_INIT;
__thread bool preload_inside;

static void find_real(void)
{
	real.syscall = dlsym(RTLD_NEXT, "syscall");
	real.mmap = dlsym(RTLD_NEXT, "mmap64");
	real.ioctl = dlsym(RTLD_NEXT, "ioctl");
	real.epoll_ctl = dlsym(RTLD_NEXT, "epoll_ctl");
	real.open = dlsym(RTLD_NEXT, "open64");
	real.fopen = dlsym(RTLD_NEXT, "fopen64");
	real.faccessat = dlsym(RTLD_NEXT, "faccessat");
	real.setrlimit = dlsym(RTLD_NEXT, "setrlimit64");
	real.uname = dlsym(RTLD_NEXT, "uname");
	real.mkdir = dlsym(RTLD_NEXT, "mkdir");
	real.unlink = dlsym(RTLD_NEXT, "unlink");
	real.statfs = dlsym(RTLD_NEXT, "statfs64");
	real.fstatfs = dlsym(RTLD_NEXT, "fstatfs64");
	real.fstatat = dlsym(RTLD_NEXT, "fstatat64");
	real.openat = dlsym(RTLD_NEXT, "openat64");
	real.mkdirat = dlsym(RTLD_NEXT, "mkdirat");
	real.unlinkat = dlsym(RTLD_NEXT, "unlinkat");
	real.renameat2 = dlsym(RTLD_NEXT, "renameat2");
	real.symlinkat = dlsym(RTLD_NEXT, "symlinkat");
	real.fchmodat = dlsym(RTLD_NEXT, "fchmodat");
	real.mount = dlsym(RTLD_NEXT, "mount");
	real.umount2 = dlsym(RTLD_NEXT, "umount2");
	real.opendir = dlsym(RTLD_NEXT, "opendir");
	real.nftw = dlsym(RTLD_NEXT, "nftw64");
	real.setmntent = dlsym(RTLD_NEXT, "setmntent");
}

const struct front_real *preload_libc(void)
{
	pthread_once(&real_once, find_real);
	return &real;
}

/* Takes six arguments however many were passed, as libc's does. */
__attribute__((no_sanitize("address"))) SKEP_API long syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	CALL(long, front_syscall(r, nr, a), syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

SKEP_API void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	CALL(void *, front_mmap(r, addr, len, prot, flags, fd, off),
	     mmap(addr, len, prot, flags, fd, off));
}

SKEP_API void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return mmap64(addr, len, prot, flags, fd, off);
}

__attribute__((no_sanitize("address"))) SKEP_API int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	CALL(int, front_ioctl(r, fd, request, arg), ioctl(fd, request, arg));
}

SKEP_API int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	CALL(int, front_epoll_ctl(r, epfd, op, fd, event), epoll_ctl(epfd, op, fd, event));
}

static int open_common(const char *path, int flags, mode_t mode)
{
	CALL(int, front_open(r, path, flags, mode), open(path, flags, mode));
}

SKEP_API int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return open_common(path, flags, mode);
}

SKEP_API int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return open_common(path, flags, mode);
}

SKEP_API FILE *fopen64(const char *path, const char *mode)
{
	CALL(FILE *, front_fopen(r, path, mode), fopen(path, mode));
}

SKEP_API FILE *fopen(const char *path, const char *mode)
{
	return fopen64(path, mode);
}

SKEP_API int faccessat(int dirfd, const char *path, int mode, int flags)
{
	CALL(int, front_faccessat(r, dirfd, path, mode, flags),
	     faccessat(dirfd, path, mode, flags));
}

SKEP_API int access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, 0);
}

SKEP_API int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	CALL(int, front_setrlimit(r, resource, (const struct rlimit *)limit),
	     setrlimit(resource, (const struct rlimit *)limit));
}

SKEP_API int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return setrlimit64(resource, (const struct rlimit64 *)limit);
}

SKEP_API int uname(struct utsname *buf)
{
	CALL(int, front_uname(r, buf), uname(buf));
}
