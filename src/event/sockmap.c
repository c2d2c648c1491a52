/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The source of sockets in maps, see sockmap.h: the poller that tells what can be read and written, and the calls that
 * come by (Linux: sk_psock_start_verdict() and the proto ops of net/core/skmsg.c, net/ipv4/tcp_bpf.c).
 */
#include "event/sockmap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/supervisor.h"

/* ---- the poller ---- */

static void tell(struct skep_system *sys, u64 cookie)
{
	struct sockmaps *s = sys->sockmaps;

	pthread_mutex_lock(&s->lock);
	vec_push(&s->v, cookie);
	store_release(&s->ready, 1);
	pthread_mutex_unlock(&s->lock);
}

static void *poll_sockets(void *arg)
{
	struct skep_system *sys = arg;
	struct epoll_event v[32];

	for (;;) {
		int n = epoll_wait(sys->sockmaps->epoll, v, ARRAY_SIZE(v), -1);

		if (n < 0 && errno != EINTR)
			return NULL;
		for (int i = 0; i < n; i++)
			tell(sys, v[i].data.u64);
		if (n > 0)
			supervisor_ring(sys->supervisor);
	}
}

static struct sockmaps *sockmaps_get(struct skep_system *sys)
{
	struct sockmaps *s = sys->sockmaps;
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int err;

	if (s)
		return s;
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		goto fail;
	s->epoll = fd_move_up(s->epoll);
	sys->sockmaps = s;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256UL << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigprocmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, poll_sockets, sys);
	sigprocmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		return s;
	sys->sockmaps = NULL;
	close(s->epoll);
fail:
	mem_free(s);
	return NULL;
}

void sock_wait_writable(struct skep_system *sys, int fd, u64 cookie)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLONESHOT, .data.u64 = cookie };
	struct sockmaps *s = sys->sockmaps;
	struct sock_waiting w = { fd, cookie };

	if (!s || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) || vec_push(&s->writable, w))
		close(fd);
}

/* ---- places in a task's memory ---- */

struct sock_places *sock_place(u64 at, u64 len)
{
	struct sock_places *p = mem_zalloc(sizeof(*p) + sizeof(p->v[0]));

	if (!p)
		return NULL;
	p->n = 1;
	p->v[0] = (struct sock_place){ at, len };
	p->total = len;
	return p;
}

struct sock_places *sock_places(struct task *t, u64 at, u64 n)
{
	struct sock_places *p;

	if (n > 1024)
		return NULL;
	p = mem_zalloc(sizeof(*p) + n * sizeof(p->v[0]));
	if (!p)
		return NULL;
	p->n = (u32)n;
	/* As struct iovec. */
	if (n && task_read(t, p->v, at, n * sizeof(p->v[0]))) {
		mem_free(p);
		return NULL;
	}
	for (u32 i = 0; i < p->n; i++)
		p->total += p->v[i].len;
	return p;
}

static int each_place(struct task *t, const struct sock_places *p, u64 off, u8 *to, const u8 *from,
		      u64 len)
{
	for (u32 i = 0; i < p->n && len; i++) {
		u64 n;
		int err;

		if (off >= p->v[i].len) {
			off -= p->v[i].len;
			continue;
		}
		n = min(p->v[i].len - off, len);
		err = to ? task_read(t, to, p->v[i].at + off, n) :
			   task_write(t, p->v[i].at + off, from, n);
		if (err)
			return -EFAULT;
		if (to)
			to += n;
		else
			from += n;
		len -= n;
		off = 0;
	}
	return 0;
}

int sock_gather(struct task *t, const struct sock_places *p, u64 off, u8 *to, u64 len)
{
	return each_place(t, p, off, to, NULL, len);
}

int sock_scatter(struct task *t, const struct sock_places *p, u64 off, const u8 *from, u64 len)
{
	return each_place(t, p, off, NULL, from, len);
}

/* ---- the source ---- */

static void nothing(struct task *t, void *arg)
{
}

static int look_again(struct task *t, void *arg)
{
	tracer_interrupt(t, nothing, NULL);
	return 0;
}

/* Sockets that have come to receive through programs: from now on they are polled. */
static int arm(struct psock *ps, void *arg)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u64 = ps->cookie };
	struct skep_system *sys = arg;
	struct sockmaps *s = sys->sockmaps;
	struct sock_flow *f = sock_flow(ps);
	int fd;

	if (!ps->started || !f || f->armed)
		return 0;
	fd = sock_flow_open(sys, f);
	if (fd < 0)
		return 0;
	if (!epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) ||
	    (errno == EEXIST && !epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &e)))
		f->armed = true;
	close(fd);
	/* Who reads it already is to come by here. */
	if (f->armed)
		tasks_each(sys, look_again, NULL);
	return 0;
}

static void on_psocks(void *arg)
{
	struct supervisor *sv = arg;

	WRITE_ONCE(sv->hooks_changed, 1);
	supervisor_ring(sv);
}

