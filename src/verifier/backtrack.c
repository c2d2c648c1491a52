/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Precision: when the verdict depends on the value of a scalar, that scalar, and
 * whatever it was computed from, is marked precise in the explored states on the way
 * here, found by walking the instructions of this path backwards (Linux:
 * mark_chain_precision() in verifier.c). Imprecise scalars are not compared when
 * states are pruned.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isa/insn.h"
#include "verifier/verifier.h"

#define ARG_REGS 0x3eU /* r1 .. r5 */
#define GIVE_UP	 1     /* cannot tell what the value came from: everything is precise */

/* ---- history ---- */

/*
 * Notes that this path is at env->insn_idx, with what the registers' states alone do
 * not tell: a stack access, linked registers. One entry per visited instruction.
 */
int push_jmp_history(struct bpf_verifier_env *env, struct bpf_verifier_state *cur, u32 insn_flags,
		     u64 linked_regs)
{
	struct jmp_history_entry *p = env->cur_hist_ent;

	if (p) { /* this instruction has its entry already */
		p->flags |= insn_flags;
		p->linked_regs = linked_regs;
		return 0;
	}
	if (cur->jmp_history_cnt == cur->jmp_history_cap) {
		u32 cap = cur->jmp_history_cap ? cur->jmp_history_cap * 2 : 8;

		p = mem_realloc_array(cur->jmp_history, cap, sizeof(*p));
		if (!p)
			return out_of_memory(env);
		cur->jmp_history = p;
		cur->jmp_history_cap = cap;
	}
	p = &cur->jmp_history[cur->jmp_history_cnt++];
	p->idx = env->insn_idx;
	p->prev_idx = env->prev_insn_idx;
	p->flags = insn_flags;
	p->linked_regs = linked_regs;
	env->cur_hist_ent = p;
	return 0;
}

static const struct jmp_history_entry *history_entry(const struct bpf_verifier_state *st, u32 cnt,
						     int idx)
{
	if (cnt && st->jmp_history[cnt - 1].idx == (u32)idx)
		return &st->jmp_history[cnt - 1];
	return NULL;
}

/* The instruction before @idx on the path of @st; -ENOENT at the state's beginning. */
static int prev_insn_idx(const struct bpf_verifier_state *st, int idx, u32 *cnt)
{
	if ((u32)idx == st->first_insn_idx) {
		if (!*cnt || (*cnt == 1 && st->jmp_history[0].idx == (u32)idx))
			return -ENOENT;
	}
	if (*cnt && st->jmp_history[*cnt - 1].idx == (u32)idx)
		return (int)st->jmp_history[--*cnt].prev_idx;
	return idx - 1;
}

/* ---- the set of wanted registers and slots ---- */

static u32 *regs_of(struct backtrack_state *bt)
{
	return &bt->reg_masks[bt->frame];
}

static bool is_wanted(const struct backtrack_state *bt, u32 reg)
{
	return bt->reg_masks[bt->frame] >> reg & 1;
}

static void want(struct backtrack_state *bt, u32 reg)
{
	*regs_of(bt) |= BIT(reg);
}

static void unwant(struct backtrack_state *bt, u32 reg)
{
	*regs_of(bt) &= ~BIT(reg);
}

static bool is_empty(const struct backtrack_state *bt)
{
	u64 any = 0;

	for (u32 i = 0; i <= bt->frame; i++)
		any |= bt->reg_masks[i] | bt->stack_masks[i];
	return !any;
}

/* If one of linked registers is wanted, all are: the branch learnt of each from any. */
static void want_linked(struct backtrack_state *bt, const struct jmp_history_entry *hist)
{
	struct linked_regs set;
	bool some = false;

	if (!hist || !hist->linked_regs)
		return;
	linked_regs_unpack(hist->linked_regs, &set);
	for (u32 i = 0; i < set.cnt; i++) {
		const struct linked_reg *e = &set.entry[i];
		u64 mask = e->is_reg ? bt->reg_masks[e->frameno] : bt->stack_masks[e->frameno];

		some |= mask >> e->number & 1;
	}
	for (u32 i = 0; some && i < set.cnt; i++) {
		const struct linked_reg *e = &set.entry[i];

		if (e->is_reg)
			bt->reg_masks[e->frameno] |= BIT(e->number);
		else
			bt->stack_masks[e->frameno] |= BIT_ULL(e->number);
	}
}

