/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Dynptrs: pointers whose bounds are known at run time, kept in two stack slots that
 * the program cannot touch otherwise (Linux: the dynptr functions of
 * kernel/bpf/verifier.c). The slot with the lower address is the first.
 *
 * Objects in stack slots share the rules on where they may lie: iterators and saved
 * interrupt flags (iter.c) use the first section, too.
 */
#include "verifier/kfunc.h"

/* ---- objects in stack slots ---- */

/* Slot of the lowest address of an object of @slots slots at @reg; -EINVAL, or -ERANGE: not grown yet. */
int object_spi(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, const char *kind,
	       u32 slots)
{
	int off, spi;

	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_OBJECT_VARIABLE, kind);
	off = reg->off + (int)reg->var_off.value;
	if (off % BPF_REG_SIZE)
		return refuse(env, DIAG_OBJECT_OFFSET, kind, off);
	spi = off < 0 ? stack_spi(off) : -1;
	if (spi + 1 < (int)slots)
		return refuse(env, DIAG_OBJECT_OFFSET, kind, off);
	if ((u32)spi >= frame_of(env, reg)->allocated_stack / BPF_REG_SIZE)
		return -ERANGE;
	return spi;
}

/* Whether a failure of object_spi() only means that nothing is there yet. */
static bool nothing_there(int spi)
{
	return spi == -ERANGE;
}

void mark_object_slots(struct bpf_verifier_env *env, struct bpf_func_state *st, u32 spi, u32 slots,
		       u8 type)
{
	for (u32 i = 0; i < slots; i++) {
		memset(st->stack[spi - i].slot_type, type, BPF_REG_SIZE);
		mark_stack_slot_scratched(env, spi - i);
		mark_stack_write(env, st->frameno, BIT_ULL(spi - i));
	}
}

int mark_object_read(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 spi,
		     u32 slots)
{
	u64 mask = 0;

	for (u32 i = 0; i < slots; i++) {
		mask |= BIT_ULL(spi - i);
		mark_stack_slot_scratched(env, spi - i);
	}
	return mark_stack_read(env, reg->frameno, env->insn_idx, mask);
}

/* ---- dynptrs ---- */

int dynptr_spi(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	return object_spi(env, reg, "dynptr", BPF_DYNPTR_SLOTS);
}

static const struct bpf_reg_state *dynptr_reg(struct bpf_verifier_env *env,
					      const struct bpf_reg_state *reg)
{
	int spi;

	if (reg->type == CONST_PTR_TO_DYNPTR)
		return reg;
	spi = dynptr_spi(env, reg);
	return spi < 0 ? NULL : &frame_of(env, reg)->stack[spi].spilled_ptr;
}

u32 dynptr_id(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	const struct bpf_reg_state *d = dynptr_reg(env, reg);

	return d ? d->id : 0;
}

u32 dynptr_ref_obj_id(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	const struct bpf_reg_state *d = dynptr_reg(env, reg);

	return d ? d->ref_obj_id : 0;
}

u32 dynptr_type(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	const struct bpf_reg_state *d = dynptr_reg(env, reg);

	return d ? d->dynptr.dynptr_type : 0;
}

const char *dynptr_type_name(u32 type)
{
	return type & DYNPTR_TYPE_LOCAL	   ? "local" :
	       type & DYNPTR_TYPE_RINGBUF  ? "ringbuf" :
	       type & DYNPTR_TYPE_SKB	   ? "skb" :
	       type & DYNPTR_TYPE_XDP	   ? "xdp" :
	       type & DYNPTR_TYPE_FILE	   ? "file" :
	       type & DYNPTR_TYPE_SKB_META ? "skb_meta" :
					     "<invalid>";
}

static bool type_is_refcounted(u32 type)
{
	return type & (DYNPTR_TYPE_RINGBUF | DYNPTR_TYPE_FILE);
}

static void clear_slots(struct bpf_verifier_env *env, struct bpf_func_state *st, u32 spi)
{
	mark_object_slots(env, st, spi, BPF_DYNPTR_SLOTS, STACK_INVALID);
	__mark_reg_not_init(env, &st->stack[spi].spilled_ptr);
	__mark_reg_not_init(env, &st->stack[spi - 1].spilled_ptr);
}

/* A write to slot @spi: a dynptr of which it is a part is gone, and what was cut from it. */
int destroy_dynptr_slot(struct bpf_verifier_env *env, struct bpf_func_state *st, u32 spi)
{
	u32 id;

	if (st->stack[spi].slot_type[0] != STACK_DYNPTR)
		return 0;
	if (!st->stack[spi].spilled_ptr.dynptr.first_slot)
		spi++;
	if (type_is_refcounted(st->stack[spi].spilled_ptr.dynptr.dynptr_type))
		return refuse(env, DIAG_STACK_OBJECT_OVERWRITE);
	id = st->stack[spi].spilled_ptr.id;
	clear_slots(env, st, spi);
	regs_for_each(env->cur_state, frame, reg, {
		if (base_type(reg->type) == PTR_TO_MEM && reg->dynptr_id == id && id)
			mark_reg_invalid(env, reg);
	});
	return 0;
}

