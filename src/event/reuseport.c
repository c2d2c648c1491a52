/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See reuseport.h: which groups have programs. A program is set on one socket and holds for its group: a socket that
 * is not bound yet is a group of its own, which it takes along when it founds one (Linux: reuseport_alloc(),
 * reuseport_add_sock()). Whether it may be set is the kernel's answer to a classic program that is set in its place.
 */
#include "event/inet_diag.h"
#include "event/reuseport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hook/hook.h"

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#define ENOTSUPP_ 524

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? -errno : v;
}

static u64 wide_option(int fd, int name)
{
	socklen_t len = sizeof(u64);
	u64 v = 0;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? 0 : v;
}

/* ---- groups ---- */

static struct reuseports *reuseports_get(struct skep_system *sys)
{
	struct reuseports *rs;

	relock_take(&sys->lock);
	rs = sys->reuseports;
	if (!rs) {
		rs = mem_zalloc(sizeof(*rs));
		if (rs)
			rs->buffer = mem_zalloc(REUSEPORT_BUFFER);
		if (rs && !rs->buffer) {
			mem_free(rs);
			rs = NULL;
		}
		if (rs) {
			pthread_mutex_init(&rs->lock, NULL);
			rs->sys = sys;
			store_release(&sys->reuseports, rs);
		}
	}
	relock_give(&sys->lock);
	return rs;
}

void reuseport_member_free(struct reuseport_member *m)
{
	if (m->path >= 0)
		close(m->path);
}

int reuseport_member_add(struct reuseport_group *g, int fd)
{
	struct reuseport_member *v;
	char path[32];
	struct stat st;
	u64 cookie = wide_option(fd, SO_COOKIE);
	int own;

	for (u32 i = 0; i < g->n; i++)
		if (g->v[i].cookie == cookie)
			return 0;
	if (g->n == REUSEPORT_SOCKETS)
		return -E2BIG;
	if (fstat(fd, &st))
		return -errno;
	v = mem_realloc_array(g->v, g->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	g->v = v;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_PATH | O_CLOEXEC);
	if (own < 0)
		return -errno;
	v[g->n++] = (struct reuseport_member){
		.cookie = cookie, .inode = (u32)st.st_ino, .uid = st.st_uid, .path = fd_move_up(own)
	};
	return 0;
}

static struct prog_object *group_free(struct reuseport_group *g)
{
	struct prog_object *prog = g->prog;

	for (u32 i = 0; i < g->n; i++)
		reuseport_member_free(&g->v[i]);
	mem_free(g->v);
	mem_free(g);
	return prog;
}

/* Those that have ended; their programs are to be put when nothing is locked. */
static struct prog_object *take_dead(struct reuseports *rs)
{
	for (struct reuseport_group **p = &rs->groups, *g; (g = *p); p = &g->next) {
		u32 gone = 0;

		while (gone < g->n && reuseport_member_gone(&g->v[gone]))
			gone++;
		if (gone < g->n)
			continue;
		/* One that has joined since then and is not known yet keeps it, too. */
		if (g->bound && !reuseport_learn(g) && g->n)
			continue;
		*p = g->next;
		return group_free(g);
	}
	reuseport_nets_trim(rs);
	return NULL;
}

void reuseports_sweep(struct skep_system *sys)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	struct prog_object *prog;

	if (!rs)
		return;
	do {
		pthread_mutex_lock(&rs->lock);
		prog = take_dead(rs);
		pthread_mutex_unlock(&rs->lock);
		if (prog)
			object_put(&prog->obj);
	} while (prog);
}

void reuseports_stop(struct skep_system *sys)
{
	struct reuseports *rs = sys->reuseports;
	struct reuseport_group *g;

	if (!rs)
		return;
	sys->reuseports = NULL;
	while ((g = rs->groups)) {
		rs->groups = g->next;
		object_put(&group_free(g)->obj);
	}
	reuseport_moved_stop(rs);
	reuseport_nets_trim(rs);
	pthread_mutex_destroy(&rs->lock);
	mem_free(rs->buffer);
	mem_free(rs);
}

