/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The mechanism of uprobes: a place in an address space where control comes to us, and how
 * it goes on from there. What is at the places is uprobe.c's affair. This one is a
 * breakpoint instruction; the code of a place is executed in slots (pages that the task maps
 * at our request), so that the breakpoint stays for the other threads.
 *
 * All of it in the loop thread. Code is written through task_write(), for which the task
 * need not be stopped: one byte changes.
 */
#ifndef SKEP_EVENT_BREAKPOINT_H
#define SKEP_EVENT_BREAKPOINT_H

#include "base/vec.h"
#include "base/x86_insn.h"
#include "event/maps.h"

struct breakpoint {
	u64 vaddr;
	u64 dev, ino, offset; /* what is mapped there */
	bool placed;	      /* else taken away; who is on his way through still finds it */
	bool marked;	      /* for the user: of a sweep over all */
	u64 semaphore;	      /* of the user: address that was counted up; 0: none */
	u8 bytes[X86_INSN_MAX + 1];
	struct x86_insn insn;
	enum x86_kind kind;
	u64 slot; /* 0: none yet */
	u8 second;
	bool pushed;
};

struct slot_page {
	u64 addr;
	u32 used; /* bytes */
};

struct mm_breakpoints {
	VEC(struct breakpoint *) bp; /* by vaddr */
	VEC(struct slot_page) pages;
	u64 trampoline;	  /* address of a breakpoint that functions return to; 0: none */
	u64 generation;	  /* of the user */
	bool fork_missed; /* of the user */
};

/* The state of @t's address space; made on demand. NULL: out of memory. */
struct mm_breakpoints *breakpoints_of(struct task *t);
/* A copy for a forked address space. 0 or -ENOMEM. */
int breakpoints_copy(struct task *child, const struct mm_breakpoints *from);
void breakpoints_free(struct mm_breakpoints *b);

struct breakpoint *breakpoint_find(const struct mm_breakpoints *b, u64 vaddr);
/*
 * Puts one at @vaddr, or puts it back: 0 and *@out; -ENOTSUPP, -ENOEXEC: no instruction for it;
 * -EBUSY: somebody else's is there; -EFAULT, -ENOMEM.
 */
int breakpoint_place(struct task *t, u64 vaddr, struct breakpoint **out);
/* Restores the instruction, if ours is still there. */
void breakpoint_remove(struct task *t, struct breakpoint *bp);
/* Forgets one whose mapping is gone. */
void breakpoint_forget(struct mm_breakpoints *b, struct breakpoint *bp);

/* The one that stopped @t, with the registers behind it; NULL: not ours. */
struct breakpoint *breakpoint_hit(struct task *t);
/*
 * Executes what is below the breakpoint at .rip: sets registers so that the task goes on.
 * 0, or -errno: there is no place for it, and nothing has changed.
 */
int breakpoint_pass(struct task *t, struct breakpoint *bp);
/* Makes b->trampoline. 0 or -errno. */
int breakpoint_trampoline(struct task *t);

/*
 * Where @t would be without us, if it is in a slot: changes *@ip and *@sp. False when the
 * instruction of a slot has not been executed (@ip is its breakpoint's).
 */
bool breakpoint_undo(const struct mm_breakpoints *b, u64 *ip, u64 *sp, bool fault);

#endif
