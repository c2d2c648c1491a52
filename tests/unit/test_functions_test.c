/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN of programs on functions: the kernel calls bpf_fentry_test1() ... and
 * bpf_modify_return_test() itself, and what is attached to them runs (tests/bpf/test_functions.bpf.c).
 * The arguments and results are those of Linux's net/bpf/test_run.c.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep/skep.h"

struct seen { /* the program's .bss */
	u64 entered[11][7], left[11], addresses, order;
	s64 modify, modified[3], pointed, returned;
	int b_seen, b_after;
};

enum { JIT, INTERPRETER, ENGINES };
static struct skep_system *systems[ENGINES];

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

struct fixture {
	struct bpf_object *obj;
	struct bpf_map *bss;
	struct seen seen;
	struct bpf_link *links[32];
	u32 n;
};

static void start(struct fixture *f, int which)
{
	const char *out = getenv("O");
	char path[512];

	memset(f, 0, sizeof(*f));
	skep_front_use(systems[which]);
	snprintf(path, sizeof(path), "%s/bpf/test_functions.bpf.o", out ? out : "build");
	f->obj = bpf_object__open_file(path, NULL);
	assert_non_null(f->obj);
	assert_int_equal(bpf_object__load(f->obj), 0);
	f->bss = bpf_object__find_map_by_name(f->obj, ".bss");
	assert_int_equal(bpf_map__value_size(f->bss), sizeof(f->seen));
}

static void stop(struct fixture *f)
{
	for (u32 i = 0; i < f->n; i++)
		bpf_link__destroy(f->links[i]);
	bpf_object__close(f->obj);
}

static struct bpf_program *prog(struct fixture *f, const char *name)
{
	return bpf_object__find_program_by_name(f->obj, name);
}

static void attach(struct fixture *f, const char *name)
{
	f->links[f->n] = bpf_program__attach(prog(f, name));
	assert_non_null(f->links[f->n]);
	f->n++;
}

/* What the run gives and, in f->seen, what programs saw. */
static int run(struct fixture *f, const char *name, struct bpf_test_run_opts *o)
{
	u32 zero = 0;
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog(f, name)), o);

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bss), &zero, &f->seen), 0);
	return err;
}

static void set_modify(struct fixture *f, s64 to)
{
	u32 zero = 0;

	memset(&f->seen, 0, sizeof(f->seen));
	f->seen.modify = to;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(f->bss), &zero, &f->seen, 0), 0);
}

static void test_entries(int which)
{
	static const u64 args[7][6] = { { 0 },
					{ 1 },
					{ 2, 3 },
					{ 4, 5, 6 },
					{ 7, 8, 9, 10 },
					{ 11, 12, 13, 14, 15 },
					{ 16, 17, 18, 19, 20, 21 } };
	static const u32 results[] = { 0, 2, 5, 15, 34, 65, 111 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .retval = 7);
	struct fixture f;
	char name[16];

	start(&f, which);
	/* Nothing is attached: nothing is seen, and nothing is wrong. */
	assert_int_equal(run(&f, "entry1", &o), 0);
	assert_int_equal(o.retval, 0);
	assert_int_equal(f.seen.order, 0);
	for (u32 i = 1; i <= 9; i++) {
		if (i == 7)
			continue;
		snprintf(name, sizeof(name), "entry%u", i);
		attach(&f, name);
		snprintf(name, sizeof(name), "exit%u", i);
		if (i != 8)
			attach(&f, name);
	}
	attach(&f, "probe2");
	attach(&f, "retprobe2");
	assert_int_equal(run(&f, "exit3", &o), 0);
	assert_int_equal(f.seen.order, 0x1234569);
	for (u32 i = 1; i <= 6; i++) {
		assert_int_equal(f.seen.left[i], results[i]);
		for (u32 k = 0; k < i; k++)
			assert_int_equal(f.seen.entered[i][k], args[i][k]);
	}
	assert_int_equal(f.seen.left[9], 0);
	assert_int_equal(f.seen.pointed, 1);
	assert_int_equal(f.seen.entered[0][0], 2);
	assert_int_equal(f.seen.entered[0][1], 3);
	assert_int_equal(f.seen.returned, 5);
	assert_int_equal(f.seen.addresses, 1); /* the function's own; others have one, too */
	stop(&f);
}

static void test_modify(int which)
{
	LIBBPF_OPTS(bpf_test_run_opts, o);
	struct fixture f;

	start(&f, which);
	set_modify(&f, 0);
	attach(&f, "modify1");
	attach(&f, "exit_modify1");
	/* Both functions run: what they add to, and what they return. */
	assert_int_equal(run(&f, "modify1", &o), 0);
	assert_int_equal(o.retval, 2 << 16 | (4 + 29));
	assert_int_equal(f.seen.b_seen, 2);
	assert_int_equal(f.seen.b_after, 3);
	assert_int_equal(f.seen.modified[0], 1);
	assert_int_equal(f.seen.modified[1], 4);
	/* One is kept from running. */
	set_modify(&f, -22);
	assert_int_equal(run(&f, "modify1", &o), 0);
	assert_int_equal(o.retval, 1 << 16 | ((29 - 22) & 0xffff));
	assert_int_equal(f.seen.b_after, 2);
	assert_int_equal(f.seen.modified[1], -22);
	/* One that the kernel relies on. */
	set_modify(&f, 0);
	attach(&f, "modify_other");
	assert_int_equal(run(&f, "entry1", &o), 0);
	set_modify(&f, 5);
	assert_int_equal(run(&f, "entry1", &o), -EFAULT);
	stop(&f);
}

static void test_refused(int which)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .flags = BPF_F_TEST_RUN_ON_CPU);
	struct fixture f;

	start(&f, which);
	assert_int_equal(run(&f, "entry1", &o), -EINVAL);
	o.flags = 0;
	o.cpu = 1;
	assert_int_equal(run(&f, "entry1", &o), -EINVAL);
	o.cpu = 0;
	o.batch_size = 1;
	assert_int_equal(run(&f, "modify1", &o), -EINVAL);
	stop(&f);
}

#define TEST(what)                                                                                 \
	static void native_##what(void **state)                                                    \
	{                                                                                          \
		test_##what(JIT);                                                                  \
	}                                                                                          \
	static void interpreted_##what(void **state)                                               \
	{                                                                                          \
		test_##what(INTERPRETER);                                                          \
	}
/* clang-format off */
TEST(entries)
TEST(modify)
TEST(refused)
/* clang-format on */

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.12" };

	libbpf_set_print(quiet);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	systems[JIT] = skep_system_new(&opts);
	opts.jit = "off";
	systems[INTERPRETER] = skep_system_new(&opts);
	return systems[JIT] && systems[INTERPRETER] ? 0 : -1;
}

static int end(void **state)
{
	skep_front_use(NULL);
	skep_system_free(systems[JIT]);
	skep_system_free(systems[INTERPRETER]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_entries), cmocka_unit_test(interpreted_entries),
		cmocka_unit_test(native_modify),  cmocka_unit_test(interpreted_modify),
		cmocka_unit_test(native_refused), cmocka_unit_test(interpreted_refused),
	};

	return cmocka_run_group_tests_name("functions of test runs", tests, begin, end);
}
