/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which registers and stack slots are read later (Linux: compute_live_registers()
 * in verifier.c and kernel/bpf/liveness.c, since 6.15 and 6.18).
 *
 * Registers: a classical backward data-flow problem per subprogram, solved once.
 *
 * Stack slots: what an instruction reads and writes is only known when paths reach
 * it, and depends on the chain of calls that leads there. So one "instance" per
 * call chain collects, per instruction and frame, the slots that may be read (union
 * over all visits) and those surely overwritten (intersection); solving
 *
 *	live before i = reads of i | (live before the successors & ~writes of i)
 *	written from i on = writes of i | (written from each successor on)
 *
 * gives what an explored state must still be compared by. What a callee's entry has
 * live or written in its callers' frames is charged to the call instruction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isa/insn.h"
#include "verifier/kfunc.h"

struct slot_masks {
	u64 may_read, must_write, must_write_acc, live_before;
};

struct call_chain {
	u32 depth;		    /* index of the innermost frame */
	u32 site[MAX_CALL_FRAMES];  /* call instruction of each frame; innermost: its start */
	u32 start[MAX_CALL_FRAMES]; /* first instruction of each frame's subprogram */
};

struct instance {
	struct instance *next; /* same hash bucket */
	struct call_chain chain;
	u32 len; /* instructions of the subprogram */
	u32 subprog;
	bool updated, write_dropped;
	bool *write_set;			   /* per instruction: must_write was initialised */
	struct slot_masks *frame[MAX_CALL_FRAMES]; /* [len], made when first needed */
	/* with each: what must be solved anew */
	struct dirty {
		u64 *bits;  /* by place in env->postorder; behind the masks */
		u32 at;	    /* the place that is being solved; 0: none */
		u32 to;	    /* words of this round end before ... */
		u32 lo, hi; /* ... and of the next are these, [lo, hi) */
	} dirty[MAX_CALL_FRAMES];
};

#define CHAIN_BUCKETS 256

struct stack_liveness {
	struct instance *bucket[CHAIN_BUCKETS];
	struct instance *cur; /* of env->cur_state; NULL: to be looked up */
	/* writes of the instruction being checked, taken over when it is done */
	u64 writes[MAX_CALL_FRAMES];
	u32 write_idx;
	/* the state that slot_alive() is asked about */
	struct instance *query[MAX_CALL_FRAMES];
	u32 query_depth, query_idx;
	/* per instruction: its place in env->postorder; the first jump to it; the next such jump */
	struct flow {
		u32 place, jump, next;
		/* of a target of indirect jumps: the last of them; of one: the one before */
		u32 last_gotox, prev_gotox;
	} * flow;
};
#define NO_INSN UINT32_MAX

void insn_successors(const struct bpf_verifier_env *env, u32 idx, struct insn_edges *e)
{
	const struct bpf_insn *insn = &env->insns[idx];
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	e->n = 0;
	e->to = e->two;
	if (class != BPF_JMP && class != BPF_JMP32) {
		e->two[e->n++] = idx + (insn_is_ldimm64(insn) ? 2 : 1);
		return;
	}
	if (insn_is_gotox(insn)) {
		const struct bpf_subprog_info *sub = &env->subprog_info[subprog_around(env, idx)];

		e->n = sub->nr_targets;
		e->to = sub->targets;
		return;
	}
	if (op != BPF_EXIT && op != BPF_JA)
		e->two[e->n++] = idx + 1;
	if (op != BPF_EXIT && op != BPF_CALL)
		e->two[e->n++] = idx + (u32)insn_jmp_off(insn) + 1;
}

/* ---- registers ---- */

u32 insn_def_regno(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_JMP:
	case BPF_JMP32:
	case BPF_ST:
		return (u32)-1;
	case BPF_STX:
		if (BPF_MODE(insn->code) != BPF_ATOMIC)
			return (u32)-1;
		if (insn->imm == BPF_CMPXCHG)
			return BPF_REG_0;
		if (insn->imm == BPF_LOAD_ACQ)
			return insn->dst_reg;
		return insn->imm & BPF_FETCH ? insn->src_reg : (u32)-1;
	}
	return insn->dst_reg;
}

