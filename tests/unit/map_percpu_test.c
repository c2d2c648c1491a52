/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Per-CPU array, per-CPU hash and per-CPU LRU hash: each CPU has a value of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/asm.h"
#include "../lib/map_fixture.h"
#include "../lib/system_fixture.h"

static const u32 types[] = { BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
			     BPF_MAP_TYPE_LRU_PERCPU_HASH };

static void test_values_differ(void **state)
{
	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		struct bpf_run run[FIXTURE_CPUS];
		const struct bpf_map_ops *ops;
		u64 all[FIXTURE_CPUS], v = 5;
		struct bpf_map *m;
		u32 k;

		fixture_start(false);
		m = map_must((struct map_spec){ types[t], 4, 8, 100 });
		ops = ops_of(m);
		for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
			run[cpu] = fixture_run(cpu);
		for (k = 0; k < 100; k++) {
			bool array = types[t] == BPF_MAP_TYPE_PERCPU_ARRAY;

			/* a program's first update sets its CPU's value, the others are zero */
			assert_int_equal(ops->update_elem(m, &k, &v, 0, &run[2]), 0);
			assert_int_equal(map_lookup(m, &k, all, 0), 0);
			for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
				assert_int_equal(all[cpu], cpu == 2 ? 5 : 0);
			/* later ones leave the others alone */
			for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++) {
				u64 mine = 1000 * k + cpu;

				assert_int_equal(
					ops->update_elem(m, &k, &mine, BPF_EXIST, &run[cpu]), 0);
			}
			assert_int_equal(ops->update_elem(m, &k, &v, BPF_NOEXIST, &run[0]),
					 -EEXIST);
			assert_int_equal(map_delete(m, &(u32){ 1000 }), array ? -EINVAL : -ENOENT);
		}
		for (k = 0; k < 100; k++) {
			bpf_helper_t look = ops->helper(m, BPF_FUNC_map_lookup_elem);

			assert_int_equal(map_lookup(m, &k, all, 0), 0);
			for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++) {
				u64 *p = ops->lookup_elem(m, &k, &run[cpu]);

				assert_int_equal(all[cpu], 1000 * k + cpu);
				assert_int_equal(*p, 1000 * k + cpu);
				assert_ptr_equal(p,
						 (void *)look((u64)m, (u64)&k, 0, 0, 0, &run[cpu]));
				assert_ptr_equal(p, ops->lookup_percpu_elem(m, &k, cpu));
				for (u32 other = 0; other < cpu; other++) {
					u64 *q = ops->lookup_elem(m, &k, &run[other]);

					/* not even in one cache line */
					assert_true((u64)p / 64 != (u64)q / 64);
				}
			}
			assert_null(ops->lookup_percpu_elem(m, &k, FIXTURE_CPUS));
		}
		map_ok(m);
	}
}

static void test_bpf2_forms(void **state)
{
	for (u32 t = 0; t < ARRAY_SIZE(types); t++) {
		/* 12 bytes: passed as 16 for each CPU */
		struct {
			u32 v[3], pad;
		} all[FIXTURE_CPUS], got[FIXTURE_CPUS];
		bool array = types[t] == BPF_MAP_TYPE_PERCPU_ARRAY;
		struct bpf_map *m;
		u32 k = 1;

		fixture_start(false);
		m = map_must((struct map_spec){ types[t], 4, 12, 3 });
		for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
			for (u32 i = 0; i < 4; i++)
				((u32 *)&all[cpu])[i] = cpu * 10 + i;
		assert_int_equal(map_update(m, &k, all, BPF_EXIST), array ? 0 : -ENOENT);
		assert_int_equal(map_update(m, &k, all, BPF_NOEXIST), array ? -EEXIST : 0);
		assert_int_equal(map_update(m, &k, all, BPF_NOEXIST), -EEXIST);
		assert_int_equal(map_update(m, &k, all, 4), -EINVAL);
		assert_int_equal(map_update(m, &k, all, 0), 0);
		memset(got, 0xff, sizeof(got));
		assert_int_equal(map_lookup(m, &k, got, 0), 0);
		assert_memory_equal(got, all, sizeof(all));
		k = 9;
		assert_int_equal(map_lookup(m, &k, got, 0), -ENOENT);
		if (array)
			assert_int_equal(map_update(m, &k, all, 0), -E2BIG);
		else
			assert_int_equal(map_update(m, &k, all, 0), 0);
		if (!array) {
			k = 1;
			memset(got, 0xff, sizeof(got));
			assert_int_equal(map_take(m, &k, got, 0), 0);
			assert_memory_equal(got, all, sizeof(all));
			assert_int_equal(map_lookup(m, &k, got, 0), -ENOENT);
		}
		map_ok(m);
	}
}

