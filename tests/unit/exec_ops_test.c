/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every opcode, with every class of operand, in both engines, against a model of the
 * instruction set written here from RFC 9669 alone (not from isa/alu.h). Each
 * compiled program loads all registers, executes one instruction and stores all
 * registers, so that an instruction that disturbs another register is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/hand_prog.h"

struct state {
	u64 reg[10];
	u64 mem[4];
	u64 taken;
};

static const u64 values[] = {
	0,
	1,
	2,
	3,
	7,
	8,
	31,
	32,
	33,
	63,
	64,
	65,
	0x7f,
	0x80,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0xffff,
	0x12345678,
	0x7fffffff,
	0x80000000,
	0x80000001,
	0xfffffffe,
	0xffffffff,
	0x100000000,
	0x1ffffffff,
	0x123456789abcdef0,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xfedcba9876543210,
	0xffffffff80000000,
	0xfffffffffffffffe,
	0xffffffffffffffff,
};
static const s32 imms[] = { 0,		1,	-1,	    2,
			    5,		8,	10,	    31,
			    127,	128,	-128,	    255,
			    0xffff,	1000,	0x7fffffff, (s32)0x80000000,
			    0x12345678, -0x1234 };

/* ---- the model: arithmetic on unsigned __int128, nothing that could trap ---- */

typedef unsigned __int128 u128;

static u64 mask(int bits)
{
	return bits == 64 ? ~0ULL : (1ULL << bits) - 1;
}

static u64 extend(u64 v, int bits)
{
	v &= mask(bits);
	return v >> (bits - 1) & 1 ? v | ~mask(bits) : v;
}

/* long division, bit by bit */
static void div_bits(u64 n, u64 d, u64 *q, u64 *r)
{
	u128 rem = 0;
	int i;

	*q = 0;
	for (i = 63; i >= 0; i--) {
		rem = rem << 1 | (n >> i & 1);
		if (rem >= d) {
			rem -= d;
			*q |= 1ULL << i;
		}
	}
	*r = (u64)rem;
}

static u64 model_div(u64 a, u64 b, int bits, bool is_signed, bool want_rem)
{
	bool na = is_signed && a >> (bits - 1) & 1, nb = is_signed && b >> (bits - 1) & 1;
	u64 q, r;

	if (!b)
		return want_rem ? a : 0;
	div_bits(na ? -a & mask(bits) : a, nb ? -b & mask(bits) : b, &q, &r);
	if (na != nb)
		q = -q;
	if (na)
		r = -r;
	return (want_rem ? r : q) & mask(bits);
}

static u64 model_swap(u64 v, int bits)
{
	u64 out = 0;
	int i;

	for (i = 0; i < bits; i += 8)
		out |= (v >> i & 0xff) << (bits - 8 - i);
	return out;
}

/* What @insn (ALU, ALU64) makes of the destination; @b is the second operand. */
static u64 model_alu(const struct bpf_insn *insn, u64 a, u64 b)
{
	int bits = (insn->code & 7) == BPF_ALU64 ? 64 : 32, n;
	u64 m = mask(bits), x = a & m, y = b & m, r = 0;

	switch (insn->code & 0xf0) {
	case BPF_ADD:
		r = x + y;
		break;
	case BPF_SUB:
		r = x + ~y + 1;
		break;
	case BPF_MUL:
		r = (u64)((u128)x * y);
		break;
	case BPF_DIV:
		r = model_div(x, y, bits, insn->off == 1, false);
		break;
	case BPF_MOD:
		r = model_div(x, y, bits, insn->off == 1, true);
		break;
	case BPF_OR:
		r = x | y;
		break;
	case BPF_AND:
		r = x & y;
		break;
	case BPF_XOR:
		r = (x | y) - (x & y);
		break;
	case BPF_LSH:
		r = x * ((u64)1 << (y % bits));
		break;
	case BPF_RSH:
		r = x / ((u64)1 << (y % bits));
		break;
	case BPF_ARSH:
		n = (int)(y % bits);
		r = x >> n;
		if (x >> (bits - 1))
			r |= ~(m >> n);
		break;
	case BPF_NEG:
		r = ~x + 1;
		break;
	case BPF_MOV:
		r = (insn->code & 8) && insn->off ? extend(b, insn->off) : y;
		break;
	case BPF_END:
		n = insn->imm;
		r = a & mask(n);
		if (bits == 64 || (insn->code & 8)) /* bswap, to big endian */
			return model_swap(r, n);
		return r;
	}
	return r & m;
}

