/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Dynptrs over the bytes of files, which kernels have from 6.19 on, natively and interpreted, and
 * fs-verity's digest (tests/bpf/file_dynptr.bpf.c). The kernel's BTF that lacks them is given them here.
 */
#include "base/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "skep/skep.h"

struct io { /* as in the programs */
	u64 at, size;
	s64 out[16];
	char copy[2][64];
};

static char types[] = "/tmp/skep-file-XXXXXX";
static struct skep_system *systems[2];
static bool usable;
static char log_text[65536];

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static void add_function(struct btf *btf, const char *name, u32 n, const char *const *params,
			 const int *param_types, int ret)
{
	int proto;

	if (btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0)
		return;
	proto = btf__add_func_proto(btf, ret);
	for (u32 i = 0; i < n; i++)
		assert_int_equal(btf__add_func_param(btf, params[i], param_types[i]), 0);
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
}

static int start(void **state)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int file, dynptr, integer, u32_id, fd = mkstemp(types);
	const void *raw;
	u32 size;

	assert_true(fd >= 0);
	libbpf_set_print(quiet);
	usable = btf && btf__find_by_name_kind(btf, "bpf_get_task_exe_file", BTF_KIND_FUNC) > 0 &&
		 btf__find_by_name_kind(btf, "bpf_lsm_task_free", BTF_KIND_FUNC) > 0;
	if (!usable)
		return 0;
	file = btf__add_ptr(btf, btf__find_by_name_kind(btf, "file", BTF_KIND_STRUCT));
	dynptr = btf__add_ptr(btf, btf__find_by_name_kind(btf, "bpf_dynptr", BTF_KIND_STRUCT));
	integer = btf__find_by_name_kind(btf, "int", BTF_KIND_INT);
	u32_id = btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);
	add_function(btf, "bpf_dynptr_from_file", 3,
		     (const char *[]){ "file", "flags", "ptr__uninit" },
		     (int[]){ file, u32_id, dynptr }, integer);
	add_function(btf, "bpf_dynptr_file_discard", 1, (const char *[]){ "dynptr" },
		     (int[]){ dynptr }, integer);
	add_function(btf, "bpf_get_fsverity_digest", 2, (const char *[]){ "file", "digest_p" },
		     (int[]){ file, dynptr }, integer);
	raw = btf__raw_data(btf, &size);
	assert_int_equal(write(fd, raw, size), size);
	close(fd);
	btf__free(btf);
	for (u32 i = 0; i < 2; i++) {
		struct skep_system_opts opts = {
			.sz = sizeof(opts),
			.kernel = "6.19",
			.caps = "full",
			.test_run = "all",
			.btf = types,
			.jit = i ? "off" : "on",
		};

		systems[i] = skep_system_new(&opts);
		assert_non_null(systems[i]);
	}
	return 0;
}

static int stop(void **state)
{
	for (u32 i = 0; i < 2; i++)
		if (systems[i])
			skep_system_free(systems[i]);
	unlink(types);
	return 0;
}

static bool have(void)
{
	if (!usable)
		skip();
	return usable;
}

/* 0, or what refused it, with its log. */
static int run(u32 engine, const char *name, struct io *io)
{
	const char *out = getenv("O");
	struct bpf_program *p, *wanted;
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_object *obj;
	char path[512];
	u32 zero = 0;
	int map, err;

	snprintf(path, sizeof(path), "%s/bpf/file_dynptr.bpf.o", out ? out : "build");
	skep_front_use(systems[engine]);
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
	{
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	}
	wanted = bpf_object__find_program_by_name(obj, name);
	bpf_program__set_log_buf(wanted, log_text, sizeof(log_text));
	err = bpf_object__load(obj);
	if (!err) {
		map = bpf_object__find_map_fd_by_name(obj, ".bss");
		assert_int_equal(bpf_map_update_elem(map, &zero, io, 0), 0);
		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(wanted), &opts), 0);
		assert_int_equal(opts.retval, 0);
		assert_int_equal(bpf_map_lookup_elem(map, &zero, io), 0);
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
	return err;
}

static void check_bytes(const char *name, bool waits)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char want[64], first[4];
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	for (u32 engine = 0; engine < 2; engine++) {
		/* Over the border of a page, which the reader must cross. */
		struct io io = { .at = 4096 - 30, .size = (u64)st.st_size };
		u32 rest = 4096 - ((u32)st.st_size & 4095);

		if (run(engine, name, &io))
			fail_msg("%s: %s", name, log_text);
		assert_int_equal(pread(fd, want, sizeof(want), (off_t)io.at), sizeof(want));
		assert_int_equal(pread(fd, first, 4, 0), 4);
		assert_int_equal(io.out[0], 0);
		assert_int_equal(io.out[1], 0);
		assert_int_equal(io.out[2], 1);
		assert_memory_equal(io.copy[0], want, sizeof(want));
		assert_memory_equal(io.copy[1], want, sizeof(want));
		assert_int_equal(io.out[3],
				 0xffffffff); /* all that may come; the header has 32 bits */
		assert_int_equal(io.out[4], 1);
		assert_int_equal(io.out[5], -EINVAL);
		/* Behind the end: nothing to be waited for, or the rest of the last page. */
		assert_int_equal(io.out[6], waits ? -EIO : rest >= 64 && rest < 4096 ? 0 : -EFAULT);
		assert_int_equal(io.out[7], waits ? -EIO : -EFAULT);
		assert_int_equal(io.out[8], -E2BIG);
		assert_int_equal(io.out[9], -EINVAL);
		assert_int_equal(io.out[10], 0);
		assert_int_equal(io.out[11], st.st_size - 1);
		assert_int_equal(io.out[12], 0);
		assert_int_equal(io.out[13], first[1] << 16 | first[2] << 8 | first[3]);
		assert_int_equal(io.out[14], -E2BIG);
		assert_int_equal(io.out[15], -EINVAL);
	}
	close(fd);
}

static void bytes(void **state)
{
	if (have())
		check_bytes("atomic", false);
}

static void bytes_waited_for(void **state)
{
	if (have())
		check_bytes("waits", true);
}

static void digest(void **state)
{
	if (!have())
		return;
	for (u32 engine = 0; engine < 2; engine++) {
		struct io io = { 0 };

		assert_int_equal(run(engine, "verity", &io), 0);
		assert_int_equal(io.out[0], -EINVAL);
		assert_int_equal(io.out[1], -EINVAL);
		assert_int_equal(io.out[2], -ENODATA);
	}
}

static void refused(void **state)
{
	static const char *const words[][2] = {
		{ "kept", "Unreleased reference id=" },
		{ "other", "Expected a dynptr of type file as arg #0" },
		{ "stale", "invalid mem access 'scalar'" },
	};
	struct io io = { 0 };

	if (!have())
		return;
	for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
		assert_int_equal(run(0, words[i][0], &io), -EACCES * (i == 2) - EINVAL * (i != 2));
		if (!strstr(log_text, words[i][1]))
			fail_msg("%s: %s", words[i][0], log_text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(bytes_waited_for),
		cmocka_unit_test(digest),
		cmocka_unit_test(refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
