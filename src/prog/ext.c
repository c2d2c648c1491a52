/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that stand in for a function of another program (Linux:
 * kernel/bpf/verifier.c). Their rules are those of what they replace, which is not
 * judged: see the verifier's check_attach_btf_id().
 */
#include <errno.h>

#include "prog/ctx.h"

static int ext_check_attach(u32 attach_type)
{
	return attach_type ? -EINVAL : 0;
}

const struct bpf_prog_type_ops ext_prog_ops = {
	.ctx_name = "typed arguments",
	.check_attach = ext_check_attach,
};
