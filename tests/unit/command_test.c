/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf(2) at its edge: sizes and tails of the attribute, profiles, exhaustion. */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/arena.h"

static int setup(void **state)
{
	*state = system_for("6.18");
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

/* An attribute with room behind it. */
union wide {
	union bpf_attr attr;
	unsigned char bytes[8192];
};

static void array_attr(union wide *w)
{
	memset(w, 0, sizeof(*w));
	w->attr.map_type = BPF_MAP_TYPE_ARRAY;
	w->attr.key_size = 4;
	w->attr.value_size = 8;
	w->attr.max_entries = 1;
}

static int try(struct skep_system *sys, int cmd, union wide *w, unsigned size)
{
	int fd = skep_bpf(sys, cmd, (union bpf_attr *)w, size);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : fd;
}

static void test_tail(void **state)
{
	struct skep_system *sys = *state;
	static union wide w;
	unsigned char *end;

	array_attr(&w);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 16), 0);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, sizeof(w.attr)), 0);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 4096), 0);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 4097), -E2BIG);
	w.bytes[4095] = 1;
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 4096), -E2BIG);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 4095), 0);
	/* Inside the union, but behind what the command knows. */
	w.bytes[96] = 1;
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, sizeof(w.attr)), -EINVAL);
	/* Short: the rest counts as zero, so there is no value size. */
	array_attr(&w);
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, 8), -EINVAL);
	/* Memory that is not there. */
	end = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(end + 4096, 4096);
	memcpy(end + 4096 - 64, &w, 64);
	assert_int_equal(try(sys, BPF_MAP_CREATE, (void *)(end + 4096 - 64), 64), 0);
	assert_int_equal(try(sys, BPF_MAP_CREATE, (void *)(end + 4096 - 64), 65), -EFAULT);
	assert_int_equal(try(sys, BPF_MAP_CREATE, (void *)(end + 4096 - 64), 4096), -EFAULT);
	munmap(end, 4096);
	assert_int_equal(try(sys, BPF_MAP_CREATE, NULL, 64), -EFAULT);
}

static void test_profiles(void **state)
{
	static const struct {
		const char *kernel;
		int cmd, err;
	} rows[] = {
		{ "4.9", BPF_PROG_TEST_RUN, -EINVAL },
		{ "4.12", BPF_PROG_TEST_RUN, -EBADF },
		{ "5.6", BPF_LINK_DETACH, -EINVAL },
		{ "5.9", BPF_LINK_DETACH, -EBADF },
		{ "6.8", BPF_TOKEN_CREATE, -EINVAL },
		{ "6.9", BPF_TOKEN_CREATE, -EBADF },
		{ "5.1", BPF_MAP_FREEZE, -EINVAL },
		{ "5.2", BPF_MAP_FREEZE, -EBADF },
		{ "6.18", 100, -EINVAL },
		{ "6.18", -1, -EINVAL },
		{ "6.18", BPF_ITER_CREATE, -EINVAL },
	};
	union bpf_attr attr;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct skep_system *sys = system_for(rows[i].kernel);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = attr.test.prog_fd = attr.link_detach.link_fd = (u32)-1;
		assert_non_null(sys);
		if (rows[i].cmd == BPF_ITER_CREATE || rows[i].cmd == BPF_TOKEN_CREATE)
			memset(&attr, 0, sizeof(attr));
		if (rows[i].cmd == BPF_TOKEN_CREATE)
			attr.token_create.bpffs_fd = (u32)-1;
		assert_int_equal(skep_bpf(sys, rows[i].cmd, &attr, sizeof(attr)), rows[i].err);
		skep_system_free(sys);
	}
	(void)state;
}

/* A field that came later must be zero for an older kernel, by either rule. */
static void test_attr_of_profile(void **state)
{
	struct skep_system *old = system_for("5.10"), *new = system_for("6.1");
	static union wide w;

	array_attr(&w);
	w.attr.map_type = BPF_MAP_TYPE_BLOOM_FILTER;
	w.attr.key_size = 0;
	w.attr.map_extra = 3;
	assert_int_equal(try(old, BPF_MAP_CREATE, &w, sizeof(w.attr)), -EINVAL);
	array_attr(&w);
	w.bytes[130] = 1; /* 5.10's attribute has 120 bytes, 6.1's 144 */
	assert_int_equal(try(old, BPF_MAP_CREATE, &w, sizeof(w.attr)), -E2BIG);
	assert_int_equal(try(new, BPF_MAP_CREATE, &w, sizeof(w.attr)), -EINVAL);
	skep_system_free(old);
	skep_system_free(new);
	(void)state;
}

static void test_names(void **state)
{
	struct skep_system *sys = *state;
	static union wide w;

	array_attr(&w);
	strcpy(w.attr.map_name, "Az_09.x");
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, sizeof(w.attr)), 0);
	strcpy(w.attr.map_name, "a-b");
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, sizeof(w.attr)), -EINVAL);
	memset(w.attr.map_name, 'a', sizeof(w.attr.map_name));
	assert_int_equal(try(sys, BPF_MAP_CREATE, &w, sizeof(w.attr)), -EINVAL);
}

