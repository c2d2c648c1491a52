/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What becomes of each stop (ptrace(2), Linux: kernel/ptrace.c, kernel/signal.c): it is
 * told to the sources, and the task goes on as it would have without us.
 *
 * A system call that somebody wants stops at its entry by the tree's filter, and at its exit
 * only when that is wanted, too. Trees without a filter, or with one that lacks what was
 * attached since, stop at every call. DIFF(supervised-time): each stop takes its time.
 *
 * A task dies at any moment: every ptrace call may fail with ESRCH, which is no error;
 * its end is reported in its turn.
 */
#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command/task_work.h"
#include "event/readdress.h"
#include "event/supervisor.h"
#include "object/cgroup_tree.h"
#include "world/world.h"

#define ERESTARTSYS	      512
#define ERESTART_RESTARTBLOCK 516
#define STRAY_WAIT_NS	      50000000ULL
#define STRAY_LOST_NS	      1000000000ULL
#define CS_32		      0x23 /* Linux: __USER32_CS */
#define SIGRTMIN_KERNEL	      32

#define for_each_source(s) for (const struct process_source *const *s = process_sources; *s; s++)

/* ---- trees ---- */

void tree_changed(struct skep_process *p)
{
	__atomic_fetch_add(&p->seq, 1, __ATOMIC_SEQ_CST);
	word_wake(&p->seq);
	eventfd_write(p->event_fd, 1);
}

void tree_note(struct skep_process *p, const char *fmt, ...)
{
	char line[512], *copy;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < p->notes.n; i++)
		if (!strcmp(p->notes.v[i], line))
			return;
	copy = mem_strdup(line);
	if (copy && vec_push(&p->notes, copy))
		mem_free(copy);
}

static int interrupt_member(struct task *t, void *arg)
{
	if (t->trace->process == arg && task_needs_every_call(t))
		tracer_interrupt_quietly(t);
	return 0;
}

void tracer_update_wants(struct supervisor *sv)
{
	struct skep_system *sys = sv->sys;

	sv->revision = hooks_revision(sys);
	memset(sv->wants, 0, sizeof(sv->wants));
	sv->wants_signals = false;
	for_each_source (s) {
		if ((*s)->changed)
			(*s)->changed(sys);
		for (u32 nr = 0; (*s)->wants && nr < CALLS_MAX; nr++)
			sv->wants[nr] |= (u8)(*s)->wants(sys, nr);
		if ((*s)->wants_signals)
			sv->wants_signals |= (*s)->wants_signals(sys);
	}
	for (struct skep_process *p = sv->trees; p; p = p->next) {
		bool before = p->syscall_stops;
		u16 needed = p->needed;

		tree_extend(sv, p);
		if ((p->syscall_stops && !before) || p->needed > needed)
			tasks_each(sys, interrupt_member, p);
	}
}

struct task *tracer_adopt(struct supervisor *sv, struct skep_process *p, pid_t tid,
			  struct task *leader, struct mm *mm)
{
	struct trace_state *tr = mem_zalloc(sizeof(*tr));
	struct task *t = tr ? task_add(sv->sys, tid, leader, mm) : NULL;

	if (!t) {
		mem_free(tr);
		return NULL;
	}
	t->bpf.ops = &task_ops;
	t->trace = tr;
	tr->process = p;
	tr->comm_fd = -1;
	p->nr_tasks++;
	p->stats.tasks++;
	cgroup_tree_join(sv->sys, (u32)tid, t->bpf.tgid, leader ? leader->bpf.tid : 0);
	return t;
}

/* ---- going on ---- */

static bool tree_is_left(struct task *t)
{
	struct trace_state *tr = t->trace;

	/* A parent in vfork() cannot stop before its child has gone on. */
	if (!tr->process->leaving || t->vforked || tr->died)
		return false;
	if (!tr->held) {
		tr->held = true;
		tr->process->nr_held++;
	}
	return true; /* the loop lets the tree go when all of it is here */
}

/*
 * Signals that came during a step, an injected call or one that holds them are sent again when it is over. What
 * they said is put back when they arrive, as Linux lets nobody forge it.
 */
static void send_delayed(struct task *t)
{
	struct trace_state *tr = t->trace;

	if (tr->stepping || tr->holding || tr->proxy)
		return;
	for (; tr->nr_sent < tr->delayed.n; tr->nr_sent++)
		syscall(SYS_tgkill, t->bpf.tgid, t->bpf.tid, tr->delayed.v[tr->nr_sent].si_signo);
}

void tracer_go(struct task *t)
{
	struct trace_state *tr = t->trace;
	pid_t tid = (pid_t)t->bpf.tid;
	int sig = tr->sig;
	long how;

	if (tr->kind == STOP_NONE || tr->child || tr->work || tree_is_left(t))
		return;
	task_flush_regs(t);
	if (unlikely(tr->nr_sent < tr->delayed.n))
		send_delayed(t);
	if (tr->kind == STOP_GROUP)
		how = PTRACE_LISTEN;
	else if (tr->exit_wanted || tr->resuming || tr->timed || tr->proxy || tr->swallow ||
		 tr->holding || task_work_waits(t->sys, t->bpf.tid, -1))
		how = PTRACE_SYSCALL;
	else if (tr->stepping)
		how = PTRACE_SINGLESTEP;
	else
		how = task_needs_every_call(t) ? PTRACE_SYSCALL : PTRACE_CONT;
	if (how == PTRACE_CONT)
		tr->entered = false; /* nothing will tell of the call's end */
	tr->kind = STOP_NONE;
	tr->sig = 0;
	ptrace((enum __ptrace_request)how, tid, NULL, (void *)(long)sig);
}

