/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of subprograms and callbacks, the end of functions and of the program, and
 * what must be released by then (Linux: check_func_call(), push_callback_call(),
 * prepare_func_exit(), check_return_code(), check_resource_leak() of
 * kernel/bpf/verifier.c). Helpers: helper_call.c.
 */
#include "verifier/kfunc.h"

#define CALLER_SAVED_REGS 6

/* ---- references ---- */

static int check_reference_leak(struct bpf_verifier_env *env, bool exception_exit)
{
	struct bpf_verifier_state *st = env->cur_state;
	int err = 0;

	/* A subprogram may leave what it acquired to its caller. */
	if (!exception_exit && cur_func(env)->frameno)
		return 0;
	for (u32 i = 0; i < st->acquired_refs; i++)
		if (st->refs[i].type == REF_TYPE_PTR)
			err = refuse(env, DIAG_REF_UNRELEASED, st->refs[i].id,
				     st->refs[i].insn_idx);
	return err;
}

/* Until 6.12 each place had words of its own for it, and locks came before references only in some. */
static int check_resource_leak_6_12(struct bpf_verifier_env *env, bool exception_exit,
				    bool check_lock, const char *prefix)
{
	struct bpf_verifier_state *st = env->cur_state;
	bool exit = !strncmp(prefix, "BPF_EXIT", 8), ld_abs = !strncmp(prefix, "BPF_LD", 6);
	int err;

	/* Until 6.8 a lock could not even be held over a subprogram's end. */
	if (exit && st->active_locks && (check_lock || !visible(env->profile, KVER(6, 9))))
		return refuse(env, DIAG_LOCK_MISSING);
	if (exit && check_lock && st->active_rcu_lock)
		return refuse(env, DIAG_RCU_MISSING);
	if (exit && check_lock && st->active_preempt_locks)
		return refuse(env, DIAG_PREEMPT_MISSING, st->active_preempt_locks,
			      st->active_preempt_locks == 1 ? " is" : "(s) are");
	/* bpf_throw and tail calls ask about locks first. */
	if (!exit && !ld_abs && st->active_locks)
		return refuse(env, DIAG_IN_LOCK, prefix);
	err = check_reference_leak(env, exception_exit);
	if (err && ld_abs)
		return refuse(env, DIAG_LD_ABS_REFERENCES);
	if (err)
		return exit ? err : refuse(env, DIAG_REF_LEAK, prefix);
	if (exit)
		return 0;
	if (st->active_locks)
		return refuse(env, DIAG_IN_LOCK, prefix);
	if (st->active_rcu_lock)
		return refuse(env, DIAG_IN_RCU, prefix);
	if (st->active_preempt_locks)
		return refuse(env, DIAG_IN_PREEMPT, prefix);
	return 0;
}

int check_resource_leak(struct bpf_verifier_env *env, bool exception_exit, bool check_lock,
			const char *prefix)
{
	struct bpf_verifier_state *st = env->cur_state;
	int err;

	if (!visible(env->profile, KVER(6, 13)))
		return check_resource_leak_6_12(env, exception_exit, check_lock, prefix);
	if (check_lock && st->active_locks)
		return refuse(env, DIAG_IN_LOCK, prefix);
	err = check_reference_leak(env, exception_exit);
	if (err)
		return refuse(env, DIAG_REF_LEAK, prefix);
	if (check_lock && st->active_irq_id)
		return refuse(env, DIAG_IN_IRQ, prefix);
	if (check_lock && st->active_rcu_lock)
		return refuse(env, DIAG_IN_RCU, prefix);
	if (check_lock && st->active_preempt_locks)
		return refuse(env, DIAG_IN_PREEMPT, prefix);
	return 0;
}

/* Drops the reference and every register that came from it. */
int release_reference(struct bpf_verifier_env *env, u32 ref_obj_id)
{
	int err = release_reference_nomark(env->cur_state, ref_obj_id);

	if (err)
		return err;
	regs_for_each(env->cur_state, frame, reg, {
		if (reg->ref_obj_id == ref_obj_id)
			mark_reg_invalid(env, reg);
	});
	return 0;
}

