/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Connections that wait at a listener which goes, for programs of SELECT_OR_MIGRATE (Linux: inet_csk_listen_stop(),
 * reuseport_migrate_sock()). They are accepted before it goes, by skep, and each one's new listener gets a connection of
 * skep's own in its place, so that it is ready for poll() as it should be: whoever accepts that has the other one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/cgroup_run.h"
#include "event/decide.h"
#include "event/process.h"
#include "event/reuseport.h"
#include "object/cgroup_tree.h"

#define QUEUE_MAX 65536 /* connections that may wait; others come while they are accepted */

/* One that has been accepted for nobody yet. */
struct reuseport_moved {
	struct reuseport_moved *next;
	int fd;			      /* the connection */
	int stand_in;		      /* ours, connected to its listener */
	struct sockaddr_storage name; /* .stand_in's, which the listener sees */
	socklen_t size;
};

static bool migrates(const struct reuseport_group *g)
{
	return g->protocol == IPPROTO_TCP &&
	       g->prog->prog->expected_attach_type == BPF_SK_REUSEPORT_SELECT_OR_MIGRATE;
}

bool reuseport_migrates(struct skep_system *sys)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	bool any = false;

	if (!rs)
		return false;
	pthread_mutex_lock(&rs->lock);
	for (const struct reuseport_group *g = rs->groups; g && !any; g = g->next)
		any = migrates(g);
	any |= rs->moved != NULL;
	pthread_mutex_unlock(&rs->lock);
	return any;
}

static void moved_free(struct reuseport_moved *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->stand_in >= 0)
		close(m->stand_in);
	mem_free(m);
}

void reuseport_moved_stop(struct reuseports *rs)
{
	struct reuseport_moved *m;

	while ((m = rs->moved)) {
		rs->moved = m->next;
		moved_free(m);
	}
}

/* What the accepted socket @fd, which is ours, stands in for: taken out. NULL: nothing. */
static struct reuseport_moved *take_moved(struct reuseports *rs, int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t size = sizeof(a);

	if (!rs->moved || getpeername(fd, (struct sockaddr *)&a, &size))
		return NULL;
	for (struct reuseport_moved **p = &rs->moved, *m; (m = *p); p = &m->next)
		if (m->size == size && !memcmp(&m->name, &a, size)) {
			*p = m->next;
			return m;
		}
	return NULL;
}

/* ---- who has a listener ---- */

static u32 count_of(u32 pid, u32 inode)
{
	char path[32], text[64], what[32];
	struct dirent *e;
	u32 n = 0;
	DIR *d;

	snprintf(what, sizeof(what), "socket:[%u]", inode);
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);

		text[len > 0 ? len : 0] = 0;
		n += !strcmp(text, what);
	}
	if (d)
		closedir(d);
	return n;
}

/* Whether @n descriptors of process @tgid are all that there are of the socket. */
static bool are_last(struct skep_system *sys, u32 inode, u32 tgid, u32 n)
{
	u32 pid = 0, all = 0;

	while ((pid = cgroup_tree_process(sys, pid)))
		if (pid != tgid)
			all += count_of(pid, inode);
	return !all && count_of(tgid, inode) <= n;
}

/* ---- moving ---- */

static void reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* A connection of ours to socket @index. 0 or -errno. */
static int stand_in(struct reuseport_group *g, u32 index, struct reuseport_moved *m)
{
	struct reuseport_ends e = { .family = g->family,
				    .protocol = g->protocol,
				    .to_port = g->port };
	struct sockaddr_storage to;
	int err;

	reuseport_near(g, &e, &to, &m->size);
	m->name = to;
	((struct sockaddr_in *)&m->name)->sin_port = 0;
	m->stand_in = reuseport_socket(g->net, (int)g->family, SOCK_STREAM, 0);
	if (m->stand_in < 0)
		return m->stand_in;
	if (bind(m->stand_in, (struct sockaddr *)&m->name, m->size) ||
	    getsockname(m->stand_in, (struct sockaddr *)&m->name, &m->size) ||
	    fcntl(m->stand_in, F_SETFL, O_NONBLOCK))
		return -errno;
	e.from_port = ((struct sockaddr_in *)&m->name)->sin_port;
	err = reuseport_direct(g, &e, index);
	if (!err && connect(m->stand_in, (struct sockaddr *)&to, m->size) && errno != EINPROGRESS)
		err = -errno;
	return err;
}

/* What the accepted connection @fd becomes; @gone: cookie of the listener that goes. */
static void move(struct reuseports *rs, struct reuseport_group *g, u64 gone, int fd,
		 struct bpf_run *run)
{
	struct reuseport_moved *m = take_moved(rs, fd);
	struct cgroup_sock s;
	u32 index;

