/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Not exploring twice: explored states, their comparison with the current one, loop
 * detection (Linux: is_state_visited(), states_equal() and the scc functions of
 * verifier.c, as of 6.17/6.18).
 *
 * A state whose paths have all ended safely makes every state that it covers safe.
 * "Covers" ignores what nothing reads later (liveness.c) and the values of scalars
 * that nobody needed precisely (backtrack.c). Inside a loop these marks are not
 * complete until all paths of the loop have ended: until then states must match
 * fully, and each match is recorded as a back edge, over which precision is carried
 * round when the loop's entry state is done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isa/insn.h"
#include "verifier/verifier.h"

#define ITER_STATE_ACTIVE  1
#define MAX_BACKEDGE_ITERS 64
#define MANY_STATES	   20000

enum exact_level { NOT_EXACT, EXACT, RANGE_WITHIN };

/* ---- ids: renamed consistently ---- */

static bool check_ids(struct bpf_verifier_env *env, u32 old, u32 cur)
{
	struct bpf_id_pair *map = env->idmap;

	if (!old != !cur)
		return false;
	if (!old)
		return true;
	for (u32 i = 0; i < env->idmap_cnt; i++) {
		if (map[i].old == old)
			return map[i].cur == cur;
		if (map[i].cur == cur)
			return false;
	}
	if (env->idmap_cnt == BPF_ID_MAP_SIZE)
		return false;
	map[env->idmap_cnt++] = (struct bpf_id_pair){ old, cur };
	return true;
}

/*
 * Scalars: one that was linked with nothing covers any. (Before 6.18 it counted as if it
 * had an id of its own.) One that is linked is covered by nothing that is not.
 */
static bool check_scalar_ids(struct bpf_verifier_env *env, u32 old, u32 cur)
{
	if (!old && env->profile >= KVER(6, 18))
		return true;
	old = old ? old : ++env->idmap_tmp_id;
	cur = cur ? cur : ++env->idmap_tmp_id;
	return check_ids(env, old, cur);
}

static void reset_idmap(struct bpf_verifier_env *env)
{
	env->idmap_cnt = 0;
	env->idmap_tmp_id = env->id_gen;
}

/* ---- comparing registers, slots, states ---- */

static bool range_within(const struct bpf_reg_state *old, const struct bpf_reg_state *cur)
{
	return old->umin_value <= cur->umin_value && old->umax_value >= cur->umax_value &&
	       old->smin_value <= cur->smin_value && old->smax_value >= cur->smax_value &&
	       old->u32_min_value <= cur->u32_min_value &&
	       old->u32_max_value >= cur->u32_max_value &&
	       old->s32_min_value <= cur->s32_min_value && old->s32_max_value >= cur->s32_max_value;
}

static bool same_until_id(const struct bpf_reg_state *a, const struct bpf_reg_state *b)
{
	return !memcmp(a, b, offsetof(struct bpf_reg_state, id));
}

static bool regs_exact(struct bpf_verifier_env *env, const struct bpf_reg_state *old,
		       const struct bpf_reg_state *cur)
{
	return same_until_id(old, cur) && check_ids(env, old->id, cur->id) &&
	       check_ids(env, old->ref_obj_id, cur->ref_obj_id);
}

/* Whether what was safe with @old, kept, is safe with @cur. @precise: of @old. */
static bool regsafe(struct bpf_verifier_env *env, const struct bpf_reg_state *old, bool precise,
		    const struct bpf_reg_state *cur, enum exact_level exact)
{
	if (exact == EXACT)
		return regs_exact(env, old, cur);
	if (old->type == NOT_INIT && (exact == NOT_EXACT || cur->type == NOT_INIT))
		return true; /* not used */
	if (old->type != cur->type)
		return false;
	switch (base_type(old->type)) {
	case SCALAR_VALUE:
		if (env->explore_alu_limits)
			return same_until_id(old, cur) && check_scalar_ids(env, old->id, cur->id);
		if (!precise && exact == NOT_EXACT && !env->sys->verifier_exact)
			return true;
		if ((old->id ^ cur->id) & BPF_ADD_CONST)
			return false;
		if ((old->id & BPF_ADD_CONST) && old->off != cur->off)
			return false;
		return range_within(old, cur) && tnum_in(old->var_off, cur->var_off) &&
		       check_scalar_ids(env, old->id, cur->id);
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case PTR_TO_TP_BUFFER:
	case PTR_TO_INSN:
		return !memcmp(old, cur, offsetof(struct bpf_reg_state, var_off)) &&
		       range_within(old, cur) && tnum_in(old->var_off, cur->var_off) &&
		       check_ids(env, old->id, cur->id) &&
		       check_ids(env, old->ref_obj_id, cur->ref_obj_id);
	case PTR_TO_PACKET_META:
	case PTR_TO_PACKET:
		/* Negative: known to be at the end, by which later comparisons were decided. */
		if (old->range < 0 || cur->range < 0 ? old->range != cur->range :
						       old->range > cur->range)
			return false;
		return old->off == cur->off && check_ids(env, old->id, cur->id) &&
		       range_within(old, cur) && tnum_in(old->var_off, cur->var_off);
	case PTR_TO_STACK:
		return regs_exact(env, old, cur) && old->frameno == cur->frameno;
	case PTR_TO_ARENA:
		return true;
	}
	return regs_exact(env, old, cur);
}

