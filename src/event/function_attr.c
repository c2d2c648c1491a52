/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of calls that change what files are like, and of calls that ask security modules and do
 * little else (Linux: fs/open.c, fs/ioctl.c, fs/fcntl.c, fs/locks.c, fs/namespace.c, kernel/sys.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "event/function.h"

#define ATTR_TIMES (1 << 5 | 1 << 6) /* ATTR_MTIME | ATTR_CTIME */

/* ---- a path that the call names ---- */

/* Of the string at argument @name relative to descriptor @dfd, found when it is asked for first. */
static u64 path_at(struct call_model *m, int dfd, u64 string, bool follow)
{
	char path[4096];
	u64 at = 0;

	if (memo_get(m, MEMO_PATH, &at))
		return at;
	if (task_read_str(m->t, path, string, sizeof(path)) > 1)
		at = world_path(m->t, dfd, path, follow);
	else if (dfd != AT_FDCWD)
		at = world_field(m->t->sys, world_file(m->t, dfd), "f_path");
	return memo_set(m, MEMO_PATH, at);
}

static u64 path0(struct call_model *m)
{
	return path_at(m, AT_FDCWD, arg0(m), true);
}

static u64 path1(struct call_model *m)
{
	return path_at(m, AT_FDCWD, arg1(m), true);
}

static u64 dentry_of(struct call_model *m, u64 path)
{
	return path ? model_read(m, path, "dentry") : 0;
}

/* ---- lengths ---- */

static u64 path0_dentry(struct call_model *m)
{
	return dentry_of(m, path0(m));
}

static const struct step truncate_steps[] = {
	STEP(do_sys_truncate_before_6_18, 1, STEP_ENTRY, NULL, call_ret, { arg0, arg1 }),
	STEP(do_sys_truncate, 1, STEP_ENTRY, NULL, call_ret, { arg0, arg1 }),
	STEP(vfs_truncate_before_6_18, 2, STEP_EXIT, call_succeeded, NULL, { path0, arg1 }),
	STEP(vfs_truncate, 2, STEP_EXIT, call_succeeded, NULL, { path0, arg1 }),
	STEP(security_path_truncate, 3, STEP_EXIT, call_succeeded, NULL, { path0 }),
	STEP(do_truncate_before_6_3, 3, STEP_EXIT, call_succeeded, NULL,
	     { idmap, path0_dentry, arg1, value_zero, value_zero }),
	STEP(do_truncate, 3, STEP_EXIT, call_succeeded, NULL,
	     { idmap, path0_dentry, arg1, value_zero, value_zero }),
};

static bool length_given(struct call_model *m)
{
	return (s64)arg1(m) >= 0 && usable(m);
}

static bool shortens(struct call_model *m)
{
	return length_given(m) && S_ISREG(m->info[0]->mode) && m->info[0]->write;
}

static bool shortens_path(struct call_model *m)
{
	return !visible(m->t->sys->profile, KVER(6, 2)) && shortens(m);
}

static u64 file0_dentry(struct call_model *m)
{
	return model_read(m, file0(m), "f_path.dentry");
}

static u64 times(struct call_model *m)
{
	return ATTR_TIMES;
}

static const struct step ftruncate_steps[] = {
	STEP(do_sys_ftruncate_before_6_18, 1, STEP_ENTRY, NULL, call_ret,
	     { uint0, arg1, value_one }),
	STEP(do_sys_ftruncate, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, value_one }),
	STEP(do_ftruncate_before_6_18, 2, STEP_ENTRY, length_given, call_ret,
	     { file0, arg1, value_one }),
	STEP(do_ftruncate, 2, STEP_ENTRY, length_given, call_ret, { file0, arg1, value_one }),
	STEP(security_path_truncate, 3, STEP_ENTRY, shortens_path, NULL, { file0_path }),
	STEP(security_file_truncate, 3, STEP_ENTRY, shortens, NULL, { file0 }),
	STEP(do_truncate_before_6_3, 3, STEP_ENTRY, shortens, call_ret,
	     { idmap, file0_dentry, arg1, times, file0 }),
	STEP(do_truncate, 3, STEP_ENTRY, shortens, call_ret,
	     { idmap, file0_dentry, arg1, times, file0 }),
};

static const struct step fallocate_steps[] = {
	STEP(ksys_fallocate, 1, STEP_ENTRY, NULL, call_ret, { int0, int1, arg2, arg3 }),
	STEP(vfs_fallocate, 2, STEP_ENTRY, usable, call_ret, { file0, int1, arg2, arg3 }),
	STEP(security_file_permission, 3, STEP_EXIT, call_succeeded, NULL, { file0, may_write }),
};

/* ---- modes and owners ---- */

