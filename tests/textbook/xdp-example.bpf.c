// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What `ip` takes when no section is named. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("prog")
int example(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