static bool is_all_misc(const struct bpf_verifier_env *env, const struct bpf_stack_state *slot)
{
	for (u32 i = 0; i < BPF_REG_SIZE; i++)
		if (slot->slot_type[i] != STACK_MISC &&
		    !(slot->slot_type[i] == STACK_INVALID && env->allow_uninit_stack))
			return false;
	return true;
}

/* What a 64-bit load of the slot gives when that is a scalar, else NULL. */
static const struct bpf_reg_state *slot_as_scalar(const struct bpf_verifier_env *env,
						  const struct bpf_stack_state *slot,
						  struct bpf_reg_state *unknown)
{
	if (slot->slot_type[0] == STACK_SPILL && slot->spilled_ptr.type == SCALAR_VALUE)
		return &slot->spilled_ptr;
	if (!is_all_misc(env, slot))
		return NULL;
	memset(unknown, 0, sizeof(*unknown));
	__mark_reg_unknown_imprecise(unknown);
	return unknown;
}

/* Slots that are no plain data, both of type @type. */
static bool special_slot_safe(struct bpf_verifier_env *env, const struct bpf_reg_state *old,
			      bool precise, const struct bpf_reg_state *cur, u8 type,
			      enum exact_level exact)
{
	switch (type) {
	case STACK_SPILL:
		return regsafe(env, old, precise, cur, exact);
	case STACK_DYNPTR:
		return old->dynptr.dynptr_type == cur->dynptr.dynptr_type &&
		       old->dynptr.first_slot == cur->dynptr.first_slot &&
		       check_ids(env, old->ref_obj_id, cur->ref_obj_id);
	case STACK_ITER: /* not the depth: it would keep loops from converging */
		return old->iter.btf == cur->iter.btf && old->iter.btf_id == cur->iter.btf_id &&
		       old->iter.state == cur->iter.state &&
		       check_ids(env, old->ref_obj_id, cur->ref_obj_id);
	case STACK_IRQ_FLAG:
		return check_ids(env, old->ref_obj_id, cur->ref_obj_id) &&
		       old->raw[0] == cur->raw[0];
	case STACK_MISC:
	case STACK_ZERO:
	case STACK_INVALID:
		return true;
	}
	return false;
}

/* @cur: NULL when that stack does not reach as far. */
static bool slot_safe(struct bpf_verifier_env *env, const struct bpf_stack_state *old, bool precise,
		      const struct bpf_stack_state *cur, enum exact_level exact)
{
	struct bpf_reg_state unknown[2];
	const struct bpf_reg_state *old_reg, *cur_reg;

	for (u32 i = 0; i < BPF_REG_SIZE; i++) {
		u8 type = old->slot_type[i];

		if (exact != NOT_EXACT && (!cur || type != cur->slot_type[i]))
			return false;
		if (type == STACK_INVALID || (env->allow_uninit_stack && type == STACK_MISC))
			continue;
		if (!cur)
			return false;
		old_reg = slot_as_scalar(env, old, &unknown[0]);
		cur_reg = slot_as_scalar(env, cur, &unknown[1]);
		if (old_reg && cur_reg)
			return regsafe(env, old_reg, old_reg != &unknown[0] && precise, cur_reg,
				       exact);
		if (type == STACK_MISC && cur->slot_type[i] == STACK_ZERO)
			continue;
		if (type != cur->slot_type[i])
			return false;
		if (i == BPF_REG_SIZE - 1 && !special_slot_safe(env, &old->spilled_ptr, precise,
								&cur->spilled_ptr, type, exact))
			return false;
	}
	return true;
}

static bool stacksafe(struct bpf_verifier_env *env, const struct bpf_func_state *old,
		      const struct bpf_func_state *cur, enum exact_level exact)
{
	u32 have = cur->allocated_stack / BPF_REG_SIZE, slots = old->allocated_stack / BPF_REG_SIZE;

	for (u32 i = 0; i < slots; i++) {
		/* An empty slot covers all. */
		if (exact == NOT_EXACT && !(old->used_slots >> i & 1))
			continue;
		if (!slot_safe(env, kept_slot(env, old, i), old->precise_slots >> i & 1,
			       i < have ? &cur->stack[i] : NULL, exact))
			return false;
	}
	return true;
}

