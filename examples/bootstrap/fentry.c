// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Attaches the programs of fentry.bpf.c and waits; what they see is in the trace pipe. */
#include <unistd.h>

#include "fentry.skel.h"
#include "until.h"

int main(void)
{
	struct fentry_bpf *skel = fentry_bpf__open_and_load();
	int err;

	until_interrupted();
	if (!skel)
		return failed("load", errno);
	err = fentry_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	printf("attached\n");
	while (!interrupted)
		pause();
	fentry_bpf__destroy(skel);
	return 0;
}
