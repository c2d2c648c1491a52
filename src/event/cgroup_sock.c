/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls on sockets that programs of the task's cgroup decide on (Linux: the BPF_CGROUP_RUN_*
 * places of net/ipv4/af_inet.c, udp.c, tcp_ipv4.c, their IPv6 neighbours and net/unix/af_unix.c):
 * connect, bind and socket here, messages and names in cgroup_msg.c.
 *
 * They run at the call's entry, on a copy of its address. A call that nobody can change any more and
 * no program has changed is the kernel's, as it was made; otherwise it is made here with the
 * copy, on the task's socket, by a thread that may wait. What a call gives back (an address) is
 * shown to programs before the task sees it.
 *
 * DIFF(cgroup-sockets): a socket is in the cgroup of the task that makes the call.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/cgroup_addr.h"
#include "event/decide.h"
#include "event/readdress.h"
#include "event/sock_ops.h"

/* ---- connect, bind ---- */

struct address_work {
	struct decide_work w; /* first */
	int fd;
	union address a;
	socklen_t len;
};

static long connect_work(struct decide_work *w)
{
	struct address_work *c = (struct address_work *)w;

	return connect(c->fd, &c->a.in_general, c->len) ? -errno : 0;
}

static void address_done(struct task *t, struct decide_work *w)
{
	struct address_work *c = (struct address_work *)w;

	if (t)
		decide_return(t, w->ret);
	close(c->fd);
	mem_free(c);
}

/* Makes the call in the task's place; takes s->fd over. */
static void connect_here(struct task *t, struct cgroup_sock *s, const union address *a,
			 socklen_t len)
{
	struct address_work *c = mem_zalloc(sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (c) {
		*c = (struct address_work){
			{ .work = connect_work, .done = address_done }, s->fd, *a, len
		};
		err = decide_start(t, &c->w);
	}
	if (err) {
		mem_free(c);
		call_result(t, err);
		return;
	}
	s->fd = -1;
}

/* Whether Linux asks programs before it looks at the rest of the call. */
static bool connect_asks(const struct cgroup_sock *s, const union address *a, u64 len, u32 *which)
{
	u32 protocol = s->sk.u.protocol, type = s->sk.u.type;

	*which = sock_addr_which(s);
	if (*which == UNIX)
		return is_unix_name(a, len);
	if (!is_inet(s) || a->any.ss_family == AF_UNSPEC || type == SOCK_RAW)
		return false;
	if (type == SOCK_STREAM && (protocol != IPPROTO_TCP || s->sk.u.state != BPF_TCP_CLOSE))
		return false;
	if (*which == SIX && type == SOCK_DGRAM && a->any.ss_family == AF_INET)
		*which = 0;
	return len >= (*which == SIX ? SIN6_LEN_SHORT : sizeof(a->in));
}

/* The peer is to see who connects: the task itself does. */
static s32 connect_elsewhere(struct task *t, const union address *a, u32 len)
{
	u64 at;
	int err = call_move(t, a, len, &at);

	if (!err)
		err = call_set_arg(t, 1, at);
	return err ? err : call_set_arg(t, 2, len);
}

static void connect_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	struct bpf_sock_addr ctx = { 0 };
	union address a, before;
	struct cgroup_sock s;
	u32 len = (u32)c->args[2];
	u32 which;
	s32 ret;

	t->call.room = 0;
	t->call.port = 0;
	if ((!sock_addr_decides(t, CONNECT) && !cgroup_decides(t, BPF_CGROUP_SOCK_OPS)) ||
	    len > sizeof(a) || !sock_addr_open(t, (int)c->args[0], &s))
		return;
	if (!sock_addr_read(t, c->args[1], len, &a)) {
		call_result(t, -EFAULT);
		goto out;
	}
	before = a;
	if (connect_asks(&s, &a, len, &which)) {
		ret = sock_addr_run(t, &s, CONNECT, which, &a, &len, &ctx, NULL);
		cgroup_sock_apply(&s);
		if (ret >= 0 && which == UNIX &&
		    (len != (u32)c->args[2] || memcmp(&a, &before, sizeof(a))))
			ret = connect_elsewhere(t, &a, len);
		if (ret < 0) {
			call_result(t, ret);
			goto out;
		}
	}
	if (is_inet(&s))
		sock_ops_connect(t, (int)c->args[0], &s, &a.any);
	/* Others are looked at behind it. */
	if (!is_inet(&s))
		t->call.room = decide_memory_shared(t);
	else if (memcmp(&a, &before, sizeof(a)) || decide_may_change(t, c->args[1], len))
		connect_here(t, &s, &a, (socklen_t)len);
out:
	cgroup_sock_close(&s);
}