static bool refsafe(struct bpf_verifier_env *env, const struct bpf_verifier_state *old,
		    const struct bpf_verifier_state *cur)
{
	if (old->acquired_refs != cur->acquired_refs || old->active_locks != cur->active_locks ||
	    old->active_preempt_locks != cur->active_preempt_locks ||
	    old->active_rcu_lock != cur->active_rcu_lock ||
	    !check_ids(env, old->active_irq_id, cur->active_irq_id) ||
	    !check_ids(env, old->active_lock_id, cur->active_lock_id) ||
	    old->active_lock_ptr != cur->active_lock_ptr)
		return false;
	for (u32 i = 0; i < old->acquired_refs; i++) {
		const struct bpf_reference_state *a = &old->refs[i], *b = &cur->refs[i];

		if (!check_ids(env, a->id, b->id) || a->type != b->type)
			return false;
		if (a->type != REF_TYPE_PTR && a->type != REF_TYPE_IRQ && a->ptr != b->ptr)
			return false;
	}
	return true;
}

/* Where frame @f of @st stands: at its call, the innermost at the state's instruction. */
static u32 frame_insn_idx(const struct bpf_verifier_state *st, u32 f)
{
	return f == st->curframe ? st->insn_idx : (u32)st->frame[f + 1]->callsite;
}

static bool states_equal(struct bpf_verifier_env *env, const struct bpf_verifier_state *old,
			 const struct bpf_verifier_state *cur, enum exact_level exact)
{
	if (old->curframe != cur->curframe || (old->speculative && !cur->speculative) ||
	    old->in_sleepable != cur->in_sleepable)
		return false;
	reset_idmap(env);
	if (!refsafe(env, old, cur))
		return false;
	for (u32 f = 0; f <= old->curframe; f++) {
		const struct bpf_func_state *a = old->frame[f], *b = cur->frame[f];
		u32 live = env->aux[frame_insn_idx(old, f)].live_regs_before;

		if (a->callsite != b->callsite || a->callback_depth > b->callback_depth)
			return false;
		for (u32 i = 0; i < MAX_BPF_REG; i++)
			if ((live >> i & 1) &&
			    !regsafe(env, kept_reg(env, a, i), a->precise_regs >> i & 1,
				     &b->regs[i], exact))
				return false;
		if (!stacksafe(env, a, b, exact))
			return false;
	}
	return true;
}

static bool same_callsites(const struct bpf_verifier_state *a, const struct bpf_verifier_state *b)
{
	if (a->curframe != b->curframe)
		return false;
	for (u32 f = 0; f <= a->curframe; f++)
		if (a->frame[f]->callsite != b->frame[f]->callsite)
			return false;
	return true;
}

/* ---- the table of explored states ---- */

static struct bpf_verifier_state_list **explored_state(struct bpf_verifier_env *env, u32 insn_idx)
{
	const struct bpf_verifier_state *cur = env->cur_state;
	u32 site = (u32)cur->frame[cur->curframe]->callsite;

	return &env->explored_states[(insn_idx ^ site) % env->len];
}

static void list_add(struct bpf_verifier_state_list **head, struct bpf_verifier_state_list *sl)
{
	sl->next = *head;
	sl->pprev = head;
	if (sl->next)
		sl->next->pprev = &sl->next;
	*head = sl;
}

static void list_del(struct bpf_verifier_state_list *sl)
{
	*sl->pprev = sl->next;
	if (sl->next)
		sl->next->pprev = sl->pprev;
}

static void update_peak_states(struct bpf_verifier_env *env)
{
	env->peak_states = max(env->peak_states, env->explored_states_size + env->free_list_size +
							 env->num_backedges);
}

/* ---- loops: visits of strongly connected components ---- */

struct scc_chain {
	u32 site[MAX_CALL_FRAMES];
	u32 scc;
};

struct scc_backedge {
	struct scc_backedge *next;
	struct bpf_verifier_state state; /* where it comes from; without frames unless revised */
	/* In callbacks: equal only in what was needed precisely so far, so compared again later. */
	bool revised;
	u32 history, prev_insn_idx; /* of a revised one, to go on from there */
};

struct scc_visit {
	struct scc_chain chain;
	struct bpf_verifier_state *entry; /* NULL: nobody is inside */
	struct scc_backedge *backedges;
	u32 n;
};

