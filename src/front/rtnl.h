/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * rtnetlink(7) as far as it is about eBPF: requests that attach programs to devices or ask for
 * what is attached, and the kernel's own answers where something of ours is missing in them.
 * Messages only; whose sockets they come by is another's business (src/daemon/netlink.c).
 */
#ifndef SKEP_FRONT_RTNL_H
#define SKEP_FRONT_RTNL_H

#include <linux/rtnetlink.h>

#include "base/vec.h"
#include "object/system.h"

/* Who asks, by which socket. Descriptors in messages are those of the current caller (caller.h). */
struct rtnl_asker {
	struct skep_system *sys;
	bool ours; /* its namespace is the one that the hooks' devices are numbered in */
	bool ext_ack, cap_ack; /* what it has set: NETLINK_EXT_ACK, NETLINK_CAP_ACK */
	u32 portid;
	void *arg;
	u32 (*ifindex)(void *arg, const char *name); /* 0: there is none of that name */
	bool (*device)(void *arg, u32 ifindex);
};

/* Datagrams, one after the other. */
struct rtnl_out {
	VEC(u8) bytes;
	VEC(u32) ends; /* where each of them ends; what is behind the last is not one yet */
	bool failed;   /* no memory */
	/* Of RTNL_REST: what follows when the kernel takes the message. */
	struct lwt_route *route; /* it is the one of its key; NULL: that of .gone goes */
	struct lwt_key *gone;
};

enum rtnl_whose {
	RTNL_KERNEL, /* it is none of our business */
	RTNL_OURS,   /* it is done; the answer, if there is any, is in @out */
	RTNL_REST,   /* one message in @out is for the kernel, which answers; then rtnl_taken() */
};

enum rtnl_whose rtnl_request(const struct rtnl_asker *a, const struct nlmsghdr *n,
			     struct rtnl_out *out);

/* The kernel has done what @out of RTNL_REST asked it for. Unless this is called, nothing changes. */
void rtnl_taken(const struct rtnl_asker *a, struct rtnl_out *out);

/* What is known between two datagrams of the kernel's answer to a dump of qdiscs. */
struct rtnl_dump {
	u32 seq, last;
	VEC(u32) told; /* devices whose qdisc of ours has been told */
};

/*
 * The kernel's datagram with what it lacks: true and @out, or false if it lacks nothing. @dump: of the dump
 * that it belongs to, or NULL; it is changed.
 */
bool rtnl_complete(const struct rtnl_asker *a, const void *data, size_t size,
		   struct rtnl_dump *dump, struct rtnl_out *out);
/* Whether there is anything that an answer could lack. */
bool rtnl_anything(const struct skep_system *sys);
/* Whether @n asks for a dump of qdiscs, whose answer needs a struct rtnl_dump. */
bool rtnl_dumps_qdiscs(const struct nlmsghdr *n);

void rtnl_out_free(struct rtnl_out *out);

/* NLMSG_NEXT() for a number of bytes without sign, whatever the last one's length is. */
static inline const struct nlmsghdr *rtnl_next(const struct nlmsghdr *n, size_t *left)
{
	size_t step = min_t(size_t, NLMSG_ALIGN((size_t)n->nlmsg_len), *left);

	*left -= step;
	return (const struct nlmsghdr *)((const u8 *)n + step);
}

/* ---- between rtnl.c, rtnl_xdp.c and rtnl_tc.c ---- */

/* One request and how it ends. */
struct rtnl_call {
	const struct rtnl_asker *a;
	const struct nlmsghdr *n;
	struct rtnl_out *out;
	const char *why; /* Linux's sentence for a refusal; NULL: it has none */
};

/* Its attributes behind a header of @header bytes: tb[0..max], NULL: not there. 0 or -EINVAL. */
int rtnl_attrs(const struct nlmsghdr *n, size_t header, const struct rtattr **tb, u32 max);
int rtnl_nested(const struct rtattr *nest, const struct rtattr **tb, u32 max);
u32 rtnl_u32(const struct rtattr *r); /* 0 when it is too short */
bool rtnl_is(const struct rtattr *r, const char *text);

/* Building: where it begins, for _end(). */
size_t rtnl_begin(struct rtnl_out *out, u16 type, u16 flags, u32 seq, u32 portid,
		  const void *header, size_t size);
void rtnl_end(struct rtnl_out *out, size_t at);
void rtnl_put(struct rtnl_out *out, u16 type, const void *data, size_t size);
void rtnl_put_u32(struct rtnl_out *out, u16 type, u32 value);
size_t rtnl_nest(struct rtnl_out *out, u16 type);
void rtnl_nest_end(struct rtnl_out *out, size_t at);
void rtnl_datagram(struct rtnl_out *out); /* what has been put is one */
/* Ends a dump's message: begins a new datagram when this one is long enough. */
void rtnl_dumped(struct rtnl_out *out);

/* Whether requests for @ifindex are ours. */
bool rtnl_our_device(const struct rtnl_asker *a, u32 ifindex);
int rtnl_refuse(struct rtnl_call *c, int err, const char *why);
/* The words of this kernel, which were others before @since. */
int rtnl_refuse_since(struct rtnl_call *c, int err, kver since, const char *why,
		      const char *before);

/* Each: 1: not ours; else 0 or -errno. */
int rtnl_setlink(struct rtnl_call *c, bool *rest);
int rtnl_qdisc(struct rtnl_call *c);
int rtnl_filter(struct rtnl_call *c);
int rtnl_chain(struct rtnl_call *c);
int rtnl_route(struct rtnl_call *c, bool *rest);

/* A route that the kernel tells of, with its programs: false if it is none of ours. */
bool rtnl_complete_route(const struct rtnl_asker *a, const struct nlmsghdr *n,
			 struct rtnl_out *out);

/* IFLA_XDP's content of device @ifindex. */
void rtnl_fill_xdp(const struct rtnl_asker *a, u32 ifindex, struct rtnl_out *out);
/* RTM_NEWQDISC of ours on @ifindex: false if there is none. */
bool rtnl_fill_qdisc(const struct rtnl_asker *a, u32 ifindex, u16 flags, u32 seq,
		     struct rtnl_out *out);

#endif