/* ---- system calls ---- */

static u8 wanted(const struct supervisor *sv, const struct task *t)
{
	if (t->call.compat || t->call.nr >= CALLS_OTHER)
		return sv->wants[CALLS_OTHER];
	return sv->wants[t->call.nr];
}

/* DIFF(supervised-clone3): a task that the caller wants hidden from its tracer would be lost to us. */
static void keep_clone_traced(struct task *t)
{
	const struct task_call *c = &t->call;
	u64 nr = c->nr & ~0x40000000ULL, flags;

	if (c->compat ? nr == 120 : nr == SYS_clone) {
		struct user_regs_struct *regs;

		if (!(c->args[0] & CLONE_UNTRACED))
			return;
		regs = task_regs(t);
		if (!regs)
			return;
		t->call.args[0] &= ~(u64)CLONE_UNTRACED;
		*(c->compat ? &regs->rbx : &regs->rdi) &= ~(u64)CLONE_UNTRACED;
		t->regs_changed = true;
	} else if (nr == SYS_clone3) { /* the number is the same for i386 */
		if (task_read(t, &flags, c->args[0], sizeof(flags)))
			return;
		if (flags & CLONE_UNTRACED) {
			flags &= ~(u64)CLONE_UNTRACED;
			task_write(t, c->args[0], &flags, sizeof(flags));
		}
		t->trace->clone_flags = flags;
	}
}

/* Whether the call's end may change what is cached of a task. */
static bool changes_task(const struct task_call *c)
{
	return c->compat || (c->nr != SYS_clone3 && filter_needs((u32)c->nr));
}

static void skip_call(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);

	if (!regs)
		return;
	t->trace->swallow = false;
	regs->orig_rax = (u64)-1;
	regs->rax = (u64)t->call.ret;
	t->regs_changed = true;
}

/* A call that ends so may be made again by Linux itself, or by us. */
static bool is_interruption(s64 ret)
{
	return ret == -EINTR || (ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK);
}

/* @final: no way that the call could still be made again unseen. */
static void call_left(struct task *t, s64 ret, bool final)
{
	struct supervisor *sv = t->sys->supervisor;
	struct trace_state *tr = t->trace;
	struct task_call *c = &t->call;
	bool expected;
	u32 n = 0;

	if (unlikely(c->moved)) {
		call_unmove(t);
		final = true; /* made again it is decided about again */
	}
	expected = tr->exit_wanted || final;
	tr->exit_wanted = false;
	/* One that is made again is told once, if by its entry alone. */
	if (!c->active || (!expected && ret != -ERESTARTSYS)) {
		c->active = false;
		return;
	}
	if (!final && is_interruption(ret)) {
		/* Perhaps only because of us; the stop that comes next will tell. */
		tr->resuming = true;
		c->ret = ret;
		return;
	}
	c->ret = ret;
	if (!tr->silent && wanted(sv, t) & WANT_EXIT) {
		while (process_sources[n])
			n++;
		while (n--)
			if (process_sources[n]->exit)
				process_sources[n]->exit(t);
	}
	if (c->ret != ret) {
		struct user_regs_struct *regs = task_regs(t);

		if (regs) {
			regs->rax = (u64)c->ret;
			t->regs_changed = true;
		}
	}
	if (changes_task(c)) {
		task_forget_ids(t);
		world_call_done(t);
	}
	if (!tr->silent)
		world_call_end(t);
	c->active = false;
}

/* A call that was to be made again is not: its end is told after all. */
static void call_not_resumed(struct task *t)
{
	struct trace_state *tr = t->trace;

	if (!tr->resuming)
		return;
	tr->resuming = false;
	call_left(t, t->call.ret, true);
}

/* Everybody has seen the entry: the call is made, or is not. */
static void call_begins(struct task *t)
{
	struct trace_state *tr = t->trace;
	struct task_call *c = &t->call;
	u8 want = tr->silent ? 0 : wanted(t->sys->supervisor, t);

	if (!c->skip && !c->compat && load_acquire(&tr->process->intercept))
		tr->process->intercept(t);
	if (c->skip)
		skip_call(t);
	/* bpf() may attach what is to see its own end. */
	tr->exit_wanted = want & WANT_EXIT || tr->again || c->moved || changes_task(c) ||
			  (want && c->nr == SYS_bpf);
	if (want && !tr->exit_wanted)
		world_call_end(t);
}

void tracer_decided(struct task *t)
{
	call_begins(t);
	t->call.skip = false; /* it has been made, if not by the task */
	tracer_go(t);
}

