/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracepoints of packets on a live link (Linux: include/trace/events/net.h, skb.h): what is received, what is sent,
 * what programs drop. Programs are given a struct sk_buff of the kernel in force, with its device; the
 * packet's bytes are where its pointers say. Nobody's task: packets come and go on their own.
 */
#include "event/link_trace.h"

#include <arpa/inet.h>
#include <string.h>

#include "event/fire.h"
#include "hook/record.h"

enum { OBJ_DEV = 0x2f20, OBJ_NET, OBJ_SOCK };

/* Each drop: the reason, by its name in the kernel's types, and the function that frees the packet there. */
static const struct {
	const char *reason, *function;
} drops[] = {
	[LINK_DROP_TC_INGRESS] = { "SKB_DROP_REASON_TC_INGRESS", "__netif_receive_skb_core" },
	[LINK_DROP_TC_EGRESS] = { "SKB_DROP_REASON_TC_EGRESS", "__dev_queue_xmit" },
	[LINK_DROP_XDP] = { "SKB_DROP_REASON_NOT_SPECIFIED", "do_xdp_generic" },
	[LINK_DROP_NETKIT] = { "SKB_DROP_REASON_NOT_SPECIFIED", "dev_hard_start_xmit" },
	[LINK_DROP_ROUTE] = { "SKB_DROP_REASON_NOT_SPECIFIED", "run_lwt_bpf" },
	[LINK_DROP_NETFILTER] = { "SKB_DROP_REASON_NETFILTER_DROP", "nf_hook_slow" },
	[LINK_DROP_CGROUP_IN] = { "SKB_DROP_REASON_SOCKET_FILTER", "sk_filter_trim_cap" },
	[LINK_DROP_CGROUP_OUT] = { "SKB_DROP_REASON_BPF_CGROUP_EGRESS", "ip_finish_output" },
};

