/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Random programs, straight-line and branching with a bounded loop around, run by
 * the interpreter and by the JIT (with and without BMI2; without a frame, with one,
 * with calls), with functions that the JIT takes into their callers and such that it
 * does not: all registers and the stack must agree. A difference is shrunk by
 * replacing halves, quarters ... of the instructions by no-ops, and printed with its
 * seed. SKEP_SEED picks the first seed, SKEP_RUNS the number of programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isa/disasm.h"
#include "tests/lib/hand_prog.h"

#define BODY_MAX 120
#define FUNCS	 3
#define FUNC_MAX 40
#define SLOTS	 6 /* 8-byte stack slots that programs read and write: fp-8 .. fp-48 */

struct state {
	u64 reg[10];
	u64 slot[SLOTS];
};

struct gen {
	u64 rng;
	struct bpf_insn body[BODY_MAX];
	/* 1: part of a computation of an address; 2: and not its first, so no jump may go there */
	u8 pinned[BODY_MAX + 1];
	u32 n;
	/* Functions that the body calls; those behind call those before. */
	struct func {
		struct bpf_insn v[FUNC_MAX];
		u8 pinned[FUNC_MAX];
		u32 n;
	} func[FUNCS];
	bool calls;
};

static u64 rnd(struct gen *g)
{
	g->rng ^= g->rng << 13;
	g->rng ^= g->rng >> 7;
	g->rng ^= g->rng << 17;
	return g->rng * 0x2545f4914f6cdd1dULL;
}

static u32 below(struct gen *g, u32 n)
{
	return (u32)(rnd(g) >> 33) % n;
}

static u64 interesting(struct gen *g)
{
	switch (below(g, 6)) {
	case 0:
		return below(g, 4);
	case 1:
		return (u64) - (s64)below(g, 4);
	case 2:
		return 1ULL << below(g, 64);
	case 3:
		return (1ULL << below(g, 64)) - 1;
	case 4:
		return (u32)rnd(g);
	}
	return rnd(g);
}

static s32 rnd_imm(struct gen *g)
{
	static const s32 special[] = { 0xff, 0xffff, 128, -128, 127, 1, -1 };

	return below(g, 3) ? (s32)interesting(g) : special[below(g, ARRAY_SIZE(special))];
}

static void put(struct gen *g, struct bpf_insn insn)
{
	if (g->n < BODY_MAX)
		g->body[g->n++] = insn;
}

static void gen_alu(struct gen *g)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,	BPF_AND, BPF_LSH,
				  BPF_RSH, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_MOV, BPF_ADD };
	u8 class = below(g, 2) ? BPF_ALU64 : BPF_ALU, op = ops[below(g, ARRAY_SIZE(ops))];
	u32 d = below(g, 10), s = below(g, 10);
	s16 off = (op == BPF_DIV || op == BPF_MOD) && below(g, 2);
	s32 imm = rnd_imm(g);

	if (below(g, 2)) {
		if (op == BPF_MOV && !below(g, 3))
			off = 8 << below(g, class == BPF_ALU64 ? 3 : 2);
		put(g, INSN(class | op | BPF_X, d, s, off, 0));
		return;
	}
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm &= class == BPF_ALU64 ? 63 : 31;
	if ((op == BPF_DIV || op == BPF_MOD) && !imm)
		imm = 3;
	put(g, INSN(class | op | BPF_K, d, 0, off, imm));
}

