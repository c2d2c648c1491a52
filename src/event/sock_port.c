/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The address and port that a connection will be from, chosen before its connect() so that programs are told of it
 * as Linux tells them (net/ipv4/tcp_ipv4.c: tcp_v4_connect() has both when it calls BPF_SOCK_OPS_TCP_CONNECT_CB).
 *
 * A socket for datagrams, in the task's network, is asked from where it would send; the port is one that no TCP
 * socket has, and the only one of the range that connect() then chooses from (IP_LOCAL_PORT_RANGE, Linux 6.3: ports
 * are not told of older hosts).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/sock_ops.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

union name {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage all;
};

/* A socket of the task's family and network: a descriptor of ours; the task has it no more. */
static int task_socket(struct task *t, u32 family, int type)
{
	long number = tracer_inject(t, SYS_socket, (u64[6]){ family, (u64)(type | SOCK_CLOEXEC) });
	int fd;

	if (number < 0)
		return (int)number;
	fd = decide_take_fd(t, (int)number);
	tracer_inject(t, SYS_close, (u64[6]){ (u64)number });
	return fd;
}

static socklen_t size_of(u32 family)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void copy_option(int from, int to, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	if (!getsockopt(from, level, name, &v, &len) && v)
		setsockopt(to, level, name, &v, len);
}

/* From where packets to @to leave. */
static bool find_address(struct task *t, struct cgroup_sock *s, const struct sockaddr_storage *to)
{
	u32 family = s->sk.u.family;
	int fd = task_socket(t, family, SOCK_DGRAM);
	socklen_t len = size_of(family);
	union name a;
	bool found;

	if (fd < 0)
		return false;
	copy_option(s->fd, fd, SOL_SOCKET, SO_MARK);
	copy_option(s->fd, fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	found = !connect(fd, (const struct sockaddr *)to, len) && !getsockname(fd, &a.any, &len);
	close(fd);
	if (found && family == AF_INET6)
		memcpy(s->sk.u.src_ip6, &a.in6.sin6_addr, 16);
	else if (found)
		s->sk.u.src_ip4 = a.in.sin_addr.s_addr;
	return found;
}

static bool has_address(const struct bpf_sock *u)
{
	static const u32 none[4];

	return u->family == AF_INET6 ? memcmp(u->src_ip6, none, 16) != 0 : u->src_ip4 != 0;
}

static u32 range_of(int fd)
{
	socklen_t len = sizeof(u32);
	u32 range = 0;

	return getsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, &len) ? ~0U : range;
}

void sock_port_choose(struct task *t, struct cgroup_sock *s, const struct sockaddr_storage *to)
{
	u32 family = s->sk.u.family, range;
	socklen_t len = size_of(family);
	union name a = { .all = { .ss_family = (sa_family_t)family } };
	int fd;

	t->call.port = 0;
	if (s->sk.u.src_port || to->ss_family != family ||
	    (!has_address(&s->sk.u) && !find_address(t, s, to)) || range_of(s->fd))
		return;
	fd = task_socket(t, family, SOCK_STREAM);
	if (fd < 0)
		return;
	if (!bind(fd, &a.any, len) && !getsockname(fd, &a.any, &len)) {
		u16 port = ntohs(a.in.sin_port); /* IPv6: at the same place */

		range = (u32)port << 16 | port;
		if (!setsockopt(s->fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)))
			s->sk.u.src_port = t->call.port = port;
	}
	close(fd);
}

void sock_port_chosen(struct task *t)
{
	u32 none = 0;
	int fd;

	if (!t->call.port)
		return;
	fd = decide_take_fd(t, (int)t->call.args[0]);
	if (fd >= 0 && range_of(fd) == ((u32)t->call.port << 16 | t->call.port))
		setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &none, sizeof(none));
	if (fd >= 0)
		close(fd);
	t->call.port = 0;
}
