/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See trail.h. Paths are explored depth first, so the steps that lead to where we are are a
 * stack: a saved path goes on from the step that saved it. Changes are kept as what was there
 * before, newest last, and taken back one by one. Of very long paths the beginning is dropped.
 */
#include "verifier/trail.h"

#include <string.h>

#define CHANGES_MAX 100000

struct trail *trail_new(void)
{
	return mem_zalloc(sizeof(struct trail));
}

void trail_free(struct trail *t)
{
	if (!t)
		return;
	mem_free(t->step.v);
	mem_free(t->change.v);
	mem_free(t);
}

u32 trail_length(const struct trail *t)
{
	return t->base + (u32)t->step.n;
}

/* Names that the verifier gives to values, and marks for pruning, are no knowledge. */
static bool reg_differs(const struct bpf_reg_state *a, const struct bpf_reg_state *b)
{
	struct bpf_reg_state x;

	if (a->type == NOT_INIT || b->type == NOT_INIT)
		return a->type != b->type;
	memcpy(&x, a, sizeof(x));
	x.id = b->id;
	x.precise = b->precise;
	x.subreg_def = b->subreg_def;
	if (a->type == SCALAR_VALUE && b->type == SCALAR_VALUE) {
		x.off = b->off;
		memcpy(x.raw, b->raw, sizeof(x.raw));
		x.frameno = b->frameno;
		x.ref_obj_id = b->ref_obj_id;
	}
	if (base_type(a->type) == PTR_TO_MAP_VALUE && base_type(b->type) == PTR_TO_MAP_VALUE)
		x.map_uid = b->map_uid;
	return memcmp(&x, b, offsetof(struct bpf_reg_state, precise)) != 0;
}

static bool slot_holds_reg(const struct trail_value *v)
{
	return v->slot_type[BPF_REG_SIZE - 1] == STACK_SPILL;
}

bool trail_value_differs(const struct trail_value *a, const struct trail_value *b, u32 place)
{
	if (place < MAX_BPF_REG)
		return reg_differs(&a->reg, &b->reg);
	if (memcmp(a->slot_type, b->slot_type, BPF_REG_SIZE))
		return true;
	return slot_holds_reg(a) && reg_differs(&a->reg, &b->reg);
}

/* The oldest half of the changes, and the steps that made them, are forgotten. */
static void forget_half(struct trail *t)
{
	size_t half = t->change.n / 2, steps;
	u32 first;

	while (half < t->change.n && t->change.v[half].step == t->change.v[half - 1].step)
		half++;
	if (half == t->change.n)
		return;
	first = t->change.v[half].step;
	steps = first - t->base;
	memmove(t->change.v, t->change.v + half, (t->change.n - half) * sizeof(*t->change.v));
	t->change.n -= half;
	memmove(t->step.v, t->step.v + steps, (t->step.n - steps) * sizeof(*t->step.v));
	t->step.n -= steps;
	t->base = first;
}

static void set(struct trail *t, u32 frame, u32 place, const struct bpf_reg_state *reg,
		const u8 *slot_type)
{
	struct trail_value *now = &t->now[frame][place], new;

	memset(&new, 0, sizeof(new));
	if (reg)
		memcpy(&new.reg, reg, sizeof(new.reg));
	if (slot_type)
		memcpy(new.slot_type, slot_type, BPF_REG_SIZE);
	if (trail_value_differs(now, &new, place)) {
		struct trail_change c = { .step = trail_length(t) - 1,
					  .frame = (u16)frame,
					  .place = (u16)place };

		memcpy(&c.before, now, sizeof(*now));
		if (t->step.n && vec_push(&t->change, c))
			t->failed = true;
	}
	memcpy(now, &new, sizeof(new));
}

void trail_step(struct bpf_verifier_env *env)
{
	const struct bpf_verifier_state *st = env->cur_state;
	struct trail_step step = { .insn = env->insn_idx, .frame = st->curframe };
	struct trail *t = env->trail;

	for (u32 f = 0; f < MAX_CALL_FRAMES; f++) {
		const struct bpf_func_state *frame = f <= st->curframe ? st->frame[f] : NULL;
		u32 slots = frame ? frame->allocated_stack / BPF_REG_SIZE : 0;

		for (u32 r = 0; r < MAX_BPF_REG; r++)
			set(t, f, r, frame ? &frame->regs[r] : NULL, NULL);
		for (u32 i = 0; i < TRAIL_SLOTS; i++)
			set(t, f, TRAIL_SLOT(i), i < slots ? &frame->stack[i].spilled_ptr : NULL,
			    i < slots ? frame->stack[i].slot_type : NULL);
	}
	if (t->change.n > CHANGES_MAX)
		forget_half(t);
	if (vec_push(&t->step, step))
		t->failed = true;
}

void trail_undo(struct trail *t, u32 number)
{
	while (t->change.n && t->change.v[t->change.n - 1].step >= number) {
		const struct trail_change *c = &t->change.v[--t->change.n];

		memcpy(&t->now[c->frame][c->place], &c->before, sizeof(c->before));
	}
}

void trail_rewind(struct trail *t, u32 length)
{
	if (length < t->base) { /* its beginning was forgotten */
		t->step.n = t->change.n = 0;
		t->base = length;
		return;
	}
	trail_undo(t, length ? length - 1 : 0);
	t->step.n = length - t->base;
}
