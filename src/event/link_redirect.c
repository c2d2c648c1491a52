/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where programs send a live link's frames (Linux: net/core/filter.c: xdp_do_redirect(), skb_do_redirect(),
 * bpf_clone_redirect(); kernel/bpf/devmap.c, cpumap.c). Devices are those of the instance's
 * namespace: ports, whose wires are ours, and whatever else its processes have made there.
 *
 * DIFF(redirect-neigh): bpf_redirect_neigh() leaves route and neighbour to the instance's stack, by a raw
 * socket, unless the program names the next hop. DIFF(xsk): no AF_XDP socket gets a
 * frame: one that is redirected to it is lost.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "event/link_ip.h"
#include "event/link_trace.h"
#include "object/map.h"
#include "object/system.h"
#include "world/world.h"

#define PATIENCE 1000 /* tries for the system's lock, whose owner may wait for our slot */

/* ---- devices ---- */

/* What the instance's processes have set. False: there is no such device. */
static bool ask_device(const struct links *l, u32 ifindex, bool *up, u32 *mtu)
{
	struct ifreq r = { .ifr_ifindex = (int)ifindex };

	if (l->control < 0 || ioctl(l->control, SIOCGIFNAME, &r) ||
	    ioctl(l->control, SIOCGIFFLAGS, &r))
		return false;
	*up = r.ifr_flags & IFF_UP;
	if (ioctl(l->control, SIOCGIFMTU, &r))
		return false;
	*mtu = (u32)r.ifr_mtu;
	return true;
}

/* Of a port, as it was at the begin of the burst or later. */
static void look_at(const struct links *l, struct port *p)
{
	if (p->known == l->bursts)
		return;
	if (!ask_device(l, p->p.ifindex, &p->up, &p->mtu))
		p->up = false;
	p->known = l->bursts;
}

u32 link_mtu(const struct links *l, struct port *p)
{
	look_at(l, p);
	return p->mtu ? p->mtu : 1500;
}

bool link_takes_tags(const struct links *l, struct port *p)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq r = { .ifr_ifindex = (int)p->p.ifindex };

	if (p->tags_known == l->bursts)
		return p->takes_tags;
	p->tags_known = l->bursts;
	p->takes_tags = false;
	if (l->control < 0 || ioctl(l->control, SIOCGIFNAME, &r))
		return false;
	r.ifr_data = (void *)&v;
	p->takes_tags = !ioctl(l->control, SIOCETHTOOL, &r) && v.data & ETH_FLAG_RXVLAN;
	return p->takes_tags;
}

static bool takes(const struct links *l, struct port *p, u32 len)
{
	look_at(l, p);
	return p->up && len <= p->mtu + ETH_HLEN + VLAN_HLEN;
}

/* Out of a device that is not ours; what is sent on the loopback device is received there. */
static int send_elsewhere(const struct links *l, u32 ifindex, const u8 *data, u32 len, bool ingress)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	u32 mtu;
	bool up;

	if (!ifindex || !ask_device(l, ifindex, &up, &mtu))
		return -EINVAL;
	if (ingress && ifindex != 1)
		return -EOPNOTSUPP; /* frames can be put into no other one's receive path */
	memcpy(&to.sll_protocol, data + 12, 2);
	return sendto(l->packet, data, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0 ?
		       -errno :
		       0;
}

void link_send_loopback(struct link_way *w, const struct sk_buff *skb)
{
	u32 len = frame_from_skb(skb, w->room->out);

	/* To its address, or the packet is another host's. */
	memset(w->room->out, 0, 12);
	send_elsewhere(w->l, 1, w->room->out, len, true);
}

/* ---- XDP ---- */

static void to_device(struct link_way *w, u32 ifindex, const struct xdp_buff *xdp)
{
	struct port *t = link_port_at(w->l, ifindex);
	const u8 *data;
	u32 len;

	data = link_xdp_bytes(w, xdp, &len);
	if (!t)
		send_elsewhere(w->l, ifindex, data, len, false);
	else if (takes(w->l, t, len))
		link_emit(w, &t->outer, data, len, false);
}