/* What a packet pointer is worth after the packet may have moved: nothing. */
void clear_all_pkt_pointers(struct bpf_verifier_env *env)
{
	regs_for_each(env->cur_state, frame, reg, {
		if (reg_is_pkt_pointer_any(reg) ||
		    (base_type(reg->type) == PTR_TO_MEM &&
		     (reg->type & (DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META))))
			mark_reg_invalid(env, reg);
	});
}

void clear_caller_saved_regs(struct bpf_verifier_env *env, struct bpf_reg_state *regs)
{
	for (u32 i = BPF_REG_0; i < CALLER_SAVED_REGS; i++) {
		mark_reg_not_init(env, regs, i);
		check_reg_arg(env, i, DST_OP_NO_MARK);
	}
}

/* ---- ranges of returned values ---- */

/* Until 6.7 ranges were tristate numbers, too. */
static bool ranges_are_tnums(const struct bpf_verifier_env *env)
{
	return !visible(env->profile, KVER(6, 8));
}

static bool in_range(const struct bpf_verifier_env *env, const struct bpf_retval_range *range,
		     const struct bpf_reg_state *reg)
{
	if (ranges_are_tnums(env))
		return tnum_in(tnum_range((u64)(s64)range->min, (u64)(s64)range->max),
			       reg->var_off);
	if (range->int32)
		return range->min <= reg->s32_min_value && reg->s32_max_value <= range->max;
	return range->min <= reg->smin_value && reg->smax_value <= range->max;
}

/* "At program exit the register R0 has smin=5 smax=5 should have been in [0, 1]" */
static int refuse_scalar(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			 const struct bpf_retval_range *range, const char *when,
			 const char *reg_name)
{
	char has[80], tn[TNUM_TEXT], ok[TNUM_TEXT];
	size_t n = 0;

	has[0] = 0;
	if (ranges_are_tnums(env)) {
		if (tnum_is_unknown(reg->var_off))
			snprintf(has, sizeof(has), "unknown scalar value");
		else
			snprintf(has, sizeof(has), "value %s", tnum_text(env, tn, reg->var_off));
		return refuse(
			env, DIAG_RETVAL_RANGE_6_7, when, reg_name, has,
			tnum_text(env, ok, tnum_range((u64)(s64)range->min, (u64)(s64)range->max)));
	}
	if (reg->smin_value > INT64_MIN)
		n += snprintf(has, sizeof(has), " smin=%lld", (long long)reg->smin_value);
	if (reg->smax_value < INT64_MAX)
		n += snprintf(has + n, sizeof(has) - n, " smax=%lld", (long long)reg->smax_value);
	if (!n)
		snprintf(has, sizeof(has), " unknown scalar value");
	return refuse(env, DIAG_RETVAL_RANGE, when, reg_name, has, range->min, range->max);
}

int check_return_code(struct bpf_verifier_env *env, u32 regno, const char *reg_name)
{
	struct bpf_func_state *frame = cur_func(env);
	struct bpf_retval_range range = { 0, 1, true };
	bool is_subprog = env->cur_state->frame[0]->subprogno != 0;
	const char *when = "At program exit";
	struct bpf_reg_state *reg;
	bool is_void = false;
	int err;

	if (env->ops->obj_retval_range && (!is_subprog || frame->in_exception_callback_fn)) {
		range = env->ops->obj_retval_range(env->prog_obj, env->profile, &is_void);
		/* A cgroup's program says yes or no in any case. */
		if (is_void && !range.checked)
			return 0;
	}
	err = check_reg_arg(env, regno, SRC_OP);
	if (err)
		return err;
	if (is_pointer_value(env, regno))
		return refuse(env, DIAG_LEAK_RETVAL, regno);
	reg = &cur_regs(env)[regno];

	if (frame->in_async_callback_fn) {
		when = "At async callback return";
		range = frame->callback_ret_range;
	} else if (is_subprog && !frame->in_exception_callback_fn) {
		if (reg->type != SCALAR_VALUE)
			return refuse(env, DIAG_SUBPROG_RETVAL, regno,
				      reg_type_str(env, reg->type));
		return 0;
	} else {
		if (env->ops->retval_range)
			range = env->ops->retval_range(env->prog);
		else if (!env->ops->obj_retval_range)
			return 0;
		if (!range.checked)
			return 0;
	}
	if (reg->type != SCALAR_VALUE)
		return refuse(env, DIAG_RETVAL_TYPE, when, regno, reg_type_str(env, reg->type));
	err = mark_chain_precision(env, regno);
	if (err)
		return err;
	if (!in_range(env, &range, reg))
		return refuse_scalar(env, reg, &range, when, reg_name);
	return 0;
}

