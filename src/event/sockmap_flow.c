/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flow of a socket in a map: which process has the socket, who writes what it reads, and how bytes get to it
 * (Linux: sk_psock_init(), sk_psock_skb_redirect() and sk_psock_skb_ingress() of net/core/skmsg.c, where sockets are at
 * hand).
 *
 * DIFF(sock-redirect): bytes reach another socket as its peer's, or one of ours, would send them.
 */
#include "event/sockmap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/supervisor.h"
#include "object/watch.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* ---- flows ---- */

static void flow_free(void *flow)
{
	struct sock_flow *f = flow;
	struct sock_injected *i;

	sock_segments_free(f);
	sock_message_free(f->cork);
	while ((i = f->injected)) {
		f->injected = i->next;
		mem_free(i);
	}
	mem_free(f);
}

struct sock_flow *sock_flow(struct psock *ps)
{
	struct sock_flow *f = ps->flow;

	if (f)
		return f;
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return NULL;
	f->ps = ps;
	f->fd = -1;
	ps->flow_free = flow_free;
	ps->flow = f;
	return f;
}

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	return getsockopt(fd, level, name, &v, &len) ? 0 : v;
}

static u64 netns_of(int fd)
{
	socklen_t len = sizeof(u64);
	u64 v = 0;

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &v, &len) ? 0 : v;
}

static void learn(struct sock_flow *f, int fd)
{
	struct cgroup_sock s;
	struct stat st;

	if (f->known)
		return;
	f->family = option(fd, SOL_SOCKET, SO_DOMAIN);
	f->type = option(fd, SOL_SOCKET, SO_TYPE);
	f->protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
	f->stream = f->type == SOCK_STREAM;
	f->netns = netns_of(fd);
	if (cgroup_sock_look(NULL, fcntl(fd, F_DUPFD_CLOEXEC, 0), &s))
		return;
	cgroup_sock_close(&s);
	f->sk = s.sk;
	if (!fstat(fd, &st))
		f->sk.uid = st.st_uid;
	f->known = true;
}

/* ---- descriptors ---- */

static u64 inode_of_link(const char *text)
{
	return strncmp(text, "socket:[", 8) ? 0 : strtoull(text + 8, NULL, 10);
}

static u64 socket_inode(struct task *t, int fd)
{
	char path[64], text[64];
	ssize_t n;

	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	return inode_of_link(text);
}

static int take_if(struct task *t, int fd, u64 inode)
{
	struct stat st;
	int own = decide_take_fd(t, fd);

	if (own < 0)
		return own;
	if (!fstat(own, &st) && st.st_ino == inode)
		return own;
	close(own);
	return -EBADF;
}

struct search {
	bool (*is)(void *arg, struct task *t, int fd, u64 inode);
	void *arg;
};

/* Every socket of a process until one is what is looked for. */
static int search_task(struct task *t, void *arg)
{
	const struct search *s = arg;
	char path[64], text[64];
	struct dirent *e;
	int found = 0;
	DIR *d;

	if (t->leader != t)
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/fd", t->bpf.tid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);
		u64 inode;

		text[n > 0 ? n : 0] = 0;
		inode = inode_of_link(text);
		if (inode)
			found = s->is(s->arg, t, atoi(e->d_name), inode);
	}
	if (d)
		closedir(d);
	return found;
}

struct by_inode {
	u64 inode;
	pid_t tgid;
	int fd, own;
};

static bool is_inode(void *arg, struct task *t, int fd, u64 inode)
{
	struct by_inode *b = arg;

	if (inode != b->inode)
		return false;
	b->own = take_if(t, fd, inode);
	b->tgid = (pid_t)t->bpf.tid;
	b->fd = fd;
	return b->own >= 0;
}

/* The socket whose inode is not known yet. */
struct by_cookie {
	struct skep_system *sys;
	u64 cookie;
};

static u64 cookie_of(int fd)
{
	socklen_t len = sizeof(u64);
	u64 v = 0;

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &v, &len) ? 0 : v;
}

static void meet(struct skep_system *sys, int fd, u64 inode)
{
	u64 cookie = cookie_of(fd);

	if (cookie && psock_met(sys, cookie, inode))
		watch_socket(sys, fd, cookie);
}

