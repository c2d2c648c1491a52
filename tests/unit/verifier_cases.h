/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs around arithmetic, branches, loops, subprograms and control flow:
 * CASE(name, program type, instructions). What Linux says to each is recorded in
 * verifier_expected.h.
 */

/* r9 = value of a map (48 bytes), not NULL; clobbers r0-r5; leaves when there is none */
#define VALUE                                                                                      \
	STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY), CALL(map_lookup_elem),     \
		JK(JNE, 0, 0, 2), RET(0), MOVX(9, 0)
/* r@d = an unknown number of 64 bits, kept out of r9; needs VALUE */
#define UNKNOWN(d) LD(DW, d, 9, 0)
/* r0 = byte r9[r@i]; whether it is accepted tells what is known of r@i */
#define PROBE(i)	    ADDX(9, i), LD(B, 0, 9, 0), EXIT
#define ALU(op, d, i)	    I(BPF_ALU64 | BPF_##op | BPF_K, d, 0, 0, i)
#define ALUX(op, d, s)	    I(BPF_ALU64 | BPF_##op | BPF_X, d, s, 0, 0)
#define ALU32(op, d, i)	    I(BPF_ALU | BPF_##op | BPF_K, d, 0, 0, i)
#define ALU32X(op, d, s)    I(BPF_ALU | BPF_##op | BPF_X, d, s, 0, 0)
#define J32K(op, d, i, o)   I(BPF_JMP32 | BPF_##op | BPF_K, d, 0, o, i)
#define J32X(op, d, s, o)   I(BPF_JMP32 | BPF_##op | BPF_X, d, s, o, 0)
#define MOVSX(d, s, bits)   I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, bits, 0)
#define MOVSX32(d, s, bits) I(BPF_ALU | BPF_MOV | BPF_X, d, s, bits, 0)
#define GOTOL(i)	    I(BPF_JMP32 | BPF_JA, 0, 0, 0, i)
#define MAY_GOTO(o)	    I(BPF_JMP | BPF_JCOND, 0, 0, o, 0)

/* ---- the shape of a program ---- */
CASE("empty return", SOCKET_FILTER, RET(0))
CASE("no exit", SOCKET_FILTER, MOVK(0, 0))
CASE("falls off the end", SOCKET_FILTER, MOVK(0, 0), JK(JEQ, 0, 0, -1))
CASE("jump past the end", SOCKET_FILTER, JA(2), RET(0))
CASE("jump before the start", SOCKET_FILTER, MOVK(0, 0), JA(-3), EXIT)
CASE("conditional jump past the end", SOCKET_FILTER, MOVK(0, 0), JK(JEQ, 0, 0, 5), EXIT)
CASE("unreachable", SOCKET_FILTER, RET(0), RET(1))
CASE("jump over unreachable", SOCKET_FILTER, MOVK(0, 0), JA(1), MOVK(0, 1), EXIT)
CASE("jump into ldimm64", SOCKET_FILTER, MOVK(0, 0), JK(JEQ, 0, 0, 1), LD64(0, 5), EXIT)
CASE("ldimm64 as last", SOCKET_FILTER, MOVK(0, 0), I(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 1))
CASE("ldimm64 without second half", SOCKET_FILTER, I(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 1), EXIT)
CASE("ldimm64 second half not clean", SOCKET_FILTER, I(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 1),
     I(0, 1, 0, 0, 0), EXIT)
