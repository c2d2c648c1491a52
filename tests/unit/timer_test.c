/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Timers and work queues really run: steps of tests/bpf/timer.bpf.c, natively, interpreted, and
 * on the running kernel where it permits eBPF. What is expected is written once, so that the
 * kernel checks the test.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../bpf/timer.h"
#include "skep/skep.h"

#define MS	    1000000ULL
#define LONG	    (3600 * 1000 * MS)
#define BPF_F_ABS   1
#define VALUE_BYTES 40

enum { JIT, INTERPRETER, KERNEL, ENGINES };

static struct skep_system *systems[ENGINES]; /* of KERNEL: NULL */
static bool kernel_works;

struct engine {
	int which;
	struct bpf_object *obj;
	int step, seen, map, prog;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static void engine_open(struct engine *e, int which, const char *map)
{
	const char *out = getenv("O");
	char path[512], name[32];

	e->which = which;
	snprintf(path, sizeof(path), "%s/bpf/timer.bpf.o", out ? out : "build");
	snprintf(name, sizeof(name), "%s_step", map);
	skep_front_use(systems[which]);
	e->obj = bpf_object__open_file(path, NULL);
	assert_non_null(e->obj);
	assert_int_equal(bpf_object__load(e->obj), 0);
	e->step = bpf_object__find_map_fd_by_name(e->obj, "step");
	e->seen = bpf_object__find_map_fd_by_name(e->obj, "seen");
	e->map = bpf_object__find_map_fd_by_name(e->obj, map);
	e->prog = bpf_program__fd(bpf_object__find_program_by_name(e->obj, name));
	assert_true(e->step >= 0 && e->seen >= 0 && e->map >= 0 && e->prog >= 0);
}

static void engine_close(struct engine *e)
{
	bpf_object__close(e->obj);
	skep_front_use(NULL);
}

static struct timer_seen seen(struct engine *e)
{
	struct timer_seen s;
	u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(e->seen, &zero, &s), 0);
	return s;
}

static s64 step_flags(struct engine *e, u32 what, u32 key, u64 arg, u64 flags)
{
	struct timer_step s = { what, key, arg, flags, 12345 };
	u8 packet[64] = { 0 };
	u32 zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));

	assert_int_equal(bpf_map_update_elem(e->step, &zero, &s, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(e->prog, &opts), 0);
	assert_int_equal(opts.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(e->step, &zero, &s), 0);
	return s.result;
}

static s64 step(struct engine *e, u32 what, u32 key, u64 arg)
{
	return step_flags(e, what, key, arg, 0);
}

static void nap(u64 ns)
{
	struct timespec t = { (time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL) };

	nanosleep(&t, NULL);
}

/* Waits until callbacks have run @n times: whether they did. */
static bool fired(struct engine *e, u64 n)
{
	for (u32 i = 0; i < 2000; i++) {
		if (seen(e).fired >= n)
			return seen(e).fired == n;
		nap(MS);
	}
	return false;
}

static void add(struct engine *e, u32 key)
{
	u8 value[VALUE_BYTES] = { 0 };

	assert_int_equal(bpf_map_update_elem(e->map, &key, value, 0), 0);
}

/* ---- the tests ---- */

static void errors(struct engine *e)
{
	add(e, 1);
	assert_int_equal(step(e, TIMER_SET, 1, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_START, 1, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_CANCEL, 1, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, 16), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_TAI), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_PROCESS_CPUTIME_ID), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, 1ULL << 32 | CLOCK_MONOTONIC), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_MONOTONIC), 0);
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_MONOTONIC), -EBUSY);
	assert_int_equal(step(e, TIMER_START, 1, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_CANCEL, 1, 0), 0);
	assert_int_equal(step(e, TIMER_SET, 1, 0), 0);
	assert_int_equal(step_flags(e, TIMER_START, 1, 0, 4), -EINVAL);
	/* A cancelled timer has lost its callback. */
	assert_int_equal(step(e, TIMER_START, 1, LONG), 0);
	assert_int_equal(step(e, TIMER_CANCEL, 1, 0), 1);
	assert_int_equal(step(e, TIMER_CANCEL, 1, 0), 0);
	assert_int_equal(step(e, TIMER_START, 1, 0), -EINVAL);
	assert_int_equal(seen(e).fired, 0);
}

