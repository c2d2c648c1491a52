/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The supervisor's life: a process that shares the memory and the descriptors of the
 * program that made the system, but is another thread group. So stops of what it traces
 * are reported to it alone, and the host program's waitpid() never meets them.
 *
 * A thread of the host program gives it what libc needs of a thread (its TLS, its
 * stack) and does nothing any more but wait for its end. That end, by whatever means, is
 * thus known at once.
 *
 * The loop sleeps in wait4() only: one call for each stop. Everything else is a signal to
 * it, which sets a word; the wait looks at the word and begins to wait in one step, as
 * the signal's handler sees to (doorbell_handler()).
 */
#include "event/lsm.h"
#include "event/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "base/mem.h"
#include "event/sockmap.h"
#include "object/arena.h"
#include "object/platform.h"

#define STACK_SIZE   (8UL << 20)
#define STACK_PARKED (256UL << 10) /* of it, for the thread that waits */
#define DOORBELL     SIGUSR1
#define ALARM	     SIGALRM
#define HOST_DIED    SIGTERM
#define BATCH	     64
#define GIVE_UP_NS   3000000000ULL
/* The host may have died with a lock in its hand, libc's even, for which the loop then waits. */
#define LAST_RESORT_S 10

struct request {
	struct request *next;
	int (*fn)(struct supervisor *sv, void *arg);
	void *arg;
	int ret;
	u32 done; /* futex */
};

u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ULL + (u64)ts.tv_nsec;
}

/* ---- waiting for words: both sides have one address space ---- */

void word_wait(u32 *word, u32 value, int timeout_ms)
{
	struct timespec ts = { timeout_ms / 1000, (timeout_ms % 1000) * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ms < 0 ? NULL : &ts, NULL, 0);
}

