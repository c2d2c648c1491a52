/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Writes to the files of an instance's cgroups (object/cgroup_tree.h): while somebody has one open
 * to write to it, every write is stopped at; what goes to such a file is done here, and the kernel
 * does not see the call (Linux: kernel/cgroup/cgroup.c, cgroup_file_write()). And the tracepoints of
 * cgroups that come and go (cgroup_mkdir(), cgroup_rmdir()), which are of the machine's where the instance
 * has no tree of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "event/cgroup.h"
#include "event/fire.h"
#include "event/function.h"
#include "event/supervisor.h"
#include "object/cgroup_tree.h"

#define LOOK_NS 50000000ULL /* whether there are writers still */

u32 task_cgroups(struct task *t, u64 *ids, u32 max)
{
	u32 n = cgroup_tree_chain(t->sys, t->bpf.tid, ids, max);

	if (n)
		return n;
	/* The machine's: level by level, down from the root. */
	for (; n < max; n++) {
		u64 id = t->bpf.ops->cgroup_id(&t->bpf, (int)n);

		if (!id)
			break;
		memmove(ids + 1, ids, n * sizeof(*ids));
		ids[0] = id;
	}
	return n;
}

/* Nobody writes any more: calls need not stop for it. */
static void look(struct skep_system *sys, void *arg)
{
	if (cgroup_tree_writers(sys))
		return;
	tracer_timer(sys, 0, look, NULL);
	hooks_touch(sys);
}

static void changed(struct skep_system *sys)
{
	if (sys->cgroup_tree && cgroup_tree_writers(sys))
		tracer_timer(sys, LOOK_NS, look, NULL);
}

static u32 wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
		return cgroup_tree_writers(sys) ? WANT_ENTER : 0;
	}
	return 0;
}

/* Process @text (0: itself) has come into the cgroup whose file is @real: cgroup_attach_task(). */
static void tell_attached(struct task *t, const char *real, const char *text)
{
	u64 args[FUNCTION_ARGS_MAX] = { 0, 0, true }, who[2] = { strtoul(text, NULL, 10) };
	const char *name = strrchr(real, '/');
	char path[PATH_MAX];
	struct bpf_run run = { .arena = t->sys->arena,
			       .platform = t->sys->platform,
			       .task = &t->bpf };

	if (!name || strcmp(name, "/cgroup.procs") ||
	    !function_active(t->sys, FUNC_cgroup_attach_task) ||
	    !cgroup_tree_shown(t->sys, real, path, sizeof(path)))
		return;
	*strrchr(path, '/') = 0;
	name = path[strlen(CGROUP_MOUNT)] ? path + strlen(CGROUP_MOUNT) : "/";
	args[0] = world_cgroup(t->sys, cgroup_tree_id(t->sys, name), NULL);
	if (!who[0])
		who[0] = t->bpf.tgid;
	args[1] = run.platform->world(&run, WORLD_TASK_OF, who);
	if (args[0] && args[1])
		hook_call_function(t->sys, FUNC_cgroup_attach_task, args, &t->bpf);
}

static void enter(struct task *t)
{
	char link[64], real[PATH_MAX], text[4097];
	struct task_call *c = &t->call;
	struct iovec iov;
	u64 at, len;
	ssize_t n;

	if (c->compat || c->skip ||
	    (c->nr != SYS_write && c->nr != SYS_pwrite64 && c->nr != SYS_writev) ||
	    !t->sys->cgroup_tree)
		return;
	snprintf(link, sizeof(link), "/proc/%u/fd/%d", t->bpf.tid, (int)c->args[0]);
	n = readlink(link, real, sizeof(real) - 1);
	if (n <= 0)
		return;
	real[n] = 0;
	if (!cgroup_tree_has_file(t->sys, real))
		return;
	at = c->args[1];
	len = c->args[2];
	if (c->nr == SYS_writev) { /* one piece; libc makes no more of a line */
		if (!len || task_read(t, &iov, at, sizeof(iov)))
			iov = (struct iovec){ NULL, 0 };
		at = (u64)iov.iov_base;
		len = iov.iov_len;
	}
	c->skip = true;
	if (len >= sizeof(text)) {
		c->ret = -E2BIG;
		return;
	}
	if (task_read(t, text, at, len)) {
		c->ret = -EFAULT;
		return;
	}
	text[len] = 0;
	c->ret = cgroup_tree_write(t->sys, real, text, len, t->bpf.tgid);
	if (c->ret > 0)
		tell_attached(t, real, text);
}

