/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * /proc/PID/fdinfo/N of maps and programs beside the running kernel's: all that it says of them, memlock before and
 * after elements have come, max_entries as it was rounded.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "front/files.h"
#include "tests/lib/int_btf.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

enum { SKEP, KERNEL, SIDES };

static struct skep_system *sys;
static bool permitted;

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

/* What fdinfo says from the first line about objects on, without ids. */
static void text_of(int side, int fd, enum object_kind kind, char *text, size_t size)
{
	char line[256], path[64];
	int err = 0, info;
	FILE *f;

	if (side == SKEP) {
		struct object *o = object_get_fd(sys, fd, kind, &err);

		assert_non_null(o);
		info = file_open_fdinfo(o);
		object_put(o);
		f = fdopen(info, "r");
	} else {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		f = fopen(path, "r");
	}
	assert_non_null(f);
	*text = 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "pos:", 4) || !strncmp(line, "flags:", 6) ||
		    !strncmp(line, "mnt_id:", 7) || !strncmp(line, "ino:", 4) ||
		    !strncmp(line, "map_id:", 7) || !strncmp(line, "prog_id:", 8))
			continue;
		strncat(text, line, size - strlen(text) - 1);
	}
	fclose(f);
}

static const struct {
	u32 type, key, value, entries, flags;
	u32 fill; /* elements that come */
} maps[] = {
	{ BPF_MAP_TYPE_HASH, 4, 8, 100, 0, 50 },
	{ BPF_MAP_TYPE_HASH, 5, 13, 1000, 0, 1 },
	{ BPF_MAP_TYPE_HASH, 4, 8, 100, BPF_F_NO_PREALLOC, 50 },
	{ BPF_MAP_TYPE_HASH, 64, 256, 7, BPF_F_NO_PREALLOC, 7 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 100, 0, 10 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 100, BPF_F_NO_PREALLOC, 10 },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 1000, 0, 100 },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 1001, BPF_F_NO_COMMON_LRU, 100 },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 1, BPF_F_NO_COMMON_LRU, 0 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 1000, 0, 100 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 1001, BPF_F_NO_COMMON_LRU, 100 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 100, 0, 100 },
	{ BPF_MAP_TYPE_ARRAY, 4, 13, 1000, BPF_F_MMAPABLE, 1 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 100, BPF_F_INNER_MAP, 0 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 20, 100, 0, 10 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 80, 100, 0, 0 },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 100, BPF_F_NO_PREALLOC, 30 },
	{ BPF_MAP_TYPE_LPM_TRIE, 20, 40, 100, BPF_F_NO_PREALLOC, 1 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, 3, 0, 0 },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 100, 0, 0 },
	{ BPF_MAP_TYPE_CPUMAP, 4, 8, 2, 0, 0 },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 100, 0, 0 },
	{ BPF_MAP_TYPE_SOCKHASH, 4, 8, 100, 0, 0 },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 100, 0, 0 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0, 0 },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0, 0, 0 },
	{ BPF_MAP_TYPE_QUEUE, 0, 8, 100, 0, 10 },
	{ BPF_MAP_TYPE_STACK, 0, 13, 100, 0, 10 },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 100, 0, 10 },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 100000, 0, 0 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, 0 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 65536, 0, 0 },
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0, 0 },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, 0 },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, 0 },
	{ BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, 0 },
	{ BPF_MAP_TYPE_CGRP_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, 0 },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 100, 0, 0 },
	{ BPF_MAP_TYPE_ARENA, 0, 0, 4, BPF_F_MMAPABLE, 0 },
};

static int btf_of(int side)
{
	union bpf_attr attr = { .btf = (u64)&int_btf, .btf_size = INT_BTF_SIZE };

	return call(side, BPF_BTF_LOAD, &attr);
}

static int make_map(int side, u32 i)
{
	union bpf_attr attr = { .map_type = maps[i].type,
				.key_size = maps[i].key,
				.value_size = maps[i].value,
				.max_entries = maps[i].entries,
				.map_flags = maps[i].flags };
	union bpf_attr inner = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	int btf = -1, in = -1, fd;

	if (maps[i].key == 4 && maps[i].value == 4 && maps[i].flags == BPF_F_NO_PREALLOC) {
		btf = btf_of(side);
		attr.btf_fd = (u32)btf;
		attr.btf_key_type_id = attr.btf_value_type_id = 1;
	}
	if (maps[i].type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	    maps[i].type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		in = call(side, BPF_MAP_CREATE, &inner);
		attr.inner_map_fd = (u32)in;
	}
	fd = call(side, BPF_MAP_CREATE, &attr);
	if (btf >= 0)
		close(btf);
	if (in >= 0)
		close(in);
	return fd;
}

