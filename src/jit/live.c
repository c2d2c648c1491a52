/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which registers are read after each instruction: backwards over each subprogram
 * until nothing changes (a pass for each level of loops, about). Selection leaves
 * out what nobody reads and fuses what nobody reads between.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "isa/insn.h"
#include "jit/jit.h"
#include "object/fixup.h"
#include "object/map_array.h"

#define ARGS	   (BIT(BPF_REG_1) | BIT(BPF_REG_2) | BIT(BPF_REG_3) | BIT(BPF_REG_4) | BIT(BPF_REG_5))
#define ROUNDS_MAX 20

struct effect {
	u16 use, def;
};

const struct bpf_array *jit_known_array(const struct jit *j, u32 i)
{
	const struct insn_fact *fact = j->facts ? &j->facts->insn[i] : NULL;
	const struct bpf_array *array;

	if (!fact || !fact->helper_const_map || !fact->map)
		return NULL;
	array = (const struct bpf_array *)(uintptr_t)fact->map;
	if ((array->map.map_type != BPF_MAP_TYPE_ARRAY &&
	     array->map.map_type != BPF_MAP_TYPE_PERCPU_ARRAY) ||
	    !array->value || array->elem_size > 1U << 30 || array->cpu_stride > 1U << 30)
		return NULL;
	return array;
}

enum insn_inline jit_inlined(const struct jit *j, u32 i)
{
	return j->facts ? j->facts->insn[i].inlined : INLINE_NOT;
}

static struct effect effect_of_call(const struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	struct effect e = { .use = ARGS, .def = ARGS | BIT(BPF_REG_0) };

	switch (jit_inlined(j, i)) {
	case INLINE_NOT:
	case INLINE_FOR_EACH: /* where inline.c left it */
		/* how many are arguments is not known here (trace_printk reads undeclared ones) */
		if (!insn->src_reg && insn->imm == BPF_FUNC_map_lookup_elem &&
		    jit_known_array(j, i))
			e.use = BIT(BPF_REG_2);
		break;
	case INLINE_RUN32:
	case INLINE_RUN64:
		/* no call, and what lies around it may count on that */
		e.use = 0;
		e.def = BIT(BPF_REG_0);
		break;
	case INLINE_NOTHING:
	case INLINE_PID_TGID:
	case INLINE_RANDOM:
		e.use = 0;
		break;
	case INLINE_ARG64:
	case INLINE_DYNPTR_NULL:
	case INLINE_DYNPTR_SIZE:
	case INLINE_DYNPTR_RDONLY:
		e.use = BIT(BPF_REG_1);
		break;
	}
	return e;
}

static struct effect effect_of(const struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	u16 dst = BIT(insn->dst_reg), src = BIT(insn->src_reg);
	struct effect e = { 0, 0 };

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		e.def = dst;
		if (BPF_OP(insn->code) != BPF_MOV)
			e.use = dst;
		if (BPF_SRC(insn->code) == BPF_X && BPF_OP(insn->code) != BPF_END)
			e.use |= src;
		break;
	case BPF_LD:
		e.def = dst;
		break;
	case BPF_LDX:
		e.use = src;
		e.def = dst;
		break;
	case BPF_ST:
		e.use = dst;
		break;
	case BPF_STX:
		e.use = dst | src;
		if (BPF_MODE(insn->code) != BPF_ATOMIC)
			break;
		if (insn->imm == BPF_CMPXCHG)
			e.use |= BIT(BPF_REG_0);
		else if (insn->imm == BPF_LOAD_ACQ)
			e.use = src, e.def = dst;
		break;
	case BPF_JMP:
	case BPF_JMP32:
		switch (BPF_OP(insn->code)) {
		case BPF_CALL:
			return effect_of_call(j, i);
		case BPF_TAIL_CALL:
			e.use = ARGS;
			break;
		case BPF_EXIT:
			e.use = BIT(BPF_REG_0);
			break;
		case BPF_JA:
			e.use = insn_is_gotox(insn) ? dst : 0;
			break;
		default:
			e.use = dst | (BPF_SRC(insn->code) == BPF_X ? src : 0);
		}
		break;
	}
	return e;
}

/*
 * One pass; true when what a jump from below was given has changed, so that another is
 * needed. @in: live before each instruction.
 */
static bool pass(struct jit *j, const struct jit_sub *sub, u16 *in)
{
	const struct bpf_insn *insn;
	bool changed = false;
	struct effect e;
	u16 out, now;
	u32 i;

	for (i = sub->end; i-- > sub->start;) {
		insn = &j->insns[i];
		out = in[i + 1];
		if (BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32) {
			if (BPF_OP(insn->code) == BPF_EXIT)
				out = 0;
			else if (insn_is_gotox(insn)) /* wherever it goes */
				out = 0xffff;
			else if (BPF_OP(insn->code) == BPF_JA)
				out = in[i + 1 + insn_jmp_off(insn)];
			else if (insn_is_cond_jmp(insn))
				out |= in[i + 1 + insn->off];
		}
		j->live[i] = out;
		if (!insn->code) { /* second half of a constant */
			now = out;
		} else {
			e = effect_of(j, i);
			now = e.use | (out & ~e.def);
		}
		if (now != in[i]) {
			in[i] = now;
			changed |= j->is_target[i] & JIT_FROM_BELOW;
		}
	}
	return changed;
}

int jit_liveness(struct jit *j)
{
	u16 *in = mem_calloc(j->len + 1, sizeof(*in));
	u32 s, rounds;

	if (!in)
		return -ENOMEM;
	for (s = 0; s < j->nr_subs; s++) {
		for (rounds = 0; pass(j, &j->subs[s], in); rounds++) {
			if (rounds < ROUNDS_MAX)
				continue;
			/* loops nested strangely: everything counts as read */
			memset(j->live + j->subs[s].start, 0xff,
			       (j->subs[s].end - j->subs[s].start) * sizeof(*j->live));
			break;
		}
	}
	mem_free(in);
	return 0;
}
