// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Seven ways to see a program being executed or a file removed, as the textbooks declare
 * them: each says which one it is and what it saw.
 *   skep run seven.bpf.o -- sh -c 'ls; rm x'
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/* 1: the system call, whatever the kernel calls its function. The string is still the process's. */
SEC("ksyscall/execve")
int BPF_KPROBE_SYSCALL(kprobe_sys_execve, char *pathname)
{
	char path[64] = "";

	bpf_probe_read_user_str(path, sizeof(path), pathname);
	bpf_printk("1 ksyscall execve: %s", path);
	return 0;
}

/* 2: a function inside the kernel. Its argument is the kernel's. */
SEC("kprobe/do_execve")
int BPF_KPROBE(kprobe_do_execve, struct filename *filename)
{
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(filename, name));
	bpf_printk("2 kprobe do_execve: %s", path);
	return 0;
}

/* 3: the same function through BTF: arguments have types, pointers can be followed. */
SEC("fentry/do_execve")
int BPF_PROG(fentry_execve, struct filename *filename)
{
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), filename->name);
	bpf_printk("3 fentry do_execve: %s", path);
	return 0;
}

/* 4: the tracepoint of the system call, its record described by hand. */
struct sys_enter_execve {
	unsigned short common_type;
	unsigned char common_flags;
	unsigned char common_preempt_count;
	int common_pid;
	int nr;
	const char *filename;
	const char *const *argv;
	const char *const *envp;
};

SEC("tp/syscalls/sys_enter_execve")
int tp_sys_enter_execve(struct sys_enter_execve *ctx)
{
	char path[64] = "";

	bpf_probe_read_user_str(path, sizeof(path), ctx->filename);
	bpf_printk("4 tp sys_enter_execve: %s", path);
	return 0;
}

/*
 * 5: the scheduler's tracepoint through BTF: it fires when the new program is in place. Its
 * arguments are the tracepoint's own. (Declared as struct trace_event_raw_sched_process_exec *,
 * which some texts do, the first would be the task_struct read as if it were that record.)
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	bpf_printk("5 tp_btf sched_process_exec: pid %d runs %s", task->tgid, bprm->filename);
	return 0;
}

/* 6: the same one with raw arguments. */
SEC("raw_tp/sched_process_exec")
int raw_tp_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (void *)ctx->args[2];
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(bprm, filename));
	bpf_printk("6 raw_tp sched_process_exec: %s", path);
	return 0;
}

/* 7: and a file is removed. */
SEC("fentry/do_unlinkat")
int BPF_PROG(fentry_unlinkat, int dfd, struct filename *name)
{
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), name->name);
	bpf_printk("7 fentry do_unlinkat: %s", path);
	return 0;
}
