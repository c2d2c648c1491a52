/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The program as a graph, before any path is explored: where subprograms begin
 * and end, that every instruction is reached, where states are worth keeping
 * (prune points), and after the exploration how deep the stack gets (Linux: the
 * functions of these names in kernel/bpf/verifier.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "isa/insn.h"
#include "verifier/kfunc.h"

static bool is_pseudo_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

static bool is_pseudo_func(const struct bpf_insn *insn)
{
	return insn_is_ldimm64(insn) && insn->src_reg == BPF_PSEUDO_FUNC;
}

static bool is_kfunc_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL;
}

static bool is_helper_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0;
}

/* ---- subprograms ---- */

/* Number of the subprogram whose first instruction is at or before @off; sorted by start. */
u32 subprog_around(const struct bpf_verifier_env *env, u32 off)
{
	u32 lo = 0, hi = env->subprog_cnt;

	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (env->subprog_info[mid].start <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

int find_subprog(struct bpf_verifier_env *env, u32 off)
{
	u32 i;

	if (!env->subprog_cnt)
		return -ENOENT;
	i = subprog_around(env, off);
	return env->subprog_info[i].start == off ? (int)i : -ENOENT;
}

int add_subprog(struct bpf_verifier_env *env, u32 off)
{
	u32 at;
	int i;

	if (off >= env->len)
		return refuse(env, DIAG_CFG_CALL_DESTINATION);
	i = find_subprog(env, off);
	if (i >= 0)
		return i;
	if (env->subprog_cnt >= BPF_MAX_SUBPROGS)
		return refuse(env, DIAG_CFG_TOO_MANY_SUBPROGS);
	for (at = env->subprog_cnt; at && env->subprog_info[at - 1].start > off; at--)
		env->subprog_info[at] = env->subprog_info[at - 1];
	env->subprog_info[at] = (struct bpf_subprog_info){ .start = off };
	env->subprog_cnt++;
	return (int)at;
}

#define MAX_KFUNCS 256

/* The functions that a program calls. */
struct kfuncs_seen {
	u32 n;
	s32 imm[MAX_KFUNCS];
};

/* Functions of a device's driver: of which one must be known when the program is loaded. */
static bool is_xdp_metadata(enum kfunc_id id)
{
	return id == KFUNC_bpf_xdp_metadata_rx_hash || id == KFUNC_bpf_xdp_metadata_rx_timestamp ||
	       id == KFUNC_bpf_xdp_metadata_rx_vlan_tag;
}

/* Looks the function up before any path gets to it; whether it may be called is judged there. */
static int note_kfunc(struct bpf_verifier_env *env, u32 i, struct kfuncs_seen *seen)
{
	struct kfunc_meta m;
	int err;

	if (!env->insns[i].imm && !env->insns[i].off) /* a weak function that the kernel lacks */
		return 0;
	if (!env->prog->gpl_compatible)
		return refuse(env, DIAG_KFUNC_NOT_GPL);
	err = fetch_kfunc(env, &env->insns[i], &m, true);
	if (err && !m.proto)
		return fetch_kfunc(env, &env->insns[i], &m, false);
	env->aux[i].kfunc_id = m.k.id;
	if (!env->prog_obj->dev_bound && is_xdp_metadata(m.k.id))
		return refuse(env, DIAG_KFUNC_METADATA);
	for (u32 k = 0; k < seen->n; k++)
		if (seen->imm[k] == env->insns[i].imm)
			return 0;
	if (seen->n == MAX_KFUNCS)
		return refuse(env, DIAG_KFUNC_TOO_MANY);
	seen->imm[seen->n++] = env->insns[i].imm;
	return 0;
}

/*
 * The function that the main program's tag "exception_callback:" names becomes a
 * subprogram. Called when all others are known, so that its number stays.
 */
static int find_exception_callback(struct bpf_verifier_env *env)
{
	const struct btf *btf = env->btf ? env->btf->btf : NULL;
	const char *name;
	int err = 0;
	u32 off = 0;
	s32 id;

	if (!env->nr_func_info || !btf)
		return 0;
	name = btf_decl_tag_value(btf, env->func_info[0].type_id, -1, "exception_callback:", &err);
	if (!name)
		return err == -ENOENT ? 0 : err == -EEXIST ? refuse(env, DIAG_EXCEPTION_TAGS) : err;
	id = btf_find_by_name_kind(btf, name, BTF_KIND_FUNC);
	if (id < 0)
		return refuse_err(env, id, DIAG_EXCEPTION_MISSING, name);
	if (btf_vlen(btf_type_get(btf, (u32)id)) != BTF_FUNC_GLOBAL)
		return refuse(env, DIAG_EXCEPTION_STATIC, name);
	for (u32 i = 0; i < env->nr_func_info; i++)
		if (env->func_info[i].type_id == (u32)id)
			off = env->func_info[i].insn_off;
	if (!off)
		return refuse(env, DIAG_EXCEPTION_NO_INFO);
	err = add_subprog(env, off);
	if (err < 0)
		return err;
	env->exception_subprog = (u32)err;
	env->subprog_info[err].is_cb = true;
	env->subprog_info[err].is_async_cb = true; /* a stack of its own */
	env->subprog_info[err].is_exception_cb = true;
	return 0;
}

int add_subprogs(struct bpf_verifier_env *env)
{
	struct kfuncs_seen kfuncs = { 0 };
	int err = add_subprog(env, 0);

	if (err < 0)
		return err;
	for (u32 i = 0; i < env->len; i++) {
		const struct bpf_insn *insn = &env->insns[i];

		if (!is_pseudo_call(insn) && !is_pseudo_func(insn) && !is_kfunc_call(insn))
			continue;
		env->insn_idx = i;
		if (!env->bpf_capable)
			return refuse(env, DIAG_CFG_CALL_PRIVILEGE);
		if (is_kfunc_call(insn))
			goto kfunc;
		err = add_subprog(env, i + (u32)insn->imm + 1);
		if (err < 0)
			return err;
		continue;
	kfunc:
		err = note_kfunc(env, i, &kfuncs);
		if (err)
			return err;
	}
	err = find_exception_callback(env);
	if (err)
		return err;
	/* A sentinel behind the last, so that the end of each is the start of the next. */
	env->subprog_info[env->subprog_cnt].start = env->len;
	if (env->log.level & BPF_LOG_LEVEL2)
		for (u32 i = 0; i < env->subprog_cnt; i++)
			verbose(env, "func#%u @%u\n", i, env->subprog_info[i].start);
	return 0;
}

int check_subprogs(struct bpf_verifier_env *env)
{
	u32 cur = 0, end = env->subprog_info[1].start;
	struct bpf_subprog_info *sub = env->subprog_info;

	for (u32 i = 0; i < env->len; i++) {
		const struct bpf_insn *insn = &env->insns[i];
		u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);
		s64 to;

		env->insn_idx = i;
		if (is_helper_call(insn) && insn->imm == BPF_FUNC_tail_call) {
			sub->has_tail_call = true;
			sub->tail_call_reachable = true;
			env->seen_tail_call = true;
		}
		if (class == BPF_LD &&
		    (BPF_MODE(insn->code) == BPF_ABS || BPF_MODE(insn->code) == BPF_IND))
			sub->has_ld_abs = true;
		if ((class == BPF_JMP || class == BPF_JMP32) && op != BPF_EXIT && op != BPF_CALL) {
			to = (s64)i + insn_jmp_off(insn) + 1;
			if (to < sub->start || to >= end)
				return refuse(env, DIAG_CFG_JUMP_RANGE, (int)i, (int)to);
		}
		if (i != end - 1)
			continue;
		if (insn->code != (BPF_JMP | BPF_EXIT) && insn->code != (BPF_JMP | BPF_JA) &&
		    insn->code != (BPF_JMP32 | BPF_JA))
			return refuse(env, DIAG_CFG_LAST_INSN);
		sub++;
		if (++cur < env->subprog_cnt)
			end = sub[1].start;
	}
	return 0;
}

/* ---- the graph ---- */

/* Of each instruction: not seen, on the current walk with some edges taken, or finished. */
enum { UNSEEN = 0, EXPLORED = 0x20, DISCOVERED = 0x10, FALLTHROUGH = 1, BRANCH = 2 };
enum { DONE_EXPLORING, KEEP_EXPLORING };

struct walk {
	struct bpf_verifier_env *env;
	u8 *state;
	u32 *stack;
	u32 depth;
};

static void mark_jmp_point(struct bpf_verifier_env *env, u32 idx)
{
	env->aux[idx].jmp_point = true;
}

static void mark_prune_point(struct bpf_verifier_env *env, u32 idx)
{
	env->aux[idx].prune_point = true;
}

static void mark_target(struct bpf_verifier_env *env, u32 idx)
{
	mark_prune_point(env, idx);
	mark_jmp_point(env, idx);
}

static void linfo_of_edge(struct bpf_verifier_env *env, u32 idx)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "%u: ", idx);
	verbose_linfo(env, idx, prefix);
}

