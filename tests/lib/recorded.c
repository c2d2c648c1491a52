/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tests/lib/recorded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "skep/skep.h"

static const struct recorded_case *cases;
static const struct recorded_line *expected;
static unsigned nr_cases, nr_expected;
static struct target skep, kernel;

static int load_case(struct target *t, unsigned i, const char **line)
{
	struct test_prog p = {
		.name = cases[i].name,
		.type = cases[i].type & 0xffff,
		.not_gpl = cases[i].type & NOT_GPL,
		.flags = cases[i].type & STATE_FREQ ? BPF_F_TEST_STATE_FREQ : 0,
		.insns = cases[i].insns,
		.len = cases[i].len,
	};

	return target_load(t, &p, line);
}

static int compare(struct target *t)
{
	unsigned differ = 0;

	assert_int_equal(nr_cases, nr_expected);
	for (unsigned i = 0; i < nr_cases; i++) {
		const char *line;
		int err = load_case(t, i, &line);

		assert_string_equal(cases[i].name, expected[i].name);
		if (err == expected[i].err && !strcmp(line, expected[i].line))
			continue;
		differ++;
		print_message("%s: got %d \"%s\", Linux 6.18 says %d \"%s\"\n", cases[i].name, err,
			      line, expected[i].err, expected[i].line);
	}
	return (int)differ;
}

static void test_verdicts(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);

	(void)state;
	assert_non_null(sys);
	assert_int_equal(target_open(&skep, sys), 0);
	assert_int_equal(compare(&skep), 0);
	target_close(&skep);
	skep_system_free(sys);
}

static void test_recording(void **state)
{
	struct utsname u;

	(void)state;
	uname(&u);
	if (strncmp(u.release, "6.18", 4)) {
		print_message("this kernel is not a 6.18\n");
		skip();
	}
	if (target_open(&kernel, NULL)) {
		print_message("this kernel does not permit bpf(2) here\n");
		skip();
	}
	assert_int_equal(compare(&kernel), 0);
	target_close(&kernel);
}

static int record(const char *suite)
{
	if (target_open(&kernel, NULL))
		return 1;
	printf("/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"
	       "/* Recorded from Linux 6.18 by RECORD=1 %s_test: name, result, last line. */\n",
	       suite);
	for (unsigned i = 0; i < nr_cases; i++) {
		const char *line;
		int err = load_case(&kernel, i, &line);

		printf("{ \"%s\", %d, \"", cases[i].name, err);
		for (; *line; line++)
			printf(*line == '"' || *line == '\\' ? "\\%c" : "%c", *line);
		printf("\" },\n");
	}
	return 0;
}

int recorded_main(const char *suite, const struct recorded_case *c, unsigned n,
		  const struct recorded_line *lines, unsigned nr_lines)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_recording),
	};

	cases = c;
	nr_cases = n;
	expected = lines;
	nr_expected = nr_lines;
	if (getenv("RECORD"))
		return record(suite);
	return cmocka_run_group_tests_name(suite, tests, NULL, NULL);
}
