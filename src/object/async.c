/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The threads that run callbacks of timers and work queues (Linux: hrtimers, and the
 * system's work queue). Each process that arms callbacks has its own queues and threads,
 * one for timers and one for work, made when they are first needed; a forked child
 * begins with empty ones.
 *
 * Locks: a queue's lock is taken with others held, and nothing is called under it.
 */
#include "object/async.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"
#include "object/platform.h"
#include "object/system.h"

struct entry {
	u64 due;
	struct async_cb *cb; /* referenced */
};

struct queue {
	struct skep_system *sys;
	struct async *async;
	u64 id; /* differs from those of all other processes */
	enum async_kind kind;
	pthread_cond_t changed;
	VEC(struct entry) heap; /* the earliest first */
	bool started;
	pthread_t thread;
	pid_t pid, tid;
};

struct async {
	pthread_mutex_t lock;
	u32 generation;
	bool stopping;
	struct queue queues[ASYNC_QUEUES];
	VEC(const struct bpf_prog *) drops; /* references to give back */
};

/* ---- the heap ---- */

static void heap_set(struct queue *q, size_t i, struct entry e)
{
	q->heap.v[i] = e;
	if (e.cb->queue == q->id)
		e.cb->index = (u32)i;
}

static void sift(struct queue *q, size_t i)
{
	struct entry e = q->heap.v[i];
	size_t child;

	for (; i && q->heap.v[(i - 1) / 2].due > e.due; i = (i - 1) / 2)
		heap_set(q, i, q->heap.v[(i - 1) / 2]);
	for (; (child = 2 * i + 1) < q->heap.n; i = child) {
		if (child + 1 < q->heap.n && q->heap.v[child + 1].due < q->heap.v[child].due)
			child++;
		if (q->heap.v[child].due >= e.due)
			break;
		heap_set(q, i, q->heap.v[child]);
	}
	heap_set(q, i, e);
}

static struct async_cb *heap_remove(struct queue *q, size_t i)
{
	struct async_cb *cb = q->heap.v[i].cb;
	struct entry last = vec_pop(&q->heap);

	if (cb->queue == q->id)
		cb->queue = 0;
	if (i < q->heap.n) {
		heap_set(q, i, last);
		sift(q, i);
	}
	return cb;
}

/* ---- the threads ---- */

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec;
}

/* Waits until something is due or changes. The lock is held. */
static void wait_due(struct queue *q, u64 due)
{
	struct timespec t = { (time_t)(due / 1000000000ULL), (long)(due % 1000000000ULL) };

	if (due)
		pthread_cond_timedwait(&q->changed, &q->async->lock, &t);
	else
		pthread_cond_wait(&q->changed, &q->async->lock);
}

