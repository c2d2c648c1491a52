/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Open-coded iterators over numbers and bits (Linux: kernel/bpf/bpf_iter.c, helpers.c). */
#include "helper/probe.h"
#include "object/rt_heap.h"

#define MAX_LOOPS (8 * 1024 * 1024)

/* struct bpf_iter_num of programs */
struct iter_num {
	s32 cur, end; /* [cur + 1, end) are left */
};

BPF_KFUNC(bpf_iter_num_new)
{
	struct iter_num *it = PTR(r1);
	s32 start = (s32)r2, end = (s32)r3;

	it->cur = it->end = 0;
	if (start > end)
		return INT(-EINVAL);
	if ((s64)end - start > MAX_LOOPS)
		return INT(-E2BIG);
	/* start - 1 may wrap; the first next() makes up for it. */
	it->cur = (s32)((u32)start - 1);
	it->end = end;
	return 0;
}

BPF_KFUNC(bpf_iter_num_next)
{
	struct iter_num *it = PTR(r1);

	if ((s64)(s32)((u32)it->cur + 1) >= it->end) {
		it->cur = it->end = 0;
		return 0;
	}
	it->cur = (s32)((u32)it->cur + 1);
	return (u64)(uintptr_t)&it->cur;
}

BPF_KFUNC(bpf_iter_num_destroy)
{
	struct iter_num *it = PTR(r1);

	it->cur = it->end = 0;
	return 0;
}

/* struct bpf_iter_bits */
struct iter_bits {
	union {
		u64 *bits;
		u64 copy; /* of 64 bits */
	};
	s32 nr_bits, bit;
};

#define BITS_MAX_WORDS 511

BPF_KFUNC(bpf_iter_bits_new)
{
	struct iter_bits *it = PTR(r1);
	u32 words = (u32)r3;
	int err;

	it->copy = 0;
	it->nr_bits = 0;
	it->bit = -1;
	if (!r2 || !words)
		return INT(-EINVAL);
	if (words > BITS_MAX_WORDS)
		return INT(-E2BIG);
	if (words == 1) {
		if (probe_kernel(run, &it->copy, r2, 8)) {
			it->copy = 0;
			return INT(-EFAULT);
		}
		it->nr_bits = 64;
		return 0;
	}
	it->bits = heap_alloc(run->arena, run->platform, words * 8, NULL);
	if (!it->bits)
		return INT(-ENOMEM);
	err = probe_kernel(run, it->bits, r2, words * 8);
	if (err) {
		heap_free(run->arena, run->platform, it->bits);
		it->bits = NULL;
		return INT(err == -ERANGE ? -EFAULT : err);
	}
	it->nr_bits = (s32)words * 64;
	return 0;
}

BPF_KFUNC(bpf_iter_bits_next)
{
	struct iter_bits *it = PTR(r1);
	const u64 *bits = it->nr_bits == 64 ? &it->copy : it->bits;
	s32 bit = it->bit + 1;

	if (it->bit >= it->nr_bits)
		return 0;
	while (bit < it->nr_bits && !(bits[bit / 64] >> (bit % 64) & 1))
		bit++;
	it->bit = bit;
	return bit >= it->nr_bits ? 0 : (u64)(uintptr_t)&it->bit;
}

BPF_KFUNC(bpf_iter_bits_destroy)
{
	struct iter_bits *it = PTR(r1);

	if (it->nr_bits > 64)
		heap_free(run->arena, run->platform, it->bits);
	it->nr_bits = 0;
	return 0;
}
