/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of BPF_CGROUP_SOCK_OPS at segments of an instance's connections (Linux: bpf_skops_*() of
 * net/ipv4/tcp_input.c and tcp_output.c). A segment that arrives is told before the stack gets it, one that is sent when
 * it comes to the wire; options that programs add are put into its header there.
 *
 * DIFF(sock-ops): figures are those of the kernel's socket when the segment passes.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link_tcp.h"
#include "event/sock_ops.h"
#include "event/supervisor.h"
#include "object/csum.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define OPT_NOP	     1
#define INITIAL_CWND 10 /* Linux: TCP_INIT_CWND */

/* What a run has: the socket as programs see it, and their context. */
struct ops_run {
	struct bpf_rt_sock_ops ctx;
	struct bpf_rt_sock sk, before;
};

/* ---- the socket ---- */

/* A descriptor of ours of it, to be closed; -errno: we do not know who has it, or may not. */
static int open_sock(const struct tcp_sock_seen *c)
{
	socklen_t len = sizeof(u64);
	u64 cookie = 0;
	int pidfd, fd;

	if (!c->pid || c->fd < 0)
		return -ENOENT;
	pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (pidfd < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, c->fd, 0);
	close(pidfd);
	if (fd < 0)
		return -ENOENT;
	if (!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) && cookie == c->cookie)
		return fd;
	close(fd);
	return -ENOENT;
}

u8 tcp_sock_saves_syn(const struct tcp_sock_seen *c)
{
	int fd = open_sock(c), v = 0;
	socklen_t len = sizeof(v);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &v, &len))
		v = 0;
	close(fd);
	return (u8)v;
}

/* What the kernel says of it now. */
static bool look(struct links *l, struct tcp_sock_seen *c, struct bpf_rt_sock *sk)
{
	const struct tcp_info *figures;
	struct inet_diag_msg m;
	u64 info[64];
	u32 size = sizeof(info);

	if (!link_ask_tcp(l, c->family, c->local, c->lport, c->remote, c->rport, &m, info, &size) &&
	    m.idiag_state != BPF_TCP_LISTEN && m.idiag_state != BPF_TCP_NEW_SYN_RECV && size) {
		sk_figures_of_tcp(sk, info, size);
		sk->tcp.mss_cache += c->lowered;
		c->figures = sk->tcp;
		figures = (const void *)info;
		c->retransmits = figures->tcpi_retransmits;
		c->backoff = figures->tcpi_backoff;
		c->rto = figures->tcpi_rto;
		return true;
	}
	sk->tcp = c->figures;
	return false;
}

/* Whether the kernel has figures of it. */
static bool begin(struct link_way *w, struct tcp_sock_seen *c, u8 state, struct ops_run *r)
{
	struct bpf_rt_sock *sk = &r->sk;
	socklen_t size = sizeof(sk->netns_cookie);
	bool there = false;

	memset(r, 0, sizeof(*r));
	sk->u.family = c->family;
	sk->u.type = SOCK_STREAM;
	sk->u.protocol = IPPROTO_TCP;
	sk->u.rx_queue_mapping = -1;
	sk->u.src_port = ntohs(c->lport);
	sk->u.dst_port = c->rport;
	sk->cookie = c->cookie;
	getsockopt(w->l->diag, SOL_SOCKET, SO_NETNS_COOKIE, &sk->netns_cookie, &size);
	sk->uid = c->uid;
	sk->ino = c->inode ? c->inode : SOCK_INO_MADE_UP | c->cookie;
	sk->cgroups = c->ids;
	sk->nr_cgroups = c->n;
	if (c->family == AF_INET) {
		sk->u.src_ip4 = c->local[0];
		sk->u.dst_ip4 = c->remote[0];
	} else {
		memcpy(sk->u.src_ip6, c->local, 16);
		memcpy(sk->u.dst_ip6, c->remote, 16);
	}
	if (state != BPF_TCP_NEW_SYN_RECV)
		there = look(w->l, c, sk);
	sk->u.state = state;
	sk->tcp.rcv_nxt = c->rcv_nxt;
	sk->tcp.snd_nxt = c->snd_nxt;
	sk->tcp.snd_una = c->snd_una;
	sk->cb_flags = c->cb_flags;
	if (!c->active && (state == BPF_TCP_NEW_SYN_RECV || (c->save_syn && !c->syn_cookie))) {
		bool mac = state == BPF_TCP_NEW_SYN_RECV || c->save_syn == 2;

		r->ctx.syn = mac ? c->syn : c->syn + c->syn_mac;
		r->ctx.syn_mac = mac ? c->syn_mac : 0;
		r->ctx.syn_ip = c->syn_ip;
		r->ctx.syn_tcp = c->syn_tcp;
	}
	if (state != BPF_TCP_NEW_SYN_RECV) {
		int fd = open_sock(c);

		sk->live = fd < 0 ? 0 : fd + 1;
		if (!sk->live && c->later) { /* what was set before */
			memcpy(sk->opt, c->later[1].opt, sizeof(sk->opt));
			sk->opt_set = c->later[1].opt_set;
			memcpy(sk->congestion, c->later[1].congestion, sizeof(sk->congestion));
		}
	}
	r->before = *sk;
	return there;
}

