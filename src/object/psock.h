/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What SOCKMAPs and SOCKHASHes make of their sockets: the programs of a map, and of each socket the
 * programs that it got when it was put into maps (Linux: struct sk_psock_progs and struct sk_psock of
 * include/linux/skmsg.h, sock_map_link() and sock_map_prog_update() of net/core/sock_map.c).
 *
 * A socket is known by its cookie. Which elements hold it is asked of the maps themselves: one that has
 * been deleted, by whomever, is noticed the next time somebody looks at the socket.
 *
 * All of it is under a lock of its own, under which nothing else is locked; what is said to need sys->lock is for
 * commands. So programs can put sockets into maps wherever they run.
 */
#ifndef SKEP_OBJECT_PSOCK_H
#define SKEP_OBJECT_PSOCK_H

#include "base/vec.h"
#include "object/link.h"

enum psock_kind { PSOCK_MSG, PSOCK_PARSER, PSOCK_STREAM, PSOCK_SKB, PSOCK_KINDS };

/* A program that a map or sockets have; counted under the lock. */
struct psock_prog;

struct psock {
	struct psock *next, **at; /* in the list of those in maps */
	u64 cookie;
	u64 inode; /* 0: not known yet */
	u32 refs;
	u32 rooms;    /* links that are about to come: .links has room for them */
	bool started; /* what it receives is judged */
	bool listed;  /* false: it is in no map any more */
	struct psock_prog *prog[PSOCK_KINDS];
	VEC(struct psock_link {
		struct map_object *map;
		void *key;
	})
	links;
	/* Of whoever runs the programs (src/event/sockmap.c), freed with the psock. */
	void *flow;
	void (*flow_free)(void *flow);
};

/* A map of sockets, before it has elements. 0 or -ENOMEM. */
int psock_map_made(struct map_object *m);
/* The object of @map, which its caller holds; NULL: it is none of those. */
struct map_object *psock_map_of(struct skep_system *sys, const struct bpf_map *map);

/* ---- programs of maps; sys->lock is held ---- */

/* What there is for @attach_type; -1: it is no attach type of socket maps. */
int psock_kind_of(u32 attach_type);
/*
 * Attaches @prog (by @link or, NULL, without) in the place of what is there; with @old only of that, which
 * may be all: @prog NULL detaches. 0; -EOPNOTSUPP: @m is no map of sockets; -EBUSY: a link has the place, or
 * another kind of verdict is there; -ENOENT: @old is not there; -ENOMEM.
 */
int psock_map_set(struct map_object *m, struct prog_object *prog, struct prog_object *old,
		  struct link_object *link, u32 attach_type);
/* BPF_LINK_UPDATE: -EBUSY: @link is not what is there. */
int psock_map_update(struct map_object *m, struct prog_object *prog, struct prog_object *old,
		     const struct link_object *link, u32 attach_type);
/* Id of what is attached, 0: nothing. 0, -EOPNOTSUPP or -EBUSY as above. */
int psock_map_query(struct map_object *m, u32 attach_type, u32 *id);
/* No descriptor and no pin holds @m any more: programs that came without a link go. */
void psock_map_unheld(struct map_object *m);
void psock_map_gone(struct map_object *m);

/* ---- sockets ---- */

struct psock_socket {
	u64 cookie, inode; /* 0: not known */
	bool tcp;
};

/* What psock_reserve() has set aside; zeros: nothing. */
struct psock_room {
	struct psock *ps;
	void *key;
};

/*
 * Before element @key is set to socket @s: what is against its programs, and room for it, so that what follows
 * cannot fail. 0: @room is for one of psock_link() and psock_not_linked(); -EBUSY: it has such programs by
 * another map; -EOPNOTSUPP: they are not for such sockets; -ENOMEM.
 */
int psock_reserve(struct map_object *m, const void *key, const struct psock_socket *s,
		  struct psock_room *room);
/* The element has been set. */
void psock_link(struct map_object *m, struct psock_room *room);
/* It could not be set. A socket that is in another map has the programs of this one now, as in Linux. */
void psock_not_linked(struct map_object *m, struct psock_room *room);
/* An element that held socket @cookie is another's, or nobody's. */
void psock_look(struct skep_system *sys, u64 cookie);
/* Socket @cookie has been met as inode @inode. True: it has not been known as that before. */
bool psock_met(struct skep_system *sys, u64 cookie, u64 inode);
/* There is a psock whose inode is not known. */
bool psocks_unmet(struct skep_system *sys);
/* By inode or cookie; a reference, or NULL. What has left all maps is not found. */
struct psock *psock_by_inode(struct skep_system *sys, u64 inode);
struct psock *psock_by_cookie(struct skep_system *sys, u64 cookie);
void psock_put(struct skep_system *sys, struct psock *ps);
/* Of a socket with a reference; in a slot of a run. NULL: none. */
const struct bpf_prog *psock_prog(struct skep_system *sys, struct psock *ps, enum psock_kind kind);
/* Calls @fn for every socket until it returns non-zero, which is returned; with a reference. */
int psocks_each(struct skep_system *sys, int (*fn)(struct psock *ps, void *arg), void *arg);

/* Whether any socket's messages are judged, and what any receives. Both are cheap. */
enum { PSOCKS_SEND = 1, PSOCKS_RECEIVE = 2 };
u32 psocks_wanted(struct skep_system *sys);
/* Told when a program has changed what psocks_wanted() says; any thread, no lock but psocks'. */
void psocks_notify(struct skep_system *sys, void (*fn)(void *arg), void *arg);
/*
 * Who supervises processes knows their sockets, in whatever network namespace: fills @sk as the socket @cookie is
 * now. psocks_ask() is false when nobody can tell here.
 */
struct bpf_rt_sock;
void psocks_answer(struct skep_system *sys,
		   bool (*fn)(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk));
bool psocks_ask(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk);
/* Drops programs that nobody has any more; takes sys->lock. */
void psocks_reap(struct skep_system *sys);
void psocks_stop(struct skep_system *sys);

#endif
