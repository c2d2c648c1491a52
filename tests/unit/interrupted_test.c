/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is told of calls that signals interrupt: each entry and each end, in their order, as the running kernel
 * tells them. A call that is made again by Linux is entered again (restart_syscall(2) for one with a time-out);
 * bpf(2) is not interrupted, whoever answers it.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "tests/lib/beside.h"

#define EVENTS	    1024
#define ERESTARTSYS 512

struct call_event {
	s64 nr, ret;
};

/* ---- what is traced ---- */

static void on_signal(int sig)
{
}

static void alarm_in(int ms)
{
	struct itimerval t = { .it_value = { 0, ms * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

/* A child that stops this process for a moment after @ms. */
static pid_t stopper(int ms)
{
	pid_t me = getpid(), child = fork();

	if (child)
		return child;
	usleep((useconds_t)ms * 1000);
	kill(me, SIGSTOP);
	usleep(30000);
	kill(me, SIGCONT);
	_exit(0);
}

static int workload(void)
{
	struct sigaction restart = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction end = { .sa_handler = on_signal };
	struct timespec ts = { 0, 200000000 };
	struct epoll_event ev;
	int p[2], e;
	pid_t child;
	char c;

	if (pipe(p))
		return 1;
	sigaction(SIGALRM, &restart, NULL);
	/* read(): -ERESTARTSYS, the handler, read() again. */
	child = fork();
	if (!child) {
		usleep(200000);
		_exit(write(p[1], "x", 1) != 1);
	}
	alarm_in(50);
	if (read(p[0], &c, 1) != 1)
		return 2;
	waitpid(child, NULL, 0);
	/* nanosleep(): -ERESTART_RESTARTBLOCK, restart_syscall(). */
	child = stopper(50);
	syscall(SYS_nanosleep, &ts, NULL);
	waitpid(child, NULL, 0);
	/* The same with a handler: EINTR. */
	alarm_in(50);
	syscall(SYS_nanosleep, &ts, NULL);
	e = epoll_create1(0);
	alarm_in(50);
	epoll_wait(e, &ev, 1, 200);
	/* read() that is not made again. */
	sigaction(SIGALRM, &end, NULL);
	alarm_in(50);
	return read(p[0], &c, 1) != -1 || errno != EINTR;
}

/* ---- */

static int nr_events(const struct beside *b, struct call_event *to)
{
	int numbers = bpf_object__find_map_fd_by_name(b->obj, "numbers");
	int calls = bpf_object__find_map_fd_by_name(b->obj, "calls");
	u32 one = 1, n = 0;

	skep_front_use(b->sys);
	assert_int_equal(bpf_map_lookup_elem(numbers, &one, &n), 0);
	n = n > EVENTS ? EVENTS : n;
	for (u32 i = 0; i < n; i++)
		assert_int_equal(bpf_map_lookup_elem(calls, &i, &to[i]), 0);
	skep_front_use(NULL);
	return (int)n;
}

static void attach(const struct beside *b)
{
	struct bpf_program *prog;

	skep_front_use(b->sys);
	bpf_object__for_each_program(prog, b->obj) assert_non_null(bpf_program__attach(prog));
	skep_front_use(NULL);
}

static void set_pid(const struct beside *b, u32 pid)
{
	int numbers = bpf_object__find_map_fd_by_name(b->obj, "numbers");
	u32 zero = 0;

	skep_front_use(b->sys);
	assert_int_equal(bpf_map_update_elem(numbers, &zero, &pid, 0), 0);
	skep_front_use(NULL);
}

/* Runs the workload under @b: what was told of it. */
static int record(const struct beside *b, struct call_event *to)
{
	char *argv[] = { (char *)"sh", (char *)"-c", NULL, NULL }, self[512], line[600], error[256];
	struct skep_process *proc;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status = -1, go[2];

	assert_true(n > 0);
	self[n] = 0;
	attach(b);
	assert_int_equal(pipe(go), 0);
	/* It begins when the programs know it. */
	snprintf(line, sizeof(line), "read go; exec %s workload", self);
	argv[2] = line;
	if (b->sys) {
		const int fds[] = { go[0], 1, 2 };
		struct skep_spawn_opts opts = { .sz = sizeof(opts), .fds = fds };

		assert_int_equal(skep_spawn(b->sys, "sh", argv, &opts, &proc, error, sizeof(error)),
				 0);
		set_pid(b, (u32)skep_process_pid(proc));
		assert_int_equal(write(go[1], "\n", 1), 1);
		assert_int_equal(skep_process_wait(proc, true, 60000, &status), 0);
	} else {
		pid_t pid = fork();

		if (!pid) {
			dup2(go[0], 0);
			execvp("sh", argv);
			_exit(127);
		}
		set_pid(b, (u32)pid);
		assert_int_equal(write(go[1], "\n", 1), 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	close(go[0]);
	close(go[1]);
	assert_int_equal(status, 0);
	return nr_events(b, to);
}

/* Where the first read() begins that is interrupted: what a shell and libc do before is not looked at. */
static int begin_of(const struct call_event *e, int n)
{
	for (int i = 1; i < n; i++)
		if (e[i].nr == 0 && e[i].ret == -ERESTARTSYS)
			return i - 1;
	return n;
}

static void test_order(void **state)
{
	static struct call_event e[2][EVENTS];
	struct beside b[2] = { { NULL } };
	u32 kinds = beside_open_both(b, "interrupted");
	int n[2], from[2];

	assert_true(kinds);
	for (u32 k = 0; k < kinds; k++) {
		n[k] = record(&b[k], e[k]);
		from[k] = begin_of(e[k], n[k]);
		assert_int_equal(n[k] - from[k], 18);
	}
	if (kinds == 2) {
		for (int i = 0; i < n[0] - from[0]; i++) {
			assert_int_equal(e[0][from[0] + i].nr, e[1][from[1] + i].nr);
			assert_int_equal(e[0][from[0] + i].ret, e[1][from[1] + i].ret);
		}
	}
	beside_close_both(b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
	};

	if (argc > 1 && !strcmp(argv[1], "workload"))
		return workload();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
