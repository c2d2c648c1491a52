// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Prints who executes what, and how it ends.
 *   bootstrap [MILLISECONDS]     only those that lived so long
 */
#include <stdlib.h>
#include <time.h>

#include "bootstrap.h"
#include "bootstrap.skel.h"
#include "until.h"

static int show(void *ctx, void *data, size_t size)
{
	const struct life *life = data;
	time_t now = time(NULL);
	char when[16];

	strftime(when, sizeof(when), "%H:%M:%S", localtime(&now));
	printf("%-8s %-4s %-16s %-7d %-7d ", when, life->has_ended ? "exit" : "exec", life->comm,
	       life->pid, life->ppid);
	if (!life->has_ended)
		printf("%s\n", life->path);
	else if (life->exit_code & 0x7f)
		printf("signal %u\n", life->exit_code & 0x7f);
	else if (life->nsecs)
		printf("status %u after %llu ms\n", life->exit_code >> 8, life->nsecs / 1000000);
	else
		printf("status %u\n", life->exit_code >> 8);
	return 0;
}

int main(int argc, char **argv)
{
	struct bootstrap_bpf *skel = bootstrap_bpf__open();
	struct ring_buffer *ring;
	int err;

	until_interrupted();
	if (!skel)
		return failed("open", errno);
	skel->rodata->min_nsecs = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000000 : 0;
	err = bootstrap_bpf__load(skel);
	if (!err)
		err = bootstrap_bpf__attach(skel);
	if (err)
		return failed("load and attach", err);
	ring = ring_buffer__new(bpf_map__fd(skel->maps.lives), show, NULL, NULL);
	if (!ring)
		return failed("ring buffer", errno);
	printf("%-8s %-4s %-16s %-7s %-7s %s\n", "TIME", "WHAT", "COMM", "PID", "PPID",
	       "PROGRAM, END");
	while (!interrupted) {
		err = ring_buffer__poll(ring, 100);
		if (err < 0 && err != -EINTR)
			return failed("poll", err);
	}
	ring_buffer__free(ring);
	bootstrap_bpf__destroy(skel);
	return 0;
}
