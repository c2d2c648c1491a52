/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * x86-64: division and remainder. The machine traps where BPF gives 0 or the dividend, so
 * divisors are tested unless the verifier knows them; constants need no division.
 */
#include "jit/x86_64/x86.h"

#include "isa/insn.h"

/*
 * Division by a register or constant. rax and rdx are the machine's operands: what
 * they hold is kept in r9 and r11 unless it is the destination.
 */
static void divide(struct jit *j, bool w, bool is_signed, bool is_mod, u32 d, u32 s, bool has_imm,
		   s32 imm)
{
	u32 divisor = s;

	if (d != RAX)
		mov_rr(j, true, R9, RAX);
	if (d != RDX)
		mov_rr(j, true, R11, RDX);
	if (has_imm || s == RAX || s == RDX || s == d) {
		/* a register for the divisor that the machine does not touch */
		u32 home = d == RAX ? R9 : d == RDX ? R11 : d;

		if (has_imm) {
			if (d != RAX)
				mov_rr(j, true, RAX, d);
			mov_ri(j, home, w ? (u64)(s64)imm : (u32)imm, true);
			divisor = home;
		} else if (s == d) {
			if (d != RAX)
				mov_rr(j, true, RAX, d);
			if (home != d)
				mov_rr(j, true, home, d);
			divisor = home;
		} else {
			if (s == RAX) /* d is not RAX: the copy is in r9 */
				divisor = R9;
			else
				divisor = R11;
			if (d != RAX)
				mov_rr(j, true, RAX, d);
		}
	} else if (d != RAX) {
		mov_rr(j, true, RAX, d);
	}
	if (is_signed) {
		rex(j, w, 0, 0, 0, false);
		e1(j, 0x99); /* cdq, cqo */
	} else {
		mov_ri(j, RDX, 0, true);
	}
	rr(j, w, 0xf7, is_signed ? 7 : 6, divisor);
	if (d == RAX) {
		if (is_mod)
			mov_rr(j, true, RAX, RDX);
		mov_rr(j, true, RDX, R11);
	} else if (d == RDX) {
		if (!is_mod)
			mov_rr(j, true, RDX, RAX);
		mov_rr(j, true, RAX, R9);
	} else {
		mov_rr(j, true, d, is_mod ? RDX : RAX);
		mov_rr(j, true, RAX, R9);
		mov_rr(j, true, RDX, R11);
	}
}

/*
 * Unsigned division by a constant that is no power of two, by multiplication with its
 * reciprocal (Granlund and Montgomery, "Division by invariant integers"). 32 bits: a
 * 64-bit product when the reciprocal fits 32 bits. 64 bits: the upper half of the
 * 128-bit product, by mulx. False: not done here.
 */
static bool divide_k(struct jit *j, bool w, bool is_mod, u32 d, u32 imm)
{
	u32 bits = w ? 64 : 32, l = 32 - (u32)__builtin_clz(imm - 1); /* ceil(log2) */
	unsigned __int128 one = 1;
	bool wide = w;
	u64 m;

	/* m = ceil(2^(bits + l) / imm), which has bits + 1 bits: halve while it stays exact */
	unsigned __int128 lo = (one << (bits + l - 1)) * 2 / imm;
	unsigned __int128 hi = ((one << (bits + l - 1)) * 2 + (one << l)) / imm;

	while (lo / 2 < hi / 2 && l) {
		lo /= 2;
		hi /= 2;
		l--;
	}
	m = (u64)hi;
	if (hi >> bits) {
		/* 2^64 / imm + 1 is exact for dividends of 32 bits */
		if (w || !j->bmi2)
			return false;
		m = ~0ULL / imm + 1;
		l = 0;
		wide = true;
	}
	if (!w)
		mov_rr(j, false, d, d);
	if (!wide) {
		mov_ri(j, TMP, m, true);
		rr(j, true, 0x1af, TMP, d);
		shift_ri(j, true, X_SHR, TMP, 32 + l);
	} else {
		if (!j->bmi2)
			return false;
		if (d == RDX) {
			mov_ri(j, TMP2, m, true);
			mulx(j, TMP, TMP2, TMP2);
		} else {
			mov_rr(j, true, TMP2, RDX);
			mov_ri(j, RDX, m, true);
			mulx(j, TMP, RDX, d);
			mov_rr(j, true, RDX, TMP2);
		}
		if (l)
			shift_ri(j, true, X_SHR, TMP, l);
	}
	if (!is_mod) {
		mov_rr(j, true, d, TMP);
		return true;
	}
	if (is_s8((s32)imm)) {
		rr(j, true, 0x6b, TMP, TMP);
		e1(j, (u8)imm);
	} else {
		rr(j, true, 0x69, TMP, TMP);
		e4(j, imm);
	}
	alu_rr(j, w, X_SUB, d, TMP);
	return true;
}

void x86_divide(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	bool w = insn_is_alu64(insn), is_signed = insn->off == 1, safe, k;
	bool is_mod = BPF_OP(insn->code) == BPF_MOD;
	u32 d = j->sub->reg[insn->dst_reg], s = j->sub->reg[insn->src_reg];
	u32 zero = 0, one = 0, end = 0;

	k = BPF_SRC(insn->code) == BPF_K;
	if (k) {
		if (!insn->imm) { /* only without a verifier */
			if (!is_mod)
				mov_ri(j, d, 0, true);
			else if (!w)
				mov_rr(j, false, d, d);
			return;
		}
		if (!is_signed && insn->imm > 0 && is_power_of_2((u32)insn->imm)) {
			if (is_mod)
				alu_ri(j, false, X_AND, d, insn->imm - 1);
			else if (insn->imm > 1)
				shift_ri(j, w, X_SHR, d, __builtin_ctz((u32)insn->imm));
			else if (!w)
				mov_rr(j, false, d, d);
			return;
		}
		if (is_signed && insn->imm == -1) {
			if (is_mod)
				mov_ri(j, d, 0, true);
			else
				rr(j, w, 0xf7, 3, d);
			return;
		}
		if (!is_signed && insn->imm > 0 && divide_k(j, w, is_mod, d, (u32)insn->imm))
			return;
		divide(j, w, is_signed, is_mod, d, 0, true, insn->imm);
		return;
	}
	safe = j->facts && j->facts->insn[i].divisor_nonzero;
	if (!safe) {
		rr(j, w, 0x85, s, s);
		zero = jcc8(j, CC_E);
		if (is_signed) {
			alu_ri(j, w, X_CMP, s, -1);
			one = jcc8(j, CC_E);
		}
	}
	divide(j, w, is_signed, is_mod, d, s, false, 0);
	if (safe)
		return;
	end = jmp8(j);
	if (is_signed) {
		land(j, one);
		if (is_mod)
			mov_ri(j, d, 0, true);
		else
			rr(j, w, 0xf7, 3, d);
		one = jmp8(j);
	}
	land(j, zero);
	if (!is_mod)
		mov_ri(j, d, 0, true);
	else if (!w)
		mov_rr(j, false, d, d);
	if (is_signed)
		land(j, one);
	land(j, end);
}
