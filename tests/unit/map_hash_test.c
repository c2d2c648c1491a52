/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The hash table as a map type: rules, errno, growth, iteration, and threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"
#include "object/rt_string.h"

static int refused(struct map_spec spec)
{
	int err;

	assert_null(map_make(spec, &err));
	return err;
}

static void test_create_errors(void **state)
{
	struct map_spec ok = { BPF_MAP_TYPE_HASH, 4, 8, 16 }, s;
	int err;

	fixture_start(false);
	assert_non_null(map_make(ok, &err));
	s = ok, s.key_size = 0;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.value_size = 0;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.max_entries = 0;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_MMAPABLE;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_NO_COMMON_LRU;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
	assert_int_equal(refused(s), -EINVAL);
	s = ok, s.flags = BPF_F_ZERO_SEED, s.unprivileged = true;
	assert_int_equal(refused(s), -EPERM);
	s = ok, s.value_size = 1 << 22;
	assert_int_equal(refused(s), -E2BIG);
	s = ok, s.max_entries = 1u << 28;
	assert_int_equal(refused(s), -E2BIG);
	s = ok, s.max_entries = 0xffffffff;
	assert_int_equal(refused(s), -E2BIG);
	s = ok, s.type = BPF_MAP_TYPE_LRU_HASH, s.flags = BPF_F_NO_PREALLOC;
	assert_int_equal(refused(s), -ENOTSUPP);
	s = ok, s.type = BPF_MAP_TYPE_PERCPU_HASH, s.value_size = 32769;
	assert_int_equal(refused(s), -E2BIG);
	s = ok, s.type = BPF_MAP_TYPE_PERCPU_HASH, s.flags = BPF_F_NUMA_NODE;
	assert_int_equal(refused(s), -EINVAL);
}

static void test_flags_and_errno(void **state)
{
	static const u32 flags[] = { 0, BPF_F_NO_PREALLOC, BPF_F_ZERO_SEED };

	fixture_start(false);
	for (u32 f = 0; f < ARRAY_SIZE(flags); f++) {
		struct bpf_map *m =
			map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 8, 3, flags[f] });
		u32 k = 1, next;
		u64 v = 10, got = 0;

		assert_int_equal(map_lookup(m, &k, &got, 0), -ENOENT);
		assert_int_equal(map_delete(m, &k), -ENOENT);
		assert_int_equal(map_next(m, NULL, &next), -ENOENT);
		assert_int_equal(map_update(m, &k, &v, BPF_EXIST), -ENOENT);
		assert_int_equal(map_update(m, &k, &v, 3), -EINVAL);
		assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK), -EINVAL);
		assert_int_equal(map_update(m, &k, &v, 8), -EINVAL);
		assert_int_equal(map_update(m, &k, &v, BPF_NOEXIST), 0);
		assert_int_equal(map_update(m, &k, &v, BPF_NOEXIST), -EEXIST);
		v = 11;
		assert_int_equal(map_update(m, &k, &v, BPF_EXIST), 0);
		assert_int_equal(map_lookup(m, &k, &got, 0), 0);
		assert_int_equal(got, 11);
		assert_int_equal(map_lookup(m, &k, &got, BPF_F_LOCK), -EINVAL);
		k = 2;
		assert_int_equal(map_update(m, &k, &v, 0), 0);
		k = 3;
		assert_int_equal(map_update(m, &k, &v, 0), 0);
		k = 4;
		assert_int_equal(map_update(m, &k, &v, 0), -E2BIG);
		k = 3; /* a full map can still be updated */
		for (v = 0; v < 100; v++)
			assert_int_equal(map_update(m, &k, &v, 0), 0);
		map_ok(m);
		assert_int_equal(map_take(m, &k, &got, 0), 0);
		assert_int_equal(got, 99);
		assert_int_equal(map_take(m, &k, &got, 0), -ENOENT);
		k = 4;
		assert_int_equal(map_update(m, &k, &v, 0), 0);
		k = 5;
		assert_int_equal(map_update(m, &k, &v, 0), -E2BIG);
		map_ok(m);
	}
}

