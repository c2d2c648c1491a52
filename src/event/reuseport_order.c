/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * In which order the kernel has the sockets of a group, and the classic program that picks one by its index (Linux:
 * net/core/sock_reuseport.c, reuseport_select_sock()).
 *
 * The order is that of bind() or listen(), but who leaves has the last one put in his place, and nothing tells it.
 * It is found out by asking: a packet of our own, for which the group's program says index 0, 1, ..., is dropped by
 * the socket that gets it, which counts it. Listeners drop it because it has come too far for them (IP_MINTTL), sockets
 * of UDP by a filter; they have both for that moment only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/reuseport.h"
#include "object/cgroup_tree.h"

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define DROPS	 8 /* SK_MEMINFO_DROPS */
#define NET(off) ((u32)(SKF_NET_OFF + (off)))
#define LL(off)	 ((u32)(SKF_LL_OFF + (off)))
#define CODE_MAX 4096
#define FAR	 2 /* hops that a packet must have left */
/* A packet on the loopback device may be handled by another thread: who waits in vain waits longer the next time. */
#define WAIT_US	    100
#define WAIT_ROUNDS 20 /* of the first time, */
#define TRIES	    3  /* and of the last one 16 times as long */
#define ATTEMPTS    3
#define LOOPBACK    1

/* ---- sockets of others ---- */

bool reuseport_member_gone(const struct reuseport_member *m)
{
	return m->path >= 0 && fchownat(m->path, "", m->uid, (gid_t)-1, AT_EMPTY_PATH) &&
	       errno == ENOENT;
}

static int take(pid_t pid, int fd, u32 inode)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), own;
	struct stat st;

	if (pidfd < 0)
		return -errno;
	own = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (own < 0)
		own = -errno;
	close(pidfd);
	if (own >= 0 && (fstat(own, &st) || (u32)st.st_ino != inode)) {
		close(own);
		own = -EBADF;
	}
	return own;
}

static int take_of(pid_t pid, struct reuseport_member *m)
{
	char path[32], text[64], what[32];
	int own = -ENOENT;
	struct dirent *e;
	DIR *d;

	snprintf(what, sizeof(what), "socket:[%u]", m->inode);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && own < 0 && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = 0;
		if (strcmp(text, what))
			continue;
		own = take(pid, atoi(e->d_name), m->inode);
		m->pid = pid;
		m->fd = atoi(e->d_name);
	}
	if (d)
		closedir(d);
	return own;
}

int reuseport_member_open(struct skep_system *sys, struct reuseport_member *m)
{
	int own = m->pid ? take(m->pid, m->fd, m->inode) : -ENOENT;
	u32 pid = 0;

	while (own < 0 && (pid = cgroup_tree_process(sys, pid)))
		own = take_of((pid_t)pid, m);
	return own;
}

/* ---- classic programs ---- */

struct code {
	u32 n;
	struct sock_filter v[CODE_MAX];
};

static void emit(struct code *c, u16 op, u8 jt, u8 jf, u32 k)
{
	if (c->n < CODE_MAX)
		c->v[c->n++] = (struct sock_filter){ op, jt, jf, k };
}

/* Goes on where the word, half word or byte at @k is @v; else to what has to be filled in. */
static void emit_same(struct code *c, u16 size, u32 k, u32 v)
{
	emit(c, BPF_LD | size | BPF_ABS, 0, 0, k);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, UINT8_MAX, v);
}

static void emit_address(struct code *c, u32 family, u32 off, const u32 *a)
{
	for (u32 i = 0; i < (family == AF_INET ? 1 : 4); i++)
		emit_same(c, BPF_W, NET(off + i * 4), ntohl(a[i]));
}

/* A packet of @e: @ret is returned. */
static void emit_ends(struct code *c, const struct reuseport_ends *e, u32 ret)
{
	bool v4 = e->family == AF_INET;
	u32 from = c->n;

	emit(c, BPF_LD | BPF_B | BPF_ABS, 0, 0, NET(0));
	emit(c, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, UINT8_MAX, v4 ? 4 : 6);
	emit_address(c, e->family, v4 ? 12 : 8, e->from);
	emit_address(c, e->family, v4 ? 16 : 24, e->to);
	if (v4) {
		emit(c, BPF_LDX | BPF_B | BPF_MSH, 0, 0, NET(0));
		emit(c, BPF_LD | BPF_H | BPF_IND, 0, 0, NET(0));
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, UINT8_MAX, ntohs(e->from_port));
	} else {
		emit_same(c, BPF_H, NET(40), ntohs(e->from_port));
	}
	emit(c, BPF_RET | BPF_K, 0, 0, ret);
	for (u32 i = from; i < c->n; i++)
		if (BPF_CLASS(c->v[i].code) == BPF_JMP)
			c->v[i].jf = (u8)(c->n - i - 1);
}

