/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of calls that make, change, wait for and signal processes (Linux: kernel/fork.c,
 * kernel/exit.c, kernel/signal.c, fs/exec.c, fs/binfmt_elf.c, fs/binfmt_script.c).
 *
 * An execve passes most of its functions before it is certain to succeed, as the old program: which
 * ones is read off the file, whose headers say what Linux will open and read.
 * DIFF(functions-exec): a file that another process has open for writing, and what binfmt_misc starts,
 * are not told from others.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/lsm.h"

#ifndef CSIGNAL
#define CSIGNAL 0xff
#endif

/* ---- fork, exit, wait, kill ---- */

static u64 clone_args(struct call_model *m)
{
	struct clone_args user = { 0 };
	struct skep_system *sys = m->t->sys;
	u64 at;

	if (memo_get(m, MEMO_ARGS, &at))
		return at;
	switch (m->t->call.nr) {
	case SYS_clone:
		user.flags = (u32)arg0(m) & ~(u64)CSIGNAL;
		user.exit_signal = arg0(m) & CSIGNAL;
		user.stack = arg1(m);
		user.parent_tid = arg2(m);
		user.child_tid = arg3(m);
		user.tls = arg4(m);
		break;
	case SYS_fork:
		user.exit_signal = SIGCHLD;
		break;
	case SYS_vfork:
		user.flags = CLONE_VFORK | CLONE_VM;
		user.exit_signal = SIGCHLD;
		break;
	default: /* clone3 */
		if (task_read(m->t, &user, arg0(m),
			      arg1(m) < sizeof(user) ? arg1(m) : sizeof(user)))
			return memo_set(m, MEMO_ARGS, 0);
	}
	at = model_temp(m, MEMO_ARGS, "struct kernel_clone_args");
	world_set(sys, at, "flags", user.flags);
	world_set(sys, at, "exit_signal", user.exit_signal);
	world_set(sys, at, "stack", user.stack);
	world_set(sys, at, "stack_size", user.stack_size);
	world_set(sys, at, "parent_tid", user.parent_tid);
	world_set(sys, at, "child_tid", user.child_tid);
	world_set(sys, at, "tls", user.tls);
	return at;
}

static bool clones(struct call_model *m)
{
	return clone_args(m) != 0;
}

/* The last three are fired when the child is there. */
static const struct step clone_steps[] = {
	STEP(kernel_clone, 1, STEP_ENTRY, clones, call_ret, { clone_args }),
	STEP(security_task_alloc_before_6_18, 2, STEP_EXIT, never),
	STEP(security_task_alloc, 2, STEP_EXIT, never),
	STEP(wake_up_new_task, 2, STEP_EXIT, never),
};

static u64 exit_code(struct call_model *m)
{
	return (arg0(m) & 0xff) << 8;
}

/* do_exit() is fired when the task is on its way out. */
static const struct step exit_group_steps[] = {
	STEP(do_group_exit, 1, STEP_ENTRY, NULL, call_ret, { exit_code }),
	STEP(do_exit, 2, STEP_EXIT, never),
	STEP(exit_creds, 1, STEP_EXIT, never),
};

static const struct step exit_steps[] = {
	STEP(do_group_exit, 1, STEP_EXIT, never), /* that it is not passed must be seen */
	STEP(do_exit, 1, STEP_EXIT, never),
	STEP(exit_creds, 1, STEP_EXIT, never),
};

static u64 usage(struct call_model *m)
{
	return arg3(m) ? model_temp(m, MEMO_ARGS, "struct rusage") : 0;
}

static const struct step wait4_steps[] = {
	STEP(kernel_wait4, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, int2, usage }),
};

/* kill(pid), tkill(tid), tgkill(tgid, tid): DIFF(functions-others), who is not supervised is unknown. */
static struct task *killed(struct call_model *m)
{
	u64 id = m->t->call.nr == SYS_tgkill ? arg1(m) : arg0(m);

	return (int)id > 0 ? task_find(m->t->sys, (pid_t)id) : NULL;
}

static u64 kill_signal(struct call_model *m)
{
	return m->t->call.nr == SYS_tgkill ? int2(m) : int1(m);
}

