/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Short names for instructions of programs that go through PROG_LOAD: initialisers of struct bpf_insn. */
#ifndef SKEP_TESTS_ASM_H
#define SKEP_TESTS_ASM_H

#include "base/uapi.h"
#include "isa/insn.h"

#define I(c, d, s, o, i)                                                                           \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOVX(d, s)	      I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVK(d, i)	      I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV32K(d, i)	      I(BPF_ALU | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADDX(d, s)	      I(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0)
#define ADDK(d, i)	      I(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define ANDK(d, i)	      I(BPF_ALU64 | BPF_AND | BPF_K, d, 0, 0, i)
#define LSHK(d, i)	      I(BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, i)
#define SUBX(d, s)	      I(BPF_ALU64 | BPF_SUB | BPF_X, d, s, 0, 0)
#define LD(sz, d, s, o)	      I(BPF_LDX | BPF_MEM | BPF_##sz, d, s, o, 0)
#define LDS(sz, d, s, o)      I(BPF_LDX | BPF_MEMSX | BPF_##sz, d, s, o, 0)
#define ST(sz, d, o, s)	      I(BPF_STX | BPF_MEM | BPF_##sz, d, s, o, 0)
#define STK(sz, d, o, i)      I(BPF_ST | BPF_MEM | BPF_##sz, d, 0, o, i)
#define ATOM(sz, op, d, o, s) I(BPF_STX | BPF_ATOMIC | BPF_##sz, d, s, o, op)
#define LDABS(sz, i)	      I(BPF_LD | BPF_ABS | BPF_##sz, 0, 0, 0, i)
#define LDIND(sz, s, i)	      I(BPF_LD | BPF_IND | BPF_##sz, 0, s, 0, i)
#define JX(op, d, s, o)	      I(BPF_JMP | BPF_##op | BPF_X, d, s, o, 0)
#define JK(op, d, i, o)	      I(BPF_JMP | BPF_##op | BPF_K, d, 0, o, i)
#define JA(o)		      I(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALLID(id)	      I(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define CALL(name)	      CALLID(BPF_FUNC_##name)
#define CALLSUB(distance)     I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, distance)
#define EXIT		      I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define RET(i)		      MOVK(0, i), EXIT
#define LD64(d, v)                                                                                 \
	I(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (s32)(v)), I(0, 0, 0, 0, (s32)((u64)(v) >> 32))
/* @m: number of a map of the test, replaced by its descriptor. */
#define LDMAP(d, m)    I(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, m), I(0, 0, 0, 0, 0)
#define LDVAL(d, m, o) I(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_VALUE, 0, m), I(0, 0, 0, 0, o)

#endif