static bool model_less(u64 a, u64 b, bool is_signed)
{
	return is_signed && (a >> 63) != (b >> 63) ? a >> 63 : a < b;
}

static bool model_jmp(u8 code, u64 a, u64 b)
{
	if ((code & 7) == BPF_JMP32) {
		a = extend(a, 32);
		b = extend(b, 32);
		if ((code & 0xf0) < BPF_JSGT || (code & 0xf0) == BPF_JLT ||
		    (code & 0xf0) == BPF_JLE) {
			a &= mask(32);
			b &= mask(32);
		}
	}
	switch (code & 0xf0) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return a & b;
	case BPF_JGT:
		return model_less(b, a, false);
	case BPF_JGE:
		return !model_less(a, b, false);
	case BPF_JLT:
		return model_less(a, b, false);
	case BPF_JLE:
		return !model_less(b, a, false);
	case BPF_JSGT:
		return model_less(b, a, true);
	case BPF_JSGE:
		return !model_less(a, b, true);
	case BPF_JSLT:
		return model_less(a, b, true);
	case BPF_JSLE:
		return !model_less(b, a, true);
	}
	return false;
}

/* ---- the frame around one instruction ---- */

enum shape { SHAPE_LEAF, SHAPE_FRAME, SHAPE_CALLS, SHAPES };

static u64 nop_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return 0;
}

static const bpf_helper_t nop_calls[] = { nop_helper };

/*
 * Loads r0-r9 of the state, runs @body, stores r0-r9. @keep_base: a register that
 * holds the state's memory instead (for memory operands), or -1.
 */
static u32 wrap(struct bpf_insn *p, const struct bpf_insn *body, u32 n, enum shape shape)
{
	u32 k = 0, r;

	if (shape == SHAPE_CALLS) {
		p[k++] = STX(BPF_DW, 10, 1, -8);
		p[k++] = HELPER(0);
		p[k++] = LDX(BPF_DW, 1, 10, -8);
	}
	p[k++] = STX(BPF_DW, 10, 1, -8);
	for (r = 0; r < 10; r++)
		if (r != 1)
			p[k++] = LDX(BPF_DW, r, 1, 8 * r);
	p[k++] = LDX(BPF_DW, 1, 1, 8);
	memcpy(p + k, body, n * sizeof(*p));
	k += n;
	for (r = 0; r < 10; r++)
		p[k++] = STX(BPF_DW, 10, r, -16 - 8 * (int)r);
	p[k++] = LDX(BPF_DW, 1, 10, -8);
	for (r = 0; r < 10; r++) {
		p[k++] = LDX(BPF_DW, 2, 10, -16 - 8 * (int)r);
		p[k++] = STX(BPF_DW, 1, 2, 8 * r);
	}
	p[k++] = MOV_K(0, 0);
	p[k++] = EXIT();
	return k;
}

struct bench {
	struct hand_prog h[SHAPES][2];
	struct bpf_insn insns[SHAPES][80];
};

static void bench_make(struct bench *b, const struct bpf_insn *body, u32 n)
{
	u32 shape, bmi2, len;
	int err;

	for (shape = 0; shape < SHAPES; shape++) {
		len = wrap(b->insns[shape], body, n, shape);
		for (bmi2 = 0; bmi2 < 2; bmi2++) {
			struct hand_prog *h = &b->h[shape][bmi2];

			hand_prog_init(h, b->insns[shape], len, shape == SHAPE_LEAF ? 96 : 256);
			h->prog.calls = nop_calls;
			h->prog.nr_calls = 1;
			err = hand_prog_jit(h, bmi2);
			if (err)
				fail_msg("code %02x is not compiled: %d", body[0].code, err);
		}
	}
}

static void bench_free(struct bench *b)
{
	u32 shape, bmi2;

	for (shape = 0; shape < SHAPES; shape++)
		for (bmi2 = 0; bmi2 < 2; bmi2++)
			hand_prog_free(&b->h[shape][bmi2]);
}

