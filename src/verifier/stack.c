/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The stack of a program: what each byte holds, spilled registers, reads and
 * writes at fixed and variable offsets, buffers handed to helpers (Linux: the
 * check_stack_*() functions of kernel/bpf/verifier.c).
 *
 * Byte b of slot i is the byte at fp - 8 * (i + 1) + (7 - b) counted downwards:
 * slot_type[7] describes the lowest address, so slot_type[(-off - 1) % 8] is the
 * byte at fp + off. A slot holds a spilled register when slot_type[7] says so.
 *
 * The "fastcall" convention is not modelled: it only lets Linux remove spills.
 */
#include "verifier/check.h"

bool is_spilled_reg(const struct bpf_stack_state *slot)
{
	return slot->slot_type[BPF_REG_SIZE - 1] == STACK_SPILL;
}

bool is_spilled_scalar_reg(const struct bpf_stack_state *slot)
{
	return is_spilled_reg(slot) && slot->spilled_ptr.type == SCALAR_VALUE;
}

static u8 *byte_type(struct bpf_func_state *st, int off)
{
	return &st->stack[stack_spi(off)].slot_type[(-off - 1) % BPF_REG_SIZE];
}

/* Registers that keep their identity in a slot; others become bytes of unknown value. */
static bool type_is_spillable(u32 type)
{
	type = base_type(type);
	return type != NOT_INIT && type != SCALAR_VALUE && type != PTR_TO_INSN;
}

static int reg_width(const struct bpf_reg_state *reg)
{
	return reg->umax_value ? 64 - __builtin_clzll(reg->umax_value) : 0;
}

static u32 stack_access_flags(u32 frameno, int spi)
{
	return INSN_F_STACK_ACCESS | (spi << INSN_F_SPI_SHIFT) | frameno;
}

static struct bpf_func_state *stack_frame(struct bpf_verifier_env *env,
					  const struct bpf_reg_state *ptr)
{
	return env->cur_state->frame[ptr->frameno];
}

/* A byte beside a narrow spill: what it held may have been a part of a wider one. */
static void byte_to_misc(struct bpf_verifier_env *env, u8 *type)
{
	if (*type != STACK_ZERO && *type != STACK_INVALID)
		*type = STACK_MISC;
}

static void byte_scrub(u8 *type)
{
	if (*type != STACK_INVALID)
		*type = STACK_MISC;
}

void save_register_state(struct bpf_verifier_env *env, struct bpf_func_state *st, int spi,
			 const struct bpf_reg_state *src, int size)
{
	struct bpf_stack_state *slot = &st->stack[spi];

	slot->spilled_ptr = *src;
	for (int b = BPF_REG_SIZE - 1; b >= 0; b--) {
		if (b >= BPF_REG_SIZE - size)
			slot->slot_type[b] = STACK_SPILL;
		else
			byte_to_misc(env, &slot->slot_type[b]);
	}
}

/* ---- bounds ---- */

/* @helper: the access is a helper's, of memory whose address was passed. */
static int stack_bounds(struct bpf_verifier_env *env, u32 regno, int off, int size,
			enum bpf_access_type t, bool helper)
{
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct bpf_func_state *st = stack_frame(env, reg);
	bool fixed = tnum_is_const(reg->var_off);
	/* Up to 6.13 helpers' reads and writes were not told apart. */
	const char *how = helper && !visible(env->profile, KVER(6, 14)) ? " indirect access to" :
			  t == BPF_READ					? " read from" :
									  " write to";
	s64 lowest, min_off, max_off;
	char tn[TNUM_TEXT];
	int err = 0;

	if (fixed) {
		min_off = (s64)reg->var_off.value + off;
		max_off = min_off + size;
	} else {
		if (reg->smax_value >= BPF_MAX_VAR_OFF || reg->smin_value <= -BPF_MAX_VAR_OFF)
			return refuse(env, DIAG_STACK_UNBOUNDED, how, regno);
		min_off = reg->smin_value + off;
		max_off = reg->smax_value + off + size;
	}

	/* Reading below what was ever written is fine only where rubbish may be read. */
	lowest = t == BPF_WRITE || env->allow_uninit_stack ? -MAX_BPF_STACK :
							     -(s64)st->allocated_stack;
	if (min_off < lowest || min_off > -1)
		err = -EACCES;
	else if (max_off > 0)
		err = -EINVAL;
	else if (size < 0)
		err = -EFAULT;
	if (err) {
		if (fixed)
			return refuse_err(env, err, DIAG_STACK_OUT_OF_BOUNDS, how, regno, off,
					  size);
		return refuse_err(env, err, DIAG_STACK_VAR_OUT_OF_BOUNDS, how, regno,
				  tnum_text(env, tn, reg->var_off), off, size);
	}
	check_fastcall_contract(env, st->subprogno, min_off);
	return grow_stack_state(env, st, -min_off);
}

