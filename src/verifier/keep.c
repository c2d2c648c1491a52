/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * States that are kept, to be compared with later ones or to be explored later, in little
 * memory: what a register or stack slot holds is the same in most of them, so it is
 * stored once and counted by those that have it. (Linux keeps whole copies.)
 *
 * A kept frame has no registers and no stack of its own but the numbers of such entries.
 * Entries never change, but for two things: which scalars are precise is noted in the frame;
 * and what turns out not to be read later is replaced by the entry of nothing.
 */
#include <errno.h>
#include <string.h>

#include "verifier/verifier.h"

#define NOTHING	     0 /* an unreadable register, an empty slot */
#define SPARE_FRAMES 32

/* ---- entries ---- */

/* The entries of a new chunk are free, the first entry of all is NOTHING. */
static int add_chunk(struct bpf_verifier_env *env)
{
	struct kept_pool *pool = &env->kept;
	struct kept_slot *chunk = mem_alloc(KEPT_CHUNK * sizeof(*chunk));
	u32 first = (u32)pool->chunk.n * KEPT_CHUNK;

	if (!chunk || vec_push(&pool->chunk, chunk)) {
		mem_free(chunk);
		return -ENOMEM;
	}
	for (u32 i = KEPT_CHUNK; i-- > 0;) {
		chunk[i].refs = 0;
		chunk[i].next_free = pool->free;
		pool->free = first + i;
	}
	if (first == NOTHING) {
		pool->free = chunk[NOTHING].next_free;
		memset(&chunk[NOTHING].s, 0, sizeof(chunk[NOTHING].s));
		__mark_reg_not_init(env, &chunk[NOTHING].s.spilled_ptr);
		chunk[NOTHING].s.spilled_ptr.precise = false;
		chunk[NOTHING].refs = 1;
	}
	return 0;
}

/* An entry with one count and no content yet; 0 (NOTHING): no memory. */
static u32 new_entry(struct bpf_verifier_env *env)
{
	struct kept_pool *pool = &env->kept;
	struct kept_slot *e;
	u32 nr;

	if (!pool->free && add_chunk(env))
		return NOTHING;
	nr = pool->free;
	e = kept_entry(env, nr);
	pool->free = e->next_free;
	e->refs = 1;
	return nr;
}

static void put_entry(struct bpf_verifier_env *env, u32 nr)
{
	struct kept_slot *e;

	if (nr == NOTHING)
		return;
	e = kept_entry(env, nr);
	if (--e->refs)
		return;
	e->next_free = env->kept.free;
	env->kept.free = nr;
}

void free_kept_pool(struct bpf_verifier_env *env)
{
	for (size_t i = 0; i < env->kept.chunk.n; i++)
		mem_free(env->kept.chunk.v[i]);
	vec_free(&env->kept.chunk);
	env->kept.free = 0;
}

/* All of it but what is precise, which comes last. */
static bool same_reg(const struct bpf_reg_state *a, const struct bpf_reg_state *b)
{
	return !memcmp(a, b, offsetof(struct bpf_reg_state, precise));
}

static bool slot_is_empty(const struct bpf_stack_state *slot)
{
	u64 types;

	memcpy(&types, slot->slot_type, sizeof(types));
	return !types; /* STACK_INVALID, all of it */
}

static bool same_types(const struct bpf_stack_state *a, const struct bpf_stack_state *b)
{
	return !memcmp(a->slot_type, b->slot_type, sizeof(a->slot_type));
}

/* The entry of a register, @before when it is that one. Its number, or -ENOMEM. */
static s64 keep_reg(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 before)
{
	struct kept_slot *e = kept_entry(env, before);
	u32 nr;

	/* One that cannot be read (as R1 to R5 after a call): where it was lost does not matter. */
	if (reg->type == NOT_INIT)
		return NOTHING;
	if (same_reg(&e->s.spilled_ptr, reg) && !e->is_slot) {
		e->refs += before != NOTHING;
		return before;
	}
	nr = new_entry(env);
	if (nr == NOTHING)
		return -ENOMEM;
	e = kept_entry(env, nr);
	e->s.spilled_ptr = *reg;
	e->s.spilled_ptr.precise = false;
	e->is_slot = false;
	return nr;
}

