/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arguments of kernel functions: what the prototype says of each, and whether the
 * caller's register keeps it (Linux: get_kfunc_ptr_arg_type(), check_kfunc_args() and
 * what they call in kernel/bpf/verifier.c). What arguments of certain types mean is in
 * dynptr.c, iter.c, kptr.c, graph.c and callback.c.
 */
#include "verifier/kfunc.h"

/* ---- what the prototype says ---- */

static bool suffix(const struct kfunc_meta *m, u32 arg, const char *text)
{
	return btf_param_suffix(m->btf, &btf_params(m->proto)[arg], text);
}

static const struct btf_type *arg_pointee(const struct kfunc_meta *m, u32 arg, u32 *id)
{
	return btf_type_resolve_ptr(m->btf, btf_params(m->proto)[arg].type, id);
}

/* Whether the argument is a pointer to struct @name. */
static bool arg_is_struct(const struct kfunc_meta *m, u32 arg, const char *name)
{
	const struct btf_type *t = arg_pointee(m, arg, NULL);

	return t && btf_kind(t) == BTF_KIND_STRUCT && !strcmp(btf_str(m->btf, t->name_off), name);
}

static bool arg_is_callback(const struct kfunc_meta *m, u32 arg)
{
	const struct btf_type *t = arg_pointee(m, arg, NULL);

	return t && btf_kind(t) == BTF_KIND_FUNC_PROTO;
}

static bool arg_is_scalar(const struct kfunc_meta *m, u32 arg)
{
	return btf_type_is_scalar(
		btf_type_skip_modifiers(m->btf, btf_params(m->proto)[arg].type, NULL));
}

static bool arg_is_size(const struct bpf_verifier_env *env, const struct kfunc_meta *m, u32 arg)
{
	return arg < btf_vlen(m->proto) && arg_is_scalar(m, arg) &&
	       cur_regs((struct bpf_verifier_env *)env)[arg + 1].type == SCALAR_VALUE &&
	       (suffix(m, arg, "__sz") || suffix(m, arg, "__szk"));
}

static bool arg_named(const struct kfunc_meta *m, u32 arg, const char *name)
{
	const char *have = btf_str(m->btf, btf_params(m->proto)[arg].name_off);

	return have && !strcmp(have, name);
}

bool btf_type_is_scalar_struct(struct bpf_verifier_env *env, const struct btf *btf,
			       const struct btf_type *t, u32 level)
{
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *m =
			btf_type_skip_modifiers(btf, btf_members(t)[i].type, NULL);

		if (!m)
			return false;
		if (btf_is_struct(m)) {
			if (level >= 3) {
				verbose(env, "max struct nesting depth exceeded\n");
				return false;
			}
			if (!btf_type_is_scalar_struct(env, btf, m, level + 1))
				return false;
			continue;
		}
		if (btf_kind(m) == BTF_KIND_ARRAY) {
			if (!btf_array_of(m)->nelems)
				return false;
			m = btf_type_skip_modifiers(btf, btf_array_of(m)->type, NULL);
		}
		if (!btf_type_is_scalar(m))
			return false;
	}
	return true;
}

const char *btf_type_str(const struct btf_type *t)
{
	return t ? btf_kind_name(btf_kind(t)) : "UNKNOWN";
}

const char *btf_name_of(const struct btf *btf, const struct btf_type *t)
{
	const char *name = t ? btf_str(btf, t->name_off) : NULL;

	return name ? name : "";
}

const char *reg_kernel_struct(u32 type)
{
	switch (base_type(type)) {
	case PTR_TO_SOCKET:
		return "sock";
	case PTR_TO_SOCK_COMMON:
		return "sock_common";
	case PTR_TO_TCP_SOCK:
		return "tcp_sock";
	case CONST_PTR_TO_MAP:
		return "bpf_map";
	default:
		return NULL;
	}
}

/* Names by which functions know the context: Linux takes projections of one another for it. */
static bool arg_is_ctx(const struct bpf_verifier_env *env, const struct btf_type *pointee,
		       const char *name)
{
	const char *uapi = env->ops->ctx_name;

	if (!pointee || btf_kind(pointee) != BTF_KIND_STRUCT || !uapi)
		return false;
	if (!strcmp(name, uapi))
		return true;
	/* sk_buff and xdp_buff themselves are structs, and so arguments of that type */
	return !strcmp(name, "__sk_buff") && !strcmp(uapi, "__sk_buff");
}