static const char *reg_mask_text(char *buf, size_t size, u32 mask)
{
	size_t n = 0;

	buf[0] = 0;
	for (u32 i = 0; i < 32 && n < size; i++)
		if (mask >> i & 1)
			n += (size_t)snprintf(buf + n, size - n, "%sr%u", n ? "," : "", i);
	return buf;
}

const char *stack_mask_text(char *buf, size_t size, u64 mask)
{
	size_t n = 0;

	buf[0] = 0;
	for (int i = 0; i < 64 && n < size; i++)
		if (mask >> i & 1)
			n += (size_t)snprintf(buf + n, size - n, "%s%d", n ? "," : "",
					      -(i + 1) * 8);
	return buf;
}

/* ---- one instruction backwards ---- */

static bool is_pseudo_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

static int leave_frame(struct bpf_verifier_env *env)
{
	struct backtrack_state *bt = &env->bt;

	if (!bt->frame)
		return refuse(env, DIAG_STATE_BACKTRACK, bt->frame);
	bt->frame--;
	return 0;
}

static int enter_frame(struct bpf_verifier_env *env)
{
	struct backtrack_state *bt = &env->bt;

	if (bt->frame == MAX_CALL_FRAMES - 1)
		return refuse(env, DIAG_STATE_BACKTRACK, bt->frame);
	bt->frame++;
	return 0;
}

/*
 * @idx calls a function whose body the walk just went through (from its end to its
 * entry), so only arguments can still be wanted; they become the caller's registers.
 * @callback: they are the helper's business.
 */
static int back_to_caller(struct bpf_verifier_env *env, bool callback)
{
	struct backtrack_state *bt = &env->bt;
	u32 args = *regs_of(bt) & ARG_REGS;

	if (*regs_of(bt) & ~ARG_REGS)
		return refuse(env, DIAG_STATE_BACKTRACK_REGS, *regs_of(bt));
	if (bt->stack_masks[bt->frame])
		return refuse(env, DIAG_STATE_BACKTRACK_SLOTS,
			      (unsigned long long)bt->stack_masks[bt->frame]);
	*regs_of(bt) = 0;
	if (!callback && bt->frame)
		bt->reg_masks[bt->frame - 1] |= args;
	return leave_frame(env);
}

static int backtrack_call(struct bpf_verifier_env *env, int idx, int subseq_idx)
{
	const struct bpf_insn *insn = &env->insns[idx];
	struct backtrack_state *bt = &env->bt;
	int subprog;

	if (is_pseudo_call(insn)) {
		subprog = find_subprog(env, (u32)(idx + insn->imm + 1));
		if (subprog < 0)
			return refuse(env, DIAG_STATE_BACKTRACK, idx);
		if (!env->subprog_info[subprog].is_global)
			return back_to_caller(env, false);
	} else if (env->aux[idx].calls_callback && subseq_idx != idx + 1) {
		return back_to_caller(env, true);
	} else if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL && !insn->imm) {
		return GIVE_UP;
	}
	/* The result comes from outside; arguments were forgotten by the call. */
	unwant(bt, BPF_REG_0);
	if (*regs_of(bt) & ARG_REGS)
		return refuse(env, DIAG_STATE_BACKTRACK_REGS, *regs_of(bt));
	return 0;
}

/* The end of a subprogram or callback: the walk goes into it. */
static int backtrack_exit(struct bpf_verifier_env *env, int subseq_idx)
{
	struct backtrack_state *bt = &env->bt;
	bool from_call = subseq_idx > 0 && is_pseudo_call(&env->insns[subseq_idx - 1]);
	bool r0 = from_call && is_wanted(bt, BPF_REG_0);
	int err;

	if (!from_call)
		*regs_of(bt) &= ~ARG_REGS; /* the helper's, set anew for each round */
	if (*regs_of(bt) & ARG_REGS)
		return refuse(env, DIAG_STATE_BACKTRACK_REGS, *regs_of(bt));
	unwant(bt, BPF_REG_0);
	err = enter_frame(env);
	if (!err && r0)
		want(bt, BPF_REG_0);
	return err;
}