static void call_entered(struct task *t, u32 arch, u64 nr, const u64 *args)
{
	struct supervisor *sv = t->sys->supervisor;
	struct trace_state *tr = t->trace;
	struct task_call *c = &t->call;
	u8 want;

	if ((tr->resuming || tr->holding) && c->active &&
	    (nr == c->nr || nr == SYS_restart_syscall)) {
		/* Ended by our interruption and made again: the same call. */
		tr->resuming = false;
		tr->exit_wanted = !tr->silent && wanted(sv, t) & WANT_EXIT;
		return;
	}
	if (tr->timed && nr == tr->timeout_nr)
		return;
	call_not_resumed(t);
	tr->process->stats.calls++;
	c->active = true;
	c->skip = false;
	c->compat = arch != AUDIT_ARCH_X86_64;
	c->nr = nr;
	memcpy(c->args, args, sizeof(c->args));
	c->ret = 0;
	tr->clone_flags = 0;
	if (tr->launching) {
		if (c->compat || nr != SYS_execve) {
			c->active = false;
			return;
		}
		tr->launching = false;
	}
	keep_clone_traced(t);
	want = wanted(sv, t);
	tr->silent = !want;
	if (want)
		for_each_source (s)
			if ((*s)->enter)
				(*s)->enter(t);
	if (!tr->work)
		call_begins(t);
}

/* ---- signals ---- */

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGILL || sig == SIGBUS || sig == SIGFPE;
}

static bool trap_is_ours(struct task *t, const siginfo_t *info)
{
	for_each_source (s)
		if ((*s)->trap && (*s)->trap(t, info))
			return true;
	return false;
}

static void complete_delayed(struct task *t, siginfo_t *info)
{
	struct trace_state *tr = t->trace;

	if (info->si_code != SI_TKILL || info->si_pid != t->sys->supervisor->tid)
		return;
	for (u32 i = 0; i < tr->nr_sent; i++) {
		if (tr->delayed.v[i].si_signo != info->si_signo)
			continue;
		*info = tr->delayed.v[i];
		ptrace(PTRACE_SETSIGINFO, (pid_t)t->bpf.tid, NULL, info);
		memmove(&tr->delayed.v[i], &tr->delayed.v[i + 1],
			(--tr->delayed.n - i) * sizeof(*info));
		tr->nr_sent--;
		return;
	}
}

/* Signal masks of the task, as /proc/TID/status has them. */
struct signal_masks {
	unsigned long long pending, blocked, ignored, caught;
};

static bool read_masks(struct task *t, struct signal_masks *m)
{
	unsigned long long shared;
	char buf[4096], *p;
	int fd = task_open_proc(t, "status");
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	p = strstr(buf, "\nSigPnd:");
	if (!p || sscanf(p,
			 "\nSigPnd:\t%llx\nShdPnd:\t%llx\nSigBlk:\t%llx\nSigIgn:\t%llx\n"
			 "SigCgt:\t%llx",
			 &m->pending, &shared, &m->blocked, &m->ignored, &m->caught) != 5)
		return false;
	m->pending |= shared;
	return true;
}

/* Whether the task would not notice @sig: then Linux does not even interrupt a call for it. */
static bool is_ignored(const struct signal_masks *m, int sig)
{
	unsigned long long bit = 1ULL << (sig - 1);

	if (m->caught & bit)
		return false;
	return m->ignored & bit || sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
	       sig == SIGCONT;
}

/*
 * The call that the task is on its way out of was ended by us, or by a signal that only a
 * traced task notices. Linux makes most calls again by itself, but some end with EINTR
 * (epoll_wait). Those we make again.
 */
static void repeat_call(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct trace_state *tr = t->trace;
	u64 now, passed;

	if (!regs || (s64)regs->orig_rax < 0 || (s64)regs->rax != -EINTR)
		return;
	regs->rax = regs->orig_rax;
	regs->rip -= 2;
	t->regs_changed = true;
	if (regs->cs == CS_32 || (regs->rax != SYS_epoll_wait && regs->rax != SYS_epoll_pwait) ||
	    (s32)regs->r10 < 0)
		return;
	/* It waits for what is left of its time; the register is put back when it has ended. */
	now = monotonic_ns();
	if (!tr->timed) {
		tr->timed = true;
		tr->timeout_nr = regs->rax;
		tr->timeout = regs->r10;
		tr->timeout_since = now;
	}
	passed = (now - tr->timeout_since) / 1000000;
	regs->r10 = passed < tr->timeout ? tr->timeout - passed : 0;
}

/* A call whose timeout we have shortened has ended, with @ret. */
static void repeated_call_left(struct task *t, s64 ret)
{
	struct user_regs_struct *regs = task_regs(t);

	if (is_interruption(ret) || !regs)
		return; /* made again, or a signal comes */
	regs->r10 = t->trace->timeout;
	t->regs_changed = true;
	t->trace->timed = false;
}

