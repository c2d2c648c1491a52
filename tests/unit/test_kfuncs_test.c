/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The functions that kernels before 6.4 have for tests (tests/bpf/test_kfuncs.bpf.c), with types that
 * list them: skep's own, to which they are added here. Where the running kernel has them, it is asked
 * the same.
 */
#include "base/types.h"
#include "base/uapi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "btf/builtin.h"
#include "skep/skep.h"

static char types[] = "/tmp/skep-test-kfuncs.XXXXXX";

/* ---- the types ---- */

static const struct {
	const char *name;
	u32 size;
	struct {
		const char *type, *name;
		u32 off;
	} members[5];
} structs[] = {
	{ "prog_test_member1", 4, { { "int", "a", 0 } } },
	{ "prog_test_member", 8, { { "struct prog_test_member1", "m", 0 }, { "int", "c", 4 } } },
	{ "prog_test_ref_kfunc",
	  32,
	  { { "int", "a", 0 },
	    { "int", "b", 4 },
	    { "struct prog_test_member", "memb", 8 },
	    { "struct prog_test_ref_kfunc*", "next", 16 },
	    { "int", "cnt", 24 } } },
	{ "pass1_inmost", 4, { { "int", "x3", 0 } } },
	{ "pass1_inner", 8, { { "int", "x2", 0 }, { "struct pass1_inmost", "", 4 } } },
	{ "pass1_outer", 12, { { "int", "x1", 0 }, { "struct pass1_inner", "", 4 } } },
	{ "prog_test_pass1", 16, { { "int", "x0", 0 }, { "struct pass1_outer", "", 4 } } },
	{ "pass2_inner", 72, { { "char[4]", "arr2", 0 }, { "long[8]", "arr3", 8 } } },
	{ "prog_test_pass2",
	  88,
	  { { "int", "len", 0 }, { "short[4]", "arr1", 4 }, { "struct pass2_inner", "x", 16 } } },
	{ "prog_test_fail1", 16, { { "void*", "p", 0 }, { "int", "x", 8 } } },
	{ "prog_test_fail2", 20, { { "int", "x8", 0 }, { "struct prog_test_pass1", "x", 4 } } },
	{ "prog_test_fail3",
	  8,
	  { { "int", "len", 0 }, { "char[2]", "arr1", 4 }, { "char[0]", "arr2", 6 } } },
};

#define OBJ "struct prog_test_ref_kfunc*"
static const struct {
	const char *name, *ret;
	const char *args[10]; /* type, name */
} functions[] = {
	{ "test1",
	  "long",
	  { "struct sock*", "sk", "u32", "a", "long", "b", "u32", "c", "long", "d" } },
	{ "test2", "int", { "struct sock*", "sk", "u32", "a", "u32", "b" } },
	{ "test3", "struct sock*", { "struct sock*", "sk" } },
	{ "test_acquire", OBJ, { "long*", "scalar_ptr" } },
	{ "memb_acquire", "struct prog_test_member*", { NULL } },
	{ "test_release", "void", { OBJ, "p" } },
	{ "memb_release", "void", { "struct prog_test_member*", "p" } },
	{ "memb1_release", "void", { "struct prog_test_member1*", "p" } },
	{ "test_get_rdwr_mem", "int*", { OBJ, "p", "int", "rdwr_buf_size" } },
	{ "test_get_rdonly_mem", "int*", { OBJ, "p", "int", "rdonly_buf_size" } },
	{ "test_acq_rdonly_mem", "int*", { OBJ, "p", "int", "rdonly_buf_size" } },
	{ "int_mem_release", "void", { "int*", "p" } },
	{ "test_kptr_get", OBJ, { OBJ "*", "pp", "int", "a", "int", "b" } },
	{ "test_pass_ctx", "void", { "struct __sk_buff*", "skb" } },
	{ "test_pass1", "void", { "struct prog_test_pass1*", "p" } },
	{ "test_pass2", "void", { "struct prog_test_pass2*", "p" } },
	{ "test_fail1", "void", { "struct prog_test_fail1*", "p" } },
	{ "test_fail2", "void", { "struct prog_test_fail2*", "p" } },
	{ "test_fail3", "void", { "struct prog_test_fail3*", "p" } },
	{ "test_mem_len_pass1", "void", { "void*", "mem", "int", "mem__sz" } },
	{ "test_mem_len_fail1", "void", { "void*", "mem", "int", "len" } },
	{ "test_mem_len_fail2", "void", { "long*", "mem", "int", "len" } },
	{ "test_ref", "void", { OBJ, "p" } },
	{ "test_destructive", "void", { NULL } },
};

