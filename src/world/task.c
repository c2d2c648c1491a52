/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The table of supervised tasks, their memory and registers (Linux: kernel/pid.c,
 * mm/memory.c:access_remote_vm(), kernel/ptrace.c). Only the supervisor's loop thread
 * comes here, but for looks into the table (task.h).
 *
 * Memory goes through /proc/TID/mem, which ignores protection as ptrace does, so that
 * breakpoints can be written into text. What helpers read and write on behalf of
 * programs obeys protection; that is src/event/task.c.
 */
#include "world/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BUCKETS 1024 /* power of two */

struct task_table {
	u32 n;
	struct task *buckets[BUCKETS];
};

static struct task **bucket(const struct skep_system *sys, pid_t tid)
{
	return &sys->tasks->buckets[(u32)tid % BUCKETS];
}

int tasks_start(struct skep_system *sys)
{
	if (!sys->tasks)
		sys->tasks = mem_zalloc(sizeof(*sys->tasks));
	return sys->tasks ? 0 : -ENOMEM;
}

void tasks_stop(struct skep_system *sys)
{
	mem_free(sys->tasks);
	sys->tasks = NULL;
}

u32 tasks_count(const struct skep_system *sys)
{
	return sys->tasks ? sys->tasks->n : 0;
}

struct task *task_find(struct skep_system *sys, pid_t tid)
{
	struct task *t;

	if (!sys->tasks)
		return NULL;
	for (t = *bucket(sys, tid); t; t = t->next_hash)
		if (t->bpf.tid == (u32)tid)
			return t;
	return NULL;
}

int tasks_each(struct skep_system *sys, int (*fn)(struct task *t, void *arg), void *arg)
{
	struct task *t, *next;
	int ret;

	for (u32 i = 0; sys->tasks && i < BUCKETS; i++)
		for (t = sys->tasks->buckets[i]; t; t = next) {
			next = t->next_hash; /* @fn may end @t */
			ret = fn(t, arg);
			if (ret)
				return ret;
		}
	return 0;
}

static void hash_in(struct task *t)
{
	struct task **b = bucket(t->sys, (pid_t)t->bpf.tid);

	t->next_hash = *b;
	*b = t;
	t->sys->tasks->n++;
}

static void hash_out(struct task *t)
{
	for (struct task **p = bucket(t->sys, (pid_t)t->bpf.tid); *p; p = &(*p)->next_hash)
		if (*p == t) {
			*p = t->next_hash;
			t->sys->tasks->n--;
			return;
		}
}

static u64 now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ULL + (u64)ts.tv_nsec;
}

struct task *task_add(struct skep_system *sys, pid_t tid, struct task *leader, struct mm *mm)
{
	struct task *t = mem_zalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->sys = sys;
	t->bpf.tid = (u32)tid;
	t->bpf.tgid = leader ? leader->bpf.tgid : (u32)tid;
	t->leader = leader ? leader : t;
	t->leader->nr_threads++;
	t->mm = mm_get(mm);
	t->start_ns = now(CLOCK_MONOTONIC);
	t->start_boottime_ns = now(CLOCK_BOOTTIME);
	relock_take(&sys->world_lock);
	hash_in(t);
	relock_give(&sys->world_lock);
	return t;
}

/* Replaces @from by @to (NULL: by nothing) wherever tasks refer to each other. */
static void replace(struct task *from, struct task *to)
{
	for (u32 i = 0; i < BUCKETS; i++)
		for (struct task *t = from->sys->tasks->buckets[i]; t; t = t->next_hash) {
			if (t->parent == from)
				t->parent = to;
			if (t->leader == from && t != from)
				t->leader = to ? to : t;
		}
}

void task_del(struct task *t)
{
	WORLD_HOLD(t->sys);

	hash_out(t);
	if (t->leader == t)
		replace(t, NULL);
	else
		t->leader->nr_threads--;
	mm_put(t->mm);
	mem_free(t);
}

void task_becomes_leader(struct task *t)
{
	struct task *old = t->leader;

	if (old == t)
		return;
	relock_take(&t->sys->world_lock);
	hash_out(t);
	t->bpf.tid = t->bpf.tgid;
	t->parent = old->parent;
	t->ppid = old->ppid;
	t->start_ns = old->start_ns;
	t->start_boottime_ns = old->start_boottime_ns;
	t->nr_threads = old->nr_threads;
	t->leader = t;
	replace(old, t);
	/* The old leader is nobody's any more; its owner deletes it. */
	hash_out(old);
	old->leader = t;
	old->bpf.tid = 0;
	hash_in(old);
	hash_in(t);
	relock_give(&t->sys->world_lock);
}

