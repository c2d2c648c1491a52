/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arguments of helper calls: which register types an argument type takes, memory
 * and size pairs, map and helper pairs, locks, constant strings (Linux:
 * check_func_arg() and check_map_func_compatibility() of kernel/bpf/verifier.c).
 */
#include "object/map_insn_array.h"
#include "verifier/kfunc.h"

/* ---- register types that fit an argument type ---- */

#define REG_TYPES_MAX 12

struct fitting {
	u32 type[REG_TYPES_MAX]; /* ends with NOT_INIT */
};

static const struct fitting fit_scalar = { { SCALAR_VALUE } };
static const struct fitting fit_map = { { CONST_PTR_TO_MAP } };
static const struct fitting fit_ctx = { { PTR_TO_CTX } };
static const struct fitting fit_sock_common = { { PTR_TO_SOCK_COMMON, PTR_TO_SOCKET,
						  PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK } };
static const struct fitting fit_btf_sock_common = {
	{ PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK, PTR_TO_BTF_ID,
	  PTR_TO_BTF_ID | PTR_TRUSTED }
};
static const struct fitting fit_fullsock = { { PTR_TO_SOCKET } };
static const struct fitting fit_btf = { { PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED,
					  PTR_TO_BTF_ID | MEM_RCU } };
static const struct fitting fit_percpu_btf = { { PTR_TO_BTF_ID | MEM_PERCPU,
						 PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU,
						 PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED } };
static const struct fitting fit_lock = { { PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC } };
static const struct fitting fit_mem = {
	{ PTR_TO_STACK, PTR_TO_PACKET, PTR_TO_PACKET_META, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE,
	  PTR_TO_MEM, PTR_TO_MEM | MEM_RINGBUF, PTR_TO_BUF, PTR_TO_BTF_ID | PTR_TRUSTED }
};
/* Up to 6.1 no memory but the stack, packets and maps held keys and values. */
static const struct fitting fit_key_6_1 = { { PTR_TO_STACK, PTR_TO_PACKET, PTR_TO_PACKET_META,
					      PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE } };
static const struct fitting fit_ringbuf_mem = { { PTR_TO_MEM | MEM_RINGBUF } };
static const struct fitting fit_func = { { PTR_TO_FUNC } };
static const struct fitting fit_stack = { { PTR_TO_STACK } };
static const struct fitting fit_map_value = { { PTR_TO_MAP_VALUE } };
static const struct fitting fit_dynptr = { { PTR_TO_STACK, CONST_PTR_TO_DYNPTR } };
/* Pointers to objects may also be in allocated objects since 6.13. */
static const struct fitting fit_kptr = { { PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC,
					   PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF } };

static const struct fitting *const fitting_of[__BPF_ARG_TYPE_MAX] = {
	[ARG_PTR_TO_MAP_KEY] = &fit_mem,
	[ARG_PTR_TO_MAP_VALUE] = &fit_mem,
	[ARG_CONST_SIZE] = &fit_scalar,
	[ARG_CONST_SIZE_OR_ZERO] = &fit_scalar,
	[ARG_CONST_ALLOC_SIZE_OR_ZERO] = &fit_scalar,
	[ARG_CONST_MAP_PTR] = &fit_map,
	[ARG_PTR_TO_CTX] = &fit_ctx,
	[ARG_PTR_TO_SOCK_COMMON] = &fit_sock_common,
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON] = &fit_btf_sock_common,
	[ARG_PTR_TO_SOCKET] = &fit_fullsock,
	[ARG_PTR_TO_BTF_ID] = &fit_btf,
	[ARG_PTR_TO_SPIN_LOCK] = &fit_lock,
	[ARG_PTR_TO_MEM] = &fit_mem,
	[ARG_PTR_TO_RINGBUF_MEM] = &fit_ringbuf_mem,
	[ARG_PTR_TO_PERCPU_BTF_ID] = &fit_percpu_btf,
	[ARG_PTR_TO_FUNC] = &fit_func,
	[ARG_PTR_TO_STACK] = &fit_stack,
	[ARG_PTR_TO_CONST_STR] = &fit_map_value,
	[ARG_PTR_TO_TIMER] = &fit_map_value,
	[ARG_KPTR_XCHG_DEST] = &fit_kptr,
	[ARG_PTR_TO_DYNPTR] = &fit_dynptr,
};

/* Types of sockets that are also kernel structs of that name. */
static const char *sock_struct(u32 type)
{
	switch (base_type(type)) {
	case PTR_TO_SOCKET:
		return "sock";
	case PTR_TO_SOCK_COMMON:
		return "sock_common";
	case PTR_TO_TCP_SOCK:
		return "tcp_sock";
	default:
		return NULL;
	}
}

