// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// One small program or two of each type that sockets, control groups and devices run, for
// tests/script/prog_run: what each returns says what it saw.
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define AF_INET	   2
#define SOL_SOCKET 1
#define SOL_TCP	   6
#define SO_SNDBUF  7
#define SO_MARK	   36

SEC("cgroup/connect4")
int to_localhost(struct bpf_sock_addr *ctx)
{
	int mark = 7, got = 0;

	if (ctx->user_port != bpf_htons(80) || ctx->sk->family != AF_INET)
		return 0;
	if (bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
	    bpf_getsockopt(ctx, SOL_SOCKET, SO_MARK, &got, sizeof(got)) || got != 7)
		return 0;
	if (!bpf_get_socket_cookie(ctx) || ctx->sk->mark != 7)
		return 0;
	ctx->user_ip4 = bpf_htonl(0x7f000001);
	ctx->user_port = bpf_htons(8080);
	return 1;
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *sk)
{
	sk->mark = sk->type * 100 + sk->protocol;
	return bpf_set_retval(-13) == 0 && bpf_get_retval() == -13;
}

SEC("cgroup/dev")
int device(struct bpf_cgroup_dev_ctx *ctx)
{
	return ctx->major == 1 && (ctx->minor == 3 || ctx->minor == 5) &&
	       (ctx->access_type & 0xffff) == 2 /* BPF_DEVCG_DEV_CHAR */;
}

SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	char name[32] = "", base[16] = "", now[8] = "", next[8] = "";

	if (bpf_sysctl_get_name(ctx, name, sizeof(name), 0) != 19 ||
	    *(__u64 *)name != *(__u64 *)"net/ipv4" || name[9] != 'i')
		return 0;
	if (bpf_sysctl_get_name(ctx, base, sizeof(base), BPF_F_SYSCTL_BASE_NAME) != 10 ||
	    bpf_sysctl_get_name(ctx, base, 4, 0) != -7)
		return 0;
	if (bpf_sysctl_get_current_value(ctx, now, sizeof(now)) < 0 || now[0] != '0')
		return 0;
	if (!ctx->write)
		return bpf_sysctl_get_new_value(ctx, next, sizeof(next)) == -22;
	if (bpf_sysctl_get_new_value(ctx, next, sizeof(next)) < 0 || next[0] != '1')
		return 0;
	ctx->file_pos = 3;
	return !bpf_sysctl_set_new_value(ctx, "2", 1);
}

SEC("cgroup/getsockopt")
int getsockopt(struct bpf_sockopt *ctx)
{
	unsigned char *v = ctx->optval, *end = ctx->optval_end;

	if (ctx->level != SOL_SOCKET || ctx->optname != SO_SNDBUF || v + 4 > end)
		return 0;
	v[0] = 0x42;
	ctx->optlen = 4;
	ctx->retval = 0;
	return 1;
}

SEC("sockops")
int tcp_events(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct bpf_tcp_sock *tp;
	char name[16] = "";

	ctx->reply = 0;
	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB || !sk)
		return 1;
	tp = bpf_tcp_sock(sk);
	if (tp && tp->snd_cwnd == 10 && bpf_sock_ops_cb_flags_set(ctx, 1 | 0x4000) == 0x4000 &&
	    ctx->bpf_sock_ops_cb_flags == 1 &&
	    !bpf_getsockopt(ctx, SOL_TCP, 13 /* TCP_CONGESTION */, name, sizeof(name)) &&
	    name[0] == 'c')
		ctx->reply = 44;
	return 1;
}