static void differ(const char *engine, const struct bpf_insn *insn, const struct state *in,
		   const struct state *want, const struct state *got)
{
	u32 r;

	print_message("%s: code %02x dst r%d src r%d off %d imm %d\n", engine, insn->code,
		      insn->dst_reg, insn->src_reg, insn->off, insn->imm);
	for (r = 0; r < 10; r++)
		print_message("  r%u: in %016llx want %016llx got %016llx%s\n", r,
			      (unsigned long long)in->reg[r], (unsigned long long)want->reg[r],
			      (unsigned long long)got->reg[r],
			      want->reg[r] == got->reg[r] ? "" : "  <--");
	for (r = 0; r < 4; r++)
		print_message("  m%u: in %016llx want %016llx got %016llx\n", r,
			      (unsigned long long)in->mem[r], (unsigned long long)want->mem[r],
			      (unsigned long long)got->mem[r]);
	fail();
}

static void bench_check(struct bench *b, const struct bpf_insn *insn, const struct state *in,
			const struct state *want)
{
	static const char *const names[SHAPES] = { "leaf", "frame", "calls" };
	struct state got;
	char name[40];
	u32 shape, engine;

	for (shape = 0; shape < SHAPES; shape++) {
		for (engine = 0; engine < 3; engine++) {
			if (engine == 2 && shape)
				continue; /* one interpreter */
			got = *in;
			hand_prog_run(&b->h[shape][engine & 1], &got, engine == 2, NULL);
			if (!memcmp(&got, want, sizeof(got)))
				continue;
			snprintf(name, sizeof(name), "%s, %s",
				 engine == 2 ? "interpreter" :
				 engine	     ? "jit bmi2" :
					       "jit",
				 names[shape]);
			differ(name, insn, in, want, &got);
		}
	}
}

static void state_fill(struct state *s)
{
	u32 r;

	for (r = 0; r < 10; r++)
		s->reg[r] = 0x1111111111111111ULL * (r + 1) ^ 0xf0f0f0f0;
	memset(s->mem, 0, sizeof(s->mem));
	s->taken = 0;
}

/* One ALU instruction with one pair of registers, over the values. */
static void check_alu_insn(const struct bpf_insn *insn, u32 step)
{
	struct state in, want;
	struct bench b;
	u32 i, k;
	u64 y;

	bench_make(&b, insn, 1);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (k = i % step; k < ARRAY_SIZE(values); k += step) {
			state_fill(&in);
			in.reg[insn->dst_reg] = values[i];
			y = (u64)(s64)insn->imm;
			if ((insn->code & 8) && (insn->code & 0xf0) != BPF_END) {
				in.reg[insn->src_reg] = values[k];
				y = values[k];
			} else if (k >= step) {
				break;
			}
			want = in;
			want.reg[insn->dst_reg] = model_alu(insn, in.reg[insn->dst_reg], y);
			bench_check(&b, insn, &in, &want);
		}
	}
	bench_free(&b);
}

/* r0 rax, r3 rdx, r4 rcx, r1 rdi, r5 r8, r6 rbx or a free one, r9 r15 or a free one */
static const u8 regs[] = { 0, 1, 3, 4, 5, 6, 9 };

static void check_alu_op(u8 op, s16 off)
{
	u32 class, d, s, i;

	for (class = BPF_ALU; class <= BPF_ALU64; class += BPF_ALU64 - BPF_ALU) {
		for (d = 0; d < ARRAY_SIZE(regs); d++)
			for (s = 0; s < ARRAY_SIZE(regs); s++)
				check_alu_insn(&INSN(class | op | BPF_X, regs[d], regs[s], off, 0),
					       5);
		for (i = 0; i < ARRAY_SIZE(imms); i++)
			for (d = i % 2; d < ARRAY_SIZE(regs); d += 2)
				check_alu_insn(&INSN(class | op | BPF_K, regs[d], 0, off, imms[i]),
					       1);
	}
}

#define ALU_TEST(name, op, off)                                                                    \
	static void test_##name(void **unused)                                                     \
	{                                                                                          \
		check_alu_op(op, off);                                                             \
	}
