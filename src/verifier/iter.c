/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Open-coded iterators: objects in stack slots that bpf_iter_<type>_new() makes,
 * _next() advances and _destroy() ends; and the interrupt flag that
 * bpf_local_irq_save() leaves there (Linux: process_iter_arg(),
 * process_iter_next_call(), process_irq_flag() of kernel/bpf/verifier.c).
 *
 * How a loop over an iterator ends being explored: prune.c.
 */
#include "verifier/kfunc.h"

/* ---- iterators ---- */

static bool is_iter_kfunc(const struct kfunc_meta *m)
{
	return m->k.flags & (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY);
}

bool kfunc_arg_is_iter(const struct kfunc_meta *m, u32 arg)
{
	if (is_iter_kfunc(m))
		return arg == 0;
	return btf_param_suffix(m->btf, &btf_params(m->proto)[arg], "__iter");
}

/* "num" of struct bpf_iter_num */
static const char *iter_name(const struct btf *btf, u32 id)
{
	const char *name = btf_type_name(btf, id);

	return !strncmp(name, "bpf_iter_", 9) ? name + 9 : "<invalid>";
}

static int iter_spi(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 slots)
{
	return object_spi(env, reg, "iter", slots);
}

static bool slots_free(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 slots)
{
	int spi = iter_spi(env, reg, slots);

	if (spi == -ERANGE) /* the writes will grow the stack */
		return true;
	if (spi < 0)
		return false;
	for (u32 i = 0; i < slots; i++)
		for (u32 b = 0; b < BPF_REG_SIZE; b++)
			if (frame_of(env, reg)->stack[(u32)spi - i].slot_type[b] == STACK_ITER)
				return false;
	return true;
}

static int make_iter(struct bpf_verifier_env *env, const struct kfunc_meta *m,
		     const struct bpf_reg_state *reg, u32 insn_idx, u32 btf_id, u32 slots)
{
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = iter_spi(env, reg, slots), id;

	if (spi < 0)
		return spi;
	id = acquire_reference(env, insn_idx);
	if (id < 0)
		return id;
	for (u32 i = 0; i < slots; i++) {
		struct bpf_reg_state *slot = &st->stack[(u32)spi - i].spilled_ptr;

		memset(slot, 0, sizeof(*slot));
		__mark_reg_known_zero(slot);
		slot->type = PTR_TO_STACK; /* iterators have no register type of their own */
		if (m->k.flags & KF_RCU_PROTECTED)
			slot->type |= in_rcu_section(env) ? MEM_RCU : PTR_UNTRUSTED;
		slot->ref_obj_id = i ? 0 : (u32)id;
		slot->iter.btf = m->btf;
		slot->iter.btf_id = btf_id;
		slot->iter.state = ITER_STATE_ACTIVE;
	}
	mark_object_slots(env, st, (u32)spi, slots, STACK_ITER);
	return 0;
}

static int destroy_iter(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 slots)
{
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = iter_spi(env, reg, slots), err;

	if (spi < 0)
		return spi;
	err = release_reference(env, st->stack[spi].spilled_ptr.ref_obj_id);
	if (err)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "iterator without reference");
	for (u32 i = 0; i < slots; i++)
		__mark_reg_not_init(env, &st->stack[(u32)spi - i].spilled_ptr);
	mark_object_slots(env, st, (u32)spi, slots, STACK_INVALID);
	return 0;
}

/* 0, -EINVAL, or -EPROTO: its RCU section has ended. */
static int check_initialised(struct bpf_verifier_env *env, const struct kfunc_meta *m,
			     const struct bpf_reg_state *reg, u32 btf_id, u32 slots)
{
	int spi = iter_spi(env, reg, slots);

	if (spi < 0)
		return -EINVAL;
	for (u32 i = 0; i < slots; i++) {
		const struct bpf_stack_state *s = &frame_of(env, reg)->stack[(u32)spi - i];
		const struct bpf_reg_state *slot = &s->spilled_ptr;

		for (u32 b = 0; b < BPF_REG_SIZE; b++)
			if (s->slot_type[b] != STACK_ITER)
				return -EINVAL;
		if (slot->type & PTR_UNTRUSTED)
			return -EPROTO;
		if (!i != !!slot->ref_obj_id || slot->iter.btf != m->btf ||
		    slot->iter.btf_id != btf_id)
			return -EINVAL;
	}
	return 0;
}

