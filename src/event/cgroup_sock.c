/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls on sockets that programs of the task's cgroup decide on (Linux: the BPF_CGROUP_RUN_*
 * places of net/ipv4/af_inet.c, udp.c, tcp_ipv4.c, their IPv6 neighbours and net/unix/af_unix.c).
 *
 * They run at the call's entry, on a copy of its address. A call that nobody can change any more and
 * no program has changed is the kernel's, as it was made; otherwise it is made here with the
 * copy, on the task's socket, by a thread that may wait. What a call gives back (an address) is
 * shown to programs before the task sees it.
 *
 * DIFF(cgroup-sockets): a socket is in the cgroup of the task that makes the call.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/cgroup_run.h"
#include "event/decide.h"
#include "event/process.h"
#include "event/lsm.h"
#include "event/readdress.h"
#include "event/sock_ops.h"
#include "object/cgroup_tree.h"

#define SIN6_LEN_SHORT 24 /* without a scope: RFC 2133 */
#define MESSAGES_MAX   64
#define DATA_MAX       (128u << 10)

union address {
	struct sockaddr_storage any;
	struct sockaddr in_general;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* ---- programs on an address ---- */

enum verb { BIND, CONNECT, SENDMSG, RECVMSG, GETPEERNAME, GETSOCKNAME, VERBS };
enum { SIX = 1, UNIX = 2 };

static const u8 attach_types[VERBS][3] = {
	[BIND] = { BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND },
	[CONNECT] = { BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UNIX_CONNECT },
	[SENDMSG] = { BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UNIX_SENDMSG },
	[RECVMSG] = { BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_UNIX_RECVMSG },
	[GETPEERNAME] = { BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME,
			  BPF_CGROUP_UNIX_GETPEERNAME },
	[GETSOCKNAME] = { BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_INET6_GETSOCKNAME,
			  BPF_CGROUP_UNIX_GETSOCKNAME },
};

static bool verb_in_use(struct skep_system *sys, enum verb v)
{
	return cgroup_in_use(sys, attach_types[v][0]) || cgroup_in_use(sys, attach_types[v][1]) ||
	       (attach_types[v][UNIX] && cgroup_in_use(sys, attach_types[v][UNIX]));
}

static bool verb_decides(struct task *t, enum verb v)
{
	return cgroup_decides(t, attach_types[v][0]) || cgroup_decides(t, attach_types[v][1]) ||
	       (attach_types[v][UNIX] && cgroup_decides(t, attach_types[v][UNIX]));
}

/* Runs the programs of @verb for an address of family @which; *a and *len are what they make of it. */
static s32 run_on(struct task *t, struct cgroup_sock *s, enum verb verb, u32 which,
		  union address *a, u32 *len, struct bpf_sock_addr *ctx, u32 *flags)
{
	struct bpf_rt_sock_addr rt = { .fd = s->number, .uaddrlen = *len };
	struct cgroup_result result = { .ctx_retval = NULL };
	s32 ret;

