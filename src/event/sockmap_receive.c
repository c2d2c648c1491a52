/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What sockets of maps receive (Linux: sk_psock_verdict_recv(), sk_psock_strp_read() and
 * sk_psock_verdict_apply() of net/core/skmsg.c, tcp_bpf_recvmsg_parser() of net/ipv4/tcp_bpf.c).
 *
 * Bytes stay in the kernel's queue, so that poll() and a peer's window know of them, until what has been
 * decided about them is done: a reader takes them, they go to another socket, or they are thrown away. Calls that
 * read are made here, and get no more than what has passed.
 */
#include "event/sockmap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "event/supervisor.h"
#include "object/packet.h"

#define CHUNK	  (64u << 10) /* bytes that are judged in one piece */
#define AHEAD_MAX (4u << 20)  /* bytes that are judged before a reader has taken any */
#define LEAD	  4096	      /* zero bytes of a packet's data begin there */

/* ---- segments ---- */

static void pop_segment(struct sock_flow *f)
{
	struct sock_segment *s = f->first;

	f->first = s->next;
	mem_free(s->data);
	mem_free(s);
}

void sock_segments_free(struct sock_flow *f)
{
	while (f->first)
		pop_segment(f);
}

static struct sock_segment *add_segment(struct sock_flow *f, u32 len, u8 verdict)
{
	struct sock_segment **at = &f->first, *s = mem_zalloc(sizeof(*s));

	if (!s)
		return NULL;
	while (*at)
		at = &(*at)->next;
	*at = s;
	s->len = len;
	s->verdict = verdict;
	f->judged += f->stream ? len : 1;
	f->changes++;
	return s;
}

/* ---- programs ---- */

static void fill_skb(const struct sock_flow *f, struct sk_buff *skb)
{
	const struct bpf_sock *u = &f->sk.u;

	skb->protocol = htons(u->family == AF_INET6 ? 0x86dd : 0x0800);
	skb->family = u->family;
	skb->remote_ip4 = u->dst_ip4;
	skb->local_ip4 = u->src_ip4;
	memcpy(skb->remote_ip6, u->dst_ip6, sizeof(skb->remote_ip6));
	memcpy(skb->local_ip6, u->src_ip6, sizeof(skb->local_ip6));
	skb->remote_port = (u32)u->dst_port << 16;
	skb->local_port = u->src_port;
	skb->mac_header = skb->transport_header = SKB_UNSET;
	skb->network_header = (u16)(skb->data - skb->head);
	skb->has_sk = 1;
	skb->sk = (void *)&f->sk.u;
	skb->sk_cookie = f->ps->cookie;
	skb->sk_uid = f->sk.uid;
	skb->is_ingress = 1;
}

/* Runs program @kind on @len bytes at @room + LEAD. False: there is none. */
static bool run(struct skep_system *sys, struct sock_flow *f, enum psock_kind kind, u8 *room,
		u32 len, struct sk_buff *skb, struct bpf_run *r, s32 *ret)
{
	const struct bpf_prog *prog;

	memset(skb, 0, sizeof(*skb));
	skb->head = room;
	skb->data = skb->data_meta = room + LEAD;
	skb->data_end = skb->data + len;
	skb->end = skb->data_end + SKB_ROOM;
	skb->len = len;
	fill_skb(f, skb);
	*r = (struct bpf_run){ 0 };
	slot_claim(sys->arena, sys->platform, r);
	prog = psock_prog(sys, f->ps, kind);
	if (prog)
		*ret = (s32)bpf_prog_run(prog, skb, r);
	slot_release(r);
	return prog;
}