CASE("ldimm64", SOCKET_FILTER, LD64(0, 0x123456789abcdefULL), EXIT)
CASE("unknown opcode", SOCKET_FILTER, I(0xff, 0, 0, 0, 0), RET(0))
CASE("opcode zero", SOCKET_FILTER, I(0, 0, 0, 0, 0), RET(0))
CASE("register 11", SOCKET_FILTER, MOVK(11, 0), RET(0))
CASE("source register 12", SOCKET_FILTER, MOVX(0, 12), EXIT)
CASE("write r10", SOCKET_FILTER, MOVK(10, 0), RET(0))
CASE("add to r10", SOCKET_FILTER, ADDK(10, 8), RET(0))
CASE("r0 not set", SOCKET_FILTER, EXIT)
CASE("r2 not set", SOCKET_FILTER, MOVX(0, 2), EXIT)
CASE("r1 after call", SOCKET_FILTER, CALL(get_prandom_u32), MOVX(0, 1), EXIT)
CASE("r6 after call", SOCKET_FILTER, MOVK(6, 1), CALL(get_prandom_u32), MOVX(0, 6), EXIT)
CASE("set on one way only", SOCKET_FILTER, LD(W, 2, 1, 0), JK(JEQ, 2, 5, 1), MOVK(0, 1), EXIT)
CASE("gotol", SOCKET_FILTER, MOVK(0, 1), GOTOL(1), MOVK(0, 2), EXIT)
CASE("gotol over code", SOCKET_FILTER, LD(W, 0, 1, 0), JK(JEQ, 0, 3, 1), GOTOL(1), MOVK(0, 2), EXIT)
CASE("reserved field of mov", SOCKET_FILTER, I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 1, 0, 0), EXIT)
CASE("reserved field of add", SOCKET_FILTER, MOVK(0, 0), I(BPF_ALU64 | BPF_ADD | BPF_K, 0, 1, 0, 0),
     EXIT)
CASE("reserved field of neg", SOCKET_FILTER, MOVK(0, 0), I(BPF_ALU64 | BPF_NEG, 0, 0, 0, 5), EXIT)
CASE("reserved field of exit", SOCKET_FILTER, MOVK(0, 0), I(BPF_JMP | BPF_EXIT, 0, 0, 0, 1))
CASE("reserved field of ja", SOCKET_FILTER, MOVK(0, 0), I(BPF_JMP | BPF_JA, 0, 0, 0, 1), EXIT)
CASE("reserved field of call", SOCKET_FILTER, I(BPF_JMP | BPF_CALL, 1, 0, 0, 7), EXIT)
CASE("reserved field of jeq", SOCKET_FILTER, MOVK(0, 0), I(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0, 1),
     EXIT)
CASE("reserved field of store", SOCKET_FILTER, MOVK(0, 0),
     I(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 1), EXIT)
CASE("reserved field of st", SOCKET_FILTER, MOVK(0, 0), I(BPF_ST | BPF_MEM | BPF_DW, 10, 1, -8, 1),
     EXIT)
CASE("end of width 8", SOCKET_FILTER, MOVK(0, 0), I(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 8),
     EXIT)
CASE("bswap 32", SOCKET_FILTER, MOVK(0, 5), I(BPF_ALU64 | BPF_END, 0, 0, 0, 32), EXIT)

/* ---- arithmetic ---- */
CASE("division by 0", SOCKET_FILTER, MOVK(0, 1), ALU(DIV, 0, 0), EXIT)
CASE("modulo 0 in 32 bits", SOCKET_FILTER, MOVK(0, 1), ALU32(MOD, 0, 0), EXIT)
CASE("division by a register", SOCKET_FILTER, LD(W, 2, 1, 0), MOVK(0, 10), ALUX(DIV, 0, 2), EXIT)
CASE("shift by 64", SOCKET_FILTER, MOVK(0, 1), ALU(LSH, 0, 64), EXIT)
CASE("shift by -1", SOCKET_FILTER, MOVK(0, 1), ALU(ARSH, 0, -1), EXIT)
CASE("32-bit shift by 32", SOCKET_FILTER, MOVK(0, 1), ALU32(RSH, 0, 32), EXIT)
CASE("shift by 31", SOCKET_FILTER, MOVK(0, 1), ALU32(RSH, 0, 31), EXIT)
CASE("and bounds", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), PROBE(2))
CASE("and too wide", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 63), PROBE(2))
CASE("and negative mask", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, -16), PROBE(2))
CASE("mod does not bound", XDP, VALUE, UNKNOWN(2), ALU(MOD, 2, 40), PROBE(2))
CASE("shift right bounds", XDP, VALUE, UNKNOWN(2), ALU(RSH, 2, 59), PROBE(2))
CASE("signed shift right does not", XDP, VALUE, UNKNOWN(2), ALU(ARSH, 2, 59), PROBE(2))
CASE("shift left then right", XDP, VALUE, UNKNOWN(2), ALU(LSH, 2, 60), ALU(RSH, 2, 60), PROBE(2))
CASE("multiply bounds", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 7), ALU(MUL, 2, 6), PROBE(2))
CASE("multiply too far", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 7), ALU(MUL, 2, 7), PROBE(2))
CASE("add constant", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), ADDK(2, 16), PROBE(2))
CASE("add constant too far", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), ADDK(2, 17), PROBE(2))
CASE("subtract below 0", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), ADDK(2, -1), PROBE(2))
CASE("or bounds", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 15), ALU(OR, 2, 32), PROBE(2))
CASE("or too far", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), ALU(OR, 2, 32), PROBE(2))
CASE("xor with itself", XDP, VALUE, UNKNOWN(2), ALUX(XOR, 2, 2), PROBE(2))
CASE("xor bounds", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), ALU(XOR, 2, 15), PROBE(2))
CASE("neg of a constant", XDP, VALUE, MOVK(2, -8), ALU(NEG, 2, 0), PROBE(2))
CASE("neg of a range", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 7), ALU(NEG, 2, 0), PROBE(2))
CASE("neg twice", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 7), ALU(NEG, 2, 0), ALU(NEG, 2, 0), PROBE(2))
CASE("32-bit add wraps", XDP, VALUE, MOVK(2, -1), ALU32(ADD, 2, 9), PROBE(2))
CASE("32-bit mov truncates", XDP, VALUE, UNKNOWN(2), ALU32X(MOV, 2, 2), PROBE(2))
CASE("32-bit mov then and", XDP, VALUE, UNKNOWN(2), ALU32X(MOV, 2, 2), ALU(AND, 2, 31), PROBE(2))
CASE("32-bit and", XDP, VALUE, UNKNOWN(2), ALU32(AND, 2, 31), PROBE(2))
CASE("sign-extending move", XDP, VALUE, UNKNOWN(2), MOVSX(2, 2, 8), PROBE(2))
CASE("sign-extending move of a small number", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31),
     MOVSX(2, 2, 8), PROBE(2))
