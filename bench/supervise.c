/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What supervision costs: a system call that a source wants, at entry and exit, beside the
 * least that a tracer can do (wait, continue); and one that nobody wants, beside the same call
 * without us. The rounds of all ways alternate, so that the machine's moods meet them alike.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "event/process.h"
#include "skep/skep.h"

#define ROUNDS	 15
#define TRACED	 20000
#define UNTRACED 2000000

static u8 wanted; /* of getppid */
static u64 seen;

static u32 bench_wants(struct skep_system *sys, u32 nr)
{
	(void)sys;
	return nr == SYS_getppid ? wanted : 0;
}

static void bench_event(struct task *t)
{
	(void)t;
	seen++;
}

static const struct process_source source = {
	.name = "bench", .wants = bench_wants, .enter = bench_event, .exit = bench_event
};
const struct process_source *const process_sources[] = { &source, NULL };

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The measured child: @n calls; nanoseconds of each to descriptor @fd. */
static int child(int n, int fd)
{
	double from, each;

	for (int i = 0; i < n / 10; i++)
		syscall(SYS_getppid);
	from = now_ns();
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	each = (now_ns() - from) / n;
	return write(fd, &each, sizeof(each)) != sizeof(each);
}

static double read_result(int fd)
{
	double each = -1;

	return read(fd, &each, sizeof(each)) == sizeof(each) ? each : -1;
}

static char self[4096], count[16], out[16];

static pid_t start(bool traced)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	execl(self, self, "--child", count, out, NULL);
	_exit(1);
}

static double native(int fd)
{
	pid_t pid = start(false);

	waitpid(pid, NULL, 0);
	return read_result(fd);
}

/* A tracer that does nothing. */
static double bare(int fd)
{
	pid_t pid = start(true);
	int status;

	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			break;
	}
	return read_result(fd);
}

static double ours(struct skep_system *sys, int fd, u8 what)
{
	char *argv[] = { self, "--child", count, out, NULL };
	struct skep_process *p;
	char error[256];

	wanted = what;
	seen = 0;
	if (skep_spawn(sys, self, argv, NULL, &p, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	skep_process_wait(p, true, -1, NULL);
	skep_process_free(p);
	return read_result(fd);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct series {
	const char *name;
	double v[ROUNDS];
};

static void show(struct series *s)
{
	qsort(s->v, ROUNDS, sizeof(s->v[0]), by_value);
	printf("%-44s %9.0f ns median %9.0f ns min\n", s->name, s->v[ROUNDS / 2], s->v[0]);
}

int main(int argc, char **argv)
{
	struct series b = { .name = "bare ptrace loop, entry and exit" };
	struct series both = { .name = "skep, entry and exit" };
	struct series entry = { .name = "skep, entry only" };
	struct series none = { .name = "call without supervision" };
	struct series filter = { .name = "skep, call that nobody wants" };
	struct skep_system *sys;
	int fds[2];

	if (argc == 4 && !strcmp(argv[1], "--child"))
		return child(atoi(argv[2]), atoi(argv[3]));
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || pipe(fds))
		return 1;
	snprintf(out, sizeof(out), "%d", fds[1]);
	sys = skep_system_new(NULL);
	if (!sys)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(count, sizeof(count), "%d", TRACED);
		b.v[i] = bare(fds[0]);
		both.v[i] = ours(sys, fds[0], WANT_ENTER | WANT_EXIT);
		entry.v[i] = ours(sys, fds[0], WANT_ENTER);
		snprintf(count, sizeof(count), "%d", UNTRACED);
		none.v[i] = native(fds[0]);
		filter.v[i] = ours(sys, fds[0], 0);
	}
	show(&b);
	show(&both);
	show(&entry);
	printf("%-44s %9.2f median %9.2f of the minima\n", "ratio: entry and exit to bare",
	       both.v[ROUNDS / 2] / b.v[ROUNDS / 2], both.v[0] / b.v[0]);
	show(&none);
	show(&filter);
	printf("%-44s %9.0f ns median %9.0f ns min\n", "the filter",
	       filter.v[ROUNDS / 2] - none.v[ROUNDS / 2], filter.v[0] - none.v[0]);
	skep_system_free(sys);
	return 0;
}
