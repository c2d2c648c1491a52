/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Contracts of global functions: what their BTF and its tags say of each argument (Linux:
 * btf_prepare_func_args() of kernel/bpf/btf.c).
 */
#include "verifier/check.h"

enum {
	TAG_CTX = 1,
	TAG_NONNULL = 2,
	TAG_TRUSTED = 4,
	TAG_NULLABLE = 8,
	TAG_ARENA = 16,
	TAG_UNTRUSTED = 32
};

/* The tags "arg:..." of an argument; those that the profile's kernel lacks it refuses. */
static int arg_tags(struct bpf_verifier_env *env, u32 func_id, u32 arg, u32 *tags)
{
	static const struct {
		const char *name;
		u32 tag;
		kver since;
	} known[] = {
		{ "ctx", TAG_CTX, KVER(6, 8) },		{ "nonnull", TAG_NONNULL, KVER(6, 8) },
		{ "trusted", TAG_TRUSTED, KVER(6, 9) }, { "nullable", TAG_NULLABLE, KVER(6, 9) },
		{ "arena", TAG_ARENA, KVER(6, 9) },	{ "untrusted", TAG_UNTRUSTED, KVER(6, 17) },
	};
	const struct btf *btf = env->btf->btf;
	const char *name;
	s32 id = 0;
	u32 i;

	*tags = 0;
	if (!visible(env->profile, KVER(6, 8)))
		return 0;
	while ((id = btf_decl_tag_next(btf, func_id, (s32)arg, "arg:", (u32)id)) > 0) {
		name = btf_type_name(btf, (u32)id) + strlen("arg:");
		for (i = 0; i < ARRAY_SIZE(known) && strcmp(known[i].name, name); i++)
			;
		if (i == ARRAY_SIZE(known) || !visible(env->profile, known[i].since))
			return refuse(env, DIAG_GLOBAL_TAG_UNKNOWN, arg);
		*tags |= known[i].tag;
	}
	return 0;
}

/* How many types of @btf alone have kind @kind and are called @name, flavours aside; one of them in @out. */
static u32 types_called(const struct btf *btf, const char *name, u32 kind, u32 *out)
{
	size_t len = btf_core_name_len(name);
	u32 n = 0;

	for (u32 id = btf_start_id(btf); id < btf_nr_types(btf); id++) {
		const struct btf_type *t = btf_type_get(btf, id);
		const char *other = btf_kind(t) == kind ? btf_str(btf, t->name_off) : NULL;

		if (!other || strncmp(other, name, len) || btf_core_name_len(other) != len)
			continue;
		*out = id;
		n++;
	}
	return n;
}

/* The one type of the kernel that the pointed-to type @id names, "___flavor" or not. */
static int kernel_type_of(struct bpf_verifier_env *env, u32 arg, u32 id, u32 *out)
{
	const struct btf_type *t = btf_type_skip_modifiers(env->btf->btf, id, NULL);
	const char *name = t ? btf_str(env->btf->btf, t->name_off) : NULL;
	const struct btf *kernel = kernel_types(env);
	u32 kind = t ? btf_kind(t) : 0, n, of_module = 0, ignored;

	if (!kind || !name || !*name)
		return refuse(env, DIAG_GLOBAL_ARG_CANDIDATES, arg, btf_kind_name(kind),
			      name && *name ? name : "(anon)", -EINVAL);
	n = kernel ? types_called(kernel, name, kind, out) : 0;
	/* Modules are asked for what the kernel itself lacks. */
	for (const struct object_btf *m = env->sys->modules; m && !n; m = m->next)
		of_module += types_called(m->btf, name, kind, &ignored);
	if (n + of_module > 1)
		return refuse(env, DIAG_GLOBAL_ARG_AMBIGUOUS, arg, btf_kind_name(kind), name);
	if (of_module)
		return refuse(env, DIAG_GLOBAL_ARG_MODULE, arg, btf_kind_name(kind), name);
	if (!n)
		return refuse(env, DIAG_GLOBAL_ARG_MATCH, arg, btf_kind_name(kind), name);
	return 0;
}

