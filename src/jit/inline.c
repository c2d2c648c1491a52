/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Small functions in the place of their calls: the program that is compiled is a copy
 * of the fixed-up one, expanded before anything is analysed, so that selection knows
 * nothing of it. Callbacks of bpf_loop() are calls in a loop by now, and go the
 * same way. Linux does not inline functions.
 *
 * A function is taken in when it is short, keeps nothing on its stack, does not
 * tail-call, and its saved registers (R6-R9) can be given others that the caller
 * leaves alone. It stays where it is as well, for calls by C and for dumps. Programs
 * with something attached to one of their functions are not expanded: see
 * jit_compile() and prog->guarded.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "isa/insn.h"
#include "jit/jit.h"
#include "object/fixup.h"

#define BODY_MAX  48	/* instructions of a function that is taken in */
#define GROWTH	  1024	/* instructions that a program may grow by, and its own number */
#define KEPT_REGS 0x3c0 /* R6-R9 */

/* A function while and after it is expanded. */
struct body {
	VEC(struct bpf_insn) insns;
	VEC(struct insn_fact) facts;
	VEC(u32) origin; /* of each instruction: which one of the program it is */
	u16 own, used;	 /* registers: of its own instructions, of all */
	bool begun, done, fits, calls;
};

struct inliner {
	const struct bpf_prog *prog;
	const struct prog_facts *facts;
	struct body *bodies;
	u32 grown;
};

static bool is_subprog_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

static bool jumps(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT &&
	       op != BPF_TAIL_CALL;
}

/* Registers that @insn names; fields that are no registers there are 0 or harmless. */
static u16 names(const struct bpf_insn *insn)
{
	if (insn->code == (BPF_JMP | BPF_CALL))
		return 0x3f;
	if (insn->code == (BPF_JMP | BPF_EXIT))
		return BIT(BPF_REG_0);
	return BIT(insn->dst_reg) | BIT(insn->src_reg);
}

static int put(struct inliner *in, struct body *b, struct bpf_insn insn, u32 origin)
{
	struct insn_fact none = { 0 };

	b->used |= names(&insn);
	if (vec_push(&b->insns, insn) || vec_push(&b->origin, origin) ||
	    vec_push(&b->facts, in->facts ? in->facts->insn[origin] : none))
		return -ENOMEM;
	return 0;
}

/* Another register for each of R6-R9 that @callee uses, which @caller does not: whether there are enough. */
static bool rename_kept(const struct body *caller, const struct body *callee, u8 *to)
{
	u16 free = KEPT_REGS & ~caller->own;

	if (!callee->calls) /* after a call nobody reads R1-R5 */
		free |= 0x3e & ~callee->used;
	for (u32 r = 0; r < MAX_BPF_EXT_REG; r++)
		to[r] = (u8)r;
	for (u32 r = BPF_REG_6; r <= BPF_REG_9; r++) {
		if (!(callee->used & BIT(r)))
			continue;
		if (!free)
			return false;
		to[r] = (u8)__builtin_ctz(free);
		free &= free - 1;
	}
	return true;
}

/* @callee in the place of call @i of @caller; its returns become jumps behind it. */
static int take_in(struct inliner *in, struct body *caller, const struct body *callee, const u8 *to,
		   u32 i)
{
	u32 n = (u32)callee->insns.n;
	int err = 0;

	for (u32 k = 0; k < n && !err; k++) {
		struct bpf_insn insn = callee->insns.v[k];

		if (insn.code == (BPF_JMP | BPF_EXIT)) {
			insn = (struct bpf_insn){ .code = BPF_JMP | BPF_JA,
						  .off = (s16)(n - 1 - k) };
		} else if (insn.code != (BPF_JMP | BPF_CALL)) {
			insn.dst_reg = to[insn.dst_reg];
			/* of constants and atomics this is no register, but 0 or one */
			insn.src_reg = to[insn.src_reg];
		}
		err = put(in, caller, insn, i);
		if (!err)
			caller->facts.v[caller->facts.n - 1] = callee->facts.v[k];
	}
	in->grown += n;
	return err;
}

/* Whether others may take @b in. */
static bool fits(const struct body *b)
{
	const struct bpf_insn *last = b->insns.n ? &b->insns.v[b->insns.n - 1] : NULL;

	if (!last || b->insns.n > BODY_MAX || (b->used & BIT(BPF_REG_10)))
		return false;
	for (size_t k = 0; k < b->insns.n; k++)
		if (b->insns.v[k].code == (BPF_JMP | BPF_TAIL_CALL) ||
		    b->insns.v[k].code == (BPF_JMP | BPF_JA | BPF_X)) /* to places of one copy */
			return false;
	return last->code == (BPF_JMP | BPF_EXIT) || last->code == (BPF_JMP | BPF_JA);
}

