/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which socket a packet is for (Linux: net/core/filter.c, sk_lookup_*). */
#include <errno.h>

#include "object/test_run.h"
#include "prog/ctx.h"

#define LOOKUP_ROW(name, el, reg, first, ...)                                                      \
	CTX_ROW(struct bpf_sk_lookup, name, el, reg, struct bpf_sk_lookup, name, el, first, CTX_R, \
		__VA_ARGS__)
#define LOOKUP_U32(name, first) LOOKUP_ROW(name, 4, SCALAR_VALUE, first, .narrow = CTX_NARROW_ANY)

static const struct bpf_ctx_field lookup_fields[] = {
	LOOKUP_ROW(sk, 8, PTR_TO_SOCKET | PTR_MAYBE_NULL, KVER(5, 9), .narrow = CTX_NARROW_NO),
	LOOKUP_U32(family, KVER(5, 9)),
	LOOKUP_U32(protocol, KVER(5, 9)),
	LOOKUP_U32(remote_ip4, KVER(5, 9)),
	LOOKUP_U32(remote_ip6, KVER(5, 9)),
	/* Once of 32 bits: the bytes behind it can still be read, and are zero. */
	{ .name = "remote_port",
	  .off = offsetof(struct bpf_sk_lookup, remote_port),
	  .size = 4,
	  .elem = 4,
	  .reg_type = SCALAR_VALUE,
	  .rt_off = offsetof(struct bpf_sk_lookup, remote_port),
	  .rt_size = 4,
	  .since = KVER(5, 9),
	  .access = CTX_R,
	  .narrow = CTX_NARROW_ANY },
	LOOKUP_U32(local_ip4, KVER(5, 9)),
	LOOKUP_U32(local_ip6, KVER(5, 9)),
	LOOKUP_U32(local_port, KVER(5, 9)),
	LOOKUP_U32(ingress_ifindex, KVER(5, 17)),
	{ NULL },
};

static int lookup_check_attach(u32 attach_type)
{
	return attach_type == BPF_SK_LOOKUP ? 0 : -EINVAL;
}

static const struct bpf_func_proto *lookup_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
	case BPF_FUNC_sk_assign:
		return &bpf_sk_lookup_assign_proto;
	}
	return bpf_helper_proto(func_id);
}

static struct bpf_retval_range lookup_retval_range(const struct bpf_prog *prog)
{
	return RETVAL_RANGE(0, 1);
}

const struct bpf_prog_type_ops sk_lookup_prog_ops = {
	.ctx_name = "bpf_sk_lookup",
	.fields = lookup_fields,
	.ctx_size = sizeof(struct bpf_sk_lookup),
	.check_attach = lookup_check_attach,
	.func_proto = lookup_func_proto,
	.retval_range = lookup_retval_range,
	.test_run = sk_lookup_test_run,
};