int check_stack_access_bounds(struct bpf_verifier_env *env, u32 regno, int off, int size,
			      enum bpf_access_type t)
{
	return stack_bounds(env, regno, off, size, t, false);
}

/* ---- writes ---- */

/* Whether a spilled scalar stays known: before 6.8 not 0 (its bytes were), before 6.9 not any number. */
static bool keeps_scalar(const struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	if (reg->type != SCALAR_VALUE)
		return false;
	if (!visible(env->profile, KVER(6, 8)) && register_is_null(reg))
		return false;
	return visible(env->profile, KVER(6, 9)) || !tnum_is_unknown(reg->var_off) ||
	       reg->smin_value != INT64_MIN || reg->smax_value != INT64_MAX || reg->umin_value ||
	       reg->umax_value != UINT64_MAX || reg->s32_min_value != INT32_MIN ||
	       reg->s32_max_value != INT32_MAX || reg->u32_min_value ||
	       reg->u32_max_value != UINT32_MAX;
}

int check_stack_write_fixed_off(struct bpf_verifier_env *env, struct bpf_func_state *st, int off,
				int size, int value_regno, u32 insn_idx)
{
	struct bpf_func_state *cur = cur_func(env);
	const struct bpf_insn *insn = &env->insns[insn_idx];
	/* BPF_ST writes a constant; helpers write data without any register. */
	bool imm = BPF_CLASS(insn->code) == BPF_ST && BPF_MODE(insn->code) == BPF_MEM;
	struct bpf_reg_state *reg = value_regno >= 0 ? &cur->regs[value_regno] : NULL;
	int spi = stack_spi(off), slot_byte = (-off - 1) % BPF_REG_SIZE;
	struct bpf_stack_state *slot = &st->stack[spi];
	bool whole = !(off % BPF_REG_SIZE);
	int err;

	if (!env->allow_ptr_leaks && is_spilled_reg(slot) && !is_spilled_scalar_reg(slot) &&
	    size != BPF_REG_SIZE)
		return refuse(env, DIAG_STACK_CORRUPTS_SPILL);

	if (!env->bypass_spec_v4) {
		bool sanitize = reg && type_is_spillable(reg->type);

		for (int i = 0; i < size; i++) {
			u8 type = slot->slot_type[i];

			sanitize |= type != STACK_MISC && type != STACK_ZERO;
		}
		env->aux[insn_idx].sanitize_stack_spill |= sanitize;
	}
	/* Writing to a dynptr ends it; iterators and flags cannot be ended any more. */
	err = destroy_dynptr_slot(env, st, (u32)spi);
	if (err)
		return err;

	mark_stack_slot_scratched(env, spi);
	/* Pruning must not take a partial write for a definition of the slot. */
	if (size == BPF_REG_SIZE)
		mark_stack_write(env, st->frameno, BIT_ULL(spi));
	if (whole && reg && keeps_scalar(env, reg) && env->bpf_capable) {
		bool fits = reg_width(reg) <= size * 8;

		if (fits && visible(env->profile, KVER(6, 9)))
			assign_scalar_id_before_mov(env, reg);
		save_register_state(env, st, spi, reg, size);
		if (!fits) /* the stored value is no longer equal to the register */
			slot->spilled_ptr.id = 0;
	} else if (whole && !reg && imm && env->bpf_capable &&
		   (insn->imm || visible(env->profile, KVER(6, 8)))) {
		struct bpf_reg_state value = { 0 };

		__mark_reg_known(&value, (u64)(s64)insn->imm);
		value.type = SCALAR_VALUE;
		save_register_state(env, st, spi, &value, size);
	} else if (reg && type_is_spillable(reg->type)) {
		if (size != BPF_REG_SIZE) {
			verbose_linfo(env, insn_idx, "; ");
			return refuse(env, DIAG_STACK_SPILL_SIZE);
		}
		if (st != cur && reg->type == PTR_TO_STACK)
			return refuse(env, DIAG_STACK_SPILL_TO_CALLER);
		save_register_state(env, st, spi, reg, size);
	} else {
		u8 type = STACK_MISC;

		/* Data over (a part of) a spill: the register that was there is gone. */
		slot->spilled_ptr.type = NOT_INIT;
		if (is_spilled_reg(slot))
			for (int b = 0; b < BPF_REG_SIZE; b++)
				byte_scrub(&slot->slot_type[b]);
		if ((reg && register_is_null(reg)) || (!reg && imm && insn->imm == 0)) {
			if (reg) {
				err = mark_chain_precision(env, value_regno);
				if (err)
					return err;
			}
			type = STACK_ZERO;
		}
		for (int i = 0; i < size; i++)
			slot->slot_type[slot_byte - i] = type;
		return 0;
	}
	return push_jmp_history(env, env->cur_state, stack_access_flags(st->frameno, spi), 0);
}

