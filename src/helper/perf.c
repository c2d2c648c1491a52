/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_perf_event_output() and its forms for packets: samples into the perf rings
 * that a perf event array holds (Linux: kernel/trace/bpf_trace.c, kernel/events/
 * core.c and ring_buffer.c). The ring's layout: object/perf_ring.h.
 *
 * A sample is copied behind the last one and published by one store of the head.
 * DIFF(perf-sample-size): a sample of 64 KiB or more is refused with -E2BIG; in Linux
 * its size wraps.
 */
#include "helper/helper.h"
#include "object/arena.h"
#include "object/lock.h"
#include "object/map_array.h"
#include "object/packet.h"
#include "object/perf_ring.h"
#include "object/task.h"

#define CLOCK_MONOTONIC 1

/* What the raw data of a sample is made of: at most the data, a packet's head and its rest. */
struct pieces {
	u32 n;
	struct piece {
		const void *data;
		u64 size;
	} v[20];
	u64 size;
};

static void add_piece(struct pieces *p, const void *data, u64 size)
{
	if (!size)
		return;
	p->v[p->n++] = (struct piece){ data, size };
	p->size += size;
}

/* Copies to ring position @at; returns the position behind it. */
static u64 put(struct perf_ring *ring, u64 at, const void *data, u64 size)
{
	u64 off = at & (ring->data_size - 1), room = ring->data_size - off;
	u64 first = min(size, room);

	rt_copy(ring->data + off, data, first);
	if (first < size)
		rt_copy(ring->data, (const u8 *)data + first, size - first);
	return at + size;
}

/* The fixed part of a sample, in the order that PERF_RECORD_SAMPLE has. */
static u32 sample_fields(const struct perf_ring *ring, const struct bpf_run *run, u64 *out)
{
	u64 type = ring->sample_type;
	u32 n = 0;

	if (type & PERF_SAMPLE_IDENTIFIER)
		out[n++] = ring->id;
	if (type & PERF_SAMPLE_IP)
		out[n++] = 0;
	if (type & PERF_SAMPLE_TID) {
		u64 both = run_pid_tgid(run);

		out[n++] = both >> 32 | both << 32; /* u32 pid, tid */
	}
	if (type & PERF_SAMPLE_TIME)
		out[n++] = run->platform->ktime_ns(CLOCK_MONOTONIC);
	if (type & PERF_SAMPLE_ADDR)
		out[n++] = 0;
	if (type & PERF_SAMPLE_ID)
		out[n++] = ring->id;
	if (type & PERF_SAMPLE_STREAM_ID)
		out[n++] = ring->id;
	if (type & PERF_SAMPLE_CPU)
		out[n++] = run->cpu; /* u32 cpu, reserved */
	if (type & PERF_SAMPLE_PERIOD)
		out[n++] = 1;
	return n;
}

static bool wakes(struct perf_ring *ring, u64 size)
{
	u32 limit = ring->watermark ? ring->wakeup_watermark : ring->wakeup_events;
	bool bytes = ring->watermark || !limit;

	if (bytes && (!limit || limit > ring->data_size))
		limit = limit ? (u32)ring->data_size : (u32)(ring->data_size / 2);
	ring->pending += bytes ? (u32)size : 1;
	if (ring->pending < limit)
		return false;
	ring->pending -= limit;
	return true;
}

static int ring_output(struct perf_ring *ring, const struct pieces *p, struct bpf_run *run)
{
	struct {
		struct perf_event_header header;
		u64 id, lost;
	} lost = { { PERF_RECORD_LOST, 0, sizeof(lost) }, ring->id, 0 };
	struct perf_event_header header = { PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL, 0 };
	struct perf_event_mmap_page *page = load_acquire(&ring->page);
	u64 fields[10], head, need, size, zero = 0;
	u32 n, raw, tid;
	int err = -ENOSPC;
	bool wake = false;

	if (!page)
		return -ENOSPC;
	n = sample_fields(ring, run, fields);
	size = sizeof(header) + n * 8;
	raw = (u32)round_up(p->size + sizeof(u32), 8) - sizeof(u32);
	if (ring->sample_type & PERF_SAMPLE_RAW)
		size += sizeof(u32) + raw;
	if (size > 0xffff)
		return -E2BIG;
	header.size = (u16)size;

	tid = READ_ONCE(run->arena->slots[run->cpu].owner);
	if (unlikely(!lock_try(&ring->lock, tid))) {
		if (READ_ONCE(ring->lock) == tid)
			return -EBUSY; /* this run interrupted another that holds it */
		lock_take(&ring->lock, run->platform);
	}
	head = ring->head;
	need = size + (ring->lost ? sizeof(lost) : 0);
	/* One byte stays free, as in Linux: a full ring must not look like an empty one. */
	if (((READ_ONCE(page->data_tail) - head - 1) & (ring->data_size - 1)) < need) {
		ring->lost++;
		goto out;
	}
	if (ring->lost) {
		lost.lost = ring->lost;
		head = put(ring, head, &lost, sizeof(lost));
	}
	head = put(ring, head, &header, sizeof(header));
	head = put(ring, head, fields, n * 8);
	if (ring->sample_type & PERF_SAMPLE_RAW) {
		head = put(ring, head, &raw, sizeof(raw));
		for (u32 i = 0; i < p->n; i++)
			head = put(ring, head, p->v[i].data, p->v[i].size);
		head = put(ring, head, &zero, raw - p->size);
	}
	store_release(&ring->head, head);
	store_release(&page->data_head, head);
	ring->lost = 0;
	ring->count++;
	wake = wakes(ring, need);
	err = 0;
out:
	lock_drop(&ring->lock);
	if (wake)
		run->platform->wake(ring);
	return err;
}

