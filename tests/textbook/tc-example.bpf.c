// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A program for each direction of an interface. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("ingress")
int on_ingress(struct __sk_buff *skb)
{
	bpf_printk("ingress: %d bytes", skb->len);
	return TC_ACT_OK;
}

SEC("egress")
int on_egress(struct __sk_buff *skb)
{
	bpf_printk("egress: %d bytes", skb->len);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
