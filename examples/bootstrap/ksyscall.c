// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Attaches the programs of ksyscall.bpf.c and waits; what they see is in the trace pipe. */
#include <unistd.h>

#include "ksyscall.skel.h"
#include "until.h"

int main(void)
{
	struct ksyscall_bpf *skel = ksyscall_bpf__open_and_load();
	int err;

	until_interrupted();
	if (!skel)
		return failed("load", errno);
	err = ksyscall_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	printf("attached\n");
	while (!interrupted)
		pause();
	ksyscall_bpf__destroy(skel);
	return 0;
}