	if (m) { /* it has come from another one that has gone */
		close(fd);
		close(m->stand_in);
		fd = m->fd;
	} else {
		m = mem_zalloc(sizeof(*m));
	}
	if (!m) {
		reset(fd);
		return;
	}
	m->fd = m->stand_in = -1;
	if (cgroup_sock_look(NULL, fcntl(fd, F_DUPFD_CLOEXEC, 0), &s)) {
		reset(fd);
		moved_free(m);
		return;
	}
	cgroup_sock_close(&s);
	index = reuseport_choose_moved(g, gone, &s.sk, run);
	if (index == REUSEPORT_REFUSED || stand_in(g, index, m)) {
		reset(fd);
		moved_free(m);
		return;
	}
	m->fd = fd;
	m->next = rs->moved;
	rs->moved = m;
}

/* The listener @fd, ours, is about to go. */
static void empty(struct reuseports *rs, struct reuseport_group *g, u64 gone, int fd,
		  struct bpf_run *run)
{
	int flags = fcntl(fd, F_GETFL), child;

	if (reuseport_learn(g) || g->n < 2 || flags < 0)
		return;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	for (u32 i = 0; i < QUEUE_MAX && (child = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; i++)
		move(rs, g, gone, child, run);
	fcntl(fd, F_SETFL, flags);
}

static struct reuseport_group *group_with(struct reuseports *rs, u32 inode, u64 *cookie)
{
	for (struct reuseport_group *g = rs->groups; g; g = g->next)
		for (u32 i = 0; i < g->n && migrates(g); i++)
			if (g->v[i].inode == inode) {
				*cookie = g->v[i].cookie;
				return g;
			}
	return NULL;
}

void reuseport_leaves(struct task *t, int number, bool closes)
{
	struct reuseports *rs = load_acquire(&t->sys->reuseports);
	struct bpf_run run = { .task = &t->bpf };
	struct reuseport_group *g;
	char path[64], text[64];
	u64 cookie;
	u32 inode;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, number);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	if (!rs || strncmp(text, "socket:[", 8))
		return;
	inode = (u32)strtoul(text + 8, NULL, 10);
	slot_claim(t->sys->arena, t->sys->platform, &run);
	pthread_mutex_lock(&rs->lock);
	g = group_with(rs, inode, &cookie);
	if (g && (!closes || are_last(t->sys, inode, (u32)t->bpf.tgid, 1))) {
		fd = decide_take_fd(t, number);
		if (fd >= 0) {
			empty(rs, g, cookie, fd, &run);
			close(fd);
		}
	}
	pthread_mutex_unlock(&rs->lock);
	slot_release(&run);
}

/* Its last thread ends: so do the listeners that nobody else has. */
void reuseport_process_leaves(struct task *t)
{
	struct reuseports *rs = load_acquire(&t->sys->reuseports);
	struct bpf_run run = { .task = &t->bpf };

	if (!rs)
		return;
	slot_claim(t->sys->arena, t->sys->platform, &run);
	pthread_mutex_lock(&rs->lock);
	for (struct reuseport_group *g = rs->groups; g; g = g->next)
		for (u32 i = 0; i < g->n && migrates(g); i++) {
			const struct reuseport_member m = g->v[i];
			int fd;

			if (!count_of((u32)t->bpf.tgid, m.inode) ||
			    !are_last(t->sys, m.inode, (u32)t->bpf.tgid, UINT32_MAX))
				continue;
			fd = reuseport_member_open(t->sys, &g->v[i]);
			if (fd < 0)
				continue;
			empty(rs, g, m.cookie, fd, &run);
			close(fd);
		}
	pthread_mutex_unlock(&rs->lock);
	slot_release(&run);
}

/* ---- accept() ---- */

/* The address that the call has given back, if it had room for all of it. */
static void put_address(struct task *t, const struct reuseport_moved *m)
{
	struct sockaddr_storage was, peer = { 0 };
	socklen_t size = sizeof(peer);

	if (t->call.args[1] && !task_read(t, &was, t->call.args[1], m->size) &&
	    !memcmp(&was, &m->name, m->size) &&
	    !getpeername(m->fd, (struct sockaddr *)&peer, &size) && size == m->size)
		task_write(t, t->call.args[1], &peer, size);
}

void reuseport_accepted(struct task *t)
{
	struct reuseports *rs = load_acquire(&t->sys->reuseports);
	int flags = t->call.nr == SYS_accept4 ? (int)t->call.args[3] : 0;
	int number = (int)t->call.ret, fd, there;
	struct reuseport_moved *m;

	if (!rs || !load_acquire(&rs->moved))
		return;
	fd = decide_take_fd(t, number);
	if (fd < 0)
		return;
	pthread_mutex_lock(&rs->lock);
	m = take_moved(rs, fd);
	pthread_mutex_unlock(&rs->lock);
	close(fd);
	if (!m)
		return;
	put_address(t, m);
	fcntl(m->fd, F_SETFL, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0);
	there = decide_give_fd(t, m->fd, false);
	m->fd = -1;
	if (there >= 0) {
		tracer_inject(t, SYS_dup3,
			      (const u64[6]){ (u64)there, (u64)number,
					      flags & SOCK_CLOEXEC ? O_CLOEXEC : 0 });
		tracer_inject(t, SYS_close, (const u64[6]){ (u64)there });
	}
	moved_free(m);
}