enum kf_arg {
	KF_ARG_CTX,
	KF_ARG_NULL,
	KF_ARG_KPTR,
	KF_ARG_ALLOC_OBJ,
	KF_ARG_REFCOUNTED,
	KF_ARG_DYNPTR,
	KF_ARG_ITER,
	KF_ARG_LIST_HEAD,
	KF_ARG_LIST_NODE,
	KF_ARG_RB_ROOT,
	KF_ARG_RB_NODE,
	KF_ARG_CONST_STR,
	KF_ARG_MAP,
	KF_ARG_TIMER,
	KF_ARG_WORKQUEUE,
	KF_ARG_TASK_WORK,
	KF_ARG_IRQ_FLAG,
	KF_ARG_RES_LOCK,
	KF_ARG_BTF,
	KF_ARG_CALLBACK,
	KF_ARG_MEM,
	KF_ARG_MEM_SIZE,
};

/* What pointer argument @arg is; by its type first, then by what the register holds. */
static int kf_arg_of(struct bpf_verifier_env *env, const struct kfunc_meta *m, u32 arg,
		     const struct btf_type *pointee)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	bool sized = arg_is_size(env, m, arg + 1);
	const char *name = btf_name_of(m->btf, pointee);

	if (m->k.id == KFUNC_bpf_cast_to_kern_ctx)
		return KF_ARG_CTX;
	if (!arg && (m->k.flags & KF_KPTR_GET))
		return KF_ARG_KPTR;
	if (arg_is_ctx(env, pointee, name))
		return KF_ARG_CTX;
	if (suffix(m, arg, "__nullable") && register_is_null(reg) && !sized)
		return KF_ARG_NULL;
	if (suffix(m, arg, "__alloc"))
		return KF_ARG_ALLOC_OBJ;
	if (suffix(m, arg, "__refcounted_kptr"))
		return KF_ARG_REFCOUNTED;
	if (arg_is_struct(m, arg, "bpf_dynptr") || arg_is_struct(m, arg, "bpf_dynptr_kern"))
		return KF_ARG_DYNPTR;
	if (kfunc_arg_is_iter(m, arg))
		return KF_ARG_ITER;
	if (arg_is_struct(m, arg, "bpf_list_head"))
		return KF_ARG_LIST_HEAD;
	if (arg_is_struct(m, arg, "bpf_list_node"))
		return KF_ARG_LIST_NODE;
	if (arg_is_struct(m, arg, "bpf_rb_root"))
		return KF_ARG_RB_ROOT;
	if (arg_is_struct(m, arg, "bpf_rb_node"))
		return KF_ARG_RB_NODE;
	if (suffix(m, arg, "__str"))
		return KF_ARG_CONST_STR;
	if (suffix(m, arg, "__map"))
		return KF_ARG_MAP;
	if (arg_is_struct(m, arg, "bpf_timer"))
		return KF_ARG_TIMER;
	if (arg_is_struct(m, arg, "bpf_wq"))
		return KF_ARG_WORKQUEUE;
	if (arg_is_struct(m, arg, "bpf_task_work"))
		return KF_ARG_TASK_WORK;
	if (suffix(m, arg, "__irq_flag"))
		return KF_ARG_IRQ_FLAG;
	if (arg_is_struct(m, arg, "bpf_res_spin_lock"))
		return KF_ARG_RES_LOCK;
	/* What may be NULL was no object to a function before 6.2. */
	if ((kfunc_has_trust(env) || !type_may_be_null(reg->type)) &&
	    (base_type(reg->type) == PTR_TO_BTF_ID || reg_kernel_struct(reg->type))) {
		if (!pointee || !btf_is_struct(pointee))
			return refuse(env, DIAG_KFUNC_ARG_STRUCT, m->name, arg,
				      btf_type_str(pointee), name);
		return KF_ARG_BTF;
	}
	if (arg_is_callback(m, arg))
		return KF_ARG_CALLBACK;
	if (!btf_type_is_scalar(pointee) &&
	    !(pointee && btf_is_struct(pointee) &&
	      btf_type_is_scalar_struct(env, m->btf, pointee, 0)) &&
	    !(sized && pointee && !btf_kind(pointee)))
		return refuse(env, DIAG_KFUNC_ARG_MEM, arg, btf_type_str(pointee), name,
			      sized ? "void, " : "");
	return sized ? KF_ARG_MEM_SIZE : KF_ARG_MEM;
}