/* Pointers that a tag makes more than memory: 1 when @arg has been filled, 0, or -errno. */
static int tagged_pointer(struct bpf_verifier_env *env, u32 i, u32 tags, u32 to,
			  struct bpf_subprog_arg_info *arg)
{
	const struct btf_type *t = btf_type_skip_modifiers(env->btf->btf, to, NULL);
	int err;

	if (t && visible(env->profile, KVER(6, 8)) &&
	    (btf_kind(t) == BTF_KIND_STRUCT || (btf_kind(t) == BTF_KIND_FWD && !btf_kflag(t))) &&
	    !strcmp(btf_str(env->btf->btf, t->name_off) ?: "", "bpf_dynptr")) {
		if (tags)
			return refuse(env, DIAG_GLOBAL_TAGS, i);
		arg->arg_type = ARG_PTR_TO_DYNPTR | MEM_RDONLY;
		return 1;
	}
	if (tags & TAG_TRUSTED) {
		if (tags & TAG_NONNULL)
			return refuse(env, DIAG_GLOBAL_TAGS, i);
		err = kernel_type_of(env, i, to, &arg->btf_id);
		if (err)
			return err;
		arg->arg_type = ARG_PTR_TO_BTF_ID | PTR_TRUSTED |
				(tags & TAG_NULLABLE ? PTR_MAYBE_NULL : 0);
		return 1;
	}
	if (tags & TAG_UNTRUSTED) {
		if (tags & ~(u32)TAG_UNTRUSTED)
			return refuse(env, DIAG_GLOBAL_TAG_UNTRUSTED, i);
		if (!t || !btf_kind(t) || btf_kind(t) == BTF_KIND_INT || btf_is_enum(t)) {
			arg->arg_type = ARG_PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED;
			arg->mem_size = 0;
			return 1;
		}
		err = kernel_type_of(env, i, to, &arg->btf_id);
		if (err)
			return err;
		if (!btf_is_struct(t))
			return refuse(env, DIAG_GLOBAL_UNTRUSTED_KIND, i,
				      btf_kind_name(btf_kind(t)),
				      btf_str(env->btf->btf, t->name_off));
		arg->arg_type = ARG_PTR_TO_BTF_ID | PTR_UNTRUSTED;
		return 1;
	}
	if (tags & TAG_ARENA) {
		if (tags & ~(u32)TAG_ARENA)
			return refuse(env, DIAG_GLOBAL_TAG_ARENA, i);
		arg->arg_type = ARG_PTR_TO_ARENA;
		return 1;
	}
	if (tags & TAG_NULLABLE)
		return refuse(env, DIAG_GLOBAL_TAGS, i);
	return 0;
}

/* The struct that programs of this type know as their context; NULL: it has no name. */
static const char *ctx_struct(const struct bpf_verifier_env *env)
{
	static const u32 nameless[] = { BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_LIRC_MODE2,
					BPF_PROG_TYPE_TRACING,	  BPF_PROG_TYPE_LSM,
					BPF_PROG_TYPE_STRUCT_OPS, BPF_PROG_TYPE_EXT,
					BPF_PROG_TYPE_SYSCALL };

	for (size_t i = 0; i < ARRAY_SIZE(nameless); i++)
		if (env->prog->type == nameless[i])
			return NULL;
	return env->ops->ctx_name;
}

/* Whether type @id is the typedef by which programs know registers on all processors. */
static bool is_user_pt_regs(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_get(btf, id);

	while (t && btf_is_modifier(t) && btf_kind(t) != BTF_KIND_TYPEDEF)
		t = btf_type_get(btf, t->type);
	return t && btf_kind(t) == BTF_KIND_TYPEDEF &&
	       !strcmp(btf_str(btf, t->name_off) ?: "", "bpf_user_pt_regs_t");
}