static int event_output(struct bpf_map *map, u64 flags, const struct pieces *p, struct bpf_run *run)
{
	const struct bpf_array *array = (struct bpf_array *)map;
	u64 index = flags & BPF_F_INDEX_MASK;
	struct perf_ring *ring;

	if (index == BPF_F_CURRENT_CPU)
		index = run->cpu;
	if (unlikely(index >= map->max_entries))
		return -E2BIG;
	ring = (struct perf_ring *)load_acquire((u64 *)(array->value + index * array->elem_size));
	if (!ring)
		return -ENOENT;
	if (unlikely(ring->counts))
		return -EINVAL; /* it takes no output */
	/* A disabled event is on no CPU. */
	if (unlikely(!READ_ONCE(ring->enabled) || (ring->cpu >= 0 && (u32)ring->cpu != run->cpu)))
		return -EOPNOTSUPP;
	return ring_output(ring, p, run);
}

/* ---- counters ---- */

/* Count, ns enabled, ns running of the event at @flags, which must be about here and now. */
static int event_read(struct bpf_map *map, u64 flags, u64 v[3], struct bpf_run *run)
{
	const struct bpf_array *array = (struct bpf_array *)map;
	u64 index = flags & BPF_F_INDEX_MASK, since, args[2];
	const struct perf_ring *ring;
	u32 times;

	if (unlikely(flags & ~(u64)BPF_F_INDEX_MASK))
		return -EINVAL;
	if (index == BPF_F_CURRENT_CPU)
		index = run->cpu;
	if (unlikely(index >= map->max_entries))
		return -E2BIG;
	ring = (struct perf_ring *)load_acquire((u64 *)(array->value + index * array->elem_size));
	if (!ring)
		return -ENOENT;
	if (ring->tid ? ring->tid != (u32)run_pid_tgid(run) : (u32)ring->cpu != run->cpu)
		return -EINVAL;
	if (ring->counts == PERF_COUNTS_ASKED) {
		args[0] = (u64)(uintptr_t)ring;
		args[1] = (u64)(uintptr_t)v;
		return (int)run->platform->kernel_call(run, KERNEL_CALL_COUNTER, args);
	}
	do {
		times = load_acquire(&ring->times);
		since = READ_ONCE(ring->since);
		v[1] = READ_ONCE(ring->before);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely(times & 1 || READ_ONCE(ring->times) != times));
	if (since)
		v[1] += run->platform->ktime_ns(CLOCK_MONOTONIC) - since;
	v[2] = v[1];
	v[0] = ring->counts == PERF_COUNTS_TIME	  ? v[1] - READ_ONCE(ring->reset) :
	       ring->counts == PERF_COUNTS_PASSES ? READ_ONCE(ring->count) :
						    0;
	return 0;
}

BPF_HELPER(perf_event_read)
{
	u64 v[3];
	int err = event_read(PTR(r1), r2, v, run);

	return err ? (u64)(s64)err : v[0];
}

BPF_HELPER(perf_event_read_value)
{
	u64 v[3];
	int err;

	err = r4 == sizeof(v) ? event_read(PTR(r1), r2, v, run) : -EINVAL;
	if (err)
		rt_zero(PTR(r3), r4);
	else
		rt_copy(PTR(r3), v, sizeof(v));
	return (u64)(s64)err;
}

/* No event records branches: as on a machine whose processor does not. */
BPF_HELPER(read_branch_records)
{
	return r4 & ~(u64)BPF_F_GET_BRANCH_RECORDS_SIZE ? ERR(EINVAL) : ERR(ENOENT);
}

BPF_HELPER(get_branch_snapshot)
{
	return r3 ? ERR(EINVAL) : ERR(ENOENT);
}