static int backtrack_jmp(struct bpf_verifier_env *env, int idx, int subseq_idx,
			 const struct jmp_history_entry *hist)
{
	const struct bpf_insn *insn = &env->insns[idx];
	struct backtrack_state *bt = &env->bt;
	u8 op = BPF_OP(insn->code);

	if (op == BPF_CALL && !insn->src_reg && insn->imm == BPF_FUNC_tail_call &&
	    subseq_idx >= 0 && subseq_idx != idx + 1) {
		int err = backtrack_exit(env, subseq_idx);

		if (!err) /* another program's */
			unwant(bt, BPF_REG_0);
		return err;
	}
	if (op == BPF_CALL)
		return backtrack_call(env, idx, subseq_idx);
	if (op == BPF_EXIT)
		return backtrack_exit(env, subseq_idx);
	if (BPF_SRC(insn->code) != BPF_X || op == BPF_JA || op == BPF_JCOND)
		return 0;
	/* What is known of one side came from the other. */
	if (!is_wanted(bt, insn->dst_reg) && !is_wanted(bt, insn->src_reg))
		return 0;
	if (!hist || !(hist->flags & INSN_F_SRC_REG_STACK))
		want(bt, insn->src_reg);
	if (!hist || !(hist->flags & INSN_F_DST_REG_STACK))
		want(bt, insn->dst_reg);
	return 0;
}

static int backtrack_alu(struct backtrack_state *bt, const struct bpf_insn *insn)
{
	u8 op = BPF_OP(insn->code);

	if (!is_wanted(bt, insn->dst_reg) || op == BPF_END || op == BPF_NEG)
		return 0;
	if (op == BPF_MOV)
		unwant(bt, insn->dst_reg);
	if (BPF_SRC(insn->code) == BPF_X && insn->src_reg != BPF_REG_FP)
		want(bt, insn->src_reg);
	return 0;
}

static void want_slot(struct backtrack_state *bt, u32 flags)
{
	bt->stack_masks[flags & INSN_F_FRAMENO_MASK] |=
		BIT_ULL(flags >> INSN_F_SPI_SHIFT & INSN_F_SPI_MASK);
}

/* A load, or the loading half of an atomic: where from is only followed into the stack. */
static int backtrack_load(struct backtrack_state *bt, u32 reg, const struct jmp_history_entry *hist)
{
	if (!is_wanted(bt, reg))
		return 0;
	unwant(bt, reg);
	if (hist && (hist->flags & INSN_F_STACK_ACCESS))
		want_slot(bt, hist->flags);
	return 0;
}

/* An atomic that leaves the old value in a register. */
static bool insn_fetches(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_STX && BPF_MODE(insn->code) == BPF_ATOMIC &&
	       insn->imm != BPF_LOAD_ACQ && insn->imm != BPF_STORE_REL && (insn->imm & BPF_FETCH);
}

static u32 fetched_reg(const struct bpf_insn *insn)
{
	return insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg;
}

static int backtrack_store(struct backtrack_state *bt, const struct bpf_insn *insn,
			   const struct jmp_history_entry *hist)
{
	u64 *mask, slot;

	/* A scalar's register cannot be the base of a store. */
	if (is_wanted(bt, insn->dst_reg))
		return GIVE_UP;
	if (!hist || !(hist->flags & INSN_F_STACK_ACCESS))
		return 0;
	mask = &bt->stack_masks[hist->flags & INSN_F_FRAMENO_MASK];
	slot = BIT_ULL(hist->flags >> INSN_F_SPI_SHIFT & INSN_F_SPI_MASK);
	if (!(*mask & slot))
		return 0;
	*mask &= ~slot;
	if (BPF_CLASS(insn->code) == BPF_STX)
		want(bt, insn->src_reg);
	return 0;
}

/* Replaces what is wanted after @idx by what is wanted before it. 0, GIVE_UP or -errno. */
/* Until 6.3 the log said which registers are wanted by the bits of a number. */
static bool logs_masks(const struct bpf_verifier_env *env)
{
	return !visible(env->profile, KVER(6, 4));
}

