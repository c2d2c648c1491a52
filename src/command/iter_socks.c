/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Iterators over sockets, by protocol and in maps, and over kernel symbols (Linux: net/ipv4/tcp_ipv4.c,
 * net/ipv4/udp.c, net/unix/af_unix.c, net/netlink/af_netlink.c, net/core/sock_map.c,
 * net/core/bpf_sk_storage.c, kernel/kallsyms.c).
 *
 * DIFF(iter-sockets): sockets are those that supervised tasks and the caller have open.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "command/iter.h"
#include "hook/points.h"
#include "world/iter.h"

enum { TCP_LISTENING = 10 };

/* ---- by protocol ---- */

static int list_socks(struct iter_walk *w, struct world_socks *l)
{
	w->err = world_iter_socks(w->sys, &w->run, w->self, l);
	return w->err;
}

/* Listening sockets come first, as they have a table of their own. */
static int by_table(const void *a, const void *b)
{
	const struct world_sock *x = a, *y = b;
	int d = (y->state == TCP_LISTENING) - (x->state == TCP_LISTENING);

	return d ? d : (x->ino > y->ino) - (x->ino < y->ino);
}

static int by_bucket(const void *a, const void *b)
{
	const struct world_sock *x = a, *y = b;

	return x->bucket != y->bucket ? (x->bucket > y->bucket) - (x->bucket < y->bucket) :
					(x->ino > y->ino) - (x->ino < y->ino);
}

/* Those that are in the protocol's table: unbound ones are not. */
static bool is_listed(const struct world_sock *s, int protocol)
{
	return (s->family == AF_INET || s->family == AF_INET6) && s->protocol == protocol &&
	       s->port;
}

static int walk_inet(struct iter_walk *w, int protocol, int (*order)(const void *, const void *))
{
	struct world_socks l;
	int err = list_socks(w, &l);

	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), order);
	for (size_t i = 0; i < l.n && !err; i++) {
		const struct world_sock *s = &l.v[i];
		u64 args[4] = { 0, s->uid, s->bucket };

		if (is_listed(s, protocol))
			args[0] = world_iter_sock(w->sys, &w->run, s);
		if (args[0])
			err = iter_show(w, args);
	}
	mem_free(l.v);
	return err;
}

int iter_walk_tcp(struct iter_walk *w)
{
	return walk_inet(w, IPPROTO_TCP, by_table);
}

int iter_walk_udp(struct iter_walk *w)
{
	return walk_inet(w, IPPROTO_UDP, by_bucket);
}

static int walk_family(struct iter_walk *w, int family)
{
	struct world_socks l;
	int err = list_socks(w, &l);

	for (size_t i = 0; i < l.n && !err; i++) {
		u64 args[4] = { 0, l.v[i].uid };

		if (l.v[i].family == family)
			args[0] = world_iter_sock(w->sys, &w->run, &l.v[i]);
		if (args[0])
			err = iter_show(w, args);
	}
	mem_free(l.v);
	return err;
}

int iter_walk_unix(struct iter_walk *w)
{
	return walk_family(w, AF_UNIX);
}

int iter_walk_netlink(struct iter_walk *w)
{
	return walk_family(w, AF_NETLINK);
}

/* ---- in maps ---- */

int iter_attach_sockmap(struct call *c, struct iter_link *l, const union bpf_iter_link_info *info)
{
	int err;

	if (!info->map.map_fd)
		return -EBADF;
	l->map = map_get_fd(c->sys, (int)info->map.map_fd, &err);
	if (!l->map)
		return err;
	if (l->map->map->map_type != BPF_MAP_TYPE_SOCKMAP &&
	    l->map->map->map_type != BPF_MAP_TYPE_SOCKHASH)
		return -EINVAL;
	return l->l.prog->max_rdonly_access > l->map->map->key_size ? -EACCES : 0;
}

static const struct world_sock *sock_with(const struct world_socks *l, u64 ino, u64 cookie)
{
	for (size_t i = 0; i < l->n; i++)
		if (ino ? l->v[i].ino == ino : l->v[i].cookie == cookie)
			return &l->v[i];
	return NULL;
}

