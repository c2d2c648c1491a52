/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where what was known at a refusal came from. The trail (trail.c) is followed backwards from the
 * registers that the refused instruction is about: through moves, spills and calls to the
 * load, call or constant where a value began, with the comparisons that bounded it and the
 * arithmetic that changed it in between. Linux has nothing like it: its log lists the states.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf/btf.h"
#include "isa/insn.h"
#include "object/explain.h"
#include "object/helper.h"
#include "verifier/kfunc.h"
#include "verifier/trail.h"

#define CHAINS	     4
#define BRANCHES_MAX 4

/* A value that is followed: where it is before the step that is looked at. */
struct chain {
	u32 frame, place;
	bool live;
	char name[40]; /* of the variable that it was in at the refusal, as far as told; "" */
	bool named;
};

struct note {
	u32 number; /* of the step */
	u32 insn;
	int chain;     /* -1: of none */
	char name[40]; /* of the variable, as soon as it is found; "" */
	struct explain_step step;
};

struct search {
	struct bpf_verifier_env *env;
	struct trail *t;
	struct chain chain[CHAINS];
	u32 nr_chains;
	struct note note[EXPLAIN_STEPS];
	u32 nr_notes;
	u32 branches;	     /* how many more decisions of the path to tell */
	s32 acquired;	     /* the instruction that acquired what leaks; -1: none */
	const char *entered; /* the function that began the section it fails in; NULL: none */
};

/* ---- notes ---- */

/* @text may be NULL for want of memory: then nothing is said. */
static void set_text(struct explain_step *s, const char *text)
{
	size_t n = text ? strnlen(text, sizeof(s->text) - 1) : 0;

	if (n)
		memcpy(s->text, text, n);
	s->text[n] = 0;
}

static void add_note(struct search *x, int chain, u32 number, enum explain_kind kind,
		     const char *text)
{
	u32 insn = x->t->step.v[number - x->t->base].insn;
	struct note *n, *last = NULL;

	for (u32 i = 0; i < x->nr_notes; i++)
		if (x->note[i].chain == chain) {
			last = &x->note[i];
			if (last->insn == insn) /* a loop: the last round tells enough */
				return;
		}
	if (x->nr_notes == EXPLAIN_STEPS - 1)
		return;
	n = &x->note[x->nr_notes];
	memset(n, 0, sizeof(*n));
	explain_place(x->env, &n->step, insn);
	n->number = number;
	n->insn = insn;
	n->chain = chain;
	n->step.kind = kind;
	if (last && last->step.line && last->step.line == n->step.line && chain >= 0 &&
	    !strcmp(last->step.file, n->step.file)) {
		/* One line: first this, then what was found before. Only the ends of it. */
		const char *tail = strstr(last->step.text, "; then ");
		char *both;

		both = mem_printf("%s; then %s", text,
				  tail ? tail + strlen("; then ") : last->step.text);
		set_text(&last->step, both);
		mem_free(both);
		last->insn = insn;
		if (kind == EXPLAIN_ORIGIN || kind == EXPLAIN_LOST)
			last->step.kind = kind;
		return;
	}
	set_text(&n->step, text);
	x->nr_notes++;
}

static void __attribute__((format(printf, 5, 6)))
note(struct search *x, const struct chain *c, u32 number, enum explain_kind kind, const char *fmt,
     ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_note(x, (int)(c - x->chain), number, kind, text);
}

/* The value is in variable @name up to here: so the notes so far are about that. */
static void set_name(struct search *x, struct chain *c, const char *name)
{
	if (!c->named)
		memcpy(c->name, name, sizeof(c->name));
	c->named = true;
	for (u32 i = 0; i < x->nr_notes; i++)
		if (x->note[i].chain == (int)(c - x->chain) && !*x->note[i].name)
			memcpy(x->note[i].name, name, sizeof(x->note[i].name));
}

