// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * No process of this tree opens *.key: a security module of one hook. On Linux it is in force for
 * the whole machine, under skep for the processes that run under it.
 *   skep run nokey.bpf.o -- cat server.key
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define EPERM 1

/* How often it was refused, by process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} refused SEC(".maps");

static bool is_key(const char *name, u32 len)
{
	char end[5] = "";

	if (len < 4)
		return false;
	bpf_probe_read_kernel(end, 4, name + len - 4);
	return end[0] == '.' && end[1] == 'k' && end[2] == 'e' && end[3] == 'y';
}

SEC("lsm/file_open")
int BPF_PROG(nokey, struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	u64 one = 1, *n;

	if (!is_key((const char *)dentry->d_name.name, dentry->d_name.len))
		return 0;
	n = bpf_map_lookup_elem(&refused, &pid);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&refused, &pid, &one, BPF_NOEXIST);
	bpf_printk("%d may not open %s", pid, dentry->d_name.name);
	return -EPERM;
}