static bool is_cookie(void *arg, struct task *t, int fd, u64 inode)
{
	struct by_cookie *b = arg;
	int own = decide_take_fd(t, fd);
	bool is;

	if (own < 0)
		return false;
	is = cookie_of(own) == b->cookie;
	if (is)
		meet(b->sys, own, inode);
	close(own);
	return is;
}

static int open_inode(struct skep_system *sys, u64 inode, pid_t *tgid, int *fd)
{
	struct by_inode b = { .inode = inode, .own = -ENOENT };
	struct search s = { is_inode, &b };
	struct task *t = *tgid ? task_find(sys, *tgid) : NULL;
	int own = t ? take_if(t, *fd, inode) : -ENOENT;

	if (own >= 0)
		return own;
	if (!tasks_each(sys, search_task, &s))
		return -ENOENT;
	*tgid = b.tgid;
	*fd = b.fd;
	return b.own;
}

int sock_flow_open(struct skep_system *sys, struct sock_flow *f)
{
	struct by_cookie b = { sys, f->ps->cookie };
	struct search s = { is_cookie, &b };
	int fd;

	if (!f->ps->inode)
		tasks_each(sys, search_task, &s);
	if (!f->ps->inode)
		return -ENOENT;
	fd = open_inode(sys, f->ps->inode, &f->tgid, &f->fd);
	if (fd >= 0)
		learn(f, fd);
	return fd;
}

struct psock *sock_of_task(struct task *t, int fd)
{
	u64 inode = socket_inode(t, fd);
	struct psock *ps;
	int own;

	if (!inode)
		return NULL;
	if (psocks_unmet(t->sys)) {
		own = decide_take_fd(t, fd);
		if (own >= 0) {
			meet(t->sys, own, inode);
			close(own);
		}
	}
	ps = psock_by_inode(t->sys, inode);
	if (ps && sock_flow(ps)) {
		((struct sock_flow *)ps->flow)->tgid = (pid_t)t->leader->bpf.tid;
		((struct sock_flow *)ps->flow)->fd = fd;
	}
	return ps;
}

/* ---- who writes what a socket reads ---- */

static u64 unix_peer(u64 inode)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} req = { .h = { .nlmsg_len = sizeof(req),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST },
		  .r = { .sdiag_family = AF_UNIX,
			 .udiag_states = ~0U,
			 .udiag_ino = (u32)inode,
			 .udiag_show = UDIAG_SHOW_PEER,
			 .udiag_cookie = { ~0U, ~0U } } };
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t n = -1;
	u32 peer = 0;

	if (fd < 0)
		return 0;
	if (send(fd, &req, sizeof(req), 0) == sizeof(req))
		n = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	if (n >= (ssize_t)NLMSG_LENGTH(sizeof(struct unix_diag_msg)) &&
	    answer.h.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
		struct nlattr *a = (struct nlattr *)((char *)NLMSG_DATA(&answer.h) +
						     sizeof(struct unix_diag_msg));

		for (; (char *)(a + 1) <= answer.bytes + n && a->nla_len >= sizeof(*a);
		     a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len)))
			if (a->nla_type == UNIX_DIAG_PEER)
				memcpy(&peer, a + 1, sizeof(peer));
	}
	return peer;
}

/* Addresses as of IPv6, so that sockets of both families can be compared. */
struct ends {
	struct in6_addr local, remote;
	u16 lport, rport;
};

static bool end_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *), struct in6_addr *a,
		   u16 *port)
{
	struct sockaddr_storage ss = { 0 };
	const struct sockaddr_in *in = (const void *)&ss;
	const struct sockaddr_in6 *in6 = (const void *)&ss;
	socklen_t len = sizeof(ss);

	memset(a, 0, sizeof(*a));
	*port = 0;
	if (name(fd, (struct sockaddr *)&ss, &len))
		return false;
	*port = in->sin_port;
	if (ss.ss_family == AF_INET6) {
		*a = in6->sin6_addr;
	} else if (ss.ss_family == AF_INET) {
		a->s6_addr[10] = a->s6_addr[11] = 0xff;
		memcpy(&a->s6_addr[12], &in->sin_addr, 4);
	}
	return true;
}

static int own_name(int fd, struct sockaddr *a, socklen_t *len)
{
	return getsockname(fd, a, len);
}

static int peer_name(int fd, struct sockaddr *a, socklen_t *len)
{
	return getpeername(fd, a, len);
}

struct by_ends {
	const struct sock_flow *f;
	struct ends e; /* of .f */
	int own;
};

