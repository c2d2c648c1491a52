/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * x86-64 instruction selection (Linux: do_jit() in arch/x86/net/bpf_jit_comp.c). One
 * walk; each step looks at an instruction and a few that follow, as long as nobody
 * jumps between them, and emits machine code for them. Flags live only inside one
 * step.
 */
#include "jit/x86_64/x86.h"

#include <errno.h>

#include "isa/insn.h"
#include "object/arena.h"
#include "object/fixup.h"
#include "object/run.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

static u32 reg(const struct jit *j, u32 r)
{
	return j->sub->reg[r];
}

/* The instruction @n after @i if control reaches it only from the one before; else NULL. */
static const struct bpf_insn *next(const struct jit *j, u32 i, u32 n)
{
	u32 k;

	if (i + n >= j->sub->end)
		return NULL;
	for (k = 1; k <= n; k++)
		if (j->is_target[i + k])
			return NULL;
	return &j->insns[i + n];
}

static bool is_alu(const struct bpf_insn *insn, u8 code, u32 dst)
{
	return insn && insn->code == code && insn->dst_reg == dst && !insn->off;
}

/* ---- moves ---- */

/* lea dst, [base + index] */
static void lea_sum(struct jit *j, bool w, u32 dst, u32 base, u32 index)
{
	if (index == RSP)
		rmx(j, w, 0x8d, dst, index, base, 0, 0);
	else
		rmx(j, w, 0x8d, dst, base, index, 0, 0);
}

static void sign_extend(struct jit *j, bool w, u32 dst, u32 src, int bits)
{
	switch (bits) {
	case 8:
		rr8(j, w, 0x1be, dst, src);
		break;
	case 16:
		rr(j, w, 0x1bf, dst, src);
		break;
	case 32:
		rr(j, true, 0x63, dst, src);
		break;
	}
}

/* Shift pair "<<= 32; >>= k" on @dst, whose value is in machine register @src. */
static int shift_pair(struct jit *j, u32 i, u32 n, u32 dst, u32 src)
{
	const struct bpf_insn *left = n ? next(j, i, n) : &j->insns[i], *right;
	u32 d = reg(j, dst);
	s32 k;

	if (!is_alu(left, BPF_ALU64 | BPF_LSH | BPF_K, dst) || left->imm != 32)
		return 0;
	right = next(j, i, n + 1);
	if (is_alu(right, BPF_ALU64 | BPF_RSH | BPF_K, dst)) {
		mov_rr(j, false, d, src);
		k = (right->imm & 63) - 32;
		if (k)
			shift_ri(j, true, k > 0 ? X_SHR : X_SHL, d, (u32)(k > 0 ? k : -k));
		return (int)n + 2;
	}
	if (is_alu(right, BPF_ALU64 | BPF_ARSH | BPF_K, dst)) {
		rr(j, true, 0x63, d, src); /* movsxd */
		k = (right->imm & 63) - 32;
		if (k)
			shift_ri(j, true, k > 0 ? X_SAR : X_SHL, d, (u32)(k > 0 ? k : -k));
		return (int)n + 2;
	}
	return 0;
}