CASE("sign-extending move, 32 bits", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31), MOVSX32(2, 2, 16),
     PROBE(2))
CASE("sign extension of a wrong width", XDP, MOVK(2, 0), MOVSX(0, 2, 24), EXIT)
CASE("byte swap of a known number", XDP, VALUE, LD64(2, 0x2000),
     I(BPF_ALU | BPF_END | BPF_TO_BE, 2, 0, 0, 16), PROBE(2))
CASE("byte swap then mask", XDP, VALUE, UNKNOWN(2), I(BPF_ALU64 | BPF_END, 2, 0, 0, 64),
     ALU(AND, 2, 31), PROBE(2))
CASE("mask then byte swap", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31),
     I(BPF_ALU64 | BPF_END, 2, 0, 0, 64), PROBE(2))
CASE("mask of a sign", XDP, VALUE, UNKNOWN(2), ALU(ARSH, 2, 63), ALU(AND, 2, 40), PROBE(2))
CASE("signed division", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 31),
     I(BPF_ALU64 | BPF_DIV | BPF_K, 2, 0, 1, 2), PROBE(2))

/* ---- arithmetic on pointers ---- */
CASE("pointer times 2", XDP, ALU(MUL, 1, 2), RET(0))
CASE("pointer and mask", XDP, VALUE, ALU(AND, 9, -8), RET(0))
CASE("pointer shift", XDP, VALUE, ALU(LSH, 9, 1), RET(0))
CASE("pointer negated", XDP, VALUE, ALU(NEG, 9, 0), RET(0))
CASE("pointer plus pointer", XDP, VALUE, ADDX(9, 10), RET(0))
CASE("pointer minus pointer", XDP, VALUE, MOVX(2, 9), SUBX(2, 9), MOVX(0, 2), EXIT)
CASE("number minus pointer", XDP, VALUE, MOVK(2, 1), SUBX(2, 9), RET(0))
CASE("number plus pointer", XDP, VALUE, MOVK(2, 4), ADDX(2, 9), LD(B, 0, 2, 0), EXIT)
CASE("32-bit add on pointer", XDP, VALUE, ALU32(ADD, 9, 1), RET(0))
CASE("32-bit sub on pointer", XDP, VALUE, ALU32(SUB, 9, 1), RET(0))
CASE("32-bit mov of pointer", XDP, VALUE, ALU32X(MOV, 2, 9), RET(0))
CASE("or-null pointer plus 1", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), ADDK(0, 1), RET(0))
CASE("map pointer plus 1", XDP, LDMAP(1, M_ARRAY), ADDK(1, 1), RET(0))
CASE("map pointer plus 0", XDP, LDMAP(1, M_ARRAY), ADDK(1, 0), RET(0))
CASE("packet end plus 1", XDP, LD(W, 2, 1, 4), ADDK(2, 1), RET(0))
CASE("stack pointer minus", XDP, MOVX(2, 10), I(BPF_ALU64 | BPF_SUB | BPF_K, 2, 0, 0, 8), RET(0))
CASE("stack pointer plus unknown", XDP, VALUE, UNKNOWN(3), MOVX(2, 10), ADDX(2, 3), RET(0))
CASE("pointer plus huge", XDP, VALUE, LD64(2, 0x20000000), ADDX(9, 2), RET(0))
CASE("pointer plus half a GiB in steps", XDP, VALUE, ADDK(9, 0x1ffffff0), ADDK(9, 0x1ffffff0),
     RET(0))