/* Sequences that selection fuses, and near misses of them. */
static void gen_idiom(struct gen *g)
{
	u8 class = below(g, 2) ? BPF_ALU64 : BPF_ALU;
	u32 width = class == BPF_ALU64 ? 64 : 32, n = 1 + below(g, width - 1), d = below(g, 10);
	u32 s = below(g, 10), t = below(g, 8) ? d : below(g, 10);

	switch (below(g, 18)) {
	case 14: /* an address computed for one access: fp - 48 + (x & 3) * scale */
	case 15:
	case 16:
	case 17: {
		static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
		u32 x = s == d ? (d + 1) % 10 : s, r = below(g, 10), shift = below(g, 4);
		u32 z = sizes[below(g, 4)];
		bool early = below(g, 2);
		u32 start = g->n;

		if (g->n + 12 > BODY_MAX)
			break;
		put(g, ALU64_K(BPF_AND, x, 3));
		if (shift && early)
			put(g, ALU64_K(BPF_LSH, x, shift));
		put(g, MOV_X(d, 10));
		if (below(g, 2))
			put(g, ALU64_K(BPF_ADD, d, -48));
		else
			put(g, ALU64_K(BPF_SUB, d, 48));
		if (shift && !early)
			put(g, ALU64_K(BPF_LSH, x, shift));
		put(g, ALU64_X(BPF_ADD, d, x));
		switch (below(g, 4)) {
		case 0:
			put(g, LDX(z, r, d, 0));
			break;
		case 1:
			put(g, STX(z, d, r == d ? x : r, 4));
			break;
		case 2:
			put(g, INSN(BPF_LDX | BPF_MEMSX | (z == BPF_DW ? BPF_W : z), r, d, 1, 0));
			break;
		case 3:
			r = r == d ? (d + 2) % 10 : r;
			put(g, LDX(BPF_DW, r, d, 8));
			put(g, r == x || below(g, 2) ? ALU64_K(BPF_ADD, r, 7) :
						       ALU64_X(BPF_XOR, r, x));
			put(g, STX(BPF_DW, d, r, 8));
			put(g, MOV_K(r, 1));
			break;
		}
		/* the address must not stay: the engines' stacks are at different places */
		if (below(g, 2))
			put(g, MOV_K(d, 2));
		else if (d != r || BPF_CLASS(g->body[g->n - 1].code) != BPF_LDX)
			put(g, ALU64_X(BPF_SUB, d, 10));
		memset(g->pinned + start, 2, g->n - start);
		g->pinned[start] = 1;
		if (below(g, 4))
			put(g, MOV_K(x, 1));
		break;
	}
	case 12: /* arithmetic, compared with 0; sometimes reached past the arithmetic */
	case 13:
		if (below(g, 2))
			put(g, INSN(BPF_JMP | BPF_JSGT | BPF_K, s, 0, 1, rnd_imm(g)));
		put(g,
		    INSN(class | (below(g, 2) ? BPF_SUB : BPF_AND) | BPF_X, d, below(g, 10), 0, 0));
		if (below(g, 2))
			put(g, below(g, 2) ? JA(0) : MOV_K((d + 1) % 10, 1));
		put(g, INSN((below(g, 2) ? BPF_JMP : BPF_JMP32) |
				    (below(g, 2) ? BPF_JEQ : BPF_JNE) | BPF_K,
			    t, 0, below(g, 2) ? 1 : 3, 0));
		put(g, below(g, 2) ? JA(1) : ALU64_K(BPF_ADD, s, 3));
		put(g, ALU64_K(BPF_ADD, s, 5));
		put(g, MOV_K((d + 1) % 10, 7));
		break;
	case 9: /* a number from bytes, least or most significant first, sometimes not quite */
	case 10: {
		u32 count = 1 << (1 + below(g, 3)), i, swap = below(g, 2), lo = 8 * (count - 1);
		u32 at = below(g, 9 - count);

		for (i = 0; i < count; i++) {
			u32 r = i ? s : d;

			put(g, LDX(BPF_B, r, 10, -16 + at + i));
			if (swap ? lo - 8 * i : 8 * i)
				put(g, INSN((count < 8 ? class : BPF_ALU64) | BPF_LSH | BPF_K, r, 0,
					    0, swap ? lo - 8 * i : 8 * i));
			if (i)
				put(g, INSN((count < 8 ? class : BPF_ALU64) | BPF_OR | BPF_X, d,
					    below(g, 40) ? s : t, 0, 0));
		}
		if (below(g, 4))
			put(g, MOV_K(s, 1));
		break;
	}
	case 11: /* load, modify, store */
		put(g, LDX(below(g, 2) ? BPF_W : BPF_DW, d, 10, -24));
		put(g,
		    INSN(class | (below(g, 2) ? BPF_ADD : BPF_XOR) | (below(g, 2) ? BPF_X : BPF_K),
			 d, 0, 0, 0));
		if (BPF_SRC(g->body[g->n - 1].code) == BPF_K)
			g->body[g->n - 1].imm = rnd_imm(g);
		else
			g->body[g->n - 1].src_reg = s;
		put(g, STX(BPF_SIZE(g->body[g->n - 2].code), 10, t, below(g, 8) ? -24 : -32));
		if (below(g, 4))
			put(g, MOV_K(d, 1));
		break;
	case 6: /* rotation by two copies */
		put(g, INSN(class | BPF_MOV | BPF_X, d, s, 0, 0));
		put(g, INSN(class | BPF_RSH | BPF_K, d, 0, 0, n));
		put(g, INSN(class | BPF_MOV | BPF_X, t, s, 0, 0));
		put(g, INSN(class | BPF_LSH | BPF_K, t, 0, 0, width - n));
		put(g,
		    INSN(class | BPF_OR | BPF_X, below(g, 2) ? t : d, below(g, 2) ? d : t, 0, 0));
		break;
	case 7: /* division by small constants */
		put(g, INSN(class | (below(g, 2) ? BPF_DIV : BPF_MOD) | BPF_K, d, 0, 0,
			    2 + below(g, 1500)));
		break;
	case 8: /* comparison with memory: the value is not read again */
		put(g, LDX(below(g, 2) ? BPF_B : BPF_W, d, 10, -8));
		put(g, INSN((below(g, 2) ? BPF_JMP : BPF_JMP32) |
				    (below(g, 2) ? BPF_JEQ : BPF_JSET) | BPF_K,
			    d, 0, 3, below(g, 2) ? below(g, 256) : rnd_imm(g)));
		put(g, ALU64_K(BPF_ADD, s == d ? (s + 1) % 10 : s, 1));
		put(g, ST(BPF_W, 10, -16, 5));
		put(g, ST(BPF_W, 10, -24, 6));
		put(g, MOV_K(d, 9));
		break;
	case 0: /* rotation */
		put(g, INSN(class | BPF_MOV | BPF_X, d, s, 0, 0));
		if (below(g, 2)) {
			put(g, INSN(class | BPF_LSH | BPF_K, t, 0, 0, n));
			put(g, INSN(class | BPF_RSH | BPF_K, s, 0, 0, width - n));
		} else {
			put(g, INSN(class | BPF_RSH | BPF_K, t, 0, 0, n));
			put(g, INSN(class | BPF_LSH | BPF_K, s, 0, 0, width - n));
		}
		if (below(g, 2))
			put(g, INSN(class | BPF_OR | BPF_X, d, s, 0, 0));
		else
			put(g, INSN(class | BPF_OR | BPF_X, s, d, 0, 0));
		break;
	case 1: /* shift pair */
		if (below(g, 2))
			put(g, MOV_X(d, s));
		put(g, ALU64_K(BPF_LSH, d, 32));
		put(g,
		    ALU64_K(below(g, 2) ? BPF_RSH : BPF_ARSH, t, below(g, 2) ? 32 : below(g, 64)));
		break;
	case 2:
		put(g, INSN(class | BPF_MOV | BPF_X, d, s, 0, 0));
		put(g, INSN(class | BPF_ADD | (below(g, 2) ? BPF_X : BPF_K), t, s, 0, 0));
		if (BPF_SRC(g->body[g->n - 1].code) == BPF_K) {
			g->body[g->n - 1].src_reg = 0;
			g->body[g->n - 1].imm = rnd_imm(g);
		}
		break;
	case 3:
		put(g, INSN(class | BPF_MOV | BPF_X, d, s, 0, 0));
		put(g,
		    INSN(class | (below(g, 2) ? BPF_MUL : BPF_AND) | BPF_K, t, 0, 0, rnd_imm(g)));
		break;
	case 4:
		put(g, LDX(below(g, 2) ? BPF_B : BPF_H, d, 10, -8));
		put(g, INSN(class | BPF_AND | BPF_K, t, 0, 0, below(g, 2) ? 0xff : 0xffff));
		break;
	case 5:
		put(g, INSN(BPF_ALU | BPF_END | (below(g, 2) ? BPF_TO_BE : BPF_TO_LE), d, 0, 0,
			    16 << below(g, 3)));
		break;
	}
}

