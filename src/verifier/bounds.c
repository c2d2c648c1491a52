/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is known of a number: a tnum and four ranges (unsigned and signed, 64 and
 * 32 bits), and what each says about the others (Linux: reg_bounds_sync() and its
 * neighbours in verifier.c). A deduction only ever narrows; that all of them hold
 * is tested exhaustively on small numbers in tests/unit/bounds_test.c.
 */
#include <errno.h>
#include <string.h>

#include "verifier/verifier.h"

/* ---- narrowing one range ---- */

static inline void cut_u64(struct bpf_reg_state *r, u64 lo, u64 hi)
{
	if (lo > r->umin_value)
		r->umin_value = lo;
	if (hi < r->umax_value)
		r->umax_value = hi;
}

static inline void cut_s64(struct bpf_reg_state *r, s64 lo, s64 hi)
{
	if (lo > r->smin_value)
		r->smin_value = lo;
	if (hi < r->smax_value)
		r->smax_value = hi;
}

static inline void cut_u32(struct bpf_reg_state *r, u32 lo, u32 hi)
{
	if (lo > r->u32_min_value)
		r->u32_min_value = lo;
	if (hi < r->u32_max_value)
		r->u32_max_value = hi;
}

static inline void cut_s32(struct bpf_reg_state *r, s32 lo, s32 hi)
{
	if (lo > r->s32_min_value)
		r->s32_min_value = lo;
	if (hi < r->s32_max_value)
		r->s32_max_value = hi;
}

/* ---- deductions ---- */

/* The extremes that the known bits allow: for signed ones the sign bit counts the other way. */
static void from_tnum(struct bpf_reg_state *r)
{
	u64 v = r->var_off.value, m = r->var_off.mask;
	u32 v32 = (u32)v, m32 = (u32)m;

	cut_s32(r, (s32)(v32 | (m32 & 0x80000000U)), (s32)(v32 | (m32 & 0x7fffffffU)));
	cut_u32(r, v32, v32 | m32);
	cut_s64(r, (s64)(v | (m & (1ULL << 63))), (s64)(v | (m & ~(1ULL << 63))));
	cut_u64(r, v, v | m);
}

/* [lo, hi], a range of 64-bit numbers, bounds the low half if the upper half is the same throughout. */
static void low_half_from(struct bpf_reg_state *r, u64 lo, u64 hi)
{
	u32 above_lo = (u32)(lo >> 32), above_hi = (u32)(hi >> 32);

	if (above_lo == above_hi) {
		if ((u32)lo <= (u32)hi)
			cut_u32(r, (u32)lo, (u32)hi);
		if ((s32)lo <= (s32)hi)
			cut_s32(r, (s32)lo, (s32)hi);
	} else if (above_lo + 1 == above_hi && (s32)lo < 0 && (s32)hi >= 0) {
		/* It steps once to the next upper half: the low half runs from -x over 0 to y. */
		cut_s32(r, (s32)lo, (s32)hi);
	}
}

static void deduce32(struct bpf_reg_state *r)
{
	low_half_from(r, r->umin_value, r->umax_value);
	low_half_from(r, (u64)r->smin_value, (u64)r->smax_value);
	/* All on one side of the sign: signed and unsigned order agree. */
	if ((s32)r->u32_min_value <= (s32)r->u32_max_value)
		cut_s32(r, (s32)r->u32_min_value, (s32)r->u32_max_value);
	if ((u32)r->s32_min_value <= (u32)r->s32_max_value) {
		cut_u32(r, (u32)r->s32_min_value, (u32)r->s32_max_value);
	} else if (r->u32_max_value < (u32)r->s32_min_value) {
		/* Signed it has two pieces; the unsigned range meets only the non-negative one */
		r->s32_min_value = (s32)r->u32_min_value;
		cut_u32(r, 0, (u32)r->s32_max_value);
	} else if ((u32)r->s32_max_value < r->u32_min_value) {
		/* or only the negative one. */
		r->s32_max_value = (s32)r->u32_max_value;
		cut_u32(r, (u32)r->s32_min_value, ~0U);
	}
}

static void deduce64(struct bpf_reg_state *r)
{
	if ((s64)r->umin_value <= (s64)r->umax_value)
		cut_s64(r, (s64)r->umin_value, (s64)r->umax_value);
	if ((u64)r->smin_value <= (u64)r->smax_value) {
		cut_u64(r, (u64)r->smin_value, (u64)r->smax_value);
	} else if (r->umax_value < (u64)r->smin_value) {
		r->smin_value = (s64)r->umin_value;
		cut_u64(r, 0, (u64)r->smax_value);
	} else if ((u64)r->smax_value < r->umin_value) {
		r->smax_value = (s64)r->umax_value;
		cut_u64(r, (u64)r->smin_value, ~0ULL);
	}
}

