/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracepoints of signals (Linux: kernel/signal.c): signal_generate when one is sent,
 * signal_deliver when it is about to act.
 *
 * DIFF(signal-generate): the kernel tells nobody when it sends a signal. What a supervised task sends
 * is known from its call; a child's SIGCHLD from its end; any other (a fault, a timer, the terminal, an
 * outsider) is generated when it arrives, on behalf of the task that gets it, and one that is
 * ignored or blocked not before. Results are 0 (delivered) or 1 (ignored).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/fire.h"

#define NR_SIGNALS     64
#define TASK_COMM_LEN  16
#define KERNEL_SA_SIZE 32 /* struct sigaction as rt_sigaction(2) has it */

enum { SIGNAL_DELIVERED, SIGNAL_IGNORED }; /* Linux: TRACE_SIGNAL_* */

/* Of a process, while we watched: handlers that it set, signals on their way to it. */
struct signal_actions {
	struct {
		u64 handler, flags;
		bool known;
		bool sent; /* signal_generate has been fired, and it has not arrived */
	} v[NR_SIGNALS + 1];
};

static struct signal_actions *actions_of(struct task *t)
{
	struct task *leader = t->leader;

	if (!leader->actions)
		leader->actions = mem_zalloc(sizeof(*leader->actions));
	return leader->actions;
}

static bool generate_in_use(const struct skep_system *sys)
{
	return tracepoint_in_use(sys, RAW_TP_signal_generate, TP_signal_generate);
}

static bool deliver_in_use(const struct skep_system *sys)
{
	return tracepoint_in_use(sys, RAW_TP_signal_deliver, TP_signal_deliver);
}

static u32 signal_wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_pidfd_send_signal:
		return generate_in_use(sys) ? WANT_ENTER : 0;
	case SYS_rt_sigaction:
		return deliver_in_use(sys) ? WANT_EXIT : 0;
	}
	return 0;
}

static bool signal_wants_signals(struct skep_system *sys)
{
	return generate_in_use(sys) || deliver_in_use(sys);
}

/* A mask of /proc/TID/status: "\nSigIgn:". */
static u64 signal_mask(struct task *t, const char *name)
{
	unsigned long long mask = 0;
	char text[4096], *p;
	int fd = task_open_proc(t, "status");
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strstr(text, name);
	if (p)
		sscanf(p + strlen(name), "%llx", &mask);
	return mask;
}

static bool has_signal(u64 mask, int sig)
{
	return mask >> (sig - 1) & 1;
}

static bool ignored_by_default(int sig)
{
	return sig == SIGCHLD || sig == SIGCONT || sig == SIGWINCH || sig == SIGURG;
}

/* Whether Linux drops it at once, as it would were the task not traced. */
static bool is_ignored(struct task *t, int sig)
{
	if (has_signal(signal_mask(t, "\nSigBlk:"), sig))
		return false;
	return has_signal(signal_mask(t, "\nSigIgn:"), sig) ||
	       (ignored_by_default(sig) && !has_signal(signal_mask(t, "\nSigCgt:"), sig));
}

static u64 siginfo(struct task *t, const siginfo_t *info)
{
	u64 at = world_temp(t, "struct kernel_siginfo");

	world_set(t->sys, at, "si_signo", (u64)info->si_signo);
	world_set(t->sys, at, "si_errno", (u64)info->si_errno);
	world_set(t->sys, at, "si_code", (u64)info->si_code);
	if (info->si_signo == SIGCHLD && info->si_code > 0 && info->si_code != SI_KERNEL) {
		world_set(t->sys, at, "_sifields._sigchld._pid", (u64)info->si_pid);
		world_set(t->sys, at, "_sifields._sigchld._uid", info->si_uid);
		world_set(t->sys, at, "_sifields._sigchld._status", (u64)info->si_status);
	} else if (info->si_code <= 0) {
		world_set(t->sys, at, "_sifields._kill._pid", (u64)info->si_pid);
		world_set(t->sys, at, "_sifields._kill._uid", info->si_uid);
	} else {
		world_set(t->sys, at, "_sifields._sigfault._addr", (u64)info->si_addr);
	}
	return at;
}