/* ---- arguments ---- */

static int check_scalar_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg)
{
	u32 regno = arg + 1;
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	bool buf_size = false;

	if (reg->type != SCALAR_VALUE)
		return refuse(env, DIAG_KFUNC_NOT_SCALAR, regno);
	if (suffix(m, arg, "__k")) {
		if (m->constant.found)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL,
					  "only one constant argument permitted");
		if (!tnum_is_const(reg->var_off))
			return refuse(env, DIAG_KFUNC_NOT_CONST, regno);
		m->constant.found = true;
		m->constant.value = reg->var_off.value;
		return mark_chain_precision(env, regno);
	}
	if (arg_named(m, arg, "rdonly_buf_size")) {
		m->r0_rdonly = true;
		buf_size = true;
	} else if (arg_named(m, arg, "rdwr_buf_size")) {
		buf_size = true;
	}
	if (!buf_size)
		return 0;
	if (m->r0_size)
		return refuse(env, DIAG_KFUNC_TWO_SIZES);
	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_KFUNC_SIZE_NOT_CONST, regno);
	m->r0_size = reg->var_off.value;
	return mark_chain_precision(env, regno);
}

/* Linux's list of aliases that strict type matching tells apart: nf_conn and nf_conn___init. */
static bool is_nocast_alias(const char *have, const char *want)
{
	size_t n = strlen(have), w = strlen(want);

	if (n == w)
		return false;
	if (n > w)
		return !strncmp(have, want, w) && !strcmp(have + w, "___init");
	return !strncmp(have, want, n) && !strcmp(want + n, "___init");
}

static int check_btf_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg,
			 const struct btf_type *pointee, u32 pointee_id)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	const char *want = btf_name_of(m->btf, pointee), *have;
	struct btf *btf = reg->btf;
	const struct btf_type *t;
	char where[192];
	u32 id;
	s32 found;
	bool strict;

	if (base_type(reg->type) == PTR_TO_BTF_ID) {
		id = reg->btf_id;
	} else {
		btf = m->btf;
		found = btf_find_by_name_kind(btf, reg_kernel_struct(reg->type), BTF_KIND_STRUCT);
		if (found < 0)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL, "no type of sockets");
		id = (u32)found;
	}
	t = btf_type_skip_modifiers(btf, id, &id);
	have = btf_name_of(btf, t);
	strict = ((m->k.flags & KF_RELEASE) && reg->ref_obj_id) || is_nocast_alias(have, want);
	/* Functions that take the uapi struct of a context get what it stands for. */
	if ((!strcmp(want, "__sk_buff") && !strcmp(have, "sk_buff")) ||
	    (!strcmp(want, "xdp_md") && !strcmp(have, "xdp_buff")))
		return 0;
	if (btf_struct_ids_match(btf, id, reg->off, m->btf, pointee_id, strict))
		return 0;
	snprintf(where, sizeof(where), "kernel function %s args#%u expected pointer to", m->name,
		 arg);
	return refuse(env, DIAG_KFUNC_ARG_TYPE, where, btf_type_str(pointee), want, arg + 1,
		      btf_type_str(t), have);
}

static int check_mem_size_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg)
{
	struct bpf_reg_state *regs = cur_regs(env), *buf = &regs[arg + 1], *size = &regs[arg + 2];
	struct bpf_call_arg_meta mem = { 0 };
	int err = 0;

	if (!register_is_null(buf) || (!suffix(m, arg, "__opt") && !suffix(m, arg, "__nullable"))) {
		struct bpf_reg_state saved = *buf;
		bool may_be_null = type_may_be_null(buf->type);

		if (may_be_null)
			mark_ptr_not_null_reg(buf);
		err = check_mem_size_reg(env, arg + 2, BPF_READ, true, &mem);
		if (!err)
			err = check_mem_size_reg(env, arg + 2, BPF_WRITE, true, &mem);
		if (may_be_null)
			*buf = saved;
	}
	if (err)
		return refuse_err(env, err, DIAG_KFUNC_MEM_PAIR, arg, arg + 1);
	if (suffix(m, arg + 1, "__szk")) {
		if (m->constant.found)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL,
					  "only one constant argument permitted");
		if (!tnum_is_const(size->var_off))
			return refuse(env, DIAG_KFUNC_NOT_CONST, arg + 2);
		m->constant.found = true;
		m->constant.value = size->var_off.value;
	}
	return 0;
}

