/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Events of TCP connections for programs of the task's cgroup: BPF_CGROUP_SOCK_OPS (Linux: tcp_call_bpf()
 * and its callers in net/ipv4/tcp*.c), and the release of sockets: BPF_CGROUP_INET_SOCK_RELEASE
 * (inet_release() in net/ipv4/af_inet.c). tcp.c, which follows the states, says when.
 *
 * DIFF(sock-ops): what segments show is told where they pass an instance's wire (link_sock_ops.c); replies that only
 * the kernel's TCP could use are not.
 */
#include "event/sock_ops.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "event/link_tcp.h"
#include "object/cgroup_tree.h"

bool sock_ops_in_use(const struct skep_system *sys)
{
	return cgroup_in_use(sys, BPF_CGROUP_SOCK_OPS);
}

void sock_ops_fill(struct bpf_sock_ops *ctx, struct bpf_rt_sock *sk, bool full)
{
	const struct bpf_tcp_sock *tcp = &sk->tcp;
	const struct bpf_sock *u = &sk->u;

	ctx->family = u->family;
	ctx->remote_ip4 = u->dst_ip4;
	ctx->local_ip4 = u->src_ip4;
	memcpy(ctx->remote_ip6, u->dst_ip6, sizeof(ctx->remote_ip6));
	memcpy(ctx->local_ip6, u->src_ip6, sizeof(ctx->local_ip6));
	ctx->remote_port = (u32)u->dst_port << 16; /* in network order, in the upper half */
	ctx->local_port = u->src_port;		   /* in host order */
	ctx->is_fullsock = full;
	ctx->state = u->state;
	if (!full)
		return;
	ctx->bpf_sock_ops_cb_flags = sk->cb_flags;
	ctx->snd_cwnd = tcp->snd_cwnd;
	ctx->srtt_us = tcp->srtt_us;
	ctx->rtt_min = tcp->rtt_min;
	ctx->snd_ssthresh = tcp->snd_ssthresh;
	ctx->rcv_nxt = tcp->rcv_nxt;
	ctx->snd_nxt = tcp->snd_nxt;
	ctx->snd_una = tcp->snd_una;
	ctx->mss_cache = tcp->mss_cache;
	ctx->ecn_flags = tcp->ecn_flags;
	ctx->rate_delivered = tcp->rate_delivered;
	ctx->rate_interval_us = tcp->rate_interval_us;
	ctx->packets_out = tcp->packets_out;
	ctx->retrans_out = tcp->retrans_out;
	ctx->total_retrans = tcp->total_retrans;
	ctx->segs_in = tcp->segs_in;
	ctx->segs_out = tcp->segs_out;
	ctx->data_segs_in = tcp->data_segs_in;
	ctx->data_segs_out = tcp->data_segs_out;
	ctx->lost_out = tcp->lost_out;
	ctx->sacked_out = tcp->sacked_out;
	ctx->bytes_received = tcp->bytes_received;
	ctx->bytes_acked = tcp->bytes_acked;
	ctx->sk = &sk->u;
}

/* Runs the programs on socket @s, in @state: what they reply. */
static s32 run(struct task *t, struct cgroup_sock *s, struct bpf_rt_sock_ops *ctx, u8 state,
	       u8 *flags)
{
	s32 ret;

	link_tcp_flags(t->sys->links, s->sk.cookie, flags);
	s->sk.cb_flags = *flags;
	s->sk.u.state = state;
	s->before = s->sk;
	sock_ops_fill(&ctx->u, &s->sk, true);
	ret = cgroup_run_task(t, BPF_CGROUP_SOCK_OPS, ctx, 0, NULL);
	*flags = (u8)s->sk.cb_flags;
	link_tcp_set_flags(t->sys->links, s->sk.cookie, *flags);
	cgroup_sock_apply(s);
	return ret < 0 ? -1 : (s32)ctx->u.reply;
}

