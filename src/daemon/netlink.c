/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The rtnetlink sockets of an instance's processes. What is ours to answer (src/front/rtnl.h) is
 * answered on the task's own socket, which is and stays a socket of the kernel's.
 *
 * A filter cannot see what a descriptor is. So the socket gets a number from a range of its own when it
 * is made (intercept.c), and sends and receipts by these numbers are notified; on all others they
 * cost a comparison. Whether the number still stands for such a socket is asked of the socket.
 *
 * Answers of ours take the place of one of the kernel's: for each we let the socket send a message that
 * does nothing (NLMSG_NOOP) and wants to be acknowledged. So the socket is readable, answers keep their
 * order, and nothing is left behind when nobody reads them. Where a task receives, we look at
 * what is next in the socket: such an acknowledgement is replaced by what it stands for, an answer of
 * the kernel's that lacks something of ours is completed, and all else is received as without us.
 *
 * DIFF(netlink-notify): who listens for changes (ip monitor, tc monitor) is not told of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/network.h"
#include "front/rtnl.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

#define MESSAGE_MAX (1u << 20) /* longer ones are not looked at */
#define IOVS_MAX    64
#define KEPT_MAX    1024 /* answers that nobody has fetched */

/* An answer that waits to be received. */
struct kept {
	u32 cookie;
	u64 inode; /* of the socket */
	u8 *bytes;
	size_t size;
};

struct netlink_dump {
	u64 inode;
	struct rtnl_dump dump;
};

struct netlink {
	pthread_mutex_t lock;
	VEC(struct kept) kept; /* the oldest first */
	VEC(struct netlink_dump) dumps;
	u32 cookie;
};

struct netlink *netlink_new(void)
{
	struct netlink *l = mem_zalloc(sizeof(*l));

