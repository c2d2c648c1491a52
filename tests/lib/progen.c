/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "progen.h"

#include <string.h>

#include "hand_prog.h"
#include "isa/insn.h"

u32 rnd(struct gen *g, u32 n)
{
	g->rng ^= g->rng << 13;
	g->rng ^= g->rng >> 7;
	g->rng ^= g->rng << 17;
	return (u32)((g->rng >> 16) % n);
}

static void emit(struct gen *g, struct bpf_insn insn)
{
	if (g->n < MAX_INSNS - 40)
		g->insn[g->n++] = insn;
}

static s32 imm(struct gen *g)
{
	static const s32 some[] = { 0,
				    1,
				    -1,
				    2,
				    3,
				    4,
				    7,
				    8,
				    15,
				    16,
				    31,
				    32,
				    63,
				    64,
				    127,
				    128,
				    255,
				    256,
				    0x7fff,
				    0x8000,
				    0xffff,
				    0x7fffffff,
				    (s32)0x80000000,
				    -2,
				    -8,
				    100 };

	return rnd(g, 4) ? some[rnd(g, ARRAY_SIZE(some))] : (s32)(g->rng >> 20);
}

static u32 scalar_reg(struct gen *g)
{
	for (int tries = 0; tries < 20; tries++) {
		u32 r = rnd(g, 6);

		if (g->scalar[r])
			return r;
	}
	emit(g, MOV_K(0, imm(g)));
	g->scalar[0] = g->init[0] = true;
	return 0;
}

static void set_scalar(struct gen *g, u32 r)
{
	g->scalar[r] = g->init[r] = true;
}

static void gen_alu(struct gen *g)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,	 BPF_LSH,
				  BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_END };
	u8 op = ops[rnd(g, ARRAY_SIZE(ops))], class = rnd(g, 2) ? BPF_ALU : BPF_ALU64;
	u32 d = scalar_reg(g), s = scalar_reg(g);
	s32 k = imm(g);
	s16 off = 0;

	if (op == BPF_NEG) {
		emit(g, INSN(class | BPF_NEG, d, 0, 0, 0));
		return;
	}
	if (op == BPF_END) {
		static const s32 widths[] = { 16, 32, 64 };
		u8 src = class == BPF_ALU64 ? 0 : rnd(g, 2) ? BPF_TO_BE : BPF_TO_LE;

		emit(g, INSN(class | BPF_END | src, d, 0, 0, widths[rnd(g, 3)]));
		return;
	}
	if (op == BPF_MOV && rnd(g, 3)) {
		d = rnd(g, 6);
		if (rnd(g, 3) == 0)
			off = (s16[]){ 8, 16, 32 }[rnd(g, class == BPF_ALU64 ? 3 : 2)];
		emit(g, INSN(class | BPF_MOV | BPF_X, d, s, off, 0));
		set_scalar(g, d);
		return;
	}
	if ((op == BPF_DIV || op == BPF_MOD) && rnd(g, 3) == 0)
		off = 1;
	if (rnd(g, 2)) {
		emit(g, INSN(class | op | BPF_X, d, s, off, 0));
		return;
	}
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		k = (s32)rnd(g, (class == BPF_ALU64 ? 64 : 32) + (rnd(g, 50) == 0));
	if ((op == BPF_DIV || op == BPF_MOD) && !k && rnd(g, 20))
		k = 3;
	emit(g, INSN(class | op | BPF_K, d, 0, off, k));
}

static u8 size_code(struct gen *g)
{
	return (u8[]){ BPF_B, BPF_H, BPF_W, BPF_DW }[rnd(g, 4)];
}

static s16 stack_off(struct gen *g, u8 size)
{
	s16 bytes = (s16[]){
		[BPF_W >> 3] = 4, [BPF_H >> 3] = 2, [BPF_B >> 3] = 1, [BPF_DW >> 3] = 8
	}[size >> 3];
	s16 off = (s16) - (s16)(bytes * (1 + rnd(g, 48 / (u32)bytes)));

	if (rnd(g, 80) == 0)
		off += (s16)rnd(g, 3);
	return off;
}

