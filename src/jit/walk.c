/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From native code to its caller (Linux: arch_bpf_stack_walk(), by frame pointers). Functions have
 * frames of one size, so that the place of a call tells where its frame ends; C code in between tells
 * where it was entered by itself (struct bpf_run_frame).
 */
#include <errno.h>

#include "jit/jit.h"
#include "object/object.h"

static const struct jit_frame *frame_of(const struct prog_object *p, u32 off)
{
	for (u32 i = 0; i < p->nr_frames; i++)
		if (off > p->frames[i].at && off - p->frames[i].at <= p->frames[i].len)
			return &p->frames[i];
	return NULL;
}

/* The program whose code ends a call before @pc. */
static struct prog_object *prog_at(struct skep_system *sys, u64 pc)
{
	struct object *o;
	u32 id = 0;
	int err;

	while (!object_next_id(sys, OBJECT_PROG, id, &id)) {
		struct prog_object *p;
		bool found;

		o = object_get_id(sys, id, OBJECT_PROG, &err);
		p = (struct prog_object *)o;
		found = o && p->frames && p->prog->code &&
			pc - (u64)p->prog->code - 1 < p->prog->native_len;
		object_put(o); /* it runs: it stays */
		if (found)
			return p;
	}
	return NULL;
}

int jit_caller(struct skep_system *sys, u64 *pc, u64 *sp, struct jit_place *place)
{
	struct prog_object *p = prog_at(sys, *pc);
	u32 off = p ? (u32)(*pc - (u64)p->prog->code) : 0;
	const struct jit_frame *f = p ? frame_of(p, off) : NULL;
	u32 lo = 0, hi, mid;

	if (!f)
		return -ENOENT;
	/* the last instruction that begins before the end of the call */
	for (hi = p->prog->len; hi - lo > 1;) {
		mid = lo + (hi - lo) / 2;
		if (p->native_at[mid] < off)
			lo = mid;
		else
			hi = mid;
	}
	*place = (struct jit_place){
		.prog = p, .insn = lo, .off = off - f->at, .size = f->len, .stub = f->stub
	};
	*sp += f->depth;
	*pc = *(const u64 *)(*sp - 8);
	return 0;
}
