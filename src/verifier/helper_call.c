/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of helpers: who may, what they do to maps, callbacks and references, what they return (Linux:
 * check_helper_call() and what it calls in kernel/bpf/verifier.c). Arguments: arg.c; subprograms: call.c.
 */
#include "object/vocabulary.h"
#include "verifier/kfunc.h"

#define MAX_ERRNO 4095

/* ---- kinds of helpers ---- */

static bool helper_acquires(u32 func_id, const struct map_object *m)
{
	switch (func_id) {
	case BPF_FUNC_sk_lookup_tcp:
	case BPF_FUNC_sk_lookup_udp:
	case BPF_FUNC_skc_lookup_tcp:
	case BPF_FUNC_ringbuf_reserve:
	case BPF_FUNC_kptr_xchg:
		return true;
	case BPF_FUNC_map_lookup_elem:
		return m && (m->map->map_type == BPF_MAP_TYPE_SOCKMAP ||
			     m->map->map_type == BPF_MAP_TYPE_SOCKHASH);
	default:
		return false;
	}
}

/* The result is the argument in another guise and shares its reference. */
static bool helper_casts(u32 func_id)
{
	switch (func_id) {
	case BPF_FUNC_tcp_sock:
	case BPF_FUNC_sk_fullsock:
	case BPF_FUNC_skc_to_tcp_sock:
	case BPF_FUNC_skc_to_tcp6_sock:
	case BPF_FUNC_skc_to_udp6_sock:
	case BPF_FUNC_skc_to_mptcp_sock:
	case BPF_FUNC_skc_to_tcp_timewait_sock:
	case BPF_FUNC_skc_to_tcp_request_sock:
		return true;
	default:
		return false;
	}
}

static bool helper_calls_back(u32 func_id)
{
	return func_id == BPF_FUNC_for_each_map_elem || func_id == BPF_FUNC_loop ||
	       func_id == BPF_FUNC_find_vma || func_id == BPF_FUNC_user_ringbuf_drain ||
	       func_id == BPF_FUNC_timer_set_callback;
}
/* ---- callbacks ---- */

static int regs_of_map_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
				struct bpf_func_state *callee, u32 insn_idx)
{
	struct map_object *m = caller->regs[BPF_REG_1].map; /* checked to be a map by the caller */

	/* Since 6.10 one call may get different maps on different paths. */
	if (env->aux[insn_idx].call_map_poisoned && !visible(env->profile, KVER(6, 10)))
		return refuse(env, DIAG_CALLBACK_MAPS);
	if (!m->ops->for_each)
		return refuse(env, DIAG_CALLBACK_MAP_TYPE);
	regs_of_element(env, callee, m);
	callee->regs[BPF_REG_4] = caller->regs[BPF_REG_3];
	return 0;
}

static int regs_of_loop_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
				 struct bpf_func_state *callee, u32 insn_idx)
{
	mark_reg_unknown(env, callee->regs, BPF_REG_1);
	callee->regs[BPF_REG_1].type = SCALAR_VALUE;
	callee->regs[BPF_REG_2] = caller->regs[BPF_REG_3];
	mark_reg_not_init(env, callee->regs, BPF_REG_3);
	mark_reg_not_init(env, callee->regs, BPF_REG_4);
	mark_reg_not_init(env, callee->regs, BPF_REG_5);
	return 0;
}

/* ---- what a call is noted for ---- */

/* The map of a helper call, if it is one on all paths: for inlining and callbacks. */
static int note_map(struct bpf_verifier_env *env, const struct bpf_call_arg_meta *meta,
		    u32 insn_idx)
{
	struct bpf_insn_aux_data *aux = &env->aux[insn_idx];

	switch (meta->func_id) {
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_map_push_elem:
	case BPF_FUNC_map_pop_elem:
		if (meta->map && (meta->map->map->map_flags & BPF_F_RDONLY_PROG))
			return refuse(env, DIAG_MAP_RDONLY);
		break;
	default:
		break;
	}
	if (!meta->map)
		return 0;
	if (!aux->call_map && !aux->call_map_poisoned)
		aux->call_map = meta->map;
	else if (aux->call_map != meta->map)
		aux->call_map_poisoned = true;
	/* Inner maps share their template: which one it is, is known at run time only. */
	if (map_is_template(meta->map))
		aux->call_map_poisoned = true;
	return 0;
}

