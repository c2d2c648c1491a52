/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Fields of the kernel's structs, through pointers that BTF types, and through pointers to maps
 * (Linux: check_ptr_to_btf_access() and check_ptr_to_map_access() of kernel/bpf/verifier.c).
 *
 * Knowing differences: DIFF(map-ptr-access) of struct bpf_map and what begins with it only some fields
 * can be read through a map pointer.
 */
#include "object/fixup.h"
#include "verifier/kfunc.h"

/* ---- through BTF ---- */

int refuse_btf(struct bpf_verifier_env *env, const struct btf_refusal *why)
{
	char line[256];
	int err = diag_from_btf(&env->diag, why);

	env->diag.insn = env->insn_idx;
	btf_refusal_render(why, line, sizeof(line));
	verbose(env, "%s\n", line);
	return err;
}

/* Loads the field at @off through @from, which the caller allowed; it may be the target. */
static int load_field(struct bpf_verifier_env *env, const struct bpf_reg_state *from, int off,
		      int size, int value_regno)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg;
	struct btf_walk walk = { 0 };
	u32 flag = 0;
	int err;

	err = btf_struct_access(from->btf, from->btf_id, off, size, false, &walk);
	if (err < 0)
		return refuse_btf(env, &walk.why);
	if (value_regno < 0)
		return 0;
	if (walk.kind == BTF_WALK_SCALAR) {
		mark_reg_unknown(env, regs, value_regno);
		return 0;
	}
	/*
	 * Leaving an object by one of its pointers gives one that may be stale, and
	 * may be NULL, but that a fault-proof load can follow.
	 */
	flag = btf_walk_flags(env, from, &walk);
	mark_reg_known_zero(env, regs, value_regno);
	reg = &regs[value_regno];
	reg->type = PTR_TO_BTF_ID | flag;
	reg->btf = walk.btf;
	reg->btf_id = walk.btf_id;
	if (type_may_be_null(flag))
		reg->id = ++env->id_gen;
	return 0;
}

/*
 * A field of a kernel object that programs of this type may write. The object must be one that is
 * surely there, as nothing checks the store. DIFF(untrusted-write)
 */
static int write_field(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int off,
		       int size)
{
	char log[128] = "";

	if (!env->ops->btf_write || !btf_is_kernels(env, reg->btf))
		return refuse(env, DIAG_BTF_READ_ONLY);
	if (!env->ops->btf_write(env->prog_obj, reg->btf, reg->btf_id, off, size, log, sizeof(log)))
		return reg->type & PTR_TRUSTED ? 0 : refuse(env, DIAG_BTF_READ_ONLY);
	return refuse(env, DIAG_BTF_WRITE, log);
}

/*
 * Every load through a BTF pointer becomes a fault-proof one (object/fixup.h), so
 * an untrusted pointer is as safe to follow as a trusted one.
 */
int check_ptr_to_btf_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    enum bpf_access_type t, int value_regno)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const char *name = btf_type_name(reg->btf, reg->btf_id);
	char tn[TNUM_TEXT];

	if (!env->allow_ptr_leaks)
		return refuse(env,
			      visible(env->profile, KVER(6, 3)) ? DIAG_BTF_UNPRIV :
								  DIAG_BTF_UNPRIV_6_2,
			      name);
	if (!env->prog->gpl_compatible && btf_is_kernels(env, reg->btf))
		return refuse(env, DIAG_BTF_NOT_GPL, name);
	if (off < 0)
		return refuse(env, DIAG_BTF_NEGATIVE, regno, name, off);
	if (!tnum_equals_const(reg->var_off, 0))
		return refuse(env, DIAG_BTF_VARIABLE, regno, name, off,
			      tnum_text(env, tn, reg->var_off));
	if (reg->type & MEM_USER)
		return refuse(env, DIAG_BTF_USER, regno, name, off);
	if (reg->type & MEM_PERCPU)
		return refuse(env, DIAG_BTF_PERCPU, regno, name, off);
	if (reg->type & MEM_ALLOC)
		return access_alloc(env, regno, off, size, t, value_regno);
	if (t == BPF_WRITE)
		return write_field(env, reg, off, size);
	return load_field(env, reg, off, size, value_regno);
}

/* ---- maps ---- */

/* Fields of the kernel's structs of maps that the runtime can show; all else can only be judged. */
static const struct {
	const char *owner, *member;
	u8 size;
	enum map_shown_field field;
} map_fields[] = {
	{ "bpf_map", "map_type", 4, MAP_SHOWN_TYPE },
	{ "bpf_map", "key_size", 4, MAP_SHOWN_KEY_SIZE },
	{ "bpf_map", "value_size", 4, MAP_SHOWN_VALUE_SIZE },
	{ "bpf_map", "max_entries", 4, MAP_SHOWN_MAX_ENTRIES },
	{ "bpf_map", "map_extra", 8, MAP_SHOWN_EXTRA },
	{ "bpf_map", "map_flags", 4, MAP_SHOWN_FLAGS },
	{ "bpf_map", "id", 4, MAP_SHOWN_ID },
	{ "bpf_array", "elem_size", 4, MAP_SHOWN_ARRAY_ELEM_SIZE },
	{ "bpf_array", "index_mask", 4, MAP_SHOWN_ARRAY_INDEX_MASK },
	{ "bpf_htab", "n_buckets", 4, MAP_SHOWN_HASH_BUCKETS },
	{ "bpf_htab", "elem_size", 4, MAP_SHOWN_HASH_ELEM_SIZE },
	{ "bpf_htab", "count", 4, MAP_SHOWN_HASH_COUNT },
};

