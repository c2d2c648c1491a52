/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Messages sent on sockets of a map (Linux: net/core/filter.c, sk_msg_*). */
#include "object/test_run.h"
#include "prog/ctx.h"

#define MSG_ROW(name, el, reg, first)                                                              \
	CTX_ROW(struct sk_msg_md, name, el, reg, struct sk_msg_md, name, el, first, CTX_R,         \
		.narrow = CTX_NARROW_NO)
#define MSG_U32(name, first) MSG_ROW(name, 4, SCALAR_VALUE, first)

static const struct bpf_ctx_field msg_fields[] = {
	MSG_ROW(data, 8, PTR_TO_PACKET, KVER(4, 17)),
	MSG_ROW(data_end, 8, PTR_TO_PACKET_END, KVER(4, 17)),
	MSG_U32(family, KVER(4, 19)),
	MSG_U32(remote_ip4, KVER(4, 19)),
	MSG_U32(local_ip4, KVER(4, 19)),
	MSG_U32(remote_ip6, KVER(4, 19)),
	MSG_U32(local_ip6, KVER(4, 19)),
	MSG_U32(remote_port, KVER(4, 19)),
	MSG_U32(local_port, KVER(4, 19)),
	MSG_U32(size, KVER(5, 0)),
	MSG_ROW(sk, 8, PTR_TO_SOCKET, KVER(5, 8)),
	{ NULL },
};

static const struct bpf_func_proto *msg_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sk_msg_proto;
	case BPF_FUNC_get_cgroup_classid:
		return &bpf_get_cgroup_classid_curr_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops sk_msg_prog_ops = {
	.ctx_name = "sk_msg_md",
	.fields = msg_fields,
	.ctx_size = sizeof(struct sk_msg_md),
	.func_proto = msg_func_proto,
	.may_access_direct_pkt_data_read = true,
	.may_access_direct_pkt_data_write = true,
	.own_test_run = sock_test_run,
};