/* Jumps of the function's own instructions, whose distances have grown. @at: by instruction of it. */
static int lengthen_jumps(struct body *b, const struct bpf_insn *old, u32 n, const u32 *at)
{
	for (u32 i = 0; i < n; i++) {
		struct bpf_insn *insn = &b->insns.v[at[i]];
		s64 to, rel;

		if (insn_is_ldimm64(&old[i])) {
			i++;
			continue;
		}
		if (!jumps(&old[i]))
			continue;
		to = (s64)i + 1 + insn_jmp_off(&old[i]);
		if (to < 0 || to > n)
			return -EINVAL;
		rel = (s64)at[to] - at[i] - 1;
		if (insn->code == (BPF_JMP32 | BPF_JA))
			insn->imm = (s32)rel;
		else if (rel != (s16)rel)
			return -E2BIG;
		else
			insn->off = (s16)rel;
	}
	return 0;
}

static int expand(struct inliner *in, u32 s)
{
	const struct bpf_prog *prog = in->prog;
	u32 start = prog->subprog_start[s], k;
	u32 end = s + 1 < prog->nr_subprogs ? prog->subprog_start[s + 1] : prog->len;
	struct body *b = &in->bodies[s];
	u8 to[MAX_BPF_EXT_REG];
	int err = 0;
	u32 *at;

	if (b->begun)
		return 0;
	b->begun = true;
	at = mem_calloc(end - start + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (u32 i = start; i < end; i++)
		b->own |= names(&prog->insns[i]);
	for (u32 i = start; i < end && !err; i++) {
		const struct bpf_insn *insn = &prog->insns[i];
		struct body *callee = NULL;

		at[i - start] = (u32)b->insns.n;
		if (insn_is_ldimm64(insn)) {
			err = put(in, b, *insn, i);
			at[++i - start] = (u32)b->insns.n;
			if (!err)
				err = put(in, b, prog->insns[i], i);
			continue;
		}
		if (is_subprog_call(insn)) {
			k = (u16)insn->off;
			if (k >= prog->nr_subprogs) {
				err = -EINVAL;
				break;
			}
			err = expand(in, k);
			if (!err && in->bodies[k].done && in->bodies[k].fits && k != s &&
			    in->grown < GROWTH + prog->len)
				callee = &in->bodies[k];
		}
		/* What is called last does not return: nothing is behind it that a return could jump to. */
		if (callee && i + 1 < end && rename_kept(b, callee, to)) {
			err = take_in(in, b, callee, to, i);
			b->calls |= callee->calls;
		} else if (!err) {
			err = put(in, b, *insn, i);
			b->calls |= insn->code == (BPF_JMP | BPF_CALL);
		}
	}
	at[end - start] = (u32)b->insns.n;
	if (!err)
		err = lengthen_jumps(b, &prog->insns[start], end - start, at);
	mem_free(at);
	b->done = !err;
	b->fits = b->done && fits(b);
	return err;
}

static int join(struct jit *j, const struct inliner *in)
{
	u32 n = 0, at = 0;

	for (u32 s = 0; s < j->nr_subs; s++)
		n += (u32)in->bodies[s].insns.n;
	j->expanded = mem_calloc(n, sizeof(*j->expanded));
	j->expanded_facts = mem_calloc(n, sizeof(*j->expanded_facts));
	j->at = mem_calloc(j->prog->len + 1, sizeof(*j->at));
	if (!j->expanded || !j->expanded_facts || !j->at)
		return -ENOMEM;
	for (u32 s = 0; s < j->nr_subs; s++) {
		const struct body *b = &in->bodies[s];

		memcpy(j->expanded + at, b->insns.v, b->insns.n * sizeof(*j->expanded));
		memcpy(j->expanded_facts + at, b->facts.v, b->facts.n * sizeof(*j->expanded_facts));
		/* an instruction is where the first that stands for it is */
		for (size_t k = b->origin.n; k-- > 0;)
			j->at[b->origin.v[k]] = at + (u32)k;
		j->subs[s].start = at;
		at += (u32)b->insns.n;
		j->subs[s].end = at;
	}
	j->at[j->prog->len] = at;
	j->insns = j->expanded;
	if (j->facts) {
		j->expanded_facts_of.n = n;
		j->expanded_facts_of.insn = j->expanded_facts;
		j->facts = &j->expanded_facts_of;
	}
	j->len = n;
	return 0;
}

int jit_inline(struct jit *j)
{
	struct inliner in = { .prog = j->prog, .facts = j->facts };
	int err = 0;

	in.bodies = mem_calloc(j->nr_subs, sizeof(*in.bodies));
	if (!in.bodies)
		return -ENOMEM;
	for (u32 s = 0; s < j->nr_subs && !err; s++)
		err = expand(&in, s);
	if (!err && in.grown)
		err = join(j, &in);
	if (err == -E2BIG) /* a jump would be too long: as it is, then */
		err = 0;
	for (u32 s = 0; s < j->nr_subs; s++) {
		vec_free(&in.bodies[s].insns);
		vec_free(&in.bodies[s].facts);
		vec_free(&in.bodies[s].origin);
	}
	mem_free(in.bodies);
	return err;
}
