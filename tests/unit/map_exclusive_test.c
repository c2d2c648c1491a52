/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What signed programs stand on (Linux 6.18): the hash of an array's contents, maps that belong to one
 * program by its hash, and the maps that come with a program by attr.fd_array. Beside the
 * running kernel where that is one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/types.h"
#include "isa/tag.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;
static bool kernel;
static char log_text[4096];

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 164);
}

static int create(int side, u32 type, u32 value, u32 entries, u32 flags, const void *hash, u32 size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	attr.excl_prog_hash = (u64)(uintptr_t)hash;
	attr.excl_prog_hash_size = size;
	return call(side, BPF_MAP_CREATE, &attr);
}

static int load(int side, const struct bpf_insn *insns, u32 n, const int *fds, u32 nr_fds)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(log_text, 0, sizeof(log_text));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.log_buf = (u64)(uintptr_t)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	attr.fd_array = (u64)(uintptr_t)fds;
	attr.fd_array_cnt = nr_fds;
	return call(side, BPF_PROG_LOAD, &attr);
}

static int hash_of(int side, int fd, void *hash, u32 size, u32 len)
{
	struct bpf_map_info info = { .hash = (u64)(uintptr_t)hash, .hash_size = size };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (u32)fd;
	attr.info.info = (u64)(uintptr_t)&info;
	attr.info.info_len = len;
	return call(side, BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static void set(int side, int fd, u32 key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)(uintptr_t)&key;
	attr.value = (u64)(uintptr_t)value;
	assert_int_equal(call(side, BPF_MAP_UPDATE_ELEM, &attr), 0);
}

static int setup(void **state)
{
	int fd;

	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "6.18" });
	fd = create(KERNEL, BPF_MAP_TYPE_ARRAY, 8, 1, 0, NULL, 0);
	if (fd >= 0) {
		u8 hash[SHA256_SIZE];

		kernel = !hash_of(KERNEL, fd, hash, sizeof(hash), sizeof(struct bpf_map_info));
		close(fd);
	}
	if (!kernel)
		print_message("# the running kernel is not asked: no bpf(2), or older than 6.18\n");
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static int sides(void)
{
	return kernel ? 2 : 1;
}

