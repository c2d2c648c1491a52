/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Perf events as objects (Linux: kernel/events/core.c and ring_buffer.c, of which
 * only the software event BPF_OUTPUT is here). The producer is a helper, see
 * perf_ring.h.
 */
#include "object/perf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define PAGE_BYTES 4096ULL

static void perf_free(struct arena_retired *r)
{
	struct perf_object *p = (struct perf_object *)container_of(r, struct object, retired);
	struct arena *arena = p->obj.sys->arena;

	if (p->ring && object_is_mine(&p->obj)) {
		arena_unmap_fd(arena, p->ring->page, p->file_size);
		arena_free(arena, p->ring, sizeof(*p->ring));
	}
	mem_free(p);
}

static void perf_destroy(struct object *o)
{
	struct perf_object *p = (struct perf_object *)o;

	if (p->release)
		p->release(p);
	if (p->ring) {
		wakers_forget(o->sys, p->ring);
		idmap_del(&o->sys->by_address, (u64)p->ring);
	}
	if (p->raw_fd >= 0)
		close(p->raw_fd);
	object_forget_file(o);
	object_retire(o, perf_free);
}

int perf_object_new(struct skep_system *sys, const struct perf_event_attr *attr, s32 cpu,
		    struct perf_object **out)
{
	struct perf_object *p = mem_zalloc(sizeof(*p));
	struct perf_ring *r;
	int err;

	if (!p)
		return -ENOMEM;
	p->raw_fd = -1;
	object_init(sys, &p->obj, OBJECT_PERF, perf_destroy);
	p->ring = r = arena_alloc(sys->arena, sizeof(*r), sizeof(*r), &err);
	if (!r)
		goto fail;
	WRITE_ONCE(sys->has_rings, true);
	r->arena = sys->arena;
	r->cpu = cpu;
	r->enabled = !attr->disabled;
	r->inherit = attr->inherit;
	r->sample_type = attr->sample_type;
	r->watermark = attr->watermark;
	if (attr->watermark)
		r->wakeup_watermark = attr->wakeup_watermark;
	else /* Linux wakes at every event when asked for none in particular and one is waiting */
		r->wakeup_events = attr->wakeup_events ? attr->wakeup_events : 1;
	r->id = ++sys->perf_ids;
	err = object_set_address(&p->obj, r);
	if (!err)
		err = object_make_file_unsealed(&p->obj, &p->raw_fd);
	if (err)
		goto fail;
	*out = p;
	return 0;

fail:
	object_put(&p->obj);
	return err;
}

int perf_object_map(struct perf_object *p, u64 len)
{
	struct perf_event_mmap_page *page;
	struct perf_ring *r = p->ring;
	u64 pages = len / PAGE_BYTES;
	void *client;
	int err = 0;

	if (len % PAGE_BYTES || !pages || (pages > 1 && !is_power_of_2(pages - 1)))
		return -EINVAL;
	relock_take(&p->obj.sys->lock);
	if (p->file_size) {
		err = p->file_size == len ? 0 : -EINVAL;
		goto out;
	}
	err = object_size_file(&p->obj, p->raw_fd, len, &client);
	if (err)
		goto out;
	close(p->raw_fd);
	p->raw_fd = -1;
	p->file_size = len;
	page = client;
	page->version = page->compat_version = 0;
	page->size = offsetof(struct perf_event_mmap_page, __reserved);
	page->data_offset = PAGE_BYTES;
	page->data_size = len - PAGE_BYTES;
	r->data = (u8 *)client + PAGE_BYTES;
	r->data_size = len - PAGE_BYTES;
	if (r->watermark && !r->wakeup_watermark)
		r->wakeup_watermark = (u32)(r->data_size / 2);
	store_release(&r->page, page);
out:
	relock_give(&p->obj.sys->lock);
	return err;
}
