/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Samples into the rings of a perf event array, read as libbpf's perf buffer reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"
#include "object/helper.h"
#include "object/packet.h"
#include "object/perf_ring.h"

BPF_HELPER_DECLARE(bpf_perf_event_output);
BPF_HELPER_DECLARE(bpf_skb_event_output);
BPF_HELPER_DECLARE(bpf_xdp_event_output);

#define SIZE 4096

static struct perf_event_mmap_page page;
static u8 data[SIZE];
static struct perf_ring ring;

static struct bpf_map *start(u64 sample_type)
{
	struct bpf_map *m;
	u32 k = 0;
	void *old;

	fixture_start(false);
	memset(&page, 0, sizeof(page));
	memset(data, 0, sizeof(data));
	ring = (struct perf_ring){ .enabled = 1,
				   .cpu = 0,
				   .wakeup_events = 1,
				   .sample_type = sample_type,
				   .id = 0x1234,
				   .page = &page,
				   .data = data,
				   .data_size = SIZE };
	m = map_must((struct map_spec){ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 3 });
	assert_int_equal(ops_of(m)->obj_update(m, &k, &ring, 0, &old, fx.run.platform), 0);
	return m;
}

static long output(struct bpf_map *m, u64 flags, const void *p, u64 size)
{
	return (long)bpf_perf_event_output(0, (u64)m, flags, (u64)p, size, &fx.run);
}

/* Copies the next record out; its size, 0: none. */
static u32 next(void *out)
{
	struct perf_event_header h;
	u64 head = load_acquire(&page.data_head), tail = page.data_tail;

	if (head == tail)
		return 0;
	for (u32 i = 0; i < sizeof(h); i++)
		((u8 *)&h)[i] = data[(tail + i) % SIZE];
	for (u32 i = 0; i < h.size; i++)
		((u8 *)out)[i] = data[(tail + i) % SIZE];
	page.data_tail = tail + h.size;
	return h.size;
}

struct raw_record {
	struct perf_event_header header;
	u32 size;
	u8 data[65536];
};

static struct raw_record rec;

static void test_errors(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	static u8 big[70000];
	u32 x = 1;

	assert_int_equal(output(m, 1ULL << 32, &x, 4), -EINVAL);
	assert_int_equal(output(m, 1ULL << 52, &x, 4), -EINVAL);
	assert_int_equal(output(m, 3, &x, 4), -E2BIG);
	assert_int_equal(output(m, 1, &x, 4), -ENOENT);
	assert_int_equal(output(m, BPF_F_CURRENT_CPU, &x, 4), 0);
	fx.run = fixture_run(2); /* current CPU: an empty element */
	assert_int_equal(output(m, BPF_F_CURRENT_CPU, &x, 4), -ENOENT);
	assert_int_equal(output(m, 0, &x, 4), -EOPNOTSUPP); /* another CPU's ring */
	fx.run = fixture_run(0);
	ring.enabled = 0;
	assert_int_equal(output(m, 0, &x, 4), -EOPNOTSUPP);
	ring.enabled = 1;
	assert_int_equal(output(m, 0, big, sizeof(big)), -E2BIG);
	assert_int_equal(output(m, 0, big, SIZE), -ENOSPC);
	ring.page = NULL;
	assert_int_equal(output(m, 0, &x, 4), -ENOSPC); /* not mapped */
}

static void test_layout(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	u32 size;

	for (u32 n = 0; n < 300; n++) {
		u8 bytes[300];

		for (u32 i = 0; i < n; i++)
			bytes[i] = (u8)(n + i);
		assert_int_equal(output(m, BPF_F_CURRENT_CPU, bytes, n), 0);
		size = next(&rec);
		assert_int_equal(size % 8, 0);
		assert_int_equal(rec.header.type, PERF_RECORD_SAMPLE);
		assert_int_equal(size, 8 + 4 + rec.size);
		/* padded so that size and data together are a multiple of 8 */
		assert_int_equal(rec.size, (n + 4 + 7) / 8 * 8 - 4);
		assert_memory_equal(rec.data, bytes, n);
		for (u32 i = n; i < rec.size; i++)
			assert_int_equal(rec.data[i], 0);
		assert_int_equal(next(&rec), 0);
	}
	assert_true(page.data_head > SIZE); /* it wrapped */
}

static void test_sample_fields(void **state)
{
	struct bpf_map *m =
		start(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW);
	struct {
		struct perf_event_header header;
		u32 pid, tid;
		u64 time;
		u32 cpu, res;
		u32 size, data;
	} r;
	u32 x = 0xabcdef;

	assert_int_equal(output(m, 0, &x, 4), 0);
	assert_int_equal(next(&r), sizeof(r));
	assert_true(r.pid > 0 && r.tid > 0 && r.time > 0);
	assert_int_equal(r.cpu, 0);
	assert_int_equal(r.size, 4);
	assert_int_equal(r.data, 0xabcdef);
}

