/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside of live links: link.c moves bursts, link_run.c takes their frames through XDP and traffic
 * control, link_redirect.c sends them elsewhere, link_cpu.c hands them to other CPUs.
 */
#ifndef SKEP_EVENT_LINK_RUN_H
#define SKEP_EVENT_LINK_RUN_H

#include <pthread.h>
#include <sched.h>

#include "event/frame.h"
#include "event/leg.h"
#include "event/link.h"
#include "hook/hook.h"

#define LINK_PAGE     4096 /* a driver's: what of a frame is linear */
#define LINK_FRAGS    17   /* Linux: MAX_SKB_FRAGS */
#define LINK_XDP_ROOM (LINK_PAGE - XDP_PACKET_HEADROOM - SKB_SHARED_INFO)
#define LINK_SKB_ROOM (SKB_ROOM + LEG_FRAME_MAX)
#define LINK_DEPTH    9 /* devices that one frame may go on to; Linux: XMIT_RECURSION_LIMIT */

struct port {
	struct link_port p;
	struct leg inner, outer;
	struct hook *xdp, *ingress, *egress;
	struct hook *primary, *peer; /* it is a netkit device; else NULL */
	/* As the instance has set the interface; asked for at most once in a burst. */
	u64 known; /* the burst's number */
	bool up;
	u32 mtu;
	u64 tags_known;
	bool takes_tags;
};

struct link_cpu;

struct links {
	struct skep_system *sys;
	struct port *ports;
	u32 nr_ports;
	int raw4, raw6, packet, control, diag, world_diag, route, route_news;
	int (*localnet)(void *arg);
	void *localnet_arg;
	pthread_mutex_t diag_lock;
	int fib; /* NETLINK_ROUTE, under .fib_lock */
	pthread_mutex_t fib_lock;
	struct link_owners *owners; /* link_cgroup.c */
	struct link_routes *routes; /* link_route.c */
	pthread_mutex_t frags_lock;
	struct link_datagram *frags; /* link_frags.c */
	struct link_flows *flows;    /* link_steer.c */
	struct link_tcp *tcp;	     /* link_tcp.c */
	pthread_mutex_t neigh_lock;
	struct link_neigh *neighs; /* link_neigh.c */
	int neigh_news;		   /* NETLINK_ROUTE: what becomes of neighbours */
	int wake;		   /* eventfd: the thread is to end */
	bool quit, started;
	pthread_t thread;
	bool stays; /* it is bound to a CPU; else it was allowed .anywhere */
	cpu_set_t anywhere;
	u64 bursts;		/* that the thread has begun */
	struct link_room *room; /* the thread's */
	pthread_mutex_t cpus_lock;
	struct link_cpu *cpus; /* of CPUMAPs: made when they are needed */
};

/* Memory for one frame under way. */
struct link_room {
	struct link_room *next; /* of a clone of that frame; NULL: not made yet */
	u8 skb[LINK_SKB_ROOM];
	u8 whole[XDP_PACKET_HEADROOM + LEG_FRAME_MAX +
		 LINK_PAGE];		     /* linear, with room at both ends */
	u8 out[LEG_FRAME_MAX + SKB_MAX_LEN]; /* what leaves, in one piece */
	u8 copy[LEG_FRAME_MAX +
		LINK_PAGE]; /* of what goes to many devices: a program may have made it longer */
	struct xdp_frag frags[LINK_FRAGS];
	u8 pages[LINK_FRAGS][LINK_PAGE];
};

/*
 * Programs of maps' elements that a burst has used. They are given back when its slot has been: who
 * holds the system's lock, which that takes, may wait for a slot.
 */
struct link_held {
	u32 n;
	struct prog_object *v[16];
};

/* A frame's way: run->event of the programs that it meets. */
struct link_way {
	struct links *l;
	struct link_room *room;
	struct link_held *held;
	struct bpf_run *run; /* its slot is claimed */
	bool queued;	     /* leg_put(): the thread flushes; else sent at once */
	u32 depth;
	u32 oif; /* of the route whose program runs */
	const struct link_steer
		*steer; /* of the packet at hand: whom it is for; NULL: as it says */
};

static inline struct port *link_port_at(const struct links *l, u32 ifindex)
{
	for (u32 i = 0; i < l->nr_ports; i++)
		if (l->ports[i].p.ifindex == ifindex)
			return &l->ports[i];
	return NULL;
}

/* ---- link_run.c ---- */

/* A burst that has come on a leg of @p; what goes on is put to the other legs. */
void link_inbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n);
void link_outbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n);

/* @stable: @data stay as they are for the rest of the burst. */
void link_emit(struct link_way *w, struct leg *leg, const u8 *data, u32 len, bool stable);
/* A received frame behind XDP, on to the stack by traffic control. */
void link_receive(struct link_way *w, struct port *p, const u8 *data, u32 len, u32 meta,
		  bool stable);
