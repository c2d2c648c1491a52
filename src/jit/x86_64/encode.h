/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * x86-64 encoding: prefixes, opcode, ModRM, SIB (Intel SDM volume 2). Callers have
 * reserved room (jit_reserve()).
 */
#ifndef SKEP_JIT_X86_64_ENCODE_H
#define SKEP_JIT_X86_64_ENCODE_H

#include <string.h>

#include "jit/jit.h"

enum x86_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* condition codes, as in the opcodes of jcc, setcc, cmovcc; ^ 1 negates */
enum x86_cc {
	CC_B = 2,
	CC_AE,
	CC_E,
	CC_NE,
	CC_BE,
	CC_A,
	CC_S,
	CC_NS,
	CC_L = 12,
	CC_GE,
	CC_LE,
	CC_G,
};

/* group-1 operations: opcode of "op r/m, r" is 8 * op + 1, of "op r/m, imm" 81 /op */
enum x86_alu { X_ADD, X_OR, X_AND = 4, X_SUB, X_XOR, X_CMP };
enum x86_shift { X_ROL, X_ROR, X_SHL = 4, X_SHR, X_SAR = 7 };

static inline void e1(struct jit *j, u8 b)
{
	j->code[j->n++] = b;
}

static inline void e4(struct jit *j, u32 v)
{
	memcpy(j->code + j->n, &v, 4);
	j->n += 4;
}

static inline void e8(struct jit *j, u64 v)
{
	memcpy(j->code + j->n, &v, 8);
	j->n += 8;
}

static inline bool is_s8(s64 v)
{
	return v == (s8)v;
}

/* An opcode above 0xff stands for 0x0f and its low byte. */
static inline void opcode(struct jit *j, u32 op)
{
	if (op > 0xff)
		e1(j, 0x0f);
	e1(j, (u8)op);
}

static inline void rex(struct jit *j, bool w, u32 reg, u32 index, u32 rm, bool force)
{
	u8 b = 0x40 | w << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3;

	if (b != 0x40 || force)
		e1(j, b);
}

