/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Addresses of bind, connect, sendmsg, recvmsg, getpeername and getsockname in a cgroup
 * (Linux: net/core/filter.c, sock_addr_*). What is there depends on the attach type.
 */
#include <errno.h>

#include "object/test_run.h"
#include "prog/cgroup.h"

#define ADDR(name, first, ways, ...)                                                               \
	CGROUP_ROW(struct bpf_sock_addr, name, 4, SCALAR_VALUE, first, ways, __VA_ARGS__)
#define ADDR_U32(name, first) ADDR(name, first, CTX_RW, .narrow = CTX_NARROW_ANY)
/* Two words of an IPv6 address at once are fine where they are aligned. */
#define ADDR_IP6(name, first)	ADDR(name, first, CTX_RW, .narrow = CTX_NARROW_ANY, .sizes = 8)
#define ADDR_EXACT(name, first) ADDR(name, first, CTX_R, .narrow = CTX_NARROW_NO)

static const struct bpf_ctx_field addr_fields[] = {
	ADDR_EXACT(user_family, KVER(4, 17)),
	ADDR_U32(user_ip4, KVER(4, 17)),
	ADDR_IP6(user_ip6, KVER(4, 17)),
	ADDR_U32(user_port, KVER(4, 17)),
	ADDR_EXACT(family, KVER(4, 17)),
	ADDR_EXACT(type, KVER(4, 17)),
	ADDR_EXACT(protocol, KVER(4, 17)),
	ADDR_U32(msg_src_ip4, KVER(4, 19)),
	ADDR_IP6(msg_src_ip6, KVER(4, 19)),
	CGROUP_ROW(struct bpf_sock_addr, sk, 8, PTR_TO_SOCKET, KVER(5, 3), CTX_R,
		   .narrow = CTX_NARROW_NO),
	{ NULL },
};

enum { FAMILY_4 = 1, FAMILY_6, FAMILY_UNIX };

/* The address family of an attach type; 0: not one of this program type. */
static int family_of(u32 attach_type)
{
	switch (attach_type) {
	case BPF_CGROUP_INET4_BIND:
	case BPF_CGROUP_INET4_CONNECT:
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET4_GETSOCKNAME:
	case BPF_CGROUP_UDP4_SENDMSG:
	case BPF_CGROUP_UDP4_RECVMSG:
		return FAMILY_4;
	case BPF_CGROUP_INET6_BIND:
	case BPF_CGROUP_INET6_CONNECT:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
	case BPF_CGROUP_UDP6_SENDMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
		return FAMILY_6;
	case BPF_CGROUP_UNIX_CONNECT:
	case BPF_CGROUP_UNIX_GETPEERNAME:
	case BPF_CGROUP_UNIX_GETSOCKNAME:
	case BPF_CGROUP_UNIX_SENDMSG:
	case BPF_CGROUP_UNIX_RECVMSG:
		return FAMILY_UNIX;
	}
	return 0;
}

static int addr_check_attach(u32 attach_type)
{
	return family_of(attach_type) ? 0 : -EINVAL;
}

static bool addr_is_valid_access(int off, int size, enum bpf_access_type t,
				 const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f = ctx_field_at(addr_fields, off);
	u32 at = prog->expected_attach_type;

	if (!f)
		return false;
	switch (f->off) {
	case offsetof(struct bpf_sock_addr, user_ip4):
		if (family_of(at) != FAMILY_4)
			return false;
		break;
	case offsetof(struct bpf_sock_addr, user_ip6):
		if (family_of(at) != FAMILY_6)
			return false;
		break;
	case offsetof(struct bpf_sock_addr, msg_src_ip4):
		if (at != BPF_CGROUP_UDP4_SENDMSG)
			return false;
		break;
	case offsetof(struct bpf_sock_addr, msg_src_ip6):
		if (at != BPF_CGROUP_UDP6_SENDMSG)
			return false;
		break;
	}
	return ctx_access_by_table(&cgroup_sock_addr_prog_ops, info->profile, off, size, t, info);
}

static const struct bpf_func_proto *addr_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	u32 at = prog->expected_attach_type;
	bool known;
	const struct bpf_func_proto *fn = cgroup_func_proto(func_id, prog, &known);

	if (known)
		return fn;
	switch (func_id) {
	case BPF_FUNC_bind:
		return at == BPF_CGROUP_INET4_CONNECT || at == BPF_CGROUP_INET6_CONNECT ?
			       bpf_helper_proto(func_id) :
			       NULL;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_cookie_sock_addr_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_sock_addr_proto;
	case BPF_FUNC_sk_lookup_tcp:
		return &bpf_sock_addr_sk_lookup_tcp_proto;
	case BPF_FUNC_sk_lookup_udp:
		return &bpf_sock_addr_sk_lookup_udp_proto;
	case BPF_FUNC_skc_lookup_tcp:
		return &bpf_sock_addr_skc_lookup_tcp_proto;
	case BPF_FUNC_setsockopt:
		return &bpf_sock_addr_setsockopt_proto;
	case BPF_FUNC_getsockopt:
		return &bpf_sock_addr_getsockopt_proto;
	}
	return bpf_helper_proto(func_id);
}

static struct bpf_retval_range addr_retval_range(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_CGROUP_UDP4_RECVMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
	case BPF_CGROUP_UNIX_RECVMSG:
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_UNIX_GETPEERNAME:
	case BPF_CGROUP_INET4_GETSOCKNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
	case BPF_CGROUP_UNIX_GETSOCKNAME:
		return RETVAL_RANGE(1, 1);
	case BPF_CGROUP_INET4_BIND: /* bit 1: the port needs no CAP_NET_BIND_SERVICE */
	case BPF_CGROUP_INET6_BIND:
		return RETVAL_RANGE(0, 3);
	}
	return RETVAL_RANGE(0, 1);
}

const struct bpf_prog_type_ops cgroup_sock_addr_prog_ops = {
	.ctx_name = "bpf_sock_addr",
	.fields = addr_fields,
	.ctx_size = sizeof(struct bpf_sock_addr),
	.check_attach = addr_check_attach,
	.func_proto = addr_func_proto,
	.is_valid_access = addr_is_valid_access,
	.retval_range = addr_retval_range,
	.own_test_run = sock_test_run,
};
