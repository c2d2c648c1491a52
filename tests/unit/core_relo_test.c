/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE records that the loader leaves to the kernel, as light skeletons do: what becomes of each
 * program (its tag) is what libbpf makes of it, and what the running kernel does. Records that are
 * wrong are refused with the kernel's errno and words.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf/skel_internal.h>

#include "../lib/btf_blob.h"
#include "../lib/kernel.h"
#include "base/types.h"
#include "skep/skep.h"

#define PROGS 16

struct result {
	int err;
	u32 n;
	char names[PROGS][BPF_OBJ_NAME_LEN];
	u8 tags[PROGS][8];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, format, args) : 0;
}

static void take_tag(struct result *r, int fd)
{
	struct bpf_prog_info info = { 0 };
	u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	assert_true(r->n < PROGS);
	memcpy(r->names[r->n], info.name, sizeof(info.name));
	memcpy(r->tags[r->n++], info.tag, 8);
}

static struct bpf_object *open_object(const char *name, u32 maps)
{
	char path[64], *file;
	struct bpf_object *obj;
	struct bpf_map *map;
	u32 n = 0;

	snprintf(path, sizeof(path), "bpf/%s.bpf.o", name);
	file = build_path(path);
	obj = bpf_object__open_file(file, NULL);
	assert_non_null(obj);
	bpf_object__for_each_map(map, obj) n++;
	assert_int_equal(n, maps);
	mem_free(file);
	return obj;
}

static void load_by_libbpf(struct skep_system *sys, const char *name, struct result *r)
{
	struct bpf_object *obj;
	struct bpf_program *p;

	memset(r, 0, sizeof(*r));
	skep_front_use(sys);
	obj = open_object(name, 0);
	r->err = bpf_object__load(obj);
	if (!r->err)
		bpf_object__for_each_program(p, obj) take_tag(r, bpf_program__fd(p));
	bpf_object__close(obj);
	skep_front_use(NULL);
}

/* By the program that libbpf makes of the object, which loads it with bpf(2) of its own. */
static void load_by_itself(struct skep_system *sys, const char *name, struct result *r)
{
	DECLARE_LIBBPF_OPTS(gen_loader_opts, gen);
	struct {
		struct bpf_loader_ctx ctx;
		struct bpf_prog_desc progs[PROGS];
	} data = { 0 };
	struct bpf_load_and_run_opts run = { .ctx = &data.ctx };
	struct bpf_object *obj;
	struct bpf_program *p;
	u32 n = 0;

	memset(r, 0, sizeof(*r));
	skep_front_use(sys);
	obj = open_object(name, 0);
	assert_int_equal(bpf_object__gen_loader(obj, &gen), 0);
	assert_int_equal(bpf_object__load(obj), 0);
	bpf_object__for_each_program(p, obj) n++;
	data.ctx.sz = (u32)(sizeof(data.ctx) + n * sizeof(data.progs[0]));
	run.insns = gen.insns;
	run.insns_sz = gen.insns_sz;
	run.data = gen.data;
	run.data_sz = gen.data_sz;
	r->err = bpf_load_and_run(&run);
	for (u32 i = 0; i < n && !r->err; i++) {
		take_tag(r, data.progs[i].prog_fd);
		close(data.progs[i].prog_fd);
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
}

static void same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->n, b->n);
	for (u32 i = 0; i < a->n; i++) {
		assert_string_equal(a->names[i], b->names[i]);
		if (memcmp(a->tags[i], b->tags[i], 8))
			fail_msg("program %s differs", a->names[i]);
	}
}

static void test_programs(void **state)
{
	static const char *const objects[] = { "core", "core_relo" };
	struct skep_system *sys = system_for(NULL);
	struct result libbpf, own, kernel;

	libbpf_set_print(quiet);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
		load_by_libbpf(sys, objects[i], &libbpf);
		assert_int_equal(libbpf.err, 0);
		load_by_itself(sys, objects[i], &own);
		assert_int_equal(own.err, 0);
		assert_true(own.n > 5);
		same(&libbpf, &own);
		load_by_itself(NULL, objects[i], &kernel);
		if (kernel.err || access(BTF_HOST_PATH, R_OK))
			print_message("%s: not compared with the running kernel (%d)\n", objects[i],
				      kernel.err);
		else
			same(&kernel, &own);
	}
	skep_system_free(sys);
}

