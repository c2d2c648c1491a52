/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What memory may be accessed, through every pointer type (Linux: check_mem_access()
 * and what it calls in kernel/bpf/verifier.c). Through pointers to kernel types: access_btf.c.
 */
#include "object/map_insn_array.h"
#include "isa/insn.h"
#include "verifier/kfunc.h"

/* ---- alignment ---- */

int check_ptr_alignment(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int off,
			int size, bool strict_once)
{
	bool strict = env->strict_alignment || strict_once, packet = false;
	int extra = 0;
	const char *what = "";
	char tn[TNUM_TEXT];
	u64 low = size - 1;

	switch (reg->type) {
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		packet = true;
		extra = 2; /* NET_IP_ALIGN: frames begin 2 bytes past an aligned address */
		break;
	case PTR_TO_FLOW_KEYS:
		what = "flow keys ";
		break;
	case PTR_TO_MAP_KEY:
		what = "key ";
		break;
	case PTR_TO_MAP_VALUE:
		what = "value ";
		strict |= reg->map->map->map_type == BPF_MAP_TYPE_INSN_ARRAY;
		break;
	case PTR_TO_CTX:
		what = "context ";
		break;
	case PTR_TO_STACK:
		what = "stack ";
		strict = true; /* slots are tracked by aligned 8 bytes */
		break;
	case PTR_TO_SOCKET:
		what = "sock ";
		break;
	case PTR_TO_SOCK_COMMON:
		what = "sock_common ";
		break;
	case PTR_TO_TCP_SOCK:
		what = "tcp_sock ";
		break;
	case PTR_TO_XDP_SOCK:
		what = "xdp_sock ";
		break;
	case PTR_TO_ARENA:
		return 0;
	default:
		break;
	}
	if (!strict || size == 1)
		return 0;
	if (!(reg->var_off.mask & low) &&
	    !((reg->var_off.value + (u64)(s64)(extra + reg->off + off)) & low))
		return 0;
	tnum_text(env, tn, reg->var_off);
	if (packet)
		return refuse(env, DIAG_MISALIGNED_PACKET, extra, tn, reg->off, off, size);
	return refuse(env, DIAG_MISALIGNED, what, tn, reg->off, off, size);
}

/* ---- memory with known bounds ---- */

static int check_bounds(struct bpf_verifier_env *env, u32 regno, s64 off, int size, u32 mem_size,
			bool zero_size_allowed)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];

	if (off >= 0 && (size > 0 || (size == 0 && zero_size_allowed)) &&
	    (u64)off + size <= mem_size)
		return 0;
	switch (base_type(reg->type)) {
	case PTR_TO_MAP_KEY:
		return refuse(env, DIAG_MAP_KEY_BOUNDS, mem_size, (int)off, size);
	case PTR_TO_MAP_VALUE:
		return refuse(env, DIAG_MAP_VALUE_BOUNDS, mem_size, (int)off, size);
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
	case PTR_TO_PACKET_END:
		return refuse(env, DIAG_PACKET_BOUNDS, (int)off, size, regno, reg->id, (int)off,
			      mem_size);
	default:
		return refuse(env, DIAG_MEM_BOUNDS, mem_size, (int)off, size);
	}
}

int check_mem_region_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    u32 mem_size, bool zero_size_allowed)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	int err;

	/* The lowest address the access can have; its arithmetic must not wrap in 32 bits. */
	if (reg->smin_value < 0 &&
	    (reg->smin_value == INT64_MIN ||
	     off + reg->smin_value != (s32)(off + reg->smin_value) || off + reg->smin_value < 0))
		return refuse(env, DIAG_MIN_NEGATIVE, regno);
	err = check_bounds(env, regno, reg->smin_value + off, size, mem_size, zero_size_allowed);
	if (err)
		return refuse_err(env, err, DIAG_MIN_OUTSIDE, regno);
	if (reg->umax_value >= BPF_MAX_VAR_OFF)
		return refuse(env, DIAG_MEM_UNBOUNDED, regno);
	err = check_bounds(env, regno, (s64)reg->umax_value + off, size, mem_size,
			   zero_size_allowed);
	if (err)
		return refuse_err(env, err, DIAG_MAX_OUTSIDE, regno);
	return 0;
}