static void gen_mem(struct gen *g)
{
	static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	static const s32 atomics[] = { BPF_ADD,
				       BPF_AND,
				       BPF_OR,
				       BPF_XOR,
				       BPF_ADD | BPF_FETCH,
				       BPF_AND | BPF_FETCH,
				       BPF_OR | BPF_FETCH,
				       BPF_XOR | BPF_FETCH,
				       BPF_XCHG,
				       BPF_CMPXCHG };
	u32 z = below(g, 4), r = below(g, 10);
	s16 off = -(s16)(8 * (1 + below(g, SLOTS)));

	switch (below(g, 5)) {
	case 0:
		put(g, LDX(sizes[z], r, 10, off + below(g, 9 - (1 << z))));
		break;
	case 1:
		if (z < 3)
			put(g, INSN(BPF_LDX | BPF_MEMSX | sizes[z], r, 10, off, 0));
		break;
	case 2:
		put(g, STX(sizes[z], 10, r, off + below(g, 9 - (1 << z))));
		break;
	case 3:
		put(g, ST(sizes[z], 10, off, rnd_imm(g)));
		break;
	case 4:
		put(g, ATOMIC(below(g, 2) ? BPF_W : BPF_DW, atomics[below(g, ARRAY_SIZE(atomics))],
			      10, r, off));
		break;
	}
}