static int note_tail_call_key(struct bpf_verifier_env *env, const struct bpf_call_arg_meta *meta,
			      u32 insn_idx)
{
	struct bpf_insn_aux_data *aux = &env->aux[insn_idx];
	const struct bpf_reg_state *reg = &cur_regs(env)[BPF_REG_3];
	int err;

	if (meta->func_id != BPF_FUNC_tail_call)
		return 0;
	if (!meta->map || meta->map->map->map_type != BPF_MAP_TYPE_PROG_ARRAY)
		return refuse(env, DIAG_TAIL_CALL_MAP);
	if (!register_is_const(reg) || reg->var_off.value >= meta->map->map->max_entries) {
		aux->map_key_state = -1;
		return 0;
	}
	err = mark_chain_precision(env, BPF_REG_3);
	if (err)
		return err;
	if (!aux->map_key_state)
		aux->map_key_state = (s64)reg->var_off.value + 1;
	else if (aux->map_key_state != (s64)reg->var_off.value + 1)
		aux->map_key_state = -1;
	return 0;
}

static int call_callbacks(struct bpf_verifier_env *env, const struct bpf_call_arg_meta *meta,
			  u32 insn_idx)
{
	struct bpf_insn_aux_data *aux = &env->aux[insn_idx];
	struct bpf_func_state *frame = cur_func(env);
	int err = 0;

	if (meta->func_id == BPF_FUNC_for_each_map_elem || meta->func_id == BPF_FUNC_loop) {
		if (!aux->loop_callback)
			aux->loop_callback = (u16)(meta->subprogno + 1);
		else if (aux->loop_callback != meta->subprogno + 1)
			aux->loop_stays = true;
	}
	if (meta->func_id == BPF_FUNC_for_each_map_elem)
		return push_callback(env, insn_idx, meta->subprogno, regs_of_map_callback);
	if (meta->func_id == BPF_FUNC_find_vma)
		return push_callback(env, insn_idx, meta->subprogno, regs_of_find_vma_callback);
	if (meta->func_id == BPF_FUNC_user_ringbuf_drain)
		return push_callback(env, insn_idx, meta->subprogno, regs_of_drain_callback);
	if (meta->func_id == BPF_FUNC_timer_set_callback)
		return push_async_callback(env, insn_idx, meta->subprogno, false,
					   regs_of_timer_callback);
	/* bpf_loop: inlined with flags 0, which must be known precisely, and one callback on all paths. */
	if (!aux->loop_stays && register_is_null(&frame->regs[BPF_REG_4]))
		err = mark_chain_precision(env, BPF_REG_4);
	else
		aux->loop_stays = true;
	/* Whether there is a further iteration depends on R1. */
	if (!err)
		err = mark_chain_precision(env, BPF_REG_1);
	if (err)
		return err;
	if (frame->callback_depth < frame->regs[BPF_REG_1].umax_value)
		return push_callback(env, insn_idx, meta->subprogno, regs_of_loop_callback);
	frame->callback_depth = 0;
	if (env->log.level & BPF_LOG_LEVEL2)
		verbose(env, "frame%d bpf_loop iteration limit reached\n",
			env->cur_state->curframe);
	return 0;
}

/* ---- results ---- */

