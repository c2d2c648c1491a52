/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Socket filters (Linux: net/core/filter.c, sk_filter_*). The result is the length to keep. */
#include "object/test_run.h"
#include "prog/skb.h"

const struct bpf_prog_type_ops socket_filter_prog_ops = {
	.ctx_name = "__sk_buff",
	.fields = skb_filter_fields,
	.ctx_size = sizeof(struct __sk_buff),
	.func_proto = skb_func_proto,
	.ld_abs = true,
	.test_run = skb_test_run,
};
