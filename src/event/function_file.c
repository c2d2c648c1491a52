/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of calls that open, read and write files (Linux: fs/open.c, fs/namei.c,
 * fs/read_write.c, fs/sync.c, fs/readdir.c, fs/pipe.c).
 *
 * DIFF(functions-inlined): where Linux's compilers copy a function into its callers
 * (do_sys_open, vfs_fsync, vfs_getattr ...) nothing attached to it runs; here it is passed
 * as the source has it.
 * DIFF(functions-stacked): a stacked filesystem (overlayfs) passes these functions once more for
 * the file below; here they are passed once.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "event/function.h"

#define O_LARGEFILE_KERNEL 0100000
#define O_TMPFILE_KERNEL   020000000
#define LLONG_MAX_	   0x7fffffffffffffffULL

/* ---- opening ---- */

static int flags_arg(const struct task *t)
{
	return t->call.nr == SYS_open ? 1 : 2;
}

/* The flags and mode that do_sys_open() is given. */
static u64 open_flags(struct call_model *m)
{
	const struct task_call *c = &m->t->call;

	if (c->nr == SYS_creat)
		return O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE_KERNEL;
	return as_int(c->args[flags_arg(m->t)]) | O_LARGEFILE_KERNEL;
}

static u64 open_mode(struct call_model *m)
{
	const struct task_call *c = &m->t->call;

	return (u16)(c->nr == SYS_creat ? c->args[1] : c->args[flags_arg(m->t) + 1]);
}

static bool read_how(struct call_model *m, struct open_how *how)
{
	/* build_open_how() */
	const u64 valid = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
			  O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | O_LARGEFILE_KERNEL |
			  O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
			  O_TMPFILE_KERNEL;
	const u64 path = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;

	*how = (struct open_how){ 0 };
	if (m->t->call.nr == SYS_openat2) {
		u64 size = arg3(m) < sizeof(*how) ? arg3(m) : sizeof(*how);

		if (task_read(m->t, how, arg2(m), size))
			return false;
		if (!(how->flags & O_PATH))
			how->flags |= O_LARGEFILE_KERNEL;
		return true;
	}
	how->flags = open_flags(m) & valid;
	how->mode = open_mode(m) & 07777;
	if (how->flags & O_PATH)
		how->flags &= path;
	if (!(how->flags & (O_CREAT | O_TMPFILE_KERNEL)))
		how->mode = 0;
	return true;
}

static u64 open_how(struct call_model *m)
{
	struct open_how how;
	u64 at;

	if (memo_get(m, MEMO_HOW, &at))
		return at;
	if (!read_how(m, &how))
		return memo_set(m, MEMO_HOW, 0);
	at = model_temp(m, MEMO_HOW, "struct open_how");
	world_set(m->t->sys, at, "flags", how.flags);
	world_set(m->t->sys, at, "mode", how.mode);
	world_set(m->t->sys, at, "resolve", how.resolve);
	return at;
}

static bool how_readable(struct call_model *m)
{
	return open_how(m) != 0;
}

static bool has_dfd(const struct task *t)
{
	return t->call.nr == SYS_openat || t->call.nr == SYS_openat2;
}

static u64 open_dfd(struct call_model *m)
{
	return has_dfd(m->t) ? int0(m) : value_cwd(m);
}

static u64 open_string(struct call_model *m)
{
	return has_dfd(m->t) ? arg1(m) : arg0(m);
}

static u64 open_name(struct call_model *m)
{
	return has_dfd(m->t) ? name1(m) : name0(m);
}

static u64 open_op(struct call_model *m)
{
	return model_temp(m, MEMO_OP, "struct open_flags");
}

static bool open_named(struct call_model *m)
{
	return how_readable(m) && !is_error(open_name(m));
}

static bool opened(struct call_model *m)
{
	struct open_how how;

	return call_succeeded(m) && read_how(m, &how) &&
	       !(how.flags & O_TMPFILE_KERNEL & ~O_DIRECTORY);
}

static bool opened_for_use(struct call_model *m)
{
	struct open_how how;

	return opened(m) && read_how(m, &how) && !(how.flags & O_PATH);
}

/* The file that an open makes: its directory and dentry, as they are before it is there. */
static u64 created(struct call_model *m, enum memo which)
{
	struct open_how how;
	char path[4096];
	u64 v;

	if (memo_get(m, which, &v))
		return v;
	memo_set(m, MEMO_DENTRY, 0);
	memo_set(m, MEMO_DIR, 0);
	memo_set(m, MEMO_PARENT, 0);
	if (read_how(m, &how) && how.flags & O_CREAT &&
	    task_read_str(m->t, path, open_string(m), sizeof(path)) > 1 &&
	    !world_inode(m->t, (int)open_dfd(m), path, true))
		find_path(m, (int)open_dfd(m), path, MEMO_DENTRY, MEMO_DIR, MEMO_PARENT);
	memo_get(m, which, &v);
	return v;
}