static int select_mov_x(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i], *then = next(j, i, 1);
	bool w = insn_is_alu64(insn);
	u32 class = BPF_CLASS(insn->code), dst = insn->dst_reg;
	u32 d = reg(j, dst), s = reg(j, insn->src_reg);
	int n;

	if (insn->off == 8 || insn->off == 16 || insn->off == 32) {
		sign_extend(j, w, d, s, insn->off);
		return 1;
	}
	if (insn->off) /* address space casts: no engine has arenas yet */
		return -ENOTSUPP;
	if (w && dst != insn->src_reg) {
		n = shift_pair(j, i, 1, dst, s);
		if (n)
			return n;
	}
	if (dst != insn->src_reg) {
		if (is_alu(then, class | BPF_ADD | BPF_K, dst)) {
			rm(j, w, 0x8d, d, s, then->imm);
			return 2;
		}
		if (is_alu(then, class | BPF_SUB | BPF_K, dst) && then->imm != INT32_MIN) {
			rm(j, w, 0x8d, d, s, -then->imm);
			return 2;
		}
		if (is_alu(then, class | BPF_ADD | BPF_X, dst)) {
			lea_sum(j, w, d, s, then->src_reg == dst ? s : reg(j, then->src_reg));
			return 2;
		}
		if (is_alu(then, class | BPF_MUL | BPF_K, dst) && !is_power_of_2((u32)then->imm)) {
			if (is_s8(then->imm)) {
				rr(j, w, 0x6b, d, s);
				e1(j, (u8)then->imm);
			} else {
				rr(j, w, 0x69, d, s);
				e4(j, (u32)then->imm);
			}
			return 2;
		}
		if (is_alu(then, class | BPF_AND | BPF_K, dst) &&
		    (then->imm == 0xff || then->imm == 0xffff)) {
			if (then->imm == 0xff)
				rr8(j, false, 0x1b6, d, s);
			else
				rr(j, false, 0x1b7, d, s);
			return 2;
		}
	}
	if (!w || d != s)
		mov_rr(j, w, d, s);
	return 1;
}

/* ---- arithmetic ---- */

static const u8 group1[16] = {
	[BPF_ADD >> 4] = X_ADD, [BPF_SUB >> 4] = X_SUB, [BPF_OR >> 4] = X_OR,
	[BPF_AND >> 4] = X_AND, [BPF_XOR >> 4] = X_XOR,
};

static enum x86_shift shift_op(u8 op)
{
	return op == BPF_LSH ? X_SHL : op == BPF_RSH ? X_SHR : X_SAR;
}

static void select_shift_x(struct jit *j, const struct bpf_insn *insn)
{
	enum x86_shift op = shift_op(BPF_OP(insn->code));
	u32 d = reg(j, insn->dst_reg), s = reg(j, insn->src_reg);
	bool w = insn_is_alu64(insn);

	if (j->bmi2) {
		shift_x(j, w, op, d, d, s);
	} else if (s == RCX) {
		rr(j, w, 0xd3, op, d);
	} else if (d == RCX) {
		mov_rr(j, true, TMP, RCX);
		mov_rr(j, false, RCX, s);
		rr(j, w, 0xd3, op, TMP);
		mov_rr(j, true, RCX, TMP);
	} else {
		mov_rr(j, true, TMP, RCX);
		mov_rr(j, false, RCX, s);
		rr(j, w, 0xd3, op, d);
		mov_rr(j, true, RCX, TMP);
	}
}

/* Masks that fit no sign-extended imm32 do not occur; a non-negative one clears the upper half. */
static void select_and_k(struct jit *j, bool w, u32 d, s32 imm)
{
	if (imm == 0xff)
		rr8(j, false, 0x1b6, d, d);
	else if (imm == 0xffff)
		rr(j, false, 0x1b7, d, d);
	else
		alu_ri(j, w && imm < 0, X_AND, d, imm);
}

static void select_mul_k(struct jit *j, bool w, u32 d, s32 imm)
{
	if (imm > 0 && is_power_of_2((u32)imm)) {
		if (imm > 1)
			shift_ri(j, w, X_SHL, d, __builtin_ctz((u32)imm));
		else if (!w)
			mov_rr(j, false, d, d);
	} else if (is_s8(imm)) {
		rr(j, w, 0x6b, d, d);
		e1(j, (u8)imm);
	} else {
		rr(j, w, 0x69, d, d);
		e4(j, (u32)imm);
	}
}