/* The low half's range [lo, hi] put under the upper halves of both ends of the 64-bit ranges. */
static void full_from_low(struct bpf_reg_state *r, u32 lo, u32 hi)
{
	const u64 upper = ~0ULL << 32;

	cut_u64(r, (r->umin_value & upper) | lo, (r->umax_value & upper) | hi);
	cut_s64(r, (s64)(((u64)r->smin_value & upper) | lo),
		(s64)(((u64)r->smax_value & upper) | hi));
}

static void deduce_mixed(struct bpf_reg_state *r)
{
	full_from_low(r, r->u32_min_value, r->u32_max_value);
	if ((u32)r->s32_min_value <= (u32)r->s32_max_value)
		full_from_low(r, (u32)r->s32_min_value, (u32)r->s32_max_value);
	/* Within s32, so the upper half repeats bit 31, which is 0. */
	if (r->s32_min_value >= 0 && r->smin_value >= INT32_MIN && r->smax_value <= INT32_MAX) {
		r->smin_value = r->s32_min_value;
		r->smax_value = r->s32_max_value;
		r->umin_value = (u64)r->smin_value;
		r->umax_value = (u64)r->smax_value;
		r->var_off = tnum_intersect(r->var_off, tnum_range(r->umin_value, r->umax_value));
	}
}

static void tnum_from_ranges(struct bpf_reg_state *r)
{
	struct tnum full = tnum_intersect(r->var_off, tnum_range(r->umin_value, r->umax_value));
	struct tnum low =
		tnum_intersect(tnum_subreg(full), tnum_range(r->u32_min_value, r->u32_max_value));

	r->var_off = tnum_or(tnum_clear_subreg(full), low);
}

static bool is_known_throughout(const struct bpf_reg_state *r)
{
	u64 v = r->var_off.value;

	return !r->var_off.mask && r->umin_value == v && r->umax_value == v &&
	       r->smin_value == (s64)v && r->smax_value == (s64)v && r->u32_min_value == (u32)v &&
	       r->u32_max_value == (u32)v && r->s32_min_value == (s32)v &&
	       r->s32_max_value == (s32)v;
}

/* The tnum and the unsigned range may have just one number in common (looked at since 6.18). */
static void single_value(struct bpf_reg_state *r)
{
	struct tnum t = r->var_off;
	u64 next = tnum_step(t, r->umin_value), largest = t.value | t.mask;
	bool min_fits = (r->umin_value & ~t.mask) == t.value;

	if (min_fits) {
		if (next > r->umax_value)
			reg_set_value(r, r->umin_value);
	} else if (next == largest) {
		reg_set_value(r, largest);
	} else if (next <= r->umax_value && tnum_step(t, next) > r->umax_value) {
		reg_set_value(r, next);
	}
}

/*
 * Carries what each form says over to the others. Three rounds, as Linux: one
 * deduction can enable another, the third still finds something now and then.
 */
void reg_bounds_sync(struct bpf_reg_state *reg)
{
	if (is_known_throughout(reg))
		return;
	from_tnum(reg);
	single_value(reg);
	for (int round = 0; round < 3; round++) {
		deduce32(reg);
		deduce64(reg);
		deduce_mixed(reg);
	}
	tnum_from_ranges(reg);
	from_tnum(reg);
	single_value(reg);
}

/*
 * An empty range or a constant that its ranges contradict stands for a path that
 * cannot happen. Such a register goes on as unknown (or the check fails, where
 * BPF_F_TEST_REG_INVARIANTS asks for it).
 */
