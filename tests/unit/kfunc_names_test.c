/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of 7.0 (tests/bpf/kfunc_names.bpf.c) with the types of a kernel that lacks them:
 * asynchronous cancellation of timers, stacks in streams, and names without "_impl". What is
 * expected is what their commits say: no kernel that has them was here.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "skep/skep.h"

static struct skep_system *current;
static const int expected[16] = { -EINVAL, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, -ENOENT, 0, -EBUSY };

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, format, args) : 0;
}

static struct bpf_object *open_object(void)
{
	const char *out = getenv("O");
	struct bpf_object *obj;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/kfunc_names.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	return obj;
}

static struct skep_system *system_of(const char *kernel, const char *jit)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = kernel, .jit = jit };
	struct skep_system *sys = skep_system_new(&opts);

	assert_non_null(sys);
	skep_front_use(sys);
	return current = sys;
}

static int run(const struct bpf_object *obj, const char *name)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, name));

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	return (int)opts.retval;
}

static u32 read_stream(const struct bpf_object *obj, u32 id, char *text, u32 size)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "names"));
	union bpf_attr attr = { .prog_stream_read = { .stream_buf = (u64)text,
						      .stream_buf_len = size - 1,
						      .stream_id = id,
						      .prog_fd = (u32)fd } };
	long n = skep_bpf(current, BPF_PROG_STREAM_READ_BY_FD, &attr, sizeof(attr));

	assert_true(n >= 0);
	text[n] = 0;
	return (u32)n;
}

static void test_names(void **state)
{
	struct skep_system *sys = system_of("7.1", *state);
	struct bpf_object *obj = open_object();
	char text[2048], head[64];
	struct {
		int results[16], worked, fired, done;
	} seen = { 0 };
	u32 zero = 0;

	assert_int_equal(bpf_object__load(obj), 0);
	assert_int_equal(run(obj, "names"), 0);
	for (u32 i = 0; i < 1000 && !(seen.worked && seen.fired); i++) {
		usleep(1000);
		assert_int_equal(bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, ".bss"),
						     &zero, &seen),
				 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(seen.results[i], expected[i]);
	assert_int_equal(seen.done, 3);
	assert_int_equal(seen.worked, 5);
	assert_int_equal(seen.fired, -1); /* it was running */
	read_stream(obj, 1, text, sizeof(text));
	assert_string_equal(text, "number 42\n");
	read_stream(obj, 2, text, sizeof(text));
	snprintf(head, sizeof(head), " PID: %d Comm: kfunc_names_tes\nCall trace:\nbpf_prog_",
		 (int)syscall(SYS_gettid));
	assert_non_null(strstr(text, head));
	assert_non_null(strstr(text, "_inner+0x"));
	assert_non_null(
		strstr(text, "  | return bpf_stream_print_stack(stream); @ kfunc_names.bpf.c:"));
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

/* Older kernels have no such names. */
static void test_before(void **state)
{
	struct skep_system *sys = system_of("6.18", "off");
	struct bpf_object *obj = open_object();

	assert_int_equal(bpf_object__load(obj), -EINVAL);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

/* R0 = 7; calls the compiler's mark of a path that is not taken if R0 is @value. */
static int load_trap(int value, char *log, u32 size)
{
	const struct btf *btf = btf__load_vmlinux_btf();
	s32 id = btf ? btf__find_by_name_kind(btf, "__bpf_trap", BTF_KIND_FUNC) : -ENOENT;
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 7 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .off = 1, .imm = value },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 8 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = size, .log_level = 1);

	btf__free((struct btf *)btf);
	if (id < 0)
		skip();
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "trap", "GPL", insns, ARRAY_SIZE(insns),
			     &opts);
}

static void test_trap(void **state)
{
	struct skep_system *sys = system_of("6.18", "on");
	char log[4096] = "";
	u8 packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	int fd = load_trap(5, log, sizeof(log));

	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &run), 0);
	assert_int_equal(run.retval, 8);
	close(fd);
	assert_int_equal(load_trap(7, log, sizeof(log)), -EFAULT);
	assert_non_null(strstr(log, "unexpected __bpf_trap() due to uninitialized variable?"));
	skep_front_use(NULL);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ .name = "compiled", .test_func = test_names, .initial_state = "on" },
		{ .name = "interpreted", .test_func = test_names, .initial_state = "off" },
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_trap),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("names of kernel functions", tests, NULL, NULL);
}
