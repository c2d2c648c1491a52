/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a program refers to: maps and other sources of ld_imm64, its BTF with
 * function and line records, the kernel type it attaches to (Linux:
 * resolve_pseudo_ldimm64(), check_btf_info(), bpf_check_attach_target() of
 * kernel/bpf/verifier.c).
 *
 * Knowing difference: DIFF(ksym-var) kernel variables have no address here.
 */
#include "btf/core_relo.h"
#include "isa/insn.h"
#include "isa/tag.h"
#include "object/map_insn_array.h"
#include "object/struct_ops.h"
#include "object/vocabulary.h"
#include "verifier/check.h"

#define MIN_FUNC_INFO 8U
#define MIN_LINE_INFO 16U
#define MAX_INFO_REC  252U

/* ---- maps ---- */

static bool type_is_tracing(u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
		return true;
	default:
		return false;
	}
}

static int check_map_prog(struct bpf_verifier_env *env, const struct bpf_map *map)
{
	u32 type = env->prog->type;

	for (u32 i = 0; i < map->nr_fields; i++) {
		switch (map->fields[i].kind) {
		case BPF_FIELD_LIST_HEAD:
		case BPF_FIELD_RB_ROOT:
			if (type_is_tracing(type))
				return refuse(env, DIAG_MAP_TRACING, "bpf_{list_head,rb_root}");
			break;
		case BPF_FIELD_SPIN_LOCK:
		case BPF_FIELD_RES_SPIN_LOCK:
			if (type == BPF_PROG_TYPE_SOCKET_FILTER)
				return refuse(env, DIAG_MAP_SOCKET_FILTER_LOCK);
			if (type_is_tracing(type))
				return refuse(env, DIAG_MAP_TRACING, "bpf_spin_lock");
			break;
		case BPF_FIELD_TIMER:
			if (type_is_tracing(type))
				return refuse(env, DIAG_MAP_TRACING, "bpf_timer");
			break;
		case BPF_FIELD_WORKQUEUE:
			if (type_is_tracing(type))
				return refuse(env, DIAG_MAP_TRACING, "bpf_wq");
			break;
		default:
			break;
		}
	}
	if (map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		return refuse(env, DIAG_MAP_STRUCT_OPS);
	if (map->map_type == BPF_MAP_TYPE_RHASH && type_is_tracing(type))
		return refuse(env, DIAG_MAP_TRACING, "resizable hash maps");
	if (!env->prog->sleepable)
		return 0;
	switch (map->map_type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
	case BPF_MAP_TYPE_ARENA:
	case BPF_MAP_TYPE_INSN_ARRAY:
		return 0;
	default:
		return refuse(env, visible(env->profile, KVER(6, 2)) ? DIAG_MAP_SLEEPABLE :
								       DIAG_MAP_SLEEPABLE_6_1);
	}
}

/* Maps that were made for one program alone (Linux: excl_prog_hash). */
static int check_exclusive(struct bpf_verifier_env *env, const struct map_object *m)
{
	u8 digest[SHA256_SIZE];

	if (likely(!m->exclusive))
		return 0;
	prog_digest(digest, env->prog_obj->orig_insns, env->prog_obj->orig_len);
	return memcmp(digest, m->exclusive_to, sizeof(digest)) ? refuse(env, DIAG_MAP_EXCLUSIVE) :
								 0;
}

static int use_arena(struct bpf_verifier_env *env, struct map_object *m)
{
	if (env->arena)
		return refuse(env, DIAG_ARENA_ONE);
	if (!env->allow_ptr_leaks || !env->bpf_capable)
		return refuse(env, DIAG_ARENA_CAPABILITY);
	env->arena = (struct bpf_arena_map *)m->map;
	return env->arena->user_start ? 0 : refuse(env, DIAG_ARENA_ADDRESS);
}

/* Its elements are instructions of this program, and of no other (Linux: bpf_insn_array_init()). */
static int use_insn_array(struct bpf_verifier_env *env, const struct bpf_map *map)
{
	struct bpf_insn_array *a = insn_array(map);
	const struct bpf_insn *insns = env->prog_obj->orig_insns;

	if (!a)
		return 0;
	if (!READ_ONCE(map->frozen))
		return refuse(env, DIAG_INSN_ARRAY);
	for (u32 i = 0; i < map->max_entries; i++) {
		u32 at = a->values[i].orig_off;

		if (at >= env->prog_obj->orig_len || (at && insn_is_ldimm64(&insns[at - 1])))
			return refuse(env, DIAG_INSN_ARRAY);
	}
	if (__atomic_exchange_n(&a->used, 1, __ATOMIC_SEQ_CST))
		return refuse_err(env, -EBUSY, DIAG_INSN_ARRAY);
	/* Runs of the program before may still jump through it. */
	if (a->idle_since && !arena_quiescent(env->sys->arena, a->idle_since)) {
		__atomic_store_n(&a->used, 0, __ATOMIC_SEQ_CST);
		return refuse_err(env, -EBUSY, DIAG_INSN_ARRAY);
	}
	for (u32 i = 0; i < map->max_entries; i++)
		a->values[i].xlated_off = a->values[i].orig_off;
	return 0;
}

/* Takes the reference over; *@out is the map as the program holds it. */
static int add_map(struct bpf_verifier_env *env, struct map_object *m, struct map_object **out)
{
	int err;

	for (u32 i = 0; i < env->used_map_cnt; i++) {
		if (env->used_maps[i] == m) {
			object_put(&m->obj);
			*out = m;
			return 0;
		}
	}
	if (env->used_map_cnt == MAX_USED_MAPS) {
		object_put(&m->obj);
		return refuse(env, DIAG_MAPS_TOO_MANY, MAX_USED_MAPS);
	}
	err = check_exclusive(env, m);
	if (!err)
		err = check_map_prog(env, m->map);
	if (err) {
		object_put(&m->obj);
		return err;
	}
	err = use_insn_array(env, m->map);
	if (err) {
		object_put(&m->obj);
		return err;
	}
	env->used_maps[env->used_map_cnt++] = m;
	*out = m;
	if (m->map->map_type == BPF_MAP_TYPE_CGROUP_STORAGE ||
	    m->map->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE)
		for (u32 i = 0; i + 1 < env->used_map_cnt; i++)
			if (env->used_maps[i]->map->map_type == m->map->map_type)
				return refuse(env, DIAG_STORAGE_ONE);
	return m->map->map_type == BPF_MAP_TYPE_ARENA ? use_arena(env, m) : 0;
}

static int use_map(struct bpf_verifier_env *env, int fd, struct map_object **out)
{
	struct map_object *m;
	int err;

	m = map_get_fd(env->sys, fd, &err);
	return m ? add_map(env, m, out) : refuse_err(env, err, DIAG_MAP_FD, fd);
}

/* With a count, attr.fd_array is complete: all its maps are the program's, used or not. */
static int use_fd_array(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	struct object *o;
	int fd, err = 0;

	env->fd_array = attr->fd_array;
	if (attr->fd_array_cnt >= UINT32_MAX / sizeof(fd))
		return refuse(env, DIAG_FD_ARRAY_COUNT, attr->fd_array_cnt);
	for (u32 i = 0; i < attr->fd_array_cnt && !err; i++) {
		struct map_object *m;

		if (user_read(env->sys, &fd, env->fd_array + (u64)i * sizeof(fd), sizeof(fd)))
			return -EFAULT;
		o = object_get_any(env->sys, fd, &err);
		if (o && o->kind == OBJECT_MAP) {
			err = add_map(env, (struct map_object *)o, &m);
			continue;
		}
		if (!o || o->kind != OBJECT_BTF)
			err = refuse_err(env, o ? -EINVAL : err, DIAG_FD_ARRAY_FD, fd);
		object_put(o);
	}
	return err;
}

/* The descriptor that @insn names, itself or as an index into attr.fd_array. */
static int map_fd_of(struct bpf_verifier_env *env, const struct bpf_insn *insn, int *fd)
{
	if (insn->src_reg != BPF_PSEUDO_MAP_IDX && insn->src_reg != BPF_PSEUDO_MAP_IDX_VALUE) {
		*fd = insn->imm;
		return 0;
	}
	if (!env->fd_array)
		return refuse(env, DIAG_FD_ARRAY_NONE);
	if (user_read(env->sys, fd, env->fd_array + (u64)(u32)insn->imm * sizeof(*fd), sizeof(*fd)))
		return refuse(env, DIAG_FD_ARRAY_FAULT);
	return 0;
}

static int load_map(struct bpf_verifier_env *env, u32 i)
{
	struct bpf_insn *insn = &env->insns[i];
	struct bpf_insn_aux_data *aux = &env->aux[i];
	bool value =
		insn->src_reg == BPF_PSEUDO_MAP_VALUE || insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	struct map_object *m = NULL;
	u64 addr;
	int fd, err;

	if (!value && insn[1].imm)
		return refuse(env, DIAG_LD_IMM64_UNKNOWN);
	err = map_fd_of(env, insn, &fd);
	if (!err)
		err = use_map(env, fd, &m);
	if (err)
		return err;
	aux->map = m;
	if (value) {
		u32 off = insn[1].imm;

		if (!m->ops->direct_value_addr)
			return refuse(env, DIAG_NO_DIRECT_VALUE);
		if (off >= BPF_MAX_VAR_OFF)
			return refuse(env, DIAG_MAP_VALUE_OFFSET, off);
		err = m->ops->direct_value_addr(m->map, &addr, off);
		if (err)
			return refuse_err(env, err, DIAG_MAP_VALUE_POINTER, m->map->value_size,
					  off);
		aux->map_off = off;
	} else {
		addr = (u64)(uintptr_t)m->map;
	}
	insn[0].imm = (s32)addr;
	insn[1].imm = (s32)(addr >> 32);
	return 0;
}

/* A function's address, which can be compared, and nothing can be read there. */
static int load_symbol(struct bpf_verifier_env *env, struct bpf_insn *insn, const struct btf *btf)
{
	u32 id = insn->imm, kind = kind_of(btf, id);
	u64 addr = 0;

	if (!kind)
		return refuse(env, DIAG_KSYM_ID, id);
	if (kind != BTF_KIND_VAR && kind != BTF_KIND_FUNC)
		return refuse(env, DIAG_KSYM_KIND, id);
	if (kind == BTF_KIND_FUNC && env->sys->function_address)
		addr = env->sys->function_address(env->sys, btf_type_name(btf, id), id);
	if (!addr)
		return refuse(env, DIAG_KSYM_ADDRESS, btf_type_name(btf, id));
	insn[0].imm = (s32)addr;
	insn[1].imm = (s32)(addr >> 32);
	return 0;
}

static int load_btf_id(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	struct object_btf *module;
	int err;

	if (!insn[1].imm)
		return load_symbol(env, insn, kernel_types(env));
	module = (struct object_btf *)object_get_fd(env->sys, insn[1].imm, OBJECT_BTF, &err);
	if (!module)
		return refuse(env, DIAG_KSYM_MODULE);
	err = load_symbol(env, insn, module->btf);
	object_put(&module->obj);
	return err;
}

int resolve_pseudo_ldimm64(struct bpf_verifier_env *env)
{
	int err;

	for (u32 i = 0; i < env->len; i++) {
		struct bpf_insn *insn = &env->insns[i];
		struct insn_problem bad;

		env->insn_idx = i;
		if (!insn_check_form(env->insns, env->len, i, env->isa, &bad))
			return refuse(env, bad.id, bad.arg[0], bad.arg[1]);
		if (!insn_is_ldimm64(insn))
			continue;
		switch (insn->src_reg) {
		case 0:
			break;
		case BPF_PSEUDO_BTF_ID:
			err = load_btf_id(env, insn);
			if (err)
				return err;
			break;
		case BPF_PSEUDO_FUNC:
			env->aux[i].ptr_type = PTR_TO_FUNC;
			break;
		case BPF_PSEUDO_MAP_FD:
		case BPF_PSEUDO_MAP_VALUE:
		case BPF_PSEUDO_MAP_IDX:
		case BPF_PSEUDO_MAP_IDX_VALUE:
			err = load_map(env, i);
			if (err)
				return err;
			break;
		default:
			return refuse(env, DIAG_LD_IMM64_UNKNOWN);
		}
		i++;
	}
	return 0;
}

/* Linkage of the function that subprogram @subprog is, by its func_info. */
static bool subprog_is_static(struct bpf_verifier_env *env, u32 subprog)
{
	const struct btf_type *t = btf_type_get(env->btf->btf, env->func_info[subprog].type_id);

	return t && btf_vlen(t) == BTF_FUNC_STATIC;
}

int check_ld_imm64(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	struct bpf_reg_state *regs = cur_regs(env), *dst = &regs[insn->dst_reg];
	int err, subprog;

	if (BPF_SIZE(insn->code) != BPF_DW)
		return refuse(env, DIAG_LD_IMM_SIZE);
	if (insn->off)
		return refuse(env, DIAG_ISA_LD_IMM64_RESERVED);
	err = check_reg_arg(env, insn->dst_reg, DST_OP);
	if (err)
		return err;
	if (!insn->src_reg) {
		mark_reg_unknown(env, regs, insn->dst_reg);
		__mark_reg_known(dst, insn_imm64(insn));
		return 0;
	}
	mark_reg_known_zero(env, regs, insn->dst_reg);
	if (insn->src_reg == BPF_PSEUDO_FUNC) {
		subprog = find_subprog(env, env->insn_idx + insn->imm + 1);
		if (!env->func_info || subprog < 0)
			return refuse(env, DIAG_FUNC_NO_INFO);
		if (!subprog_is_static(env, subprog))
			return refuse(env, DIAG_CALLBACK_NOT_STATIC);
		dst->type = PTR_TO_FUNC;
		dst->subprogno = subprog;
		aux->func_id_subprog = subprog;
		return 0;
	}
	if (insn->src_reg == BPF_PSEUDO_BTF_ID) {
		dst->type = PTR_TO_MEM | MEM_RDONLY;
		dst->mem_size = 0;
		return 0;
	}
	dst->map = aux->map;
	dst->map_uid = 0;
	if (insn->src_reg == BPF_PSEUDO_MAP_VALUE || insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE) {
		if (aux->map->map->map_type == BPF_MAP_TYPE_ARENA) { /* a number until it is cast */
			mark_reg_unknown(env, regs, insn->dst_reg);
			return 0;
		}
		dst->type = PTR_TO_MAP_VALUE;
		dst->off = aux->map_off;
	} else {
		dst->type = CONST_PTR_TO_MAP;
	}
	return 0;
}

void release_loaded(struct bpf_verifier_env *env)
{
	for (u32 i = 0; i < env->used_map_cnt; i++)
		map_object_unuse(env->used_maps[i]);
	env->used_map_cnt = 0;
	object_put((struct object *)env->btf);
	env->btf = NULL;
	mem_free(env->func_info);
	mem_free(env->line_info);
	env->func_info = NULL;
	env->line_info = NULL;
}

/* ---- function and line records ---- */

/* Functions without BTF may return anything, which these two need to know. */
static int check_abnormal_return(struct bpf_verifier_env *env)
{
	for (u32 i = 1; i < env->subprog_cnt; i++) {
		if (env->subprog_info[i].has_ld_abs)
			return refuse(env, DIAG_LD_ABS_NO_BTF);
		if (env->subprog_info[i].has_tail_call)
			return refuse(env, DIAG_TAIL_CALL_NO_BTF);
	}
	return 0;
}

/* Records in the caller's memory, which are fetched many at a time: each look there may be a call. */
struct records {
	u64 base;
	u32 rec, n;	 /* bytes of one; how many */
	u32 first, have; /* those in .buf */
	const char *what;
	u8 buf[8192];
};

static const u8 *fetch_record(struct bpf_verifier_env *env, struct records *r, u32 i)
{
	if (i - r->first >= r->have) {
		u64 from = r->base + (u64)i * r->rec;

		r->first = i;
		r->have = min(r->n - i, (u32)sizeof(r->buf) / r->rec);
		/* Not all of it readable: the first ones decide before that is known. */
		if (user_read(env->sys, r->buf, from, (u64)r->have * r->rec)) {
			r->have = 1;
			if (user_read(env->sys, r->buf, from, r->rec)) {
				r->have = 0;
				return NULL;
			}
		}
	}
	return r->buf + (i - r->first) * r->rec;
}

/* Copies the @i-th record, of which we know @known bytes; what we do not know must be 0. */
static int read_record(struct bpf_verifier_env *env, struct records *r, u32 i, u32 known, void *dst)
{
	const u8 *buf = fetch_record(env, r, i);

	if (!buf)
		return -EFAULT;
	for (u32 b = known; b < r->rec; b++)
		if (buf[b])
			return refuse_err(env, -E2BIG, DIAG_RECORD_TAIL, r->what);
	memset(dst, 0, known);
	memcpy(dst, buf, min(known, r->rec));
	return 0;
}

static int check_func_info_early(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	u32 n = attr->func_info_cnt, rec = attr->func_info_rec_size, prev = 0;
	struct records r = { .base = attr->func_info, .rec = rec, .n = n, .what = "func info" };
	const struct btf *btf = env->btf->btf;
	int err;

	if (!n)
		return 0;
	if (rec < MIN_FUNC_INFO || rec > MAX_INFO_REC || rec % sizeof(u32))
		return refuse(env, DIAG_FUNC_INFO_SIZE, rec);
	if (n > env->len)
		return refuse(env, DIAG_FUNC_INFO_COUNT);
	env->func_info = mem_calloc(n, sizeof(*env->func_info));
	if (!env->func_info)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		struct bpf_func_info *fi = &env->func_info[i];
		const struct btf_type *t;

		err = read_record(env, &r, i, sizeof(*fi), fi);
		if (err)
			return err;
		if (!i && fi->insn_off)
			return refuse(env, DIAG_FUNC_INFO_FIRST, fi->insn_off);
		if (i && fi->insn_off <= prev)
			return refuse(env, DIAG_FUNC_INFO_ORDER, fi->insn_off, prev);
		t = btf_type_get(btf, fi->type_id);
		if (!t || btf_kind(t) != BTF_KIND_FUNC)
			return refuse(env, DIAG_FUNC_INFO_TYPE, fi->type_id);
		if (kind_of(btf, t->type) != BTF_KIND_FUNC_PROTO)
			return -EINVAL;
		prev = fi->insn_off;
	}
	env->nr_func_info = n;
	return 0;
}