bool reuseport_active(const struct skep_system *sys)
{
	const struct reuseports *rs = load_acquire(&sys->reuseports);

	return rs && load_acquire(&rs->groups);
}

static bool is_listening(int fd)
{
	u8 info[8] = { 0 };
	socklen_t len = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) && info[0] == BPF_TCP_LISTEN;
}

void reuseport_look(struct reuseport_group *g, int fd)
{
	struct sockaddr_storage a = { 0 };
	const struct sockaddr_in *in = (const void *)&a;
	const struct sockaddr_in6 *in6 = (const void *)&a;
	socklen_t len = sizeof(a);
	struct stat st;

	g->family = (u32)option(fd, SO_DOMAIN);
	g->protocol = (u32)option(fd, SO_PROTOCOL);
	g->bound = false;
	if (getsockname(fd, (struct sockaddr *)&a, &len) || fstat(fd, &st))
		return;
	g->uid = st.st_uid;
	memset(g->address, 0, sizeof(g->address));
	if (g->family == AF_INET)
		g->address[0] = in->sin_addr.s_addr;
	else
		memcpy(g->address, &in6->sin6_addr, 16);
	g->port = in->sin_port;
	g->ifindex = (u32)max_t(int, option(fd, SO_BINDTOIFINDEX), 0);
	g->bound = g->port && (g->protocol != IPPROTO_TCP || is_listening(fd));
}

static bool same_group(const struct reuseport_group *a, const struct reuseport_group *b)
{
	return a->bound && b->bound && a->net == b->net && a->family == b->family &&
	       a->protocol == b->protocol && a->port == b->port && a->ifindex == b->ifindex &&
	       a->uid == b->uid && !memcmp(a->address, b->address, sizeof(a->address));
}

/* The group of the socket; *fresh is what there is to be known of it. */
static struct reuseport_group **group_of(struct reuseports *rs, u32 tid, int fd,
					 struct reuseport_group *fresh)
{
	u64 cookie = wide_option(fd, SO_COOKIE);

	fresh->net = reuseport_net_of(rs, fd, tid);
	reuseport_look(fresh, fd);
	for (struct reuseport_group **p = &rs->groups; *p; p = &(*p)->next) {
		if (!(*p)->bound)
			reuseport_learn(*p); /* it may be by now */
		if (same_group(*p, fresh))
			return p;
		for (u32 i = 0; i < (*p)->n; i++)
			if ((*p)->v[i].cookie == cookie)
				return p;
	}
	return NULL;
}

/* ---- setsockopt() ---- */

static const struct sock_filter by_hash = { BPF_RET | BPF_K, 0, 0, REUSEPORT_BY_HASH };

static int set_classic(int fd, const struct sock_filter *v, u32 n)
{
	struct sock_fprog prog = { (u16)n, (struct sock_filter *)v };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) ? -errno :
											   0;
}

/* The group of @fd has @prog, which is taken over, or none. What it had is to be put. */
static int group_set(struct skep_system *sys, u32 tid, int fd, struct prog_object *prog,
		     struct prog_object **old)
{
	struct reuseports *rs = reuseports_get(sys);
	struct reuseport_group **at, *g, *fresh = mem_zalloc(sizeof(*fresh));
	int err = 0;

	*old = prog;
	if (!rs || !fresh) {
		mem_free(fresh);
		return -ENOMEM;
	}
	pthread_mutex_lock(&rs->lock);
	at = group_of(rs, tid, fd, fresh);
	if (at && !prog) {
		g = *at;
		*at = g->next;
		*old = group_free(g);
	} else if (at) {
		g = *at;
		*old = g->prog;
		g->prog = prog;
		g->changed = true;
		g->nr_pending = 0;
	} else if (prog) {
		err = fresh->net ? reuseport_member_add(fresh, fd) : -EOPNOTSUPP;
		if (!err) {
			*old = NULL;
			fresh->prog = prog;
			fresh->changed = true;
			fresh->next = rs->groups;
			store_release(&rs->groups, fresh);
			fresh = NULL;
		}
	}
	reuseport_nets_trim(rs);
	pthread_mutex_unlock(&rs->lock);
	mem_free(fresh);
	return err;
}

