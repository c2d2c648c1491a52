/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What supervised processes send to groups with programs within their own machine (Linux: udp_sendmsg(),
 * tcp_v4_connect() and what the loopback device makes of them): the program runs at the call's entry, on the packet
 * that the call is about to send, and the group's classic program sends that one to the socket that was chosen.
 *
 * DIFF(reuseport): the packet is as the call tells it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/cgroup_addr.h"
#include "event/decide.h"
#include "event/frame.h"
#include "event/process.h"
#include "event/readdress.h"
#include "event/reuseport.h"
#include "object/csum.h"
#include "object/sock.h"
#include "object/watch.h"

#define DATA_MAX 65507
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif
#define ERROR_MS	   50 /* for which an error is waited for; it is there at once but under load */
#define LOOPBACK	   1
#define COOKIES_ALWAYS	   2
#define FASTOPEN_CLIENT	   1 /* bits of net.ipv4.tcp_fastopen */
#define FASTOPEN_NO_COOKIE 4
#define LOOPBACK_MTU	   65536
#define FRAME_ROOM	   (ETH_HLEN + 128 + DATA_MAX)

/* A call that sends a packet. */
struct sending {
	struct task *t;
	int fd;	    /* ours, of the socket */
	u32 family; /* the socket's */
	struct reuseport_ends e;
	struct reuseport_net *net;
	bool connected; /* it has a peer, and no address was given */
	u32 ttl;
	const u8 *data; /* in .frame, behind room for headers */
	u32 len;
	u8 *frame;
};

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	return getsockopt(fd, level, name, &v, &len) ? -errno : v;
}

/* ---- both ends ---- */

static bool is_any(const u32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* An address of either family; one of IPv4 in IPv6 is of IPv4. False: of neither. */
static bool take_address(const union address *a, u32 *family, u32 *address, u16 *port)
{
	memset(address, 0, 16);
	*port = a->in.sin_port;
	*family = AF_INET;
	if (a->any.ss_family == AF_INET) {
		address[0] = a->in.sin_addr.s_addr;
		return true;
	}
	if (a->any.ss_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		memcpy(address, &a->in6.sin6_addr.s6_addr[12], 4);
		return true;
	}
	*family = AF_INET6;
	memcpy(address, &a->in6.sin6_addr, 16);
	return true;
}

/* The route to .to: whether it is this machine, and from which address. */
static bool is_local(struct sending *s)
{
	u32 size = s->e.family == AF_INET ? 4 : 16;
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		struct nlattr a;
		u8 address[16];
	} q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.r)) + (u32)sizeof(q.a) + size,
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = (u8)s->e.family, .rtm_dst_len = (u8)(size * 8) },
		.a = { (u16)(sizeof(q.a) + size), RTA_DST } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} answer;
	const struct rtmsg *r = NLMSG_DATA(&answer.h);
	int left;

	memcpy(q.address, s->e.to, size);
	while (recv(s->net->route, &answer, sizeof(answer), MSG_DONTWAIT) > 0)
		;
	if (sendto(s->net->route, &q, q.h.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) <= 0 ||
	    recv(s->net->route, &answer, sizeof(answer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*r)) ||
	    answer.h.nlmsg_type != RTM_NEWROUTE || r->rtm_type != RTN_LOCAL)
		return false;
	left = (int)RTM_PAYLOAD(&answer.h);
	for (const struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_PREFSRC && is_any(s->e.from))
			memcpy(s->e.from, RTA_DATA(a), size);
	if (is_any(s->e.from))
		memcpy(s->e.from, s->e.to, size);
	return true;
}

