/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The check of a program: the order of its passes, and the loop that follows one
 * path after the other (Linux: bpf_check(), do_check() and their neighbours in
 * verifier.c).
 *
 * Differs knowingly: every refusal leaves a structure (struct diag) besides its log
 * line.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "isa/insn.h"
#include "object/system.h"
#include "object/token.h"
#include "verifier/kfunc.h"
#include "verifier/trail.h"

enum { STOP_PATH = 1 }; /* of do_check_insn(): the path ends here, well */

/* ---- one instruction ---- */

/* Kfuncs that change what the lock protects, and those that cannot take long. */
static bool kfunc_allowed_locked(const struct bpf_verifier_env *env)
{
	switch ((int)env->aux[env->insn_idx].kfunc_id) {
	case KFUNC_bpf_list_push_front_impl:
	case KFUNC_bpf_list_push_back_impl:
	case KFUNC_bpf_list_pop_front:
	case KFUNC_bpf_list_pop_back:
	case KFUNC_bpf_list_front:
	case KFUNC_bpf_list_back:
	case KFUNC_bpf_rbtree_add_impl:
	case KFUNC_bpf_rbtree_remove:
	case KFUNC_bpf_rbtree_first:
	case KFUNC_bpf_rbtree_root:
	case KFUNC_bpf_rbtree_left:
	case KFUNC_bpf_rbtree_right:
	case KFUNC_bpf_refcount_acquire_impl:
	case KFUNC_bpf_res_spin_lock:
	case KFUNC_bpf_res_spin_unlock:
	case KFUNC_bpf_res_spin_lock_irqsave:
	case KFUNC_bpf_res_spin_unlock_irqrestore:
		return true;
	case KFUNC_bpf_iter_num_new:
	case KFUNC_bpf_iter_num_next:
	case KFUNC_bpf_iter_num_destroy:
		return visible(env->profile, KVER(6, 4));
	}
	return false;
}

static int check_call(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	u32 frames = env->cur_state->curframe, idx = env->insn_idx;
	int err;

	if (env->cur_state->active_locks &&
	    ((insn->src_reg == 0 && insn->imm != BPF_FUNC_spin_unlock &&
	      (insn->imm != BPF_FUNC_kptr_xchg || !visible(env->profile, KVER(6, 13)))) ||
	     (insn->src_reg == BPF_PSEUDO_KFUNC_CALL && !kfunc_allowed_locked(env))))
		return refuse(env, DIAG_STATE_LOCKED_CALL);
	if (insn->src_reg == BPF_PSEUDO_CALL)
		err = check_func_call(env, insn, &env->insn_idx);
	else if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		err = check_kfunc_call(env, insn, &env->insn_idx);
	else
		err = check_helper_call(env, insn, &env->insn_idx);
	if (err)
		return err;
	/* Entered a subprogram: stack marks are another instance's now. */
	if (env->cur_state->curframe != frames)
		reset_live_stack_callchain(env);
	mark_reg_scratched(env, BPF_REG_0);
	if (is_kfunc(env, idx, KFUNC_bpf_throw)) {
		err = check_resource_leak(env, true, true, "bpf_throw");
		return err ? err : STOP_PATH;
	}
	return 0;
}

/* Goes back to the caller, or ends the path. */
static int check_exit(struct bpf_verifier_env *env, bool *print_state)
{
	int err;

	/* Before the frame is left: a callback must give back what it took. */
	err = check_resource_leak(env, false, !env->cur_state->curframe,
				  "BPF_EXIT instruction in main prog");
	if (err)
		return err;
	if (env->cur_state->curframe) {
		err = update_live_stack(env);
		if (!err)
			err = prepare_func_exit(env, &env->insn_idx);
		*print_state = true;
		return err;
	}
	err = check_return_code(env, BPF_REG_0, "R0");
	return err ? err : STOP_PATH;
}

static int check_jmp(struct bpf_verifier_env *env, struct bpf_insn *insn, bool *print_state)
{
	int err;

	env->jmps_processed++;
	switch (BPF_OP(insn->code)) {
	case BPF_CALL:
		err = check_call(env, insn);
		break;
	case BPF_JA:
		if (insn_is_gotox(insn))
			return check_indirect_jump(env, insn);
		env->insn_idx += (u32)insn_jmp_off(insn) + 1;
		return 0;
	case BPF_EXIT:
		return check_exit(env, print_state);
	default:
		err = check_cond_jmp_op(env, insn, &env->insn_idx);
	}
	if (!err)
		env->insn_idx++;
	return err;
}

