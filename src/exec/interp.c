/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Interpreter of fixed-up programs (Linux: ___bpf_prog_run() in kernel/bpf/core.c).
 * Dispatch is one indirect jump through a table of 256 labels per instruction; what
 * instructions compute comes from isa/alu.h. It trusts the verifier: operands are
 * not checked. Differences from Linux's: it runs subprograms with stack frames of
 * their own depth, and calls name their function by table (object/fixup.h).
 */
#include "exec/exec.h"
#include "isa/alu.h"
#include "object/arena.h"
#include "object/fixup.h"
#include "object/map_array.h"
#include "object/tramp.h"

/* Loads and stores need not be aligned. */
typedef u16 __attribute__((aligned(1), may_alias)) u16_any;
typedef u32 __attribute__((aligned(1), may_alias)) u32_any;
typedef u64 __attribute__((aligned(1), may_alias)) u64_any;
typedef s16 __attribute__((aligned(1), may_alias)) s16_any;
typedef s32 __attribute__((aligned(1), may_alias)) s32_any;

#define FRAME_ALIGN 16

/* The program a tail call goes to, or NULL: it falls through. */
static const struct bpf_prog *tail_target(struct bpf_run *run, u64 map, u32 index)
{
	const struct bpf_array *array = (const struct bpf_array *)(uintptr_t)map;
	u64 prog;

	if (index >= array->map.max_entries || run->tail_calls >= BPF_MAX_TAIL_CALLS)
		return NULL;
	prog = load_acquire((const u64 *)(array->value + (u64)index * array->elem_size));
	if (!prog)
		return NULL;
	run->tail_calls++;
	return (const struct bpf_prog *)(uintptr_t)prog;
}

