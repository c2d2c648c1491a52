/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Conditional jumps: which way they go when that is known, and what each way
 * teaches about the compared registers and all that are linked with them (Linux:
 * check_cond_jmp_op(), is_branch_taken(), regs_refine_cond_op() in verifier.c).
 */
#include <errno.h>
#include <string.h>

#include "isa/insn.h"
#include "verifier/check.h"
#include "verifier/scalar.h"

#define AT_PKT_END     -1
#define BEYOND_PKT_END -2

/* ---- prediction ---- */

/* An earlier comparison showed that the pointer is at or beyond the packet's end. */
static int is_pkt_ptr_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b,
				   u8 op)
{
	const struct bpf_reg_state *pkt = a;

	if (b->type != PTR_TO_PACKET_END) {
		if (a->type != PTR_TO_PACKET_END)
			return -1;
		pkt = b;
		op = flip_opcode(op);
	}
	switch (op) {
	case BPF_JLE:
	case BPF_JGT:
		return pkt->range == BEYOND_PKT_END ? op == BPF_JGT : -1;
	case BPF_JLT:
	case BPF_JGE:
		return pkt->range < 0 ? op == BPF_JGE : -1;
	}
	return -1;
}

static bool is_trusted_reg(const struct bpf_reg_state *reg)
{
	const u32 trusted = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF;
	u32 flags = type_flag(reg->type);

	return reg->ref_obj_id || ((flags & trusted) && !(flags & ~trusted));
}

static bool reg_not_null(const struct bpf_reg_state *reg, kver profile)
{
	if (type_may_be_null(reg->type))
		return false;
	/* Far enough away it could wrap to 0. */
	if (reg->smin_value <= -BPF_MAX_VAR_OFF || reg->smax_value >= BPF_MAX_VAR_OFF)
		return false;
	switch (base_type(reg->type)) {
	case PTR_TO_SOCKET:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
		return true;
	case PTR_TO_XDP_SOCK:
	case PTR_TO_BUF:
	case PTR_TO_MEM:
	case CONST_PTR_TO_MAP:
		return visible(profile, KVER(6, 4));
	case PTR_TO_BTF_ID:
		return visible(profile, KVER(6, 4)) && is_trusted_reg(reg);
	}
	return false;
}

/* 1: jumps, 0: falls through, -1: either. */
static int is_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b, u8 op,
			   bool jmp32, kver profile)
{
	if (!jmp32 && reg_is_pkt_pointer_any(a) && reg_is_pkt_pointer_any(b))
		return is_pkt_ptr_branch_taken(a, b, op);
	/* Until 6.5 only a constant source, until 6.7 one constant predicted anything. */
	if (!visible(profile, KVER(6, 8)) &&
	    (b->type != SCALAR_VALUE || !scalar_is_const(b, jmp32)) &&
	    (!visible(profile, KVER(6, 6)) || a->type != SCALAR_VALUE ||
	     !scalar_is_const(a, jmp32)))
		return -1;
	if (a->type != SCALAR_VALUE || b->type != SCALAR_VALUE) {
		if (!scalar_is_const(b, jmp32)) {
			const struct bpf_reg_state *swap = a;

			a = b;
			b = swap;
		}
		if (!scalar_is_const(b, jmp32) || scalar_const_value(b, jmp32) ||
		    !reg_not_null(a, profile))
			return -1;
		return op == BPF_JEQ ? 0 : op == BPF_JNE ? 1 : -1;
	}
	return is_scalar_branch_taken(a, b, op, jmp32, profile);
}

/* What the two sides of a comparison of scalars know; pointers learn nothing here. */
/* What comparing two unknown numbers told before 6.8: if they are equal, each is in both ranges. */
static void learn_equality(const struct bpf_verifier_env *env, struct bpf_reg_state *true_a,
			   struct bpf_reg_state *true_b, struct bpf_reg_state *false_a,
			   struct bpf_reg_state *false_b, u8 op, bool jmp32)
{
	struct bpf_reg_state *a = op == BPF_JEQ ? true_a : op == BPF_JNE ? false_a : NULL;
	struct bpf_reg_state *b = op == BPF_JEQ ? true_b : false_b;

	if (!a || jmp32)
		return;
	scalar_refine(a, b, BPF_JEQ, false);
	reg_bounds_sync_for(env, a);
	reg_bounds_sync_for(env, b);
}

static int reg_set_min_max(struct bpf_verifier_env *env, struct bpf_reg_state *true_a,
			   struct bpf_reg_state *true_b, struct bpf_reg_state *false_a,
			   struct bpf_reg_state *false_b, u8 op, bool jmp32)
{
	int err;