/* Checks the current instruction and moves on to the next. 0, STOP_PATH or -errno. */
static int do_check_insn(struct bpf_verifier_env *env, bool *print_state)
{
	struct bpf_insn *insn = &env->insns[env->insn_idx];
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	u8 class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);
	struct insn_problem problem;
	int err;

	/*
	 * Fields do not change: once is enough. Of legacy loads the program type is asked
	 * first, of conditional jumps the first register.
	 */
	if (!aux->fields_ok && !(class == BPF_LD && mode != BPF_IMM) && !insn_is_cond_jmp(insn)) {
		if (!insn_check_fields(insn, env->isa, &problem))
			return refuse(env, problem.id, (int)problem.arg[0], (int)problem.arg[1]);
		aux->fields_ok = true;
	}
	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		err = check_alu_op(env, insn);
		break;
	case BPF_LDX:
		err = check_load_mem(env, insn, false, mode == BPF_MEMSX, true, "ldx");
		break;
	case BPF_STX:
		if (mode == BPF_ATOMIC)
			err = check_atomic(env, insn);
		else
			err = check_store_reg(env, insn, false);
		break;
	case BPF_ST:
		err = check_store_imm(env, insn);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		return check_jmp(env, insn, print_state);
	default: /* BPF_LD */
		if (mode == BPF_ABS || mode == BPF_IND) {
			err = check_ld_abs(env, insn);
		} else if (mode == BPF_IMM) {
			err = check_ld_imm64(env, insn);
			if (!err) {
				env->insn_idx++;
				if (!env->cur_state->speculative)
					env->aux[env->insn_idx].seen = true;
			}
		} else {
			err = refuse(env, DIAG_STATE_LD_MODE);
		}
	}
	if (!err)
		env->insn_idx++;
	return err;
}

/* ---- one path after the other ---- */

static void log_before_insn(struct bpf_verifier_env *env, bool *print_state)
{
	const struct bpf_verifier_state *st = env->cur_state;

	if ((env->log.level & BPF_LOG_LEVEL2) && *print_state) {
		verbose(env, "\nfrom %d to %u%s:", (int)env->prev_insn_idx, env->insn_idx,
			st->speculative ? " (speculative execution)" : "");
		print_verifier_state(env, st, st->curframe, true);
		*print_state = false;
	}
	if (!(env->log.level & BPF_LOG_LEVEL))
		return;
	if (env->scratched_regs || env->scratched_stack_slots)
		print_insn_state(env, st, st->curframe);
	print_insn(env, env->insn_idx);
}

static void log_safe(struct bpf_verifier_env *env, bool print_state)
{
	if (!(env->log.level & BPF_LOG_LEVEL))
		return;
	if (print_state)
		verbose(env, "\nfrom %d to %u%s: safe\n", (int)env->prev_insn_idx, env->insn_idx,
			env->cur_state->speculative ? " (speculative execution)" : "");
	else
		verbose(env, "%u: safe\n", env->insn_idx);
}

/*
 * Follows the current path, then every saved one, until none is left. 0: all of them
 * end well.
 */
static int do_check(struct bpf_verifier_env *env)
{
	bool pop_log = !(env->log.level & BPF_LOG_LEVEL2), print_state = false;
	struct bpf_verifier_state *st = env->cur_state;
	u32 prev = (u32)-1;
	int err;

	for (;;) {
		struct bpf_insn_aux_data *aux;

		env->cur_hist_ent = NULL;
		env->prev_insn_idx = prev;
		if (env->insn_idx >= env->len)
			return refuse(env, DIAG_STATE_INSN_IDX, env->insn_idx, env->len);
		aux = &env->aux[env->insn_idx];
		if (unlikely(env->work))
			env->work[env->insn_idx].processed++;
		if (++env->insn_processed > env->insn_limit)
			return refuse(env, DIAG_STATE_TOO_LARGE, env->insn_processed);
		st->last_insn_idx = prev;
		st->insn_idx = env->insn_idx;
		if (aux->prune_point) {
			err = is_state_visited(env, env->insn_idx);
			if (err < 0)
				return err;
			if (err) {
				log_safe(env, print_state);
				goto path_done;
			}
		}
		if (aux->jmp_point) {
			err = push_jmp_history(env, st, 0, 0);
			if (err)
				return err;
		}
		if (env->log.level)
			log_before_insn(env, &print_state);
		if (unlikely(env->trail))
			trail_step(env);
		if (unlikely(env->sys->verifier_observe))
			env->sys->verifier_observe(env->sys->verifier_observe_arg, env);
		/* Code that is only reached by mistake is dead all the same. */
		if (!st->speculative)
			aux->seen = true;
		prev = env->insn_idx;
		err = reset_stack_write_marks(env, env->insn_idx);
		if (err)
			return err;
		err = do_check_insn(env, &print_state);
		if (err < 0)
			return err;
		if (commit_stack_write_marks(env))
			return -ENOMEM;
		if (!err)
			continue;
	path_done:
		mark_verifier_state_scratched(env);
		err = update_branch_counts(env, env->cur_state);
		if (!err)
			err = update_live_stack(env);
		if (!err)
			err = pop_stack(env, &prev, &env->insn_idx, pop_log);
		if (err == -ENOENT)
			return 0;
		if (err)
			return err;
		print_state = true;
	}
}