static bool changes_at(u64 nr)
{
	return nr == SYS_fchmodat || nr == SYS_fchownat || nr == 452; /* fchmodat2 */
}

static u64 change_dfd(struct call_model *m)
{
	return changes_at(m->t->call.nr) ? int0(m) : value_cwd(m);
}

static u64 change_string(struct call_model *m)
{
	return changes_at(m->t->call.nr) ? arg1(m) : arg0(m);
}

/* The call's argument @i behind the name. */
static u64 change_arg(struct call_model *m, u32 i)
{
	return m->t->call.args[1 + i + changes_at(m->t->call.nr)];
}

static u64 chmod_flags(struct call_model *m)
{
	return m->t->call.nr == 452 ? (u32)arg3(m) : 0;
}

static u64 chown_flags(struct call_model *m)
{
	if (m->t->call.nr == SYS_fchownat)
		return int4(m);
	return m->t->call.nr == SYS_lchown ? AT_SYMLINK_NOFOLLOW : 0;
}

static u64 change_path(struct call_model *m)
{
	u64 flags = chmod_flags(m) | chown_flags(m);

	return path_at(m, (int)change_dfd(m), change_string(m), !(flags & AT_SYMLINK_NOFOLLOW));
}

static u64 chmod_mode(struct call_model *m)
{
	return (u16)change_arg(m, 0);
}

static u64 chown_user(struct call_model *m)
{
	return (u32)change_arg(m, 0);
}

static u64 chown_group(struct call_model *m)
{
	return (u32)change_arg(m, 1);
}

static const struct step chmod_steps[] = {
	STEP(do_fchmodat_before_6_6, 1, STEP_ENTRY, NULL, call_ret,
	     { change_dfd, change_string, chmod_mode }),
	STEP(do_fchmodat, 1, STEP_ENTRY, NULL, call_ret,
	     { change_dfd, change_string, chmod_mode, chmod_flags }),
	STEP(chmod_common, 2, STEP_EXIT, call_succeeded, NULL, { change_path, chmod_mode }),
	STEP(security_path_chmod, 3, STEP_EXIT, call_succeeded, NULL, { change_path, chmod_mode }),
};

static const struct step fchmod_steps[] = {
	STEP(vfs_fchmod, 1, STEP_ENTRY, usable, call_ret, { file0, chmod_mode }),
	STEP(chmod_common, 2, STEP_ENTRY, usable, call_ret, { file0_path, chmod_mode }),
	STEP(security_path_chmod, 3, STEP_EXIT, call_succeeded, NULL, { file0_path, chmod_mode }),
};

static const struct step chown_steps[] = {
	STEP(do_fchownat, 1, STEP_ENTRY, NULL, call_ret,
	     { change_dfd, change_string, chown_user, chown_group, chown_flags }),
	STEP(chown_common, 2, STEP_EXIT, call_succeeded, NULL,
	     { change_path, chown_user, chown_group }),
	STEP(security_path_chown, 3, STEP_EXIT, call_succeeded, NULL,
	     { change_path, chown_user, chown_group }),
};

static const struct step fchown_steps[] = {
	STEP(vfs_fchown, 1, STEP_ENTRY, usable, call_ret, { file0, chown_user, chown_group }),
	STEP(chown_common, 2, STEP_EXIT, call_succeeded, NULL,
	     { file0_path, chown_user, chown_group }),
	STEP(security_path_chown, 3, STEP_EXIT, call_succeeded, NULL,
	     { file0_path, chown_user, chown_group }),
};

/* ---- descriptors ---- */

static u64 uint1(struct call_model *m)
{
	return (u32)arg1(m);
}

static const struct step ioctl_steps[] = {
	STEP(security_file_ioctl, 1, STEP_ENTRY, usable, NULL, { file0, uint1, arg2 }),
};

/* Few commands are for descriptors of O_PATH. */
static bool controls(struct call_model *m)
{
	if (usable(m))
		return true;
	switch (arg1(m)) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return m->info[0]->mode && file0(m);
	}
	return false;
}

/* What fcntl's locks and flock's come to: F_RDLCK, F_WRLCK, F_UNLCK; -1: nothing. */
static int lock_type(struct call_model *m)
{
	struct flock l;

	if (m->t->call.nr == SYS_flock) {
		switch (arg1(m) & ~(u64)LOCK_NB) {
		case LOCK_SH:
			return F_RDLCK;
		case LOCK_EX:
			return F_WRLCK;
		case LOCK_UN:
			return F_UNLCK;
		}
		return -1;
	}
	switch (arg1(m)) {
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return task_read(m->t, &l, arg2(m), sizeof(l)) ? -1 : l.l_type;
	}
	return -1;
}

