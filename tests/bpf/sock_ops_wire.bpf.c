// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * What programs of a cgroup are told of segments of its connections, for tests/script/sock_ops_wire: a line for
 * each event; options of a kind that nobody knows are added to what is sent and looked for in what arrives.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define SOL_TCP	      6
#define TCP_SAVE_SYN_ 27
#define KIND	      0xB9
#define LINES	      128

struct line {
	__u32 op, arg0, arg1, arg2, state, full, flags, len, seen, tcp, opt, synopt, syntcp, synip,
		synmac, sk, local, remote, ret, cwnd, out, una, mss, total, again, lost, delivered,
		srtt, before, cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINES);
	__type(key, __u32);
	__type(value, struct line);
} lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries,
	       4); /* lines; which flags are to be set; events to be told, as a mask; bytes of an option */
	__type(key, __u32);
	__type(value, __u32);
} config SEC(".maps");

/* How many events of the socket before this one had a line. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} events SEC(".maps");

static __u32 *at(__u32 i)
{
	return bpf_map_lookup_elem(&config, &i);
}

static __u32 flags_of(__u32 what)
{
	switch (what) {
	case 0:
		return BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG |
		       BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG |
		       BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
	case 1:
		return BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG;
	case 2:
		return BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG |
		       BPF_SOCK_OPS_STATE_CB_FLAG;
	case 3:
		return BPF_SOCK_OPS_RTT_CB_FLAG;
	case 4:
	case 5:
		return 0;
	}
	return BPF_SOCK_OPS_ALL_CB_FLAGS;
}

static int option(struct bpf_sock_ops *ctx, __u64 flags)
{
	__u8 opt[8] = { KIND, 0 };

	return bpf_load_hdr_opt(ctx, opt, sizeof(opt), flags);
}

SEC("sockops") int on_event(struct bpf_sock_ops *ctx)
{
	__u32 *n = at(0), *want = at(1), *mask = at(2), *size = at(3), op = ctx->op, i;
	__u8 syn[160] = { 0 }, opt[8] = { KIND, 6, 1, 2, 3, 4 };
	int current = ctx->args[0] == BPF_WRITE_HDR_TCP_CURRENT_MSS;
	int one = 2, ret = 0;
	struct bpf_tcp_sock *tcp;
	struct bpf_sock *sk;
	struct line *l;

	if (!n || !want || !mask || !size || op > 31)
		return 1;
	switch (op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		bpf_setsockopt(ctx, SOL_TCP, TCP_SAVE_SYN_, &one, sizeof(one));
		bpf_sock_ops_cb_flags_set(ctx, flags_of(*want));
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		bpf_sock_ops_cb_flags_set(ctx, flags_of(*want));
		break;
	case BPF_SOCK_OPS_RWND_INIT:
	case BPF_SOCK_OPS_TIMEOUT_INIT:
	case BPF_SOCK_OPS_NEEDS_ECN:
		if (*want == 5) /* ticks, which are no less than usual */
			ctx->reply = op == BPF_SOCK_OPS_RWND_INIT    ? 4 :
				     op == BPF_SOCK_OPS_TIMEOUT_INIT ? 1000 :
								       0;
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		ret = bpf_reserve_hdr_opt(ctx, *size, 0);
		if (current) /* how often is nobody's business */
			return 1;
		break;
	case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
		opt[3] = ctx->skb_tcp_flags;
		opt[4] = ctx->skb_len;
		ret = bpf_store_hdr_opt(ctx, opt, 6, 0);
		break;
	}
	if (!(*mask >> op & 1))
		return 1;
	i = (*n)++;
	l = bpf_map_lookup_elem(&lines, &i);
	if (!l)
		return 1;
	l->op = op;
	l->arg0 = ctx->args[0];
	l->arg1 = ctx->args[1];
	l->state = ctx->state;
	l->full = ctx->is_fullsock;
	l->flags = ctx->bpf_sock_ops_cb_flags;
	l->len = ctx->skb_len;
	l->seen = ctx->skb_data_end - ctx->skb_data;
	l->tcp = ctx->skb_tcp_flags;
	l->opt = option(ctx, 0);
	l->synopt = option(ctx, BPF_LOAD_HDR_OPT_TCP_SYN);
	l->syntcp = bpf_getsockopt(ctx, SOL_TCP, TCP_BPF_SYN, syn, sizeof(syn));
	l->synip = bpf_getsockopt(ctx, SOL_TCP, TCP_BPF_SYN_IP, syn, sizeof(syn));
	l->synmac = bpf_getsockopt(ctx, SOL_TCP, TCP_BPF_SYN_MAC, syn, 20);
	l->sk = !!ctx->sk;
	l->local = !!ctx->local_port;
	l->remote = bpf_ntohl(ctx->remote_port) != 0;
	l->ret = ret;
	l->cwnd = ctx->snd_cwnd;
	l->out = ctx->packets_out;
	l->una = ctx->snd_nxt - ctx->snd_una;
	l->mss = ctx->mss_cache;
	l->total = ctx->total_retrans;
	l->again = ctx->retrans_out;
	l->lost = ctx->lost_out;
	l->srtt = !!ctx->srtt_us;
	sk = ctx->sk;
	if (sk && (n = bpf_sk_storage_get(&events, sk, 0, BPF_SK_STORAGE_GET_F_CREATE)))
		l->before = (*n)++;
	sk = ctx->sk;
	if (sk && (tcp = bpf_tcp_sock(sk)))
		l->delivered = tcp->delivered;
	l->cookie = (op == BPF_SOCK_OPS_HDR_OPT_LEN_CB || op == BPF_SOCK_OPS_WRITE_HDR_OPT_CB) &&
		    ctx->args[0] == BPF_WRITE_HDR_TCP_SYNACK_COOKIE;
	switch (op) { /* what is not the same each time */
	case BPF_SOCK_OPS_RTT_CB:
		l->ret = l->arg1 == l->arg0 << 3; /* the first is taken as it is */
		l->arg0 = !!l->arg0;
		l->arg1 = !!l->arg1;
		break;
	case BPF_SOCK_OPS_RETRANS_CB:
		l->arg0 -= ctx->snd_una;
		l->arg2 = ctx->args[2];
		break;
	case BPF_SOCK_OPS_RTO_CB:
		l->arg1 = !!l->arg1;
		l->arg2 = ctx->args[2];
		break;
	}
	return 1;
}