/* A thread has put another socket in the place of one that programs had nothing to say about. */
static void connect_exit(struct task *t)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct cgroup_sock s;

	sock_port_chosen(t);
	if (!t->call.room || cgroup_sock_open(t, (int)t->call.args[0], &s))
		return;
	if (is_inet(&s)) {
		connect(s.fd, &none, sizeof(none));
		t->call.ret = -EPERM;
	}
	cgroup_sock_close(&s);
}

/* ---- bind: before, its address; behind it, what has come of it ---- */

static u32 post_bind_type(const struct cgroup_sock *s)
{
	return s->sk.u.family == AF_INET6 ? BPF_CGROUP_INET6_POST_BIND : BPF_CGROUP_INET4_POST_BIND;
}

static void set_source(struct cgroup_sock *s, const union address *a)
{
	if (s->sk.u.family == AF_INET6) {
		memcpy(s->sk.u.src_ip6, &a->in6.sin6_addr, 16);
		s->sk.u.src_port = ntohs(a->in6.sin6_port);
	} else {
		s->sk.u.src_ip4 = a->in.sin_addr.s_addr;
		s->sk.u.src_port = ntohs(a->in.sin_port);
	}
}

static void bind_here(struct task *t, struct cgroup_sock *s, const union address *a, socklen_t len,
		      bool privileged)
{
	int err = privileged ? 0 : decide_as_task(t);

	if (!err) {
		call_result(t, bind(s->fd, &a->in_general, len) ? -errno : 0);
		if (!privileged)
			decide_as_self(t);
	} else {
		call_result(t, err);
	}
}

/* Whether Linux asks about the port behind a bind() of the socket. */
static bool post_bind_asks(struct task *t, const struct cgroup_sock *s)
{
	u32 protocol = s->sk.u.protocol;

	return is_inet(s) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
		protocol == IPPROTO_MPTCP) &&
	       cgroup_decides(t, post_bind_type(s));
}

/* What the result of bind() depends on. */
static void copy_options(int from, int to)
{
	static const int options[][2] = {
		{ SOL_SOCKET, SO_REUSEADDR },	  { SOL_SOCKET, SO_REUSEPORT },
		{ SOL_SOCKET, SO_BINDTOIFINDEX }, { IPPROTO_IPV6, IPV6_V6ONLY },
		{ IPPROTO_IP, IP_FREEBIND },	  { IPPROTO_IP, IP_TRANSPARENT },
		{ IPPROTO_IPV6, IPV6_FREEBIND },  { IPPROTO_IPV6, IPV6_TRANSPARENT },
	};

	for (u32 i = 0; i < ARRAY_SIZE(options); i++) {
		socklen_t len = sizeof(int);
		int v = 0;

		if (!getsockopt(from, options[i][0], options[i][1], &v, &len) && v)
			setsockopt(to, options[i][0], options[i][1], &v, len);
	}
}

/*
 * Whether the task's bind() will succeed, found out by one of a socket like its own, in its network
 * namespace. For a port that is known could not be given back by the socket that has it.
 */
static bool bind_works(struct task *t, const struct cgroup_sock *s, const union address *a,
		       socklen_t len, bool privileged)
{
	const u64 args[6] = { s->sk.u.family, s->sk.u.type | SOCK_CLOEXEC, s->sk.u.protocol };
	long number = tracer_inject(t, SYS_socket, args);
	int fd, err = -EBADF;

	if (number < 0)
		return false;
	fd = decide_take_fd(t, (int)number);
	if (fd >= 0) {
		copy_options(s->fd, fd);
		err = privileged ? 0 : decide_as_task(t);
		if (!err) {
			err = bind(fd, &a->in_general, len) ? -errno : 0;
			if (!privileged)
				decide_as_self(t);
		}
		close(fd);
	}
	tracer_inject(t, SYS_close, (const u64[6]){ (u64)number });
	return !err;
}