int check_btf_info_early(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	int err;

	err = use_fd_array(env, attr);
	if (err)
		return err;
	if (!attr->func_info_cnt && !attr->line_info_cnt)
		return 0;
	env->btf = btf_get_fd(env->sys, (int)attr->prog_btf_fd, &err);
	if (!env->btf)
		return err;
	if (env->btf->kernel)
		return -EACCES;
	return check_func_info_early(env, attr);
}

static int check_func_info(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	const struct btf *btf = env->btf->btf;

	if (!attr->func_info_cnt)
		return check_abnormal_return(env);
	if (env->nr_func_info != env->subprog_cnt)
		return refuse(env, DIAG_FUNC_INFO_COUNT);
	for (u32 i = 0; i < env->subprog_cnt; i++) {
		struct bpf_subprog_info *sub = &env->subprog_info[i];
		const struct btf_type *t, *ret;
		bool scalar;

		if (sub->start != env->func_info[i].insn_off)
			return refuse(env, DIAG_FUNC_INFO_LAYOUT);
		t = btf_type_get(btf, env->func_info[i].type_id);
		sub->name = btf_str(btf, t->name_off);
		sub->is_global = i && btf_vlen(t) == BTF_FUNC_GLOBAL;
		ret = btf_type_skip_modifiers(btf, btf_type_get(btf, t->type)->type, NULL);
		scalar = ret && (btf_is_small_int(ret) || btf_is_enum(ret));
		if (i && !scalar && sub->has_ld_abs)
			return refuse(env, DIAG_LD_ABS_RETURN);
		if (i && !scalar && sub->has_tail_call)
			return refuse(env, DIAG_TAIL_CALL_RETURN);
	}
	return 0;
}