static void start(struct engine *e, u32 key, u64 clock)
{
	add(e, key);
	assert_int_equal(step(e, TIMER_INIT, key, clock), 0);
	assert_int_equal(step(e, TIMER_SET, key, 0), 0);
}

static void runs(struct engine *e)
{
	struct timer_seen s;
	u8 value[VALUE_BYTES];
	u32 key = 3;

	start(e, 3, CLOCK_MONOTONIC);
	assert_int_equal(step(e, TIMER_START, 3, 0), 0);
	assert_true(fired(e, 1));
	s = seen(e);
	assert_int_equal(s.last_key, 3);
	assert_int_equal(s.cancelled_itself, -EDEADLK);
	assert_int_equal(step(e, TIMER_CANCEL, 3, 0), 0);
	/* bpf(2) does not show what is in a timer. */
	assert_int_equal(bpf_map_lookup_elem(e->map, &key, value), 0);
	for (u32 i = 8; i < 24; i++)
		assert_int_equal(value[i], 0);
	assert_int_equal(*(u64 *)value, 1);
	/* Started once more it counts from now, whenever it would have run. */
	assert_int_equal(step(e, TIMER_SET, 3, 0), 0);
	assert_int_equal(step(e, TIMER_START, 3, LONG), 0);
	assert_int_equal(step(e, TIMER_START, 3, MS), 0);
	assert_true(fired(e, 2));
	assert_int_equal(step(e, TIMER_START, 3, 1), 0);
	assert_true(fired(e, 3));
	/* A callback that starts its own timer. */
	assert_int_equal(step(e, TIMER_AGAIN, 3, 5), 0);
	assert_int_equal(step(e, TIMER_START, 3, 0), 0);
	assert_true(fired(e, 9));
	assert_int_equal(seen(e).started_again, 0);
	assert_int_equal(step(e, TIMER_CANCEL, 3, 0), 0);
}

static void clocks(struct engine *e)
{
	start(e, 0, CLOCK_MONOTONIC);
	start(e, 1, CLOCK_BOOTTIME);
	start(e, 2, CLOCK_REALTIME);
	assert_int_equal(step(e, TIMER_START_ABS, 0, MS), 0);
	assert_true(fired(e, 1));
	assert_int_equal(seen(e).last_key, 0);
	assert_int_equal(step(e, TIMER_START_BOOT, 1, MS), 0);
	assert_true(fired(e, 2));
	assert_int_equal(seen(e).last_key, 1);
	/* Long gone. */
	assert_int_equal(step_flags(e, TIMER_START, 2, 1, BPF_F_ABS), 0);
	assert_true(fired(e, 3));
	assert_int_equal(seen(e).last_key, 2);
	/* Not before the end of time. */
	assert_int_equal(step_flags(e, TIMER_START, 2, INT64_MAX, BPF_F_ABS), 0);
	assert_int_equal(step(e, TIMER_START, 0, INT64_MAX), 0);
	nap(5 * MS);
	assert_int_equal(seen(e).fired, 3);
	assert_int_equal(step(e, TIMER_CANCEL, 2, 0), 1);
	assert_int_equal(step(e, TIMER_CANCEL, 0, 0), 1);
}

static void order(struct engine *e)
{
	for (u32 i = 0; i < 4; i++)
		start(e, i, CLOCK_MONOTONIC);
	assert_int_equal(step(e, TIMER_START, 0, 60 * MS), 0);
	assert_int_equal(step(e, TIMER_START, 1, 40 * MS), 0);
	assert_int_equal(step(e, TIMER_START, 2, 20 * MS), 0);
	assert_int_equal(step(e, TIMER_START, 3, 50 * MS), 0);
	assert_int_equal(step(e, TIMER_CANCEL, 3, 0), 1);
	assert_true(fired(e, 3));
	assert_int_equal(seen(e).order, 0x210);
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 * MS + (u64)t.tv_nsec;
}

