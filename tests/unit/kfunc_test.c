/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that call kernel functions (tests/bpf/kfunc.bpf.c), on random numbers: the
 * interpreter, native code and the running kernel must agree. Where the kernel does not
 * permit eBPF, or lacks a function, the two engines of skep are compared. SKEP_SEED=N begins
 * elsewhere, SKEP_ROUNDS=N runs longer.
 */
#include "object/rt_heap.h"
#include "object/system.h"

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
#include <sys/utsname.h>
#include <unistd.h>

#include "skep/skep.h"

#define IN     64
#define OUT    96
#define ROUNDS 150

/* As in the programs. */
struct io {
	u32 in[IN];
	u64 out[OUT];
	u32 nr_out;
	char data[256];
	u64 user;
};

enum { JIT, INTERPRETER, KERNEL, ENGINES };

static struct engine {
	struct skep_system *sys; /* NULL: the kernel */
	struct bpf_object *obj;
	bool use;
	bool new_names;
} engines[ENGINES];

static u64 random_state;
static char memory[768]; /* for programs to read; ends at many places */

static u64 rnd(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

/* The program alone; those that make tail calls with what these go to. */
static bool wanted(const char *prog, const char *name)
{
	return !strcmp(prog, name) || (!strcmp(prog, "tail_target") && !strncmp(name, "tail_", 5));
}

static int fill_tail_calls(const struct bpf_object *obj)
{
	int to = bpf_program__fd(bpf_object__find_program_by_name(obj, "tail_target"));
	u32 zero = 0;

	if (to < 0)
		return 0;
	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "tail"), &zero, &to, 0);
}

/* Opens the object with program @name and what it needs alone. */
static bool engine_open(struct engine *e, const char *name)
{
	const char *out = getenv("O");
	struct bpf_program *p;
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/bpf/kfunc%s.bpf.o", out ? out : "build",
		 e->new_names ? "_new" : "");
	skep_front_use(e->sys);
	e->obj = bpf_object__open_file(path, NULL);
	err = e->obj ? 0 : -errno;
	if (!err) {
		bpf_object__for_each_program(p, e->obj)
			bpf_program__set_autoload(p, wanted(bpf_program__name(p), name));
		err = bpf_object__load(e->obj) ?: fill_tail_calls(e->obj);
	}
	skep_front_use(NULL);
	return !err;
}

static void engine_close(struct engine *e)
{
	skep_front_use(e->sys);
	bpf_object__close(e->obj);
	skep_front_use(NULL);
	e->obj = NULL;
}

static int engine_run(struct engine *e, const char *name, const struct io *in, struct io *out,
		      u32 *retval, u8 packet[128])
{
	u8 result[256];
	u32 zero = 0;
	int map, err;

	skep_front_use(e->sys);
	map = bpf_object__find_map_fd_by_name(e->obj, "io");
	assert_int_equal(bpf_map_update_elem(map, &zero, in, 0), 0);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = 128,
		    .data_out = result, .data_size_out = sizeof(result));
	if (bpf_program__type(bpf_object__find_program_by_name(e->obj, name)) ==
	    BPF_PROG_TYPE_SYSCALL)
		opts.data_in = opts.data_out = NULL, opts.data_size_in = opts.data_size_out = 0;
	err = bpf_prog_test_run_opts(
		bpf_program__fd(bpf_object__find_program_by_name(e->obj, name)), &opts);
	*retval = opts.retval;
	assert_int_equal(bpf_map_lookup_elem(map, &zero, out), 0);
	skep_front_use(NULL);
	if (opts.data_out)
		memcpy(packet, result, 128);
	return err;
}

static void differ(const char *name, u64 seed, const char *what, u64 ours, u64 theirs)
{
	fail_msg("%s: SKEP_SEED=%llu: %s: %llx, should be %llx", name, (unsigned long long)seed,
		 what, (unsigned long long)ours, (unsigned long long)theirs);
}

static void run_both(const char *name, struct engine *ours, struct engine *theirs, u32 rounds)
{
	const char *seed_text = getenv("SKEP_SEED");
	u64 seed = seed_text ? strtoull(seed_text, NULL, 0) : 1;
	struct io in, a, b;
	u8 packet[2][128];
	u32 ret[2];
	char what[32];

	for (u32 r = 0; r < rounds; r++, seed++) {
		random_state = seed;
		memset(&in, 0, sizeof(in));
		for (u32 i = 0; i < IN; i++)
			in.in[i] = (u32)rnd();
		for (u32 i = 0; i < sizeof(in.data); i++)
			in.data[i] = (char)rnd();
		for (u32 i = 0; i < sizeof(memory); i++)
			memory[i] = (char)(rnd() % 48);
		in.user = (u64)(uintptr_t)memory;
		for (u32 i = 0; i < 128; i++)
			packet[0][i] = packet[1][i] = (u8)rnd();
		packet[0][12] = packet[1][12] = 8;
		packet[0][13] = packet[1][13] = 0;
		assert_int_equal(engine_run(ours, name, &in, &a, &ret[0], packet[0]), 0);
		assert_int_equal(engine_run(theirs, name, &in, &b, &ret[1], packet[1]), 0);
		if (ret[0] != ret[1])
			differ(name, seed, "result", ret[0], ret[1]);
		if (a.nr_out != b.nr_out)
			differ(name, seed, "number of outputs", a.nr_out, b.nr_out);
		for (u32 i = 0; i < OUT; i++) {
			snprintf(what, sizeof(what), "output %u", i);
			if (a.out[i] != b.out[i])
				differ(name, seed, what, a.out[i], b.out[i]);
		}
		if (memcmp(a.data, b.data, sizeof(a.data)))
			fail_msg("%s: SKEP_SEED=%llu: other data", name, (unsigned long long)seed);
		if (memcmp(packet[0], packet[1], 128))
			fail_msg("%s: SKEP_SEED=%llu: other packet", name,
				 (unsigned long long)seed);
	}
}