CASE("pointer plus unbounded", XDP, VALUE, UNKNOWN(2), ADDX(9, 2), RET(0))
CASE("pointer plus unsigned 32", XDP, VALUE, UNKNOWN(2), ALU32X(MOV, 2, 2), ADDX(9, 2), RET(0))
CASE("pointer plus then minus", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 63), ADDX(9, 2), SUBX(9, 2),
     LD(B, 0, 9, 0), EXIT)
CASE("pointer minus constant", XDP, VALUE, ADDK(9, 8), I(BPF_ALU64 | BPF_SUB | BPF_K, 9, 0, 0, 8),
     LD(B, 0, 9, 0), EXIT)
CASE("pointer below its start", XDP, VALUE, ADDK(9, -1), LD(B, 0, 9, 0), EXIT)
CASE("context plus constant", XDP, ADDK(1, 4), LD(W, 0, 1, 0), RET(0))
CASE("context plus unknown", XDP, MOVX(6, 1), VALUE, UNKNOWN(2), ALU(AND, 2, 4), ADDX(6, 2),
     LD(W, 0, 6, 0), RET(0))

/* ---- branches: what each way learns ---- */
CASE("jgt", XDP, VALUE, UNKNOWN(2), JK(JGT, 2, 47, 3), PROBE(2), RET(0))
CASE("jgt off by one", XDP, VALUE, UNKNOWN(2), JK(JGT, 2, 48, 3), PROBE(2), RET(0))
CASE("jge", XDP, VALUE, UNKNOWN(2), JK(JGE, 2, 48, 3), PROBE(2), RET(0))
CASE("jlt", XDP, VALUE, UNKNOWN(2), JK(JLT, 2, 48, 2), RET(0), PROBE(2))
CASE("jle", XDP, VALUE, UNKNOWN(2), JK(JLE, 2, 47, 2), RET(0), PROBE(2))
CASE("jsgt alone", XDP, VALUE, UNKNOWN(2), JK(JSGT, 2, 47, 3), PROBE(2), RET(0))
CASE("jsgt and jsge", XDP, VALUE, UNKNOWN(2), JK(JSGT, 2, 47, 4), JK(JSLT, 2, 0, 3), PROBE(2),
     RET(0))
CASE("jslt on both sides", XDP, VALUE, UNKNOWN(2), JK(JSLT, 2, 0, 4), JK(JSGE, 2, 48, 3), PROBE(2),
     RET(0))
CASE("jeq", XDP, VALUE, UNKNOWN(2), JK(JEQ, 2, 40, 2), RET(0), PROBE(2))
CASE("jne", XDP, VALUE, UNKNOWN(2), JK(JNE, 2, 40, 3), PROBE(2), RET(0))
CASE("jne trims a range", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 15), ADDK(2, 33), JK(JEQ, 2, 48, 3),
     PROBE(2), RET(0))
CASE("jset clears bits", XDP, VALUE, UNKNOWN(2), JK(JSET, 2, -32, 3), PROBE(2), RET(0))
CASE("jset teaches nothing of many bits", XDP, VALUE, UNKNOWN(2), JK(JSET, 2, 63, 2), RET(0),
     PROBE(2))
CASE("32-bit jgt alone", XDP, VALUE, UNKNOWN(2), J32K(JGT, 2, 47, 3), PROBE(2), RET(0))
CASE("32-bit jgt after truncation", XDP, VALUE, UNKNOWN(2), ALU32X(MOV, 2, 2), J32K(JGT, 2, 47, 3),
     PROBE(2), RET(0))