/* How many registers a helper takes; -1: not known, so all five. */
static int helper_param_cnt(s32 id)
{
	const struct bpf_func_proto *fn = bpf_helper_proto((u32)id);
	int n = 0;

	if (!fn)
		return -1;
	while (n < 5 && fn->arg_type[n] != ARG_DONTCARE)
		n++;
	return n;
}

/* Parameters of the kernel function; -1: unknown. */
static int kfunc_param_cnt(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	struct kfunc_meta m;

	return fetch_kfunc(env, insn, &m, true) ? -1 : (int)btf_vlen(m.proto);
}

static void insn_uses(struct bpf_verifier_env *env, const struct bpf_insn *insn, u16 *use, u16 *def)
{
	u16 dst = BIT(insn->dst_reg), src = BIT(insn->src_reg);
	bool is_x = BPF_SRC(insn->code) == BPF_X;
	int params;

	*use = 0;
	*def = 0;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn_is_ldimm64(insn))
			*def = dst;
		else
			*use = 0xffff; /* legacy loads act like a call */
		break;
	case BPF_LDX:
		*def = dst;
		*use = src;
		break;
	case BPF_ST:
		*use = dst;
		break;
	case BPF_STX:
		*use = dst | src;
		if (BPF_MODE(insn->code) != BPF_ATOMIC)
			break;
		if (insn->imm == BPF_CMPXCHG) {
			*use |= BIT(0);
			*def = BIT(0);
		} else if (insn->imm == BPF_LOAD_ACQ) {
			*use = src;
			*def = dst;
		} else if (insn->imm != BPF_STORE_REL && (insn->imm & BPF_FETCH)) {
			*def = src;
		}
		break;
	case BPF_ALU:
	case BPF_ALU64:
		*def = dst;
		if (BPF_OP(insn->code) == BPF_MOV)
			*use = is_x ? src : 0;
		else
			*use = is_x && BPF_OP(insn->code) != BPF_END ? dst | src : dst;
		break;
	case BPF_JMP:
	case BPF_JMP32:
		switch (BPF_OP(insn->code)) {
		case BPF_JA:
			*use = is_x ? dst : 0;
			break;
		case BPF_JCOND:
			break;
		case BPF_EXIT:
			*use = BIT(0);
			break;
		case BPF_CALL:
			*def = 0x3f;
			params = !insn->src_reg ? helper_param_cnt(insn->imm) :
				 insn->src_reg == BPF_PSEUDO_KFUNC_CALL ?
						  kfunc_param_cnt(env, insn) :
						  -1;
			*use = params < 0 ? 0x3e : (u16)(((1U << params) - 1) << 1);
			break;
		default:
			*use = is_x ? dst | src : dst;
		}
		break;
	}
}

struct regs_live {
	u16 use, def;
	bool queued;
};

/* Those that have been looked at, and must be again since what follows them changed. */
struct regs_queue {
	struct regs_live *state;
	u32 *insn, n;
};

/* Whether it changed what is live before @idx. */
static bool update_live_regs(struct bpf_verifier_env *env, const struct regs_live *state, u32 idx)
{
	u16 out = 0, in, *live = &env->aux[idx].live_regs_before;
	struct insn_edges next;

	insn_successors(env, idx, &next);
	for (u32 i = 0; i < next.n; i++)
		out |= env->aux[next.to[i]].live_regs_before;
	in = (out & ~state[idx].def) | state[idx].use;
	if (in == *live)
		return false;
	*live = in;
	return true;
}

/* @idx leads to what changed; those at @place and behind it are still to come anyway. */
static void queue_insn(const struct bpf_verifier_env *env, struct regs_queue *q, u32 idx, u32 place)
{
	if (env->liveness->flow[idx].place >= place || q->state[idx].queued)
		return;
	q->state[idx].queued = true;
	q->insn[q->n++] = idx;
}

