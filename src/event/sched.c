/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracepoints of a task's life: task_newtask, sched_process_fork, sched_wakeup_new, task_rename,
 * sched_process_exec, sched_process_exit (Linux: kernel/fork.c, fs/exec.c, kernel/exit.c).
 *
 * DIFF(task-rename): a name given by writing /proc/TID/comm is not reported.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/fire.h"

#define TASK_COMM_LEN 16
#define EXIT_SIGNAL   0xffULL /* Linux: CSIGNAL, no flag */
#define MAX_RT_PRIO   100

/* What an execve was called with, kept until it is known whether it succeeds. */
struct exec_start {
	char comm[TASK_COMM_LEN];
	char path[PATH_MAX + 32];
};

static bool rename_in_use(const struct skep_system *sys)
{
	return tracepoint_in_use(sys, RAW_TP_task_rename, TP_task_rename);
}

static bool exec_in_use(const struct skep_system *sys)
{
	return tracepoint_in_use(sys, RAW_TP_sched_process_exec, TP_sched_process_exec);
}

static u32 sched_wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_execve:
	case SYS_execveat:
		return exec_in_use(sys) || rename_in_use(sys) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_prctl:
		return rename_in_use(sys) ? WANT_ENTER : 0;
	}
	return 0;
}

static void task_name(struct task *t, char *comm)
{
	t->bpf.ops->comm(&t->bpf, comm, TASK_COMM_LEN);
}

/* A number in a file of /proc/TID, after @skip words behind the last ')'. */
static long proc_number(struct task *t, const char *file, u32 skip)
{
	char text[1024], *p;
	int fd = task_open_proc(t, file);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	p = p ? p + 2 : text;
	while (skip-- && (p = strchr(p, ' ')))
		p++;
	return p ? strtol(p, NULL, 10) : 0;
}

/* ---- births ---- */

static void newtask(struct task *t, struct task *child, u64 flags)
{
	struct tracepoint_hooks h = tracepoint_hooks(t->sys, RAW_TP_task_newtask, TP_task_newtask);
	u64 args[2] = { 0, flags };
	char comm[TASK_COMM_LEN];
	struct record r;

	if (h.raw)
		args[0] = world_task(child);
	if (h.formatted) {
		task_name(child, comm);
		record_begin(&r, t->sys, TP_task_newtask, t->bpf.tid);
		record_put(&r, "pid", child->bpf.tid);
		record_put_string(&r, "comm", comm);
		record_put(&r, "clone_flags", flags);
		record_put(&r, "oom_score_adj", (u64)proc_number(child, "oom_score_adj", 0));
	}
	fire_both(h, args, &r, t);
}

static void forked(struct task *t, struct task *child)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_sched_process_fork, TP_sched_process_fork);
	u64 args[2] = { 0 };
	char comm[TASK_COMM_LEN];
	struct record r;

	if (h.raw) {
		args[0] = world_task(t);
		args[1] = world_task(child);
	}
	if (h.formatted) {
		record_begin(&r, t->sys, TP_sched_process_fork, t->bpf.tid);
		task_name(t, comm);
		record_put_string(&r, "parent_comm", comm);
		record_put(&r, "parent_pid", t->bpf.tid);
		task_name(child, comm);
		record_put_string(&r, "child_comm", comm);
		record_put(&r, "child_pid", child->bpf.tid);
	}
	fire_both(h, args, &r, t);
}

/* It is made to run: on which CPU only the host's scheduler decides, who is asked where it is. */
static void woken(struct task *t, struct task *child)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_sched_wakeup_new, TP_sched_wakeup_new);
	char comm[TASK_COMM_LEN];
	struct record r;
	u64 arg = 0;

	if (h.raw)
		arg = world_task(child);
	if (h.formatted) {
		task_name(child, comm);
		record_begin(&r, t->sys, TP_sched_wakeup_new, t->bpf.tid);
		record_put_string(&r, "comm", comm);
		record_put(&r, "pid", child->bpf.tid);
		record_put(&r, "prio", (u64)(proc_number(child, "stat", 15) + MAX_RT_PRIO));
		record_put(&r, "target_cpu", (u64)proc_number(child, "stat", 36));
	}
	fire_both(h, &arg, &r, t);
}

static void sched_fork(struct task *t, struct task *child, u64 flags)
{
	newtask(t, child, flags & ~EXIT_SIGNAL);
	forked(t, child);
	woken(t, child);
	event_done(t);
}

/* ---- names and programs ---- */

static void renamed(struct task *t, const char *old, const char *comm)
{
	struct tracepoint_hooks h = tracepoint_hooks(t->sys, RAW_TP_task_rename, TP_task_rename);
	u64 args[2] = { 0 };
	struct record r;

	if (h.raw) {
		args[0] = world_task(t);
		args[1] = world_temp_bytes(t, comm, (u32)strlen(comm) + 1);
	}
	if (h.formatted) {
		record_begin(&r, t->sys, TP_task_rename, t->bpf.tid);
		record_put(&r, "pid", t->bpf.tid);
		record_put_string(&r, "oldcomm", old);
		record_put_string(&r, "newcomm", comm);
		record_put(&r, "oom_score_adj", (u64)proc_number(t, "oom_score_adj", 0));
	}
	fire_both(h, args, &r, t);
}