int process_iter_arg(struct bpf_verifier_env *env, u32 regno, u32 insn_idx, struct kfunc_meta *m)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct btf_type *t;
	u32 btf_id = 0, slots;
	int err, spi;

	if (reg->type != PTR_TO_STACK)
		return refuse(env, DIAG_ITER_ARG, regno - 1);
	t = btf_type_resolve_ptr(m->btf, btf_params(m->proto)[regno - 1].type, &btf_id);
	if (!t || btf_kind(t) != BTF_KIND_STRUCT || !t->size || t->size % BPF_REG_SIZE ||
	    strncmp(btf_type_name(m->btf, btf_id), "bpf_iter_", 9))
		return refuse(env, DIAG_ITER_INVALID, regno - 1);
	slots = t->size / BPF_REG_SIZE;

	if (m->k.flags & KF_ITER_NEW) {
		if (!slots_free(env, reg, slots))
			return refuse(env, DIAG_ITER_INITIALISED, iter_name(m->btf, btf_id),
				      regno - 1);
		for (u32 i = 0; i < slots; i++) {
			err = check_mem_access(env, insn_idx, regno, (int)(i * BPF_REG_SIZE),
					       BPF_DW, BPF_WRITE, -1, false, false);
			if (err)
				return err;
		}
		return make_iter(env, m, reg, insn_idx, btf_id, slots);
	}
	err = check_initialised(env, m, reg, btf_id, slots);
	if (err == -EPROTO)
		return refuse(env, DIAG_ITER_NEEDS_RCU, m->name);
	if (err)
		return refuse(env, DIAG_ITER_UNINIT, iter_name(m->btf, btf_id), regno - 1);
	spi = iter_spi(env, reg, slots);
	err = mark_object_read(env, reg, (u32)spi, slots);
	if (err)
		return err;
	m->iter.spi = (u32)spi;
	m->iter.frameno = reg->frameno;
	m->ref_obj_id = frame_of(env, reg)->stack[spi].spilled_ptr.ref_obj_id;
	return m->k.flags & KF_ITER_DESTROY ? destroy_iter(env, reg, slots) : 0;
}

static struct bpf_reg_state *iter_of(struct bpf_verifier_state *st, const struct kfunc_meta *m)
{
	return &st->frame[m->iter.frameno]->stack[m->iter.spi].spilled_ptr;
}

bool iter_is_rcu(struct bpf_verifier_env *env, const struct kfunc_meta *m)
{
	return iter_of(env->cur_state, m)->type & MEM_RCU;
}

static bool same_callsites(const struct bpf_verifier_state *a, const struct bpf_verifier_state *b)
{
	if (a->curframe != b->curframe)
		return false;
	for (u32 f = 0; f <= a->curframe; f++)
		if (a->frame[f]->callsite != b->frame[f]->callsite)
			return false;
	return true;
}

/*
 * Two ways: there is a next element (queued), or there is none and there will never be
 * one (the current path). The queued state forgets what the last round made different
 * in numbers that nobody needed precisely, so that the loop converges.
 */
int process_iter_next(struct bpf_verifier_env *env, u32 insn_idx, const struct kfunc_meta *m)
{
	struct bpf_verifier_state *cur = env->cur_state, *queued, *prev;
	struct bpf_reg_state *iter = iter_of(cur, m);

	if (iter->iter.state != ITER_STATE_ACTIVE && iter->iter.state != ITER_STATE_DRAINED)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "unexpected iterator state");
	if (iter->iter.state == ITER_STATE_ACTIVE) {
		/* The call is a checkpoint: the newest state is of this call. */
		if (!cur->parent || cur->parent->insn_idx != insn_idx ||
		    !same_callsites(cur->parent, cur))
			return refuse_err(env, -EFAULT, DIAG_INTERNAL,
					  "bad parent state for iter next call");
		prev = find_prev_entry(env, cur->parent, insn_idx);
		queued = push_stack(env, insn_idx + 1, insn_idx, false);
		if (!queued)
			return push_failed(env, -ENOMEM);
		iter_of(queued, m)->iter.depth++;
		if (prev)
			widen_imprecise_scalars(env, prev, queued);
		mark_ptr_not_null_reg(&queued->frame[queued->curframe]->regs[BPF_REG_0]);
	}
	iter->iter.state = ITER_STATE_DRAINED;
	__mark_reg_const_zero(env, &cur_regs(env)[BPF_REG_0]);
	return 0;
}

