/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The ring buffer: positions, wrapping, wake-ups, and a consumer that works as
 * libbpf's does: one mapping, a record read in one piece.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"

#include "object/helper.h"
#include "object/map_ringbuf.h"

#define HELPER(name) BPF_HELPER_DECLARE(bpf_##name)
HELPER(ringbuf_reserve);
HELPER(ringbuf_submit);
HELPER(ringbuf_discard);
HELPER(ringbuf_output);
HELPER(ringbuf_query);

static void *reserve(struct bpf_map *m, u64 size)
{
	return (void *)bpf_ringbuf_reserve((u64)m, size, 0, 0, 0, &fx.run);
}

static void submit(void *rec, u64 flags)
{
	bpf_ringbuf_submit((u64)rec, flags, 0, 0, 0, &fx.run);
}

static void discard(void *rec, u64 flags)
{
	bpf_ringbuf_discard((u64)rec, flags, 0, 0, 0, &fx.run);
}

static long output(struct bpf_map *m, const void *data, u64 size, u64 flags)
{
	return (long)bpf_ringbuf_output((u64)m, (u64)data, size, flags, 0, &fx.run);
}

static u64 query(struct bpf_map *m, u64 what)
{
	return bpf_ringbuf_query((u64)m, what, 0, 0, 0, &fx.run);
}

/* As ringbuf_process_ring() of libbpf: calls back for each record; the number of records. */
static u32 consume(struct bpf_map *m, void (*fn)(const void *rec, u32 len, void *arg), void *arg)
{
	u8 *client = m->client, *data = client + 2 * 4096;
	u64 *cons = (u64 *)client, *prod = (u64 *)(client + 4096), mask = m->max_entries - 1;
	u32 n = 0;

	while (*cons < load_acquire(prod)) {
		u32 *hdr = (u32 *)(data + (*cons & mask)), len = load_acquire(hdr);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			fn(hdr + 2, len, arg);
			n++;
		}
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		__atomic_store_n(cons, *cons + (len + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8,
				 __ATOMIC_SEQ_CST);
	}
	return n;
}

static void ignore(const void *rec, u32 len, void *arg)
{
}

static struct bpf_map *ring(u32 size)
{
	return map_must((struct map_spec){ BPF_MAP_TYPE_RINGBUF, 0, 0, size });
}

static void test_create_errors(void **state)
{
	static const struct map_spec bad[] = {
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },	 { BPF_MAP_TYPE_RINGBUF, 0, 0, 100 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 2048 },	 { BPF_MAP_TYPE_RINGBUF, 0, 0, 3 * 4096 },
		{ BPF_MAP_TYPE_RINGBUF, 4, 0, 4096 },	 { BPF_MAP_TYPE_RINGBUF, 0, 4, 4096 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 1 }, { BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 8 },
	};
	int err;

	fixture_start(false);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(map_make(bad[i], &err));
		assert_int_equal(err, -EINVAL);
	}
}

static void test_wakeups(void **state)
{
	struct bpf_map *m;
	void *a, *b;
	u64 x = 1;

	fixture_start(false);
	m = ring(4096);
	a = reserve(m, 16);
	b = reserve(m, 16);
	assert_non_null(a);
	assert_non_null(b);
	submit(b, 0); /* the consumer waits for a */
	assert_int_equal(fx.wakes, 0);
	assert_int_equal(consume(m, ignore, NULL), 0);
	submit(a, 0); /* it has caught up to a: wake */
	assert_int_equal(fx.wakes, 1);
	assert_int_equal(output(m, &x, 8, 0), 0); /* a is not consumed yet: no wake */
	assert_int_equal(fx.wakes, 1);
	assert_int_equal(output(m, &x, 8, BPF_RB_FORCE_WAKEUP), 0);
	assert_int_equal(fx.wakes, 2);
	assert_int_equal(consume(m, ignore, NULL), 4);
	assert_int_equal(output(m, &x, 8, BPF_RB_NO_WAKEUP), 0);
	assert_int_equal(fx.wakes, 2);
	assert_int_equal(output(m, &x, 8, 4), -EINVAL);
	assert_int_equal(consume(m, ignore, NULL), 1);
	discard(reserve(m, 8), 0); /* a discarded record wakes, too */
	assert_int_equal(fx.wakes, 3);
	assert_int_equal(consume(m, ignore, NULL), 0);
	assert_int_equal(query(m, BPF_RB_AVAIL_DATA), 0);
	assert_null((void *)bpf_ringbuf_reserve((u64)m, 8, 1, 0, 0, &fx.run));
	map_ok(m);
}

static void test_full(void **state)
{
	struct bpf_map *m;
	u32 n = 0;
	u64 x = 0;

	fixture_start(false);
	m = ring(4096);
	assert_null(reserve(m, 4096));	   /* with its header it is longer than the ring */
	assert_null(reserve(m, 4096 - 8)); /* as long as the ring: never fits either */
	assert_null(reserve(m, 1ULL << 40));
	assert_non_null(reserve(m, 4096 - 16)); /* and stays reserved: all is full */
	assert_null(reserve(m, 8));
	assert_int_equal(output(m, &x, 8, 0), -EAGAIN);
	assert_int_equal(query(m, BPF_RB_RING_SIZE), 4096);
	assert_int_equal(query(m, BPF_RB_AVAIL_DATA), 4088);
	assert_int_equal(query(m, BPF_RB_PROD_POS), 4088);
	assert_int_equal(query(m, BPF_RB_CONS_POS), 0);
	assert_int_equal(query(m, 99), 0);
	m = ring(4096);
	while (!output(m, &x, 8, 0))
		n++;
	assert_int_equal(n, 4096 / 16 - 1);
	assert_int_equal(consume(m, ignore, NULL), n);
	assert_int_equal(query(m, BPF_RB_AVAIL_DATA), 0);
	map_ok(m);
}

