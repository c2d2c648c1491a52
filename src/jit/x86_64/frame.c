/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * x86-64: registers, frames, calls and tail calls.
 *
 * Between subprograms and at calls: R1-R5 are rdi rsi rdx rcx r8, R0 rax, R6-R9 rbx
 * r13 r14 r15, FP rbp, the run r12 (kept by everybody, moved to r9 for helpers). r11
 * is a scratch register of selection, r9 a second one, r10 is AX. A subprogram
 * that calls nobody keeps R6-R9 in caller-saved registers that are free and its
 * stack below rsp (red zone), so that it often needs no frame at all.
 *
 * Frame, from high to low: return address, saved registers, saved rbp, BPF stack.
 */
#include "jit/x86_64/x86.h"

#include <errno.h>

#include "isa/insn.h"
#include "object/dynptr.h"
#include "object/fixup.h"
#include "object/map_array.h"
#include "object/random.h"
#include "object/tramp.h"

static const u8 convention[JIT_NREGS] = {
	RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15, RBP, R10
};
#define CALLEE_SAVED (BIT(RBX) | BIT(R12) | BIT(R13) | BIT(R14) | BIT(R15))
#define RED_ZONE     128

void jit_arch_assign(struct jit *j, struct jit_sub *sub)
{
	bool leaf = !sub->has_call && !sub->has_subcall && !sub->has_tail;
	bool main = sub == j->subs && !jit_is_function(j);
	u32 free = 0, r, pushes;

	memcpy(sub->reg, convention, sizeof(convention));
	if (leaf) {
		for (r = BPF_REG_2; r <= BPF_REG_5; r++)
			if (!(sub->used & BIT(r)))
				free |= BIT(convention[r]);
		if (!sub->needs_temp2)
			free |= BIT(R9);
		if (!(sub->used & BIT(BPF_REG_AX)))
			free |= BIT(R10);
		/* rcx and rdx last: shifts without BMI2 and divisions move them about */
		for (r = BPF_REG_6; r <= BPF_REG_9 && free; r++) {
			if (!(sub->used & BIT(r)))
				continue;
			sub->reg[r] = 31 - __builtin_clz(free);
			free &= ~BIT(sub->reg[r]);
		}
	}
	sub->frame_pointer =
		(sub->used & BIT(BPF_REG_10)) && !(leaf && sub->stack <= RED_ZONE) ? RBP : 0;
	if (!sub->frame_pointer)
		sub->reg[BPF_REG_10] = RSP;
	sub->saved = 0;
	for (r = BPF_REG_6; r <= BPF_REG_9; r++)
		if ((sub->written & BIT(r)) && (CALLEE_SAVED & BIT(sub->reg[r])))
			sub->saved |= BIT(sub->reg[r]);
	if (main && (!leaf || sub->needs_run))
		sub->saved |= BIT(R12);
	pushes = __builtin_popcount(sub->saved) + (sub->frame_pointer != 0);
	sub->frame = sub->frame_pointer ? sub->stack : 0;
	/* rsp is 8 off a multiple of 16 at entry and must be one at calls */
	if ((sub->has_call || sub->has_subcall) && (8 + 8 * pushes + sub->frame) % 16)
		sub->frame += 8;
	sub->depth = 8 + 8 * pushes + sub->frame;
}

const struct jit_frame jit_arch_stub_frame = {
	.prologue = 2, .depth = 16, .saved = BIT(R12), .stub = true
};

u32 jit_arch_dwarf(u32 reg)
{
	static const u8 low[8] = { 0, 2, 1, 3, 7, 6, 4, 5 };

	return reg < 8 ? low[reg] : reg;
}