struct scc_info {
	VEC(struct scc_visit) visits;
};

int scc_init(struct bpf_verifier_env *env)
{
	env->sccs = mem_calloc(env->scc_cnt, sizeof(*env->sccs));
	return env->sccs ? 0 : out_of_memory(env);
}

static void free_backedges(struct bpf_verifier_env *env, struct scc_visit *v)
{
	for (struct scc_backedge *b = v->backedges, *next; b; b = next) {
		next = b->next;
		free_verifier_state(env, &b->state, false);
		mem_free(b);
	}
	v->backedges = NULL;
}

/* The outermost frame inside a loop names it, with the calls that led there. */
static bool scc_chain_of(const struct bpf_verifier_env *env, const struct bpf_verifier_state *st,
			 struct scc_chain *chain)
{
	memset(chain, 0, sizeof(*chain));
	for (u32 f = 0; f <= st->curframe; f++) {
		u32 idx = frame_insn_idx(st, f);

		chain->scc = env->aux[idx].scc;
		if (chain->scc)
			return true;
		chain->site[f] = idx;
	}
	return false;
}

static struct scc_visit *find_visit(struct bpf_verifier_env *env, const struct scc_chain *chain)
{
	struct scc_info *info = &env->sccs[chain->scc];

	for (size_t i = 0; i < info->visits.n; i++)
		if (!memcmp(&info->visits.v[i].chain, chain, sizeof(*chain)))
			return &info->visits.v[i];
	return NULL;
}

static void log_scc(struct bpf_verifier_env *env, const char *what, const struct scc_chain *chain)
{
	if (!(env->log.level & BPF_LOG_LEVEL2) || env->profile < KVER(6, 17) ||
	    chain->scc >= env->scc_callbacks)
		return;
	verbose(env, "SCC %s (", what);
	for (u32 i = 0; i < MAX_CALL_FRAMES && chain->site[i]; i++)
		verbose(env, "%u,", chain->site[i]);
	verbose(env, "%u)\n", chain->scc);
}

static int maybe_enter_scc(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	struct scc_visit *v, new;

	memset(&new, 0, sizeof(new));
	if (!scc_chain_of(env, st, &new.chain))
		return 0;
	v = find_visit(env, &new.chain);
	if (!v) {
		struct scc_info *info = &env->sccs[new.chain.scc];

		if (vec_push(&info->visits, new))
			return out_of_memory(env);
		v = &info->visits.v[info->visits.n - 1];
	}
	if (!v->entry) {
		v->entry = st;
		log_scc(env, "enter", &v->chain);
	}
	return 0;
}

/* Whether @st lies in a loop that still waits for its other paths. */
static bool incomplete_read_marks(struct bpf_verifier_env *env, const struct bpf_verifier_state *st)
{
	struct scc_chain chain;
	struct scc_visit *v;

	if (!scc_chain_of(env, st, &chain))
		return false;
	v = find_visit(env, &chain);
	return v && v->backedges;
}

/* Carries precision over all back edges until nothing changes any more. */
static int propagate_backedges(struct bpf_verifier_env *env, struct scc_visit *v)
{
	bool changed = true;

	for (u32 round = 0; changed; round++) {
		if (round > MAX_BACKEDGE_ITERS) {
			if (env->log.level & BPF_LOG_LEVEL2)
				verbose(env, "propagate_backedges: too many iterations\n");
			for (struct scc_backedge *b = v->backedges; b; b = b->next)
				mark_all_scalars_precise(env, &b->state);
			break;
		}
		changed = false;
		for (struct scc_backedge *b = v->backedges; b; b = b->next) {
			int err =
				propagate_precision(env, b->state.equal_state, &b->state, &changed);

			if (err)
				return err;
		}
	}
	return 0;
}

/* The path that ended with @b goes on: it is no longer equal. All above it have a path again. */
static int resume_backedge(struct bpf_verifier_env *env, struct scc_visit *v,
			   struct scc_backedge *b)
{
	struct bpf_verifier_stack_elem *elem = mem_zalloc(sizeof(*elem));

	if (!elem)
		return out_of_memory(env);
	elem->st = b->state;
	memset(&b->state, 0, sizeof(b->state));
	elem->st.equal_state = NULL;
	elem->st.jmp_history_cnt = b->history;
	elem->st.branches = 1;
	elem->kept = true;
	elem->insn_idx = elem->st.insn_idx;
	elem->prev_insn_idx = b->prev_insn_idx;
	elem->log_pos = log_pos(env);
	elem->next = env->head;
	env->head = elem;
	env->stack_size++;
	for (struct bpf_verifier_state *st = elem->st.parent; st; st = st->parent)
		if (st->branches++ || st == v->entry)
			break;
	return 0;
}