static void emit_stamp(struct code *c)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, LL(6));
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, REUSEPORT_STAMP);
	emit(c, BPF_LD | BPF_H | BPF_ABS, 0, 0, LL(10));
	emit(c, BPF_RET | BPF_A, 0, 0, 0);
}

static int set(int fd, int name, const struct code *c)
{
	struct sock_fprog prog = { (u16)c->n, (struct sock_filter *)c->v };

	return setsockopt(fd, SOL_SOCKET, name, &prog, sizeof(prog)) ? -errno : 0;
}

/* @first: before what the group's program is otherwise; NULL: nothing. */
static int install(struct reuseport_group *g, int fd, const struct reuseport_ends *first, u32 index)
{
	struct code *c = mem_zalloc(sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	if (first)
		emit_ends(c, first, index);
	if (g->net->links)
		emit_stamp(c);
	for (u32 i = 0; i < g->nr_pending; i++) {
		const struct reuseport_pending *p =
			&g->pending[(g->next_pending + 2 * REUSEPORT_PENDING - 1 - i) %
				    REUSEPORT_PENDING];

		if (p->index != REUSEPORT_BY_HASH)
			emit_ends(c, &p->e, p->index);
	}
	emit(c, BPF_RET | BPF_K, 0, 0, REUSEPORT_BY_HASH);
	err = set(fd, SO_ATTACH_REUSEPORT_CBPF, c);
	mem_free(c);
	return err;
}

int reuseport_install(struct reuseport_group *g)
{
	int err = -ENOENT;

	for (u32 i = 0; i < g->n && err; i++) {
		int fd = reuseport_member_open(g->net->sys, &g->v[i]);

		if (fd < 0)
			continue;
		err = install(g, fd, NULL, 0);
		close(fd);
	}
	return err;
}

int reuseport_direct(struct reuseport_group *g, const struct reuseport_ends *e, u32 index)
{
	struct reuseport_pending *p = NULL;

	for (u32 i = 0; i < g->nr_pending && !p; i++)
		if (!memcmp(&g->pending[i].e, e, sizeof(*e)))
			p = &g->pending[i];
	if (p ? p->index == index : index == REUSEPORT_BY_HASH)
		return 0;
	if (!p) {
		p = &g->pending[g->next_pending];
		g->next_pending = (g->next_pending + 1) % REUSEPORT_PENDING;
		g->nr_pending = min_t(u32, g->nr_pending + 1, REUSEPORT_PENDING);
		p->e = *e;
	}
	p->index = index;
	return reuseport_install(g);
}

/* ---- who is in the group ---- */

struct found {
	u32 n;
	struct {
		u64 cookie;
		u32 inode;
	} v[REUSEPORT_SOCKETS];
};

static void found_add(struct found *f, const struct reuseport_group *g,
		      const struct inet_diag_msg *m)
{
	if (m->idiag_family != g->family || m->id.idiag_sport != g->port ||
	    m->id.idiag_if != g->ifindex || m->idiag_uid != g->uid ||
	    memcmp(m->id.idiag_src, g->address, g->family == AF_INET ? 4 : 16) ||
	    f->n == REUSEPORT_SOCKETS)
		return;
	f->v[f->n].cookie = (u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	f->v[f->n++].inode = m->idiag_inode;
}

static int find_all(const struct reuseport_group *g, struct found *f)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = (u8)g->family,
		       .sdiag_protocol = (u8)g->protocol,
		       .idiag_states = g->protocol == IPPROTO_TCP ? 1 << BPF_TCP_LISTEN : ~0U,
		       .id = { .idiag_sport = g->port } } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	union {
		struct nlmsghdr h;
		char bytes[16384];
	} answer;

	while (recv(g->net->diag, &answer, sizeof(answer), MSG_DONTWAIT) > 0)
		;
	if (sendto(g->net->diag, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) <= 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(g->net->diag, &answer, sizeof(answer), 0);

		if (n <= 0)
			return n ? -errno : -EPROTO;
		for (struct nlmsghdr *h = &answer.h; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -ENOENT;
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
				found_add(f, g, NLMSG_DATA(h));
		}
	}
}

