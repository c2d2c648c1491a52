/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs do to real sockets: options (Linux: __bpf_setsockopt() and _getsockopt() in
 * net/core/filter.c), bpf_bind(). A socket of kernel types is reached by a copy of its owner's descriptor;
 * whose option it is has been made sure by sock_option_check().
 *
 * DIFF(sockopt-real): the kernel lets us do what it lets a process do that has our rights.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "object/sock.h"
#include "object/task.h"
#include "world/fill.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US 45
#endif
#ifndef TCP_DELACK_MAX_US
#define TCP_DELACK_MAX_US 46
#endif

/* Makes calls as the task that the program runs for, if there is one. 0 or -errno; as_self() if 0. */
static int as_task(struct world *w, const struct bpf_run *run)
{
	return run->task && w->sys->supervisor_as_task ?
		       w->sys->supervisor_as_task(container_of(run->task, struct task, bpf)) :
		       0;
}

static void as_self(struct world *w, const struct bpf_run *run)
{
	if (run->task && w->sys->supervisor_as_task)
		w->sys->supervisor_as_self(container_of(run->task, struct task, bpf));
}

static long set(struct world *w, const struct bpf_run *run, int fd, const struct sock_option *o)
{
	bool congestion = o->level == SOL_TCP && o->name == TCP_CONGESTION;
	/* What Linux asks the task's capabilities for; for the rest a program needs none. */
	bool device = o->level == SOL_SOCKET &&
		      (o->name == SO_BINDTODEVICE || o->name == SO_BINDTOIFINDEX);
	const void *value = o->value;
	char name[16] = ""; /* TCP_CA_NAME_MAX */
	u32 len = o->len;
	long err;

	if (congestion) {
		memcpy(name, value, min_t(u32, len, sizeof(name) - 1));
		value = name;
		len = (u32)strlen(name);
	}
	err = device ? as_task(w, run) : 0;
	if (err)
		return err;
	err = setsockopt(fd, (int)o->level, (int)o->name, value, len) ? -errno : 0;
	if (device)
		as_self(w, run);
	return err;
}

static long get(int fd, const struct sock_option *o)
{
	bool text = o->level == SOL_TCP && o->name == TCP_CONGESTION;
	socklen_t len = o->len - text; /* a NUL is behind it */

	memset(o->value, 0, o->len);
	return getsockopt(fd, (int)o->level, (int)o->name, o->value, &len) ? -errno : 0;
}

/* Those of BPF alone, of a socket that is not the context's. */
static long tcp_bpf(struct world *w, const struct bpf_run *run, struct wsock *s, int fd,
		    const struct sock_option *o)
{
	struct sock_option times = *o;
	s32 v = 0;

	if (o->len != sizeof(v))
		return -EINVAL;
	if (o->name == TCP_BPF_SOCK_OPS_CB_FLAGS && !o->set) {
		v = s->flags;
		memcpy(o->value, &v, sizeof(v));
		return 0;
	}
	if (!o->set)
		return -EINVAL;
	memcpy(&v, o->value, sizeof(v));
	switch (o->name) {
	case TCP_BPF_SOCK_OPS_CB_FLAGS:
		if (v & ~BPF_SOCK_OPS_ALL_CB_FLAGS)
			return -EINVAL;
		s->flags = (u8)v;
		return 0;
	case TCP_BPF_DELACK_MAX: /* in microseconds: at least a tick, at most 200 ms */
	case TCP_BPF_RTO_MIN:
		if (v <= 4000 || v > 200000)
			return -EINVAL;
		times.name = o->name == TCP_BPF_RTO_MIN ? TCP_RTO_MIN_US : TCP_DELACK_MAX_US;
		return set(w, run, fd, &times);
	case TCP_BPF_IW:
	case TCP_BPF_SNDCWND_CLAMP:
		return v <= 0 ? -EINVAL : -EOPNOTSUPP;
	}
	return -EINVAL;
}

static long kernel_sock(struct world *w, const struct bpf_run *run, u64 sk,
			const struct sock_option *o)
{
	struct wobj *at = world_at(w, sk);
	struct wsock *s = at && at->addr == sk && at->state != WOBJ_FREE ? at->priv : NULL;
	long err;
	int fd;

	if (!s || s->sk != sk)
		return -EOPNOTSUPP; /* of a test run, which nobody has */
	if (o->level == SOL_TCP && o->name >= TCP_BPF_IW) {
		if (s->protocol != IPPROTO_TCP)
			return -EINVAL;
	} else {
		err = sock_option_check((u32)s->family, (u32)s->type, (u32)s->protocol, o);
		if (err)
			return err;
	}
	fd = sock_open(w, &s->at);
	if (fd < 0)
		return -EOPNOTSUPP; /* its owner has closed it */
	err = o->level == SOL_TCP && o->name >= TCP_BPF_IW ? tcp_bpf(w, run, s, fd, o) :
	      o->set					   ? set(w, run, fd, o) :
							     get(fd, o);
	close(fd);
	if (o->set)
		at->filled = 0; /* other fields may have changed with it */
	return err;
}

long world_sock_option(struct world *w, struct bpf_run *run, u64 sk, int fd,
		       const struct sock_option *o)
{
	return sk ? kernel_sock(w, run, sk, o) : o->set ? set(w, run, fd, o) : get(fd, o);
}

long world_sock_bind(struct world *w, struct bpf_run *run, struct bpf_rt_sock *sk, const void *addr,
		     u32 len)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { 0 };
	socklen_t size = sizeof(a);
	int fd = sk->live - 1, one = 1, before = 0;
	long err;

	memcpy(&a, addr, min_t(u32, len, sizeof(a)));
	len = min_t(u32, len, sizeof(a));
	if (a.any.sa_family == AF_INET && sk->u.family == AF_INET6) {
		mapped.sin6_port = a.in.sin_port;
		memset(&mapped.sin6_addr.s6_addr[10], 0xff, 2);
		memcpy(&mapped.sin6_addr.s6_addr[12], &a.in.sin_addr, 4);
		a.in6 = mapped;
		len = sizeof(mapped);
	}
	if (!a.in.sin_port) { /* the connection chooses it; IPv6: at the same place */
		getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, &size);
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	}
	err = as_task(w, run);
	if (!err) {
		err = bind(fd, &a.any, (socklen_t)len) ? -errno : 0;
		as_self(w, run);
	}
	if (!a.in.sin_port)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, sizeof(before));
	size = sizeof(a);
	if (err || getsockname(fd, &a.any, &size))
		return err;
	sk->u.src_port = ntohs(a.in.sin_port);
	if (a.any.sa_family == AF_INET)
		sk->u.src_ip4 = a.in.sin_addr.s_addr;
	else
		memcpy(sk->u.src_ip6, &a.in6.sin6_addr, 16);
	return 0;
}
