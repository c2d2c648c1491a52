/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "parser.h"

__u64 counters[256];

SEC("xdp")
int parser(struct xdp_md *ctx)
{
	return parse_packet((void *)(long)ctx->data, (void *)(long)ctx->data_end, counters);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