static int check_stack_write_var_off(struct bpf_verifier_env *env, struct bpf_func_state *st,
				     u32 ptr_regno, int off, int size, int value_regno,
				     u32 insn_idx)
{
	const struct bpf_reg_state *ptr = &cur_regs(env)[ptr_regno];
	const struct bpf_reg_state *value = value_regno >= 0 ? &cur_regs(env)[value_regno] : NULL;
	const struct bpf_insn *insn = &env->insns[insn_idx];
	bool imm = BPF_CLASS(insn->code) == BPF_ST && BPF_MODE(insn->code) == BPF_MEM;
	bool zero = value ? register_is_null(value) : imm && insn->imm == 0;
	int min_off = ptr->smin_value + off, max_off = ptr->smax_value + off + size;
	bool zero_used = false;

	for (int i = min_off; i < max_off; i++) {
		int err = destroy_dynptr_slot(env, st, (u32)stack_spi(i));

		if (err)
			return err;
	}

	for (int i = min_off; i < max_off; i++) {
		struct bpf_stack_state *slot = &st->stack[stack_spi(i)];
		u8 *type = byte_type(st, i);

		mark_stack_slot_scratched(env, stack_spi(i));
		/* Which bytes are written is unknown, so a spilled pointer could be torn. */
		if (!env->allow_ptr_leaks && *type != STACK_MISC && *type != STACK_ZERO)
			return refuse(env, DIAG_STACK_VAR_WRITE_SPILL, insn_idx, i);
		if (zero && *type == STACK_SPILL && is_spilled_scalar_reg(slot) &&
		    tnum_equals_const(slot->spilled_ptr.var_off, 0)) {
			zero_used = true;
			continue;
		}
		/* A spilled register is torn, all its bytes are plain data then. */
		if (is_spilled_reg(slot))
			for (int b = 0; b < BPF_REG_SIZE; b++)
				byte_scrub(&slot->slot_type[b]);
		slot->spilled_ptr.type = NOT_INIT;
		if (*type == STACK_INVALID && !env->allow_uninit_stack)
			return refuse(env, DIAG_STACK_VAR_WRITE_UNINIT, insn_idx, i);
		if (zero && *type == STACK_ZERO) {
			zero_used = true;
			continue;
		}
		*type = STACK_MISC;
	}
	/* That zeros stayed zeros depends on the value written being exactly zero. */
	if (zero_used && value)
		return mark_chain_precision(env, value_regno);
	return 0;
}

int check_stack_write(struct bpf_verifier_env *env, u32 ptr_regno, int off, int size,
		      int value_regno, u32 insn_idx)
{
	const struct bpf_reg_state *ptr = &cur_regs(env)[ptr_regno];
	struct bpf_func_state *st = stack_frame(env, ptr);

	if (tnum_is_const(ptr->var_off))
		return check_stack_write_fixed_off(env, st, off + (int)ptr->var_off.value, size,
						   value_regno, insn_idx);
	return check_stack_write_var_off(env, st, ptr_regno, off, size, value_regno, insn_idx);
}

/* ---- reads ---- */

/* The register that receives bytes [min_off, max_off): zero if all of them are, else unknown. */
static void reg_from_bytes(struct bpf_verifier_env *env, struct bpf_func_state *src, int min_off,
			   int max_off, int dst_regno)
{
	struct bpf_func_state *cur = cur_func(env);
	bool zeros = true;

	for (int i = min_off; i < max_off; i++) {
		mark_stack_slot_scratched(env, stack_spi(i));
		if (*byte_type(src, i) != STACK_ZERO) {
			zeros = false;
			break;
		}
	}
	if (zeros)
		__mark_reg_const_zero(env, &cur->regs[dst_regno]);
	else
		mark_reg_unknown(env, cur->regs, dst_regno);
}