static bool has_bounded_loops(const struct bpf_verifier_env *env)
{
	return row_visible(&env->sys->kernel, (struct kernel_row){ .kind = ROW_MISC,
								   .id = ROW_BOUNDED_LOOPS,
								   .since = KVER(5, 3) });
}

/*
 * Takes edge @e from @t to @to, once. @loop_ok: until 6.6 only jumps could close a loop,
 * not the step from one instruction to the next nor a call.
 */
static int push_insn(struct walk *w, u32 t, s64 to, u8 e, bool loop_ok)
{
	struct bpf_verifier_env *env = w->env;

	if (w->state[t] >= (DISCOVERED | e) && w->state[t] != EXPLORED)
		return DONE_EXPLORING;
	env->insn_idx = t;
	if (to < 0 || to >= env->len) {
		linfo_of_edge(env, t);
		return refuse(env, DIAG_CFG_JUMP_RANGE, (int)t, (int)to);
	}
	if (e == BRANCH)
		mark_target(env, (u32)to);
	if (w->state[to] == UNSEEN) {
		w->state[t] = DISCOVERED | e;
		w->state[to] = DISCOVERED;
		w->stack[w->depth++] = (u32)to;
		return KEEP_EXPLORING;
	}
	if (w->state[to] == EXPLORED) {
		w->state[t] = DISCOVERED | e;
		return DONE_EXPLORING;
	}
	/* an edge back into the walk: a loop */
	if (env->bpf_capable && has_bounded_loops(env) &&
	    (loop_ok || visible(env->profile, KVER(6, 7))))
		return DONE_EXPLORING;
	linfo_of_edge(env, t);
	linfo_of_edge(env, (u32)to);
	return refuse(env, DIAG_CFG_BACK_EDGE, (int)t, (int)to);
}

