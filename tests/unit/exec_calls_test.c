/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls in both engines: helpers with all arguments and the run, subprograms with
 * stacks of their own, callbacks, tail calls with their limit, legacy packet
 * loads, untrusted loads, inlined lookups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "object/arena.h"
#include "object/map_array.h"
#include "object/packet.h"
#include "jit/jit.h"
#include "tests/lib/hand_prog.h"

/* Both engines must give @want. */
static void check_both(struct hand_prog *h, void *ctx, void *arg, u64 want)
{
	assert_int_equal(hand_prog_run(h, ctx, true, arg), want);
	assert_int_equal(hand_prog_jit(h, true), 0);
	assert_int_equal(hand_prog_run(h, ctx, false, arg), want);
	hand_prog_free(h);
}

static u64 sum_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	u64 *seen = run->event;

	*seen += (uintptr_t)__builtin_frame_address(0) % 16; /* 0: the stack is aligned */
	return r1 + 2 * r2 + 4 * r3 + 8 * r4 + 16 * r5;
}

static void test_helper_arguments(void **unused)
{
	static const bpf_helper_t calls[] = { sum_helper };
	u32 saved, k, i;

	/* with every number of saved registers, with and without a stack */
	for (saved = 0; saved <= 4; saved++) {
		for (i = 0; i < 3; i++) {
			struct bpf_insn p[40];
			struct hand_prog h;
			u64 misaligned = 0;

			k = 0;
			for (u32 r = 0; r < saved; r++)
				p[k++] = MOV_K(6 + r, 100 + r);
			if (i)
				p[k++] = ST(BPF_DW, 10, -8, 77);
			for (u32 r = 1; r <= 5; r++)
				p[k++] = MOV_K(r, r * 3);
			p[k++] = HELPER(0);
			for (u32 r = 0; r < saved; r++)
				p[k++] = ALU64_X(BPF_ADD, 0, 6 + r);
			if (i) {
				p[k++] = LDX(BPF_DW, 1, 10, -8);
				p[k++] = ALU64_X(BPF_ADD, 0, 1);
			}
			p[k++] = EXIT();
			hand_prog_init(&h, p, k, 8 * i);
			h.prog.calls = calls;
			h.prog.nr_calls = 1;
			check_both(&h, NULL, &misaligned,
				   3 * (1 + 2 * 2 + 3 * 4 + 4 * 8 + 5 * 16) + 100 * saved +
					   saved * (saved - !!saved) / 2 + (i ? 77 : 0));
			assert_int_equal(misaligned, 0);
		}
	}
}

static void test_subprograms(void **unused)
{
	/* fib by recursion is not BPF; a chain of three with stacks and saved registers is */
	struct bpf_insn p[] = {
		/* main: r6 kept, stack kept */
		[0] = MOV_K(6, 5),
		[1] = ST(BPF_DW, 10, -8, 1000),
		[2] = MOV_K(1, 10),
		[3] = MOV_K(2, 20),
		[4] = SUBPROG(1, 4), /* to 9 */
		[5] = ALU64_X(BPF_ADD, 0, 6),
		[6] = LDX(BPF_DW, 1, 10, -8),
		[7] = ALU64_X(BPF_ADD, 0, 1),
		[8] = EXIT(),
		/* sub 1: (r1, r2): calls sub 2 twice */
		[9] = MOV_X(6, 1),
		[10] = MOV_X(7, 2),
		[11] = ST(BPF_DW, 10, -16, 3),
		[12] = SUBPROG(2, 7), /* to 20 */
		[13] = MOV_X(8, 0),
		[14] = MOV_X(1, 7),
		[15] = SUBPROG(2, 4), /* to 20 */
		[16] = ALU64_X(BPF_ADD, 0, 8),
		[17] = LDX(BPF_DW, 1, 10, -16),
		[18] = ALU64_X(BPF_ADD, 0, 1),
		[19] = EXIT(),
		/* sub 2: leaf with R6 and stack */
		[20] = MOV_X(6, 1),
		[21] = ALU64_K(BPF_MUL, 6, 7),
		[22] = STX(BPF_DW, 10, 6, -8),
		[23] = LDX(BPF_DW, 0, 10, -8),
		[24] = EXIT(),
	};
	struct hand_prog h;

	hand_prog_init(&h, p, ARRAY_SIZE(p), 8);
	hand_prog_sub(&h, 9, 16);
	hand_prog_sub(&h, 20, 8);
	check_both(&h, NULL, NULL, 70 + 140 + 3 + 5 + 1000);
}

