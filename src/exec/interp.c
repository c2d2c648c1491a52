/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Interpreter of fixed-up programs (Linux: ___bpf_prog_run() in kernel/bpf/core.c).
 * A program is decoded once, into operations (op.h); this file enters and decodes it, and has
 * the operations that are calls or rare. It trusts the verifier: operands are not
 * checked. Differences from Linux's: subprograms run with stack frames of their own
 * depth, and calls name their function by table (object/fixup.h).
 */
#include "exec/exec.h"
#include "exec/op.h"
#include "isa/alu.h"
#include "object/arena.h"
#include "object/fixup.h"
#include "object/map_array.h"
#include "object/tramp.h"

/* Loads and stores need not be aligned. */
typedef u16 __attribute__((aligned(1), may_alias)) u16_any;
typedef u32 __attribute__((aligned(1), may_alias)) u32_any;
typedef u64 __attribute__((aligned(1), may_alias)) u64_any;
typedef s16 __attribute__((aligned(1), may_alias)) s16_any;
typedef s32 __attribute__((aligned(1), may_alias)) s32_any;

#define FRAME_ALIGN 16

/* ---- calls ---- */

static u64 op_helper(OP_ARGS)
{
	bpf_helper_t func = (bpf_helper_t)(uintptr_t)op->imm;

	f->place.at = (u64)(uintptr_t)op;
	r0 = func(r1, r2, r3, R_4, R_5, f->run);
	r1 = r2 = r3 = 0;
	OP_NEXT;
}

static u64 op_subprog(OP_ARGS)
{
	const struct bpf_prog *prog = f->prog;
	u32 func = (u32)op->imm;

	f->place.at = (u64)(uintptr_t)op;
	if (unlikely(prog->attachable && READ_ONCE(prog->tramp[func]))) {
		const u64 args[5] = { r1, r2, r3, R_4, R_5 };

		r0 = bpf_tramp_call(f->run, prog, func, args);
	} else {
		r0 = interp_subprog(f->run, prog, func, r1, r2, r3, R_4, R_5);
	}
	f->run->prog = prog; /* the callee may have tail-called */
	r1 = r2 = r3 = 0;
	OP_NEXT;
}

/* The program a tail call goes to, or NULL: it falls through. */
static const struct bpf_prog *tail_target(struct bpf_run *run, u64 map, u32 index)
{
	const struct bpf_array *array = (const struct bpf_array *)(uintptr_t)map;
	u64 prog;

	if (index >= array->map.max_entries || run->tail_calls >= BPF_MAX_TAIL_CALLS)
		return NULL;
	prog = load_acquire((const u64 *)(array->value + (u64)index * array->elem_size));
	if (!prog)
		return NULL;
	run->tail_calls++;
	return (const struct bpf_prog *)(uintptr_t)prog;
}

/* A taken one ends the function: interp_subprog() goes on with the target. */
static u64 op_tail_call(OP_ARGS)
{
	f->tail = tail_target(f->run, r2, (u32)r3);
	if (f->tail)
		return r1;
	OP_NEXT;
}

/* ---- what needs no registers ---- */

static u64 op_exit(OP_ARGS)
{
	return r0;
}

static u64 op_jump(OP_ARGS)
{
	OP_JUMP;
}

static u64 op_gotox(OP_ARGS)
{
	u64 to;

	switch (op->k) {
	case 0:
		to = r0;
		break;
	case 1:
		to = r1;
		break;
	case 2:
		to = r2;
		break;
	case 3:
		to = r3;
		break;
	case 4:
		to = R_4;
		break;
	case 6:
		to = R_6;
		break;
	case 7:
		to = R_7;
		break;
	case 8:
		to = R_8;
		break;
	case 9:
		to = R_9;
		break;
	default:
		to = f->r[op->k];
	}
	if (unlikely(to >= f->prog->len)) {
		f->run->platform->abort("interpreter: indirect jump out of the program");
		return 0;
	}
	OP_GOTO(f->prog->ops + to);
}

static u64 op_nothing(OP_ARGS)
{
	OP_NEXT;
}

static u64 op_bad(OP_ARGS)
{
	f->run->platform->abort("interpreter: instruction that the verifier does not let through");
	return 0;
}

/* ---- rare ones: any instruction on registers in memory ---- */

static u64 load(struct bpf_run *run, const struct bpf_insn *insn, u64 addr)
{
	const void *p = (const void *)(uintptr_t)addr;
	bool sign = BPF_MODE(insn->code) == BPF_MEMSX;

	if (BPF_MODE(insn->code) == BPF_PROBE_MEM || BPF_MODE(insn->code) == BPF_PROBE_MEMSX)
		return rt_probe_load(
			run, addr,
			insn_access_size(insn) | (u32)insn->imm |
				(BPF_MODE(insn->code) == BPF_PROBE_MEMSX ? PROBE_SIGNED : 0));
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return sign ? (u64)(s64) * (const s8 *)p : *(const u8 *)p;
	case BPF_H:
		return sign ? (u64)(s64) * (const s16_any *)p : *(const u16_any *)p;
	case BPF_W:
		return sign ? (u64)(s64) * (const s32_any *)p : *(const u32_any *)p;
	}
	return *(const u64_any *)p;
}