/* The socket has a port before it is known what comes of it: the kernel would take one now, too. */
static int take_port(struct sending *s)
{
	union address a = { .any.ss_family = (sa_family_t)s->family };
	socklen_t len = sizeof(a);
	int waits = option(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), off = 0;
	u32 family, from[4];

	if (getsockname(s->fd, &a.in_general, &len))
		return -errno;
	if (!a.in.sin_port) {
		if (waits > 0)
			setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &off, sizeof(off));
		memset(&a, 0, sizeof(a));
		a.any.ss_family = (sa_family_t)s->family;
		if (bind(s->fd, &a.in_general,
			 s->family == AF_INET6 ? sizeof(a.in6) : sizeof(a.in)))
			return -errno;
		len = sizeof(a);
		if (getsockname(s->fd, &a.in_general, &len))
			return -errno;
	}
	take_address(&a, &family, from, &s->e.from_port);
	if (family == s->e.family && !is_any(from)) /* else it is the route's */
		memcpy(s->e.from, from, sizeof(from));
	return 0;
}

/* ---- the packet ---- */

/* The options of a SYN, as the kernel's defaults are. */
static u32 syn_options(u8 *at, u32 mss)
{
	const u8 v[20] = { 2, 4, (u8)(mss >> 8), (u8)mss, 4, 2, 8, 10, [16] = 1, 3, 3, 7 };

	memcpy(at, v, sizeof(v));
	return sizeof(v);
}

static u32 ack_options(u8 *at)
{
	const u8 v[12] = { 1, 1, 8, 10 };

	memcpy(at, v, sizeof(v));
	return sizeof(v);
}

static u32 ip_header(const struct sending *s, u8 *at, u32 len)
{
	if (s->e.family == AF_INET) {
		struct iphdr h = { .version = 4,
				   .ihl = 5,
				   .tot_len = htons((u16)(sizeof(h) + len)),
				   .frag_off = htons(IP_DF),
				   .ttl = (u8)s->ttl,
				   .protocol = (u8)s->e.protocol,
				   .saddr = s->e.from[0],
				   .daddr = s->e.to[0] };

		h.check = csum_fold(csum_partial((const u8 *)&h, sizeof(h), 0));
		memcpy(at, &h, sizeof(h));
		return sizeof(h);
	}
	struct ip6_hdr h = { .ip6_flow = htonl(6u << 28) };

	h.ip6_plen = htons((u16)len);
	h.ip6_nxt = (u8)s->e.protocol;
	h.ip6_hlim = (u8)s->ttl;
	memcpy(&h.ip6_src, s->e.from, 16);
	memcpy(&h.ip6_dst, s->e.to, 16);
	memcpy(at, &h, sizeof(h));
	return sizeof(h);
}

/* Headers before the data. @ack: behind the SYN. */
static void make_packet(struct sending *s, bool ack, struct reuseport_packet *p)
{
	u8 l4[64] = { 0 };
	u32 ip = s->e.family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr), size;
	u8 *at;

	memcpy(l4, &s->e.from_port, 2);
	memcpy(l4 + 2, &s->e.to_port, 2);
	if (s->e.protocol == IPPROTO_UDP) {
		u16 len = htons((u16)(s->len + sizeof(struct udphdr)));

		size = sizeof(struct udphdr);
		memcpy(l4 + 4, &len, sizeof(len));
	} else {
		u32 mss = min_t(u32, LOOPBACK_MTU - ip - sizeof(struct tcphdr), 65535 - 40);
		u16 window = htons((u16)mss);

		size = (u32)sizeof(struct tcphdr) +
		       (ack ? ack_options(l4 + sizeof(struct tcphdr)) :
			      syn_options(l4 + sizeof(struct tcphdr), mss));
		l4[12] = (u8)(size << 2);
		l4[13] = ack ? TH_ACK : TH_SYN;
		memcpy(l4 + 14, &window, sizeof(window));
	}
	at = (u8 *)s->data - size - ip - ETH_HLEN;
	memset(at, 0, ETH_HLEN);
	at[12] = s->e.family == AF_INET ? 0x08 : 0x86;
	at[13] = s->e.family == AF_INET ? 0x00 : 0xdd;
	ip_header(s, at + ETH_HLEN, size + s->len);
	memcpy((u8 *)s->data - size, l4, size);
	*p = (struct reuseport_packet){ .mac = at,
					.network = ETH_HLEN,
					.transport = ETH_HLEN + ip,
					.payload = ETH_HLEN + ip + size,
					.len = ETH_HLEN + ip + size + s->len,
					.ifindex = LOOPBACK };
}