static int set_return(struct bpf_verifier_env *env, const struct bpf_func_proto *fn,
		      const struct bpf_call_arg_meta *meta, u32 insn_idx)
{
	struct bpf_reg_state *regs = cur_regs(env), *r0 = &regs[BPF_REG_0];
	u32 flag = type_flag(fn->ret_type);
	int id;

	r0->subreg_def = DEF_NOT_SUBREG;
	switch ((enum bpf_return_type)base_type(fn->ret_type)) {
	case RET_INTEGER:
		mark_reg_unknown(env, regs, BPF_REG_0);
		break;
	case RET_VOID:
		return 0; /* stays unreadable */
	case RET_PTR_TO_MAP_VALUE:
		if (!meta->map)
			return refuse(env, DIAG_INTERNAL, "helper returns the value of no map");
		mark_reg_known_zero(env, regs, BPF_REG_0);
		/* DIFF(inner-map-bounds): an inner map may be smaller than what it was declared as */
		if (meta->func_id == BPF_FUNC_map_lookup_elem && meta->const_map_key >= 0 &&
		    meta->const_map_key < meta->map->map->max_entries &&
		    !(map_is_template(meta->map) && meta->map->map->map_flags & BPF_F_INNER_MAP))
			flag &= ~PTR_MAYBE_NULL;
		r0->type = PTR_TO_MAP_VALUE | flag;
		r0->map = meta->map;
		r0->map_uid = meta->map_uid;
		/* A lock is known by the lookup that found it. */
		if (!type_may_be_null(flag) && meta->map->map->nr_fields)
			r0->id = ++env->id_gen;
		break;
	case RET_PTR_TO_SOCKET:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_SOCKET | flag;
		break;
	case RET_PTR_TO_SOCK_COMMON:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_SOCK_COMMON | flag;
		break;
	case RET_PTR_TO_TCP_SOCK:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_TCP_SOCK | flag;
		break;
	case RET_PTR_TO_MEM:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_MEM | flag;
		r0->mem_size = meta->mem_size;
		if (meta->func_id == BPF_FUNC_dynptr_data) {
			r0->dynptr_id = meta->dynptr_id;
			r0->ref_obj_id = meta->ref_obj_id;
		}
		break;
	case RET_PTR_TO_BTF_ID: {
		struct btf *btf = kernel_types(env);
		s32 btf_id = -ENOENT;

		if (meta->func_id == BPF_FUNC_kptr_xchg) {
			mark_reg_known_zero(env, regs, BPF_REG_0);
			r0->type = PTR_TO_BTF_ID | flag;
			kptr_target(env, meta->kptr_btf, &meta->kptr, &r0->btf, &r0->btf_id);
			if (!btf_is_kernels(env, r0->btf))
				r0->type |=
					MEM_ALLOC |
					(meta->kptr.kind == BTF_FIELD_KPTR_PERCPU ? MEM_PERCPU : 0);
			break;
		}

		if (btf && fn->ret_btf)
			btf_id = btf_find_by_name_kind(btf, fn->ret_btf, BTF_KIND_STRUCT);
		if (btf_id < 0)
			return refuse(env, DIAG_RET_BTF, fn->name, fn->ret_btf ?: "?");
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_BTF_ID | flag;
		r0->btf = btf;
		r0->btf_id = btf_id;
		break;
	}
	case RET_PTR_TO_MEM_OR_BTF_ID: {
		const struct btf_type *t =
			btf_type_skip_modifiers(meta->ret_btf, meta->ret_btf_id, NULL);
		u32 size;

		mark_reg_known_zero(env, regs, BPF_REG_0);
		if (!t || !btf_is_struct(t)) {
			if (btf_type_size(meta->ret_btf, meta->ret_btf_id, &size))
				return refuse_err(env, -EFAULT, DIAG_INTERNAL, "no size of it");
			r0->type = PTR_TO_MEM | flag;
			r0->mem_size = size;
			break;
		}
		r0->type = PTR_TO_BTF_ID |
			   (meta->percpu_alloc ? MEM_ALLOC | MEM_RCU : flag & ~MEM_RDONLY);
		r0->btf = meta->ret_btf;
		r0->btf_id = meta->ret_btf_id;
		break;
	}
	case __BPF_RET_TYPE_MAX:
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "result of no type");
	}
	if (type_may_be_null(r0->type))
		r0->id = ++env->id_gen;

	if (helper_casts(meta->func_id)) {
		r0->ref_obj_id = meta->ref_obj_id;
	} else if (helper_acquires(meta->func_id, meta->map)) {
		id = acquire_reference(env, insn_idx);
		if (id < 0)
			return id;
		r0->id = id;
		r0->ref_obj_id = id;
	}
	return 0;
}