// Cuts three bytes out of "hello world" and puts two in.
SEC("sk_msg")
int message(struct sk_msg_md *ctx)
{
	unsigned char *d, *end;

	if (ctx->size < 8 || bpf_msg_pop_data(ctx, 1, 3, 0) || bpf_msg_push_data(ctx, 2, 2, 0) ||
	    bpf_msg_pull_data(ctx, 0, 4, 0) || bpf_msg_pull_data(ctx, 4, 4, 0) != -22)
		return SK_DROP;
	d = ctx->data;
	end = ctx->data_end;
	if (d + 4 > end)
		return SK_DROP;
	d[2] = '-';
	d[3] = '+';
	bpf_msg_apply_bytes(ctx, 5);
	return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int stream(struct __sk_buff *ctx)
{
	unsigned char *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (d + 2 > end)
		return SK_DROP;
	d[0] ^= 0x20;
	return ctx->len == 5 ? SK_PASS : SK_DROP;
}

SEC("sk_reuseport")
int reuseport(struct sk_reuseport_md *ctx)
{
	unsigned char b[4];

	if (bpf_skb_load_bytes(ctx, 2, b, 4) || bpf_skb_load_bytes(ctx, ctx->len, b, 1) != -14)
		return SK_DROP;
	bpf_skb_load_bytes(ctx, 2, b, 4);
	return ctx->ip_protocol == 17 && b[1] == 0x35 && ctx->sk ? SK_PASS : SK_DROP;
}

SEC("sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	return ctx->local_port == 7777 && ctx->remote_ip4 == bpf_htonl(0x0a000001) &&
			       ctx->remote_port == bpf_htons(53) && !bpf_sk_assign(ctx, NULL, 0) ?
		       SK_PASS :
		       SK_DROP;
}

SEC("flow_dissector")
int flow(struct __sk_buff *ctx)
{
	struct bpf_flow_keys *keys = ctx->flow_keys;
	unsigned char *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	char none[2];

	if (d + 34 > end || keys->n_proto != bpf_htons(0x0800) ||
	    bpf_skb_load_bytes(ctx, 0, none, 2) != -14)
		return BPF_DROP;
	keys->addr_proto = 0x0800;
	keys->ip_proto = d[23];
	__builtin_memcpy(&keys->ipv4_src, d + 26, 8);
	keys->thoff = 14 + (d[14] & 15) * 4;
	return BPF_OK;
}

SEC("netfilter")
int hook(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *s = ctx->state;
	int out = s->out ? s->out->ifindex : 0;

	return s->pf == 2 && s->hook == 3 && ctx->skb->len == 40 && out == 1 && !s->in;
}

SEC("lwt_seg6local")
int seg6(struct __sk_buff *ctx)
{
	return ctx->len == 40 ? BPF_OK : BPF_DROP;
}

// A toy protocol: pulses of more than a millisecond are ones; after eight, a key.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bits SEC(".maps");

SEC("lirc_mode2")
int decode(unsigned int *sample)
{
	__u32 zero = 0, *v = bpf_map_lookup_elem(&bits, &zero);
	__u32 mode = *sample & 0xff000000, us = *sample & 0xffffff;

	if (!v)
		return 0;
	if (mode == 0x01000000) { /* LIRC_MODE2_PULSE */
		*v = (*v ? *v : 1) << 1 | (us > 1000);
		if (*v & 0x100) {
			bpf_rc_keydown(sample, 9, *v & 0xff, 1);
			*v = 0;
		}
	} else if (us > 50000) {
		bpf_rc_repeat(sample);
	} else if (us == 7) {
		bpf_rc_pointer_rel(sample, -3, 4);
	}
	return 0;
}

SEC("kprobe/none")
int BPF_KPROBE(probe, long a, long b)
{
	return a == 5 && b == -6 ? 77 : 1;
}

SEC("tracepoint/none/none")
int record(unsigned int *ctx)
{
	return ctx[2] + ctx[3];
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	return ctx->sample_period == 1000 && ctx->regs.ip == 0x400000;
}

SEC("fexit/vfs_open")
int BPF_PROG(opened, const struct path *path, struct file *file, int ret)
{
	bpf_printk("flags %x ret %d", file->f_flags, ret);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return preempt && prev->pid > 0 && next == prev ? 3 : 1;
}

// Who would get a packet to this port of the loopback address.
SEC("tc")
int find(struct __sk_buff *ctx)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk, *udp, *any;
	int port = ctx->mark, result = 0;

	tuple.ipv4.saddr = tuple.ipv4.daddr = bpf_htonl(0x7f000001);
	tuple.ipv4.sport = bpf_htons(9);
	tuple.ipv4.dport = bpf_htons(port);
	sk = bpf_sk_lookup_tcp(ctx, &tuple, 4, -1, 0);
	if (sk) {
		bpf_sk_release(sk);
		return -1;
	}
	sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), -1, 0);
	if (sk) {
		struct bpf_sock *listener = bpf_get_listener_sock(sk);

		if (sk->src_port == port && sk->family == AF_INET && sk->protocol == 6 &&
		    listener && listener->state == 10 && bpf_sk_assign(ctx, sk, 0) == -95)
			result = sk->type;
		bpf_sk_release(sk);
	}
	udp = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), -1, 0);
	if (udp) {
		result += 100 * udp->type + (udp->src_port == port ? 1000 : 0);
		bpf_sk_release(udp);
	}
	any = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), -1, 0);
	if (any) {
		result += 10000;
		bpf_sk_release(any);
	}
	return result;
}

