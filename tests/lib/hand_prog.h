/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs built by hand, past the verifier, for tests of the engines; and short names for instructions. */
#ifndef SKEP_TESTS_HAND_PROG_H
#define SKEP_TESTS_HAND_PROG_H

#include "isa/insn.h"
#include "object/fixup.h"
#include "object/prog.h"

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define ALU64_X(op, d, s)	  INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU64_K(op, d, i)	  INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALU32_X(op, d, s)	  INSN(BPF_ALU | (op) | BPF_X, d, s, 0, 0)
#define ALU32_K(op, d, i)	  INSN(BPF_ALU | (op) | BPF_K, d, 0, 0, i)
#define MOV_X(d, s)		  ALU64_X(BPF_MOV, d, s)
#define MOV_K(d, i)		  ALU64_K(BPF_MOV, d, i)
#define LDX(size, d, s, o)	  INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STX(size, d, s, o)	  INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ST(size, d, o, i)	  INSN(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define ATOMIC(size, op, d, s, o) INSN(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define JMP_X(op, d, s, o)	  INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JMP_K(op, d, i, o)	  INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JA(o)			  INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define HELPER(slot)		  INSN(BPF_JMP | BPF_CALL, 0, 0, slot, 0)
#define SUBPROG(nr, distance)	  INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, nr, distance)
#define TAIL_CALL()		  INSN(BPF_JMP | BPF_TAIL_CALL, 0, 0, 0, 0)
#define EXIT()			  INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD_IMM64(d, v)                                                                             \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (s32)(u32)(u64)(v)),                              \
		INSN(0, 0, 0, 0, (s32)(u32)((u64)(v) >> 32))

#define HAND_MAX_SUBS 16

struct hand_prog {
	struct bpf_prog prog;
	u32 start[HAND_MAX_SUBS], stack[HAND_MAX_SUBS];
};

/* One arena for all programs of the test. */
struct arena *hand_arena(void);
/* Fills @h: one subprogram of @len instructions and @stack bytes. Nothing is copied. */
void hand_prog_init(struct hand_prog *h, const struct bpf_insn *insns, u32 len, u32 stack);
/* Adds a subprogram that starts at @start. */
void hand_prog_sub(struct hand_prog *h, u32 start, u32 stack);
/* Compiles it; 0 or -errno. */
int hand_prog_jit(struct hand_prog *h, bool bmi2);
void hand_prog_free(struct hand_prog *h);
/* Runs it by one engine. @arg is left in run->event for helpers. */
u64 hand_prog_run(struct hand_prog *h, void *ctx, bool interpret, void *arg);

#endif
