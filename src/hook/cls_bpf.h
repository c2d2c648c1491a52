/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Traffic control's filters: the clsact and ingress qdiscs of devices and the bpf classifiers in
 * their chains (Linux: net/sched/sch_ingress.c, cls_api.c, cls_bpf.c).
 */
#ifndef SKEP_HOOK_CLS_BPF_H
#define SKEP_HOOK_CLS_BPF_H

#include "hook/hook.h"
#include "object/packet.h"

/*
 * Runs the filters of device @ifindex on @skb, whose data begin at the Ethernet header. TC_ACT_OK,
 * _SHOT, _STOLEN, _TRAP, _REDIRECT (then @run->redirect says where to), or TC_ACT_UNSPEC when
 * nothing decides. @run: as hook_run() wants it. Claims a slot, or uses that of the caller.
 */
s32 cls_bpf_run(struct skep_system *sys, u32 ifindex, bool ingress, struct sk_buff *skb,
		struct bpf_run *run);
/* Whether there is anything to run: cheap. */
bool cls_bpf_active(const struct skep_system *sys, u32 ifindex, bool ingress);

/* ---- for requests; sys->lock is held, which also keeps what is found ---- */

struct tc_filter {
	u32 chain;
	u16 prio, protocol; /* protocol: network byte order */
	u32 handle;
	struct bpf_prog *prog;
	struct prog_object *owner;
	bool direct; /* direct-action */
	u32 classid, gen_flags;
	char *name; /* NULL: none */
};

/* Of one direction: chains by age, in them priorities, those of one priority from the newest on. */
struct tc_filters {
	struct arena_retired retired;
	u32 n;
	struct tc_filter v[];
};

enum { TC_INGRESS, TC_EGRESS, TC_SIDES };

struct tc_qdisc {
	struct arena_retired retired;
	struct tc_qdisc *next;
	u32 ifindex;
	bool clsact;			 /* else ingress, which has no egress */
	struct tc_filters *at[TC_SIDES]; /* NULL: none */
	u32 classid[TC_SIDES];		 /* the name that a side was last asked for by */
	u64 bytes, packets, drops;	 /* that went through, by atomic additions */
};

struct tc_qdisc *tc_qdisc_find(const struct skep_system *sys, u32 ifindex);
int tc_qdisc_add(struct skep_system *sys, u32 ifindex, bool clsact); /* 0, -EEXIST or -ENOMEM */
/* With all its filters. Nothing is there: nothing happens. */
void tc_qdisc_del(struct skep_system *sys, u32 ifindex);

/* The first filter of that chain and priority, or the one with @handle. NULL: there is none. */
const struct tc_filter *tc_filter_find(const struct tc_qdisc *q, u32 side, u32 chain, u16 prio,
				       u32 handle);
/*
 * Adds *@f, or puts it in the place of the filter with its handle; handle 0: the lowest free one, which
 * is written there. Takes a reference of its own on the program and a copy of the name. 0 or -ENOMEM.
 */
int tc_filter_set(struct tc_qdisc *q, struct skep_system *sys, u32 side, struct tc_filter *f);
/* @prio 0: all of the chain, @handle 0: all of the priority. How many have gone, or -ENOMEM. */
int tc_filter_del(struct tc_qdisc *q, struct skep_system *sys, u32 side, u32 chain, u16 prio,
		  u32 handle);
void tc_stop(struct skep_system *sys);

#endif