static void queue_before(const struct bpf_verifier_env *env, struct regs_queue *q, u32 idx,
			 u32 place)
{
	const struct flow *flow = env->liveness->flow;

	if (idx && flow[idx - 1].place != NO_INSN)
		queue_insn(env, q, idx - 1, place);
	for (u32 i = flow[idx].jump; i != NO_INSN; i = flow[i].next)
		queue_insn(env, q, i, place);
	for (u32 i = flow[idx].last_gotox; i != NO_INSN; i = flow[i].prev_gotox)
		queue_insn(env, q, i, place);
}

/*
 * Fills aux->live_regs_before of every instruction. Needs env->postorder and stack_liveness_init().
 * (Rounds over all of it, as Linux makes, take long when there are loops in loops in loops ...)
 */
int compute_live_registers(struct bpf_verifier_env *env)
{
	u32 end = env->subprog_info[env->subprog_cnt].postorder_start;
	struct regs_queue q = { .state = mem_calloc(env->len, sizeof(*q.state)),
				.insn = mem_alloc(env->len * sizeof(*q.insn)) };

	if (!q.state || !q.insn) {
		mem_free(q.state);
		mem_free(q.insn);
		return out_of_memory(env);
	}
	for (u32 i = 0; i < env->len; i++)
		insn_uses(env, &env->insns[i], &q.state[i].use, &q.state[i].def);
	for (u32 i = 0; i < end; i++)
		if (update_live_regs(env, q.state, env->postorder[i]))
			queue_before(env, &q, env->postorder[i], i + 1);
	while (q.n) {
		u32 idx = q.insn[--q.n];

		q.state[idx].queued = false;
		if (update_live_regs(env, q.state, idx))
			queue_before(env, &q, idx, NO_INSN);
	}
	mem_free(q.state);
	mem_free(q.insn);
	if (!(env->log.level & BPF_LOG_LEVEL2) || env->profile < KVER(6, 15))
		return 0;
	verbose(env, "Live regs before insn:\n");
	for (u32 i = 0; i < env->len; i++) {
		char live[11];

		for (int j = 0; j < 10; j++)
			live[j] = env->aux[i].live_regs_before & BIT(j) ? '0' + j : '.';
		live[10] = 0;
		if (env->profile >= KVER(6, 17) && env->aux[i].scc &&
		    env->aux[i].scc < env->scc_callbacks)
			verbose(env, "%3u ", env->aux[i].scc);
		else if (env->profile >= KVER(6, 17))
			verbose(env, "    ");
		verbose(env, "%3u: %s ", i, live);
		verbose_insn(env, i);
		if (insn_is_ldimm64(&env->insns[i]))
			i++;
	}
	return 0;
}

/* ---- instances ---- */

/* Which indirect jumps lead to the targets of subprogram @s: all it has. */
static void note_gotox(const struct bpf_verifier_env *env, struct flow *flow, u32 s)
{
	const struct bpf_subprog_info *sub = &env->subprog_info[s];
	u32 last = NO_INSN;

	if (!sub->nr_targets)
		return;
	for (u32 i = sub->postorder_start; i < sub[1].postorder_start; i++) {
		u32 idx = env->postorder[i];

		if (!insn_is_gotox(&env->insns[idx]))
			continue;
		flow[idx].prev_gotox = last;
		last = idx;
	}
	for (u32 i = 0; i < sub->nr_targets; i++)
		flow[sub->targets[i]].last_gotox = last;
}

