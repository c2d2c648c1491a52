/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Timers, work queues and task work of map values: what a callback's state can be (Linux:
 * __bpf_async_init(), __bpf_async_set_callback(), bpf_timer_start(), bpf_timer_cancel(),
 * bpf_timer_cancel_and_free(), bpf_task_work_schedule() of kernel/bpf/helpers.c).
 * Freestanding; see async.h.
 *
 * A run that found a callback through its field may go on using it: memory of the heap is
 * not given out again before that run has ended. The same holds for the program whose
 * reference is dropped here.
 */
#include "object/async.h"

#include <linux/errno.h>

#include "object/fixup.h"
#include "object/lock.h"
#include "object/rt_heap.h"

static struct async_cb *field_cb(u64 *field)
{
	return (struct async_cb *)load_acquire(field);
}

void async_put(struct async_cb *cb, const struct skep_platform *platform)
{
	if (!__atomic_sub_fetch(&cb->refs, 1, __ATOMIC_ACQ_REL))
		heap_free(cb->arena, platform, cb); /* the map may be gone */
}

/* ---- the list of a map's callbacks ---- */

static void list_add(struct bpf_map *map, struct async_cb *cb)
{
	cb->next = map->async.first;
	cb->place = &map->async.first;
	if (cb->next)
		cb->next->place = &cb->next;
	map->async.first = cb;
}

static void list_del(struct async_cb *cb)
{
	*cb->place = cb->next;
	if (cb->next)
		cb->next->place = cb->place;
}

int async_init(u64 *field, struct bpf_map *map, enum async_kind kind, u32 clock,
	       struct bpf_run *run)
{
	static const u8 fields[] = {
		[ASYNC_TIMER] = BPF_FIELD_TIMER,
		[ASYNC_WORK] = BPF_FIELD_WORKQUEUE,
		[ASYNC_TASK] = BPF_FIELD_TASK_WORK,
	};
	const struct bpf_map_field *f = map_field(map, fields[kind]);
	struct async_cb *cb;
	int err = 0;

	if (field_cb(field))
		return -EBUSY;
	cb = heap_alloc(map->arena, run->platform, sizeof(*cb), NULL);
	if (!cb)
		return -ENOMEM;
	cb->refs = 1;
	cb->kind = kind;
	cb->clock = clock;
	cb->arena = map->arena;
	cb->map = map;
	cb->field = field;
	cb->value = (u8 *)field - f->offset;
	lock_take(&map->async.lock, run->platform);
	if (*field)
		err = -EBUSY;
	else if (map->async.unheld) /* nobody would be there to stop it */
		err = -EPERM;
	if (!err) {
		list_add(map, cb);
		store_release(field, (u64)cb);
	}
	lock_drop(&map->async.lock);
	if (err)
		heap_free(map->arena, run->platform, cb);
	return err;
}

int async_set_callback(u64 *field, u32 func, struct bpf_run *run)
{
	struct async_cb *cb = field_cb(field);
	const struct bpf_prog *prog = run->prog, *old = NULL;
	int err;

	if (!cb)
		return -EINVAL;
	if (cb->map->async.unheld)
		return -EPERM;
	err = run->platform->prog_get(prog);
	if (err)
		return err;
	lock_take(&cb->lock, run->platform);
	if (cb->dead) {
		err = -EINVAL;
		old = prog;
	} else {
		old = cb->prog;
		cb->prog = prog;
		cb->func = func;
	}
	lock_drop(&cb->lock);
	if (old)
		run->platform->prog_put(old);
	return err;
}

int async_start(u64 *field, u64 due, struct bpf_run *run)
{
	struct async_cb *cb = field_cb(field);
	int err = 0;

	if (!cb)
		return -EINVAL;
	lock_take(&cb->lock, run->platform);
	if (cb->dead || !cb->prog)
		err = -EINVAL;
	else
		cb->due = due;
	lock_drop(&cb->lock);
	if (!err)
		run->platform->async(run->arena, cb, due);
	return err;
}

int async_schedule(u64 *field, struct bpf_map *map, u32 func, u64 task, enum task_work_mode mode,
		   struct bpf_run *run)
{
	u64 args[] = { 0, task, mode };
	const struct bpf_prog *prog = run->prog;
	struct async_cb *cb;
	int err;

	err = async_init(field, map, ASYNC_TASK, 0, run);
	if (err && err != -EBUSY) /* that one is used again */
		return err == -EPERM ? -EBUSY : err;
	cb = field_cb(field);
	if (!cb || cb->map->async.unheld)
		return -EBUSY;
	if (run->platform->prog_get(prog))
		return -EBADF;
	lock_take(&cb->lock, run->platform);
	if (cb->dead || cb->due || cb->running) {
		err = -EBUSY;
	} else {
		cb->prog = prog;
		cb->func = func;
		cb->due = 1;
		err = 0;
	}
	lock_drop(&cb->lock);
	args[0] = (u64)cb;
	if (!err && (s64)run->platform->kernel_call(run, KERNEL_CALL_TASK_WORK, args) < 0) {
		err = -EBADF;
		lock_take(&cb->lock, run->platform);
		prog = cb->prog; /* else whoever has let the field go gave it back */
		cb->prog = NULL;
		cb->due = 0;
		lock_drop(&cb->lock);
	}
	if (err && prog)
		run->platform->prog_put(prog);
	return err;
}

