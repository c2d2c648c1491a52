/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Functions that helpers and kfuncs call back: what their registers hold at entry, and
 * callbacks that run later, on their own (Linux: set_timer_callback_state() and its
 * siblings, push_callback_call(), process_timer_func() of kernel/bpf/verifier.c).
 */
#include "verifier/kfunc.h"

/* ---- timers, work queues, task work ---- */

static int check_async_field(struct bpf_verifier_env *env, u32 regno, u32 kind, const char *name)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct map_object *m = reg->map;
	const struct bpf_map_field *field = NULL;
	s64 off = (s64)reg->var_off.value + reg->off;

	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_TIMER_VARIABLE, regno, name);
	if (!m->btf)
		return refuse(env, DIAG_TIMER_NO_BTF, m->map->name, name);
	for (u32 i = 0; i < m->map->nr_fields; i++)
		if (m->map->fields[i].kind == kind)
			field = &m->map->fields[i];
	if (!field)
		return refuse(env, DIAG_TIMER_NONE, m->map->name, name);
	if (field->offset != off)
		return refuse(env, DIAG_TIMER_OFFSET, off, name, field->offset);
	return 0;
}

int process_timer(struct bpf_verifier_env *env, u32 regno, struct bpf_call_arg_meta *meta)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	int err = check_async_field(env, regno, BPF_FIELD_TIMER, "bpf_timer");

	if (err)
		return err;
	if (meta->map)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL,
				  "Two map pointers in a timer helper");
	meta->map_uid = reg->map_uid;
	meta->map = reg->map;
	return 0;
}

static int process_kfunc_field(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m,
			       u32 kind, const char *name)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	int err = check_async_field(env, regno, kind, name);

	if (err)
		return err;
	m->map_uid = reg->map_uid;
	m->map = reg->map;
	return 0;
}

int process_timer_arg(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m)
{
	return process_kfunc_field(env, regno, m, BPF_FIELD_TIMER, "bpf_timer");
}

int process_workqueue(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m)
{
	return process_kfunc_field(env, regno, m, BPF_FIELD_WORKQUEUE, "bpf_wq");
}

int process_task_work(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *m)
{
	return process_kfunc_field(env, regno, m, BPF_FIELD_TASK_WORK, "bpf_task_work");
}

void regs_of_element(struct bpf_verifier_env *env, struct bpf_func_state *callee,
		     struct map_object *m)
{
	mark_reg_known_zero(env, callee->regs, BPF_REG_1);
	callee->regs[BPF_REG_1].type = CONST_PTR_TO_MAP;
	callee->regs[BPF_REG_1].map = m;
	mark_reg_known_zero(env, callee->regs, BPF_REG_2);
	callee->regs[BPF_REG_2].type = PTR_TO_MAP_KEY;
	callee->regs[BPF_REG_2].map = m;
	mark_reg_known_zero(env, callee->regs, BPF_REG_3);
	callee->regs[BPF_REG_3].type = PTR_TO_MAP_VALUE;
	callee->regs[BPF_REG_3].map = m;
	mark_reg_not_init(env, callee->regs, BPF_REG_4);
	mark_reg_not_init(env, callee->regs, BPF_REG_5);
}

static void regs_of_async(struct bpf_verifier_env *env, struct bpf_func_state *callee,
			  struct map_object *m)
{
	regs_of_element(env, callee, m);
	callee->in_async_callback_fn = true;
}

int regs_of_timer_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			   struct bpf_func_state *callee, u32 insn_idx)
{
	regs_of_async(env, callee, caller->regs[BPF_REG_1].map);
	callee->callback_ret_range = (struct bpf_retval_range){ 0, 0, true };
	return 0;
}

int regs_of_task_work_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			       struct bpf_func_state *callee, u32 insn_idx)
{
	regs_of_async(env, callee, caller->regs[BPF_REG_3].map);
	callee->callback_ret_range = (struct bpf_retval_range){ INT32_MIN, INT32_MAX, true };
	return 0;
}

