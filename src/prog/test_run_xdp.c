/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN of XDP programs (Linux: bpf_prog_test_run_xdp() in
 * net/bpf/test_run.c). The frame is one page with 256 bytes before the data and 320
 * behind that are out of reach; what does not fit goes to up to 17 fragments of a page.
 * Frames are received on the loopback device, which is number 1 everywhere.
 * DIFF(test-run-device): other devices are not known here (-ENODEV). DIFF(live-frames): there
 * is no network stack and no driver behind live frames: they end where the program sends them.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "prog/test_run_io.h"

#define MAX_FRAGS 17 /* MAX_SKB_FRAGS */
#define LOOPBACK  1

struct frame {
	struct xdp_buff xdp;
	struct xdp_frag frags[MAX_FRAGS];
	u8 page[PAGE_BYTES] __attribute__((aligned(64)));
	u8 frag_pages[][PAGE_BYTES];
};

/* @meta bytes of the data are metadata. */
static int frame_fill(struct skep_system *sys, struct frame *f, u64 data_in, u32 size, u32 linear,
		      u32 headroom)
{
	struct xdp_buff *xdp = &f->xdp;
	u32 done = linear;

	xdp->data_hard_start = f->page;
	xdp->data_meta = f->page + headroom;
	xdp->data_end = xdp->data_meta + linear;
	xdp->hard_end = f->page + PAGE_BYTES - SKB_SHARED_INFO;
	xdp->frame_sz = PAGE_BYTES;
	xdp->frags = f->frags;
	if (user_read(sys, xdp->data_meta, data_in, linear))
		return -EFAULT;
	while (done < size) {
		struct xdp_frag *frag = &f->frags[xdp->nr_frags];

		frag->data = f->frag_pages[xdp->nr_frags++];
		frag->cap = PAGE_BYTES;
		frag->len = min_t(u32, size - done, PAGE_BYTES);
		if (user_read(sys, frag->data, data_in + done, frag->len))
			return -EFAULT;
		done += frag->len;
		xdp->frags_len += frag->len;
	}
	return 0;
}

static int from_md(const struct xdp_md *md, struct xdp_buff *xdp)
{
	xdp->ingress_ifindex = LOOPBACK;
	xdp->data = xdp->data_meta;
	if (!md)
		return 0;
	if (md->egress_ifindex)
		return -EINVAL;
	if (!md->ingress_ifindex && md->rx_queue_index)
		return -EINVAL;
	if (md->ingress_ifindex && md->ingress_ifindex != LOOPBACK)
		return -ENODEV;
	if (md->rx_queue_index) /* the loopback device has one queue */
		return -EINVAL;
	xdp->data = xdp->data_meta + md->data;
	return 0;
}

static int write_frame(struct skep_system *sys, const struct test_run *t,
		       const struct xdp_buff *xdp)
{
	struct test_run_part parts[MAX_FRAGS + 1];
	u32 n = 0;

	parts[n++] =
		(struct test_run_part){ xdp->data_meta, (u32)(xdp->data_end - xdp->data_meta) };
	for (u32 i = 0; i < xdp->nr_frags; i++)
		parts[n++] = (struct test_run_part){ xdp->frags[i].data, xdp->frags[i].len };
	return test_run_write_data(sys, t, parts, n);
}

/* ---- live frames ---- */

#define NAPI_POLL_WEIGHT 64
#define MAX_BATCH	 256
#define PAGE_HEAD	 112 /* Linux's struct xdp_page_head: at the start of each page */

/* Each has a page of its own; packets that were changed stay so when a page is used again. */
struct live {
	struct xdp_buff *buffs;
	u8 *pages;
	u32 batch;
};

static int live_new(struct live *l, const struct xdp_buff *orig, u32 batch)
{
	u32 headroom = XDP_PACKET_HEADROOM - (u32)(orig->data - orig->data_meta);
	u32 len = (u32)(orig->data_end - orig->data_meta);

	l->batch = batch;
	l->buffs = mem_calloc(batch, sizeof(*l->buffs));
	l->pages = mem_zalloc((size_t)batch * PAGE_BYTES);
	if (!l->buffs || !l->pages)
		return -ENOMEM;
	for (u32 i = 0; i < batch; i++) {
		u8 *start = l->pages + (size_t)i * PAGE_BYTES + PAGE_HEAD;
		struct xdp_buff *b = &l->buffs[i];

		*b = *orig;
		b->data_hard_start = start;
		b->data_meta = start + headroom;
		b->data = b->data_meta + (orig->data - orig->data_meta);
		b->data_end = b->data_meta + len;
		b->hard_end = start + PAGE_BYTES - PAGE_HEAD - SKB_SHARED_INFO;
		b->frame_sz = PAGE_BYTES - PAGE_HEAD;
		memcpy(b->data_meta, orig->data_meta, len);
	}
	return 0;
}

