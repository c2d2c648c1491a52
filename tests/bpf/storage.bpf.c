/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values that hang on the current task and its cgroup: run by the kernel and by skep. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "storage.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct storage_value);
} of_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct storage_value);
} of_cgroup SEC(".maps");

struct storage_answer answer;

SEC("raw_tp/sys_enter")
int on_task(void *ctx)
{
	struct storage_value first = { .count = 100, .last = 7 }, *v;
	struct task_struct *task = bpf_get_current_task_btf();

	answer.absent = !bpf_task_storage_get(&of_task, task, 0, 0);
	answer.bad_flags = !bpf_task_storage_get(&of_task, task, &first, 2);
	v = bpf_task_storage_get(&of_task, task, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!v)
		return 1;
	answer.before = v->count;
	v->count++;
	v->last = (unsigned int)bpf_get_current_pid_tgid();
	v = bpf_task_storage_get(&of_task, task, 0, 0);
	answer.after = v ? v->count : 0;
	return 0;
}

SEC("raw_tp/sys_enter")
int off_task(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	answer.deleted = bpf_task_storage_delete(&of_task, task);
	answer.again = bpf_task_storage_delete(&of_task, task);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_cgroup(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct storage_value *v;

	answer.absent = !bpf_cgrp_storage_get(&of_cgroup, task->cgroups->dfl_cgrp, 0, 0);
	v = bpf_cgrp_storage_get(&of_cgroup, task->cgroups->dfl_cgrp, 0,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!v)
		return 1;
	answer.before = v->count;
	v->count++;
	answer.after = v->count;
	return 0;
}

SEC("raw_tp/sys_enter")
int off_cgroup(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	answer.deleted = bpf_cgrp_storage_delete(&of_cgroup, task->cgroups->dfl_cgrp);
	answer.again = bpf_cgrp_storage_delete(&of_cgroup, task->cgroups->dfl_cgrp);
	return 0;
}

char _license[] SEC("license") = "GPL";