static void follow(struct search *x, u32 frame, u32 place)
{
	if (x->nr_chains == CHAINS || frame >= MAX_CALL_FRAMES || place >= TRAIL_PLACES ||
	    place == BPF_REG_FP)
		return;
	for (u32 i = 0; i < x->nr_chains; i++)
		if (x->chain[i].live && x->chain[i].frame == frame && x->chain[i].place == place)
			return;
	x->chain[x->nr_chains++] = (struct chain){ .frame = frame, .place = place, .live = true };
}

/* ---- one step of one value ---- */

static const char *call_name(struct bpf_verifier_env *env, const struct bpf_insn *insn)
{
	static const char unknown[] = "the function";
	const struct bpf_func_proto *fn;
	const struct btf *types;
	int err;

	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL) {
		types = kfunc_types(env, insn, true, &err);
		return types ? btf_type_name(types, (u32)insn->imm) : unknown;
	}
	if (insn->src_reg == BPF_PSEUDO_CALL) {
		u32 target = (u32)(insn - env->insns) + (u32)insn->imm + 1;

		for (u32 i = 0; i < env->subprog_cnt; i++)
			if (env->subprog_info[i].start == target && env->subprog_info[i].name)
				return env->subprog_info[i].name;
		return unknown;
	}
	fn = bpf_helper_proto((u32)insn->imm);
	if (!fn || !fn->name)
		return unknown;
	snprintf(env->type_text, sizeof(env->type_text), "bpf_%s", fn->name);
	return env->type_text;
}

static bool is_pointer(const struct trail_value *v)
{
	return v->reg.type != NOT_INIT && v->reg.type != SCALAR_VALUE;
}

static bool reg_is_packet(const struct trail_value *v)
{
	u32 base = base_type(v->reg.type);

	return base == PTR_TO_PACKET || base == PTR_TO_PACKET_META || base == PTR_TO_PACKET_END;
}

static bool is_bounded(const struct trail_value *v)
{
	return v->reg.type == SCALAR_VALUE &&
	       (v->reg.umax_value <= INT32_MAX ||
		(v->reg.smin_value >= INT32_MIN && v->reg.smax_value <= INT32_MAX));
}

static const char *const operators[16] = { "+=",  "-=", "*=", "/=", "|=", "&=",	 "<<=",
					   ">>=", "-",	"%=", "^=", "= ", ">>=", "swap" };

static void origin_of_load(struct search *x, struct chain *c, u32 number,
			   const struct bpf_insn *insn, u32 frame, const char *value)
{
	const struct trail_value *base = &x->t->now[frame][insn->src_reg];
	char from[96];

	switch (base_type(base->reg.type)) {
	case PTR_TO_CTX:
		snprintf(from, sizeof(from), "the context");
		break;
	case PTR_TO_MAP_VALUE:
		snprintf(from, sizeof(from), "map %s", base->reg.map->map->name);
		break;
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		snprintf(from, sizeof(from), "the packet");
		break;
	case PTR_TO_STACK:
		snprintf(from, sizeof(from), "the stack");
		break;
	case PTR_TO_BTF_ID:
		snprintf(from, sizeof(from), "struct %s",
			 btf_type_name(base->reg.btf, base->reg.btf_id));
		break;
	default:
		snprintf(from, sizeof(from), "memory");
	}
	note(x, c, number, EXPLAIN_ORIGIN, "%s, read from %s", value, from);
	c->live = false;
}

/* A load into the value. */
static void step_load(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		      u32 frame, const char *value)
{
	const struct trail_value *base = &x->t->now[frame][insn->src_reg], *slot;
	s64 off = base->reg.off + (s64)base->reg.var_off.value + insn->off;
	u32 spi = (u32)(-off - 1) / BPF_REG_SIZE;

	if (base_type(base->reg.type) != PTR_TO_STACK || !tnum_is_const(base->reg.var_off) ||
	    off >= 0 || spi >= TRAIL_SLOTS) {
		origin_of_load(x, c, number, insn, frame, value);
		return;
	}
	slot = &x->t->now[base->reg.frameno][TRAIL_SLOT(spi)];
	if (slot->slot_type[BPF_REG_SIZE - 1] != STACK_SPILL) {
		origin_of_load(x, c, number, insn, frame, value);
		return;
	}
	if (BPF_SIZE(insn->code) != BPF_DW && slot->reg.type == SCALAR_VALUE)
		note(x, c, number, EXPLAIN_CHANGE, "%s, read back from the stack", value);
	c->frame = base->reg.frameno;
	c->place = TRAIL_SLOT(spi);
}

