/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which system calls of an instance's processes are answered, and by whom: one table. The filter
 * is made from it and never changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

#include "base/uapi.h"
#include "command/command.h"
#include "daemon/daemon.h"
#include "event/lirc.h"
#include "hook/hook.h"

/* ---- bpf(2) and what belongs to its descriptors ---- */

static long answer_bpf(struct request *r)
{
	return bpf_with_common(r->sys, (int)r->args[0], (union bpf_attr *)r->args[1],
			       (unsigned)r->args[2], (void *)r->args[3], (unsigned)r->args[4]);
}

static long answer_perf_event_open(struct request *r)
{
	return skep_perf_event_open(r->sys, (void *)r->args[0], (int)r->args[1], (int)r->args[2],
				    (int)r->args[3], r->args[4]);
}

static long answer_ioctl(struct request *r)
{
	long result;

	/*
	 * A call that the tracer has put in the place of one that an outer filter answers. Anybody can make it;
	 * for a subject it is what the call itself is.
	 */
	if ((u32)r->args[1] == CALL_PROXY_BPF) {
		if (r->session->confined)
			return -EPERM;
		r->args[1] = r->args[5];
		return answer_bpf(r);
	}
	if ((u32)r->args[1] == CALL_PROXY_PERF) {
		if (r->session->confined)
			return -EPERM;
		r->args[1] = r->args[5];
		return answer_perf_event_open(r);
	}
	if ((u32)r->args[1] == CALL_PROXY_FD) {
		if (load_acquire(&r->session->gift_tid) != r->caller.tid)
			return -ENOTTY;
		return r->caller.ops->give_fd(&r->caller, r->session->gift, true);
	}
	if (_IOC_TYPE((u32)r->args[1]) == 'i' || _IOC_TYPE((u32)r->args[1]) == 'E')
		return receiver_ioctl(r);
	result = skep_ioctl(r->sys, (int)r->args[0], (u32)r->args[1], (void *)r->args[2]);
	return result == -ENOTTY || result == -EBADF ? ANSWER_CONTINUE : result;
}

static long answer_mmap(struct request *r)
{
	int err = skep_mmap(r->sys, (int)r->args[4], r->args[1], (int)r->args[2], (long)r->args[5]);

	return err < 0 ? err : ANSWER_CONTINUE;
}

/*
 * epoll refuses a memfd. The eventfd that wakes its readers stands in for it, put into the
 * client's epoll by us.
 */
static long answer_epoll_ctl(struct request *r)
{
	int instead = skep_epoll_fd(r->sys, (int)r->args[2]), epfd;
	struct epoll_event event = { 0 };
	long result;

	if (instead < 0) {
		receiver_listened(r, (int)r->args[2]);
		return ANSWER_CONTINUE;
	}
	if ((int)r->args[1] != EPOLL_CTL_DEL &&
	    user_read(r->sys, &event, r->args[3], sizeof(event)))
		return -EFAULT;
	epfd = caller_take_fd((int)r->args[0]);
	if (epfd < 0)
		return epfd;
	/* The eventfd stays readable: an edge tells what a ring's own poll would. */
	event.events |= EPOLLET;
	result = syscall(SYS_epoll_ctl, epfd, (int)r->args[1], instead, &event);
	if (result < 0)
		result = -errno;
	close(epfd);
	return result;
}

/* ---- what the kernel says of itself and of the process ---- */

static long answer_uname(struct request *r)
{
	struct utsname name;

	if (syscall(SYS_uname, &name))
		return -errno;
	snprintf(name.release, sizeof(name.release), "%u.%u.0-skep", KVER_MAJOR(r->sys->profile),
		 KVER_MINOR(r->sys->profile));
	return user_write(r->sys, r->args[0], &name, sizeof(name));
}