static void wait_for(struct async_cb *cb, const struct skep_platform *platform)
{
	u32 spins = 0, thread;

	while ((thread = READ_ONCE(cb->running))) {
		platform->yield();
		if (!(++spins & 0xff) && platform->recover)
			platform->recover(&cb->running, thread);
	}
}

int async_cancel(u64 *field, struct bpf_run *run)
{
	struct async_cb *cb = field_cb(field), *own = run->arena->slots[run->cpu].timer;
	const struct bpf_prog *prog = NULL;
	int ret = 0;
	u64 due = 0;

	if (!cb)
		return -EINVAL;
	/* Its own callback would wait for itself. */
	if (own == cb)
		return -EDEADLK;
	if (own) {
		/* Two callbacks that cancel each other's timers would wait for ever. */
		__atomic_fetch_add(&cb->cancelling, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&own->cancelling, __ATOMIC_SEQ_CST))
			ret = -EDEADLK;
	}
	if (!ret) {
		lock_take(&cb->lock, run->platform);
		prog = cb->prog;
		cb->prog = NULL;
		due = cb->due;
		cb->due = 0;
		lock_drop(&cb->lock);
		if (prog)
			run->platform->prog_put(prog);
		if (due)
			run->platform->async(run->arena, cb, 0);
		wait_for(cb, run->platform);
		ret = due != 0;
	}
	if (own)
		__atomic_fetch_sub(&cb->cancelling, 1, __ATOMIC_SEQ_CST);
	return ret;
}

int async_try_cancel(u64 *field, struct bpf_run *run)
{
	struct async_cb *cb = field_cb(field);
	bool running;
	u64 due = 0;

	if (!cb)
		return -EINVAL;
	lock_take(&cb->lock, run->platform);
	running = cb->running;
	if (!running) {
		due = cb->due;
		cb->due = 0;
	}
	lock_drop(&cb->lock);
	if (due)
		run->platform->async(run->arena, cb, 0);
	return running ? -1 : due != 0;
}

/* @cb is in no list and no field any more. */
static void end(struct async_cb *cb, const struct skep_platform *platform)
{
	const struct bpf_prog *prog;
	u64 due;

	lock_take(&cb->lock, platform);
	prog = cb->prog;
	due = cb->due;
	cb->prog = NULL;
	cb->due = 0;
	cb->dead = 1;
	lock_drop(&cb->lock);
	if (prog)
		platform->prog_put(prog);
	if (due)
		platform->async(cb->arena, cb, 0);
	async_put(cb, platform);
}

void async_release_field(u64 *field, const struct skep_platform *platform)
{
	struct async_cb *cb = field_cb(field);
	struct bpf_map *map;
	bool mine;

	if (!cb)
		return;
	map = cb->map;
	lock_take(&map->async.lock, platform);
	mine = *field == (u64)cb;
	if (mine) {
		list_del(cb);
		store_release(field, 0);
	}
	lock_drop(&map->async.lock);
	if (mine)
		end(cb, platform);
}

void async_release_map(struct bpf_map *map, const struct skep_platform *platform)
{
	struct async_cb *cb;

	do {
		lock_take(&map->async.lock, platform);
		cb = map->async.first;
		if (cb) {
			list_del(cb);
			store_release(cb->field, 0);
		}
		lock_drop(&map->async.lock);
		if (cb)
			end(cb, platform);
	} while (cb);
}

static void call_back(const struct async_cb *cb, const struct bpf_prog *prog, u32 func,
		      struct bpf_run *run)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(cb->map->map_type);
	u32 index = 0;
	const void *key = ops->key_of(cb->map, cb->value, &index);

	run->prog = prog;
	bpf_call_subprog(run, func, (u64)cb->map, (u64)key, (u64)cb->value, 0, 0);
}

u64 async_fire(struct async_cb *cb, u64 now, struct bpf_task *task, struct arena *arena,
	       const struct skep_platform *platform)
{
	struct bpf_run run = { .task = task };
	const struct bpf_prog *prog = NULL;
	u32 func = 0;
	u64 due;

	/* The slot first: it keeps the program and the map from going. */
	slot_claim(arena, platform, &run);
	lock_take(&cb->lock, platform);
	due = cb->due;
	if (due && due <= now) {
		cb->due = due = 0;
		prog = cb->prog;
		func = cb->func;
		if (prog)
			cb->running = platform->tid();
		if (cb->kind == ASYNC_TASK) /* once only: the reference is ours */
			cb->prog = NULL;
	}
	lock_drop(&cb->lock);
	if (prog) {
		if (cb->kind == ASYNC_TIMER)
			arena->slots[run.cpu].timer = cb;
		call_back(cb, prog, func, &run);
		arena->slots[run.cpu].timer = NULL;
		store_release(&cb->running, 0);
		due = READ_ONCE(cb->due); /* it may have armed itself */
		if (cb->kind == ASYNC_TASK)
			platform->prog_put(prog);
	}
	slot_release(&run);
	return due;
}
