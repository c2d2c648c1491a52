/* HELPER_GPL */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifdef ADVICE
#define TERMS "GPL"
#else
#define TERMS "Proprietary"
#endif
#include "advice.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	bpf_printk("packet");
	return XDP_PASS;
}