ALU_TEST(add, BPF_ADD, 0)
ALU_TEST(sub, BPF_SUB, 0)
ALU_TEST(mul, BPF_MUL, 0)
ALU_TEST(div, BPF_DIV, 0)
ALU_TEST(mod, BPF_MOD, 0)
ALU_TEST(sdiv, BPF_DIV, 1)
ALU_TEST(smod, BPF_MOD, 1)
ALU_TEST(or, BPF_OR, 0)
ALU_TEST(and, BPF_AND, 0)
ALU_TEST(xor, BPF_XOR, 0)
ALU_TEST(lsh, BPF_LSH, 0)
ALU_TEST(rsh, BPF_RSH, 0)
ALU_TEST(arsh, BPF_ARSH, 0)
ALU_TEST(mov, BPF_MOV, 0)

static void test_movsx(void **unused)
{
	static const s16 widths[] = { 8, 16, 32 };
	u32 d, s, i;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (d = 0; d < ARRAY_SIZE(regs); d++) {
			for (s = 0; s < ARRAY_SIZE(regs); s++) {
				check_alu_insn(&INSN(BPF_ALU64 | BPF_MOV | BPF_X, regs[d], regs[s],
						     widths[i], 0),
					       3);
				if (widths[i] < 32)
					check_alu_insn(&INSN(BPF_ALU | BPF_MOV | BPF_X, regs[d],
							     regs[s], widths[i], 0),
						       3);
			}
		}
	}
}

static void test_neg_end(void **unused)
{
	u32 d, bits;

	for (d = 0; d < 10; d++) {
		check_alu_insn(&INSN(BPF_ALU64 | BPF_NEG, d, 0, 0, 0), 1);
		check_alu_insn(&INSN(BPF_ALU | BPF_NEG, d, 0, 0, 0), 1);
		for (bits = 16; bits <= 64; bits *= 2) {
			check_alu_insn(&INSN(BPF_ALU | BPF_END | BPF_TO_LE, d, 0, 0, bits), 1);
			check_alu_insn(&INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, bits), 1);
			check_alu_insn(&INSN(BPF_ALU64 | BPF_END | BPF_TO_LE, d, 0, 0, bits), 1);
		}
	}
}

/* ---- jumps: r7 says whether it was taken; as jump over a move and over more than moves ---- */

static void check_jmp_insn(u8 code, u32 dst, u32 src, s32 imm, u32 step)
{
	struct bpf_insn forms[3][6] = {
		/* conditional moves */
		{ MOV_K(7, 1), INSN(code, dst, src, 1, imm), MOV_K(7, 0) },
		{ MOV_K(7, 1), INSN(code, dst, src, 2, imm), MOV_K(7, 5), ALU32_K(BPF_MOV, 7, 0) },
		/* a real branch */
		{ MOV_K(7, 0), INSN(code, dst, src, 2, imm), ALU64_K(BPF_ADD, 7, 2), JA(1),
		  MOV_K(7, 1) },
	};
	static const u32 sizes[3] = { 3, 4, 5 };
	struct state in, want;
	struct bench b;
	u32 form, i, k;
	bool taken;
	u64 y;

	for (form = 0; form < 3; form++) {
		bench_make(&b, forms[form], sizes[form]);
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			for (k = i % step; k < ARRAY_SIZE(values) + step; k += step) {
				u32 v = k < ARRAY_SIZE(values) ? k : i; /* equal operands too */

				state_fill(&in);
				in.reg[dst] = values[i];
				y = (u64)(s64)imm;
				if (code & 8) {
					in.reg[src] = values[v];
					y = values[v];
				}
				want = in;
				taken = model_jmp(code, in.reg[dst], y);
				want.reg[7] = form < 2 ? taken : taken ? 1 : 2;
				bench_check(&b, &forms[form][1], &in, &want);
			}
		}
		bench_free(&b);
	}
}

static const u8 jumps[] = { BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
			    BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE };

static void check_jumps(u8 class)
{
	static const u8 pairs[][2] = { { 0, 3 }, { 3, 0 }, { 6, 9 }, { 1, 1 }, { 9, 4 } };
	u32 o, i;

	for (o = 0; o < ARRAY_SIZE(jumps); o++) {
		for (i = 0; i < ARRAY_SIZE(pairs); i++)
			check_jmp_insn(class | jumps[o] | BPF_X, pairs[i][0], pairs[i][1], 0, 4);
		for (i = 0; i < ARRAY_SIZE(imms); i++)
			check_jmp_insn(class | jumps[o] | BPF_K, regs[i % ARRAY_SIZE(regs)], 0,
				       imms[i], ARRAY_SIZE(values));
	}
}