/* Where member @name of struct @owner is; -ENOENT. */
static s64 member_offset(const struct btf *btf, const char *owner, const char *name)
{
	s32 id = btf_find_by_name_kind(btf, owner, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf_type_get(btf, (u32)id) : NULL;

	for (u32 i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf_str(btf, btf_members(t)[i].name_off) ?: "", name))
			return btf_member_bit_offset(t, &btf_members(t)[i]) / 8;
	return -ENOENT;
}

/* Each of those structs begins with a struct bpf_map. */
static int show_map_field(struct bpf_verifier_env *env, const char *owner, u32 off, u32 size,
			  u32 map_type)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	u32 how = probe_map_field(MAP_SHOWN_NOTHING, 0);

	for (u32 i = 0; i < ARRAY_SIZE(map_fields); i++) {
		s64 at;

		if (strcmp(map_fields[i].owner, "bpf_map") && strcmp(map_fields[i].owner, owner))
			continue;
		at = member_offset(kernel_types(env), map_fields[i].owner, map_fields[i].member);
		if (at >= 0 && off >= at && off + size <= at + map_fields[i].size)
			how = probe_map_field(map_fields[i].field, off - (u32)at);
	}
	if (how == probe_map_field(MAP_SHOWN_NOTHING, 0)) {
		if (!env->sys->verdict)
			return refuse(env, DIAG_HELPER_UNSUPPORTED, "such fields of maps");
		prog_lacks(env->prog_obj, "fields of struct", owner);
	}
	if (aux->ctx_field_size && aux->ctx_field_size != how) {
		if (!env->sys->verdict)
			return refuse(env, DIAG_MAP_PTR_ACCESS, map_type);
		prog_lacks(env->prog_obj, "one load of various fields of", "maps");
	}
	aux->ctx_field_size = how;
	return 0;
}

int check_ptr_to_map_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    enum bpf_access_type t, int value_regno)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct bpf_reg_state from = { .type = PTR_TO_BTF_ID };
	u32 type = reg->map->map->map_type;
	const char *name;
	s32 id;
	int err;

	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
		name = "bpf_array";
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		name = "bpf_htab";
		break;
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		name = "bpf_ringbuf_map";
		break;
	case BPF_MAP_TYPE_ARENA:
		name = "bpf_arena";
		break;
	case BPF_MAP_TYPE_BLOOM_FILTER:
		name = "bpf_bloom_filter";
		break;
	case BPF_MAP_TYPE_STRUCT_OPS:
		name = "bpf_struct_ops_map";
		break;
	case BPF_MAP_TYPE_CPUMAP:
		name = "bpf_cpu_map";
		break;
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
		name = "bpf_dtab";
		break;
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		name = "bpf_cgroup_storage_map";
		break;
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
		name = "bpf_local_storage_map";
		break;
	case BPF_MAP_TYPE_LPM_TRIE:
		name = "lpm_trie";
		break;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		name = "bpf_queue_stack";
		break;
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		name = "reuseport_array";
		break;
	case BPF_MAP_TYPE_STACK_TRACE:
		name = "bpf_stack_map";
		break;
	case BPF_MAP_TYPE_SOCKMAP:
		name = "bpf_stab";
		break;
	case BPF_MAP_TYPE_SOCKHASH:
		name = "bpf_shtab";
		break;
	case BPF_MAP_TYPE_XSKMAP:
		name = "xsk_map";
		break;
	default:
		return refuse(env, DIAG_MAP_PTR_ACCESS, type);
	}
	if (!env->allow_ptr_leaks)
		return refuse(env,
			      visible(env->profile, KVER(6, 3)) ? DIAG_BTF_UNPRIV :
								  DIAG_BTF_UNPRIV_6_2,
			      name);
	if (off < 0)
		return refuse(env, DIAG_MAP_PTR_NEGATIVE, regno, name, off);
	if (t == BPF_WRITE)
		return refuse(env, DIAG_MAP_PTR_WRITE, name);
	id = kernel_types(env) ? btf_find_by_name_kind(kernel_types(env), name, BTF_KIND_STRUCT) :
				 -ENOENT;
	if (id < 0)
		return refuse(env, DIAG_MAP_PTR_ACCESS, type);
	from.btf = kernel_types(env);
	from.btf_id = (u32)id;
	err = load_field(env, &from, off, size, value_regno);
	return err ?: show_map_field(env, name, (u32)off, (u32)size, type);
}