u64 interp_subprog(struct bpf_run *run, const struct bpf_prog *prog, u32 subprog, u64 r1, u64 r2,
		   u64 r3, u64 r4, u64 r5)
{
#define ALU_LABELS(name, e64, e32)                                                                 \
	[BPF_ALU64 | BPF_##name | BPF_X] = &&alu64_##name##_x,                                     \
				  [BPF_ALU64 | BPF_##name | BPF_K] = &&alu64_##name##_k,           \
				  [BPF_ALU | BPF_##name | BPF_X] = &&alu32_##name##_x,             \
				  [BPF_ALU | BPF_##name | BPF_K] = &&alu32_##name##_k,
#define JMP_LABELS(name, cond)                                                                     \
	[BPF_JMP | BPF_##name | BPF_X] = &&jmp64_##name##_x,                                       \
				[BPF_JMP | BPF_##name | BPF_K] = &&jmp64_##name##_k,               \
				[BPF_JMP32 | BPF_##name | BPF_X] = &&jmp32_##name##_x,             \
				[BPF_JMP32 | BPF_##name | BPF_K] = &&jmp32_##name##_k,
#define MEM_LABELS(size, type)                                                                     \
	[BPF_LDX | BPF_MEM | BPF_##size] = &&ldx_##size,                                           \
			     [BPF_STX | BPF_MEM | BPF_##size] = &&stx_##size,                      \
			     [BPF_ST | BPF_MEM | BPF_##size] = &&st_##size,                        \
			     [BPF_STX | BPF_ATOMIC | BPF_##size] = &&atomic,                       \
			     [BPF_LDX | BPF_PROBE_MEM | BPF_##size] = &&probe,
#define MEM_SIZES(ROW) ROW(B, u8) ROW(H, u16_any) ROW(W, u32_any) ROW(DW, u64_any)
#define SX_LABELS(size, type)                                                                      \
	[BPF_LDX | BPF_MEMSX | BPF_##size] = &&ldsx_##size,                                        \
			       [BPF_LDX | BPF_PROBE_MEMSX | BPF_##size] = &&probe,
#define SX_SIZES(ROW) ROW(B, s8) ROW(H, s16_any) ROW(W, s32_any)

/* "bad" first, then the instructions over it */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
	static const void *const labels[256] = {
		[0 ... 255] = &&bad,
		ALU_ROWS(ALU_LABELS) JMP_ROWS(JMP_LABELS) MEM_SIZES(MEM_LABELS)
			SX_SIZES(SX_LABELS)[BPF_ALU64 | BPF_MOV | BPF_X] = &&mov64_x,
		[BPF_ALU64 | BPF_MOV | BPF_K] = &&mov64_k,
		[BPF_ALU | BPF_MOV | BPF_X] = &&mov32_x,
		[BPF_ALU | BPF_MOV | BPF_K] = &&mov32_k,
		[BPF_ALU64 | BPF_DIV | BPF_X] = &&alu_x,
		[BPF_ALU64 | BPF_DIV | BPF_K] = &&alu_k,
		[BPF_ALU64 | BPF_MOD | BPF_X] = &&alu_x,
		[BPF_ALU64 | BPF_MOD | BPF_K] = &&alu_k,
		[BPF_ALU | BPF_DIV | BPF_X] = &&alu_x,
		[BPF_ALU | BPF_DIV | BPF_K] = &&alu_k,
		[BPF_ALU | BPF_MOD | BPF_X] = &&alu_x,
		[BPF_ALU | BPF_MOD | BPF_K] = &&alu_k,
		[BPF_ALU64 | BPF_NEG] = &&alu_k,
		[BPF_ALU | BPF_NEG] = &&alu_k,
		[BPF_ALU | BPF_END | BPF_TO_LE] = &&alu_k,
		[BPF_ALU | BPF_END | BPF_TO_BE] = &&alu_k,
		[BPF_ALU64 | BPF_END | BPF_TO_LE] = &&alu_k,
		[BPF_LD | BPF_IMM | BPF_DW] = &&ldimm64,
		[BPF_ST | BPF_NOSPEC] = &&next,
		[BPF_JMP | BPF_JA] = &&ja,
		[BPF_JMP32 | BPF_JA] = &&ja32,
		[BPF_JMP | BPF_CALL] = &&call,
		[BPF_JMP | BPF_TAIL_CALL] = &&tail_call,
		[BPF_JMP | BPF_EXIT] = &&exit,
	};
#pragma GCC diagnostic pop
	const struct bpf_prog *target;
	const struct bpf_insn *insn;
	u64 reg[16], v;
	u32 depth;

	reg[0] = 0;
	reg[1] = r1;
	reg[2] = r2;
	reg[3] = r3;
	reg[4] = r4;
	reg[5] = r5;
enter:
	/* A tail call enters again and needs the target's stack; at most 33 times. */
	depth = round_up(prog->subprog_stack[subprog] + 1, FRAME_ALIGN);
	reg[10] = (u64)(uintptr_t)__builtin_alloca_with_align(depth, FRAME_ALIGN * 8) + depth;
	insn = prog->insns + prog->subprog_start[subprog];

#define DST	 reg[insn->dst_reg]
#define SRC	 reg[insn->src_reg]
#define DISPATCH goto *labels[insn->code]
#define NEXT                                                                                       \
	do {                                                                                       \
		insn++;                                                                            \
		DISPATCH;                                                                          \
	} while (0)
	DISPATCH;

#define ALU_CODE(name, e64, e32)                                                                   \
	alu64_##name##_x:                                                                          \
	{                                                                                          \
		u64 d = DST, s = SRC;                                                              \
		DST = (e64);                                                                       \
		NEXT;                                                                              \
	}                                                                                          \
	alu64_##name##_k:                                                                          \
	{                                                                                          \
		u64 d = DST, s = (u64)(s64)insn->imm;                                              \
		DST = (e64);                                                                       \
		NEXT;                                                                              \
	}                                                                                          \
	alu32_##name##_x:                                                                          \
	{                                                                                          \
		u32 d = (u32)DST, s = (u32)SRC;                                                    \
		DST = (u32)(e32);                                                                  \
		NEXT;                                                                              \
	}                                                                                          \
	alu32_##name##_k:                                                                          \
	{                                                                                          \
		u32 d = (u32)DST, s = (u32)insn->imm;                                              \
		DST = (u32)(e32);                                                                  \
		NEXT;                                                                              \
	}
	ALU_ROWS(ALU_CODE)

mov64_x:
	DST = likely(!insn->off) ? SRC : alu_sext(SRC, insn->off);
	NEXT;
mov64_k:
	DST = (u64)(s64)insn->imm;
	NEXT;
mov32_x:
	DST = likely(!insn->off) ? (u32)SRC : (u32)alu_sext(SRC, insn->off);
	NEXT;
mov32_k:
	DST = (u32)insn->imm;
	NEXT;
alu_x: /* a division; its imm counts what stands in for guards, see verifier/fixup.c */
	DST = alu_eval(insn, DST, SRC);
	insn += insn->imm;
	NEXT;
alu_k:
	DST = alu_eval(insn, DST, (u64)(s64)insn->imm);
	NEXT;
ldimm64:
	DST = insn_imm64(insn);
	insn += 2;
	DISPATCH;

#define JMP_ONE(label, U, S, right, cond)                                                          \
	label : {                                                                                  \
		U d = (U)DST, s = (U)(right);                                                      \
		S sd = (S)d, ss = (S)s;                                                            \
		(void)d, (void)s, (void)sd, (void)ss;                                              \
		if (cond)                                                                          \
			insn += insn->off;                                                         \
		NEXT;                                                                              \
	}
#define JMP_CODE(name, cond)                                                                       \
	JMP_ONE(jmp64_##name##_x, u64, s64, SRC, cond)                                             \
	JMP_ONE(jmp64_##name##_k, u64, s64, (s64)insn->imm, cond)                                  \
	JMP_ONE(jmp32_##name##_x, u32, s32, SRC, cond)                                             \
	JMP_ONE(jmp32_##name##_k, u32, s32, insn->imm, cond)
	JMP_ROWS(JMP_CODE)

ja:
	insn += insn->off;
	NEXT;
ja32:
	insn += insn->imm;
	NEXT;

#define MEM_CODE(size, type)                                                                       \
	ldx_##size : DST = *(type *)(uintptr_t)(SRC + (s64)insn->off);                             \
	NEXT;                                                                                      \
	stx_##size : *(type *)(uintptr_t)(DST + (s64)insn->off) = (type)SRC;                       \
	NEXT;                                                                                      \
	st_##size : *(type *)(uintptr_t)(DST + (s64)insn->off) = (type)(s64)insn->imm;             \
	NEXT;
	MEM_SIZES(MEM_CODE)

#define SX_CODE(size, type)                                                                        \
	ldsx_##size : DST = (u64)(s64) * (type *)(uintptr_t)(SRC + (s64)insn->off);                \
	NEXT;
	SX_SIZES(SX_CODE)

probe:
	DST = rt_probe_load(run, SRC + (s64)insn->off,
			    insn_access_size(insn) |
				    (BPF_MODE(insn->code) == BPF_PROBE_MEMSX ? PROBE_SIGNED : 0));
	NEXT;
atomic:
	if (insn->imm == BPF_LOAD_ACQ) {
		DST = alu_atomic(insn, (void *)(uintptr_t)(SRC + (s64)insn->off), 0, 0);
		NEXT;
	}
	v = alu_atomic(insn, (void *)(uintptr_t)(DST + (s64)insn->off), SRC, reg[0]);
	if (insn->imm == BPF_CMPXCHG)
		reg[0] = v;
	else if (insn->imm & BPF_FETCH)
		SRC = v;
	NEXT;
call:
	if (insn->src_reg == BPF_PSEUDO_CALL) {
		if (unlikely(prog->attachable && READ_ONCE(prog->tramp[(u16)insn->off])))
			reg[0] = bpf_tramp_call(run, prog, (u16)insn->off, &reg[1]);
		else
			reg[0] = interp_subprog(run, prog, (u16)insn->off, reg[1], reg[2], reg[3],
						reg[4], reg[5]);
		run->prog = prog; /* the callee may have tail-called */
	} else {
		reg[0] = prog->calls[(u16)insn->off](reg[1], reg[2], reg[3], reg[4], reg[5], run);
	}
	NEXT;
tail_call:
	target = tail_target(run, reg[2], (u32)reg[3]);
	if (target) {
		run->prog = prog = target;
		subprog = 0;
		goto enter;
	}
next:
	NEXT;
exit:
	return reg[0];
bad:
	run->platform->abort("interpreter: instruction that the verifier does not let through");
	return 0;
}

u64 interp_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run)
{
	return interp_subprog(run, prog, 0, (u64)(uintptr_t)ctx, 0, 0, 0, 0);
}
