/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * User functions: uprobes and uretprobes in every address space of supervised processes
 * that maps the file, from its mapping on (Linux: kernel/events/uprobes.c,
 * kernel/trace/trace_uprobe.c). How control gets here is breakpoint.c's affair.
 *
 * A semaphore (USDT) is counted up where it is mapped, once for each probe and address space.
 */
#include <asm/ptrace.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/breakpoint.h"
#include "event/process.h"
#include "event/supervisor.h"
#include "event/symbol.h"
#include "event/uprobe.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define MAX_URETPROBE_DEPTH 64

/* A place in a file that a hook is for. */
struct point {
	u64 dev, ino, offset; /* as lists of mappings name it */
	u64 semaphore;	      /* offset in the file; 0: none */
	u32 pid;	      /* all programs are for this process; 0: any */
	struct hook *hook;
};

struct file_identity {
	u64 dev, ino;	      /* by stat() */
	u64 map_dev, map_ino; /* 0: unknown, asked for again */
};

struct uprobes {
	u64 generation;		  /* of .points */
	VEC(struct point) points; /* by file and offset */
	VEC(struct file_identity) files;
	VEC(struct hook *) hooks; /* of all points that there have been */
	VEC(struct refusal {
		struct hook *hook;
		int err;
	})
	refused;
	bool used; /* there have been points */
	bool compat_seen;
	u32 lost; /* probes that had to be given up: no room for slots */
};

static struct uprobes *state_of(struct skep_system *sys)
{
	return sys->uprobes;
}

/* ---- points ---- */

static int compare_points(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	if (p->dev != q->dev)
		return p->dev < q->dev ? -1 : 1;
	if (p->ino != q->ino)
		return p->ino < q->ino ? -1 : 1;
	if (p->offset != q->offset)
		return p->offset < q->offset ? -1 : 1;
	return (p->hook > q->hook) - (p->hook < q->hook);
}