static int backtrack_insn(struct bpf_verifier_env *env, int idx, int subseq_idx,
			  const struct jmp_history_entry *hist)
{
	const struct bpf_insn *insn = &env->insns[idx];
	struct backtrack_state *bt = &env->bt;
	u8 class = BPF_CLASS(insn->code);
	int err = 0;

	if (!insn->code)
		return 0; /* second half of a 64-bit constant */
	if (unlikely(env->log.level & BPF_LOG_LEVEL2)) {
		char regs[64], slots[320];

		if (logs_masks(env))
			verbose(env, "regs=%x stack=%llx before %d: ", *regs_of(bt),
				(unsigned long long)bt->stack_masks[bt->frame], idx);
		else
			verbose(env,
				"mark_precise: frame%u: regs=%s stack=%s before %d: ", bt->frame,
				reg_mask_text(regs, sizeof(regs), *regs_of(bt)),
				stack_mask_text(slots, sizeof(slots), bt->stack_masks[bt->frame]),
				idx);
		verbose_insn(env, (u32)idx);
	}
	/* Before, as the links may be of what the instruction reads ... */
	want_linked(bt, hist);
	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		err = backtrack_alu(bt, insn);
		break;
	case BPF_LDX:
		return backtrack_load(bt, insn->dst_reg, hist);
	case BPF_ST:
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC && insn->imm == BPF_LOAD_ACQ)
			return backtrack_load(bt, insn->dst_reg, hist);
		/*
		 * Linux 6.18 does not follow a fetched value into the stack, and so prunes
		 * paths on which it is another. DIFF(atomic-fetch-precision)
		 */
		if (insn_fetches(insn) && is_wanted(bt, fetched_reg(insn)))
			return backtrack_load(bt, fetched_reg(insn), hist);
		err = backtrack_store(bt, insn, hist);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		err = backtrack_jmp(env, idx, subseq_idx, hist);
		break;
	case BPF_LD:
		/* A load out of the packet ended its function: the frames do not fit. */
		if (BPF_MODE(insn->code) != BPF_IMM && subseq_idx >= 0 && subseq_idx != idx + 1)
			return GIVE_UP;
		if (BPF_MODE(insn->code) == BPF_IMM)
			unwant(bt, insn->dst_reg);
		else if (is_wanted(bt, insn->dst_reg))
			return GIVE_UP;
		break;
	}
	if (err)
		return err;
	/* ... and after, of what it wants. */
	want_linked(bt, hist);
	return 0;
}

/* ---- whole states ---- */

void mark_all_scalars_precise(struct bpf_verifier_env *env, struct bpf_verifier_state *st)
{
	bool log = env->log.level & BPF_LOG_LEVEL2;

	if (log)
		verbose(env, "mark_precise: frame%u: falling back to forcing all scalars precise\n",
			st->curframe);
	for (st = st->parent; st; st = st->parent) {
		for (u32 f = 0; f <= st->curframe; f++) {
			struct bpf_func_state *func = st->frame[f];

			for (u32 i = 0; i < BPF_REG_FP; i++) {
				if (kept_reg(env, func, i)->type != SCALAR_VALUE ||
				    func->precise_regs & BIT(i))
					continue;
				func->precise_regs |= (u16)BIT(i);
				if (log)
					verbose(env,
						"force_precise: frame%u: forcing r%u to be "
						"precise\n",
						f, i);
			}
			for (u32 i = 0; i < func->allocated_stack / BPF_REG_SIZE; i++) {
				if (!is_spilled_scalar_reg(kept_slot(env, func, i)) ||
				    func->precise_slots & BIT_ULL(i))
					continue;
				func->precise_slots |= BIT_ULL(i);
				if (log)
					verbose(env,
						"force_precise: frame%u: forcing fp%d to be "
						"precise\n",
						f, -((int)i + 1) * 8);
			}
		}
	}
}

void mark_all_scalars_imprecise(struct bpf_verifier_state *st)
{
	for (u32 f = 0; f <= st->curframe; f++) {
		struct bpf_func_state *func = st->frame[f];

		for (u32 i = 0; i < BPF_REG_FP; i++)
			if (func->regs[i].type == SCALAR_VALUE)
				func->regs[i].precise = false;
		for (u32 i = 0; i < func->allocated_stack / BPF_REG_SIZE; i++)
			if (is_spilled_reg(&func->stack[i]) &&
			    func->stack[i].spilled_ptr.type == SCALAR_VALUE)
				func->stack[i].spilled_ptr.precise = false;
	}
}