/* Since Linux 5.11 maps are not charged to RLIMIT_MEMLOCK: raising it succeeds. */
static long memlock(struct request *r, u32 pid, u64 new, u64 old)
{
	struct rlimit64 limit, before;

	if (new &&user_read(r->sys, &limit, new, sizeof(limit)))
		return -EFAULT;
	if (syscall(SYS_prlimit64, pid, RLIMIT_MEMLOCK, NULL, &before))
		return -errno;
	if (new &&limit.rlim_cur > limit.rlim_max)
		return -EINVAL;
	if (new)
		syscall(SYS_prlimit64, pid, RLIMIT_MEMLOCK, &limit, NULL);
	return old ? user_write(r->sys, old, &before, sizeof(before)) : 0;
}

static long answer_setrlimit(struct request *r)
{
	return r->args[1] ? memlock(r, r->caller.tgid, r->args[1], 0) : -EFAULT;
}

static long answer_prlimit64(struct request *r)
{
	if (!r->args[2])
		return ANSWER_CONTINUE;
	return memlock(r, r->args[0] ? (u32)r->args[0] : r->caller.tgid, r->args[2], r->args[3]);
}

/* ---- tracers ---- */

static bool is_ours_to_trace(const struct request *r, u32 tid)
{
	char path[32], buf[4096], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nTracerPid:");
	return p && r->sys->supervisor && atoi(p + 11) == r->sys->supervisor->tid;
}

/* Linux lets a task have one tracer: who comes second gets EPERM, and is told why. */
static long answer_ptrace(struct request *r)
{
	if (is_ours_to_trace(r, r->args[0] ? (u32)r->args[1] : r->caller.tid))
		session_say_once(
			r->session, SAID_TRACED,
			"skep: this process is traced by skep, as all of an instance are where "
			"something is attached, and Linux lets a process have one tracer: for "
			"strace or "
			"gdb use `skep exec --untraced`, or start skep exec under them\n");
	return ANSWER_CONTINUE;
}

/* ---- working folders, of who is not traced from the start ---- */

/* Into a folder of ours only the task itself can go: the supervisor makes it, see intercept_chdir_late(). */
static long answer_chdir(struct request *r)
{
	char path[PATH_MAX];

	if (load_acquire(&r->session->chdir_tid) == r->caller.tid)
		return ANSWER_CONTINUE;
	if (!view_path(r, AT_FDCWD, r->args[0], path)) {
		if (load_acquire(&r->session->process))
			supervisor_call(r->sys->supervisor, intercept_chdir_done, &r->caller.tid);
		return ANSWER_CONTINUE;
	}
	members_take_up(r->session->instance);
	if (supervisor_call(r->sys->supervisor, intercept_chdir_late, &r->caller.tid))
		return ANSWER_CONTINUE; /* another tracer has it */
	return -ERESTARTNOINTR;
}

static long answer_fchdir(struct request *r)
{
	WRITE_ONCE(r->session->moved, true);
	return ANSWER_CONTINUE;
}

/* ---- user 0 ---- */

static long answer_getresid(struct request *r)
{
	u32 zero = 0;

	for (int i = 0; i < 3; i++)
		if (user_write(r->sys, r->args[i], &zero, sizeof(zero)))
			return -EFAULT;
	return 0;
}

/* ---- capabilities: what the instance counts as held ---- */

static u64 held_caps(const struct request *r)
{
	u64 caps = BIT_ULL(CAP_NET_ADMIN) | BIT_ULL(CAP_SYS_ADMIN) | BIT_ULL(CAP_PERFMON) |
		   BIT_ULL(CAP_BPF);

	return r->session->root ? BIT_ULL(CAP_LAST_CAP + 1) - 1 : caps;
}

static int read_header(struct request *r, struct __user_cap_header_struct *header)
{
	if (user_read(r->sys, header, r->args[0], sizeof(*header)) || !r->args[1] ||
	    header->version != _LINUX_CAPABILITY_VERSION_3)
		return -EINVAL;
	return header->pid && (u32)header->pid != r->caller.tid ? -EINVAL : 0;
}