int jit_arch_prologue(struct jit *j, struct jit_sub *sub, bool main)
{
	u32 r;

	for (r = 0; r < 16; r++)
		if (sub->saved & BIT(r))
			push(j, r);
	if (sub->frame_pointer) {
		push(j, RBP);
		mov_rr(j, true, RBP, RSP);
	}
	if (sub->frame)
		alu_ri(j, true, X_SUB, RSP, (s32)sub->frame);
	if (main && (sub->saved & BIT(R12)))
		mov_rr(j, true, R12, RSI);
	return 0;
}

/* Undoes the frame; leaves rax and the argument registers alone. */
static void epilogue(struct jit *j)
{
	struct jit_sub *sub = j->sub;
	int r;

	if (sub->frame_pointer) {
		if (sub->frame)
			e1(j, 0xc9); /* leave */
		else
			pop(j, RBP);
	} else if (sub->frame) {
		alu_ri(j, true, X_ADD, RSP, (s32)sub->frame);
	}
	for (r = 15; r >= 0; r--)
		if (sub->saved & BIT(r))
			pop(j, r);
}

void x86_exit(struct jit *j)
{
	epilogue(j);
	e1(j, 0xc3);
}

/* The callee may have tail-called: the run's program is ours again. */
static void restore_prog(struct jit *j)
{
	mov_ri(j, R11, (u64)(uintptr_t)j->prog, true);
	rm(j, true, 0x89, R11, R12, offsetof(struct bpf_run, prog));
}

/* The entry of a subprogram for C: u64 f(r1, r2, r3, r4, r5, run). */
int jit_arch_stub(struct jit *j, struct jit_sub *sub)
{
	u32 at;

	push(j, R12);
	mov_rr(j, true, R12, R9);
	at = j->n;
	e1(j, 0xe8);
	e4(j, 0);
	if (j->has_tail)
		restore_prog(j);
	pop(j, R12);
	e1(j, 0xc3);
	return jit_ref(j, at, JIT_REF_CALL, (u32)(sub - j->subs), 5, 0);
}

/* To what is attached to the function, if anything is. *@done is where to land after it. */
static int call_tramp(struct jit *j, u32 func, u32 *done)
{
	u32 none;
	int err, index;

	if (!j->tramp_slot) {
		index = jit_pool(j, (u64)(uintptr_t)bpf_tramp_native);
		if (index < 0)
			return index;
		j->tramp_slot = (u32)index + 1;
	}
	mov_ri(j, R11, (u64)(uintptr_t)&j->prog->tramp[func], true);
	rm(j, true, 0x83, X_CMP, R11, 0);
	e1(j, 0);
	none = jcc8(j, CC_E);
	rm(j, false, 0xc7, 0, R12, offsetof(struct bpf_run, callee));
	e4(j, func);
	mov_rr(j, true, R9, R12);
	err = jit_ref(j, j->n, JIT_REF_POOL, j->tramp_slot - 1, 6, 0);
	e1(j, 0xff); /* call [rip + distance] */
	e1(j, 0x15);
	e4(j, 0);
	*done = jmp8(j);
	land(j, none);
	return err;
}

int x86_subprog_call(struct jit *j, const struct bpf_insn *insn)
{
	u32 func = (u16)insn->off, done = 0;
	int err = func < j->nr_subs ? 0 : -EINVAL;

	if (!err && j->prog->guarded)
		err = call_tramp(j, func, &done);
	if (!err)
		err = jit_ref(j, j->n, JIT_REF_CALL, func, 5, 0);
	if (err)
		return err;
	e1(j, 0xe8);
	e4(j, 0);
	if (j->has_tail)
		restore_prog(j);
	if (done)
		land(j, done);
	return 0;
}

/* The entry of a program that is a function, for tail calls: as of any program. */
int jit_arch_entry(struct jit *j, struct jit_sub *sub)
{
	u32 at;

	push(j, R12);
	mov_rr(j, true, R12, RSI);
	at = j->n;
	e1(j, 0xe8);
	e4(j, 0);
	pop(j, R12);
	e1(j, 0xc3);
	return jit_ref(j, at, JIT_REF_CALL, (u32)(sub - j->subs), 5, 0);
}

