/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs attached to functions of programs: extensions that stand in for them, fentry and fexit.
 * Natively and interpreted; extensions on the running kernel, too, where it permits eBPF.
 */
#include "object/rt_heap.h"
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep/skep.h"

enum { JIT, INTERPRETER, KERNEL, ENGINES };

#define LEN 64

static struct skep_system *systems[ENGINES]; /* of KERNEL: NULL */
static bool kernel_works;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static struct bpf_object *open_file(const char *name)
{
	const char *out = getenv("O");
	struct bpf_object *obj;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/%s.bpf.o", out ? out : "build", name);
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	return obj;
}

static int fd_of(struct bpf_object *obj, const char *prog)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, prog));
}

/* The target's programs, with 3 in the map. */
static struct bpf_object *open_target(int which)
{
	struct bpf_object *obj;
	u32 zero = 0, three = 3;

	skep_front_use(systems[which]);
	obj = open_file("ext");
	assert_int_equal(bpf_object__load(obj), 0);
	assert_int_equal(bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "rounds"), &zero,
					     &three, 0),
			 0);
	return obj;
}

/* The object with program @name alone, to be attached to @target: 0 or -errno, *@obj open. */
static int load_by(struct bpf_object **obj, const char *name, int target, const char *func,
		   char *log, size_t log_size)
{
	struct bpf_program *p;

	*obj = open_file("ext_by");
	bpf_object__for_each_program(p, *obj)
	{
		bool wanted = !strcmp(bpf_program__name(p), name);

		bpf_program__set_autoload(p, wanted);
		if (!wanted)
			continue;
		assert_int_equal(bpf_program__set_attach_target(p, target, func), 0);
		if (log) {
			bpf_program__set_log_buf(p, log, log_size);
			bpf_program__set_log_level(p, 1);
		}
	}
	return bpf_object__load(*obj);
}

static int run(int prog)
{
	u8 packet[LEN] = { [3] = 0xab };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));

	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	return (int)opts.retval;
}

#define WEIGH	 (LEN * 2 + 7)
#define LEAF	 4
#define INNER	 (LEN - 3)
#define ORIGINAL (WEIGH + LEAF + INNER)

static struct bpf_link *attach(struct bpf_object *obj, const char *name)
{
	struct bpf_link *l = bpf_program__attach(bpf_object__find_program_by_name(obj, name));

	assert_non_null(l);
	return l;
}

static void replaces(int which)
{
	static const struct {
		const char *name, *func;
		int result;
	} rows[] = {
		{ "new_leaf", "leaf", WEIGH + 3000 + INNER },
		{ "new_weigh", "weigh", 2 * LEN + 21 + LEN + LEAF + INNER },
		{ "new_target", "target", LEN + 5 },
	};
	struct bpf_object *obj = open_target(which), *by;
	int target = fd_of(obj, "target");
	struct bpf_link *l;

	assert_int_equal(run(target), ORIGINAL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(load_by(&by, rows[i].name, target, rows[i].func, NULL, 0), 0);
		assert_int_equal(run(target), ORIGINAL);
		l = attach(by, rows[i].name);
		assert_int_equal(run(target), rows[i].result);
		assert_int_equal(run(target), rows[i].result);
		/* It has been attached to what it was loaded for, once. */
		assert_null(
			bpf_program__attach(bpf_object__find_program_by_name(by, rows[i].name)));
		assert_int_equal(bpf_link__destroy(l), 0);
		assert_int_equal(run(target), ORIGINAL);
		/* Elsewhere it can be attached again. */
		l = bpf_program__attach_freplace(bpf_object__find_program_by_name(by, rows[i].name),
						 target, rows[i].func);
		assert_non_null(l);
		assert_int_equal(run(target), rows[i].result);
		assert_int_equal(bpf_link__destroy(l), 0);
		bpf_object__close(by);
	}
	bpf_object__close(obj);
}

