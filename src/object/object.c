/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects: ids, references and the end of life (Linux: the idr tables and
 * bpf_map_put(), bpf_prog_put() ... of kernel/bpf/syscall.c).
 *
 * An object ends when it has neither a reference nor a descriptor. Its id goes at
 * once; destroy() drops what it refers to; its memory goes when no run can still
 * see it. Descriptors are in fd.c.
 */
#include "object/object.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "object/caller.h"
#include "object/platform.h"
#include "object/system.h"

void object_init(struct skep_system *sys, struct object *o, enum object_kind kind,
		 void (*destroy)(struct object *o))
{
	o->kind = kind;
	o->refs = 1;
	o->probe_fd = -1;
	o->watch = -1;
	o->sys = sys;
	o->destroy = destroy;
	o->generation = platform_fork_generation();
	o->created_by_uid = (u32)caller_uid_gid();
	o->load_time = sys->platform->ktime_ns(CLOCK_BOOTTIME);
}

/* Index of the first object of @t with an id >= @id. */
static size_t lower_bound(const struct object_table *t, u32 id)
{
	size_t lo = 0, hi = t->by_id.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->by_id.v[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int object_publish(struct object *o)
{
	struct skep_system *sys = o->sys;
	struct object_table *t = &sys->tables[o->kind];
	u32 id, tries = 0;
	size_t at;
	int err;

	relock_take(&sys->lock);
	/* Cyclic, as idr_alloc_cyclic(): an id is not used again soon. */
	id = t->next_id ? t->next_id : 1;
	for (;;) {
		at = lower_bound(t, id);
		if (at == t->by_id.n || t->by_id.v[at]->id != id)
			break;
		id = id == INT_MAX ? 1 : id + 1;
		if (++tries == INT_MAX)
			break;
	}
	err = vec_reserve(&t->by_id, t->by_id.n + 1);
	if (!err && tries == INT_MAX)
		err = -ENOSPC;
	if (!err) {
		memmove(&t->by_id.v[at + 1], &t->by_id.v[at],
			(t->by_id.n - at) * sizeof(*t->by_id.v));
		t->by_id.v[at] = o;
		t->by_id.n++;
		t->next_id = id == INT_MAX ? 1 : id + 1;
		o->id = id;
	}
	relock_give(&sys->lock);
	return err;
}

static void unpublish(struct object *o)
{
	struct object_table *t = &o->sys->tables[o->kind];
	size_t at;

	if (!o->id)
		return;
	at = lower_bound(t, o->id);
	if (at == t->by_id.n || t->by_id.v[at] != o)
		return;
	t->by_id.n--;
	memmove(&t->by_id.v[at], &t->by_id.v[at + 1], (t->by_id.n - at) * sizeof(*t->by_id.v));
	/* o->id stays: it is still shown by what refers to the object. */
}

int object_set_address(struct object *o, const void *runtime)
{
	int err;

	relock_take(&o->sys->lock);
	err = idmap_set(&o->sys->by_address, (u64)runtime, o);
	relock_give(&o->sys->lock);
	return err;
}

struct object *object_of(struct skep_system *sys, const void *runtime)
{
	struct object *o;

	relock_take(&sys->lock);
	o = runtime ? idmap_get(&sys->by_address, (u64)runtime) : NULL;
	relock_give(&sys->lock);
	return o;
}

void object_get(struct object *o)
{
	relock_take(&o->sys->lock);
	o->refs++;
	relock_give(&o->sys->lock);
}

void object_put(struct object *o)
{
	struct skep_system *sys;

	if (!o)
		return;
	sys = o->sys;
	relock_take(&sys->lock);
	if (--o->refs == 0 && !o->held && !o->dying) {
		o->dying = true;
		unpublish(o);
		o->destroy(o);
	}
	relock_give(&sys->lock);
}

struct object *object_get_id(struct skep_system *sys, u32 id, enum object_kind kind, int *err)
{
	struct object_table *t = &sys->tables[kind];
	struct object *o = NULL;
	size_t at;

	*err = -ENOENT;
	relock_take(&sys->lock);
	at = lower_bound(t, id);
	if (id && at < t->by_id.n && t->by_id.v[at]->id == id) {
		o = t->by_id.v[at];
		o->refs++;
		*err = 0;
	}
	relock_give(&sys->lock);
	return o;
}

int object_next_id(struct skep_system *sys, enum object_kind kind, u32 id, u32 *next)
{
	struct object_table *t = &sys->tables[kind];
	int err = -ENOENT;
	size_t at;

	relock_take(&sys->lock);
	at = lower_bound(t, id + 1);
	if (id < INT_MAX && at < t->by_id.n) {
		*next = t->by_id.v[at]->id;
		err = 0;
	}
	relock_give(&sys->lock);
	return err;
}

void object_retire(struct object *o, void (*free)(struct arena_retired *r))
{
	struct skep_system *sys = o->sys;

	relock_take(&sys->lock);
	o->retired.free = free;
	arena_retire(sys->arena, &sys->retired, &o->retired);
	relock_give(&sys->lock);
}

bool object_is_mine(const struct object *o)
{
	return o->generation == platform_fork_generation();
}
