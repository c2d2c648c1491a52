/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Map types whose elements are things of the kernel (tasks, cgroups, sockets, devices …), and
 * ring buffers: what can be created, and what bpf(2) answers for elements, beside the running kernel.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/types.h"
#include "base/uapi.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 144);
}

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

static int create_attr(int side, union bpf_attr attr)
{
	return call(side, BPF_MAP_CREATE, &attr);
}

static int create(int side, u32 type, u32 key, u32 value, u32 entries, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	return create_attr(side, attr);
}

static int setup(void **state)
{
	struct utsname u;

	uname(&u);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = u.release });
	if (!sys) /* a kernel newer than the newest profile */
		sys = skep_system_new(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static bool kernel_permits(void)
{
	int fd = create(KERNEL, BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!kernel_permits()) {                                                           \
			print_message("# the running kernel does not let us use bpf(2)\n");        \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* ---- what can be created ---- */

struct shape {
	u32 type, key, value, entries, flags;
};

/* One that is right for each type; the test then spoils it. */
static const struct shape shapes[] = {
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0 },
};

static void test_create(void **state)
{
	static const u32 sizes[] = { 0,	 1,    3,     4,     5,	    8,	   12,	   16,
				     64, 4096, 32768, 32769, 65439, 65440, 1 << 22 };
	static const u32 entries[] = { 0, 1, 2, 3, 100, 4096, 8192, 12288, 1U << 20 };

	NEED_KERNEL();
	srandom(1);
	for (u32 i = 0; i < 400 * ARRAY_SIZE(shapes); i++) {
		struct shape s = shapes[i % ARRAY_SIZE(shapes)];
		u32 what = rnd(8);
		int fd[2];

		if (what == 1)
			s.key = sizes[rnd(ARRAY_SIZE(sizes))];
		if (what == 2)
			s.value = sizes[rnd(ARRAY_SIZE(sizes))];
		if (what == 3 || what == 7)
			s.entries = entries[rnd(ARRAY_SIZE(entries))];
		if (what > 4)
			s.flags ^= 1U << rnd(20);
		if (s.flags & BPF_F_TOKEN_FD)
			continue;
		for (int side = 0; side < 2; side++)
			fd[side] = create(side, s.type, s.key, s.value, s.entries, s.flags);
		if ((fd[0] < 0 || fd[1] < 0) && fd[0] != fd[1])
			fail_msg("create type %u key %u value %u entries %u flags %#x: skep %d, "
				 "kernel %d",
				 s.type, s.key, s.value, s.entries, s.flags, fd[0], fd[1]);
		if (fd[0] >= 0) {
			close(fd[0]);
			close(fd[1]);
		}
	}
}

/* ---- elements ---- */

static int elem(int side, int cmd, int fd, const void *key, void *value, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)key;
	attr.value = (u64)value;
	attr.flags = flags;
	return call(side, cmd, &attr);
}

static int batch(int side, int cmd, int fd, void *keys, void *values, u32 count)
{
	union bpf_attr attr;
	u64 cursor[2];

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (u32)fd;
	attr.batch.keys = (u64)keys;
	attr.batch.values = (u64)values;
	attr.batch.out_batch = (u64)cursor;
	attr.batch.count = count;
	return call(side, cmd, &attr);
}

#define SAME(what, s, k)                                                                           \
	do {                                                                                       \
		int _s = (s), _k = (k);                                                            \
		if (_s != _k)                                                                      \
			fail_msg("%s: skep %d, kernel %d", what, _s, _k);                          \
	} while (0)

static void test_user_ringbuf(void **state)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				    BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	static const int batches[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH,
				       BPF_MAP_DELETE_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH };
	int fd[2];
	u64 v[4] = { 0 };

	NEED_KERNEL();
	for (int side = 0; side < 2; side++)
		fd[side] = create(side, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	for (u32 i = 0; i < ARRAY_SIZE(cmds); i++)
		for (u32 key = 0; key < 2; key++)
			SAME("command", elem(SKEP, cmds[i], fd[0], key ? v : NULL, v, 0),
			     elem(KERNEL, cmds[i], fd[1], key ? v : NULL, v, 0));
	for (u32 i = 0; i < ARRAY_SIZE(batches); i++)
		SAME("batch", batch(SKEP, batches[i], fd[0], v, v, 1),
		     batch(KERNEL, batches[i], fd[1], v, v, 1));
	close(fd[0]);
	close(fd[1]);
}

/* What a client may map: all but the drainer's page is its own to write. */
static void test_user_ringbuf_mmap(void **state)
{
	static const struct {
		size_t len;
		int prot;
		long off;
	} rows[] = {
		{ 4096, PROT_READ, 0 },
		{ 4096, PROT_READ | PROT_WRITE, 0 },
		{ 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 3 * 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 4 * 4096, PROT_READ, 0 },
		{ 5 * 4096, PROT_READ, 0 },
		{ 4 * 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 2 * 4096, PROT_READ | PROT_WRITE, 8192 },
	};
	int fd[2];

	NEED_KERNEL();
	for (int side = 0; side < 2; side++)
		fd[side] = create(side, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int ours = skep_mmap(sys, fd[0], rows[i].len, rows[i].prot, rows[i].off);
		void *p = mmap(NULL, rows[i].len, rows[i].prot, MAP_SHARED, fd[1], rows[i].off);

		SAME("mmap", ours, p == MAP_FAILED ? -errno : 0);
		if (p != MAP_FAILED)
			munmap(p, rows[i].len);
	}
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_user_ringbuf),
		cmocka_unit_test(test_user_ringbuf_mmap),
	};

	return cmocka_run_group_tests_name("map_types", tests, setup, teardown);
}
