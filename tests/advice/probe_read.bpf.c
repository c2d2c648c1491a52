/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("raw_tp/sched_switch")
int prog(struct bpf_raw_tracepoint_args *ctx)
{
	u64 *task = (void *)ctx->args[1];
	u64 first = 0;

#ifdef ADVICE
	bpf_probe_read_kernel(&first, sizeof(first), task);
#else
	first = *task;
#endif
	return first != 0;
}
