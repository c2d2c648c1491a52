/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Prototypes of helpers against Linux 6.1, 6.12 and 6.18: ten thousand calls with right
 * and wrong arguments, in eleven program types. tests/data/helper-args-*.txt hold what
 * the kernels answered:
 *
 *   M number errno message              the answers
 *   P type attach flags helper map call=answer call=answer ...
 *
 * `helper_args_test --record` asks the running kernel the same and prints such a file.
 *
 * A call is a letter for each argument: c the context, f initialised stack, u stack
 * that nobody wrote, 1 (the constant 8), 0, b 256, n -1, k an unknown number, m the
 * map, - a register that was never set; "." stands for a call without arguments.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/vocabulary.h"
#include "../lib/load.h"
#include "skep/skep.h"

#define MAX_ANSWERS 256

struct answer {
	int err;
	char *text;
};

struct fixture {
	struct target target;
	struct answer answers[MAX_ANSWERS];
	u32 nr_answers; /* when recording */
	u32 calls, wrong, known;
	bool may_differ;
	bool record;
};

static const struct {
	const char *name;
	u32 type, key, value, entries;
} kinds[] = {
	{ "array", BPF_MAP_TYPE_ARRAY, 4, 64, 4 },
	{ "perf", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4 },
	{ "prog", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4 },
	{ "ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
};

static int map_of(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return (int)i; /* target_load() puts the descriptor in its place */
	fail_msg("no map %s", name);
	return -1;
}

#define I(c, d, s, o, v)                                                                           \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (v) })
#define MOV_REG(d, s) I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, v) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, v)
#define ADD_IMM(d, v) I(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, v)
#define CALL(id)      I(BPF_JMP | BPF_CALL, 0, 0, 0, id)

static u32 set_argument(struct bpf_insn *to, u32 reg, char kind, int map)
{
	switch (kind) {
	case 'c':
		to[0] = MOV_REG(reg, 6);
		return 1;
	case 'f':
	case 'u':
		to[0] = MOV_REG(reg, 10);
		to[1] = ADD_IMM(reg, kind == 'f' ? -64 : -128);
		return 2;
	case '1':
		to[0] = MOV_IMM(reg, 8);
		return 1;
	case '0':
		to[0] = MOV_IMM(reg, 0);
		return 1;
	case 'b':
		to[0] = MOV_IMM(reg, 256);
		return 1;
	case 'n':
		to[0] = MOV_IMM(reg, -1);
		return 1;
	case 'k':
		to[0] = MOV_REG(reg, 9);
		return 1;
	case 'm':
		to[0] = I(BPF_LD | BPF_IMM | BPF_DW, reg, BPF_PSEUDO_MAP_FD, 0, map);
		to[1] = I(0, 0, 0, 0, 0);
		return 2;
	case '-':
		return 0;
	}
	fail_msg("unknown kind of argument '%c'", kind);
	return 0;
}

static u32 answer_number(struct fixture *f, int err, const char *text)
{
	u32 i;

	for (i = 0; i < f->nr_answers; i++)
		if (f->answers[i].err == err && !strcmp(f->answers[i].text, text))
			return i;
	assert_true(i < MAX_ANSWERS);
	f->answers[i].err = err;
	f->answers[i].text = strdup(text);
	f->nr_answers++;
	return i;
}

static void check_call(struct fixture *f, const struct test_prog *like, u32 helper, int map,
		       const char *call, const struct answer *want)
{
	struct bpf_insn insns[40];
	struct test_prog p = *like;
	const char *line;
	u32 n = 0;
	int err;

	insns[n++] = MOV_REG(6, 1);
	for (int off = -64; off < 0; off += 8)
		insns[n++] = I(BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, 0);
	insns[n++] = CALL(BPF_FUNC_get_prandom_u32);
	insns[n++] = MOV_REG(9, 0);
	for (u32 i = 0; call[i] && call[i] != '.'; i++)
		n += set_argument(&insns[n], i + 1, call[i], map);
	insns[n++] = CALL((s32)helper);
	insns[n++] = MOV_IMM(0, 0);
	insns[n++] = I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	p.insns = insns;
	p.len = n;
	err = -target_load(&f->target, &p, &line);
	f->calls++;
	if (f->record) {
		printf(" %s=%u", call, answer_number(f, err, err ? line : ""));
		return;
	}
	if (err == want->err && !strcmp(err ? line : "", want->text))
		return;
	if (f->may_differ && helper == BPF_FUNC_loop) {
		f->known++;
		return;
	}
	if (f->wrong++ < 20)
		print_error("program type %u, bpf_%s(%s): %d \"%s\", Linux: %d \"%s\"\n", p.type,
			    bpf_helper_proto(helper)->name, call, err, line, want->err, want->text);
}

static void check_line(struct fixture *f, char *line)
{
	struct test_prog p = { .name = "call" };
	char *save, *word = strtok_r(line, " \n", &save);
	u32 field[4], helper;
	int map;

	for (u32 i = 0; i < 4; i++) {
		word = strtok_r(NULL, " \n", &save);
		assert_non_null(word);
		field[i] = (u32)strtoul(word, NULL, 10);
	}
	p.type = field[0];
	p.attach_type = field[1];
	p.flags = field[2];
	helper = field[3];
	word = strtok_r(NULL, " \n", &save);
	map = map_of(word);
	if (f->record)
		printf("P %u %u %u %u %s", field[0], field[1], field[2], field[3], word);
	while ((word = strtok_r(NULL, " \n", &save))) {
		char *equals = strchr(word, '=');
		u32 answer;

		assert_non_null(equals);
		*equals = 0;
		answer = (u32)strtoul(equals + 1, NULL, 10);
		assert_true(f->record || (answer < MAX_ANSWERS && f->answers[answer].text));
		check_call(f, &p, helper, map, word, &f->answers[answer]);
	}
}

static void make_maps(struct fixture *f)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		union bpf_attr attr = {
			.map_type = kinds[i].type,
			.key_size = kinds[i].key,
			.value_size = kinds[i].value,
			.max_entries = kinds[i].entries,
		};

		f->target.map[i] = target_bpf(&f->target, BPF_MAP_CREATE, &attr, sizeof(attr));
		assert_true(f->target.map[i] >= 0);
	}
}