	_Static_assert(sizeof(*a) <= sizeof(rt.uaddr), "an address of any family");
	memcpy(rt.uaddr, a, sizeof(*a));
	ctx->user_family = a->any.ss_family;
	ctx->family = s->sk.u.family;
	ctx->type = s->sk.u.type;
	ctx->protocol = s->sk.u.protocol;
	ctx->sk = &s->sk.u;
	if (which == SIX) {
		memcpy(ctx->user_ip6, &a->in6.sin6_addr, 16);
		ctx->user_port = a->in6.sin6_port;
	} else if (which != UNIX) {
		ctx->user_ip4 = a->in.sin_addr.s_addr;
		ctx->user_port = a->in.sin_port;
	}
	rt.u = *ctx;
	ret = cgroup_run_task(t, attach_types[verb][which], &rt, 0, &result);
	*ctx = rt.u;
	if (which == UNIX) {
		memcpy(a, rt.uaddr, sizeof(*a));
		*len = rt.uaddrlen;
	} else if (which == SIX) {
		memcpy(&a->in6.sin6_addr, ctx->user_ip6, 16);
		a->in6.sin6_port = (u16)ctx->user_port;
	} else {
		a->in.sin_addr.s_addr = ctx->user_ip4;
		a->in.sin_port = (u16)ctx->user_port;
	}
	if (flags)
		*flags = result.flags;
	return ret;
}

/*
 * The socket of the call, for programs. False: it is none, which the kernel will say, or it cannot be had: then
 * nobody can decide, and the call is refused.
 */
static bool open_socket(struct task *t, int fd, struct cgroup_sock *s)
{
	int err = cgroup_sock_open(t, fd, s);

	if (err == -EPERM || err == -EMFILE || err == -ENFILE) {
		t->call.skip = true;
		t->call.ret = -EPERM;
	}
	return !err;
}

/* Which programs see an address of a socket: 0, SIX or UNIX. */
static u32 which_of(const struct cgroup_sock *s)
{
	return s->sk.u.family == AF_UNIX ? UNIX : s->sk.u.family == AF_INET6 ? SIX : 0;
}

static bool is_inet(const struct cgroup_sock *s)
{
	return s->sk.u.family == AF_INET || s->sk.u.family == AF_INET6;
}

static bool is_mapped(const struct sockaddr_in6 *a)
{
	return IN6_IS_ADDR_V4MAPPED(&a->sin6_addr);
}

static bool read_address(struct task *t, u64 at, u64 len, union address *a)
{
	memset(a, 0, sizeof(*a));
	if ((int)len < 0 || len > sizeof(*a))
		return false;
	return lsm_asked_address(t, a, len) || !task_read(t, a, at, len);
}

static void result_is(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
}

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
		result_is(t, err);
		return;
	}
	s->fd = -1;
}

/* unix_validate_addr() */
static bool valid_unix(const union address *a, u64 len)
{
	return a->any.ss_family == AF_UNIX && len > sizeof(a->un.sun_family) &&
	       len <= sizeof(a->un);
}

