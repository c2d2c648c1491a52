/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_F_CPU and BPF_F_ALL_CPUS: one CPU's value of a per-CPU map, and one value for all of them, since
 * Linux 7.0; what older kernels say of the flags is asked of the running one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/arena.h"
#include "tests/lib/asm.h"
#include "tests/lib/kernel.h"
#include "tests/lib/own_cgroup.h"
#include "tests/lib/system_fixture.h"

#define ATTR(...) union bpf_attr a = { __VA_ARGS__ }
#define PTR(p)	  ((u64)(uintptr_t)(p))
#define ON(cpu)	  ((u64)(cpu) << 32 | BPF_F_CPU)
#define KEYS	  6
#define CPUS_MAX  256

static u32 cpus;

/* @sys NULL: the running kernel. */
static int call(struct skep_system *sys, int cmd, union bpf_attr *a)
{
	return sys ? skep_bpf(sys, cmd, a, sizeof(*a)) : kernel_bpf_raw(cmd, a, sizeof(*a));
}

static int create(struct skep_system *sys, u32 type, u32 key, u32 value, u32 entries)
{
	ATTR(.map_type = type, .key_size = key, .value_size = value, .max_entries = entries);

	return call(sys, BPF_MAP_CREATE, &a);
}

static int element(struct skep_system *sys, int cmd, int map, const void *key, void *value,
		   u64 flags)
{
	ATTR(.map_fd = (u32)map, .key = PTR(key), .value = PTR(value), .flags = flags);

	return call(sys, cmd, &a);
}

static int batch(struct skep_system *sys, int cmd, int map, void *keys, void *values, u64 flags,
		 u32 *n)
{
	u64 out;
	ATTR(.batch = { .map_fd = (u32)map,
			.count = KEYS,
			.out_batch = PTR(&out),
			.keys = PTR(keys),
			.values = PTR(values),
			.elem_flags = flags });
	int err = call(sys, cmd, &a);

	*n = a.batch.count;
	return err;
}

/* ---- one value ---- */

/* Values of 12 bytes: what is behind them, up to 16, is neither read nor written. */
struct value {
	u32 a, b, c;
};

static void each_cpu(struct skep_system *sys, int map, const u8 *keys, u32 key_size, u32 n)
{
	struct {
		struct value v;
		u32 beyond;
	} all[CPUS_MAX], one;

	for (u32 cpu = 0; cpu < cpus; cpu++)
		for (u32 i = 0; i < n; i++) {
			const u8 *key = keys + i * key_size;

			one.v = (struct value){ 1, 2, 3 };
			assert_int_equal(
				element(sys, BPF_MAP_UPDATE_ELEM, map, key, &one, BPF_F_ALL_CPUS),
				0);
			one.v = (struct value){ cpu + 10, i, 7 };
			assert_int_equal(element(sys, BPF_MAP_UPDATE_ELEM, map, key, &one, ON(cpu)),
					 0);
			for (u32 j = 0; j < cpus; j++) {
				memset(&one, 0x55, sizeof(one));
				assert_int_equal(
					element(sys, BPF_MAP_LOOKUP_ELEM, map, key, &one, ON(j)),
					0);
				assert_int_equal(one.v.a, j == cpu ? cpu + 10 : 1);
				assert_int_equal(one.v.b, j == cpu ? i : 2);
				assert_int_equal(one.v.c, j == cpu ? 7 : 3);
				assert_int_equal(one.beyond, 0x55555555);
			}
			assert_int_equal(element(sys, BPF_MAP_LOOKUP_ELEM, map, key, all, 0), 0);
			for (u32 j = 0; j < cpus; j++)
				assert_int_equal(all[j].v.a, j == cpu ? cpu + 10 : 1);
		}
}

