/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that make bpf(2) calls, run by BPF_PROG_TEST_RUN (Linux: kernel/bpf/syscall.c,
 * syscall_prog_*). The context is memory that the caller passes; helpers are those of
 * tracing.
 */
#include <errno.h>

#include "object/test_run.h"
#include "prog/trace.h"

static int syscall_check_attach(u32 attach_type)
{
	return attach_type ? -EINVAL : 0;
}

static bool syscall_is_valid_access(int off, int size, enum bpf_access_type t,
				    const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return off >= 0 && off < 0xffff && off % size == 0;
}

const struct bpf_prog_type_ops syscall_prog_ops = {
	.ctx_name = "syscall context",
	.ctx_size = 0xffff,
	.check_attach = syscall_check_attach,
	.func_proto = tracing_func_proto,
	.is_valid_access = syscall_is_valid_access,
	.test_run = syscall_test_run,
};
