// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The same as bootstrap for kernels before 5.8: no ring buffer, but one perf buffer for each CPU. */
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
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} lives SEC(".maps");

/* struct life is a good part of the stack: it is composed here */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct life);
} scratch SEC(".maps");

const volatile __u64 min_nsecs = 0;

static struct life *life_begin(int pid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int zero = 0;
	struct life *life = bpf_map_lookup_elem(&scratch, &zero);

	if (!life)
		return NULL;
	__builtin_memset(life, 0, sizeof(*life));
	life->pid = pid;
	life->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(life->comm, sizeof(life->comm));
	return life;
}

SEC("tp/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	struct life *life;

	bpf_map_update_elem(&began, &pid, &now, BPF_ANY);
	if (min_nsecs)
		return 0;
	life = life_begin(pid);
	if (!life)
		return 0;
	bpf_probe_read_str(life->path, sizeof(life->path),
			   (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_perf_event_output(ctx, &lives, BPF_F_CURRENT_CPU, life, sizeof(*life));
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid(), *since, nsecs = 0;
	int pid = id >> 32;
	struct life *life;

	if (pid != (__u32)id)
		return 0;
	since = bpf_map_lookup_elem(&began, &pid);
	if (since)
		nsecs = bpf_ktime_get_ns() - *since;
	else if (min_nsecs)
		return 0;
	bpf_map_delete_elem(&began, &pid);
	if (nsecs < min_nsecs)
		return 0;
	life = life_begin(pid);
	if (!life)
		return 0;
	life->has_ended = 1;
	life->nsecs = nsecs;
	life->exit_code = BPF_CORE_READ(task, exit_code);
	bpf_perf_event_output(ctx, &lives, BPF_F_CURRENT_CPU, life, sizeof(*life));
	return 0;
}