/* What some helpers promise about the number that they return. */
static int refine_return(struct bpf_verifier_env *env, const struct bpf_func_proto *fn,
			 const struct bpf_call_arg_meta *meta)
{
	struct bpf_reg_state *r0 = &cur_regs(env)[BPF_REG_0];

	if (fn->ret_type != RET_INTEGER)
		return 0;
	switch (fn->id) {
	case BPF_FUNC_get_stack:
	case BPF_FUNC_get_task_stack:
	case BPF_FUNC_probe_read_str:
	case BPF_FUNC_probe_read_kernel_str:
	case BPF_FUNC_probe_read_user_str:
		r0->smax_value = (s64)meta->msize_max_value;
		r0->s32_max_value = (s32)meta->msize_max_value;
		r0->smin_value = -MAX_ERRNO;
		r0->s32_min_value = -MAX_ERRNO;
		reg_bounds_sync_for(env, r0);
		break;
	case BPF_FUNC_get_smp_processor_id:
		r0->umax_value = env->sys->arena->nr_slots - 1;
		r0->u32_max_value = env->sys->arena->nr_slots - 1;
		r0->smax_value = env->sys->arena->nr_slots - 1;
		r0->s32_max_value = env->sys->arena->nr_slots - 1;
		r0->umin_value = 0;
		r0->u32_min_value = 0;
		r0->smin_value = 0;
		r0->s32_min_value = 0;
		reg_bounds_sync_for(env, r0);
		break;
	default:
		return 0;
	}
	return reg_bounds_sanity_check(env, r0, "retval");
}

/* ---- the call ---- */

/* Helpers whose use needs more than the right to load the program (Linux: bpf_base_func_proto()). */
static bool helper_permitted(const struct bpf_verifier_env *env, u32 func_id)
{
	switch (func_id) {
	case BPF_FUNC_trace_printk:
	case BPF_FUNC_trace_vprintk:
	case BPF_FUNC_get_current_task:
	case BPF_FUNC_get_current_task_btf:
	case BPF_FUNC_task_pt_regs:
	case BPF_FUNC_probe_read_user:
	case BPF_FUNC_probe_read_kernel:
	case BPF_FUNC_probe_read_user_str:
	case BPF_FUNC_probe_read_kernel_str:
	case BPF_FUNC_snprintf:
	case BPF_FUNC_snprintf_btf:
		return env->caps & BPF_CAP_PERFMON;
	case BPF_FUNC_spin_lock:
	case BPF_FUNC_spin_unlock:
	case BPF_FUNC_jiffies64:
	case BPF_FUNC_per_cpu_ptr:
	case BPF_FUNC_this_cpu_ptr:
	case BPF_FUNC_timer_init:
	case BPF_FUNC_timer_set_callback:
	case BPF_FUNC_timer_start:
	case BPF_FUNC_timer_cancel:
	case BPF_FUNC_kptr_xchg:
	case BPF_FUNC_for_each_map_elem:
	case BPF_FUNC_loop:
	case BPF_FUNC_user_ringbuf_drain:
	case BPF_FUNC_ringbuf_reserve_dynptr:
	case BPF_FUNC_ringbuf_submit_dynptr:
	case BPF_FUNC_ringbuf_discard_dynptr:
	case BPF_FUNC_dynptr_from_mem:
	case BPF_FUNC_dynptr_read:
	case BPF_FUNC_dynptr_write:
	case BPF_FUNC_dynptr_data:
	case BPF_FUNC_get_current_cgroup_id:
	case BPF_FUNC_get_current_ancestor_cgroup_id:
		return env->caps & BPF_CAP_BPF;
	default:
		return true;
	}
}

/* The helper of that number for this program and version, or the refusal that clients look for. */
static int get_helper(struct bpf_verifier_env *env, s32 func_id, const struct bpf_func_proto **fn)
{
	const struct bpf_func_proto *any = func_id >= 0 ? bpf_helper_proto(func_id) : NULL;
	enum diag_id by_type =
		visible(env->profile, KVER(6, 10)) ? DIAG_HELPER_TYPE : DIAG_HELPER_TYPE_OLD;
	char name[64];

	if (!func_id)
		return refuse(env, by_type, "bpf_unspec", 0);
	if (!any || !(visible(env->profile, any->since) ||
		      bpf_helper_allowed(func_id, env->prog->type, &env->sys->kernel)))
		return refuse(env, DIAG_HELPER_INVALID, "unknown", func_id);
	snprintf(name, sizeof(name), "bpf_%s", any->name);
	*fn = bpf_prog_helper_proto(env->ops, env->prog, func_id, &env->sys->kernel);
	if (!*fn || !helper_permitted(env, func_id) ||
	    (env->ops->target_lacks && env->ops->target_lacks(env->prog_obj, (u32)func_id)))
		return refuse(env, by_type, name, func_id);
	/* DIFF(helper-absent): Linux has it here. Clients that probe must not find it. */
	if (!(*fn)->func && func_id != BPF_FUNC_tail_call) {
		if (!env->sys->verdict)
			return refuse(env,
				      by_type == DIAG_HELPER_TYPE ? DIAG_HELPER_ABSENT :
								    DIAG_HELPER_ABSENT_OLD,
				      name, func_id);
		prog_lacks(env->prog_obj, "helper", name);
	}
	return 0;
}