/* @sig would have left the current call alone, were the task not traced. */
static bool only_seen_by_us(struct task *t, int sig)
{
	struct user_regs_struct *regs = task_regs(t);
	struct signal_masks m;

	if (!regs || (s64)regs->orig_rax < 0 || !is_interruption((s64)regs->rax))
		return false;
	return read_masks(t, &m) && is_ignored(&m, sig);
}

static bool is_delayed(const struct trace_state *tr, int sig)
{
	for (size_t i = 0; i < tr->delayed.n; i++)
		if (tr->delayed.v[i].si_signo == sig)
			return true;
	return false;
}

/*
 * Calls that Linux does not interrupt are, until whoever answers them has taken the notice: then they are made
 * again before @sig, which waits for their end. False: no such call.
 */
static bool signal_waits_for_call(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct trace_state *tr = t->trace;
	siginfo_t info;
	bool ended;

	if (!regs || regs->cs == CS_32)
		return false;
	ended = (s64)regs->rax == -ERESTARTSYS && call_is_uninterrupted(t, regs);
	if (!ended && !tr->holding && tr->proxy != PROXY_COMING) {
		call_wait_ends(t, regs);
		return false;
	}
	if (ptrace(PTRACE_GETSIGINFO, (pid_t)t->bpf.tid, NULL, &info))
		return false;
	if (tr->nr_sent) /* one that we have sent ourselves is completed, and waits again */
		complete_delayed(t, &info);
	/* As in Linux, one of a signal is enough that has no queue. */
	if ((info.si_signo >= SIGRTMIN_KERNEL || !is_delayed(tr, info.si_signo)) &&
	    vec_push(&tr->delayed, info))
		return false;
	if (ended) {
		regs->rax = regs->orig_rax;
		regs->orig_rax = (u64)-1;
		regs->rip -= 2;
		t->regs_changed = true;
	}
	tr->holding = true;
	tr->sig = 0;
	return true;
}

static void signal_arrived(struct task *t, int sig)
{
	struct trace_state *tr = t->trace;
	struct supervisor *sv = t->sys->supervisor;
	bool stepping = tr->stepping, have = false;
	siginfo_t info;

	if (!stepping && signal_waits_for_call(t))
		return;
	if (only_seen_by_us(t, sig)) {
		repeat_call(t);
	} else {
		call_not_resumed(t);
		if (tr->timed)
			repeated_call_left(t, 0);
	}
	tr->sig = sig;
	if (sig == SIGTRAP || stepping || sv->wants_signals || tr->nr_sent)
		have = !ptrace(PTRACE_GETSIGINFO, (pid_t)t->bpf.tid, NULL, &info);
	if (have && tr->nr_sent)
		complete_delayed(t, &info);
	if (have && (sig == SIGTRAP || (stepping && is_fault(sig)))) {
		tr->stepping = false;
		if (trap_is_ours(t, &info)) {
			if (sig == SIGTRAP && !stepping)
				tr->process->stats.breakpoints++;
			tr->sig = 0;
			return;
		}
	} else if (have && stepping && !vec_push(&tr->delayed, info)) {
		tr->sig = 0; /* the step comes first */
		return;
	}
	tr->process->stats.signals++;
	if (have && sv->wants_signals)
		for_each_source (s)
			if ((*s)->signal)
				(*s)->signal(t, &info);
}

/* ---- calls that a filter outside of ours answers ---- */

static bool is_trapped(const struct task *t)
{
	const struct task_call *c = &t->call;

	return t->trace->process->trapped && !c->compat &&
	       (c->nr == SYS_bpf || c->nr == SYS_perf_event_open);
}

/*
 * SIGSYS of our filter: the call has not been made. The task makes an ioctl() instead, which is
 * notified; see CALL_PROXY_BPF. False: the signal is not ours.
 */
static bool proxy_call(struct task *t)
{
	struct trace_state *tr = t->trace;
	struct user_regs_struct *regs;
	siginfo_t info;

	if (!tr->process->trapped || ptrace(PTRACE_GETSIGINFO, (pid_t)t->bpf.tid, NULL, &info) ||
	    info.si_code != 1 /* SYS_SECCOMP */ || info.si_errno != FILTER_DATA)
		return false;
	regs = task_regs(t);
	if (!regs)
		return true;
	tr->proxied_nr = (u64)info.si_syscall;
	tr->proxied_rsi = regs->rsi;
	tr->proxied_r9 = regs->r9;
	regs->r9 = regs->rsi;
	regs->rsi = tr->proxied_nr == SYS_bpf ? CALL_PROXY_BPF : CALL_PROXY_PERF;
	regs->rax = SYS_ioctl;
	regs->orig_rax = (u64)-1;
	regs->rip -= 2;
	t->regs_changed = true;
	tr->proxy = PROXY_COMING;
	return true;
}

/* The proxy has ended: as if the task's own call had. False: nobody had answered yet, it is made again. */
static bool proxy_left(struct task *t, s64 ret)
{
	struct user_regs_struct *regs = task_regs(t);
	struct trace_state *tr = t->trace;

	tr->proxy = PROXY_NONE;
	if (!regs)
		return true;
	if (ret == -ERESTARTSYS) {
		tr->proxy = PROXY_COMING;
		regs->rax = SYS_ioctl;
		regs->orig_rax = (u64)-1;
		regs->rip -= 2;
		t->regs_changed = true;
		return false;
	}
	regs->orig_rax = tr->proxied_nr;
	regs->rsi = tr->proxied_rsi;
	regs->r9 = tr->proxied_r9;
	t->regs_changed = true;
	return true;
}