/*
 * Lookup in an array that is known: bounds check and multiplication, no call. The
 * null check that follows nearly always is the bounds check.
 */
static int inline_array_lookup(struct jit *j, u32 i)
{
	const struct bpf_array *array = jit_known_array(j, i);
	const struct bpf_insn *check = &j->insns[i + 1];
	u32 out = 0, scale;
	bool fuse;
	int err = 0;

	if (!array)
		return 0;
	fuse = i + 1 < j->sub->end && !j->is_target[i + 1] &&
	       check->code == (BPF_JMP | BPF_JEQ | BPF_K) && !check->dst_reg && !check->imm;
	rm(j, false, 0x8b, R11, RSI, 0);
	mov_ri(j, RAX, 0, true);
	alu_ri(j, false, X_CMP, R11, (s32)array->map.max_entries);
	if (fuse)
		err = jcc(j, CC_AE, i + 2 + check->off);
	else
		out = jcc8(j, CC_AE);
	mov_ri(j, RAX, (u64)(uintptr_t)array->value, true);
	scale = is_power_of_2(array->elem_size) ? __builtin_ctz(array->elem_size) : 32;
	if (scale > 3) {
		if (scale < 32) {
			shift_ri(j, true, X_SHL, R11, scale);
		} else {
			rr(j, true, 0x69, R11, R11);
			e4(j, array->elem_size);
		}
		scale = 0;
	}
	rmx(j, true, 0x8d, RAX, RAX, R11, scale, 0); /* lea */
	if (array->map.map_type == BPF_MAP_TYPE_PERCPU_ARRAY) {
		rm(j, false, 0x8b, RCX, R12, offsetof(struct bpf_run, cpu));
		rr(j, true, 0x69, RCX, RCX);
		e4(j, (u32)array->cpu_stride);
		alu_rr(j, true, X_ADD, RAX, RCX);
	}
	if (!fuse)
		land(j, out);
	return err ? err : fuse ? 2 : 1;
}

static int call_function(struct jit *j, const struct bpf_insn *insn)
{
	u32 slot = (u16)insn->off;
	int err, index;

	if (slot >= j->prog->nr_calls)
		return -EINVAL;
	if (!j->call_slot[slot]) {
		index = jit_pool(j, (u64)(uintptr_t)j->prog->calls[slot]);
		if (index < 0)
			return index;
		j->call_slot[slot] = (u32)index + 1;
	}
	mov_rr(j, true, R9, R12);
	err = jit_ref(j, j->n, JIT_REF_POOL, j->call_slot[slot] - 1, 6, 0);
	e1(j, 0xff); /* call [rip + distance] */
	e1(j, 0x15);
	e4(j, 0);
	return err ? err : 1;
}

/* run_pid_tgid(), the function for what the run does not know yet. */
static int inline_pid_tgid(struct jit *j, const struct bpf_insn *insn)
{
	u32 slow, done;
	int err;

	rm(j, true, 0x83, X_CMP, R12, offsetof(struct bpf_run, task));
	e1(j, 0);
	slow = jcc8(j, CC_NE);
	rm(j, true, 0x8b, RAX, R12, offsetof(struct bpf_run, pid_tgid));
	rr(j, true, 0x85, RAX, RAX);
	done = jcc8(j, CC_NE);
	land(j, slow);
	err = call_function(j, insn);
	land(j, done);
	return err;
}

