/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arithmetic on registers: what is known of the result, and which arithmetic
 * pointers allow (Linux: check_alu_op(), adjust_reg_min_max_vals() and the
 * scalar_min_max functions in verifier.c).
 *
 * What programs that lack CAP_PERFMON may not do lest the processor runs ahead is in
 * sanitize.c.
 */
#include <errno.h>
#include <string.h>

#include "isa/insn.h"
#include "verifier/check.h"
#include "verifier/scalar.h"

static const char *const alu_string[16] = {
	"+=",  "-=", "*=", "/=", "|=",	 "&=",	   "<<=", ">>=",
	"neg", "%=", "^=", "=",	 "s>>=", "endian", "?",	  "?",
};

static bool is_alu32(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) != BPF_ALU64;
}

void clear_scalar_id(struct bpf_reg_state *reg)
{
	reg->id = 0;
	reg->off = 0;
}

/* A copy shares the id of its source, so that what one branch learns holds for both. */
void assign_scalar_id_before_mov(struct bpf_verifier_env *env, struct bpf_reg_state *src)
{
	if (src->type != SCALAR_VALUE)
		return;
	/* Only one constant distance can be recorded. */
	if (src->id & BPF_ADD_CONST)
		clear_scalar_id(src);
	if (!src->id && !tnum_is_const(src->var_off))
		src->id = ++env->id_gen;
}

/* Known bits move with their bytes; on this (little-endian) machine to_le only truncates. */
static void byte_swap(struct bpf_reg_state *d, const struct bpf_insn *insn)
{
	bool swap = !is_alu32(insn) ||
		    (BPF_SRC(insn->code) == BPF_TO_LE) == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	if (swap || insn->imm < 64)
		clear_scalar_id(d);
	if (swap) {
		d->var_off = insn->imm == 16 ? tnum_bswap16(d->var_off) :
			     insn->imm == 32 ? tnum_bswap32(d->var_off) :
					       tnum_bswap64(d->var_off);
		__mark_reg_unbounded(d);
	}
	if (insn->imm < 64)
		coerce_reg_to_size(d, insn->imm / 8);
}

/*
 * Masking with all ones or nothing: compilers make such a mask from a sign. The two
 * cases are followed one by one, each with a constant.
 */
static int maybe_fork_scalars(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			      struct bpf_reg_state *dst)
{
	struct bpf_verifier_state *other;
	struct bpf_reg_state *reg;
	bool low_only;

	if (dst->smin_value == -1 && dst->smax_value == 0)
		low_only = false;
	else if (dst->s32_min_value == -1 && dst->s32_max_value == 0)
		low_only = true;
	else
		return 0;
	other = push_stack(env, env->insn_idx, env->insn_idx, false);
	if (!other)
		return push_failed(env, -EFAULT);
	reg = &other->frame[other->curframe]->regs[insn->dst_reg];
	if (low_only) {
		reg32_set_value(reg, 0);
		reg32_set_value(dst, ~0U);
	} else {
		__mark_reg_known(reg, 0);
		__mark_reg_known(dst, ~0ULL);
	}
	return 0;
}

/* Whether the result's range can be told: shifts need a known distance in range. */
static bool result_is_computable(const struct bpf_insn *insn, const struct bpf_reg_state *src,
				 kver profile)
{
	bool alu32 = is_alu32(insn), known;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_AND:
	case BPF_XOR:
	case BPF_OR:
	case BPF_MUL:
		return true;
	case BPF_NEG:
		return profile >= KVER(6, 17);
	case BPF_END:
		return profile >= KVER(6, 18);
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		if (alu32)
			known = tnum_subreg_is_const(src->var_off) &&
				src->u32_min_value == src->u32_max_value &&
				src->s32_min_value == src->s32_max_value;
		else
			known = tnum_is_const(src->var_off) && src->umin_value == src->umax_value &&
				src->smin_value == src->smax_value;
		return known && src->umax_value < (alu32 ? 32 : 64);
	}
	return false;
}