static void step_alu(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		     u32 frame, const struct trail_value *after, const char *value)
{
	const struct trail_value *before = &x->t->now[c->frame][c->place], *src;
	u8 op = BPF_OP(insn->code);
	bool reg = BPF_SRC(insn->code) == BPF_X;
	char operand[32];

	src = &x->t->now[frame][insn->src_reg];
	if (op == BPF_MOV) {
		if (!reg) {
			note(x, c, number, EXPLAIN_ORIGIN, "set to %s", value);
			c->live = false;
			return;
		}
		c->place = insn->src_reg;
		if (!trail_value_differs(src, after, 0))
			return;
		note(x, c, number,
		     is_bounded(src) && !is_bounded(after) ? EXPLAIN_LOST : EXPLAIN_CHANGE,
		     insn->off	     ? "%s, after the sign was extended" :
		     is_pointer(src) ? "%s: a pointer does not fit into 32 bits" :
				       "%s, the low 32 bits",
		     value);
		return;
	}
	if (op == BPF_NEG || op == BPF_END) {
		note(x, c, number, EXPLAIN_CHANGE, "%s, after %s", value,
		     op == BPF_NEG ? "the sign was changed" : "bytes were swapped");
		return;
	}
	if (!reg && !is_pointer(after) && is_bounded(before) && !is_bounded(after)) {
		note(x, c, number, EXPLAIN_LOST, "the bound is lost by %s %d: %s",
		     operators[op >> 4], insn->imm, value);
		return;
	}
	operand[0] = 0;
	if (!reg)
		snprintf(operand, sizeof(operand), " %d", insn->imm);
	else if (src->reg.type == SCALAR_VALUE && tnum_is_const(src->reg.var_off))
		snprintf(operand, sizeof(operand), " %lld", (long long)src->reg.var_off.value);
	/* An added pointer: what counts is that one from here on. */
	if (reg && is_pointer(after) && is_pointer(src)) {
		u32 offset = c->place;

		note(x, c, number, EXPLAIN_CHANGE, "%s", value);
		c->place = insn->src_reg;
		follow(x, frame, offset);
		return;
	}
	if (is_pointer(before) && trail_value_differs(before, after, 0) && !*operand)
		note(x, c, number, EXPLAIN_CHANGE, "%s", value);
	else if (trail_value_differs(before, after, 0) && !is_pointer(before))
		note(x, c, number,
		     is_bounded(before) && !is_bounded(after) ? EXPLAIN_LOST : EXPLAIN_CHANGE,
		     "%s, after %s%s", value, operators[op >> 4], operand);
	if (reg && (is_pointer(before) || !*operand))
		follow(x, frame, insn->src_reg);
}

/* A call wrote the value, or destroyed it. */
static void step_call(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		      const struct trail_value *after, const char *value)
{
	const char *name = call_name(x->env, insn);

	if (c->place == BPF_REG_0 && after->reg.type != NOT_INIT)
		note(x, c, number, EXPLAIN_ORIGIN, "%s, returned by %s()", value, name);
	else
		note(x, c, number, EXPLAIN_LOST,
		     "the call of %s() leaves no value in r0 to r5 but its result", name);
	c->live = false;
}

