/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tracepoints that packets of a live link pass; see link_trace.c. @skb is at its Ethernet header. */
#ifndef SKEP_EVENT_LINK_TRACE_H
#define SKEP_EVENT_LINK_TRACE_H

#include "event/link_tcp.h"

enum link_drop {
	LINK_DROP_TC_INGRESS,
	LINK_DROP_TC_EGRESS,
	LINK_DROP_XDP, /* in generic mode */
	LINK_DROP_NETKIT,
	LINK_DROP_ROUTE,
	LINK_DROP_NETFILTER,
	LINK_DROP_CGROUP_IN,
	LINK_DROP_CGROUP_OUT,
};

/* Whether anything is attached to any of them: then frames must become packets. */
bool link_traced(const struct links *l);
/* netif_receive_skb */
void link_trace_receive(struct link_way *w, const struct port *p, const struct sk_buff *skb);
/* net_dev_queue, net_dev_start_xmit */
void link_trace_queue(struct link_way *w, const struct port *p, const struct sk_buff *skb);
/* net_dev_xmit */
void link_trace_sent(struct link_way *w, const struct port *p, const struct sk_buff *skb);
/* kfree_skb */
void link_trace_drop(struct link_way *w, const struct port *p, const struct sk_buff *skb,
		     enum link_drop why);
/* consume_skb: a program of traffic control has said that it has taken the packet. */
void link_trace_taken(struct link_way *w, const struct port *p, const struct sk_buff *skb,
		      bool ingress);
/* tcp_retransmit_skb: whether somebody looks at it; the segment has been sent before. @state: BPF_TCP_* */
bool link_trace_again_active(const struct links *l);
void link_trace_again(struct link_way *w, const struct tcp_seg *seg, u8 state);

#endif
