/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the verifier proved about each instruction of the fixed-up program, in a
 * form code generation can read. Indexed like prog->insns.
 */
#ifndef SKEP_OBJECT_FACTS_H
#define SKEP_OBJECT_FACTS_H

#include "base/types.h"

/*
 * What a call comes down to where it needs no function: code generation may put that in its
 * place. The run is struct bpf_run; R1-R5 may be lost, as by a call.
 */
enum insn_inline {
	INLINE_NOT,
	INLINE_NOTHING,	      /* it does nothing, and nobody reads R0 */
	INLINE_RUN32,	      /* R0 = the run's u32 at .inline_off; R1-R5 are kept */
	INLINE_RUN64,	      /* likewise */
	INLINE_ARG64,	      /* R0 = the u64 at R1 + .inline_off */
	INLINE_PID_TGID,      /* run_pid_tgid() of object/task.h */
	INLINE_RANDOM,	      /* run_random() of object/random.h */
	INLINE_DYNPTR_NULL,   /* whether R1 points to a dynptr (object/dynptr.h) of nothing */
	INLINE_DYNPTR_SIZE,   /* its size, or -EINVAL of nothing */
	INLINE_DYNPTR_RDONLY, /* whether it is one of something that cannot be written */
	INLINE_FOR_EACH, /* a loop over .map, an array, that calls function number .inline_off */
};

struct insn_fact {
	u8 seen;     /* reached on some path */
	u8 zext_dst; /* upper half of dst is needed: 32-bit definition must zero-extend */
	u8 jump_target;
	u8 gotox_target;     /* ... of indirect jumps */
	u8 mem_reg_type;     /* of a load or store: bpf_reg_type of the base register, 0 if mixed */
	u8 divisor_nonzero;  /* src of a division is never 0 (nor, signed, -1) */
	u8 branch;	     /* conditional jump: 0 both ways, 1 always taken, 2 never taken */
	u8 helper_const_map; /* R1 of a map helper is always .map */
	u8 inlined;	     /* of a call: enum insn_inline */
	s16 inline_off;
	u64 map; /* address of the struct bpf_map */
};

struct prog_facts {
	u32 n;
	struct insn_fact *insn;
};

#endif