/* ---- one function ---- */

static int set_global_args(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 subprog)
{
	const struct bpf_subprog_info *sub = &env->subprog_info[subprog];
	int err;

	verbose(env, "Validating %s() func#%u...\n", sub->name ? sub->name : "", subprog);
	err = btf_prepare_func_args(env, subprog);
	if (err)
		return err;
	for (u32 i = 0; i < sub->arg_cnt; i++) {
		const struct bpf_subprog_arg_info *arg = &sub->args[i];
		struct bpf_reg_state *reg = &regs[BPF_REG_1 + i];
		u32 null = arg->arg_type & PTR_MAYBE_NULL;

		mark_reg_known_zero(env, regs, BPF_REG_1 + i);
		switch (base_type(arg->arg_type)) {
		case ARG_PTR_TO_CTX:
			reg->type = PTR_TO_CTX;
			break;
		case ARG_ANYTHING:
		case ARG_PTR_TO_ARENA: /* or a number: a cast decides */
			mark_reg_unknown(env, regs, BPF_REG_1 + i);
			break;
		case ARG_PTR_TO_MEM:
			reg->type =
				PTR_TO_MEM | null | (arg->arg_type & (PTR_UNTRUSTED | MEM_RDONLY));
			reg->mem_size = arg->mem_size;
			if (null)
				reg->id = ++env->id_gen;
			break;
		case ARG_PTR_TO_DYNPTR:
			reg->type = CONST_PTR_TO_DYNPTR;
			reg->id = ++env->id_gen;
			reg->dynptr.dynptr_type = DYNPTR_TYPE_LOCAL;
			reg->dynptr.first_slot = true;
			break;
		case ARG_PTR_TO_BTF_ID:
			reg->type = PTR_TO_BTF_ID | null |
				    (arg->arg_type & (PTR_TRUSTED | PTR_UNTRUSTED));
			reg->btf = kernel_types(env);
			reg->btf_id = arg->btf_id;
			reg->id = ++env->id_gen;
			break;
		default:
			return refuse_err(env, -EFAULT, DIAG_STATE_ARG_TYPE, i, arg->arg_type);
		}
	}
	return 0;
}

/* Checks subprogram @subprog from its entry, callees that are not global included. */
static int do_check_common(struct bpf_verifier_env *env, u32 subprog)
{
	struct bpf_verifier_state *st = mem_zalloc(sizeof(*st));
	struct bpf_func_state *frame = st ? new_func_state(env) : NULL;
	int err = 0;

	if (!frame) {
		mem_free(st);
		return out_of_memory(env);
	}
	env->prev_linfo = NULL;
	env->pass_cnt++;
	env->insn_idx = env->subprog_info[subprog].start;
	st->branches = 1;
	st->frame[0] = frame;
	st->in_sleepable = env->prog->sleepable;
	st->first_insn_idx = env->insn_idx;
	st->last_insn_idx = (u32)-1;
	env->cur_state = st;
	init_func_state(env, frame, BPF_MAIN_FUNC, 0, subprog);
	if (subprog || env->is_ext) {
		err = set_global_args(env, frame->regs, subprog);
		if (!err && subprog && subprog == env->exception_subprog) {
			const struct bpf_subprog_info *sub = &env->subprog_info[subprog];

			frame->in_exception_callback_fn = true;
			if (sub->arg_cnt != 1 || sub->args[0].arg_type != ARG_ANYTHING)
				err = refuse(env, DIAG_EXCEPTION_ARGS);
		}
	} else {
		/* Linux looks at the main function's arguments, too, but only says what it thinks. */
		if (env->func_info && btf_prepare_func_args(env, 0)) {
			memset(&env->diag, 0, sizeof(env->diag));
			env->diag.insn = -1;
		}
		frame->regs[BPF_REG_1].type = PTR_TO_CTX;
		mark_reg_known_zero(env, frame->regs, BPF_REG_1);
	}
	if (unlikely(env->trail))
		trail_rewind(env->trail, 0);
	if (!err)
		err = do_check(env);
	if (!err && !(env->log.level & BPF_LOG_LEVEL2))
		log_reset(env, 0);
	reset_live_stack_callchain(env);
	free_states(env);
	return err;
}

