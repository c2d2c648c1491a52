// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* One declaration each of the types that texts name beside tracing, XDP and tc. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("lsm/path_mkdir")
int BPF_PROG(may_mkdir, const struct path *dir, struct dentry *dentry, umode_t mode, int ret)
{
	return ret;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("sockops")
int ops(struct bpf_sock_ops *ctx)
{
	return ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB;
}

SEC("sk_skb/stream_verdict")
int verdict(struct __sk_buff *skb)
{
	return SK_PASS;
}

SEC("sk_skb/stream_parser")
int parser(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	skb->flow_keys->thoff = 0;
	return 0;
}

SEC("lwt_in")
int tunnel_in(struct __sk_buff *skb)
{
	return 0;
}

SEC("lwt_out")
int tunnel_out(struct __sk_buff *skb)
{
	return 0;
}

SEC("lwt_xmit")
int tunnel_xmit(struct __sk_buff *skb)
{
	return 0;
}

SEC("lwt_seg6local")
int segment(struct __sk_buff *skb)
{
	return 0;
}

SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	return !ctx->write;
}

SEC("cgroup/sock_create")
int socket_made(struct bpf_sock *sk)
{
	return sk->family != 0;
}

SEC("cgroup_skb/egress")
int leaves(struct __sk_buff *skb)
{
	return skb->len < 10000;
}

SEC("lirc_mode2")
int pulses(unsigned int *sample)
{
	return *sample != 0;
}