	if (l)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void drop_kept(struct netlink *l, size_t i)
{
	mem_free(l->kept.v[i].bytes);
	memmove(&l->kept.v[i], &l->kept.v[i + 1], (--l->kept.n - i) * sizeof(*l->kept.v));
}

static void drop_dump(struct netlink *l, size_t i)
{
	vec_free(&l->dumps.v[i].dump.told);
	memmove(&l->dumps.v[i], &l->dumps.v[i + 1], (--l->dumps.n - i) * sizeof(*l->dumps.v));
}

void netlink_free(struct netlink *l)
{
	if (!l)
		return;
	while (l->kept.n)
		drop_kept(l, 0);
	while (l->dumps.n)
		drop_dump(l, 0);
	vec_free(&l->kept);
	vec_free(&l->dumps);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

/* ---- the socket ---- */

struct route {
	struct netlink *l;
	struct rtnl_asker asker;
	int fd; /* ours for the task's socket */
	u64 inode;
};

static u32 ifindex_of(void *arg, const char *name)
{
	struct ifreq q = { 0 };

	strncpy(q.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(((struct route *)arg)->fd, SIOCGIFINDEX, &q) ? 0 : (u32)q.ifr_ifindex;
}

static bool device_is_there(void *arg, u32 ifindex)
{
	struct ifreq q = { .ifr_ifindex = (int)ifindex };

	return !ioctl(((struct route *)arg)->fd, SIOCGIFNAME, &q);
}

/* The network namespace of the socket: its inode; 0: not to be known, so not one of ours. */
static u64 namespace_of(int fd)
{
	int ns = ioctl(fd, SIOCGSKNS);
	struct stat st;
	u64 ino = 0;

	if (ns < 0)
		return 0;
	if (!fstat(ns, &st))
		ino = st.st_ino;
	close(ns);
	return ino;
}

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) ? -1 : value;
}

/* False: the task's descriptor is no such socket, or cannot be had. */
static bool route_open(struct request *r, struct route *s)
{
	struct skep_system *sys = r->sys;
	struct sockaddr_nl addr = { 0 };
	socklen_t size = sizeof(addr);
	struct stat st;

	s->l = r->session->instance->netlink;
	s->fd = caller_take_fd((int)r->args[0]);
	if (s->fd < 0)
		return false;
	if (option(s->fd, SOL_SOCKET, SO_DOMAIN) != AF_NETLINK ||
	    option(s->fd, SOL_SOCKET, SO_PROTOCOL) != NETLINK_ROUTE || fstat(s->fd, &st))
		goto none;
	/* Unbound: it would be bound by who sends first, by its process's number. */
	if (getsockname(s->fd, (struct sockaddr *)&addr, &size))
		goto none;
	if (!addr.nl_pid) {
		addr = (struct sockaddr_nl){ .nl_family = AF_NETLINK,
					     .nl_pid = r->caller.tgid,
					     .nl_groups = addr.nl_groups };
		if (bind(s->fd, (struct sockaddr *)&addr, sizeof(addr))) {
			addr.nl_pid = 0;
			bind(s->fd, (struct sockaddr *)&addr, sizeof(addr));
		}
		size = sizeof(addr);
		if (getsockname(s->fd, (struct sockaddr *)&addr, &size))
			goto none;
	}
	s->inode = st.st_ino;
	s->asker = (struct rtnl_asker){
		.sys = sys,
		.ours = !sys->net_ino || sys->net_ino == namespace_of(s->fd),
		.ext_ack = option(s->fd, SOL_NETLINK, NETLINK_EXT_ACK) > 0,
		.cap_ack = option(s->fd, SOL_NETLINK, NETLINK_CAP_ACK) > 0,
		.portid = addr.nl_pid,
		.arg = s,
		.ifindex = ifindex_of,
		.device = device_is_there,
	};
	return true;
none:
	close(s->fd);
	return false;
}

/* ---- the task's buffers ---- */

struct buffers {
	struct iovec v[IOVS_MAX];
	u32 n;
	size_t size;
	u64 name, name_size; /* address; length, or for recvfrom() its address */
};

static int read_msghdr(struct request *r, struct msghdr *m, struct buffers *b)
{
	if (user_read(r->sys, m, r->args[1], sizeof(*m)))
		return -EFAULT;
	if (m->msg_iovlen > IOVS_MAX)
		return -E2BIG;
	b->n = (u32)m->msg_iovlen;
	if (user_read(r->sys, b->v, (u64)m->msg_iov, b->n * sizeof(b->v[0])))
		return -EFAULT;
	for (u32 i = 0; i < b->n; i++)
		b->size += b->v[i].iov_len;
	b->name = (u64)m->msg_name;
	b->name_size = m->msg_namelen;
	return 0;
}

static int read_buffers(struct request *r, struct msghdr *m, struct buffers *b)
{
	memset(b, 0, sizeof(*b));
	if (r->nr == SYS_sendmsg || r->nr == SYS_recvmsg)
		return read_msghdr(r, m, b);
	b->n = 1;
	b->v[0] = (struct iovec){ (void *)r->args[1], r->args[2] };
	b->size = r->args[2];
	b->name = r->args[4];
	b->name_size = r->args[5];
	return 0;
}

/* ---- sending ---- */

/* The bytes that are sent, to be freed; NULL: it is to be sent as without us. */
static u8 *gather(struct request *r, size_t *size)
{
	struct sockaddr_nl to = { 0 };
	struct buffers b;
	struct msghdr m;
	u8 *bytes;
	size_t at = 0;

	if (read_buffers(r, &m, &b) || !b.size || b.size > MESSAGE_MAX)
		return NULL;
	if (b.name && (b.name_size < sizeof(to) || user_read(r->sys, &to, b.name, sizeof(to)) ||
		       to.nl_family != AF_NETLINK || to.nl_pid || to.nl_groups))
		return NULL;
	bytes = mem_alloc(b.size);
	for (u32 i = 0; bytes && i < b.n; i++) {
		if (user_read(r->sys, bytes + at, (u64)b.v[i].iov_base, b.v[i].iov_len)) {
			mem_free(bytes);
			return NULL;
		}
		at += b.v[i].iov_len;
	}
	*size = b.size;
	return bytes;
}

static int send_all(const struct route *s, const void *data, size_t size)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(s->fd, data, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* @size bytes are to be received as the next datagram. */
static int keep(struct route *s, const u8 *bytes, size_t size)
{
	struct nlmsghdr noop = { .nlmsg_len = sizeof(noop),
				 .nlmsg_type = NLMSG_NOOP,
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	struct netlink *l = s->l;
	struct kept k = { .inode = s->inode, .bytes = mem_dup(bytes, size), .size = size };
	int err = k.bytes ? 0 : -ENOMEM;

	pthread_mutex_lock(&l->lock);
	if (l->kept.n == KEPT_MAX)
		drop_kept(l, 0);
	k.cookie = noop.nlmsg_seq = ++l->cookie;
	if (!err)
		err = vec_push(&l->kept, k);
	pthread_mutex_unlock(&l->lock);
	if (err)
		mem_free(k.bytes);
	return err ? err : send_all(s, &noop, sizeof(noop));
}

static int keep_all(struct route *s, const struct rtnl_out *out)
{
	size_t at = 0;
	int err = out->failed ? -ENOMEM : 0;

	for (size_t i = 0; i < out->ends.n && !err; i++) {
		err = keep(s, out->bytes.v + at, out->ends.v[i] - at);
		at = out->ends.v[i];
	}
	return err;
}

/* A dump of the kernel's that ours belongs into begins on this socket. */
static void dump_begins(struct route *s, const struct nlmsghdr *n)
{
	struct netlink_dump d = { .inode = s->inode, .dump = { .seq = n->nlmsg_seq } };
	struct netlink *l = s->l;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->dumps.n; i++)
		if (l->dumps.v[i].inode == s->inode)
			drop_dump(l, i--); /* a socket has one at a time */
	if (l->dumps.n == KEPT_MAX)
		drop_dump(l, 0);
	if (s->asker.ours)
		(void)!vec_push(&l->dumps, d);
	pthread_mutex_unlock(&l->lock);
}

static bool concerns_us(const struct nlmsghdr *n)
{
	switch (n->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_GETQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_GETTFILTER:
	case RTM_NEWCHAIN:
	case RTM_DELCHAIN:
	case RTM_GETCHAIN:
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return true;
	}
	return false;
}

/*
 * The kernel's answer @n gets when it is sent: it is in the socket when the sending returns. A refusal always is;
 * behind others that have not been fetched it cannot be seen: then the message counts as taken.
 */
static bool is_refused(const struct route *s, const struct nlmsghdr *n)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} answer;
	ssize_t size = recv(s->fd, &answer, sizeof(answer), MSG_PEEK | MSG_DONTWAIT);