/* Whether @insn writes register @reg of its own frame. */
static bool defines(const struct bpf_insn *insn, u32 reg)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
	case BPF_LDX:
		return insn->dst_reg == reg;
	case BPF_LD:
		return insn_is_ldimm64(insn) ? insn->dst_reg == reg : reg <= BPF_REG_5;
	case BPF_STX:
		if (BPF_MODE(insn->code) != BPF_ATOMIC)
			return false;
		if (insn->imm == BPF_CMPXCHG)
			return reg == BPF_REG_0;
		return (insn->imm & BPF_FETCH || insn->imm == BPF_LOAD_ACQ) &&
		       reg == (insn->imm == BPF_LOAD_ACQ ? insn->dst_reg : insn->src_reg);
	case BPF_JMP:
		return BPF_OP(insn->code) == BPF_CALL && reg <= BPF_REG_5;
	}
	return false;
}

static void define(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		   u32 frame, const struct trail_value *after, const char *value)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		step_alu(x, c, number, insn, frame, after, value);
		return;
	case BPF_LDX:
		step_load(x, c, number, insn, frame, value);
		return;
	case BPF_JMP:
		step_call(x, c, number, insn, after, value);
		return;
	case BPF_LD:
		note(x, c, number, EXPLAIN_ORIGIN, "%s%s", value,
		     insn_is_ldimm64(insn) ? "" : ", read from the packet");
		c->live = false;
		return;
	}
	note(x, c, number, EXPLAIN_ORIGIN, "%s, fetched by an atomic operation", value);
	c->live = false;
}

/* The register is written by the step. */
static void step_define(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
			u32 frame, const struct trail_value *after, const char *value)
{
	bool destroyed = BPF_CLASS(insn->code) == BPF_JMP && c->place;
	bool alu = BPF_CLASS(insn->code) == BPF_ALU || BPF_CLASS(insn->code) == BPF_ALU64;
	char name[sizeof(c->name)] = "";
	struct explain_step place = { 0 };

	/* Arithmetic on an address is mostly part of an expression, not of "p += 4". */
	if (!destroyed && !(alu && BPF_OP(insn->code) != BPF_MOV && is_pointer(after))) {
		explain_place(x->env, &place, (u32)(insn - x->env->insns));
		/* Of several constants in a line, which one this is is not told. */
		if (!(alu && BPF_OP(insn->code) == BPF_MOV && BPF_SRC(insn->code) == BPF_K &&
		      strchr(place.source, ',')))
			explain_assigned(&place, alu ? operators[BPF_OP(insn->code) >> 4] : NULL,
					 name, sizeof(name));
	}
	define(x, c, number, insn, frame, after, value);
	if (*name)
		set_name(x, c, name);
}

/* The value was argument c->place of a function of the program's. */
static void pass(struct search *x, struct chain *c, u32 number, const char *function)
{
	u32 insn = x->t->step.v[number - x->t->base].insn;
	struct explain_step place = { 0 };
	char name[sizeof(c->name)] = "";

	explain_place(x->env, &place, insn);
	if (place.line)
		explain_argument(place.source, function, c->place, name, sizeof(name));
	if (*name)
		note(x, c, number, EXPLAIN_PASSED, "%s is passed to %s() as argument %u", name,
		     function, c->place);
	else
		note(x, c, number, EXPLAIN_PASSED, "passed to %s() as argument %u", function,
		     c->place);
}