CASE("32-bit signed", XDP, VALUE, LD(W, 2, 9, 0), J32K(JSGT, 2, 47, 4), J32K(JSLT, 2, 0, 3),
     PROBE(2), RET(0))
CASE("compare with a register", XDP, VALUE, UNKNOWN(2), MOVK(3, 47), JX(JGT, 2, 3, 3), PROBE(2),
     RET(0))
CASE("compare with a bounded register", XDP, VALUE, UNKNOWN(2), UNKNOWN(3), ALU(AND, 3, 31),
     JX(JGT, 2, 3, 3), PROBE(2), RET(0))
CASE("a copy learns", XDP, VALUE, UNKNOWN(2), MOVX(3, 2), JK(JGT, 3, 47, 3), PROBE(2), RET(0))
CASE("a copy plus constant learns", XDP, VALUE, UNKNOWN(2), MOVX(3, 2), ADDK(3, 8),
     JK(JGT, 3, 40, 4), JK(JGT, 2, 60, 3), PROBE(2), RET(0))
CASE("a 32-bit copy learns", XDP, VALUE, LD(W, 2, 9, 0), ALU32X(MOV, 3, 2), J32K(JGT, 3, 47, 3),
     PROBE(2), RET(0))
CASE("a spilled copy learns", XDP, VALUE, UNKNOWN(2), ST(DW, 10, -16, 2), JK(JGT, 2, 47, 4),
     LD(DW, 3, 10, -16), PROBE(3), RET(0))
CASE("a changed copy does not", XDP, VALUE, UNKNOWN(2), MOVX(3, 2), ALU(LSH, 3, 1),
     JK(JGT, 3, 47, 3), PROBE(2), RET(0))
CASE("always taken", XDP, MOVK(0, 1), JK(JEQ, 0, 1, 1), MOVX(0, 9), EXIT)
CASE("never taken", XDP, MOVK(0, 1), JK(JEQ, 0, 2, 1), EXIT, MOVX(0, 9), EXIT)
CASE("decided by a range", XDP, VALUE, UNKNOWN(2), ALU(AND, 2, 7), JK(JGT, 2, 7, 2), RET(0),
     MOVX(0, 8), EXIT)
CASE("decided by known bits", XDP, VALUE, UNKNOWN(2), ALU(OR, 2, 1), JK(JEQ, 2, 4, 2), RET(0),
     MOVX(0, 8), EXIT)
CASE("decided by jset", XDP, VALUE, UNKNOWN(2), ALU(OR, 2, 4), JK(JSET, 2, 4, 2), MOVX(0, 8), EXIT,
     RET(0))
CASE("pointer is never NULL", XDP, VALUE, JK(JEQ, 9, 0, 2), RET(0), MOVX(0, 8), EXIT)
CASE("pointer compared with a number", XDP, VALUE, JK(JEQ, 9, 5, 2), RET(0), RET(0))
CASE("or-null compared by jgt", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), JK(JGT, 0, 0, 1), EXIT, LD(B, 0, 0, 0), EXIT)
CASE("32-bit NULL check", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), J32K(JNE, 0, 0, 2), RET(0), LD(B, 0, 0, 0), EXIT)
CASE("NULL check of a copy", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), MOVX(6, 0), JK(JNE, 6, 0, 2), RET(0), LD(B, 0, 0, 0), EXIT)
CASE("NULL is a number", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), JK(JEQ, 0, 0, 2), RET(0), ADDK(0, 3), EXIT)
CASE("equal to a pointer that is not NULL", XDP, VALUE, MOVX(8, 9), STK(W, 10, -4, 0), MOVX(2, 10),
     ADDK(2, -4), LDMAP(1, M_ARRAY), CALL(map_lookup_elem), JX(JNE, 0, 8, 1), LD(B, 0, 0, 0),
     RET(0))

/* ---- packets ---- */
CASE("packet jgt", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1),
     LD(B, 0, 2, 13), RET(1))
CASE("packet jge", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14), JX(JGE, 4, 3, 1),
     LD(B, 0, 2, 14), RET(1))
CASE("packet jge one less", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14),
     JX(JGE, 4, 3, 1), LD(B, 0, 2, 13), RET(1))
