/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A stopped task's descriptors and identity, and the threads that make calls in its place
 * (decide.h).
 *
 * Workers are threads of the supervisor, so the loop alone traces. A signal for the task while a worker
 * waits in its place is not told by Linux (the task has stopped already): as long as somebody
 * waits, the pending signals are looked at every 20 ms.
 */
#include "event/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/supervisor.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define PIDFD_THREAD_FLAG O_EXCL /* since 6.9 */
#define ERESTARTSYS	  512
#define LOOK_NS		  20000000ULL
#define INTERRUPT	  SIGUSR2
#define WORKER_STACK	  (256UL << 10)
#define RED_ZONE	  128

struct decide_worker {
	struct decide_worker *next; /* of the idle ones */
	struct supervisor *sv;
	pid_t tid;
	u32 word; /* futex: 1: .job is there */
	struct decide_work *job;
};

/* ---- descriptors ---- */

/* What the task needs to send one of its descriptors by a socket, below its stack for that moment. */
struct sending {
	struct msghdr msg;
	struct iovec iov;
	struct sockaddr_un to;
	char byte;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

/* It sends @fd to @to. 0 or -errno. */
static long send_in_task(struct task *t, int fd, const struct sockaddr_un *to, socklen_t len,
			 u64 at)
{
	struct sending s = { .to = *to };
	long sock, ret;

	s.msg = (struct msghdr){ .msg_name = (void *)(at + offsetof(struct sending, to)),
				 .msg_namelen = len,
				 .msg_iov = (void *)(at + offsetof(struct sending, iov)),
				 .msg_iovlen = 1,
				 .msg_control = (void *)(at + offsetof(struct sending, control)),
				 .msg_controllen = sizeof(s.control) };
	s.iov = (struct iovec){ (void *)(at + offsetof(struct sending, byte)), 1 };
	s.control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&s.control.head), &fd, sizeof(fd));
	if (task_write(t, at, &s, sizeof(s)))
		return -EFAULT;
	sock = tracer_inject(t, SYS_socket, (const u64[6]){ AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC });
	if (sock < 0)
		return sock;
	ret = tracer_inject(t, SYS_sendmsg,
			    (const u64[6]){ (u64)sock, at + offsetof(struct sending, msg),
					    MSG_DONTWAIT | MSG_NOSIGNAL });
	tracer_inject(t, SYS_close, (const u64[6]){ (u64)sock });
	return ret < 0 ? ret : 0;
}

/* Where pidfd_getfd() is forbidden: the task sends it to a socket of ours with an abstract name. */
static int take_by_socket(struct task *t, int fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(to);
	struct sending s = { .iov = { &s.byte, 1 } };
	const struct user_regs_struct *regs;
	char before[sizeof(s)];
	int sock, copy = -EPERM;
	long ret = -EPERM;
	u64 at;

	/* It stands still at a call, and we are who may continue it. */
	if ((t->trace->kind != STOP_SECCOMP && t->trace->kind != STOP_ENTRY &&
	     t->trace->kind != STOP_EXIT) ||
	    t->sys->supervisor->tid != (pid_t)syscall(SYS_gettid))
		return -EPERM;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -EPERM;
	regs = task_regs(t);
	if (!regs || bind(sock, (struct sockaddr *)&to, sizeof(to.sun_family)) ||
	    getsockname(sock, (struct sockaddr *)&to, &len))
		goto out;
	at = round_down(regs->rsp - RED_ZONE - sizeof(before), 16);
	if (task_read(t, before, at, sizeof(before)))
		goto out;
	ret = send_in_task(t, fd, &to, len, at);
	if (ret != -ESRCH)
		task_write(t, at, before, sizeof(before));
	s.msg = (struct msghdr){ .msg_iov = &s.iov,
				 .msg_iovlen = 1,
				 .msg_control = &s.control,
				 .msg_controllen = sizeof(s.control) };
	if (!ret && recvmsg(sock, &s.msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) >= 0 &&
	    s.control.head.cmsg_type == SCM_RIGHTS &&
	    s.control.head.cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&copy, CMSG_DATA(&s.control.head), sizeof(copy));
out:
	close(sock);
	return ret == -EBADF ? -EBADF : copy;
}

