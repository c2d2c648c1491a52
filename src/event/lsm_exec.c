/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that tasks execute: function_process.c asks about what an execve is going to open. The task
 * makes the call itself, from its own memory, and paths lead where they lead then; so before the first
 * instruction of the new program it is seen what has been executed. If that is nothing that was asked
 * about it is asked about now, and the process, whose old program is gone already, is ended by a
 * refusal (Linux: where load_elf_binary() fails behind the point of no return).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/lsm.h"
#include "event/supervisor.h"

void lsm_exec_checked(struct call_model *m, int fd)
{
	int copy;

	if (!lsm_call_active(m->t->sys, (u32)m->t->call.nr))
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0 && lsm_hold(m, copy))
		close(copy); /* it will be asked about again */
}

static bool is_checked(const struct call_model *m, const struct stat *st)
{
	struct stat was;
	int fd;

	for (u32 i = 0; (fd = lsm_held_at(m, i)) >= 0; i++)
		if (!fstat(fd, &was) && was.st_dev == st->st_dev && was.st_ino == st->st_ino)
			return true;
	return false;
}

/* By number, or by the name that it has now: some file systems show others in /proc/PID/maps. */
static bool is_checked_map(const struct call_model *m, u64 ino, const char *path)
{
	char link[48], name[PATH_MAX];
	struct stat was;
	ssize_t n;
	int fd;

	for (u32 i = 0; (fd = lsm_held_at(m, i)) >= 0; i++) {
		if (!fstat(fd, &was) && was.st_ino == ino)
			return true;
		lsm_own_path(fd, link, sizeof(link));
		n = readlink(link, name, sizeof(name) - 1);
		name[n > 0 ? n : 0] = 0;
		if (n > 0 && !strcmp(name, path))
			return true;
	}
	return false;
}

/* Nothing but what was asked about is in its memory. */
static bool maps_are_checked(struct call_model *m)
{
	int fd = task_open_proc(m->t, "maps");
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX + 128];
	bool all = true;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (all && fgets(line, sizeof(line), f)) {
		unsigned long long ino;
		int at = 0;

		if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu %n", &ino, &at) != 1 || !ino || !at)
			continue;
		line[strcspn(line, "\n")] = 0;
		all = is_checked_map(m, ino, line + at);
	}
	fclose(f);
	return all;
}

static long ask_now(struct call_model *m, int fd)
{
	struct task *t = m->t;
	u64 file = world_file_of(t, fd, O_RDONLY | 0100000), bprm;
	char link[48], name[PATH_MAX];
	ssize_t n;
	long ret;
	u64 text;

	lsm_own_path(fd, link, sizeof(link));
	n = readlink(link, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	ret = LSM_ASK(m, file_open, file);
	if (!ret)
		world_file_opened(t, file);
	if (ret || !lsm_active(t->sys, LSM_bprm_check_security))
		return ret;
	bprm = world_temp(t, "struct linux_binprm");
	text = world_temp_bytes(t, name, (u32)strlen(name) + 1);
	world_set(t->sys, bprm, "filename", text);
	world_set(t->sys, bprm, "interp", text);
	world_set(t->sys, bprm, "file", file);
	return LSM_ASK(m, bprm_check_security, bprm);
}

/* A word of the new program's stack and the place behind it; false: it cannot be read. */
static bool next_word(struct task *t, u64 *at, u64 *word)
{
	bool ok = !task_read(t, word, *at, sizeof(*word));

	*at += sizeof(*word);
	return ok;
}

/*
 * bpf_bprm_opts_set(): the kernel has told the new program, in the vector behind its environment, whether it
 * is to mistrust that. It has not run yet.
 */
void lsm_exec_secure(struct task *t)
{
	const struct user_regs_struct *regs = task_regs(t);
	u64 at, word, value, one = 1;

	if (!regs)
		return;
	at = regs->rsp + sizeof(word);		/* the number of arguments */
	for (u32 lists = 0; lists < 2; lists++) /* arguments, environment */
		do {
			if (!next_word(t, &at, &word))
				return;
		} while (word);
	while (next_word(t, &at, &word) && word != AT_NULL) {
		if (word == AT_SECURE) {
			task_write(t, at, &one, sizeof(one));
			return;
		}
		if (!next_word(t, &at, &value))
			return;
	}
}

void lsm_exec_verify(struct call_model *m)
{
	struct task *t = m->t;
	struct stat st;
	char path[48];
	bool allowed;
	int fd;

	if (!lsm_active(t->sys, LSM_file_open) && !lsm_active(t->sys, LSM_bprm_check_security) &&
	    !lsm_active(t->sys, LSM_bprm_creds_for_exec))
		return;
	snprintf(path, sizeof(path), "/proc/%u/exe", t->bpf.tid);
	fd = open(path, O_PATH | O_CLOEXEC);
	allowed = fd >= 0 && !fstat(fd, &st);
	if (allowed && !is_checked(m, &st)) {
		allowed = !ask_now(m, fd);
		lsm_exec_checked(m, fd);
	}
	if (fd >= 0)
		close(fd);
	if (allowed && maps_are_checked(m))
		return;
	tree_note(t->trace->process,
		  "process %u was ended: what it executed was exchanged while a decision was made",
		  t->bpf.tgid);
	kill((pid_t)t->bpf.tgid, SIGKILL);
}

const struct lsm_call *lsm_exec_call(u32 nr)
{
	static const struct lsm_call call = { { LSM_file_open + 1, LSM_bprm_check_security + 1,
						LSM_bprm_creds_for_exec + 1,
						LSM_file_permission + 1, LSM_mmap_file + 1 },
					      NULL,
					      NULL };

	return nr == SYS_execve || nr == SYS_execveat ? &call : NULL;
}