int reg_bounds_sanity_check(struct bpf_verifier_env *env, struct bpf_reg_state *reg,
			    const char *ctx)
{
	const char *what = NULL;
	u64 v = reg->var_off.value;

	if (reg->umin_value > reg->umax_value || reg->smin_value > reg->smax_value ||
	    reg->u32_min_value > reg->u32_max_value || reg->s32_min_value > reg->s32_max_value)
		what = "range bounds violation";
	else if (tnum_is_const(reg->var_off) &&
		 (reg->umin_value != v || reg->umax_value != v || reg->smin_value != (s64)v ||
		  reg->smax_value != (s64)v))
		what = "const tnum out of sync with range bounds";
	else if (tnum_subreg_is_const(reg->var_off) &&
		 (reg->u32_min_value != (u32)v || reg->u32_max_value != (u32)v ||
		  reg->s32_min_value != (s32)v || reg->s32_max_value != (s32)v))
		what = "const subreg tnum out of sync with range bounds";
	if (likely(!what))
		return 0;
	verbose(env,
		"%sREG INVARIANTS VIOLATION (%s): %s u64=[0x%llx, 0x%llx] s64=[0x%llx, 0x%llx] "
		"u32=[0x%x, 0x%x] s32=[0x%x, 0x%x] var_off=(0x%llx, 0x%llx)\n",
		visible(env->profile, KVER(6, 16)) ? "verifier bug: " : "", ctx, what,
		(unsigned long long)reg->umin_value, (unsigned long long)reg->umax_value,
		(unsigned long long)reg->smin_value, (unsigned long long)reg->smax_value,
		reg->u32_min_value, reg->u32_max_value, (u32)reg->s32_min_value,
		(u32)reg->s32_max_value, (unsigned long long)v,
		(unsigned long long)reg->var_off.mask);
	if (env->test_reg_invariants)
		return -EFAULT;
	__mark_reg_unbounded(reg);
	return 0;
}

/* ---- setting registers ---- */

void __mark_reg_unbounded(struct bpf_reg_state *reg)
{
	reg->smin_value = INT64_MIN;
	reg->smax_value = INT64_MAX;
	reg->umin_value = 0;
	reg->umax_value = UINT64_MAX;
	__mark_reg32_unbounded(reg);
}

void __mark_reg32_unbounded(struct bpf_reg_state *reg)
{
	reg->s32_min_value = INT32_MIN;
	reg->s32_max_value = INT32_MAX;
	reg->u32_min_value = 0;
	reg->u32_max_value = UINT32_MAX;
}

void __mark_reg64_unbounded(struct bpf_reg_state *reg)
{
	reg->smin_value = INT64_MIN;
	reg->smax_value = INT64_MAX;
	reg->umin_value = 0;
	reg->umax_value = UINT64_MAX;
}

/* The number part only: type, id and offset stay. */
void reg_set_value(struct bpf_reg_state *reg, u64 imm)
{
	reg->var_off = tnum_const(imm);
	reg->smin_value = reg->smax_value = (s64)imm;
	reg->umin_value = reg->umax_value = imm;
	reg->s32_min_value = reg->s32_max_value = (s32)imm;
	reg->u32_min_value = reg->u32_max_value = (u32)imm;
}

void reg32_set_value(struct bpf_reg_state *reg, u32 imm)
{
	reg->var_off = tnum_const_subreg(reg->var_off, imm);
	reg->s32_min_value = reg->s32_max_value = (s32)imm;
	reg->u32_min_value = reg->u32_max_value = imm;
}

/* Clears offset and the type's data, that is all between .type and .var_off. */
static void clear_pointer_part(struct bpf_reg_state *reg)
{
	memset((char *)reg + sizeof(reg->type), 0,
	       offsetof(struct bpf_reg_state, var_off) - sizeof(reg->type));
}

/* Keeps .type: callers set it. */
void __mark_reg_known(struct bpf_reg_state *reg, u64 imm)
{
	clear_pointer_part(reg);
	reg->id = 0;
	reg->ref_obj_id = 0;
	reg_set_value(reg, imm);
}

void __mark_reg_known_zero(struct bpf_reg_state *reg)
{
	__mark_reg_known(reg, 0);
}

void __mark_reg_const_zero(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_known(reg, 0);
	reg->type = SCALAR_VALUE;
	/* Without CAP_BPF every scalar counts as precise from the start. */
	reg->precise = !env->bpf_capable;
}

void mark_reg_known_zero(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_known_zero(&regs[regno]);
}

void __mark_reg_unknown_imprecise(struct bpf_reg_state *reg)
{
	clear_pointer_part(reg);
	reg->type = SCALAR_VALUE;
	reg->id = 0;
	reg->ref_obj_id = 0;
	reg->var_off = tnum_unknown;
	reg->frameno = 0;
	reg->precise = false;
	__mark_reg_unbounded(reg);
}

void __mark_reg_unknown(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_unknown_imprecise(reg);
	reg->precise = !env->bpf_capable;
}

void mark_reg_unknown(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_unknown(env, &regs[regno]);
}

void __mark_reg_not_init(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_unknown(env, reg);
	reg->type = NOT_INIT;
}

void mark_reg_not_init(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_not_init(env, &regs[regno]);
}

/* ---- truncation and extension ---- */