static s64 keep_slot(struct bpf_verifier_env *env, const struct bpf_stack_state *slot, u32 before)
{
	struct kept_slot *e = kept_entry(env, before);
	u32 nr;

	if (e->is_slot && same_types(&e->s, slot) &&
	    same_reg(&e->s.spilled_ptr, &slot->spilled_ptr)) {
		e->refs++;
		return before;
	}
	nr = new_entry(env);
	if (nr == NOTHING)
		return -ENOMEM;
	e = kept_entry(env, nr);
	e->s = *slot;
	e->s.spilled_ptr.precise = false;
	e->is_slot = true;
	return nr;
}

/* ---- frames ---- */

void kept_forget_reg(struct bpf_verifier_env *env, struct bpf_func_state *f, u32 regno)
{
	put_entry(env, f->kept[regno]);
	f->kept[regno] = NOTHING;
	f->precise_regs &= (u16)~BIT(regno);
}

void kept_forget_slot(struct bpf_verifier_env *env, struct bpf_func_state *f, u32 spi)
{
	put_entry(env, f->kept[MAX_BPF_REG + spi]);
	f->kept[MAX_BPF_REG + spi] = NOTHING;
	f->precise_slots &= ~BIT_ULL(spi);
	f->used_slots &= ~BIT_ULL(spi);
}

static void free_kept_frame(struct bpf_verifier_env *env, struct bpf_func_state *f)
{
	u32 n = MAX_BPF_REG + f->allocated_stack / BPF_REG_SIZE;

	for (u32 i = 0; i < n; i++)
		put_entry(env, f->kept[i]);
	mem_free(f);
}

/* A kept copy of @src; @like is a kept frame that much of it may be the same as, or NULL. */
static struct bpf_func_state *keep_frame(struct bpf_verifier_env *env,
					 const struct bpf_func_state *src,
					 const struct bpf_func_state *like)
{
	u32 slots = src->allocated_stack / BPF_REG_SIZE, done = 0;
	u32 like_slots = like ? like->allocated_stack / BPF_REG_SIZE : 0;
	struct bpf_func_state *f;
	s64 nr;

	if (!env->kept.chunk.n && add_chunk(env))
		return NULL;
	f = mem_alloc(sizeof(*f) + (MAX_BPF_REG + slots) * sizeof(u32));
	if (!f)
		return NULL;
	*f = *src;
	f->regs = NULL;
	f->stack = NULL;
	f->stack_cap = 0;
	f->kept = (u32 *)(f + 1);
	f->precise_regs = 0;
	f->precise_slots = 0;
	f->used_slots = 0;
	for (u32 i = 0; i < MAX_BPF_REG; i++) {
		nr = keep_reg(env, &src->regs[i], like ? like->kept[i] : NOTHING);
		if (nr < 0)
			goto fail;
		f->kept[done++] = (u32)nr;
		f->precise_regs |= (u16)(src->regs[i].precise << i);
	}
	for (u32 i = 0; i < slots; i++) {
		nr = keep_slot(env, &src->stack[i],
			       i < like_slots ? like->kept[MAX_BPF_REG + i] : NOTHING);
		if (nr < 0)
			goto fail;
		f->kept[done++] = (u32)nr;
		f->precise_slots |= (u64)src->stack[i].spilled_ptr.precise << i;
		f->used_slots |= (u64)!slot_is_empty(&src->stack[i]) << i;
	}
	return f;
fail:
	while (done)
		put_entry(env, f->kept[--done]);
	mem_free(f);
	return NULL;
}

/* The registers and slots of kept frame @src in @dst, a frame with room for them. */
static void unkeep_frame(const struct bpf_verifier_env *env, struct bpf_func_state *dst,
			 const struct bpf_func_state *src)
{
	for (u32 i = 0; i < MAX_BPF_REG; i++) {
		dst->regs[i] = *kept_reg(env, src, i);
		dst->regs[i].precise = src->precise_regs >> i & 1;
	}
	for (u32 i = 0; i < src->allocated_stack / BPF_REG_SIZE; i++) {
		dst->stack[i] = *kept_slot(env, src, i);
		dst->stack[i].spilled_ptr.precise = src->precise_slots >> i & 1;
	}
}

/* ---- frames that are worked on ---- */

