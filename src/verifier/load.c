/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a program refers to: maps and other sources of ld_imm64, its BTF with function and line
 * records (Linux: resolve_pseudo_ldimm64(), check_btf_info() of kernel/bpf/verifier.c).
 *
 * Knowing difference: DIFF(ksym-var) kernel variables have no address here.
 */
#include "btf/core_relo.h"
#include "isa/insn.h"
#include "isa/tag.h"
#include "object/map_insn_array.h"
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
