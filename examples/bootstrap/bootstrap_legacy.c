// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Prints who executes what, and how it ends, from perf buffers.
 *   bootstrap_legacy [MILLISECONDS]     only those that lived so long
 */
#include <stdlib.h>
#include <time.h>

#include "bootstrap.h"
#include "bootstrap_legacy.skel.h"
#include "until.h"

static void show(void *ctx, int cpu, void *data, __u32 size)
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
}

static void lost(void *ctx, int cpu, __u64 count)
{
	fprintf(stderr, "lost %llu on CPU %d\n", (unsigned long long)count, cpu);
}

int main(int argc, char **argv)
{
	struct bootstrap_legacy_bpf *skel = bootstrap_legacy_bpf__open();
	struct perf_buffer *buffers;
	int err;

	until_interrupted();
	if (!skel)
		return failed("open", errno);
	skel->rodata->min_nsecs = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000000 : 0;
	err = bootstrap_legacy_bpf__load(skel);
	if (!err)
		err = bootstrap_legacy_bpf__attach(skel);
	if (err)
		return failed("load and attach", err);
	buffers = perf_buffer__new(bpf_map__fd(skel->maps.lives), 8, show, lost, NULL, NULL);
	if (!buffers)
		return failed("perf buffers", errno);
	printf("%-8s %-4s %-16s %-7s %-7s %s\n", "TIME", "WHAT", "COMM", "PID", "PPID",
	       "PROGRAM, END");
	while (!interrupted) {
		err = perf_buffer__poll(buffers, 100);
		if (err < 0 && err != -EINTR)
			return failed("poll", err);
	}
	perf_buffer__free(buffers);
	bootstrap_legacy_bpf__destroy(skel);
	return 0;
}