static bool kills(struct call_model *m)
{
	return kill_signal(m) <= 64 && killed(m);
}

static u64 killed_task(struct call_model *m)
{
	return world_task(killed(m));
}

static u64 kill_info(struct call_model *m)
{
	struct skep_system *sys = m->t->sys;
	u64 at;

	if (memo_get(m, MEMO_INFO, &at))
		return at;
	at = model_temp(m, MEMO_INFO, "struct kernel_siginfo");
	world_set(sys, at, "si_signo", kill_signal(m));
	world_set(sys, at, "si_errno", 0);
	world_set(sys, at, "si_code", m->t->call.nr == SYS_kill ? SI_USER : as_int((u32)SI_TKILL));
	return at;
}

static const struct step kill_steps[] = {
	STEP(security_task_kill, 1, STEP_ENTRY, kills, NULL,
	     { killed_task, kill_info, kill_signal, value_zero }),
};

/* ---- execve ---- */

enum { EXE_HEADER = 256 }; /* BINPRM_BUF_SIZE */

struct executable {
	char path[512];
	int dfd; /* of a relative path */
	char header[EXE_HEADER];
	bool elf, script;
	char interp[256]; /* the next program, or the loader */
	int fd;		  /* of ours, in it; -1: it cannot be read */
	int found;	  /* the same by O_PATH */
	bool nofollow;
	bool argument; /* of the script's interpreter */
};

static bool is_at(struct call_model *m)
{
	return m->t->call.nr == SYS_execveat;
}

static u64 exec_dfd(struct call_model *m)
{
	return is_at(m) ? int0(m) : value_cwd(m);
}

static u64 exec_name(struct call_model *m)
{
	return is_at(m) ? name1(m) : name0(m);
}

static u64 exec_argv(struct call_model *m)
{
	return is_at(m) ? arg2(m) : arg1(m);
}

static u64 exec_envp(struct call_model *m)
{
	return is_at(m) ? arg3(m) : arg2(m);
}

static bool by_name(struct call_model *m)
{
	return !is_error(exec_name(m));
}

static u64 exec_flags(struct call_model *m)
{
	return is_at(m) ? int4(m) : 0;
}

static void look_end(struct executable *exe)
{
	if (exe->fd >= 0)
		close(exe->fd);
	if (exe->found >= 0)
		close(exe->found);
	exe->fd = exe->found = -1;
}

/* Finds @exe as the task would: what Linux would execute, or false. */
static bool find_exe(struct call_model *m, struct executable *exe, char path[48])
{
	struct walked at;
	struct stat st;
	struct statvfs fs;
	bool ok;

	if (walk_path(m->t, exe->dfd, exe->path, (exe->nofollow ? 0 : WALK_FOLLOW) | WALK_EMPTY, 0,
		      &at))
		return false;
	exe->found = at.fd;
	lsm_own_path(at.fd, path, 48);
	ok = !fstat(at.fd, &st) && S_ISREG(st.st_mode) &&
	     !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) &&
	     (fstatvfs(at.fd, &fs) || !(fs.f_flag & ST_NOEXEC));
	if (ok)
		exe->fd = open(path, O_RDONLY | O_CLOEXEC);
	return ok;
}