	if (false_a->type != SCALAR_VALUE || false_b->type != SCALAR_VALUE)
		return 0;
	if (!visible(env->profile, KVER(6, 8)) && !scalar_is_const(false_a, jmp32) &&
	    !scalar_is_const(false_b, jmp32)) {
		learn_equality(env, true_a, true_b, false_a, false_b, op, jmp32);
		return 0;
	}
	scalar_refine(false_a, false_b, reverse_opcode(op), jmp32);
	reg_bounds_sync_for(env, false_a);
	reg_bounds_sync_for(env, false_b);
	scalar_refine(true_a, true_b, op, jmp32);
	reg_bounds_sync_for(env, true_a);
	reg_bounds_sync_for(env, true_b);
	err = reg_bounds_sanity_check(env, true_a, "true_reg1");
	if (!err)
		err = reg_bounds_sanity_check(env, true_b, "true_reg2");
	if (!err)
		err = reg_bounds_sanity_check(env, false_a, "false_reg1");
	if (!err)
		err = reg_bounds_sanity_check(env, false_b, "false_reg2");
	return err;
}

/* ---- or-null pointers ---- */

static bool map_has_field(const struct map_object *map, u32 kinds)
{
	for (u32 i = 0; map && map->map && i < map->map->nr_fields; i++)
		if (BIT(map->map->fields[i].kind) & kinds)
			return true;
	return false;
}

/* A pointer that was compared with NULL and is not. A value of a map of maps becomes a map. */
void mark_ptr_not_null_reg(struct bpf_reg_state *reg)
{
	const struct map_object *map = reg->map;

	if (base_type(reg->type) != PTR_TO_MAP_VALUE) {
		reg->type &= ~PTR_MAYBE_NULL;
		return;
	}
	if (map->inner_template) {
		reg->type = CONST_PTR_TO_MAP;
		reg->map = map->inner_template;
		/* Timers and their like must be used with the map they live in: tell inner maps apart. */
		if (map_has_field(reg->map, BIT(BPF_FIELD_TIMER) | BIT(BPF_FIELD_WORKQUEUE) |
						    BIT(BPF_FIELD_TASK_WORK)))
			reg->map_uid = reg->id;
	} else if (map->map->map_type == BPF_MAP_TYPE_XSKMAP) {
		reg->type = PTR_TO_XDP_SOCK;
	} else if (map->map->map_type == BPF_MAP_TYPE_SOCKMAP ||
		   map->map->map_type == BPF_MAP_TYPE_SOCKHASH) {
		reg->type = PTR_TO_SOCKET;
	} else {
		reg->type = PTR_TO_MAP_VALUE;
	}
}

static bool may_point_to_spin_lock(const struct bpf_reg_state *reg)
{
	if (base_type(reg->type) == PTR_TO_MAP_VALUE)
		return map_has_field(reg->map,
				     BIT(BPF_FIELD_SPIN_LOCK) | BIT(BPF_FIELD_RES_SPIN_LOCK));
	return base_type(reg->type) == PTR_TO_BTF_ID && (reg->type & MEM_ALLOC);
}

static void mark_ptr_or_null_reg(struct bpf_reg_state *reg, u32 id, bool is_null)
{
	if (!type_may_be_null(reg->type) || reg->id != id)
		return;
	/* No arithmetic is allowed on such a pointer; if it has an offset, leave it alone. */
	if (reg->smin_value || reg->smax_value || !tnum_equals_const(reg->var_off, 0))
		return;
	if (reg->off &&
	    !(base_type(reg->type) == PTR_TO_BTF_ID && (reg->type & (MEM_ALLOC | NON_OWN_REF))))
		return;
	if (is_null) {
		reg->type = SCALAR_VALUE;
		reg->id = 0;
		reg->ref_obj_id = 0;
		return;
	}
	mark_ptr_not_null_reg(reg);
	if (!may_point_to_spin_lock(reg))
		reg->id = 0;
}

/* Register @regno of the current frame, and every copy of it, was compared with NULL. */
void mark_ptr_or_null_regs(struct bpf_verifier_state *st, u32 regno, bool is_null)
{
	const struct bpf_reg_state *reg = &st->frame[st->curframe]->regs[regno];
	u32 id = reg->id, ref = reg->ref_obj_id;

	if (ref && ref == id && is_null)
		release_reference_nomark(st, id);
	regs_for_each(st, frame, r, { mark_ptr_or_null_reg(r, id, is_null); });
}

/* ---- packet ranges ---- */

/*
 * @dst is known to be below (@range_right_open) or at most at the end: all pointers
 * of the same origin may read up to its offset.
 */
