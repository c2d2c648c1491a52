/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The steps of compiling that are the same for every machine. See jit.h. */
#include "jit/jit.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "isa/insn.h"
#include "object/arena.h"
#include "object/fixup.h"
#include "object/map_array.h"
#include "object/object.h"
#include "object/system.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define LOOP_MAX 64 /* instructions of a loop whose head is aligned */

int jit_reserve(struct jit *j)
{
	u32 cap = j->cap * 2;
	u8 *code;

	if (likely(j->cap - j->n >= JIT_MAX_INSN_BYTES))
		return 0;
	code = mem_realloc(j->code, cap);
	if (!code)
		return -ENOMEM;
	j->code = code;
	j->cap = cap;
	return 0;
}

int jit_ref(struct jit *j, u32 at, enum jit_ref_kind kind, u32 target, u8 len, u8 short_len)
{
	if (j->nr_refs == j->cap_refs) {
		u32 cap = j->cap_refs ? 2 * j->cap_refs : 64;
		struct jit_ref *refs = mem_realloc_array(j->refs, cap, sizeof(*refs));

		if (!refs)
			return -ENOMEM;
		j->refs = refs;
		j->cap_refs = cap;
	}
	j->refs[j->nr_refs++] = (struct jit_ref){ at, target, kind, len, short_len, false };
	return 0;
}

int jit_pool(struct jit *j, u64 value)
{
	if (j->nr_pool == j->cap_pool) {
		u32 cap = j->cap_pool ? 2 * j->cap_pool : 8;
		u64 *pool = mem_realloc_array(j->pool, cap, sizeof(*pool));

		if (!pool)
			return -ENOMEM;
		j->pool = pool;
		j->cap_pool = cap;
	}
	j->pool[j->nr_pool] = value;
	return (int)j->nr_pool++;
}

/* Registers that a subprogram uses, and 16 bits above those that it writes: one word, which stays in a register. */
static inline void use(u32 *regs, u32 reg)
{
	*regs |= BIT(reg);
}

static inline void def(u32 *regs, u32 reg)
{
	*regs |= 0x10001U << reg;
}

/* Whether call @i becomes some instructions that call nobody. */
static bool analyse_inlined(struct jit *j, struct jit_sub *sub, u32 *regs, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	const struct bpf_array *array;

	switch (jit_inlined(j, i)) {
	case INLINE_NOT:
	case INLINE_FOR_EACH: /* where inline.c left it */
		if (insn->src_reg || insn->imm != BPF_FUNC_map_lookup_elem)
			return false;
		array = jit_known_array(j, i);
		if (!array)
			return false;
		use(regs, BPF_REG_2);
		if (array->map.map_type == BPF_MAP_TYPE_PERCPU_ARRAY) {
			def(regs, BPF_REG_4); /* a scratch register there */
			sub->needs_run = true;
		}
		break;
	case INLINE_PID_TGID:
	case INLINE_RANDOM: /* the first one of a run calls */
		return false;
	case INLINE_RUN32:
	case INLINE_RUN64:
		sub->needs_run = true;
		break;
	case INLINE_NOTHING:
		return true;
	case INLINE_ARG64:
	case INLINE_DYNPTR_NULL:
	case INLINE_DYNPTR_SIZE:
	case INLINE_DYNPTR_RDONLY:
		use(regs, BPF_REG_1);
		break;
	}
	def(regs, BPF_REG_0);
	return true;
}

/* Whatever an indirect jump may lead to; without facts all of the function. */
static void mark_targets(struct jit *j, const struct jit_sub *sub)
{
	for (u32 i = sub->start; i < sub->end; i++)
		if (!j->facts || j->facts->insn[i].gotox_target)
			j->is_target[i] |= JIT_FROM_ABOVE | JIT_FROM_BELOW;
}