/* reg += @k for a linked register; @alu32: in 32 bits. */
void scalar_add_const(struct bpf_reg_state *reg, s64 k, bool alu32, kver profile)
{
	struct bpf_reg_state c;

	memset(&c, 0, sizeof(c));
	reg_set_value(&c, (u64)k);
	scalar_ranges_add(reg, &c, profile);
	reg->var_off = tnum_add(reg->var_off, c.var_off);
	if (alu32)
		zext_32_to_64(reg);
	if (profile >= KVER(6, 18))
		reg_bounds_sync(reg);
}

/* dst = dst op src, both scalars. @src may be a copy of @dst but not @dst itself. */
static int adjust_scalar_min_max_vals(struct bpf_verifier_env *env, const struct bpf_insn *insn,
				      struct bpf_reg_state *dst, const struct bpf_reg_state *src)
{
	u8 op = BPF_OP(insn->code);
	bool alu32 = is_alu32(insn);
	struct bpf_reg_state old;
	int err;

	if (!result_is_computable(insn, src, env->profile)) {
		__mark_reg_unknown(env, dst);
		return 0;
	}
	err = sanitize_scalar_alu(env, insn);
	if (err)
		return err;
	switch (op) {
	case BPF_ADD:
		scalar_ranges_add(dst, src, env->profile);
		dst->var_off = tnum_add(dst->var_off, src->var_off);
		break;
	case BPF_SUB:
		scalar_ranges_sub(dst, src, env->profile);
		dst->var_off = tnum_sub(dst->var_off, src->var_off);
		break;
	case BPF_NEG:
		old = *dst;
		__mark_reg_known(dst, 0);
		scalar_ranges_sub(dst, &old, env->profile);
		dst->var_off = tnum_neg(old.var_off);
		break;
	case BPF_END:
		byte_swap(dst, insn);
		reg_bounds_sync_for(env, dst);
		return 0;
	case BPF_MUL:
		if (env->profile >= KVER(6, 18))
			dst->var_off = tnum_mul(dst->var_off, src->var_off);
		else
			dst->var_off = tnum_mul_coarse(dst->var_off, src->var_off);
		if (env->profile >= KVER(6, 14))
			scalar_ranges_mul(dst, src);
		else
			scalar_ranges_mul_coarse(dst, src);
		break;
	case BPF_AND:
	case BPF_OR:
		if (tnum_is_const(src->var_off)) {
			err = maybe_fork_scalars(env, insn, dst);
			if (err)
				return err;
		}
		dst->var_off = op == BPF_AND ? tnum_and(dst->var_off, src->var_off) :
					       tnum_or(dst->var_off, src->var_off);
		scalar_ranges_bitwise(dst, src, op);
		break;
	case BPF_XOR:
		dst->var_off = tnum_xor(dst->var_off, src->var_off);
		scalar_ranges_bitwise(dst, src, op);
		break;
	case BPF_LSH:
		scalar_shift_left(dst, (u8)src->umax_value, alu32);
		break;
	case BPF_RSH:
		scalar_shift_right(dst, (u8)src->umax_value, alu32);
		break;
	case BPF_ARSH:
		scalar_shift_right_signed(dst, (u8)src->umax_value, alu32);
		break;
	}
	if (alu32)
		zext_32_to_64(dst);
	reg_bounds_sync_for(env, dst);
	return 0;
}

/* ---- pointers ---- */

static int check_reg_sane_offset(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
				 u32 type)
{
	s64 v = (s64)reg->var_off.value, smin = reg->smin_value;

	if (tnum_is_const(reg->var_off) && (v >= BPF_MAX_VAR_OFF || v <= -BPF_MAX_VAR_OFF))
		return refuse(env, DIAG_ALU_PTR_CONST_RANGE, reg_type_str(env, type), (long long)v);
	if (reg->off >= BPF_MAX_VAR_OFF || reg->off <= -BPF_MAX_VAR_OFF)
		return refuse(env, DIAG_ALU_PTR_OFFSET, reg_type_str(env, type), reg->off);
	if (smin == INT64_MIN)
		return refuse(env, DIAG_ALU_PTR_UNBOUNDED, reg_type_str(env, type));
	if (smin >= BPF_MAX_VAR_OFF || smin <= -BPF_MAX_VAR_OFF)
		return refuse(env, DIAG_ALU_PTR_FAR, (long long)smin, reg_type_str(env, type));
	return 0;
}

