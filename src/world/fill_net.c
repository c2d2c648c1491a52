/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets of all tasks in sight, one after the other, and what iterators show of them (Linux:
 * net/ipv4/tcp_ipv4.c:tcp4_seq_show(), net/ipv4/udp.c, net/unix/af_unix.c, net/netlink/af_netlink.c).
 * What a socket does not tell itself (its references) is asked of /proc/TID/net.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "object/sock.h"
#include "world/fill.h"
#include "world/iter.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* ---- the tables of /proc/TID/net ---- */

struct net_columns {
	const char *file;
	u32 inode, refs, dump; /* numbers of columns */
	bool hex;	       /* the references */
};

static const struct net_columns *columns_of(const struct wsock *s)
{
	static const struct net_columns tcp = { "net/tcp", 9, 10 }, tcp6 = { "net/tcp6", 9, 10 },
					udp = { "net/udp", 9, 10 }, udp6 = { "net/udp6", 9, 10 },
					un = { "net/unix", 6, 1, .hex = true },
					netlink = { "net/netlink", 9, 7, .dump = 6 };
	bool v6 = s->family == AF_INET6;

	switch (s->family) {
	case AF_UNIX:
		return &un;
	case AF_NETLINK:
		return &netlink;
	case AF_INET:
	case AF_INET6:
		return s->protocol == IPPROTO_TCP ? (v6 ? &tcp6 : &tcp) :
		       s->protocol == IPPROTO_UDP ? (v6 ? &udp6 : &udp) :
						    NULL;
	default:
		return NULL;
	}
}

