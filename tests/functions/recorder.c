/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records on a kernel: `recorder OBJECT OUTDIR PROGRAM DIR WORKLOAD ...` runs PROGRAM WORKLOAD DIR
 * for each workload under the programs of OBJECT and writes OUTDIR/WORKLOAD.txt.
 */
#include <dirent.h>
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
		for (int fd = 3; fd < 4096; fd++)
			close(fd);
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

int main(int argc, char **argv)
{
	unsigned major = 0, minor = 0;
	struct utsname u;
	struct trace *t;
	const char *why;

	if (argc < 6)
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
	for (int i = 5; i < argc; i++) {
		char path[256];
		FILE *out;

		snprintf(path, sizeof(path), "%s/%s.txt", argv[2], argv[i]);
		out = fopen(path, "w");
		if (!out)
			return 1;
		fprintf(stderr, "%s: exit status %d\n", argv[i],
			record(t, argv[3], argv[i], argv[4], out));
		fclose(out);
	}
	fflush(NULL);
	_exit(0); /* detaching hundreds of probes takes long */
}
