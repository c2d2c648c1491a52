/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that seccomp holds for us (Linux: seccomp_unotify(2)). The task waits in its call, so its
 * memory and descriptors are those of the call; it may die meanwhile, which each look at its
 * memory checks by the notification's id, since another task may have its number then.
 *
 * Yama may forbid this process what it allows the tracer, which has the same descriptors: then
 * the supervisor does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/daemon.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* since 6.9 */
#endif
#define NOTIF_SYNC_WAKE_UP 1ULL
#define X32_BIT		   0x40000000u
#define PAGE		   4096ULL

bool notify_waits(const struct request *r)
{
	u64 id = r->id;

	return !ioctl(r->session->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

struct remote {
	u32 tid, tgid;
	void *local;
	u64 address;
	size_t size;
	bool write;
	int fd;
};

/* ---- memory ---- */

static int copy(const struct remote *m)
{
	struct iovec l = { m->local, m->size }, r = { (void *)m->address, m->size };
	ssize_t n = m->write ? process_vm_writev((pid_t)m->tid, &l, 1, &r, 1, 0) :
			       process_vm_readv((pid_t)m->tid, &l, 1, &r, 1, 0);

	if (n == (ssize_t)m->size)
		return 0;
	return n < 0 && (errno == EPERM || errno == ENOSYS) ? -EPERM : -EFAULT;
}

static int copy_in_supervisor(struct supervisor *sv, void *arg)
{
	const struct remote *m = arg;
	struct task *t = task_find(sv->sys, (pid_t)m->tid);
	int err = copy(m);

	if (err != -EPERM || !t)
		return err;
	err = m->write ? task_write(t, m->address, m->local, m->size) :
			 task_read(t, m->local, m->address, m->size);
	return err ? -EFAULT : 0;
}

/* What lies about the call's first argument in memory is read with it: mostly all that is read. */
static bool read_window(struct request *r, u64 address, size_t size)
{
	u64 page = address & ~(u64)(PAGE - 1);
	u64 from = address - page > sizeof(r->window) / 2 ? address - sizeof(r->window) / 2 : page;
	u64 to = min_t(u64, from + sizeof(r->window), page + PAGE);
	struct remote m = { r->caller.tid, 0, r->window, from, to - from, false, 0 };

	if (address + size > to || copy(&m))
		return false;
	r->window_from = from;
	r->window_size = to - from;
	return true;
}

static int memory(struct request *r, void *local, u64 address, size_t size, bool write)
{
	struct remote m = { r->caller.tid, 0, local, address, size, write, 0 };
	int err;

	if (!size)
		return 0;
	if (write) {
		r->window_size = 0;
		if (!notify_waits(r))
			return -EFAULT;
	} else if (address - r->window_from < r->window_size &&
		   size <= r->window_size - (address - r->window_from)) {
		memcpy(local, r->window + (address - r->window_from), size);
		return 0;
	}
	if (!write && !r->checked && read_window(r, address, size)) {
		memcpy(local, r->window + (address - r->window_from), size);
		err = 0;
	} else {
		err = copy(&m);
	}
	if (err == -EPERM)
		r->session->indirect = true;
	if (err == -EPERM)
		err = supervisor_call(r->sys->supervisor, copy_in_supervisor, &m);
	/* Once: what is read of another after that has no effect that it could see. */
	if (!err && !write && !r->checked) {
		if (!notify_waits(r))
			return -EFAULT;
		r->checked = true;
	}
	return err ? -EFAULT : 0;
}

static int notify_read(struct caller *c, void *dst, u64 src, size_t size)
{
	return memory((struct request *)c, dst, src, size, false);
}

static int notify_write(struct caller *c, u64 dst, const void *src, size_t size)
{
	return memory((struct request *)c, (void *)src, dst, size, true);
}

/* ---- descriptors ---- */

static int take(const struct remote *m)
{
	int pidfd = (int)syscall(SYS_pidfd_open, m->tgid, 0), fd;

	if (pidfd < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, m->fd, 0);
	if (fd < 0)
		fd = -errno;
	close(pidfd);
	return fd;
}

static int take_in_supervisor(struct supervisor *sv, void *arg)
{
	return take(arg);
}

/* A file or folder again, where pidfd_getfd() is forbidden: the same to who only asks what it is. */
static int reopen(u32 tid, int fd)
{
	char path[48];
	struct stat st;
	int again;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", tid, fd);
	if (stat(path, &st) || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
		return -EPERM;
	again = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return again < 0 ? -EPERM : again;
}

static int notify_take_fd(struct caller *c, int fd)
{
	struct request *r = (struct request *)c;
	struct remote m = { .tid = c->tid, .tgid = c->tgid, .fd = fd };
	int got = take(&m);

	if (got == -EPERM)
		got = supervisor_call(r->sys->supervisor, take_in_supervisor, &m);
	if (got == -EPERM)
		got = reopen(c->tid, fd);
	if (got >= 0 && !notify_waits(r)) {
		close(got);
		got = -EBADF;
	}
	return got;
}

static int notify_give_fd(struct caller *c, int fd, bool cloexec)
{
	struct request *r = (struct request *)c;
	struct seccomp_notif_addfd add = { .id = r->id,
					   .srcfd = (u32)fd,
					   .newfd_flags = cloexec ? O_CLOEXEC : 0 };
	int there = ioctl(r->session->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return there < 0 ? -errno : there;
}

int notify_give_fd_at(struct request *r, int fd, int at, bool cloexec)
{
	struct seccomp_notif_addfd add = { .id = r->id,
					   .flags = SECCOMP_ADDFD_FLAG_SETFD,
					   .srcfd = (u32)fd,
					   .newfd = (u32)at,
					   .newfd_flags = cloexec ? O_CLOEXEC : 0 };

	return ioctl(r->session->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/*
 * Nobody can close another process's descriptor, but it can be made to stand for something else.
 * DIFF(sys-close)
 */
static int notify_close_fd(struct caller *c, int fd)
{
	struct stat st;
	int err = caller_fstat(fd, &st), null;

	if (err)
		return err;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return -errno;
	err = notify_give_fd_at((struct request *)c, null, fd, true);
	close(null);
	return err;
}

static const struct caller_ops notify_ops = {
	.read = notify_read,
	.write = notify_write,
	.take_fd = notify_take_fd,
	.give_fd = notify_give_fd,
	.close_fd = notify_close_fd,
};

bool notify_cannot_take(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, pidfd, 0);
	bool cannot = fd < 0;

	if (fd >= 0)
		close(fd);
	if (pidfd >= 0)
		close(pidfd);
	return cannot;
}

/* ---- receiving and answering ---- */

static bool is_thread_of(u32 tgid, u32 tid)
{
	return tgid && !syscall(SYS_tgkill, tgid, tid, 0);
}

/* The process of thread @tid; mostly the one of the call before. */
static u32 process_of(struct session *s, u32 tid)
{
	char path[48], line[128];
	u32 tgid = (u32)READ_ONCE(s->tgid_of_last);
	FILE *f;

	if (tgid == tid || is_thread_of(tgid, tid))
		return tgid;
	if (is_thread_of(tid, tid)) {
		tgid = tid;
		goto out;
	}
	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	tgid = tid;
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %u", &tgid) == 1)
			break;
	if (f)
		fclose(f);
out:
	WRITE_ONCE(s->tgid_of_last, (pid_t)tgid);
	return tgid;
}

/*
 * What its descriptors are taken by, once the same task has made two calls. Who gets its number later
 * cannot be reached by it.
 */
static int pidfd_of(struct session *s, u32 tid, u32 tgid)
{
	if (s->last_tid != tid) {
		s->last_tid = tid;
		if (s->pidfd > 0 && !load_acquire(&s->workers)) {
			close(s->pidfd);
			s->pidfd = 0;
		}
		return 0;
	}
	if (s->pidfd <= 0 || s->pidfd_tid != tid) {
		if (load_acquire(&s->workers))
			return 0; /* one of them may use it */
		if (s->pidfd > 0)
			close(s->pidfd);
		s->pidfd = (int)syscall(SYS_pidfd_open, tid, tid == tgid ? 0 : PIDFD_THREAD);
		s->pidfd_tid = tid;
	}
	return s->pidfd;
}

int notify_receive(struct session *s, struct request *r)
{
	union {
		struct seccomp_notif n;
		u8 room[512]; /* of a newer kernel's */
	} u;

	memset(&u, 0, sizeof(u));
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0)
		return -errno;
	*r = (struct request){ .caller = { &notify_ops, u.n.pid, process_of(s, u.n.pid), 0 },
			       .session = s,
			       .sys = s->instance->sys,
			       .id = u.n.id,
			       .nr = (u32)u.n.data.nr,
			       .foreign = u.n.data.arch != AUDIT_ARCH_X86_64 ||
					  (u32)u.n.data.nr & X32_BIT };
	memcpy(r->args, u.n.data.args, sizeof(r->args));
	members_note(s, r->caller.tgid);
	r->caller.pidfd = pidfd_of(s, r->caller.tid, r->caller.tgid);
	return 0;
}

void notify_answer(struct request *r, long result)
{
	struct seccomp_notif_resp resp = { .id = r->id };

	if (result == ANSWER_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0)
		resp.error = (int)result;
	else
		resp.val = result;
	/* ENOENT: the task has died. */
	ioctl(r->session->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

void notify_tune(int listener)
{
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP);
}