/* What becomes of @len bytes, which are in the queue behind those that have been judged. False: no memory. */
static bool judge(struct skep_system *sys, struct sock_flow *f, const u8 *bytes, u32 len)
{
	u8 *room = mem_alloc(LEAD + (size_t)len + SKB_ROOM);
	enum psock_kind kind = f->ps->prog[PSOCK_STREAM] ? PSOCK_STREAM : PSOCK_SKB;
	struct sock_segment *s;
	struct sk_buff skb;
	struct bpf_run r;
	s32 ret = SK_PASS;

	if (!room)
		return false;
	memcpy(room + LEAD, bytes, len);
	if (!run(sys, f, kind, room, len, &skb, &r, &ret)) {
		skb.data = room + LEAD;
		skb.len = len;
	}
	s = add_segment(f, len, ret == SK_PASS ? SK_PASS : SK_DROP);
	if (s && s->verdict == SK_PASS) {
		s->to = r.redirect.sock;
		s->ingress = r.redirect.flags & BPF_F_INGRESS;
		if (s->ingress && s->to == f->ps->cookie)
			s->to = 0;
		if (s->to || skb.len != len || memcmp(skb.data, bytes, len)) {
			s->data = mem_dup(skb.data, skb.len ? skb.len : 1);
			s->data_len = skb.len;
			if (!s->data)
				s->verdict = SK_DROP;
		}
	}
	mem_free(room);
	return s;
}

/* The length of the message that the bytes begin with, by the parser; 0: more are needed; < 0: never. */
static s32 message_length(struct skep_system *sys, struct sock_flow *f, u8 *bytes, u32 len)
{
	u8 *room = mem_alloc(LEAD + (size_t)len + SKB_ROOM);
	struct sk_buff skb;
	struct bpf_run r;
	s32 ret = (s32)len;

	if (!room)
		return 0;
	memcpy(room + LEAD, bytes, len);
	run(sys, f, PSOCK_PARSER, room, len, &skb, &r, &ret);
	/* What a parser writes, the verdict sees. */
	if (skb.len == len)
		memcpy(bytes, skb.data, len);
	mem_free(room);
	return ret;
}

/* ---- what others have put there for the reader: not judged again ---- */

static void forget_injected(struct sock_flow *f)
{
	struct sock_injected *i = f->injected;

	f->injected = i->next;
	mem_free(i);
}

/* Where the first of them begins in the new bytes; -1: it is not (yet) all there. */
static ssize_t find_injected(const struct sock_flow *f, const u8 *bytes, u32 len)
{
	const u8 *at = f->injected && len >= f->injected->len ?
			       memmem(bytes, len, f->injected->data, f->injected->len) :
			       NULL;

	return at ? at - bytes : -1;
}

/* ---- streams ---- */

/* Judges bytes of a stream, as far as whole messages are there. */
static void judge_stream(struct skep_system *sys, struct sock_flow *f, u8 *bytes, u32 len,
			 u32 *left)
{
	bool parses = f->ps->prog[PSOCK_PARSER] && f->ps->prog[PSOCK_STREAM];

	while (len) {
		s32 n = parses ? message_length(sys, f, bytes, len) : (s32)len;

		if (n <= 0 || (u32)n > len)
			break;
		if (!judge(sys, f, bytes, (u32)n))
			break;
		bytes += n;
		len -= (u32)n;
	}
	*left = len;
}

