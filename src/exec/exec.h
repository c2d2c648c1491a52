/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The engines' shared interface: interpreting, and the comparison of both engines. */
#ifndef SKEP_EXEC_EXEC_H
#define SKEP_EXEC_EXEC_H

#include "object/prog.h"
#include "object/run.h"

/* Interprets @prog on @ctx; run->prog and run->tail_calls are set by the caller. Returns R0. */
u64 interp_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run);
/* Interprets one subprogram of @prog with the given arguments. */
u64 interp_subprog(struct bpf_run *run, const struct bpf_prog *prog, u32 subprog, u64 r1, u64 r2,
		   u64 r3, u64 r4, u64 r5);

#endif