static void refused(struct skep_system *sys, int map, const void *key)
{
	static const struct {
		u64 flags;
		int lookup, update; /* 1: that works */
	} cases[] = {
		{ BPF_F_CPU | BPF_F_ALL_CPUS, -EINVAL, -EINVAL },
		{ BPF_F_ALL_CPUS, -EINVAL, 1 },
		{ BPF_F_LOCK | BPF_F_CPU, -EINVAL, -EINVAL },
		{ BPF_F_LOCK | BPF_F_ALL_CPUS, -EINVAL, -EINVAL },
		{ 1ULL << 32, -EINVAL, -EINVAL },
		{ 1ULL << 32 | BPF_F_ALL_CPUS, -EINVAL, -EINVAL },
		{ ON(0xffffffff), -ERANGE, -ERANGE },
		{ 32, -EINVAL, -EINVAL },
	};
	struct value all[2 * CPUS_MAX] = { 0 };

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].lookup <= 0)
			assert_int_equal(
				element(sys, BPF_MAP_LOOKUP_ELEM, map, key, all, cases[i].flags),
				cases[i].lookup);
		if (cases[i].update <= 0)
			assert_int_equal(
				element(sys, BPF_MAP_UPDATE_ELEM, map, key, all, cases[i].flags),
				cases[i].update);
	}
	assert_int_equal(element(sys, BPF_MAP_LOOKUP_ELEM, map, key, all, ON(cpus)), -ERANGE);
	assert_int_equal(element(sys, BPF_MAP_UPDATE_ELEM, map, key, all, ON(cpus)), -ERANGE);
}

static const u32 types[] = { BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
			     BPF_MAP_TYPE_LRU_PERCPU_HASH };

static void test_maps(void **state)
{
	struct skep_system *sys = *state;
	u32 keys[KEYS] = { 0, 1, 2, 3, 4, 5 };

	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		int map = create(sys, types[t], 4, sizeof(struct value), KEYS);
		struct value v = { 9, 9, 9 };

		assert_true(map >= 0);
		if (t) { /* a new element is zero where it is not written */
			assert_int_equal(element(sys, BPF_MAP_UPDATE_ELEM, map, keys, &v,
						 ON(cpus - 1) | BPF_EXIST),
					 -ENOENT);
			assert_int_equal(
				element(sys, BPF_MAP_UPDATE_ELEM, map, keys, &v, ON(cpus - 1)), 0);
			for (u32 cpu = 0; cpu < cpus; cpu++) {
				assert_int_equal(
					element(sys, BPF_MAP_LOOKUP_ELEM, map, keys, &v, ON(cpu)),
					0);
				assert_int_equal(v.b, cpu == cpus - 1 ? 9 : 0);
			}
		}
		each_cpu(sys, map, (u8 *)keys, 4, KEYS);
		refused(sys, map, keys);
		assert_int_equal(
			element(sys, BPF_MAP_UPDATE_ELEM, map, keys, &v, ON(0) | BPF_NOEXIST),
			-EEXIST);
		assert_int_equal(element(sys, BPF_MAP_LOOKUP_AND_DELETE_ELEM, map, keys, &v, ON(0)),
				 -EINVAL);
		close(map);
	}
}

