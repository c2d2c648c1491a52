/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a program attaches to: functions and types of the kernel, of programs, structures of functions
 * (Linux: bpf_check_attach_target(), check_attach_btf_id() of kernel/bpf/verifier.c).
 */
#include "object/struct_ops.h"
#include "verifier/check.h"

static bool may_be_sleepable(const struct bpf_prog *prog, kver profile)
{
	switch (prog->type) {
	case BPF_PROG_TYPE_TRACING:
		switch (prog->expected_attach_type) {
		case BPF_TRACE_FENTRY:
		case BPF_TRACE_FEXIT:
		case BPF_MODIFY_RETURN:
		case BPF_TRACE_FSESSION:
		case BPF_TRACE_ITER:
			return true;
		case BPF_TRACE_FENTRY_MULTI:
		case BPF_TRACE_FEXIT_MULTI:
		case BPF_TRACE_FSESSION_MULTI:
		case BPF_TRACE_RAW_TP: /* where the event can wait: that is seen at attachment */
			return visible(profile, KVER(7, 2));
		default:
			return false;
		}
	case BPF_PROG_TYPE_LSM:
		return prog->expected_attach_type != BPF_LSM_CGROUP;
	case BPF_PROG_TYPE_KPROBE: /* uprobes */
	case BPF_PROG_TYPE_STRUCT_OPS:
		return true;
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_TRACEPOINT:
		return visible(profile, KVER(7, 2));
	default:
		return false;
	}
}

#define LSM_PREFIX "bpf_lsm_"

