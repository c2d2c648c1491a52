/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Running what a task's cgroup has for a call of the task (Linux: kernel/bpf/cgroup.c). */
#ifndef SKEP_EVENT_CGROUP_RUN_H
#define SKEP_EVENT_CGROUP_RUN_H

#include "event/cgroup.h"
#include "hook/cgroup.h"
#include "object/sock.h"

/* Whether something is attached at @attach_type for the task's cgroup. */
bool cgroup_decides(struct task *t, u32 attach_type);
/* As cgroup_run(); .result may be NULL. */
s32 cgroup_run_task(struct task *t, u32 attach_type, void *ctx, s32 retval,
		    struct cgroup_result *result);

/* A socket of a stopped task, as programs see it. */
struct cgroup_sock {
	int fd;	    /* ours, of the task's socket */
	int number; /* in the task */
	struct bpf_rt_sock sk, before;
};

/* The socket that is descriptor @fd of the task. 0; -ENOTSOCK and others: the kernel will say it. */
int cgroup_sock_open(struct task *t, int fd, struct cgroup_sock *s);
/* The same of our descriptor @fd of a socket, which becomes the socket's, or -errno. @t NULL: of nobody. */
int cgroup_sock_look(struct task *t, int fd, struct cgroup_sock *s);
/* Does to the socket what programs have asked for and helpers have not done by then. */
void cgroup_sock_apply(struct cgroup_sock *s);
void cgroup_sock_close(struct cgroup_sock *s);

#endif