/* ---- sending ---- */

/* @t sends @info to @target. */
static void generated(struct task *t, struct task *target, const siginfo_t *info, bool group,
		      int result)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_signal_generate, TP_signal_generate);
	u64 args[] = { (u64)info->si_signo, 0, 0, group, (u64)result };
	char comm[TASK_COMM_LEN];
	struct record r;

	if (h.raw) {
		args[1] = siginfo(t, info);
		args[2] = world_task(target);
	}
	if (h.formatted) {
		target->bpf.ops->comm(&target->bpf, comm, sizeof(comm));
		record_begin(&r, t->sys, TP_signal_generate, t->bpf.tid);
		record_put(&r, "sig", (u64)info->si_signo);
		record_put(&r, "errno", (u64)info->si_errno);
		record_put(&r, "code", (u64)info->si_code);
		record_put_string(&r, "comm", comm);
		record_put(&r, "pid", target->bpf.tid);
		record_put(&r, "group", group);
		record_put(&r, "result", (u64)result);
	}
	fire_both(h, args, &r, t);
}

/* The same, of one that will arrive in its turn. */
static void sent_to(struct task *t, struct task *target, const siginfo_t *info, bool group)
{
	struct signal_actions *a = actions_of(target);

	generated(t, target, info, group,
		  is_ignored(target, info->si_signo) ? SIGNAL_IGNORED : SIGNAL_DELIVERED);
	if (a)
		a->v[info->si_signo].sent = true;
}

struct sending {
	struct task *from;
	siginfo_t info;
	pid_t pgid; /* > 0: to this process group; -1: to every process */
};

/* As check_kill_permission(): the call has not been made, for a killed target would be gone after it. */
static bool may_send(struct task *from, struct task *target, const siginfo_t *info)
{
	u32 uid = (u32)from->bpf.ops->uid_gid(&from->bpf);

	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && from->call.nr != SYS_kill &&
	    from->call.nr != SYS_tkill && from->call.nr != SYS_tgkill &&
	    from->call.nr != SYS_pidfd_send_signal && target->leader != from->leader)
		return false;
	return !uid || uid == (u32)target->bpf.ops->uid_gid(&target->bpf);
}

static void send_to(struct sending *s, struct task *target, bool group)
{
	if (!may_send(s->from, target, &s->info))
		return;
	sent_to(s->from, target, &s->info, group);
}

static int send_if_member(struct task *t, void *arg)
{
	struct sending *s = arg;

	if (t->leader != t)
		return 0;
	if (s->pgid > 0 ? getpgid((pid_t)t->bpf.tgid) == s->pgid :
			  t->bpf.tgid != 1 && t->leader != s->from->leader)
		send_to(s, t, true);
	return 0;
}

/* kill(2)'s idea of a process: one, a group, all. */
static void send_to_pid(struct sending *s, pid_t pid)
{
	struct task *target = pid > 0 ? task_find(s->from->sys, pid) : NULL;

	if (target)
		send_to(s, target->leader, true);
	if (pid > 0)
		return;
	s->pgid = pid == -1 ? -1 : pid ? -pid : getpgid((pid_t)s->from->bpf.tgid);
	tasks_each(s->from->sys, send_if_member, s);
}

/* The process of a pidfd, by what /proc says of the descriptor. */
static pid_t pid_of_pidfd(struct task *t, int fd)
{
	char name[48], text[1024], *p;
	ssize_t n;
	int f;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	f = task_open_proc(t, name);
	n = f < 0 ? 0 : read(f, text, sizeof(text) - 1);
	if (f >= 0)
		close(f);
	text[n > 0 ? n : 0] = 0;
	p = strstr(text, "\nPid:");
	return p && sscanf(p, "\nPid: %d", &f) == 1 && f > 0 ? f : 0;
}