static void select_end(struct jit *j, const struct bpf_insn *insn)
{
	bool swap = insn_is_alu64(insn) || BPF_SRC(insn->code) == BPF_TO_BE;
	u32 d = reg(j, insn->dst_reg);

	if (swap) {
		rex(j, insn->imm == 64, 0, 0, d, false);
		e1(j, 0x0f);
		e1(j, 0xc8 | (d & 7));
		if (insn->imm == 16)
			shift_ri(j, false, X_SHR, d, 16);
	} else if (insn->imm == 16) {
		rr(j, false, 0x1b7, d, d);
	} else if (insn->imm == 32) {
		mov_rr(j, false, d, d);
	}
}

static bool is_live(const struct jit *j, u32 i, u32 r)
{
	return j->live[i] & BIT(r);
}

/* res = src rotated left */
static void rotate(struct jit *j, bool w, u32 res, u32 src, u32 n)
{
	if (res == src) {
		shift_ri(j, w, X_ROL, res, n);
	} else if (j->bmi2) {
		rorx(j, w, res, src, (w ? 64 : 32) - n);
	} else {
		mov_rr(j, w, res, src);
		shift_ri(j, w, X_ROL, res, n);
	}
}

/*
 * A rotation as compilers write it: "a = x; a <<= n; b >>= W - n; a |= b", where b is x
 * itself or a second copy ("b = x" before its shift), the shifts may be exchanged and
 * the result be in b. The other half is computed only if it is read later.
 */
static int select_rotate(struct jit *j, u32 i)
{
	const struct bpf_insn *mov = &j->insns[i], *sa = next(j, i, 1), *copy, *sb, * or ;
	u32 class = BPF_CLASS(mov->code), a = mov->dst_reg, x = mov->src_reg, b, width, n, len, res;
	bool w = class == BPF_ALU64, a_left;
	u8 left = class | BPF_LSH | BPF_K, right = class | BPF_RSH | BPF_K;

	copy = next(j, i, 2);
	if (!copy || a == x || mov->off || sa->dst_reg != a ||
	    (sa->code != left && sa->code != right))
		return 0;
	a_left = sa->code == left;
	len = copy->code == mov->code && !copy->off && copy->src_reg == x && copy->dst_reg != a &&
	      copy->dst_reg != x;
	b = len ? copy->dst_reg : x;
	sb = next(j, i, 2 + len);
	or = next(j, i, 3 + len);
	if (! or || sb->code != (a_left ? right : left) || sb->dst_reg != b ||
	    or->code != (class | BPF_OR | BPF_X))
		return 0;
	width = w ? 64 : 32;
	if (sa->imm <= 0 || sb->imm <= 0 || (u32)(sa->imm + sb->imm) != width)
		return 0;
	if (!((or->dst_reg == a && or->src_reg == b) || (or->dst_reg == b && or->src_reg == a)))
		return 0;
	len += 4;
	res = or->dst_reg;
	n = (u32)(a_left ? sa->imm : sb->imm);
	if (res == b) {
		if (is_live(j, i + len - 1, a)) {
			mov_rr(j, w, reg(j, a), reg(j, x));
			shift_ri(j, w, a_left ? X_SHL : X_SHR, reg(j, a), (u32)sa->imm);
		}
		rotate(j, w, reg(j, b), reg(j, x), n);
	} else {
		rotate(j, w, reg(j, a), reg(j, x), n);
		if (is_live(j, i + len - 1, b)) {
			if (b != x)
				mov_rr(j, w, reg(j, b), reg(j, x));
			shift_ri(j, w, a_left ? X_SHR : X_SHL, reg(j, b), (u32)sb->imm);
		}
	}
	return (int)len;
}

