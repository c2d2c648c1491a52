/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Events of TCP connections in a cgroup (Linux: net/core/filter.c, sock_ops_*).
 * The packet at hand can be read where an event has one.
 */
#include "object/test_run.h"
#include "prog/cgroup.h"

#define OPS_ROW(name, el, reg, first, ways, ...)                                                   \
	CGROUP_ROW(struct bpf_sock_ops, name, el, reg, first, ways, __VA_ARGS__)
#define OPS_U32(name, first)	  OPS_ROW(name, 4, SCALAR_VALUE, first, CTX_R, .narrow = CTX_NARROW_NO)
#define OPS_U64(name, first)	  OPS_ROW(name, 8, SCALAR_VALUE, first, CTX_R, .narrow = CTX_NARROW_NO)
#define OPS_PTR(name, reg, first) OPS_ROW(name, 8, reg, first, CTX_R, .narrow = CTX_NARROW_NO)

static const struct bpf_ctx_field ops_fields[] = {
	OPS_U32(op, KVER(4, 14)),
	OPS_ROW(reply, 4, SCALAR_VALUE, KVER(4, 14), CTX_RW, .narrow = CTX_NARROW_NO),
	OPS_U32(args, KVER(4, 14)), /* and replylong; .reply is its first word */
	OPS_U32(family, KVER(4, 14)),
	OPS_U32(remote_ip4, KVER(4, 14)),
	OPS_U32(local_ip4, KVER(4, 14)),
	OPS_U32(remote_ip6, KVER(4, 14)),
	OPS_U32(local_ip6, KVER(4, 14)),
	OPS_U32(remote_port, KVER(4, 14)),
	OPS_U32(local_port, KVER(4, 14)),
	OPS_U32(is_fullsock, KVER(4, 17)),
	OPS_U32(snd_cwnd, KVER(4, 17)),
	OPS_U32(srtt_us, KVER(4, 17)),
	OPS_U32(bpf_sock_ops_cb_flags, KVER(4, 17)),
	OPS_U32(state, KVER(4, 17)),
	OPS_U32(rtt_min, KVER(4, 17)),
	OPS_U32(snd_ssthresh, KVER(4, 17)),
	OPS_U32(rcv_nxt, KVER(4, 17)),
	OPS_U32(snd_nxt, KVER(4, 17)),
	OPS_U32(snd_una, KVER(4, 17)),
	OPS_U32(mss_cache, KVER(4, 17)),
	OPS_U32(ecn_flags, KVER(4, 17)),
	OPS_U32(rate_delivered, KVER(4, 17)),
	OPS_U32(rate_interval_us, KVER(4, 17)),
	OPS_U32(packets_out, KVER(4, 17)),
	OPS_U32(retrans_out, KVER(4, 17)),
	OPS_U32(total_retrans, KVER(4, 17)),
	OPS_U32(segs_in, KVER(4, 17)),
	OPS_U32(data_segs_in, KVER(4, 17)),
	OPS_U32(segs_out, KVER(4, 17)),
	OPS_U32(data_segs_out, KVER(4, 17)),
	OPS_U32(lost_out, KVER(4, 17)),
	OPS_U32(sacked_out, KVER(4, 17)),
	OPS_ROW(sk_txhash, 4, SCALAR_VALUE, KVER(4, 17), CTX_RW, .narrow = CTX_NARROW_NO),
	OPS_U64(bytes_received, KVER(4, 17)),
	OPS_U64(bytes_acked, KVER(4, 17)),
	OPS_PTR(sk, PTR_TO_SOCKET | PTR_MAYBE_NULL, KVER(5, 3)),
	OPS_PTR(skb_data, PTR_TO_PACKET, KVER(5, 10)),
	OPS_PTR(skb_data_end, PTR_TO_PACKET_END, KVER(5, 10)),
	OPS_U32(skb_len, KVER(5, 10)),
	OPS_ROW(skb_tcp_flags, 4, SCALAR_VALUE, KVER(5, 10), CTX_R, .narrow = CTX_NARROW_START),
	OPS_U64(skb_hwtstamp, KVER(6, 2)),
	{ NULL },
};

static const struct bpf_func_proto *ops_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	bool known;
	const struct bpf_func_proto *fn;

	switch (func_id) {
	case BPF_FUNC_setsockopt:
		return &bpf_sock_ops_setsockopt_proto;
	case BPF_FUNC_getsockopt:
		return &bpf_sock_ops_getsockopt_proto;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_cookie_sock_ops_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sock_ops_proto;
	}
	fn = cgroup_func_proto(func_id, prog, &known);
	return known ? fn : bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops sock_ops_prog_ops = {
	.ctx_name = "bpf_sock_ops",
	.fields = ops_fields,
	.ctx_size = sizeof(struct bpf_sock_ops),
	.func_proto = ops_func_proto,
	.retval_range = cgroup_retval_range,
	.own_test_run = sock_test_run,
};
