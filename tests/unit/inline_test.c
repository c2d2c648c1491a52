/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that the compiler puts into the code (enum insn_inline of object/facts.h): each gives
 * what its function gives, in a program without a frame and in one with other
 * calls, at each place of the run and of the arguments; the function itself is called where only it
 * knows, and nowhere else. And functions of the program in the place of their calls.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "exec/exec.h"
#include "jit/jit.h"
#include "object/dynptr.h"
#include "object/map_array.h"
#include "object/platform.h"
#include "object/random.h"
#include "object/task.h"
#include "tests/lib/hand_prog.h"

static u32 called;

/* What the calls that must not happen would call, and those that must. */
static u64 count_call(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	called++;
	return 0x123456789;
}

static u64 random_call(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	called++;
	return run_random(run);
}

static u64 pid_call(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	called++;
	return run_pid_tgid(run);
}

/*
 * What @kind gives with @arg in R1; the program keeps numbers in all other registers that a call
 * keeps and says ~0 if one has changed. @other_calls: it has a frame.
 */
static u64 run_inlined(enum insn_inline kind, s16 off, void *arg, struct bpf_run *run,
		       bpf_helper_t func, bool other_calls)
{
	const bool keeps_args = kind == INLINE_RUN32 || kind == INLINE_RUN64;
	const bpf_helper_t calls[] = { func, count_call };
	struct insn_fact fact[64] = { 0 };
	struct prog_facts facts = { .insn = fact };
	struct bpf_insn p[64];
	struct hand_prog h;
	u32 n = 0, was = called;
	u64 ret;

	if (other_calls) {
		p[n++] = MOV_X(6, 1);
		p[n++] = HELPER(1);
		p[n++] = MOV_X(1, 6);
	}
	for (u32 r = 6; r <= 9; r++)
		p[n++] = MOV_K(r, (s32)(r * 1111));
	for (u32 r = 2; r <= 5; r++)
		p[n++] = MOV_K(r, (s32)(r * 1111));
	fact[n].inlined = kind;
	fact[n].inline_off = off;
	p[n++] = HELPER(0);
	for (u32 r = keeps_args ? 2 : 6; r <= 9; r++) {
		p[n++] = JMP_K(BPF_JEQ, r, (s32)(r * 1111), 2);
		p[n++] = MOV_K(0, -1);
		p[n++] = EXIT();
	}
	p[n++] = EXIT();
	facts.n = n;
	hand_prog_init(&h, p, n, 0);
	h.prog.calls = calls;
	h.prog.nr_calls = 2;
	assert_int_equal(jit_place(hand_arena(), &h.prog, &facts, true, NULL), 0);
	ret = bpf_prog_run(&h.prog, arg, run);
	called -= called - was ? other_calls : 0;
	jit_release(hand_arena(), &h.prog);
	return ret;
}

static struct bpf_run fresh_run(void)
{
	return (struct bpf_run){ .arena = hand_arena(),
				 .platform = platform_process(),
				 .cpu = 0xfffffff1,
				 .attach_cookie = 0x1122334455667788,
				 .func_ip = ~1ULL };
}

static void test_fields(void **unused)
{
	u64 args[3] = { 0xabcdef0123456789, 5, 6 };
	struct bpf_run run = fresh_run();

	called = 0;
	for (int frame = 0; frame < 2; frame++) {
#define SAME(kind, off, arg, value)                                                                \
	assert_int_equal(run_inlined(kind, off, arg, &run, count_call, frame), value)
		SAME(INLINE_RUN32, offsetof(struct bpf_run, cpu), args, 0xfffffff1);
		SAME(INLINE_RUN64, offsetof(struct bpf_run, attach_cookie), args,
		     0x1122334455667788);
		SAME(INLINE_RUN64, offsetof(struct bpf_run, func_ip), args, ~1ULL);
		SAME(INLINE_ARG64, -8, &args[1], 0xabcdef0123456789);
		SAME(INLINE_ARG64, 8, &args[1], 6);
		SAME(INLINE_NOT, 0, args, 0x123456789);
		called--;
	}
	assert_int_equal(called, 0);
}