static void test_full_is_exact(void **state)
{
	static const u32 sizes[] = { 1, 2, 5, 16, 17, 63, 64, 1000, 4096, 30000 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bpf_map *m;
		u32 n = sizes[i];

		fixture_start(false);
		m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 8, 4, n });
		for (u32 round = 0; round < 3; round++) {
			u64 base = (u64)round << 40, k;
			u32 v = 7;

			for (k = base; k < base + n; k++)
				assert_int_equal(map_update(m, &k, &v, 0), 0);
			assert_int_equal(map_update(m, &k, &v, 0), -E2BIG);
			map_ok(m);
			/* one out, one in, from whatever stripe */
			for (u32 j = 0; j < 50; j++) {
				u64 out = base + j % n, in = base + n + j;

				if (j >= n)
					break;
				assert_int_equal(map_delete(m, &out), 0);
				assert_int_equal(map_update(m, &in, &v, 0), 0);
				assert_int_equal(map_update(m, &out, &v, 0), -E2BIG);
			}
			map_ok(m);
			while (!map_next(m, NULL, &k))
				assert_int_equal(map_delete(m, &k), 0);
			map_ok(m);
		}
	}
}

static void test_key_sizes(void **state)
{
	fixture_start(false);
	for (u32 ks = 1; ks <= 70; ks++) {
		struct bpf_map *m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, ks, ks, 300 });
		u8 key[70], value[70], got[70];
		u32 n = ks == 1 ? 200 : 300;

		for (u32 i = 0; i < n; i++) {
			memset(key, 0xa5, ks);
			key[ks - 1] = (u8)i;
			if (ks > 1)
				key[0] = (u8)(i >> 8);
			memset(value, (int)i, ks);
			assert_int_equal(map_update(m, key, value, BPF_NOEXIST), 0);
		}
		for (u32 i = 0; i < n; i++) {
			memset(key, 0xa5, ks);
			key[ks - 1] = (u8)i;
			if (ks > 1)
				key[0] = (u8)(i >> 8);
			memset(value, (int)i, ks);
			memset(got, 0, ks);
			assert_int_equal(map_lookup(m, key, got, 0), 0);
			assert_memory_equal(got, value, ks);
			/* and as a program finds it, through the specialised helper */
			bpf_helper_t f = ops_of(m)->helper(m, BPF_FUNC_map_lookup_elem);
			void *p = (void *)f((u64)m, (u64)key, 0, 0, 0, &fx.run);

			assert_non_null(p);
			assert_memory_equal(p, value, ks);
			assert_int_equal((u64)p % 8, 0);
		}
		map_ok(m);
	}
}

/* What programs call in place of the helpers, which differs by key size. */
static void test_key_sizes_of_programs(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH,
				     BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };

	fixture_start(false);
	for (u32 t = 0; t < 4 * 17; t++) {
		u32 ks = t / 4 + 1, n = 64;
		struct bpf_map *m = map_must((struct map_spec){ types[t % 4], ks, 8, 1000 });
		bpf_helper_t lookup = ops_of(m)->helper(m, BPF_FUNC_map_lookup_elem);
		bpf_helper_t update = ops_of(m)->helper(m, BPF_FUNC_map_update_elem);
		bpf_helper_t delete = ops_of(m)->helper(m, BPF_FUNC_map_delete_elem);

		/* keys that differ in one place only, the first or the last; each twice: new, then there */
		for (u32 i = 0; i < 2 * n; i++) {
			u64 value = i, *got;
			u8 key[20];

			/* what lies behind the key does not count */
			memset(key, 0x5a, sizeof(key));
			memset(key + ks, (int)i, sizeof(key) - ks);
			key[i & 1 ? 0 : ks - 1] = (u8)(i % n);
			if (update)
				assert_int_equal(
					update((u64)m, (u64)key, (u64)&value, 0, 0, &fx.run), 0);
			else
				assert_int_equal(ops_of(m)->update_elem(m, key, &value, 0, &fx.run),
						 0);
			memset(key + ks, (int)~i, sizeof(key) - ks);
			got = (void *)lookup((u64)m, (u64)key, 0, 0, 0, &fx.run);
			assert_non_null(got);
			assert_int_equal(*got, i);
			if (i < n)
				continue;
			assert_int_equal(delete ((u64)m, (u64)key, 0, 0, 0, &fx.run), 0);
			assert_null((void *)lookup((u64)m, (u64)key, 0, 0, 0, &fx.run));
		}
		map_ok(m);
	}
}