/* A callee that may move packet data does so for its caller. */
static void merge_callee_effects(struct bpf_verifier_env *env, u32 t, u32 callee)
{
	struct bpf_subprog_info *caller = &env->subprog_info[subprog_around(env, t)];
	const struct bpf_subprog_info *sub = &env->subprog_info[subprog_around(env, callee)];

	caller->changes_pkt_data |= sub->changes_pkt_data;
	caller->might_sleep |= sub->might_sleep;
}

static int visit_call(struct walk *w, u32 t, bool visit_callee)
{
	u32 next = t + (insn_is_ldimm64(&w->env->insns[t]) ? 2 : 1);
	u32 callee = t + (u32)w->env->insns[t].imm + 1;
	int ret = push_insn(w, t, next, FALLTHROUGH, false);

	if (ret)
		return ret;
	mark_target(w->env, next); /* where a subprogram returns to */
	if (!visit_callee)
		return DONE_EXPLORING;
	mark_prune_point(w->env, t);
	merge_callee_effects(w->env, t, callee);
	return push_insn(w, t, callee, BRANCH, is_pseudo_func(&w->env->insns[t]));
}

static bool calls_back_later(const struct bpf_insn *insn)
{
	return is_helper_call(insn) && insn->imm == BPF_FUNC_timer_set_callback;
}

static bool calls_back_now(const struct bpf_insn *insn)
{
	if (!is_helper_call(insn))
		return false;
	return insn->imm == BPF_FUNC_for_each_map_elem || insn->imm == BPF_FUNC_find_vma ||
	       insn->imm == BPF_FUNC_loop || insn->imm == BPF_FUNC_user_ringbuf_drain;
}

