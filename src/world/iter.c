/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tasks, their files and memory areas for those who go over all of them; see iter.h. */
#include "world/iter.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "world/fill.h"

struct tids {
	VEC(pid_t) v;
	int err;
};

static void add_tid(struct tids *l, pid_t tid)
{
	if (!l->err)
		l->err = vec_push(&l->v, tid);
}

static int add_task(struct task *t, void *arg)
{
	add_tid(arg, (pid_t)t->bpf.tid);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Numbers that are names in @dir. */
static void add_names(struct tids *l, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (*e->d_name >= '0' && *e->d_name <= '9')
			add_tid(l, (pid_t)atoi(e->d_name));
	if (d)
		closedir(d);
}

static int finish(struct tids *l, pid_t **out, u32 *n)
{
	u32 kept = 0;

	if (l->v.n)
		qsort(l->v.v, l->v.n, sizeof(pid_t), by_number);
	for (u32 i = 0; i < l->v.n; i++)
		if (!i || l->v.v[i] != l->v.v[i - 1])
			l->v.v[kept++] = l->v.v[i];
	*out = l->v.v;
	*n = kept;
	return l->err;
}

int world_iter_tids(struct skep_system *sys, pid_t self, pid_t **out, u32 *n)
{
	struct tids l = { 0 };
	char path[64];

	relock_take(&sys->world_lock);
	tasks_each(sys, add_task, &l);
	relock_give(&sys->world_lock);
	snprintf(path, sizeof(path), "/proc/%d/task", self);
	add_names(&l, path);
	return finish(&l, out, n);
}

int world_iter_fds(pid_t tid, int **out, u32 *n)
{
	struct tids l = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", tid);
	add_names(&l, path);
	return finish(&l, out, n);
}

u64 world_iter_task(struct skep_system *sys, struct bpf_run *run, pid_t tid, pid_t *tgid)
{
	struct wobj *o = NULL;
	struct world *w;
	u64 addr = 0;

	relock_take(&sys->world_lock);
	w = world_of(sys);
	if (w) {
		world_enter(w, run);
		o = world_tid_obj(w, tid);
	}
	if (o) {
		addr = o->addr;
		*tgid = (pid_t)world_get(w, o, WF_task_struct_tgid);
	}
	relock_give(&sys->world_lock);
	return addr;
}

u64 world_iter_file(struct skep_system *sys, struct bpf_run *run, pid_t tid, int fd)
{
	struct wobj *task, *file = NULL;
	struct world *w;
	u64 addr = 0;

	relock_take(&sys->world_lock);
	w = world_of(sys);
	task = w ? world_tid_obj(w, tid) : NULL;
	if (task) {
		world_enter(w, run);
		file = file_obj(w, task, fd);
	}
	if (file)
		addr = file->addr;
	relock_give(&sys->world_lock);
	return addr;
}

/* ---- one after the other, for programs ---- */

/* Its thread with the next number. */
static struct wobj *next_thread(struct world *w, struct wobj *task)
{
	struct wobj *next = NULL;
	struct tids l = { 0 };
	pid_t *tids, tid = wtask(task)->tid;
	char path[64];
	u32 n;

	snprintf(path, sizeof(path), "/proc/%d/task", tid);
	add_names(&l, path);
	if (!finish(&l, &tids, &n))
		for (u32 i = 0; i < n && !next; i++)
			if (tids[i] > tid)
				next = world_tid_obj(w, tids[i]);
	mem_free(tids);
	return next;
}

/* The process with the next number. */
static struct wobj *next_process(struct world *w, const struct bpf_run *run, pid_t pid)
{
	struct wobj *o, *next = NULL;
	pid_t *tids = NULL;
	u32 n;

	if (!world_iter_tids(w->sys, run->task ? 0 : getpid(), &tids, &n))
		for (u32 i = 0; i < n && !next; i++) {
			o = tids[i] > pid ? world_tid_obj(w, tids[i]) : NULL;
			if (o && world_get(w, o, WF_task_struct_tgid) == (u64)tids[i])
				next = o;
		}
	mem_free(tids);
	return next;
}

u64 world_next_task(struct world *w, const struct bpf_run *run, struct wobj *task, bool thread)
{
	struct wobj *o =
		thread ? next_thread(w, task) : next_process(w, run, task ? wtask(task)->tid : 0);

	return o ? o->addr : 0;
}
