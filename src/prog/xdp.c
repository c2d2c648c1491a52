/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs at the driver's receive path, struct xdp_md (Linux: net/core/filter.c,
 * xdp_*). Fields are 4 bytes, loaded whole; nothing can be written.
 */
#include "object/packet.h"
#include "object/test_run.h"
#include "prog/ctx.h"

#define XDP(name, reg, first)                                                                      \
	CTX_ROW(struct xdp_md, name, 4, reg, struct xdp_buff, name,                                \
		sizeof_field(struct xdp_buff, name), first, CTX_R)

static const struct bpf_ctx_field xdp_fields[] = {
	XDP(data, PTR_TO_PACKET, KVER(4, 8)),
	XDP(data_end, PTR_TO_PACKET_END, KVER(4, 8)),
	XDP(data_meta, PTR_TO_PACKET_META, KVER(4, 15)),
	XDP(ingress_ifindex, SCALAR_VALUE, KVER(4, 16)),
	XDP(rx_queue_index, SCALAR_VALUE, KVER(4, 16)),
	XDP(egress_ifindex, SCALAR_VALUE, KVER(5, 8)),
	{ NULL },
};

static bool xdp_is_valid_access(int off, int size, enum bpf_access_type t,
				const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	/* Only when it leaves through a device map is the outgoing device known. */
	if (off == offsetof(struct xdp_md, egress_ifindex) &&
	    prog->expected_attach_type != BPF_XDP_DEVMAP)
		return false;
	return ctx_access_by_table(&xdp_prog_ops, info->profile, off, size, t, info);
}

static const struct bpf_func_proto *xdp_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_xdp_event_output_proto;
	case BPF_FUNC_redirect:
		return &bpf_xdp_redirect_proto;
	case BPF_FUNC_fib_lookup:
		return &bpf_xdp_fib_lookup_proto;
	case BPF_FUNC_check_mtu:
		return &bpf_xdp_check_mtu_proto;
	case BPF_FUNC_sk_lookup_tcp:
		return &bpf_xdp_sk_lookup_tcp_proto;
	case BPF_FUNC_sk_lookup_udp:
		return &bpf_xdp_sk_lookup_udp_proto;
	case BPF_FUNC_skc_lookup_tcp:
		return &bpf_xdp_skc_lookup_tcp_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops xdp_prog_ops = {
	.ctx_name = "xdp_md",
	.fields = xdp_fields,
	.ctx_size = sizeof(struct xdp_md),
	.func_proto = xdp_func_proto,
	.is_valid_access = xdp_is_valid_access,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.test_run = xdp_test_run,
};
