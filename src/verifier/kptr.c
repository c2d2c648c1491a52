/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Pointers to objects: which may be trusted, what a walk through one yields, objects
 * that programs allocate, and pointers to objects in map values (Linux:
 * check_ptr_to_btf_access(), check_map_kptr_access(), process_kptr_func() and the
 * btf_record functions of kernel/bpf/verifier.c).
 */
#include "object/fixup.h"
#include "isa/insn.h"
#include "verifier/kfunc.h"

/* ---- special fields ---- */

static const u32 graph_mask = BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK) |
			      BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_LIST_NODE) |
			      BIT(BTF_FIELD_RB_ROOT) | BIT(BTF_FIELD_RB_NODE) |
			      BIT(BTF_FIELD_REFCOUNT);

/* Fields that Linux looks for in structs of programs. */
static u32 struct_mask(kver profile)
{
	return visible(profile, KVER(6, 11)) ?
		       graph_mask | (BTF_FIELDS_KPTR & ~BIT(BTF_FIELD_UPTR)) :
		       graph_mask;
}

static int map_fields(const struct map_object *m, struct btf_field out[BTF_FIELDS_MAX])
{
	const struct bpf_map *map = m->map;
	u32 mask = 0, id = 0;
	int n;

	for (u32 i = 0; i < map->nr_fields; i++) {
		const struct bpf_map_field *f = &map->fields[i];

		mask |= BIT(f->kind);
		out[i] = (struct btf_field){ f->kind, f->offset, f->size, f->btf_id, 0 };
	}
	if (!(mask & (BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_RB_ROOT))) || !m->btf)
		return (int)map->nr_fields;
	/* Roots: where the node is in what they own. */
	btf_type_skip_modifiers(m->btf->btf, m->btf_value_type_id, &id);
	n = btf_find_fields(m->btf->btf, id, mask, map->value_size, out);
	return n > 0 ? n : 0;
}

int reg_fields(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
	       struct btf_field out[BTF_FIELDS_MAX])
{
	u32 size;
	int n;

	if (base_type(reg->type) == PTR_TO_MAP_VALUE)
		return map_fields(reg->map, out);
	if (!type_is_alloc(reg->type) || btf_type_size(reg->btf, reg->btf_id, &size))
		return 0;
	n = btf_find_fields(reg->btf, reg->btf_id, struct_mask(env->profile), size, out);
	return n > 0 ? n : 0;
}

struct btf *reg_fields_btf(const struct bpf_reg_state *reg)
{
	if (base_type(reg->type) == PTR_TO_MAP_VALUE)
		return reg->map->btf ? reg->map->btf->btf : NULL;
	return reg->btf;
}

bool reg_field_at(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 off, u32 mask,
		  struct btf_field *out)
{
	struct btf_field all[BTF_FIELDS_MAX];
	int n = reg_fields(env, reg, all);

	for (int i = 0; i < n; i++) {
		if (all[i].offset == off && (BIT(all[i].kind) & mask)) {
			*out = all[i];
			return true;
		}
	}
	return false;
}

bool reg_has_field(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 mask)
{
	struct btf_field all[BTF_FIELDS_MAX];
	int n = reg_fields(env, reg, all);

	for (int i = 0; i < n; i++)
		if (BIT(all[i].kind) & mask)
			return true;
	return false;
}

/* ---- trust ---- */

bool btf_is_kernels(struct bpf_verifier_env *env, const struct btf *btf)
{
	(void)env;
	return btf && btf_is_trusted(btf);
}

bool in_rcu_section(const struct bpf_verifier_env *env)
{
	const struct bpf_verifier_state *st = env->cur_state;

	return st->active_rcu_lock || st->active_locks || !st->in_sleepable ||
	       (visible(env->profile, KVER(7, 0)) &&
		(st->active_preempt_locks || st->active_irq_id));
}

bool reg_is_trusted(const struct bpf_reg_state *reg)
{
	if (reg->ref_obj_id)
		return true;
	if (reg_kernel_struct(reg->type) && !type_has_unsafe_flags(reg->type))
		return true;
	return (type_flag(reg->type) & TRUSTED_FLAGS) && !type_has_unsafe_flags(reg->type);
}