/* Programs that may not read all memory must keep pointers inside their object at all times. */
static int check_unprivileged_range(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
				    u32 regno)
{
	char text[TNUM_TEXT];
	int off = reg->off + (int)reg->var_off.value;

	if (env->bypass_spec_v1)
		return 0;
	if (reg->type == PTR_TO_STACK) {
		if (!tnum_is_const(reg->var_off))
			return refuse(env, DIAG_ALU_STACK_VAR_UNPRIV, regno,
				      tnum_text(env, text, reg->var_off), off);
		if (off >= 0 || off < -MAX_BPF_STACK)
			return refuse(env, DIAG_ALU_STACK_RANGE_UNPRIV, regno, off);
	} else if (reg->type == PTR_TO_MAP_VALUE) {
		if (check_map_access(env, regno, reg->off, 1, false))
			return refuse(env, DIAG_ALU_MAP_RANGE_UNPRIV, regno);
	}
	return 0;
}

static bool type_allows_arithmetic(u32 type, bool known, s64 val, u8 op)
{
	switch (base_type(type)) {
	case PTR_TO_CTX:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
	case PTR_TO_STACK:
	case PTR_TO_PACKET_META:
	case PTR_TO_PACKET:
	case PTR_TO_TP_BUFFER:
	case PTR_TO_BTF_ID:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case PTR_TO_FUNC:
	case CONST_PTR_TO_DYNPTR:
		return true;
	case PTR_TO_FLOW_KEYS:
		if (known)
			return true;
		break;
	case CONST_PTR_TO_MAP:
		break;
	default:
		return false;
	}
	/* Adding 0 is what a compiler leaves of a map's address computation. */
	return known && val == 0 && op == BPF_ADD;
}

static void forget_range(struct bpf_reg_state *reg)
{
	memset(reg->raw, 0, sizeof(reg->raw));
}

/*
 * pointer op scalar. A constant goes into the fixed offset; anything else into the
 * variable part, and a packet pointer then is a new origin with its own id.
 * @ptr may be dst (then dst keeps its fields) or the source register (dst becomes it).
 */
