/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Small functions in the place of their calls: the program that is compiled is a copy
 * of the fixed-up one, expanded before anything is analysed, so that selection knows
 * nothing of it. Callbacks of bpf_loop() are calls in a loop by now, and go the
 * same way. Linux does not inline functions. And bpf_for_each_map_elem() over a
 * known array becomes such a loop here: not in the fix-ups, since dumps show the call.
 *
 * A function is taken in when it is short, keeps nothing on its stack, does not
 * tail-call (nor do those that it calls: where the call ends may print who made it), and its saved registers (R6-R9) can be given others that the caller
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
#include "object/map_array.h"

#define BODY_MAX  48	/* instructions of a function that is taken in */
#define GROWTH	  1024	/* instructions that a program may grow by, and its own number */
#define KEPT_REGS 0x3c0 /* R6-R9 */
/* A loop over an array has index, value and context in R6-R8, and below the stack of its function: */
#define EACH_REGS  (BIT(BPF_REG_6) | BIT(BPF_REG_7) | BIT(BPF_REG_8) | BIT(BPF_REG_10))
#define EACH_STACK 32 /* their values of before, and the key */

/* A function while and after it is expanded. */
struct body {
	VEC(struct bpf_insn) insns;
	VEC(struct insn_fact) facts;
	VEC(u32) origin; /* of each instruction: which one of the program it is */
	u16 own, used;	 /* registers: of its own instructions, of all */
	bool begun, done, fits, calls, tails; /* the last: it, or who it calls, tail-calls */
};

struct inliner {
	const struct bpf_prog *prog;
	const struct prog_facts *facts;
	struct jit *j;
	struct body *bodies;
	u32 grown;
	bool walks; /* over arrays: loops in the place of calls */
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

	if (!last || b->insns.n > BODY_MAX || b->tails || (b->used & BIT(BPF_REG_10)))
		return false;
	for (size_t k = 0; k < b->insns.n; k++)
		if (b->insns.v[k].code == (BPF_JMP | BPF_JA | BPF_X)) /* to places of one copy */
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

/* The array that call @i walks over, or NULL. */
static const struct bpf_array *walked_array(const struct inliner *in, u32 i)
{
	const struct bpf_insn *insn = &in->prog->insns[i];

	if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg ||
	    jit_inlined(in->j, i) != INLINE_FOR_EACH ||
	    (u16)in->facts->insn[i].inline_off >= in->prog->nr_subprogs)
		return NULL;
	return jit_known_array(in->j, i);
}

static int expand(struct inliner *in, u32 s);