static void sending(struct task *t)
{
	const u64 *args = t->call.args;
	bool thread = t->call.nr == SYS_tgkill || t->call.nr == SYS_rt_tgsigqueueinfo;
	struct sending s = { .from = t };
	struct task *target;
	u64 uinfo = 0;
	pid_t pid = (pid_t)args[0];

	s.info.si_signo = (int)args[thread ? 2 : 1];
	if (s.info.si_signo <= 0 || s.info.si_signo > NR_SIGNALS)
		return;
	s.info.si_pid = (pid_t)t->bpf.tgid;
	s.info.si_uid = (u32)t->bpf.ops->uid_gid(&t->bpf);
	switch (t->call.nr) {
	case SYS_kill:
		s.info.si_code = SI_USER;
		break;
	case SYS_tkill:
	case SYS_tgkill:
		s.info.si_code = SI_TKILL;
		break;
	case SYS_rt_sigqueueinfo:
		uinfo = args[2];
		break;
	case SYS_rt_tgsigqueueinfo:
		uinfo = args[3];
		break;
	case SYS_pidfd_send_signal:
		pid = pid_of_pidfd(t, (int)args[0]);
		uinfo = args[2];
		break;
	}
	if (uinfo && task_read(t, &s.info, uinfo, sizeof(s.info)))
		return;
	s.info.si_signo = (int)args[thread ? 2 : 1];
	if (thread || t->call.nr == SYS_tkill) {
		target = task_find(t->sys, (pid_t)args[thread]);
		if (target && (!thread || target->bpf.tgid == (u32)args[0]))
			send_to(&s, target, false);
		return;
	}
	if (pid || t->call.nr == SYS_kill)
		send_to_pid(&s, pid);
}

/* ---- handlers ---- */

static void handler_set(struct task *t)
{
	u64 action[KERNEL_SA_SIZE / 8], sig = t->call.args[0];
	struct signal_actions *a;

	if (t->call.ret || !t->call.args[1] || !sig || sig > NR_SIGNALS ||
	    task_read(t, action, t->call.args[1], sizeof(action)))
		return;
	a = actions_of(t);
	if (!a)
		return;
	a->v[sig].handler = action[0];
	a->v[sig].flags = action[1];
	a->v[sig].known = true;
}

static void signal_enter(struct task *t)
{
	if (!t->call.compat && generate_in_use(t->sys) && t->call.nr != SYS_rt_sigaction &&
	    signal_wants(t->sys, (u32)t->call.nr))
		sending(t);
}

static void signal_exit(struct task *t)
{
	if (!t->call.compat && t->call.nr == SYS_rt_sigaction && deliver_in_use(t->sys))
		handler_set(t);
}

static void signal_fork(struct task *t, struct task *child, u64 flags)
{
	if (child->leader == child && t->leader->actions && !child->actions)
		child->actions = mem_dup(t->leader->actions, sizeof(*child->actions));
	for (u32 i = 0; child->leader == child && child->actions && i <= NR_SIGNALS; i++)
		child->actions->v[i].sent = false;
}

/* An execve resets handlers, and keeps what is ignored. */
static void signal_exec(struct task *t, pid_t old_tid)
{
	mem_free(t->actions);
	t->actions = NULL;
}

static void signal_gone(struct task *t)
{
	mem_free(t->actions);
	t->actions = NULL;
}

/* ---- arriving ---- */

static void delivered(struct task *t, int sig, const siginfo_t *info)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_signal_deliver, TP_signal_deliver);
	const struct signal_actions *known = t->leader->actions;
	u64 handler = (u64)SIG_DFL, flags = 0, args[3] = { (u64)sig };
	struct record r;

	if (!h.raw && !h.formatted)
		return;
	if (known && known->v[sig].known) {
		handler = known->v[sig].handler;
		flags = known->v[sig].flags;
	} else if (has_signal(signal_mask(t, "\nSigIgn:"), sig)) {
		handler = (u64)SIG_IGN;
	} else if (has_signal(signal_mask(t, "\nSigCgt:"), sig)) {
		tree_note(t->trace->process,
			  "signal_deliver: sa_handler of signal %d is 0 in a process that had set "
			  "it before it was watched",
			  sig);
	}
	if (h.raw) {
		args[1] = siginfo(t, info);
		args[2] = world_temp(t, "struct k_sigaction");
		world_set(t->sys, args[2], "sa.sa_handler", handler);
		world_set(t->sys, args[2], "sa.sa_flags", flags);
	}
	if (h.formatted) {
		record_begin(&r, t->sys, TP_signal_deliver, t->bpf.tid);
		record_put(&r, "sig", (u64)sig);
		record_put(&r, "errno", (u64)info->si_errno);
		record_put(&r, "code", (u64)info->si_code);
		record_put(&r, "sa_handler", handler);
		record_put(&r, "sa_flags", flags);
	}
	fire_both(h, args, &r, t);
}

