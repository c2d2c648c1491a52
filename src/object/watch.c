/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How the end of things that are not ours is seen without keeping them.
 *
 * A descriptor of O_PATH keeps a socket's inode and not the socket: its last close ends the
 * connection as if nobody watched. Then the inode has no socket any more, which a change of its
 * owner to what he is finds out: -ENOENT.
 *
 * An inode is watched by inotify, which says IN_DELETE_SELF when it has no name and no descriptor
 * any more, and keeps none of its memory on the disk.
 */
#include "object/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/sock.h"

#define SOCKETS_MAX 1024 /* descriptors that watches may take */
#define SWEEP_MAX   64	 /* sockets that one sweep looks at */
#define KEY_MAX	    512	 /* bytes of a key of a map of sockets */

struct watched_socket {
	u64 cookie;
	ino_t inode;
	uid_t uid;
	int fd;
};

struct watched_inode {
	int wd;
	u64 owner[2];
};

struct watches {
	pthread_mutex_t lock; /* of what follows; nothing else is locked under it */
	u32 nr_sockets, next, nr_inodes;
	struct watched_socket *sockets;
	struct watched_inode *inodes;
	int inotify; /* -1: none */
	ino_t inotify_inode;
};

bool map_is_watching(u32 map_type)
{
	return map_type == BPF_MAP_TYPE_SOCKMAP || map_type == BPF_MAP_TYPE_SOCKHASH ||
	       map_type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY || map_type == BPF_MAP_TYPE_XSKMAP ||
	       map_type == BPF_MAP_TYPE_SK_STORAGE || map_type == BPF_MAP_TYPE_INODE_STORAGE;
}

int watches_start(struct skep_system *sys)
{
	struct watches *w;
	int err = 0;

	relock_take(&sys->lock);
	if (!sys->watches) {
		w = mem_zalloc(sizeof(*w));
		if (w) {
			pthread_mutex_init(&w->lock, NULL);
			w->inotify = -1;
			store_release(&sys->watches, w);
		} else {
			err = -ENOMEM;
		}
	}
	relock_give(&sys->lock);
	return err;
}

/* ---- sockets ---- */

static int add_socket(struct watches *w, int fd, u64 cookie, const struct stat *st)
{
	struct watched_socket *v;
	char path[32];
	int own;

	for (u32 i = 0; i < w->nr_sockets; i++)
		if (w->sockets[i].inode == st->st_ino) {
			w->sockets[i].cookie = cookie ? cookie : w->sockets[i].cookie;
			return 0;
		}
	if (w->nr_sockets == SOCKETS_MAX)
		return -ENFILE;
	v = mem_realloc_array(w->sockets, w->nr_sockets + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	w->sockets = v;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_PATH | O_CLOEXEC);
	if (own < 0)
		return -errno;
	v[w->nr_sockets++] =
		(struct watched_socket){ cookie, st->st_ino, st->st_uid, fd_move_up(own) };
	return 0;
}

int watch_socket(struct skep_system *sys, int fd, u64 cookie)
{
	struct watches *w = load_acquire(&sys->watches);
	struct stat st;
	int err;

	if (!w)
		return 0;
	if (fstat(fd, &st))
		return -errno;
	pthread_mutex_lock(&w->lock);
	err = add_socket(w, fd, cookie, &st);
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* A client may have closed our descriptor and got its number again: then we know nothing. */
static bool is_ours(const struct watched_socket *s)
{
	struct stat st;

	return !fstat(s->fd, &st) && st.st_ino == s->inode && S_ISSOCK(st.st_mode);
}

static bool socket_is_gone(const struct watched_socket *s)
{
	return fchownat(s->fd, "", s->uid, (gid_t)-1, AT_EMPTY_PATH) && errno == ENOENT;
}

/* One that is gone, which is watched no longer. */
static bool gone_socket(struct watches *w, struct watched_socket *out)
{
	u32 looks = min_t(u32, w->nr_sockets, SWEEP_MAX);

	while (looks-- && w->nr_sockets) {
		struct watched_socket *s;
		bool ours;

		w->next = w->next < w->nr_sockets ? w->next : 0;
		s = &w->sockets[w->next];
		ours = is_ours(s);
		if (ours && !socket_is_gone(s)) {
			w->next++;
			continue;
		}
		*out = *s;
		*s = w->sockets[--w->nr_sockets];
		if (!ours)
			continue;
		close(out->fd);
		return true;
	}
	return false;
}

/* ---- inodes ---- */

/* The inotify descriptor; one of that number that a client opened is not ours. */
static int inotify_of(struct watches *w)
{
	struct stat st;

	if (w->inotify >= 0 && !fstat(w->inotify, &st) && st.st_ino == w->inotify_inode)
		return w->inotify;
	w->nr_inodes = 0;
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0)
		return -errno;
	w->inotify = fd_move_up(w->inotify);
	fstat(w->inotify, &st);
	w->inotify_inode = st.st_ino;
	return w->inotify;
}

