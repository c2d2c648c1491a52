/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records on a kernel: `recorder OBJECT OUTDIR DIR PROGRAM:WORKLOAD ...` runs PROGRAM WORKLOAD DIR
 * for each under the programs of OBJECT, writes OUTDIR/WORKLOAD.txt, and at last OUTDIR/done.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/function_trace.h"

static int record(struct trace *t, const char *program, const char *workload, const char *dir,
		  FILE *out)
{
	char *argv[] = { (char *)program, (char *)workload, (char *)dir, NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1024, 4096 });
		for (int fd = 0; fd < 4096; fd++)
			close(fd);
		/* what it is started with is the same everywhere */
		if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
			_exit(126);
		raise(SIGSTOP);
		execve(argv[0], argv, trace_environment);
		_exit(127);
	}
	waitpid(pid, &status, WUNTRACED);
	trace_poll(t, 0);
	trace_root(t, pid);
	kill(pid, SIGCONT);
	while (waitpid(pid, &status, WNOHANG) == 0)
		trace_poll(t, 20);
	trace_poll(t, 0);
	trace_print(t, out);
	trace_root(t, -1);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void done(const char *dir)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/done", dir);
	f = fopen(path, "w");
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	unsigned major = 0, minor = 0;
	struct utsname u;
	struct trace *t;
	const char *why;

	if (argc < 5)
		return 2;
	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 8192, 8192 });
	t = trace_open(argv[1], "kfxr", major << 8 | minor, NULL, &why);
	if (!t) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	trace_root(t, -1);
	for (int i = 4; i < argc; i++) {
		char path[256], *workload = strchr(argv[i], ':');
		FILE *out;

		if (!workload)
			return 2;
		*workload++ = 0;
		snprintf(path, sizeof(path), "%s/%s.txt", argv[2], workload);
		out = fopen(path, "w");
		if (!out)
			return 1;
		fprintf(stderr, "%s: exit status %d\n", workload,
			record(t, argv[i], workload, argv[3], out));
		fclose(out);
	}
	done(argv[2]);
	_exit(0); /* detaching hundreds of probes takes minutes, whoever does it */
}
