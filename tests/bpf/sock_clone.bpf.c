// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Storages of sockets, one of which accepted sockets begin with: tests/tools/sock_clone.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, __u64);
} cloned SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} own SEC(".maps");

char _license[] SEC("license") = "GPL";
