/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps without a system: segments made by hand, and a platform whose .back() is the
 * only way to get at a page, so that a map that touches memory it did not ask for
 * crashes. A shared fixture has all pages from the start, for tests with fork().
 */
#ifndef TESTS_MAP_FIXTURE_H
#define TESTS_MAP_FIXTURE_H

#include <errno.h>

#include "object/arena.h"
#include "object/map.h"
#include "object/platform.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

extern const struct bpf_map_ops array_map_ops, percpu_array_map_ops, prog_array_map_ops,
	perf_event_array_map_ops, array_of_maps_map_ops, htab_map_ops, htab_percpu_map_ops,
	htab_lru_map_ops, htab_lru_percpu_map_ops, htab_of_maps_map_ops, ringbuf_map_ops,
	trie_map_ops, queue_map_ops, stack_map_ops, bloom_filter_map_ops, stack_trace_map_ops;

#define FIXTURE_CPUS 4

struct fixture {
	struct arena *arena; /* slots only */
	bool shared;
	struct bpf_run run; /* on CPU 0 */
	u64 wakes;
	u32 dead;      /* .recover() takes this thread for dead; 0: asks the system */
	u64 fail_back; /* .back() fails from the n-th call on; 0: never */
};

extern struct fixture fx;

/* (Re)starts the fixture; maps made before are gone. */
void fixture_start(bool shared);
/* A run of the calling thread on @cpu. */
struct bpf_run fixture_run(u32 cpu);

struct map_spec {
	u32 type, key_size, value_size, max_entries, flags;
	u32 lock_at; /* offset of a bpf_spin_lock in the value, plus 1 */
	bool unprivileged;
	struct bpf_map *inner;
	u32 btf; /* type of key and value, for the types of map that ask for one */
};
/* NULL and *err = -errno as MAP_CREATE would give it. */
struct bpf_map *map_make(struct map_spec spec, int *err);
/* As map_make(); the test fails when there is no map. */
struct bpf_map *map_must(struct map_spec spec);
const struct bpf_map_ops *ops_of(const struct bpf_map *map);

/* What bpf(2) does with a map of values: 0 or -errno. */
int map_lookup(struct bpf_map *map, const void *key, void *value, u64 flags);
int map_update(struct bpf_map *map, const void *key, const void *value, u64 flags);
int map_delete(struct bpf_map *map, const void *key);
int map_next(struct bpf_map *map, const void *key, void *next);
int map_take(struct bpf_map *map, const void *key, void *value, u64 flags);
void map_ok(struct bpf_map *map); /* .check() finds nothing */

#endif