/*
 * All paths of the callbacks have ended, what they need precisely is known: whether each state
 * that was taken for equal still is. 0, or -errno. Those that are not have become paths to explore.
 */
static int revise_backedges(struct bpf_verifier_env *env, struct scc_visit *v)
{
	struct bpf_verifier_state st = { 0 };
	int err = 0;

	for (struct scc_backedge **p = &v->backedges, *b; (b = *p) && !err;) {
		if (!b->revised) {
			p = &b->next;
			continue;
		}
		if (copy_verifier_state(env, &st, &b->state)) {
			err = out_of_memory(env);
			break;
		}
		if (states_equal(env, b->state.equal_state, &st, NOT_EXACT)) {
			p = &b->next;
			continue;
		}
		err = resume_backedge(env, v, b);
		if (err)
			break;
		*p = b->next;
		mem_free(b);
	}
	free_verifier_state(env, &st, false);
	return err;
}

static int maybe_exit_scc(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	struct scc_chain chain;
	struct scc_visit *v;
	int err;

	if (!scc_chain_of(env, st, &chain))
		return 0;
	v = find_visit(env, &chain);
	if (!v)
		return st->speculative ? 0 : refuse(env, DIAG_STATE_SCC, st->insn_idx);
	if (v->entry != st)
		return 0;
	log_scc(env, "exit", &chain);
	err = propagate_backedges(env, v);
	if (!err)
		err = revise_backedges(env, v);
	if (err || st->branches)
		return err;
	v->entry = NULL;
	env->num_backedges -= v->n;
	v->n = 0;
	update_peak_states(env);
	free_backedges(env, v);
	return 0;
}

/*
 * Whether a state that equals @old, in callbacks that are not complete, may be taken for equal
 * before it is known what they need precisely. (Asynchronous callbacks begin without a
 * parent; and an explanation follows one path from the beginning on.)
 */
static bool may_revise(const struct bpf_verifier_env *env, const struct bpf_verifier_state *old)
{
	struct scc_chain chain;

	return !env->trail && !old->frame[0]->in_async_callback_fn &&
	       scc_chain_of(env, old, &chain) && chain.scc >= env->scc_callbacks;
}

/* @cur equals @old, a state of a loop that is not complete. @history: of @cur, before that. */
static int add_scc_backedge(struct bpf_verifier_env *env, struct bpf_verifier_state *old,
			    const struct bpf_verifier_state *cur, u32 insn_idx, bool revised,
			    u32 history)
{
	struct scc_backedge *b = mem_zalloc(sizeof(*b));
	struct scc_chain chain;
	struct scc_visit *v;

	if (!b)
		return out_of_memory(env);
	b->revised = revised;
	b->history = history;
	b->prev_insn_idx = env->prev_insn_idx;
	if (revised ? keep_verifier_state(env, &b->state, cur) : copy_state_head(&b->state, cur)) {
		free_verifier_state(env, &b->state, false);
		mem_free(b);
		return out_of_memory(env);
	}
	b->state.equal_state = old;
	b->state.insn_idx = insn_idx;
	v = scc_chain_of(env, old, &chain) ? find_visit(env, &chain) : NULL;
	if (!v) {
		free_verifier_state(env, &b->state, false);
		mem_free(b);
		return refuse(env, DIAG_STATE_SCC, insn_idx);
	}
	log_scc(env, "backedge", &chain);
	b->next = v->backedges;
	v->backedges = b;
	if (chain.scc < env->scc_callbacks) { /* the others count as no states, as in Linux */
		v->n++;
		env->num_backedges++;
	}
	update_peak_states(env);
	return 0;
}

/* ---- the end of paths ---- */

static void maybe_free_state(struct bpf_verifier_env *env, struct bpf_verifier_state_list *sl)
{
	if (!sl->in_free_list || sl->state.branches || incomplete_read_marks(env, &sl->state))
		return;
	list_del(sl);
	free_verifier_state(env, &sl->state, false);
	mem_free(sl);
	env->free_list_size--;
}

/* A path from @st ended: so did every state above it that has no other path left. */
int update_branch_counts(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	struct bpf_verifier_state_list *sl = NULL;

	while (st) {
		struct bpf_verifier_state *parent;
		int err;

		if (--st->branches)
			break;
		err = maybe_exit_scc(env, st);
		if (err)
			return err;
		if (st->branches) /* there are paths again */
			break;
		parent = st->parent;
		if (sl)
			maybe_free_state(env, sl);
		sl = parent ? container_of(parent, struct bpf_verifier_state_list, state) : NULL;
		st = parent;
	}
	return 0;
}