/* op reg, rm (registers) */
static inline void rr(struct jit *j, bool w, u32 op, u32 reg, u32 rm)
{
	rex(j, w, reg, 0, rm, false);
	opcode(j, op);
	e1(j, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* as rr(), where rm is a byte register */
static inline void rr8(struct jit *j, bool w, u32 op, u32 reg, u32 rm)
{
	rex(j, w, reg, 0, rm, rm >= RSP);
	opcode(j, op);
	e1(j, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* ModRM, SIB and displacement of [base + disp] */
static inline void modrm_mem(struct jit *j, u32 reg, u32 base, s32 disp)
{
	u8 mod = !disp && (base & 7) != RBP ? 0 : is_s8(disp) ? 0x40 : 0x80;

	e1(j, mod | (reg & 7) << 3 | (base & 7));
	if ((base & 7) == RSP)
		e1(j, 0x24);
	if (mod == 0x40)
		e1(j, (u8)disp);
	else if (mod)
		e4(j, (u32)disp);
}

/* op reg, [base + disp] */
static inline void rm(struct jit *j, bool w, u32 op, u32 reg, u32 base, s32 disp)
{
	rex(j, w, reg, 0, base, false);
	opcode(j, op);
	modrm_mem(j, reg, base, disp);
}

/* op reg, [base + index * 2^scale + disp]; index is not RSP */
static inline void rmx(struct jit *j, bool w, u32 op, u32 reg, u32 base, u32 index, u32 scale,
		       s32 disp)
{
	u8 mod = !disp && (base & 7) != RBP ? 0 : is_s8(disp) ? 0x40 : 0x80;

	rex(j, w, reg, index, base, false);
	opcode(j, op);
	e1(j, mod | (reg & 7) << 3 | 4);
	e1(j, scale << 6 | (index & 7) << 3 | (base & 7));
	if (mod == 0x40)
		e1(j, (u8)disp);
	else if (mod)
		e4(j, (u32)disp);
}

static inline void mov_rr(struct jit *j, bool w, u32 dst, u32 src)
{
	rr(j, w, 0x89, src, dst);
}

/* @w false: zero-extends. Does not touch flags unless @may_flags. */
static inline void mov_ri(struct jit *j, u32 dst, u64 v, bool may_flags)
{
	if (!v && may_flags) {
		rr(j, false, 0x31, dst, dst);
	} else if (v == (u32)v) {
		rex(j, false, 0, 0, dst, false);
		e1(j, 0xb8 | (dst & 7));
		e4(j, (u32)v);
	} else if ((s64)v == (s32)v) {
		rr(j, true, 0xc7, 0, dst);
		e4(j, (u32)v);
	} else {
		rex(j, true, 0, 0, dst, false);
		e1(j, 0xb8 | (dst & 7));
		e8(j, v);
	}
}

static inline void alu_rr(struct jit *j, bool w, enum x86_alu op, u32 dst, u32 src)
{
	rr(j, w, 8 * op + 1, src, dst);
}

static inline void alu_ri(struct jit *j, bool w, enum x86_alu op, u32 dst, s32 v)
{
	if (is_s8(v)) {
		rr(j, w, 0x83, op, dst);
		e1(j, (u8)v);
	} else if (dst == RAX) {
		rex(j, w, 0, 0, 0, false);
		e1(j, 8 * op + 5);
		e4(j, (u32)v);
	} else {
		rr(j, w, 0x81, op, dst);
		e4(j, (u32)v);
	}
}

static inline void shift_ri(struct jit *j, bool w, enum x86_shift op, u32 dst, u32 n)
{
	if (n == 1) {
		rr(j, w, 0xd1, op, dst);
	} else {
		rr(j, w, 0xc1, op, dst);
		e1(j, (u8)n);
	}
}

/* BMI2 shlx, shrx, sarx: dst = src shifted by count, flags untouched */
static inline void shift_x(struct jit *j, bool w, enum x86_shift op, u32 dst, u32 src, u32 count)
{
	u8 pp = op == X_SHL ? 1 : op == X_SHR ? 3 : 2;

	e1(j, 0xc4);
	e1(j, (dst < 8) << 7 | 1 << 6 | (src < 8) << 5 | 2);
	e1(j, w << 7 | (~count & 15) << 3 | pp);
	e1(j, 0xf7);
	e1(j, 0xc0 | (dst & 7) << 3 | (src & 7));
}

/* BMI2 rorx: dst = src rotated right, flags untouched */
static inline void rorx(struct jit *j, bool w, u32 dst, u32 src, u32 n)
{
	e1(j, 0xc4);
	e1(j, (dst < 8) << 7 | 1 << 6 | (src < 8) << 5 | 3);
	e1(j, w << 7 | 15 << 3 | 3);
	e1(j, 0xf0);
	e1(j, 0xc0 | (dst & 7) << 3 | (src & 7));
	e1(j, (u8)n);
}

/* BMI2 mulx: hi:lo = rdx * src, flags untouched */
static inline void mulx(struct jit *j, u32 hi, u32 lo, u32 src)
{
	e1(j, 0xc4);
	e1(j, (hi < 8) << 7 | 1 << 6 | (src < 8) << 5 | 2);
	e1(j, 1 << 7 | (~lo & 15) << 3 | 3);
	e1(j, 0xf6);
	e1(j, 0xc0 | (hi & 7) << 3 | (src & 7));
}

static inline void push(struct jit *j, u32 r)
{
	rex(j, false, 0, 0, r, false);
	e1(j, 0x50 | (r & 7));
}

static inline void pop(struct jit *j, u32 r)
{
	rex(j, false, 0, 0, r, false);
	e1(j, 0x58 | (r & 7));
}

/* Jump to instruction @target. Nothing behind it in the same selection may land() on what is before it. 0 or -ENOMEM. */
static inline int jcc(struct jit *j, enum x86_cc cc, u32 target)
{
	int err = jit_ref(j, j->n, JIT_REF_JUMP, target, 6, 2);

	e1(j, 0x0f);
	e1(j, 0x80 | cc);
	e4(j, 0);
	return err;
}

/* Short jump inside one selection: returns where its distance goes; land() fills it in. */
static inline u32 jcc8(struct jit *j, enum x86_cc cc)
{
	e1(j, 0x70 | cc);
	e1(j, 0);
	return j->n - 1;
}

static inline u32 jmp8(struct jit *j)
{
	e1(j, 0xeb);
	e1(j, 0);
	return j->n - 1;
}

static inline void land(struct jit *j, u32 at)
{
	j->code[at] = (u8)(j->n - at - 1);
}

#endif
