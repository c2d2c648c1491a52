// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The textbooks' loader: opens an object, loads and attaches its programs, and waits. An ordinary
 * program of libbpf that knows nothing of skep.
 *   loader OBJECT [PROGRAM]      PROGRAM: this one alone
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	int attached = 0;

	signal(SIGINT, end);
	signal(SIGTERM, end);
	if (argc < 2)
		return 2;
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj)
		return 1;
	if (argc > 2)
		bpf_object__for_each_program(prog, obj)
			bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), argv[2]));
	if (bpf_object__load(obj))
		return 1;
	bpf_object__for_each_program(prog, obj)
	{
		if (!bpf_program__autoload(prog))
			continue;
		if (!bpf_program__attach(prog)) {
			printf("%s: cannot be attached\n", bpf_program__name(prog));
			return 1;
		}
		attached++;
	}
	printf("%d programs attached\n", attached);
	fflush(stdout);
	while (!ended)
		pause();
	bpf_object__close(obj);
	return 0;
}
