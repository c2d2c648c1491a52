/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Longest prefix match: against a plain search, with readers and writers at once, and
 * with a writer that is killed after every single instruction.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"

struct key {
	u32 prefixlen;
	u8 data[4];
};

static struct key key_of(u32 addr, u32 prefixlen)
{
	struct key k = { prefixlen, { addr >> 24, addr >> 16, addr >> 8, addr } };

	return k;
}

static u32 addr_of(const struct key *k)
{
	return (u32)k->data[0] << 24 | k->data[1] << 16 | k->data[2] << 8 | k->data[3];
}

static u32 masked(u32 addr, u32 len)
{
	return len ? addr & ~0U << (32 - len) : 0;
}

/* Few that differ in each byte, or so many in some that the trie has tables for those. */
static u32 some_addr(bool dense)
{
	u32 x = (u32)random() ^ (u32)random() << 8;

	return dense ? x & 0x00ff001c : x & 0x80c00103;
}

#define N 300

static void against_search(bool dense)
{
	struct {
		bool there;
		u32 addr, len;
		u64 value;
	} model[N] = { { 0 } };
	struct bpf_map *m;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LPM_TRIE, 8, 8, N, BPF_F_NO_PREALLOC });
	srandom(1);
	for (u32 step = 0; step < 20000; step++) {
		u32 addr = some_addr(dense), best = 0, same = N, empty = N;
		u32 len = dense && random() % 2 ? 16 : (u32)random() % 33;
		struct key k = key_of(addr, len);
		u64 v = (u64)random(), got;
		bool any = false;

		for (u32 i = 0; i < N; i++) {
			if (!model[i].there)
				empty = i;
			else if (model[i].len == len && model[i].addr == masked(addr, len))
				same = i;
		}
		switch (random() % 4) {
		case 0:
			if (same == N && empty == N)
				break;
			assert_int_equal(map_update(m, &k, &v, 0), 0);
			if (same == N)
				same = empty;
			model[same].there = true;
			model[same].addr = masked(addr, len);
			model[same].len = len;
			model[same].value = v;
			break;
		case 1:
			assert_int_equal(map_delete(m, &k), same == N ? -ENOENT : 0);
			if (same != N)
				model[same].there = false;
			break;
		default:
			for (u32 i = 0; i < N; i++)
				if (model[i].there && model[i].len <= len &&
				    masked(addr, model[i].len) == model[i].addr &&
				    (!any || model[i].len > model[best].len)) {
					any = true;
					best = i;
				}
			assert_int_equal(map_lookup(m, &k, &got, 0), any ? 0 : -ENOENT);
			if (any)
				assert_int_equal(got, model[best].value);
		}
		if (step % 100 == 0)
			map_ok(m);
	}
	map_ok(m);
}

static void test_against_search(void **state)
{
	against_search(false);
	against_search(true);
}

/* ---- 10.0.0.0/8 is always there; what is below comes and goes ---- */

struct worker {
	pthread_t thread;
	struct bpf_map *map;
	u32 cpu, errors;
	bool writes;
	volatile bool *stop;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct bpf_run run = fixture_run(w->cpu);
	const struct bpf_map_ops *ops = ops_of(w->map);
	u64 x = w->cpu + 1;

	for (u32 i = 0; i < 200000; i++) {
		u32 addr, len;
		struct key k;
		u64 v;

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		addr = 0x0a000000 | ((x >> 40) & 0x070301);
		len = 9 + (u32)(x >> 33) % 24;
		k = key_of(addr, len);
		if (w->writes) {
			v = (u64)masked(addr, len) << 8 | len; /* tells whose it is */
			if (x >> 63)
				ops->update_elem(w->map, &k, &v, 0, &run);
			else
				ops->delete_elem(w->map, &k, &run);
			continue;
		}
		k.prefixlen = 32;
		if (ops->lookup_copy(w->map, &k, &v, 0, &run))
			w->errors++; /* at least the /8 matches */
		else
			w->errors += masked(addr, v & 0xff) != v >> 8;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct worker w[3] = { 0 };
	struct key top = key_of(0x0a000000, 8);
	u64 v = 0x0a000000ULL << 8 | 8;
	struct bpf_map *m;

	fixture_start(true);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1000, BPF_F_NO_PREALLOC });
	assert_int_equal(map_update(m, &top, &v, 0), 0);
	for (u32 i = 0; i < 3; i++) {
		w[i].map = m;
		w[i].cpu = i;
		w[i].writes = i < 2;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (u32 i = 0; i < 3; i++)
		pthread_join(w[i].thread, NULL);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(w[i].errors, 0);
	map_ok(m);
}