/*
 * A signal comes before the proxy is made, and cannot wait: its handler's calls must not be taken for it. The
 * task is at its own call again, which traps anew when the handler has returned.
 */
static void proxy_undone(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct trace_state *tr = t->trace;

	tr->proxy = PROXY_NONE;
	if (!regs)
		return;
	regs->rax = tr->proxied_nr;
	regs->rsi = tr->proxied_rsi;
	regs->r9 = tr->proxied_r9;
	t->regs_changed = true;
}

/* ---- interruptions ---- */

/* After our PTRACE_INTERRUPT: its own stop, or any other that came in its place. */
static void undo_interruption(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct signal_masks m;

	/* A signal that waits will come next and may be the cause. */
	if (regs && (s64)regs->orig_rax >= 0 && (s64)regs->rax == -EINTR && read_masks(t, &m) &&
	    !(m.pending & ~m.blocked))
		repeat_call(t);
}

static void serve_interruptions(struct task *t)
{
	struct trace_state *tr = t->trace;
	struct interruption *i = tr->interruptions, *next;

	tr->interruptions = NULL;
	for (; i; i = next) {
		next = i->next;
		i->fn(t, i->arg);
		mem_free(i);
	}
}

/* ---- births ---- */

/* Both are stopped and known. */
static void born(struct task *child)
{
	struct task *creator = child->trace->creator;
	struct supervisor *sv = child->sys->supervisor;
	u64 flags = child->trace->clone_flags;
	u32 n = 0;

	child->trace->fresh = false;
	child->trace->creator = NULL;
	if (!creator)
		return;
	for_each_source (s)
		if ((*s)->fork)
			(*s)->fork(creator, child, flags);
	if (creator->call.active && !creator->trace->silent && wanted(sv, creator) & WANT_EXIT) {
		/* The child returns from the call, too, which ptrace does not tell. */
		child->call = creator->call;
		child->call.model = NULL;
		child->call.ret = 0;
		while (process_sources[n])
			n++;
		while (n--)
			if (process_sources[n]->exit)
				process_sources[n]->exit(child);
		if (child->call.ret) {
			struct user_regs_struct *regs = task_regs(child);

			if (regs) {
				regs->rax = (u64)child->call.ret;
				child->regs_changed = true;
			}
		}
		child->call.active = false;
	}
	creator->trace->child = NULL;
	tracer_go(creator);
	if (child->trace->process->killing)
		kill((pid_t)child->bpf.tgid, SIGKILL);
}

static u64 flags_of_clone(struct task *t, int event)
{
	u64 flags = event == PTRACE_EVENT_VFORK ? CLONE_VFORK | CLONE_VM | SIGCHLD : SIGCHLD;
	struct user_regs_struct *regs = task_regs(t);
	bool compat = regs && regs->cs == CS_32;
	u64 nr;

	if (!regs)
		return flags;
	nr = regs->orig_rax & ~0x40000000ULL;
	if (compat ? nr == 120 : nr == SYS_clone)
		return compat ? regs->rbx : regs->rdi;
	if (nr == SYS_clone3) {
		u64 in_memory;

		if (t->trace->clone_flags)
			return t->trace->clone_flags;
		if (!task_read(t, &in_memory, compat ? regs->rbx : regs->rdi, sizeof(in_memory)))
			return in_memory;
	}
	return flags;
}

static bool stray_take(struct supervisor *sv, pid_t pid, int *status)
{
	for (size_t i = 0; i < sv->strays.n; i++)
		if (sv->strays.v[i].pid == pid) {
			*status = sv->strays.v[i].status;
			memmove(&sv->strays.v[i], &sv->strays.v[i + 1],
				(--sv->strays.n - i) * sizeof(sv->strays.v[0]));
			return true;
		}
	return false;
}

/* Handles what @pid, which is known now, had reported before: its stop and perhaps its end. */
static void strays_handle(struct supervisor *sv, pid_t pid)
{
	int status;

	while (task_find(sv->sys, pid) && stray_take(sv, pid, &status))
		tracer_handle(sv, pid, status);
}

/*
 * What goes with the event that @tid has stopped for. A task that was killed meanwhile has left
 * that stop, may be in the one of its end, and its message is another: false.
 */
static bool event_message(pid_t tid, int event, unsigned long *msg)
{
	siginfo_t info;

	return !ptrace(PTRACE_GETEVENTMSG, tid, NULL, msg) &&
	       !ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) &&
	       info.si_code == (SIGTRAP | event << 8);
}

