// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Writes a dot now and then, and is seen doing it. The pid is put into the program's data before it is loaded. */
#include <unistd.h>

#include "minimal.skel.h"
#include "until.h"

int main(void)
{
	struct minimal_bpf *skel = minimal_bpf__open();
	int err;

	until_interrupted();
	if (!skel)
		return failed("open", errno);
	skel->bss->only_pid = getpid();
	err = minimal_bpf__load(skel);
	if (!err)
		err = minimal_bpf__attach(skel);
	if (err)
		return failed("load and attach", err);
	printf("attached\n");
	while (!interrupted) {
		if (write(STDERR_FILENO, ".", 1) < 0)
			break;
		usleep(200000);
	}
	minimal_bpf__destroy(skel);
	return 0;
}
