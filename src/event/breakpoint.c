/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Breakpoints and slots (Linux: kernel/events/uprobes.c, its xol_area).
 *
 * Linux steps once over the copy of an instruction. Here a jump follows the copy, so one
 * stop is enough. A signal may find the task in the slot; breakpoint_undo() then says where
 * it is in truth. A slot belongs to its breakpoint until the address space ends, as
 * nobody knows when the last thread has left it.
 */
#include "event/breakpoint.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "event/insn.h"
#include "event/process.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define PAGE	 4096ULL
#define SLOT	 64 /* bytes; the first of a page is the trampoline's */
#define INT3	 0xcc
#define NR_TRIES 8

struct mm_breakpoints *breakpoints_of(struct task *t)
{
	struct mm *mm = t->mm;

	if (!mm->breakpoints) {
		mm->breakpoints = mem_zalloc(sizeof(*mm->breakpoints));
		mm->breakpoints_free = breakpoints_free;
	}
	return mm->breakpoints;
}

void breakpoints_free(struct mm_breakpoints *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->bp.n; i++)
		mem_free(b->bp.v[i]);
	vec_free(&b->bp);
	vec_free(&b->pages);
	mem_free(b);
}

/* Index of the first at or behind @vaddr. */
static size_t position(const struct mm_breakpoints *b, u64 vaddr)
{
	size_t lo = 0, hi = b->bp.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (b->bp.v[mid]->vaddr < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct breakpoint *breakpoint_find(const struct mm_breakpoints *b, u64 vaddr)
{
	size_t at = b ? position(b, vaddr) : 0;

	return b && at < b->bp.n && b->bp.v[at]->vaddr == vaddr ? b->bp.v[at] : NULL;
}

static int insert(struct mm_breakpoints *b, struct breakpoint *bp)
{
	size_t at = position(b, bp->vaddr);

	if (vec_reserve(&b->bp, b->bp.n + 1))
		return -ENOMEM;
	memmove(&b->bp.v[at + 1], &b->bp.v[at], (b->bp.n - at) * sizeof(*b->bp.v));
	b->bp.v[at] = bp;
	b->bp.n++;
	return 0;
}

void breakpoint_forget(struct mm_breakpoints *b, struct breakpoint *bp)
{
	size_t at = position(b, bp->vaddr);

	memmove(&b->bp.v[at], &b->bp.v[at + 1], (b->bp.n - at - 1) * sizeof(*b->bp.v));
	b->bp.n--;
	mem_free(bp);
}

int breakpoints_copy(struct task *child, const struct mm_breakpoints *from)
{
	struct mm_breakpoints *b = breakpoints_of(child);

	if (!b)
		return -ENOMEM;
	b->trampoline = from->trampoline;
	b->generation = from->generation;
	for (size_t i = 0; i < from->pages.n; i++)
		if (vec_push(&b->pages, from->pages.v[i]))
			return -ENOMEM;
	for (size_t i = 0; i < from->bp.n; i++) {
		struct breakpoint *bp = mem_dup(from->bp.v[i], sizeof(*bp));

		if (!bp || vec_push(&b->bp, bp)) {
			mem_free(bp);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- placing ---- */

/* The bytes at @vaddr, as many as there are. */
static u32 read_code(struct task *t, u64 vaddr, u8 *buf, u32 size)
{
	u32 here = (u32)min_t(u64, size, PAGE - (vaddr & (PAGE - 1)));

	if (!task_read(t, buf, vaddr, size))
		return size;
	return task_read(t, buf, vaddr, here) ? 0 : here;
}

int breakpoint_place(struct task *t, u64 vaddr, struct breakpoint **out)
{
	static const u8 int3 = INT3;
	struct mm_breakpoints *b = breakpoints_of(t);
	struct breakpoint *bp, new = { .vaddr = vaddr };
	u8 code[X86_INSN_MAX];
	u32 n;
	int err;

	*out = NULL;
	if (!b)
		return -ENOMEM;
	n = read_code(t, vaddr, code, sizeof(code));
	if (!n)
		return -EFAULT;
	bp = breakpoint_find(b, vaddr);
	if (bp && !memcmp(code + 1, bp->bytes + 1, bp->insn.len - 1U) &&
	    (code[0] == bp->bytes[0] || (bp->placed && code[0] == INT3))) {
		if (code[0] != INT3 && task_write(t, vaddr, &int3, 1))
			return -EFAULT;
		bp->placed = true;
		*out = bp;
		return 0;
	}
	if (bp) /* other code is there now */
		breakpoint_forget(b, bp);
	if (code[0] == INT3)
		return -EBUSY;
	err = x86_probe_check(code, n, &new.insn, &new.kind);
	if (err)
		return err;
	memcpy(new.bytes, code, n);
	bp = mem_dup(&new, sizeof(new));
	err = bp ? insert(b, bp) : -ENOMEM;
	if (!err && task_write(t, vaddr, &int3, 1)) {
		breakpoint_forget(b, bp);
		return -EFAULT;
	}
	if (err) {
		mem_free(bp);
		return err;
	}
	bp->placed = true;
	*out = bp;
	return 0;
}

void breakpoint_remove(struct task *t, struct breakpoint *bp)
{
	u8 now;

	if (bp->placed && !task_read(t, &now, bp->vaddr, 1) && now == INT3)
		task_write(t, bp->vaddr, bp->bytes, 1);
	bp->placed = false;
}

/* ---- slots ---- */

/* A page for slots near @vaddr, mapped by the task. */
static int new_page(struct task *t, u64 vaddr)
{
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct maps maps = { 0 };
	int err = -ENOMEM;

	for (u32 i = 0; i < NR_TRIES; i++) {
		struct slot_page page = { .used = SLOT };
		u64 args[6] = { 0,
				PAGE,
				PROT_READ | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				(u64)-1,
				0 };
		u8 fill[PAGE];
		long addr;

		err = maps_read(t, &maps);
		if (err)
			break;
		page.addr = maps_room_near(&maps, vaddr, vaddr + SLOT);
		err = -ENOMEM;
		if (!page.addr)
			break;
		args[0] = page.addr;
		addr = tracer_inject(t, SYS_mmap, args);
		err = (int)addr;
		if (addr == -EEXIST) /* another thread was faster */
			continue;
		if (addr < 0 && addr > -4096)
			break;
		memset(fill, INT3, sizeof(fill));
		err = task_write(t, page.addr, fill, sizeof(fill));
		if (!err)
			err = vec_push(&b->pages, page);
		break;
	}
	maps_free(&maps);
	return err;
}

static int fill_slot(struct task *t, struct breakpoint *bp)
{
	struct mm_breakpoints *b = t->mm->breakpoints;
	struct x86_slot code;

	for (size_t i = b->pages.n; i--;) {
		struct slot_page *p = &b->pages.v[i];
		u64 at = p->addr + p->used;

		if (p->used + SLOT > PAGE ||
		    x86_relocate(&bp->insn, bp->bytes, bp->vaddr, at, &code))
			continue;
		if (task_write(t, at, code.code, code.len))
			return -EFAULT;
		bp->slot = at;
		bp->second = code.second;
		bp->pushed = code.pushed;
		p->used += SLOT;
		return 0;
	}
	return -ENOSPC;
}

int breakpoint_trampoline(struct task *t)
{
	struct mm_breakpoints *b = breakpoints_of(t);
	struct user_regs_struct *regs = task_regs(t);
	int err = 0;

	if (!b || !regs)
		return -ENOMEM;
	if (b->trampoline)
		return 0;
	if (!b->pages.n)
		err = new_page(t, regs->rip);
	if (!err)
		b->trampoline = b->pages.v[0].addr;
	return err;
}

int breakpoint_pass(struct task *t, struct breakpoint *bp)
{
	struct user_regs_struct *regs = task_regs(t);
	int err = 0;

	if (!regs)
		return -ESRCH;
	if (!bp->placed) { /* taken away meanwhile: the instruction is in its place */
		regs->rip = bp->vaddr;
		t->regs_changed = true;
		return 0;
	}
	if (bp->kind != X86_COPY) {
		insn_emulate(&bp->insn, bp->kind, regs);
		t->regs_changed = true;
		return 0;
	}
	if (!bp->slot)
		err = fill_slot(t, bp);
	if (err == -ENOSPC) {
		err = new_page(t, bp->vaddr);
		if (!err)
			err = fill_slot(t, bp);
		regs = task_regs(t);
	}
	if (err || !regs)
		return err ? err : -ESRCH;
	regs->rip = bp->slot;
	t->regs_changed = true;
	return 0;
}

/* ---- stops ---- */

struct breakpoint *breakpoint_hit(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct breakpoint *bp = regs ? breakpoint_find(t->mm->breakpoints, regs->rip - 1) : NULL;
	u8 now;

	if (!bp)
		return NULL;
	/* Taken away since: the stop was for it, unless the program has a breakpoint of its own there. */
	if (!bp->placed && (task_read(t, &now, bp->vaddr, 1) || now == INT3))
		return NULL;
	return bp;
}

bool breakpoint_undo(const struct mm_breakpoints *b, u64 *ip, u64 *sp, bool fault)
{
	bool in_page = false;

	for (size_t i = 0; b && i < b->pages.n; i++)
		in_page |= *ip - b->pages.v[i].addr < PAGE;
	if (!in_page)
		return true;
	for (size_t i = 0; i < b->bp.n; i++) {
		const struct breakpoint *bp = b->bp.v[i];

		if (!bp->slot || *ip - bp->slot >= SLOT)
			continue;
		if (*ip == bp->slot) {
			*ip = bp->vaddr;
			return false;
		}
		if (!bp->pushed) {
			*ip = bp->vaddr + bp->insn.len;
		} else if (fault) {
			*sp += 8;
			*ip = bp->vaddr;
			return false;
		}
		return true;
	}
	return true;
}