/* for (i = 0; i < r1; i++) stop when callback(i, r3) is not 0; as bpf_loop() */
static u64 loop_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	u64 i;

	for (i = 0; i < r1; i++)
		if (bpf_call_subprog(run, r2, i, r3, 0, 0, 0))
			return i + 1;
	return i;
}

static void test_callbacks(void **unused)
{
	static const bpf_helper_t calls[] = { loop_helper };
	struct bpf_insn p[] = {
		[0] = ST(BPF_DW, 10, -8, 0),
		[1] = MOV_K(9, 11),
		[2] = MOV_K(1, 100),
		[3] = MOV_K(2, 1), /* what ld_imm64 of a function becomes: its number */
		[4] = MOV_X(3, 10),
		[5] = ALU64_K(BPF_ADD, 3, -8),
		[6] = HELPER(0),
		[7] = LDX(BPF_DW, 1, 10, -8),
		[8] = ALU64_K(BPF_LSH, 0, 32),
		[9] = ALU64_X(BPF_OR, 0, 1),
		[10] = ALU64_X(BPF_ADD, 0, 9),
		[11] = EXIT(),
		/* callback(i, sum): *sum += i; return i == 20 */
		[12] = LDX(BPF_DW, 3, 2, 0),
		[13] = ALU64_X(BPF_ADD, 3, 1),
		[14] = STX(BPF_DW, 2, 3, 0),
		[15] = MOV_K(0, 0),
		[16] = JMP_K(BPF_JNE, 1, 20, 2),
		[17] = MOV_K(9, 1), /* spoils R9 unless it is kept */
		[18] = MOV_X(0, 9),
		[19] = EXIT(),
	};
	struct hand_prog h;

	hand_prog_init(&h, p, ARRAY_SIZE(p), 8);
	hand_prog_sub(&h, 12, 0);
	h.prog.calls = calls;
	h.prog.nr_calls = 1;
	check_both(&h, NULL, NULL, (21ULL << 32) + 210 + 11);
}

/* A prog array of @n elements in memory of ours. */
static struct bpf_array *array_new(u32 type, u32 n, u32 elem_size)
{
	struct bpf_array *a = calloc(1, sizeof(*a) + (size_t)n * elem_size);

	a->map.map_type = type;
	a->map.max_entries = n;
	a->elem_size = elem_size;
	a->value = (u8 *)(a + 1);
	return a;
}