static long answer_capget(struct request *r)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2] = { { 0 } };
	u64 caps = caller_caps() | held_caps(r);

	/* In a user namespace of its own it holds them all: what it can inherit is the kernel's to say. */
	if (read_header(r, &header) || !(held_caps(r) & ~caller_caps()))
		return ANSWER_CONTINUE;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (u32)(caps >> (32 * i));
	return user_write(r->sys, r->args[1], data, sizeof(data));
}

/* Who sets what it holds by our word alone is told that it is done; it changes nothing. */
static long answer_capset(struct request *r)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	u64 wanted, real = caller_caps();

	if (read_header(r, &header) || user_read(r->sys, data, r->args[1], sizeof(data)))
		return ANSWER_CONTINUE;
	wanted = (u64)(data[1].effective | data[1].permitted) << 32 | data[0].effective |
		 data[0].permitted;
	if (!(wanted & ~real))
		return ANSWER_CONTINUE;
	return wanted & ~(real | held_caps(r)) ? -EPERM : 0;
}

/* ---- the table ---- */

enum when {
	ALWAYS,
	ROOT,
	PROFILE,   /* one was asked for */
	CAPS,	   /* they count as held */
	LATE,	   /* who is not traced yet: else the tracer does it */
	RECEIVERS, /* it has some */
};

