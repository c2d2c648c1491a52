/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached to one function of a program: programs that run before and after it, or
 * one that stands in for it (Linux: struct bpf_trampoline). Linux patches the function's first
 * bytes; here the engines look at prog->tramp[function] where they call it (NULL: nothing is
 * attached). Trampolines are objects of the arena's heap: whoever runs one may finish.
 */
#ifndef SKEP_OBJECT_TRAMP_H
#define SKEP_OBJECT_TRAMP_H

#include "object/prog.h"

#define BPF_MAX_TRAMP_LINKS   38 /* of all kinds on one function */
#define BPF_MAX_TRAMP_COOKIES 4	 /* of programs that run before and after it */

struct bpf_tramp_prog {
	const struct bpf_prog *prog;
	u64 cookie;
	const void *link; /* who put it there */
	/* Runs before and after: 1 + the place of its cookie, or BPF_MAX_TRAMP_COOKIES + 1 without; else 0. */
	u32 session;
};

struct bpf_tramp {
	struct bpf_tramp_prog replacement; /* .prog NULL: none */
	u32 nr_args;			   /* of the function */
	bool shows_ctx;			   /* what is the context is shown as the kernel's struct */
	u32 nr_before, n; /* v[0 .. nr_before - 1] run before it, the others after */
	struct bpf_tramp_prog v[BPF_MAX_TRAMP_LINKS];
};

/*
 * Function @func of @prog with what is attached to it; the slot is held. run->prog is @prog
 * again afterwards.
 */
u64 bpf_tramp_call(struct bpf_run *run, const struct bpf_prog *prog, u32 func, const u64 args[5]);
/* The same for native code: function run->callee of run->prog. Of type bpf_helper_t. */
u64 bpf_tramp_native(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);

#endif
