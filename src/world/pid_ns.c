/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tasks by the numbers of another pid namespace than ours (Linux: find_task_by_vpid() in kernel/pid.c). A task
 * has a number in its own namespace and in each one above; /proc tells them from ours on inwards.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "world/fill.h"

#ifndef NS_GET_PARENT
#define NS_GET_PARENT _IO(0xb7, 0x2)
#endif
#define LEVELS 32 /* MAX_PID_NS_LEVEL */

/* The task's numbers, ours first: how many; 0: it has ended. */
static u32 numbers_of(pid_t tid, pid_t nr[LEVELS])
{
	char path[64], text[4096], *s;
	ssize_t len = -1;
	u32 n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[max_t(ssize_t, len, 0)] = 0;
	s = (char *)proc_key(text, "NSpid");
	while (s && n < LEVELS && *s != '\n') {
		char *end;

		nr[n] = (pid_t)strtol(s, &end, 10);
		if (end == s)
			break;
		s = end;
		n++;
	}
	return n;
}

/* The inode of the task's namespace, or of the one that is @up above it; 0: not for us to see. */
static u64 namespace_of(pid_t tid, u32 up)
{
	char path[64];
	struct stat st;
	u64 ino = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && up--) {
		int parent = ioctl(fd, NS_GET_PARENT);

		close(fd);
		fd = parent;
	}
	if (fd < 0)
		return 0;
	if (!fstat(fd, &st))
		ino = st.st_ino;
	close(fd);
	return ino;
}

struct search {
	pid_t pid;
	u32 level;
	u64 ns;
	pid_t found;
};

static int look_at(struct task *t, void *arg)
{
	struct search *s = arg;
	pid_t nr[LEVELS], tid = (pid_t)t->bpf.tid;
	u32 n = numbers_of(tid, nr);

	if (n <= s->level || nr[s->level] != s->pid || namespace_of(tid, n - 1 - s->level) != s->ns)
		return 0;
	s->found = tid;
	return 1;
}

u64 world_task_by_vpid(struct world *w, struct wobj *current, pid_t pid)
{
	struct search s = { .pid = pid };
	pid_t nr[LEVELS], tid = current ? wtask(current)->tid : 0;
	u32 n = tid ? numbers_of(tid, nr) : 0;
	struct wobj *o;

	if (!n || pid <= 0)
		return 0;
	s.level = n - 1;
	s.ns = namespace_of(tid, 0);
	if (!s.level) { /* ours */
		s.found = pid;
	} else if (s.ns) {
		tasks_each(w->sys, look_at, &s);
	}
	o = s.found ? world_tid_obj(w, s.found) : NULL;
	return o ? o->addr : 0;
}