/* ---- death after each instruction ---- */

struct scene {
	u32 type;
	u32 addr, len; /* queue and stack: .addr is the value */
	enum { UPDATE, DELETE, PUSH, PUSH_FULL, POP } op;
	bool dense; /* there are many_entries() */
};

static const struct scene scenes[] = {
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a80300, 24, UPDATE }, /* a leaf */
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a80000, 24, UPDATE }, /* replaces */
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a88000, 25, UPDATE },
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a00000, 12, UPDATE }, /* above */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0b000000, 8, UPDATE },  /* with an intermediate node */
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a80000, 24, DELETE }, /* with the intermediate above it */
	{ BPF_MAP_TYPE_LPM_TRIE, 0xc0a80000, 16, DELETE }, /* becomes an intermediate node */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a000000, 8, DELETE },
	{ BPF_MAP_TYPE_LPM_TRIE, 0, 0, DELETE },		 /* not there */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a010200, 24, UPDATE, true }, /* one of a table's */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a010300, 24, UPDATE, true },
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a014000, 18, UPDATE, true }, /* many of them */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a010000, 16, UPDATE, true }, /* gets the table */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a010400, 24, DELETE, true },
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a018000, 17, DELETE, true }, /* becomes an intermediate node */
	{ BPF_MAP_TYPE_LPM_TRIE, 0x0a020000, 16, DELETE, true }, /* passes a table on */
	{ BPF_MAP_TYPE_QUEUE, 99, 0, PUSH },
	{ BPF_MAP_TYPE_QUEUE, 99, 0, PUSH_FULL },
	{ BPF_MAP_TYPE_QUEUE, 0, 0, POP },
	{ BPF_MAP_TYPE_STACK, 99, 0, PUSH },
	{ BPF_MAP_TYPE_STACK, 99, 0, PUSH_FULL },
	{ BPF_MAP_TYPE_STACK, 0, 0, POP },
};

static const struct {
	u32 addr, len;
} entries[] = { { 0xc0a80000, 16 },
		{ 0xc0a80000, 24 },
		{ 0xc0a80100, 24 },
		{ 0xc0a88000, 24 },
		{ 0x0a000000, 8 } };

#define MANY 64

/* 10.1.0.0/24, 10.1.2.0/24 .., and some above them; a few of 10.2.0.0/16 */
static struct key many_entries(u32 i)
{
	if (i < MANY - 25)
		return key_of(0x0a010000 | i << 9, 24);
	if (i == MANY - 25)
		return key_of(0x0a018000, 17);
	if (i == MANY - 1)
		return key_of(0x0a020000, 16);
	return key_of(0x0a028000 | (i - (MANY - 25)) << 8, 24);
}

static struct key entry_of(const struct scene *sc, u32 i)
{
	return sc->dense ? many_entries(i) : key_of(entries[i].addr, entries[i].len);
}

static u32 nr_entries(const struct scene *sc)
{
	return sc->dense ? MANY : ARRAY_SIZE(entries);
}

static void act(struct bpf_map *map, const struct scene *sc)
{
	struct bpf_run run = fixture_run(1);
	const struct bpf_map_ops *ops = ops_of(map);
	struct key k = key_of(sc->addr, sc->len);
	u64 v = sc->addr;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (sc->op == UPDATE)
		ops->update_elem(map, &k, &v, 0, &run);
	else if (sc->op == DELETE)
		ops->delete_elem(map, &k, &run);
	else if (sc->op == POP)
		ops->pop_elem(map, &v, &run);
	else
		ops->push_elem(map, &v, sc->op == PUSH_FULL ? BPF_EXIST : 0, &run);
	_exit(0);
}