static bool fits(const struct prog_object *prog, int fd)
{
	int family = option(fd, SO_DOMAIN), type = option(fd, SO_TYPE),
	    protocol = option(fd, SO_PROTOCOL);

	return prog->prog->type == BPF_PROG_TYPE_SOCKET_FILTER ||
	       ((type == SOCK_STREAM || type == SOCK_DGRAM) &&
		(protocol == IPPROTO_UDP || protocol == IPPROTO_TCP) &&
		(family == AF_INET || family == AF_INET6));
}

static long attach(struct skep_system *sys, u32 tid, int fd, int prog_fd, struct prog_object **old)
{
	struct prog_object *prog;
	int err;

	prog = prog_get_runnable_fd(sys, prog_fd, &err);
	if (!prog)
		return err;
	*old = prog;
	if (prog->prog->type != BPF_PROG_TYPE_SOCKET_FILTER &&
	    prog->prog->type != BPF_PROG_TYPE_SK_REUSEPORT)
		return -EINVAL;
	if (!fits(prog, fd))
		return -ENOTSUPP_;
	err = set_classic(fd, &by_hash, 1);
	if (err)
		return err;
	err = group_set(sys, tid, fd, prog, old);
	if (err)
		setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &err, sizeof(err));
	return err;
}

static long attach_classic(struct skep_system *sys, u32 tid, int fd, u64 optval, u32 optlen,
			   struct prog_object **old)
{
	struct sock_filter *v;
	struct sock_fprog prog;
	long err;

	if (optlen != sizeof(prog))
		return -EINVAL;
	if (user_read(sys, &prog, optval, sizeof(prog)))
		return -EFAULT;
	if (option(fd, SO_LOCK_FILTER) > 0)
		return -EPERM;
	if (!prog.filter || !prog.len || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	v = mem_zalloc(prog.len * sizeof(*v));
	if (!v)
		return -ENOMEM;
	err = user_read(sys, v, (u64)(uintptr_t)prog.filter, prog.len * sizeof(*v)) ? -EFAULT : 0;
	if (!err)
		err = set_classic(fd, v, prog.len);
	if (!err)
		err = group_set(sys, tid, fd, NULL, old);
	mem_free(v);
	return err;
}

/*
 * The socket's group, if it has a program, is known as far as it can be: that gives it the classic program, which what
 * comes next is to replace.
 */
static void settle(struct skep_system *sys, u32 tid, int fd)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	struct reuseport_group *now = rs ? mem_zalloc(sizeof(*now)) : NULL, **at;

	if (now) {
		pthread_mutex_lock(&rs->lock);
		at = group_of(rs, tid, fd, now);
		if (at)
			reuseport_learn(*at);
		pthread_mutex_unlock(&rs->lock);
	}
	mem_free(now);
}

long reuseport_setsockopt(struct skep_system *sys, u32 tid, int fd, int name, u64 optval,
			  u32 optlen)
{
	struct prog_object *old = NULL;
	long ret;
	int v;

	reuseports_sweep(sys);
	if ((int)optlen < (int)sizeof(v))
		return -EINVAL;
	if (user_read(sys, &v, optval, sizeof(v)))
		return -EFAULT;
	settle(sys, tid, fd);
	switch (name) {
	case SO_ATTACH_REUSEPORT_EBPF:
		ret = optlen != sizeof(v)	     ? -EINVAL :
		      option(fd, SO_LOCK_FILTER) > 0 ? -EPERM :
						       attach(sys, tid, fd, v, &old);
		break;
	case SO_ATTACH_REUSEPORT_CBPF:
		ret = attach_classic(sys, tid, fd, optval, optlen, &old);
		break;
	default:
		ret = setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &v, sizeof(v)) ? -errno :
											   0;
		if (!ret)
			ret = group_set(sys, tid, fd, NULL, &old);
	}
	if (old)
		object_put(&old->obj);
	if (!ret)
		hooks_touch(sys); /* calls that send matter from now on, or do no longer */
	return ret;
}