/* ---- tracepoints of cgroups that come and go ---- */

static bool told(const struct skep_system *sys)
{
	return tracepoint_in_use(sys, RAW_TP_cgroup_mkdir, TP_cgroup_mkdir) ||
	       tracepoint_in_use(sys, RAW_TP_cgroup_rmdir, TP_cgroup_rmdir);
}

static u32 change_wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_rmdir:
	case SYS_unlinkat:
	case SYS_mkdir:
	case SYS_mkdirat:
		return told(sys) ? WANT_ENTER | WANT_EXIT : 0;
	}
	return 0;
}

static void tell(struct task *t, u64 cgroup, bool made)
{
	const char *path = world_cgroup_path(t->sys, cgroup);
	u32 tp = made ? TP_cgroup_mkdir : TP_cgroup_rmdir;
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, made ? RAW_TP_cgroup_mkdir : RAW_TP_cgroup_rmdir, tp);
	u64 args[2] = { cgroup };
	struct record r;

	if (!path)
		return;
	if (h.raw)
		args[1] = world_temp_bytes(t, path, (u32)strlen(path) + 1);
	if (h.formatted) {
		record_begin(&r, t->sys, tp, t->bpf.tid);
		record_put(&r, "root", 0);
		record_put(&r, "level", world_value(t->sys, cgroup, "level"));
		record_put(&r, "id", world_value(t->sys, world_value(t->sys, cgroup, "kn"), "id"));
		record_put_string(&r, "path", path);
	}
	fire_both(h, args, &r, t);
}

/* The machine's cgroup that the call's path names; 0: it is none. */
static u64 named(struct task *t)
{
	bool at = t->call.nr == SYS_mkdirat || t->call.nr == SYS_unlinkat;
	char name[PATH_MAX], path[PATH_MAX + 64];
	int dfd = at ? (int)t->call.args[0] : AT_FDCWD, fd;
	struct statfs fs;
	struct stat st;
	u64 id = 0;

	if (task_read_str(t, name, t->call.args[at], sizeof(name)) <= 0)
		return 0;
	if (*name == '/')
		snprintf(path, sizeof(path), "/proc/%u/root%s", t->bpf.tid, name);
	else if (dfd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%u/cwd/%s", t->bpf.tid, name);
	else
		snprintf(path, sizeof(path), "/proc/%u/fd/%d/%s", t->bpf.tid, dfd, name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (!fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC && !fstat(fd, &st))
		id = st.st_ino;
	close(fd);
	return id ? world_cgroup(t->sys, id, NULL) : 0;
}

static bool removes(const struct task *t)
{
	return t->call.nr == SYS_rmdir || t->call.nr == SYS_unlinkat;
}

static bool makes(const struct task *t)
{
	return t->call.nr == SYS_mkdir || t->call.nr == SYS_mkdirat;
}

static void change_enter(struct task *t)
{
	t->trace->cgroup_going = 0;
	if (t->call.compat || (!makes(t) && !removes(t)) || !told(t->sys))
		return;
	if (t->sys->cgroup_tree) /* of a call that nobody was told of */
		mem_free(cgroup_tree_changed(t->sys, t->bpf.tid).path);
	else if (removes(t))
		t->trace->cgroup_going = named(t);
}

static void change_exit(struct task *t)
{
	struct cgroup_change c;
	u64 cgroup;

	if (t->call.compat || t->call.ret || (!makes(t) && !removes(t)) || !told(t->sys))
		return;
	if (!t->sys->cgroup_tree) {
		cgroup = makes(t) ? named(t) : t->trace->cgroup_going;
		if (cgroup)
			tell(t, cgroup, makes(t));
		return;
	}
	c = cgroup_tree_changed(t->sys, t->bpf.tid);
	if (!c.path)
		return;
	cgroup = world_cgroup(t->sys, c.id, c.path);
	if (cgroup)
		tell(t, cgroup, c.made);
	mem_free(c.path);
}

/* ---- both ---- */

static u32 cgroup_wants(struct skep_system *sys, u32 nr)
{
	return wants(sys, nr) | change_wants(sys, nr);
}

static void cgroup_enter(struct task *t)
{
	change_enter(t);
	enter(t);
}

const struct process_source cgroup_source = {
	.name = "cgroup",
	.changed = changed,
	.wants = cgroup_wants,
	.enter = cgroup_enter,
	.exit = change_exit,
};
