/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Open-coded iterators over tasks, their memory and control groups (Linux:
 * kernel/bpf/task_iter.c, cgroup_iter.c). DIFF(iter-tasks): all processes are those that the
 * iterator "task" shows.
 */
#include "helper/helper.h"
#include "object/rt_heap.h"

static u64 ask(struct bpf_run *run, enum world_op op, u64 a, u64 b, u64 c)
{
	u64 args[] = { a, b, c }, ret = run->platform->world(run, op, args);

	return (s64)ret < 0 ? 0 : ret;
}

/* ---- tasks ---- */

enum { TASKS_PROCS, TASKS_THREADS, TASKS_OF_PROC };

/* struct bpf_iter_task */
struct iter_task {
	u64 process, pos;
	u32 flags;
};

BPF_KFUNC(bpf_iter_task_new)
{
	struct iter_task *it = PTR(r1);

	it->pos = it->process = 0;
	it->flags = (u32)r3;
	if (it->flags > TASKS_OF_PROC || (it->flags == TASKS_OF_PROC && !r2))
		return INT(-EINVAL);
	it->process = it->flags == TASKS_OF_PROC ? r2 : ask(run, WORLD_NEXT_TASK, 0, false, 0);
	it->pos = it->process;
	return 0;
}

BPF_KFUNC(bpf_iter_task_next)
{
	struct iter_task *it = PTR(r1);
	u64 pos = it->pos;

	if (!pos)
		return 0;
	it->pos = it->flags == TASKS_PROCS ? 0 : ask(run, WORLD_NEXT_TASK, pos, true, 0);
	if (!it->pos && it->flags != TASKS_OF_PROC)
		it->pos = it->process = ask(run, WORLD_NEXT_TASK, it->process, false, 0);
	return pos;
}

BPF_KFUNC(bpf_iter_task_destroy)
{
	return 0;
}

/* ---- iterators whose state does not fit into 8 bytes ---- */

struct cursor {
	u64 of, pos, flags;
};

static int start(u64 slot, u64 of, u64 pos, u64 flags, struct bpf_run *run)
{
	struct cursor *c = heap_alloc(run->arena, run->platform, sizeof(*c), NULL);

	*(struct cursor **)PTR(slot) = c;
	if (!c)
		return -ENOMEM;
	*c = (struct cursor){ of, pos, flags };
	return 0;
}

static u64 end(u64 slot, struct bpf_run *run)
{
	struct cursor **c = PTR(slot);

	if (*c)
		heap_free(run->arena, run->platform, *c);
	*c = NULL;
	return 0;
}

/* ---- memory areas ---- */

BPF_KFUNC(bpf_iter_task_vma_new)
{
	*(u64 *)PTR(r1) = 0;
	if (!ask(run, WORLD_AREA, r2, 0, false)) /* a kernel's thread, or it has ended */
		return INT(-ENOENT);
	return INT(start(r1, r2, r3, 0, run));
}

BPF_KFUNC(bpf_iter_task_vma_next)
{
	struct cursor *c = *(struct cursor **)PTR(r1);
	u64 vma = c ? ask(run, WORLD_AREA, c->of, c->pos, false) : 0;

	if (vma) {
		u64 args[] = { vma, (u64)(uintptr_t) "vm_end" };

		c->pos = run->platform->world(run, WORLD_FIELD, args);
	}
	return vma;
}

BPF_KFUNC(bpf_iter_task_vma_destroy)
{
	return end(r1, run);
}

/* ---- control groups: a cgroup begins with its css ---- */

enum { GROUPS_PRE = 2, GROUPS_POST, GROUPS_UP };

/* struct bpf_iter_css */
struct iter_css {
	u64 start, pos;
	u32 flags;
};

BPF_KFUNC(bpf_iter_css_new)
{
	struct iter_css *it = PTR(r1);

	it->start = it->pos = 0;
	it->flags = (u32)r3;
	if (it->flags < GROUPS_PRE || it->flags > GROUPS_UP)
		return INT(-EINVAL);
	it->start = r2;
	return 0;
}

static u64 parent_of(struct bpf_run *run, u64 css)
{
	u64 args[] = { css, (u64)(uintptr_t) "self.parent" };

	return run->platform->world(run, WORLD_FIELD, args);
}

BPF_KFUNC(bpf_iter_css_next)
{
	struct iter_css *it = PTR(r1);

	if (!it->start)
		return 0;
	if (it->flags == GROUPS_UP)
		it->pos = it->pos ? parent_of(run, it->pos) : it->start;
	else
		it->pos = ask(run, WORLD_NEXT_CGROUP, it->start, it->pos, it->flags == GROUPS_POST);
	return it->pos;
}

BPF_KFUNC(bpf_iter_css_destroy)
{
	return 0;
}

/* ---- tasks of a control group ---- */

#define CSS_TASKS_PROCS	   1
#define CSS_TASKS_THREADED 2

BPF_KFUNC(bpf_iter_css_task_new)
{
	u32 flags = (u32)r3;

	*(u64 *)PTR(r1) = 0;
	if (flags && flags != CSS_TASKS_PROCS && flags != (CSS_TASKS_PROCS | CSS_TASKS_THREADED))
		return INT(-EINVAL);
	return INT(start(r1, r2, 0, flags, run));
}

BPF_KFUNC(bpf_iter_css_task_next)
{
	struct cursor *c = *(struct cursor **)PTR(r1);

	if (!c || c->pos == (u64)-1)
		return 0;
	c->pos = ask(run, WORLD_CGROUP_TASK, c->of, c->pos, c->flags & CSS_TASKS_PROCS);
	if (c->pos)
		return c->pos;
	c->pos = (u64)-1; /* it has ended */
	return 0;
}

BPF_KFUNC(bpf_iter_css_task_destroy)
{
	return end(r1, run);
}

/* ---- slab caches: struct bpf_iter_kmem_cache, how many have been given ---- */

BPF_KFUNC(bpf_iter_kmem_cache_new)
{
	*(u64 *)PTR(r1) = 0;
	return 0;
}

BPF_KFUNC(bpf_iter_kmem_cache_next)
{
	u64 *given = PTR(r1), cache;

	cache = run->platform->kernel_call(run, KERNEL_CALL_SLAB_CACHE, given);
	if ((s64)cache <= 0)
		return 0;
	++*given;
	return cache;
}

BPF_KFUNC(bpf_iter_kmem_cache_destroy)
{
	return 0;
}