static void forked(struct task *t, int event)
{
	struct supervisor *sv = t->sys->supervisor;
	struct trace_state *tr = t->trace;
	struct task *child, *leader = NULL;
	unsigned long msg = 0;
	struct mm *mm;
	u64 flags;
	int status;

	if (!event_message((pid_t)t->bpf.tid, event, &msg))
		return;
	if (task_find(sv->sys, (pid_t)msg)) /* adopted without us, see tracer_sweep() */
		return;
	flags = flags_of_clone(t, event);
	if (flags & CLONE_THREAD)
		leader = t->leader;
	mm = flags & CLONE_VM ? mm_get(t->mm) : mm_new((pid_t)msg);
	child = mm ? tracer_adopt(sv, tr->process, (pid_t)msg, leader, mm) : NULL;
	mm_put(mm);
	if (!child) {
		/* No memory to watch it with: it goes its own way if it can. */
		tr->process->stats.unseen++;
		if (tr->process->filtered)
			kill((pid_t)msg, SIGKILL);
		else if (stray_take(sv, (pid_t)msg, &status))
			ptrace(PTRACE_DETACH, (pid_t)msg, NULL, NULL);
		return;
	}
	cgroup_tree_join(sv->sys, child->bpf.tid, child->bpf.tgid, t->bpf.tid);
	child->parent = flags & (CLONE_PARENT | CLONE_THREAD) ? t->leader->parent : t->leader;
	child->ppid = child->parent ? (pid_t)child->parent->bpf.tgid : t->leader->ppid;
	child->vforked = (flags & (CLONE_VFORK | CLONE_VM)) == (CLONE_VFORK | CLONE_VM);
	child->trace->fresh = true;
	/* It may have been made before its process's filters became more, which have been told since. */
	child->trace->filters = child->trace->known_filters = tr->known_filters;
	child->trace->clone_flags = flags;
	child->trace->creator = t;
	if (flags & CLONE_FILES)
		child->trace->files_shared = tr->files_shared = true;
	tr->child = child;
	strays_handle(sv, (pid_t)msg);
}

static bool stat_of(pid_t pid, const char *key, long *value)
{
	char path[32], buf[2048], *p;
	bool found = false;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = 0;
	p = strstr(buf, key);
	if (p)
		found = sscanf(p + strlen(key), "%ld", value) == 1;
	fclose(f);
	return found;
}

static void sweep_later(struct supervisor *sv)
{
	if (sv->sweep_due || !sv->strays.n)
		return;
	sv->sweep_due = monotonic_ns() + STRAY_WAIT_NS;
	supervisor_rearm(sv);
}

/*
 * Tasks whose creator was killed before it could tell of them: they are taken up by what
 * /proc says. Where the parent lives, its word may be on its way, for some time.
 */
void tracer_sweep(struct supervisor *sv)
{
	u64 now = monotonic_ns();

	for (size_t i = 0; i < sv->strays.n; i++) {
		struct stray s = sv->strays.v[i];
		struct task *parent, *leader, *t = NULL;
		struct mm *mm;
		long ppid = 0, tgid = s.pid;

		if (!WIFSTOPPED(s.status)) { /* came and went unknown */
			if (s.since + STRAY_LOST_NS > now)
				continue;
			stray_take(sv, s.pid, &s.status);
			i--;
			continue;
		}
		stat_of(s.pid, "\nTgid:", &tgid);
		stat_of(s.pid, "\nPPid:", &ppid);
		parent = task_find(sv->sys, (pid_t)ppid);
		leader = tgid == s.pid ? NULL : task_find(sv->sys, (pid_t)tgid);
		if (s.since + (parent || leader ? STRAY_LOST_NS : 0) > now)
			continue;
		stray_take(sv, s.pid, &s.status);
		i--;
		mm = leader ? mm_get(leader->mm) : mm_new((pid_t)tgid);
		if (mm && (leader || parent || sv->trees))
			t = tracer_adopt(sv,
					 leader ? leader->trace->process :
					 parent ? parent->trace->process :
						  sv->trees,
					 s.pid, leader, mm);
		mm_put(mm);
		if (!t) {
			ptrace(PTRACE_DETACH, s.pid, NULL, NULL);
			continue;
		}
		if (parent)
			cgroup_tree_join(sv->sys, t->bpf.tid, t->bpf.tgid, parent->bpf.tid);
		t->parent = parent;
		t->ppid = (pid_t)ppid;
		if (t->trace->process->killing)
			kill((pid_t)tgid, SIGKILL);
		tracer_handle(sv, s.pid, s.status);
		strays_handle(sv, s.pid);
	}
	sweep_later(sv);
}

/* ---- execs and deaths ---- */

static void free_state(struct task *t)
{
	struct trace_state *tr = t->trace;
	struct interruption *i;

	while ((i = tr->interruptions)) {
		tr->interruptions = i->next;
		mem_free(i);
	}
	task_forget_comm(t);
	decide_forget(t);
	mem_free(t->call.moved);
	vec_free(&tr->delayed);
	mem_free(tr);
}

