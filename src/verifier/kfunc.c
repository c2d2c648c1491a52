/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of kernel functions by BTF id: which function, what the call does and gives
 * back (Linux: fetch_kfunc_meta() and check_kfunc_call() of kernel/bpf/verifier.c).
 * Prototypes are those of the kernel's BTF, flags and program types those of
 * tables/kfuncs.def and kfunc_sets.def. Arguments: kfunc_arg.c.
 *
 * DIFF(kfuncs): functions whose row is absent are refused as those of no set. Of a module there
 * may be types, and what the table knows of its functions: there is no module that one could call.
 */
#include "isa/insn.h"
#include "object/fixup.h"
#include "verifier/kfunc.h"

#define MAX_ERRNO      4095
#define MAX_KFUNC_BTFS 256

/* ---- which function ---- */

struct btf *kfunc_types(struct bpf_verifier_env *env, const struct bpf_insn *insn, bool quiet,
			int *err)
{
	struct object_btf *b;
	struct btf *btf;
	int fd;

	*err = 0;
	if (!insn->off)
		return kernel_types(env);
	if (insn->off < 0) {
		*err = quiet ? -EINVAL : refuse(env, DIAG_KFUNC_MODULE_OFF);
		return NULL;
	}
	/* Read once: what the client makes of its array meanwhile changes no call that was checked. */
	for (size_t i = 0; i < env->kfunc_modules.n; i++)
		if (env->kfunc_modules.v[i].off == insn->off)
			return env->kfunc_modules.v[i].btf;
	if (env->kfunc_modules.n == MAX_KFUNC_BTFS) {
		*err = quiet ? -E2BIG : refuse(env, DIAG_KFUNC_MODULES);
		return NULL;
	}
	if (!env->fd_array) {
		*err = quiet ? -EPROTO : refuse(env, DIAG_KFUNC_MODULE);
		return NULL;
	}
	*err = -EFAULT;
	if (user_read(env->sys, &fd, env->fd_array + (u64)insn->off * sizeof(fd), sizeof(fd)))
		return NULL;
	b = btf_get_fd(env->sys, fd, err);
	if (!b) {
		if (!quiet)
			*err = refuse_err(env, *err, DIAG_KFUNC_MODULE_FD);
		return NULL;
	}
	*err = 0;
	/* A module's stay as long as the system. */
	btf = b->module || b == env->sys->functions ? b->btf : NULL;
	if (!btf)
		*err = quiet ? -EINVAL : refuse(env, DIAG_KFUNC_NOT_MODULE);
	object_put(&b->obj);
	if (btf)
		*err = vec_push(&env->kfunc_modules,
				((struct kfunc_module){ .off = insn->off, .btf = btf }));
	return *err ? NULL : btf;
}

/* Whether it runs at a function's entry and at its return. */
static bool is_session(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_TRACE_KPROBE_SESSION:
	case BPF_TRACE_UPROBE_SESSION:
	case BPF_TRACE_FSESSION:
	case BPF_TRACE_FSESSION_MULTI:
		return true;
	}
	return false;
}

static int look_up(struct bpf_verifier_env *env, const struct bpf_insn *insn,
		   struct kfunc_meta *meta, bool quiet)
{
	int err;

