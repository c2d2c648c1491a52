/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What instructions compute: the one copy of ALU, comparison, byte order and
 * atomic semantics (RFC 9669, sections 4 and 5), used by the interpreter and by
 * constant folding. The JIT's emission and the tests' model are written
 * independently of it, so that each checks the other. Freestanding.
 */
#ifndef SKEP_ISA_ALU_H
#define SKEP_ISA_ALU_H

#include "base/types.h"
#include "isa/insn.h"

static inline u64 alu_div64(u64 d, u64 s)
{
	return s ? d / s : 0;
}

static inline u64 alu_mod64(u64 d, u64 s)
{
	return s ? d % s : d;
}

static inline u32 alu_div32(u32 d, u32 s)
{
	return s ? d / s : 0;
}

static inline u32 alu_mod32(u32 d, u32 s)
{
	return s ? d % s : d;
}

/* The smallest number divided by -1 overflows: its negation, which is itself; remainder 0. */
static inline u64 alu_sdiv64(u64 d, u64 s)
{
	if (!s)
		return 0;
	return s == ~0ULL ? -d : (u64)((s64)d / (s64)s);
}

static inline u64 alu_smod64(u64 d, u64 s)
{
	if (!s)
		return d;
	return s == ~0ULL ? 0 : (u64)((s64)d % (s64)s);
}

static inline u32 alu_sdiv32(u32 d, u32 s)
{
	if (!s)
		return 0;
	return s == ~0U ? -d : (u32)((s32)d / (s32)s);
}

static inline u32 alu_smod32(u32 d, u32 s)
{
	if (!s)
		return d;
	return s == ~0U ? 0 : (u32)((s32)d % (s32)s);
}

/*
 * Two-operand arithmetic: ROW(name, 64-bit result, 32-bit result) of u64 d, s or u32
 * d, s. A 32-bit result is zero-extended. Signed division and sign-extending moves
 * have the opcode of DIV, MOD, MOV and differ by off.
 */
#define ALU_ROWS(ROW)                                                                              \
	ROW(ADD, d + s, d + s)                                                                     \
	ROW(SUB, d - s, d - s)                                                                     \
	ROW(MUL, d *s, d *s)                                                                       \
	ROW(OR, d | s, d | s)                                                                      \
	ROW(AND, d &s, d &s)                                                                       \
	ROW(XOR, d ^ s, d ^ s)                                                                     \
	ROW(LSH, d << (s & 63), d << (s & 31))                                                     \
	ROW(RSH, d >> (s & 63), d >> (s & 31))                                                     \
	ROW(ARSH, (u64)((s64)d >> (s & 63)), (u32)((s32)d >> (s & 31)))

/* Comparisons: ROW(name, unsigned or bit condition on d and s of type u64 or u32; S/s: signed twins) */
#define JMP_ROWS(ROW)                                                                              \
	ROW(JEQ, d == s)                                                                           \
	ROW(JNE, d != s)                                                                           \
	ROW(JGT, d > s)                                                                            \
	ROW(JGE, d >= s)                                                                           \
	ROW(JLT, d < s)                                                                            \
	ROW(JLE, d <= s)                                                                           \
	ROW(JSET, (d & s) != 0)                                                                    \
	ROW(JSGT, sd > ss)                                                                         \
	ROW(JSGE, sd >= ss)                                                                        \
	ROW(JSLT, sd < ss)                                                                         \
	ROW(JSLE, sd <= ss)

/* @v sign-extended from @bits (8, 16, 32); anything else: @v. */
static inline u64 alu_sext(u64 v, int bits)
{
	switch (bits) {
	case 8:
		return (u64)(s64)(s8)v;
	case 16:
		return (u64)(s64)(s16)v;
	case 32:
		return (u64)(s64)(s32)v;
	}
	return v;
}

/* The low @bits (16, 32, 64) of @v in reversed byte order. */
static inline u64 alu_bswap(u64 v, int bits)
{
	switch (bits) {
	case 16:
		return __builtin_bswap16((u16)v);
	case 32:
		return __builtin_bswap32((u32)v);
	}
	return __builtin_bswap64(v);
}

/* The low @bits of @v. */
static inline u64 alu_trunc(u64 v, int bits)
{
	return bits == 16 ? (u16)v : bits == 32 ? (u32)v : v;
}

static inline u64 alu_end(const struct bpf_insn *insn, u64 v)
{
	bool to_be = BPF_SRC(insn->code) == BPF_TO_BE;

	if (insn_is_alu64(insn) || to_be == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__))
		return alu_bswap(v, insn->imm);
	return alu_trunc(v, insn->imm);
}

