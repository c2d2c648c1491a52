/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tristate numbers against their definition: every operator, for all tnums of a few
 * bits, must contain every concrete result (sound), and the simple ones must contain
 * nothing that a smaller tnum need not (exact). Wide ones at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "verifier/tnum.h"

#define BITS  5
#define LIMIT (1U << BITS)

static u64 rng = 0x853c49e6748fea9bULL;

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static bool has(struct tnum t, u64 v)
{
	return (v & ~t.mask) == t.value;
}

static bool is_valid(struct tnum t)
{
	return !(t.value & t.mask);
}

enum op { ADD, SUB, MUL, MUL_COARSE, AND, OR, XOR, OPS };

static struct tnum abstract(enum op op, struct tnum a, struct tnum b)
{
	switch (op) {
	case ADD:
		return tnum_add(a, b);
	case SUB:
		return tnum_sub(a, b);
	case MUL:
		return tnum_mul(a, b);
	case MUL_COARSE:
		return tnum_mul_coarse(a, b);
	case AND:
		return tnum_and(a, b);
	case OR:
		return tnum_or(a, b);
	case XOR:
		return tnum_xor(a, b);
	case OPS:
		break;
	}
	abort();
}

static u64 concrete(enum op op, u64 a, u64 b)
{
	switch (op) {
	case ADD:
		return a + b;
	case SUB:
		return a - b;
	case MUL:
	case MUL_COARSE:
		return a * b;
	case AND:
		return a & b;
	case OR:
		return a | b;
	case XOR:
		return a ^ b;
	case OPS:
		break;
	}
	abort();
}

/* Calls @fn for every tnum of BITS bits. */
#define for_each_tnum(t)                                                                           \
	for (struct tnum t = { 0, 0 }; t.mask < LIMIT;                                             \
	     t.value = ((t.value | t.mask) + 1) & ~t.mask,                                         \
			 t = t.value >= LIMIT ? (struct tnum){ 0, t.mask + 1 } : t)

static void all_pairs(void **state)
{
	u32 count = 0;

	for_each_tnum(t)
	{
		count += is_valid(t);
	}
	assert_int_equal(count, 3 * 3 * 3 * 3 * 3);
	for_each_tnum(a){ for_each_tnum(b){ struct tnum least[OPS] = { 0 };
	bool first = true;

	for (u64 x = 0; x < LIMIT; x++)
		for (u64 y = 0; has(a, x) && y < LIMIT; y++) {
			if (!has(b, y))
				continue;
			for (enum op op = 0; op < OPS; op++) {
				struct tnum v = tnum_const(concrete(op, x, y));

				least[op] = first ? v : tnum_union(least[op], v);
			}
			first = false;
		}
	for (enum op op = 0; op < OPS; op++) {
		struct tnum r = abstract(op, a, b);

		assert_true(is_valid(r));
		assert_true(tnum_in(r, least[op]));
		if (op != MUL && op != MUL_COARSE)
			assert_true(r.value == least[op].value && r.mask == least[op].mask);
	}
}
}
(void)state;
}

static void sets(void **state)
{
	for_each_tnum(a){ for_each_tnum(b){ bool overlap = false, inside = true;

	for (u64 x = 0; x < LIMIT; x++) {
		if (has(a, x) && has(b, x)) {
			overlap = true;
			assert_true(has(tnum_intersect(a, b), x));
		}
		if (has(a, x) || has(b, x))
			assert_true(has(tnum_union(a, b), x));
		if (has(b, x) && !has(a, x))
			inside = false;
	}
	assert_int_equal(tnum_overlap(a, b), overlap);
	assert_int_equal(tnum_in(a, b), inside);
}
}
(void)state;
}

static void ranges_and_steps(void **state)
{
	for (u64 lo = 0; lo < 256; lo++)
		for (u64 hi = lo; hi < 256; hi++) {
			struct tnum r = tnum_range(lo, hi), least = tnum_const(lo);

			for (u64 x = lo; x <= hi; x++)
				least = tnum_union(least, tnum_const(x));
			assert_true(r.value == least.value && r.mask == least.mask);
		}
	assert_true(tnum_is_unknown(tnum_range(0, ~0ULL)));
	assert_true(tnum_is_unknown(tnum_range(1, 1ULL << 63)));
	for_each_tnum(t)
	{
		for (u64 z = 0; z < LIMIT + 3; z++) {
			u64 next = t.value | t.mask;

			for (u64 x = LIMIT; x-- > z + 1;)
				if (has(t, x))
					next = x;
			assert_int_equal(tnum_step(t, z), next);
		}
	}
	(void)state;
}

static struct tnum random_tnum(void)
{
	u64 mask = rnd() & rnd();

	if (rnd() & 1)
		mask |= ~0ULL << (rnd() % 64);
	return TNUM(rnd() & ~mask, mask);
}

static u64 member(struct tnum t)
{
	return t.value | (rnd() & t.mask);
}

static void wide_ones(void **state)
{
	for (int i = 0; i < 200000; i++) {
		struct tnum a = random_tnum(), b = random_tnum();
		u64 x = member(a), y = member(b);
		u8 n = (u8)(rnd() % 64), size = (u8[]){ 1, 2, 4, 8 }[rnd() % 4], n32 = n % 32;
		u64 keep = ~0ULL >> (64 - size * 8);

		for (enum op op = 0; op < OPS; op++)
			assert_true(has(abstract(op, a, b), concrete(op, x, y)));
		assert_true(has(tnum_neg(a), -x));
		assert_true(has(tnum_lshift(a, n), x << n));
		assert_true(has(tnum_rshift(a, n), x >> n));
		assert_true(has(tnum_arshift(a, n, 64), (u64)((s64)x >> n)));
		assert_true(has(tnum_arshift(tnum_subreg(a), n32, 32), (u32)((s32)x >> n32)));
		assert_true(has(tnum_cast(a, size), x & keep));
		assert_true(has(tnum_scast(a, size),
				(u64)((s64)(x << (64 - size * 8)) >> (64 - size * 8))));
		assert_true(has(tnum_with_subreg(a, b), (x & ~0xffffffffULL) | (u32)y));
		assert_true(has(tnum_bswap16(a), __builtin_bswap16((u16)x)));
		assert_true(has(tnum_bswap32(a), __builtin_bswap32((u32)x)));
		assert_true(has(tnum_bswap64(a), __builtin_bswap64(x)));
		assert_true(has(tnum_range(x < y ? x : y, x < y ? y : x), x));
		assert_true(tnum_in(a, tnum_const(x)));
		if (tnum_is_aligned(a, 8))
			assert_int_equal(x % 8, 0);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs),
		cmocka_unit_test(sets),
		cmocka_unit_test(ranges_and_steps),
		cmocka_unit_test(wide_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