/* Jumps to element r0 of the ctx's array; counts; falls through to r0 = count of runs. */
static void test_tail_calls(void **unused)
{
	struct bpf_array *a = array_new(BPF_MAP_TYPE_PROG_ARRAY, 4, 8);
	struct bpf_insn again[] = {
		/* ctx: [0] counter, [8] index */
		LDX(BPF_DW, 6, 1, 0), ALU64_K(BPF_ADD, 6, 1),	 STX(BPF_DW, 1, 6, 0),
		LDX(BPF_W, 3, 1, 8),  LD_IMM64(2, (uintptr_t)a), MOV_X(7, 1),
		TAIL_CALL(),	      LDX(BPF_DW, 0, 7, 0),	 EXIT(),
	};
	struct bpf_insn other[] = { MOV_K(0, 4711), EXIT() };
	u64 ctx[2], engine, index;
	struct hand_prog h, o;

	hand_prog_init(&h, again, ARRAY_SIZE(again), 0);
	hand_prog_init(&o, other, ARRAY_SIZE(other), 0);
	assert_int_equal(hand_prog_jit(&h, true), 0);
	assert_int_equal(hand_prog_jit(&o, true), 0);
	((u64 *)a->value)[0] = (uintptr_t)&h.prog;
	((u64 *)a->value)[1] = (uintptr_t)&o.prog;
	for (engine = 0; engine < 2; engine++) {
		/* into itself: the first run and 33 tail calls */
		ctx[0] = ctx[1] = 0;
		assert_int_equal(hand_prog_run(&h, ctx, engine, NULL), 34);
		/* into another */
		ctx[0] = 0, ctx[1] = 1;
		assert_int_equal(hand_prog_run(&h, ctx, engine, NULL), 4711);
		/* empty, out of range: falls through; only 32 bits of the index count */
		for (index = 2; index < 7; index++) {
			ctx[0] = 0, ctx[1] = index;
			assert_int_equal(hand_prog_run(&h, ctx, engine, NULL), 1);
		}
		ctx[0] = 0, ctx[1] = 0xffffffff00000001;
		assert_int_equal(hand_prog_run(&h, ctx, engine, NULL), 4711);
	}
	hand_prog_free(&h);
	hand_prog_free(&o);
	free(a);
}

static u64 who_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return run->prog->id;
}

/* A tail call in a subprogram returns to the subprogram's caller, whose program runs on. */
static void test_tail_call_in_subprogram(void **unused)
{
	static const bpf_helper_t calls[] = { who_helper };
	struct bpf_array *a = array_new(BPF_MAP_TYPE_PROG_ARRAY, 1, 8);
	struct bpf_insn p[] = {
		[0] = MOV_K(8, 3),
		[1] = SUBPROG(1, 6), /* to 8; R1 is the context */
		[2] = MOV_X(6, 0),
		[3] = HELPER(0),
		[4] = ALU64_K(BPF_MUL, 0, 10000),
		[5] = ALU64_X(BPF_ADD, 0, 6),
		[6] = ALU64_X(BPF_ADD, 0, 8),
		[7] = EXIT(),
		[8] = MOV_K(8, 99),
		[9] = ST(BPF_DW, 10, -8, 1),
		[10] = LD_IMM64(2, (uintptr_t)a),
		[12] = MOV_K(3, 0),
		[13] = TAIL_CALL(),
		[14] = MOV_K(0, 1),
		[15] = EXIT(),
	};
	struct bpf_insn target[] = {
		MOV_K(8, 55), HELPER(0), ALU64_K(BPF_MUL, 0, 100), ST(BPF_DW, 10, -256, 1), EXIT(),
	};
	struct hand_prog h, t;
	u64 ctx = 0;

	hand_prog_init(&h, p, ARRAY_SIZE(p), 0);
	hand_prog_sub(&h, 8, 8);
	hand_prog_init(&t, target, ARRAY_SIZE(target), 256);
	h.prog.id = 1;
	t.prog.id = 2;
	h.prog.calls = t.prog.calls = calls;
	h.prog.nr_calls = t.prog.nr_calls = 1;
	((u64 *)a->value)[0] = (uintptr_t)&t.prog;
	assert_int_equal(hand_prog_jit(&t, true), 0);
	check_both(&h, &ctx, NULL, 10000 + 200 + 3);
	hand_prog_free(&t);
	free(a);
}

/* Calls back three times; a digit for whose program the run is in after each. */
static u64 callback_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	bpf_helper_t fn = bpf_subprog_native(run, r1);
	u64 seen = 0, i;

	assert_true(!fn == !!run->interpret);
	for (i = 0; i < 3; i++) {
		if (fn)
			fn(r2, 0, 0, 0, 0, run);
		else
			bpf_call_subprog(run, r1, r2, 0, 0, 0, 0);
		seen = seen * 10 + run->prog->id;
	}
	return seen;
}