static void bind_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	struct bpf_sock_addr ctx = { 0 };
	union address a, before;
	struct cgroup_sock s;
	u32 len = (u32)c->args[2];
	u32 flags = 0;
	s32 ret;

	t->call.room = 1; /* nothing to be done behind it */
	if ((!sock_addr_decides(t, BIND) && !cgroup_decides(t, BPF_CGROUP_INET4_POST_BIND) &&
	     !cgroup_decides(t, BPF_CGROUP_INET6_POST_BIND)) ||
	    len > sizeof(a) || !sock_addr_open(t, (int)c->args[0], &s))
		return;
	if (!sock_addr_read(t, c->args[1], len, &a)) {
		call_result(t, -EFAULT);
		goto out;
	}
	before = a;
	if (!is_inet(&s))
		goto out;
	if (s.sk.u.type == SOCK_RAW ||
	    len < (s.sk.u.family == AF_INET6 ? SIN6_LEN_SHORT : sizeof(a.in)))
		goto as_it_is;
	ret = sock_addr_run(t, &s, BIND, sock_addr_which(&s), &a, &len, &ctx, &flags);
	cgroup_sock_apply(&s);
	if (ret < 0) {
		call_result(t, ret);
		goto out;
	}
	/* A port that is known is asked about before it is had, in the place of behind it. */
	if (a.in.sin_port && !s.sk.u.src_port && post_bind_asks(t, &s) &&
	    bind_works(t, &s, &a, (socklen_t)len, flags & 1)) {
		set_source(&s, &a);
		ret = cgroup_run_task(t, post_bind_type(&s), &s.sk, 0, NULL);
		if (ret < 0) {
			call_result(t, ret);
			goto out;
		}
	}
as_it_is:
	if (memcmp(&a, &before, sizeof(a)) || flags & 1 || decide_may_change(t, c->args[1], len))
		bind_here(t, &s, &a, (socklen_t)len, flags & 1);
	t->call.room = a.in.sin_port;
out:
	cgroup_sock_close(&s);
}

/*
 * Gives up a port that the kernel has chosen. A stream has to be more than bound for that; then the socket is
 * bound to no address, so that nothing is left of its name.
 */
static void unbind(const struct cgroup_sock *s)
{
	const union address none = { .any.ss_family = AF_UNSPEC };
	union address any = { .any.ss_family = (sa_family_t)s->sk.u.family };
	socklen_t size = sizeof(int);
	int one = 1, before = 0;

	if (s->sk.u.type == SOCK_STREAM)
		listen(s->fd, 0);
	connect(s->fd, &none.in_general, sizeof(none.in_general));
	getsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, &size);
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	bind(s->fd, &any.in_general, s->sk.u.family == AF_INET6 ? sizeof(any.in6) : sizeof(any.in));
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, sizeof(before));
}

static void bind_exit(struct task *t)
{
	struct cgroup_sock s;
	s32 ret;

	/* Port 0: the kernel has chosen one, or waits with it (IP_BIND_ADDRESS_NO_PORT). */
	if (t->call.ret || t->call.room || cgroup_sock_open(t, (int)t->call.args[0], &s))
		return;
	if (s.sk.u.src_port && post_bind_asks(t, &s)) {
		ret = cgroup_run_task(t, post_bind_type(&s), &s.sk, 0, NULL);
		if (ret < 0) {
			unbind(&s);
			t->call.ret = ret;
		}
	}
	cgroup_sock_close(&s);
}

/* ---- socket ---- */

/* What inet_create() would make of the call's arguments; false: it would refuse. */
static bool expected_socket(const struct task_call *c, struct bpf_rt_sock *sk)
{
	u32 type = (u32)c->args[1] & 0xf, protocol = (u32)c->args[2];

	memset(sk, 0, sizeof(*sk));
	sk->u.family = (u32)c->args[0];
	sk->u.type = type;
	sk->u.protocol = protocol;
	sk->u.state = BPF_TCP_CLOSE;
	sk->u.rx_queue_mapping = -1;
	switch (type) {
	case SOCK_STREAM:
		if (!protocol)
			sk->u.protocol = IPPROTO_TCP;
		return true;
	case SOCK_DGRAM:
		if (!protocol)
			sk->u.protocol = IPPROTO_UDP;
		return true;
	case SOCK_RAW:
		return protocol;
	case SOCK_SEQPACKET:
		return protocol == IPPROTO_SCTP;
	}
	return false;
}

/*
 * A socket that others could use before it is refused is never made: programs see what it would be, without
 * a cookie. Otherwise they see the real one.
 */