static void end(struct ops_run *r)
{
	if (r->sk.live)
		close(r->sk.live - 1);
}

/* bpf_skops_init_skb(): the segment, of whose header @shown bytes are seen. */
static void show(struct ops_run *r, const struct tcp_seg *s, u32 shown, u32 len)
{
	r->ctx.has_skb = true;
	r->ctx.u.skb_data = s->tcp;
	r->ctx.u.skb_data_end = s->tcp + shown;
	r->ctx.u.skb_len = len;
	r->ctx.u.skb_tcp_flags = s->flags;
}

/* What is to be set on a socket that nobody has yet is set by who accepts it, later. */
static void apply(struct link_way *w, struct tcp_sock_seen *c, struct ops_run *r)
{
	const struct bpf_rt_sock *sk = &r->sk, *old = &r->before;
	struct bpf_rt_sock *later = NULL;
	struct cgroup_sock real;

	if (sk->live) {
		real.fd = sk->live - 1;
		real.sk = *sk;
		real.before = *old;
		cgroup_sock_apply(&real);
	} else if (sk->opt_set != old->opt_set || *sk->congestion ||
		   sk->rto_min_us != old->rto_min_us || sk->delack_max_us != old->delack_max_us) {
		if (!c->later) {
			later = mem_alloc(2 * sizeof(*later));
			if (!later)
				return;
			later[0] = *old;
		}
		link_tcp_keep(w->l, c, later, sk);
	}
}

/* One event. Below 0: a program says no. */
static s32 run(struct link_way *w, struct tcp_sock_seen *c, struct ops_run *r, u32 op)
{
	struct cgroup_result result = { .ctx_retval = NULL };
	struct bpf_run run = { .interpret = w->run->interpret };
	bool full = r->sk.u.state != BPF_TCP_NEW_SYN_RECV;
	s32 ret;

	r->ctx.u.op = op;
	sock_ops_fill(&r->ctx.u, &r->sk, full);
	ret = cgroup_run(w->l->sys, c->ids, c->n, BPF_CGROUP_SOCK_OPS, &r->ctx, &run, 0, &result);
	if (full) {
		if (r->sk.cb_flags != c->cb_flags)
			link_tcp_put_flags(w->l, c, (u8)r->sk.cb_flags);
		apply(w, c, r);
	}
	return ret;
}

s32 tcp_sock_query(struct link_way *w, struct tcp_sock_seen *c, u32 op, bool req)
{
	struct ops_run r;
	s32 ret;

	begin(w, c, req ? BPF_TCP_NEW_SYN_RECV : c->state, &r);
	/* The SYN itself is at hand only for the answer to it; here it is what was kept. */
	if (r.ctx.syn && (op == BPF_SOCK_OPS_RWND_INIT || !c->save_syn)) {
		r.ctx.syn = NULL;
	} else if (r.ctx.syn && c->save_syn == 1 && r.ctx.syn_mac) {
		r.ctx.syn += r.ctx.syn_mac;
		r.ctx.syn_mac = 0;
	}
	ret = run(w, c, &r, op);
	end(&r);
	return ret < 0 ? -1 : (s32)r.ctx.u.reply;
}

/* ---- connections that stand ---- */

/* What the stack will know when it has seen the segment. */
static void estimate(const struct tcp_sock_seen *c, u32 mtu, struct bpf_tcp_sock *tcp)
{
	u32 headers = c->family == PF_IPV6 ? 40 : 20;

	tcp->srtt_us = c->syn_us << 3;
	if (c->syn_us)
		tcp->rtt_min = c->syn_us;
	tcp->snd_cwnd = INITIAL_CWND;
	tcp->mss_cache = min_t(u32, c->peer_mss, mtu - headers - 20) - (c->header - 20u);
	tcp->packets_out = tcp->retrans_out = tcp->lost_out = 0;
	tcp->delivered = 1;
	tcp->snd_ssthresh = 0x7fffffff;
}

static void tell_state(struct link_way *w, struct tcp_sock_seen *c, u8 from, u32 mtu)
{
	struct ops_run r;

	if (!(c->cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG))
		return;
	begin(w, c, from, &r);
	estimate(c, mtu, &r.sk.tcp);
	if (c->active) /* it is made smaller for a moment: tcp_moderate_cwnd() */
		r.sk.tcp.snd_cwnd = 4;
	r.ctx.u.args[0] = from;
	r.ctx.u.args[1] = BPF_TCP_ESTABLISHED;
	run(w, c, &r, BPF_SOCK_OPS_STATE_CB);
	end(&r);
}

