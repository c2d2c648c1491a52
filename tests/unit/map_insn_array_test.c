/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instruction arrays (Linux 6.19): which kernels have them, what bpf(2) takes, and where the instructions of a
 * program have gone, as its own dumps show.
 */
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
static char log_text[8192];

static int call(int cmd, union bpf_attr *attr)
{
	return skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static int create(u32 key, u32 value, u32 entries, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_INSN_ARRAY;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	return call(BPF_MAP_CREATE, &attr);
}

static int element(int cmd, int fd, u32 key, struct bpf_insn_array_value *v, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)(uintptr_t)&key;
	attr.value = (u64)(uintptr_t)v;
	attr.flags = flags;
	return call(cmd, &attr);
}

static int set(int fd, u32 key, u32 insn)
{
	struct bpf_insn_array_value v = { .orig_off = insn };

	return element(BPF_MAP_UPDATE_ELEM, fd, key, &v, 0);
}

static struct bpf_insn_array_value get(int fd, u32 key)
{
	struct bpf_insn_array_value v;

	assert_int_equal(element(BPF_MAP_LOOKUP_ELEM, fd, key, &v, 0), 0);
	return v;
}

static int freeze(int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	return call(BPF_MAP_FREEZE, &attr);
}

static int load(const struct bpf_insn *insns, u32 n, int map)
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
	attr.fd_array = (u64)(uintptr_t)&map;
	attr.fd_array_cnt = 1;
	return call(BPF_PROG_LOAD, &attr);
}

static int setup(void **state)
{
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "6.19" });
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
	int fd;

	assert_int_equal(create(8, 16, 4, 0), -EINVAL);
	assert_int_equal(create(4, 8, 4, 0), -EINVAL);
	assert_int_equal(create(4, 16, 0, 0), -EINVAL);
	assert_int_equal(create(4, 16, 4, BPF_F_NO_PREALLOC), -EINVAL);
	assert_int_equal(create(4, 16, 4, BPF_F_RDONLY_PROG), -EINVAL);
	fd = create(4, 16, 4, 0);
	assert_true(fd >= 0);
	close(fd);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = "6.18" });
	assert_int_equal(create(4, 16, 4, 0), -EINVAL); /* not known yet */
	skep_system_free(sys);
	sys = newer;
}

static void test_elements(void **state)
{
	struct bpf_insn_array_value v = { .orig_off = 3, .xlated_off = 1 };
	int fd = create(4, 16, 3, 0);
	union bpf_attr attr;
	u32 key = 1, next = 9;

	assert_int_equal(element(BPF_MAP_UPDATE_ELEM, fd, 0, &v, 0), -EINVAL);
	v = (struct bpf_insn_array_value){ .orig_off = 3, .jitted_off = 1 };
	assert_int_equal(element(BPF_MAP_UPDATE_ELEM, fd, 0, &v, 0), -EINVAL);
	v = (struct bpf_insn_array_value){ .orig_off = 3 };
	assert_int_equal(element(BPF_MAP_UPDATE_ELEM, fd, 3, &v, 0), -E2BIG);
	assert_int_equal(element(BPF_MAP_UPDATE_ELEM, fd, 0, &v, BPF_NOEXIST), -EEXIST);
	assert_int_equal(element(BPF_MAP_UPDATE_ELEM, fd, 0, &v, BPF_EXIST), 0);
	assert_int_equal(get(fd, 0).orig_off, 3);
	assert_int_equal(element(BPF_MAP_LOOKUP_ELEM, fd, 3, &v, 0), -ENOENT);
	assert_int_equal(element(BPF_MAP_DELETE_ELEM, fd, 0, &v, 0), -EINVAL);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)(uintptr_t)&key;
	attr.next_key = (u64)(uintptr_t)&next;
	assert_int_equal(call(BPF_MAP_GET_NEXT_KEY, &attr), 0);
	assert_int_equal(next, 2);
	key = 2;
	assert_int_equal(call(BPF_MAP_GET_NEXT_KEY, &attr), -ENOENT);
	assert_int_equal(freeze(fd), 0);
	assert_int_equal(set(fd, 0, 1), -EPERM);
	close(fd);
}