/* Nobody is to know of @t any more. */
static void forget(struct task *t)
{
	struct trace_state *tr = t->trace;
	struct skep_process *p = tr->process;
	struct task *creator = tr->creator, *child = tr->child;

	decide_task_lost(t);
	for_each_source (s)
		if ((*s)->gone)
			(*s)->gone(t);
	if (tr->held)
		p->nr_held--;
	world_task_gone(t);
	cgroup_tree_leave(t->sys, t->bpf.tid);
	free_state(t);
	task_del(t);
	p->nr_tasks--;
	if (child) {
		child->trace->creator = NULL;
		child->trace->fresh = false;
	}
	if (creator) {
		creator->trace->child = NULL;
		tracer_go(creator);
	}
}

void tracer_release(struct task *t)
{
	struct trace_state *tr = t->trace;
	pid_t tid = (pid_t)t->bpf.tid;
	int sig = tr->sig;

	task_flush_regs(t);
	tr->holding = false;
	send_delayed(t);
	if (tr->kind == STOP_GROUP)
		sig = 0; /* Linux keeps it stopped */
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)sig);
	forget(t);
}

/* DIFF(supervised-privilege): it runs without the privilege that its file would give. */
static void note_privilege(struct task *t)
{
	struct skep_process *p = t->trace->process;
	char path[64], exe[256];
	struct stat st;
	ssize_t n;
	bool has;

	if (!geteuid())
		return;
	snprintf(path, sizeof(path), "/proc/%u/exe", t->bpf.tid);
	if (stat(path, &st))
		return;
	has = (st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	      ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	       st.st_gid != getegid()) ||
	      getxattr(path, "security.capability", NULL, 0) > 0;
	if (!has)
		return;
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return;
	exe[n] = 0;
	tree_note(p, "%s is set-user-ID, set-group-ID or has capabilities; it ran without them",
		  exe);
}

static void dying(struct task *t, int status)
{
	if (t->trace->died)
		return;
	t->trace->died = true;
	t->exiting = true;
	t->exit_code = status;
	for_each_source (s)
		if ((*s)->exiting)
			(*s)->exiting(t, status);
}

static void execed(struct task *t, pid_t old_tid)
{
	struct task *old = t->leader;

	if (old != t) {
		t->trace->filters = old->trace->filters;
		dying(old, 0); /* killed by the exec, it may not have said so itself */
		cgroup_tree_leave(t->sys, (u32)old_tid);
		task_becomes_leader(t);
		forget(old);
	}
	t->vforked = false;
	t->trace->launching = false;
	t->trace->files_shared = false;
	t->trace->stepping = t->trace->holding = false;
	t->regs_valid = false;
	task_new_mm(t);
	task_forget_ids(t);
	task_forget_comm(t);
	world_task_execed(t);
	note_privilege(t);
	for_each_source (s)
		if ((*s)->exec)
			(*s)->exec(t, old_tid);
}

static void ended(struct task *t, int status)
{
	struct supervisor *sv = t->sys->supervisor;
	struct skep_process *p = t->trace->process;
	bool first = t->bpf.tid == (u32)p->pid;

	if (t->trace->fresh)
		born(t);
	dying(t, status);
	forget(t);
	if (first) {
		p->status = status;
		store_release(&p->first_ended, true);
	}
	if (!p->nr_tasks)
		store_release(&p->ended, true);
	if (first || !p->nr_tasks)
		tree_changed(p);
	if (sv->strays.n)
		tracer_sweep(sv);
}

static int first_of(struct task *t, void *arg)
{
	*(struct task **)arg = t;
	return 1;
}

/*
 * Linux knows of nobody that we could wait for, so whoever is still in our books has ended, even if
 * that was never told. That would be our mistake (tests count them), but nobody is to wait for ever.
 */
void tracer_nobody_left(struct supervisor *sv)
{
	struct task *t;

	while (t = NULL, tasks_each(sv->sys, first_of, &t), t) {
		sv->untold++;
		ended(t, SIGKILL);
	}
	for (struct skep_process *p = sv->trees; p; p = p->next)
		if (p->nr_tasks) {
			p->nr_tasks = 0;
			store_release(&p->first_ended, true);
			store_release(&p->ended, true);
			tree_changed(p);
		}
}

/* ---- stops ---- */