/*
 * Pointers in kernel structs that are as good as the pointer they were reached by, as
 * Linux lists them: struct, field, type pointed to.
 */
enum safety { SAFE_RCU, SAFE_RCU_OR_NULL, SAFE_TRUSTED, SAFE_TRUSTED_OR_NULL };
static const struct {
	const char *type, *field, *to;
	enum safety safety;
	kver since, until; /* until 0: still so */
} safe_fields[] = {
	{ "task_struct", "cpus_ptr", "cpumask", SAFE_RCU, KVER(6, 3), 0 },
	{ "task_struct", "cgroups", "css_set", SAFE_RCU, KVER(6, 4), 0 },
	{ "task_struct", "real_parent", "task_struct", SAFE_RCU, KVER(6, 4), 0 },
	{ "task_struct", "group_leader", "task_struct", SAFE_RCU, KVER(6, 4), 0 },
	{ "cgroup", "kn", "kernfs_node", SAFE_RCU, KVER(6, 4), 0 },
	{ "cgroup_subsys_state", "cgroup", "cgroup", SAFE_RCU, KVER(6, 16), 0 },
	{ "css_set", "dfl_cgrp", "cgroup", SAFE_RCU, KVER(6, 4), 0 },
	{ "mm_struct", "exe_file", "file", SAFE_RCU_OR_NULL, KVER(6, 4), 0 },
	{ "mm_struct", "owner", "task_struct", SAFE_RCU_OR_NULL, KVER(6, 18), 0 },
	{ "sk_buff", "sk", "sock", SAFE_RCU_OR_NULL, KVER(6, 4), 0 },
	{ "request_sock", "sk", "sock", SAFE_RCU_OR_NULL, KVER(6, 4), 0 },
	{ "bpf_iter_meta", "seq", "seq_file", SAFE_TRUSTED, KVER(6, 4), 0 },
	{ "bpf_iter__task", "meta", "bpf_iter_meta", SAFE_TRUSTED, KVER(6, 4), 0 },
	{ "bpf_iter__task", "task", "task_struct", SAFE_TRUSTED, KVER(6, 4), 0 },
	{ "linux_binprm", "file", "file", SAFE_TRUSTED, KVER(6, 4), 0 },
	{ "file", "f_inode", "inode", SAFE_TRUSTED, KVER(6, 4), 0 },
	{ "dentry", "d_inode", "inode", SAFE_TRUSTED, KVER(6, 4), KVER(6, 14) },
	{ "dentry", "d_inode", "inode", SAFE_TRUSTED_OR_NULL, KVER(6, 14), 0 },
	{ "socket", "sk", "sock", SAFE_TRUSTED, KVER(6, 4), KVER(6, 9) },
	{ "socket", "sk", "sock", SAFE_TRUSTED_OR_NULL, KVER(6, 9), 0 },
	{ "vm_area_struct", "vm_mm", "mm_struct", SAFE_TRUSTED_OR_NULL, KVER(6, 17), 0 },
	{ "vm_area_struct", "vm_file", "file", SAFE_TRUSTED_OR_NULL, KVER(6, 17), 0 },
};

static bool is_safe(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
		    const struct btf_walk *w, enum safety safety)
{
	const char *type = btf_type_name(reg->btf, reg->btf_id);
	const char *to = btf_type_name(w->btf, w->btf_id);

	for (u32 i = 0; w->field && i < ARRAY_SIZE(safe_fields); i++)
		if (safe_fields[i].safety == safety &&
		    visible(env->profile, safe_fields[i].since) &&
		    (!safe_fields[i].until || env->profile < safe_fields[i].until) &&
		    !strcmp(safe_fields[i].type, type) && !strcmp(safe_fields[i].field, w->field) &&
		    !strcmp(safe_fields[i].to, to))
			return true;
	return false;
}

static u32 old_style_flags(const struct btf_walk *w)
{
	u32 flags = 0;

	if (w->flags & BTF_TAG_USER)
		flags |= MEM_USER;
	if (w->flags & BTF_TAG_PERCPU)
		flags |= MEM_PERCPU;
	return flags;
}