static void store(const struct bpf_insn *insn, u64 addr, u64 v)
{
	void *p = (void *)(uintptr_t)addr;

	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		*(u8 *)p = (u8)v;
		break;
	case BPF_H:
		*(u16_any *)p = (u16)v;
		break;
	case BPF_W:
		*(u32_any *)p = (u32)v;
		break;
	default:
		*(u64_any *)p = v;
	}
}

static void atomic(const struct bpf_insn *insn, u64 *r)
{
	u64 *dst = &r[insn->dst_reg], *src = &r[insn->src_reg], v;

	if (insn->imm == BPF_LOAD_ACQ) {
		*dst = alu_atomic(insn, (void *)(uintptr_t)(*src + (u64)(s64)insn->off), 0, 0);
		return;
	}
	v = alu_atomic(insn, (void *)(uintptr_t)(*dst + (u64)(s64)insn->off), *src, r[0]);
	if (insn->imm == BPF_CMPXCHG)
		r[0] = v;
	else if (insn->imm & BPF_FETCH)
		*src = v;
}

/* Does one instruction, which is no call. Returns how many to go on by. */
static s64 step(struct bpf_run *run, const struct bpf_insn *insn, u64 *r)
{
	u64 *dst = &r[insn->dst_reg], src = r[insn->src_reg];
	u8 op = BPF_OP(insn->code);

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_SRC(insn->code) == BPF_K)
			src = (u64)(s64)insn->imm;
		*dst = alu_eval(insn, *dst, src);
		/* the imm of a division counts what stands in for guards, see verifier/fixup.c */
		return BPF_SRC(insn->code) == BPF_X && (op == BPF_DIV || op == BPF_MOD) ?
			       1 + insn->imm :
			       1;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_SRC(insn->code) == BPF_K)
			src = (u64)(s64)insn->imm;
		return alu_cond(insn, *dst, src) ? 1 + insn->off : 1;
	case BPF_LD:
		*dst = insn_imm64(insn);
		return 2;
	case BPF_LDX:
		*dst = load(run, insn, src + (u64)(s64)insn->off);
		return 1;
	case BPF_ST:
		store(insn, *dst + (u64)(s64)insn->off, (u64)(s64)insn->imm);
		return 1;
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC)
			atomic(insn, r);
		else
			store(insn, *dst + (u64)(s64)insn->off, src);
		return 1;
	}
	return 1;
}

static u64 op_rare(OP_ARGS)
{
	u64 *r = f->r;
	s64 n;

	r[0] = r0;
	r[1] = r1;
	r[2] = r2;
	r[3] = r3;
	r[4] = R_4;
	r[6] = R_6;
	r[7] = R_7;
	r[8] = R_8;
	r[9] = R_9;
	n = step(f->run, (const struct bpf_insn *)(uintptr_t)op->imm, r);
	r0 = r[0];
	r1 = r[1];
	r2 = r[2];
	r3 = r[3];
	R_4 = r[4];
	R_6 = r[6];
	R_7 = r[7];
	R_8 = r[8];
	R_9 = r[9];
	OP_GOTO(op + n);
}

/* ---- decoding ---- */

/* Whether step() can do it. */
static bool can_step(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);

	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		return BPF_OP(insn->code) <= BPF_END;
	case BPF_JMP:
	case BPF_JMP32:
		return BPF_OP(insn->code) <= BPF_JSLE;
	case BPF_LD:
		return insn_is_ldimm64(insn);
	case BPF_LDX:
		return mode == BPF_MEM || mode == BPF_MEMSX || mode == BPF_PROBE_MEM ||
		       mode == BPF_PROBE_MEMSX;
	case BPF_ST:
		return mode == BPF_MEM;
	}
	return mode == BPF_MEM || mode == BPF_ATOMIC;
}

/* The function of an instruction that is no call. */
static void decode_plain(const struct bpf_insn *insn, struct interp_op *op)
{
	op->fn = op_find(insn);
	if (op->fn)
		return;
	if (insn->code == (BPF_ST | BPF_NOSPEC)) {
		op->fn = op_nothing;
		return;
	}
	op->fn = can_step(insn) ? op_rare : op_bad;
	op->imm = (s64)(uintptr_t)insn;
}

