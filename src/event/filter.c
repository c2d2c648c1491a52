/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The seccomp filter of a spawned tree: which system calls stop (Linux:
 * kernel/seccomp.c runs it). A filter cannot be changed, so it is for what is attached at
 * the start; what is attached later falls back to stops at every call (tracer.c).
 *
 * Runs of numbers with one answer become a binary tree of comparisons. Linux works out
 * beforehand which numbers are always allowed when a filter loads nothing but the number
 * and the architecture on their way; for those it does not even run it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "event/supervisor.h"

#define X32_BIT 0x40000000u

enum answer { ALLOW, TRACE, CLONE /* stops when the new task would escape */ };

/* Numbers in the i386 table: those that change a task's ids, and clone. Others are not cached for long. */
#define I386_CLONE  120
#define I386_CLONE3 435
static const u16 i386_ids[] = { 23,  46,  70,  71,  138, 139, 164, 170,
				203, 204, 208, 210, 213, 214, 215, 216 };

bool filter_needs(u32 nr)
{
	switch (nr) {
	case SYS_clone3: /* its flags are in memory, where a filter cannot look */
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setfsuid:
	case SYS_setfsgid:
	case SYS_setgroups:
	case SYS_capset:
	case SYS_prctl: /* the name */
	case SYS_setpgid:
	case SYS_setsid:
	case SYS_chdir:
	case SYS_fchdir:
	case SYS_chroot:
	case SYS_pivot_root:
	case SYS_unshare:
	case SYS_setns:
		return true;
	}
	return false;
}

static u32 emit(struct call_filter *f, u16 code, u8 jt, u8 jf, u32 k)
{
	if (f->n == f->cap) {
		u32 cap = f->cap ? 2 * f->cap : 128;
		struct sock_filter *v = mem_realloc_array(f->insns, cap, sizeof(*v));

		if (!v) {
			f->failed = true;
			return 0;
		}
		f->insns = v;
		f->cap = cap;
	}
	f->insns[f->n] = (struct sock_filter){ code, jt, jf, k };
	return f->n++;
}

static void emit_load(struct call_filter *f, u32 off)
{
	emit(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, off);
}

static void emit_answer(struct call_filter *f, enum answer a)
{
	switch (a) {
	case ALLOW:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
		break;
	case TRACE:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE | FILTER_DATA);
		break;
	case CLONE:
		emit_load(f, offsetof(struct seccomp_data, args[0]));
		emit(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, CLONE_UNTRACED);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE | FILTER_DATA);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
		break;
	}
}

/* If the number is @nr: @a. */
static void emit_if(struct call_filter *f, u32 nr, enum answer a)
{
	u32 at = emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, nr), from = f->n;

	emit_answer(f, a);
	if (!f->failed)
		f->insns[at].jf = (u8)(f->n - from);
}

/* The runs first..last, by a tree. */
static void emit_runs(struct call_filter *f, const u32 *start, const enum answer *answers,
		      u32 first, u32 last)
{
	u32 mid = (first + last + 1) / 2, at, from;

	if (first == last) {
		emit_answer(f, answers[first]);
		return;
	}
	/* Beyond 255 instructions only the unconditional jump reaches. */
	at = emit(f, BPF_JMP | BPF_JGE | BPF_K, 0, 1, start[mid]);
	from = emit(f, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_runs(f, start, answers, first, mid - 1);
	if (f->failed)
		return;
	f->insns[from].k = f->n - from - 1;
	if (f->n - from <= 255) { /* then without it */
		memmove(&f->insns[from], &f->insns[from + 1],
			(f->n - from - 1) * sizeof(*f->insns));
		f->n--;
		f->insns[at].jt = (u8)(f->n - from);
		f->insns[at].jf = 0;
	}
	emit_runs(f, start, answers, mid, last);
}

int filter_build(struct call_filter *f, const struct supervisor *sv, struct skep_process *p)
{
	enum answer answers[CALLS_MAX], other = sv->wants[CALLS_OTHER] ? TRACE : ALLOW;
	u32 start[CALLS_MAX], runs = 0, at;

	memset(f, 0, sizeof(*f));
	for (u32 nr = 0; nr < CALLS_MAX; nr++) {
		enum answer a = sv->wants[nr] || filter_needs(nr) ? TRACE : ALLOW;

		p->traced[nr] = a == TRACE;
		if (nr == SYS_clone && a == ALLOW)
			a = CLONE;
		if (!runs || answers[runs - 1] != a) {
			start[runs] = nr;
			answers[runs++] = a;
		}
	}
	emit_load(f, offsetof(struct seccomp_data, arch));
	at = emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, AUDIT_ARCH_X86_64);
	emit_load(f, offsetof(struct seccomp_data, nr));
	if (other == ALLOW) {
		emit_if(f, I386_CLONE, CLONE);
		emit_if(f, I386_CLONE3, TRACE);
		for (size_t i = 0; i < ARRAY_SIZE(i386_ids); i++)
			emit_if(f, i386_ids[i], TRACE);
	}
	emit_answer(f, other);
	if (!f->failed) {
		f->insns[at].jt = 0;
		f->insns[at].jf = 0;
		/* x86-64 is behind the i386 part */
		f->insns[at].jt = (u8)(f->n - at - 1);
	}
	emit_load(f, offsetof(struct seccomp_data, nr));
	at = emit(f, BPF_JMP | BPF_JGE | BPF_K, 0, 0, X32_BIT);
	if (other == ALLOW) {
		emit_if(f, X32_BIT | SYS_clone, CLONE);
		emit_if(f, X32_BIT | SYS_clone3, TRACE);
	}
	/* -1, of a call that was skipped, is allowed: it is not executed. */
	emit_if(f, (u32)-1, ALLOW);
	emit_answer(f, other);
	if (!f->failed)
		f->insns[at].jf = (u8)(f->n - at - 1);
	emit_runs(f, start, answers, 0, runs - 1);
	if (f->failed || f->n > BPF_MAXINSNS) {
		filter_free(f);
		return -ENOMEM;
	}
	return 0;
}

void filter_free(struct call_filter *f)
{
	mem_free(f->insns);
	memset(f, 0, sizeof(*f));
}