const struct bpf_prog *link_prog(struct link_way *w, u32 id)
{
	struct skep_system *sys = w->l->sys;
	struct link_held *held = w->held;
	struct object *o;
	int tries, err;

	for (u32 i = 0; i < held->n; i++)
		if (held->v[i]->obj.id == id)
			return held->v[i]->prog;
	if (held->n == ARRAY_SIZE(held->v))
		return NULL;
	for (tries = 0; !relock_try(&sys->lock); tries++) {
		if (tries == PATIENCE)
			return NULL;
		sched_yield();
	}
	o = object_get_id(sys, id, OBJECT_PROG, &err);
	relock_give(&sys->lock);
	if (!o)
		return NULL;
	held->v[held->n] = container_of(o, struct prog_object, obj);
	return held->v[held->n++]->prog;
}

void link_put_held(struct link_held *held)
{
	while (held->n)
		object_put(&held->v[--held->n]->obj);
}

/* Out by the device of a DEVMAP's element, if its program lets it pass. */
static void leave_by(struct link_way *w, u64 element, struct xdp_buff *xdp)
{
	const struct bpf_prog *prog;
	u32 act;

	if (!(element >> 32)) {
		to_device(w, (u32)element, xdp);
		return;
	}
	prog = link_prog(w, (u32)(element >> 32));
	if (!prog)
		return; /* the element has been replaced meanwhile */
	xdp->egress_ifindex = (u32)element;
	act = link_call_xdp(w, prog, xdp);
	xdp->egress_ifindex = 0;
	if (act == XDP_PASS) {
		to_device(w, (u32)element, xdp);
	} else if (act != XDP_DROP) {
		const struct port *t = link_port_at(w->l, (u32)element);

		if (t)
			link_exception(w, t, prog, act);
	}
}

static void broadcast(struct link_way *w, struct bpf_map *map, u32 flags, struct xdp_buff *xdp)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	u8 *room = w->room->whole;
	const u8 *data;
	u32 key, len;
	int end;

	data = link_xdp_bytes(w, xdp, &len);
	memcpy(w->room->copy, data, len);
	for (end = ops->get_next_key(map, NULL, &key); !end;
	     end = ops->get_next_key(map, &key, &key)) {
		const u64 *word = ops->lookup_elem(map, &key, w->run);
		u64 element = word ? load_acquire(word) : 0;
		struct xdp_buff one = { .ingress_ifindex = xdp->ingress_ifindex,
					.frame_sz = xdp->frame_sz };

		if (!element ||
		    (flags & BPF_F_EXCLUDE_INGRESS && (u32)element == xdp->ingress_ifindex))
			continue;
		/* Each gets its own copy. */
		memcpy(room + XDP_PACKET_HEADROOM, w->room->copy, len);
		one.data_hard_start = room;
		one.data = one.data_meta = room + XDP_PACKET_HEADROOM;
		one.data_end = one.data + len;
		one.hard_end = one.data + max(len, (u32)LINK_XDP_ROOM);
		leave_by(w, element, &one);
	}
}

static void to_cpu(struct link_way *w, struct port *p, u32 cpu, u64 element, struct xdp_buff *xdp)
{
	const u8 *data;
	u32 len;

	data = link_xdp_bytes(w, xdp, &len);
	link_cpu_put(w->l, cpu, (u32)element, p, data, len,
		     xdp->nr_frags ? 0 : (u32)(xdp->data - xdp->data_meta), (u32)(element >> 32));
}

void link_redirect_xdp(struct link_way *w, struct port *p, const struct bpf_prog *prog,
		       struct xdp_buff *xdp)
{
	struct bpf_redirect_info wish = w->run->redirect;
	const u64 *word;
	u64 element;

	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	if (!wish.map) {
		to_device(w, wish.tgt_index,
			  xdp); /* nobody has wished anything: there is no device 0 */
		return;
	}
	if (wish.flags & BPF_F_BROADCAST) {
		broadcast(w, wish.map, wish.flags, xdp);
		return;
	}
	word = bpf_map_ops_of(wish.map->map_type)->lookup_elem(wish.map, &wish.tgt_index, w->run);
	element = word ? load_acquire(word) : 0;
	if (!element)
		return;
	if (wish.map->map_type == BPF_MAP_TYPE_CPUMAP)
		to_cpu(w, p, wish.tgt_index, element, xdp);
	else if (wish.map->map_type != BPF_MAP_TYPE_XSKMAP)
		leave_by(w, element, xdp);
}

/* ---- traffic control ---- */