static void gen_jmp(struct gen *g)
{
	static const u8 ops[] = { BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE,  BPF_JSGT,
				  BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE, BPF_JA };
	u8 class = below(g, 2) ? BPF_JMP : BPF_JMP32, op = ops[below(g, ARRAY_SIZE(ops))];
	u32 d = below(g, 10), s = below(g, 10);
	s16 off = below(g, below(g, 2) ? 3 : 20); /* cut to the body's end by fix_jumps() */

	if (op == BPF_JA) {
		if (class == BPF_JMP)
			put(g, JA(off));
		else
			put(g, INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, off));
	} else if (below(g, 2)) {
		put(g, INSN(class | op | BPF_X, d, s, off, 0));
	} else {
		put(g, INSN(class | op | BPF_K, d, 0, off, rnd_imm(g)));
	}
	if (below(g, 3)) { /* moves behind it */
		put(g, MOV_K(below(g, 10), rnd_imm(g)));
		put(g, INSN((below(g, 2) ? BPF_ALU : BPF_ALU64) | BPF_MOV | BPF_X, below(g, 10),
			    below(g, 10), 0, 0));
	}
}

/* A call and what it leaves undefined, R1-R5, defined again. Functions of the body are numbered from 1. */
static u32 call_sequence(struct gen *g, struct bpf_insn *p, u8 *pinned, u32 func, const u8 *from,
			 u32 nr_from)
{
	u32 k = 0;

	pinned[k] = 0;
	p[k++] = SUBPROG((s16)func, 0);
	for (u32 r = 1; r <= 5; r++) {
		pinned[k] = 1;
		if (below(g, 2))
			p[k++] = MOV_X(r, from[below(g, nr_from)]);
		else
			p[k++] = MOV_K(r, rnd_imm(g));
	}
	return k;
}

static void gen_call(struct gen *g)
{
	static const u8 kept[] = { 0, 6, 7, 8, 9 };

	if (g->n + 6 > BODY_MAX)
		return;
	g->n += call_sequence(g, g->body + g->n, g->pinned + g->n, 1 + below(g, FUNCS), kept,
			      ARRAY_SIZE(kept));
	g->calls = true;
}

/* Arithmetic on its arguments and some saved registers; branches, returns in the middle, a stack slot. */
static void gen_func(struct gen *g, u32 nr)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR,
				  BPF_AND, BPF_XOR, BPF_MOV, BPF_DIV };
	struct func *f = &g->func[nr];
	u8 regs[10] = { 0, 1, 2, 3, 4, 5 };
	u32 nr_regs = 1 + below(g, 6), want = 3 + below(g, FUNC_MAX - 20), start, n;
	bool stack = !below(g, 4);
	u8 kept[5] = { 0 };
	u32 nr_kept = 1;

#define PUT(insn) (f->pinned[f->n] = 1, f->v[f->n++] = (insn))
	PUT(MOV_X(0, 1 + below(g, 5)));
	for (u32 r = 6; r <= 9; r++) {
		if (below(g, 3))
			continue;
		PUT(MOV_X(r, 1 + below(g, 5)));
		regs[nr_regs++] = kept[nr_kept++] = (u8)r;
	}
	if (stack)
		PUT(STX(BPF_DW, 10, kept[below(g, nr_kept)], -8));