// The socket of a test packet.
SEC("tc")
int packet_sock(struct __sk_buff *ctx)
{
	struct bpf_sock *sk = ctx->sk, *full = sk ? bpf_sk_fullsock(sk) : NULL;

	if (!full || bpf_tcp_sock(sk))
		return -1;
	return full->family + 100 * full->state + 10000 * full->type + 100000 * full->protocol +
	       full->mark + full->priority + full->bound_dev_if + full->src_port + full->dst_port +
	       (full->src_ip4 == bpf_htonl(0x0a000001) ? 1000000 : 0) +
	       (full->dst_ip4 == bpf_htonl(0x0a000002) ? 2000000 : 0) +
	       (full->rx_queue_mapping == -1 ? 4000000 : 0) + (full->src_ip6[3] ? 8000000 : 0);
}

struct bpf_fib_lookup way; // the newest

// Whether it fits the loopback device. cb: flags, length, difference.
SEC("tc")
int fits(struct __sk_buff *ctx)
{
	__u32 len = ctx->cb[1];
	__u64 flags = ctx->cb[0];
	long ret;

	asm volatile("" : "+r"(flags));
	ret = bpf_check_mtu(ctx, 0, &len, (__s32)ctx->cb[2], flags);
	ctx->cb[3] = len;
	return ret;
}

// mark: device; priority: table; cb: flags, length, family, words of the destination.
SEC("tc")
int route(struct __sk_buff *ctx)
{
	struct bpf_fib_lookup p = {};
	__u32 flags;
	long ret;

	p.ifindex = ctx->mark;
	p.tot_len = ctx->cb[1];
	p.family = ctx->cb[2];
	if (p.family == 10) {
		p.ipv6_dst[0] = ctx->cb[3];
		p.ipv6_dst[3] = ctx->cb[4];
	} else {
		p.ipv4_dst = ctx->cb[3];
	}
	/* tstamp: mark, ToS or class, protocol; hwtstamp: source, ports. */
	p.l4_protocol = ctx->tstamp >> 32;
	p.sport = p.dport = bpf_htons((__u16)(ctx->hwtstamp >> 32));
	if (p.family == 10) {
		p.flowinfo = bpf_htonl((ctx->tstamp >> 40 & 0xff) << 20);
		p.ipv6_src[0] = ctx->hwtstamp;
	} else {
		p.tos = ctx->tstamp >> 40;
		p.ipv4_src = ctx->hwtstamp;
	}
	flags = ctx->cb[0];
	asm volatile("" : "+r"(flags));
	if (flags & 8) /* BPF_FIB_LOOKUP_TBID */
		p.tbid = ctx->priority;
	if (flags & 32) /* BPF_FIB_LOOKUP_MARK */
		p.mark = ctx->tstamp;
	ret = bpf_fib_lookup(ctx, &p, sizeof(p), flags);
	way = p;
	return ret;
}
