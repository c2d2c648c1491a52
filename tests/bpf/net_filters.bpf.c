/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Filters that say one thing each. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define SAYS(name, what)                                                                           \
	SEC(#name)                                                                                 \
	int says_##name(struct __sk_buff *skb)                                                     \
	{                                                                                          \
		return what;                                                                       \
	}

SAYS(drop, TC_ACT_SHOT)
SAYS(pass, TC_ACT_OK)
SAYS(unspec, TC_ACT_UNSPEC)
SAYS(pipe, TC_ACT_PIPE)
SAYS(match, -1)
SAYS(no_match, 0)

SEC("xdp")
int drop_all(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
