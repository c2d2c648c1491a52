/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Finding the flow of a packet (Linux: net/core/filter.c, flow_dissector_*): of struct
 * __sk_buff there is the packet, and the keys to fill.
 */
#include "object/packet.h"
#include "object/test_run.h"
#include "prog/ctx.h"

#define FLOW_ROW(name, el, reg)                                                                    \
	CTX_ROW(struct __sk_buff, name, el, reg, struct flow_dissector_ctx, name, 8, KVER(4, 20),  \
		CTX_R, .narrow = CTX_NARROW_NO)

static const struct bpf_ctx_field flow_fields[] = {
	FLOW_ROW(data, 4, PTR_TO_PACKET),
	FLOW_ROW(data_end, 4, PTR_TO_PACKET_END),
	FLOW_ROW(flow_keys, 8, PTR_TO_FLOW_KEYS),
	{ NULL },
};

static const struct bpf_func_proto *flow_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	if (func_id == BPF_FUNC_skb_load_bytes)
		return &bpf_flow_dissector_load_bytes_proto;
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops flow_dissector_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = flow_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = flow_func_proto,
	.may_access_direct_pkt_data_read = true,
	.test_run = flow_dissector_test_run,
};