/* Needs env->postorder. */
int stack_liveness_init(struct bpf_verifier_env *env)
{
	u32 end = env->subprog_info[env->subprog_cnt].postorder_start;
	struct stack_liveness *l = mem_zalloc(sizeof(*l));
	struct flow *flow = mem_alloc(env->len * sizeof(*flow));

	if (!l || !flow) {
		mem_free(l);
		mem_free(flow);
		return out_of_memory(env);
	}
	memset(flow, 0xff, env->len * sizeof(*flow));
	for (u32 i = 0; i < end; i++) {
		u32 idx = env->postorder[i];
		struct insn_edges next;

		flow[idx].place = i;
		if (insn_is_gotox(&env->insns[idx]))
			continue;
		insn_successors(env, idx, &next);
		while (next.n) {
			u32 to = next.to[--next.n];

			if (to != idx + 1) {
				flow[idx].next = flow[to].jump;
				flow[to].jump = idx;
			}
		}
	}
	for (u32 s = 0; s < env->subprog_cnt; s++)
		note_gotox(env, flow, s);
	l->flow = flow;
	env->liveness = l;
	return 0;
}

void stack_liveness_free(struct bpf_verifier_env *env)
{
	struct stack_liveness *l = env->liveness;

	if (!l)
		return;
	for (u32 b = 0; b < CHAIN_BUCKETS; b++)
		for (struct instance *in = l->bucket[b], *next; in; in = next) {
			next = in->next;
			for (u32 i = 0; i < MAX_CALL_FRAMES; i++)
				mem_free(in->frame[i]);
			mem_free(in->write_set);
			mem_free(in);
		}
	mem_free(l->flow);
	mem_free(l);
	env->liveness = NULL;
}

static bool same_chain(const struct call_chain *a, const struct call_chain *b)
{
	return a->depth == b->depth &&
	       !memcmp(a->site, b->site, (a->depth + 1) * sizeof(a->site[0]));
}

static struct instance *get_instance(struct bpf_verifier_env *env, const struct call_chain *chain)
{
	struct stack_liveness *l = env->liveness;
	struct instance *in;
	u32 hash = chain->depth;

	for (u32 i = 0; i <= chain->depth; i++)
		hash = (hash ^ chain->site[i]) * 0x9e3779b1U;
	hash >>= 24;
	for (in = l->bucket[hash]; in; in = in->next)
		if (same_chain(&in->chain, chain))
			return in;
	in = mem_zalloc(sizeof(*in));
	if (!in)
		return NULL;
	in->chain = *chain;
	in->subprog = (u32)find_subprog(env, chain->start[chain->depth]);
	in->len = env->subprog_info[in->subprog + 1].start - chain->start[chain->depth];
	in->write_set = mem_calloc(in->len, sizeof(bool));
	if (!in->write_set) {
		mem_free(in);
		return NULL;
	}
	in->next = l->bucket[hash];
	l->bucket[hash] = in;
	return in;
}

/* The instance of frame @frameno of @st. */
static struct instance *instance_of(struct bpf_verifier_env *env,
				    const struct bpf_verifier_state *st, u32 frameno)
{
	struct call_chain chain = { .depth = frameno };

	for (u32 i = 0; i <= frameno; i++) {
		chain.start[i] = env->subprog_info[st->frame[i]->subprogno].start;
		chain.site[i] = i < frameno ? (u32)st->frame[i + 1]->callsite : chain.start[i];
	}
	return get_instance(env, &chain);
}

static u32 chain_start(const struct instance *in)
{
	return in->chain.start[in->chain.depth];
}

static struct slot_masks *masks_at(const struct instance *in, u32 frameno, u32 insn_idx)
{
	return in->frame[frameno] ? &in->frame[frameno][insn_idx - chain_start(in)] : NULL;
}

static struct slot_masks *make_masks_at(struct instance *in, u32 frameno, u32 insn_idx)
{
	if (!in->frame[frameno]) {
		in->frame[frameno] = mem_zalloc(in->len * sizeof(struct slot_masks) +
						(in->len + 63) / 64 * sizeof(u64));
		in->dirty[frameno].bits = (u64 *)(in->frame[frameno] + in->len);
		in->dirty[frameno].lo = UINT32_MAX;
	}
	return in->frame[frameno] ? masks_at(in, frameno, insn_idx) : NULL;
}

