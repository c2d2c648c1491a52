/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The array as a map type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"

#include "object/map_array.h"

static int refused(struct map_spec spec)
{
	int err;

	assert_null(map_make(spec, &err));
	return err;
}

static void test_create_errors(void **state)
{
	struct map_spec ok = { BPF_MAP_TYPE_ARRAY, 4, 8, 16 }, s;

	fixture_start(false);
	map_must(ok);
	s = ok, s.key_size = 8;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.value_size = 0;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.max_entries = 0;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_NO_PREALLOC;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_ZERO_SEED;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_PRESERVE_ELEMS;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.value_size = 1u << 31;
	assert_int_equal(refused(s), -E2BIG);
	s = ok, s.value_size = 1u << 30, s.max_entries = 1u << 30;
	assert_int_equal(refused(s), -ENOMEM);
	s = ok, s.flags = BPF_F_RDONLY_PROG;
	map_must(s);
	s = ok, s.flags = BPF_F_INNER_MAP;
	map_must(s);
}

static void test_elements(void **state)
{
	static const u32 sizes[] = { 1, 3, 4, 7, 8, 9, 64, 300, 5000 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bpf_map *m;
		u8 value[5000], got[5000];
		u32 size = sizes[i], k, next;

		fixture_start(false);
		m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, size, 10 });
		memset(got, 0xff, sizeof(got));
		memset(value, 0, sizeof(value));
		for (k = 0; k < 10; k++) { /* all exist, and are zero */
			assert_int_equal(map_lookup(m, &k, got, 0), 0);
			assert_memory_equal(got, value, size);
		}
		assert_int_equal(map_lookup(m, &k, got, 0), -ENOENT);
		for (k = 0; k < 10; k++) {
			memset(value, (int)k + 1, size);
			assert_int_equal(map_update(m, &k, value, k % 2 ? BPF_ANY : BPF_EXIST), 0);
		}
		for (k = 0; k < 10; k++) {
			bpf_helper_t look = ops_of(m)->helper(m, BPF_FUNC_map_lookup_elem);
			u8 *p = (u8 *)look((u64)m, (u64)&k, 0, 0, 0, &fx.run);

			memset(value, (int)k + 1, size);
			assert_int_equal(map_lookup(m, &k, got, 0), 0);
			assert_memory_equal(got, value, size);
			assert_ptr_equal(p, ops_of(m)->lookup_elem(m, &k, &fx.run));
			assert_int_equal((u64)p % 8, 0);
		}
		assert_int_equal(map_update(m, &k, value, 0), -E2BIG);
		k = 3;
		assert_int_equal(map_update(m, &k, value, BPF_NOEXIST), -EEXIST);
		assert_int_equal(map_update(m, &k, value, BPF_F_LOCK), -EINVAL);
		assert_int_equal(map_update(m, &k, value, 8), -EINVAL);
		k = 11; /* the flags are looked at first */
		assert_int_equal(map_update(m, &k, value, 8), -EINVAL);
		assert_int_equal(map_update(m, &k, value, BPF_NOEXIST), -E2BIG);
		assert_int_equal(map_delete(m, &k), -EINVAL);
		/* keys in order; anything out of range starts over */
		assert_int_equal(map_next(m, NULL, &next), 0);
		assert_int_equal(next, 0);
		k = 8;
		assert_int_equal(map_next(m, &k, &next), 0);
		assert_int_equal(next, 9);
		k = 9;
		assert_int_equal(map_next(m, &k, &next), -ENOENT);
		k = 10;
		assert_int_equal(map_next(m, &k, &next), 0);
		assert_int_equal(next, 0);
		map_ok(m);
	}
}

static void test_update_helper(void **state)
{
	struct bpf_map *m;
	u64 v = 77;
	u32 k = 2;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, 8, 4 });
	bpf_helper_t up = ops_of(m)->helper(m, BPF_FUNC_map_update_elem);

	assert_int_equal(up((u64)m, (u64)&k, (u64)&v, BPF_EXIST, 0, &fx.run), 0);
	assert_int_equal((long)up((u64)m, (u64)&k, (u64)&v, BPF_NOEXIST, 0, &fx.run), -EEXIST);
	assert_int_equal((long)up((u64)m, (u64)&k, (u64)&v, 3, 0, &fx.run), -EINVAL);
	assert_int_equal((long)up((u64)m, (u64)&k, (u64)&v, 8, 0, &fx.run), -EINVAL);
	k = 4;
	assert_int_equal((long)up((u64)m, (u64)&k, (u64)&v, 0, 0, &fx.run), -E2BIG);
	k = 2, v = 0;
	assert_int_equal(map_lookup(m, &k, &v, 0), 0);
	assert_int_equal(v, 77);
}

static void test_mmapable(void **state)
{
	struct bpf_map *m;
	u32 k = 1, v = 5;
	u64 addr;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, 4, 3, BPF_F_MMAPABLE });
	assert_int_equal(m->client_size, 4096);
	assert_int_equal(map_update(m, &k, &v, 0), 0);
	assert_int_equal(((u32 *)m->client)[2], 5); /* elements lie 8 bytes apart */
	assert_int_equal(ops_of(m)->direct_value_addr(m, &addr, 0), -ENOTSUPP);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, 5000, 1, BPF_F_MMAPABLE });
	assert_int_equal(m->client_size, 8192);
	assert_int_equal(ops_of(m)->direct_value_addr(m, &addr, 4999), 0);
	assert_int_equal(addr, (u64)m->client + 4999);
	assert_int_equal(ops_of(m)->direct_value_addr(m, &addr, 5000), -EINVAL);
	map_ok(m);
}

static void test_lock_in_value(void **state)
{
	struct {
		u32 a, lock, b;
	} v = { 1, 7, 2 }, got;
	struct bpf_map *m;
	u32 k = 0, *p;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, 12, 2, .lock_at = 5 });
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK), 0);
	p = ops_of(m)->lookup_elem(m, &k, &fx.run);
	assert_int_equal(p[0], 1);
	assert_int_equal(p[1], 0);
	assert_int_equal(p[2], 2);
	p[1] = 99; /* held: a plain update leaves the lock alone */
	v.a = 3;
	assert_int_equal(map_update(m, &k, &v, 0), 0);
	assert_int_equal(p[1], 99);
	assert_int_equal(map_lookup(m, &k, &got, 0), 0);
	assert_int_equal(got.a, 3);
	assert_int_equal(got.lock, 0);
	p[1] = 0;
	assert_int_equal(map_lookup(m, &k, &got, BPF_F_LOCK), 0);
	assert_int_equal(got.lock, 0);
	assert_int_equal(got.b, 2);
}

static long stop_at(struct bpf_map *map, const void *key, void *value, void *arg)
{
	assert_ptr_equal(value, ops_of(map)->lookup_elem(map, key, &fx.run));
	return *(const u32 *)key == *(u32 *)arg;
}

static void test_for_each(void **state)
{
	struct bpf_map *m;
	u32 at = 100;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_ARRAY, 4, 8, 7 });
	assert_int_equal(ops_of(m)->for_each (m, stop_at, &at, &fx.run), 7);
	at = 2;
	assert_int_equal(ops_of(m)->for_each (m, stop_at, &at, &fx.run), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_errors), cmocka_unit_test(test_elements),
		cmocka_unit_test(test_update_helper), cmocka_unit_test(test_mmapable),
		cmocka_unit_test(test_lock_in_value), cmocka_unit_test(test_for_each),
	};

	return cmocka_run_group_tests_name("map_array", tests, NULL, NULL);
}
