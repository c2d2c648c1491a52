/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of all program types of cgroups (Linux: kernel/bpf/cgroup.c,
 * cgroup_common_func_proto() and cgroup_current_func_proto()).
 */
#include "prog/cgroup.h"

/* Whether what the program returns is the call's result: not where it can only say yes. */
static bool has_retval(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
	case BPF_CGROUP_SOCK_OPS:
	case BPF_CGROUP_UDP4_RECVMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
	case BPF_CGROUP_UNIX_RECVMSG:
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_UNIX_GETPEERNAME:
	case BPF_CGROUP_INET4_GETSOCKNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
	case BPF_CGROUP_UNIX_GETSOCKNAME:
		return false;
	}
	return true;
}

const struct bpf_func_proto *cgroup_func_proto(u32 func_id, const struct bpf_prog *prog,
					       bool *known)
{
	*known = true;
	switch (func_id) {
	case BPF_FUNC_get_retval:
	case BPF_FUNC_set_retval:
		return has_retval(prog) ? bpf_helper_proto(func_id) : NULL;
	case BPF_FUNC_get_cgroup_classid:
		return &bpf_get_cgroup_classid_curr_proto;
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
	}
	*known = false;
	return NULL;
}

struct bpf_retval_range cgroup_retval_range(const struct bpf_prog *prog)
{
	return RETVAL_RANGE(0, 1);
}