/* Armed timers go with their values. */
static void replaced(struct engine *e)
{
	bool array = e->map == bpf_object__find_map_fd_by_name(e->obj, "array");
	bool lru = e->map == bpf_object__find_map_fd_by_name(e->obj, "lru");
	u64 begin, took;

	do {
		begin = now();
		for (u32 key = 1; key <= 3; key++) {
			start(e, key, CLOCK_MONOTONIC);
			assert_int_equal(step(e, TIMER_START, key, 100 * MS), 0);
		}
		add(e, 1);
		add(e, 2);
		add(e, 3);
		assert_int_equal(step(e, TIMER_CANCEL, 1, 0), -EINVAL);
		if (!array) {
			start(e, 1, CLOCK_MONOTONIC);
			assert_int_equal(step(e, TIMER_START, 1, 100 * MS), 0);
			assert_int_equal(bpf_map_delete_elem(e->map, &(u32){ 1 }), 0);
			start(e, 1, CLOCK_MONOTONIC);
		}
		if (lru) { /* evicted, too */
			assert_int_equal(step(e, TIMER_START, 1, 100 * MS), 0);
			for (u32 key = 10; key < 100; key++)
				add(e, key);
		}
		took = now() - begin;
		nap(120 * MS);
		if (!array)
			bpf_map_delete_elem(e->map, &(u32){ 1 });
		/* On a busy machine they may have had the time to run. */
	} while (took > 90 * MS && seen(e).fired);
	assert_int_equal(seen(e).fired, 0);
}

static void removes_itself(struct engine *e)
{
	add(e, 7);
	assert_int_equal(step(e, TIMER_INIT, 7, CLOCK_MONOTONIC), 0);
	assert_int_equal(step(e, TIMER_SET_REMOVES, 7, 0), 0);
	assert_int_equal(step(e, TIMER_START, 7, 0), 0);
	assert_true(fired(e, 1));
	assert_int_equal(seen(e).removed, 0);
	assert_int_equal(bpf_map_lookup_elem(e->map, &(u32){ 7 }, (u8[VALUE_BYTES]){ 0 }), -ENOENT);
}

/* The map's last descriptor goes while the program lives: no timer runs, and none can be had. */
static void unheld(struct engine *e)
{
	u64 begin = now();
	struct bpf_map *map;
	int again;
	u32 id;
	struct bpf_map_info info = { 0 };
	u32 size = sizeof(info);
	bool late;
	u64 n;

	start(e, 1, CLOCK_MONOTONIC);
	assert_int_equal(bpf_obj_get_info_by_fd(e->map, &info, &size), 0);
	id = info.id;
	assert_int_equal(step(e, TIMER_START, 1, 100 * MS), 0);
	map = bpf_object__find_map_by_name(e->obj, "array");
	assert_int_equal(close(bpf_map__fd(map)), 0);
	late = now() - begin > 90 * MS; /* a busy machine: it may have run */
	nap(120 * MS);
	n = seen(e).fired;
	assert_true(!n || late);
	assert_int_equal(step(e, TIMER_SET, 1, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_MONOTONIC), -EPERM);
	again = bpf_map_get_fd_by_id(id);
	assert_true(again >= 0);
	/* libbpf closes the number that it knows. */
	if (again != e->map) {
		assert_int_equal(dup2(again, e->map), e->map);
		close(again);
	}
	assert_int_equal(step(e, TIMER_INIT, 1, CLOCK_MONOTONIC), 0);
	assert_int_equal(step(e, TIMER_SET, 1, 0), 0);
	assert_int_equal(step(e, TIMER_START, 1, 0), 0);
	assert_true(fired(e, n + 1));
}