/* Whether pointed-to type @id is the context of this program type, by name. */
static bool is_ctx_type(struct bpf_verifier_env *env, const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, NULL);
	const char *ctx = ctx_struct(env), *name;

	if (env->prog->type == BPF_PROG_TYPE_KPROBE && is_user_pt_regs(btf, id))
		return true;
	if (!t || !btf_is_struct(t) || !ctx)
		return false;
	name = btf_str(btf, t->name_off) ?: "";
	if (!strcmp(name, ctx))
		return true;
	/* what the kernel calls the object that this is a view of */
	return visible(env->profile, KVER(6, 4)) &&
	       ((!strcmp(ctx, "__sk_buff") && !strcmp(name, "sk_buff")) ||
		(!strcmp(ctx, "xdp_md") && !strcmp(name, "xdp_buff")));
}

/* Whether words alone may be the context: of programs that get their arguments as an array. */
static bool ctx_may_be_u64(const struct bpf_prog *prog)
{
	switch (prog->type) {
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_STRUCT_OPS:
		return true;
	case BPF_PROG_TYPE_TRACING:
		return prog->expected_attach_type != BPF_TRACE_ITER;
	default:
		return false;
	}
}

/* Whether an argument tagged as the context, which points to type @id, may be one. 0 or -EINVAL. */
static int check_ctx_tag(struct bpf_verifier_env *env, const struct btf *btf, u32 arg, u32 id)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, NULL);
	const struct bpf_prog *prog = env->prog;
	const char *name, *ctx = ctx_struct(env);
	bool is_struct;

	if ((prog->type == BPF_PROG_TYPE_KPROBE || prog->type == BPF_PROG_TYPE_PERF_EVENT) &&
	    is_user_pt_regs(btf, id))
		return 0;
	if (!t || !btf_kind(t)) /* void */
		return 0;
	name = btf_str(btf, t->name_off);
	if (!name || !*name)
		return refuse(env, DIAG_GLOBAL_CTX_ANONYMOUS, arg);
	is_struct = btf_kind(t) == BTF_KIND_STRUCT;
	if (prog->type == BPF_PROG_TYPE_TRACEPOINT || prog->type == BPF_PROG_TYPE_SYSCALL ||
	    prog->type == BPF_PROG_TYPE_EXT)
		return 0;
	if (prog->type == BPF_PROG_TYPE_PERF_EVENT && is_struct && !strcmp(name, "pt_regs"))
		return 0;
	if (prog->type == BPF_PROG_TYPE_TRACING && is_struct &&
	    ((prog->expected_attach_type == BPF_TRACE_RAW_TP &&
	      !strcmp(name, "bpf_raw_tracepoint_args")) ||
	     (prog->expected_attach_type == BPF_TRACE_ITER &&
	      !strncmp(name, "bpf_iter__", strlen("bpf_iter__")))))
		return 0;
	if (btf_kind(t) == BTF_KIND_INT && t->size == sizeof(u64) && ctx_may_be_u64(prog))
		return 0;
	if (!ctx)
		return refuse(env, DIAG_GLOBAL_CTX_VOID, arg);
	if (!is_struct || strcmp(name, ctx))
		return refuse(env, DIAG_GLOBAL_CTX_STRUCT, arg, ctx);
	return 0;
}

/*
 * Fills the argument contract of subprogram @subprog from its BTF: for callers and
 * for its own verification. -EINVAL for a function that has none.
 */
