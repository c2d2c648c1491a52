/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Machine instructions of x86-64 processes: length and parts, whether a probe can be put
 * on one, and its copy for execution elsewhere (Linux: arch/x86/lib/insn.c,
 * arch/x86/kernel/uprobes.c).
 */
#ifndef SKEP_BASE_X86_INSN_H
#define SKEP_BASE_X86_INSN_H

#include "base/types.h"

#define X86_INSN_MAX 15

enum x86_map { /* of opcodes: which bytes come before */
	       X86_MAP_1B,
	       X86_MAP_0F,
	       X86_MAP_0F38,
	       X86_MAP_0F3A,
	       X86_MAP_OTHER, /* XOP, EVEX maps 5 and 6 */
};

struct x86_insn {
	u8 len;
	u8 rex; /* 0x40.., or 0; of VEX: 0 */
	u8 vex; /* bytes of a VEX, XOP or EVEX prefix; 0: none */
	u8 map, opcode, opcode_at;
	u8 modrm, sib, modrm_at, sib_at; /* _at 0: there is none */
	u8 disp_at, disp_size;
	u8 imm_at, imm_size;
	u8 segment;    /* prefix byte 0x64 or 0x65 ..., or 0 */
	bool opsize;   /* 0x66 */
	bool addrsize; /* 0x67 */
	bool lock;     /* 0xf0 */
	u8 rep;	       /* 0xf2 or 0xf3, or 0 */
	bool rip_relative;
	s32 disp;
	s64 imm; /* sign-extended; the first of two */
};

/* Decodes the instruction at the start of @n bytes. 0, or -ENOEXEC: none, or a part of one. */
int x86_decode(const u8 *bytes, u32 n, struct x86_insn *in);

/* How a probed instruction is executed. */
enum x86_kind {
	X86_COPY, /* by a copy of it elsewhere; the others by their effect on registers: */
	X86_NOP,
	X86_JUMP, /* relative: the target is imm behind the instruction */
	X86_JCC,
	X86_LOOP, /* loop, loope, loopne, jrcxz: by opcode */
	X86_XBEGIN,
};

/*
 * Whether Linux puts a probe on the instruction, and how to execute it: 0 and *@kind, or
 * -ENOEXEC, -ENOTSUPP (524) as there.
 */
int x86_probe_check(const u8 *bytes, u32 n, struct x86_insn *in, enum x86_kind *kind);

/* Code that does what an instruction does in another place, and goes on behind that. */
#define X86_SLOT_SIZE 40
struct x86_slot {
	u8 code[X86_SLOT_SIZE];
	u8 len;
	u8 second;   /* offset of its second and last instruction */
	bool pushed; /* the first pushed a return address, the second jumps; else the first is all */
};

/*
 * The copy of X86_COPY instruction @in of @bytes, at @from, that will lie at @to. 0, or
 * -ERANGE: its operand is too far away.
 */
int x86_relocate(const struct x86_insn *in, const u8 *bytes, u64 from, u64 to,
		 struct x86_slot *slot);

#endif