/* Pointers that must be passed or dereferenced as they came: no offset at all, or a fixed one. */
static int check_ptr_fixed(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int regno,
			   bool fixed_off_ok)
{
	char tn[TNUM_TEXT];

	if (reg->off < 0)
		return refuse(env, DIAG_PTR_NEGATIVE, reg_type_str(env, reg->type), regno,
			      reg->off);
	if (reg->off && !fixed_off_ok)
		return refuse(env, DIAG_PTR_MODIFIED, reg_type_str(env, reg->type), regno,
			      reg->off);
	if (!tnum_equals_const(reg->var_off, 0))
		return refuse(env, DIAG_PTR_VARIABLE, reg_type_str(env, reg->type),
			      tnum_text(env, tn, reg->var_off));
	return 0;
}

int check_ptr_off_reg(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int regno)
{
	return check_ptr_fixed(env, reg, regno, false);
}

int check_ptr_off_reg_fixed_ok(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			       int regno)
{
	return check_ptr_fixed(env, reg, regno, true);
}

/* ---- maps ---- */

static int check_map_direction(struct bpf_verifier_env *env, u32 regno, int off, int size,
			       enum bpf_access_type t)
{
	const struct bpf_map *map = cur_regs(env)[regno].map->map;

	if (t == BPF_WRITE && (map->map_flags & BPF_F_RDONLY_PROG))
		return refuse(env, DIAG_MAP_WRITE_FORBIDDEN, map_mem_size(map), off, size);
	if (t == BPF_READ && (map->map_flags & BPF_F_WRONLY_PROG))
		return refuse(env, DIAG_MAP_READ_FORBIDDEN, map_mem_size(map), off, size);
	return 0;
}

int check_map_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
		     bool zero_size_allowed)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct bpf_map *map = reg->map->map;
	int err = check_mem_region_access(env, regno, off, size, map_mem_size(map),
					  zero_size_allowed);

	if (err || !map->nr_fields)
		return err;
	/* A helper may touch no byte of a field with a meaning of its own. */
	return access_map_fields(env, regno, off, size, false, BPF_READ, -1, env->insn_idx);
}

/* Whether nobody, programs or bpf(2), can ever change the map's values again. */
static bool map_is_constant(const struct map_object *m)
{
	return (m->map->map_flags & BPF_F_RDONLY_PROG) && READ_ONCE(m->map->frozen) &&
	       !READ_ONCE(m->map->writers) && m->ops->direct_value_addr;
}

static int map_constant_load(struct bpf_verifier_env *env, const struct map_object *m, u32 off,
			     int size, bool sign, u64 *value)
{
	u64 addr;
	int err = m->ops->direct_value_addr(m->map, &addr, off);

	if (err)
		return refuse_err(env, err, DIAG_MAP_VALUE_BOUNDS, m->map->value_size, off, size);
	*value = 0; /* little-endian: the low bytes */
	memcpy(value, (const void *)(uintptr_t)addr, size);
	if (sign)
		*value = (u64)((s64)(*value << (64 - size * 8)) >> (64 - size * 8));
	return 0;
}

static int access_map_value(struct bpf_verifier_env *env, u32 insn_idx, u32 regno, int off,
			    int size, enum bpf_access_type t, int value_regno, bool sign)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[regno];
	struct map_object *m = reg->map;
	u64 value = 0;
	int err;

	if (t == BPF_WRITE && value_regno >= 0 && is_pointer_value(env, value_regno))
		return refuse(env, DIAG_LEAK_MAP, value_regno);
	err = check_map_direction(env, regno, off, size, t);
	if (!err)
		err = check_mem_region_access(env, regno, off, size, map_mem_size(m->map), false);
	if (!err && m->map->nr_fields) {
		err = access_map_fields(env, regno, off, size, true, t, value_regno, insn_idx);
		if (err > 0) /* a pointer to an object: done */
			return 0;
	}
	if (err || t != BPF_READ || value_regno < 0)
		return err;
	if (m->map->map_type == BPF_MAP_TYPE_INSN_ARRAY) {
		if (size != BPF_REG_SIZE || sign)
			return refuse(env, DIAG_INSN_ARRAY_READ, size);
		/* One of the elements that the pointer may be at: the same range. */
		regs[value_regno] = *reg;
		regs[value_regno].type = PTR_TO_INSN;
		regs[value_regno].off = off;
		regs[value_regno].subreg_def = DEF_NOT_SUBREG;
		return 0;
	}
	if (tnum_is_const(reg->var_off) && map_is_constant(m)) {
		err = map_constant_load(env, m, off + (int)reg->var_off.value, size, sign, &value);
		if (err)
			return err;
		mark_reg_unknown(env, regs, value_regno);
		__mark_reg_known(&regs[value_regno], value);
		return 0;
	}
	mark_reg_unknown(env, regs, value_regno);
	return 0;
}