static int adjust_ptr_min_max_vals(struct bpf_verifier_env *env, const struct bpf_insn *insn,
				   const struct bpf_reg_state *ptr, const struct bpf_reg_state *off)
{
	u32 dst_no = insn->dst_reg;
	struct bpf_reg_state *dst = &cur_regs(env)[dst_no];
	bool known = tnum_is_const(off->var_off), from_dst = dst == ptr;
	u8 op = BPF_OP(insn->code);
	struct bpf_reg_state p = *ptr;
	s64 k = off->smin_value, sum;
	struct sanitize sanitize;
	int err;

	if ((known && (off->smin_value != off->smax_value || off->umin_value != off->umax_value)) ||
	    off->smin_value > off->smax_value || off->umin_value > off->umax_value) {
		/* Contradictory ranges: the path cannot happen. */
		__mark_reg_unknown(env, dst);
		return 0;
	}
	if (is_alu32(insn)) {
		if (op == BPF_SUB && env->allow_ptr_leaks) {
			__mark_reg_unknown(env, dst);
			return 0;
		}
		return refuse(env, DIAG_ALU_PTR_32, dst_no);
	}
	if (p.type & PTR_MAYBE_NULL)
		return refuse(env, DIAG_ALU_PTR_OR_NULL, dst_no, reg_type_str(env, p.type));
	/* Reads through such a pointer are probed one by one: no offset needs following. */
	if (base_type(p.type) == PTR_TO_MEM && (p.type & PTR_UNTRUSTED))
		return 0;
	if (!type_allows_arithmetic(p.type, known, k, op))
		return refuse(env, DIAG_ALU_PTR_ON, dst_no, reg_type_str(env, p.type));
	err = check_reg_sane_offset(env, off, p.type);
	if (!err)
		err = check_reg_sane_offset(env, &p, p.type);
	if (!err)
		err = sanitize_ptr_before(env, insn, ptr, off, dst, &sanitize);
	if (err)
		return err;
	switch (op) {
	case BPF_ADD:
		if (!from_dst)
			*dst = p;
		__mark_reg32_unbounded(dst); /* pointers carry no 32-bit ranges */
		sum = p.off + k;
		if (known && sum == (s32)sum) {
			dst->off = (s32)sum;
			break;
		}
		if (__builtin_add_overflow(p.smin_value, off->smin_value, &dst->smin_value) ||
		    __builtin_add_overflow(p.smax_value, off->smax_value, &dst->smax_value)) {
			dst->smin_value = INT64_MIN;
			dst->smax_value = INT64_MAX;
		}
		if (__builtin_add_overflow(p.umin_value, off->umin_value, &dst->umin_value) ||
		    __builtin_add_overflow(p.umax_value, off->umax_value, &dst->umax_value)) {
			dst->umin_value = 0;
			dst->umax_value = UINT64_MAX;
		}
		dst->var_off = tnum_add(p.var_off, off->var_off);
		if (type_is_pkt_pointer(p.type)) {
			dst->id = ++env->id_gen;
			forget_range(dst);
		}
		break;
	case BPF_SUB:
		if (!from_dst)
			return refuse(env, DIAG_ALU_PTR_FROM_SCALAR, dst_no);
		if (p.type == PTR_TO_STACK)
			return refuse(env, DIAG_ALU_PTR_STACK_SUB, dst_no);
		__mark_reg32_unbounded(dst);
		sum = p.off - k;
		if (known && sum == (s32)sum) {
			dst->off = (s32)sum;
			break;
		}
		if (__builtin_sub_overflow(p.smin_value, off->smax_value, &dst->smin_value) ||
		    __builtin_sub_overflow(p.smax_value, off->smin_value, &dst->smax_value)) {
			dst->smin_value = INT64_MIN;
			dst->smax_value = INT64_MAX;
		}
		if (p.umin_value < off->umax_value) {
			dst->umin_value = 0;
			dst->umax_value = UINT64_MAX;
		} else {
			dst->umin_value = p.umin_value - off->umax_value;
			dst->umax_value = p.umax_value - off->umin_value;
		}
		dst->var_off = tnum_sub(p.var_off, off->var_off);
		if (type_is_pkt_pointer(p.type)) {
			dst->id = ++env->id_gen;
			/* Going back by a non-negative number, what was proven ahead stays so. */
			if (off->smin_value < 0)
				forget_range(dst);
		}
		break;
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return refuse(env, DIAG_ALU_PTR_BITWISE, dst_no, alu_string[op >> 4]);
	default:
		return refuse(env, DIAG_ALU_PTR_OPERATOR, dst_no, alu_string[op >> 4]);
	}
	err = check_reg_sane_offset(env, dst, p.type);
	if (err)
		return err;
	reg_bounds_sync_for(env, dst);
	err = check_unprivileged_range(env, dst, dst_no);
	return err ? err : sanitize_ptr_after(env, insn, dst, &sanitize);
}

/* ---- instructions ---- */

/*
 * Notes that dst is now a linked value plus a constant, so that a later branch on
 * one bounds the other; any other operation ends the link.
 */
