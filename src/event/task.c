/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A supervised task as the current one of a program's run (Linux: the helpers of
 * kernel/bpf/helpers.c and kernel/trace/bpf_trace.c look at current). What programs read and
 * write of its memory obeys the protection of its pages, as Linux's accessors do.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/stack.h"
#include "event/supervisor.h"
#include "object/cgroup_tree.h"
#include "world/world.h"

static struct task *task_of(struct bpf_task *t)
{
	return container_of(t, struct task, bpf);
}

void task_forget_ids(struct task *t)
{
	t->trace->ids_valid = false;
	t->trace->identity_valid = false;
}

static u64 task_uid_gid(struct bpf_task *bt)
{
	struct task *t = task_of(bt);
	struct trace_state *tr = t->trace;

	if (!tr->ids_valid) {
		char buf[4096], *p;
		int fd = task_open_proc(t, "status");
		ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

		if (fd >= 0)
			close(fd);
		buf[n > 0 ? n : 0] = 0;
		p = strstr(buf, "\nUid:");
		if (p && sscanf(p, "\nUid:\t%u %*u %*u %*u\nGid:\t%u", &tr->uid, &tr->gid) == 2)
			tr->ids_valid = true;
	}
	return (u64)tr->gid << 32 | tr->uid;
}

void task_forget_comm(struct task *t)
{
	if (t->trace->comm_fd >= 0)
		close(t->trace->comm_fd);
	t->trace->comm_fd = -1;
}

/* Others may rename a task at any time, so it is read each time; the file stays open. */
static void task_comm(struct bpf_task *bt, char *buf, u32 size)
{
	struct task *t = task_of(bt);
	char name[64];
	ssize_t n;

	if (!size)
		return;
	memset(buf, 0, size);
	if (unlikely(t->trace->old_comm)) {
		snprintf(buf, size, "%s", t->trace->old_comm);
		return;
	}
	if (t->trace->comm_fd < 0)
		t->trace->comm_fd = task_open_proc(t, "comm");
	if (t->trace->comm_fd < 0)
		return;
	n = pread(t->trace->comm_fd, name, sizeof(name), 0);
	if (n > 0 && name[n - 1] == '\n')
		n--;
	if (n > 0)
		memcpy(buf, name, min_t(size_t, (size_t)n, size - 1));
}

static int user_copy(struct bpf_task *bt, void *local, u64 remote, u32 size, bool write)
{
	struct iovec l = { local, size }, r = { (void *)remote, size };
	ssize_t n;

	if (!size)
		return 0;
	n = write ? process_vm_writev((pid_t)bt->tid, &l, 1, &r, 1, 0) :
		    process_vm_readv((pid_t)bt->tid, &l, 1, &r, 1, 0);
	return n == (ssize_t)size ? 0 : -EFAULT;
}

static int task_read_user(struct bpf_task *bt, void *dst, u64 src, u32 size)
{
	return user_copy(bt, dst, src, size, false);
}

static int task_write_user(struct bpf_task *bt, u64 dst, const void *src, u32 size)
{
	return user_copy(bt, (void *)src, dst, size, true);
}

/* Never across a page that the string does not reach. */
static long task_read_user_str(struct bpf_task *bt, void *dst, u64 src, u32 size)
{
	u32 done = 0;

	while (done < size) {
		u32 n = min_t(u32, size - done, 4096 - (u32)((src + done) & 4095));
		char *at = (char *)dst + done, *nul;

		if (!done)
			n = min_t(u32, n, 256);
		if (user_copy(bt, at, src + done, n, false))
			return -EFAULT;
		nul = memchr(at, 0, n);
		if (nul)
			return (long)(nul - (char *)dst) + 1;
		done += n;
	}
	if (size)
		((char *)dst)[size - 1] = 0;
	return size;
}

static int task_send_signal(struct bpf_task *bt, u32 sig, bool thread)
{
	long ret;

	if (sig > 64)
		return -EINVAL;
	/* DIFF(supervised-signals) */
	ret = thread ? syscall(SYS_tgkill, bt->tgid, bt->tid, sig) :
		       kill((pid_t)bt->tgid, (int)sig);
	return ret < 0 ? -errno : 0;
}

