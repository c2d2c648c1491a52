/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Elements that stand for devices, CPUs and sockets: what a value of bpf(2) must be (Linux:
 * kernel/bpf/devmap.c, cpumap.c, reuseport_array.c, net/core/sock_map.c, net/xdp/xskmap.c). The
 * map keeps one word for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/map.h"
#include "hook/hook.h"
#include "object/caller.h"
#include "object/psock.h"
#include "object/watch.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

#define CPU_QUEUE_MAX	16384
#define WORD(low, high) ((u64)(u32)(low) | (u64)(u32)(high) << 32)

enum { TCP_ESTABLISHED_ = 1, TCP_LISTEN_ = 10 };

bool map_is_of_things(u32 type)
{
	switch (type) {
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return true;
	default:
		return false;
	}
}

/* ---- devices and CPUs ---- */

/* The XDP program of an element, fit for it; NULL with -EINVAL. */
static struct prog_object *element_prog(struct map_object *m, int fd, u32 attach_type)
{
	struct prog_object *p;
	int err;

	p = prog_get_runnable_fd(m->obj.sys, fd, &err);
	if (p && (p->prog->type != BPF_PROG_TYPE_XDP ||
		  p->prog->expected_attach_type != attach_type || !prog_map_compatible(m, p))) {
		object_put(&p->obj);
		p = NULL;
	}
	return p;
}

static bool device_there(struct skep_system *sys, u32 ifindex)
{
	char name[IF_NAMESIZE];

	return hook_find_netdev(sys, HOOK_XDP, ifindex) || if_indextoname(ifindex, name);
}

static int device_word(struct map_object *m, const void *key, const u8 *value, u64 flags, u64 *word,
		       struct prog_object **prog)
{
	bool hash = m->map->map_type == BPF_MAP_TYPE_DEVMAP_HASH;
	struct bpf_devmap_val v = { .bpf_prog.fd = -1 };

	memcpy(&v, value, m->map->value_size);
	*word = 0;
	if (!v.ifindex) /* nothing, which a hash cannot hold */
		return v.bpf_prog.fd > 0 || hash ? -EINVAL : 0;
	if (hash && flags == BPF_NOEXIST && m->ops->lookup_elem(m->map, key, NULL))
		return -EEXIST;
	if (!device_there(m->obj.sys, v.ifindex))
		return -EINVAL;
	if (v.bpf_prog.fd > 0) {
		*prog = element_prog(m, v.bpf_prog.fd, BPF_XDP_DEVMAP);
		if (!*prog)
			return -EINVAL;
	}
	*word = WORD(v.ifindex, *prog ? (*prog)->obj.id : 0);
	return 0;
}

static int cpu_word(struct map_object *m, const void *key, const u8 *value, u64 *word,
		    struct prog_object **prog)
{
	struct bpf_cpumap_val v = { 0 };
	u32 cpu;

	memcpy(&cpu, key, sizeof(cpu));
	memcpy(&v, value, m->map->value_size);
	if (v.qsize > CPU_QUEUE_MAX)
		return -EOVERFLOW;
	if (cpu >= m->map->nr_cpus)
		return -ENODEV;
	*word = 0;
	if (!v.qsize)
		return 0;
	if (v.bpf_prog.fd > 0) {
		*prog = element_prog(m, v.bpf_prog.fd, BPF_XDP_CPUMAP);
		if (!*prog)
			return -ENOMEM; /* as Linux says it */
	}
	*word = WORD(v.qsize, *prog ? (*prog)->obj.id : 0);
	return 0;
}

/* ---- sockets ---- */

static int option(int fd, int level, int name)
{
	int v = 0;
	socklen_t size = sizeof(v);

	return getsockopt(fd, level, name, &v, &size) ? -1 : v;
}

struct socket_look {
	int family, type, protocol, state;
	u64 cookie;
	u32 inode;
};

