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

#define AT_PKT_END     -1
#define BEYOND_PKT_END -2
/* Not an opcode: the opposite of JSET, "no bit of the mask is set". */
#define JNSET (BPF_JSET | 0x08)

static bool is_const(const struct bpf_reg_state *reg, bool jmp32)
{
	return reg->type == SCALAR_VALUE &&
	       tnum_is_const(jmp32 ? tnum_subreg(reg->var_off) : reg->var_off);
}

static u64 const_value(const struct bpf_reg_state *reg, bool jmp32)
{
	return jmp32 ? (u32)reg->var_off.value : reg->var_off.value;
}

/* "a op b" is "b flip(op) a". */
static u8 flip_opcode(u8 op)
{
	switch (op) {
	case BPF_JGE:
		return BPF_JLE;
	case BPF_JGT:
		return BPF_JLT;
	case BPF_JLE:
		return BPF_JGE;
	case BPF_JLT:
		return BPF_JGT;
	case BPF_JSGE:
		return BPF_JSLE;
	case BPF_JSGT:
		return BPF_JSLT;
	case BPF_JSLE:
		return BPF_JSGE;
	case BPF_JSLT:
		return BPF_JSGT;
	}
	return op; /* JEQ, JNE, JSET: symmetric */
}

/* "not (a op b)" is "a reverse(op) b". */
static u8 reverse_opcode(u8 op)
{
	switch (op) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JNE:
		return BPF_JEQ;
	case BPF_JSET:
		return JNSET;
	case JNSET:
		return BPF_JSET;
	case BPF_JGE:
		return BPF_JLT;
	case BPF_JGT:
		return BPF_JLE;
	case BPF_JLE:
		return BPF_JGT;
	case BPF_JLT:
		return BPF_JGE;
	case BPF_JSGE:
		return BPF_JSLT;
	case BPF_JSGT:
		return BPF_JSLE;
	case BPF_JSLE:
		return BPF_JSGT;
	case BPF_JSLT:
		return BPF_JSGE;
	}
	return op;
}

/* ---- prediction ---- */

/* One register's ranges at the width of the comparison. */
struct operand {
	struct tnum t;
	u64 umin, umax;
	s64 smin, smax;
};

static struct operand operand_of(const struct bpf_reg_state *r, bool jmp32)
{
	if (jmp32)
		return (struct operand){ tnum_subreg(r->var_off), r->u32_min_value,
					 r->u32_max_value, r->s32_min_value, r->s32_max_value };
	return (struct operand){ r->var_off, r->umin_value, r->umax_value, r->smin_value,
				 r->smax_value };
}

/* Surely different: no number is in both. */
static bool are_disjoint(const struct bpf_reg_state *a, const struct bpf_reg_state *b,
			 const struct operand *x, const struct operand *y, bool jmp32, kver profile)
{
	if (profile >= KVER(6, 18) && !tnum_overlap(x->t, y->t))
		return true;
	if (x->umin > y->umax || x->umax < y->umin || x->smin > y->smax || x->smax < y->smin)
		return true;
	return !jmp32 &&
	       (a->u32_min_value > b->u32_max_value || a->u32_max_value < b->u32_min_value ||
		a->s32_min_value > b->s32_max_value || a->s32_max_value < b->s32_min_value);
}

/* 1 when @yes surely, 0 when @no surely, else -1 */
static int decided(bool yes, bool no)
{
	return yes ? 1 : no ? 0 : -1;
}

static int is_scalar_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b,
				  u8 op, bool jmp32, kver profile)
{
	struct operand x = operand_of(a, jmp32), y = operand_of(b, jmp32);
	int equal = -1;

	switch (op) {
	case BPF_JEQ:
	case BPF_JNE:
		if (tnum_is_const(x.t) && tnum_is_const(y.t))
			equal = x.t.value == y.t.value;
		else if (are_disjoint(a, b, &x, &y, jmp32, profile))
			equal = 0;
		return equal < 0 ? -1 : op == BPF_JEQ ? equal : !equal;
	case BPF_JSET:
		if (!is_const(b, jmp32)) {
			struct operand swap = x;

			if (!is_const(a, jmp32))
				return -1;
			x = y;
			y = swap;
		}
		return decided(x.t.value & y.t.value, !((x.t.value | x.t.mask) & y.t.value));
	case BPF_JGT:
		return decided(x.umin > y.umax, x.umax <= y.umin);
	case BPF_JGE:
		return decided(x.umin >= y.umax, x.umax < y.umin);
	case BPF_JLT:
		return decided(x.umax < y.umin, x.umin >= y.umax);
	case BPF_JLE:
		return decided(x.umax <= y.umin, x.umin > y.umax);
	case BPF_JSGT:
		return decided(x.smin > y.smax, x.smax <= y.smin);
	case BPF_JSGE:
		return decided(x.smin >= y.smax, x.smax < y.smin);
	case BPF_JSLT:
		return decided(x.smax < y.smin, x.smin >= y.smax);
	case BPF_JSLE:
		return decided(x.smax <= y.smin, x.smin > y.smax);
	}
	return -1;
}

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

