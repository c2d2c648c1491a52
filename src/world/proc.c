/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * /proc/TID of the tasks that somebody looks at. The directory is held as an O_PATH descriptor,
 * which stays that task's when its number is given to another; files that are read often
 * (comm, status, stat) are held open and read with pread(). All of them are closed when
 * too many tasks have some.
 */
#include "world/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPEN 192 /* tasks; four descriptors each, of the usual 1024 */

void proc_close(struct world *w, struct wtask *p)
{
	if (p->dir < 0)
		return;
	close(p->dir);
	p->dir = -1;
	for (u32 i = 0; i < PROC_HELD; i++) {
		if (p->held[i] >= 0)
			close(p->held[i]);
		p->held[i] = -1;
	}
	if (p->prev_open)
		p->prev_open->next_open = p->next_open;
	else
		w->open = p->next_open;
	if (p->next_open)
		p->next_open->prev_open = p->prev_open;
	w->nr_open--;
}

int proc_dir(struct world *w, struct wtask *p)
{
	char path[64];

	if (likely(p->dir >= 0))
		return p->dir;
	if (p->gone)
		return -ESRCH;
	while (w->nr_open >= MAX_OPEN)
		proc_close(w, w->open);
	snprintf(path, sizeof(path), "/proc/%d/task/%d", p->tid, p->tid);
	p->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	p->prev_open = NULL;
	p->next_open = w->open;
	if (w->open)
		w->open->prev_open = p;
	w->open = p;
	w->nr_open++;
	return p->dir;
}

static long read_all(int fd, char *buf, u32 size)
{
	u32 n = 0;
	ssize_t got;

	while (n < size - 1) {
		got = pread(fd, buf + n, size - 1 - n, n);
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (u32)got;
	}
	buf[n] = 0;
	return n;
}

long proc_read(struct world *w, struct wtask *p, const char *name, char *buf, u32 size)
{
	int dir = proc_dir(w, p), fd;
	long n;

	*buf = 0;
	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read_all(fd, buf, size);
	close(fd);
	return n;
}

long proc_held(struct world *w, struct wtask *p, u32 which, char *buf, u32 size)
{
	static const char *const names[PROC_HELD] = { "comm", "status", "stat" };
	int dir = proc_dir(w, p);
	ssize_t n;

	*buf = 0;
	if (dir < 0)
		return dir;
	if (p->held[which] < 0) {
		p->held[which] = openat(dir, names[which], O_RDONLY | O_CLOEXEC);
		if (p->held[which] < 0)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	n = pread(p->held[which], buf, size - 1, 0); /* they come whole */
	if (n <= 0)
		return n ? -errno : -ESRCH;
	buf[n] = 0;
	return n;
}

long proc_link(struct world *w, struct wtask *p, const char *name, char *buf, u32 size)
{
	int dir = proc_dir(w, p);
	ssize_t n;

	*buf = 0;
	if (dir < 0)
		return dir;
	n = readlinkat(dir, name, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return n;
}

const char *proc_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, n) && text[n] == ':') {
			text += n + 1;
			return text + strspn(text, " \t");
		}
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return NULL;
}