/* 0, -EBADF or -ENOTSOCK. */
static int socket_look(int fd, struct socket_look *s)
{
	socklen_t size = sizeof(s->cookie);
	u8 info[256] = { 0 };
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || fstat(fd, &st))
		return -EBADF;
	s->family = option(fd, SOL_SOCKET, SO_DOMAIN);
	if (s->family < 0)
		return -ENOTSOCK;
	s->type = option(fd, SOL_SOCKET, SO_TYPE);
	s->protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
	s->inode = (u32)st.st_ino;
	s->cookie = 0;
	s->state = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &s->cookie, &size))
		return -EOPNOTSUPP;
	size = sizeof(info);
	if ((s->family == AF_INET || s->family == AF_INET6) && s->protocol == IPPROTO_TCP &&
	    !getsockopt(fd, IPPROTO_TCP, 11 /* TCP_INFO */, info, &size))
		s->state = info[0];
	return 0;
}

static bool has_port(int fd)
{
	struct sockaddr_storage name = { 0 };
	socklen_t size = sizeof(name);

	return !getsockname(fd, (struct sockaddr *)&name, &size) &&
	       ((struct sockaddr_in *)&name)->sin_port;
}

static bool unix_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);

	return !getpeername(fd, (struct sockaddr *)&peer, &size);
}

/* Whether a SOCKMAP takes it (Linux: sock_map_sk_is_suitable() and _state_allowed()). */
static bool socket_redirects(int fd, const struct socket_look *s)
{
	if (s->family == AF_UNIX)
		return s->type == SOCK_DGRAM || (s->type == SOCK_STREAM && unix_connected(fd));
	if (s->family != AF_INET && s->family != AF_INET6)
		return false;
	if (s->protocol == IPPROTO_TCP)
		return s->state == TCP_ESTABLISHED_ || s->state == TCP_LISTEN_;
	return s->protocol == IPPROTO_UDP && has_port(fd);
}

/* The caller's descriptor in @value. */
static int value_fd(const struct map_object *m, const u8 *value, int *fd)
{
	u64 wide;

	if (m->map->value_size == sizeof(wide)) {
		memcpy(&wide, value, sizeof(wide));
		if (wide > INT32_MAX)
			return -EINVAL;
		*fd = (int)wide;
	} else {
		memcpy(fd, value, sizeof(*fd));
	}
	return 0;
}

/* O_PATH is no way to a socket, whoever copies the descriptor. */
static int take_socket(int fd)
{
	return fd < 0 ? -EBADF : caller_take_fd(fd);
}

static bool map_holds(const struct map_object *m, u64 cookie)
{
	u8 key[512], next[512]; /* the largest of a SOCKHASH */

	for (int err = m->ops->get_next_key(m->map, NULL, next); !err;
	     err = m->ops->get_next_key(m->map, key, next)) {
		memcpy(key, next, m->map->key_size);
		if ((u64)m->ops->obj_lookup(m->map, key) == cookie)
			return true;
	}
	return false;
}

/* Whether any reuseport array, or any other map of sockets, of the system holds the socket. */
static bool is_held(struct skep_system *sys, bool reuseport, u64 cookie)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];
	bool found = false;

	relock_take(&sys->lock);
	for (u32 i = 0; i < maps->by_id.n && !found; i++) {
		const struct map_object *m = (struct map_object *)maps->by_id.v[i];
		u32 type = m->map && m->ops ? m->map->map_type : 0;

		if (reuseport ? type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY :
				type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH)
			found = map_holds(m, cookie);
	}
	relock_give(&sys->lock);
	return found;
}

static int sock_word(struct map_object *m, const void *key, int fd, u64 flags, u64 *word,
		     struct psock_room *room)
{
	struct psock_socket sock;
	struct socket_look s;
	u32 index;
	int err;

	err = socket_look(fd, &s);
	if (err)
		return err;
	memcpy(&index, key, sizeof(index));
	*word = s.cookie;
	sock = (struct psock_socket){ s.cookie, s.inode,
				      s.family != AF_UNIX && s.protocol == IPPROTO_TCP };
	/* These fail only when they are to be linked, behind the checks of the element. */
	if (s.family == AF_UNIX && s.type == SOCK_SEQPACKET)
		return flags > BPF_EXIST ? -EINVAL :
		       m->map->map_type == BPF_MAP_TYPE_SOCKMAP && index >= m->map->max_entries ?
					   -E2BIG :
					   -EOPNOTSUPP;
	if (!socket_redirects(fd, &s))
		return -EOPNOTSUPP;
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (m->map->map_type == BPF_MAP_TYPE_SOCKMAP && index >= m->map->max_entries)
		return -E2BIG;
	objects_drain(m->obj.sys, false); /* a link may be closed, and its program gone */
	return is_held(m->obj.sys, true, s.cookie) ? -EBUSY : psock_reserve(m, key, &sock, room);
}