static bool reg_is_struct(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			  const char *name)
{
	struct btf *kernel = kernel_types(env);
	s32 id = kernel ? btf_find_by_name_kind(kernel, name, BTF_KIND_STRUCT) : -ENOENT;

	return id > 0 && btf_struct_ids_match(reg->btf, reg->btf_id, reg->off, kernel, id, false);
}

/* Whether the profile's kernel lists the @i-th type of @fit. */
static bool fits_in_profile(struct bpf_verifier_env *env, const struct fitting *fit, u32 i)
{
	if (fit == &fit_mem && fit->type[i] == (PTR_TO_BTF_ID | PTR_TRUSTED))
		return visible(env->profile, KVER(6, 10));
	if (fit == &fit_lock && i)
		return visible(env->profile, KVER(6, 2));
	if (fit == &fit_kptr && i)
		return visible(env->profile, i == 1 ? KVER(6, 12) : KVER(6, 16));
	return true;
}

/* @arg_btf: kernel type wanted of a PTR_TO_BTF_ID, or NULL. */
int check_reg_type(struct bpf_verifier_env *env, u32 regno, u32 arg_type, const char *arg_btf,
		   struct bpf_call_arg_meta *meta)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct fitting *fit = fitting_of[base_type(arg_type)];
	u32 type = reg->type;
	char list[96];
	size_t n = 0;
	u32 i;

	if (!fit)
		return refuse(env, DIAG_ARG_TYPE_UNKNOWN, base_type(arg_type));
	if ((base_type(arg_type) == ARG_PTR_TO_MAP_KEY ||
	     base_type(arg_type) == ARG_PTR_TO_MAP_VALUE) &&
	    !visible(env->profile, KVER(6, 2)))
		fit = &fit_key_6_1;
	/* An argument that may be read-only or NULL takes a register that is not, and never the converse. */
	if (arg_type & MEM_RDONLY)
		type &= ~MEM_RDONLY;
	if (arg_type & PTR_MAYBE_NULL)
		type &= ~PTR_MAYBE_NULL;
	if (base_type(arg_type) == ARG_PTR_TO_MEM)
		type &= ~DYNPTR_TYPES;
	/* What the program allocated may be given away to a map. */
	if (meta->func_id == BPF_FUNC_kptr_xchg && regno == BPF_REG_2 && type_is_alloc(type))
		type &= ~(MEM_ALLOC | MEM_PERCPU);

	for (i = 0; i < REG_TYPES_MAX && fit->type[i] != NOT_INIT; i++)
		if (type == fit->type[i] && fits_in_profile(env, fit, i))
			break;
	if (i == REG_TYPES_MAX || fit->type[i] == NOT_INIT) {
		char have[48];

		snprintf(have, sizeof(have), "%s", reg_type_str(env, reg->type));
		list[0] = 0;
		for (i = 0; i < REG_TYPES_MAX && fit->type[i] != NOT_INIT && n < sizeof(list); i++)
			if (fits_in_profile(env, fit, i))
				n += snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
					      reg_type_str(env, fit->type[i]));
		return refuse(env, DIAG_ARG_TYPE, regno, have, list);
	}
	if (base_type(reg->type) != PTR_TO_BTF_ID)
		return 0;
	if (type_may_be_null(reg->type) && (arg_type & OBJ_RELEASE) &&
	    visible(env->profile, KVER(6, 3)))
		return refuse(env, DIAG_ARG_MAYBE_NULL, regno);
	if (meta->func_id == BPF_FUNC_kptr_xchg && regno == BPF_REG_2)
		return kptr_type_matches(env, meta->kptr_btf, &meta->kptr, reg, regno) ? -EACCES :
											 0;
	if (fit == &fit_lock || fit == &fit_kptr)
		return 0;
	if (fit == &fit_mem) {
		const struct bpf_func_proto *fn = bpf_helper_proto(meta->func_id);

		if (arg_type & MEM_RDONLY)
			return 0;
		return refuse(env, DIAG_ARG_BTF_WRITTEN, fn ? fn->name : "unknown", regno,
			      reg_type_str(env, reg->type));
	}
	if (fit == &fit_btf_sock_common && !arg_btf)
		arg_btf = sock_struct(PTR_TO_SOCK_COMMON);
	if (arg_btf && !reg_is_struct(env, reg, arg_btf))
		return refuse(env, DIAG_ARG_BTF_TYPE, regno, btf_type_name(reg->btf, reg->btf_id),
			      arg_btf);
	return 0;
}

