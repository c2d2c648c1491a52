/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets of a live link for the programs of the cgroups whose sockets send or get them (Linux:
 * __cgroup_bpf_run_filter_skb() in kernel/bpf/cgroup.c). Behind traffic control on the way in,
 * before it on the way out.
 *
 * Whose socket it is, is asked of the kernel (sock_diag(7)), which finds it as it does for the packet; its
 * cgroup is that of the process that has it open when it is first seen. What was found is remembered for
 * a moment, and for as long as the socket's cookie is the same. A datagram's socket may have been closed
 * meanwhile: then the cgroup is that of who sent from that port last (cgroup_sock.c). DIFF(cgroup-skb)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/inet_diag.h"
#include "event/link_ip.h"
#include "event/supervisor.h"
#include "hook/cgroup.h"
#include "object/cgroup_tree.h"
#include "object/sock.h"
#include "object/watch.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define LEVELS	 16
#define ENTRIES	 1024
#define FRESH_NS 500000000ULL

struct ends {
	u32 protocol, family;
	u32 local[4], remote[4];
	u16 lport, rport; /* network order */
};

struct owner {
	struct ends ends;
	u64 cookie, seen_ns, ino;
	u32 uid, state, n; /* 0 levels: nobody's */
	u64 ids[LEVELS];
};

struct link_owners {
	pthread_mutex_t lock;
	u64 netns; /* cookie of the instance's network */
	struct owner v[ENTRIES];
};

bool link_cgroup_active(const struct links *l, bool ingress)
{
	return l->sys->cgroup_tree && l->diag >= 0 &&
	       cgroup_in_use(l->sys, ingress ? BPF_CGROUP_INET_INGRESS : BPF_CGROUP_INET_EGRESS);
}

/* Addresses and ports of a packet, as the socket in the instance has them. */
static bool ends_of(const struct sk_buff *skb, bool ingress, struct ends *e)
{
	const u8 *net = skb->head + skb->network_header, *end = skb->data_end, *l4;
	const struct iphdr *ip = (const void *)net;
	const struct ip6_hdr *ip6 = (const void *)net;
	u16 ports[2];

	memset(e, 0, sizeof(*e));
	if (skb->protocol == htons(0x0800)) {
		if (net + sizeof(*ip) > end || ntohs(ip->frag_off) & IP_OFFMASK)
			return false;
		e->family = AF_INET;
		e->protocol = ip->protocol;
		memcpy(ingress ? e->remote : e->local, &ip->saddr, 4);
		memcpy(ingress ? e->local : e->remote, &ip->daddr, 4);
		l4 = net + 4u * ip->ihl;
	} else if (skb->protocol == htons(0x86dd)) {
		if (net + sizeof(*ip6) > end)
			return false;
		e->family = AF_INET6;
		e->protocol = ip6->ip6_nxt;
		memcpy(ingress ? e->remote : e->local, &ip6->ip6_src, 16);
		memcpy(ingress ? e->local : e->remote, &ip6->ip6_dst, 16);
		l4 = net + sizeof(*ip6);
	} else {
		return false;
	}
	if ((e->protocol != IPPROTO_TCP && e->protocol != IPPROTO_UDP) || l4 + 4 > end)
		return false;
	memcpy(ports, l4, 4);
	e->lport = ports[ingress];
	e->rport = ports[!ingress];
	return true;
}

/* struct tcp_info of an answer, of which @size bytes can be taken: how many they are. */
static u32 figures_of(const struct nlmsghdr *h, void *info, u32 size)
{
	const u32 head = NLMSG_SPACE(sizeof(struct inet_diag_msg));
	const struct rtattr *a = (const void *)((const char *)h + head);
	int left = (int)h->nlmsg_len - (int)head;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_INFO) {
			size = min_t(u32, size, (u32)RTA_PAYLOAD(a));
			memcpy(info, RTA_DATA(a), size);
			return size;
		}
	return 0;
}