static inline void analyse_jmp(struct jit *j, struct jit_sub *sub, u32 *regs, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	u8 *to;

	switch (BPF_OP(insn->code)) {
	case BPF_CALL:
		if (analyse_inlined(j, sub, regs, i))
			return;
		if (insn->src_reg == BPF_PSEUDO_CALL)
			sub->has_subcall = true;
		else
			sub->has_call = true;
		*regs |= 0x3f003f;
		return;
	case BPF_TAIL_CALL:
		sub->has_tail = true;
		j->has_tail = true;
		*regs |= BIT(BPF_REG_1) | BIT(BPF_REG_2) | BIT(BPF_REG_3);
		return;
	case BPF_EXIT:
		use(regs, BPF_REG_0);
		return;
	case BPF_JA:
		if (insn_is_gotox(insn)) {
			use(regs, insn->dst_reg);
			mark_targets(j, sub);
			return;
		}
		if (!insn_jmp_off(insn))
			return;
		break;
	default:
		use(regs, insn->dst_reg);
		if (BPF_SRC(insn->code) == BPF_X)
			use(regs, insn->src_reg);
	}
	to = &j->is_target[i + 1 + insn_jmp_off(insn)];
	*to |= insn_jmp_off(insn) < 0 ? JIT_FROM_BELOW : JIT_FROM_ABOVE;
	if (insn_jmp_off(insn) < 0 && *to < 4 * JIT_BACK_EDGE)
		*to += JIT_BACK_EDGE;
}

/* What the subprogram uses and where jumps go. */
static int analyse(struct jit *j, struct jit_sub *sub)
{
	const struct bpf_insn *insn;
	u32 i, regs = 0;
	u8 op;

	for (i = sub->start; i < sub->end; i++) {
		insn = &j->insns[i];
		op = BPF_OP(insn->code);
		switch (BPF_CLASS(insn->code)) {
		case BPF_JMP:
		case BPF_JMP32:
			if (op != BPF_CALL && op != BPF_EXIT && op != BPF_TAIL_CALL &&
			    ((s64)i + 1 + insn_jmp_off(insn) >= sub->end ||
			     (s64)i + 1 + insn_jmp_off(insn) < sub->start))
				return -EINVAL;
			analyse_jmp(j, sub, &regs, i);
			break;
		case BPF_ALU:
		case BPF_ALU64:
			def(&regs, insn->dst_reg);
			if (BPF_SRC(insn->code) == BPF_X && op != BPF_END)
				use(&regs, insn->src_reg);
			if (op == BPF_DIV || op == BPF_MOD)
				sub->needs_temp2 = true;
			break;
		case BPF_LD:
			def(&regs, insn->dst_reg);
			i++;
			break;
		case BPF_LDX:
			def(&regs, insn->dst_reg);
			use(&regs, insn->src_reg);
			if (BPF_MODE(insn->code) != BPF_MEM && BPF_MODE(insn->code) != BPF_MEMSX)
				sub->has_call =
					true; /* which keeps all registers, see x86_probe() */
			break;
		case BPF_ST:
			use(&regs, insn->dst_reg);
			break;
		case BPF_STX:
			use(&regs, insn->dst_reg);
			use(&regs, insn->src_reg);
			if (BPF_MODE(insn->code) != BPF_ATOMIC)
				break;
			sub->needs_temp2 = true;
			if (insn->imm == BPF_CMPXCHG)
				def(&regs, BPF_REG_0);
			else if (insn->imm == BPF_LOAD_ACQ)
				def(&regs, insn->dst_reg);
			else if (insn->imm & BPF_FETCH)
				def(&regs, insn->src_reg);
			break;
		}
	}
	sub->used = (u16)regs;
	sub->written = (u16)(regs >> 16);
	return 0;
}

/* How many of the jumps back to @head are not behind @end; *last is the last of them. */
static u32 jumps_back(const struct jit *j, u32 head, u32 end, u32 *last)
{
	u32 n = 0;

	for (u32 i = head; i <= end; i++) {
		const struct bpf_insn *insn = &j->insns[i];

		if (insn_is_ldimm64(insn)) {
			i++;
		} else if ((insn_is_cond_jmp(insn) || insn->code == (BPF_JMP | BPF_JA)) &&
			   (s64)i + 1 + insn->off == head) {
			*last = i;
			n++;
		}
	}
	return n;
}

/*
 * Whether a short loop without loops in it begins at @i: not an end or a part of others
 * that the compiler has put above the jumps to it.
 */