static void gen_stack(struct gen *g)
{
	u8 size = rnd(g, 2) ? BPF_DW : size_code(g);
	u32 r;

	switch (rnd(g, 6)) {
	case 0:
		emit(g, ST(size, 10, stack_off(g, size), imm(g)));
		break;
	case 1:
	case 2:
		emit(g, STX(size, 10, scalar_reg(g), stack_off(g, size)));
		break;
	case 3:
		if (rnd(g, 3) == 0 && size != BPF_DW) {
			r = rnd(g, 6);
			emit(g, INSN(BPF_LDX | BPF_MEMSX | size, r, 10, stack_off(g, size), 0));
			set_scalar(g, r);
			break;
		}
		/* fall through */
	case 4:
		r = rnd(g, 6);
		emit(g, LDX(size, r, 10, stack_off(g, size)));
		set_scalar(g, r);
		break;
	default: { /* an atomic */
		static const s32 ops[] = {
			BPF_ADD,  BPF_OR,     BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH,
			BPF_XCHG, BPF_CMPXCHG
		};
		s32 op = ops[rnd(g, ARRAY_SIZE(ops))];
		u8 wide = rnd(g, 2) ? BPF_DW : BPF_W;

		if (op == BPF_CMPXCHG && !g->scalar[0]) {
			emit(g, MOV_K(0, imm(g)));
			set_scalar(g, 0);
		}
		emit(g, ATOMIC(wide, op, 10, scalar_reg(g), stack_off(g, wide)));
	}
	}
}

/* Stack through a pointer with a variable offset. */
static void gen_stack_var(struct gen *g)
{
	u32 s = scalar_reg(g), p = 9;
	u32 mask = (u32[]){ 3, 7, 8, 15, 16, 24 }[rnd(g, 6)];

	emit(g, ALU64_K(BPF_AND, s, (s32)mask));
	emit(g, MOV_X(p, 10));
	emit(g, ALU64_K(BPF_ADD, p, -(s32)(8 + rnd(g, 6) * 8)));
	emit(g, ALU64_X(BPF_ADD, p, s));
	g->scalar[9] = false;
	if (rnd(g, 2)) {
		u32 d = rnd(g, 6);

		emit(g, LDX(size_code(g), d, p, 0));
		set_scalar(g, d);
	} else {
		emit(g, STX(size_code(g), p, scalar_reg(g), 0));
	}
}

static void gen_unknown(struct gen *g)
{
	u32 r = rnd(g, 6);
	static const s16 skb_fields[] = { 0, 4, 8, 16, 24 };

	if (g->type == BPF_PROG_TYPE_XDP)
		emit(g, LDX(BPF_W, r, 6, rnd(g, 2) ? 12 : 16));
	else
		emit(g, LDX(BPF_W, r, 6, skb_fields[rnd(g, ARRAY_SIZE(skb_fields))]));
	set_scalar(g, r);
}

static void gen_packet(struct gen *g)
{
	u32 p = 9, k = rnd(g, 40), n = 1 + rnd(g, 8), d;
	u8 size = size_code(g);

	if (!g->has_packet) {
		gen_unknown(g);
		return;
	}
	emit(g, MOV_X(p, 7));
	if (rnd(g, 3) == 0) {
		u32 s = scalar_reg(g);

		emit(g, ALU64_K(BPF_AND, s, 0x1f));
		emit(g, ALU64_X(BPF_ADD, p, s));
		if (rnd(g, 2)) { /* the checked pointer is another one */
			emit(g, MOV_X(5, p));
			emit(g, ALU64_K(BPF_ADD, 5, (s32)(k + n)));
			g->scalar[5] = false;
			g->init[5] = true;
			emit(g, JMP_X(rnd(g, 2) ? BPF_JGT : BPF_JGE, 5, 8, 2));
			d = rnd(g, 5);
			emit(g, LDX(size, d, p, (s16)k));
			emit(g, ALU64_K(BPF_ADD, d, 1));
			emit(g, MOV_K(d, 3));
			set_scalar(g, d);
			return;
		}
	}
	emit(g, ALU64_K(BPF_ADD, p, (s32)(k + n)));
	d = rnd(g, 6);
	switch (rnd(g, 4)) {
	case 0:
		emit(g, JMP_X(BPF_JGT, p, 8, 1));
		break;
	case 1:
		emit(g, JMP_X(BPF_JGE, p, 8, 1));
		break;
	case 2:
		emit(g, JMP_X(BPF_JLT, 8, p, 1));
		break;
	default:
		emit(g, JMP_X(BPF_JLE, 8, p, 1));
	}
	if (rnd(g, 4))
		emit(g, LDX(size, d, p, (s16) - (s16)(1 + rnd(g, k + n))));
	else
		emit(g, STX(size, p, scalar_reg(g), (s16) - (s16)(1 + rnd(g, k + n))));
	emit(g, MOV_K(d, imm(g)));
	set_scalar(g, d);
}