static bool has_found(const struct found *f, u64 cookie)
{
	for (u32 i = 0; i < f->n; i++)
		if (f->v[i].cookie == cookie)
			return true;
	return false;
}

/* .v becomes what is there. *others: somebody's whom we do not supervise. */
static void update(struct reuseport_group *g, const struct found *f, bool *others)
{
	*others = false;
	for (u32 i = 0; i < g->n;)
		if (has_found(f, g->v[i].cookie)) {
			i++;
		} else {
			reuseport_member_free(&g->v[i]);
			g->v[i] = g->v[--g->n];
		}
	for (u32 i = 0; i < f->n; i++) {
		struct reuseport_member m = { .inode = f->v[i].inode };
		bool known = false;
		int fd;

		for (u32 k = 0; k < g->n && !known; k++)
			known = g->v[k].cookie == f->v[i].cookie;
		if (known)
			continue;
		fd = reuseport_member_open(g->net->sys, &m);
		if (fd < 0 || reuseport_member_add(g, fd)) {
			*others = true;
		} else {
			g->v[g->n - 1].pid = m.pid;
			g->v[g->n - 1].fd = m.fd;
		}
		if (fd >= 0)
			close(fd);
	}
}

/* ---- the order ---- */

struct probe {
	struct reuseport_group *g;
	struct reuseport_ends e;
	int fd; /* what sends */
	struct sockaddr_storage to;
	socklen_t size;
	u32 n;
	struct probed {
		int fd; /* -1: not open */
		bool found;
		u32 drops;
		int least; /* IP_MINTTL, IPV6_MINHOPCOUNT */
		u32 nr_filter;
		struct sock_filter *filter; /* what it had */
	} v[];
};

static u32 drops_of(int fd)
{
	u32 v[16] = { 0 };
	socklen_t size = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, v, &size) ? 0 : v[DROPS];
}

static bool is_tcp(const struct probe *p)
{
	return p->e.protocol == IPPROTO_TCP;
}

static int set_hops(const struct probe *p, int fd, bool least, int v)
{
	bool v4 = p->e.family == AF_INET;
	int name = v4 ? least ? IP_MINTTL : IP_TTL : least ? IPV6_MINHOPCOUNT : IPV6_UNICAST_HOPS;

	return setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, name, &v, sizeof(v)) ? -errno : 0;
}

static int save_least(const struct probe *p, struct probed *m)
{
	bool v4 = p->e.family == AF_INET;
	socklen_t size = sizeof(m->least);

	return getsockopt(m->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MINTTL : IPV6_MINHOPCOUNT,
			  &m->least, &size) ?
		       -errno :
		       0;
}

static int save_filter(struct probed *p)
{
	socklen_t n = 0;

	if (getsockopt(p->fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n))
		return -errno;
	if (!n)
		return 0;
	p->filter = mem_zalloc(n * sizeof(*p->filter));
	if (!p->filter)
		return -ENOMEM;
	p->nr_filter = n;
	return getsockopt(p->fd, SOL_SOCKET, SO_GET_FILTER, p->filter, &n) ? -errno : 0;
}

/* Drops the probe; everything else goes on to what was there before. */
static int put_filter(const struct probe *p, const struct probed *m)
{
	struct code *c = mem_zalloc(sizeof(*c));
	u32 from;
	int err;

	if (!c)
		return -ENOMEM;
	emit_same(c, BPF_H, 0, ntohs(p->e.from_port));
	emit_address(c, p->e.family, p->e.family == AF_INET ? 12 : 8, p->e.from);
	emit(c, BPF_RET | BPF_K, 0, 0, 0);
	from = c->n;
	for (u32 i = 0; i < from; i++)
		if (BPF_CLASS(c->v[i].code) == BPF_JMP)
			c->v[i].jf = (u8)(from - i - 1);
	for (u32 i = 0; i < m->nr_filter; i++)
		emit(c, m->filter[i].code, m->filter[i].jt, m->filter[i].jf, m->filter[i].k);
	if (!m->nr_filter)
		emit(c, BPF_RET | BPF_K, 0, 0, UINT32_MAX);
	err = set(m->fd, SO_ATTACH_FILTER, c);
	mem_free(c);
	return err;
}

