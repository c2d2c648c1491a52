/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The processes of a tree that is served, but not traced (skep exec --untraced): nobody tells of their births and
 * deaths. Each that has made a notified call is known by a pidfd, so that no other is ever taken for it; from
 * these their children are found by /proc. Who has made no such call and whose parents are all gone is missed.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"

static bool lives(const struct member *m)
{
	return !syscall(SYS_pidfd_send_signal, m->pidfd, 0, NULL, 0);
}

static void add(struct session *s, u32 tgid)
{
	struct member m = { tgid, -1 };
	size_t n = 0;

	for (size_t i = 0; i < s->members.n; i++) {
		if (!lives(&s->members.v[i])) {
			close(s->members.v[i].pidfd);
			continue;
		}
		if (s->members.v[i].tgid == tgid)
			m.tgid = 0;
		s->members.v[n++] = s->members.v[i];
	}
	s->members.n = n;
	if (!m.tgid)
		return;
	m.pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);
	if (m.pidfd >= 0)
		m.pidfd = fd_move_up(m.pidfd);
	if (m.pidfd >= 0 && vec_push(&s->members, m))
		close(m.pidfd);
}

void members_note(struct session *s, u32 tgid)
{
	if (s->process || s->last_member == tgid)
		return;
	s->last_member = tgid;
	pthread_mutex_lock(&s->members_lock);
	add(s, tgid);
	pthread_mutex_unlock(&s->members_lock);
}

bool members_have(struct session *s, u32 tgid)
{
	bool found = false;

	if (s->process)
		return false;
	pthread_mutex_lock(&s->members_lock);
	for (size_t i = 0; i < s->members.n && !found; i++)
		found = s->members.v[i].tgid == tgid && lives(&s->members.v[i]);
	pthread_mutex_unlock(&s->members_lock);
	return found;
}

void members_list(struct session *s, void (*fn)(void *arg, pid_t pid), void *arg)
{
	pthread_mutex_lock(&s->members_lock);
	for (size_t i = 0; i < s->members.n; i++)
		if (lives(&s->members.v[i]))
			fn(arg, (pid_t)s->members.v[i].tgid);
	pthread_mutex_unlock(&s->members_lock);
}

struct family {
	pid_t pid, parent;
	bool of_tree;
};

typedef VEC(struct family) families_t;

static void read_all(families_t *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	char path[300], buf[512], *p;
	ssize_t n;
	int fd;

	while (dir && (e = readdir(dir))) {
		struct family f = { atoi(e->d_name), 0, false };

		if (!isdigit((unsigned char)*e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
		if (fd >= 0)
			close(fd);
		buf[n > 0 ? n : 0] = 0;
		p = strrchr(buf, ')');
		if (p && sscanf(p, ") %*c %d", &f.parent) == 1)
			(void)!vec_push(all, f);
	}
	if (dir)
		closedir(dir);
}

void members_signal(struct session *s, int sig)
{
	families_t all = { 0 };
	bool more = true, locked;

	/* Where the daemon has died, so may have who held the lock. */
	for (int tries = 0; !(locked = !pthread_mutex_trylock(&s->members_lock)) && tries < 100;
	     tries++)
		usleep(1000);
	read_all(&all);
	for (size_t i = 0; i < all.n; i++) {
		for (size_t k = 0; k < s->members.n && !all.v[i].of_tree; k++)
			all.v[i].of_tree = s->members.v[k].tgid == (u32)all.v[i].pid &&
					   lives(&s->members.v[k]);
	}
	if (locked)
		pthread_mutex_unlock(&s->members_lock);
	while (more) {
		more = false;
		for (size_t i = 0; i < all.n; i++)
			for (size_t k = 0; k < all.n && !all.v[i].of_tree; k++)
				if (all.v[k].of_tree && all.v[k].pid == all.v[i].parent)
					more = all.v[i].of_tree = true;
	}
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].of_tree)
			kill(all.v[i].pid, sig);
	vec_free(&all);
}

void members_free(struct session *s)
{
	for (size_t i = 0; i < s->members.n; i++)
		close(s->members.v[i].pidfd);
	vec_free(&s->members);
}