/* Everything that one check of a subprogram left; the counts go on, as Linux's do. */
void free_states(struct bpf_verifier_env *env)
{
	struct bpf_verifier_state_list *sl, *next;

	free_verifier_state(env, env->cur_state, true);
	env->cur_state = NULL;
	while (!pop_stack(env, NULL, NULL, false))
		;
	for (sl = env->free_list; sl; sl = next) {
		next = sl->next;
		free_verifier_state(env, &sl->state, false);
		mem_free(sl);
	}
	env->free_list = NULL;
	for (u32 i = 0; env->sccs && i < env->scc_cnt; i++) {
		for (size_t k = 0; k < env->sccs[i].visits.n; k++)
			free_backedges(env, &env->sccs[i].visits.v[k]);
		vec_free(&env->sccs[i].visits);
	}
	if (!env->explored_states)
		return;
	for (u32 i = 0; i < env->len; i++) {
		for (sl = env->explored_states[i]; sl; sl = next) {
			next = sl->next;
			free_verifier_state(env, &sl->state, false);
			mem_free(sl);
		}
		env->explored_states[i] = NULL;
	}
}

/* ---- cleaning: what is not live need not be compared ---- */

static int clean_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	int err = live_stack_query_init(env, st);

	if (err)
		return err;
	st->cleaned = true;
	for (u32 f = 0; f <= st->curframe; f++) {
		struct bpf_func_state *func = st->frame[f];
		u32 live = env->aux[frame_insn_idx(st, f)].live_regs_before;

		for (u32 i = 0; i < BPF_REG_FP; i++)
			if (!(live >> i & 1))
				kept_forget_reg(env, func, i);
		for (u32 i = 0; i < func->allocated_stack / BPF_REG_SIZE; i++)
			if (!stack_slot_alive(env, f, i))
				kept_forget_slot(env, func, i);
	}
	return 0;
}

static int clean_live_states(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct bpf_verifier_state_list *sl;

	for (sl = *explored_state(env, insn_idx); sl; sl = sl->next) {
		int err;

		if (sl->state.branches || sl->state.cleaned || sl->state.insn_idx != insn_idx ||
		    !same_callsites(&sl->state, env->cur_state) ||
		    incomplete_read_marks(env, &sl->state))
			continue;
		err = clean_verifier_state(env, &sl->state);
		if (err)
			return err;
	}
	return 0;
}

/* ---- loops of unknown length ---- */

struct bpf_verifier_state *find_prev_entry(struct bpf_verifier_env *env,
					   struct bpf_verifier_state *cur, u32 insn_idx)
{
	struct bpf_verifier_state_list *sl;

	if (!cur)
		return NULL;
	for (sl = *explored_state(env, insn_idx); sl; sl = sl->next)
		if (sl->state.insn_idx == insn_idx && sl->state.branches &&
		    same_callsites(&sl->state, cur) && sl->state.dfs_depth < cur->dfs_depth)
			return &sl->state;
	return NULL;
}

static void maybe_widen_reg(struct bpf_verifier_env *env, const struct bpf_reg_state *old,
			    bool old_precise, struct bpf_reg_state *cur)
{
	if (old->type != SCALAR_VALUE || cur->type != SCALAR_VALUE || old_precise || cur->precise ||
	    regs_exact(env, old, cur))
		return;
	__mark_reg_unknown(env, cur);
}

void widen_imprecise_scalars(struct bpf_verifier_env *env, struct bpf_verifier_state *old,
			     struct bpf_verifier_state *cur)
{
	reset_idmap(env);
	for (int f = (int)old->curframe; f >= 0; f--) {
		const struct bpf_func_state *a = old->frame[f];
		struct bpf_func_state *b = cur->frame[f];
		u32 slots = min(a->allocated_stack, b->allocated_stack) / BPF_REG_SIZE;

		for (u32 i = 0; i < MAX_BPF_REG; i++)
			maybe_widen_reg(env, kept_reg(env, a, i), a->precise_regs >> i & 1,
					&b->regs[i]);
		for (u32 i = 0; i < slots; i++)
			if (is_spilled_reg(kept_slot(env, a, i)) && is_spilled_reg(&b->stack[i]))
				maybe_widen_reg(env, &kept_slot(env, a, i)->spilled_ptr,
						a->precise_slots >> i & 1,
						&b->stack[i].spilled_ptr);
	}
}

/* ---- the decision ---- */