static struct bpf_insn raw(u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

/* @n instructions of which none is a call but the CPU's number. */
static int put_all(struct inliner *in, struct body *b, const struct bpf_insn *insns, u32 n, u32 i)
{
	int err = 0;

	for (u32 k = 0; k < n && !err; k++) {
		err = put(in, b, insns[k], i);
		if (err)
			break;
		b->facts.v[b->facts.n - 1] = (struct insn_fact){
			.seen = 1,
			.zext_dst = 1,
			.inlined =
				insns[k].code == (BPF_JMP | BPF_CALL) ? INLINE_RUN32 : INLINE_NOT,
			.inline_off = offsetof(struct bpf_run, cpu),
		};
	}
	return err;
}

/* @call of function @k, or what it does. */
static int call_body(struct inliner *in, struct body *b, u32 s, u32 k, struct bpf_insn call, u32 i)
{
	const struct body *callee = &in->bodies[k];
	u8 to[MAX_BPF_EXT_REG];
	int err = expand(in, k);

	if (err)
		return err;
	if (callee->done && callee->fits && k != s && in->grown < GROWTH + in->prog->len &&
	    rename_kept(b, callee, to)) {
		b->calls |= callee->calls;
		return take_in(in, b, callee, to, i);
	}
	b->calls = true;
	b->tails |= callee->tails;
	err = put(in, b, call, i);
	if (!err)
		b->facts.v[b->facts.n - 1].inlined = INLINE_NOT;
	return err;
}

/* bpf_for_each_map_elem(), call @i of function @s, over array @a. */
static int put_walk(struct inliner *in, struct body *b, u32 s, const struct bpf_array *a, u32 i)
{
	const u64 value = (u64)(uintptr_t)a->value, map = (u64)(uintptr_t)a;
	const s32 own = (s32)round_up(in->prog->subprog_stack[s], 8U);
	const s16 key = (s16)(-own - 8), saved = (s16)(-own - EACH_STACK);
	const u32 only_percpu = a->cpu_stride ? 0 : 3;
	const struct bpf_insn begin[] = {
		raw(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_4, 0, 2, 0),
		raw(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, -EINVAL),
		raw(BPF_JMP | BPF_JA, 0, 0, 0, 0),
		raw(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_6, saved, 0),
		raw(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_7, saved + 8, 0),
		raw(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_8, saved + 16, 0),
		raw(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_8, BPF_REG_3, 0, 0),
		raw(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_7, 0, 0, (s32)value),
		raw(0, 0, 0, 0, (s32)(value >> 32)),
		raw(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_6, 0, 0, 0),
		/* of a per-CPU array */
		raw(BPF_JMP | BPF_CALL, 0, 0, 0, 0),
		raw(BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_0, 0, 0, (s32)a->cpu_stride),
		raw(BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_7, BPF_REG_0, 0, 0),
	};
	const struct bpf_insn args[] = {
		raw(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_6, key, 0),
		raw(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, 0, 0, (s32)map),
		raw(0, 0, 0, 0, (s32)(map >> 32)),
		raw(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		raw(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, key),
		raw(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_7, 0, 0),
		raw(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_8, 0, 0),
	};
	struct bpf_insn end[] = {
		raw(BPF_ALU | BPF_ADD | BPF_K, BPF_REG_6, 0, 0, 1),
		raw(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, 0),
		raw(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_7, 0, 0, (s32)a->elem_size),
		raw(BPF_JMP32 | BPF_JLT | BPF_K, BPF_REG_6, 0, 0, (s32)a->map.max_entries),
		raw(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_6, 0, 0),
		raw(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_6, BPF_REG_10, saved, 0),
		raw(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_10, saved + 8, 0),
		raw(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_8, BPF_REG_10, saved + 16, 0),
	};
	const u32 callee = (u16)in->facts->insn[i].inline_off, from = (u32)b->insns.n;
	u32 loop;
	int err;

	err = put_all(in, b, begin, ARRAY_SIZE(begin) - only_percpu, i);
	loop = (u32)b->insns.n;
	if (!err)
		err = put_all(in, b, args, ARRAY_SIZE(args), i);
	if (!err)
		err = call_body(in, b, s, callee,
				raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, (s16)callee, 0), i);
	end[3].off = (s16)((s32)loop - (s32)b->insns.n - 4);
	if (!err)
		err = put_all(in, b, end, ARRAY_SIZE(end), i);
	if (err)
		return err;
	b->insns.v[from + 2].off = (s16)(b->insns.n - from - 3);
	in->j->subs[s].loop_stack = EACH_STACK;
	in->walks = true;
	return 0;
}

static int expand(struct inliner *in, u32 s)
{
	const struct bpf_prog *prog = in->prog;
	u32 start = prog->subprog_start[s], k;
	u32 end = s + 1 < prog->nr_subprogs ? prog->subprog_start[s + 1] : prog->len;
	struct body *b = &in->bodies[s];
	int err = 0;
	u32 *at;

	if (b->begun)
		return 0;
	b->begun = true;
	at = mem_calloc(end - start + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (u32 i = start; i < end; i++) {
		b->own |= names(&prog->insns[i]);
		if (walked_array(in, i))
			b->own |= EACH_REGS;
	}
	for (u32 i = start; i < end && !err; i++) {
		const struct bpf_insn *insn = &prog->insns[i];
		const struct bpf_array *array = walked_array(in, i);

		at[i - start] = (u32)b->insns.n;
		if (insn_is_ldimm64(insn)) {
			err = put(in, b, *insn, i);
			at[++i - start] = (u32)b->insns.n;
			if (!err)
				err = put(in, b, prog->insns[i], i);
			continue;
		}
		k = (u16)insn->off;
		if (is_subprog_call(insn) && k >= prog->nr_subprogs) {
			err = -EINVAL;
		} else if (array) {
			err = put_walk(in, b, s, array, i);
		} else if (is_subprog_call(insn) && i + 1 < end) {
			err = call_body(in, b, s, k, *insn, i);
		} else { /* What is called last does not return: no return could jump behind it. */
			err = put(in, b, *insn, i);
			b->calls |= insn->code == (BPF_JMP | BPF_CALL);
			b->tails |= insn->code == (BPF_JMP | BPF_TAIL_CALL);
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
	struct inliner in = { .prog = j->prog, .facts = j->facts, .j = j };
	int err = 0;

	in.bodies = mem_calloc(j->nr_subs, sizeof(*in.bodies));
	if (!in.bodies)
		return -ENOMEM;
	for (u32 s = 0; s < j->nr_subs && !err; s++)
		err = expand(&in, s);
	if (!err && (in.grown || in.walks))
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
