/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Device nodes being made and opened in a cgroup (Linux: kernel/bpf/cgroup.c, cgroup_dev_*). */
#include "object/test_run.h"
#include "prog/cgroup.h"

#define DEV(name, ...)                                                                             \
	CGROUP_ROW(struct bpf_cgroup_dev_ctx, name, 4, SCALAR_VALUE, KVER(4, 15), CTX_R,           \
		   __VA_ARGS__)

static const struct bpf_ctx_field dev_fields[] = {
	DEV(access_type, .narrow = CTX_NARROW_ANY),
	DEV(major, .narrow = CTX_NARROW_NO),
	DEV(minor, .narrow = CTX_NARROW_NO),
	{ NULL },
};

static const struct bpf_func_proto *dev_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	bool known;
	const struct bpf_func_proto *fn = cgroup_func_proto(func_id, prog, &known);

	return known ? fn : bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops cgroup_device_prog_ops = {
	.ctx_name = "bpf_cgroup_dev_ctx",
	.fields = dev_fields,
	.ctx_size = sizeof(struct bpf_cgroup_dev_ctx),
	.func_proto = dev_func_proto,
	.retval_range = cgroup_retval_range,
	.own_test_run = flat_test_run,
};