/* ---- memory ---- */

struct mm *mm_new(pid_t tgid)
{
	struct mm *mm = mem_zalloc(sizeof(*mm));

	if (mm) {
		mm->refs = 1;
		mm->tgid = tgid;
		mm->mem_fd = -1;
	}
	return mm;
}

struct mm *mm_get(struct mm *mm)
{
	if (mm)
		mm->refs++;
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!mm || --mm->refs)
		return;
	if (mm->mem_fd >= 0)
		close(mm->mem_fd);
	if (mm->breakpoints)
		mm->breakpoints_free(mm->breakpoints);
	mem_free(mm);
}

int task_new_mm(struct task *t)
{
	struct mm *mm = mm_new((pid_t)t->bpf.tgid);

	if (!mm)
		return -ENOMEM;
	relock_take(&t->sys->world_lock);
	mm_put(t->mm);
	t->mm = mm;
	relock_give(&t->sys->world_lock);
	return 0;
}

static int open_of(struct task *t, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", t->bpf.tid, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd_move_up(fd); /* the low numbers are the host program's */
}

int task_open_proc(struct task *t, const char *name)
{
	return open_of(t, name, O_RDONLY);
}

static int mem_fd(struct task *t)
{
	if (t->mm->mem_fd < 0) {
		int fd = open_of(t, "mem", O_RDWR);

		if (fd < 0)
			return fd;
		t->mm->mem_fd = fd;
	}
	return t->mm->mem_fd;
}

/* Bytes moved: fewer than @size at the first page that cannot be reached. */
static ssize_t move(struct task *t, void *local, u64 remote, size_t size, bool write)
{
	int fd = mem_fd(t);
	size_t done = 0;

	if (fd < 0)
		return fd == -ESRCH ? -ESRCH : -EFAULT;
	while (done < size) {
		char *at = (char *)local + done;
		ssize_t n = write ? pwrite(fd, at, size - done, (off_t)(remote + done)) :
				    pread(fd, at, size - done, (off_t)(remote + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (!n && !done) /* the address space has ended */
			return -ESRCH;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int move_all(struct task *t, void *local, u64 remote, size_t size, bool write)
{
	ssize_t n;

	if (!size)
		return 0;
	if ((s64)remote < 0) /* not user memory; pread() takes the offset as negative */
		return -EFAULT;
	n = move(t, local, remote, size, write);
	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EFAULT;
}

int task_read(struct task *t, void *dst, u64 src, size_t size)
{
	return move_all(t, dst, src, size, false);
}

int task_write(struct task *t, u64 dst, const void *src, size_t size)
{
	return move_all(t, (void *)src, dst, size, true);
}

long task_read_str(struct task *t, char *dst, u64 src, size_t size)
{
	size_t done = 0;

	if (!size)
		return 0;
	if ((s64)src < 0)
		return -EFAULT;
	while (done < size) {
		/* To the end of the page: most strings are short, and the next may not be there. */
		size_t n = min_t(size_t, size - done, 4096 - ((src + done) & 4095));
		ssize_t got;
		char *nul;

		if (!done)
			n = min_t(size_t, n, 256);
		got = move(t, dst + done, src + done, n, false);
		if (got < 0)
			return (long)got;
		if (!got)
			return -EFAULT;
		nul = memchr(dst + done, 0, (size_t)got);
		if (nul)
			return (long)(nul - dst) + 1;
		done += (size_t)got;
	}
	dst[size - 1] = 0;
	return (long)size;
}

/* ---- registers ---- */

struct user_regs_struct *task_regs(struct task *t)
{
	if (!t->regs_valid) {
		if (ptrace(PTRACE_GETREGS, (pid_t)t->bpf.tid, NULL, &t->regs) < 0)
			return NULL;
		t->regs_valid = true;
	}
	return &t->regs;
}

int task_flush_regs(struct task *t)
{
	int err = 0;

	if (t->regs_changed && t->regs_valid &&
	    ptrace(PTRACE_SETREGS, (pid_t)t->bpf.tid, NULL, &t->regs) < 0)
		err = -ESRCH;
	t->regs_valid = t->regs_changed = false;
	return err;
}
