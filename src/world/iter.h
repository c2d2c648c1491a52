/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tasks and what they have, for iterators (Linux: kernel/bpf/task_iter.c). Addresses are of the
 * world's window; 0: there is no such thing any more.
 */
#ifndef SKEP_WORLD_ITER_H
#define SKEP_WORLD_ITER_H

#include "world/world.h"

/*
 * Threads of process @self and of all supervised ones, in ascending order; where there is a
 * supervisor, to be called in its loop. The caller frees *@out. 0 or -ENOMEM.
 */
int world_iter_tids(struct skep_system *sys, pid_t self, pid_t **out, u32 *n);
/* Descriptors of a process, in ascending order. */
int world_iter_fds(pid_t tid, int **out, u32 *n);

u64 world_iter_task(struct skep_system *sys, struct bpf_run *run, pid_t tid, pid_t *tgid);
u64 world_iter_file(struct skep_system *sys, struct bpf_run *run, pid_t tid, int fd);
/* The memory area that @line of the task's /proc/TID/maps tells of. */
u64 world_iter_area(struct skep_system *sys, struct bpf_run *run, pid_t tid, const char *line);

/* A socket that a task in sight has open. */
struct world_sock {
	u64 ino, cookie;
	pid_t tid; /* of a process that has it */
	int fd;	   /* its descriptor there */
	int family, protocol;
	u32 uid, bucket; /* bucket: of UDP's table */
	u16 port;
	u8 state;
};

struct world_socks {
	VEC(struct world_sock);
};

/* Sockets of process @self and of all supervised ones by inode; the caller frees l->v. 0 or -ENOMEM. */
int world_iter_socks(struct skep_system *sys, struct bpf_run *run, pid_t self,
		     struct world_socks *l);
/* Its struct sock. */
u64 world_iter_sock(struct skep_system *sys, struct bpf_run *run, const struct world_sock *s);

#endif
