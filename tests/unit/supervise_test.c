/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Supervised processes behave as without us, and none of their events is lost. The sources
 * of the library are replaced by one of the test's own, which counts and interferes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/process.h"
#include "event/supervisor.h"
#include "hook/internal.h"
#include "skep/skep.h"
#include "tests/lib/system_fixture.h"

/* ---- the source ---- */

static struct {
	u8 wants[CALLS_OTHER + 1];
	bool wants_signals;
	u32 enters, exits, forks, execs, dying, gone, signals, traps, unpaired;
	u64 fork_flags;
	u32 nr_of[CALLS_OTHER + 1];
	s64 last_ret[CALLS_OTHER + 1];
	void (*on_enter)(struct task *t);
	void (*on_exit)(struct task *t);
	void (*on_exec)(struct task *t, pid_t old_tid);
	bool (*on_trap)(struct task *t, const siginfo_t *info);
	siginfo_t last_signal;
} seen;

static u32 src_wants(struct skep_system *sys, u32 nr)
{
	(void)sys;
	return seen.wants[nr];
}

static bool src_wants_signals(struct skep_system *sys)
{
	(void)sys;
	return seen.wants_signals;
}

static void src_enter(struct task *t)
{
	seen.enters++;
	seen.nr_of[t->call.nr < CALLS_OTHER && !t->call.compat ? t->call.nr : CALLS_OTHER]++;
	if (seen.on_enter)
		seen.on_enter(t);
}

static void src_exit(struct task *t)
{
	seen.exits++;
	if (t->call.nr < CALLS_OTHER && !t->call.compat)
		seen.last_ret[t->call.nr] = t->call.ret;
	if (seen.on_exit)
		seen.on_exit(t);
}

static void src_fork(struct task *t, struct task *child, u64 flags)
{
	seen.forks++;
	seen.fork_flags = flags;
	/* Both are stopped: their registers can be read. */
	if (!task_regs(t) || !task_regs(child))
		seen.unpaired++;
	if (!(flags & CLONE_THREAD) && child->leader != child)
		seen.unpaired++;
	if ((flags & CLONE_THREAD) && child->leader != t->leader)
		seen.unpaired++;
}

static void src_exec(struct task *t, pid_t old_tid)
{
	if (seen.on_exec)
		seen.on_exec(t, old_tid);
	if (t->leader != t || t->bpf.tid != t->bpf.tgid)
		seen.unpaired++;
	seen.execs++;
}

static void src_exiting(struct task *t, int status)
{
	(void)t, (void)status;
	seen.dying++;
}

static void src_gone(struct task *t)
{
	(void)t;
	seen.gone++;
}

static void src_signal(struct task *t, const siginfo_t *info)
{
	(void)t;
	seen.signals++;
	seen.last_signal = *info;
}

static bool src_trap(struct task *t, const siginfo_t *info)
{
	seen.traps++;
	return seen.on_trap && seen.on_trap(t, info);
}

static const struct process_source source = {
	.name = "test",
	.wants = src_wants,
	.wants_signals = src_wants_signals,
	.enter = src_enter,
	.exit = src_exit,
	.fork = src_fork,
	.exec = src_exec,
	.exiting = src_exiting,
	.gone = src_gone,
	.signal = src_signal,
	.trap = src_trap,
};
const struct process_source *const process_sources[] = { &source, NULL };

/* ---- helpers ---- */

static char self[4096];
static struct skep_system *sys;

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	sys = system_for(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (sys && sys->supervisor && sys->supervisor->untold)
		fail_msg("the ends of %u tasks were lost", sys->supervisor->untold);
	skep_system_free(sys);
	return 0;
}

static void want_all(u8 what)
{
	memset(seen.wants, what, sizeof(seen.wants));
}

static struct skep_process *spawn(char *const argv[])
{
	struct skep_process *p = NULL;
	char error[256] = "";
	int err = skep_spawn(sys, argv[0], argv, NULL, &p, error, sizeof(error));

	if (err)
		fail_msg("%s: %d %s", argv[0], err, error);
	return p;
}

static int finish(struct skep_process *p)
{
	int status = -1;

	assert_int_equal(skep_process_wait(p, true, 60000, &status), 0);
	skep_process_free(p);
	return status;
}

static int supervised(char *const argv[])
{
	return finish(spawn(argv));
}

