/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Pulses and spaces of an infrared receiver (Linux: drivers/media/rc/bpf-lirc.c). */
#include "object/test_run.h"
#include "prog/ctx.h"

static bool lirc_is_valid_access(int off, int size, enum bpf_access_type t,
				 const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return t == BPF_READ && off == 0 && size == 4; /* the sample */
}

const struct bpf_prog_type_ops lirc_mode2_prog_ops = {
	.ctx_name = "u32",
	.ctx_size = 4,
	.is_valid_access = lirc_is_valid_access,
	.own_test_run = lirc_test_run,
};