void word_wake(u32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* ---- the doorbell ---- */

/* The loop's own: there is one in a process, and the handler has no argument. */
static __thread struct supervisor *current_supervisor __attribute__((tls_model("initial-exec")));

extern char supervisor_wait_begin[], supervisor_wait_end[], supervisor_wait_rung[];
/* wait4(-1, @status, @options, NULL), or -EINTR if *@rung is set or becomes so. */
long supervisor_wait4(u32 *rung, int *status, int options);

__asm__(".text\n"
	".type supervisor_wait4, @function\n"
	".hidden supervisor_wait4, supervisor_wait_begin, supervisor_wait_end\n"
	".hidden supervisor_wait_rung\n"
	".globl supervisor_wait4, supervisor_wait_begin, supervisor_wait_end\n"
	".globl supervisor_wait_rung\n"
	"supervisor_wait4:\n"
	"	mov %rdi, %r8\n"
	"	mov $-1, %rdi\n"
	"	mov %edx, %edx\n"
	"	xor %r10d, %r10d\n"
	"	mov $61, %eax\n"
	"supervisor_wait_begin:\n"
	"	cmpl $0, (%r8)\n"
	"	jne supervisor_wait_rung\n"
	"	syscall\n"
	"supervisor_wait_end:\n"
	"	ret\n"
	"supervisor_wait_rung:\n"
	"	mov $-4, %rax\n"
	"	ret\n"
	".size supervisor_wait4, . - supervisor_wait4\n");

/* Of this thread group, whose memory the host goes on using: nothing of libc's exit(). */
static void __attribute__((noreturn)) end_self(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

static void doorbell_handler(int sig, siginfo_t *info, void *context)
{
	struct supervisor *sv = current_supervisor;
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (sig == HOST_DIED) {
		WRITE_ONCE(sv->host_died, 1);
		sv->last_resort = monotonic_ns() + LAST_RESORT_S * 1000000000ULL;
		alarm(LAST_RESORT_S + 1);
	} else if (sig == ALARM && sv->host_died && monotonic_ns() >= sv->last_resort) {
		end_self();
	} else if (sig == ALARM)
		WRITE_ONCE(sv->alarmed, 1);
	WRITE_ONCE(sv->rung, 1);
	/* Between its look and its call: it is not to sleep. */
	if ((char *)regs[REG_RIP] >= supervisor_wait_begin &&
	    (char *)regs[REG_RIP] < supervisor_wait_end)
		regs[REG_RIP] = (greg_t)supervisor_wait_rung;
}

void supervisor_ring(struct supervisor *sv)
{
	if (!__atomic_exchange_n(&sv->rung, 1, __ATOMIC_SEQ_CST))
		syscall(SYS_tgkill, sv->tid, sv->tid, DOORBELL);
}

bool supervisor_alive(const struct supervisor *sv)
{
	return load_acquire(&sv->state) == SUPERVISOR_RUNNING;
}

int supervisor_call(struct supervisor *sv, int (*fn)(struct supervisor *sv, void *arg), void *arg)
{
	struct request r = { .fn = fn, .arg = arg }, *head;

	if (current_supervisor == sv) /* a callback of ours */
		return fn(sv, arg);
	if (!supervisor_alive(sv) || sv->host != getpid())
		return -ECHILD;
	head = READ_ONCE(sv->requests);
	do {
		r.next = head;
	} while (!__atomic_compare_exchange_n(&sv->requests, &head, &r, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	supervisor_ring(sv);
	while (!load_acquire(&r.done)) {
		if (!supervisor_alive(sv))
			return load_acquire(&r.done) ? r.ret : -ECHILD;
		word_wait(&r.done, 0, 100); /* it may be killed now */
	}
	return r.ret;
}

static void answer_requests(struct supervisor *sv)
{
	struct request *r = __atomic_exchange_n(&sv->requests, NULL, __ATOMIC_SEQ_CST);
	struct request *ordered = NULL, *next;

	for (; r; r = next) {
		next = r->next;
		r->next = ordered;
		ordered = r;
	}
	for (r = ordered; r; r = next) {
		next = r->next;
		r->ret = r->fn(sv, r->arg);
		store_release(&r->done, 1); /* *r is the host's again, and gone soon */
		word_wake(&r->done);
	}
}

/* ---- timers ---- */

void supervisor_rearm(struct supervisor *sv)
{
	struct itimerspec spec = { 0 };
	u64 due = 0;

	for (size_t i = 0; i < sv->timers.n; i++)
		if (!due || sv->timers.v[i].due < due)
			due = sv->timers.v[i].due;
	if (sv->sweep_due)
		due = due ? min(due, sv->sweep_due) : sv->sweep_due;
	if (sv->give_up_due)
		due = due ? min(due, sv->give_up_due) : sv->give_up_due;
	if (!sv->timer_made) {
		struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = ALARM };

		if (!due || timer_create(CLOCK_MONOTONIC, &event, &sv->timer))
			return;
		sv->timer_made = true;
	}
	spec.it_value.tv_sec = (time_t)(due / 1000000000ULL);
	spec.it_value.tv_nsec = (long)(due % 1000000000ULL);
	timer_settime(sv->timer, TIMER_ABSTIME, &spec, NULL);
}

int tracer_timer(struct skep_system *sys, u64 ns, void (*fn)(struct skep_system *sys, void *arg),
		 void *arg)
{
	struct supervisor *sv = sys->supervisor;
	struct supervisor_timer *t = NULL;
	int err = 0;

	if (!sv)
		return -ESRCH;
	for (size_t i = 0; i < sv->timers.n && !t; i++)
		if (sv->timers.v[i].fn == fn && sv->timers.v[i].arg == arg)
			t = &sv->timers.v[i];
	if (t && !ns) {
		*t = sv->timers.v[--sv->timers.n];
	} else if (t) {
		t->ns = ns;
		t->due = monotonic_ns() + ns;
	} else if (ns) {
		struct supervisor_timer new = { ns, monotonic_ns() + ns, fn, arg };

		err = vec_push(&sv->timers, new);
	}
	supervisor_rearm(sv);
	return err;
}

static void run_timers(struct supervisor *sv)
{
	u64 now = monotonic_ns();

	for (size_t i = 0; i < sv->timers.n; i++) {
		struct supervisor_timer *t = &sv->timers.v[i];

		if (t->due > now)
			continue;
		/* What was missed meanwhile is not made up for. */
		t->due = max(t->due + t->ns, now);
		t->fn(sv->sys, t->arg); /* may change the timers */
	}
	if (sv->give_up_due && sv->give_up_due <= now)
		end_self();
	if (sv->sweep_due && sv->sweep_due <= now) {
		sv->sweep_due = 0;
		tracer_sweep(sv);
	}
	supervisor_rearm(sv);
}

/* ---- the loop ---- */

/* The program that watched is gone: what it started ends, what it only watched goes on. */
static void host_is_gone(struct supervisor *sv)
{
	u32 n = 0;
	char line[128];
	int len;

	if (sv->leaving)
		return;
	sv->leaving = true;
	len = snprintf(line, sizeof(line),
		       "skep: process %d, which watched them, has ended: ending what it started\n",
		       (int)sv->host);
	/* Whatever does not end as it should: our own end settles it (PTRACE_O_EXITKILL). */
	sv->give_up_due = monotonic_ns() + GIVE_UP_NS;
	supervisor_rearm(sv);
	for (struct skep_process *p = sv->trees; p; p = p->next) {
		if (!p->nr_tasks)
			continue;
		if (p->spawned) {
			if (p->message_fd < 0)
				n++;
			else if (!sv->quitting)
				(void)!write(p->message_fd, line, (size_t)len);
			tree_kill(sv, p, SIGKILL);
		} else {
			tree_leave(sv, p);
		}
	}
	if (load_acquire(&sv->orphaned) && !sv->quitting)
		sv->orphaned(sv->orphaned_arg, line);
	if (!n || sv->quitting)
		return;
	(void)!write(STDERR_FILENO, line, (size_t)len);
}

static void look_around(struct supervisor *sv)
{
	WRITE_ONCE(sv->rung, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(sv->host_died))
		host_is_gone(sv);
	if (__atomic_exchange_n(&sv->hooks_changed, 0, __ATOMIC_SEQ_CST))
		tracer_update_wants(sv);
	if (__atomic_exchange_n(&sv->works_new, 0, __ATOMIC_SEQ_CST))
		task_work_tell(sv);
	if (READ_ONCE(sv->decided))
		decide_look(sv);
	if (sv->sys->sockmaps && load_acquire(&sv->sys->sockmaps->ready))
		sockmap_look(sv->sys);
	answer_requests(sv);
	if (__atomic_exchange_n(&sv->alarmed, 0, __ATOMIC_SEQ_CST))
		run_timers(sv);
}

/* Handles what other waits have found, then what arrives. */
static void handle_stops(struct supervisor *sv)
{
	long pid;
	int status;

	while (sv->pending.n) {
		struct stray s = sv->pending.v[0];

		memmove(&sv->pending.v[0], &sv->pending.v[1],
			--sv->pending.n * sizeof(sv->pending.v[0]));
		tracer_handle(sv, s.pid, s.status);
	}
	pid = supervisor_wait4(&sv->rung, &status, __WALL);
	if (pid == -ECHILD) {
		if (sv->leaving)
			end_self();
		tracer_nobody_left(sv);
		word_wait(&sv->rung, 0, -1);
	}
	if (pid <= 0)
		return;
	if (tasks_count(sv->sys) <= 4) {
		tracer_handle(sv, (pid_t)pid, status);
		return;
	}
	/* Linux offers the first of its list that has stopped: be fair to the others. */
	struct stray batch[BATCH] = { { (pid_t)pid, status, 0 } };
	u32 n = 1;

	while (n < BATCH) {
		pid = supervisor_wait4(&sv->rung, &status, __WALL | WNOHANG);
		if (pid <= 0)
			break;
		batch[n++] = (struct stray){ (pid_t)pid, status, 0 };
	}
	for (u32 i = 0; i < n; i++)
		tracer_handle(sv, batch[i].pid, batch[i].status);
}

/* Trees that have been gathered, to be let go. */
static void let_go(struct supervisor *sv)
{
	struct skep_process *next;

	for (struct skep_process *p = sv->trees; p; p = next) {
		next = p->next;
		if (p->leaving)
			tree_check_left(p);
	}
}

static void join_rseq(void)
{
#ifdef RSEQ_SIG
	/* The parked thread's area, which Linux does not write while that thread sleeps. */
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 0,
			RSEQ_SIG);
#endif
}

static int __attribute__((noreturn)) supervisor_main(void *arg)
{
	static const int bells[] = { DOORBELL, ALARM, HOST_DIED };
	struct supervisor *sv = arg;
	struct sigaction sa = { .sa_flags = SA_SIGINFO };
	sigset_t mask;

	current_supervisor = sv;
	sv->tid = (pid_t)syscall(SYS_gettid);
	prctl(PR_SET_NAME, "skep-supervisor");
	join_rseq();
	/* The terminal's signals are for the processes, not for us. */
	setpgid(0, 0);
	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sa.sa_sigaction = doorbell_handler;
	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(bells); i++) {
		sigaction(bells[i], &sa, NULL);
		sigdelset(&mask, bells[i]);
	}
	/* Stops need no signal. */
	sa = (struct sigaction){ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	sigaction(SIGCHLD, &sa, NULL);
	sigdelset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	prctl(PR_SET_PDEATHSIG, HOST_DIED);
	if (getppid() != sv->host)
		end_self();
	store_release(&sv->state, SUPERVISOR_RUNNING);
	word_wake(&sv->state);
	for (;;) {
		if (READ_ONCE(sv->rung))
			look_around(sv);
		if (sv->leaving && !tasks_count(sv->sys) && (sv->quitting || sv->host_died))
			end_self();
		handle_stops(sv);
		let_go(sv);
	}
}

/* ---- the host's side ---- */

/* The supervisor has been killed: what it held is free again, and everybody is to know. */
static void after_death(struct supervisor *sv)
{
	struct skep_system *sys = sv->sys;

	/* It had this thread's name. */
	relock_break(&sys->lock);
	relock_break(&sys->world_lock);
	arena_recover_slots(sys->arena);
	store_release(&sv->state, SUPERVISOR_ENDED);
	word_wake(&sv->state);
	pthread_mutex_lock(&sv->host_lock);
	for (struct skep_process *p = sv->all; p; p = p->next_all) {
		__atomic_fetch_add(&p->seq, 1, __ATOMIC_SEQ_CST);
		word_wake(&p->seq);
		eventfd_write(p->event_fd, 1);
	}
	pthread_mutex_unlock(&sv->host_lock);
}

static void *park(void *arg)
{
	struct supervisor *sv = arg;
	char *stack = (char *)__builtin_frame_address(0) - STACK_PARKED;
	siginfo_t info;
	int pid;

	/* No platform function before this: what they cache of the thread is to be the loop's. */
	pid = clone(supervisor_main, (void *)round_down((u64)stack, 64), CLONE_VM | CLONE_FILES,
		    sv);
	if (pid < 0) {
		sv->last_error = -errno;
		store_release(&sv->state, SUPERVISOR_ENDED);
		word_wake(&sv->state);
		return NULL;
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | __WCLONE) < 0 && errno == EINTR)
		;
	after_death(sv);
	return NULL;
}

static void on_hooks_changed(void *arg)
{
	struct supervisor *sv = arg;

	WRITE_ONCE(sv->hooks_changed, 1);
	supervisor_ring(sv);
}

static int quit(struct supervisor *sv, void *arg)
{
	(void)arg;
	sv->quitting = true;
	host_is_gone(sv);
	return 0;
}

/* skep_system_free(): ends what is still watched. */
struct asked {
	int (*fn)(struct skep_system *sys, void *arg);
	void *arg;
};

static int answer(struct supervisor *sv, void *arg)
{
	const struct asked *a = arg;

	return a->fn(sv->sys, a->arg);
}

static int supervisor_ask(struct skep_system *sys, int (*fn)(struct skep_system *sys, void *arg),
			  void *arg)
{
	struct asked a = { fn, arg };

	return sys->supervisor ? supervisor_call(sys->supervisor, answer, &a) : -ECHILD;
}

static void supervisor_stop(struct skep_system *sys)
{
	struct supervisor *sv = sys->supervisor;

	if (!sv)
		return;
	if (sv->host == getpid()) { /* not in a forked copy, which has none */
		hooks_notify(sys, NULL, NULL);
		if (sv->parked) {
			supervisor_call(sv, quit, NULL);
			pthread_join(sv->parked, NULL);
		}
		/* Those that are left have died with it. */
		for (struct skep_process *p = sv->all; p; p = p->next_all)
			p->sv = NULL;
	}
	for (const struct process_source *const *s = process_sources; *s; s++)
		if ((*s)->stop)
			(*s)->stop(sys);
	sys->supervisor = NULL; /* the loop, which looks at it, has ended */
	tasks_stop(sys);
	decide_stop(sv);
	vec_free(&sv->timers);
	vec_free(&sv->pending);
	vec_free(&sv->strays);
	pthread_mutex_destroy(&sv->host_lock);
	mem_free(sv);
}

int supervisor_start(struct skep_system *sys)
{
	struct supervisor *sv = sys->supervisor;
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	if (sv && sv->host == getpid()) {
		if (supervisor_alive(sv))
			return 0;
		return -ECHILD; /* its trees have ended with it; a system has one */
	}
	if (sv)
		return -ECHILD; /* a forked copy of the host */
	sv = mem_zalloc(sizeof(*sv));
	if (!sv)
		return -ENOMEM;
	sv->sys = sys;
	sv->host = getpid();
	pthread_mutex_init(&sv->host_lock, NULL);
	sys->supervisor = sv;
	sys->supervisor_take_fd = decide_take_fd;
	sys->supervisor_as_task = decide_as_task;
	sys->supervisor_as_self = decide_as_self;
	sys->supervisor_stop = supervisor_stop;
	sys->supervisor_ask = supervisor_ask;
	sys->security = lsm_bpf_ask;
	task_work_start(sv);
	err = tasks_start(sys);
	if (err)
		goto out;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&sv->parked, &attr, park, sv);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		sv->parked = 0;
		goto out;
	}
	while (load_acquire(&sv->state) == SUPERVISOR_STARTING)
		word_wait(&sv->state, SUPERVISOR_STARTING, 1000);
	if (supervisor_alive(sv)) {
		hooks_notify(sys, on_hooks_changed, sv);
		WRITE_ONCE(sv->hooks_changed, 1);
		supervisor_ring(sv);
		return 0;
	}
	err = sv->last_error ? sv->last_error : -ECHILD;
out:
	supervisor_stop(sys);
	return err;
}
