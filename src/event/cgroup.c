/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Writes to the files of an instance's cgroups (object/cgroup_tree.h): while somebody has one open
 * to write to it, every write is stopped at; what goes to such a file is done here, and the kernel
 * does not see the call (Linux: kernel/cgroup/cgroup.c, cgroup_file_write()).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "event/cgroup.h"
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
	c->ret = task_read(t, text, at, len) ?
			 -EFAULT :
			 cgroup_tree_write(t->sys, real, text, len, t->bpf.tgid);
}

const struct process_source cgroup_source = {
	.name = "cgroup",
	.changed = changed,
	.wants = wants,
	.enter = enter,
};
