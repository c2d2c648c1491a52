// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Files that are opened, and by what name; through a perf event array.
 *   skep run opensnoop.bpf.o -- cat /etc/hostname
 *   skep run opensnoop.bpf.o --set failed_only=true -- python3 -c ''
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct event {
	int pid;
	int ret; /* descriptor, or -errno */
	int flags;
	char comm[16];
	char name[128];
};
struct event *unused_event __attribute__((unused));

const volatile bool failed_only = false;
const volatile int only_pid = 0;

struct args {
	const char *name;
	int flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct args);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} events SEC(".maps");

static int enter(const char *name, int flags)
{
	u64 id = bpf_get_current_pid_tgid();
	struct args a = { .name = name, .flags = flags };
	u32 tid = (u32)id;

	if (only_pid && only_pid != (int)(id >> 32))
		return 0;
	bpf_map_update_elem(&pending, &tid, &a, BPF_ANY);
	return 0;
}

static int leave(void *ctx, int ret)
{
	u64 id = bpf_get_current_pid_tgid();
	struct event e = { .pid = id >> 32, .ret = ret };
	u32 tid = (u32)id;
	struct args *a = bpf_map_lookup_elem(&pending, &tid);

	if (!a)
		return 0;
	if (ret < 0 || !failed_only) {
		e.flags = a->flags;
		bpf_get_current_comm(e.comm, sizeof(e.comm));
		bpf_probe_read_user_str(e.name, sizeof(e.name), a->name);
		bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));
	}
	bpf_map_delete_elem(&pending, &tid);
	return 0;
}

SEC("tp/syscalls/sys_enter_open")
int open_enter(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[0], (int)ctx->args[1]);
}

SEC("tp/syscalls/sys_enter_openat")
int openat_enter(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[1], (int)ctx->args[2]);
}

SEC("tp/syscalls/sys_exit_open")
int open_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, (int)ctx->ret);
}

SEC("tp/syscalls/sys_exit_openat")
int openat_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, (int)ctx->ret);
}