/* Something else than a write of the register changed what is known. */
static void step_learn(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		       u32 frame, const struct trail_value *after, const char *value)
{
	const struct trail_value *before = &x->t->now[c->frame][c->place];
	bool call = insn->code == (BPF_JMP | BPF_CALL);

	if (call && c->frame == frame + 1) { /* a new frame */
		if (c->place == BPF_REG_0 || c->place > BPF_REG_5 ||
		    insn->src_reg != BPF_PSEUDO_CALL) {
			c->live = false;
			return;
		}
		pass(x, c, number, call_name(x->env, insn));
		c->frame = frame;
		return;
	}
	if (insn->code == (BPF_JMP | BPF_EXIT)) {
		if (c->place == BPF_REG_0 && c->frame + 1 == frame) {
			note(x, c, number, EXPLAIN_PASSED, "%s, returned here", value);
			c->frame = frame;
		}
		return;
	}
	if (!trail_value_differs(before, after, c->place))
		return;
	if (call) {
		if (is_pointer(before) && !is_pointer(after))
			note(x, c, number, EXPLAIN_LOST,
			     reg_is_packet(before) ?
				     "%s() may move the packet: pointers into it are void after "
				     "it" :
				     "%s() gives up the object: pointers to it are void after it",
			     call_name(x->env, insn));
		else if (c->place >= MAX_BPF_REG)
			note(x, c, number, EXPLAIN_CHANGE, "written by %s()",
			     call_name(x->env, insn));
		else
			note(x, c, number, EXPLAIN_CHANGE, "%s, after %s()", value,
			     call_name(x->env, insn));
		return;
	}
	if (insn_is_cond_jmp(insn)) {
		if (is_pointer(before) && before->reg.type & PTR_MAYBE_NULL)
			note(x, c, number, EXPLAIN_BOUND,
			     after->reg.type == SCALAR_VALUE ? "NULL on this path" :
							       "not NULL from here");
		else
			note(x, c, number, EXPLAIN_BOUND, "%s from here", value);
		return;
	}
	if (c->place >= MAX_BPF_REG)
		note(x, c, number, EXPLAIN_CHANGE, "%s", value);
}

static void step_slot(struct search *x, struct chain *c, u32 number, const struct bpf_insn *insn,
		      u32 frame, const struct trail_value *after, const char *value)
{
	const struct trail_value *before = &x->t->now[c->frame][c->place];
	u8 class = BPF_CLASS(insn->code);

	if (!trail_value_differs(before, after, c->place))
		return;
	if (class == BPF_STX && BPF_MODE(insn->code) == BPF_MEM &&
	    after->slot_type[BPF_REG_SIZE - 1] == STACK_SPILL) {
		c->frame = frame;
		c->place = insn->src_reg;
		return;
	}
	if (class == BPF_ST || class == BPF_STX) {
		note(x, c, number, EXPLAIN_ORIGIN, "%s, stored here", value);
		c->live = false;
		return;
	}
	step_learn(x, c, number, insn, frame, after, value);
}

static void step_chain(struct search *x, struct chain *c, u32 number,
		       const struct trail_value *after)
{
	const struct trail_step *s = &x->t->step.v[number - x->t->base];
	const struct bpf_insn *insn = &x->env->insns[s->insn];
	char value[160];

	explain_value(x->env, after, c->place, value, sizeof(value));
	if (c->place >= MAX_BPF_REG)
		step_slot(x, c, number, insn, s->frame, after, value);
	else if (c->frame == s->frame && defines(insn, c->place) &&
		 !(insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL &&
		   !trail_value_differs(&x->t->now[c->frame][c->place], after, 0)))
		step_define(x, c, number, insn, s->frame, after, value);
	else
		step_learn(x, c, number, insn, s->frame, after, value);
}

/* ---- the path ---- */

static void step_branch(struct search *x, u32 number)
{
	const struct trail_step *s = &x->t->step.v[number - x->t->base];
	struct explain_step here = { 0 }, next = { 0 };
	char text[80];

	if (!x->branches || !insn_is_cond_jmp(&x->env->insns[s->insn]) ||
	    number + 1 >= trail_length(x->t))
		return;
	explain_place(x->env, &here, s->insn);
	explain_place(x->env, &next, s[1].insn);
	if (!here.line || here.line == next.line)
		return;
	x->branches--;
	snprintf(text, sizeof(text), "the path goes on at line %u", next.line);
	add_note(x, -1, number, EXPLAIN_BRANCH, text);
}

static void step_acquire(struct search *x, u32 number)
{
	const struct trail_step *s = &x->t->step.v[number - x->t->base];
	const struct bpf_insn *insn = &x->env->insns[s->insn];
	char text[120];

	if (x->acquired < 0 || (u32)x->acquired != s->insn)
		return;
	snprintf(text, sizeof(text), "acquired here: %s()",
		 insn->code == (BPF_JMP | BPF_CALL) ? call_name(x->env, insn) : "the instruction");
	add_note(x, -1, number, EXPLAIN_ORIGIN, text);
	x->acquired = -1;
	x->branches = 0;
}

