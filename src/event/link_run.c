/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs on a live link's frames, in Linux's order (net/core/dev.c: __netif_receive_skb_core(), do_xdp_generic(),
 * sch_handle_ingress(), sch_handle_egress(); drivers/net/veth.c for XDP in the driver).
 *
 * A burst is one claim of a slot. XDP programs run where the frame lies, in the ring, whose slots have
 * head and tail room as a driver's pages have; an skb is a copy. DIFF(link-skb-fields): what a frame's
 * sender knew of it (mark, priority, socket) does not come over the wire: these are 0 on egress, and it is not told of a drop.
 */
#include "event/link_run.h"

#include <linux/if_link.h>
#include <string.h>

#include "event/link_tcp.h"
#include "event/link_trace.h"
#include "hook/cls_bpf.h"
#include "hook/record.h"

void link_emit(struct link_way *w, struct leg *leg, const u8 *data, u32 len, bool stable)
{
	if (w->queued)
		leg_put(leg, data, len, stable);
	else
		leg_send(leg, data, len);
}

/* ---- XDP ---- */

void link_exception(struct link_way *w, const struct port *p, const struct bpf_prog *prog, u32 act)
{
	struct skep_system *sys = w->l->sys;
	struct hook *raw = hook_at(sys, HOOK_RAW_TP, RAW_TP_xdp_exception);
	struct hook *formatted = hook_at(sys, HOOK_TRACEPOINT, TP_xdp_exception);
	/* The device and the program have no world objects: a read through 0 is a fault, no silent 0. */
	u64 args[3] = { 0, 0, act };

	if (raw)
		hook_fire(raw, args);
	if (formatted && hook_active(formatted)) {
		struct bpf_run run = { .event = NULL };
		struct record r;

		record_begin(&r, sys, TP_xdp_exception, 0);
		record_put(&r, "prog_id", prog->id);
		record_put(&r, "act", act);
		record_put(&r, "ifindex", p->p.ifindex);
		hook_run(formatted, r.bytes, &run);
	}
}

u32 link_call_xdp(struct link_way *w, const struct bpf_prog *prog, struct xdp_buff *xdp)
{
	struct bpf_run *run = w->run;

	run->tail_calls = 0;
	memset(&run->redirect, 0, sizeof(run->redirect));
	if (likely(prog->entry && !run->interpret && !run->arena->stats && !prog->throws)) {
		run->prog = prog;
		return (u32)prog->entry(xdp, run);
	}
	return (u32)bpf_prog_run(prog, xdp, run);
}

const u8 *link_xdp_bytes(struct link_way *w, const struct xdp_buff *xdp, u32 *len)
{
	u32 n = (u32)(xdp->data_end - xdp->data);

	*len = n;
	if (!xdp->nr_frags)
		return xdp->data;
	memcpy(w->room->out, xdp->data, n);
	for (u32 i = 0; i < xdp->nr_frags; i++) {
		memcpy(w->room->out + n, xdp->frags[i].data, xdp->frags[i].len);
		n += xdp->frags[i].len;
	}
	*len = n;
	return w->room->out;
}

/* A frame of several pieces goes on as an skb whose fragments are not linear either. */
static void receive_frags(struct link_way *w, struct port *p, struct xdp_buff *xdp)
{
	u32 linear = (u32)(xdp->data_end - xdp->data), n = 0;
	struct sk_buff skb;

	frame_to_skb(&skb, w->room->skb, sizeof(w->room->skb), xdp->data, linear,
		     (u32)(xdp->data - xdp->data_meta), p->p.ifindex);
	for (u32 i = 0; i < xdp->nr_frags; i++) {
		memcpy(w->room->copy + n, xdp->frags[i].data, xdp->frags[i].len);
		n += xdp->frags[i].len;
	}
	skb.frag = w->room->copy;
	skb.data_len = n;
	skb.len += n;
	skb.wire_len = skb.len;
	link_receive_skb(w, p, &skb);
}

/* For the stack it is a part of the frame again. */
static void put_tag(struct xdp_buff *xdp)
{
	u16 tag[2] = { xdp->rx->vlan_proto, __builtin_bswap16(xdp->rx->vlan_tci) };
	u32 meta = (u32)(xdp->data - xdp->data_meta);

	memmove(xdp->data_meta - VLAN_HLEN, xdp->data_meta, meta + 12);
	xdp->data -= VLAN_HLEN;
	xdp->data_meta -= VLAN_HLEN;
	memcpy(xdp->data + 12, tag, sizeof(tag));
}