static int check_dynptr_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg,
			    u32 insn_idx)
{
	struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	u32 type = ARG_PTR_TO_DYNPTR, clone = 0;
	int err;

	if (reg->type == CONST_PTR_TO_DYNPTR)
		type |= MEM_RDONLY;
	if (suffix(m, arg, "__uninit"))
		type |= MEM_UNINIT;
	if (m->k.id == KFUNC_bpf_dynptr_from_skb) {
		type |= DYNPTR_TYPE_SKB;
	} else if (m->k.id == KFUNC_bpf_dynptr_from_xdp) {
		type |= DYNPTR_TYPE_XDP;
	} else if (m->k.id == KFUNC_bpf_dynptr_from_file) {
		type |= DYNPTR_TYPE_FILE;
	} else if (m->k.id == KFUNC_bpf_dynptr_file_discard) {
		type |= DYNPTR_TYPE_FILE;
		m->release_regno = (u8)(arg + 1);
	} else if (m->k.id == KFUNC_bpf_dynptr_from_skb_meta) {
		type |= DYNPTR_TYPE_SKB_META;
	} else if (m->k.id == KFUNC_bpf_dynptr_clone && (type & MEM_UNINIT)) {
		if (!m->dynptr.type)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL, "no dynptr to clone");
		type |= m->dynptr.type;
		clone = m->dynptr.ref_obj_id;
	}
	err = process_dynptr(env, arg + 1, insn_idx, type, clone);
	if (err || (type & MEM_UNINIT))
		return err;
	m->dynptr.id = dynptr_id(env, reg);
	m->dynptr.type = dynptr_type(env, reg);
	m->dynptr.ref_obj_id = dynptr_ref_obj_id(env, reg);
	return 0;
}

static int check_alloc_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];

	if (reg->type == (PTR_TO_BTF_ID | MEM_ALLOC)) {
		if (m->k.id != KFUNC_bpf_obj_drop_impl)
			return refuse(env, DIAG_KFUNC_DROP, arg, "bpf_obj_drop_impl()");
	} else if (reg->type == (PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU)) {
		if (m->k.id != KFUNC_bpf_percpu_obj_drop_impl)
			return refuse(env, DIAG_KFUNC_DROP, arg, "bpf_percpu_obj_drop_impl()");
	} else {
		return refuse(env, DIAG_KFUNC_ARG_ALLOC, arg);
	}
	if (!reg->ref_obj_id)
		return refuse(env, DIAG_KFUNC_UNREFERENCED);
	m->arg_btf = reg->btf;
	m->arg_btf_id = reg->btf_id;
	return 0;
}

static int check_graph_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg,
			   enum kf_arg what)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	bool owner = reg->type == (PTR_TO_BTF_ID | MEM_ALLOC);
	bool add = m->k.id == KFUNC_bpf_rbtree_add_impl;

	if (what == KF_ARG_LIST_HEAD || what == KF_ARG_RB_ROOT) {
		if (reg->type != PTR_TO_MAP_VALUE && !owner)
			return refuse(env, DIAG_KFUNC_ARG_ROOT, arg);
		if (owner && !reg->ref_obj_id)
			return refuse(env, DIAG_KFUNC_UNREFERENCED);
		return process_graph_root(env, arg + 1, m,
					  what == KF_ARG_LIST_HEAD ? BTF_FIELD_LIST_HEAD :
								     BTF_FIELD_RB_ROOT);
	}
	if (what == KF_ARG_LIST_NODE || add) {
		if (!owner)
			return refuse(env, DIAG_KFUNC_ARG_ALLOC, arg);
		if (!reg->ref_obj_id)
			return refuse(env, DIAG_KFUNC_UNREFERENCED);
	} else if (visible(env->profile, KVER(6, 16))) {
		if (!type_is_non_owning(reg->type) && !reg->ref_obj_id)
			return refuse(env, DIAG_KFUNC_RB_NODE, m->name);
		if (in_rbtree_callback(env))
			return refuse(env, DIAG_KFUNC_RB_CALLBACK, m->name);
	} else {
		if (!type_is_non_owning(reg->type) || reg->ref_obj_id)
			return refuse(env, DIAG_KFUNC_RB_REMOVE_OWNED);
		if (in_rbtree_callback(env))
			return refuse(env, DIAG_KFUNC_RB_CALLBACK, "rbtree_remove");
	}
	return process_graph_node(env, arg + 1, m,
				  what == KF_ARG_LIST_NODE ? BTF_FIELD_LIST_NODE :
							     BTF_FIELD_RB_NODE);
}

