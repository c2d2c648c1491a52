/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_F_RB_OVERWRITE: a ring buffer that gives up its oldest records for new ones (Linux 6.19). Against a
 * model, with consumers that are late, and with clients that write where they should not.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/kernel.h"
#include "../lib/map_fixture.h"
#include "../lib/system_fixture.h"

#include "object/helper.h"
#include "object/map_ringbuf.h"

#define HELPER(name) BPF_HELPER_DECLARE(bpf_##name)
HELPER(ringbuf_reserve);
HELPER(ringbuf_submit);
HELPER(ringbuf_discard);
HELPER(ringbuf_output);
HELPER(ringbuf_query);

#define HDR BPF_RINGBUF_HDR_SZ

static void *reserve(struct bpf_map *m, u64 size)
{
	return (void *)bpf_ringbuf_reserve((u64)m, size, 0, 0, 0, &fx.run);
}

static void submit(void *rec)
{
	bpf_ringbuf_submit((u64)rec, 0, 0, 0, 0, &fx.run);
}

static long output(struct bpf_map *m, const void *data, u64 size)
{
	return (long)bpf_ringbuf_output((u64)m, (u64)data, size, 0, 0, &fx.run);
}

static u64 query(struct bpf_map *m, u64 what)
{
	return bpf_ringbuf_query((u64)m, what, 0, 0, 0, &fx.run);
}

static struct bpf_map *ring(u32 size)
{
	return map_must((struct map_spec){ BPF_MAP_TYPE_RINGBUF, 0, 0, size, BPF_F_RB_OVERWRITE });
}

static u64 *words(struct bpf_map *m, u32 page)
{
	return (u64 *)((u8 *)m->client + page * RINGBUF_PAGE);
}

/*
 * One record, as a client reads it: 1; 0: there is none. *@missed counts bytes that were given up before
 * they were read.
 */
static int consume(struct bpf_map *m, void *to, u32 room, u32 *len, u64 *missed)
{
	u64 *prod = words(m, 1), *cons = words(m, 0), mask = m->max_entries - 1;
	const u8 *data = (u8 *)m->client + RINGBUF_DATA_OFF;

	for (;;) {
		u64 head = load_acquire(prod), oldest = load_acquire(&prod[RINGBUF_OVERWRITE]);
		u64 pos = *cons;
		u32 n;

		if (pos < oldest) {
			*missed += oldest - pos;
			pos = oldest;
			__atomic_store_n(cons, pos, __ATOMIC_SEQ_CST);
		}
		if (pos >= head)
			return 0;
		n = load_acquire((const u32 *)(data + (pos & mask)));
		memcpy(to, data + (pos & mask) + HDR,
		       min_t(u32, n & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT), room));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (load_acquire(&prod[RINGBUF_OVERWRITE]) > pos)
			continue; /* it was being overwritten */
		if (n & BPF_RINGBUF_BUSY_BIT)
			return 0;
		*len = n & ~BPF_RINGBUF_DISCARD_BIT;
		__atomic_store_n(cons, pos + round_up((u64)*len + HDR, 8), __ATOMIC_SEQ_CST);
		if (!(n & BPF_RINGBUF_DISCARD_BIT))
			return 1;
	}
}

/* ---- who may have it ---- */

static int create(struct skep_system *sys, u32 type)
{
	union bpf_attr a = { .map_type = type,
			     .max_entries = 4096,
			     .map_flags = BPF_F_RB_OVERWRITE };

	return sys ? skep_bpf(sys, BPF_MAP_CREATE, &a, sizeof(a)) :
		     kernel_bpf_raw(BPF_MAP_CREATE, &a, sizeof(a));
}

static void test_versions(void **state)
{
	static const char *const versions[] = { "6.18", "6.19" };
	int fd;

	for (u32 i = 0; i < 2; i++) {
		struct skep_system *sys = system_for(versions[i]);

		assert_non_null(sys);
		assert_int_equal(create(sys, BPF_MAP_TYPE_USER_RINGBUF), -EINVAL);
		assert_int_equal(create(sys, BPF_MAP_TYPE_ARRAY), -EINVAL);
		fd = create(sys, BPF_MAP_TYPE_RINGBUF);
		assert_true(i ? fd >= 0 : fd == -EINVAL);
		if (fd >= 0)
			close(fd);
		skep_system_free(sys);
	}
	fd = create(NULL, BPF_MAP_TYPE_RINGBUF);
	if (fd >= 0)
		close(fd);
	else
		assert_true(fd == -EINVAL || fd == -EPERM || fd == -ENOSYS);
}