static void test_batches(void **state)
{
	struct skep_system *sys = *state;

	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		int map = create(sys, types[t], 4, sizeof(struct value), KEYS);
		static u8 wide[KEYS][CPUS_MAX][16];
		u32 keys[KEYS] = { 5, 4, 3, 2, 1, 0 }, n;
		struct value values[KEYS];

		assert_true(map >= 0);
		assert_int_equal(batch(sys, BPF_MAP_UPDATE_BATCH, map, keys, values, ON(cpus), &n),
				 -ERANGE);
		for (u32 cpu = 0; cpu < cpus; cpu++) {
			memset(values, 0, sizeof(values));
			assert_int_equal(batch(sys, BPF_MAP_UPDATE_BATCH, map, keys, values,
					       BPF_F_ALL_CPUS, &n),
					 0);
			assert_int_equal(n, KEYS);
			for (u32 i = 0; i < KEYS; i++)
				values[i].b = keys[i] + 100;
			assert_int_equal(
				batch(sys, BPF_MAP_UPDATE_BATCH, map, keys, values, ON(cpu), &n),
				0);
			for (u32 j = 0; j < cpus; j++) {
				memset(values, 0xff, sizeof(values));
				n = KEYS;
				batch(sys, BPF_MAP_LOOKUP_BATCH, map, keys, values, ON(j), &n);
				assert_int_equal(n, KEYS);
				for (u32 i = 0; i < KEYS; i++)
					assert_int_equal(values[i].b, j == cpu ? keys[i] + 100 : 0);
			}
			batch(sys, BPF_MAP_LOOKUP_BATCH, map, keys, wide, 0, &n);
			assert_int_equal(n, KEYS);
			for (u32 i = 0; i < KEYS * cpus; i++)
				assert_int_equal(((u32 *)((u8 *)wide + i * 16))[1],
						 i % cpus == cpu ? keys[i / cpus] + 100 : 0);
		}
		assert_int_equal(
			batch(sys, BPF_MAP_LOOKUP_BATCH, map, keys, values, BPF_F_ALL_CPUS, &n),
			-EINVAL);
		assert_int_equal(
			batch(sys, BPF_MAP_LOOKUP_AND_DELETE_BATCH, map, keys, values, ON(0), &n),
			t ? -EINVAL : -ENOTSUPP);
		close(map);
	}
}

static void test_others(void **state)
{
	static const u32 plain[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH };
	struct skep_system *sys = *state;

	for (u32 t = 0; t < ARRAY_SIZE(plain); t++) {
		int map = create(sys, plain[t], 4, 8, KEYS);
		u32 keys[KEYS] = { 0 }, n;
		u64 values[KEYS] = { 0 };

		assert_true(map >= 0);
		assert_int_equal(element(sys, BPF_MAP_UPDATE_ELEM, map, keys, values, 0), 0);
		for (u32 f = 0; f < 2; f++) {
			u64 flags = f ? BPF_F_CPU : BPF_F_ALL_CPUS;

			assert_int_equal(
				element(sys, BPF_MAP_UPDATE_ELEM, map, keys, values, flags),
				-EINVAL);
			assert_int_equal(
				element(sys, BPF_MAP_LOOKUP_ELEM, map, keys, values, flags),
				-EINVAL);
			assert_int_equal(
				batch(sys, BPF_MAP_UPDATE_BATCH, map, keys, values, flags, &n),
				-EINVAL);
			assert_int_equal(
				batch(sys, BPF_MAP_LOOKUP_BATCH, map, keys, values, flags, &n),
				-EINVAL);
		}
		close(map);
	}
}

static void test_storage(void **state)
{
	struct skep_system *sys = *state;
	int map = create(sys, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
			 sizeof(struct bpf_cgroup_storage_key), sizeof(struct value), 0);
	struct bpf_insn insns[] = {
		LDMAP(1, map),
		MOVK(2, 0),
		CALL(get_local_storage),
		RET(1),
	};
	struct bpf_cgroup_storage_key key;
	char path[4096];
	int prog, cgroup;

	own_cgroup(path, sizeof(path));
	if (!*path) {
		close(map);
		print_message("# no cgroup can be made\n");
		skip();
	}
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	prog = sys_prog_load(sys, BPF_PROG_TYPE_CGROUP_SKB, insns, ARRAY_SIZE(insns), NULL, 0);
	assert_true(map >= 0 && prog >= 0 && cgroup >= 0);
	{
		ATTR(.target_fd = (u32)cgroup, .attach_bpf_fd = (u32)prog,
		     .attach_type = BPF_CGROUP_INET_EGRESS);

		assert_int_equal(call(sys, BPF_PROG_ATTACH, &a), 0);
	}
	{
		ATTR(.map_fd = (u32)map, .next_key = PTR(&key));

		assert_int_equal(call(sys, BPF_MAP_GET_NEXT_KEY, &a), 0);
	}
	each_cpu(sys, map, (u8 *)&key, sizeof(key), 1);
	refused(sys, map, &key);
	key.cgroup_inode_id++;
	assert_int_equal(element(sys, BPF_MAP_UPDATE_ELEM, map, &key, &(struct value){ 0 }, ON(0)),
			 -ENOENT);
	assert_int_equal(
		element(sys, BPF_MAP_UPDATE_ELEM, map, &key, &(struct value){ 0 }, BPF_F_ALL_CPUS),
		-ENOENT);
	close(prog);
	close(map);
	close(cgroup);
	own_cgroup_remove(path);
}