static void clobber(struct gen *g)
{
	for (u32 r = 0; r < 6; r++)
		g->scalar[r] = g->init[r] = false;
}

static void gen_map(struct gen *g)
{
	u32 d = rnd(g, 6), at;
	u8 size = size_code(g);

	emit(g, ST(BPF_W, 10, -52, (s32)rnd(g, 5)));
	emit(g, MOV_X(2, 10));
	emit(g, ALU64_K(BPF_ADD, 2, -52));
	emit(g, INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, -1));
	emit(g, INSN(0, 0, 0, 0, 0));
	emit(g, INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem));
	clobber(g);
	emit(g, MOV_X(9, 0));
	at = g->n;
	if (rnd(g, 12))
		emit(g, JMP_K(BPF_JEQ, 9, 0, 0));
	set_scalar(g, 1);
	emit(g, MOV_K(1, imm(g)));
	if (rnd(g, 2)) {
		u32 s = scalar_reg(g);

		emit(g, LDX(BPF_W, s, 6, 0));
		emit(g, ALU64_K(BPF_AND, s, (s32)rnd(g, 40)));
		emit(g, ALU64_X(BPF_ADD, 9, s));
	}
	if (rnd(g, 3))
		emit(g, LDX(size, d, 9, (s16)rnd(g, VALUE_SIZE)));
	else
		emit(g, STX(size, 9, 1, (s16)rnd(g, VALUE_SIZE)));
	if (g->insn[at].code == (BPF_JMP | BPF_JEQ))
		g->insn[at].off = (s16)(g->n - at - 1);
	emit(g, MOV_K(1, 0));
	emit(g, MOV_K(d, 5));
	clobber(g);
	set_scalar(g, 1);
	set_scalar(g, d);
}

static void gen_one(struct gen *g, int depth);

static void emit_cond(struct gen *g);

static u8 jmp_op(struct gen *g)
{
	static const u8 ops[] = { BPF_JEQ,  BPF_JNE,  BPF_JGT,	BPF_JGE,  BPF_JLT, BPF_JLE,
				  BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE };

	return ops[rnd(g, ARRAY_SIZE(ops))];
}

static void emit_cond(struct gen *g)
{
	u8 class = rnd(g, 3) ? BPF_JMP : BPF_JMP32;
	u32 d = scalar_reg(g);

	if (rnd(g, 2))
		emit(g, INSN(class | jmp_op(g) | BPF_X, d, scalar_reg(g), 0, 0));
	else
		emit(g, INSN(class | jmp_op(g) | BPF_K, d, 0, 0, imm(g)));
}

static void gen_branch(struct gen *g, int depth)
{
	bool scalar[11], init[11];
	u32 at, body = 1 + rnd(g, 4);

	emit_cond(g);
	at = g->n - 1;
	memcpy(scalar, g->scalar, sizeof(scalar));
	memcpy(init, g->init, sizeof(init));
	while (body--)
		gen_one(g, depth + 1);
	for (u32 r = 0; r < 11; r++) {
		g->scalar[r] &= scalar[r];
		g->init[r] &= init[r];
	}
	/* now and then forget a register that is set on one way only */
	if (rnd(g, 50) == 0) {
		set_scalar(g, rnd(g, 6));
		g->tainted = true;
	}
	g->insn[at].off = (s16)(g->n - at - 1);
}

static void gen_loop(struct gen *g, int depth)
{
	bool scalar[11], init[11];
	u32 top, body = 1 + rnd(g, 3), c = 60;
	u8 op = (u8[]){ BPF_JLT, BPF_JNE, BPF_JSLT, BPF_JLE }[rnd(g, 4)];

	if (depth)
		return;
	/* the counter is in the stack, out of the body's reach */
	emit(g, ST(BPF_DW, 10, (s16) - (s16)(c + 4), 0));
	top = g->n;
	memcpy(scalar, g->scalar, sizeof(scalar));
	memcpy(init, g->init, sizeof(init));
	while (body--)
		gen_one(g, depth + 1);
	for (u32 r = 0; r < 11; r++)
		if (scalar[r] && !g->scalar[r]) {
			emit(g, MOV_K(r, (s32)r));
			set_scalar(g, r);
		}
	emit(g, LDX(BPF_DW, 5, 10, (s16) - (s16)(c + 4)));
	emit(g, ALU64_K(BPF_ADD, 5, 1));
	emit(g, STX(BPF_DW, 10, 5, (s16) - (s16)(c + 4)));
	emit(g, INSN(BPF_JMP | op | BPF_K, 5, 0, (s16)(top - g->n - 1), (s32)(1 + rnd(g, 12))));
	set_scalar(g, 5);
}

