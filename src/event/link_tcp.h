/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TCP connections of an instance, followed on its wire: what passes there tells what no call of a process
 * does (options of headers, round trips, what is sent again). link_tcp.c follows them, link_sock_ops.c
 * runs the programs of the sockets' cgroups (BPF_CGROUP_SOCK_OPS) where Linux's TCP does.
 */
#ifndef SKEP_EVENT_LINK_TCP_H
#define SKEP_EVENT_LINK_TCP_H

#include <linux/tcp.h>

#include "event/link_ip.h"
#include "object/sock.h"

#define TCP_LEVELS   16
#define TCP_SYN_ROOM (ETH_HLEN + 60 + 60)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_ECE = 64 };

/* Of sequence numbers. */
static inline bool before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* A segment in a frame. */
struct tcp_seg {
	struct sk_buff *skb; /* at its Ethernet header */
	u8 *net, *tcp;
	u32 family; /* PF_IPV4, PF_IPV6 */
	u32 local[4], remote[4];
	u16 lport, rport; /* network order */
	u32 hdr, len;	  /* bytes of the TCP header, of what is behind it */
	u32 seq, ack;
	u16 window;
	u8 flags;
};

/* A segment that has been sent and not been acknowledged. */
struct tcp_sent {
	u32 end; /* sequence number behind it */
	bool again;
	u64 ns;
};
#define TCP_SENT 64 /* that are remembered; older ones are not measured */

enum tcp_told { TCP_TOLD_ESTABLISHED = 1, TCP_TOLD_CLOSE = 2 };

/* A socket that programs were told of. */
struct tcp_sock_seen {
	struct tcp_sock_seen *next_cookie, *next_ends;
	u64 cookie, used;
	/* Changed under the table's lock: the supervisor looks at them. */
	u8 cb_flags;
	u8 told;
	bool has_ends;
	/* Of a listener: whether it keeps the SYNs of connections (TCP_SAVE_SYN: 1, with the Ethernet header 2). */
	u8 save_syn;
	pid_t pid; /* who has it as .fd; 0: not known */
	int fd;
	u32 inode, uid;
	u32 n; /* of .ids: its cgroup and those above */
	u64 ids[TCP_LEVELS];
	struct bpf_rt_sock *
		later; /* [2]: before and after programs set options of a socket that nobody has yet */
	/* The rest is for the links' threads. */
	u32 family, local[4], remote[4];
	u16 lport, rport;
	u8 state; /* BPF_TCP_*, as far as the wire tells */
	bool active;
	u32 snd_una, snd_nxt, rcv_nxt, iss;
	u32 snd_wnd;  /* scaled */
	u8 snd_scale; /* of windows that the peer tells */
	u16 peer_mss; /* as it said */
	u16 header;   /* bytes of a usual header: with time stamps or not */
	bool prediction; /* a segment that is as expected is looked at no further: tcp_rcv_established() */
	bool saw_unknown;
	u8 rcv_scale;	 /* of windows that we tell */
	u8 syns;	 /* that were sent again */
	bool syn_times;	 /* our SYN has time stamps */
	bool syn_cookie; /* the kernel has no request of it: the third segment makes the socket */
	bool fin_in;	 /* the peer has sent all; the answer to that is the last of FIN_WAIT2 */
	u32 rwnd;	 /* segments that the first windows have room for; 0: as the stack says */
	u16 lowered;	 /* bytes of the peer's MSS that were kept from the stack */
	struct bpf_tcp_sock figures; /* as they were told last: a socket in TIME_WAIT has none */
	u32 syn_us;		     /* the round trip of the SYN; 0: not known */
	u32 rtt_seq;		     /* when that is acknowledged, a round trip is told again */
	u8 retransmits;		     /* time-outs in a row, as they were known last */
	u8 backoff;
	u32 rto; /* microseconds, until the next of them */
	struct tcp_sent sent[TCP_SENT];
	u32 first_sent, nr_sent;
	u64 sent_ns; /* SYN or SYN-ACK, unless sent again */
	u8 syn[TCP_SYN_ROOM], syn_mac, syn_ip, syn_tcp;
};

/* ---- link_tcp.c ---- */