#undef PUT
	start = f->n;
	while (f->n < want) {
		u8 d = regs[below(g, nr_regs)], s = regs[below(g, nr_regs)];
		u8 class = below(g, 2) ? BPF_ALU64 : BPF_ALU, op = ops[below(g, ARRAY_SIZE(ops))];

		f->pinned[f->n] = 0;
		switch (below(g, 8)) {
		case 0:
			f->v[f->n++] = INSN((below(g, 2) ? BPF_JMP : BPF_JMP32) | BPF_JGT | BPF_X,
					    d, s, (s16)below(g, 6), 0);
			break;
		case 1:
			if (below(g, 3))
				f->v[f->n++] = JA((s16)below(g, 3));
			else
				f->v[f->n++] = EXIT();
			break;
		case 2:
			if (nr && f->n + 6 < want)
				f->n += call_sequence(g, f->v + f->n, f->pinned + f->n,
						      1 + below(g, nr), kept, nr_kept);
			break;
		case 3:
			if (stack)
				f->v[f->n++] = below(g, 2) ? LDX(BPF_W, d, 10, -8) :
							     STX(BPF_DW, 10, s, -8);
			break;
		default:
			if (below(g, 2))
				f->v[f->n++] = INSN(class | op | BPF_X, d, s, 0, 0);
			else
				f->v[f->n++] = INSN(class | op | BPF_K, d, 0, 0, rnd_imm(g) | 1);
		}
	}
	n = f->n;
	for (u32 i = start; i < n; i++) {
		struct bpf_insn *insn = &f->v[i];

		if ((BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32) &&
		    BPF_OP(insn->code) != BPF_CALL && BPF_OP(insn->code) != BPF_EXIT)
			insn->off = (s16)(min_t(u32, i + 1 + (u32)insn->off, n) - i - 1);
	}
	f->pinned[f->n] = 1;
	f->v[f->n++] = EXIT();
}

static void generate(struct gen *g, u64 seed)
{
	u32 n, i;

	memset(g, 0, sizeof(*g));
	g->rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (i = 0; i < 4; i++)
		rnd(g);
	n = 4 + below(g, BODY_MAX - 4);
	for (i = 0; i < FUNCS; i++)
		gen_func(g, i);
	while (g->n < n) {
		switch (below(g, 9)) {
		case 8:
			if (seed % 3 == 0)
				gen_call(g);
			break;
		case 0:
		case 1:
			gen_mem(g);
			break;
		case 2:
			gen_jmp(g);
			break;
		case 3:
		case 4:
			gen_idiom(g);
			break;
		default:
			gen_alu(g);
		}
	}
	for (i = 0; i < g->n; i++) {
		struct bpf_insn *insn = &g->body[i];
		bool far = insn->code == (BPF_JMP32 | BPF_JA);
		u32 to;

		if ((BPF_CLASS(insn->code) != BPF_JMP && BPF_CLASS(insn->code) != BPF_JMP32) ||
		    BPF_OP(insn->code) == BPF_CALL)
			continue;
		to = min_t(u32, i + 1 + (far ? (u32)insn->imm : (u32)insn->off), g->n);
		while (g->pinned[to] == 2)
			to++;
		if (far)
			insn->imm = (s32)(to - i - 1);
		else
			insn->off = (s16)(to - i - 1);
	}
}

enum shape { SHAPE_LEAF, SHAPE_FRAME, SHAPE_CALLS, SHAPES };

static u64 nop_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return 0;
}

static const bpf_helper_t nop_calls[] = { nop_helper };

/*
 * Frame: fp-8 .. fp-48 the slots, fp-56 the state, fp-64 the loop's counter, below the
 * registers on their way out.
 */