/* A run sees the memory node of the CPU whose slot it has. */
static void test_node(void **unused)
{
	struct arena *arena = hand_arena();
	struct bpf_run run = fresh_run();

	for (u32 i = 0; i < arena->nr_slots; i++)
		arena->slots[i].node = 7 + i;
	slot_claim(arena, run.platform, &run);
	for (int frame = 0; frame < 2; frame++)
		SAME(INLINE_RUN32, offsetof(struct bpf_run, node), NULL, 7 + run.cpu);
	slot_release(&run);
}

static void test_dynptr(void **unused)
{
	struct dynptr d = { &d, 0 }, none = { NULL, 7 };
	struct bpf_run run = fresh_run();

	called = 0;
	for (int frame = 0; frame < 2; frame++) {
		SAME(INLINE_DYNPTR_NULL, 0, &d, 0);
		SAME(INLINE_DYNPTR_NULL, 0, &none, 1);
		d.size = 0x7fffffff;
		SAME(INLINE_DYNPTR_RDONLY, 0, &d, 0);
		SAME(INLINE_DYNPTR_RDONLY, 0, &none, 0);
		none.size = DYNPTR_RDONLY | 7;
		SAME(INLINE_DYNPTR_RDONLY, 0, &none, 0);
		d.size = DYNPTR_RDONLY | 3U << DYNPTR_TYPE_SHIFT | 0x654321;
		SAME(INLINE_DYNPTR_SIZE, 0, &d, 0x654321);
		SAME(INLINE_DYNPTR_RDONLY, 0, &d, 1);
		d.size = 0;
		SAME(INLINE_DYNPTR_SIZE, 0, &d, 0);
		SAME(INLINE_DYNPTR_SIZE, 0, &none, (u32)-EINVAL);
	}
	assert_int_equal(called, 0);
}

static void test_pid(void **unused)
{
	struct bpf_task task = { .tid = 77, .tgid = 0x80000001 };
	struct bpf_run run;

	for (int frame = 0; frame < 2; frame++) {
		u64 own = platform_process()->pid_tgid();

		run = fresh_run();
		called = 0;
		assert_int_equal(run_inlined(INLINE_PID_TGID, 0, NULL, &run, pid_call, frame), own);
		assert_int_equal(called, 1); /* nobody knew */
		assert_int_equal(run_inlined(INLINE_PID_TGID, 0, NULL, &run, pid_call, frame), own);
		assert_int_equal(called, 1);
		run.task = &task;
		assert_int_equal(run_inlined(INLINE_PID_TGID, 0, NULL, &run, pid_call, frame),
				 0x800000010000004d);
		assert_int_equal(called, 2); /* of a task */
	}
}

static void test_random(void **unused)
{
	struct bpf_run run = fresh_run(), same;
	u32 bits[32] = { 0 };

	called = 0;
	for (u32 i = 0; i < 2000; i++) {
		u64 x;

		same = run;
		x = run_inlined(INLINE_RANDOM, 0, NULL, &run, random_call, i & 1);
		assert_true(x <= UINT32_MAX);
		assert_int_equal(called, 1); /* the first */
		if (same.random) {
			assert_int_equal(x, run_random(&same));
			assert_int_equal(run.random, same.random);
		}
		for (u32 b = 0; b < 32; b++)
			bits[b] += x >> b & 1;
	}
	for (u32 b = 0; b < 32; b++) /* 1000 +- 22; 8 of those */
		assert_in_range(bits[b], 1000 - 180, 1000 + 180);
}

/* Calls of the program's own functions that remain in the code; they are 5 bytes, e8 and the distance. */
static u32 calls_in(const struct jit_output *out)
{
	u32 n = 0;

	for (u32 i = 0; i + 5 <= out->native_len; i++) {
		s32 rel;

		memcpy(&rel, out->code + i + 1, 4);
		if (out->code[i] == 0xe8 && (s64)i + 5 + rel >= 0 && i + 5 + rel < out->native_len)
			n++;
	}
	return n;
}