/* ---- the decision ---- */

/* REUSEPORT_REFUSED, or anything else: it goes on. */
static u32 decide(struct sending *s, struct reuseports *rs, struct bpf_run *run)
{
	struct reuseport_packet p;
	struct reuseport_group *g;
	struct inet_diag_msg m;
	u32 index;

	g = reuseport_find(rs, s->net, LOOPBACK, &s->e, &m);
	if (!g || !g->known)
		return REUSEPORT_BY_HASH;
	make_packet(s, false, &p);
	index = reuseport_choose(g, &m, &p, run);
	/* Who gets the SYN has forgotten it when the ACK comes. */
	if (s->e.protocol == IPPROTO_TCP && index != REUSEPORT_REFUSED &&
	    reuseport_sysctl(s->net, "tcp_syncookies") == COOKIES_ALWAYS) {
		make_packet(s, true, &p);
		index = reuseport_choose(g, &m, &p, run);
	}
	if (index != REUSEPORT_REFUSED)
		reuseport_direct(g, &s->e, index);
	return index;
}

/*
 * A refused datagram of a connected socket comes back as an error: one that goes to a port that nobody has, of the
 * same host, brings it.
 */
static void bring_error(const struct sending *s, const union address *peer)
{
	socklen_t len = s->family == AF_INET6 ? sizeof(peer->in6) : sizeof(peer->in);
	int fd = reuseport_socket(s->net, (int)s->e.family, SOCK_DGRAM, 0);
	union address closed = { .any.ss_family = (sa_family_t)s->e.family };
	socklen_t size = sizeof(closed);
	union address to = *peer;

	if (fd < 0)
		return;
	if (!bind(fd, &closed.in_general,
		  s->e.family == AF_INET6 ? sizeof(closed.in6) : sizeof(closed.in)) &&
	    !getsockname(fd, &closed.in_general, &size)) {
		to.in.sin_port = closed.in.sin_port;
		close(fd);
		fd = -1;
		if (!connect(s->fd, &to.in_general, len)) {
			struct pollfd p = { .fd = s->fd };

			send(s->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
			poll(&p, 1, ERROR_MS);
			connect(s->fd, &peer->in_general, len);
		}
	}
	if (fd >= 0)
		close(fd);
}

/* How much of the data a SYN has. Whether the kernel has a cookie of the other end is not known. */
static u32 early_data(const struct sending *s)
{
	int knob = reuseport_sysctl(s->net, "tcp_fastopen");

	if (!(knob & FASTOPEN_CLIENT) || (!(knob & FASTOPEN_NO_COOKIE) &&
					  option(s->fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE) <= 0))
		return 0;
	return LOOPBACK_MTU / 2;
}

static void result_is(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
}

/* The call's packet goes to @to, or where the socket is connected to (NULL). */
static void asked(struct task *t, int number, const union address *to, const struct iovec *iov,
		  u32 nr_iov, bool fast_open)
{
	struct reuseports *rs = load_acquire(&t->sys->reuseports);
	struct bpf_run run = { .task = &t->bpf };
	struct sending s = { .t = t, .connected = !to };
	union address peer = { .any.ss_family = AF_UNSPEC };
	socklen_t size = sizeof(peer);
	u32 verdict = REUSEPORT_BY_HASH, room = ETH_HLEN + 128;
	int type;

	s.fd = decide_take_fd(t, number);
	if (s.fd < 0)
		return;
	s.family = (u32)option(s.fd, SOL_SOCKET, SO_DOMAIN);
	s.e.protocol = (u32)option(s.fd, SOL_SOCKET, SO_PROTOCOL);
	type = option(s.fd, SOL_SOCKET, SO_TYPE);
	if ((s.family != AF_INET && s.family != AF_INET6) ||
	    (s.e.protocol == IPPROTO_UDP ? type != SOCK_DGRAM :
					   s.e.protocol != IPPROTO_TCP || type != SOCK_STREAM))
		goto out;
	if (s.e.protocol == IPPROTO_TCP ? !to || (t->call.nr != SYS_connect && !fast_open) :
					  t->call.nr == SYS_connect)
		goto out;
	if (s.e.protocol == IPPROTO_TCP && !getpeername(s.fd, &peer.in_general, &size))
		goto out; /* it is connected, or about to be */
	if (!to) {
		if (getpeername(s.fd, &peer.in_general, &size))
			goto out;
		to = &peer;
	}
	if (!take_address(to, &s.e.family, s.e.to, &s.e.to_port) ||
	    !reuseport_has_port(t->sys, s.e.protocol, s.e.to_port))
		goto out;
	if (is_any(s.e.to) && s.e.family == AF_INET)
		s.e.to[0] = htonl(INADDR_LOOPBACK);
	else if (is_any(s.e.to))
		s.e.to[3] = htonl(1);
	s.frame = mem_zalloc(FRAME_ROOM);
	if (!s.frame)
		goto out;
	s.data = s.frame + room;
	if (s.e.protocol == IPPROTO_UDP || fast_open)
		for (u32 i = 0; i < nr_iov; i++) {
			if (iov[i].iov_len > DATA_MAX - s.len ||
			    task_read(t, s.frame + room + s.len, (u64)iov[i].iov_base,
				      iov[i].iov_len))
				goto out; /* the kernel says why not */
			s.len += (u32)iov[i].iov_len;
		}
	s.ttl = (u32)max_t(int,
			   s.e.family == AF_INET ? option(s.fd, IPPROTO_IP, IP_TTL) :
						   option(s.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS),
			   1);
	slot_claim(t->sys->arena, t->sys->platform, &run);
	pthread_mutex_lock(&rs->lock);
	s.net = reuseport_net_of(rs, s.fd, 0);
	if (s.e.protocol == IPPROTO_TCP && fast_open && s.net)
		s.len = min(s.len, early_data(&s));
	if (s.net && is_local(&s) && !take_port(&s))
		verdict = decide(&s, rs, &run);
	pthread_mutex_unlock(&rs->lock);
	slot_release(&run);
	if (verdict != REUSEPORT_REFUSED)
		goto out;
	if (s.e.protocol == IPPROTO_TCP) {
		result_is(t, -ECONNREFUSED);
	} else {
		if (s.connected)
			bring_error(&s, to);
		result_is(t, (long)s.len);
	}
out:
	mem_free(s.frame);
	close(s.fd);
}

/* ---- calls ---- */

static bool read_address(struct task *t, u64 at, u32 len, union address *a)
{
	return len >= sizeof(a->in) && len <= sizeof(*a) && sock_addr_read(t, at, len, a);
}

static void one_message(struct task *t, int fd, u64 at, int flags)
{
	struct iovec iov[64];
	struct msghdr hdr;
	union address a;
	bool named;

	if (task_read(t, &hdr, at, sizeof(hdr)))
		return;
	named = hdr.msg_name && hdr.msg_namelen;
	if (hdr.msg_iovlen > ARRAY_SIZE(iov) ||
	    (hdr.msg_iovlen &&
	     task_read(t, iov, (u64)hdr.msg_iov, hdr.msg_iovlen * sizeof(*iov))) ||
	    (named && !read_address(t, (u64)hdr.msg_name, hdr.msg_namelen, &a)))
		return;
	asked(t, fd, named ? &a : NULL, iov, (u32)hdr.msg_iovlen, flags & MSG_FASTOPEN);
}

static bool is_socket(struct task *t, int fd)
{
	char path[64], text[16];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, fd);
	n = readlink(path, text, sizeof(text));
	return n > 8 && !memcmp(text, "socket:[", 8);
}