/* Whether Linux asks programs before it looks at the rest of the call. */
static bool connect_asks(const struct cgroup_sock *s, const union address *a, u64 len, u32 *which)
{
	u32 protocol = s->sk.u.protocol, type = s->sk.u.type;

	*which = which_of(s);
	if (*which == UNIX)
		return valid_unix(a, len);
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
	if ((!verb_decides(t, CONNECT) && !cgroup_decides(t, BPF_CGROUP_SOCK_OPS)) ||
	    len > sizeof(a) || !open_socket(t, (int)c->args[0], &s))
		return;
	if (!read_address(t, c->args[1], len, &a)) {
		result_is(t, -EFAULT);
		goto out;
	}
	before = a;
	if (connect_asks(&s, &a, len, &which)) {
		ret = run_on(t, &s, CONNECT, which, &a, &len, &ctx, NULL);
		if (ret >= 0)
			ret = cgroup_sock_apply(t, &s);
		if (ret >= 0 && which == UNIX &&
		    (len != (u32)c->args[2] || memcmp(&a, &before, sizeof(a))))
			ret = connect_elsewhere(t, &a, len);
		if (ret < 0) {
			result_is(t, ret);
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
		result_is(t, bind(s->fd, &a->in_general, len) ? -errno : 0);
		if (!privileged)
			decide_as_self(t);
	} else {
		result_is(t, err);
	}
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
	if ((!verb_decides(t, BIND) && !cgroup_decides(t, BPF_CGROUP_INET4_POST_BIND) &&
	     !cgroup_decides(t, BPF_CGROUP_INET6_POST_BIND)) ||
	    len > sizeof(a) || !open_socket(t, (int)c->args[0], &s))
		return;
	if (!read_address(t, c->args[1], len, &a)) {
		result_is(t, -EFAULT);
		goto out;
	}
	before = a;
	if (!is_inet(&s))
		goto out;
	if (s.sk.u.type == SOCK_RAW ||
	    len < (s.sk.u.family == AF_INET6 ? SIN6_LEN_SHORT : sizeof(a.in)))
		goto as_it_is;
	ret = run_on(t, &s, BIND, which_of(&s), &a, &len, &ctx, &flags);
	if (ret >= 0)
		ret = cgroup_sock_apply(t, &s);
	if (ret < 0) {
		result_is(t, ret);
		goto out;
	}
	/* A port that is known is asked about before it is had: it could not be given back. */
	if (cgroup_decides(t, post_bind_type(&s)) && a.in.sin_port &&
	    a.any.ss_family == s.sk.u.family && !s.sk.u.src_port) {
		set_source(&s, &a);
		ret = cgroup_run_task(t, post_bind_type(&s), &s.sk, 0, NULL);
		if (ret < 0) {
			result_is(t, ret);
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

static void bind_exit(struct task *t)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct cgroup_sock s;
	s32 ret;

	/* Port 0: the kernel has chosen one. */
	if (t->call.ret || t->call.room || cgroup_sock_open(t, (int)t->call.args[0], &s))
		return;
	if (is_inet(&s) && s.sk.u.type != SOCK_RAW && cgroup_decides(t, post_bind_type(&s))) {
		ret = cgroup_run_task(t, post_bind_type(&s), &s.sk, 0, NULL);
		if (ret < 0) {
			connect(s.fd, &none, sizeof(none)); /* gives up a datagram socket's port */
			t->call.ret = ret;
		}
	}
	cgroup_sock_close(&s);
}

/* ---- sendto, sendmsg, sendmmsg ---- */

struct message {
	struct msghdr hdr;
	union address a;
	struct iovec iov;
	u8 *control;
	s64 sent;
};

struct send_work {
	struct decide_work w; /* first */
	int fd, flags;
	u32 n;
	bool many;
	struct message m[];
};

static void send_free(struct send_work *w)
{
	if (!w)
		return;
	for (u32 i = 0; i < w->n; i++) {
		mem_free(w->m[i].iov.iov_base);
		mem_free(w->m[i].control);
	}
	if (w->fd >= 0)
		close(w->fd);
	mem_free(w);
}

static long send_work(struct decide_work *d)
{
	struct send_work *w = (struct send_work *)d;

	for (u32 i = 0; i < w->n; i++) {
		w->m[i].sent = sendmsg(w->fd, &w->m[i].hdr, w->flags | MSG_NOSIGNAL);
		if (w->m[i].sent < 0)
			return i ? (long)i : -errno;
		if (!w->many)
			return w->m[i].sent;
	}
	return (long)w->n;
}

static void send_done(struct task *t, struct decide_work *d)
{
	struct send_work *w = (struct send_work *)d;

	for (u32 i = 0; t && w->many && (long)i < d->ret; i++) {
		u32 len = (u32)w->m[i].sent;

		task_write(t,
			   t->call.args[1] + i * sizeof(struct mmsghdr) +
				   offsetof(struct mmsghdr, msg_len),
			   &len, sizeof(len));
	}
	if (t)
		decide_return(t, d->ret);
	send_free(w);
}

/* The task's message at @hdr with copies of all of it; .a has been read. 0 or -errno. */
static int copy_message(struct task *t, const struct msghdr *hdr, struct message *m)
{
	struct iovec iov[64];
	size_t n = hdr->msg_iovlen, done = 0, size = 0;

	if (n > ARRAY_SIZE(iov))
		return -EMSGSIZE;
	if (n && task_read(t, iov, (u64)hdr->msg_iov, n * sizeof(*iov)))
		return -EFAULT;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len > DATA_MAX || (size += iov[i].iov_len) > DATA_MAX)
			return -EMSGSIZE;
	}
	m->iov.iov_base = mem_zalloc(size + 1);
	if (!m->iov.iov_base)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len && task_read(t, (u8 *)m->iov.iov_base + done,
						(u64)iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		done += iov[i].iov_len;
	}
	m->iov.iov_len = size;
	if (hdr->msg_controllen > 4096)
		return -ENOBUFS;
	if (hdr->msg_controllen) {
		m->control =
			mem_zalloc(hdr->msg_controllen + CMSG_SPACE(sizeof(struct in6_pktinfo)));
		if (!m->control)
			return -ENOMEM;
		if (task_read(t, m->control, (u64)hdr->msg_control, hdr->msg_controllen))
			return -EFAULT;
	}
	m->hdr = (struct msghdr){ .msg_name = hdr->msg_namelen ? &m->a : NULL,
				  .msg_namelen = hdr->msg_namelen,
				  .msg_iov = &m->iov,
				  .msg_iovlen = 1,
				  .msg_control = m->control,
				  .msg_controllen = hdr->msg_controllen };
	return 0;
}

/* The source address that a program wants, in front of what the task has said. */
static int set_message_source(struct message *m, u32 which, const struct bpf_sock_addr *ctx)
{
	size_t own = which == SIX ? CMSG_SPACE(sizeof(struct in6_pktinfo)) :
				    CMSG_SPACE(sizeof(struct in_pktinfo));
	u8 *control = mem_zalloc(own + m->hdr.msg_controllen);
	struct cmsghdr *h = (struct cmsghdr *)control;

	if (!control)
		return -ENOMEM;
	if (m->control)
		memcpy(control, m->control, m->hdr.msg_controllen);
	h = (struct cmsghdr *)(control + m->hdr.msg_controllen);
	if (which == SIX) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(h);

		*h = (struct cmsghdr){ CMSG_LEN(sizeof(*info)), IPPROTO_IPV6, IPV6_PKTINFO };
		memcpy(&info->ipi6_addr, ctx->msg_src_ip6, 16);
	} else {
		struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(h);

		*h = (struct cmsghdr){ CMSG_LEN(sizeof(*info)), IPPROTO_IP, IP_PKTINFO };
		info->ipi_spec_dst.s_addr = ctx->msg_src_ip4;
	}
	mem_free(m->control);
	m->control = control;
	m->hdr.msg_control = control;
	m->hdr.msg_controllen += own;
	return 0;
}

