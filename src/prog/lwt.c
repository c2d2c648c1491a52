/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Light-weight tunnels: packets on a route (Linux: net/core/filter.c, lwt_*; net/core/lwt_bpf.c).
 */
#include "object/test_run.h"
#include "prog/skb.h"

static const struct bpf_func_proto *lwt_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	if (func_id == BPF_FUNC_lwt_push_encap)
		return prog->type == BPF_PROG_TYPE_LWT_IN ? &bpf_lwt_in_push_encap_proto :
							    &bpf_lwt_xmit_push_encap_proto;
	return skb_func_proto(func_id, prog);
}

const struct bpf_prog_type_ops lwt_in_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_lwt_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = lwt_func_proto,
	.may_access_direct_pkt_data_read = true,
	.test_run = skb_test_run,
};

const struct bpf_prog_type_ops lwt_out_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_lwt_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = lwt_func_proto,
	.may_access_direct_pkt_data_read = true,
	.test_run = skb_test_run,
};

const struct bpf_prog_type_ops lwt_xmit_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_lwt_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = lwt_func_proto,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.test_run = skb_test_run,
};

/* An action of segment routing. There is no direct write: bpf_lwt_seg6_store_bytes() knows what may change. */
const struct bpf_prog_type_ops lwt_seg6local_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_lwt_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = lwt_func_proto,
	.may_access_direct_pkt_data_read = true,
	.own_test_run = skb_test_run,
};