/* Where the lock was taken, or the section entered. */
static void step_enter(struct search *x, u32 number)
{
	const struct trail_step *s = &x->t->step.v[number - x->t->base];
	const struct bpf_insn *insn = &x->env->insns[s->insn];
	char text[80];

	if (!x->entered || insn->code != (BPF_JMP | BPF_CALL) ||
	    strcmp(call_name(x->env, insn), x->entered))
		return;
	snprintf(text, sizeof(text), "%s() begins the section", x->entered);
	add_note(x, -1, number, EXPLAIN_ORIGIN, text);
	x->entered = NULL;
	x->branches = 0;
}

static void walk_back(struct search *x)
{
	struct trail_value after[CHAINS];

	for (u32 number = trail_length(x->t) - 1; number-- > x->t->base;) {
		bool live = x->branches || x->acquired >= 0 || x->entered;
		u32 n = x->nr_chains;

		for (u32 i = 0; i < n; i++)
			memcpy(&after[i], &x->t->now[x->chain[i].frame][x->chain[i].place],
			       sizeof(after[i]));
		trail_undo(x->t, number);
		for (u32 i = 0; i < n; i++) {
			live |= x->chain[i].live;
			if (x->chain[i].live)
				step_chain(x, &x->chain[i], number, &after[i]);
		}
		step_branch(x, number);
		step_acquire(x, number);
		step_enter(x, number);
		if (!live)
			return;
	}
}

/* ---- where to begin ---- */

/* The register that the message names; -1: none. */
static int named_register(const struct diag *d)
{
	const char *p = diag_format(d->id);
	u32 arg = 0;

	for (; *p; p++) {
		if (*p != '%')
			continue;
		if (p[1] == '%') {
			p++;
			continue;
		}
		if (p > diag_format(d->id) && p[-1] == 'R' && p[1] == 'd' && arg < d->nargs)
			return (int)d->args[arg].num;
		/* Arguments of kernel functions and of the program's own count from 0. */
		if (p[1] == 'd' && arg < d->nargs && p - diag_format(d->id) >= 5 &&
		    (!strncmp(p - 4, "arg#", 4) || !strncmp(p - 5, "arg #", 5) ||
		     !strncmp(p - 3, "arg", 3)))
			return (int)d->args[arg].num + (d->id != DIAG_ARG_MAYBE_NULL);
		arg++;
	}
	return -1;
}

/* The argument of a helper that points to memory of the kind that the message is about. */
static int memory_argument(const struct search *x, u32 frame, const struct bpf_insn *insn)
{
	const struct bpf_func_proto *fn = insn->src_reg ? NULL : bpf_helper_proto((u32)insn->imm);

	for (u32 i = 0; fn && i < 5; i++) {
		u32 reg = x->t->now[frame][BPF_REG_1 + i].reg.type;

		if ((base_type(fn->arg_type[i]) == ARG_PTR_TO_MEM ||
		     base_type(fn->arg_type[i]) == ARG_PTR_TO_MAP_KEY ||
		     base_type(fn->arg_type[i]) == ARG_PTR_TO_MAP_VALUE) &&
		    base_type(reg) != PTR_TO_STACK && reg != SCALAR_VALUE)
			return (int)(BPF_REG_1 + i);
	}
	return -1;
}

static int register_of_insn(const struct search *x, u32 frame, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		return insn->src_reg;
	case BPF_ST:
	case BPF_STX:
	case BPF_ALU:
	case BPF_ALU64:
		return insn->dst_reg;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(insn->code) == BPF_EXIT)
			return BPF_REG_0;
		if (BPF_OP(insn->code) == BPF_CALL)
			return memory_argument(x, frame, insn);
		return insn_is_cond_jmp(insn) ? insn->dst_reg : -1;
	}
	return -1;
}

