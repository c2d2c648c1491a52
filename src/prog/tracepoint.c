/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracepoints by their formatted record (Linux: kernel/trace/bpf_trace.c, tp_prog_*):
 * the first 8 bytes, which hold a kernel pointer, are out of bounds.
 */
#include "object/test_run.h"
#include "prog/ctx.h"

#define PERF_MAX_TRACE_SIZE 8192

static bool tp_is_valid_access(int off, int size, enum bpf_access_type t,
			       const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return off >= 8 && off < PERF_MAX_TRACE_SIZE && t == BPF_READ && off % size == 0;
}

static const struct bpf_func_proto *tp_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_perf_event_output_tp_proto;
	case BPF_FUNC_get_stackid:
		return &bpf_get_stackid_tp_proto;
	case BPF_FUNC_get_stack:
		return &bpf_get_stack_tp_proto;
	case BPF_FUNC_get_attach_cookie:
		return &bpf_get_attach_cookie_trace_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops tracepoint_prog_ops = {
	.ctx_name = "tracepoint record",
	.ctx_size = PERF_MAX_TRACE_SIZE,
	.func_proto = tp_func_proto,
	.is_valid_access = tp_is_valid_access,
	.own_test_run = flat_test_run,
};
