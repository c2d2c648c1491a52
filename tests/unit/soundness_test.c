/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Random programs, those accepted run in the checking interpreter on several inputs: every
 * concrete value lies in what the verifier recorded, every access in its object.
 *
 *   SOUND_COUNT=n   programs (default 4000)    SOUND_SEED=n   first seed (default 1)
 *   SOUND_REPORT=FILE   what was seen, as JSON, for tests/soundness/run.py, which adds it up
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "isa/disasm.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/checking.h"
#include "tests/lib/kernel.h"

#define INPUTS 4

static const u64 found[] = {
	913706,	 /* precision of what an atomic instruction fetches from the stack */
	5987753, /* a number read back from the stack with its sign is not the one that was stored */
};

static u64 number_from(const char *name, u64 otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void show(const struct gen *g)
{
	char line[200];

	for (u32 i = 0; i < g->n; i++) {
		disasm_insn(line, sizeof(line), &g->insn[i], NULL);
		fprintf(stderr, "  %3u: %s\n", i, line);
		if (g->insn[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
	}
}

/* The lengths as a histogram, so that reports of several runs can be added up. */
static void report(u64 first, u64 count, const u32 *lengths, u32 accepted, u64 steps)
{
	const char *path = getenv("SOUND_REPORT");
	FILE *f = path ? fopen(path, "w") : NULL;
	u32 n = 0;

	if (!path)
		return;
	assert_non_null(f);
	fprintf(f,
		"{\"seed\": %llu, \"count\": %llu, \"accepted\": %u, \"steps\": %llu, \"lengths\": "
		"{",
		(unsigned long long)first, (unsigned long long)count, accepted,
		(unsigned long long)steps);
	for (u32 i = 0; i < accepted; i += n) {
		for (n = 0; i + n < accepted && lengths[i + n] == lengths[i]; n++)
			;
		fprintf(f, "%s\"%u\": %u", i ? ", " : "", lengths[i], n);
	}
	fprintf(f, "}}\n");
	assert_int_equal(fclose(f), 0);
}

static int by_value(const void *a, const void *b)
{
	return (int)*(const u32 *)a - (int)*(const u32 *)b;
}

static void accepted_programs_stay_in_their_states(void **state)
{
	u64 count = number_from("SOUND_COUNT", 4000), first = number_from("SOUND_SEED", 1);
	u32 *lengths = calloc(count, sizeof(*lengths)), accepted = 0;
	struct checking c;
	static struct gen g;

	assert_non_null(lengths);
	assert_int_equal(checking_start(&c, NULL), 0);
	for (u64 i = 0; i < count; i++) {
		u64 seed = first + i;
		int fd;

		/* The last ones are those by which violations were found. */
		if (!getenv("SOUND_COUNT") && i >= count - ARRAY_SIZE(found))
			seed = found[count - 1 - i];
		generate(&g, seed);
		fd = checking_load(&c, &g, seed % 2);
		if (fd < 0)
			continue;
		lengths[accepted++] = g.n;
		for (u64 input = 0; input < INPUTS; input++)
			if (checking_run(&c, &g, seed * INPUTS + input)) {
				fprintf(stderr, "seed %llu, input %llu: %s\n",
					(unsigned long long)seed, (unsigned long long)input, c.why);
				show(&g);
				fail();
			}
		close(fd);
	}
	qsort(lengths, accepted, sizeof(*lengths), by_value);
	print_message("# %u of %llu accepted, median length %u, %llu instructions run\n", accepted,
		      (unsigned long long)count, accepted ? lengths[accepted / 2] : 0,
		      (unsigned long long)c.steps);
	report(first, count, lengths, accepted, c.steps);
	assert_true(accepted * 10 >= count * 3);
	assert_true(lengths[accepted / 2] >= 20);
	checking_stop(&c);
	free(lengths);
}

/* Programs that write outside their stack, and verdicts of the running kernel on them. */
static void refused(const struct bpf_insn *insns, u32 n, u32 flags)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.prog_flags = flags;
	assert_non_null(sys);
	assert_int_equal(skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr)), -EACCES);
	skep_system_free(sys);
	fd = kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr));
	print_message("# the running kernel says %d\n", fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
}

/* On one of two ways the old value moves the pointer out of the stack: not to be pruned by the other. */
static void fetched_value_is_followed_into_the_stack(void **state)
{
	static const struct bpf_insn insns[] = {
		CALL(get_prandom_u32),
		MOVK(3, 16),
		JK(JGT, 0, 6, 1),
		MOVK(3, 4),
		ST(DW, 10, -40, 3),
		MOVK(0, 0),
		ATOM(DW, BPF_ADD | BPF_FETCH, 10, -40, 0),
		ANDK(0, 16),
		STK(DW, 10, -16, 0),
		STK(DW, 10, -8, 0),
		MOVX(9, 10),
		ADDK(9, -16),
		ADDX(9, 0),
		STK(DW, 9, 0, 0),
		RET(0),
	};

	(void)state;
	refused(insns, ARRAY_SIZE(insns), BPF_F_TEST_STATE_FREQ);
}

/* What is read back with its sign is another number: a comparison of the first tells nothing of it. */
static void sign_extended_fill_is_another_number(void **state)
{
	static const struct bpf_insn insns[] = {
		LD(W, 2, 1, 0),
		ST(DW, 10, -16, 2),
		LDS(W, 4, 10, -16),
		JK(JGT, 2, 31, 2),
		RET(0),
		I(BPF_ALU64 | BPF_RSH | BPF_K, 4, 0, 0, 32), /* "0" */
		MOVX(9, 10),
		ADDK(9, -8),
		ADDX(9, 4),
		STK(DW, 9, 0, 0),
		RET(0),
	};

	(void)state;
	refused(insns, ARRAY_SIZE(insns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetched_value_is_followed_into_the_stack),
		cmocka_unit_test(sign_extended_fill_is_another_number),
		cmocka_unit_test(accepted_programs_stay_in_their_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