static int visit_helper_or_subprog(struct walk *w, u32 t)
{
	struct bpf_verifier_env *env = w->env;
	const struct bpf_insn *insn = &env->insns[t];
	const struct bpf_func_proto *fn;

	if (calls_back_later(insn))
		mark_prune_point(env, t);
	if (calls_back_now(insn)) {
		/* How often is unknown: the loop ends when a state repeats, so keep one here. */
		env->aux[t].calls_callback = true;
		env->aux[t].force_checkpoint = true;
		mark_target(env, t);
	}
	if (is_kfunc_call(insn) && insn->imm) {
		struct kfunc_meta m;

		if (fetch_kfunc(env, insn, &m, true)) {
			;
		} else if (m.k.flags & KF_ITER_NEXT) {
			/* Where a loop over an iterator is checked for having been seen. */
			env->aux[t].force_checkpoint = true;
			mark_prune_point(env, t);
		} else if (m.k.id == KFUNC_bpf_rbtree_add_impl) {
			env->aux[t].calls_callback = true;
			env->aux[t].force_checkpoint = true;
			mark_target(env, t);
		} else if (m.k.id == KFUNC_bpf_wq_set_callback_impl || is_task_work_kfunc(m.k.id)) {
			mark_prune_point(env, t);
		}
		if (m.k.flags & KF_SLEEPABLE)
			env->subprog_info[subprog_around(env, t)].might_sleep = true;
		if (m.k.id == KFUNC_bpf_xdp_pull_data)
			env->subprog_info[subprog_around(env, t)].changes_pkt_data = true;
	}
	fn = is_helper_call(insn) ? bpf_helper_proto((u32)insn->imm) : NULL;
	if (fn && fn->changes_pkt_data)
		env->subprog_info[subprog_around(env, t)].changes_pkt_data = true;
	if (fn && fn->might_sleep)
		env->subprog_info[subprog_around(env, t)].might_sleep = true;
	return visit_call(w, t, insn->src_reg == BPF_PSEUDO_CALL);
}

/* An indirect jump: all its targets that were not seen are to be walked before it is done. */
static int visit_gotox(struct walk *w, u32 t)
{
	struct bpf_verifier_env *env = w->env;
	u32 s = subprog_around(env, t);
	const struct bpf_subprog_info *sub = &env->subprog_info[s];
	int ret = DONE_EXPLORING, err;

	err = find_targets(env, s, t);
	if (err)
		return err;
	mark_prune_point(env, t);
	for (u32 i = 0; i < sub->nr_targets; i++) {
		u32 to = sub->targets[i];

		mark_target(env, to);
		if (w->state[to] != UNSEEN)
			continue;
		w->state[to] = DISCOVERED;
		w->stack[w->depth++] = to;
		ret = KEEP_EXPLORING;
	}
	return ret;
}

static int visit_insn(struct walk *w, u32 t)
{
	struct bpf_verifier_env *env = w->env;
	const struct bpf_insn *insn = &env->insns[t];
	u8 class = BPF_CLASS(insn->code);
	s64 to;
	int ret;

	if (is_pseudo_func(insn))
		return visit_call(w, t, true);
	if (class != BPF_JMP && class != BPF_JMP32)
		return push_insn(w, t, t + (insn_is_ldimm64(insn) ? 2 : 1), FALLTHROUGH, false);
	switch (BPF_OP(insn->code)) {
	case BPF_EXIT:
		return DONE_EXPLORING;
	case BPF_CALL:
		return visit_helper_or_subprog(w, t);
	case BPF_JA:
		env->insn_idx = t;
		if (insn_is_gotox(insn))
			return visit_gotox(w, t);
		if (BPF_SRC(insn->code) != BPF_K)
			return refuse(env, DIAG_CFG_JA_SOURCE);
		to = (s64)t + insn_jmp_off(insn) + 1;
		ret = push_insn(w, t, to, FALLTHROUGH, true);
		if (!ret)
			mark_target(env, (u32)to);
		return ret;
	default:
		mark_prune_point(env, t);
		if (insn->code == (BPF_JMP | BPF_JCOND))
			env->aux[t].force_checkpoint = true;
		ret = push_insn(w, t, t + 1, FALLTHROUGH, true);
		if (ret)
			return ret;
		return push_insn(w, t, (s64)t + insn->off + 1, BRANCH, true);
	}
}

