/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the verifier proved about each instruction of the fixed-up program, in a
 * form code generation can read. Indexed like prog->insns.
 */
#ifndef SKEP_OBJECT_FACTS_H
#define SKEP_OBJECT_FACTS_H

#include "base/types.h"

struct insn_fact {
	u8 seen;     /* reached on some path */
	u8 zext_dst; /* upper half of dst is needed: 32-bit definition must zero-extend */
	u8 jump_target;
	u8 mem_reg_type;     /* of a load or store: bpf_reg_type of the base register, 0 if mixed */
	u8 divisor_nonzero;  /* src of a division is never 0 (nor, signed, -1) */
	u8 branch;	     /* conditional jump: 0 both ways, 1 always taken, 2 never taken */
	u8 helper_const_map; /* R1 of a map helper is always .map */
	u64 map;	     /* address of the struct bpf_map */
};

struct prog_facts {
	u32 n;
	struct insn_fact *insn;
};

#endif