/*
 * Programs decide on message @m. 0, or what the call gives; *changed: it is not what the task has
 * written any more.
 */
static s32 decide_message(struct task *t, struct cgroup_sock *s, struct message *m, bool *changed)
{
	struct bpf_sock_addr ctx = { .msg_src_ip4 = s->sk.u.src_ip4 };
	union address before = m->a;
	u32 which = which_of(s), family = m->a.any.ss_family, namelen = m->hdr.msg_namelen;
	bool moved;
	s32 ret;

	if (!namelen)
		return 0;
	if (which == SIX && family == AF_INET && namelen >= sizeof(m->a.in))
		which = 0;
	if (which == SIX) {
		if (namelen < SIN6_LEN_SHORT || family != AF_INET6)
			return 0;
		memcpy(ctx.msg_src_ip6, s->sk.u.src_ip6, 16);
		if (is_mapped(&m->a.in6)) { /* Linux goes on as for IPv4 */
			union address four = { .in = { .sin_family = AF_INET,
						       .sin_port = m->a.in6.sin6_port } };

			memcpy(&four.in.sin_addr, &m->a.in6.sin6_addr.s6_addr[12], 4);
			ret = run_on(t, s, SENDMSG, 0, &four, &namelen, &ctx, NULL);
			memcpy(&m->a.in6.sin6_addr.s6_addr[12], &four.in.sin_addr, 4);
			m->a.in6.sin6_port = four.in.sin_port;
			*changed |= memcmp(&before, &m->a, sizeof(before)) != 0;
			return ret;
		}
	} else if (which == UNIX ? !valid_unix(&m->a, namelen) :
				   namelen < sizeof(m->a.in) || family != AF_INET) {
		return 0;
	}
	ret = run_on(t, s, SENDMSG, which, &m->a, &namelen, &ctx, NULL);
	if (which == UNIX) {
		*changed = namelen != m->hdr.msg_namelen || memcmp(&before, &m->a, sizeof(before));
		m->hdr.msg_namelen = namelen;
	}
	if (ret < 0 || which == UNIX)
		return ret;
	if (which == SIX && is_mapped(&m->a.in6))
		return -524; /* ENOTSUPP */
	if (!m->a.in.sin_port)
		return -EINVAL;
	moved = which == SIX ? memcmp(ctx.msg_src_ip6, s->sk.u.src_ip6, 16) != 0 :
			       ctx.msg_src_ip4 != s->sk.u.src_ip4;
	if (moved) {
		ret = set_message_source(m, which, &ctx);
		if (ret)
			return ret;
	}
	*changed |= moved || memcmp(&before, &m->a, sizeof(before));
	return 0;
}

