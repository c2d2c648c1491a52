// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Processes that execute a program, and their ends: a hash keeps when they began, a ring buffer carries both. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bootstrap.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, int);
	__type(value, __u64);
} began SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} lives SEC(".maps");

const volatile __u64 min_nsecs = 0;

SEC("tp/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	struct life *life;

	bpf_map_update_elem(&began, &pid, &now, BPF_ANY);
	if (min_nsecs)
		return 0;
	life = bpf_ringbuf_reserve(&lives, sizeof(*life), 0);
	if (!life)
		return 0;
	life->has_ended = 0;
	life->pid = pid;
	life->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(life->comm, sizeof(life->comm));
	bpf_probe_read_str(life->path, sizeof(life->path),
			   (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_ringbuf_submit(life, 0);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid(), *since, nsecs = 0;
	int pid = id >> 32;
	struct life *life;

	if (pid != (__u32)id) /* a thread's end */
		return 0;
	since = bpf_map_lookup_elem(&began, &pid);
	if (since)
		nsecs = bpf_ktime_get_ns() - *since;
	else if (min_nsecs)
		return 0;
	bpf_map_delete_elem(&began, &pid);
	if (nsecs < min_nsecs)
		return 0;
	life = bpf_ringbuf_reserve(&lives, sizeof(*life), 0);
	if (!life)
		return 0;
	life->has_ended = 1;
	life->nsecs = nsecs;
	life->pid = pid;
	life->ppid = BPF_CORE_READ(task, real_parent, tgid);
	life->exit_code = BPF_CORE_READ(task, exit_code);
	bpf_get_current_comm(life->comm, sizeof(life->comm));
	bpf_ringbuf_submit(life, 0);
	return 0;
}
