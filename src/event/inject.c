/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What sources may do to a task beside reading it: stop it soon, step it, make it execute
 * a system call.
 */
#include <errno.h>
#include <elf.h>
#include <linux/audit.h>
#include <sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/supervisor.h"

#define CS_64		      0x33 /* Linux: __USER_CS */
#define ERESTARTSYS	      512
#define ERESTART_RESTARTBLOCK 516

int tracer_step(struct task *t)
{
	t->trace->stepping = true;
	return 0;
}

void tracer_interrupt_quietly(struct task *t)
{
	struct trace_state *tr = t->trace;

	/* A stopped task is asked again what it goes on to; a new one stops by itself. */
	if (tr->kind != STOP_NONE || tr->fresh || tr->died)
		return;
	if (!ptrace(PTRACE_INTERRUPT, (pid_t)t->bpf.tid, NULL, NULL))
		tr->interrupted = true;
}

int tracer_interrupt(struct task *t, void (*fn)(struct task *t, void *arg), void *arg)
{
	struct trace_state *tr = t->trace;
	struct interruption *i;

	if (tr->died)
		return -ESRCH;
	if (tr->kind != STOP_NONE) {
		fn(t, arg);
		return 0;
	}
	i = mem_alloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = (struct interruption){ tr->interruptions, fn, arg };
	tr->interruptions = i;
	tracer_interrupt_quietly(t);
	if (!tr->interrupted && !tr->fresh) {
		tr->interruptions = i->next;
		mem_free(i);
		return -ESRCH;
	}
	return 0;
}

/* ---- system calls in the task's name ---- */

/*
 * Has it ended unseen? A group's first thread can: its end is told when the last of the others is
 * gone, which may stand in a stop that nobody looks at as long as we wait here.
 */
static bool is_zombie(struct task *t)
{
	char text[512], *state;
	int fd = task_open_proc(t, "stat");
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return true;
	text[n] = 0;
	state = strrchr(text, ')');
	return state && strchr("ZX", state[2]);
}

/* Waits for the next stop of @t alone. Its end is kept for the loop: -ESRCH. */
static int next_stop(struct task *t, int *status)
{
	struct supervisor *sv = t->sys->supervisor;
	struct stray s = { .pid = (pid_t)t->bpf.tid };
	bool first = t == t->leader;
	pid_t pid;

	for (u32 looks = 0;; looks++) {
		pid = waitpid(s.pid, &s.status, __WALL | (first ? WNOHANG : 0));
		if (pid > 0)
			break;
		if (pid < 0 && errno != EINTR)
			return -ESRCH;
		if (looks < 100) {
			sched_yield();
		} else if (is_zombie(t)) {
			t->trace->kind = STOP_NONE;
			return -ESRCH;
		} else {
			usleep(100);
		}
	}
	*status = s.status;
	if (WIFSTOPPED(s.status) && s.status >> 16 != PTRACE_EVENT_EXIT)
		return 0;
	t->trace->kind = STOP_NONE;
	vec_push(&sv->pending, s);
	return -ESRCH;
}

/* Goes on until the next entry or exit of a system call; signals on the way are kept. */
static int run_to_call_stop(struct task *t)
{
	struct trace_state *tr = t->trace;
	pid_t tid = (pid_t)t->bpf.tid;
	siginfo_t info;
	int status, err;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, tid, NULL, NULL) < 0)
			return -ESRCH;
		err = next_stop(t, &status);
		if (err)
			return err;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return 0;
		if (status >> 16) { /* our filter's stop, or an interruption */
			if (status >> 16 == PTRACE_EVENT_STOP)
				tr->interrupted = false;
			continue;
		}
		if (!ptrace(PTRACE_GETSIGINFO, tid, NULL, &info))
			vec_push(&tr->delayed, info);
	}
}

