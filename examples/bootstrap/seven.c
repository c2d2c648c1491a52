// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Attaches the seven programs of examples/seven.bpf.c and waits; what they see is in the trace pipe.
 *   seven [PROGRAM…]     but for these: kernels whose compiler inlined do_execve() have two less
 */
#include <unistd.h>

#include "seven.skel.h"
#include "until.h"

int main(int argc, char **argv)
{
	struct seven_bpf *skel = seven_bpf__open();
	struct bpf_program *prog;
	int err;

	until_interrupted();
	if (!skel)
		return failed("open", errno);
	for (int i = 1; i < argc; i++) {
		prog = bpf_object__find_program_by_name(skel->obj, argv[i]);
		if (!prog)
			return failed(argv[i], ENOENT);
		bpf_program__set_autoload(prog, false);
	}
	err = seven_bpf__load(skel);
	if (!err)
		err = seven_bpf__attach(skel);
	if (err)
		return failed("load and attach", err);
	printf("attached\n");
	while (!interrupted)
		pause();
	seven_bpf__destroy(skel);
	return 0;
}
