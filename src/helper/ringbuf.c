/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of the ring buffer (Linux: kernel/bpf/ringbuf.c). Layout: object/map_ringbuf.h.
 *
 * The client can write to the pages that hold positions and records. So the
 * producer's own position is kept elsewhere, and a record's buffer is found among
 * those that the run has reserved in, not by what the record's header says.
 * DIFF(ringbuf-rings): at most four at a time.
 *
 * A process may be killed between reserving and submitting. Its record would hold back
 * all later ones; so each CPU slot notes what it has reserved, and whoever finds the
 * oldest record busy for long discards those of the dead.
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

static __attribute__((noinline)) u64 *find_entry(struct bpf_run *run, struct bpf_ringbuf_map *rb)
{
	u64 *unused = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(run->rings); i++) {
		if (ring_of(run->rings[i]) == rb)
			return &run->rings[i];
		if (!unused && !(run->rings[i] & COUNT_MASK))
			unused = &run->rings[i];
	}
	if (unused)
		*unused = (u64)rb;
	return unused;
}

/* Where the run notes that it has reserved in @rb; NULL: in too many others. */
static inline u64 *ring_entry(struct bpf_run *run, struct bpf_ringbuf_map *rb)
{
	if (likely(ring_of(run->rings[0]) == rb))
		return &run->rings[0];
	return find_entry(run, rb);
}

static inline u64 record_size(u32 len)
{
	len &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return round_up((u64)len + BPF_RINGBUF_HDR_SZ, 8);
}

static inline struct bpf_ringbuf_hdr *header_at(struct bpf_ringbuf_map *rb, u64 pos)
{
	return (struct bpf_ringbuf_hdr *)(rb->data + (pos & rb->mask));
}

/* Discards what the dead owner of @claim had reserved. rb->lock is held. */
static void discard_claim(struct bpf_ringbuf_map *rb, struct bpf_ringbuf_claim *claim,
			  const struct skep_platform *platform)
{
	for (u32 i = 0; i < min_t(u32, claim->n, RINGBUF_CLAIMS); i++) {
		u64 pos = claim->pos[i], age = rb->head - pos;
		struct bpf_ringbuf_hdr *hdr = header_at(rb, pos);

		/* It may have died before the reservation counted, or after the submission. */
		if (!age || age > rb->mask + 1 || pos - rb->pending > rb->mask ||
		    !(hdr->len & BPF_RINGBUF_BUSY_BIT))
			continue;
		__atomic_store_n(&hdr->len,
				 (hdr->len & ~BPF_RINGBUF_BUSY_BIT) | BPF_RINGBUF_DISCARD_BIT,
				 __ATOMIC_SEQ_CST);
		platform->wake(&rb->map);
	}
	WRITE_ONCE(claim->n, 0);
}

/* The oldest record stays busy: perhaps its owner is dead. rb->lock is held. */
static __attribute__((noinline)) void unstick(struct bpf_ringbuf_map *rb,
					      const struct skep_platform *platform)
{
	for (u32 cpu = 0; cpu < rb->map.nr_cpus; cpu++) {
		struct bpf_ringbuf_claim *claim = &rb->claims[cpu];
		u32 tid = READ_ONCE(claim->tid);

		if (!READ_ONCE(claim->n) || !tid || !platform->recover)
			continue;
		platform->recover(&claim->tid, tid);
		if (!READ_ONCE(claim->tid))
			discard_claim(rb, claim, platform);
	}
	rb->stuck = 0;
}

/* The lock was left in the middle of a reservation: it counts if .head moved. */
static __attribute__((noinline)) void cancel_reservation(struct bpf_ringbuf_map *rb)
{
	struct bpf_ringbuf_claim *claim = &rb->claims[rb->reserving - 1];

	if (claim->n && claim->n <= RINGBUF_CLAIMS && claim->pos[claim->n - 1] == rb->head)
		WRITE_ONCE(claim->n, claim->n - 1);
	WRITE_ONCE(rb->reserving, 0);
}

static u64 move_pending(struct bpf_ringbuf_map *rb)
{
	u64 pending = rb->pending, head = rb->head;

	while (head - pending - 1 <= rb->mask) { /* pending < head, whatever the client wrote */
		u32 len = READ_ONCE(header_at(rb, pending)->len);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		pending += record_size(len);
	}
	if (pending != rb->pending)
		rb->stuck = 0;
	rb->pending = pending;
	return pending;
}