static int check_line_info(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	u32 n = attr->line_info_cnt, rec = attr->line_info_rec_size, prev = 0, s = 0;
	struct records r = { .base = attr->line_info, .rec = rec, .n = n, .what = "line_info" };
	const struct btf *btf = env->btf->btf;
	int err;

	if (!n)
		return 0;
	if (n > INT_MAX / sizeof(struct bpf_line_info) || rec < MIN_LINE_INFO ||
	    rec > MAX_INFO_REC || rec % sizeof(u32))
		return -EINVAL;
	/* Offsets increase strictly: a record too many is found to be one, before there is no room. */
	env->line_info = mem_calloc(min(n, env->len + 1), sizeof(*env->line_info));
	if (!env->line_info)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		struct bpf_line_info *li = &env->line_info[i];

		err = read_record(env, &r, i, sizeof(*li), li);
		if (err)
			return err;
		if ((i && li->insn_off <= prev) || li->insn_off >= env->len)
			return refuse(env, DIAG_LINE_INFO_OFF, i, li->insn_off, prev, env->len);
		if (!env->insns[li->insn_off].code)
			return refuse(env, DIAG_LINE_INFO_INSN, i);
		if (!btf_str(btf, li->line_off) || !btf_str(btf, li->file_name_off))
			return refuse(env, DIAG_LINE_INFO_STR, i);
		if (s != env->subprog_cnt) {
			if (li->insn_off == env->subprog_info[s].start)
				env->subprog_info[s++].linfo_idx = i;
			else if (env->subprog_info[s].start < li->insn_off)
				return refuse(env, DIAG_LINE_INFO_MISSING, s);
		}
		prev = li->insn_off;
	}
	if (s != env->subprog_cnt)
		return refuse(env, DIAG_LINE_INFO_MISSING_N, env->subprog_cnt - s, s);
	env->nr_linfo = n;
	return 0;
}

