/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets of a cgroup being made, bound and released, struct bpf_sock (Linux:
 * net/core/filter.c, sock_filter_*). What may be seen depends on the attach type.
 */
#include <errno.h>

#include "object/test_run.h"
#include "prog/ctx.h"

#define SOCK_FIELD(name, el, first, ways, ...)                                                     \
	CTX_ROW(struct bpf_sock, name, el, SCALAR_VALUE, struct bpf_sock, name, el, first, ways,   \
		__VA_ARGS__)

/* World sockets are laid out as the uapi struct. */
static const struct bpf_ctx_field sock_fields[] = {
	SOCK_FIELD(bound_dev_if, 4, KVER(4, 10), CTX_RW, .narrow = CTX_NARROW_NO),
	SOCK_FIELD(family, 4, KVER(4, 10), CTX_R, .narrow = CTX_NARROW_START),
	SOCK_FIELD(type, 4, KVER(4, 10), CTX_R, .narrow = CTX_NARROW_START),
	SOCK_FIELD(protocol, 4, KVER(4, 10), CTX_R, .narrow = CTX_NARROW_START),
	SOCK_FIELD(mark, 4, KVER(4, 14), CTX_RW, .narrow = CTX_NARROW_NO),
	SOCK_FIELD(priority, 4, KVER(4, 14), CTX_RW, .narrow = CTX_NARROW_NO),
	SOCK_FIELD(src_ip4, 4, KVER(4, 17), CTX_R, .narrow = CTX_NARROW_ANY),
	SOCK_FIELD(src_ip6, 4, KVER(4, 17), CTX_R, .narrow = CTX_NARROW_ANY),
	SOCK_FIELD(src_port, 4, KVER(4, 17), CTX_R, .narrow = CTX_NARROW_START),
	SOCK_FIELD(dst_port, 2, KVER(5, 1), CTX_R, .narrow = CTX_NARROW_ANY),
	SOCK_FIELD(dst_ip4, 4, KVER(5, 1), CTX_R, .narrow = CTX_NARROW_ANY),
	SOCK_FIELD(dst_ip6, 4, KVER(5, 1), CTX_R, .narrow = CTX_NARROW_ANY),
	SOCK_FIELD(state, 4, KVER(5, 1), CTX_R, .narrow = CTX_NARROW_START),
	SOCK_FIELD(rx_queue_mapping, 4, KVER(5, 8), CTX_R, .narrow = CTX_NARROW_START),
	{ NULL },
};

static int cgroup_sock_check_attach(u32 attach_type)
{
	switch (attach_type) {
	case 0: /* means the first of them, as before there were attach types */
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET_SOCK_RELEASE:
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
		return 0;
	}
	return -EINVAL;
}

static bool cgroup_sock_is_valid_access(int off, int size, enum bpf_access_type t,
					const struct bpf_prog *prog,
					struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f = ctx_field_at(sock_fields, off);
	u32 at = prog->expected_attach_type;

	if (!f)
		return false;
	switch (f->off) {
	case offsetof(struct bpf_sock, bound_dev_if):
	case offsetof(struct bpf_sock, mark):
	case offsetof(struct bpf_sock, priority):
		if (at && at != BPF_CGROUP_INET_SOCK_CREATE && at != BPF_CGROUP_INET_SOCK_RELEASE)
			return false;
		break;
	case offsetof(struct bpf_sock, src_ip4):
		if (at != BPF_CGROUP_INET4_POST_BIND)
			return false;
		break;
	case offsetof(struct bpf_sock, src_ip6):
		if (at != BPF_CGROUP_INET6_POST_BIND)
			return false;
		break;
	case offsetof(struct bpf_sock, src_port):
		if (at != BPF_CGROUP_INET4_POST_BIND && at != BPF_CGROUP_INET6_POST_BIND)
			return false;
		break;
	case offsetof(struct bpf_sock, dst_port):
		/* Once 4 bytes wide: such loads still work and see zeroes behind it. */
		if (off == (int)f->off && size == 4 && t == BPF_READ) {
			info->ctx_field_size = 4;
			return visible(info->profile, f->since);
		}
		break;
	}
	return ctx_access_by_table(&cgroup_sock_prog_ops, info->profile, off, size, t, info);
}

static int cgroup_sock_convert(enum bpf_access_type t, const struct bpf_insn *insn,
			       struct bpf_insn_buf *out, const struct bpf_prog *prog,
			       u32 *target_size)
{
	if (insn->off == offsetof(struct bpf_sock, dst_port) && BPF_SIZE(insn->code) == BPF_W) {
		out->insns[out->n++] = *insn;
		*target_size = 4;
		return 0;
	}
	return ctx_convert_by_table(&cgroup_sock_prog_ops, t, insn, out, target_size);
}

static const struct bpf_func_proto *cgroup_sock_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_cookie_sock_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sock_proto;
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
	case BPF_FUNC_sk_storage_get:
		return &bpf_sk_storage_get_cg_sock_proto;
	case BPF_FUNC_get_cgroup_classid:
		return &bpf_get_cgroup_classid_curr_proto;
	}
	return bpf_helper_proto(func_id);
}

static struct bpf_retval_range cgroup_sock_retval_range(const struct bpf_prog *prog)
{
	return RETVAL_RANGE(0, 1);
}

const struct bpf_prog_type_ops cgroup_sock_prog_ops = {
	.ctx_name = "bpf_sock",
	.fields = sock_fields,
	.ctx_size = sizeof(struct bpf_sock),
	.check_attach = cgroup_sock_check_attach,
	.func_proto = cgroup_sock_func_proto,
	.is_valid_access = cgroup_sock_is_valid_access,
	.convert_ctx_access = cgroup_sock_convert,
	.retval_range = cgroup_sock_retval_range,
	.own_test_run = sock_test_run,
};
