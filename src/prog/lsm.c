/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Decisions of the kernel's security hooks (Linux: kernel/bpf/bpf_lsm.c). The context is the
 * hook's arguments and, last, what it would return; rules of single hooks are in
 * tables/lsm_hooks.def.
 */
#include <errno.h>
#include <string.h>

#include "btf/btf.h"
#include "object/object.h"
#include "object/test_run.h"
#include "prog/cgroup.h"
#include "prog/trace.h"

#define PREFIX	  "bpf_lsm_"
#define MAX_ERRNO 4095

/* The hook's name without prefix; "" when there is none. */
static const char *hook_of(const struct prog_object *obj)
{
	const char *name = obj && obj->attach_btf ?
				   btf_type_name(obj->attach_btf->btf, obj->attach_btf_id) :
				   NULL;

	return name && !strncmp(name, PREFIX, strlen(PREFIX)) ? name + strlen(PREFIX) : "";
}

/* What the tables say of a hook. */
static bool hook_is_bool(const char *hook)
{
#define LSM_SLEEPABLE(name, since, until)
#define LSM_DISABLED(name)
#define LSM_UNTRUSTED(name)
#define LSM_BOOL(name)                                                                             \
	if (!strcmp(hook, #name))                                                                  \
		return true;
#include "tables/lsm_hooks.def"
#undef LSM_BOOL
#undef LSM_UNTRUSTED
	return false;
}

static bool hook_is_trusted(const char *hook)
{
#define LSM_BOOL(name)
#define LSM_UNTRUSTED(name)                                                                        \
	if (!strcmp(hook, #name))                                                                  \
		return false;
#include "tables/lsm_hooks.def"
#undef LSM_UNTRUSTED
#undef LSM_BOOL
#undef LSM_DISABLED
#undef LSM_SLEEPABLE
	return true;
}

static int lsm_check_attach(u32 attach_type)
{
	return 0; /* any other than LSM_MAC and LSM_CGROUP is refused with its target */
}

static bool lsm_is_valid_access(int off, int size, enum bpf_access_type t,
				const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	if (!tracing_is_valid_access(off, size, t, prog, info))
		return false;
	if (info->reg_type == PTR_TO_BTF_ID && visible(info->profile, KVER(6, 2)) &&
	    hook_is_trusted(hook_of(info->obj)))
		info->reg_type |= PTR_TRUSTED;
	return true;
}

/* Hooks at which a socket is locked, or nobody has it yet. */
static bool lsm_target_lacks(const struct prog_object *obj, u32 func_id)
{
	static const char *const hooks[] = { "inet_conn_established", "inet_csk_clone",
					     "sock_graft", "socket_post_create",
					     "socket_socketpair" };
	const char *hook = hook_of(obj);

	if (func_id != BPF_FUNC_setsockopt && func_id != BPF_FUNC_getsockopt)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(hook, hooks[i]))
			return false;
	return true;
}

static const struct bpf_func_proto *sockopt_proto(u32 func_id, const struct bpf_prog *prog)
{
	/* Whether the socket is locked depends on the hook: the rules of arguments are the same. */
	if (prog->expected_attach_type != BPF_LSM_CGROUP)
		return NULL;
	return func_id == BPF_FUNC_setsockopt ? &bpf_sk_setsockopt_proto : &bpf_sk_getsockopt_proto;
}

static const struct bpf_func_proto *lsm_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_get_retval:
	case BPF_FUNC_set_retval:
	case BPF_FUNC_get_local_storage:
		return prog->expected_attach_type == BPF_LSM_CGROUP ? bpf_helper_proto(func_id) :
								      NULL;
	case BPF_FUNC_sk_storage_get:
	case BPF_FUNC_sk_storage_delete:
		return bpf_helper_proto(func_id);
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sock_proto;
	case BPF_FUNC_setsockopt:
	case BPF_FUNC_getsockopt:
		return sockopt_proto(func_id, prog);
	case BPF_FUNC_get_func_arg:
	case BPF_FUNC_get_func_ret:
	case BPF_FUNC_get_func_arg_cnt:
		return prog->expected_attach_type == BPF_LSM_MAC ? bpf_helper_proto(func_id) : NULL;
	case BPF_FUNC_get_attach_cookie:
		return prog->expected_attach_type == BPF_LSM_MAC ?
			       &bpf_get_attach_cookie_tracing_proto :
			       NULL;
	}
	return tracing_func_proto(func_id, prog);
}

/* A void hook of a cgroup: 1; without a cgroup anything, and r0 need not even be set. */
static struct bpf_retval_range lsm_retval_range(const struct prog_object *obj, kver profile,
						bool *is_void)
{
	const struct bpf_prog *prog = obj->prog;
	const struct btf_type *func, *proto;
	struct bpf_retval_range range;

	func = obj->attach_btf ? btf_type_get(obj->attach_btf->btf, obj->attach_btf_id) : NULL;
	proto = func ? btf_type_get(obj->attach_btf->btf, func->type) : NULL;
	*is_void = proto && !proto->type;
	if (prog->expected_attach_type == BPF_LSM_CGROUP)
		return *is_void ? RETVAL_RANGE(1, 1) : RETVAL_RANGE(0, 1);
	/* Any value until 6.12 (and in its stable branches from then on). */
	if (*is_void || !visible(profile, KVER(6, 12)))
		return (struct bpf_retval_range){ 0 };
	range = hook_is_bool(hook_of(obj)) ? RETVAL_RANGE(0, 1) : RETVAL_RANGE(-MAX_ERRNO, 0);
	range.int32 = true;
	return range;
}

const struct bpf_prog_type_ops lsm_prog_ops = {
	.ctx_name = "typed arguments",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.check_attach = lsm_check_attach,
	.func_proto = lsm_func_proto,
	.target_lacks = lsm_target_lacks,
	.is_valid_access = lsm_is_valid_access,
	.obj_retval_range = lsm_retval_range,
	.own_test_run = typed_test_run,
};
