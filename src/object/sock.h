/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets as programs see them through pointers that the verifier calls sock, sock_common and
 * tcp_sock, and the contexts of the program types about sockets, control groups and infrared
 * receivers: the uapi struct, which context loads reach, followed by what helpers need.
 * Whoever runs a program (a hook, a test run) fills them and owns their memory. Freestanding.
 */
#ifndef SKEP_OBJECT_SOCK_H
#define SKEP_OBJECT_SOCK_H

#include "base/types.h"
#include "base/uapi.h"
#include "object/packet.h"

/* The options that bpf_setsockopt() and bpf_getsockopt() know; see src/helper/sockopt.c. */
#define SK_OPTS 64

struct bpf_rt_sock {
	struct bpf_sock u;	 /* first: loads are not rewritten */
	struct bpf_tcp_sock tcp; /* which loads through a tcp_sock reach: fixup.c adds its offset */
	u64 cookie;
	u64 netns_cookie;
	u32 uid;
	u32 classid; /* of net_cls; 0: none */
	u64 cgroup;  /* its id; 0: not told, as that of who runs the program */
	const u64
		*cgroups; /* where not NULL: ids of its cgroup and those above, the nearest first */
	u32 nr_cgroups;
	u32 refs;     /* held by programs through lookups */
	u32 cb_flags; /* bpf_sock_ops_cb_flags */
	u8 reuseport;
	s32 opt[SK_OPTS];    /* values, by row of the table of options */
	u64 opt_set;	     /* which of them have been set */
	char congestion[16]; /* TCP_CONGESTION */
	u32 delack_max_us;   /* what programs have set of TCP's times; 0: nothing */
	u32 rto_min_us;
	/*
	 * The socket itself: a descriptor of the process that runs the program, plus one. What programs set and
	 * bind is set and bound there. 0: there is none, options are .opt.
	 */
	s32 live;
	s32 number; /* the descriptor that the run's task has of it; only a hint */
	u64 ino; /* the inode that it is on the machine; 0: not told, or nobody has it open any more */
};

/* A number for .ino of a socket that is nobody's: a test run's. */
#define SOCK_INO_MADE_UP (1ULL << 63)

/* WORLD_SOCK_OPTION */
struct sock_option {
	u32 level, name;
	void *value;
	u32 len;
	bool set; /* else: get */
};

static inline void sock_target(const struct bpf_rt_sock *sk, struct sock_target *to)
{
	*to = (struct sock_target){ .family = sk->u.family,
				    .protocol = sk->u.protocol,
				    .port = sk->u.src_port,
				    .cookie = sk->cookie };
	if (sk->u.family == 2)
		to->local[0] = sk->u.src_ip4;
	else
		__builtin_memcpy(to->local, sk->u.src_ip6, sizeof(to->local));
}

static inline bool sock_is_full(const struct bpf_rt_sock *sk)
{
	return sk->u.state != BPF_TCP_TIME_WAIT && sk->u.state != BPF_TCP_NEW_SYN_RECV;
}

/* Whether programs may set or get @o of such a socket: 0 or -errno. What the value means is the socket's to say. */
s64 sock_option_check(u32 family, u32 type, u32 protocol, const struct sock_option *o);

/* Option number @i of .opt; @doubled: it reads as twice what is set. False: there is none. */
bool sk_option(u32 i, u32 *level, u32 *name, bool *doubled);

/* struct bpf_sock_ops: u.skb_data is the TCP header of the packet at hand, if there is one. */
#define TCP_OPTIONS_MAX 40
struct bpf_rt_sock_ops {
	struct bpf_sock_ops u;
	u32 opt_room; /* bytes of options that can still be reserved or stored */
	bool has_skb;
	/* The headers of the SYN that came, and their lengths: Ethernet (0: not kept), IP, TCP. NULL: none was kept. */
	const u8 *syn;
	u8 syn_mac, syn_ip, syn_tcp;
};

/* bpf_getsockopt() of TCP_BPF_SYN* (@name): the bytes' number, or -ENOSPC with as many as have room, or -ENOENT. */
s64 sock_ops_get_syn(const struct bpf_rt_sock_ops *ctx, u32 name, u8 *to, u32 len);

/* struct bpf_sock_addr, and what stands behind it: an address of the call. */
#define SOCK_ADDR_MAX 128
struct bpf_rt_sock_addr {
	struct bpf_sock_addr u;
	s32 fd; /* of the socket, in the task; -1: it is nobody's */
	/* A UNIX socket's is here alone; of others it is as it was before the programs. */
	u32 uaddrlen;
	u8 uaddr[SOCK_ADDR_MAX]; /* struct sockaddr */
};

/* struct bpf_sysctl: a parameter of /proc/sys being read or written. */
struct bpf_rt_sysctl {
	struct bpf_sysctl u;
	const char *name; /* "net/ipv4/tcp_mem" */
	const char *cur;  /* its value, with the newline; NULL: it cannot be read */
	u32 cur_len;
	char *new_val; /* what is being written, NUL-terminated; room for a page */
	u32 new_len;
	bool new_updated; /* by bpf_sysctl_set_new_value() */
};

/* struct sk_msg_md: a message in one piece. */
struct bpf_rt_msg {
	struct sk_msg_md u;
	u8 *buf, *end; /* room */
	u8 *start;     /* of the message, of u.size bytes; u.data is what the program can see */
	u32 apply_bytes, cork_bytes;
};

/* struct sk_reuseport_md, and the packet that is looked at. */
struct bpf_rt_reuseport {
	struct sk_reuseport_md u;
	const u8 *head;	    /* of the buffer: bytes before u.data can be loaded relatively */
	const u8 *network;  /* header; NULL: none */
	const u8 *mac;	    /* header; NULL: none */
	const u8 *tail;	    /* first byte behind the packet */
	bool grouped;	    /* u.sk is a socket of the machine, whose group is asked */
	const u64 *members; /* cookies of that group's sockets, if they are known */
	u32 nr_members;
	u64 gone;     /* cookie of a socket that counts as in no map any more; 0: none */
	u64 selected; /* cookie of the socket that has been chosen; 0: none */
};

/* struct bpf_sk_lookup. */
struct bpf_rt_sk_lookup {
	struct bpf_sk_lookup u; /* .sk: what has been selected */
	struct sock_target selected;
	bool no_reuseport;
};

/* What a decoder of infrared pulses has reported. */
enum { LIRC_KEYDOWN, LIRC_REPEAT, LIRC_POINTER };
struct bpf_rt_lirc {
	u32 sample; /* the context: LIRC_MODE2_* | length in microseconds */
	u32 nr_events;
	struct bpf_lirc_event {
		u32 kind;
		u32 protocol, toggle;
		s32 x, y;
		u32 reserved;
		u64 scancode;
	} events[16]; /* of this sample; more are dropped */
};

#endif