/* Linux checks it here and not by the table: every tracing type has the helper, few can use it. */
static int check_get_func_ip(struct bpf_verifier_env *env, const char *name)
{
	if (env->prog->type == BPF_PROG_TYPE_KPROBE)
		return 0;
	if (env->prog->type != BPF_PROG_TYPE_TRACING)
		return refuse(env, DIAG_FUNC_IP_TYPE, name, BPF_FUNC_get_func_ip, env->prog->type);
	switch (env->prog->expected_attach_type) {
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_MODIFY_RETURN:
	case BPF_TRACE_FSESSION:
	case BPF_TRACE_FENTRY_MULTI:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		return 0;
	}
	return refuse(env, DIAG_FUNC_IP_ATTACH, name, BPF_FUNC_get_func_ip);
}

/* What bpf_kptr_xchg() takes belongs to the map: the program's pointers to it are void. */
static int give_to_map(struct bpf_verifier_env *env, u32 ref_obj_id)
{
	bool rcu = in_rcu_section(env);
	int err = release_reference_nomark(env->cur_state, ref_obj_id);

	if (err)
		return err;
	regs_for_each(env->cur_state, frame, reg, {
		if (reg->ref_obj_id != ref_obj_id)
			continue;
		if (rcu && (reg->type & MEM_ALLOC) && (reg->type & MEM_PERCPU)) {
			reg->ref_obj_id = 0;
			reg->type &= ~MEM_ALLOC;
			reg->type |= MEM_RCU;
		} else {
			mark_reg_invalid(env, reg);
		}
	});
	return 0;
}

static int note_dynptr(struct bpf_verifier_env *env, const struct bpf_func_proto *fn,
		       struct bpf_call_arg_meta *meta)
{
	const struct bpf_reg_state *reg = NULL;

	for (u32 i = 0; i < 5; i++)
		if (base_type(fn->arg_type[i]) == ARG_PTR_TO_DYNPTR)
			reg = &cur_regs(env)[i + 1];
	if (!reg)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "no dynptr argument");
	if (fn->id == BPF_FUNC_dynptr_write) {
		meta->dynptr_is_packet = dynptr_type(env, reg) & DYNPTR_TYPE_SKB;
		return 0;
	}
	meta->dynptr_id = dynptr_id(env, reg);
	meta->ref_obj_id = dynptr_ref_obj_id(env, reg);
	return 0;
}

/* Linux: bpf_d_path_allowed(). Elsewhere its locks may be held already. */
static bool d_path_allowed(const struct bpf_verifier_env *env)
{
	static const char *const functions[] = {
		"security_file_permission",
		"security_inode_getattr",
		"security_file_open",
		"security_path_truncate",
		"vfs_truncate",
		"vfs_fallocate",
		"dentry_open",
		"vfs_getattr",
		"filp_close",
	};
	const struct prog_object *obj = env->prog_obj;
	const char *name;

	if (env->prog->type == BPF_PROG_TYPE_TRACING &&
	    env->prog->expected_attach_type == BPF_TRACE_ITER)
		return true;
	name = obj->attach_btf ? btf_type_name(obj->attach_btf->btf, obj->attach_btf_id) : "";
	if (env->prog->type == BPF_PROG_TYPE_LSM)
		return lsm_hook_sleepable(name, env->profile);
	for (u32 i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i], name))
			return true;
	return false;
}

