/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What BPF_PROG_LOAD says of signatures: as the running kernel where that checks none either
 * (CONFIG_SYSTEM_DATA_VERIFICATION), which the answer to nonsense tells.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "skep/skep.h"
#include "tests/lib/kernel.h"

/* As since 6.18; the header that tests are built with may be older. */
struct load_attr {
	u32 type, insn_cnt;
	u64 insns, license;
	u8 others[128];
	u64 signature;
	u32 signature_size;
	s32 keyring_id;
};

static const u64 insns[2] = { 0xb7, 0x95 };
static u8 nonsense[9000] = "\x30\x82nonsense";

static const struct row {
	u64 signature;
	u32 size;
	s32 keyring;
	int err; /* 0: as the kernel says */
} rows[] = {
	{ (u64)nonsense, 20, 0, EOPNOTSUPP },
	{ (u64)nonsense, 20, 1, EOPNOTSUPP },
	{ (u64)nonsense, 20, 2, EOPNOTSUPP },
	{ (u64)nonsense, 20, 3, EINVAL },
	{ (u64)nonsense, 20, -3, EOPNOTSUPP },
	{ (u64)nonsense, 20, -4, EOPNOTSUPP },
	{ (u64)nonsense, 20, -5, EOPNOTSUPP },
	{ (u64)nonsense, 20, -1, EINVAL }, /* a thread's: there is none */
	{ (u64)nonsense, 20, -2, EINVAL }, /* a process's */
	{ (u64)nonsense, 20, -6, 0 },
	{ (u64)nonsense, 20, -7, 0 },
	{ (u64)nonsense, 20, -8, 0 },
	{ (u64)nonsense, 20, -9, EINVAL },
	{ (u64)nonsense, 20, 0x7fffffff, EINVAL },
	{ (u64)nonsense, 8192, 0, EOPNOTSUPP },
	{ (u64)nonsense, 8193, 0, EINVAL },
	{ (u64)nonsense, 8193, 3, EINVAL },
	{ (u64)nonsense, 0, 0, EOPNOTSUPP },
	{ (u64)nonsense, 0, 3, EINVAL },
	{ 8, 20, 0, ENOMEM },
	{ 8, 20, 3, EINVAL },
};

static struct load_attr attr_of(const struct row *r)
{
	return (struct load_attr){
		.type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (u64)insns,
		.license = (u64) "GPL",
		.signature = r->signature,
		.signature_size = r->size,
		.keyring_id = r->keyring,
	};
}

static void answers(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	struct load_attr attr = attr_of(&rows[0]);
	bool compared = kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr)) == -EOPNOTSUPP;

	assert_non_null(sys);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int got, want;

		attr = attr_of(&rows[i]);
		got = skep_bpf(sys, BPF_PROG_LOAD, (void *)&attr, sizeof(attr));
		if (rows[i].err)
			assert_int_equal(got, -rows[i].err);
		attr = attr_of(&rows[i]);
		want = compared ? kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr)) : got;
		if (got != want)
			fail_msg("row %u: %d, the kernel says %d", i, got, want);
	}
	if (!compared)
		print_message("# not compared with the running kernel\n");
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