static int add_inode(struct watches *w, int fd, const u64 owner[2])
{
	struct watched_inode *v;
	int inotify = inotify_of(w), wd;
	char path[32];

	if (inotify < 0)
		return inotify;
	for (u32 i = 0; i < w->nr_inodes; i++)
		if (!memcmp(w->inodes[i].owner, owner, sizeof(w->inodes[i].owner)))
			return 0;
	v = mem_realloc_array(w->inodes, w->nr_inodes + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	w->inodes = v;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(inotify, path, IN_DELETE_SELF);
	if (wd < 0)
		return -errno;
	v[w->nr_inodes] = (struct watched_inode){ .wd = wd };
	memcpy(v[w->nr_inodes++].owner, owner, sizeof(v->owner));
	return 0;
}

int watch_inode(struct skep_system *sys, int fd, const u64 owner[2])
{
	struct watches *w = load_acquire(&sys->watches);
	int err;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	err = add_inode(w, fd, owner);
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* One that is gone, or whose file system is. */
static bool gone_inode(struct watches *w, struct watched_inode *out)
{
	struct inotify_event event; /* there are no names in ours */

	if (!w->nr_inodes || w->inotify < 0 || inotify_of(w) < 0)
		return false;
	while (read(w->inotify, &event, sizeof(event)) == sizeof(event)) {
		for (u32 i = 0; i < w->nr_inodes; i++) {
			if (w->inodes[i].wd != event.wd)
				continue;
			*out = w->inodes[i];
			w->inodes[i] = w->inodes[--w->nr_inodes];
			return true;
		}
	}
	return false;
}

/* ---- what is gone leaves the maps ---- */

static bool element_is(const struct map_object *m, const void *key, const struct watched_socket *s)
{
	u64 word = (u64)m->ops->obj_lookup(m->map, key);

	return m->map->map_type == BPF_MAP_TYPE_XSKMAP ? word && word >> 32 == (u32)s->inode :
							 word && word == s->cookie;
}

static void forget_elements(struct map_object *m, const struct watched_socket *s)
{
	u8 key[KEY_MAX], next[KEY_MAX];
	bool first = true;

	for (u64 i = 0; i <= 2ULL * m->map->max_entries; i++) {
		if (m->ops->get_next_key(m->map, first ? NULL : key, next))
			return;
		first = false;
		memcpy(key, next, m->map->key_size);
		if (element_is(m, key, s)) {
			map_object_delete(m, key);
			/* in a hash it has no successor now */
			first = m->map->map_type == BPF_MAP_TYPE_SOCKHASH;
		}
	}
}

static void forget_storage(struct map_object *m, u64 *owner)
{
	struct skep_system *sys = m->obj.sys;
	struct bpf_run run = { 0 };

	slot_claim(sys->arena, sys->platform, &run);
	m->ops->delete_elem(m->map, owner, &run);
	slot_release(&run);
}

/* @s: a socket, else @inode. */
static void forget(struct skep_system *sys, const struct watched_socket *s,
		   struct watched_inode *inode)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];

	relock_take(&sys->lock);
	for (u32 i = 0; i < maps->by_id.n; i++) {
		struct map_object *m = (struct map_object *)maps->by_id.v[i];

		if (!m->map || !m->ops || !map_is_watching(m->map->map_type))
			continue;
		if (m->map->map_type == BPF_MAP_TYPE_INODE_STORAGE && !s)
			forget_storage(m, inode->owner);
		else if (m->map->map_type == BPF_MAP_TYPE_SK_STORAGE && s)
			forget_storage(m, (u64[2]){ s->inode, 0 });
		else if (s && m->map->map_type != BPF_MAP_TYPE_INODE_STORAGE &&
			 m->map->map_type != BPF_MAP_TYPE_SK_STORAGE)
			forget_elements(m, s);
	}
	relock_give(&sys->lock);
}

void watches_sweep(struct skep_system *sys)
{
	struct watches *w = load_acquire(&sys->watches);
	struct watched_socket s;
	struct watched_inode inode;
	bool socket_gone, inode_gone;

	if (!w)
		return;
	do {
		pthread_mutex_lock(&w->lock);
		socket_gone = gone_socket(w, &s);
		inode_gone = gone_inode(w, &inode);
		pthread_mutex_unlock(&w->lock);
		if (socket_gone)
			forget(sys, &s, NULL);
		if (inode_gone)
			forget(sys, NULL, &inode);
	} while (socket_gone || inode_gone);
}

void watch_forget_socket(struct skep_system *sys, u64 cookie)
{
	const struct watched_socket s = { cookie, SOCK_INO_MADE_UP | cookie, 0, -1 };

	if (load_acquire(&sys->watches))
		forget(sys, &s, NULL);
}

void watch_forget_made_up(struct skep_system *sys, u64 cookie)
{
	const struct watched_socket s = { 0, SOCK_INO_MADE_UP | cookie, 0, -1 };

	if (load_acquire(&sys->watches))
		forget(sys, &s, NULL);
}

void watches_stop(struct skep_system *sys)
{
	struct watches *w = sys->watches;
	struct stat st;

	if (!w)
		return;
	for (u32 i = 0; i < w->nr_sockets; i++)
		if (is_ours(&w->sockets[i]))
			close(w->sockets[i].fd);
	if (w->inotify >= 0 && !fstat(w->inotify, &st) && st.st_ino == w->inotify_inode)
		close(w->inotify);
	pthread_mutex_destroy(&w->lock);
	mem_free(w->sockets);
	mem_free(w->inodes);
	mem_free(w);
	sys->watches = NULL;
}