static void link_by_constant(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			     struct bpf_reg_state *dst, const struct bpf_reg_state *src,
			     bool was_u32)
{
	bool alu32 = is_alu32(insn), wide = env->profile >= KVER(6, 18);
	u8 op = BPF_OP(insn->code);
	s64 k = alu32 ? (s32)src->var_off.value : (s64)src->var_off.value;
	bool known = tnum_is_const(alu32 ? tnum_subreg(src->var_off) : src->var_off);

	/* Before 6.18: 64-bit additions of positive constants only. */
	if (!wide && (op != BPF_ADD || alu32 || k < 0))
		known = false;
	if (!env->bpf_capable || (op != BPF_ADD && op != BPF_SUB) || !dst->id || !known ||
	    (BPF_SRC(insn->code) == BPF_X && insn->src_reg == insn->dst_reg) ||
	    (dst->id & BPF_ADD_CONST) || k > INT32_MAX || k < INT32_MIN || (alu32 && !was_u32) ||
	    (op == BPF_SUB && k == INT32_MIN) || env->profile < KVER(6, 11)) {
		clear_scalar_id(dst);
		return;
	}
	dst->id |= alu32 ? BPF_ADD_CONST32 : BPF_ADD_CONST64;
	dst->off = (s32)(op == BPF_SUB ? -k : k);
}

static int adjust_reg_min_max_vals(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	struct bpf_reg_state *regs = cur_regs(env), *dst = &regs[insn->dst_reg];
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	struct bpf_reg_state *src_reg = NULL, src;
	u8 op = BPF_OP(insn->code);
	bool was_u32;
	int err;

	/* Any arithmetic does: what comes of it has 32 bits again, for it is done in 32 bits. */
	if (dst->type == PTR_TO_ARENA ||
	    (BPF_SRC(insn->code) == BPF_X && regs[insn->src_reg].type == PTR_TO_ARENA)) {
		if (dst->type != PTR_TO_ARENA)
			*dst = regs[insn->src_reg];
		dst->subreg_def = (s32)env->insn_idx + 1;
		if (insn_is_alu64(insn))
			aux->arena_alu = true;
		/* On another path it was done in 64 bits, and what is known of that must stay true. */
		return aux->arena_alu && aux->plain_alu ? refuse(env, DIAG_INSN_MIXED_POINTERS) : 0;
	}
	aux->plain_alu = true;
	if (aux->arena_alu)
		return refuse(env, DIAG_INSN_MIXED_POINTERS);
	if (BPF_SRC(insn->code) == BPF_X) {
		src_reg = &regs[insn->src_reg];
		if (src_reg->type != SCALAR_VALUE && dst->type != SCALAR_VALUE) {
			if (op == BPF_SUB && env->allow_ptr_leaks) {
				mark_reg_unknown(env, regs, insn->dst_reg);
				return 0;
			}
			return refuse(env, DIAG_ALU_PTR_PTR, insn->dst_reg, alu_string[op >> 4]);
		}
		if (src_reg->type != SCALAR_VALUE) { /* scalar += pointer */
			err = mark_chain_precision(env, insn->dst_reg);
			if (err)
				return err;
			src = *dst;
			return adjust_ptr_min_max_vals(env, insn, src_reg, &src);
		}
		if (dst->type != SCALAR_VALUE || dst->precise) {
			err = mark_chain_precision(env, insn->src_reg);
			if (err)
				return err;
		}
		src = *src_reg;
	} else {
		memset(&src, 0, sizeof(src));
		src.type = SCALAR_VALUE;
		__mark_reg_known(&src, (u64)(s64)insn->imm);
	}
	if (dst->type != SCALAR_VALUE)
		return adjust_ptr_min_max_vals(env, insn, dst, &src);
	was_u32 = dst->umax_value <= UINT32_MAX;
	err = adjust_scalar_min_max_vals(env, insn, dst, &src);
	if (err)
		return err;
	link_by_constant(env, insn, dst, &src, was_u32);
	return 0;
}

