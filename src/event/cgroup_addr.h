/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of type BPF_PROG_TYPE_CGROUP_SOCK_ADDR on an address of a task's call: what
 * cgroup_sock.c and cgroup_msg.c have in common.
 */
#ifndef SKEP_EVENT_CGROUP_ADDR_H
#define SKEP_EVENT_CGROUP_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "event/cgroup_run.h"
#include "event/process.h"

#define SIN6_LEN_SHORT 24 /* without a scope: RFC 2133 */

union address {
	struct sockaddr_storage any;
	struct sockaddr in_general;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

enum verb { BIND, CONNECT, SENDMSG, RECVMSG, GETPEERNAME, GETSOCKNAME, VERBS };
enum { SIX = 1, UNIX = 2 };

bool sock_addr_in_use(struct skep_system *sys, enum verb v);
bool sock_addr_decides(struct task *t, enum verb v);
/* Runs the programs of @verb for an address of family @which; *a and *len are what they make of it. */
s32 sock_addr_run(struct task *t, struct cgroup_sock *s, enum verb verb, u32 which,
		  union address *a, u32 *len, struct bpf_sock_addr *ctx, u32 *flags);
/*
 * The socket of the call, for programs. False: it is none, which the kernel will say, or it cannot be had: then
 * nobody can decide, and the call is refused.
 */
bool sock_addr_open(struct task *t, int fd, struct cgroup_sock *s);
bool sock_addr_read(struct task *t, u64 at, u64 len, union address *a);

/* Which programs see an address of a socket: 0, SIX or UNIX. */
static inline u32 sock_addr_which(const struct cgroup_sock *s)
{
	return s->sk.u.family == AF_UNIX ? UNIX : s->sk.u.family == AF_INET6 ? SIX : 0;
}

static inline bool is_inet(const struct cgroup_sock *s)
{
	return s->sk.u.family == AF_INET || s->sk.u.family == AF_INET6;
}

/* unix_validate_addr() */
static inline bool is_unix_name(const union address *a, u64 len)
{
	return a->any.ss_family == AF_UNIX && len > sizeof(a->un.sun_family) &&
	       len <= sizeof(a->un);
}

static inline void call_result(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
}

/* cgroup_msg.c: messages, and addresses that a call gives back. */
void cgroup_send_enter(struct task *t);
void cgroup_send_exit(struct task *t);
void cgroup_name_enter(struct task *t);
void cgroup_giving_enter(struct task *t);
void cgroup_giving_exit(struct task *t);

#endif