/*
 * Marks what is wanted in one frame of an explored state. What is no scalar there, or
 * already precise (then so is all it came from), is wanted no longer.
 */
static int mark_frame(struct bpf_verifier_env *env, struct bpf_verifier_state *st, u32 f,
		      bool *changed)
{
	struct backtrack_state *bt = &env->bt;
	struct bpf_func_state *func = st->frame[f];
	u32 slots = func->allocated_stack / BPF_REG_SIZE, had = 0;
	u64 slots_had = 0;
	bool new_marks = false;

	for (u32 m = bt->reg_masks[f]; m; m &= m - 1) {
		u32 i = (u32)__builtin_ctz(m);
		bool scalar = kept_reg(env, func, i)->type == SCALAR_VALUE;

		if (!scalar || func->precise_regs & BIT(i)) {
			bt->reg_masks[f] &= ~BIT(i);
			had |= scalar ? BIT(i) : 0;
		} else {
			func->precise_regs |= (u16)BIT(i);
			*changed = new_marks = true;
		}
	}
	for (u64 m = bt->stack_masks[f]; m; m &= m - 1) {
		u32 i = (u32)__builtin_ctzll(m);
		bool scalar;

		if (i >= slots)
			return refuse(env, DIAG_STATE_BACKTRACK_SLOTS,
				      (unsigned long long)bt->stack_masks[f]);
		scalar = is_spilled_scalar_reg(kept_slot(env, func, i));
		if (!scalar || func->precise_slots & BIT_ULL(i)) {
			bt->stack_masks[f] &= ~BIT_ULL(i);
			slots_had |= scalar ? BIT_ULL(i) : 0;
		} else {
			func->precise_slots |= BIT_ULL(i);
			*changed = new_marks = true;
		}
	}
	if (unlikely(env->log.level & BPF_LOG_LEVEL2)) {
		char regs[64], text[320];

		if (logs_masks(env))
			verbose(env, "parent %s regs=%x stack=%llx marks:",
				new_marks ? "didn't have" : "already had", bt->reg_masks[f] | had,
				(unsigned long long)(bt->stack_masks[f] | slots_had));
		else
			verbose(env, "mark_precise: frame%u: parent state regs=%s stack=%s: ", f,
				reg_mask_text(regs, sizeof(regs), bt->reg_masks[f]),
				stack_mask_text(text, sizeof(text), bt->stack_masks[f]));
		print_verifier_state(env, st, f, true);
	}
	return 0;
}

/* The entry of a global function: its arguments may be wanted, nothing else can be. */
static int mark_global_entry(struct bpf_verifier_env *env, struct bpf_verifier_state *st,
			     bool *changed)
{
	struct backtrack_state *bt = &env->bt;
	struct bpf_func_state *func = st->frame[0];

	if (st->curframe || !func->subprogno || func->callsite != BPF_MAIN_FUNC ||
	    bt->stack_masks[bt->frame] || (*regs_of(bt) & ~ARG_REGS))
		return refuse(env, DIAG_STATE_BACKTRACK_ENTRY, func->subprogno, *regs_of(bt),
			      (unsigned long long)bt->stack_masks[bt->frame]);
	for (u32 i = BPF_REG_1; i <= BPF_REG_5; i++)
		if (is_wanted(bt, i) && kept_reg(env, func, i)->type == SCALAR_VALUE) {
			func->precise_regs |= (u16)BIT(i);
			*changed = true;
		}
	memset(bt, 0, sizeof(*bt));
	return 0;
}