static void check_trie(struct bpf_map *map, const struct scene *sc)
{
	struct key k = key_of(0x01020304, 32);
	u64 v;

	assert_int_equal(map_delete(map, &k), -ENOENT); /* takes the lock: repairs */
	map_ok(map);
	for (u32 i = 0; i < nr_entries(sc); i++) {
		bool touched;

		k = entry_of(sc, i);
		touched = addr_of(&k) == sc->addr && k.prefixlen == sc->len;
		if (touched)
			continue;
		assert_int_equal(map_lookup(map, &k, &v, 0), 0);
		assert_int_equal(v, addr_of(&k));
		if (k.prefixlen != 24)
			continue;
		k = key_of(addr_of(&k) | 99, 32); /* by way of tables */
		assert_int_equal(map_lookup(map, &k, &v, 0), 0);
		assert_int_equal(v | 99, addr_of(&k));
	}
	/* all nodes can still be had */
	while (!map_next(map, NULL, &k))
		assert_int_equal(map_delete(map, &k), 0);
	for (u32 i = 0; i < map->max_entries; i++) {
		k = key_of(i * 0x9e3779b1U, 32);
		assert_int_equal(map_update(map, &k, &v, BPF_NOEXIST), 0);
	}
	map_ok(map);
}

static void check_queue(struct bpf_map *map, const struct scene *sc)
{
	const struct bpf_map_ops *ops = ops_of(map);
	bool stack = map->map_type == BPF_MAP_TYPE_STACK;
	u64 v, last = stack ? 1000 : 0;
	u32 n = 0;

	map_ok(map);
	while (!ops->pop_elem(map, &v, &fx.run)) {
		assert_true(stack ? v < last : v > last);
		last = v;
		n++;
	}
	assert_true(n >= 3 && n <= 4);
}

static void test_every_instruction(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(scenes); i++) {
		const struct scene *sc = &scenes[i];
		bool trie = sc->type == BPF_MAP_TYPE_LPM_TRIE;
		struct bpf_map *map;
		u32 steps = 0;
		int status;
		void *save;
		pid_t pid;

		fixture_start(true);
		map = map_must((struct map_spec){ sc->type, trie ? 8 : 0, 8,
						  sc->dense ? MANY + 4 :
						  trie	    ? 9 :
							      4,
						  trie ? BPF_F_NO_PREALLOC : 0 });
		for (u32 j = 0; trie && j < nr_entries(sc); j++) {
			struct key k = entry_of(sc, j);
			u64 v = addr_of(&k);

			assert_int_equal(map_update(map, &k, &v, 0), 0);
		}
		for (u64 v = 1; !trie && v <= (sc->op == PUSH ? 3 : 4); v++)
			assert_int_equal(ops_of(map)->push_elem(map, &v, 0, &fx.run), 0);
		save = malloc(map->reserved);
		pid = fork();
		if (!pid)
			act(map, sc);
		assert_true(pid > 0);
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
			/* of the many that filling a table takes, one in 13 */
			if (!sc->dense || steps % 13 == i % 13) {
				memcpy(save, map, map->reserved);
				/* the lock's owner is dead, and found out */
				fx.dead = (u32)pid;
				if (trie)
					check_trie(map, sc);
				else {
					u64 v;

					ops_of(map)->peek_elem(map, &v, &fx.run);
					check_queue(map, sc);
				}
				memcpy(map, save, map->reserved);
			}
			steps++;
			assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		}
		free(save);
		map_ok(map);
		if (steps < 50)
			skip(); /* ptrace is not permitted here */
	}
}

static void test_order(void **state)
{
	static const u32 want[][2] = { { 0x0a000000, 8 },
				       { 0xc0a80000, 24 },
				       { 0xc0a80100, 24 },
				       { 0xc0a88000, 24 },
				       { 0xc0a80000, 16 } };
	struct bpf_map *m;
	struct key k, next;
	u64 v = 0;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 9, BPF_F_NO_PREALLOC });
	for (u32 j = 0; j < ARRAY_SIZE(entries); j++) {
		k = key_of(entries[j].addr, entries[j].len);
		assert_int_equal(map_update(m, &k, &v, 0), 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(map_next(m, i ? &k : NULL, &next), 0);
		assert_int_equal(addr_of(&next), want[i][0]);
		assert_int_equal(next.prefixlen, want[i][1]);
		k = next;
	}
	assert_int_equal(map_next(m, &k, &next), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_search),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_every_instruction),
	};

	return cmocka_run_group_tests_name("map_lpm", tests, NULL, NULL);
}
