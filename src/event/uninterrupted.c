/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that a signal does not interrupt in Linux. Where such a call is notified (filter.c) a signal ends it
 * with -ERESTARTSYS as long as nobody has received the notification (Linux: seccomp_do_user_notification()), so
 * the tracer has it made again before the signal arrives. DIFF(notified-signals): where there is no tracer nobody can.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/supervisor.h"
#include "event/walk.h"

#define ERESTARTSYS    512
#define ERESTARTNOHAND 514
#define MEM_MAJOR      1 /* /dev/null and its like */

/*
 * What is found there is opened at once, or it is an error at once. Of other devices, which may wait for what a
 * signal ends, and of what cannot be found out, false.
 */
static bool opens_at_once(struct task *t, int dfd, u64 string, u64 flags)
{
	char path[PATH_MAX + 1];
	struct walked found;
	struct stat st;
	bool known;
	int err;

	if (flags & O_PATH)
		return true;
	if (task_read_str(t, path, string, sizeof(path)) < 0 || decide_as_task(t))
		return false;
	err = walk_path(t, dfd, path, flags & O_NOFOLLOW ? 0 : WALK_FOLLOW, 0, &found);
	known = err || !fstat(found.fd, &st);
	if (!err)
		close(found.fd);
	decide_as_self(t);
	if (err || !known)
		return err && err != -ENOMEM && err != -EMFILE;
	switch (st.st_mode & S_IFMT) {
	case S_IFIFO:
		return flags & O_NONBLOCK || (flags & O_ACCMODE) == O_RDWR;
	case S_IFCHR:
		return flags & O_NONBLOCK || major(st.st_rdev) == MEM_MAJOR;
	case S_IFBLK:
		return false;
	}
	return true;
}

static bool openat2_at_once(struct task *t, const struct user_regs_struct *regs)
{
	u64 flags; /* struct open_how begins with them */

	return regs->r10 < sizeof(struct open_how) ||
	       task_read(t, &flags, regs->rdx, sizeof(flags)) ||
	       opens_at_once(t, (int)regs->rdi, regs->rsi, flags);
}

bool call_is_uninterrupted(struct task *t, const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_open:
		return opens_at_once(t, AT_FDCWD, regs->rdi, regs->rsi);
	case SYS_openat:
		return opens_at_once(t, (int)regs->rdi, regs->rsi, regs->rdx);
	case SYS_openat2:
		return openat2_at_once(t, regs);
	case SYS_ioctl: /* of perf events; a receiver's locks are interrupted */
		return (regs->rsi & 0xff00) == '$' << 8;
	case SYS_bpf:
	case SYS_perf_event_open:
	case SYS_mmap:
	case SYS_epoll_ctl:
	case SYS_socket:
	case SYS_setsockopt:
	case SYS_getxattr:
	case SYS_lgetxattr:
	case SYS_listxattr:
	case SYS_llistxattr:
	case SYS_setxattr:
	case SYS_lsetxattr:
	case SYS_removexattr:
	case SYS_lremovexattr:
	case SYS_fstat:
	case SYS_uname:
	case SYS_setrlimit:
	case SYS_prlimit64:
	case SYS_stat:
	case SYS_lstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_access:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlink:
	case SYS_readlinkat:
	case SYS_statfs:
	case SYS_fstatfs:
	case SYS_name_to_handle_at:
	case SYS_getcwd:
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
	case SYS_mount:
	case SYS_umount2:
	case SYS_fsopen:
	case SYS_fsconfig:
	case SYS_fsmount:
	case SYS_fspick:
	case SYS_move_mount:
	case SYS_ptrace:
	case SYS_chdir:
	case SYS_fchdir:
	case SYS_getresuid:
	case SYS_getresgid:
	case SYS_capget:
	case SYS_capset:
		return true;
	}
	return false;
}

void call_wait_ends(struct task *t, struct user_regs_struct *regs)
{
	if ((s64)regs->rax != -ERESTARTSYS)
		return;
	switch (regs->orig_rax) {
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
		regs->rax = (u64)-ERESTARTNOHAND;
		t->regs_changed = true;
		if (t->trace->resuming)
			t->call.ret = -ERESTARTNOHAND;
	}
}
