/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See cgroup_run.h. What a program sees of a socket is asked of the socket itself, and what it
 * sets is set there when it has run.
 */
#include "event/cgroup_run.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/decide.h"
#include "world/world.h"
#include "object/cgroup_tree.h"

#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US 45
#endif
#ifndef TCP_DELACK_MAX_US
#define TCP_DELACK_MAX_US 46
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

bool cgroup_decides(struct task *t, u32 attach_type)
{
	u64 ids[CGROUP_LEVELS_MAX];

	return cgroup_in_use(t->sys, attach_type) &&
	       cgroup_effective(t->sys, ids, task_cgroups(t, ids, CGROUP_LEVELS_MAX), attach_type,
				0);
}

s32 cgroup_run_task(struct task *t, u32 attach_type, void *ctx, s32 retval,
		    struct cgroup_result *result)
{
	struct cgroup_result unused = { .ctx_retval = NULL };
	struct bpf_run run = { .task = &t->bpf };
	u64 ids[CGROUP_LEVELS_MAX];
	u32 n = task_cgroups(t, ids, CGROUP_LEVELS_MAX);

	return cgroup_run(t->sys, ids, n, attach_type, ctx, &run, retval,
			  result ? result : &unused);
}

/* ---- sockets ---- */

static int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	return getsockopt(fd, level, name, &v, &len) ? 0 : v;
}

static u64 get_u64(int fd, int level, int name)
{
	socklen_t len = sizeof(u64);
	u64 v = 0;

	return getsockopt(fd, level, name, &v, &len) ? 0 : v;
}

static void get_state(struct cgroup_sock *s, bool connected)
{
	u8 info[512]; /* struct tcp_info, which grows */
	socklen_t len = sizeof(info);
	struct bpf_rt_sock *sk = &s->sk;

	sk->u.state = connected ? BPF_TCP_ESTABLISHED : BPF_TCP_CLOSE;
	if (sk->u.protocol != IPPROTO_TCP || getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, info, &len))
		return;
	sk_figures_of_tcp(sk, info, len);
}

int cgroup_sock_open(struct task *t, int fd, struct cgroup_sock *s)
{
	int err = cgroup_sock_look(t, decide_take_fd(t, fd), s);

	s->number = s->sk.number = s->before.number = fd;
	return err;
}

int cgroup_sock_look(struct task *t, int fd, struct cgroup_sock *s)
{
	struct sockaddr_storage a;
	struct bpf_rt_sock *sk = &s->sk;
	const struct sockaddr_in *in = (const void *)&a;
	const struct sockaddr_in6 *in6 = (const void *)&a;
	socklen_t len = sizeof(a);
	struct stat st;
	bool connected;

	memset(s, 0, sizeof(*s));
	s->number = -1;
	s->fd = fd;
	if (s->fd < 0)
		return s->fd;
	memset(&a, 0, sizeof(a));
	if (getsockname(s->fd, (struct sockaddr *)&a, &len)) {
		int err = -errno;

		close(s->fd);
		s->fd = -1;
		return err;
	}
	sk->u.family = (u32)get_int(s->fd, SOL_SOCKET, SO_DOMAIN);
	sk->u.type = (u32)get_int(s->fd, SOL_SOCKET, SO_TYPE);
	sk->u.protocol = (u32)get_int(s->fd, SOL_SOCKET, SO_PROTOCOL);
	sk->u.mark = (u32)get_int(s->fd, SOL_SOCKET, SO_MARK);
	sk->u.priority = (u32)get_int(s->fd, SOL_SOCKET, SO_PRIORITY);
	sk->u.bound_dev_if = (u32)get_int(s->fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	sk->u.rx_queue_mapping = -1;
	sk->cookie = get_u64(s->fd, SOL_SOCKET, SO_COOKIE);
	sk->netns_cookie = get_u64(s->fd, SOL_SOCKET, SO_NETNS_COOKIE);
	sk->reuseport = (u8)get_int(s->fd, SOL_SOCKET, SO_REUSEPORT);
	if (t)
		sk->uid = (u32)t->bpf.ops->uid_gid(&t->bpf);
	if (a.ss_family == AF_INET) {
		sk->u.src_ip4 = in->sin_addr.s_addr;
		sk->u.src_port = ntohs(in->sin_port);
	} else if (a.ss_family == AF_INET6) {
		memcpy(sk->u.src_ip6, &in6->sin6_addr, 16);
		sk->u.src_port = ntohs(in6->sin6_port);
	}
	len = sizeof(a);
	memset(&a, 0, sizeof(a));
	connected = !getpeername(s->fd, (struct sockaddr *)&a, &len);
	if (connected && a.ss_family == AF_INET) {
		sk->u.dst_ip4 = in->sin_addr.s_addr;
		sk->u.dst_port = in->sin_port;
	} else if (connected && a.ss_family == AF_INET6) {
		memcpy(sk->u.dst_ip6, &in6->sin6_addr, 16);
		sk->u.dst_port = in6->sin6_port;
	}
	get_state(s, connected);
	sk->live = s->fd + 1;
	sk->number = s->number;
	if (!fstat(s->fd, &st))
		sk->ino = st.st_ino;
	s->before = s->sk;
	return 0;
}

void cgroup_sock_apply(struct cgroup_sock *s)
{
	const struct bpf_rt_sock *sk = &s->sk, *old = &s->before;
	int v;

	if (!memcmp(sk, old, sizeof(*sk)))
		return;
	/* What the kernel takes from processes, too, since 6.15. */
	if (sk->rto_min_us != old->rto_min_us && (v = (int)sk->rto_min_us, true))
		setsockopt(s->fd, IPPROTO_TCP, TCP_RTO_MIN_US, &v, sizeof(v));
	if (sk->delack_max_us != old->delack_max_us && (v = (int)sk->delack_max_us, true))
		setsockopt(s->fd, IPPROTO_TCP, TCP_DELACK_MAX_US, &v, sizeof(v));
	s->before = s->sk;
}

void cgroup_sock_close(struct cgroup_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->sk.live = 0;
}
