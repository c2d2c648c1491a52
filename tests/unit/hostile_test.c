/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hostile loads: instructions of random bytes, and random but plausible ones, of
 * many program types, go through BPF_PROG_LOAD. Nothing may crash; what is accepted
 * is run by both engines, which must agree (SKEP_JIT=compare says -EFAULT when not).
 * SKEP_ROUNDS=N runs N programs, SKEP_SEED=N others; sanitizers see more.
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
#include "base/uapi.h"
#include "skep/skep.h"

#define LEN_MAX 24

static u64 state;

static u32 below(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 20) % n;
}

static u64 number_from(const char *name, u64 otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

/* Opcodes that get past the first checks often enough to reach the later ones. */
static const u8 plausible[] = {
	0xb7, 0xbf, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x57, 0x5f, 0x67, 0x77, 0xc7,
	0xb4, 0xbc, 0x04, 0x0c, 0x61, 0x69, 0x71, 0x79, 0x63, 0x6b, 0x73, 0x7b, 0x62,
	0x7a, 0x15, 0x1d, 0x25, 0x2d, 0xa5, 0xad, 0x65, 0x6d, 0xc5, 0xcd, 0x55, 0x5d,
	0x45, 0x85, 0xdb, 0xc3, 0x95, 0x05, 0x16, 0x26, 0xa6, 0x18, 0x87, 0xdc, 0xd4,
	0x37, 0x3f, 0x97, 0x9f, 0xe5, 0x20, 0x30, 0x40, 0x81, 0x89, 0x91,
};

/* Writes one instruction (two for ld_imm64, when there is room); returns how many. */
static u32 make_insn(struct bpf_insn *in, u32 room, const int *maps)
{
	*in = (struct bpf_insn){ 0 };
	if (below(10) == 0) {
		for (u32 i = 0; i < sizeof(*in); i++)
			((u8 *)in)[i] = (u8)below(256);
		return 1;
	}
	in->code = plausible[below(sizeof(plausible))];
	in->dst_reg = (u8)below(11);
	in->src_reg = (u8)below(11);
	in->off = (s16)((int)below(40) - 20);
	in->imm = below(2) ? (s32)below(64) - 8 : (s32)below(UINT32_MAX);
	if (BPF_CLASS(in->code) == BPF_ALU64 || BPF_CLASS(in->code) == BPF_ALU)
		in->off = 0;
	if (in->code == (BPF_JMP | BPF_CALL)) {
		*in = (struct bpf_insn){ .code = in->code,
					 .src_reg = below(6) == 0,
					 .imm = (s32)below(212) };
	} else if (in->code == (BPF_LD | BPF_IMM | BPF_DW) && room > 1) {
		in->src_reg = (u8)below(3); /* a number, a map, a map's value */
		in->off = 0;
		if (in->src_reg)
			in->imm = maps[below(2)];
		in[1] = (struct bpf_insn){ .imm = below(2) ? 0 : (s32)below(70) };
		return 2;
	}
	return 1;
}

static int new_map(struct skep_system *sys, u32 type)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = 4, .value_size = 64, .max_entries = 4
	};
	int fd = skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr));

	assert_true(fd >= 0);
	return fd;
}

static int load(struct skep_system *sys, const int *maps, char *log, u32 log_size)
{
	static const u32 types[] = {
		BPF_PROG_TYPE_SOCKET_FILTER,  BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT,
		BPF_PROG_TYPE_TRACEPOINT,     BPF_PROG_TYPE_XDP,       BPF_PROG_TYPE_CGROUP_SKB,
		BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_TRACING,   BPF_PROG_TYPE_KPROBE,
		BPF_PROG_TYPE_SYSCALL
	};
	u32 len = 2 + below(LEN_MAX - 2);
	struct bpf_insn insns[LEN_MAX + 1];
	union bpf_attr attr = { 0 };

	for (u32 i = 0; i < len;)
		i += make_insn(&insns[i], len - i, maps);
	insns[len - 2] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	insns[len - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	attr.prog_type = types[below(ARRAY_SIZE(types))];
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = len;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.prog_flags = below(4) ? 0 : below(64);
	if (below(3) == 0) {
		attr.log_buf = (u64)(uintptr_t)log;
		attr.log_size = log_size;
		attr.log_level = 1 + below(7);
	}
	return skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void test_random_programs(void **unused)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .jit = "compare" };
	u64 rounds = number_from("SKEP_ROUNDS", 60000), seed = number_from("SKEP_SEED", 1),
	    accepted = 0;
	struct skep_system *sys = skep_system_new(&opts);
	static char log[1 << 16];
	int maps[2];

	assert_non_null(sys);
	maps[0] = new_map(sys, BPF_MAP_TYPE_ARRAY);
	maps[1] = new_map(sys, BPF_MAP_TYPE_HASH);
	for (u64 i = 0; i < rounds; i++) {
		union bpf_attr run = { 0 };
		u8 packet[64];
		int fd, err;

		state = (seed * 1000003 + i) * 0x9e3779b97f4a7c15ULL | 1;
		fd = load(sys, maps, log, sizeof(log));
		if (fd < 0)
			continue;
		accepted++;
		for (u32 b = 0; b < sizeof(packet); b++)
			packet[b] = (u8)below(256);
		run.test.prog_fd = (u32)fd;
		run.test.data_in = (u64)(uintptr_t)packet;
		run.test.data_size_in = sizeof(packet);
		err = skep_bpf(sys, BPF_PROG_TEST_RUN, &run, sizeof(run));
		close(fd);
		if (err == -EFAULT)
			fail_msg("the engines disagree: SKEP_SEED=%llu, program %llu",
				 (unsigned long long)seed, (unsigned long long)i);
	}
	print_message("%llu programs, %llu accepted and run\n", (unsigned long long)rounds,
		      (unsigned long long)accepted);
	assert_true(accepted > rounds / 200);
	close(maps[0]);
	close(maps[1]);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_programs) };

	return cmocka_run_group_tests_name("hostile loads", tests, NULL, NULL);
}