/* What the wire is to know of a socket that connects or listens as descriptor @fd. */
static void note(struct task *t, const struct cgroup_sock *s, int fd, u8 flags, u32 rwnd)
{
	u64 ids[CGROUP_LEVELS_MAX];
	socklen_t len = sizeof(int);
	int save = 0;
	struct tcp_note n = { .cookie = s->sk.cookie,
			      .ids = ids,
			      .uid = s->sk.uid,
			      .pid = (pid_t)t->bpf.tgid,
			      .fd = fd,
			      .cb_flags = flags,
			      .rwnd = rwnd };

	if (!t->sys->links)
		return;
	n.n = task_cgroups(t, ids, CGROUP_LEVELS_MAX);
	if (!getsockopt(s->fd, IPPROTO_TCP, TCP_SAVE_SYN, &save, &len))
		n.save_syn = (u8)save;
	link_tcp_note(t->sys->links, &n);
}

static bool set_peer(struct bpf_sock *u, const struct sockaddr_storage *to)
{
	const struct sockaddr_in6 *in6 = (const void *)to;
	const struct sockaddr_in *in = (const void *)to;

	if (to->ss_family != u->family)
		return false;
	if (to->ss_family == AF_INET6)
		memcpy(u->dst_ip6, &in6->sin6_addr, 16);
	else
		u->dst_ip4 = in->sin_addr.s_addr;
	u->dst_port = in->sin_port; /* IPv6: at the same place */
	return true;
}

static int open_socket(struct task *t, const struct fd_info *info, struct cgroup_sock *s)
{
	return info->closed ? cgroup_sock_look(t, fcntl(info->own, F_DUPFD_CLOEXEC, 0), s) :
			      cgroup_sock_open(t, info->fd, s);
}

static bool open_tcp(struct task *t, const struct fd_info *info, struct cgroup_sock *s)
{
	if (!cgroup_decides(t, BPF_CGROUP_SOCK_OPS) || open_socket(t, info, s))
		return false;
	if (s->sk.u.protocol == IPPROTO_TCP) {
		set_peer(&s->sk.u, &info->peer); /* which the socket may have forgotten since */
		return true;
	}
	cgroup_sock_close(s);
	return false;
}

/* Options that programs have set when nobody had the socket; from now on it can be had as descriptor @fd. */
static void set_later(struct task *t, struct cgroup_sock *s, int fd)
{
	struct bpf_rt_sock *later;
	u32 level, name;
	bool doubled;

	sock_storage_found(t->sys, s->sk.cookie, s->sk.ino, s->fd);
	later = link_tcp_later(t->sys->links, s->sk.cookie, (pid_t)t->bpf.tgid, fd, (u32)s->sk.ino);
	if (!later)
		return;
	for (u32 i = 0; sk_option(i, &level, &name, &doubled); i++) {
		int v = doubled ? later[1].opt[i] / 2 : later[1].opt[i];

		if (later[1].opt_set >> i & 1)
			setsockopt(s->fd, (int)level, (int)name, &v, sizeof(v));
	}
	if (*later[1].congestion)
		setsockopt(s->fd, IPPROTO_TCP, TCP_CONGESTION, later[1].congestion,
			   (socklen_t)strlen(later[1].congestion));
	s->before = later[0];
	s->sk = later[1];
	cgroup_sock_apply(s);
	mem_free(later);
}

void sock_ops_tell(struct task *t, const struct fd_info *info, u32 op, u8 state, u8 *flags)
{
	struct bpf_rt_sock_ops ctx = { .u.op = op };
	struct cgroup_sock s;

	if (!open_tcp(t, info, &s))
		return;
	if (op != BPF_SOCK_OPS_TCP_LISTEN_CB &&
	    link_tcp_told(t->sys->links, s.sk.cookie, TCP_TOLD_ESTABLISHED)) {
		link_tcp_flags(t->sys->links, s.sk.cookie, flags);
		set_later(t, &s, info->fd);
	} else {
		run(t, &s, &ctx, state, flags);
		if (op == BPF_SOCK_OPS_TCP_LISTEN_CB)
			note(t, &s, info->fd, *flags, 0);
	}
	cgroup_sock_close(&s);
}