static int unsupervised(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define SELF(mode) ((char *[]){ self, "--child", (mode), NULL })
#define SH(text)   ((char *[]){ "sh", "-c", (text), NULL })

static void ms(int n)
{
	struct timespec ts = { n / 1000, (n % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* ---- what the children do ---- */

static volatile sig_atomic_t caught;
static int told[2];		       /* a pipe for who waits for a signal to be caught */
static volatile siginfo_t caught_info; /* kill() is declared not to call us back */

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
	(void)sig, (void)ctx;
	caught++;
	if (told[1] && write(told[1], "x", 1) != 1)
		abort();
	caught_info = *info;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

static void *thread_exits(void *arg)
{
	return arg;
}

static void *thread_execs(void *arg)
{
	(void)arg;
	execl("/bin/sh", "sh", "-c", "exit 23", NULL);
	_exit(1);
}

static void __attribute__((noreturn)) * thread_sleeps(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void *thread_calls(void *arg)
{
	volatile int *stop = arg;

	while (!*stop)
		syscall(SYS_getppid);
	return NULL;
}

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static int child_threads(void)
{
	pthread_t t[8];
	void *ret;

	for (int round = 0; round < 20; round++) {
		for (intptr_t i = 0; i < 8; i++)
			if (pthread_create(&t[i], NULL, thread_exits, (void *)(i + 1)))
				return 1;
		for (intptr_t i = 0; i < 8; i++)
			if (pthread_join(t[i], &ret) || ret != (void *)(i + 1))
				return 2;
	}
	return 17;
}

static int child_vfork(void)
{
	volatile int i;
	int status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = vfork();
		if (!pid)
			_exit(i);
		if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != i)
			return 1;
		pid = vfork();
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(9);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	return 18;
}

/* Blocking calls that a signal interrupts, with and without SA_RESTART. */
static int child_restart(void)
{
	struct itimerval once = { .it_value.tv_usec = 30000 };
	/* Far more than a machine under load lets pass before the signal comes. */
	struct timespec half = { 0, 100000000 }, long_time = { 60, 0 }, rem = { 0 };
	struct pollfd none;
	int p[2], ep;
	char c;
	u64 start;

	handle(SIGALRM, 0);
	start = now_ms();
	setitimer(ITIMER_REAL, &once, NULL);
	if (nanosleep(&long_time, &rem) != -1 || errno != EINTR || !rem.tv_nsec)
		return 1;
	/* What is left, and what has passed, are the time. */
	if (rem.tv_sec >= 60 || now_ms() - start + (u64)rem.tv_sec * 1000 + 1001 < 60000)
		return 2;
	setitimer(ITIMER_REAL, &once, NULL);
	if (poll(&none, 0, 60000) != -1 || errno != EINTR)
		return 3;
	if (pipe(p))
		return 4;
	setitimer(ITIMER_REAL, &once, NULL);
	if (read(p[0], &c, 1) != -1 || errno != EINTR)
		return 5;
	/* It is written when the signal has come, by another process. */
	handle(SIGALRM, SA_RESTART);
	if (pipe(told))
		return 4;
	if (!fork()) {
		if (read(told[0], &c, 1) != 1)
			_exit(1);
		ms(20);
		_exit(write(p[1], "x", 1) != 1);
	}
	setitimer(ITIMER_REAL, &once, NULL);
	if (read(p[0], &c, 1) != 1)
		return 6;
	ep = epoll_create1(0);
	setitimer(ITIMER_REAL, &once, NULL);
	{
		struct epoll_event ev;

		if (epoll_wait(ep, &ev, 1, 60000) != -1 || errno != EINTR)
			return 7;
	}
	wait(NULL);
	/* SIGSTOP and SIGCONT in the middle of a sleep that goes on for its whole time. */
	if (!fork()) {
		pid_t pid = getppid();

		ms(20);
		kill(pid, SIGSTOP);
		ms(20);
		kill(pid, SIGCONT);
		_exit(0);
	}
	start = now_ms();
	if (nanosleep(&half, NULL))
		return 8;
	if (now_ms() - start < 100)
		return 9;
	wait(NULL);
	return caught == 5 ? 19 : 10;
}

static int child_siginfo(void)
{
	union sigval v = { .sival_int = 4711 };
	sigset_t set, old;

	handle(SIGUSR1, 0);
	handle(SIGTRAP, 0);
	handle(SIGSEGV, SA_NODEFER);
	sigqueue(getpid(), SIGUSR1, v);
	if (caught != 1 || caught_info.si_code != SI_QUEUE || caught_info.si_int != 4711)
		return 1;
	kill(getpid(), SIGTRAP); /* the program's own, not a breakpoint */
	if (caught != 2 || caught_info.si_code != SI_USER || caught_info.si_pid != getpid())
		return 2;
	__asm__ volatile("int3");
	if (caught != 3 || caught_info.si_code != SI_KERNEL)
		return 3;
	/* Blocked signals wait. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	if (caught != 3)
		return 4;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (caught != 4)
		return 5;
	/* sigwaitinfo takes without handler */
	sigprocmask(SIG_BLOCK, &set, &old);
	sigqueue(getpid(), SIGUSR1, v);
	{
		siginfo_t info;

		if (sigwaitinfo(&set, &info) != SIGUSR1 || info.si_int != 4711)
			return 6;
	}
	return 20;
}

static int child_untraced(void)
{
	struct clone_args args = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	int status;
	long pid;

	pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		syscall(SYS_getpgid, 0);
		_exit(3);
	}
	if (waitpid((pid_t)pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
		return 1;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		syscall(SYS_getpgid, 0);
		_exit(4);
	}
	if (waitpid((pid_t)pid, &status, 0) != pid || WEXITSTATUS(status) != 4)
		return 2;
	return 21;
}

static int child_traces(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? errno == EPERM ? 1 : 2 : 3);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == 1 ? 22 : 1;
}

static int child_storm(void)
{
	pid_t parent = getpid(), pid[2];
	int status;

	handle(SIGUSR1, SA_RESTART);
	handle(SIGUSR2, SA_RESTART);
	for (int k = 0; k < 2; k++) {
		pid[k] = fork();
		if (!pid[k]) {
			for (int i = 0; i < 2000; i++)
				kill(parent, k ? SIGUSR1 : SIGUSR2);
			_exit(0);
		}
	}
	for (int k = 0; k < 2; k++)
		if (waitpid(pid[k], &status, 0) != pid[k] || status)
			return 1;
	return caught > 0 ? 24 : 2;
}

static int child_i386(void)
{
	long ret;

	/* getpid of the i386 table; writev of x86-64 */
	__asm__ volatile("int $0x80" : "=a"(ret) : "0"(20L) : "r8", "r9", "r10", "r11", "memory");
	if (ret == -ENOSYS || ret != getpid())
		return 26; /* a kernel without it says so by ENOSYS or a signal */
	return 25;
}

static int child_main(const char *mode)
{
	pthread_t t;

	if (!strcmp(mode, "threads"))
		return child_threads();
	if (!strcmp(mode, "vfork"))
		return child_vfork();
	if (!strcmp(mode, "restart"))
		return child_restart();
	if (!strcmp(mode, "siginfo"))
		return child_siginfo();
	if (!strcmp(mode, "untraced"))
		return child_untraced();
	if (!strcmp(mode, "traces"))
		return child_traces();
	if (!strcmp(mode, "storm"))
		return child_storm();
	if (!strcmp(mode, "i386"))
		return child_i386();
	if (!strcmp(mode, "exec-thread")) {
		pthread_t others[4];

		for (int i = 0; i < 4; i++)
			pthread_create(&others[i], NULL, thread_sleeps, NULL);
		pthread_create(&t, NULL, thread_execs, NULL);
		pthread_join(t, NULL);
		return 1;
	}
	if (!strcmp(mode, "leader-exits")) { /* and a thread execs then */
		pthread_create(&t, NULL, thread_execs, NULL);
		syscall(SYS_exit, 0);
	}
	if (!strcmp(mode, "abort"))
		abort();
	if (!strcmp(mode, "segv"))
		__asm__ volatile("movl $1, 8" ::: "memory");
	if (!strcmp(mode, "getppid")) {
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		return 0;
	}
	if (!strcmp(mode, "busy")) { /* threads that call without end */
		alarm(60);
		static volatile int stop;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, thread_calls, (void *)&stop);
		pthread_create(&t, NULL, thread_sleeps, NULL);
		ms(60000);
		return 0;
	}
	if (!strcmp(mode, "wait-forever"))
		for (;;)
			pause();
	if (!strcmp(mode, "epoll")) {
		struct epoll_event ev;
		int ep = epoll_create1(0), n;

		n = epoll_wait(ep, &ev, 1, 700);
		return n ? n < 0 ? errno : 1 : 27;
	}
	if (!strcmp(mode, "sleep")) {
		struct timespec ts = { 0, 200000000 };

		return clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	if (!strcmp(mode, "int3") || !strcmp(mode, "int3-storm")) {
		bool storm = mode[4];
		pid_t parent = getpid(), pid;
		volatile int sum = 0;
		int sent = 20, status = 0;

		handle(SIGRTMIN, 0); /* queued: each is delivered */
		pid = storm ? fork() : 0;
		if (storm && !pid) {
			for (int i = 0; i < sent; i++)
				sigqueue(parent, SIGRTMIN, (union sigval){ .sival_int = 7 });
			_exit(0);
		}
		__asm__ volatile("int3");
		for (int i = 0; i < 1000; i++)
			sum += i;
		if (sum != 499500)
			return 1;
		if (!storm)
			return 28;
		while (waitpid(pid, &status, 0) < 0)
			;
		for (int i = 0; i < 100 && caught < sent; i++)
			ms(5);
		return caught == sent && caught_info.si_int == 7 ? 29 : 2;
	}
	if (!strcmp(mode, "family")) { /* 6 processes that make others without end */
		pid_t pids[6];

		for (int i = 0; i < 5; i++)
			if (!fork())
				break;
		alarm(30); /* whatever becomes of the test */
		pids[0] = getpid();
		(void)!write(9, pids, sizeof(pids[0]));
		close(9);
		for (;;) {
			pid_t pid = fork();

			if (!pid)
				_exit(0);
			syscall(SYS_getppid);
			waitpid(pid, NULL, 0);
		}
	}
	if (!strcmp(mode, "openat")) {
		int fd = open("/dev/null", O_RDONLY);

		return fd < 0 ? errno : 0;
	}
	return 99;
}

/* ---- tests ---- */

static void test_statuses(void **state)
{
	char *const *commands[] = {
		SH("exit 0"),	 SH("exit 7"),	      SH("kill -9 $$"),	    SH("kill -15 $$"),
		SELF("threads"), SELF("vfork"),	      SELF("restart"),	    SELF("siginfo"),
		SELF("traces"),	 SELF("storm"),	      SELF("abort"),	    SELF("segv"),
		SELF("epoll"),	 SELF("exec-thread"), SELF("leader-exits"), SELF("i386"),
	};
	/* Nothing attached; everything at entry; everything twice; one call; signals, too. */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int expected = 22 << 8; /* is traced already */

		if (strcmp(commands[i][2], "traces"))
			expected = unsupervised(commands[i]);
		bool slow = strcmp(commands[i][1], "-c") && (!strcmp(commands[i][2], "restart") ||
							     !strcmp(commands[i][2], "epoll"));

		for (int how = 0; how < (slow ? 3 : 5); how++) {
			int got;

			memset(&seen, 0, sizeof(seen));
			want_all(how == 1 ? WANT_ENTER : how == 2 ? WANT_ENTER | WANT_EXIT : 0);
			if (how == 3)
				seen.wants[SYS_getpid] = WANT_ENTER | WANT_EXIT;
			seen.wants_signals = how == 4;
			got = supervised(commands[i]);
			if ((got & ~0x80) != (expected & ~0x80)) /* core dumps are the same */
				fail_msg("%s %s, %d: %x, not %x", commands[i][0], commands[i][2],
					 how, got, expected);
			assert_int_equal(seen.unpaired, 0);
			assert_int_equal(seen.dying, seen.gone);
		}
	}
}

/* Every process of 3,000 is seen. */
static void test_many(void **state)
{
	char *text = "i=0; while [ $i -lt 1000 ]; do /bin/true; /bin/true & wait; "
		     "(exit 0) ; i=$((i+1)); done; exit 5";
	struct skep_process_stats st = { .sz = sizeof(st) };
	struct skep_process *p;

	(void)state;
	seen.wants[SYS_execve] = WANT_ENTER | WANT_EXIT;
	p = spawn(SH(text));
	{
		int status;

		assert_int_equal(skep_process_wait(p, true, 120000, &status), 0);
		assert_int_equal(status, 5 << 8);
	}
	skep_process_stats(p, &st);
	skep_process_free(p);
	assert_int_equal(seen.forks, 3000);
	assert_int_equal(seen.execs, 2001);
	assert_int_equal(seen.dying, 3001);
	assert_int_equal(seen.gone, 3001);
	assert_int_equal(seen.enters, 2001);
	assert_int_equal(seen.exits, 2001);
	assert_int_equal(st.tasks, 3001);
	assert_int_equal(seen.unpaired, 0);
}

/* Exactly what was attached to is told, at entry and at exit, with its arguments. */
static void test_calls(void **state)
{
	struct skep_process_stats st = { .sz = sizeof(st) };
	struct skep_process *p;

	(void)state;
	for (int how = 1; how <= 3; how++) {
		memset(&seen, 0, sizeof(seen));
		seen.wants[SYS_getppid] = (u8)how;
		p = spawn(SELF("getppid"));
		assert_int_equal(skep_process_wait(p, true, 60000, NULL), 0);
		skep_process_stats(p, &st);
		skep_process_free(p);
		assert_int_equal(seen.nr_of[SYS_getppid], 1000);
		assert_int_equal(seen.enters, 1000);
		assert_int_equal(seen.exits, how & WANT_EXIT ? 1000 : 0);
		if (how & WANT_EXIT)
			assert_int_equal(seen.last_ret[SYS_getppid], getpid());
		/* One stop for an entry, two for both; few others. */
		assert_in_range(st.stops, how & WANT_EXIT ? 2000 : 1000,
				how & WANT_EXIT ? 2040 : 1040);
	}
}

static void deny_openat(struct task *t)
{
	char path[64];

	if (t->call.nr != SYS_openat || task_read_str(t, path, t->call.args[1], 64) < 0 ||
	    strcmp(path, "/dev/null"))
		return;
	t->call.skip = true;
	t->call.ret = -ENOTTY;
}

static void change_ret(struct task *t)
{
	if (t->call.nr == SYS_getppid)
		t->call.ret = 4711;
	if (t->call.nr == SYS_openat && t->call.ret == -ENOTTY)
		t->call.ret = -EXDEV;
}

/* An override is not executed, and its result is what the program gets; by every way to stop. */
static void test_override(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		memset(&seen, 0, sizeof(seen));
		seen.on_enter = deny_openat;
		if (how == 2)
			want_all(WANT_ENTER | WANT_EXIT);
		seen.wants[SYS_openat] = how ? WANT_ENTER | WANT_EXIT : WANT_ENTER;
		assert_int_equal(supervised(SELF("openat")), ENOTTY << 8);
		seen.on_exit = change_ret;
		if (how)
			assert_int_equal(supervised(SELF("openat")), EXDEV << 8);
	}
}

static u32 nr_getpgid;
static void count_getpgid(struct task *t)
{
	if (t->call.nr == SYS_getpgid)
		nr_getpgid++;
}

/* CLONE_UNTRACED does not hide a task; the x86-64 rows do not match i386 calls. */
static void test_escapes(void **state)
{
	int i386;

	(void)state;
	for (int how = 0; how < 2; how++) {
		memset(&seen, 0, sizeof(seen));
		nr_getpgid = 0;
		seen.on_enter = count_getpgid;
		if (how)
			want_all(WANT_ENTER | WANT_EXIT);
		else
			seen.wants[SYS_getpgid] = WANT_ENTER;
		assert_int_equal(supervised(SELF("untraced")), 21 << 8);
		assert_int_equal(nr_getpgid, 2);
		assert_int_equal(seen.forks, 2);
	}
	memset(&seen, 0, sizeof(seen));
	seen.wants[20] = WANT_ENTER; /* writev; getpid of i386 */
	i386 = supervised(SELF("i386"));
	assert_int_equal(seen.nr_of[20], 0);
	if (i386 != 25 << 8)
		skip(); /* no i386 calls in this kernel */
	want_all(WANT_ENTER);
	assert_int_equal(supervised(SELF("i386")), 25 << 8);
	assert_int_equal(seen.nr_of[CALLS_OTHER], 1);
}

static void test_signals(void **state)
{
	(void)state;
	seen.wants_signals = true;
	assert_int_equal(supervised(SELF("siginfo")), 20 << 8);
	assert_int_equal(seen.signals, 4); /* not the one that sigwaitinfo() took */
	assert_int_equal(seen.traps, 2);
}

/* ---- what sources may do ---- */

static long injected[4];
static u32 nr_injected;

static void inject_here(struct task *t)
{
	u64 map[6] = { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (u64)-1, 0 };
	u64 word = 0, none[6] = { 0 };

	if (t->call.nr != SYS_getppid || nr_injected >= 4)
		return;
	injected[nr_injected] = tracer_inject(t, SYS_mmap, map);
	if (injected[nr_injected] > 0)
		task_read(t, &word, (u64)injected[nr_injected], 8);
	if (word)
		injected[nr_injected] = -1;
	if (tracer_inject(t, SYS_getpid, none) != (long)t->bpf.tgid)
		injected[nr_injected] = -2;
	nr_injected++;
}

static void inject_at_exec(struct task *t, pid_t old_tid)
{
	u64 none[6] = { 0 };

	(void)old_tid;
	injected[0] = tracer_inject(t, SYS_getpid, none);
	nr_injected = 1;
}

static void test_inject(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		memset(&seen, 0, sizeof(seen));
		nr_injected = 0;
		if (how & 2)
			want_all(WANT_ENTER | WANT_EXIT);
		else
			seen.wants[SYS_getppid] = WANT_ENTER | WANT_EXIT;
		if (how & 1)
			seen.on_enter = inject_here;
		else
			seen.on_exit = inject_here;
		assert_int_equal(supervised(SELF("getppid")), 0);
		assert_int_equal(nr_injected, 4);
		for (u32 i = 0; i < 4; i++)
			assert_true(injected[i] > 0);
		/* Injected calls are no events. */
		assert_int_equal(seen.nr_of[SYS_getppid], 1000);
		assert_int_equal(seen.last_ret[SYS_getppid], getpid());
		if (!(how & 2))
			assert_int_equal(seen.exits, 1000);
	}
	memset(&seen, 0, sizeof(seen));
	seen.on_exec = inject_at_exec;
	seen.wants[SYS_execve] = WANT_EXIT;
	for (int how = 0; how < 2; how++) {
		if (how)
			want_all(WANT_ENTER | WANT_EXIT);
		injected[0] = -1;
		seen.nr_of[SYS_execve] = 0;
		assert_int_equal(supervised(SELF("getppid")), 0);
		assert_true(injected[0] > 0);
		assert_int_equal(seen.nr_of[SYS_execve], 1);
		assert_int_equal(seen.last_ret[SYS_execve], 0);
	}
}