static void gen_may_goto(struct gen *g, int depth)
{
	bool scalar[11];
	u32 top, body = 1 + rnd(g, 3), d;

	if (depth)
		return;
	g->no_run = true;
	d = scalar_reg(g);
	memcpy(scalar, g->scalar, sizeof(scalar));
	top = g->n;
	emit(g, INSN(BPF_JMP | BPF_JCOND, 0, 0, 0, 0));
	while (body--)
		gen_one(g, depth + 2);
	if (rnd(g, 2))
		emit(g, ALU64_K(BPF_AND, d, 31));
	for (u32 r = 0; r < 11; r++)
		if (scalar[r] && !g->scalar[r]) {
			emit(g, MOV_K(r, (s32)r));
			set_scalar(g, r);
		}
	emit(g, JA((s16)(top - g->n - 1)));
	g->insn[top].off = (s16)(g->n - top - 1);
}

/* A record of the ring buffer: taken, written, given back (or, now and then, not). */
static void gen_ringbuf(struct gen *g)
{
	u32 at;

	emit(g, INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, -2));
	emit(g, INSN(0, 0, 0, 0, 0));
	emit(g, MOV_K(2, 16));
	emit(g, MOV_K(3, 0));
	emit(g, INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_reserve));
	clobber(g);
	if (rnd(g, 40) == 0)
		emit(g, ALU64_K(BPF_ADD, 0, 8));
	at = g->n;
	emit(g, JMP_K(BPF_JEQ, 0, 0, 0));
	emit(g, MOV_X(9, 0));
	emit(g, ST(size_code(g), 9, (s16)rnd(g, 17), imm(g)));
	if (rnd(g, 5) == 0) {
		set_scalar(g, 2);
		emit(g, MOV_K(2, imm(g)));
		emit_cond(g);
		g->insn[g->n - 1].off = (s16)(1 + rnd(g, 3));
		g->scalar[2] = false;
	}
	emit(g, MOV_X(1, 9));
	if (rnd(g, 20) == 0)
		emit(g, ALU64_K(BPF_ADD, 1, 8));
	emit(g, MOV_K(2, 0));
	emit(g, INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
		     rnd(g, 2) ? BPF_FUNC_ringbuf_submit : BPF_FUNC_ringbuf_discard));
	if (g->insn[at].code == (BPF_JMP | BPF_JEQ))
		g->insn[at].off = (s16)(g->n - at - 1);
	clobber(g);
	emit(g, MOV_K(0, 3));
	set_scalar(g, 0);
}

static void gen_call(struct gen *g)
{
	if (g->nr_calls == ARRAY_SIZE(g->calls) || g->n > MAX_INSNS - 120)
		return;
	for (u32 r = 1; r < 4; r++)
		if (!g->scalar[r])
			emit(g, MOV_K(r, imm(g)));
	emit(g, MOV_X(4, 10));
	emit(g, ALU64_K(BPF_ADD, 4, -(s32)(8 + 8 * rnd(g, 5))));
	g->calls[g->nr_calls] = g->n;
	g->call_sub[g->nr_calls++] = rnd(g, 2);
	emit(g, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	clobber(g);
	set_scalar(g, 0);
}

static void gen_pointer(struct gen *g)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_AND, BPF_MUL };
	u32 d = rnd(g, 6), p = (u32[]){ 10, 6, 7, 9 }[rnd(g, g->has_packet ? 4 : 2)];
	u8 op;

	g->tainted = true;
	switch (rnd(g, 5)) {
	case 0:
		emit(g, MOV_X(d, p));
		g->scalar[d] = false;
		g->init[d] = true;
		break;
	case 1:
		emit(g, STX(BPF_DW, 10, p, (s16) - (s16)(8 + 8 * rnd(g, 5))));
		break;
	case 2:
		emit(g, MOV_X(9, 10));
		emit(g, ALU64_X(BPF_ADD, 9, scalar_reg(g)));
		break;
	case 3:
		op = ops[rnd(g, ARRAY_SIZE(ops))] | (rnd(g, 2) ? BPF_ALU : BPF_ALU64);
		emit(g, INSN(op | BPF_X, scalar_reg(g), p, 0, 0));
		break;
	default:
		emit(g, LDX(BPF_DW, d, 10, (s16) - (s16)(8 + 8 * rnd(g, 5))));
		set_scalar(g, d);
	}
}

