/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Memory areas of tasks (Linux: mm/mmap.c, find_vma()): lines of /proc/TID/maps as
 * struct vm_area_struct.
 */
#include <stdio.h>
#include <string.h>

#include "world/fill.h"
#include "world/iter.h"

#define AREA_TAG 0x3a /* areas begin at pages: no other made-up object has such a number */

struct area {
	unsigned long long start, end, off;
	unsigned long ino;
	char perms[8];
};

/* The page of the kernel's that all processes see is no area of theirs. */
static bool parse(const char *line, struct area *a)
{
	return sscanf(line, "%llx-%llx %7s %llx %*s %lu", &a->start, &a->end, a->perms, &a->off,
		      &a->ino) == 5 &&
	       !(a->start >> 63);
}

static u64 area_obj(struct world *w, struct wobj *task, const struct area *a)
{
	struct wobj *o = world_made_up(w, "vm_area_struct", a->start | AREA_TAG);
	u64 flags = 0x70, pgoff = a->off >> 12; /* VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC */
	u64 mm = world_get(w, task, WF_task_struct_mm), file = 0;
	u64 start = a->start, end = a->end;
	char link[64]; /* of the process: threads have none */

	if (!o)
		return 0;
	flags |= (a->perms[0] == 'r' ? 1U : 0) | (a->perms[1] == 'w' ? 2U : 0) |
		 (a->perms[2] == 'x' ? 4U : 0) | (a->perms[3] == 's' ? 0x88U : 0);
	snprintf(link, sizeof(link), "../../map_files/%llx-%llx", a->start, a->end);
	if (a->ino)
		file = world_link_file(w, wtask(task), link);
	world_put(w, o->addr, "vm_start", &start, sizeof(start));
	world_put(w, o->addr, "vm_end", &end, sizeof(end));
	world_put(w, o->addr, "vm_flags", &flags, sizeof(flags));
	world_put(w, o->addr, "vm_pgoff", &pgoff, sizeof(pgoff));
	world_put(w, o->addr, "vm_file", &file, sizeof(file));
	world_put(w, o->addr, "vm_mm", &mm, sizeof(mm));
	return o->addr;
}

u64 world_area(struct world *w, struct wobj *task, u64 addr, bool holds)
{
	char path[64], line[4096 + 128];
	struct area a;
	u64 found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", wtask(task)->tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (parse(line, &a) && a.end > addr) {
			if (!holds || a.start <= addr)
				found = area_obj(w, task, &a);
			break;
		}
	if (f)
		fclose(f);
	return found;
}

u64 world_mapping(struct task *t, u64 addr)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *task = w ? world_task_obj(w, t) : NULL;

	return task ? world_area(w, task, addr, true) : 0;
}

u64 world_iter_area(struct skep_system *sys, struct bpf_run *run, pid_t tid, const char *line)
{
	struct wobj *task;
	struct world *w;
	struct area a;
	u64 addr = 0;

	if (!parse(line, &a))
		return 0;
	relock_take(&sys->world_lock);
	w = world_of(sys);
	task = w ? world_tid_obj(w, tid) : NULL;
	if (task) {
		world_enter(w, run);
		addr = area_obj(w, task, &a);
	}
	relock_give(&sys->world_lock);
	return addr;
}