static int number(struct btf *b, const char *name, size_t size, int encoding)
{
	int id = btf__find_by_name_kind(b, name, BTF_KIND_INT);

	return id > 0 ? id : btf__add_int(b, name, size, encoding);
}

/* A type as the tables above write it. */
static int type_of(struct btf *b, const char *text)
{
	size_t n = strlen(text);
	char inner[64];
	int id;

	snprintf(inner, sizeof(inner), "%.*s", (int)(n - 1), text);
	if (text[n - 1] == '*')
		return btf__add_ptr(b, type_of(b, inner));
	if (text[n - 1] == ']') {
		u32 count = (u32)atoi(strchr(inner, '[') + 1);

		*strchr(inner, '[') = 0;
		id = type_of(b, inner);
		return btf__add_array(b, number(b, "int", 4, BTF_INT_SIGNED), id, count);
	}
	if (!strcmp(text, "void"))
		return 0;
	if (!strncmp(text, "struct ", 7)) {
		id = btf__find_by_name_kind(b, text + 7, BTF_KIND_STRUCT);
		assert_true(id > 0);
		return id;
	}
	if (!strcmp(text, "int"))
		return number(b, "int", 4, BTF_INT_SIGNED);
	if (!strcmp(text, "u32"))
		return number(b, "unsigned int", 4, 0);
	if (!strcmp(text, "short"))
		return number(b, "short", 2, BTF_INT_SIGNED);
	if (!strcmp(text, "char"))
		return number(b, "char", 1, BTF_INT_SIGNED);
	assert_string_equal(text, "long");
	return number(b, "unsigned long", 8, 0);
}

/* What a struct's members need is made before it; a pointer to a struct is one to itself. */
static void add_struct(struct btf *b, u32 row)
{
	bool itself[5];
	int ids[5];
	u32 n;

	for (n = 0; n < 5 && structs[row].members[n].type; n++) {
		const char *type = structs[row].members[n].type;

		itself[n] = !strncmp(type, "struct ", 7) && strchr(type, '*');
		ids[n] = itself[n] ? 0 : type_of(b, type);
	}
	/* the pointer follows the struct */
	for (u32 i = 0; i < n; i++)
		if (itself[i])
			ids[i] = (int)btf__type_cnt(b) + 1;
	assert_true(btf__add_struct(b, structs[row].name, structs[row].size) > 0);
	for (u32 i = 0; i < n; i++)
		assert_int_equal(btf__add_field(b, structs[row].members[i].name, ids[i],
						structs[row].members[i].off * 8, 0),
				 0);
	btf__add_ptr(b, (int)btf__type_cnt(b) - 1);
}

static void add_function(struct btf *b, u32 row)
{
	char name[64];
	int ids[5], ret = type_of(b, functions[row].ret), proto;
	u32 n;

	for (n = 0; n < 5 && functions[row].args[2 * n]; n++)
		ids[n] = type_of(b, functions[row].args[2 * n]);
	proto = btf__add_func_proto(b, ret);
	for (u32 i = 0; i < n; i++)
		btf__add_func_param(b, functions[row].args[2 * i + 1], ids[i]);
	snprintf(name, sizeof(name), "bpf_kfunc_call_%s", functions[row].name);
	assert_true(btf__add_func(b, name, BTF_FUNC_STATIC, proto) > 0);
}

static int make_types(void **state)
{
	struct btf *b = btf__new(skep_builtin_btf, skep_builtin_btf_size);
	const void *bytes;
	u32 size;
	int fd;

	(void)state;
	assert_non_null(b);
	for (u32 i = 0; i < ARRAY_SIZE(structs); i++)
		add_struct(b, i);
	for (u32 i = 0; i < ARRAY_SIZE(functions); i++)
		add_function(b, i);
	bytes = btf__raw_data(b, &size);
	fd = mkstemp(types);
	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	btf__free(b);
	return 0;
}

static int remove_types(void **state)
{
	(void)state;
	unlink(types);
	return 0;
}

/* ---- the programs ---- */

static char words[16384];

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, format, args) : 0;
}

/* The object with nothing but program @name: loaded, or NULL and the log in words. */
static struct bpf_object *load(const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = words,
		    .kernel_log_size = sizeof(words), .kernel_log_level = 1);
	const char *o = getenv("O");
	struct bpf_program *p;
	struct bpf_object *obj;
	char path[256];

	snprintf(path, sizeof(path), "%s/bpf/test_kfuncs.bpf.o", o ? o : "build");
	obj = bpf_object__open_file(path, &opts);
	assert_non_null(obj);
	assert_non_null(bpf_object__find_program_by_name(obj, name));
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	words[0] = 0;
	if (!bpf_object__load(obj))
		return obj;
	bpf_object__close(obj);
	return NULL;
}