/* Whether signal_generate has been fired for it when it was sent. */
static bool seen_sent(struct task *t, int sig)
{
	struct signal_actions *a = t->leader->actions;
	bool sent = a && a->v[sig].sent;

	if (sent)
		a->v[sig].sent = false;
	return sent;
}

static bool dumps_core(int sig)
{
	switch (sig) {
	case SIGQUIT:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGSYS:
	case SIGXCPU:
	case SIGXFSZ:
		return true;
	}
	return false;
}

/* Whether @sig ends the process at once: then Linux delivers a SIGKILL to each thread instead. */
static bool is_fatal(struct task *t, int sig)
{
	return !dumps_core(sig) && !ignored_by_default(sig) && sig != SIGSTOP && sig != SIGTSTP &&
	       sig != SIGTTIN && sig != SIGTTOU &&
	       !has_signal(signal_mask(t, "\nSigCgt:") | signal_mask(t, "\nSigIgn:"), sig);
}

static void signal_arrives(struct task *t, const siginfo_t *info)
{
	int sig = info->si_signo;
	bool ignored;

	if (sig <= 0 || sig > NR_SIGNALS)
		return;
	ignored = is_ignored(t, sig); /* it is here only because the task is traced */
	if (generate_in_use(t->sys) && !seen_sent(t, sig))
		generated(t, t, info, false, ignored ? SIGNAL_IGNORED : SIGNAL_DELIVERED);
	if (deliver_in_use(t->sys) && !ignored && !is_fatal(t, sig))
		delivered(t, sig, info);
	event_done(t);
}

/* Whether the task ends because of others: a signal, or another thread's exit_group(). */
static bool is_killed(struct task *t, int status)
{
	struct user_regs_struct *regs;

	if (WIFSIGNALED(status))
		return !dumps_core(WTERMSIG(status));
	regs = task_regs(t);
	return regs && regs->orig_rax != SYS_exit && regs->orig_rax != SYS_exit_group;
}

static void signal_exiting(struct task *t, int status)
{
	siginfo_t info = { .si_signo = SIGKILL };

	if (!deliver_in_use(t->sys) || !is_killed(t, status))
		return;
	delivered(t, SIGKILL, &info); /* ptrace has no stop for it */
	event_done(t);
}

void signal_tell_parent(struct task *t, int status)
{
	struct task *parent = t->leader->parent ? t->leader->parent->leader : NULL;
	siginfo_t info = { .si_signo = SIGCHLD };

	if (!parent || !generate_in_use(t->sys))
		return;
	info.si_code = !WIFSIGNALED(status) ? CLD_EXITED :
		       WCOREDUMP(status)    ? CLD_DUMPED :
					      CLD_KILLED;
	info.si_pid = (pid_t)t->bpf.tgid;
	info.si_uid = (u32)t->bpf.ops->uid_gid(&t->bpf);
	info.si_status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	sent_to(t, parent, &info, true);
	event_done(t);
}

const struct process_source signal_source = {
	.name = "signals",
	.wants = signal_wants,
	.wants_signals = signal_wants_signals,
	.enter = signal_enter,
	.exit = signal_exit,
	.fork = signal_fork,
	.exec = signal_exec,
	.exiting = signal_exiting,
	.gone = signal_gone,
	.signal = signal_arrives,
};
