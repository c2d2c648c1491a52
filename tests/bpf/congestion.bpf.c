/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TCP Reno as programs (RFC 5681), in two ways, and a broken one: see
 * tests/unit/struct_ops_test.c.
 */
#include "kfunc.h"
#include <bpf/bpf_tracing.h>

#define CORE __attribute__((preserve_access_index))

struct sock {
	unsigned long sk_pacing_rate;
} CORE;

struct inet_connection_sock {
	__u64 icsk_ca_priv[13];
} CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 snd_cwnd, snd_cwnd_cnt, snd_ssthresh, prior_cwnd;
} CORE;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	void (*set_state)(struct sock *sk, __u8 new_state);
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*init)(struct sock *sk);
	char name[16];
};

extern __u32 tcp_slow_start(struct tcp_sock *tp, __u32 acked) __ksym;
extern void tcp_cong_avoid_ai(struct tcp_sock *tp, __u32 w, __u32 acked) __ksym;
extern void tcp_reno_cong_avoid(struct sock *sk, __u32 ack, __u32 acked) __ksym;
extern __u32 tcp_reno_ssthresh(struct sock *sk) __ksym;
extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;

/* What a connection remembers. */
struct priv {
	__u64 states, begun;
};

static __always_inline struct priv *priv_of(struct tcp_sock *tp)
{
	return (struct priv *)tp->inet_conn.icsk_ca_priv;
}

/* ---- by hand: every field is read and written here ---- */

SEC("struct_ops/own_init") void BPF_PROG(own_init, struct tcp_sock *tp)
{
	priv_of(tp)->begun = 1;
	priv_of(tp)->states = 0;
}

SEC("struct_ops/own_ssthresh") __u32 BPF_PROG(own_ssthresh, struct tcp_sock *tp)
{
	__u32 half = tp->snd_cwnd / 2;

	return half > 2 ? half : 2;
}

SEC("struct_ops/own_cong_avoid")
void BPF_PROG(own_cong_avoid, struct tcp_sock *tp, __u32 ack, __u32 acked)
{
	__u32 cwnd = tp->snd_cwnd, n;

	if (cwnd < tp->snd_ssthresh) {
		n = tp->snd_ssthresh - cwnd;
		if (n > acked)
			n = acked;
		tp->snd_cwnd = cwnd = cwnd + n;
		acked -= n;
		if (!acked)
			return;
	}
	n = tp->snd_cwnd_cnt;
	if (n >= cwnd) {
		n = 0;
		tp->snd_cwnd = tp->snd_cwnd + 1;
	}
	n += acked;
	if (n >= cwnd) {
		n -= cwnd;
		tp->snd_cwnd = tp->snd_cwnd + 1;
	}
	tp->snd_cwnd_cnt = n;
}

SEC("struct_ops/own_set_state") void BPF_PROG(own_set_state, struct tcp_sock *tp, __u8 state)
{
	priv_of(tp)->states = priv_of(tp)->states << 4 | state;
}

SEC("struct_ops/own_undo_cwnd") __u32 BPF_PROG(own_undo_cwnd, struct tcp_sock *tp)
{
	return tp->snd_cwnd > tp->prior_cwnd ? tp->snd_cwnd : tp->prior_cwnd;
}

SEC(".struct_ops") struct tcp_congestion_ops own = {
	.init = (void *)own_init,
	.ssthresh = (void *)own_ssthresh,
	.cong_avoid = (void *)own_cong_avoid,
	.set_state = (void *)own_set_state,
	.undo_cwnd = (void *)own_undo_cwnd,
	.name = "skep_own",
};

/* ---- by the kernel's functions ---- */

SEC("struct_ops/called_ssthresh") __u32 BPF_PROG(called_ssthresh, struct sock *sk)
{
	return tcp_reno_ssthresh(sk);
}

SEC("struct_ops/called_cong_avoid")
void BPF_PROG(called_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
	tcp_reno_cong_avoid(sk, ack, acked);
}

SEC("struct_ops/called_undo_cwnd") __u32 BPF_PROG(called_undo_cwnd, struct sock *sk)
{
	return tcp_reno_undo_cwnd(sk);
}

SEC(".struct_ops") struct tcp_congestion_ops called = {
	.ssthresh = (void *)called_ssthresh,
	.cong_avoid = (void *)called_cong_avoid,
	.undo_cwnd = (void *)called_undo_cwnd,
	.name = "skep_called",
};

/* ---- what is not accepted ---- */

SEC(".struct_ops") struct tcp_congestion_ops incomplete = {
	.ssthresh = (void *)called_ssthresh,
	.name = "skep_less",
};

/* The same name twice. */
SEC(".struct_ops") struct tcp_congestion_ops again = {
	.ssthresh = (void *)called_ssthresh,
	.cong_avoid = (void *)called_cong_avoid,
	.undo_cwnd = (void *)called_undo_cwnd,
	.name = "skep_own",
};

char _license[] SEC("license") = "GPL";
