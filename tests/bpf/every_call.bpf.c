// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Counts every system call of every supervised process, twice: for tools/suites.py. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u64 enters, exits, execs, ends;

SEC("raw_tp/sys_enter")
int on_enter(void *ctx)
{
	__sync_fetch_and_add(&enters, 1);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_exit(void *ctx)
{
	__sync_fetch_and_add(&exits, 1);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	__sync_fetch_and_add(&execs, 1);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_end(void *ctx)
{
	__sync_fetch_and_add(&ends, 1);
	return 0;
}
