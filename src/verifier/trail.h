/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The path that the verifier is on, with what each instruction of it changed: recorded in
 * the second pass over a program that was rejected, so that the first costs nothing.
 */
#ifndef SKEP_VERIFIER_TRAIL_H
#define SKEP_VERIFIER_TRAIL_H

#include "base/vec.h"
#include "verifier/verifier.h"

#define TRAIL_SLOTS (MAX_BPF_STACK / BPF_REG_SIZE)
/* Places of a frame: registers, then stack slots. */
#define TRAIL_SLOT(spi) (MAX_BPF_REG + (spi))
#define TRAIL_PLACES	(MAX_BPF_REG + TRAIL_SLOTS)

/* What is known of a place; a stack slot without types is not written. */
struct trail_value {
	struct bpf_reg_state reg;
	u8 slot_type[BPF_REG_SIZE];
};

struct trail_change {
	u32 step; /* the instruction that made it */
	u16 frame, place;
	struct trail_value before;
};

struct trail_step {
	u32 insn;
	u32 frame;
};

struct trail {
	VEC(struct trail_step) step;
	VEC(struct trail_change) change;
	u32 base; /* number of the first step that is kept */
	bool failed;
	/* The state before the newest step; frames that do not exist hold nothing. */
	struct trail_value now[MAX_CALL_FRAMES][TRAIL_PLACES];
};

struct trail *trail_new(void);
void trail_free(struct trail *t);
/* The current instruction is about to be checked: what changed since the one before was its doing. */
void trail_step(struct bpf_verifier_env *env);
/* How many steps lead to here; a saved path goes on from there. */
u32 trail_length(const struct trail *t);
void trail_rewind(struct trail *t, u32 length);
/* Takes back what step @number changed: .now is the state before it. */
void trail_undo(struct trail *t, u32 number);
bool trail_value_differs(const struct trail_value *a, const struct trail_value *b, u32 place);

/* explain.c: after a refusal in a pass that recorded its path. NULL: out of memory. */
struct explanation;
struct explanation *explain_refusal(struct bpf_verifier_env *env);
/* explain_source.c: where instruction @insn stands; the rest of @s is left alone. */
struct explain_step;
void explain_place(struct bpf_verifier_env *env, struct explain_step *s, u32 insn);
/*
 * The variable that the line assigns to in front of the marked expression; or "". @compound: by
 * that operator ("+="), too; NULL: by none.
 */
void explain_assigned(const struct explain_step *s, const char *compound, char *name, size_t size);
/* The pointer that the marked expression follows: "p" of "p->a[i]"; or "". */
void explain_base(const struct explain_step *s, char *name, size_t size);
/* Argument @n, from 1, of the call of @function in the line; or "". */
void explain_argument(const char *source, const char *function, u32 n, char *name, size_t size);

/* explain_text.c: what would have been accepted; or "". */
void explain_needed(const struct diag *d, char *buf, size_t size);
/* What is known of a value, in words. */
void explain_value(struct bpf_verifier_env *env, const struct trail_value *v, u32 place, char *buf,
		   size_t size);

#endif
