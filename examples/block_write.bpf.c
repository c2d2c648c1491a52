// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Keeps a command from writing: its write calls are not executed, it sees them fail.
 * Complaints may pass, unless --set errors=true.
 *   skep run block_write.bpf.o -- bash -c 'echo x > file'
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define EPERM 1

char LICENSE[] SEC("license") = "GPL";

const volatile bool errors = false; /* standard error, too */

long blocked;

SEC("ksyscall/write")
int BPF_KPROBE_SYSCALL(block_write, int fd, const char *buf, unsigned long count)
{
	if (fd == 2 && !errors)
		return 0;
	__sync_fetch_and_add(&blocked, 1);
	bpf_printk("write of %lu bytes to descriptor %d refused", count, fd);
	bpf_override_return(ctx, -EPERM);
	return 0;
}
