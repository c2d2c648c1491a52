/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * States: made, copied, freed; the stack of paths still to explore; references
 * (Linux: the same functions of verifier.c). Copies reuse what the destination has
 * allocated, since copying states is most of what the verifier does.
 */
#include <errno.h>
#include <string.h>

#include "verifier/trail.h"
#include "verifier/verifier.h"

int out_of_memory(struct bpf_verifier_env *env)
{
	env->diag.err = ENOMEM;
	return -ENOMEM;
}

/*
 * Makes fp-1 .. fp-@size part of the stack (rounded up to slots). Also counts as use
 * of the subprogram's stack.
 */
int grow_stack_state(struct bpf_verifier_env *env, struct bpf_func_state *st, int size)
{
	u32 bytes = round_up((u32)size, (u32)BPF_REG_SIZE), old = st->allocated_stack;
	int err;

	if (env->subprog_info[st->subprogno].stack_depth < bytes)
		env->subprog_info[st->subprogno].stack_depth = bytes;
	if (bytes <= old)
		return 0;
	err = func_stack_room(st, bytes / BPF_REG_SIZE);
	if (err)
		return out_of_memory(env);
	memset(&st->stack[old / BPF_REG_SIZE], 0,
	       (bytes - old) / BPF_REG_SIZE * sizeof(*st->stack));
	st->allocated_stack = bytes;
	return 0;
}

void init_func_state(struct bpf_verifier_env *env, struct bpf_func_state *st, s32 callsite,
		     u32 frameno, u32 subprogno)
{
	struct bpf_reg_state *fp = &st->regs[BPF_REG_FP];

	st->callsite = callsite;
	st->frameno = frameno;
	st->subprogno = subprogno;
	st->callback_ret_range = (struct bpf_retval_range){ 0, 0, true };
	for (u32 i = 0; i < MAX_BPF_REG; i++)
		mark_reg_not_init(env, st->regs, i);
	fp->type = PTR_TO_STACK;
	mark_reg_known_zero(env, st->regs, BPF_REG_FP);
	fp->frameno = frameno;
	mark_verifier_state_scratched(env);
}

/* ---- whole states ---- */

void free_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *st,
			 bool free_self)
{
	if (!st)
		return;
	for (u32 i = 0; i <= st->curframe; i++)
		free_func_state(env, st->frame[i]);
	mem_free(st->refs);
	mem_free(st->jmp_history);
	if (free_self)
		mem_free(st);
	else
		memset(st, 0, sizeof(*st));
}

/* *@v gets room for @n entries of @size bytes. */
static int array_room(void **v, u32 *cap, u32 n, size_t size)
{
	void *p;

	if (n <= *cap)
		return 0;
	p = mem_realloc_array(*v, n, size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = n;
	return 0;
}

/* All but the frames, of which @dst keeps its own. 0 or -ENOMEM. */
int copy_state_head(struct bpf_verifier_state *dst, const struct bpf_verifier_state *src)
{
	struct bpf_verifier_state keep;
	int err;

	err = array_room((void **)&dst->refs, &dst->refs_cap, src->acquired_refs,
			 sizeof(*dst->refs));
	if (!err)
		err = array_room((void **)&dst->jmp_history, &dst->jmp_history_cap,
				 src->jmp_history_cnt, sizeof(*dst->jmp_history));
	if (err)
		return err;
	keep = *dst;
	*dst = *src;
	memcpy(dst->frame, keep.frame, sizeof(dst->frame));
	dst->refs = keep.refs;
	dst->refs_cap = keep.refs_cap;
	dst->jmp_history = keep.jmp_history;
	dst->jmp_history_cap = keep.jmp_history_cap;
	if (src->acquired_refs)
		memcpy(dst->refs, src->refs, src->acquired_refs * sizeof(*dst->refs));
	if (src->jmp_history_cnt)
		memcpy(dst->jmp_history, src->jmp_history,
		       src->jmp_history_cnt * sizeof(*dst->jmp_history));
	return 0;
}

/* @dst, to be worked on, becomes a copy of @src, kept or not. 0 or -ENOMEM. */
int copy_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *dst,
			const struct bpf_verifier_state *src)
{
	int err;

	/* Frames that the destination has beyond the source's. */
	for (u32 i = src->curframe + 1; i <= dst->curframe; i++) {
		free_func_state(env, dst->frame[i]);
		dst->frame[i] = NULL;
	}
	if (dst->curframe > src->curframe)
		dst->curframe = src->curframe;
	for (u32 i = 0; i <= src->curframe; i++) {
		if (!dst->frame[i]) {
			dst->frame[i] = new_func_state(env);
			if (!dst->frame[i])
				return -ENOMEM;
			if (i > dst->curframe)
				dst->curframe = i;
		}
		err = copy_func_state(env, dst->frame[i], src->frame[i]);
		if (err)
			return err;
	}
	return copy_state_head(dst, src);
}