int decide_take_fd(struct task *t, int fd)
{
	pid_t tid = (pid_t)t->bpf.tid, tgid = (pid_t)t->bpf.tgid;
	bool own = tid != tgid && syscall(SYS_kcmp, tid, tgid, KCMP_FILES, 0, 0) != 0;
	int pidfd, copy;

	if (fd < 0)
		return -EBADF;
	/* pidfd_getfd() goes to the leader's table, which a thread may have left. */
	pidfd = (int)syscall(SYS_pidfd_open, own ? tid : tgid, own ? PIDFD_THREAD_FLAG : 0);
	if (pidfd < 0)
		return take_by_socket(t, fd);
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (copy < 0)
		copy = errno == EBADF ? -EBADF : take_by_socket(t, fd);
	close(pidfd);
	return copy;
}

int decide_take_dir(struct task *t, int fd)
{
	char path[64];
	int copy, err;

	if (fd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%u/cwd", t->bpf.tid);
	else
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, fd);
	if (fd < 0 && fd != AT_FDCWD)
		return -EBADF;
	decide_pause(t);
	copy = open(path, O_PATH | O_CLOEXEC);
	err = errno;
	decide_unpause(t);
	errno = err;
	if (copy < 0)
		return errno == ENOENT && fd != AT_FDCWD ? -EBADF : -errno;
	return copy;
}