static void look_at_stream(struct skep_system *sys, struct sock_flow *f, int fd)
{
	u32 room = (u32)f->judged + CHUNK, left = 0;
	u8 *bytes;
	ssize_t n, at;

	if (f->judged > AHEAD_MAX)
		return;
	for (;;) {
		bytes = mem_alloc(room);
		if (!bytes)
			return;
		n = recv(fd, bytes, room, MSG_PEEK | MSG_DONTWAIT);
		if (n <= 0 || (u64)n <= f->judged) {
			/* Behind the last byte, Linux would wait for more. */
			f->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
			break;
		}
		f->ended = false;
		while ((u64)n > f->judged) {
			u8 *new = bytes + f->judged;
			u32 len = (u32)((u64)n - f->judged), before;

			at = find_injected(f, new, len);
			if (f->injected && at < 0 && len < f->injected->len + CHUNK && at) {
				/* It is on its way; what is before it is judged then. */
				mem_free(bytes);
				return;
			}
			before = at < 0 ? len : (u32)at;
			if (f->injected && at < 0)
				forget_injected(f); /* nobody knows where */
			left = 0;
			if (before)
				judge_stream(sys, f, new, before, &left);
			if (left)
				break;
			if (at >= 0) {
				struct sock_segment *s = add_segment(f, f->injected->len, SK_PASS);

				if (!s)
					break;
				forget_injected(f);
			}
		}
		/* A message that is longer than the piece that was looked at. */
		if (!left || n < (ssize_t)room || room > AHEAD_MAX + CHUNK)
			break;
		room *= 2;
		mem_free(bytes);
	}
	mem_free(bytes);
}

/* Takes @n bytes out of the queue, which are there. */
static bool consume(int fd, u64 n)
{
	u8 sink[16384];

	while (n) {
		ssize_t got = recv(fd, sink, min_t(u64, n, sizeof(sink)), MSG_DONTWAIT);

		if (got <= 0)
			return false;
		n -= (u64)got;
	}
	return true;
}

/* ---- datagrams: one after the other ---- */

static void look_at_datagram(struct skep_system *sys, struct sock_flow *f, int fd)
{
	u8 *bytes = f->judged ? NULL : mem_alloc(CHUNK);
	struct sock_injected **at;
	ssize_t n;

	if (!bytes)
		return;
	n = recv(fd, bytes, CHUNK, MSG_PEEK | MSG_DONTWAIT);
	f->ended = n < 0 && errno != EAGAIN && errno != EINTR;
	if (n >= 0) {
		for (at = &f->injected; *at; at = &(*at)->next)
			if ((*at)->len == (u32)n && !memcmp((*at)->data, bytes, (size_t)n))
				break;
		if (*at) {
			struct sock_injected *i = *at;

			*at = i->next;
			mem_free(i);
			add_segment(f, (u32)n, SK_PASS);
		} else {
			judge(sys, f, bytes, (u32)n);
		}
	}
	mem_free(bytes);
}

static void drop_first(struct sock_flow *f, int fd)
{
	u8 byte;

	if (f->stream) {
		consume(fd, f->first->len - f->first->taken);
		f->judged -= f->first->len - f->first->taken;
	} else {
		(void)!recv(fd, &byte, 1, MSG_DONTWAIT);
		f->judged = 0;
	}
	f->changes++;
	pop_segment(f);
}

/* Carries out what is at the head of the queue. False: it has to wait, for a reader or for room. */
static bool act(struct skep_system *sys, struct sock_flow *f, int fd)
{
	struct sock_segment *s = f->first;
	int wait = -1;
	long n;

	if (!s || (s->verdict == SK_PASS && !s->to && (s->data_len || !s->data)))
		return false;
	while (s->verdict == SK_PASS && s->to && s->data_taken < s->data_len) {
		n = sock_deliver(sys, s->to, s->ingress, s->data + s->data_taken,
				 s->data_len - s->data_taken, &wait);
		if (n == -EAGAIN) {
			sock_wait_writable(sys, wait, f->ps->cookie);
			return false;
		}
		if (n < 0)
			break; /* Linux drops it, too */
		s->data_taken += (u32)n;
		sock_wake_readers(sys, s->to);
		if (!f->stream)
			break;
	}
	drop_first(f, fd);
	return true;
}

void sock_receive(struct skep_system *sys, struct sock_flow *f, int fd)
{
	u64 before;

	do { /* until neither finds anything to do: who has to wait is told of what comes later */
		before = f->changes;
		if (f->stream)
			look_at_stream(sys, f, fd);
		else
			look_at_datagram(sys, f, fd);
		while (act(sys, f, fd))
			;
	} while (f->changes != before);
}

/* ---- calls that read ---- */

