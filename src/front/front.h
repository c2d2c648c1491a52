/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The in-process front: calls that a program (libbpf, in the first place) makes
 * into libc are answered by a skep system where they concern eBPF, and go on to
 * the real function otherwise. Two adapters feed it: wrap.c (linker --wrap) and
 * preload.c (LD_PRELOAD); both fill in struct front_real.
 *
 * Which system answers is state of the process, as the kernel is: one pointer,
 * set by skep_front_use(), or made from the SKEP_ environment at the first call that
 * needs one.
 */
#ifndef SKEP_FRONT_FRONT_H
#define SKEP_FRONT_FRONT_H

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/utsname.h>

#include "skep/skep.h"

struct front_real {
	long (*syscall)(long nr, ...);
	void *(*mmap)(void *addr, size_t len, int prot, int flags, int fd, off_t off);
	int (*ioctl)(int fd, unsigned long request, ...);
	int (*epoll_ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*open)(const char *path, int flags, ...);
	FILE *(*fopen)(const char *path, const char *mode);
	int (*faccessat)(int dirfd, const char *path, int mode, int flags);
	int (*setrlimit)(__rlimit_resource_t resource, const struct rlimit *limit);
	int (*uname)(struct utsname *buf);
};

/* Each as the libc function of that name: -1 and errno on failure. */
long front_syscall(const struct front_real *real, long nr, const long args[6]);
void *front_mmap(const struct front_real *real, void *addr, size_t len, int prot, int flags, int fd,
		 off_t off);
int front_ioctl(const struct front_real *real, int fd, unsigned long request, void *arg);
int front_epoll_ctl(const struct front_real *real, int epfd, int op, int fd,
		    struct epoll_event *event);
int front_open(const struct front_real *real, const char *path, int flags, mode_t mode);
FILE *front_fopen(const struct front_real *real, const char *path, const char *mode);
int front_faccessat(const struct front_real *real, int dirfd, const char *path, int mode,
		    int flags);
int front_setrlimit(const struct front_real *real, __rlimit_resource_t resource,
		    const struct rlimit *limit);
int front_uname(const struct front_real *real, struct utsname *buf);

#endif
