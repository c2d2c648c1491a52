/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is known of a number: a tnum and four ranges (unsigned and signed, 64 and 32
 * bits), what each says about the others, what arithmetic makes of them and what a
 * comparison teaches (Linux: reg_bounds_sync(), scalar_min_max_*() and
 * regs_refine_cond_op() in verifier.c).
 *
 * tools/prove.cc compiles this file over solver expressions and proves each function at full
 * width: so nothing but the numbers of struct bpf_reg_state is used here, and the types
 * u64, s64, u32, s32 are used as such. That a deduction is as sharp as Linux's is tested
 * in tests/unit/bounds_test.c.
 */
#ifndef SCALAR_TYPES
#include "isa/insn.h"
#endif
#include "verifier/scalar.h"

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

static void signs_agree32(struct bpf_reg_state *r)
{
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

static void deduce32(struct bpf_reg_state *r)
{
	low_half_from(r, r->umin_value, r->umax_value);
	low_half_from(r, (u64)r->smin_value, (u64)r->smax_value);
	signs_agree32(r);
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

/* Within s32, so the upper half repeats bit 31, which is 0. */
static void sign_from_low(struct bpf_reg_state *r)
{
	if (r->s32_min_value >= 0 && r->smin_value >= INT32_MIN && r->smax_value <= INT32_MAX) {
		r->smin_value = r->s32_min_value;
		r->smax_value = r->s32_max_value;
		r->umin_value = (u64)r->smin_value;
		r->umax_value = (u64)r->smax_value;
		r->var_off = tnum_intersect(r->var_off, tnum_range(r->umin_value, r->umax_value));
	}
}

static void deduce_mixed(struct bpf_reg_state *r)
{
	full_from_low(r, r->u32_min_value, r->u32_max_value);
	if ((u32)r->s32_min_value <= (u32)r->s32_max_value)
		full_from_low(r, (u32)r->s32_min_value, (u32)r->s32_max_value);
	sign_from_low(r);
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
/* @single: also what single_value() finds out. */
static void sync_bounds(struct bpf_reg_state *reg, bool single)
{
	if (is_known_throughout(reg))
		return;
	from_tnum(reg);
	if (single)
		single_value(reg);
	for (int round = 0; round < 3; round++) {
		deduce32(reg);
		deduce64(reg);
		deduce_mixed(reg);
	}
	tnum_from_ranges(reg);
	from_tnum(reg);
	if (single)
		single_value(reg);
}

void reg_bounds_sync(struct bpf_reg_state *reg)
{
	sync_bounds(reg, true);
}

void reg_bounds_sync_6_17(struct bpf_reg_state *reg)
{
	sync_bounds(reg, false);
}

/* ---- arithmetic; dst->var_off is already the result's where noted ---- */

void scalar_ranges_add(struct bpf_reg_state *d, const struct bpf_reg_state *s, kver profile)
{
	u64 umin, umax;
	u32 umin32, umax32;
	s64 smin, smax;
	s32 smin32, smax32;
	bool lo, hi;
	/* Since 6.17 a range whose both ends wrap is still a range. */
	bool wrap = profile >= KVER(6, 17);

	lo = __builtin_add_overflow(d->smin_value, s->smin_value, &smin);
	hi = __builtin_add_overflow(d->smax_value, s->smax_value, &smax);
	d->smin_value = lo || hi ? INT64_MIN : smin;
	d->smax_value = lo || hi ? INT64_MAX : smax;
	lo = __builtin_add_overflow(d->s32_min_value, s->s32_min_value, &smin32);
	hi = __builtin_add_overflow(d->s32_max_value, s->s32_max_value, &smax32);
	d->s32_min_value = lo || hi ? INT32_MIN : smin32;
	d->s32_max_value = lo || hi ? INT32_MAX : smax32;
	lo = __builtin_add_overflow(d->umin_value, s->umin_value, &umin);
	hi = __builtin_add_overflow(d->umax_value, s->umax_value, &umax);
	if (wrap ? lo != hi : lo || hi)
		umin = 0, umax = UINT64_MAX;
	d->umin_value = umin;
	d->umax_value = umax;
	lo = __builtin_add_overflow(d->u32_min_value, s->u32_min_value, &umin32);
	hi = __builtin_add_overflow(d->u32_max_value, s->u32_max_value, &umax32);
	if (wrap ? lo != hi : lo || hi)
		umin32 = 0, umax32 = UINT32_MAX;
	d->u32_min_value = umin32;
	d->u32_max_value = umax32;
}

void scalar_ranges_sub(struct bpf_reg_state *d, const struct bpf_reg_state *s, kver profile)
{
	u64 umin, umax;
	u32 umin32, umax32;
	s64 smin, smax;
	s32 smin32, smax32;
	bool lo, hi;
	bool wrap = profile >= KVER(6, 17);

	lo = __builtin_sub_overflow(d->smin_value, s->smax_value, &smin);
	hi = __builtin_sub_overflow(d->smax_value, s->smin_value, &smax);
	d->smin_value = lo || hi ? INT64_MIN : smin;
	d->smax_value = lo || hi ? INT64_MAX : smax;
	lo = __builtin_sub_overflow(d->s32_min_value, s->s32_max_value, &smin32);
	hi = __builtin_sub_overflow(d->s32_max_value, s->s32_min_value, &smax32);
	d->s32_min_value = lo || hi ? INT32_MIN : smin32;
	d->s32_max_value = lo || hi ? INT32_MAX : smax32;
	lo = __builtin_sub_overflow(d->umin_value, s->umax_value, &umin);
	hi = __builtin_sub_overflow(d->umax_value, s->umin_value, &umax);
	if (wrap ? lo != hi : lo || hi)
		umin = 0, umax = UINT64_MAX;
	d->umin_value = umin;
	d->umax_value = umax;
	lo = __builtin_sub_overflow(d->u32_min_value, s->u32_max_value, &umin32);
	hi = __builtin_sub_overflow(d->u32_max_value, s->u32_min_value, &umax32);
	if (wrap ? lo != hi : lo || hi)
		umin32 = 0, umax32 = UINT32_MAX;
	d->u32_min_value = umin32;
	d->u32_max_value = umax32;
}

/* Before 6.14: only products of small non-negative numbers are followed. */
static void mul_coarse32(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	bool fits;

	if (s->s32_min_value < 0 || d->s32_min_value < 0 || s->u32_max_value > UINT16_MAX ||
	    d->u32_max_value > UINT16_MAX) {
		__mark_reg32_unbounded(d);
		return;
	}
	d->u32_min_value *= s->u32_min_value;
	d->u32_max_value *= s->u32_max_value;
	fits = d->u32_max_value <= INT32_MAX;
	d->s32_min_value = fits ? (s32)d->u32_min_value : (s32)INT32_MIN;
	d->s32_max_value = fits ? (s32)d->u32_max_value : (s32)INT32_MAX;
}

static void mul_coarse64(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	bool fits;

	if (s->smin_value < 0 || d->smin_value < 0 || s->umax_value > UINT32_MAX ||
	    d->umax_value > UINT32_MAX) {
		__mark_reg64_unbounded(d);
		return;
	}
	d->umin_value *= s->umin_value;
	d->umax_value *= s->umax_value;
	fits = d->umax_value <= INT64_MAX;
	d->smin_value = fits ? (s64)d->umin_value : (s64)INT64_MIN;
	d->smax_value = fits ? (s64)d->umax_value : (s64)INT64_MAX;
}

void scalar_ranges_mul_coarse(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	mul_coarse32(d, s);
	mul_coarse64(d, s);
}

/* The extremes of a signed product are among the products of the ends. */
#define MUL_SIGNED(T, LO, HI, MIN, MAX)                                                            \
	do {                                                                                       \
		T a, b, c, e;                                                                      \
		if (__builtin_mul_overflow(d->LO, s->LO, &a) ||                                    \
		    __builtin_mul_overflow(d->LO, s->HI, &b) ||                                    \
		    __builtin_mul_overflow(d->HI, s->LO, &c) ||                                    \
		    __builtin_mul_overflow(d->HI, s->HI, &e)) {                                    \
			d->LO = MIN;                                                               \
			d->HI = MAX;                                                               \
		} else {                                                                           \
			d->LO = min(min(a, b), min(c, e));                                         \
			d->HI = max(max(a, b), max(c, e));                                         \
		}                                                                                  \
	} while (0)
#define MUL_UNSIGNED(T, LO, HI, MAX)                                                               \
	do {                                                                                       \
		T lo, hi;                                                                          \
		if (__builtin_mul_overflow(d->HI, s->HI, &hi) ||                                   \
		    __builtin_mul_overflow(d->LO, s->LO, &lo)) {                                   \
			d->LO = 0;                                                                 \
			d->HI = MAX;                                                               \
		} else {                                                                           \
			d->LO = lo;                                                                \
			d->HI = hi;                                                                \
		}                                                                                  \
	} while (0)

static void mul_unsigned(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	MUL_UNSIGNED(u32, u32_min_value, u32_max_value, UINT32_MAX);
	MUL_UNSIGNED(u64, umin_value, umax_value, UINT64_MAX);
}

static void mul_signed32(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	MUL_SIGNED(s32, s32_min_value, s32_max_value, INT32_MIN, INT32_MAX);
}

static void mul_signed64(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	MUL_SIGNED(s64, smin_value, smax_value, INT64_MIN, INT64_MAX);
}

void scalar_ranges_mul(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	mul_unsigned(d, s);
	mul_signed32(d, s);
	mul_signed64(d, s);
}

/*
 * Signed ranges of a bitwise result: those of the unsigned one if it stays on one
 * side of the sign, else anything.
 */
static void signed_from_unsigned32(struct bpf_reg_state *d)
{
	bool one_side = (s32)d->u32_min_value <= (s32)d->u32_max_value;

	d->s32_min_value = one_side ? (s32)d->u32_min_value : INT32_MIN;
	d->s32_max_value = one_side ? (s32)d->u32_max_value : INT32_MAX;
}

static void signed_from_unsigned64(struct bpf_reg_state *d)
{
	bool one_side = (s64)d->umin_value <= (s64)d->umax_value;

	d->smin_value = one_side ? (s64)d->umin_value : INT64_MIN;
	d->smax_value = one_side ? (s64)d->umax_value : INT64_MAX;
}

/* @known*: both operands were constants. dst->var_off holds the result. */
void scalar_ranges_bitwise(struct bpf_reg_state *d, const struct bpf_reg_state *s, u8 op)
{
	struct tnum v = d->var_off;

	/* A 32-bit half that is fully known decides, as it does in 64 bits. */
	if (tnum_subreg_is_const(s->var_off) && tnum_subreg_is_const(v)) {
		reg32_set_value(d, (u32)v.value);
	} else {
		u32 lo = (u32)v.value, hi = (u32)(v.value | v.mask);

		if (op == BPF_AND)
			hi = min(d->u32_max_value, s->u32_max_value);
		if (op == BPF_OR)
			lo = max(d->u32_min_value, s->u32_min_value);
		d->u32_min_value = lo;
		d->u32_max_value = hi;
		signed_from_unsigned32(d);
	}
	if (tnum_is_const(s->var_off) && tnum_is_const(v)) {
		__mark_reg_known(d, v.value);
	} else {
		u64 lo = v.value, hi = v.value | v.mask;

		if (op == BPF_AND)
			hi = min(d->umax_value, s->umax_value);
		if (op == BPF_OR)
			lo = max(d->umin_value, s->umin_value);
		d->umin_value = lo;
		d->umax_value = hi;
		signed_from_unsigned64(d);
	}
}

/* @n: the known distance, below the width. */
void scalar_shift_left(struct bpf_reg_state *d, u8 n, bool alu32)
{
	s64 smin = INT64_MIN, smax = INT64_MAX;

	if (!alu32) {
		if (n == 32) { /* compilers sign-extend this way: << 32, then s>> 32 */
			smin = (s64)((u64)(s64)d->s32_min_value << 32);
			smax = (s64)((u64)(s64)d->s32_max_value << 32);
		}
		if (d->umax_value > 1ULL << (63 - n)) {
			d->umin_value = 0;
			d->umax_value = UINT64_MAX;
		} else {
			d->umin_value <<= n;
			d->umax_value <<= n;
		}
	}
	if (n > 31 || d->u32_max_value > 1ULL << (31 - n)) {
		d->u32_min_value = 0;
		d->u32_max_value = UINT32_MAX;
	} else {
		d->u32_min_value <<= n;
		d->u32_max_value <<= n;
	}
	d->s32_min_value = INT32_MIN;
	d->s32_max_value = INT32_MAX;
	if (alu32) {
		d->var_off = tnum_subreg(tnum_lshift(tnum_subreg(d->var_off), n));
		__mark_reg64_unbounded(d);
	} else {
		d->var_off = tnum_lshift(d->var_off, n);
		d->smin_value = smin;
		d->smax_value = smax;
	}
}

/* The other half's and the signed ranges follow from the tnum. */
void scalar_shift_right(struct bpf_reg_state *d, u8 n, bool alu32)
{
	if (alu32) {
		u32 lo = d->u32_min_value >> n, hi = d->u32_max_value >> n;

		d->var_off = tnum_rshift(tnum_subreg(d->var_off), n);
		__mark_reg_unbounded(d);
		d->u32_min_value = lo;
		d->u32_max_value = hi;
	} else {
		u64 lo = d->umin_value >> n, hi = d->umax_value >> n;

		d->var_off = tnum_rshift(d->var_off, n);
		__mark_reg_unbounded(d);
		d->umin_value = lo;
		d->umax_value = hi;
	}
}

void scalar_shift_right_signed(struct bpf_reg_state *d, u8 n, bool alu32)
{
	if (alu32) {
		s32 lo = d->s32_min_value >> n, hi = d->s32_max_value >> n;

		d->var_off = tnum_arshift(tnum_subreg(d->var_off), n, 32);
		__mark_reg_unbounded(d);
		d->s32_min_value = lo;
		d->s32_max_value = hi;
	} else {
		s64 lo = d->smin_value >> n, hi = d->smax_value >> n;

		d->var_off = tnum_arshift(d->var_off, n, 64);
		__mark_reg_unbounded(d);
		d->smin_value = lo;
		d->smax_value = hi;
	}
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

static void coerce_unsynced(struct bpf_reg_state *reg, int size)
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
}

/* Zero-extends the low @size bytes; 1, 2 or 4. */
void coerce_reg_to_size(struct bpf_reg_state *reg, int size)
{
	coerce_unsynced(reg, size);
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

/* ---- comparisons ---- */

/* "a op b" is "b flip(op) a". */
u8 flip_opcode(u8 op)
{
	switch (op) {
	case BPF_JGE:
		return BPF_JLE;
	case BPF_JGT:
		return BPF_JLT;
	case BPF_JLE:
		return BPF_JGE;
	case BPF_JLT:
		return BPF_JGT;
	case BPF_JSGE:
		return BPF_JSLE;
	case BPF_JSGT:
		return BPF_JSLT;
	case BPF_JSLE:
		return BPF_JSGE;
	case BPF_JSLT:
		return BPF_JSGT;
	}
	return op; /* JEQ, JNE, JSET: symmetric */
}

/* "not (a op b)" is "a reverse(op) b". */
u8 reverse_opcode(u8 op)
{
	switch (op) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JNE:
		return BPF_JEQ;
	case BPF_JSET:
		return JNSET;
	case JNSET:
		return BPF_JSET;
	case BPF_JGE:
		return BPF_JLT;
	case BPF_JGT:
		return BPF_JLE;
	case BPF_JLE:
		return BPF_JGT;
	case BPF_JLT:
		return BPF_JGE;
	case BPF_JSGE:
		return BPF_JSLT;
	case BPF_JSGT:
		return BPF_JSLE;
	case BPF_JSLE:
		return BPF_JSGT;
	case BPF_JSLT:
		return BPF_JSGE;
	}
	return op;
}

bool scalar_is_const(const struct bpf_reg_state *reg, bool jmp32)
{
	return reg->type == SCALAR_VALUE &&
	       tnum_is_const(jmp32 ? tnum_subreg(reg->var_off) : reg->var_off);
}

u64 scalar_const_value(const struct bpf_reg_state *reg, bool jmp32)
{
	return tnum_cast(reg->var_off, jmp32 ? 4 : 8).value;
}

/* One register's ranges at the width of the comparison. */
struct operand {
	struct tnum t;
	u64 umin, umax;
	s64 smin, smax;
};

static struct operand operand_of(const struct bpf_reg_state *r, bool jmp32)
{
	if (jmp32)
		return (struct operand){ tnum_subreg(r->var_off), r->u32_min_value,
					 r->u32_max_value, r->s32_min_value, r->s32_max_value };
	return (struct operand){ r->var_off, r->umin_value, r->umax_value, r->smin_value,
				 r->smax_value };
}

/* Surely different: no number is in both. */
static bool are_disjoint(const struct bpf_reg_state *a, const struct bpf_reg_state *b,
			 const struct operand *x, const struct operand *y, bool jmp32, kver profile)
{
	if (profile >= KVER(6, 18) && !tnum_overlap(x->t, y->t))
		return true;
	if (x->umin > y->umax || x->umax < y->umin || x->smin > y->smax || x->smax < y->smin)
		return true;
	return !jmp32 &&
	       (a->u32_min_value > b->u32_max_value || a->u32_max_value < b->u32_min_value ||
		a->s32_min_value > b->s32_max_value || a->s32_max_value < b->s32_min_value);
}

/* 1 when @yes surely, 0 when @no surely, else -1 */
static int decided(bool yes, bool no)
{
	return yes ? 1 : no ? 0 : -1;
}

int is_scalar_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b, u8 op,
			   bool jmp32, kver profile)
{
	struct operand x = operand_of(a, jmp32), y = operand_of(b, jmp32);
	int equal = -1;

	switch (op) {
	case BPF_JEQ:
	case BPF_JNE:
		if (tnum_is_const(x.t) && tnum_is_const(y.t))
			equal = x.t.value == y.t.value;
		else if (are_disjoint(a, b, &x, &y, jmp32, profile))
			equal = 0;
		return equal < 0 ? -1 : op == BPF_JEQ ? equal : !equal;
	case BPF_JSET:
		if (!scalar_is_const(b, jmp32)) {
			struct operand swap = x;

			if (!scalar_is_const(a, jmp32))
				return -1;
			x = y;
			y = swap;
		}
		return decided((x.t.value & y.t.value) != 0, !((x.t.value | x.t.mask) & y.t.value));
	case BPF_JGT:
		return decided(x.umin > y.umax, x.umax <= y.umin);
	case BPF_JGE:
		return decided(x.umin >= y.umax, x.umax < y.umin);
	case BPF_JLT:
		return decided(x.umax < y.umin, x.umin >= y.umax);
	case BPF_JLE:
		return decided(x.umax <= y.umin, x.umin > y.umax);
	case BPF_JSGT:
		return decided(x.smin > y.smax, x.smax <= y.smin);
	case BPF_JSGE:
		return decided(x.smin >= y.smax, x.smax < y.smin);
	case BPF_JSLT:
		return decided(x.smax < y.smin, x.smin >= y.smax);
	case BPF_JSLE:
		return decided(x.smax <= y.smin, x.smin > y.smax);
	}
	return -1;
}

/* ---- learning ---- */

#define NARROW_LE(LO, HI)                                                                          \
	do {                                                                                       \
		a->HI = min(a->HI, b->HI);                                                         \
		b->LO = max(a->LO, b->LO);                                                         \
	} while (0)
/* Unsigned arithmetic, since the signed one might overflow where the path is impossible. */
#define NARROW_LT(T, U, LO, HI)                                                                    \
	do {                                                                                       \
		a->HI = min(a->HI, (T)((U)b->HI - 1));                                             \
		b->LO = max((T)((U)a->LO + 1), b->LO);                                             \
	} while (0)
#define NARROW_EQ(LO, HI)                                                                          \
	do {                                                                                       \
		a->LO = b->LO = max(a->LO, b->LO);                                                 \
		a->HI = b->HI = min(a->HI, b->HI);                                                 \
	} while (0)
/* A range loses an end that the value is known not to be. */
#define NARROW_NE(T, U, LO, HI)                                                                    \
	do {                                                                                       \
		if (a->LO == (T)v)                                                                 \
			a->LO = (T)((U)a->LO + 1);                                                 \
		if (a->HI == (T)v)                                                                 \
			a->HI = (T)((U)a->HI - 1);                                                 \
	} while (0)

/* Narrows both registers by "a op b", which holds. */
void scalar_refine(struct bpf_reg_state *a, struct bpf_reg_state *b, u8 op, bool jmp32)
{
	struct bpf_reg_state *swap;
	struct tnum t;
	u64 v;

	switch (op) {
	case BPF_JGE:
	case BPF_JGT:
	case BPF_JSGE:
	case BPF_JSGT:
		op = flip_opcode(op);
		swap = a;
		a = b;
		b = swap;
		break;
	case BPF_JNE:
	case BPF_JSET:
	case JNSET: /* teach something of one only when the other is known */
		if (!scalar_is_const(b, jmp32)) {
			swap = a;
			a = b;
			b = swap;
		}
		if (!scalar_is_const(b, jmp32))
			return;
		break;
	}
	v = scalar_const_value(b, jmp32);
	switch (op) {
	case BPF_JEQ:
		if (jmp32) {
			NARROW_EQ(u32_min_value, u32_max_value);
			NARROW_EQ(s32_min_value, s32_max_value);
			t = tnum_intersect(tnum_subreg(a->var_off), tnum_subreg(b->var_off));
			a->var_off = tnum_with_subreg(a->var_off, t);
			b->var_off = tnum_with_subreg(b->var_off, t);
		} else {
			NARROW_EQ(umin_value, umax_value);
			NARROW_EQ(smin_value, smax_value);
			a->var_off = b->var_off = tnum_intersect(a->var_off, b->var_off);
		}
		break;
	case BPF_JNE:
		if (jmp32) {
			NARROW_NE(u32, u32, u32_min_value, u32_max_value);
			NARROW_NE(s32, u32, s32_min_value, s32_max_value);
		} else {
			NARROW_NE(u64, u64, umin_value, umax_value);
			NARROW_NE(s64, u64, smin_value, smax_value);
		}
		break;
	case BPF_JSET:
		if (!is_power_of_2(v))
			break; /* which of several bits it is stays open */
		if (jmp32)
			a->var_off = tnum_with_subreg(
				a->var_off, tnum_or(tnum_subreg(a->var_off), tnum_const(v)));
		else
			a->var_off = tnum_or(a->var_off, tnum_const(v));
		break;
	case JNSET:
		/* The ranges may contradict the cleared bits where the path is impossible. */
		__mark_reg_unbounded(a);
		if (jmp32)
			a->var_off = tnum_with_subreg(
				a->var_off, tnum_and(tnum_subreg(a->var_off), tnum_const(~v)));
		else
			a->var_off = tnum_and(a->var_off, tnum_const(~v));
		break;
	case BPF_JLE:
		if (jmp32)
			NARROW_LE(u32_min_value, u32_max_value);
		else
			NARROW_LE(umin_value, umax_value);
		break;
	case BPF_JLT:
		if (jmp32)
			NARROW_LT(u32, u32, u32_min_value, u32_max_value);
		else
			NARROW_LT(u64, u64, umin_value, umax_value);
		break;
	case BPF_JSLE:
		if (jmp32)
			NARROW_LE(s32_min_value, s32_max_value);
		else
			NARROW_LE(smin_value, smax_value);
		break;
	case BPF_JSLT:
		if (jmp32)
			NARROW_LT(s32, u32, s32_min_value, s32_max_value);
		else
			NARROW_LT(s64, u64, smin_value, smax_value);
		break;
	}
}