static bool is_job_control(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void call_stop(struct task *t, bool seccomp, bool interrupted)
{
	struct trace_state *tr = t->trace;
	struct __ptrace_syscall_info info;

	tr->kind = seccomp ? STOP_SECCOMP : STOP_EXIT;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, (pid_t)t->bpf.tid, (void *)sizeof(info), &info) <= 0)
		return;
	switch (info.op) {
	case PTRACE_SYSCALL_INFO_SECCOMP:
		if (info.seccomp.ret_data != FILTER_DATA) {
			/* A filter of the program's own, which nobody answers: as without tracer. */
			t->call.ret = -ENOSYS;
			skip_call(t);
			return;
		}
		if (tr->swallow || tr->entered) {
			tr->swallow = tr->entered = false;
			return;
		}
		call_entered(t, info.arch, info.seccomp.nr, (const u64 *)info.seccomp.args);
		break;
	case PTRACE_SYSCALL_INFO_ENTRY:
		tr->kind = STOP_ENTRY;
		if (tr->proxy == PROXY_COMING) {
			tr->proxy = PROXY_ENTERED;
			break;
		}
		call_entered(t, info.arch, info.entry.nr, (const u64 *)info.entry.args);
		/* The filter, which comes behind it, sees the number that we leave. */
		if (!t->call.skip && !t->call.compat && tr->process->filtered)
			tr->swallow = task_traced(t, info.entry.nr);
		tr->entered = !t->call.skip && !t->call.compat;
		break;
	case PTRACE_SYSCALL_INFO_EXIT:
		tr->swallow = tr->entered = false;
		if (tr->proxy == PROXY_ENTERED ? !proxy_left(t, info.exit.rval) :
						 t->call.active && is_trapped(t))
			break; /* it is yet to be made */
		if (info.exit.rval != -ERESTARTSYS)
			tr->holding = false;
		if (tr->timed)
			repeated_call_left(t, info.exit.rval);
		if (unlikely(tr->again)) { /* it will be decided about anew */
			call_left(t, info.exit.rval, true);
			decide_exit(t);
			break;
		}
		call_left(t, info.exit.rval, false);
		if (interrupted && info.exit.rval == -EINTR)
			undo_interruption(t);
		if (tr->stepping) { /* over the instruction that made the call */
			siginfo_t trap = { .si_signo = SIGTRAP, .si_code = TRAP_TRACE };

			tr->stepping = false;
			trap_is_ours(t, &trap);
		}
		break;
	}
}

static void stopped(struct task *t, int sig, int event, bool interrupted)
{
	struct trace_state *tr = t->trace;
	unsigned long msg = 0;

	if (sig == (SIGTRAP | 0x80)) {
		call_stop(t, false, interrupted);
		return;
	}
	switch (event) {
	case 0:
		tr->kind = STOP_SIGNAL;
		if (sig == SIGSYS && proxy_call(t))
			return;
		signal_arrived(t, sig);
		if (unlikely(tr->proxy == PROXY_COMING && tr->sig))
			proxy_undone(t);
		return;
	case PTRACE_EVENT_SECCOMP:
		call_stop(t, true, interrupted);
		return;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		tr->kind = STOP_FORK;
		forked(t, event);
		return;
	case PTRACE_EVENT_EXEC:
		tr->kind = STOP_EXEC;
		execed(t, (pid_t)t->bpf.tid);
		if (tr->kind == STOP_EXIT) /* a source has made calls, behind the exec's end */
			call_left(t, 0, true);
		return;
	case PTRACE_EVENT_EXIT:
		tr->kind = STOP_DEATH;
		ptrace(PTRACE_GETEVENTMSG, (pid_t)t->bpf.tid, NULL, &msg);
		if (tr->child) { /* killed while it waited for it */
			tr->child->trace->creator = NULL;
			tr->child->trace->fresh = false;
			tr->child = NULL;
		}
		dying(t, (int)msg);
		return;
	case PTRACE_EVENT_STOP:
		tr->kind = is_job_control(sig) ? STOP_GROUP : STOP_TRAP;
		if (interrupted)
			undo_interruption(t);
		return;
	default:
		tr->kind = STOP_TRAP;
	}
}

void tracer_handle(struct supervisor *sv, pid_t pid, int status)
{
	struct task *t = task_find(sv->sys, pid);
	int event = WIFSTOPPED(status) ? status >> 16 : 0;
	bool interrupted;

	/* The thread that execs has its leader's id from then on. */
	if (event == PTRACE_EVENT_EXEC) {
		unsigned long old = 0;

		if (event_message(pid, event, &old) && (pid_t)old != pid &&
		    task_find(sv->sys, (pid_t)old))
			t = task_find(sv->sys, (pid_t)old);
	}
	if (!t) {
		struct stray s = { pid, status, monotonic_ns() };

		if (vec_push(&sv->strays, s) && WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, pid, NULL, NULL);
		sweep_later(sv);
		return;
	}
	if (unlikely(t->trace->work)) /* killed, or it could not have left its stop */
		decide_task_lost(t);
	if (unlikely(hooks_revision(sv->sys) != sv->revision))
		tracer_update_wants(sv);
	if (!WIFSTOPPED(status)) {
		ended(t, status);
		return;
	}
	t->trace->process->stats.stops++;
	t->regs_valid = t->regs_changed = false;
	if (t->trace->fresh) {
		t->trace->kind = STOP_TRAP;
		born(t);
	}
	/*
	 * Any stop takes the place of an interruption's. But when it had come before, the call that is
	 * entered now is interrupted.
	 */
	interrupted = t->trace->interrupted;
	t->trace->interrupted = false;
	stopped(t, WSTOPSIG(status), event, interrupted);
	if (t->trace->kind == STOP_ENTRY || t->trace->kind == STOP_SECCOMP)
		t->trace->interrupted = interrupted;
	if (unlikely(t->trace->interruptions != NULL))
		serve_interruptions(t);
	if (task_work_any(sv->sys))
		task_work_stopped(t);
	if (unlikely(t->leader->trace->filters < t->trace->process->needed))
		task_extend(t);
	t->trace->known_filters = t->leader->trace->filters;
	tracer_go(t);
}