/* A quick look before the full comparison; ids of pointers may still differ. */
static bool states_maybe_looping(const struct bpf_verifier_env *env,
				 const struct bpf_verifier_state *old,
				 const struct bpf_verifier_state *cur)
{
	const struct bpf_func_state *a, *b;

	if (old->curframe != cur->curframe)
		return false;
	a = old->frame[old->curframe];
	b = cur->frame[cur->curframe];
	for (u32 i = 0; i < MAX_BPF_REG; i++)
		if (memcmp(kept_reg(env, a, i), &b->regs[i],
			   offsetof(struct bpf_reg_state, frameno)))
			return false;
	return true;
}

/* An iterator that advanced since @old: another round of its loop, not an endless one. */
static bool iter_active_depths_differ(const struct bpf_verifier_env *env,
				      const struct bpf_verifier_state *old,
				      const struct bpf_verifier_state *cur)
{
	for (u32 f = 0; f <= old->curframe; f++) {
		const struct bpf_func_state *a = old->frame[f], *b = cur->frame[f];

		for (u32 i = 0; i < a->allocated_stack / BPF_REG_SIZE; i++) {
			const struct bpf_stack_state *slot = kept_slot(env, a, i);

			if (slot->slot_type[0] == STACK_ITER &&
			    slot->spilled_ptr.iter.state == ITER_STATE_ACTIVE &&
			    b->stack[i].spilled_ptr.iter.depth != slot->spilled_ptr.iter.depth)
				return true;
		}
	}
	return false;
}

/* The iterator that R1 points at, at an iter_next call. */
static bool iter_is_active(const struct bpf_verifier_state *cur)
{
	const struct bpf_reg_state *r1 = &cur->frame[cur->curframe]->regs[BPF_REG_1];
	const struct bpf_func_state *func = cur->frame[r1->frameno];
	s32 off = r1->off + (s32)r1->var_off.value;
	u32 spi = (u32)(-off - 1) / BPF_REG_SIZE;

	return spi < func->allocated_stack / BPF_REG_SIZE &&
	       func->stack[spi].spilled_ptr.iter.state == ITER_STATE_ACTIVE;
}

static int infinite_loop(struct bpf_verifier_env *env, const struct bpf_verifier_state *old,
			 u32 insn_idx)
{
	const struct bpf_verifier_state *cur = env->cur_state;
	int err;

	verbose_linfo(env, insn_idx, "; ");
	err = refuse(env, DIAG_STATE_INFINITE_LOOP, insn_idx);
	verbose(env, "cur state:");
	print_verifier_state(env, cur, cur->curframe, true);
	verbose(env, "old state:");
	print_verifier_state(env, old, cur->curframe, true);
	return err;
}

enum match { MISS, HIT_LOOP };

/*
 * Compares with a state that has paths left, so lies on the way to the current one
 * (or beside it). MISS, HIT_LOOP or -errno.
 */
static int match_open_state(struct bpf_verifier_env *env, struct bpf_verifier_state *old,
			    u32 insn_idx)
{
	const struct bpf_verifier_state *cur = env->cur_state;
	const struct bpf_func_state *frame = old->frame[old->curframe];
	const struct bpf_insn *insn = &env->insns[insn_idx];

	/* Another entry into an asynchronous callback is no loop. */
	if (frame->in_async_callback_fn &&
	    frame->async_entry_cnt != cur->frame[cur->curframe]->async_entry_cnt)
		return MISS;
	if (env->aux[insn_idx].is_iter_next)
		return states_equal(env, old, cur, RANGE_WITHIN) && iter_is_active(cur) ? HIT_LOOP :
											  MISS;
	if (insn->code == (BPF_JMP | BPF_JCOND) && old->may_goto_depth != cur->may_goto_depth &&
	    states_equal(env, old, cur, RANGE_WITHIN))
		return HIT_LOOP;
	/*
	 * Linux records no back edge here; without one, what the callback's other paths need
	 * precisely would not be marked on this path. DIFF(callback-backedge)
	 */
	if (env->aux[insn_idx].calls_callback)
		return states_equal(env, old, cur, RANGE_WITHIN) ? HIT_LOOP : MISS;
	if (states_maybe_looping(env, old, cur) && states_equal(env, old, cur, EXACT) &&
	    !iter_active_depths_differ(env, old, cur) &&
	    old->may_goto_depth == cur->may_goto_depth &&
	    old->callback_unroll_depth == cur->callback_unroll_depth)
		return infinite_loop(env, old, insn_idx);
	return MISS;
}

/* How a state is covered by an explored one: for good, in a loop, or as far as is known. */
enum hit { HIT, HIT_IN_LOOP, HIT_REVISED };

static int take_hit(struct bpf_verifier_env *env, struct bpf_verifier_state_list *sl, u32 insn_idx,
		    enum hit hit)
{
	struct bpf_verifier_state *cur = env->cur_state;
	u32 history = cur->jmp_history_cnt;
	int err = 0;

