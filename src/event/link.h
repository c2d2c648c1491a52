/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Live links: wires that programs are on. A port is an interface of an instance; its inner leg
 * leads to the instance's network stack, its outer leg to the partner. A thread moves frames
 * between the two and runs what is attached, in Linux's order:
 *
 *   outer → XDP → TC ingress → inner (the stack)
 *   inner (the stack) → TC egress → outer (the wire)
 */
#ifndef SKEP_EVENT_LINK_H
#define SKEP_EVENT_LINK_H

#include "base/types.h"

struct skep_system;
struct links;

struct link_port {
	char name[16];
	u32 ifindex;	  /* as the instance numbers it */
	u8 mac[6];	  /* of the instance's end */
	int inner, outer; /* descriptors: packet sockets, not yet bound, or TAP devices */
	u32 inner_ifindex, outer_ifindex; /* packet sockets: what to bind to */
};

struct link_opts {
	const struct link_port *ports;
	u32 nr_ports;
	bool tap;
	int raw4, raw6; /* raw IP sockets in the instance's namespace, for bpf_redirect_neigh() */
	int packet;	/* packet socket there: redirects to interfaces that are not ours */
	int control;	/* any socket there, for ioctls about interfaces */
	int fib;	/* NETLINK_ROUTE there, for bpf_fib_lookup() */
	int diag;	/* NETLINK_SOCK_DIAG there: whose socket a packet is for */
	int world_diag; /* another one of these */
	int route, route_news; /* NETLINK_ROUTE there: questions, and what is told unasked */
	int neigh_news;	       /* another one, for what is told of neighbours */
	/* Lets packets for 127.0.0.0/8 in by the instance's interfaces. 0 or -errno. */
	int (*localnet)(void *arg);
	void *localnet_arg;
};

/* Takes over all descriptors, also when it fails. 0 or -errno. */
int links_start(struct skep_system *sys, const struct link_opts *opts, struct links **out);
void links_stop(struct links *l); /* NULL is fine */

#endif
