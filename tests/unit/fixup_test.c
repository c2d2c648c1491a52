/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The rewriting of accepted programs: jumps go where they went, function and line
 * records stay with their instructions. The programs of tests/bpf/calls.bpf.c are
 * looked at as loaded (and their records held against the running kernel's, where it
 * permits); small hand-written ones are run by both engines for a known result.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "isa/insn.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/kernel.h"

#define MAX_LINES 256

#define SPILL(r, off) ST(DW, 10, off, r)
#define FILL(r, off)  LD(DW, r, 10, off)
#define FIVE	      MOVK(1, 1), MOVK(2, 2), MOVK(3, 3), MOVK(4, 4), MOVK(5, 5)
#define ADD_FIVE      ADDX(0, 1), ADDX(0, 2), ADDX(0, 3), ADDX(0, 4), ADDX(0, 5)

struct loaded {
	struct bpf_insn xlated[1024];
	struct bpf_line_info lines[MAX_LINES];
	struct bpf_func_info funcs[16];
	unsigned n, nr_lines, nr_funcs;
};

static int silent(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

static int get_info(int fd, struct loaded *l)
{
	struct bpf_prog_info info = { 0 };
	u32 len = sizeof(info);
	int err;

	memset(l, 0, sizeof(*l));
	info.xlated_prog_insns = (uintptr_t)l->xlated;
	info.xlated_prog_len = sizeof(l->xlated);
	info.line_info = (uintptr_t)l->lines;
	info.nr_line_info = MAX_LINES;
	info.line_info_rec_size = sizeof(l->lines[0]);
	info.func_info = (uintptr_t)l->funcs;
	info.nr_func_info = ARRAY_SIZE(l->funcs);
	info.func_info_rec_size = sizeof(l->funcs[0]);
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	l->n = info.xlated_prog_len / sizeof(struct bpf_insn);
	l->nr_lines = info.nr_line_info;
	l->nr_funcs = info.nr_func_info;
	return 0;
}

/* Loads only program @name: 0, or what libbpf says. */
static int load(const char *path, const char *name, struct loaded *l)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *p;
	int err;

	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	err = bpf_object__load(obj);
	if (!err)
		err = get_info(bpf_program__fd(bpf_object__find_program_by_name(obj, name)), l);
	bpf_object__close(obj);
	return err;
}

static bool starts_function(const struct loaded *l, unsigned at)
{
	for (unsigned i = 0; i < l->nr_funcs; i++)
		if (l->funcs[i].insn_off == at)
			return true;
	return false;
}

static void check_records(const char *name, const struct loaded *l)
{
	bool second = false;

	assert_true(l->n && l->nr_funcs && l->nr_lines);
	assert_int_equal(l->funcs[0].insn_off, 0);
	for (unsigned i = 0; i < l->nr_funcs; i++) {
		bool has_line = false;

		assert_true(l->funcs[i].insn_off < l->n);
		if (i)
			assert_true(l->funcs[i].insn_off > l->funcs[i - 1].insn_off);
		for (unsigned k = 0; k < l->nr_lines; k++)
			has_line |= l->lines[k].insn_off == l->funcs[i].insn_off;
		assert_true(has_line);
	}
	for (unsigned k = 0; k < l->nr_lines; k++) {
		assert_true(l->lines[k].insn_off < l->n);
		assert_true(l->xlated[l->lines[k].insn_off].code);
		if (k)
			assert_true(l->lines[k].insn_off > l->lines[k - 1].insn_off);
	}
	for (unsigned i = 0; i < l->n; i++) {
		const struct bpf_insn *insn = &l->xlated[i];
		u8 class = BPF_CLASS(insn->code);
		s64 to;

		if (second) {
			second = false;
			continue;
		}
		second = insn_is_ldimm64(insn);
		if (second && insn->src_reg == BPF_PSEUDO_FUNC)
			assert_true(starts_function(l, i + 1 + insn->imm));
		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) {
			assert_true(starts_function(l, i + 1 + insn->off));
			continue;
		}
		if ((class != BPF_JMP && class != BPF_JMP32) || BPF_OP(insn->code) == BPF_CALL ||
		    BPF_OP(insn->code) == BPF_EXIT)
			continue;
		to = (s64)i + 1 + insn_jmp_off(insn);
		assert_true(to >= 0 && to < l->n && l->xlated[to].code);
		/* never from one function into another */
		for (unsigned f = 1; f < l->nr_funcs; f++)
			assert_int_equal(to >= l->funcs[f].insn_off, i >= l->funcs[f].insn_off);
	}
}