void find_good_pkt_pointers(struct bpf_verifier_state *st, struct bpf_reg_state *dst_reg, u32 type,
			    bool range_right_open)
{
	u32 id = dst_reg->id;
	s32 range;

	if (dst_reg->off < 0 || (!dst_reg->off && range_right_open))
		return;
	/* Far offsets could wrap around. */
	if (dst_reg->umax_value > MAX_PACKET_OFF ||
	    dst_reg->umax_value + (u64)dst_reg->off > MAX_PACKET_OFF)
		return;
	range = dst_reg->off + range_right_open;
	regs_for_each(st, frame, reg, {
		if (reg->type == type && reg->id == id)
			reg->range = max(reg->range, range);
	});
}

static void mark_pkt_end(struct bpf_verifier_state *st, u32 regno, bool beyond)
{
	struct bpf_reg_state *reg = &st->frame[st->curframe]->regs[regno];

	if (reg->type == PTR_TO_PACKET)
		reg->range = beyond ? BEYOND_PKT_END : AT_PKT_END;
}

static bool is_init_pkt_pointer(const struct bpf_reg_state *reg)
{
	return reg->type == PTR_TO_PACKET && !reg->id && !reg->off &&
	       tnum_equals_const(reg->var_off, 0);
}

/* Data against its end, or metadata against the start of data. */
static bool is_pkt_and_end(const struct bpf_reg_state *pkt, const struct bpf_reg_state *end)
{
	return (pkt->type == PTR_TO_PACKET && end->type == PTR_TO_PACKET_END) ||
	       (pkt->type == PTR_TO_PACKET_META && is_init_pkt_pointer(end));
}

/* Whether the comparison is one of a packet pointer with the end; both ways learn then. */
static bool try_match_pkt_pointers(const struct bpf_insn *insn, struct bpf_reg_state *dst,
				   struct bpf_reg_state *src, struct bpf_verifier_state *falls,
				   struct bpf_verifier_state *jumps)
{
	struct bpf_verifier_state *inside, *outside;
	u8 op = BPF_OP(insn->code);
	struct bpf_reg_state *pkt;
	u32 regno;
	bool open;

	if (BPF_SRC(insn->code) != BPF_X || BPF_CLASS(insn->code) == BPF_JMP32)
		return false;
	if (op != BPF_JGT && op != BPF_JLT && op != BPF_JGE && op != BPF_JLE)
		return false;
	if (is_pkt_and_end(dst, src)) {
		pkt = dst;
		regno = insn->dst_reg;
	} else if (is_pkt_and_end(src, dst)) {
		pkt = src;
		regno = insn->src_reg;
		op = flip_opcode(op);
	} else {
		return false;
	}
	/* pkt op end: which way stays inside, and whether pkt == end is excluded there */
	inside = op == BPF_JLT || op == BPF_JLE ? jumps : falls;
	outside = inside == jumps ? falls : jumps;
	open = op == BPF_JLT || op == BPF_JGE;
	find_good_pkt_pointers(inside, pkt, pkt->type, open);
	mark_pkt_end(outside, regno, !open);
	return true;
}

/* ---- linked scalars ---- */

static void collect(struct linked_regs *set, struct bpf_reg_state *reg, u32 id, u32 frameno,
		    u32 number, bool is_reg)
{
	if (reg->type != SCALAR_VALUE || (reg->id & ~BPF_ADD_CONST) != id)
		return;
	if (set->cnt < LINKED_REGS_MAX)
		set->entry[set->cnt++] = (struct linked_reg){ (u8)frameno, (u8)number, is_reg };
	else
		clear_scalar_id(reg);
}

/*
 * The registers and slots linked by @id, innermost frame first; those beyond six lose
 * the link. Registers that nothing reads any more are left alone (since 6.18).
 */
static void collect_linked_regs(struct bpf_verifier_env *env, u32 id, struct linked_regs *set)
{
	struct bpf_verifier_state *st = env->cur_state;
	bool live_only = env->profile >= KVER(6, 18);

	id &= ~BPF_ADD_CONST;
	for (int f = (int)st->curframe; f >= 0; f--) {
		struct bpf_func_state *func = st->frame[f];
		u32 idx = f == (int)st->curframe ? st->insn_idx : (u32)st->frame[f + 1]->callsite;
		u32 live = live_only ? env->aux[idx].live_regs_before : ~0U;

		for (u32 i = 0; i < BPF_REG_FP; i++)
			if (live >> i & 1)
				collect(set, &func->regs[i], id, (u32)f, i, true);
		for (u32 i = 0; i < func->allocated_stack / BPF_REG_SIZE; i++)
			if (is_spilled_reg(&func->stack[i]))
				collect(set, &func->stack[i].spilled_ptr, id, (u32)f, i, false);
	}
}

