/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Queue and stack (Linux: kernel/bpf/queue_stack_maps.c): a ring of values with one
 * more place than max_entries. A value is written in a free place, then the head
 * moves: whoever is killed in between has changed nothing.
 */
#include <linux/errno.h>

#include "object/arena.h"
#include "object/lock.h"
#include "object/map.h"

#define PAGE_SIZE	 4096ULL
#define KMALLOC_MAX_SIZE (4U << 20)
#define U32_MAX		 0xffffffffU
#define LINUX_QUEUE_SIZE 312 /* sizeof(struct bpf_queue_stack) on 6.18, x86-64 */
#define QUEUE_FLAGS                                                                                \
	(BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

struct bpf_queue_stack {
	struct bpf_map map;
	u32 lock __attribute__((aligned(64))); /* owner's tid */
	u32 head;			       /* where the next value goes */
	u32 tail;			       /* the oldest value; empty when equal to head */
	u32 size;			       /* max_entries + 1 */
	u32 stride;
};

#define VALUES_OFF round_up(sizeof(struct bpf_queue_stack), 64)

static u8 *place(struct bpf_queue_stack *qs, u32 index)
{
	return (u8 *)qs + VALUES_OFF + (u64)index * qs->stride;
}

static u32 after(const struct bpf_queue_stack *qs, u32 index)
{
	return index + 1 == qs->size ? 0 : index + 1;
}

static u64 queue_usage(u64 max_entries, u32 value_size)
{
	return LINUX_QUEUE_SIZE + (max_entries + 1) * value_size;
}

static int queue_stack_map_alloc_check(const struct bpf_map_params *p,
				       struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	u64 size;

	if (!attr->max_entries || attr->key_size || !attr->value_size ||
	    attr->map_flags & ~QUEUE_FLAGS ||
	    (attr->map_flags & BPF_F_RDONLY_PROG && attr->map_flags & BPF_F_WRONLY_PROG))
		return -EINVAL;
	if (attr->value_size > KMALLOC_MAX_SIZE)
		return -E2BIG;
	if (attr->max_entries >= U32_MAX / attr->value_size)
		return -E2BIG;
	size = ((u64)attr->max_entries + 1) * round_up((u64)attr->value_size, 8);
	layout->reserve = round_up(VALUES_OFF + size, PAGE_SIZE);
	layout->backed = layout->reserve;
	layout->client_size = 0;
	layout->charge = queue_usage(attr->max_entries, attr->value_size);
	return 0;
}

static int queue_stack_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_queue_stack *qs = (struct bpf_queue_stack *)map;

	qs->size = map->max_entries + 1;
	qs->stride = bpf_map_value_stride(map);
	return 0;
}

/* 0, or -EBUSY when this run interrupted another of its thread that holds the lock. */
static int take(struct bpf_queue_stack *qs, struct bpf_run *run)
{
	u32 tid = READ_ONCE(run->arena->slots[run->cpu].owner);

	if (unlikely(!lock_try(&qs->lock, tid))) {
		if (READ_ONCE(qs->lock) != tid)
			lock_take(&qs->lock, run->platform);
		else if (run->arena->slots[run->cpu].nesting > 1)
			return -EBUSY;
	}
	return 0;
}

static long get(struct bpf_map *map, void *value, bool stack, bool remove, struct bpf_run *run)
{
	struct bpf_queue_stack *qs = (struct bpf_queue_stack *)map;
	u32 newest;
	long err;

	err = take(qs, run);
	if (unlikely(err)) {
		rt_zero(value, map->value_size);
		return err;
	}
	if (qs->head == qs->tail) {
		rt_zero(value, map->value_size);
		err = -ENOENT;
	} else if (stack) {
		newest = (qs->head ? qs->head : qs->size) - 1;
		rt_copy(value, place(qs, newest), map->value_size);
		if (remove)
			store_release(&qs->head, newest);
	} else {
		rt_copy(value, place(qs, qs->tail), map->value_size);
		if (remove)
			store_release(&qs->tail, after(qs, qs->tail));
	}
	lock_drop(&qs->lock);
	return err;
}

static long queue_map_pop_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	return get(map, value, false, true, run);
}

static long queue_map_peek_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	return get(map, value, false, false, run);
}

static long stack_map_pop_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	return get(map, value, true, true, run);
}

static long stack_map_peek_elem(struct bpf_map *map, void *value, struct bpf_run *run)
{
	return get(map, value, true, false, run);
}

static long queue_stack_map_push_elem(struct bpf_map *map, const void *value, u64 flags,
				      struct bpf_run *run)
{
	struct bpf_queue_stack *qs = (struct bpf_queue_stack *)map;
	long err;

	if (unlikely(flags & BPF_NOEXIST || flags > BPF_EXIST))
		return -EINVAL;
	err = take(qs, run);
	if (unlikely(err))
		return err;
	if (after(qs, qs->head) == qs->tail) {
		if (!(flags & BPF_EXIST)) {
			err = -E2BIG;
			goto out;
		}
		store_release(&qs->tail, after(qs, qs->tail)); /* the oldest makes room */
	}
	rt_copy(place(qs, qs->head), value, map->value_size);
	store_release(&qs->head, after(qs, qs->head));
out:
	lock_drop(&qs->lock);
	return err;
}

static void *queue_stack_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return NULL;
}

static long queue_stack_map_update_elem(struct bpf_map *map, const void *key, const void *value,
					u64 flags, struct bpf_run *run)
{
	return -EINVAL;
}

static long queue_stack_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return -EINVAL;
}

static int queue_stack_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	return -EINVAL;
}

static u64 queue_stack_map_mem_usage(const struct bpf_map *map)
{
	return queue_usage(map->max_entries, map->value_size);
}

static const char *queue_stack_map_check(struct bpf_map *map)
{
	const struct bpf_queue_stack *qs = (struct bpf_queue_stack *)map;

	if (qs->lock)
		return "queue: locked";
	if (qs->size != map->max_entries + 1 || qs->head >= qs->size || qs->tail >= qs->size)
		return "queue: positions are out of range";
	return NULL;
}

const struct bpf_map_ops queue_map_ops = {
	.alloc_check = queue_stack_map_alloc_check,
	.init = queue_stack_map_init,
	.lookup_elem = queue_stack_map_lookup_elem,
	.update_elem = queue_stack_map_update_elem,
	.delete_elem = queue_stack_map_delete_elem,
	.get_next_key = queue_stack_map_get_next_key,
	.push_elem = queue_stack_map_push_elem,
	.pop_elem = queue_map_pop_elem,
	.peek_elem = queue_map_peek_elem,
	.mem_usage = queue_stack_map_mem_usage,
	.check = queue_stack_map_check,
};

const struct bpf_map_ops stack_map_ops = {
	.alloc_check = queue_stack_map_alloc_check,
	.init = queue_stack_map_init,
	.lookup_elem = queue_stack_map_lookup_elem,
	.update_elem = queue_stack_map_update_elem,
	.delete_elem = queue_stack_map_delete_elem,
	.get_next_key = queue_stack_map_get_next_key,
	.push_elem = queue_stack_map_push_elem,
	.pop_elem = stack_map_pop_elem,
	.peek_elem = stack_map_peek_elem,
	.mem_usage = queue_stack_map_mem_usage,
	.check = queue_stack_map_check,
};
