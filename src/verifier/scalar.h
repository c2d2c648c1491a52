/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Operators on what is known of a number; see scalar.c. Each is sound: a number that was
 * in the operands' states is, after the operation, in the result's. An operand
 * state is any that holds some number; its ranges and its tnum need not be in step.
 */
#ifndef SKEP_VERIFIER_SCALAR_H
#define SKEP_VERIFIER_SCALAR_H

#ifndef SCALAR_TYPES /* a prover defines struct bpf_reg_state and the number types itself */
#include "verifier/verifier.h"
#endif

/* Not an opcode: the opposite of JSET, "no bit of the mask is set". */
#define JNSET (BPF_JSET | 0x08)

/* Ranges of dst = dst op src; .var_off of the result is set by the caller (for bitwise: before). */
void scalar_ranges_add(struct bpf_reg_state *d, const struct bpf_reg_state *s, kver profile);
void scalar_ranges_sub(struct bpf_reg_state *d, const struct bpf_reg_state *s, kver profile);
void scalar_ranges_mul(struct bpf_reg_state *d, const struct bpf_reg_state *s);
void scalar_ranges_mul_coarse(struct bpf_reg_state *d, const struct bpf_reg_state *s);
void scalar_ranges_bitwise(struct bpf_reg_state *d, const struct bpf_reg_state *s, u8 op);
/* By the known distance @n, below the width; with .var_off. */
void scalar_shift_left(struct bpf_reg_state *d, u8 n, bool alu32);
void scalar_shift_right(struct bpf_reg_state *d, u8 n, bool alu32);
void scalar_shift_right_signed(struct bpf_reg_state *d, u8 n, bool alu32);

u8 flip_opcode(u8 op);	  /* "a op b" is "b flip(op) a" */
u8 reverse_opcode(u8 op); /* "not (a op b)" is "a reverse(op) b" */
bool scalar_is_const(const struct bpf_reg_state *reg, bool jmp32);
u64 scalar_const_value(const struct bpf_reg_state *reg, bool jmp32);
/* 1: "a op b" holds for all numbers of both, 0: for none, -1: neither is known. */
int is_scalar_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b, u8 op,
			   bool jmp32, kver profile);
/* Narrows both by "a op b", which holds; .type tells what is a number. */
void scalar_refine(struct bpf_reg_state *a, struct bpf_reg_state *b, u8 op, bool jmp32);

#endif
