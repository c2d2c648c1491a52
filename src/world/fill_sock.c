/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets (Linux: net/socket.c, net/core/sock.c, net/ipv4/). What a socket is like is asked of the
 * socket itself, through a copy of its descriptor (pidfd_getfd(2), or what the supervisor knows in its place) that
 * is closed again.
 */
#include "world/fill.h"

#include <linux/sock_diag.h>
#include <linux/netlink.h>
#include <linux/inet_diag.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

#define SHARED_TRIES   256	  /* peers that are tried to reach one socket of a port's group */
#define LOOPBACK4_IPV6 0x0600007f /* what inet_daddr of a native IPv6 connection is */

enum { ESTABLISHED = 1, CLOSED = 7, LISTENING = 10 };

static void sock_release(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;

	mem_free(s ? s->at.path : NULL);
}

int sock_open(struct world *w, const struct wplace *at)
{
	struct wobj *o = at->task ? world_at(w, at->task) : NULL;
	struct stat st;
	int pidfd, fd, theirs;

	if (w->held_ino && at->ino == w->held_ino) {
		fd = fcntl(w->held_fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	if (!o || !o->priv || o->state == WOBJ_FREE || strncmp(at->name, "fd/", 3))
		return -ESRCH;
	theirs = atoi(at->name + 3);
	pidfd = (int)syscall(SYS_pidfd_open, wtask(o)->tgid ? wtask(o)->tgid : wtask(o)->tid, 0);
	if (pidfd < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	if (fd < 0)
		fd = -errno;
	close(pidfd);
	if (fd == -EPERM && wtask(o)->t && w->sys->supervisor_take_fd)
		fd = w->sys->supervisor_take_fd(wtask(o)->t, theirs);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != at->ino)) { /* it is another by now */
		close(fd);
		fd = -EBADF;
	}
	return fd;
}

static int option(int fd, int level, int name)
{
	int v = 0;
	socklen_t size = sizeof(v);

	return getsockopt(fd, level, name, &v, &size) ? 0 : v;
}

static enum world_type_id type_of(const struct wsock *s)
{
	if (s->family == AF_UNIX)
		return WT_unix_sock;
	if (s->family == AF_NETLINK)
		return WT_netlink_sock;
	if (s->family != AF_INET && s->family != AF_INET6)
		return WT_sock;
	return s->protocol == IPPROTO_TCP ? WT_tcp_sock :
	       s->protocol == IPPROTO_UDP ? WT_udp_sock :
					    WT_inet_sock;
}

static struct wsock *sock_priv(struct wobj *o, const struct wplace *at)
{
	struct wsock *s = o->priv;

	if (!s) {
		s = o->priv = mem_zalloc(sizeof(*s));
		o->release = sock_release;
	}
	if (!s)
		return NULL;
	mem_free(s->at.path);
	s->at = *at; /* seen there last */
	s->at.path = NULL;
	return s;
}

static struct wsock *socket_find(struct world *w, const struct wplace *at)
{
	struct wobj *o, *sk;
	struct wsock *s;
	bool made;
	int fd;

	if (!S_ISSOCK(at->mode))
		return NULL;
	o = world_obj(w, WT_socket_alloc, at->ino, at->dev, &made);
	s = o ? sock_priv(o, at) : NULL;
	if (!s)
		return NULL;
	if (!s->sk) {
		struct wsock *k;

		fd = sock_open(w, at);
		if (fd < 0) {
			world_kill(w, o);
			return NULL;
		}
		s->family = option(fd, SOL_SOCKET, SO_DOMAIN);
		s->type = option(fd, SOL_SOCKET, SO_TYPE);
		s->protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
		close(fd);
		sk = world_obj(w, type_of(s), at->ino, at->dev, NULL);
		k = sk ? sock_priv(sk, at) : NULL;
		if (!k)
			return NULL;
		s->socket = o->addr;
		s->sk = sk->addr;
		k->family = s->family;
		k->type = s->type;
		k->protocol = s->protocol;
		k->socket = s->socket;
		k->sk = s->sk;
	} else {
		sk = world_find(w, type_of(s), at->ino, at->dev);
		if (!sk || sk->addr != s->sk) {
			s->sk = 0;
			return socket_find(w, at);
		}
		sock_priv(sk, at);
	}
	return s;
}

u64 socket_of(struct world *w, const struct wplace *at)
{
	struct wsock *s = socket_find(w, at);

	return s ? s->socket : 0;
}

u64 sock_of(struct world *w, const struct wplace *at)
{
	struct wsock *s = socket_find(w, at);

	return s ? s->sk : 0;
}

static u64 by_fd(struct task *t, int fd, bool socket)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL;
	struct wobj *file = task ? file_obj(w, task, fd) : NULL;
	struct wplace *at = file ? file->priv : NULL;

	return !at ? 0 : socket ? socket_of(w, at) : sock_of(w, at);
}