/* A program has its own CPU's value: the flags are unknown to its updates. */
static void test_program(void **state)
{
	struct skep_system *sys = *state;

	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		int map = create(sys, types[t], 4, 8, KEYS);
		struct bpf_insn insns[] = {
			STK(DW, 10, -8, 0),    STK(DW, 10, -16, 0),
			MOVX(2, 10),	       ADDK(2, -8),
			MOVX(3, 10),	       ADDK(3, -16),
			MOVK(4, BPF_F_CPU),    LDMAP(1, map),
			CALL(map_update_elem), EXIT,
		};
		u8 packet[64] = { 0 };
		int prog = sys_prog_load(sys, BPF_PROG_TYPE_SOCKET_FILTER, insns, ARRAY_SIZE(insns),
					 NULL, 0);
		ATTR(.test = { .prog_fd = (u32)prog,
			       .data_in = PTR(packet),
			       .data_size_in = sizeof(packet) });

		assert_true(prog >= 0);
		assert_int_equal(call(sys, BPF_PROG_TEST_RUN, &a), 0);
		assert_int_equal((s32)a.test.retval, -EINVAL);
		close(prog);
		close(map);
	}
}

/* ---- before ---- */

static u32 answers(struct skep_system *sys, int *out)
{
	static const u64 flags[] = { BPF_F_CPU, BPF_F_ALL_CPUS, ON(1), 1ULL << 32, ON(1000) };
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM };
	static const int batches[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH };
	static u8 values[KEYS * CPUS_MAX * 16];
	u32 n = 0, count, keys[KEYS] = { 0 };

	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		int map = create(sys, types[t], 4, 8, KEYS);

		assert_true(map >= 0);
		for (u32 i = 0; i < ARRAY_SIZE(flags) * 2; i++)
			out[n++] = element(sys, cmds[i % 2], map, keys, values, flags[i / 2]);
		for (u32 i = 0; i < ARRAY_SIZE(flags) * 2; i++)
			out[n++] =
				batch(sys, batches[i % 2], map, keys, values, flags[i / 2], &count);
		close(map);
	}
	return n;
}

static void test_before(void **state)
{
	int ours[100], theirs[100];
	struct skep_system *sys;
	u32 n;
	int map = create(NULL, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1), err;

	err = map < 0 ? map :
			element(NULL, BPF_MAP_LOOKUP_ELEM, map, &(u32){ 0 }, theirs, BPF_F_CPU);
	if (map >= 0)
		close(map);
	if (map < 0 || !err) {
		print_message("# the kernel permits no bpf(2), or knows the flags\n");
		skip();
	}
	sys = system_for("6.18");
	assert_non_null(sys);
	n = answers(sys, ours);
	assert_int_equal(answers(NULL, theirs), n);
	for (u32 i = 0; i < n; i++)
		if (ours[i] != theirs[i])
			fail_msg("question %u: %d, the kernel says %d", i, ours[i], theirs[i]);
	skep_system_free(sys);
}

static int set_up(void **state)
{
	struct skep_system *sys = system_for("7.0");

	cpus = sys ? sys->arena->nr_slots : 0;
	*state = sys;
	return !sys || cpus > CPUS_MAX;
}

static int tear_down(void **state)
{
	skep_system_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),	cmocka_unit_test(test_batches),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_storage),
		cmocka_unit_test(test_program), cmocka_unit_test(test_before),
	};

	return cmocka_run_group_tests_name("flags of CPUs", tests, set_up, tear_down);
}