/* ---- subprograms ---- */

static int regs_of_static_call(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			       struct bpf_func_state *callee, u32 insn_idx)
{
	for (u32 i = BPF_REG_1; i <= BPF_REG_5; i++)
		callee->regs[i] = caller->regs[i];
	return 0;
}

static int enter_frame(struct bpf_verifier_env *env, u32 subprog, u32 callsite,
		       callee_regs_fn set_regs, struct bpf_verifier_state *st)
{
	struct bpf_func_state *caller = st->frame[st->curframe], *callee;
	int err;

	if (st->curframe + 1 >= MAX_CALL_FRAMES)
		return refuse(env, DIAG_CALL_DEPTH, st->curframe + 2);
	callee = new_func_state(env);
	if (!callee)
		return -ENOMEM;
	st->frame[st->curframe + 1] = callee;
	init_func_state(env, callee, callsite, st->curframe + 1, subprog);
	err = set_regs(env, caller, callee, callsite);
	if (err) {
		free_func_state(env, callee);
		st->frame[st->curframe + 1] = NULL;
		return err;
	}
	st->curframe++;
	return 0;
}

/* A kernel object that a tag of the function asks for. */
static int check_btf_arg(struct bpf_verifier_env *env, u32 regno,
			 const struct bpf_subprog_arg_info *arg)
{
	const struct bpf_reg_state *reg = &cur_regs(env)[regno];
	struct bpf_call_arg_meta meta = { 0 };
	int err;

	if ((arg->arg_type & PTR_UNTRUSTED) ||
	    (register_is_null(reg) && type_may_be_null(arg->arg_type)))
		return 0;
	err = check_reg_type(env, regno, arg->arg_type,
			     btf_type_name(kernel_types(env), arg->btf_id), &meta);
	return err ? err : check_func_arg_reg_off(env, reg, (int)regno, arg->arg_type);
}

