/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that only the task itself can make, though not as it wrote them: at their entry, where the
 * tracer has it stopped, it makes another in their place. This is in the supervisor's loop, so nothing
 * here may wait for a thread of the daemon that could wait for the loop.
 *
 * chdir() into the tree of pins goes to the real folder that holds its names. epoll_ctl() of a ring
 * puts an eventfd of the task's into the epoll where we cannot have that epoll (a default container
 * forbids pidfd_getfd()). socket() of rtnetlink gets a number that the filter looks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command/pin.h"
#include "daemon/daemon.h"

#define RED_ZONE 128

/* A stopped task as a caller. */
struct stopped {
	struct request r; /* first: its caller is */
	struct task *task;
};

static int stopped_read(struct caller *c, void *dst, u64 src, size_t size)
{
	return task_read(((struct stopped *)c)->task, dst, src, size) ? -EFAULT : 0;
}

static int stopped_write(struct caller *c, u64 dst, const void *src, size_t size)
{
	return task_write(((struct stopped *)c)->task, dst, src, size) ? -EFAULT : 0;
}

static int stopped_take_fd(struct caller *c, int fd)
{
	return -EPERM;
}

/* It makes a call that is notified, which is answered by a descriptor. */
static int stopped_give_fd(struct caller *c, int fd, bool cloexec)
{
	struct stopped *s = (struct stopped *)c;
	struct session *session = s->r.session;
	const u64 args[6] = { (u64)-1, CALL_PROXY_FD };
	long there;

	session->gift = fd;
	store_release(&session->gift_tid, c->tid);
	there = tracer_inject(s->task, SYS_ioctl, args);
	store_release(&session->gift_tid, 0);
	return (int)there;
}

static const struct caller_ops stopped_ops = { stopped_read, stopped_write, stopped_take_fd,
					       stopped_give_fd };

/*
 * The task makes call @nr; argument @which is the address of @data, put below its stack for that
 * moment.
 */
static long call_with(struct task *t, u64 nr, u64 *args, u32 which, const void *data, size_t size)
{
	const struct user_regs_struct *regs = task_regs(t);
	char before[PATH_MAX];
	long result;
	u64 at;

	if (!regs || size > sizeof(before))
		return -ESRCH;
	at = round_down(regs->rsp - RED_ZONE - size, 16);
	if (task_read(t, before, at, size) || task_write(t, at, data, size))
		return -EFAULT;
	args[which] = at;
	result = tracer_inject(t, nr, args);
	if (result != -ESRCH)
		task_write(t, at, before, size);
	return result;
}

static void intercept_chdir(struct stopped *s)
{
	struct task *t = s->task;
	struct task_call *c = &t->call;
	char path[PATH_MAX], link[48];
	struct pin_who who;
	u64 args[6] = { 0 };
	ssize_t n;
	int fd, kind;

	kind = view_path(&s->r, AT_FDCWD, c->args[0], path);
	if (!kind)
		return;
	if (kind > 0) {
		pin_who_of(s->r.sys, &who);
		fd = pins_open(s->r.sys, &who, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			c->skip = true;
			c->ret = fd;
			return;
		}
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		close(fd);
		if (n < 0)
			return;
		path[n] = 0;
	}
	WRITE_ONCE(s->r.session->moved, true);
	c->ret = call_with(t, SYS_chdir, args, 0, path, strlen(path) + 1);
	c->skip = true;
}

/* The number of what stands for ring @st in the task's process; made at first use. */
static int stand_in(struct stopped *s, const struct stat *st, int eventfd)
{
	struct session *session = s->r.session;
	struct stand_in new = { s->r.caller.tgid, st->st_ino, -1 };
	int err;

	for (size_t i = 0; i < session->stand_ins.n; i++)
		if (session->stand_ins.v[i].tgid == new.tgid &&
		    session->stand_ins.v[i].inode == new.inode)
			return session->stand_ins.v[i].fd;
	new.fd = stopped_give_fd(&s->r.caller, eventfd, true);
	if (new.fd < 0)
		return new.fd;
	err = vec_push(&session->stand_ins, new);
	return err ? err : new.fd;
}

static void intercept_epoll_ctl(struct stopped *s)
{
	struct task *t = s->task;
	struct task_call *c = &t->call;
	struct epoll_event event = { 0 };
	u64 args[6] = { c->args[0], c->args[1] };
	struct stat st;
	int fd;

	fd = skep_epoll_fd(s->r.sys, (int)c->args[2]);
	if (fd < 0 || caller_fstat((int)c->args[2], &st))
		return;
	c->skip = true;
	if ((int)c->args[1] != EPOLL_CTL_DEL && task_read(t, &event, c->args[3], sizeof(event))) {
		c->ret = -EFAULT;
		return;
	}
	fd = stand_in(s, &st, fd);
	if (fd < 0) {
		c->ret = fd;
		return;
	}
	event.events |= EPOLLET; /* as answer_epoll_ctl() */
	args[2] = (u64)fd;
	c->ret = call_with(t, SYS_epoll_ctl, args, 3, &event, sizeof(event));
}

void intercept_call(struct task *t)
{
	struct session *session = t->trace->process->owner;
	struct stopped s = { .task = t };
	struct caller *before;

	if (t->call.nr == SYS_fchdir)
		WRITE_ONCE(session->moved, true);
	if (t->call.nr == SYS_socket && (int)t->call.args[0] == AF_NETLINK &&
	    (int)t->call.args[2] == NETLINK_ROUTE) {
		netlink_socket(t);
		return;
	}
	if (t->call.nr != SYS_chdir && t->call.nr != SYS_epoll_ctl)
		return;
	s.r = (struct request){ .caller = { &stopped_ops, t->bpf.tid, t->bpf.tgid },
				.session = session,
				.sys = session->instance->sys,
				.nr = t->call.nr };
	before = caller_enter(&s.r.caller);
	if (t->call.nr == SYS_chdir)
		intercept_chdir(&s);
	else if (notify_cannot_take())
		intercept_epoll_ctl(&s);
	caller_leave(before);
}
