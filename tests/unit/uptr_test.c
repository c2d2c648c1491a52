/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * User pointers in values of task storages (tests/bpf/uptr.bpf.c): natively, interpreted, and on the running
 * kernel where it permits eBPF, which must all do the same to the process's memory.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "skep/skep.h"
#include "tests/bpf/uptr.h"

u64 heap_live(struct arena *arena);

enum { JIT, INTERPRETER, KERNEL, ENGINES };

static struct skep_system *systems[ENGINES]; /* of KERNEL: NULL */
static bool has_kernel;

/* As in the programs. */
struct value {
	long plain;
	struct shared_in *in;
	struct shared_out *out[2];
};

struct locked {
	u32 lock, pad;
	struct shared_in *in;
};

static char log_text[1 << 16];

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return getenv("V") ? vfprintf(stderr, format, args) : 0;
}

static struct bpf_object *open_object(void)
{
	const char *out = getenv("O");
	char path[1280];

	snprintf(path, sizeof(path), "%s/bpf/uptr.bpf.o", out ? out : "build");
	return bpf_object__open_file(path, NULL);
}

/* ---- one engine at a time ---- */

static struct bpf_object *obj;
static int map, self;

static u32 run(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p), &opts), 0);
	return opts.retval;
}

static int update(const void *value, u64 flags)
{
	return bpf_map_update_elem(map, &self, value, flags) ? -errno : 0;
}

static void on_each(void (*test)(int which))
{
	for (int i = 0; i < ENGINES; i++) {
		if (i == KERNEL && !has_kernel) {
			print_message("# not compared with the running kernel\n");
			return;
		}
		skep_front_use(systems[i]);
		obj = open_object();
		assert_non_null(obj);
		assert_int_equal(bpf_object__load(obj), 0);
		map = bpf_object__find_map_fd_by_name(obj, "storage");
		test(i);
		bpf_object__close(obj);
		skep_front_use(NULL);
	}
}

static void shared(int which)
{
	static struct shared_in in[2] __attribute__((aligned(64)));
	static struct shared_out out __attribute__((aligned(64)));
	struct value v = { .plain = 7, .in = &in[0], .out = { NULL, &out } }, got;

	in[0] = (struct shared_in){ 20, 3, "find me" };
	in[1] = (struct shared_in){ 1, 1, "nothing" };
	memset(&out, 0x11, sizeof(out));
	out.runs = 0;
	assert_int_equal(run("work"), 1); /* it has no value yet */
	assert_int_equal(update(&v, 0), 0);
	assert_int_equal(run("work"), 4);
	assert_int_equal(out.sum, 1023);
	assert_int_equal(out.runs, 1);
	assert_int_equal(out.last, 20);
	assert_string_equal(out.word, "found it");
	assert_int_equal(out.more, 0x1111); /* what the program left alone */
	assert_int_equal(out.unused[0], 0x11111111);
	assert_int_equal(out.word[9], 0x11);
	/* What the process writes meanwhile the next run sees. */
	in[0].a = -500;
	out.runs = 41;
	out.more = 12;
	assert_int_equal(run("work"), 4);
	assert_int_equal(out.sum, 503);
	assert_int_equal(out.runs, 42);
	assert_int_equal(out.more, 12);
	/* bpf(2) sees no addresses. */
	assert_int_equal(bpf_map_lookup_elem(map, &self, &got), 0);
	assert_int_equal(got.plain, 9);
	assert_null(got.in);
	assert_null(got.out[1]);
	/* Another place, and none. */
	v.in = &in[1];
	assert_int_equal(update(&v, BPF_EXIST), 0);
	assert_int_equal(run("work"), 4);
	assert_int_equal(out.sum, 1002);
	assert_string_equal(out.word, "Found it");
	v.out[0] = &out;
	assert_int_equal(update(&v, 0), 0);
	assert_int_equal(run("work"), 2);
	v = (struct value){ .in = &in[1] };
	assert_int_equal(update(&v, 0), 0);
	assert_int_equal(run("work"), 3);
	assert_int_equal(update(&v, BPF_NOEXIST), -EEXIST);
	assert_int_equal(run("drop"), 0);
	assert_int_equal(run("work"), 1);
	assert_int_equal(run("create"), 3);
	assert_int_equal(run("work"), 3);
	assert_int_equal(bpf_map_delete_elem(map, &self), 0);
	assert_int_equal(update(&v, BPF_EXIST), -ENOENT);
}

