/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets of the network namespace that we are in, for bpf_sk_lookup_tcp() and its kin (Linux:
 * net/core/filter.c, __bpf_skc_lookup()). The kernel is asked by sock_diag(7), which looks a
 * tuple up as it does for a packet; nobody needs a privilege for that. What comes back is a
 * copy: DIFF(sk-lookup-copy).
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "object/psock.h"
#include "object/sock.h"
#include "world/internal.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define LOOPBACK 1
#define FIGURES	 (1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_TCLASS - 1))
#define HELD	 64 /* sockets that all running programs together can hold */

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

struct sk_lookups {
	struct bpf_rt_sock held[HELD];
	u32 slot[HELD];		   /* of the run that holds it */
	struct bpf_rt_sock newest; /* what the newest answer says beside addresses */
};

/* One that nobody holds any more, for a run on @slot; NULL: none. */
static struct bpf_rt_sock *unheld(struct world *w, u32 slot)
{
	if (!w->sk_lookups)
		w->sk_lookups = mem_zalloc(sizeof(*w->sk_lookups));
	for (u32 i = 0; w->sk_lookups && i < HELD; i++)
		if (!__atomic_load_n(&w->sk_lookups->held[i].refs, __ATOMIC_ACQUIRE)) {
			w->sk_lookups->slot[i] = slot;
			return &w->sk_lookups->held[i];
		}
	return NULL;
}

u64 world_sk_held(struct world *w, u64 sk, u32 slot)
{
	struct wobj *o = world_at(w, sk);

	if (!o || o->addr != sk || o->state == WOBJ_FREE || !w->sk_lookups)
		return 0;
	for (u32 i = 0; i < HELD; i++) {
		struct bpf_rt_sock *held = &w->sk_lookups->held[i];

		if (w->sk_lookups->slot[i] == slot && held->ino == o->key[0] &&
		    __atomic_load_n(&held->refs, __ATOMIC_ACQUIRE))
			return (u64)(uintptr_t)held;
	}
	return 0;
}

void sk_lookups_stop(struct world *w)
{
	mem_free(w->sk_lookups);
	w->sk_lookups = NULL;
}

/* A socket to ask, in the network of the system's processes; diag_close()d. */
static int diag_open(const struct world *w)
{
	return w->sys->net_diag ?: socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

static void diag_close(const struct world *w, int fd)
{
	if (fd != w->sys->net_diag)
		close(fd);
}

/* Cookie of the network that we ask in. */
static u64 netns_cookie(int fd)
{
	u64 cookie;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) ? 0 : cookie;
}

/* Whom the kernel would give a packet of @tuple. 0 or -errno. */
static int ask(const struct world *w, const struct request *req, struct inet_diag_msg *out,
	       u64 *netns)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	union {
		struct nlmsghdr h;
		char bytes[8192];
	} answer;
	int fd = diag_open(w);
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (fd == w->sys->net_diag && recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) > 0)
		; /* what nobody has waited for */
	if (sendto(fd, req, sizeof(*req), 0, (struct sockaddr *)&kernel, sizeof(kernel)) > 0)
		n = recv(fd, &answer, sizeof(answer), 0);
	*netns = netns_cookie(fd);
	diag_close(w, fd);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*out)) || answer.h.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -ENOENT;
	memcpy(out, NLMSG_DATA(&answer.h), sizeof(*out));
	memset(&w->sk_lookups->newest, 0, sizeof(w->sk_lookups->newest));
	w->sk_lookups->newest.u.protocol = req->r.sdiag_protocol;
	sk_figures(w, &w->sk_lookups->newest, &answer.h);
	return 0;
}