static void socket_enter(struct task *t)
{
	struct bpf_rt_sock sk;
	s32 ret;

	t->call.room = 0;
	if (((int)t->call.args[0] != AF_INET && (int)t->call.args[0] != AF_INET6) ||
	    !cgroup_decides(t, BPF_CGROUP_INET_SOCK_CREATE))
		return;
	t->call.room = 1;
	if (!decide_memory_shared(t) || !expected_socket(&t->call, &sk))
		return;
	ret = cgroup_run_task(t, BPF_CGROUP_INET_SOCK_CREATE, &sk, 0, NULL);
	t->call.room = 0;
	if (ret < 0)
		call_result(t, ret);
}

/* What programs have written to their context. */
static void set_by_context(const struct cgroup_sock *s)
{
	const struct bpf_sock *u = &s->sk.u, *old = &s->before.u;
	int v;

	if (u->mark != old->mark && (v = (int)u->mark, true))
		setsockopt(s->fd, SOL_SOCKET, SO_MARK, &v, sizeof(v));
	if (u->priority != old->priority && (v = (int)u->priority, true))
		setsockopt(s->fd, SOL_SOCKET, SO_PRIORITY, &v, sizeof(v));
	if (u->bound_dev_if != old->bound_dev_if && (v = (int)u->bound_dev_if, true))
		setsockopt(s->fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, sizeof(v));
}

static void socket_exit(struct task *t)
{
	u64 args[6] = { (u64)t->call.ret };
	struct cgroup_sock s;
	s32 ret;

	if (t->call.ret < 0 || !t->call.room || cgroup_sock_open(t, (int)t->call.ret, &s))
		return;
	ret = cgroup_run_task(t, BPF_CGROUP_INET_SOCK_CREATE, &s.sk, 0, NULL);
	if (ret >= 0)
		set_by_context(&s);
	cgroup_sock_close(&s);
	if (ret >= 0)
		return;
	tracer_inject(t, SYS_close, args);
	t->call.ret = ret;
}

/* ---- the source ---- */

static u32 wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_connect:
		return sock_addr_in_use(sys, CONNECT) || sock_ops_in_use(sys) ?
			       WANT_ENTER | WANT_EXIT :
			       0;
	case SYS_bind:
		return cgroup_in_use(sys, BPF_CGROUP_INET4_POST_BIND) ||
				       cgroup_in_use(sys, BPF_CGROUP_INET6_POST_BIND) ?
			       WANT_ENTER | WANT_EXIT :
		       sock_addr_in_use(sys, BIND) ? WANT_ENTER :
						     0;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		return (sock_addr_in_use(sys, SENDMSG) ? WANT_ENTER :
							 0) | /* call_move() sees to its exit */
		       (sys->cgroup_tree && cgroup_in_use(sys, BPF_CGROUP_INET_EGRESS) ? WANT_EXIT :
											 0);
	case SYS_getpeername:
		return sock_addr_in_use(sys, GETPEERNAME) ? WANT_ENTER : 0;
	case SYS_getsockname:
		return sock_addr_in_use(sys, GETSOCKNAME) ? WANT_ENTER : 0;
	case SYS_accept:
	case SYS_accept4:
		return sock_addr_in_use(sys, GETPEERNAME) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_recvfrom:
	case SYS_recvmsg:
		return sock_addr_in_use(sys, RECVMSG) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_socket:
		return cgroup_in_use(sys, BPF_CGROUP_INET_SOCK_CREATE) ? WANT_ENTER | WANT_EXIT : 0;
	}
	return 0;
}

static void enter(struct task *t)
{
	if (t->call.compat || t->call.skip || !t->sys->cgroups)
		return;
	switch (t->call.nr) {
	case SYS_connect:
		connect_enter(t);
		break;
	case SYS_bind:
		bind_enter(t);
		break;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		cgroup_send_enter(t);
		break;
	case SYS_getpeername:
	case SYS_getsockname:
		cgroup_name_enter(t);
		break;
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
		cgroup_giving_enter(t);
		break;
	case SYS_socket:
		socket_enter(t);
		break;
	}
}

static void leave(struct task *t)
{
	if (t->call.compat || !t->sys->cgroups)
		return;
	switch (t->call.nr) {
	case SYS_connect:
		connect_exit(t);
		break;
	case SYS_bind:
		bind_exit(t);
		break;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		cgroup_send_exit(t);
		break;
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
		cgroup_giving_exit(t);
		break;
	case SYS_socket:
		socket_exit(t);
		break;
	}
}

const struct process_source cgroup_sock_source = {
	.name = "cgroup_sock",
	.wants = wants,
	.enter = enter,
	.exit = leave,
};
