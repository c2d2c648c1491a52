/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every kind of CO-RE record, on types that kernels have and on some that they have not: tests/unit/core_relo_test.c
 * has them applied by libbpf, by skep and by the running kernel.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define RELOCATED __attribute__((preserve_access_index))

struct list_head {
	struct list_head *next, *prev;
} RELOCATED;

struct task_struct {
	int pid, tgid;
	char comm[16];
	unsigned int flags;
	unsigned sched_reset_on_fork : 1;
	unsigned in_execve : 1;
	struct task_struct *real_parent;
	struct list_head children;
	struct {
		unsigned long sig[1];
	} blocked;
} RELOCATED;

/* Flavours: what only some kernels have. */
struct task_struct___old {
	volatile long state;
} RELOCATED;

struct task_struct___new {
	unsigned int __state;
} RELOCATED;

/* Sizes that differ from the kernel's, where that may be and where it may not. */
struct task_struct___wide {
	unsigned long flags; /* an unsigned int */
} RELOCATED;

struct task_struct___signed {
	long flags;
} RELOCATED;

struct no_such_struct {
	int x;
} RELOCATED;

struct sk_buff {
	unsigned int len;
	unsigned char pkt_type : 3;
	unsigned char *head;
} RELOCATED;

struct net_device {
	char name[16];
} RELOCATED;

struct fdtable {
	unsigned int max_fds;
	void **fd;
} RELOCATED;

enum pid_type___test {
	PIDTYPE_PID___test = 50,
	PIDTYPE_SID___test = 60,
	PIDTYPE_NONE___test = 70,
};

enum no_such_enum {
	NOTHING = 5,
};

typedef int no_such_typedef;
typedef unsigned int gfp_t;

SEC("socket")
int offsets(void *ctx)
{
	return bpf_core_field_offset(struct task_struct, pid) ^
	       bpf_core_field_offset(struct task_struct, comm[3]) << 1 ^
	       bpf_core_field_offset(struct task_struct, children.prev) << 2 ^
	       bpf_core_field_offset(struct task_struct, blocked.sig[0]) << 3 ^
	       bpf_core_field_offset(struct sk_buff, head) << 4;
}

SEC("socket")
int sizes(void *ctx)
{
	return bpf_core_field_size(struct task_struct, pid) ^
	       bpf_core_field_size(struct task_struct, comm) << 1 ^
	       bpf_core_field_size(struct net_device, name) << 2 ^
	       bpf_core_type_size(struct task_struct) << 3 ^
	       bpf_core_type_size(struct no_such_struct) << 4 ^ bpf_core_type_size(gfp_t) << 5;
}

SEC("socket")
int bits(void *ctx)
{
	struct task_struct *t = (void *)1;
	struct sk_buff *skb = (void *)1;

	return __builtin_preserve_field_info(t->in_execve, BPF_FIELD_LSHIFT_U64) ^
	       __builtin_preserve_field_info(t->in_execve, BPF_FIELD_RSHIFT_U64) << 1 ^
	       __builtin_preserve_field_info(t->in_execve, BPF_FIELD_BYTE_OFFSET) << 2 ^
	       __builtin_preserve_field_info(t->in_execve, BPF_FIELD_BYTE_SIZE) << 3 ^
	       __builtin_preserve_field_info(t->in_execve, BPF_FIELD_SIGNED) << 4 ^
	       __builtin_preserve_field_info(t->pid, BPF_FIELD_SIGNED) << 5 ^
	       __builtin_preserve_field_info(skb->pkt_type, BPF_FIELD_BYTE_OFFSET) << 6 ^
	       __builtin_preserve_field_info(skb->pkt_type, BPF_FIELD_LSHIFT_U64) << 7 ^
	       __builtin_preserve_field_info(skb->pkt_type, BPF_FIELD_RSHIFT_U64) << 8;
}

SEC("socket")
int existence(void *ctx)
{
	struct task_struct___old *old = (void *)1;
	struct task_struct___new *new = (void *)1;

	return bpf_core_field_exists(old->state) | bpf_core_field_exists(new->__state) << 1 |
	       bpf_core_field_exists(struct task_struct, comm[15]) << 2 |
	       bpf_core_type_exists(struct task_struct) << 3 |
	       bpf_core_type_exists(struct no_such_struct) << 4 |
	       bpf_core_type_exists(no_such_typedef) << 5 | bpf_core_type_exists(gfp_t) << 6;
}

SEC("socket")
int enumerators(void *ctx)
{
	__u64 value = bpf_core_enum_value(enum pid_type___test, PIDTYPE_SID___test);

	/* What the kernel lacks has no value: it is asked for in dead code only. */
	if (bpf_core_enum_value_exists(enum pid_type___test, PIDTYPE_NONE___test))
		value += bpf_core_enum_value(enum pid_type___test, PIDTYPE_NONE___test);
	if (bpf_core_enum_value_exists(enum no_such_enum, NOTHING))
		value += bpf_core_enum_value(enum no_such_enum, NOTHING);
	return (int)value;
}

SEC("socket")
int type_ids(void *ctx)
{
	return bpf_core_type_id_kernel(struct task_struct) ^
	       bpf_core_type_id_kernel(struct no_such_struct) ^
	       bpf_core_type_id_local(struct task_struct) << 8;
}

/* Loads and stores, whose offsets and sizes change. */
SEC("tp_btf/sched_switch")
int loads(unsigned long long *ctx)
{
	struct task_struct *t = (void *)ctx[1];
	struct task_struct___wide *wide = (void *)ctx[1];
	struct task_struct___signed *other = (void *)ctx[1];
	struct no_such_struct *none = (void *)ctx[1];
	long sum = t->pid + t->tgid + (long)t->real_parent->children.next;

	sum += wide->flags;
	if (bpf_core_field_exists(struct no_such_struct, x))
		sum += none->x + other->flags; /* would be wrong: never to be executed */
	return (int)sum & 0;
}

char _license[] SEC("license") = "GPL";
