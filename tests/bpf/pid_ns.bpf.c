// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Tasks by the numbers of who calls getppid() in another pid namespace, for tests/script/pid_ns. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

extern struct task_struct *bpf_task_from_vpid(__s32 vpid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

struct seen {
	__u32 one, two, none; /* pid in the outermost namespace; 0: nobody */
	__u32 self, parent;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

static __u32 pid_of(__s32 vpid)
{
	struct task_struct *t = bpf_task_from_vpid(vpid);
	__u32 pid;

	if (!t)
		return 0;
	pid = t->pid;
	bpf_task_release(t);
	return pid;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	struct task_struct *now = bpf_get_current_task_btf();
	__u32 zero = 0;
	struct seen *s = bpf_map_lookup_elem(&seen, &zero);

	if (!s || id != 110 /* getppid */)
		return 0;
	s->one = pid_of(1);
	s->two = pid_of(2);
	s->none = pid_of(12345);
	s->self = now->pid;
	s->parent = now->real_parent->pid;
	return 0;
}
