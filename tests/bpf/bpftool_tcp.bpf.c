/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A congestion control for bpftool struct_ops: tests/tools/bpftool.py. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/bt_ssthresh") __u32 BPF_PROG(bt_ssthresh, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/bt_cong_avoid") void BPF_PROG(bt_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC("struct_ops/bt_undo_cwnd") __u32 BPF_PROG(bt_undo_cwnd, struct sock *sk)
{
	return 2;
}

SEC(".struct_ops") struct tcp_congestion_ops bt_tcp = {
	.ssthresh = (void *)bt_ssthresh,
	.cong_avoid = (void *)bt_cong_avoid,
	.undo_cwnd = (void *)bt_undo_cwnd,
	.name = "bt_tcp",
};