/* 0: the kernel has such a socket. @info, @size: where its struct tcp_info is wanted; how large it is. */
static int ask(struct links *l, const struct ends *e, struct inet_diag_msg *out, void *info,
	       u32 *size)
{
	struct inet_diag_sockid id = { .idiag_sport = e->lport, .idiag_dport = e->rport };
	union inet_diag_answer answer;
	int err;

	memcpy(id.idiag_src, e->local, sizeof(id.idiag_src));
	memcpy(id.idiag_dst, e->remote, sizeof(id.idiag_dst));
	pthread_mutex_lock(&l->diag_lock);
	err = inet_diag_ask(l->diag, e->family, e->protocol, &id,
			    info ? 1 << (INET_DIAG_INFO - 1) : 0, &answer);
	pthread_mutex_unlock(&l->diag_lock);
	if (err)
		return err;
	*out = *inet_diag_msg_of(&answer);
	if (info)
		*size = figures_of(&answer.h, info, *size);
	return 0;
}

int link_ask_tcp(struct links *l, u32 family, const u32 *local, u16 lport, const u32 *remote,
		 u16 rport, struct inet_diag_msg *out, void *info, u32 *size)
{
	struct ends e = {
		.family = family, .protocol = IPPROTO_TCP, .lport = lport, .rport = rport
	};
	u32 bytes = family == AF_INET ? 4 : 16;

	memcpy(e.local, local, bytes);
	memcpy(e.remote, remote, bytes);
	return ask(l, &e, out, info, size);
}

int link_ask_socket(struct links *l, u32 family, u32 protocol, const u32 *local, u16 lport,
		    const u32 *remote, u16 rport, struct inet_diag_msg *out)
{
	struct ends e = { .family = family, .protocol = protocol, .lport = lport, .rport = rport };
	u32 size = family == AF_INET ? 4 : 16;

	memcpy(e.local, local, size);
	memcpy(e.remote, remote, size);
	return ask(l, &e, out, NULL, NULL);
}

/* The storages that it gets go with it: DIFF(storage-life). */
static void watch(struct skep_system *sys, int dir, const char *name)
{
	int fd = READ_ONCE(sys->watches) ? openat(dir, name, O_PATH | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	watch_socket(sys, fd, 0);
	close(fd);
}

static bool has_open(struct skep_system *sys, u32 pid, const char *what)
{
	char path[32], link[64];
	struct dirent *e;
	bool has = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	while (d && !has && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = 0;
		has = !strcmp(link, what);
		if (has)
			watch(sys, dirfd(d), e->d_name);
	}
	if (d)
		closedir(d);
	return has;
}

/* The cgroup of the process that has the socket with this inode open. */
u32 link_cgroup_of_socket(struct links *l, u32 inode, u64 *ids, u32 max)
{
	char what[32];
	u32 pid = 0;

	snprintf(what, sizeof(what), "socket:[%u]", inode);
	while (inode && (pid = cgroup_tree_process(l->sys, pid)))
		if (has_open(l->sys, pid, what))
			return cgroup_tree_chain(l->sys, pid, ids, max);
	return 0;
}

static void find_owner(struct links *l, const struct ends *e, struct owner *o)
{
	u64 now = monotonic_ns(), cookie;
	struct inet_diag_msg m;

	if (!memcmp(&o->ends, e, sizeof(*e)) && o->seen_ns && now - o->seen_ns < FRESH_NS)
		return;
	if (ask(l, e, &m, NULL, NULL)) {
		memset(o, 0, sizeof(*o));
		if (e->protocol == IPPROTO_UDP)
			o->n = cgroup_tree_port_chain(l->sys, ntohs(e->lport), o->ids, LEVELS);
		return; /* not remembered: there may be one soon */
	}
	cookie = (u64)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0];
	if (memcmp(&o->ends, e, sizeof(*e)) || o->cookie != cookie || !o->n) {
		*o = (struct owner){
			.ends = *e, .cookie = cookie, .uid = m.idiag_uid, .ino = m.idiag_inode
		};
		o->n = link_cgroup_of_socket(l, m.idiag_inode, o->ids, LEVELS);
	}
	o->state = m.idiag_state;
	o->seen_ns = now;
}