	sl->hit_cnt++;
	/* What the old state needed precisely, the way to the current one must provide. */
	if (env->aux[env->insn_idx].jmp_point)
		err = push_jmp_history(env, cur, 0, 0);
	if (!err)
		err = propagate_precision(env, &sl->state, cur, NULL);
	if (!err && hit != HIT)
		err = add_scc_backedge(env, &sl->state, cur, insn_idx, hit == HIT_REVISED, history);
	return err ? err : 1;
}

/* Remembers the current state; what follows belongs to it. */
static int add_state(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct bpf_verifier_state *cur = env->cur_state, *new;
	struct bpf_verifier_state_list *sl = mem_zalloc(sizeof(*sl));
	int err;

	if (!sl)
		return out_of_memory(env);
	env->total_states++;
	if (env->work)
		env->work[insn_idx].states++;
	env->explored_states_size++;
	update_peak_states(env);
	env->prev_jmps_processed = env->jmps_processed;
	env->prev_insn_processed = env->insn_processed;
	/* Precision wanted so far was wanted of older states. */
	if (env->bpf_capable)
		mark_all_scalars_imprecise(cur);
	new = &sl->state;
	err = keep_verifier_state(env, new, cur) ? out_of_memory(env) : 0;
	new->insn_idx = insn_idx;
	if (!err)
		err = maybe_enter_scc(env, new);
	if (err) {
		free_verifier_state(env, new, false);
		mem_free(sl);
		return err;
	}
	cur->parent = new;
	forget_log_marks(cur);
	cur->first_insn_idx = insn_idx;
	cur->dfs_depth = new->dfs_depth + 1;
	cur->jmp_history_cnt = 0;
	list_add(explored_state(env, insn_idx), sl);
	return 0;
}

/*
 * How many instructions must lie between states that are kept. Programs that people write keep
 * some thousands at a time; one that is made to keep a hundred thousand would take memory for
 * nothing. DIFF(many-states)
 */
static u32 insns_between_states(const struct bpf_verifier_env *env)
{
	return env->explored_states_size < MANY_STATES ? 8 : 64;
}

/* At a prune point: 1 when the current state is covered by an explored one, 0 to go on. */
int is_state_visited(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct bpf_verifier_state *cur = env->cur_state;
	struct bpf_verifier_state_list *sl, *next;
	bool force = env->test_state_freq || env->aux[insn_idx].force_checkpoint ||
		     cur->jmp_history_cnt > 40;
	bool add = force ||
		   (env->jmps_processed - env->prev_jmps_processed >= 2 &&
		    env->insn_processed - env->prev_insn_processed >= insns_between_states(env));
	u32 states = 0, patience;
	int err;

	err = clean_live_states(env, insn_idx);
	if (err)
		return err;
	for (sl = *explored_state(env, insn_idx); sl; sl = next) {
		next = sl->next;
		states++;
		if (sl->state.insn_idx != insn_idx)
			continue;
		if (sl->state.branches) {
			err = match_open_state(env, &sl->state, insn_idx);
			if (err < 0)
				return err;
			if (err != MISS)
				return take_hit(env, sl, insn_idx, HIT_IN_LOOP);
			/* In a loop: not a state in every round, they would not help. */
			if (!force && env->jmps_processed - env->prev_jmps_processed < 20 &&
			    env->insn_processed - env->prev_insn_processed < 100)
				add = false;
		} else {
			bool loop = incomplete_read_marks(env, &sl->state);

			if (states_equal(env, &sl->state, cur, loop ? RANGE_WITHIN : NOT_EXACT))
				return take_hit(env, sl, insn_idx, loop ? HIT_IN_LOOP : HIT);
			if (loop && may_revise(env, &sl->state) &&
			    states_equal(env, &sl->state, cur, NOT_EXACT))
				return take_hit(env, sl, insn_idx, HIT_REVISED);
		}
		if (add)
			sl->miss_cnt++;
		/* A state that never matches only costs time. */
		patience = env->aux[insn_idx].force_checkpoint && sl->state.branches ? 64 : 3;
		if (sl->miss_cnt > sl->hit_cnt * patience + patience) {
			sl->in_free_list = true;
			list_del(sl);
			list_add(&env->free_list, sl);
			env->free_list_size++;
			env->explored_states_size--;
			maybe_free_state(env, sl);
		}
	}
	env->max_states_per_insn = max(env->max_states_per_insn, states);
	if ((!env->bpf_capable && states > BPF_COMPLEXITY_LIMIT_STATES) || !add)
		return 0;
	return add_state(env, insn_idx);
}
