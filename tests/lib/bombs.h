/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that make the verifier work as long, and keep as much, as it can be made to: each is
 * processed up to the limit of 1,000,000 instructions, or is nearly that long itself. For tests
 * of time and memory (type BPF_PROG_TYPE_SOCKET_FILTER, R1 = context).
 */
#ifndef SKEP_TESTS_BOMBS_H
#define SKEP_TESTS_BOMBS_H

#include <stdlib.h>

#include "tests/lib/asm.h"

struct bomb {
	struct bpf_insn *insn;
	u32 n, cap;
};

#define BOMB_INSNS_MAX 1000000

static inline void bomb_put(struct bomb *b, struct bpf_insn insn)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 1024;
		b->insn = realloc(b->insn, b->cap * sizeof(insn));
		if (!b->insn)
			abort();
	}
	b->insn[b->n++] = insn;
}

#define BOMB(...)                                                                                  \
	do {                                                                                       \
		static const struct bpf_insn list_[] = { __VA_ARGS__ };                            \
		for (u32 i_ = 0; i_ < ARRAY_SIZE(list_); i_++)                                     \
			bomb_put(b, list_[i_]);                                                    \
	} while (0)

static inline void bomb_insn(struct bomb *b, u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	bomb_put(b, (struct bpf_insn)I(code, dst, src, off, imm));
}

/* Fills all 64 slots of the frame with numbers of 8 bits, of which nothing more is known. */
static inline void bomb_fill_stack(struct bomb *b)
{
	for (int slot = 1; slot <= 64; slot++) {
		BOMB(CALL(get_prandom_u32), ANDK(0, 255));
		bomb_insn(b, BPF_STX | BPF_MEM | BPF_DW, 10, 0, (s16)(-8 * slot), 0);
	}
}

/* Reads all of them, as something that matters: so none may be forgotten or pruned by. */
static inline void bomb_use_stack(struct bomb *b)
{
	for (int slot = 1; slot <= 64; slot++) {
		bomb_insn(b, BPF_LDX | BPF_MEM | BPF_DW, 1, 10, (s16)(-8 * slot), 0);
		BOMB(MOVX(2, 10), ADDK(2, -512), ADDX(2, 1), LD(B, 0, 2, 0));
	}
}

/* A counted loop of a few instructions. */
static inline void bomb_loop(struct bomb *b)
{
	BOMB(MOVK(6, 0), ADDK(6, 1), MOVX(7, 6), ADDK(7, 5), JK(JLT, 6, 240000, -4), RET(0));
}

/* The same, a call in each round, all of the stack in use. */
static inline void bomb_wide_loop(struct bomb *b)
{
	bomb_fill_stack(b);
	BOMB(MOVK(6, 0), CALL(get_prandom_u32), ANDK(0, 127), ST(DW, 10, -8, 0), ADDK(6, 1),
	     JK(JLT, 6, 180000, -5));
	bomb_use_stack(b);
	BOMB(RET(0));
}

/* Three loops in each other. */
static inline void bomb_nested_loops(struct bomb *b)
{
	bomb_fill_stack(b);
	BOMB(MOVK(6, 0), MOVK(7, 0), MOVK(8, 0), ADDK(8, 1), JK(JLT, 8, 60, -2), ADDK(7, 1),
	     JK(JLT, 7, 60, -5), ADDK(6, 1), JK(JLT, 6, 120, -8));
	bomb_use_stack(b);
	BOMB(RET(0));
}

/* Branches one after the other, each of which puts another number into a slot of its own. */
static inline void bomb_ladder(struct bomb *b)
{
	bomb_fill_stack(b);
	for (int slot = 1; slot <= 60; slot++) {
		BOMB(CALL(get_prandom_u32), MOVK(6, 1), JK(JGT, 0, 7, 1), MOVK(6, 2));
		bomb_insn(b, BPF_STX | BPF_MEM | BPF_DW, 10, 6, (s16)(-8 * slot), 0);
	}
	bomb_use_stack(b);
	BOMB(RET(0));
}

/* Seven frames, each with a full stack, around a ladder. (Too much stack, said only at the end.) */
static inline void bomb_deep_calls(struct bomb *b)
{
	for (int f = 0; f < 7; f++) {
		bomb_fill_stack(b);
		BOMB(CALLSUB(1), EXIT);
	}
	bomb_ladder(b);
}

/* The other side of every branch is left for later: as many paths wait as may. */
static inline void bomb_waiting_paths(struct bomb *b)
{
	bomb_fill_stack(b);
	for (u32 i = 0; i < 8000; i++) {
		BOMB(CALL(get_prandom_u32), ANDK(0, 255));
		bomb_insn(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, (s32)(i % 256));
		bomb_insn(b, BPF_STX | BPF_MEM | BPF_DW, 10, 0, (s16)(-8 * (int)(i % 64 + 1)), 0);
	}
	bomb_use_stack(b);
	BOMB(RET(0));
}

/*
 * The worst that is known: nearly as long as a program may be, the stack full, and after every
 * eight instructions a state of which much is new; so many of the jumps are undecided as may wait.
 */
static inline void bomb_straight(struct bomb *b)
{
	bomb_fill_stack(b);
	for (u32 i = 0; b->n + 10 + 400 < BOMB_INSNS_MAX; i++) {
		BOMB(CALL(get_prandom_u32), ANDK(0, 63), MOVX(6, 0), ADDK(6, 3), JK(JGT, 6, 70, 0));
		bomb_insn(b, BPF_STX | BPF_MEM | BPF_DW, 10, 6, (s16)(-8 * (int)(i % 64 + 1)), 0);
		BOMB(MOVX(7, 10));
		bomb_insn(b, BPF_JMP | BPF_JGT | BPF_K, 6, 0, 0, i % 20 ? 66 : 30);
	}
	bomb_use_stack(b);
	BOMB(RET(0));
}

/* As long as a program may be, nothing to decide: what an instruction costs. */
static inline void bomb_plain(struct bomb *b)
{
	BOMB(MOVK(0, 0));
	while (b->n + 2 < BOMB_INSNS_MAX)
		BOMB(ADDK(0, 1));
	BOMB(RET(0));
}

static const struct {
	const char *name;
	void (*make)(struct bomb *b);
	u32 mb;	     /* the most that its verification may take */
	bool always; /* not only when a test is asked for all of them */
} bombs[] = {
	{ "loop", bomb_loop, 60, false },
	{ "wide loop", bomb_wide_loop, 60, true },
	{ "nested loops", bomb_nested_loops, 60, false },
	{ "ladder", bomb_ladder, 60, false },
	{ "deep calls", bomb_deep_calls, 60, true },
	{ "waiting paths", bomb_waiting_paths, 60, true },
	{ "straight", bomb_straight, 200, true },
	{ "plain", bomb_plain, 200, true },
};

#endif
