/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Trees of processes as wholes, in the supervisor's loop: taking one up, ending it,
 * letting it go.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "event/supervisor.h"

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESECCOMP)

static long status_field(pid_t tid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return value;
}

/* When a task that ran before us began. */
static void read_start(struct task *t)
{
	struct timespec mono, boot;
	unsigned long long ticks;
	char buf[1024], *p;
	int fd = task_open_proc(t, "stat");
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	u64 offset;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	buf[n] = 0;
	p = strrchr(buf, ')');
	/* Field 22; the name, which may hold anything, is the second. */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", &ticks) != 1)
		return;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	offset = (u64)(boot.tv_sec - mono.tv_sec) * 1000000000ULL + (u64)boot.tv_nsec -
		 (u64)mono.tv_nsec;
	t->start_boottime_ns = ticks * (1000000000ULL / (u64)sysconf(_SC_CLK_TCK));
	t->start_ns = t->start_boottime_ns - offset;
}

static int seize(struct supervisor *sv, struct skep_process *p, pid_t tid, struct task *leader)
{
	long options = OPTIONS | (p->spawned ? PTRACE_O_EXITKILL : 0);
	struct task *t;
	struct mm *mm;

	/* DIFF(supervised-ptrace): from here on nobody else can */
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options) < 0)
		return -errno;
	mm = leader ? mm_get(leader->mm) : mm_new(tid);
	t = mm ? tracer_adopt(sv, p, tid, leader, mm) : NULL;
	mm_put(mm);
	if (!t) {
		/* It runs, so it cannot be let go at once: the end of the supervisor does that. */
		return -ENOMEM;
	}
	t->ppid = (pid_t)status_field(tid, "PPid:");
	t->parent = task_find(sv->sys, t->ppid);
	t->trace->launching = p->spawned && !p->late;
	if (!p->spawned || p->late)
		read_start(t);
	/* From its next stop on it goes as the tree needs it. */
	if (!p->filtered || p->late)
		tracer_interrupt_quietly(t);
	return 0;
}

/* All threads, until no new one has appeared while we looked. */
static int seize_threads(struct supervisor *sv, struct skep_process *p, struct task *leader)
{
	char path[64];
	bool again = true;
	int rounds = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", leader->bpf.tgid);
	while (again && rounds++ < 100) {
		DIR *d = opendir(path);
		struct dirent *e;

		if (!d)
			return -ESRCH;
		again = false;
		while ((e = readdir(d))) {
			pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

			if (tid <= 0 || task_find(sv->sys, tid))
				continue;
			if (!seize(sv, p, tid, leader))
				again = true;
			else if (!rounds && status_field(tid, "TracerPid:") > 0)
				p->stats.unseen++;
		}
		closedir(d);
	}
	return 0;
}

int tree_seize(struct supervisor *sv, struct skep_process *p, char *error, size_t size)
{
	long tracer;
	int err;

	tracer_update_wants(sv);
	err = seize(sv, p, p->pid, NULL);
	if (err) {
		tracer = status_field(p->pid, "TracerPid:");
		if (err == -ESRCH)
			snprintf(error, size, "there is no process %d", (int)p->pid);
		else if (tracer > 0 && tracer != sv->tid)
			snprintf(error, size, "process %d is traced by process %ld already",
				 (int)p->pid, tracer);
		else if (tracer == sv->tid)
			snprintf(error, size, "process %d is watched already", (int)p->pid);
		else if (err == -EPERM && !access("/proc/sys/kernel/yama/ptrace_scope", F_OK))
			snprintf(error, size,
				 "process %d may not be traced: it is another user's, or "
				 "/proc/sys/kernel/yama/ptrace_scope forbids it",
				 (int)p->pid);
		else
			snprintf(error, size, "process %d may not be traced: %s", (int)p->pid,
				 strerror(-err));
		return err;
	}
	if (!p->spawned)
		seize_threads(sv, p, task_find(sv->sys, p->pid));
	p->next = sv->trees;
	sv->trees = p;
	/* Whatever was decided before this tree existed. */
	tracer_update_wants(sv);
	return 0;
}

int tree_take(struct supervisor *sv, struct skep_process *p, pid_t tgid)
{
	int err = seize(sv, p, tgid, NULL);
	struct task *leader = err ? NULL : task_find(sv->sys, tgid);

	if (!leader)
		return err;
	store_release(&p->ended, false);
	return seize_threads(sv, p, leader);
}

long tracer_of(pid_t tid)
{
	return status_field(tid, "TracerPid:");
}

/* ---- signals to all ---- */

struct kill_arg {
	struct skep_process *p;
	int sig;
};

static int kill_leader(struct task *t, void *arg)
{
	struct kill_arg *a = arg;

	if (t->trace->process == a->p && t->leader == t)
		kill((pid_t)t->bpf.tgid, a->sig);
	return 0;
}

void tree_kill(struct supervisor *sv, struct skep_process *p, int sig)
{
	struct kill_arg a = { p, sig };

	if (sig == SIGKILL)
		p->killing = true;
	tasks_each(sv->sys, kill_leader, &a);
}

/* ---- letting go ---- */

static int interrupt_of(struct task *t, void *arg)
{
	if (t->trace->process == arg) {
		decide_interrupt(t);
		tracer_interrupt_quietly(t);
	}
	return 0;
}

int tree_leave(struct supervisor *sv, struct skep_process *p)
{
	if (p->filtered && p->nr_tasks)
		return -EBUSY;
	if (!p->nr_tasks) { /* it has not begun, or has ended */
		store_release(&p->left, true);
		return 0;
	}
	p->leaving = true;
	tasks_each(sv->sys, interrupt_of, p);
	return 0;
}

static int tell_detach(struct task *t, void *arg)
{
	if (t->trace->process != arg || !t->trace->held)
		return 0;
	for (const struct process_source *const *s = process_sources; *s; s++)
		if ((*s)->detach)
			(*s)->detach(t);
	return 0;
}

static int detach(struct task *t, void *arg)
{
	struct trace_state *tr = t->trace;

	if (tr->process != arg || !tr->held)
		return 0;
	tracer_release(t);
	return 0;
}

void tree_check_left(struct skep_process *p)
{
	struct skep_system *sys = p->sv->sys;

	if (p->left || p->nr_held < p->nr_tasks)
		return;
	tasks_each(sys, tell_detach, p);
	tasks_each(sys, detach, p);
	p->leaving = false;
	store_release(&p->left, true);
	tree_changed(p);
}
