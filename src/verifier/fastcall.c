/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that keep their argument registers (bpf_fastcall): clang allocates registers as if they
 * did, and for kernels that do not know of it puts spills before and fills behind the call,
 * to the lowest slots of the stack. They go when nothing else uses these slots and the call
 * is one that engines do not make. (Linux: mark_fastcall_pattern_for_call() and
 * remove_fastcall_spills_fills() of verifier.c.)
 *
 * Stricter than 6.12: a helper that reads or writes such a slot keeps the spills, too.
 */
#include "isa/insn.h"
#include "object/helper.h"
#include "object/vocabulary.h"
#include "verifier/kfunc.h"

#define CALLER_SAVED 0x3fU /* r0 to r5 */

bool inlines_cpu_number(const struct bpf_verifier_env *env)
{
	return visible(env->profile, KVER(6, 10)) && env->sys->jit_mode != JIT_OFF;
}

/* Registers that the call leaves as they were; *@goes: it is no call when it runs. */
static u32 kept_registers(struct bpf_verifier_env *env, const struct bpf_insn *call, bool *goes)
{
	const struct bpf_func_proto *fn;
	struct kfunc_meta meta;
	u32 used = 0;

	*goes = false;
	if (call->src_reg == BPF_PSEUDO_KFUNC_CALL) {
		if (fetch_kfunc(env, call, &meta, true) || !meta.proto)
			return 0;
		used = btf_vlen(meta.proto);
		/* Contexts are not the kernel's own structs: a call makes these. */
		*goes = (meta.k.flags & KF_FASTCALL) && meta.k.id != KFUNC_bpf_cast_to_kern_ctx;
		return CALLER_SAVED & ~1U & ~(((1U << used) - 1) << 1);
	}
	if (call->src_reg)
		return 0;
	fn = bpf_prog_helper_proto(env->ops, env->prog, (u32)call->imm, &env->sys->kernel);
	if (!fn)
		return 0;
	while (used < 5 && fn->arg_type[used] != ARG_DONTCARE)
		used++;
	*goes = fn->allow_fastcall && fn->id == BPF_FUNC_get_smp_processor_id &&
		inlines_cpu_number(env);
	return CALLER_SAVED & ~(fn->ret_type == RET_VOID ? 0U : 1U) & ~(((1U << used) - 1) << 1);
}

/* Pairs of a spill and a fill around the call, the innermost at the lowest offset. */
static void mark_call(struct bpf_verifier_env *env, struct bpf_subprog_info *sub, u32 at,
		      s16 lowest)
{
	bool goes;
	u32 expected = kept_registers(env, &env->insns[at], &goes), n;
	s16 off = lowest;

	for (n = 1; n <= 6 && expected; n++, off += BPF_REG_SIZE) {
		const struct bpf_insn *spill = &env->insns[at - n], *fill = &env->insns[at + n];

		if (at < n || at + n >= env->len)
			break;
		/* Whoever jumps to the first spill goes through all of it. */
		if (env->aux[at - n + 1].jump_target || env->aux[at + n].jump_target)
			break;
		if (spill->code != (BPF_STX | BPF_MEM | BPF_DW) ||
		    fill->code != (BPF_LDX | BPF_MEM | BPF_DW) || spill->dst_reg != BPF_REG_FP ||
		    fill->src_reg != BPF_REG_FP || spill->src_reg != fill->dst_reg ||
		    !(expected & BIT(spill->src_reg)) || spill->off != off || fill->off != off)
			break;
		expected &= ~BIT(spill->src_reg);
		env->aux[at - n].fastcall_pattern = env->aux[at + n].fastcall_pattern = true;
	}
	if (n == 1)
		return;
	if (goes)
		env->aux[at].fastcall_spills = n - 1;
	else
		sub->keep_fastcall_stack = true;
	sub->fastcall_stack_off = min(sub->fastcall_stack_off, off);
}

static void mark_jump_targets(struct bpf_verifier_env *env)
{
	for (u32 i = 0; i < env->len; i++) {
		const struct bpf_insn *insn = &env->insns[i];
		s64 to = (s64)i + 1 + insn_jmp_off(insn);

		if (insn_is_ldimm64(insn))
			i++;
		else if ((insn_is_cond_jmp(insn) || insn->code == (BPF_JMP | BPF_JA) ||
			  insn->code == (BPF_JMP32 | BPF_JA)) &&
			 to >= 0 && to < env->len)
			env->aux[to].jump_target = true;
	}
	for (u32 s = 0; s < env->subprog_cnt; s++)
		for (u32 i = 0; i < env->subprog_info[s].nr_targets; i++)
			env->aux[env->subprog_info[s].targets[i]].jump_target = true;
}

void mark_fastcall_patterns(struct bpf_verifier_env *env)
{
	if (!visible(env->profile, KVER(6, 12)))
		return;
	mark_jump_targets(env);
	for (u32 s = 0; s < env->subprog_cnt; s++) {
		struct bpf_subprog_info *sub = &env->subprog_info[s];
		u32 end = s + 1 < env->subprog_cnt ? sub[1].start : env->len;
		s16 lowest = 0;

		for (u32 i = sub->start; i < end; i++)
			if (env->insns[i].code == (BPF_STX | BPF_MEM | BPF_DW) &&
			    env->insns[i].dst_reg == BPF_REG_FP)
				lowest = min(lowest, env->insns[i].off);
		for (u32 i = sub->start; i < end && lowest; i++)
			if (env->insns[i].code == (BPF_JMP | BPF_CALL))
				mark_call(env, sub, i, lowest);
	}
}

/* The stack of function @subprog is accessed at @off, by the current instruction. */
void check_fastcall_contract(struct bpf_verifier_env *env, u32 subprog, s64 off)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	u32 end = subprog + 1 < env->subprog_cnt ? sub[1].start : env->len;

	if (sub->fastcall_stack_off <= off || env->aux[env->insn_idx].fastcall_pattern)
		return;
	sub->fastcall_stack_off = INT16_MIN;
	for (u32 i = sub->start; i < end; i++) {
		env->aux[i].fastcall_spills = 0;
		env->aux[i].fastcall_pattern = false;
	}
}

/* All paths have been seen: what is left of the patterns goes, and the stack that they used. */
void forget_fastcall_stack(struct bpf_verifier_env *env)
{
	for (u32 s = 0; s < env->subprog_cnt; s++) {
		struct bpf_subprog_info *sub = &env->subprog_info[s];
		u32 end = s + 1 < env->subprog_cnt ? sub[1].start : env->len;
		bool any = false;

		for (u32 i = sub->start; i < end; i++)
			any |= env->aux[i].fastcall_spills != 0;
		if (any && !sub->keep_fastcall_stack)
			sub->stack_depth = (u32)-sub->fastcall_stack_off;
	}
}
