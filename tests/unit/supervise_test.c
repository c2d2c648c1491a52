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
	(void)old_tid;
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
static siginfo_t caught_info;

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
	(void)sig, (void)ctx;
	caught++;
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
	struct timespec half = { 0, 100000000 }, rem = { 0 };
	struct pollfd none;
	int p[2], ep;
	char c;
	u64 start;

	handle(SIGALRM, 0);
	start = now_ms();
	setitimer(ITIMER_REAL, &once, NULL);
	if (nanosleep(&half, &rem) != -1 || errno != EINTR || !rem.tv_nsec)
		return 1;
	if (now_ms() - start > 95)
		return 2;
	setitimer(ITIMER_REAL, &once, NULL);
	if (poll(&none, 0, 1000) != -1 || errno != EINTR)
		return 3;
	if (pipe(p))
		return 4;
	setitimer(ITIMER_REAL, &once, NULL);
	if (read(p[0], &c, 1) != -1 || errno != EINTR)
		return 5;
	handle(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &once, NULL);
	if (!fork()) {
		ms(80);
		_exit(write(p[1], "x", 1) != 1);
	}
	if (read(p[0], &c, 1) != 1)
		return 6;
	ep = epoll_create1(0);
	setitimer(ITIMER_REAL, &once, NULL);
	{
		struct epoll_event ev;

		if (epoll_wait(ep, &ev, 1, 1000) != -1 || errno != EINTR)
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
		return n ? 1 : 27;
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
		for (int how = 0; how < 5; how++) {
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_statuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	if (argc == 3 && !strcmp(argv[1], "--child"))
		return child_main(argv[2]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