void link_arrive(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	const struct hook_progs *progs = load_acquire(&p->xdp->progs);
	u8 *room = w->room->whole;
	struct xdp_buff xdp = { .ingress_ifindex = p->p.ifindex, .frame_sz = LINK_PAGE };
	const struct bpf_prog *prog;
	u32 len;

	skb->ingress_ifindex = p->p.ifindex;
	link_trace_receive(w, p, skb);
	if (!progs || !(p->xdp->xdp_flags & XDP_FLAGS_SKB_MODE)) {
		link_receive_skb(w, p, skb);
		return;
	}
	len = frame_from_skb(skb, room + XDP_PACKET_HEADROOM);
	prog = progs->v[0].prog;
	xdp.data_hard_start = room;
	xdp.data = xdp.data_meta = room + XDP_PACKET_HEADROOM;
	xdp.data_end = xdp.data + len;
	xdp.hard_end = xdp.data + max(len, (u32)LINK_XDP_ROOM);
	link_after_xdp(w, p, prog, &xdp, link_call_xdp(w, prog, &xdp), false);
}

int link_forward(struct link_way *w, struct sk_buff *skb, u32 ifindex, bool ingress)
{
	struct port *t = link_port_at(w->l, ifindex);
	u32 len;
	int ret = 0;

	if (w->depth >= LINK_DEPTH)
		return -ENETDOWN;
	if (!t) {
		len = frame_from_skb(skb, w->room->out);
		return send_elsewhere(w->l, ifindex, w->room->out, len, ingress);
	}
	look_at(w->l, t);
	if (!t->up)
		return -ENETDOWN;
	w->depth++;
	if (ingress)
		link_arrive(w, t, skb);
	else
		ret = link_transmit_skb(w, t, skb);
	w->depth--;
	return ret;
}

/* The packet, without its header, to the instance's own stack: it finds route and neighbour. */
static void to_neighbour(struct link_way *w, const struct sk_buff *skb, u32 ifindex)
{
	u8 *data = w->room->out + ETH_HLEN;
	u32 len = frame_from_skb(skb, w->room->out);
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = { .v4 = { .sin_family = AF_INET } };
	union {
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec v = { data, len - ETH_HLEN };
	struct msghdr m = {
		.msg_name = &to, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes
	};
	struct cmsghdr *c = &control.align;
	int fd;

	if (skb->vlan_present || len < ETH_HLEN + sizeof(struct iphdr))
		return;
	if (skb->protocol == htons(0x0800)) {
		struct in_pktinfo by = { .ipi_ifindex = (int)ifindex };

		memcpy(&to.v4.sin_addr, data + offsetof(struct iphdr, daddr), 4);
		m.msg_namelen = sizeof(to.v4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(by));
		memcpy(CMSG_DATA(c), &by, sizeof(by));
		fd = w->l->raw4;
	} else if (skb->protocol == htons(0x86dd) && len >= ETH_HLEN + sizeof(struct ip6_hdr)) {
		to.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = ifindex };
		memcpy(&to.v6.sin6_addr, data + offsetof(struct ip6_hdr, ip6_dst), 16);
		m.msg_namelen = sizeof(to.v6);
		/* The device is in the address; IPV6_PKTINFO would be checked against ours. */
		c = NULL;
		fd = w->l->raw6;
	} else {
		return;
	}
	m.msg_controllen = c ? CMSG_SPACE(sizeof(struct in_pktinfo)) : 0;
	if (fd >= 0)
		(void)!sendmsg(fd, &m, MSG_DONTWAIT);
}

/* To the neighbour that the program names. */
static void to_next_hop(struct link_way *w, struct sk_buff *skb, u32 ifindex, u32 family)
{
	/* IPv4 may go by either, IPv6 by its own. */
	if (skb->protocol == htons(0x0800) ? family != AF_INET && family != AF_INET6 :
					     skb->protocol != htons(0x86dd) || family != AF_INET6)
		return;
	link_to_neighbour(w, skb, ifindex, family, w->run->next_hop);
}

void link_redirect_skb(struct link_way *w, struct sk_buff *skb, bool ingress)
{
	struct bpf_redirect_info wish = w->run->redirect;
	struct port *t;

	memset(&w->run->redirect, 0, sizeof(w->run->redirect));
	if (wish.flags & REDIRECT_NEIGH && wish.nh_family) {
		to_next_hop(w, skb, wish.tgt_index, wish.nh_family);
	} else if (wish.flags & REDIRECT_NEIGH) {
		to_neighbour(w, skb, wish.tgt_index);
	} else if (wish.flags & REDIRECT_PEER) {
		/* To the other end of the wire, past its queue: only for what has just been received. */
		t = link_port_at(w->l, wish.tgt_index);
		if (t && ingress)
			link_emit(w, &t->outer, w->room->out, frame_from_skb(skb, w->room->out),
				  false);
	} else {
		link_forward(w, skb, wish.tgt_index, wish.flags & BPF_F_INGRESS);
	}
}

