/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Every tracepoint's record, and what raw tracepoints are called with, into one ring. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct event {
	__u32 which, tid;
	char comm[16];
	__u8 bytes[160];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

static int send(__u32 which, const void *from, __u32 size)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);

	if (!e)
		return 0;
	e->which = which;
	e->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_kernel(e->bytes, size, from);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#define RECORD(number, section)                                                                    \
	SEC("tp/" section) int on_record_##number(void *ctx)                                       \
	{                                                                                          \
		return send(number, ctx, 96);                                                      \
	}

RECORD(0, "sched/sched_process_exec")
RECORD(1, "sched/sched_process_fork")
RECORD(2, "sched/sched_process_exit")
RECORD(3, "signal/signal_generate")
RECORD(4, "signal/signal_deliver")
RECORD(5, "task/task_newtask")
RECORD(6, "task/task_rename")
RECORD(7, "raw_syscalls/sys_enter")
RECORD(8, "raw_syscalls/sys_exit")
RECORD(9, "syscalls/sys_enter_kill")
RECORD(10, "syscalls/sys_exit_kill")
RECORD(11, "syscalls/sys_exit_execve")
RECORD(12, "syscalls/sys_enter_rt_sigreturn")
RECORD(13, "syscalls/sys_exit_rt_sigreturn")

/* Of these, the numbers among the arguments. */
#define RAW(number, section, n)                                                                    \
	SEC("raw_tp/" section) int on_raw_##number(struct bpf_raw_tracepoint_args *ctx)            \
	{                                                                                          \
		__u64 args[5] = {};                                                                \
		for (int i = 0; i < n; i++)                                                        \
			args[i] = ctx->args[i];                                                    \
		return send(number, args, sizeof(args));                                           \
	}

RAW(20, "sched_process_exec", 3)
RAW(21, "sched_process_fork", 2)
RAW(22, "sched_process_exit", 1)
RAW(23, "signal_generate", 5)
RAW(24, "signal_deliver", 3)
RAW(25, "task_newtask", 2)
RAW(26, "task_rename", 2)
RAW(27, "sys_enter", 2)
RAW(28, "sys_exit", 2)