/* Gives what is known of @known to all registers of @set that have its id. */
void sync_linked_regs(struct bpf_verifier_state *st, struct bpf_reg_state *known,
		      const struct linked_regs *set, kver profile)
{
	for (u32 i = 0; i < set->cnt; i++) {
		const struct linked_reg *e = &set->entry[i];
		struct bpf_func_state *func = st->frame[e->frameno];
		struct bpf_reg_state *reg =
			e->is_reg ? &func->regs[e->number] : &func->stack[e->number].spilled_ptr;
		s32 subreg_def = reg->subreg_def, off = reg->off;
		u32 id = reg->id;

		if (reg->type != SCALAR_VALUE || reg == known ||
		    (id & ~BPF_ADD_CONST) != (known->id & ~BPF_ADD_CONST))
			continue;
		/* One distance in 32, the other in 64 bits: together they say nothing. */
		if (((id ^ known->id) & BPF_ADD_CONST) == BPF_ADD_CONST)
			continue;
		if ((!(id & BPF_ADD_CONST) && !(known->id & BPF_ADD_CONST)) || off == known->off) {
			*reg = *known;
		} else {
			*reg = *known;
			reg->off = off;
			reg->id = id;
			scalar_add_const(reg, (s64)off - known->off,
					 (id | known->id) & BPF_ADD_CONST32, profile);
		}
		reg->subreg_def = subreg_def;
	}
}

/* ---- instructions ---- */

/*
 * may_goto: the loop body (falling through) is explored later, leaving the loop now.
 * What changed since the last round and does not matter yet is forgotten, so that
 * the rounds converge.
 */
static int check_may_goto(struct bpf_verifier_env *env, const struct bpf_insn *insn, u32 *insn_idx)
{
	struct bpf_verifier_state *prev, *queued;
	u32 idx = *insn_idx;

	prev = find_prev_entry(env, env->cur_state->parent, idx);
	queued = push_stack(env, idx + 1, idx, false);
	if (!queued)
		return push_failed(env, -ENOMEM);
	queued->may_goto_depth++;
	if (prev)
		widen_imprecise_scalars(env, prev, queued);
	*insn_idx += (u32)(s32)insn->off;
	return 0;
}

/* Two pointers compared equal: if one is not NULL, neither is the other. */
static void learn_from_equal_pointers(const struct bpf_insn *insn, struct bpf_reg_state *falls,
				      struct bpf_reg_state *jumps, const struct bpf_reg_state *dst,
				      const struct bpf_reg_state *src, kver profile)
{
	struct bpf_reg_state *equal = BPF_OP(insn->code) == BPF_JEQ ? jumps :
				      BPF_OP(insn->code) == BPF_JNE ? falls :
								      NULL;
	bool dst_ok, src_ok;

	if (!equal || base_type(src->type) == PTR_TO_BTF_ID ||
	    base_type(dst->type) == PTR_TO_BTF_ID)
		return;
	dst_ok = reg_not_null(dst, profile);
	src_ok = reg_not_null(src, profile);
	if (dst_ok && type_may_be_null(src->type))
		mark_ptr_not_null_reg(&equal[insn->src_reg]);
	if (src_ok && type_may_be_null(dst->type))
		mark_ptr_not_null_reg(&equal[insn->dst_reg]);
}

static void print_after_jump(struct bpf_verifier_env *env)
{
	if (env->log.level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2))
		print_insn_state(env, env->cur_state, env->cur_state->curframe);
}

/*
 * One conditional jump. When both ways are possible, the jump is pushed to be
 * explored later and the fall-through goes on. *@insn_idx is the jump's index; the
 * caller adds 1.
 */
