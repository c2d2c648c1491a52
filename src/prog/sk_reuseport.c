/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which socket of a group gets a packet (Linux: net/core/filter.c, sk_reuseport_*). */
#include <errno.h>

#include "object/test_run.h"
#include "prog/ctx.h"

#define REUSE_ROW(name, el, reg, first, ...)                                                       \
	CTX_ROW(struct sk_reuseport_md, name, el, reg, struct sk_reuseport_md, name, el, first,    \
		CTX_R, __VA_ARGS__)
#define REUSE_U32(name)		    REUSE_ROW(name, 4, SCALAR_VALUE, KVER(4, 19), .narrow = CTX_NARROW_ANY)
#define REUSE_PTR(name, reg, first) REUSE_ROW(name, 8, reg, first, .narrow = CTX_NARROW_NO)

static const struct bpf_ctx_field reuse_fields[] = {
	REUSE_PTR(data, PTR_TO_PACKET, KVER(4, 19)),
	REUSE_PTR(data_end, PTR_TO_PACKET_END, KVER(4, 19)),
	REUSE_U32(len),
	REUSE_U32(eth_protocol),
	REUSE_U32(ip_protocol),
	REUSE_U32(bind_inany),
	REUSE_ROW(hash, 4, SCALAR_VALUE, KVER(4, 19), .narrow = CTX_NARROW_NO),
	REUSE_PTR(sk, PTR_TO_SOCKET, KVER(5, 14)),
	REUSE_PTR(migrating_sk, PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL, KVER(5, 14)),
	{ NULL },
};

static int reuse_check_attach(u32 attach_type)
{
	switch (attach_type) {
	case 0: /* before there were attach types */
	case BPF_SK_REUSEPORT_SELECT:
	case BPF_SK_REUSEPORT_SELECT_OR_MIGRATE:
		return 0;
	}
	return -EINVAL;
}

static bool reuse_is_valid_access(int off, int size, enum bpf_access_type t,
				  const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f = ctx_field_at(reuse_fields, off);

	/* In the kernel's struct a protocol has two bytes. */
	if (f && f->off == offsetof(struct sk_reuseport_md, eth_protocol) && size < 2)
		return false;
	return ctx_access_by_table(&sk_reuseport_prog_ops, info->profile, off, size, t, info);
}

static const struct bpf_func_proto *reuse_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_skb_load_bytes:
		return &bpf_sk_reuseport_load_bytes_proto;
	case BPF_FUNC_skb_load_bytes_relative:
		return &bpf_sk_reuseport_load_bytes_relative_proto;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_ptr_cookie_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops sk_reuseport_prog_ops = {
	.ctx_name = "sk_reuseport_md",
	.fields = reuse_fields,
	.ctx_size = sizeof(struct sk_reuseport_md),
	.check_attach = reuse_check_attach,
	.func_proto = reuse_func_proto,
	.is_valid_access = reuse_is_valid_access,
	.may_access_direct_pkt_data_read = true,
	.own_test_run = sock_test_run,
};