/* What is known at @insn_idx is to be solved anew. */
static void set_dirty(const struct bpf_verifier_env *env, struct instance *in, u32 frameno,
		      u32 insn_idx)
{
	u32 place = env->liveness->flow[insn_idx].place;
	struct dirty *d = &in->dirty[frameno];

	if (place == NO_INSN)
		return;
	place -= env->subprog_info[in->subprog].postorder_start;
	d->bits[place / 64] |= BIT_ULL(place % 64);
	if (place + 1 > d->at && d->at) {
		d->to = max(d->to, place / 64 + 1);
	} else {
		d->lo = min(d->lo, place / 64);
		d->hi = max(d->hi, place / 64 + 1);
	}
}

/* ... and at the instructions that lead to it. */
static void set_dirty_before(const struct bpf_verifier_env *env, struct instance *in, u32 frameno,
			     u32 insn_idx)
{
	if (insn_idx > chain_start(in))
		set_dirty(env, in, frameno, insn_idx - 1);
	for (u32 i = env->liveness->flow[insn_idx].jump; i != NO_INSN;
	     i = env->liveness->flow[i].next)
		set_dirty(env, in, frameno, i);
	for (u32 i = env->liveness->flow[insn_idx].last_gotox; i != NO_INSN;
	     i = env->liveness->flow[i].prev_gotox)
		set_dirty(env, in, frameno, i);
}

static int current_instance(struct bpf_verifier_env *env)
{
	struct stack_liveness *l = env->liveness;

	if (!l->cur)
		l->cur = instance_of(env, env->cur_state, env->cur_state->curframe);
	return l->cur ? 0 : out_of_memory(env);
}

/* ---- marks ---- */

static int add_read(struct bpf_verifier_env *env, struct instance *in, u32 frameno, u32 insn_idx,
		    u64 mask)
{
	struct slot_masks *m = make_masks_at(in, frameno, insn_idx);

	if (!m)
		return out_of_memory(env);
	if (!(mask & ~m->may_read))
		return 0;
	if (mask & ~m->live_before)
		in->updated = true;
	m->may_read |= mask;
	set_dirty(env, in, frameno, insn_idx);
	return 0;
}

/* ---- marks of older kernels' logs ---- */

/* A register or slots of frame @f are read: so they are of the kept states that they come from. */
static void log_read(struct bpf_verifier_env *env, u32 f, u32 regs, u64 slots)
{
	const struct bpf_verifier_state *st = env->cur_state;

	for (; st->parent; st = st->parent) {
		struct bpf_func_state *from;

		regs &= ~(u32)st->frame[f]->regs_written;
		slots &= ~st->frame[f]->slots_written;
		if (f > st->parent->curframe) {
			/* Arguments are the caller's registers. */
			regs &= f - 1 == st->parent->curframe ? 0x3e : 0;
			slots = 0;
			f = st->parent->curframe;
		}
		from = st->parent->frame[f];
		regs &= ~(u32)from->regs_read;
		slots &= ~from->slots_read;
		if (!regs && !slots)
			return;
		from->regs_read |= (u16)regs;
		from->slots_read |= slots;
	}
}

void forget_log_marks(struct bpf_verifier_state *st)
{
	for (u32 i = 0; i <= st->curframe; i++) {
		st->frame[i]->regs_written = st->frame[i]->regs_read = 0;
		st->frame[i]->slots_written = st->frame[i]->slots_read = 0;
	}
}

int mark_stack_read(struct bpf_verifier_env *env, u32 frameno, u32 insn_idx, u64 mask)
{
	int err = current_instance(env);

	if (logs_marks(env))
		log_read(env, frameno, 0, mask);
	return err ? err : add_read(env, env->liveness->cur, frameno, insn_idx, mask);
}

void mark_stack_write(struct bpf_verifier_env *env, u32 frameno, u64 mask)
{
	env->liveness->writes[frameno] |= mask;
	if (logs_marks(env))
		env->cur_state->frame[frameno]->slots_written |= mask;
}

/* Before an instruction is checked. */
int reset_stack_write_marks(struct bpf_verifier_env *env, u32 insn_idx)
{
	struct stack_liveness *l = env->liveness;
	int err = current_instance(env);

	if (err)
		return err;
	l->write_idx = insn_idx;
	for (u32 i = 0; i <= l->cur->chain.depth; i++)
		l->writes[i] = 0;
	return 0;
}

