/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs in the place of function pointers of a kernel structure (Linux:
 * kernel/bpf/bpf_struct_ops.c; net/ipv4/bpf_tcp_ca.c, net/bpf/bpf_dummy_struct_ops.c).
 * The program was loaded for the structure's type; expected_attach_type is the number
 * of the member.
 */
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/object.h"
#include "prog/trace.h"

/* The structure and the member's prototype. False: no such member. */
static bool member_proto(const struct prog_object *obj, struct btf_ctx_proto *p, const char **type)
{
	const struct btf_type *t;
	const struct btf_member *m;

	if (!obj || !obj->attach_btf)
		return false;
	*p = (struct btf_ctx_proto){ .btf = obj->attach_btf->btf };
	t = btf_type_get(p->btf, obj->attach_btf_id);
	if (!t || !btf_is_struct(t) || obj->prog->expected_attach_type >= btf_vlen(t))
		return false;
	m = &btf_members(t)[obj->prog->expected_attach_type];
	*type = btf_str(p->btf, t->name_off);
	p->name = btf_str(p->btf, m->name_off);
	p->proto = btf_type_resolve_func_ptr(p->btf, m->type, NULL);
	return p->proto;
}

static bool is_tcp(const char *type)
{
	return !strcmp(type, "tcp_congestion_ops");
}

/* Which arguments may be NULL is said by the names in a stub, "bpf_dummy_ops__test_1". */
static bool may_be_null(const struct btf_ctx_proto *p, const char *type, u32 arg)
{
	const struct btf_type *func, *proto;
	char name[128];
	s32 id;

	snprintf(name, sizeof(name), "%s__%s", type, p->name);
	id = btf_find_by_name_kind(p->btf, name, BTF_KIND_FUNC);
	func = id > 0 ? btf_type_get(p->btf, (u32)id) : NULL;
	proto = func ? btf_type_get(p->btf, func->type) : NULL;
	if (!proto || arg >= btf_vlen(proto))
		return false;
	return btf_param_suffix(p->btf, &btf_params(proto)[arg], "__nullable");
}

static bool struct_ops_is_valid_access(int off, int size, enum bpf_access_type t,
				       const struct bpf_prog *prog,
				       struct bpf_insn_access_aux *info)
{
	struct btf_ctx_proto proto;
	const char *type;
	s32 id;

	if (!member_proto(info->obj, &proto, &type) ||
	    !typed_args_access(&proto, off, size, t, visible(info->profile, KVER(6, 2)), info))
		return false;
	if (base_type(info->reg_type) != PTR_TO_BTF_ID)
		return true;
	/* Congestion control knows that its sockets are TCP's. */
	id = is_tcp(type) ? btf_find_by_name_kind(proto.btf, "sock", BTF_KIND_STRUCT) : -1;
	if (id > 0 && info->btf_id == (u32)id) {
		id = btf_find_by_name_kind(proto.btf, "tcp_sock", BTF_KIND_STRUCT);
		if (id > 0)
			info->btf_id = (u32)id;
	}
	if (visible(info->profile, KVER(6, 9)) && may_be_null(&proto, type, (u32)off / 8))
		info->reg_type |= PTR_MAYBE_NULL;
	return true;
}

static struct bpf_retval_range struct_ops_retval_range(const struct prog_object *obj, kver profile,
						       bool *is_void)
{
	struct btf_ctx_proto proto;
	const char *type;

	*is_void = member_proto(obj, &proto, &type) && !proto.proto->type;
	return (struct bpf_retval_range){ 0 };
}

const struct bpf_prog_type_ops struct_ops_prog_ops = {
	.ctx_name = "typed arguments",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.is_valid_access = struct_ops_is_valid_access,
	.obj_retval_range = struct_ops_retval_range,
};