static int select_alu(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	bool w = insn_is_alu64(insn), k = BPF_SRC(insn->code) == BPF_K;
	u32 d = reg(j, insn->dst_reg), s = reg(j, insn->src_reg);
	u8 op = BPF_OP(insn->code);
	int n;

	switch (op) {
	case BPF_MOV:
		if (k) {
			mov_ri(j, d, w ? (u64)(s64)insn->imm : (u32)insn->imm, true);
			return 1;
		}
		n = w ? x86_address(j, i) : 0;
		if (!n)
			n = select_rotate(j, i);
		return n ? n : select_mov_x(j, i);
	case BPF_ADD:
	case BPF_SUB:
	case BPF_OR:
	case BPF_XOR:
	case BPF_AND:
		if (w && op == BPF_ADD && !k) {
			n = x86_address(j, i);
			if (n)
				return n;
		}
		if (!k) {
			alu_rr(j, w, group1[op >> 4], d, s);
		} else if (op == BPF_AND) {
			select_and_k(j, w, d, insn->imm);
			if (insn->imm == 0xff || insn->imm == 0xffff) /* a move: no flags */
				return 1;
		} else if (insn->imm == 128 && (op == BPF_ADD || op == BPF_SUB)) {
			alu_ri(j, w, op == BPF_ADD ? X_SUB : X_ADD, d, -128);
		} else {
			alu_ri(j, w, group1[op >> 4], d, insn->imm);
		}
		j->flags_at = j->n;
		j->flags_reg = d;
		j->flags_wide = w;
		return 1;
	case BPF_MUL:
		if (k)
			select_mul_k(j, w, d, insn->imm);
		else
			rr(j, w, 0x1af, d, s);
		return 1;
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		if (!k) {
			select_shift_x(j, insn);
			return 1;
		}
		n = w && op == BPF_LSH ? shift_pair(j, i, 0, insn->dst_reg, d) : 0;
		if (!n && w && op == BPF_LSH)
			n = x86_address(j, i);
		if (n)
			return n;
		if (insn->imm & (w ? 63 : 31))
			shift_ri(j, w, shift_op(op), d, insn->imm & (w ? 63 : 31));
		else if (!w)
			mov_rr(j, false, d, d);
		return 1;
	case BPF_DIV:
	case BPF_MOD:
		x86_divide(j, i);
		return 1;
	case BPF_NEG:
		rr(j, w, 0xf7, 3, d);
		return 1;
	case BPF_END:
		select_end(j, insn);
		return 1;
	}
	return -ENOTSUPP;
}

/* ---- memory ---- */

static void load(struct jit *j, u32 size, bool sx, u32 dst, u32 base, s32 off)
{
	switch (size) {
	case BPF_B:
		rm(j, sx, sx ? 0x1be : 0x1b6, dst, base, off);
		break;
	case BPF_H:
		rm(j, sx, sx ? 0x1bf : 0x1b7, dst, base, off);
		break;
	case BPF_W:
		rm(j, sx, sx ? 0x63 : 0x8b, dst, base, off);
		break;
	case BPF_DW:
		rm(j, true, 0x8b, dst, base, off);
		break;
	}
}

static const u8 cond[16] = {
	[BPF_JEQ >> 4] = CC_E,	 [BPF_JGT >> 4] = CC_A,	  [BPF_JGE >> 4] = CC_AE,
	[BPF_JSET >> 4] = CC_NE, [BPF_JNE >> 4] = CC_NE,  [BPF_JSGT >> 4] = CC_G,
	[BPF_JSGE >> 4] = CC_GE, [BPF_JLT >> 4] = CC_B,	  [BPF_JLE >> 4] = CC_BE,
	[BPF_JSLT >> 4] = CC_L,	 [BPF_JSLE >> 4] = CC_LE,
};

/*
 * "r = *(p + off); if r == imm goto" where nobody reads r again: a comparison with
 * memory. Not for 16 bits, whose constants decode slowly.
 */