static void run(struct bpf_object *obj, const char *name, u64 out[16])
{
	struct bpf_map *bss = bpf_object__find_map_by_name(obj, ".bss");
	char packet[64] = { [12] = 8, [14] = 0x45 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	LIBBPF_OPTS(bpf_test_run_opts, bare);
	bool syscall = !strcmp(name, "of_syscall");
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, name));
	u64 all[16] = { 0 };
	u32 key = 0;

	assert_int_equal(bpf_map__value_size(bss), sizeof(all));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(bss), &key, all, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, syscall ? &bare : &opts), 0);
	assert_int_equal(syscall ? bare.retval : opts.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &key, all), 0);
	memcpy(out, all, sizeof(all));
}

/* The end of the log. */
static const char *why(void)
{
	size_t n = strlen(words);

	return words + (n > 500 ? n - 500 : 0);
}

static void run_once(const char *name, u64 out[16])
{
	struct bpf_object *obj = load(name);

	if (!obj)
		fail_msg("%s: %s", name, why());
	run(obj, name, out);
	bpf_object__close(obj);
}

/* The object's references while nothing but the question holds one, from which maps' last ones may take a while to go. */
static u64 references(u64 want)
{
	u64 out[16];

	for (int i = 0; i < 6000; i++) {
		run_once("count", out);
		if (out[0] == want)
			break;
		usleep(10000);
	}
	return out[0];
}

static void check_results(void)
{
	static const char *const one[] = { "of_syscall", "destroy" };
	static const char *const leaks[] = { "memory_back", "member1_back", "member_back" };
	struct bpf_object *obj;
	u64 out[16], count;
	u32 key = 0;

	run_once("numbers", out);
	assert_int_equal(out[0], 0xfffffffeULL + (1ULL << 40 | 2) + 3 + (1ULL << 50));
	assert_int_equal((s32)out[1], (s32)0x80000001);
	assert_int_equal(out[2], 7 /* TCP_CLOSE */);
	assert_int_equal(out[3], 7);

	run_once("count", out);
	count = out[0];
	assert_true(count >= 2);
	run_once("objects", out);
	assert_int_equal(out[0], 42);
	assert_int_equal(out[1], 108);
	assert_int_equal(out[2], count);
	assert_int_equal(out[3], 108);
	assert_int_equal(out[4], 1);
	assert_int_equal(out[5], count + 1);
	assert_int_equal(out[6], count);
	assert_int_equal(out[7], 108);
	assert_int_equal(out[8], 43);
	assert_int_equal(out[9], 43);
	assert_int_equal(out[10], 1);
	assert_int_equal(references(count), count);

	obj = load("keep");
	if (!obj)
		fail_msg("%s", why());
	for (int i = 0; i < 3; i++) {
		run(obj, "keep", out);
		assert_int_equal(out[0], i > 0);
		assert_int_equal(out[1], 108);
		assert_int_equal(out[2], count + 1); /* the map's and the program's */
		assert_int_equal(out[3], count);
	}
	assert_int_equal(references(count + 1), count + 1);
	/* What is written over the value lets go of it. */
	assert_int_equal(bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "held"), &key,
					     (u64[4]){ 0 }, 0),
			 0);
	assert_int_equal(references(count), count);
	run(obj, "keep", out);
	assert_int_equal(out[0], 0);
	bpf_object__close(obj);
	assert_int_equal(references(count), count);

	run_once("arguments", out);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], 1);
	for (u32 i = 0; i < ARRAY_SIZE(one); i++) {
		run_once(one[i], out);
		assert_int_equal(out[0], 1);
	}
	for (u32 i = 0; i < ARRAY_SIZE(leaks); i++) {
		run_once(leaks[i], out);
		assert_int_equal(out[0], 1);
		assert_int_equal(references(count + i + 1), count + i + 1);
	}
}

