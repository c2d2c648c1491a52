/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Storages of the sockets that packets of test runs have (tests/bpf/sock_storage.bpf.c), on skep and on the running kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/types.h"
#include "tests/lib/beside.h"

struct result {
	u32 first, again, created, flags;
	s32 deleted, gone;
};

static struct beside engines[2];
static u32 nr_engines;

static void check(const char *prog)
{
	for (u32 e = 0; e < nr_engines; e++)
		for (u32 i = 0; i < 3; i++) { /* each run's socket is another one */
			struct result r = { 0 };

			beside_run(&engines[e], "results", prog, true, &r);
			assert_int_equal(r.first, 0);
			assert_int_equal(r.flags, 0);
			assert_int_equal(r.created, 41);
			assert_int_equal(r.again, 41);
			assert_int_equal(r.deleted, 0);
			assert_int_equal(r.gone, -2);
		}
}

static void classify(void **state)
{
	check("classify");
}

static void egress(void **state)
{
	check("egress");
}

static int setup(void **state)
{
	nr_engines = beside_open_both(engines, "sock_storage");
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
		cmocka_unit_test(classify),
		cmocka_unit_test(egress),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
