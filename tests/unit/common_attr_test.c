/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The structure behind the attribute that BPF_COMMON_ATTRS announces (7.2): what Linux's own test of it
 * (prog_tests/map_init.c) asks of maps, whose log wins where a command has one of its own; and programs that are
 * associated with a map of struct_ops (7.0).
 */
#include "btf/btf.h"
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "skep/skep.h"

static struct skep_system *sys;

static int create(union bpf_attr *attr, struct bpf_common_attr *common, u32 size)
{
	return bpf_with_common(sys, BPF_MAP_CREATE | BPF_COMMON_ATTRS, attr, sizeof(*attr), common,
			       size);
}

static const union bpf_attr array = {
	.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
};

static void test_map_messages(void **state)
{
	static const u64 hash;
	const struct {
		union bpf_attr attr;
		int err;
		const char *message;
	} cases[] = {
#define CASE(err, message, ...)                                                                    \
	{ { .map_type = BPF_MAP_TYPE_ARRAY,                                                        \
	    .key_size = 4,                                                                         \
	    .value_size = 4,                                                                       \
	    .max_entries = 1,                                                                      \
	    __VA_ARGS__ },                                                                         \
	  -(err),                                                                                  \
	  message "\n" }
		CASE(EINVAL, "btf_vmlinux_value_type_id can only be used with struct_ops maps.",
		     .btf_vmlinux_value_type_id = 1),
		CASE(EINVAL, "Invalid btf_value_type_id.", .btf_key_type_id = 1),
		CASE(EINVAL, "Invalid map_extra.", .map_extra = 1),
		CASE(EINVAL, "Invalid numa_node.", .map_flags = BPF_F_NUMA_NODE, .numa_node = 0xff),
		CASE(EBADF, "Invalid map_token_fd.", .map_flags = BPF_F_TOKEN_FD,
		     .map_token_fd = -1),
		CASE(EINVAL, "Invalid map_name.", .map_name = "test-!@#"),
		CASE(EBADF, "Invalid btf_fd.", .btf_fd = (u32)-1, .btf_key_type_id = 1,
		     .btf_value_type_id = 1),
		CASE(EINVAL, "Invalid excl_prog_hash_size.", .excl_prog_hash = (u64)&hash),
		CASE(EINVAL, "Invalid excl_prog_hash_size.", .excl_prog_hash_size = 1),
		{ { .map_type = 36, .key_size = 4, .value_size = 4, .max_entries = 1 },
		  -EINVAL,
		  "Invalid map_type.\n" },
		{ { .map_type = BPF_MAP_TYPE_STRUCT_OPS,
		    .btf_vmlinux_value_type_id = 1,
		    .btf_key_type_id = 1 },
		  -EINVAL,
		  "btf_vmlinux_value_type_id is mutually exclusive with btf_key_type_id and "
		  "btf_value_type_id.\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char log[128] = "";
		struct bpf_common_attr common = { (u64)log, sizeof(log), 1, 0 };
		union bpf_attr attr = cases[i].attr;

		assert_int_equal(create(&attr, &common, 20), cases[i].err);
		assert_string_equal(log, cases[i].message);
		assert_int_equal(common.log_true_size, strlen(cases[i].message) + 1);
		/* Nobody asked. */
		memset(log, 'x', sizeof(log));
		common = (struct bpf_common_attr){ 0 };
		assert_int_equal(create(&attr, &common, 20), cases[i].err);
		assert_int_equal(log[0], 'x');
		assert_int_equal(skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr)), cases[i].err);
	}
}

static void test_sizes(void **state)
{
	union bpf_attr attr = array;
	char log[8] = "xxxxxxx";
	struct {
		struct bpf_common_attr a;
	} common = { { 0 } };
	u32 pad = 1;
	int fd;

	/* How libbpf finds out. */
	assert_int_equal(create(&attr, NULL, sizeof(common)), -EFAULT);
	memcpy((char *)&common + 20, &pad, sizeof(pad));
	assert_int_equal(create(&attr, &common.a, sizeof(common)), -E2BIG);
	fd = create(&attr, &common.a, 20);
	assert_true(fd >= 0);
	close(fd);
	fd = create(&attr, NULL, 0);
	assert_true(fd >= 0);
	close(fd);
	/* Too short a log keeps the end, and the whole length is told. */
	attr.map_extra = 1;
	common.a = (struct bpf_common_attr){ (u64)log, sizeof(log), 1, 0 };
	assert_int_equal(create(&attr, &common.a, 20), -ENOSPC);
	assert_string_equal(log, "extra.\n");
	assert_int_equal(common.a.log_true_size, 20);
	/* Only where there is room for it. */
	common.a.log_true_size = 5;
	assert_int_equal(create(&attr, &common.a, 16), -ENOSPC);
	assert_int_equal(common.a.log_true_size, 5);
	/* An older kernel knows no such command. */
	sys->profile = sys->kernel.release = KVER(7, 1);
	assert_int_equal(create(&attr, &common.a, 20), -EINVAL);
	sys->profile = sys->kernel.release = KVER(7, 2);
}

static int load(union bpf_attr *attr, struct bpf_common_attr *common)
{
	return bpf_with_common(sys, BPF_PROG_LOAD | BPF_COMMON_ATTRS, attr, sizeof(*attr), common,
			       20);
}