/*
 * Gives up the oldest records, so that those up to @next find room; what is reserved is later than
 * @pending. Who dies here has given them up, and nothing else.
 */
static __attribute__((noinline)) void give_up(struct bpf_ringbuf_map *rb, u64 next, u64 pending)
{
	u64 oldest = rb->oldest;

	while (next - oldest > rb->mask) {
		oldest += record_size(READ_ONCE(header_at(rb, oldest)->len));
		if (pending - oldest > rb->mask) /* the client wrote there */
			oldest = pending;
	}
	store_release(&rb->oldest, oldest);
	WRITE_ONCE(rb->producer_pos[RINGBUF_PENDING], pending);
	store_release(&rb->producer_pos[RINGBUF_OVERWRITE], oldest);
	/* A consumer sees that before it sees a new record's bytes. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#define STUCK_MAX 64

static struct bpf_ringbuf_hdr *reserve(struct bpf_ringbuf_map *rb, u64 size, struct bpf_run *run)
{
	struct bpf_ringbuf_claim *claim = &rb->claims[run->cpu];
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
	if (unlikely(rb->reserving))
		cancel_reservation(rb);
	if (unlikely(claim->tid != tid)) {
		if (claim->n) /* the slot has a new owner: the one before was killed */
			discard_claim(rb, claim, run->platform);
		claim->tid = tid;
	}
	pending = move_pending(rb);
	head = rb->head;
	next = head + len;
	if (unlikely(pending != head && ++rb->stuck > STUCK_MAX)) {
		unstick(rb, run->platform);
		pending = move_pending(rb);
	}
	if (unlikely((next - consumer > rb->mask && !rb->overwrites) ||
		     next - pending > rb->mask)) {
		WRITE_ONCE(rb->lost, rb->lost + 1);
		lock_drop(&rb->lock);
		return NULL;
	}
	if (unlikely(rb->overwrites))
		give_up(rb, next, pending);
	hdr = header_at(rb, head);
	hdr->pg_off = (u32)(((u8 *)hdr - (u8 *)rb->consumer_pos) / RINGBUF_PAGE);
	WRITE_ONCE(hdr->len, (u32)size | BPF_RINGBUF_BUSY_BIT);
	if (likely(claim->n < RINGBUF_CLAIMS))
		claim->pos[claim->n] = head;
	store_release(&rb->reserving, run->cpu + 1);
	store_release(&claim->n, claim->n + 1);
	store_release(&rb->head, next);
	store_release(&rb->reserving, 0);
	/* Who dies here leaves a record that the next one publishes. */
	store_release(rb->producer_pos, next);
	lock_drop(&rb->lock);
	return hdr;
}

static void commit(struct bpf_ringbuf_map *rb, struct bpf_ringbuf_hdr *hdr, u64 flags, u32 discard,
		   struct bpf_run *run)
{
	struct bpf_ringbuf_claim *claim = &rb->claims[run->cpu];
	u32 len = (hdr->len & ~BPF_RINGBUF_BUSY_BIT) | discard, n = claim->n;
	u64 consumer, at = (u64)((u8 *)hdr - rb->data);

	/* A full barrier: the client stores its position, then looks for a record. */
	__atomic_exchange_n(&hdr->len, len, __ATOMIC_SEQ_CST);

	/* Usually the newest one, or the only one. */
	for (u32 i = min_t(u32, n, RINGBUF_CLAIMS); i-- > 0;) {
		if ((claim->pos[i] & rb->mask) == at) {
			claim->pos[i] = n <= RINGBUF_CLAIMS ? claim->pos[n - 1] : ~0ULL;
			break;
		}
	}
	store_release(&claim->n, n - 1);

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
	u64 consumer, oldest;

	switch (r2) {
	case BPF_RB_AVAIL_DATA:
		consumer = load_acquire(rb->consumer_pos);
		oldest = load_acquire(&rb->oldest);
		if (unlikely(rb->overwrites))
			return min(load_acquire(&rb->head) - consumer,
				   load_acquire(&rb->head) - oldest);
		return load_acquire(&rb->head) - consumer;
	case BPF_RB_RING_SIZE:
		return rb->mask + 1;
	case BPF_RB_CONS_POS:
		return load_acquire(rb->consumer_pos);
	case BPF_RB_PROD_POS:
		return load_acquire(&rb->head);
	case BPF_RB_OVERWRITE_POS:
		return load_acquire(&rb->oldest);
	}
	return 0;
}