static u32 wrap(struct bpf_insn *p, const struct gen *g, enum shape shape)
{
	u32 k = 0, r, body;

	if (shape == SHAPE_CALLS) {
		p[k++] = STX(BPF_DW, 10, 1, -56);
		p[k++] = HELPER(0);
		p[k++] = LDX(BPF_DW, 1, 10, -56);
	}
	p[k++] = STX(BPF_DW, 10, 1, -56);
	p[k++] = ST(BPF_DW, 10, -64, 3);
	for (r = 0; r < SLOTS; r++) {
		p[k++] = LDX(BPF_DW, 2, 1, 80 + 8 * r);
		p[k++] = STX(BPF_DW, 10, 2, -8 - 8 * (int)r);
	}
	for (r = 0; r < 10; r++)
		if (r != 1)
			p[k++] = LDX(BPF_DW, r, 1, 8 * r);
	p[k++] = LDX(BPF_DW, 1, 1, 8);
	body = k;
	memcpy(p + k, g->body, g->n * sizeof(*p));
	k += g->n;
	/* a bounded loop around the body, keeping every register */
	p[k++] = STX(BPF_DW, 10, 9, -72);
	p[k++] = LDX(BPF_DW, 9, 10, -64);
	p[k++] = ALU64_K(BPF_SUB, 9, 1);
	p[k++] = STX(BPF_DW, 10, 9, -64);
	p[k++] = JMP_K(BPF_JEQ, 9, 0, 2);
	p[k++] = LDX(BPF_DW, 9, 10, -72);
	p[k] = JA((s16)(body - k - 1));
	k++;
	p[k++] = LDX(BPF_DW, 9, 10, -72);
	for (r = 0; r < 10; r++)
		p[k++] = STX(BPF_DW, 10, r, -80 - 8 * (int)r);
	p[k++] = LDX(BPF_DW, 1, 10, -56);
	for (r = 0; r < 10; r++) {
		p[k++] = LDX(BPF_DW, 2, 10, -80 - 8 * (int)r);
		p[k++] = STX(BPF_DW, 1, 2, 8 * r);
	}
	for (r = 0; r < SLOTS; r++) {
		p[k++] = LDX(BPF_DW, 2, 10, -8 - 8 * (int)r);
		p[k++] = STX(BPF_DW, 1, 2, 80 + 8 * r);
	}
	p[k++] = MOV_K(0, 7);
	p[k++] = EXIT();
	return k;
}

/* Runs the program with all engines; returns NULL or the name of the one that differs. */
static const char *disagree(struct gen *g, u64 seed, struct state *want, struct state *got)
{
	static const char *const names[SHAPES][2] = { { "leaf", "leaf bmi2" },
						      { "frame", "frame bmi2" },
						      { "calls", "calls bmi2" } };
	struct bpf_insn insns[BODY_MAX + 100 + FUNCS * FUNC_MAX];
	struct gen inputs = { .rng = seed ^ 0x5555555555555555ULL };
	struct state in;
	struct hand_prog h;
	const char *bad = NULL;
	u32 shape, bmi2, len, round, i;
	u64 ret;

	for (shape = 0; shape < SHAPES && !bad; shape++) {
		len = wrap(insns, g, shape);
		for (bmi2 = 0; bmi2 < 2 && !bad; bmi2++) {
			u32 end = len;

			for (i = 0; g->calls && i < FUNCS; i++) {
				memcpy(insns + end, g->func[i].v, g->func[i].n * sizeof(*insns));
				end += g->func[i].n;
			}
			hand_prog_init(&h, insns, end, shape == SHAPE_LEAF ? 160 : 256);
			end = len;
			for (i = 0; g->calls && i < FUNCS; i++) {
				hand_prog_sub(&h, end, 8);
				end += g->func[i].n;
			}
			h.prog.calls = nop_calls;
			h.prog.nr_calls = 1;
			if (hand_prog_jit(&h, bmi2))
				return "not compiled";
			for (round = 0; round < 3 && !bad; round++) {
				for (i = 0; i < 10; i++)
					in.reg[i] = interesting(&inputs);
				for (i = 0; i < SLOTS; i++)
					in.slot[i] = interesting(&inputs);
				*want = *got = in;
				hand_prog_run(&h, want, true, NULL);
				ret = hand_prog_run(&h, got, false, NULL);
				if (ret != 7 || memcmp(want, got, sizeof(*want)))
					bad = names[shape][bmi2];
			}
			hand_prog_free(&h);
		}
	}
	return bad;
}

