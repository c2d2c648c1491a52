/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The other system calls on our descriptors: ioctl(2), mmap(2) and what stands in for a
 * descriptor in epoll (Linux: kernel/events/core.c, bpf_map_mmap() and the map types'
 * .map_mmap). perf_event_open(2) is in perf_open.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "command/command.h"
#include "command/map.h"
#include "object/map_arena.h"
#include "hook/perf.h"
#include "object/caller.h"
#include "object/map_array.h"
#include "object/map_ringbuf.h"
#include "object/perf_ring.h"
#include "skep/skep.h"

static int set_bpf(struct perf_object *p, int fd)
{
	struct prog_object *prog;
	int err;

	prog = prog_get_fd(p->obj.sys, fd, &err);
	if (!prog)
		return err;
	err = perf_set_prog(p, prog, 0);
	object_put(&prog->obj);
	return err;
}

/* The ids of the programs on the event's tracepoint. */
static int query_bpf(struct perf_object *p, u64 uquery)
{
	struct skep_system *sys = p->obj.sys;
	const struct perf_target *t = p->target;
	u64 ids = uquery + sizeof(struct perf_event_query_bpf);
	struct perf_event_query_bpf query;
	const struct hook_progs *progs;
	u32 n, id;
	int err;

	if (!(system_caps(sys) & BPF_CAP_PERFMON))
		return -EPERM;
	if (!t || t->type != PERF_TYPE_TRACEPOINT)
		return -EINVAL;
	if (user_read(sys, &query, uquery, sizeof(query)))
		return -EFAULT;
	if (query.ids_len > HOOK_PROGS_MAX)
		return -E2BIG;
	relock_take(&sys->lock);
	progs = t->hook->progs;
	n = progs ? progs->n : 0;
	err = user_write(sys, uquery + offsetof(struct perf_event_query_bpf, prog_cnt), &n,
			 sizeof(n));
	for (u32 i = 0; i < min(n, query.ids_len) && !err; i++) {
		id = progs->v[i].owner->obj.id;
		err = user_write(sys, ids + i * sizeof(id), &id, sizeof(id));
	}
	relock_give(&sys->lock);
	return err ? err : n > query.ids_len ? -ENOSPC : 0;
}

int skep_ioctl(struct skep_system *sys, int fd, unsigned long request, void *arg)
{
	struct perf_object *p;
	int err;

	p = (struct perf_object *)object_get_fd(sys, fd, OBJECT_PERF, &err);
	if (!p)
		return -ENOTTY;
	err = 0;
	switch (request) {
	case PERF_EVENT_IOC_ENABLE:
		err = perf_enable(p, true);
		break;
	case PERF_EVENT_IOC_DISABLE:
		perf_enable(p, false);
		break;
	case PERF_EVENT_IOC_RESET:
		perf_counter_reset(p);
		break;
	case PERF_EVENT_IOC_ID:
		err = user_write(sys, (u64)arg, &p->ring->id, sizeof(p->ring->id));
		break;
	case PERF_EVENT_IOC_SET_BPF:
		err = set_bpf(p, (int)(long)arg);
		break;
	case PERF_EVENT_IOC_QUERY_BPF:
		err = query_bpf(p, (u64)arg);
		break;
	case PERF_EVENT_IOC_SET_FILTER: /* DIFF(perf-filter): programs filter for themselves */
		err = -EOPNOTSUPP;
		break;
	case PERF_EVENT_IOC_SET_OUTPUT:
		err = -EINVAL;
		break;
	default:
		err = -ENOTTY;
		break;
	}
	object_put(&p->obj);
	return err;
}

int arena_map_place(struct bpf_arena_map *a, u64 start)
{
	u64 size = a->map.max_entries * ARENA_MAP_PAGE;
	void *to = a->window + (u32)start;
	int err;

	if (start >> 32 != (start + size - 1) >> 32)
		return -EAGAIN;
	err = arena_move_fd(a->map.arena, a->map.client, to, size);
	if (err)
		return err;
	a->map.client = to;
	a->user_end = start + size;
	store_release(&a->user_start, start);
	return 0;
}