/* Opens @exe as the task would see it, looks at it: false when Linux would not execute it. */
static bool look(struct call_model *m, struct executable *exe)
{
	char path[48];
	ssize_t n;
	bool ok;
	int fd;

	exe->fd = exe->found = -1;
	if (decide_as_task(m->t))
		return false;
	ok = find_exe(m, exe, path);
	decide_as_self(m->t);
	if (!ok) {
		look_end(exe);
		return false;
	}
	exe->elf = exe->script = false;
	exe->interp[0] = 0;
	memset(exe->header, 0, sizeof(exe->header));
	fd = exe->fd;
	if (fd < 0) { /* executable and not readable */
		exe->elf = true;
		return true;
	}
	n = read(fd, exe->header, sizeof(exe->header));
	exe->elf = n > 4 && !memcmp(exe->header, ELFMAG, SELFMAG);
	exe->script = n > 2 && !memcmp(exe->header, "#!", 2);
	if (exe->elf) {
		const Elf64_Ehdr *e = (const void *)exe->header;
		Elf64_Phdr p;

		for (u32 i = 0; i < e->e_phnum && i < 64; i++) {
			if (pread(fd, &p, sizeof(p), (off_t)(e->e_phoff + i * sizeof(p))) !=
			    sizeof(p))
				break;
			if (p.p_type != PT_INTERP || p.p_filesz >= sizeof(exe->interp))
				continue;
			n = pread(fd, exe->interp, p.p_filesz, (off_t)p.p_offset);
			exe->interp[n > 0 ? n : 0] = 0;
			break;
		}
	} else if (exe->script) {
		const char *s = exe->header + 2;

		s += strspn(s, " \t");
		exe->argument =
			s[strcspn(s, " \t\n") + strspn(s + strcspn(s, " \t\n"), " \t")] != '\n';
		snprintf(exe->interp, sizeof(exe->interp), "%.*s", (int)strcspn(s, " \t\n"), s);
	}
	return true;
}

/* Whether anybody wants to know what will be mapped. */
static bool maps_in_use(const struct skep_system *sys)
{
	return function_active(sys, FUNC_vm_mmap_pgoff) ||
	       function_active(sys, FUNC_security_mmap_file);
}

static u64 exe_file(struct call_model *m, const struct executable *exe)
{
	bool itself = !exe->path[0]; /* execveat of a descriptor */

	return itself ? world_file(m->t, exe->dfd) :
			world_file_of(m->t, exe->found, O_RDONLY | 0100000);
}

static u32 count_strings(struct call_model *m, u64 at)
{
	u64 s;
	u32 n = 0;

	while (at && n < 65536 && !task_read(m->t, &s, at + n * sizeof(s), sizeof(s)) && s)
		n++;
	return n;
}

static u64 bprm(struct call_model *m, const struct executable *exe, u64 filename)
{
	struct skep_system *sys = m->t->sys;
	u32 argc = count_strings(m, exec_argv(m));
	u64 at, name = world_temp_bytes(m->t, exe->path, (u32)strlen(exe->path) + 1);

	at = model_temp(m, MEMO_COMMON, "struct linux_binprm");
	world_set(sys, at, "filename", name);
	world_set(sys, at, "interp", name);
	world_set(sys, at, "argc", argc ? argc : 1);
	world_set(sys, at, "envc", count_strings(m, exec_envp(m)));
	world_set(sys, at, "file", 0);
	world_set(sys, at, "secureexec", 0);
	return at;
}

static const char permission_read = 4;

/* Opening a program or a loader: do_open_execat(), open_exec(). */
static u64 opening_file(struct call_model *m)
{
	return m->kept[0][0];
}

static bool open_exe(struct call_model *m, const struct executable *exe, u8 depth, u64 filename,
		     u64 file)
{
	struct skep_system *sys = m->t->sys;
	u64 op = model_temp(m, MEMO_OP, "struct open_flags");
	long ret;

	m->kept[0][0] = file;
	ENTER(m, do_filp_open, depth, opening_file, (u64)(s64)exe->dfd, filename, op);
	ENTER(m, vfs_open, (u8)(depth + 1), NULL, world_field(sys, file, "f_path"), file);
	if (visible(sys->profile, KVER(6, 10)))
		ENTER(m, do_dentry_open, (u8)(depth + 2), NULL, file, 0);
	else
		ENTER(m, do_dentry_open_before_6_10, (u8)(depth + 2), NULL, file,
		      model_read(m, file, "f_inode"), 0);
	ENTER(m, security_file_open, (u8)(depth + 3), NULL, file);
	lsm_exec_checked(m, exe->found);
	ret = LSM_ASK(m, file_open, file);
	if (ret) {
		lsm_result(m, ret);
		m->ret = ret;
		return false;
	}
	if (exe->path[0])
		world_file_opened(m->t, file);
	if (exe->fd >= 0 && function_active(sys, FUNC_ext4_file_open)) {
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", exe->fd);
		if (on_ext4(path, true))
			ENTER(m, ext4_file_open, (u8)(depth + 3), NULL,
			      model_read(m, file, "f_inode"), file);
	}
	model_leave(m, depth);
	return true;
}