/* Reads a part of a spilled scalar, or a whole slot of which a part was spilled. */
static int fill_part(struct bpf_verifier_env *env, struct bpf_func_state *src, int off, int size,
		     int spill_size, int dst_regno, bool *is_fill)
{
	struct bpf_stack_state *slot = &src->stack[stack_spi(off)];
	struct bpf_reg_state *reg = &slot->spilled_ptr;
	struct bpf_func_state *cur = cur_func(env);
	struct bpf_reg_state *dst = &cur->regs[dst_regno];
	int spilled = 0, zeros = 0;

	/* A part of what was spilled is known since 6.9; before, it had to be all of it. */
	if (!(off % BPF_REG_SIZE) &&
	    (visible(env->profile, KVER(6, 9)) ? size <= spill_size : size == spill_size)) {
		s32 subreg_def = dst->subreg_def;

		*dst = *reg;
		dst->subreg_def = subreg_def;
		if (reg_width(reg) > size * 8)
			dst->id = 0; /* the caller truncates: no longer equal */
		return 0;
	}
	for (int i = 0; i < size; i++) {
		switch (*byte_type(src, off + i)) {
		case STACK_SPILL:
			spilled++;
			break;
		case STACK_ZERO:
			zeros++;
			break;
		case STACK_MISC:
			break;
		case STACK_INVALID:
			if (env->allow_uninit_stack)
				break;
			return refuse(env, DIAG_STACK_READ_UNINIT, off, i, size);
		default:
			return refuse(env, DIAG_STACK_READ_UNINIT, off, i, size);
		}
	}
	if (!visible(env->profile, KVER(6, 8))) {
		mark_reg_unknown(env, cur->regs, dst_regno);
		*is_fill = false;
	} else if (spilled == size && tnum_equals_const(reg->var_off, 0)) {
		__mark_reg_const_zero(env, dst);
	} else if (zeros == size) {
		__mark_reg_const_zero(env, dst);
		*is_fill = false;
	} else {
		mark_reg_unknown(env, cur->regs, dst_regno);
		*is_fill = false;
	}
	return 0;
}

/* @dst_regno < 0: the bytes are read, by a helper or an atomic, but into no register. */
static int check_stack_read_fixed_off(struct bpf_verifier_env *env, struct bpf_func_state *src,
				      int off, int size, int dst_regno)
{
	struct bpf_func_state *cur = cur_func(env);
	int spi = stack_spi(off), err, spill_size = 0;
	struct bpf_stack_state *slot = &src->stack[spi];
	struct bpf_reg_state *reg = &slot->spilled_ptr;
	bool is_fill = true;

	mark_stack_slot_scratched(env, spi);
	err = mark_stack_read(env, src->frameno, env->insn_idx, BIT_ULL(spi));
	if (err)
		return err;
	if (!is_spilled_reg(slot)) {
		for (int i = 0; i < size; i++) {
			u8 type = *byte_type(src, off + i);

			if (type == STACK_MISC || type == STACK_ZERO ||
			    (type == STACK_INVALID && env->allow_uninit_stack))
				continue;
			return refuse(env, DIAG_STACK_READ_UNINIT, off, i, size);
		}
		if (dst_regno >= 0)
			reg_from_bytes(env, src, off, off + size, dst_regno);
		return 0;
	}

	for (int b = BPF_REG_SIZE - 1; b >= 0 && slot->slot_type[b] == STACK_SPILL; b--)
		spill_size++;
	if (size != BPF_REG_SIZE || spill_size != BPF_REG_SIZE) {
		if (reg->type != SCALAR_VALUE) {
			verbose_linfo(env, env->insn_idx, "; ");
			return refuse(env, DIAG_STACK_FILL_SIZE);
		}
		if (dst_regno < 0)
			return 0;
		err = fill_part(env, src, off, size, spill_size, dst_regno, &is_fill);
		if (err)
			return err;
	} else if (dst_regno >= 0) {
		cur->regs[dst_regno] = *reg;
	} else if (reg_is_pointer(env, reg)) {
		/* An atomic or a helper would turn the pointer into data. */
		return refuse(env, DIAG_STACK_LEAK, off);
	}
	if (!is_fill)
		return 0;
	return push_jmp_history(env, env->cur_state, stack_access_flags(src->frameno, spi), 0);
}

static int stack_buffer(struct bpf_verifier_env *env, u32 regno, int off, int access_size,
			bool zero_size_allowed, enum bpf_access_type t,
			struct bpf_call_arg_meta *meta, bool helper);