/* ---- context, packets, sockets, buffers ---- */

static int check_ctx_access(struct bpf_verifier_env *env, u32 insn_idx, int off, int size,
			    enum bpf_access_type t, struct bpf_insn_access_aux *info)
{
	bool ok;

	info->profile = env->profile;
	info->obj = env->prog_obj;
	info->bpf_capable = env->bpf_capable;
	info->kernel = env->prog_obj->dst_prog ? kernel_types(env) : NULL;
	if (env->ops->is_valid_access)
		ok = env->ops->is_valid_access(off, size, t, env->prog, info);
	else
		ok = ctx_access_by_table(env->ops, env->profile, off, size, t, info);
	if (info->log[0])
		verbose(env, "%s\n", info->log);
	if (!ok)
		return refuse(env, DIAG_CTX_ACCESS, off, size);
	if (base_type(info->reg_type) != PTR_TO_BTF_ID)
		env->aux[insn_idx].ctx_field_size = info->ctx_field_size;
	/* BPF_PROG_TEST_RUN must give contexts that are plain memory as far as this */
	if (env->prog_obj && env->prog_obj->max_ctx_offset < (u32)(off + size))
		env->prog_obj->max_ctx_offset = (u32)(off + size);
	return 0;
}

/*
 * What a hook of a security module has returned so far is what one may return: LSM programs, since
 * 6.12. (Of other functions any number.)
 */
static int know_retval(struct bpf_verifier_env *env, struct bpf_reg_state *dst)
{
	struct bpf_retval_range range;
	bool is_void = false;

	if (env->prog->type != BPF_PROG_TYPE_LSM || env->prog->expected_attach_type != BPF_LSM_MAC)
		return 0;
	range = env->ops->obj_retval_range(env->prog_obj, env->profile, &is_void);
	if (!range.checked || is_void)
		return 0;
	dst->s32_min_value = range.min;
	dst->s32_max_value = range.max;
	dst->smin_value = range.min;
	dst->smax_value = range.max;
	reg_bounds_sync_for(env, dst);
	return reg_bounds_sanity_check(env, dst, "s32_range");
}

static int access_ctx(struct bpf_verifier_env *env, u32 insn_idx, u32 regno, int off, int size,
		      enum bpf_access_type t, int value_regno, bool sign)
{
	struct bpf_insn_access_aux info = { .reg_type = SCALAR_VALUE, .is_ldsx = sign };
	struct bpf_reg_state *regs = cur_regs(env), *dst;
	int err;

	if (t == BPF_WRITE && value_regno >= 0 && is_pointer_value(env, value_regno))
		return refuse(env, DIAG_LEAK_CTX, value_regno);
	err = check_ptr_off_reg(env, &regs[regno], regno);
	if (!err)
		err = check_ctx_access(env, insn_idx, off, size, t, &info);
	if (err) {
		verbose_linfo(env, insn_idx, "; ");
		return err;
	}
	if (t != BPF_READ || value_regno < 0)
		return 0;
	dst = &regs[value_regno];
	if (info.reg_type == SCALAR_VALUE) {
		mark_reg_unknown(env, regs, value_regno);
		return info.is_retval ? know_retval(env, dst) : 0;
	}
	mark_reg_known_zero(env, regs, value_regno);
	dst->type = info.reg_type;
	if (type_may_be_null(info.reg_type))
		dst->id = ++env->id_gen;
	/* The uapi's 4-byte field is a whole pointer after rewriting. */
	dst->subreg_def = DEF_NOT_SUBREG;
	if (base_type(info.reg_type) == PTR_TO_BTF_ID) {
		dst->btf = info.btf;
		dst->btf_id = info.btf_id;
	}
	return 0;
}