/* Where the caller has got @m: its first mapping of the whole file. */
static void arena_find(struct map_object *m, u32 tid)
{
	struct bpf_arena_map *a = (struct bpf_arena_map *)m->map;
	unsigned long start, end, off, inode;
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx %*s %lu", &start, &end, &off, &inode) != 4 ||
		    inode != m->obj.inode || off || !strstr(line, "/memfd:bpf-map") ||
		    end - start != a->map.max_entries * ARENA_MAP_PAGE)
			continue;
		relock_take(&m->obj.sys->lock);
		if (!a->user_start)
			arena_map_place(a, start);
		relock_give(&m->obj.sys->lock);
		break;
	}
	if (f)
		fclose(f);
}

/*
 * Arenas that another process has mapped wherever its kernel chose: that is not known before its
 * mmap() has returned, so it is looked for when it loads a program.
 */
void arenas_find(struct skep_system *sys)
{
	struct caller *caller = caller_current();
	struct map_object *m;
	int err;

	if (!caller || !load_acquire(&sys->arenas_unplaced))
		return;
	store_release(&sys->arenas_unplaced, false);
	for (u32 id = 0; !object_next_id(sys, OBJECT_MAP, id, &id);) {
		m = (struct map_object *)object_get_id(sys, id, OBJECT_MAP, &err);
		if (!m)
			continue;
		if (m->map->map_type == BPF_MAP_TYPE_ARENA &&
		    !((struct bpf_arena_map *)m->map)->user_start) {
			arena_find(m, caller->tid);
			if (!((struct bpf_arena_map *)m->map)->user_start)
				store_release(&sys->arenas_unplaced, true);
		}
		object_put(&m->obj);
	}
}

/* Before the mapping: how, and how much; where is for skep_mapped(). */
static int arena_mmap(const struct bpf_map *map, u64 len, s64 off)
{
	u64 size = map->max_entries * ARENA_MAP_PAGE;

	if (off)
		return -EINVAL;
	if (len > ARENA_MAP_WINDOW || (((struct bpf_arena_map *)map)->user_start && len > size))
		return -E2BIG;
	return ((struct bpf_arena_map *)map)->user_start && round_up(len, PAGE_BYTES) != size ?
		       -EINVAL :
		       0;
}

int skep_mapped(struct skep_system *sys, int fd, void *addr, size_t len)
{
	struct bpf_arena_map *a;
	struct map_object *m;
	int err;

	m = map_get_fd(sys, fd, &err);
	if (!m)
		return 0;
	err = 0;
	a = (struct bpf_arena_map *)m->map;
	if (m->map->map_type == BPF_MAP_TYPE_ARENA && m->map->client) {
		relock_take(&sys->lock);
		if (a->user_start)
			err = (u64)addr == a->user_start ? 0 : -EINVAL;
		else
			err = arena_map_place(a, (u64)addr);
		relock_give(&sys->lock);
	}
	object_put(&m->obj);
	return err;
}

static int map_mmap(const struct map_object *m, int fd, u64 len, int prot, s64 off)
{
	const struct bpf_map *map = m->map;
	int mode = caller_fd_mode(fd);
	u64 end;

	if (!map->client || map->nr_fields)
		return map->map_type == BPF_MAP_TYPE_ARRAY && !map->nr_fields ? -EINVAL : -ENOTSUPP;
	if (prot & PROT_WRITE) {
		if (READ_ONCE(map->frozen))
			return -EPERM;
		if (map->map_flags & BPF_F_RDONLY_PROG || mode == O_RDONLY)
			return -EACCES;
		/* Of a ring buffer the reader may write its own position only. */
		if (map->map_type == BPF_MAP_TYPE_RINGBUF && (off || len != PAGE_BYTES))
			return -EPERM;
		/* Of a user ring buffer, all but the drainer's. */
		if (map->map_type == BPF_MAP_TYPE_USER_RINGBUF && !off)
			return -EPERM;
	}
	if (map->map_type == BPF_MAP_TYPE_ARENA) {
		if (caller_current() && !((struct bpf_arena_map *)map)->user_start)
			store_release(&m->obj.sys->arenas_unplaced, true);
		return arena_mmap(map, len, off);
	}
	if (off < 0 || __builtin_add_overflow((u64)off, round_up(len, PAGE_BYTES), &end) ||
	    end > round_up(map->client_size, PAGE_BYTES))
		return -EINVAL;
	return 0;
}