/* Walks back from the end of @start's path, until nothing in env->bt is wanted any more. */
static int walk_back(struct bpf_verifier_env *env, struct bpf_verifier_state *start, bool *changed)
{
	struct backtrack_state *bt = &env->bt;
	struct bpf_verifier_state *st = start;
	int first = (int)st->first_insn_idx, last = (int)st->insn_idx, subseq = -1, i, err;
	bool skip = true; /* the instruction that asks */

	for (;;) {
		u32 cnt = st->jmp_history_cnt;

		if ((env->log.level & BPF_LOG_LEVEL2) && logs_masks(env))
			verbose(env, "last_idx %d first_idx %d\n", last, first);
		else if (env->log.level & BPF_LOG_LEVEL2)
			verbose(env,
				"mark_precise: frame%u: last_idx %d first_idx %d subseq_idx %d \n",
				bt->frame, last, first, subseq);
		if (last < 0)
			return mark_global_entry(env, st, changed);
		for (i = last; i != -ENOENT; i = prev_insn_idx(st, i, &cnt)) {
			err = 0;
			if (i < 0 || (u32)i >= env->len)
				return refuse(env, DIAG_STATE_BACKTRACK, i);
			if (!skip)
				err = backtrack_insn(env, i, subseq, history_entry(st, cnt, i));
			skip = false;
			if (err == GIVE_UP) {
				mark_all_scalars_precise(env, start);
				memset(bt, 0, sizeof(*bt));
				*changed = true;
				return 0;
			}
			if (err)
				return err;
			if (is_empty(bt))
				return 0;
			subseq = i;
		}
		st = st->parent;
		if (!st)
			break;
		for (int f = (int)bt->frame; f >= 0; f--) {
			err = mark_frame(env, st, (u32)f, changed);
			if (err)
				return err;
		}
		if (is_empty(bt))
			return 0;
		subseq = first;
		last = (int)st->last_insn_idx;
		first = (int)st->first_insn_idx;
	}
	/* Wanted beyond the beginning: a chain was lost on the way. */
	mark_all_scalars_precise(env, start);
	memset(bt, 0, sizeof(*bt));
	return 0;
}

static void begin(struct bpf_verifier_env *env, u32 frame)
{
	memset(&env->bt, 0, sizeof(env->bt));
	env->bt.frame = frame;
}

/* The scalar in register @regno of the current frame decides something. */
int mark_chain_precision(struct bpf_verifier_env *env, int regno)
{
	struct bpf_verifier_state *st = env->cur_state;
	bool changed;

	if (!env->bpf_capable)
		return 0;
	begin(env, st->curframe);
	want(&env->bt, (u32)regno);
	return walk_back(env, st, &changed);
}

int mark_chain_precision_stack(struct bpf_verifier_env *env, u32 frame, int spi)
{
	struct bpf_verifier_state *st = env->cur_state;
	bool changed;

	if (!env->bpf_capable)
		return 0;
	begin(env, st->curframe);
	env->bt.stack_masks[frame] |= BIT_ULL(spi);
	return walk_back(env, st, &changed);
}

/* "frame 0: propagating r1,fp-8": @first is true until something was printed. */
static void log_propagation(struct bpf_verifier_env *env, u32 frame, const char *what, int n,
			    bool *first)
{
	if (env->log.level & BPF_LOG_LEVEL2) {
		if (*first)
			verbose(env, "frame %u: propagating %s%d", frame, what, n);
		else
			verbose(env, ",%s%d", what, n);
	}
	*first = false;
}

int propagate_precision(struct bpf_verifier_env *env, const struct bpf_verifier_state *old,
			struct bpf_verifier_state *cur, bool *changed)
{
	struct backtrack_state *bt = &env->bt;
	bool dummy;

	if (!env->bpf_capable)
		return 0;
	begin(env, cur->curframe);
	for (int f = (int)old->curframe; f >= 0; f--) {
		const struct bpf_func_state *func = old->frame[f];
		bool first = true;

		for (u32 i = 0; i < BPF_REG_FP; i++) {
			if (!(func->precise_regs >> i & 1) ||
			    kept_reg(env, func, i)->type != SCALAR_VALUE)
				continue;
			log_propagation(env, (u32)f, "r", (int)i, &first);
			bt->reg_masks[f] |= BIT(i);
		}
		for (u32 i = 0; i < func->allocated_stack / BPF_REG_SIZE; i++) {
			if (!(func->precise_slots >> i & 1) ||
			    !is_spilled_scalar_reg(kept_slot(env, func, i)))
				continue;
			log_propagation(env, (u32)f, "fp", -((int)i + 1) * BPF_REG_SIZE, &first);
			bt->stack_masks[f] |= BIT_ULL(i);
		}
		if (!first && (env->log.level & BPF_LOG_LEVEL2))
			verbose(env, "\n");
	}
	if (is_empty(bt))
		return 0;
	return walk_back(env, cur, changed ? changed : &dummy);
}