static int walk_graph(struct walk *w, u32 from)
{
	w->state[from] = DISCOVERED;
	w->stack[0] = from;
	w->depth = 1;
	while (w->depth) {
		u32 t = w->stack[w->depth - 1];
		int ret = visit_insn(w, t);

		if (ret < 0)
			return ret;
		if (ret == DONE_EXPLORING) {
			w->state[t] = EXPLORED;
			w->depth--;
		}
	}
	return 0;
}

int check_cfg(struct bpf_verifier_env *env)
{
	struct walk w = { .env = env };
	int err = -ENOMEM;

	w.state = mem_calloc(env->len, sizeof(*w.state));
	w.stack = mem_calloc(env->len + 1, sizeof(*w.stack));
	if (!w.state || !w.stack)
		goto out;
	err = walk_graph(&w, 0);
	if (!err && env->exception_subprog)
		err = walk_graph(&w, env->subprog_info[env->exception_subprog].start);
	if (err)
		goto out;
	for (u32 i = 0; i < env->len; i++) {
		env->insn_idx = i;
		if (w.state[i] != EXPLORED) {
			err = refuse(env, DIAG_CFG_UNREACHABLE, (int)i);
			goto out;
		}
		if (!insn_is_ldimm64(&env->insns[i]))
			continue;
		if (i + 1 < env->len && w.state[i + 1] != UNSEEN) {
			err = refuse(env, DIAG_CFG_JUMP_INTO_LDIMM64, (int)i);
			goto out;
		}
		i++;
	}
out:
	mem_free(w.state);
	mem_free(w.stack);
	return err;
}

/* ---- the stack of all frames ---- */

/* Linux's x86 JIT aligns frames to 16 bytes, its interpreter to 32. */
static u32 frame_bytes(u32 depth)
{
	return round_up(depth, 16u);
}

#define PRIVATE_STACK_MIN 64 /* Linux: BPF_PRIV_STACK_MIN_SIZE */

struct chain {
	struct bpf_verifier_env *env;
	bool private;		     /* functions may have a stack outside of their caller's */
	u32 caller[MAX_CALL_FRAMES]; /* subprograms on the way here */
	u32 frames;
	bool tail_call_reachable;
	/*
	 * What was followed already, with as many frames and bytes, below a callback or not: a few
	 * functions that call each other often have more ways through them than can be gone.
	 */
	u64 done[MAX_CALL_FRAMES][MAX_BPF_STACK / 16 + 1][2][BPF_MAX_SUBPROGS / 64 + 1];
};

static bool followed_before(struct chain *c, u32 idx, u32 depth)
{
	bool in_callback = false;
	u64 *word, bit = BIT_ULL(idx % 64);

	for (u32 f = 0; f < c->frames; f++)
		in_callback |= c->env->subprog_info[c->caller[f]].is_cb;
	word = &c->done[c->frames][depth / 16][in_callback][idx / 64];
	if (*word & bit)
		return true;
	*word |= bit;
	return false;
}

static void mark_tail_callers(const struct chain *c)
{
	for (u32 f = 0; c->tail_call_reachable && f < c->frames; f++)
		c->env->subprog_info[c->caller[f]].tail_call_reachable = true;
	c->env->prog_obj->tail_call_reachable |= c->env->subprog_info[0].tail_call_reachable;
}