/* FIPS 180-4's own examples. */
static void test_sha256(void **state)
{
	static const u8 abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
				  0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
				  0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	static const u8 two[] = { 0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8, 0xe5, 0xc0, 0x26,
				  0x93, 0x0c, 0x3e, 0x60, 0x39, 0xa3, 0x3c, 0xe4, 0x59, 0x64, 0xff,
				  0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb, 0x06, 0xc1 };
	u8 h[SHA256_SIZE];

	sha256(h, "abc", 3);
	assert_memory_equal(h, abc, sizeof(h));
	sha256(h, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
	assert_memory_equal(h, two, sizeof(h));
}

static void test_hash(void **state)
{
	static const struct {
		u32 type, value, entries, flags, size;
	} cases[] = {
		{ BPF_MAP_TYPE_ARRAY, 8, 4, 0, SHA256_SIZE },
		{ BPF_MAP_TYPE_ARRAY, 5, 3, 0, SHA256_SIZE },
		{ BPF_MAP_TYPE_ARRAY, 100, 77, 0, SHA256_SIZE },
		{ BPF_MAP_TYPE_ARRAY, 100, 7, BPF_F_MMAPABLE, SHA256_SIZE },
		{ BPF_MAP_TYPE_ARRAY, 8, 4, 0, 0 },
		{ BPF_MAP_TYPE_ARRAY, 8, 4, 0, 20 },
		{ BPF_MAP_TYPE_ARRAY, 8, 4, 0, 64 },
		{ BPF_MAP_TYPE_HASH, 8, 4, 0, SHA256_SIZE },
		{ BPF_MAP_TYPE_HASH, 8, 4, 0, 3 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 8, 4, 0, SHA256_SIZE },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 0, SHA256_SIZE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 hash[2][SHA256_SIZE] = { 0 }, value[4096];
		int r[2] = { 0 }, none[2] = { 0 };

		for (int side = 0; side < sides(); side++) {
			int fd = create(side, cases[i].type, cases[i].value, cases[i].entries,
					cases[i].flags, NULL, 0);

			assert_true(fd >= 0);
			memset(value, 0x5a + (int)i, sizeof(value));
			if (cases[i].type == BPF_MAP_TYPE_ARRAY)
				set(side, fd, 1, value);
			r[side] = hash_of(side, fd, hash[side], cases[i].size,
					  sizeof(struct bpf_map_info));
			/* only as far as the structure goes is it asked for */
			none[side] = hash_of(side, fd, hash[side], cases[i].size,
					     offsetof(struct bpf_map_info, hash));
			assert_int_equal(hash_of(side, fd, NULL, 7, sizeof(struct bpf_map_info)),
					 -EINVAL);
			close(fd);
		}
		if (cases[i].type == BPF_MAP_TYPE_ARRAY && cases[i].size == SHA256_SIZE)
			assert_int_equal(r[SKEP], 0);
		if (kernel) {
			assert_int_equal(r[SKEP], r[KERNEL]);
			assert_int_equal(none[SKEP], none[KERNEL]);
			assert_memory_equal(hash[SKEP], hash[KERNEL], SHA256_SIZE);
		}
	}
}

static void test_exclusive(void **state)
{
	for (int side = 0; side < sides(); side++) {
		struct bpf_insn p[] = { LDMAP(1, 0), RET(0) }, q[] = { LDMAP(1, 0), RET(1) };
		u8 hash[SHA256_SIZE] = { 0 };
		int fd, prog;

		assert_int_equal(create(side, BPF_MAP_TYPE_ARRAY, 8, 1, 0, hash, 0), -EINVAL);
		assert_int_equal(create(side, BPF_MAP_TYPE_ARRAY, 8, 1, 0, hash, 31), -EINVAL);
		assert_int_equal(create(side, BPF_MAP_TYPE_ARRAY, 8, 1, 0, NULL, 32), -EINVAL);
		assert_int_equal(create(side, BPF_MAP_TYPE_ARRAY, 8, 1, 0, (void *)8, 32), -EFAULT);
		prog_digest(hash, p, ARRAY_SIZE(p));
		fd = create(side, BPF_MAP_TYPE_HASH, 8, 1, 0, hash, sizeof(hash));
		assert_true(fd >= 0);
		p[0].imm = q[0].imm = fd;
		prog = load(side, p, ARRAY_SIZE(p), NULL, 0);
		assert_true(prog >= 0);
		close(prog);
		assert_int_equal(load(side, q, ARRAY_SIZE(q), NULL, 0), -EACCES);
		assert_non_null(strstr(log_text, "doesn't match map's excl_prog_hash"));
		close(fd);
	}
}

static void test_fd_array(void **state)
{
	for (int side = 0; side < sides(); side++) {
		struct bpf_insn p[] = { RET(0) };
		struct bpf_prog_info info;
		union bpf_attr attr;
		int fds[3], prog;
		u32 ids[4] = { 0 };

		fds[0] = create(side, BPF_MAP_TYPE_HASH, 8, 1, 0, NULL, 0);
		fds[1] = create(side, BPF_MAP_TYPE_ARRAY, 8, 1, 0, NULL, 0);
		fds[2] = fds[0];
		prog = load(side, p, ARRAY_SIZE(p), fds, 3);
		assert_true(prog >= 0);
		memset(&info, 0, sizeof(info));
		info.nr_map_ids = 4;
		info.map_ids = (u64)(uintptr_t)ids;
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (u32)prog;
		attr.info.info = (u64)(uintptr_t)&info;
		attr.info.info_len = sizeof(info);
		assert_int_equal(call(side, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
		assert_int_equal(info.nr_map_ids, 2);
		assert_true(ids[0] && ids[1] && ids[0] != ids[1] && !ids[2]);
		assert_int_equal(load(side, p, ARRAY_SIZE(p), fds, 0x40000000), -EINVAL);
		assert_non_null(strstr(log_text, "fd_array_cnt is too big (1073741824)"));
		assert_int_equal(load(side, p, ARRAY_SIZE(p), (int *)8, 1), -EFAULT);
		fds[1] = prog; /* neither a map nor BTF */
		assert_int_equal(load(side, p, ARRAY_SIZE(p), fds, 2), -EINVAL);
		assert_non_null(strstr(log_text, "is not pointing to valid bpf_map or btf"));
		close(prog);
		fds[1] = 4000;
		assert_int_equal(load(side, p, ARRAY_SIZE(p), fds, 2), -EBADF);
		close(fds[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_fd_array),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
