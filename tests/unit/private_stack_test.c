/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks of functions outside of their callers' (Linux 6.13): which types have them, what is
 * still added up, as the running kernel says; and that each really has its bytes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/asm.h"
#include "tests/lib/load.h"
#include "tests/lib/system_fixture.h"

static const u32 types[] = {
	BPF_PROG_TYPE_KPROBE,	      BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT,
	BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_XDP,	BPF_PROG_TYPE_SOCKET_FILTER,
};

#define MAX_INSNS 1024

/*
 * A chain of @frames functions with @bytes of stack each: each puts its number, plus what it got,
 * into its first and last word, calls the next, and returns their sum and the next's.
 */
static u32 chain(struct bpf_insn *insns, u32 frames, u32 bytes)
{
	u32 n = 0;

	for (u32 f = 0; f < frames; f++) {
		bool last = f + 1 == frames;
		const struct bpf_insn body[] = {
			MOVK(6, (s32)f + 1),
			ST(DW, 10, -8, 6),
			ST(DW, 10, -(s16)bytes, 6),
			MOVK(0, 0),
			MOVK(1, 0),
			I(last ? BPF_JMP | BPF_JA : BPF_JMP | BPF_CALL, 0,
			  last ? 0 : BPF_PSEUDO_CALL, 0, last ? 0 : 4),
			LD(DW, 1, 10, -8),
			LD(DW, 2, 10, -(s16)bytes),
			ADDX(0, 1),
			I(BPF_ALU64 | BPF_ADD | BPF_X, 0, 2, 0, 0),
		};
		const u32 len = ARRAY_SIZE(body) + 1;

		assert_true(n + len <= MAX_INSNS);
		memcpy(insns + n, body, sizeof(body));
		insns[n + len - 1] = (struct bpf_insn)EXIT;
		if (!last)
			insns[n + 5].imm = (s32)(len - 6);
		n += len;
	}
	return n;
}

static const struct shape {
	u32 frames, bytes;
	bool fits, fits_private;
} shapes[] = {
	{ 2, 256, true, true }, { 2, 264, false, true }, { 8, 512, false, true },
	{ 8, 64, true, true },	{ 8, 72, false, true },	 { 3, 480, false, true },
	{ 8, 48, true, true }, /* too little for one of its own: 8 x 48 */
};

static int load(struct skep_system *sys, u32 type, const struct shape *s)
{
	struct bpf_insn insns[MAX_INSNS];
	u32 n = chain(insns, s->frames, s->bytes);

	return sys_prog_load(sys, type, insns, n, NULL, 0);
}

static bool has_private(u32 type)
{
	return type != BPF_PROG_TYPE_XDP && type != BPF_PROG_TYPE_SOCKET_FILTER;
}

static void test_verdicts(void **state)
{
	struct skep_system *new = system_for("6.18"), *old = system_for("6.12");

	(void)state;
	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
			const struct shape *s = &shapes[i];
			bool fits = has_private(types[t]) ? s->fits_private : s->fits;
			int fd = load(new, types[t], s);

			assert_int_equal(fd < 0 ? fd : 0, fits ? 0 : -EACCES);
			if (fd >= 0)
				close(fd);
			fd = load(old, types[t], s);
			assert_int_equal(fd < 0 ? fd : 0, s->fits ? 0 : -EACCES);
			if (fd >= 0)
				close(fd);
		}
	}
	skep_system_free(new);
	skep_system_free(old);
}

/* The running kernel's verdicts; its own release decides what is expected of skep. */
static void test_kernel(void **state)
{
	static struct target kernel;
	struct skep_system *sys = system_for("6.18");
	u32 asked = 0;

	(void)state;
	if (target_open(&kernel, NULL)) {
		print_message("no live kernel bpf\n");
		skip();
	}
	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
			struct bpf_insn insns[MAX_INSNS];
			u32 n = chain(insns, shapes[i].frames, shapes[i].bytes);
			union bpf_attr attr = { .prog_type = types[t],
						.insns = (u64)(uintptr_t)insns,
						.insn_cnt = n,
						.license = (u64)(uintptr_t) "GPL" };
			int theirs = target_bpf(&kernel, BPF_PROG_LOAD, &attr, sizeof(attr));
			int ours = load(sys, types[t], &shapes[i]);

			if (theirs == -EINVAL || theirs == -EPERM)
				continue; /* a type that this kernel lacks */
			/* Before 6.13 there is nothing to compare. */
			if (has_private(types[t]) && shapes[i].fits_private && !shapes[i].fits &&
			    theirs == -EACCES && !asked)
				skip();
			asked++;
			assert_int_equal(ours < 0 ? ours : 0, theirs < 0 ? theirs : 0);
			if (ours >= 0)
				close(ours);
			if (theirs >= 0)
				close(theirs);
		}
	}
	assert_true(asked > 0);
	target_close(&kernel);
	skep_system_free(sys);
}

/* Eight frames of 512 bytes keep what they put there, in both engines. */
static void test_runs(void **state)
{
	static const char *const jit[] = { "on", "off" };

	(void)state;
	for (u32 e = 0; e < ARRAY_SIZE(jit); e++) {
		struct skep_system_opts opts = { .sz = sizeof(opts),
						 .kernel = "6.18",
						 .jit = jit[e] };
		struct skep_system *sys = skep_system_new(&opts);

		assert_non_null(sys);
		for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
			union bpf_attr attr = { 0 };
			int fd = load(sys, BPF_PROG_TYPE_RAW_TRACEPOINT, &shapes[i]);
			u32 n = shapes[i].frames;

			assert_true(fd >= 0);
			attr.test.prog_fd = (u32)fd;
			assert_int_equal(skep_bpf(sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
			assert_int_equal(attr.test.retval, n * (n + 1));
			close(fd);
		}
		skep_system_free(sys);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests_name("private stacks", tests, NULL, NULL);
}
