/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Mappings of files: by mmap, and by execve for the segments of a program and its loader; what
 * mprotect reaches (Linux: mm/mmap.c, mm/util.c, mm/mprotect.c, fs/binfmt_elf.c).
 *
 * DIFF(functions-mmap): mappings of huge pages, whose file the kernel makes, and of System V shared
 * memory are not told.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/function.h"
#include "event/process.h"

#define PAGE 4096ULL

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static u64 page_start(u64 v)
{
	return v & ~(PAGE - 1);
}

static u64 page_align(u64 v)
{
	return page_start(v + PAGE - 1);
}

/* ---- mmap ---- */

static bool aligned(struct call_model *m)
{
	return !(arg5(m) % PAGE);
}

static u64 pgoff(struct call_model *m)
{
	return arg5(m) / PAGE;
}

static bool anonymous(struct call_model *m)
{
	return arg3(m) & MAP_ANONYMOUS;
}

static u64 map_file(struct call_model *m)
{
	u64 v;

	if (anonymous(m))
		return 0;
	if (memo_get(m, MEMO_FILE, &v))
		return v;
	return memo_set(m, MEMO_FILE, world_file(m->t, (int)arg4(m)));
}

static bool maps(struct call_model *m)
{
	return aligned(m) && !(arg3(m) & MAP_HUGETLB) &&
	       (anonymous(m) || (descriptor_info(m, (int)arg4(m), 0, false)->valid && map_file(m)));
}

static const struct step mmap_steps[] = {
	STEP(ksys_mmap_pgoff, 1, STEP_ENTRY, aligned, call_ret,
	     { arg0, arg1, arg2, arg3, arg4, pgoff }),
	STEP(vm_mmap_pgoff, 2, STEP_ENTRY, maps, call_ret,
	     { map_file, arg0, arg1, arg2, arg3, pgoff }),
	STEP(security_mmap_file, 3, STEP_ENTRY, maps, NULL, { map_file, arg2, arg3 }),
};

/* ---- mprotect ---- */

#define PROTECTION                                                                                 \
	(PROT_READ | PROT_WRITE | PROT_EXEC) /* VM_READ, VM_WRITE, VM_EXEC are the same */

#ifndef PROT_SEM
#define PROT_SEM 8
#endif

static bool implies_exec(struct task *t)
{
	unsigned long personality = 0;
	char text[32] = "";
	int fd = task_open_proc(t, "personality");

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) > 0)
			personality = strtoul(text, NULL, 16);
		close(fd);
	}
	return personality & 0x0400000; /* READ_IMPLIES_EXEC */
}

/* What is to be done is done as far as the mapping that is refused. */
static void refuse_from(struct call_model *m, u64 start, u64 at)
{
	u64 args[6];

	if (at == start)
		return;
	memcpy(args, m->t->call.args, sizeof(args));
	args[1] = at - start;
	tracer_inject(m->t, m->t->call.nr, args);
}

static void mprotect_enter(struct call_model *m)
{
	u64 start = arg0(m), end = start + page_align(arg1(m)), prot = arg2(m), requested;
	u64 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP), at = start, last_file = 0;

	requested = prot &= ~(u64)(PROT_GROWSDOWN | PROT_GROWSUP);
	/* Growing ones begin where their mapping does: who asks for that (no libc of today) is not asked about. */
	if (start % PAGE || end <= start || grows ||
	    prot & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return;
	if (prot & PROT_READ && !(prot & PROT_EXEC) && implies_exec(m->t))
		prot |= PROT_EXEC;
	while (at < end) {
		u64 vma = world_mapping(m->t, at), next = model_read(m, vma, "vm_end"), file;

		if (!vma || next <= at)
			return;
		file = model_read(m, vma, "vm_file");
		/* One of the same kind that is as the one before becomes: they are one by then. */
		if (at != start && file == last_file &&
		    (model_read(m, vma, "vm_flags") & PROTECTION) == (prot & PROTECTION)) {
			at = next;
			continue;
		}
		last_file = file;
		if (!ENTER(m, security_file_mprotect, 2, NULL, vma, requested, prot)) {
			refuse_from(m, start, at);
			return;
		}
		at = next;
	}
}