static void errors(int which)
{
	u8 *pages =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct value v = { 0 };
	struct locked l = { 0 };
	int locked = bpf_object__find_map_fd_by_name(obj, "with_lock"), none = -1;
	struct shared_out *out = (void *)(pages + 4096 - sizeof(*out));

	assert_ptr_not_equal(pages, MAP_FAILED);
	v.out[1] = out; /* up to the page's end */
	assert_int_equal(update(&v, 0), 0);
	v.in = (void *)(pages + 4096 - sizeof(*v.in) + 8);
	assert_int_equal(update(&v, 0), -EOPNOTSUPP);
	/* Nothing has changed. */
	assert_int_equal(run("work"), 3);
	v.in = (void *)-8;
	assert_int_equal(update(&v, 0), -EFAULT);
	v.in = (void *)4096; /* nothing is there */
	assert_int_equal(update(&v, 0), -EFAULT);
	assert_int_equal(mprotect(pages + 8192, 4096, PROT_READ), 0);
	v.in = (void *)(pages + 8192);
	assert_int_equal(update(&v, 0), -EFAULT);
	assert_int_equal(bpf_map_update_elem(map, &none, &v, 0),
			 -EFAULT); /* before who it is for is asked */
	v.in = (void *)pages;
	assert_int_equal(bpf_map_update_elem(map, &none, &v, 0), -EBADF);
	assert_int_equal(update(&v, BPF_F_LOCK), -EINVAL);
	assert_int_equal(bpf_map_update_elem(locked, &self, &l, BPF_F_LOCK), -EOPNOTSUPP);
	assert_int_equal(bpf_map_update_elem(locked, &self, &l, 0), 0);
	/* A page that the process gives back is there for the programs. */
	assert_int_equal(update(&v, 0), 0);
	((struct shared_in *)pages)->a = 5;
	assert_int_equal(run("work"), 4);
	assert_int_equal(out->sum, 1005);
	munmap(pages, 3 * 4096);
	assert_int_equal(run("work"), 4);
	assert_int_equal(bpf_map_delete_elem(map, &self), 0);
	assert_int_equal(bpf_map_delete_elem(locked, &self), 0);
}

static void test_shared(void **state)
{
	on_each(shared);
}

static void test_errors(void **state)
{
	on_each(errors);
}

/* Two that update one value while programs run: nothing is lost, nothing left. */
static void *updates(void *arg)
{
	struct shared_in in = { 1, 2, "" };
	struct shared_out out = { 0 };
	struct value v = { .in = &in, .out = { NULL, &out } };

	/* which may not lie in two pages */
	for (u32 i = 0; i < 2000; i++)
		bpf_map_update_elem(map, &self, &v, 0);
	return NULL;
}

static u32 descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	u32 n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void busy(int which)
{
	struct skep_system *sys = systems[which];
	u32 before = descriptors();
	u64 live = sys ? heap_live(sys->arena) : 0;
	pthread_t t[2];

	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, updates, NULL), 0);
	for (u32 i = 0; i < 3000; i++)
		run("work");
	for (u32 i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	run("drop");
	assert_int_equal(descriptors(), before);
	if (sys)
		assert_int_equal(heap_live(sys->arena), live);
}

static void test_busy(void **state)
{
	on_each(busy);
}

/* ---- the verifier, and the map's type ---- */

static void refused(const char *name, const char *why)
{
	for (int i = 0; i < ENGINES; i++) {
		struct bpf_program *p;

		if (i == KERNEL && !has_kernel)
			continue;
		skep_front_use(systems[i]);
		obj = open_object();
		bpf_object__for_each_program(p, obj)
			bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
		p = bpf_object__find_program_by_name(obj, name);
		bpf_program__set_log_buf(p, log_text, sizeof(log_text));
		assert_true(bpf_object__load(obj));
		if (!strstr(log_text, why))
			fail_msg("engine %d, %s: no '%s' in\n%s", i, name, why, log_text);
		bpf_object__close(obj);
		skep_front_use(NULL);
	}
}

