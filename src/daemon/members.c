/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The processes of a tree that is served, but not traced from its start: nobody tells of their births and
 * deaths. Each that has made a notified call is known by a pidfd, so that no other is ever taken for it; from
 * these their children are found by /proc. DIFF(sys-orphans): who has made no such call and whose parents are all
 * gone is missed.
 *
 * When something is attached in the instance, its trees are taken up: the supervisor traces all their processes
 * but those that another tracer has (strace, gdb), which is said. From then on children are born traced.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"

#define KNOWN_MAX 256 /* descriptors */

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
	if (!m.tgid || n >= KNOWN_MAX)
		return; /* then its parents have to tell */
	m.pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);
	if (m.pidfd >= 0)
		m.pidfd = fd_move_up(m.pidfd);
	if (m.pidfd >= 0 && vec_push(&s->members, m))
		close(m.pidfd);
}

void members_note(struct session *s, u32 tgid)
{
	if (!s->loose || s->last_member == tgid)
		return;
	s->last_member = tgid;
	pthread_mutex_lock(&s->members_lock);
	add(s, tgid);
	pthread_mutex_unlock(&s->members_lock);
}

bool members_have(struct session *s, u32 tgid)
{
	bool found = false;

	if (!s->loose)
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
	char path[300], buf[512], state, *p;
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
		/* Who has ended is nobody's. */
		if (p && sscanf(p, ") %c %d", &state, &f.parent) == 2 && state != 'Z' &&
		    state != 'X')
			(void)!vec_push(all, f);
	}
	if (dir)
		closedir(dir);
}

/* All of the tree; .of_tree is true for them. */
static void find_members(struct session *s, families_t *all)
{
	bool more = true, locked;

	/* Where the daemon has died, so may have who held the lock. */
	for (int tries = 0; !(locked = !pthread_mutex_trylock(&s->members_lock)) && tries < 100;
	     tries++)
		usleep(1000);
	read_all(all);
	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < s->members.n && !all->v[i].of_tree; k++)
			all->v[i].of_tree = s->members.v[k].tgid == (u32)all->v[i].pid &&
					    lives(&s->members.v[k]);
	}
	if (locked)
		pthread_mutex_unlock(&s->members_lock);
	while (more) {
		more = false;
		for (size_t i = 0; i < all->n; i++)
			for (size_t k = 0; k < all->n && !all->v[i].of_tree; k++)
				if (all->v[k].of_tree && all->v[k].pid == all->v[i].parent)
					more = all->v[i].of_tree = true;
	}
}

void members_signal(struct session *s, int sig)
{
	families_t all = { 0 };

	find_members(s, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].of_tree)
			kill(all.v[i].pid, sig);
	vec_free(&all);
}

/* ---- taking up ---- */

struct take {
	struct session *s;
	u32 others; /* processes that another traces, or that none may */
};

/* In the loop. Until no process is found that was not there before: children of who is traced are born so. */
static int take_all(struct supervisor *sv, void *arg)
{
	struct take *take = arg;
	struct skep_process *p = take->s->process;
	bool again = true;
	long tracer;

	for (int round = 0; again && round < 100; round++) {
		families_t all = { 0 };

		again = false;
		take->others = 0;
		find_members(take->s, &all);
		for (size_t i = 0; i < all.n; i++) {
			pid_t pid = all.v[i].pid;

			if (!all.v[i].of_tree || task_find(sv->sys, pid))
				continue;
			if (!tree_take(sv, p, pid)) {
				again = true;
				continue;
			}
			tracer = tracer_of(pid);
			if (tracer >= 0 && tracer != sv->tid)
				take->others++;
		}
		vec_free(&all);
	}
	p->stats.unseen += take->others;
	tracer_update_wants(sv);
	return 0;
}

static int list_tree(struct supervisor *sv, void *arg)
{
	struct skep_process *p = arg;

	p->next = sv->trees;
	sv->trees = p;
	return 0;
}

/* The daemon's lock is held. */
static void take_up(struct session *s)
{
	struct skep_system *sys = s->instance->sys;
	struct take take = { s, 0 };
	struct skep_process *p = s->process;
	char line[160];

	if (!p) {
		p = process_late(sys, s->pid, s->plain);
		if (!p)
			return;
		p->message_fd = s->message_fd;
		session_owns(s, p);
		if (supervisor_call(sys->supervisor, list_tree, p)) {
			session_say_once(
				s, SAID_OTHERS,
				"skep: the supervisor has been killed: what processes do is not "
				"seen by what is attached\n");
			skep_process_free(p);
			return;
		}
		store_release(&s->process, p);
		eventfd_write(s->taken_fd, 1);
	}
	if (supervisor_call(sys->supervisor, take_all, &take))
		return;
	s->others = take.others;
	if (take.others) {
		snprintf(line, sizeof(line),
			 "skep: %u processes cannot be traced, as another has them (strace, gdb): "
			 "what they do "
			 "is not seen by what is attached\n",
			 take.others);
		session_say_once(s, SAID_OTHERS, line);
	}
}

void members_take_up(struct instance *inst)
{
	struct daemon *d = inst->daemon;

	pthread_mutex_lock(&d->lock);
	for (struct session *s = inst->sessions; s; s = s->next)
		if (s->loose && !s->hidden && !s->over && (!s->process || s->others))
			take_up(s);
	pthread_mutex_unlock(&d->lock);
}

void members_free(struct session *s)
{
	pthread_mutex_lock(&s->members_lock);
	for (size_t i = 0; i < s->members.n; i++)
		close(s->members.v[i].pidfd);
	vec_free(&s->members);
	pthread_mutex_unlock(&s->members_lock);
}