static void test_lost(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	struct {
		struct perf_event_header header;
		u64 id, lost;
	} *lost = (void *)&rec;
	u64 x[10] = { 0 };
	u32 n = 0;

	while (!output(m, 0, x, sizeof(x)))
		n++;
	assert_int_equal(n, (SIZE - 1) / 96);
	assert_int_equal(output(m, 0, x, sizeof(x)), -ENOSPC);
	assert_int_equal(ring.lost, 2);
	for (u32 i = 0; i < n; i++)
		assert_int_equal(next(&rec), 96);
	assert_int_equal(output(m, 0, x, sizeof(x)), 0);
	assert_int_equal(next(&rec), sizeof(*lost));
	assert_int_equal(lost->header.type, PERF_RECORD_LOST);
	assert_int_equal(lost->lost, 2);
	assert_int_equal(next(&rec), 96);
	assert_int_equal(next(&rec), 0);
	assert_int_equal(ring.lost, 0);
}

static void test_wakeups(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	u64 x = 0;

	for (u32 i = 0; i < 5; i++)
		assert_int_equal(output(m, 0, &x, 4), 0);
	assert_int_equal(fx.wakes, 5);
	ring.wakeup_events = 3;
	for (u32 i = 0; i < 7; i++)
		assert_int_equal(output(m, 0, &x, 4), 0);
	assert_int_equal(fx.wakes, 7);
	ring.pending = 0;
	ring.watermark = 1;
	ring.wakeup_watermark = 64;
	for (u32 i = 0; i < 8; i++) /* 16 bytes each */
		assert_int_equal(output(m, 0, &x, 4), 0);
	assert_int_equal(fx.wakes, 9);
}

static void test_packets(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	u8 packet[100], frag[50];
	struct xdp_frag frags[1] = { { frag, 50, 50 } };
	struct xdp_buff xdp = { .data = packet, .data_end = packet + 100 };
	struct sk_buff skb = { .data = packet, .len = 130, .data_len = 30, .frag = frag };
	u32 meta = 0x11223344;

#define XDP(flags) (long)bpf_xdp_event_output((u64)&xdp, (u64)m, flags, (u64)&meta, 4, &fx.run)
#define SKB(flags) (long)bpf_skb_event_output((u64)&skb, (u64)m, flags, (u64)&meta, 4, &fx.run)
	for (u32 i = 0; i < 100; i++)
		packet[i] = (u8)i;
	for (u32 i = 0; i < 50; i++)
		frag[i] = (u8)(100 + i);
	assert_int_equal(XDP(BPF_F_CURRENT_CPU | 101ULL << 32), -EFAULT);
	assert_int_equal(XDP(BPF_F_CURRENT_CPU | (BPF_F_CTXLEN_MASK + (1ULL << 32))), -EINVAL);
	assert_int_equal(XDP(BPF_F_CURRENT_CPU | (60ULL << 32 & BPF_F_CTXLEN_MASK)), 0);
	next(&rec);
	assert_int_equal(rec.size, (4 + 60 + 4 + 7) / 8 * 8 - 4);
	assert_memory_equal(rec.data, &meta, 4);
	assert_memory_equal(rec.data + 4, packet, 60);
	xdp.frags = frags;
	xdp.nr_frags = 1;
	xdp.frags_len = 50;
	assert_int_equal(XDP(BPF_F_CURRENT_CPU | 151ULL << 32), -EFAULT);
	assert_int_equal(XDP(BPF_F_CURRENT_CPU | 150ULL << 32), 0);
	next(&rec);
	for (u32 i = 0; i < 150; i++)
		assert_int_equal(rec.data[4 + i], i);
	assert_int_equal(SKB(BPF_F_CURRENT_CPU | 131ULL << 32), -EFAULT);
	assert_int_equal(SKB(BPF_F_CURRENT_CPU | 130ULL << 32), 0);
	next(&rec);
	for (u32 i = 0; i < 130; i++)
		assert_int_equal(rec.data[4 + i], i);
	assert_int_equal(SKB(BPF_F_CURRENT_CPU), 0);
	next(&rec);
	assert_int_equal(rec.size, 4);
}

/* Whatever the client writes into its page, samples stay inside the ring. */
static void test_hostile_client(void **state)
{
	struct bpf_map *m = start(PERF_SAMPLE_RAW);
	u8 bytes[1000] = { 0 };

	srandom(1);
	for (u32 i = 0; i < 20000; i++) {
		page.data_tail = (u64)random() << 40 ^ (u64)random();
		page.data_head = (u64)random();
		output(m, 0, bytes, (u64)random() % 1000);
	}
	assert_true(ring.lost + ring.count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),	       cmocka_unit_test(test_layout),
		cmocka_unit_test(test_sample_fields),  cmocka_unit_test(test_lost),
		cmocka_unit_test(test_wakeups),	       cmocka_unit_test(test_packets),
		cmocka_unit_test(test_hostile_client),
	};

	return cmocka_run_group_tests_name("map_perf", tests, NULL, NULL);
}