/*
 * The inode of its directory is the id of a group of the unified hierarchy: "0::/a/b". Level 0 is
 * the root, 1 is /a.
 */
static u64 task_cgroup_id(struct bpf_task *bt, int ancestor_level)
{
	struct task *t = task_of(bt);
	char buf[4096], path[4200], *p, *end;
	u64 ids[CGROUP_LEVELS_MAX];
	int fd, level = 0;
	struct stat st;
	ssize_t n;

	n = cgroup_tree_chain(t->sys, t->bpf.tid, ids, CGROUP_LEVELS_MAX);
	if (n)
		return ancestor_level < 0 ? ids[0] :
		       ancestor_level < n ? ids[n - 1 - ancestor_level] :
					    0;
	fd = task_open_proc(t, "cgroup");
	n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "0::/");
	if (!p || (p != buf && p[-1] != '\n'))
		return 0;
	p += 3;
	end = strchrnul(p, '\n');
	if (ancestor_level >= 0) {
		char *q = p + 1;

		for (; level < ancestor_level && q < end; level++) {
			q = memchr(q, '/', (size_t)(end - q));
			q = q ? q + 1 : end + 1;
		}
		if (level < ancestor_level)
			return 0;
		end = q - 1;
	}
	*end = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/", p);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* The call that is being entered is not made. */
static int task_override_return(struct bpf_task *bt, struct bpf_run *run, u64 rc)
{
	struct task *t = task_of(bt);

	(void)run;
	if (!t->call.active)
		return -EINVAL;
	t->call.skip = true;
	t->call.ret = (s64)rc;
	return 0;
}

/* A hook that is asked in the midst of a call that is made as the task is asked as ourselves. */
static int task_assume(struct bpf_task *bt)
{
	struct task *t = task_of(bt);

	t->sys->supervisor->program_unpaused = t->sys->supervisor->assumed != NULL;
	if (!t->sys->supervisor->program_unpaused)
		return decide_as_task(t);
	decide_unpause(t);
	return 0;
}

static void task_resume(struct bpf_task *bt)
{
	struct task *t = task_of(bt);

	if (t->sys->supervisor->program_unpaused)
		decide_pause(t);
	else
		decide_as_self(t);
}

static u64 task_kernel_task(struct bpf_task *bt)
{
	return world_task(task_of(bt));
}

static u64 task_user_regs(struct bpf_task *bt)
{
	return world_user_regs(task_of(bt));
}

#define RED_ZONE 128

/* What it hands over lies below its stack meanwhile. */
static long task_keyctl(struct bpf_task *bt, struct task_keyctl *c)
{
	struct task *t = task_of(bt);
	struct user_regs_struct *regs = task_regs(t);
	u64 args[6] = { 0 }, at = 0;
	void *saved = NULL;
	long ret = -ESRCH;

	if (!regs || t->trace->kind == STOP_NONE)
		return -ESRCH;
	if (c->size) {
		at = (regs->rsp - RED_ZONE - c->size) & ~15ULL;
		saved = mem_alloc(c->size);
		if (!saved || task_read(t, saved, at, c->size) ||
		    task_write(t, at, c->memory, c->size))
			goto out;
	}
	for (u32 i = 0; i < 5; i++)
		args[i] = c->args[i] + (c->places >> i & 1 ? at : 0);
	ret = tracer_inject(t, SYS_keyctl, args);
	if (c->size) {
		if (ret >= 0)
			task_read(t, c->memory, at, c->size);
		task_write(t, at, saved, c->size);
	}
out:
	mem_free(saved);
	return ret;
}

const struct bpf_task_ops task_ops = {
	.uid_gid = task_uid_gid,
	.comm = task_comm,
	.read_user = task_read_user,
	.read_user_str = task_read_user_str,
	.write_user = task_write_user,
	.send_signal = task_send_signal,
	.kernel_task = task_kernel_task,
	.user_regs = task_user_regs,
	.cgroup_id = task_cgroup_id,
	.user_stack = stack_user,
	.user_build_id = stack_build_id,
	.override_return = task_override_return,
	.keyctl = task_keyctl,
	.assume = task_assume,
	.resume = task_resume,
};
