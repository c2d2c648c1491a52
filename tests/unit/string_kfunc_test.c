/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * String functions that kernels have from 6.19 on, natively and interpreted, against the C
 * library's on random strings. The kernel's BTF that lacks them is given them here.
 */
#include "base/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep/skep.h"

#define TEXT	256 /* of each of the two strings in the map's value */
#define TOO_BIG 65536
#define VALUE	(2 * TEXT + 2 * TOO_BIG)
#define ROUNDS	400

static char types[] = "/tmp/skep-strings-XXXXXX";
static s32 ids[3];
static const char *const names[3] = { "bpf_strcasestr", "bpf_strncasestr", "bpf_strncasecmp" };

static struct engine {
	struct skep_system *sys;
	int map, prog[3];
} engines[2];

static void add_functions(struct btf *btf)
{
	int c = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	int text = btf__add_ptr(btf, btf__add_const(btf, c));
	int ret = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int size = btf__add_int(btf, "unsigned long", 8, 0), proto;

	for (u32 i = 0; i < 3; i++) {
		proto = btf__add_func_proto(btf, ret);
		assert_int_equal(btf__add_func_param(btf, "s1__ign", text), 0);
		assert_int_equal(btf__add_func_param(btf, "s2__ign", text), 0);
		if (i)
			assert_int_equal(btf__add_func_param(btf, "len", size), 0);
		ids[i] = btf__add_func(btf, names[i], BTF_FUNC_STATIC, (u32)proto);
		assert_true(ids[i] > 0);
	}
}

/* fn(&value[0], &value[TEXT], *(u64 *)ctx); the second string is at @second. */
static int load(struct engine *e, s32 fn, u32 second)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 3, .src_reg = 1 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = e->map },
		{ 0 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = 2,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = e->map },
		{ .imm = (s32)second },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = fn },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE, .log_buf = log,
		    .log_size = sizeof(log), .log_level = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "strings", "GPL", insns, ARRAY_SIZE(insns),
			       &opts);

	if (fd < 0)
		fail_msg("%d: %s", fd, log);
	return fd;
}

static s32 call(struct engine *e, int prog, const char *value, u64 len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &len, .ctx_size_in = sizeof(len));
	u32 zero = 0;

	skep_front_use(e->sys);
	assert_int_equal(bpf_map_update_elem(e->map, &zero, value, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	skep_front_use(NULL);
	return (s32)opts.retval;
}

static s32 sign(int v)
{
	return (v > 0) - (v < 0);
}

/* @b in the first @len characters of @a, or -ENOENT. */
static s32 find(const char *a, const char *b, size_t len)
{
	char *part = strndup(a, len), *at = strcasestr(part, b);
	s32 ret = at ? (s32)(at - part) : -ENOENT;

	free(part);
	return ret;
}

static void check(const char *value, u64 len)
{
	const char *a = value, *b = value + TEXT;

	for (u32 i = 0; i < 2; i++) {
		struct engine *e = &engines[i];

		assert_int_equal(call(e, e->prog[0], value, 0), find(a, b, TEXT));
		assert_int_equal(call(e, e->prog[1], value, len), find(a, b, len));
		assert_int_equal(call(e, e->prog[2], value, len), sign(strncasecmp(a, b, len)));
	}
}

/* Few letters, so that strings are often parts of each other. */
static void random_strings(void **state)
{
	static const char letters[] = "aAbB[@";
	char *value = calloc(1, VALUE);
	u32 n[2];

	srandom(1);
	for (u32 r = 0; r < ROUNDS; r++) {
		memset(value, 0, 2 * TEXT);
		n[0] = (u32)random() % (r % 2 ? 12 : TEXT);
		n[1] = (u32)random() % 5;
		for (u32 k = 0; k < 2; k++)
			for (u32 i = 0; i < n[k]; i++)
				value[k * TEXT + i] = letters[random() % (r % 3 ? 4 : 6)];
		check(value, (u64)random() % (r % 2 ? 12 : TEXT));
	}
	free(value);
}

static void edges(void **state)
{
	char *value = calloc(1, VALUE);
	int prog;

	check(value, 0); /* both empty */
	strcpy(value, "\xc1"
		      "b");
	strcpy(value + TEXT, "\xe1"
			     "B"); /* bytes that are no letters are themselves */
	check(value, 2);
	/* No end within 64 KiB. */
	memset(value, 'x', VALUE);
	for (u32 i = 0; i < 2; i++) {
		struct engine *e = &engines[i];

		assert_int_equal(call(e, e->prog[0], value, 0), -E2BIG);
		assert_int_equal(call(e, e->prog[1], value, -1ULL), -E2BIG);
		assert_int_equal(call(e, e->prog[2], value, -1ULL), -E2BIG);
		assert_int_equal(call(e, e->prog[2], value, TOO_BIG), -E2BIG);
		assert_int_equal(call(e, e->prog[2], value, TOO_BIG - 1), 0);
		assert_int_equal(call(e, e->prog[1], value, 20), -ENOENT);
		skep_front_use(e->sys);
		prog = load(e, ids[2], 2 * TEXT + 1);
		skep_front_use(NULL);
		assert_int_equal(call(e, prog, value, 9), 0);
		skep_front_use(e->sys);
		close(prog);
		skep_front_use(NULL);
	}
	free(value);
}

/* An older kernel does not have them, whatever its BTF says. */
static void not_before(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .btf = types };
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = ids[0] },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load_opts, .prog_flags = BPF_F_SLEEPABLE);
	struct skep_system *sys = skep_system_new(&opts);

	assert_non_null(sys);
	skep_front_use(sys);
	assert_int_equal(
		bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "strings", "GPL", insns, 2, &load_opts),
		-EACCES);
	skep_front_use(NULL);
	skep_system_free(sys);
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "7.0", .btf = types };
	struct btf *btf = btf__new_empty();
	const void *data;
	u32 size;
	int fd;

	if (!btf)
		return -1;
	add_functions(btf);
	data = btf__raw_data(btf, &size);
	fd = mkstemp(types);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return -1;
	close(fd);
	btf__free(btf);
	for (u32 i = 0; i < 2; i++) {
		struct engine *e = &engines[i];

		opts.jit = i ? "off" : "on";
		e->sys = skep_system_new(&opts);
		if (!e->sys)
			return -1;
		skep_front_use(e->sys);
		e->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "value", 4, VALUE, 1, NULL);
		for (u32 k = 0; k < 3; k++)
			e->prog[k] = load(e, ids[k], TEXT);
		skep_front_use(NULL);
	}
	return 0;
}

static int end(void **state)
{
	for (u32 i = 0; i < 2; i++)
		skep_system_free(engines[i].sys);
	unlink(types);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_strings),
		cmocka_unit_test(edges),
		cmocka_unit_test(not_before),
	};

	return cmocka_run_group_tests_name("string functions", tests, begin, end);
}
