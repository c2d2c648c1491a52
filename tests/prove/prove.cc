/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Proofs that the verifier's operators on numbers are sound, at 64 and 32 bits, for every
 * input: verifier/tnum.h, tnum.c and scalar.c are compiled here, as they are, over solver
 * expressions. Each theorem says: numbers that were in the operands' states are,
 * after the operation, in the result's state. `make prove` runs it; a theorem that does
 * not hold is printed with a counterexample, and one that the solver gives up is a failure.
 *
 *   prove [NAME…]     only theorems whose name contains a NAME
 */
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include <linux/bpf.h>

#include "sym.h"

/* ---- what the verifier's sources expect, in place of base/types.h and verifier.h ---- */

#define TNUM_TYPES
#define SCALAR_TYPES
#define SKEP_BASE_TYPES_H
typedef unsigned char u8; /* widths and distances: plain numbers */
typedef num<16, false> u16;
typedef num<32, false> u32;
typedef num<64, false> u64;
typedef num<32, true> s32;
typedef num<64, true> s64;
typedef unsigned kver;
#define KVER(x, y)	 ((x) << 8 | (y))
#define is_power_of_2(n) ((n) != 0 && (((n) & ((n)-1)) == 0))
#define SCALAR_VALUE	 1
#ifndef BPF_JLT
#error "linux/bpf.h is too old"
#endif

#include "verifier/tnum.c"

struct bpf_reg_state {
	unsigned type = SCALAR_VALUE;
	struct tnum var_off;
	s64 smin_value, smax_value;
	u64 umin_value, umax_value;
	s32 s32_min_value, s32_max_value;
	u32 u32_min_value, u32_max_value;
};
static void __mark_reg_known(struct bpf_reg_state *reg, u64 imm);
/* tnum_step() as its own theorem has it: scalar.c is proved for any function that keeps to it. */
static u64 tnum_step_spec(struct tnum t, u64 z);
#define tnum_step tnum_step_spec
void __mark_reg32_unbounded(struct bpf_reg_state *reg);
void reg_set_value(struct bpf_reg_state *reg, u64 imm);
#include "verifier/scalar.c"
#undef tnum_step

static void __mark_reg_known(struct bpf_reg_state *reg, u64 imm)
{
	reg_set_value(reg, imm);
}

/* ---- membership ---- */

static z3::expr E(bool b)
{
	return ctx().bool_val(b);
}

static z3::expr in(const struct tnum &t, const z3::expr &x)
{
	return (x & ~t.mask.e) == t.value.e;
}

static z3::expr low(const z3::expr &x)
{
	return x.extract(31, 0);
}

static z3::expr in64(const struct bpf_reg_state &r, const z3::expr &x)
{
	return z3::ule(r.umin_value.e, x) && z3::ule(x, r.umax_value.e) && r.smin_value.e <= x &&
	       x <= r.smax_value.e;
}

static z3::expr in32(const struct bpf_reg_state &r, const z3::expr &w)
{
	return z3::ule(r.u32_min_value.e, w) && z3::ule(w, r.u32_max_value.e) &&
	       r.s32_min_value.e <= w && w <= r.s32_max_value.e;
}

static z3::expr in_ranges(const struct bpf_reg_state &r, const z3::expr &x)
{
	return in64(r, x) && in32(r, low(x));
}

static z3::expr in(const struct bpf_reg_state &r, const z3::expr &x)
{
	return in(r.var_off, x) && in_ranges(r, x);
}

/* ---- unknowns ---- */

static unsigned names;

static z3::expr fresh(const char *what, unsigned width)
{
	return ctx().bv_const((std::string(what) + std::to_string(names++)).c_str(), width);
}

static struct tnum any_tnum(void)
{
	struct tnum t = { u64(fresh("value", 64)), u64(fresh("mask", 64)) };

	assume((t.value.e & t.mask.e) == 0);
	return t;
}

static struct bpf_reg_state any_reg(void)
{
	struct bpf_reg_state r;

