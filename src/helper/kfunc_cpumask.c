/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CPU masks (Linux: kernel/bpf/cpumask.c). The CPUs are the slots of the system. A mask
 * has room for 8192 CPUs, as the kernel's usual configuration; a count follows.
 */
#include "helper/helper.h"
#include "object/rt_heap.h"

#define MASK_WORDS 128
struct mask {
	u64 bits[MASK_WORDS];
	u32 count;
};

/* So that what gives up a pointer in a map's value knows the count. */
static const struct bpf_record mask_record = { .size = sizeof(struct mask),
					       .refcount_off = offsetof(struct mask, count),
					       .lock_off = -1 };

static u32 nr_cpus(const struct bpf_run *run)
{
	return run->arena->nr_slots;
}

static bool test_bit(const struct mask *m, u32 cpu)
{
	return m->bits[cpu / 64] >> (cpu % 64) & 1;
}

/* Words that hold CPUs, and which bits of the last do. */
static u32 nr_words(const struct bpf_run *run)
{
	return (nr_cpus(run) + 63) / 64;
}

static u64 valid_bits(const struct bpf_run *run, u32 word)
{
	u32 left = nr_cpus(run) - word * 64;

	return left >= 64 ? ~0UL : (1UL << left) - 1;
}

BPF_KFUNC(bpf_cpumask_create)
{
	struct mask *m = heap_alloc(run->arena, run->platform, sizeof(*m), &mask_record);

	if (m)
		m->count = 1;
	return (u64)m;
}

/* From memory of a program: a bit for each CPU. */
BPF_KFUNC(bpf_cpumask_populate)
{
	struct mask *m = PTR(r1);
	const u64 *from = PTR(r2);

	if ((u32)r3 < nr_words(run) * sizeof(u64))
		return INT(-EACCES);
	for (u32 i = 0; i < nr_words(run); i++)
		m->bits[i] = (m->bits[i] & ~valid_bits(run, i)) | (from[i] & valid_bits(run, i));
	return 0;
}

BPF_KFUNC(bpf_cpumask_acquire)
{
	struct mask *m = PTR(r1);

	__atomic_fetch_add(&m->count, 1, __ATOMIC_RELAXED);
	return r1;
}

BPF_KFUNC(bpf_cpumask_release)
{
	struct mask *m = PTR(r1);

	if (!__atomic_sub_fetch(&m->count, 1, __ATOMIC_ACQ_REL))
		heap_free(run->arena, run->platform, m);
	return 0;
}

static u64 first_of(const struct bpf_run *run, const struct mask *a, const struct mask *b,
		    bool zero)
{
	for (u32 cpu = 0; cpu < nr_cpus(run); cpu++)
		if ((test_bit(a, cpu) != zero) && (!b || test_bit(b, cpu)))
			return cpu;
	return nr_cpus(run);
}

BPF_KFUNC(bpf_cpumask_first)
{
	return first_of(run, PTR(r1), NULL, false);
}

BPF_KFUNC(bpf_cpumask_first_zero)
{
	return first_of(run, PTR(r1), NULL, true);
}

BPF_KFUNC(bpf_cpumask_first_and)
{
	return first_of(run, PTR(r1), PTR(r2), false);
}

BPF_KFUNC(bpf_cpumask_any_distribute)
{
	return first_of(run, PTR(r1), NULL, false);
}

BPF_KFUNC(bpf_cpumask_any_and_distribute)
{
	return first_of(run, PTR(r1), PTR(r2), false);
}

static u64 change_bit(struct mask *m, u32 cpu, bool set, struct bpf_run *run)
{
	u64 bit = 1UL << (cpu % 64), old;

	if (cpu >= nr_cpus(run))
		return 0;
	if (set)
		old = __atomic_fetch_or(&m->bits[cpu / 64], bit, __ATOMIC_SEQ_CST);
	else
		old = __atomic_fetch_and(&m->bits[cpu / 64], ~bit, __ATOMIC_SEQ_CST);
	return !!(old & bit);
}