static u32 nr_steps, nr_wrong_steps;
static u64 step_from;

/* The program's own breakpoint, then 100 steps behind it. */
static bool step_on(struct task *t, const siginfo_t *info)
{
	struct user_regs_struct *regs = task_regs(t);

	if (!regs)
		return false;
	if (!nr_steps && info->si_code != SI_KERNEL)
		return false;
	if (nr_steps && regs->rip == step_from)
		nr_wrong_steps++;
	step_from = regs->rip;
	if (++nr_steps <= 100)
		tracer_step(t);
	return true;
}

static void test_step(void **state)
{
	(void)state;
	seen.on_trap = step_on;
	nr_steps = nr_wrong_steps = 0;
	assert_int_equal(supervised(SELF("int3")), 28 << 8);
	assert_int_equal(nr_steps, 101);
	assert_int_equal(nr_wrong_steps, 0);
	/* In a storm of signals: none is lost, none is stepped into. */
	nr_steps = nr_wrong_steps = 0;
	assert_int_equal(supervised(SELF("int3-storm")), 29 << 8);
	assert_true(nr_steps >= 101);
}

static u32 nr_interrupted, nr_ticks;

static void at_interruption(struct task *t, void *arg)
{
	(void)arg;
	if (task_regs(t))
		nr_interrupted++;
}