/* The header of message @i of the call; sendto() has none. 0 or -errno. */
static int read_header(struct task *t, u32 i, struct msghdr *hdr, struct iovec *iov)
{
	const struct task_call *c = &t->call;

	if (c->nr == SYS_sendto) {
		*hdr = (struct msghdr){ .msg_name = c->args[4] ? (void *)c->args[4] : NULL,
					.msg_namelen = c->args[4] ? (u32)c->args[5] : 0 };
		*iov = (struct iovec){ (void *)c->args[1], c->args[2] };
		return 0;
	}
	if (task_read(t, hdr, c->args[1] + i * sizeof(struct mmsghdr), sizeof(*hdr)))
		return -EFAULT;
	if (!hdr->msg_name)
		hdr->msg_namelen = 0;
	return 0;
}

/* sendto()'s data are one piece, told by the call itself. */
static int copy_sendto(struct task *t, const struct iovec *iov, const struct msghdr *hdr,
		       struct message *m)
{
	if (iov->iov_len > DATA_MAX)
		return -EMSGSIZE;
	m->iov.iov_base = mem_zalloc(iov->iov_len + 1);
	if (!m->iov.iov_base)
		return -ENOMEM;
	m->iov.iov_len = iov->iov_len;
	if (iov->iov_len && task_read(t, m->iov.iov_base, (u64)iov->iov_base, iov->iov_len))
		return -EFAULT;
	m->hdr = (struct msghdr){ .msg_name = hdr->msg_namelen ? &m->a : NULL,
				  .msg_namelen = hdr->msg_namelen,
				  .msg_iov = &m->iov,
				  .msg_iovlen = 1 };
	return 0;
}

/* Message @i of the call goes to the address that programs have chosen, from the task itself. */
static s32 send_elsewhere(struct task *t, const struct message *m, u32 i)
{
	const struct task_call *c = &t->call;
	struct {
		struct mmsghdr hdr;
		union address a;
	} there = { .a = m->a };
	u32 len = m->hdr.msg_namelen, size = offsetof(__typeof__(there), a) + len;
	u64 at;
	s32 err;

	if (c->nr == SYS_sendto) {
		err = call_move(t, &m->a, len, &at);
		if (!err)
			err = call_set_arg(t, 4, at);
		return err ? err : call_set_arg(t, 5, len);
	}
	if (i) /* those before it first; this one in a call of its own */
		return 0;
	if (task_read(t, &there.hdr, c->args[1], sizeof(there.hdr.msg_hdr)))
		return -EFAULT;
	err = call_move(t, &there, size, &at);
	if (err)
		return err;
	there.hdr.msg_hdr.msg_name = (void *)(at + offsetof(__typeof__(there), a));
	there.hdr.msg_hdr.msg_namelen = len;
	if (task_write(t, at, &there.hdr, sizeof(there.hdr)))
		return -EFAULT;
	if (c->nr == SYS_sendmmsg)
		call_move_back(t, offsetof(struct mmsghdr, msg_len), sizeof(there.hdr.msg_len),
			       c->args[1] + offsetof(struct mmsghdr, msg_len));
	return call_set_arg(t, 1, at);
}

