/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tristate numbers: each bit is 0, 1 or unknown (Linux: kernel/bpf/tnum.c). The
 * operators below use no branch and no loop, so that the same source is compiled
 * as C and proved over solver expressions; multiplication and ranges, which need
 * loops or counts, are in tnum.c.
 */
#ifndef SKEP_VERIFIER_TNUM_H
#define SKEP_VERIFIER_TNUM_H

#ifndef TNUM_TYPES /* a prover defines u64 and bool before it includes this file */
#include "base/types.h"
#endif

/* value holds the known bits; mask has a 1 for each unknown bit; value & mask == 0. */
struct tnum {
	u64 value, mask;
};

#define TNUM(v, m)   ((struct tnum){ (v), (m) })
#define tnum_unknown TNUM(0, ~(u64)0)

static inline struct tnum tnum_const(u64 v)
{
	return TNUM(v, 0);
}

static inline bool tnum_is_const(struct tnum t)
{
	return !t.mask;
}

static inline bool tnum_equals_const(struct tnum t, u64 v)
{
	return !t.mask && t.value == v;
}

static inline bool tnum_is_unknown(struct tnum t)
{
	return !~t.mask;
}

static inline struct tnum tnum_lshift(struct tnum a, u8 n)
{
	return TNUM(a.value << n, a.mask << n);
}

static inline struct tnum tnum_rshift(struct tnum a, u8 n)
{
	return TNUM(a.value >> n, a.mask >> n);
}

/* Shift of a number of @bits (32 or 64) bits: the sign, known or not, fills from above. */
static inline struct tnum tnum_arshift(struct tnum a, u8 n, u8 bits)
{
	if (bits == 32)
		return TNUM((u32)((s32)a.value >> n), (u32)((s32)a.mask >> n));
	return TNUM((u64)((s64)a.value >> n), (u64)((s64)a.mask >> n));
}

/* Whatever bit can differ between the smallest and the largest sum is unknown. */
static inline struct tnum tnum_add(struct tnum a, struct tnum b)
{
	u64 low = a.value + b.value;
	u64 carries = (low + a.mask + b.mask) ^ low;
	u64 unknown = carries | a.mask | b.mask;

	return TNUM(low & ~unknown, unknown);
}

static inline struct tnum tnum_sub(struct tnum a, struct tnum b)
{
	u64 diff = a.value - b.value;
	u64 borrows = (diff + a.mask) ^ (diff - b.mask);
	u64 unknown = borrows | a.mask | b.mask;

	return TNUM(diff & ~unknown, unknown);
}

static inline struct tnum tnum_neg(struct tnum a)
{
	return tnum_sub(TNUM(0, 0), a);
}

static inline struct tnum tnum_and(struct tnum a, struct tnum b)
{
	u64 ones = a.value & b.value;

	return TNUM(ones, (a.value | a.mask) & (b.value | b.mask) & ~ones);
}

static inline struct tnum tnum_or(struct tnum a, struct tnum b)
{
	u64 ones = a.value | b.value;

	return TNUM(ones, (a.mask | b.mask) & ~ones);
}

static inline struct tnum tnum_xor(struct tnum a, struct tnum b)
{
	u64 unknown = a.mask | b.mask;

	return TNUM((a.value ^ b.value) & ~unknown, unknown);
}

/* Numbers in both; the result is meaningless when there is none. */
static inline struct tnum tnum_intersect(struct tnum a, struct tnum b)
{
	u64 unknown = a.mask & b.mask;

	return TNUM((a.value | b.value) & ~unknown, unknown);
}

/* The least tnum that holds all numbers of both. */
static inline struct tnum tnum_union(struct tnum a, struct tnum b)
{
	u64 unknown = (a.value ^ b.value) | a.mask | b.mask;

	return TNUM(a.value & b.value & ~unknown, unknown);
}

/* False: no number is in both. */
static inline bool tnum_overlap(struct tnum a, struct tnum b)
{
	return !((a.value ^ b.value) & ~a.mask & ~b.mask);
}

/* Whether every number of @b is in @a. */
static inline bool tnum_in(struct tnum a, struct tnum b)
{
	return !(b.mask & ~a.mask) && (b.value & ~a.mask) == a.value;
}

/* The low @size bytes, zero-extended. 1 <= size <= 8. */
static inline struct tnum tnum_cast(struct tnum a, u8 size)
{
	u64 keep = ~(u64)0 >> (64 - size * 8);

	return TNUM(a.value & keep, a.mask & keep);
}

static inline struct tnum tnum_subreg(struct tnum a)
{
	return tnum_cast(a, 4);
}

static inline struct tnum tnum_clear_subreg(struct tnum a)
{
	return TNUM(a.value >> 32 << 32, a.mask >> 32 << 32);
}

static inline struct tnum tnum_with_subreg(struct tnum reg, struct tnum sub)
{
	return tnum_or(tnum_clear_subreg(reg), tnum_subreg(sub));
}

static inline struct tnum tnum_const_subreg(struct tnum a, u32 v)
{
	return tnum_with_subreg(a, TNUM(v, 0));
}

static inline bool tnum_subreg_is_const(struct tnum a)
{
	return !(u32)a.mask;
}

/* The low @size bytes, sign-extended. */
static inline struct tnum tnum_scast(struct tnum a, u8 size)
{
	u8 n = 64 - size * 8;

	return TNUM((u64)((s64)(a.value << n) >> n), (u64)((s64)(a.mask << n) >> n));
}

/* Whether all its numbers are multiples of @size, a power of two or 0. */
static inline bool tnum_is_aligned(struct tnum a, u64 size)
{
	return !size || !((a.value | a.mask) & (size - 1));
}

static inline struct tnum tnum_bswap16(struct tnum a)
{
	return TNUM(__builtin_bswap16((u16)a.value), __builtin_bswap16((u16)a.mask));
}

static inline struct tnum tnum_bswap32(struct tnum a)
{
	return TNUM(__builtin_bswap32((u32)a.value), __builtin_bswap32((u32)a.mask));
}

static inline struct tnum tnum_bswap64(struct tnum a)
{
	return TNUM(__builtin_bswap64(a.value), __builtin_bswap64(a.mask));
}

/* The smallest number of @t above @z, or its largest when there is none. */
u64 tnum_step(struct tnum t, u64 z);
/* The least tnum with all of [min, max]. */
struct tnum tnum_range(u64 min, u64 max);
/* Product, as precise as Linux computes it since 6.18. */
struct tnum tnum_mul(struct tnum a, struct tnum b);
/* Product as before 6.18: never more precise. */
struct tnum tnum_mul_coarse(struct tnum a, struct tnum b);

#endif