/* To the instruction; but constants may be ids and addresses. */
static void check_same_insns(const struct loaded *ours, const struct loaded *theirs)
{
	assert_int_equal(ours->n, theirs->n);
	for (unsigned i = 0; i < ours->n; i++) {
		struct bpf_insn a = ours->xlated[i], b = theirs->xlated[i];

		if (insn_is_ldimm64(&a) && a.src_reg != BPF_PSEUDO_FUNC) {
			a.imm = b.imm;
			assert_memory_equal(&a, &b, sizeof(a));
			i++;
			continue;
		}
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static struct skep_system *sys;

static void test_records(void **state)
{
	static struct loaded ours, theirs;
	const char *out = getenv("O");
	struct bpf_object *obj;
	struct bpf_program *p;
	unsigned loaded = 0, compared = 0, inlined = 0;
	char path[4096];

	snprintf(path, sizeof(path), "%s/bpf/calls.bpf.o", out ? out : "build");
	libbpf_set_print(silent);
	obj = bpf_object__open_file(path, NULL);
	if (!obj) {
		print_message("%s is not there\n", path);
		skip();
	}
	bpf_object__for_each_program(p, obj)
	{
		const char *name = bpf_program__name(p);

		skep_front_use(sys);
		if (load(path, name, &ours))
			continue;
		loaded++;
		check_records(name, &ours);
		skep_front_use(NULL);
		if (load(path, name, &theirs))
			continue;
		compared++;
		if (ours.nr_lines != theirs.nr_lines)
			print_message("%s: %u lines, kernel %u\n", name, ours.nr_lines,
				      theirs.nr_lines);
		assert_int_equal(ours.nr_lines, theirs.nr_lines);
		assert_int_equal(ours.nr_funcs, theirs.nr_funcs);
		for (unsigned k = 0; k < ours.nr_lines; k++)
			assert_int_equal(ours.lines[k].line_col, theirs.lines[k].line_col);
		for (unsigned k = 0; k < ours.nr_funcs; k++)
			assert_int_equal(ours.funcs[k].type_id, theirs.funcs[k].type_id);
		if (!strcmp(name, "loop_sum") || !strcmp(name, "loop_return") ||
		    !strcmp(name, "loop_array")) {
			inlined++;
			check_same_insns(&ours, &theirs);
		}
	}
	bpf_object__close(obj);
	print_message("%u programs, %u of them compared with the running kernel\n", loaded,
		      compared);
	assert_true(loaded > 20);
	assert_true(!compared || inlined >= 2);
}

/* ---- results ---- */

static const struct {
	const char *name;
	unsigned type, result;
	const struct bpf_insn *insns;
	unsigned len;
} runs[] = {
#define RUN(name, type, result, ...)                                                               \
	{                                                                                          \
		name, BPF_PROG_TYPE_##type, result, (const struct bpf_insn[]){ __VA_ARGS__ },      \
			sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn) \
	}
	RUN("narrow loads", SCHED_CLS, 64 + 64, LD(B, 0, 1, 0), LD(H, 2, 1, 0), ADDX(0, 2),
	    LD(B, 2, 1, 1), ADDX(0, 2), EXIT),
	RUN("narrow store and load of cb", SCHED_CLS, 0x5634, STK(W, 1, 48, 0x12345634),
	    STK(B, 1, 49, 0x56), LD(H, 0, 1, 48), EXIT),
	RUN("loop over an expanded load", SCHED_CLS, 64 * 5, MOVX(6, 1), MOVK(0, 0), MOVK(7, 5),
	    LD(B, 2, 6, 0), ADDX(0, 2), ADDK(7, -1), JK(JNE, 7, 0, -4), EXIT),
	RUN("jump onto an expanded load", SCHED_CLS, 64, MOVK(0, 3), JK(JEQ, 0, 3, 1), MOVK(1, 0),
	    LD(B, 0, 1, 0), EXIT),
	RUN("jump over expanded loads", SCHED_CLS, 7, MOVX(6, 1), LD(W, 2, 1, 0), MOVK(0, 7),
	    JK(JGT, 2, 60, 2), LD(B, 0, 6, 0), LD(H, 0, 6, 2), EXIT),
	RUN("loop to the first instruction", SCHED_CLS, 64 * 3, LD(B, 2, 1, 0), LD(W, 3, 1, 48),
	    ADDX(3, 2), ST(W, 1, 48, 3), LD(W, 4, 1, 52), ADDK(4, 1), ST(W, 1, 52, 4),
	    LD(W, 5, 1, 56), JK(JLT, 5, 0, -9), JK(JLT, 4, 3, 2), MOVX(0, 3), EXIT, LD(B, 6, 1, 0),
	    LD(W, 0, 1, 48), ADDX(0, 6), ADDX(0, 6), EXIT),
	RUN("dead code before and behind", XDP, 9, MOVK(2, 1), JK(JEQ, 2, 1, 2), MOVK(0, 1), EXIT,
	    MOVK(0, 9), JK(JNE, 2, 1, 1), JA(2), LD64(0, 5), EXIT),
	RUN("dead function", XDP, 4, MOVK(2, 0), JK(JEQ, 2, 0, 2), CALLSUB(5), EXIT, CALLSUB(1),
	    EXIT, MOVK(0, 4), EXIT, MOVK(0, 1), EXIT),
	RUN("live function behind a dead one", XDP, 6, MOVK(2, 0), JK(JEQ, 2, 0, 2), CALLSUB(3),
	    EXIT, CALLSUB(3), EXIT, MOVK(0, 1), EXIT, MOVK(0, 6), EXIT),
	RUN("jumps that become empty", XDP, 2, MOVK(0, 2), MOVK(2, 1), JK(JEQ, 2, 1, 3), MOVK(0, 1),
	    JA(0), MOVK(0, 5), JA(0), EXIT),
	RUN("legacy loads", SOCKET_FILTER, 10, MOVX(6, 1), MOVK(7, 1), LDABS(B, 0), MOVX(8, 0),
	    LDIND(B, 7, 2), ADDX(0, 8), EXIT),
	RUN("legacy load out of range", SOCKET_FILTER, 0, MOVX(6, 1), LDABS(W, 4000), MOVK(0, 5),
	    EXIT),
	RUN("may_goto", XDP, 8, MOVK(0, 0), I(BPF_JMP | BPF_JCOND, 0, 0, 2, 0), ADDK(0, 1),
	    JK(JLT, 0, 8, -3), EXIT),
	RUN("constant of 64 bits", XDP, 3, LD64(2, 0x300000002ULL),
	    I(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 32), MOVX(0, 2), EXIT),
	RUN("spills around a call that keeps registers", XDP, 15, FIVE, SPILL(1, -16),
	    SPILL(2, -24), SPILL(3, -32), SPILL(4, -40), SPILL(5, -48), CALL(get_smp_processor_id),
	    FILL(5, -48), FILL(4, -40), FILL(3, -32), FILL(2, -24), FILL(1, -16), MOVK(0, 0),
	    ADD_FIVE, EXIT),
	RUN("no spills", XDP, 0, CALL(get_smp_processor_id), MOVX(6, 0), CALL(get_smp_processor_id),
	    SUBX(0, 6), EXIT),
	RUN("a spill that is read elsewhere", XDP, 8, MOVK(1, 4), SPILL(1, -8),
	    CALL(get_smp_processor_id), FILL(1, -8), MOVX(0, 1), MOVX(2, 10), LD(DW, 3, 2, -8),
	    ADDX(0, 3), EXIT),
	RUN("a spill that is written elsewhere", XDP, 9, MOVK(1, 4), SPILL(1, -8),
	    CALL(get_smp_processor_id), MOVX(2, 10), STK(DW, 2, -8, 9), FILL(1, -8), MOVX(0, 1),
	    EXIT),
	RUN("a jump to the first spill", XDP, 12, MOVX(6, 1), MOVK(7, 3), MOVK(8, 0), MOVK(1, 4),
	    SPILL(1, -8), CALL(get_smp_processor_id), FILL(1, -8), ADDX(8, 1), ADDK(7, -1),
	    JK(JNE, 7, 0, -6), MOVX(0, 8), EXIT),
	RUN("a jump between call and fill", XDP, 4, MOVK(1, 4), SPILL(1, -8), LD(W, 2, 10, -8),
	    JK(JEQ, 2, 4, 1), CALL(get_smp_processor_id), FILL(1, -8), MOVX(0, 1), EXIT),
	RUN("spills of two functions", XDP, 7, MOVK(1, 3), SPILL(1, -16),
	    CALL(get_smp_processor_id), FILL(1, -16), CALLSUB(1), EXIT, SPILL(1, -8),
	    CALL(get_smp_processor_id), FILL(1, -8), MOVX(0, 1), ADDK(0, 4), EXIT),
	RUN("spills around a call that is one", XDP, 4, MOVK(1, 4), SPILL(1, -8),
	    CALL(get_prandom_u32), FILL(1, -8), MOVX(0, 1), EXIT),
#undef RUN
};

/* Instructions of @insns as translated for @kernel; and what of its stack is left. */
static unsigned translated(const char *kernel, const char *jit, const struct bpf_insn *insns,
			   unsigned n)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = kernel, .caps = "full", .jit = jit
	};
	struct skep_system *s = skep_system_new(&opts);
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr;
	int fd;

	assert_non_null(s);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "GPL";
	fd = skep_bpf(s, BPF_PROG_LOAD, &attr, sizeof(attr));
	assert_true(fd >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (unsigned)fd;
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	assert_int_equal(skep_bpf(s, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	close(fd);
	skep_system_free(s);
	return info.xlated_prog_len / sizeof(struct bpf_insn);
}

/* ---- divisions ---- */

typedef int (*bpf_call)(int cmd, void *attr, unsigned size);
static struct skep_system *engine;

static int engine_bpf(int cmd, void *attr, unsigned size)
{
	return skep_bpf(engine, cmd, attr, size);
}

/* Loads, dumps and runs @insns: its result, or -errno. */
static s64 run_by(bpf_call call, const struct bpf_insn *insns, unsigned n, struct loaded *l)
{
	struct bpf_prog_info info = { 0 };
	unsigned char packet[64] = { 0 };
	union bpf_attr attr;
	int fd, err;

	memset(l, 0, sizeof(*l));
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "GPL";
	fd = call(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return fd;
	info.xlated_prog_insns = (uintptr_t)l->xlated;
	info.xlated_prog_len = sizeof(l->xlated);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (unsigned)fd;
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	err = call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	l->n = info.xlated_prog_len / sizeof(struct bpf_insn);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (unsigned)fd;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	if (!err)
		err = call(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	close(fd);
	return err ? err : (s64)attr.test.retval;
}

/* What a / b and a % b are, by the instruction set's text. */
static u64 divided(bool wide, bool mod, bool is_signed, u64 a, u64 b)
{
	u64 q, r;

	if (!wide) {
		a = is_signed ? (u64)(s64)(s32)a : (u32)a;
		b = is_signed ? (u64)(s64)(s32)b : (u32)b;
	}
	if (!b) {
		q = 0;
		r = a;
	} else if (is_signed && b == ~0ULL) {
		q = -a;
		r = 0;
	} else if (is_signed) {
		q = (u64)((s64)a / (s64)b);
		r = (u64)((s64)a % (s64)b);
	} else {
		q = a / b;
		r = a % b;
	}
	q = mod ? r : q;
	return wide ? q : (u32)q;
}

/* Both engines divide as the text says; what they translate it to is the kernel's. */
static void test_divisions(void **state)
{
	static const u64 values[] = { 0,	  1,	      7,	   ~0ULL,
				      1ULL << 63, 1ULL << 31, ~0ULL << 31, 0x123456789abcdefULL };
	static struct loaded ours, theirs;
	static const char *const jits[] = { "on", "off" };
	unsigned compared = 0;

	for (unsigned k = 0; k < 2; k++) {
		struct skep_system_opts opts = {
			.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .jit = jits[k]
		};

		engine = skep_system_new(&opts);
		assert_non_null(engine);
		for (unsigned c = 0; c < 24 * ARRAY_SIZE(values) * ARRAY_SIZE(values); c++) {
			bool wide = c & 1, mod = c & 2, is_signed = c & 4;
			unsigned form = c / 8 % 3; /* by a register, by a constant, by itself */
			u64 a = values[c / 24 % ARRAY_SIZE(values)];
			u64 b = values[c / 24 / ARRAY_SIZE(values)], want;
			u8 code = (wide ? BPF_ALU64 : BPF_ALU) | (mod ? BPF_MOD : BPF_DIV);
			struct bpf_insn insns[] = {
				LD64(2, a),
				LD64(3, b),
				I(code | BPF_X, 2, form == 2 ? 2 : 3, is_signed, 0),
				MOVX(0, 2),
				I(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 32),
				I(BPF_ALU64 | BPF_XOR | BPF_X, 0, 2, 0, 0),
				EXIT,
			};

			if (form == 1) {
				if (!b || (s64)b != (s32)b)
					continue;
				insns[4] =
					(struct bpf_insn)I(code | BPF_K, 2, 0, is_signed, (s32)b);
			}
			want = divided(wide, mod, is_signed, a, form == 2 ? a : b);
			assert_int_equal(run_by(engine_bpf, insns, ARRAY_SIZE(insns), &ours),
					 (u32)(want ^ want >> 32));
			if (k || run_by(kernel_bpf_raw, insns, ARRAY_SIZE(insns), &theirs) < 0)
				continue;
			compared++;
			check_same_insns(&ours, &theirs);
		}
		skep_system_free(engine);
	}
	print_message("%u programs compared with the running kernel's\n", compared);
}

/* Spills around calls that keep registers go where Linux removes them: since 6.12, with a JIT. */
static void test_fastcall(void **state)
{
	static const struct bpf_insn goes[] = {
		MOVK(1, 1), SPILL(1, -8), CALL(get_smp_processor_id), FILL(1, -8), MOVX(0, 1), EXIT
	};
	static const struct bpf_insn stays[] = { MOVK(1, 1),  SPILL(1, -8), CALL(get_prandom_u32),
						 FILL(1, -8), MOVX(0, 1),   EXIT };

	assert_int_equal(translated("6.12", "on", goes, ARRAY_SIZE(goes)), 6); /* the call is 3 */
	assert_int_equal(translated("6.11", "on", goes, ARRAY_SIZE(goes)), 8);
	assert_int_equal(translated("6.9", "on", goes, ARRAY_SIZE(goes)), 6);
	assert_int_equal(translated("6.12", "off", goes, ARRAY_SIZE(goes)), 6);
	assert_int_equal(translated("6.12", "on", stays, ARRAY_SIZE(stays)), 6);
}

static void run_all(const char *jit)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .jit = jit
	};
	struct skep_system *s = skep_system_new(&opts);
	unsigned char packet[64] = { [14] = 3, [17] = 7 }; /* behind the Ethernet header */
	unsigned bad = 0;

	assert_non_null(s);
	for (unsigned i = 0; i < ARRAY_SIZE(runs); i++) {
		static char log[65536];
		union bpf_attr attr;
		int fd, err;

		memset(&attr, 0, sizeof(attr));
		attr.prog_type = runs[i].type;
		attr.insns = (uintptr_t)runs[i].insns;
		attr.insn_cnt = runs[i].len;
		attr.license = (uintptr_t) "GPL";
		attr.log_buf = (uintptr_t)log;
		attr.log_size = sizeof(log);
		attr.log_level = 1;
		fd = skep_bpf(s, BPF_PROG_LOAD, &attr, sizeof(attr));
		if (fd < 0) {
			print_message("%s: %d\n%s\n", runs[i].name, fd, log);
			bad++;
			continue;
		}
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = fd;
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		err = skep_bpf(s, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
		if (err || attr.test.retval != runs[i].result) {
			print_message("%s: %d, result %u, not %u\n", runs[i].name, err,
				      attr.test.retval, runs[i].result);
			bad++;
		}
		close(fd);
	}
	skep_system_free(s);
	assert_int_equal(bad, 0);
}

static int make_map(struct skep_system *s, unsigned type, unsigned value_size, unsigned n,
		    int inner)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = value_size;
	attr.max_entries = n;
	attr.inner_map_fd = inner > 0 ? (unsigned)inner : 0;
	return skep_bpf(s, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void put(struct skep_system *s, int map, u32 key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (unsigned)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	assert_int_equal(skep_bpf(s, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)), 0);
}

/* A lookup in an inner map goes to that map, never to the template that it was verified with. */
static void test_inner_maps(void **state)
{
	static const char *const jits[] = { "on", "off" };

	for (unsigned j = 0; j < 2; j++) {
		struct skep_system_opts opts = {
			.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .jit = jits[j]
		};
		struct skep_system *s = skep_system_new(&opts);
		int inner[3], outer, fd;
		union bpf_attr attr;
		u64 packet[8] = { 0 };

		assert_non_null(s);
		for (u32 i = 0; i < 3; i++) {
			u64 value = 100 + i;

			inner[i] = make_map(s, BPF_MAP_TYPE_ARRAY, 8, 2, 0);
			assert_true(inner[i] >= 0);
			put(s, inner[i], 0, &value);
		}
		outer = make_map(s, BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 2, inner[0]);
		assert_true(outer >= 0);
		put(s, outer, 0, &inner[1]);
		put(s, outer, 1, &inner[2]);
		struct bpf_insn prog[] = {
			STK(DW, 10, -8, 0),
			LD(W, 0, 1, 16),
			ST(W, 10, -4, 0),
			MOVX(2, 10),
			ADDK(2, -4),
			I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, outer),
			I(0, 0, 0, 0, 0),
			CALL(map_lookup_elem),
			JK(JNE, 0, 0, 2),
			RET(1),
			MOVX(1, 0),
			MOVX(2, 10),
			ADDK(2, -8),
			CALL(map_lookup_elem),
			JK(JNE, 0, 0, 2),
			RET(2),
			LD(DW, 0, 0, 0),
			EXIT
		};

		memset(&attr, 0, sizeof(attr));
		attr.prog_type = BPF_PROG_TYPE_XDP;
		attr.insns = (uintptr_t)prog;
		attr.insn_cnt = sizeof(prog) / sizeof(prog[0]);
		attr.license = (uintptr_t) "GPL";
		fd = skep_bpf(s, BPF_PROG_LOAD, &attr, sizeof(attr));
		assert_true(fd >= 0);
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (unsigned)fd;
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		assert_int_equal(skep_bpf(s, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
		assert_int_equal(attr.test.retval, 101); /* rx_queue_index is 0 */
		close(fd);
		close(outer);
		for (u32 i = 0; i < 3; i++)
			close(inner[i]);
		skep_system_free(s);
	}
}

static void test_results_interpreted(void **state)
{
	run_all("off");
}

static void test_results_native(void **state)
{
	run_all("on");
}

int main(void)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_fastcall),
		cmocka_unit_test(test_divisions),
		cmocka_unit_test(test_inner_maps),
		cmocka_unit_test(test_results_interpreted),
		cmocka_unit_test(test_results_native),
	};
	int failed;

	sys = skep_system_new(&opts);
	failed = cmocka_run_group_tests_name("fixup", tests, NULL, NULL);
	skep_front_use(NULL);
	skep_system_free(sys);
	return failed;
}
