/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hooks: named places where programs are attached and run (Linux: dev->xdp_state,
 * bpf_mprog entries, tracepoint probes).
 *
 * Event sources register the hooks they fire: netdev_hooks_add() for a device.
 * Raw tracepoints are rows of hook.c. A hook's programs are one array that is
 * replaced as a whole; readers hold a slot, so the old one is freed when no run can
 * see it.
 */
#ifndef SKEP_HOOK_HOOK_H
#define SKEP_HOOK_HOOK_H

#include "object/link.h"
#include "object/system.h"

enum hook_kind {
	HOOK_XDP,	  /* ctx struct xdp_buff; at most one program */
	HOOK_TCX_INGRESS, /* ctx struct sk_buff */
	HOOK_TCX_EGRESS,
	HOOK_RAW_TP, /* ctx u64 args[]; results are ignored */
	HOOK_KINDS,
};

#define HOOK_PROGS_MAX 64 /* Linux: BPF_MPROG_MAX */

struct hook_prog {
	struct bpf_prog *prog; /* in the arena */
	u64 cookie;
	struct link_object *link; /* NULL: attached without a link */
	struct prog_object *owner;
};

struct hook_progs {
	struct arena_retired retired;
	u32 n;
	struct hook_prog v[];
};

struct hook {
	struct hook *next;
	struct skep_system *sys;
	enum hook_kind kind;
	u32 ifindex;
	u32 nr_args;		  /* raw tracepoints */
	char name[64];		  /* of the device or the tracepoint */
	u64 revision;		  /* Linux: bpf_mprog revision; starts at 1 */
	u32 xdp_flags;		  /* XDP_FLAGS_SKB_MODE ... of an attachment by netlink */
	struct hook_progs *progs; /* NULL: none; read with load_acquire() in a slot */
};

int hooks_start(struct skep_system *sys);
void hooks_stop(struct skep_system *sys);

/* Registers XDP and TCX hooks of device @ifindex. 0, -EEXIST or -ENOMEM. */
int netdev_hooks_add(struct skep_system *sys, u32 ifindex, const char *name);
/* Detaches everything from the device and forgets it. */
void netdev_hooks_del(struct skep_system *sys, u32 ifindex);
/* NULL when there is no such device; hooks live until netdev_hooks_del(). */
struct hook *hook_find_netdev(struct skep_system *sys, enum hook_kind kind, u32 ifindex);
struct hook *hook_find_netdev_by_name(struct skep_system *sys, enum hook_kind kind,
				      const char *name);
struct hook *hook_find_raw_tp(struct skep_system *sys, const char *name);

static inline bool hook_active(const struct hook *h)
{
	return load_acquire(&h->progs) != NULL;
}

/*
 * Runs the programs of @h on @ctx. @run: zeroed by the caller but for .event and
 * .task. XDP: the program's result, XDP_PASS without one. TCX: the first result
 * that is not TCX_NEXT (-1), else TCX_NEXT. Raw tracepoints: 0.
 */
s32 hook_run(struct hook *h, void *ctx, struct bpf_run *run);
/* As hook_run(), in a slot that the caller has claimed for @run (bursts of packets). */
s32 hook_run_claimed(struct hook *h, void *ctx, struct bpf_run *run);

/* Registers raw tracepoint @name of @nr_args arguments, which the caller fires. 0, -EEXIST, -ENOMEM. */
int hook_add_raw_tp(struct skep_system *sys, const char *name, u32 nr_args);
/* Runs what is attached to tracepoint @h, in a slot of its own or inside the caller's. */
void hook_fire(struct hook *h, const u64 *args);

/*
 * Changing what is attached; sys->lock is held by the caller. Position @at of 0..n.
 * None of these touches references.
 */
int hook_insert(struct hook *h, u32 at, const struct hook_prog *entry);
int hook_remove(struct hook *h, const struct link_object *link); /* -ENOENT */
int hook_replace(struct hook *h, const struct link_object *link, struct prog_object *new_prog);

/* Where a program goes among the others: the uapi's flags and reference point. */
struct hook_place {
	u32 flags;    /* BPF_F_BEFORE, BPF_F_AFTER, BPF_F_ID, BPF_F_LINK */
	u32 relative; /* descriptor or id */
	u64 revision; /* expected; 0: any */
};

/*
 * Links; see link.c. Each gives a link without descriptor, or NULL with *err; the
 * link takes a reference of its own on @prog.
 */
struct link_object *link_attach_xdp(struct skep_system *sys, struct prog_object *prog, u32 ifindex,
				    u32 flags, int *err);
struct link_object *link_attach_tcx(struct skep_system *sys, struct prog_object *prog,
				    u32 attach_type, u32 ifindex, const struct hook_place *place,
				    int *err);
struct link_object *link_attach_raw_tp(struct skep_system *sys, struct prog_object *prog,
				       const char *name, u64 cookie, int *err);
#endif