/*
 * Datagrams of a UNIX socket: their receiver is to see who has sent them. Of several messages those
 * from the first one on with another address are left to the task's next call.
 */
static void send_unix(struct task *t, struct cgroup_sock *s, u32 n)
{
	bool many = t->call.nr == SYS_sendmmsg, changed = false;
	u32 i;
	s32 ret = 0;

	for (i = 0; i < n && i < UIO_MAXIOV && !ret && !changed; i++) {
		struct message m = { .sent = 0 };
		struct iovec iov;
		struct msghdr hdr;

		ret = read_header(t, i, &hdr, &iov);
		m.hdr.msg_namelen = min_t(u32, hdr.msg_namelen, sizeof(m.a));
		if (!ret && task_read(t, &m.a, (u64)hdr.msg_name, m.hdr.msg_namelen))
			ret = -EFAULT;
		if (!ret)
			ret = decide_message(t, s, &m, &changed);
		if (!ret && changed)
			ret = send_elsewhere(t, &m, i);
		if (ret && i) {
			ret = 0;
			break;
		}
		if (changed && i)
			break;
	}
	if (!ret)
		ret = cgroup_sock_apply(t, s);
	if (!ret && many && (i < n || changed)) {
		if (!t->call.moved)
			ret = call_move(t, NULL, 0, NULL);
		if (!ret)
			ret = call_set_arg(t, 2, max_t(u32, i, 1));
	}
	if (ret)
		result_is(t, ret);
}

static void send_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool many = c->nr == SYS_sendmmsg, changed = false, open;
	u32 n = many ? min_t(u32, (u32)c->args[2], MESSAGES_MAX) : 1;
	struct cgroup_sock s = { .fd = -1 };
	struct send_work *w = NULL;
	struct iovec iov = { 0 };
	s32 ret = 0;

	if (!verb_decides(t, SENDMSG) || !n || !open_socket(t, (int)c->args[0], &s))
		return;
	if (s.sk.u.family == AF_UNIX && s.sk.u.type == SOCK_DGRAM &&
	    cgroup_decides(t, BPF_CGROUP_UNIX_SENDMSG)) {
		send_unix(t, &s, many ? (u32)c->args[2] : 1);
		goto out;
	}
	if (s.sk.u.protocol != IPPROTO_UDP || !is_inet(&s))
		goto out;
	w = mem_zalloc(sizeof(*w) + n * sizeof(w->m[0]));
	if (!w) {
		result_is(t, -ENOMEM);
		goto out;
	}
	w->w.work = send_work;
	w->w.done = send_done;
	w->fd = -1;
	w->n = n;
	w->many = many;
	w->flags = c->nr == SYS_sendto ? (int)c->args[3] : many ? (int)c->args[3] : (int)c->args[2];
	w->flags &= ~MSG_ZEROCOPY;
	open = decide_may_change(t, c->args[1], 1);
	changed = many && (u32)c->args[2] > n; /* the others in a call of their own */
	for (u32 i = 0; i < n && !ret; i++) {
		struct message *m = &w->m[i];
		struct msghdr hdr;

		ret = read_header(t, i, &hdr, &iov);
		if (!ret && hdr.msg_namelen > sizeof(m->a))
			hdr.msg_namelen = sizeof(m->a);
		if (!ret && hdr.msg_namelen &&
		    task_read(t, &m->a, (u64)hdr.msg_name, hdr.msg_namelen))
			ret = -EFAULT;
		if (!ret) {
			open |= decide_may_change(t, (u64)hdr.msg_name, hdr.msg_namelen);
			ret = c->nr == SYS_sendto ? copy_sendto(t, &iov, &hdr, m) :
						    copy_message(t, &hdr, m);
		}
		if (!ret)
			ret = decide_message(t, &s, m, &changed);
		if (ret < 0 && i) { /* those before it go */
			w->n = i;
			changed = true;
			ret = 0;
			break;
		}
	}
	if (ret >= 0)
		ret = cgroup_sock_apply(t, &s);
	if (ret < 0) {
		result_is(t, ret);
		goto out;
	}
	if (changed || open) {
		w->fd = s.fd;
		ret = decide_start(t, &w->w);
		if (ret)
			result_is(t, ret);
		else
			w = NULL;
		s.fd = -1;
	}
