/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Jumps through instruction arrays (Linux: check_indirect_jump(), create_jt() and their neighbours in
 * kernel/bpf/verifier.c, since 6.19). Such an array is frozen before the load, so where a jump can go
 * is known before any path is followed: the elements of all arrays that begin in its function.
 */
#include <stdlib.h>

#include "base/vec.h"
#include "isa/insn.h"
#include "object/map_insn_array.h"
#include "verifier/check.h"

static int by_number(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* Sorts them, each once; returns how many. */
static u32 sort_unique(u32 *v, u32 n)
{
	u32 unique = n ? 1 : 0;

	qsort(v, n, sizeof(*v), by_number);
	for (u32 i = 1; i < n; i++)
		if (v[i] != v[unique - 1])
			v[unique++] = v[i];
	return unique;
}

static u32 lowest(const struct bpf_insn_array *a)
{
	u32 low = a->values[0].orig_off;

	for (u32 i = 1; i < a->map.max_entries; i++)
		low = min(low, a->values[i].orig_off);
	return low;
}

int find_targets(struct bpf_verifier_env *env, u32 subprog, u32 idx)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	u32 start = sub->start, end = sub[1].start;
	VEC(u32) all = { 0 };

	if (sub->targets)
		return 0;
	for (u32 m = 0; m < env->used_map_cnt; m++) {
		const struct bpf_insn_array *a = insn_array(env->used_maps[m]->map);

		if (!a || lowest(a) < start || lowest(a) >= end)
			continue;
		for (u32 i = 0; i < a->map.max_entries; i++)
			if (vec_push(&all, a->values[i].orig_off)) {
				vec_free(&all);
				return out_of_memory(env);
			}
	}
	if (!all.n)
		return refuse(env, DIAG_JUMP_TABLE_NONE, start);
	all.n = sort_unique(all.v, (u32)all.n);
	if (all.v[all.n - 1] >= end) {
		vec_free(&all);
		return refuse(env, DIAG_JUMP_TABLE_OUTSIDE, (int)idx, start, end);
	}
	sub->targets = all.v;
	sub->nr_targets = (u32)all.n;
	return 0;
}

void free_targets(struct bpf_verifier_env *env)
{
	for (u32 s = 0; s < env->subprog_cnt; s++) {
		mem_free(env->subprog_info[s].targets);
		env->subprog_info[s].targets = NULL;
	}
}

/* Whether the graph has an edge to @to for indirect jumps of @sub. */
static bool is_target(const struct bpf_subprog_info *sub, u32 to)
{
	return bsearch(&to, sub->targets, sub->nr_targets, sizeof(to), by_number);
}

int check_indirect_jump(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	const struct bpf_subprog_info *sub = &env->subprog_info[subprog_around(env, env->insn_idx)];
	const struct bpf_reg_state *reg = &cur_regs(env)[insn->dst_reg];
	const struct bpf_insn_array *a;
	u32 n = 0, idx = env->insn_idx, *to;
	u64 min_off, max_off;
	int err;

	err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	if (reg->type != PTR_TO_INSN)
		return refuse(env, DIAG_GOTOX_TYPE, insn->dst_reg, reg_type_str(env, reg->type));
	a = insn_array(reg->map->map);
	/* The load was inside of the array, so these are not below 0. */
	min_off = reg->umin_value + (u64)(s64)reg->off;
	max_off = reg->umax_value + (u64)(s64)reg->off;
	if (min_off > max_off || max_off / sizeof(u64) >= a->map.max_entries)
		return refuse(env, DIAG_GOTOX_RANGE, insn->dst_reg,
			      (unsigned long long)min_off / sizeof(u64),
			      (unsigned long long)max_off / sizeof(u64), a->map.max_entries);
	to = mem_calloc((max_off - min_off) / sizeof(u64) + 1, sizeof(*to));
	if (!to)
		return out_of_memory(env);
	for (u64 i = min_off / sizeof(u64); i <= max_off / sizeof(u64); i++)
		to[n++] = a->values[i].orig_off;
	n = sort_unique(to, n);
	for (u32 i = 0; i < n && !err; i++) {
		/* An array of another function's places. */
		if (!is_target(sub, to[i]))
			err = refuse(env, DIAG_JUMP_TABLE_OUTSIDE, (int)idx, sub->start,
				     sub[1].start);
		else if (i + 1 < n && !push_stack(env, to[i], idx, env->cur_state->speculative))
			err = push_failed(env, -ENOMEM);
	}
	env->insn_idx = to[n - 1];
	mem_free(to);
	return err;
}