/* The stack slot that a message about uninitialised bytes means; -1: none. */
static int named_slot(const struct diag *d)
{
	s64 off = 0;

	if (d->id == DIAG_STACK_READ_UNINIT && d->nargs > 1)
		off = d->args[0].num + d->args[1].num;
	else if (d->id == DIAG_STACK_BUF_UNINIT && d->nargs > 3)
		off = d->args[2].num + d->args[3].num;
	return off < 0 && off >= -MAX_BPF_STACK ? (int)((-off - 1) / BPF_REG_SIZE) : -1;
}

/* What the refused instruction must not be inside of; NULL: nothing. */
static const char *section_of(enum diag_id id)
{
	static const struct {
		enum diag_id id;
		const char *entered;
	} rows[] = {
		{ DIAG_IN_LOCK, "bpf_spin_lock" },
		{ DIAG_LOCK_MISSING, "bpf_spin_lock" },
		{ DIAG_STATE_LOCKED_CALL, "bpf_spin_lock" },
		{ DIAG_IN_RCU, "bpf_rcu_read_lock" },
		{ DIAG_RCU_MISSING, "bpf_rcu_read_lock" },
		{ DIAG_IN_PREEMPT, "bpf_preempt_disable" },
		{ DIAG_PREEMPT_MISSING, "bpf_preempt_disable" },
		{ DIAG_IN_IRQ, "bpf_local_irq_save" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == id)
			return rows[i].entered;
	return NULL;
}

/* Refusals that are about the path and not about a value. */
static bool is_about_path(enum diag_id id)
{
	return id == DIAG_REF_UNRELEASED || id == DIAG_REF_LEAK || section_of(id);
}

/* What is known of the offending value, in words; NULL: nothing. */
static char *describe_refusal(struct search *x, const struct explain_step *s, u32 frame, int reg,
			      int slot)
{
	const struct bpf_insn *insn = &x->env->insns[s->insn];
	u32 place = slot >= 0 ? TRAIL_SLOT((u32)slot) : (u32)reg;
	char value[160], name[64] = "";
	const char *function;

	if (slot < 0 && reg < 0)
		return NULL;
	if (reg == BPF_REG_FP)
		return NULL;
	explain_value(x->env, &x->t->now[frame][place], place, value, sizeof(value));
	if (slot >= 0)
		return mem_printf("the stack at fp%d: %s", -(slot + 1) * BPF_REG_SIZE, value);
	if (insn->code == (BPF_JMP | BPF_CALL) && reg >= BPF_REG_1 && reg <= BPF_REG_5) {
		function = call_name(x->env, insn);
		if (s->line)
			explain_argument(s->source, function, place, name, sizeof(name));
		if (*name)
			return mem_printf("argument %d, %s: %s", reg, name, value);
		return mem_printf("argument %d of %s(): %s", reg, function, value);
	}
	if (insn->code == (BPF_JMP | BPF_EXIT) && !reg)
		return mem_printf("the returned value: %s", value);
	if (*x->chain[0].name)
		return mem_printf("%s: %s", x->chain[0].name, value);
	if (BPF_CLASS(insn->code) >= BPF_LDX && BPF_CLASS(insn->code) <= BPF_STX)
		explain_base(s, name, sizeof(name));
	if (*name)
		return mem_printf("%s: %s", name, value);
	return mem_printf("r%d: %s", reg, value);
}

/* A line of inline assembler is many instructions: which one it is, then what is known. */
static void set_refused(struct search *x, struct explain_step *s, u32 frame, int reg, int slot)
{
	char *text = describe_refusal(x, s, frame, reg, slot), *with_insn = NULL;
	char insn[96];

	if (s->line && !strncmp(s->source, "asm", 3)) {
		insn_text(x->env, (u32)s->insn, insn, sizeof(insn));
		with_insn = mem_printf("%s%s%s", insn, text ? "; " : "", text ?: "");
	}
	set_text(s, with_insn ?: text);
	mem_free(with_insn);
	mem_free(text);
}

static int by_number(const void *pa, const void *pb)
{
	const struct note *a = pa, *b = pb;

	return a->number < b->number ? -1 : a->number > b->number;
}

/* What the line of the refusal did to the value is seen in what the refusal tells of it. */
static bool says_the_same(const struct note *n, const struct explain_step *end)
{
	return !n->chain && n->step.line && n->step.line == end->line &&
	       !strcmp(n->step.file, end->file) && !strstr(n->step.text, "; then ") &&
	       (n->step.kind == EXPLAIN_CHANGE ||
		(n->step.kind == EXPLAIN_ORIGIN &&
		 (!strncmp(n->step.text, "set to ", 7) || !strchr(n->step.text, ','))));
}

struct explanation *explain_refusal(struct bpf_verifier_env *env)
{
	struct explanation *e = mem_zalloc(sizeof(*e));
	struct search *x = mem_zalloc(sizeof(*x));
	const struct diag *d = &env->diag;
	struct trail *t = env->trail;
	struct trail_value *at_end = NULL;
	struct explain_step *last, end = { 0 };
	u32 frame = 0;
	int reg = -1, slot = -1;
	char *text;

	if (!e || !x) {
		mem_free(x);
		mem_free(e);
		return NULL;
	}
	x->env = env;
	x->t = t;
	x->acquired = -1;
	explain_needed(d, e->required, sizeof(e->required));
	if (d->insn < 0 || (u32)d->insn >= env->len)
		goto out;
	if (t->step.n && !t->failed && t->step.v[t->step.n - 1].insn == (u32)d->insn) {
		const struct bpf_insn *insn = &env->insns[d->insn];

		frame = t->step.v[t->step.n - 1].frame;
		slot = named_slot(d);
		reg = is_about_path(d->id) || slot >= 0 ? -1 : named_register(d);
		if (reg < 0 && !is_about_path(d->id) && slot < 0)
			reg = register_of_insn(x, frame, insn);
		if (reg >= MAX_BPF_REG)
			reg = -1;
		at_end = mem_dup(t->now, sizeof(t->now));
		x->entered = section_of(d->id);
		if (d->id == DIAG_REF_UNRELEASED && d->nargs > 1)
			x->acquired = (s32)d->args[1].num;
		if (is_about_path(d->id) || slot >= 0 ||
		    (reg >= 0 && t->now[frame][reg].reg.type == NOT_INIT))
			x->branches = BRANCHES_MAX;
		if (slot >= 0)
			follow(x, frame, TRAIL_SLOT((u32)slot));
		else if (reg >= 0 && reg != BPF_REG_FP)
			x->chain[x->nr_chains++] =
				(struct chain){ .frame = frame, .place = (u32)reg, .live = true };
		/* Of arithmetic, the other operand, too. */
		if (slot < 0 && reg == insn->dst_reg && BPF_SRC(insn->code) == BPF_X &&
		    BPF_OP(insn->code) != BPF_MOV && BPF_OP(insn->code) != BPF_NEG &&
		    (BPF_CLASS(insn->code) == BPF_ALU || BPF_CLASS(insn->code) == BPF_ALU64))
			follow(x, frame, insn->src_reg);
		walk_back(x);
	}
	qsort(x->note, x->nr_notes, sizeof(x->note[0]), by_number);
	explain_place(env, &end, (u32)d->insn);
	for (u32 i = 0; i < x->nr_notes; i++) {
		struct note *n = &x->note[i];
		size_t named;

		if (says_the_same(n, &end))
			continue;
		named = strlen(n->name);
		if (!strncmp(n->step.text, n->name, named) && n->step.text[named] == ' ')
			named = 0;
		text = named ? mem_printf("%s: %s", n->name, n->step.text) : NULL;
		if (text)
			set_text(&n->step, text);
		mem_free(text);
		memcpy(&e->step[e->n++], &n->step, sizeof(n->step));
	}
	last = &e->step[e->n++];
	*last = end;
	last->kind = EXPLAIN_REFUSED;
	if (at_end) {
		memcpy(t->now, at_end, sizeof(t->now));
		set_refused(x, last, frame, reg, slot);
	}
out:
	mem_free(at_end);
	mem_free(x);
	return e;
}
