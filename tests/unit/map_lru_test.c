/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* LRU hash: an insert always succeeds, and what is used stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"

static void put(struct bpf_map *m, u64 k)
{
	u64 v = k * 3;

	assert_int_equal(map_update(m, &k, &v, BPF_NOEXIST), 0);
}

static bool has(struct bpf_map *m, u64 k)
{
	u64 v;
	int err = map_lookup(m, &k, &v, 0); /* bpf(2)'s lookup leaves no trace */

	assert_true(!err || err == -ENOENT);
	if (!err)
		assert_int_equal(v, k * 3);
	return !err;
}

static void use(struct bpf_map *m, u64 k)
{
	assert_non_null(ops_of(m)->lookup_elem(m, &k, &fx.run));
}

static u32 count(struct bpf_map *m)
{
	u64 k, next;
	u32 n = 0;

	for (int err = map_next(m, NULL, &next); !err; err = map_next(m, &k, &next)) {
		k = next;
		n++;
	}
	return n;
}

static void test_holds_what_it_says(void **state)
{
	static const u32 sizes[] = { 1, 2, 3, 16, 100, 1000, 1024, 5000 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bpf_map *m;
		u32 n = sizes[i];

		fixture_start(false);
		m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, n });
		for (u64 k = 0; k < n; k++)
			put(m, k);
		for (u64 k = 0; k < n; k++)
			assert_true(has(m, k)); /* nothing was evicted so far */
		map_ok(m);
		for (u64 k = n; k < 4ULL * n; k++) {
			put(m, k);
			assert_true(has(m, k));
		}
		assert_int_equal(count(m), n);
		map_ok(m);
	}
}

static void test_oldest_goes(void **state)
{
	struct bpf_map *m;
	u64 k;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, 100 });
	for (k = 0; k < 100; k++)
		put(m, k);
	for (k = 100; k < 150; k++) {
		put(m, k);
		assert_false(has(m, k - 100)); /* in the order of their coming */
		assert_true(has(m, k - 99));
	}
	map_ok(m);
}

static void test_used_stays(void **state)
{
	static const u32 sizes[] = { 100, 4096 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 n = sizes[i], kept = 0;
		struct bpf_map *m;

		fixture_start(false);
		m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, n });
		for (u64 k = 0; k < n; k++)
			put(m, k);
		for (u64 k = 0; k < n / 4; k++)
			use(m, k);
		for (u64 k = n; k < n + n / 2; k++)
			put(m, k);
		for (u64 k = 0; k < n / 4; k++)
			kept += has(m, k);
		assert_int_equal(kept, n / 4); /* the oldest, but used */
		assert_int_equal(count(m), n);
		map_ok(m);
	}
}

/* As Linux's test_lru_map.c does with a map of two. */
static void test_two(void **state)
{
	u64 k = 1, v = 3;
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, 2 });
	put(m, 1);
	assert_int_equal(map_update(m, &k, &v, BPF_NOEXIST), -EEXIST);
	assert_int_equal(map_update(m, &k, &v, 3), -EINVAL);
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK), -EINVAL);
	k = 2;
	assert_int_equal(map_update(m, &k, &v, BPF_EXIST), -ENOENT);
	put(m, 2);
	use(m, 1);
	put(m, 3);
	assert_true(has(m, 1));
	assert_false(has(m, 2));
	assert_true(has(m, 3));
	/* an update of what is there evicts nothing, and counts as use */
	k = 1;
	assert_int_equal(map_update(m, &k, &v, BPF_EXIST), 0);
	assert_int_equal(count(m), 2);
	put(m, 4);
	assert_true(has(m, 1));
	assert_int_equal(map_delete(m, &k), 0);
	put(m, 5);
	assert_true(has(m, 4));
	assert_int_equal(count(m), 2);
	map_ok(m);
}

static void test_all_used(void **state)
{
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, 500 });
	for (u64 k = 0; k < 5000; k++) {
		put(m, k);
		use(m, k);
	}
	assert_int_equal(count(m), 500);
	map_ok(m);
}

static void put_on(struct bpf_map *m, u64 k, u32 cpu)
{
	struct bpf_run run = fixture_run(cpu);
	u64 v = k * 3;

	assert_int_equal(ops_of(m)->update_elem(m, &k, &v, BPF_NOEXIST, &run), 0);
}

/* Each CPU has its share, and evicts from that alone. */
static void test_no_common(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, 10, BPF_F_NO_COMMON_LRU });
	assert_int_equal(m->max_entries, 12); /* a multiple of the CPUs */
	for (u64 k = 0; k < 100; k++)
		put(m, k);
	assert_int_equal(count(m), 3);
	for (u64 k = 97; k < 100; k++)
		assert_true(has(m, k));
	for (u32 cpu = 1; cpu < FIXTURE_CPUS; cpu++)
		for (u64 k = 0; k < 10; k++)
			put_on(m, 1000 * cpu + k, cpu);
	assert_int_equal(count(m), 12);
	for (u64 k = 97; k < 100; k++)
		assert_true(has(m, k)); /* whatever the others did */
	for (u32 cpu = 1; cpu < FIXTURE_CPUS; cpu++)
		for (u64 k = 7; k < 10; k++)
			assert_true(has(m, 1000 * cpu + k));
	map_ok(m);
	for (u32 t = 0; t < ARRAY_SIZE(types); t++) { /* of many stripes, in any order */
		m = map_must((struct map_spec){ types[t], 8, 8, 8192, BPF_F_NO_COMMON_LRU });
		srandom(1);
		for (u32 i = 0; i < 60000; i++) {
			u64 k = (u64)random() % 12000, v = k * 3;
			struct bpf_run run = fixture_run((u32)random() % FIXTURE_CPUS);

			if (random() % 4)
				assert_int_equal(ops_of(m)->update_elem(m, &k, &v, 0, &run), 0);
			else
				ops_of(m)->delete_elem(m, &k, &run);
		}
		assert_true(count(m) > 6000 && count(m) <= 8192);
		map_ok(m);
	}
}

/* Memory runs out long before max_entries: inserting goes on, by eviction. */
static void test_out_of_memory(void **state)
{
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LRU_HASH, 8, 8, 100000 });
	fx.fail_back = 1;
	for (u64 k = 0; k < 20000; k++)
		put(m, k);
	assert_true(count(m) < 10000);
	map_ok(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds_what_it_says), cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_used_stays),	   cmocka_unit_test(test_two),
		cmocka_unit_test(test_all_used),	   cmocka_unit_test(test_no_common),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("map_lru", tests, NULL, NULL);
}