BPF_HELPER(perf_event_output)
{
	struct pieces p = { 0 };

	if (unlikely(r3 & ~(u64)BPF_F_INDEX_MASK))
		return ERR(EINVAL);
	add_piece(&p, PTR(r4), r5);
	return (u64)(s64)event_output(PTR(r2), r3, &p, run);
}

BPF_HELPER(skb_event_output)
{
	const struct sk_buff *skb = PTR(r1);
	u64 ctx_size = (r3 & BPF_F_CTXLEN_MASK) >> 32;
	struct pieces p = { 0 };

	if (unlikely(r3 & ~(u64)(BPF_F_CTXLEN_MASK | BPF_F_INDEX_MASK)))
		return ERR(EINVAL);
	if (unlikely(!skb || ctx_size > skb->len))
		return ERR(EFAULT);
	add_piece(&p, PTR(r4), r5);
	if (ctx_size) {
		u64 linear = min_t(u64, ctx_size, skb->len - skb->data_len);

		add_piece(&p, skb->data, linear);
		add_piece(&p, skb->frag, ctx_size - linear);
	}
	return (u64)(s64)event_output(PTR(r2), r3, &p, run);
}

BPF_HELPER(xdp_event_output)
{
	const struct xdp_buff *xdp = PTR(r1);
	u64 ctx_size = (r3 & BPF_F_CTXLEN_MASK) >> 32, left, linear;
	struct pieces p = { 0 };

	if (unlikely(r3 & ~(u64)(BPF_F_CTXLEN_MASK | BPF_F_INDEX_MASK)))
		return ERR(EINVAL);
	if (unlikely(!xdp))
		return ERR(EFAULT);
	linear = (u64)(xdp->data_end - xdp->data);
	if (unlikely(ctx_size > linear + xdp->frags_len))
		return ERR(EFAULT);
	add_piece(&p, PTR(r4), r5);
	left = ctx_size - min(ctx_size, linear);
	add_piece(&p, xdp->data, ctx_size - left);
	for (u32 i = 0; left && i < xdp->nr_frags; i++) {
		u64 n = min_t(u64, left, xdp->frags[i].len);

		if (p.n == ARRAY_SIZE(p.v))
			return ERR(E2BIG); /* past 64 KiB anyhow, as fragments are pages */
		add_piece(&p, xdp->frags[i].data, n);
		left -= n;
	}
	return (u64)(s64)event_output(PTR(r2), r3, &p, run);
}

/* ---- the same of packets that programs have as the kernel's structs ---- */

static u64 field(struct bpf_run *run, u64 object, const char *name)
{
	u64 args[] = { object, (u64)(uintptr_t)name };

	return run->platform->world(run, WORLD_FIELD, args);
}

/*
 * What a watched program was given is the packet itself, as shown to this one; all else an object of
 * the world: made for this run with the packet's bytes, or one that has none.
 */
static u64 packet_of(const struct bpf_run *run, u64 object)
{
	return object && run->watched && object == run->shown ? (u64)(uintptr_t)run->watched->ctx :
								object;
}

BPF_HELPER(skb_output)
{
	struct sk_buff skb = { .len = 0 };

	r1 = packet_of(run, r1);
	if (!r1 || !run_is_world(run, r1))
		return bpf_skb_event_output(r1, r2, r3, r4, r5, run);
	skb.data = PTR(field(run, r1, "data"));
	skb.len = skb.data ? (u32)field(run, r1, "len") : 0;
	return bpf_skb_event_output((u64)(uintptr_t)&skb, r2, r3, r4, r5, run);
}

static bool to_xdp(struct bpf_run *run, u64 object, struct xdp_buff *xdp)
{
	xdp->data = PTR(field(run, object, "data"));
	xdp->data_end = PTR(field(run, object, "data_end"));
	return xdp->data;
}

BPF_HELPER(xdp_output)
{
	struct xdp_buff xdp = { .nr_frags = 0 };

	r1 = packet_of(run, r1);
	if (!r1 || !run_is_world(run, r1))
		return bpf_xdp_event_output(r1, r2, r3, r4, r5, run);
	if (!to_xdp(run, r1, &xdp))
		xdp.data_end = NULL;
	return bpf_xdp_event_output((u64)(uintptr_t)&xdp, r2, r3, r4, r5, run);
}

BPF_HELPER(xdp_get_buff_len_trace)
{
	const struct xdp_buff *given = PTR(packet_of(run, r1));
	struct xdp_buff xdp;

	if (!run_is_world(run, (u64)(uintptr_t)given))
		return (u64)(given->data_end - given->data) + given->frags_len;
	return to_xdp(run, r1, &xdp) ? (u64)(xdp.data_end - xdp.data) : 0;
}