void tcp_sock_established(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s, u32 mtu)
{
	struct ops_run r;

	link_tcp_tell(w->l, c, TCP_TOLD_ESTABLISHED);
	if (c->active)
		tell_state(w, c, BPF_TCP_SYN_SENT, mtu);
	begin(w, c, c->active ? BPF_TCP_ESTABLISHED : BPF_TCP_SYN_RECV, &r);
	estimate(c, mtu, &r.sk.tcp);
	show(&r, s, s->hdr, s->hdr + s->len);
	run(w, c, &r,
	    c->active ? BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB : BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB);
	end(&r);
	if (!c->active)
		tell_state(w, c, BPF_TCP_SYN_RECV, mtu);
}

bool tcp_sock_state(struct link_way *w, struct tcp_sock_seen *c, u8 from, u8 to, bool sent)
{
	struct bpf_rt_sock sk = { .cookie = 0 };
	struct ops_run r;
	bool there;

	if (c->told & TCP_TOLD_CLOSE)
		return true;
	if (to == BPF_TCP_CLOSE)
		link_tcp_tell(w->l, c, TCP_TOLD_CLOSE);
	if (!(c->cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG))
		return from != BPF_TCP_FIN_WAIT1 || look(w->l, c, &sk);
	there = begin(w, c, from, &r);
	if (sent && r.sk.tcp.packets_out)
		r.sk.tcp.packets_out--;
	r.ctx.u.args[0] = from;
	r.ctx.u.args[1] = to;
	run(w, c, &r, BPF_SOCK_OPS_STATE_CB);
	end(&r);
	return there;
}

/* ---- times ---- */

void tcp_sock_rtt(struct link_way *w, struct tcp_sock_seen *c, u32 us, u32 n, u32 was_una, u32 mtu)
{
	struct bpf_tcp_sock *tcp;
	struct ops_run r;
	u32 old;

	begin(w, c, c->state, &r);
	tcp = &r.sk.tcp;
	if (c->state == BPF_TCP_SYN_RECV || c->state == BPF_TCP_SYN_SENT) {
		estimate(c, mtu, tcp);
		tcp->srtt_us = tcp->rtt_min = tcp->delivered = 0;
		if (c->active) /* not worked out anew yet */
			tcp->mss_cache += (c->header - 20u) - (c->syn_times ? 12 : 0);
	}
	old = tcp->srtt_us;
	tcp->packets_out -= min_t(u32, tcp->packets_out, n);
	tcp->bytes_acked += c->snd_una - was_una;
	r.ctx.u.args[0] = us;
	r.ctx.u.args[1] = old ? old + us - (old >> 3) : us << 3;
	run(w, c, &r, BPF_SOCK_OPS_RTT_CB);
	end(&r);
}

/* As icsk_rto is: in ticks of the kernel. */
static u32 ticks(u32 us)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || !tick.tv_nsec)
		return us / 1000;
	return (u32)((u64)us * 1000 / (u64)tick.tv_nsec);
}

void tcp_sock_remember(struct link_way *w, struct tcp_sock_seen *c)
{
	struct bpf_rt_sock sk = { .cookie = 0 };

	if (c->cb_flags & (BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG))
		look(w->l, c, &sk);
}

void tcp_sock_timed_out(struct link_way *w, struct tcp_sock_seen *c)
{
	struct bpf_tcp_sock before = c->figures;
	u32 retransmits = c->retransmits, backoff = c->backoff;
	struct ops_run r;

	if (!(c->cb_flags & BPF_SOCK_OPS_RTO_CB_FLAG))
		return;
	begin(w, c, c->state, &r);
	if (c->retransmits > retransmits) {
		r.sk.tcp = r.before.tcp = before; /* as it was then */
		r.sk.tcp.rcv_nxt = c->rcv_nxt;
		r.sk.tcp.snd_nxt = c->snd_nxt;
		r.sk.tcp.snd_una = c->snd_una;
		r.ctx.u.args[0] = c->retransmits - 1;
		r.ctx.u.args[1] = ticks(c->backoff > backoff ? c->rto / 2 : c->rto);
		run(w, c, &r, BPF_SOCK_OPS_RTO_CB);
	}
	end(&r);
}

void tcp_sock_again(struct link_way *w, struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	struct ops_run r;

	if (!(c->cb_flags & BPF_SOCK_OPS_RETRANS_CB_FLAG))
		return;
	begin(w, c, c->state, &r);
	if (r.sk.tcp.retrans_out) /* it is counted when it has gone */
		r.sk.tcp.retrans_out--;
	r.ctx.u.args[0] = s->seq;
	r.ctx.u.args[1] = 1;
	run(w, c, &r, BPF_SOCK_OPS_RETRANS_CB);
	end(&r);
}

