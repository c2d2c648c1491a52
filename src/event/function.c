/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Runs what is attached to kernel functions, as system calls pass through them (Linux:
 * kernel/kprobes.c, kernel/trace/fprobe.c, arch/x86/net/bpf_jit_comp.c's trampolines).
 *
 * The kernel is entered once for a call, and so are we: functions that the call is certain to
 * reach are entered at once; those that its result tells of are entered when it is there,
 * each before it returns, in the kernel's order. At one function the order is Linux's:
 * kprobe, fentry, fmod_ret; fexit, kretprobe.
 *
 * DIFF(functions-late): between two stops nothing can be told apart in time, and what a function
 * changes in its arguments is there when it is entered, if its call had to end first.
 */
#include "event/cgroup_run.h"
#include "event/function.h"
#include "event/lsm.h"

#include <asm/ptrace.h>
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "object/cgroup_tree.h"

#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define X86_FLAGS 0x246

static const enum hook_kind kinds[] = { HOOK_KPROBE, HOOK_FENTRY, HOOK_FMOD_RET, HOOK_FEXIT,
					HOOK_KRETPROBE };

static struct hook *active_hook(const struct skep_system *sys, enum hook_kind kind, u32 row)
{
	struct hook *h = hook_at(sys, kind, row);

	return h && hook_active(h) ? h : NULL;
}

/* The security hook that a function asks, + 1. */
static const u8 lsm_of[FUNC_NAMED] = {
#define LSM_HOOK(name, returns_nothing, when)
#define LSM_AT(function, hook) [FUNC_##function] = LSM_##hook + 1,
#include "tables/lsm.def"
};

/* Whether the function, one of the profile's, asks a security hook that has programs. */
static bool asks(const struct skep_system *sys, u32 row)
{
	return row < FUNC_NAMED && lsm_of[row] && lsm_active(sys, lsm_of[row] - 1U) &&
	       function_visible(sys->profile, function_info(row));
}

bool function_active(const struct skep_system *sys, u32 row)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (active_hook(sys, kinds[i], row))
			return true;
	return asks(sys, row);
}

static u32 nr_args(u32 row)
{
	const struct function_info *f = function_info(row);

	return f ? f->nr_args : 1; /* __x64_sys_*(regs) */
}

/* ---- contexts ---- */

/* A word of kernel stack that holds the return address, for programs that look there. */
static u64 stack_word(struct task *t, struct call_model *m)
{
	u64 sp = 0, ret = function_ip(t->sys, FUNC_ROWS);

	if (m && memo_get(m, MEMO_STACK, &sp))
		return sp;
	sp = world_temp_bytes(t, &ret, sizeof(ret));
	return m ? memo_set(m, MEMO_STACK, sp) : sp;
}

static struct pt_regs kernel_regs(struct task *t, struct call_model *m)
{
	u64 sp = stack_word(t, m);

	return (struct pt_regs){ .rsp = sp,
				 .rbp = sp,
				 .cs = KERNEL_CS,
				 .ss = KERNEL_DS,
				 .eflags = X86_FLAGS,
				 .orig_rax = (unsigned long)-1 };
}

static s32 run_at(struct task *t, struct hook *h, void *ctx)
{
	struct bpf_run run = { .task = &t->bpf, .func_ip = h->func_ip };

	if (!t->sessions)
		t->sessions = mem_zalloc(sizeof(*t->sessions));
	run.sessions = t->sessions;
	return hook_run(h, ctx, &run);
}

static void run_kprobe(struct task *t, struct call_model *m, struct hook *h, const u64 *args, u32 n)
{
	struct pt_regs regs = kernel_regs(t, m);
	unsigned long *const to[FUNCTION_ARGS_MAX] = { &regs.rdi, &regs.rsi, &regs.rdx,
						       &regs.rcx, &regs.r8,  &regs.r9 };

	for (u32 i = 0; i < n && to[i];
	     i++) /* further ones are on the stack: no program asks there */
		*to[i] = args[i];
	/* Behind the breakpoint, which is behind endbr64 where kernels are built with it. */
	regs.rip = h->func_ip + (visible(t->sys->profile, KVER(6, 2)) ? 5 : 1);
	run_at(t, h, &regs);
}

