/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached to network namespaces: flow dissectors, socket lookups (Linux:
 * kernel/bpf/net_namespace.c) and netfilter programs (net/netfilter/nf_bpf_link.c). A namespace
 * is known by its inode number.
 */
#ifndef SKEP_HOOK_NETNS_H
#define SKEP_HOOK_NETNS_H

#include "hook/hook.h"

/* For event sources, in a slot: programs of namespace @ino; @attach_type BPF_FLOW_DISSECTOR, _SK_LOOKUP. */
const struct hook_progs *netns_effective(const struct skep_system *sys, u64 ino, u32 attach_type);
/* The flow dissector for packets of namespace @ino: the machine's first one's excludes its own. */
const struct hook_progs *netns_dissector(const struct skep_system *sys, u64 ino);
/* The same of netfilter hook @hooknum of protocol family @pf, by priority. */
const struct hook_progs *netfilter_effective(const struct skep_system *sys, u64 ino, u32 pf,
					     u32 hooknum);

/* ---- for the commands; sys->lock is held ---- */

/* @first: it is the machine's first one, whose flow dissector excludes all others. */
int netns_attach(struct skep_system *sys, u64 ino, bool first, struct prog_object *prog);
int netns_detach(struct skep_system *sys, u64 ino, struct prog_object *prog);
struct link_object *link_attach_netns(struct skep_system *sys, u64 ino, bool first,
				      struct prog_object *prog, u32 attach_type, int *err);

struct netfilter_place {
	u32 pf, hooknum, flags;
	s32 priority;
};
struct link_object *link_attach_netfilter(struct skep_system *sys, u64 ino,
					  struct prog_object *prog,
					  const struct netfilter_place *place, int *err);
void netns_stop(struct skep_system *sys);

#endif
