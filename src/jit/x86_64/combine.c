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

/* ---- addresses ---- */

#define NO_INDEX 16

struct address {
	u32 base, index, scale; /* machine registers */
	s32 disp;
};

static void mem(struct jit *j, bool w, u32 op, u32 r, const struct address *a)
{
	if (a->index == NO_INDEX)
		rm(j, w, op, r, a->base, a->disp);
	else
		rmx(j, w, op, r, a->base, a->index, a->scale, a->disp);
}

static bool mem_load(struct jit *j, const struct bpf_insn *insn, const struct address *a)
{
	bool sx = BPF_MODE(insn->code) == BPF_MEMSX;
	u32 d = j->sub->reg[insn->dst_reg];

	if (!sx && BPF_MODE(insn->code) != BPF_MEM)
		return false;
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		mem(j, sx, sx ? 0x1be : 0x1b6, d, a);
		break;
	case BPF_H:
		mem(j, sx, sx ? 0x1bf : 0x1b7, d, a);
		break;
	case BPF_W:
		mem(j, sx, sx ? 0x63 : 0x8b, d, a);
		break;
	case BPF_DW:
		mem(j, true, 0x8b, d, a);
		break;
	}
	return true;
}

static bool mem_store(struct jit *j, const struct bpf_insn *insn, const struct address *a)
{
	u32 s = j->sub->reg[insn->src_reg];
	u8 size = BPF_SIZE(insn->code);

	if (BPF_MODE(insn->code) != BPF_MEM)
		return false;
	/* a byte register above rbx needs a prefix, which rm() and rmx() would leave out */
	if (size == BPF_B && s >= RSP && s < R8 && a->base < R8 &&
	    (a->index == NO_INDEX || a->index < R8))
		return false;
	if (size == BPF_H)
		e1(j, 0x66);
	mem(j, size == BPF_DW, size == BPF_B ? 0x88 : 0x89, s, a);
	return true;
}

/* The instruction pair behind a load that changes the value and stores it back: the operation, or -1. */
static int modify_op(const struct jit *j, u32 i)
{
	const struct bpf_insn *load = &j->insns[i], *op = load + 1, *store = load + 2;
	u32 t = load->dst_reg, b = load->src_reg;
	bool w = BPF_SIZE(load->code) == BPF_DW;

	if (i + 2 >= j->sub->end || j->is_target[i + 1] || j->is_target[i + 2] || t == b)
		return -1;
	if (load->code != (BPF_LDX | BPF_MEM | BPF_DW) && load->code != (BPF_LDX | BPF_MEM | BPF_W))
		return -1;
	if (op->dst_reg != t || op->off ||
	    (BPF_CLASS(op->code) != BPF_ALU64 && (w || BPF_CLASS(op->code) != BPF_ALU)))
		return -1;
	if (store->code != (BPF_STX | BPF_MEM | BPF_SIZE(load->code)) || store->dst_reg != b ||
	    store->src_reg != t || store->off != load->off || (j->live[i + 2] & BIT(t)))
		return -1;
	if (BPF_SRC(op->code) == BPF_X && op->src_reg == t)
		return -1;
	switch (BPF_OP(op->code)) {
	case BPF_ADD:
		return X_ADD;
	case BPF_SUB:
		return X_SUB;
	case BPF_OR:
		return X_OR;
	case BPF_AND:
		return X_AND;
	case BPF_XOR:
		return X_XOR;
	}
	return -1;
}

static void modify(struct jit *j, u32 i, int alu, const struct address *a)
{
	const struct bpf_insn *op = &j->insns[i + 1];
	bool w = BPF_SIZE(j->insns[i].code) == BPF_DW;

	if (BPF_SRC(op->code) == BPF_X) {
		mem(j, w, 8 * (u32)alu + 1, j->sub->reg[op->src_reg], a);
	} else if (is_s8(op->imm)) {
		mem(j, w, 0x83, (u32)alu, a);
		e1(j, (u8)op->imm);
	} else {
		mem(j, w, 0x81, (u32)alu, a);
		e4(j, (u32)op->imm);
	}
}