static void core_line(void *env, const char *text)
{
	verbose(env, "%s", text);
}

/* Each record is applied before the next one is read, as in Linux: the first wrong one decides. */
static int apply_core_relos(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	u32 n = attr->core_relo_cnt, rec = attr->core_relo_rec_size, nr_kernel = 0;
	struct records r = { .base = attr->core_relos, .rec = rec, .n = n, .what = "core_relo" };
	struct btf_core core = { .line = env->log.level ? core_line : NULL, .arg = env };
	const struct btf **kernel = NULL;
	struct btf_refusal why = { 0 };
	struct bpf_core_relo relo;
	int err = 0;

	if (!n)
		return 0;
	if (n > INT_MAX / sizeof(relo) || rec < sizeof(relo) || rec > MAX_INFO_REC ||
	    rec % sizeof(u32) || !kernel_types(env))
		return -EINVAL;
	for (const struct object_btf *m = env->sys->modules; m; m = m->next)
		nr_kernel++;
	kernel = mem_calloc(nr_kernel + 1, sizeof(*kernel));
	if (!kernel)
		return -ENOMEM;
	core.kernel = kernel;
	kernel[core.nr_kernel++] = kernel_types(env);
	for (const struct object_btf *m = env->sys->modules; m; m = m->next)
		kernel[core.nr_kernel++] = m->btf;
	for (u32 i = 0; i < n && !err; i++) {
		u32 at;

		err = read_record(env, &r, i, sizeof(relo), &relo);
		if (err)
			break;
		at = relo.insn_off / sizeof(struct bpf_insn);
		if (relo.insn_off % sizeof(struct bpf_insn) || at >= env->len) {
			err = refuse(env, DIAG_CORE_RELO_OFF, i, relo.insn_off, env->len);
			break;
		}
		err = btf_core_relocate(&core, env->btf->btf, &relo, i, &env->insns[at],
					env->len - at, &why);
		if (err && why.id)
			refuse_btf(env, &why);
	}
	btf_core_free(&core);
	mem_free(kernel);
	/* The tag is of what the program has become. */
	prog_tag(env->prog->tag, env->insns, env->len, env->profile);
	return err;
}

int check_btf_info(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	int err;

	if (!attr->func_info_cnt && !attr->line_info_cnt)
		return check_abnormal_return(env);
	err = check_func_info(env, attr);
	if (!err)
		err = check_line_info(env, attr);
	return err ?: apply_core_relos(env, attr);
}

/* ---- contracts of global functions ---- */

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

/* ---- what the program attaches to ---- */

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