/* ---- paths to explore ---- */

/* How many of the waiting paths' states are as they will be worked on; from then on half of it. */
#define WHOLE_ELEMS 64

/* A path waits: if many do, the older ones give their memory back. */
static int count_elem(struct bpf_verifier_env *env)
{
	struct bpf_verifier_stack_elem *elem = env->head;
	int err = 0;

	if (++env->nr_whole_elems <= WHOLE_ELEMS)
		return 0;
	for (u32 i = 0; i < WHOLE_ELEMS / 2; i++)
		elem = elem->next;
	for (; elem && !elem->kept && !err; elem = elem->next) {
		err = keep_frames(env, &elem->st);
		elem->kept = true; /* or partly, when that failed */
		env->nr_whole_elems--;
	}
	return err;
}

/*
 * Saves a copy of the current state, to be explored from @insn_idx later. Returns the
 * copy, or NULL with env->diag filled.
 */
struct bpf_verifier_state *push_stack(struct bpf_verifier_env *env, u32 insn_idx, u32 prev_insn_idx,
				      bool speculative)
{
	struct bpf_verifier_stack_elem *elem = mem_zalloc(sizeof(*elem));

	if (!elem) {
		out_of_memory(env);
		return NULL;
	}
	elem->insn_idx = insn_idx;
	elem->prev_insn_idx = prev_insn_idx;
	elem->next = env->head;
	elem->log_pos = log_pos(env);
	if (unlikely(env->trail))
		elem->trail_length = trail_length(env->trail);
	env->head = elem;
	env->stack_size++;
	if (copy_verifier_state(env, &elem->st, env->cur_state) || count_elem(env)) {
		out_of_memory(env);
		return NULL;
	}
	elem->st.speculative |= speculative;
	if (env->stack_size > BPF_COMPLEXITY_LIMIT_JMP_SEQ) {
		refuse(env, DIAG_STATE_JUMPS, env->stack_size);
		return NULL;
	}
	if (elem->st.parent)
		elem->st.parent->branches++;
	return &elem->st;
}

/*
 * What a caller returns when push_stack() failed: since 6.19 why it did; before, Linux
 * had an errno of each caller's own.
 */
int push_failed(const struct bpf_verifier_env *env, int before)
{
	return visible(env->profile, KVER(6, 19)) || env->diag.err == ENOMEM ? -env->diag.err :
									       before;
}

