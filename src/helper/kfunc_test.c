/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions that Linux's own tests call: until 6.4 the kernel itself has them (net/bpf/test_run.c),
 * then its test module. There is one object that programs take and give back. It is never freed: its
 * first reference is the system's.
 */
#include "helper/helper.h"
#include "object/rt_heap.h"

/* Laid out as the kernel's struct prog_test_ref_kfunc always was. */
struct test_object {
	s32 a, b;
	struct {
		s32 a, c;
	} memb;
	struct test_object *next;
	u32 count;
};

/* So that what gives up a pointer in a map's value knows the count. */
static const struct bpf_record test_record = { .size = sizeof(struct test_object),
					       .refcount_off = offsetof(struct test_object, count),
					       .lock_off = -1 };

static struct test_object *test_object(struct bpf_run *run)
{
	struct test_object *o = load_acquire(&run->arena->test_object), *have = NULL;

	if (o)
		return o;
	o = heap_alloc(run->arena, run->platform, sizeof(*o), &test_record);
	if (!o)
		return NULL;
	o->a = 42;
	o->b = 108;
	o->next = o;
	o->count = 1;
	if (__atomic_compare_exchange_n(&run->arena->test_object, &have, o, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return o;
	heap_free(run->arena, run->platform, o);
	return have;
}

static u64 hold(struct test_object *o)
{
	if (o)
		__atomic_fetch_add(&o->count, 1, __ATOMIC_RELAXED);
	return (u64)o;
}

/* Its argument, a number to read, is not looked at. */
BPF_KFUNC(bpf_kfunc_call_test_acquire)
{
	return hold(test_object(run));
}

BPF_KFUNC(bpf_kfunc_call_test_kptr_get)
{
	return hold(READ_ONCE(*(struct test_object **)PTR(r1)));
}

BPF_KFUNC(bpf_kfunc_call_test_release)
{
	struct test_object *o = PTR(r1);

	if (o)
		__atomic_fetch_sub(&o->count, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Never gives one: what is asked of it is asked of the verifier. */
BPF_KFUNC(bpf_kfunc_call_memb_acquire)
{
	return 0;
}

/* ---- numbers ---- */

BPF_KFUNC(bpf_kfunc_call_test1)
{
	return (u32)r2 + r3 + (u32)r4 + r5;
}

BPF_KFUNC(bpf_kfunc_call_test2)
{
	return INT(r2 + r3);
}

/* A socket as programs see it becomes the kernel's, which the result is. */
BPF_KFUNC(bpf_kfunc_call_test3)
{
	const u64 args[] = { r1, (u64)(uintptr_t) "sock", 0 };

	return r1 ? run->platform->world(run, WORLD_SOCK_CAST, args) : 0;
}

/* ---- memory of a size that the program says: the object's first two numbers ---- */

static u64 memory_of(u64 object, u64 size, const struct bpf_run *run)
{
	bool fits = (u64)(s64)(s32)size <= offsetof(struct test_object, memb);

	/* It need not be referenced, so that nothing else says which object it is. */
	return fits && object == (u64)run->arena->test_object ? object : 0;
}

BPF_KFUNC(bpf_kfunc_call_test_get_rdwr_mem)
{
	return memory_of(r1, r2, run);
}

BPF_KFUNC(bpf_kfunc_call_test_get_rdonly_mem)
{
	return memory_of(r1, r2, run);
}

/* No program that calls it is accepted: what is acquired is a struct. */
BPF_KFUNC(bpf_kfunc_call_test_acq_rdonly_mem)
{
	return memory_of(r1, r2, run);
}

/* ---- those that do nothing: which arguments they take is what is tested ---- */

#define NOTHING(name)                                                                              \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		return 0;                                                                          \
	}
NOTHING(bpf_kfunc_call_int_mem_release)
NOTHING(bpf_kfunc_call_memb_release)
NOTHING(bpf_kfunc_call_memb1_release)
NOTHING(bpf_kfunc_call_test_destructive)
NOTHING(bpf_kfunc_call_test_fail1)
NOTHING(bpf_kfunc_call_test_fail2)
NOTHING(bpf_kfunc_call_test_fail3)
NOTHING(bpf_kfunc_call_test_mem_len_fail1)
NOTHING(bpf_kfunc_call_test_mem_len_fail2)
NOTHING(bpf_kfunc_call_test_mem_len_pass1)
NOTHING(bpf_kfunc_call_test_pass1)
NOTHING(bpf_kfunc_call_test_pass2)
NOTHING(bpf_kfunc_call_test_pass_ctx)
NOTHING(bpf_kfunc_call_test_ref)
NOTHING(bpf_kfunc_call_test_sleepable)
NOTHING(bpf_kfunc_common_test)
NOTHING(bpf_kfunc_dynptr_test)
