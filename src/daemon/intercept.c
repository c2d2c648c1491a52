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
#include "world/world.h"

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

static const struct caller_ops stopped_ops = { .read = stopped_read,
					       .write = stopped_write,
					       .take_fd = stopped_take_fd,
					       .give_fd = stopped_give_fd };

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

int intercept_chdir_done(struct supervisor *sv, void *arg)
{
	struct task *t = task_find(sv->sys, (pid_t) * (u32 *)arg);

	if (t)
		world_call_done(t);
	return 0;
}

/* It has left the call, which Linux would make again. */
static void chdir_again(struct task *t, void *arg)
{
	struct session *session = t->trace->process->owner;
	struct user_regs_struct *regs = task_regs(t);
	struct stopped s = { .task = t };
	struct caller *before;

	if (!regs || regs->orig_rax != SYS_chdir || (s64)regs->rax != -ERESTARTNOINTR)
		return;
	s.r = (struct request){ .caller = { &stopped_ops, t->bpf.tid, t->bpf.tgid },
				.session = session,
				.sys = session->instance->sys,
				.nr = SYS_chdir };
	t->call.nr = SYS_chdir;
	t->call.args[0] = regs->rdi;
	t->call.skip = false;
	store_release(&session->chdir_tid, t->bpf.tid);
	before = caller_enter(&s.r.caller);
	intercept_chdir(&s);
	caller_leave(before);
	store_release(&session->chdir_tid, 0);
	world_call_done(t);
	regs = task_regs(t);
	if (!t->call.skip || !regs)
		return;
	t->call.skip = false;
	regs->rax = (u64)t->call.ret;
	regs->orig_rax = (u64)-1;
	t->regs_changed = true;
}