static int commit_writes(struct bpf_verifier_env *env, struct instance *in)
{
	struct stack_liveness *l = env->liveness;
	u32 rel = l->write_idx - chain_start(in);

	for (u32 i = 0; i <= in->chain.depth; i++) {
		u64 mask = l->writes[i], old;
		struct slot_masks *m;

		if (!mask && !in->write_set[rel])
			continue;
		if (!mask && !in->frame[i])
			continue;
		m = make_masks_at(in, i, l->write_idx);
		if (!m)
			return out_of_memory(env);
		old = m->must_write;
		if (in->write_set[rel])
			mask &= old;
		if (old == mask)
			continue;
		m->must_write = mask;
		in->updated = true;
		set_dirty(env, in, i, l->write_idx);
		if (old & ~mask)
			in->write_dropped = true;
	}
	in->write_set[rel] = true;
	l->write_idx = 0;
	return 0;
}

/*
 * After the instruction. A call has moved to the callee by then, an exit back to the
 * caller: the marks belong to the instance that the instruction is in, which stays
 * cached until update_live_stack() or reset_live_stack_callchain().
 */
int commit_stack_write_marks(struct bpf_verifier_env *env)
{
	return env->liveness->cur ? commit_writes(env, env->liveness->cur) : 0;
}

void reset_live_stack_callchain(struct bpf_verifier_env *env)
{
	env->liveness->cur = NULL;
}

/* ---- solving ---- */

static void print_chain(struct bpf_verifier_env *env, const struct call_chain *chain)
{
	verbose(env, "(");
	for (u32 i = 0; i <= chain->depth; i++)
		verbose(env, "%s%u", i ? "," : "", chain->site[i]);
	verbose(env, ")");
}

static void print_mask_change(struct bpf_verifier_env *env, const struct instance *in,
			      const char *what, u32 frameno, u32 insn_idx, u64 old, u64 new)
{
	char text[320];

	if (old == new)
		return;
	print_chain(env, &in->chain);
	verbose(env, " frame %u insn %u ", frameno, insn_idx);
	if (new & ~old)
		verbose(env, "+%s %s ", what, stack_mask_text(text, sizeof(text), new & ~old));
	if (old & ~new)
		verbose(env, "-%s %s", what, stack_mask_text(text, sizeof(text), old & ~new));
	verbose(env, "\n");
}

static bool may_end_function(const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_LD)
		return BPF_MODE(insn->code) != BPF_IMM;
	return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg &&
	       insn->imm == BPF_FUNC_tail_call;
}

static bool update_insn(struct bpf_verifier_env *env, struct instance *in, u32 frameno, u32 idx)
{
	struct slot_masks *m = masks_at(in, frameno, idx);
	u64 after = 0, written = ~0ULL, before;
	struct insn_edges next;
	bool changed;

	insn_successors(env, idx, &next);
	if (!next.n)
		return false;
	while (next.n) {
		const struct slot_masks *s = masks_at(in, frameno, next.to[--next.n]);

		after |= s->live_before;
		written &= s->must_write_acc;
	}
	/* What follows an instruction that may end the function is not surely written. */
	if (may_end_function(&env->insns[idx]))
		written = 0;
	written |= m->must_write;
	before = (after & ~m->must_write) | m->may_read;
	changed = before != m->live_before || written != m->must_write_acc;
	if (changed && (env->log.level & BPF_LOG_LEVEL2) && env->profile >= KVER(6, 18) &&
	    (m->may_read || m->must_write || idx == chain_start(in) || env->aux[idx].prune_point)) {
		print_mask_change(env, in, "live", frameno, idx, m->live_before, before);
		print_mask_change(env, in, "written", frameno, idx, m->must_write_acc, written);
	}
	m->live_before = before;
	m->must_write_acc = written;
	return changed;
}

