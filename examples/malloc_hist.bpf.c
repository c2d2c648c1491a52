// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * How large are the pieces that a command asks malloc() for? And who asks how often?
 *   skep run malloc_hist.bpf.o -- ls -l /usr
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define SLOTS 32

char LICENSE[] SEC("license") = "GPL";

__u64 malloc_bytes_hist[SLOTS]; /* slot i: 2^i to 2^(i+1)-1 bytes */

typedef char comm_t[16];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, comm_t);
	__type(value, u64);
} calls SEC(".maps");

static u32 log2(u64 v)
{
	u32 r = 0;

	for (int i = 0; i < SLOTS - 1 && v > 1; i++) {
		v >>= 1;
		r++;
	}
	return r;
}

SEC("uprobe/libc.so.6:malloc")
int BPF_KPROBE(on_malloc, unsigned long size)
{
	comm_t comm = "";
	u64 one = 1, *n;

	__sync_fetch_and_add(&malloc_bytes_hist[log2(size) & (SLOTS - 1)], 1);
	bpf_get_current_comm(comm, sizeof(comm));
	n = bpf_map_lookup_elem(&calls, &comm);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&calls, &comm, &one, BPF_NOEXIST);
	return 0;
}