int btf_prepare_func_args(struct bpf_verifier_env *env, u32 subprog)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	const struct btf_type *func, *proto, *t;
	const struct btf *btf;
	const char *name;
	u32 func_id, nargs;

	if (sub->args_cached)
		return 0;
	if (!env->func_info)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "no func_info for global function");
	btf = env->btf->btf;
	func_id = env->func_info[subprog].type_id;
	func = btf_type_get(btf, func_id);
	proto = btf_func_proto(btf, func_id, NULL);
	if (!func || !proto)
		return -EINVAL;
	name = btf_type_name(btf, func_id);
	nargs = btf_vlen(proto);
	if (nargs > 5)
		return refuse(env, DIAG_GLOBAL_NARGS, name, nargs, 5);
	t = btf_type_skip_modifiers(btf, proto->type, NULL);
	if (!t || (btf_kind(t) != BTF_KIND_INT && !btf_is_enum(t)))
		return refuse(env, DIAG_GLOBAL_RETURN, name);

	for (u32 i = 0; i < nargs; i++) {
		struct bpf_subprog_arg_info *arg = &sub->args[i];
		u32 id = btf_params(proto)[i].type, to, tags;
		int err = arg_tags(env, func_id, i, &tags);

		if (err)
			return err;
		t = btf_type_skip_modifiers(btf, id, NULL);
		if (!t)
			return -EINVAL;
		if (tags && btf_kind(t) != BTF_KIND_PTR)
			return refuse(env, DIAG_GLOBAL_TAG, i);
		if (btf_kind(t) == BTF_KIND_INT || btf_is_enum(t)) {
			arg->arg_type = ARG_ANYTHING;
			continue;
		}
		if (btf_kind(t) != BTF_KIND_PTR)
			return refuse(env, DIAG_GLOBAL_ARG, i, btf_kind_name(btf_kind(t)), name);
		to = t->type;
		if ((tags & TAG_CTX) || is_ctx_type(env, btf, to)) {
			if (tags & ~(u32)TAG_CTX)
				return refuse(env, DIAG_GLOBAL_TAGS, i);
			err = tags ? check_ctx_tag(env, btf, i, to) : 0;
			if (err)
				return err;
			arg->arg_type = ARG_PTR_TO_CTX;
			continue;
		}
		err = tagged_pointer(env, i, tags, to, arg);
		if (err < 0)
			return err;
		if (err)
			continue;
		if (btf_type_size(btf, to, &arg->mem_size)) {
			const struct btf_type *p = btf_type_skip_modifiers(btf, to, NULL);

			return refuse(env, DIAG_GLOBAL_ARG_SIZE, i,
				      p ? btf_kind_name(btf_kind(p)) : "?",
				      p ? btf_str(btf, p->name_off) : "", -EINVAL);
		}
		arg->arg_type = ARG_PTR_TO_MEM | (tags & TAG_NONNULL ? 0 : PTR_MAYBE_NULL);
	}
	sub->arg_cnt = nargs;
	sub->args_cached = true;
	return 0;
}

bool func_is_reliable(struct bpf_verifier_env *env, u32 subprog)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	struct diag before = env->diag;
	u32 level = env->log.level;
	bool ok;

	if (sub->unreliable)
		return false;
	env->log.level = 0;
	ok = !btf_prepare_func_args(env, subprog);
	env->log.level = level;
	env->diag = before;
	if (!subprog && !env->is_ext)
		ok = ok && sub->arg_cnt == 1 && sub->args[0].arg_type == ARG_PTR_TO_CTX;
	/* The compiler may have changed a static function's arguments. */
	for (u32 i = 0; i < sub->arg_cnt && ok && !sub->is_global && subprog; i++)
		ok = sub->args[i].arg_type == ARG_ANYTHING ||
		     sub->args[i].arg_type == ARG_PTR_TO_CTX;
	sub->unreliable = !ok;
	return ok;
}

void note_static_call(struct bpf_verifier_env *env, u32 subprog)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	const struct bpf_reg_state *regs = cur_regs(env);

	if (!env->func_info || !func_is_reliable(env, subprog))
		return;
	for (u32 i = 0; i < sub->arg_cnt; i++)
		if (regs[BPF_REG_1 + i].type !=
		    (sub->args[i].arg_type == ARG_ANYTHING ? SCALAR_VALUE : PTR_TO_CTX))
			sub->unreliable = true;
}