static void fill_socket(const struct owner *o, const struct ends *e, u64 netns, struct sk_buff *skb,
			struct bpf_rt_sock *sk)
{
	memset(sk, 0, sizeof(*sk));
	sk->u.family = e->family;
	sk->u.protocol = e->protocol;
	sk->u.type = e->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	sk->u.state = o->state ? o->state : BPF_TCP_CLOSE;
	sk->u.rx_queue_mapping = -1;
	sk->u.src_port = ntohs(e->lport);
	sk->u.dst_port = e->rport;
	sk->cookie = o->cookie;
	sk->ino = o->ino;
	sk->netns_cookie = netns;
	sk->uid = o->uid;
	sk->cgroups = o->n ? o->ids : NULL;
	sk->nr_cgroups = o->n;
	skb->family = e->family;
	if (e->family == AF_INET) {
		sk->u.src_ip4 = skb->local_ip4 = e->local[0];
		sk->u.dst_ip4 = skb->remote_ip4 = e->remote[0];
	} else {
		memcpy(sk->u.src_ip6, e->local, 16);
		memcpy(sk->u.dst_ip6, e->remote, 16);
		memcpy(skb->local_ip6, e->local, 16);
		memcpy(skb->remote_ip6, e->remote, 16);
	}
	skb->local_port = ntohs(e->lport);
	skb->remote_port = (u32)e->rport << 16;
	skb->has_sk = 1;
	skb->sk = &sk->u;
	skb->sk_cookie = o->cookie;
	skb->sk_uid = o->uid;
}

/* Who has the socket at these ends; .n 0: nobody. False: no memory. */
static bool owner_of(struct links *l, const struct ends *e, struct owner *o)
{
	u32 at = 0;

	if (!load_acquire(&l->owners)) {
		struct link_owners *new = mem_zalloc(sizeof(*new)), *none = NULL;
		socklen_t size = sizeof(new->netns);

		if (!new)
			return false;
		pthread_mutex_init(&new->lock, NULL);
		getsockopt(l->diag, SOL_SOCKET, SO_NETNS_COOKIE, &new->netns, &size);
		if (!__atomic_compare_exchange_n(&l->owners, &none, new, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			mem_free(new);
	}
	for (u32 i = 0; i < sizeof(*e) / 4; i++)
		at = (at ^ ((const u32 *)e)[i]) * 0x9e3779b1u;
	pthread_mutex_lock(&l->owners->lock);
	find_owner(l, e, &l->owners->v[at >> 22]);
	*o = l->owners->v[at >> 22];
	pthread_mutex_unlock(&l->owners->lock);
	return true;
}

u64 link_skb_cgroup(struct links *l, const struct sk_buff *skb, s32 level)
{
	struct owner o;
	struct ends e;

	/* What has come is nobody's before the stack has it. */
	if (skb->is_ingress || !l->sys->cgroup_tree || l->diag < 0 || !ends_of(skb, false, &e) ||
	    !owner_of(l, &e, &o) || !o.n || level >= (s32)o.n)
		return 0;
	return level < 0 ? o.ids[0] : o.ids[o.n - 1 - (u32)level];
}

/* Whether the programs of its socket's cgroup let the packet pass. */
bool link_cgroup_allows(struct link_way *w, struct sk_buff *skb, bool ingress)
{
	struct cgroup_result result = { .ctx_retval = NULL };
	struct bpf_run run = { .interpret = w->run->interpret };
	struct links *l = w->l;
	struct sk_buff copy = *skb;
	struct bpf_rt_sock sk;
	struct owner o;
	struct ends e;

	if (!ends_of(skb, ingress, &e))
		return true;
	if (w->steer) { /* the socket's view of it */
		memcpy(e.local, w->steer->to, sizeof(e.local));
		e.lport = w->steer->to_port;
		e.rport = w->steer->as_port;
	}
	if (!owner_of(l, &e, &o))
		return false;
	if (!o.n)
		return true;
	fill_socket(&o, &e, l->owners->netns, &copy, &sk);
	copy.len -= (u32)(copy.head + copy.network_header - copy.data);
	copy.data = copy.data_meta = copy.head + copy.network_header;
	copy.l2 = 0;
	return cgroup_run(l->sys, o.ids, o.n,
			  ingress ? BPF_CGROUP_INET_INGRESS : BPF_CGROUP_INET_EGRESS, &copy, &run,
			  0, &result) >= 0;
}

void link_owners_free(struct link_owners *o)
{
	if (!o)
		return;
	pthread_mutex_destroy(&o->lock);
	mem_free(o);
}
