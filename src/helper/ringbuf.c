/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of the ring buffer (Linux: kernel/bpf/ringbuf.c). Layout: object/map_ringbuf.h.
 *
 * The client can write to the pages that hold positions and records. So the
 * producer's own position is kept elsewhere, and a record's buffer is found among
 * those that the run has reserved in, not by what the record's header says.
 * DIFF(ringbuf-rings): at most four at a time.
 */
#include "helper/helper.h"
#include "object/arena.h"
#include "object/lock.h"
#include "object/map_ringbuf.h"

#define COUNT_MASK 0xfffULL /* run->rings[]: reservations; the rest is the map's address */

static struct bpf_ringbuf_map *ring_of(u64 entry)
{
	return (struct bpf_ringbuf_map *)(entry & ~COUNT_MASK);
}

/* Where the run notes that it has reserved in @rb; NULL: in too many others. */
static u64 *ring_entry(struct bpf_run *run, struct bpf_ringbuf_map *rb)
{
	u64 *unused = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(run->rings); i++) {
		if (ring_of(run->rings[i]) == rb)
			return &run->rings[i];
		if (!(run->rings[i] & COUNT_MASK))
			unused = &run->rings[i];
	}
	if (unused)
		*unused = (u64)rb;
	return unused;
}

static inline u64 record_size(u32 len)
{
	len &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return round_up((u64)len + BPF_RINGBUF_HDR_SZ, 8);
}

static struct bpf_ringbuf_hdr *reserve(struct bpf_ringbuf_map *rb, u64 size, struct bpf_run *run)
{
	u64 consumer, pending, head, next, len;
	struct bpf_ringbuf_hdr *hdr;
	u32 tid;

	if (unlikely(size > RINGBUF_MAX_RECORD_SZ))
		return NULL;
	len = round_up(size + BPF_RINGBUF_HDR_SZ, 8);
	if (unlikely(len > rb->mask + 1))
		return NULL;
	consumer = load_acquire(rb->consumer_pos);

	tid = READ_ONCE(run->arena->slots[run->cpu].owner);
	if (unlikely(!lock_try(&rb->lock, tid))) {
		if (READ_ONCE(rb->lock) == tid)
			return NULL; /* this run interrupted another that holds it */
		lock_take(&rb->lock, run->platform);
	}
	head = rb->head;
	next = head + len;
	pending = rb->pending;
	while (head - pending - 1 < rb->mask + 1) { /* pending < head, whatever the client wrote */
		u32 other;

		hdr = (void *)(rb->data + (pending & rb->mask));
		other = READ_ONCE(hdr->len);
		if (other & BPF_RINGBUF_BUSY_BIT)
			break;
		pending += record_size(other);
	}
	rb->pending = pending;
	if (unlikely(next - consumer > rb->mask || next - pending > rb->mask)) {
		lock_drop(&rb->lock);
		return NULL;
	}
	hdr = (void *)(rb->data + (head & rb->mask));
	hdr->pg_off = (u32)(((u8 *)hdr - (u8 *)rb->consumer_pos) / RINGBUF_PAGE);
	WRITE_ONCE(hdr->len, (u32)size | BPF_RINGBUF_BUSY_BIT);
	/* Who dies between these two leaves a busy record that the next one publishes. */
	store_release(&rb->head, next);
	store_release(rb->producer_pos, next);
	lock_drop(&rb->lock);
	return hdr;
}

static void commit(struct bpf_ringbuf_map *rb, struct bpf_ringbuf_hdr *hdr, u64 flags, u32 discard,
		   struct bpf_run *run)
{
	u32 len = (hdr->len & ~BPF_RINGBUF_BUSY_BIT) | discard;
	u64 consumer, at = (u64)((u8 *)hdr - rb->data);

	/* A full barrier: the client stores its position, then looks for a record. */
	__atomic_exchange_n(&hdr->len, len, __ATOMIC_SEQ_CST);
	consumer = load_acquire(rb->consumer_pos) & rb->mask;
	if (flags & BPF_RB_FORCE_WAKEUP)
		run->platform->wake(&rb->map);
	else if (consumer == at && !(flags & BPF_RB_NO_WAKEUP))
		run->platform->wake(&rb->map);
}

BPF_HELPER(ringbuf_reserve)
{
	struct bpf_ringbuf_map *rb = PTR(r1);
	struct bpf_ringbuf_hdr *hdr;
	u64 *entry;

	if (unlikely(r3))
		return 0;
	entry = ring_entry(run, rb);
	if (unlikely(!entry))
		return 0;
	hdr = reserve(rb, r2, run);
	if (unlikely(!hdr))
		return 0;
	++*entry;
	return (u64)(hdr + 1);
}

static void release(u64 sample, u64 flags, u32 discard, struct bpf_run *run)
{
	for (u32 i = 0; i < ARRAY_SIZE(run->rings); i++) {
		struct bpf_ringbuf_map *rb = ring_of(run->rings[i]);

		if (!(run->rings[i] & COUNT_MASK) || sample - (u64)rb->data > rb->mask + 8)
			continue;
		run->rings[i]--;
		commit(rb, (struct bpf_ringbuf_hdr *)sample - 1, flags, discard, run);
		return;
	}
	run->platform->abort("ring buffer record of no ring buffer");
}

BPF_HELPER(ringbuf_submit)
{
	release(r1, r2, 0, run);
	return 0;
}

BPF_HELPER(ringbuf_discard)
{
	release(r1, r2, BPF_RINGBUF_DISCARD_BIT, run);
	return 0;
}

BPF_HELPER(ringbuf_output)
{
	struct bpf_ringbuf_map *rb = PTR(r1);
	struct bpf_ringbuf_hdr *hdr;

	if (unlikely(r4 & ~(u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP)))
		return ERR(EINVAL);
	hdr = reserve(rb, r3, run);
	if (unlikely(!hdr))
		return ERR(EAGAIN);
	rt_copy(hdr + 1, PTR(r2), r3);
	commit(rb, hdr, r4, 0, run);
	return 0;
}

BPF_HELPER(ringbuf_query)
{
	struct bpf_ringbuf_map *rb = PTR(r1);

	switch (r2) {
	case BPF_RB_AVAIL_DATA:
		return load_acquire(&rb->head) - load_acquire(rb->consumer_pos);
	case BPF_RB_RING_SIZE:
		return rb->mask + 1;
	case BPF_RB_CONS_POS:
		return load_acquire(rb->consumer_pos);
	case BPF_RB_PROD_POS:
		return load_acquire(&rb->head);
	}
	return 0;
}