static bool generic_xdp(const struct port *p)
{
	return hook_active(p->xdp) && p->xdp->xdp_flags & XDP_FLAGS_SKB_MODE;
}

/* A driver has no packet yet; in generic mode it is one. */
static void dropped_xdp(struct link_way *w, const struct port *p, const struct xdp_buff *xdp)
{
	struct sk_buff skb;
	const u8 *data;
	u32 len;

	if (!generic_xdp(p) || !link_traced(w->l))
		return;
	data = link_xdp_bytes(w, xdp, &len);
	if (len < ETH_HLEN)
		return;
	frame_to_skb(&skb, w->room->skb, sizeof(w->room->skb), data, len, 0, p->p.ifindex);
	link_trace_drop(w, p, &skb, LINK_DROP_XDP);
}

void link_after_xdp(struct link_way *w, struct port *p, const struct bpf_prog *prog,
		    struct xdp_buff *xdp, u32 act, bool stable)
{
	const u8 *bytes;
	u32 len;

	switch (act) {
	case XDP_PASS:
		len = (u32)(xdp->data_end - xdp->data);
		if (len < ETH_HLEN)
			return; /* what is left is no frame: eth_type_trans() drops it */
		if (xdp->rx && xdp->rx->vlan_proto) {
			put_tag(xdp);
			len += VLAN_HLEN;
		}
		if (xdp->nr_frags)
			receive_frags(w, p, xdp);
		else
			link_receive(w, p, xdp->data, len, (u32)(xdp->data - xdp->data_meta),
				     stable);
		return;
	case XDP_TX:
		bytes = link_xdp_bytes(w, xdp, &len);
		link_emit(w, &p->outer, bytes, len, stable && !xdp->nr_frags);
		return;
	case XDP_REDIRECT:
		link_redirect_xdp(w, p, prog, xdp);
		return;
	case XDP_DROP:
		dropped_xdp(w, p, xdp);
		return;
	default: /* XDP_ABORTED and what is no result: dropped, and told to who traces exceptions */
		link_exception(w, p, prog, act);
		dropped_xdp(w, p, xdp);
	}
}

/* What does not fit into a page: in pieces, for a program that knows of them. */
static void split(struct link_way *w, struct xdp_buff *xdp, const u8 *data, u32 len)
{
	struct link_room *room = w->room;
	u32 done = LINK_XDP_ROOM;

	memcpy(room->whole + XDP_PACKET_HEADROOM, data, done);
	xdp->data_hard_start = room->whole;
	xdp->data = xdp->data_meta = room->whole + XDP_PACKET_HEADROOM;
	xdp->data_end = xdp->hard_end = xdp->data + done;
	xdp->frags = room->frags;
	while (done < len && xdp->nr_frags < LINK_FRAGS) {
		struct xdp_frag *f = &room->frags[xdp->nr_frags];

		f->data = room->pages[xdp->nr_frags++];
		f->len = min(len - done, (u32)LINK_PAGE);
		f->cap = LINK_PAGE;
		memcpy(f->data, data + done, f->len);
		done += f->len;
		xdp->frags_len += f->len;
	}
}

/* A device that takes tags out (ethtool -K DEVICE rxvlan on) shows them beside the frame, not in it. */
static void take_tag(struct links *l, struct port *p, struct leg_frame *f, struct xdp_rx *rx)
{
	u16 proto, tci;

	memcpy(&proto, f->data + 12, sizeof(proto));
	if (likely(!frame_is_vlan(proto)) || f->len < ETH_HLEN + VLAN_HLEN ||
	    !link_takes_tags(l, p))
		return;
	memcpy(&tci, f->data + ETH_HLEN, sizeof(tci));
	rx->vlan_proto = proto;
	rx->vlan_tci = __builtin_bswap16(tci);
	memmove(f->data + VLAN_HLEN, f->data, 12);
	f->data += VLAN_HLEN;
	f->len -= VLAN_HLEN;
}

static void run_xdp(struct link_way *w, struct port *p, const struct bpf_prog *prog,
		    struct leg_frame *f)
{
	struct xdp_rx rx = { .timestamp = 0 };
	struct xdp_buff xdp = { .ingress_ifindex = p->p.ifindex, .frame_sz = LINK_PAGE, .rx = &rx };
	bool generic = p->xdp->xdp_flags & XDP_FLAGS_SKB_MODE, in_place = true;
	u32 act;