struct passing {
	int pair[2];
	struct msghdr msg;
	struct iovec iov;
	char byte;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

/* Sends @fd by the socket @sock of ours. */
static int send_fd(int sock, int fd)
{
	struct passing p = { .msg = { .msg_iov = &p.iov,
				      .msg_iovlen = 1,
				      .msg_control = &p.control,
				      .msg_controllen = sizeof(p.control) },
			     .iov = { &p.byte, 1 } };

	p.control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&p.control.head), &fd, sizeof(fd));
	return sendmsg(sock, &p.msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The task receives what waits at its end of a pair. */
static long receive(struct task *t, struct passing *p, u64 at, bool cloexec)
{
	const u64 args[6] = { (u64)p->pair[1], at + offsetof(struct passing, msg),
			      MSG_DONTWAIT | (cloexec ? (u64)MSG_CMSG_CLOEXEC : 0) };
	long ret;
	int fd;

	p->msg = (struct msghdr){
		.msg_iov = (void *)(at + offsetof(struct passing, iov)),
		.msg_iovlen = 1,
		.msg_control = (void *)(at + offsetof(struct passing, control)),
		.msg_controllen = sizeof(p->control),
	};
	p->iov = (struct iovec){ (void *)(at + offsetof(struct passing, byte)), 1 };
	if (task_write(t, at, p, sizeof(*p)))
		return -EFAULT;
	ret = tracer_inject(t, SYS_recvmsg, args);
	if (ret < 0)
		return ret;
	if (task_read(t, p, at, sizeof(*p)) || p->control.head.cmsg_type != SCM_RIGHTS ||
	    p->control.head.cmsg_len != CMSG_LEN(sizeof(int)))
		return -EMFILE; /* no room for it in the table */
	memcpy(&fd, CMSG_DATA(&p->control.head), sizeof(fd));
	return fd;
}

/* Through a pair of sockets of the task's, one end of which we borrow. */
static long give_by_socket(struct task *t, int fd, bool cloexec, u64 at)
{
	struct passing p = { .pair = { -1, -1 } };
	u64 args[6] = { AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, at };
	long there, low, err;
	int sock;

	if (task_write(t, at, &p, sizeof(p)))
		return -EFAULT;
	err = tracer_inject(t, SYS_socketpair, args);
	if (err < 0)
		return err;
	if (task_read(t, p.pair, at, sizeof(p.pair)))
		return -EFAULT;
	sock = decide_take_fd(t, p.pair[0]);
	there = sock < 0 ? sock : send_fd(sock, fd);
	if (sock >= 0)
		close(sock);
	if (!there)
		there = receive(t, &p, at, cloexec);
	for (int i = 0; i < 2; i++)
		tracer_inject(t, SYS_close, (const u64[6]){ (u64)p.pair[i] });
	if (there < 0)
		return there;
	/* The lowest number, which the pair had. */
	low = tracer_inject(t, SYS_fcntl,
			    (const u64[6]){ (u64)there, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0 });
	if (low < 0)
		return there;
	if (low < there) {
		tracer_inject(t, SYS_close, (const u64[6]){ (u64)there });
		return low;
	}
	tracer_inject(t, SYS_close, (const u64[6]){ (u64)low });
	return there;
}

int decide_give_fd(struct task *t, int fd, bool cloexec)
{
	const struct user_regs_struct *regs = task_regs(t);
	char before[sizeof(struct passing)];
	long there = -ESRCH;
	u64 at;

	if (regs) {
		at = round_down(regs->rsp - RED_ZONE - sizeof(before), 16);
		there = task_read(t, before, at, sizeof(before)) ?
				-EFAULT :
				give_by_socket(t, fd, cloexec, at);
		if (there != -ESRCH && there != -EFAULT)
			task_write(t, at, before, sizeof(before));
	}
	close(fd);
	return (int)there;
}

void decide_return_fd(struct task *t, int fd, bool cloexec)
{
	struct skep_process *p = t->trace->process;

	if (load_acquire(&p->gift) && p->gift(t, fd, cloexec))
		return; /* by the notification that comes next */
	t->call.ret = decide_give_fd(t, fd, cloexec);
	t->call.skip = true;
}

/* ---- memory ---- */

bool decide_memory_shared(const struct task *t)
{
	return t->mm->refs > 1;
}

bool decide_may_change(struct task *t, u64 at, size_t size)
{
	bool shared = true;
	char line[512];
	FILE *f;
	int fd;

	if (decide_memory_shared(t))
		return true;
	if (!size)
		return false;
	fd = task_open_proc(t, "maps");
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while (fgets(line, sizeof(line), f)) {
		unsigned long begin, end;
		char how[5];

		if (sscanf(line, "%lx-%lx %4s", &begin, &end, how) != 3 || at < begin || at >= end)
			continue;
		shared = how[3] != 'p' || at + size > end;
		break;
	}
	fclose(f);
	return shared;
}

/* ---- identity ---- */

/* Those of this thread group, in which threads are others only for a moment. */
static const char *status_of(struct task *t, char *buf, size_t size)
{
	int fd = t ? task_open_proc(t, "status") : open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? buf : NULL;
}

static struct decide_identity *identity_read(struct task *t)
{
	struct decide_identity *who;
	unsigned long long caps;
	u32 uid, gid, n = 0, max = 0;
	char *buf = mem_alloc(65536);
	const char *p, *groups;

	if (!buf || !status_of(t, buf, 65536))
		goto fail;
	p = strstr(buf, "\nUid:");
	if (!p || sscanf(p, "\nUid:\t%*u\t%*u\t%*u\t%u\nGid:\t%*u\t%*u\t%*u\t%u", &uid, &gid) != 2)
		goto fail;
	groups = strstr(buf, "\nGroups:\t");
	p = strstr(buf, "\nCapEff:\t");
	if (!groups || !p || sscanf(p, "\nCapEff:\t%llx", &caps) != 1)
		goto fail;
	groups += 9;
	for (const char *s = groups; *s && *s != '\n'; s++)
		max += *s == ' ';
	who = mem_alloc(sizeof(*who) + (max + 1) * sizeof(u32));
	if (!who)
		goto fail;
	*who = (struct decide_identity){ .fsuid = uid, .fsgid = gid, .caps = caps };
	while (*groups && *groups != '\n') {
		char *end;
		u32 g = (u32)strtoul(groups, &end, 10);

		if (end == groups)
			break;
		who->groups[n++] = g;
		groups = end + strspn(end, " ");
	}
	who->nr_groups = n;
	mem_free(buf);
	return who;
fail:
	mem_free(buf);
	return NULL;
}

/* Capabilities in another user namespace are none here. */
static bool same_user_ns(struct task *t)
{
	char path[48];
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/%u/ns/user", t->bpf.tid);
	return !stat(path, &a) && !stat("/proc/self/ns/user", &b) && a.st_ino == b.st_ino;
}

static bool same_groups(const struct decide_identity *a, const struct decide_identity *b)
{
	return a->nr_groups == b->nr_groups &&
	       !memcmp(a->groups, b->groups, a->nr_groups * sizeof(a->groups[0]));
}

static void set_caps(u64 effective, u64 permitted)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return;
	for (int i = 0; i < 2; i++)
		data[i].effective = (u32)((effective & permitted) >> 32 * i);
	syscall(SYS_capset, &head, data);
}

/* Of this thread alone: the calls themselves, not libc's, which are for all threads. */
static int assume(const struct decide_identity *who, const struct decide_identity *self)
{
	if (!same_groups(who, self) && syscall(SYS_setgroups, who->nr_groups, who->groups))
		return -EACCES;
	syscall(SYS_setfsgid, who->fsgid);
	syscall(SYS_setfsuid, who->fsuid);
	if ((u32)syscall(SYS_setfsuid, -1) != who->fsuid ||
	    (u32)syscall(SYS_setfsgid, -1) != who->fsgid)
		return -EACCES;
	set_caps(who->caps, self->caps);
	return 0;
}