	memset(meta, 0, sizeof(*meta));
	meta->btf = kfunc_types(env, insn, quiet, &err);
	meta->func_id = (u32)insn->imm;
	meta->module = insn->off;
	if (err)
		return err;
	if (!meta->btf)
		return quiet ? -ENOTSUPP : refuse_err(env, -ENOTSUPP, DIAG_KFUNC_NO_BTF);
	if (kind_of(meta->btf, meta->func_id) != BTF_KIND_FUNC)
		return quiet ? -EINVAL : refuse(env, DIAG_KFUNC_NOT_FUNC, meta->func_id);
	meta->proto = btf_func_proto(meta->btf, meta->func_id, NULL);
	if (!meta->proto)
		return quiet ? -EINVAL : refuse(env, DIAG_KFUNC_NO_PROTO, meta->func_id);
	meta->name = btf_type_name(meta->btf, meta->func_id);
	if (!bpf_kfunc_find(meta->name, &meta->k) ||
	    !bpf_kfunc_allowed(meta->k.row, env->prog->type, env->profile))
		return quiet ? -EACCES : refuse(env, DIAG_KFUNC_NOT_ALLOWED, meta->name);
	/* What is given back must be what was taken, of which 6.2 makes a rule for all arguments; since 7.0 there are no others. */
	if (((meta->k.flags & KF_RELEASE) && kfunc_has_trust(env)) ||
	    visible(env->profile, KVER(7, 0)))
		meta->k.flags |= KF_TRUSTED_ARGS;
	if ((meta->k.id == KFUNC_bpf_session_cookie || meta->k.id == KFUNC_bpf_session_is_return) &&
	    !is_session(env->prog))
		return quiet ? -EACCES : refuse(env, DIAG_KFUNC_NOT_ALLOWED, meta->name);
	if (meta->k.id == KFUNC_bpf_sock_destroy &&
	    env->prog->expected_attach_type != BPF_TRACE_ITER)
		return quiet ? -EACCES : refuse(env, DIAG_KFUNC_NOT_ALLOWED, meta->name);
	if (meta->k.func)
		return 0;
	if (!env->sys->verdict)
		return quiet ? -EACCES : refuse(env, DIAG_KFUNC_ABSENT, meta->name);
	if (!quiet)
		prog_lacks(env->prog_obj, "kernel function", meta->name);
	return 0;
}

int fetch_kfunc(struct bpf_verifier_env *env, const struct bpf_insn *insn, struct kfunc_meta *meta,
		bool quiet)
{
	int err;

	for (size_t i = 0; i < env->kfuncs.n; i++) {
		if (env->kfuncs.v[i].func_id == (u32)insn->imm &&
		    env->kfuncs.v[i].module == insn->off) {
			*meta = env->kfuncs.v[i];
			return 0;
		}
	}
	err = look_up(env, insn, meta, quiet);
	/* What is lacking is noted at each call. Without memory it is looked up again. */
	if (!err && meta->k.func)
		(void)vec_push(&env->kfuncs, *meta);
	return err;
}

void kfuncs_free(struct bpf_verifier_env *env)
{
	vec_free(&env->kfuncs);
	vec_free(&env->kfunc_modules);
}

bool is_kfunc(const struct bpf_verifier_env *env, u32 insn_idx, enum kfunc_id id)
{
	const struct bpf_insn *insn = &env->insns[insn_idx];

	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL &&
	       env->aux[insn_idx].kfunc_id == id;
}

/* ---- sections: RCU, preemption, interrupts ---- */

