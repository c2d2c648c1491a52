/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is known of an instance's TCP connections, by their sockets' cookies and by their ends: shared by link_tcp.c,
 * which follows them, and link_tcp_seen.c, which keeps the table and answers the supervisor (link_tcp.h).
 *
 * Two locks: .turn is held while a segment is dealt with and its programs run, by the links' threads only; .lock guards
 * what the supervisor sees, and nobody who holds it waits for anything else.
 */
#ifndef SKEP_EVENT_LINK_TCP_SEEN_H
#define SKEP_EVENT_LINK_TCP_SEEN_H

#include <linux/inet_diag.h>
#include <pthread.h>

#include "event/link_tcp.h"

#define TCP_BUCKETS  1024
#define TCP_SEEN_MAX 8192

struct link_tcp {
	pthread_mutex_t turn, lock;
	u32 n;
	struct tcp_sock_seen *by_cookie[TCP_BUCKETS], *by_ends[TCP_BUCKETS];
	/* Changed by a segment that the stack is being given: told behind that. Of whose turn it is. */
	struct tcp_sock_seen *changed;
	u8 from;
	struct tcp_seg third; /* .from is BPF_TCP_NEW_SYN_RECV: it makes the socket */
};

/* The table, made at first use. NULL: no memory. */
struct link_tcp *tcp_seen_table(struct links *l);

/*
 * All of these under .lock; in its turn a thread finds by ends without, since only turns change these. @cookie 0: a
 * request, which has none yet; it must get ends.
 */
struct tcp_sock_seen *tcp_seen_add(struct link_tcp *t, u64 cookie);
struct tcp_sock_seen *tcp_seen_find(struct link_tcp *t, const struct tcp_seg *s);
void tcp_seen_put_cookie(struct link_tcp *t, struct tcp_sock_seen *c, u64 cookie);
void tcp_seen_put_ends(struct link_tcp *t, struct tcp_sock_seen *c, const struct tcp_seg *s);
void tcp_seen_drop(struct link_tcp *t, struct tcp_sock_seen *c);
/* The ones that were not used for longest go, as many as a sweep is worth, but not @but. It is the caller's turn. */
void tcp_seen_make_room(struct link_tcp *t, const struct tcp_sock_seen *but);

/* The kernel's socket of segment @s. False: there is none. */
bool tcp_seen_ask(struct links *l, const struct tcp_seg *s, struct inet_diag_msg *m);
u64 tcp_seen_cookie(const struct inet_diag_msg *m);
/*
 * The socket of @m, as it was noted; one that was not is in the cgroup of who has it open. NULL: of nobody's. Takes
 * .lock.
 */
struct tcp_sock_seen *tcp_seen_of(struct links *l, struct link_tcp *t,
				  const struct inet_diag_msg *m);

#endif