static void enter(struct task *t)
{
	const struct task_call *c = &t->call;
	struct iovec iov[64] = { { NULL, 0 } };
	union address a;

	if (c->compat || c->skip || !reuseport_active(t->sys))
		return;
	switch (c->nr) {
	case SYS_connect:
		if (read_address(t, c->args[1], (u32)c->args[2], &a))
			asked(t, (int)c->args[0], &a, NULL, 0, false);
		break;
	case SYS_sendto:
		if (c->args[4] && c->args[5] && !read_address(t, c->args[4], (u32)c->args[5], &a))
			break;
		iov[0] = (struct iovec){ (void *)c->args[1], c->args[2] };
		asked(t, (int)c->args[0], c->args[4] && c->args[5] ? &a : NULL, iov, 1,
		      c->args[3] & MSG_FASTOPEN);
		break;
	case SYS_sendmsg:
		one_message(t, (int)c->args[0], c->args[1], (int)c->args[2]);
		break;
	case SYS_sendmmsg: /* the others in calls of their own */
		one_message(t, (int)c->args[0], c->args[1], (int)c->args[3]);
		if (c->args[2] > 1 && !c->skip && !call_move(t, NULL, 0, NULL))
			call_set_arg(t, 2, 1);
		break;
	case SYS_write:
		iov[0] = (struct iovec){ (void *)c->args[1], c->args[2] };
		if (is_socket(t, (int)c->args[0]))
			asked(t, (int)c->args[0], NULL, iov, 1, false);
		break;
	case SYS_close:
	case SYS_shutdown:
		if (reuseport_migrates(t->sys))
			reuseport_leaves(t, (int)c->args[0], c->nr == SYS_close);
		break;
	case SYS_writev:
		if (c->args[2] <= ARRAY_SIZE(iov) && is_socket(t, (int)c->args[0]) &&
		    !task_read(t, iov, c->args[1], c->args[2] * sizeof(*iov)))
			asked(t, (int)c->args[0], NULL, iov, (u32)c->args[2], false);
		break;
	}
}