static int live_run(struct skep_system *sys, struct prog_object *prog, const struct xdp_buff *orig,
		    u32 batch, struct test_run *t)
{
	u32 repeat = t->attr->test.repeat ? t->attr->test.repeat : 1;
	struct bpf_run run = { .event = NULL };
	struct live l = { NULL };
	u64 start, spent;
	int err = live_new(&l, orig, min(batch, repeat));

	if (err)
		goto out;
	start = sys->platform->ktime_ns(CLOCK_MONOTONIC);
	for (u32 i = 0; i < repeat; i++) {
		struct xdp_buff now = l.buffs[i % l.batch];

		/* A batch is one piece of work, as in Linux: others may run between them. */
		if (!(i % l.batch))
			slot_claim(sys->arena, sys->platform, &run);
		memset(&run.redirect, 0, sizeof(run.redirect));
		bpf_prog_run(prog->prog, &now, &run);
		if (i % l.batch == l.batch - 1 || i == repeat - 1)
			slot_release(&run);
	}
	spent = (sys->platform->ktime_ns(CLOCK_MONOTONIC) - start) / repeat;
	t->duration = spent > UINT32_MAX ? UINT32_MAX : (u32)spent;
	t->retval = 0;
out:
	mem_free(l.buffs);
	mem_free(l.pages);
	return err;
}

int xdp_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u32 size = a->test.data_size_in, linear = size, headroom = XDP_PACKET_HEADROOM, meta = 0;
	u32 room, nr_frags, batch = a->test.batch_size;
	bool live = a->test.flags & BPF_F_TEST_XDP_LIVE_FRAMES;
	struct bpf_run run = { .event = NULL };
	struct frame *f = NULL;
	struct xdp_md *md = NULL;
	void *ctx;
	int err;

	if (prog->prog->expected_attach_type == BPF_XDP_DEVMAP ||
	    prog->prog->expected_attach_type == BPF_XDP_CPUMAP)
		return -EINVAL;
	if (a->test.flags & ~(visible(sys->profile, KVER(5, 18)) ? BPF_F_TEST_XDP_LIVE_FRAMES : 0U))
		return -EINVAL;
	if (prog->dev_bound || (batch && !live))
		return -EINVAL;
	if (batch > MAX_BATCH)
		return -E2BIG;
	err = test_run_read_ctx(sys, t, sizeof(*md), &ctx);
	if (err)
		return err;
	md = ctx;
	err = -EINVAL;
	if (md) {
		/* Nothing may be before the metadata, which ends where the packet begins. */
		if (md->data_meta || md->data_end > size || md->data > md->data_end ||
		    (live && (a->test.data_out || a->test.ctx_out)))
			goto out;
		meta = md->data;
		if (meta & 3 || meta > headroom - XDP_FRAME_SIZE ||
		    (meta > 32 && !visible(sys->profile, KVER(6, 9))))
			goto out;
		headroom -= meta;
		linear = md->data_end;
	}
	room = PAGE_BYTES - headroom - SKB_SHARED_INFO - (live ? PAGE_HEAD : 0);
	linear = min(linear, room);
	if (live && size > linear)
		goto out;
	if (size - meta < ETH_HLEN || size < meta)
		goto out;
	if (size - linear > MAX_FRAGS * PAGE_BYTES) {
		err = -ENOMEM;
		goto out;
	}
	nr_frags = (size - linear + PAGE_BYTES - 1) / PAGE_BYTES;
	f = mem_zalloc(sizeof(*f) + (size_t)nr_frags * PAGE_BYTES);
	if (!f) {
		err = -ENOMEM;
		goto out;
	}
	err = frame_fill(sys, f, a->test.data_in, size, linear, headroom);
	if (!err)
		err = from_md(md, &f->xdp);
	t->block = (struct compare_block){ f, sizeof(*f) + (u64)nr_frags * PAGE_BYTES };
	if (!err)
		err = live ? live_run(sys, prog, &f->xdp, batch ? batch : NAPI_POLL_WEIGHT, t) :
			     test_run_repeat(sys, prog, &f->xdp, t, &run);
	if (err)
		goto out;
	if (md) {
		md->data = (u32)(f->xdp.data - f->xdp.data_meta);
		md->data_end = (u32)(f->xdp.data_end - f->xdp.data_meta);
	}
	err = write_frame(sys, t, &f->xdp);
	if (!err)
		err = test_run_write_ctx(sys, t, md, sizeof(*md));
out:
	mem_free(f);
	mem_free(md);
	return err;
}