bool may_access_direct_pkt_data(struct bpf_verifier_env *env, const struct bpf_func_proto *fn,
				enum bpf_access_type t)
{
	if (t == BPF_WRITE ? !env->ops->may_access_direct_pkt_data_write :
			     !env->ops->may_access_direct_pkt_data_read)
		return false;
	if (fn)
		return fn->pkt_access;
	env->seen_direct_write = true;
	return true;
}

int check_packet_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			bool zero_size_allowed)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	int err;

	/* What was proven reachable (range) counts from behind the variable part. */
	if (reg->smin_value < 0)
		return refuse(env, DIAG_MIN_NEGATIVE, regno);
	if ((s32)reg->range < 0)
		err = -EINVAL;
	else
		err = check_bounds(env, regno, off, size, reg->range, zero_size_allowed);
	if (err)
		return refuse_err(env, err, DIAG_PACKET_OUTSIDE, regno);
	return 0;
}

struct sock_field {
	u16 off, end; /* array fields: [off, end) of elements of .size */
	u8 size, narrow;
};

/* uapi struct bpf_sock; the first .common rows are also in a sock_common. */
static const struct sock_field sock_fields[] = {
	{ 4, 8, 4, 1 },	  /* family */
	{ 24, 28, 4, 1 }, /* src_ip4 */
	{ 28, 44, 4, 1 }, /* src_ip6 */
	{ 44, 48, 4, 1 }, /* src_port */
	{ 48, 50, 2, 1 }, /* dst_port */
	{ 52, 56, 4, 1 }, /* dst_ip4 */
	{ 56, 72, 4, 1 }, /* dst_ip6 */
	{ 72, 76, 4, 1 }, /* state */
	{ 76, 80, 4, 1 }, /* rx_queue_mapping */
#define SOCK_COMMON_FIELDS 9
	{ 0, 4, 4, 0 },	  /* bound_dev_if */
	{ 8, 12, 4, 1 },  /* type */
	{ 12, 16, 4, 1 }, /* protocol */
	{ 16, 20, 4, 0 }, /* mark */
	{ 20, 24, 4, 0 }, /* priority */
};

static bool sock_access_ok(u32 type, int off, int size, struct bpf_insn_access_aux *info)
{
	u32 n = type == PTR_TO_SOCKET ? ARRAY_SIZE(sock_fields) : SOCK_COMMON_FIELDS;

	if (off < 0 || off % size)
		return false;
	switch (type) {
	case PTR_TO_TCP_SOCK:
		if ((size_t)off >= sizeof(struct bpf_tcp_sock))
			return false;
		return size == (off == offsetof(struct bpf_tcp_sock, bytes_received) ||
						off == offsetof(struct bpf_tcp_sock, bytes_acked) ?
					8 :
					4);
	case PTR_TO_XDP_SOCK:
		return off == offsetof(struct bpf_xdp_sock, queue_id) && size == 4;
	default:
		break;
	}
	/* Once a 32-bit field, dst_port still takes a load of 4 bytes. */
	if (off == 48 && size == 4)
		return true;
	for (u32 i = 0; i < n; i++) {
		const struct sock_field *f = &sock_fields[i];

		if (off < f->off || off >= f->end)
			continue;
		info->ctx_field_size = f->narrow ? f->size : 0;
		return size == f->size || (f->narrow && size < f->size);
	}
	return false;
}

static int access_sock(struct bpf_verifier_env *env, u32 insn_idx, u32 regno, int off, int size,
		       enum bpf_access_type t)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct bpf_insn_access_aux info = { 0 };

	if (t == BPF_WRITE)
		return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
	if (reg->smin_value < 0)
		return refuse(env, DIAG_MIN_NEGATIVE, regno);
	if (!tnum_equals_const(reg->var_off, 0) || !sock_access_ok(reg->type, off, size, &info))
		return refuse(env, DIAG_SOCK_ACCESS, regno, reg_type_str(env, reg->type), off,
			      size);
	/* World sockets are laid out as the uapi structs: narrow loads need no rewriting. */
	env->aux[insn_idx].ctx_field_size = 0;
	return 0;
}