static u64 created_parent(struct call_model *m)
{
	return created(m, MEMO_PARENT);
}

static u64 created_dir(struct call_model *m)
{
	return created(m, MEMO_DIR);
}

static u64 created_dentry(struct call_model *m)
{
	return created(m, MEMO_DENTRY);
}

static u64 created_mode(struct call_model *m)
{
	struct open_how how;

	return read_how(m, &how) ? S_IFREG | (how.mode & 07777) : 0;
}

static bool creates(struct call_model *m)
{
	return call_succeeded(m) && m->memo[MEMO_DENTRY];
}

static u64 file_path_field(struct call_model *m)
{
	return world_field(m->t->sys, file_new(m), "f_path");
}

/* Whether a file was there is asked before it is, for those who want to know of O_TRUNC. */
static void open_enter(struct call_model *m)
{
	static const u32 rows[] = { FUNC_do_truncate, FUNC_do_truncate_before_6_3,
				    FUNC_security_path_truncate, FUNC_security_file_truncate };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (function_active(m->t->sys, rows[i]))
			created(m, MEMO_DENTRY);
}

static bool open_truncates(struct call_model *m)
{
	struct open_how how;

	return opened_for_use(m) && read_how(m, &how) && how.flags & O_TRUNC &&
	       !m->memo[MEMO_DENTRY] && S_ISREG(descriptor_info(m, (int)m->ret, 1, false)->mode);
}

static bool opens_ext4(struct call_model *m)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", m->t->bpf.tid, (int)m->ret);
	return function_active(m->t->sys, FUNC_ext4_file_open) && opened_for_use(m) &&
	       on_ext4(path, true);
}

static bool open_truncates_path(struct call_model *m)
{
	return open_truncates(m) && !visible(m->t->sys->profile, KVER(6, 2));
}

static u64 new_inode(struct call_model *m)
{
	return model_read(m, file_new(m), "f_inode");
}

static u64 new_dentry(struct call_model *m)
{
	return model_read(m, file_new(m), "f_path.dentry");
}

static u64 open_attrs(struct call_model *m)
{
	return 1 << 5 | 1 << 6 | 1 << 15; /* ATTR_MTIME | ATTR_CTIME | ATTR_OPEN */
}

#define OPEN_STEPS                                                                                 \
	STEP(do_sys_openat2_before_6_18, 2, STEP_ENTRY, how_readable, call_ret,                    \
	     { open_dfd, open_string, open_how }),                                                 \
		STEP(do_sys_openat2, 2, STEP_ENTRY, how_readable, call_ret,                        \
		     { open_dfd, open_string, open_how }),                                         \
		STEP(do_filp_open, 3, STEP_ENTRY, open_named, file_new,                            \
		     { open_dfd, open_name, open_op }),                                            \
		STEP(security_path_mknod, 4, STEP_KEPT, creates, NULL,                             \
		     { created_parent, created_dentry, created_mode, value_zero }),                \
		STEP(security_inode_create, 4, STEP_KEPT, creates, NULL,                           \
		     { created_dir, created_dentry, created_mode }),                               \
		STEP(vfs_open, 4, STEP_EXIT, opened, NULL, { file_path_field, file_new }),         \
		STEP(do_dentry_open_before_6_10, 5, STEP_EXIT, opened, NULL,                       \
		     { file_new, new_inode, value_zero }),                                         \
		STEP(do_dentry_open, 5, STEP_EXIT, opened, NULL, { file_new, value_zero }),        \
		STEP(security_file_open, 6, STEP_EXIT, opened_for_use, NULL, { file_new }),        \
		STEP(ext4_file_open, 6, STEP_EXIT, opens_ext4, NULL, { new_inode, file_new }),     \
		STEP(security_path_truncate, 4, STEP_EXIT, open_truncates_path, NULL,              \
		     { file_path_field }),                                                         \
		STEP(security_file_truncate, 4, STEP_EXIT, open_truncates, NULL, { file_new }),    \
		STEP(do_truncate_before_6_3, 4, STEP_EXIT, open_truncates, NULL,                   \
		     { idmap, new_dentry, value_zero, open_attrs, file_new }),                     \
		STEP(do_truncate, 4, STEP_EXIT, open_truncates, NULL,                              \
		     { idmap, new_dentry, value_zero, open_attrs, file_new })

static const struct step open_steps[] = {
	STEP(do_sys_open_before_6_18, 1, STEP_ENTRY, NULL, call_ret,
	     { open_dfd, open_string, open_flags, open_mode }),
	STEP(do_sys_open, 1, STEP_ENTRY, NULL, call_ret,
	     { open_dfd, open_string, open_flags, open_mode }),
	OPEN_STEPS,
};

static const struct step openat2_steps[] = { OPEN_STEPS };