/* Charges the call of @in with what its entry has live and written in outer frames. */
static int charge_caller(struct bpf_verifier_env *env, struct instance *in)
{
	struct call_chain outer = in->chain;
	struct stack_liveness *l = env->liveness;
	struct instance *caller;
	u32 site;
	int err;

	outer.site[outer.depth] = outer.start[outer.depth] = 0;
	outer.depth--;
	site = outer.site[outer.depth];
	outer.site[outer.depth] = outer.start[outer.depth];
	caller = get_instance(env, &outer);
	if (!caller)
		return out_of_memory(env);
	l->write_idx = site;
	memset(l->writes, 0, sizeof(l->writes));
	for (u32 i = 0; i < in->chain.depth; i++) {
		const struct slot_masks *m = masks_at(in, i, chain_start(in));

		if (!m)
			continue;
		l->writes[i] |= m->must_write_acc;
		err = add_read(env, caller, i, site, m->live_before);
		if (err)
			return err;
	}
	return commit_writes(env, caller);
}

static void forget_written(const struct bpf_verifier_env *env, struct instance *in, u32 frameno)
{
	for (u32 i = 0; in->frame[frameno] && i < in->len; i++) {
		in->frame[frameno][i].must_write_acc = 0;
		if (in->frame[frameno][i].must_write)
			set_dirty(env, in, frameno, chain_start(in) + i);
	}
}

/*
 * One round, in postorder, over what changed: results and rounds are those of rounds over all
 * instructions, as the log shows them.
 */
static bool update_frame(struct bpf_verifier_env *env, struct instance *in, u32 frameno)
{
	const u32 *order = &env->postorder[env->subprog_info[in->subprog].postorder_start];
	struct dirty *d = &in->dirty[frameno];
	u32 word = d->lo;
	bool changed = false;

	d->to = d->hi;
	d->lo = UINT32_MAX;
	d->hi = 0;
	for (; word < d->to; word++) {
		u64 *bits = &d->bits[word], ahead = ~0ULL;

		while (*bits & ahead) {
			u32 bit = (u32)__builtin_ctzll(*bits & ahead);

			*bits &= ~BIT_ULL(bit);
			d->at = word * 64 + bit + 1;
			ahead = bit == 63 ? 0 : ~0ULL << (bit + 1);
			if (!update_insn(env, in, frameno, order[word * 64 + bit]))
				continue;
			changed = true;
			set_dirty_before(env, in, frameno, order[word * 64 + bit]);
		}
	}
	d->at = 0;
	return changed;
}

static int update_instance(struct bpf_verifier_env *env, struct instance *in)
{
	u32 rounds = 0;
	bool changed;

	/* "Written" only grows below, so it must start anew when a set shrank. */
	if (in->write_dropped)
		for (u32 f = 0; f <= in->chain.depth; f++)
			forget_written(env, in, f);
	do {
		changed = false;
		rounds++;
		for (u32 f = 0; f <= in->chain.depth; f++)
			changed |= in->frame[f] && update_frame(env, in, f);
	} while (changed);
	if ((env->log.level & BPF_LOG_LEVEL2) && env->profile >= KVER(6, 18)) {
		print_chain(env, &in->chain);
		verbose(env, " live stack update done in %u iterations\n", rounds);
	}
	return in->chain.depth ? charge_caller(env, in) : 0;
}

/* Brings all instances of the current call chain up to date: after a path ended or a call returned. */
int update_live_stack(struct bpf_verifier_env *env)
{
	const struct bpf_verifier_state *st = env->cur_state;

	reset_live_stack_callchain(env);
	for (int f = (int)st->curframe; f >= 0; f--) {
		struct instance *in = instance_of(env, st, (u32)f);
		int err;

		if (!in)
			return out_of_memory(env);
		if (!in->updated)
			continue;
		err = update_instance(env, in);
		if (err)
			return err;
		in->updated = in->write_dropped = false;
	}
	return 0;
}

/* ---- queries ---- */