/* Address of a system call instruction in the vDSO, which every process has; 0: none found. */
static u64 find_instruction(struct task *t)
{
	struct {
		u64 type, value;
	} aux[64];
	u8 page[8192];
	u64 base = 0;
	int fd = task_open_proc(t, "auxv");
	ssize_t n = fd < 0 ? 0 : read(fd, aux, sizeof(aux));

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(aux[0]); i++)
		if (aux[i].type == AT_SYSINFO_EHDR)
			base = aux[i].value;
	if (!base)
		return 0;
	n = 8192;
	if (task_read(t, page, base, 8192)) {
		n = 4096;
		if (task_read(t, page, base, 4096))
			return 0;
	}
	for (ssize_t i = 0; i + 1 < n; i++)
		if (page[i] == 0x0f && page[i + 1] == 0x05)
			return base + (u64)i;
	return 0;
}

static void set_call(struct user_regs_struct *r, u64 nr, const u64 args[6])
{
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
	r->orig_rax = nr;
}

static bool is_restart(u64 rax)
{
	return (s64)rax <= -ERESTARTSYS && (s64)rax >= -ERESTART_RESTARTBLOCK;
}

/*
 * At the entry of another call: that one becomes ours, and is made again when ours has ended.
 */
static long inject_at_entry(struct task *t, u64 nr, const u64 args[6])
{
	struct user_regs_struct saved = t->regs, r = saved;
	struct trace_state *tr = t->trace;
	pid_t tid = (pid_t)t->bpf.tid;
	long ret;
	int err;

	set_call(&r, nr, args);
	if (ptrace(PTRACE_SETREGS, tid, NULL, &r) < 0)
		return -ESRCH;
	err = run_to_call_stop(t);
	if (err)
		return err;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
		return -ESRCH;
	ret = (long)r.rax;
	r = saved;
	r.rip -= 2; /* syscall and int 0x80 are as long */
	r.rax = saved.orig_rax;
	r.orig_rax = (u64)-1; /* not to be taken for a call to restart */
	if (ptrace(PTRACE_SETREGS, tid, NULL, &r) < 0)
		return -ESRCH;
	err = run_to_call_stop(t);
	if (err)
		return err;
	tr->kind = STOP_ENTRY;
	tr->swallow = tr->process->filtered && task_traced(t, saved.orig_rax);
	t->regs = saved;
	t->regs_valid = t->regs_changed = true;
	return ret;
}

long tracer_inject(struct task *t, u64 nr, const u64 args[6])
{
	struct trace_state *tr = t->trace;
	struct user_regs_struct saved, r;
	pid_t tid = (pid_t)t->bpf.tid;
	u64 at;
	long ret;
	int err;

	if (tr->kind == STOP_NONE || tr->kind == STOP_FORK || tr->kind == STOP_DEATH ||
	    tr->kind == STOP_GROUP || tr->died)
		return -ESRCH;
	if (tr->kind == STOP_EXEC) {
		/* Its registers are final only at the end of the call. */
		err = run_to_call_stop(t);
		if (err)
			return err;
		tr->kind = STOP_EXIT; /* the tracer tells it after the exec */
		t->regs_valid = false;
	}
	if (!task_regs(t))
		return -ESRCH;
	saved = t->regs;
	if (saved.cs != CS_64)
		return -EOPNOTSUPP; /* an i386 process */
	if (tr->kind == STOP_SECCOMP || tr->kind == STOP_ENTRY)
		return inject_at_entry(t, nr, args);
	at = find_instruction(t);
	if (!at)
		return -EOPNOTSUPP;
	r = saved;
	set_call(&r, nr, args);
	r.rax = nr;
	r.orig_rax = (u64)-1;
	r.rip = at;
	if (ptrace(PTRACE_SETREGS, tid, NULL, &r) < 0)
		return -ESRCH;
	err = run_to_call_stop(t); /* its entry */
	if (!err)
		err = run_to_call_stop(t);
	if (err)
		return err;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
		return -ESRCH;
	ret = (long)r.rax;
	tr->kind = STOP_EXIT;
	t->regs = saved;
	t->regs_valid = t->regs_changed = true;
	if (is_restart(saved.rax) && (s64)saved.orig_rax >= 0)
		/* A call to restart: Linux looks at that only on the way of a signal. */
		ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return ret;
}