static void resume_self(const struct decide_identity *who, const struct decide_identity *self)
{
	set_caps(self->caps, self->caps);
	syscall(SYS_setfsuid, self->fsuid);
	syscall(SYS_setfsgid, self->fsgid);
	if (!same_groups(who, self))
		syscall(SYS_setgroups, self->nr_groups, self->groups);
	set_caps(self->caps, self->caps);
}

static bool same_identity(const struct decide_identity *a, const struct decide_identity *b)
{
	return a->fsuid == b->fsuid && a->fsgid == b->fsgid && same_groups(a, b) &&
	       (a->caps & b->caps) == b->caps;
}

/* NULL: it is ours; -EACCES by *err. The result is kept until it may have changed. */
static const struct decide_identity *identity_of(struct task *t, int *err)
{
	struct supervisor *sv = t->sys->supervisor;
	struct trace_state *tr = t->trace;

	*err = 0;
	if (!sv->self)
		sv->self = identity_read(NULL);
	if (!tr->identity_valid) {
		mem_free(tr->identity);
		tr->identity = identity_read(t);
		tr->identity_valid = tr->identity != NULL;
		if (tr->identity && tr->identity->caps && !same_user_ns(t))
			tr->identity->caps = 0;
	}
	if (!sv->self || !tr->identity) {
		*err = -EACCES;
		return NULL;
	}
	return same_identity(tr->identity, sv->self) ? NULL : tr->identity;
}

int decide_as_task(struct task *t)
{
	struct supervisor *sv = t->sys->supervisor;
	const struct decide_identity *who;
	int err;

	who = identity_of(t, &err);
	if (!who)
		return err;
	err = assume(who, sv->self);
	if (err)
		resume_self(who, sv->self);
	else
		sv->assumed = who;
	return err;
}

void decide_as_self(struct task *t)
{
	struct supervisor *sv = t->sys->supervisor;

	if (sv->assumed)
		resume_self(sv->assumed, sv->self);
	sv->assumed = NULL;
}

void decide_pause(struct task *t)
{
	struct supervisor *sv = t->sys->supervisor;

	if (sv->assumed)
		resume_self(sv->assumed, sv->self);
}

void decide_unpause(struct task *t)
{
	struct supervisor *sv = t->sys->supervisor;

	if (sv->assumed && assume(sv->assumed, sv->self))
		tree_note(t->trace->process, "an identity could not be taken back");
}

void decide_forget(struct task *t)
{
	mem_free(t->trace->identity);
	t->trace->identity = NULL;
	t->trace->identity_valid = false;
}

/* ---- workers ---- */

static void worker_job(struct decide_worker *w)
{
	struct supervisor *sv = w->sv;
	struct decide_work *job = w->job, *head = READ_ONCE(sv->decided);
	int err = job->who ? assume(job->who, sv->self) : 0;

	job->ret = err ? err : job->work(job);
	if (job->who)
		resume_self(job->who, sv->self);
	do {
		job->next_done = head;
	} while (!__atomic_compare_exchange_n(&sv->decided, &head, job, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	supervisor_ring(sv);
}

static void *worker_main(void *arg)
{
	struct decide_worker *w = arg;
	sigset_t mask;

	w->tid = (pid_t)syscall(SYS_gettid);
	sigfillset(&mask);
	sigdelset(&mask, INTERRUPT);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	for (;;) {
		while (!load_acquire(&w->word))
			word_wait(&w->word, 0, -1);
		store_release(&w->word, 0);
		worker_job(w);
	}
	return NULL;
}

static void on_interrupt(int sig)
{
	(void)sig; /* it ends a wait, no more */
}

static struct decide_worker *worker_new(struct supervisor *sv)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	struct decide_worker *w = mem_zalloc(sizeof(*w));
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int err;

	if (!w)
		return NULL;
	w->sv = sv;
	sigaction(INTERRUPT, &sa, NULL);
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigprocmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, worker_main, w);
	sigprocmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		mem_free(w);
		return NULL;
	}
	return w;
}

static struct decide_worker *worker_get(struct supervisor *sv)
{
	struct decide_worker *w = sv->idle_workers;

	if (!w)
		return worker_new(sv);
	sv->idle_workers = w->next;
	return w;
}

static void worker_put(struct decide_worker *w)
{
	/* They are few and sleep: none is ended before the supervisor. */
	w->next = w->sv->idle_workers;
	w->sv->idle_workers = w;
}