int check_cond_jmp_op(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx)
{
	struct bpf_verifier_state *this = env->cur_state, *other;
	struct bpf_reg_state *regs = cur_regs(env), *dst, *src, *oregs, imm[2];
	bool jmp32 = BPF_CLASS(insn->code) == BPF_JMP32, is_x = BPF_SRC(insn->code) == BPF_X;
	struct linked_regs linked = { 0 };
	struct insn_problem problem;
	u8 op = BPF_OP(insn->code);
	u32 flags = 0;
	int err, pred;

	if (op == BPF_JCOND) {
		if (!insn_check_fields(insn, env->isa, &problem))
			return refuse(env, problem.id, (int)problem.arg[0], (int)problem.arg[1]);
		return check_may_goto(env, insn, insn_idx);
	}
	if (op == BPF_JA || op > BPF_JCOND)
		return refuse(env, DIAG_BRANCH_OPCODE, op);
	err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	if (!env->aux[*insn_idx].fields_ok) {
		if (!insn_check_fields(insn, env->isa, &problem))
			return refuse(env, problem.id, (int)problem.arg[0], (int)problem.arg[1]);
		env->aux[*insn_idx].fields_ok = true;
	}
	dst = &regs[insn->dst_reg];
	if (is_x) {
		err = check_reg_arg(env, insn->src_reg, SRC_OP);
		if (err)
			return err;
		src = &regs[insn->src_reg];
		if (!(reg_is_pkt_pointer_any(dst) && reg_is_pkt_pointer_any(src)) &&
		    is_pointer_value(env, insn->src_reg))
			return refuse(env, DIAG_BRANCH_PTR_CMP, insn->src_reg);
		if (src->type == PTR_TO_STACK)
			flags |= INSN_F_SRC_REG_STACK;
	} else {
		src = &imm[0];
		memset(src, 0, sizeof(*src));
		src->type = SCALAR_VALUE;
		__mark_reg_known(src, (u64)(s64)insn->imm);
	}
	if (dst->type == PTR_TO_STACK)
		flags |= INSN_F_DST_REG_STACK;
	if (flags) {
		err = push_jmp_history(env, this, flags, 0);
		if (err)
			return err;
	}
	pred = is_branch_taken(dst, src, op, jmp32, env->profile);
	if (pred >= 0) {
		if (dst->type == SCALAR_VALUE)
			err = mark_chain_precision(env, insn->dst_reg);
		if (!err && is_x && src->type == SCALAR_VALUE)
			err = mark_chain_precision(env, insn->src_reg);
		if (err)
			return err;
		if (!this->speculative)
			env->aux[*insn_idx].branch_seen |= pred ? BIT(0) : BIT(1);
		err = sanitize_other_side(env, insn,
					  *insn_idx + 1 + (pred ? 0 : (u32)(s32)insn->off));
		if (err)
			return err;
		print_after_jump(env);
		if (pred)
			*insn_idx += (u32)(s32)insn->off;
		return 0;
	}
	if (!this->speculative)
		env->aux[*insn_idx].branch_seen |= BIT(0) | BIT(1);
	if (is_x && src->type == SCALAR_VALUE && src->id)
		collect_linked_regs(env, src->id, &linked);
	if (dst->type == SCALAR_VALUE && dst->id)
		collect_linked_regs(env, dst->id, &linked);
	if (linked.cnt > 1) {
		err = push_jmp_history(env, this, 0, linked_regs_pack(&linked));
		if (err)
			return err;
	}
	other = push_stack(env, *insn_idx + (u32)(s32)insn->off + 1, *insn_idx, false);
	if (!other)
		return push_failed(env, -EFAULT);
	oregs = other->frame[other->curframe]->regs;
	if (is_x) {
		err = reg_set_min_max(env, &oregs[insn->dst_reg], &oregs[insn->src_reg], dst, src,
				      op, jmp32);
	} else {
		imm[1] = imm[0];
		err = reg_set_min_max(env, &oregs[insn->dst_reg], &imm[0], dst, &imm[1], op, jmp32);
	}
	if (err)
		return err;
	if (is_x && src->type == SCALAR_VALUE && src->id) {
		sync_linked_regs(this, src, &linked, env->profile);
		sync_linked_regs(other, &oregs[insn->src_reg], &linked, env->profile);
	}
	if (dst->type == SCALAR_VALUE && dst->id) {
		sync_linked_regs(this, dst, &linked, env->profile);
		sync_linked_regs(other, &oregs[insn->dst_reg], &linked, env->profile);
	}
	if (!jmp32 && is_x && src->type != SCALAR_VALUE && dst->type != SCALAR_VALUE)
		learn_from_equal_pointers(insn, regs, oregs, dst, src, env->profile);
	if (!jmp32 && !is_x && !insn->imm && (op == BPF_JEQ || op == BPF_JNE) &&
	    type_may_be_null(dst->type)) {
		mark_ptr_or_null_regs(this, insn->dst_reg, op == BPF_JNE);
		mark_ptr_or_null_regs(other, insn->dst_reg, op == BPF_JEQ);
	} else if (!try_match_pkt_pointers(insn, dst, &regs[insn->src_reg], this, other) &&
		   is_pointer_value(env, insn->dst_reg)) {
		return refuse(env, DIAG_BRANCH_PTR_CMP, insn->dst_reg);
	}
	print_after_jump(env);
	return 0;
}