/* Which offsets the pointer in a register may carry when it is passed. */
int check_func_arg_reg_off(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int regno,
			   u32 arg_type)
{
	/* Until 6.2 the words for released memory were those for any pointer. */
	if (arg_type & OBJ_RELEASE) {
		/* A dynptr is where it is; of what it points to, its slots know. */
		if (base_type(arg_type) == ARG_PTR_TO_DYNPTR && reg->type == PTR_TO_STACK)
			return 0;
		if (reg->off &&
		    (visible(env->profile, KVER(6, 3)) || base_type(reg->type) == PTR_TO_BTF_ID))
			return refuse(env, DIAG_ARG_RELEASE_OFF, regno);
		return check_ptr_off_reg(env, reg, regno);
	}
	switch (base_type(reg->type)) {
	case PTR_TO_STACK:
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case PTR_TO_ARENA:
	case SCALAR_VALUE:
		return 0;
	case PTR_TO_BTF_ID:
		if (type_flag(reg->type) & (PTR_MAYBE_NULL | PTR_UNTRUSTED))
			return check_ptr_off_reg(env, reg, regno);
		return check_ptr_off_reg_fixed_ok(env, reg, regno);
	default:
		return check_ptr_off_reg(env, reg, regno);
	}
}

/* ---- the arguments that need more than a type ---- */

int check_mem_size_reg(struct bpf_verifier_env *env, u32 regno, enum bpf_access_type t,
		       bool zero_size_allowed, struct bpf_call_arg_meta *meta)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	int err;

	meta->msize_max_value = reg->umax_value;
	/* How much of the buffer the helper fills is unknown: it must be initialised before. */
	if (!tnum_is_const(reg->var_off))
		meta = NULL;
	if (reg->smin_value < 0)
		return refuse(env, DIAG_SIZE_NEGATIVE, regno);
	/* Before 6.8 an access of no bytes was tried, and said what is wrong with it. */
	if (reg->umin_value == 0 && !visible(env->profile, KVER(6, 8))) {
		err = check_helper_mem(env, regno - 1, 0, t, zero_size_allowed, meta);
		if (err)
			return err;
	} else if (reg->umin_value == 0 && !zero_size_allowed) {
		return refuse(env, DIAG_SIZE_ZERO, regno, reg->umin_value, reg->umax_value);
	}
	if (reg->umax_value >= BPF_MAX_VAR_SIZ)
		return refuse(env, DIAG_SIZE_UNBOUNDED, regno);
	err = check_helper_mem(env, regno - 1, reg->umax_value, t, zero_size_allowed, meta);
	if (!err)
		err = mark_chain_precision(env, regno);
	return err;
}

int check_mem_reg(struct bpf_verifier_env *env, u32 regno, u32 mem_size)
{
	struct bpf_reg_state *reg = &cur_regs(env)[regno], saved = *reg;
	int err;

	if (register_is_null(reg))
		return 0;
	if (type_may_be_null(reg->type))
		mark_ptr_not_null_reg(reg);
	err = check_helper_mem(env, regno, mem_size, BPF_READ, true, NULL);
	if (!err)
		err = check_helper_mem(env, regno, mem_size, BPF_WRITE, true, NULL);
	*reg = saved;
	return err;
}

int check_const_str(struct bpf_verifier_env *env, u32 regno)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct map_object *m = reg->map;
	u32 at;
	u64 addr;
	int err;

	if (m->map->map_type == BPF_MAP_TYPE_INSN_ARRAY)
		return refuse(env, DIAG_STR_INSN_ARRAY, regno);
	if (!(m->map->map_flags & BPF_F_RDONLY_PROG) || !READ_ONCE(m->map->frozen) ||
	    READ_ONCE(m->map->writers))
		return refuse(env, DIAG_STR_MAP_WRITABLE, regno);
	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_STR_NOT_CONST, regno);
	if (!m->ops->direct_value_addr)
		return refuse(env, DIAG_NO_DIRECT_VALUE);
	err = check_map_access(env, regno, reg->off, m->map->value_size - reg->off, false);
	if (err)
		return err;
	at = reg->off + (u32)reg->var_off.value;
	err = m->ops->direct_value_addr(m->map, &addr, at);
	if (err)
		return refuse_err(env, err, DIAG_STR_ADDR);
	if (!memchr((const void *)addr, 0, m->map->value_size - at))
		return refuse(env, DIAG_STR_UNTERMINATED);
	return 0;
}

