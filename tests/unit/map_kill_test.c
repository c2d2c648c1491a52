/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A process that shares a map is killed at a random moment of its updates. The map
 * stays whole: no torn value, nothing lost, no lock that nobody can take.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"
#include "map/htab.h"
#include "object/helper.h"
#include "object/map_ringbuf.h"

BPF_HELPER_DECLARE(bpf_ringbuf_reserve);
BPF_HELPER_DECLARE(bpf_ringbuf_submit);
BPF_HELPER_DECLARE(bpf_ringbuf_output);

#define KEYS 400

struct value {
	u64 v[6]; /* all alike: a torn one shows */
};

static struct value value_of(u64 x)
{
	struct value v;

	for (u32 i = 0; i < 6; i++)
		v.v[i] = x;
	return v;
}

/* The victim: updates, inserts, deletes and lookups until it is killed. */
static void work_until_killed(struct bpf_map *map, u32 seed)
{
	struct bpf_run run = fixture_run(1);
	const struct bpf_map_ops *ops = ops_of(map);
	u64 x = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (;;) {
		u64 key[2];

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		key[0] = (x >> 33) % KEYS;
		key[1] = ~key[0];
		if ((x >> 60) < 10) {
			struct value all[FIXTURE_CPUS];

			all[0] = value_of(x);
			ops->update_elem(map, key, all, 0, &run);
		} else {
			ops->delete_elem(map, key, &run);
		}
	}
}

static void check_whole(struct bpf_map *map, bool lru)
{
	struct bpf_htab *h = to_htab(map);
	u64 key[2], next[2];
	u32 n = 0;

	/* Takes every lock that was left, and so repairs what is under it. */
	assert_int_equal(htab_unjam(h, fx.run.platform, &fx.run), 0);
	map_ok(map);
	for (int err = map_next(map, NULL, next); !err; err = map_next(map, key, next)) {
		struct value *v = ops_of(map)->lookup_elem(map, next, &fx.run);

		assert_int_equal(next[1], ~next[0]);
		assert_non_null(v);
		if (!h->percpu) /* written in place there, as in Linux */
			for (u32 i = 1; i < 6; i++)
				assert_int_equal(v->v[i], v->v[0]);
		memcpy(key, next, sizeof(key));
		n++;
	}
	assert_true(n <= map->max_entries);
}

/* All elements can still be had: fills the map to the brim, empties it. */
static void check_capacity(struct bpf_map *map, bool lru)
{
	struct value v[FIXTURE_CPUS];
	u64 key[2];

	memset(v, 0, sizeof(v));
	while (!map_next(map, NULL, key))
		assert_int_equal(map_delete(map, key), 0);
	for (u64 k = 0; k < map->max_entries; k++) {
		key[0] = k + 1000;
		key[1] = ~key[0];
		assert_int_equal(map_update(map, key, v, BPF_NOEXIST), 0);
	}
	key[0] = 1;
	assert_int_equal(map_update(map, key, v, 0), lru ? 0 : -E2BIG);
	map_ok(map);
	while (!map_next(map, NULL, key))
		assert_int_equal(map_delete(map, key), 0);
	map_ok(map);
}

static void kill_while(u32 type, u32 max_entries, u32 milliseconds)
{
	bool lru = type == BPF_MAP_TYPE_LRU_HASH;
	struct timespec begin, now;
	struct bpf_map *map;
	u32 rounds = 0;
	long ms;

	fixture_start(true);
	map = map_must((struct map_spec){ type, 16, sizeof(struct value), max_entries });
	srandom(type * 1000 + max_entries);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		struct timespec nap = { 0, 20000 + random() % 400000 };
		pid_t pid = fork();

		if (!pid)
			work_until_killed(map, rounds);
		assert_true(pid > 0);
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		check_whole(map, lru);
		if (++rounds % 50 == 0)
			check_capacity(map, lru);
		clock_gettime(CLOCK_MONOTONIC, &now);
		ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
	} while (ms < milliseconds);
	check_capacity(map, lru);
}

static void test_hash(void **state)
{
	kill_while(BPF_MAP_TYPE_HASH, KEYS * 2, 500);
}

static void test_full_hash(void **state)
{
	kill_while(BPF_MAP_TYPE_HASH, 150, 700); /* elements are taken from other stripes */
}

