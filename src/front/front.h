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

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/utsname.h>

#include <stdbool.h>

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
	int (*mkdir)(const char *path, mode_t mode);
	int (*unlink)(const char *path);
	int (*statfs)(const char *path, struct statfs *buf);
	/* Of the preload library only. */
	int (*fstatat)(int dirfd, const char *path, struct stat *st, int flags);
	int (*fstatfs)(int fd, struct statfs *buf);
	int (*openat)(int dirfd, const char *path, int flags, ...);
	int (*mkdirat)(int dirfd, const char *path, mode_t mode);
	int (*unlinkat)(int dirfd, const char *path, int flags);
	int (*renameat2)(int olddir, const char *old, int newdir, const char *new, unsigned flags);
	int (*symlinkat)(const char *target, int dirfd, const char *path);
	int (*fchmodat)(int dirfd, const char *path, mode_t mode, int flags);
	int (*mount)(const char *source, const char *target, const char *type, unsigned long flags,
		     const void *data);
	int (*umount2)(const char *target, int flags);
	DIR *(*opendir)(const char *path);
	int (*nftw)(const char *path, __nftw_func_t fn, int fds, int flags);
	FILE *(*setmntent)(const char *path, const char *mode);
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

/* ---- the tree of pins; see pins.c ---- */

int front_mkdirat(const struct front_real *real, int dirfd, const char *path, mode_t mode);
int front_unlinkat(const struct front_real *real, int dirfd, const char *path, int flags);
int front_statfs(const struct front_real *real, const char *path, struct statfs *buf);
int front_fstatfs(const struct front_real *real, int fd, struct statfs *buf);
int front_fstatat(const struct front_real *real, int dirfd, const char *path, struct stat *st,
		  int flags);
int front_openat(const struct front_real *real, int dirfd, const char *path, int flags,
		 mode_t mode);
int front_renameat2(const struct front_real *real, int olddir, const char *old, int newdir,
		    const char *new, unsigned flags);
int front_symlinkat(const struct front_real *real, const char *target, int dirfd, const char *path);
int front_fchmodat(const struct front_real *real, int dirfd, const char *path, mode_t mode,
		   int flags);
int front_mount(const struct front_real *real, const char *source, const char *target,
		const char *type, unsigned long flags, const void *data);
int front_umount2(const struct front_real *real, const char *target, int flags);
DIR *front_opendir(const struct front_real *real, const char *path);
int front_nftw(const struct front_real *real, const char *path, __nftw_func_t fn, int fds,
	       int flags);
int front_pin_access(const struct front_real *real, int dirfd, const char *path, int mode,
		     int flags);
/* A descriptor of what @path holds; -1: it is not in the tree; -2 and errno. */
int front_pin_text(const char *path);
FILE *front_setmntent(const struct front_real *real, const char *path, const char *mode);

/* The system that answers calls; NULL: none yet (unless @start), or the kernel was chosen. */
/* fsopen(2) and its like, by number: true when it is for a BPF file system, *result as the kernel gives it. */
bool front_fs_call(long nr, const long args[6], long *result);
struct skep_system *front_system(bool start);

#endif