static const struct {
	u16 nr;
	u8 filter, when;
	long (*answer)(struct request *r);
} calls[] = {
	{ SYS_bpf, CALL_NOTIFY, ALWAYS, answer_bpf },
	{ SYS_perf_event_open, CALL_NOTIFY, ALWAYS, answer_perf_event_open },
	{ SYS_ioctl, CALL_IOCTL, ALWAYS, answer_ioctl },
	{ SYS_mmap, CALL_MMAP, ALWAYS, answer_mmap },
	{ SYS_epoll_ctl, CALL_NOTIFY, ALWAYS, answer_epoll_ctl },
	{ SYS_socket, CALL_NETLINK_NEW, ALWAYS, netlink_make },
	{ SYS_sendto, CALL_NETLINK_FD, ALWAYS, netlink_send },
	{ SYS_sendmsg, CALL_NETLINK_FD, ALWAYS, netlink_send },
	{ SYS_recvfrom, CALL_NETLINK_FD, ALWAYS, netlink_receive },
	{ SYS_recvmsg, CALL_NETLINK_FD, ALWAYS, netlink_receive },
	{ SYS_poll, CALL_POLL, ALWAYS, poll_answer },
	{ SYS_ppoll, CALL_POLL, ALWAYS, poll_answer },
	{ SYS_select, CALL_SELECT, ALWAYS, select_answer },
	{ SYS_pselect6, CALL_SELECT, ALWAYS, select_answer },
	{ SYS_setsockopt, CALL_SOCKOPT, ALWAYS, answer_setsockopt },
	{ SYS_getxattr, CALL_NOTIFY, ALWAYS, view_getxattr },
	{ SYS_lgetxattr, CALL_NOTIFY, ALWAYS, view_getxattr },
	{ SYS_listxattr, CALL_NOTIFY, ALWAYS, view_listxattr },
	{ SYS_llistxattr, CALL_NOTIFY, ALWAYS, view_listxattr },
	{ SYS_setxattr, CALL_NOTIFY, ALWAYS, view_setxattr },
	{ SYS_lsetxattr, CALL_NOTIFY, ALWAYS, view_setxattr },
	{ SYS_removexattr, CALL_NOTIFY, ALWAYS, view_removexattr },
	{ SYS_lremovexattr, CALL_NOTIFY, ALWAYS, view_removexattr },
	{ SYS_read, CALL_RECEIVER_FD, RECEIVERS, answer_receiver_read },
	{ SYS_write, CALL_RECEIVER_FD, RECEIVERS, answer_receiver_write },
	{ SYS_fstat, CALL_RECEIVER_FD, RECEIVERS, answer_receiver_fstat },
	{ SYS_uname, CALL_NOTIFY, PROFILE, answer_uname },
	{ SYS_setrlimit, CALL_RLIMIT_0, ALWAYS, answer_setrlimit },
	{ SYS_prlimit64, CALL_RLIMIT_1, ALWAYS, answer_prlimit64 },
	{ SYS_open, CALL_NOTIFY, ALWAYS, view_open },
	{ SYS_openat, CALL_NOTIFY, ALWAYS, view_openat },
	{ SYS_openat2, CALL_NOTIFY, ALWAYS, view_openat2 },
	{ SYS_stat, CALL_NOTIFY, ALWAYS, view_stat },
	{ SYS_lstat, CALL_NOTIFY, ALWAYS, view_lstat },
	{ SYS_newfstatat, CALL_AT_3, ALWAYS, view_newfstatat },
	{ SYS_statx, CALL_AT_2, ALWAYS, view_statx },
	{ SYS_access, CALL_NOTIFY, ALWAYS, view_access },
	{ SYS_faccessat, CALL_NOTIFY, ALWAYS, view_faccessat },
	{ SYS_faccessat2, CALL_AT_3, ALWAYS, view_faccessat },
	{ SYS_readlink, CALL_NOTIFY, ALWAYS, view_readlink },
	{ SYS_readlinkat, CALL_NOTIFY, ALWAYS, view_readlinkat },
	{ SYS_statfs, CALL_NOTIFY, ALWAYS, view_statfs },
	{ SYS_fstatfs, CALL_NOTIFY, ALWAYS, view_fstatfs },
	{ SYS_name_to_handle_at, CALL_NOTIFY, ALWAYS, view_name_to_handle },
	{ SYS_getcwd, CALL_NOTIFY, ALWAYS, view_getcwd },
	{ SYS_unlink, CALL_NOTIFY, ALWAYS, view_unlink },
	{ SYS_unlinkat, CALL_NOTIFY, ALWAYS, view_unlinkat },
	{ SYS_rmdir, CALL_NOTIFY, ALWAYS, view_rmdir },
	{ SYS_mkdir, CALL_NOTIFY, ALWAYS, view_mkdir },
	{ SYS_mkdirat, CALL_NOTIFY, ALWAYS, view_mkdirat },
	{ SYS_rename, CALL_NOTIFY, ALWAYS, view_rename },
	{ SYS_renameat, CALL_NOTIFY, ALWAYS, view_renameat },
	{ SYS_renameat2, CALL_NOTIFY, ALWAYS, view_renameat },
	{ SYS_symlink, CALL_NOTIFY, ALWAYS, view_symlink },
	{ SYS_symlinkat, CALL_NOTIFY, ALWAYS, view_symlinkat },
	{ SYS_link, CALL_NOTIFY, ALWAYS, view_link },
	{ SYS_linkat, CALL_NOTIFY, ALWAYS, view_linkat },
	{ SYS_chmod, CALL_NOTIFY, ALWAYS, view_chmod },
	{ SYS_fchmodat, CALL_NOTIFY, ALWAYS, view_fchmodat },
	{ SYS_chown, CALL_NOTIFY, ALWAYS, view_chown },
	{ SYS_fchownat, CALL_NOTIFY, ALWAYS, view_fchownat },
	{ SYS_mount, CALL_NOTIFY, ALWAYS, view_mount },
	{ SYS_umount2, CALL_NOTIFY, ALWAYS, view_umount },
	{ SYS_fsopen, CALL_NOTIFY, ALWAYS, view_fsopen },
	{ SYS_fsconfig, CALL_NOTIFY, ALWAYS, view_fsconfig },
	{ SYS_fsmount, CALL_NOTIFY, ALWAYS, view_fsmount },
	{ SYS_fspick, CALL_NOTIFY, ALWAYS, view_fspick },
	{ SYS_move_mount, CALL_NOTIFY, ALWAYS, view_move_mount },
	{ SYS_ptrace, CALL_PTRACE, ALWAYS, answer_ptrace },
	{ SYS_chdir, CALL_NOTIFY, LATE, answer_chdir },
	{ SYS_fchdir, CALL_NOTIFY, LATE, answer_fchdir },
	{ SYS_getuid, CALL_ZERO, ROOT, NULL },
	{ SYS_geteuid, CALL_ZERO, ROOT, NULL },
	{ SYS_getgid, CALL_ZERO, ROOT, NULL },
	{ SYS_getegid, CALL_ZERO, ROOT, NULL },
	{ SYS_getresuid, CALL_NOTIFY, ROOT, answer_getresid },
	{ SYS_getresgid, CALL_NOTIFY, ROOT, answer_getresid },
	{ SYS_capget, CALL_NOTIFY, CAPS, answer_capget },
	{ SYS_capset, CALL_NOTIFY, CAPS, answer_capset },
};

