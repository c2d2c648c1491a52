/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of routes: what `ip route add … encap bpf` attaches (Linux: net/core/lwt_bpf.c), and `… encap seg6local
 * action End.BPF` (net/ipv6/seg6_local.c). The route itself
 * is the instance's kernel's, without the encapsulation, and says LWT_PROTOCOL who has made it: so a
 * packet's route is known to be one of these when the kernel tells it, and only as long as it is there.
 */
#ifndef SKEP_HOOK_LWT_H
#define SKEP_HOOK_LWT_H

#include "hook/hook.h"

#define LWT_PROTOCOL 0xbf

enum { LWT_AT_IN, LWT_AT_OUT, LWT_AT_XMIT, LWT_PLACES };

struct lwt_key {
	u32 family, table, priority;
	u32 dst[4]; /* IPv4: the first */
	u8 dst_len, tos;
};

struct lwt_route {
	struct lwt_route *next;
	struct arena_retired retired;
	struct lwt_key key;
	u8 protocol; /* that was asked for */
	u16 encap; /* LWTUNNEL_ENCAP_BPF, or _SEG6_LOCAL: an action End.BPF, whose program is .at[LWT_AT_IN] */
	bool counts; /* what the action has done: */
	u64 packets, bytes, errors;
	u32 headroom;
	struct {
		struct prog_object *prog; /* NULL: none */
		char name[256];
	} at[LWT_PLACES];
};

/* In a slot, or with sys->lock held. NULL: there is none. */
const struct lwt_route *lwt_find(const struct skep_system *sys, const struct lwt_key *key);

/* sys->lock is held. @r and its programs' references are taken over; one of that key goes. */
void lwt_put(struct skep_system *sys, struct lwt_route *r);
void lwt_del(struct skep_system *sys, const struct lwt_key *key);
/* One that was never put, or NULL. */
void lwt_free(struct lwt_route *r);
void lwt_stop(struct skep_system *sys);

#endif
