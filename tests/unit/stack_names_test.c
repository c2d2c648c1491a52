/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who called whom, as streams have it (tests/bpf/stack_names.bpf.c): by both engines. The running kernel
 * may not have the kernel function that prints it, but its stack has the same functions.
 */
#include "base/types.h"
#include "base/uapi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "skep/skep.h"

#define LEAF "leaf inner "

/* The functions, the innermost first; of the program that is run, or of the one it goes on with. */
static const struct scenario {
	const char *prog, *writes, *names;
	bool tc; /* of a type that has timers and exceptions, and no kernel stacks */
	u32 retval;
} scenarios[] = {
	{ "chain", NULL, LEAF "step outer chain " },
	{ "unrolled", NULL, LEAF "step unrolled " },
	{ "each", NULL, LEAF "element each " },
	{ "walk", NULL, LEAF "step outer nested walk " },
	{ "tail", "target", LEAF "target between tail " },
	{ "timer", NULL, LEAF "fire ", true },
	{ "caught", NULL, LEAF "caught ", true, 3 },
};

/* What one of them said: the functions, and the lines they were at but the innermost's. */
struct chain {
	char names[256], lines[2048];
};

static struct chain interpreted[ARRAY_SIZE(scenarios)], compiled[ARRAY_SIZE(scenarios)];

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, format, args) : 0;
}

static void fill(const struct bpf_object *obj, const char *array, const char *prog)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, prog));
	u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, array), &zero,
					     &fd, BPF_ANY),
			 0);
}

/* NULL: not for this kernel. */
static struct bpf_object *load(bool takes)
{
	const char *out = getenv("O");
	struct bpf_program *prog;
	struct bpf_object *obj;
	struct bpf_map *map;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/stack_names.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	map = bpf_object__find_map_by_name(obj, ".rodata");
	assert_non_null(map);
	assert_int_equal(bpf_map__set_initial_value(map, &takes, sizeof(takes)), 0);
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(
		prog, !takes || bpf_program__type(prog) != BPF_PROG_TYPE_SCHED_CLS);
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		return NULL;
	}
	fill(obj, "targets", "target");
	if (!takes)
		fill(obj, "throwing", "throw");
	return obj;
}

static int read_stream(struct skep_system *sys, const struct bpf_object *obj, const char *name,
		       char *text, u32 size)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, name)), n;
	union bpf_attr attr = { .prog_stream_read = { .stream_buf = (u64)text,
						      .stream_buf_len = size - 1,
						      .stream_id = 2,
						      .prog_fd = (u32)fd } };

	n = (int)skep_bpf(sys, BPF_PROG_STREAM_READ_BY_FD, &attr, sizeof(attr));
	text[n > 0 ? n : 0] = 0;
	return n;
}

/* Takes the functions of programs out of what a stream has. */
static void take(struct chain *c, const char *text, u32 pid)
{
	char function[128], head[64], copy[8192], *rest = copy;
	u32 off, size, n = 0;

	memset(c, 0, sizeof(*c));
	if (pid) {
		snprintf(head, sizeof(head), " PID: %u Comm: stack_names_tes\nCall trace:\n", pid);
		assert_non_null(strstr(text, head));
	}
	assert_non_null(strstr(text, "CPU: "));
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (sscanf(line, "bpf_prog_%*16[0-9a-f]_%127[^+]+0x%x/0x%x", function, &off,
			   &size) == 3) {
			n++;
			assert_true(off && off <= size);
			strncat(c->names, function, sizeof(c->names) - strlen(c->names) - 2);
			strcat(c->names, " ");
		} else if (n > 1 && strstr(line, ".bpf.c:")) {
			assert_true(strlen(c->lines) + strlen(line) + 2 < sizeof(c->lines));
			strcat(strcat(c->lines, line), "\n");
		}
	}
}

static void run_one(const struct bpf_object *obj, const struct scenario *s)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, s->prog));
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	u8 packet[64] = { 0 };

	if (s->tc) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(opts.retval, s->retval);
}

static void run(struct skep_system *sys, const struct bpf_object *obj, struct chain *chains)
{
	u32 pid = (u32)syscall(SYS_gettid);

	for (u32 i = 0; i < ARRAY_SIZE(scenarios); i++) {
		const struct scenario *s = &scenarios[i];
		char text[16384] = "";

		run_one(obj, s);
		for (u32 wait = 0; wait < 6000 && !text[0]; wait++) {
			assert_true(read_stream(sys, obj, s->writes ?: s->prog, text,
						sizeof(text)) >= 0);
			if (!text[0])
				usleep(10000);
		}
		take(&chains[i], text, strcmp(s->prog, "timer") ? pid : 0);
		assert_string_equal(chains[i].names, s->names);
	}
}

static void run_skep(const char *jit, struct chain *chains)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "7.1", .jit = jit };
	struct skep_system *sys = skep_system_new(&opts);
	struct bpf_object *obj;

	assert_non_null(sys);
	skep_front_use(sys);
	obj = load(false);
	assert_non_null(obj);
	run(sys, obj, chains);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

static void test_engines(void **state)
{
	run_skep("off", interpreted);
	run_skep("on", compiled);
	for (u32 i = 0; i < ARRAY_SIZE(scenarios); i++)
		assert_string_equal(interpreted[i].lines, compiled[i].lines);
	assert_non_null(
		strstr(compiled[0].lines, "  | int ret = leaf(n + 1); @ stack_names.bpf.c:"));
}

static struct symbol {
	u64 at;
	char name[128];
} symbols[4096];
static u32 nr_symbols;

/* The kernel's functions of programs. */
static void read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f) && nr_symbols < ARRAY_SIZE(symbols)) {
		struct symbol *s = &symbols[nr_symbols];
		const char *name = strstr(line, " bpf_prog_");

		s->at = strtoull(line, NULL, 16);
		nr_symbols +=
			name && s->at && sscanf(name, " bpf_prog_%*16[0-9a-f]_%127s", s->name) == 1;
	}
	if (f)
		fclose(f);
}

/* The one that @addr is in; NULL: none. */
static const char *function_at(u64 addr)
{
	const struct symbol *best = NULL;

	for (u32 i = 0; i < nr_symbols; i++)
		if (symbols[i].at < addr && (!best || symbols[i].at > best->at))
			best = &symbols[i];
	return best && addr - best->at < 4096 ? best->name : NULL;
}

static void kernel_names(const struct bpf_object *obj, char *names, u32 size)
{
	int fd = bpf_object__find_map_fd_by_name(obj, ".bss.taken");
	u64 taken[64] = { 0 };
	u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, taken), 0);
	names[0] = 0;
	for (u32 i = 0; i < ARRAY_SIZE(taken) && taken[i]; i++) {
		const char *name = function_at(taken[i]);

		if (name)
			strcat(strncat(names, name, size - strlen(names) - 2), " ");
	}
}

static void test_kernel(void **state)
{
	struct bpf_object *obj = load(true);
	char names[512];

	if (!obj) {
		print_message("no bpf(2) of a kernel whose stacks can be read\n");
		skip();
	}
	read_symbols();
	for (u32 i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (scenarios[i].tc)
			continue;
		run_one(obj, &scenarios[i]);
		kernel_names(obj, names, sizeof(names));
		if (!i && !names[0]) {
			print_message("the kernel does not name functions of programs\n");
			skip();
		}
		assert_string_equal(names, scenarios[i].names);
	}
	bpf_object__close(obj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_kernel),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("callers in streams", tests, NULL, NULL);
}
