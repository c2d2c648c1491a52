/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Resizable hash tables (Linux 7.2): what they take, and how they differ from a hash. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"

static struct skep_system *sys;
static char log_text[4096];

static int call(int cmd, union bpf_attr *attr)
{
	return skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static int create(u32 key, u32 value, u32 entries, u32 flags, u64 extra)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RHASH;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	attr.map_extra = extra;
	return call(BPF_MAP_CREATE, &attr);
}

static int element(int cmd, int fd, const void *key, void *value, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)(uintptr_t)key;
	attr.value = (u64)(uintptr_t)value;
	attr.flags = flags;
	return call(cmd, &attr);
}

static int update(int fd, u32 key, u64 value, u64 flags)
{
	return element(BPF_MAP_UPDATE_ELEM, fd, &key, &value, flags);
}

static int setup(void **state)
{
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "7.2" });
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static void test_create(void **state)
{
	struct skep_system *newer = sys;
	struct bpf_map_info info = { 0 };
	union bpf_attr attr;
	int fd;

	assert_int_equal(create(4, 8, 4, 0, 0), -EINVAL); /* nothing is allocated before */
	assert_int_equal(create(4, 8, 4, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED, 0), -EINVAL);
	assert_int_equal(create(65536, 8, 4, BPF_F_NO_PREALLOC, 0), -E2BIG);
	assert_int_equal(create(4, 8, 4, BPF_F_NO_PREALLOC, 1ULL << 32), -EINVAL);
	assert_int_equal(create(4, 8, 1 << 20, BPF_F_NO_PREALLOC, 65536), -E2BIG);
	assert_int_equal(create(4, 8, 4, BPF_F_NO_PREALLOC, 5), -EINVAL);
	assert_int_equal(create(0, 8, 4, BPF_F_NO_PREALLOC, 0), -EINVAL);
	assert_int_equal(create(4, 0, 4, BPF_F_NO_PREALLOC, 0), -EINVAL);
	assert_int_equal(create(4, 8, 0, BPF_F_NO_PREALLOC, 0), -EINVAL);
	fd = create(4, 8, 100, BPF_F_NO_PREALLOC, 50);
	assert_true(fd >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (u32)fd;
	attr.info.info = (u64)(uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	assert_int_equal(call(BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	assert_int_equal(info.map_extra, 50);
	assert_int_equal(info.max_entries, 100);
	close(fd);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "6.18" });
	assert_int_equal(create(4, 8, 4, BPF_F_NO_PREALLOC, 0), -EINVAL); /* not known yet */
	skep_system_free(sys);
	sys = newer;
}

static void test_elements(void **state)
{
	int fd = create(4, 8, 3000, BPF_F_NO_PREALLOC, 0);
	u32 key = 7, next, keys[64], n = 0;
	u64 v, values[64];
	union bpf_attr attr;

	assert_int_equal(update(fd, 7, 1, BPF_EXIST), -ENOENT);
	assert_int_equal(update(fd, 7, 1, 3), -EINVAL);
	assert_int_equal(update(fd, 7, 1, BPF_F_LOCK), -EINVAL); /* there is no lock */
	for (u32 i = 0; i < 3000; i++)
		assert_int_equal(update(fd, i, i * 3, BPF_NOEXIST), 0);
	assert_int_equal(update(fd, 3000, 1, 0), -E2BIG);
	assert_int_equal(update(fd, 7, 1, BPF_NOEXIST), -EEXIST);
	assert_int_equal(update(fd, 7, 77, BPF_EXIST), 0); /* full, but it is there */
	assert_int_equal(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v, 0), 0);
	assert_int_equal(v, 77);
	for (bool any = false;; any = true) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (u32)fd;
		attr.key = any ? (u64)(uintptr_t)&key : 0;
		attr.next_key = (u64)(uintptr_t)&next;
		if (call(BPF_MAP_GET_NEXT_KEY, &attr))
			break;
		key = next;
		n++;
	}
	assert_int_equal(n, 3000);
	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (u32)fd;
	attr.batch.out_batch = (u64)(uintptr_t)&key;
	attr.batch.keys = (u64)(uintptr_t)keys;
	attr.batch.values = (u64)(uintptr_t)values;
	attr.batch.count = 64;
	assert_int_equal(call(BPF_MAP_LOOKUP_BATCH, &attr), 0);
	assert_true(attr.batch.count > 0 && attr.batch.count <= 64);
	for (u32 i = 0; i < attr.batch.count; i++)
		assert_int_equal(values[i], keys[i] == 7 ? 77 : (u64)keys[i] * 3);
	key = 7;
	assert_int_equal(element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &v, 0), 0);
	assert_int_equal(v, 77);
	assert_int_equal(element(BPF_MAP_DELETE_ELEM, fd, &key, NULL, 0), -ENOENT);
	close(fd);
}

static int load(u32 type, struct bpf_insn *p, u32 n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(log_text, 0, sizeof(log_text));
	attr.prog_type = type;
	attr.insns = (u64)(uintptr_t)p;
	attr.insn_cnt = n;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.log_buf = (u64)(uintptr_t)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	return call(BPF_PROG_LOAD, &attr);
}

/* A program keeps a pointer to a value while it updates it: it sees the change, where a hash has a new one. */
static void test_in_place(void **state)
{
	int fd = create(4, 8, 10, BPF_F_NO_PREALLOC, 0), prog;
	struct bpf_insn p[] = {
		STK(W, 10, -4, 1),
		STK(DW, 10, -16, 55),
		LDMAP(1, 0),
		MOVX(2, 10),
		ADDK(2, -4),
		CALL(map_lookup_elem),
		JK(JEQ, 0, 0, 9),
		MOVX(6, 0),
		LDMAP(1, 0),
		MOVX(2, 10),
		ADDK(2, -4),
		MOVX(3, 10),
		ADDK(3, -16),
		MOVK(4, 0),
		CALL(map_update_elem),
		LD(DW, 0, 6, 0),
		EXIT,
	};
	char packet[64] = { 0 };
	union bpf_attr attr;

	/* the jump goes to the end: r0 is 0 there */
	p[7].off = (s16)(ARRAY_SIZE(p) - 1 - 8);
	for (u32 i = 0; i < ARRAY_SIZE(p); i++)
		if (p[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			p[i].imm = fd;
	assert_int_equal(update(fd, 1, 5, 0), 0);
	prog = load(BPF_PROG_TYPE_SOCKET_FILTER, p, ARRAY_SIZE(p));
	if (prog < 0)
		print_error("%d: %s\n", prog, log_text);
	assert_true(prog >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (u32)prog;
	attr.test.data_in = (u64)(uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1;
	assert_int_equal(call(BPF_PROG_TEST_RUN, &attr), 0);
	assert_int_equal(attr.test.retval, 55);
	close(prog);
	assert_int_equal(load(BPF_PROG_TYPE_KPROBE, p, ARRAY_SIZE(p)), -EINVAL);
	assert_non_null(strstr(log_text, "tracing progs cannot use resizable hash maps yet"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_in_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