/* The constant key of an array lookup, so that a lookup in range is not NULL: or -1. */
static int constant_key(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 key_size,
			s64 *key)
{
	struct bpf_func_state *st;
	struct bpf_stack_state *slot;
	int off, spi, zeros = 0, spilled = 0, err;

	*key = -1;
	if (!env->bpf_capable || reg->type != PTR_TO_STACK || !tnum_is_const(reg->var_off) ||
	    key_size > 8)
		return 0;
	st = env->cur_state->frame[reg->frameno];
	off = reg->off + (int)reg->var_off.value;
	spi = stack_spi(off);
	if (off >= 0 || -off > (int)st->allocated_stack)
		return 0;
	slot = &st->stack[spi];
	for (u32 i = 0; i < key_size; i++) {
		int byte = (-off - 1) % BPF_REG_SIZE - (int)i;

		if (byte >= 0 && slot->slot_type[byte] == STACK_ZERO)
			zeros++;
	}
	if (zeros == (int)key_size) {
		*key = 0;
		return 0;
	}
	/* As Linux: the key must be exactly what was spilled. */
	for (int b = BPF_REG_SIZE - 1; b >= 0 && slot->slot_type[b] == STACK_SPILL; b--)
		spilled++;
	if (off % BPF_REG_SIZE || !is_spilled_scalar_reg(slot) || spilled != (int)key_size ||
	    !tnum_is_const(slot->spilled_ptr.var_off))
		return 0;
	err = mark_chain_precision_stack(env, reg->frameno, spi);
	if (err)
		return err;
	*key = (s64)slot->spilled_ptr.var_off.value;
	return 0;
}

/* Types whose lookup of a key below max_entries is never NULL. */
static bool lookup_can_be_proven(const struct map_object *m)
{
	switch (m->map->map_type) {
	case BPF_MAP_TYPE_ARRAY:
		/* Inner arrays may be shorter than their template if they were made so. */
		return !(m->map->map_flags & BPF_F_INNER_MAP);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return m->obj.id; /* inner ones may always be */
	default:
		return false;
	}
}

#define LOCK_TYPES (REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ)

/* The newest lock of @types that is held: of @owner's object @id, or (@owner NULL) any. */
static struct bpf_reference_state *find_lock(struct bpf_verifier_state *st, u32 types, u32 id,
					     const void *owner)
{
	for (u32 i = st->acquired_refs; i-- > 0;) {
		struct bpf_reference_state *ref = &st->refs[i];

		if ((ref->type & types) && (!owner || (ref->id == id && ref->ptr == owner)))
			return ref;
	}
	return NULL;
}

static int take_lock(struct bpf_verifier_env *env, u32 type, u32 id, void *owner)
{
	struct bpf_verifier_state *st = env->cur_state;
	struct bpf_reference_state *ref;

	if (type == REF_TYPE_LOCK && find_lock(st, REF_TYPE_LOCK, 0, NULL))
		return refuse(env, DIAG_LOCK_TWO);
	if (type != REF_TYPE_LOCK &&
	    find_lock(st, REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ, id, owner))
		return refuse(env, DIAG_LOCK_AGAIN);
	ref = acquire_reference_state(env, env->insn_idx);
	if (!ref)
		return -ENOMEM;
	ref->type = type;
	ref->id = id;
	ref->ptr = owner;
	st->active_locks++;
	st->active_lock_id = id;
	st->active_lock_ptr = owner;
	return 0;
}

static int drop_lock(struct bpf_verifier_env *env, u32 type, u32 id, void *owner)
{
	struct bpf_verifier_state *st = env->cur_state;
	struct bpf_reference_state *ref;

	if (!st->active_locks)
		return type == REF_TYPE_LOCK ? refuse(env, DIAG_LOCK_NOT_TAKEN) :
					       refuse(env, DIAG_RES_LOCK_NOT_TAKEN);
	ref = find_lock(st, type, id, owner);
	if (!ref)
		return type == REF_TYPE_LOCK ? refuse(env, DIAG_LOCK_OTHER) :
					       refuse(env, DIAG_RES_LOCK_OTHER);
	if (st->active_lock_id != id || st->active_lock_ptr != owner)
		return refuse(env, DIAG_LOCK_ORDER, type == REF_TYPE_LOCK ? "bpf" : "bpf_res");
	release_reference_state(st, (u32)(ref - st->refs));
	st->active_locks--;
	ref = find_lock(st, LOCK_TYPES, 0, NULL);
	st->active_lock_id = ref ? ref->id : 0;
	st->active_lock_ptr = ref ? ref->ptr : NULL;
	invalidate_non_owning(env);
	return 0;
}

int process_spin_lock(struct bpf_verifier_env *env, u32 regno, u32 flags)
{
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct map_object *m = reg->type == PTR_TO_MAP_VALUE ? reg->map : NULL;
	u32 kind = flags & LOCK_RES ? BTF_FIELD_RES_SPIN_LOCK : BTF_FIELD_SPIN_LOCK;
	u32 type = !(flags & LOCK_RES) ? REF_TYPE_LOCK :
		   flags & LOCK_IRQ    ? REF_TYPE_RES_LOCK_IRQ :
					 REF_TYPE_RES_LOCK;
	void *owner = m ? (void *)m : (void *)reg->btf;
	struct btf_field all[BTF_FIELDS_MAX], *field = NULL;
	int n;

	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_LOCK_VARIABLE, regno);
	if (m && !m->btf)
		return refuse(env, DIAG_LOCK_NO_BTF, m->map->name);
	n = reg_fields(env, reg, all);
	for (int i = 0; i < n; i++)
		if (all[i].kind == kind)
			field = &all[i];
	if (!field)
		return m ? refuse(env, DIAG_LOCK_NONE, m->map->name) :
			   refuse(env, DIAG_LOCK_NONE_LOCAL);
	if (field->offset != reg->var_off.value + (u64)reg->off)
		return refuse(env, DIAG_LOCK_OFFSET, (s64)reg->var_off.value + reg->off,
			      field->offset);
	return flags & LOCK_TAKE ? take_lock(env, type, reg->id, owner) :
				   drop_lock(env, type, reg->id, owner);
}

