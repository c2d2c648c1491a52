/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One CO-RE object on three kernels that differ in their types: the host's, the
 * built-in one, and one made up. libbpf relocates against the kernel types that the
 * system shows, so loading, verifying and running agree on every offset.
 */
#include "tests/lib/btf_blob.h"

#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skep/skep.h"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

static int run(struct bpf_object *obj, const char *name)
{
	static const char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	assert_non_null(prog);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.retval;
}

/* The offset of the @n-th (from 0) load through a pointer. */
static int load_offset(struct bpf_object *obj, const char *name, int n)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);
	const struct bpf_insn *insn = (const void *)bpf_program__insns(prog);
	size_t len = bpf_program__insn_cnt(prog), i;

	for (i = 0; i < len; i++)
		if ((insn[i].code & 0x67) == 0x61 && !n--) /* BPF_LDX | BPF_MEM */
			return insn[i].off;
	return -1;
}

struct layout {
	u32 pid, tgid, parent, size, comm;
};

/* @path NULL: the host's types. What the object saw there is returned in *@l. */
static void try_kernel(const char *path, struct layout *l)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .btf = path };
	struct skep_system *sys;
	struct btf_member_at at;
	char *file = build_path("bpf/core.bpf.o");
	const char *origin;
	struct bpf_object *obj;
	struct btf *btf;
	u32 task;

	assert_int_equal(btf_load_kernel(path, (void *)&btf, &origin), 0);
	task = btf_find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	assert_int_equal(btf_member_find(btf, task, "pid", &at), 0);
	l->pid = at.bit_offset / 8;
	assert_int_equal(btf_member_find(btf, task, "tgid", &at), 0);
	l->tgid = at.bit_offset / 8;
	assert_int_equal(btf_member_find(btf, task, "real_parent", &at), 0);
	l->parent = at.bit_offset / 8;
	assert_int_equal(btf_member_find(btf, task, "comm", &at), 0);
	assert_int_equal(btf_type_size(btf, at.type_id, &l->comm), 0);
	assert_int_equal(btf_type_size(btf, task, &l->size), 0);
	btf_free(btf);

	sys = skep_system_new(&opts);
	assert_non_null(sys);
	skep_front_use(sys);
	obj = bpf_object__open_file(file, NULL);
	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	assert_int_equal(run(obj, "pid_offset"), l->pid);
	assert_int_equal(run(obj, "tgid_offset"), l->tgid);
	assert_int_equal(run(obj, "comm_size"), l->comm);
	assert_int_equal(run(obj, "type_size"), l->size);
	assert_int_equal(run(obj, "exists"), 1 << 0 | 1 << 2);
	/* the first load is of the context */
	assert_int_equal(load_offset(obj, "parent_pid", 1), l->parent);
	assert_int_equal(load_offset(obj, "parent_pid", 2), l->pid);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	mem_free(file);
}

static void test_three_kernels(void **state)
{
	char *builtin = build_path("gen/builtin_btf.o.bpf"),
	     *other = build_path("bpf/other_kernel.bpf.o");
	struct layout host, own, odd;

	libbpf_set_print(quiet);
	try_kernel(builtin, &own);
	try_kernel(other, &odd);
	assert_int_equal(odd.pid, 32 + 8 + 40 + 8);
	assert_int_equal(odd.comm, 32);
	assert_int_not_equal(own.pid, odd.pid);
	assert_int_not_equal(own.parent, odd.parent);
	assert_int_not_equal(own.size, odd.size);
	if (access(BTF_HOST_PATH, R_OK)) {
		print_message("# the host shows no kernel types: two kernels only\n");
	} else {
		try_kernel(NULL, &host);
		assert_int_not_equal(host.pid, own.pid);
		assert_int_not_equal(host.pid, odd.pid);
		assert_int_not_equal(host.size, own.size);
	}
	mem_free(builtin);
	mem_free(other);
}

/* An object that needs a field which the kernel lacks is refused, not loaded with a guess. */
static void test_missing_type(void **state)
{
	char *empty = build_path("bpf/kinds.bpf.o"), *file = build_path("bpf/core.bpf.o");
	struct skep_system_opts opts = { .sz = sizeof(opts), .btf = empty };
	struct skep_system *sys = skep_system_new(&opts);
	struct bpf_object *obj;

	libbpf_set_print(NULL);
	assert_non_null(sys);
	skep_front_use(sys);
	obj = bpf_object__open_file(file, NULL);
	assert_non_null(obj);
	assert_true(bpf_object__load(obj) < 0);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	mem_free(empty);
	mem_free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_kernels),
		cmocka_unit_test(test_missing_type),
	};

	return cmocka_run_group_tests_name("btf_core", tests, NULL, NULL);
}