	take_tag(w->l, p, f, &rx);
	rx.data = f->data;
	rx.len = f->len;
	xdp.data = xdp.data_meta = f->data;
	xdp.data_end = f->data + f->len;
	xdp.data_hard_start = f->data - XDP_PACKET_HEADROOM;
	xdp.hard_end = f->data + LINK_XDP_ROOM;
	if (unlikely(f->len > LINK_XDP_ROOM)) {
		in_place = false;
		if (prog->xdp_has_frags) {
			split(w, &xdp, f->data, f->len);
		} else if (generic) { /* skb_linearize() */
			xdp.data_hard_start = w->room->whole;
			xdp.data = xdp.data_meta = w->room->whole + XDP_PACKET_HEADROOM;
			xdp.data_end = xdp.hard_end = xdp.data + f->len;
			memcpy(xdp.data, f->data, f->len);
		} else {
			return; /* no driver gives it to such a program */
		}
	}
	act = link_call_xdp(w, prog, &xdp);
	link_after_xdp(w, p, prog, &xdp, act, in_place);
}

/* ---- traffic control ---- */

static s32 run_tc(struct link_way *w, struct port *p, struct sk_buff *skb, bool ingress)
{
	struct hook *h = ingress ? p->ingress : p->egress;
	s32 act = TC_UNSPEC;

	skb->is_ingress = ingress;
	skb->ifindex = p->p.ifindex;
	w->run->tail_calls = 0;
	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	if (hook_active(h)) {
		act = hook_run_claimed(h, skb, w->run);
		if (act == TC_OK) /* Linux: tcx_action_code() */
			skb->tc_index = skb->tc_classid;
		else if (act != TC_SHOT && act != TC_REDIRECT)
			act = TC_UNSPEC;
	}
	return act == TC_UNSPEC ? cls_bpf_run(w->l->sys, p->p.ifindex, ingress, skb, w->run) : act;
}

enum { GOES_ON, DROPPED, TAKEN };

static int pass_tc(struct link_way *w, struct port *p, struct sk_buff *skb, bool ingress)
{
	switch (run_tc(w, p, skb, ingress)) {
	case TC_SHOT:
		link_trace_drop(w, p, skb, ingress ? LINK_DROP_TC_INGRESS : LINK_DROP_TC_EGRESS);
		return DROPPED;
	case TC_STOLEN:
	case TC_QUEUED:
	case TC_TRAP:
		link_trace_taken(w, p, skb, ingress);
		return TAKEN;
	case TC_REDIRECT:
		link_redirect_skb(w, skb, ingress);
		return TAKEN;
	}
	return GOES_ON;
}

/*
 * Programs of a netkit pair, on what one of the two sends: as the other's already, before that receives it (Linux:
 * netkit_xmit()). DIFF(netkit-redirect): what is sent here is the partner's then, whose devices are out of reach.
 */
static int pass_netkit(struct link_way *w, struct hook *h, struct sk_buff *skb)
{
	bool from_peer = h->kind == HOOK_NETKIT_PEER;

	skb->route.dst = 0;
	skb->is_ingress = 0;
	skb->ifindex = from_peer ? h->ifindex : h->peer_ifindex;
	skb->ingress_ifindex = 0;
	w->run->tail_calls = 0;
	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	switch (hook_run_claimed(h, skb, w->run)) {
	case TC_UNSPEC: /* NETKIT_NEXT ... */
	case TC_OK:
		return GOES_ON;
	case TC_REDIRECT:
		if (from_peer)
			link_redirect_skb(w, skb, false);
		return TAKEN;
	}
	return DROPPED;
}

static bool netkit_active(const struct hook *h)
{
	return h && hook_active(h);
}

void link_emit_skb(struct link_way *w, struct leg *leg, const struct sk_buff *skb)
{
	link_emit(w, leg, w->room->out, frame_from_skb(skb, w->room->out), false);
}

void link_receive_skb(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	skb->route.dst = 0; /* it may have been redirected */
	if (pass_tc(w, p, skb, true) == GOES_ON)
		link_ip_receive(w, p, skb);
}

int link_transmit_skb(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	int act = pass_tc(w, p, skb, false);

	if (act == GOES_ON)
		link_trace_queue(w, p, skb);
	if (act == GOES_ON && netkit_active(p->primary)) {
		act = pass_netkit(w, p->primary, skb);
		if (act == DROPPED)
			link_trace_drop(w, p, skb, LINK_DROP_NETKIT);
	}
	if (act == GOES_ON) {
		link_emit_skb(w, &p->outer, skb);
		link_trace_sent(w, p, skb);
	}
	return act == DROPPED;
}

