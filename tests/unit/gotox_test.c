/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Indirect jumps through instruction arrays (Linux 6.19): what both engines do, which must agree, and what
 * the verifier refuses. The kernel of the tests is older; words are those of Linux's verifier_gotox.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"

#define GOTOX(r)   I(BPF_JMP | BPF_JA | BPF_X, r, 0, 0, 0)
#define SUBK(d, i) I(BPF_ALU64 | BPF_SUB | BPF_K, d, 0, 0, i)

static struct skep_system *sys;
static char log_text[1 << 21];
static int maps[2]; /* what LDVAL() names by 0 and 1 */

static int call(int cmd, union bpf_attr *attr)
{
	return skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static int array_of(const u32 *insns, u32 n, bool frozen)
{
	struct bpf_insn_array_value v = { 0 };
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_INSN_ARRAY;
	attr.key_size = sizeof(u32);
	attr.value_size = sizeof(v);
	attr.max_entries = n;
	fd = call(BPF_MAP_CREATE, &attr);
	assert_true(fd >= 0);
	for (u32 i = 0; i < n; i++) {
		v.orig_off = insns[i];
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (u32)fd;
		attr.key = (u64)(uintptr_t)&i;
		attr.value = (u64)(uintptr_t)&v;
		assert_int_equal(call(BPF_MAP_UPDATE_ELEM, &attr), 0);
	}
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	if (frozen)
		assert_int_equal(call(BPF_MAP_FREEZE, &attr), 0);
	return fd;
}

static int load_flags(const struct bpf_insn *from, u32 n, u32 flags)
{
	struct bpf_insn insns[256];
	union bpf_attr attr;

	memcpy(insns, from, n * sizeof(*insns));
	for (u32 i = 0; i < n; i++) {
		if (!insn_is_ldimm64(&insns[i]))
			continue;
		if (insns[i].src_reg == BPF_PSEUDO_MAP_VALUE ||
		    insns[i].src_reg == BPF_PSEUDO_MAP_FD)
			insns[i].imm = maps[insns[i].imm];
		i++;
	}
	memset(&attr, 0, sizeof(attr));
	memset(log_text, 0, sizeof(log_text));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.log_buf = (u64)(uintptr_t)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 2;
	attr.prog_flags = flags;
	return call(BPF_PROG_LOAD, &attr);
}

#define LOAD(prog) load_flags(prog, ARRAY_SIZE(prog), 0)

#define accepted(prog)                                                                             \
	({                                                                                         \
		int fd_ = LOAD(prog);                                                              \
		if (fd_ < 0)                                                                       \
			print_error("%d: %s\n", fd_, log_text);                                    \
		assert_true(fd_ >= 0);                                                             \
		fd_;                                                                               \
	})

#define refused(prog, err, message)                                                                \
	do {                                                                                       \
		int err_ = LOAD(prog);                                                             \
		if (err_ != (err) || !strstr(log_text, message))                                   \
			print_error("%s\n", log_text);                                             \
		assert_int_equal(err_, err);                                                       \
		assert_non_null(strstr(log_text, message));                                        \
	} while (0)

/* Runs it on a packet that begins with @first; its result. */
static u32 run(int prog, u8 first)
{
	u8 packet[64] = { 0 };
	union bpf_attr attr;
	int err;

	/* Behind the Ethernet header, where a socket filter's data begin. */
	packet[0] = packet[14] = first;
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (u32)prog;
	attr.test.data_in = (u64)(uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	err = call(BPF_PROG_TEST_RUN, &attr);
	assert_int_equal(err, 0);
	return attr.test.retval;
}

/*
 * switch (first byte of the packet): eleven ways to leave, of which all but one are in the table. R7 and a
 * slot of the stack have what was known before the jump; @j is the register of the jump.
 */
#define SWITCH(j)                                                                                  \
	/* 0 */ MOVX(6, 1), /* 1 */ STK(DW, 10, -8, 100), /* 2 */ MOVK(7, 1000),                   \
		/* 3 */ LDABS(B, 0), /* 4 */ JK(JGT, 0, 4, 17), /* 5 */ LSHK(0, 3),                \
		/* 6 */ LDVAL(1, 0, 0), /* 8 */ ADDX(1, 0), /* 9 */ LD(DW, j, 1, 0),               \
		/* 10 */ GOTOX(j), /* 11 */ MOVK(0, 10), /* 12 */ JA(7), /* 13 */ LD64(0, 20),     \
		/* 15 */ JA(5), /* 16 */ LD(DW, 0, 10, -8), /* 17 */ JA(3), /* 18 */ MOVX(0, 7),   \
		/* 19 */ JA(1), /* 20 */ JA(0), /* 21 */ EXIT, /* 22 */ MOVK(0, 99), /* 23 */ EXIT

static void test_switch(void **state)
{
	static const struct bpf_insn progs[][24] = {
		{ SWITCH(0) }, { SWITCH(1) }, { SWITCH(2) }, { SWITCH(3) },
		{ SWITCH(4) }, { SWITCH(5) }, { SWITCH(8) }, { SWITCH(9) },
	};
	static const u32 table[] = { 11, 13, 16, 18, 13 };
	static const u32 results[] = { 10, 20, 100, 1000, 20, 99, 99 };

	for (u32 k = 0; k < ARRAY_SIZE(progs); k++) {
		int p;

		maps[0] = array_of(table, ARRAY_SIZE(table), true);
		p = accepted(progs[k]);
		for (u32 i = 0; i < ARRAY_SIZE(results); i++)
			assert_int_equal(run(p, (u8)i), results[i]);
		assert_int_equal(run(p, 255), 99);
		close(p);
		close(maps[0]);
	}
}

/* A loop that is closed by the indirect jump alone: a machine that runs its program from the packet's bits. */
static void test_loop(void **state)
{
	static const struct bpf_insn prog[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ MOVX(7, 0),
		/* 3 */ MOVK(8, 0),
		/* 4 */ MOVK(9, 0),
		/* 5: the head */ JK(JGT, 9, 7, 10),
		/* 6 */ ADDK(9, 1),
		/* 7 */ MOVX(1, 7),
		/* 8 */ ANDK(1, 1),
		/* 9 */ LSHK(1, 3),
		/* 10 */ I(BPF_ALU64 | BPF_RSH | BPF_K, 7, 0, 0, 1),
		/* 11 */ LDVAL(2, 0, 0),
		/* 13 */ ADDX(2, 1),
		/* 14 */ LD(DW, 2, 2, 0),
		/* 15 */ GOTOX(2),
		/* 16 */ MOVX(0, 8),
		/* 17 */ EXIT,
		/* 18 */ ADDK(8, 3),
		/* 19 */ JA(-15),
	};
	static const u32 table[] = { 5, 18 };
	int p;

	maps[0] = array_of(table, ARRAY_SIZE(table), true);
	p = accepted(prog);
	assert_int_equal(run(p, 0), 0);
	assert_int_equal(run(p, 0x11), 6);
	assert_int_equal(run(p, 0xff), 24);
	close(p);
	close(maps[0]);
}

/* Two tables, one jump; and the middle of a table. */
static void test_two_tables(void **state)
{
	static const struct bpf_insn prog[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ LDVAL(1, 0, 8),
		/* 4 */ JK(JEQ, 0, 0, 2),
		/* 5 */ LDVAL(1, 1, 0),
		/* 7 */ LD(DW, 1, 1, 8),
		/* 8 */ GOTOX(1),
		/* 9 */ MOVK(0, 1),
		/* 10 */ EXIT,
		/* 11 */ MOVK(0, 2),
		/* 12 */ EXIT,
		/* 13: no path leads here */ MOVX(0, 9),
		/* 14 */ EXIT,
	};
	static const u32 first[] = { 13, 13, 9 }, second[] = { 9, 11 };
	int p;

	maps[0] = array_of(first, 3, true);
	maps[1] = array_of(second, 2, true);
	p = accepted(prog);
	assert_int_equal(run(p, 0), 1);
	assert_int_equal(run(p, 1), 2);
	close(p);
	close(maps[0]);
	close(maps[1]);
}

/* A function of its own, called twice, with a table; the caller has another. */
static void test_subprog(void **state)
{
	static const struct bpf_insn prog[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ ANDK(0, 1),
		/* 3 */ MOVX(7, 0),
		/* 4 */ MOVX(1, 0),
		/* 5 */ CALLSUB(12),
		/* 6 */ MOVX(8, 0),
		/* 7 */ MOVK(1, 1),
		/* 8 */ CALLSUB(9),
		/* 9 */ ADDX(8, 0),
		/* 10 */ LDVAL(1, 0, 0),
		/* 12 */ LD(DW, 1, 1, 0),
		/* 13 */ GOTOX(1),
		/* 14 */ MOVK(8, 7),
		/* 15 */ MOVX(0, 8),
		/* 16 */ ADDX(0, 7),
		/* 17 */ EXIT,
		/* 18 */ LSHK(1, 3),
		/* 19 */ LDVAL(2, 1, 0),
		/* 21 */ ADDX(2, 1),
		/* 22 */ LD(DW, 2, 2, 0),
		/* 23 */ GOTOX(2),
		/* 24 */ MOVK(0, 10),
		/* 25 */ EXIT,
		/* 26 */ MOVK(0, 20),
		/* 27 */ EXIT,
	};
	static const u32 outer[] = { 15, 14 }, inner[] = { 24, 26 }, crossing[] = { 15, 26 };
	int p;

	maps[0] = array_of(outer, 2, true);
	maps[1] = array_of(inner, 2, true);
	p = load_flags(prog, ARRAY_SIZE(prog), BPF_F_TEST_STATE_FREQ);
	if (p < 0)
		print_error("%s\n", log_text);
	assert_true(p >= 0);
	assert_int_equal(run(p, 0), 30);
	assert_int_equal(run(p, 1), 41);
	close(p);
	close(maps[0]);
	maps[0] = array_of(crossing, 2, true);
	refused(prog, -EINVAL, "jump table for insn 13 points outside of the subprog [0,18]");
	close(maps[0]);
	/* Through the table of the caller. */
	maps[0] = maps[1];
	maps[1] = array_of(outer, 2, true);
	assert_int_equal(LOAD(prog), -EINVAL);
	close(maps[0]);
	close(maps[1]);
}

/* A number that only the second target needs exactly: paths that differ in it may not be taken as one. */
static void test_precision(void **state)
{
	static const struct bpf_insn bad[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ MOVK(7, 0),
		/* 3 */ JK(JEQ, 0, 0, 1),
		/* 4 */ MOVK(7, 16),
		/* 5 */ LDVAL(1, 0, 0),
		/* 7 */ ADDX(1, 7),
		/* 8 */ LD(DW, 1, 1, 0),
		/* 9 */ GOTOX(1),
		/* 10 */ RET(1),
		/* 12: leaves R0 alone, a packet's byte */ EXIT,
		/* 13: R9 was never set */ MOVX(0, 9),
		/* 14 */ EXIT,
	};
	static const u32 table[] = { 10, 12, 13 }, good[] = { 10, 12, 12 };
	int p;

	maps[0] = array_of(table, 3, true);
	refused(bad, -EACCES, "R9 !read_ok");
	close(maps[0]);
	maps[0] = array_of(good, 3, true);
	assert_int_equal(LOAD(bad), -EINVAL); /* nothing leads to 13 */
	close(maps[0]);
	/* The index is spilled and comes back: the same. */
	{
		static const struct bpf_insn spilled[] = {
			/* 0 */ MOVX(6, 1),
			/* 1 */ LDABS(B, 0),
			/* 2 */ MOVK(7, 0),
			/* 3 */ JK(JEQ, 0, 0, 1),
			/* 4 */ MOVK(7, 8),
			/* 5 */ ST(DW, 10, -8, 7),
			/* 6 */ MOVK(8, 0),
			/* 7 */ LD(DW, 7, 10, -8),
			/* 8 */ LDVAL(1, 0, 0),
			/* 10 */ ADDX(1, 7),
			/* 11 */ LD(DW, 1, 1, 0),
			/* 12 */ GOTOX(1),
			/* 13 */ RET(1),
			/* 15 */ MOVX(0, 8),
			/* 16 */ JA(0),
			/* 17 */ ADDK(0, 5),
			/* 18 */ EXIT,
		};
		static const u32 two[] = { 13, 15 };

		maps[0] = array_of(two, 2, true);
		p = load_flags(spilled, ARRAY_SIZE(spilled), BPF_F_TEST_STATE_FREQ);
		if (p < 0)
			print_error("%s\n", log_text);
		assert_true(p >= 0);
		assert_int_equal(run(p, 0), 1);
		assert_int_equal(run(p, 9), 5);
		close(p);
		close(maps[0]);
	}
}

/* What only a target reads is live before the jump, and so not pruned away. */
static void test_liveness(void **state)
{
	static const struct bpf_insn prog[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ MOVX(7, 6),
		/* 3 */ STK(DW, 10, -8, 0),
		/* 4 */ JK(JEQ, 0, 0, 2),
		/* 5 */ MOVK(7, 4),
		/* 6 */ JA(0),
		/* 7 */ LDVAL(1, 0, 0),
		/* 9 */ LD(DW, 1, 1, 0),
		/* 10 */ GOTOX(1),
		/* 11 */ LD(W, 0, 7, 0),
		/* 12 */ EXIT,
	};
	static const u32 table[] = { 11 };

	maps[0] = array_of(table, 1, true);
	refused(prog, -EACCES, "R7 invalid mem access 'scalar'");
	assert_non_null(strstr(log_text, " 10: .1.....7.. (0d) gotox r1"));
	close(maps[0]);
}

static void test_refused(void **state)
{
#define BODY(...)                                                                                  \
	{                                                                                          \
		/* 0 */ LDVAL(0, 0, 0), __VA_ARGS__, /* 5 */ MOVK(0, 0), EXIT, /* 7 */ MOVK(0, 1), \
			EXIT                                                                       \
	}
	static const struct bpf_insn
		ok[] = BODY(ADDK(0, 8), LD(DW, 0, 0, 0), GOTOX(0)),
		sums[] = { LDVAL(0, 0, 0), SUBK(0, 24), ADDK(0, 32), LD(DW, 0, 0, 0),
			   GOTOX(0),	   RET(0),	RET(1) },
		src[] = BODY(ADDK(0, 8), LD(DW, 0, 0, 0), I(BPF_JMP | BPF_JA | BPF_X, 0, 1, 0, 0)),
		off[] = BODY(ADDK(0, 8), LD(DW, 0, 0, 0), I(BPF_JMP | BPF_JA | BPF_X, 0, 0, 1, 0)),
		imm[] = BODY(ADDK(0, 8), LD(DW, 0, 0, 0), I(BPF_JMP | BPF_JA | BPF_X, 0, 0, 0, 1)),
		scalar[] = BODY(LD(DW, 0, 0, 0), MOVK(1, 42), GOTOX(1)),
		unset[] = BODY(LD(DW, 0, 0, 0), MOVK(1, 42), GOTOX(3)),
		pointer[] = BODY(MOVK(1, 42), MOVK(1, 42), GOTOX(0)),
		word[] = BODY(ADDK(0, 8), LD(W, 0, 0, 0), GOTOX(0)),
		byte[] = BODY(ADDK(0, 8), LD(B, 0, 0, 0), GOTOX(0)),
		misaligned[] = BODY(ADDK(0, 1), LD(DW, 0, 0, 0), GOTOX(0)),
		beyond[] = BODY(ADDK(0, 24), LD(DW, 0, 0, 0), GOTOX(0)),
		offset[] = BODY(MOVK(1, 0), LD(DW, 0, 0, 16), GOTOX(0)),
		before[] = BODY(SUBK(0, 24), LD(DW, 0, 0, 0), GOTOX(0)),
		unknown[] = BODY(ADDX(0, 1), LD(DW, 0, 0, 0), GOTOX(0)),
		store[] = BODY(ADDK(0, 8), STK(DW, 0, 0, 1), GOTOX(0)),
		moved[] = BODY(LD(DW, 0, 0, 0), ADDK(0, 8), GOTOX(0)),
		narrow[] =
			BODY(LD(DW, 0, 0, 0), I(BPF_ALU | BPF_MOV | BPF_X, 0, 0, 0, 0), GOTOX(0)),
		jmp32[] = BODY(ADDK(0, 8), LD(DW, 0, 0, 0),
			       I(BPF_JMP32 | BPF_JA | BPF_X, 0, 0, 0, 0));
	static const struct bpf_insn spilled[] = {
		LDVAL(0, 0, 0), LD(DW, 0, 0, 0), ST(DW, 10, -8, 0), LD(DW, 0, 10, -8), GOTOX(0),
		RET(0),		RET(1),
	};
	static const struct bpf_insn ranged[] = {
		/* 0 */ MOVX(6, 1),
		/* 1 */ LDABS(B, 0),
		/* 2 */ ANDK(0, 255),
		/* 3 */ LSHK(0, 3),
		/* 4 */ LDVAL(1, 0, 0),
		/* 6 */ ADDX(1, 0),
		/* 7 */ LD(DW, 1, 1, 0),
		/* 8 */ GOTOX(1),
		/* 9 */ RET(0),
		/* 11 */ RET(1),
	};
	static const struct bpf_insn looked_up[] = {
		STK(W, 10, -4, 0), MOVX(2, 10),		  ADDK(2, -4),
		LDMAP(1, 0),	   CALL(map_lookup_elem), RET(0),
	};
	/* A helper may not write there, nor may anybody through what it makes of it. */
	static const struct bpf_insn dynptr[] = {
		LDVAL(1, 0, 0),	       MOVK(2, 8), MOVK(3, 0), MOVX(4, 10), ADDK(4, -16),
		CALL(dynptr_from_mem), RET(0),
	};
	static const struct bpf_insn filled[] = {
		MOVX(6, 1), MOVK(2, 0), LDVAL(3, 0, 0), MOVK(4, 8), CALL(skb_load_bytes), RET(0),
	};
	static const struct bpf_insn none[] = { GOTOX(0), RET(1) };
	static const struct bpf_insn last[] = { LDVAL(0, 0, 0), JA(2), RET(0), LD(DW, 0, 0, 0),
						GOTOX(0) };
	static const u32 table[] = { 5, 7 }, middle[] = { 5, 1 }, shifted[] = { 6, 8 },
			 inside[] = { 9, 11 }, first[] = { 3 };
	struct skep_system *newer = sys;
	int p;

	maps[0] = array_of(table, 2, false);
	refused(ok, -EINVAL, "Failed to properly initialize insn array");
	close(maps[0]);
	maps[0] = array_of(middle, 2, true);
	refused(ok, -EINVAL, "Failed to properly initialize insn array");
	close(maps[0]);

	maps[0] = array_of(table, 2, true);
	p = accepted(ok);
	assert_int_equal(run(p, 0), 1);
	close(p);
	refused(src, -EINVAL, "BPF_JA|BPF_X uses reserved fields");
	refused(off, -EINVAL, "BPF_JA|BPF_X uses reserved fields");
	refused(imm, -EINVAL, "BPF_JA|BPF_X uses reserved fields");
	refused(scalar, -EINVAL, "R1 has type scalar, expected PTR_TO_INSN");
	refused(unset, -EACCES, "R3 !read_ok");
	refused(pointer, -EINVAL, "R0 has type map_value, expected PTR_TO_INSN");
	refused(word, -EACCES, "Invalid read of 4 bytes from insn_array");
	refused(byte, -EACCES, "Invalid read of 1 bytes from insn_array");
	refused(misaligned, -EACCES, "misaligned value access off 0+1+0 size 8");
	refused(beyond, -EACCES, "invalid access to map value, value_size=16 off=24 size=8");
	refused(offset, -EACCES, "invalid access to map value, value_size=16 off=16 size=8");
	refused(before, -EACCES, "invalid access to map value, value_size=16 off=-24 size=8");
	assert_true(LOAD(unknown) < 0);
	refused(store, -EACCES, "write into map forbidden, value_size=16 off=8 size=8");
	refused(moved, -EACCES, "R0 pointer arithmetic on insn prohibited");
	assert_true(LOAD(narrow) < 0);
	refused(jmp32, -EINVAL, "unknown opcode 0e");
	refused(looked_up, -EINVAL, "cannot pass map_type 34 into func bpf_map_lookup_elem#1");
	assert_true(LOAD(dynptr) < 0);
	assert_non_null(strstr(log_text, "write into map forbidden"));
	assert_true(LOAD(filled) < 0);
	assert_non_null(strstr(log_text, "write into map forbidden"));
	refused(none, -EINVAL, "no jump tables found for subprog starting at 0");
	close(maps[0]);

	maps[0] = array_of(shifted, 2, true);
	p = accepted(sums);
	assert_int_equal(run(p, 0), 1);
	close(p);
	refused(spilled, -EINVAL, "R0 has type scalar, expected PTR_TO_INSN");
	close(maps[0]);
	maps[0] = array_of(inside, 2, true);
	refused(ranged, -EACCES, "invalid access to map value, value_size=16 off=2040 size=8");
	close(maps[0]);
	maps[0] = array_of(first, 1, true);
	refused(last, -EINVAL, "jump out of range from insn 6 to 7");
	close(maps[0]);

	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "6.18" });
	refused(none, -EINVAL, "unknown opcode 0d");
	skep_system_free(sys);
	sys = newer;
}

static int setup(void **state)
{
	sys = skep_system_new(&(struct skep_system_opts){
		.sz = sizeof(struct skep_system_opts), .kernel = "6.19", .jit = "compare" });
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switch),	   cmocka_unit_test(test_loop),
		cmocka_unit_test(test_two_tables), cmocka_unit_test(test_subprog),
		cmocka_unit_test(test_precision),  cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
