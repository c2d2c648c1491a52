/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* For the commands of traffic control. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("ingress")
int coming(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

SEC("egress")
int going(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
