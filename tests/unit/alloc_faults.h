/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Memory, pages and files that are refused at the n-th wish: what alloc_test.c and alloc_elements_test.c
 * do to each command. It replaces malloc() and what else it counts, so it is no part of tests/lib.
 */
#ifndef TESTS_UNIT_ALLOC_FAULTS_H
#define TESTS_UNIT_ALLOC_FAULTS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/lib/system_fixture.h"

#define ATTR(...) union bpf_attr a = { __VA_ARGS__ }
#define PTR(p)	  ((u64)(uintptr_t)(p))

static inline int call(struct skep_system *sys, int cmd, union bpf_attr *a)
{
	return skep_bpf(sys, cmd, a, sizeof(*a));
}

/* ---- what malloc() has given, where no sanitizer counts it ---- */

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void free(void *p);

static long given;

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	__atomic_add_fetch(&given, p != NULL, __ATOMIC_RELAXED);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	__atomic_add_fetch(&given, p != NULL, __ATOMIC_RELAXED);
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p = __libc_realloc(old, n);

	__atomic_add_fetch(&given, !old && p, __ATOMIC_RELAXED);
	return p;
}

void free(void *p)
{
	__atomic_sub_fetch(&given, p != NULL, __ATOMIC_RELAXED);
	__libc_free(p);
}
#else
static const long given;
#endif

/* ---- a file system of shared memory that is full: no page from the n-th wish on ---- */

static u64 pages_fail_at, pages_asked;

int fallocate(int fd, int mode, off_t off, off_t len)
{
	if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
		pages_asked++;
		if (pages_fail_at && pages_asked >= pages_fail_at) {
			errno = ENOSPC;
			return -1;
		}
	}
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

static void fail_pages(u64 n, bool sticky)
{
	pages_fail_at = n;
	pages_asked = 0;
}

static u64 count_pages(void)
{
	return pages_asked;
}

/* ---- no file in memory, and no descriptor: that one alone ---- */

static u64 files_fail_at, files_asked;

static bool file_fails(void)
{
	return ++files_asked == files_fail_at;
}

int memfd_create(const char *name, unsigned flags)
{
	if (file_fails()) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_memfd_create, name, flags);
}

int ftruncate(int fd, off_t len)
{
	if (file_fails()) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, len);
}

int eventfd(unsigned value, int flags)
{
	if (file_fails()) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_eventfd2, value, flags);
}

static void fail_files(u64 n, bool sticky)
{
	files_fail_at = n;
	files_asked = 0;
}

static u64 count_files(void)
{
	return files_asked;
}

/*
 * What runs out: memory of the library's own (that allocation alone), pages (from then on), or files (that
 * one alone).
 */
static const struct fault {
	const char *name;
	void (*at)(u64 n, bool sticky);
	u64 (*count)(void);
} memory = { "allocation", mem_fail_at, mem_count }, pages = { "page", fail_pages, count_pages },
  files = { "file", fail_files, count_files }, *fault = &memory;

/* ---- the state of a system ---- */

struct snapshot {
	int maps, progs, btfs, links;
	u32 descriptors;
	u64 pages;
	long given;
};

static u32 open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	u32 n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct snapshot look(struct skep_system *sys)
{
	struct snapshot s = { 0 };

	objects_drain(sys, true);
	s.maps = count_ids(sys, BPF_MAP_GET_NEXT_ID);
	s.progs = count_ids(sys, BPF_PROG_GET_NEXT_ID);
	s.btfs = count_ids(sys, BPF_BTF_GET_NEXT_ID);
	s.links = count_ids(sys, BPF_LINK_GET_NEXT_ID);
	s.descriptors = open_descriptors();
	s.pages = arena_pages_used(sys->arena);
	s.given = given;
	return s;
}

static void same(const char *what, u64 n, struct snapshot a, struct snapshot b)
{
	if (a.maps != b.maps || a.progs != b.progs || a.btfs != b.btfs || a.links != b.links)
		fail_msg("%s, %s %llu: objects: maps %d-%d programs %d-%d BTF %d-%d links "
			 "%d-%d",
			 what, fault->name, (unsigned long long)n, a.maps, b.maps, a.progs, b.progs,
			 a.btfs, b.btfs, a.links, b.links);
	if (a.descriptors != b.descriptors)
		fail_msg("%s, %s %llu: %u descriptors, then %u", what, fault->name,
			 (unsigned long long)n, a.descriptors, b.descriptors);
	if (a.pages != b.pages)
		fail_msg("%s, %s %llu: %llu pages, then %llu", what, fault->name,
			 (unsigned long long)n, (unsigned long long)a.pages,
			 (unsigned long long)b.pages);
	if (a.given != b.given)
		fail_msg("%s, %s %llu: %ld pieces of memory, then %ld", what, fault->name,
			 (unsigned long long)n, a.given, b.given);
}

/* Of a command that ends the counting itself. */
static u64 made;

/* ---- every allocation of one command ---- */

static void sweep(struct skep_system *sys, const char *name, int (*run)(struct skep_system *),
		  bool makes_fd)
{
	struct snapshot before;
	u32 failures = 0;
	int err;

	/* What is made once, when first needed, is there from now on. */
	for (u32 i = 0; i < 2; i++) {
		err = run(sys);
		if (err < 0)
			fail_msg("%s: %d", name, err);
		if (makes_fd)
			close(err);
	}
	before = look(sys);
	for (u64 n = 1; n < 20000; n++) {
		made = 0;
		fault->at(n, false);
		err = run(sys);
		made = made ? made : fault->count();
		fault->at(0, false);
		if (err < 0 && err != -ENOMEM)
			fail_msg("%s, %s %llu: %d", name, fault->name, (unsigned long long)n, err);
		if (err >= 0 && makes_fd)
			close(err);
		failures += err < 0;
		same(name, n, before, look(sys));
		if (made < n) {
			if (err < 0)
				fail_msg("%s: %d though no %s failed", name, err, fault->name);
			print_message("# %s: %llu of %s, %u failures\n", name,
				      (unsigned long long)n - 1, fault->name, failures);
			return;
		}
	}
	fail_msg("%s: no end", name);
}

#endif