/* The oldest unsubmitted record holds the others back, even when the consumer is far. */
static void test_pending(void **state)
{
	struct bpf_map *m;
	void *old;
	u64 x = 0;
	u32 n = 0;

	fixture_start(false);
	m = ring(4096);
	old = reserve(m, 8);
	while (!output(m, &x, 8, 0))
		n++;
	*(u64 *)m->client = query(m, BPF_RB_PROD_POS); /* a consumer that lies */
	assert_int_equal(output(m, &x, 8, 0), -EAGAIN);
	submit(old, 0);
	assert_int_equal(output(m, &x, 8, 0), 0);
}

struct check {
	u32 next;
	u32 errors;
};

static void check_record(const void *rec, u32 len, void *arg)
{
	struct check *c = arg;
	const u8 *p = rec;

	for (u32 i = 0; i < len; i++)
		c->errors += p[i] != (u8)(c->next + i);
	c->errors += len != c->next * 7 % 1500;
	c->next++;
}

static void test_wrap(void **state)
{
	struct check c = { 0 };
	struct bpf_map *m;
	u8 data[1500];

	fixture_start(false);
	m = ring(4096);
	for (u32 i = 0; i < 3000; i++) {
		u32 len = i * 7 % 1500;

		for (u32 j = 0; j < len; j++)
			data[j] = (u8)(i + j);
		if (i % 2) {
			assert_int_equal(output(m, data, len, 0), 0);
		} else {
			u8 *rec = reserve(m, len);

			assert_non_null(rec);
			memcpy(rec, data, len);
			submit(rec, 0);
		}
		consume(m, check_record, &c);
	}
	assert_int_equal(c.next, 3000);
	assert_int_equal(c.errors, 0);
	map_ok(m);
}

static void test_many_rings(void **state)
{
	struct bpf_map *m[6];
	void *rec[6];

	fixture_start(false);
	for (u32 i = 0; i < 6; i++)
		m[i] = ring(4096);
	for (u32 round = 0; round < 10; round++) {
		for (u32 i = 0; i < 6; i++) /* one after the other */
			submit(reserve(m[i], 8), 0);
		for (u32 i = 0; i < 4; i++)
			assert_non_null(rec[i] = reserve(m[(i + round) % 6], 8));
		assert_null(reserve(m[(4 + round) % 6], 8)); /* more than a run can keep apart */
		for (u32 i = 4; i-- > 0;)
			discard(rec[i], 0);
	}
	for (u32 i = 0; i < 6; i++)
		assert_int_equal(consume(m[i], ignore, NULL), 10);
	for (u32 i = 0; i < ARRAY_SIZE(fx.run.rings); i++)
		assert_int_equal(fx.run.rings[i] & 0xfff, 0);
}

/* A client that scribbles over its pages harms only itself. */
static void test_hostile_client(void **state)
{
	struct bpf_map *m;
	void *rec;

	fixture_start(false);
	m = ring(4096);
	srandom(1);
	for (u32 i = 0; i < 2000; i++) {
		u8 *client = m->client;

		rec = reserve(m, (u64)random() % 600);
		for (u32 j = 0; j < 4; j++) {
			u64 at = (u64)random() % (2 * 4096 + 4096) & ~7ULL;

			*(u64 *)(client + at) = (u64)random() << 32 ^ (u64)random();
		}
		if (rec)
			submit(rec, 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(fx.run.rings); i++)
		assert_int_equal(fx.run.rings[i] & 0xfff, 0);
}

struct producer {
	pthread_t thread;
	struct bpf_map *map;
	u32 cpu, sent;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	struct bpf_run run = fixture_run(p->cpu);

	while (p->sent < 100000) {
		u64 *rec = (u64 *)bpf_ringbuf_reserve((u64)p->map, 16 + p->sent % 5 * 8, 0, 0, 0,
						      &run);

		if (!rec) {
			sched_yield();
			continue;
		}
		rec[0] = p->cpu;
		rec[1] = p->sent++;
		bpf_ringbuf_submit((u64)rec, BPF_RB_NO_WAKEUP, 0, 0, 0, &run);
	}
	return NULL;
}

static void check_order(const void *rec, u32 len, void *arg)
{
	const u64 *p = rec;
	u64 *next = arg;

	if (p[0] >= 2 || p[1] != next[p[0]] || len != 16 + p[1] % 5 * 8)
		next[2]++;
	else
		next[p[0]]++;
}

static void test_threads(void **state)
{
	struct producer p[2] = { 0 };
	u64 next[3] = { 0 };

	fixture_start(true);
	struct bpf_map *m = ring(8192);

	for (u32 i = 0; i < 2; i++) {
		p[i].map = m;
		p[i].cpu = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
	}
	while (next[0] + next[1] < 200000 && !next[2])
		if (!consume(m, check_order, next))
			sched_yield();
	for (u32 i = 0; i < 2; i++)
		pthread_join(p[i].thread, NULL);
	assert_int_equal(next[2], 0);
	map_ok(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_errors),  cmocka_unit_test(test_wakeups),
		cmocka_unit_test(test_full),	       cmocka_unit_test(test_pending),
		cmocka_unit_test(test_wrap),	       cmocka_unit_test(test_many_rings),
		cmocka_unit_test(test_hostile_client), cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("map_ringbuf", tests, NULL, NULL);
}