struct sock_reader {
	struct decide_work w; /* first */
	struct sock_reader *next;
	struct psock *ps;
	struct sock_places *to;
	struct msghdr hdr;  /* of recvmsg(): as the task has it */
	u64 hdr_at, len_at; /* where it is; of recvmmsg(): msg_len */
	u64 name_at, name_len_at;
	u64 got;
	int flags, wake; /* eventfd */
	int timeout_ms;
	u64 due; /* monotonic ns; 0: never */
	bool nonblock;
};

static void reader_free(struct skep_system *sys, struct sock_reader *r)
{
	struct sock_reader **at = &sys->sockmaps->readers;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	psock_put(sys, r->ps);
	if (r->wake >= 0)
		close(r->wake);
	mem_free(r->to);
	mem_free(r);
}

void sock_wake_readers(struct skep_system *sys, u64 cookie)
{
	if (!sys->sockmaps)
		return;
	for (struct sock_reader *r = sys->sockmaps->readers; r; r = r->next)
		if (!cookie || r->ps->cookie == cookie)
			eventfd_write(r->wake, 1);
}

/* What a call gives beside the bytes; as recvmsg() here has given it. */
static void give_rest(struct task *t, struct sock_reader *r, const struct msghdr *m)
{
	u32 len = m->msg_namelen, room;

	if (r->name_len_at && !task_read(t, &room, r->name_len_at, sizeof(room))) {
		if (r->name_at && len)
			task_write(t, r->name_at, m->msg_name, min(len, room));
		task_write(t, r->name_len_at, &len, sizeof(len));
	}
	if (!r->hdr_at)
		return;
	r->hdr.msg_namelen = len;
	if (r->hdr.msg_name && len)
		task_write(t, (u64)r->hdr.msg_name, m->msg_name,
			   min(len, (u32)sizeof(struct sockaddr_storage)));
	if (r->hdr.msg_control && m->msg_controllen)
		task_write(t, (u64)r->hdr.msg_control, m->msg_control, m->msg_controllen);
	r->hdr.msg_controllen = m->msg_controllen;
	r->hdr.msg_flags = m->msg_flags & ~MSG_CMSG_CLOEXEC;
	task_write(t, r->hdr_at, &r->hdr, sizeof(r->hdr));
}

/* Descriptors that came with the bytes are the task's. */
static void give_descriptors(struct task *t, struct sock_reader *r, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int *v = (int *)CMSG_DATA(c);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
			v[i] = decide_give_fd(t, v[i], r->flags & MSG_CMSG_CLOEXEC);
	}
}

static long take_unchanged(struct task *t, struct sock_reader *r, struct sock_flow *f, int fd,
			   u64 want)
{
	struct sock_segment *s = f->first;
	struct sockaddr_storage name;
	u64 run = 0;
	union {
		struct cmsghdr head;
		u8 room[4096];
	} control;
	struct iovec iov;
	struct msghdr m = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1
	};
	long n;

	if (f->stream) {
		for (; s && s->verdict == SK_PASS && !s->to && !s->data; s = s->next)
			run += s->len - s->taken;
		want = min(want, run);
	}
	if (r->hdr_at && r->hdr.msg_control && !r->got) {
		m.msg_control = &control;
		m.msg_controllen = min(r->hdr.msg_controllen, sizeof(control));
	}
	iov.iov_base = mem_alloc(want ? want : 1);
	if (!iov.iov_base)
		return -ENOMEM;
	iov.iov_len = want;
	n = recvmsg(fd, &m,
		    MSG_DONTWAIT | MSG_CMSG_CLOEXEC |
			    (r->flags & (f->stream ? MSG_PEEK : MSG_PEEK | MSG_TRUNC)));
	if (n < 0)
		n = -errno;
	if (n >= 0) {
		u64 copied = min_t(u64, (u64)n, want);

		if (!(f->protocol == IPPROTO_TCP && r->flags & MSG_TRUNC) &&
		    sock_scatter(t, r->to, r->got, iov.iov_base, copied))
			n = -EFAULT;
		if (m.msg_control)
			give_descriptors(t, r, &m);
		give_rest(t, r, &m);
	}
	mem_free(iov.iov_base);
	if (n < 0 || r->flags & MSG_PEEK)
		return n;
	if (!f->stream) {
		f->judged = 0;
		pop_segment(f);
		return n;
	}
	f->judged -= (u64)n;
	for (u64 left = (u64)n; left;) {
		u32 part = min_t(u64, left, f->first->len - f->first->taken);

		f->first->taken += part;
		left -= part;
		if (f->first->taken == f->first->len)
			pop_segment(f);
	}
	return n;
}