u64 world_sock(struct task *t, int fd)
{
	return by_fd(t, fd, false);
}

u64 world_socket(struct task *t, int fd)
{
	return by_fd(t, fd, true);
}

static struct wsock *sock_at(struct skep_system *sys, u64 sk)
{
	struct wobj *o = sys->world ? world_at(sys->world, sk) : NULL;
	struct wsock *s = o && o->state != WOBJ_FREE ? o->priv : NULL;

	return s && s->sk == sk ? s : NULL;
}

u8 *world_sock_told(struct skep_system *sys, u64 sk)
{
	WORLD_HOLD(sys);
	struct wsock *s = sock_at(sys, sk);

	return s ? &s->told : NULL;
}

u8 *world_sock_flags(struct skep_system *sys, u64 sk)
{
	WORLD_HOLD(sys);
	struct wsock *s = sock_at(sys, sk);

	return s ? &s->flags : NULL;
}

struct sockaddr_storage *world_sock_peer(struct skep_system *sys, u64 sk)
{
	WORLD_HOLD(sys);
	struct wsock *s = sock_at(sys, sk);

	return s ? &s->peer : NULL;
}

void world_sock_show(struct skep_system *sys, u64 sk, u8 state, bool bound, bool connected)
{
	WORLD_HOLD(sys);
	struct wsock *s = sock_at(sys, sk);

	if (!s)
		return;
	s->shown = state;
	s->unbound = state && !bound;
	s->alone = state && !connected;
}

void world_sock_hold(struct skep_system *sys, u64 ino, int fd)
{
	WORLD_HOLD(sys);

	if (!sys->world)
		return;
	sys->world->held_ino = fd < 0 ? 0 : ino;
	sys->world->held_fd = fd;
}

/* ---- struct socket ---- */

int fill_socket(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	struct wobj *task, *file;
	int fd, state = 1; /* SS_UNCONNECTED */

	if (!s || !s->sk)
		return -ENODATA;
	put(w, o, WF_socket_alloc_type, (u64)s->type);
	put(w, o, WF_socket_alloc_sk, s->sk);
	task = world_at(w, s->at.task);
	file = task && task->priv && task->state != WOBJ_FREE ?
		       file_obj(w, task, atoi(s->at.name + 3)) :
		       NULL;
	if (file)
		put(w, o, WF_socket_alloc_file, file->addr);
	fd = sock_open(w, &s->at);
	if (fd < 0)
		return fd;
	if (!getpeername(fd, (struct sockaddr *)&peer, &size))
		state = 3; /* SS_CONNECTED */
	close(fd);
	put(w, o, WF_socket_alloc_state, (u64)state);
	return 0;
}

int fill_socket_inode(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;

	if (!s)
		return -ENODATA;
	put(w, o, WF_socket_alloc_i_ino, s->at.ino);
	return 0;
}

/* What sockfs calls the file: the protocol (sock_alloc_file()). */
const char *socket_protocol(struct world *w, const struct wplace *at)
{
	struct wsock *s = socket_find(w, at);
	bool v6 = s && s->family == AF_INET6;

	if (!s)
		return "";
	switch (s->family) {
	case AF_UNIX:
		return s->type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
	case AF_NETLINK:
		return "NETLINK";
	case AF_PACKET:
		return "PACKET";
	case AF_INET:
	case AF_INET6:
		if (s->type == SOCK_RAW)
			return v6 ? "RAWv6" : "RAW";
		if (s->protocol == IPPROTO_TCP)
			return v6 ? "TCPv6" : "TCP";
		if (s->protocol == IPPROTO_UDP)
			return v6 ? "UDPv6" : "UDP";
		if (s->protocol == IPPROTO_ICMP || s->protocol == IPPROTO_ICMPV6)
			return v6 ? "PINGv6" : "PING";
	}
	return "";
}

/* ---- struct sock ---- */