/* The path of an execve as the kernel keeps it in bprm->filename. */
static void exec_path(struct task *t, char *path, size_t size)
{
	bool at = t->call.nr == SYS_execveat;
	int dfd = at ? (int)t->call.args[0] : AT_FDCWD;
	char name[PATH_MAX];

	if (task_read_str(t, name, t->call.args[at], sizeof(name)) < 0)
		name[0] = 0;
	if (dfd == AT_FDCWD || *name == '/')
		snprintf(path, size, "%s", name);
	else
		snprintf(path, size, "/dev/fd/%d%s%s", dfd, *name ? "/" : "", name);
}

static void sched_enter(struct task *t)
{
	char name[TASK_COMM_LEN], old[TASK_COMM_LEN];

	if (t->call.compat)
		return;
	switch (t->call.nr) {
	case SYS_execve:
	case SYS_execveat:
		if (!sched_wants(t->sys, (u32)t->call.nr))
			return;
		if (!t->exec)
			t->exec = mem_alloc(sizeof(*t->exec));
		if (!t->exec)
			return;
		task_name(t, t->exec->comm);
		exec_path(t, t->exec->path, sizeof(t->exec->path));
		return;
	case SYS_prctl:
		if ((int)t->call.args[0] != PR_SET_NAME || !rename_in_use(t->sys) ||
		    task_read_str(t, name, t->call.args[1], sizeof(name)) < 0)
			return;
		task_name(t, old);
		renamed(t, old, name);
		return;
	}
}

/* Reached only when the execve has failed, or .exec has seen its success. */
static void sched_exit(struct task *t)
{
	if (t->call.compat || (t->call.nr != SYS_execve && t->call.nr != SYS_execveat))
		return;
	mem_free(t->exec);
	t->exec = NULL;
}

static u64 binprm(struct task *t, const char *path)
{
	u64 at = world_temp(t, "struct linux_binprm");
	u64 name = world_temp_bytes(t, path, (u32)strlen(path) + 1);

	world_set(t->sys, at, "filename", name);
	world_set(t->sys, at, "interp", name);
	return at;
}

static void sched_exec(struct task *t, pid_t old_tid)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_sched_process_exec, TP_sched_process_exec);
	char comm[TASK_COMM_LEN], exe[PATH_MAX];
	const char *path = exe;
	u64 args[3] = { 0 };
	struct record r;

	if (t->exec) {
		path = t->exec->path;
		if (rename_in_use(t->sys)) {
			task_name(t, comm);
			t->trace->old_comm = t->exec->comm;
			renamed(t, t->exec->comm, comm);
			t->trace->old_comm = NULL;
		}
	} else if (h.raw || h.formatted) {
		/* By another entry (i386), or attached since: what it is, not how it was called. */
		char link[64];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/%u/exe", t->bpf.tid);
		n = readlink(link, exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = 0;
	}
	if (h.raw) {
		args[0] = world_task(t);
		args[1] = (u64)(s64)old_tid;
		args[2] = binprm(t, path);
	}
	if (h.formatted) {
		record_begin(&r, t->sys, TP_sched_process_exec, t->bpf.tid);
		record_put_string(&r, "filename", path);
		record_put(&r, "pid", t->bpf.tid);
		record_put(&r, "old_pid", (u64)old_tid);
	}
	fire_both(h, args, &r, t);
	event_done(t);
}

/* ---- ends ---- */

static int lives(struct task *other, void *arg)
{
	const struct task *t = arg;

	return other != t && other->leader == t->leader && !other->trace->died;
}

static void exited(struct task *t, struct tracepoint_hooks h, bool group_dead)
{
	u64 args[2] = { 0, group_dead };
	char comm[TASK_COMM_LEN];
	struct record r;

	if (h.raw)
		args[0] = world_task(t);
	if (h.formatted) {
		task_name(t, comm);
		record_begin(&r, t->sys, TP_sched_process_exit, t->bpf.tid);
		record_put_string(&r, "comm", comm);
		record_put(&r, "pid", t->bpf.tid);
		record_put(&r, "prio", (u64)(proc_number(t, "stat", 15) + MAX_RT_PRIO));
		record_put(&r, "group_dead", group_dead);
	}
	fire_both(h, args, &r, t);
	event_done(t);
}

static void sched_exiting(struct task *t, int status)
{
	bool group_dead = !tasks_each(t->sys, lives, t);

	exited(t, tracepoint_hooks(t->sys, RAW_TP_sched_process_exit, TP_sched_process_exit),
	       group_dead);
	if (group_dead)
		signal_tell_parent(t, status);
}

static void sched_gone(struct task *t)
{
	mem_free(t->exec);
	t->exec = NULL;
}

const struct process_source sched_source = {
	.name = "processes",
	.wants = sched_wants,
	.enter = sched_enter,
	.exit = sched_exit,
	.fork = sched_fork,
	.exec = sched_exec,
	.exiting = sched_exiting,
	.gone = sched_gone,
};
