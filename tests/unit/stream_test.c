/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Streams of programs, written by bpf_stream_vprintk() and read by bpf(2): here and on the running kernel. */
#include "base/uapi.h"

#include "base/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

enum { SKEP, KERNEL, SIDES };

static struct skep_system *sys;
static struct bpf_object *object[SIDES];

struct data {
	u32 id, times;
	u64 number;
	int results[8];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int setup(void **state)
{
	const char *dir = getenv("O") ? getenv("O") : "build";
	struct utsname u;
	char path[256];

	libbpf_set_print(quiet);
	uname(&u);
	sys = system_for(u.release);
	snprintf(path, sizeof(path), "%s/bpf/stream.bpf.o", dir);
	for (int side = 0; side < SIDES; side++) {
		skep_front_use(side == SKEP ? sys : NULL);
		object[side] = bpf_object__open_file(path, NULL);
		if (object[side] && bpf_object__load(object[side])) {
			bpf_object__close(object[side]);
			object[side] = NULL;
		}
	}
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	for (int side = 0; side < SIDES; side++) {
		skep_front_use(side == SKEP ? sys : NULL);
		bpf_object__close(object[side]);
	}
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}

static int prog_fd(int side)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object[side], "write_stream"));
}

static void run(int side, struct data *d)
{
	struct bpf_map *map = bpf_object__next_map(object[side], NULL);
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	u32 zero = 0;

	skep_front_use(side == SKEP ? sys : NULL);
	while (map && !strstr(bpf_map__name(map), ".bss"))
		map = bpf_object__next_map(object[side], map);
	assert_non_null(map);
	assert_int_equal(bpf_map__value_size(map), sizeof(*d));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &zero, d, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(prog_fd(side), &opts), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &zero, d), 0);
}

/* Bytes or -errno. */
static int stream_read(int side, u32 id, char *text, u32 size)
{
	union bpf_attr attr = { .prog_stream_read = { .stream_buf = (u64)text,
						      .stream_buf_len = size,
						      .stream_id = id,
						      .prog_fd = (u32)prog_fd(side) } };

	return side == SKEP ? skep_bpf(sys, BPF_PROG_STREAM_READ_BY_FD, &attr, sizeof(attr)) :
			      kernel_bpf_raw(BPF_PROG_STREAM_READ_BY_FD, &attr, sizeof(attr));
}

static void test_streams(void **state)
{
	static const u32 sizes[] = { 0, 3, 100, 1000, 100, 100000, 100000 };
	static char text[SIDES][100000];

	if (!object[SKEP])
		fail_msg("the program does not load on skep");
	if (!object[KERNEL]) {
		print_message("# the running kernel has no streams for us\n");
		skip();
	}
	for (u32 round = 0; round < 6; round++) {
		struct data d[SIDES];

		for (int side = 0; side < SIDES; side++) {
			d[side] = (struct data){ .id = round % 4,
						 .times = round == 5 ? 2000 : round,
						 .number = round * 7 };
			run(side, &d[side]);
		}
		assert_memory_equal(d[0].results, d[1].results, sizeof(d[0].results));
		for (u32 id = 0; id < 4; id++) {
			for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
				int n[SIDES];

				memset(text, 0, sizeof(text));
				for (int side = 0; side < SIDES; side++)
					n[side] = stream_read(side, id, text[side], sizes[i]);
				assert_int_equal(n[0], n[1]);
				/* There are these two, and no other. */
				assert_int_equal(n[0] >= 0 || n[0] != -ENOENT,
						 id == BPF_STREAM_STDOUT ||
							 id == BPF_STREAM_STDERR);
				assert_memory_equal(text[0], text[1], sizeof(text[0]));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests_name("stream", tests, setup, teardown);
}