/* After a 32-bit operation: the upper half is zero, the low half's ranges are the truth. */
void reg_assign_32_into_64(struct bpf_reg_state *reg)
{
	reg->umin_value = reg->u32_min_value;
	reg->umax_value = reg->u32_max_value;
	if (reg->s32_min_value >= 0 && reg->s32_max_value >= 0) {
		reg->smin_value = reg->s32_min_value;
		reg->smax_value = reg->s32_max_value;
	} else {
		reg->smin_value = 0;
		reg->smax_value = UINT32_MAX;
	}
}

void zext_32_to_64(struct bpf_reg_state *reg)
{
	reg->var_off = tnum_subreg(reg->var_off);
	reg_assign_32_into_64(reg);
}

/* Zero-extends the low @size bytes; 1, 2 or 4. */
void coerce_reg_to_size(struct bpf_reg_state *reg, int size)
{
	u64 keep = (1ULL << (size * 8)) - 1;

	reg->var_off = tnum_cast(reg->var_off, (u8)size);
	if ((reg->umin_value & ~keep) == (reg->umax_value & ~keep)) {
		reg->umin_value &= keep;
		reg->umax_value &= keep;
	} else {
		reg->umin_value = 0;
		reg->umax_value = keep;
	}
	reg->smin_value = (s64)reg->umin_value;
	reg->smax_value = (s64)reg->umax_value;
	if (size < 4)
		__mark_reg32_unbounded(reg);
	reg_bounds_sync(reg);
}

static s64 sign_extend(u64 v, int bits)
{
	return (s64)(v << (64 - bits)) >> (64 - bits);
}

/* Sign-extends the low @size bytes (1, 2 or 4) to 64 bits. */
void coerce_reg_to_size_sx(struct bpf_reg_state *reg, int size)
{
	int bits = size * 8;
	s64 lo, hi;

	if (tnum_is_const(reg->var_off)) {
		reg_set_value(reg, (u64)sign_extend(reg->var_off.value, bits));
		return;
	}
	if ((u64)reg->smin_value >> bits == (u64)reg->smax_value >> bits) {
		s64 a = sign_extend((u64)reg->smin_value, bits);
		s64 b = sign_extend((u64)reg->smax_value, bits);

		lo = min(a, b);
		hi = max(a, b);
		if ((lo >= 0) == (hi >= 0)) {
			reg->smin_value = lo;
			reg->smax_value = hi;
			reg->umin_value = (u64)lo;
			reg->umax_value = (u64)hi;
			reg->s32_min_value = (s32)lo;
			reg->s32_max_value = (s32)hi;
			reg->u32_min_value = (u32)lo;
			reg->u32_max_value = (u32)hi;
			reg->var_off = tnum_range((u64)lo, (u64)hi);
			return;
		}
	}
	__mark_reg_unbounded(reg);
	reg->smax_value = (1LL << (bits - 1)) - 1;
	reg->smin_value = -reg->smax_value - 1;
	reg->s32_min_value = (s32)reg->smin_value;
	reg->s32_max_value = (s32)reg->smax_value;
	reg->var_off = tnum_unknown;
}

/* Sign-extends the low @size bytes (1 or 2) to 32 bits; the upper half is the caller's. */
void coerce_subreg_to_size_sx(struct bpf_reg_state *reg, int size)
{
	int bits = size * 8;
	s32 lo, hi;

	if (tnum_is_const(reg->var_off)) {
		s64 v = sign_extend(reg->var_off.value, bits);

		reg->var_off = tnum_const((u64)v);
		reg->s32_min_value = reg->s32_max_value = (s32)v;
		reg->u32_min_value = reg->u32_max_value = (u32)v;
		return;
	}
	if ((u32)reg->s32_min_value >> bits == (u32)reg->s32_max_value >> bits) {
		s32 a = (s32)sign_extend((u32)reg->s32_min_value, bits);
		s32 b = (s32)sign_extend((u32)reg->s32_max_value, bits);

		lo = min(a, b);
		hi = max(a, b);
		if ((lo >= 0) == (hi >= 0)) {
			reg->s32_min_value = lo;
			reg->s32_max_value = hi;
			reg->u32_min_value = (u32)lo;
			reg->u32_max_value = (u32)hi;
			reg->var_off = tnum_subreg(tnum_range((u64)(s64)lo, (u64)(s64)hi));
			return;
		}
	}
	__mark_reg32_unbounded(reg);
	reg->s32_max_value = (1 << (bits - 1)) - 1;
	reg->s32_min_value = -reg->s32_max_value - 1;
	reg->var_off = tnum_subreg(tnum_unknown);
}