/* @differ: how many calls of bpf_loop() are known to be answered otherwise. */
static void compare(const char *kernel, u32 calls, u32 differ)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = kernel, .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	struct fixture *f = calloc(1, sizeof(*f));
	char *line = NULL, path[64];
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "tests/data/helper-args-%s.txt", kernel);
	file = fopen(path, "r");
	assert_non_null(sys);
	assert_non_null(file);
	f->target.sys = sys;
	f->may_differ = differ != 0;
	make_maps(f);
	while (getline(&line, &room, file) > 0) {
		u32 number;
		int err, at;

		if (*line == 'M') {
			assert_int_equal(sscanf(line, "M %u %d%n", &number, &err, &at), 2);
			assert_true(number < MAX_ANSWERS);
			line[strcspn(line, "\n")] = 0;
			f->answers[number].err = err;
			f->answers[number].text = strdup(line[at] ? line + at + 1 : "");
		} else if (*line == 'P') {
			check_line(f, line);
		}
	}
	print_message("# %u calls\n", f->calls);
	assert_int_equal(f->wrong, 0);
	assert_int_equal(f->known, differ);
	assert_int_equal(f->calls, calls); /* nobody chooses the denominator */
	for (u32 i = 0; i < MAX_ANSWERS; i++)
		free(f->answers[i].text);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		close(f->target.map[i]);
	skep_system_free(sys);
	free(line);
	free(f);
	fclose(file);
}

/* Asks the kernel what the lines of standard input ask. */
static void record(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char *line = NULL;
	size_t room = 0;

	f->record = true;
	make_maps(f);
	while (getline(&line, &room, stdin) > 0)
		if (*line == 'P') {
			check_line(f, line);
			printf("\n");
		}
	for (u32 i = 0; i < f->nr_answers; i++)
		printf("M %u %d %s\n", i, f->answers[i].err, f->answers[i].text);
}

static void as_6_18(void **state)
{
	compare("6.18", 10092, 0);
}

static void as_6_12(void **state)
{
	/* 6.12.117 got a fix that 6.18.44 lacks: the count of bpf_loop() may be no pointer. */
	compare("6.12", 10092, 44);
}

static void as_6_1(void **state)
{
	compare("6.1", 10092, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_6_18),
		cmocka_unit_test(as_6_12),
		cmocka_unit_test(as_6_1),
	};

	if (argc == 2 && !strcmp(argv[1], "--record")) {
		record();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
