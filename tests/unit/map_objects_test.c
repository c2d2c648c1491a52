/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps whose elements are objects: program, perf event array, array and hash of maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"

#include "object/map_array.h"
#include "object/prog.h"

static int obj_update(struct bpf_map *m, const void *key, void *obj, u64 flags, void **old)
{
	const struct bpf_map_ops *ops = ops_of(m);
	int err = ops->obj_check ? ops->obj_check(m, key, flags) : 0;

	*old = NULL;
	return err ? err : ops->obj_update(m, key, obj, flags, old, fx.run.platform);
}

static int obj_delete(struct bpf_map *m, const void *key, void **old)
{
	return ops_of(m)->obj_delete(m, key, old, fx.run.platform);
}

static int refused(struct map_spec spec)
{
	int err;

	assert_null(map_make(spec, &err));
	return err;
}

static void test_arrays(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_PERF_EVENT_ARRAY };

	for (u32 t = 0; t < 2; t++) {
		struct map_spec ok = { types[t], 4, 4, 8 }, s;
		struct bpf_prog a = { .type = BPF_PROG_TYPE_XDP },
				b = { .type = BPF_PROG_TYPE_XDP };
		struct bpf_map *m;
		void *old;
		u32 k = 3;

		fixture_start(false);
		s = ok, s.value_size = 8;
		assert_int_equal(refused(s), -EINVAL);
		s = ok, s.flags = BPF_F_RDONLY_PROG;
		assert_int_equal(refused(s), -EINVAL);
		s = ok, s.flags = BPF_F_MMAPABLE;
		assert_int_equal(refused(s), -EINVAL);
		m = map_must(ok);
		assert_null(ops_of(m)->update_elem);
		assert_null(ops_of(m)->lookup_elem);
		assert_int_equal(obj_delete(m, &k, &old), -ENOENT);
		assert_int_equal(obj_update(m, &k, &a, BPF_NOEXIST, &old), -EINVAL);
		assert_int_equal(obj_update(m, &k, &a, BPF_EXIST, &old), -EINVAL);
		assert_int_equal(obj_update(m, &k, &a, 0, &old), 0);
		assert_null(old);
		/* where the engines look */
		assert_int_equal(((u64 *)((struct bpf_array *)m)->value)[3], (u64)&a);
		assert_int_equal(obj_update(m, &k, &b, 0, &old), 0);
		assert_ptr_equal(old, &a);
		if (t == 0)
			assert_ptr_equal(ops_of(m)->obj_lookup(m, &k), &b);
		else
			assert_null(ops_of(m)->obj_lookup);
		k = 8;
		assert_int_equal(obj_update(m, &k, &a, 0, &old), -E2BIG);
		assert_int_equal(obj_update(m, &k, &a, 1, &old), -EINVAL); /* flags first */
		assert_int_equal(obj_delete(m, &k, &old), -E2BIG);
		k = 3;
		assert_int_equal(obj_delete(m, &k, &old), 0);
		assert_ptr_equal(old, &b);
		assert_int_equal(obj_delete(m, &k, &old), -ENOENT);
		a.type = BPF_PROG_TYPE_EXT;
		if (t == 0)
			assert_int_equal(obj_update(m, &k, &a, 0, &old), -EINVAL);
		map_ok(m);
	}
}

static void test_templates(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };

	for (u32 t = 0; t < 2; t++) {
		struct map_spec ok = { types[t], 4, 4, 8 }, s;
		struct bpf_map *hash, *outer, *progs;

		fixture_start(false);
		hash = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 8, 5 });
		progs = map_must((struct map_spec){ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 5 });
		assert_int_equal(refused(ok), -EBADF);
		s = ok, s.value_size = 8; /* looked at before the template */
		assert_int_equal(refused(s), -EINVAL);
		s = ok, s.inner = progs;
		assert_int_equal(refused(s), -ENOTSUPP);
		ok.inner = hash;
		outer = map_must(ok);
		s = ok, s.inner = outer;
		assert_int_equal(refused(s), -EINVAL);
	}
}

static void test_inner_maps(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };

	for (u32 t = 0; t < 2; t++) {
		struct bpf_map *arr, *arr2, *big, *hash, *outer, *flex, *flex_big;
		struct map_spec a = { BPF_MAP_TYPE_ARRAY, 4, 8, 2 };
		bool array = types[t] == BPF_MAP_TYPE_ARRAY_OF_MAPS;
		void *old;
		u32 k = 1;

		fixture_start(false);
		arr = map_must(a);
		arr2 = map_must(a);
		a.max_entries = 3;
		big = map_must(a);
		a.flags = BPF_F_INNER_MAP;
		flex_big = map_must(a);
		a.max_entries = 2;
		flex = map_must(a);
		hash = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 8, 2 });
		outer = map_must((struct map_spec){ types[t], 4, 4, 2, .inner = arr });
		assert_null(ops_of(outer)->lookup_elem(outer, &k, &fx.run));
		assert_int_equal(obj_update(outer, &k, arr, 0, &old), 0);
		assert_null(old);
		assert_ptr_equal(ops_of(outer)->lookup_elem(outer, &k, &fx.run), arr);
		bpf_helper_t look = ops_of(outer)->helper(outer, BPF_FUNC_map_lookup_elem);
		assert_int_equal(look((u64)outer, (u64)&k, 0, 0, 0, &fx.run), (u64)arr);
		assert_int_equal(obj_update(outer, &k, arr2, 0, &old), 0);
		assert_ptr_equal(old, arr);
		assert_ptr_equal(ops_of(outer)->obj_lookup(outer, &k), arr2);
		/* what is not like the template */
		assert_int_equal(obj_update(outer, &k, big, 0, &old), -EINVAL);
		assert_int_equal(obj_update(outer, &k, hash, 0, &old), -EINVAL);
		assert_int_equal(obj_update(outer, &k, flex, 0, &old), -EINVAL);
		assert_int_equal(obj_update(outer, &k, arr, BPF_NOEXIST, &old),
				 array ? -EINVAL : -EEXIST);
		assert_int_equal(obj_update(outer, &k, arr, BPF_EXIST, &old), array ? -EINVAL : 0);
		assert_int_equal(obj_update(outer, &k, arr, BPF_F_LOCK, &old), -EINVAL);
		k = 2;
		assert_int_equal(obj_update(outer, &k, arr, 0, &old), array ? -E2BIG : 0);
		k = 3;
		assert_int_equal(obj_update(outer, &k, arr, 0, &old), -E2BIG);
		assert_int_equal(obj_delete(outer, &k, &old), array ? -E2BIG : -ENOENT);
		k = 1;
		assert_int_equal(obj_delete(outer, &k, &old), 0);
		assert_non_null(old);
		assert_int_equal(obj_delete(outer, &k, &old), -ENOENT);
		map_ok(outer);
		/* BPF_F_INNER_MAP: the size may differ */
		outer = map_must((struct map_spec){ types[t], 4, 4, 2, .inner = flex });
		assert_int_equal(obj_update(outer, &k, flex_big, 0, &old), 0);
		assert_int_equal(obj_update(outer, &k, arr, 0, &old), -EINVAL);
		/* a hash's size never matters */
		outer = map_must((struct map_spec){ types[t], 4, 4, 2, .inner = hash });
		hash = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 8, 77 });
		assert_int_equal(obj_update(outer, &k, hash, 0, &old), 0);
		map_ok(outer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_inner_maps),
	};

	return cmocka_run_group_tests_name("map_objects", tests, NULL, NULL);
}
