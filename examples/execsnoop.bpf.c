// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Programs that are executed, with their arguments and what came of it.
 *   skep run execsnoop.bpf.o -- make
 *   skep run execsnoop.bpf.o --set failed=true -- sh -c 'nosuchcommand'
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define ARGS	12
#define ARG_MAX 32

char LICENSE[] SEC("license") = "GPL";

struct event {
	int pid;
	int ppid;
	int ret;
	char comm[16];
	char args[ARGS * ARG_MAX]; /* joined by spaces */
};
/* Tells skep (and bpf2go) which struct the records are. */
struct event *unused_event __attribute__((unused));

const volatile bool failed = false; /* also those that fail */

/* An event in the making, by thread: the arguments are there at entry only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct event);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("tp/syscalls/sys_enter_execve")
int execve_enter(struct trace_event_raw_sys_enter *ctx)
{
	const char *const *argv = (const char *const *)ctx->args[1];
	u32 tid = (u32)bpf_get_current_pid_tgid(), zero = 0, at = 0;
	struct event *e = bpf_map_lookup_elem(&scratch, &zero);

	if (!e)
		return 0;
	e->args[0] = 0;
	for (int i = 0; i < ARGS; i++) {
		const char *arg = NULL;
		long n;

		if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) || !arg)
			break;
		if (at > sizeof(e->args) - ARG_MAX)
			break;
		n = bpf_probe_read_user_str(&e->args[at], ARG_MAX, arg);
		if (n <= 0)
			break;
		if (at)
			e->args[at - 1] = ' '; /* instead of the NUL before it */
		at += n;
	}
	bpf_map_update_elem(&pending, &tid, e, BPF_ANY);
	return 0;
}

SEC("tp/syscalls/sys_exit_execve")
int execve_exit(struct trace_event_raw_sys_exit *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = (u32)id;
	struct event *e = bpf_map_lookup_elem(&pending, &tid);
	struct task_struct *task;

	if (!e)
		return 0;
	if (ctx->ret >= 0 || failed) {
		task = (struct task_struct *)bpf_get_current_task();
		e->pid = id >> 32;
		e->ppid = BPF_CORE_READ(task, real_parent, tgid);
		e->ret = ctx->ret;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		bpf_ringbuf_output(&events, e, sizeof(*e), 0);
	}
	bpf_map_delete_elem(&pending, &tid);
	return 0;
}