bool link_traced(const struct links *l)
{
	static const u32 rows[][2] = {
		{ RAW_TP_netif_receive_skb, TP_netif_receive_skb },
		{ RAW_TP_net_dev_queue, TP_net_dev_queue },
		{ RAW_TP_net_dev_start_xmit, TP_net_dev_start_xmit },
		{ RAW_TP_net_dev_xmit, TP_net_dev_xmit },
		{ RAW_TP_kfree_skb, TP_kfree_skb },
		{ RAW_TP_consume_skb, TP_consume_skb },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (tracepoint_in_use(l->sys, rows[i][0], rows[i][1]))
			return true;
	return false;
}

/* ---- what programs are shown ---- */

struct shown {
	struct tracepoint_hooks h;
	struct bpf_run run;
	struct sk_buff at;
	u64 skb, dev;
	struct record r;
};

static u64 made_up(struct shown *s, const char *type, u64 nr)
{
	u64 args[] = { (u64)(uintptr_t)type, nr };

	return s->run.platform->world(&s->run, WORLD_MADE_UP, args);
}

static void put(struct shown *s, u64 object, const char *field, const void *bytes, u32 size)
{
	u64 args[] = { object, (u64)(uintptr_t)field, (u64)(uintptr_t)bytes, size };

	if (object)
		s->run.platform->world(&s->run, WORLD_PUT, args);
}

static void put_number(struct shown *s, u64 object, const char *field, u64 v)
{
	put(s, object, field, &v, sizeof(v));
}

/*
 * False: nobody looks at this point. @from: the packet begins at its Ethernet header (0), or behind that, as
 * for who has received it.
 */
static bool show(struct shown *s, struct link_way *w, const struct port *p,
		 const struct sk_buff *skb, u32 from, u32 raw, u32 row)
{
	struct skep_system *sys = w->l->sys;
	u64 of = (u64)(uintptr_t)&s->at, net;

	s->h = tracepoint_hooks(sys, raw, row);
	if (likely(!s->h.raw && !s->h.formatted))
		return false;
	s->run = (struct bpf_run){ .interpret = w->run->interpret };
	s->at = *skb;
	if (from && s->at.l2 && s->at.data + from <= s->at.data_end) {
		s->at.data += from;
		s->at.data_meta = s->at.data;
		s->at.len -= from;
		s->at.l2 = 0;
	}
	slot_claim(sys->arena, sys->platform, &s->run);
	s->run.packet = &s->at;
	s->skb = s->run.platform->world(&s->run, WORLD_KERN_CTX, &of);
	s->dev = made_up(s, "net_device", OBJ_DEV);
	net = made_up(s, "net", OBJ_NET);
	put_number(s, net, "ns.inum", sys->net_ino);
	put_number(s, s->dev, "ifindex", p->p.ifindex);
	put_number(s, s->dev, "nd_net.net", net);
	put(s, s->dev, "name", p->p.name, sizeof(p->p.name));
	put_number(s, s->skb, "dev", s->dev);
	if (s->h.formatted) {
		record_begin(&s->r, sys, row, 0);
		record_put(&s->r, "skbaddr", s->skb);
	}
	return true;
}

static void fire(struct shown *s, const u64 *args, u32 n)
{
	hook_fire_both(s->h.raw, s->h.formatted, args, n, s->r.bytes, &s->run);
	slot_release(&s->run);
}

/* ---- the points ---- */

void link_trace_receive(struct link_way *w, const struct port *p, const struct sk_buff *skb)
{
	struct shown s;

	if (!show(&s, w, p, skb, ETH_HLEN, RAW_TP_netif_receive_skb, TP_netif_receive_skb))
		return;
	if (s.h.formatted) {
		record_put(&s.r, "len", s.at.len);
		record_put_string(&s.r, "name", p->p.name);
	}
	fire(&s, &s.skb, 1);
}

static void start_xmit(struct link_way *w, const struct port *p, const struct sk_buff *skb)
{
	struct shown s;
	u64 args[2];

	if (!show(&s, w, p, skb, 0, RAW_TP_net_dev_start_xmit, TP_net_dev_start_xmit))
		return;
	if (s.h.formatted) {
		u32 mac = skb->mac_header;

		record_put_string(&s.r, "name", p->p.name);
		record_put(&s.r, "queue_mapping", skb->queue_mapping);
		record_put(&s.r, "vlan_tagged", skb->vlan_present);
		record_put(&s.r, "vlan_proto", ntohs(skb->vlan_proto));
		record_put(&s.r, "vlan_tci", skb->vlan_tci);
		record_put(&s.r, "protocol", ntohs(skb->protocol));
		record_put(&s.r, "ip_summed", skb->ip_summed);
		record_put(&s.r, "len", skb->len);
		record_put(&s.r, "data_len", skb->data_len);
		record_put(&s.r, "network_offset", (u64)(skb->network_header - mac));
		record_put(&s.r, "transport_offset_valid", skb->transport_header != SKB_UNSET);
		record_put(&s.r, "transport_offset",
			   skb->transport_header == SKB_UNSET ? 0 :
								(u64)(skb->transport_header - mac));
	}
	args[0] = s.skb;
	args[1] = s.dev;
	fire(&s, args, 2);
}

void link_trace_queue(struct link_way *w, const struct port *p, const struct sk_buff *skb)
{
	struct shown s;

	if (show(&s, w, p, skb, 0, RAW_TP_net_dev_queue, TP_net_dev_queue)) {
		if (s.h.formatted) {
			record_put(&s.r, "len", skb->len);
			record_put_string(&s.r, "name", p->p.name);
		}
		fire(&s, &s.skb, 1);
	}
	start_xmit(w, p, skb);
}

void link_trace_sent(struct link_way *w, const struct port *p, const struct sk_buff *skb)
{
	struct shown s;
	u64 args[4];

	if (!show(&s, w, p, skb, 0, RAW_TP_net_dev_xmit, TP_net_dev_xmit))
		return;
	if (s.h.formatted) {
		record_put(&s.r, "len", skb->len);
		record_put(&s.r, "rc", 0);
		record_put_string(&s.r, "name", p->p.name);
	}
	args[0] = s.skb;
	args[1] = 0; /* NETDEV_TX_OK */
	args[2] = s.dev;
	args[3] = skb->len;
	fire(&s, args, 4);
}

void link_trace_drop(struct link_way *w, const struct port *p, const struct sk_buff *skb,
		     enum link_drop why)
{
	struct shown s;
	u64 args[4];

	if (!show(&s, w, p, skb, 0, RAW_TP_kfree_skb, TP_kfree_skb))
		return;
	args[0] = s.skb;
	args[1] = drop_place(w->l->sys, drops[why].function);
	args[2] = drop_reason(w->l->sys, drops[why].reason);
	args[3] = 0; /* no socket is known to have been chosen */
	if (s.h.formatted) {
		record_put(&s.r, "location", args[1]);
		record_put(&s.r, "protocol", ntohs(skb->protocol));
		record_put(&s.r, "reason", args[2]);
		record_put(&s.r, "rx_sk", 0);
	}
	fire(&s, args, 4);
}

void link_trace_taken(struct link_way *w, const struct port *p, const struct sk_buff *skb,
		      bool ingress)
{
	enum link_drop where = ingress ? LINK_DROP_TC_INGRESS : LINK_DROP_TC_EGRESS;
	struct shown s;
	u64 args[2];

	if (!show(&s, w, p, skb, 0, RAW_TP_consume_skb, TP_consume_skb))
		return;
	args[0] = s.skb;
	args[1] = drop_place(w->l->sys, drops[where].function);
	if (s.h.formatted)
		record_put(&s.r, "location", args[1]);
	fire(&s, args, 2);
}

bool link_trace_again_active(const struct links *l)
{
	return tracepoint_in_use(l->sys, RAW_TP_tcp_retransmit_skb, TP_tcp_retransmit_skb);
}

/* An IPv4 address as IPv6 has it. */
static void mapped(u8 to[16], const u32 *addr, bool v6)
{
	static const u8 prefix[12] = { [10] = 0xff, 0xff };

	memcpy(to, v6 ? (const void *)addr : prefix, v6 ? 16 : 12);
	if (!v6)
		memcpy(to + 12, addr, 4);
}

/* struct tcp_sock of the connection, as far as the segment tells it. */
static u64 shown_sock(struct shown *s, const struct tcp_seg *seg, u8 state)
{
	u64 sk = made_up(s, "tcp_sock", OBJ_SOCK), net = made_up(s, "net", OBJ_NET);
	bool v6 = seg->family == PF_IPV6;

#define SK(field) "inet_conn.icsk_inet.sk.__sk_common." field
	put_number(s, sk, SK("skc_family"), seg->family);
	put_number(s, sk, SK("skc_state"), state);
	put_number(s, sk, SK("skc_num"), ntohs(seg->lport));
	put_number(s, sk, SK("skc_dport"), seg->rport);
	put_number(s, sk, SK("skc_net.net"), net);
	put_number(s, sk, "inet_conn.icsk_inet.sk.sk_protocol", 6);
	put_number(s, sk, "inet_conn.icsk_inet.inet_sport", seg->lport);
	if (v6) {
		put(s, sk, SK("skc_v6_rcv_saddr"), seg->local, 16);
		put(s, sk, SK("skc_v6_daddr"), seg->remote, 16);
	} else {
		put(s, sk, SK("skc_rcv_saddr"), seg->local, 4);
		put(s, sk, SK("skc_daddr"), seg->remote, 4);
	}
#undef SK
	return sk;
}

void link_trace_again(struct link_way *w, const struct tcp_seg *seg, u8 state)
{
	const struct port *p = link_port_at(w->l, seg->skb->ifindex);
	struct shown s;
	u64 args[3] = { 0 };
	u8 address[16];

	/* The packet begins at what is behind its headers, which Linux makes for a copy of it. */
	if (!p || !show(&s, w, p, seg->skb, (u32)(seg->tcp + seg->hdr - seg->skb->data),
			RAW_TP_tcp_retransmit_skb, TP_tcp_retransmit_skb))
		return;
	args[0] = shown_sock(&s, seg, state);
	args[1] = s.skb;
	if (s.h.formatted) {
		bool v6 = seg->family == PF_IPV6;

		record_put(&s.r, "skaddr", args[0]);
		record_put(&s.r, "state", state);
		record_put(&s.r, "sport", ntohs(seg->lport));
		record_put(&s.r, "dport", ntohs(seg->rport));
		record_put(&s.r, "family", seg->family);
		record_put_bytes(&s.r, "saddr", v6 ? "\0\0\0" : (const void *)seg->local, 4);
		record_put_bytes(&s.r, "daddr", v6 ? "\0\0\0" : (const void *)seg->remote, 4);
		mapped(address, seg->local, v6);
		record_put_bytes(&s.r, "saddr_v6", address, 16);
		mapped(address, seg->remote, v6);
		record_put_bytes(&s.r, "daddr_v6", address, 16);
		record_put(&s.r, "err", 0);
	}
	fire(&s, args, 3);
}