/* run_random(), the function for the first number. */
static int inline_random(struct jit *j, const struct bpf_insn *insn)
{
	u32 slow, done;
	int err;

	rm(j, true, 0x8b, RAX, R12, offsetof(struct bpf_run, random));
	rr(j, true, 0x85, RAX, RAX);
	slow = jcc8(j, CC_E);
	mov_ri(j, R11, RANDOM_MUL, true);
	rr(j, true, 0x1af, R11, RAX); /* imul */
	alu_ri(j, true, X_ADD, R11, RANDOM_ADD);
	rm(j, true, 0x89, R11, R12, offsetof(struct bpf_run, random));
	mov_rr(j, true, RCX, RAX);
	mov_rr(j, true, RDX, RAX);
	shift_ri(j, true, X_SHR, RDX, 22);
	alu_rr(j, true, X_XOR, RAX, RDX);
	shift_ri(j, true, X_SHR, RCX, 61);
	alu_ri(j, false, X_ADD, RCX, 22);
	rr(j, true, 0xd3, X_SHR, RAX); /* by cl */
	mov_rr(j, false, RAX, RAX);
	done = jmp8(j);
	land(j, slow);
	err = call_function(j, insn);
	land(j, done);
	return err;
}

static void inline_dynptr_size(struct jit *j)
{
	u32 something;

	rm(j, false, 0x8b, RAX, RDI, offsetof(struct dynptr, size));
	alu_ri(j, false, X_AND, RAX, DYNPTR_SIZE_MASK);
	rm(j, true, 0x83, X_CMP, RDI, offsetof(struct dynptr, data));
	e1(j, 0);
	something = jcc8(j, CC_NE);
	mov_ri(j, RAX, (u32)-EINVAL, true);
	land(j, something);
}

static void inline_dynptr_rdonly(struct jit *j)
{
	u32 nothing;

	mov_ri(j, RAX, 0, true);
	rm(j, true, 0x83, X_CMP, RDI, offsetof(struct dynptr, data));
	e1(j, 0);
	nothing = jcc8(j, CC_E);
	rm(j, false, 0x8b, RAX, RDI, offsetof(struct dynptr, size));
	shift_ri(j, false, X_SHR, RAX, 31);
	land(j, nothing);
}

int x86_helper_call(struct jit *j, u32 i)
{
	const struct bpf_insn *insn = &j->insns[i];
	s32 off = j->facts ? j->facts->insn[i].inline_off : 0;
	int n;

	switch (jit_inlined(j, i)) {
	case INLINE_NOT:
	case INLINE_FOR_EACH:
		n = !insn->src_reg && insn->imm == BPF_FUNC_map_lookup_elem ?
			    inline_array_lookup(j, i) :
			    0;
		return n ? n : call_function(j, insn);
	case INLINE_NOTHING:
		return 1;
	case INLINE_RUN32:
		rm(j, false, 0x8b, RAX, R12, off);
		return 1;
	case INLINE_RUN64:
		rm(j, true, 0x8b, RAX, R12, off);
		return 1;
	case INLINE_ARG64:
		rm(j, true, 0x8b, RAX, RDI, off);
		return 1;
	case INLINE_PID_TGID:
		return inline_pid_tgid(j, insn);
	case INLINE_RANDOM:
		return inline_random(j, insn);
	case INLINE_DYNPTR_NULL:
		mov_ri(j, RAX, 0, true);
		rm(j, true, 0x83, X_CMP, RDI, offsetof(struct dynptr, data));
		e1(j, 0);
		rr(j, false, 0x194, 0, RAX); /* sete al */
		return 1;
	case INLINE_DYNPTR_SIZE:
		inline_dynptr_size(j);
		return 1;
	case INLINE_DYNPTR_RDONLY:
		inline_dynptr_rdonly(j);
		return 1;
	}
	return -EINVAL;
}

/*
 * rt_probe_load() for generated code: address in r11, size and sign in r9, the run in r12; the
 * value comes back in r11 and all other registers that hold BPF registers are kept, because
 * a load is no call to the program.
 */