int check_stack_read(struct bpf_verifier_env *env, u32 ptr_regno, int off, int size, int dst_regno)
{
	const struct bpf_reg_state *ptr = &cur_regs(env)[ptr_regno];
	struct bpf_func_state *src = stack_frame(env, ptr);
	char tn[TNUM_TEXT];
	int err;

	if (tnum_is_const(ptr->var_off))
		return check_stack_read_fixed_off(env, src, off + (int)ptr->var_off.value, size,
						  dst_regno);
	if (dst_regno < 0)
		return refuse(env, DIAG_STACK_VAR_TO_HELPER, tnum_text(env, tn, ptr->var_off), off,
			      size);
	err = stack_buffer(env, ptr_regno, off, size, false, BPF_READ, NULL, false);
	if (err)
		return err;
	/* The fill may overwrite the pointer itself: take its bounds first. */
	reg_from_bytes(env, src, ptr->smin_value + off, ptr->smax_value + off + size, dst_regno);
	return 0;
}

/* ---- buffers of helpers ---- */

/*
 * Whether @access_size bytes from R@regno + @off may be read (or, @t BPF_WRITE,
 * overwritten) without the program seeing what it did not write. With
 * @meta->raw_mode the helper fills the buffer: its place is noted in @meta and the
 * caller marks it written.
 */
static int stack_buffer(struct bpf_verifier_env *env, u32 regno, int off, int access_size,
			bool zero_size_allowed, enum bpf_access_type t,
			struct bpf_call_arg_meta *meta, bool helper)
{
	/* Up to 6.13 helpers' reads and writes were not told apart: they did whatever is worse. */
	bool any = helper && !visible(env->profile, KVER(6, 14));
	const char *how = any ? " indirect" : "";
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct bpf_func_state *st = stack_frame(env, reg);
	bool fixed = tnum_is_const(reg->var_off);
	int min_off, max_off, err;
	char tn[TNUM_TEXT];
	u64 mask = 0;

	if (access_size == 0 && !zero_size_allowed)
		return refuse(env, DIAG_STACK_ZERO_SIZED);
	if (any)
		t = BPF_WRITE;
	err = stack_bounds(env, regno, off, access_size, t, helper);
	if (err)
		return err;

	if (fixed) {
		min_off = max_off = (int)reg->var_off.value + off;
	} else {
		if (!env->bypass_spec_v1)
			return refuse(env, DIAG_STACK_VAR_UNPRIV, regno, how,
				      tnum_text(env, tn, reg->var_off));
		/* Not every byte of the range is written for sure: all must be initialised. */
		if (meta && meta->raw_mode)
			meta = NULL;
		min_off = reg->smin_value + off;
		max_off = reg->smax_value + off;
	}

	if (meta && meta->raw_mode) {
		for (int i = min_off; i < max_off + access_size; i++) {
			if (-i > (int)st->allocated_stack)
				continue;
			if (st->stack[stack_spi(i)].slot_type[0] == STACK_DYNPTR)
				return refuse(env, DIAG_STACK_OBJECT_WRITE, i);
		}
		meta->access_size = access_size;
		meta->regno = regno;
		return 0;
	}

	for (int i = min_off; i < max_off + access_size; i++) {
		struct bpf_stack_state *slot;
		u8 *type;

		if (-i > (int)st->allocated_stack)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL, "stack not grown");
		slot = &st->stack[stack_spi(i)];
		type = byte_type(st, i);
		if (*type == STACK_MISC) {
			;
		} else if (*type == STACK_ZERO ||
			   (*type == STACK_INVALID && env->allow_uninit_stack)) {
			if (t == BPF_WRITE)
				*type = STACK_MISC;
		} else if (is_spilled_reg(slot) &&
			   (slot->spilled_ptr.type == SCALAR_VALUE || env->allow_ptr_leaks)) {
			if (t == BPF_WRITE) {
				__mark_reg_unknown(env, &slot->spilled_ptr);
				for (int b = 0; b < BPF_REG_SIZE; b++)
					byte_scrub(&slot->slot_type[b]);
			}
		} else if (fixed) {
			return refuse(env, DIAG_STACK_BUF_UNINIT, how, regno, min_off, i - min_off,
				      access_size);
		} else {
			return refuse(env, DIAG_STACK_VAR_BUF_UNINIT, how, regno,
				      tnum_text(env, tn, reg->var_off), i - min_off, access_size);
		}
		mask |= BIT_ULL(stack_spi(i));
	}
	return mask ? mark_stack_read(env, st->frameno, env->insn_idx, mask) : 0;
}

int check_stack_buffer(struct bpf_verifier_env *env, u32 regno, int off, int access_size,
		       bool zero_size_allowed, enum bpf_access_type t,
		       struct bpf_call_arg_meta *meta)
{
	return stack_buffer(env, regno, off, access_size, zero_size_allowed, t, meta, true);
}
