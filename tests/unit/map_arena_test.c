/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arenas: what can be created and mapped, and programs that allocate and walk them, beside the kernel. */
#define _LARGEFILE64_SOURCE
#include "base/uapi.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/bpf/arena.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;
static char object_file[4096];

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 144);
}

static int setup(void **state)
{
	struct utsname u;

	uname(&u);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = u.release });
	if (!sys)
		sys = skep_system_new(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static int create(int side, u32 entries, u64 extra, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARENA;
	attr.max_entries = entries;
	attr.map_extra = extra;
	attr.map_flags = flags;
	return call(side, BPF_MAP_CREATE, &attr);
}

static bool kernel_permits(void)
{
	int fd = create(KERNEL, 1, 0, BPF_F_MMAPABLE);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!kernel_permits()) {                                                           \
			print_message("# the running kernel has no arenas for us\n");              \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void test_create(void **state)
{
	static const u32 entries[] = { 0, 1, 100, 1 << 20, (1 << 20) + 1 };
	static const u64 extras[] = {
		0, 1, 4096, 1ULL << 44, (1ULL << 44) + 0xfffff000, (1ULL << 44) + 0xffff0000
	};

	NEED_KERNEL();
	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		for (u32 k = 0; k < ARRAY_SIZE(extras); k++)
			for (u32 bit = 0; bit < 20; bit++) {
				u32 flags = BPF_F_MMAPABLE ^ (bit ? 1U << bit : 0);
				int fd[2];

				if (flags & BPF_F_TOKEN_FD || (bit && (i != 2 || k)))
					continue;
				for (int side = 0; side < 2; side++)
					fd[side] = create(side, entries[i], extras[k], flags);
				if ((fd[0] < 0 || fd[1] < 0) && fd[0] != fd[1])
					fail_msg("%u pages at %llx, flags %x: skep %d, kernel %d",
						 entries[i], (unsigned long long)extras[k], flags,
						 fd[0], fd[1]);
				for (int side = 0; side < 2; side++)
					if (fd[side] >= 0)
						close(fd[side]);
			}
}

static void test_commands(void **state)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				    BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	int fd[2];

	NEED_KERNEL();
	for (int side = 0; side < 2; side++)
		fd[side] = create(side, 10, 0, BPF_F_MMAPABLE);
	for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
		int ret[2];

		for (int side = 0; side < 2; side++) {
			union bpf_attr attr;
			u64 v = 0;

			memset(&attr, 0, sizeof(attr));
			attr.map_fd = (u32)fd[side];
			if (cmds[i] != BPF_MAP_DELETE_ELEM)
				attr.value = (u64)&v;
			ret[side] = call(side, cmds[i], &attr);
		}
		if (ret[0] != ret[1])
			fail_msg("command %d: skep %d, kernel %d", cmds[i], ret[0], ret[1]);
	}
	close(fd[0]);
	close(fd[1]);
}