/* One extension on two programs; two on one function are too many. */
static void targets(int which)
{
	struct bpf_object *obj = open_target(which), *by, *by2;
	int target = fd_of(obj, "target"), other = fd_of(obj, "other");
	struct bpf_program *p;
	struct bpf_link *l, *l2;

	assert_int_equal(load_by(&by, "new_leaf", target, "leaf", NULL, 0), 0);
	assert_int_equal(load_by(&by2, "new_leaf", target, "leaf", NULL, 0), 0);
	l = attach(by, "new_leaf");
	p = bpf_object__find_program_by_name(by2, "new_leaf");
	assert_null(bpf_program__attach(p));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(run(other), 101);
	l2 = bpf_program__attach_freplace(p, other, "leaf");
	assert_non_null(l2);
	assert_int_equal(run(other), 100000);
	/* Not of its type. */
	assert_null(bpf_program__attach_freplace(p, other, "other"));
	bpf_link__destroy(l2);
	/* The link holds both programs. */
	bpf_object__close(by2);
	bpf_object__close(by);
	bpf_object__close(obj);
	bpf_link__destroy(l);
}

/* A program that is in a program array has no extensions, and the other way round. */
static void tail_called(int which)
{
	struct bpf_object *obj = open_target(which), *by;
	int target = fd_of(obj, "target"), array, ext;
	struct bpf_link *l;
	u32 zero = 0;

	assert_int_equal(load_by(&by, "new_leaf", target, "leaf", NULL, 0), 0);
	ext = fd_of(by, "new_leaf");
	array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "array", 4, 4, 1, NULL);
	assert_true(array >= 0);
	assert_int_equal(bpf_map_update_elem(array, &zero, &target, 0), 0);
	assert_null(bpf_program__attach(bpf_object__find_program_by_name(by, "new_leaf")));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(bpf_map_delete_elem(array, &zero), 0);
	l = attach(by, "new_leaf");
	assert_int_equal(bpf_map_update_elem(array, &zero, &target, 0), -EBUSY);
	assert_int_equal(bpf_map_update_elem(array, &zero, &ext, 0), -EINVAL);
	bpf_link__destroy(l);
	assert_int_equal(bpf_map_update_elem(array, &zero, &target, 0), 0);
	close(array);
	bpf_object__close(by);
	bpf_object__close(obj);
}

static void refused(int which)
{
	static const struct {
		const char *name, *func, *says;
	} rows[] = {
		{ "wrong_args", "leaf", "wrong_args() has 2 args while leaf() has 1 args" },
		{ "wrong_kind", "weigh", "arg0 in wrong_kind() is INT while weigh() has PTR" },
		{ "wrong_size", "leaf", "arg0 in wrong_size() has size 8 while leaf() has 4" },
		{ "wrong_static", "inner", "inner() is not a global function" },
	};
	struct bpf_object *obj = open_target(which), *by;
	int target = fd_of(obj, "target");
	char log[4096];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		*log = 0;
		assert_int_equal(load_by(&by, rows[i].name, target, rows[i].func, log, sizeof(log)),
				 -EINVAL);
		if (!strstr(log, rows[i].says))
			fail_msg("%s: \"%s\" is not in \"%s\"", rows[i].name, rows[i].says, log);
		bpf_object__close(by);
	}
	bpf_object__close(obj);
}

/* As in ext_by.bpf.c. */
struct seen {
	u64 weigh[4], main, inner[2], args, packet[4];
};

static struct seen seen(struct bpf_object *by)
{
	struct seen s;
	u32 zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(by, "seen"), &zero, &s), 0);
	return s;
}

static void watches(int which)
{
	struct bpf_object *obj = open_target(which), *by[5];
	static const char *const names[] = { "before_weigh", "after_weigh", "after_weigh_too",
					     "after_target", "after_inner" };
	static const char *const funcs[] = { "weigh", "weigh", "weigh", "target", "inner" };
	int target = fd_of(obj, "target");
	struct bpf_link *links[5];
	struct bpf_object *ext;
	LIBBPF_OPTS(bpf_trace_opts, opts, .cookie = 77);

	for (u32 i = 0; i < 5; i++) {
		assert_int_equal(load_by(&by[i], names[i], target, funcs[i], NULL, 0), 0);
		links[i] = bpf_program__attach_trace_opts(
			bpf_object__find_program_by_name(by[i], names[i]), &opts);
		assert_non_null(links[i]);
	}
	assert_int_equal(run(target), ORIGINAL);
	assert_int_equal(seen(by[0]).weigh[0], LEN);
	assert_int_equal(seen(by[0]).weigh[1], 7);
	assert_int_equal(seen(by[1]).weigh[2], WEIGH);
	assert_int_equal(seen(by[1]).args, 3);
	assert_int_equal(seen(by[2]).weigh[3], 77);
	assert_int_equal(seen(by[3]).main, ORIGINAL);
	assert_int_equal(seen(by[4]).inner[0], LEN);
	assert_int_equal(seen(by[4]).inner[1], 3);
	/* Who watches a function keeps it from being replaced, and the other way round. */
	assert_int_equal(load_by(&ext, "new_weigh", target, "weigh", NULL, 0), 0);
	assert_null(bpf_program__attach(bpf_object__find_program_by_name(ext, "new_weigh")));
	assert_int_equal(errno, EBUSY);
	bpf_object__close(ext);
	for (u32 i = 0; i < 5; i++) {
		assert_int_equal(bpf_link__destroy(links[i]), 0);
		bpf_object__close(by[i]);
	}
	assert_int_equal(run(target), ORIGINAL);
	bpf_object__close(obj);
}

