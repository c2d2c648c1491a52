/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Callbacks that run later: timers, work queues and task work in map values (Linux: struct
 * bpf_async_cb, bpf_hrtimer, bpf_work and bpf_task_work_ctx of kernel/bpf/helpers.c).
 *
 * The first word of a struct bpf_timer, bpf_wq or bpf_task_work holds the address of its struct async_cb,
 * an object of the arena's heap. What it says (armed until when, running where) is the
 * truth in every process; the process that arms a callback also notes it in a queue of its own
 * (async.c), whose thread looks when the time has come. Whoever clears .due runs the callback.
 */
#ifndef SKEP_OBJECT_ASYNC_H
#define SKEP_OBJECT_ASYNC_H

#include "object/map.h"

struct skep_system;

/* Timers and work have a queue each (async.c), what a task is to do has that of the task (task_work.c). */
enum async_kind { ASYNC_TIMER, ASYNC_WORK, ASYNC_TASK, ASYNC_QUEUES = ASYNC_TASK };

/* When a task does what it is to do. */
enum task_work_mode {
	TASK_WORK_SIGNAL, /* soon: what it waits for is interrupted */
	TASK_WORK_RESUME, /* when it returns by itself */
};

struct async_cb {
	u32 lock; /* guards what follows, but for the list and the queue */
	u32 refs; /* the field, and queues; atomic */
	u32 kind;
	u32 dead;	/* its field has let go of it */
	u32 running;	/* thread that runs the callback; 0: none */
	u32 cancelling; /* callbacks of other timers that wait for this one; atomic */
	u32 clock;
	u32 func; /* subprogram of .prog */
	u64 due;  /* CLOCK_MONOTONIC, ns; 0: not armed */
	struct arena *arena;
	struct bpf_map *map;
	void *value;
	u64 *field;
	const struct bpf_prog *prog;	/* referenced; NULL: no callback */
	struct async_cb *next, **place; /* of map->async.first, under map->async.lock */
	u64 queue;			/* whose heap has it at .index; under that queue's lock */
	u32 index;
};

/* ---- freestanding: rt_async.c; results as Linux's helpers give them ---- */

int async_init(u64 *field, struct bpf_map *map, enum async_kind kind, u32 clock,
	       struct bpf_run *run);
int async_set_callback(u64 *field, u32 func, struct bpf_run *run);
int async_start(u64 *field, u64 due, struct bpf_run *run);
int async_cancel(u64 *field, struct bpf_run *run);
/*
 * The callback is to run once in @task (its task_struct), see task_work.h. 0, -EBUSY while it is to
 * run or runs, or once nobody holds the map; -EBADF: it never will there; -ENOMEM.
 */
int async_schedule(u64 *field, struct bpf_map *map, u32 func, u64 task, enum task_work_mode mode,
		   struct bpf_run *run);
/* Does not wait: 1, 0 (was not armed), -1 (its callback is running), -EINVAL. */
int async_try_cancel(u64 *field, struct bpf_run *run);
/* The field goes: as a cancel that waits for nobody. For values that are dropped. */
void async_release_field(u64 *field, const struct skep_platform *platform);
/* All fields of @map let go. */
void async_release_map(struct bpf_map *map, const struct skep_platform *platform);
/*
 * Runs the callback of @cb if it is due by @now, for @task or the calling thread; else returns when
 * it will be (0: not armed).
 */
u64 async_fire(struct async_cb *cb, u64 now, struct bpf_task *task, struct arena *arena,
	       const struct skep_platform *platform);
void async_put(struct async_cb *cb, const struct skep_platform *platform);

/* ---- the process's queues: async.c ---- */

/* Notes that @cb is due (0: no longer). */
void async_queue(struct skep_system *sys, struct async_cb *cb, u64 due);
/* A reference to a program on behalf of a callback; -ENOENT when it is on its way out. */
int async_prog_get(struct skep_system *sys, const struct bpf_prog *prog);
/* Given back by the queue's thread or with the next command: the caller may hold any lock. */
void async_prog_put(struct skep_system *sys, const struct bpf_prog *prog);
void async_drain(struct skep_system *sys);
void async_stop(struct skep_system *sys); /* nothing is called back any more */
void async_end(struct skep_system *sys);

#endif
