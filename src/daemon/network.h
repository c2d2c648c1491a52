/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The network of an instance: its processes' namespace, whose interfaces are on a wire that is
 * ours, and behind the wire a partner's namespace with the other ends.
 *
 *   instance: eth0 ── leg ┐ wire's namespace: ┌ leg ── eth0 : partner
 *   10.0.0.2              └─ src/event/link ──┘             10.0.0.1
 *
 * All three are made, and kept, by a small process of the daemon's (network_keeper.c), which an
 * ordinary user's daemon needs since only a process of one thread can enter a user namespace.
 */
#ifndef SKEP_DAEMON_NETWORK_H
#define SKEP_DAEMON_NETWORK_H

#include <stddef.h>

#include "base/types.h"

struct skep_system;
struct network;

#define NETWORK_PORTS 8	 /* interfaces */
#define NETWORK_NAMES 96 /* "eth0,veth1", or with "tap" or "netkit" among them */

enum network_side { NETWORK_INSTANCE, NETWORK_PARTNER, NETWORK_WIRE };

/*
 * Makes it, with interfaces @names (NULL, "": eth0), registers their hooks by the numbers that the
 * instance's namespace gives them, and starts the link. 0 or -errno with the reason in @why.
 */
int network_start(struct skep_system *sys, const char *names, struct network **out, char *why,
		  size_t size);
/* Whether it has all interfaces of @names. */
bool network_has(const struct network *n, const char *names);
/* Ends the link, forgets the hooks, lets the namespaces go. NULL is fine. */
void network_stop(struct network *n);

/*
 * For who joins: fds[0] the user namespace (-1: there is none of its own), fds[1] the network
 * namespace. Borrowed.
 */
void network_namespaces(const struct network *n, enum network_side side, int fds[2]);
/*
 * A socket in one of the namespaces, made with all capabilities there; from any thread. For a question to
 * its rtnetlink: network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE).
 * A descriptor (close-on-exec) or -errno.
 */
int network_socket(struct network *n, enum network_side side, int domain, int type, int protocol);

/* ---- network_keeper.c: what the two processes say to each other ---- */

struct network_port {
	char name[16];
	u32 ifindex; /* in the instance */
	u32 partner_ifindex;
	u32 inner, outer;      /* the legs' ifindex in the wire's namespace */
	u8 mac[6], partner[6]; /* of the instance's end and of the partner's */
};

struct network_report {
	s32 err;
	char why[256];
	bool user;   /* there is a user namespace of its own */
	bool netkit; /* programs of netkit devices can be attached */
	bool tap;    /* the legs are TAP descriptors, not packet sockets */
	u32 nr_ports;
	struct network_port ports[NETWORK_PORTS];
};

#define NETWORK_LOCALNET                                                                           \
	(-1) /* .domain: no socket, but net.ipv4.conf.all.route_localnet; -ENOENT: done */
struct network_wish {
	u32 side;
	s32 domain, type, protocol;
};

/* Descriptors behind a report: user (if .user), instance, partner, wire, then inner and outer of each port. */
#define NETWORK_FDS (4 + 2 * NETWORK_PORTS)

int network_send(int sock, const void *msg, size_t size, const int *fds, u32 n);
/* *n: room in, how many out. Size of the message, 0 at the end, or -errno. */
long network_recv(int sock, void *msg, size_t size, int *fds, u32 *n);
/* The process: makes the namespaces, reports, serves wishes until the other end is closed. */
void network_keeper(int sock, const char *names) __attribute__((noreturn));

#endif
