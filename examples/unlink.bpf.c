// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Twins: the return of one kernel function by kretprobe, which has the result only, and by
 * fexit, which has the arguments, too.
 *   skep run unlink.bpf.o -- rm x
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("kprobe/do_unlinkat")
int BPF_KPROBE(do_unlinkat_entry, int dfd, struct filename *name)
{
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), BPF_CORE_READ(name, name));
	bpf_printk("kprobe: %s", path);
	return 0;
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(do_unlinkat_exit, long ret)
{
	bpf_printk("kretprobe: ret = %ld", ret);
	return 0;
}

SEC("fexit/do_unlinkat")
int BPF_PROG(do_unlinkat_fexit, int dfd, struct filename *name, long ret)
{
	char path[64] = "";

	bpf_probe_read_kernel_str(path, sizeof(path), name->name);
	bpf_printk("fexit: %s, ret = %ld", path, ret);
	return 0;
}