static void test_percpu(void **state)
{
	kill_while(BPF_MAP_TYPE_PERCPU_HASH, 300, 400);
}

static void test_lru(void **state)
{
	kill_while(BPF_MAP_TYPE_LRU_HASH, 200, 500);
	kill_while(BPF_MAP_TYPE_LRU_HASH, 1100, 500); /* several lists */
}

/* ---- the same without chance: death after each single instruction of an operation ---- */

struct scene {
	const char *name;
	u32 type, max_entries;
	u32 before;  /* keys 0 .. before - 1 are there */
	u32 removed; /* of those, the first ones were deleted again */
	u32 used;    /* of those, the first ones were looked up */
	bool delete;
	u64 key; /* of the operation: a deletion or an update */
};

static const struct scene scenes[] = {
	{ "insert", BPF_MAP_TYPE_HASH, 100, 10, 0, 0, false, 50 },
	{ "insert what was deleted", BPF_MAP_TYPE_HASH, 100, 10, 3, 0, false, 0 },
	{ "insert the first", BPF_MAP_TYPE_HASH, 64, 0, 0, 0, false, 0 },
	{ "insert in a full table", BPF_MAP_TYPE_HASH, 64, 64, 0, 0, false, 100 },
	{ "insert by taking from others", BPF_MAP_TYPE_HASH, 64, 64, 1, 0, false, 100 },
	{ "insert by taking from others", BPF_MAP_TYPE_HASH, 64, 64, 3, 0, false, 101 },
	{ "insert by taking from others", BPF_MAP_TYPE_HASH, 64, 64, 3, 0, false, 102 },
	{ "insert the last", BPF_MAP_TYPE_HASH, 64, 63, 0, 0, false, 103 },
	{ "replace", BPF_MAP_TYPE_HASH, 100, 10, 0, 0, false, 5 },
	{ "replace in a full table", BPF_MAP_TYPE_HASH, 64, 64, 0, 0, false, 60 },
	{ "replace in a full table", BPF_MAP_TYPE_HASH, 64, 64, 0, 0, false, 63 },
	{ "delete", BPF_MAP_TYPE_HASH, 100, 10, 0, 0, true, 5 },
	{ "delete in a full table", BPF_MAP_TYPE_HASH, 64, 64, 0, 0, true, 60 },
	{ "delete in a full table", BPF_MAP_TYPE_HASH, 64, 64, 0, 0, true, 63 },
	{ "insert into a per-CPU hash", BPF_MAP_TYPE_PERCPU_HASH, 30, 10, 2, 0, false, 20 },
	{ "delete from a per-CPU hash", BPF_MAP_TYPE_PERCPU_HASH, 30, 10, 2, 0, true, 7 },
	{ "evict", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 0, false, 100 },
	{ "evict after second chances", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 4, false, 100 },
	{ "evict the only one", BPF_MAP_TYPE_LRU_HASH, 1, 1, 0, 0, false, 100 },
	{ "evict from another list", BPF_MAP_TYPE_LRU_HASH, 600, 600, 0, 0, false, 1000 },
	{ "insert into LRU", BPF_MAP_TYPE_LRU_HASH, 20, 10, 0, 0, false, 100 },
	{ "replace in LRU", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 3, false, 7 },
	{ "delete the oldest of LRU", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 0, true, 0 },
	{ "delete the newest of LRU", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 0, true, 19 },
	{ "delete from LRU", BPF_MAP_TYPE_LRU_HASH, 20, 20, 0, 0, true, 9 },
};

static void act_on_stage(struct bpf_map *map, const struct scene *sc)
{
	struct bpf_run run = fixture_run(1);
	struct value v[FIXTURE_CPUS];
	u64 key[2] = { sc->key, ~sc->key };

	for (u32 i = 0; i < FIXTURE_CPUS; i++)
		v[i] = value_of(7777);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (sc->delete)
		ops_of(map)->delete_elem(map, key, &run);
	else
		ops_of(map)->update_elem(map, key, v, 0, &run);
	_exit(0);
}

