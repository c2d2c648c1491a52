/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Devices and sysctls that programs of the task's cgroup decide on (Linux: security/device_cgroup.c,
 * __cgroup_bpf_run_filter_sysctl() in kernel/bpf/cgroup.c).
 *
 * A device is asked about before it is opened, by what its path leads to then, and again when the
 * descriptor that the task gets is of another one: so a link that is changed meanwhile does not help.
 * DIFF(cgroup-device): a thread may use such a descriptor in the moment before it is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "event/cgroup_run.h"
#include "event/decide.h"
#include "event/process.h"

#define PAGE	 4096
#define PROC_SYS "/proc/sys/"

static void result_is(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
}

/* ---- devices ---- */

static s32 ask_device(struct task *t, u32 access, mode_t mode, dev_t dev)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type =
			access << 16 | (S_ISBLK(mode) ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major(dev),
		.minor = minor(dev),
	};

	return cgroup_run_task(t, BPF_CGROUP_DEVICE, &ctx, 0, NULL);
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* What an open() asks for; 0: nothing. */
static u32 access_of(u32 flags)
{
	u32 access;

	if (flags & O_PATH)
		return 0;
	access = (flags & O_ACCMODE) == O_RDONLY ? BPF_DEVCG_ACC_READ :
		 (flags & O_ACCMODE) == O_WRONLY ? BPF_DEVCG_ACC_WRITE :
						   BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
	return flags & O_TRUNC ? access | BPF_DEVCG_ACC_WRITE : access;
}

/* Folder, path and flags of an open() call. */
static bool open_arguments(struct task *t, int *dfd, u64 *path, u32 *flags)
{
	const struct task_call *c = &t->call;
	struct open_how how;

	*dfd = AT_FDCWD;
	*path = c->args[0];
	switch (c->nr) {
	case SYS_open:
		*flags = (u32)c->args[1];
		return true;
	case SYS_creat:
		*flags = O_CREAT | O_WRONLY | O_TRUNC;
		return true;
	case SYS_openat:
		*dfd = (int)c->args[0];
		*path = c->args[1];
		*flags = (u32)c->args[2];
		return true;
	case SYS_openat2:
		if (task_read(t, &how, c->args[2], sizeof(how)))
			return false;
		*dfd = (int)c->args[0];
		*path = c->args[1];
		*flags = (u32)how.flags;
		return true;
	}
	return false;
}

/* What @path leads to now. */
static bool look_up(struct task *t, int dfd, const char *path, bool follow, struct stat *st)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW) };
	char root[32];
	int dir, fd;

	if (*path == '/') {
		snprintf(root, sizeof(root), "/proc/%u/root", t->bpf.tid);
		how.resolve = RESOLVE_IN_ROOT;
		dir = open(root, O_PATH | O_CLOEXEC);
	} else {
		dir = decide_take_dir(t, dfd);
	}
	if (dir < 0)
		return false;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	close(dir);
	if (fd < 0)
		return false;
	if (fstat(fd, st))
		memset(st, 0, sizeof(*st));
	close(fd);
	return true;
}

static void open_enter(struct task *t)
{
	char path[PATH_MAX];
	struct stat st;
	u32 flags;
	u64 at;
	int dfd;
	s32 ret;

	t->call.room = 0;
	if (!cgroup_decides(t, BPF_CGROUP_DEVICE) || !open_arguments(t, &dfd, &at, &flags) ||
	    !access_of(flags) || task_read_str(t, path, at, sizeof(path)) <= 0 ||
	    !look_up(t, dfd, path, !(flags & O_NOFOLLOW), &st) || !is_device(&st))
		return;
	ret = ask_device(t, access_of(flags), st.st_mode, st.st_rdev);
	t->call.room = (u32)st.st_rdev + 1;
	if (ret < 0)
		result_is(t, ret);
}

static void open_exit(struct task *t)
{
	u64 args[6] = { (u64)t->call.ret };
	char link[48];
	struct stat st;
	u32 flags;
	u64 at;
	int dfd;
	s32 ret;

	if (t->call.ret < 0 || !cgroup_decides(t, BPF_CGROUP_DEVICE))
		return;
	snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->bpf.tid, (int)t->call.ret);
	if (stat(link, &st) || !is_device(&st) || t->call.room == (u32)st.st_rdev + 1)
		return;
	/* The flags are the descriptor's: those in memory may have changed. */
	if (!open_arguments(t, &dfd, &at, &flags) || !access_of(flags))
		return;
	ret = ask_device(t, access_of(flags), st.st_mode, st.st_rdev);
	if (ret >= 0)
		return;
	tracer_inject(t, SYS_close, args);
	t->call.ret = ret;
}

static void mknod_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	u32 i = c->nr == SYS_mknod ? 1 : 2;
	mode_t mode = (mode_t)c->args[i];
	u32 number = (u32)c->args[i + 1]; /* as the kernel's new_decode_dev() */
	dev_t dev = makedev((number & 0xfff00) >> 8, (number & 0xff) | (number >> 12 & 0xfff00));
	s32 ret;

	if ((!S_ISCHR(mode) && !S_ISBLK(mode)) || (S_ISCHR(mode) && !dev) ||
	    !cgroup_decides(t, BPF_CGROUP_DEVICE))
		return;
	ret = ask_device(t, BPF_DEVCG_ACC_MKNOD, mode, dev);
	if (ret < 0)
		result_is(t, ret);
}