/* ---- records that are wrong ---- */

struct wrong {
	struct bpf_core_relo relo;
	struct bpf_insn insn;
	u32 rec_size;
	int err; /* of Linux */
	const char *words;
};

/* In the strings below. */
enum {
	STR_INT = 1,
	STR_0 = 5,
	STR_FOO = 7,
	STR_LIST = 11,
	STR_NEXT = 21,
	STR_00 = 26,
	STR_07 = 30,
	STR_X = 34
};
static const char strings[] = "\0int\0000\0foo\0list_head\0next\0000:0\0000:7\0x";

enum { T_VOIDP = 1, T_INT, T_PROTO, T_FUNC, T_LIST, T_ANON };

static int load_btf(struct skep_system *sys)
{
	struct {
		struct btf_header hdr;
		u32 types[29];
		char strings[sizeof(strings)];
	} blob = {
		.hdr = { .magic = 0xeb9f, .version = 1, .hdr_len = sizeof(struct btf_header),
			 .type_len = sizeof(blob.types), .str_off = sizeof(blob.types),
			 .str_len = sizeof(strings) },
		.types = {
			0, BTF_KIND_PTR << 24, 0,
			STR_INT, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32,
			0, BTF_KIND_FUNC_PROTO << 24 | 1, T_INT, STR_X, T_VOIDP,
			STR_FOO, BTF_KIND_FUNC << 24, T_PROTO,
			STR_LIST, BTF_KIND_STRUCT << 24 | 1, 8, STR_NEXT, T_VOIDP, 0,
			0, BTF_KIND_STRUCT << 24 | 1, 8, STR_NEXT, T_VOIDP, 0,
			0, 0,
		},
	};
	union bpf_attr attr = { 0 };

	blob.hdr.type_len = blob.hdr.str_off = 27 * sizeof(u32);
	memcpy(&blob.types[27], strings, sizeof(strings));
	attr.btf = (u64)&blob;
	attr.btf_size = (u32)(sizeof(blob.hdr) + 27 * sizeof(u32) + sizeof(strings));
	return sys ? skep_bpf(sys, BPF_BTF_LOAD, &attr, sizeof(attr)) :
		     kernel_bpf_raw(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static int load_wrong(struct skep_system *sys, const struct wrong *w, char log[8192])
{
	struct bpf_insn insns[] = {
		w->insn,
		/* Refused in any case, else the log would be dropped: R5 has nothing. */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .src_reg = 5 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_func_info func = { .type_id = T_FUNC };
	int btf = load_btf(sys), fd;
	union bpf_attr attr = { 0 };
	u8 record[32] = { 0 };

	assert_true(btf >= 0);
	memcpy(record, &w->relo, sizeof(w->relo));
	record[24] = w->rec_size > 24 ? 1 : 0;
	memset(log, 0, 8192);
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (u64) "GPL";
	attr.log_level = 1;
	attr.log_buf = (u64)log;
	attr.log_size = 8192;
	attr.prog_btf_fd = (u32)btf;
	attr.func_info = (u64)&func;
	attr.func_info_cnt = 1;
	attr.func_info_rec_size = sizeof(func);
	attr.core_relos = (u64)record;
	attr.core_relo_cnt = 1;
	attr.core_relo_rec_size = w->rec_size ? w->rec_size : sizeof(w->relo);
	fd = sys ? skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr)) :
		   kernel_bpf_raw(BPF_PROG_LOAD, &attr, sizeof(attr));
	close(btf);
	assert_true(fd < 0);
	return fd == -EACCES ? 0 : fd;
}

/* What is said before the program itself is looked at. */
static char *before_verdict(char *log)
{
	static const char *const first[] = { "arg#0", "0: R1" };
	char *end;

	for (u32 i = 0; i < ARRAY_SIZE(first); i++)
		if ((end = strstr(log, first[i])))
			*end = 0;
	return log;
}

static void test_wrong_records(void **state)
{
	const struct bpf_insn one = { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
			      mov = { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 8 },
			      add_reg = { .code = BPF_ALU64 | BPF_ADD | BPF_X },
			      imm64 = { .code = BPF_LD | BPF_IMM | BPF_DW };
	const struct wrong cases[] = {
		{ { 0, 100500, STR_0, BPF_CORE_TYPE_ID_LOCAL },
		  mov,
		  0,
		  -EINVAL,
		  "relo #0: bad type id 100500" },
		{ { 4, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_OFFSET },
		  mov,
		  0,
		  -EINVAL,
		  "Invalid core_relo[0].insn_off:4 prog->len:3" },
		{ { 24, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_OFFSET },
		  mov,
		  0,
		  -EINVAL,
		  "Invalid core_relo[0].insn_off:24 prog->len:3" },
		{ { 0, T_LIST, STR_07, BPF_CORE_FIELD_BYTE_OFFSET },
		  mov,
		  0,
		  -EINVAL,
		  "parsing [5] STRUCT list_head + 0:7 failed: -22" },
		{ { 0, T_LIST, STR_INT, BPF_CORE_FIELD_BYTE_OFFSET },
		  mov,
		  0,
		  -EINVAL,
		  "parsing [5] STRUCT list_head + int failed: -22" },
		{ { 0, T_LIST, STR_00, BPF_CORE_TYPE_EXISTS },
		  mov,
		  0,
		  -EINVAL,
		  "parsing [5] STRUCT list_head + 0:0 failed: -22" },
		{ { 0, T_LIST, STR_0, 77 },
		  mov,
		  0,
		  -EINVAL,
		  "parsing [5] STRUCT list_head + 0 failed: -22" },
		{ { 0, T_ANON, STR_00, BPF_CORE_FIELD_EXISTS },
		  mov,
		  0,
		  -EINVAL,
		  "target candidate search failed for 6" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_OFFSET },
		  mov,
		  0,
		  -EINVAL,
		  "unexpected insn #0 (ALU/ALU64) value: got 8, exp 0 -> 0" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_OFFSET }, add_reg, 0, -EINVAL, "" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_SIZE },
		  imm64,
		  0,
		  -EINVAL,
		  "insn #0 (LDIMM64) has unexpected form" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_EXISTS }, mov, 12, -EINVAL, "" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_EXISTS }, mov, 30, -EINVAL, "" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_EXISTS },
		  mov,
		  28,
		  -E2BIG,
		  "nonzero tailing record in core_relo" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_BYTE_SIZE },
		  mov,
		  0,
		  0,
		  "patched insn #0 (ALU/ALU64) imm 8 -> 8" },
		{ { 0, T_LIST, STR_0, BPF_CORE_TYPE_MATCHES }, one, 0, 0, "" },
		{ { 0, T_LIST, STR_0, BPF_CORE_TYPE_EXISTS }, one, 0, 0, "imm 1 -> 1" },
		{ { 0, T_LIST, STR_0, BPF_CORE_TYPE_SIZE }, mov, 0, 0, "imm 8 -> 16" },
		{ { 0, T_LIST, STR_0, BPF_CORE_TYPE_ID_TARGET }, mov, 0, 0, "" },
		{ { 0, T_LIST, STR_0, BPF_CORE_TYPE_ID_LOCAL }, mov, 0, 0, "imm 8 -> 5" },
		{ { 0, T_INT, STR_0, BPF_CORE_TYPE_SIZE }, mov, 0, -EINVAL, "got 8, exp 4 -> 4" },
		{ { 0, T_LIST, STR_00, BPF_CORE_FIELD_LSHIFT_U64 }, mov, 0, -EINVAL, "" },
		{ { 0, T_LIST, STR_00, BPF_CORE_ENUMVAL_VALUE }, mov, 0, -EINVAL, "failed: -22" },
	};
	struct skep_system *sys = system_for(NULL);
	int with_kernel = load_btf(NULL);
	char logs[2][8192], *log;

	if (with_kernel >= 0)
		close(with_kernel);
	else
		print_message("not compared with the running kernel (%d)\n", with_kernel);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int who = 0; who < 1 + (with_kernel >= 0); who++) {
			int err = load_wrong(who ? NULL : sys, &cases[i], log = logs[who]);

			if (err != cases[i].err || !strstr(log, cases[i].words))
				fail_msg("%s, case %u: %d, %s", who ? "kernel" : "skep", i, err,
					 log);
		}
		/* Line by line what was tried, with the kernel's ids. */
		if (with_kernel >= 0 && !cases[i].err)
			assert_string_equal(before_verdict(logs[0]), before_verdict(logs[1]));
	}
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_wrong_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