/* Whether somebody listens to connections. */
bool link_tcp_active(const struct links *l);
/* A frame on its way up to the stack, and one that the stack has sent: both may be changed. */
void link_tcp_in(struct link_way *w, struct port *p, struct sk_buff *skb);
void link_tcp_out(struct link_way *w, struct port *p, struct sk_buff *skb);
/* Behind the first: the frame has been given to the stack. */
void link_tcp_behind(struct link_way *w, struct port *p);

/* ---- link_tcp_seen.c ---- */

void link_tcp_free(struct links *l);

/* By the supervisor, of a socket by its cookie: what programs were told of it, and have said. */
struct tcp_note {
	u64 cookie;
	const u64 *ids;
	u32 n, uid;
	pid_t pid;
	int fd;
	u8 cb_flags, save_syn;
	u32 rwnd; /* of what BPF_SOCK_OPS_RWND_INIT was told; 0: nothing */
};
void link_tcp_note(struct links *l, const struct tcp_note *note);
/* Its flags, into @flags. False: it was not seen on the wire. */
bool link_tcp_flags(struct links *l, u64 cookie, u8 *flags);
void link_tcp_set_flags(struct links *l, u64 cookie, u8 flags);
/* Whether the wire has told its programs of that. */
bool link_tcp_told(struct links *l, u64 cookie, enum tcp_told what);
/*
 * Whether the wire tells that it goes to state @to, so that nobody else has to; @real: its state in the kernel. What
 * no segment shows is told by who asks, once.
 */
bool link_tcp_follows(struct links *l, u64 cookie, u8 from, u8 to, u8 real);
/*
 * Options that programs have set before anybody had the socket, which process @pid has as @fd now: [2], to be
 * freed; NULL: none.
 */
struct bpf_rt_sock *link_tcp_later(struct links *l, u64 cookie, pid_t pid, int fd, u32 inode);

/* By the links' threads, of a socket whose turn it is. */
void link_tcp_put_flags(struct links *l, struct tcp_sock_seen *c, u8 flags);
void link_tcp_tell(struct links *l, struct tcp_sock_seen *c, enum tcp_told what);
/* Takes over @later, if not NULL, and notes @after in it. */
void link_tcp_keep(struct links *l, struct tcp_sock_seen *c, struct bpf_rt_sock *later,
		   const struct bpf_rt_sock *after);

/* ---- link_tcp_sent.c ---- */

bool tcp_sent_note(struct tcp_sock_seen *c, const struct tcp_seg *s, u32 end);
u32 tcp_sent_acked(struct tcp_sock_seen *c, u32 ack, bool times, u32 *us);
bool tcp_rtt_due(struct tcp_sock_seen *c, bool first);

/* ---- link_sock_ops.c ---- */

/* TCP_SAVE_SYN of a socket, as far as can be told. */
u8 tcp_sock_saves_syn(const struct tcp_sock_seen *c);
/* A connection stands: @s was what did it. */
void tcp_sock_established(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s, u32 mtu);
/* A round trip took @us, measured by @n segments that are acknowledged. */
void tcp_sock_rtt(struct link_way *w, struct tcp_sock_seen *c, u32 us, u32 n, u32 was_una, u32 mtu);
/* Something is sent again: tells, before, whether since a time was over; and, behind it, that it was. */
void tcp_sock_timed_out(struct link_way *w, struct tcp_sock_seen *c);
void tcp_sock_again(struct link_way *w, struct tcp_sock_seen *c, const struct tcp_seg *s);
/* Figures for later, if somebody wants to know of time-outs. */
void tcp_sock_remember(struct link_way *w, struct tcp_sock_seen *c);
/* It has gone from state @from to @to; @sent: by a FIN that is being sent. Whether it is still there. */
bool tcp_sock_state(struct link_way *w, struct tcp_sock_seen *c, u8 from, u8 to, bool sent);
/* What Linux asks of a connection that begins, or (@req) is only requested; below 1: no answer. */
s32 tcp_sock_query(struct link_way *w, struct tcp_sock_seen *c, u32 op, bool req);
void tcp_sock_parse(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s);
/*
 * Lets programs add options to @s, which is sent; @req: a SYN-ACK, of a connection that is no socket yet. @mtu: room
 * for the packet.
 */
void tcp_sock_write(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s, bool req,
		    u32 mtu);
/* How many bytes of options programs want in segments with data, rounded up. */
u32 tcp_sock_room(struct link_way *w, struct tcp_sock_seen *c);

#endif