int fill_sock_kind(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;

	if (!s)
		return -ENODATA;
	put(w, o, WF_sock_skc_family, (u64)s->family);
	put(w, o, WF_sock_sk_type, (u64)s->type);
	put(w, o, WF_sock_sk_protocol, (u64)s->protocol);
	return 0;
}

struct addr {
	u32 v4;
	struct in6_addr v6;
	u16 port; /* big-endian */
	bool known;
};

static void addr_take(struct addr *a, const struct sockaddr_storage *ss, bool ok)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	memset(a, 0, sizeof(*a));
	if (!ok)
		return;
	a->known = true;
	if (ss->ss_family == AF_INET) {
		a->v4 = in->sin_addr.s_addr;
		a->port = in->sin_port;
	} else if (ss->ss_family == AF_INET6) {
		a->v6 = in6->sin6_addr;
		a->port = in6->sin6_port;
		if (IN6_IS_ADDR_V4MAPPED(&a->v6))
			memcpy(&a->v4, &a->v6.s6_addr[12], 4);
		else if (!IN6_IS_ADDR_UNSPECIFIED(&a->v6))
			a->v4 = LOOPBACK4_IPV6;
	}
}

int fill_sock_addr(struct world *w, struct wobj *o)
{
	struct sockaddr_storage ss;
	struct wsock *s = o->priv;
	struct addr local, peer;
	socklen_t size;
	int fd;

	if (!s)
		return -ENODATA;
	if (s->family != AF_INET && s->family != AF_INET6) { /* nobody writes them */
		put(w, o, WF_sock_skc_rcv_saddr, 0);
		put(w, o, WF_sock_skc_num, 0);
		put(w, o, WF_sock_skc_daddr, 0);
		put(w, o, WF_sock_skc_dport, 0);
		return 0;
	}
	fd = sock_open(w, &s->at);
	if (fd < 0)
		return fd;
	size = sizeof(ss);
	addr_take(&local, &ss, !getsockname(fd, (struct sockaddr *)&ss, &size));
	if (s->unbound)
		local.port = 0;
	size = sizeof(ss);
	if (s->alone)
		addr_take(&peer, &ss, false);
	else if (!getpeername(fd, (struct sockaddr *)&ss, &size))
		addr_take(&peer, &ss, true);
	else
		addr_take(&peer, &s->peer, s->peer.ss_family);
	close(fd);
	put(w, o, WF_sock_skc_rcv_saddr, local.v4);
	put(w, o, WF_sock_skc_num, ntohs(local.port));
	put(w, o, WF_sock_skc_daddr, peer.v4);
	put(w, o, WF_sock_skc_dport, peer.port);
	if (s->family == AF_INET6) {
		put_bytes(w, o, WF_sock_skc_v6_rcv_saddr, &local.v6, 16);
		put_bytes(w, o, WF_sock_skc_v6_daddr, &peer.v6, 16);
	}
	if (o->type->id != WT_sock) {
		put(w, o, WF_inet_sock_inet_saddr, local.v4);
		put(w, o, WF_inet_sock_inet_sport, local.port);
	}
	return 0;
}

int fill_sock_state(struct world *w, struct wobj *o)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA, state = CLOSED;

	if (fd < 0)
		return fd;
	if (s->shown) {
		state = s->shown;
	} else if (s->protocol == IPPROTO_TCP) {
		struct tcp_info info = { 0 };

		size = sizeof(info);
		if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
			state = info.tcpi_state;
	} else if (option(fd, SOL_SOCKET, SO_ACCEPTCONN)) {
		state = LISTENING;
	} else if (!getpeername(fd, (struct sockaddr *)&peer, &size)) {
		state = ESTABLISHED;
	}
	close(fd);
	put(w, o, WF_sock_skc_state, (u64)state);
	return 0;
}

int fill_sock_net(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	struct wobj *task = s ? world_at(w, s->at.task) : NULL;
	u64 net = task && task->priv && task->state != WOBJ_FREE ? world_ns(w, wtask(task), "net") :
								   0;

	if (!net)
		return -ESRCH;
	put(w, o, WF_sock_skc_net, net);
	return 0;
}

/* DIFF(cgroup-sockets): its task's. */
int fill_sock_cgroup(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	struct wobj *task = s ? world_at(w, s->at.task) : NULL;
	u64 cgroup = task && task->priv && task->state != WOBJ_FREE ?
			     world_task_cgroup(w, wtask(task)) :
			     0;

	if (!cgroup)
		return -ESRCH;
	put(w, o, WF_sock_sk_cgrp, cgroup);
	return 0;
}

