/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See hand_prog.h. */
#include "tests/lib/hand_prog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "jit/jit.h"
#include "object/arena.h"
#include "object/platform.h"

struct arena *hand_arena(void)
{
	static struct arena *arena;

	if (!arena && arena_new(&arena, 2)) {
		fprintf(stderr, "no arena\n");
		abort();
	}
	return arena;
}

void hand_prog_init(struct hand_prog *h, const struct bpf_insn *insns, u32 len, u32 stack)
{
	memset(h, 0, sizeof(*h));
	h->prog.insns = insns;
	h->prog.len = len;
	h->prog.subprog_start = h->start;
	h->prog.subprog_stack = h->stack;
	h->prog.nr_subprogs = 1;
	h->prog.arena = hand_arena();
	h->stack[0] = stack;
}

void hand_prog_sub(struct hand_prog *h, u32 start, u32 stack)
{
	h->start[h->prog.nr_subprogs] = start;
	h->stack[h->prog.nr_subprogs++] = stack;
}

int hand_prog_jit(struct hand_prog *h, bool bmi2)
{
	int err = interp_prepare(hand_arena(), &h->prog);

	return err ?: jit_place(hand_arena(), &h->prog, NULL, bmi2, NULL);
}

void hand_prog_free(struct hand_prog *h)
{
	jit_release(hand_arena(), &h->prog);
	arena_free(hand_arena(), h->prog.ops, interp_ops_size(&h->prog));
	h->prog.ops = NULL;
}

u64 hand_prog_run(struct hand_prog *h, void *ctx, bool interpret, void *arg)
{
	struct bpf_run run = { .arena = hand_arena(),
			       .platform = platform_process(),
			       .interpret = interpret,
			       .event = arg };

	if ((interpret || !h->prog.entry) && interp_prepare(hand_arena(), &h->prog))
		abort();
	return bpf_prog_run(&h->prog, ctx, &run);
}
