/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * getsockopt(2) and setsockopt(2) in a cgroup (Linux: kernel/bpf/cgroup.c,
 * cg_sockopt_*). The option's value is accessed like a packet.
 */
#include <errno.h>

#include "object/test_run.h"
#include "prog/cgroup.h"

#define SOCKOPT(name, ways)                                                                        \
	CGROUP_ROW(struct bpf_sockopt, name, 4, SCALAR_VALUE, KVER(5, 3), ways,                    \
		   .narrow = CTX_NARROW_NO)
#define SOCKOPT_PTR(name, reg)                                                                     \
	CGROUP_ROW(struct bpf_sockopt, name, 8, reg, KVER(5, 3), CTX_R, .narrow = CTX_NARROW_NO)

static const struct bpf_ctx_field sockopt_fields[] = {
	SOCKOPT_PTR(sk, PTR_TO_SOCKET),
	SOCKOPT_PTR(optval, PTR_TO_PACKET),
	SOCKOPT_PTR(optval_end, PTR_TO_PACKET_END),
	SOCKOPT(level, CTX_RW),
	SOCKOPT(optname, CTX_RW),
	SOCKOPT(optlen, CTX_RW),
	SOCKOPT(retval, CTX_RW),
	{ NULL },
};

static int sockopt_check_attach(u32 attach_type)
{
	return attach_type == BPF_CGROUP_SETSOCKOPT || attach_type == BPF_CGROUP_GETSOCKOPT ?
		       0 :
		       -EINVAL;
}

static bool sockopt_is_valid_access(int off, int size, enum bpf_access_type t,
				    const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f = ctx_field_at(sockopt_fields, off);
	bool get = prog->expected_attach_type == BPF_CGROUP_GETSOCKOPT;

	if (!f)
		return false;
	/* A call that is to be made can be changed; one that was made has a result. */
	switch (f->off) {
	case offsetof(struct bpf_sockopt, level):
	case offsetof(struct bpf_sockopt, optname):
		if (t == BPF_WRITE && get)
			return false;
		break;
	case offsetof(struct bpf_sockopt, retval):
		if (!get)
			return false;
		break;
	}
	return ctx_access_by_table(&cgroup_sockopt_prog_ops, info->profile, off, size, t, info);
}

static const struct bpf_func_proto *sockopt_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	bool known;
	const struct bpf_func_proto *fn = cgroup_func_proto(func_id, prog, &known);

	if (known)
		return fn;
	switch (func_id) {
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sockopt_proto;
	case BPF_FUNC_setsockopt:
		return prog->expected_attach_type == BPF_CGROUP_SETSOCKOPT ?
			       &bpf_sk_setsockopt_proto :
			       NULL;
	case BPF_FUNC_getsockopt:
		return prog->expected_attach_type == BPF_CGROUP_SETSOCKOPT ?
			       &bpf_sk_getsockopt_proto :
			       NULL;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops cgroup_sockopt_prog_ops = {
	.ctx_name = "bpf_sockopt",
	.fields = sockopt_fields,
	.ctx_size = sizeof(struct bpf_sockopt),
	.check_attach = sockopt_check_attach,
	.func_proto = sockopt_func_proto,
	.is_valid_access = sockopt_is_valid_access,
	.retval_range = cgroup_retval_range,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.own_test_run = sock_test_run,
};
