/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Supervised tasks: what skep knows of each thread of the processes that run under it
 * (Linux: struct task_struct, struct mm_struct). The tracer (src/event) makes, updates and
 * frees them, in the supervisor's loop thread, with the task stopped; everything else reads.
 *
 * The table changes under sys->world_lock. So the loop's thread may look without it, and every
 * other one (a test run, an iterator) while it holds it.
 */
#ifndef SKEP_WORLD_TASK_H
#define SKEP_WORLD_TASK_H

#include <sys/types.h>
#include <sys/user.h>

#include "object/system.h"
#include "object/task.h"

struct trace_state;    /* of the tracer */
struct call_model;     /* of src/event/function.c: kernel functions entered and not left */
struct mm_breakpoints; /* of src/event/uprobe.c */
struct exec_start;     /* of src/event/sched.c: an execve that has begun */
struct signal_actions; /* of src/event/signal.c */

/* An address space; tasks of CLONE_VM share it. A vfork child shares its parent's till it execs. */
struct mm {
	u32 refs;
	pid_t tgid; /* of a process that lives in it */
	int mem_fd; /* /proc/TID/mem, read and write, opened at first use; -1: not open */
	struct mm_breakpoints *breakpoints;
	void (*breakpoints_free)(struct mm_breakpoints *b); /* set with .breakpoints */
};

/* The system call that a task is in, from its entry stop to its exit stop. */
struct task_call {
	bool active;
	bool skip;   /* override: the kernel must not execute it; .ret is the result */
	bool compat; /* i386 entry: .nr and .args are of that table */
	u64 nr;
	u64 args[6];
	s64 ret;  /* at exit */
	u16 port; /* that a connect() has been given; of event/sock_port.c */
	u32 room; /* for the address that it gives back, as it was at entry; of event/cgroup_sock.c */
	struct call_model *model;
	struct call_moved *moved; /* of event/readdress.c: it is made with other arguments */
};

struct task {
	struct bpf_task bpf; /* first: run->task points here */
	struct skep_system *sys;
	struct task *next_hash;
	struct task *leader; /* of the thread group; itself for a leader */
	struct task *parent; /* real parent if it is supervised, else NULL */
	pid_t ppid;	     /* tgid of the real parent at creation */
	u32 nr_threads;	     /* of a leader: live threads */
	struct mm *mm;
	u64 start_ns; /* CLOCK_MONOTONIC, as near to the kernel's as we know */
	u64 start_boottime_ns;
	bool exiting; /* with .exit_code, as task_struct has it */
	int exit_code;
	bool freed;   /* it has ended and nobody has a reference any more */
	bool vforked; /* shares .mm with its parent until exec or exit */
	struct task_call call;
	/* User registers at the current stop, read on demand; see task_regs(). */
	struct user_regs_struct regs;
	bool regs_valid, regs_changed; /* changed: written back before the task goes on */
	struct trace_state *trace;
	struct exec_start *exec;
	struct exec_sockets *exec_sockets; /* of src/event/tcp.c: it closes them if it succeeds */
	struct signal_actions *actions;	   /* of a leader: handlers that it was seen to set */
	u64 kernel_task; /* world address of its task_struct; 0: nobody has asked */
	struct hook_sessions
		*sessions; /* of kernel functions that it is in; src/event/function.c */
	void *uprobe;	   /* of src/event/uprobe.c: pending steps and returns of this task */
	void *sampling;	   /* of src/event/sampling.c */
};

/* Holds sys->world_lock to the end of the block. */
static inline void world_drop(struct skep_system **sys)
{
	relock_give(&(*sys)->world_lock);
}
static inline struct skep_system *world_hold(struct skep_system *sys)
{
	relock_take(&sys->world_lock);
	return sys;
}
#define WORLD_HOLD(sys)                                                                            \
	struct skep_system *held __attribute__((cleanup(world_drop), unused)) = world_hold(sys)

/* NULL when @tid is not supervised. */
struct task *task_find(struct skep_system *sys, pid_t tid);
/* Calls @fn for each until it returns non-zero, which is returned. */
int tasks_each(struct skep_system *sys, int (*fn)(struct task *t, void *arg), void *arg);

/* The registers at this stop; NULL when the task has died meanwhile. */
struct user_regs_struct *task_regs(struct task *t);

/*
 * Memory of the task, by its mem_fd, which does not need its pages to be writable:
 * 0, -EFAULT, or -ESRCH. Reads fault pages in.
 */
int task_read(struct task *t, void *dst, u64 src, size_t size);
int task_write(struct task *t, u64 dst, const void *src, size_t size);
/* At most @size bytes with the NUL: length with NUL, or -EFAULT. A longer string is cut, with NUL. */
long task_read_str(struct task *t, char *dst, u64 src, size_t size);

/* A file of /proc/TID/, opened read-only. fd or -errno. */
int task_open_proc(struct task *t, const char *name);

/*
 * For the tracer: a task's beginning and end. task_add(): @leader NULL makes a process of its
 * own; takes a reference on @mm; .parent, .ppid and .trace are the caller's to set. NULL: no memory.
 */
struct task *task_add(struct skep_system *sys, pid_t tid, struct task *leader, struct mm *mm);
/* Frees @t, which nobody may refer to any more; children forget it as their parent. */
void task_del(struct task *t);
/* execve() by a thread that is not the leader: it takes the leader's id, and is the process. */
void task_becomes_leader(struct task *t);
/* Writes changed registers back and forgets them: before the task goes on. 0 or -ESRCH. */
int task_flush_regs(struct task *t);
u32 tasks_count(const struct skep_system *sys);
int tasks_start(struct skep_system *sys); /* 0 or -ENOMEM; may be repeated */
void tasks_stop(struct skep_system *sys); /* frees the empty table */

struct mm *mm_new(pid_t tgid); /* with one reference; NULL: no memory */
struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* NULL is fine */
/* @t has a new address space (after execve): drops the old one. 0 or -ENOMEM. */
int task_new_mm(struct task *t);

#endif