static void test_iteration(void **state)
{
	static u8 seen[5000];
	struct bpf_map *m;
	u32 k, next, v = 0, count = 0;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 4, 5000 });
	memset(seen, 0, sizeof(seen));
	for (k = 0; k < 5000; k++)
		assert_int_equal(map_update(m, &k, &v, 0), 0);
	for (int err = map_next(m, NULL, &next); !err; err = map_next(m, &k, &next)) {
		assert_true(next < 5000 && !seen[next]++);
		k = next;
		count++;
	}
	assert_int_equal(count, 5000);
	/* an unknown key starts over */
	k = 0xdeadbeef;
	assert_int_equal(map_next(m, &k, &next), 0);
	assert_int_equal(map_next(m, NULL, &k), 0);
	assert_int_equal(k, next);
	/* deleting while iterating, as clients do: next first, then delete */
	count = 0;
	assert_int_equal(map_next(m, NULL, &k), 0);
	for (;;) {
		int err = map_next(m, &k, &next);

		assert_int_equal(map_delete(m, &k), 0);
		count++;
		if (err)
			break;
		k = next;
	}
	assert_int_equal(count, 5000);
	map_ok(m);
}

/* With a zero seed and few buckets: chains, and deletion from all their places. */
static void test_chains(void **state)
{
	fixture_start(false);
	for (u32 round = 0; round < 200; round++) {
		struct bpf_map *m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 4, 64 });
		u8 in[256] = { 0 };
		u32 n = 0;

		srandom(round);
		for (u32 i = 0; i < 600; i++) {
			u32 k = (u32)random() % 256, v = k * 3, got;
			int op = (int)(random() % 3);

			if (op < 2) {
				int want = !in[k] && n == 64 ? -E2BIG : 0;

				assert_int_equal(map_update(m, &k, &v, 0), want);
				if (!want && !in[k])
					in[k] = 1, n++;
			} else {
				assert_int_equal(map_delete(m, &k), in[k] ? 0 : -ENOENT);
				if (in[k])
					in[k] = 0, n--;
			}
			assert_int_equal(map_lookup(m, &k, &got, 0), in[k] ? 0 : -ENOENT);
		}
		map_ok(m);
	}
}

static void test_lock_in_value(void **state)
{
	struct {
		u32 lock, a, b, c;
	} v = { 7, 1, 2, 3 }, got;
	struct bpf_map *m;
	u32 k = 1, *p;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 16, 8, .lock_at = 1 });
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK | BPF_EXIST), -ENOENT);
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK), 0);
	p = ops_of(m)->lookup_elem(m, &k, &fx.run);
	assert_int_equal(*p, 0); /* the lock is not part of the value */
	assert_int_equal(p[1], 1);
	v.a = 5;
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK), 0);
	/* in place */
	assert_ptr_equal(p, ops_of(m)->lookup_elem(m, &k, &fx.run));
	assert_int_equal(p[1], 5);
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK | BPF_NOEXIST), -EEXIST);
	assert_int_equal(map_update(m, &k, &v, BPF_F_LOCK | 3), -EINVAL);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(map_lookup(m, &k, &got, BPF_F_LOCK), 0);
	assert_int_equal(got.lock, 0);
	assert_int_equal(got.a, 5);
	assert_int_equal(*p, 0);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(map_take(m, &k, &got, BPF_F_LOCK), 0);
	assert_int_equal(got.lock, 0);
	assert_int_equal(got.c, 3);
	map_ok(m);
}

static void run_out_of_memory(void)
{
	struct bpf_map *m;
	u32 k, v = 0, n = 0;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 100, 100000 });
	fx.fail_back = 2;
	for (k = 0; k < 100000; k++) {
		u8 value[100] = { 0 };
		int err = map_update(m, &k, value, 0);

		if (err) {
			assert_int_equal(err, -ENOMEM);
			break;
		}
		n++;
	}
	assert_true(n > 100 && n < 100000);
	map_ok(m);
	assert_int_equal(map_lookup(m, &v, (u8[100]){ 0 }, 0), 0);
	fx.fail_back = 0;
	for (; k < 100000; k++) {
		u8 value[100] = { 0 };

		assert_int_equal(map_update(m, &k, value, 0), 0);
	}
	map_ok(m);
}

static void test_out_of_memory(void **state)
{
	for (u32 i = 0; i < 8; i++) /* each with another seed */
		run_out_of_memory();
}