/* Whole text of the table, kept for the rest of this run; NULL. */
static const char *net_text(struct world *w, struct wtask *p, const char *name)
{
	struct net_text *t = &w->net_text;
	size_t cap = 1 << 16, len = 0;
	char *text;
	ssize_t n;
	int fd;

	if (t->text && t->run == w->run && t->tgid == p->tgid && t->name == name)
		return t->text;
	mem_free(t->text);
	t->text = NULL;
	fd = openat(proc_dir(w, p), name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = mem_alloc(cap);
	while (text && (n = read(fd, text + len, cap - len - 1)) > 0) {
		len += (size_t)n;
		if (cap - len - 1 < 4096) {
			char *grown = mem_realloc(text, cap *= 2);

			if (!grown)
				mem_free(text);
			text = grown;
		}
	}
	close(fd);
	if (!text)
		return NULL;
	text[len] = 0;
	*t = (struct net_text){ text, name, w->run, p->tgid };
	return text;
}

/* Column @n of @line; NULL: it has not so many. */
static const char *column(const char *line, u32 n)
{
	for (line += strspn(line, " "); n && *line && *line != '\n'; n--) {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	return *line && *line != '\n' ? line : NULL;
}

/* The socket's line of its table; NULL: none. */
static const char *net_line(struct world *w, const struct wsock *s, const struct net_columns *c)
{
	struct wobj *task = world_at(w, s->at.task);
	const char *line, *at;

	line = c && task && task->priv && task->state != WOBJ_FREE ?
		       net_text(w, wtask(task), c->file) :
		       NULL;
	line = line ? strchr(line, '\n') : NULL; /* behind the headline */
	for (; line; line = strchr(line, '\n')) {
		at = column(++line, c->inode);
		if (at && strtoull(at, NULL, 10) == s->at.ino)
			return line;
	}
	return NULL;
}

int fill_sock_refs(struct world *w, struct wobj *o)
{
	const struct wsock *s = o->priv;
	const struct net_columns *c = s ? columns_of(s) : NULL;
	const char *line = net_line(w, s, c);

	if (!line)
		return -ENODATA;
	put(w, o, WF_sock_skc_refcnt, strtoul(column(line, c->refs), NULL, c->hex ? 16 : 10));
	if (s->family == AF_NETLINK)
		put(w, o, WF_netlink_sock_cb_running,
		    strtoul(column(line, c->dump), NULL, 10) != 0);
	return 0;
}

int fill_sock_memory(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	u32 v[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(v);
	int err;

	if (fd < 0)
		return fd;
	err = getsockopt(fd, SOL_SOCKET, SO_MEMINFO, v, &size) ? -errno : 0;
	close(fd);
	if (err)
		return err;
	put(w, o, WF_sock_sk_rmem_alloc, v[SK_MEMINFO_RMEM_ALLOC]);
	put(w, o, WF_sock_sk_backlog_len, v[SK_MEMINFO_BACKLOG]);
	/* sk_wmem_alloc_get(): one is the socket's own */
	put(w, o, WF_sock_sk_wmem_alloc, v[SK_MEMINFO_WMEM_ALLOC] + 1);
	put(w, o, WF_sock_sk_wmem_queued, v[SK_MEMINFO_WMEM_QUEUED]);
	put(w, o, WF_sock_sk_forward_alloc, v[SK_MEMINFO_FWD_ALLOC]);
	put(w, o, WF_sock_sk_omem_alloc, v[SK_MEMINFO_OPTMEM]);
	put(w, o, WF_sock_sk_drops, v[SK_MEMINFO_DROPS]);
	return 0;
}

/* ---- struct unix_sock, struct netlink_sock ---- */

/* struct unix_address: its length, the name. */
int fill_unix_addr(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	const u32 id = w->types[WT_unix_sock].btf_id;
	struct world_place pointer, len, name;
	u8 bytes[256] = { 0 };
	struct sockaddr_un un;
	socklen_t size = sizeof(un);
	const struct btf_type *t;
	u32 addr_id;

	if (fd < 0)
		return fd;
	if (getsockname(fd, (struct sockaddr *)&un, &size))
		size = 0;
	close(fd);
	if (size <= offsetof(struct sockaddr_un, sun_path)) { /* it has none */
		put(w, o, WF_unix_sock_addr, 0);
		return 0;
	}
	if (layout_find(w->btf, id, "addr", &pointer))
		return -ENODATA;
	t = btf_type_skip_modifiers(w->btf, pointer.btf_id, NULL);
	addr_id = t && btf_kind(t) == BTF_KIND_PTR ? t->type : 0;
	if (!btf_type_skip_modifiers(w->btf, addr_id, &addr_id) ||
	    layout_find(w->btf, addr_id, "len", &len) ||
	    layout_find(w->btf, addr_id, "name", &name) || name.off + size > sizeof(bytes))
		return -ENODATA;
	memcpy(bytes + len.off, &size, sizeof(size));
	memcpy(bytes + name.off, &un, size);
	put(w, o, WF_unix_sock_addr,
	    world_bytes(w, o->addr, WF_unix_sock_addr, bytes, sizeof(bytes)));
	return 0;
}

int fill_netlink(struct world *w, struct wobj *o)
{
	struct wsock *s = o->priv;
	int fd = s ? sock_open(w, &s->at) : -ENODATA;
	struct sockaddr_nl name = { 0 }, peer = { 0 };
	unsigned long groups[16] = { 0 };
	socklen_t size = sizeof(name);
	bool any = false;
	int err;

	if (fd < 0)
		return fd;
	err = getsockname(fd, (struct sockaddr *)&name, &size) ? -errno : 0;
	size = sizeof(peer);
	if (!err && getpeername(fd, (struct sockaddr *)&peer, &size))
		memset(&peer, 0, sizeof(peer));
	size = sizeof(groups);
	if (!err && getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &size))
		groups[0] = name.nl_groups;
	close(fd);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		any |= groups[i] != 0;
	put(w, o, WF_netlink_sock_portid, name.nl_pid);
	put(w, o, WF_netlink_sock_dst_portid, peer.nl_pid);
	put(w, o, WF_netlink_sock_dst_group,
	    peer.nl_groups ? __builtin_ctz(peer.nl_groups) + 1U : 0);
	put(w, o, WF_netlink_sock_groups,
	    any ? world_bytes(w, o->addr, WF_netlink_sock_groups, groups, sizeof(groups)) : 0);
	return 0;
}

/* ---- one after the other ---- */

/* What tells sockets apart for those who go over them. 0 or -errno: it is none any more. */
static int sock_know(struct world *w, struct wobj *task, struct world_sock *out)
{
	struct wobj *file = file_obj(w, task, out->fd), *sk;
	struct wplace *at = file ? file->priv : NULL;
	socklen_t size = sizeof(out->cookie);
	const char *line;
	struct wsock *s;
	struct stat st;
	u64 addr;
	int fd;

	addr = at ? sock_of(w, at) : 0;
	sk = addr ? world_at(w, addr) : NULL;
	s = sk ? sk->priv : NULL;
	fd = s ? sock_open(w, &s->at) : -ENODATA;
	if (fd < 0)
		return fd;
	out->ino = s->at.ino;
	out->family = s->family;
	out->protocol = s->protocol;
	if (!fstat(fd, &st))
		out->uid = st.st_uid;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &out->cookie, &size))
		out->cookie = 0;
	close(fd);
	out->state = (u8)world_get(w, sk, WF_sock_skc_state);
	out->port = (u16)world_get(w, sk, WF_sock_skc_num);
	if (s->protocol == IPPROTO_UDP && (s->family == AF_INET || s->family == AF_INET6)) {
		line = net_line(w, s, columns_of(s));
		out->bucket = line ? (u32)strtoul(line, NULL, 10) : 0;
	}
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct world_sock *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int add_socks(struct skep_system *sys, struct bpf_run *run, pid_t tid, struct world_socks *l)
{
	int *fds = NULL, err;
	u32 n;

	err = world_iter_fds(tid, &fds, &n);
	for (u32 i = 0; i < n && !err; i++) {
		struct world_sock s = { .tid = tid, .fd = fds[i] };
		char path[64], text[32];
		struct wobj *task;
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, fds[i]);
		len = readlink(path, text, sizeof(text));
		if (len < 7 || memcmp(text, "socket:", 7))
			continue;
		relock_take(&sys->world_lock);
		world_enter(sys->world, run);
		task = world_tid_obj(sys->world, tid);
		if (task && !sock_know(sys->world, task, &s))
			err = vec_push(l, s);
		relock_give(&sys->world_lock);
	}
	mem_free(fds);
	return err;
}

