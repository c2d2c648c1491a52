/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What loads from struct __sk_buff yield: every allowed offset and size, in five
 * program types, over four packets and six contexts, against Linux 6.1, 6.12 and 6.18,
 * which agree on all of them.
 *
 * tests/data/ctx-values.txt: "type size offset half sum", the sum being over
 * errno, result and length of the 24 runs; half is 32 for the upper half of 8 bytes.
 * `ctx_values_test --record` prints these lines as the running kernel answers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/types.h"
#include "base/uapi.h"

#include <cmocka.h>

#include "../lib/load.h"
#include "skep/skep.h"

#define PACKETS	  4
#define CONTEXTS  6
#define CTX_LOADS 793 /* lines of the file */

static const u8 ether_ip4[] = {
	2, 2, 2,  2,  2,    2,	  1,  1, 1, 1, 1,  1,  8,  0,  0x45, 0,	   0,	 46,   0,  1,
	0, 0, 64, 17, 0x66, 0xc2, 10, 0, 0, 1, 10, 0,  0,  2,  4,    0xd2, 0x16, 0x2e, 0,  26,
	0, 0, 1,  2,  3,    4,	  5,  6, 7, 8, 9,  10, 11, 12, 13,   14,   15,	 16,   17, 18,
};

static u32 make_packet(u32 which, u8 *data)
{
	u32 len = sizeof(ether_ip4);

	memcpy(data, ether_ip4, len);
	memset(data + len, 0, 64);
	switch (which) {
	case 1: /* VLAN */
		memmove(data + 16, data + 12, len - 12);
		data[12] = 0x81, data[13] = 0, data[14] = 0xa0, data[15] = 0x64;
		return len + 4;
	case 2: /* IPv6 */
		data[12] = 0x86, data[13] = 0xdd, data[14] = 0x60;
		return len + 40;
	case 3: /* ARP, to everybody */
		memset(data, 0xff, 6);
		data[13] = 6;
		return len;
	}
	return len;
}

/* 0: none is passed. */
static u32 make_context(u32 which, struct __sk_buff *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	switch (which) {
	case 0:
		return 0;
	case 2:
		ctx->tstamp = 0x1122334455667788;
		ctx->wire_len = 1500;
		ctx->gso_segs = 3;
		ctx->gso_size = 1400;
		ctx->hwtstamp = 0x99;
		/* fall through */
	case 1:
		ctx->mark = 0x11223344;
		ctx->priority = 7;
		for (u32 i = 0; i < 5; i++)
			ctx->cb[i] = 0x01020304 * (i + 1);
		break;
	case 3:
		ctx->ifindex = 1;
		break;
	case 4:
		ctx->ingress_ifindex = 1;
		break;
	case 5: /* must be zero */
		ctx->len = 5;
		break;
	}
	return sizeof(*ctx);
}

static void add(u64 *sum, u64 v)
{
	for (u32 i = 0; i < 8; i++, v >>= 8)
		*sum = (*sum ^ (v & 0xff)) * 0x100000001b3ULL;
}

static u64 run_all(struct target *t, int fd)
{
	u64 sum = 0xcbf29ce484222325ULL;

	for (u32 p = 0; p < PACKETS; p++)
		for (u32 c = 0; c < CONTEXTS; c++) {
			u8 data[256], out[512];
			struct __sk_buff ctx;
			union bpf_attr attr;
			int err;

			memset(&attr, 0, sizeof(attr));
			attr.test.prog_fd = (u32)fd;
			attr.test.data_size_in = make_packet(p, data);
			attr.test.data_in = (u64)data;
			attr.test.data_size_out = sizeof(out);
			attr.test.data_out = (u64)out;
			attr.test.ctx_size_in = make_context(c, &ctx);
			attr.test.ctx_in = attr.test.ctx_size_in ? (u64)&ctx : 0;
			err = target_bpf(t, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
			add(&sum, (u64)(s64)err);
			add(&sum, err ? 0 : attr.test.retval);
			add(&sum, err ? 0 : attr.test.data_size_out);
		}
	return sum;
}

static int load(struct target *t, u32 type, u32 size, u32 off, u32 half)
{
	u8 code = size == 1 ? BPF_B : size == 2 ? BPF_H : size == 4 ? BPF_W : BPF_DW;
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | code, .dst_reg = 0, .src_reg = 1, .off = (s16)off },
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = 0, .imm = (s32)half },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (u64)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (u64) "GPL";
	return target_bpf(t, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void record(void)
{
	static const u32 types[] = { BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_CLS,
				     BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_LWT_IN,
				     BPF_PROG_TYPE_LWT_XMIT };
	static struct target t;

	for (u32 i = 0; i < ARRAY_SIZE(types); i++)
		for (u32 size = 1; size <= 8; size *= 2)
			for (u32 off = 0; off < sizeof(struct __sk_buff); off += size)
				for (u32 half = 0; half <= (size == 8 ? 32 : 0); half += 32) {
					int fd = load(&t, types[i], size, off, half);

					if (fd < 0)
						continue;
					printf("%u %u %u %u %016llx\n", types[i], size, off, half,
					       (unsigned long long)run_all(&t, fd));
					close(fd);
				}
}

static void compare(const char *kernel)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = kernel, .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	FILE *file = fopen("tests/data/ctx-values.txt", "r");
	u32 type, size, off, half, n = 0, wrong = 0;
	unsigned long long want;
	static struct target t;

	assert_non_null(sys);
	assert_non_null(file);
	assert_int_equal(target_open(&t, sys), 0);
	while (fscanf(file, "%u %u %u %u %llx", &type, &size, &off, &half, &want) == 5) {
		int fd = load(&t, type, size, off, half);
		u64 sum = 0;

		if (fd >= 0) {
			sum = run_all(&t, fd);
			close(fd);
		}
		n++;
		if (fd >= 0 && sum == want)
			continue;
		print_error("program type %u, load of %u bytes at %u (shifted by %u): %s\n", type,
			    size, off, half, fd < 0 ? "refused" : "another value than Linux");
		wrong++;
	}
	fclose(file);
	target_close(&t);
	skep_system_free(sys);
	print_message("# %u loads, %u runs\n", n, n * PACKETS * CONTEXTS);
	assert_int_equal(wrong, 0);
	assert_int_equal(n, CTX_LOADS);
}

static void as_6_1(void **state)
{
	compare("6.1");
}

static void as_6_12(void **state)
{
	compare("6.12");
}

static void as_6_18(void **state)
{
	compare("6.18");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_6_1), cmocka_unit_test(as_6_12),
					    cmocka_unit_test(as_6_18) };

	if (argc == 2 && !strcmp(argv[1], "--record")) {
		record();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
