/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What tasks are to do before they go on in user space: callbacks of bpf_task_work_schedule_*()
 * (Linux: kernel/task_work.c). One list for all tasks of a system, which is nearly always empty.
 *
 * A supervised task does it at a stop (src/event/task_work.c); any other at the end of its next
 * bpf(2), which is where it comes by here. The newest is done first, as in Linux.
 */
#ifndef SKEP_COMMAND_TASK_WORK_H
#define SKEP_COMMAND_TASK_WORK_H

#include "object/async.h"
#include "object/system.h"

struct task_work {
	struct async_cb *cb; /* referenced */
	u32 tid;
	enum task_work_mode mode;
	bool told; /* its task has been interrupted for it */
};

struct task_works {
	pthread_mutex_t lock;
	u32 n; /* of .v; read without the lock, too */
	VEC(struct task_work) v;
};

/* @task: its task_struct. 0, -ESRCH for a task that never comes by, or -ENOMEM. */
int task_work_add(struct skep_system *sys, struct bpf_run *run, struct async_cb *cb, u64 task,
		  enum task_work_mode mode);
/* Whether task @tid has some; of @mode alone, if that is not negative. */
bool task_work_waits(struct skep_system *sys, u32 tid, int mode);
/* Calls back whatever @tid is to do. @task: NULL: it is the calling thread, or its caller. */
void task_work_run(struct skep_system *sys, u32 tid, struct bpf_task *task);
/* A task has another number. */
void task_work_renumber(struct skep_system *sys, u32 from, u32 to);
void task_works_end(struct skep_system *sys);

static inline bool task_work_any(const struct skep_system *sys)
{
	const struct task_works *w = load_acquire(&sys->task_works);

	return unlikely(w && READ_ONCE(w->n));
}

#endif