static void test_exhaustion(void **state)
{
	struct skep_system *sys = *state;
	struct rlimit old, limit;
	u64 before = arena_pages_used(sys->arena);
	int fd;

	/* More than any machine has: an errno, and nobody is killed. */
	fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 1 << 20, 1 << 15, 0);
	assert_true(fd == -ENOMEM || fd == -E2BIG);
	fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 4096, 1 << 20, BPF_F_MMAPABLE);
	if (fd >= 0) /* a machine with more than 4 GiB free */
		close(fd);
	else
		assert_int_equal(fd, -ENOMEM);
	objects_drain(sys, true);
	assert_int_equal(arena_pages_used(sys->arena), before);
	/* No descriptors left. */
	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
	objects_drain(sys, true);
	assert_int_equal(arena_pages_used(sys->arena), before);
}

/*
 * Runs @fn with the first, second, third ... allocation failing until none fails any
 * more: each failure is -ENOMEM and leaves no object behind.
 */
static void sweep(struct skep_system *sys, int (*fn)(struct skep_system *sys))
{
	int maps = count_ids(sys, BPF_MAP_GET_NEXT_ID), err;
	u64 n;

	for (n = 1; n < 1000; n++) {
		mem_fail_at(n, false);
		err = fn(sys);
		if (mem_count() < n) {
			mem_fail_at(0, false);
			assert_int_equal(err, 0);
			return;
		}
		mem_fail_at(0, false);
		if (err && err != -ENOMEM)
			fail_msg("allocation %llu: %d", (unsigned long long)n, err);
		assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), maps);
	}
	fail_msg("no end");
}

static int make_map(struct skep_system *sys)
{
	int fd = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 700, 4, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int make_map_of_maps(struct skep_system *sys)
{
	static union wide w;
	int inner = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), fd, key = 0, err;

	if (inner < 0)
		return inner;
	array_attr(&w);
	w.attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	w.attr.value_size = 4;
	w.attr.inner_map_fd = inner;
	fd = skep_bpf(sys, BPF_MAP_CREATE, &w.attr, sizeof(w.attr));
	err = fd < 0 ? fd : sys_map_update(sys, fd, &key, &inner, 0);
	close(inner);
	if (fd >= 0)
		close(fd);
	return err;
}

static int use_map(struct skep_system *sys)
{
	static char value[700];
	int fd = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, sizeof(value), 4, 0), key = 1, err;

	if (fd < 0)
		return fd;
	err = sys_map_update(sys, fd, &key, value, 0);
	if (!err)
		err = sys_map_lookup(sys, fd, &key, value);
	if (!err)
		err = sys_map_delete(sys, fd, &key);
	close(fd);
	return err;
}

static int make_perf(struct skep_system *sys)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_BPF_OUTPUT,
					.sample_type = PERF_SAMPLE_RAW };
	int fd = skep_perf_event_open(sys, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int make_stats(struct skep_system *sys)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	fd = skep_bpf(sys, BPF_ENABLE_STATS, &attr, sizeof(attr));
	if (fd < 0)
		return fd;
	close(fd);
	objects_drain(sys, false);
	return sys->arena->stats ? -EBUSY : 0;
}

static void test_allocation_failures(void **state)
{
	struct skep_system *sys = *state;
	u64 before;

	assert_int_equal(make_map_of_maps(sys), 0);
	objects_drain(sys, true);
	before = arena_pages_used(sys->arena);
	sweep(sys, make_map);
	sweep(sys, make_map_of_maps);
	sweep(sys, use_map);
	sweep(sys, make_perf);
	sweep(sys, make_stats);
	objects_drain(sys, true);
	assert_null(sys->retired);
	assert_int_equal(arena_pages_used(sys->arena), before);
}

static void test_system_allocation_failures(void **state)
{
	for (u64 n = 1;; n++) {
		struct skep_system *sys;
		u64 made;

		mem_fail_at(n, false);
		sys = system_for("6.12");
		made = mem_count();
		mem_fail_at(0, false);
		if (made < n) {
			assert_non_null(sys);
			skep_system_free(sys);
			return;
		}
		if (!sys)
			assert_int_equal(errno, ENOMEM);
		skep_system_free(sys);
	}
	(void)state;
}

static void test_map_of_maps(void **state)
{
	struct skep_system *sys = *state;
	int inner = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), key = 0;
	int other = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 16, 1, 0), fd;
	unsigned id = object_id(sys, inner), value = 0;
	static union wide w;

	array_attr(&w);
	w.attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	w.attr.value_size = 4;
	w.attr.inner_map_fd = inner;
	fd = skep_bpf(sys, BPF_MAP_CREATE, &w.attr, sizeof(w.attr));
	assert_true(fd >= 0);
	assert_int_equal(sys_map_update(sys, fd, &key, &other, 0), -EINVAL);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), -ENOENT);
	assert_int_equal(sys_map_update(sys, fd, &key, &inner, 0), 0);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), 0);
	assert_int_equal(value, id);
	/* The element keeps the inner map; the outer one's end lets it go. */
	close(inner);
	close(other);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 2);
	assert_int_equal(sys_map_delete(sys, fd, &key), 0);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 1);
	close(fd);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
}

