/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program of every tracing kind; each counts its runs in its own element. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} runs SEC(".maps");

__u64 last_cookie;
long last_nr;
char last_name[64];

static void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&runs, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

struct enter_execve {
	__u64 common;
	int nr;
	__u64 filename, argv, envp;
};

SEC("tp/syscalls/sys_enter_execve")
int on_tp_enter(struct enter_execve *ctx)
{
	last_nr = ctx->nr;
	bpf_probe_read_user_str(last_name, sizeof(last_name), (void *)ctx->filename);
	count(0);
	return 0;
}

SEC("tp/syscalls/sys_exit_execve")
int on_tp_exit(void *ctx)
{
	count(1);
	return 0;
}

SEC("tp/raw_syscalls/sys_enter")
int on_tp_raw_enter(void *ctx)
{
	count(2);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_raw_enter(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == 59)
		count(3);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_raw_exit(struct bpf_raw_tracepoint_args *ctx)
{
	count(4);
	return 0;
}

SEC("tp/sched/sched_process_exec")
int on_tp_exec(void *ctx)
{
	count(5);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_btf_exec(__u64 *ctx)
{
	count(6);
	return 0;
}

SEC("kprobe/do_unlinkat")
int on_kprobe(struct pt_regs *ctx)
{
	count(7);
	return 0;
}

SEC("kretprobe/do_unlinkat")
int on_kretprobe(struct pt_regs *ctx)
{
	count(8);
	return 0;
}

SEC("ksyscall/execve")
int on_ksyscall(struct pt_regs *ctx)
{
	count(9);
	return 0;
}

SEC("kretsyscall/unlinkat")
int on_kretsyscall(struct pt_regs *ctx)
{
	count(10);
	return 0;
}

SEC("fentry/do_unlinkat")
int on_fentry(__u64 *ctx)
{
	count(11);
	return 0;
}

SEC("fexit/do_unlinkat")
int on_fexit(__u64 *ctx)
{
	count(12);
	return 0;
}

SEC("tp/sched/sched_process_fork")
int on_tp_fork(void *ctx)
{
	count(13);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_tp_gone(void *ctx)
{
	count(14);
	return 0;
}

SEC("raw_tp/task_newtask")
int on_raw_newtask(void *ctx)
{
	count(15);
	return 0;
}

SEC("tp/signal/signal_deliver")
int on_tp_deliver(void *ctx)
{
	count(16);
	return 0;
}

SEC("fentry/do_execve")
int on_fentry_execve(__u64 *ctx)
{
	count(17);
	return 0;
}

SEC("uprobe")
int on_uprobe(struct pt_regs *ctx)
{
	last_cookie = bpf_get_attach_cookie(ctx);
	count(18);
	return 0;
}

SEC("perf_event")
int on_sample(void *ctx)
{
	count(19);
	return 0;
}