	return size >= (ssize_t)sizeof(answer) && answer.h.nlmsg_type == NLMSG_ERROR &&
	       answer.h.nlmsg_seq == n->nlmsg_seq && answer.e.msg.nlmsg_type == n->nlmsg_type &&
	       answer.e.error;
}

/* Its part that is the kernel's, and then ours. */
static int send_rest(struct route *s, const struct nlmsghdr *n, struct rtnl_out *out)
{
	int err = send_all(s, out->bytes.v, out->bytes.n);

	if (!err && !is_refused(s, n))
		rtnl_taken(&s->asker, out);
	return err;
}

/* Messages of one datagram in their order: 0, -errno, or ANSWER_CONTINUE if none was ours. */
static long send_messages(struct route *s, const u8 *bytes, size_t size)
{
	const struct nlmsghdr *n = (const struct nlmsghdr *)bytes;
	const u8 *unsent = bytes;
	size_t left = size;
	bool any = false;
	long err = 0;

	for (; !err && NLMSG_OK(n, left); n = rtnl_next(n, &left)) {
		struct rtnl_out out = { 0 };
		enum rtnl_whose whose = rtnl_request(&s->asker, n, &out);

		if (whose == RTNL_KERNEL) {
			if (rtnl_dumps_qdiscs(n))
				dump_begins(s, n);
			rtnl_out_free(&out);
			continue;
		}
		any = true;
		if ((const u8 *)n > unsent)
			err = send_all(s, unsent, (size_t)((const u8 *)n - unsent));
		unsent = (const u8 *)n + min_t(size_t, NLMSG_ALIGN(n->nlmsg_len), left);
		if (!err && whose == RTNL_OURS)
			err = keep_all(s, &out);
		else if (!err)
			err = out.failed ? -ENOMEM : send_rest(s, n, &out);
		rtnl_out_free(&out);
	}
	if (!any)
		return ANSWER_CONTINUE;
	if (!err && unsent < bytes + size)
		err = send_all(s, unsent, (size_t)(bytes + size - unsent));
	return err;
}

long netlink_send(struct request *r)
{
	size_t size = 0, left;
	u8 *bytes = gather(r, &size);
	const struct nlmsghdr *n = (const struct nlmsghdr *)bytes;
	long result = ANSWER_CONTINUE;
	bool concerns = false;
	struct route s;

	for (left = size; bytes && NLMSG_OK(n, left); n = rtnl_next(n, &left))
		concerns |= concerns_us(n);
	if (concerns && route_open(r, &s)) {
		result = send_messages(&s, bytes, size);
		close(s.fd);
	}
	mem_free(bytes);
	return result ? result : (long)size;
}

/* ---- receiving ---- */

/* What is next in the socket, to be freed. NULL with *err: -errno, or ANSWER_CONTINUE. */
static u8 *peek(const struct route *s, size_t room, size_t *size, long *err)
{
	u8 *bytes = NULL;
	ssize_t n;

	/* No larger than the task's: Linux makes the rest of a dump as large as what it is read by. */
	for (room = min_t(size_t, room, MESSAGE_MAX);; room = (size_t)n) {
		mem_free(bytes);
		bytes = mem_alloc(room + 1);
		*err = bytes ? 0 : -ENOMEM;
		if (*err)
			return NULL;
		n = recv(s->fd, bytes, room, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0)
			break;
		if ((size_t)n <= room) {
			*size = (size_t)n;
			return bytes;
		}
	}
	*err = errno == EAGAIN || errno == EINTR ? ANSWER_CONTINUE : -errno;
	mem_free(bytes);
	return NULL;
}