static int check_sections(struct bpf_verifier_env *env, const struct kfunc_meta *m)
{
	struct bpf_verifier_state *st = env->cur_state;
	bool lock = m->k.id == KFUNC_bpf_rcu_read_lock,
	     unlock = m->k.id == KFUNC_bpf_rcu_read_unlock;
	bool off = m->k.id == KFUNC_bpf_preempt_disable, on = m->k.id == KFUNC_bpf_preempt_enable;
	bool sleeps = m->k.flags & KF_SLEEPABLE;

	if (st->active_rcu_lock) {
		if (in_rbtree_callback(env) && (lock || unlock))
			return refuse(env, DIAG_KFUNC_RCU_CALLBACK);
		if (lock)
			return refuse(env, DIAG_KFUNC_RCU_NESTED, m->name);
		if (unlock) {
			/* What RCU protected may be gone from here on. */
			for (u32 f = 0; f <= st->curframe; f++) {
				struct bpf_func_state *frame = st->frame[f];

				for (u32 i = 0; i < frame->allocated_stack / BPF_REG_SIZE; i++) {
					struct bpf_stack_state *slot = &frame->stack[i];

					if (slot->slot_type[0] == STACK_ITER &&
					    (slot->spilled_ptr.type & MEM_RCU)) {
						slot->spilled_ptr.type &=
							~(MEM_RCU | PTR_MAYBE_NULL);
						slot->spilled_ptr.type |= PTR_UNTRUSTED;
					}
				}
			}
			regs_for_each(st, frame, reg, {
				if (reg->type & MEM_RCU) {
					reg->type &= ~(MEM_RCU | PTR_MAYBE_NULL);
					reg->type |= PTR_UNTRUSTED;
				}
			});
			st->active_rcu_lock = 0;
		} else if (sleeps) {
			return refuse(env, DIAG_KFUNC_SLEEPS_IN, m->name, "rcu_read_lock");
		}
	} else if (lock) {
		st->active_rcu_lock = 1;
	} else if (unlock) {
		return refuse(env, DIAG_KFUNC_RCU_UNMATCHED, m->name);
	}

	if (st->active_preempt_locks) {
		if (off)
			st->active_preempt_locks++;
		else if (on)
			st->active_preempt_locks--;
		else if (sleeps)
			return refuse(env, DIAG_KFUNC_SLEEPS_IN, m->name, "non-preemptible");
	} else if (off) {
		st->active_preempt_locks++;
	} else if (on) {
		return refuse(env, DIAG_KFUNC_PREEMPT_UNMATCHED, m->name);
	}
	if (st->active_irq_id && sleeps)
		return refuse(env, DIAG_KFUNC_SLEEPS_IN, m->name, "IRQ-disabled");
	if ((m->k.flags & KF_RCU_PROTECTED) && !in_rcu_section(env) &&
	    visible(env->profile, KVER(6, 18)) && !(m->k.flags & KF_ITER_NEW))
		return refuse(env, DIAG_KFUNC_NEEDS_RCU, m->name);
	return 0;
}

/* ---- the result ---- */

static void set_r0_size(struct bpf_verifier_env *env, u32 size)
{
	cur_regs(env)[BPF_REG_0].subreg_def = size == 8 ? DEF_NOT_SUBREG : (s32)env->insn_idx + 1;
}

static void returns_struct(struct bpf_verifier_env *env, u32 type, struct btf *btf, u32 id)
{
	struct bpf_reg_state *regs = cur_regs(env), *r0 = &regs[BPF_REG_0];

	mark_reg_known_zero(env, regs, BPF_REG_0);
	r0->type = type;
	r0->btf = btf;
	r0->btf_id = id;
}

static int new_object(struct bpf_verifier_env *env, const struct kfunc_meta *m,
		      struct bpf_kfunc_aux *aux)
{
	bool percpu = m->k.id == KFUNC_bpf_percpu_obj_new_impl;
	struct btf *btf = env->btf ? env->btf->btf : NULL;
	struct btf_field fields[BTF_FIELDS_MAX];
	const struct btf_type *t;
	struct bpf_reg_state obj = { .type = PTR_TO_BTF_ID | MEM_ALLOC };
	u32 id = (u32)m->constant.value;

	if (id != m->constant.value)
		return refuse(env, DIAG_KFUNC_TYPE_RANGE);
	if (!btf)
		return refuse(env, DIAG_KFUNC_NEW_NO_BTF);
	t = btf_type_get(btf, id);
	if (!t || btf_kind(t) != BTF_KIND_STRUCT)
		return refuse(env, DIAG_KFUNC_NEW_STRUCT);
	if (percpu) {
		if (t->size > 512)
			return refuse(env, DIAG_KFUNC_PERCPU_SIZE, t->size, 512);
		if (!btf_type_is_scalar_struct(env, btf, t, 0))
			return refuse(env, DIAG_KFUNC_PERCPU_SCALARS);
		obj.btf = btf;
		obj.btf_id = id;
		if (reg_fields(env, &obj, fields))
			return refuse(env, DIAG_KFUNC_PERCPU_SPECIAL);
	}
	returns_struct(env, PTR_TO_BTF_ID | MEM_ALLOC | (percpu ? MEM_PERCPU : 0), btf, id);
	aux->btf = btf;
	aux->btf_id = id;
	aux->size = t->size;
	return 1;
}

