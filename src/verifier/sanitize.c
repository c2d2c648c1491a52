/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of loaders without CAP_PERFMON, as if the processor ran ahead on the wrong
 * side of branches (Linux: sanitize_ptr_alu(), sanitize_speculative_path() and their
 * neighbours in kernel/bpf/verifier.c). Until 6.17 what such a path does wrong, and
 * arithmetic that cannot be masked, refuses the program. Since then Linux puts a
 * barrier in front of it and accepts; nothing has to be followed for that verdict.
 * No code is planned for it either way, DIFF(spectre).
 */
#include <stdlib.h>

#include "isa/insn.h"
#include "object/map_insn_array.h"
#include "verifier/check.h"

enum reason { REASON_BOUNDS = 1, REASON_TYPE, REASON_PATHS, REASON_LIMIT, REASON_STACK };

/* What Linux would plan for an instruction; it must be the same on all paths. */
enum {
	ALU_SANITIZE_SRC = 1 << 0,
	ALU_SANITIZE_DST = 1 << 1,
	ALU_NEG_VALUE = 1 << 2,
	ALU_NON_POINTER = 1 << 3,
	ALU_IMMEDIATE = 1 << 4,
};

static bool speculation_refuses(const struct bpf_verifier_env *env)
{
	return !env->bypass_spec_v1 && !visible(env->profile, KVER(6, 17));
}

static bool op_is_sanitized(const struct bpf_insn *insn)
{
	return BPF_OP(insn->code) == BPF_ADD || BPF_OP(insn->code) == BPF_SUB;
}

static bool can_skip(const struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	return !speculation_refuses(env) || !op_is_sanitized(insn) || BPF_SRC(insn->code) == BPF_K;
}

static int refuse_alu(struct bpf_verifier_env *env, const struct bpf_insn *insn, enum reason reason,
		      bool off_in_dst)
{
	const char *op = BPF_OP(insn->code) == BPF_ADD ? "add" : "sub";
	u32 dst = insn->dst_reg, src = insn->src_reg;

	switch (reason) {
	case REASON_BOUNDS:
		return refuse(env, DIAG_SPEC_BOUNDS, off_in_dst ? dst : src);
	case REASON_TYPE:
		return refuse(env, DIAG_SPEC_TYPE, off_in_dst ? src : dst);
	case REASON_PATHS:
		return refuse(env, DIAG_SPEC_PATHS, dst, op);
	case REASON_LIMIT:
		return refuse(env, DIAG_SPEC_LIMIT, dst, op);
	case REASON_STACK:
		return refuse(env, DIAG_SPEC_STACK, dst);
	}
	return -EACCES;
}

/* How far a pointer may move to the left or right: 0, or the reason why that is not known. */
static int pointer_limit(const struct bpf_reg_state *ptr, bool to_left, u32 *limit)
{
	u32 max, room;

	switch (ptr->type) {
	case PTR_TO_STACK:
		/* The frame's end is outside, but a fair start for going left. */
		max = MAX_BPF_STACK + to_left;
		room = (u32) - (ptr->var_off.value + (u64)ptr->off);
		break;
	case PTR_TO_MAP_VALUE:
		max = map_mem_size(ptr->map->map);
		room = (u32)((to_left ? (u64)ptr->smin_value : ptr->umax_value) + (u64)ptr->off);
		break;
	default:
		return REASON_TYPE;
	}
	if (room >= max)
		return REASON_LIMIT;
	*limit = room;
	return 0;
}

static int note_alu(u32 *state, u32 *limit, u32 new_state, u32 new_limit)
{
	if (*state && (*state != new_state || *limit != new_limit))
		return REASON_PATHS;
	*state = new_state;
	*limit = new_limit;
	return 0;
}

int sanitize_scalar_alu(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	int reason;

	if (can_skip(env, insn))
		return 0;
	reason = note_alu(&aux->alu_state, &aux->alu_limit, ALU_NON_POINTER, 0);
	return reason ? refuse_alu(env, insn, (enum reason)reason, false) : 0;
}

/* The operation as masking would leave it where the offset is out of range: without any offset. */
static int follow_masked(struct bpf_verifier_env *env, const struct bpf_reg_state *ptr,
			 struct bpf_reg_state *dst)
{
	bool move = ptr != dst, pushed;
	struct bpf_reg_state keep;

	if (move) {
		keep = *dst;
		*dst = *ptr;
	}
	pushed = push_stack(env, env->insn_idx + 1, env->insn_idx, true);
	if (move)
		*dst = keep;
	return pushed ? 0 : REASON_STACK;
}

int sanitize_ptr_before(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			const struct bpf_reg_state *ptr, const struct bpf_reg_state *off,
			struct bpf_reg_state *dst, struct sanitize *s)
{
	bool is_const = tnum_is_const(off->var_off), negative = off->smin_value < 0;
	int reason = 0;

	*s = (struct sanitize){ .off_in_dst = ptr != dst };
	if (can_skip(env, insn))
		return 0;
	if (!env->cur_state->speculative) {
		if (!is_const && negative != (off->smax_value < 0))
			return refuse_alu(env, insn, REASON_BOUNDS, s->off_in_dst);
		s->to_left = (BPF_OP(insn->code) == BPF_ADD) == negative;
		reason = pointer_limit(ptr, s->to_left, &s->limit);
		if (reason)
			return refuse_alu(env, insn, (enum reason)reason, s->off_in_dst);
		s->state = (negative ? ALU_NEG_VALUE : 0) | (is_const ? ALU_IMMEDIATE : 0) |
			   (s->off_in_dst ? ALU_SANITIZE_DST : ALU_SANITIZE_SRC);
		/* Paths that would need another mask must not be pruned. */
		if (!is_const)
			env->explore_alu_limits = true;
	}
	if (!is_const)
		reason = follow_masked(env, ptr, dst);
	return reason ? refuse_alu(env, insn, (enum reason)reason, s->off_in_dst) : 0;
}

int sanitize_ptr_after(struct bpf_verifier_env *env, const struct bpf_insn *insn,
		       const struct bpf_reg_state *dst, const struct sanitize *s)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	u32 limit;
	int reason;

	if (can_skip(env, insn) || env->cur_state->speculative)
		return 0;
	reason = pointer_limit(dst, s->to_left, &limit);
	/* The mask is as wide as the pointer was seen to move. */
	if (!reason)
		reason = note_alu(&aux->alu_state, &aux->alu_limit, s->state,
				  (u32)abs((int)(s->limit - limit)));
	return reason ? refuse_alu(env, insn, (enum reason)reason, s->off_in_dst) : 0;
}

int sanitize_other_side(struct bpf_verifier_env *env, const struct bpf_insn *insn, u32 next_idx)
{
	struct bpf_verifier_state *st;
	struct bpf_reg_state *regs;

	if (!speculation_refuses(env))
		return 0;
	st = push_stack(env, next_idx, env->insn_idx, true);
	if (!st)
		return push_failed(env, -EFAULT);
	/* What was compared is not known on the side that it rules out. */
	regs = st->frame[st->curframe]->regs;
	mark_reg_unknown(env, regs, insn->dst_reg);
	if (BPF_SRC(insn->code) == BPF_X)
		mark_reg_unknown(env, regs, insn->src_reg);
	return 0;
}