/* Flags of the pointer that a load through kernel pointer @reg yields. */
u32 btf_walk_flags(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
		   const struct btf_walk *w)
{
	u32 flags = old_style_flags(w);

	if (w->flags & BTF_WALK_UNTRUSTED)
		flags |= PTR_UNTRUSTED;
	if (reg->type & PTR_UNTRUSTED)
		return PTR_UNTRUSTED;
	/* The rules of trust came with 6.2. */
	if (!visible(env->profile, KVER(6, 2)))
		return flags;
	if (!reg_is_trusted(reg) && !(reg->type & MEM_RCU))
		return flags & ~(u32)(PTR_TRUSTED | MEM_RCU);
	if (is_safe(env, reg, w, SAFE_TRUSTED))
		return flags | PTR_TRUSTED;
	if (is_safe(env, reg, w, SAFE_TRUSTED_OR_NULL))
		return flags | PTR_TRUSTED | PTR_MAYBE_NULL;
	if (!in_rcu_section(env) || type_may_be_null(reg->type))
		return PTR_UNTRUSTED;
	if (is_safe(env, reg, w, SAFE_RCU))
		return flags | MEM_RCU;
	if (is_safe(env, reg, w, SAFE_RCU_OR_NULL))
		return (flags & ~PTR_UNTRUSTED) | MEM_RCU | PTR_MAYBE_NULL;
	if (w->flags & BTF_TAG_RCU)
		return flags | MEM_RCU | PTR_MAYBE_NULL;
	/* Anything else: an old-fashioned pointer without promises. */
	return flags;
}

/* ---- objects that programs allocated ---- */

/* A load or store of @size bytes at @off of the object behind R@regno. */
int access_alloc(struct bpf_verifier_env *env, u32 regno, int off, int size, enum bpf_access_type t,
		 int value_regno)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[regno];
	struct btf_walk walk = { 0 };
	bool writable = type_is_alloc(reg->type) && !(reg->type & (PTR_UNTRUSTED | MEM_PERCPU));
	int err;

	if (t != BPF_READ && !writable)
		return refuse(env, DIAG_BTF_READ_ONLY);
	if (!(reg->type & (NON_OWN_REF | MEM_RCU | PTR_UNTRUSTED)) && !reg->ref_obj_id)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL,
				  "ref_obj_id for allocated object must be non-zero");
	err = btf_struct_access(reg->btf, reg->btf_id, off, size, true, &walk);
	if (err < 0)
		return refuse_btf(env, &walk.why);
	if (t == BPF_READ && value_regno >= 0)
		mark_reg_unknown(env, regs, (u32)value_regno);
	return 0;
}

/* ---- pointers in map values ---- */

/* The type that a kptr field points to: the kernel's of that name, a module's, or the program's own. */
int kptr_target(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		struct btf **out, u32 *id)
{
	const char *name = btf_type_name(btf, field->btf_id);
	struct btf *kernel = kernel_types(env);
	s32 found = -ENOENT;

	if (field->kind != BTF_FIELD_KPTR_PERCPU && field->kind != BTF_FIELD_UPTR && kernel) {
		found = btf_find_by_name_kind(kernel, name, BTF_KIND_STRUCT);
		for (const struct object_btf *m = env->sys->modules; found < 0 && m; m = m->next) {
			kernel = m->btf;
			found = btf_find_by_name_kind(kernel, name, BTF_KIND_STRUCT);
		}
	}
	if (found > 0) {
		*out = kernel;
		*id = (u32)found;
	} else {
		*out = btf;
		*id = field->btf_id;
	}
	return 0;
}