static int interrupt_each(struct task *t, void *arg)
{
	tracer_interrupt(t, at_interruption, arg);
	return 0;
}

static void tick(struct skep_system *s, void *arg)
{
	nr_ticks++;
	tasks_each(s, interrupt_each, arg);
}

static void start_timer(struct task *t)
{
	if (!nr_ticks && t->call.nr == SYS_execve)
		tracer_timer(t->sys, 5000000, tick, NULL);
}

/* Interruptions do not show: not even epoll_wait() ends early. */
static void test_interrupt(void **state)
{
	static const char *const modes[] = { "epoll", "restart", "sleep", "threads" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		for (int how = 0; how < 2; how++) {
			int expected = unsupervised(SELF((char *)modes[i])), got;

			memset(&seen, 0, sizeof(seen));
			nr_interrupted = nr_ticks = 0;
			seen.wants[SYS_execve] = WANT_ENTER;
			if (how)
				want_all(WANT_ENTER | WANT_EXIT);
			seen.on_enter = start_timer;
			got = supervised(SELF((char *)modes[i]));
			if (got != expected)
				fail_msg("%s %d: %x, not %x", modes[i], how, got, expected);
			if (strcmp(modes[i], "threads")) { /* which is over soon */
				assert_true(nr_ticks > 2);
				assert_true(nr_interrupted > 2);
			}
			if (!strcmp(modes[i], "sleep") && how) {
				/* One call, although it was made again and again. */
				assert_int_equal(seen.nr_of[SYS_clock_nanosleep], 1);
				assert_int_equal(seen.last_ret[SYS_clock_nanosleep], 0);
			}
		}
}

/* ---- what changes while it runs ---- */

/* What is attached later is seen by processes that already sleep or run. */
static void test_attach_later(void **state)
{
	struct skep_process *p = spawn(SELF("busy"));
	int status;

	(void)state;
	ms(50);
	assert_int_equal(seen.enters, 0);
	seen.wants[SYS_getppid] = WANT_ENTER | WANT_EXIT;
	relock_take(&sys->lock);
	hooks_changed(sys);
	relock_give(&sys->lock);
	for (int i = 0; i < 500 && READ_ONCE(seen.nr_of[SYS_getppid]) < 1000; i++)
		ms(10);
	assert_true(seen.nr_of[SYS_getppid] >= 1000);
	seen.wants[SYS_getppid] = 0;
	relock_take(&sys->lock);
	hooks_changed(sys);
	relock_give(&sys->lock);
	ms(50);
	status = (int)READ_ONCE(seen.enters);
	ms(50);
	assert_int_equal(READ_ONCE(seen.enters), status);
	assert_int_equal(skep_process_detach(p), -EBUSY); /* it has a filter */
	assert_int_equal(skep_process_wait(p, false, 0, &status), -EAGAIN);
	assert_int_equal(skep_process_kill(p, SIGTERM), 0);
	assert_int_equal(skep_process_wait(p, true, 10000, &status), 0);
	assert_int_equal(status, SIGTERM);
	skep_process_free(p);
}

static long field(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = key[0] == 'S' && key[1] == 't' ?
					line[7] :
					strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return value;
}

static pid_t start(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	ms(60);
	return pid;
}

static void test_adopt(void **state)
{
	struct skep_process_stats st = { .sz = sizeof(st) };
	struct skep_process *p = NULL, *q = NULL;
	char error[256] = "";
	int status;
	pid_t pid = start(SELF("busy"));

	(void)state;
	seen.wants[SYS_getppid] = WANT_ENTER | WANT_EXIT;
	for (int round = 0; round < 5; round++) {
		seen.nr_of[SYS_getppid] = 0;
		if (skep_attach(sys, pid, &p, error, sizeof(error)))
			fail_msg("%s", error);
		assert_int_equal(skep_attach(sys, pid, &q, error, sizeof(error)), -EPERM);
		for (int i = 0; i < 500 && READ_ONCE(seen.nr_of[SYS_getppid]) < 200; i++)
			ms(10);
		assert_true(seen.nr_of[SYS_getppid] >= 200);
		skep_process_stats(p, &st);
		assert_int_equal(st.tasks, 5);
		assert_int_equal(field(pid, "TracerPid:") > 0, 1);
		assert_int_equal(skep_process_detach(p), 0);
		assert_int_equal(field(pid, "TracerPid:"), 0);
		skep_process_free(p);
		/* It runs on. */
		ms(10);
		assert_int_not_equal(field(pid, "State:"), 't');
		assert_int_not_equal(field(pid, "State:"), 'T');
	}
	/* Ended while watched: the status is known, and the parent reaps it as ever. */
	assert_int_equal(skep_attach(sys, pid, &p, error, sizeof(error)), 0);
	kill(pid, SIGUSR1);
	assert_int_equal(skep_process_wait(p, true, 10000, &status), 0);
	assert_int_equal(status, SIGUSR1);
	skep_process_free(p);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SIGUSR1);
	assert_int_equal(skep_attach(sys, pid, &p, error, sizeof(error)), -ESRCH);
	assert_int_equal(skep_attach(sys, getpid(), &p, error, sizeof(error)), -EINVAL);
	/* A stopped one stays stopped, through adoption and after it. */
	pid = start(SELF("busy"));
	kill(pid, SIGSTOP);
	ms(20);
	assert_int_equal(field(pid, "State:"), 'T');
	assert_int_equal(skep_attach(sys, pid, &p, error, sizeof(error)), 0);
	ms(50);
	assert_int_equal(skep_process_detach(p), 0);
	skep_process_free(p);
	ms(20);
	assert_int_equal(field(pid, "State:"), 'T');
	kill(pid, SIGCONT);
	ms(20);
	assert_int_not_equal(field(pid, "State:"), 'T');
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void test_refusals(void **state)
{
	char *missing[] = { "/nonexistent/x", NULL }, *nopath[] = { "no-such-command-here", NULL };
	char *noexec[] = { "/etc/passwd", NULL };
	struct skep_process *p = NULL;
	char error[256];
	int status;

	(void)state;
	assert_int_equal(skep_spawn(sys, missing[0], missing, NULL, &p, error, 256), -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/x"));
	assert_int_equal(skep_spawn(sys, nopath[0], nopath, NULL, &p, error, 256), -ENOENT);
	assert_int_equal(skep_spawn(sys, noexec[0], noexec, NULL, &p, error, 256), -EACCES);
	/* No child is left. */
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Options; and the host's own waitpid() knows the command. */
static void test_options(void **state)
{
	struct skep_spawn_opts opts = { .sz = sizeof(opts) };
	char *const env[] = { "A=b", NULL };
	char buf[256] = "", error[256];
	struct skep_process *p;
	int fds[3], pipe_fds[2], status;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	fds[0] = open("/dev/null", O_RDONLY);
	fds[1] = pipe_fds[1];
	fds[2] = 2;
	opts.envp = env;
	opts.directory = "/usr";
	opts.fds = fds;
	assert_int_equal(
		skep_spawn(sys, "/bin/sh",
			   (char *[]){ "sh", "-c", "pwd; echo $A; ls /proc/self/fd | wc -l", NULL },
			   &opts, &p, error, sizeof(error)),
		0);
	close(pipe_fds[1]);
	assert_int_equal(waitpid(-1, &status, 0), skep_process_pid(p));
	assert_int_equal(status, 0);
	n = read(pipe_fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	/* 0, 1, 2 and ls's own; the test's other descriptors may be there, too */
	assert_memory_equal(buf, "/usr\nb\n", 7);
	assert_int_equal(skep_process_wait(p, true, 1000, &status), 0);
	skep_process_free(p);
	close(pipe_fds[0]);
	close(fds[0]);
}

/* SIGSTOP and SIGCONT as the parent sees them. */
static void test_stops(void **state)
{
	struct skep_process *p;
	int status;
	pid_t pid;

	(void)state;
	for (int how = 0; how < 2; how++) {
		want_all(how ? WANT_ENTER | WANT_EXIT : 0);
		p = spawn(SELF("busy"));
		pid = skep_process_pid(p);
		for (int i = 0; i < 5; i++) {
			kill(pid, SIGSTOP);
			assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
			assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
			kill(pid, SIGCONT);
			assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
			assert_true(WIFCONTINUED(status));
		}
		kill(pid, SIGSTOP);
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, SIGKILL);
		skep_process_free(p);
	}
}

/* A shell with job control on a terminal: ^Z, fg, bg, ^C. */
static int terminal_session(bool with)
{
	char out[8192] = "", error[256];
	struct skep_process *p = NULL;
	int master, status = -1;
	pid_t pid, shell = 0;
	size_t n = 0;
	struct {
		const char *wait_for, *type;
	} steps[] = {
		{ "$", "sleep 100\n" },	 { "sleep 100\r\n", "\x1a" },
		{ "Stopped", "jobs\n" }, { "$", "bg\n" },
		{ "&", "fg\n" },	 { "sleep 100", "\x03" },
		{ "$", "echo $?\n" },	 { "130", "sh -c 'kill -STOP $$; echo on'\n" },
		{ "Stopped", "fg\n" },	 { "on", "exit 33\n" },
	};

	pid = forkpty(&master, NULL, NULL, NULL);
	if (!pid) {
		char *argv[] = { "bash", "--norc", "--noediting", "-i", NULL };

		setenv("PS1", "$ ", 1);
		if (!with) {
			execvp(argv[0], argv);
			_exit(127);
		}
		/* A system of its own: that of the parent is another process's. */
		sys = system_for(NULL);
		if (!sys || skep_spawn(sys, argv[0], argv, NULL, &p, error, sizeof(error)))
			_exit(126);
		if (skep_process_wait(p, true, -1, &status))
			_exit(125);
		_exit(WEXITSTATUS(status));
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct pollfd pfd = { master, POLLIN, 0 };
		size_t from = n;

		while (!strstr(out + from, steps[i].wait_for)) {
			ssize_t got;

			if (poll(&pfd, 1, 5000) <= 0 || n >= sizeof(out) - 1)
				fail_msg("with %d, step %zu: %s", with, i, out + from);
			got = read(master, out + n, sizeof(out) - 1 - n);
			if (got <= 0)
				break;
			n += (size_t)got;
			out[n] = 0;
		}
		if (!shell)
			shell = tcgetpgrp(master);
		/* A key for the job, or for the shell: whoever it is for has to have the terminal. */
		for (int wait = 0; wait < 500; wait++) {
			if ((tcgetpgrp(master) != shell) == (*steps[i].type < ' '))
				break;
			ms(10);
		}
		ms(60);
		assert_true(write(master, steps[i].type, strlen(steps[i].type)) > 0);
	}
	/* Read on, that it can end. */
	while (read(master, out, sizeof(out)) > 0)
		;
	waitpid(pid, &status, 0);
	close(master);
	return status;
}

static void test_job_control(void **state)
{
	(void)state;
	if (access("/bin/bash", X_OK)) {
		print_message("no bash\n");
		skip();
	}
	seen.wants[SYS_execve] = WANT_ENTER | WANT_EXIT;
	assert_int_equal(terminal_session(false), 33 << 8);
	assert_int_equal(terminal_session(true), 33 << 8);
	want_all(WANT_ENTER | WANT_EXIT);
	assert_int_equal(terminal_session(true), 33 << 8);
}

/* ---- sudden ends ---- */

static bool gone(pid_t pid)
{
	long state = field(pid, "State:");

	return state == -1 || state == 'Z' || state == 'X';
}

/* A host with a tree of processes; tells their ids by the pipe. */
static void host_of_tree(int report, int how)
{
	char *argv[] = { self, "--child", "family", NULL };
	struct skep_process *p;
	char error[256];
	pid_t ids[2];
	int status;

	alarm(60);
	/* The tree reports its own ids by descriptor 9. */
	dup2(report, 9);
	sys = system_for(NULL);
	want_all(how ? WANT_ENTER | WANT_EXIT : 0);
	seen.wants[SYS_getppid] |= WANT_ENTER;
	if (!sys || skep_spawn(sys, argv[0], argv, NULL, &p, error, sizeof(error)))
		_exit(1);
	ids[0] = sys->supervisor ? (pid_t)field(skep_process_pid(p), "TracerPid:") : 0;
	ids[1] = skep_process_pid(p);
	(void)!write(report, ids, sizeof(ids));
	if (skep_process_wait(p, true, -1, &status) == -ECHILD)
		_exit(77);
	_exit(0);
}

/* Of the loop: the host dies while the loop holds what it shares with it. */
static void kill_the_host(struct task *t)
{
	struct relock *held[] = { &t->sys->world_lock, &t->sys->lock };
	pid_t host = getppid();

	if (host != t->sys->supervisor->host)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		relock_take(held[i]);
	kill(host, SIGKILL);
	/* Its threads have been taken apart when we have another parent. */
	while (getppid() == host)
		ms(1);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		relock_give(held[i]);
}

enum { KILL_HOST, KILL_SUPERVISOR, KILL_COMMAND, KILL_KINDS };

static void test_sudden_ends(void **state)
{
	u32 seed = getenv("SEED") ? atoi(getenv("SEED")) : 12345;

	(void)state;
	for (int round = 0; round < (getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : 30); round++) {
		int kind = round % KILL_KINDS, report[2], status, left;
		pid_t ids[64], host;
		ssize_t n;
		size_t nr = 0;

		assert_int_equal(pipe(report), 0);
		host = fork();
		if (!host) {
			int null = open("/dev/null", O_WRONLY);

			dup2(null, 2); /* the supervisor's message */
			host_of_tree(report[1], round / KILL_KINDS % 2);
		}
		close(report[1]);
		/* Two of the host, then the family's. */
		while (nr < 8) {
			n = read(report[0], ids + nr, sizeof(ids) - nr * sizeof(*ids));
			if (n <= 0)
				break;
			nr += (size_t)n / sizeof(*ids);
		}
		assert_true(nr >= 8);
		seed = seed * 1103515245 + 12345;
		ms((int)(seed >> 16) % 15);
		/* Which of the ids are the host's is known by its child. */
		pid_t supervisor = 0, command = 0;

		for (size_t i = 0; i < nr; i++) {
			long tracer = field(ids[i], "TracerPid:");

			if (tracer > 0)
				supervisor = (pid_t)tracer;
			if (field(ids[i], "PPid:") == host && tracer > 0)
				command = ids[i];
		}
		assert_true(supervisor > 0 && command > 0);
		kill(kind == KILL_HOST	     ? host :
		     kind == KILL_SUPERVISOR ? supervisor :
					       command,
		     SIGKILL);
		if (kind != KILL_COMMAND) {
			/* Nobody of the family is left, and nobody is stopped. */
			for (left = 1; left < 6000; left++) {
				bool all = gone(supervisor);

				for (size_t i = 0; i < nr; i++)
					all = all && (ids[i] == host || gone(ids[i]));
				if (all)
					break;
				ms(10);
			}
			for (size_t i = 0; left >= 6000 && i < nr; i++)
				if (!gone(ids[i]))
					print_error("left: %d of %zu, state %c, traced by %ld\n",
						    ids[i], i, (char)field(ids[i], "State:"),
						    field(ids[i], "TracerPid:"));
			if (left >= 6000)
				fail_msg("round %d: something is left%s", round,
					 gone(supervisor) ? "" : ", and the supervisor");
		} else {
			/* The rest of the family goes on: it has to be ended as ever. */
			ms(5);
			for (size_t i = 0; i < nr; i++)
				if (ids[i] != supervisor && ids[i] != host && !gone(ids[i]))
					kill(ids[i], SIGKILL);
		}
		assert_int_equal(waitpid(host, &status, 0), host);
		if (kind == KILL_SUPERVISOR)
			assert_int_equal(status, 77 << 8); /* -ECHILD */
		if (kind == KILL_COMMAND)
			assert_int_equal(status, 0);
		close(report[0]);
	}
}

/* libc's mutexes ask for an owner whose name the kernel has cleared by then. */
static void test_host_dies_in_a_lock(void **state)
{
	int report[2], status, left = 0;
	pid_t ids[64], host;
	ssize_t n;
	size_t nr = 0;

	(void)state;
	assert_int_equal(pipe(report), 0);
	seen.on_enter = kill_the_host;
	host = fork();
	if (!host) {
		dup2(open("/dev/null", O_WRONLY), 2); /* the supervisor's message */
		host_of_tree(report[1], 1);
	}
	close(report[1]);
	assert_int_equal(waitpid(host, &status, 0), host);
	assert_true(WIFSIGNALED(status));
	/* Who holds the pipe's other end has it until its end: all of them. */
	while (nr < ARRAY_SIZE(ids) && (n = read(report[0], ids + nr, sizeof(*ids))) > 0)
		nr++;
	assert_int_equal(n, 0);
	for (size_t i = 0; i < nr; i++)
		while (!gone(ids[i]) && ++left < 6000)
			ms(10);
	assert_true(left < 6000);
	close(report[0]);
}

/* A system that ends takes its trees along. */
static void test_ends(void **state)
{
	struct skep_process *p = spawn(SELF("busy"));
	pid_t pid = skep_process_pid(p);
	int status;

	(void)state;
	skep_process_free(p);
	assert_true(gone(pid));
	p = spawn(SELF("busy"));
	pid = skep_process_pid(p);
	skep_system_free(sys);
	sys = NULL;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SIGKILL);
	status = 0;
	assert_int_equal(skep_process_wait(p, true, 1000, &status), 0); /* known before */
	assert_int_equal(status, SIGKILL);
	skep_process_free(p);
	sys = system_for(NULL);
	/* In the middle of births, which then nobody tells of. */
	for (int i = 0; i < 40; i++) {
		p = spawn(SELF("threads"));
		ms(i % 8);
		skep_process_free(p);
	}
	/* Several at a time. */
	{
		struct skep_process *v[4];

		for (int i = 0; i < 4; i++)
			v[i] = spawn(SELF(i % 2 ? "threads" : "vfork"));
		for (int i = 0; i < 4; i++)
			assert_int_equal(finish(v[i]), (i % 2 ? 17 : 18) << 8);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_statuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_override, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_job_control, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sudden_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_dies_in_a_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
	};

	if (argc == 3 && !strcmp(argv[1], "--child"))
		return child_main(argv[2]);
	if (argc == 2) /* only the tests whose name matches */
		cmocka_set_test_filter(argv[1]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