static bool select_compare_mem(struct jit *j, u32 i, int *err)
{
	const struct bpf_insn *insn = &j->insns[i], *jmp = next(j, i, 1);
	u8 op = jmp ? BPF_OP(jmp->code) : 0, size = BPF_SIZE(insn->code);
	u32 s = reg(j, insn->src_reg);

	if (!jmp || !insn_is_cond_jmp(jmp) || BPF_SRC(jmp->code) != BPF_K ||
	    jmp->dst_reg != insn->dst_reg || is_live(j, i + 1, insn->dst_reg) || jmp->off <= 2)
		return false;
	if (op != BPF_JEQ && op != BPF_JNE && op != BPF_JSET)
		return false;
	if (size == BPF_B ? (u32)jmp->imm > 255 :
			    size != BPF_W || (BPF_CLASS(jmp->code) == BPF_JMP && jmp->imm < 0))
		return false;
	if (size == BPF_B) {
		rm(j, false, op == BPF_JSET ? 0xf6 : 0x80, op == BPF_JSET ? 0 : X_CMP, s,
		   insn->off);
		e1(j, (u8)jmp->imm);
	} else if (op != BPF_JSET && is_s8(jmp->imm)) {
		rm(j, false, 0x83, X_CMP, s, insn->off);
		e1(j, (u8)jmp->imm);
	} else {
		rm(j, false, op == BPF_JSET ? 0xf7 : 0x81, op == BPF_JSET ? 0 : X_CMP, s,
		   insn->off);
		e4(j, (u32)jmp->imm);
	}
	*err = jit_ref(j, j->n, JIT_REF_JUMP, i + 2 + jmp->off, 6, 2);
	e1(j, 0x0f);
	e1(j, 0x80 | cond[op >> 4]);
	e4(j, 0);
	return true;
}

static int select_ldx(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i], *then;
	u32 d = reg(j, insn->dst_reg), s = reg(j, insn->src_reg);
	int err, n;

	switch (BPF_MODE(insn->code)) {
	case BPF_MEM:
		if (select_compare_mem(j, i, &err))
			return err ? err : 2;
		if (BPF_SIZE(insn->code) == BPF_B || BPF_SIZE(insn->code) == BPF_H)
			n = x86_wide_load(j, i);
		else
			n = x86_modify_memory(j, i);
		if (n)
			return n;
		load(j, BPF_SIZE(insn->code), false, d, s, insn->off);
		/* "& 0xff" of a byte and the like: compilers leave them */
		then = next(j, i, 1);
		if (then && then->dst_reg == insn->dst_reg && !then->off &&
		    (then->code == (BPF_ALU64 | BPF_AND | BPF_K) ||
		     then->code == (BPF_ALU | BPF_AND | BPF_K)) &&
		    ((BPF_SIZE(insn->code) == BPF_B && then->imm == 0xff) ||
		     (BPF_SIZE(insn->code) == BPF_H && then->imm == 0xffff)))
			return 2;
		return 1;
	case BPF_MEMSX:
		load(j, BPF_SIZE(insn->code), true, d, s, insn->off);
		return 1;
	case BPF_PROBE_MEM:
	case BPF_PROBE_MEMSX:
		err = x86_probe(j, insn);
		return err ? err : 1;
	}
	return -ENOTSUPP;
}

static void store(struct jit *j, u32 size, u32 src, u32 base, s32 off)
{
	if (size == BPF_H)
		e1(j, 0x66);
	if (size == BPF_B) {
		rex(j, false, src, 0, base, src >= RSP);
		e1(j, 0x88);
		modrm_mem(j, src, base, off);
	} else {
		rm(j, size == BPF_DW, 0x89, src, base, off);
	}
}

static int select_st(struct jit *j, const struct bpf_insn *insn)
{
	u32 d = reg(j, insn->dst_reg);

	if (BPF_MODE(insn->code) == BPF_NOSPEC) /* DIFF(nospec) */
		return 1;
	if (BPF_MODE(insn->code) != BPF_MEM)
		return -ENOTSUPP;
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		rm(j, false, 0xc6, 0, d, insn->off);
		e1(j, (u8)insn->imm);
		return 1;
	case BPF_H:
		e1(j, 0x66);
		rm(j, false, 0xc7, 0, d, insn->off);
		e1(j, (u8)insn->imm);
		e1(j, (u8)(insn->imm >> 8));
		return 1;
	}
	rm(j, BPF_SIZE(insn->code) == BPF_DW, 0xc7, 0, d, insn->off);
	e4(j, (u32)insn->imm);
	return 1;
}