int world_iter_socks(struct skep_system *sys, struct bpf_run *run, pid_t self,
		     struct world_socks *l)
{
	pid_t *tids = NULL, tgid;
	u32 n, kept = 0;
	int err;

	memset(l, 0, sizeof(*l));
	err = world_iter_tids(sys, self, &tids, &n);
	for (u32 i = 0; i < n && !err; i++)
		if (world_iter_task(sys, run, tids[i], &tgid) && tgid == tids[i])
			err = add_socks(sys, run, tids[i], l);
	mem_free(tids);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_inode);
	for (u32 i = 0; i < l->n; i++) /* one that several have open is one */
		if (!i || l->v[i].ino != l->v[i - 1].ino)
			l->v[kept++] = l->v[i];
	l->n = kept;
	return err;
}

u64 world_iter_sock(struct skep_system *sys, struct bpf_run *run, const struct world_sock *s)
{
	struct wobj *task, *file;
	u64 addr = 0;

	relock_take(&sys->world_lock);
	world_enter(sys->world, run);
	task = world_tid_obj(sys->world, s->tid);
	file = task ? file_obj(sys->world, task, s->fd) : NULL;
	if (file && ((struct wplace *)file->priv)->ino == s->ino)
		addr = sock_of(sys->world, file->priv);
	relock_give(&sys->world_lock);
	return addr;
}

/* The device of sockets' inodes. */
static u32 sock_dev(struct world *w)
{
	int fd = w->sock_dev ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		w->sock_dev = kernel_dev(major(st.st_dev), minor(st.st_dev));
	if (fd >= 0)
		close(fd);
	return w->sock_dev;
}

static u64 sock_there(struct world *w, struct wobj *task, int fd, u64 ino)
{
	struct wobj *file = task && fd >= 0 ? file_obj(w, task, fd) : NULL;
	struct wplace *at = file ? file->priv : NULL;

	return at && S_ISSOCK(at->mode) && at->ino == ino ? sock_of(w, at) : 0;
}

u64 world_sock_of(struct world *w, struct bpf_run *run, struct wobj *task,
		  const struct bpf_rt_sock *sk)
{
	static const enum world_type_id types[] = { WT_tcp_sock, WT_udp_sock, WT_inet_sock,
						    WT_unix_sock };
	struct world_socks l;
	u64 addr = 0;

	if (!sk || !sk->ino || sk->ino & SOCK_INO_MADE_UP)
		return 0;
	addr = sock_there(w, task, sk->number, sk->ino);
	for (u32 i = 0; i < ARRAY_SIZE(types) && !addr; i++) {
		struct wobj *o = world_find(w, types[i], sk->ino, sock_dev(w));

		addr = o && o->priv ? o->addr : 0;
	}
	if (addr || world_iter_socks(w->sys, run, 0, &l))
		return addr;
	for (size_t i = 0; i < l.n && !addr; i++)
		if (l.v[i].ino == sk->ino)
			addr = world_iter_sock(w->sys, run, &l.v[i]);
	mem_free(l.v);
	return addr;
}