/* ---- one argument ---- */

static bool map_is_of_socks(const struct map_object *m)
{
	return m->map->map_type == BPF_MAP_TYPE_SOCKMAP ||
	       m->map->map_type == BPF_MAP_TYPE_SOCKHASH;
}

int check_func_arg(struct bpf_verifier_env *env, u32 arg, struct bpf_call_arg_meta *meta,
		   const struct bpf_func_proto *fn)
{
	u32 regno = BPF_REG_1 + arg, arg_type = fn->arg_type[arg];
	struct bpf_reg_state *reg = &cur_regs(env)[regno];
	enum bpf_access_type t = arg_type & MEM_WRITE ? BPF_WRITE : BPF_READ;
	int err;

	if (arg_type == ARG_DONTCARE)
		return 0;
	/* The values of some maps are not memory. */
	if (base_type(arg_type) == ARG_PTR_TO_MAP_VALUE && meta->map &&
	    map_is_of_socks(meta->map)) {
		if (arg_type != ARG_PTR_TO_MAP_VALUE)
			return refuse(env, DIAG_ARG_SOCKMAP);
		arg_type = ARG_PTR_TO_BTF_ID_SOCK_COMMON;
	}
	err = check_reg_arg(env, regno, SRC_OP);
	if (err)
		return err;
	if (arg_type == ARG_ANYTHING) {
		if (is_pointer_value(env, regno))
			return refuse(env, DIAG_LEAK_HELPER, regno);
		return 0;
	}
	if (type_is_pkt_pointer(reg->type) && !may_access_direct_pkt_data(env, fn, BPF_READ))
		return refuse(env, DIAG_ARG_PACKET);

	/* NULL is a scalar: where the argument may be NULL, it has no type to check. */
	if (!(register_is_null(reg) && type_may_be_null(arg_type))) {
		err = check_reg_type(env, regno, arg_type, fn->arg_btf[arg], meta);
		if (!err)
			err = check_func_arg_reg_off(env, reg, regno, arg_type);
		if (err)
			return err;
	}

	if ((arg_type & OBJ_RELEASE) && base_type(arg_type) == ARG_PTR_TO_DYNPTR) {
		if (reg->type != PTR_TO_STACK)
			return refuse(env, DIAG_DYNPTR_RELEASE_CONST);
		if (!dynptr_ref_obj_id(env, reg))
			return refuse(env, DIAG_DYNPTR_UNACQUIRED, regno);
		meta->release_regno = regno;
	} else if (arg_type & OBJ_RELEASE) {
		if (!reg->ref_obj_id && !register_is_null(reg))
			return refuse(env, DIAG_ARG_UNREFERENCED, regno);
		if (meta->release_regno)
			return refuse(env, DIAG_INTERNAL, "more than one release argument");
		meta->release_regno = regno;
	}
	if (reg->ref_obj_id && base_type(arg_type) != ARG_KPTR_XCHG_DEST) {
		if (meta->ref_obj_id)
			return refuse(env, DIAG_INTERNAL, "more than one arg with ref_obj_id");
		meta->ref_obj_id = reg->ref_obj_id;
	}

	switch ((enum bpf_arg_type)base_type(arg_type)) {
	case ARG_CONST_MAP_PTR:
		/* The map of bpf_timer_init() must be the one that the timer lives in. */
		if (meta->map && meta->func_id == BPF_FUNC_timer_init &&
		    (meta->map != reg->map || meta->map_uid != reg->map_uid))
			return refuse(env, DIAG_TIMER_MAP, meta->map_uid, reg->map_uid);
		meta->map = reg->map;
		meta->map_uid = reg->map_uid;
		return 0;
	case ARG_PTR_TO_MAP_KEY:
		if (!meta->map)
			return refuse(env, DIAG_ARG_NO_MAP, "key");
		err = check_helper_mem(env, regno, meta->map->map->key_size, BPF_READ, false, NULL);
		if (!err && visible(env->profile, KVER(6, 14)) && lookup_can_be_proven(meta->map))
			err = constant_key(env, reg, meta->map->map->key_size,
					   &meta->const_map_key);
		return err;
	case ARG_PTR_TO_MAP_VALUE:
		if (type_may_be_null(arg_type) && register_is_null(reg))
			return 0;
		if (!meta->map)
			return refuse(env, DIAG_ARG_NO_MAP, "value");
		meta->raw_mode = arg_type & MEM_UNINIT;
		return check_helper_mem(env, regno, meta->map->map->value_size, t, false, meta);
	case ARG_PTR_TO_SPIN_LOCK:
		if (in_rbtree_callback(env))
			return refuse(env, DIAG_LOCK_CALLBACK);
		return process_spin_lock(env, regno,
					 meta->func_id == BPF_FUNC_spin_lock ? LOCK_TAKE : 0);
	case ARG_PTR_TO_FUNC:
		meta->subprogno = reg->subprogno;
		return 0;
	case ARG_PTR_TO_MEM:
		/* Its extent is known with the size argument that follows, or fixed. */
		meta->raw_mode = arg_type & MEM_UNINIT;
		if (!(arg_type & MEM_FIXED_SIZE))
			return 0;
		err = check_helper_mem(env, regno, fn->arg_size[arg], t, false, meta);
		if (!err && (arg_type & MEM_ALIGNED))
			err = check_ptr_alignment(env, reg, 0, fn->arg_size[arg], true);
		return err;
	case ARG_CONST_SIZE:
	case ARG_CONST_SIZE_OR_ZERO:
		t = arg && (fn->arg_type[arg - 1] & MEM_WRITE) ? BPF_WRITE : BPF_READ;
		return check_mem_size_reg(env, regno, t,
					  base_type(arg_type) == ARG_CONST_SIZE_OR_ZERO, meta);
	case ARG_CONST_ALLOC_SIZE_OR_ZERO:
		if (!tnum_is_const(reg->var_off))
			return refuse(env, DIAG_ARG_NOT_CONST, regno);
		meta->mem_size = reg->var_off.value;
		return mark_chain_precision(env, regno);
	case ARG_PTR_TO_CONST_STR:
		return check_const_str(env, regno);
	case ARG_PTR_TO_DYNPTR:
		return process_dynptr(env, regno, env->insn_idx, arg_type, 0);
	case ARG_PTR_TO_TIMER:
		return process_timer(env, regno, meta);
	case ARG_KPTR_XCHG_DEST:
		return process_kptr(env, regno, meta);
	case ARG_PTR_TO_PERCPU_BTF_ID:
		meta->ret_btf = reg->btf;
		meta->ret_btf_id = reg->btf_id;
		meta->percpu_alloc = reg->type & MEM_RCU;
		return 0;
	case ARG_PTR_TO_ARENA:
		return refuse(env, DIAG_HELPER_UNSUPPORTED, "arenas");
	case ARG_PTR_TO_CTX:
	case ARG_PTR_TO_SOCK_COMMON:
	case ARG_PTR_TO_SOCKET:
	case ARG_PTR_TO_BTF_ID:
	case ARG_PTR_TO_RINGBUF_MEM:
	case ARG_PTR_TO_BTF_ID_SOCK_COMMON:
	case ARG_PTR_TO_STACK:
	case ARG_DONTCARE:
	case ARG_ANYTHING:
	case __BPF_ARG_TYPE_MAX:
		return 0;
	}
	return 0;
}