static void test_jmp(void **unused)
{
	check_jumps(BPF_JMP);
}

static void test_jmp32(void **unused)
{
	check_jumps(BPF_JMP32);
}

/* ---- memory: the base register points at state.mem + 8 ---- */

static void check_mem_insn(const struct bpf_insn *insn, u32 base, const struct state *in,
			   const struct state *want)
{
	struct state i = *in, w = *want, got;
	struct bench b;
	u32 shape, engine;

	bench_make(&b, insn, 1);
	for (shape = 0; shape < SHAPES; shape++) {
		for (engine = 0; engine < 3; engine++) {
			if (engine == 2 && shape)
				continue;
			got = i;
			got.reg[base] = (u64)&got.mem[1];
			hand_prog_run(&b.h[shape][engine & 1], &got, engine == 2, NULL);
			/* an address that stayed in its register compares as what the state had */
			if (got.reg[base] == (u64)&got.mem[1])
				got.reg[base] = in->reg[base];
			if (memcmp(&got, &w, sizeof(got)))
				differ(engine == 2 ? "interpreter" : "jit", insn, &i, &w, &got);
		}
	}
	bench_free(&b);
}

static u64 mem_get(const struct state *s, s32 off, u32 size)
{
	u64 v = 0;

	memcpy(&v, (const u8 *)&s->mem[1] + off, size);
	return v;
}

static void mem_put(struct state *s, s32 off, u32 size, u64 v)
{
	memcpy((u8 *)&s->mem[1] + off, &v, size);
}

static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
static const u32 bytes[] = { 1, 2, 4, 8 };

static void mem_state(struct state *s)
{
	state_fill(s);
	s->mem[0] = 0x8192a3b4c5d6e7f8;
	s->mem[1] = 0xf1e2d3c4b5a69788;
	s->mem[2] = 0x0123456789abcdef;
	s->mem[3] = 0x1032547698badcfe;
}

static void test_ldx(void **unused)
{
	static const s16 offs[] = { 0, -7, 3, 8 };
	struct state in, want;
	u32 z, d, s, o;

	mem_state(&in);
	for (z = 0; z < 4; z++) {
		for (d = 0; d < ARRAY_SIZE(regs); d++) {
			for (s = 0; s < ARRAY_SIZE(regs); s++) {
				o = (d + s) % 4;
				want = in;
				want.reg[regs[d]] = mem_get(&in, offs[o], bytes[z]);
				check_mem_insn(&LDX(sizes[z], regs[d], regs[s], offs[o]), regs[s],
					       &in, &want);
				if (z == 3)
					continue;
				want.reg[regs[d]] = extend(want.reg[regs[d]], 8 * bytes[z]);
				check_mem_insn(&INSN(BPF_LDX | BPF_MEMSX | sizes[z], regs[d],
						     regs[s], offs[o], 0),
					       regs[s], &in, &want);
			}
		}
	}
}

static void test_st(void **unused)
{
	struct state in, want;
	u32 z, d, s, i;

	mem_state(&in);
	for (z = 0; z < 4; z++) {
		for (d = 0; d < ARRAY_SIZE(regs); d++) {
			for (s = 0; s < ARRAY_SIZE(regs); s++) {
				if (s == d)
					continue;
				want = in;
				mem_put(&want, 3, bytes[z], in.reg[regs[s]]);
				check_mem_insn(&STX(sizes[z], regs[d], regs[s], 3), regs[d], &in,
					       &want);
			}
			for (i = 0; i < ARRAY_SIZE(imms); i += 3) {
				want = in;
				mem_put(&want, -8, bytes[z], (u64)(s64)imms[i]);
				check_mem_insn(&ST(sizes[z], regs[d], -8, imms[i]), regs[d], &in,
					       &want);
			}
		}
	}
}

