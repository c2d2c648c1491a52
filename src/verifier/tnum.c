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