/* ---- reading and writing ---- */

static u64 given_position(struct call_model *m)
{
	u64 pos = arg3(m);

	return model_bytes(m, MEMO_COMMON, &pos, sizeof(pos));
}

static bool positioned(struct call_model *m)
{
	return (s64)arg3(m) >= 0 && usable(m) && !S_ISFIFO(m->info[0]->mode) &&
	       !S_ISSOCK(m->info[0]->mode);
}

static bool positioned_read(struct call_model *m)
{
	return positioned(m) && readable(m);
}

static bool positioned_write(struct call_model *m)
{
	return positioned(m) && writable(m);
}

static const struct step pread_steps[] = {
	STEP(ksys_pread64, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, arg2, arg3 }),
	STEP(vfs_read, 2, STEP_ENTRY, positioned, call_ret, { file0, arg1, arg2, given_position }),
	STEP(security_file_permission, 3, STEP_ENTRY, positioned_read, NULL, { file0, may_read }),
	STEP(ext4_file_read_iter, 3, STEP_ENTRY, reads_ext4, call_ret, { iocb, iter }),
};

static const struct step pwrite_steps[] = {
	STEP(ksys_pwrite64, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, arg2, arg3 }),
	STEP(vfs_write, 2, STEP_ENTRY, positioned, call_ret, { file0, arg1, arg2, given_position }),
	STEP(security_file_permission, 3, STEP_ENTRY, positioned_write, NULL, { file0, may_write }),
	STEP(ext4_file_write_iter, 3, STEP_ENTRY, writes_ext4, call_ret, { iocb, iter }),
};

static const struct step lseek_steps[] = {
	STEP(ksys_lseek, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, int2 }),
	STEP(vfs_llseek, 2, STEP_ENTRY, usable, call_ret, { file0, arg1, int2 }),
};

static u64 datasync(struct call_model *m)
{
	return m->t->call.nr == SYS_fdatasync;
}

static u64 whole_file(struct call_model *m)
{
	return LLONG_MAX_;
}

static bool syncs_ext4(struct call_model *m)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", m->t->bpf.tid, (int)arg0(m));
	return function_active(m->t->sys, FUNC_ext4_sync_file) && usable(m) && on_ext4(path, false);
}

static const struct step fsync_steps[] = {
	STEP(do_fsync, 1, STEP_ENTRY, NULL, call_ret, { uint0, datasync }),
	STEP(vfs_fsync, 2, STEP_ENTRY, usable, call_ret, { file0, datasync }),
	STEP(vfs_fsync_range, 3, STEP_ENTRY, usable, call_ret,
	     { file0, value_zero, whole_file, datasync }),
	STEP(ext4_sync_file, 4, STEP_ENTRY, syncs_ext4, call_ret,
	     { file0, value_zero, whole_file, datasync }),
};

static u64 dir_context(struct call_model *m)
{
	return model_temp(m, MEMO_COMMON, "struct dir_context");
}

/* What iterate_dir() gives: bytes are the caller's affair. */
static u64 dir_ret(struct call_model *m)
{
	return m->ret > 0 ? 0 : (u64)m->ret;
}

static bool is_dir(struct call_model *m)
{
	return usable(m) && S_ISDIR(m->info[0]->mode);
}

static const struct step getdents_steps[] = {
	STEP(iterate_dir, 1, STEP_ENTRY, usable, dir_ret, { file0, dir_context }),
	STEP(security_file_permission, 2, STEP_ENTRY, is_dir, NULL, { file0, may_read }),
};

static u64 pipe_flags(struct call_model *m)
{
	return m->t->call.nr == SYS_pipe ? 0 : int1(m);
}

static const struct step pipe_steps[] = {
	STEP(do_pipe2, 1, STEP_ENTRY, NULL, call_ret, { arg0, pipe_flags }),
};

const struct call_path *file_path(u32 nr)
{
	static const struct call_path open_path = PATH(open_steps, .enter = open_enter),
				      openat2_path = PATH(openat2_steps, .enter = open_enter),
				      pread_path = PATH(pread_steps),
				      pwrite_path = PATH(pwrite_steps),
				      lseek_path = PATH(lseek_steps),
				      fsync_path = PATH(fsync_steps),
				      getdents_path = PATH(getdents_steps),
				      pipe_path = PATH(pipe_steps);

	switch (nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_creat:
		return &open_path;
	case SYS_openat2:
		return &openat2_path;
	case SYS_pread64:
		return &pread_path;
	case SYS_pwrite64:
		return &pwrite_path;
	case SYS_lseek:
		return &lseek_path;
	case SYS_fsync:
	case SYS_fdatasync:
		return &fsync_path;
	case SYS_getdents:
	case SYS_getdents64:
		return &getdents_path;
	case SYS_pipe:
	case SYS_pipe2:
		return &pipe_path;
	}
	return NULL;
}
