/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What congestion control by programs may call (Linux: net/ipv4/tcp_cong.c): TCP Reno and its
 * parts (RFC 5681), on the fields of the kernel's struct tcp_sock, wherever these are.
 */
#include "helper/helper.h"

static u64 get(struct bpf_run *run, u64 sk, const char *name)
{
	u64 args[] = { sk, (u64)name, 0 };

	return run->platform->world(run, WORLD_FIELD, args);
}

static void set(struct bpf_run *run, u64 sk, const char *name, u64 v)
{
	u64 args[] = { sk, (u64)name, (u64)&v, 4 };

	run->platform->world(run, WORLD_PUT, args);
}

/* The window's limit, of kernels that have one. */
static u32 clamped(struct bpf_run *run, u64 sk, u32 cwnd)
{
	u32 clamp = (u32)get(run, sk, "snd_cwnd_clamp");

	return clamp && cwnd > clamp ? clamp : cwnd;
}

static bool in_slow_start(struct bpf_run *run, u64 sk)
{
	return (u32)get(run, sk, "snd_cwnd") < (u32)get(run, sk, "snd_ssthresh");
}

/* One segment more for each that was acknowledged, up to ssthresh; what is left of @acked. */
static u32 slow_start(struct bpf_run *run, u64 sk, u32 acked)
{
	u32 cwnd = (u32)get(run, sk, "snd_cwnd"), limit = (u32)get(run, sk, "snd_ssthresh");
	u32 to = cwnd + acked;

	if (to > limit)
		to = limit;
	acked -= to - cwnd;
	set(run, sk, "snd_cwnd", clamped(run, sk, to));
	return acked;
}

/* One segment more for each @w that were acknowledged. */
static void additive(struct bpf_run *run, u64 sk, u32 w, u32 acked)
{
	u32 cwnd = (u32)get(run, sk, "snd_cwnd"), n = (u32)get(run, sk, "snd_cwnd_cnt");

	/* The credits of a time when w was larger. */
	if (n >= w) {
		n = 0;
		cwnd++;
	}
	n += acked;
	if (n >= w && w) {
		cwnd += n / w;
		n %= w;
	}
	set(run, sk, "snd_cwnd_cnt", n);
	set(run, sk, "snd_cwnd", clamped(run, sk, cwnd));
}

static bool is_cwnd_limited(struct bpf_run *run, u64 sk)
{
	if (get(run, sk, "is_cwnd_limited"))
		return true;
	return in_slow_start(run, sk) &&
	       (u32)get(run, sk, "snd_cwnd") < 2 * (u32)get(run, sk, "max_packets_out");
}

BPF_KFUNC(tcp_slow_start)
{
	return slow_start(run, r1, (u32)r2);
}

BPF_KFUNC(tcp_cong_avoid_ai)
{
	additive(run, r1, (u32)r2, (u32)r3);
	return 0;
}

BPF_KFUNC(tcp_reno_cong_avoid)
{
	u32 acked = (u32)r3;

	if (!is_cwnd_limited(run, r1))
		return 0;
	if (in_slow_start(run, r1))
		acked = slow_start(run, r1, acked);
	if (acked)
		additive(run, r1, (u32)get(run, r1, "snd_cwnd"), acked);
	return 0;
}

BPF_KFUNC(tcp_reno_ssthresh)
{
	u32 half = (u32)get(run, r1, "snd_cwnd") >> 1;

	return half > 2 ? half : 2;
}

BPF_KFUNC(tcp_reno_undo_cwnd)
{
	u32 cwnd = (u32)get(run, r1, "snd_cwnd"), prior = (u32)get(run, r1, "prior_cwnd");

	return cwnd > prior ? cwnd : prior;
}