static u64 lock_command(struct call_model *m)
{
	return (u32)lock_type(m);
}

/* Locked, unlocked, or in the way of another lock. */
static bool tried_lock(struct call_model *m)
{
	return lock_type(m) >= 0 && (call_succeeded(m) || m->ret == -EAGAIN || m->ret == -EDEADLK);
}

static bool flocks(struct call_model *m)
{
	return lock_type(m) >= 0 && usable(m);
}

static const struct step fcntl_steps[] = {
	STEP(security_file_fcntl, 1, STEP_ENTRY, controls, NULL, { file0, uint1, arg2 }),
	STEP(security_file_lock, 1, STEP_EXIT, tried_lock, NULL, { file0, lock_command }),
};

static const struct step flock_steps[] = {
	STEP(security_file_lock, 1, STEP_ENTRY, flocks, NULL, { file0, lock_command }),
};

/* ---- mounts ---- */

/* strndup_user(): a copy, or NULL of NULL. */
static u64 string_copy(struct call_model *m, enum memo memo, u64 from)
{
	char text[4096];
	u64 v;

	if (memo_get(m, memo, &v))
		return v;
	if (!from || task_read_str(m->t, text, from, sizeof(text)) < 0)
		return memo_set(m, memo, 0);
	return model_bytes(m, memo, text, (u32)strlen(text) + 1);
}

static u64 mount_device(struct call_model *m)
{
	return string_copy(m, MEMO_TEXT0, arg0(m));
}

static u64 mount_type(struct call_model *m)
{
	return string_copy(m, MEMO_TEXT1, arg2(m));
}

static u64 mount_data(struct call_model *m)
{
	char page[4096] = "";
	u64 v, left = sizeof(page) - arg4(m) % sizeof(page);

	if (memo_get(m, MEMO_INFO, &v))
		return v;
	if (!arg4(m))
		return memo_set(m, MEMO_INFO, 0);
	if (!task_read(m->t, page, arg4(m), left) && left < sizeof(page))
		(void)task_read(m->t, page + left, arg4(m) + left, sizeof(page) - left);
	return model_bytes(m, MEMO_INFO, page, sizeof(page));
}

static u64 mount_flags(struct call_model *m)
{
	u64 flags = arg3(m);

	return (flags & 0xffff0000) == 0xc0ed0000 ? flags & ~0xffff0000ULL : flags;
}

/* Its strings can be read. */
static bool mounts(struct call_model *m)
{
	return (!arg0(m) || mount_device(m)) && (!arg2(m) || mount_type(m));
}

static bool mounts_somewhere(struct call_model *m)
{
	return mounts(m) && path1(m);
}

static bool mount_asked(struct call_model *m)
{
	return mounts_somewhere(m) && !(mount_flags(m) & 1ULL << 31); /* MS_NOUSER */
}

static const struct step mount_steps[] = {
	STEP(do_mount_before_6_18, 1, STEP_ENTRY, mounts, call_ret,
	     { mount_device, arg1, mount_type, arg3, mount_data }),
	STEP(do_mount, 1, STEP_ENTRY, mounts, call_ret,
	     { mount_device, arg1, mount_type, arg3, mount_data }),
	STEP(path_mount_before_6_18, 2, STEP_ENTRY, mounts_somewhere, call_ret,
	     { mount_device, path1, mount_type, arg3, mount_data }),
	STEP(path_mount, 2, STEP_ENTRY, mounts_somewhere, call_ret,
	     { mount_device, path1, mount_type, arg3, mount_data }),
	STEP(security_sb_mount, 3, STEP_ENTRY, mount_asked, NULL,
	     { mount_device, path1, mount_type, mount_flags, mount_data }),
};

static u64 umount_path(struct call_model *m)
{
	return path_at(m, AT_FDCWD, arg0(m), !(arg1(m) & UMOUNT_NOFOLLOW));
}

static bool unmounts(struct call_model *m)
{
	const u64 known = MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW;

	return !(arg1(m) & 0xffffffff & ~known) && umount_path(m);
}

static const struct step umount2_steps[] = {
	STEP(path_umount_before_6_18, 1, STEP_ENTRY, unmounts, call_ret, { umount_path, int1 }),
	STEP(path_umount, 1, STEP_ENTRY, unmounts, call_ret, { umount_path, int1 }),
};

/* ---- processes ---- */

/* -ENOSYS: no module has an answer, and prctl() looks for one itself. */
static u64 prctl_ret(struct call_model *m)
{
	switch ((int)arg0(m)) {
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
	case PR_GET_SECUREBITS:
	case PR_SET_SECUREBITS:
	case PR_GET_KEEPCAPS:
	case PR_SET_KEEPCAPS:
	case PR_CAP_AMBIENT:
	case PR_SET_PTRACER:
		return (u64)m->ret;
	}
	return (u64)-ENOSYS;
}

