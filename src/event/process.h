/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Events of supervised processes: what the tracer (tracer.c) sees is handed to sources,
 * each of which fires the hooks of its kind: system calls and their tracepoints, kernel
 * functions, scheduling, signals, user functions, samples. sources.c lists them.
 *
 * Everything here runs in the supervisor's loop thread. The task of an event is stopped,
 * its memory and registers can be read; programs are run with run.task = &task->bpf.
 */
#ifndef SKEP_EVENT_PROCESS_H
#define SKEP_EVENT_PROCESS_H

#include <signal.h>

#include "hook/hook.h"
#include "world/task.h"

/* What a source wants to see of a system call. */
enum { WANT_ENTER = 1, WANT_EXIT = 2 };

#define CALLS_OTHER 512

struct process_source {
	const char *name;
	/* What is attached has changed, or there is a new tree: before .wants is asked. */
	void (*changed)(struct skep_system *sys);
	/*
	 * WANT_* for x86-64 call @nr, by what is attached now. Asked for all calls whenever
	 * hooks_revision() has changed; cheap. NULL: none. @nr 512 (CALLS_OTHER) stands for calls
	 * beyond the table and those by other entries (i386, x32), of which .enter and .exit get the real
	 * number; call.compat tells i386.
	 */
	u32 (*wants)(struct skep_system *sys, u32 nr);
	/* Whether signal deliveries matter (else they pass without a call of .signal). */
	bool (*wants_signals)(struct skep_system *sys);

	/*
	 * t->call is filled in; at exit with .ret. The child of a clone whose exit is wanted has an exit,
	 * too, without an entry (ret_from_fork). In the order of sources.c at entry and the
	 * opposite order at exit. Entry may set .skip and .ret; exit may change .ret: the tracer
	 * writes both to the task. Called for calls that any source wants.
	 */
	void (*enter)(struct task *t);
	void (*exit)(struct task *t);
	/* A new task, before its first instruction; @flags of clone. @t is stopped, too. */
	void (*fork)(struct task *t, struct task *child, u64 flags);
	/* A successful execve: @t has its new image; @old_tid is what it was called before. */
	void (*exec)(struct task *t, pid_t old_tid);
	/* On its way out with wait status @status; its memory is still there. */
	void (*exiting)(struct task *t, int status);
	/* It is gone and about to be freed: forget it. */
	void (*gone)(struct task *t);
	/* A signal is about to be delivered. */
	void (*signal)(struct task *t, const siginfo_t *info);
	/* A SIGTRAP stop (or another fault: SIGSEGV, SIGILL at a step): true when it is ours and done with. */
	bool (*trap)(struct task *t, const siginfo_t *info);
	/* It lives, is stopped, and is about to be let go: undo what you did to it. .gone comes next. */
	void (*detach)(struct task *t);
	/* The supervised tree has ended or is left: lines for the end of the run, by report(). */
	void (*end)(struct skep_system *sys, void (*report)(void *arg, const char *line),
		    void *arg);
	/* The supervisor ends: free what you keep of the system. No task is left. */
	void (*stop)(struct skep_system *sys);
};

extern const struct process_source uprobe_source; /* uprobe.c */
extern const struct process_source perf_source;	  /* sampling.c */

/* In the order of entry events; ends with NULL. */
extern const struct process_source *const process_sources[];

/* Ends a single step or a wait of a source: continues @t as the tracer would. For .trap users. */
int tracer_step(struct task *t); /* goes on by one instruction; the next stop comes to .trap */
/* Stops @t soon and calls @fn in the loop thread, then lets it go on. 0 or -ESRCH. */
int tracer_interrupt(struct task *t, void (*fn)(struct task *t, void *arg), void *arg);
/*
 * Makes the stopped task execute one system call, between two of its instructions.
 * Result or -errno as the call gives, -ESRCH when it died.
 */
long tracer_inject(struct task *t, u64 nr, const u64 args[6]);
/* Calls @fn in the loop thread every @ns; 0 ns ends it. One timer per @fn and @arg. */
int tracer_timer(struct skep_system *sys, u64 ns, void (*fn)(struct skep_system *sys, void *arg),
		 void *arg);

#endif
