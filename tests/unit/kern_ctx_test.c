/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Contexts of test runs as the kernel's structs (tests/bpf/kern_ctx.bpf.c), on skep and on the running kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/beside.h"

struct result {
	u32 n[12];
};

static struct beside engines[2];
static u32 nr_engines;

static void run(const struct beside *b, const char *prog, struct bpf_test_run_opts *opts,
		struct result *r)
{
	int map = bpf_object__find_map_fd_by_name(b->obj, "results");
	int fd = bpf_program__fd(bpf_object__find_program_by_name(b->obj, prog));
	u32 zero = 0;

	memset(r, 0, sizeof(*r));
	skep_front_use(b->sys);
	assert_int_equal(bpf_map_update_elem(map, &zero, r, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, opts), 0);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, r), 0);
	skep_front_use(NULL);
}

static void lookups(void **state)
{
	struct bpf_sk_lookup four = { .family = 2,
				      .protocol = 6,
				      .remote_ip4 = 0x01020304,
				      .local_ip4 = 0x0100007f,
				      .remote_port = htons(4321),
				      .local_port = 80 };
	struct bpf_sk_lookup six = { .family = 10,
				     .protocol = 17,
				     .remote_ip6 = { 1, 2, 3, 4 },
				     .local_ip6 = { 5, 6, 7, 8 },
				     .remote_port = htons(1),
				     .local_port = 53 };

	for (u32 e = 0; e < nr_engines; e++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &four, .ctx_size_in = sizeof(four));
		const u32 want4[] = { 2, 6, htons(4321), 80, 0, 0, 0, 0x01020304, 0x0100007f };
		const u32 want6[] = { 10, 17, htons(1), 53, 0, 0, 0, 4, 5 };
		struct result r;

		run(&engines[e], "lookup", &opts, &r);
		assert_memory_equal(r.n, want4, sizeof(want4));
		opts.ctx_in = &six;
		run(&engines[e], "lookup", &opts, &r);
		assert_memory_equal(r.n, want6, sizeof(want6));
	}
}

static void flows(void **state)
{
	u8 frame[64] = { [12] = 0x08, [14] = 0x45 };

	for (u32 e = 0; e < nr_engines; e++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
			    .data_size_in = sizeof(frame));
		const u32 want[] = { htons(0x0800), 14, 14, 0, 0, 64 };
		struct result r;

		run(&engines[e], "dissect", &opts, &r);
		assert_memory_equal(r.n, want, sizeof(want));
	}
}

static int setup(void **state)
{
	nr_engines = beside_open_both(engines, "kern_ctx");
	return nr_engines ? 0 : -1;
}

static int teardown(void **state)
{
	beside_close_both(engines);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups),
		cmocka_unit_test(flows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