/* ---- options ---- */

void tcp_sock_parse(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s)
{
	struct ops_run r;

	begin(w, c, c->state, &r);
	show(&r, s, s->hdr, s->hdr + s->len);
	run(w, c, &r, BPF_SOCK_OPS_PARSE_HDR_OPT_CB);
	end(&r);
}

u32 tcp_sock_room(struct link_way *w, struct tcp_sock_seen *c)
{
	u32 most = TCP_OPTIONS_MAX - (c->header - 20u);
	struct ops_run r;

	if (!(c->cb_flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG))
		return 0;
	begin(w, c, c->state, &r);
	r.ctx.u.args[0] = BPF_WRITE_HDR_TCP_CURRENT_MSS;
	r.ctx.opt_room = most;
	if (run(w, c, &r, BPF_SOCK_OPS_HDR_OPT_LEN_CB) < 0)
		r.ctx.opt_room = most;
	end(&r);
	return round_up(most - r.ctx.opt_room, 4);
}

/* @n bytes behind the options, which move what follows. */
static void widen(struct tcp_seg *s, u32 n)
{
	u8 *at = s->tcp + s->hdr;
	struct sk_buff *skb = s->skb;

	memmove(at + n, at, (size_t)(skb->data_end - at));
	memset(at, OPT_NOP, n);
	skb->data_end += n;
	skb->len += n;
	skb->wire_len += n;
	s->hdr += n;
	s->tcp[12] = (u8)((s->hdr / 4) << 4 | (s->tcp[12] & 15));
}

/* Lengths and checksums of the packet, which is @n bytes longer. */
static void finish(struct tcp_seg *s, u32 n)
{
	u32 size = s->hdr + s->len, pseudo[2] = { htonl(size), htonl(IPPROTO_TCP) }, sum;
	u16 word;

	if (s->family == PF_IPV6) {
		memcpy(&word, s->net + 4, 2);
		word = htons((u16)(ntohs(word) + n));
		memcpy(s->net + 4, &word, 2);
		sum = csum_partial(s->net + 8, 32, 0);
	} else {
		memcpy(&word, s->net + 2, 2);
		word = htons((u16)(ntohs(word) + n));
		memcpy(s->net + 2, &word, 2);
		memset(s->net + 10, 0, 2);
		word = csum_fold(csum_partial(s->net, (s->net[0] & 15) * 4u, 0));
		memcpy(s->net + 10, &word, 2);
		sum = csum_partial(s->net + 12, 8, 0);
	}
	sum = csum_partial(pseudo, sizeof(pseudo), sum);
	memset(s->tcp + 16, 0, 2);
	word = csum_fold(csum_partial(s->tcp, size, sum));
	memcpy(s->tcp + 16, &word, 2);
}

void tcp_sock_write(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s, bool req,
		    u32 mtu)
{
	u32 whole = (u32)(s->tcp - s->net) + s->hdr + s->len,
	    room = TCP_OPTIONS_MAX - (s->hdr - 20);
	u32 arg = req && c->syn_cookie ? BPF_WRITE_HDR_TCP_SYNACK_COOKIE : 0, n;
	u8 state = req ? BPF_TCP_NEW_SYN_RECV : c->state;
	struct ops_run r;

	if (!(c->cb_flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG) || !room)
		return;
	begin(w, c, state, &r);
	/* Linux counts it when it has gone. */
	if (s->seq == c->snd_nxt && (s->len || s->flags & TCP_FIN) && r.sk.tcp.packets_out)
		r.sk.tcp.packets_out--;
	r.ctx.u.args[0] = arg;
	r.ctx.opt_room = room;
	show(&r, s, 0, s->len);
	if (run(w, c, &r, BPF_SOCK_OPS_HDR_OPT_LEN_CB) < 0 || r.ctx.opt_room == room)
		goto out;
	n = round_up(room - r.ctx.opt_room, 4);
	if (whole + n > mtu || s->skb->data_end + n > s->skb->end)
		goto out;
	r.before = r.sk;
	memset(&r.ctx.u.args, 0, sizeof(r.ctx.u.args));
	r.ctx.u.args[0] = arg;
	r.ctx.opt_room = n;
	widen(s, n);
	show(&r, s, s->hdr - n, s->hdr + s->len);
	if (run(w, c, &r, BPF_SOCK_OPS_WRITE_HDR_OPT_CB) < 0)
		memset(s->tcp + s->hdr - n, OPT_NOP, n);
	finish(s, n);
out:
	end(&r);
}