CASE("packet end on the left", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14),
     JX(JLT, 3, 4, 1), LD(B, 0, 2, 13), RET(1))
CASE("packet wrong way", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14),
     JX(JGT, 3, 4, 1), LD(B, 0, 2, 13), RET(1))
CASE("packet beyond", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14),
     JX(JGT, 4, 3, 1), LD(B, 0, 2, 14), RET(1))
CASE("packet no check", XDP, LD(W, 2, 1, 0), LD(B, 0, 2, 0), RET(1))
CASE("packet variable offset", XDP, MOVX(6, 1), CALL(get_prandom_u32), LD(W, 2, 6, 0),
     LD(W, 3, 6, 4), ALU(AND, 0, 31), ADDX(2, 0), MOVX(4, 2), ADDK(4, 4), JX(JGT, 4, 3, 1),
     LD(W, 0, 2, 0), RET(1))
CASE("packet variable offset unbounded", XDP, MOVX(6, 1), CALL(get_prandom_u32), LD(W, 2, 6, 0),
     LD(W, 3, 6, 4), ADDX(2, 0), MOVX(4, 2), ADDK(4, 4), JX(JGT, 4, 3, 1), LD(W, 0, 2, 0), RET(1))
CASE("packet other variable offset", XDP, MOVX(6, 1), CALL(get_prandom_u32), LD(W, 2, 6, 0),
     LD(W, 3, 6, 4), MOVX(5, 2), ALU(AND, 0, 31), ADDX(2, 0), ADDX(5, 0), ADDK(5, 4),
     JX(JGT, 5, 3, 1), LD(W, 0, 2, 0), RET(1))
CASE("packet second check decided", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVX(4, 2), ADDK(4, 14),
     JX(JGT, 4, 3, 3), JX(JGT, 4, 3, 1), RET(1), MOVX(0, 9), JX(JGT, 4, 3, 1), MOVX(0, 9), RET(0))
CASE("packet metadata", XDP, LD(W, 2, 1, 8), LD(W, 3, 1, 0), MOVX(4, 2), ADDK(4, 4),
     JX(JGT, 4, 3, 1), LD(W, 0, 2, 0), RET(1))
CASE("packet loop", XDP, LD(W, 2, 1, 0), LD(W, 3, 1, 4), MOVK(0, 0), MOVK(5, 0), MOVX(4, 2),
     ADDK(4, 1), JX(JGT, 4, 3, 4), LD(B, 6, 2, 0), MOVX(2, 4), ADDK(5, 1), JK(JLT, 5, 20, -7),
     RET(1))

/* ---- loops ---- */
CASE("bounded loop", SOCKET_FILTER, MOVK(0, 0), ADDK(0, 1), JK(JLT, 0, 100, -2), EXIT)
CASE("endless loop", SOCKET_FILTER, MOVK(0, 0), JA(-1))
CASE("endless loop of two", SOCKET_FILTER, MOVK(0, 0), JA(0), JA(-2))
CASE("condition that never changes", SOCKET_FILTER, MOVK(0, 0), MOVK(2, 5), JK(JLT, 0, 100, -2),
     EXIT)
CASE("loop until a small unknown number", SOCKET_FILTER, LD(W, 2, 1, 0), ALU(AND, 2, 15),
     MOVK(0, 0), ADDK(0, 1), JX(JLT, 0, 2, -2), EXIT)
CASE("loop with a counter in the stack", SOCKET_FILTER, STK(DW, 10, -8, 0), LD(DW, 2, 10, -8),
     ADDK(2, 1), ST(DW, 10, -8, 2), JK(JLT, 2, 50, -4), RET(0))
CASE("nested loops", SOCKET_FILTER, MOVK(6, 0), MOVK(7, 0), ADDK(7, 1), JK(JLT, 7, 10, -2),
     ADDK(6, 1), JK(JLT, 6, 10, -5), RET(0))
CASE("loop bounded besides a helper", SOCKET_FILTER, MOVK(6, 0), CALL(get_prandom_u32), ADDK(6, 1),
     JK(JGT, 6, 10, 1), JK(JNE, 0, 7, -4), RET(0))
CASE("index in a loop", XDP, VALUE, MOVK(6, 0), MOVX(2, 9), ADDX(2, 6), LD(B, 0, 2, 0), ADDK(6, 1),
     JK(JLT, 6, 48, -5), RET(0))