static void run_kretprobe(struct task *t, struct call_model *m, struct hook *h, u64 ret)
{
	struct pt_regs regs = kernel_regs(t, m);

	regs.rip = function_ip(t->sys, FUNC_ROWS);
	regs.rsp += 8;
	regs.rax = ret;
	run_at(t, h, &regs);
}

/* The trampoline's frame: the number of arguments, they, the result. */
static s32 run_trampoline(struct task *t, struct hook *h, const u64 *args, u32 n, u64 ret)
{
	u64 frame[1 + FUNCTION_ARGS_MAX + 1] = { n };

	memcpy(&frame[1], args, n * sizeof(*args));
	frame[1 + n] = ret;
	return run_at(t, h, &frame[1]);
}

/* ---- security hooks ---- */

/* Those of the task's cgroup (Linux: __cgroup_bpf_run_lsm_current()). */
static s32 lsm_run_cgroup(struct task *t, u32 row, const u64 *args, u32 n)
{
	u64 frame[1 + FUNCTION_ARGS_MAX + 1] = { n }, ids[CGROUP_LEVELS_MAX];
	struct bpf_run run = { .task = &t->bpf };

	memcpy(&frame[1], args, n * sizeof(*args));
	return cgroup_run_lsm(t->sys, ids, task_cgroups(t, ids, CGROUP_LEVELS_MAX), row, &frame[1],
			      &run);
}

s32 lsm_run(struct task *t, u32 row, const u64 *args, u32 n)
{
	struct hook *h = active_hook(t->sys, HOOK_LSM, row);
	s32 ret = h ? run_trampoline(t, h, args, n, 0) : 0;

	if (!ret && cgroup_lsm_in_use(t->sys, row))
		ret = lsm_run_cgroup(t, row, args, n);
	return ret;
}

bool lsm_active(const struct skep_system *sys, u32 row)
{
	return active_hook(sys, HOOK_LSM, row) || cgroup_lsm_in_use(sys, row);
}

static s32 lsm_ask(struct task *t, u32 row, const u64 *args, u32 n)
{
	s32 ret = lsm_run(t, lsm_of[row] - 1U, args, n);

	/* prctl() goes on when no module knows the option. */
	return row == FUNC_security_task_prctl && ret == -ENOSYS ? 0 : ret;
}

/* ---- entering and leaving ---- */

/* True: the function is executed. @m NULL: it cannot be refused. */
static bool fire_entry(struct task *t, struct call_model *m, u32 row, const u64 *args)
{
	const struct function_info *info = function_info(row);
	struct skep_system *sys = t->sys;
	bool skipped = t->call.skip, asked;
	u32 n = nr_args(row);
	struct hook *h;
	s32 ret;

	h = active_hook(sys, HOOK_KPROBE, row);
	if (h) {
		s64 old = t->call.ret;

		run_kprobe(t, m, h, args, n);
		if (t->call.skip && !skipped) {
			if (m && !info)
				return false; /* overridden: ftrace goes to the caller at once */
			t->call.skip = false; /* not a function that may fail at will */
			t->call.ret = old;
		}
	}
	h = active_hook(sys, HOOK_FENTRY, row);
	if (h)
		run_trampoline(t, h, args, n, 0);
	h = active_hook(sys, HOOK_FMOD_RET, row);
	ret = h ? run_trampoline(t, h, args, n, 0) : 0;
	asked = asks(sys, row);
	if (!ret && asked)
		ret = lsm_ask(t, row, args, n);
	if (!ret || !m || !function_decides(row))
		return true;
	if (m->ended) {
		/* A segment of a program that runs already: Linux has nothing to return to, either. */
		if (asked && row == FUNC_security_mmap_file)
			kill((pid_t)t->bpf.tgid, SIGKILL);
		return true;
	}
	t->call.skip = true;
	t->call.ret = ret;
	return false;
}

static void fire_return(struct task *t, struct call_model *m, u32 row, const u64 *args, u64 ret)
{
	struct hook *h = active_hook(t->sys, HOOK_FEXIT, row);

	if (h)
		run_trampoline(t, h, args, nr_args(row), ret);
	h = active_hook(t->sys, HOOK_KRETPROBE, row);
	if (h)
		run_kretprobe(t, m, h, ret);
}

void model_leave(struct call_model *m, u8 depth)
{
	while (m->nr_frames && m->frames[m->nr_frames - 1].depth >= depth) {
		struct frame *f = &m->frames[--m->nr_frames];

		fire_return(m->t, m, f->row, f->args, f->ret ? f->ret(m) : 0);
	}
}