/* ---- format strings ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_specifier(char c)
{
	return !c || is_space(c) ||
	       (c > ' ' && c <= '~' && !(c >= '0' && c <= '9') &&
		!((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

/* Length of the conversion behind the '%' at @s, or -EINVAL: what bpf_snprintf() understands. */
static int specifier_len(const char *s)
{
	int i = 1;

	while (s[i] == '0' || s[i] == '+' || s[i] == '-' || s[i] == ' ')
		i++;
	if (s[i] >= '1' && s[i] <= '9')
		while (s[i] >= '0' && s[i] <= '9')
			i++;
	switch (s[i]) {
	case 'p':
		if ((s[i + 1] == 'k' || s[i + 1] == 'u') && s[i + 2] == 's') {
			i += 2;
			return ends_specifier(s[i + 1]) ? i + 1 : -EINVAL;
		}
		if (ends_specifier(s[i + 1]))
			return i + 1;
		if (s[i + 1] && strchr("KxsSB", s[i + 1]))
			return i + 2;
		if ((s[i + 1] == 'i' || s[i + 1] == 'I') && (s[i + 2] == '4' || s[i + 2] == '6'))
			return i + 3;
		return -EINVAL;
	case 's':
		return ends_specifier(s[i + 1]) ? i + 1 : -EINVAL;
	case 'c':
		return i + 1;
	case 'l':
		i += s[i + 1] == 'l' ? 2 : 1;
		break;
	default:
		break;
	}
	return s[i] && strchr("iduxX", s[i]) ? i + 1 : -EINVAL;
}

