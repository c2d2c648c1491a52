/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Network namespaces in which groups have programs. What is needed of one is made by a task of our memory and
 * descriptors that enters it and ends; whoever owns a user namespace may do that, as its maker does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/reuseport.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define STACK (64u << 10)

/* What is to be done there. */
struct errand {
	const struct reuseport_net *net;
	int family, type, protocol;
	const char *path; /* a file to be read, instead of a socket */
	char *text;
	size_t size;
	long ret;
};

static void run(struct errand *e)
{
	int fd;

	if (!e->path) {
		fd = socket(e->family, e->type | SOCK_CLOEXEC, e->protocol);
		e->ret = fd < 0 ? -errno : fd;
		return;
	}
	fd = open(e->path, O_RDONLY | O_CLOEXEC);
	e->ret = fd < 0 ? -errno : read(fd, e->text, e->size);
	if (fd >= 0)
		close(fd);
}

static int go(void *arg)
{
	struct errand *e = arg;

	if ((e->net->user >= 0 && setns(e->net->user, CLONE_NEWUSER)) ||
	    setns(e->net->ns, CLONE_NEWNET))
		e->ret = -errno;
	else
		run(e);
	return 0;
}

static long send_there(struct errand *e)
{
	pid_t pid;
	u8 *stack;

	if (e->net->own) {
		run(e);
		return e->ret;
	}
	stack = mem_zalloc(STACK);
	if (!stack)
		return -ENOMEM;
	e->ret = -ECHILD;
	pid = clone(go, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES, e);
	if (pid < 0)
		e->ret = -errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	mem_free(stack);
	return e->ret;
}

int reuseport_socket(struct reuseport_net *net, int family, int type, int protocol)
{
	struct errand e = { .net = net, .family = family, .type = type, .protocol = protocol };

	return (int)send_there(&e);
}

int reuseport_sysctl(struct reuseport_net *net, const char *name)
{
	char path[64], text[16] = { 0 };
	struct errand e = { .net = net, .path = path, .text = text, .size = sizeof(text) - 1 };

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	return send_there(&e) > 0 ? atoi(text) : 0;
}

static u64 cookie_of(int fd)
{
	socklen_t len = sizeof(u64);
	u64 v = 0;

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &v, &len) ? 0 : v;
}

static void net_free(struct reuseport_net *net)
{
	int fds[] = { net->ns, net->user, net->diag, net->route };

	for (u32 i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	mem_free(net);
}

/* A namespace of the thread; -1: it is ours, too, or cannot be had (*err). */
static int namespace_of(u32 tid, const char *name, u64 *inode, int *err)
{
	struct stat theirs, ours;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", name);
	if (stat(path, &ours)) {
		*err = -errno;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/%u/ns/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &theirs)) {
		*err = -errno;
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*inode = theirs.st_ino;
	if (theirs.st_ino != ours.st_ino)
		return fd_move_up(fd);
	close(fd);
	return -1;
}

static struct reuseport_net *net_new(struct reuseports *rs, u32 tid)
{
	struct reuseport_net *net = mem_zalloc(sizeof(*net));
	u64 inode = 0, user = 0;
	int err = 0;

	if (!net)
		return NULL;
	net->sys = rs->sys;
	net->diag = net->route = -1;
	net->ns = namespace_of(tid, "net", &inode, &err);
	net->user = namespace_of(tid, "user", &user, &err);
	net->own = net->ns < 0;
	net->links = inode && inode == rs->sys->net_ino;
	if (!err) {
		net->diag = reuseport_socket(net, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
		net->route = reuseport_socket(net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	}
	if (net->diag >= 0 && net->route >= 0) {
		net->diag = fd_move_up(net->diag);
		net->route = fd_move_up(net->route);
		net->cookie = cookie_of(net->diag);
		return net;
	}
	net_free(net);
	return NULL;
}

struct reuseport_net *reuseport_net_of(struct reuseports *rs, int fd, u32 tid)
{
	u64 cookie = cookie_of(fd);
	struct reuseport_net *net;

	for (net = rs->nets; net; net = net->next)
		if (cookie && net->cookie == cookie)
			return net;
	net = tid && cookie ? net_new(rs, tid) : NULL;
	if (net && net->cookie != cookie) { /* the socket has come from elsewhere */
		net_free(net);
		net = NULL;
	}
	if (net) {
		net->next = rs->nets;
		rs->nets = net;
	}
	return net;
}

void reuseport_nets_trim(struct reuseports *rs)
{
	for (struct reuseport_net **p = &rs->nets, *net; (net = *p);) {
		const struct reuseport_group *g = rs->groups;

		while (g && g->net != net)
			g = g->next;
		if (g) {
			p = &net->next;
			continue;
		}
		*p = net->next;
		net_free(net);
	}
}