/* A listener that has been shut down is in no map any more. */
static void forget_closed(struct skep_system *sys, int fd)
{
	u8 info[8] = { 0 };
	socklen_t len = sizeof(info), size = sizeof(u64);
	u64 cookie;

	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) && info[0] == BPF_TCP_CLOSE &&
	    !getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		watch_forget_socket(sys, cookie);
}

static void leave(struct task *t)
{
	const struct task_call *c = &t->call;
	int fd;

	if (c->compat || c->ret < 0)
		return;
	switch (c->nr) {
	case SYS_accept:
	case SYS_accept4:
		reuseport_accepted(t);
		break;
	case SYS_bind:
	case SYS_listen:
	case SYS_shutdown:
	case SYS_connect:
		fd = decide_take_fd(t, (int)c->args[0]);
		if (fd < 0)
			return;
		if (c->nr == SYS_shutdown)
			forget_closed(t->sys, fd);
		reuseport_changed(t->sys, fd);
		close(fd);
		break;
	}
}

static void exiting(struct task *t, int status)
{
	if (t->leader->nr_threads <= 1 && reuseport_migrates(t->sys))
		reuseport_process_leaves(t);
}

static void gone(struct task *t)
{
	reuseports_sweep(t->sys);
}

static u32 wants(struct skep_system *sys, u32 nr)
{
	if (nr == SYS_shutdown && load_acquire(&sys->watches))
		return WANT_EXIT | (reuseport_migrates(sys) ? WANT_ENTER : 0);
	if (!reuseport_active(sys))
		return 0;
	switch (nr) {
	case SYS_connect:
		return WANT_ENTER | WANT_EXIT;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		return WANT_ENTER;
	case SYS_write:
	case SYS_writev: /* of connected sockets */
		return reuseport_has_port(sys, IPPROTO_UDP, 0) ? WANT_ENTER : 0;
	case SYS_bind:
	case SYS_listen:
		return WANT_EXIT;
	case SYS_shutdown:
		return WANT_EXIT | (reuseport_migrates(sys) ? WANT_ENTER : 0);
	case SYS_close:
		return reuseport_migrates(sys) ? WANT_ENTER : 0;
	case SYS_accept:
	case SYS_accept4:
		return reuseport_migrates(sys) ? WANT_EXIT : 0;
	}
	return 0;
}

const struct process_source reuseport_source = {
	.name = "reuseport",
	.wants = wants,
	.enter = enter,
	.exit = leave,
	.exiting = exiting,
	.gone = gone,
	.stop = reuseports_stop,
};
