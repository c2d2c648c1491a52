// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* System calls by their functions, whatever an architecture calls them and wherever it keeps their arguments. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("ksyscall/kill")
int BPF_KSYSCALL(kill_called, pid_t pid, int sig)
{
	char comm[16];

	if (!sig) /* it only asks */
		return 0;
	bpf_get_current_comm(comm, sizeof(comm));
	bpf_printk("kill by %s: signal %d to %s", comm, sig,
		   pid == (bpf_get_current_pid_tgid() >> 32) ? "itself" : "another");
	return 0;
}

SEC("ksyscall/tgkill")
int BPF_KSYSCALL(tgkill_called, pid_t tgid, pid_t tid, int sig)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	bpf_printk("tgkill by %s: signal %d", comm, sig);
	return 0;
}

SEC("kretsyscall/umount")
int BPF_KRETPROBE(umount_returns, long ret)
{
	bpf_printk("umount returns %ld", ret);
	return 0;
}
