/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The open-coded iterator over slab caches (tests/bpf/kmem_cache.bpf.c) beside the running kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/types.h"
#include "tests/lib/beside.h"

struct caches { /* as in the program */
	u32 n, size[512];
	char name[512][32];
};

static void test_same(void **state)
{
	struct caches *ours = calloc(2, sizeof(*ours)), *theirs = ours + 1;
	struct beside both[2] = { 0 };
	u32 n = beside_open_both(both, "kmem_cache");

	if (!n) {
		print_message("# the running kernel's types have no such iterator\n");
		skip();
	}
	assert_int_equal(beside_run(&both[0], "all", "list", false, ours), 0);
	if (access("/proc/slabinfo", R_OK)) {
		assert_int_equal(ours->n, 0);
	} else {
		assert_true(ours->n > 10);
		for (u32 i = 0; i < ours->n; i++)
			assert_true(ours->size[i] && ours->name[i][0]);
	}
	if (n == 2) {
		assert_int_equal(beside_run(&both[1], "all", "list", false, theirs), 0);
		assert_memory_equal(ours, theirs, sizeof(*ours));
		print_message("# %u caches as the running kernel's\n", theirs->n);
	}
	beside_close_both(both);
	free(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