/* ---- as Linux's own test has it: two reserved, no room, submitted, then the first is given up ---- */

static void test_linux(void **state)
{
	const u64 size = 0x1000, len1 = 0x800, len2 = 0x400, len3 = size - len1 - len2 - 3 * HDR;
	const u64 len4 = len3 - 8, len5 = len3;
	void *rec1, *rec2, *rec4, *rec5;
	struct bpf_map *m;

	fixture_start(false);
	m = ring(size);
	rec1 = reserve(m, len1);
	rec2 = reserve(m, len2);
	assert_non_null(rec1);
	assert_non_null(rec2);
	assert_null(reserve(m, len3)); /* what is being written is not overwritten */
	rec4 = reserve(m, len4);
	assert_non_null(rec4);
	submit(rec1);
	submit(rec2);
	submit(rec4);
	assert_int_equal(query(m, BPF_RB_OVERWRITE_POS), 0);
	rec5 = reserve(m, len5);
	assert_non_null(rec5);
	memset(rec5, 0xdd, len5);
	submit(rec5);
	assert_int_equal(query(m, BPF_RB_RING_SIZE), size);
	assert_int_equal(query(m, BPF_RB_AVAIL_DATA), len2 + len4 + len5 + 3 * HDR);
	assert_int_equal(query(m, BPF_RB_CONS_POS), 0);
	assert_int_equal(query(m, BPF_RB_PROD_POS), len1 + len2 + len4 + len5 + 4 * HDR);
	assert_int_equal(query(m, BPF_RB_OVERWRITE_POS), len1 + HDR);
	assert_int_equal(words(m, 1)[RINGBUF_OVERWRITE], len1 + HDR);
	map_ok(m);
	/* others have no such position */
	m = map_must((struct map_spec){ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 });
	for (u32 i = 0; i < 1000; i++)
		output(m, &i, 4);
	assert_int_equal(query(m, BPF_RB_OVERWRITE_POS), 0);
}

/* ---- against a model ---- */

#define SIZE  8192
#define MODEL 4096
#define PARTS 50000

struct rec {
	u64 pos;
	u32 len, seed;
	bool discarded;
};

static struct rec model[MODEL];
static u64 first, last; /* records that are there, by number */

static u64 end_of(const struct rec *r)
{
	return r->pos + round_up((u64)r->len + HDR, 8);
}

static void fill(u8 *p, u32 len, u32 seed)
{
	for (u32 i = 0; i < len; i++)
		p[i] = (u8)(seed + i * 7);
}

static void test_model(void **state)
{
	struct {
		void *rec;
		u64 number;
	} held[3] = { 0 };
	static u8 bytes[SIZE], expected[SIZE];
	u64 head = 0, cons = 0, given_up = 0, missed = 0, read = 0;
	struct bpf_map *m;
	u32 len;

	srand(19);
	fixture_start(false);
	m = ring(SIZE);
	first = last = 0;
	for (u32 step = 0; step < PARTS; step++) {
		u32 h = (u32)rand() % 3, what = (u32)rand() % 8;

		if (what < 5 && !held[h].rec) {
			u32 n = (u32)rand() % (rand() % 20 ? 400 : SIZE);
			struct rec r = { head, n, step };
			u64 end = end_of(&r), busy = head;

			for (u32 i = 0; i < 3; i++)
				if (held[i].rec)
					busy = min(busy, model[held[i].number % MODEL].pos);
			held[h].rec = reserve(m, n);
			assert_int_equal(held[h].rec != NULL, end - busy < SIZE);
			if (!held[h].rec)
				continue;
			while (first < last && end - model[first % MODEL].pos >= SIZE)
				first++, given_up++;
			assert_true(last - first < MODEL);
			held[h].number = last;
			model[last++ % MODEL] = r;
			head = end;
			fill(held[h].rec, n, step);
		} else if (what < 7 && held[h].rec) {
			model[held[h].number % MODEL].discarded = what == 6;
			if (what == 6)
				bpf_ringbuf_discard((u64)held[h].rec, 0, 0, 0, 0, &fx.run);
			else
				submit(held[h].rec);
			held[h].rec = NULL;
		} else if (what == 7) {
			const struct rec *r;
			u64 n = first;
			bool busy = false;

			while (n < last && (model[n % MODEL].pos < cons ||
					    (model[n % MODEL].discarded && !busy))) {
				for (u32 i = 0; i < 3; i++)
					busy |= held[i].rec && held[i].number == n;
				n++;
			}
			r = n < last ? &model[n % MODEL] : NULL;
			for (u32 i = 0; r && i < 3; i++)
				if (held[i].rec && held[i].number == n)
					r = NULL;
			assert_int_equal(consume(m, bytes, sizeof(bytes), &len, &missed),
					 r != NULL);
			if (r) {
				assert_int_equal(len, r->len);
				fill(expected, len, r->seed);
				assert_memory_equal(bytes, expected, len);
				read++;
			}
			cons = *words(m, 0);
		}
		assert_int_equal(query(m, BPF_RB_PROD_POS), head);
		assert_int_equal(query(m, BPF_RB_OVERWRITE_POS),
				 first < last ? model[first % MODEL].pos : head);
		assert_int_equal(
			query(m, BPF_RB_AVAIL_DATA),
			min(head - cons, head - (first < last ? model[first % MODEL].pos : head)));
		if (step % 64 == 0)
			map_ok(m);
	}
	assert_true(given_up > 1000 && read > 1000 && missed > 10000);
}

