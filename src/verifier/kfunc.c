/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of kernel functions by BTF id (Linux: fetch_kfunc_meta(), check_kfunc_args()
 * and check_kfunc_call() of kernel/bpf/verifier.c). Prototypes are those of the
 * kernel's BTF, flags and program types those of tables/kfuncs.def and
 * kfunc_sets.def. What arguments of certain types mean is in dynptr.c, iter.c,
 * kptr.c, graph.c and callback.c.
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
	/* What is given back must be what was taken; since 7.0 there are no others. */
	if ((meta->k.flags & KF_RELEASE) || visible(env->profile, KVER(7, 0)))
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

/* ---- what the prototype says of an argument ---- */

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

static bool is_scalar_type(const struct btf_type *t)
{
	return t && (btf_kind(t) == BTF_KIND_INT || btf_is_enum(t));
}

static bool arg_is_scalar(const struct kfunc_meta *m, u32 arg)
{
	return is_scalar_type(
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

/* Structs of nothing but numbers, through arrays and up to four levels deep. */
static bool is_scalar_struct(const struct btf *btf, const struct btf_type *t, u32 level)
{
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *m =
			btf_type_skip_modifiers(btf, btf_members(t)[i].type, NULL);

		if (!m)
			return false;
		if (btf_is_struct(m)) {
			if (level >= 3 || !is_scalar_struct(btf, m, level + 1))
				return false;
			continue;
		}
		if (btf_kind(m) == BTF_KIND_ARRAY) {
			if (!btf_array_of(m)->nelems)
				return false;
			m = btf_type_skip_modifiers(btf, btf_array_of(m)->type, NULL);
		}
		if (!is_scalar_type(m))
			return false;
	}
	return true;
}

static const char *kind_word(const struct btf_type *t)
{
	return t ? btf_kind_name(btf_kind(t)) : "UNKNOWN";
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
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
	const char *name = name_of(m->btf, pointee);

	if (m->k.id == KFUNC_bpf_cast_to_kern_ctx)
		return KF_ARG_CTX;
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
	if (base_type(reg->type) == PTR_TO_BTF_ID || reg_kernel_struct(reg->type)) {
		if (!pointee || !btf_is_struct(pointee))
			return refuse(env, DIAG_KFUNC_ARG_STRUCT, m->name, arg, kind_word(pointee),
				      name);
		return KF_ARG_BTF;
	}
	if (arg_is_callback(m, arg))
		return KF_ARG_CALLBACK;
	if (!is_scalar_type(pointee) &&
	    !(pointee && btf_is_struct(pointee) && is_scalar_struct(m->btf, pointee, 0)) &&
	    !(sized && pointee && !btf_kind(pointee)))
		return refuse(env, DIAG_KFUNC_ARG_MEM, arg, kind_word(pointee), name,
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
	const char *want = name_of(m->btf, pointee), *have;
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
	have = name_of(btf, t);
	strict = ((m->k.flags & KF_RELEASE) && reg->ref_obj_id) || is_nocast_alias(have, want);
	/* Functions that take the uapi struct of a context get what it stands for. */
	if ((!strcmp(want, "__sk_buff") && !strcmp(have, "sk_buff")) ||
	    (!strcmp(want, "xdp_md") && !strcmp(have, "xdp_buff")))
		return 0;
	if (btf_struct_ids_match(btf, id, reg->off, m->btf, pointee_id, strict))
		return 0;
	snprintf(where, sizeof(where), "kernel function %s args#%u expected pointer to", m->name,
		 arg);
	return refuse(env, DIAG_KFUNC_ARG_TYPE, where, kind_word(pointee), want, arg + 1,
		      kind_word(t), have);
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
		return refuse(env, DIAG_KFUNC_ARG_CTX, arg, reg_type_str(env, reg->type));
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

static int check_pointer_arg(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 *argp,
			     u32 insn_idx)
{
	u32 arg = *argp, regno = arg + 1, pointee_id = 0, release = 0, size;
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct btf_type *pointee = arg_pointee(m, arg, &pointee_id);
	int what, err;

	if ((m->k.flags & (KF_TRUSTED_ARGS | KF_RCU)) &&
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
			return refuse(env, DIAG_KFUNC_ARG_SIZE, arg, kind_word(pointee),
				      name_of(m->btf, pointee), -EINVAL);
		return check_mem_reg(env, regno, size);
	case KF_ARG_MEM_SIZE:
		++*argp; /* the size with it */
		return check_mem_size_arg(env, m, arg);
	}
	return 0;
}

static int check_args(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 insn_idx)
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
		if (is_scalar_type(t))
			err = check_scalar_arg(env, m, arg);
		else if (!t || btf_kind(t) != BTF_KIND_PTR)
			err = refuse(env, DIAG_KFUNC_ARG_KIND, arg, kind_word(t));
		else
			err = check_pointer_arg(env, m, &arg, insn_idx);
		if (err)
			return err;
	}
	if ((m->k.flags & KF_RELEASE) && !m->release_regno)
		return refuse(env, DIAG_KFUNC_RELEASE_ARG, m->name);
	return 0;
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
		if (!is_scalar_struct(btf, t, 0))
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
			return refuse(env, DIAG_KFUNC_RETURNS, m->name, kind_word(to),
				      name_of(m->btf, to));
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
		   (!strcmp(name_of(m->btf, to), "bpf_rb_node") ||
		    !strcmp(name_of(m->btf, to), "bpf_list_node"))) {
		err = set_non_owning(env, r0);
		if (err)
			return err;
	}
	if (!r0->id &&
	    reg_has_field(env, r0, BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK)))
		r0->id = ++env->id_gen;
	return 0;
}

static int set_result(struct bpf_verifier_env *env, struct kfunc_meta *m, struct bpf_kfunc_aux *aux,
		      u32 insn_idx)
{
	struct bpf_reg_state *regs = cur_regs(env);
	const struct btf_type *t = btf_type_skip_modifiers(m->btf, m->proto->type, NULL);

	if (!t || !btf_kind(t))
		return 0;
	if (is_scalar_type(t)) {
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
	return type == PTR_TO_TCP_SOCK ? CAST_TCP : CAST_SOCK;
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
	if ((m.k.flags & KF_DESTRUCTIVE) && !(env->caps & BPF_CAP_SYS_ADMIN))
		return refuse(env, DIAG_KFUNC_DESTRUCTIVE);
	if ((m.k.flags & KF_SLEEPABLE) && !env->cur_state->in_sleepable)
		return refuse(env, DIAG_KFUNC_SLEEPS, m.name);
	err = check_args(env, &m, idx);
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