/* What a refused function returns, and so the call. */
static u64 refused_ret(struct call_model *m)
{
	return (u64)m->t->call.ret;
}

bool model_enter(struct call_model *m, u32 row, u8 depth, call_value ret, const u64 *args)
{
	struct frame *f;

	model_leave(m, depth);
	if (m->nr_frames == FRAMES_MAX)
		return true;
	f = &m->frames[m->nr_frames++];
	*f = (struct frame){ .row = row, .depth = depth, .ret = ret };
	memcpy(f->args, args, sizeof(f->args));
	if (fire_entry(m->t, m, row, f->args))
		return true;
	f->ret = refused_ret;
	m->ret = m->t->call.ret;
	return false;
}

void function_enter(struct task *t, u32 row, const u64 *args)
{
	if (function_active(t->sys, row))
		fire_entry(t, NULL, row, args);
}

void function_return(struct task *t, u32 row, const u64 *args, u64 ret)
{
	if (function_active(t->sys, row))
		fire_return(t, NULL, row, args, ret);
}

/* ---- paths ---- */

static const struct call_path *path_of(u32 nr)
{
	const struct call_path *p = file_path(nr);

	if (!p)
		p = name_path(nr);
	if (!p)
		p = socket_path(nr);
	if (!p)
		p = memory_path(nr);
	if (!p)
		p = attr_path(nr);
	if (!p)
		p = capable_path(nr);
	if (!p)
		p = time_path(nr);
	return p ? p : process_path(nr);
}

/* False: the call is refused. */
static bool take_step(struct call_model *m, const struct step *s, u32 i)
{
	u64 args[FUNCTION_ARGS_MAX] = { 0 };

	if (!function_active(m->t->sys, s->row))
		return true;
	model_leave(m, s->depth);
	if (s->when == STEP_KEPT)
		memcpy(args, m->kept[i], sizeof(args));
	else
		for (u32 a = 0; a < FUNCTION_ARGS_MAX && s->args[a]; a++)
			args[a] = s->args[a](m);
	return model_enter(m, s->row, s->depth, s->ret, args);
}

static bool entry_steps(struct call_model *m)
{
	const struct call_path *p = m->path;

	for (u32 i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];

		if (s->when == STEP_KEPT && function_active(m->t->sys, s->row))
			for (u32 a = 0; a < FUNCTION_ARGS_MAX && s->args[a]; a++)
				m->kept[i][a] = s->args[a](m);
		if (s->when == STEP_ENTRY && (!s->reached || s->reached(m)) && !take_step(m, s, i))
			return false;
	}
	return true;
}

static void exit_steps(struct call_model *m)
{
	for (u32 i = 0; i < m->path->n; i++) {
		const struct step *s = &m->path->steps[i];

		if (s->then) {
			model_leave(m, s->depth);
			s->then(m);
		} else if (s->when != STEP_ENTRY && (!s->reached || s->reached(m))) {
			take_step(m, s, i);
		}
	}
}

bool function_reached(u32 nr, u32 row)
{
	const struct call_path *p = path_of(nr);

	for (u32 i = 0; p && i < p->n; i++)
		if (!p->steps[i].then && p->steps[i].row == row)
			return true;
	return false;
}

static bool path_active(const struct skep_system *sys, u32 nr)
{
	const struct call_path *p = path_of(nr);
	int row = syscall_row(sys, nr);

	if (row >= 0 && function_active(sys, FUNC_NAMED + (u32)row))
		return true;
	for (u32 i = 0; p && i < p->n; i++)
		if (p->steps[i].then ? tcp_states_in_use(sys) :
				       function_active(sys, p->steps[i].row))
			return true;
	return lsm_call_active(sys, nr);
}

/* ---- the source ---- */

static u32 functions_wants(struct skep_system *sys, u32 nr)
{
	bool active;

	if (nr >= 8 * sizeof(sys->function_calls))
		return 0;
	active = path_active(sys, nr);
	sys->function_calls[nr / 8] &= (u8) ~(1U << nr % 8);
	sys->function_calls[nr / 8] |= (u8)(active << nr % 8);
	return active ? WANT_ENTER | WANT_EXIT : 0;
}

static bool wanted(const struct task *t)
{
	u64 nr = t->call.nr;

	return !t->call.compat && nr < 8 * sizeof(t->sys->function_calls) &&
	       t->sys->function_calls[nr / 8] & 1U << nr % 8;
}