static u64 kernel_name(struct call_model *m, const char *path)
{
	u64 at = world_temp(m->t, "struct filename");

	world_set(m->t->sys, at, "name", world_temp_bytes(m->t, path, (u32)strlen(path) + 1));
	return at;
}

static bool read_exe(struct call_model *m, u8 depth, u64 file)
{
	return ENTER(m, security_file_permission, depth, NULL, file, (u64)permission_read);
}

/* The file that is executed, then its interpreters: search_binary_handler(). */
static void load(struct call_model *m, struct executable *exe, u64 b, u64 file)
{
	struct skep_system *sys = m->t->sys;
	u32 argc = count_strings(m, exec_argv(m));
	struct executable next;

	argc += !argc;
	for (u32 depth = 0; depth < 5; depth++) {
		world_set(sys, b, "file", file);
		if (!read_exe(m, 4, file) || !ENTER(m, security_bprm_check, 4, NULL, b))
			return;
		if (exe->script && exe->interp[0]) {
			next = (struct executable){ .dfd = AT_FDCWD, .fd = -1, .found = -1 };
			snprintf(next.path, sizeof(next.path), "%s", exe->interp);
			if (!look(m, &next))
				return;
			file = exe_file(m, &next);
			if (!open_exe(m, &next, 4, kernel_name(m, next.path), file)) {
				look_end(&next);
				return;
			}
			/* the interpreter and its argument, and the script's name for what was argv[0] */
			argc += 1 + exe->argument;
			world_set(sys, b, "argc", argc);
			world_set(sys, b, "interp",
				  world_temp_bytes(m->t, next.path, (u32)strlen(next.path) + 1));
			look_end(exe);
			*exe = next;
			continue;
		}
		break;
	}
	if (!exe->elf)
		return;
	if (!read_exe(m, 4, file)) /* program headers */
		return;
	if (maps_in_use(m->t->sys))
		exec_maps_add(m, exe->fd, file, false, exe->interp[0]);
	if (!exe->interp[0])
		return;
	read_exe(m, 4, file); /* the loader's name */
	next = (struct executable){ .dfd = AT_FDCWD, .fd = -1, .found = -1 };
	snprintf(next.path, sizeof(next.path), "%s", exe->interp);
	if (!look(m, &next))
		return;
	file = exe_file(m, &next);
	if (!open_exe(m, &next, 4, kernel_name(m, next.path), file)) {
		look_end(&next);
		return;
	}
	read_exe(m, 4, file); /* its header, and program headers */
	read_exe(m, 4, file);
	if (maps_in_use(m->t->sys))
		exec_maps_add(m, next.fd, file, true, false);
	look_end(&next);
}

static void exec_enter(struct call_model *m)
{
	struct executable exe = { .dfd = (int)exec_dfd(m),
				  .fd = -1,
				  .found = -1,
				  .nofollow = exec_flags(m) & AT_SYMLINK_NOFOLLOW };
	bool old = !visible(m->t->sys->profile, KVER(6, 8)), found;
	u64 filename = exec_name(m), file = 0, b;

	if (is_error(filename) ||
	    task_read_str(m->t, exe.path, is_at(m) ? arg1(m) : arg0(m), sizeof(exe.path)) < 0)
		return;
	found = look(m, &exe);
	b = bprm(m, &exe, filename);
	if (found)
		file = exe_file(m, &exe);
	if (old)
		ENTER(m, bprm_execve_before_6_8, 3, call_ret, b, exec_dfd(m), filename,
		      is_at(m) ? int4(m) : 0);
	if (!found) {
		u64 op = model_temp(m, MEMO_OP, "struct open_flags");

		ENTER(m, do_filp_open, old ? 4 : 3, call_ret, exec_dfd(m), filename, op);
		return;
	}
	if (!open_exe(m, &exe, old ? 4 : 3, filename, file)) {
		look_end(&exe);
		return;
	}
	world_set(m->t->sys, b, "file", file);
	if (!old)
		ENTER(m, bprm_execve, 3, call_ret, b);
	if (ENTER(m, security_bprm_creds_for_exec, 4, NULL, b))
		load(m, &exe, b, file);
	look_end(&exe);
	if (!m->t->call.skip)
		model_leave(m, 4);
}

