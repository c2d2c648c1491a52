/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Seccomp filters: which system calls of a tree stop, and which are answered in the kernel's
 * place (Linux: kernel/seccomp.c runs them). A filter cannot be changed. That of a spawned tree is for
 * what is attached at the start; what is attached later falls back to stops at every call
 * (tracer.c). That of an instance (src/daemon) is complete: it names whatever is ever answered.
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

/* Numbers in the i386 table: those that change a task's ids, and clone. Others are not cached for long. */
#define I386_CLONE  120
#define I386_CLONE3 435
#define I386_PERF   336
#define I386_BPF    357
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

static void emit_answer_if(struct call_filter *f, u16 test, u32 arg, u32 k, enum call_answer yes);
static void emit_fd_range(struct call_filter *f, u32 first, u32 end);

static void emit_answer(struct call_filter *f, enum call_answer a)
{
	switch (a) {
	case CALL_ALLOW:
	case CALL_NATIVE:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
		break;
	case CALL_TRACE:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE | FILTER_DATA);
		break;
	case CALL_CLONE:
		emit_load(f, offsetof(struct seccomp_data, args[0]));
		emit(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, CLONE_UNTRACED);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE | FILTER_DATA);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
		break;
	case CALL_NOTIFY:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
		break;
	case CALL_TRAP:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRAP | FILTER_DATA);
		break;
	case CALL_ZERO:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO);
		break;
	case CALL_ABSENT:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	case CALL_REFUSED:
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM);
		break;
	case CALL_IOCTL_CONFINED: /* FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX */
		emit_answer_if(f, BPF_JEQ, 1, 0x8901, CALL_REFUSED);
		emit_answer_if(f, BPF_JEQ, 1, 0x8902, CALL_REFUSED);
		emit_answer_if(f, BPF_JEQ, 1, 0x5412, CALL_REFUSED);
		emit_answer_if(f, BPF_JEQ, 1, 0x541c, CALL_REFUSED);
		emit_answer(f, CALL_IOCTL);
		break;
	case CALL_FCNTL_CONFINED: /* F_SETOWN, F_SETSIG, F_SETOWN_EX */
		emit_answer_if(f, BPF_JEQ, 1, 8, CALL_REFUSED);
		emit_answer_if(f, BPF_JEQ, 1, 10, CALL_REFUSED);
		emit_answer_if(f, BPF_JEQ, 1, 15, CALL_REFUSED);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_CLONE_CONFINED:
		emit_answer_if(f, BPF_JSET, 0, CLONE_NEWUSER, CALL_REFUSED);
		emit_answer(f, CALL_CLONE);
		break;
	case CALL_UNSHARE_CONFINED:
		emit_answer_if(f, BPF_JSET, 0, CLONE_NEWUSER, CALL_REFUSED);
		emit_answer(f, CALL_TRACE);
		break;
	case CALL_RLIMIT_CONFINED:
		emit_answer_if(f, BPF_JEQ, 0, 0, CALL_RLIMIT_1);
		emit_answer(f, CALL_REFUSED);
		break;
	case CALL_POLL: /* of nothing, as sleep */
		emit_answer_if(f, BPF_JEQ, 1, 0, CALL_ALLOW);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_SELECT:
		emit_answer_if(f, BPF_JEQ, 0, 0, CALL_ALLOW);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_IOCTL: /* perf events': '$' in the second byte of the request */
		emit_load(f, offsetof(struct seccomp_data, args[1]));
		emit(f, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xff00);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, '$' << 8);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
		emit_answer_if(f, BPF_JEQ, 1, CALL_PROXY_BPF, CALL_NOTIFY);
		emit_answer_if(f, BPF_JEQ, 1, CALL_PROXY_PERF, CALL_NOTIFY);
		emit_answer_if(f, BPF_JEQ, 1, CALL_PROXY_FD, CALL_NOTIFY);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_MMAP: /* shared mappings of files */
		emit_answer_if(f, BPF_JEQ, 4, (u32)-1, CALL_ALLOW);
		emit_answer_if(f, BPF_JSET, 3, 1 /* MAP_SHARED */, CALL_NOTIFY);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_AT_3: /* fstat() by another name needs no answer: AT_EMPTY_PATH */
		emit_answer_if(f, BPF_JSET, 3, 0x1000, CALL_ALLOW);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_AT_2:
		emit_answer_if(f, BPF_JSET, 2, 0x1000, CALL_ALLOW);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_RLIMIT_0: /* RLIMIT_MEMLOCK */
		emit_answer_if(f, BPF_JEQ, 0, 8, CALL_NOTIFY);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_RLIMIT_1:
		emit_answer_if(f, BPF_JEQ, 1, 8, CALL_NOTIFY);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_PTRACE: /* TRACEME, ATTACH, SEIZE */
		emit_answer_if(f, BPF_JEQ, 0, 0, CALL_NOTIFY);
		emit_answer_if(f, BPF_JEQ, 0, 16, CALL_NOTIFY);
		emit_answer_if(f, BPF_JEQ, 0, 0x4206, CALL_NOTIFY);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_SOCKOPT: /* SO_{ATTACH,DETACH}_BPF, SO_ATTACH_REUSEPORT_{CBPF,EBPF}, SO_DETACH_REUSEPORT_BPF */
		emit_load(f, offsetof(struct seccomp_data, args[1]));
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 7, 1 /* SOL_SOCKET */);
		emit_load(f, offsetof(struct seccomp_data, args[2]));
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 50);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 51);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 52);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 68);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 27);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_NETLINK:
	case CALL_NETLINK_NEW:
		emit_load(f, offsetof(struct seccomp_data, args[0]));
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 16 /* AF_NETLINK */);
		emit_load(f, offsetof(struct seccomp_data, args[2]));
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0 /* NETLINK_ROUTE */);
		emit(f, BPF_RET | BPF_K, 0, 0,
		     a == CALL_NETLINK ? SECCOMP_RET_TRACE | FILTER_DATA : SECCOMP_RET_USER_NOTIF);
		emit_answer(f, CALL_ALLOW);
		break;
	case CALL_NETLINK_FD:
		emit_fd_range(f, NETLINK_FD_FIRST, NETLINK_FD_END);
		break;
	case CALL_RECEIVER_FD:
		emit_fd_range(f, RECEIVER_FD_FIRST, RECEIVER_FD_END);
		break;
	case CALL_RECEIVER_AT_2:
		emit_answer_if(f, BPF_JSET, 2, 0x1000, CALL_RECEIVER_FD);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_RECEIVER_AT_3:
		emit_answer_if(f, BPF_JSET, 3, 0x1000, CALL_RECEIVER_FD);
		emit_answer(f, CALL_NOTIFY);
		break;
	case CALL_RECEIVER_IOCTL: /* 'i' and 'E' in the second byte, 'E' of any size */
		emit_load(f, offsetof(struct seccomp_data, args[1]));
		emit(f, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xff00);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 'i' << 8);
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'E' << 8);
		emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
		emit_answer(f, CALL_IOCTL);
		break;
	}
}