	r.var_off = any_tnum();
	r.smin_value.e = fresh("smin", 64), r.smax_value.e = fresh("smax", 64);
	r.umin_value.e = fresh("umin", 64), r.umax_value.e = fresh("umax", 64);
	r.s32_min_value.e = fresh("s32min", 32), r.s32_max_value.e = fresh("s32max", 32);
	r.u32_min_value.e = fresh("u32min", 32), r.u32_max_value.e = fresh("u32max", 32);
	return r;
}

/* A number that the state holds. */
static z3::expr some(const struct tnum &t)
{
	z3::expr x = fresh("x", 64);

	assume(in(t, x));
	return x;
}

static z3::expr some(const struct bpf_reg_state &r)
{
	z3::expr x = fresh("x", 64);

	assume(in(r, x));
	return x;
}

/* What tnum_step(t, z) is: the next number of t, or the largest. @x: any number of t. */
static z3::expr is_step(const struct tnum &t, const z3::expr &z, const z3::expr &next,
			const z3::expr &x)
{
	z3::expr largest = t.value.e | t.mask.e;

	return in(t, next) && (z3::ule(x, z) || z3::ule(next, x)) &&
	       (z3::ugt(next, z) || next == largest);
}

static z3::expr *interest; /* the number that a theorem with steps is about */

static u64 tnum_step_spec(struct tnum t, u64 z)
{
	u64 next(fresh("next", 64));

	assume(z3::implies(in(t, *interest), is_step(t, z.e, next.e, *interest)));
	return next;
}

/* ---- theorems ---- */

static struct {
	const char *name;
	unsigned failed, proved;
	bool broken; /* in the theorem that is being proved */
	const char *tactic; /* the solver's procedure for this theorem */
	std::set<std::set<unsigned>> known; /* claims of this theorem that are proved */
} report;

static const std::set<std::string> &names_in(const z3::expr &e)
{
	static std::map<unsigned, std::set<std::string>> memo;
	static z3::expr_vector kept(ctx()); /* so that ids stay theirs */
	auto it = memo.find(e.id());

	if (it != memo.end())
		return it->second;
	kept.push_back(e);
	std::set<std::string> n;
	if (e.is_const() && !e.is_numeral())
		n.insert(e.decl().name().str());
	for (unsigned i = 0; e.is_app() && i < e.num_args(); i++) {
		const std::set<std::string> &part = names_in(e.arg(i));
		n.insert(part.begin(), part.end());
	}
	return memo[e.id()] = n;
}

/* The assumptions that share a name with @claim, or with one that does; @key names them all. */
static z3::expr_vector relevant(const std::vector<z3::expr> &all, const z3::expr &claim,
				std::set<unsigned> &key)
{
	std::set<std::string> names = names_in(claim);
	std::vector<bool> taken(all.size());
	z3::expr_vector out(ctx());
	bool grew = true;

	key.insert(claim.id());
	while (grew) {
		grew = false;
		for (size_t i = 0; i < all.size(); i++) {
			const std::set<std::string> &n = names_in(all[i]);
			bool shares = false;

			for (const std::string &s : n)
				shares |= names.count(s) != 0;
			if (taken[i] || !shares)
				continue;
			taken[i] = grew = true;
			names.insert(n.begin(), n.end());
			out.push_back(all[i]);
			key.insert(all[i].id());
		}
	}
	return out;
}

/*
 * On this path @claim follows from what is assumed. Asked of a fresh solver, since
 * the procedure for bit vectors alone is far faster than the incremental one.
 */