static bool reg_not_null(const struct bpf_reg_state *reg)
{
	if (type_may_be_null(reg->type))
		return false;
	/* Far enough away it could wrap to 0. */
	if (reg->smin_value <= -BPF_MAX_VAR_OFF || reg->smax_value >= BPF_MAX_VAR_OFF)
		return false;
	switch (base_type(reg->type)) {
	case PTR_TO_SOCKET:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_XDP_SOCK:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_BUF:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MEM:
	case CONST_PTR_TO_MAP:
		return true;
	case PTR_TO_BTF_ID:
		return is_trusted_reg(reg);
	}
	return false;
}

/* 1: jumps, 0: falls through, -1: either. */
static int is_branch_taken(const struct bpf_reg_state *a, const struct bpf_reg_state *b, u8 op,
			   bool jmp32, kver profile)
{
	if (!jmp32 && reg_is_pkt_pointer_any(a) && reg_is_pkt_pointer_any(b))
		return is_pkt_ptr_branch_taken(a, b, op);
	if (a->type != SCALAR_VALUE || b->type != SCALAR_VALUE) {
		if (!is_const(b, jmp32)) {
			const struct bpf_reg_state *swap = a;

			a = b;
			b = swap;
		}
		if (!is_const(b, jmp32) || const_value(b, jmp32) || !reg_not_null(a))
			return -1;
		return op == BPF_JEQ ? 0 : op == BPF_JNE ? 1 : -1;
	}
	return is_scalar_branch_taken(a, b, op, jmp32, profile);
}

/* ---- learning ---- */

#define NARROW_LE(LO, HI)                                                                          \
	do {                                                                                       \
		a->HI = min(a->HI, b->HI);                                                         \
		b->LO = max(a->LO, b->LO);                                                         \
	} while (0)
/* Unsigned arithmetic, since the signed one might overflow where the path is impossible. */
#define NARROW_LT(T, U, LO, HI)                                                                    \
	do {                                                                                       \
		a->HI = min(a->HI, (T)((U)b->HI - 1));                                             \
		b->LO = max((T)((U)a->LO + 1), b->LO);                                             \
	} while (0)
#define NARROW_EQ(LO, HI)                                                                          \
	do {                                                                                       \
		a->LO = b->LO = max(a->LO, b->LO);                                                 \
		a->HI = b->HI = min(a->HI, b->HI);                                                 \
	} while (0)
/* A range loses an end that the value is known not to be. */
#define NARROW_NE(T, U, LO, HI)                                                                    \
	do {                                                                                       \
		if (a->LO == (T)v)                                                                 \
			a->LO = (T)((U)a->LO + 1);                                                 \
		if (a->HI == (T)v)                                                                 \
			a->HI = (T)((U)a->HI - 1);                                                 \
	} while (0)