static void decode_jmp(const struct bpf_prog *prog, const struct bpf_insn *insn,
		       struct interp_op *op)
{
	op->to = (1 + insn_jmp_off(insn)) * (s32)sizeof(*op);
	op->k = insn->imm;
	switch (insn->code) {
	case BPF_JMP | BPF_CALL:
		op->fn = insn->src_reg == BPF_PSEUDO_CALL ? op_subprog : op_helper;
		op->imm = insn->src_reg == BPF_PSEUDO_CALL ?
				  (u16)insn->off :
				  (s64)(uintptr_t)prog->calls[(u16)insn->off];
		break;
	case BPF_JMP | BPF_TAIL_CALL:
		op->fn = op_tail_call;
		break;
	case BPF_JMP | BPF_EXIT:
		op->fn = op_exit;
		break;
	case BPF_JMP | BPF_JA:
	case BPF_JMP32 | BPF_JA:
		op->fn = op_jump;
		break;
	case BPF_JMP | BPF_JA | BPF_X:
		op->fn = op_gotox;
		op->k = insn->dst_reg;
		break;
	default:
		decode_plain(insn, op);
	}
}

static void decode_one(const struct bpf_prog *prog, u32 i, struct interp_op *op)
{
	const struct bpf_insn *insn = &prog->insns[i];

	switch (BPF_CLASS(insn->code)) {
	case BPF_JMP:
	case BPF_JMP32:
		decode_jmp(prog, insn, op);
		return;
	case BPF_ALU:
	case BPF_ALU64:
		op->imm = insn->imm;
		break;
	case BPF_LD: /* nobody jumps to the second half of a constant, whose code is this, too */
		op->imm = i + 1 < prog->len ? (s64)insn_imm64(insn) : 0;
		break;
	case BPF_ST:
		op->to = insn->off;
		op->k = insn->imm;
		break;
	default:
		op->imm = insn->off;
	}
	decode_plain(insn, op);
}

void interp_decode(const struct bpf_prog *prog, struct interp_op *ops)
{
	for (u32 i = 0; i < prog->len; i++)
		decode_one(prog, i, &ops[i]);
}

u64 interp_ops_size(const struct bpf_prog *prog)
{
	return prog->len * sizeof(struct interp_op);
}

/* ---- counting ---- */

/* The function of an operation, were it not counted. */
static __attribute__((noinline)) interp_fn *function_of(const struct bpf_prog *prog, u32 i)
{
	struct interp_op op;

	decode_one(prog, i, &op);
	return op.fn;
}

static u64 op_count(OP_ARGS)
{
	interp_fn *fn = function_of(f->prog, (u32)(op - f->prog->ops));

	f->run->insns++;
	OP_TAIL return fn(op, f, r0, r1, r2, r3);
}

void interp_count(const struct bpf_prog *prog, struct interp_op *ops)
{
	for (u32 i = 0; i < prog->len; i++)
		ops[i].fn = op_count;
}

/* ---- entering ---- */

u64 interp_subprog(struct bpf_run *run, const struct bpf_prog *prog, u32 subprog, u64 r1, u64 r2,
		   u64 r3, u64 r4, u64 r5)
{
	struct interp_frame frame, *f = &frame;
	const struct interp_op *op;
	OP_KEEP_REGS;
	u64 r0 = 0;
	u32 depth;

	frame.run = run;
	frame.place.prev = run->frames;
	run->frames = &frame.place;
	for (;;) {
		/* A tail call needs the target's stack; at most 33 times. */
		depth = round_up(prog->subprog_stack[subprog] + 1, FRAME_ALIGN);
		frame.r[10] =
			(u64)(uintptr_t)__builtin_alloca_with_align(depth, FRAME_ALIGN * 8) + depth;
		frame.prog = frame.place.prog = prog;
		frame.tail = NULL;
		if (unlikely(!prog->ops)) {
			run->platform->abort("interpreter: the program has not been decoded");
			break;
		}
		op = prog->ops + prog->subprog_start[subprog];
		R_4 = r4;
		frame.r[5] = r5;
		r0 = op->fn(op, f, 0, r1, r2, r3);
		if (!frame.tail)
			break;
		run->prog = prog = frame.tail;
		if (unlikely(prog->throws)) {
			run->frames = frame.place.prev;
			r0 = run_catching((const void *)(uintptr_t)r0, run);
			break;
		}
		subprog = 0;
		r1 = r0; /* the context */
	}
	run->frames = frame.place.prev;
	OP_RESTORE_REGS;
	return r0;
}

u32 interp_call_at(const struct bpf_run_frame *frame)
{
	return (u32)((const struct interp_op *)(uintptr_t)frame->at - frame->prog->ops);
}

u64 interp_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run)
{
	return interp_subprog(run, prog, 0, (u64)(uintptr_t)ctx, 0, 0, 0, 0);
}