/* What subjects may not do at all, or not to everybody (intercept.c): see docs/trust.md. */
static const struct {
	u16 nr;
	u8 filter;
} confined[] = {
	{ SYS_bpf, CALL_REFUSED },
	{ SYS_perf_event_open, CALL_REFUSED },
	{ SYS_socket, CALL_ALLOW }, /* programs on devices are the managers', too */
	{ SYS_sendto, CALL_ALLOW },
	{ SYS_sendmsg, CALL_ALLOW },
	{ SYS_recvfrom, CALL_ALLOW },
	{ SYS_recvmsg, CALL_ALLOW },
	{ SYS_ioctl, CALL_IOCTL_CONFINED },
	{ SYS_fcntl, CALL_FCNTL_CONFINED },
	{ SYS_prlimit64, CALL_RLIMIT_CONFINED },
	/* Requests that no stop tells of. */
	{ SYS_io_uring_setup, CALL_ABSENT },
	{ SYS_io_uring_enter, CALL_ABSENT },
	{ SYS_io_uring_register, CALL_ABSENT },
	/* Flags in memory, which another thread may change; libc goes back to clone(). */
	{ SYS_clone3, CALL_ABSENT },
	{ SYS_clone, CALL_CLONE_CONFINED },
	{ SYS_unshare, CALL_UNSHARE_CONFINED },
	{ SYS_setns, CALL_REFUSED },
	/* Other processes' memory, descriptors and resources. */
	{ SYS_ptrace, CALL_REFUSED },
	{ SYS_process_vm_readv, CALL_REFUSED },
	{ SYS_process_vm_writev, CALL_REFUSED },
	{ SYS_pidfd_getfd, CALL_REFUSED },
	{ SYS_process_madvise, CALL_REFUSED },
	/* Files without a name. */
	{ SYS_open_by_handle_at, CALL_REFUSED },
	/* What names lead to. */
	{ SYS_mount, CALL_REFUSED },
	{ SYS_umount2, CALL_REFUSED },
	{ SYS_pivot_root, CALL_REFUSED },
	{ SYS_open_tree, CALL_REFUSED },
	{ SYS_move_mount, CALL_REFUSED },
	{ SYS_fsopen, CALL_REFUSED },
	{ SYS_fsconfig, CALL_REFUSED },
	{ SYS_fsmount, CALL_REFUSED },
	{ SYS_fspick, CALL_REFUSED },
	{ SYS_mount_setattr, CALL_REFUSED },
	/* Signals: to its own tree only. */
	{ SYS_kill, CALL_TRACE },
	{ SYS_tkill, CALL_TRACE },
	{ SYS_tgkill, CALL_TRACE },
	{ SYS_rt_sigqueueinfo, CALL_TRACE },
	{ SYS_rt_tgsigqueueinfo, CALL_TRACE },
	{ SYS_pidfd_send_signal, CALL_TRACE },
	/* The pins are the managers'. */
	{ SYS_unlink, CALL_ALLOW },
	{ SYS_unlinkat, CALL_ALLOW },
	{ SYS_rmdir, CALL_ALLOW },
	{ SYS_mkdir, CALL_ALLOW },
	{ SYS_mkdirat, CALL_ALLOW },
	{ SYS_rename, CALL_ALLOW },
	{ SYS_renameat, CALL_ALLOW },
	{ SYS_renameat2, CALL_ALLOW },
	{ SYS_symlink, CALL_ALLOW },
	{ SYS_symlinkat, CALL_ALLOW },
	{ SYS_link, CALL_ALLOW },
	{ SYS_linkat, CALL_ALLOW },
	{ SYS_chmod, CALL_ALLOW },
	{ SYS_fchmodat, CALL_ALLOW },
	{ SYS_chown, CALL_ALLOW },
	{ SYS_fchownat, CALL_ALLOW },
};