/* ---- sysctls ---- */

static bool writes(u64 nr)
{
	return nr == SYS_write || nr == SYS_pwrite64 || nr == SYS_writev;
}

/* The name of the sysctl that descriptor @fd is of: behind /proc/sys/. */
static const char *sysctl_of(struct task *t, int fd, char *real, size_t size)
{
	char link[48];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->bpf.tid, fd);
	n = readlink(link, real, size - 1);
	if (n <= 0)
		return NULL;
	real[n] = 0;
	return strncmp(real, PROC_SYS, sizeof(PROC_SYS) - 1) ? NULL : real + sizeof(PROC_SYS) - 1;
}

/* Its value; less than 0: it cannot be read. */
static ssize_t current_value(int fd, char *to)
{
	char link[32];
	int again;
	ssize_t n;

	/* The same file again, whatever this one was opened for: that of its network namespace. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	again = open(link, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		return -1;
	n = read(again, to, PAGE - 1);
	close(again);
	return n;
}

/* What is written, cut at a page; less than 0: it cannot be read. */
static ssize_t new_value(struct task *t, char *to, bool *may_change)
{
	const struct task_call *c = &t->call;
	struct iovec iov[8] = { { (void *)c->args[1], c->args[2] } };
	size_t n = 1, done = 0;

	if (c->nr == SYS_writev) {
		n = min_t(u64, c->args[2], ARRAY_SIZE(iov));
		if (task_read(t, iov, c->args[1], n * sizeof(*iov)))
			return -1;
	}
	*may_change = false;
	for (size_t i = 0; i < n; i++) {
		size_t len = min_t(size_t, iov[i].iov_len, PAGE - 1 - done);

		if (len && task_read(t, to + done, (u64)iov[i].iov_base, len))
			return -1;
		*may_change |= len && decide_may_change(t, (u64)iov[i].iov_base, len);
		done += len;
	}
	to[done] = 0;
	return (ssize_t)done;
}

static void sysctl_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool write_it = writes(c->nr), may_change = false;
	bool at_offset = c->nr == SYS_pwrite64 || c->nr == SYS_pread64;
	char real[PATH_MAX], cur[PAGE], new[PAGE];
	struct bpf_rt_sysctl ctx = { .u.write = write_it };
	const char *name;
	ssize_t n;
	off_t pos;
	s32 ret;
	int fd;

	if (!cgroup_decides(t, BPF_CGROUP_SYSCTL))
		return;
	name = sysctl_of(t, (int)c->args[0], real, sizeof(real));
	if (!name)
		return;
	fd = decide_take_fd(t, (int)c->args[0]);
	if (fd < 0) {
		result_is(t, -EPERM);
		return;
	}
	pos = at_offset ? (off_t)c->args[3] : lseek(fd, 0, SEEK_CUR);
	ctx.u.file_pos = (u32)pos;
	ctx.name = name;
	n = current_value(fd, cur);
	ctx.cur = n >= 0 ? cur : NULL;
	ctx.cur_len = n >= 0 ? (u32)n : 0;
	if (write_it) {
		n = new_value(t, new, &may_change);
		if (n < 0) {
			result_is(t, -EFAULT);
			goto out;
		}
		ctx.new_val = new;
		ctx.new_len = (u32)n;
	}
	ret = cgroup_run_task(t, BPF_CGROUP_SYSCTL, &ctx, 0, NULL);
	if (ret) {
		result_is(t, ret);
		goto out;
	}
	if (!at_offset && ctx.u.file_pos != (u32)pos)
		lseek(fd, (off_t)ctx.u.file_pos, SEEK_SET);
	if (!ctx.new_updated && !may_change)
		goto out;
	ret = decide_as_task(t);
	if (!ret) {
		n = at_offset ? pwrite(fd, ctx.new_val, ctx.new_len, (off_t)ctx.u.file_pos) :
				write(fd, ctx.new_val, ctx.new_len);
		ret = (s32)(n < 0 ? -errno : n);
		decide_as_self(t);
	}
	result_is(t, ret);
out:
	close(fd);
}

/* ---- the source ---- */

static u32 wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
		return cgroup_in_use(sys, BPF_CGROUP_DEVICE) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_mknod:
	case SYS_mknodat:
		return cgroup_in_use(sys, BPF_CGROUP_DEVICE) ? WANT_ENTER : 0;
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
		return cgroup_in_use(sys, BPF_CGROUP_SYSCTL) ? WANT_ENTER : 0;
	}
	return 0;
}

static void enter(struct task *t)
{
	if (t->call.compat || t->call.skip || !t->sys->cgroups)
		return;
	switch (t->call.nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
		open_enter(t);
		break;
	case SYS_mknod:
	case SYS_mknodat:
		mknod_enter(t);
		break;
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
		sysctl_enter(t);
		break;
	}
}

static void leave(struct task *t)
{
	if (t->call.compat || !t->sys->cgroups)
		return;
	switch (t->call.nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
		open_exit(t);
		break;
	}
}

const struct process_source cgroup_file_source = {
	.name = "cgroup_file",
	.wants = wants,
	.enter = enter,
	.exit = leave,
};
