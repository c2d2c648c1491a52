/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_user_ringbuf_drain(): records that a client writes (Linux: kernel/bpf/ringbuf.c). Layout
 * and who may write what: object/map_ringbuf.h. Each word of the client's is read once.
 */
#include "helper/helper.h"
#include "object/fixup.h"
#include "object/map_ringbuf.h"

#define MAX_SAMPLES	(128 * 1024)
#define DYNPTR_LOCAL	(1U << 28)
#define DYNPTR_MAX_SIZE 0xffffffU

/* As dynptr.c has it. */
struct dynptr {
	void *data;
	u32 size, offset;
};

/* The ring is this run's; -EBUSY: another one drains it. */
static int enter(struct bpf_ringbuf_map *rb, struct bpf_run *run)
{
	u32 me = run->platform->tid();

	for (u32 tries = 0; tries < 2; tries++) {
		u32 owner = 0;

		if (__atomic_compare_exchange_n(&rb->lock, &owner, me, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return 0;
		if (owner == me) /* from within its own callback */
			break;
		run->platform->recover(&rb->lock, owner);
	}
	return -EBUSY;
}

static void move_on(struct bpf_ringbuf_map *rb, u32 len)
{
	rb->pending += round_up((u64)len + BPF_RINGBUF_HDR_SZ, 8);
	store_release(rb->consumer_pos, rb->pending);
}

/* 0: *d is the next record; -ENODATA: none; -EAGAIN: it was discarded; other errors of the client's. */
static int peek(struct bpf_ringbuf_map *rb, struct dynptr *d)
{
	u64 produced = load_acquire(rb->producer_pos), total;
	struct bpf_ringbuf_hdr *hdr = (void *)(rb->data + (rb->pending & rb->mask));
	u32 head, len;

	if (produced % 8)
		return -EINVAL;
	if (rb->pending >= produced)
		return -ENODATA;
	head = load_acquire(&hdr->len);
	len = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	total = round_up((u64)len + BPF_RINGBUF_HDR_SZ, 8);
	if (total > produced - rb->pending)
		return -EINVAL;
	if (total > rb->mask + 1 || len > DYNPTR_MAX_SIZE)
		return -E2BIG;
	if (head & BPF_RINGBUF_DISCARD_BIT) {
		move_on(rb, len);
		return -EAGAIN;
	}
	if (head & BPF_RINGBUF_BUSY_BIT)
		return -ENODATA;
	d->data = hdr + 1;
	d->size = len | DYNPTR_LOCAL;
	d->offset = 0;
	return 0;
}

static s64 drain(struct bpf_ringbuf_map *rb, u64 func, u64 ctx, u64 flags, struct bpf_run *run)
{
	bpf_helper_t fn = bpf_subprog_native(run, func);
	s64 samples, discarded = 0, ret = 0;
	struct dynptr d;

	if (flags & ~(u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))
		return -EINVAL;
	if (enter(rb, run))
		return -EBUSY;
	for (samples = 0; samples < MAX_SAMPLES && !ret; samples++) {
		int err = peek(rb, &d);

		if (err == -ENODATA)
			break;
		if (err == -EAGAIN) {
			discarded++;
			continue;
		}
		if (err) {
			ret = err;
			goto out;
		}
		ret = (s64)(fn ? fn((u64)&d, ctx, 0, 0, 0, run) :
				 bpf_call_subprog(run, func, (u64)&d, ctx, 0, 0, 0));
		move_on(rb, d.size & DYNPTR_MAX_SIZE);
	}
	ret = samples - discarded;
out:
	store_release(&rb->lock, 0);
	if ((flags & BPF_RB_FORCE_WAKEUP) || (!(flags & BPF_RB_NO_WAKEUP) && samples > 0))
		run->platform->wake(&rb->map);
	return ret;
}

/* r2: the callback, r3: its context, r4: flags */
BPF_HELPER(user_ringbuf_drain)
{
	RUN_FRAME(frame, run);
	s64 ret = drain(PTR(r1), r2, r3, r4, run);

	run->frames = frame.prev;
	return (u64)ret;
}
