/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Memory runs out at every point of a load in turn: each time PROG_LOAD must fail
 * with ENOMEM (never with a verdict, never accept), and leave the system usable.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"

/* Branches, a loop, a subprogram with the caller's stack, linked and spilled registers. */
static const struct bpf_insn program[] = {
	LD(W, 6, 1, 0),
	MOVK(7, 0),
	STK(DW, 10, -8, 0),
	MOVX(8, 6),
	ST(DW, 10, -16, 8),
	JK(JGT, 8, 40, 1),
	ADDK(7, 1),
	MOVX(1, 10),
	ADDK(1, -8),
	MOVX(2, 7),
	CALLSUB(8),
	ADDX(7, 0),
	LD(DW, 3, 10, -16),
	JX(JGT, 3, 7, 1),
	ADDK(7, 2),
	ADDK(7, 1),
	JK(JLT, 7, 30, -10),
	MOVX(0, 7),
	EXIT,
	ST(DW, 1, 0, 2),
	MOVK(0, 1),
	JK(JEQ, 2, 3, 1),
	MOVK(0, 2),
	EXIT,
};

static int load(struct skep_system *sys)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(unsigned long)program;
	attr.insn_cnt = ARRAY_SIZE(program);
	attr.license = (u64)(unsigned long)"GPL";
	attr.prog_flags = BPF_F_TEST_STATE_FREQ;
	return skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void every_allocation_may_fail(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	int fd, failed = 0;

	(void)state;
	assert_non_null(sys);
	fd = load(sys);
	assert_true(fd >= 0);
	close(fd);
	for (u64 n = 1; n < 20000; n++) {
		mem_fail_at(n, false);
		fd = load(sys);
		mem_fail_at(0, false);
		if (fd >= 0) {
			close(fd);
			/* Past the last allocation, or one that could be done without. */
			if (n > 3 * (u64)failed + 100)
				break;
			continue;
		}
		assert_int_equal(fd, -ENOMEM);
		failed++;
	}
	assert_true(failed > 50);
	fd = load(sys);
	assert_true(fd >= 0);
	close(fd);
	skep_system_free(sys);
}

/* An index that may be too large for the stack: rejected, whatever memory there is to say why. */
static int load_rejected(struct skep_system *sys)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1 },
		{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 2, .imm = 1023 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 3, .src_reg = 2 },
		{ .code = BPF_LDX | BPF_MEM | BPF_B, .dst_reg = 0, .src_reg = 3, .off = -64 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (u64)(unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (u64)(unsigned long)"GPL",
	};

	return skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void explanations_may_fail(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	struct skep_step step = { .sz = sizeof(step) };
	unsigned steps = 0, told;

	(void)state;
	assert_non_null(sys);
	skep_want_explanations(sys, true);
	assert_int_equal(load_rejected(sys), -EINVAL);
	while (!skep_last_step(sys, steps, &step, NULL))
		steps++;
	assert_int_equal(steps, 4); /* the load, the mask, the address, the refusal */
	assert_string_equal(step.kind, "refused");
	for (u64 n = 1;; n++) {
		int err;

		mem_fail_at(n, true);
		err = load_rejected(sys);
		told = 0;
		mem_fail_at(0, false);
		assert_true(err == -ENOMEM || err == -EINVAL);
		while (!skep_last_step(sys, told, &step, NULL))
			told++;
		assert_true(told <= steps);
		if (told == steps && n > 200)
			break;
		assert_true(n < 20000);
	}
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explanations_may_fail),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