static void model_end(struct task *t)
{
	if (t->call.model) {
		mem_free(t->call.model->maps);
		lsm_call_end(t->call.model);
	}
	mem_free(t->call.model);
	t->call.model = NULL;
}

static void functions_enter(struct task *t)
{
	struct call_model *m;
	int row;

	model_end(t);
	if (!wanted(t) || t->call.skip || world_start(t->sys))
		return;
	m = mem_zalloc(sizeof(*m));
	if (!m)
		return;
	t->call.model = m;
	m->t = t;
	m->path = path_of((u32)t->call.nr);
	row = syscall_row(t->sys, t->call.nr);
	if (row >= 0 && function_active(t->sys, FUNC_NAMED + (u32)row)) {
		const u64 args[FUNCTION_ARGS_MAX] = { world_user_regs(t) };

		if (!model_enter(m, FUNC_NAMED + (u32)row, 0, call_ret, args))
			return;
	}
	if (m->path && entry_steps(m) && m->path->enter)
		m->path->enter(m);
	if (!t->call.skip && lsm_call_active(t->sys, (u32)t->call.nr))
		lsm_call_enter(m);
}

static void functions_exit(struct task *t)
{
	struct call_model *m = t->call.model;

	if (!m)
		return;
	m->ret = t->call.ret;
	m->ended = true;
	lsm_call_exit(m);
	if (m->path && !t->call.skip)
		exit_steps(m);
	model_leave(m, 0);
	model_end(t);
}

static void functions_exec(struct task *t, pid_t old_tid)
{
	struct call_model *m = t->call.model;

	if (m && m->path && m->path->exec)
		m->path->exec(m);
}

static void functions_fork(struct task *t, struct task *child, u64 flags)
{
	struct call_model *m = t->call.model;

	child->call.model = NULL;
	if (!m)
		return;
	flags &= ~(u64)CSIGNAL;
	if (ENTER(m, security_task_alloc_before_6_18, 2, NULL, world_task(child), flags) &&
	    ENTER(m, security_task_alloc, 2, NULL, world_task(child), flags))
		ENTER(m, wake_up_new_task, 2, NULL, world_task(child));
	model_leave(m, 2);
}

/* Signals whose default is a core dump end a task through the signal itself. */
static bool dumps_core(int sig)
{
	static const u64 mask = 1ULL << SIGQUIT | 1ULL << SIGILL | 1ULL << SIGTRAP |
				1ULL << SIGABRT | 1ULL << SIGFPE | 1ULL << SIGSEGV |
				1ULL << SIGBUS | 1ULL << SIGSYS | 1ULL << SIGXCPU | 1ULL << SIGXFSZ;

	return mask >> sig & 1;
}

static void functions_exiting(struct task *t, int status)
{
	bool asked = t->call.active && !t->call.compat &&
		     (t->call.nr == 60 || t->call.nr == 231); /* exit, exit_group */
	int sig = status & 127;

	if (world_start(t->sys))
		return;
	if (!asked)
		function_enter(t, FUNC_do_group_exit,
			       (u64[]){ dumps_core(sig) ? (u64)sig : SIGKILL, 0, 0, 0, 0, 0 });
	function_enter(t, FUNC_do_exit, (u64[]){ (u64)status, 0, 0, 0, 0, 0 });
	model_end(t);
}

static void functions_gone(struct task *t)
{
	if (lsm_active(t->sys, LSM_task_free) && !world_start(t->sys))
		lsm_run(t, LSM_task_free, (const u64[]){ world_task(t) }, 1);
	if (function_active(t->sys, FUNC_exit_creds) && !world_start(t->sys)) {
		u64 args[FUNCTION_ARGS_MAX] = { world_task(t) };

		t->freed = true; /* nothing new hangs on it */
		function_enter(t, FUNC_exit_creds, args);
		function_return(t, FUNC_exit_creds, args, 0);
	}
	model_end(t);
	if (t->sessions)
		hook_sessions_free(t->sessions);
	mem_free(t->sessions);
	t->sessions = NULL;
}

const struct process_source function_source = {
	.name = "functions",
	.wants = functions_wants,
	.enter = functions_enter,
	.exit = functions_exit,
	.fork = functions_fork,
	.exec = functions_exec,
	.exiting = functions_exiting,
	.gone = functions_gone,
};
