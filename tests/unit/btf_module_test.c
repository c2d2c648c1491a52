/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Types of kernel modules (SKEP_BTF names a directory as /sys/kernel/btf is): BTF objects over the
 * kernel's, functions that programs call by fd_array. What is refused, and with which words, is asked
 * of the running kernel, too.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kernel.h"
#include "base/types.h"
#include "btf/btf.h"

static char dir[] = "/tmp/skep-btf.XXXXXX";
static u32 func_id; /* of bpf_kfunc_common_test, which does nothing */

static void write_file(const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

static void remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int setup(void **state)
{
	static const struct btf_func_decl decls[] = {
		{ "bpf_kfunc_common_test", "void", 0, { { 0 } } },
		{ "bpf_unheard_of", "void", 0, { { 0 } } },
	};
	struct btf *base, *module;
	const void *data;
	u32 size;

	if (!mkdtemp(dir) || btf_load_kernel("builtin", &base, NULL) ||
	    btf_make_funcs(base, decls, 2, &module))
		return -1;
	data = btf_raw_data(base, &size);
	write_file("vmlinux", data, size);
	data = btf_raw_data(module, &size);
	write_file("bpf_testmod", data, size);
	write_file("another_kernels", "no types", 8);
	func_id = (u32)btf_find_by_name_kind(module, "bpf_kfunc_common_test", BTF_KIND_FUNC);
	btf_free(module);
	btf_free(base);
	setenv("SKEP_BTF", dir, 1);
	*state = system_for("6.12");
	unsetenv("SKEP_BTF");
	return 0;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	remove_file("vmlinux");
	remove_file("bpf_testmod");
	remove_file("another_kernels");
	rmdir(dir);
	return 0;
}

static int call(struct skep_system *sys, int cmd, union bpf_attr *attr)
{
	return sys ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
		     kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

/* The descriptor of the kernel's BTF object @name, and how many there are that are not programs'. */
static int kernel_btf(struct skep_system *sys, const char *name, u32 *count)
{
	union bpf_attr attr;
	int found = -ENOENT;
	u32 id = 0;

	for (*count = 0;;) {
		struct bpf_btf_info info = { 0 };
		char have[64] = "";
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (call(sys, BPF_BTF_GET_NEXT_ID, &attr))
			return found;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.btf_id = id;
		fd = call(sys, BPF_BTF_GET_FD_BY_ID, &attr);
		assert_true(fd >= 0);
		memset(&attr, 0, sizeof(attr));
		info.name = (u64)have;
		info.name_len = sizeof(have);
		attr.info.bpf_fd = (u32)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (u64)&info;
		assert_int_equal(call(sys, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
		*count += info.kernel_btf;
		if (info.kernel_btf && !strcmp(have, name) && found < 0)
			found = fd;
		else
			close(fd);
	}
}

/* A call of function @id at index @off of @fds; the log's first line goes to @words. */
static int load(struct skep_system *sys, s16 off, u32 id, const int *fds, char words[128])
{
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL,
		  .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = off,
		  .imm = (s32)id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 7 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.insns = (u64)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (u64) "GPL";
	attr.fd_array = (u64)fds;
	attr.log_level = 1;
	attr.log_buf = (u64)log;
	attr.log_size = sizeof(log);
	fd = call(sys, BPF_PROG_LOAD, &attr);
	snprintf(words, 128, "%.*s", (int)strcspn(log, "\n"), log);
	return fd;
}

static void test_objects(void **state)
{
	u32 count;
	int fd = kernel_btf(*state, "bpf_testmod", &count);

	/* vmlinux, skep's own functions, the module; a file that is no module of this kernel is not shown. */
	assert_true(fd >= 0);
	assert_int_equal(count, 3);
	close(fd);
	assert_int_equal(kernel_btf(*state, "another_kernels", &count), -ENOENT);
}

static void test_call(void **state)
{
	struct skep_system *sys = *state;
	int fds[2] = { 0 }, fd;
	union bpf_attr attr;
	char words[128];
	u32 count;

	fds[1] = kernel_btf(sys, "bpf_testmod", &count);
	fd = load(sys, 1, func_id, fds, words);
	assert_true(fd >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (u32)fd;
	assert_int_equal(skep_bpf(sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
	assert_int_equal(attr.test.retval, 7);
	close(fd);
	/* Its types alone make no function callable. */
	assert_int_equal(load(sys, 1, func_id + 1, fds, words), -EINVAL);
	close(fds[1]);
}

/* Index 1 of fd_array: nothing, no descriptor, one of another kind; an index below 0. */
static void test_refusals(void **state)
{
	struct {
		int err;
		char words[128];
	} got[2][5];
	struct skep_system *sys[2] = { *state, NULL };
	int n = 0;

	for (int who = 0; who < 2; who++, n++) {
		int fds[2] = { 0, -1 }, map, vmlinux;
		union bpf_attr attr;
		u32 count;

		memset(&attr, 0, sizeof(attr));
		attr.map_type = BPF_MAP_TYPE_ARRAY;
		attr.key_size = attr.value_size = 4;
		attr.max_entries = 1;
		map = call(sys[who], BPF_MAP_CREATE, &attr);
		vmlinux = map < 0 ? -1 : kernel_btf(sys[who], "vmlinux", &count);
		if (map < 0 || vmlinux < 0)
			break;
		got[who][0].err = load(sys[who], 1, 1, NULL, got[who][0].words);
		got[who][1].err = load(sys[who], 1, 1, fds, got[who][1].words);
		fds[1] = map;
		got[who][2].err = load(sys[who], 1, 1, fds, got[who][2].words);
		fds[1] = vmlinux;
		got[who][3].err = load(sys[who], 1, 1, fds, got[who][3].words);
		got[who][4].err = load(sys[who], -1, 1, fds, got[who][4].words);
		close(map);
		close(vmlinux);
	}
	assert_true(n);
	if (n < 2)
		print_message(
			"no bpf(2) of the running kernel: compared with what Linux 6.18 said\n");
	static const struct {
		int err;
		const char *words;
	} linux_6_18[5] = {
		{ -EPROTO, "kfunc offset > 0 without fd_array is invalid" },
		{ -EBADF, "invalid module BTF fd specified" },
		{ -EINVAL, "invalid module BTF fd specified" },
		{ -EINVAL, "BTF fd for kfunc is not a module BTF" },
		{ -EINVAL, "negative offset disallowed for kernel module function call" },
	};
	for (int who = 0; who < n; who++)
		for (u32 i = 0; i < 5; i++) {
			assert_int_equal(got[who][i].err, linux_6_18[i].err);
			assert_string_equal(got[who][i].words, linux_6_18[i].words);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