int live_stack_query_init(struct bpf_verifier_env *env, const struct bpf_verifier_state *st)
{
	struct stack_liveness *l = env->liveness;

	for (u32 f = 0; f <= st->curframe; f++) {
		l->query[f] = instance_of(env, st, f);
		if (!l->query[f])
			return out_of_memory(env);
	}
	l->query_depth = st->curframe;
	l->query_idx = st->insn_idx;
	return 0;
}

static bool is_live_before(const struct instance *in, u32 insn_idx, u32 frameno, u32 spi)
{
	const struct slot_masks *m = masks_at(in, frameno, insn_idx);

	return m && (m->live_before >> spi & 1);
}

/* Whether slot @spi of frame @frameno of the queried state may be read from there on. */
bool stack_slot_alive(struct bpf_verifier_env *env, u32 frameno, u32 spi)
{
	const struct stack_liveness *l = env->liveness;
	const struct instance *inner = l->query[l->query_depth];

	if (is_live_before(inner, l->query_idx, frameno, spi))
		return true;
	/* ... or by an outer function once its call has returned (or calls back again) */
	for (u32 f = frameno; f < l->query_depth; f++) {
		u32 site = inner->chain.site[f];

		if (is_live_before(l->query[f], env->aux[site].calls_callback ? site : site + 1,
				   frameno, spi))
			return true;
	}
	return false;
}

/* ---- register operands ---- */

static bool is_reg64(const struct bpf_insn *insn, const struct bpf_reg_state *reg,
		     enum reg_arg_type t)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	switch (class) {
	case BPF_JMP:
		if (op == BPF_CALL)
			return insn->src_reg != BPF_PSEUDO_CALL && t == SRC_OP;
		return true;
	case BPF_JMP32:
		return false;
	case BPF_ALU64:
		return op != BPF_END || insn->imm == 64;
	case BPF_ALU:
		return op == BPF_END && insn->imm == 64;
	case BPF_LDX:
		return t == SRC_OP || BPF_SIZE(insn->code) == BPF_DW ||
		       BPF_MODE(insn->code) == BPF_MEMSX;
	case BPF_STX:
		return (t == SRC_OP && reg->type != SCALAR_VALUE) || BPF_SIZE(insn->code) == BPF_DW;
	case BPF_LD:
		return BPF_MODE(insn->code) == BPF_IMM || t == SRC_OP;
	}
	return true;
}

/* All 64 bits of @reg are used: a 32-bit definition of it must clear the upper half. */
void mark_insn_zext(struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	if (!reg->subreg_def)
		return;
	env->aux[reg->subreg_def - 1].zext_dst = true;
	reg->subreg_def = 0;
}

/*
 * The current instruction reads (SRC_OP) or writes register @regno. A written one
 * becomes unknown, or keeps its state for the caller to change (DST_OP_NO_MARK).
 */
int check_reg_arg(struct bpf_verifier_env *env, u32 regno, enum reg_arg_type t)
{
	const struct bpf_insn *insn = &env->insns[env->insn_idx];
	struct bpf_reg_state *regs = cur_regs(env), *reg;

	if (regno >= MAX_BPF_REG)
		return refuse(env, DIAG_REG_INVALID, regno);
	mark_reg_scratched(env, regno);
	reg = &regs[regno];
	if (t == SRC_OP) {
		if (reg->type == NOT_INIT)
			return refuse(env, DIAG_REG_UNREADABLE, regno);
		if (logs_marks(env) && regno != BPF_REG_FP)
			log_read(env, env->cur_state->curframe, BIT(regno), 0);
		if (regno != BPF_REG_FP && is_reg64(insn, reg, t))
			mark_insn_zext(env, reg);
		return 0;
	}
	if (regno == BPF_REG_FP)
		return refuse(env, DIAG_REG_FP_WRITE);
	reg->subreg_def = is_reg64(insn, reg, t) ? 0 : (s32)env->insn_idx + 1;
	if (logs_marks(env))
		cur_func(env)->regs_written |= (u16)BIT(regno);
	if (t == DST_OP)
		mark_reg_unknown(env, regs, regno);
	return 0;
}
