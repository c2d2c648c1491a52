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

/*
 * Long multiplication, low bit of @a first. A known 1 adds the shifted @b; an
 * unknown bit makes the sum either of the two possible ones.
 */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = TNUM(0, 0);

	for (; a.value | a.mask; a = tnum_rshift(a, 1), b = tnum_lshift(b, 1)) {
		if (a.value & 1)
			sum = tnum_add(sum, b);
		else if (a.mask & 1)
			sum = tnum_union(sum, tnum_add(sum, b));
	}
	return sum;
}

/* The known parts are multiplied exactly, what is unknown is summed up beside them. */
struct tnum tnum_mul_coarse(struct tnum a, struct tnum b)
{
	struct tnum known = tnum_const(a.value * b.value), rest = TNUM(0, 0);

	for (; a.value | a.mask; a = tnum_rshift(a, 1), b = tnum_lshift(b, 1)) {
		if (a.value & 1)
			rest = tnum_add(rest, TNUM(0, b.mask));
		else if (a.mask & 1)
			rest = tnum_add(rest, TNUM(0, b.value | b.mask));
	}
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
