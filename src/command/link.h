/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Links of tracing programs, from the attributes of a call; see link_trace.c. Each gives a link
 * without descriptor, or NULL with *err.
 */
#ifndef SKEP_COMMAND_LINK_H
#define SKEP_COMMAND_LINK_H

#include "command/command.h"

struct link_object *attach_raw_tp(struct call *c, struct prog_object *p, const char *name,
				  u64 cookie, int *err);
struct link_object *attach_to_prog(struct call *c, struct prog_object *p, int fd, u32 btf_id,
				   u64 cookie, int *err);
struct link_object *attach_tracing(struct call *c, struct prog_object *p, u64 cookie, int *err);
struct link_object *attach_perf_event(struct call *c, struct prog_object *p, int *err);
struct link_object *attach_kprobe_multi(struct call *c, struct prog_object *p, int *err);
struct link_object *attach_tracing_multi(struct call *c, struct prog_object *p, int *err);
struct link_object *attach_uprobe_multi(struct call *c, struct prog_object *p, int *err);

/* ---- attach.c ---- */

/* The program type that goes to @attach_type; BPF_PROG_TYPE_UNSPEC: the profile has none. */
u32 prog_type_of_attach(u32 attach_type, kver profile);
int check_attach_type(const struct skep_system *sys, const struct bpf_prog *prog, u32 attach_type);
struct link_object *attach_cgroup_link(struct call *c, struct prog_object *p, int *err);
/*
 * Whether programs can be attached to interface @ifindex, as the caller numbers it: 0; -EOPNOTSUPP: its
 * packets are not ours; @none: there is none.
 */
int netdev_check(struct call *c, u32 ifindex, int none);
struct link_object *attach_netns_link(struct call *c, struct prog_object *p, int *err);
struct link_object *attach_sockmap_link(struct call *c, struct prog_object *p, int *err);
struct link_object *attach_netfilter_link(struct call *c, struct prog_object *p, int *err);

/* ---- iter.c ---- */

struct link_object *attach_iter(struct call *c, struct prog_object *p, int *err);
/* What opening a pin of @l gives: the text as a descriptor, or -errno. */
int iter_pin_text(struct skep_system *sys, struct link_object *l);

#endif