static void check_refusals(void)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "bad_write", "R0 cannot write into rdonly_mem" },
		{ "bad_bounds", "invalid access to memory, mem_size=8 off=32 size=4" },
		{ "bad_size", "R2 is not a const" },
		{ "bad_acquire", "acquire kernel function does not return PTR_TO_BTF_ID" },
		{ "bad_ref", "R1 must be referenced" },
		{ "bad_member", "R1 must have zero offset when passed to release func" },
		{ "bad_leak", "Unreleased reference id=" },
		{ "bad_null",
		  "arg#0 pointer type STRUCT prog_test_ref_kfunc must point to scalar" },
		{ "bad_release", "bpf_kfunc_call_memb1_release expects refcounted PTR_TO_BTF_ID" },
		{ "bad_get_value", "arg#0 expected pointer to map value" },
		{ "bad_get_none", "arg#0 no referenced kptr at map value offset=24" },
		{ "bad_get_unref", "arg#0 no referenced kptr at map value offset=8" },
		{ "bad_get_type", "bpf_kfunc_call_test_kptr_get args#0 expected pointer to STRUCT "
				  "prog_test_ref_kfunc" },
		{ "bad_get_leak", "Unreleased reference id=" },
		{ "bad_get_offset", "arg#0 must have constant offset" },
		{ "bad_pointer", "arg#0 pointer type STRUCT prog_test_fail1 must point to scalar" },
		{ "bad_depth", "max struct nesting depth exceeded\n"
			       "arg#0 pointer type STRUCT prog_test_fail2 must point to scalar" },
		{ "bad_open", "arg#0 pointer type STRUCT prog_test_fail3 must point to scalar" },
		{ "bad_void", "arg#0 pointer type UNKNOWN  must point to scalar" },
		{ "bad_ctx", "arg#0 expected pointer to ctx, but got PTR" },
		{ "bad_len", "arg#0 arg#1 memory, len pair leads to invalid memory access" },
		{ "bad_type",
		  "calling kernel function bpf_kfunc_call_test_mem_len_fail2 is not allowed" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (load(rows[i].name))
			fail_msg("%s is accepted", rows[i].name);
		if (!strstr(words, rows[i].words))
			fail_msg("%s: %s", rows[i].name, why());
	}
}

/* Of kernel @kernel, as compiled or interpreted. */
static struct skep_system *system_of(const char *kernel, const char *jit, const char *caps)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = kernel, .jit = jit, .btf = types, .caps = caps
	};
	struct skep_system *sys = skep_system_new(&opts);

	assert_non_null(sys);
	skep_front_use(sys);
	return sys;
}

static void test_calls(void **state)
{
	struct skep_system *sys = system_of("6.1", *state, "full");

	check_results();
	check_refusals();
	skep_front_use(NULL);
	skep_system_free(sys);
}

static void test_running_kernel(void **state)
{
	struct btf *b = btf__load_vmlinux_btf();
	bool has =
		b && btf__find_by_name_kind(b, "bpf_kfunc_call_test_kptr_get", BTF_KIND_FUNC) > 0;

	(void)state;
	btf__free(b);
	if (!has || geteuid()) {
		print_message(
			"# SKIP: the running kernel has none of them, or does not permit it\n");
		skip();
	}
	check_results();
	check_refusals();
}

/* Since 6.2 an argument that is taken on trust cannot be NULL. */
static void test_trust(void **state)
{
	struct skep_system *sys = system_of("6.2", "on", "full");

	(void)state;
	assert_null(load("bad_null"));
	assert_non_null(strstr(words, "Possibly NULL pointer passed to trusted arg0"));
	skep_front_use(NULL);
	skep_system_free(sys);
}

/* What destroys asks for the right to restart the machine, which no other right brings. */
static void test_destructive(void **state)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[2], less[2];
	struct skep_system *sys;
	struct bpf_object *obj;

	(void)state;
	assert_int_equal(syscall(SYS_capget, &head, had), 0);
	if (!(had[0].effective & 1U << CAP_SYS_BOOT) || !(had[0].effective & 1U << CAP_SYS_ADMIN)) {
		print_message("# SKIP: not root\n");
		skip();
	}
	sys = system_of("6.1", "on", "real");
	obj = load("destroy");
	assert_non_null(obj);
	bpf_object__close(obj);
	memcpy(less, had, sizeof(less));
	less[0].effective &= ~(1U << CAP_SYS_BOOT);
	assert_int_equal(syscall(SYS_capset, &head, less), 0);
	obj = load("destroy");
	assert_int_equal(syscall(SYS_capset, &head, had), 0);
	assert_null(obj);
	assert_non_null(strstr(words, "destructive kfunc calls require CAP_SYS_BOOT"));
	skep_front_use(NULL);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ .name = "compiled", .test_func = test_calls, .initial_state = "on" },
		{ .name = "interpreted", .test_func = test_calls, .initial_state = "off" },
		cmocka_unit_test(test_running_kernel),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_destructive),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("functions for tests", tests, make_types, remove_types);
}