static long count_and_delete(struct bpf_map *map, const void *key, void *value, void *arg)
{
	u32 k = *(const u32 *)key;

	++*(u32 *)arg;
	assert_int_equal(*(u32 *)value, k + 1);
	assert_int_equal(map_delete(map, &k), 0);
	return *(u32 *)arg == 700;
}

static void test_for_each(void **state)
{
	struct bpf_map *m;
	u32 count = 0;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 4, 1000 });
	for (u32 k = 0; k < 1000; k++)
		map_update(m, &k, &(u32){ k + 1 }, 0);
	assert_int_equal(ops_of(m)->for_each (m, count_and_delete, &count, &fx.run), 700);
	assert_int_equal(ops_of(m)->for_each (m, count_and_delete, &count, &fx.run), 300);
	assert_int_equal(ops_of(m)->for_each (m, count_and_delete, &count, &fx.run), 0);
	map_ok(m);
}

/* ---- threads: values carry their key, so that a torn or wrong element shows ---- */

struct worker {
	pthread_t thread;
	struct bpf_map *map;
	u32 cpu, seed, errors, hits;
	bool evicts;
};

#define KEYS	  512
#define KEY_WORDS 3 /* longer than one word: can be torn */

static void make_key(u64 *key, u64 id)
{
	for (u32 i = 0; i < KEY_WORDS; i++)
		key[i] = id * 0x100000001ULL + i;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct bpf_run run = fixture_run(w->cpu);
	u64 key[KEY_WORDS], value[KEY_WORDS + 1], x = w->seed;
	const struct bpf_map_ops *ops = ops_of(w->map);

	for (u32 i = 0; i < 150000; i++) {
		u64 id;

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		id = (x >> 33) % KEYS;
		make_key(key, id);
		switch (x >> 60) {
		case 0 ... 4:
			memcpy(value, key, sizeof(key));
			value[KEY_WORDS] = ~id;
			if (ops->update_elem(w->map, key, value, BPF_ANY, &run)) {
				/* full: allowed, but keys 0..63 are never deleted */
			}
			break;
		case 5 ... 7:
			if (id >= 64)
				ops->delete_elem(w->map, key, &run);
			break;
		case 8:
			if (ops->get_next_key(w->map, key, value))
				break;
			make_key(key, (u32)value[0]);
			w->errors += !!memcmp(key, value, sizeof(key));
			break;
		default:
			if (!ops->lookup_copy(w->map, key, value, 0, &run)) {
				w->hits++;
				w->errors += !!memcmp(key, value, sizeof(key)) ||
					     value[KEY_WORDS] != ~id;
			} else if (id < 64 && !w->evicts) {
				w->errors++; /* always there: a reader must find it */
			}
		}
	}
	return NULL;
}

static void run_threads(u32 type, u32 max_entries)
{
	struct worker w[3] = { 0 };
	struct bpf_map *m;

	fixture_start(true);
	m = map_must((struct map_spec){ type, KEY_WORDS * 8, KEY_WORDS * 8 + 8, max_entries });
	for (u64 id = 0; id < 64; id++) {
		u64 value[KEY_WORDS + 1];

		make_key(value, id);
		value[KEY_WORDS] = ~id;
		assert_int_equal(map_update(m, value, value, 0), 0);
	}
	for (u32 i = 0; i < 3; i++) {
		w[i].map = m;
		w[i].cpu = i;
		w[i].evicts = type == BPF_MAP_TYPE_LRU_HASH;
		w[i].seed = i + 1;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (u32 i = 0; i < 3; i++)
		pthread_join(w[i].thread, NULL);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(w[i].errors, 0);
		assert_true(w[i].hits > 1000);
	}
	map_ok(m);
}

static void test_threads(void **state)
{
	run_threads(BPF_MAP_TYPE_HASH, KEYS);
	run_threads(BPF_MAP_TYPE_HASH, 300); /* often full: elements move between stripes */
	run_threads(BPF_MAP_TYPE_HASH, 4000);
	run_threads(BPF_MAP_TYPE_LRU_HASH, KEYS);
	run_threads(BPF_MAP_TYPE_LRU_HASH, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_errors),
		cmocka_unit_test(test_flags_and_errno),
		cmocka_unit_test(test_full_is_exact),
		cmocka_unit_test(test_key_sizes),
		cmocka_unit_test(test_key_sizes_of_programs),
		cmocka_unit_test(test_iteration),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_lock_in_value),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_for_each),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("map_hash", tests, NULL, NULL);
}