static void test_atomic(void **unused)
{
	static const s32 ops[] = { BPF_ADD,
				   BPF_AND,
				   BPF_OR,
				   BPF_XOR,
				   BPF_ADD | BPF_FETCH,
				   BPF_AND | BPF_FETCH,
				   BPF_OR | BPF_FETCH,
				   BPF_XOR | BPF_FETCH,
				   BPF_XCHG,
				   BPF_CMPXCHG };
	struct state in, want;
	u32 z, d, s, o, hit;
	u64 old, val;

	for (z = 2; z < 4; z++) {
		for (o = 0; o < ARRAY_SIZE(ops); o++) {
			for (d = 0; d < ARRAY_SIZE(regs); d++) {
				for (s = 0; s < ARRAY_SIZE(regs); s++) {
					if (s == d)
						continue;
					for (hit = 0; hit < 2; hit++) {
						if (hit &&
						    (ops[o] != BPF_CMPXCHG || !regs[d] || !regs[s]))
							continue;
						/* cmpxchg with R0 as address compares the address */
						if (ops[o] == BPF_CMPXCHG && !regs[d])
							continue;
						mem_state(&in);
						old = mem_get(&in, 8, bytes[z]);
						if (hit)
							in.reg[0] =
								old | (z == 2 ? 0xabcd00000000 : 0);
						val = in.reg[regs[s]] & mask(8 * bytes[z]);
						want = in;
						switch (ops[o] & 0xf0) {
						case BPF_ADD:
							mem_put(&want, 8, bytes[z], old + val);
							break;
						case BPF_AND:
							mem_put(&want, 8, bytes[z], old & val);
							break;
						case BPF_OR:
							mem_put(&want, 8, bytes[z], old | val);
							break;
						case BPF_XOR & 0xf0:
							mem_put(&want, 8, bytes[z], old ^ val);
							break;
						case BPF_XCHG & 0xf0:
							mem_put(&want, 8, bytes[z], val);
							break;
						case BPF_CMPXCHG & 0xf0:
							if (hit ||
							    (in.reg[0] & mask(8 * bytes[z])) == old)
								mem_put(&want, 8, bytes[z], val);
							want.reg[0] = old;
							break;
						}
						if ((ops[o] & BPF_FETCH) && ops[o] != BPF_CMPXCHG)
							want.reg[regs[s]] = old;
						check_mem_insn(&ATOMIC(sizes[z], ops[o], regs[d],
								       regs[s], 8),
							       regs[d], &in, &want);
					}
				}
			}
		}
	}
}

static void test_acquire_release(void **unused)
{
	struct state in, want;
	u32 z, d, s;

	mem_state(&in);
	for (z = 0; z < 4; z++) {
		for (d = 0; d < ARRAY_SIZE(regs); d++) {
			for (s = 0; s < ARRAY_SIZE(regs); s++) {
				want = in;
				want.reg[regs[d]] = mem_get(&in, 8, bytes[z]);
				check_mem_insn(&ATOMIC(sizes[z], BPF_LOAD_ACQ, regs[d], regs[s], 8),
					       regs[s], &in, &want);
				if (s == d)
					continue;
				want = in;
				mem_put(&want, 8, bytes[z], in.reg[regs[s]]);
				check_mem_insn(
					&ATOMIC(sizes[z], BPF_STORE_REL, regs[d], regs[s], 8),
					regs[d], &in, &want);
			}
		}
	}
}

static void test_ld_imm64(void **unused)
{
	struct state in, want;
	struct bench b;
	u32 d, i;

	for (d = 0; d < 10; d++) {
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			struct bpf_insn body[] = { LD_IMM64(d, values[i]) };

			state_fill(&in);
			want = in;
			want.reg[d] = values[i];
			bench_make(&b, body, 2);
			bench_check(&b, body, &in, &want);
			bench_free(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),	 cmocka_unit_test(test_sub),
		cmocka_unit_test(test_mul),	 cmocka_unit_test(test_div),
		cmocka_unit_test(test_mod),	 cmocka_unit_test(test_sdiv),
		cmocka_unit_test(test_smod),	 cmocka_unit_test(test_or),
		cmocka_unit_test(test_and),	 cmocka_unit_test(test_xor),
		cmocka_unit_test(test_lsh),	 cmocka_unit_test(test_rsh),
		cmocka_unit_test(test_arsh),	 cmocka_unit_test(test_mov),
		cmocka_unit_test(test_movsx),	 cmocka_unit_test(test_neg_end),
		cmocka_unit_test(test_jmp),	 cmocka_unit_test(test_jmp32),
		cmocka_unit_test(test_ldx),	 cmocka_unit_test(test_st),
		cmocka_unit_test(test_atomic),	 cmocka_unit_test(test_acquire_release),
		cmocka_unit_test(test_ld_imm64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