/* Whether the caller's registers keep the contract that the BTF of a global function states. */
static int check_global_args(struct bpf_verifier_env *env, u32 subprog)
{
	struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	struct bpf_reg_state *regs = cur_regs(env);
	int err;

	err = btf_prepare_func_args(env, subprog);
	if (err)
		return err;
	for (u32 i = 0; i < sub->arg_cnt; i++) {
		u32 regno = i + 1, type = sub->args[i].arg_type;
		struct bpf_reg_state *reg = &regs[regno];

		switch (base_type(type)) {
		case ARG_ANYTHING:
			err = check_reg_arg(env, regno, SRC_OP);
			if (err)
				return err;
			if (reg->type != SCALAR_VALUE)
				return refuse(env, DIAG_GLOBAL_ARG_SCALAR, regno);
			break;
		case ARG_PTR_TO_CTX:
			err = check_func_arg_reg_off(env, reg, regno, ARG_PTR_TO_CTX);
			if (err)
				return err;
			if (reg->type != PTR_TO_CTX)
				return refuse(env, DIAG_GLOBAL_ARG_CTX, i);
			break;
		case ARG_PTR_TO_DYNPTR:
			err = check_func_arg_reg_off(env, reg, regno, ARG_PTR_TO_DYNPTR);
			if (!err)
				err = process_dynptr(env, regno, env->insn_idx, type, 0);
			if (err)
				return err;
			break;
		case ARG_PTR_TO_ARENA: /* any value does no harm; others are a mistake */
			if (reg->type != PTR_TO_ARENA && reg->type != SCALAR_VALUE)
				return refuse(env, DIAG_GLOBAL_ARG_ARENA, regno);
			break;
		case ARG_PTR_TO_BTF_ID:
			err = check_btf_arg(env, regno, &sub->args[i]);
			if (err)
				return err;
			break;
		case ARG_PTR_TO_MEM:
			if (type & PTR_UNTRUSTED) /* read by loads that cannot fault */
				break;
			err = check_func_arg_reg_off(env, reg, regno, ARG_DONTCARE);
			if (err)
				return err;
			if (check_mem_reg(env, regno, sub->args[i].mem_size))
				return -EINVAL;
			/* DIFF(nonnull-constant): the function does not ask whether it is NULL. */
			if (!type_may_be_null(type) &&
			    (type_may_be_null(reg->type) || register_is_null(reg)))
				return refuse(env, DIAG_GLOBAL_ARG_NULL, i);
			break;
		default:
			return refuse(env, DIAG_GLOBAL_ARG_KIND, i, base_type(type));
		}
	}
	return 0;
}

static const char *subprog_name(struct bpf_verifier_env *env, u32 subprog)
{
	return env->subprog_info[subprog].name ?: "";
}

int check_func_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx)
{
	struct bpf_verifier_state *st = env->cur_state;
	struct bpf_func_state *caller = cur_func(env);
	int subprog = find_subprog(env, *insn_idx + insn->imm + 1), err;
	struct bpf_subprog_info *sub;

	if (subprog < 0)
		return refuse(env, DIAG_INTERNAL, "call of no subprogram");
	sub = &env->subprog_info[subprog];

	if (sub->is_global) {
		if (st->active_locks) {
			verbose(env,
				"global function calls are not allowed while holding a lock,\n");
			return refuse(env, DIAG_GLOBAL_IN_LOCK);
		}
		if (st->active_preempt_locks && !visible(env->profile, KVER(6, 15))) {
			verbose(env, "global function calls are not allowed with preemption "
				     "disabled,\n");
			return refuse(env, DIAG_GLOBAL_IN_LOCK);
		}
		if (sub->might_sleep && visible(env->profile, KVER(6, 15)) &&
		    (st->active_rcu_lock || st->active_preempt_locks || st->active_irq_id ||
		     !st->in_sleepable)) {
			verbose(env, "global functions that may sleep are not allowed in "
				     "non-sleepable context,\n"
				     "i.e., in a RCU/IRQ/preempt-disabled section, or in\n");
			return refuse(env, DIAG_GLOBAL_SLEEPS);
		}
		err = check_global_args(env, subprog);
		if (err)
			return refuse_err(env, err, DIAG_GLOBAL_ARGS, subprog,
					  subprog_name(env, subprog));
		if (env->log.level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2))
			verbose(env, "Func#%d ('%s') is global and assumed valid.\n", subprog,
				subprog_name(env, subprog));
		if (sub->changes_pkt_data)
			clear_all_pkt_pointers(env);
		sub->called = true; /* verified on its own after the main program */
		clear_caller_saved_regs(env, caller->regs);
		mark_reg_unknown(env, caller->regs, BPF_REG_0);
		caller->regs[BPF_REG_0].subreg_def = DEF_NOT_SUBREG;
		return 0;
	}

	note_static_call(env, (u32)subprog);
	err = enter_frame(env, subprog, *insn_idx, regs_of_static_call, st);
	if (err)
		return err;
	clear_caller_saved_regs(env, caller->regs);
	*insn_idx = sub->start - 1; /* the main loop steps on */
	if (env->log.level & BPF_LOG_LEVEL) {
		verbose(env, "caller:\n");
		print_verifier_state(env, st, caller->frameno, true);
		verbose(env, "callee:\n");
		print_verifier_state(env, st, st->curframe, true);
	}
	return 0;
}

