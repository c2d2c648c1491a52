/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs on samples of performance events (Linux: kernel/trace/bpf_trace.c,
 * pe_prog_*): registers, then the sampling period and the address.
 */
#include <asm/ptrace.h>

#include "object/test_run.h"
#include "prog/ctx.h"

struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};

#define PE(name, first)                                                                            \
	CTX_ROW(struct bpf_perf_event_data, name, 8, SCALAR_VALUE, struct bpf_perf_event_data,     \
		name, 8, first, CTX_R, .narrow = 1)

static const struct bpf_ctx_field pe_fields[] = {
	{ .name = "regs",
	  .size = sizeof(struct pt_regs),
	  .elem = 8,
	  .reg_type = SCALAR_VALUE,
	  .rt_size = 8,
	  .since = KVER(4, 9),
	  .access = CTX_R },
	PE(sample_period, KVER(4, 9)),
	PE(addr, KVER(4, 13)),
	{ NULL },
};

static const struct bpf_func_proto *pe_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_perf_event_output_tp_proto;
	case BPF_FUNC_get_stackid:
		return &bpf_get_stackid_pe_proto;
	case BPF_FUNC_get_stack:
		return &bpf_get_stack_pe_proto;
	case BPF_FUNC_get_attach_cookie:
		return &bpf_get_attach_cookie_pe_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops perf_event_prog_ops = {
	.ctx_name = "bpf_perf_event_data",
	.fields = pe_fields,
	.ctx_size = sizeof(struct bpf_perf_event_data),
	.func_proto = pe_func_proto,
	.own_test_run = flat_test_run,
};