/* Results that are more than their C type says: 1 when it is set, 0 for the others. */
static int special_result(struct bpf_verifier_env *env, const struct kfunc_meta *m,
			  struct bpf_kfunc_aux *aux)
{
	struct bpf_reg_state *regs = cur_regs(env), *r0 = &regs[BPF_REG_0];
	const struct btf_type *t;

	switch ((int)m->k.id) {
	case KFUNC_bpf_obj_new_impl:
	case KFUNC_bpf_percpu_obj_new_impl:
		return new_object(env, m, aux);
	case KFUNC_bpf_refcount_acquire_impl:
		returns_struct(env, PTR_TO_BTF_ID | MEM_ALLOC, m->arg_btf, m->arg_btf_id);
		return 1;
	case KFUNC_bpf_list_pop_front:
	case KFUNC_bpf_list_pop_back:
	case KFUNC_bpf_list_front:
	case KFUNC_bpf_list_back:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		mark_graph_node(env, r0, m->list_btf, &m->list_head);
		return 1;
	case KFUNC_bpf_rbtree_first:
	case KFUNC_bpf_rbtree_remove:
	case KFUNC_bpf_rbtree_root:
	case KFUNC_bpf_rbtree_left:
	case KFUNC_bpf_rbtree_right:
		mark_reg_known_zero(env, regs, BPF_REG_0);
		mark_graph_node(env, r0, m->rb_btf, &m->rb_root);
		return 1;
	case KFUNC_bpf_cast_to_kern_ctx:
		returns_struct(env, PTR_TO_BTF_ID | PTR_TRUSTED, m->btf, m->ret_btf_id);
		return 1;
	case KFUNC_bpf_rdonly_cast:
		t = btf_type_get(m->btf, (u32)m->constant.value);
		if (visible(env->profile, KVER(6, 17)) && t && !btf_kind(t) && !m->constant.value) {
			mark_reg_known_zero(env, regs, BPF_REG_0);
			r0->type = PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED;
			r0->mem_size = 0;
			return 1;
		}
		if (!t || !btf_is_struct(t))
			return refuse(env, DIAG_KFUNC_RDONLY_CAST,
				      visible(env->profile, KVER(6, 17)) ? " or void" : "");
		returns_struct(env, PTR_TO_BTF_ID | PTR_UNTRUSTED, m->btf, (u32)m->constant.value);
		return 1;
	case KFUNC_bpf_dynptr_slice:
	case KFUNC_bpf_dynptr_slice_rdwr:
		if (!m->constant.found || !m->dynptr.id)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL, "slice of no dynptr");
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_MEM | m->dynptr.type;
		r0->mem_size = (u32)m->constant.value;
		if (m->k.id == KFUNC_bpf_dynptr_slice)
			r0->type |= MEM_RDONLY;
		else if (!may_access_direct_pkt_data(env, NULL, BPF_WRITE))
			return refuse(env, DIAG_KFUNC_PACKET_WRITE);
		r0->dynptr_id = m->dynptr.id;
		/* Linux lets a slice of a ring buffer's record outlive the record. */
		r0->ref_obj_id = m->dynptr.ref_obj_id;
		return 1;
	}
	return 0;
}