static int check_frame(struct chain *c, u32 idx, u32 depth)
{
	struct bpf_verifier_env *env = c->env;
	const struct bpf_subprog_info *sub = &env->subprog_info[idx];
	bool in_callback = sub->is_cb;

	for (u32 f = 0; f < c->frames; f++)
		in_callback |= env->subprog_info[c->caller[f]].is_cb;
	if (sub->has_ld_abs && in_callback)
		return refuse(env, DIAG_LD_ABS_IN_CALLBACK);
	/* 33 tail calls may each leave the callers' frames behind: bound what they can add up to */
	if (idx && sub->has_tail_call && depth >= 256)
		return refuse(env, DIAG_STACK_TAIL_CALL, (int)depth);
	if (sub->stack != STACK_PRIVATE && depth + frame_bytes(sub->stack_depth) > MAX_BPF_STACK)
		return refuse(env, DIAG_STACK_COMBINED, (int)c->frames + 1,
			      (int)(depth + frame_bytes(sub->stack_depth)));
	return 0;
}

/* Follows every call of subprogram @idx, @depth bytes being in use by its callers. */
static int check_chain(struct chain *c, u32 idx, u32 depth)
{
	struct bpf_verifier_env *env = c->env;
	struct bpf_subprog_info *sub = &env->subprog_info[idx];
	int err;

	if (followed_before(c, idx, depth)) {
		mark_tail_callers(c);
		return 0;
	}
	env->insn_idx = sub->start;
	if (!c->private)
		sub->stack = STACK_OF_CALLER;
	else if (sub->stack == STACK_UNDECIDED &&
		 frame_bytes(sub->stack_depth) >= PRIVATE_STACK_MIN)
		sub->stack = STACK_PRIVATE;
	err = check_frame(c, idx, depth);
	if (err)
		return err;
	if (sub->stack != STACK_PRIVATE)
		depth += frame_bytes(sub->stack_depth);
	for (u32 i = sub->start; i < sub[1].start; i++) {
		const struct bpf_insn *insn = &env->insns[i];
		int callee;

		if (is_kfunc_call(insn) && env->aux[i].kfunc_id == KFUNC_bpf_throw) {
			bool in_callback = sub->is_cb;

			for (u32 f = 0; f < c->frames; f++)
				in_callback |= env->subprog_info[c->caller[f]].is_cb;
			if (in_callback) {
				env->insn_idx = i;
				return refuse(env, DIAG_EXCEPTION_IN_CALLBACK, i, idx);
			}
		}
		if (!is_pseudo_call(insn) && !is_pseudo_func(insn))
			continue;
		callee = find_subprog(env, i + (u32)insn->imm + 1);
		if (callee < 0)
			return -EFAULT;
		if (env->subprog_info[callee].is_exception_cb && is_pseudo_call(insn))
			return refuse(env, DIAG_EXCEPTION_CALLED, i);
		/* a callback that runs later has a stack of its own */
		if (env->subprog_info[callee].is_async_cb && !is_pseudo_call(insn))
			continue;
		c->caller[c->frames++] = idx;
		env->insn_idx = i;
		if (c->frames >= MAX_CALL_FRAMES)
			return refuse(env, DIAG_STACK_FRAMES, (int)c->frames);
		if (env->subprog_info[callee].has_tail_call)
			c->tail_call_reachable = true;
		err = check_chain(c, (u32)callee, depth);
		if (err)
			return err;
		c->frames--;
	}
	mark_tail_callers(c);
	return 0;
}

/*
 * Whether functions with much stack may have it to themselves: in types of programs that may run
 * on a stack which is nearly used up already, and never run again in themselves.
 */
static bool has_private_stacks(const struct bpf_verifier_env *env)
{
	if (!visible(env->profile, KVER(6, 13)))
		return false;
	for (u32 i = 0; i < env->subprog_cnt; i++)
		if (env->subprog_info[i].has_tail_call)
			return false;
	switch (env->prog->type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		return true;
	case BPF_PROG_TYPE_TRACING:
		return env->prog->expected_attach_type != BPF_TRACE_ITER;
	}
	return false;
}

int check_max_stack_depth(struct bpf_verifier_env *env)
{
	struct chain *c = mem_alloc(sizeof(*c));
	bool private = has_private_stacks(env);
	int err = c ? 0 : out_of_memory(env);

	/* Callbacks that run later come first: what they call, too, is not private any more. */
	for (u32 i = env->subprog_cnt; i-- && !err;) {
		if (i && !env->subprog_info[i].is_async_cb)
			continue;
		memset(c, 0, sizeof(*c));
		c->env = env;
		c->private = private && !i;
		err = check_chain(c, i, 0);
	}
	mem_free(c);
	return err;
}

