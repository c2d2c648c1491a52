/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instruction encoding: field access and the checks of reserved fields that the
 * verifier makes, by kernel version (Linux: bpf_opcode_in_insntable() in core.c
 * and the checks strewn over verifier.c). RFC 9669.
 */
#ifndef SKEP_ISA_INSN_H
#define SKEP_ISA_INSN_H

#include "base/diag_id.h"
#include "base/uapi.h"
#include "base/version.h"

/* uapi names that the system's header may be too old for. */
#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80
#endif
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ  0x100
#define BPF_STORE_REL 0x110
#endif
#define BPF_MAY_GOTO_SRC                                                                           \
	0 /* src_reg of a JCOND that is may_goto (uapi: enum bpf_cond_pseudo_jmp) */
#define BPF_ADDR_SPACE_CAST_OFF 1 /* off of the move (uapi: enum bpf_addr_space_cast) */

static inline bool insn_is_ldimm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* Both halves; @insn[1] must exist. */
static inline u64 insn_imm64(const struct bpf_insn *insn)
{
	return (u64)(u32)insn[1].imm << 32 | (u32)insn[0].imm;
}

static inline bool insn_is_alu64(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU64;
}

/* Bytes that a load, store or atomic with this opcode moves. */
static inline u32 code_access_size(u8 code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	}
	return 8;
}

static inline u32 insn_access_size(const struct bpf_insn *insn)
{
	return code_access_size(insn->code);
}

static inline bool insn_is_cond_jmp(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_JA && op != BPF_CALL &&
	       op != BPF_EXIT && op < 0xf0;
}

/* A jump to a place that a register holds. */
static inline bool insn_is_gotox(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA | BPF_X);
}

/* Distance of a jump (not of a call) from the next instruction. */
static inline s32 insn_jmp_off(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP32 | BPF_JA) ? insn->imm : insn->off;
}

/* What is wrong with an instruction: a row of tables/diag/isa.def and its arguments. */
struct insn_problem {
	enum diag_id id; /* DIAG_NONE: nothing */
	s64 arg[2];
};

/* Whether a program may contain @code on kernel @profile. */
bool insn_opcode_known(u8 code, kver profile);

/*
 * The checks made over the whole program before any path is explored (Linux:
 * resolve_pseudo_ldimm64()): form of ld_imm64, reserved fields of loads, known
 * opcodes. Callers skip the second half of a ld_imm64. False: @p says what is wrong.
 */
bool insn_check_form(const struct bpf_insn *insns, u32 len, u32 idx, kver profile,
		     struct insn_problem *p);

/*
 * The reserved-field checks made when a path reaches the instruction, before its
 * registers are looked at. (Legacy packet loads: Linux asks the program type first.)
 */
bool insn_check_fields(const struct bpf_insn *insn, kver profile, struct insn_problem *p);

/* Checks of ALU constants, made after the registers were found readable: division by 0, shifts. */
bool insn_check_operands(const struct bpf_insn *insn, struct insn_problem *p);

#endif