static int set_pointer_result(struct bpf_verifier_env *env, struct kfunc_meta *m,
			      const struct btf_type *t, struct bpf_kfunc_aux *aux, u32 insn_idx)
{
	struct bpf_reg_state *regs = cur_regs(env), *r0 = &regs[BPF_REG_0];
	const struct btf_type *to;
	u32 to_id = 0, size;
	bool may_be_null = m->k.flags & KF_RET_NULL;
	int err, id;

	to = btf_type_skip_modifiers(m->btf, t->type, &to_id);
	err = special_result(env, m, aux);
	if (err < 0)
		return err;
	if (err) {
		;
	} else if (!to || !btf_kind(to)) { /* void *: a number */
		mark_reg_unknown(env, regs, BPF_REG_0);
	} else if (!btf_is_struct(to)) {
		if (m->k.id == KFUNC_bpf_session_cookie) {
			m->r0_size = sizeof(u64);
			env->prog_obj->session_cookie = true;
		}
		if (!m->r0_size && !btf_type_size(m->btf, to_id, &size)) {
			m->r0_size = size;
			m->r0_rdonly = true;
		}
		if (!m->r0_size)
			return refuse(env, DIAG_KFUNC_RETURNS, m->name, btf_type_str(to),
				      btf_name_of(m->btf, to));
		mark_reg_known_zero(env, regs, BPF_REG_0);
		r0->type = PTR_TO_MEM | (m->r0_rdonly ? MEM_RDONLY : 0);
		r0->mem_size = (u32)m->r0_size;
		if (m->ref_obj_id)
			r0->ref_obj_id = m->ref_obj_id;
	} else {
		returns_struct(env, PTR_TO_BTF_ID, m->btf, to_id);
		if (m->k.id == KFUNC_bpf_get_kmem_cache)
			r0->type |= PTR_UNTRUSTED;
		else if (m->k.flags & KF_RCU_PROTECTED)
			r0->type |= MEM_RCU;
		if (m->k.flags & KF_ITER_NEXT)
			r0->type |= iter_is_rcu(env, m) ? MEM_RCU : PTR_TRUSTED;
	}
	/* An owner's count cannot be 0. */
	if (m->k.id == KFUNC_bpf_refcount_acquire_impl && m->arg_owning_ref)
		may_be_null = false;
	if (may_be_null) {
		r0->type |= PTR_MAYBE_NULL;
		r0->id = ++env->id_gen;
	}
	set_r0_size(env, 8);
	if (m->k.flags & KF_ACQUIRE) {
		id = acquire_reference(env, insn_idx);
		if (id < 0)
			return id;
		if (may_be_null)
			r0->id = (u32)id;
		r0->ref_obj_id = (u32)id;
	} else if (to && btf_is_struct(to) &&
		   (!strcmp(btf_name_of(m->btf, to), "bpf_rb_node") ||
		    !strcmp(btf_name_of(m->btf, to), "bpf_list_node"))) {
		err = set_non_owning(env, r0);
		if (err)
			return err;
	}
	if (!r0->id &&
	    reg_has_field(env, r0, BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK)))
		r0->id = ++env->id_gen;
	return 0;
}

/* A struct, or what functions that return void * have allocated of the program's own types. */
static bool returns_object(const struct kfunc_meta *m, const struct btf_type *t)
{
	const struct btf_type *to;

	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return false;
	to = btf_type_skip_modifiers(m->btf, t->type, NULL);
	return !to || !btf_kind(to) || btf_is_struct(to);
}

static int set_result(struct bpf_verifier_env *env, struct kfunc_meta *m, struct bpf_kfunc_aux *aux,
		      u32 insn_idx)
{
	struct bpf_reg_state *regs = cur_regs(env);
	const struct btf_type *t = btf_type_skip_modifiers(m->btf, m->proto->type, NULL);

	if ((m->k.flags & KF_ACQUIRE) && !returns_object(m, t))
		return refuse(env, DIAG_KFUNC_ACQUIRES);
	if (!t || !btf_kind(t))
		return 0;
	if (btf_type_is_scalar(t)) {
		mark_reg_unknown(env, regs, BPF_REG_0);
		if (m->k.id == KFUNC_bpf_res_spin_lock ||
		    m->k.id == KFUNC_bpf_res_spin_lock_irqsave)
			__mark_reg_const_zero(env, &regs[BPF_REG_0]);
		set_r0_size(env, t->size);
		return 0;
	}
	if (btf_kind(t) == BTF_KIND_PTR)
		return set_pointer_result(env, m, t, aux, insn_idx);
	return 0;
}