/* lock op [base + off], reg; op above 0xff is 0x0f-prefixed */
static void locked(struct jit *j, bool w, u32 op, u32 r, u32 base, s32 off)
{
	e1(j, 0xf0);
	rm(j, w, op, r, base, off);
}

/* and, or, xor that fetch: a cmpxchg loop. rax is the machine's, its value kept in r9. */
static void fetch_loop(struct jit *j, const struct bpf_insn *insn, bool w)
{
	u32 base = reg(j, insn->dst_reg), s = reg(j, insn->src_reg), again, back;

	mov_rr(j, true, TMP2, RAX);
	if (base == RAX)
		base = TMP2;
	rm(j, w, 0x8b, RAX, base, insn->off);
	again = j->n;
	mov_rr(j, w, TMP, RAX);
	alu_rr(j, w, group1[BPF_OP(insn->imm) >> 4], TMP, s == RAX ? TMP2 : s);
	locked(j, w, 0x1b1, TMP, base, insn->off);
	back = jcc8(j, CC_NE);
	j->code[back] = (u8)(again - back - 1);
	if (s == RAX) {
		if (!w)
			mov_rr(j, false, RAX, RAX);
	} else {
		mov_rr(j, w, s, RAX);
		mov_rr(j, true, RAX, TMP2);
	}
}

static int select_atomic(struct jit *j, const struct bpf_insn *insn)
{
	bool w = BPF_SIZE(insn->code) == BPF_DW;
	u32 d = reg(j, insn->dst_reg), s = reg(j, insn->src_reg);

	switch (insn->imm) {
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		locked(j, w, 8 * group1[BPF_OP(insn->imm) >> 4] + 1, s, d, insn->off);
		return 1;
	case BPF_ADD | BPF_FETCH:
		locked(j, w, 0x1c1, s, d, insn->off); /* xadd */
		return 1;
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
		fetch_loop(j, insn, w);
		return 1;
	case BPF_XCHG:
		rm(j, w, 0x87, s, d, insn->off); /* locks by itself */
		return 1;
	case BPF_CMPXCHG:
		locked(j, w, 0x1b1, s, d, insn->off);
		if (!w) /* eax is not written when it compared equal */
			mov_rr(j, false, RAX, RAX);
		return 1;
	case BPF_LOAD_ACQ: /* the machine's loads acquire and its stores release */
		load(j, BPF_SIZE(insn->code), false, d, s, insn->off);
		return 1;
	case BPF_STORE_REL:
		store(j, BPF_SIZE(insn->code), s, d, insn->off);
		return 1;
	}
	return -ENOTSUPP;
}

/* ---- control ---- */

static void compare(struct jit *j, const struct bpf_insn *insn)
{
	bool w = BPF_CLASS(insn->code) == BPF_JMP;
	u32 d = reg(j, insn->dst_reg), s = reg(j, insn->src_reg);

	if (BPF_SRC(insn->code) == BPF_X) {
		if (BPF_OP(insn->code) == BPF_JSET)
			rr(j, w, 0x85, s, d);
		else
			alu_rr(j, w, X_CMP, d, s);
	} else if (BPF_OP(insn->code) == BPF_JSET) {
		if (insn->imm >= 0 && insn->imm < 256) {
			rr8(j, false, 0xf6, 0, d);
			e1(j, (u8)insn->imm);
		} else {
			rr(j, w && insn->imm < 0, 0xf7, 0, d);
			e4(j, (u32)insn->imm);
		}
	} else if (!insn->imm) {
		/* the arithmetic just before left the zero flag (and a 32-bit result has no upper half) */
		if (j->flags_at == j->n && j->flags_reg == d && (w || !j->flags_wide) &&
		    (BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE) &&
		    !j->is_target[insn - j->insns])
			return;
		rr(j, w, 0x85, d, d); /* carry and overflow are 0, as cmp would have them */
	} else {
		alu_ri(j, w, X_CMP, d, insn->imm);
	}
}