static void test_refused(void **state)
{
	refused("bad_store", "store to uptr disallowed");
	refused("bad_null", "invalid mem access 'mem_or_null'");
	refused("bad_bounds", "invalid access to memory, mem_size=40");
	refused("bad_part", "uptr access size must be BPF_DW");
	refused("bad_helper", "uptr cannot be accessed indirectly by helper");
	refused("bad_xchg", "R1 has no valid kptr");
}

/* struct S { struct T __uptr *p; }, with T of @size bytes: the map's creation. */
static int create(const char *target, u32 size, u32 map_type)
{
	static const char strings[] = "\0int\0value\0p\0uptr\0task_struct\0own";
	const u32 pos_target = !strcmp(target, "own") ? 30 : 18;
	struct {
		struct btf_header h;
		u32 types[3 + 1 + 3 + 3 + 3 + 3 + 3];
		char str[sizeof(strings)];
	} raw = {
		.h = { .magic = 0xeb9f,
		       .version = 1,
		       .hdr_len = sizeof(struct btf_header),
		       .type_len = sizeof(raw.types),
		       .str_off = sizeof(raw.types),
		       .str_len = sizeof(strings) },
		.types = { 1, 1 << 24, 4, 0x1000020,  /* 1: int */
			   pos_target, 4 << 24, size, /* 2: T */
			   13, 18 << 24, 2,	      /* 3: uptr of T */
			   0, 2 << 24, 3,	      /* 4: pointer */
			   5, 4 << 24 | 1, 8,	      /* 5: value */
			   11, 4, 0 },
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_key_type_id = 1, .btf_value_type_id = 5);
	bool storage = map_type != BPF_MAP_TYPE_ARRAY;
	int fd, btf;

	memcpy(raw.str, strings, sizeof(strings));
	btf = bpf_btf_load(&raw, offsetof(typeof(raw), str) + sizeof(strings), NULL);
	assert_true(btf >= 0);
	opts.btf_fd = (u32)btf;
	opts.map_flags = storage ? BPF_F_NO_PREALLOC : 0;
	fd = bpf_map_create(map_type, "m", 4, 8, storage ? 0 : 4, &opts);
	close(btf);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void test_types(void **state)
{
	for (int i = 0; i < ENGINES; i++) {
		if (i == KERNEL && !has_kernel)
			continue;
		skep_front_use(systems[i]);
		assert_int_equal(create("own", 8, BPF_MAP_TYPE_TASK_STORAGE), 0);
		assert_int_equal(create("own", 4096, BPF_MAP_TYPE_TASK_STORAGE), 0);
		assert_int_equal(create("own", 4097, BPF_MAP_TYPE_TASK_STORAGE), -E2BIG);
		assert_int_equal(create("own", 0, BPF_MAP_TYPE_TASK_STORAGE), -EINVAL);
		assert_int_equal(create("task_struct", 8, BPF_MAP_TYPE_TASK_STORAGE), -EINVAL);
		assert_int_equal(create("own", 8, BPF_MAP_TYPE_ARRAY), -EOPNOTSUPP);
		assert_int_equal(create("own", 8, BPF_MAP_TYPE_CGRP_STORAGE), -EOPNOTSUPP);
		skep_front_use(NULL);
	}
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };

	libbpf_set_print(quiet);
	opts.jit = "on";
	systems[JIT] = skep_system_new(&opts);
	opts.jit = "off";
	systems[INTERPRETER] = skep_system_new(&opts);
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	skep_front_use(NULL);
	obj = open_object();
	has_kernel = obj && !bpf_object__load(obj);
	bpf_object__close(obj);
	return systems[JIT] && systems[INTERPRETER] && self >= 0 ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(systems[JIT]);
	skep_system_free(systems[INTERPRETER]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_busy),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests_name("user pointers", tests, begin, end);
}
