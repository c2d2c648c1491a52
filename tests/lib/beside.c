/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tests/lib/beside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

int beside_open(struct beside *b, const char *name)
{
	const char *out = getenv("O");
	char path[512];
	int err;

	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/bpf/%s.bpf.o", out ? out : "build", name);
	skep_front_use(b->sys);
	b->obj = bpf_object__open_file(path, NULL);
	err = b->obj ? bpf_object__load(b->obj) : -errno;
	skep_front_use(NULL);
	return err;
}

void beside_close(struct beside *b)
{
	skep_front_use(b->sys);
	bpf_object__close(b->obj);
	skep_front_use(NULL);
	b->obj = NULL;
}

u32 beside_open_both(struct beside b[2], const char *name)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };

	b[0].sys = skep_system_new(&opts);
	if (!b[0].sys || beside_open(&b[0], name))
		return 0;
	if (!beside_open(&b[1], name))
		return 2;
	print_message("# the running kernel has no bpf(2), or not all of this: not compared\n");
	beside_close(&b[1]);
	return 1;
}

void beside_close_both(struct beside b[2])
{
	beside_close(&b[1]);
	beside_close(&b[0]);
	skep_system_free(b[0].sys);
}

u32 beside_run(const struct beside *b, const char *map, const char *prog, bool packet, void *value)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int map_fd = bpf_object__find_map_fd_by_name(b->obj, map);
	int prog_fd = bpf_program__fd(bpf_object__find_program_by_name(b->obj, prog));
	char data[64] = { 0 };
	u32 zero = 0;

	if (packet) {
		opts.data_in = data;
		opts.data_size_in = sizeof(data);
	}
	skep_front_use(b->sys);
	assert_int_equal(bpf_map_update_elem(map_fd, &zero, value, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(prog_fd, &opts), 0);
	assert_int_equal(bpf_map_lookup_elem(map_fd, &zero, value), 0);
	skep_front_use(NULL);
	return opts.retval;
}

u32 beside_random(u32 n)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(state >> 33) % n;
}