/* NOTIFY if the first argument is a descriptor from @first to before @end. */
static void emit_fd_range(struct call_filter *f, u32 first, u32 end)
{
	emit_load(f, offsetof(struct seccomp_data, args[0]));
	emit(f, BPF_ALU | BPF_SUB | BPF_K, 0, 0, first);
	emit(f, BPF_JMP | BPF_JGE | BPF_K, 1, 0, end - first);
	emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
	emit_answer(f, CALL_ALLOW);
}

/* If the lower half of argument @arg passes @test with @k: @yes. */
static void emit_answer_if(struct call_filter *f, u16 test, u32 arg, u32 k, enum call_answer yes)
{
	u32 at, from;

	emit_load(f, (u32)offsetof(struct seccomp_data, args) + arg * 8);
	at = emit(f, BPF_JMP | test | BPF_K, 0, 0, k);
	from = f->n;
	emit_answer(f, yes);
	if (!f->failed)
		f->insns[at].jf = (u8)(f->n - from);
}

/* If the number is @nr: @a. */
static void emit_if(struct call_filter *f, u32 nr, enum call_answer a)
{
	u32 at = emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, nr), from = f->n;

	emit_answer(f, a);
	if (!f->failed)
		f->insns[at].jf = (u8)(f->n - from);
}

/* The runs first..last, by a tree. */
static void emit_runs(struct call_filter *f, const u32 *start, const enum call_answer *answers,
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

int filter_compile(struct call_filter *f, const u8 *wanted, enum call_answer other,
		   enum call_answer control)
{
	enum call_answer answers[CALLS_MAX];
	u32 start[CALLS_MAX], runs = 0, at;
	bool escapes = other == CALL_ALLOW; /* are to be seen, and who changes its ids */

	memset(f, 0, sizeof(*f));
	for (u32 nr = 0; nr < CALLS_MAX; nr++) {
		enum call_answer a = (enum call_answer)wanted[nr];

		if (!runs || answers[runs - 1] != a) {
			start[runs] = nr;
			answers[runs++] = a;
		}
	}
	emit_load(f, offsetof(struct seccomp_data, arch));
	at = emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, AUDIT_ARCH_X86_64);
	emit_load(f, offsetof(struct seccomp_data, nr));
	if (control != other) {
		emit_if(f, I386_BPF, control);
		emit_if(f, I386_PERF, control);
	}
	if (escapes) {
		emit_if(f, I386_CLONE, CALL_CLONE);
		emit_if(f, I386_CLONE3, CALL_TRACE);
		for (size_t i = 0; i < ARRAY_SIZE(i386_ids); i++)
			emit_if(f, i386_ids[i], CALL_TRACE);
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
	if (control != other) {
		emit_if(f, X32_BIT | SYS_bpf, control);
		emit_if(f, X32_BIT | SYS_perf_event_open, control);
	}
	if (escapes) {
		emit_if(f, X32_BIT | SYS_clone, CALL_CLONE);
		emit_if(f, X32_BIT | SYS_clone3, CALL_TRACE);
	}
	/* -1, of a call that was skipped, is allowed: it is not executed. */
	emit_if(f, (u32)-1, CALL_ALLOW);
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

int filter_build(struct call_filter *f, const struct supervisor *sv, struct skep_process *p)
{
	enum call_answer other;
	u8 answers[CALLS_MAX];

	for (u32 nr = 0; nr < CALLS_MAX; nr++) {
		p->traced[nr] = sv->wants[nr] || filter_needs(nr);
		answers[nr] = p->traced[nr] ? CALL_TRACE : CALL_ALLOW;
		p->plain[nr] = true;
	}
	if (!p->traced[SYS_clone])
		answers[SYS_clone] = CALL_CLONE;
	other = sv->wants[CALLS_OTHER] ? CALL_TRACE : CALL_ALLOW;
	return filter_compile(f, answers, other, other);
}

void filter_free(struct call_filter *f)
{
	mem_free(f->insns);
	memset(f, 0, sizeof(*f));
}
