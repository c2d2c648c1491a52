/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lookups in inner maps act on the map that was found, not on the template that
 * the verifier knew, also after the inner map was exchanged; by both engines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/types.h"
#include "skep/skep.h"

static u32 choose(struct bpf_object *obj, u8 which)
{
	unsigned char packet[64] = { which };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = sizeof(packet));

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(bpf_object__next_program(obj, NULL)), &o),
		0);
	return o.retval;
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static void test_engine(void **state, const char *jit)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .jit = jit };
	struct skep_system *sys = skep_system_new(&opts);
	const char *out = getenv("O") ?: "build";
	u64 one = 11, two = 22;
	struct bpf_object *obj;
	u32 key = 1, slot = 0;
	char path[512];
	int fd;

	assert_non_null(sys);
	skep_front_use(sys);
	snprintf(path, sizeof(path), "%s/bpf/inner_map.bpf.o", out);
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	assert_int_equal(bpf_map_update_elem(map_fd(obj, "first"), &key, &one, 0), 0);
	assert_int_equal(bpf_map_update_elem(map_fd(obj, "second"), &key, &two, 0), 0);
	assert_int_equal(choose(obj, 0), 11);
	assert_int_equal(choose(obj, 1), 22);
	assert_int_equal(choose(obj, 2), 1000);

	fd = map_fd(obj, "second");
	assert_int_equal(bpf_map_update_elem(map_fd(obj, "outer"), &slot, &fd, 0), 0);
	assert_int_equal(choose(obj, 0), 22);
	assert_int_equal(bpf_map_delete_elem(map_fd(obj, "outer"), &slot), 0);
	assert_int_equal(choose(obj, 0), 1000);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

static void test_native(void **state)
{
	test_engine(state, "on");
}

static void test_interpreted(void **state)
{
	test_engine(state, "off");
}

static void test_both(void **state)
{
	test_engine(state, "compare");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_interpreted),
		cmocka_unit_test(test_both),
	};

	return cmocka_run_group_tests_name("inner maps", tests, NULL, NULL);
}
