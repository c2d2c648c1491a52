/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the verifier says to memory accesses, helper arguments, references and calls:
 * every program of access_cases.h gets the verdict, errno and message that Linux
 * 6.18 gave (access_expected.h); where this kernel is a 6.18 and permits it, the
 * recording is checked against it. `RECORD=1 access_test` writes the recording anew
 * from the running kernel, `RECORD=weak` that of a loader without CAP_PERFMON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cmocka.h>

#include "tests/lib/asm.h"
#include "tests/lib/load.h"
#include "skep/skep.h"

#define TYPE_XDP	    BPF_PROG_TYPE_XDP
#define TYPE_XDP_NOT_GPL    (BPF_PROG_TYPE_XDP | NOT_GPL)
#define TYPE_SCHED_CLS	    BPF_PROG_TYPE_SCHED_CLS
#define TYPE_SOCKET_FILTER  BPF_PROG_TYPE_SOCKET_FILTER
#define TYPE_CGROUP_SKB	    BPF_PROG_TYPE_CGROUP_SKB
#define TYPE_RAW_TRACEPOINT BPF_PROG_TYPE_RAW_TRACEPOINT
#define TYPE_TRACEPOINT	    BPF_PROG_TYPE_TRACEPOINT
#define TYPE_KPROBE	    BPF_PROG_TYPE_KPROBE
#define NOT_GPL		    0x10000

static const struct {
	const char *name;
	unsigned type;
	const struct bpf_insn *insns;
	unsigned len;
} cases[] = {
#define CASE(name, type, ...)                                                                      \
	{ name, TYPE_##type, (const struct bpf_insn[]){ __VA_ARGS__ },                             \
	  sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn) },
#include "tests/unit/access_cases.h"
#undef CASE
};

struct expectation {
	const char *name;
	int err;
	const char *line;
};

static const struct expectation expected[] = {
#include "tests/unit/access_expected.h"
};

/* of a loader with CAP_BPF and CAP_NET_ADMIN, but without CAP_PERFMON */
static const struct expectation expected_weak[] = {
#include "tests/unit/access_expected_weak.h"
};

static int load_case(struct target *t, unsigned i, const char **line)
{
	struct test_prog p = {
		.name = cases[i].name,
		.type = cases[i].type & 0xffff,
		.not_gpl = cases[i].type & NOT_GPL,
		.insns = cases[i].insns,
		.len = cases[i].len,
	};

	return target_load(t, &p, line);
}

static struct target skep, kernel;

/* Takes from (or gives back to) this thread all capabilities but CAP_BPF and CAP_NET_ADMIN. */
static int weaken(bool weak)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -1;
	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	if (weak) {
		data[0].effective &= 1U << CAP_NET_ADMIN;
		data[1].effective &= 1U << (CAP_BPF - 32);
		if (!data[0].effective || !data[1].effective)
			return -1;
	}
	return (int)syscall(SYS_capset, &head, data);
}

static int compare(struct target *t, const struct expectation *expected)
{
	unsigned differ = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *line;
		int err = load_case(t, i, &line);

		assert_string_equal(cases[i].name, expected[i].name);
		/* DIFF(spectre) */
		if (t->sys &&
		    strstr(expected[i].line, "pointer arithmetic with it prohibited for !root"))
			continue;
		if (err == expected[i].err && !strcmp(line, expected[i].line))
			continue;
		differ++;
		print_message("%s: got %d \"%s\", Linux 6.18 says %d \"%s\"\n", cases[i].name, err,
			      line, expected[i].err, expected[i].line);
	}
	return differ;
}

static void test_verdicts(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);

	assert_non_null(sys);
	assert_int_equal(target_open(&skep, sys), 0);
	assert_int_equal(ARRAY_SIZE(cases), ARRAY_SIZE(expected));
	assert_int_equal(compare(&skep, expected), 0);
	target_close(&skep);
	skep_system_free(sys);
}

static void test_verdicts_weak(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "real" };
	struct skep_system *sys = skep_system_new(&opts);
	int differ;

	assert_non_null(sys);
	assert_int_equal(ARRAY_SIZE(cases), ARRAY_SIZE(expected_weak));
	if (weaken(true)) {
		print_message("the capabilities to take away are not held\n");
		skep_system_free(sys);
		skip();
	}
	weaken(false);
	assert_int_equal(target_open(&skep, sys), 0);
	weaken(true);
	differ = compare(&skep, expected_weak);
	weaken(false);
	assert_int_equal(differ, 0);
	target_close(&skep);
	skep_system_free(sys);
}

static void test_recording(void **state)
{
	struct utsname u;

	uname(&u);
	if (strncmp(u.release, "6.18", 4)) {
		print_message("this kernel is not a 6.18\n");
		skip();
	}
	if (target_open(&kernel, NULL)) {
		print_message("this kernel does not permit bpf(2) here\n");
		skip();
	}
	assert_int_equal(compare(&kernel, expected), 0);
	if (!weaken(true)) {
		int differ = compare(&kernel, expected_weak);

		weaken(false);
		assert_int_equal(differ, 0);
	}
	target_close(&kernel);
}

static int record(const char *how)
{
	if (target_open(&kernel, NULL) || (!strcmp(how, "weak") && weaken(true)))
		return 1;
	printf("/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"
	       "/* Recorded from Linux 6.18 by RECORD=%s access_test: name, result, last line. "
	       "*/\n",
	       how);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *line;
		int err = load_case(&kernel, i, &line);

		printf("{ \"%s\", %d, \"", cases[i].name, err);
		for (; *line; line++)
			printf(*line == '"' || *line == '\\' ? "\\%c" : "%c", *line);
		printf("\" },\n");
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_verdicts_weak),
		cmocka_unit_test(test_recording),
	};

	if (getenv("RECORD"))
		return record(getenv("RECORD"));
	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
