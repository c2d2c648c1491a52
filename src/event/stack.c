/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks of supervised tasks by frame pointers (Linux: arch/x86/events/core.c,
 * perf_callchain_user(); kernel/events/callchain.c), and the build ids of what is on them
 * (lib/buildid.c).
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/version.h"
#include "event/maps.h"
#include "event/stack.h"
#include "event/uprobe.h"
#include "object/arena.h"

#define PAGE 4096ULL

static struct task *task_of(struct bpf_task *t)
{
	return container_of(t, struct task, bpf);
}

/* One page of the stack at a time: frames lie close together. */
struct stack_page {
	struct task *t;
	u64 addr; /* 1: none */
	u8 bytes[PAGE];
};

static bool read_word(struct stack_page *p, u64 addr, u64 *out)
{
	if ((addr & (PAGE - 1)) > PAGE - 8) /* across two pages */
		return !task_read(p->t, out, addr, sizeof(*out));
	if (p->addr != (addr & ~(PAGE - 1))) {
		p->addr = 1;
		if (task_read(p->t, p->bytes, addr & ~(PAGE - 1), PAGE))
			return false;
		p->addr = addr & ~(PAGE - 1);
	}
	memcpy(out, p->bytes + (addr & (PAGE - 1)), sizeof(*out));
	return true;
}

int stack_user(struct bpf_task *bt, struct bpf_run *run, u64 *ips, u32 max)
{
	struct task *t = task_of(bt);
	struct user_regs_struct *regs = task_regs(t);
	struct stack_page page = { .t = t, .addr = 1 };
	const struct uprobe_task *ut = t->uprobe;
	bool newer = visible((kver)run->arena->profile, KVER(6, 11));
	u64 fp, word;
	u32 n = 0;

	if (!regs)
		return -ESRCH;
	if (n < max)
		ips[n++] = uprobe_user_ip(t);
	/* A function's first instruction: its caller's frame is still the current one. */
	if (newer && n < max && ut && ut->at_entry && read_word(&page, regs->rsp, &word))
		ips[n++] = word;
	for (fp = regs->rbp; n < max; fp = word) {
		if (!read_word(&page, fp, &word) || !read_word(&page, fp + 8, &ips[n]))
			break;
		n++;
	}
	if (newer)
		uprobe_fix_stack(t, ips, n);
	return (int)n;
}

/* ---- build ids ---- */

static int read_notes(struct task *t, u64 at, u64 size, u8 id[20])
{
	u8 notes[4096];

	size = min_t(u64, size, sizeof(notes));
	if (task_read(t, notes, at, size))
		return -ENOENT;
	for (u64 off = 0; off + sizeof(Elf64_Nhdr) <= size;) {
		Elf64_Nhdr n;
		u64 name = off + sizeof(n), desc;

		memcpy(&n, notes + off, sizeof(n));
		desc = name + round_up((u64)n.n_namesz, 4);
		if (desc + n.n_descsz > size)
			break;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof("GNU") &&
		    !memcmp(notes + name, "GNU", sizeof("GNU")) && n.n_descsz && n.n_descsz <= 20) {
			memset(id, 0, 20);
			memcpy(id, notes + desc, n.n_descsz);
			return 0;
		}
		off = desc + round_up((u64)n.n_descsz, 4);
	}
	return -ENOENT;
}

/* Of the file whose head is mapped at @base. */
static int read_build_id(struct task *t, u64 base, u64 head, u8 id[20])
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (task_read(t, &e, base, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(p))
		return -ENOENT;
	for (u32 i = 0; i < e.e_phnum; i++) {
		if (task_read(t, &p, base + e.e_phoff + i * sizeof(p), sizeof(p)))
			return -ENOENT;
		/* By its place in the file, of which the head is contiguous in memory. */
		if (p.p_type == PT_NOTE && p.p_offset + p.p_filesz <= head &&
		    !read_notes(t, base + p.p_offset, p.p_filesz, id))
			return 0;
	}
	return -ENOENT;
}

int stack_build_id(struct bpf_task *bt, u64 ip, u8 id[20], u64 *offset)
{
	struct task *t = task_of(bt);
	const struct mapping *m;
	struct maps maps = { 0 };
	int err = -ENOENT;

	if (maps_read(t, &maps))
		goto out;
	m = maps_find(&maps, ip);
	if (!m || !m->ino)
		goto out;
	*offset = m->offset + (ip - m->start);
	for (size_t i = 0; i < maps.map.n && err; i++) {
		const struct mapping *head = &maps.map.v[i];

		if (head->dev == m->dev && head->ino == m->ino && !head->offset)
			err = read_build_id(t, head->start, head->end - head->start, id);
	}
out:
	maps_free(&maps);
	return err;
}
