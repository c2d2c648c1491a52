/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Raw tracepoints: the context is the array of the tracepoint's arguments, each 64
 * bits and untyped (Linux: kernel/trace/bpf_trace.c, raw_tp_*). The writable variant
 * sees its first argument as a buffer.
 */
#include "object/test_run.h"
#include "prog/trace.h"

bool trace_args_access(int off, int size, enum bpf_access_type t)
{
	return off >= 0 && off < MAX_BPF_FUNC_ARGS * 8 && t == BPF_READ && off % size == 0;
}

static bool raw_tp_is_valid_access(int off, int size, enum bpf_access_type t,
				   const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return trace_args_access(off, size, t);
}

static bool raw_tp_writable_is_valid_access(int off, int size, enum bpf_access_type t,
					    const struct bpf_prog *prog,
					    struct bpf_insn_access_aux *info)
{
	if (off == 0) {
		if (size != 8 || t != BPF_READ)
			return false;
		info->reg_type = PTR_TO_TP_BUFFER;
	}
	return trace_args_access(off, size, t);
}

const struct bpf_func_proto *raw_tp_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_perf_event_output:
		return &bpf_perf_event_output_raw_tp_proto;
	case BPF_FUNC_get_stackid:
		return &bpf_get_stackid_raw_tp_proto;
	case BPF_FUNC_get_stack:
		return &bpf_get_stack_raw_tp_proto;
	case BPF_FUNC_get_attach_cookie:
		return &bpf_get_attach_cookie_tracing_proto;
	}
	return bpf_helper_proto(func_id);
}

const struct bpf_prog_type_ops raw_tracepoint_prog_ops = {
	.ctx_name = "bpf_raw_tracepoint_args",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.func_proto = raw_tp_func_proto,
	.is_valid_access = raw_tp_is_valid_access,
	.test_run = raw_tp_test_run,
};

/* No test run, as in Linux: the caller's arguments are numbers and no buffers. */
const struct bpf_prog_type_ops raw_tracepoint_writable_prog_ops = {
	.ctx_name = "bpf_raw_tracepoint_args",
	.ctx_size = MAX_BPF_FUNC_ARGS * 8,
	.func_proto = raw_tp_func_proto,
	.is_valid_access = raw_tp_writable_is_valid_access,
};