/* What another process finds when the first has died just now. */
static void autopsy(struct bpf_map *map, const struct scene *sc, u32 step)
{
	bool lru = map->map_type == BPF_MAP_TYPE_LRU_HASH;
	struct bpf_htab *h = to_htab(map);
	u32 missing = 0;

	/* As platform->recover() frees the locks of the dead. */
	for (u32 i = 0; i <= h->stripe_mask; i++)
		h->stripes[i].lock = 0;
	map->lock = 0;
	check_whole(map, lru);
	for (u64 k = sc->removed; k < sc->before; k++) {
		u64 key[2] = { k, ~k };
		struct value *v = ops_of(map)->lookup_percpu_elem ?
					  ops_of(map)->lookup_percpu_elem(map, key, 0) :
					  ops_of(map)->lookup_elem(map, key, &fx.run);

		if (k == sc->key && v && !sc->delete)
			assert_true(v->v[0] == k || v->v[0] == 7777);
		else if (v)
			assert_int_equal(v->v[0], k);
		else if (k != sc->key || !sc->delete)
			missing++;
	}
	assert_true(missing <= (u32)lru);	     /* at most what was evicted */
	if (map->max_entries < 100 || step % 8 == 0) /* the longer ones: now and then */
		check_capacity(map, lru);
}

static void play(const struct scene *sc, u32 *steps)
{
	struct value all[FIXTURE_CPUS];
	struct bpf_map *map;
	int status;
	void *save;
	u64 size;
	pid_t pid;

	fixture_start(true);
	map = map_must((struct map_spec){ sc->type, 16, sizeof(struct value), sc->max_entries,
					  BPF_F_ZERO_SEED });
	for (u64 k = 0; k < sc->before; k++) {
		u64 key[2] = { k, ~k };

		for (u32 i = 0; i < FIXTURE_CPUS; i++)
			all[i] = value_of(k);
		assert_int_equal(map_update(map, key, all, 0), 0);
	}
	for (u64 k = 0; k < sc->removed; k++)
		assert_int_equal(map_delete(map, (u64[]){ k, ~k }), 0);
	for (u64 k = 0; k < sc->used; k++)
		assert_non_null(ops_of(map)->lookup_elem(map, (u64[]){ k, ~k }, &fx.run));
	size = map->reserved;
	save = malloc(size);
	assert_non_null(save);
	pid = fork();
	if (!pid)
		act_on_stage(map, sc);
	assert_true(pid > 0);
	*steps = 0;
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		memcpy(save, map, size);
		autopsy(map, sc, *steps);
		memcpy(map, save, size);
		++*steps;
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	}
	free(save);
	map_ok(map);
}

static void test_every_instruction(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(scenes); i++) {
		u32 steps;

		play(&scenes[i], &steps);
		if (steps < 50)
			skip(); /* ptrace is not permitted here */
	}
}

/* ---- ring buffer: who dies with a record reserved holds nobody back ---- */

#define THEIRS 7777

static void produce_on_stage(struct bpf_map *map, u32 scene)
{
	struct bpf_run run = fixture_run(1);
	u64 v = THEIRS, *a, *b;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (scene == 0) {
		bpf_ringbuf_output((u64)map, (u64)&v, 8, 0, 0, &run);
	} else if (scene == 1) {
		a = (u64 *)bpf_ringbuf_reserve((u64)map, 8, 0, 0, 0, &run);
		*a = v;
		bpf_ringbuf_submit((u64)a, 0, 0, 0, 0, &run);
	} else {
		a = (u64 *)bpf_ringbuf_reserve((u64)map, 8, 0, 0, 0, &run);
		b = (u64 *)bpf_ringbuf_reserve((u64)map, 8, 0, 0, 0, &run);
		*a = *b = v;
		bpf_ringbuf_submit((u64)a, 0, 0, 0, 0, &run);
		bpf_ringbuf_submit((u64)b, 0, 0, 0, 0, &run);
	}
	_exit(0);
}

static void consume_all(struct bpf_map *map, u64 *expected, u32 *theirs)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;

	while (*rb->consumer_pos < *rb->producer_pos) {
		struct bpf_ringbuf_hdr *hdr = (void *)(rb->data + (*rb->consumer_pos & rb->mask));
		u32 len = hdr->len & ~BPF_RINGBUF_DISCARD_BIT;

		if (len & BPF_RINGBUF_BUSY_BIT)
			return;
		if (!(hdr->len & BPF_RINGBUF_DISCARD_BIT)) {
			u64 v = *(u64 *)(hdr + 1);

			if (v == THEIRS)
				++*theirs;
			else
				assert_int_equal(v, (*expected)++);
		}
		*rb->consumer_pos += (len + 8 + 7) / 8 * 8;
	}
}

