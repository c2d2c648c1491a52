/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The engines' shared interface: interpreting, and the comparison of both engines. */
#ifndef SKEP_EXEC_EXEC_H
#define SKEP_EXEC_EXEC_H

#include "object/arena.h"
#include "object/prog.h"
#include "object/run.h"

/* Interprets @prog on @ctx; run->prog and run->tail_calls are set by the caller. Returns R0. */
u64 interp_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run);
/* Interprets one subprogram of @prog with the given arguments. */
u64 interp_subprog(struct bpf_run *run, const struct bpf_prog *prog, u32 subprog, u64 r1, u64 r2,
		   u64 r3, u64 r4, u64 r5);

/* The call that @frame of the interpreter is making: its instruction. */
u32 interp_call_at(const struct bpf_run_frame *frame);

/*
 * Decodes prog->insns into @ops, of interp_ops_size() bytes, for prog->ops. What it was made of
 * must not change.
 */
void interp_decode(const struct bpf_prog *prog, struct interp_op *ops);
u64 interp_ops_size(const struct bpf_prog *prog);
/* From now on these operations add what they do to run->insns; slowly. */
void interp_count(const struct bpf_prog *prog, struct interp_op *ops);

/* Makes a program ready to be interpreted (control side). 0 or -ENOMEM. */
static inline int interp_prepare(struct arena *arena, struct bpf_prog *prog)
{
	u64 size = interp_ops_size(prog);
	int err = 0;

	if (prog->ops)
		return 0;
	prog->ops = arena_alloc(arena, size, size, &err);
	if (prog->ops)
		interp_decode(prog, prog->ops);
	return err;
}

#endif