/* Whether the upper half of @r is known to be 0 before @i, from what stands just before. */
static bool upper_is_zero(const struct jit *j, u32 i, u32 r)
{
	const struct bpf_insn *insn;
	u32 n;

	for (n = 0; n < 8 && i > j->sub->start && !j->is_target[i]; n++) {
		insn = &j->insns[--i];
		switch (BPF_CLASS(insn->code)) {
		case BPF_ALU:
			if (insn->dst_reg == r)
				return BPF_OP(insn->code) != BPF_END || insn->imm != 64;
			break;
		case BPF_ALU64:
			if (insn->dst_reg == r)
				return insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) &&
				       insn->imm >= 0;
			break;
		case BPF_LDX:
			if (insn->dst_reg == r)
				return BPF_MODE(insn->code) == BPF_MEM &&
				       BPF_SIZE(insn->code) != BPF_DW;
			break;
		default: /* also constants, whose second half is LD by class */
			return false;
		}
	}
	return false;
}

/* A jump over one or two moves: conditional moves, so that nothing is mispredicted. */
static int select_cmov(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i], *mov;
	u32 n = (u32)insn->off, k, d;
	enum x86_cc cc;

	/* "if c goto T; moves; goto T" is the same as a jump over the moves */
	if (n > 2) {
		for (n = 1; n <= 2; n++) {
			mov = next(j, i, n + 1);
			if (mov && mov->code == (BPF_JMP | BPF_JA) && n + 1 + mov->off == insn->off)
				break;
		}
	}
	if (n < 1 || n > 2)
		return 0;
	for (k = 1; k <= n; k++) {
		mov = next(j, i, k);
		if (!mov || (mov->code & ~BPF_X & ~7) != BPF_MOV || mov->off ||
		    (BPF_CLASS(mov->code) != BPF_ALU && BPF_CLASS(mov->code) != BPF_ALU64))
			return 0;
	}
	compare(j, insn);
	cc = cond[BPF_OP(insn->code) >> 4] ^ 1;
	for (k = 1; k <= n; k++) {
		mov = &j->insns[i + k];
		d = reg(j, mov->dst_reg);
		if (mov->code == (BPF_ALU64 | BPF_MOV | BPF_X)) {
			rr(j, true, 0x140 | cc, d, reg(j, mov->src_reg));
			continue;
		}
		/* a conditional move of 32 bits clears the upper half in any case */
		if (mov->code == (BPF_ALU | BPF_MOV | BPF_X) && k == 1 &&
		    upper_is_zero(j, i, mov->dst_reg)) {
			rr(j, false, 0x140 | cc, d, reg(j, mov->src_reg));
			continue;
		}
		if (BPF_SRC(mov->code) == BPF_X)
			mov_rr(j, false, TMP, reg(j, mov->src_reg));
		else
			mov_ri(j, TMP, insn_is_alu64(mov) ? (u64)(s64)mov->imm : (u32)mov->imm,
			       false);
		rr(j, true, 0x140 | cc, d, TMP);
	}
	return (int)n + 1;
}

static int select_jcc(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i], *ja;
	int n, err;

	n = select_cmov(j, i);
	if (n)
		return n;
	if (!insn->off)
		return 1;
	compare(j, insn);
	ja = insn->off == 1 ? next(j, i, 1) : NULL;
	if (ja && ja->code == (BPF_JMP | BPF_JA)) /* a jump over a jump: the other way round */
		err = jcc(j, cond[BPF_OP(insn->code) >> 4] ^ 1, i + 2 + ja->off);
	else
		err = jcc(j, cond[BPF_OP(insn->code) >> 4], i + 1 + insn->off);
	return err ? err : ja && ja->code == (BPF_JMP | BPF_JA) ? 2 : 1;
}

