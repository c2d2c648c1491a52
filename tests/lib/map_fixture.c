/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "map_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture fx;
static struct skep_platform platform;

static int back_strict(struct arena *arena, void *addr, u64 len)
{
	u64 from = (u64)addr & ~4095ULL, to = ((u64)addr + len + 4095) & ~4095ULL;

	if (fx.fail_back && !--fx.fail_back) {
		fx.fail_back = 1;
		return -ENOMEM;
	}
	return len && mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) ? -ENOMEM : 0;
}

static int back_shared(struct arena *arena, void *addr, u64 len)
{
	return 0;
}

static void recover(u32 *lock, u32 owner)
{
	if (fx.dead && owner == fx.dead)
		__atomic_compare_exchange_n(lock, &owner, 0, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	else
		platform_process()->recover(lock, owner);
}

static void wake(void *ring)
{
	fx.wakes++;
}

static void *pages(u64 len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void fixture_start(bool shared)
{
	platform = *platform_process();
	platform.back = shared ? back_shared : back_strict;
	platform.wake = wake;
	platform.recover = recover;
	if (!fx.arena)
		fx.arena = pages(sizeof(struct arena), PROT_READ | PROT_WRITE);
	memset(fx.arena, 0, sizeof(*fx.arena));
	fx.arena->nr_slots = FIXTURE_CPUS;
	fx.arena->epoch = 1;
	fx.shared = shared;
	fx.wakes = 0;
	fx.fail_back = 0;
	fx.dead = 0;
	fx.run = fixture_run(0);
}

struct bpf_run fixture_run(u32 cpu)
{
	struct bpf_run run = { .arena = fx.arena, .platform = &platform, .cpu = cpu };

	fx.arena->slots[cpu].owner = (u32)syscall(SYS_gettid);
	fx.arena->slots[cpu].nesting = 1;
	return run;
}

const struct bpf_map_ops *ops_of(const struct bpf_map *map)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);

	if (ops)
		return ops;
	fail_msg("no operations for map type %u", map->map_type);
	return NULL;
}

struct bpf_map *map_make(struct map_spec spec, int *err)
{
	union bpf_attr attr = {
		.map_type = spec.type,
		.key_size = spec.key_size,
		.value_size = spec.value_size,
		.max_entries = spec.max_entries,
		.map_flags = spec.flags,
		.btf_key_type_id = spec.btf,
		.btf_value_type_id = spec.btf,
	};
	struct bpf_map_params p = {
		.attr = &attr,
		.nr_cpus = FIXTURE_CPUS,
		.inner = spec.inner,
		.has_special = spec.lock_at,
		.cap_bpf = !spec.unprivileged,
		.cap_sys_admin = !spec.unprivileged,
	};
	struct bpf_map_layout layout = { 0 };
	struct bpf_map stand_in = { .map_type = spec.type }, *map;
	const struct bpf_map_ops *ops = ops_of(&stand_in);

	*err = ops->alloc_check(&p, &layout);
	if (*err)
		return NULL;
	assert_true(layout.backed <= layout.reserve);
	assert_true(layout.backed >= sizeof(*map));
	map = pages(layout.reserve, fx.shared ? PROT_READ | PROT_WRITE : PROT_NONE);
	if (!map) {
		*err = -ENOMEM;
		return NULL;
	}
	if (!fx.shared)
		assert_int_equal(0, mprotect(map, (layout.backed + 4095) & ~4095ULL,
					     PROT_READ | PROT_WRITE));
	map->map_type = spec.type;
	map->key_size = spec.key_size;
	map->value_size = spec.value_size;
	map->max_entries = spec.max_entries;
	map->map_flags = spec.flags;
	map->nr_cpus = FIXTURE_CPUS;
	map->arena = fx.arena;
	map->reserved = layout.reserve;
	map->backed = layout.backed;
	if (layout.client_size) {
		map->client = pages(layout.client_size, PROT_READ | PROT_WRITE);
		map->client_size = layout.client_size;
	}
	if (spec.lock_at) {
		map->nr_fields = 1;
		map->fields[0] =
			(struct bpf_map_field){ BPF_FIELD_SPIN_LOCK, 4, spec.lock_at - 1, 0 };
	}
	if (spec.inner) {
		map->inner.map_type = spec.inner->map_type;
		map->inner.key_size = spec.inner->key_size;
		map->inner.value_size = spec.inner->value_size;
		map->inner.max_entries = spec.inner->max_entries;
		map->inner.map_flags = spec.inner->map_flags;
		map->inner.nr_fields = spec.inner->nr_fields;
	}
	*err = ops->init ? ops->init(map, fx.run.platform) : 0;
	return *err ? NULL : map;
}

struct bpf_map *map_must(struct map_spec spec)
{
	int err;
	struct bpf_map *map = map_make(spec, &err);

	if (!map)
		fail_msg("map of type %u: error %d", spec.type, err);
	map_ok(map);
	return map;
}

int map_lookup(struct bpf_map *map, const void *key, void *value, u64 flags)
{
	return ops_of(map)->lookup_copy(map, key, value, flags, &fx.run);
}

int map_update(struct bpf_map *map, const void *key, const void *value, u64 flags)
{
	const struct bpf_map_ops *ops = ops_of(map);

	if (ops->update_copy)
		return ops->update_copy(map, key, value, flags, &fx.run);
	return (int)ops->update_elem(map, key, value, flags, &fx.run);
}

int map_delete(struct bpf_map *map, const void *key)
{
	return (int)ops_of(map)->delete_elem(map, key, &fx.run);
}

int map_next(struct bpf_map *map, const void *key, void *next)
{
	return ops_of(map)->get_next_key(map, key, next);
}

int map_take(struct bpf_map *map, const void *key, void *value, u64 flags)
{
	return ops_of(map)->lookup_and_delete(map, key, value, flags, &fx.run);
}

void map_ok(struct bpf_map *map)
{
	const char *wrong = ops_of(map)->check ? ops_of(map)->check(map) : NULL;

	if (wrong)
		fail_msg("%s", wrong);
}
