/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How long BPF_PROG_LOAD takes, here and in the running kernel, in turns: of two instructions (what
 * a probe for a feature costs), each program closed before the next is loaded, and none
 * closed; and what compiling takes of large ones. Smallest and median of the rounds, us.
 */
#include "base/uapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "jit/jit.h"
#include "object/arena.h"
#include "skep/skep.h"

#define CLOSED 2000
#define KEPT   300

enum { SKEP, KERNEL, SIDES };

static struct skep_system *sys;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int load(int side, double *us)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
					  { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr;
	double start;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = 2;
	attr.license = (u64)(uintptr_t) "GPL";
	start = now_us();
	fd = side == SKEP ? skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr)) :
			    (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	*us = now_us() - start;
	return fd;
}

static void measure_load(const char *title, u32 n, bool keep)
{
	static double us[SIDES][CLOSED];
	static int fds[SIDES][CLOSED];
	bool there[SIDES] = { true, true };

	for (u32 i = 0; i < n; i++)
		for (int side = 0; side < SIDES; side++) {
			fds[side][i] = load(side, &us[side][i]);
			there[side] &= fds[side][i] >= 0;
			if (!keep && fds[side][i] >= 0)
				close(fds[side][i]);
		}
	printf("%-42s", title);
	for (int side = 0; side < SIDES; side++) {
		qsort(us[side], n, sizeof(double), by_value);
		if (there[side])
			printf(" %9.1f %9.1f", us[side][0], us[side][n / 2]);
		else
			printf(" %9s %9s", "-", "-");
		for (u32 i = 0; keep && i < n; i++)
			if (fds[side][i] >= 0)
				close(fds[side][i]);
	}
	printf("\n");
}

/* Bytes of code that the running kernel makes of them; 0: it does not say. */
static u32 kernel_bytes(const struct bpf_insn *insns, u32 len)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int fd, err;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)insns;
	attr.insn_cnt = len;
	attr.license = (u64)(uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return 0;
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (u32)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (u64)(uintptr_t)&info;
	err = (int)syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	close(fd);
	return err ? 0 : info.jited_prog_len;
}

/* Arithmetic, loads, stores and jumps in a mix as compilers make it. */
static void measure_compile(struct arena *arena, u32 len)
{
	struct bpf_insn *insns = calloc(len, sizeof(*insns));
	const u32 start = 0, stack = 128;
	struct bpf_prog prog = { .type = BPF_PROG_TYPE_SOCKET_FILTER,
				 .insns = insns,
				 .len = len,
				 .nr_subprogs = 1,
				 .subprog_start = &start,
				 .subprog_stack = &stack,
				 .arena = arena };
	double us[200];
	u32 bytes = 0;

	for (u32 i = 0; i < len; i++) {
		static const struct bpf_insn mix[] = {
			{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 8 },
			{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 0, .src_reg = 2 },
			{ .code = BPF_ALU | BPF_XOR | BPF_K, .dst_reg = 0, .imm = 0x55 },
			{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -8 },
			{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3 },
			{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = 3, .imm = 7 },
			{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 3, .off = 1, .imm = 3 },
			{ .code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = 0, .src_reg = 3 },
		};

		insns[i] = mix[(i ? i - 1 : 0) % ARRAY_SIZE(mix)];
	}
	insns[0] = insns[len - 2] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	insns[len - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	for (u32 i = 0; i < ARRAY_SIZE(us); i++) {
		struct jit_output out = { 0 };
		double from = now_us();

		if (jit_translate(&prog, NULL, jit_cpu_has_bmi2(), &out))
			exit(1);
		us[i] = now_us() - from;
		bytes = out.native_len;
		jit_output_free(&out);
	}
	qsort(us, ARRAY_SIZE(us), sizeof(double), by_value);
	printf("compiling %6u instructions %15s %9.1f %9.1f    %.2f bytes of code each", len, "",
	       us[0], us[ARRAY_SIZE(us) / 2], (double)bytes / len);
	bytes = kernel_bytes(insns, len);
	if (bytes)
		printf(", the kernel %.2f", (double)bytes / len);
	printf("\n");
	free(insns);
}

int main(void)
{
	struct arena *arena;

	sys = skep_system_new(NULL);
	skep_front_use(NULL); /* syscall() goes to the running kernel */
	if (!sys || arena_new(&arena, 2))
		return 1;
	printf("%-42s %9s %9s %9s %9s\n", "us", "skep min", "median", "kernel", "median");
	measure_load("loading 2 instructions, the last one closed", CLOSED, false);
	measure_load("loading 2 instructions, none closed", KEPT, true);
	measure_compile(arena, 2);
	measure_compile(arena, 4256);
	arena_destroy(arena);
	skep_system_free(sys);
	return 0;
}