void link_route_again(struct link_way *w, const struct sk_buff *skb)
{
	to_neighbour(w, skb, 0);
}

/* ---- what helpers ask ---- */

static s64 clone_redirect(struct links *l, struct bpf_run *outer, const struct sk_buff *skb,
			  u32 ifindex, bool ingress)
{
	struct link_way *way = outer->event;
	struct bpf_run run = { .interpret = outer->interpret };
	struct link_held held = { .n = 0 };
	struct link_way w = { .l = l, .run = &run, .room = way ? way->room->next : NULL };
	struct sk_buff clone;
	int err;

	if (!w.room)
		w.room = mem_alloc(sizeof(*w.room));
	if (!w.room)
		return -ENOMEM;
	if (way && !way->room->next) {
		w.room->next = NULL;
		way->room->next = w.room;
	} else if (!way) {
		w.room->next = NULL;
	}
	w.held = way ? way->held : &held;
	if (way) {
		w.queued = way->queued;
		w.depth = way->depth;
	}
	run.event = &w;
	frame_to_skb(&clone, w.room->skb, sizeof(w.room->skb), w.room->out,
		     frame_from_skb(skb, w.room->out), 0, skb->ifindex);
	clone.mark = skb->mark;
	clone.priority = skb->priority;
	clone.tc_index = skb->tc_index;
	clone.tstamp = skb->tstamp;
	clone.route = skb->route;
	slot_claim(l->sys->arena, l->sys->platform, &run);
	err = link_forward(&w, &clone, ifindex, ingress);
	slot_release(&run);
	if (!way) {
		link_put_held(&held);
		for (struct link_room *next; w.room; w.room = next) {
			next = w.room->next;
			mem_free(w.room);
		}
	}
	return err;
}

u32 link_device_mtu(const struct links *l, u32 ifindex)
{
	u32 mtu;
	bool up;

	return ask_device(l, ifindex, &up, &mtu) && up ? mtu : 0;
}

u64 link_netdev_call(struct skep_system *sys, struct bpf_run *run, enum world_op op,
		     const u64 *args)
{
	struct links *l = sys->links;
	u32 mtu;
	bool up;

	if (op == WORLD_CLONE_REDIRECT)
		return (u64)clone_redirect(l, run, (const struct sk_buff *)(uintptr_t)args[0],
					   (u32)args[1], args[2] & BPF_F_INGRESS);
	if (op == WORLD_FLOW_DISSECT)
		return link_dissect(l, run, (struct sk_buff *)(uintptr_t)args[0],
				    (struct bpf_flow_keys *)(uintptr_t)args[1]);
	if (op == WORLD_NEXT_HOP || op == WORLD_TUNNEL_SOURCE) {
		const struct world_net net = { l->fib, l->control };
		const struct link_way *way = run->event;
		long ret;

		pthread_mutex_lock(&l->fib_lock);
		ret = op == WORLD_NEXT_HOP ?
			      world_next_hop(&net, (struct sk_buff *)(uintptr_t)args[0],
					     (const u32 *)(uintptr_t)args[1], (u32)args[2]) :
			      world_tunnel_source(&net, (u32 *)(uintptr_t)args[2],
						  (const u32 *)(uintptr_t)args[1],
						  way ? way->oif : 0);
		pthread_mutex_unlock(&l->fib_lock);
		return (u64)ret;
	}
	if (op == WORLD_SKB_CGROUP)
		return link_skb_cgroup(l, (const struct sk_buff *)(uintptr_t)args[0], (s32)args[1]);
	if (op == WORLD_ROUTE_REALM)
		return link_route_realm(l, (const struct sk_buff *)(uintptr_t)args[0]);
	if (op == WORLD_FIB_LOOKUP) {
		const struct world_net net = { l->fib, l->control };
		long ret;

		pthread_mutex_lock(&l->fib_lock);
		ret = world_fib_lookup(&net, (struct bpf_fib_lookup *)(uintptr_t)args[0],
				       (u32)args[1], args[2], (u32)args[3]);
		pthread_mutex_unlock(&l->fib_lock);
		return (u64)ret;
	}
	/* WORLD_DEVICE_MTU */
	return ask_device(l, (u32)args[0], &up, &mtu) ? mtu : (u64)-ENODEV;
}