/* Bytes that a program has changed. */
static long take_changed(struct task *t, struct sock_reader *r, struct sock_flow *f, int fd,
			 u64 want)
{
	struct sock_segment *s = f->first;
	u32 n = (u32)min_t(u64, want, s->data_len - s->data_taken);
	struct msghdr none = { 0 };

	if (sock_scatter(t, r->to, r->got, s->data + s->data_taken, n))
		return -EFAULT;
	give_rest(t, r, &none);
	if (r->flags & MSG_PEEK)
		return n;
	s->data_taken += n;
	if (s->data_taken == s->data_len || !f->stream)
		drop_first(f, fd);
	return n;
}

/* What has passed, as much as is asked for. -EAGAIN: nothing. */
static long take(struct task *t, struct sock_reader *r, struct sock_flow *f, int fd)
{
	struct skep_system *sys = t->sys;
	long n = -EAGAIN;

	for (;;) {
		u64 want = r->to->total - r->got;

		sock_receive(sys, f, fd);
		if (!f->first || f->first->verdict != SK_PASS || f->first->to)
			return f->first || !f->ended ? n : (n > 0 ? n : 0);
		n = f->first->data ? take_changed(t, r, f, fd, want) :
				     take_unchanged(t, r, f, fd, want);
		if (n < 0)
			return n;
		r->got += (u64)n;
		if (!f->stream || r->flags & MSG_PEEK || r->got == r->to->total || !n)
			break;
		/* More may be there, which need not be waited for. */
		if (!f->first)
			break;
	}
	sock_receive(sys, f, fd);
	return n;
}

static long reader_work(struct decide_work *w)
{
	struct sock_reader *r = (struct sock_reader *)w;
	struct pollfd p = { .fd = r->wake, .events = POLLIN };
	int ms = -1, n;

	if (r->due) {
		u64 now = monotonic_ns();

		ms = r->due > now ? (int)((r->due - now + 999999) / 1000000) : 0;
	}
	n = poll(&p, 1, ms);
	return n < 0 ? -errno : n ? 0 : -EAGAIN;
}

static void reader_done(struct task *t, struct decide_work *w);

/* One attempt; true: the call is answered, or the kernel's: @r is gone. */
static void reader_go(struct task *t, struct sock_reader *r)
{
	struct skep_system *sys = t->sys;
	struct sock_flow *f = r->ps->flow;
	struct psock *still = psock_by_cookie(sys, r->ps->cookie);
	bool judged = still && still->started;
	eventfd_t ignored;
	long n;
	int fd;

	psock_put(sys, still);
	fd = judged ? sock_flow_open(sys, f) : -1;
	if (fd < 0 && !r->got) { /* it has left the maps: as it was called */
		reader_free(sys, r);
		return;
	}
	(void)!eventfd_read(r->wake, &ignored);
	n = fd < 0 ? 0 : take(t, r, f, fd);
	if (fd >= 0)
		close(fd);
	if (!n && f->ended && !r->got &&
	    f->stream) { /* the end, or an error: the kernel says which */
		reader_free(sys, r);
		return;
	}
	if ((n == -EAGAIN || (n > 0 && r->flags & MSG_WAITALL && f->stream &&
			      !(r->flags & MSG_PEEK) && r->got < r->to->total && !f->ended)) &&
	    !r->nonblock && (!r->got || r->flags & MSG_WAITALL)) {
		n = decide_start(t, &r->w);
		if (!n)
			return;
	}
	if (!f->stream && n == 0 && f->ended) { /* a pending error */
		reader_free(sys, r);
		return;
	}
	if (f->stream && r->got)
		n = (long)r->got;
	if (n >= 0 && r->len_at) {
		u32 len = (u32)n;

		task_write(t, r->len_at, &len, sizeof(len));
		n = 1;
	}
	t->call.skip = true;
	t->call.ret = n;
	reader_free(sys, r);
}