static void *run_queue(void *arg)
{
	struct queue *q = arg;
	struct async *a = q->async;
	struct skep_system *sys = q->sys;
	struct async_cb *cb;
	u64 due;

	prctl(PR_SET_NAME, q->kind == ASYNC_TIMER ? "skep-timer" : "skep-work");
	prctl(PR_SET_TIMERSLACK, 1);
	pthread_mutex_lock(&a->lock);
	q->pid = getpid();
	q->tid = (pid_t)syscall(SYS_gettid);
	while (!a->stopping) {
		due = q->heap.n ? q->heap.v[0].due : 0;
		if (!due || due > now_ns()) {
			wait_due(q, due);
			continue;
		}
		cb = heap_remove(q, 0);
		pthread_mutex_unlock(&a->lock);
		/* A map whose last descriptor was closed has its timers stopped by that. */
		objects_drain(sys, false);
		due = async_fire(cb, now_ns(), NULL, sys->arena, sys->platform);
		if (due)
			async_queue(sys, cb, due);
		async_put(cb, sys->platform);
		async_drain(sys);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* The thread of @q has gone with the process that it was made in, whose memory we share. */
static bool thread_gone(const struct queue *q)
{
	return q->tid && syscall(SYS_tgkill, q->pid, q->tid, 0) < 0 && errno == ESRCH;
}

static void start_thread(struct queue *q)
{
	sigset_t all, old;

	if (q->started && !thread_gone(q))
		return;
	q->pid = q->tid = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	q->started = !pthread_create(&q->thread, NULL, run_queue, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static struct async *async_new(struct skep_system *sys, u32 generation)
{
	struct async *a = mem_zalloc(sizeof(*a));
	pthread_condattr_t attr;

	if (!a)
		return NULL;
	a->generation = generation;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (u32 i = 0; i < ASYNC_QUEUES; i++) {
		struct queue *q = &a->queues[i];

		q->sys = sys;
		q->async = a;
		q->kind = i;
		q->id = ((u64)getpid() << 32 | (generation & 0xffffff)) << 1 | 1;
		pthread_cond_init(&q->changed, &attr);
	}
	pthread_condattr_destroy(&attr);
	return a;
}

static void async_free(struct async *a)
{
	for (u32 i = 0; i < ASYNC_QUEUES; i++) {
		pthread_cond_destroy(&a->queues[i].changed);
		vec_free(&a->queues[i].heap);
	}
	vec_free(&a->drops);
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
}

/* This process's queues. What a child of fork() finds is its parent's: its lock may be held. */
static struct async *async_of(struct skep_system *sys)
{
	struct async *a = load_acquire(&sys->async), *new;
	u32 generation = platform_fork_generation();

	if (likely(a && a->generation == generation))
		return a;
	new = async_new(sys, generation);
	if (new && !__atomic_compare_exchange_n(&sys->async, &a, new, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE)) {
		async_free(new);
		return a;
	}
	return new;
}

void async_queue(struct skep_system *sys, struct async_cb *cb, u64 due)
{
	struct async *a = async_of(sys);
	struct async_cb *drop = NULL;
	struct queue *q;
	struct entry e = { due, cb };
	bool known;

	if (cb->kind == ASYNC_TASK)
		return; /* its task finds that it is not due any more */
	if (!a)
		return; /* out of memory: the callback is lost, as its timer could be */
	q = &a->queues[cb->kind];
	pthread_mutex_lock(&a->lock);
	known = cb->queue == q->id && cb->index < q->heap.n && q->heap.v[cb->index].cb == cb;
	if (known && !due) {
		drop = heap_remove(q, cb->index);
	} else if (known) {
		q->heap.v[cb->index].due = due;
		sift(q, cb->index);
	} else if (due && !a->stopping && !vec_push(&q->heap, e)) {
		__atomic_fetch_add(&cb->refs, 1, __ATOMIC_RELAXED);
		cb->queue = q->id;
		cb->index = (u32)q->heap.n - 1;
		sift(q, q->heap.n - 1);
	}
	if (due && q->heap.n && q->heap.v[0].cb == cb && !a->stopping) {
		start_thread(q);
		pthread_cond_signal(&q->changed);
	}
	pthread_mutex_unlock(&a->lock);
	if (drop)
		async_put(drop, sys->platform);
}

int async_prog_get(struct skep_system *sys, const struct bpf_prog *prog)
{
	struct object *o;

	relock_take(&sys->lock);
	o = object_of(sys, prog);
	if (o && o->dying)
		o = NULL;
	if (o)
		o->refs++;
	relock_give(&sys->lock);
	return o ? 0 : -ENOENT;
}

void async_prog_put(struct skep_system *sys, const struct bpf_prog *prog)
{
	struct async *a = async_of(sys);
	bool later;

	if (!a)
		return; /* the program stays: better than a lock taken out of order */
	pthread_mutex_lock(&a->lock);
	later = !a->stopping && !vec_push(&a->drops, prog);
	if (later && a->queues[ASYNC_TIMER].started)
		pthread_cond_signal(&a->queues[ASYNC_TIMER].changed);
	pthread_mutex_unlock(&a->lock);
	if (!later)
		object_put(object_of(sys, prog));
}

void async_drain(struct skep_system *sys)
{
	struct async *a = load_acquire(&sys->async);

	if (likely(!a) || a->generation != platform_fork_generation())
		return;
	for (;;) {
		const struct bpf_prog *prog;

		pthread_mutex_lock(&a->lock);
		prog = a->drops.n ? vec_pop(&a->drops) : NULL;
		pthread_mutex_unlock(&a->lock);
		if (!prog)
			return;
		object_put(object_of(sys, prog));
	}
}

void async_stop(struct skep_system *sys)
{
	struct async *a = load_acquire(&sys->async);

	if (!a || a->generation != platform_fork_generation())
		return;
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	for (u32 i = 0; i < ASYNC_QUEUES; i++)
		pthread_cond_broadcast(&a->queues[i].changed);
	pthread_mutex_unlock(&a->lock);
	for (u32 i = 0; i < ASYNC_QUEUES; i++)
		if (a->queues[i].started)
			pthread_join(a->queues[i].thread, NULL);
	async_drain(sys);
	for (u32 i = 0; i < ASYNC_QUEUES; i++)
		while (a->queues[i].heap.n)
			async_put(heap_remove(&a->queues[i], 0), sys->platform);
}

void async_end(struct skep_system *sys)
{
	struct async *a = sys->async;

	if (a && a->generation == platform_fork_generation())
		async_free(a);
	sys->async = NULL;
}