int check_helper_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx)
{
	struct bpf_call_arg_meta meta = { .const_map_key = -1 };
	struct bpf_verifier_state *st = env->cur_state;
	const struct bpf_func_proto *fn = NULL;
	u32 idx = *insn_idx;
	char name[64];
	int err;

	err = get_helper(env, insn->imm, &fn);
	if (err)
		return err;
	snprintf(name, sizeof(name), "bpf_%s", fn->name);
	if (!env->prog->gpl_compatible && fn->gpl_only)
		return refuse(env, DIAG_HELPER_GPL);
	if (fn->id == BPF_FUNC_d_path && !d_path_allowed(env))
		return refuse(env, DIAG_HELPER_PROBE);
	if (fn->might_sleep && !st->in_sleepable)
		return refuse(env, DIAG_HELPER_SLEEPS);
	if (fn->might_sleep && st->active_rcu_lock)
		return refuse(env, DIAG_HELPER_RCU, name, fn->id);
	if (fn->might_sleep && st->active_preempt_locks)
		return refuse(env, DIAG_HELPER_SLEEPS_IN, name, fn->id, "non-preemptible");
	if (fn->might_sleep && st->active_irq_id)
		return refuse(env, DIAG_HELPER_SLEEPS_IN, name, fn->id, "IRQ-disabled");

	meta.func_id = fn->id;
	meta.pkt_access = fn->pkt_access;
	for (u32 i = 0; i < 5; i++) {
		err = check_func_arg(env, i, &meta, fn);
		if (err)
			return err;
	}
	err = note_map(env, &meta, idx);
	if (!err)
		err = note_tail_call_key(env, &meta, idx);
	if (err)
		return err;

	/* The helper fills this buffer on the stack: its bytes become data. */
	for (int i = 0; i < meta.access_size; i++) {
		err = check_mem_access(env, idx, meta.regno, i, BPF_B, BPF_WRITE, -1, false, false);
		if (err)
			return err;
	}

	if (meta.release_regno) {
		err = -EINVAL;
		if (base_type(fn->arg_type[meta.release_regno - 1]) == ARG_PTR_TO_DYNPTR)
			err = release_dynptr(env, &cur_regs(env)[meta.release_regno]);
		else if (fn->id == BPF_FUNC_kptr_xchg && meta.ref_obj_id)
			err = give_to_map(env, meta.ref_obj_id);
		else if (meta.ref_obj_id)
			err = release_reference(env, meta.ref_obj_id);
		else if (register_is_null(&cur_regs(env)[meta.release_regno]))
			err = 0;
		if (err)
			return refuse_err(env, err, DIAG_HELPER_RELEASE, name, fn->id);
	}

	if (fn->id == BPF_FUNC_override_return && env->prog_obj)
		env->prog_obj->kprobe_override = true;
	if (fn->id == BPF_FUNC_tail_call) {
		err = check_resource_leak(env, false, true, "tail_call");
		if (err)
			return err;
		env->seen_tail_call = true;
	}
	if (fn->id == BPF_FUNC_get_local_storage && !register_is_null(&cur_regs(env)[BPF_REG_2]))
		return refuse(env, DIAG_LOCAL_STORAGE_FLAGS);
	if (fn->id == BPF_FUNC_snprintf) {
		err = check_snprintf(env);
		if (err)
			return err;
	}
	if (fn->id == BPF_FUNC_dynptr_from_mem && cur_regs(env)[BPF_REG_1].type != PTR_TO_MAP_VALUE)
		return refuse(env, DIAG_DYNPTR_FROM_MEM,
			      reg_type_str(env, cur_regs(env)[BPF_REG_1].type));
	if (fn->id == BPF_FUNC_dynptr_data || fn->id == BPF_FUNC_dynptr_write) {
		err = note_dynptr(env, fn, &meta);
		if (err)
			return err;
	}
	if (helper_calls_back(fn->id)) {
		err = call_callbacks(env, &meta, idx);
		if (err)
			return err;
	}

	clear_caller_saved_regs(env, cur_regs(env));
	err = set_return(env, fn, &meta, idx);
	if (!err)
		err = refine_return(env, fn, &meta);
	if (!err)
		err = check_map_func_compatibility(env, meta.map, fn);
	if (!err && fn->id == BPF_FUNC_get_func_ip)
		err = check_get_func_ip(env, name);
	if (err)
		return err;
	if (fn->id == BPF_FUNC_tail_call)
		return st->curframe ? explore_early_exit(env, insn_idx, false) : 0;
	if (fn->changes_pkt_data || meta.dynptr_is_packet)
		clear_all_pkt_pointers(env);
	return 0;
}