int kptr_type_matches(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		      const struct bpf_reg_state *reg, u32 regno)
{
	bool unref = field->kind == BTF_FIELD_KPTR_UNREF;
	char have[160], want[160], alt[160] = "";
	u32 allowed = PTR_MAYBE_NULL | MEM_ALLOC, id;
	struct btf *target;

	kptr_target(env, btf, field, &target, &id);
	if (base_type(reg->type) == PTR_TO_BTF_ID && btf_is_kernels(env, reg->btf)) {
		allowed = PTR_MAYBE_NULL | PTR_TRUSTED | MEM_RCU;
		if (unref)
			allowed |= PTR_UNTRUSTED;
	} else if (field->kind == BTF_FIELD_KPTR_PERCPU) {
		allowed |= MEM_PERCPU;
	}
	if (base_type(reg->type) == PTR_TO_BTF_ID && !(type_flag(reg->type) & ~allowed)) {
		int err = check_ptr_off_reg_fixed_ok(env, reg, (int)regno);

		if (err)
			return -EACCES;
		if (btf_struct_ids_match(reg->btf, reg->btf_id, reg->off, target, id, !unref))
			return 0;
	}
	snprintf(have, sizeof(have), "%s%s", reg_type_str(env, reg->type),
		 base_type(reg->type) == PTR_TO_BTF_ID ? btf_type_name(reg->btf, reg->btf_id) : "");
	snprintf(want, sizeof(want), "%s%s", reg_type_str(env, PTR_TO_BTF_ID),
		 btf_type_name(target, id));
	if (unref)
		snprintf(alt, sizeof(alt), " or %s%s",
			 reg_type_str(env, PTR_TO_BTF_ID | PTR_UNTRUSTED),
			 btf_type_name(target, id));
	return refuse(env, DIAG_KPTR_TYPE, regno, have, want, alt);
}

/* Objects whose memory outlives the last reference by an RCU grace period. */
static bool type_is_rcu_protected(struct bpf_verifier_env *env, struct btf *btf, u32 id)
{
	static const char *const kernel[] = { "task_struct", "cgroup", "bpf_cpumask",
					      "prog_test_ref_kfunc", /* of Linux's tests */
					      "bpf_crypto_ctx" };
	const char *name = btf_type_name(btf, id);

	if (!btf_is_kernels(env, btf))
		return visible(env->profile, KVER(6, 7));
	for (u32 i = 0; i < ARRAY_SIZE(kernel); i++)
		if (!strcmp(kernel[i], name))
			return true;
	return false;
}

static int load_kptr(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		     u32 value_regno)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[value_regno];
	u32 flags = PTR_MAYBE_NULL, id;
	struct btf *target;

	kptr_target(env, btf, field, &target, &id);
	if (in_rcu_section(env) && visible(env->profile, KVER(6, 2)) &&
	    (field->kind == BTF_FIELD_KPTR_PERCPU ||
	     (field->kind == BTF_FIELD_KPTR_REF && type_is_rcu_protected(env, target, id)))) {
		flags |= MEM_RCU;
		if (field->kind == BTF_FIELD_KPTR_PERCPU) {
			flags |= MEM_PERCPU;
		} else if (!btf_is_kernels(env, target)) {
			struct bpf_reg_state obj = { .type = PTR_TO_BTF_ID | MEM_ALLOC };

			flags |= MEM_ALLOC;
			obj.btf = target;
			obj.btf_id = id;
			if (reg_has_field(env, &obj,
					  BIT(BTF_FIELD_LIST_NODE) | BIT(BTF_FIELD_RB_NODE)))
				flags |= NON_OWN_REF;
		}
	} else {
		flags |= PTR_UNTRUSTED;
	}
	mark_reg_known_zero(env, regs, value_regno);
	reg->type = PTR_TO_BTF_ID | flags;
	reg->btf = target;
	reg->btf_id = id;
	reg->id = ++env->id_gen;
	return 0;
}

/* Memory of the process, of the type's size, or NULL. */
static void load_uptr(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		      u32 value_regno)
{
	struct bpf_reg_state *regs = cur_regs(env), *reg = &regs[value_regno];

	mark_reg_known_zero(env, regs, value_regno);
	reg->type = PTR_TO_MEM | PTR_MAYBE_NULL;
	reg->mem_size = btf_type_get(btf, field->btf_id)->size;
	reg->id = ++env->id_gen;
}

/*
 * A load or store of a kptr in a map's value: 1 when it was one, 0 when nothing special
 * is touched, or -errno.
 */