/* bpf_snprintf(): the format is a constant, so it can be held against the number of arguments. */
int check_snprintf(struct bpf_verifier_env *env)
{
	const struct bpf_reg_state *regs = cur_regs(env), *fmt = &regs[BPF_REG_3];
	u64 room = regs[BPF_REG_5].var_off.value / 8, addr;
	const char *s;
	u32 used = 0;

	if (regs[BPF_REG_5].var_off.value % 8)
		return -EINVAL;
	if (fmt->map->ops->direct_value_addr(fmt->map->map, &addr, fmt->off + fmt->var_off.value))
		return refuse_err(env, -EFAULT, DIAG_STR_ADDR);
	for (s = (const char *)addr; *s;) {
		int n = 1;

		/* as bpf_snprintf() will: bytes from 0x80 pass */
		if (!is_space(*s) && (u8)*s < 0x80 && (*s < ' ' || *s > '~'))
			return refuse(env, DIAG_FORMAT);
		if (s[0] == '%' && s[1] == '%') {
			n = 2;
		} else if (s[0] == '%') {
			n = used++ < room ? specifier_len(s) : -EINVAL;
			if (n < 0)
				return refuse(env, DIAG_FORMAT);
		}
		s += n;
	}
	return 0;
}

/* ---- maps and helpers that go together ---- */

#define F(name) BPF_FUNC_##name
#define M(name) BPF_MAP_TYPE_##name

/* Map types that only certain helpers take. */
static const struct {
	u32 map;
	u32 func[8];
} map_takes[] = {
	{ M(PROG_ARRAY), { F(tail_call) } },
	{ M(PERF_EVENT_ARRAY),
	  { F(perf_event_read), F(perf_event_output), F(skb_output), F(perf_event_read_value),
	    F(xdp_output) } },
	{ M(RINGBUF),
	  { F(ringbuf_output), F(ringbuf_reserve), F(ringbuf_query), F(ringbuf_reserve_dynptr),
	    F(ringbuf_submit_dynptr), F(ringbuf_discard_dynptr) } },
	{ M(USER_RINGBUF), { F(user_ringbuf_drain) } },
	{ M(STACK_TRACE), { F(get_stackid) } },
	{ M(CGROUP_ARRAY), { F(skb_under_cgroup), F(current_task_under_cgroup) } },
	{ M(CGROUP_STORAGE), { F(get_local_storage) } },
	{ M(PERCPU_CGROUP_STORAGE), { F(get_local_storage) } },
	{ M(DEVMAP), { F(redirect_map), F(map_lookup_elem) } },
	{ M(DEVMAP_HASH), { F(redirect_map), F(map_lookup_elem) } },
	{ M(CPUMAP), { F(redirect_map) } },
	{ M(XSKMAP), { F(redirect_map), F(map_lookup_elem) } },
	{ M(ARRAY_OF_MAPS), { F(map_lookup_elem) } },
	{ M(HASH_OF_MAPS), { F(map_lookup_elem) } },
	{ M(SOCKMAP),
	  { F(sk_redirect_map), F(sock_map_update), F(msg_redirect_map), F(sk_select_reuseport),
	    F(map_lookup_elem) } },
	{ M(SOCKHASH),
	  { F(sk_redirect_hash), F(sock_hash_update), F(msg_redirect_hash), F(sk_select_reuseport),
	    F(map_lookup_elem) } },
	{ M(REUSEPORT_SOCKARRAY), { F(sk_select_reuseport) } },
	{ M(QUEUE), { F(map_peek_elem), F(map_pop_elem), F(map_push_elem) } },
	{ M(STACK), { F(map_peek_elem), F(map_pop_elem), F(map_push_elem) } },
	{ M(SK_STORAGE), { F(sk_storage_get), F(sk_storage_delete), F(kptr_xchg) } },
	{ M(INODE_STORAGE), { F(inode_storage_get), F(inode_storage_delete), F(kptr_xchg) } },
	{ M(TASK_STORAGE), { F(task_storage_get), F(task_storage_delete), F(kptr_xchg) } },
	{ M(CGRP_STORAGE), { F(cgrp_storage_get), F(cgrp_storage_delete), F(kptr_xchg) } },
	{ M(BLOOM_FILTER), { F(map_peek_elem), F(map_push_elem) } },
	{ M(INSN_ARRAY), { 0 } },
};