/* Leaves a pointer to the map's element @key or NULL in R0. */
static void lookup(struct gen *g, s32 key)
{
	emit(g, ST(BPF_W, 10, -52, key));
	emit(g, MOV_X(2, 10));
	emit(g, ALU64_K(BPF_ADD, 2, -52));
	emit(g, INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, PROGEN_MAP));
	emit(g, INSN(0, 0, 0, 0, 0));
	emit(g, INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem));
	clobber(g);
}

/*
 * An offset that one path makes too large, on its way to an access: through copies, the stack,
 * comparisons. A verifier that loses track of which value matters takes the other
 * path's proof for this one's.
 */
static void gen_offset(struct gen *g)
{
	u32 at, r = 3, way = rnd(g, 9);
	bool swap = rnd(g, 3);
	s32 first, big = rnd(g, 2) ? (s32)(VALUE_SIZE + rnd(g, 64)) : (s32)rnd(g, VALUE_SIZE);

	gen_unknown(g);
	lookup(g, (s32)rnd(g, 4));
	emit(g, JMP_K(BPF_JNE, 0, 0, 2));
	emit(g, MOV_K(0, 0));
	emit(g, EXIT());
	emit(g, MOV_X(9, 0));
	emit(g, LDX(BPF_W, 1, 9, 0));
	/* the way without a jump is explored first */
	first = (s32)rnd(g, 8);
	emit(g, MOV_K(r, swap ? big : first));
	emit(g, JMP_K(BPF_JGT, 1, (s32)rnd(g, 100), 1));
	emit(g, MOV_K(r, swap ? first : big));
	/* places where paths meet */
	at = rnd(g, 3);
	while (at--) {
		emit(g, LDX(BPF_W, 2, 9, (s16)(4 * rnd(g, 4))));
		emit(g, JMP_K(jmp_op(g), 2, imm(g), 1));
		emit(g, MOV_K(2, 1));
	}
	switch (way) {
	case 0:
		break;
	case 1:
		emit(g, ALU32_X(BPF_MOV, 4, r));
		r = 4;
		break;
	case 2:
		emit(g, STX(BPF_DW, 10, r, -40));
		emit(g, MOV_K(r, 0));
		emit(g, LDX(BPF_DW, 4, 10, -40));
		r = 4;
		break;
	case 3: /* not by R10 */
		emit(g, MOV_X(5, 10));
		emit(g, ALU64_K(BPF_ADD, 5, -40));
		emit(g, STX(BPF_DW, 5, r, 0));
		emit(g, MOV_K(r, 0));
		emit(g, LDX(BPF_DW, 4, 5, 0));
		r = 4;
		break;
	case 4: /* known only by comparison of a copy */
		emit(g, MOV_X(4, r));
		emit(g, JMP_K(BPF_JGT, 4, (s32)(VALUE_SIZE / 2), 2));
		break;
	case 5:
		emit(g, ALU64_K(BPF_LSH, r, 32));
		emit(g, ALU64_K(BPF_RSH, r, 32));
		break;
	case 6:
		emit(g, MOV_K(4, 1));
		emit(g, ALU64_X(BPF_MUL, 4, r));
		r = 4;
		break;
	case 7: /* by comparison with a number that has a bound itself */
		emit(g, MOV_X(4, r));
		emit(g, LDX(BPF_W, 3, 9, 4));
		r = 3;
		emit(g, JMP_X(rnd(g, 2) ? BPF_JGT : BPF_JGE, r, 4, 2));
		break;
	default: /* by its low half, spilled */
		if (rnd(g, 2))
			emit(g, LDX(BPF_DW, r, 9, 8));
		if (rnd(g, 2)) /* linked with a copy */
			emit(g, MOV_X(5, r));
		emit(g, STX(BPF_W, 10, r, -40));
		emit(g, LDX(BPF_W, 4, 10, -40));
		if (rnd(g, 3))
			emit(g, JMP_K(BPF_JGT, 4, (s32)(VALUE_SIZE / 2), 2));
		if (rnd(g, 3) == 0)
			r = 4;
	}
	emit(g, ALU64_X(BPF_ADD, 9, r));
	emit(g, LDX(BPF_B, 1, 9, 0));
	emit(g, MOV_K(0, 1));
	clobber(g);
	set_scalar(g, 0);
}

