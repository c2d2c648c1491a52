/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The ring buffer and the user ring buffer as map types: only their making; programs use
 * them through helpers, clients through their mapping (Linux: kernel/bpf/ringbuf.c). Layout
 * and the difference in how data wraps: object/map_ringbuf.h.
 */
#include "object/map_ringbuf.h"

#include <linux/errno.h>

#define PAGE_SIZE	       4096ULL
#define LINUX_RINGBUF_MAP_SIZE 304 /* sizeof(struct bpf_ringbuf_map) on 6.18, x86-64 */
#define LINUX_META_PAGES       3
#define CLAIMS_OFF	       round_up(sizeof(struct bpf_ringbuf_map), 64)

static u64 ringbuf_usage(u64 size)
{
	u64 pages = size / PAGE_SIZE;

	return LINUX_RINGBUF_MAP_SIZE + (LINUX_META_PAGES + pages) * PAGE_SIZE +
	       (LINUX_META_PAGES + 2 * pages) * sizeof(void *);
}

static int ringbuf_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;

	u32 flags = BPF_F_NUMA_NODE;

	if (attr->map_type == BPF_MAP_TYPE_RINGBUF)
		flags |= BPF_F_RB_OVERWRITE;
	if (attr->map_flags & ~flags)
		return -EINVAL;
	if (attr->key_size || attr->value_size || !is_power_of_2(attr->max_entries) ||
	    attr->max_entries % PAGE_SIZE)
		return -EINVAL;
	layout->reserve =
		round_up(CLAIMS_OFF + p->nr_cpus * sizeof(struct bpf_ringbuf_claim), PAGE_SIZE);
	layout->backed = layout->reserve;
	layout->client_size = RINGBUF_DATA_OFF + 2 * (u64)attr->max_entries;
	layout->charge = ringbuf_usage(attr->max_entries);
	return 0;
}

static int ringbuf_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;
	u8 *client = map->client;

	if (!client)
		return -ENOMEM;
	rb->mask = (u64)map->max_entries - 1;
	rb->consumer_pos = (u64 *)client;
	rb->producer_pos = (u64 *)(client + RINGBUF_PAGE);
	rb->data = client + RINGBUF_DATA_OFF;
	rb->claims = (void *)((u8 *)map + CLAIMS_OFF);
	rb->overwrites = map->map_flags & BPF_F_RB_OVERWRITE;
	return 0;
}

static u64 ringbuf_map_mem_usage(const struct bpf_map *map)
{
	return ringbuf_usage(map->max_entries);
}

/*
 * Every record between the oldest that may be busy, or that was not overwritten, and the newest; nobody
 * may be writing.
 */
static const char *ringbuf_map_check(struct bpf_map *map)
{
	const struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;
	u64 pos = rb->overwrites ? rb->oldest : rb->pending;
	bool met = pos == rb->pending;

	if (rb->lock)
		return "ringbuf: locked";
	if (rb->head % 8 || pos % 8 || rb->head - pos > rb->mask)
		return "ringbuf: positions are too far apart";
	if (*rb->producer_pos > rb->head)
		return "ringbuf: client sees more than was produced";
	while (pos < rb->head) {
		const struct bpf_ringbuf_hdr *hdr = (void *)(rb->data + (pos & rb->mask));
		u32 len = hdr->len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (hdr->pg_off != ((u64)((u8 *)hdr - (u8 *)rb->consumer_pos) / PAGE_SIZE))
			return "ringbuf: header of a record is damaged";
		pos += round_up((u64)len + BPF_RINGBUF_HDR_SZ, 8);
		met |= pos == rb->pending;
	}
	if (!met)
		return "ringbuf: the oldest that may be busy is no record";
	return pos == rb->head ? NULL : "ringbuf: records do not end where the newest does";
}

const struct bpf_map_ops ringbuf_map_ops = {
	.alloc_check = ringbuf_map_alloc_check,
	.init = ringbuf_map_init,
	.mem_usage = ringbuf_map_mem_usage,
	.check = ringbuf_map_check,
};

/* Whatever the client wrote: our own position moves by whole records, and is what it sees. */
static const char *user_ringbuf_map_check(struct bpf_map *map)
{
	const struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;

	if (rb->lock)
		return "user ringbuf: locked";
	if (rb->pending % 8)
		return "user ringbuf: position is between records";
	return NULL;
}

const struct bpf_map_ops user_ringbuf_map_ops = {
	.alloc_check = ringbuf_map_alloc_check,
	.init = ringbuf_map_init,
	.mem_usage = ringbuf_map_mem_usage,
	.check = user_ringbuf_map_check,
};
