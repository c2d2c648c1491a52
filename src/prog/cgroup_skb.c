/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets of a cgroup's sockets (Linux: net/core/filter.c, cg_skb_*). Loadable
 * without CAP_BPF, but then blind to packet data and time stamps.
 */
#include <errno.h>

#include "object/test_run.h"
#include "prog/skb.h"

static int cg_skb_check_attach(u32 attach_type)
{
	return attach_type == BPF_CGROUP_INET_INGRESS || attach_type == BPF_CGROUP_INET_EGRESS ?
		       0 :
		       -EINVAL;
}

static bool cg_skb_is_valid_access(int off, int size, enum bpf_access_type t,
				   const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f = ctx_field_at(skb_cgroup_fields, off);

	if (f && !info->bpf_capable &&
	    (f->off == offsetof(struct __sk_buff, data) ||
	     f->off == offsetof(struct __sk_buff, data_end) ||
	     (t == BPF_WRITE && f->off == offsetof(struct __sk_buff, tstamp))))
		return false;
	return ctx_access_by_table(&cgroup_skb_prog_ops, info->profile, off, size, t, info);
}

static struct bpf_retval_range cg_skb_retval_range(const struct bpf_prog *prog)
{
	/* Egress: bit 1 asks for congestion notification. */
	return RETVAL_RANGE(0, prog->expected_attach_type == BPF_CGROUP_INET_EGRESS ? 3 : 1);
}

const struct bpf_prog_type_ops cgroup_skb_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_cgroup_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.check_attach = cg_skb_check_attach,
	.func_proto = skb_func_proto,
	.is_valid_access = cg_skb_is_valid_access,
	.retval_range = cg_skb_retval_range,
	.may_access_direct_pkt_data_read = true,
	.test_run = skb_test_run,
};