struct bpf_func_state *new_func_state(struct bpf_verifier_env *env)
{
	struct bpf_func_state *f = env->spare_frames, *stale;
	struct bpf_stack_state *stack = NULL;
	u32 cap = 0;

	if (f) {
		env->spare_frames = f->next_spare;
		env->nr_spare_frames--;
		stale = f;
		stack = stale->stack;
		cap = stale->stack_cap;
	} else {
		f = mem_alloc(sizeof(*f) + MAX_BPF_REG * sizeof(*f->regs));
		if (!f)
			return NULL;
	}
	memset(f, 0, sizeof(*f) + MAX_BPF_REG * sizeof(*f->regs));
	f->regs = (struct bpf_reg_state *)(f + 1);
	f->stack = stack;
	f->stack_cap = cap;
	return f;
}

void free_func_state(struct bpf_verifier_env *env, struct bpf_func_state *f)
{
	if (!f)
		return;
	if (f->kept) {
		free_kept_frame(env, f);
	} else if (env->nr_spare_frames < SPARE_FRAMES) {
		f->next_spare = env->spare_frames;
		env->spare_frames = f;
		env->nr_spare_frames++;
	} else {
		mem_free(f->stack);
		mem_free(f);
	}
}

void free_spare_frames(struct bpf_verifier_env *env)
{
	struct bpf_func_state *next;

	for (struct bpf_func_state *f = env->spare_frames; f; f = next) {
		next = f->next_spare;
		mem_free(f->stack);
		mem_free(f);
	}
	env->spare_frames = NULL;
	env->nr_spare_frames = 0;
}

/* Room for @slots slots; new ones have no defined content. */
int func_stack_room(struct bpf_func_state *f, u32 slots)
{
	struct bpf_stack_state *p;
	u32 cap;

	if (slots <= f->stack_cap)
		return 0;
	cap = max(slots, min(f->stack_cap * 2, (u32)(MAX_BPF_STACK / BPF_REG_SIZE)));
	p = mem_realloc_array(f->stack, cap, sizeof(*p));
	if (!p)
		return -ENOMEM;
	f->stack = p;
	f->stack_cap = cap;
	return 0;
}

/* @dst becomes a copy of @src, whether that is kept or worked on. */
int copy_func_state(struct bpf_verifier_env *env, struct bpf_func_state *dst,
		    const struct bpf_func_state *src)
{
	u32 slots = src->allocated_stack / BPF_REG_SIZE, cap;
	struct bpf_stack_state *stack;
	struct bpf_reg_state *regs;
	int err;

	err = func_stack_room(dst, slots);
	if (err)
		return err;
	regs = dst->regs;
	stack = dst->stack;
	cap = dst->stack_cap;
	*dst = *src;
	dst->regs = regs;
	dst->stack = stack;
	dst->stack_cap = cap;
	dst->kept = NULL;
	if (src->kept) {
		unkeep_frame(env, dst, src);
		return 0;
	}
	memcpy(regs, src->regs, MAX_BPF_REG * sizeof(*regs));
	if (slots)
		memcpy(stack, src->stack, slots * sizeof(*stack));
	return 0;
}

/* ---- states ---- */

/*
 * The frames of @st, which are worked on, are replaced by kept ones. 0 or -ENOMEM, with
 * those that were not replaced as they were.
 */
int keep_frames(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	const struct bpf_verifier_state *parent = st->parent;

	for (u32 i = 0; i <= st->curframe; i++) {
		struct bpf_func_state *f = st->frame[i], *kept;

		if (f->kept)
			continue;
		kept = keep_frame(env, f,
				  parent && i <= parent->curframe ? parent->frame[i] : NULL);
		if (!kept)
			return -ENOMEM;
		free_func_state(env, f);
		st->frame[i] = kept;
	}
	return 0;
}

/* @dst, zeroed, becomes a kept copy of @src; 0 or -ENOMEM. */
int keep_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *dst,
			const struct bpf_verifier_state *src)
{
	const struct bpf_verifier_state *parent = src->parent;
	int err = copy_state_head(dst, src);

	if (err)
		return err;
	for (u32 i = 0; i <= src->curframe; i++) {
		dst->frame[i] =
			keep_frame(env, src->frame[i],
				   parent && i <= parent->curframe ? parent->frame[i] : NULL);
		if (!dst->frame[i])
			return -ENOMEM;
	}
	return 0;
}
