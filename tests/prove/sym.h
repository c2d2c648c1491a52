/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The verifier's number types over solver expressions. C source that computes with u64, s64,
 * u32 and s32 is compiled with these in their place: arithmetic builds expressions, and
 * a comparison forks the run. explore() runs a function once for each way its comparisons
 * can go; prove() asks, at the end of each, for a counterexample.
 *
 * Widths and signs follow C: operands are brought to the wider type, unsigned if it is.
 */
#ifndef SKEP_TESTS_PROVE_SYM_H
#define SKEP_TESTS_PROVE_SYM_H

#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>
#include <z3++.h>

inline z3::context &ctx()
{
	static z3::context c;
	return c;
}

/* ---- paths ---- */

struct path {
	std::vector<bool> steps; /* how its comparisons go */
	size_t next = 0;
	std::vector<z3::expr> assumed;
	unsigned paths = 0;
};
inline path &here()
{
	static path p;
	return p;
}

inline void assume(const z3::expr &e)
{
	here().assumed.push_back(e);
}

/* Which way a comparison goes on this path. */
inline bool decide(const z3::expr &condition)
{
	path &p = here();
	z3::expr c = condition.simplify();
	bool value;

	if (c.is_true() || c.is_false())
		return c.is_true();
	if (p.next < p.steps.size()) {
		value = p.steps[p.next++];
	} else {
		/* A path that cannot happen costs one check of its claims, asking here costs more. */
		value = true;
		p.steps.push_back(value);
		p.next++;
	}
	p.assumed.push_back(value ? c : !c);
	return value;
}

/* Runs @f along every path. */
inline void explore(const std::function<void()> &f)
{
	path &p = here();

	p.steps.clear();
	p.paths = 0;
	for (;;) {
		p.assumed.clear();
		p.next = 0;
		f();
		p.paths++;
		while (!p.steps.empty() && !p.steps.back())
			p.steps.pop_back();
		if (p.steps.empty())
			return;
		p.steps.back() = false;
	}
}

/* ---- numbers ---- */

template <unsigned W, bool S> struct num {
	z3::expr e;

	num() : e(ctx().bv_val(0, W))
	{
	}
	explicit num(const z3::expr &x) : e(x)
	{
	}
	template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
	num(T v)
	    : e(std::is_signed_v<T> ? ctx().bv_val((int64_t)v, W) : ctx().bv_val((uint64_t)v, W))
	{
	}
	template <unsigned W2, bool S2>
	num(const num<W2, S2> &o)
	    : e(W2 > W	? o.e.extract(W - 1, 0) :
		W2 == W ? o.e :
		S2	? z3::sext(o.e, W - W2) :
			  z3::zext(o.e, W - W2))
	{
	}
	explicit operator bool() const
	{
		return decide(e != ctx().bv_val(0, W));
	}
	num operator~() const
	{
		return num(~e);
	}
	num operator-() const
	{
		return num(-e);
	}
	template <typename T> num &operator+=(const T &o)
	{
		return *this = num(*this + o);
	}
	template <typename T> num &operator-=(const T &o)
	{
		return *this = num(*this - o);
	}
	template <typename T> num &operator*=(const T &o)
	{
		return *this = num(*this * o);
	}
	template <typename T> num &operator&=(const T &o)
	{
		return *this = num(*this & o);
	}
	template <typename T> num &operator|=(const T &o)
	{
		return *this = num(*this | o);
	}
	template <typename T> num &operator<<=(const T &o)
	{
		return *this = num(*this << o);
	}
	template <typename T> num &operator>>=(const T &o)
	{
		return *this = num(*this >> o);
	}
};

template <typename T> struct shape {
	static constexpr bool ok = std::is_integral_v<T>, sym = false;
	static constexpr unsigned width = sizeof(T) < 4 ? 32 : sizeof(T) * 8;
	static constexpr bool sign = sizeof(T) < 4 || std::is_signed_v<T>;
};
template <unsigned W, bool S> struct shape<num<W, S>> {
	static constexpr bool ok = true, sym = true;
	static constexpr unsigned width = W;
	static constexpr bool sign = S;
};
template <typename A, typename B> struct both {
	static constexpr bool ok = shape<A>::ok && shape<B>::ok && (shape<A>::sym || shape<B>::sym);
	static constexpr unsigned wa = shape<A>::width, wb = shape<B>::width;
	static constexpr unsigned width = wa > wb ? wa : wb;
	static constexpr bool sign = wa == wb ? shape<A>::sign && shape<B>::sign :
				     wa > wb  ? shape<A>::sign :
						shape<B>::sign;
	typedef num<width, sign> type;
};
#define IF_NUM template <typename A, typename B, typename = std::enable_if_t<both<A, B>::ok>>
#define IF_SHIFT                                                                                   \
	template <unsigned W, bool S, typename B, typename = std::enable_if_t<shape<B>::ok>>

#define ARITHMETIC(OP)                                                                             \
	IF_NUM typename both<A, B>::type operator OP(const A &a, const B &b)                       \
	{                                                                                          \
		typedef typename both<A, B>::type T;                                               \
		return T(T(a).e OP T(b).e);                                                        \
	}
ARITHMETIC(+)
ARITHMETIC(-)
ARITHMETIC(&)
ARITHMETIC(|)
ARITHMETIC(^)