static const struct step prctl_steps[] = {
	STEP(security_task_prctl, 1, STEP_ENTRY, NULL, prctl_ret, { int0, arg1, arg2, arg3, arg4 }),
};

static bool accesses(struct call_model *m)
{
	u64 pid = m->t->call.nr == SYS_ptrace ? arg1(m) : arg0(m);

	if (m->t->call.nr == SYS_ptrace && arg0(m) != PTRACE_ATTACH && arg0(m) != PTRACE_SEIZE)
		return false;
	return (int)pid > 0 && (pid_t)pid != (pid_t)m->t->bpf.tid &&
	       task_find(m->t->sys, (pid_t)pid);
}

static u64 accessed_task(struct call_model *m)
{
	u64 pid = m->t->call.nr == SYS_ptrace ? arg1(m) : arg0(m);

	return world_task(task_find(m->t->sys, (pid_t)pid));
}

static u64 access_how(struct call_model *m)
{
	return 0x12; /* PTRACE_MODE_ATTACH_REALCREDS */
}

static const struct step ptrace_steps[] = {
	STEP(security_ptrace_access_check, 1, STEP_ENTRY, accesses, NULL,
	     { accessed_task, access_how }),
};

/* The task of process id @pid, 0: the caller. NULL: not supervised. */
static struct task *task_named(struct call_model *m, u64 pid)
{
	return !(int)pid ? m->t : (int)pid > 0 ? task_find(m->t->sys, (pid_t)pid) : NULL;
}

static u64 named_task(struct call_model *m)
{
	return world_task(task_named(m, arg0(m)));
}

static bool changed_task(struct call_model *m)
{
	return call_succeeded(m) && task_named(m, arg0(m));
}

static bool asked_task(struct call_model *m)
{
	return changed_task(m) && (int)arg0(m);
}

/* 0: the process itself leads. */
static u64 group_id(struct call_model *m)
{
	struct task *t = task_named(m, arg0(m));

	return as_int((int)arg1(m) || !t ? arg1(m) : t->bpf.tgid);
}

static const struct step setpgid_steps[] = {
	STEP(security_task_setpgid, 1, STEP_EXIT, changed_task, NULL, { named_task, group_id }),
};

static const struct step getpgid_steps[] = {
	STEP(security_task_getpgid, 1, STEP_EXIT, asked_task, NULL, { named_task }),
};

static const struct step getsid_steps[] = {
	STEP(security_task_getsid, 1, STEP_EXIT, asked_task, NULL, { named_task }),
};

static const struct step setscheduler_steps[] = {
	STEP(security_task_setscheduler, 1, STEP_EXIT, changed_task, NULL, { named_task }),
};

static const struct step getscheduler_steps[] = {
	STEP(security_task_getscheduler, 1, STEP_EXIT, changed_task, NULL, { named_task }),
};

#define CASE(name)                                                                                 \
	case SYS_##name: {                                                                         \
		static const struct call_path path = PATH(name##_steps);                           \
		return &path;                                                                      \
	}

const struct call_path *attr_path(u32 nr)
{
	static const struct call_path chmod_path = PATH(chmod_steps),
				      chown_path = PATH(chown_steps),
				      setscheduler = PATH(setscheduler_steps),
				      getscheduler = PATH(getscheduler_steps),
				      ptrace_path = PATH(ptrace_steps);

	switch (nr) {
		CASE(truncate)
		CASE(ftruncate)
		CASE(fallocate)
		CASE(fchmod)
		CASE(fchown)
		CASE(ioctl)
		CASE(fcntl)
		CASE(flock)
		CASE(mount)
		CASE(umount2)
		CASE(prctl)
		CASE(setpgid)
		CASE(getpgid)
		CASE(getsid)
	case SYS_ptrace:
	case SYS_process_vm_readv:
	case SYS_process_vm_writev:
		return &ptrace_path;
	case SYS_chmod:
	case SYS_fchmodat:
	case 452: /* fchmodat2 */
		return &chmod_path;
	case SYS_chown:
	case SYS_lchown:
	case SYS_fchownat:
		return &chown_path;
	case SYS_sched_setscheduler:
	case SYS_sched_setparam:
	case SYS_sched_setattr:
	case SYS_sched_setaffinity:
		return &setscheduler;
	case SYS_sched_getscheduler:
	case SYS_sched_getparam:
	case SYS_sched_getattr:
	case SYS_sched_getaffinity:
		return &getscheduler;
	}
	return NULL;
}