/* The first at or behind @offset of a file. */
static size_t first_point(const struct uprobes *u, u64 dev, u64 ino, u64 offset)
{
	struct point key = { .dev = dev, .ino = ino, .offset = offset };
	size_t lo = 0, hi = u->points.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare_points(&u->points.v[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool same_place(const struct point *p, u64 dev, u64 ino, u64 offset)
{
	return p->dev == dev && p->ino == ino && p->offset == offset;
}

#define EACH_POINT_AT(u, p, d, i, off)                                                             \
	(struct point *p = (u)->points.v + first_point(u, d, i, off);                              \
	 p < (u)->points.v + (u)->points.n && same_place(p, d, i, off); p++)

static void identify(struct uprobes *u, const struct hook_uprobe *h, struct point *p)
{
	struct file_identity f = { h->dev, h->ino, 0, 0 };

	for (size_t i = 0; i < u->files.n; i++)
		if (u->files.v[i].dev == h->dev && u->files.v[i].ino == h->ino) {
			p->dev = u->files.v[i].map_dev;
			p->ino = u->files.v[i].map_ino;
			return;
		}
	if (maps_identity(h->path, h->dev, h->ino, &f.map_dev, &f.map_ino)) {
		/* It is gone or not ours to read: as most file systems number it. */
		f.map_dev =
			(h->dev >> 8 & 0xfff) << 32 | (h->dev & 0xff) | (h->dev >> 12 & 0xfff00);
		f.map_ino = h->ino;
	}
	p->dev = f.map_dev;
	p->ino = f.map_ino;
	(void)vec_push(&u->files, f);
}

struct gather {
	struct uprobes *u;
	VEC(struct point) points;
	int err;
};

/* sys->lock is held. */
static int gather_point(struct hook *h, void *arg)
{
	struct gather *g = arg;
	const struct hook_progs *progs = load_acquire(&h->progs);
	struct point p = { .offset = h->uprobe->offset,
			   .semaphore = h->uprobe->ref_ctr_offset,
			   .hook = h };

	for (u32 i = 0; progs && i < progs->n; i++)
		if (!i)
			p.pid = progs->v[i].pid;
		else if (p.pid != progs->v[i].pid)
			p.pid = 0;
	g->err = vec_push(&g->points, p);
	return g->err;
}

/* For the end of the run, when programs may have been detached. */
static void note_hooks(struct uprobes *u, const struct point *p, size_t n)
{
	for (size_t i = 0, k; i < n; i++) {
		for (k = 0; k < u->hooks.n && u->hooks.v[k] != p[i].hook; k++)
			;
		if (k == u->hooks.n)
			(void)vec_push(&u->hooks, p[i].hook);
	}
}

/* ---- semaphores ---- */

static void count_semaphore(struct task *t, struct breakpoint *bp, int by)
{
	u16 n;

	if (task_read(t, &n, bp->semaphore, sizeof(n)))
		return;
	if (by > 0 ? n == 0xffff : n == 0)
		return;
	n = (u16)(n + by);
	task_write(t, bp->semaphore, &n, sizeof(n));
}

/* Mapping @m may hold semaphores of the probes that are placed. */
static void find_semaphores(struct task *t, struct uprobes *u, const struct mapping *m)
{
	struct mm_breakpoints *b = t->mm->breakpoints;

	for (size_t i = 0; i < b->bp.n; i++) {
		struct breakpoint *bp = b->bp.v[i];

		if (!bp->placed || bp->semaphore || bp->dev != m->dev || bp->ino != m->ino)
			continue;
		for
			EACH_POINT_AT(u, p, bp->dev, bp->ino, bp->offset)
			{
				if (!p->semaphore || p->semaphore < m->offset ||
				    p->semaphore + 2 > m->offset + (m->end - m->start))
					continue;
				bp->semaphore = m->start + (p->semaphore - m->offset);
				count_semaphore(t, bp, 1);
				break;
			}
	}
}

/* ---- address spaces ---- */

static void note_refusal(struct uprobes *u, struct hook *h, int err)
{
	struct refusal r = { h, err };

	for (size_t i = 0; i < u->refused.n; i++)
		if (u->refused.v[i].hook == h)
			return;
	(void)vec_push(&u->refused, r);
}

/*
 * A task whose parent was killed while it forked comes without a word of ours, and has its parent's
 * breakpoints. Restores the byte that the file has at @vaddr; false: it is the program's own.
 */
static bool restore_inherited(struct task *t, const struct point *p, u64 vaddr)
{
	int fd = open(p->hook->uprobe->path, O_RDONLY | O_CLOEXEC);
	u8 file[4], memory[4];
	bool ours = fd >= 0 && pread(fd, file, sizeof(file), (off_t)p->offset) == sizeof(file) &&
		    !task_read(t, memory, vaddr, sizeof(memory)) && file[0] != memory[0] &&
		    !memcmp(file + 1, memory + 1, sizeof(file) - 1);

	if (fd >= 0)
		close(fd);
	return ours && !task_write(t, vaddr, file, 1);
}

/* Places what belongs into mapping @m. */
static void place_in(struct task *t, struct uprobes *u, const struct mapping *m)
{
	u64 end = m->offset + (m->end - m->start);

	for (size_t i = first_point(u, m->dev, m->ino, m->offset); i < u->points.n; i++) {
		const struct point *p = &u->points.v[i];
		struct breakpoint *bp;
		int err;

		if (p->dev != m->dev || p->ino != m->ino || p->offset >= end)
			break;
		WRITE_ONCE(p->hook->uprobe->mapped, true);
		if (p->pid && p->pid != t->bpf.tgid)
			continue;
		bp = breakpoint_find(t->mm->breakpoints, m->start + (p->offset - m->offset));
		if (bp && bp->marked)
			continue;
		err = breakpoint_place(t, m->start + (p->offset - m->offset), &bp);
		if (err == -EBUSY && restore_inherited(t, p, m->start + (p->offset - m->offset)))
			err = breakpoint_place(t, m->start + (p->offset - m->offset), &bp);
		if (err) {
			note_refusal(u, p->hook, err);
			continue;
		}
		bp->dev = p->dev;
		bp->ino = p->ino;
		bp->offset = p->offset;
		bp->marked = true;
	}
}

static bool still_mapped(const struct maps *maps, const struct breakpoint *bp)
{
	const struct mapping *m = maps_find(maps, bp->vaddr);

	return m && m->flags & VMA_X && m->dev == bp->dev && m->ino == bp->ino &&
	       m->offset + (bp->vaddr - m->start) == bp->offset;
}

/* Makes the probes of @t's address space those that its mappings and our points ask for. */
static void sync_mm(struct task *t)
{
	struct uprobes *u = state_of(t->sys);
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct maps maps = { 0 };

	if (!u || (!u->points.n && !b))
		return;
	b = breakpoints_of(t);
	if (!b || maps_read(t, &maps) || !maps.map.n)
		goto out;
	b->generation = u->generation;
	if (maps.map.v[maps.map.n - 1].start >> 32 == 0) {
		u->compat_seen = true;
		goto out;
	}
	for (size_t i = 0; i < b->bp.n; i++)
		b->bp.v[i]->marked = false;
	for (size_t i = 0; i < maps.map.n; i++) {
		const struct mapping *m = &maps.map.v[i];

		if (m->ino && m->flags & VMA_X && !(m->flags & (VMA_SHARE | VMA_W)))
			place_in(t, u, m);
	}
	for (size_t i = 0; i < maps.map.n; i++) {
		const struct mapping *m = &maps.map.v[i];

		if (m->ino && m->flags & VMA_W && !(m->flags & VMA_SHARE))
			find_semaphores(t, u, m);
	}
	for (size_t i = b->bp.n; i--;) {
		struct breakpoint *bp = b->bp.v[i];

		if (bp->marked)
			continue;
		if (bp->semaphore && maps_find(&maps, bp->semaphore))
			count_semaphore(t, bp, -1);
		bp->semaphore = 0;
		if (still_mapped(&maps, bp))
			breakpoint_remove(t, bp);
		else
			breakpoint_forget(b, bp);
	}
out:
	maps_free(&maps);
}

static int sync_task(struct task *t, void *arg)
{
	struct uprobes *u = arg;
	struct mm_breakpoints *b = t->mm ? t->mm->breakpoints : NULL;

	/* Before its exec a task is our own code; a new one is told of by its parent's fork. */
	if (!t->mm || t->trace->launching || t->trace->fresh || t->trace->died)
		return 0;
	if ((!b && !u->points.n) || (b && b->generation == u->generation))
		return 0;
	sync_mm(t);
	if (t->trace->child && t->trace->child->mm != t->mm && t->mm->breakpoints)
		t->mm->breakpoints->fork_missed = true;
	return 0;
}

/* ---- process_source ---- */

static void uprobe_changed(struct skep_system *sys)
{
	struct gather g = { .u = state_of(sys) };
	struct uprobes *u = g.u;

	hooks_each(sys, HOOK_UPROBE, gather_point, &g);
	if (!g.err)
		hooks_each(sys, HOOK_URETPROBE, gather_point, &g);
	if (g.err || (!u && !g.points.n)) {
		vec_free(&g.points);
		return;
	}
	if (!u) {
		u = g.u = sys->uprobes = mem_zalloc(sizeof(*u));
		if (!u) {
			vec_free(&g.points);
			return;
		}
	}
	note_hooks(u, g.points.v, g.points.n);
	for (size_t i = 0; i < g.points.n; i++)
		identify(u, g.points.v[i].hook->uprobe, &g.points.v[i]);
	if (g.points.n)
		qsort(g.points.v, g.points.n, sizeof(*g.points.v), compare_points);
	if (g.points.n != u->points.n ||
	    (g.points.n && memcmp(g.points.v, u->points.v, g.points.n * sizeof(*g.points.v)))) {
		vec_free(&u->points);
		u->points.v = g.points.v;
		u->points.n = g.points.n;
		u->points.cap = g.points.cap;
		u->generation++;
		u->used |= u->points.n;
	} else {
		vec_free(&g.points);
	}
	tasks_each(sys, sync_task, u);
}

static u32 uprobe_wants(struct skep_system *sys, u32 nr)
{
	const struct uprobes *u = state_of(sys);

	if (!u || !u->points.n)
		return 0;
	return nr == SYS_mmap || nr == SYS_mprotect || nr == SYS_mremap ? WANT_EXIT : 0;
}

static bool uprobe_wants_signals(struct skep_system *sys)
{
	return sys->uprobes && state_of(sys)->used;
}

static bool has_semaphores(const struct uprobes *u)
{
	for (size_t i = 0; i < u->points.n; i++)
		if (u->points.v[i].semaphore)
			return true;
	return false;
}

static void uprobe_exit(struct task *t)
{
	const struct uprobes *u = state_of(t->sys);
	const struct task_call *c = &t->call;
	bool sync = false;

	if (!u || c->compat || (u64)c->ret >= (u64)-4095)
		return;
	if (c->nr == SYS_mmap)
		sync = c->args[2] & PROT_EXEC ||
		       (c->args[2] & PROT_WRITE && !(c->args[3] & MAP_ANONYMOUS) && u->points.n &&
			has_semaphores(u));
	else if (c->nr == SYS_mprotect)
		sync = c->args[2] & PROT_EXEC;
	else if (c->nr == SYS_mremap)
		sync = t->mm->breakpoints && t->mm->breakpoints->bp.n && (u64)c->ret != c->args[0];
	if (sync)
		sync_mm(t);
}

static struct uprobe_task *utask_of(struct task *t)
{
	if (!t->uprobe)
		t->uprobe = mem_zalloc(sizeof(struct uprobe_task));
	return t->uprobe;
}

static void pop_return(struct uprobe_task *ut)
{
	struct return_instance *ri = ut->returns;

	ut->returns = ri->next;
	ut->depth--;
	hook_sessions_free(&ri->sessions);
	mem_free(ri);
}

static void forget_returns(struct task *t)
{
	struct uprobe_task *ut = t->uprobe;

	while (ut && ut->returns)
		pop_return(ut);
	mem_free(ut);
	t->uprobe = NULL;
}

/* The child has its parent's stack, or a copy of it. */
static void copy_returns(struct task *t, struct task *child)
{
	struct uprobe_task *from = t->uprobe, *to;
	struct return_instance **tail;

	if (!from || !from->returns)
		return;
	to = utask_of(child);
	if (!to)
		return;
	tail = &to->returns;
	for (struct return_instance *ri = from->returns; ri; ri = ri->next) {
		*tail = mem_dup(ri, sizeof(*ri));
		if (!*tail)
			return;
		to->depth++;
		(void)hook_sessions_copy(&(*tail)->sessions, &ri->sessions);
		tail = &(*tail)->next;
		*tail = NULL;
	}
}

static void uprobe_fork(struct task *t, struct task *child, u64 flags)
{
	struct mm_breakpoints *b = t->mm->breakpoints;

	if (child->mm != t->mm && b) {
		breakpoints_copy(child, b);
		if (b->fork_missed) {
			b->fork_missed = false;
			sync_mm(child);
		}
	}
	if (child->mm != t->mm || flags & CLONE_VFORK)
		copy_returns(t, child);
}

static void uprobe_exec(struct task *t, pid_t old_tid)
{
	(void)old_tid;
	forget_returns(t);
	sync_mm(t);
}

/* ---- events ---- */

static void fire(struct task *t, enum hook_kind kind, u64 dev, u64 ino, u64 offset, u64 func,
		 struct hook_sessions *sessions)
{
	struct uprobes *u = state_of(t->sys);
	struct user_regs_struct *user = task_regs(t);
	struct pt_regs regs;

	if (!user)
		return;
	memcpy(&regs, user, sizeof(regs)); /* it begins the other */
	for
		EACH_POINT_AT(u, p, dev, ino, offset)
		{
			struct bpf_run run = { .task = &t->bpf,
					       .func_ip = func,
					       .sessions = sessions };

			if (p->hook->kind == kind)
				hook_run(p->hook, &regs, &run);
		}
}

static bool wants_return(struct task *t, const struct breakpoint *bp)
{
	struct uprobes *u = state_of(t->sys);

	for
		EACH_POINT_AT(u, p, bp->dev, bp->ino, bp->offset)
	if (p->hook->kind == HOOK_URETPROBE && (!p->pid || p->pid == t->bpf.tgid))
		return true;
	return false;
}

/* Leads the function that @t is entering back to us when it returns; takes @sessions over. */
static void prepare_return(struct task *t, const struct breakpoint *bp,
			   struct hook_sessions *sessions)
{
	struct uprobe_task *ut = utask_of(t);
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct return_instance *ri;
	struct user_regs_struct *regs;
	u64 orig;
	bool chained;

	if (!ut || ut->depth >= MAX_URETPROBE_DEPTH || breakpoint_trampoline(t))
		return;
	regs = task_regs(t);
	if (!regs || task_read(t, &orig, regs->rsp, sizeof(orig)))
		return;
	chained = orig == b->trampoline;
	/* Frames that a longjmp has left. */
	while (ut->returns &&
	       (chained ? regs->rsp > ut->returns->stack : regs->rsp >= ut->returns->stack))
		pop_return(ut);
	if (chained) {
		if (!ut->returns)
			return;
		orig = ut->returns->orig_ret;
	}
	ri = mem_zalloc(sizeof(*ri));
	if (!ri)
		return;
	*ri = (struct return_instance){ ut->returns, bp->vaddr, bp->dev, bp->ino,  bp->offset,
					orig,	     regs->rsp, chained, *sessions };
	if (!chained && task_write(t, regs->rsp, &b->trampoline, sizeof(b->trampoline))) {
		mem_free(ri);
		return;
	}
	memset(sessions, 0, sizeof(*sessions));
	ut->returns = ri;
	ut->depth++;
}

/* The function's end: as uprobe_handle_trampoline(). */
static bool function_returned(struct task *t)
{
	struct uprobe_task *ut = t->uprobe;
	struct user_regs_struct *regs = task_regs(t);
	bool valid;

	if (!ut || !ut->returns || !regs)
		return false;
	do {
		struct return_instance *next = ut->returns;

		while (next->chained && next->next)
			next = next->next;
		next = next->next;
		/* Those below that a longjmp has left are passed over in silence. */
		valid = !next || regs->rsp <= next->stack;
		regs->rip = ut->returns->orig_ret;
		t->regs_changed = true;
		while (ut->returns != next) {
			struct return_instance ri = *ut->returns;

			memset(&ut->returns->sessions, 0, sizeof(ri.sessions));
			pop_return(ut);
			if (valid)
				fire(t, HOOK_URETPROBE, ri.dev, ri.ino, ri.offset, ri.func,
				     &ri.sessions);
			hook_sessions_free(&ri.sessions);
		}
	} while (!valid);
	return true;
}

static bool is_entry_insn(const struct breakpoint *bp)
{
	static const u8 endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	return bp->bytes[0] == 0x55 || !memcmp(bp->bytes, endbr64, sizeof(endbr64));
}

static bool uprobe_trap(struct task *t, const siginfo_t *info)
{
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct uprobe_task *ut;
	struct user_regs_struct *regs;
	struct breakpoint *bp;
	bool skip;

	if (info->si_signo != SIGTRAP || info->si_code != SI_KERNEL || !state_of(t->sys))
		return false;
	regs = task_regs(t);
	if (!regs)
		return false;
	if (b && b->trampoline && regs->rip - 1 == b->trampoline)
		return function_returned(t);
	bp = breakpoint_hit(t);
	if (!bp && !b) { /* perhaps inherited */
		sync_mm(t);
		bp = breakpoint_hit(t);
	}
	ut = bp ? utask_of(t) : NULL;
	if (!ut)
		return false;
	regs->rip = bp->vaddr;
	t->regs_changed = true;
	skip = ut->skip_ip == bp->vaddr && ut->skip_sp == regs->rsp;
	if (skip)
		ut->skip_ip = 0;
	if (bp->placed && !skip) {
		struct hook_sessions sessions = { 0 };

		ut->at_entry = is_entry_insn(bp);
		fire(t, HOOK_UPROBE, bp->dev, bp->ino, bp->offset, bp->vaddr, &sessions);
		ut->at_entry = false;
		if (wants_return(t, bp))
			prepare_return(t, bp, &sessions);
		hook_sessions_free(&sessions);
	}
	if (breakpoint_pass(t, bp)) {
		/* Rather no probe than a process that cannot go on. */
		breakpoint_remove(t, bp);
		state_of(t->sys)->lost++;
	}
	return true;
}

/*
 * A signal must find the task where it would be without us. When what it has not executed
 * is a probed instruction whose programs have run, they are not run again.
 */
static void uprobe_signal(struct task *t, const siginfo_t *info)
{
	struct mm_breakpoints *b = t->mm->breakpoints;
	int sig = info->si_signo;
	bool fault = info->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
					   sig == SIGFPE || sig == SIGTRAP);
	struct user_regs_struct *regs;
	struct uprobe_task *ut;
	u64 ip, sp;
	bool done;

	if (!b || !b->pages.n)
		return;
	regs = task_regs(t);
	if (!regs)
		return;
	ip = regs->rip;
	sp = regs->rsp;
	done = breakpoint_undo(b, &ip, &sp, fault);
	if (ip == regs->rip)
		return;
	ut = utask_of(t);
	if (!done && !fault && ut) {
		ut->skip_ip = ip;
		ut->skip_sp = sp;
	}
	regs->rip = ip;
	regs->rsp = sp;
	t->regs_changed = true;
}

u64 uprobe_user_ip(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	u64 ip = regs ? regs->rip : 0, sp = regs ? regs->rsp : 0;

	breakpoint_undo(t->mm->breakpoints, &ip, &sp, true);
	return ip;
}

void uprobe_fix_stack(struct task *t, u64 *ips, u32 n)
{
	const struct uprobe_task *ut = t->uprobe;
	const struct mm_breakpoints *b = t->mm->breakpoints;
	const struct return_instance *ri = ut ? ut->returns : NULL;

	for (u32 i = 0; b && b->trampoline && ri && i < n; i++)
		if (ips[i] == b->trampoline) {
			ips[i] = ri->orig_ret;
			ri = ri->next;
		}
}

static void uprobe_gone(struct task *t)
{
	forget_returns(t);
}

/* It goes on without us: nothing of ours may remain where it can run into it. */
static void uprobe_detach(struct task *t)
{
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct uprobe_task *ut = t->uprobe;
	struct user_regs_struct *regs;
	u64 now, ip, sp;

	if (!b)
		return;
	for (size_t i = 0; i < b->bp.n; i++) {
		struct breakpoint *bp = b->bp.v[i];

		if (bp->semaphore)
			count_semaphore(t, bp, -1);
		bp->semaphore = 0;
		if (bp->placed)
			breakpoint_remove(t, bp);
	}
	for (struct return_instance *ri = ut ? ut->returns : NULL; ri; ri = ri->next)
		if (!task_read(t, &now, ri->stack, sizeof(now)) && now == b->trampoline)
			task_write(t, ri->stack, &ri->orig_ret, sizeof(ri->orig_ret));
	regs = task_regs(t);
	if (!regs)
		return;
	ip = regs->rip;
	sp = regs->rsp;
	breakpoint_undo(b, &ip, &sp, true);
	if (ip != regs->rip) {
		regs->rip = ip;
		regs->rsp = sp;
		t->regs_changed = true;
	}
}

/* ---- the end ---- */

static const char *kind_name(const struct hook *h)
{
	return h->kind == HOOK_UPROBE ? "uprobe" : "uretprobe";
}

static void uprobe_end(struct skep_system *sys, void (*report)(void *arg, const char *line),
		       void *arg)
{
	struct uprobes *u = state_of(sys);
	char name[400], line[600];

	for (size_t i = 0; u && i < u->hooks.n; i++) {
		const struct hook *h = u->hooks.v[i];

		if (h->uprobe->mapped)
			continue;
		symbol_name(h->uprobe->path, h->uprobe->offset, name, sizeof(name));
		snprintf(line, sizeof(line),
			 "%s %s was never mapped: no supervised process had that file in memory "
			 "(static binary? other path or container?)",
			 kind_name(h), name);
		report(arg, line);
	}
	for (size_t i = 0; u && i < u->refused.n; i++) {
		const struct refusal *r = &u->refused.v[i];

		symbol_name(r->hook->uprobe->path, r->hook->uprobe->offset, name, sizeof(name));
		snprintf(line, sizeof(line), "%s %s could not be put there: %s", kind_name(r->hook),
			 name,
			 r->err == -EBUSY ? "another breakpoint is there" :
			 r->err == -ENOTSUPP || r->err == -ENOEXEC ?
					    "Linux puts no probe on that instruction either" :
					    strerror(-r->err));
		report(arg, line);
	}
	if (u && u->lost) {
		snprintf(line, sizeof(line),
			 "%u uprobes were given up: the process could not map a page for them",
			 u->lost);
		report(arg, line);
	}
	if (u && u->compat_seen)
		report(arg, "uprobes do not fire in 32-bit processes");
}

void uprobes_stop(struct skep_system *sys)
{
	struct uprobes *u = state_of(sys);

	if (!u)
		return;
	vec_free(&u->points);
	vec_free(&u->files);
	vec_free(&u->hooks);
	vec_free(&u->refused);
	mem_free(u);
	sys->uprobes = NULL;
}

const struct process_source uprobe_source = {
	.name = "uprobe",
	.changed = uprobe_changed,
	.wants = uprobe_wants,
	.wants_signals = uprobe_wants_signals,
	.exit = uprobe_exit,
	.fork = uprobe_fork,
	.exec = uprobe_exec,
	.gone = uprobe_gone,
	.signal = uprobe_signal,
	.trap = uprobe_trap,
	.detach = uprobe_detach,
	.end = uprobe_end,
	.stop = uprobes_stop,
};