static void reader_done(struct task *t, struct decide_work *w)
{
	struct sock_reader *r = (struct sock_reader *)w;
	struct skep_system *sys = r->w.sv->sys;

	if (t && !w->ret) {
		reader_go(t, r);
		return;
	}
	if (t)
		decide_return(t, r->got ? (long)r->got : w->ret);
	reader_free(sys, r);
}

/* What the call says of places, flags and the rest. False: the kernel will refuse it. */
static bool read_call(struct task *t, struct sock_reader *r)
{
	const struct task_call *c = &t->call;

	switch (c->nr) {
	case SYS_read:
		r->to = sock_place(c->args[1], c->args[2]);
		break;
	case SYS_readv:
		r->to = sock_places(t, c->args[1], c->args[2]);
		break;
	case SYS_recvfrom:
		r->to = sock_place(c->args[1], c->args[2]);
		r->flags = (int)c->args[3];
		r->name_at = c->args[4];
		r->name_len_at = c->args[4] ? c->args[5] : 0;
		break;
	case SYS_recvmmsg:
		r->len_at = c->args[1] + offsetof(struct mmsghdr, msg_len);
		r->flags = (int)c->args[3];
		r->hdr_at = c->args[1];
		if (!(u32)c->args[2])
			return false;
		break;
	default:
		r->flags = (int)c->args[2];
		r->hdr_at = c->args[1];
	}
	if (r->hdr_at) {
		if (task_read(t, &r->hdr, r->hdr_at, sizeof(r->hdr)))
			return false;
		r->to = sock_places(t, (u64)r->hdr.msg_iov, r->hdr.msg_iovlen);
	}
	if (!r->to || r->to->total > INT_MAX || r->flags & (MSG_OOB | MSG_ERRQUEUE))
		return false;
	/* One piece is as much as is given at once. */
	return r->to->total || !((struct sock_flow *)r->ps->flow)->stream;
}

void sock_read_enter(struct task *t)
{
	struct psock *ps = sock_of_task(t, (int)t->call.args[0]);
	struct sock_flow *f = ps && ps->started ? ps->flow : NULL;
	struct sock_reader *r = f && t->sys->sockmaps ? mem_zalloc(sizeof(*r)) : NULL;
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	int fd;

	if (!r) {
		psock_put(t->sys, ps);
		return;
	}
	r->ps = ps;
	r->wake = -1;
	r->next = t->sys->sockmaps->readers;
	t->sys->sockmaps->readers = r;
	r->w.work = reader_work;
	r->w.done = reader_done;
	r->w.sv = t->sys->supervisor;
	fd = sock_flow_open(t->sys, f);
	if (fd < 0 || !read_call(t, r)) {
		reader_free(t->sys, r);
		goto out;
	}
	r->nonblock = r->flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK;
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) && (tv.tv_sec || tv.tv_usec))
		r->due = monotonic_ns() + (u64)tv.tv_sec * 1000000000ULL + (u64)tv.tv_usec * 1000;
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake < 0)
		reader_free(t->sys, r);
	else
		reader_go(t, r);
out:
	if (fd >= 0)
		close(fd);
}