BPF_KFUNC(bpf_cpumask_set_cpu)
{
	change_bit(PTR(r2), (u32)r1, true, run);
	return 0;
}

BPF_KFUNC(bpf_cpumask_clear_cpu)
{
	change_bit(PTR(r2), (u32)r1, false, run);
	return 0;
}

BPF_KFUNC(bpf_cpumask_test_and_set_cpu)
{
	return change_bit(PTR(r2), (u32)r1, true, run);
}

BPF_KFUNC(bpf_cpumask_test_and_clear_cpu)
{
	return change_bit(PTR(r2), (u32)r1, false, run);
}

BPF_KFUNC(bpf_cpumask_test_cpu)
{
	return (u32)r1 < nr_cpus(run) && test_bit(PTR(r2), (u32)r1);
}

BPF_KFUNC(bpf_cpumask_setall)
{
	struct mask *m = PTR(r1);

	for (u32 w = 0; w < nr_words(run); w++)
		m->bits[w] = valid_bits(run, w);
	return 0;
}

BPF_KFUNC(bpf_cpumask_clear)
{
	struct mask *m = PTR(r1);

	for (u32 w = 0; w < nr_words(run); w++)
		m->bits[w] = 0;
	return 0;
}

BPF_KFUNC(bpf_cpumask_and)
{
	struct mask *to = PTR(r1);
	const struct mask *a = PTR(r2), *b = PTR(r3);
	u64 any = 0;

	for (u32 w = 0; w < nr_words(run); w++)
		any |= to->bits[w] = a->bits[w] & b->bits[w];
	return !!any;
}

BPF_KFUNC(bpf_cpumask_or)
{
	struct mask *to = PTR(r1);
	const struct mask *a = PTR(r2), *b = PTR(r3);

	for (u32 w = 0; w < nr_words(run); w++)
		to->bits[w] = a->bits[w] | b->bits[w];
	return 0;
}

BPF_KFUNC(bpf_cpumask_xor)
{
	struct mask *to = PTR(r1);
	const struct mask *a = PTR(r2), *b = PTR(r3);

	for (u32 w = 0; w < nr_words(run); w++)
		to->bits[w] = a->bits[w] ^ b->bits[w];
	return 0;
}

BPF_KFUNC(bpf_cpumask_copy)
{
	struct mask *to = PTR(r1);
	const struct mask *from = PTR(r2);

	for (u32 w = 0; w < nr_words(run); w++)
		to->bits[w] = from->bits[w];
	return 0;
}

BPF_KFUNC(bpf_cpumask_equal)
{
	const struct mask *a = PTR(r1), *b = PTR(r2);

	for (u32 w = 0; w < nr_words(run); w++)
		if ((a->bits[w] ^ b->bits[w]) & valid_bits(run, w))
			return 0;
	return 1;
}

BPF_KFUNC(bpf_cpumask_intersects)
{
	const struct mask *a = PTR(r1), *b = PTR(r2);

	for (u32 w = 0; w < nr_words(run); w++)
		if (a->bits[w] & b->bits[w] & valid_bits(run, w))
			return 1;
	return 0;
}

BPF_KFUNC(bpf_cpumask_subset)
{
	const struct mask *a = PTR(r1), *b = PTR(r2);

	for (u32 w = 0; w < nr_words(run); w++)
		if (a->bits[w] & ~b->bits[w] & valid_bits(run, w))
			return 0;
	return 1;
}

BPF_KFUNC(bpf_cpumask_empty)
{
	return first_of(run, PTR(r1), NULL, false) == nr_cpus(run);
}

BPF_KFUNC(bpf_cpumask_full)
{
	return first_of(run, PTR(r1), NULL, true) == nr_cpus(run);
}

BPF_KFUNC(bpf_cpumask_weight)
{
	const struct mask *m = PTR(r1);
	u32 n = 0;

	for (u32 cpu = 0; cpu < nr_cpus(run); cpu++)
		n += test_bit(m, cpu);
	return n;
}