static void claim(const z3::expr &claim)
{
	path &p = here();

	if (report.broken)
		return;
	z3::solver s = z3::tactic(ctx(), report.tactic).mk_solver();
	std::set<unsigned> key;
	z3::expr_vector about = relevant(p.assumed, claim, key);

	/* Paths often differ in what does not matter for a claim. */
	if (!report.known.insert(key).second)
		return;
	for (const z3::expr &e : about)
		s.add(e);
	s.add(!claim);
	(void)names_in(claim); /* keeps it */
	switch (s.check()) {
	case z3::unsat:
		break;
	case z3::sat: {
		z3::model m = s.get_model();

		report.broken = true;
		printf("not ok - %s: refuted by\n", report.name);
		for (unsigned i = 0; i < m.num_consts(); i++)
			printf("    %s = %s\n", m.get_const_decl(i).name().str().c_str(),
			       m.get_const_interp(m.get_const_decl(i)).to_string().c_str());
		break;
	}
	case z3::unknown:
		report.broken = true;
		printf("not ok - %s: the solver gave up (%s)\n", report.name,
		       s.reason_unknown().c_str());
		break;
	}
}

static int wanted_n;
static char **wanted;

static void theorem(const std::string &name, const std::function<void()> &f,
		    const char *tactic = "qfbv")
{
	auto start = std::chrono::steady_clock::now();
	bool want = wanted_n == 0;

	for (int i = 0; i < wanted_n; i++)
		want |= name.find(wanted[i]) != std::string::npos;
	if (!want)
		return;
	report.name = name.c_str();
	report.broken = false;
	report.known.clear();
	report.tactic = tactic;
	explore([&] {
		names = 0;
		f();
	});
	if (report.broken) {
		report.failed++;
	} else {
		report.proved++;
		printf("ok - %-42s %4u paths %6.2f s\n", name.c_str(), here().paths,
		       std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
	}
	fflush(stdout);
}

/* ---- tnums ---- */

typedef struct tnum (*tnum_op2)(struct tnum a, struct tnum b);

static void tnum2(const char *name, tnum_op2 op, z3::expr (*exact)(const z3::expr &, const z3::expr &))
{
	theorem(name, [=] {
		struct tnum a = any_tnum(), b = any_tnum();
		z3::expr x = some(a), y = some(b);
		struct tnum r = op(a, b);

		claim(in(r, exact(x, y)) && (r.value.e & r.mask.e) == 0);
	});
}

static void tnum_theorems(void)
{
	tnum2("tnum_add", tnum_add, [](auto &x, auto &y) { return x + y; });
	tnum2("tnum_sub", tnum_sub, [](auto &x, auto &y) { return x - y; });
	tnum2("tnum_and", tnum_and, [](auto &x, auto &y) { return x & y; });
	tnum2("tnum_or", tnum_or, [](auto &x, auto &y) { return x | y; });
	tnum2("tnum_xor", tnum_xor, [](auto &x, auto &y) { return x ^ y; });
	tnum2("tnum_with_subreg", tnum_with_subreg,
	      [](auto &x, auto &y) { return z3::concat(x.extract(63, 32), low(y)); });
	theorem("tnum_neg", [] {
		struct tnum a = any_tnum();
		z3::expr x = some(a);

		claim(in(tnum_neg(a), -x));
	});
	theorem("tnum_intersect", [] {
		struct tnum a = any_tnum(), b = any_tnum();
		z3::expr x = some(a);

		assume(in(b, x));
		claim(in(tnum_intersect(a, b), x));
	});
	theorem("tnum_union", [] {
		struct tnum a = any_tnum(), b = any_tnum(), r = tnum_union(a, b);

		claim(in(r, some(a)) && in(r, some(b)));
	});
	theorem("tnum_overlap", [] {
		struct tnum a = any_tnum(), b = any_tnum();
		z3::expr x = some(a);

		assume(in(b, x));
		claim(E(tnum_overlap(a, b)));
	});
	theorem("tnum_in", [] {
		struct tnum a = any_tnum(), b = any_tnum();
		z3::expr x = some(b);

		if (tnum_in(a, b))
			claim(in(a, x));
	});
	for (int n = 0; n < 64; n++)
		theorem("tnum shifts by " + std::to_string(n), [=] {
			struct tnum a = any_tnum();
			z3::expr x = some(a), by = ctx().bv_val(n, 64);

			claim(in(tnum_lshift(a, n), z3::shl(x, by)));
			claim(in(tnum_rshift(a, n), z3::lshr(x, by)));
			claim(in(tnum_arshift(a, n, 64), z3::ashr(x, by)));
			if (n < 32)
				claim(in(tnum_arshift(a, n, 32),
					 z3::zext(z3::ashr(low(x), ctx().bv_val(n, 32)), 32)));
		});
	for (int size = 1; size <= 8; size++)
		theorem("tnum casts to " + std::to_string(size) + " bytes", [=] {
			struct tnum a = any_tnum();
			z3::expr x = some(a), part = x.extract(size * 8 - 1, 0);

			claim(in(tnum_cast(a, size), z3::zext(part, 64 - size * 8)));
			claim(in(tnum_scast(a, size), z3::sext(part, 64 - size * 8)));
		});
	theorem("tnum half registers", [] {
		struct tnum a = any_tnum();
		z3::expr x = some(a);

		claim(in(tnum_subreg(a), z3::zext(low(x), 32)));
		claim(in(tnum_clear_subreg(a), z3::concat(x.extract(63, 32), ctx().bv_val(0, 32))));
		if (tnum_subreg_is_const(a))
			claim(low(x) == low(a.value.e));
		if (tnum_is_const(a))
			claim(x == a.value.e);
	});
	theorem("tnum_bswap", [] {
		struct tnum a = any_tnum();
		u64 x(some(a));

		claim(in(tnum_bswap16(a), u64(__builtin_bswap16((u16)x)).e));
		claim(in(tnum_bswap32(a), u64(__builtin_bswap32((u32)x)).e));
		claim(in(tnum_bswap64(a), u64(__builtin_bswap64(x)).e));
	});
	theorem("tnum_is_aligned", [] {
		struct tnum a = any_tnum();
		z3::expr x = some(a), bit = fresh("bit", 64);
		u64 size(z3::shl(ctx().bv_val(1, 64), bit));

		assume(z3::ult(bit, ctx().bv_val(64, 64)));
		if (tnum_is_aligned(a, size))
			claim((x & (size.e - 1)) == 0);
	});
	theorem("tnum_range", [] {
		u64 lo(fresh("lo", 64)), hi(fresh("hi", 64));
		z3::expr x = fresh("x", 64);

		assume(z3::ule(lo.e, x) && z3::ule(x, hi.e));
		claim(in(tnum_range(lo, hi), x));
	});
	theorem("tnum_step: no number between", [] {
		struct tnum a = any_tnum();
		u64 z(fresh("z", 64)), next = tnum_step(a, z);
		z3::expr x = some(a);

		claim(is_step(a, z.e, next.e, x));
	});
	/*
	 * Multiplication: its loop computes sum over i of bit_i(x) * (y << i), which is the
	 * product; one round is proved, and that it ends when no bit of x is left.
	 */
	theorem("tnum_mul, one round", [] {
		struct tnum sum = any_tnum(), a = any_tnum(), b = any_tnum();
		z3::expr s = some(sum), x = some(a), y = some(b), one = ctx().bv_val(1, 64);

		claim(in(add_multiple(sum, a, b), s + z3::ite((x & one) == one, y, ctx().bv_val(0, 64))));
		if (!(a.value | a.mask))
			claim(x == 0);
	});
	theorem("tnum_mul_coarse, one round", [] {
		struct tnum rest = any_tnum(), a = any_tnum(), b = any_tnum();
		z3::expr r = some(rest), x = some(a), y = some(b), one = ctx().bv_val(1, 64);
		z3::expr zero = ctx().bv_val(0, 64);
		z3::expr product = z3::ite((x & one) == one, y, zero);
		z3::expr known = z3::ite((a.value.e & one) == one, b.value.e, zero);

		claim(in(add_unknown_multiple(rest, a, b), r + product - known));
	});
}

/* ---- deductions: each only narrows, and never past a number that is there ---- */

static void deduction(const char *name, void (*f)(struct bpf_reg_state *))
{
	theorem(name, [=] {
		struct bpf_reg_state r = any_reg();
		z3::expr x = some(r);

		interest = &x;
		f(&r);
		claim(in(r, x) && (r.var_off.value.e & r.var_off.mask.e) == 0);
	});
}

static void deduction_theorems(void)
{
	deduction("from_tnum", from_tnum);
	theorem("low_half_from, unsigned and signed ends", [] {
		struct bpf_reg_state r = any_reg();
		u64 lo(fresh("lo", 64)), hi(fresh("hi", 64));
		z3::expr x = some(r);

		assume((z3::ule(lo.e, x) && z3::ule(x, hi.e)) || (lo.e <= x && x <= hi.e));
		low_half_from(&r, lo, hi);
		claim(in32(r, low(x)));
	});
	deduction("signs_agree32", signs_agree32);
	deduction("deduce64", deduce64);
	theorem("full_from_low", [] {
		struct bpf_reg_state r = any_reg();
		u32 lo(fresh("lo", 32)), hi(fresh("hi", 32));
		z3::expr x = some(r);

		assume(z3::ule(lo.e, low(x)) && z3::ule(low(x), hi.e));
		full_from_low(&r, lo, hi);
		claim(in64(r, x));
	});
	deduction("sign_from_low", sign_from_low);
	deduction("tnum_from_ranges", tnum_from_ranges);
	deduction("single_value", single_value);
	theorem("is_known_throughout", [] {
		struct bpf_reg_state r = any_reg();
		z3::expr x = some(r);

		if (is_known_throughout(&r))
			claim(x == r.var_off.value.e);
	});
}

/* ---- arithmetic ---- */

typedef void (*ranges_op)(struct bpf_reg_state *, const struct bpf_reg_state *);

/* Each range follows from the operands' ranges of its kind alone, but for @whole states. */
static void ranges2(const std::string &name, ranges_op op,
		    z3::expr (*exact)(const z3::expr &, const z3::expr &), bool whole = false)
{
	static const struct {
		const char *name;
		z3::expr (*holds)(const struct bpf_reg_state &r, const z3::expr &x);
	} kinds[] = {
		{ ", u64", [](auto &r, auto &x) {
			 return z3::ule(r.umin_value.e, x) && z3::ule(x, r.umax_value.e); } },
		{ ", s64", [](auto &r, auto &x) {
			 return r.smin_value.e <= x && x <= r.smax_value.e; } },
		{ ", u32", [](auto &r, auto &x) {
			 return z3::ule(r.u32_min_value.e, low(x)) &&
				z3::ule(low(x), r.u32_max_value.e); } },
		{ ", s32", [](auto &r, auto &x) {
			 return r.s32_min_value.e <= low(x) && low(x) <= r.s32_max_value.e; } },
	};
	for (auto &k : kinds)
		theorem(name + k.name, [=] {
			struct bpf_reg_state d = any_reg(), s = any_reg();
			z3::expr x = fresh("x", 64), y = fresh("y", 64);

			assume(whole ? in(d, x) && in(s, y) : k.holds(d, x) && k.holds(s, y));
			op(&d, &s);
			claim(k.holds(d, exact(x, y)));
		});
}

#define PLUS  [](auto &x, auto &y) -> z3::expr { return x + y; }
#define MINUS [](auto &x, auto &y) -> z3::expr { return x - y; }

template <unsigned OP> static void bitwise(struct bpf_reg_state *d, const struct bpf_reg_state *s)
{
	d->var_off = OP == BPF_AND ? tnum_and(d->var_off, s->var_off) :
		     OP == BPF_OR  ? tnum_or(d->var_off, s->var_off) :
				     tnum_xor(d->var_off, s->var_off);
	scalar_ranges_bitwise(d, s, OP);
}

/* What is known of exact products: proved for all real numbers below. */
template <unsigned W, bool S>
static void lemma_products(const z3::expr &lo1, const z3::expr &x, const z3::expr &hi1,
			   const z3::expr &lo2, const z3::expr &y, const z3::expr &hi2)
{
	auto p = [](const z3::expr &a, const z3::expr &b) { return exact_product<W, S>(a, b); };
	z3::expr xy = p(x, y);

	if (!S) {
		assume(z3::ule(p(lo1, lo2), xy) && z3::ule(xy, p(hi1, hi2)));
		return;
	}
	z3::expr a = p(lo1, lo2), b = p(lo1, hi2), c = p(hi1, lo2), d = p(hi1, hi2);

	assume(a <= xy || b <= xy || c <= xy || d <= xy);
	assume(xy <= a || xy <= b || xy <= c || xy <= d);
}

/* [lo1, hi1] * [lo2, hi2] as machine numbers of one width and sign. */
template <unsigned W, bool S, typename F>
static void product(const char *name, ranges_op op, F range)
{
	theorem(
		name,
		[=] {
			struct bpf_reg_state d = any_reg(), s = any_reg();
			z3::expr x = fresh("x", W), y = fresh("y", W);
			auto [lo1, hi1] = range(d);
			auto [lo2, hi2] = range(s);

			assume(S ? lo1 <= x && x <= hi1 : z3::ule(lo1, x) && z3::ule(x, hi1));
			assume(S ? lo2 <= y && y <= hi2 : z3::ule(lo2, y) && z3::ule(y, hi2));
			lemma_products<W, S>(lo1, x, hi1, lo2, y, hi2);
			op(&d, &s);
			auto [lo, hi] = range(d);
			z3::expr xy = exact_product<W, S>(x, y).extract(W - 1, 0);
			claim(S ? lo <= xy && xy <= hi : z3::ule(lo, xy) && z3::ule(xy, hi));
		},
		"qfufbv");
}

/*
 * The same where a product is only followed when both factors are at most @big: then it does not
 * exceed big * big, which fits. Signed and unsigned products of such numbers are one.
 */
template <unsigned W, typename F, typename G>
static void coarse_product(const char *name, ranges_op op, F range, G holds, uint64_t big)
{
	theorem(
		name,
		[=] {
			struct bpf_reg_state d = any_reg(), s = any_reg();
			z3::expr x = fresh("x", W), y = fresh("y", W), zero = ctx().bv_val(0, W);
			z3::expr limit = ctx().bv_val(big, W);
			auto [lo1, hi1] = range(d);
			auto [lo2, hi2] = range(s);

			assume(holds(d, x) && holds(s, y));
			lemma_products<W, false>(lo1, x, hi1, lo2, y, hi2);
			if (decide(z3::ule(hi1, limit) && z3::ule(hi2, limit)))
				lemma_products<W, false>(zero, hi1, limit, zero, hi2, limit);
			op(&d, &s);
			claim(holds(d, exact_product<W, false>(x, y).extract(W - 1, 0)));
		},
		"qfufbv");
}

static void lemma_theorem(void)
{
	theorem("products of real numbers", [] {
		z3::expr a = ctx().real_const("a"), x = ctx().real_const("x"), b = ctx().real_const("b");
		z3::expr c = ctx().real_const("c"), y = ctx().real_const("y"), d = ctx().real_const("d");

		assume(a <= x && x <= b && c <= y && y <= d);
		claim(z3::implies(a >= 0 && c >= 0, a * c <= x * y && x * y <= b * d));
		/* linear in x, so extreme at an end of x; then the same in y */
		claim(x * y <= a * y || x * y <= b * y);
		claim(x * y >= a * y || x * y >= b * y);
		claim(a * y <= a * c || a * y <= a * d);
		claim(a * y >= a * c || a * y >= a * d);
	}, "qfnra-nlsat");
}

static void multiplication_theorems(void)
{
	typedef const struct bpf_reg_state &R;

	lemma_theorem();
	product<64, false>("ranges_mul, u64", mul_unsigned,
			   [](R r) { return std::pair(r.umin_value.e, r.umax_value.e); });
	product<32, false>("ranges_mul, u32", mul_unsigned,
			   [](R r) { return std::pair(r.u32_min_value.e, r.u32_max_value.e); });
	product<64, true>("ranges_mul, s64", mul_signed64,
			  [](R r) { return std::pair(r.smin_value.e, r.smax_value.e); });
	product<32, true>("ranges_mul, s32", mul_signed32,
			  [](R r) { return std::pair(r.s32_min_value.e, r.s32_max_value.e); });
	coarse_product<64>(
		"ranges_mul_coarse, 64 bits", mul_coarse64,
		[](R r) { return std::pair(r.umin_value.e, r.umax_value.e); }, in64, UINT32_MAX);
	coarse_product<32>(
		"ranges_mul_coarse, 32 bits", mul_coarse32,
		[](R r) { return std::pair(r.u32_min_value.e, r.u32_max_value.e); }, in32, UINT16_MAX);
}

static void arithmetic_theorems(void)
{
	ranges2("ranges_add", [](auto d, auto s) { scalar_ranges_add(d, s, KVER(6, 18)); }, PLUS);
	ranges2("ranges_add before 6.17", [](auto d, auto s) { scalar_ranges_add(d, s, KVER(6, 12)); },
		PLUS);
	ranges2("ranges_sub", [](auto d, auto s) { scalar_ranges_sub(d, s, KVER(6, 18)); }, MINUS);
	ranges2("ranges_sub before 6.17", [](auto d, auto s) { scalar_ranges_sub(d, s, KVER(6, 12)); },
		MINUS);
	ranges2("ranges_bitwise, and", bitwise<BPF_AND>, [](auto &x, auto &y) { return x & y; }, true);
	ranges2("ranges_bitwise, or", bitwise<BPF_OR>, [](auto &x, auto &y) { return x | y; }, true);
	ranges2("ranges_bitwise, xor", bitwise<BPF_XOR>, [](auto &x, auto &y) { return x ^ y; }, true);
	multiplication_theorems();
	for (unsigned n = 0; n < 64; n++)
		theorem("shifts by " + std::to_string(n), [=] {
			struct bpf_reg_state r = any_reg(), d;
			z3::expr x = some(r), by = ctx().bv_val(n, 64), w = low(x),
				 by32 = ctx().bv_val(n, 32);
			auto whole = [](const z3::expr &v) { return z3::zext(v, 32); };

			d = r, scalar_shift_left(&d, n, false), claim(in(d, z3::shl(x, by)));
			d = r, scalar_shift_right(&d, n, false), claim(in(d, z3::lshr(x, by)));
			d = r, scalar_shift_right_signed(&d, n, false), claim(in(d, z3::ashr(x, by)));
			if (n >= 32)
				return;
			d = r, scalar_shift_left(&d, n, true), claim(in(d, whole(z3::shl(w, by32))));
			d = r, scalar_shift_right(&d, n, true), claim(in(d, whole(z3::lshr(w, by32))));
			d = r, scalar_shift_right_signed(&d, n, true),
			claim(in(d, whole(z3::ashr(w, by32))));
		});
}

/* ---- extension; the sync at their ends is left to the deductions' theorems ---- */

static void extension_theorems(void)
{
	theorem("zext_32_to_64", [] {
		struct bpf_reg_state r = any_reg();
		z3::expr x = some(r);

		zext_32_to_64(&r);
		claim(in(r, z3::zext(low(x), 32)));
	});
	for (int size = 1; size <= 4; size *= 2) {
		std::string bytes = std::to_string(size) + " bytes";

		theorem("coerce_reg_to_size, " + bytes, [=] {
			struct bpf_reg_state r = any_reg();
			z3::expr x = some(r);

			coerce_unsynced(&r, size);
			claim(in(r, z3::zext(x.extract(size * 8 - 1, 0), 64 - size * 8)));
		});
		theorem("coerce_reg_to_size_sx, " + bytes, [=] {
			struct bpf_reg_state r = any_reg();
			z3::expr x = some(r);

			coerce_reg_to_size_sx(&r, size);
			claim(in(r, z3::sext(x.extract(size * 8 - 1, 0), 64 - size * 8)));
		});
		if (size == 4)
			continue;
		theorem("coerce_subreg_to_size_sx, " + bytes, [=] {
			struct bpf_reg_state r = any_reg();
			z3::expr x = some(r), low32 = z3::sext(x.extract(size * 8 - 1, 0), 32 - size * 8);

			coerce_subreg_to_size_sx(&r, size);
			claim(in32(r, low32) && in(tnum_subreg(r.var_off), z3::zext(low32, 32)));
		});
	}
}

/* ---- comparisons ---- */

static const struct {
	const char *name;
	u8 op;
} jumps[] = {
	{ "JEQ", BPF_JEQ },   { "JNE", BPF_JNE },   { "JGT", BPF_JGT },	  { "JGE", BPF_JGE },
	{ "JLT", BPF_JLT },   { "JLE", BPF_JLE },   { "JSGT", BPF_JSGT }, { "JSGE", BPF_JSGE },
	{ "JSLT", BPF_JSLT }, { "JSLE", BPF_JSLE }, { "JSET", BPF_JSET }, { "JNSET", JNSET },
};

/* "x op y" as RFC 9669 defines it. */
static z3::expr holds(u8 op, const z3::expr &x, const z3::expr &y)
{
	switch (op) {
	case BPF_JEQ:
		return x == y;
	case BPF_JNE:
		return x != y;
	case BPF_JGT:
		return z3::ugt(x, y);
	case BPF_JGE:
		return z3::uge(x, y);
	case BPF_JLT:
		return z3::ult(x, y);
	case BPF_JLE:
		return z3::ule(x, y);
	case BPF_JSGT:
		return x > y;
	case BPF_JSGE:
		return x >= y;
	case BPF_JSLT:
		return x < y;
	case BPF_JSLE:
		return x <= y;
	case BPF_JSET:
		return (x & y) != 0;
	}
	return (x & y) == 0;
}

static void comparison_theorems(void)
{
	for (auto &j : jumps)
		for (bool jmp32 : { false, true }) {
			std::string name = std::string(j.name) + (jmp32 ? ", 32 bits" : ", 64 bits");
			u8 op = j.op;

			theorem("refine " + name, [=] {
				struct bpf_reg_state a = any_reg(), b = any_reg();
				z3::expr x = some(a), y = some(b);

				assume(jmp32 ? holds(op, low(x), low(y)) : holds(op, x, y));
				scalar_refine(&a, &b, op, jmp32);
				claim(in(a, x) && in(b, y));
			});
			if (op == JNSET)
				continue;
			for (kver profile : { KVER(6, 18), KVER(6, 1) })
				theorem("taken " + name + (profile < KVER(6, 18) ? ", 6.1" : ""), [=] {
					struct bpf_reg_state a = any_reg(), b = any_reg();
					z3::expr x = some(a), y = some(b);
					z3::expr truth = jmp32 ? holds(op, low(x), low(y)) :
								 holds(op, x, y);
					int taken = is_scalar_branch_taken(&a, &b, op, jmp32, profile);

					if (taken >= 0)
						claim(taken ? truth : !truth);
				});
			theorem("reverse " + name, [=] {
				z3::expr x = fresh("x", 64), y = fresh("y", 64);

				claim(holds(reverse_opcode(op), x, y) == !holds(op, x, y));
				claim(holds(flip_opcode(op), y, x) == holds(op, x, y));
			});
		}
}

int main(int argc, char **argv)
{
	wanted_n = argc - 1;
	wanted = argv + 1;
	tnum_theorems();
	deduction_theorems();
	arithmetic_theorems();
	extension_theorems();
	comparison_theorems();
	printf("%u proved, %u failed\n", report.proved, report.failed);
	return report.failed || !report.proved;
}
