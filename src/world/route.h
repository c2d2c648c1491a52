/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rtnetlink(7) as the files about routes ask it: route.c, rules.c. */
#ifndef SKEP_WORLD_ROUTE_H
#define SKEP_WORLD_ROUTE_H

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "world/internal.h"

struct route_message {
	struct nlmsghdr h;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
		struct netconfmsg conf;
		struct fib_rule_hdr rule;
		struct ifinfomsg link;
	};
	char attributes[256];
};

/* Sockets of the network namespace that is asked. */
struct route_net {
	int route, control;
	bool own;
};

/* A question with @body bytes behind its header. */
void route_begin(struct route_message *m, u16 type, u32 body);
void route_add(struct route_message *m, u16 type, const void *data, u32 len);
/* Without waiting for the answer. 0 or -errno. */
int route_send(const struct route_net *net, const struct route_message *m);
/* One answer. 0 or the error that the kernel gave. */
int route_ask(const struct route_net *net, const struct route_message *m, void *answer,
	      size_t size);
/* The attributes of an answer with a body of @body bytes, by number. */
void route_attributes(struct nlmsghdr *h, u32 body, struct rtattr **out, u32 max);
u32 route_number(const struct rtattr *a); /* 0: it is not there */
bool route_has_prefix(const void *addr, const void *prefix, u32 bits);
/* Of a device. 0 or -ENODEV. */
int route_device(const struct route_net *net, u32 ifindex, unsigned long what, struct ifreq *r);

/* What a table is searched with. */
struct route_search {
	u32 table;
	u32 oif;     /* 0: any */
	bool merged; /* IPv4's main and local are one: nobody has made rules of his own */
	bool any;    /* for whatever destination */
};
/*
 * The route of a table with the longest prefix for @p's destination, of those the one with the lowest metric: 1, 0
 * (there is none) or -errno.
 */
int route_best(const struct route_net *net, const struct bpf_fib_lookup *p,
	       const struct route_search *s, void *answer, size_t size);

/* ---- rules.c ---- */

/*
 * What the rules say of @p, where somebody has made other ones than those that are always there: 1: the route is in
 * @answer; -errno of a rule or route that refuses, -ENETUNREACH: there is none; -ENOSYS: there are no rules but
 * those.
 */
int rules_route(const struct route_net *net, const struct bpf_fib_lookup *p, u32 flags,
		void *answer, size_t size);
/* Whether there are others. */
bool rules_custom(const struct route_net *net, u8 family);
/* The table of the VRF that the device is in; 0: it is in none. */
u32 rules_vrf_table(const struct route_net *net, u32 ifindex);

#endif