static bool begins_loop(const struct jit *j, u32 i)
{
	u32 edges = j->is_target[i] / JIT_BACK_EDGE, end = min(i + LOOP_MAX, j->sub->end - 1), last,
	    to;

	if (edges < 1 || edges > 2 || jumps_back(j, i, end, &last) != edges)
		return false;
	for (u32 k = i; k <= last; k++) {
		if (insn_is_ldimm64(&j->insns[k]))
			continue;
		if (j->insns[k].code == (BPF_JMP | BPF_EXIT))
			return false;
		if (k > i && j->is_target[k] >= JIT_BACK_EDGE &&
		    jumps_back(j, k, last, &to) == j->is_target[k] / JIT_BACK_EDGE)
			return false;
	}
	return true;
}

static int emit_all(struct jit *j)
{
	struct jit_sub *sub;
	int err, n;
	u32 i, s, k;

	for (s = 0; s < j->nr_subs; s++) {
		sub = j->sub = &j->subs[s];
		err = jit_reserve(j);
		if (err)
			return err;
		sub->body = j->n;
		err = jit_arch_prologue(j, sub, s == 0 && !jit_is_function(j));
		if (err)
			return err;
		sub->prologue = j->n - sub->body;
		for (i = sub->start; i < sub->end; i += n) {
			err = jit_reserve(j);
			if (err)
				return err;
			if (begins_loop(j, i)) {
				err = jit_ref(j, j->n, JIT_REF_LOOP, 0, JIT_LOOP_ALIGN - 1, 0);
				if (err)
					return err;
				j->n += JIT_LOOP_ALIGN - 1;
			}
			j->offset[i] = j->n;
			n = jit_arch_insn(j, i);
			if (n < 0)
				return n;
			for (k = 1; k < n; k++) /* fused: never jumped to */
				j->offset[i + k] = j->n;
		}
	}
	j->offset[j->len] = j->n;
	for (s = jit_is_function(j) ? 0 : 1; s < j->nr_subs; s++) {
		sub = &j->subs[s];
		/* who calls nobody does not need the run: C may call it as it is */
		if (!sub->has_call && !sub->has_subcall && !sub->has_tail && !sub->needs_run) {
			sub->stub = sub->body;
			if (!s)
				j->entry = sub->body;
			continue;
		}
		err = jit_reserve(j);
		if (err)
			return err;
		sub->stub = j->n;
		err = jit_arch_stub(j, sub);
		if (err)
			return err;
		if (s)
			continue;
		err = jit_reserve(j);
		if (err)
			return err;
		j->entry = j->n;
		err = jit_arch_entry(j, sub);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Decides which jumps are short. saved[k] is what the references before k save; a
 * jump that fits stays fitting when others shrink, so this ends; four rounds get
 * nearly all. first_ref[i] is the number of references before instruction i.
 */
static void shrink(struct jit *j, u32 *saved, const u32 *first_ref)
{
	bool changed = true;
	struct jit_ref *r;
	u32 k, rounds;
	s64 rel;

	for (rounds = 0; changed && rounds < 4; rounds++) {
		changed = false;
		for (saved[0] = k = 0; k < j->nr_refs; k++) {
			r = &j->refs[k];
			saved[k + 1] = saved[k] + (r->is_short ? r->len - r->short_len : 0);
		}
		for (k = 0; k < j->nr_refs; k++) {
			r = &j->refs[k];
			if (!r->short_len || r->is_short)
				continue;
			rel = ((s64)j->offset[r->target] - saved[first_ref[r->target]]) -
			      ((s64)r->at - saved[k] + r->len);
			/* a jump back shrinks with its own saving, one forward does not grow */
			if (rel >= -128 && rel <= 127) {
				r->is_short = true;
				changed = true;
			}
		}
	}
	/* what aligns loops has counted as long as it can be */
	for (saved[0] = k = 0; k < j->nr_refs; k++) {
		r = &j->refs[k];
		if (r->kind == JIT_REF_LOOP) {
			r->short_len = -(r->at - saved[k]) % JIT_LOOP_ALIGN;
			r->is_short = true;
		}
		saved[k + 1] = saved[k] + (r->is_short ? r->len - r->short_len : 0);
	}
}

/* Number of references that lie before code offset @at. */
static u32 refs_before(const struct jit *j, u32 at)
{
	u32 lo = 0, hi = j->nr_refs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (j->refs[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The frames of bodies and of entries for C, in the order of the code. */
static int note_frames(const struct jit *j, const u32 *saved, struct jit_output *out)
{
	struct jit_frame *f = mem_calloc(2 * j->nr_subs, sizeof(*f));
	u32 n = 0;

	if (!f)
		return -ENOMEM;
	out->frames = f;
	for (u32 pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < j->nr_subs; i++) {
			const struct jit_sub *sub = &j->subs[i];
			u32 at = pass ? sub->stub : sub->body;

			if (pass && ((!i && !jit_is_function(j)) || sub->stub == sub->body))
				continue;
			f[n] = pass ? jit_arch_stub_frame :
				      (struct jit_frame){ .prologue = sub->prologue,
							  .depth = sub->depth,
							  .saved = sub->saved,
							  .frame_pointer = sub->frame_pointer };
			f[n].at = at - saved[refs_before(j, at)];
			f[n].sub = i;
			if (n)
				f[n - 1].len = f[n].at - f[n - 1].at;
			n++;
		}
	}
	f[n - 1].len = out->native_len - f[n - 1].at;
	out->nr_frames = n;
	return 0;
}

/*
 * The tables of indirect jumps: how far each instruction's code is from the beginning of the table, which
 * is at @pool + 8 * its index.
 */
static void fill_tables(struct jit *j, u32 pool, const u32 *saved, const u32 *first_ref)
{
	for (u32 s = 0; s < j->nr_subs; s++) {
		const struct jit_sub *sub = &j->subs[s];
		u32 first = sub->table - 1;

		for (u32 i = sub->start; sub->table && i < sub->end; i++)
			j->pool[first + i - sub->start] =
				(u64)((s64)j->offset[i] - saved[first_ref[i]] - (pool + 8 * first));
	}
}

static int finish(struct jit *j, struct jit_output *out)
{
	u32 *first_ref = NULL, *saved = NULL, i, k, from, to, len, pool, end;
	struct jit_ref *r;
	int err = -ENOMEM;
	s64 dest;

	first_ref = mem_calloc(j->len + 1, sizeof(*first_ref));
	saved = mem_calloc(j->nr_refs + 1, sizeof(*saved));
	if (!first_ref || !saved)
		goto out;
	for (i = k = 0; i <= j->len; i++) {
		while (k < j->nr_refs && j->refs[k].at < j->offset[i])
			k++;
		first_ref[i] = k;
	}
	shrink(j, saved, first_ref);
	pool = round_up(j->n - saved[j->nr_refs] + 1, 8U);
	out->nr_subs = j->nr_subs;
	out->native_len = j->n - saved[j->nr_refs];
	out->entries = pool + 8 * j->nr_pool;
	out->size = out->entries + 16 * j->nr_subs;
	out->code = mem_zalloc(out->size);
	if (!out->code)
		goto out;
	from = to = 0;
	for (k = 0; k < j->nr_refs; k++) {
		r = &j->refs[k];
		memcpy(out->code + to, j->code + from, r->at - from);
		to += r->at - from;
		len = r->is_short ? r->short_len : r->len;
		if (r->kind == JIT_REF_LOOP) {
			jit_arch_pad(out->code + to, len);
			to += len;
			from = r->at + r->len;
			continue;
		}
		if (r->is_short)
			jit_arch_shorten(out->code + to, j->code + r->at);
		else
			memcpy(out->code + to, j->code + r->at, len);
		from = r->at + r->len;
		end = to + len;
		if (r->kind == JIT_REF_POOL) {
			dest = pool + 8 * r->target;
		} else {
			u32 at = r->kind == JIT_REF_CALL ? j->subs[r->target].body :
							   j->offset[r->target];

			dest = at - saved[r->kind == JIT_REF_CALL ? refs_before(j, at) :
								    first_ref[r->target]];
		}
		jit_arch_resolve(out->code + to, r, (s32)(dest - end));
		to = end;
	}
	memcpy(out->code + to, j->code + from, j->n - from);
	fill_tables(j, pool, saved, first_ref);
	if (j->nr_pool)
		memcpy(out->code + pool, j->pool, 8 * j->nr_pool);
	for (i = 0; i < j->nr_subs; i++) {
		bool stub = i || jit_is_function(j);
		u64 body = j->subs[i].body, entry = stub ? j->subs[i].stub : body;

		entry -= saved[refs_before(j, entry)];
		body -= saved[refs_before(j, body)];
		memcpy(out->code + out->entries + 8 * i, &entry, 8);
		memcpy(out->code + out->entries + 8 * (j->nr_subs + i), &body, 8);
		if (!i)
			out->entry = stub ? j->entry - saved[refs_before(j, j->entry)] : entry;
	}
	err = note_frames(j, saved, out);
	if (err)
		goto out;
	for (i = 0; i <= j->len; i++)
		first_ref[i] = j->offset[i] - saved[first_ref[i]];
	if (j->at) /* where each instruction went grows with it: in place */
		for (i = 0; i <= j->prog->len; i++)
			first_ref[i] = first_ref[j->at[i]];
	out->offsets = first_ref;
	first_ref = NULL;
out:
	mem_free(first_ref);
	mem_free(saved);
	return err;
}

/* Indirect jumps know instructions by their number, which inlining changes. */
static bool has_gotox(const struct bpf_prog *prog)
{
	for (u32 i = 0; i < prog->len; i++) {
		if (insn_is_gotox(&prog->insns[i]))
			return true;
		i += insn_is_ldimm64(&prog->insns[i]);
	}
	return false;
}

int jit_translate(const struct bpf_prog *prog, const struct prog_facts *facts, bool bmi2,
		  struct jit_output *out)
{
	struct jit j = {
		.prog = prog,
		.insns = prog->insns,
		.facts = facts && facts->n == prog->len ? facts : NULL,
		.len = prog->len,
		.nr_subs = prog->nr_subprogs,
		.bmi2 = bmi2,
	};
	int err = -ENOMEM;
	u32 s;

	j.subs = mem_calloc(j.nr_subs, sizeof(*j.subs));
	if (!j.subs)
		goto out;
	for (s = 0; s < j.nr_subs; s++) {
		j.subs[s].start = prog->subprog_start[s];
		j.subs[s].end = s + 1 < j.nr_subs ? prog->subprog_start[s + 1] : j.len;
	}
	if (j.nr_subs > 1 && !prog->guarded && !prog->prints_stack && !has_gotox(prog)) {
		err = jit_inline(&j);
		if (err)
			goto out;
		err = -ENOMEM;
	}
	j.cap = 4096 + 8 * j.len;
	j.is_target = mem_zalloc(j.len + 1);
	j.live = mem_calloc(j.len + 1, sizeof(*j.live));
	j.offset = mem_calloc(j.len + 1, sizeof(*j.offset));
	j.call_slot = mem_calloc(prog->nr_calls + 1, sizeof(*j.call_slot));
	j.code = mem_alloc(j.cap);
	if (!j.is_target || !j.live || !j.offset || !j.call_slot || !j.code)
		goto out;
	for (s = 0; s < j.nr_subs; s++) {
		struct jit_sub *sub = &j.subs[s];

		sub->stack = round_up(prog->subprog_stack[s] + !prog->subprog_stack[s], 8U) &
			     (prog->subprog_stack[s] ? ~0U : 0);
		sub->stack += sub->loop_stack;
		err = analyse(&j, sub);
		if (err)
			goto out;
	}
	for (s = 0; s < j.nr_subs; s++)
		jit_arch_assign(&j, &j.subs[s]);
	err = jit_liveness(&j);
	if (!err)
		err = emit_all(&j);
	if (!err)
		err = finish(&j, out);
out:
	mem_free(j.subs);
	mem_free(j.expanded);
	mem_free(j.expanded_facts);
	mem_free(j.at);
	mem_free(j.is_target);
	mem_free(j.live);
	mem_free(j.offset);
	mem_free(j.call_slot);
	mem_free(j.code);
	mem_free(j.refs);
	mem_free(j.pool);
	return err;
}

void jit_output_free(struct jit_output *out)
{
	mem_free(out->code);
	mem_free(out->offsets);
	mem_free(out->frames);
	memset(out, 0, sizeof(*out));
}

int jit_place(struct arena *arena, struct bpf_prog *prog, const struct prog_facts *facts, bool bmi2,
	      struct jit_output *kept)
{
	struct jit_output out = { 0 };
	u8 *at;
	u64 addr;
	u32 i;
	int err;

	err = jit_translate(prog, facts, bmi2, &out);
	if (err)
		goto out;
	at = arena_code_alloc(arena, out.size, &err);
	if (!at)
		goto out;
	for (i = 0; i < 2 * out.nr_subs; i++) {
		memcpy(&addr, out.code + out.entries + 8 * i, 8);
		addr += (u64)(uintptr_t)at;
		memcpy(out.code + out.entries + 8 * i, &addr, 8);
	}
	err = arena_code_write(arena, at, out.code, out.size);
	if (err) {
		arena_code_free(arena, at, out.size);
		goto out;
	}
	prog->code = at;
	prog->code_size = out.size;
	prog->entry = (bpf_entry_t)(uintptr_t)(at + out.entry);
	prog->tail_entry = prog->throws ? run_catching : prog->entry;
	prog->subprog_entry = (const bpf_helper_t *)(at + out.entries);
	prog->subprog_code = (const u64 *)(at + out.entries + 8 * out.nr_subs);
	prog->native_len = out.native_len;
	prog->jited = 1;
	if (kept) {
		*kept = out;
		return 0;
	}
out:
	jit_output_free(&out);
	return err;
}

/* At load, and by guard_code(): whatever notes native addresses belongs here. */
static int compile(struct prog_object *obj)
{
	struct skep_system *sys = obj->obj.sys;
	struct jit_output out = { 0 };
	int err = jit_place(sys->arena, obj->prog, obj->facts, jit_cpu_has_bmi2(), &out);

	if (err)
		return err;
	if (obj->forget_code)
		obj->forget_code(obj);
	jit_debug_add(sys, obj, &out);
	obj->native_at_before = obj->native_at;
	obj->native_at = out.offsets;
	out.offsets = NULL;
	mem_free(obj->frames);
	obj->frames = out.frames;
	obj->nr_frames = out.nr_frames;
	out.frames = NULL;
	jit_output_free(&out);
	return 0;
}

/* Code that runs may still be in. */
struct old_code {
	struct arena_retired retired;
	struct arena *arena;
	void *code;
	u64 size;
};

static void free_old_code(struct arena_retired *r)
{
	struct old_code *old = container_of(r, struct old_code, retired);

	arena_code_free(old->arena, old->code, old->size);
	mem_free(old);
}

/*
 * As long as nothing is attached to its functions, a program's code need not ask. Runs that
 * have begun end in the code they began in; Linux would patch it below them.
 */
static int guard_code(struct prog_object *obj)
{
	struct skep_system *sys = obj->obj.sys;
	struct bpf_prog *prog = obj->prog;
	struct old_code *old = mem_zalloc(sizeof(*old));
	int err;

	if (!old)
		return -ENOMEM;
	old->retired.free = free_old_code;
	old->arena = prog->arena;
	old->code = prog->code;
	old->size = prog->code_size;
	prog->guarded = 1;
	err = compile(obj);
	if (err) {
		prog->guarded = 0;
		mem_free(old);
		return err;
	}
	arena_retire(sys->arena, &sys->retired, &old->retired);
	return 0;
}

int jit_compile(struct skep_system *sys, struct prog_object *obj)
{
	int err = compile(obj);

	if (!err && obj->prog->attachable)
		obj->guard_code = guard_code;
	return err;
}

void jit_release(struct arena *arena, struct bpf_prog *prog)
{
	if (!prog->code)
		return;
	arena_code_free(arena, prog->code, prog->code_size);
	prog->code = NULL;
	prog->entry = prog->tail_entry = NULL;
	prog->subprog_entry = NULL;
	prog->subprog_code = NULL;
}