static void test_batch(void **state)
{
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_HASH, 8, 8, 100, 0), err, rounds = 0;
	unsigned long keys[100], values[100], sum = 0;
	unsigned cursor = 0;
	union bpf_attr attr;

	for (int i = 0; i < 100; i++)
		keys[i] = (unsigned long)i, values[i] = 3UL * i;
	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = fd;
	attr.batch.keys = (unsigned long)keys;
	attr.batch.values = (unsigned long)values;
	attr.batch.count = 100;
	assert_int_equal(skep_bpf(sys, BPF_MAP_UPDATE_BATCH, &attr, sizeof(attr)), 0);
	assert_int_equal(attr.batch.count, 100);
	attr.batch.out_batch = (unsigned long)&cursor;
	do {
		attr.batch.in_batch = rounds ? (unsigned long)&cursor : 0;
		attr.batch.count = 30;
		err = skep_bpf(sys, BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr));
		for (unsigned i = 0; i < attr.batch.count; i++) {
			assert_int_equal(values[i], 3 * keys[i]);
			sum += keys[i];
		}
		rounds++;
	} while (!err);
	assert_int_equal(err, -ENOENT);
	assert_int_equal(sum, 4950);
	attr.batch.in_batch = 0;
	attr.batch.count = 100;
	err = skep_bpf(sys, BPF_MAP_LOOKUP_AND_DELETE_BATCH, &attr, sizeof(attr));
	assert_true(!err || err == -ENOENT);
	assert_int_equal(attr.batch.count, 100);
	attr.batch.count = 100;
	err = skep_bpf(sys, BPF_MAP_LOOKUP_AND_DELETE_BATCH, &attr, sizeof(attr));
	assert_int_equal(err, -ENOENT);
	assert_int_equal(attr.batch.count, 0);
	close(fd);
}

static void test_two_systems(void **state)
{
	struct skep_system *a = *state, *b = system_for("6.1");
	int fd = sys_map_create(a, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), key = 0;
	long value;

	assert_non_null(b);
	assert_ptr_not_equal(a->arena, b->arena);
	assert_int_equal(sys_map_lookup(a, fd, &key, &value), 0);
	assert_int_equal(sys_map_lookup(b, fd, &key, &value), -EINVAL);
	assert_int_equal(count_ids(b, BPF_MAP_GET_NEXT_ID), 0);
	close(fd);
	skep_system_free(b);
}

/* No page of the process is writable and executable at once. */
static void test_no_writable_code(void **state)
{
	struct skep_system *sys = *state;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], perms[8];
	bool code = false;
	unsigned long start;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%*x %7s", &start, perms) != 2)
			continue;
		assert_false(perms[1] == 'w' && perms[2] == 'x');
		if (start == (unsigned long)sys->arena + ARENA_CODE)
			code = perms[2] == 'x';
	}
	fclose(f);
	assert_true(code || sys->arena->code_fd < 0);
}

static void test_perf_ring(void **state)
{
	struct skep_system *sys = *state;
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_BPF_OUTPUT,
					.sample_type = PERF_SAMPLE_RAW };
	int map = sys_map_create(sys, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 1, 0), key = 0, fd;
	struct perf_event_mmap_page *page;

	fd = skep_perf_event_open(sys, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(skep_mmap(sys, fd, 4096 * 4, PROT_READ | PROT_WRITE, 0), -EINVAL);
	assert_int_equal(skep_mmap(sys, fd, 4096 * 5, PROT_READ | PROT_WRITE, 0), 0);
	page = mmap(NULL, 4096 * 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(page->data_offset, 4096);
	assert_int_equal(page->data_size, 4 * 4096);
	assert_int_equal(skep_mmap(sys, fd, 4096 * 9, PROT_READ | PROT_WRITE, 0), -EINVAL);
	assert_int_equal(skep_ioctl(sys, fd, PERF_EVENT_IOC_ENABLE, 0), 0);
	assert_int_equal(skep_ioctl(sys, map, PERF_EVENT_IOC_ENABLE, 0), -ENOTTY);
	assert_int_equal(sys_map_update(sys, map, &key, &fd, 0), 0);
	assert_int_equal(sys_map_update(sys, map, &key, &map, 0), -EBADF);
	assert_true(skep_epoll_fd(sys, fd) >= 0);
	assert_int_equal(skep_epoll_fd(sys, map), -EBADF);
	munmap(page, 4096 * 5);
	close(fd);
	close(map);
	attr.config = PERF_COUNT_SW_PAGE_FAULTS; /* which does not interrupt here */
	attr.sample_period = 1;
	assert_int_equal(skep_perf_event_open(sys, &attr, -1, 0, -1, 0), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_attr_of_profile),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exhaustion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_allocation_failures, setup, teardown),
		cmocka_unit_test(test_system_allocation_failures),
		cmocka_unit_test_setup_teardown(test_map_of_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_systems, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_writable_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_perf_ring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
