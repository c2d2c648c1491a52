// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What tests/go/main.go loads: calls of openat through a ring buffer, of a user function through a perf buffer. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} opens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} calls SEC(".maps");

struct sys_enter_openat {
	unsigned long long common;
	long nr, dfd;
	const char *filename;
};

SEC("tracepoint/syscalls/sys_enter_openat")
int on_open(struct sys_enter_openat *ctx)
{
	char *path = bpf_ringbuf_reserve(&opens, 64, 0);

	if (!path)
		return 0;
	bpf_probe_read_user_str(path, 64, ctx->filename);
	bpf_ringbuf_submit(path, 0);
	return 0;
}

SEC("uprobe/main")
int on_call(void *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid() >> 32;

	bpf_perf_event_output(ctx, &calls, BPF_F_CURRENT_CPU, &pid, sizeof(pid));
	return 0;
}
