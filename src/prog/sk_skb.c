/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets received on sockets of a map: parser and verdict (Linux: net/core/filter.c,
 * sk_skb_*).
 */
#include "object/test_run.h"
#include "prog/skb.h"

static const struct bpf_func_proto *sk_skb_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_skb_pull_data:
		return &bpf_sk_skb_pull_data_proto;
	case BPF_FUNC_skb_change_tail:
		return &bpf_sk_skb_change_tail_proto;
	case BPF_FUNC_skb_change_head:
		return &bpf_sk_skb_change_head_proto;
	case BPF_FUNC_skb_adjust_room:
		return &bpf_sk_skb_adjust_room_proto;
	}
	return skb_func_proto(func_id, prog);
}

const struct bpf_prog_type_ops sk_skb_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_sk_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = sk_skb_func_proto,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.own_test_run = skb_test_run,
};