/* Helpers that only take certain maps. */
static const struct {
	u32 func;
	u32 map[5];
} func_takes[] = {
	{ F(tail_call), { M(PROG_ARRAY) } },
	{ F(perf_event_read), { M(PERF_EVENT_ARRAY) } },
	{ F(perf_event_output), { M(PERF_EVENT_ARRAY) } },
	{ F(perf_event_read_value), { M(PERF_EVENT_ARRAY) } },
	{ F(skb_output), { M(PERF_EVENT_ARRAY) } },
	{ F(xdp_output), { M(PERF_EVENT_ARRAY) } },
	{ F(ringbuf_output), { M(RINGBUF) } },
	{ F(ringbuf_reserve), { M(RINGBUF) } },
	{ F(ringbuf_query), { M(RINGBUF) } },
	{ F(ringbuf_reserve_dynptr), { M(RINGBUF) } },
	{ F(ringbuf_submit_dynptr), { M(RINGBUF) } },
	{ F(ringbuf_discard_dynptr), { M(RINGBUF) } },
	{ F(user_ringbuf_drain), { M(USER_RINGBUF) } },
	{ F(get_stackid), { M(STACK_TRACE) } },
	{ F(current_task_under_cgroup), { M(CGROUP_ARRAY) } },
	{ F(skb_under_cgroup), { M(CGROUP_ARRAY) } },
	{ F(redirect_map), { M(DEVMAP), M(DEVMAP_HASH), M(CPUMAP), M(XSKMAP) } },
	{ F(sk_redirect_map), { M(SOCKMAP) } },
	{ F(msg_redirect_map), { M(SOCKMAP) } },
	{ F(sock_map_update), { M(SOCKMAP) } },
	{ F(sk_redirect_hash), { M(SOCKHASH) } },
	{ F(msg_redirect_hash), { M(SOCKHASH) } },
	{ F(sock_hash_update), { M(SOCKHASH) } },
	{ F(get_local_storage), { M(CGROUP_STORAGE), M(PERCPU_CGROUP_STORAGE) } },
	{ F(sk_select_reuseport), { M(REUSEPORT_SOCKARRAY), M(SOCKMAP), M(SOCKHASH) } },
	{ F(map_pop_elem), { M(QUEUE), M(STACK) } },
	{ F(map_peek_elem), { M(QUEUE), M(STACK), M(BLOOM_FILTER) } },
	{ F(map_push_elem), { M(QUEUE), M(STACK), M(BLOOM_FILTER) } },
	{ F(map_lookup_percpu_elem), { M(PERCPU_ARRAY), M(PERCPU_HASH), M(LRU_PERCPU_HASH) } },
	{ F(sk_storage_get), { M(SK_STORAGE) } },
	{ F(sk_storage_delete), { M(SK_STORAGE) } },
	{ F(inode_storage_get), { M(INODE_STORAGE) } },
	{ F(inode_storage_delete), { M(INODE_STORAGE) } },
	{ F(task_storage_get), { M(TASK_STORAGE) } },
	{ F(task_storage_delete), { M(TASK_STORAGE) } },
	{ F(cgrp_storage_get), { M(CGRP_STORAGE) } },
	{ F(cgrp_storage_delete), { M(CGRP_STORAGE) } },
};
#undef F
#undef M

static bool in_list(const u32 *list, u32 n, u32 x)
{
	for (u32 i = 0; i < n && list[i]; i++)
		if (list[i] == x)
			return true;
	return false;
}

/* Where no socket can be locked already, so that a map of sockets may change. */
static bool may_update_sockmap(const struct bpf_verifier_env *env, u32 func_id)
{
	switch (env->prog->type) {
	case BPF_PROG_TYPE_TRACING:
		return env->prog->expected_attach_type == BPF_TRACE_ITER;
	case BPF_PROG_TYPE_SOCK_OPS: /* updates have helpers of their own there */
		return func_id == BPF_FUNC_map_delete_elem;
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_SK_REUSEPORT:
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_SK_LOOKUP:
		return true;
	}
	return false;
}

int check_map_func_compatibility(struct bpf_verifier_env *env, const struct map_object *m,
				 const struct bpf_func_proto *fn)
{
	char name[64];

	if (!m)
		return 0;
	if (map_is_of_socks(m) &&
	    (fn->id == BPF_FUNC_map_update_elem || fn->id == BPF_FUNC_map_delete_elem)) {
		if (may_update_sockmap(env, fn->id))
			return 0;
		verbose(env, "cannot update sockmap in this context\n");
		goto mismatch;
	}
	for (u32 i = 0; i < ARRAY_SIZE(map_takes); i++)
		if (map_takes[i].map == m->map->map_type &&
		    !in_list(map_takes[i].func, ARRAY_SIZE(map_takes[i].func), fn->id))
			goto mismatch;
	for (u32 i = 0; i < ARRAY_SIZE(func_takes); i++)
		if (func_takes[i].func == fn->id &&
		    !in_list(func_takes[i].map, ARRAY_SIZE(func_takes[i].map), m->map->map_type))
			goto mismatch;
	return 0;
mismatch:
	snprintf(name, sizeof(name), "bpf_%s", fn->name);
	return refuse(env, DIAG_MAP_FUNC, m->map->map_type, name, fn->id);
}