/* Narrows both registers by "a op b", which holds. */
static void refine(struct bpf_reg_state *a, struct bpf_reg_state *b, u8 op, bool jmp32)
{
	struct bpf_reg_state *swap;
	struct tnum t;
	u64 v;

	switch (op) {
	case BPF_JGE:
	case BPF_JGT:
	case BPF_JSGE:
	case BPF_JSGT:
		op = flip_opcode(op);
		swap = a;
		a = b;
		b = swap;
		break;
	case BPF_JNE:
	case BPF_JSET:
	case JNSET: /* teach something of one only when the other is known */
		if (!is_const(b, jmp32)) {
			swap = a;
			a = b;
			b = swap;
		}
		if (!is_const(b, jmp32))
			return;
		break;
	}
	v = const_value(b, jmp32);
	switch (op) {
	case BPF_JEQ:
		if (jmp32) {
			NARROW_EQ(u32_min_value, u32_max_value);
			NARROW_EQ(s32_min_value, s32_max_value);
			t = tnum_intersect(tnum_subreg(a->var_off), tnum_subreg(b->var_off));
			a->var_off = tnum_with_subreg(a->var_off, t);
			b->var_off = tnum_with_subreg(b->var_off, t);
		} else {
			NARROW_EQ(umin_value, umax_value);
			NARROW_EQ(smin_value, smax_value);
			a->var_off = b->var_off = tnum_intersect(a->var_off, b->var_off);
		}
		break;
	case BPF_JNE:
		if (jmp32) {
			NARROW_NE(u32, u32, u32_min_value, u32_max_value);
			NARROW_NE(s32, u32, s32_min_value, s32_max_value);
		} else {
			NARROW_NE(u64, u64, umin_value, umax_value);
			NARROW_NE(s64, u64, smin_value, smax_value);
		}
		break;
	case BPF_JSET:
		if (!is_power_of_2(v))
			break; /* which of several bits it is stays open */
		if (jmp32)
			a->var_off = tnum_with_subreg(
				a->var_off, tnum_or(tnum_subreg(a->var_off), tnum_const(v)));
		else
			a->var_off = tnum_or(a->var_off, tnum_const(v));
		break;
	case JNSET:
		/* The ranges may contradict the cleared bits where the path is impossible. */
		__mark_reg_unbounded(a);
		if (jmp32)
			a->var_off = tnum_with_subreg(
				a->var_off, tnum_and(tnum_subreg(a->var_off), tnum_const(~v)));
		else
			a->var_off = tnum_and(a->var_off, tnum_const(~v));
		break;
	case BPF_JLE:
		if (jmp32)
			NARROW_LE(u32_min_value, u32_max_value);
		else
			NARROW_LE(umin_value, umax_value);
		break;
	case BPF_JLT:
		if (jmp32)
			NARROW_LT(u32, u32, u32_min_value, u32_max_value);
		else
			NARROW_LT(u64, u64, umin_value, umax_value);
		break;
	case BPF_JSLE:
		if (jmp32)
			NARROW_LE(s32_min_value, s32_max_value);
		else
			NARROW_LE(smin_value, smax_value);
		break;
	case BPF_JSLT:
		if (jmp32)
			NARROW_LT(s32, u32, s32_min_value, s32_max_value);
		else
			NARROW_LT(s64, u64, smin_value, smax_value);
		break;
	}
}

/* What the two sides of a comparison of scalars know; pointers learn nothing here. */
static int reg_set_min_max(struct bpf_verifier_env *env, struct bpf_reg_state *true_a,
			   struct bpf_reg_state *true_b, struct bpf_reg_state *false_a,
			   struct bpf_reg_state *false_b, u8 op, bool jmp32)
{
	int err;

	if (false_a->type != SCALAR_VALUE || false_b->type != SCALAR_VALUE)
		return 0;
	refine(false_a, false_b, reverse_opcode(op), jmp32);
	reg_bounds_sync(false_a);
	reg_bounds_sync(false_b);
	refine(true_a, true_b, op, jmp32);
	reg_bounds_sync(true_a);
	reg_bounds_sync(true_b);
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
		/* Timers must be used with the map they live in: tell inner maps apart. */
		if (map_has_field(reg->map, BIT(BPF_FIELD_TIMER) | BIT(BPF_FIELD_WORKQUEUE)))
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
				      const struct bpf_reg_state *src)
{
	struct bpf_reg_state *equal = BPF_OP(insn->code) == BPF_JEQ ? jumps :
				      BPF_OP(insn->code) == BPF_JNE ? falls :
								      NULL;
	bool dst_ok, src_ok;

	if (!equal || base_type(src->type) == PTR_TO_BTF_ID ||
	    base_type(dst->type) == PTR_TO_BTF_ID)
		return;
	dst_ok = reg_not_null(dst);
	src_ok = reg_not_null(src);
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
		if (!insn_check_fields(insn, env->profile, &problem))
			return refuse(env, problem.id, (int)problem.arg[0], (int)problem.arg[1]);
		return check_may_goto(env, insn, insn_idx);
	}
	if (op == BPF_JA || op > BPF_JCOND)
		return refuse(env, DIAG_BRANCH_OPCODE, op);
	err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	if (!env->aux[*insn_idx].fields_ok) {
		if (!insn_check_fields(insn, env->profile, &problem))
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
		env->aux[*insn_idx].branch_seen |= pred ? BIT(0) : BIT(1);
		print_after_jump(env);
		if (pred)
			*insn_idx += (u32)(s32)insn->off;
		return 0;
	}
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
		learn_from_equal_pointers(insn, regs, oregs, dst, src);
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