static int check_refcounted_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];

	if (!type_is_alloc(reg->type))
		return refuse(env, DIAG_KFUNC_ARG_REF, arg);
	m->arg_owning_ref = !type_is_non_owning(reg->type);
	if (!reg_has_field(env, reg, BIT(BTF_FIELD_REFCOUNT)))
		return refuse(env, DIAG_KFUNC_NO_REFCOUNT, arg);
	m->arg_btf = reg->btf;
	m->arg_btf_id = reg->btf_id;
	return 0;
}

static int check_trust(struct bpf_verifier_env *env, const struct kfunc_meta *m, u32 regno)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];

	if (!(m->k.flags & (KF_TRUSTED_ARGS | KF_RCU)) || reg_is_trusted(reg))
		return 0;
	if (!(m->k.flags & KF_RCU))
		return refuse(env, DIAG_KFUNC_UNTRUSTED, regno);
	if (!(reg->type & MEM_RCU))
		return refuse(env, DIAG_KFUNC_NOT_RCU, regno);
	return 0;
}

/* A map as the kernel's own structure, of an iterator: ours is laid out otherwise, so this is judged. */
static int check_kernel_map_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 regno)
{
	s32 id = btf_find_by_name_kind(m->btf, "bpf_map", BTF_KIND_STRUCT);
	int err = id < 0 ? refuse(env, DIAG_KFUNC_ARG_MAP, regno) : check_trust(env, m, regno);

	if (!err)
		err = check_btf_arg(env, m, regno - 1, btf_type_get(m->btf, (u32)id), (u32)id);
	if (!err)
		prog_lacks(env->prog_obj, "kernel functions on", "maps of iterators");
	return err;
}

static int check_map_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 regno)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];

	if (base_type(reg->type) == PTR_TO_BTF_ID && env->sys->verdict)
		return check_kernel_map_arg(env, m, regno);
	if (base_type(reg->type) != CONST_PTR_TO_MAP)
		return refuse(env, DIAG_KFUNC_ARG_MAP, regno);
	if (m->map && (m->map != reg->map || m->map_uid != reg->map_uid) &&
	    m->k.id == KFUNC_bpf_wq_init)
		return refuse(env, DIAG_KFUNC_WQ_MAP, m->map_uid, reg->map_uid);
	if (m->map && (m->map != reg->map || m->map_uid != reg->map_uid) &&
	    is_task_work_kfunc(m->k.id))
		return refuse(env, DIAG_KFUNC_TASK_WORK_MAP, m->map_uid, reg->map_uid);
	m->map = reg->map;
	m->map_uid = reg->map_uid;
	return check_trust(env, m, regno);
}

static int check_ctx_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 arg)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	const char *name;
	s32 id;

	if (reg->type != PTR_TO_CTX)
		return refuse(env, DIAG_KFUNC_ARG_CTX, arg,
			      kfunc_has_trust(env) ? reg_type_str(env, reg->type) : "PTR");
	if (m->k.id != KFUNC_bpf_cast_to_kern_ctx)
		return 0;
	name = prog_ctx_kernel_struct(env->prog->type);
	id = name ? btf_find_by_name_kind(m->btf, name, BTF_KIND_STRUCT) : -ENOENT;
	if (id < 0)
		return refuse(env, DIAG_KFUNC_CTX_TYPE, env->prog->type);
	if (!env->sys->verdict && !prog_ctx_shown(env->prog->type))
		return refuse(env, DIAG_KFUNC_ABSENT, m->name);
	m->ret_btf_id = (u32)id;
	return 0;
}