static void work(struct engine *e)
{
	u8 value[24] = { 0 };
	u32 key = 5;

	assert_int_equal(bpf_map_update_elem(e->map, &key, value, 0), 0);
	assert_int_equal(step(e, TIMER_SET, 5, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_START, 5, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 5, 1), -EINVAL);
	assert_int_equal(step(e, TIMER_INIT, 5, 0), 0);
	assert_int_equal(step(e, TIMER_INIT, 5, 0), -EBUSY);
	assert_int_equal(step_flags(e, TIMER_SET, 5, 0, 1), -EINVAL);
	assert_int_equal(step(e, TIMER_START, 5, 0), -EINVAL);
	assert_int_equal(step(e, TIMER_SET, 5, 0), 0);
	assert_int_equal(step_flags(e, TIMER_START, 5, 0, 1), -EINVAL);
	for (u32 i = 1; i <= 3; i++) {
		assert_int_equal(step(e, TIMER_START, 5, 0), 0);
		assert_true(fired(e, i));
		assert_int_equal(seen(e).last_key, 5);
	}
}

/* A timer that a child of fork() arms runs there, for it is the child's thread. */
static void in_child(struct engine *e)
{
	int status;
	pid_t pid;

	start(e, 1, CLOCK_MONOTONIC);
	start(e, 2, CLOCK_MONOTONIC);
	assert_int_equal(step(e, TIMER_START, 1, 0), 0);
	assert_true(fired(e, 1));
	pid = fork();
	if (!pid) {
		step(e, TIMER_START, 2, MS);
		_exit(!fired(e, 2));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(seen(e).fired, 2);
	assert_int_equal(step(e, TIMER_START, 1, 0), 0);
	assert_true(fired(e, 3));
}

struct test {
	const char *map;
	void (*run)(struct engine *e);
};

static void on_all(void **state)
{
	const struct test *t = *state;
	struct engine e;

	for (int which = 0; which < ENGINES; which++) {
		if (which == KERNEL && !kernel_works) {
			print_message("# not compared with the running kernel\n");
			continue;
		}
		engine_open(&e, which, t->map);
		t->run(&e);
		engine_close(&e);
		if (which == KERNEL)
			continue;
		/* Nothing is left of maps, programs and timers. */
		for (u32 i = 0; i < 1000; i++) {
			union bpf_attr attr = { 0 };

			skep_bpf(systems[which], BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr));
			if (!heap_live(systems[which]->arena) &&
			    !systems[which]->tables[OBJECT_PROG].by_id.n)
				break;
			nap(MS);
		}
		assert_int_equal(heap_live(systems[which]->arena), 0);
		assert_int_equal(systems[which]->tables[OBJECT_PROG].by_id.n, 0);
		assert_int_equal(systems[which]->tables[OBJECT_MAP].by_id.n, 0);
	}
}

/* A system ends while timers are armed and run. */
static void system_ends(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };
	struct skep_system *kept = systems[JIT];
	struct engine e;

	for (u32 i = 0; i < 20; i++) {
		systems[JIT] = skep_system_new(&opts);
		assert_non_null(systems[JIT]);
		engine_open(&e, JIT, "hash");
		start(&e, 1, CLOCK_MONOTONIC);
		start(&e, 2, CLOCK_MONOTONIC);
		assert_int_equal(step(&e, TIMER_START, 1, LONG), 0);
		assert_int_equal(step(&e, TIMER_AGAIN, 2, 1000000), 0);
		assert_int_equal(step(&e, TIMER_START, 2, 0), 0);
		if (i % 2)
			engine_close(&e);
		else
			skep_front_use(NULL);
		skep_system_free(systems[JIT]);
		if (!(i % 2))
			bpf_object__close(e.obj);
	}
	systems[JIT] = kept;
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

#define TEST(map_, run_)                                                                           \
	{                                                                                          \
		.name = #run_ " " #map_, .test_func = on_all, .initial_state = &(struct test)      \
		{                                                                                  \
#map_, run_                                                                \
		}                                                                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(array, errors),   TEST(hash, errors),
		TEST(lru, errors),     TEST(array, runs),
		TEST(hash, runs),      TEST(lru, runs),
		TEST(array, clocks),   TEST(hash, order),
		TEST(array, replaced), TEST(hash, replaced),
		TEST(lru, replaced),   TEST(hash, removes_itself),
		TEST(array, unheld),   TEST(works, work),
		TEST(array, in_child), cmocka_unit_test(system_ends),
	};

	return cmocka_run_group_tests_name("timers", tests, begin, end);
}
