// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Attaches the programs of kprobe.bpf.c and waits; what they see is in the trace pipe. */
#include <unistd.h>

#include "kprobe.skel.h"
#include "until.h"

int main(void)
{
	struct kprobe_bpf *skel = kprobe_bpf__open_and_load();
	int err;

	until_interrupted();
	if (!skel)
		return failed("load", errno);
	err = kprobe_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	printf("attached\n");
	while (!interrupted)
		pause();
	kprobe_bpf__destroy(skel);
	return 0;
}