static bool lsm_hook_disabled(const char *hook)
{
#define LSM_SLEEPABLE(name, since, until)
#define LSM_BOOL(name)
#define LSM_UNTRUSTED(name)
#define LSM_DISABLED(name)                                                                         \
	if (!strcmp(hook, #name))                                                                  \
		return true;
#include "tables/lsm_hooks.def"
#undef LSM_DISABLED
#undef LSM_SLEEPABLE
	return false;
}

bool lsm_hook_sleepable(const char *func, kver profile)
{
	const char *hook = func + strlen(LSM_PREFIX);

	if (strncmp(func, LSM_PREFIX, strlen(LSM_PREFIX)))
		return false;
#define LSM_DISABLED(name)
#define LSM_SLEEPABLE(name, since, until)                                                          \
	if (!strcmp(hook, #name))                                                                  \
		return visible(profile, (since) ? (since) : KVER(5, 10)) &&                        \
		       !((until) && visible(profile, until));
#include "tables/lsm_hooks.def"
#undef LSM_UNTRUSTED
#undef LSM_BOOL
#undef LSM_DISABLED
#undef LSM_SLEEPABLE
	return false;
}

/* The hook that an LSM program is for, a function that the kernel has for this alone. */
static int check_lsm_hook(struct bpf_verifier_env *env, u32 id, const char *name)
{
	const char *hook = name + strlen(LSM_PREFIX);

	if (!env->prog->gpl_compatible)
		return refuse(env, DIAG_LSM_GPL);
	if (strncmp(name, LSM_PREFIX, strlen(LSM_PREFIX)))
		return refuse(env, DIAG_ATTACH_WRONG_NAME, id, name);
	if (lsm_hook_disabled(hook))
		return refuse(env, DIAG_LSM_DISABLED, id, name);
	if (env->prog->sleepable && !lsm_hook_sleepable(name, env->profile))
		return refuse(env, DIAG_ATTACH_NOT_SLEEPABLE, name);
	return 0;
}

/* What programs may change the result of (Linux: security hooks, ALLOW_ERROR_INJECTION, tests). */
static bool is_modifiable(const char *name)
{
	static const char *const prefixes[] = { "security_", "__x64_sys_", "bpf_modify_return_test",
						"bpf_fentry_test" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static bool never_returns(const char *name)
{
	static const char *const names[] = { "do_exit", "do_group_exit", "__x64_sys_exit",
					     "__x64_sys_exit_group" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int check_return_hook(struct bpf_verifier_env *env, const char *name)
{
	u32 type = env->prog->expected_attach_type;

	if (type == BPF_MODIFY_RETURN && !is_modifiable(name))
		return refuse(env, DIAG_ATTACH_NOT_MODIFIABLE, name);
	if (type == BPF_TRACE_FENTRY || !never_returns(name) || !visible(env->profile, KVER(6, 12)))
		return 0;
	return visible(env->profile, KVER(6, 17)) ? refuse(env, DIAG_ATTACH_NORETURN_NAME, name) :
						    refuse(env, DIAG_ATTACH_NORETURN);
}

/* One argument of an extension (@a) and of what it replaces (@b), or their results. */
static int check_ext_arg(struct bpf_verifier_env *env, u32 i, const struct btf *b1, const char *fn1,
			 u32 id1, const struct btf *b2, const char *fn2, u32 id2)
{
	const struct btf_type *t1 = btf_type_skip_modifiers(b1, id1, NULL);
	const struct btf_type *t2 = btf_type_skip_modifiers(b2, id2, NULL);
	const char *s1, *s2;

	if (!t1 || !t2)
		return -EINVAL;
	if (t1->info != t2->info)
		return refuse(env, DIAG_EXT_ARG_KIND, i, fn1, btf_kind_name(btf_kind(t1)), fn2,
			      btf_kind_name(btf_kind(t2)));
	if ((btf_kind(t1) == BTF_KIND_INT || btf_is_enum(t1) || btf_is_struct(t1)) &&
	    t1->size != t2->size)
		return refuse(env, DIAG_EXT_ARG_SIZE, i, fn1, t1->size, fn2, t2->size);
	if (btf_kind(t1) == BTF_KIND_INT || btf_is_enum(t1))
		return 0;
	if (btf_kind(t1) != BTF_KIND_PTR)
		return refuse(env, DIAG_EXT_ARG_TYPE, i, fn1);
	t1 = btf_type_skip_modifiers(b1, t1->type, NULL);
	t2 = btf_type_skip_modifiers(b2, t2->type, NULL);
	if (!t1 || btf_kind(t1) != BTF_KIND_STRUCT)
		return refuse(env, DIAG_EXT_ARG_CTX, i, fn1);
	if (!t2 || btf_kind(t2) != BTF_KIND_STRUCT)
		return refuse(env, DIAG_EXT_ARG_CTX, i, fn2);
	s1 = btf_str(b1, t1->name_off) ?: "";
	s2 = btf_str(b2, t2->name_off) ?: "";
	return strcmp(s1, s2) ? refuse(env, DIAG_EXT_ARG_STRUCT, i, fn1, s1, fn2, s2) : 0;
}

/* Whether the program is a function like function @id of @btf2. */
static int check_ext_type(struct bpf_verifier_env *env, const struct btf *btf2, u32 id2)
{
	const struct btf_type *f1, *f2 = btf_type_get(btf2, id2), *p1, *p2, *r1, *r2;
	const char *fn1, *fn2 = btf_type_name(btf2, id2);
	const struct btf *btf1;
	int err = 0;

	if (!env->func_info)
		return refuse(env, DIAG_EXT_NO_BTF);
	btf1 = env->btf->btf;
	f1 = btf_type_get(btf1, env->func_info[0].type_id);
	fn1 = btf_str(btf1, f1->name_off);
	if (btf_vlen(f1) != BTF_FUNC_GLOBAL)
		return refuse(env, DIAG_EXT_NOT_GLOBAL, fn1);
	if (btf_vlen(f2) != BTF_FUNC_GLOBAL)
		return refuse(env, DIAG_EXT_NOT_GLOBAL, fn2);
	p1 = btf_type_get(btf1, f1->type);
	p2 = btf_type_get(btf2, f2->type);
	if (btf_vlen(p1) != btf_vlen(p2))
		return refuse(env, DIAG_EXT_NARGS, fn1, btf_vlen(p1), fn2, btf_vlen(p2));
	r1 = btf_type_skip_modifiers(btf1, p1->type, NULL);
	r2 = btf_type_skip_modifiers(btf2, p2->type, NULL);
	if ((r1 ? r1->info : 0) != (r2 ? r2->info : 0))
		return refuse(env, DIAG_EXT_RETURN, btf_kind_name(r1 ? btf_kind(r1) : 0), fn1,
			      btf_kind_name(r2 ? btf_kind(r2) : 0), fn2);
	for (u32 i = 0; i < btf_vlen(p1) && !err; i++)
		err = check_ext_arg(env, i, btf1, fn1, btf_params(p1)[i].type, btf2, fn2,
				    btf_params(p2)[i].type);
	return err;
}

static bool attaches_around(u32 attach_type)
{
	return attach_type == BPF_TRACE_FENTRY || attach_type == BPF_TRACE_FEXIT ||
	       attach_type == BPF_TRACE_FSESSION;
}

/* Function @id of program @target as something to attach to. */
static int check_target_prog(struct bpf_verifier_env *env, const struct prog_object *target, u32 id,
			     const char *name, bool ext)
{
	int func = prog_func_by_btf(target, id);
	u32 type = target->prog->type, flags;
	bool changes = false;

	if (env->prog_obj->dev_bound &&
	    (!target->bound_ifindex || target->bound_ifindex != env->prog_obj->bound_ifindex))
		return refuse(env, DIAG_ATTACH_DEVICE);
	if (func < 0)
		return refuse(env, DIAG_ATTACH_NO_SUBPROG, name);
	if (target->prog->exception_subprog == (u32)func && func)
		return refuse(env, DIAG_ATTACH_EXCEPTION_CB, ext ? "Extension" : "FENTRY/FEXIT");
	flags = target->func_flags[func];
	if (ext && flags & PROG_FUNC_UNRELIABLE)
		return refuse(env, DIAG_EXT_STATIC);
	for (u32 i = 0; i < env->subprog_cnt; i++)
		changes |= !i && env->subprog_info[i].changes_pkt_data;
	if (ext && changes && !(flags & PROG_FUNC_CHANGES_PKT))
		return refuse(env, DIAG_EXT_CHANGES_PKT);
	if (!ext && type == BPF_PROG_TYPE_TRACING && target->traces_prog)
		return refuse(env, DIAG_ATTACH_NESTED);
	if (!ext && type == BPF_PROG_TYPE_TRACING && !visible(env->profile, KVER(6, 8)))
		return refuse(env, DIAG_ATTACH_RECURSIVE);
	if (ext && type == BPF_PROG_TYPE_EXT)
		return refuse(env, DIAG_ATTACH_RECURSIVE);
	if (ext && type == BPF_PROG_TYPE_TRACING &&
	    attaches_around(target->prog->expected_attach_type))
		return refuse(env, DIAG_EXT_OF_FENTRY);
	return 0;
}

static int check_attach_target(struct bpf_verifier_env *env, const struct prog_object *target,
			       u32 id)
{
	struct prog_object *obj = env->prog_obj;
	bool ext = env->prog->type == BPF_PROG_TYPE_EXT;
	u32 kind;
	const struct object_btf *holder = target ? target->btf : obj->attach_btf;
	const struct btf *btf;
	const char *name;

	if (!id)
		return refuse(env, DIAG_ATTACH_NO_ID);
	if (!holder)
		return refuse(env, DIAG_ATTACH_NO_BTF);
	btf = holder->btf;
	kind = kind_of(btf, id);
	if (!kind)
		return refuse(env, DIAG_ATTACH_ID, id);
	name = btf_str(btf, btf_type_get(btf, id)->name_off);
	if (!name) /* "" is a name to Linux */
		return refuse(env, DIAG_ATTACH_NO_NAME, id);
	if (!target && ext)
		return refuse(env, DIAG_ATTACH_KERNEL);
	if (target) {
		int err = check_target_prog(env, target, id, name, ext);

		if (err)
			return err;
	}
	/* Programs of type EXT have attach type 0 themselves. */
	if (ext) {
		if (kind != BTF_KIND_FUNC)
			return refuse(env, DIAG_ATTACH_NOT_FUNC, id);
		return check_ext_type(env, btf, id);
	}

	switch (env->prog->expected_attach_type) {
	case BPF_TRACE_RAW_TP:
		if (target)
			return refuse(env, DIAG_ATTACH_PROG_KIND);
		if (kind != BTF_KIND_TYPEDEF)
			return refuse(env, DIAG_ATTACH_NOT_TYPEDEF, id);
		if (strncmp(name, "btf_trace_", 10))
			return refuse(env, DIAG_ATTACH_WRONG_NAME, id, name);
		return btf_func_proto(btf, id, NULL) ? 0 : -EINVAL;
	case BPF_TRACE_ITER:
		if (kind != BTF_KIND_FUNC)
			return refuse(env, DIAG_ATTACH_NOT_FUNC, id);
		return 0;
	case BPF_LSM_MAC:
	case BPF_LSM_CGROUP:
		if (kind != BTF_KIND_FUNC)
			return refuse(env, DIAG_ATTACH_NOT_FUNC, id);
		return check_lsm_hook(env, id, name);
	case BPF_MODIFY_RETURN:
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_TRACE_FSESSION:
		if (env->prog->expected_attach_type == BPF_TRACE_FSESSION &&
		    !visible(env->profile, KVER(7, 0)))
			return -EINVAL;
		if (kind != BTF_KIND_FUNC)
			return refuse(env, DIAG_ATTACH_NOT_FUNC, id);
		if (!target)
			return check_return_hook(env, name);
		if (env->prog->sleepable)
			return refuse(env, DIAG_ATTACH_NOT_SLEEPABLE, name);
		if (env->prog->expected_attach_type == BPF_MODIFY_RETURN)
			return refuse(env, DIAG_ATTACH_PROG_RETURN);
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_struct_ops(struct bpf_verifier_env *env)
{
	const struct prog_object *obj = env->prog_obj;
	const struct btf *btf = obj->attach_btf ? obj->attach_btf->btf : NULL;
	u32 id = obj->attach_btf_id, member = env->prog->expected_attach_type;
	const struct btf_type *t = btf ? btf_type_get(btf, id) : NULL;
	const struct struct_ops_row *row;
	const char *name, *mname;

	if (!env->prog->gpl_compatible)
		return refuse(env, DIAG_STRUCT_OPS_GPL);
	if (!id)
		return refuse_err(env, -ENOTSUPP, DIAG_STRUCT_OPS_TYPE, id);
	name = t && btf_is_struct(t) ? btf_str(btf, t->name_off) : NULL;
	row = name ? struct_ops_find(name, env->profile) : NULL;
	if (!row)
		return refuse_err(env, -ENOTSUPP, DIAG_STRUCT_OPS_TYPE, id);
	if (row->absent && !env->sys->verdict)
		return refuse(env, DIAG_HELPER_UNSUPPORTED, name);
	if (row->absent)
		prog_lacks(env->prog_obj, "struct", name);
	if (member >= btf_vlen(t))
		return refuse(env, DIAG_STRUCT_OPS_INDEX, member, name);
	mname = btf_str(btf, btf_members(t)[member].name_off);
	if (!btf_type_resolve_func_ptr(btf, btf_members(t)[member].type, NULL))
		return refuse(env, DIAG_STRUCT_OPS_MEMBER, mname, member, name);
	if (!struct_ops_member_ok(struct_ops_number(row), mname, env->profile))
		return refuse_err(env, -ENOTSUPP, DIAG_STRUCT_OPS_UNSUPPORTED, mname, name);
	if (env->prog->sleepable && !struct_ops_member_sleeps(struct_ops_number(row), mname))
		return refuse(env, DIAG_STRUCT_OPS_UNSUPPORTED, mname, name);
	return 0;
}

/* An extension is checked as what it extends; ext_is_itself() ends that. */
static void become_target(struct bpf_verifier_env *env)
{
	const struct prog_object *target = env->prog_obj->dst_prog;

	env->is_ext = true;
	env->prog_obj->target_type = target->prog->type;
	env->prog->ctx_type = target->prog->type;
	env->prog_obj->target_attach_type = target->prog->expected_attach_type;
	env->ops = target->ops;
	env->prog->type = target->prog->type;
	env->prog->expected_attach_type = target->prog->expected_attach_type;
}

int ext_check_target(struct prog_object *obj, struct prog_object *target, u32 btf_id)
{
	struct bpf_verifier_env *env;
	int err;

	if (obj->target_type != target->prog->type ||
	    obj->target_attach_type != target->prog->expected_attach_type)
		return -EINVAL;
	env = mem_zalloc(sizeof(*env));
	if (!env)
		return -ENOMEM;
	env->sys = obj->obj.sys;
	env->profile = env->sys->profile;
	env->prog = obj->prog;
	env->prog_obj = obj;
	env->btf = obj->btf;
	env->func_info = obj->func_info;
	env->subprog_cnt = 1;
	env->subprog_info[0].changes_pkt_data = obj->func_flags[0] & PROG_FUNC_CHANGES_PKT;
	err = check_attach_target(env, target, btf_id);
	mem_free(env);
	return err;
}

void ext_is_itself(struct bpf_verifier_env *env)
{
	if (!env->is_ext)
		return;
	env->prog->type = BPF_PROG_TYPE_EXT;
	env->prog->expected_attach_type = 0;
}

int check_attach_btf_id(struct bpf_verifier_env *env)
{
	struct bpf_prog *prog = env->prog;
	int err;

	if (prog->type == BPF_PROG_TYPE_SYSCALL)
		return prog->sleepable ? 0 : refuse(env, DIAG_SYSCALL_SLEEPABLE);
	if (prog->sleepable && !may_be_sleepable(prog, env->profile))
		return refuse(env, DIAG_NOT_SLEEPABLE);
	switch (prog->type) {
	case BPF_PROG_TYPE_STRUCT_OPS:
		return check_struct_ops(env);
	case BPF_PROG_TYPE_TRACING:
		if (attach_type_is_tracing_multi(prog->expected_attach_type) &&
		    visible(env->profile, KVER(7, 2)))
			return 0; /* for no function in particular */
		return check_attach_target(env, env->prog_obj->dst_prog,
					   env->prog_obj->attach_btf_id);
	case BPF_PROG_TYPE_LSM:
		return check_attach_target(env, env->prog_obj->dst_prog,
					   env->prog_obj->attach_btf_id);
	case BPF_PROG_TYPE_EXT:
		err = check_attach_target(env, env->prog_obj->dst_prog,
					  env->prog_obj->attach_btf_id);
		if (!err)
			become_target(env);
		return err;
	default:
		return 0;
	}
}