static __attribute__((naked, noinline, used)) void probe_load(void)
{
	__asm__ volatile("push %rax\n\t"
			 "push %rdi\n\t"
			 "push %rsi\n\t"
			 "push %rdx\n\t"
			 "push %rcx\n\t"
			 "push %r8\n\t"
			 "push %r10\n\t"
			 "mov %r12, %rdi\n\t"
			 "mov %r11, %rsi\n\t"
			 "mov %r9d, %edx\n\t"
			 "call rt_probe_load\n\t"
			 "mov %rax, %r11\n\t"
			 "pop %r10\n\t"
			 "pop %r8\n\t"
			 "pop %rcx\n\t"
			 "pop %rdx\n\t"
			 "pop %rsi\n\t"
			 "pop %rdi\n\t"
			 "pop %rax\n\t"
			 "ret");
}

int x86_probe(struct jit *j, const struct bpf_insn *insn)
{
	u32 sx = BPF_MODE(insn->code) == BPF_PROBE_MEMSX ? PROBE_SIGNED : 0;
	int err, index;

	if (!j->probe_slot) {
		index = jit_pool(j, (u64)(uintptr_t)probe_load);
		if (index < 0)
			return index;
		j->probe_slot = (u32)index + 1;
	}
	rm(j, true, 0x8d, R11, j->sub->reg[insn->src_reg], insn->off); /* lea */
	mov_ri(j, R9, insn_access_size(insn) | (u32)insn->imm | sx, true);
	err = jit_ref(j, j->n, JIT_REF_POOL, j->probe_slot - 1, 6, 0);
	e1(j, 0xff); /* call [rip + distance] */
	e1(j, 0x15);
	e4(j, 0);
	mov_rr(j, true, j->sub->reg[insn->dst_reg], R11);
	return err;
}

/* R1 (rdi) is the context, R2 (rsi) the array, R3 (edx) the index. */
int x86_tail_call(struct jit *j)
{
	u32 out[3];

	mov_rr(j, false, R9, RDX);
	rm(j, false, 0x3b, R9, RSI, offsetof(struct bpf_array, map.max_entries));
	out[0] = jcc8(j, CC_AE);
	rm(j, false, 0x83, X_CMP, R12, offsetof(struct bpf_run, tail_calls));
	e1(j, BPF_MAX_TAIL_CALLS);
	out[1] = jcc8(j, CC_AE);
	rm(j, true, 0x8b, R11, RSI, offsetof(struct bpf_array, value));
	rmx(j, true, 0x8b, R11, R11, R9, 3, 0);
	rr(j, true, 0x85, R11, R11);
	out[2] = jcc8(j, CC_E);
	rm(j, false, 0xff, 0, R12, offsetof(struct bpf_run, tail_calls)); /* inc */
	rm(j, true, 0x89, R11, R12, offsetof(struct bpf_run, prog));
	mov_rr(j, true, RSI, R12);
	epilogue(j);
	rm(j, false, 0xff, 4, R11, offsetof(struct bpf_prog, tail_entry)); /* jmp */
	land(j, out[0]);
	land(j, out[1]);
	land(j, out[2]);
	return 0;
}

void jit_arch_resolve(u8 *p, const struct jit_ref *ref, s32 rel)
{
	if (ref->is_short)
		p[ref->short_len - 1] = (u8)rel;
	else
		memcpy(p + ref->len - 4, &rel, 4);
}

void jit_arch_pad(u8 *to, u32 n)
{
	static const u8 nops[9][8] = { { 0 },
				       { 0x90 },
				       { 0x66, 0x90 },
				       { 0x0f, 0x1f, 0x00 },
				       { 0x0f, 0x1f, 0x40, 0 },
				       { 0x0f, 0x1f, 0x44, 0, 0 },
				       { 0x66, 0x0f, 0x1f, 0x44, 0, 0 },
				       { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 },
				       { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 } };

	for (u32 k; n; n -= k, to += k) {
		k = min(n, 8U);
		memcpy(to, nops[k], k);
	}
}

void jit_arch_shorten(u8 *to, const u8 *from)
{
	to[0] = from[0] == 0xe9 ? 0xeb : 0x70 | (from[1] & 15);
}

bool jit_cpu_has_bmi2(void)
{
	return __builtin_cpu_supports("bmi2");
}
