/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs in the place of function pointers of a kernel structure (Linux:
 * kernel/bpf/bpf_struct_ops.c; net/ipv4/bpf_tcp_ca.c, net/bpf/bpf_dummy_struct_ops.c).
 * The program was loaded for the structure's type; expected_attach_type is the number
 * of the member.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/system.h"
#include "object/test_run.h"
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

/* ---- fields that may be written ---- */

/* The member of struct @name at @path ("a.b"): false when this kernel has none. */
static bool member_at(const struct btf *btf, const char *name, const char *path, u32 *off,
		      u32 *size)
{
	s32 id = btf_find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf_type_get(btf, (u32)id) : NULL;
	struct btf_sized sized;
	size_t len;

	for (*off = 0; t && btf_is_struct(t); path += len + 1) {
		const struct btf_member *m = btf_members(t);
		u32 i;

		len = strcspn(path, ".");
		for (i = 0; i < btf_vlen(t); i++) {
			const char *mname = btf_str(btf, m[i].name_off) ?: "";

			if (strlen(mname) == len && !memcmp(mname, path, len))
				break;
		}
		if (i == btf_vlen(t) || btf_resolve_size(btf, m[i].type, &sized))
			return false;
		*off += btf_member_bit_offset(t, &m[i]) / 8;
		*size = sized.size;
		if (!path[len])
			return true;
		t = sized.elem;
	}
	return false;
}

static int struct_ops_btf_write(const struct prog_object *obj, const struct btf *btf, u32 btf_id,
				int off, int size, char *log, u32 log_size)
{
	const char *type = btf_type_name(btf, obj->attach_btf_id), *name;
	bool dummy = !strcmp(type, "bpf_dummy_ops");
	u32 from, bytes;

	name = btf_type_name(btf, btf_id);
	if (strcmp(name, dummy ? "bpf_dummy_ops_state" : "tcp_sock")) {
		snprintf(log, log_size, "%s",
			 dummy ? "only access to bpf_dummy_ops_state is supported" :
				 "only read is supported");
		return -EACCES;
	}
#define STRUCT_OPS(...)
#define STRUCT_OPS_COPY(...)
#define STRUCT_OPS_NEED(...)
#define STRUCT_OPS_REFUSE(...)
#define STRUCT_OPS_SLEEP(...)
#define STRUCT_OPS_WRITE(ops, strukt, member)                                                      \
	if (!strcmp(type, #ops) && member_at(btf, #strukt, #member, &from, &bytes) &&              \
	    (u32)off >= from && (u32)off < from + bytes) {                                         \
		if ((u32)off + (u32)size <= from + bytes)                                          \
			return 0;                                                                  \
		snprintf(log, log_size,                                                            \
			 dummy ? "write access at off %d with size %d" :                           \
				 "write access at off %d with size %d beyond the member of "       \
				 "tcp_sock ended at %u",                                           \
			 off, size, from + bytes);                                                 \
		return -EACCES;                                                                    \
	}
#include "tables/struct_ops.def"
#undef STRUCT_OPS
#undef STRUCT_OPS_COPY
#undef STRUCT_OPS_NEED
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
#undef STRUCT_OPS_WRITE
	snprintf(log, log_size,
		 dummy ? "write access at off %d with size %d" :
			 "no write support to tcp_sock at off %d",
		 off, size);
	return -EACCES;
}

/* ---- test runs, which only bpf_dummy_ops has ---- */

/* An argument that is a pointer must be one, where the prototype does not say otherwise. */
static int check_args(const struct btf_ctx_proto *proto, const char *type, const u64 *args)
{
	for (u32 i = 0; i < btf_vlen(proto->proto); i++) {
		const struct btf_type *t =
			btf_type_skip_modifiers(proto->btf, btf_params(proto->proto)[i].type, NULL);

		if (!args[i] && t && btf_kind(t) == BTF_KIND_PTR && !may_be_null(proto, type, i))
			return -EINVAL;
	}
	return 0;
}

static int struct_ops_test_run(struct skep_system *sys, struct prog_object *prog,
			       struct test_run *t)
{
	u64 frame[MAX_BPF_FUNC_ARGS + 2] = { 0 }, *args = &frame[1], state, object;
	struct bpf_run run = { 0 };
	struct btf_ctx_proto proto;
	const char *type;
	u32 n, val = 0;
	int err;

	if (!member_proto(prog, &proto, &type) || strcmp(type, "bpf_dummy_ops"))
		return -EOPNOTSUPP;
	n = btf_vlen(proto.proto);
	if (t->attr->test.ctx_size_in != n * sizeof(u64) || n > MAX_BPF_FUNC_ARGS)
		return -EINVAL;
	if (user_read(sys, args, t->attr->test.ctx_in, n * sizeof(u64)))
		return -EFAULT;
	state = args[0];
	if (state && user_read(sys, &val, state, sizeof(val)))
		return -EFAULT;
	err = check_args(&proto, type, args);
	if (err)
		return err;
	frame[0] = n;
	slot_claim(sys->arena, sys->platform, &run);
	if (state) {
		u64 make[] = { (u64)(uintptr_t) "bpf_dummy_ops_state", 0 };
		u64 put[] = { 0, (u64)(uintptr_t) "val", (u64)(uintptr_t)&val, sizeof(val) };

		object = sys->platform->world(&run, WORLD_MADE_UP, make);
		put[0] = args[0] = object;
		err = object ? (int)sys->platform->world(&run, WORLD_PUT, put) : -ENOMEM;
	}
	if (!err) {
		t->retval = (u32)bpf_prog_run(prog->prog, args, &run);
		if (state)
			err = sys->read_world(sys, &run, &val, args[0], sizeof(val));
	}
	slot_release(&run);
	if (!err && state && user_write(sys, state, &val, sizeof(val)))
		err = -EFAULT;
	if (!err && user_write(sys, t->uattr + offsetof(union bpf_attr, test.retval), &t->retval,
			       sizeof(t->retval)))
		err = -EFAULT;
	return err;
}

static struct bpf_retval_range struct_ops_retval_range(const struct prog_object *obj, kver profile,
						       bool *is_void)
{
	struct btf_ctx_proto proto;
	const char *type;

	*is_void = member_proto(obj, &proto, &type) && !proto.proto->type;
	return (struct bpf_retval_range){ 0 };
}

static const struct bpf_func_proto *struct_ops_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_setsockopt:
		return &bpf_sk_setsockopt_proto;
	case BPF_FUNC_getsockopt:
		return &bpf_sk_getsockopt_proto;
	}
	return bpf_helper_proto(func_id);
}

/* Socket options are for congestion control, but not for one that is given up. */
static bool struct_ops_target_lacks(const struct prog_object *obj, u32 func_id)
{
	struct btf_ctx_proto proto;
	const char *type;

	if (func_id != BPF_FUNC_setsockopt && func_id != BPF_FUNC_getsockopt)
		return false;
	return !member_proto(obj, &proto, &type) || !is_tcp(type) || !strcmp(proto.name, "release");
}

const struct bpf_prog_type_ops struct_ops_prog_ops = {
	.ctx_name = "typed arguments",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.func_proto = struct_ops_func_proto,
	.target_lacks = struct_ops_target_lacks,
	.is_valid_access = struct_ops_is_valid_access,
	.obj_retval_range = struct_ops_retval_range,
	.btf_write = struct_ops_btf_write,
	.test_run = struct_ops_test_run,
};