/* That it connects has been told by then, of who had asked for it. */
void sock_ops_state(struct task *t, const struct fd_info *info, u8 from, u8 to, u8 *flags)
{
	struct bpf_rt_sock_ops ctx = { .u = { .op = BPF_SOCK_OPS_STATE_CB, .args = { from, to } } };
	struct cgroup_sock s;

	link_tcp_flags(t->sys->links, info->cookie, flags);
	if (!(*flags & BPF_SOCK_OPS_STATE_CB_FLAG) || to == BPF_TCP_SYN_SENT ||
	    link_tcp_follows(t->sys->links, info->cookie, from, to, info->state) ||
	    !open_tcp(t, info, &s))
		return;
	run(t, &s, &ctx, from, flags);
	cgroup_sock_close(&s);
}

/* What tcp_connect() asks: the window that it has room for at first, in segments; 0: nobody says. */
static u32 begins(struct task *t, struct cgroup_sock *s, u8 *flags)
{
	static const u32 questions[] = { BPF_SOCK_OPS_RWND_INIT, BPF_SOCK_OPS_TIMEOUT_INIT,
					 BPF_SOCK_OPS_NEEDS_ECN };
	u32 rwnd = 0;

	for (u32 i = 0; i < ARRAY_SIZE(questions); i++) {
		struct bpf_rt_sock_ops ctx = { .u.op = questions[i] };
		s32 reply;

		s->sk.tcp.mss_cache = 536 - 12; /* before anything is known, with time stamps */
		s->sk.tcp.packets_out = questions[i] == BPF_SOCK_OPS_NEEDS_ECN;
		reply = run(t, s, &ctx, BPF_TCP_SYN_SENT, flags);
		if (questions[i] == BPF_SOCK_OPS_RWND_INIT && reply > 0)
			rwnd = (u32)reply;
	}
	return rwnd;
}

void sock_ops_connect(struct task *t, int fd, struct cgroup_sock *s,
		      const struct sockaddr_storage *to)
{
	struct bpf_rt_sock_ops ctx = { .u.op = BPF_SOCK_OPS_TCP_CONNECT_CB };
	struct bpf_rt_sock_ops state = { .u = { .op = BPF_SOCK_OPS_STATE_CB,
						.args = { BPF_TCP_CLOSE, BPF_TCP_SYN_SENT } } };
	struct bpf_sock was = s->sk.u;
	u8 none = 0, *flags;

	if (!cgroup_decides(t, BPF_CGROUP_SOCK_OPS) || was.protocol != IPPROTO_TCP ||
	    was.state != BPF_TCP_CLOSE || world_start(t->sys))
		return;
	flags = world_sock_flags(t->sys, world_sock(t, fd));
	if (!flags)
		flags = &none;
	if (set_peer(&s->sk.u, to)) {
		if (*flags & BPF_SOCK_OPS_STATE_CB_FLAG)
			run(t, s, &state, BPF_TCP_CLOSE, flags);
		sock_port_choose(t, s, to);
		run(t, s, &ctx, BPF_TCP_SYN_SENT, flags);
		note(t, s, fd, *flags, begins(t, s, flags));
	}
	s->sk.u = s->before.u = was;
}

void sock_release_tell(struct task *t, const struct fd_info *info)
{
	struct cgroup_sock s;

	if (!cgroup_decides(t, BPF_CGROUP_INET_SOCK_RELEASE) || open_socket(t, info, &s))
		return;
	if (s.sk.u.family == AF_INET || s.sk.u.family == AF_INET6)
		cgroup_run_task(t, BPF_CGROUP_INET_SOCK_RELEASE, &s.sk, 0, NULL);
	cgroup_sock_close(&s);
}
