/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See cgroup_addr.h (Linux: __cgroup_bpf_run_filter_sock_addr() in kernel/bpf/cgroup.c). */
#include "event/cgroup_addr.h"

#include <errno.h>
#include <string.h>

#include "event/lsm.h"

static const u8 attach_types[VERBS][3] = {
	[BIND] = { BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND },
	[CONNECT] = { BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UNIX_CONNECT },
	[SENDMSG] = { BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UNIX_SENDMSG },
	[RECVMSG] = { BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_UNIX_RECVMSG },
	[GETPEERNAME] = { BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME,
			  BPF_CGROUP_UNIX_GETPEERNAME },
	[GETSOCKNAME] = { BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_INET6_GETSOCKNAME,
			  BPF_CGROUP_UNIX_GETSOCKNAME },
};

bool sock_addr_in_use(struct skep_system *sys, enum verb v)
{
	return cgroup_in_use(sys, attach_types[v][0]) || cgroup_in_use(sys, attach_types[v][1]) ||
	       (attach_types[v][UNIX] && cgroup_in_use(sys, attach_types[v][UNIX]));
}

bool sock_addr_decides(struct task *t, enum verb v)
{
	return cgroup_decides(t, attach_types[v][0]) || cgroup_decides(t, attach_types[v][1]) ||
	       (attach_types[v][UNIX] && cgroup_decides(t, attach_types[v][UNIX]));
}

s32 sock_addr_run(struct task *t, struct cgroup_sock *s, enum verb verb, u32 which,
		  union address *a, u32 *len, struct bpf_sock_addr *ctx, u32 *flags)
{
	struct bpf_rt_sock_addr rt = { .fd = s->number, .uaddrlen = *len };
	struct cgroup_result result = { .ctx_retval = NULL };
	s32 ret;

	_Static_assert(sizeof(*a) <= sizeof(rt.uaddr), "an address of any family");
	memcpy(rt.uaddr, a, sizeof(*a));
	ctx->user_family = a->any.ss_family;
	ctx->family = s->sk.u.family;
	ctx->type = s->sk.u.type;
	ctx->protocol = s->sk.u.protocol;
	ctx->sk = &s->sk.u;
	if (which == SIX) {
		memcpy(ctx->user_ip6, &a->in6.sin6_addr, 16);
		ctx->user_port = a->in6.sin6_port;
	} else if (which != UNIX) {
		ctx->user_ip4 = a->in.sin_addr.s_addr;
		ctx->user_port = a->in.sin_port;
	}
	rt.u = *ctx;
	ret = cgroup_run_task(t, attach_types[verb][which], &rt, 0, &result);
	*ctx = rt.u;
	if (which == UNIX) {
		memcpy(a, rt.uaddr, sizeof(*a));
		*len = rt.uaddrlen;
	} else if (which == SIX) {
		memcpy(&a->in6.sin6_addr, ctx->user_ip6, 16);
		a->in6.sin6_port = (u16)ctx->user_port;
	} else {
		a->in.sin_addr.s_addr = ctx->user_ip4;
		a->in.sin_port = (u16)ctx->user_port;
	}
	if (flags)
		*flags = result.flags;
	return ret;
}

bool sock_addr_open(struct task *t, int fd, struct cgroup_sock *s)
{
	int err = cgroup_sock_open(t, fd, s);

	if (err == -EPERM || err == -EMFILE || err == -ENFILE) {
		t->call.skip = true;
		t->call.ret = -EPERM;
	}
	return !err;
}

bool sock_addr_read(struct task *t, u64 at, u64 len, union address *a)
{
	memset(a, 0, sizeof(*a));
	if ((int)len < 0 || len > sizeof(*a))
		return false;
	return lsm_asked_address(t, a, len) || !task_read(t, a, at, len);
}
