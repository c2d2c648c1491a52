/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* User pointers in the current task's storage: run by the kernel and by skep. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "uptr.h"

#define __uptr __attribute__((btf_type_tag("uptr")))

struct pair {
	struct shared_out __uptr *out;
};

struct value {
	long plain;
	struct shared_in __uptr *in;
	struct pair more[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct value);
} storage SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	struct shared_in __uptr *in;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct locked);
} with_lock SEC(".maps");

/* So that the types are known in full. */
struct shared_in an_in;
struct shared_out an_out;

static struct value *mine(void)
{
	return bpf_task_storage_get(&storage, bpf_get_current_task_btf(), 0, 0);
}

SEC("raw_tp/sys_enter")
int work(void *ctx)
{
	struct value *v = mine();
	struct shared_out *out;
	struct shared_in *in;

	if (!v)
		return 1;
	v->plain++;
	in = v->in;
	out = v->more[1].out;
	if (v->more[0].out)
		return 2;
	if (!in || !out)
		return 3;
	out->sum = (int)(in->a + in->b);
	out->runs++;
	out->last = (short)in->a;
	__builtin_memcpy(out->word, "found it", 9);
	if (bpf_strncmp(in->text, sizeof(in->text), "find me"))
		out->word[0] = 'F';
	__sync_fetch_and_add(&out->sum, 1000);
	return 4;
}

/* What it gives at creation says nothing of the pointers. */
SEC("raw_tp/sys_enter")
int create(void *ctx)
{
	struct value *v = bpf_task_storage_get(&storage, bpf_get_current_task_btf(), 0,
					       BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!v)
		return 1;
	return v->in ? 2 : 3;
}

SEC("raw_tp/sys_enter")
int drop(void *ctx)
{
	return -bpf_task_storage_delete(&storage, bpf_get_current_task_btf());
}

/* ---- refused ---- */

SEC("?raw_tp/sys_enter")
int bad_store(void *ctx)
{
	struct value *v = mine();

	if (v)
		v->in = 0;
	return 0;
}

SEC("?raw_tp/sys_enter")
int bad_null(void *ctx)
{
	struct value *v = mine();

	return v ? v->in->a : 0;
}

SEC("?raw_tp/sys_enter")
int bad_bounds(void *ctx)
{
	struct value *v = mine();
	struct shared_in *in = v ? v->in : 0;

	return in ? ((long *)(in + 1))[0] : 0;
}

SEC("?raw_tp/sys_enter")
int bad_part(void *ctx)
{
	struct value *v = mine();

	return v ? *(volatile int *)&v->in : 0;
}

SEC("?raw_tp/sys_enter")
int bad_helper(void *ctx)
{
	struct value *v = mine();

	return v ? bpf_get_current_comm(v, sizeof(*v)) : 0;
}

SEC("?raw_tp/sys_enter")
int bad_xchg(void *ctx)
{
	struct value *v = mine();

	return v ? bpf_kptr_xchg(&v->in, 0) != 0 : 0;
}

char _license[] SEC("license") = "GPL";