static bool is_other_end(void *arg, struct task *t, int fd, u64 inode)
{
	struct by_ends *b = arg;
	struct ends e;
	int own = inode == b->f->ps->inode ? -1 : decide_take_fd(t, fd);

	if (own < 0)
		return false;
	if (option(own, SOL_SOCKET, SO_PROTOCOL) == b->f->protocol &&
	    option(own, SOL_SOCKET, SO_TYPE) == b->f->type && netns_of(own) == b->f->netns &&
	    end_of(own, own_name, &e.local, &e.lport) &&
	    end_of(own, peer_name, &e.remote, &e.rport) && e.lport == b->e.rport &&
	    e.rport == b->e.lport && !memcmp(&e.local, &b->e.remote, sizeof(e.local)) &&
	    !memcmp(&e.remote, &b->e.local, sizeof(e.local))) {
		b->own = own;
		return true;
	}
	close(own);
	return false;
}

/* A socket of ours that sends a datagram to @fd, a socket that anybody may send to. */
static int stranger(const struct sock_flow *f, int fd)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;
	socklen_t len = sizeof(a);
	int own;

	if (f->stream || getsockname(fd, (struct sockaddr *)&a, &len))
		return -ENOTCONN;
	if (a.ss_family == AF_INET && !in->sin_addr.s_addr)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (a.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
	own = socket(f->family, SOCK_DGRAM | SOCK_CLOEXEC, f->protocol);
	if (own < 0)
		return -errno;
	if (netns_of(own) == f->netns && !connect(own, (struct sockaddr *)&a, len))
		return own;
	close(own);
	return -ENOTCONN;
}

/* What is written to it arrives at @f, whose descriptor is @fd. A descriptor, to be closed, or -errno. */
static int peer_open(struct skep_system *sys, struct sock_flow *f, int fd)
{
	struct by_ends b = { .f = f, .own = -ENOTCONN };
	struct search s = { is_other_end, &b };
	pid_t tgid = 0;
	int number = -1;
	u64 inode;

	if (f->family == AF_UNIX) {
		inode = unix_peer(f->ps->inode);
		return inode ? open_inode(sys, inode, &tgid, &number) : stranger(f, fd);
	}
	if (!end_of(fd, own_name, &b.e.local, &b.e.lport))
		return -ENOTCONN;
	if (!end_of(fd, peer_name, &b.e.remote, &b.e.rport))
		return stranger(f, fd);
	tasks_each(sys, search_task, &s);
	return b.own;
}

/* ---- to another socket ---- */

static long write_to(int fd, const u8 *data, u32 len, int *wait)
{
	long n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		n = -errno;
	if (n == -EAGAIN && wait)
		*wait = fd;
	else
		close(fd);
	return n;
}

/*
 * By its peer, so that the kernel's queue, and with it poll(), knows of it. Where received bytes are judged these
 * are known when they arrive.
 */
static long inject(struct skep_system *sys, struct sock_flow *f, int fd, const u8 *data, u32 len,
		   int *wait)
{
	struct sock_injected *mark = NULL, **at = &f->injected;
	int peer = peer_open(sys, f, fd);
	long n;

	if (peer < 0)
		return peer;
	if (f->ps->started) {
		len = f->stream ? min_t(u32, len, 16384) : len;
		mark = mem_zalloc(sizeof(*mark) + len);
		if (!mark) {
			close(peer);
			return -ENOMEM;
		}
	}
	n = write_to(peer, data, len, wait);
	if (!mark || n <= 0) {
		mem_free(mark);
		return n;
	}
	mark->len = (u32)n;
	memcpy(mark->data, data, (size_t)n);
	while (*at)
		at = &(*at)->next;
	*at = mark;
	return n;
}

long sock_deliver(struct skep_system *sys, u64 to, bool ingress, const u8 *data, u32 len, int *wait)
{
	struct psock *ps = psock_by_cookie(sys, to);
	struct sock_flow *f = ps ? sock_flow(ps) : NULL;
	long n = -EIO;
	int fd = f ? sock_flow_open(sys, f) : -1;

	if (fd >= 0 && !ingress) {
		n = write_to(fd, data, len, wait);
	} else if (fd >= 0) {
		n = inject(sys, f, fd, data, len, wait);
		close(fd);
	}
	psock_put(sys, ps);
	return n;
}