static void test_prog(void **state)
{
	const char *name = *state, *text = getenv("SKEP_ROUNDS");
	u32 rounds = text ? (u32)atoi(text) : ROUNDS;
	bool with_kernel;

	if (!engine_open(&engines[JIT], name)) {
		/* Types of what maps hold need tags, which Debian's own clang does not write. */
		if (!strcmp(name, "stash") && access("/usr/bin/clang-19", X_OK))
			skip();
		fail_msg("%s: not accepted", name);
	}
	assert_true(engine_open(&engines[INTERPRETER], name));
	run_both(name, &engines[JIT], &engines[INTERPRETER], rounds);
	engine_close(&engines[INTERPRETER]);
	with_kernel = engines[KERNEL].use && engine_open(&engines[KERNEL], name);
	if (with_kernel) {
		/* A map that outlives the runs begins empty on both sides. */
		engine_close(&engines[JIT]);
		assert_true(engine_open(&engines[JIT], name));
		run_both(name, &engines[JIT], &engines[KERNEL], rounds);
	} else {
		print_message("# %s: not compared with the running kernel\n", name);
	}
	for (int i = 0; i < ENGINES; i++)
		if (engines[i].obj)
			engine_close(&engines[i]);
	/* Maps and programs are gone, and with them every object. */
	for (int i = JIT; i <= INTERPRETER; i++) {
		union bpf_attr attr = { 0 };

		skep_bpf(engines[i].sys, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr));
		arena_reclaim(engines[i].sys->arena, &engines[i].sys->retired);
		arena_reclaim(engines[i].sys->arena, &engines[i].sys->retired);
		assert_int_equal(heap_live(engines[i].sys->arena), 0);
	}
}

/* The same by the functions' names of 7.x, where they take fewer arguments. */
static void test_new_names(void **state)
{
	const char *name = *state;
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "7.1" };
	struct engine ours = { .new_names = true };

	for (u32 jit = 0; jit < 2; jit++) {
		opts.jit = jit ? "on" : "off";
		ours.sys = skep_system_new(&opts);
		assert_non_null(ours.sys);
		if (!engine_open(&ours, name)) {
			if (!strcmp(name, "stash") && access("/usr/bin/clang-19", X_OK))
				skip();
			fail_msg("%s: not accepted", name);
		}
		assert_true(engine_open(&engines[JIT], name));
		run_both(name, &ours, &engines[JIT], ROUNDS);
		engine_close(&ours);
		engine_close(&engines[JIT]);
		skep_system_free(ours.sys);
	}
}

static int start(void **state)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	struct skep_system_opts opts = { .sz = sizeof(opts) };
	struct utsname u;
	int fd;

	libbpf_set_print(quiet);
	uname(&u);
	skep_front_use(NULL);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 4, 1, NULL);
	engines[KERNEL].use = fd >= 0;
	if (fd >= 0)
		close(fd);
	(void)attr;
	opts.kernel = "6.18";
	opts.jit = "on";
	engines[JIT].sys = skep_system_new(&opts);
	opts.jit = "off";
	engines[INTERPRETER].sys = skep_system_new(&opts);
	return engines[JIT].sys && engines[INTERPRETER].sys ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(engines[JIT].sys);
	skep_system_free(engines[INTERPRETER].sys);
	return 0;
}

#define PROG(name_)                                                                                \
	{                                                                                          \
		.name = #name_, .test_func = test_prog, .initial_state = #name_                    \
	}

#define NEW(name_)                                                                                 \
	{                                                                                          \
		.name = #name_ " by its new names", .test_func = test_new_names,                   \
		.initial_state = #name_                                                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROG(numbers),	     PROG(nested),	    PROG(bits),
		PROG(dynptr_mem),    PROG(dynptr_copy),	    PROG(dynptr_skb),
		PROG(dynptr_rdonly), PROG(dynptr_xdp),	    PROG(dynptr_ring),
		PROG(objects),	     PROG(stash),	    PROG(percpu),
		PROG(strings),	     PROG(cpumasks),	    PROG(throws),
		PROG(dynptr_fill),   PROG(dynptr_fill_skb), PROG(dynptr_fill_rdonly),
		PROG(kern_skb),	     PROG(kern_xdp),	    PROG(throws_last),
		PROG(map_fields),    PROG(tail_throws),	    NEW(objects),
		NEW(stash),	     NEW(percpu),
	};

	return cmocka_run_group_tests_name("kernel functions", tests, start, end);
}