/* ---- orders of the graph, for liveness and loops ---- */

/*
 * Lists the instructions of each subprogram such that (but for loops) successors
 * come first: subprogram i has those from .postorder_start on.
 */
int compute_postorder(struct bpf_verifier_env *env)
{
	enum { SEEN = 1, DONE = 2 };
	u8 *state = mem_calloc(env->len, sizeof(*state));
	u32 *stack = mem_calloc(env->len + 2, sizeof(*stack));
	u32 n = 0, depth;
	int err = 0;

	env->postorder = mem_calloc(env->len, sizeof(*env->postorder));
	if (!state || !stack || !env->postorder) {
		err = out_of_memory(env);
		goto out;
	}
	for (u32 i = 0; i < env->subprog_cnt; i++) {
		env->subprog_info[i].postorder_start = n;
		stack[0] = env->subprog_info[i].start;
		depth = 1;
		while (depth) {
			u32 top = stack[depth - 1];
			struct insn_edges next;

			state[top] |= SEEN;
			if (state[top] & DONE) {
				env->postorder[n++] = top;
				depth--;
				continue;
			}
			insn_successors(env, top, &next);
			for (u32 s = 0; s < next.n; s++)
				if (!state[next.to[s]]) {
					stack[depth++] = next.to[s];
					state[next.to[s]] = SEEN;
				}
			state[top] |= DONE;
		}
	}
	env->subprog_info[env->subprog_cnt].postorder_start = n;
out:
	mem_free(state);
	mem_free(stack);
	return err;
}

/*
 * Numbers the strongly connected components (Tarjan, without recursion): an
 * instruction in a loop gets the loop's number in aux->scc, one in none gets 0. A
 * call that calls back is a loop of its own; Linux numbers it only since 7.0, so those
 * come last, from env->scc_callbacks on, and are not shown.
 */
int compute_scc(struct bpf_verifier_env *env)
{
	const u32 gone = UINT32_MAX; /* its component is complete */
	u32 *pre = mem_calloc(env->len, sizeof(u32)), *low = mem_calloc(env->len, sizeof(u32));
	u32 *stack = mem_calloc(env->len, sizeof(u32)), *walk = mem_calloc(env->len, sizeof(u32));
	u32 *edge = mem_calloc(env->len, sizeof(u32)); /* that the walk has taken */
	u32 count = 1, members = 0, depth, next_scc = 1;
	int err = 0;

	if (!pre || !low || !stack || !walk || !edge) {
		err = out_of_memory(env);
		goto out;
	}
	for (u32 i = 0; i < env->len; i++) {
		if (pre[i])
			continue;
		walk[0] = i;
		depth = 1;
		while (depth) {
			u32 w = walk[depth - 1];
			struct insn_edges next;
			bool descend = false, loop;

			if (!pre[w]) {
				pre[w] = low[w] = count++;
				stack[members++] = w;
			}
			insn_successors(env, w, &next);
			for (u32 s = edge[w]; s < next.n && !descend; s++) {
				u32 to = next.to[s];

				edge[w] = s;
				if (to >= env->len)
					continue;
				if (pre[to]) {
					low[w] = min(low[w], low[to]);
				} else {
					walk[depth++] = to;
					descend = true;
				}
			}
			if (descend)
				continue;
			depth--;
			if (low[w] < pre[w])
				continue;
			loop = stack[members - 1] != w;
			for (u32 s = 0; s < next.n && !loop; s++)
				loop = next.to[s] == w;
			do {
				low[stack[--members]] = gone;
				if (loop)
					env->aux[stack[members]].scc = next_scc;
			} while (stack[members] != w);
			next_scc += loop;
		}
	}
	env->scc_callbacks = next_scc;
	for (u32 i = 0; i < env->len; i++)
		if (env->aux[i].calls_callback && !env->aux[i].scc)
			env->aux[i].scc = next_scc++;
	env->scc_cnt = next_scc;
	err = scc_init(env);
out:
	mem_free(pre);
	mem_free(low);
	mem_free(stack);
	mem_free(walk);
	mem_free(edge);
	return err;
}