out:
	send_free(w);
	cgroup_sock_close(&s);
}

/* A datagram has gone: packets are known by the port where their socket is not there any more. */
static void send_exit(struct task *t)
{
	struct sockaddr_in6 a = { 0 };
	socklen_t len = sizeof(a);
	int fd, type = 0;

	if (t->call.ret < 0 || !cgroup_in_use(t->sys, BPF_CGROUP_INET_EGRESS))
		return;
	fd = decide_take_fd(t, (int)t->call.args[0]);
	if (fd < 0)
		return;
	if (!getsockname(fd, (struct sockaddr *)&a, &len) &&
	    (a.sin6_family == AF_INET || a.sin6_family == AF_INET6) &&
	    !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) }) &&
	    type == SOCK_DGRAM)
		cgroup_tree_note_port(t->sys, ntohs(a.sin6_port), t->bpf.tid);
	close(fd);
}

/* ---- addresses that a call gives back ---- */

/* What the programs of @verb make of it and of its length, which the kernel has. */
static void tell_address(struct task *t, struct cgroup_sock *s, enum verb verb, union address *a,
			 u32 *len)
{
	struct bpf_sock_addr ctx = { 0 };
	u32 which = which_of(s), before = *len;

	if (which == SIX && a->any.ss_family == AF_INET)
		which = 0;
	run_on(t, s, verb, which, a, len, &ctx, NULL);
	if (which == UNIX && *len != before)
		a->any.ss_family =
			AF_UNIX; /* of one without a name, which Linux leaves as it was */
	cgroup_sock_apply(t, s);
}

static void name_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool peer = c->nr == SYS_getpeername;
	enum verb verb = peer ? GETPEERNAME : GETSOCKNAME;
	struct cgroup_sock s;
	socklen_t len;
	union address a;
	int room;

	if (!verb_decides(t, verb) || task_read(t, &room, c->args[2], sizeof(room)) || room < 0 ||
	    cgroup_sock_open(t, (int)c->args[0], &s))
		return;
	if (!is_inet(&s) && s.sk.u.family != AF_UNIX)
		goto out;
	memset(&a, 0, sizeof(a));
	len = sizeof(a);
	if (peer ? getpeername(s.fd, &a.in_general, &len) : getsockname(s.fd, &a.in_general, &len))
		goto out; /* the kernel says why */
	if (s.sk.u.family == AF_UNIX && len <= sizeof(a.un.sun_family))
		goto out; /* nobody is asked about one without a name */
	tell_address(t, &s, verb, &a, &len);
	room = min_t(int, room, (int)len);
	result_is(t, task_write(t, c->args[1], &a, (size_t)room) ||
				     task_write(t, c->args[2], &len, sizeof(len)) ?
			     -EFAULT :
			     0);
out:
	cgroup_sock_close(&s);
}

/* Where recvfrom(), recvmsg() and accept() put the address and its length. */
static void address_place(struct task *t, u64 *at, u64 *len_at)
{
	const struct task_call *c = &t->call;

	*at = *len_at = 0;
	switch (c->nr) {
	case SYS_recvfrom:
		*at = c->args[4];
		*len_at = c->args[5];
		break;
	case SYS_recvmsg:
		if (!task_read(t, at, c->args[1] + offsetof(struct msghdr, msg_name), sizeof(*at)))
			*len_at = c->args[1] + offsetof(struct msghdr, msg_namelen);
		break;
	case SYS_accept:
	case SYS_accept4:
		*at = c->args[1];
		*len_at = c->args[2];
		break;
	}
}