/* A spilled pointer, overwritten in part or not, and used again. */
static void gen_respill(struct gen *g)
{
	u8 size = size_code(g);

	emit(g, MOV_X(5, 10));
	emit(g, ALU64_K(BPF_ADD, 5, -48));
	emit(g, STX(BPF_DW, 10, 5, -40));
	if (rnd(g, 2)) {
		u32 s = scalar_reg(g);

		emit(g, STX(size, 10, s == 5 ? 0 : s, (s16)(-40 + (s16)rnd(g, 2) * 4)));
	} else if (rnd(g, 2)) { /* at an offset that is not known */
		gen_unknown(g);
		emit(g, LDX(BPF_W, 4, 6, g->type == BPF_PROG_TYPE_XDP ? 12 : 0));
		emit(g, ALU64_K(BPF_AND, 4, 8));
		emit(g, MOV_X(5, 10));
		emit(g, ALU64_K(BPF_ADD, 5, -48));
		emit(g, ALU64_X(BPF_ADD, 5, 4));
		emit(g, ST(BPF_B, 5, 0, imm(g)));
	}
	emit(g, LDX(BPF_DW, 9, 10, -40));
	if (rnd(g, 2))
		emit(g, ST(BPF_DW, 9, 0, 7));
	else
		emit(g, LDX(BPF_DW, 1, 9, 0));
	clobber(g);
	emit(g, MOV_K(0, 2));
	set_scalar(g, 0);
}

/* Arithmetic on a pointer that may be NULL; and loads of pointers that extend a sign. */
static void gen_forbidden(struct gen *g)
{
	switch (rnd(g, 2)) {
	case 0:
		lookup(g, (s32)rnd(g, 6));
		emit(g, ALU64_K(BPF_ADD, 0, (s32)rnd(g, 16)));
		emit(g, JMP_K(BPF_JEQ, 0, 0, 1));
		emit(g, ST(BPF_B, 0, 0, 1));
		break;
	default:
		if (!g->has_packet)
			return;
		emit(g, INSN(BPF_LDX | BPF_MEMSX | BPF_W, 9, 6,
			     g->type == BPF_PROG_TYPE_XDP ? 0 : 76, 0));
		emit(g, MOV_X(1, 9));
		emit(g, ALU64_K(BPF_ADD, 1, 4));
		emit(g, JMP_X(BPF_JGT, 1, 8, 1));
		emit(g, LDX(BPF_W, 1, 9, 0));
		clobber(g);
	}
	emit(g, MOV_K(0, 2));
	set_scalar(g, 0);
}

static void gen_one(struct gen *g, int depth)
{
	switch (rnd(g, 26)) {
	case 0 ... 7:
		gen_alu(g);
		break;
	case 8 ... 11:
		gen_stack(g);
		break;
	case 12 ... 14:
		if (depth < 3)
			gen_branch(g, depth);
		break;
	case 15:
		gen_loop(g, depth);
		break;
	case 16:
	case 17:
		gen_packet(g);
		break;
	case 18:
		gen_map(g);
		break;
	case 19:
		gen_unknown(g);
		break;
	case 20:
		gen_stack_var(g);
		break;
	case 21:
		gen_call(g);
		break;
	case 22:
		if (rnd(g, 16) == 0)
			gen_pointer(g);
		break;
	case 23:
		if (rnd(g, 2))
			gen_ringbuf(g);
		else if (rnd(g, 2))
			gen_may_goto(g, depth);
		break;
	case 24:
		switch (rnd(g, 12)) {
		case 0 ... 3:
			if (!depth)
				gen_offset(g);
			break;
		case 4:
		case 5:
			gen_respill(g);
			break;
		case 6:
			gen_forbidden(g);
		}
		break;
	default:
		if (rnd(g, 20) == 0) { /* anything at all */
			emit(g,
			     INSN((u8)rnd(g, 256), rnd(g, 11), rnd(g, 11), (s16)rnd(g, 8), imm(g)));
			g->tainted = true;
		}
	}
}