static void test_prog_log(void **state)
{
	static const struct bpf_insn bad[] = { { .code = BPF_JMP | BPF_EXIT } };
	char log[1024] = "", other[1024] = "";
	struct bpf_common_attr common = { (u64)log, sizeof(log), 1, 0 };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_XDP,
				.insn_cnt = 1,
				.insns = (u64)bad,
				.license = (u64) "GPL" };

	assert_int_equal(load(&attr, &common), -EACCES);
	assert_non_null(strstr(log, "R0 !read_ok"));
	assert_int_equal(common.log_true_size, strlen(log) + 1);
	/* The attribute's own is used where the other one is not whole ... */
	memset(log, 0, sizeof(log));
	attr.log_buf = (u64)other;
	attr.log_size = sizeof(other);
	attr.log_level = 1;
	common.log_level = 0;
	assert_int_equal(load(&attr, &common), -EACCES);
	assert_non_null(strstr(other, "R0 !read_ok"));
	assert_int_equal(log[0], 0);
	/* ... and both must be the same where both are. */
	common.log_level = 1;
	assert_int_equal(load(&attr, &common), -EINVAL);
	common.log_buf = (u64)other;
	assert_int_equal(load(&attr, &common), -EACCES);
}

static void test_btf_log(void **state)
{
	char log[256] = "", data[24] = "no BTF";
	struct bpf_common_attr common = { (u64)log, sizeof(log), 1, 0 };
	union bpf_attr attr = { .btf = (u64)data, .btf_size = sizeof(data) };

	assert_int_equal(bpf_with_common(sys, BPF_BTF_LOAD | BPF_COMMON_ATTRS, &attr, sizeof(attr),
					 &common, 20),
			 -EINVAL);
	assert_non_null(strstr(log, "btf_header not found"));
	assert_int_equal(common.log_true_size, strlen(log) + 1);
}

/* ---- programs and maps of struct_ops ---- */

static int associate(int prog, int map, u32 flags)
{
	union bpf_attr attr = { .prog_assoc_struct_ops = { (u32)map, (u32)prog, flags } };

	return skep_bpf(sys, BPF_PROG_ASSOC_STRUCT_OPS, &attr, sizeof(attr));
}

static int make_ops(void)
{
	const struct object_btf *kernel = system_vmlinux(sys);
	u32 id = kernel ? (u32)btf_find_by_name_kind(kernel->btf,
						     "bpf_struct_ops_tcp_congestion_ops",
						     BTF_KIND_STRUCT) :
			  0;
	static const struct {
		u16 magic;
		u8 version, flags;
		u32 hdr_len, type_off, type_len, str_off, str_len, type[4];
		char strings[8];
	} types = { 0xeb9f, 1, 0, 24, 0, 16, 16, 8, { 1, 1U << 24, 4, 32 | 1U << 24 }, "\0int" };
	union bpf_attr load = { .btf = (u64)&types, .btf_size = sizeof(types) };
	int btf = skep_bpf(sys, BPF_BTF_LOAD, &load, sizeof(load)), fd;
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_STRUCT_OPS,
				.key_size = 4,
				.max_entries = 1,
				.btf_fd = (u32)btf,
				.btf_vmlinux_value_type_id = id };

	attr.value_size = (u32)btf_type_get(kernel->btf, id)->size;
	fd = skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr));
	close(btf);
	return fd;
}

static u32 maps(void)
{
	union bpf_attr attr = { 0 };
	u32 n = 0;

	while (!skep_bpf(sys, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr))) {
		attr.start_id = attr.next_id;
		attr.next_id = 0;
		n++;
	}
	return n;
}

static void test_assoc(void **state)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						 { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SYSCALL,
				.insn_cnt = 2,
				.insns = (u64)insns,
				.license = (u64) "GPL",
				.prog_flags = BPF_F_SLEEPABLE };
	int prog = skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr)), plain, map, other;

	assert_true(prog >= 0);
	attr = array;
	plain = skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr));
	map = make_ops();
	other = make_ops();
	assert_true(plain >= 0 && map >= 0 && other >= 0);
	assert_int_equal(associate(prog, map, 1), -EINVAL);
	assert_int_equal(associate(999, map, 0), -EBADF);
	assert_int_equal(associate(prog, 999, 0), -EBADF);
	assert_int_equal(associate(map, prog, 0), -EINVAL);
	assert_int_equal(associate(prog, plain, 0), -EINVAL);
	assert_int_equal(associate(prog, map, 0), 0);
	assert_int_equal(associate(prog, map, 0), 0);
	assert_int_equal(associate(prog, other, 0), -EBUSY);
	/* The map lives as long as the program. */
	close(other);
	close(plain);
	assert_int_equal(maps(), 1);
	close(map);
	assert_int_equal(maps(), 1);
	close(prog);
	assert_int_equal(maps(), 0);
	sys->profile = sys->kernel.release = KVER(6, 19);
	assert_int_equal(associate(prog, map, 0), -EINVAL);
	sys->profile = sys->kernel.release = KVER(7, 2);
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "7.2" };

	sys = skep_system_new(&opts);
	return sys ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_messages), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_prog_log),     cmocka_unit_test(test_btf_log),
		cmocka_unit_test(test_assoc),
	};

	return cmocka_run_group_tests_name("common attributes", tests, begin, end);
}
