/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What decisions on calls need of a task that is stopped at a call's entry: its descriptors, its
 * identity, and calls made in its place on what was decided about. Between check and use nothing
 * of the task's is read again: who decides about a path or an address copies it once, decides, and
 * makes the call with the copy.
 *
 * All of it is for the supervisor's loop, but .work, which runs in a thread of the supervisor's that may
 * wait as long as the task would have waited.
 */
#ifndef SKEP_EVENT_DECIDE_H
#define SKEP_EVENT_DECIDE_H

#include "world/task.h"

struct skep_process;
struct supervisor;

/*
 * The task's descriptor @fd as one of ours, to be closed. -EBADF: it has none; -EPERM: it cannot be
 * had. Where a filter outside of ours forbids pidfd_getfd(), as a default container's does, the task sends
 * it by calls in its name: at a call's entry and exit.
 */
int decide_take_fd(struct task *t, int fd);
/* The same by O_PATH, also where pidfd_getfd() is forbidden: for folders; AT_FDCWD is its own. */
int decide_take_dir(struct task *t, int fd);
/*
 * Puts our descriptor @fd, which is closed, into the task's table, by calls in its name: its number
 * there, the lowest that is free, or -errno.
 */
int decide_give_fd(struct task *t, int fd, bool cloexec);
/*
 * The call that is being entered, an open(), openat() or openat2(), returns our descriptor @fd, which is
 * closed. Sets .skip and .ret unless whoever answers the tree's notifications gives it.
 */
void decide_return_fd(struct task *t, int fd, bool cloexec);

/* Whether others may write to the task's memory while it is stopped: threads, vfork(), CLONE_VM. */
bool decide_memory_shared(const struct task *t);
/*
 * Whether the @size bytes at @at may change while the task is stopped: as above, or because the mapping
 * is a shared one. What other processes do by process_vm_writev() and /proc/PID/mem is not counted.
 */
bool decide_may_change(struct task *t, u64 at, size_t size);

/* ---- identity ---- */

struct decide_identity {
	u32 fsuid, fsgid;
	u64 caps; /* effective ones that count for us, too */
	u32 nr_groups;
	u32 groups[];
};

/*
 * Lets this thread make calls as @t, as far as files are concerned; decide_as_self() ends it. 0; -EACCES: it
 * is somebody whom we cannot be (another user of a user namespace).
 */
int decide_as_task(struct task *t);
void decide_as_self(struct task *t);
/* Between them this thread is itself, to look at the task and to run programs: as often as needed. */
void decide_pause(struct task *t);
void decide_unpause(struct task *t);

/* ---- calls that may wait ---- */

struct decide_work {
	/*
	 * In a worker, as the task as far as files are concerned. Result or -errno; -EINTR when a signal came: it is
	 * made again by the task then if Linux would. No memory is allocated or freed here.
	 */
	long (*work)(struct decide_work *w);
	/*
	 * In the loop: the task is where it was, .ret is there. Sets .skip and .ret of its call, gives a
	 * descriptor, or begins another work; frees @w. @t NULL: the task has died.
	 */
	void (*done)(struct task *t, struct decide_work *w);
	long ret;
	/* The following are decide.c's. */
	struct task *task;
	struct supervisor *sv;
	struct decide_worker *worker;
	struct decide_work *next, *next_done;
	struct decide_identity *who; /* a copy; NULL: ours */
	bool interrupted;
};

/* @t stays stopped until @w is done. 0, or -EACCES (see above), -ENOMEM, and nothing has happened. */
int decide_start(struct task *t, struct decide_work *w);
/* .ret of a call that .work has made, for .done: with the ways in which a call is made again. */
void decide_return(struct task *t, long ret);

/* For the tracer and the supervisor. */
void decide_look(struct supervisor *sv); /* what the workers have done */
void decide_task_lost(struct task *t);	 /* it has left its stop: it dies */
void decide_interrupt(struct task *t);	 /* its wait is to end */
void decide_exit(struct task *t);	 /* at the exit stop of a call that is to be made again */
void decide_forget(struct task *t);	 /* its caches */
void decide_stop(struct supervisor *sv); /* the loop has ended */

#endif
