/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Test runs by both engines (jit_mode JIT_COMPARE): equal programs pass even when they
 * ask for the time, for random numbers and for the CPU, and count their effects once;
 * with the compiled code exchanged for wrong code, each kind of difference is named.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "object/map_array.h"
#include "object/object.h"
#include "object/packet.h"
#include "tests/lib/hand_prog.h"
#include "tests/lib/system_fixture.h"

#define CALL(id) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define MAP_FD(d, fd)                                                                              \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

struct fixture {
	struct skep_system *sys;
	int map, prog;
	struct bpf_prog *p;
	bpf_entry_t right;
};

static bpf_entry_t right; /* what the wrong entries begin with */

/* XDP: counts in the map, writes time, random number and CPU into the packet, returns 2. */
static void setup(struct fixture *f)
{
	struct object *o;
	int err;

	f->sys = system_for(NULL);
	assert_non_null(f->sys);
	f->sys->jit_mode = JIT_COMPARE;
	f->map = sys_map_create(f->sys, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	assert_true(f->map >= 0);
	struct bpf_insn insns[] = {
		MOV_X(6, 1),
		ST(BPF_W, 10, -4, 1),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		MAP_FD(1, f->map),
		CALL(BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 15),
		MOV_K(1, 1),
		ATOMIC(BPF_DW, BPF_ADD, 0, 1, 0),
		CALL(BPF_FUNC_ktime_get_ns),
		MOV_X(7, 0),
		CALL(BPF_FUNC_get_prandom_u32),
		MOV_X(8, 0),
		CALL(BPF_FUNC_get_smp_processor_id),
		LDX(BPF_W, 2, 6, 0),
		LDX(BPF_W, 3, 6, 4),
		MOV_X(4, 2),
		ALU64_K(BPF_ADD, 4, 24),
		JMP_X(BPF_JGT, 4, 3, 3),
		STX(BPF_DW, 2, 7, 0),
		STX(BPF_DW, 2, 8, 8),
		STX(BPF_DW, 2, 0, 16),
		MOV_K(0, 2),
		EXIT(),
	};
	f->prog = sys_prog_load(f->sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns), NULL, 0);
	assert_true(f->prog >= 0);
	o = object_get_fd(f->sys, f->prog, OBJECT_PROG, &err);
	assert_non_null(o);
	f->p = ((struct prog_object *)o)->prog;
	object_put(o);
	assert_non_null(f->p->entry);
	right = f->right = f->p->entry;
}

static void teardown(struct fixture *f)
{
	f->p->entry = f->right;
	skep_system_free(f->sys);
}

static int run(struct fixture *f, u32 *retval)
{
	u8 in[64] = { 0 }, out[64];
	union bpf_attr attr = { 0 };
	int err;

	attr.test.prog_fd = f->prog;
	attr.test.data_in = (uintptr_t)in;
	attr.test.data_size_in = sizeof(in);
	attr.test.data_out = (uintptr_t)out;
	attr.test.data_size_out = sizeof(out);
	attr.test.repeat = 3;
	err = skep_bpf(f->sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	*retval = attr.test.retval;
	return err;
}

static u64 count(struct fixture *f)
{
	u32 key = 1;
	u64 v = 0;

	assert_int_equal(sys_map_lookup(f->sys, f->map, &key, &v), 0);
	return v;
}

static void test_equal(void **unused)
{
	struct fixture f;
	u32 ret;

	setup(&f);
	assert_int_equal(run(&f, &ret), 0);
	assert_int_equal(ret, 2);
	assert_int_equal(count(&f), 3); /* not 6: the first of each pair was taken back */
	teardown(&f);
}

static u64 wrong_result(const void *ctx, struct bpf_run *run)
{
	return right(ctx, run) + 1;
}

static u64 wrong_packet(const void *ctx, struct bpf_run *run)
{
	u64 r0 = right(ctx, run);

	((const struct xdp_buff *)ctx)->data[40] ^= 1;
	return r0;
}

static struct bpf_array *wrong_array;

static u64 wrong_map_value(const void *ctx, struct bpf_run *run)
{
	u64 r0 = right(ctx, run);

	wrong_array->value[3 * wrong_array->elem_size] ^= 0x10;
	return r0;
}

static void expect(struct fixture *f, bpf_entry_t entry, const char *text)
{
	struct skep_refusal why = { .sz = sizeof(why) };
	u32 ret;

	f->p->entry = entry;
	assert_int_equal(run(f, &ret), -EFAULT);
	assert_int_equal(skep_last_refusal(f->sys, &why), 0);
	if (!strstr(why.message, text))
		fail_msg("expected \"%s\" in \"%s\"", text, why.message);
	f->p->entry = f->right;
	assert_int_equal(run(f, &ret), 0);
}

static void test_differences(void **unused)
{
	struct fixture f;
	struct object *o;
	int err;

	setup(&f);
	o = object_get_fd(f.sys, f.map, OBJECT_MAP, &err);
	wrong_array = (struct bpf_array *)((struct map_object *)o)->map;
	object_put(o);
	expect(&f, wrong_result, "interpreter and JIT disagree: R0 at byte 0: 2, 3");
	expect(&f, wrong_packet, "interpreter and JIT disagree: context and packet at byte ");
	expect(&f, wrong_map_value, "interpreter and JIT disagree: ");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