/* ---- saved interrupt flags ---- */

enum { IRQ_NATIVE = 1, IRQ_LOCK };

static int make_irq_flag(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 class)
{
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = object_spi(env, reg, "irq_flag", 1);
	struct bpf_reference_state *ref;
	struct bpf_reg_state *slot;

	if (spi < 0)
		return spi;
	ref = acquire_reference_state(env, env->insn_idx);
	if (!ref)
		return -ENOMEM;
	ref->type = REF_TYPE_IRQ;
	ref->id = ++env->id_gen;
	env->cur_state->active_irq_id = ref->id;
	slot = &st->stack[spi].spilled_ptr;
	memset(slot, 0, sizeof(*slot));
	__mark_reg_known_zero(slot);
	slot->type = PTR_TO_STACK;
	slot->ref_obj_id = ref->id;
	slot->raw[0] = class;
	mark_object_slots(env, st, (u32)spi, 1, STACK_IRQ_FLAG);
	return 0;
}

static int restore_irq_flag(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			    u32 class)
{
	struct bpf_verifier_state *vst = env->cur_state;
	struct bpf_func_state *st = frame_of(env, reg);
	int spi = object_spi(env, reg, "irq_flag", 1);
	u32 before = 0, id;

	if (spi < 0)
		return spi;
	id = st->stack[spi].spilled_ptr.ref_obj_id;
	if (st->stack[spi].spilled_ptr.raw[0] != class)
		return refuse(env, DIAG_IRQ_CLASS, class == IRQ_NATIVE ? "lock" : "native",
			      class == IRQ_NATIVE ? "native" : "lock");
	if (id != vst->active_irq_id) {
		for (u32 i = 0; i < vst->acquired_refs; i++)
			if (vst->refs[i].type == REF_TYPE_IRQ &&
			    vst->refs[i].id == vst->active_irq_id)
				before = (u32)vst->refs[i].insn_idx;
		return refuse_err(env, -EACCES, DIAG_IRQ_ORDER, vst->active_irq_id, before);
	}
	before = 0;
	for (u32 i = 0; i < vst->acquired_refs; i++) {
		if (vst->refs[i].type != REF_TYPE_IRQ)
			continue;
		if (vst->refs[i].id == id) {
			release_reference_state(vst, i);
			break;
		}
		before = vst->refs[i].id;
	}
	vst->active_irq_id = before;
	__mark_reg_not_init(env, &st->stack[spi].spilled_ptr);
	mark_object_slots(env, st, (u32)spi, 1, STACK_INVALID);
	return 0;
}

int process_irq_flag(struct bpf_verifier_env *env, u32 regno, const struct kfunc_meta *m)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	bool save =
		m->k.id == KFUNC_bpf_local_irq_save || m->k.id == KFUNC_bpf_res_spin_lock_irqsave;
	u32 class = m->k.id == KFUNC_bpf_local_irq_save || m->k.id == KFUNC_bpf_local_irq_restore ?
			    IRQ_NATIVE :
			    IRQ_LOCK;
	const struct bpf_stack_state *slot;
	int spi = object_spi(env, reg, "irq_flag", 1), err;

	if (save) {
		bool used = spi < 0 && spi != -ERANGE;

		for (u32 b = 0; spi >= 0 && b < BPF_REG_SIZE; b++)
			used |= frame_of(env, reg)->stack[spi].slot_type[b] == STACK_IRQ_FLAG;
		if (used)
			return refuse(env, DIAG_IRQ_INITIALISED, regno - 1);
		err = check_mem_access(env, env->insn_idx, regno, 0, BPF_DW, BPF_WRITE, -1, false,
				       false);
		return err ? err : make_irq_flag(env, reg, class);
	}
	slot = spi >= 0 ? &frame_of(env, reg)->stack[spi] : NULL;
	if (!slot || !slot->spilled_ptr.ref_obj_id)
		return refuse(env, DIAG_IRQ_UNINIT, regno - 1);
	for (u32 b = 0; b < BPF_REG_SIZE; b++)
		if (slot->slot_type[b] != STACK_IRQ_FLAG)
			return refuse(env, DIAG_IRQ_UNINIT, regno - 1);
	err = mark_object_read(env, reg, (u32)spi, 1);
	return err ? err : restore_irq_flag(env, reg, class);
}
