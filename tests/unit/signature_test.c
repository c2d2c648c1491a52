/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What BPF_PROG_LOAD says of signatures: as the running kernel, but that it may be one that
 * checks none (CONFIG_SYSTEM_DATA_VERIFICATION), where skep does.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	{ (u64)nonsense, 20, 0, EBADMSG },
	{ (u64)nonsense, 20, 1, EBADMSG },
	{ (u64)nonsense, 20, 2, EBADMSG },
	{ (u64)nonsense, 20, 3, EINVAL },
	{ (u64)nonsense, 20, -3, EBADMSG },
	{ (u64)nonsense, 20, -4, EBADMSG },
	{ (u64)nonsense, 20, -5, EBADMSG },
	{ (u64)nonsense, 20, -1, EINVAL }, /* a thread's: there is none */
	{ (u64)nonsense, 20, -2, EINVAL }, /* a process's */
	{ (u64)nonsense, 20, -6, 0 },
	{ (u64)nonsense, 20, -7, 0 },
	{ (u64)nonsense, 20, -8, 0 },
	{ (u64)nonsense, 20, -9, EINVAL },
	{ (u64)nonsense, 20, 0x7fffffff, EINVAL },
	{ (u64)nonsense, 8192, 0, EBADMSG },
	{ (u64)nonsense, 8193, 0, EINVAL },
	{ (u64)nonsense, 8193, 3, EINVAL },
	{ (u64)nonsense, 0, 0, EBADMSG },
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
	int first = kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr));
	bool compared = first == -EOPNOTSUPP || first == -EBADMSG;

	assert_non_null(sys);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int got, want;

		attr = attr_of(&rows[i]);
		got = skep_bpf(sys, BPF_PROG_LOAD, (void *)&attr, sizeof(attr));
		if (rows[i].err)
			assert_int_equal(got, -rows[i].err);
		attr = attr_of(&rows[i]);
		want = compared ? kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr)) : got;
		if (want == -EOPNOTSUPP)
			want = -EBADMSG;
		if (got != want)
			fail_msg("row %u: %d, the kernel says %d", i, got, want);
	}
	if (!compared)
		print_message("# not compared with the running kernel\n");
	skep_system_free(sys);
}

static u32 file(const char *name, u8 *bytes, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, size);

	assert_true(n > 0 && (size_t)n < size);
	close(fd);
	return (u32)n;
}

/* tests/data/keys/program.p7 signs the program that the rows have, by the key of certificate.der. */
static void signed_program(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	u8 cert[2048], message[2048];
	u32 n = file("tests/data/keys/certificate.der", cert, sizeof(cert));
	u64 other[2] = { 0x1000000b7, 0x95 };
	struct skep_system *sys;
	struct load_attr attr;
	struct row row = { (u64)message, 0, 0, 0 };
	int fd;

	row.size = file("tests/data/keys/program.p7", message, sizeof(message));
	row.keyring = (s32)syscall(SYS_add_key, "keyring", "skep test", NULL, 0, -2);
	if (row.keyring < 0 || syscall(SYS_add_key, "asymmetric", "", cert, n, row.keyring) < 0) {
		print_message("# the kernel takes no asymmetric keys\n");
		skip();
	}
	sys = skep_system_new(&opts);
	assert_non_null(sys);
	attr = attr_of(&row);
	fd = skep_bpf(sys, BPF_PROG_LOAD, (void *)&attr, sizeof(attr));
	assert_true(fd >= 0);
	close(fd);
	attr.insns = (u64)other; /* another number that it returns */
	assert_int_equal(skep_bpf(sys, BPF_PROG_LOAD, (void *)&attr, sizeof(attr)), -EKEYREJECTED);
	attr = attr_of(&row);
	attr.keyring_id = -4; /* KEY_SPEC_USER_KEYRING */
	assert_int_equal(skep_bpf(sys, BPF_PROG_LOAD, (void *)&attr, sizeof(attr)), -ENOKEY);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(signed_program),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