/* ---- the call ---- */

/* A lock that is not got: the path with the error. */
static int branch_lock_failed(struct bpf_verifier_env *env)
{
	struct bpf_verifier_state *branch =
		push_stack(env, env->insn_idx + 1, env->insn_idx, false);
	struct bpf_reg_state *regs, *r0;

	if (!branch)
		return push_failed(env, -ENOMEM);
	regs = branch->frame[branch->curframe]->regs;
	r0 = &regs[BPF_REG_0];
	for (u32 i = BPF_REG_0; i <= BPF_REG_5; i++)
		mark_reg_not_init(env, regs, i);
	mark_reg_unknown(env, regs, BPF_REG_0);
	r0->smin_value = -MAX_ERRNO;
	r0->smax_value = -1;
	r0->s32_min_value = -MAX_ERRNO;
	r0->s32_max_value = -1;
	reg_bounds_sync(r0);
	r0->subreg_def = (s32)env->insn_idx + 1;
	return 0;
}

static int check_throw(struct bpf_verifier_env *env)
{
	env->seen_exception = true;
	/* Without a callback the cookie is what the program returns. */
	if (!env->exception_subprog)
		return check_return_code(env, BPF_REG_1, "R1");
	return 0;
}

static bool links_node(enum kfunc_id id)
{
	return id == KFUNC_bpf_list_push_front_impl || id == KFUNC_bpf_list_push_back_impl ||
	       id == KFUNC_bpf_rbtree_add_impl;
}

static int release_args(struct bpf_verifier_env *env, struct kfunc_meta *m,
			struct bpf_kfunc_aux *aux)
{
	struct bpf_reg_state *regs = cur_regs(env);
	u32 ref;
	int err;

	if (m->release_regno) {
		err = m->dynptr.ref_obj_id ?
			      release_dynptr(env, &regs[m->release_regno]) :
			      release_reference(env, regs[m->release_regno].ref_obj_id);
		if (err)
			return refuse_err(env, err, DIAG_KFUNC_NOT_ACQUIRED, m->name, m->func_id);
	}
	if (!links_node(m->k.id))
		return 0;
	/* The root owns the node from here on; the program may still look at it under the lock. */
	ref = regs[BPF_REG_2].ref_obj_id;
	aux->insert_off = (u32)regs[BPF_REG_2].off;
	err = owning_to_non_owning(env, ref);
	if (err)
		return refuse_err(env, err, DIAG_KFUNC_NOT_CONVERTED, m->name, m->func_id);
	err = release_reference(env, ref);
	if (err)
		return refuse_err(env, err, DIAG_KFUNC_NOT_ACQUIRED, m->name, m->func_id);
	return 0;
}

static int call_back(struct bpf_verifier_env *env, const struct kfunc_meta *m, u32 insn_idx)
{
	int err = 0;

	if (m->k.id == KFUNC_bpf_rbtree_add_impl)
		err = push_callback(env, insn_idx, m->subprogno, regs_of_rbtree_callback);
	else if (m->k.id == KFUNC_bpf_wq_set_callback_impl)
		err = push_async_callback(env, insn_idx, m->subprogno, true,
					  regs_of_timer_callback);
	else if (is_task_work_kfunc(m->k.id))
		err = push_async_callback(env, insn_idx, m->subprogno, true,
					  regs_of_task_work_callback);
	if (err)
		return refuse_err(env, err, DIAG_KFUNC_CALLBACK, m->name, m->func_id);
	return 0;
}