static void restore(const struct probe *p, const struct probed *m)
{
	struct sock_fprog prog = { (u16)m->nr_filter, m->filter };
	int zero = 0;

	if (is_tcp(p))
		set_hops(p, m->fd, true, m->least);
	else if (m->nr_filter)
		setsockopt(m->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	else
		setsockopt(m->fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero));
}

static void fill_address(struct sockaddr_storage *a, u32 family, const u32 *address, u16 port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;
	struct sockaddr_in *in = (struct sockaddr_in *)a;

	memset(a, 0, sizeof(*a));
	a->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		in->sin_port = port;
		memcpy(&in->sin_addr, address, 4);
	} else {
		six->sin6_port = port;
		memcpy(&six->sin6_addr, address, 16);
	}
}

void reuseport_near(const struct reuseport_group *g, struct reuseport_ends *e,
		    struct sockaddr_storage *to, socklen_t *size)
{
	static const u32 loopback6[4] = { 0, 0, 0, __builtin_bswap32(1) };
	bool any = !(g->address[0] | g->address[1] | g->address[2] | g->address[3]);

	memcpy(e->to, g->address, sizeof(e->to));
	if (any && g->family == AF_INET)
		e->to[0] = htonl(INADDR_LOOPBACK);
	else if (any)
		memcpy(e->to, loopback6, sizeof(loopback6));
	memcpy(e->from, e->to, sizeof(e->from));
	*size = g->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	fill_address(to, g->family, e->to, g->port);
}

