/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of groups of sockets that share a port (Linux: net/core/sock_reuseport.c, SO_ATTACH_REUSEPORT_EBPF). The
 * groups are the kernel's, and so is the choice among their sockets, by a classic program that skep attaches: it
 * returns the index that the eBPF program has chosen before the packet is sent (reuseport_call.c) or let in
 * (link_steer.c). reuseport.c knows the groups, reuseport_order.c in which order the kernel has their sockets,
 * reuseport_run.c runs programs.
 */
#ifndef SKEP_EVENT_REUSEPORT_H
#define SKEP_EVENT_REUSEPORT_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "object/packet.h"
#include "object/system.h"

#define REUSEPORT_SOCKETS 1024 /* of a group whose choice is made */
#define REUSEPORT_PENDING 64   /* packets under way that a group's classic program tells apart */
#define REUSEPORT_BUFFER  (SKB_ROOM + 65536 + 256)
#define REUSEPORT_STAMP                                                                            \
	0x02736b70 /* what an Ethernet source address begins with that ends in an index */
#define REUSEPORT_BY_HASH UINT32_MAX
#define REUSEPORT_REFUSED (UINT32_MAX - 1)

struct reuseports;

/*
 * setsockopt(SOL_SOCKET, @name = SO_ATTACH_REUSEPORT_EBPF, SO_ATTACH_REUSEPORT_CBPF or SO_DETACH_REUSEPORT_BPF) of the
 * caller's socket, of which @fd is ours; @tid is the caller. What the call gives.
 */
long reuseport_setsockopt(struct skep_system *sys, u32 tid, int fd, int name, u64 optval,
			  u32 optlen);
void reuseports_stop(struct skep_system *sys);
/* Programs of groups that have ended go. */
void reuseports_sweep(struct skep_system *sys);

/* Whether a group has a program. */
bool reuseport_active(const struct skep_system *sys);

/* Whose packet is asked about: addresses and ports in network order; IPv4: the first word. */
struct reuseport_ends {
	u32 family, protocol;
	u32 from[4], to[4];
	u16 from_port, to_port;
};

/* A network namespace with groups: where sockets of it come from, and what of it is asked. */
struct reuseport_net {
	struct reuseport_net *next;
	struct skep_system *sys;
	bool own;   /* we are in it */
	bool links; /* sys->links lead to it: frames come with stamps */
	u64 cookie;
	int ns, user;	 /* namespaces to enter; -1: not needed */
	int diag, route; /* NETLINK_SOCK_DIAG, NETLINK_ROUTE */
};

struct reuseport_member {
	u64 cookie;
	u32 inode;
	uid_t uid;
	int path;  /* O_PATH: it says whether the socket is still there; -1: none */
	pid_t pid; /* who had it open when that was last asked, */
	int fd;	   /* and where */
};

struct reuseport_pending {
	struct reuseport_ends e;
	u32 index;
};

struct reuseport_group {
	struct reuseport_group *next;
	struct prog_object *prog; /* referenced */
	struct reuseport_net *net;
	u32 family, protocol;
	bool bound; /* and listening: it has what follows, and can be reached */
	u32 address[4], ifindex;
	u16 port;
	uid_t uid;
	struct reuseport_member *v;
	u32 n;
	bool changed; /* sockets may have come or gone: .v and .order are to be asked for */
	bool known;   /* .order is as the kernel has it */
	u32 nr_order;
	u64 order[REUSEPORT_SOCKETS]; /* cookies; 0: one that no packet finds */
	u32 nr_pending, next_pending;
	struct reuseport_pending pending[REUSEPORT_PENDING];
};

/* A slot is claimed before .lock is taken, never behind it. */
struct reuseports {
	struct skep_system *sys;
	pthread_mutex_t lock;
	struct reuseport_net *nets;
	struct reuseport_group *groups;
	struct reuseport_moved *moved; /* reuseport_migrate.c */
	u8 *buffer;		       /* of REUSEPORT_BUFFER bytes, for socket filters */
};

/* ---- reuseport.c ---- */