int intercept_chdir_late(struct supervisor *sv, void *arg)
{
	struct task *t = task_find(sv->sys, (pid_t) * (u32 *)arg);

	return t && t->trace->kind == STOP_NONE ? tracer_interrupt(t, chdir_again, NULL) : -ESRCH;
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

/* ---- what has been decided about a call that is notified next ---- */

bool gift_take(struct session *s, u32 tid, struct gift *g)
{
	bool found = false;

	pthread_mutex_lock(&s->gifts_lock);
	for (size_t i = 0; i < s->gifts.n && !found; i++)
		if (s->gifts.v[i].tid == tid) {
			*g = s->gifts.v[i];
			s->gifts.v[i] = s->gifts.v[--s->gifts.n];
			found = true;
		}
	store_release(&s->nr_gifts, (u32)s->gifts.n);
	pthread_mutex_unlock(&s->gifts_lock);
	return found;
}

void gifts_drop(struct session *s)
{
	for (size_t i = 0; i < s->gifts.n; i++)
		if (s->gifts.v[i].fd >= 0)
			close(s->gifts.v[i].fd);
	vec_free(&s->gifts);
}

static bool gift_put(struct task *t, int fd, bool cloexec)
{
	struct session *s = t->trace->process->owner;
	const struct user_regs_struct *regs = task_regs(t);
	struct gift g = { t->bpf.tid, fd, cloexec, 0, 0, t->call }, old;
	int err;

	/* Of a call that was never notified: a filter of the program's own has answered it. */
	if (gift_take(s, t->bpf.tid, &old) && old.fd >= 0)
		close(old.fd);
	if (regs) {
		g.ip = regs->rip;
		g.sp = regs->rsp;
	}
	pthread_mutex_lock(&s->gifts_lock);
	err = vec_push(&s->gifts, g);
	store_release(&s->nr_gifts, (u32)s->gifts.n);
	pthread_mutex_unlock(&s->gifts_lock);
	return !err;
}

bool intercept_gift(struct task *t, int fd, bool cloexec)
{
	struct user_regs_struct *regs = task_regs(t);

	/* A notification has no room for what is opened by O_PATH. */
	if (t->trace->kind != STOP_ENTRY || !regs || fcntl(fd, F_GETFL) & O_PATH)
		return false;
	if (t->call.nr != SYS_open && t->call.nr != SYS_openat && t->call.nr != SYS_openat2)
		return false;
	return gift_put(t, fd, cloexec);
}

/*
 * A signal came before anybody had received the notification, and Linux makes the same call again:
 * what was opened for it is still there.
 */
bool intercept_regift(struct task *t)
{
	const struct user_regs_struct *regs = task_regs(t);
	struct session *s = t->trace->process->owner;
	bool found = false;

	if (!regs || !load_acquire(&s->nr_gifts))
		return false;
	pthread_mutex_lock(&s->gifts_lock);
	for (size_t i = 0; i < s->gifts.n && !found; i++) {
		const struct gift *g = &s->gifts.v[i];

		found = g->tid == t->bpf.tid && g->fd >= 0 && g->ip == regs->rip &&
			g->sp == regs->rsp && g->call.nr == t->call.nr &&
			!memcmp(g->call.args, t->call.args, sizeof(g->call.args));
	}
	pthread_mutex_unlock(&s->gifts_lock);
	return found;
}

/* Whether the filter notifies the call, whose number and arguments alone it sees. */
static bool is_notified(const struct task_call *c)
{
	switch (c->nr) {
	case SYS_newfstatat:
		return !(c->args[3] & AT_EMPTY_PATH);
	case SYS_statx:
		return !(c->args[2] & AT_EMPTY_PATH);
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_stat:
	case SYS_lstat:
	case SYS_readlink:
	case SYS_readlinkat:
		return true;
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rmdir:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_symlink:
	case SYS_symlinkat:
	case SYS_link:
	case SYS_linkat:
	case SYS_chmod:
	case SYS_fchmodat:
	case SYS_chown:
	case SYS_fchownat:
		return true;
	}
	return false;
}

bool intercept_elsewhere(struct task *t, int dfd, u64 string)
{
	struct session *session = t->trace->process->owner;
	struct stopped s = { .task = t };
	struct caller *before;
	bool shown;

	if (t->trace->kind != STOP_ENTRY || !is_notified(&t->call) ||
	    (session->confined && t->call.nr != SYS_open && t->call.nr != SYS_openat &&
	     t->call.nr != SYS_openat2 && t->call.nr != SYS_stat && t->call.nr != SYS_lstat &&
	     t->call.nr != SYS_newfstatat && t->call.nr != SYS_statx))
		return false;
	s.r = (struct request){ .caller = { &stopped_ops, t->bpf.tid, t->bpf.tgid },
				.session = session,
				.sys = session->instance->sys,
				.nr = t->call.nr };
	before = caller_enter(&s.r.caller);
	shown = view_shows(&s.r, dfd, string);
	caller_leave(before);
	return shown && gift_put(t, -1, false);
}

/* ---- subjects ---- */

static bool in_tree(const struct task *t, s64 pid)
{
	const struct task *other = task_find(t->sys, (pid_t)pid);

	return other && other->trace->process == t->trace->process;
}

/* The process that descriptor @fd of the task's stands for; -1: none. */
static int pid_of_pidfd(struct task *t, int fd)
{
	char name[32], text[1024], *at;
	int info, pid = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	info = task_open_proc(t, name);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (info >= 0)
		close(info);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "\nPid:");
	if (at)
		sscanf(at, "\nPid:%d", &pid);
	return pid;
}

/* A signal goes to processes of the subject's own tree, or nowhere. */
static bool may_signal(struct task *t)
{
	const struct task_call *c = &t->call;
	s64 pid = (s32)c->args[0];

	switch (c->nr) {
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		return in_tree(t, (s32)c->args[1]);
	case SYS_pidfd_send_signal:
		return !decide_memory_shared(t) && !t->trace->files_shared &&
		       in_tree(t, pid_of_pidfd(t, (int)pid));
	case SYS_kill:
		if (pid == -1)
			return false;
		if (!pid)
			pid = getpgid((pid_t)t->bpf.tgid);
		return in_tree(t, pid < 0 ? -pid : pid);
	}
	return in_tree(t, pid);
}

static void intercept_confined(struct task *t)
{
	switch (t->call.nr) {
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_pidfd_send_signal:
		if (may_signal(t))
			return;
		t->call.skip = true;
		t->call.ret = -EPERM;
	}
}

void intercept_call(struct task *t)
{
	struct session *session = t->trace->process->owner;
	struct stopped s = { .task = t };
	struct caller *before;

	if (session->confined)
		intercept_confined(t);
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