static enum verb verb_of_giving(u64 nr)
{
	return nr == SYS_accept || nr == SYS_accept4 ? GETPEERNAME : RECVMSG;
}

#define ROOM_KNOWN 0x80000000u

static void giving_enter(struct task *t)
{
	u64 at, len_at;

	t->call.room = 0;
	if (!verb_decides(t, verb_of_giving(t->call.nr)))
		return;
	address_place(t, &at, &len_at);
	if (!at || task_read(t, &t->call.room, len_at, sizeof(t->call.room)) ||
	    (s32)t->call.room < 0)
		t->call.room = 0;
	else
		t->call.room |= ROOM_KNOWN;
}

/* Whether Linux asks about the address that the call has given. */
static bool giving_asks(struct task *t, const struct cgroup_sock *s, enum verb verb, u32 len)
{
	int flags = (int)t->call.args[t->call.nr == SYS_recvfrom ? 3 : 2];

	if (is_inet(s))
		return len >= sizeof(struct sockaddr_in) &&
		       (verb != RECVMSG || s->sk.u.protocol == IPPROTO_UDP);
	if (s->sk.u.family != AF_UNIX || verb != RECVMSG)
		return false;
	return s->sk.u.type != SOCK_STREAM || (t->call.ret > 0 && !(flags & MSG_OOB));
}

static void giving_exit(struct task *t)
{
	enum verb verb = verb_of_giving(t->call.nr);
	u32 len, told, room = t->call.room & ~ROOM_KNOWN;
	union address a, before;
	struct cgroup_sock s;
	u64 at, len_at;

	if (t->call.ret < 0 || !t->call.room)
		return;
	address_place(t, &at, &len_at);
	if (!at || task_read(t, &len, len_at, sizeof(len)) || len > sizeof(a) ||
	    !read_address(t, at, min(len, room), &a) ||
	    cgroup_sock_open(t, verb == RECVMSG ? (int)t->call.args[0] : (int)t->call.ret, &s))
		return;
	before = a;
	told = len;
	if (giving_asks(t, &s, verb, len) && (len <= room || s.sk.u.family == AF_UNIX))
		tell_address(t, &s, verb, &a, &len);
	if (len != told || memcmp(&a, &before, sizeof(a)))
		task_write(t, at, &a, min(len, room));
	if (len != told)
		task_write(t, len_at, &len, sizeof(len));
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
		result_is(t, ret);
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
		cgroup_sock_apply(t, &s);
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
		return verb_in_use(sys, CONNECT) || sock_ops_in_use(sys) ? WANT_ENTER | WANT_EXIT :
									   0;
	case SYS_bind:
		return cgroup_in_use(sys, BPF_CGROUP_INET4_POST_BIND) ||
				       cgroup_in_use(sys, BPF_CGROUP_INET6_POST_BIND) ?
			       WANT_ENTER | WANT_EXIT :
		       verb_in_use(sys, BIND) ? WANT_ENTER :
						0;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		return (verb_in_use(sys, SENDMSG) ? WANT_ENTER :
						    0) | /* call_move() sees to its exit */
		       (sys->cgroup_tree && cgroup_in_use(sys, BPF_CGROUP_INET_EGRESS) ? WANT_EXIT :
											 0);
	case SYS_getpeername:
		return verb_in_use(sys, GETPEERNAME) ? WANT_ENTER : 0;
	case SYS_getsockname:
		return verb_in_use(sys, GETSOCKNAME) ? WANT_ENTER : 0;
	case SYS_accept:
	case SYS_accept4:
		return verb_in_use(sys, GETPEERNAME) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_recvfrom:
	case SYS_recvmsg:
		return verb_in_use(sys, RECVMSG) ? WANT_ENTER | WANT_EXIT : 0;
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
		send_enter(t);
		break;
	case SYS_getpeername:
	case SYS_getsockname:
		name_enter(t);
		break;
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
		giving_enter(t);
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
		send_exit(t);
		break;
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
		giving_exit(t);
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