/* A socket at a port that nobody has, which it keeps when it is disconnected. */
static int probe_open(struct probe *p)
{
	const struct reuseport_group *g = p->g;
	int type = g->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM, fd = -1,
	    err = -EADDRINUSE;
	struct sockaddr_storage a;
	socklen_t size;

	for (u32 tries = 0; tries < 8 && err == -EADDRINUSE; tries++) {
		fill_address(&a, p->e.family, p->e.from, 0);
		for (u32 i = 0; i < 2; i++) {
			if (fd >= 0)
				close(fd);
			fd = reuseport_socket(g->net, (int)p->e.family, type, 0);
			if (fd < 0)
				return fd;
			err = bind(fd, (struct sockaddr *)&a, p->size) ? -errno : 0;
			size = sizeof(a);
			if (err || getsockname(fd, (struct sockaddr *)&a, &size))
				break;
		}
	}
	if (err) {
		close(fd);
		return err;
	}
	p->e.from_port = ((struct sockaddr_in *)&a)->sin_port;
	p->fd = fd;
	set_hops(p, fd, false, FAR - 1);
	return fcntl(fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static void probe_send(const struct probe *p)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (p->e.protocol == IPPROTO_UDP) {
		sendto(p->fd, "", 0, MSG_DONTWAIT, (const struct sockaddr *)&p->to, p->size);
		return;
	}
	connect(p->fd, (const struct sockaddr *)&p->to, p->size);
	connect(p->fd, &none, sizeof(none));
}

/* Which one has dropped what was sent; -1: none, or it is not certain. */
static int who_dropped(struct probe *p, u32 rounds)
{
	const struct timespec pause = { .tv_nsec = WAIT_US * 1000 };
	int who = -1;

	for (u32 round = 0; round < rounds && who < 0; round++) {
		if (round)
			nanosleep(&pause, NULL);
		for (u32 i = 0; i < p->n; i++) {
			if (drops_of(p->v[i].fd) == p->v[i].drops)
				continue;
			if (who >= 0)
				return -1;
			who = (int)i;
		}
	}
	return who;
}

/* One after the other. *all: each one has been met. */
static int probe_once(struct probe *p, bool *all)
{
	struct reuseport_group *g = p->g;
	u32 met = 0;
	int err = 0;

	for (u32 i = 0; i < p->n; i++)
		p->v[i].found = false;
	g->nr_order = 0;
	for (u32 i = 0; i < p->n && !err; i++) {
		int who = -1;

		err = install(g, p->v[0].fd, &p->e, i);
		for (u32 tries = 0; tries < TRIES && who < 0 && !err; tries++) {
			for (u32 k = 0; k < p->n; k++)
				p->v[k].drops = drops_of(p->v[k].fd);
			probe_send(p);
			who = who_dropped(p, WAIT_ROUNDS << 2 * tries);
		}
		/* An index beyond the last is the same as none: it has met one again. */
		if (who >= 0 && p->v[who].found)
			break;
		g->order[g->nr_order++] = who < 0 ? 0 : g->v[who].cookie;
		if (who >= 0)
			p->v[who].found = true;
		met += who >= 0;
	}
	*all = met == p->n;
	return err;
}

/*
 * Some are met by no packet, as those of UDP that are connected. But it may also be that a packet was late, and
 * taken for the next one: what was not met twice in the same way is not believed.
 */
static int probe_all(struct probe *p)
{
	struct reuseport_group *g = p->g;
	u64 before[REUSEPORT_SOCKETS];
	u32 nr_before = 0;
	bool all = false;
	int err = 0;

	for (u32 i = 0; i < ATTEMPTS && !err; i++) {
		err = probe_once(p, &all);
		if (all || (i && nr_before == g->nr_order &&
			    !memcmp(before, g->order, nr_before * sizeof(before[0]))))
			break;
		nr_before = g->nr_order;
		memcpy(before, g->order, nr_before * sizeof(before[0]));
		err = err ? err : i + 1 == ATTEMPTS ? -EAGAIN : 0;
	}
	if (!err)
		err = install(g, p->v[0].fd, NULL, 0);
	return err;
}

static int ask_order(struct reuseport_group *g)
{
	struct probe *p = mem_zalloc(sizeof(*p) + g->n * sizeof(p->v[0]));
	u32 set_on = 0;
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->g = g;
	p->fd = -1;
	p->e.family = g->family;
	p->e.protocol = g->protocol;
	p->e.to_port = g->port;
	reuseport_near(g, &p->e, &p->to, &p->size);
	for (p->n = 0; p->n < g->n && !err; p->n++) {
		p->v[p->n].fd = reuseport_member_open(g->net->sys, &g->v[p->n]);
		err = p->v[p->n].fd < 0 ? p->v[p->n].fd :
		      is_tcp(p)		? save_least(p, &p->v[p->n]) :
					  save_filter(&p->v[p->n]);
	}
	if (!err)
		err = probe_open(p);
	for (; set_on < p->n && !err; set_on += !err)
		err = !is_tcp(p)		? put_filter(p, &p->v[set_on]) :
		      p->v[set_on].least >= FAR ? 0 :
						  set_hops(p, p->v[set_on].fd, true, FAR);
	if (!err)
		err = probe_all(p);
	for (u32 i = 0; i < p->n; i++) {
		if (i < set_on)
			restore(p, &p->v[i]);
		mem_free(p->v[i].filter);
		if (p->v[i].fd >= 0)
			close(p->v[i].fd);
	}
	if (p->fd >= 0)
		close(p->fd);
	mem_free(p);
	return err;
}

static int learn(struct reuseport_group *g)
{
	struct found *f;
	bool others;
	int err;

	if (!g->bound) {
		int fd = reuseport_member_open(g->net->sys, &g->v[0]);

		if (fd < 0)
			return fd;
		reuseport_look(g, fd);
		close(fd);
		if (!g->bound)
			return -ENOTCONN;
	}
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	err = find_all(g, f);
	if (!err)
		update(g, f, &others);
	mem_free(f);
	if (err)
		return err;
	g->nr_pending = 0;
	if (others || !g->n)
		return others ? -ECHILD : -ENOENT;
	if (g->n > 1 && g->ifindex && g->ifindex != LOOPBACK)
		return -EOPNOTSUPP;
	if (g->n > 1)
		return ask_order(g);
	g->nr_order = 1;
	g->order[0] = g->v[0].cookie;
	return reuseport_install(g);
}

int reuseport_learn(struct reuseport_group *g)
{
	int err;

	for (u32 i = 0; i < g->n && !g->changed; i++)
		g->changed = reuseport_member_gone(&g->v[i]);
	if (!g->changed)
		return g->known ? 0 : -EAGAIN;
	err = learn(g);
	g->known = !err;
	/* Something that passes is tried again. */
	g->changed = err && err != -ECHILD && err != -EOPNOTSUPP && err != -ENOTCONN;
	return g->known ? 0 : -EAGAIN;
}