int skep_mmap(struct skep_system *sys, int fd, size_t len, int prot, long off)
{
	struct object *o;
	int err;

	o = object_get_any(sys, fd, &err);
	if (!o)
		return 0; /* none of ours */
	switch (o->kind) {
	case OBJECT_MAP:
		err = map_mmap((struct map_object *)o, fd, len, prot, off);
		break;
	case OBJECT_PERF:
		err = off ? -EINVAL : perf_object_map((struct perf_object *)o, len);
		break;
	case OBJECT_PROG:
	case OBJECT_LINK:
	case OBJECT_BTF:
	case OBJECT_STATS:
	case OBJECT_TOKEN:
	case OBJECT_FS_CONTEXT:
	case OBJECT_KINDS:
		err = -ENODEV;
		break;
	}
	object_put(o);
	return err;
}

/* What poll() would say of perf ring @ring. */
static int perf_ready(const struct perf_ring *ring)
{
	const struct perf_event_mmap_page *page = load_acquire(&ring->page);

	return page && READ_ONCE(page->data_head) != READ_ONCE(page->data_tail) ?
		       POLLIN | POLLRDNORM :
		       0;
}

static int ringbuf_ready(const struct bpf_ringbuf_map *rb)
{
	u64 used;

	if (rb->map.map_type == BPF_MAP_TYPE_RINGBUF)
		return READ_ONCE(rb->head) != READ_ONCE(*rb->consumer_pos) ? POLLIN | POLLRDNORM :
									     0;
	used = READ_ONCE(*rb->producer_pos) - READ_ONCE(rb->pending);
	return used <= rb->mask ? POLLOUT | POLLWRNORM : 0;
}

int ring_events(struct skep_system *sys, int fd, int *wake)
{
	const struct map_object *m;
	struct object *o;
	int events = -EBADF;
	int err;

	o = object_get_any(sys, fd, &err);
	if (!o)
		return -EBADF;
	m = (const struct map_object *)o;
	if (o->kind == OBJECT_PERF && ((struct perf_object *)o)->ring) {
		events = perf_ready(((struct perf_object *)o)->ring);
		if (wake)
			*wake = waker_fd(sys, ((struct perf_object *)o)->ring);
	} else if (o->kind == OBJECT_MAP && m->map &&
		   (m->map->map_type == BPF_MAP_TYPE_RINGBUF ||
		    m->map->map_type == BPF_MAP_TYPE_USER_RINGBUF)) {
		events = ringbuf_ready((const struct bpf_ringbuf_map *)m->map);
		if (wake)
			*wake = waker_fd(sys, m->map);
	}
	object_put(o);
	return events;
}

int skep_epoll_fd(struct skep_system *sys, int fd)
{
	const void *ring = NULL;
	struct object *o;
	int err;

	o = object_get_any(sys, fd, &err);
	if (!o)
		return -EBADF;
	if (o->kind == OBJECT_PERF)
		ring = ((struct perf_object *)o)->ring;
	else if (o->kind == OBJECT_MAP &&
		 (((struct map_object *)o)->map->map_type == BPF_MAP_TYPE_RINGBUF ||
		  ((struct map_object *)o)->map->map_type == BPF_MAP_TYPE_USER_RINGBUF))
		ring = ((struct map_object *)o)->map;
	err = ring ? waker_fd(sys, ring) : -EBADF;
	/* What is already in the ring wakes, too; a wake-up without cause is harmless. */
	if (err >= 0)
		eventfd_write(err, 1);
	object_put(o);
	return err;
}

int skep_lost(struct skep_system *sys, int map_fd, uint64_t *count)
{
	const struct bpf_array *array;
	struct bpf_map *map;
	struct object *o;
	int err = 0;

	o = object_get_any(sys, map_fd, &err);
	if (!o || o->kind != OBJECT_MAP) {
		object_put(o);
		return -EBADF;
	}
	map = ((struct map_object *)o)->map;
	*count = 0;
	relock_take(&sys->lock); /* an event cannot be taken out now */
	switch ((int)map->map_type) {
	case BPF_MAP_TYPE_RINGBUF:
		*count = READ_ONCE(((struct bpf_ringbuf_map *)map)->lost);
		break;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		array = (struct bpf_array *)map;
		for (u32 i = 0; i < map->max_entries; i++) {
			const struct perf_ring *ring = (const struct perf_ring *)load_acquire(
				(u64 *)(array->value + (u64)i * array->elem_size));

			*count += ring ? READ_ONCE(ring->lost) : 0;
		}
		break;
	default:
		err = -EINVAL;
	}
	relock_give(&sys->lock);
	object_put(o);
	return err;
}
