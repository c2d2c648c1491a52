/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What sock_diag(7) tells of a socket beside its addresses: the figures of a connection, its mark, class
 * and cgroup (Linux: inet_sk_diag_fill() in net/ipv4/inet_diag.c), as programs see them.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "object/sock.h"
#include "world/internal.h"

#ifndef INET_DIAG_CGROUP_ID
#define INET_DIAG_CGROUP_ID 21 /* Linux 5.8 */
#endif

void sk_figures_of_tcp(struct bpf_rt_sock *sk, const void *info, u32 size)
{
	struct bpf_tcp_sock *t = &sk->tcp;
	struct tcp_info all, *i = &all;

	memset(&all, 0, sizeof(all));
	memcpy(&all, info, min_t(u32, size, sizeof(all)));
	sk->u.state = i->tcpi_state;
	if (sk->u.state == BPF_TCP_LISTEN) {
		/* The same words tell of its backlog; it is as tcp_init_sock() has made it. */
		t->snd_cwnd = 10;
		t->snd_ssthresh = 0x7fffffff;
		t->mss_cache = 536;
		return;
	}
	t->snd_cwnd = i->tcpi_snd_cwnd;
	t->srtt_us = i->tcpi_rtt << 3;
	t->rtt_min = i->tcpi_min_rtt;
	t->snd_ssthresh = i->tcpi_snd_ssthresh;
	t->mss_cache = i->tcpi_snd_mss;
	t->packets_out = i->tcpi_unacked;
	t->retrans_out = i->tcpi_retrans;
	t->total_retrans = i->tcpi_total_retrans;
	t->segs_in = i->tcpi_segs_in;
	t->segs_out = i->tcpi_segs_out;
	t->data_segs_in = i->tcpi_data_segs_in;
	t->data_segs_out = i->tcpi_data_segs_out;
	t->lost_out = i->tcpi_lost;
	t->sacked_out = i->tcpi_sacked;
	t->bytes_received = i->tcpi_bytes_received;
	t->bytes_acked = i->tcpi_bytes_acked;
	t->dsack_dups = i->tcpi_dsack_dups;
	t->delivered = i->tcpi_delivered;
	t->delivered_ce = i->tcpi_delivered_ce;
}

void sk_figures(const struct world *w, struct bpf_rt_sock *sk, const struct nlmsghdr *h)
{
	const u32 head = NLMSG_SPACE(sizeof(struct inet_diag_msg));
	const struct rtattr *a = (const void *)((const char *)h + head);
	int left = (int)h->nlmsg_len - (int)head;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		u32 n = (u32)RTA_PAYLOAD(a);

		switch (a->rta_type) {
		case INET_DIAG_INFO:
			if (sk->u.protocol == IPPROTO_TCP)
				sk_figures_of_tcp(sk, RTA_DATA(a), n);
			break;
		case INET_DIAG_MARK: /* told to who may set it */
			if (n == sizeof(u32))
				memcpy(&sk->u.mark, RTA_DATA(a), n);
			break;
		case INET_DIAG_CLASS_ID:
			if (n == sizeof(u32))
				memcpy(&sk->classid, RTA_DATA(a), n);
			break;
		case INET_DIAG_CGROUP_ID: /* the machine's, where cgroups are that */
			if (n == sizeof(u64) && w && !w->sys->cgroup_tree)
				memcpy(&sk->cgroup, RTA_DATA(a), n);
			break;
		}
	}
}