/* main(x): f(x) + g(x); g(x): f(x) ^ f(x + 1), with x and a sum in saved registers; f(x): @filler + 3 instructions. */
static u32 three_functions(struct bpf_insn *p, u32 filler, struct hand_prog *h)
{
	u32 n = 0, g, f;

	p[n++] = LDX(BPF_DW, 6, 1, 0);
	p[n++] = MOV_X(1, 6);
	p[n++] = SUBPROG(2, 0);
	p[n++] = MOV_X(7, 0);
	p[n++] = MOV_X(1, 6);
	p[n++] = SUBPROG(1, 0);
	p[n++] = ALU64_X(BPF_ADD, 0, 7);
	p[n++] = EXIT();
	g = n;
	p[n++] = MOV_X(6, 1);
	p[n++] = SUBPROG(2, 0);
	p[n++] = MOV_X(7, 0);
	p[n++] = MOV_X(1, 6);
	p[n++] = ALU64_K(BPF_ADD, 1, 1);
	p[n++] = SUBPROG(2, 0);
	p[n++] = ALU64_X(BPF_XOR, 0, 7);
	p[n++] = EXIT();
	f = n;
	p[n++] = MOV_X(0, 1);
	for (u32 i = 0; i < filler; i++)
		p[n++] = ALU64_K(BPF_MUL, 0, 3);
	p[n++] = ALU64_K(BPF_ADD, 0, 7);
	p[n++] = EXIT();
	hand_prog_init(h, p, n, 0);
	hand_prog_sub(h, g, 0);
	hand_prog_sub(h, f, 0);
	return n;
}

static u64 f_of(u64 x, u32 filler)
{
	while (filler--)
		x *= 3;
	return x + 7;
}

static void test_functions(void **unused)
{
	static const struct {
		u32 filler, calls;
	} cases[] = {
		{ 1, 0 }, /* all */
		{ 10, 0 },
		{ 30, 1 }, /* f, but g with it is too long by then */
		/* f is too long, g is not: one and two in main, two in g, one in g's entry for C */
		{ 100, 6 },
	};
	static struct bpf_insn p[300];

	for (u32 c = 0; c < ARRAY_SIZE(cases); c++) {
		u64 x = 41, want = f_of(x, cases[c].filler);
		struct jit_output out = { 0 };
		struct hand_prog h;
		u32 n = three_functions(p, cases[c].filler, &h);

		want += f_of(x, cases[c].filler) ^ f_of(x + 1, cases[c].filler);
		assert_int_equal(jit_place(hand_arena(), &h.prog, NULL, true, &out), 0);
		assert_int_equal(calls_in(&out), cases[c].calls);
		/* each instruction's code is in its function, in order */
		for (u32 i = 1; i <= n; i++)
			assert_true(out.offsets[i] >= out.offsets[i - 1] &&
				    out.offsets[i] <= out.native_len);
		assert_int_equal(hand_prog_run(&h, &x, true, NULL), want);
		assert_int_equal(hand_prog_run(&h, &x, false, NULL), want);
		jit_output_free(&out);
		hand_prog_free(&h);
	}
}

/*
 * bpf_for_each_map_elem() of an array of @n values: main keeps numbers in R6-R9 and on its stack; the
 * callback adds keys, values and the map's address to what its context points to, changes the value, and stops at key
 * @stop. @filler instructions more decide whether it is taken in.
 */
static u32 walk(struct bpf_insn *p, const struct bpf_array *a, u32 stop, u64 flags, u32 filler,
		struct hand_prog *h, u32 *at)
{
	const struct bpf_insn main[] = {
		MOV_X(6, 1), /* context: two u64 */
		MOV_K(7, 7777),
		MOV_K(8, 8888),
		MOV_K(9, 9999),
		ST(BPF_DW, 10, -8, 4242),
		LD_IMM64(1, (uintptr_t)a),
		LD_IMM64(2, 1),
		MOV_X(3, 6),
		MOV_K(4, (s32)flags),
		HELPER(0),
		/* R0 and what was kept */
		STX(BPF_DW, 6, 0, 8),
		LDX(BPF_DW, 0, 10, -8),
		ALU64_X(BPF_ADD, 0, 7),
		ALU64_X(BPF_ADD, 0, 8),
		ALU64_X(BPF_ADD, 0, 9),
		EXIT(),
	};
	const struct bpf_insn
		callback
			[] = {
				LDX(BPF_W, 2, 2, 0),
				LDX(BPF_DW, 6, 4, 0), /* gets the one register that is free there */
				ALU64_X(BPF_ADD, 6, 1),
				ALU64_X(BPF_ADD, 6, 2),
				ALU64_K(BPF_MUL, 6, 31),
				LDX(BPF_DW, 0, 3, 0),
				ALU64_X(BPF_ADD, 6, 0),
				STX(BPF_DW, 4, 6, 0),
				ALU64_X(BPF_XOR, 0, 2),
				STX(BPF_DW, 3, 0, 0),
			};
	u32 n = ARRAY_SIZE(main), sub = n;

