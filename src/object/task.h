/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The task on whose behalf a program runs, as helpers see it (Linux: current). A hook
 * that fires for another process than ours sets run->task; without one, a run is the
 * calling thread's own, and the platform's functions answer. Freestanding.
 */
#ifndef SKEP_OBJECT_TASK_H
#define SKEP_OBJECT_TASK_H

#include "object/run.h"

struct bpf_task {
	const struct bpf_task_ops *ops;
	u32 tid, tgid; /* as the supervisor's pid namespace numbers them */
};

/* A keyctl(2) in a task's name. */
struct task_keyctl {
	u64 args[5];
	u32 places;   /* a bit for each argument that is an offset in .memory */
	void *memory; /* of .size bytes, for the call and from it */
	u32 size;
};

/* Every operation may be called in a run only; the task is stopped. */
struct bpf_task_ops {
	u64 (*uid_gid)(struct bpf_task *t); /* gid << 32 | uid; real ids, as Linux gives */
	void (*comm)(struct bpf_task *t, char *buf, u32 size); /* NUL-terminated, rest zeroed */
	/* User memory: 0 or -EFAULT, as struct skep_platform's functions. */
	int (*read_user)(struct bpf_task *t, void *dst, u64 src, u32 size);
	long (*read_user_str)(struct bpf_task *t, void *dst, u64 src, u32 size);
	int (*write_user)(struct bpf_task *t, u64 dst, const void *src, u32 size);
	/* bpf_send_signal(): to the process, or to the thread. 0 or -errno. */
	int (*send_signal)(struct bpf_task *t, u32 sig, bool thread);
	u64 (*kernel_task)(struct bpf_task *t); /* its struct task_struct in the world window */
	u64 (*user_regs)(struct bpf_task *t);	/* its struct pt_regs in the world window */
	u64 (*cgroup_id)(struct bpf_task *t, int ancestor_level); /* -1: its own; 0: none */
	/* Instruction pointer and return addresses, innermost first: how many, or -errno. */
	int (*user_stack)(struct bpf_task *t, struct bpf_run *run, u64 *ips, u32 max);
	/*
	 * Build id (zero-padded) of the file mapped at @ip, and the offset of @ip in it: 0, or
	 * -ENOENT (no file, or one without build id). NULL: not known of any.
	 */
	int (*user_build_id)(struct bpf_task *t, u64 ip, u8 id[20], u64 *offset);
	/* bpf_override_return(): the function being entered is not executed and gives @rc. */
	int (*override_return)(struct bpf_task *t, struct bpf_run *run, u64 rc);
	/* As the call gives it; -ESRCH: the task cannot make one here. NULL: none. */
	long (*keyctl)(struct bpf_task *t, struct task_keyctl *c);
	/* From here to .resume() the supervisor has the task's identity: 0 or -EACCES. Not nested. */
	int (*assume)(struct bpf_task *t);
	void (*resume)(struct bpf_task *t);
};

static inline u64 run_pid_tgid(const struct bpf_run *run)
{
	const struct bpf_task *t = run->task;

	if (t)
		return (u64)t->tgid << 32 | t->tid;
	if (unlikely(!run->pid_tgid))
		((struct bpf_run *)run)->pid_tgid = run->platform->pid_tgid();
	return run->pid_tgid;
}

static inline u64 run_uid_gid(const struct bpf_run *run)
{
	return run->task ? run->task->ops->uid_gid(run->task) : run->platform->uid_gid();
}

static inline void run_comm(const struct bpf_run *run, char *buf, u32 size)
{
	if (run->task)
		run->task->ops->comm(run->task, buf, size);
	else
		run->platform->comm(buf, size);
}

static inline int run_read_user(const struct bpf_run *run, void *dst, u64 src, u32 size)
{
	return run->task ? run->task->ops->read_user(run->task, dst, src, size) :
			   run->platform->read_user(dst, src, size);
}

static inline long run_read_user_str(const struct bpf_run *run, void *dst, u64 src, u32 size)
{
	return run->task ? run->task->ops->read_user_str(run->task, dst, src, size) :
			   run->platform->read_user_str(dst, src, size);
}

static inline int run_write_user(const struct bpf_run *run, u64 dst, const void *src, u32 size)
{
	return run->task ? run->task->ops->write_user(run->task, dst, src, size) :
			   run->platform->write_user(dst, src, size);
}

#endif