static int check_buffer_access(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			       u32 regno, const char *what, int off, int size)
{
	u32 *reach = type_is_rdonly_mem(reg->type) ? &env->prog_obj->max_rdonly_access :
						     &env->prog_obj->max_rdwr_access;

	char tn[TNUM_TEXT];

	if (off < 0)
		return refuse(env, DIAG_BUF_NEGATIVE, regno, what, off, size);
	if (!tnum_equals_const(reg->var_off, 0))
		return refuse(env, DIAG_BUF_VARIABLE, regno, off, tnum_text(env, tn, reg->var_off));
	if (base_type(reg->type) == PTR_TO_BUF)
		*reach = max(*reach, (u32)(off + size));
	return 0;
}

/*
 * Memory of which nothing is known: Linux reads it by loads that cannot fault. There are
 * no such loads of any memory here. DIFF(untrusted-mem-load)
 */
static int access_untrusted_mem(struct bpf_verifier_env *env, int value_regno)
{
	if (!env->sys->verdict)
		return refuse(env, DIAG_HELPER_UNSUPPORTED, "loads from untrusted memory");
	prog_lacks(env->prog_obj, "loads from", "untrusted memory");
	if (value_regno >= 0)
		mark_reg_unknown(env, cur_regs(env), value_regno);
	return 0;
}

/* ---- all of them ---- */

