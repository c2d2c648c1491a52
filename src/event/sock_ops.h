/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What programs of cgroups are told of TCP sockets (sock_ops.c), by who follows these (tcp.c). */
#ifndef SKEP_EVENT_SOCK_OPS_H
#define SKEP_EVENT_SOCK_OPS_H

#include "event/cgroup_run.h"
#include "event/function.h"

/* Whether anybody listens to connections. */
bool sock_ops_in_use(const struct skep_system *sys);
/* BPF_SOCK_OPS_@op for the task's socket @info, in @state; @flags: of it, which programs may change. */
void sock_ops_tell(struct task *t, const struct fd_info *info, u32 op, u8 state, u8 *flags);
/* The same of a change of states, if the socket's programs want that. */
void sock_ops_state(struct task *t, const struct fd_info *info, u8 from, u8 to, u8 *flags);
/* connect() of descriptor @fd, which @s is, is being made to @to. */
void sock_ops_connect(struct task *t, int fd, struct cgroup_sock *s,
		      const struct sockaddr_storage *to);

/* ---- sock_port.c ---- */

/* Gives the connect() of @s to @to, at whose entry the task is, an address and a port, which @s has then; where it can. */
void sock_port_choose(struct task *t, struct cgroup_sock *s, const struct sockaddr_storage *to);
/* The call is over. */
void sock_port_chosen(struct task *t);

/* ---- */

/* Storages of a socket that has been accepted by now; see sock_storage.c. */
void sock_storage_found(struct skep_system *sys, u64 cookie, u64 ino, int fd);
/* The context's fields of socket @sk; not @full: of a request, which is none yet. */
void sock_ops_fill(struct bpf_sock_ops *ctx, struct bpf_rt_sock *sk, bool full);

/* Programs at the last close of a socket: BPF_CGROUP_INET_SOCK_RELEASE. */
void sock_release_tell(struct task *t, const struct fd_info *info);

#endif