/* ---- asking ---- */

bool reuseport_has_port(struct skep_system *sys, u32 protocol, u16 port)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	bool has = false;

	if (!rs)
		return false;
	pthread_mutex_lock(&rs->lock);
	for (const struct reuseport_group *g = rs->groups; g && !has; g = g->next)
		has = (!protocol || g->protocol == protocol) &&
		      (!port || g->port == port || !g->bound);
	pthread_mutex_unlock(&rs->lock);
	return has;
}

void reuseport_changed(struct skep_system *sys, int fd)
{
	struct reuseports *rs = load_acquire(&sys->reuseports);
	struct reuseport_group *now = rs ? mem_zalloc(sizeof(*now)) : NULL;

	if (!now)
		return;
	reuseport_look(now, fd);
	pthread_mutex_lock(&rs->lock);
	for (struct reuseport_group *g = rs->groups; g; g = g->next)
		if (!g->bound || (g->protocol == now->protocol && g->port == now->port))
			g->changed = true;
	pthread_mutex_unlock(&rs->lock);
	mem_free(now);
}

/* Whom the kernel would give the packet. */
static int ask(const struct reuseport_net *net, u32 ifindex, const struct reuseport_ends *e,
	       struct inet_diag_msg *out)
{
	struct inet_diag_sockid id = { .idiag_sport = e->to_port,
				       .idiag_dport = e->from_port,
				       .idiag_if = ifindex };
	union inet_diag_answer answer;
	int err;

	memcpy(id.idiag_src, e->to, sizeof(id.idiag_src));
	memcpy(id.idiag_dst, e->from, sizeof(id.idiag_dst));
	err = inet_diag_ask(net->diag, e->family, e->protocol, &id, 0, &answer);
	if (!err)
		*out = *inet_diag_msg_of(&answer);
	return err;
}

/* The socket that a packet of @e opens something at: 0, or -ENOENT. */
static int ask_open(const struct reuseport_net *net, u32 ifindex, const struct reuseport_ends *e,
		    struct inet_diag_msg *m)
{
	u32 open = e->protocol == IPPROTO_TCP ? BPF_TCP_LISTEN : BPF_TCP_CLOSE;
	struct reuseport_ends other = *e;
	int err = ask(net, ifindex, e, m);

	/* A SYN for what is left of an earlier connection goes to the listener, as from a port without any. */
	if (!err && e->protocol == IPPROTO_TCP && m->idiag_state == BPF_TCP_TIME_WAIT) {
		other.from_port = 0;
		err = ask(net, ifindex, &other, m);
	}
	return err ? err : m->idiag_state == open ? 0 : -ENOENT;
}

struct reuseport_group *reuseport_find(struct reuseports *rs, const struct reuseport_net *net,
				       u32 ifindex, const struct reuseport_ends *e,
				       struct inet_diag_msg *m)
{
	u64 cookie = 0;

	for (struct reuseport_group *g = rs->groups; g; g = g->next) {
		if (g->net != net || g->protocol != e->protocol)
			continue;
		if (!g->bound)
			reuseport_learn(g);
		if (!g->bound || g->port != e->to_port)
			continue;
		if (!cookie) {
			if (ask_open(net, ifindex, e, m))
				return NULL;
			cookie = (u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
		}
		if (reuseport_learn(g) && !g->n)
			continue;
		for (u32 i = 0; i < g->n; i++)
			if (g->v[i].cookie == cookie)
				return g;
	}
	return NULL;
}
