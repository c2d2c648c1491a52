/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See task_work.h (Linux: kernel/task_work.c, bpf_task_work_irq() of kernel/bpf/helpers.c). */
#include "command/task_work.h"

#include <errno.h>
#include <string.h>

#include "object/caller.h"
#include "world/task.h"
#include "world/world.h"

static struct task_works *works_of(struct skep_system *sys)
{
	struct task_works *w = load_acquire(&sys->task_works), *new;

	if (w)
		return w;
	new = mem_zalloc(sizeof(*new));
	if (!new)
		return NULL;
	pthread_mutex_init(&new->lock, NULL);
	if (__atomic_compare_exchange_n(&sys->task_works, &w, new, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return new;
	pthread_mutex_destroy(&new->lock);
	mem_free(new);
	return w;
}

static bool is_supervised(struct skep_system *sys, u32 tid)
{
	WORLD_HOLD(sys);

	return sys->tasks && task_find(sys, (pid_t)tid);
}

/* DIFF(task-work-reach): others never come by. */
static bool comes_by(struct skep_system *sys, u64 task)
{
	return world_value(sys, task, "tgid") == caller_pid_tgid() >> 32;
}

int task_work_add(struct skep_system *sys, struct bpf_run *run, struct async_cb *cb, u64 task,
		  enum task_work_mode mode)
{
	struct task_work new = { .cb = cb,
				 .tid = (u32)world_value(sys, task, "pid"),
				 .mode = mode };
	bool supervised = new.tid &&is_supervised(sys, new.tid);
	struct task_works *w;
	int err;

	if (!run->platform->world(run, WORLD_ALIVE, &task) || !new.tid ||
	    (!supervised && !comes_by(sys, task)))
		return -ESRCH;
	w = works_of(sys);
	if (!w)
		return -ENOMEM;
	pthread_mutex_lock(&w->lock);
	err = vec_push(&w->v, new);
	if (!err) {
		__atomic_fetch_add(&cb->refs, 1, __ATOMIC_RELAXED);
		WRITE_ONCE(w->n, (u32)w->v.n);
	}
	pthread_mutex_unlock(&w->lock);
	if (!err && supervised && sys->task_work_kick)
		sys->task_work_kick(sys);
	return err;
}

bool task_work_waits(struct skep_system *sys, u32 tid, int mode)
{
	struct task_works *w = load_acquire(&sys->task_works);
	bool found = false;

	if (!task_work_any(sys))
		return false;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->v.n && !found; i++)
		found = w->v.v[i].tid == tid && (mode < 0 || (int)w->v.v[i].mode == mode);
	pthread_mutex_unlock(&w->lock);
	return found;
}

/* The newest of @tid; NULL: none. */
static struct async_cb *take(struct task_works *w, u32 tid)
{
	struct async_cb *cb = NULL;

	pthread_mutex_lock(&w->lock);
	for (size_t i = w->v.n; i-- && !cb;) {
		if (w->v.v[i].tid != tid)
			continue;
		cb = w->v.v[i].cb;
		memmove(&w->v.v[i], &w->v.v[i + 1], (--w->v.n - i) * sizeof(w->v.v[0]));
	}
	WRITE_ONCE(w->n, (u32)w->v.n);
	pthread_mutex_unlock(&w->lock);
	return cb;
}

void task_work_run(struct skep_system *sys, u32 tid, struct bpf_task *task)
{
	struct task_works *w = load_acquire(&sys->task_works);
	struct async_cb *cb;

	if (!task_work_any(sys))
		return;
	while ((cb = take(w, tid))) {
		async_fire(cb, 1, task, sys->arena, sys->platform);
		async_put(cb, sys->platform);
	}
	async_drain(sys);
}

void task_work_renumber(struct skep_system *sys, u32 from, u32 to)
{
	struct task_works *w = load_acquire(&sys->task_works);

	if (!task_work_any(sys) || from == to)
		return;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->v.n; i++)
		if (w->v.v[i].tid == from)
			w->v.v[i].tid = to;
	pthread_mutex_unlock(&w->lock);
}

void task_works_end(struct skep_system *sys)
{
	struct task_works *w = sys->task_works;

	if (!w)
		return;
	for (size_t i = 0; i < w->v.n; i++)
		async_put(w->v.v[i].cb, sys->platform);
	vec_free(&w->v);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
	sys->task_works = NULL;
}