/*
 * The callback runs some time later: it is checked as a program of its own, once for each
 * place that sets it. The current path goes on.
 */
int push_async_callback(struct bpf_verifier_env *env, u32 insn_idx, u32 subprog, bool sleepable,
			callee_regs_fn set_regs)
{
	struct bpf_func_state *caller = cur_func(env), *callee;
	struct bpf_verifier_state *st;

	env->subprog_info[subprog].is_cb = true;
	env->subprog_info[subprog].is_async_cb = true;
	st = push_async_cb(env, env->subprog_info[subprog].start, insn_idx, subprog, sleepable);
	if (!st)
		return push_failed(env, -EFAULT);
	callee = st->frame[0];
	callee->async_entry_cnt = caller->async_entry_cnt + 1;
	return set_regs(env, caller, callee, insn_idx);
}

/* ---- callbacks that run within the call ---- */

/* long callback(struct task_struct *task, struct vm_area_struct *vma, void *ctx) */
int regs_of_find_vma_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			      struct bpf_func_state *callee, u32 insn_idx)
{
	struct btf *btf = kernel_types(env);
	s32 id = btf ? btf_find_by_name_kind(btf, "vm_area_struct", BTF_KIND_STRUCT) : -ENOENT;

	if (id < 0)
		return refuse(env, DIAG_RET_BTF, "find_vma", "vm_area_struct");
	callee->regs[BPF_REG_1] = caller->regs[BPF_REG_1];
	mark_reg_known_zero(env, callee->regs, BPF_REG_2);
	callee->regs[BPF_REG_2].type = PTR_TO_BTF_ID;
	callee->regs[BPF_REG_2].btf = btf;
	callee->regs[BPF_REG_2].btf_id = (u32)id;
	callee->regs[BPF_REG_3] = caller->regs[BPF_REG_4];
	mark_reg_not_init(env, callee->regs, BPF_REG_4);
	mark_reg_not_init(env, callee->regs, BPF_REG_5);
	return 0;
}

/* long callback(struct bpf_dynptr *dynptr, void *ctx) */
int regs_of_drain_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			   struct bpf_func_state *callee, u32 insn_idx)
{
	struct bpf_reg_state *r1 = &callee->regs[BPF_REG_1];

	mark_reg_not_init(env, callee->regs, BPF_REG_0);
	mark_reg_known_zero(env, callee->regs, BPF_REG_1);
	r1->type = CONST_PTR_TO_DYNPTR;
	r1->id = ++env->id_gen;
	r1->dynptr.dynptr_type = DYNPTR_TYPE_LOCAL;
	r1->dynptr.first_slot = true;
	callee->regs[BPF_REG_2] = caller->regs[BPF_REG_3];
	mark_reg_not_init(env, callee->regs, BPF_REG_3);
	mark_reg_not_init(env, callee->regs, BPF_REG_4);
	mark_reg_not_init(env, callee->regs, BPF_REG_5);
	return 0;
}

/* bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b), under the root's lock */
int regs_of_rbtree_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			    struct bpf_func_state *callee, u32 insn_idx)
{
	const struct bpf_reg_state *root = &caller->regs[BPF_REG_1];
	struct btf_field field;
	int err;

	/* The node argument was given away by now: its type is what the root holds. */
	if (!reg_field_at(env, root, (u32)root->off + (u32)root->var_off.value,
			  BIT(BTF_FIELD_RB_ROOT), &field))
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "bpf_rbtree_add() without root");
	for (u32 i = BPF_REG_1; i <= BPF_REG_2; i++) {
		mark_reg_known_zero(env, callee->regs, i);
		mark_graph_node(env, &callee->regs[i], reg_fields_btf(root), &field);
		err = set_non_owning(env, &callee->regs[i]);
		if (err)
			return err;
	}
	for (u32 i = BPF_REG_3; i <= BPF_REG_5; i++)
		mark_reg_not_init(env, callee->regs, i);
	return 0;
}
