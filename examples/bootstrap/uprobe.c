// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Calls two functions of its own, at which programs are attached. */
#include <unistd.h>

#include "until.h"
#include "uprobe.skel.h"

/* global and called through the barrier: neither may be inlined or folded */
__attribute__((noinline)) int added(int a, int b)
{
	__asm__ volatile("" : "+r"(a));
	return a + b;
}

__attribute__((noinline)) int subtracted(int a, int b)
{
	__asm__ volatile("" : "+r"(a));
	return a - b;
}

int main(void)
{
	struct uprobe_bpf *skel = uprobe_bpf__open_and_load();
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "added");
	int err;

	until_interrupted();
	if (!skel)
		return failed("load", errno);
	skel->links.add_called = bpf_program__attach_uprobe_opts(skel->progs.add_called, 0,
								 "/proc/self/exe", 0, &opts);
	if (!skel->links.add_called)
		return failed("attach add_called", errno);
	opts.retprobe = true;
	skel->links.add_returns = bpf_program__attach_uprobe_opts(skel->progs.add_returns, -1,
								  "/proc/self/exe", 0, &opts);
	if (!skel->links.add_returns)
		return failed("attach add_returns", errno);
	err = uprobe_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	printf("attached\n");
	for (int i = 0; i < 5 && !interrupted; i++) {
		fprintf(stderr, ".");
		added(i, i + 1);
		subtracted(i * i, i);
		usleep(100000);
	}
	printf("done\n");
	while (!interrupted)
		pause();
	uprobe_bpf__destroy(skel);
	return 0;
}