bool calls_filter(const struct skep_system *sys, const struct wire_request *q, u8 *answers)
{
	bool traced = !q->untraced && !q->late, receivers = !q->confined && lirc_count(sys);

	for (u32 nr = 0; nr < CALLS_MAX; nr++)
		answers[nr] = traced && filter_needs(nr) ? CALL_TRACE : CALL_ALLOW;
	if (traced)
		answers[SYS_clone] = CALL_CLONE;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if ((calls[i].when == ROOT && !q->root) ||
		    (calls[i].when == PROFILE && !sys->profile_set) ||
		    (calls[i].when == LATE && !q->late) ||
		    (calls[i].when == RECEIVERS && !receivers) ||
		    (calls[i].when == CAPS && !q->root && sys->caps_mode != CAPS_FULL))
			continue;
		answers[calls[i].nr] = calls[i].filter;
	}
	if (receivers) {
		answers[SYS_ioctl] = CALL_RECEIVER_IOCTL;
		answers[SYS_newfstatat] = CALL_RECEIVER_AT_3;
		answers[SYS_statx] = CALL_RECEIVER_AT_2;
	}
	if (traced)
		answers[SYS_socket] = CALL_NETLINK;
	if (q->untraced)
		answers[SYS_ptrace] = CALL_ALLOW;
	for (size_t i = 0; q->confined && i < ARRAY_SIZE(confined); i++)
		answers[confined[i].nr] = confined[i].filter;
	if (q->trapped && !q->confined)
		answers[SYS_bpf] = answers[SYS_perf_event_open] = CALL_TRAP;
	if (traced && notify_cannot_take())
		answers[SYS_epoll_ctl] = CALL_TRACE;
	return receivers;
}

/* ---- answering ---- */

