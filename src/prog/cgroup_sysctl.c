/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Sysctls read and written in a cgroup (Linux: kernel/bpf/cgroup.c, sysctl_*). */
#include "object/test_run.h"
#include "prog/cgroup.h"

#define SYSCTL(name, ways, ...)                                                                    \
	CGROUP_ROW(struct bpf_sysctl, name, 4, SCALAR_VALUE, KVER(5, 2), ways, __VA_ARGS__)

static const struct bpf_ctx_field sysctl_fields[] = {
	SYSCTL(write, CTX_R, .narrow = CTX_NARROW_ANY),
	SYSCTL(file_pos, CTX_RW, .narrow = CTX_NARROW_ANY),
	{ NULL },
};

static const struct bpf_func_proto *sysctl_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	bool known;
	const struct bpf_func_proto *fn = cgroup_func_proto(func_id, prog, &known);

	return known ? fn : bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops cgroup_sysctl_prog_ops = {
	.ctx_name = "bpf_sysctl",
	.fields = sysctl_fields,
	.ctx_size = sizeof(struct bpf_sysctl),
	.func_proto = sysctl_func_proto,
	.retval_range = cgroup_retval_range,
	.own_test_run = sysctl_test_run,
};