int access_map_fields(struct bpf_verifier_env *env, u32 regno, int off, int size, bool direct,
		      enum bpf_access_type t, int value_regno, u32 insn_idx)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	const struct bpf_map *map = reg->map->map;
	const struct bpf_insn *insn = &env->insns[insn_idx];
	struct btf *btf = reg_fields_btf(reg);
	struct btf_field field;

	for (u32 i = 0; i < map->nr_fields; i++) {
		const struct bpf_map_field *f = &map->fields[i];
		const char *name = btf_field_kind_name(f->kind);

		if (reg->smin_value + off >= (s64)f->offset + f->size ||
		    (s64)f->offset >= (s64)reg->umax_value + off + size)
			continue;
		if (!(BIT(f->kind) & BTF_FIELDS_KPTR) || !btf)
			return refuse(env, DIAG_MAP_FIELD, name);
		if (!direct)
			return refuse(env, DIAG_KPTR_INDIRECT, name);
		if (!tnum_is_const(reg->var_off))
			return refuse(env, DIAG_KPTR_VARIABLE, name);
		if (f->offset != (u32)off + (u32)reg->var_off.value)
			return refuse(env, DIAG_KPTR_MISALIGNED, name, f->offset,
				      (u64)off + reg->var_off.value);
		if (size != 8)
			return refuse(env, DIAG_KPTR_SIZE, name);
		field = (struct btf_field){ f->kind, f->offset, f->size, f->btf_id, 0 };
		if (BPF_MODE(insn->code) != BPF_MEM)
			return refuse(env, DIAG_KPTR_MODE);
		if (t == BPF_WRITE && f->kind == BPF_FIELD_UPTR)
			return refuse(env, DIAG_UPTR_STORE);
		if (t == BPF_WRITE && f->kind != BPF_FIELD_KPTR_UNREF)
			return refuse(env, DIAG_KPTR_STORE_REF);
		if (BPF_CLASS(insn->code) == BPF_LDX && f->kind == BPF_FIELD_UPTR) {
			load_uptr(env, btf, &field, (u32)value_regno);
		} else if (BPF_CLASS(insn->code) == BPF_LDX) {
			load_kptr(env, btf, &field, (u32)value_regno);
		} else if (BPF_CLASS(insn->code) == BPF_STX) {
			const struct bpf_reg_state *val = &cur_regs(env)[value_regno];

			if (!register_is_null(val) &&
			    kptr_type_matches(env, btf, &field, val, (u32)value_regno))
				return -EACCES;
		} else if (BPF_CLASS(insn->code) != BPF_ST) {
			return refuse(env, DIAG_KPTR_CLASS);
		} else if (insn->imm) {
			return refuse(env, DIAG_KPTR_IMM, f->offset);
		}
		return 1;
	}
	return 0;
}

/* The first argument of bpf_kptr_xchg(). */
int process_kptr(struct bpf_verifier_env *env, u32 regno, struct bpf_call_arg_meta *meta)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct btf_field field;
	u32 off;

	if (!type_is_alloc(reg->type)) {
		if (!reg->map->btf)
			return refuse(env, DIAG_KPTR_NO_BTF, reg->map->map->name);
		meta->map = reg->map;
	}
	if (!tnum_is_const(reg->var_off))
		return refuse(env, DIAG_KPTR_NOT_CONST, regno);
	if (!reg_has_field(env, reg,
			   BIT(BTF_FIELD_KPTR_REF) | BIT(BTF_FIELD_KPTR_UNREF) |
				   BIT(BTF_FIELD_KPTR_PERCPU)))
		return refuse(env, DIAG_KPTR_NONE, regno);
	off = (u32)reg->off + (u32)reg->var_off.value;
	if (!reg_field_at(env, reg, off,
			  BIT(BTF_FIELD_KPTR_REF) | BIT(BTF_FIELD_KPTR_UNREF) |
				  BIT(BTF_FIELD_KPTR_PERCPU),
			  &field))
		return refuse(env, DIAG_KPTR_OFFSET, (int)off);
	if (field.kind == BTF_FIELD_KPTR_UNREF)
		return refuse(env, DIAG_KPTR_UNREF, (int)off);
	meta->kptr = field;
	meta->kptr_btf = reg_fields_btf(reg);
	return 0;
}