/* Global functions are checked once, for any arguments; only those that are called. */
static int do_check_subprogs(struct bpf_verifier_env *env)
{
	bool again = env->nr_func_info;

	if (env->exception_subprog)
		env->subprog_info[env->exception_subprog].called = true;

	while (again) {
		again = false;
		for (u32 i = 1; i < env->subprog_cnt; i++) {
			struct bpf_subprog_info *sub = &env->subprog_info[i];
			int err;

			if (!sub->is_global || !sub->called || sub->verified)
				continue;
			err = do_check_common(env, i);
			if (err)
				return err;
			if (env->log.level & BPF_LOG_LEVEL)
				verbose(env,
					"Func#%u ('%s') is safe for any args that match its "
					"prototype\n",
					i, sub->name);
			sub->verified = again = true;
		}
	}
	return 0;
}

/* ---- the whole program ---- */

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ULL + (u64)ts.tv_nsec;
}

/* The attribute's buffer: all or nothing, and for some level. */
static int log_init(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	u32 known = BPF_LOG_LEVEL | BPF_LOG_STATS |
		    (visible(env->profile, KVER(6, 4)) ? BPF_LOG_FIXED : 0);

	if (!attr->log_buf != !attr->log_size || (attr->log_buf && !attr->log_level) ||
	    (attr->log_level & ~known) || attr->log_size > UINT32_MAX >> 2)
		return -EINVAL;
	/* Before 6.4 a level needed a buffer, and the log kept its beginning. */
	if (!visible(env->profile, KVER(6, 4)) && attr->log_level && attr->log_size < 128)
		return -EINVAL;
	env->log.level = attr->log_level;
	env->log.user_size = attr->log_size;
	if (!visible(env->profile, KVER(6, 4)) && env->log.level)
		env->log.level |= BPF_LOG_FIXED;
	return 0;
}

static struct bpf_verifier_env *env_new(struct skep_system *sys, struct prog_object *obj,
					const union bpf_attr *attr)
{
	struct bpf_verifier_env *env = mem_zalloc(sizeof(*env));

	if (!env)
		return NULL;
	env->start_ns = now_ns();
	env->sys = sys;
	env->prog_obj = obj;
	env->prog = obj->prog;
	env->ops = obj->ops;
	env->profile = sys->profile;
	env->isa = profile_isa(&sys->kernel);
	env->insn_limit = row_visible(&sys->kernel, (struct kernel_row){ .kind = ROW_MISC,
									 .id = ROW_LARGE_PROGRAMS,
									 .since = KVER(5, 2) }) ?
				  BPF_COMPLEXITY_LIMIT_INSNS :
				  BPF_COMPLEXITY_LIMIT_OLD;
	env->caps = token_caps(sys, obj->token);
	env->len = obj->orig_len;
	env->insns = mem_dup(obj->orig_insns, obj->orig_len * sizeof(*env->insns));
	env->aux = mem_calloc(obj->orig_len, sizeof(*env->aux));
	env->explored_states = mem_calloc(obj->orig_len, sizeof(*env->explored_states));
	env->bpf_capable = env->caps & BPF_CAP_BPF;
	env->allow_ptr_leaks = env->allow_uninit_stack = env->bypass_spec_v1 = env->bypass_spec_v4 =
		env->caps & BPF_CAP_PERFMON;
	env->strict_alignment = (attr->prog_flags & BPF_F_STRICT_ALIGNMENT) &&
				!(attr->prog_flags & BPF_F_ANY_ALIGNMENT);
	if (env->bpf_capable) {
		env->test_state_freq = attr->prog_flags & BPF_F_TEST_STATE_FREQ;
		env->test_reg_invariants = attr->prog_flags & BPF_F_TEST_REG_INVARIANTS;
	}
	env->diag.insn = -1;
	return env;
}