int check_mem_access(struct bpf_verifier_env *env, u32 insn_idx, u32 regno, int off, int bpf_size,
		     enum bpf_access_type t, int value_regno, bool strict_alignment_once,
		     bool is_ldsx)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[regno];
	int size = (int)code_access_size((u8)bpf_size), err;
	bool load = t == BPF_READ && value_regno >= 0;
	/* A store of a pointer's bits, where that would show an address. */
	bool leak = t == BPF_WRITE && value_regno >= 0 && is_pointer_value(env, value_regno);

	err = check_ptr_alignment(env, reg, off, size, strict_alignment_once);
	if (err)
		return err;
	off += reg->off;

	switch (base_type(reg->type)) {
	case PTR_TO_MAP_KEY:
		if (type_may_be_null(reg->type))
			goto invalid;
		if (t == BPF_WRITE)
			return refuse(env, DIAG_KEY_WRITE, regno);
		err = check_mem_region_access(env, regno, off, size, reg->map->map->key_size,
					      false);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_MAP_VALUE:
		if (type_may_be_null(reg->type))
			goto invalid;
		err = access_map_value(env, insn_idx, regno, off, size, t, value_regno, is_ldsx);
		break;
	case PTR_TO_MEM:
		if (type_may_be_null(reg->type))
			goto invalid;
		if (t == BPF_WRITE && type_is_rdonly_mem(reg->type))
			return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
		if (leak)
			return refuse(env, DIAG_LEAK_MEM, value_regno);
		if (reg->type & PTR_UNTRUSTED) {
			err = access_untrusted_mem(env, value_regno);
			break;
		}
		err = check_mem_region_access(env, regno, off, size, reg->mem_size, false);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_CTX:
		if (type_flag(reg->type))
			goto invalid;
		err = access_ctx(env, insn_idx, regno, off, size, t, value_regno, is_ldsx);
		break;
	case PTR_TO_STACK:
		err = check_stack_access_bounds(env, regno, off, size, t);
		if (!err && t == BPF_READ)
			err = check_stack_read(env, regno, off, size, value_regno);
		else if (!err)
			err = check_stack_write(env, regno, off, size, value_regno, insn_idx);
		break;
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		if (t == BPF_WRITE && !may_access_direct_pkt_data(env, NULL, t))
			return refuse(env, DIAG_PACKET_WRITE);
		if (leak)
			return refuse(env, DIAG_LEAK_PACKET, value_regno);
		err = check_packet_access(env, regno, off, size, false);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_FLOW_KEYS:
		if (leak)
			return refuse(env, DIAG_LEAK_FLOW_KEYS, value_regno);
		err = 0;
		if (off < 0 || (u64)off + size > sizeof(struct bpf_flow_keys))
			return refuse(env, DIAG_FLOW_KEYS_ACCESS, off, size);
		if (load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_XDP_SOCK:
		if (type_flag(reg->type))
			goto invalid;
		err = access_sock(env, insn_idx, regno, off, size, t);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_TP_BUFFER:
		err = check_buffer_access(env, reg, regno, "tracepoint", off, size);
		if (!err && env->prog_obj->max_tp_access < (u32)(off + size))
			env->prog_obj->max_tp_access = (u32)(off + size);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_BTF_ID:
		if (type_may_be_null(reg->type))
			goto invalid;
		err = check_ptr_to_btf_access(env, regno, off, size, t, value_regno);
		break;
	case CONST_PTR_TO_MAP:
		if (type_flag(reg->type))
			goto invalid;
		return check_ptr_to_map_access(env, regno, off, size, t, value_regno);
	case PTR_TO_BUF:
		if (type_may_be_null(reg->type))
			goto invalid;
		if (t == BPF_WRITE && type_is_rdonly_mem(reg->type))
			return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
		err = check_buffer_access(env, reg, regno,
					  type_is_rdonly_mem(reg->type) ? "rdonly" : "rdwr", off,
					  size);
		if (!err && load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	case PTR_TO_ARENA: /* any address of 32 bits with any offset is in the window */
		if (load)
			mark_reg_unknown(env, regs, value_regno);
		break;
	default:
	invalid:
		return refuse(env, DIAG_MEM_ACCESS_INVALID, regno, reg_type_str(env, reg->type));
	}
	if (err)
		return err;

	if (load && size < BPF_REG_SIZE && regs[value_regno].type == SCALAR_VALUE) {
		if (is_ldsx) {
			/* DIFF(fill-sign): read back with its sign it may be another number. */
			if (regs[value_regno].umax_value >= 1ULL << (size * 8 - 1))
				clear_scalar_id(&regs[value_regno]);
			coerce_reg_to_size_sx(&regs[value_regno], size);
		} else {
			coerce_reg_to_size(&regs[value_regno], size);
		}
	}
	return 0;
}

/* ---- memory of helpers ---- */

/* @access_size bytes at R@regno, which a helper reads or writes. */
int check_helper_mem(struct bpf_verifier_env *env, int regno, int access_size,
		     enum bpf_access_type t, bool zero_size_allowed, struct bpf_call_arg_meta *meta)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[regno];
	char have[48];
	int err;

	switch (base_type(reg->type)) {
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		return check_packet_access(env, regno, reg->off, access_size, zero_size_allowed);
	case PTR_TO_MAP_KEY:
		if (t == BPF_WRITE)
			return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
		return check_mem_region_access(env, regno, reg->off, access_size,
					       reg->map->map->key_size, false);
	case PTR_TO_MAP_VALUE:
		err = check_map_direction(env, regno, reg->off, access_size, t);
		if (err)
			return -EACCES;
		return check_map_access(env, regno, reg->off, access_size, zero_size_allowed);
	case PTR_TO_MEM:
		if (t == BPF_WRITE && type_is_rdonly_mem(reg->type))
			return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
		return check_mem_region_access(env, regno, reg->off, access_size, reg->mem_size,
					       zero_size_allowed);
	case PTR_TO_BUF:
		if (t == BPF_WRITE && type_is_rdonly_mem(reg->type))
			return refuse(env, DIAG_CANNOT_WRITE, regno, reg_type_str(env, reg->type));
		return check_buffer_access(env, reg, regno,
					   type_is_rdonly_mem(reg->type) ? "rdonly" : "rdwr",
					   reg->off, access_size);
	case PTR_TO_STACK:
		return check_stack_buffer(env, regno, reg->off, access_size, zero_size_allowed, t,
					  meta);
	case PTR_TO_BTF_ID: {
		u16 *seen = &env->aux[env->insn_idx].arg_world[regno - 1];

		*seen = max_t(u16, *seen, (u16)access_size);
		return check_ptr_to_btf_access(env, regno, reg->off, access_size, BPF_READ, -1);
	}
	case PTR_TO_CTX:
		/* A context that is plain memory can be passed as such, as far as it may be read. */
		if (visible(env->profile, KVER(6, 1)) && !env->ops->convert_ctx_access &&
		    !env->ops->fields && type_flag(reg->type) == 0) {
			if (!access_size)
				return zero_size_allowed ? 0 : -EACCES;
			return check_mem_access(env, env->insn_idx, regno, access_size - 1, BPF_B,
						t, -1, false, false);
		}
		__attribute__((fallthrough));
	default:
		if (zero_size_allowed && access_size == 0 && register_is_null(reg))
			return 0;
		snprintf(have, sizeof(have), "%s", reg_type_str(env, reg->type));
		return refuse(env, DIAG_MEM_ARG_TYPE, regno, have, reg_type_str(env, PTR_TO_STACK));
	}
}
