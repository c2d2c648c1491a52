/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lists and trees of allocated objects: who owns a node, and what may be seen of it
 * while the lock of the root is held (Linux: process_kf_arg_ptr_to_graph_root(),
 * ref_set_non_owning() and their neighbours in kernel/bpf/verifier.c).
 */
#include "verifier/kfunc.h"

static const char *kind_name(u32 kind)
{
	return btf_field_kind_name(kind);
}

static bool root_takes(u32 kind, enum kfunc_id id)
{
	switch ((int)id) {
	case KFUNC_bpf_list_push_front_impl:
	case KFUNC_bpf_list_push_back_impl:
	case KFUNC_bpf_list_pop_front:
	case KFUNC_bpf_list_pop_back:
	case KFUNC_bpf_list_front:
	case KFUNC_bpf_list_back:
		return kind == BTF_FIELD_LIST_HEAD;
	case KFUNC_bpf_rbtree_add_impl:
	case KFUNC_bpf_rbtree_remove:
	case KFUNC_bpf_rbtree_first:
	case KFUNC_bpf_rbtree_root:
	case KFUNC_bpf_rbtree_left:
	case KFUNC_bpf_rbtree_right:
		return kind == BTF_FIELD_RB_ROOT;
	}
	return false;
}

/* Whether the lock in the allocation that @reg points into is held. */
static int check_locked(struct bpf_verifier_env *env, const struct bpf_reg_state *reg)
{
	struct bpf_verifier_state *st = env->cur_state;
	const void *owner =
		reg->type == PTR_TO_MAP_VALUE ? (const void *)reg->map : (const void *)reg->btf;

	if (!st->active_locks)
		return -EINVAL;
	for (u32 i = 0; i < st->acquired_refs; i++) {
		const struct bpf_reference_state *ref = &st->refs[i];

		if ((ref->type & (REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ)) &&
		    ref->id == reg->id && ref->ptr == owner)
			return 0;
	}
	return refuse(env, DIAG_GRAPH_OTHER_LOCK);
}

int process_graph_root(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m, u32 kind)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct btf_field lock = { .offset = (u32)-1 }, field;
	struct btf_field all[BTF_FIELDS_MAX];
	int n, err;
	u32 off;

	if (!root_takes(kind, m->k.id))
		return refuse(env, DIAG_GRAPH_NO_ROOT, kind_name(kind), m->name);
	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_GRAPH_VARIABLE, regno, kind_name(kind));
	off = (u32)reg->off + (u32)reg->var_off.value;
	if (!reg_field_at(env, reg, off, BIT(kind), &field))
		return refuse(env, DIAG_GRAPH_NOT_FOUND, kind_name(kind), off);
	err = check_locked(env, reg);
	if (err) {
		n = reg_fields(env, reg, all);
		for (int i = 0; i < n; i++)
			if (all[i].kind == BTF_FIELD_SPIN_LOCK)
				lock = all[i];
		return refuse_err(env, err, DIAG_GRAPH_UNLOCKED, (int)lock.offset, kind_name(kind));
	}
	if (kind == BTF_FIELD_LIST_HEAD) {
		m->list_head = field;
		m->list_btf = reg_fields_btf(reg);
	} else {
		m->rb_root = field;
		m->rb_btf = reg_fields_btf(reg);
	}
	return 0;
}

int process_graph_node(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m, u32 kind)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	bool list = kind == BTF_FIELD_LIST_NODE;
	const struct btf_field *root = list ? &m->list_head : &m->rb_root;
	struct btf *btf = list ? m->list_btf : m->rb_btf;
	const char *want;
	struct btf_field field;
	char where[160];
	u32 off;

	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_GRAPH_VARIABLE, regno, kind_name(kind));
	off = (u32)reg->off + (u32)reg->var_off.value;
	if (!reg_field_at(env, reg, off, BIT(kind), &field))
		return refuse(env, DIAG_GRAPH_NOT_FOUND, kind_name(kind), off);
	if (!root->size)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "node without root");
	want = btf_type_name(btf, root->btf_id);
	if (!btf_struct_ids_match(reg->btf, reg->btf_id, 0, btf, root->btf_id, true)) {
		snprintf(where, sizeof(where), "operation on %s expects arg#1 %s",
			 kind_name(root->kind), kind_name(kind));
		return refuse(env, DIAG_GRAPH_NODE_TYPE, where, root->node_offset, want, off,
			      btf_type_name(reg->btf, reg->btf_id));
	}
	m->arg_btf = reg->btf;
	m->arg_btf_id = reg->btf_id;
	if (off != root->node_offset)
		return refuse(env, DIAG_GRAPH_NODE_OFFSET, off, kind_name(kind), root->node_offset,
			      want);
	return 0;
}

void mark_graph_node(struct bpf_verifier_env *env, struct bpf_reg_state *reg, struct btf *btf,
		     const struct btf_field *root)
{
	__mark_reg_known_zero(reg);
	reg->type = PTR_TO_BTF_ID | MEM_ALLOC;
	reg->btf = btf;
	reg->btf_id = root->btf_id;
	reg->off = (s32)root->node_offset;
}

/* A pointer that lives only as long as the lock is held. */
int set_non_owning(struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	if (!env->cur_state->active_locks)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL,
				  "ref_set_non_owning w/o active lock");
	if (reg->type & NON_OWN_REF)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "NON_OWN_REF already set");
	reg->type |= NON_OWN_REF;
	/* Another owner may drop a counted object at any time; its memory stays for a while. */
	if (reg_has_field(env, reg, BIT(BTF_FIELD_REFCOUNT)))
		reg->type |= MEM_RCU;
	return 0;
}

int owning_to_non_owning(struct bpf_verifier_env *env, u32 ref_obj_id)
{
	int err = 0;

	if (!ref_obj_id || !find_reference(env->cur_state, ref_obj_id))
		return -EFAULT;
	regs_for_each(env->cur_state, frame, reg, {
		if (reg->ref_obj_id == ref_obj_id && !err) {
			reg->ref_obj_id = 0;
			err = set_non_owning(env, reg);
		}
	});
	return err;
}

void invalidate_non_owning(struct bpf_verifier_env *env)
{
	regs_for_each(env->cur_state, frame, reg, {
		if (type_is_non_owning(reg->type))
			mark_reg_invalid(env, reg);
	});
}

/* In the less() of bpf_rbtree_add(): the tree is half changed. */
bool in_rbtree_callback(struct bpf_verifier_env *env)
{
	const struct bpf_verifier_state *st = env->cur_state;
	const struct bpf_func_state *frame = st->frame[st->curframe];

	return st->curframe && frame->in_callback_fn &&
	       is_kfunc(env, (u32)frame->callsite, KFUNC_bpf_rbtree_add_impl);
}