static int xsk_word(int fd, u64 *word)
{
	struct sockaddr_xdp at = { 0 };
	socklen_t size = sizeof(at);
	struct socket_look s;
	int err;

	err = socket_look(fd, &s);
	if (err)
		return err;
	if (s.family != AF_XDP)
		return -EOPNOTSUPP;
	getsockname(fd, (struct sockaddr *)&at, &size);
	*word = WORD(at.sxdp_queue_id, s.inode);
	return 0;
}

static int reuseport_word(struct map_object *m, const void *key, int fd, u64 flags, u64 *word)
{
	struct socket_look s;
	bool there, bound;
	int err;

	err = socket_look(fd, &s);
	if (err)
		return err;
	there = m->ops->obj_lookup(m->map, key);
	if (there ? flags == BPF_NOEXIST : flags == BPF_EXIST)
		return there ? -EEXIST : -ENOENT;
	if ((s.protocol != IPPROTO_UDP && s.protocol != IPPROTO_TCP) ||
	    (s.family != AF_INET && s.family != AF_INET6) ||
	    (s.type != SOCK_STREAM && s.type != SOCK_DGRAM))
		return -ENOTSUPP;
	/* It must listen, or be bound, in a group: an option that counted when it was bound. */
	bound = s.protocol == IPPROTO_TCP ? s.state == TCP_LISTEN_ : has_port(fd);
	if (!bound || option(fd, SOL_SOCKET, SO_REUSEPORT) <= 0)
		return -EINVAL;
	/* Whatever it is in, there is one word in a socket for it. */
	if (is_held(m->obj.sys, true, s.cookie) || is_held(m->obj.sys, false, s.cookie))
		return -EBUSY;
	*word = s.cookie;
	return 0;
}

/* The word for the socket whose descriptor @value is; watched from then on. @room: for its link. */
static int socket_word(struct map_object *m, const void *key, const u8 *value, u64 flags, u64 *word,
		       struct psock_room *room)
{
	struct skep_system *sys = m->obj.sys;
	u32 type = m->map->map_type;
	int fd, own, err;

	err = value_fd(m, value, &fd);
	if (err)
		return err;
	if (fd < 0 && (type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH))
		return -EINVAL;
	own = take_socket(fd);
	if (own < 0)
		return own;
	if (type == BPF_MAP_TYPE_XSKMAP)
		err = xsk_word(own, word);
	else if (type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY)
		err = reuseport_word(m, key, own, flags, word);
	else
		err = sock_word(m, key, own, flags, word, room);
	if (!err) /* out of descriptors: then it stays until it is taken out */
		watch_socket(sys, own, type == BPF_MAP_TYPE_XSKMAP ? 0 : *word);
	close(own);
	return err;
}

/* Who supervises has to know when calls of processes become interesting, or cease to be. */
static void link_socket(struct map_object *m, u64 cookie, struct psock_room *room)
{
	struct psock *ps;

	psock_link(m, room);
	ps = psock_by_cookie(m->obj.sys, cookie);
	if (ps && (ps->started || ps->prog[PSOCK_MSG]))
		hooks_touch(m->obj.sys);
	psock_put(m->obj.sys, ps);
}

/* ---- updates ---- */

int map_thing_update(struct map_object *m, const void *key, const void *value, u64 flags)
{
	struct psock_room room = { 0 };
	struct prog_object *prog = NULL;
	u64 word = 0;
	int err;

	err = m->ops->obj_check ? m->ops->obj_check(m->map, key, flags) : 0;
	if (err)
		return err;
	switch (m->map->map_type) {
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
		err = device_word(m, key, value, flags, &word, &prog);
		break;
	case BPF_MAP_TYPE_CPUMAP:
		err = cpu_word(m, key, value, &word, &prog);
		break;
	default:
		err = socket_word(m, key, value, flags, &word, &room);
	}
	if (err)
		return err;
	err = map_object_update(m, key, prog ? &prog->obj : NULL, (void *)(uintptr_t)word, flags);
	if (!err && room.ps)
		link_socket(m, word, &room);
	else
		psock_not_linked(m, &room);
	return err;
}