/* ---- callbacks ---- */

/* Queues a path into the callback; the current path goes on behind the helper. */
int push_callback(struct bpf_verifier_env *env, u32 insn_idx, u32 subprog, callee_regs_fn set_regs)
{
	struct bpf_func_state *caller = cur_func(env), *callee;
	struct bpf_verifier_state *st;
	int err;

	env->subprog_info[subprog].is_cb = true;
	st = push_stack(env, env->subprog_info[subprog].start, insn_idx, false);
	if (!st)
		return push_failed(env, -EFAULT);
	err = enter_frame(env, subprog, insn_idx, set_regs, st);
	if (err)
		return err;
	callee = st->frame[st->curframe];
	callee->in_callback_fn = true;
	callee->callback_ret_range = (struct bpf_retval_range){ 0, 1, true };
	st->callback_unroll_depth++;
	st->frame[st->curframe - 1]->callback_depth++;
	caller->callback_depth = 0;
	return 0;
}

int prepare_func_exit(struct bpf_verifier_env *env, u32 *insn_idx)
{
	struct bpf_verifier_state *st = env->cur_state, *before;
	struct bpf_func_state *callee = cur_func(env), *caller = st->frame[st->curframe - 1];
	struct bpf_reg_state *r0 = &callee->regs[BPF_REG_0];
	bool callback = callee->in_callback_fn;
	int err;

	/* Its stack ends here. */
	if (r0->type == PTR_TO_STACK)
		return refuse(env, DIAG_RETURN_STACK);
	if (callback) {
		if (r0->type != SCALAR_VALUE)
			return refuse(env, DIAG_CALLBACK_RETURN);
		err = mark_chain_precision(env, BPF_REG_0);
		if (err)
			return err;
		if (!in_range(env, &callee->callback_ret_range, r0))
			return refuse_scalar(env, r0, &callee->callback_ret_range,
					     "At callback return", "R0");
	} else {
		caller->regs[BPF_REG_0] = *r0;
	}
	/* A callback goes back to its helper, which decides anew whether to call it. */
	*insn_idx = callee->callsite + (callback ? 0 : 1);
	if (env->log.level & BPF_LOG_LEVEL) {
		verbose(env, "returning from callee:\n");
		print_verifier_state(env, st, callee->frameno, true);
		verbose(env, "to caller at %d:\n", *insn_idx);
		print_verifier_state(env, st, caller->frameno, true);
	}
	free_func_state(env, callee);
	st->frame[st->curframe--] = NULL;
	if (callback) {
		before = find_prev_entry(env, st, *insn_idx);
		if (before)
			widen_imprecise_scalars(env, before, st);
	}
	return 0;
}

/*
 * Legacy packet loads and tail calls may end the function they are in: the current path
 * goes on in the caller, the rest of the function is queued.
 */
int explore_early_exit(struct bpf_verifier_env *env, u32 *insn_idx, bool returns_zero)
{
	struct bpf_reg_state *regs = cur_regs(env);
	int err;

	mark_reg_scratched(env, BPF_REG_0);
	if (!push_stack(env, *insn_idx + 1, *insn_idx, false))
		return env->diag.err ? -env->diag.err : -ENOMEM;
	if (returns_zero) {
		mark_reg_known_zero(env, regs, BPF_REG_0);
		regs[BPF_REG_0].type = SCALAR_VALUE;
	} else {
		clear_all_pkt_pointers(env);
		mark_reg_unknown(env, regs, BPF_REG_0);
	}
	err = update_live_stack(env);
	if (!err)
		err = prepare_func_exit(env, insn_idx);
	if (!err)
		(*insn_idx)--; /* the main loop steps on */
	return err;
}