/* As push_stack(), for a path that begins a subprogram of its own (an asynchronous callback). */
struct bpf_verifier_state *push_async_cb(struct bpf_verifier_env *env, u32 insn_idx,
					 u32 prev_insn_idx, u32 subprog, bool is_sleepable)
{
	struct bpf_verifier_stack_elem *elem = mem_zalloc(sizeof(*elem));
	struct bpf_func_state *frame = elem ? new_func_state(env) : NULL;

	if (!frame) {
		mem_free(elem);
		out_of_memory(env);
		return NULL;
	}
	elem->insn_idx = insn_idx;
	elem->prev_insn_idx = prev_insn_idx;
	elem->next = env->head;
	elem->log_pos = log_pos(env);
	if (unlikely(env->trail))
		elem->trail_length = trail_length(env->trail);
	elem->st.frame[0] = frame;
	env->head = elem;
	env->stack_size++;
	if (count_elem(env)) {
		out_of_memory(env);
		return NULL;
	}
	if (env->stack_size > BPF_COMPLEXITY_LIMIT_JMP_SEQ) {
		refuse(env, DIAG_STATE_JUMPS_ASYNC, env->stack_size);
		return NULL;
	}
	/* It starts with nothing, but counts as a branch of where it was found. */
	elem->st.branches = 1;
	elem->st.in_sleepable = is_sleepable;
	init_func_state(env, frame, BPF_MAIN_FUNC, 0, subprog);
	return &elem->st;
}

/*
 * Takes the newest saved path as current state. -ENOENT: none left. The current
 * state's object stays (others point to it), its content is replaced.
 */
int pop_stack(struct bpf_verifier_env *env, u32 *prev_insn_idx, u32 *insn_idx, bool pop_log)
{
	struct bpf_verifier_stack_elem *elem = env->head;

	if (!elem)
		return -ENOENT;
	if (env->cur_state && elem->kept) {
		if (copy_verifier_state(env, env->cur_state, &elem->st))
			return out_of_memory(env);
		free_verifier_state(env, &elem->st, false);
	} else if (env->cur_state) {
		free_verifier_state(env, env->cur_state, false);
		*env->cur_state = elem->st;
	} else {
		free_verifier_state(env, &elem->st, false);
	}
	env->nr_whole_elems -= !elem->kept;
	if (pop_log)
		log_reset(env, elem->log_pos);
	if (unlikely(env->trail) && insn_idx) /* else all is being freed */
		trail_rewind(env->trail, elem->trail_length);
	if (insn_idx)
		*insn_idx = elem->insn_idx;
	if (prev_insn_idx)
		*prev_insn_idx = elem->prev_insn_idx;
	env->head = elem->next;
	env->stack_size--;
	mem_free(elem);
	return 0;
}

/* ---- references ---- */

/* A new reference of no type yet, or NULL with env->diag filled. */
struct bpf_reference_state *acquire_reference_state(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct bpf_verifier_state *st = env->cur_state;
	struct bpf_reference_state *ref;

	if (st->acquired_refs == st->refs_cap &&
	    array_room((void **)&st->refs, &st->refs_cap, st->refs_cap * 2 + 2,
		       sizeof(*st->refs))) {
		out_of_memory(env);
		return NULL;
	}
	ref = &st->refs[st->acquired_refs++];
	memset(ref, 0, sizeof(*ref));
	ref->insn_idx = (s32)insn_idx;
	return ref;
}

int acquire_reference(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct bpf_reference_state *ref = acquire_reference_state(env, insn_idx);

	if (!ref)
		return -ENOMEM;
	ref->type = REF_TYPE_PTR;
	ref->id = ++env->id_gen;
	return (int)ref->id;
}

void release_reference_state(struct bpf_verifier_state *st, u32 idx)
{
	st->acquired_refs--;
	memmove(&st->refs[idx], &st->refs[idx + 1], (st->acquired_refs - idx) * sizeof(*st->refs));
}

struct bpf_reference_state *find_reference(struct bpf_verifier_state *st, u32 ref_obj_id)
{
	for (u32 i = 0; i < st->acquired_refs; i++)
		if (st->refs[i].type == REF_TYPE_PTR && st->refs[i].id == ref_obj_id)
			return &st->refs[i];
	return NULL;
}

int release_reference_nomark(struct bpf_verifier_state *st, u32 ref_obj_id)
{
	struct bpf_reference_state *ref = find_reference(st, ref_obj_id);

	if (!ref)
		return -EINVAL;
	release_reference_state(st, (u32)(ref - st->refs));
	return 0;
}