CASE("index in a loop too far", XDP, VALUE, MOVK(6, 0), MOVX(2, 9), ADDX(2, 6), LD(B, 0, 2, 0),
     ADDK(6, 1), JK(JLE, 6, 48, -5), RET(0))
CASE("may_goto", SOCKET_FILTER, MOVK(0, 0), MAY_GOTO(2), ADDK(0, 1), JA(-3), EXIT)
CASE("may_goto with bounds", XDP, VALUE, MOVK(6, 0), MAY_GOTO(6), JK(JGE, 6, 48, 5), MOVX(2, 9),
     ADDX(2, 6), LD(B, 0, 2, 0), ADDK(6, 1), JA(-7), RET(0))
CASE("may_goto by 0", SOCKET_FILTER, MOVK(0, 0), MAY_GOTO(0), EXIT)

/* ---- subprograms ---- */
CASE("call a subprogram", SOCKET_FILTER, CALLSUB(1), EXIT, RET(7))
CASE("arguments and result", XDP, VALUE, UNKNOWN(1), CALLSUB(6), JK(JGT, 0, 47, 3), PROBE(0),
     RET(0), MOVX(0, 1), EXIT)
CASE("callee's bounds hold for the caller", XDP, VALUE, UNKNOWN(1), CALLSUB(3), PROBE(0),
     MOVX(0, 1), ALU(AND, 0, 31), EXIT)
CASE("r1 after a subprogram", SOCKET_FILTER, CALLSUB(2), MOVX(0, 1), EXIT, RET(7))
CASE("r6 across a subprogram", SOCKET_FILTER, MOVK(6, 3), CALLSUB(2), MOVX(0, 6), EXIT, MOVK(6, 9),
     RET(7))
CASE("r6 in a subprogram", SOCKET_FILTER, MOVK(6, 3), CALLSUB(1), EXIT, MOVX(0, 6), EXIT)
CASE("call outside", SOCKET_FILTER, CALLSUB(5), EXIT)
CASE("call into itself", SOCKET_FILTER, CALLSUB(-1), EXIT)
CASE("call into the middle", SOCKET_FILTER, CALLSUB(2), EXIT, MOVK(0, 1), RET(2))
CASE("jump between subprograms", SOCKET_FILTER, CALLSUB(2), JA(2), EXIT, MOVK(0, 1), EXIT)
CASE("subprogram without exit", SOCKET_FILTER, CALLSUB(1), EXIT, MOVK(0, 1))
CASE("callee writes the caller's stack", SOCKET_FILTER, MOVX(1, 10), ADDK(1, -8), CALLSUB(2),
     LD(DW, 0, 10, -8), EXIT, STK(DW, 1, 0, 5), RET(0))
CASE("callee's zero in the caller's stack", XDP, VALUE, MOVX(1, 10), ADDK(1, -16), CALLSUB(4),
     LD(DW, 2, 10, -16), PROBE(2), STK(DW, 1, 0, 0), RET(0))
CASE("return a stack pointer", SOCKET_FILTER, CALLSUB(1), EXIT, MOVX(0, 10), EXIT)
CASE("stacks add up", SOCKET_FILTER, STK(DW, 10, -264, 0), CALLSUB(1), EXIT, STK(DW, 10, -264, 0),
     RET(0))
CASE("stacks just fit", SOCKET_FILTER, STK(DW, 10, -256, 0), CALLSUB(1), EXIT, STK(DW, 10, -256, 0),
     RET(0))
CASE("eight frames", SOCKET_FILTER, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT,
     CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, RET(1))
CASE("nine frames", SOCKET_FILTER, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1),
     EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, RET(1))
CASE("subprogram called twice", XDP, VALUE, MOVK(1, 8), CALLSUB(6), MOVX(6, 0), MOVK(1, 100),
     CALLSUB(3), PROBE(6), MOVX(0, 1), EXIT)
CASE("unused subprogram", SOCKET_FILTER, RET(0), MOVK(0, 1), EXIT)
CASE("tail call from a subprogram", SOCKET_FILTER, CALLSUB(1), EXIT, LDMAP(2, M_PROGS), MOVK(3, 0),
     CALL(tail_call), RET(0))

