/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Pinned maps read as files: the same text here and on the running kernel. */
#include "base/uapi.h"

#include "base/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

enum { SKEP, KERNEL, SIDES };

struct value {
	int number;
	unsigned bits : 3, rest : 29;
	char text[4];
	unsigned kind;
	u64 wide;
};

static struct skep_system *sys;
static char path[64];
static int key_id, int_id, value_id;

static struct btf *types(void)
{
	struct btf *b = btf__new_empty();
	int text, chr, wide;

	key_id = btf__add_int(b, "unsigned int", 4, 0);
	int_id = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	chr = btf__add_int(b, "char", 1, BTF_INT_CHAR);
	wide = btf__add_int(b, "u64", 8, 0);
	text = btf__add_array(b, key_id, chr, 4);
	btf__add_enum(b, "kind", 4);
	btf__add_enum_value(b, "NONE", 0);
	btf__add_enum_value(b, "SOME", 2);
	value_id = btf__add_struct(b, "value", sizeof(struct value));
	btf__add_field(b, "number", int_id, 0, 0);
	btf__add_field(b, "bits", key_id, 32, 3);
	btf__add_field(b, "rest", key_id, 35, 29);
	btf__add_field(b, "text", text, 64, 0);
	btf__add_field(b, "kind", text + 1, 96, 0);
	btf__add_field(b, "wide", wide, 128, 0);
	return b;
}

static void use(int side)
{
	skep_front_use(side == SKEP ? sys : NULL);
}

/* What the pin of a map of @type says; its length. */
static u32 text_of(int side, u32 type, bool structs, char *out, u32 size)
{
	u32 cpus = (u32)libbpf_num_possible_cpus(), n = 0;
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct btf *b = types();
	int fd, in;
	long got;

	use(side);
	assert_int_equal(btf__load_into_kernel(b), 0);
	opts.btf_fd = (u32)btf__fd(b);
	opts.btf_key_type_id = (u32)key_id;
	opts.btf_value_type_id = (u32)(structs ? value_id : int_id);
	fd = bpf_map_create(type, "text", 4, structs ? sizeof(struct value) : 4, 3, &opts);
	assert_true(fd >= 0);
	for (u32 k = 0; k < 3; k++) {
		struct value v[64] = { 0 };
		int numbers[128];

		for (u32 cpu = 0; cpu < cpus && cpu < 64; cpu++) {
			v[cpu] = (struct value){ (int)k - 1, k,	    100 + cpu,
						 "a\n",	     2 * k, 1ULL << (20 * k) };
			numbers[2 * cpu] = (int)(k * 10 + cpu) - 5;
		}
		if (k == 1 || type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY)
			assert_int_equal(
				bpf_map_update_elem(fd, &k, structs ? (void *)v : numbers, 0), 0);
	}
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	in = side == SKEP ? open64(path, O_RDONLY) :
			    (int)kernel_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0);
	assert_true(in >= 0);
	while ((got = kernel_call(SYS_read, in, (long)(out + n), size - n - 1, 0, 0)) > 0)
		n += (u32)got;
	out[n] = 0;
	close(in);
	if (side == SKEP)
		unlink(path);
	else
		kernel_call(SYS_unlink, (long)path, 0, 0, 0, 0);
	close(fd);
	btf__free(b);
	return n;
}

static void test_text(void **state)
{
	static const u32 kinds[] = { BPF_MAP_TYPE_ARRAY,    BPF_MAP_TYPE_PERCPU_ARRAY,
				     BPF_MAP_TYPE_HASH,	    BPF_MAP_TYPE_PERCPU_HASH,
				     BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };
	static char text[SIDES][65536];
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4, .value_size = 4, .max_entries = 4
	};
	int fd = kernel_bpf_raw(BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd < 0) {
		print_message("# the running kernel does not let us use bpf(2)\n");
		skip();
	}
	close(fd);
	for (u32 i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		for (int side = 0; side < SIDES; side++)
			assert_true(
				text_of(side, kinds[i / 2], i % 2, text[side], sizeof(text[side])));
		assert_string_equal(text[SKEP], text[KERNEL]);
	}
}

static int setup(void **state)
{
	snprintf(path, sizeof(path), "/sys/fs/bpf/skep-text-%d", getpid());
	sys = system_for(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	use(KERNEL);
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("pin_text", tests, setup, teardown);
}
