/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_user_ringbuf_drain() of generated records, right and wrong ones, on skep and on the running
 * kernel: what it returns, what the callback saw, where the consumer's position is.
 * (tests/bpf/user_ring.bpf.c)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/beside.h"

#define PAGE	4096U
#define RING	4096U
#define BUSY	(1U << 31)
#define DISCARD (1U << 30)

struct taken {
	u64 n, sum, last_size, stop_at;
};

struct engine {
	struct beside b;
	int ring, takens;
	const u64 *consumer;
	u8 *producer; /* its page, then twice the data */
};

static struct engine engines[2];
static u32 nr_engines;

static int engine_open(struct engine *e)
{
	int err = beside_open(&e->b, "user_ring");

	if (!err) {
		skep_front_use(e->b.sys);
		e->ring = bpf_object__find_map_fd_by_name(e->b.obj, "ring");
		e->takens = bpf_object__find_map_fd_by_name(e->b.obj, "takens");
		e->consumer = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, e->ring, 0);
		e->producer = mmap(NULL, PAGE + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED,
				   e->ring, PAGE);
		if (e->consumer == MAP_FAILED || e->producer == MAP_FAILED)
			err = -errno;
		skep_front_use(NULL);
	}
	return err;
}

static void engine_close(struct engine *e)
{
	munmap((void *)e->consumer, PAGE);
	munmap(e->producer, PAGE + 2 * RING);
	beside_close(&e->b);
}

static u64 *produced(const struct engine *e)
{
	return (u64 *)e->producer;
}

/* A record at the producer's position, of which @head is the length with its flags. */
static void put(const struct engine *e, u32 head, u32 size, u64 seed)
{
	u64 at = *produced(e) % RING;
	u8 *p = e->producer + PAGE;

	memcpy(p + at, &head, sizeof(head));
	memset(p + at + 4, 0, 4);
	for (u32 i = 0; i < size && at + 8 + i < 2 * RING; i++)
		p[at + 8 + i] = (u8)(seed + i * 7);
	__atomic_store_n(produced(e), *produced(e) + (size + 8 + 7) / 8 * 8, __ATOMIC_RELEASE);
}

static s32 drain(const struct engine *e, const char *name, struct taken *t)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[64] = { 0 };
	u32 zero = 0;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	skep_front_use(e->b.sys);
	assert_int_equal(bpf_map_update_elem(e->takens, &zero, t, 0), 0);
	assert_int_equal(
		bpf_prog_test_run_opts(
			bpf_program__fd(bpf_object__find_program_by_name(e->b.obj, name)), &opts),
		0);
	assert_int_equal(bpf_map_lookup_elem(e->takens, &zero, t), 0);
	skep_front_use(NULL);
	return (s32)opts.retval;
}

static void everywhere(const char *name, u64 stop_at, s32 want)
{
	struct taken t[2] = { { .stop_at = stop_at }, { .stop_at = stop_at } };
	s32 ret[2] = { 0 };

	for (u32 i = 0; i < nr_engines; i++)
		ret[i] = drain(&engines[i], name, &t[i]);
	if (want != INT32_MIN)
		assert_int_equal(ret[0], want);
	if (nr_engines < 2)
		return;
	assert_int_equal(ret[0], ret[1]);
	assert_memory_equal(&t[0], &t[1], sizeof(t[0]));
	assert_int_equal(*engines[0].consumer, *engines[1].consumer);
}

#define ANY INT32_MIN

static void put_everywhere(u32 head, u32 size, u64 seed)
{
	for (u32 i = 0; i < nr_engines; i++)
		put(&engines[i], head, size, seed);
}

static void fresh(void)
{
	for (u32 i = 0; i < nr_engines; i++) {
		if (engines[i].b.obj)
			engine_close(&engines[i]);
		assert_int_equal(engine_open(&engines[i]), 0);
	}
}

static void records_are_taken(void **state)
{
	fresh();
	everywhere("drains", 0, 0);
	put_everywhere(8, 8, 1);
	put_everywhere(100 | DISCARD, 100, 2);
	put_everywhere(16, 16, 3);
	everywhere("drains", 0, 2);
	assert_int_equal(*engines[0].consumer, 16 + 112 + 24);
	put_everywhere(8 | BUSY, 8, 4);
	everywhere("drains_quietly", 0, 0);
	everywhere("drains_wrongly", 0, -EINVAL);
}

static void a_callback_may_stop(void **state)
{
	fresh();
	for (u32 i = 0; i < 10; i++)
		put_everywhere(24, 24, i);
	everywhere("drains", 3, 3);
	everywhere("drains", 0, 7);
}

static void what_a_client_does_wrong(void **state)
{
	fresh();
	put_everywhere(100, 16, 1); /* longer than what was produced */
	everywhere("drains", 0, -EINVAL);
	fresh();
	for (u32 i = 0; i < nr_engines; i++)
		*produced(&engines[i]) = 12;
	everywhere("drains", 0, -EINVAL);
	fresh();
	put_everywhere(RING, 0, 1);
	for (u32 i = 0; i < nr_engines; i++)
		*produced(&engines[i]) = 1 << 20;
	everywhere("drains", 0, -E2BIG);
	fresh();
	put_everywhere(0, 0, 1); /* empty records to the end of the ring and round again */
	for (u32 i = 0; i < nr_engines; i++)
		*produced(&engines[i]) = 8 * 100;
	everywhere("drains", 0, 100);
}

static void generated_records(void **state)
{
	fresh();
	for (u32 round = 0; round < 3000; round++) {
		for (u32 n = beside_random(6); n; n--) {
			u32 size = beside_random(10) ? beside_random(200) : beside_random(1500);
			u32 head = size | (beside_random(5) ? 0 : DISCARD);

			if (*produced(&engines[0]) + size + 16 > *engines[0].consumer + RING)
				break;
			put_everywhere(head, size, beside_random(256));
		}
		everywhere(beside_random(4) ? "drains" : "drains_quietly",
			   beside_random(3) ? 0 : 1 + beside_random(3), ANY);
	}
	assert_true(*engines[0].consumer > 20 * RING);
}

static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };

	engines[0].b.sys = skep_system_new(&opts);
	if (!engines[0].b.sys)
		return -1;
	nr_engines = 2;
	if (engine_open(&engines[1])) {
		print_message("# no live kernel bpf: not compared\n");
		beside_close(&engines[1].b);
		nr_engines = 1;
	}
	return 0;
}

static int teardown(void **state)
{
	for (u32 i = 0; i < nr_engines; i++)
		if (engines[i].b.obj)
			engine_close(&engines[i]);
	skep_system_free(engines[0].b.sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_taken),
		cmocka_unit_test(a_callback_may_stop),
		cmocka_unit_test(what_a_client_does_wrong),
		cmocka_unit_test(generated_records),
	};

	return cmocka_run_group_tests_name("user ring buffers", tests, setup, teardown);
}
