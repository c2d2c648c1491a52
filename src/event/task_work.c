/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Supervised tasks do what programs have scheduled for them (command/task_work.h; Linux:
 * task_work_add(), resume_user_mode_work()) where they are on their way to user space: at the exit
 * of a call, before a signal is delivered, or where they were interrupted for it. One that waits in a
 * call is taken out of that; by TASK_WORK_RESUME it goes back to it first, since the call is made again.
 *
 * DIFF(task-work-interrupts): what Linux ends with EINTR then is made again, too.
 */
#include <errno.h>

#include "command/task_work.h"
#include "event/supervisor.h"

#define ERESTARTSYS	      512
#define ERESTART_RESTARTBLOCK 516

void task_work_tell(struct supervisor *sv)
{
	struct task_works *w = load_acquire(&sv->sys->task_works);

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->v.n; i++) {
		struct task_work *work = &w->v.v[i];
		struct task *t = work->told ? NULL : task_find(sv->sys, (pid_t)work->tid);

		if (!t)
			continue;
		work->told = true;
		if (t->trace->work && work->mode == TASK_WORK_SIGNAL)
			decide_interrupt(t);
		tracer_interrupt_quietly(t);
	}
	pthread_mutex_unlock(&w->lock);
}

static void kick(struct skep_system *sys)
{
	struct supervisor *sv = sys->supervisor;

	WRITE_ONCE(sv->works_new, 1);
	supervisor_ring(sv);
}

void task_work_start(struct supervisor *sv)
{
	sv->sys->task_work_kick = kick;
}

/* The call that it was in will be made again, by Linux or by us. */
static bool goes_back(struct task *t)
{
	const struct user_regs_struct *regs = task_regs(t);
	s64 ret = regs ? (s64)regs->rax : 0;

	if (!regs)
		return false;
	if (t->regs_changed && regs->rax == regs->orig_rax) /* it was -EINTR, see repeat_call() */
		return true;
	return (s64)regs->orig_rax >= 0 && ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

void task_work_stopped(struct task *t)
{
	u32 tid = t->bpf.tid;

	switch (t->trace->kind) {
	case STOP_NONE:
	case STOP_GROUP:
	case STOP_EXEC:
	case STOP_FORK:
	case STOP_DEATH:
		return; /* another stop comes, or its end */
	case STOP_SECCOMP:
	case STOP_ENTRY:
		/* It is interrupted when it has gone on. */
		if (task_work_waits(t->sys, tid, TASK_WORK_SIGNAL))
			kick(t->sys);
		return;
	case STOP_TRAP:
		if (!task_work_waits(t->sys, tid, TASK_WORK_SIGNAL) && goes_back(t))
			return;
		break;
	case STOP_EXIT:
	case STOP_SIGNAL:
		break;
	}
	task_work_run(t->sys, tid, &t->bpf);
}

static void do_work(struct task *t)
{
	task_work_run(t->sys, t->bpf.tid, &t->bpf);
}

static void execed(struct task *t, pid_t old_tid)
{
	task_work_renumber(t->sys, (u32)old_tid, t->bpf.tid);
}

const struct process_source task_work_source = {
	.name = "task work",
	.exec = execed,
	.gone = do_work, /* without its memory, as in Linux */
	.detach = do_work,
};
