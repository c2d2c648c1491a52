/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs whose context is the arguments of a kernel function or tracepoint, typed by
 * the kernel's BTF (Linux: kernel/trace/bpf_trace.c, tracing_prog_*; kernel/bpf/btf.c,
 * btf_ctx_access()). What may be loaded is what the prototype says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/system.h"
#include "object/test_run.h"
#include "prog/trace.h"

#define MULTI_ARGS 6

static bool has_trampoline(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_MODIFY_RETURN:
	case BPF_TRACE_FSESSION:
	case BPF_TRACE_FENTRY_MULTI:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		return true;
	}
	return false;
}

static bool is_iter(const struct bpf_prog *prog)
{
	return prog->expected_attach_type == BPF_TRACE_ITER;
}

/* Socket options are for iterators over sockets that are locked then. */
static bool tracing_target_lacks(const struct prog_object *obj, u32 func_id)
{
	const char *target;

	if (func_id != BPF_FUNC_setsockopt && func_id != BPF_FUNC_getsockopt)
		return false;
	target = obj && obj->attach_btf ? btf_type_name(obj->attach_btf->btf, obj->attach_btf_id) :
					  "";
	return strcmp(target, "bpf_iter_tcp") && strcmp(target, "bpf_iter_unix");
}

const struct bpf_func_proto *tracing_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_sk_storage_get:
		return &bpf_sk_storage_get_tracing_proto;
	case BPF_FUNC_sk_storage_delete:
		return &bpf_sk_storage_delete_tracing_proto;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_ptr_cookie_proto;
	case BPF_FUNC_xdp_get_buff_len:
		return &bpf_xdp_get_buff_len_trace_proto;
	case BPF_FUNC_seq_printf:
	case BPF_FUNC_seq_write:
	case BPF_FUNC_seq_printf_btf:
		return is_iter(prog) ? bpf_helper_proto(func_id) : NULL;
	case BPF_FUNC_setsockopt:
		return is_iter(prog) ? &bpf_sk_setsockopt_proto : NULL;
	case BPF_FUNC_getsockopt:
		return is_iter(prog) ? &bpf_sk_getsockopt_proto : NULL;
	case BPF_FUNC_get_func_arg:
	case BPF_FUNC_get_func_ret:
	case BPF_FUNC_get_func_arg_cnt:
		return has_trampoline(prog) ? bpf_helper_proto(func_id) : NULL;
	case BPF_FUNC_get_func_ip:
		return &bpf_get_func_ip_tracing_proto;
	case BPF_FUNC_get_attach_cookie:
		return has_trampoline(prog) || prog->expected_attach_type == BPF_TRACE_RAW_TP ?
			       &bpf_get_attach_cookie_tracing_proto :
			       NULL;
	}
	return raw_tp_func_proto(func_id, prog);
}

/* Of a function of another program. */
static bool prog_proto(const struct prog_object *obj, const struct bpf_prog *prog,
		       struct btf_ctx_proto *p)
{
	const struct prog_object *target = obj->dst_prog;
	int func = target->btf ? prog_func_by_btf(target, obj->attach_btf_id) : -1;

	if (func < 0)
		return false;
	*p = (struct btf_ctx_proto){ .btf = target->btf->btf };
	p->name = btf_type_name(p->btf, obj->attach_btf_id);
	if (!(target->func_flags[func] & PROG_FUNC_UNRELIABLE))
		p->proto = btf_func_proto(p->btf, obj->attach_btf_id, NULL);
	if (prog->expected_attach_type == BPF_TRACE_FEXIT ||
	    prog->expected_attach_type == BPF_TRACE_FSESSION)
		p->ret = BTF_CTX_RET;
	return true;
}

/* The prototype whose arguments the context holds. */
static bool ctx_proto(const struct prog_object *obj, const struct bpf_prog *prog,
		      struct btf_ctx_proto *p)
{
	const struct btf_type *func;

	if (obj && obj->dst_prog)
		return prog_proto(obj, prog, p);
	if (!obj || !obj->attach_btf)
		return false;
	*p = (struct btf_ctx_proto){ .btf = obj->attach_btf->btf };
	if (prog->expected_attach_type == BPF_TRACE_RAW_TP)
		return btf_trace_proto_by_id(p->btf, obj->attach_btf_id, p) == 0;
	func = btf_type_get(p->btf, obj->attach_btf_id);
	if (!func || btf_kind(func) != BTF_KIND_FUNC)
		return false;
	p->name = btf_type_name(p->btf, obj->attach_btf_id);
	p->proto = btf_type_get(p->btf, func->type);
	if (prog->expected_attach_type == BPF_TRACE_FEXIT ||
	    prog->expected_attach_type == BPF_TRACE_FSESSION ||
	    prog->expected_attach_type == BPF_LSM_MAC ||
	    prog->expected_attach_type == BPF_LSM_CGROUP)
		p->ret = BTF_CTX_RET;
	if (prog->expected_attach_type == BPF_MODIFY_RETURN)
		p->ret = BTF_CTX_RET_INT;
	return p->proto && btf_kind(p->proto) == BTF_KIND_FUNC_PROTO;
}

