/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sequences of instructions that take the place of one: divisions that cannot trap and
 * bpf_loop() without the helper (Linux: do_misc_fixups() and inline_bpf_loop() of
 * kernel/bpf/verifier.c). Programs that are dumped show them, so they are Linux's to
 * the instruction.
 */
#include <errno.h>

#include "isa/insn.h"
#include "object/fixup.h"
#include "verifier/verifier.h"

#define MAX_LOOPS (8 * 1024 * 1024)

struct seq {
	struct bpf_insn *insns;
	u32 n;
};

static void put(struct seq *s, u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	s->insns[s->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void put_ja(struct seq *s, s16 off)
{
	put(s, BPF_JMP | BPF_JA, 0, 0, off, 0);
}

static void put_mov(struct seq *s, u8 dst, u8 src)
{
	put(s, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

/* x / 0 is 0, x % 0 is x. */
static void put_unsigned(struct seq *s, const struct bpf_insn *insn, bool wide)
{
	u8 jmp = wide ? BPF_JMP : BPF_JMP32, dst = insn->dst_reg;

	if (BPF_OP(insn->code) == BPF_DIV) {
		put(s, jmp | BPF_JNE | BPF_K, insn->src_reg, 0, 2, 0);
		put(s, BPF_ALU | BPF_XOR | BPF_X, dst, dst, 0, 0);
		put_ja(s, 1);
		s->insns[s->n++] = *insn;
		return;
	}
	put(s, jmp | BPF_JEQ | BPF_K, insn->src_reg, 0, wide ? 1 : 2, 0);
	s->insns[s->n++] = *insn;
	if (wide)
		return;
	put_ja(s, 1);
	put(s, BPF_ALU | BPF_MOV | BPF_X, dst, dst, 0, 0); /* clears the upper half */
}

/* And x / -1 is -x, of the smallest number, too; x % -1 is 0. */
static void put_signed(struct seq *s, const struct bpf_insn *insn, bool wide)
{
	u8 jmp = wide ? BPF_JMP : BPF_JMP32, alu = wide ? BPF_ALU64 : BPF_ALU, dst = insn->dst_reg;
	bool div = BPF_OP(insn->code) == BPF_DIV;

	put_mov(s, BPF_REG_AX, insn->src_reg);
	put(s, alu | BPF_ADD | BPF_K, BPF_REG_AX, 0, 0, 1); /* -1 and 0 are now 0 and 1 */
	put(s, jmp | BPF_JGT | BPF_K, BPF_REG_AX, 0, div ? 4 : 3, 1);
	if (div) {
		put(s, jmp | BPF_JEQ | BPF_K, BPF_REG_AX, 0, 1, 0);
		put(s, alu | BPF_MOV | BPF_K, dst, 0, 0, 0);
		put(s, alu | BPF_NEG, dst, 0, 0, 0);
		put_ja(s, 1);
		s->insns[s->n++] = *insn;
		return;
	}
	put(s, jmp | BPF_JEQ | BPF_K, BPF_REG_AX, 0, wide ? 3 : 4, 1);
	put(s, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, 0);
	put_ja(s, 1);
	s->insns[s->n++] = *insn;
	if (wide)
		return;
	put_ja(s, 1);
	put(s, BPF_ALU | BPF_MOV | BPF_X, dst, dst, 0, 0);
}

/*
 * The guard of -1 came with 6.12 and went to all older kernels that have signed division:
 * profiles do not differ in it.
 */
u32 division_sequence(const struct bpf_insn *insn, struct bpf_insn *out)
{
	struct seq s = { .insns = out };
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64, is_signed = insn->off == 1;

	if (BPF_SRC(insn->code) == BPF_X) {
		if (is_signed)
			put_signed(&s, insn, wide);
		else
			put_unsigned(&s, insn, wide);
	} else if (is_signed && insn->imm == -1) {
		if (BPF_OP(insn->code) == BPF_DIV)
			put(&s, (wide ? BPF_ALU64 : BPF_ALU) | BPF_NEG, insn->dst_reg, 0, 0, 0);
		else
			put(&s, BPF_ALU | BPF_MOV | BPF_K, insn->dst_reg, 0, 0, 0);
	} else {
		s.insns[s.n++] = *insn;
	}
	return s.n;
}

/*
 * r1 iterations of the function that instruction LOOP_CALL calls, its context in r3. Limit,
 * counter and context are in r6 to r8, whose values wait on the stack from r10 + @base on.
 */
void loop_sequence(s16 base, struct bpf_insn *out)
{
	struct seq s = { .insns = out };

	put(&s, BPF_JMP | BPF_JLE | BPF_K, BPF_REG_1, 0, 2, MAX_LOOPS);
	put(&s, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, -E2BIG); /* zero-extended, as there */
	put_ja(&s, LOOP_INSNS - 3);
	for (u8 i = 0; i < 3; i++)
		put(&s, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_6 + i,
		    (s16)(base + i * BPF_REG_SIZE), 0);
	put_mov(&s, BPF_REG_6, BPF_REG_1);
	put(&s, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_7, 0, 0, 0);
	put_mov(&s, BPF_REG_8, BPF_REG_3);
	put(&s, BPF_JMP | BPF_JGE | BPF_X, BPF_REG_7, BPF_REG_6, 5, 0);
	put_mov(&s, BPF_REG_1, BPF_REG_7);
	put_mov(&s, BPF_REG_2, BPF_REG_8);
	put(&s, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	put(&s, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_7, 0, 0, 1);
	put(&s, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, -6, 0);
	put_mov(&s, BPF_REG_0, BPF_REG_7);
	for (u8 i = 0; i < 3; i++)
		put(&s, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_6 + i, BPF_REG_10,
		    (s16)(base + i * BPF_REG_SIZE), 0);
}