/* The table has, for each instruction of the function, how far its code is from the table. */
static int select_gotox(struct jit *j, const struct bpf_insn *insn)
{
	struct jit_sub *sub = j->sub;
	u32 r = reg(j, insn->dst_reg), in;
	int err, index = 0;

	for (u32 i = sub->start; !sub->table && i < sub->end; i++) {
		int at = jit_pool(j, 0);

		if (at < 0)
			return at;
		if (i == sub->start)
			index = at;
	}
	if (!sub->table)
		sub->table = (u32)index + 1;
	rr(j, true, 0x81, X_CMP, r); /* what no path jumps to is INSN_DELETED */
	e4(j, sub->end);
	in = jcc8(j, CC_B);
	e1(j, 0x0f); /* ud2 */
	e1(j, 0x0b);
	land(j, in);
	err = jit_ref(j, j->n, JIT_REF_POOL, sub->table - 1, 7, 0);
	e1(j, 0x4c); /* lea r11, [rip + distance] */
	e1(j, 0x8d);
	e1(j, 0x1d);
	e4(j, 0);
	rmx(j, true, 0x03, TMP, TMP, r, 3, -8 * (s32)sub->start); /* add r11, [r11 + 8 * r - ...] */
	rr(j, false, 0xff, 4, TMP);				  /* jmp r11 */
	return err ? err : 1;
}

static int select_jmp(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	int err = 0;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		if (insn_is_gotox(insn))
			return select_gotox(j, insn);
		if (!insn_jmp_off(insn))
			break;
		if (j->insns[i + 1 + insn_jmp_off(insn)].code == (BPF_JMP | BPF_EXIT)) {
			x86_exit(j);
		} else {
			err = jit_ref(j, j->n, JIT_REF_JUMP, i + 1 + insn_jmp_off(insn), 5, 2);
			e1(j, 0xe9);
			e4(j, 0);
		}
		break;
	case BPF_CALL:
		if (insn->src_reg == BPF_PSEUDO_CALL)
			err = x86_subprog_call(j, insn);
		else
			return x86_helper_call(j, i);
		break;
	case BPF_TAIL_CALL:
		err = x86_tail_call(j);
		break;
	case BPF_EXIT:
		x86_exit(j);
		break;
	case BPF_JCOND: /* rewritten by the fix-ups */
		return -ENOTSUPP;
	default:
		return select_jcc(j, i);
	}
	return err ? err : 1;
}

/* Whether the instruction does nothing but give its destination a value that nobody reads. */
static bool is_dead(const struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	u8 class = BPF_CLASS(insn->code);

	if (class != BPF_ALU && class != BPF_ALU64 && class != BPF_LD &&
	    (class != BPF_LDX || BPF_MODE(insn->code) != BPF_MEM))
		return false;
	return !is_live(j, i, insn->dst_reg);
}

int jit_arch_insn(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];

	if (j->is_target[i]) /* whoever jumps here brings other flags */
		j->flags_at = UINT32_MAX;
	if (is_dead(j, i))
		return insn_is_ldimm64(insn) ? 2 : 1;
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return select_alu(j, i);
	case BPF_JMP:
	case BPF_JMP32:
		return select_jmp(j, i);
	case BPF_LDX:
		return select_ldx(j, i);
	case BPF_ST:
		return select_st(j, insn);
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC)
			return select_atomic(j, insn);
		store(j, BPF_SIZE(insn->code), reg(j, insn->src_reg), reg(j, insn->dst_reg),
		      insn->off);
		return 1;
	case BPF_LD:
		if (!insn_is_ldimm64(insn))
			return -ENOTSUPP;
		mov_ri(j, reg(j, insn->dst_reg), insn_imm64(insn), true);
		return 2;
	}
	return -ENOTSUPP;
}
