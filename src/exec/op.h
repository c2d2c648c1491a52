/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The interpreter's own form of a program: one operation for each instruction, at the
 * same index. An operation names the function that does it, which is made for its
 * registers (ops.c): nothing is decoded when it runs. Each function ends by jumping to
 * the next operation's; the compiler must make that call a jump (see the Makefile).
 */
#ifndef SKEP_EXEC_OP_H
#define SKEP_EXEC_OP_H

#include "object/prog.h"

struct interp_frame;

/*
 * R0 to R3 travel in argument registers. R4 and R6 to R9 have machine registers of
 * their own where the compiler can set some aside, else they are in the frame, as R5,
 * R10 and AX are.
 */
#define OP_ARGS const struct interp_op *op, struct interp_frame *f, u64 r0, u64 r1, u64 r2, u64 r3
typedef u64 interp_fn(const struct interp_op *op, struct interp_frame *f, u64 r0, u64 r1, u64 r2,
		      u64 r3);

struct interp_op {
	interp_fn *fn;
	union {
		s64 imm; /* the operand, sign-extended; an offset; the address of a function */
		struct {
			s32 to; /* of a jump: bytes from here; of a constant's store: its offset */
			s32 k;	/* what is compared with, or stored */
		};
	};
};

struct interp_frame {
	u64 r[16];
	struct bpf_run_frame place; /* .at: the call that is being made */
	struct bpf_run *run;
	const struct bpf_prog *prog;
	const struct bpf_prog *tail; /* where a tail call goes; NULL: the function has ended */
};

#if defined(__x86_64__) && !defined(__clang__)
register u64 reg_4 __asm__("rbx");
register u64 reg_6 __asm__("r12");
register u64 reg_7 __asm__("r13");
register u64 reg_8 __asm__("r14");
register u64 reg_9 __asm__("r15");
#define R_4 reg_4
#define R_6 reg_6
#define R_7 reg_7
#define R_8 reg_8
#define R_9 reg_9
/* They are those of whoever entered the interpreter, too. */
#define OP_KEEP_REGS const u64 kept[] = { reg_4, reg_6, reg_7, reg_8, reg_9 }
#define OP_RESTORE_REGS                                                                            \
	(reg_4 = kept[0], reg_6 = kept[1], reg_7 = kept[2], reg_8 = kept[3], reg_9 = kept[4])
#else
#define R_4		f->r[4]
#define R_6		f->r[6]
#define R_7		f->r[7]
#define R_8		f->r[8]
#define R_9		f->r[9]
#define OP_KEEP_REGS	(void)0
#define OP_RESTORE_REGS (void)0
#endif
#define R_0	  r0
#define R_1	  r1
#define R_2	  r2
#define R_3	  r3
#define R_5	  f->r[5]
#define R_10	  f->r[10]
#define OP_REG(n) R_##n

#if defined(__clang__)
#define OP_TAIL __attribute__((musttail))
#else
#define OP_TAIL
#endif
#define OP_GOTO(where)                                                                             \
	do {                                                                                       \
		const struct interp_op *next_ = (where);                                           \
		OP_TAIL return next_->fn(next_, f, r0, r1, r2, r3);                                \
	} while (0)
#define OP_NEXT OP_GOTO(op + 1)
#define OP_JUMP OP_GOTO((const struct interp_op *)((const u8 *)op + op->to))

/* The function for @insn, or NULL: it has none of its own. ops.c */
interp_fn *op_find(const struct bpf_insn *insn);

#endif