#define COMPARISON(OP, UNSIGNED)                                                                   \
	IF_NUM bool operator OP(const A &a, const B &b)                                            \
	{                                                                                          \
		typedef typename both<A, B>::type T;                                               \
		return decide(both<A, B>::sign ? T(a).e OP T(b).e : UNSIGNED(T(a).e, T(b).e));     \
	}
COMPARISON(<, z3::ult)
COMPARISON(<=, z3::ule)
COMPARISON(>, z3::ugt)
COMPARISON(>=, z3::uge)
IF_NUM bool operator==(const A &a, const B &b)
{
	typedef typename both<A, B>::type T;
	return decide(T(a).e == T(b).e);
}
IF_NUM bool operator!=(const A &a, const B &b)
{
	return !(a == b);
}
IF_SHIFT num<W, S> operator<<(const num<W, S> &a, const B &n)
{
	return num<W, S>(z3::shl(a.e, num<W, S>(n).e));
}
IF_SHIFT num<W, S> operator>>(const num<W, S> &a, const B &n)
{
	return num<W, S>(S ? z3::ashr(a.e, num<W, S>(n).e) : z3::lshr(a.e, num<W, S>(n).e));
}
template <unsigned W, bool S> num<64, false> operator>>(unsigned long long a, const num<W, S> &n)
{
	return num<64, false>(a) >> n;
}
template <unsigned W, bool S> bool operator!(const num<W, S> &a)
{
	return a == 0;
}

template <unsigned W, bool S> num<W, S> min(const num<W, S> &a, const num<W, S> &b)
{
	return a < b ? a : b;
}
template <unsigned W, bool S> num<W, S> max(const num<W, S> &a, const num<W, S> &b)
{
	return a > b ? a : b;
}

/*
 * Exact products are too hard for bit vectors: they are an unknown function into twice the
 * width, about which lemma_products() knows what holds of all numbers (theorem "products of real
 * numbers" in prove.cc): products of ordered factors are ordered, and that of factors
 * within ranges lies within the products of their ends.
 */
template <unsigned W, bool S> z3::expr exact_product(const z3::expr &a, const z3::expr &b)
{
	z3::sort s = ctx().bv_sort(W), wide = ctx().bv_sort(2 * W);
	z3::expr x = a.simplify(), y = b.simplify();

	if (x.is_numeral() && y.is_numeral())
		return ((S ? z3::sext(x, W) : z3::zext(x, W)) *
			(S ? z3::sext(y, W) : z3::zext(y, W)))
			.simplify();
	return ctx().function(S ? "smul" : "umul", s, s, wide)(a, b);
}
template <unsigned W, bool S> num<W, S> operator*(const num<W, S> &a, const num<W, S> &b)
{
	return num<W, S>(exact_product<W, S>(a.e, b.e).extract(W - 1, 0));
}

/* ---- builtins ---- */

/* Whether the result is not the exact one, in the forms that are easiest to solve. */
template <unsigned W, bool S>
bool sym_add_overflow(const num<W, S> &a, const num<W, S> &b, num<W, S> *r)
{
	z3::expr sum = a.e + b.e, zero = ctx().bv_val(0, W);

	r->e = sum;
	return decide(S ? ((a.e ^ sum) & (b.e ^ sum)) < zero : z3::ult(sum, a.e));
}
template <unsigned W, bool S>
bool sym_sub_overflow(const num<W, S> &a, const num<W, S> &b, num<W, S> *r)
{
	z3::expr difference = a.e - b.e, zero = ctx().bv_val(0, W);

	r->e = difference;
	return decide(S ? ((a.e ^ b.e) & (a.e ^ difference)) < zero : z3::ult(a.e, b.e));
}
template <unsigned W, bool S>
bool sym_mul_overflow(const num<W, S> &a, const num<W, S> &b, num<W, S> *r)
{
	z3::expr exact = exact_product<W, S>(a.e, b.e);

	r->e = exact.extract(W - 1, 0);
	return decide((S ? z3::sext(r->e, W) : z3::zext(r->e, W)) != exact);
}
inline num<32, true> sym_clzll(const num<64, false> &x)
{
	z3::expr n = ctx().bv_val(64, 32);

	for (unsigned bit = 0; bit < 64; bit++)
		n = z3::ite(x.e.extract(bit, bit) == ctx().bv_val(1, 1),
			    ctx().bv_val((int)(63 - bit), 32), n);
	return num<32, true>(n);
}
template <unsigned BYTES, unsigned W> num<W, false> sym_bswap(const num<W, false> &x)
{
	z3::expr e = x.e.extract(7, 0);

	for (unsigned i = 1; i < BYTES; i++)
		e = z3::concat(e, x.e.extract(8 * i + 7, 8 * i));
	return num<W, false>(num<BYTES * 8, false>(e));
}

#define __builtin_add_overflow sym_add_overflow
#define __builtin_sub_overflow sym_sub_overflow
#define __builtin_mul_overflow sym_mul_overflow
#define __builtin_clzll	       sym_clzll
#define __builtin_bswap16(x)   sym_bswap<2, 16>(x)
#define __builtin_bswap32(x)   sym_bswap<4, 32>(x)
#define __builtin_bswap64(x)   sym_bswap<8, 64>(x)

#endif