/* An element that comes back after a deletion does not show old values of other CPUs. */
static void test_reuse_is_clean(void **state)
{
	for (u32 t = 1; t < ARRAY_SIZE(types); t++) {
		u64 all[FIXTURE_CPUS], v = 1;
		struct bpf_map *m;

		fixture_start(false);
		m = map_must((struct map_spec){ types[t], 4, 8, 4 });
		for (u32 i = 0; i < 50; i++) {
			u32 k = i;

			for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
				all[cpu] = ~0ULL;
			assert_int_equal(map_update(m, &k, all, 0), 0);
			assert_int_equal(map_delete(m, &k), 0);
			k = i + 100;
			assert_int_equal(ops_of(m)->update_elem(m, &k, &v, 0, &fx.run), 0);
			assert_int_equal(map_lookup(m, &k, all, 0), 0);
			for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
				assert_int_equal(all[cpu], cpu ? 0 : 1);
			assert_int_equal(map_delete(m, &k), 0);
		}
		map_ok(m);
	}
}

static void test_growth(void **state)
{
	u64 all[FIXTURE_CPUS];
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_PERCPU_HASH, 8, 8, 20000 });
	for (u64 k = 0; k < 20000; k++) {
		for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
			all[cpu] = k + cpu;
		assert_int_equal(map_update(m, &k, all, 0), 0);
	}
	for (u64 k = 0; k < 20000; k++) {
		assert_int_equal(map_lookup(m, &k, all, 0), 0);
		for (u32 cpu = 0; cpu < FIXTURE_CPUS; cpu++)
			assert_int_equal(all[cpu], k + cpu);
	}
	u64 k = 20000;
	assert_int_equal(map_update(m, &k, all, 0), -E2BIG);
	map_ok(m);
}

/* Compiled programs compute the address themselves: it is the run's CPU's. */
static void test_compiled_lookup(void **state)
{
	struct skep_system *sys = system_for(NULL);
	u32 nr = sys->arena->nr_slots;
	u64 *all = calloc(nr, sizeof(u64)), sum = 0;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 5, 0);

	assert_true(fd >= 0 && all);
	for (u32 k = 3; k < 6; k += 2) { /* 5 is out of range */
		const struct bpf_insn insns[] = {
			STK(W, 10, -4, (s32)k),	    MOVX(2, 10),      ADDK(2, -4), LDMAP(1, fd),
			CALL(map_lookup_elem),	    JK(JNE, 0, 0, 2), RET(1),	   MOVK(1, 1),
			ATOM(DW, BPF_ADD, 0, 0, 1), RET(2),
		};
		u8 packet[64] = { 0 };
		union bpf_attr attr = { 0 };
		int prog = sys_prog_load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns), NULL, 0);

		assert_true(prog >= 0);
		attr.test.prog_fd = (u32)prog;
		attr.test.data_in = (u64)packet;
		attr.test.data_size_in = sizeof(packet);
		attr.test.repeat = 100;
		assert_int_equal(skep_bpf(sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
		assert_int_equal(attr.test.retval, k == 3 ? 2 : 1);
		close(prog);
	}
	for (u32 k = 0; k < 5; k++) {
		assert_int_equal(sys_map_lookup(sys, fd, &k, all), 0);
		for (u32 cpu = 0; cpu < nr; cpu++) {
			assert_true(k == 3 || !all[cpu]);
			sum += all[cpu];
		}
	}
	assert_int_equal(sum, 100);
	close(fd);
	free(all);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_differ),	cmocka_unit_test(test_bpf2_forms),
		cmocka_unit_test(test_reuse_is_clean),	cmocka_unit_test(test_growth),
		cmocka_unit_test(test_compiled_lookup),
	};

	return cmocka_run_group_tests_name("map_percpu", tests, NULL, NULL);
}