/* .lock is held. The group of the socket that the kernel would look up, as diag says it; NULL: none with a program. */
struct inet_diag_msg;
struct reuseport_group *reuseport_find(struct reuseports *rs, const struct reuseport_net *net,
				       u32 ifindex, const struct reuseport_ends *e,
				       struct inet_diag_msg *m);
/* Whether a group with a program may have this port (0: any) of this protocol (0: any). */
bool reuseport_has_port(struct skep_system *sys, u32 protocol, u16 port);
/* The socket may be bound now, listen, or be in no group any more. */
void reuseport_changed(struct skep_system *sys, int fd);
/* What the socket says of its group. */
void reuseport_look(struct reuseport_group *g, int fd);
/* One more socket of the group, which is open as @fd of ours, unless it is known. */
int reuseport_member_add(struct reuseport_group *g, int fd);
void reuseport_member_free(struct reuseport_member *m);

/* ---- reuseport_net.c ---- */

/* The namespace of the socket @fd of ours; one that is not known yet is that of thread @tid (0: none). NULL: it cannot be had. */
struct reuseport_net *reuseport_net_of(struct reuseports *rs, int fd, u32 tid);
/* Those that no group is in go. */
void reuseport_nets_trim(struct reuseports *rs);
/* A socket of ours in the net, or -errno. */
int reuseport_socket(struct reuseport_net *net, int family, int type, int protocol);
/* A number in /proc/sys/net/ipv4 there; 0: it cannot be read. */
int reuseport_sysctl(struct reuseport_net *net, const char *name);

/* ---- reuseport_order.c ---- */

/* Finds out the group's sockets and their order if they may have changed. 0; -errno: nobody knows. */
int reuseport_learn(struct reuseport_group *g);
/* A socket of the group as one of ours, to be closed; -errno. */
int reuseport_member_open(struct skep_system *sys, struct reuseport_member *m);
bool reuseport_member_gone(const struct reuseport_member *m);
/* Makes the kernel send packets of @e to socket @index; REUSEPORT_BY_HASH: as it likes. 0 or -errno. */
int reuseport_direct(struct reuseport_group *g, const struct reuseport_ends *e, u32 index);
/* Both ends of what we send to the group ourselves, without ports but .to's. */
void reuseport_near(const struct reuseport_group *g, struct reuseport_ends *e,
		    struct sockaddr_storage *to, socklen_t *size);
/* Packets that carry an index (reuseport_stamp()) go there; others are as they were. 0 or -errno. */
int reuseport_install(struct reuseport_group *g);

/* ---- reuseport_run.c ---- */

struct reuseport_packet {
	const u8 *mac;			      /* Ethernet header */
	u32 network, transport, payload, len; /* offsets from .mac */
	u32 ifindex;
};

/* What the group's program says of a packet: an index of .order, REUSEPORT_BY_HASH or REUSEPORT_REFUSED. .lock is held. */
u32 reuseport_choose(struct reuseport_group *g, const struct inet_diag_msg *m,
		     const struct reuseport_packet *p, struct bpf_run *run);
/*
 * The same of a frame from an instance's wire, by a thread of its links. What is not BY_HASH or REFUSED is to
 * be put into its source address: reuseport_stamp().
 */
u32 reuseport_frame(struct skep_system *sys, const struct reuseport_ends *e,
		    const struct reuseport_packet *p, struct bpf_run *run);
void reuseport_stamp(u8 *ethernet, u32 index);
/* The same of connection @sk, which waits at the listener with this cookie, a member that goes: an index or REUSEPORT_REFUSED. */
struct bpf_rt_sock;
u32 reuseport_choose_moved(struct reuseport_group *g, u64 gone, struct bpf_rt_sock *sk,
			   struct bpf_run *run);

/* ---- reuseport_migrate.c, of the supervisor's loop ---- */

/* Whether it matters that listeners go, and what is accepted. */
bool reuseport_migrates(struct skep_system *sys);
/* The task is about to shut its descriptor @number down, or to close it. */
void reuseport_leaves(struct task *t, int number, bool closes);
void reuseport_process_leaves(struct task *t);
/* At the exit of accept(). */
void reuseport_accepted(struct task *t);
void reuseport_moved_stop(struct reuseports *rs);

#endif
