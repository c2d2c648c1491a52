/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What hook.c, points.c and uprobe.c share. */
#ifndef SKEP_HOOK_INTERNAL_H
#define SKEP_HOOK_INTERNAL_H

#include "hook/points.h"

struct hook_points {
	const struct hook_point_table *table;
	struct hook **at; /* table->n; entries are set once and stay until hooks_stop() */
};

struct hook_table {
	struct hook *first;
	struct hook_points points[HOOK_KINDS];
	u8 layouts[TP_NAMED]; /* of records, see record.c; 0: not chosen yet */
	u64 revision;
	char what[512]; /* for skep_hook_point_get() */
	void (*notify)(void *arg);
	void *notify_arg;
};

/* A hook without programs, in the list of all. NULL: out of memory. sys->lock is held. */
struct hook *hook_add(struct skep_system *sys, enum hook_kind kind, u32 ifindex, const char *name);
/* Something was attached or detached. sys->lock is held. */
void hooks_changed(struct skep_system *sys);

/* points.c: registers the tables and frees what they needed. */
int points_start(struct skep_system *sys);
void points_stop(struct skep_system *sys);

/* link.c: @size bytes that begin with the link. NULL: out of memory. */
struct link_object *link_new(struct skep_system *sys, size_t size, u32 type, u32 attach_type,
			     const struct bpf_link_ops *ops, struct prog_object *prog);
/* A link at position @at of @h; takes its own reference of @prog. */
struct link_object *link_attach(struct hook *h, u32 at, u32 type, u32 attach_type,
				const struct bpf_link_ops *ops, struct prog_object *prog,
				u64 cookie, int *err);
void hook_link_release(struct link_object *l);
/* What BPF_LINK_TYPE_TRACING says of itself. */
int hook_link_tracing_info(const struct link_object *l, struct bpf_link_info *info);
int hook_link_detach(struct link_object *l);
int hook_link_update(struct link_object *l, struct prog_object *new_prog,
		     struct prog_object *old_prog);
/* hook_replace(), and the entry has another key from then on. */
int hook_rekey(struct hook *h, const void *key, struct prog_object *new_prog, const void *new_key);
/*
 * Whether the program may be at @h as far as bpf_override_return() is concerned: Linux lets it end
 * only functions that are prepared for injected errors, of those that we have the system calls.
 */
bool override_allowed(const struct hook *h, const struct prog_object *prog);
bool hook_has_prog(const struct hook *h, const struct prog_object *prog);

/* points.c: skep_system.function_address */
u64 function_address(struct skep_system *sys, const char *name, u32 id);
/* test_functions.c: skep_system.test_functions */
int hook_test_functions(struct skep_system *sys, u32 attach_type, u32 *retval);

/* freed.c: skep_system.packet_freed */
void hook_packet_freed(struct skep_system *sys, struct sk_buff *skb, const char *place);

/* uprobe.c */
void hook_uprobe_free(struct hook_uprobe *u);

#endif
