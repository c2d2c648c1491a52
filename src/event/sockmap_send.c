/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What processes send on sockets of maps with SK_MSG programs (Linux: tcp_bpf_sendmsg() and
 * tcp_bpf_send_verdict() of net/ipv4/tcp_bpf.c, sk_psock_msg_verdict() of net/core/skmsg.c).
 *
 * A call that is let through as it is, and that nobody else can change meanwhile, is the kernel's. Others are
 * made here, with what the programs have made of the bytes.
 */
#include "event/sockmap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/supervisor.h"

#define CHUNK                                                                                      \
	(256u << 10) /* bytes that one verdict is about; Linux: the pages of a struct sk_msg */
#define ROOM	 (64u << 10)  /* that programs can add */
#define CORK_MAX (512u << 10) /* bytes that are held back */

enum { EVAL_NONE, EVAL_PASS, EVAL_DROP, EVAL_REDIRECT };

struct sock_message {
	u8 *start;
	u32 size, cap, cork_bytes, apply_bytes;
	u64 redir; /* a verdict's stays for those that follow, as in Linux */
	bool redir_ingress;
	u8 buf[];
};

void sock_message_free(struct sock_message *m)
{
	mem_free(m);
}

struct send_call {
	struct decide_work w; /* first */
	struct psock *ps;
	struct sock_places *from;
	struct sock_message *m; /* under way; NULL: the next piece is to be read */
	u64 off;
	s64 copied;
	u32 tosend; /* bytes of .m that the verdict is carried out on; 0: none yet */
	u32 judged; /* of .m, as the program found it; 0: not yet */
	u64 len_at; /* of sendmmsg(): msg_len */
	bool nonblock, corked;
	int wait; /* to be written to; -1: none */
};

static void call_free(struct skep_system *sys, struct send_call *c)
{
	psock_put(sys, c->ps);
	if (c->wait >= 0)
		close(c->wait);
	mem_free(c->from);
	mem_free(c->m);
	mem_free(c);
}

/* The bytes of @m and @more behind them, with room. NULL: no memory. */
static struct sock_message *message_grow(struct sock_message *m, u32 more)
{
	u32 size = m ? m->size : 0, cap = size + more + ROOM;
	struct sock_message *new = mem_alloc(sizeof(*new) + cap);

	if (!new)
		return NULL;
	*new = (struct sock_message){ .size = size, .cap = cap };
	new->start = new->buf;
	if (m) {
		new->cork_bytes = m->cork_bytes;
		new->apply_bytes = m->apply_bytes;
		new->redir = m->redir;
		new->redir_ingress = m->redir_ingress;
		memcpy(new->start, m->start, size);
	}
	mem_free(m);
	return new;
}

/* ---- the program ---- */

static void verdict(struct skep_system *sys, struct sock_flow *f, struct sock_message *m)
{
	const struct bpf_sock *u = &f->sk.u;
	struct bpf_rt_msg msg = { .u = { .family = u->family,
					 .remote_ip4 = u->dst_ip4,
					 .local_ip4 = u->src_ip4,
					 .remote_port = (u32)u->dst_port << 16,
					 .local_port = u->src_port,
					 .size = m->size },
				  .buf = m->buf,
				  .end = m->buf + m->cap,
				  .start = m->start,
				  .apply_bytes = m->apply_bytes,
				  .cork_bytes = m->cork_bytes };
	const struct bpf_prog *prog;
	struct bpf_run run = { 0 };
	s32 ret = SK_PASS;

	memcpy(msg.u.remote_ip6, u->dst_ip6, sizeof(msg.u.remote_ip6));
	memcpy(msg.u.local_ip6, u->src_ip6, sizeof(msg.u.local_ip6));
	msg.u.sk = &f->sk.u;
	msg.u.data = m->start;
	msg.u.data_end = m->start + m->size;
	slot_claim(sys->arena, sys->platform, &run);
	prog = psock_prog(sys, f->ps, PSOCK_MSG);
	if (prog)
		ret = (s32)bpf_prog_run(prog, &msg, &run);
	slot_release(&run);
	m->start = msg.start;
	m->size = msg.u.size;
	m->cork_bytes = msg.cork_bytes;
	m->apply_bytes = f->apply_bytes = msg.apply_bytes;
	if (run.redirect.sock) {
		m->redir = run.redirect.sock;
		m->redir_ingress = run.redirect.flags & BPF_F_INGRESS;
	}
	f->redir = m->redir;
	f->redir_ingress = m->redir_ingress;
	f->eval = ret != SK_PASS ? EVAL_DROP : f->redir ? EVAL_REDIRECT : EVAL_PASS;
}

static void apply(struct sock_flow *f, u32 n)
{
	f->apply_bytes -= min(f->apply_bytes, n);
}