static bool tc_active(const struct link_way *w, const struct port *p, bool ingress)
{
	return link_cgroup_active(w->l, ingress) || link_tcp_active(w->l) || link_traced(w->l) ||
	       hook_active(ingress ? p->ingress : p->egress) || link_ip_active(w->l, ingress) ||
	       cls_bpf_active(w->l->sys, p->p.ifindex, ingress);
}

static void build_skb(struct link_way *w, const struct port *p, struct sk_buff *skb, const u8 *data,
		      u32 len, u32 meta, bool ingress)
{
	frame_to_skb(skb, w->room->skb, sizeof(w->room->skb), data, len, meta, p->p.ifindex);
	if (!ingress) {
		skb->pkt_type = 0;
		skb->ingress_ifindex = 0;
	} else if (!skb->pkt_type && memcmp(data, p->p.mac, sizeof(p->p.mac))) {
		skb->pkt_type = 3; /* PACKET_OTHERHOST */
	}
}

void link_receive(struct link_way *w, struct port *p, const u8 *data, u32 len, u32 meta,
		  bool stable)
{
	struct sk_buff skb;

	if (!tc_active(w, p, true)) {
		link_emit(w, &p->inner, data, len, stable);
		return;
	}
	build_skb(w, p, &skb, data, len, meta, true);
	if (!generic_xdp(p)) /* else that was told before */
		link_trace_receive(w, p, &skb);
	link_receive_skb(w, p, &skb);
}

/* What the peer of a netkit device has sent. */
static void receive_netkit(struct link_way *w, struct port *p, const struct leg_frame *f)
{
	struct sk_buff skb;

	build_skb(w, p, &skb, f->data, f->len, 0, true);
	switch (pass_netkit(w, p->peer, &skb)) {
	case GOES_ON:
		link_arrive(w, p, &skb);
		break;
	case DROPPED:
		link_trace_drop(w, p, &skb, LINK_DROP_NETKIT);
		break;
	}
}

static void receive_generic(struct link_way *w, struct port *p, const struct bpf_prog *prog,
			    struct leg_frame *f)
{
	struct sk_buff skb;

	if (unlikely(link_traced(w->l))) {
		build_skb(w, p, &skb, f->data, f->len, 0, true);
		link_trace_receive(w, p, &skb);
	}
	run_xdp(w, p, prog, f);
}

/* ---- bursts ---- */

void link_inbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n)
{
	struct bpf_run run = { .interpret = l->sys->jit_mode == JIT_OFF };
	struct link_held held = { .n = 0 };
	struct link_way w = { .l = l, .room = l->room, .held = &held, .run = &run, .queued = true };
	const struct hook_progs *progs;

	if (!hook_active(p->xdp) && !tc_active(&w, p, true) && !netkit_active(p->peer)) {
		for (u32 i = 0; i < n; i++)
			leg_put(&p->inner, frames[i].data, frames[i].len, true);
		return;
	}
	run.event = &w;
	slot_claim(l->sys->arena, l->sys->platform, &run);
	progs = load_acquire(&p->xdp->progs);
	for (u32 i = 0; i < n; i++) {
		if (frames[i].len < ETH_HLEN)
			continue;
		if (netkit_active(p->peer))
			receive_netkit(&w, p, &frames[i]);
		else if (progs && generic_xdp(p))
			receive_generic(&w, p, progs->v[0].prog, &frames[i]);
		else if (progs)
			run_xdp(&w, p, progs->v[0].prog, &frames[i]);
		else
			link_receive(&w, p, frames[i].data, frames[i].len, 0, true);
	}
	slot_release(&run);
	link_put_held(&held);
}

void link_outbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n)
{
	struct bpf_run run = { .interpret = l->sys->jit_mode == JIT_OFF };
	struct link_held held = { .n = 0 };
	struct link_way w = { .l = l, .room = l->room, .held = &held, .run = &run, .queued = true };
	struct sk_buff skb;

	if (!tc_active(&w, p, false) && !netkit_active(p->primary)) {
		for (u32 i = 0; i < n; i++)
			leg_put(&p->outer, frames[i].data, frames[i].len, true);
		return;
	}
	run.event = &w;
	slot_claim(l->sys->arena, l->sys->platform, &run);
	for (u32 i = 0; i < n; i++) {
		if (frames[i].len < ETH_HLEN)
			continue;
		build_skb(&w, p, &skb, frames[i].data, frames[i].len, 0, false);
		link_ip_send(&w, p, &skb);
	}
	slot_release(&run);
	link_put_held(&held);
}
