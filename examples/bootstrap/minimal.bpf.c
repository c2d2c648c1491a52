// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The smallest: one process's writes, told to the trace pipe. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

int only_pid = 0;

SEC("tp/syscalls/sys_enter_write")
int on_write(void *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;

	if (pid == only_pid)
		bpf_printk("write by %d", pid);
	return 0;
}