/* Instruction 2 never runs, 4 is a number of two halves, 6 is what the helper's call becomes. */
static const struct bpf_insn prog[] = {
	/* 0 */ MOVK(0, 0),
	/* 1 */ JK(JEQ, 0, 0, 1),
	/* 2 */ MOVK(0, 1),
	/* 3 */ MOVX(6, 1),
	/* 4 */ LD64(1, 0x123456789abcULL),
	/* 6 */ CALL(get_smp_processor_id),
	/* 7 */ MOVK(0, 7),
	/* 8 */ EXIT,
};

static void test_offsets(void **state)
{
	static const u32 all[] = { 0, 1, 2, 3, 4, 6, 7, 8 };
	struct bpf_insn xlated[64] = { { 0 } };
	struct bpf_prog_info info;
	union bpf_attr attr;
	u32 last = 0, jitted = 0, n;
	int fd = create(4, 16, ARRAY_SIZE(all), 0), p;

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(set(fd, i, all[i]), 0);
	assert_int_equal(load(prog, ARRAY_SIZE(prog), fd), -EINVAL); /* not frozen */
	assert_non_null(strstr(log_text, "Failed to properly initialize insn array"));
	assert_int_equal(freeze(fd), 0);
	p = load(prog, ARRAY_SIZE(prog), fd);
	if (p < 0)
		print_error("%d: %s\n", p, log_text);
	assert_true(p >= 0);

	memset(&info, 0, sizeof(info));
	info.xlated_prog_insns = (u64)(uintptr_t)xlated;
	info.xlated_prog_len = sizeof(xlated);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (u32)p;
	attr.info.info = (u64)(uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	assert_int_equal(call(BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	n = info.xlated_prog_len / (u32)sizeof(*xlated);

	assert_int_equal((s32)get(fd, 2).xlated_off, -1); /* dead */
	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		struct bpf_insn_array_value v = get(fd, i);

		assert_int_equal(v.orig_off, all[i]);
		if (v.xlated_off == (u32)-1) /* dead, or a jump over nothing */
			continue;
		assert_true(v.xlated_off < n);
		assert_true(v.xlated_off >= last);
		last = v.xlated_off;
		if (all[i] != 6 && all[i] != 1) /* a call may be inlined, a jump is decided */
			assert_int_equal(xlated[v.xlated_off].code, prog[all[i]].code);
		if (info.jited_prog_len) {
			assert_true(v.jitted_off >= jitted && v.jitted_off < info.jited_prog_len);
			jitted = v.jitted_off;
		}
	}
	assert_true(!info.jited_prog_len || jitted);
	assert_int_equal(load(prog, ARRAY_SIZE(prog), fd), -EBUSY); /* it has a program */
	close(p);
	/* and may have another one when that is gone */
	p = load(prog, ARRAY_SIZE(prog), fd);
	assert_true(p >= 0);
	close(p);
	close(fd);
}

static void test_refused(void **state)
{
	static const struct bpf_insn jump[] = { MOVK(1, 0), I(BPF_JMP | BPF_JA | BPF_X, 1, 0, 0, 0),
						RET(0) };
	static const u32 wrong[] = { 5, 9, 0xffffffff };
	int fd;

	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		fd = create(4, 16, 1, 0);
		assert_int_equal(set(fd, 0, wrong[i]), 0);
		assert_int_equal(freeze(fd), 0);
		assert_int_equal(load(prog, ARRAY_SIZE(prog), fd), -EINVAL);
		/* A refusal leaves it free. */
		assert_int_equal(load(prog, ARRAY_SIZE(prog), fd), -EINVAL);
		close(fd);
	}
	fd = create(4, 16, 1, 0);
	assert_int_equal(freeze(fd), 0);
	assert_int_equal(load(jump, ARRAY_SIZE(jump), fd), -EINVAL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