int fill_tcp_cb_flags(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;

	if (!s)
		return -ENODATA;
	put(w, o, WF_tcp_sock_cb_flags, s->flags);
	return 0;
}

int fill_sock_opts(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	u64 pacing = 0;
	socklen_t size = sizeof(pacing);

	if (fd < 0)
		return fd;
#define OPT(field, name) put(w, o, WF_sock_##field, (u64)option(fd, SOL_SOCKET, name));
	OPT(skc_bound_dev_if, SO_BINDTOIFINDEX)
	OPT(skc_reuse, SO_REUSEADDR)
	OPT(skc_reuseport, SO_REUSEPORT)
	OPT(sk_rcvbuf, SO_RCVBUF)
	OPT(sk_sndbuf, SO_SNDBUF)
	OPT(sk_rcvlowat, SO_RCVLOWAT)
	OPT(sk_mark, SO_MARK)
	OPT(sk_priority, SO_PRIORITY)
#undef OPT
	if (s->family == AF_INET6)
		put(w, o, WF_sock_skc_ipv6only, (u64)option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	else
		put(w, o, WF_sock_skc_ipv6only, 0);
	if (!getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &pacing, &size))
		put(w, o, WF_sock_sk_max_pacing_rate,
		    size == 4 && (u32)pacing == ~0U ? ~0ULL : pacing);
	close(fd);
	return 0;
}

int fill_sock_cookie(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	u64 cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0)
		return fd;
	if (!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		put(w, o, WF_sock_skc_cookie, cookie);
	close(fd);
	return 0;
}

int fill_sock_owner(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	struct stat st;

	if (s)
		put(w, o, WF_sock_sk_socket, s->socket);
	if (fd < 0)
		return fd;
	if (!fstat(fd, &st))
		put(w, o, WF_sock_sk_uid, st.st_uid);
	close(fd);
	return 0;
}

/* TCP_INFO of the socket @o; -ENODATA: it is none of TCP's. */
static int tcp_info_of(struct world *w, struct wobj *o, struct tcp_info *i, socklen_t *size)
{
	struct wsock *s = o->priv;
	int fd = s && s->protocol == IPPROTO_TCP ? sock_open(w, &s->at) : -ENODATA;
	int err;

	if (fd < 0)
		return fd;
	err = getsockopt(fd, IPPROTO_TCP, TCP_INFO, i, size) ? -errno : 0;
	close(fd);
	return err;
}

/* What waits to be accepted: TCP_INFO of a listening socket tells it in fields of others. */
int fill_sock_backlog(struct world *w, struct wobj *o)
{
	struct tcp_info i = { 0 };
	socklen_t size = sizeof(i);
	int err = tcp_info_of(w, o, &i, &size);

	if (err)
		return err;
	put(w, o, WF_sock_sk_ack_backlog, i.tcpi_state == LISTENING ? i.tcpi_unacked : 0);
	if (i.tcpi_state == LISTENING)
		put(w, o, WF_sock_sk_max_ack_backlog, i.tcpi_sacked);
	return 0;
}

/* ---- struct tcp_sock ---- */