const struct call_path *memory_path(u32 nr)
{
	static const struct step mprotect_steps[] = {
		STEP(security_file_mprotect, 2, STEP_EXIT, never),
	};
	static const struct call_path mmap_path = PATH(mmap_steps),
				      mprotect_path = PATH(mprotect_steps, .enter = mprotect_enter);

	switch (nr) {
	case SYS_mmap:
		return &mmap_path;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return &mprotect_path;
	}
	return NULL;
}

/* ---- execve ---- */

#define SEGMENTS_MAX 16

static u64 segment_prot(u32 flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

void exec_maps_add(struct call_model *m, int fd, u64 file, bool loader, bool has_loader)
{
	u64 lowest = ~0ULL, highest = 0, phdr = 0;
	Elf64_Phdr p[64];
	u32 n = 0, count;
	Elf64_Ehdr e;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) || e.e_phentsize != sizeof(p[0]) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64)
		return;
	count = min_t(u32, e.e_phnum, ARRAY_SIZE(p));
	if (pread(fd, p, count * sizeof(p[0]), (off_t)e.e_phoff) != (ssize_t)(count * sizeof(p[0])))
		return;
	for (u32 i = 0; i < count; i++) {
		if (p[i].p_type != PT_LOAD)
			continue;
		lowest = min(lowest, page_start(p[i].p_vaddr));
		highest = max(highest, p[i].p_vaddr + p[i].p_memsz);
		if (p[i].p_offset <= e.e_phoff && e.e_phoff < p[i].p_offset + p[i].p_filesz)
			phdr = e.e_phoff - p[i].p_offset + p[i].p_vaddr;
	}
	if (!m->maps)
		m->maps = mem_calloc(2 * SEGMENTS_MAX, sizeof(*m->maps));
	for (u32 i = 0; i < count && m->maps && n < SEGMENTS_MAX; i++) {
		u64 in_page = p[i].p_vaddr % PAGE, size = page_align(p[i].p_filesz + in_page);
		struct exec_map *map = &m->maps[m->nr_maps];
		bool first = !n;

		if (p[i].p_type != PT_LOAD || !p[i].p_filesz)
			continue;
		*map = (struct exec_map){
			.file = file,
			.addr = page_start(p[i].p_vaddr),
			.size = size,
			.prot = segment_prot(p[i].p_flags),
			.flags = MAP_PRIVATE,
			.pgoff = (p[i].p_offset - in_page) / PAGE,
			.loader = loader,
			.moves = e.e_type == ET_DYN,
			.phdr = phdr,
		};
		/* The first mapping of what can be anywhere makes room for the others. */
		if (first && (loader || e.e_type == ET_DYN))
			map->size = page_align(highest - lowest);
		map->anywhere = first && e.e_type == ET_DYN && (loader || !has_loader);
		if (!first || (loader && e.e_type == ET_EXEC))
			map->flags |= MAP_FIXED;
		else if (!map->anywhere)
			map->flags |= MAP_FIXED_NOREPLACE;
		m->nr_maps++;
		n++;
	}
}

/* Where the kernel put the program's headers and the loader: /proc/TID/auxv. */
static void load_addresses(struct task *t, u64 *headers, u64 *loader)
{
	Elf64_auxv_t v[64];
	int fd = task_open_proc(t, "auxv");
	ssize_t n = fd < 0 ? 0 : read(fd, v, sizeof(v));

	if (fd >= 0)
		close(fd);
	*headers = *loader = 0;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(v[0]); i++) {
		if (v[i].a_type == AT_PHDR)
			*headers = v[i].a_un.a_val;
		if (v[i].a_type == AT_BASE)
			*loader = v[i].a_un.a_val;
	}
}

static u64 mapped_at(struct call_model *m)
{
	return m->mapped;
}

void exec_maps_fire(struct call_model *m, u8 depth)
{
	u64 headers, loader;

	if (!m->nr_maps)
		return;
	load_addresses(m->t, &headers, &loader);
	for (u32 i = 0; i < m->nr_maps; i++) {
		const struct exec_map *map = &m->maps[i];
		u64 base = !map->moves ? 0 : map->loader ? loader : headers - map->phdr;
		u64 at = map->addr + base;

		m->mapped = at;
		ENTER(m, vm_mmap_pgoff, depth, mapped_at, map->file, map->anywhere ? 0 : at,
		      map->size, map->prot, map->flags, map->pgoff);
		ENTER(m, security_mmap_file, (u8)(depth + 1), NULL, map->file, map->prot,
		      map->flags);
		model_leave(m, depth);
	}
}
