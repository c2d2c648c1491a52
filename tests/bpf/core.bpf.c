/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs whose instructions depend on where the kernel's types have their fields. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

struct task_struct {
	int pid, tgid;
	char comm[16];
	struct task_struct *real_parent;
	long nobody_has_this;
} CORE;
/* another flavour of the same type: as some other release had it */
struct task_struct___other {
	int tgid;
} CORE;
struct no_such_struct {
	int field;
} CORE;
struct __sk_buff;

SEC("socket")
int pid_offset(struct __sk_buff *skb)
{
	return __builtin_preserve_field_info(((struct task_struct *)0)->pid, BPF_FIELD_BYTE_OFFSET);
}

SEC("socket")
int tgid_offset(struct __sk_buff *skb)
{
	return __builtin_preserve_field_info(((struct task_struct___other *)0)->tgid,
					     BPF_FIELD_BYTE_OFFSET);
}

SEC("socket")
int comm_size(struct __sk_buff *skb)
{
	return bpf_core_field_size(((struct task_struct *)0)->comm);
}

SEC("socket")
int type_size(struct __sk_buff *skb)
{
	return bpf_core_type_size(struct task_struct);
}

SEC("socket")
int exists(struct __sk_buff *skb)
{
	return bpf_core_field_exists(((struct task_struct *)0)->comm) << 0 |
	       bpf_core_field_exists(((struct task_struct *)0)->nobody_has_this) << 1 |
	       bpf_core_type_exists(struct task_struct) << 2 |
	       bpf_core_type_exists(struct no_such_struct) << 3;
}

/* Direct loads: here the offsets are in the load instructions. */
SEC("tp_btf/sched_switch")
int parent_pid(unsigned long long *ctx)
{
	struct task_struct *prev = (void *)ctx[1];

	return prev->real_parent->pid;
}

char _license[] SEC("license") = "GPL";