/* For programs that run in the loop: a socket of a supervised process, as it is now. */
static bool look_at(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk)
{
	struct cgroup_sock s;
	struct sock_flow *f;
	struct psock *ps;
	bool found = false;

	if (sys->supervisor->tid != (pid_t)syscall(SYS_gettid))
		return false;
	ps = psock_by_cookie(sys, cookie);
	f = ps ? sock_flow(ps) : NULL;
	if (f && !cgroup_sock_look(NULL, sock_flow_open(sys, f), &s)) {
		cgroup_sock_close(&s);
		*sk = s.sk;
		found = true;
	}
	psock_put(sys, ps);
	return found;
}

static void changed(struct skep_system *sys)
{
	if (!sys->psocks)
		return;
	psocks_answer(sys, look_at);
	psocks_notify(sys, on_psocks, sys->supervisor);
	if (psocks_wanted(sys) & PSOCKS_RECEIVE && sockmaps_get(sys))
		psocks_each(sys, arm, sys);
	if (sys->sockmaps)
		sock_wake_readers(sys, 0);
}

void sockmap_look(struct skep_system *sys)
{
	struct sockmaps *s = sys->sockmaps;
	VEC(u64) v;

	pthread_mutex_lock(&s->lock);
	v.v = s->v.v;
	v.n = s->v.n;
	v.cap = s->v.cap;
	s->v.v = NULL;
	s->v.n = s->v.cap = 0;
	WRITE_ONCE(s->ready, 0);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < v.n; i++) {
		struct psock *ps = psock_by_cookie(sys, v.v[i]);
		struct sock_flow *f = ps ? sock_flow(ps) : NULL;
		int fd = f && ps->started ? sock_flow_open(sys, f) : -1;

		for (size_t w = 0; w < s->writable.n;)
			if (s->writable.v[w].cookie == v.v[i]) {
				epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->writable.v[w].fd, NULL);
				close(s->writable.v[w].fd);
				s->writable.v[w] = vec_pop(&s->writable);
			} else {
				w++;
			}
		if (fd >= 0) {
			sock_receive(sys, f, fd);
			close(fd);
		}
		sock_wake_readers(sys, v.v[i]);
		psock_put(sys, ps);
	}
	vec_free(&v);
}

static u32 wants(struct skep_system *sys, u32 nr)
{
	u32 wanted = sys->psocks ? psocks_wanted(sys) : 0;

	switch (nr) {
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
		return wanted & PSOCKS_SEND ? WANT_ENTER : 0;
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_ioctl:
		return wanted & PSOCKS_RECEIVE ? WANT_ENTER : 0;
	case SYS_splice:
		return wanted ? WANT_ENTER : 0;
	}
	return 0;
}

/* Past the programs: whoever copies files finds another way when there is none. */
static void refuse_splice(struct task *t, int fd, bool sends)
{
	struct psock *ps = sock_of_task(t, fd);

	if (ps && (sends ? ps->prog[PSOCK_MSG] != NULL : ps->started)) {
		t->call.skip = true;
		t->call.ret = -EINVAL;
	}
	psock_put(t->sys, ps);
}

/* Who asks how much there is to read is not to be told of what is dropped: Linux does that when it arrives. */
static void judge_first(struct task *t, int fd)
{
	struct psock *ps = sock_of_task(t, fd);
	struct sock_flow *f = ps && ps->started && t->sys->sockmaps ? ps->flow : NULL;
	int own = f ? sock_flow_open(t->sys, f) : -1;

	if (own >= 0) {
		sock_receive(t->sys, f, own);
		close(own);
	}
	psock_put(t->sys, ps);
}

static void enter(struct task *t)
{
	if (t->call.compat || t->call.skip || !t->sys->psocks || !psocks_wanted(t->sys))
		return;
	switch (t->call.nr) {
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		sock_send_enter(t);
		break;
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
		sock_read_enter(t);
		break;
	case SYS_ioctl:
		if ((u32)t->call.args[1] == FIONREAD)
			judge_first(t, (int)t->call.args[0]);
		break;
	case SYS_sendfile:
		refuse_splice(t, (int)t->call.args[0], true);
		break;
	case SYS_splice:
		refuse_splice(t, (int)t->call.args[0], false);
		if (!t->call.skip)
			refuse_splice(t, (int)t->call.args[2], true);
		break;
	}
}

/* The loop, and with it the poller, has ended. */
static void stop(struct skep_system *sys)
{
	struct sockmaps *s = sys->sockmaps;

	if (sys->psocks) {
		psocks_answer(sys, NULL);
		psocks_notify(sys, NULL, NULL);
	}
	if (!s)
		return;
	sys->sockmaps = NULL;
	for (size_t i = 0; i < s->writable.n; i++)
		close(s->writable.v[i].fd);
	vec_free(&s->writable);
	vec_free(&s->v);
	close(s->epoll);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

const struct process_source sockmap_source = {
	.name = "sockmap",
	.changed = changed,
	.wants = wants,
	.enter = enter,
	.stop = stop,
};