static int make_dynptr(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 type,
		       u32 insn_idx, u32 clone_ref_obj_id)
{
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = dynptr_spi(env, reg), err, ref;
	u32 id;

	if (spi < 0)
		return spi;
	type &= DYNPTR_TYPES;
	if (!type)
		return -EINVAL;
	err = destroy_dynptr_slot(env, st, (u32)spi);
	if (!err)
		err = destroy_dynptr_slot(env, st, (u32)spi - 1);
	if (err)
		return err;
	mark_object_slots(env, st, (u32)spi, BPF_DYNPTR_SLOTS, STACK_DYNPTR);
	id = ++env->id_gen;
	for (int i = 0; i < BPF_DYNPTR_SLOTS; i++) {
		struct bpf_reg_state *slot = &st->stack[spi - i].spilled_ptr;

		memset(slot, 0, sizeof(*slot));
		__mark_reg_known_zero(slot);
		slot->type = CONST_PTR_TO_DYNPTR;
		slot->id = id;
		slot->dynptr.dynptr_type = type;
		slot->dynptr.first_slot = !i;
	}
	if (!type_is_refcounted(type))
		return 0;
	ref = clone_ref_obj_id ? (int)clone_ref_obj_id : acquire_reference(env, insn_idx);
	if (ref < 0)
		return ref;
	st->stack[spi].spilled_ptr.ref_obj_id = (u32)ref;
	st->stack[spi - 1].spilled_ptr.ref_obj_id = (u32)ref;
	return 0;
}

/* The memory behind the dynptr goes back: with it all clones and slices. */
int release_dynptr(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	struct bpf_verifier_state *vst = env->cur_state;
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = dynptr_spi(env, reg), err;
	u32 ref;

	if (spi < 0)
		return spi;
	ref = st->stack[spi].spilled_ptr.ref_obj_id;
	if (!type_is_refcounted(st->stack[spi].spilled_ptr.dynptr.dynptr_type)) {
		clear_slots(env, st, (u32)spi);
		return 0;
	}
	err = release_reference(env, ref);
	if (err)
		return err;
	for (u32 f = 0; f <= vst->curframe; f++) {
		st = vst->frame[f];
		for (u32 i = 1; i < st->allocated_stack / BPF_REG_SIZE; i++)
			if (st->stack[i].slot_type[0] == STACK_DYNPTR &&
			    st->stack[i].spilled_ptr.ref_obj_id == ref &&
			    st->stack[i].spilled_ptr.dynptr.first_slot)
				clear_slots(env, st, i);
	}
	return 0;
}

static bool is_initialised(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	const struct bpf_func_state *st;
	int spi;

	if (reg->type == CONST_PTR_TO_DYNPTR)
		return true;
	spi = dynptr_spi(env, reg);
	if (spi < 0)
		return false;
	st = frame_of(env, reg);
	/* Both slots are always marked whole. */
	return st->stack[spi].slot_type[0] == STACK_DYNPTR &&
	       st->stack[spi].spilled_ptr.dynptr.first_slot &&
	       st->stack[spi - 1].slot_type[0] == STACK_DYNPTR;
}

/* Numbers of arguments in these messages begin at 0 since 6.3 or so; see the recorded ones. */
int process_dynptr(struct bpf_verifier_env *env, u32 regno, u32 insn_idx, u32 arg_type,
		   u32 clone_ref_obj_id)
{
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	u32 want = arg_type & DYNPTR_TYPES, arg = regno - 1;
	int spi, err;

	if (reg->type != PTR_TO_STACK && reg->type != CONST_PTR_TO_DYNPTR)
		return refuse(env, DIAG_DYNPTR_ARG, arg);
	if (arg_type & MEM_UNINIT) {
		spi = reg->type == CONST_PTR_TO_DYNPTR ? -EINVAL : dynptr_spi(env, reg);
		if (spi < 0 && !nothing_there(spi))
			return refuse(env, DIAG_DYNPTR_INITIALISED);
		for (int i = 0; i < BPF_DYNPTR_SIZE; i += BPF_REG_SIZE) {
			err = check_mem_access(env, insn_idx, regno, i, BPF_DW, BPF_WRITE, -1,
					       false, false);
			if (err)
				return err;
		}
		return make_dynptr(env, reg, arg_type, insn_idx, clone_ref_obj_id);
	}
	if (reg->type == CONST_PTR_TO_DYNPTR && !(arg_type & MEM_RDONLY))
		return refuse(env, DIAG_DYNPTR_CONST);
	if (!is_initialised(env, reg))
		return refuse(env, DIAG_DYNPTR_UNINIT, arg);
	if (want && dynptr_type(env, reg) != want)
		return refuse(env, DIAG_DYNPTR_TYPE, dynptr_type_name(want), arg);
	if (reg->type == CONST_PTR_TO_DYNPTR)
		return 0;
	spi = dynptr_spi(env, reg);
	return mark_object_read(env, reg, (u32)spi, BPF_DYNPTR_SLOTS);
}