/* Any ALU instruction, @s being the source register or the sign-extended imm. */
static inline u64 alu_eval(const struct bpf_insn *insn, u64 dst, u64 src)
{
	bool wide = insn_is_alu64(insn);

#define EVAL_ROW(name, e64, e32)                                                                   \
	case BPF_##name:                                                                           \
		if (wide) {                                                                        \
			u64 d = dst, s = src;                                                      \
			return (e64);                                                              \
		} else {                                                                           \
			u32 d = (u32)dst, s = (u32)src;                                            \
			return (u32)(e32);                                                         \
		}
	switch (BPF_OP(insn->code)) {
		ALU_ROWS(EVAL_ROW)
	case BPF_DIV:
		if (insn->off)
			return wide ? alu_sdiv64(dst, src) : alu_sdiv32(dst, src);
		return wide ? alu_div64(dst, src) : alu_div32(dst, src);
	case BPF_MOD:
		if (insn->off)
			return wide ? alu_smod64(dst, src) : alu_smod32(dst, src);
		return wide ? alu_mod64(dst, src) : alu_mod32(dst, src);
	case BPF_NEG:
		return wide ? -dst : (u32)-dst;
	case BPF_MOV:
		src = alu_sext(src, BPF_SRC(insn->code) == BPF_X ? insn->off : 0);
		return wide ? src : (u32)src;
	case BPF_END:
		return alu_end(insn, dst);
	}
#undef EVAL_ROW
	return dst;
}

/* Whether a conditional jump with operands @dst and @src (register or sign-extended imm) is taken. */
static inline bool alu_cond(const struct bpf_insn *insn, u64 dst, u64 src)
{
#define COND_ROW(name, cond)                                                                       \
	case BPF_##name:                                                                           \
		if (BPF_CLASS(insn->code) == BPF_JMP) {                                            \
			u64 d = dst, s = src;                                                      \
			s64 sd = (s64)d, ss = (s64)s;                                              \
			(void)d, (void)s, (void)sd, (void)ss;                                      \
			return (cond);                                                             \
		} else {                                                                           \
			u32 d = (u32)dst, s = (u32)src;                                            \
			s32 sd = (s32)d, ss = (s32)s;                                              \
			(void)d, (void)s, (void)sd, (void)ss;                                      \
			return (cond);                                                             \
		}
	switch (BPF_OP(insn->code)) {
		JMP_ROWS(COND_ROW)
	}
#undef COND_ROW
	return false;
}

/*
 * An atomic instruction on memory @p (aligned to its size, as the verifier demands,
 * but for the stores and loads). @src is the source register, *r0 the register that
 * cmpxchg compares with. Returns what a fetching form puts into its register (cmpxchg:
 * R0; load_acquire: dst), zero-extended; else 0.
 */
static inline u64 alu_atomic(const struct bpf_insn *insn, void *p, u64 src, u64 r0)
{
	bool wide = BPF_SIZE(insn->code) == BPF_DW;

#define RMW(fn)                                                                                    \
	(wide ? (u64)fn((u64 *)p, src, __ATOMIC_SEQ_CST) :                                         \
		(u64)(u32)fn((u32 *)p, (u32)src, __ATOMIC_SEQ_CST))
	switch (insn->imm) {
	case BPF_ADD:
	case BPF_ADD | BPF_FETCH:
		return RMW(__atomic_fetch_add);
	case BPF_AND:
	case BPF_AND | BPF_FETCH:
		return RMW(__atomic_fetch_and);
	case BPF_OR:
	case BPF_OR | BPF_FETCH:
		return RMW(__atomic_fetch_or);
	case BPF_XOR:
	case BPF_XOR | BPF_FETCH:
		return RMW(__atomic_fetch_xor);
	case BPF_XCHG:
		return RMW(__atomic_exchange_n);
	case BPF_CMPXCHG:
		if (wide) {
			u64 old = r0;

			__atomic_compare_exchange_n((u64 *)p, &old, src, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST);
			return old;
		} else {
			u32 old = (u32)r0;

			__atomic_compare_exchange_n((u32 *)p, &old, (u32)src, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
			return old;
		}
	case BPF_LOAD_ACQ:
		switch (BPF_SIZE(insn->code)) {
		case BPF_B:
			return load_acquire((u8 *)p);
		case BPF_H:
			return load_acquire((u16 *)p);
		case BPF_W:
			return load_acquire((u32 *)p);
		}
		return load_acquire((u64 *)p);
	case BPF_STORE_REL:
		switch (BPF_SIZE(insn->code)) {
		case BPF_B:
			store_release((u8 *)p, (u8)src);
			break;
		case BPF_H:
			store_release((u16 *)p, (u16)src);
			break;
		case BPF_W:
			store_release((u32 *)p, (u32)src);
			break;
		default:
			store_release((u64 *)p, src);
		}
	}
#undef RMW
	return 0;
}

#endif