int typed_arg(const struct prog_object *obj, u32 nr, struct btf_ctx_arg *arg)
{
	struct btf_refusal why = { 0 };
	struct btf_ctx_proto proto;

	if (!ctx_proto(obj, obj->prog, &proto))
		return -EINVAL;
	proto.profile = obj->obj.sys->profile;
	return btf_ctx_access(&proto, (int)nr * 8, 8, arg, &why);
}

bool typed_args_access(struct btf_ctx_proto *proto, int off, int size, enum bpf_access_type t,
		       bool trusted, struct bpf_insn_access_aux *info)
{
	struct btf_refusal why = { 0 };
	struct btf_ctx_arg arg;

	if (!trace_args_access(off, size, t))
		return false;
	proto->profile = info->profile;
	if (btf_ctx_access(proto, off, size, &arg, &why)) {
		btf_refusal_render(&why, info->log, sizeof(info->log));
		return false;
	}
	info->is_retval = arg.retval;
	if (!arg.ptr)
		return true;
	info->btf = proto->btf;
	info->btf_id = arg.btf_id;
	info->reg_type = PTR_TO_BTF_ID;
	if (trusted)
		info->reg_type |= PTR_TRUSTED;
	if (arg.nullable)
		info->reg_type |= PTR_MAYBE_NULL;
	if (arg.flags & BTF_TAG_USER)
		info->reg_type |= MEM_USER;
	if (arg.flags & BTF_TAG_PERCPU)
		info->reg_type |= MEM_PERCPU;
	/* The line that Linux logs: "func 'x' arg0 has btf_id 1 type STRUCT 'y'". */
	snprintf(info->log, sizeof(info->log), "func '%s' arg%u has btf_id %u type %s '%s'",
		 proto->name, arg.arg, arg.btf_id,
		 btf_kind_name(btf_kind(btf_type_get(proto->btf, arg.btf_id))),
		 btf_type_name(proto->btf, arg.btf_id));
	return true;
}

/*
 * Arguments of programs' functions: numbers, and the context, which is the kernel's struct to those
 * who watch. What a struct_ops program is given are kernel structs already.
 */
static bool prog_args_access(struct btf_ctx_proto *proto, int off, int size, enum bpf_access_type t,
			     struct bpf_insn_access_aux *info)
{
	const struct prog_object *target = info->obj->dst_prog;
	const char *name, *kernel = prog_ctx_kernel_struct(target->prog->ctx_type);
	s32 id;

	if (!typed_args_access(proto, off, size, t, false, info))
		return false;
	if (base_type(info->reg_type) != PTR_TO_BTF_ID)
		return true;
	info->log[0] = 0;
	name = btf_type_name(proto->btf, info->btf_id);
	if (!kernel || !name || !info->kernel ||
	    strcmp(name, bpf_prog_type_ops_of(target->prog->ctx_type)->ctx_name))
		return false;
	id = btf_find_by_name_kind(info->kernel, kernel, BTF_KIND_STRUCT);
	if (id < 0)
		return false;
	if (!prog_ctx_shown(target->prog->ctx_type))
		prog_lacks((struct prog_object *)info->obj, "such contexts of", "programs");
	info->btf = info->kernel;
	info->btf_id = (u32)id;
	return true;
}

bool tracing_is_valid_access(int off, int size, enum bpf_access_type t, const struct bpf_prog *prog,
			     struct bpf_insn_access_aux *info)
{
	bool trusted = prog->expected_attach_type == BPF_TRACE_RAW_TP || is_iter(prog);
	struct btf_ctx_proto proto;

	/* DIFF(tracing-multi): words, of which nobody knows how many are arguments: those that Linux passes in registers. */
	if (attach_type_is_tracing_multi(prog->expected_attach_type))
		return off + size <= MULTI_ARGS * 8 && trace_args_access(off, size, t);
	if (!ctx_proto(info->obj, prog, &proto))
		return false;
	if (info->obj->dst_prog)
		return prog_args_access(&proto, off, size, t, info);
	if (!typed_args_access(&proto, off, size, t, trusted, info))
		return false;
	if (is_iter(prog))
		iter_arg(proto.name, (u32)off / 8, info);
	return true;
}

static struct bpf_retval_range tracing_retval_range(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_TRACE_FSESSION:
	case BPF_TRACE_FENTRY_MULTI:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		return RETVAL_RANGE(0, 0);
	case BPF_TRACE_RAW_TP:
	case BPF_MODIFY_RETURN:
		return (struct bpf_retval_range){ 0 };
	}
	return RETVAL_RANGE(0, 1);
}

const struct bpf_prog_type_ops tracing_prog_ops = {
	.ctx_name = "typed arguments",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.func_proto = tracing_func_proto,
	.target_lacks = tracing_target_lacks,
	.is_valid_access = tracing_is_valid_access,
	.retval_range = tracing_retval_range,
	.test_run = tracing_test_run,
	.own_test_run = typed_test_run,
};