int x86_modify_memory(struct jit *j, u32 i)
{
	const struct bpf_insn *load = &j->insns[i];
	struct address a = { j->sub->reg[load->src_reg], NO_INDEX, 0, load->off };
	int alu = modify_op(j, i);

	if (alu < 0)
		return 0;
	modify(j, i, alu, &a);
	return 3;
}

/*
 * "a = b; a += constant; a += x; access *(a + off)" where a is not read again: one
 * access to [b + x + ...]. Any part but one may be missing; a shift of x to the left by 1
 * to 3 before it becomes the scale; b may be a constant.
 */
int x86_address(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	struct address addr = { .index = NO_INDEX };
	u32 k = 0, a, x = MAX_BPF_EXT_REG, shifted = MAX_BPF_EXT_REG, len, dead;
	bool constant = false;
	u64 value = 0;
	int alu = -1;
	s64 disp = 0;
	u16 reads;

#define AT(n) (i + (n) < j->sub->end && ((n) == 0 || !j->is_target[i + (n)]))
	if (insn->code == (BPF_ALU64 | BPF_LSH | BPF_K) && insn->imm >= 1 && insn->imm <= 3) {
		shifted = insn->dst_reg;
		addr.scale = (u32)insn->imm;
		k = 1;
	}
	if (!AT(k))
		return 0;
	insn = &j->insns[i + k];
	a = insn->dst_reg;
	if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !insn->off && insn->src_reg != a) {
		addr.base = j->sub->reg[insn->src_reg];
		k++;
	} else if (insn_is_ldimm64(insn) && shifted < MAX_BPF_EXT_REG) {
		constant = true;
		value = insn_imm64(insn);
		addr.base = TMP;
		k += 2;
	} else if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_X) && insn->src_reg != a) {
		addr.base = j->sub->reg[a];
	} else {
		return 0;
	}
	for (; AT(k); k++) {
		insn = &j->insns[i + k];
		if (insn->dst_reg != a || insn->off)
			break;
		if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K)) {
			disp += insn->imm;
		} else if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_X) && x == MAX_BPF_EXT_REG &&
			   insn->src_reg != a) {
			x = insn->src_reg;
			addr.index = j->sub->reg[x];
		} else {
			break;
		}
	}
	if (!AT(k) || a == BPF_REG_10 ||
	    (shifted < MAX_BPF_EXT_REG && (x != shifted || a == shifted)))
		return 0;
	insn = &j->insns[i + k];
	disp += insn->off;
	if (disp != (s32)disp)
		return 0;
	addr.disp = (s32)disp;
	if (addr.index == RSP) {
		if (addr.scale)
			return 0;
		addr.index = addr.base;
		addr.base = RSP;
		if (addr.index == RSP)
			return 0;
	}
	/* what must not be read later, and what the access itself may not use in another role */
	dead = BIT(a) | (shifted < MAX_BPF_EXT_REG ? BIT(shifted) : 0);
	len = 1;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		if (insn->src_reg != a)
			return 0;
		alu = modify_op(j, i + k);
		if (alu >= 0) {
			reads = BPF_SRC(insn[1].code) == BPF_X ? BIT(insn[1].src_reg) : 0;
			if ((j->live[i + k + 2] | reads) & dead)
				return 0;
			len = 3;
		} else if (j->live[i + k] & dead & ~BIT(insn->dst_reg)) {
			return 0;
		}
		break;
	case BPF_STX:
		if (insn->dst_reg != a || ((j->live[i + k] | BIT(insn->src_reg)) & dead))
			return 0;
		break;
	default:
		return 0;
	}
#undef AT
	if (constant)
		mov_ri(j, TMP, value, true);
	if (alu >= 0)
		modify(j, i + k, alu, &addr);
	else if (!(BPF_CLASS(insn->code) == BPF_LDX ? mem_load(j, insn, &addr) :
						      mem_store(j, insn, &addr)))
		return 0; /* nothing but the scratch register was touched */
	return (int)(k + len);
}
