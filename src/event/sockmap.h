/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets of supervised processes that are in maps with programs (object/psock.h): what their processes send
 * (sockmap_send.c) and what reaches them (sockmap_receive.c). All of it is for the supervisor's loop.
 *
 * No descriptor of such a socket is kept, or its last close would not end it. A poller has it in an epoll set, in
 * which sockets stay without one; for each thing to be done a descriptor is copied from the process that has it.
 */
#ifndef SKEP_EVENT_SOCKMAP_H
#define SKEP_EVENT_SOCKMAP_H

#include "event/cgroup_run.h"
#include "event/decide.h"
#include "object/psock.h"
#include "object/run.h"

/* Received bytes that a verdict is about; they are in the kernel's queue until it has been carried out. */
struct sock_segment {
	struct sock_segment *next;
	u32 len;		  /* in the kernel's queue */
	u32 taken;		  /* of them: by readers */
	u8 verdict;		  /* SK_PASS, SK_DROP */
	u64 to;			  /* cookie of the socket they go to instead; 0: none */
	bool ingress;		  /* to its reader */
	u8 *data;		  /* what they have become; NULL: as they are */
	u32 data_len, data_taken; /* .data_taken also counts what has gone to .to */
};

/* Written to a socket's peer for its reader: not to be judged when it arrives. */
struct sock_injected {
	struct sock_injected *next;
	u32 len;
	u8 data[];
};

struct sock_flow {
	struct psock *ps; /* whose .flow it is */
	pid_t tgid;	  /* who had it as .fd; 0: not known */
	int fd;
	bool known, armed, stream;
	int family, type, protocol;
	u64 netns;
	struct bpf_rt_sock sk; /* for programs; with .known */
	/* sent: as in struct sk_psock */
	u32 apply_bytes, cork_bytes;
	u8 eval; /* EVAL_* */
	bool redir_ingress;
	u64 redir;
	struct sock_message *cork;
	/* received */
	struct sock_segment *first;
	u64 changes; /* counts segments that come and go */
	u64 judged;  /* bytes of all segments that are in the queue, or datagrams: 0 or 1 */
	bool ended;  /* end of file, or an error that the kernel will tell */
	struct sock_injected *injected;
};

/* ---- sockmap_flow.c ---- */

/* The flow of @ps, made at first use. NULL: no memory. */
struct sock_flow *sock_flow(struct psock *ps);
/* A descriptor of the socket, to be closed; .known is set. -errno: nobody is known to have it. */
int sock_flow_open(struct skep_system *sys, struct sock_flow *f);
/* The socket that is the task's descriptor @fd, with a reference; NULL: it is in no map. */
struct psock *sock_of_task(struct task *t, int fd);

/*
 * Sends bytes on socket @to, or (@ingress) into what it receives. How many it took; -EAGAIN: none at the moment,
 * *wait is then, unless NULL, a descriptor to wait for, to be closed; another error: it will never.
 */
long sock_deliver(struct skep_system *sys, u64 to, bool ingress, const u8 *data, u32 len,
		  int *wait);

/* ---- sockmap_receive.c ---- */

/* Judges what has arrived and carries out what can be; @fd is of the socket. */
void sock_receive(struct skep_system *sys, struct sock_flow *f, int fd);
void sock_read_enter(struct task *t);
/* Something may have changed for readers of socket @cookie; 0: of all. */
void sock_wake_readers(struct skep_system *sys, u64 cookie);
void sock_segments_free(struct sock_flow *f);

/* ---- sockmap_send.c ---- */

void sock_send_enter(struct task *t);
void sock_message_free(struct sock_message *m);

/* ---- sockmap.c ---- */

/* When @fd (taken over) can be written to, what waits in the flow of @cookie goes on. */
void sock_wait_writable(struct skep_system *sys, int fd, u64 cookie);

/* What sending and receiving need of a call: the places in the task's memory that it is about. */
struct sock_places {
	u32 n;
	u64 total;
	struct sock_place {
		u64 at, len;
	} v[];
};
/* Those of readv() and writev() at @at, or one. NULL: -EFAULT or -EINVAL, which the kernel will say. */
struct sock_places *sock_places(struct task *t, u64 at, u64 n);
struct sock_places *sock_place(u64 at, u64 len);
/* Copies @len bytes from offset @off of them, or to. 0 or -EFAULT. */
int sock_gather(struct task *t, const struct sock_places *p, u64 off, u8 *to, u64 len);
int sock_scatter(struct task *t, const struct sock_places *p, u64 off, const u8 *from, u64 len);

/* Of the loop: what the poller has seen. */
void sockmap_look(struct skep_system *sys);

/* State of the source; sys->sockmaps. */
struct sock_reader;
struct sockmaps {
	int epoll;
	u32 ready; /* something is in .v */
	pthread_mutex_t lock;
	VEC(u64) v;		     /* cookies; under the lock */
	struct sock_reader *readers; /* who waits */
	VEC(struct sock_waiting {
		int fd;
		u64 cookie;
	})
	writable; /* descriptors that are kept until they are */
};

#endif