static void interrupt_work(struct decide_work *w)
{
	pid_t tid = load_acquire(&w->worker->tid);

	w->interrupted = true;
	/* Before it waits this is lost: it is sent again at the next look. */
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, INTERRUPT);
}

/* Pending and neither blocked nor ignored: Linux would end the task's wait. */
static bool signal_waits(struct task *t)
{
	unsigned long long own, shared, blocked, ignored, caught, pending;
	char buf[4096];
	const char *p;

	if (!status_of(t, buf, sizeof(buf)))
		return false;
	p = strstr(buf, "\nSigPnd:");
	if (!p || sscanf(p,
			 "\nSigPnd:\t%llx\nShdPnd:\t%llx\nSigBlk:\t%llx\nSigIgn:\t%llx\n"
			 "SigCgt:\t%llx",
			 &own, &shared, &blocked, &ignored, &caught) != 5)
		return false;
	/* By default these do nothing. */
	ignored |= (1ULL << (SIGCHLD - 1) | 1ULL << (SIGURG - 1) | 1ULL << (SIGWINCH - 1) |
		    1ULL << (SIGCONT - 1)) &
		   ~caught;
	pending = (own | shared) & ~blocked & ~(ignored & ~caught);
	return pending;
}

static void look_at_waits(struct skep_system *sys, void *arg)
{
	struct supervisor *sv = arg;

	(void)sys;
	for (struct decide_work *w = sv->works; w; w = w->next)
		if (w->interrupted || (w->task && signal_waits(w->task)))
			interrupt_work(w);
}

int decide_start(struct task *t, struct decide_work *w)
{
	struct supervisor *sv = t->sys->supervisor;
	const struct decide_identity *who;
	int err;

	who = identity_of(t, &err);
	if (err)
		return err;
	w->who = NULL;
	if (who) {
		w->who = mem_dup(who, sizeof(*who) + who->nr_groups * sizeof(u32));
		if (!w->who)
			return -ENOMEM;
	}
	decide_pause(t); /* a new thread is as the one that makes it */
	w->worker = worker_get(sv);
	decide_unpause(t);
	if (!w->worker) {
		mem_free(w->who);
		return -ENOMEM;
	}
	w->task = t;
	w->sv = sv;
	w->interrupted = false;
	if (!sv->works)
		tracer_timer(sv->sys, LOOK_NS, look_at_waits, sv);
	w->next = sv->works;
	sv->works = w;
	t->trace->work = w;
	w->worker->job = w;
	store_release(&w->worker->word, 1);
	word_wake(&w->worker->word);
	return 0;
}

void decide_look(struct supervisor *sv)
{
	struct decide_work *w = __atomic_exchange_n(&sv->decided, NULL, __ATOMIC_SEQ_CST), *next;

	for (; w; w = next) {
		struct task *t = w->task;

		next = w->next_done;
		for (struct decide_work **p = &sv->works; *p; p = &(*p)->next)
			if (*p == w) {
				*p = w->next;
				break;
			}
		worker_put(w->worker);
		mem_free(w->who);
		w->who = NULL;
		if (t)
			t->trace->work = NULL;
		w->done(t, w);
		if (t && !t->trace->work)
			tracer_decided(t);
	}
	if (!sv->works)
		tracer_timer(sv->sys, 0, look_at_waits, sv);
}

void decide_task_lost(struct task *t)
{
	struct decide_work *w = t->trace->work;

	if (!w)
		return;
	t->trace->work = NULL;
	w->task = NULL;
	interrupt_work(w);
}

void decide_interrupt(struct task *t)
{
	if (t->trace->work)
		interrupt_work(t->trace->work);
}

void decide_return(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
	if (ret == -EINTR && !t->call.compat) {
		t->call.ret = -ERESTARTSYS;
		t->trace->again = true;
	}
}

/*
 * The call has been skipped; to Linux it is one that was interrupted. It looks at that on the way of a
 * signal only, which another thread may have taken meanwhile.
 */
void decide_exit(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);

	t->trace->again = false;
	if (!regs)
		return;
	regs->orig_rax = t->call.nr;
	regs->rax = (u64)-ERESTARTSYS;
	t->regs_changed = true;
	ptrace(PTRACE_INTERRUPT, (pid_t)t->bpf.tid, NULL, NULL);
}

void decide_stop(struct supervisor *sv)
{
	struct decide_worker *w, *next;

	for (w = sv->idle_workers; w; w = next) { /* their threads have ended with the loop */
		next = w->next;
		mem_free(w);
	}
	mem_free(sv->self);
}
