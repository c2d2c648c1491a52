/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers on kernel objects that a test run has made up: they are nobody's, and refused as such. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "../lib/beside.h"

static struct beside b;
static int results;

static int setup(void **state)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .test_run = "all"
	};

	b.sys = skep_system_new(&opts);
	if (!b.sys)
		return -1;
	if (beside_open(&b, "typed_helpers")) { /* the machine's types lack what they name */
		beside_close(&b);
		return 0;
	}
	results = bpf_object__find_map_fd_by_name(b.obj, "results");
	return 0;
}

static int teardown(void **state)
{
	beside_close(&b);
	skep_system_free(b.sys);
	return 0;
}

static void run(const char *prog, void *ctx, u32 size, s64 *got, u32 n)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	s64 none = 4242;
	int err;

	if (!b.obj)
		skip();
	opts.ctx_in = ctx;
	opts.ctx_size_in = size;
	skep_front_use(b.sys);
	for (u32 i = 0; i < 32; i++)
		assert_int_equal(bpf_map_update_elem(results, &i, &none, 0), 0);
	err = bpf_prog_test_run_opts(bpf_program__fd(bpf_object__find_program_by_name(b.obj, prog)),
				     &opts);
	assert_int_equal(err, 0);
	for (u32 i = 0; i < n; i++)
		bpf_map_lookup_elem(results, &i, &got[i]);
	skep_front_use(NULL);
}

static void same(const s64 *got, const s64 *want, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (got[i] != want[i])
			fail_msg("result %u: %lld instead of %lld", i, (long long)got[i],
				 (long long)want[i]);
}

#define GAVE(prog, ctx, size, ...)                                                                 \
	do {                                                                                       \
		static const s64 want_[] = { __VA_ARGS__ };                                        \
		s64 got_[ARRAY_SIZE(want_)];                                                       \
		run(prog, ctx, size, got_, ARRAY_SIZE(want_));                                     \
		same(got_, want_, ARRAY_SIZE(want_));                                              \
	} while (0)

static void files(void **state)
{
	GAVE("opened", NULL, 0, 0, 0, -EINVAL, 0, 0, -EOPNOTSUPP, -EOPNOTSUPP);
}

static void packets(void **state)
{
	GAVE("received", NULL, 0, 0, 0, 0, 0, 0, -ENOENT, -EFAULT, -EINVAL);
}

static void samples(void **state)
{
	GAVE("sampled", NULL, 0, -ENOENT, -EINVAL);
}

/* The watched program alone (@target < 0), or those that watch it. */
static struct bpf_object *open_watch(int target)
{
	const char *out = getenv("O");
	struct bpf_object *obj;
	struct bpf_program *p;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/xdp_watch.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
	{
		bool is_target = bpf_program__type(p) == BPF_PROG_TYPE_XDP;

		bpf_program__set_autoload(p, is_target == (target < 0));
		if (!is_target && target >= 0)
			assert_int_equal(bpf_program__set_attach_target(p, target, "watched"), 0);
	}
	assert_int_equal(bpf_object__load(obj), 0);
	return obj;
}

/* A packet as a watched program has it, fragments included: there is no perf event that it could be put out to. */
static void watched_packets(void **state)
{
	static const u32 sizes[] = { 64, 3000, 9000, 9001 };
	static u8 packet[16384];
	struct bpf_object *target, *by;
	struct bpf_link *links[2];
	int fd, seen;

	if (!b.obj)
		skip();
	skep_front_use(b.sys);
	target = open_watch(-1);
	fd = bpf_program__fd(bpf_object__find_program_by_name(target, "watched"));
	by = open_watch(fd);
	seen = bpf_object__find_map_fd_by_name(by, ".bss");
	links[0] = bpf_program__attach(bpf_object__find_program_by_name(by, "before"));
	links[1] = bpf_program__attach(bpf_object__find_program_by_name(by, "after"));
	assert_true(links[0] && links[1]);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizes[i]);
		const s64 want[] = { sizes[i],	    -ENOENT, -EFAULT, -EINVAL,
				     sizes[i] - 10, -ENOENT, -EFAULT, -EINVAL };
		s64 got[8] = { 0 };
		u32 zero = 0;

		assert_int_equal(bpf_map_update_elem(seen, &zero, got, 0), 0);
		assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
		assert_int_equal(opts.retval, 2); /* XDP_PASS */
		assert_int_equal(bpf_map_lookup_elem(seen, &zero, got), 0);
		same(got, want, ARRAY_SIZE(want));
	}
	bpf_link__destroy(links[0]);
	bpf_link__destroy(links[1]);
	bpf_object__close(by);
	bpf_object__close(target);
	skep_front_use(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(packets),
		cmocka_unit_test(samples),
		cmocka_unit_test(watched_packets),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