/* ---- writers and a reader at once ---- */

#define MANY 100000

struct producer {
	pthread_t thread;
	struct bpf_map *map;
	u32 cpu;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	struct bpf_run run = fixture_run(p->cpu);

	for (u64 i = 0; i < MANY; i++) {
		u64 v[8] = { p->cpu, i };

		for (u32 j = 2; j < 8; j++)
			v[j] = i * j + p->cpu;
		while (bpf_ringbuf_output((u64)p->map, (u64)v, 16 + i % 7 * 8, 0, 0, &run))
			sched_yield();
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct producer p[2] = { 0 };
	u64 next[2] = { 0 }, v[8], missed = 0, read = 0;
	struct bpf_map *m;
	u32 len;

	fixture_start(true);
	m = ring(4096);
	for (u32 i = 0; i < 2; i++) {
		p[i].map = m;
		p[i].cpu = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
	}
	while (next[0] < MANY || next[1] < MANY) {
		if (!consume(m, v, sizeof(v), &len, &missed)) {
			/* the last ones of either may be given up for the other's */
			if (*words(m, 0) == query(m, BPF_RB_PROD_POS) &&
			    (next[0] == MANY || next[1] == MANY) &&
			    !pthread_tryjoin_np(p[next[0] == MANY].thread, NULL)) {
				p[next[0] == MANY].map = NULL;
				break;
			}
			sched_yield();
			continue;
		}
		read++;
		assert_true(v[0] < 2 && v[1] >= next[v[0]] && v[1] < MANY);
		assert_int_equal(len, 16 + v[1] % 7 * 8);
		for (u32 j = 2; j < len / 8; j++)
			assert_int_equal(v[j], v[1] * j + v[0]);
		next[v[0]] = v[1] + 1;
	}
	for (u32 i = 0; i < 2; i++)
		if (p[i].map)
			pthread_join(p[i].thread, NULL);
	assert_true(read > 0);
	map_ok(m);
}

/* ---- a client that writes into the pages of records and positions ---- */

static void test_hostile(void **state)
{
	u32 fitted = 0;

	srand(7);
	fixture_start(false);
	for (u32 i = 0; i < 20000; i++) {
		static struct bpf_ringbuf_map *rb;
		u64 v = i;

		/* One whose records it has made endless takes no more. */
		if (i % 400 == 0)
			rb = (struct bpf_ringbuf_map *)ring(4096);
		if (rand() % 30 == 0)
			((u32 *)rb->data)[(u32)rand() % 2048] =
				(u32)rand() % (rand() % 2 ? 800 : ~0U);
		if (rand() % 50 == 0)
			rb->producer_pos[rand() % 4] = (u64)rand() * (u64)rand();
		if (output(&rb->map, &v, (u32)rand() % 100 + 8))
			continue;
		fitted++;
		assert_true(rb->head - rb->oldest <= rb->mask);
		assert_true(rb->pending - rb->oldest <= rb->mask);
	}
	assert_true(fitted > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions), cmocka_unit_test(test_linux),
		cmocka_unit_test(test_model),	 cmocka_unit_test(test_threads),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("overwriting ring buffer", tests, NULL, NULL);
}