static void *sync_and_answer(void *arg)
{
	struct request *r = arg;
	struct session *s = r->session;

	members_take_up(s->instance);
	supervisor_sync(r->sys);
	notify_answer(r, (long)r->args[0]);
	mem_free(r);
	__atomic_fetch_sub(&s->workers, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * @fn with a copy of @r in a thread of its own; in this one when there can be none. A session's thread
 * never waits for the supervisor, which may wait for a task that waits for the session.
 */
static void elsewhere(void *(*fn)(void *arg), const struct request *r)
{
	struct request *copy;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	while (!(copy = mem_dup(r, sizeof(*r))))
		usleep(10000);
	__atomic_fetch_add(&r->session->workers, 1, __ATOMIC_SEQ_CST);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, fn, copy);
	pthread_attr_destroy(&attr);
	if (err)
		fn(copy);
}

/* bpf(2) of a program for i386 or x32. DIFF(sys-entries) */
static void answer_foreign(struct request *r)
{
	session_say_once(
		r->session, SAID_FOREIGN,
		"skep: bpf(2) and perf_event_open(2) of 32-bit programs (i386, x32) are not "
		"answered: they get ENOSYS\n");
	notify_answer(r, -ENOSYS);
}

static u64 bpf_command(const struct request *r)
{
	return r->args[0] & ~(u64)BPF_COMMON_ATTRS;
}

/* Commands that look at the instance's tasks, or do so soon. */
static bool needs_tasks(const struct request *r)
{
	return r->nr == SYS_bpf &&
	       (bpf_command(r) == BPF_ITER_CREATE || bpf_command(r) == BPF_PROG_TEST_RUN);
}

/* That of an iterator is no attachment, but looks at tasks when its pin is read. */
static bool makes_link(const struct request *r)
{
	return r->nr == SYS_bpf && bpf_command(r) == BPF_LINK_CREATE;
}

static void answer(struct request *r)
{
	struct caller *before = caller_enter(&r->caller);
	u64 revision = hooks_revision(r->sys);
	long result = -ENOSYS;

	if (needs_tasks(r))
		members_take_up(r->session->instance);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == r->nr && calls[i].answer) {
			result = calls[i].answer(r);
			break;
		}
	caller_leave(before);
	/* Nobody has decided about what the kernel would do with it. */
	if (result == ANSWER_CONTINUE && r->views_only)
		result = -EACCES;
	/* An attachment is in force when the call that made it returns. */
	if (hooks_revision(r->sys) != revision || (makes_link(r) && result >= 0)) {
		r->args[0] = (u64)result;
		elsewhere(sync_and_answer, r);
	} else {
		notify_answer(r, result);
	}
}

static void *answer_elsewhere(void *arg)
{
	struct request *r = arg;
	struct session *s = r->session;

	answer(r);
	mem_free(r);
	__atomic_fetch_sub(&s->workers, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Whether the answer may take longer than the session's other calls should wait. */
static bool may_last(struct request *r)
{
	u64 cmd = r->args[0];

	if (r->nr == SYS_poll || r->nr == SYS_ppoll || r->nr == SYS_select || r->nr == SYS_pselect6)
		return poll_may_last(r);
	if (r->nr == SYS_chdir) /* asks the supervisor */
		return true;
	if (r->nr == SYS_write) /* to a receiver: until it has been sent */
		return true;
	if (r->nr != SYS_bpf && (r->nr != SYS_ioctl || (u32)r->args[1] != CALL_PROXY_BPF))
		return false;
	return cmd == BPF_ITER_CREATE || cmd == BPF_PROG_LOAD || cmd == BPF_BTF_LOAD ||
	       cmd == BPF_PROG_TEST_RUN || cmd == BPF_MAP_CREATE || cmd == BPF_LINK_CREATE ||
	       cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_UPDATE_BATCH ||
	       cmd == BPF_MAP_DELETE_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
}

/* What the supervisor has decided: a descriptor that is the answer, or that only we may answer. */
static bool answer_decided(struct request *r)
{
	struct gift g;
	int there;

	if (!load_acquire(&r->session->nr_gifts) || !gift_take(r->session, r->caller.tid, &g))
		return false;
	/* Of a call that a signal has ended before it was notified: this is another one. */
	if (g.call.nr != r->nr || memcmp(g.call.args, r->args, sizeof(r->args))) {
		if (g.fd >= 0)
			close(g.fd);
		return false;
	}
	r->views_only = g.fd < 0;
	if (g.fd < 0)
		return false;
	there = r->caller.ops->give_fd(&r->caller, g.fd, g.cloexec);
	close(g.fd);
	notify_answer(r, there);
	return true;
}

void calls_answer(struct request *r)
{
	bool gift = r->nr == SYS_ioctl && (u32)r->args[1] == CALL_PROXY_FD;

	if (unlikely(r->foreign)) {
		answer_foreign(r);
		return;
	}
	if (answer_decided(r))
		return;
	if (!gift && (r->session->indirect || may_last(r)))
		elsewhere(answer_elsewhere, r);
	else
		answer(r);
}