/* The field of a map's value that holds a reference, from which the function takes another one. */
static int check_kptr_arg(struct bpf_verifier_env *env, const struct kfunc_meta *m, u32 arg,
			  const struct btf_type *pointee)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[arg + 1];
	const struct btf_type *to = NULL;
	struct btf_field field;
	struct btf *target;
	u32 to_id = 0, id;
	u64 off;

	if (reg->type != PTR_TO_MAP_VALUE)
		return refuse(env, DIAG_KFUNC_KPTR_VALUE, arg);
	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_KFUNC_KPTR_VARIABLE, arg);
	off = (u64)reg->off + reg->var_off.value;
	if (off != (u32)off || !reg->map->btf ||
	    !reg_field_at(env, reg, (u32)off, BIT(BTF_FIELD_KPTR_REF), &field))
		return refuse(env, DIAG_KFUNC_KPTR_NONE, arg, off);
	if (pointee && btf_kind(pointee) == BTF_KIND_PTR)
		to = btf_type_skip_modifiers(m->btf, pointee->type, &to_id);
	if (!to || !btf_is_struct(to))
		return refuse(env, DIAG_KFUNC_ARG_STRUCT, m->name, arg, btf_type_str(to),
			      btf_name_of(m->btf, to));
	kptr_target(env, reg_fields_btf(reg), &field, &target, &id);
	if (!btf_struct_ids_match(m->btf, to_id, 0, target, id, true))
		return refuse(env, DIAG_KFUNC_KPTR_TYPE, m->name, arg, btf_type_str(to),
			      btf_name_of(m->btf, to));
	return 0;
}

