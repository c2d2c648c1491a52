/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who makes the call that is being answered (Linux: current, as bpf(2) uses it). It is this
 * process, or another task whose call has reached us: then attribute pointers are addresses
 * in its memory, descriptors are numbers of its table, and paths begin at its root.
 *
 * The caller is state of the thread that answers, as current is of a CPU: caller_enter()
 * before the call, caller_leave() after it. Code that answers calls takes memory by
 * user_read() and user_write() (system.h), objects by object_get_fd() (object.h), and everything
 * else of the caller by the functions below; each of them also serves this process.
 */
#ifndef SKEP_OBJECT_CALLER_H
#define SKEP_OBJECT_CALLER_H

#include <sys/stat.h>

#include "base/types.h"

struct caller;

/* How to get at another task. Any thread may call them while its call is being answered. */
struct caller_ops {
	int (*read)(struct caller *c, void *dst, u64 src, size_t size); /* 0 or -EFAULT */
	int (*write)(struct caller *c, u64 dst, const void *src, size_t size);
	/* What the task's @fd stands for, as a descriptor of ours. fd or -errno. */
	int (*take_fd)(struct caller *c, int fd);
	/* Gives the task a descriptor for what our @fd stands for: its number there, or -errno. */
	int (*give_fd)(struct caller *c, int fd, bool cloexec);
	/*
	 * Closes the task's @fd, or as good as: what it stood for has one holder less. 0 or
	 * -errno. NULL: cannot be done.
	 */
	int (*close_fd)(struct caller *c, int fd);
};

struct caller {
	const struct caller_ops *ops;
	u32 tid, tgid; /* as our pid namespace numbers them */
	int pidfd;     /* of the task, or 0: not open */
};

/* NULL: this process itself. */
struct caller *caller_current(void);
/* From now on this thread answers @c. Gives who came before, for caller_leave(). */
struct caller *caller_enter(struct caller *c);
void caller_leave(struct caller *before);

int caller_read(void *dst, u64 src, size_t size); /* 0 or -EFAULT */
int caller_read_two(void *dst1, u64 src1, size_t size1, void *dst2, u64 src2, size_t size2);
int caller_write(u64 dst, const void *src, size_t size);

/* fstat() of the caller's @fd. 0 or -errno. */
int caller_fstat(int fd, struct stat *st);
/* O_RDONLY, O_WRONLY or O_RDWR of the caller's @fd; -EBADF. */
int caller_fd_mode(int fd);
/* A descriptor of ours for what the caller's @fd stands for; close it. fd or -errno. */
int caller_take_fd(int fd);
/*
 * Takes over our descriptor @fd, which is the result of a call: the number that the caller
 * knows it by, or -errno. @fd < 0 is handed through.
 */
int caller_give_fd(int fd, bool cloexec);
/* Closes the caller's @fd. 0 or -errno. */
int caller_close_fd(int fd);
/* open() of @path as the caller would find it: a descriptor of ours, or -errno. */
int caller_open(const char *path, int flags);
/* The same name as far as we can say it: what open() here finds as the caller does. 0 or -errno. */
int caller_path(const char *path, char *out, size_t size);

u64 caller_pid_tgid(void);	       /* tgid << 32 | tid */
u64 caller_uid_gid(void);	       /* gid << 32 | uid, real */
u64 caller_caps(void);		       /* the effective set, a bit for each CAP_* */
u64 caller_userns(void);	       /* inode number of its user namespace; 0: not known */
void caller_comm(char *buf, u32 size); /* NUL-terminated, rest zeroed */

#endif