static void env_free(struct bpf_verifier_env *env)
{
	if (env->explored_states)
		free_states(env);
	free_spare_frames(env);
	free_kept_pool(env);
	stack_liveness_free(env);
	free_targets(env);
	release_loaded(env);
	log_free(env);
	mem_free(env->sccs);
	mem_free(env->postorder);
	mem_free(env->explored_states);
	mem_free(env->facts.insn);
	kfuncs_free(env);
	for (u32 i = 0; env->aux && env->insns && i < env->len; i++)
		if (env->insns[i].code == (BPF_JMP | BPF_CALL))
			mem_free(env->aux[i].kfunc);
	mem_free(env->aux);
	mem_free(env->work);
	mem_free(env->insns);
	mem_free(env);
}

/* Up to the verdict; the program is not changed. */
static int check_program(struct bpf_verifier_env *env, const union bpf_attr *attr)
{
	int err;

	err = check_btf_info_early(env, attr);
	if (!err)
		err = add_subprogs(env);
	if (!err)
		err = check_subprogs(env);
	if (!err)
		err = check_btf_info(env, attr);
	env->insn_idx = 0;
	if (!err)
		err = resolve_pseudo_ldimm64(env);
	if (!err)
		err = check_cfg(env);
	env->insn_idx = 0;
	if (!err)
		err = compute_postorder(env);
	if (!err)
		err = stack_liveness_init(env);
	if (!err)
		err = check_attach_btf_id(env);
	if (!err)
		err = compute_scc(env);
	if (!err)
		err = compute_live_registers(env);
	if (!err)
		mark_fastcall_patterns(env);
	if (!err)
		err = do_check_common(env, 0);
	if (!err)
		err = do_check_subprogs(env);
	if (!err)
		forget_fastcall_stack(env);
	if (!err)
		err = check_max_stack_depth(env);
	return err;
}

/*
 * Why it was refused: the check is made again, deterministic as it is, with its path recorded.
 * Programs that are too large are no matter of values; what they cost, work.c tells.
 */
static struct explanation *explain(struct skep_system *sys, struct prog_object *obj,
				   const union bpf_attr *attr, const struct diag *diag)
{
	struct explanation *e = NULL;
	struct bpf_verifier_env *env;

	if (diag->id == DIAG_NONE || diag->id == DIAG_STATE_TOO_LARGE || diag->err == ENOMEM)
		return NULL;
	env = env_new(sys, obj, attr);
	if (!env)
		return NULL;
	env->trail = trail_new();
	if (env->trail && env->insns && env->aux && env->explored_states &&
	    check_program(env, attr) && env->diag.id == diag->id)
		e = explain_refusal(env);
	trail_free(env->trail);
	env_free(env);
	return e;
}

int bpf_check(struct skep_system *sys, struct prog_object *obj, const union bpf_attr *attr,
	      u32 attr_size, struct diag *diag)
{
	struct bpf_verifier_env *env = env_new(sys, obj, attr);
	int err, log_err;

	if (!env)
		return -ENOMEM;
	err = -ENOMEM;
	if (!env->insns || !env->aux || !env->explored_states)
		goto out;
	err = log_init(env, attr);
	if (err)
		goto out;
	err = work_start(env);
	if (err)
		goto out;
	err = check_program(env, attr);
	if (work_finish(env) && !err)
		err = out_of_memory(env);
	if (!err)
		err = fixup_program(env);
	ext_is_itself(env);
	env->verification_ns = now_ns() - env->start_ns;
	if (env->log.level)
		print_verification_stats(env);
	obj->verified_insns = env->insn_processed;
	log_err = log_copy_out(env, attr->log_buf, attr->log_size, &obj->log_true_size);
	if (log_err)
		err = log_err;
out:
	if (err && diag) {
		*diag = env->diag;
		diag->err = -err;
	}
	env_free(env);
	if (sys->want_explanations) {
		struct explanation *e = err && diag ? explain(sys, obj, attr, diag) : NULL, *old;

		relock_take(&sys->lock);
		old = sys->explanation;
		sys->explanation = e;
		relock_give(&sys->lock);
		mem_free(old);
	}
	return err;
}