/* The index of the answer that an acknowledgement stands for; -1: it is none of those. */
static long find_kept(const struct route *s, const u8 *bytes, size_t size)
{
	const struct nlmsghdr *n = (const struct nlmsghdr *)bytes;
	const struct nlmsgerr *e = NLMSG_DATA(n);
	const struct netlink *l = s->l;

	if (!NLMSG_OK(n, size) || n->nlmsg_type != NLMSG_ERROR ||
	    n->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->msg.nlmsg_type != NLMSG_NOOP)
		return -1;
	for (size_t i = 0; i < l->kept.n; i++)
		if (l->kept.v[i].cookie == e->msg.nlmsg_seq && l->kept.v[i].inode == s->inode)
			return (long)i;
	return -1;
}

static struct netlink_dump *find_dump(const struct route *s)
{
	for (size_t i = 0; i < s->l->dumps.n; i++)
		if (s->l->dumps.v[i].inode == s->inode)
			return &s->l->dumps.v[i];
	return NULL;
}

static bool ends_dump(const u8 *bytes, size_t size)
{
	const struct nlmsghdr *n = (const struct nlmsghdr *)bytes;

	for (; NLMSG_OK(n, size); n = rtnl_next(n, &size))
		if (n->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

/*
 * What is to be received in the place of the socket's next datagram, in @out; false: nothing else. @taken: the
 * datagram goes.
 */
static bool replace(const struct route *s, const u8 *bytes, size_t size, bool taken,
		    struct rtnl_out *out)
{
	struct netlink *l = s->l;
	struct netlink_dump *d;
	struct rtnl_dump copy = { 0 };
	bool replaced = false;
	long i;

	pthread_mutex_lock(&l->lock);
	i = find_kept(s, bytes, size);
	if (i >= 0) {
		replaced = !vec_reserve(&out->bytes, l->kept.v[i].size);
		if (replaced) {
			memcpy(out->bytes.v, l->kept.v[i].bytes, l->kept.v[i].size);
			out->bytes.n = l->kept.v[i].size;
		}
		if (taken)
			drop_kept(l, (size_t)i);
		goto out;
	}
	d = find_dump(s);
	if (d) { /* who only looks will see it again */
		copy = d->dump;
		copy.told.v = mem_dup(d->dump.told.v, d->dump.told.n * sizeof(u32));
		copy.told.cap = copy.told.n = copy.told.v ? d->dump.told.n : 0;
	}
	replaced = rtnl_complete(&s->asker, bytes, size, d ? &copy : NULL, out);
	if (d && taken) {
		vec_free(&d->dump.told);
		d->dump = copy;
		if (ends_dump(bytes, size))
			drop_dump(l, (size_t)(d - l->dumps.v));
	} else {
		vec_free(&copy.told);
	}
out:
	pthread_mutex_unlock(&l->lock);
	return replaced;
}

/* Who has sent it: the kernel. */
static int write_name(struct request *r, struct msghdr *m, const struct buffers *b)
{
	const struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	u32 room = (u32)b->name_size, size = sizeof(from);
	bool message = r->nr == SYS_recvmsg;

	if (b->name && !message && user_read(r->sys, &room, b->name_size, sizeof(room)))
		return -EFAULT;
	if (b->name && user_write(r->sys, b->name, &from, min_t(u32, room, size)))
		return -EFAULT;
	if (!message)
		return b->name ? user_write(r->sys, b->name_size, &size, sizeof(size)) : 0;
	m->msg_namelen = b->name ? size : 0;
	m->msg_controllen = 0;
	return user_write(r->sys, r->args[1], m, sizeof(*m));
}

static long deliver(struct request *r, struct msghdr *m, const struct buffers *b, const u8 *bytes,
		    size_t size, int flags)
{
	size_t at = 0;

	for (u32 i = 0; i < b->n && at < size; i++) {
		size_t n = min(size - at, b->v[i].iov_len);

		if (user_write(r->sys, (u64)b->v[i].iov_base, bytes + at, n))
			return -EFAULT;
		at += n;
	}
	m->msg_flags = at < size ? MSG_TRUNC : 0;
	if (write_name(r, m, b))
		return -EFAULT;
	return (long)(flags & MSG_TRUNC ? size : at);
}

long netlink_receive(struct request *r)
{
	int flags = (int)(r->nr == SYS_recvmsg ? r->args[2] : r->args[3]);
	struct netlink *l = r->session->instance->netlink;
	struct rtnl_out out = { 0 };
	struct buffers b;
	struct msghdr m;
	struct route s;
	size_t size;
	long result;
	u8 *bytes;

	if (!load_acquire(&l->kept.n) && !rtnl_anything(r->sys))
		return ANSWER_CONTINUE;
	if (flags & (MSG_ERRQUEUE | MSG_OOB) || read_buffers(r, &m, &b) || !route_open(r, &s))
		return ANSWER_CONTINUE;
	bytes = peek(&s, b.size, &size, &result);
	if (bytes) {
		result = ANSWER_CONTINUE;
		if (replace(&s, bytes, size, !(flags & MSG_PEEK), &out)) {
			if (!(flags & MSG_PEEK))
				recv(s.fd, bytes, 0, MSG_DONTWAIT);
			result = deliver(r, &m, &b, out.bytes.v, out.bytes.n, flags);
		}
	}
	mem_free(bytes);
	rtnl_out_free(&out);
	close(s.fd);
	return result;
}

/* ---- making one ---- */

/*
 * The range may be beyond what the process may have: then it may for a moment, and the descriptor that it
 * gets is no harm. @limit: for narrow().
 */
static void widen(u32 tgid, struct rlimit64 *limit)
{
	struct rlimit64 wide;

	if (syscall(SYS_prlimit64, tgid, RLIMIT_NOFILE, NULL, limit) ||
	    limit->rlim_cur >= NETLINK_FD_END || limit->rlim_max < NETLINK_FD_END) {
		limit->rlim_cur = RLIM_INFINITY; /* nothing to be undone */
		return;
	}
	wide = (struct rlimit64){ NETLINK_FD_END, limit->rlim_max };
	if (syscall(SYS_prlimit64, tgid, RLIMIT_NOFILE, &wide, NULL))
		limit->rlim_cur = RLIM_INFINITY;
}

static void narrow(u32 tgid, const struct rlimit64 *limit)
{
	if (limit->rlim_cur != RLIM_INFINITY)
		syscall(SYS_prlimit64, tgid, RLIMIT_NOFILE, limit, NULL);
}

/* Nobody traces the process: one is made for it in the instance's network. Elsewhere it makes its own. */
long netlink_make(struct request *r)
{
	struct network *net = load_acquire(&r->session->instance->net);
	int flags = (int)r->args[1] & (SOCK_CLOEXEC | SOCK_NONBLOCK), fd, at, err = -EMFILE;
	struct rlimit64 limit;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", r->caller.tid);
	if (!net || stat(path, &st) || st.st_ino != r->sys->net_ino)
		return ANSWER_CONTINUE;
	fd = network_socket(net, NETWORK_INSTANCE, AF_NETLINK, (int)r->args[1] & ~flags,
			    NETLINK_ROUTE);
	if (fd < 0)
		return fd;
	if (flags & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	widen(r->caller.tgid, &limit);
	for (at = NETLINK_FD_FIRST; at < NETLINK_FD_END && err == -EMFILE; at++) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", r->caller.tid, at);
		if (lstat(path, &st))
			err = notify_give_fd_at(r, fd, at, flags & SOCK_CLOEXEC);
	}
	narrow(r->caller.tgid, &limit);
	close(fd);
	return err ? ANSWER_CONTINUE : at - 1;
}

/*
 * A socket is being made by @t, which is stopped: it makes it here, and moves it to the numbers that
 * the filter notices.
 */
void netlink_socket(struct task *t)
{
	struct task_call *c = &t->call;
	struct rlimit64 limit;
	u64 args[6] = { c->args[0], c->args[1], c->args[2] };
	long fd, high;

	fd = tracer_inject(t, SYS_socket, args);
	if (fd == -ESRCH)
		return;
	c->skip = true;
	c->ret = fd;
	if (fd < 0)
		return;
	widen(t->bpf.tgid, &limit);
	args[0] = (u64)fd;
	args[1] = c->args[1] & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;
	args[2] = NETLINK_FD_FIRST;
	high = tracer_inject(t, SYS_fcntl, args);
	narrow(t->bpf.tgid, &limit);
	if (high < 0)
		return;
	args[0] = (u64)(high < NETLINK_FD_END ? fd : high);
	tracer_inject(t, SYS_close, args);
	if (high < NETLINK_FD_END)
		c->ret = high;
}