	*at = 11;
	memcpy(p, main, sizeof(main));
	memcpy(p + n, callback, sizeof(callback));
	n += ARRAY_SIZE(callback);
	for (u32 i = 0; i < filler; i++)
		p[n++] = ALU64_K(BPF_ADD, 6, 1);
	p[n++] = MOV_K(0, 0);
	p[n++] = JMP_K(BPF_JNE, 2, (s32)stop, 1);
	p[n++] = MOV_K(0, 1);
	p[n++] = EXIT();
	hand_prog_init(h, p, n, 8);
	hand_prog_sub(h, sub, 0);
	return n;
}

static void test_walk(void **unused)
{
	const bpf_helper_t func = bpf_helper_proto(BPF_FUNC_for_each_map_elem)->func;
	static const struct {
		u32 n, stop;
		u64 flags;
		s64 ret;
	} cases[] = {
		{ 1, 5, 0, 1 },		{ 1, 0, 0, 1 },		 { 16, 99, 0, 16 },
		{ 16, 15, 0, 16 },	{ 16, 3, 0, 4 },	 { 16, 0, 0, 1 },
		{ 16, 99, 1, -EINVAL }, { 16, 99, -1, -EINVAL }, { 33, 32, 0, 33 },
	};
	static struct insn_fact fact[128];
	static struct bpf_insn p[128];
	static u64 values[3 * 64], before[3 * 64], at_end[3 * 64]; /* of three CPUs */

	for (u32 c = 0; c < ARRAY_SIZE(cases) * 8; c++) {
		const u32 n = cases[c / 8].n;
		const bool percpu = c & 1, is_long = c & 2, in_place = c & 4;
		struct bpf_array a = { .map = { .map_type = percpu ? BPF_MAP_TYPE_PERCPU_ARRAY :
								     BPF_MAP_TYPE_ARRAY,
						.max_entries = n },
				       .elem_size = 8,
				       .cpu_stride = percpu ? sizeof(values) / 3 : 0,
				       .value = (u8 *)values };
		struct prog_facts facts = { .insn = fact };
		struct jit_output out = { 0 };
		u64 got[2][4];
		struct hand_prog h;
		u32 at;

		facts.n = walk(p, &a, cases[c / 8].stop, cases[c / 8].flags, is_long ? 60 : 0, &h,
			       &at);
		h.prog.calls = &func;
		h.prog.nr_calls = 1;
		memset(fact, 0, sizeof(fact));
		fact[at].inlined = INLINE_FOR_EACH;
		fact[at].inline_off = 1;
		fact[at].helper_const_map = in_place;
		fact[at].map = (uintptr_t)&a;
		assert_int_equal(jit_place(hand_arena(), &h.prog, &facts, true, &out), 0);
		assert_int_equal(interp_prepare(hand_arena(), &h.prog), 0);
		/* in the loop, when it is one and the callback is too long to be taken in */
		assert_int_equal(calls_in(&out), in_place && is_long);
		for (u32 i = 0; i < 3 * 64; i++)
			before[i] = i * 0x9e3779b97f4a7c15ULL;
		for (int interpret = 0; interpret < 2; interpret++) {
			struct bpf_run run = fresh_run();
			u64 *r = got[interpret];

			run.cpu = 2;
			run.interpret = interpret;
			r[0] = 17;
			memcpy(values, before, sizeof(values));
			r[2] = bpf_prog_run(&h.prog, r, &run);
			assert_int_equal(r[2], 4242 + 7777 + 8888 + 9999);
			assert_int_equal(r[1], (u64)cases[c / 8].ret);
			if (!interpret)
				memcpy(at_end, values, sizeof(values));
		}
		assert_int_equal(got[0][0], got[1][0]);
		assert_memory_equal(at_end, values, sizeof(values));
		/* and it was what is asked */
		for (s64 i = 0; i < 3 * 64; i++) {
			s64 key = i - (percpu ? 2 * 64 : 0);

			assert_int_equal(values[i], key >= 0 && key < cases[c / 8].ret ?
							    before[i] ^ (u64)key :
							    before[i]);
		}
		jit_output_free(&out);
		hand_prog_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields), cmocka_unit_test(test_node),
		cmocka_unit_test(test_dynptr), cmocka_unit_test(test_pid),
		cmocka_unit_test(test_random), cmocka_unit_test(test_functions),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