/* Watchers see the packet as the kernel's struct, and may read its bytes. */
static void shows_packets(int which)
{
	static const char *const names[] = { "packet_before", "packet_after" }, *const funcs[] = {
		"weigh", "target"
	};
	struct bpf_object *obj = open_target(which), *by[2], *ext, *watch;
	int target = fd_of(obj, "target");
	struct bpf_link *l, *lw;

	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(load_by(&by[i], names[i], target, funcs[i], NULL, 0), 0);
		l = attach(by[i], names[i]);
		assert_int_equal(run(target), ORIGINAL);
		assert_int_equal(seen(by[i]).packet[2 * i], LEN);
		assert_int_equal(seen(by[i]).packet[2 * i + 1], 0xab);
		assert_int_equal(bpf_link__destroy(l), 0);
		bpf_object__close(by[i]);
	}
	/* Those who watch what stands in for a program, too. */
	assert_int_equal(load_by(&ext, "new_target", target, "target", NULL, 0), 0);
	l = attach(ext, "new_target");
	assert_int_equal(load_by(&watch, "after_new_target", fd_of(ext, "new_target"), "new_target",
				 NULL, 0),
			 0);
	lw = attach(watch, "after_new_target");
	assert_int_equal(run(target), LEN + 5);
	assert_int_equal(seen(watch).main, LEN + 5);
	assert_int_equal(seen(watch).packet[0], LEN);
	assert_int_equal(seen(watch).packet[1], 0xab);
	assert_int_equal(bpf_link__destroy(lw), 0);
	assert_int_equal(bpf_link__destroy(l), 0);
	bpf_object__close(watch);
	bpf_object__close(ext);
	bpf_object__close(obj);
}

static void on_all(void **state)
{
	void (*test)(int which) = (void (*)(int)) * state;

	for (int which = 0; which < ENGINES; which++) {
		if (which == KERNEL && !kernel_works) {
			print_message("# not compared with the running kernel, which refuses\n");
			continue;
		}
		test(which);
		skep_front_use(NULL);
		if (which == KERNEL)
			continue;
		for (u32 i = 0; i < 3; i++) {
			union bpf_attr attr = { 0 };

			skep_bpf(systems[which], BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr));
		}
		assert_int_equal(systems[which]->tables[OBJECT_PROG].by_id.n, 0);
		assert_int_equal(systems[which]->tables[OBJECT_LINK].by_id.n, 0);
		assert_int_equal(heap_live(systems[which]->arena), 0);
	}
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };
	int fd;

	libbpf_set_print(quiet);
	skep_front_use(NULL);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 4, 1, NULL);
	kernel_works = fd >= 0;
	if (fd >= 0)
		close(fd);
	if (kernel_works) { /* some that permit the rest refuse trampolines */
		struct bpf_object *obj = open_target(KERNEL), *by;

		kernel_works = !load_by(&by, "new_leaf", fd_of(obj, "target"), "leaf", NULL, 0);
		bpf_object__close(by);
		bpf_object__close(obj);
	}
	opts.jit = "on";
	systems[JIT] = skep_system_new(&opts);
	opts.jit = "off";
	systems[INTERPRETER] = skep_system_new(&opts);
	return systems[JIT] && systems[INTERPRETER] ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(systems[JIT]);
	skep_system_free(systems[INTERPRETER]);
	return 0;
}

#define TEST(run_)                                                                                 \
	{                                                                                          \
		.name = #run_, .test_func = on_all, .initial_state = run_                          \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replaces), TEST(targets), TEST(tail_called),
		TEST(refused),	TEST(watches), TEST(shows_packets),
	};

	return cmocka_run_group_tests_name("programs on programs", tests, begin, end);
}
