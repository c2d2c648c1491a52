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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