static int check_move(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	struct bpf_reg_state *regs = cur_regs(env);
	struct bpf_reg_state *dst = &regs[insn->dst_reg], *src = &regs[insn->src_reg];
	bool alu32 = is_alu32(insn), keeps_value;
	u32 width;
	int err;

	if (BPF_SRC(insn->code) == BPF_X) {
		err = check_reg_arg(env, insn->src_reg, SRC_OP);
		if (err)
			return err;
	}
	err = check_reg_arg(env, insn->dst_reg, DST_OP_NO_MARK);
	if (err)
		return err;
	if (BPF_SRC(insn->code) == BPF_K) {
		mark_reg_unknown(env, regs, insn->dst_reg);
		__mark_reg_known(dst, alu32 ? (u64)(u32)insn->imm : (u64)(s64)insn->imm);
		return 0;
	}
	if (!alu32 && insn->off == BPF_ADDR_SPACE_CAST_OFF) {
		if (!env->arena)
			return refuse(env, DIAG_ALU_ARENA_CAST);
		mark_reg_unknown(env, regs, insn->dst_reg);
		if (insn->imm == 1) { /* from the arena: such a pointer has 32 bits */
			dst->type = PTR_TO_ARENA;
			dst->subreg_def = (s32)env->insn_idx + 1;
		}
		return 0;
	}
	if (!alu32 && !insn->off) {
		assign_scalar_id_before_mov(env, src);
		*dst = *src;
		dst->subreg_def = DEF_NOT_SUBREG;
		return 0;
	}
	if (is_pointer_value(env, insn->src_reg))
		return refuse(env, alu32 ? DIAG_ALU_PARTIAL_PTR : DIAG_ALU_SEXT_PTR, insn->src_reg);
	if (src->type != SCALAR_VALUE) {
		mark_reg_unknown(env, regs, insn->dst_reg);
	} else {
		/* Linked with the source only if the move changes none of its possible values. */
		width = insn->off ? (u32)insn->off - 1 : 32;
		keeps_value = src->umax_value < 1ULL << width;
		if (keeps_value)
			assign_scalar_id_before_mov(env, src);
		*dst = *src;
		if (!keeps_value)
			clear_scalar_id(dst);
		dst->subreg_def = alu32 ? (s32)env->insn_idx + 1 : DEF_NOT_SUBREG;
		if (insn->off && !alu32)
			coerce_reg_to_size_sx(dst, insn->off >> 3);
		else if (insn->off)
			coerce_subreg_to_size_sx(dst, insn->off >> 3);
	}
	if (alu32) {
		zext_32_to_64(dst);
		reg_bounds_sync_for(env, dst);
	}
	return 0;
}

/* NEG and the byte swaps: one operand. */
static int check_unary(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	struct bpf_reg_state *dst = &cur_regs(env)[insn->dst_reg], src;
	int err;

	err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	if (is_pointer_value(env, insn->dst_reg))
		return refuse(env, DIAG_ALU_PTR, insn->dst_reg);
	if (dst->type != SCALAR_VALUE || !result_is_computable(insn, dst, env->profile))
		return check_reg_arg(env, insn->dst_reg, DST_OP);
	err = check_reg_arg(env, insn->dst_reg, DST_OP_NO_MARK);
	if (err)
		return err;
	src = *dst;
	return adjust_scalar_min_max_vals(env, insn, dst, &src);
}

/*
 * One ALU instruction: operands readable, destination writable, result followed.
 * Reserved fields were checked before (isa/insn.h).
 */
int check_alu_op(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	struct insn_problem problem;
	u8 op = BPF_OP(insn->code);
	int err;

	if (op == BPF_END || op == BPF_NEG) {
		err = check_unary(env, insn);
	} else if (op == BPF_MOV) {
		err = check_move(env, insn);
	} else if (op > BPF_END) {
		return refuse(env, DIAG_ALU_OPCODE, op);
	} else {
		if (BPF_SRC(insn->code) == BPF_X) {
			err = check_reg_arg(env, insn->src_reg, SRC_OP);
			if (err)
				return err;
		}
		err = check_reg_arg(env, insn->dst_reg, SRC_OP);
		if (err)
			return err;
		if (!insn_check_operands(insn, &problem))
			return refuse(env, problem.id, (int)problem.arg[0], (int)problem.arg[1]);
		err = check_reg_arg(env, insn->dst_reg, DST_OP_NO_MARK);
		if (!err)
			err = adjust_reg_min_max_vals(env, insn);
	}
	if (err)
		return err;
	return reg_bounds_sanity_check(env, &cur_regs(env)[insn->dst_reg], "alu");
}
