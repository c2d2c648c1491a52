/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs and types that would keep a verifier busy for minutes or for ever if something in it
 * took more than about linear time: each has its verdict within seconds. (Those that have many
 * states: verifier_memory_test.c.)
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "btf/btf.h"
#include "tests/lib/bombs.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

#define SECONDS 20 /* generous: machines that share their cores, sanitizers */

static struct skep_system *sys;

static void timed_out(int sig)
{
	static const char text[] = "not ok - the last one named takes too long\n";

	(void)sig;
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* Loads it; the verdict. Dies when that takes too long. */
static int verdict(const char *name, const struct bomb *b, union bpf_attr *attr)
{
	static char log[1 << 16];
	struct timespec t0, t1;
	int fd;

	attr->insns = (u64)(uintptr_t)b->insn;
	attr->insn_cnt = b->n;
	attr->license = (u64)(uintptr_t) "GPL";
	if (!attr->prog_type)
		attr->prog_type = BPF_PROG_TYPE_SCHED_CLS;
	if (getenv("BOMB_LOG")) {
		attr->log_buf = (u64)(uintptr_t)log;
		attr->log_size = sizeof(log);
		attr->log_level = 4;
	}
	signal(SIGALRM, timed_out);
	printf("# %s\n", name);
	fflush(stdout);
	alarm(SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	fd = skep_bpf(sys, BPF_PROG_LOAD, attr, sizeof(*attr));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	alarm(0);
	print_message("# %s: %u instructions, verdict %d, %ld ms\n", name, b->n, fd < 0 ? fd : 0,
		      (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
	fputs(log, stderr);
	if (fd >= 0)
		close(fd);
	free(b->insn);
	return fd < 0 ? fd : 0;
}

/* Each block may go back to the one before it: what the first reads is live in all, one by one. */
static void backward_chain(void **state)
{
	struct bomb bomb = { 0 }, *b = &bomb;
	union bpf_attr attr = { 0 };

	(void)state;
	BOMB(CALL(get_prandom_u32), MOVX(9, 0), ST(DW, 10, -8, 0), MOVK(6, 1), MOVX(8, 9),
	     LD(DW, 8, 10, -8));
	while (b->n < BOMB_INSNS_MAX - 10)
		bomb_insn(b, BPF_JMP | BPF_JEQ | BPF_K, 6, 0, -3, 2);
	BOMB(RET(0));
	assert_int_equal(verdict("backward chain", b, &attr), 0);
}

/* The same kernel function, called half a million times behind half a million other things. */
static void kernel_functions(void **state)
{
	struct object_btf *kernel = system_vmlinux(sys);
	struct bomb bomb = { 0 }, *b = &bomb;
	union bpf_attr attr = { 0 };
	s32 id;

	(void)state;
	assert_non_null(kernel);
	id = btf_find_by_name_kind(kernel->btf, "bpf_rcu_read_lock", BTF_KIND_FUNC);
	if (id < 0) {
		print_message("# the kernel's types lack bpf_rcu_read_lock\n");
		skip();
	}
	BOMB(MOVK(0, 0));
	while (b->n < BOMB_INSNS_MAX / 2)
		BOMB(ADDK(0, 1));
	while (b->n < BOMB_INSNS_MAX - 4)
		bomb_insn(b, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, id);
	BOMB(RET(0));
	assert_int_equal(verdict("kernel functions", b, &attr), -EINVAL); /* never unlocked */
}

#define INFO(kind, vlen) ((u32)(kind) << 24 | (vlen))

/* Seven global functions, each of which calls the next a thousand times: 10^18 ways through. */
static void calls_of_calls(void **state)
{
	static const struct {
		struct btf_header h;
		u32 type[10];
		char str[8];
	} types = {
		.h = { .magic = BTF_MAGIC,
		       .version = 1,
		       .hdr_len = sizeof(struct btf_header),
		       .type_len = sizeof(types.type),
		       .str_off = sizeof(types.type),
		       .str_len = sizeof(types.str) },
		.type = { 1, INFO(BTF_KIND_INT, 0), 4, 1 << 24 | 32, 0,
			  INFO(BTF_KIND_FUNC_PROTO, 0), 1, 5, INFO(BTF_KIND_FUNC, 1), 2 },
		.str = "\0int\0f",
	};
	union bpf_attr attr = { .btf = (u64)(uintptr_t)&types, .btf_size = sizeof(types) };
	struct bomb bomb = { 0 }, *b = &bomb;
	struct bpf_func_info funcs[7];
	int btf;

	(void)state;
	btf = skep_bpf(sys, BPF_BTF_LOAD, &attr, sizeof(attr));
	assert_true(btf >= 0);
	for (u32 f = 0; f < 7; f++) {
		u32 start = b->n, next = start + 1000 + 2;

		funcs[f] = (struct bpf_func_info){ start, 3 };
		while (f < 6 && b->n < start + 1000)
			bomb_insn(b, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0,
				  (s32)(next - b->n - 1));
		BOMB(RET(0));
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_btf_fd = (u32)btf;
	attr.func_info = (u64)(uintptr_t)funcs;
	attr.func_info_cnt = ARRAY_SIZE(funcs);
	attr.func_info_rec_size = sizeof(funcs[0]);
	assert_int_equal(verdict("calls of calls", b, &attr), 0);
	close(btf);
}

/* As many jumps as there can be, all to the same place. */
static void jumps_to_the_end(void **state)
{
	struct bomb bomb = { 0 }, *b = &bomb;
	union bpf_attr attr = { 0 };

	(void)state;
	BOMB(MOVK(6, 1));
	for (u32 i = 1; i < 30000; i++)
		bomb_insn(b, BPF_JMP | BPF_JEQ | BPF_K, 6, 0, (s16)(30000 - i - 1), 2);
	BOMB(RET(0));
	assert_int_equal(verdict("jumps to the end", b, &attr), 0);
}

/* ---- types ---- */

/* The verdict, which is the running kernel's, too, where that may be asked. */
static int load_types(const char *name, const u32 *words, u32 n)
{
	u32 size = sizeof(struct btf_header) + n * 4 + 8;
	struct btf_header h = { .magic = BTF_MAGIC,
				.version = 1,
				.hdr_len = sizeof(h),
				.type_len = n * 4,
				.str_off = n * 4,
				.str_len = 8 };
	u8 *blob = malloc(size);
	union bpf_attr attr = { .btf = (u64)(uintptr_t)blob, .btf_size = size };
	int fd, kernel;

	assert_non_null(blob);
	memcpy(blob, &h, sizeof(h));
	memcpy(blob + sizeof(h), words, n * 4);
	memcpy(blob + sizeof(h) + n * 4, "\0int\0s\0", 8);
	signal(SIGALRM, timed_out);
	printf("# %s\n", name);
	fflush(stdout);
	alarm(SECONDS);
	fd = skep_bpf(sys, BPF_BTF_LOAD, &attr, sizeof(attr));
	alarm(0);
	if (fd >= 0)
		close(fd);
	fd = fd < 0 ? fd : 0;
	kernel = kernel_bpf_raw(BPF_BTF_LOAD, &attr, sizeof(attr));
	if (kernel >= 0)
		close(kernel);
	if (kernel != -EPERM)
		assert_int_equal(fd, kernel < 0 ? kernel : 0);
	free(blob);
	return fd;
}

/* Types that contain themselves, by every way there is; some are wrong, none hangs. */
static void types_of_themselves(void **state)
{
	static const u32 typedef_of_itself[] = { 5, INFO(BTF_KIND_TYPEDEF, 0), 1 };
	static const u32 const_of_itself[] = { 0, INFO(BTF_KIND_CONST, 0), 1 };
	static const u32 pointer_to_itself[] = { 0, INFO(BTF_KIND_PTR, 0), 1 };
	static const u32 struct_of_itself[] = { 5, INFO(BTF_KIND_STRUCT, 1), 4, 5, 1, 0 };
	static const u32 ring[] = { 5, INFO(BTF_KIND_TYPEDEF, 0),  2,
				    0, INFO(BTF_KIND_VOLATILE, 0), 3,
				    0, INFO(BTF_KIND_CONST, 0),	   1 };
	static const u32 array_of_itself[] = {
		1, INFO(BTF_KIND_INT, 0), 4, 1 << 24 | 32, 0, INFO(BTF_KIND_ARRAY, 0), 0, 2, 1, 4
	};
	static const u32 two_structs[] = { 5, INFO(BTF_KIND_STRUCT, 1), 4, 5, 2, 0,
					   5, INFO(BTF_KIND_STRUCT, 1), 4, 5, 1, 0 };
	static const u32 function_of_itself[] = { 0, INFO(BTF_KIND_FUNC_PROTO, 1), 1, 5, 1 };

	(void)state;
	assert_true(load_types("typedef", typedef_of_itself, 3) < 0);
	assert_true(load_types("const", const_of_itself, 3) < 0);
	assert_true(load_types("pointer", pointer_to_itself, 3) < 0);
	assert_true(load_types("struct", struct_of_itself, 6) < 0);
	assert_true(load_types("ring", ring, 9) < 0);
	assert_true(load_types("array", array_of_itself, 10) < 0);
	assert_true(load_types("two structs", two_structs, 12) < 0);
	assert_true(load_types("function", function_of_itself, 5) < 0);
}

/* A million typedefs of each other; the last of a pointer, or again of the first. */
static void long_chain_of_types(void **state)
{
	u32 n = 1000000, *w = malloc(n * 12);

	(void)state;
	assert_non_null(w);
	for (u32 i = 0; i < n; i++) {
		w[3 * i] = 5;
		w[3 * i + 1] = INFO(BTF_KIND_TYPEDEF, 0);
		w[3 * i + 2] = i + 2;
	}
	w[3 * (n - 1) + 2] = 1;
	assert_true(load_types("a million typedefs in a ring", w, n * 3) < 0);
	w[3 * (n - 1)] = 0;
	w[3 * (n - 1) + 1] = INFO(BTF_KIND_PTR, 0);
	w[3 * (n - 1) + 2] = 0;
	load_types("a million typedefs", w, n * 3);
	free(w);
}

static int set_up(void **state)
{
	sys = system_for("6.18");
	return sys ? 0 : -1;
}

static int tear_down(void **state)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backward_chain),      cmocka_unit_test(kernel_functions),
		cmocka_unit_test(calls_of_calls),      cmocka_unit_test(jumps_to_the_end),
		cmocka_unit_test(types_of_themselves), cmocka_unit_test(long_chain_of_types),
	};

	return cmocka_run_group_tests_name("bombs", tests, set_up, tear_down);
}
