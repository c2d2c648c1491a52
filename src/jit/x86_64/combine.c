/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sequences that stand for one memory access of the machine: numbers put together
 * from bytes (packed structs and portable parsers compile to that, because BPF's
 * clang assumes nothing about alignment), and load-modify-store.
 */
#include "jit/x86_64/x86.h"

#include "isa/insn.h"
#include "object/fixup.h"

#define WINDOW 40
#define ZERO   INT32_MIN /* this byte of the register is 0 */

/* What a register holds while a number is put together: where each byte came from. */
struct bytes {
	bool known;
	s32 off[8]; /* least significant first: offset from the base register, or ZERO */
};

struct window {
	struct bytes reg[JIT_NREGS];
	u32 base;
	bool base_kept;
	u16 written;
};

static void set_zero(struct bytes *b)
{
	u32 i;

	b->known = true;
	for (i = 0; i < 8; i++)
		b->off[i] = ZERO;
}

/* Follows one instruction; false: it is none of those that numbers are put together with. */
static bool follow(struct window *w, const struct bpf_insn *insn)
{
	struct bytes *d = &w->reg[insn->dst_reg], *s = &w->reg[insn->src_reg], was;
	bool wide = insn_is_alu64(insn);
	u32 i, n;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		if (BPF_MODE(insn->code) != BPF_MEM || insn->src_reg != w->base || !w->base_kept)
			return false;
		set_zero(d);
		n = insn_access_size(insn);
		for (i = 0; i < n; i++)
			d->off[i] = insn->off + (s32)i;
		break;
	case BPF_ALU:
	case BPF_ALU64:
		if (insn->off || !d->known)
			return false;
		switch (insn->code & ~7) {
		case BPF_LSH | BPF_K:
			if (insn->imm < 0 || insn->imm % 8 || insn->imm >= (wide ? 64 : 32))
				return false;
			n = (u32)insn->imm / 8;
			was = *d;
			for (i = 0; i < 8; i++)
				d->off[i] = i < n || (!wide && i >= 4) ? ZERO : was.off[i - n];
			break;
		case BPF_OR | BPF_X:
			if (!s->known)
				return false;
			for (i = 0; i < 8; i++) {
				if (!wide && i >= 4)
					d->off[i] = ZERO;
				else if (d->off[i] == ZERO)
					d->off[i] = s->off[i];
				else if (s->off[i] != ZERO)
					return false;
			}
			break;
		default:
			return false;
		}
		break;
	default:
		return false;
	}
	if (insn->dst_reg == w->base)
		w->base_kept = false;
	w->written |= BIT(insn->dst_reg);
	return true;
}

/* 2, 4 or 8 consecutive bytes and nothing above: how many; *swapped: most significant first. */
static u32 whole_number(const struct bytes *b, bool *swapped)
{
	u32 n = 0, i;
	s32 step;

	while (n < 8 && b->off[n] != ZERO)
		n++;
	if (n != 2 && n != 4 && n != 8)
		return 0;
	for (i = n; i < 8; i++)
		if (b->off[i] != ZERO)
			return 0;
	step = b->off[1] - b->off[0];
	if (step != 1 && step != -1)
		return 0;
	for (i = 2; i < n; i++)
		if (b->off[i] - b->off[i - 1] != step)
			return 0;
	*swapped = step < 0;
	return n;
}

int x86_wide_load(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	struct window w = { .base = insn->src_reg, .base_kept = true };
	u32 k, n, len = 0, size = 0, dst = 0;
	bool swapped, best_swapped = false;
	s32 off = 0;

	if (BPF_SIZE(insn->code) == BPF_DW || BPF_SIZE(insn->code) == BPF_W)
		return 0;
	for (k = 0; k < WINDOW && i + k < j->sub->end; k++) {
		insn = &j->insns[i + k];
		if ((k && j->is_target[i + k]) || !follow(&w, insn))
			break;
		if (BPF_CLASS(insn->code) == BPF_LDX)
			continue;
		n = whole_number(&w.reg[insn->dst_reg], &swapped);
		if (!n || (j->live[i + k] & w.written & ~BIT(insn->dst_reg)))
			continue;
		len = k + 1;
		size = n;
		dst = insn->dst_reg;
		best_swapped = swapped;
		off = swapped ? w.reg[dst].off[n - 1] : w.reg[dst].off[0];
	}
	if (!len)
		return 0;
	dst = j->sub->reg[dst];
	rm(j, size == 8, size == 2 ? 0x1b7 : 0x8b, dst, j->sub->reg[w.base], off);
	if (best_swapped) {
		rex(j, size == 8, 0, 0, dst, false);
		e1(j, 0x0f);
		e1(j, 0xc8 | (dst & 7)); /* bswap */
		if (size == 2)
			shift_ri(j, false, X_SHR, dst, 16);
	}
	return (int)len;
}

int x86_modify_memory(struct jit *j, u32 i)
{
	const struct bpf_insn *load = &j->insns[i], *op = load + 1, *store = load + 2;
	u32 t = load->dst_reg, b = load->src_reg;
	bool w = BPF_SIZE(load->code) == BPF_DW;
	enum x86_alu alu;

	if (i + 2 >= j->sub->end || j->is_target[i + 1] || j->is_target[i + 2] || t == b)
		return 0;
	if ((!w && BPF_SIZE(load->code) != BPF_W) || op->dst_reg != t || op->off ||
	    BPF_CLASS(op->code) != (w ? BPF_ALU64 : BPF_CLASS(op->code)) ||
	    (BPF_CLASS(op->code) != BPF_ALU && BPF_CLASS(op->code) != BPF_ALU64))
		return 0;
	if (store->code != (BPF_STX | BPF_MEM | BPF_SIZE(load->code)) || store->dst_reg != b ||
	    store->src_reg != t || store->off != load->off || (j->live[i + 2] & BIT(t)))
		return 0;
	switch (BPF_OP(op->code)) {
	case BPF_ADD:
		alu = X_ADD;
		break;
	case BPF_SUB:
		alu = X_SUB;
		break;
	case BPF_OR:
		alu = X_OR;
		break;
	case BPF_AND:
		alu = X_AND;
		break;
	case BPF_XOR:
		alu = X_XOR;
		break;
	default:
		return 0;
	}
	if (BPF_SRC(op->code) == BPF_X) {
		if (op->src_reg == t)
			return 0;
		rm(j, w, 8 * alu + 1, j->sub->reg[op->src_reg], j->sub->reg[b], load->off);
	} else if (is_s8(op->imm)) {
		rm(j, w, 0x83, alu, j->sub->reg[b], load->off);
		e1(j, (u8)op->imm);
	} else {
		rm(j, w, 0x81, alu, j->sub->reg[b], load->off);
		e4(j, (u32)op->imm);
	}
	return 3;
}