int fill_tcp_info(struct world *w, struct wobj *o)
{
	struct tcp_info i = { 0 };
	socklen_t size = sizeof(i);
	int err = tcp_info_of(w, o, &i, &size);

	if (err)
		return err;
/* Older kernels give less. */
#define INFO(field, from)                                                                          \
	if (size >= offsetof(struct tcp_info, tcpi_##from) + sizeof(i.tcpi_##from))                \
		put(w, o, WF_tcp_sock_##field, i.tcpi_##from);
	put(w, o, WF_tcp_sock_srtt_us, (u64)i.tcpi_rtt << 3);
	put(w, o, WF_tcp_sock_mdev_us, (u64)i.tcpi_rttvar << 2);
	INFO(snd_cwnd, snd_cwnd)
	INFO(snd_ssthresh, snd_ssthresh)
	INFO(rcv_ssthresh, rcv_ssthresh)
	INFO(mss_cache, snd_mss)
	INFO(total_retrans, total_retrans)
	INFO(bytes_received, bytes_received)
	INFO(bytes_acked, bytes_acked)
	INFO(bytes_sent, bytes_sent)
	INFO(bytes_retrans, bytes_retrans)
	INFO(segs_in, segs_in)
	INFO(segs_out, segs_out)
	INFO(data_segs_in, data_segs_in)
	INFO(data_segs_out, data_segs_out)
	INFO(delivered, delivered)
	INFO(retrans_out, retrans)
	INFO(lost_out, lost)
	INFO(sacked_out, sacked)
	INFO(icsk_retransmits, retransmits)
	INFO(icsk_probes_out, probes)
	INFO(icsk_backoff, backoff)
#undef INFO
	return 0;
}

/* ---- bpf_sock_destroy() ---- */

static u64 netns_cookie(int fd)
{
	socklen_t len = sizeof(u64);
	u64 cookie = 0;

	getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
	return cookie;
}

/* In a thread of its own, which needs no way back from the namespace. */
static void *open_diag_in(void *ns)
{
	int *fd = ns;

	*fd = setns(*fd, CLONE_NEWNET) ?
		      -1 :
		      socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return NULL;
}

/* What tells about sockets of the network namespace that @fd is of: this one's where that is not for us. */
static int open_diag(int fd)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), ns, there;
	pthread_t thread;

	if (nl < 0)
		return -errno;
	if (netns_cookie(nl) == netns_cookie(fd))
		return nl;
	ns = ioctl(fd, SIOCGSKNS);
	there = ns;
	if (ns >= 0 && !pthread_create(&thread, NULL, open_diag_in, &there)) {
		pthread_join(thread, NULL);
		if (there >= 0) {
			close(nl);
			nl = there;
		}
	}
	if (ns >= 0)
		close(ns);
	return nl;
}

/* As ss --kill does it, whom the kernel lets: errors and packets are Linux's then. 0 or -errno. */
static int destroy_by_diag(int fd, const struct wsock *s)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} req = { .h = { .nlmsg_len = sizeof(req),
			 .nlmsg_type = SOCK_DESTROY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		  .r = { .sdiag_family = (u8)s->family,
			 .sdiag_protocol = (u8)s->protocol,
			 .idiag_states = ~0U } };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[256];
	} answer = { .e.error = -EIO };
	union {
		struct sockaddr_storage any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a[2] = { 0 };
	struct inet_diag_sockid *id = &req.r.id;
	socklen_t len = sizeof(a[0]);
	bool connected;
	u64 cookie = 0;
	int nl;

	getsockname(fd, (struct sockaddr *)&a[0], &len);
	len = sizeof(a[1]);
	getpeername(fd, (struct sockaddr *)&a[1], &len);
	id->idiag_sport = a[0].in.sin_port; /* IPv6: at the same place */
	id->idiag_dport = a[1].in.sin_port;
	connected = id->idiag_dport;
	for (u32 i = 0; i < 2; i++) {
		void *to = i ? id->idiag_dst : id->idiag_src;

		if (s->family == AF_INET6)
			memcpy(to, &a[i].in6.sin6_addr, 16);
		else
			memcpy(to, &a[i].in.sin_addr, 4);
	}
	len = sizeof(cookie);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return -EOPNOTSUPP;
	id->idiag_cookie[0] = (u32)cookie;
	id->idiag_cookie[1] = (u32)(cookie >> 32);
	nl = open_diag(fd);
	if (nl < 0)
		return nl;
	/* Of sockets that share a port, the kernel takes that which a packet of this peer would reach, if it has our cookie. */
	for (u16 i = 0; i < SHARED_TRIES; i++) {
		if (i)
			id->idiag_dport = htons(i);
		if (send(nl, &req, sizeof(req), 0) != sizeof(req) ||
		    recv(nl, &answer, sizeof(answer), 0) < 0 || answer.e.error != -ENOENT ||
		    connected)
			break;
	}
	close(nl);
	return answer.e.error;
}

/*
 * DIFF(sock-destroy): whom the kernel does not let do that disconnects it: the owner is told of a connection that
 * was reset, not aborted.
 */
int world_sock_destroy(struct world *w, u64 sk)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct wobj *o = world_at(w, sk);
	struct wsock *s = o ? o->priv : NULL;
	int fd, err;

	if (!s || o->addr != sk || (s->family != AF_INET && s->family != AF_INET6) ||
	    (s->protocol != IPPROTO_TCP && s->protocol != IPPROTO_UDP))
		return -EOPNOTSUPP;
	fd = sock_open(w, &s->at);
	if (fd < 0)
		return fd;
	err = destroy_by_diag(fd, s);
	if (err)
		err = connect(fd, &none, sizeof(none)) ? -errno : 0;
	close(fd);
	return err;
}