static void *map_it(struct skep_system *s, int fd, u64 at, size_t len, int *err)
{
	void *p;

	skep_front_use(s);
	p = mmap64((void *)at, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*err = p == MAP_FAILED ? errno : 0;
	skep_front_use(NULL);
	return p;
}

/* The first mapping says where, if map_extra does not; others agree with it. */
static void test_mmap(void **state)
{
	NEED_KERNEL();
	for (int side = 0; side < 2; side++) {
		struct skep_system *s = side == SKEP ? sys : NULL;
		size_t size = 20 * 4096;
		void *p, *q;
		int fd, err;

		fd = create(side, 20, ARENA_START, BPF_F_MMAPABLE);
		p = map_it(s, fd, 0, size, &err);
		assert_int_equal(err, EINVAL); /* not there */
		p = map_it(s, fd, ARENA_START, size + 4096, &err);
		assert_int_equal(err, E2BIG);
		p = map_it(s, fd, ARENA_START, size - 4096, &err);
		assert_int_equal(err, EINVAL);
		p = map_it(s, fd, ARENA_START, size, &err);
		assert_int_equal(err, 0);
		assert_ptr_equal(p, (void *)ARENA_START);
		munmap(p, size);
		close(fd);
		fd = create(side, 20, 0, BPF_F_MMAPABLE);
		p = map_it(s, fd, 0, size, &err);
		assert_int_equal(err, 0);
		assert_int_equal((u64)p >> 32, ((u64)p + size - 1) >> 32);
		q = map_it(s, fd, (u64)p + (1 << 24), size, &err);
		assert_int_equal(err, EINVAL);
		*(volatile int *)p = 5;
		munmap(p, size);
		(void)q;
		close(fd);
	}
}

/* ---- programs ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static struct arena_answer ask(struct bpf_object *obj, const char *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_map *bss = bpf_object__find_map_by_name(obj, ".bss");
	char value[256];
	struct arena_answer a;
	u32 zero = 0;
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, prog));

	if (bpf_prog_test_run_opts(fd, &opts))
		fail_msg("%s: %d", prog, -errno);
	if (opts.retval)
		fail_msg("%s: returned %u", prog, opts.retval);
	assert_true(bpf_map__value_size(bss) <= sizeof(value));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &zero, value), 0);
	memcpy(&a, value, sizeof(a));
	return a;
}

#define RUNS 4

static bool play(struct skep_system *s, struct arena_answer *out)
{
	struct bpf_object *obj;
	struct arena_node *n;
	u64 sum = 0;
	int fd, err;

	skep_front_use(s);
	if (!getenv("ARENA_LOG"))
		libbpf_set_print(quiet);
	obj = bpf_object__open_file(object_file, NULL);
	assert_non_null(obj);
	bpf_map__set_map_extra(bpf_object__find_map_by_name(obj, "arena"), ARENA_START);
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		skep_front_use(NULL);
		return false;
	}
	fd = bpf_object__find_map_fd_by_name(obj, "arena");
	n = map_it(s, fd, ARENA_START, ARENA_PAGES * 4096, &err);
	assert_int_equal(err, 0);
	skep_front_use(s);
	n[256 * 40].value = 9; /* user space has taken page 40 */
	out[0] = ask(obj, "pages");
	out[1] = ask(obj, "absent");
	out[2] = ask(obj, "list");
	/* User space walks the program's list by the program's pointers. */
	n = (struct arena_node *)out[2].page;
	for (n = n + 299; n; n = n->next)
		sum += n->value;
	assert_int_equal(sum, 77 + 298 * 299 / 2);
	((struct arena_node *)out[2].page)->value = 1234;
	out[3] = ask(obj, "pages");
	munmap((void *)ARENA_START, ARENA_PAGES * 4096);
	bpf_object__close(obj);
	skep_front_use(NULL);
	return true;
}

static void test_programs(void **state)
{
	struct arena_answer ours[RUNS], interpreted[RUNS], theirs[RUNS];
	struct skep_system_opts opts = { .sz = sizeof(opts), .jit = "off" };
	struct skep_system *plain = skep_system_new(&opts);

	memset(ours, 0, sizeof(ours));
	memset(theirs, 0, sizeof(theirs));
	memset(interpreted, 0, sizeof(theirs));
	if (!play(sys, ours)) {
		if (access("/usr/bin/clang-19", X_OK)) {
			print_message("built by a clang that knows no address spaces\n");
			skip();
		}
		fail_msg("skep does not load it");
	}
	assert_int_equal(ours[0].page, ARENA_START);
	assert_int_equal(ours[0].page2, ARENA_START + 4096);
	assert_int_equal(ours[0].page3, ARENA_START + 4096);
	assert_int_equal(ours[0].at, ARENA_START + 50 * 4096);
	assert_int_equal(ours[0].again, 0);
	assert_int_equal(ours[1].sum, 0);
	assert_int_equal(ours[1].last, 0);
	assert_int_equal(ours[2].sum, 299 * 300 / 2);
	assert_int_equal(ours[2].old, 304);
	assert_int_equal(ours[2].last, 77);
	assert_true(play(plain, interpreted));
	assert_memory_equal(ours, interpreted, sizeof(ours));
	skep_system_free(plain);
	if (!kernel_permits() || !play(NULL, theirs)) {
		print_message("# the running kernel does not load it\n");
		return;
	}
	for (u32 i = 0; i < RUNS; i++) /* Linux may give the old value of a page that is free */
		ours[i].freed = theirs[i].freed = 0;
	assert_memory_equal(ours, theirs, sizeof(ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_mmap),
		cmocka_unit_test(test_programs),
	};
	const char *o = getenv("O");

	snprintf(object_file, sizeof(object_file), "%s/bpf/arena.bpf.o", o ? o : "build");
	return cmocka_run_group_tests_name("map_arena", tests, setup, teardown);
}