static void shrink(struct gen *g, u64 seed, struct state *want, struct state *got)
{
	struct gen trial;
	u32 size, at, i;

	for (size = g->n / 2; size; size /= 2) {
		for (at = 0; at + size <= g->n; at += size) {
			trial = *g;
			for (i = at; i < at + size; i++)
				if (!trial.pinned[i])
					trial.body[i] = JA(0);
			if (disagree(&trial, seed, want, got))
				*g = trial;
		}
	}
	/* what belongs together goes as a whole, a call with what defines R1-R5 again */
	for (at = 0; at < g->n; at = i + 1) {
		trial = *g;
		i = at;
		if (g->body[i].code != (BPF_JMP | BPF_CALL) && !g->pinned[i])
			continue;
		trial.body[i] = JA(0);
		for (; i + 1 < g->n && g->pinned[i + 1]; i++)
			trial.body[i + 1] = JA(0);
		if (disagree(&trial, seed, want, got))
			*g = trial;
	}
	trial = *g;
	trial.calls = false;
	for (i = 0; i < g->n; i++)
		trial.calls |= g->body[i].code == (BPF_JMP | BPF_CALL);
	if (!trial.calls && disagree(&trial, seed, want, got))
		*g = trial;
	for (at = 0; g->calls && at < FUNCS * FUNC_MAX; at++) {
		struct func *f = &trial.func[at / FUNC_MAX];

		trial = *g;
		if (at % FUNC_MAX >= f->n || f->pinned[at % FUNC_MAX])
			continue;
		f->v[at % FUNC_MAX] = JA(0);
		if (disagree(&trial, seed, want, got))
			*g = trial;
	}
}

static void print_insns(const struct bpf_insn *insns, u32 n)
{
	char text[128];

	for (u32 i = 0; i < n; i++) {
		if (insns[i].code == (BPF_JMP | BPF_JA) && !insns[i].off)
			continue;
		disasm_insn(text, sizeof(text), &insns[i], NULL);
		print_message("  %3u: %s\n", i, text);
	}
}

static void report(struct gen *g, u64 seed)
{
	struct state want, got;
	const char *bad;
	u32 i;

	shrink(g, seed, &want, &got);
	bad = disagree(g, seed, &want, &got);
	print_message("seed %llu: interpreter and jit (%s) differ\n", (unsigned long long)seed,
		      bad);
	print_insns(g->body, g->n);
	for (i = 0; g->calls && i < FUNCS; i++) {
		print_message("  function %u:\n", i + 1);
		print_insns(g->func[i].v, g->func[i].n);
	}
	for (i = 0; i < 10; i++)
		if (want.reg[i] != got.reg[i])
			print_message("  r%u: %016llx, jit %016llx\n", i,
				      (unsigned long long)want.reg[i],
				      (unsigned long long)got.reg[i]);
	for (i = 0; i < SLOTS; i++)
		if (want.slot[i] != got.slot[i])
			print_message("  fp-%u: %016llx, jit %016llx\n", 8 * (i + 1),
				      (unsigned long long)want.slot[i],
				      (unsigned long long)got.slot[i]);
	fail();
}

static u64 env_number(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void test_random(void **unused)
{
	u64 seed = env_number("SKEP_SEED", 1), runs = env_number("SKEP_RUNS", 3000), i;
	struct state want, got;
	struct gen g;

	print_message("seeds %llu to %llu\n", (unsigned long long)seed,
		      (unsigned long long)(seed + runs - 1));
	for (i = 0; i < runs; i++) {
		generate(&g, seed + i);
		if (disagree(&g, seed + i, &want, &got))
			report(&g, seed + i);
	}
}

/* Long programs: jumps of every length around the short form's reach. */
static void test_jump_lengths(void **unused)
{
	static struct bpf_insn p[400];
	struct hand_prog h;
	u32 n, k, i;
	u64 x;

	for (n = 1; n < 150; n++) {
		k = 0;
		p[k++] = MOV_K(0, 0);
		p[k++] = LDX(BPF_DW, 2, 1, 0);
		p[k++] = JMP_K(BPF_JEQ, 2, 1, (s16)n); /* forward over n */
		for (i = 0; i < n; i++)
			p[k++] = ALU64_K(BPF_ADD, 0, 1);
		p[k++] = ALU64_K(BPF_ADD, 2, 1);
		p[k] = JMP_K(BPF_JLT, 2, 4, -(s16)(k - 1)); /* back to the first test */
		k++;
		p[k++] = EXIT();
		hand_prog_init(&h, p, k, 0);
		assert_int_equal(hand_prog_jit(&h, true), 0);
		for (x = 0; x < 6; x++) {
			u64 in = x;

			assert_int_equal(hand_prog_run(&h, &in, false, NULL),
					 hand_prog_run(&h, &in, true, NULL));
		}
		hand_prog_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_jump_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