static void exec_done(struct call_model *m)
{
	u64 b = m->memo[MEMO_COMMON];

	if (b && world_value(m->t->sys, b, "secureexec"))
		lsm_exec_secure(m->t);
	lsm_exec_verify(m);
	if (!b)
		return;
	m->ended = true; /* nothing can be refused any more */
	ENTER(m, security_bprm_committing_creds_before_6_9, 4, NULL, b);
	ENTER(m, security_bprm_committing_creds, 4, NULL, b);
	ENTER(m, security_bprm_committed_creds_before_6_9, 4, NULL, b);
	ENTER(m, security_bprm_committed_creds, 4, NULL, b);
	model_leave(m, 4);
	exec_maps_fire(m, 4);
}

/* exec_enter() and exec_done() fire all but the first. */
#define EXEC_STEPS                                                                                 \
	STEP(do_execveat_common, 2, STEP_ENTRY, by_name, call_ret,                                 \
	     { exec_dfd, exec_name, value_zero, exec_argv, value_zero, exec_envp, exec_flags }),   \
		STEP(bprm_execve_before_6_8, 3, STEP_EXIT, never),                                 \
		STEP(bprm_execve, 3, STEP_EXIT, never), STEP(do_filp_open, 3, STEP_EXIT, never),   \
		STEP(vfs_open, 4, STEP_EXIT, never),                                               \
		STEP(do_dentry_open_before_6_10, 5, STEP_EXIT, never),                             \
		STEP(do_dentry_open, 5, STEP_EXIT, never),                                         \
		STEP(ext4_file_open, 5, STEP_EXIT, never),                                         \
		STEP(vm_mmap_pgoff, 4, STEP_EXIT, never),                                          \
		STEP(security_mmap_file, 5, STEP_EXIT, never),                                     \
		STEP(security_file_open, 5, STEP_EXIT, never),                                     \
		STEP(security_file_permission, 4, STEP_EXIT, never),                               \
		STEP(security_bprm_creds_for_exec, 4, STEP_EXIT, never),                           \
		STEP(security_bprm_check, 4, STEP_EXIT, never),                                    \
		STEP(security_bprm_committing_creds_before_6_9, 4, STEP_EXIT, never),              \
		STEP(security_bprm_committing_creds, 4, STEP_EXIT, never),                         \
		STEP(security_bprm_committed_creds_before_6_9, 4, STEP_EXIT, never),               \
		STEP(security_bprm_committed_creds, 4, STEP_EXIT, never)

static const struct step exec_steps[] = {
	STEP(do_execve, 1, STEP_ENTRY, by_name, call_ret, { exec_name, exec_argv, exec_envp }),
	EXEC_STEPS,
};

static const struct step execveat_steps[] = {
	STEP(do_execveat, 1, STEP_ENTRY, by_name, call_ret,
	     { int0, exec_name, exec_argv, exec_envp, int4 }),
	EXEC_STEPS,
};

const struct call_path *process_path(u32 nr)
{
	static const struct call_path clone_path = PATH(clone_steps), exit_path = PATH(exit_steps),
				      exit_group_path = PATH(exit_group_steps),
				      wait_path = PATH(wait4_steps), kill_path = PATH(kill_steps),
				      exec_path = PATH(exec_steps, .enter = exec_enter,
						       .exec = exec_done),
				      execveat_path = PATH(execveat_steps, .enter = exec_enter,
							   .exec = exec_done);

	switch (nr) {
	case SYS_clone:
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone3:
		return &clone_path;
	case SYS_exit:
		return &exit_path;
	case SYS_exit_group:
		return &exit_group_path;
	case SYS_wait4:
		return &wait_path;
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
		return &kill_path;
	case SYS_execve:
		return &exec_path;
	case SYS_execveat:
		return &execveat_path;
	}
	return NULL;
}