/* ---- pruning must not forget what matters ---- */
CASE("precise on the second path", XDP, VALUE, LD(W, 6, 9, 0), MOVK(7, 8), JK(JEQ, 6, 0, 1),
     MOVK(7, 100), JA(0), JA(0), MOVX(2, 7), ADDX(9, 2), LD(B, 0, 9, 0), EXIT)
CASE("precise on the second path, every state", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), MOVK(7, 8),
     JK(JEQ, 6, 0, 1), MOVK(7, 100), JA(0), JA(0), MOVX(2, 7), ADDX(9, 2), LD(B, 0, 9, 0), EXIT)
CASE("precise through the stack", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), MOVK(7, 8),
     JK(JEQ, 6, 0, 1), MOVK(7, 100), ST(DW, 10, -16, 7), JA(0), JA(0), LD(DW, 2, 10, -16),
     ADDX(9, 2), LD(B, 0, 9, 0), EXIT)
CASE("precise through a subprogram", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), MOVK(1, 8),
     JK(JEQ, 6, 0, 1), MOVK(1, 100), CALLSUB(3), PROBE(0), MOVX(0, 1), EXIT)
CASE("precise through a link", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), ALU(AND, 6, 127), MOVX(7, 6),
     JK(JEQ, 6, 200, 0), JK(JGT, 7, 47, 4), JA(0), PROBE(6), RET(0))
CASE("link lost on one path", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), LD(W, 7, 9, 4),
     ALU(AND, 6, 127), ALU(AND, 7, 127), LD(W, 8, 9, 8), JK(JEQ, 8, 0, 1), MOVX(7, 6), JA(0),
     JK(JGT, 7, 47, 4), JA(0), PROBE(6), RET(0))
CASE("dead registers do not matter", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), MOVK(7, 8),
     JK(JEQ, 6, 0, 1), MOVK(7, 100), JA(0), RET(0))
CASE("dead slots do not matter", XDP_STATE_FREQ, VALUE, LD(W, 6, 9, 0), STK(DW, 10, -16, 8),
     JK(JEQ, 6, 0, 1), STK(DW, 10, -16, 100), JA(0), RET(0))
CASE("pointer kinds are kept apart", XDP_STATE_FREQ, MOVX(8, 1), VALUE, LD(W, 6, 9, 0), MOVX(7, 9),
     JK(JEQ, 6, 0, 1), MOVX(7, 8), JA(0), LD(W, 0, 7, 0), RET(0))
CASE("precise around a loop", XDP_STATE_FREQ, VALUE, MOVK(6, 0), MOVK(7, 4), CALL(get_prandom_u32),
     JK(JEQ, 0, 3, 1), ADDK(7, 10), ADDK(6, 1), JK(JLT, 6, 6, -5), PROBE(7))
CASE("small enough around a loop", XDP_STATE_FREQ, VALUE, MOVK(6, 0), MOVK(7, 4),
     CALL(get_prandom_u32), JK(JEQ, 0, 3, 1), ADDK(7, 5), ADDK(6, 1), JK(JLT, 6, 6, -5), PROBE(7))
CASE("may_goto keeps a precise index", XDP_STATE_FREQ, VALUE, MOVK(6, 4), CALL(get_prandom_u32),
     MAY_GOTO(3), JK(JEQ, 0, 1, 1), MOVK(6, 100), JA(-4), PROBE(6))

/* ---- legacy loads, results ---- */
CASE("ld_abs", SOCKET_FILTER, MOVX(6, 1), LDABS(W, 12), EXIT)
CASE("ld_abs without context", SOCKET_FILTER, LDABS(W, 12), EXIT)
CASE("ld_ind clobbers", SOCKET_FILTER, MOVX(6, 1), MOVK(2, 4), LDIND(B, 2, 0), MOVX(0, 2), EXIT)
CASE("ld_abs in XDP", XDP, MOVX(6, 1), LDABS(W, 12), EXIT)
CASE("ld_abs of 8 bytes", SOCKET_FILTER, MOVX(6, 1), LDABS(DW, 12), EXIT)
CASE("cgroup result 1", CGROUP_SKB, RET(1))
CASE("cgroup result 4", CGROUP_SKB, RET(4))
CASE("cgroup result unknown", CGROUP_SKB, LD(W, 0, 1, 0), EXIT)
CASE("cgroup result masked", CGROUP_SKB, LD(W, 0, 1, 0), ALU(AND, 0, 1), EXIT)