static void fill(struct bpf_rt_sock *sk, const struct inet_diag_msg *m, u32 protocol)
{
	memset(sk, 0, sizeof(*sk));
	sk->u.family = m->idiag_family;
	sk->u.type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	sk->u.protocol = protocol;
	sk->u.state = m->idiag_state;
	sk->u.bound_dev_if = m->id.idiag_if;
	sk->u.src_port = ntohs(m->id.idiag_sport);
	sk->u.dst_port = m->id.idiag_dport;
	sk->u.rx_queue_mapping = -1;
	if (m->idiag_family == AF_INET) {
		sk->u.src_ip4 = m->id.idiag_src[0];
		sk->u.dst_ip4 = m->id.idiag_dst[0];
	} else {
		memcpy(sk->u.src_ip6, m->id.idiag_src, 16);
		memcpy(sk->u.dst_ip6, m->id.idiag_dst, 16);
	}
	sk->uid = m->idiag_uid;
	sk->ino = m->idiag_inode;
	sk->cookie = (u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
}

u64 world_sk_lookup(struct world *w, u32 protocol, const struct bpf_sock_tuple *tuple, u32 len,
		    u32 slot)
{
	struct request req = {
		.h = { .nlmsg_len = sizeof(req),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .sdiag_protocol = (u8)protocol,
		       .idiag_ext = FIGURES,
		       .idiag_states = ~0U,
		       .id = { .idiag_if = LOOPBACK,
			       .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};
	struct inet_diag_sockid *id = &req.r.id;
	struct bpf_rt_sock *sk = unheld(w, slot);
	struct inet_diag_msg m;
	u64 netns;
	u32 from[4] = { 0 }, to[4] = { 0 };
	u16 sport, dport;
	/* The kernel's answers for UDP have the ends the other way round, for historical reasons. */
	bool swapped = protocol == IPPROTO_UDP;

	if (!sk)
		return 0;
	if (len == sizeof(tuple->ipv4)) {
		req.r.sdiag_family = AF_INET;
		from[0] = tuple->ipv4.saddr;
		to[0] = tuple->ipv4.daddr;
		sport = tuple->ipv4.sport;
		dport = tuple->ipv4.dport;
	} else {
		req.r.sdiag_family = AF_INET6;
		memcpy(from, tuple->ipv6.saddr, 16);
		memcpy(to, tuple->ipv6.daddr, 16);
		sport = tuple->ipv6.sport;
		dport = tuple->ipv6.dport;
	}
	memcpy(id->idiag_src, swapped ? from : to, 16);
	memcpy(id->idiag_dst, swapped ? to : from, 16);
	id->idiag_sport = swapped ? sport : dport;
	id->idiag_dport = swapped ? dport : sport;
	if (ask(w, &req, &m, &netns))
		return 0;
	fill(sk, &m, protocol);
	sk->netns_cookie = netns;
	sk->tcp = w->sk_lookups->newest.tcp;
	sk->u.mark = w->sk_lookups->newest.u.mark;
	sk->classid = w->sk_lookups->newest.classid;
	sk->cgroup = w->sk_lookups->newest.cgroup;
	__atomic_store_n(&sk->refs, 1, __ATOMIC_RELEASE);
	return (u64)(uintptr_t)sk;
}

/* ---- by cookie: the kernel tells all, we compare ---- */

static bool cookie_is(const u32 halves[2], u64 cookie)
{
	return halves[0] == (u32)cookie && halves[1] == (u32)(cookie >> 32);
}

/* Whether @h is the socket: then @sk is filled. */
static bool take_if(const struct nlmsghdr *h, u64 cookie, u32 protocol, struct bpf_rt_sock *sk)
{
	const struct inet_diag_msg *inet = NLMSG_DATA(h);
	const struct unix_diag_msg *local = NLMSG_DATA(h);

	if (!protocol) {
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*local)) ||
		    !cookie_is(local->udiag_cookie, cookie))
			return false;
		memset(sk, 0, sizeof(*sk));
		sk->u.family = AF_UNIX;
		sk->u.type = local->udiag_type;
		sk->u.state = local->udiag_state;
		sk->u.rx_queue_mapping = -1;
		sk->cookie = cookie;
		sk->ino = local->udiag_ino;
		return true;
	}
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*inet)) || !cookie_is(inet->id.idiag_cookie, cookie))
		return false;
	fill(sk, inet, protocol);
	sk_figures(NULL, sk, h);
	return true;
}

static bool dump(int fd, const void *req, size_t size, u64 cookie, u32 protocol,
		 struct bpf_rt_sock *sk)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	union {
		struct nlmsghdr h;
		char bytes[16384];
	} answer;
	bool found = false;

	if (sendto(fd, req, size, 0, (struct sockaddr *)&kernel, sizeof(kernel)) <= 0)
		return false;
	for (;;) {
		ssize_t n = recv(fd, &answer, sizeof(answer), 0);

		if (n <= 0)
			return found;
		for (struct nlmsghdr *h = &answer.h; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return found; /* the rest has been read, for the next request */
			found = found || take_if(h, cookie, protocol, sk);
		}
	}
}

static bool find(int fd, u64 cookie, struct bpf_rt_sock *sk)
{
	static const u8 kinds[][2] = { { AF_INET, IPPROTO_TCP },
				       { AF_INET6, IPPROTO_TCP },
				       { AF_INET, IPPROTO_UDP },
				       { AF_INET6, IPPROTO_UDP } };
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} local = { .h = { .nlmsg_len = sizeof(local),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		    .r = { .sdiag_family = AF_UNIX, .udiag_states = ~0U } };

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct request req = {
			.h = { .nlmsg_len = sizeof(req),
			       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
			.r = { .idiag_ext = FIGURES,
			       .sdiag_family = kinds[i][0],
			       .sdiag_protocol = kinds[i][1],
			       .idiag_states = ~0U },
		};

		if (dump(fd, &req, sizeof(req), cookie, kinds[i][1], sk))
			return true;
	}
	return dump(fd, &local, sizeof(local), cookie, 0, sk);
}

u64 world_sk_by_cookie(struct world *w, u64 cookie, u32 slot)
{
	struct bpf_rt_sock *sk = cookie ? unheld(w, slot) : NULL;
	bool found;
	int fd;

	if (!sk)
		return 0;
	if (psocks_ask(w->sys, cookie, sk)) {
		__atomic_store_n(&sk->refs, 1, __ATOMIC_RELEASE);
		return (u64)(uintptr_t)sk;
	}
	fd = diag_open(w);
	if (fd < 0)
		return 0;
	found = find(fd, cookie, sk);
	sk->netns_cookie = netns_cookie(fd);
	diag_close(w, fd);
	if (!found)
		return 0;
	__atomic_store_n(&sk->refs, 1, __ATOMIC_RELEASE);
	return (u64)(uintptr_t)sk;
}