static void fill(int side, int fd, u32 i)
{
	for (u32 n = 0; n < maps[i].fill; n++) {
		u8 key[64] = { 0 }, value[4096] = { 0 };
		union bpf_attr attr = { .map_fd = (u32)fd,
					.key = maps[i].key ? (u64)key : 0,
					.value = (u64)value };

		memcpy(key, &n, 4);
		if (maps[i].type == BPF_MAP_TYPE_LPM_TRIE) {
			key[0] = 32;
			memcpy(key + 4, &n, 4);
		}
		assert_int_equal(call(side, BPF_MAP_UPDATE_ELEM, &attr), 0);
	}
}

static void test_maps(void **state)
{
	u32 bad = 0, same = 0;

	if (!permitted)
		skip();
	for (u32 i = 0; i < ARRAY_SIZE(maps); i++) {
		char text[2][SIDES][1024];
		int fd[SIDES];

		for (int side = 0; side < SIDES; side++) {
			fd[side] = make_map(side, i);
			if (fd[side] < 0)
				continue;
			text_of(side, fd[side], OBJECT_MAP, text[0][side], sizeof(text[0][0]));
			fill(side, fd[side], i);
			text_of(side, fd[side], OBJECT_MAP, text[1][side], sizeof(text[0][0]));
		}
		if (fd[SKEP] < 0 || fd[KERNEL] < 0) {
			print_message("# type %u flags %#x: skep %d, kernel %d\n", maps[i].type,
				      maps[i].flags, fd[SKEP], fd[KERNEL]);
			bad += fd[SKEP] != fd[KERNEL];
		} else {
			for (u32 t = 0; t < 2; t++) {
				bool equal = !strcmp(text[t][SKEP], text[t][KERNEL]);

				if (!equal)
					print_message(
						"# type %u, %u elements; skep:\n%s\nkernel:\n%s\n",
						maps[i].type, t ? maps[i].fill : 0, text[t][SKEP],
						text[t][KERNEL]);
				same += equal;
				bad += !equal;
			}
		}
		for (int side = 0; side < SIDES; side++)
			if (fd[side] >= 0)
				close(fd[side]);
	}
	print_message("# %u texts are the same\n", same);
	assert_int_equal(bad, 0);
}

/* As recorded on 6.1, which guessed: of types in which the number of CPUs plays no part. */
static void test_memlock_of_6_1(void **state)
{
	static const struct {
		u32 type, key, value, entries, flags, memlock;
	} recorded[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 100, 0, 4096 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 100, 0, 4096 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 100, BPF_F_NO_PREALLOC, 4096 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, 0 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 100, 0, 4096 },
		{ BPF_MAP_TYPE_ARRAY, 4, 13, 1000, 0, 24576 },
		{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 100, 0, 4096 },
		{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 100, 0, 4096 },
	};
	struct skep_system *now = sys;

	sys = system_for("6.1");
	assert_non_null(sys);
	for (u32 i = 0; i < ARRAY_SIZE(recorded); i++) {
		char text[1024], want[64];
		int fd = sys_map_create(sys, recorded[i].type, recorded[i].key, recorded[i].value,
					recorded[i].entries, recorded[i].flags);

		assert_true(fd >= 0);
		text_of(SKEP, fd, OBJECT_MAP, text, sizeof(text));
		snprintf(want, sizeof(want), "memlock:\t%u\n", recorded[i].memlock);
		assert_non_null(strstr(text, want));
		close(fd);
	}
	skep_system_free(sys);
	sys = now;
}

static void test_programs(void **state)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };
	static const u32 types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SOCKET_FILTER,
				     BPF_PROG_TYPE_RAW_TRACEPOINT };

	if (!permitted)
		skip();
	for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
		char text[SIDES][1024];

		for (int side = 0; side < SIDES; side++) {
			union bpf_attr attr = { .prog_type = types[i],
						.insns = (u64)insns,
						.insn_cnt = ARRAY_SIZE(insns),
						.license = (u64) "GPL" };
			int fd = call(side, BPF_PROG_LOAD, &attr);

			assert_true(fd >= 0);
			text_of(side, fd, OBJECT_PROG, text[side], sizeof(text[side]));
			close(fd);
		}
		assert_string_equal(text[SKEP], text[KERNEL]);
	}
}

static int setup(void **state)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4, .value_size = 4, .max_entries = 4
	};
	struct utsname u;
	int fd = kernel_bpf_raw(BPF_MAP_CREATE, &attr, sizeof(attr));

	permitted = fd >= 0;
	if (permitted)
		close(fd);
	else
		print_message("# the running kernel does not let us use bpf(2)\n");
	uname(&u);
	sys = system_for(u.release);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_memlock_of_6_1),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("fdinfo beside the kernel", tests, setup, teardown);
}
