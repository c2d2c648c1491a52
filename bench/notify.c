/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a system call costs in an instance (skep exec): one that is answered, one whose file is looked at
 * and left to the kernel, one of no concern; beside each other in turns with a bare seccomp notification,
 * whose listener does nothing but receive and answer, and with the same calls without any filter.
 * Also a map operation by way of the preload library.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define ROUNDS	31
#define CALLS	100
#define SECONDS 40 /* at most: then all is killed */

enum what { LOOKUP, REFUSED, OPEN, NO_CONCERN, WHATS };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* ---- the process whose calls are timed: asked by its standard input, answers by its output ---- */

static void make(enum what w, int map)
{
	uint32_t key = 1;
	uint64_t value;
	union bpf_attr attr = { 0 };

	switch (w) {
	case LOOKUP:
	case REFUSED:
		attr.map_fd = (uint32_t)(w == LOOKUP ? map : -1);
		attr.key = (uintptr_t)&key;
		attr.value = (uintptr_t)&value;
		syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, 32);
		break;
	case OPEN:
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", O_RDONLY);
		break;
	case NO_CONCERN:
		syscall(SYS_getppid);
		break;
	case WHATS:
		break;
	}
}

static int client(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16
	};
	int map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 72);
	char what;

	while (read(STDIN_FILENO, &what, 1) == 1) {
		double ns, from = now();
		int n = what == NO_CONCERN ? CALLS * 100 : CALLS;

		for (int i = 0; i < n; i++)
			make((enum what)what, map);
		ns = (now() - from) / n;
		if (write(STDOUT_FILENO, &ns, sizeof(ns)) != sizeof(ns))
			return 1;
	}
	return 0;
}

/* ---- a bare notification ---- */

static void *answer(void *arg)
{
	int listener = *(int *)arg;
	struct seccomp_notif n;
	uint64_t sync = 1;

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, &sync);
	for (;;) {
		struct seccomp_notif_resp r = { 0 };

		memset(&n, 0, sizeof(n));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n)) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		r.id = n.id;
		r.error = -EBADF;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
	}
}

/* Becomes a client whose openat() and bpf() are notified. */
static void bare_client(int number_fd)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };
	int fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog);
	if (write(number_fd, &fd, sizeof(fd)) != sizeof(fd))
		_exit(1);
	_exit(client());
}

/* ---- the sides ---- */

enum { NATIVE, BARE, SKEP, PRELOAD, SIDES };

static struct side {
	int to, from;
	pid_t pid;
} sides[SIDES];

static int listener;

/* However this ends: neither a client nor what it waits for stays behind. */
static void kill_clients(void)
{
	for (int i = 0; i < SIDES; i++)
		if (sides[i].pid > 0)
			kill(sides[i].pid, SIGKILL);
}

static void killed(int sig)
{
	static const char late[] = "notify: took too long, given up\n";

	kill_clients();
	if (sig == SIGALRM && write(STDERR_FILENO, late, sizeof(late) - 1) < 0)
		_exit(2);
	_exit(1);
}

/*
 * A client ends with its standard input, so no sibling may hold the writing end: what executes another
 * program loses it thereby, what only forks does not.
 */
static void become_client(int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	close(in);
	close(out);
	for (int i = 0; i < SIDES; i++) {
		close(sides[i].to);
		close(sides[i].from);
	}
}

static int start(int which, const char *self, const char *folder)
{
	int in[2], out[2], number[2], fd;
	struct side *s = &sides[which];
	char path[600], lib[600];
	pthread_t thread;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(number, O_CLOEXEC))
		return -errno;
	snprintf(path, sizeof(path), "%s/../skep", folder);
	snprintf(lib, sizeof(lib), "%s/../libskep-preload.so", folder);
	s->to = in[1];
	s->from = out[0];
	s->pid = fork();
	if (!s->pid) {
		become_client(in[0], out[1]);
		if (which == BARE)
			bare_client(number[1]);
		if (which == PRELOAD)
			setenv("LD_PRELOAD", lib, 1);
		if (which == SKEP)
			execl(path, path, "exec", "--instance", "bench-notify", "--", self,
			      "client", NULL);
		else
			execl(self, self, "client", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	if (s->pid < 0)
		return -errno;
	if (which != BARE)
		return 0;
	if (read(number[0], &fd, sizeof(fd)) != sizeof(fd) || fd < 0)
		return -EINVAL;
	listener = (int)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, s->pid, 0), fd, 0);
	if (listener < 0)
		return -errno;
	return -pthread_create(&thread, NULL, answer, &listener);
}

static double ask(int which, enum what w)
{
	char what = (char)w;
	double ns = -1;

	if (write(sides[which].to, &what, 1) != 1 ||
	    read(sides[which].from, &ns, sizeof(ns)) != sizeof(ns))
		return -1;
	return ns;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static const struct {
	const char *title;
	int side, beside;
	enum what what, beside_what;
	const char *beside_title;
} lines[] = {
	{ "map lookup, answered", SKEP, BARE, LOOKUP, LOOKUP, "a bare notification" },
	{ "bpf() refused", SKEP, BARE, REFUSED, REFUSED, "a bare notification" },
	{ "openat() of an ordinary path", SKEP, BARE, OPEN, OPEN, "a bare notification" },
	{ "a call of no concern", SKEP, NATIVE, NO_CONCERN, NO_CONCERN, "without a filter" },
	{ "map lookup, preload library", PRELOAD, NATIVE, LOOKUP, NO_CONCERN, "a system call" },
};

int main(int argc, char **argv)
{
	static double a[ROUNDS], b[ROUNDS];
	char self[512] = "", folder[512], *slash;
	int err = 0;

	if (argc > 1 && !strcmp(argv[1], "client"))
		return client();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	memcpy(folder, self, sizeof(folder));
	slash = strrchr(folder, '/');
	*slash = 0;
	for (int i = 0; i < SIDES; i++)
		sides[i].to = sides[i].from = -1;
	atexit(kill_clients);
	signal(SIGALRM, killed);
	signal(SIGTERM, killed);
	signal(SIGINT, killed);
	signal(SIGPIPE, SIG_IGN);
	alarm(SECONDS);
	for (int i = 0; i < SIDES && !err; i++)
		err = start(i, self, folder);
	if (err) {
		fprintf(stderr, "notify: %s\n", strerror(-err));
		return 1;
	}
	printf("%-32s %9s %9s   %9s %9s  (ns)\n", "", "least", "median", "least", "median");
	for (size_t l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
		for (int i = 0; i < ROUNDS; i++) {
			a[i] = ask(lines[l].side, lines[l].what);
			b[i] = ask(lines[l].beside, lines[l].beside_what);
			if (a[i] < 0 || b[i] < 0) {
				fprintf(stderr, "notify: %s: a client ended\n", lines[l].title);
				return 1;
			}
		}
		qsort(a, ROUNDS, sizeof(*a), compare);
		qsort(b, ROUNDS, sizeof(*b), compare);
		printf("%-32s %9.0f %9.0f   %9.0f %9.0f  %s: %.2fx, %+.0f ns\n", lines[l].title,
		       a[0], a[ROUNDS / 2], b[0], b[ROUNDS / 2], lines[l].beside_title, a[0] / b[0],
		       a[0] - b[0]);
	}
	for (int i = 0; i < SIDES; i++)
		close(sides[i].to);
	for (int i = 0; i < SIDES; i++) {
		waitpid(sides[i].pid, NULL, 0);
		sides[i].pid = 0;
	}
	return 0;
}
