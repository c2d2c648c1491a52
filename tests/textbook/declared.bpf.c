// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Declarations as some texts have them, which do not do what they seem to. One is loaded at a time. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct my_syscalls_enter_execve {
	unsigned short common_type;
	unsigned char common_flags;
	unsigned char common_preempt_count;
	int common_pid;
	long syscall_nr;
	const char *filename_ptr;
	long argv_ptr;
	long envp_ptr;
};

/* The record's own fields can be read, */
SEC("?tp/syscalls/sys_enter_execve")
int tp_sys_enter_execve(struct my_syscalls_enter_execve *ctx)
{
	char path[64] = "";

	bpf_probe_read_user_str(path, sizeof(path), ctx->filename_ptr);
	bpf_printk("tp: %s %ld", path, ctx->syscall_nr);
	return 0;
}

/* its first eight bytes cannot. */
SEC("?tp/syscalls/sys_enter_execve")
int tp_common_fields(struct my_syscalls_enter_execve *ctx)
{
	bpf_printk("tp: %d", ctx->common_pid);
	return 0;
}

/* What arrives is a task_struct, read as if it were the tracepoint's record. */
SEC("?tp_btf/sched_process_exec")
int handle_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	bpf_printk("tp_btf: %d", BPF_CORE_READ(ctx, pid));
	return 0;
}

/* libbpf wants a colon between file and symbol, and a slash before the file. */
SEC("?uprobe/usr/lib/x86_64-linux-gnu/libc.so.6/malloc")
int as_spelled(struct pt_regs *ctx)
{
	return 0;
}

SEC("?uprobe//usr/lib/x86_64-linux-gnu/libc.so.6:malloc")
int as_libbpf_wants(struct pt_regs *ctx)
{
	bpf_printk("uprobe: malloc");
	return 0;
}