static void gen_subprog(struct gen *g)
{
	u32 body = 1 + rnd(g, 5);

	for (u32 r = 0; r < 11; r++)
		g->scalar[r] = g->init[r] = false;
	for (u32 r = 1; r < 4; r++)
		set_scalar(g, r);
	if (rnd(g, 2))
		emit(g, LDX(BPF_DW, 0, 4, 0));
	else
		emit(g, STX(BPF_DW, 4, 2, 0));
	for (s16 off = 8; off <= 48; off += 8)
		emit(g, ST(BPF_DW, 10, (s16)-off, imm(g)));
	emit(g, MOV_K(0, 1));
	set_scalar(g, 0);
	while (body--) {
		if (rnd(g, 3))
			gen_alu(g);
		else
			gen_branch(g, 3);
	}
	if (!g->scalar[0])
		emit(g, MOV_K(0, 2));
	emit(g, EXIT());
}

/* What gen_respill() leaves at fp-40, read by anything but itself. */
static bool reads_spilled_address(const struct gen *g)
{
	bool spilled = false, read = false;

	for (u32 i = 0; i < g->n; i++) {
		const struct bpf_insn *p = &g->insn[i];
		bool load = BPF_CLASS(p->code) == BPF_LDX && p->dst_reg != 9;
		bool atomic = BPF_CLASS(p->code) == BPF_STX && BPF_MODE(p->code) == BPF_ATOMIC;
		u32 base = load ? p->src_reg : p->dst_reg;

		spilled |= p->code == (BPF_STX | BPF_MEM | BPF_DW) && p->dst_reg == 10 &&
			   p->src_reg == 5 && p->off == -40;
		read |= (load || atomic) &&
			(base == 5 || (base == 10 && p->off > -48 && p->off < -32));
	}
	return spilled && read;
}

void generate(struct gen *g, u64 seed)
{
	u32 steps, sub[2];

	memset(g, 0, sizeof(*g));
	g->rng = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
	for (int i = 0; i < 8; i++)
		rnd(g, 2);
	g->type = (u32[]){ BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_XDP,
			   BPF_PROG_TYPE_SCHED_CLS }[rnd(g, 3)];
	g->has_packet = g->type != BPF_PROG_TYPE_SOCKET_FILTER;
	if (rnd(g, 4) == 0)
		g->flags = BPF_F_TEST_STATE_FREQ;
	if (rnd(g, 10) == 0)
		g->flags |= BPF_F_STRICT_ALIGNMENT;
	emit(g, MOV_X(6, 1));
	if (g->type == BPF_PROG_TYPE_XDP) {
		emit(g, LDX(BPF_W, 7, 6, 0));
		emit(g, LDX(BPF_W, 8, 6, 4));
	} else if (g->has_packet) {
		emit(g, LDX(BPF_W, 7, 6, 76));
		emit(g, LDX(BPF_W, 8, 6, 80));
	}
	for (s16 off = 8; off <= 48; off += 8)
		if (rnd(g, 80))
			emit(g, ST(BPF_DW, 10, (s16)-off, imm(g)));
		else
			g->tainted = true; /* what lies there is anybody's guess */
	gen_unknown(g);
	set_scalar(g, 0);
	emit(g, MOV_K(0, imm(g)));
	steps = 2 + rnd(g, 23);
	while (steps--)
		gen_one(g, 0);
	if (!g->scalar[0])
		emit(g, MOV_K(0, 1));
	if (rnd(g, 4) == 0)
		emit(g, ALU64_X(BPF_ADD, 0, scalar_reg(g)));
	emit(g, EXIT());
	for (u32 i = 0; i < 2; i++) {
		bool used = false;

		for (u32 c = 0; c < g->nr_calls; c++)
			used |= g->call_sub[c] == i;
		sub[i] = g->n;
		if (used)
			gen_subprog(g);
	}
	if (reads_spilled_address(g))
		g->tainted = true;
	for (u32 c = 0; c < g->nr_calls; c++)
		if (g->insn[g->calls[c]].src_reg == BPF_PSEUDO_CALL)
			g->insn[g->calls[c]].imm = (s32)(sub[g->call_sub[c]] - g->calls[c] - 1);
}