/* ---- the call ---- */

/* The next bytes of the task's. 0; 1: there is nothing to be decided yet; -errno. */
static int next_piece(struct task *t, struct send_call *c, struct sock_flow *f)
{
	u32 n = (u32)min_t(u64, c->from->total - c->off, CHUNK);
	struct sock_message *m;
	bool full;

	c->corked = f->cork;
	m = message_grow(f->cork, n);
	if (!m)
		return -ENOMEM;
	f->cork = NULL;
	c->m = m;
	if (sock_gather(t, c->from, c->off, m->start + m->size, n))
		return -EFAULT;
	m->size += n;
	c->off += n;
	c->copied += n;
	full = m->size >= CORK_MAX;
	if (!f->cork_bytes)
		return 0;
	f->cork_bytes -= min(f->cork_bytes, n);
	if (f->cork_bytes && !full) {
		f->cork = m;
		c->m = NULL;
		return 1;
	}
	f->eval = EVAL_NONE;
	f->cork_bytes = 0;
	return 0;
}

static void message_done(struct send_call *c)
{
	mem_free(c->m);
	c->m = NULL;
	c->tosend = c->judged = 0;
}

/* Some of the message on its way. 0, -EAGAIN with c->wait, or why it will not go. */
static long push(struct skep_system *sys, struct send_call *c, struct sock_flow *f)
{
	struct sock_message *m = c->m;
	long n;
	int fd;

	while (c->tosend) {
		if (f->eval == EVAL_REDIRECT) {
			n = sock_deliver(sys, f->redir, f->redir_ingress, m->start, c->tosend,
					 &c->wait);
			if (n > 0)
				sock_wake_readers(sys, f->redir);
		} else {
			fd = sock_flow_open(sys, f);
			if (fd < 0)
				return -EPIPE;
			n = send(fd, m->start, c->tosend, MSG_DONTWAIT | MSG_NOSIGNAL);
			n = n < 0 ? -errno : n;
			if (n == -EAGAIN)
				c->wait = fd;
			else
				close(fd);
		}
		if (n < 0)
			return n;
		m->start += n;
		m->size -= (u32)n;
		c->tosend -= (u32)n;
		apply(f, (u32)n);
	}
	return 0;
}

/* One verdict, and what follows. 0: on; 1: no more for now; -errno. */
static long step(struct task *t, struct send_call *c, struct sock_flow *f)
{
	struct skep_system *sys = t->sys;
	struct sock_message *m = c->m;
	long err;

	if (!c->tosend) {
		if (f->eval == EVAL_NONE) {
			c->judged = m->size;
			verdict(sys, f, m);
			if (m->cork_bytes > m->size && m->size < CORK_MAX) {
				f->cork_bytes = m->cork_bytes - m->size;
				f->cork = m;
				c->m = NULL;
				return 1;
			}
		}
		c->tosend = m->size;
		if (f->apply_bytes && f->apply_bytes < c->tosend)
			c->tosend = f->apply_bytes;
		if (f->eval == EVAL_DROP) {
			/* The verdict stays what it is, as in Linux. */
			apply(f, c->tosend);
			c->copied -= c->tosend;
			if (c->judged)
				c->copied -= (s64)c->judged - (s64)m->size;
			message_done(c);
			return -EACCES;
		}
	}
	err = push(sys, c, f);
	if (err == -EAGAIN)
		return err;
	if (err) {
		if (!c->corked)
			c->copied -= m->size;
		message_done(c);
		return err;
	}
	if (!f->apply_bytes)
		f->eval = EVAL_NONE;
	c->judged = 0;
	if (!m->size)
		message_done(c);
	return 0;
}

