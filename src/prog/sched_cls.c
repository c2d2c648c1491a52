/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Classifiers and actions of traffic control, tcx and netkit (Linux: net/core/filter.c,
 * tc_cls_act_*): direct packet access both ways, most helpers on packets.
 */
#include "object/test_run.h"
#include "prog/skb.h"

static const struct bpf_func_proto *tc_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_fib_lookup:
		return &bpf_skb_fib_lookup_proto;
	case BPF_FUNC_check_mtu:
		return &bpf_skb_check_mtu_proto;
	case BPF_FUNC_sk_lookup_tcp:
		return &bpf_tc_sk_lookup_tcp_proto;
	case BPF_FUNC_sk_lookup_udp:
		return &bpf_tc_sk_lookup_udp_proto;
	case BPF_FUNC_skc_lookup_tcp:
		return &bpf_tc_skc_lookup_tcp_proto;
	}
	return skb_func_proto(func_id, prog);
}

static int tc_convert(enum bpf_access_type t, const struct bpf_insn *insn, struct bpf_insn_buf *out,
		      const struct bpf_prog *prog, u32 *target_size);

const struct bpf_prog_type_ops sched_cls_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_tc_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = tc_func_proto,
	.convert_ctx_access = tc_convert,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.ld_abs = true,
	.test_run = skb_test_run,
};

const struct bpf_prog_type_ops sched_act_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_tc_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = tc_func_proto,
	.convert_ctx_access = tc_convert,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.ld_abs = true,
	.test_run = skb_test_run,
};

static int tc_convert(enum bpf_access_type t, const struct bpf_insn *insn, struct bpf_insn_buf *out,
		      const struct bpf_prog *prog, u32 *target_size)
{
	return skb_convert_ctx_access(&sched_cls_prog_ops, t, insn, out, target_size);
}