/* What the fix-ups pass is the same on all paths. */
static int save_aux(struct bpf_verifier_env *env, const struct bpf_kfunc_aux *aux, u32 insn_idx)
{
	struct bpf_kfunc_aux **have = &env->aux[insn_idx].kfunc;

	if (!*have) {
		*have = mem_dup(aux, sizeof(*aux));
		return *have ? 0 : out_of_memory(env);
	}
	(*have)->may_wait = aux->may_wait;
	(*have)->cast |= aux->cast;
	if ((*have)->btf != aux->btf || (*have)->btf_id != aux->btf_id ||
	    (*have)->size != aux->size || (*have)->insert_off != aux->insert_off)
		return refuse(env, DIAG_KFUNC_MIXED);
	return 0;
}

/* On all paths. */
static bool may_wait(const struct bpf_verifier_env *env, const struct bpf_insn_aux_data *aux)
{
	const struct bpf_verifier_state *st = env->cur_state;

	return st->in_sleepable && !st->active_rcu_lock && !st->active_preempt_locks &&
	       !st->active_locks && !st->active_irq_id && (!aux->kfunc || aux->kfunc->may_wait);
}

/* A socket becomes the kernel's struct by a call, which keeps no registers. */
static u8 kind_of_cast(struct bpf_verifier_env *env, u32 idx)
{
	u32 type = base_type(cur_regs(env)[BPF_REG_1].type);

	if (type != PTR_TO_SOCKET && type != PTR_TO_SOCK_COMMON && type != PTR_TO_TCP_SOCK)
		return CAST_PLAIN;
	if (env->aux[idx].fastcall_spills) {
		env->aux[idx].fastcall_spills = 0;
		env->subprog_info[cur_func(env)->subprogno].keep_fastcall_stack = true;
	}
	return CAST_SOCK;
}

int check_kfunc_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx)
{
	struct bpf_kfunc_aux aux = { 0 };
	struct kfunc_meta m;
	u32 idx = *insn_idx;
	int err;

	/*
	 * A zero id is what libbpf leaves for a weak function that the kernel lacks. The
	 * program should test for that and not get here; the fix-ups refuse what stays.
	 */
	if (!insn->imm)
		return 0;
	err = fetch_kfunc(env, insn, &m, false);
	if (err)
		return err;
	aux.id = m.k.id;
	aux.may_wait = may_wait(env, &env->aux[idx]);
	env->aux[idx].is_iter_next = m.k.flags & KF_ITER_NEXT;
	if (m.k.id == KFUNC_bpf_res_spin_lock || m.k.id == KFUNC_bpf_res_spin_lock_irqsave) {
		err = branch_lock_failed(env);
		if (err)
			return err;
	}
	if (m.k.id == KFUNC___bpf_trap)
		return refuse(env, DIAG_KFUNC_TRAP);
	if ((m.k.flags & KF_DESTRUCTIVE) && !(env->caps & BPF_CAP_SYS_BOOT))
		return refuse(env, DIAG_KFUNC_DESTRUCTIVE);
	if ((m.k.flags & KF_SLEEPABLE) && !env->cur_state->in_sleepable)
		return refuse(env, DIAG_KFUNC_SLEEPS, m.name);
	err = check_kfunc_args(env, &m, idx);
	if (!err)
		err = call_back(env, &m, idx);
	if (!err)
		err = check_sections(env, &m);
	if (!err)
		err = release_args(env, &m, &aux);
	if (!err && m.k.id == KFUNC_bpf_throw)
		err = check_throw(env);
	if (err)
		return err;
	if (m.k.id == KFUNC_bpf_rdonly_cast)
		aux.cast = kind_of_cast(env, idx);
	clear_caller_saved_regs(env, cur_regs(env));
	err = set_result(env, &m, &aux, idx);
	if (!err)
		err = save_aux(env, &aux, idx);
	if (err)
		return err;
	if (m.k.id == KFUNC_bpf_xdp_pull_data)
		clear_all_pkt_pointers(env);
	if (m.k.flags & KF_ITER_NEXT)
		return process_iter_next(env, idx, &m);
	return 0;
}