/* A callback may tail-call: its helper's program runs on afterwards. */
static void test_tail_call_in_callback(void **unused)
{
	static const bpf_helper_t calls[] = { callback_helper };
	struct bpf_array *a = array_new(BPF_MAP_TYPE_PROG_ARRAY, 1, 8);
	struct bpf_insn p[] = {
		[0] = MOV_X(2, 1),
		[1] = MOV_K(1, 1),
		[2] = HELPER(0),
		[3] = EXIT(),
		/* callback(ctx) */
		[4] = LD_IMM64(2, (uintptr_t)a),
		[6] = MOV_K(3, 0),
		[7] = TAIL_CALL(),
		[8] = MOV_K(0, 1),
		[9] = EXIT(),
	};
	struct bpf_insn target[] = { MOV_K(0, 0), EXIT() };
	struct hand_prog h, t;
	u64 ctx = 0;

	hand_prog_init(&h, p, ARRAY_SIZE(p), 0);
	hand_prog_sub(&h, 4, 0);
	hand_prog_init(&t, target, ARRAY_SIZE(target), 0);
	h.prog.id = 1;
	t.prog.id = 2;
	h.prog.calls = calls;
	h.prog.nr_calls = 1;
	((u64 *)a->value)[0] = (uintptr_t)&t.prog;
	assert_int_equal(hand_prog_jit(&t, true), 0);
	check_both(&h, &ctx, NULL, 111);
	hand_prog_free(&t);
	free(a);
}

static void test_packet_loads(void **unused)
{
	u8 buf[64], frag[4] = { 0xa1, 0xa2, 0xa3, 0xa4 };
	struct sk_buff skb = { .head = buf,
			       .data = buf + 16,
			       .data_end = buf + 48,
			       .end = buf + 64,
			       .len = 36,
			       .data_len = 4,
			       .frag = frag,
			       .mac_header = 2,
			       .network_header = 16 };
	struct bpf_run *run = NULL;
	u32 i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)i;
	assert_int_equal(bpf_skb_load_8((u64)&skb, 0, 0, 0, 0, run), 16);
	assert_int_equal(bpf_skb_load_16((u64)&skb, 1, 0, 0, 0, run), 17 << 8 | 18);
	assert_int_equal(bpf_skb_load_32((u64)&skb, 30, 0, 0, 0, run), 0x2e2fa1a2);
	assert_int_equal(bpf_skb_load_32((u64)&skb, 32, 0, 0, 0, run), 0xa1a2a3a4);
	assert_int_equal((s64)bpf_skb_load_32((u64)&skb, 33, 0, 0, 0, run), -14);
	assert_int_equal((s64)bpf_skb_load_8((u64)&skb, 36, 0, 0, 0, run), -14);
	assert_int_equal((s64)bpf_skb_load_32((u64)&skb, 0x7fffffff, 0, 0, 0, run), -14);
	/* the network header, the link-layer header, neither */
	assert_int_equal(bpf_skb_load_16((u64)&skb, (u32)(-0x100000 + 2), 0, 0, 0, run),
			 18 << 8 | 19);
	assert_int_equal(bpf_skb_load_8((u64)&skb, (u32)(-0x200000), 0, 0, 0, run), 2);
	assert_int_equal((s64)bpf_skb_load_8((u64)&skb, (u32)(-0x100000 + 32), 0, 0, 0, run), -14);
	assert_int_equal((s64)bpf_skb_load_8((u64)&skb, (u32)-0x7fffffff, 0, 0, 0, run), -14);
}