static int check_pointer_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 *argp,
			     u32 insn_idx)
{
	u32 arg = *argp, regno = arg + 1, pointee_id = 0, release = 0, size;
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct btf_type *pointee = arg_pointee(m, arg, &pointee_id);
	int what, err;

	if ((m->k.flags & (KF_TRUSTED_ARGS | KF_RCU)) && kfunc_has_trust(env) &&
	    (register_is_null(reg) || type_may_be_null(reg->type)) &&
	    !suffix(m, arg, "__nullable") && !suffix(m, arg, "__opt")) /* its name until 7.0 */
		return refuse(env, DIAG_KFUNC_MAYBE_NULL, arg);
	if (reg->ref_obj_id) {
		if ((m->k.flags & KF_RELEASE) && m->ref_obj_id)
			return refuse_err(env, -EFAULT, DIAG_INTERNAL,
					  "more than one arg with ref_obj_id");
		m->ref_obj_id = reg->ref_obj_id;
		if (m->k.flags & KF_RELEASE)
			m->release_regno = (u8)regno;
	}
	what = kf_arg_of(env, m, arg, pointee);
	if (what < 0)
		return what;
	if (what == KF_ARG_NULL)
		return 0;
	if (what == KF_ARG_BTF || what == KF_ARG_ALLOC_OBJ) {
		err = check_trust(env, m, regno);
		if (err)
			return err;
	}
	if ((m->k.flags & KF_RELEASE) && reg->ref_obj_id)
		release = OBJ_RELEASE;
	err = check_func_arg_reg_off(env, reg, (int)regno, ARG_DONTCARE | release);
	if (err)
		return err;

	switch ((enum kf_arg)what) {
	case KF_ARG_NULL:
		return 0;
	case KF_ARG_CTX:
		return check_ctx_arg(env, m, arg);
	case KF_ARG_KPTR:
		return check_kptr_arg(env, m, arg, pointee);
	case KF_ARG_ALLOC_OBJ:
		return check_alloc_arg(env, m, arg);
	case KF_ARG_REFCOUNTED:
		return check_refcounted_arg(env, m, arg);
	case KF_ARG_DYNPTR:
		return check_dynptr_arg(env, m, arg, insn_idx);
	case KF_ARG_ITER:
		if (m->k.id == KFUNC_bpf_iter_css_task_new &&
		    env->prog->type != BPF_PROG_TYPE_LSM &&
		    !(env->prog->type == BPF_PROG_TYPE_TRACING &&
		      env->prog->expected_attach_type == BPF_TRACE_ITER) &&
		    !env->cur_state->in_sleepable)
			return refuse(env, DIAG_KFUNC_CSS_TASK);
		return process_iter_arg(env, regno, insn_idx, m);
	case KF_ARG_LIST_HEAD:
	case KF_ARG_LIST_NODE:
	case KF_ARG_RB_ROOT:
	case KF_ARG_RB_NODE:
		return check_graph_arg(env, m, arg, (enum kf_arg)what);
	case KF_ARG_CONST_STR:
		if (reg->type != PTR_TO_MAP_VALUE)
			return refuse(env, DIAG_KFUNC_ARG_STR, arg);
		return check_const_str(env, regno);
	case KF_ARG_MAP:
		return check_map_arg(env, m, regno);
	case KF_ARG_TIMER:
		if (reg->type != PTR_TO_MAP_VALUE)
			return refuse(env, DIAG_KFUNC_ARG_VALUE, arg);
		return process_timer_arg(env, regno, m);
	case KF_ARG_WORKQUEUE:
		if (reg->type != PTR_TO_MAP_VALUE)
			return refuse(env, DIAG_KFUNC_ARG_VALUE, arg);
		return process_workqueue(env, regno, m);
	case KF_ARG_TASK_WORK:
		if (reg->type != PTR_TO_MAP_VALUE)
			return refuse(env, DIAG_KFUNC_ARG_VALUE, arg);
		return process_task_work(env, regno, m);
	case KF_ARG_IRQ_FLAG:
		if (reg->type != PTR_TO_STACK)
			return refuse(env, DIAG_KFUNC_ARG_IRQ, arg);
		return process_irq_flag(env, regno, m);
	case KF_ARG_RES_LOCK:
		if (reg->type != PTR_TO_MAP_VALUE && reg->type != (PTR_TO_BTF_ID | MEM_ALLOC))
			return refuse(env, DIAG_KFUNC_ARG_RES_LOCK, arg);
		return process_spin_lock(
			env, regno,
			LOCK_RES |
				(m->k.id == KFUNC_bpf_res_spin_lock ||
						 m->k.id == KFUNC_bpf_res_spin_lock_irqsave ?
					 LOCK_TAKE :
					 0) |
				(m->k.id == KFUNC_bpf_res_spin_lock_irqsave ||
						 m->k.id == KFUNC_bpf_res_spin_unlock_irqrestore ?
					 LOCK_IRQ :
					 0));
	case KF_ARG_BTF:
		if ((base_type(reg->type) != PTR_TO_BTF_ID ||
		     (type_has_unsafe_flags(reg->type) && !(reg->type & MEM_RCU))) &&
		    !reg_kernel_struct(reg->type)) {
			char have[48];

			snprintf(have, sizeof(have), "%s", reg_type_str(env, reg->type));
			return refuse(
				env, DIAG_KFUNC_ARG_SOCKET, arg, have,
				reg_type_str(env, base_type(reg->type) |
							  (type_flag(reg->type) & TRUSTED_FLAGS)));
		}
		return check_btf_arg(env, m, arg, pointee, pointee_id);
	case KF_ARG_CALLBACK:
		if (reg->type != PTR_TO_FUNC)
			return refuse(env, DIAG_KFUNC_ARG_FUNC, arg);
		m->subprogno = reg->subprogno;
		return 0;
	case KF_ARG_MEM:
		if (btf_type_size(m->btf, pointee_id, &size))
			return refuse(env, DIAG_KFUNC_ARG_SIZE, arg, btf_type_str(pointee),
				      btf_name_of(m->btf, pointee), -EINVAL);
		return check_mem_reg(env, regno, size);
	case KF_ARG_MEM_SIZE:
		++*argp; /* the size with it */
		return check_mem_size_arg(env, m, arg);
	}
	return 0;
}

int check_kfunc_args(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 insn_idx)
{
	u32 n = btf_vlen(m->proto);
	int err;

	if (n > 5)
		return refuse(env, DIAG_KFUNC_NARGS, m->name, n, 5);
	for (u32 arg = 0; arg < n; arg++) {
		const struct btf_type *t;

		if (suffix(m, arg, "__prog") || suffix(m, arg, "__ign"))
			continue;
		err = check_reg_arg(env, arg + 1, SRC_OP);
		if (err)
			return err;
		t = btf_type_skip_modifiers(m->btf, btf_params(m->proto)[arg].type, NULL);
		if (btf_type_is_scalar(t))
			err = check_scalar_arg(env, m, arg);
		else if (!t || btf_kind(t) != BTF_KIND_PTR)
			err = refuse(env, DIAG_KFUNC_ARG_KIND, arg, btf_type_str(t));
		else
			err = check_pointer_arg(env, m, &arg, insn_idx);
		if (err)
			return err;
	}
	if ((m->k.flags & KF_RELEASE) && !m->release_regno)
		return refuse(env, DIAG_KFUNC_RELEASE_ARG, m->name);
	return 0;
}
