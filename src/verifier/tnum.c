/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The tristate operators that need loops (Linux: kernel/bpf/tnum.c); the rest is tnum.h. */
#include "verifier/tnum.h"

struct tnum tnum_range(u64 min, u64 max)
{
	u64 differ = min ^ max;
	u64 unknown;

	if (!differ)
		return tnum_const(min);
	/* From the highest bit in which the ends differ downwards nothing is known. */
	unknown = ~0ULL >> __builtin_clzll(differ);
	return TNUM(min & ~unknown, unknown);
}

/* sum + b times the lowest bit of a: an unknown bit makes it either of the two possible sums. */
static inline struct tnum add_multiple(struct tnum sum, struct tnum a, struct tnum b)
{
	if (a.value & 1)
		return tnum_add(sum, b);
	if (a.mask & 1)
		return tnum_union(sum, tnum_add(sum, b));
	return sum;
}

/* Long multiplication, low bit of @a first. */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = TNUM(0, 0);

	for (; a.value | a.mask; a = tnum_rshift(a, 1), b = tnum_lshift(b, 1))
		sum = add_multiple(sum, a, b);
	return sum;
}

/* rest + what the lowest bits of a and all of b contribute beside the product of the known ones. */
static inline struct tnum add_unknown_multiple(struct tnum rest, struct tnum a, struct tnum b)
{
	if (a.value & 1)
		return tnum_add(rest, TNUM(0, b.mask));
	if (a.mask & 1)
		return tnum_add(rest, TNUM(0, b.value | b.mask));
	return rest;
}

/* The known parts are multiplied exactly, what is unknown is summed up beside them. */
struct tnum tnum_mul_coarse(struct tnum a, struct tnum b)
{
	struct tnum known = tnum_const(a.value * b.value), rest = TNUM(0, 0);

	for (; a.value | a.mask; a = tnum_rshift(a, 1), b = tnum_lshift(b, 1))
		rest = add_unknown_multiple(rest, a, b);
	return tnum_add(known, rest);
}

/*
 * Counts up in the unknown bits only. Known bits of the distance from the smallest
 * number are rounded up to the next carry.
 */
u64 tnum_step(struct tnum t, u64 z)
{
	u64 largest = t.value | t.mask, dist, fixed;

	if (z >= largest)
		return largest;
	if (z < t.value)
		return t.value;
	dist = z - t.value;
	/* Below the highest misfit everything restarts at 0 with the carry out of it. */
	fixed = dist & ~t.mask;
	if (fixed)
		dist |= ~0ULL >> __builtin_clzll(fixed);
	return t.value | (((dist | ~t.mask) + 1) & t.mask);
}
