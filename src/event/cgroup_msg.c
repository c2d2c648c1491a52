/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Messages to an address that programs of the task's cgroup decide on, and addresses that calls
 * give back (Linux: udp_sendmsg(), unix_dgram_sendmsg(), their receiving sides, inet_getname() and
 * unix_getname()). cgroup_sock.c says how calls are decided on.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "event/cgroup_addr.h"
#include "event/decide.h"
#include "event/readdress.h"
#include "object/cgroup_tree.h"

#define MESSAGES_MAX 64
#define DATA_MAX     (128u << 10)

static bool is_mapped(const struct sockaddr_in6 *a)
{
	return IN6_IS_ADDR_V4MAPPED(&a->sin6_addr);
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
	u32 which = sock_addr_which(s), family = m->a.any.ss_family, namelen = m->hdr.msg_namelen;
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
			ret = sock_addr_run(t, s, SENDMSG, 0, &four, &namelen, &ctx, NULL);
			memcpy(&m->a.in6.sin6_addr.s6_addr[12], &four.in.sin_addr, 4);
			m->a.in6.sin6_port = four.in.sin_port;
			*changed |= memcmp(&before, &m->a, sizeof(before)) != 0;
			return ret;
		}
	} else if (which == UNIX ? !is_unix_name(&m->a, namelen) :
				   namelen < sizeof(m->a.in) || family != AF_INET) {
		return 0;
	}
	ret = sock_addr_run(t, s, SENDMSG, which, &m->a, &namelen, &ctx, NULL);
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
	cgroup_sock_apply(s);
	if (!ret && many && (i < n || changed)) {
		if (!t->call.moved)
			ret = call_move(t, NULL, 0, NULL);
		if (!ret)
			ret = call_set_arg(t, 2, max_t(u32, i, 1));
	}
	if (ret)
		call_result(t, ret);
}

void cgroup_send_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool many = c->nr == SYS_sendmmsg, changed = false, open;
	u32 n = many ? min_t(u32, (u32)c->args[2], MESSAGES_MAX) : 1;
	struct cgroup_sock s = { .fd = -1 };
	struct send_work *w = NULL;
	struct iovec iov = { 0 };
	s32 ret = 0;

	if (!sock_addr_decides(t, SENDMSG) || !n || !sock_addr_open(t, (int)c->args[0], &s))
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
		call_result(t, -ENOMEM);
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
	cgroup_sock_apply(&s);
	if (ret < 0) {
		call_result(t, ret);
		goto out;
	}
	if (changed || open) {
		w->fd = s.fd;
		ret = decide_start(t, &w->w);
		if (ret)
			call_result(t, ret);
		else
			w = NULL;
		s.fd = -1;
	}
out:
	send_free(w);
	cgroup_sock_close(&s);
}

/* A datagram has gone: packets are known by the port where their socket is not there any more. */
void cgroup_send_exit(struct task *t)
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
	u32 which = sock_addr_which(s), before = *len;

	if (which == SIX && a->any.ss_family == AF_INET)
		which = 0;
	sock_addr_run(t, s, verb, which, a, len, &ctx, NULL);
	if (which == UNIX && *len != before)
		a->any.ss_family =
			AF_UNIX; /* of one without a name, which Linux leaves as it was */
	cgroup_sock_apply(s);
}

void cgroup_name_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool peer = c->nr == SYS_getpeername;
	enum verb verb = peer ? GETPEERNAME : GETSOCKNAME;
	struct cgroup_sock s;
	socklen_t len;
	union address a;
	int room;

	if (!sock_addr_decides(t, verb) || task_read(t, &room, c->args[2], sizeof(room)) ||
	    room < 0 || cgroup_sock_open(t, (int)c->args[0], &s))
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
	call_result(t, task_write(t, c->args[1], &a, (size_t)room) ||
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

void cgroup_giving_enter(struct task *t)
{
	u64 at, len_at;

	t->call.room = 0;
	if (!sock_addr_decides(t, verb_of_giving(t->call.nr)))
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

void cgroup_giving_exit(struct task *t)
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
	    !sock_addr_read(t, at, min(len, room), &a) ||
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