static long send_work(struct decide_work *w)
{
	struct send_call *c = (struct send_call *)w;
	struct pollfd p = { .fd = c->wait, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 ? -errno : 0;
}

static void send_done(struct task *t, struct decide_work *w);

/* As far as it goes without waiting. */
static void call_go(struct task *t, struct send_call *c)
{
	struct skep_system *sys = t->sys;
	struct sock_flow *f = c->ps->flow;
	long err = 0;

	if (c->wait >= 0)
		close(c->wait);
	c->wait = -1;
	while (c->m || c->off < c->from->total) {
		err = c->m ? 0 : next_piece(t, c, f);
		if (!err)
			err = step(t, c, f);
		if (err == 1)
			err = 0;
		if (err)
			break;
	}
	if (err == -EAGAIN && !c->nonblock) {
		err = decide_start(t, &c->w);
		if (!err)
			return;
	} else if (err == -EAGAIN) {
		c->copied -= c->m->size; /* what has not gone */
		message_done(c);
	}
	if (err == -EPIPE && c->copied <= 0 && f->eval != EVAL_REDIRECT) {
		call_free(sys, c); /* the kernel's call says so, and sends the signal */
		return;
	}
	if (c->len_at && c->copied > 0) {
		u32 len = (u32)c->copied;

		task_write(t, c->len_at, &len, sizeof(len));
		c->copied = 1;
	}
	t->call.skip = true;
	t->call.ret = c->copied > 0 ? c->copied : err;
	call_free(sys, c);
}

static void send_done(struct task *t, struct decide_work *w)
{
	struct send_call *c = (struct send_call *)w;
	struct skep_system *sys = w->sv->sys;

	if (t && !w->ret) {
		call_go(t, c);
		return;
	}
	if (t) {
		c->copied -= c->m ? c->m->size : 0;
		decide_return(t, c->copied > 0 ? (long)c->copied : w->ret);
	}
	call_free(sys, c);
}

/* Where the bytes are; *flags. False: the kernel will refuse the call. */
static bool read_call(struct task *t, struct send_call *c, int *flags)
{
	const struct task_call *call = &t->call;
	struct msghdr hdr;

	*flags = 0;
	switch (call->nr) {
	case SYS_write:
		c->from = sock_place(call->args[1], call->args[2]);
		break;
	case SYS_writev:
		c->from = sock_places(t, call->args[1], call->args[2]);
		break;
	case SYS_sendto:
		*flags = (int)call->args[3];
		c->from = sock_place(call->args[1], call->args[2]);
		break;
	case SYS_sendmmsg:
		c->len_at = call->args[1] + offsetof(struct mmsghdr, msg_len);
		*flags = (int)call->args[3];
		if (!(u32)call->args[2] || task_read(t, &hdr, call->args[1], sizeof(hdr)))
			return false;
		c->from = sock_places(t, (u64)hdr.msg_iov, hdr.msg_iovlen);
		break;
	default:
		*flags = (int)call->args[2];
		if (task_read(t, &hdr, call->args[1], sizeof(hdr)))
			return false;
		c->from = sock_places(t, (u64)hdr.msg_iov, hdr.msg_iovlen);
	}
	return c->from && c->from->total && c->from->total <= INT_MAX;
}

/*
 * The whole call in one verdict that changes nothing: the kernel's call, when nobody can change its bytes any
 * more. True: it is.
 */
static bool passes(struct task *t, struct send_call *c, struct sock_flow *f)
{
	u8 *copy;
	bool same;

	if (c->from->n != 1 || c->from->total > CHUNK || f->cork || f->eval != EVAL_NONE ||
	    c->len_at || decide_may_change(t, c->from->v[0].at, c->from->v[0].len))
		return false;
	if (next_piece(t, c, f))
		return false;
	copy = mem_dup(c->m->start, c->m->size);
	c->judged = c->m->size;
	verdict(t->sys, f, c->m);
	same = copy && f->eval == EVAL_PASS && !f->apply_bytes && c->m->cork_bytes <= c->m->size &&
	       c->m->size == c->from->total && !memcmp(copy, c->m->start, c->m->size);
	mem_free(copy);
	if (same)
		f->eval = EVAL_NONE;
	return same;
}

void sock_send_enter(struct task *t)
{
	struct psock *ps = sock_of_task(t, (int)t->call.args[0]);
	struct sock_flow *f = ps && ps->prog[PSOCK_MSG] ? ps->flow : NULL;
	struct send_call *c = f ? mem_zalloc(sizeof(*c)) : NULL;
	int fd = -1, flags;

	if (!c) {
		psock_put(t->sys, ps);
		return;
	}
	c->ps = ps;
	c->wait = -1;
	c->w.work = send_work;
	c->w.done = send_done;
	c->w.sv = t->sys->supervisor;
	fd = sock_flow_open(t->sys, f);
	/* Only TCP has such a place in Linux. */
	if (fd < 0 || f->protocol != IPPROTO_TCP || f->family == AF_UNIX ||
	    !read_call(t, c, &flags) || f->sk.u.state == BPF_TCP_LISTEN) {
		call_free(t->sys, c);
		goto out;
	}
	c->nonblock = flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK;
	if (passes(t, c, f)) {
		call_free(t->sys, c);
		goto out;
	}
	/* The verdict may be there already; a message that is held back is not looked at twice. */
	if (c->m && f->eval != EVAL_NONE && c->m->cork_bytes > c->m->size &&
	    c->m->size < CORK_MAX) {
		f->cork_bytes = c->m->cork_bytes - c->m->size;
		f->cork = c->m;
		c->m = NULL;
	}
	call_go(t, c);
out:
	if (fd >= 0)
		close(fd);
}
