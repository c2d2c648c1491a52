/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The other system calls on our descriptors: perf_event_open(2), ioctl(2), mmap(2)
 * and what stands in for a descriptor in epoll (Linux: kernel/events/core.c,
 * bpf_map_mmap() and the map types' .map_mmap).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "command/command.h"
#include "object/perf.h"
#include "skep/skep.h"

#define SAMPLE_TYPES (PERF_SAMPLE_RAW | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU)
#define SAMPLE_KNOWN ((1ULL << 25) - 1)
#define OPEN_FLAGS                                                                                 \
	(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)

/* The attribute as the caller knows it, zero-extended; -E2BIG tells what we know. */
static int read_attr(struct skep_system *sys, u64 uattr, struct perf_event_attr *attr)
{
	u32 size, known = sizeof(*attr);
	int err;

	memset(attr, 0, sizeof(*attr));
	if (user_read(sys, &size, uattr + offsetof(struct perf_event_attr, size), sizeof(size)))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	err = size < PERF_ATTR_SIZE_VER0 ? -E2BIG : check_tail_zero(sys, uattr, known, size);
	if (err == -E2BIG)
		user_write(sys, uattr + offsetof(struct perf_event_attr, size), &known,
			   sizeof(known));
	if (err)
		return err;
	if (user_read(sys, attr, uattr, min(size, known)))
		return -EFAULT;
	attr->size = size;
	return 0;
}

int skep_perf_event_open(struct skep_system *sys, void *uattr, int pid, int cpu, int group_fd,
			 unsigned long flags)
{
	struct perf_event_attr attr;
	struct perf_object *p;
	int err, fd;

	objects_drain(sys, false);
	if (flags & ~(unsigned long)OPEN_FLAGS)
		return -EINVAL;
	err = read_attr(sys, (u64)uattr, &attr);
	if (err)
		return err;
	if (attr.sample_type & ~SAMPLE_KNOWN)
		return -EINVAL;
	if (group_fd != -1)
		return -EBADF; /* no groups of events that count nothing */
	if (pid == -1 && cpu == -1)
		return -EINVAL;
	if (cpu < -1 || (cpu >= 0 && (u32)cpu >= sys->arena->nr_slots))
		return -EINVAL;
	/* As a machine without a unit for any other event. */
	if (attr.type != PERF_TYPE_SOFTWARE || attr.config != PERF_COUNT_SW_BPF_OUTPUT)
		return -ENOENT;
	if (attr.sample_type & ~(u64)SAMPLE_TYPES || attr.write_backward)
		return -EOPNOTSUPP;
	err = perf_object_new(sys, &attr, cpu, &p);
	if (err)
		return err;
	fd = object_new_fd(&p->obj);
	if (fd >= 0 && !(flags & PERF_FLAG_FD_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	object_put(&p->obj);
	return fd;
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
		WRITE_ONCE(p->ring->enabled, 1);
		break;
	case PERF_EVENT_IOC_DISABLE:
		WRITE_ONCE(p->ring->enabled, 0);
		break;
	case PERF_EVENT_IOC_RESET:
		WRITE_ONCE(p->ring->count, 0);
		break;
	case PERF_EVENT_IOC_ID:
		err = user_write(sys, (u64)arg, &p->ring->id, sizeof(p->ring->id));
		break;
	case PERF_EVENT_IOC_SET_BPF: /* Linux: this event fires no tracing program */
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

static int map_mmap(const struct map_object *m, int fd, u64 len, int prot, s64 off)
{
	const struct bpf_map *map = m->map;
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
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
	case OBJECT_KINDS:
		err = -ENODEV;
		break;
	}
	object_put(o);
	return err;
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
		 ((struct map_object *)o)->map->map_type == BPF_MAP_TYPE_RINGBUF)
		ring = ((struct map_object *)o)->map;
	err = ring ? waker_fd(sys, ring) : -EBADF;
	/* What is already in the ring wakes, too; a wake-up without cause is harmless. */
	if (err >= 0)
		eventfd_write(err, 1);
	object_put(o);
	return err;
}