static void test_untrusted_loads(void **unused)
{
	u64 world = (u64)(uintptr_t)hand_arena() + ARENA_WORLD;
	u64 size = ARENA_HEAP - ARENA_WORLD;
	struct {
		u64 addr;
		s16 off;
		u64 want;
	} cases[] = {
		{ world, 0, 1 },
		{ world + 100, -92, 1 }, /* readable: zero pages */
		{ 0, 0, 1 },
		{ ~0ULL, 1, 1 },
		{ world, -8, 1 },
		{ world + size - 8, 0, 1 },
		{ world + size - 8, 1, 1 },
		{ world + size, 0, 1 },
		{ 0x800000000000, 16, 1 },
		{ world + size - 7, 0, 1 },
	};
	struct hand_prog h;
	u32 i;

	/* nothing there but zeroes: what matters is that no access faults */
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bpf_insn p[] = {
			LD_IMM64(6, cases[i].addr),
			INSN(BPF_LDX | BPF_PROBE_MEM | BPF_DW, 0, 6, cases[i].off, 0),
			ALU64_K(BPF_ADD, 0, 1),
			EXIT(),
		};

		hand_prog_init(&h, p, ARRAY_SIZE(p), 0);
		check_both(&h, NULL, NULL, cases[i].want);
	}
}

static u64 never_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return 0xdead; /* shows that the call was not inlined */
}

static void test_inlined_lookup(void **unused)
{
	static const bpf_helper_t calls[] = { never_helper };
	static const u32 counts[] = { 1, 5, 5, 5, 5 }, sizes[] = { 8, 8, 24, 4096, 16 };
	u32 i, key, form;

	/* alone, with the null check that shares its jump, and per CPU (of which the run is on 0) */
	for (i = 0; i < 3 * ARRAY_SIZE(counts); i++) {
		u32 n = counts[i % ARRAY_SIZE(counts)], size = sizes[i % ARRAY_SIZE(counts)];
		struct bpf_array *a;
		struct bpf_insn p[] = {
			MOV_X(6, 1),
			MOV_X(2, 1),
			LD_IMM64(1, 0),
			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
			JMP_K(BPF_JEQ, 0, 0, 3),
			LDX(BPF_W, 3, 6, 0), /* R6 is kept */
			ALU64_X(BPF_ADD, 0, 3),
			EXIT(),
			MOV_K(0, -1),
			EXIT(),
		};
		struct insn_fact facts[ARRAY_SIZE(p)] = { 0 };
		struct prog_facts all = { ARRAY_SIZE(p), facts };
		struct hand_prog h;
		u64 want;

		form = i / ARRAY_SIZE(counts);
		a = array_new(form == 2 ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY, n, size);
		a->cpu_stride = form == 2 ? 4096 : 0;
		if (!form)
			p[5] = EXIT();
		p[2].imm = (s32)(uintptr_t)a;
		p[3].imm = (s32)((uintptr_t)a >> 32);
		facts[4].helper_const_map = 1;
		facts[4].map = (uintptr_t)a;
		hand_prog_init(&h, p, ARRAY_SIZE(p), 0);
		h.prog.calls = calls;
		h.prog.nr_calls = 1;
		assert_int_equal(jit_place(hand_arena(), &h.prog, &all, true, NULL), 0);
		for (key = 0; key < 9; key++) {
			u32 k = key == 8 ? 0xffffffff : key;

			want = (uintptr_t)a->value + (u64)k * size;
			if (form)
				want = k < n ? want + k : (u64)-1;
			else
				want = k < n ? want : 0;
			assert_int_equal(hand_prog_run(&h, &k, false, NULL), want);
		}
		hand_prog_free(&h);
		free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_helper_arguments),
		cmocka_unit_test(test_subprograms),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_tail_calls),
		cmocka_unit_test(test_tail_call_in_subprogram),
		cmocka_unit_test(test_tail_call_in_callback),
		cmocka_unit_test(test_packet_loads),
		cmocka_unit_test(test_untrusted_loads),
		cmocka_unit_test(test_inlined_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