/* Every place of an array, also the empty ones; the elements of a hash. */
int iter_walk_sockmap(struct iter_walk *w)
{
	struct map_object *m = w->link->map;
	u32 size = m->map->key_size;
	bool array = m->map->map_type == BPF_MAP_TYPE_SOCKMAP;
	u8 key[512], next[512]; /* the largest of a SOCKHASH */
	struct world_socks l;
	int err = list_socks(w, &l);

	w->last[0] = iter_map(w, m);
	for (int end = err ? err : m->ops->get_next_key(m->map, NULL, next); !end && !err;
	     end = m->ops->get_next_key(m->map, key, next)) {
		u64 cookie = (u64)m->ops->obj_lookup(m->map, next);
		const struct world_sock *s = cookie ? sock_with(&l, 0, cookie) : NULL;
		u64 args[4] = { w->last[0], (u64)(uintptr_t)key,
				s ? world_iter_sock(w->sys, &w->run, s) : 0 };

		memcpy(key, next, size);
		if (args[2] || array)
			err = iter_show(w, args);
	}
	mem_free(l.v);
	return err;
}

int iter_attach_sk_storage(struct call *c, struct iter_link *l,
			   const union bpf_iter_link_info *info)
{
	const struct prog_object *p = l->l.prog;
	int err;

	if (!info->map.map_fd)
		return -EBADF;
	l->map = map_get_fd(c->sys, (int)info->map.map_fd, &err);
	if (!l->map)
		return err;
	if (l->map->map->map_type != BPF_MAP_TYPE_SK_STORAGE)
		return -EINVAL;
	return p->max_rdonly_access > l->map->map->value_size ||
			       p->max_rdwr_access > l->map->map->value_size ?
		       -EACCES :
		       0;
}

struct storage_walk {
	struct iter_walk *w;
	struct world_socks socks;
	int err;
};

static long show_storage(struct bpf_map *map, const void *key, void *value, void *arg)
{
	struct storage_walk *s = arg;
	const struct world_sock *sk;
	u64 args[4] = { s->w->last[0], 0, (u64)(uintptr_t)value }, owner[2];

	memcpy(owner, key, sizeof(owner));
	sk = sock_with(&s->socks, owner[0], 0);
	if (sk)
		args[1] = world_iter_sock(s->w->sys, &s->w->run, sk);
	if (args[1])
		s->err = iter_show(s->w, args);
	return s->err != 0;
}

int iter_walk_sk_storage(struct iter_walk *w)
{
	struct map_object *m = w->link->map;
	struct storage_walk s = { .w = w };

	s.err = list_socks(w, &s.socks);
	w->last[0] = iter_map(w, m);
	if (!s.err)
		m->ops->for_each (m->map, show_storage, &s, &w->run);
	mem_free(s.socks.v);
	return s.err;
}

/* ---- symbols ---- */

/* The functions that there are, by address; see skep list. */
int iter_walk_ksym(struct iter_walk *w)
{
	u64 pos = 0;
	int err = 0;

	for (u32 row = 0; row < FUNC_ROWS && !err; row++) {
		u64 ip = function_ip(w->sys, row), at, args[4] = { 0 };
		const char *name = function_name_of(row);

		if (function_at(w->sys, ip) < 0)
			continue;
		at = args[0] = iter_object(w, "kallsym_iter", 2);
		if (!at)
			return w->err = -ENOENT;
		ITER_PUT(w, at, "pos", pos++);
		ITER_PUT(w, at, "pos_arch_end", (u64)0);
		ITER_PUT(w, at, "pos_mod_end", (u64)0);
		ITER_PUT(w, at, "pos_ftrace_mod_end", (u64)0);
		ITER_PUT(w, at, "pos_bpf_end", (u64)0);
		ITER_PUT(w, at, "value", ip);
		ITER_PUT(w, at, "nameoff", (u32)0);
		ITER_PUT(w, at, "type", (char)'T');
		ITER_PUT(w, at, "exported", (u32)0);
		ITER_PUT(w, at, "show_value", (u32)1);
		iter_put(w, at, "name", name, (u32)strlen(name) + 1);
		iter_put(w, at, "module_name", "", 1);
		err = iter_show(w, args);
	}
	return err;
}