void link_receive_skb(struct link_way *w, struct port *p, struct sk_buff *skb);
/* As it is now, to the stack or to the wire. */
void link_emit_skb(struct link_way *w, struct leg *leg, const struct sk_buff *skb);
/* As if the stack had sent it: by traffic control to the wire. 0, or 1 (NET_XMIT_DROP): dropped there. */
int link_transmit_skb(struct link_way *w, struct port *p, struct sk_buff *skb);
/* Calls an XDP program; what it says. */
u32 link_call_xdp(struct link_way *w, const struct bpf_prog *prog, struct xdp_buff *xdp);
/* What becomes of a frame on which @prog has said @act. @stable: its linear part is. */
void link_after_xdp(struct link_way *w, struct port *p, const struct bpf_prog *prog,
		    struct xdp_buff *xdp, u32 act, bool stable);
void link_exception(struct link_way *w, const struct port *p, const struct bpf_prog *prog, u32 act);
/* The frame in one piece; its length is *@len. It is @xdp's own memory unless there are fragments. */
const u8 *link_xdp_bytes(struct link_way *w, const struct xdp_buff *xdp, u32 *len);

/* ---- link_redirect.c ---- */

/* The MTU of the instance's end. */
u32 link_mtu(const struct links *l, struct port *p);
/* Whether the instance's end takes VLAN tags out of what it receives (rx-vlan-offload). */
bool link_takes_tags(const struct links *l, struct port *p);

/* A program by its id; NULL: it has ended, or the system is busy with something long. */
const struct bpf_prog *link_prog(struct link_way *w, u32 id);
/* The slot has been released. */
void link_put_held(struct link_held *held);
/* What bpf_redirect(), bpf_redirect_map() of an XDP program wished. */
void link_redirect_xdp(struct link_way *w, struct port *p, const struct bpf_prog *prog,
		       struct xdp_buff *xdp);
/* Arrives on @p as if from a device's queue: only XDP in generic mode sees it there. */
void link_arrive(struct link_way *w, struct port *p, struct sk_buff *skb);
/* What a program of traffic control wished. */
void link_redirect_skb(struct link_way *w, struct sk_buff *skb, bool ingress);
/* Of any device of the instance's; 0: there is none. */
u32 link_device_mtu(const struct links *l, u32 ifindex);
/* sys->netdev_call, see object/system.h */
u64 link_netdev_call(struct skep_system *sys, struct bpf_run *run, enum world_op op,
		     const u64 *args);

/* The packet of a frame, without its header, to the instance's stack: it finds the way. */
void link_route_again(struct link_way *w, const struct sk_buff *skb);
/* Out of, or into, a device of the instance's: 0, -errno, or 1 where a program has dropped it. */
int link_forward(struct link_way *w, struct sk_buff *skb, u32 ifindex, bool ingress);
/* As if it came by the instance's loopback device. */
void link_send_loopback(struct link_way *w, const struct sk_buff *skb);

/* ---- link_neigh.c ---- */

/* Out of a device to next hop @addr, at once or when that has been found. @skb is at its Ethernet header. */
void link_to_neighbour(struct link_way *w, struct sk_buff *skb, u32 ifindex, u32 family,
		       const u32 *addr);
void link_neigh_start(struct links *l);
/* By the thread, when .neigh_news has something. */
void link_neigh_hear(struct links *l);
void link_neighs_free(struct links *l);

/* ---- link_cgroup.c ---- */

struct inet_diag_msg;
/* The socket of the instance with these ends, addresses and ports in network order: 0 or -ENOENT. */
int link_ask_socket(struct links *l, u32 family, u32 protocol, const u32 *local, u16 lport,
		    const u32 *remote, u16 rport, struct inet_diag_msg *out);
/* The same of TCP's with struct tcp_info: up to *@size bytes to @info, then how many came. */
int link_ask_tcp(struct links *l, u32 family, const u32 *local, u16 lport, const u32 *remote,
		 u16 rport, struct inet_diag_msg *out, void *info, u32 *size);

/* Ids of the cgroup of who has the socket with that inode open, and of those above: how many. */
u32 link_cgroup_of_socket(struct links *l, u32 inode, u64 *ids, u32 max);

/* Id of the cgroup of who sends @skb, or of the one above it at @level (-1: its own). 0: nobody's. */
u64 link_skb_cgroup(struct links *l, const struct sk_buff *skb, s32 level);
bool link_cgroup_active(const struct links *l, bool ingress);
/* @skb is at its Ethernet header. */
bool link_cgroup_allows(struct link_way *w, struct sk_buff *skb, bool ingress);
void link_owners_free(struct link_owners *o);

/* ---- link_cpu.c ---- */

/* To the queue of CPU @cpu, of at most @room frames. False: it is full, or there is no such CPU. */
bool link_cpu_put(struct links *l, u32 cpu, u32 room, struct port *p, const u8 *data, u32 len,
		  u32 meta, u32 prog_id);
void link_cpus_stop(struct links *l);

#endif