static void ring_autopsy(struct bpf_map *map)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;
	u64 seen = 0, *live;
	u32 theirs = 0;

	rb->lock = 0;
	/* A living owner's record is held for as long: it must stay. */
	live = (u64 *)bpf_ringbuf_reserve((u64)map, 8, 0, 0, 0, &fx.run);
	assert_non_null(live);
	for (u64 i = 1; i < 100; i++)
		assert_int_equal(bpf_ringbuf_output((u64)map, (u64)&i, 8, 0, 0, &fx.run), 0);
	*live = 0;
	bpf_ringbuf_submit((u64)live, 0, 0, 0, 0, &fx.run);
	consume_all(map, &seen, &theirs);
	assert_int_equal(seen, 100);
	for (u64 i = 100; i < 700; i++) { /* more than the ring holds */
		assert_int_equal(bpf_ringbuf_output((u64)map, (u64)&i, 8, 0, 0, &fx.run), 0);
		consume_all(map, &seen, &theirs);
	}
	assert_int_equal(seen, 700);
	assert_true(theirs <= 2);
	map_ok(map);
}

/* What is full gives up what is oldest: the newest records are there, one after the other, and whole. */
static void overwriting_autopsy(struct bpf_map *map)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;
	u64 expected, pos;
	u32 theirs = 0;

	rb->lock = 0;
	for (u64 i = 1; i < 700; i++)
		assert_int_equal(bpf_ringbuf_output((u64)map, (u64)&i, 8, 0, 0, &fx.run), 0);
	assert_int_equal(rb->producer_pos[RINGBUF_OVERWRITE], rb->oldest);
	for (pos = rb->oldest; pos < rb->head; pos += 16)
		assert_int_equal(((struct bpf_ringbuf_hdr *)(rb->data + (pos & rb->mask)))->len, 8);
	*rb->consumer_pos = rb->oldest;
	expected = 700 - (rb->head - rb->oldest) / 16;
	assert_true(expected < 200); /* the ring holds 512 */
	consume_all(map, &expected, &theirs);
	assert_int_equal(expected, 700);
	assert_int_equal(theirs, 0);
	map_ok(map);
}

static void ring_buffer(u32 flags, void (*autopsy)(struct bpf_map *map))
{
	for (u32 scene = 0; scene < 3; scene++) {
		struct bpf_map *map;
		u8 *save[2];
		int status;
		u32 steps = 0;
		pid_t pid;

		fixture_start(true);
		map = map_must((struct map_spec){ BPF_MAP_TYPE_RINGBUF, 0, 0, 8192, flags });
		for (u64 i = 0; flags && i < 600; i++)
			bpf_ringbuf_output((u64)map, (u64)&i, 8, 0, 0, &fx.run);
		save[0] = malloc(map->reserved);
		save[1] = malloc(map->client_size);
		pid = fork();
		if (!pid)
			produce_on_stage(map, scene);
		assert_true(pid > 0);
		fx.dead = (u32)pid;
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
			memcpy(save[0], map, map->reserved);
			memcpy(save[1], map->client, map->client_size);
			autopsy(map);
			memcpy(map, save[0], map->reserved);
			memcpy(map->client, save[1], map->client_size);
			steps++;
			assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		}
		free(save[0]);
		free(save[1]);
		map_ok(map);
		if (steps < 50)
			skip(); /* ptrace is not permitted here */
	}
}

static void test_ring_buffer(void **state)
{
	ring_buffer(0, ring_autopsy);
}

static void test_overwriting(void **state)
{
	ring_buffer(BPF_F_RB_OVERWRITE, overwriting_autopsy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_full_hash),
		cmocka_unit_test(test_percpu),
		cmocka_unit_test(test_lru),
		cmocka_unit_test(test_every_instruction),
		cmocka_unit_test(test_ring_buffer),
		cmocka_unit_test(test_overwriting),
	};

	return cmocka_run_group_tests_name("map_kill", tests, NULL, NULL);
}
