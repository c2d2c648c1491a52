/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Probes on functions of the kernel and of processes (Linux: kernel/trace/bpf_trace.c,
 * kprobe_prog_*): the context is the registers at the probe.
 */
#include <asm/ptrace.h>

#include "object/test_run.h"
#include "prog/ctx.h"

static bool is_kprobe_multi(const struct bpf_prog *prog)
{
	return prog->expected_attach_type == BPF_TRACE_KPROBE_MULTI ||
	       prog->expected_attach_type == BPF_TRACE_KPROBE_SESSION;
}

static bool is_uprobe_multi(const struct bpf_prog *prog)
{
	return prog->expected_attach_type == BPF_TRACE_UPROBE_MULTI ||
	       prog->expected_attach_type == BPF_TRACE_UPROBE_SESSION;
}

static bool kprobe_is_valid_access(int off, int size, enum bpf_access_type t,
				   const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return off >= 0 && off + size <= (int)sizeof(struct pt_regs) && t == BPF_READ &&
	       off % size == 0;
}

static const struct bpf_func_proto *kprobe_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_get_stack:
		return prog->sleepable ? &bpf_get_stack_sleepable_proto : bpf_helper_proto(func_id);
	case BPF_FUNC_get_func_ip:
		return is_kprobe_multi(prog) ? &bpf_get_func_ip_kprobe_multi_proto :
		       is_uprobe_multi(prog) ? &bpf_get_func_ip_uprobe_multi_proto :
					       &bpf_get_func_ip_kprobe_proto;
	case BPF_FUNC_get_attach_cookie:
		return is_kprobe_multi(prog) ? &bpf_get_attach_cookie_kmulti_proto :
		       is_uprobe_multi(prog) ? &bpf_get_attach_cookie_umulti_proto :
					       &bpf_get_attach_cookie_trace_proto;
	}
	return bpf_helper_proto(func_id);
}

static struct bpf_retval_range kprobe_retval_range(const struct bpf_prog *prog)
{
	/* A session's entry says whether the return is wanted, too. */
	if (prog->expected_attach_type == BPF_TRACE_KPROBE_SESSION ||
	    prog->expected_attach_type == BPF_TRACE_UPROBE_SESSION)
		return RETVAL_RANGE(0, 1);
	return (struct bpf_retval_range){ 0 };
}

const struct bpf_prog_type_ops kprobe_prog_ops = {
	.ctx_name = "pt_regs",
	.ctx_size = sizeof(struct pt_regs),
	.func_proto = kprobe_func_proto,
	.is_valid_access = kprobe_is_valid_access,
	.retval_range = kprobe_retval_range,
	.own_test_run = flat_test_run,
};
